# pragma version 0.4.3
# pragma nonreentrancy on
"""
@title Supervision: what people decide about accounts and about money that rests
@license Apache-2.0
@notice Verifies who signed, then has Accounts or the Ledger do it. Anyone may hand signatures in. What a quorum
    decides about positions of a line is bound to those positions, so that it counts once.
@custom:kill Nothing here acts without the signatures an act asks for; suspending the signers stops it.
"""

from interfaces import IAccounts
from interfaces import IDirectory
from interfaces import ILedger
from interfaces import ISupervision
from modules import lines
from modules import signatures

implements: ISupervision

MAX_SIGNERS: constant(uint256) = 16
MAX_PIECES: constant(uint256) = 32
MAX_CHUNK_BYTES: constant(uint256) = 11008
MAX_DEPTH: constant(uint256) = 24
MAX_CLAUSES: constant(uint256) = 16
MAX_MONEY: constant(uint256) = 2**62

SUPERVISOR: constant(uint256) = 8
OPERATOR: constant(uint256) = 16
TELLER: constant(uint256) = 32
ATTESTER: constant(uint256) = 256

OPENING_TYPEHASH: constant(bytes32) = keccak256("Opening(bytes32 account,bytes32 parent,bytes32 controller)")
MOVING_TYPEHASH: constant(bytes32) = keccak256("Moving(bytes32 account,bytes32 parent,uint256 nonce)")
CLOSING_TYPEHASH: constant(bytes32) = keccak256("Closing(bytes32 account)")
FREEZE_TYPEHASH: constant(bytes32) = keccak256("Freeze(bytes32 account,bool frozen,uint256 nonce)")
PAUSE_TYPEHASH: constant(bytes32) = keccak256("Pause(bool paused,uint256 nonce)")
ATTESTATION_TYPEHASH: constant(bytes32) = keccak256(
    "Attestation(bytes32 tree,uint256 number,uint256 balance,uint256 credits,uint256 debits,bytes32 statement)"
)
IDENTIFICATION_TYPEHASH: constant(bytes32) = keccak256(
    "Identification(bytes32 lot,bytes32 account,bytes32 dyeClass,uint256 amount,uint256 start)"
)
LOT_FREEZE_TYPEHASH: constant(bytes32) = keccak256("LotFreeze(bytes32 lot,uint256 start)")
WRITE_OFF_TYPEHASH: constant(bytes32) = keccak256(
    "WriteOff(bytes32 account,bytes32 dyeClass,uint256 amount,bytes32 reference)"
)
SHORTFALL_TYPEHASH: constant(bytes32) = keccak256("Shortfall(bytes32 tree,uint256 amount,bytes32 reference)")
MAKING_GOOD_TYPEHASH: constant(bytes32) = keccak256(
    "MakingGood(bytes32 account,bytes32 dyeClass,uint256 amount,uint256 start)"
)
SORTING_TYPEHASH: constant(bytes32) = keccak256(
    "Sorting(bytes32 account,bytes32 dyeClass,bytes32 toClass,uint256 amount,uint256 start)"
)
CARVING_TYPEHASH: constant(bytes32) = keccak256("Carving(bytes32 line,bytes32 pieces,bytes32 reference)")
THAWING_TYPEHASH: constant(bytes32) = keccak256(
    "Thawing(bytes32 custody,bytes32 account,bytes32 dyeClass,uint256 amount,uint256 start)"
)
CUSTODY_BATCH_TYPEHASH: constant(bytes32) = keccak256(
    "CustodyBatch(bytes32 custody,bytes32 root,uint256 count,uint256 total,uint256 deadline,uint256 start)"
)
REDIRECTION_TYPEHASH: constant(bytes32) = keccak256("Redirection(bytes32 batch,bytes32 custody)")
RELEASE_TYPEHASH: constant(bytes32) = keccak256("Release(bytes32 batch)")
WAIVER_TYPEHASH: constant(bytes32) = keccak256(
    "Waiver(bytes32 account,bytes32 batch,bytes32 terms,uint256 clause,uint256 expiresAt)"
)

