# pragma version 0.4.3
# pragma nonreentrancy on
# pragma optimize codesize
"""
@title Ledger of supervised money
@license Apache-2.0
@notice Mirrors money of supervised bank accounts on amount lines. Nobody owns it and nobody can move money by
    hand: money leaves an account only through an agreement the tree's quorum activated, or through Supervision,
    which asks for the signatures each of its acts needs. Accounts says which account may start anything.
@custom:kill Pausing in Accounts stops mint, identify, transfer, reserve and execute; answers of the bank and
    reads go on.
"""

from interfaces import IAccounts
from interfaces import ILedger
from modules import lines
from modules import merkle

implements: ILedger
initializes: lines

MAX_CHUNK_BYTES: constant(uint256) = 11008
MAX_DEPTH: constant(uint256) = 24
MAX_CREDITS: constant(uint256) = 64
MAX_RETURNS: constant(uint256) = 8
_REMAINDER: constant(bytes32) = keccak256("dyetrace.lot.remainder")
# One bit a kind of map onto a line that stays on the ledger.
_SHIFTED: constant(uint256) = (1 << lines.CARVE) | (1 << lines.THAW) | (1 << lines.SORT) | (1 << lines.IDENTIFY)


# What is kept of a batch beside its line. `head` packs agreement (160 bits), deadline (64), count (32);
# `answers` packs end row (32), rows skipped (32), returned (32), returned late (32), amount gone (64), settled
# (1 bit at 192), reserved at (from 200). The amount gone is all that went back.
struct Stored:
    head: uint256
    account: bytes32
    source: bytes32
    root: bytes32
    answers: uint256


_M32: constant(uint256) = 2**32 - 1
_M64: constant(uint256) = 2**64 - 1
_M160: constant(uint256) = 2**160 - 1
_ROW_SKIPPED: constant(uint256) = 1 << 32
_ROW_RETURNED: constant(uint256) = 1 << 64
_ROW_LATE: constant(uint256) = 1 << 96
_GONE: constant(uint256) = 128
_SETTLED: constant(uint256) = 1 << 192
_RESERVED_AT: constant(uint256) = 200
# Of a reference that opened a return set: opened (64), drawn (64), number of the tree (32), closed.
_DRAWN: constant(uint256) = 64
_NUMBER: constant(uint256) = 128
_SPENT: constant(uint256) = 1 << 160
# Totals of a tree, 64 bits each, by its number. Of what rests: minted, held, attested, shortfall.
_HELD: constant(uint256) = 64
_ATTESTED: constant(uint256) = 128
_SHORTFALL: constant(uint256) = 192
# Of what has passed: settled, returned late, reversed, written off.
_RETURNED_LATE: constant(uint256) = 64
_REVERSED: constant(uint256) = 128
_WRITTEN_OFF: constant(uint256) = 192

directory: public(immutable(address))
ACCOUNTS: public(immutable(address))
SUPERVISION: public(immutable(address))

# One bit a row of which nothing is left to return: skipped, or returned in whole.
gone: public(HashMap[bytes32, HashMap[uint256, uint256]])
# What was returned of a row that has not gone back in whole, minor units.
returned_part: public(HashMap[bytes32, HashMap[uint256, uint256]])

# What the bank's credits brought onto each tree, minor units: those minted, and those opened to be returned. A
# credit counts once, whatever becomes of it: never more than is attested when it comes.
_brought: HashMap[uint256, uint256]
_resting: HashMap[uint256, uint256]
_passed: HashMap[uint256, uint256]
_references: HashMap[bytes32, uint256]
_batches: HashMap[bytes32, Stored]


@deploy
def __init__(accounts: address, supervision: address):
    """
    @param accounts Whose money it is, and whether it may start anything.
    @param supervision Verifies what people decide about resting money.
    """
    assert accounts != empty(address) and supervision != empty(address), "ledger: zero address"
    ACCOUNTS = accounts
    SUPERVISION = supervision
    directory = staticcall IAccounts(accounts).DIRECTORY()


# The bank, by role of the sender


@external
def mint(
    reference: bytes32, tree: bytes32, account: bytes32, dye_class: bytes32, amount: uint256, info: bytes32
):
    """
    @notice Mirror one bank credit as a lot.
    @param reference Keyed hash of the bank's reference; the lot's id.
    @param tree The supervised account that was credited.
    @param account Whom the money is for, or zero: then it stays in suspense on the lot's own line.
    @param dye_class What the money is for, as far as terms tell it apart.
    @param amount Minor units.
    @param info Commitment to what is known about the credit.
    """
    number: uint256 = staticcall IAccounts(ACCOUNTS).mints(tree, msg.sender)
    self._mint(
        number,
        tree,
        ILedger.Credit(reference=reference, account=account, dye_class=dye_class, amount=amount, info=info),
    )
    self._bring(number, amount)


