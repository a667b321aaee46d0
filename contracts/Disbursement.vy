# pragma version 0.4.3
# pragma nonreentrancy on
"""
@title Disbursement: pays batches of payees through the bank, under its terms
@license Apache-2.0
@notice Reserve, approve, attest, execute. People act by EIP-712 signatures that anyone may hand in.
@custom:kill `cancel` releases a batch; freezing the account on the Ledger suspends them all.
"""

from interfaces import IAgreement
from interfaces import IDirectory
from interfaces import IFactory
from interfaces import ILedger
from modules import guards
from modules import merkle
from modules import signatures

implements: IAgreement
initializes: guards

MAX_GUARDS: constant(uint256) = 24
MAX_SIGNERS: constant(uint256) = 16
MAX_CHUNK_BYTES: constant(uint256) = 11008
MAX_DEPTH: constant(uint256) = 24
# APPROVAL, ROSTER, PAYOUT_CAP, WINDOW_CAP, TIME_WINDOW, EVIDENCE
ALLOWED_KINDS: constant(uint256) = 126

SUPERVISOR: constant(uint256) = 8
OPERATOR: constant(uint256) = 16
WITNESS: constant(uint256) = 64

RESERVATION_TYPEHASH: constant(bytes32) = keccak256(
    "Reservation(bytes32 terms,bytes32 root,uint256 count,uint256 total,uint256 deadline)"
)
APPROVAL_TYPEHASH: constant(bytes32) = keccak256(
    "Approval(bytes32 batch,bytes32 terms,bytes32 account,bytes32 root,uint256 count,uint256 total,uint256 deadline)"
)
EVIDENCE_TYPEHASH: constant(bytes32) = keccak256("Evidence(bytes32 batch,bytes32 kind,bytes32 digest)")
CANCELLATION_TYPEHASH: constant(bytes32) = keccak256("Cancellation(bytes32 batch)")


struct Attestation:
    witness: address
    attested_at: uint256


_M64: constant(uint256) = 2**64 - 1
_RESTORED: constant(uint256) = 64
_COUNTED: constant(uint256) = 128

LEDGER: public(immutable(address))
DIRECTORY: public(immutable(address))
account: public(immutable(bytes32))
DYE_CLASS: public(immutable(bytes32))
terms_hash: public(immutable(bytes32))

attestations: public(HashMap[bytes32, HashMap[uint256, Attestation]])

# Of a batch: when it was reserved (bits 0-63), what its windows got back (64-127, minor units), and one bit a
# window cap that counted it (from 128).
_reservations: HashMap[bytes32, uint256]
_approvers: HashMap[bytes32, DynArray[address, MAX_SIGNERS]]
# Evidence handed in, by digest and witness: handing it in again would make it look fresh.
_is_attested: HashMap[bytes32, HashMap[address, bool]]


@deploy
def __init__(account_: bytes32, dye_class: bytes32, terms: DynArray[IAgreement.Guard, MAX_GUARDS]):
    """
    @param account_ The account it pays from.
    @param dye_class The line of that account.
    @param terms Clauses of guards.
    """
    guards.__init__(terms, ALLOWED_KINDS)
    LEDGER = staticcall IFactory(msg.sender).ledger()
    DIRECTORY = staticcall ILedger(LEDGER).directory()
    account = account_
    DYE_CLASS = dye_class
    terms_hash = keccak256(abi_encode(account_, dye_class, terms))


# Operators of the account's controller, by signature


@external
def reserve(root: bytes32, count: uint256, total: uint256, deadline: uint256, signature: Bytes[65]) -> bytes32:
    """
    @notice Reserve money for a batch and consume the window caps.
    @param root Commitment to the rows.
    @param count Number of rows.
    @param total Sum of the rows, minor units.
    @param deadline Chain time after which nothing more is executed.
    @param signature By an operator.
    @return bytes32 The batch's id.
    """
    digest: bytes32 = signatures._digest(
        keccak256(abi_encode(RESERVATION_TYPEHASH, terms_hash, root, count, total, deadline))
    )
    self._operator(digest, signature)
    counted: uint256 = guards._consume(total)
    batch: bytes32 = extcall ILedger(LEDGER).reserve(account, DYE_CLASS, root, count, total, deadline)
    self._reservations[batch] = block.timestamp | counted << _COUNTED
    return batch