LEDGER: public(immutable(address))
ACCOUNTS: public(immutable(address))
DIRECTORY: public(immutable(address))

# Nonces of the next pause, and of the next freeze or move of an account.
pause_nonce: public(uint256)
freeze_nonce: public(HashMap[bytes32, uint256])
move_nonce: public(HashMap[bytes32, uint256])
# How many statements of a tree were attested.
attestation_number: public(HashMap[bytes32, uint256])
# The account a custody line belongs to, and the line its money goes back to; of a lot there is none.
custody_account: public(HashMap[bytes32, bytes32])
custody_home: public(HashMap[bytes32, bytes32])
# What the bank took back of a credit, and what of that was carved from its images; minor units.
reversed: public(HashMap[bytes32, uint256])
recovered: public(HashMap[bytes32, uint256])
# By account, batch and terms: one bit a clause that was ever waived, and when each waiver expires.
_waivers: HashMap[bytes32, uint256]
_expires_at: HashMap[bytes32, HashMap[uint256, uint256]]
_custody_count: uint256
# Who approved a batch from custody.
_approvers: HashMap[bytes32, DynArray[address, MAX_SIGNERS]]


@deploy
def __init__(ledger: address, accounts: address):
    """
    @param ledger The ledger it decides about.
    @param accounts The ledger's accounts.
    """
    assert ledger != empty(address) and accounts != empty(address), "supervision: zero address"
    LEDGER = ledger
    ACCOUNTS = accounts
    DIRECTORY = staticcall IAccounts(accounts).DIRECTORY()


# The bank, by role of the sender


@external
def reverse(reference: bytes32, amount: uint256, info: bytes32):
    """
    @notice Record that the bank took back money of a credit. What is not carved from its images, or made good
        otherwise, is a shortfall that stops the tree's payouts.
    @param reference The credit: a lot, or a return set.
    @param amount Minor units; all reversals of a credit together are not more than the credit.
    @param info Commitment to the bank's message.
    """
    tree: bytes32 = empty(bytes32)
    opened: uint256 = 0
    tree, opened = self._credit(reference)
    # Throws unless the sender settles for the tree's bank.
    _: uint256 = staticcall IAccounts(ACCOUNTS).settles(tree, msg.sender)
    assert amount > 0, "supervision: zero amount"
    before: uint256 = self.reversed[reference]
    assert amount <= opened and before + amount <= opened, "supervision: more than the credit"
    self.reversed[reference] = before + amount
    log ISupervision.CreditReversed(reference=reference, tree=tree, amount=amount, info=info)
    extcall ILedger(LEDGER).add_shortfall(tree, amount, empty(bytes32))


# Operators, by signature


@external
def open_account(account: bytes32, parent: bytes32, controller: bytes32, signature: Bytes[65]):
    """
    @notice Open an account below another.
    @param account Its id.
    @param parent The account above it.
    @param controller The institution that controls it.
    @param signature By an operator of the parent's controller.
    """
    signers: DynArray[address, MAX_SIGNERS] = self._decide(
        keccak256(abi_encode(OPENING_TYPEHASH, account, parent, controller)), [signature]
    )
    self._one_acts_for(signers, self._account(parent).controller)
    extcall IAccounts(ACCOUNTS).open_account(account, parent, controller)


@external
def move_account(account: bytes32, parent: bytes32, consents: DynArray[Bytes[65], MAX_SIGNERS]):
    """
    @notice Put an account, with all below it, under another account of its tree.
    @param account The account.
    @param parent The account it goes under.
    @param consents Of operators of its controller and of those of both parents, the old and the new; rising by
        signer.
    """
    nonce: uint256 = self.move_nonce[account]
    signers: DynArray[address, MAX_SIGNERS] = self._decide(
        keccak256(abi_encode(MOVING_TYPEHASH, account, parent, nonce)), consents
    )
    self._controllers_of(account, signers)
    self._one_acts_for(signers, self._account(parent).controller)
    self.move_nonce[account] = nonce + 1
    extcall IAccounts(ACCOUNTS).move_account(account, parent)