@external
def mint_many(tree: bytes32, credits: DynArray[ILedger.Credit, MAX_CREDITS]):
    """
    @notice Mirror bank credits of one supervised account, each as a lot: all of them or none.
    @param tree The supervised account that was credited.
    @param credits The credits.
    """
    number: uint256 = staticcall IAccounts(ACCOUNTS).mints(tree, msg.sender)
    for credit: ILedger.Credit in credits:
        self._mint(number, tree, credit)
        self._bring(number, credit.amount)


@external
def return_rows(reference: bytes32, opened: uint256, rows: DynArray[ILedger.RowReturn, MAX_RETURNS]):
    """
    @notice Give rows' own serials back to the lines their batches drew on, whole or in part.
    @param reference Keyed hash of the credit that brought the money back, of which the rows draw; zero for
        rejects that were never booked. A lot nobody has touched, minted under this reference, is taken back.
    @param opened What the credit amounts to, minor units; zero when the reference is known already.
    @param rows The rows, all of one tree; each must have been executed.
    """
    assert len(rows) > 0, "ledger: no rows"
    number: uint256 = self._settles(self._stored(rows[0].batch).account)
    if reference != empty(bytes32):
        self._open_returns(reference, number, opened)
    drawn: uint256 = 0
    for row: ILedger.RowReturn in rows:
        drawn += self._return_row(number, reference, row)
    self._resting[number] += drawn << _HELD
    if reference != empty(bytes32):
        word: uint256 = self._references[reference]
        assert (word >> _DRAWN & _M64) + drawn <= word & _M64, "ledger: rows exceed the credit"
        self._references[reference] = word + (drawn << _DRAWN)


@external
def close_returns(reference: bytes32, account: bytes32, dye_class: bytes32, info: bytes32):
    """
    @notice Close a return set; what no row drew becomes a lot.
    @param reference The credit that was opened for returns.
    @param account Whom the remainder is for, or zero for suspense, where the remainder of a lot stays.
    @param dye_class What it is for.
    @param info Commitment to what is known about it; the lot's id is made of it, so that nobody takes it ahead.
    """
    word: uint256 = self._references[reference]
    assert word & _M64 != 0 and word & _SPENT == 0, "ledger: no open return set"
    number: uint256 = word >> _NUMBER & _M32
    tree: bytes32 = self._tree(number)
    # Throws unless the sender mints for the tree.
    _: uint256 = staticcall IAccounts(ACCOUNTS).mints(tree, msg.sender)
    self._references[reference] = word | _SPENT
    remainder: uint256 = (word & _M64) - (word >> _DRAWN & _M64)
    lot: bytes32 = keccak256(abi_encode(_REMAINDER, reference, info))
    log ILedger.ReturnClosed(reference=reference, remainder=remainder, lot=lot)
    if remainder > 0:
        # Money leaves suspense only as two tellers say.
        assert (
            account == empty(bytes32) or lines._lot_number(lines._lot_line(reference)) == 0
        ), "ledger: remainder of a lot"
        self._mint(
            number,
            tree,
            ILedger.Credit(reference=lot, account=account, dye_class=dye_class, amount=remainder, info=info),
        )


@external
def void_reference(reference: bytes32, tree: bytes32):
    """
    @notice Use up the reference of a credit that the bank reversed before it was minted.
    @param reference Keyed hash of the bank's reference.
    @param tree The supervised account that was credited.
    """
    assert self._tree(self._settles(tree)) == tree, "ledger: unknown tree"
    self._use(reference)
    log ILedger.ReferenceVoided(reference=reference, tree=tree)


@external
def settle(batch: bytes32):
    """
    @notice Close an ended batch once the bank has answered every row.
    @param batch The batch; all its rows are executed or released.
    """
    stored: Stored = self._stored(batch)
    number: uint256 = self._settles(stored.account)
    end: uint256 = stored.answers & _M32
    assert end > 0 and lines._cursor(batch) == end, "ledger: batch has not ended"
    assert stored.answers & _SETTLED == 0, "ledger: batch is settled"
    paid: uint256 = lines._emptied(batch) - (stored.answers >> _GONE & _M64)
    self._batches[batch].answers = stored.answers | _SETTLED
    self._pass(number, 0, paid)
    log ILedger.Settled(batch=batch, amount=paid)


# Agreements the quorum activated