@external
def cancel(batch: bytes32, signature: Bytes[65]) -> uint256:
    """
    @notice Release what is not executed yet, and give what went back to the windows it was counted in.
    @param batch The batch.
    @param signature By an operator.
    @return uint256 Minor units released.
    """
    self._known(batch)
    who: address = self._operator(
        signatures._digest(keccak256(abi_encode(CANCELLATION_TYPEHASH, batch))), signature
    )
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
    held: ILedger.Batch = self._batch(batch)
    assert block.timestamp <= held.deadline, "disbursement: approval expired"
    digest: bytes32 = signatures._digest(
        keccak256(
            abi_encode(
                APPROVAL_TYPEHASH,
                batch,
                terms_hash,
                account,
                held.root,
                held.count,
                held.total,
                held.deadline,
            )
        )
    )
    who: address = signatures._recover(digest, signature)
    signer: IDirectory.Signer = staticcall IDirectory(DIRECTORY).signer(who)
    assert signer.roles & SUPERVISOR != 0, "disbursement: not a supervisor"
    assert signer.since <= held.reserved_at, "disbursement: signer is newer than the batch"
    assert self._is_asked(signer.institution), "disbursement: not in the quorum"
    assert who not in self._approvers[batch], "disbursement: approval repeated"
    assert len(self._approvers[batch]) < MAX_SIGNERS, "disbursement: too many approvals"
    self._approvers[batch].append(who)
    log IAgreement.ApprovalGiven(batch=batch, supervisor=who, institution=signer.institution)


# Witnesses, by signature


@external
def attest(batch: bytes32, kind: bytes32, content: bytes32, signature: Bytes[65]):
    """
    @notice Record evidence that the terms ask for. A later attestation replaces an earlier one.
    @param batch The batch it is about.
    @param kind The kind of evidence.
    @param content Commitment to the document.
    @param signature By a witness of the institution that the terms name.
    """
    self._batch(batch)
    digest: bytes32 = signatures._digest(keccak256(abi_encode(EVIDENCE_TYPEHASH, batch, kind, content)))
    who: address = signatures._recover(digest, signature)
    assert not self._is_attested[digest][who], "disbursement: evidence repeated"
    self._is_attested[digest][who] = True
    asked: bool = False
    terms: DynArray[IAgreement.Guard, MAX_GUARDS] = guards._terms()
    for i: uint256 in range(len(terms), bound=MAX_GUARDS):
        if terms[i].kind != guards.EVIDENCE or terms[i].subject != kind:
            continue
        if staticcall IDirectory(DIRECTORY).acts_for(who, terms[i].party, WITNESS):
            self.attestations[batch][i] = Attestation(witness=who, attested_at=block.timestamp)
            asked = True
    assert asked, "disbursement: the terms ask for no such evidence of this signer"
    log IAgreement.EvidenceAttested(batch=batch, kind=kind, witness=who, digest=content)


# Anyone


@external
def execute(
    batch: bytes32, rows: Bytes[MAX_CHUNK_BYTES], proof: DynArray[bytes32, MAX_DEPTH], skip_refused: bool
):
    """
    @notice Execute the next chunk of a batch if every clause is satisfied.
    @param batch The batch.
    @param rows The rows, 43 bytes each.
    @param proof Proof of the chunk.
    @param skip_refused Map a refused row back and go on; else one refused row refuses the call. Only for
        signers in the directory: a skip is final, while another guard might still have been satisfied.
    """
    self._known(batch)
    if skip_refused:
        signer: IDirectory.Signer = staticcall IDirectory(DIRECTORY).signer(msg.sender)
        assert signer.roles != 0, "disbursement: only a signer may skip rows"
    satisfied: uint256 = self._check(batch)
    refused: uint256 = self._check_rows(batch, rows, satisfied, skip_refused)
    extcall ILedger(LEDGER).execute(batch, rows, proof, refused)


@external
def restore(batch: bytes32) -> uint256:
    """
    @notice Give what went back before settling (skipped, returned, released) to the windows it was counted in.
    @param batch The batch.
    @return uint256 Minor units given back now; zero when there is nothing new.
    """
    self._known(batch)
    return self._restore(batch)


@view
@external
def reserved_at(batch: bytes32) -> uint256:
    """
    @return uint256 When a batch was reserved; zero when it is not of this agreement.
    """
    return self._reserved_at(batch)


@view
@external
def approvers(batch: bytes32) -> DynArray[address, MAX_SIGNERS]:
    """
    @return DynArray Who approved, whether or not it still counts.
    """
    return self._approvers[batch]


@view
@external
def terms() -> DynArray[IAgreement.Guard, MAX_GUARDS]:
    """
    @return DynArray The terms.
    """
    return guards._terms()


@view
@external
def consumed(guard: uint256, moment: uint256) -> uint256:
    """
    @return uint256 What a window cap has consumed in the window of a moment, minor units.
    """
    return guards.consumed[guard][guards._window(guards._terms()[guard], moment)]


# Internal


@internal
@view
def _reserved_at(batch: bytes32) -> uint256:
    """
    @dev When a batch was reserved.
    """
    return self._reservations[batch] & _M64