@external
def close_account(account: bytes32, consents: DynArray[Bytes[65], MAX_SIGNERS]):
    """
    @notice Close an account for good. What is there, and what comes back later, goes to its parent.
    @param account The account.
    @param consents Of operators of its controller, whose money it is, and of its parent's; rising by signer.
    """
    self._controllers_of(account, self._decide(keccak256(abi_encode(CLOSING_TYPEHASH, account)), consents))
    extcall IAccounts(ACCOUNTS).close_account(account)


# The bank's people, by signature


@external
def attest(
    tree: bytes32, balance: uint256, credits: uint256, debits: uint256, statement: bytes32, signature: Bytes[65]
):
    """
    @notice Stand for what the bank booked to a supervised account. No more than this is ever brought onto its
        tree, by minting or by returns. Payouts, charges and reversals of what was minted take nothing off: the
        ledger keeps account of those itself.
    @param tree The supervised account.
    @param balance What of the account's balance counts that was there before its tree was opened, minor units.
    @param credits All credits booked since, minor units; with the balance at most 2^62.
    @param debits What of both the bank took back before it was minted, minor units.
    @param statement Hash of the bank's message.
    @param signature By an attester of the bank, over the number of this attestation too.
    """
    number: uint256 = self.attestation_number[tree]
    signers: DynArray[address, MAX_SIGNERS] = self._decide(
        keccak256(abi_encode(ATTESTATION_TYPEHASH, tree, number, balance, credits, debits, statement)),
        [signature],
    )
    bank: bytes32 = (staticcall IAccounts(ACCOUNTS).root(tree)).bank
    assert staticcall IDirectory(DIRECTORY).acts_for(
        signers[0], bank, ATTESTER
    ), "supervision: not an attester of the bank"
    assert balance <= MAX_MONEY and credits <= MAX_MONEY - balance, "supervision: amount out of bounds"
    assert debits <= balance + credits, "supervision: more debits than money"
    self.attestation_number[tree] = number + 1
    log ISupervision.StatementAttested(
        tree=tree, number=number, balance=balance, credits=credits, debits=debits, statement=statement
    )
    extcall ILedger(LEDGER).set_attested(tree, balance + credits - debits)


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
    tree: bytes32 = empty(bytes32)
    line: bytes32 = empty(bytes32)
    tree, line = staticcall ILedger(LEDGER).lot(lot)
    signers: DynArray[address, MAX_SIGNERS] = self._decide(
        keccak256(
            abi_encode(IDENTIFICATION_TYPEHASH, lot, account, dye_class, amount, self._front(line))
        ),
        consents,
    )
    assert len(signers) >= 2, "supervision: two tellers must sign"
    bank: bytes32 = (staticcall IAccounts(ACCOUNTS).root(tree)).bank
    for who: address in signers:
        assert staticcall IDirectory(DIRECTORY).acts_for(who, bank, TELLER), "supervision: not a teller of the bank"
    extcall ILedger(LEDGER).identify(lot, account, dye_class, amount)


# One supervisor to stop, the quorum to go on, by signature


@external
def freeze(account: bytes32, frozen: bool, consents: DynArray[Bytes[65], MAX_SIGNERS]):
    """
    @notice Freeze an account at once, or unfreeze it by the quorum. Frozen money starts nothing.
    @param account The account.
    @param frozen What to make it.
    @param consents One supervisor of the quorum freezes, an account that is frozen too: then what was signed to
        unfreeze it is void. The quorum's threshold unfreezes.
    """
    nonce: uint256 = self.freeze_nonce[account]
    signers: DynArray[address, MAX_SIGNERS] = self._decide(
        keccak256(abi_encode(FREEZE_TYPEHASH, account, frozen, nonce)), consents
    )
    self._consent(self._account(account).tree, signers, frozen)
    self.freeze_nonce[account] = nonce + 1
    extcall IAccounts(ACCOUNTS).set_frozen(account, frozen)