@external
def transfer(
    account: bytes32, dye_class: bytes32, destination: bytes32, amount: uint256, info: bytes32, back: bool
):
    """
    @notice Move money to another account of the tree, in the same dye class.
    @param account The account it leaves; the sender must be granted it.
    @param dye_class The line of both accounts.
    @param destination The account it goes to.
    @param amount Minor units.
    @param info Commitment to what it is for.
    @param back Whether it goes back to where it came from, or is more than anybody is owed: then it is a REFUND
        and no inflow there.
    """
    self._solvent(staticcall IAccounts(ACCOUNTS).transfers(account, msg.sender, destination))
    source: bytes32 = lines._account_line(account, dye_class)
    # Whatever comes back finds room.
    lines._fits(lines._filled(source), lines.LIMIT_START)
    kind: uint256 = lines.REFUND if back else lines.TRANSFER
    limit: uint256 = lines.LIMIT_BACK if back else lines.LIMIT_START
    lines._move(kind, source, lines._account_line(destination, dye_class), amount, limit, info)


@external
def reserve(
    account: bytes32, dye_class: bytes32, root: bytes32, count: uint256, total: uint256, deadline: uint256
) -> bytes32:
    """
    @notice Set money aside for a batch.
    @param account The account it draws on and gives back to.
    @param dye_class The line of that account.
    @param root Commitment to the rows.
    @param count Number of rows.
    @param total Sum of the rows, minor units.
    @param deadline Chain time after which nothing more is executed.
    @return bytes32 The batch's id, which is its line too.
    """
    self._solvent(staticcall IAccounts(ACCOUNTS).starts(account, msg.sender))
    batch: bytes32 = self._batch_id(msg.sender, account, dye_class, root, count, total, deadline)
    self._reserve(batch, account, lines._account_line(account, dye_class), root, count, total, deadline)
    return batch


@external
def execute(batch: bytes32, rows: Bytes[MAX_CHUNK_BYTES], proof: DynArray[bytes32, MAX_DEPTH], refused: uint256):
    """
    @notice Execute the next chunk of a batch: what it passes is in flight to the bank.
    @param batch The batch.
    @param rows The rows, 43 bytes each.
    @param proof Proof of the chunk.
    @param refused One bit a row of the chunk that the agreement refused; it is mapped back.
    """
    stored: Stored = self._stored(batch)
    self._only_if(msg.sender == self._agreement(stored))
    number: uint256 = 0
    if msg.sender == SUPERVISION:
        # Money in custody starts nothing by itself: the quorum signed for this very batch.
        number = staticcall IAccounts(ACCOUNTS).running(stored.account)
    else:
        number = staticcall IAccounts(ACCOUNTS).starts(stored.account, msg.sender)
        self._solvent(number)
    assert block.timestamp <= stored.head >> 160 & _M64, "ledger: deadline passed"
    first: uint256 = self._next_row(batch, stored)
    start: uint256 = lines._emptied(batch)
    rows_passed: uint256 = 0
    end: uint256 = 0
    rows_passed, end = merkle._verify_chunk(
        stored.root, stored.head >> 224, lines._filled(batch), first, start, rows, proof
    )
    lines._advance(batch, end, first + rows_passed)
    executed: uint256 = end - start
    if refused != 0:
        assert refused >> rows_passed == 0, "ledger: refused row past the chunk"
        executed -= self._skip(batch, stored.source, first, start, rows, refused)
    self._resting[number] -= executed << _HELD
    log ILedger.ChunkExecuted(
        batch=batch, first_row=first, end_row=first + rows_passed, start=start, end=end, refused=refused
    )


# The batch's agreement or Supervision; anyone after the deadline or when the agreement lost its grant


@external
def release(batch: bytes32) -> uint256:
    """
    @notice Give the unexecuted tail back, which ends the batch there.
    @param batch The batch; it has rows left to execute.
    @return uint256 Minor units given back.
    """
    stored: Stored = self._stored(batch)
    agreement: address = self._agreement(stored)
    if msg.sender != agreement and msg.sender != SUPERVISION and block.timestamp <= stored.head >> 160 & _M64:
        self._only_if(
            agreement != SUPERVISION
            and not staticcall IAccounts(ACCOUNTS).is_granted(stored.account, agreement)
        )
    row: uint256 = self._next_row(batch, stored)
    start: uint256 = lines._emptied(batch)
    total: uint256 = lines._filled(batch)
    amount: uint256 = total - start
    lines._advance(batch, total, row)
    self._batches[batch].answers = stored.answers - (stored.answers & _M32) + row + (amount << _GONE)
    lines._put(lines.RELEASE, batch, start, stored.source, amount, lines.LIMIT_BACK, stored.root)
    log ILedger.Released(batch=batch, end_row=row, amount=amount)
    return amount


# Supervision


