# pragma version 0.4.3
# pragma nonreentrancy on
"""
@title Ledger of supervised money
@license Apache-2.0
@notice Mirrors supervised bank accounts as trees of accounts on amount lines. Nobody owns it and nobody can
    move money by hand: money leaves an account only through an agreement the tree's quorum activated.
@custom:kill `set_paused` stops mint, transfer, reserve and execute; answers of the bank and reads go on.
"""

from interfaces import IDirectory
from interfaces import ILedger
from modules import lines
from modules import merkle
from modules import signatures

implements: ILedger
initializes: lines

MAX_SIGNERS: constant(uint256) = 16
MAX_CHUNK_BYTES: constant(uint256) = 11008
MAX_LEAF_BYTES: constant(uint256) = 344
MAX_DEPTH: constant(uint256) = 24

MINTER: constant(uint256) = 2
SETTLER: constant(uint256) = 4
SUPERVISOR: constant(uint256) = 8
OPERATOR: constant(uint256) = 16
TELLER: constant(uint256) = 32

OPENING_TYPEHASH: constant(bytes32) = keccak256("Opening(bytes32 account,bytes32 parent,bytes32 controller)")
IDENTIFICATION_TYPEHASH: constant(bytes32) = keccak256(
    "Identification(bytes32 lot,bytes32 account,bytes32 dyeClass,uint256 amount,uint256 start)"
)
FREEZE_TYPEHASH: constant(bytes32) = keccak256("Freeze(bytes32 account,bool frozen,uint256 nonce)")
PAUSE_TYPEHASH: constant(bytes32) = keccak256("Pause(bool paused,uint256 nonce)")
WRITE_OFF_TYPEHASH: constant(bytes32) = keccak256(
    "WriteOff(bytes32 account,bytes32 dyeClass,uint256 amount,bytes32 reference)"
)


# What is kept of a batch beside its line. `terms` packs count (32 bits), deadline (64), reserved at (64);
# `answers` packs end row (32), rows skipped (32), returned (32), returned late (32), amount gone (64), settled.
# The amount gone is what went back before settling: skipped, returned and released.
struct Stored:
    agreement: address
    account: bytes32
    source: bytes32
    root: bytes32
    terms: uint256
    answers: uint256


_M32: constant(uint256) = 2**32 - 1
_M64: constant(uint256) = 2**64 - 1
_ROW_SKIPPED: constant(uint256) = 1 << 32
_ROW_RETURNED: constant(uint256) = 1 << 64
_ROW_LATE: constant(uint256) = 1 << 96
_GONE: constant(uint256) = 128
_SETTLED: constant(uint256) = 1 << 192

directory: public(immutable(address))
FACTORY: public(immutable(address))

is_paused: public(bool)
# Nonce of the next pause, and of the next freeze of an account.
pause_nonce: public(uint256)
freeze_nonce: public(HashMap[bytes32, uint256])
# The tree of a lot; a lot is known by the keyed hash of its bank reference.
lot_tree: public(HashMap[bytes32, bytes32])
is_granted: public(HashMap[bytes32, HashMap[address, bool]])
# One bit a row that went back, skipped or returned.
gone: public(HashMap[bytes32, HashMap[uint256, uint256]])

# References used by a return or a write-off; a lot's is in `lot_tree`.
_used: HashMap[bytes32, bool]
_trees: HashMap[bytes32, ILedger.Tree]
_accounts: HashMap[bytes32, ILedger.Account]
_batches: HashMap[bytes32, Stored]


@deploy
def __init__(directory_: address, factory: address):
    """
    @param directory_ Who may act.
    @param factory The agreement factory, the only one that can let an agreement draw on an account.
    """
    assert directory_ != empty(address) and factory != empty(address), "ledger: zero address"
    directory = directory_
    FACTORY = factory


# The bank


