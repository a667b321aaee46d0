# pragma version 0.4.3
# pragma nonreentrancy on
# pragma optimize codesize
"""
@title Disbursement: pays batches of payees through the bank, under its terms
@license Apache-2.0
@notice Reserve, approve, attest, execute. People act by EIP-712 signatures that anyone may hand in. A batch stays
    under the terms it was reserved under: new terms end it. A longer roster does not, since an index means the
    same payee for ever.
@custom:kill `cancel` releases a batch; freezing the account on the Ledger suspends them all.
"""

from interfaces import IAccounts
from interfaces import IAgreement
from interfaces import IClauses
from interfaces import IDirectory
from interfaces import IFactory
from interfaces import ILedger
from interfaces import IRegistry
from modules import caps
from modules import guards
from modules import merkle
from modules import payees
from modules import signatures

implements: IAgreement
initializes: caps
initializes: payees

MAX_GUARDS: constant(uint256) = 24
MAX_SIGNERS: constant(uint256) = 16
MAX_CHUNK_BYTES: constant(uint256) = 11008
MAX_CHUNK_ROWS: constant(uint256) = 256
MAX_LEAF_BYTES: constant(uint256) = 344
MAX_DEPTH: constant(uint256) = 24
ALL_KINDS: constant(uint256) = 2**18 - 2
OPEN: constant(uint256) = 1

OPERATOR: constant(uint256) = 16
# Under this id governors registered the contract that all agreements with clauses share.
CLAUSES_ID: constant(bytes32) = keccak256("clauses@1.0.0")

RESERVATION_TYPEHASH: constant(bytes32) = keccak256(
    "Reservation(bytes32 terms,bytes32 dyeClass,bytes32 root,uint256 count,uint256 total,uint256 deadline,bytes32 document)"
)
APPROVAL_TYPEHASH: constant(bytes32) = keccak256(
    "Approval(bytes32 batch,bytes32 terms,bytes32 account,bytes32 root,uint256 count,uint256 total,uint256 deadline,bytes32 document)"
)
REVOCATION_TYPEHASH: constant(bytes32) = keccak256("Revocation(bytes32 batch)")
EVIDENCE_TYPEHASH: constant(bytes32) = keccak256(
    "Evidence(bytes32 batch,bytes32 kind,bytes32 digest,uint256 observedAt)"
)
COUNTERSIGNATURE_TYPEHASH: constant(bytes32) = keccak256(
    "Countersignature(bytes32 batch,bytes32 terms,bytes32 document)"
)
CANCELLATION_TYPEHASH: constant(bytes32) = keccak256("Cancellation(bytes32 batch)")
ROSTER_TYPEHASH: constant(bytes32) = keccak256("Roster(uint256 version,uint256 size,bytes32 root)")
BLOCK_TYPEHASH: constant(bytes32) = keccak256("Block(uint256 payee,bool blocked,uint256 nonce)")
DOCUMENT_TYPEHASH: constant(bytes32) = keccak256(
    "Document(bytes32 document,bytes32 kind,bytes32 holder,uint256 payee,uint256 amount)"
)


struct Roster:
    version: uint256
    size: uint256
    root: bytes32


_M16: constant(uint256) = 2**16 - 1
_M24: constant(uint256) = 2**24 - 1
_M32: constant(uint256) = 2**32 - 1
_M64: constant(uint256) = 2**64 - 1
_M160: constant(uint256) = 2**160 - 1
# Bits of a row before its roster index and its amount.
_PAYEE: constant(uint256) = 232
_AMOUNT: constant(uint256) = 168
# Places in the word of a reservation.
_COUNTED: constant(uint256) = 160
_MET: constant(uint256) = 184
_TURNS: constant(uint256) = 200
_TURN: constant(uint256) = 216
_NO_LIMIT: constant(uint256) = max_value(uint256)

LEDGER: public(immutable(address))
ACCOUNTS: public(immutable(address))
DIRECTORY: public(immutable(address))
REGISTRY: public(immutable(address))
FACTORY: public(immutable(address))
CLAUSES: public(immutable(address))
account: public(immutable(bytes32))
DYE_CLASS: public(immutable(bytes32))

# Hash of account, dye class and terms: what people sign. The roster's version is no part of it.
terms_hash: public(bytes32)
terms_at: public(address)
roster: public(Roster)
block_nonce: public(uint256)
# One bit a payee that is blocked.
blocked: public(HashMap[uint256, uint256])