@external
def set_attested(tree: bytes32, attested: uint256):
    """
    @notice Set what the bank's attester stands for: no more than this is ever brought onto the tree.
    @param tree The supervised account.
    @param attested Minor units since the tree was opened.
    """
    self._supervision()
    number: uint256 = self._root_number(tree)
    self._bounded(attested)
    word: uint256 = self._resting[number]
    self._resting[number] = word - (word & _M64 << _ATTESTED) + (attested << _ATTESTED)
    log ILedger.Attested(tree=tree, attested=attested)


@external
def add_shortfall(tree: bytes32, amount: uint256, reference: bytes32):
    """
    @notice Count money that the bank took back and that nothing on the ledger answers for yet. Until it is made
        good nothing of the tree starts. All of it together is never more than was brought.
    @param tree The supervised account.
    @param amount Minor units.
    @param reference Keyed hash of the bank's debit, which counts once; zero where a credit is reversed.
    """
    self._supervision()
    if reference != empty(bytes32):
        self._use(reference)
    number: uint256 = self._root_number(tree)
    shortfall: uint256 = (self._resting[number] >> _SHORTFALL) + amount
    assert shortfall <= self._brought[number], "ledger: more than was brought"
    self._set_shortfall(number, shortfall)


@external
def identify(lot: bytes32, account: bytes32, dye_class: bytes32, amount: uint256):
    """
    @notice Map money of a lot in suspense to an account of its tree, from its front.
    @param lot The lot, by its reference.
    @param account Whom it is for.
    @param dye_class What it is for.
    @param amount Minor units.
    """
    self._supervision()
    self._identify(lot, account, dye_class, amount)


@external
def write_off(account: bytes32, dye_class: bytes32, amount: uint256, reference: bytes32):
    """
    @notice Take money off the ledger that the bank took off the account, such as a charge.
    @param account The account that bears it.
    @param dye_class The line that bears it.
    @param amount Minor units.
    @param reference Keyed hash of the bank's debit; counts once.
    """
    self._supervision()
    tree: bytes32 = (staticcall IAccounts(ACCOUNTS).account(account)).tree
    number: uint256 = self._root_number(tree)
    self._use(reference)
    source: bytes32 = lines._account_line(account, dye_class)
    sink: bytes32 = lines._written_off_line(tree)
    lines._move(lines.WRITE_OFF, source, sink, amount, lines.LIMIT_BACK, reference)
    self._pass(number, _WRITTEN_OFF, amount)
    self._resting[number] -= amount << _HELD


@external
def shift(kind: uint256, tree: bytes32, source: bytes32, destination: bytes32, amount: uint256, info: bytes32):
    """
    @notice Map resting money from the front of a line, as supervisors decided.
    @param kind CARVE, THAW; IDENTIFY, SORT, which count as arriving; MAKE_GOOD or REVERSE take it off the ledger
        against the tree's shortfall.
    @param tree The tree both lines belong to.
    @param source An account's, lot's or custody's line.
    @param destination Another of them; without meaning for MAKE_GOOD and REVERSE.
    @param amount Minor units.
    @param info The credit that was reversed, for REVERSE.
    """
    self._supervision()
    target: bytes32 = self._target(kind, tree, destination)
    limit: uint256 = lines.LIMIT_BACK
    if kind == lines.IDENTIFY or kind == lines.SORT:
        limit = lines.LIMIT_START
    lines._move(kind, source, target, amount, limit, info)
    self._count(kind, tree, amount)


@external
def carve(
    kind: uint256,
    tree: bytes32,
    source: bytes32,
    pieces: DynArray[ILedger.Piece, lines.MAX_PIECES],
    destination: bytes32,
    info: bytes32,
) -> uint256:
    """
    @notice Carve pieces out of a line whose positions are final, as supervisors decided.
    @param kind CARVE, or REVERSE to take them off the ledger against the tree's shortfall.
    @param tree The tree both lines belong to.
    @param source An account's or custody's line.
    @param pieces Which positions, rising.
    @param destination A custody line; without meaning for REVERSE.
    @param info The credit that was reversed, for REVERSE.
    @return uint256 Minor units carved.
    """
    self._supervision()
    amount: uint256 = lines._carve(kind, source, pieces, self._target(kind, tree, destination), info)
    self._count(kind, tree, amount)
    return amount


@external
def reserve_line(
    account: bytes32, source: bytes32, root: bytes32, count: uint256, total: uint256, deadline: uint256
) -> bytes32:
    """
    @notice Set money in custody aside for a batch: what is spent first, or forced back to its origin.
    @param account Whose money it is.
    @param source The custody line.
    @param root Commitment to the rows.
    @param count Number of rows.
    @param total Sum of the rows, minor units.
    @param deadline Chain time after which nothing more is executed.
    @return bytes32 The batch's id.
    """
    self._supervision()
    batch: bytes32 = self._batch_id(msg.sender, account, source, root, count, total, deadline)
    self._reserve(batch, account, source, root, count, total, deadline)
    return batch