@external
def open_tree(tree: bytes32, bank: bytes32, quorum: bytes32, currency: bytes3, controller: bytes32):
    """
    @notice Open a supervised account as the root of a tree.
    @param tree Its id, which is the id of the root account too.
    @param bank The bank that holds the account; the sender settles for it.
    @param quorum Who activates agreements on this money.
    @param currency ISO 4217 code.
    @param controller The institution whose money it is.
    """
    self._only(bank, SETTLER)
    assert tree != empty(bytes32), "ledger: zero id"
    assert self._trees[tree].bank == empty(bytes32), "ledger: tree exists"
    assert staticcall IDirectory(directory).quorum_threshold(quorum) >= 2, "ledger: unknown quorum"
    assert currency != empty(bytes3), "ledger: zero currency"
    self._trees[tree] = ILedger.Tree(
        bank=bank, quorum=quorum, currency=currency, minted=0, settled=0, returned_late=0, written_off=0
    )
    log ILedger.TreeOpened(tree=tree, bank=bank, quorum=quorum, currency=currency)
    self._open(tree, empty(bytes32), tree, controller)


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
    self._only(self._trees[tree].bank, MINTER)
    self._running()
    self._unused(reference)
    line: bytes32 = lines._lot_line(reference)
    lines._fill(line, amount, lines.LIMIT_START)
    self.lot_tree[reference] = tree
    self._trees[tree].minted += amount
    log ILedger.Minted(lot=line, tree=tree, reference=reference, amount=amount, info=info)
    if account != empty(bytes32):
        self._identify(reference, account, dye_class, amount)