# Of a batch: where its terms stand (bits 0-159), one bit a guard that counted it (160-183), one bit a clause met
# for good when it was reserved (184-199), number of turns (200-215), when the last began (216-255).
_reservations: HashMap[bytes32, uint256]
# Minor units that went back to the caps that counted a batch.
_restored: HashMap[bytes32, uint256]
# The document a batch names.
document_of: public(HashMap[bytes32, bytes32])
# Where chunks began that were in other windows of payees' caps than those before: row (bits 0-31), time (from 32).
_turns: HashMap[bytes32, HashMap[uint256, uint256]]
# One bit a row that no cap of payees counts (any more): refused, or given back.
_uncounted: HashMap[bytes32, HashMap[uint256, uint256]]


@deploy
def __init__(account_: bytes32, dye_class: bytes32, terms: DynArray[IAgreement.Guard, MAX_GUARDS]):
    """
    @param account_ The account it pays from.
    @param dye_class The line of that account, where the terms name none.
    @param terms Clauses of guards.
    """
    FACTORY = msg.sender
    LEDGER = staticcall IFactory(msg.sender).ledger()
    ACCOUNTS = staticcall ILedger(LEDGER).ACCOUNTS()
    REGISTRY = staticcall IFactory(msg.sender).registry()
    DIRECTORY = staticcall ILedger(LEDGER).directory()
    CLAUSES = (staticcall IFactory(msg.sender).template(CLAUSES_ID)).blueprint
    assert CLAUSES != empty(address), "disbursement: clauses not registered"
    account = account_
    DYE_CLASS = dye_class
    self._set_terms(account_, dye_class, terms)


# The factory, for the quorum


@external
def adopt(arguments: Bytes[16384]):
    """
    @notice Put new terms in the place of the old. What caps have counted stays; batches reserved before can only
        be released.
    @param arguments What the constructor takes; account and dye class as they are.
    """
    assert msg.sender == FACTORY, "disbursement: not the factory"
    account_: bytes32 = empty(bytes32)
    dye_class: bytes32 = empty(bytes32)
    terms: DynArray[IAgreement.Guard, MAX_GUARDS] = []
    account_, dye_class, terms = abi_decode(arguments, (bytes32, bytes32, DynArray[IAgreement.Guard, MAX_GUARDS]))
    assert account_ == account and dye_class == DYE_CLASS, "disbursement: another account"
    self._set_terms(account_, dye_class, terms)


# Operators of the account's controller, by signature


@external
def reserve(
    dye_class: bytes32,
    root: bytes32,
    count: uint256,
    total: uint256,
    deadline: uint256,
    document: bytes32,
    signature: Bytes[65],
) -> bytes32:
    """
    @notice Reserve money for a batch and consume the aggregate caps.
    @param dye_class The line it draws on.
    @param root Commitment to the rows.
    @param count Number of rows.
    @param total Sum of the rows, minor units.
    @param deadline Chain time after which nothing more is executed.
    @param document The document it pays, or zero.
    @param signature By an operator.
    @return bytes32 The batch's id.
    """
    self._operator(
        keccak256(
            abi_encode(RESERVATION_TYPEHASH, self.terms_hash, dye_class, root, count, total, deadline, document)
        ),
        signature,
    )
    batch: bytes32 = staticcall ILedger(LEDGER).batch_id(self, account, dye_class, root, count, total, deadline)
    counted: uint256 = 0
    met: uint256 = 0
    counted, met = self._consume(batch, dye_class, total, document)
    self._reservations[batch] = convert(self.terms_at, uint256) | counted << _COUNTED | met << _MET
    self.document_of[batch] = document
    extcall ILedger(LEDGER).reserve(account, dye_class, root, count, total, deadline)
    return batch


@external
def cancel(batch: bytes32, signature: Bytes[65]) -> uint256:
    """
    @notice Release what is not executed yet, and give what went back to the caps that counted it.
    @param batch The batch.
    @param signature By an operator; of no account once the terms changed, for then anyone may.
    @return uint256 Minor units released.
    """
    who: address = msg.sender
    if self._terms_of(batch) == self.terms_at:
        who = self._operator(keccak256(abi_encode(CANCELLATION_TYPEHASH, batch)), signature)
    amount: uint256 = extcall ILedger(LEDGER).release(batch)
    self._restore(batch)
    log IAgreement.BatchCancelled(batch=batch, by=who, amount=amount)
    return amount


# Supervisors, by signature