@external
def redirect(batch: bytes32, source: bytes32):
    """
    @notice Let what a batch gives back go to custody instead of the line it drew on.
    @param batch The batch.
    @param source A custody line.
    """
    self._supervision()
    self._stored(batch)
    self._batches[batch].source = source
    log ILedger.BatchRedirected(batch=batch, source=source)


# Anyone


@external
def sweep(account: bytes32, dye_class: bytes32):
    """
    @notice Map what is on a line of a closed account to its parent, same class.
    @param account The closed account.
    @param dye_class The line.
    """
    parent: bytes32 = staticcall IAccounts(ACCOUNTS).sweeps(account)
    source: bytes32 = lines._account_line(account, dye_class)
    destination: bytes32 = lines._account_line(parent, dye_class)
    lines._move(lines.SWEEP, source, destination, lines._balance(source), lines.LIMIT_BACK, dye_class)


@view
@external
def tree(tree: bytes32) -> ILedger.Tree:
    """
    @notice How a supervised account stands.
    @param tree Its tree.
    @return Tree The supervised account and its totals, minor units; all zero when there is none.
    """
    held: IAccounts.Root = staticcall IAccounts(ACCOUNTS).root(tree)
    number: uint256 = held.number
    resting: uint256 = self._resting[number]
    passed: uint256 = self._passed[number]
    return ILedger.Tree(
        bank=held.bank,
        quorum=held.quorum,
        currency=held.currency,
        minted=resting & _M64,
        held=resting >> _HELD & _M64,
        attested=resting >> _ATTESTED & _M64,
        brought=self._brought[number],
        shortfall=resting >> _SHORTFALL,
        settled=passed & _M64,
        returned_late=passed >> _RETURNED_LATE & _M64,
        reversed=passed >> _REVERSED & _M64,
        written_off=passed >> _WRITTEN_OFF,
    )


@view
@external
def account(account: bytes32) -> IAccounts.Account:
    """
    @notice What is known about an account.
    @param account The account.
    @return Account The account, as Accounts has it; its tree is zero when it does not exist.
    """
    return staticcall IAccounts(ACCOUNTS).account(account)


@view
@external
def batch(batch: bytes32) -> ILedger.Batch:
    """
    @notice How far a batch is.
    @param batch The batch.
    @return Batch What became of a batch so far.
    """
    stored: Stored = self._stored(batch)
    return ILedger.Batch(
        agreement=self._agreement(stored),
        account=stored.account,
        source=stored.source,
        root=stored.root,
        count=stored.head >> 224,
        total=lines._filled(batch),
        deadline=stored.head >> 160 & _M64,
        reserved_at=stored.answers >> _RESERVED_AT,
        cursor=lines._cursor(batch),
        end=stored.answers & _M32,
        rows_skipped=stored.answers >> 32 & _M32,
        rows_returned=stored.answers >> 64 & _M32,
        rows_returned_late=stored.answers >> 96 & _M32,
        amount_gone=stored.answers >> _GONE & _M64,
        settled=stored.answers & _SETTLED != 0,
    )


@view
@external
def line(line: bytes32) -> (uint256, uint256):
    """
    @notice How far a line was filled and emptied.
    @param line The line.
    @return in and out of a line, minor units.
    """
    return lines._filled(line), lines._emptied(line)


@view
@external
def account_balance(account: bytes32, dye_class: bytes32) -> uint256:
    """
    @notice What an account holds of one class.
    @param account The account.
    @param dye_class The line.
    @return uint256 What rests on an account's line, minor units.
    """
    return lines._balance(lines._account_line(account, dye_class))


@view
@external
def account_inflow(account: bytes32, dye_class: bytes32) -> uint256:
    """
    @notice What an account got of one class.
    @param account The account.
    @param dye_class The line.
    @return uint256 What ever arrived on an account's line, minor units, without what left it and came back, and
        without what was swept there.
    """
    return lines._arrived(lines._account_line(account, dye_class))


@view
@external
def lot(lot: bytes32) -> (bytes32, bytes32):
    """
    @notice Where a lot is.
    @param lot The lot, by its reference.
    @return The tree of a lot, zero when there is no such lot; its line.
    """
    line: bytes32 = lines._lot_line(lot)
    return self._tree(lines._lot_number(line)), line