@external
def freeze_lot(lot: bytes32, consents: DynArray[Bytes[65], MAX_SIGNERS]) -> bytes32:
    """
    @notice Take what is in suspense of a lot into custody at once. The quorum thaws it.
    @param lot The lot, by its reference.
    @param consents Of one supervisor of the quorum at least, over where its money starts now.
    @return bytes32 The custody line.
    """
    tree: bytes32 = empty(bytes32)
    line: bytes32 = empty(bytes32)
    tree, line = staticcall ILedger(LEDGER).lot(lot)
    filled: uint256 = 0
    start: uint256 = 0
    filled, start = staticcall ILedger(LEDGER).line(line)
    signers: DynArray[address, MAX_SIGNERS] = self._decide(
        keccak256(abi_encode(LOT_FREEZE_TYPEHASH, lot, start)), consents
    )
    self._consent(tree, signers, True)
    custody: bytes32 = self._open_custody(tree, empty(bytes32), line)
    extcall ILedger(LEDGER).shift(lines.CARVE, tree, line, custody, filled - start, lot)
    return custody


@external
def set_paused(paused: bool, consents: DynArray[Bytes[65], MAX_SIGNERS]):
    """
    @notice Pause at once, by one supervisor; resume by supervisors of two institutions.
    @param paused What to make it.
    @param consents Supervisors' signatures, rising by signer.
    """
    nonce: uint256 = self.pause_nonce
    signers: DynArray[address, MAX_SIGNERS] = self._decide(
        keccak256(abi_encode(PAUSE_TYPEHASH, paused, nonce)), consents
    )
    assert len(signers) > 0 and staticcall IDirectory(DIRECTORY).holds(
        signers[0], SUPERVISOR
    ), "supervision: not a supervisor"
    assert paused or staticcall IDirectory(DIRECTORY).are_two_institutions(
        signers, SUPERVISOR
    ), "supervision: supervisors of two institutions must sign"
    self.pause_nonce = nonce + 1
    extcall IAccounts(ACCOUNTS).set_paused(paused)


# The tree's quorum, by signature


@external
def waive(
    account: bytes32,
    batch: bytes32,
    terms: bytes32,
    clause: uint256,
    expires_at: uint256,
    consents: DynArray[Bytes[65], MAX_SIGNERS],
):
    """
    @notice Release one batch from one clause of its terms until a moment. Caps still count; approval, blacklist,
        counter-signature, waiting period and document cannot be waived.
    @param account The account the batch draws on.
    @param batch The batch; its id is known before it is reserved.
    @param terms Hash of the terms the clause stands in.
    @param clause Number of the clause.
    @param expires_at Chain time after which the waiver is void.
    @param consents Of the tree's quorum, rising by signer.
    """
    self._quorum(
        self._account(account).tree,
        keccak256(abi_encode(WAIVER_TYPEHASH, account, batch, terms, clause, expires_at)),
        consents,
    )
    assert batch != empty(bytes32), "supervision: zero batch"
    assert clause < MAX_CLAUSES, "supervision: no such clause"
    assert expires_at >= block.timestamp, "supervision: waiver expired"
    key: bytes32 = self._waiver_key(account, batch, terms)
    self._waivers[key] |= 1 << clause
    self._expires_at[key][clause] = expires_at
    log ISupervision.ClauseWaived(
        account=account, batch=batch, terms=terms, clause=clause, expires_at=expires_at
    )


@external
def release(batch: bytes32, consents: DynArray[Bytes[65], MAX_SIGNERS]) -> uint256:
    """
    @notice Give the unexecuted tail of any batch back, which ends it there.
    @param batch The batch.
    @param consents Of the tree's quorum, rising by signer.
    @return uint256 Minor units given back.
    """
    held: ILedger.Batch = staticcall ILedger(LEDGER).batch(batch)
    self._quorum(self._account(held.account).tree, keccak256(abi_encode(RELEASE_TYPEHASH, batch)), consents)
    return extcall ILedger(LEDGER).release(batch)


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
    self._quorum(
        self._account(account).tree,
        keccak256(abi_encode(WRITE_OFF_TYPEHASH, account, dye_class, amount, reference)),
        consents,
    )
    extcall ILedger(LEDGER).write_off(account, dye_class, amount, reference)