@internal
@view
def _known(batch: bytes32):
    """
    @dev Throws when a batch is not of this agreement.
    """
    assert self._reservations[batch] != 0, "disbursement: unknown batch"


@internal
def _restore(batch: bytes32) -> uint256:
    """
    @dev Give back to the windows what the Ledger says went back since the last time.
    """
    word: uint256 = self._reservations[batch]
    gone: uint256 = (staticcall ILedger(LEDGER).batch(batch)).amount_gone
    amount: uint256 = gone - (word >> _RESTORED & _M64)
    self._reservations[batch] = word + (amount << _RESTORED)
    guards._unconsume(amount, word & _M64, word >> _COUNTED)
    return amount


@internal
@view
def _batch(batch: bytes32) -> ILedger.Batch:
    """
    @dev A batch of this agreement that has not ended.
    """
    self._known(batch)
    held: ILedger.Batch = staticcall ILedger(LEDGER).batch(batch)
    assert held.cursor < held.end, "disbursement: batch has ended"
    return held


@internal
def _operator(digest: bytes32, signature: Bytes[65]) -> address:
    """
    @dev The operator of the account's controller who signed.
    """
    who: address = signatures._recover(digest, signature)
    controller: bytes32 = (staticcall ILedger(LEDGER).account(account)).controller
    assert staticcall IDirectory(DIRECTORY).acts_for(who, controller, OPERATOR), "disbursement: not an operator"
    log IAgreement.OperatorActed(digest=digest, operator=who)
    return who


@internal
@view
def _is_asked(institution: bytes32) -> bool:
    """
    @dev Whether the institution belongs to a quorum that the terms name.
    """
    terms: DynArray[IAgreement.Guard, MAX_GUARDS] = guards._terms()
    for guard: IAgreement.Guard in terms:
        if guard.kind == guards.APPROVAL and staticcall IDirectory(DIRECTORY).is_member(guard.subject, institution):
            return True
    return False


@internal
@view
def _check(batch: bytes32) -> uint256:
    """
    @dev Evaluate what holds for the whole chunk, by what the directory says now.
    @return uint256 One bit a clause that is satisfied for every row.
    """
    terms: DynArray[IAgreement.Guard, MAX_GUARDS] = guards._terms()
    evidence: uint256 = 0
    approvals: uint256[MAX_GUARDS] = empty(uint256[MAX_GUARDS])
    for i: uint256 in range(len(terms), bound=MAX_GUARDS):
        if terms[i].kind == guards.APPROVAL:
            approvals[i] = staticcall IDirectory(DIRECTORY).count_institutions(
                terms[i].subject, self._approvers[batch], self._reserved_at(batch)
            )
        elif terms[i].kind == guards.EVIDENCE:
            given: Attestation = self.attestations[batch][i]
            if given.attested_at + terms[i].a >= block.timestamp and staticcall IDirectory(DIRECTORY).acts_for(
                given.witness, terms[i].party, WITNESS
            ):
                evidence |= 1 << i
    return guards._check_whole(0, evidence, approvals)


@internal
def _check_rows(batch: bytes32, rows: Bytes[MAX_CHUNK_BYTES], satisfied: uint256, skip_refused: bool) -> uint256:
    """
    @dev Evaluate the guards that look at rows.
    @return uint256 One bit a refused row.
    """
    payees: uint256 = 0
    cap: uint256 = 0
    payees, cap = guards._row_limits(satisfied)
    refused: uint256 = 0
    number: uint256 = len(rows) // merkle.ROW_BYTES
    for i: uint256 in range(number, bound=256):
        word: bytes32 = extract32(rows, i * merkle.ROW_BYTES)
        if merkle._roster_index(word) < payees and merkle._amount(word) <= cap:
            continue
        guard: uint256 = guards._first_refusal(satisfied, merkle._roster_index(word), merkle._amount(word))
        if guard == MAX_GUARDS:
            continue
        if not skip_refused:
            guards._refuse_row(guard, merkle._roster_index(word), merkle._amount(word))
        refused |= 1 << i
        self._log_refusal(batch, i, guard, merkle._roster_index(word), merkle._amount(word))
    return refused


@internal
def _log_refusal(batch: bytes32, place: uint256, guard: uint256, payee: uint256, amount: uint256):
    """
    @dev Name a row that is skipped, by its place in the batch.
    """
    code: bytes32 = empty(bytes32)
    limit: uint256 = 0
    observed: uint256 = 0
    code, limit, observed = guards._row_refusal(guard, payee, amount)
    first: uint256 = (staticcall ILedger(LEDGER).batch(batch)).cursor
    log IAgreement.RowRefused(
        batch=batch,
        row=first + place,
        clause=guards._terms()[guard].clause,
        guard=guard,
        code=code,
        limit=limit,
        observed=observed,
    )