@view
@external
def return_set(reference: bytes32) -> ILedger.ReturnSet:
    """
    @notice How far a credit was drawn for returns.
    @param reference The credit.
    @return ReturnSet What a credit opened to be returned, and what rows drew of it; minor units.
    """
    word: uint256 = self._references[reference]
    return ILedger.ReturnSet(
        tree=self._tree(word >> _NUMBER & _M32),
        opened=word & _M64,
        drawn=word >> _DRAWN & _M64,
        closed=word & _SPENT != 0,
    )


@view
@external
def is_reference_used(reference: bytes32) -> bool:
    """
    @notice Whether a bank reference can still bring anything.
    @param reference Keyed hash of the bank's reference.
    @return bool Whether this bank reference was used up: by a lot, a return, a write-off or as void.
    """
    return self._is_used(reference)


@pure
@external
def account_line(account: bytes32, dye_class: bytes32) -> bytes32:
    """
    @notice Which line an account has for a class.
    @param account The account.
    @param dye_class The class.
    @return bytes32 The line of an account for a dye class.
    """
    return lines._account_line(account, dye_class)


@view
@external
def batch_id(
    agreement: address,
    account: bytes32,
    dye_class: bytes32,
    root: bytes32,
    count: uint256,
    total: uint256,
    deadline: uint256,
) -> bytes32:
    """
    @notice What a batch is called before it is reserved.
    @param agreement Who would reserve it.
    @param account The account it would draw on.
    @param dye_class The line of that account.
    @param root Commitment to the rows.
    @param count Number of rows.
    @param total Sum of the rows, minor units.
    @param deadline Chain time after which nothing more is executed.
    @return bytes32 The id a batch would have. Of a batch from custody `dye_class` is the custody line.
    """
    return self._batch_id(agreement, account, dye_class, root, count, total, deadline)


# Internal


@internal
@view
def _supervision():
    """
    @dev Throws unless Supervision calls.
    """
    assert msg.sender == SUPERVISION, "ledger: not supervision"


@internal
@view
def _settles(account: bytes32) -> uint256:
    """
    @dev Number of the account's tree, for whose bank the sender settles.
    """
    return staticcall IAccounts(ACCOUNTS).settles(account, msg.sender)


@internal
@view
def _tree(number: uint256) -> bytes32:
    """
    @dev The tree with a number.
    """
    return staticcall IAccounts(ACCOUNTS).tree_at(number)


@internal
@view
def _root_number(tree: bytes32) -> uint256:
    """
    @dev Number of a tree that exists.
    """
    number: uint256 = (staticcall IAccounts(ACCOUNTS).root(tree)).number
    assert number != 0, "ledger: unknown tree"
    return number


@internal
@view
def _solvent(number: uint256):
    """
    @dev Throws while something is missing on a tree.
    """
    assert self._resting[number] >> _SHORTFALL == 0, "ledger: shortfall"


@internal
@pure
def _same_tree(one: uint256, other: uint256):
    """
    @dev Throws unless both are the number of one tree.
    """
    assert one == other, "ledger: another tree"


@internal
@pure
def _same_amount(opened: uint256, amount: uint256):
    """
    @dev Throws when a reference that opened an amount is said to have opened another.
    """
    assert opened == 0 or opened == amount, "ledger: opened with another amount"


@internal
@pure
def _bounded(total: uint256):
    """
    @dev Throws when a total does not fit its 64 bits.
    """
    assert total <= _M64, "ledger: total is full"


@internal
@pure
def _fresh(holds: bool):
    """
    @dev Throws unless a reference is not used up.
    """
    assert holds, "ledger: reference used"


@internal
@pure
def _only_if(holds: bool):
    """
    @dev Throws unless the sender is the batch's agreement, or need not be.
    """
    assert holds, "ledger: not the batch's agreement"


@internal
@view
def _next_row(batch: bytes32, stored: Stored) -> uint256:
    """
    @dev Number of the next row of a batch that has not ended.
    """
    row: uint256 = lines._cursor(batch)
    assert row < stored.answers & _M32, "ledger: batch has ended"
    return row


@internal
@view
def _is_used(reference: bytes32) -> bool:
    """
    @dev Whether a bank reference is used up.
    """
    return self._references[reference] != 0 or lines._lot_number(lines._lot_line(reference)) != 0


@internal
@view
def _unused(reference: bytes32):
    """
    @dev Throws when a bank reference is used up.
    """
    assert reference != empty(bytes32), "ledger: zero reference"
    self._fresh(not self._is_used(reference))


@internal
def _use(reference: bytes32):
    """
    @dev Use up a bank reference that opens no amount.
    """
    self._unused(reference)
    self._references[reference] = _SPENT


@internal
@view
def _stored(batch: bytes32) -> Stored:
    """
    @dev A batch that exists.
    """
    stored: Stored = self._batches[batch]
    assert stored.head != 0, "ledger: unknown batch"
    return stored