@external
def approve(batch: bytes32, signature: Bytes[65]):
    """
    @notice Record a supervisor's approval of one exact batch.
    @param batch The batch.
    @param signature By a supervisor of a quorum that the terms name, known before the batch was reserved.
    """
    held: ILedger.Batch = self._open_batch(batch)
    assert block.timestamp <= held.deadline, "disbursement: approval expired"
    who: address = signatures._recover(
        signatures._digest(
            keccak256(
                abi_encode(
                    APPROVAL_TYPEHASH,
                    batch,
                    self.terms_hash,
                    account,
                    held.root,
                    held.count,
                    held.total,
                    held.deadline,
                    self.document_of[batch],
                )
            )
        ),
        signature,
    )
    institution: bytes32 = extcall IClauses(CLAUSES).give(
        self.terms_at, batch, guards.APPROVAL, empty(bytes32), who, block.timestamp, held.reserved_at
    )
    log IAgreement.ApprovalGiven(batch=batch, supervisor=who, institution=institution)


@external
def revoke(batch: bytes32, signature: Bytes[65]):
    """
    @notice Take an approval back. Later chunks see it; who revoked can't approve that batch again.
    @param batch The batch.
    @param signature By the supervisor who approved, or by the key that followed that one.
    """
    who: address = signatures._recover(
        signatures._digest(keccak256(abi_encode(REVOCATION_TYPEHASH, batch))), signature
    )
    extcall IClauses(CLAUSES).revoke(batch, who)
    log IAgreement.ApprovalRevoked(batch=batch, supervisor=who)


@external
def set_roster(size: uint256, root: bytes32, consents: DynArray[Bytes[65], MAX_SIGNERS]):
    """
    @notice Put a longer roster in the place of the last. Open batches go on: the payees of old stay.
    @param size Number of payees; more than before.
    @param root Root of the whole roster.
    @param consents Of the tree's quorum, over the next version, rising by signer.
    """
    version: uint256 = self.roster.version + 1
    tree: bytes32 = (staticcall IAccounts(ACCOUNTS).account(account)).tree
    self._agreed(
        (staticcall IAccounts(ACCOUNTS).root(tree)).quorum,
        keccak256(abi_encode(ROSTER_TYPEHASH, version, size, root)),
        consents,
        False,
    )
    assert size > self.roster.size, "disbursement: roster does not grow"
    assert size <= guards.MAX_PAYEES, "disbursement: roster too long"
    self._set_roster(size, root)