@external
def return_row(
    batch: bytes32,
    row: uint256,
    leaf_start: uint256,
    leaf_rows: Bytes[MAX_LEAF_BYTES],
    proof: DynArray[bytes32, MAX_DEPTH],
    reference: bytes32,
    info: bytes32,
):
    """
    @notice Give a row's own serials back to the line the batch drew on.
    @param batch The batch.
    @param row The row's number; it must have been executed.
    @param leaf_start Position of the first row of its leaf.
    @param leaf_rows The leaf's rows.
    @param proof The leaf's siblings, lowest first.
    @param reference Keyed hash of the credit that brought the money back; zero for a reject never booked.
    @param info Commitment to the bank's answer.
    """
    stored: Stored = self._stored(batch)
    tree: bytes32 = self._accounts[stored.account].tree
    self._only(self._trees[tree].bank, SETTLER)
    assert row < lines._cursor(batch), "ledger: row not executed"
    bit: uint256 = 1 << row % 256
    assert self.gone[batch][row // 256] & bit == 0, "ledger: row is gone already"
    settled: bool = stored.answers & _SETTLED != 0
    if reference != empty(bytes32):
        self._use(reference)
    else:
        assert not settled, "ledger: a settled row returns only by a credit"

    start: uint256 = 0
    amount: uint256 = 0
    start, amount = merkle._verify_row(
        stored.root, stored.terms & _M32, lines._filled(batch), row, leaf_start, leaf_rows, proof
    )
    self.gone[batch][row // 256] |= bit
    if settled:
        self._batches[batch].answers += _ROW_LATE
        self._trees[tree].returned_late += amount
    else:
        self._batches[batch].answers += _ROW_RETURNED + (amount << _GONE)
    lines._put(lines.GIVE_BACK, batch, start, stored.source, amount, lines.LIMIT_BACK, info)
    log ILedger.RowReturned(batch=batch, row=row, amount=amount, late=settled, reference=reference)


@external
def settle(batch: bytes32):
    """
    @notice Close an ended batch once the bank has answered every row.
    @param batch The batch; all its rows are executed or released.
    """
    stored: Stored = self._stored(batch)
    tree: bytes32 = self._accounts[stored.account].tree
    self._only(self._trees[tree].bank, SETTLER)
    end: uint256 = stored.answers & _M32
    assert end > 0 and lines._cursor(batch) == end, "ledger: batch has not ended"
    assert stored.answers & _SETTLED == 0, "ledger: batch is settled"
    paid: uint256 = lines._emptied(batch) - (stored.answers >> _GONE & _M64)
    self._batches[batch].answers = stored.answers | _SETTLED
    self._trees[tree].settled += paid
    log ILedger.Settled(batch=batch, amount=paid)


# People, by signature


@external
def open_account(account: bytes32, parent: bytes32, controller: bytes32, signature: Bytes[65]):
    """
    @notice Open an account below another.
    @param account Its id.
    @param parent The account above it.
    @param controller The institution that controls it.
    @param signature By an operator of the parent's controller.
    """
    above: ILedger.Account = self._open_account(parent)
    digest: bytes32 = signatures._digest(keccak256(abi_encode(OPENING_TYPEHASH, account, parent, controller)))
    who: address = signatures._recover(digest, signature)
    assert staticcall IDirectory(directory).acts_for(who, above.controller, OPERATOR), "ledger: not the parent's operator"
    self._open(account, parent, above.tree, controller)


@external
def identify(
    lot: bytes32,
    account: bytes32,
    dye_class: bytes32,
    amount: uint256,
    consents: DynArray[Bytes[65], MAX_SIGNERS],
):
    """
    @notice Map money of a lot in suspense to an account, whole or in parts, from its front.
    @param lot The lot, by its reference.
    @param account Whom it is for.
    @param dye_class What it is for.
    @param amount Minor units.
    @param consents Of two tellers of the bank at least, over this part of the lot, rising by signer.
    """
    start: uint256 = lines._emptied(lines._lot_line(lot))
    digest: bytes32 = signatures._digest(
        keccak256(abi_encode(IDENTIFICATION_TYPEHASH, lot, account, dye_class, amount, start))
    )
    self._two_tellers(self._trees[self.lot_tree[lot]].bank, digest, consents)
    self._identify(lot, account, dye_class, amount)


@external
def freeze(account: bytes32, frozen: bool, consents: DynArray[Bytes[65], MAX_SIGNERS]):
    """
    @notice Freeze an account at once, or unfreeze it by the quorum. Frozen money starts nothing.
    @param account The account.
    @param frozen What to make it.
    @param consents One supervisor of the quorum freezes; the quorum's threshold unfreezes.
    """
    held: ILedger.Account = self._accounts[account]
    assert held.tree != empty(bytes32), "ledger: unknown account"
    assert held.frozen != frozen, "ledger: nothing to change"
    digest: bytes32 = signatures._digest(
        keccak256(abi_encode(FREEZE_TYPEHASH, account, frozen, self.freeze_nonce[account]))
    )
    self._quorum_or_one(self._trees[held.tree].quorum, digest, consents, frozen)
    self.freeze_nonce[account] += 1
    self._accounts[account].frozen = frozen
    log ILedger.AccountFrozen(account=account, frozen=frozen)


@external
def set_paused(paused: bool, consents: DynArray[Bytes[65], MAX_SIGNERS]):
    """
    @notice Pause at once, by one supervisor; resume by supervisors of two institutions.
    @param paused What to make it.
    @param consents Supervisors' signatures, rising by signer.
    """
    assert self.is_paused != paused, "ledger: nothing to change"
    digest: bytes32 = signatures._digest(keccak256(abi_encode(PAUSE_TYPEHASH, paused, self.pause_nonce)))
    signers: DynArray[address, MAX_SIGNERS] = signatures._recover_all(digest, consents)
    assert len(signers) > 0 and staticcall IDirectory(directory).holds(signers[0], SUPERVISOR), "ledger: not a supervisor"
    assert paused or staticcall IDirectory(directory).are_two_institutions(
        signers, SUPERVISOR
    ), "ledger: supervisors of two institutions must sign"
    self.pause_nonce += 1
    self.is_paused = paused
    log ILedger.PauseSet(paused=paused)


@external
def write_off(
    account: bytes32,
    dye_class: bytes32,
    amount: uint256,
    reference: bytes32,
    consents: DynArray[Bytes[65], MAX_SIGNERS],
):
    """
    @notice Take money off the ledger that the bank took off the account, such as a charge.
    @param account The account that bears it.
    @param dye_class The line that bears it.
    @param amount Minor units.
    @param reference Keyed hash of the bank's debit; counts once.
    @param consents Of the tree's quorum, rising by signer.
    """
    held: ILedger.Account = self._open_account(account)
    digest: bytes32 = signatures._digest(
        keccak256(abi_encode(WRITE_OFF_TYPEHASH, account, dye_class, amount, reference))
    )
    self._quorum_or_one(self._trees[held.tree].quorum, digest, consents, False)
    self._use(reference)
    source: bytes32 = lines._account_line(account, dye_class)
    lines._move(lines.WRITE_OFF, source, lines._written_off_line(held.tree), amount, reference)
    self._trees[held.tree].written_off += amount


# The factory


@external
def grant(account: bytes32, agreement: address):
    """
    @notice Let an agreement the quorum activated draw on an account.
    """
    assert msg.sender == FACTORY, "ledger: not the factory"
    held: ILedger.Account = self._open_account(account)
    assert agreement != empty(address), "ledger: zero address"
    self.is_granted[account][agreement] = True
    log ILedger.AgreementGranted(account=account, agreement=agreement)


# Agreements


@external
def transfer(account: bytes32, dye_class: bytes32, destination: bytes32, amount: uint256, info: bytes32):
    """
    @notice Move money to another account of the tree, in the same dye class.
    """
    held: ILedger.Account = self._starts(account)
    assert self.is_granted[account][msg.sender], "ledger: agreement not granted"
    assert self._open_account(destination).tree == held.tree, "ledger: another tree"
    source: bytes32 = lines._account_line(account, dye_class)
    lines._move(lines.TRANSFER, source, lines._account_line(destination, dye_class), amount, info)


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
    held: ILedger.Account = self._starts(account)
    assert self.is_granted[account][msg.sender], "ledger: agreement not granted"
    assert count > 0 and count <= 2**23, "ledger: count out of bounds"
    assert deadline > block.timestamp and deadline <= _M64, "ledger: deadline out of bounds"
    batch: bytes32 = keccak256(
        abi_encode(chain.id, self, msg.sender, account, dye_class, root, count, total, deadline)
    )
    assert self._batches[batch].agreement == empty(address), "ledger: batch exists"
    source: bytes32 = lines._account_line(account, dye_class)
    self._batches[batch] = Stored(
        agreement=msg.sender,
        account=account,
        source=source,
        root=root,
        terms=count | deadline << 32 | block.timestamp << 96,
        answers=count,
    )
    lines._move(lines.RESERVE, source, batch, total, root)
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
    assert msg.sender == stored.agreement, "ledger: not the batch's agreement"
    self._starts(stored.account)
    assert block.timestamp <= stored.terms >> 32 & _M64, "ledger: deadline passed"
    first: uint256 = lines._cursor(batch)
    assert first < stored.answers & _M32, "ledger: batch has ended"
    start: uint256 = lines._emptied(batch)
    count: uint256 = stored.terms & _M32
    total: uint256 = lines._filled(batch)
    number: uint256 = 0
    end: uint256 = 0
    number, end = merkle._verify_chunk(stored.root, count, total, first, start, rows, proof)
    lines._advance(batch, end, first + number)
    if refused != 0:
        assert refused >> number == 0, "ledger: refused row past the chunk"
        self._skip(batch, stored.source, first, start, rows, refused)
    log ILedger.ChunkExecuted(
        batch=batch, first_row=first, end_row=first + number, start=start, end=end, refused=refused
    )


# The batch's agreement, or anyone after the deadline


@external
def release(batch: bytes32) -> uint256:
    """
    @notice Give the unexecuted tail back, which ends the batch there.
    @return uint256 Minor units given back.
    """
    stored: Stored = self._stored(batch)
    deadline: uint256 = stored.terms >> 32 & _M64
    assert msg.sender == stored.agreement or block.timestamp > deadline, "ledger: not the batch's agreement"
    row: uint256 = lines._cursor(batch)
    assert row < stored.answers & _M32, "ledger: batch has ended"
    start: uint256 = lines._emptied(batch)
    total: uint256 = lines._filled(batch)
    amount: uint256 = total - start
    lines._advance(batch, total, row)
    self._batches[batch].answers = stored.answers - (stored.answers & _M32) + row + (amount << _GONE)
    lines._put(lines.RELEASE, batch, start, stored.source, amount, lines.LIMIT_BACK, stored.root)
    log ILedger.Released(batch=batch, end_row=row, amount=amount)
    return amount


# Anyone


@view
@external
def tree(tree: bytes32) -> ILedger.Tree:
    """
    @return Tree The supervised account and its totals, minor units.
    """
    return self._trees[tree]


@view
@external
def account(account: bytes32) -> ILedger.Account:
    """
    @return Account The account; its tree is zero when it does not exist.
    """
    return self._accounts[account]


@view
@external
def batch(batch: bytes32) -> ILedger.Batch:
    """
    @return Batch What became of a batch so far.
    """
    stored: Stored = self._stored(batch)
    return ILedger.Batch(
        agreement=stored.agreement,
        account=stored.account,
        source=stored.source,
        root=stored.root,
        count=stored.terms & _M32,
        total=lines._filled(batch),
        deadline=stored.terms >> 32 & _M64,
        reserved_at=stored.terms >> 96,
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
    @return in and out of a line, minor units.
    """
    return lines._filled(line), lines._emptied(line)


@view
@external
def is_reference_used(reference: bytes32) -> bool:
    """
    @return bool Whether a lot, a return or a write-off used up this bank reference.
    """
    return self._is_used(reference)


@pure
@external
def account_line(account: bytes32, dye_class: bytes32) -> bytes32:
    """
    @return bytes32 The line of an account for a dye class.
    """
    return lines._account_line(account, dye_class)


# Internal


@internal
@view
def _only(institution: bytes32, role: uint256):
    """
    @dev Throws unless the sender holds the role for the institution.
    """
    assert staticcall IDirectory(directory).acts_for(msg.sender, institution, role), "ledger: sender lacks the role"


@internal
@view
def _running():
    """
    @dev Throws while paused.
    """
    assert not self.is_paused, "ledger: paused"


@internal
def _use(reference: bytes32):
    """
    @dev Use up a bank reference that makes no lot.
    """
    self._unused(reference)
    self._used[reference] = True


@internal
@view
def _unused(reference: bytes32):
    """
    @dev Throws when a bank reference is used up.
    """
    assert reference != empty(bytes32), "ledger: zero reference"
    assert not self._is_used(reference), "ledger: reference used"


@internal
@view
def _is_used(reference: bytes32) -> bool:
    """
    @dev Whether a bank reference is used by a lot, a return or a write-off.
    """
    return self._used[reference] or self.lot_tree[reference] != empty(bytes32)


@internal
@view
def _stored(batch: bytes32) -> Stored:
    """
    @dev A batch that exists.
    """
    stored: Stored = self._batches[batch]
    assert stored.agreement != empty(address), "ledger: unknown batch"
    return stored


@internal
@view
def _open_account(account: bytes32) -> ILedger.Account:
    """
    @dev An account that exists and is open.
    """
    held: ILedger.Account = self._accounts[account]
    assert held.tree != empty(bytes32), "ledger: unknown account"
    assert not held.closed, "ledger: account closed"
    return held


@internal
@view
def _starts(account: bytes32) -> ILedger.Account:
    """
    @dev An account whose money may start something now.
    """
    self._running()
    held: ILedger.Account = self._open_account(account)
    assert not held.frozen, "ledger: account frozen"
    return held


@internal
def _open(account: bytes32, parent: bytes32, tree: bytes32, controller: bytes32):
    """
    @dev Open an account under an id nobody has used.
    """
    assert account != empty(bytes32), "ledger: zero id"
    assert self._accounts[account].tree == empty(bytes32), "ledger: account exists"
    assert staticcall IDirectory(directory).institution_kind(controller) != 0, "ledger: unknown institution"
    self._accounts[account] = ILedger.Account(
        tree=tree, parent=parent, controller=controller, frozen=False, closed=False
    )
    log ILedger.AccountOpened(account=account, parent=parent, tree=tree, controller=controller)


@internal
def _identify(lot: bytes32, account: bytes32, dye_class: bytes32, amount: uint256):
    """
    @dev Map money of a lot to an account of its tree.
    """
    assert self._open_account(account).tree == self.lot_tree[lot], "ledger: another tree"
    lines._move(
        lines.IDENTIFY, lines._lot_line(lot), lines._account_line(account, dye_class), amount, dye_class
    )


@internal
def _skip(
    batch: bytes32,
    source: bytes32,
    first: uint256,
    start: uint256,
    rows: Bytes[MAX_CHUNK_BYTES],
    refused: uint256,
):
    """
    @dev Map refused rows of a verified chunk back to where the batch drew from; neighbours go together.
    """
    self.gone[batch][first // 256] |= refused << first % 256
    number: uint256 = 0
    total: uint256 = 0
    position: uint256 = start
    run_amount: uint256 = 0
    count: uint256 = len(rows) // merkle.ROW_BYTES
    for i: uint256 in range(count, bound=256):
        amount: uint256 = merkle._amount(extract32(rows, i * merkle.ROW_BYTES))
        position += amount
        if refused >> i & 1 == 0:
            continue
        run_amount += amount
        number += 1
        if i + 1 == count or refused >> (i + 1) & 1 == 0:
            lines._put(
                lines.SKIP, batch, position - run_amount, source, run_amount, lines.LIMIT_BACK, empty(bytes32)
            )
            total += run_amount
            run_amount = 0
    self._batches[batch].answers += number * _ROW_SKIPPED + (total << _GONE)


@internal
@view
def _two_tellers(bank: bytes32, digest: bytes32, consents: DynArray[Bytes[65], MAX_SIGNERS]):
    """
    @dev Throws unless two tellers of the bank signed.
    """
    signers: DynArray[address, MAX_SIGNERS] = signatures._recover_all(digest, consents)
    assert len(signers) >= 2, "ledger: two tellers must sign"
    for who: address in signers:
        assert staticcall IDirectory(directory).acts_for(who, bank, TELLER), "ledger: not a teller of the bank"


@internal
@view
def _quorum_or_one(quorum: bytes32, digest: bytes32, consents: DynArray[Bytes[65], MAX_SIGNERS], one: bool):
    """
    @dev Throws unless the quorum signed, or one of its institutions where that is enough.
    """
    signers: DynArray[address, MAX_SIGNERS] = signatures._recover_all(digest, consents)
    needed: uint256 = 1
    if not one:
        needed = staticcall IDirectory(directory).quorum_threshold(quorum)
    counted: uint256 = staticcall IDirectory(directory).count_institutions(quorum, signers, block.timestamp)
    assert counted >= needed, "ledger: quorum not reached"