@external
def record_shortfall(tree: bytes32, amount: uint256, reference: bytes32, consents: DynArray[Bytes[65], MAX_SIGNERS]):
    """
    @notice Record that the bank took money for which nothing on the ledger stands, such as a row it paid after it
        had been rejected. It is a shortfall that stops the tree's payouts until it is made good.
    @param tree The supervised account.
    @param amount Minor units.
    @param reference Keyed hash of the bank's debit; counts once, written off or recorded.
    @param consents Of the tree's quorum, rising by signer.
    """
    self._quorum(tree, keccak256(abi_encode(SHORTFALL_TYPEHASH, tree, amount, reference)), consents)
    assert amount > 0, "supervision: zero amount"
    assert reference != empty(bytes32), "supervision: zero reference"
    log ISupervision.ShortfallRecorded(reference=reference, tree=tree, amount=amount)
    extcall ILedger(LEDGER).add_shortfall(tree, amount, reference)


@external
def make_good(
    account: bytes32, dye_class: bytes32, amount: uint256, consents: DynArray[Bytes[65], MAX_SIGNERS]
):
    """
    @notice Make a shortfall good, whole or in part, from the front of a line of the tree.
    @param account The account that bears it.
    @param dye_class The line that bears it.
    @param amount Minor units.
    @param consents Of the tree's quorum, over where the line starts now, rising by signer.
    """
    tree: bytes32 = self._account(account).tree
    line: bytes32 = lines._account_line(account, dye_class)
    self._quorum(
        tree,
        keccak256(abi_encode(MAKING_GOOD_TYPEHASH, account, dye_class, amount, self._front(line))),
        consents,
    )
    extcall ILedger(LEDGER).shift(lines.MAKE_GOOD, tree, line, empty(bytes32), amount, dye_class)


@external
def sort(
    account: bytes32,
    dye_class: bytes32,
    to_class: bytes32,
    amount: uint256,
    consents: DynArray[Bytes[65], MAX_SIGNERS],
):
    """
    @notice Move money of a frozen account to another dye class, from the front of its line.
    @param account The account.
    @param dye_class The class it has.
    @param to_class The class it gets.
    @param amount Minor units.
    @param consents Of the tree's quorum, over where the line starts now, rising by signer.
    """
    held: IAccounts.Account = self._frozen_account(account)
    line: bytes32 = lines._account_line(account, dye_class)
    self._quorum(
        held.tree,
        keccak256(abi_encode(SORTING_TYPEHASH, account, dye_class, to_class, amount, self._front(line))),
        consents,
    )
    destination: bytes32 = lines._account_line(account, to_class)
    extcall ILedger(LEDGER).shift(lines.SORT, held.tree, line, destination, amount, to_class)


@external
def carve(
    account: bytes32,
    dye_class: bytes32,
    pieces: DynArray[ILedger.Piece, MAX_PIECES],
    reference: bytes32,
    consents: DynArray[Bytes[65], MAX_SIGNERS],
) -> bytes32:
    """
    @notice Carve pieces out of a line of a frozen account.
    @param account The account; its open batches that could still give back are released or redirected first.
    @param dye_class The line.
    @param pieces Which positions, rising.
    @param reference The reversed credit whose images they are; zero takes them into custody.
    @param consents Of the tree's quorum, rising by signer.
    @return bytes32 The custody line; zero for images of a reversed credit.
    """
    held: IAccounts.Account = self._frozen_account(account)
    line: bytes32 = lines._account_line(account, dye_class)
    return self._carve(held.tree, account, line, line, pieces, reference, consents)


@external
def carve_custody(
    custody: bytes32,
    pieces: DynArray[ILedger.Piece, MAX_PIECES],
    reference: bytes32,
    consents: DynArray[Bytes[65], MAX_SIGNERS],
) -> bytes32:
    """
    @notice Carve pieces out of a custody line: into another custody, or as images of a reversed credit.
    @param custody The custody line.
    @param pieces Which positions, rising.
    @param reference The reversed credit whose images they are; zero takes them into a custody of their own.
    @param consents Of the tree's quorum, rising by signer.
    @return bytes32 The new custody line; zero for images of a reversed credit.
    """
    account: bytes32 = self._in_custody(custody)
    tree: bytes32 = self._account(account).tree
    return self._carve(tree, account, self.custody_home[custody], custody, pieces, reference, consents)