@external
def set_blocked(payee: uint256, blocked: bool, consents: DynArray[Bytes[65], MAX_SIGNERS]):
    """
    @notice Block a payee at once, by one supervisor of the quorum that the terms name; unblock by its threshold.
    @param payee Roster index.
    @param blocked What to make it.
    @param consents Supervisors' signatures over the current nonce, rising by signer.
    """
    assert payee < guards.MAX_PAYEES, "disbursement: payee out of bounds"
    quorum: bytes32 = empty(bytes32)
    at: address = self.terms_at
    for i: uint256 in range(guards._length(at), bound=MAX_GUARDS):
        guard: IAgreement.Guard = guards._guard(at, i)
        if guard.kind == guards.BLACKLIST:
            quorum = guard.subject
    assert quorum != empty(bytes32), "disbursement: no blacklist"
    nonce: uint256 = self.block_nonce
    self._agreed(quorum, keccak256(abi_encode(BLOCK_TYPEHASH, payee, blocked, nonce)), consents, blocked)
    self.block_nonce = nonce + 1
    bit: uint256 = 1 << payee % 256
    word: uint256 = self.blocked[payee // 256] | bit
    if not blocked:
        word ^= bit
    self.blocked[payee // 256] = word
    log IAgreement.PayeeBlocked(payee=payee, blocked=blocked)


# Witnesses and other institutions, by signature


@external
def attest(batch: bytes32, kind: bytes32, content: bytes32, observed_at: uint256, signature: Bytes[65]):
    """
    @notice Record evidence that the terms ask for. A later observation of a witness replaces an earlier one.
    @param batch The batch it is about.
    @param kind The kind of evidence.
    @param content Commitment to the document.
    @param observed_at When the witness observed it, unix seconds.
    @param signature By a witness of an institution that the terms name, known when it was observed.
    """
    self._open_batch(batch)
    assert observed_at <= block.timestamp, "disbursement: observed later"
    who: address = signatures._recover(
        signatures._digest(keccak256(abi_encode(EVIDENCE_TYPEHASH, batch, kind, content, observed_at))), signature
    )
    extcall IClauses(CLAUSES).give(
        self.terms_at, batch, guards.EVIDENCE, kind, who, observed_at, observed_at
    )
    log IAgreement.EvidenceAttested(
        batch=batch, kind=kind, witness=who, digest=content, observed_at=observed_at
    )


@external
def countersign(batch: bytes32, signature: Bytes[65]):
    """
    @notice Record the countersignature of an institution that the terms name.
    @param batch The batch.
    @param signature By one of its operators, known before the batch was reserved.
    """
    held: ILedger.Batch = self._open_batch(batch)
    who: address = signatures._recover(
        signatures._digest(
            keccak256(abi_encode(COUNTERSIGNATURE_TYPEHASH, batch, self.terms_hash, self.document_of[batch]))
        ),
        signature,
    )
    institution: bytes32 = extcall IClauses(CLAUSES).give(
        self.terms_at, batch, guards.COUNTERSIGN, empty(bytes32), who, block.timestamp, held.reserved_at
    )
    log IAgreement.BatchCountersigned(batch=batch, operator=who, institution=institution)


@external
def register_document(
    document: bytes32, kind: bytes32, holder: bytes32, payee: uint256, amount: uint256, signature: Bytes[65]
):
    """
    @notice Register a document that batches can pay, once in the whole network. One that is there already is
        confirmed by another witness in the same words, for when the first is none any more.
    @param document Keyed hash of what makes it unique.
    @param kind The kind of document.
    @param holder The institution it belongs to.
    @param payee Roster index of whom it pays.
    @param amount What it is good for, minor units.
    @param signature By a witness of the institution that the terms name. Batches draw on the document as long as
        the signer, or the key that followed that one, still is.
    """
    digest: bytes32 = signatures._digest(
        keccak256(abi_encode(DOCUMENT_TYPEHASH, document, kind, holder, payee, amount))
    )
    who: address = signatures._recover(digest, signature)
    log IAgreement.OperatorActed(digest=digest, operator=who)
    if not extcall IClauses(CLAUSES).give_document(self.terms_at, document, kind, holder, payee, amount, who):
        extcall IRegistry(REGISTRY).register(document, kind, holder, payee, amount)


# Anyone


@external
def execute(
    batch: bytes32, rows: Bytes[MAX_CHUNK_BYTES], proof: DynArray[bytes32, MAX_DEPTH], skip_refused: bool
):
    """
    @notice Execute the next chunk of a batch if every clause is satisfied or waived.
    @param batch The batch.
    @param rows The rows, 43 bytes each.
    @param proof Proof of the chunk.
    @param skip_refused Map a refused row back and go on; else one refused row refuses the call. Only for who
        settles for the account's bank: a skip is final, while another guard might still have been satisfied.
    """
    if skip_refused:
        # Throws unless the sender settles.
        _: uint256 = staticcall IAccounts(ACCOUNTS).settles(account, msg.sender)
    held: ILedger.Batch = self._open_batch(batch)
    verdict: IClauses.Verdict = self._judge(batch, held)
    refused: uint256 = self._check_rows(batch, held.cursor, rows, verdict, skip_refused)
    extcall ILedger(LEDGER).execute(batch, rows, proof, refused)


@external
def restore(batch: bytes32) -> uint256:
    """
    @notice Give what went back (skipped, returned, released) to the caps that counted it.
    @param batch The batch.
    @return uint256 Minor units given back now; zero when there is nothing new.
    """
    return self._restore(batch)


@external
def restore_payee(
    batch: bytes32,
    row: uint256,
    leaf_start: uint256,
    leaf_rows: Bytes[MAX_LEAF_BYTES],
    proof: DynArray[bytes32, MAX_DEPTH],
):
    """
    @notice Give a row that came back whole to the caps of its payee, in the windows that counted it.
    @param batch The batch.
    @param row The row's number.
    @param leaf_start Position of the first row of its leaf.
    @param leaf_rows The leaf's rows.
    @param proof The leaf's siblings, lowest first.
    """
    terms: address = self._terms_of(batch)
    bit: uint256 = 1 << row % 256
    assert staticcall ILedger(LEDGER).gone(batch, row // 256) & bit != 0, "disbursement: row is not back"
    assert self._uncounted[batch][row // 256] & bit == 0, "disbursement: row is not counted"
    self._uncounted[batch][row // 256] |= bit
    held: ILedger.Batch = staticcall ILedger(LEDGER).batch(batch)
    start: uint256 = 0
    amount: uint256 = 0
    start, amount = merkle._verify_row(held.root, held.count, held.total, row, leaf_start, leaf_rows, proof)
    payee: uint256 = merkle._roster_index(extract32(leaf_rows, row % merkle.ROWS_A_LEAF * merkle.ROW_BYTES))
    moment: uint256 = self._executed_at(batch, row)
    for i: uint256 in range(guards._length(terms), bound=MAX_GUARDS):
        guard: IAgreement.Guard = guards._guard(terms, i)
        if guard.kind == guards.PAYEE_CAP:
            payees._give_back(
                convert(guards._counter(guard), uint256), guards._window(guard, moment), payee, amount
            )


@view
@external
def approvers(batch: bytes32) -> DynArray[address, MAX_SIGNERS]:
    """
    @notice Who stands behind a batch.
    @param batch The batch.
    @return DynArray Who approved and did not revoke it, whether or not it still counts.
    """
    return staticcall IClauses(CLAUSES).approvers(self, batch)


@view
@external
def accounts() -> DynArray[bytes32, 16]:
    """
    @notice Where it draws on money.
    @return DynArray The account it draws on.
    """
    return [account]


@view
@external
def terms() -> DynArray[IAgreement.Guard, MAX_GUARDS]:
    """
    @notice Its terms, as guards.
    @return DynArray The terms.
    """
    return guards._all(self.terms_at)


@pure
@external
def holds_deposits() -> bool:
    """
    @notice Whose money it is that rests.
    @return bool False: the money is its account's own.
    """
    return False


@view
@external
def state() -> uint256:
    """
    @notice Where it stands.
    @return uint256 Always open.
    """
    return OPEN


@view
@external
def consumed(guard: uint256, moment: uint256) -> uint256:
    """
    @notice What an aggregate cap has counted.
    @param guard Number of the guard.
    @param moment Chain time in the window asked for.
    @return uint256 What an aggregate cap has consumed in the window of a moment, minor units.
    """
    return caps._used(guards._guard(self.terms_at, guard), moment)


@view
@external
def paid(guard: uint256, payee: uint256, moment: uint256) -> uint256:
    """
    @notice What a cap of payees has counted for one of them.
    @param guard Number of the guard.
    @param payee Roster index.
    @param moment Chain time in the window asked for.
    @return uint256 What a payee got in the window of a moment, as a cap of payees counts it, minor units.
    """
    return self._paid(guards._guard(self.terms_at, guard), payee, moment)


# Internal: terms


@internal
def _set_terms(account_: bytes32, dye_class: bytes32, terms: DynArray[IAgreement.Guard, MAX_GUARDS]):
    """
    @dev Take terms, and their roster where it extends the one that is there.
    """
    assert len(terms) > 0, "disbursement: no terms"
    size: uint256 = 0
    root: bytes32 = empty(bytes32)
    self.terms_at, size, root = extcall IClauses(CLAUSES).publish(
        terms, ALL_KINDS, self.roster.size, self.roster.root
    )
    self.terms_hash = keccak256(abi_encode(account_, dye_class, terms))
    if size != self.roster.size:
        self._set_roster(size, root)


@internal
def _set_roster(size: uint256, root: bytes32):
    """
    @dev Take a roster, a longer one, so that an index means the same payee for ever.
    """
    self.roster.version += 1
    self.roster.size = size
    self.roster.root = root
    log IAgreement.RosterSet(version=self.roster.version, size=size, root=root)


# Internal: who acts


@internal
def _operator(struct_hash: bytes32, signature: Bytes[65]) -> address:
    """
    @dev The operator of the account's controller who signed.
    """
    digest: bytes32 = signatures._digest(struct_hash)
    who: address = signatures._recover(digest, signature)
    controller: bytes32 = (staticcall IAccounts(ACCOUNTS).account(account)).controller
    assert staticcall IDirectory(DIRECTORY).acts_for(who, controller, OPERATOR), "disbursement: not an operator"
    log IAgreement.OperatorActed(digest=digest, operator=who)
    return who


@internal
@view
def _agreed(quorum: bytes32, struct_hash: bytes32, consents: DynArray[Bytes[65], MAX_SIGNERS], one: bool):
    """
    @dev Throws unless a quorum signed, or one of its institutions where that is enough.
    """
    assert staticcall IClauses(CLAUSES).agrees(
        quorum, signatures._digest(struct_hash), consents, one
    ), "disbursement: quorum not reached"


# Internal: batches


@internal
@view
def _terms_of(batch: bytes32) -> address:
    """
    @dev Where the terms of a batch of this agreement stand.
    """
    terms: address = convert(convert(self._reservations[batch] & _M160, uint160), address)
    assert terms != empty(address), "disbursement: unknown batch"
    return terms


@internal
@view
def _open_batch(batch: bytes32) -> ILedger.Batch:
    """
    @dev A batch of this agreement, under its terms, that has not ended.
    """
    terms: address = self._terms_of(batch)
    held: ILedger.Batch = staticcall ILedger(LEDGER).batch(batch)
    assert held.cursor < held.end, "disbursement: batch has ended"
    assert terms == self.terms_at, "disbursement: terms changed"
    return held


@internal
def _consume(batch: bytes32, dye_class: bytes32, total: uint256, document: bytes32) -> (uint256, uint256):
    """
    @dev Count a batch against one cap of every clause that has some; refuse where none has room and no other
        guard could still be satisfied.
    @return (uint256, uint256) One bit a guard that counted it; one bit a clause that it meets for good.
    """
    assert total <= guards.MAX_AMOUNT, "disbursement: total out of bounds"
    terms: address = self.terms_at
    waived: uint256 = staticcall IClauses(CLAUSES).waived(terms, self.terms_hash, account, batch)
    counted: uint256 = 0
    met: uint256 = 0
    done: uint256 = 0
    has_class: bool = False
    # Of the clause: the first cap that could count past its limit, and whether other guards may satisfy it later.
    first: uint256 = MAX_GUARDS
    is_open: bool = False
    number: uint256 = guards._length(terms)
    guard: IAgreement.Guard = guards._guard(terms, 0)
    for i: uint256 in range(number, bound=MAX_GUARDS):
        limit: uint256 = guard.a
        observed: uint256 = total
        code: uint256 = guard.kind
        fits: bool = False
        if guard.kind == guards.DYE_CLASS:
            has_class = True
            limit = convert(guard.subject, uint256)
            observed = convert(dye_class, uint256)
            fits = limit == observed
        elif guard.kind == guards.DOCUMENT:
            code, limit, observed = staticcall IClauses(CLAUSES).document_room(guard, document, total)
            fits = observed <= limit and code == guards.DOCUMENT_AMOUNT
        elif guard.kind == guards.LINE_CAP and guard.subject != dye_class:
            met |= 1 << guard.clause
            done |= 1 << guard.clause
        elif guards._is(guards.COUNTED, guard.kind):
            observed += caps._used(guard, block.timestamp)
            fits = observed <= limit
            first = min(first, i)
        elif guard.kind == guards.BATCH_CAP:
            fits = total <= limit
        else:
            is_open = True
        if fits and done >> guard.clause & 1 == 0:
            done |= 1 << guard.clause
            if guards._is(guards.COUNTED, guard.kind):
                counted |= 1 << i
                self._count(guard, document, total)
            else:
                met |= 1 << guard.clause
        following: IAgreement.Guard = guards._after(terms, i, number)
        if following.clause != guard.clause:
            if done >> guard.clause & 1 == 0 and not is_open:
                if waived >> guard.clause & 1 == 0:
                    guards._refuse(guard.clause, i, code, limit, observed)
                if first < MAX_GUARDS:
                    counted |= 1 << first
                    self._count(guards._guard(terms, first), document, total)
            first = MAX_GUARDS
            is_open = False
        guard = following
    assert has_class or dye_class == DYE_CLASS, "disbursement: another dye class"
    return counted, met


@internal
def _count(guard: IAgreement.Guard, document: bytes32, amount: uint256):
    """
    @dev Count an amount against a cap, whether or not it has room.
    """
    if guard.kind == guards.DOCUMENT:
        extcall IRegistry(REGISTRY).use(document, amount)
    else:
        caps._set_used(guard, block.timestamp, caps._used(guard, block.timestamp) + amount)


@internal
def _restore(batch: bytes32) -> uint256:
    """
    @dev Give back to the caps what the Ledger says went back since the last time.
    """
    terms: address = self._terms_of(batch)
    held: ILedger.Batch = staticcall ILedger(LEDGER).batch(batch)
    amount: uint256 = held.amount_gone - self._restored[batch]
    if amount == 0:
        return 0
    self._restored[batch] = held.amount_gone
    counted: uint256 = self._reservations[batch] >> _COUNTED
    for i: uint256 in range(MAX_GUARDS):
        if counted >> i & 1 == 0:
            continue
        guard: IAgreement.Guard = guards._guard(terms, i)
        if guard.kind == guards.DOCUMENT:
            extcall IRegistry(REGISTRY).give_back(self.document_of[batch], amount)
        else:
            caps._set_used(guard, held.reserved_at, caps._used(guard, held.reserved_at) - amount)
    return amount


# Internal: chunks


@internal
def _judge(batch: bytes32, held: ILedger.Batch) -> IClauses.Verdict:
    """
    @dev What the guards say about a whole chunk. The first chunk in other windows is noted as a turn.
    """
    word: uint256 = self._reservations[batch]
    verdict: IClauses.Verdict = staticcall IClauses(CLAUSES).judge(
        IClauses.Facts(
            terms=self.terms_at,
            terms_hash=self.terms_hash,
            batch=batch,
            account=account,
            document=self.document_of[batch],
            counted=word >> _COUNTED & _M24,
            met=word >> _MET & _M16,
            total=held.total,
            reserved_at=held.reserved_at,
            turned_at=word >> _TURN,
            roster_size=self.roster.size,
        )
    )
    if verdict.turns:
        self._turn(batch, held.cursor)
    return verdict


@internal
def _turn(batch: bytes32, row: uint256):
    """
    @dev Note that a chunk is the first of its batch in a window of some cap of payees.
    """
    word: uint256 = self._reservations[batch]
    number: uint256 = word >> _TURNS & _M16
    assert number < _M16, "disbursement: too many turns"
    self._turns[batch][number] = row | block.timestamp << 32
    self._reservations[batch] = word & (1 << _TURNS) - 1 | number + 1 << _TURNS | block.timestamp << _TURN


@internal
@view
def _executed_at(batch: bytes32, row: uint256) -> uint256:
    """
    @dev When the turn that executed a row began: a time in the same windows of all caps of payees.
    """
    # Turns rise by row: look for the last that is not after this one.
    low: uint256 = 0
    high: uint256 = self._reservations[batch] >> _TURNS & _M16
    for _: uint256 in range(16):
        if low + 1 >= high:
            break
        middle: uint256 = (low + high) // 2
        if self._turns[batch][middle] & _M32 <= row:
            low = middle
        else:
            high = middle
    return self._turns[batch][low] >> 32


@internal
def _check_rows(
    batch: bytes32, first_row: uint256, rows: Bytes[MAX_CHUNK_BYTES], verdict: IClauses.Verdict, skip_refused: bool
) -> uint256:
    """
    @dev Evaluate the guards that look at rows, and count rows against the caps of their payees.
    @return uint256 One bit a refused row.
    """
    # Within these, nothing is left to look at.
    easy: uint256 = verdict.payees
    if verdict.has_blacklist or verdict.cap_count > 0:
        easy = 0
    group: uint256 = _NO_LIMIT
    slots: uint256[guards.MAX_PAYEE_CAPS] = empty(uint256[guards.MAX_PAYEE_CAPS])
    page: uint256 = _NO_LIMIT
    listed: uint256 = 0
    refused: uint256 = 0
    for i: uint256 in range(len(rows) // merkle.ROW_BYTES, bound=MAX_CHUNK_ROWS):
        word: uint256 = convert(extract32(rows, unsafe_mul(i, merkle.ROW_BYTES)), uint256)
        payee: uint256 = word >> _PAYEE
        amount: uint256 = word >> _AMOUNT & _M64
        place: uint256 = unsafe_sub(payee, verdict.first)
        if place < easy and amount <= verdict.most:
            continue
        fits: bool = place < verdict.payees and amount <= verdict.most
        if verdict.has_blacklist:
            if payee >> 8 != page:
                page = payee >> 8
                listed = self.blocked[page]
            fits = fits and listed >> (payee & 255) & 1 == 0
        if verdict.cap_count > 0 and unsafe_div(payee, payees.PAYEES_A_SLOT) != group:
            self._store(verdict, group, slots)
            group = unsafe_div(payee, payees.PAYEES_A_SLOT)
            slots = self._load(verdict, group)
        before: uint256[guards.MAX_PAYEE_CAPS] = slots
        for k: uint256 in range(verdict.cap_count, bound=guards.MAX_PAYEE_CAPS):
            slot: uint256 = slots[k]
            bits: uint256 = unsafe_mul(payee % payees.PAYEES_A_SLOT, payees.COUNTER_BITS)
            counter: uint256 = slot >> bits & payees.FULL
            after: uint256 = unsafe_add(counter, amount)
            fits = fits and after <= verdict.caps[k].most
            slots[k] = unsafe_add(slot, unsafe_sub(min(after, payees.FULL), counter) << bits)
        if not fits:
            self._store(verdict, group, before)
            if self._is_refused(batch, first_row + i, verdict, payee, amount, skip_refused):
                refused |= 1 << i
                slots = before
    self._store(verdict, group, slots)
    if refused != 0:
        self._uncounted[batch][first_row // 256] |= refused << first_row % 256
    return refused


@internal
@view
def _load(verdict: IClauses.Verdict, group: uint256) -> uint256[guards.MAX_PAYEE_CAPS]:
    """
    @dev The counters of seven payees, a slot a cap.
    """
    slots: uint256[guards.MAX_PAYEE_CAPS] = empty(uint256[guards.MAX_PAYEE_CAPS])
    for k: uint256 in range(verdict.cap_count, bound=guards.MAX_PAYEE_CAPS):
        slots[k] = payees._slot(verdict.caps[k].counter, group, verdict.caps[k].window)
    return slots


@internal
def _store(verdict: IClauses.Verdict, group: uint256, slots: uint256[guards.MAX_PAYEE_CAPS]):
    """
    @dev Write the counters of seven payees, if any are loaded.
    """
    if group != _NO_LIMIT:
        for k: uint256 in range(verdict.cap_count, bound=guards.MAX_PAYEE_CAPS):
            payees._slots[unsafe_add(verdict.caps[k].counter, group)] = slots[k]


@internal
def _is_refused(
    batch: bytes32, row: uint256, verdict: IClauses.Verdict, payee: uint256, amount: uint256, skip_refused: bool
) -> bool:
    """
    @dev Whether some clause refuses a row. Name the row if it is skipped; else refuse the call.
    """
    terms: address = self.terms_at
    met: uint256 = verdict.met
    # Of the clause: the last guard that looks at rows.
    last: uint256 = MAX_GUARDS
    code: uint256 = 0
    limit: uint256 = 0
    observed: uint256 = 0
    number: uint256 = guards._length(terms)
    guard: IAgreement.Guard = guards._guard(terms, 0)
    for i: uint256 in range(number, bound=MAX_GUARDS):
        looked_limit: uint256 = _NO_LIMIT
        looked: uint256 = payee
        is_met: bool = False
        if guard.kind == guards.ROSTER:
            looked_limit = self.roster.size
            is_met = payee < looked_limit
        elif guard.kind == guards.PAYOUT_CAP:
            looked_limit = guard.a
            looked = amount
            is_met = amount <= guard.a
        elif guard.kind == guards.BLACKLIST:
            looked_limit = 0
            is_met = self.blocked[payee // 256] >> payee % 256 & 1 == 0
        elif guard.kind == guards.PAYEE_CAP:
            looked_limit = guard.a
            looked = self._paid(guard, payee, block.timestamp) + amount
            is_met = looked <= guard.a
        elif guard.kind == guards.DOCUMENT:
            looked_limit = verdict.payee
            is_met = payee == verdict.payee
        if looked_limit != _NO_LIMIT:
            last = i
            code = guard.kind
            limit = looked_limit
            observed = looked
        if is_met:
            met |= 1 << guard.clause
        following: IAgreement.Guard = guards._after(terms, i, number)
        if following.clause != guard.clause:
            if met >> guard.clause & 1 == 0:
                if code == guards.DOCUMENT:
                    code = guards.DOCUMENT_PAYEE
                if not skip_refused:
                    guards._refuse(guard.clause, last, code, limit, observed)
                log IAgreement.RowRefused(
                    batch=batch,
                    row=row,
                    clause=guard.clause,
                    guard=last,
                    code=guards._code(code),
                    limit=limit,
                    observed=observed,
                )
                return True
        guard = following
    return False


@internal
@view
def _paid(guard: IAgreement.Guard, payee: uint256, moment: uint256) -> uint256:
    """
    @dev What a payee got in the window of a moment, as a cap of payees counts it, minor units.
    """
    slot: uint256 = payees._slot(
        convert(guards._counter(guard), uint256), payee // payees.PAYEES_A_SLOT, guards._window(guard, moment)
    )
    return slot >> payee % payees.PAYEES_A_SLOT * payees.COUNTER_BITS & payees.FULL