@internal
@pure
def _agreement(stored: Stored) -> address:
    """
    @dev The agreement a batch belongs to.
    """
    return convert(stored.head & _M160, address)


@internal
def _mint(number: uint256, tree: bytes32, credit: ILedger.Credit):
    """
    @dev Make a lot of money that a credit brought, under a reference nobody has used.
    """
    self._unused(credit.reference)
    line: bytes32 = lines._lot_line(credit.reference)
    lines._open_lot(line, number, credit.amount)
    word: uint256 = self._resting[number]
    self._bounded((word & _M64) + credit.amount)
    self._resting[number] = word + credit.amount + (credit.amount << _HELD)
    log ILedger.Minted(
        lot=line, tree=tree, reference=credit.reference, amount=credit.amount, info=credit.info
    )
    if credit.account != empty(bytes32):
        self._identify(credit.reference, credit.account, credit.dye_class, credit.amount)


@internal
def _bring(number: uint256, amount: uint256):
    """
    @dev Count money that a credit brought, within what the bank's attester stands for.
    """
    brought: uint256 = self._brought[number] + amount
    assert brought <= self._resting[number] >> _ATTESTED & _M64, "ledger: more than is attested"
    self._brought[number] = brought


@internal
def _identify(lot: bytes32, account: bytes32, dye_class: bytes32, amount: uint256):
    """
    @dev Map money of a lot to an account of its tree.
    """
    line: bytes32 = lines._lot_line(lot)
    self._same_tree(staticcall IAccounts(ACCOUNTS).receives(account), lines._lot_number(line))
    lines._move(
        lines.IDENTIFY, line, lines._account_line(account, dye_class), amount, lines.LIMIT_START, dye_class
    )


@internal
def _open_returns(reference: bytes32, number: uint256, opened: uint256):
    """
    @dev Open a credit's amount to be returned, or check that it is open.
    """
    word: uint256 = self._references[reference]
    if word != 0:
        self._fresh(word & _SPENT == 0)
        self._same_tree(word >> _NUMBER, number)
        self._same_amount(opened, word & _M64)
        return
    amount: uint256 = opened
    line: bytes32 = lines._lot_line(reference)
    if lines._lot_number(line) != 0:
        amount = self._take_lot_back(line, number, opened, reference)
    else:
        lines._positive(amount)
        self._bounded(amount)
        self._bring(number, amount)
    self._references[reference] = amount | number << _NUMBER
    log ILedger.ReturnOpened(reference=reference, tree=self._tree(number), amount=amount)


@internal
def _take_lot_back(line: bytes32, number: uint256, opened: uint256, reference: bytes32) -> uint256:
    """
    @dev Take a lot off the ledger that proves to be a return; nobody may have touched it. What its mint brought
        counts once.
    @return uint256 Its amount, minor units.
    """
    amount: uint256 = lines._filled(line)
    self._same_tree(lines._lot_number(line), number)
    assert lines._emptied(line) == 0, "ledger: lot is no longer whole"
    self._same_amount(opened, amount)
    lines._move(
        lines.REOPEN, line, lines._reversed_line(self._tree(number)), amount, lines.LIMIT_BACK, reference
    )
    self._pass(number, _REVERSED, amount)
    self._resting[number] -= amount << _HELD
    return amount