@external
def thaw(
    custody: bytes32,
    account: bytes32,
    dye_class: bytes32,
    amount: uint256,
    consents: DynArray[Bytes[65], MAX_SIGNERS],
):
    """
    @notice Map money out of custody, from its front, back to where it was carved from.
    @param custody The custody line.
    @param account Its account; of a lot's money any open account of the tree.
    @param dye_class Its dye class; of a lot's money what it is for.
    @param amount Minor units.
    @param consents Of the tree's quorum, over where the custody starts now, rising by signer.
    """
    tree: bytes32 = self._account(self._in_custody(custody)).tree
    self._quorum(
        tree,
        keccak256(abi_encode(THAWING_TYPEHASH, custody, account, dye_class, amount, self._front(custody))),
        consents,
    )
    home: bytes32 = self.custody_home[custody]
    destination: bytes32 = lines._account_line(account, dye_class)
    kind: uint256 = lines.THAW
    if home == empty(bytes32):
        # It has never been on an account, so there it arrives.
        kind = lines.IDENTIFY
        held: IAccounts.Account = self._account(account)
        assert held.tree == tree and not held.closed, "supervision: not an open account of the tree"
    else:
        assert destination == home, "supervision: not where it was carved from"
    extcall ILedger(LEDGER).shift(kind, tree, custody, destination, amount, dye_class)


@external
def reserve_custody(
    custody: bytes32,
    root: bytes32,
    count: uint256,
    total: uint256,
    deadline: uint256,
    consents: DynArray[Bytes[65], MAX_SIGNERS],
) -> bytes32:
    """
    @notice Set money in custody aside for a batch: what is spent first, or forced back to its origin. The
        signatures approve the batch too; anyone may execute it while they stand.
    @param custody The custody line.
    @param root Commitment to the rows.
    @param count Number of rows.
    @param total Sum of the rows, minor units.
    @param deadline Chain time after which nothing more is executed.
    @param consents Of the tree's quorum, over where the custody starts now, rising by signer.
    @return bytes32 The batch's id.
    """
    account: bytes32 = self._in_custody(custody)
    signers: DynArray[address, MAX_SIGNERS] = self._decide(
        keccak256(
            abi_encode(CUSTODY_BATCH_TYPEHASH, custody, root, count, total, deadline, self._front(custody))
        ),
        consents,
    )
    self._consent(self._account(account).tree, signers, False)
    batch: bytes32 = extcall ILedger(LEDGER).reserve_line(account, custody, root, count, total, deadline)
    self._approvers[batch] = signers
    return batch


@external
def redirect(batch: bytes32, custody: bytes32, consents: DynArray[Bytes[65], MAX_SIGNERS]):
    """
    @notice Let what a batch gives back go to custody instead of the line it drew on.
    @param batch The batch.
    @param custody Custody of money of that line.
    @param consents Of the tree's quorum, rising by signer.
    """
    held: ILedger.Batch = staticcall ILedger(LEDGER).batch(batch)
    home: bytes32 = self.custody_home[custody]
    assert home == held.source, "supervision: custody of another line"
    self._quorum(
        self._account(held.account).tree, keccak256(abi_encode(REDIRECTION_TYPEHASH, batch, custody)), consents
    )
    extcall ILedger(LEDGER).redirect(batch, custody)


# Anyone


@external
def execute(batch: bytes32, rows: Bytes[MAX_CHUNK_BYTES], proof: DynArray[bytes32, MAX_DEPTH]):
    """
    @notice Execute the next chunk of a batch from custody. The quorum approved it when it was reserved, and those
        who signed are supervisors still.
    @param batch The batch.
    @param rows The rows, 43 bytes each.
    @param proof Proof of the chunk.
    """
    held: ILedger.Batch = staticcall ILedger(LEDGER).batch(batch)
    quorum: bytes32 = (staticcall IAccounts(ACCOUNTS).root(self._account(held.account).tree)).quorum
    approvals: uint256 = staticcall IDirectory(DIRECTORY).count_approvals(
        quorum, self._approvers[batch], held.reserved_at
    )
    # Institutions of every kind are in the lowest 32 bits.
    self._reached(approvals & (2**32 - 1), staticcall IDirectory(DIRECTORY).quorum_threshold(quorum))
    extcall ILedger(LEDGER).execute(batch, rows, proof, 0)


@view
@external
def waiver_expires_at(account: bytes32, batch: bytes32, terms: bytes32, clause: uint256) -> uint256:
    """
    @notice How long a clause need not be satisfied.
    @param account The account the batch draws on.
    @param batch The batch.
    @param terms Hash of the terms the clause stands in.
    @param clause Number of the clause.
    @return uint256 When the waiver of a clause expires or expired; zero when it was never waived.
    """
    return self._expires_at[self._waiver_key(account, batch, terms)][clause]


@view
@external
def waived(account: bytes32, batch: bytes32, terms: bytes32) -> uint256:
    """
    @notice Which clauses of a batch need not be satisfied.
    @param account The account the batch draws on.
    @param batch The batch.
    @param terms Hash of the terms the clauses stand in.
    @return uint256 One bit a clause of these terms whose waiver for the account's batch has not expired.
    """
    key: bytes32 = self._waiver_key(account, batch, terms)
    waivers: uint256 = self._waivers[key]
    if waivers == 0:
        return 0
    standing: uint256 = 0
    for clause: uint256 in range(MAX_CLAUSES):
        if waivers >> clause & 1 == 1 and block.timestamp <= self._expires_at[key][clause]:
            standing |= 1 << clause
    return standing


# Internal


@internal
@pure
def _waiver_key(account: bytes32, batch: bytes32, terms: bytes32) -> bytes32:
    """
    @dev What waivers are kept under: a clause is one of certain terms, and only the account's quorum waives it.
    """
    return keccak256(abi_encode(account, batch, terms))


@internal
def _decide(struct_hash: bytes32, consents: DynArray[Bytes[65], MAX_SIGNERS]) -> DynArray[address, MAX_SIGNERS]:
    """
    @dev Who signed an act.
    """
    digest: bytes32 = signatures._digest(struct_hash)
    signers: DynArray[address, MAX_SIGNERS] = signatures._recover_all(digest, consents)
    log ISupervision.Decided(digest=digest, signers=signers)
    return signers


@internal
@view
def _consent(tree: bytes32, signers: DynArray[address, MAX_SIGNERS], one: bool):
    """
    @dev Throws unless the tree's quorum signed, or one of its institutions where that is enough.
    """
    quorum: bytes32 = (staticcall IAccounts(ACCOUNTS).root(tree)).quorum
    assert quorum != empty(bytes32), "supervision: unknown tree"
    needed: uint256 = 1
    if not one:
        needed = staticcall IDirectory(DIRECTORY).quorum_threshold(quorum)
    self._reached(staticcall IDirectory(DIRECTORY).count_institutions(quorum, signers, block.timestamp), needed)


@internal
@pure
def _reached(counted: uint256, needed: uint256):
    """
    @dev Throws when fewer institutions sign than must.
    """
    assert counted >= needed, "supervision: quorum not reached"


@internal
def _quorum(tree: bytes32, struct_hash: bytes32, consents: DynArray[Bytes[65], MAX_SIGNERS]):
    """
    @dev Throws unless the tree's quorum signed.
    """
    self._consent(tree, self._decide(struct_hash, consents), False)


@internal
@view
def _one_acts_for(signers: DynArray[address, MAX_SIGNERS], institution: bytes32):
    """
    @dev Throws unless an operator of the institution signed.
    """
    for who: address in signers:
        if staticcall IDirectory(DIRECTORY).acts_for(who, institution, OPERATOR):
            return
    raise "supervision: not the controller's operator"