@internal
def _return_row(number: uint256, reference: bytes32, row: ILedger.RowReturn) -> uint256:
    """
    @dev Give one row back, whole or in part.
    @return uint256 Minor units given back.
    """
    stored: Stored = self._stored(row.batch)
    self._same_tree(self._settles(stored.account), number)
    assert row.row < lines._cursor(row.batch), "ledger: row not executed"
    bit: uint256 = 1 << row.row % 256
    assert self.gone[row.batch][row.row // 256] & bit == 0, "ledger: row is gone already"
    settled: bool = stored.answers & _SETTLED != 0
    assert reference != empty(bytes32) or not settled, "ledger: a settled row returns only by a credit"
    start: uint256 = 0
    whole: uint256 = 0
    start, whole = merkle._verify_row(
        stored.root,
        stored.head >> 224,
        lines._filled(row.batch),
        row.row,
        row.leaf_start,
        row.leaf_rows,
        row.proof,
    )
    part: uint256 = self.returned_part[row.batch][row.row]
    amount: uint256 = row.amount
    if amount == 0:
        amount = whole - part
    assert amount <= whole - part, "ledger: more than the row"
    is_last: bool = part + amount == whole
    if is_last:
        self.gone[row.batch][row.row // 256] |= bit
    else:
        self.returned_part[row.batch][row.row] = part + amount
    answers: uint256 = stored.answers + (amount << _GONE)
    if settled:
        self._pass(number, _RETURNED_LATE, amount)
        if is_last:
            answers += _ROW_LATE
    elif is_last:
        answers += _ROW_RETURNED
    self._batches[row.batch].answers = answers
    lines._put(lines.GIVE_BACK, row.batch, start + part, stored.source, amount, lines.LIMIT_BACK, row.info)
    log ILedger.RowReturned(
        batch=row.batch, row=row.row, amount=amount, late=settled, reference=reference, whole=is_last
    )
    return amount


@internal
@view
def _batch_id(
    agreement: address,
    account: bytes32,
    source: bytes32,
    root: bytes32,
    count: uint256,
    total: uint256,
    deadline: uint256,
) -> bytes32:
    """
    @dev Id of a batch.
    """
    return keccak256(abi_encode(chain.id, self, agreement, account, source, root, count, total, deadline))


@internal
def _reserve(
    batch: bytes32,
    account: bytes32,
    source: bytes32,
    root: bytes32,
    count: uint256,
    total: uint256,
    deadline: uint256,
):
    """
    @dev Set money of a line aside for a new batch of the sender.
    """
    assert count > 0 and count <= 2**23, "ledger: count out of bounds"
    assert deadline > block.timestamp and deadline <= _M64, "ledger: deadline out of bounds"
    assert self._batches[batch].head == 0, "ledger: batch exists"
    # Whatever comes back finds room.
    lines._fits(lines._filled(source), lines.LIMIT_START)
    self._batches[batch] = Stored(
        head=convert(msg.sender, uint256) | deadline << 160 | count << 224,
        account=account,
        source=source,
        root=root,
        answers=count | block.timestamp << _RESERVED_AT,
    )
    lines._move(lines.RESERVE, source, batch, total, lines.LIMIT_START, root)
    log ILedger.Reserved(
        batch=batch,
        agreement=msg.sender,
        account=account,
        source=source,
        root=root,
        count=count,
        total=total,
        deadline=deadline,
    )


@internal
def _skip(
    batch: bytes32,
    source: bytes32,
    first: uint256,
    start: uint256,
    rows: Bytes[MAX_CHUNK_BYTES],
    refused: uint256,
) -> uint256:
    """
    @dev Map refused rows of a verified chunk back to where the batch drew from; neighbours go together.
    @return uint256 Minor units mapped back.
    """
    self.gone[batch][first // 256] |= refused << first % 256
    number: uint256 = 0
    total: uint256 = 0
    position: uint256 = start
    run_amount: uint256 = 0
    for i: uint256 in range(len(rows) // merkle.ROW_BYTES, bound=256):
        amount: uint256 = merkle._amount(extract32(rows, i * merkle.ROW_BYTES))
        position += amount
        if refused >> i & 1 == 0:
            continue
        run_amount += amount
        number += 1
        if refused >> (i + 1) & 1 == 0:
            lines._put(
                lines.SKIP, batch, position - run_amount, source, run_amount, lines.LIMIT_BACK, empty(bytes32)
            )
            total += run_amount
            run_amount = 0
    self._batches[batch].answers += number * _ROW_SKIPPED + (total << _GONE)
    return total


@internal
@pure
def _target(kind: uint256, tree: bytes32, destination: bytes32) -> bytes32:
    """
    @dev Where money of a kind of act goes.
    """
    if kind == lines.REVERSE or kind == lines.MAKE_GOOD:
        return lines._reversed_line(tree)
    assert _SHIFTED >> kind & 1 == 1, "ledger: not such a kind"
    return destination


@internal
def _count(kind: uint256, tree: bytes32, amount: uint256):
    """
    @dev Count money that left the ledger because the bank took it back.
    """
    if kind != lines.REVERSE and kind != lines.MAKE_GOOD:
        return
    number: uint256 = self._root_number(tree)
    shortfall: uint256 = self._resting[number] >> _SHORTFALL
    assert amount <= shortfall, "ledger: more than the shortfall"
    self._pass(number, _REVERSED, amount)
    self._resting[number] -= amount << _HELD
    self._set_shortfall(number, shortfall - amount)


@internal
def _set_shortfall(number: uint256, shortfall: uint256):
    """
    @dev Set a tree's shortfall.
    """
    word: uint256 = self._resting[number]
    self._resting[number] = word - (word >> _SHORTFALL << _SHORTFALL) + (shortfall << _SHORTFALL)
    log ILedger.ShortfallSet(tree=self._tree(number), shortfall=shortfall)


@internal
def _pass(number: uint256, total: uint256, amount: uint256):
    """
    @dev Add to one of the totals of what has passed.
    """
    word: uint256 = self._passed[number]
    self._bounded((word >> total & _M64) + amount)
    self._passed[number] = word + (amount << total)