@internal
@view
def _controllers_of(account: bytes32, signers: DynArray[address, MAX_SIGNERS]):
    """
    @dev Throws unless operators of the controllers of an account and of its parent signed.
    """
    held: IAccounts.Account = self._account(account)
    assert held.parent != empty(bytes32), "supervision: the root stays"
    self._one_acts_for(signers, held.controller)
    self._one_acts_for(signers, self._account(held.parent).controller)


@internal
@view
def _account(account: bytes32) -> IAccounts.Account:
    """
    @dev An account that exists.
    """
    held: IAccounts.Account = staticcall IAccounts(ACCOUNTS).account(account)
    assert held.tree != empty(bytes32), "supervision: unknown account"
    return held


@internal
@view
def _frozen_account(account: bytes32) -> IAccounts.Account:
    """
    @dev An account that is frozen, so that positions of its lines are final.
    """
    held: IAccounts.Account = self._account(account)
    assert held.frozen, "supervision: account not frozen"
    return held


@internal
@view
def _front(line: bytes32) -> uint256:
    """
    @dev Where the money of a line starts now.
    """
    filled: uint256 = 0
    emptied: uint256 = 0
    filled, emptied = staticcall ILedger(LEDGER).line(line)
    return emptied


@internal
@view
def _credit(reference: bytes32) -> (bytes32, uint256):
    """
    @dev Tree and amount of a credit that opened a return set or made a lot; what is left over of a closed set is a
        credit of its own.
    """
    held: ILedger.ReturnSet = staticcall ILedger(LEDGER).return_set(reference)
    if held.opened > 0:
        if held.closed:
            return held.tree, held.drawn
        return held.tree, held.opened
    tree: bytes32 = empty(bytes32)
    line: bytes32 = empty(bytes32)
    tree, line = staticcall ILedger(LEDGER).lot(reference)
    assert tree != empty(bytes32), "supervision: unknown reference"
    filled: uint256 = 0
    emptied: uint256 = 0
    filled, emptied = staticcall ILedger(LEDGER).line(line)
    return tree, filled


@internal
@view
def _in_custody(custody: bytes32) -> bytes32:
    """
    @dev The account of a custody line that exists.
    """
    account: bytes32 = self.custody_account[custody]
    assert account != empty(bytes32), "supervision: unknown custody"
    return account


@internal
def _open_custody(account: bytes32, home: bytes32, source: bytes32) -> bytes32:
    """
    @dev A new custody line.
    @param account Whose money it holds.
    @param home The line its money goes back to; zero for money of a lot.
    @param source The line it is carved from.
    @return bytes32 Its id.
    """
    number: uint256 = self._custody_count + 1
    self._custody_count = number
    custody: bytes32 = lines._custody_line(source, number)
    self.custody_account[custody] = account
    self.custody_home[custody] = home
    log ISupervision.CustodyOpened(custody=custody, account=account, home=home)
    return custody


@internal
def _carve(
    tree: bytes32,
    account: bytes32,
    home: bytes32,
    line: bytes32,
    pieces: DynArray[ILedger.Piece, MAX_PIECES],
    reference: bytes32,
    consents: DynArray[Bytes[65], MAX_SIGNERS],
) -> bytes32:
    """
    @dev Carve pieces of a line into a new custody, or as images of a reversed credit.
    """
    content: bytes32 = keccak256(abi_encode(pieces))
    self._quorum(tree, keccak256(abi_encode(CARVING_TYPEHASH, line, content, reference)), consents)
    if reference == empty(bytes32):
        custody: bytes32 = self._open_custody(account, home, line)
        _: uint256 = extcall ILedger(LEDGER).carve(lines.CARVE, tree, line, pieces, custody, reference)
        return custody
    owner: bytes32 = empty(bytes32)
    opened: uint256 = 0
    owner, opened = self._credit(reference)
    assert owner == tree, "supervision: credit of another tree"
    amount: uint256 = extcall ILedger(LEDGER).carve(
        lines.REVERSE, tree, line, pieces, empty(bytes32), reference
    )
    self.recovered[reference] += amount
    assert self.recovered[reference] <= self.reversed[reference], "supervision: more than was reversed"
    return empty(bytes32)
