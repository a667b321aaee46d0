# pragma version 0.4.3
# pragma nonreentrancy on
"""
@title Escrow: money that rests until the payer, a witness or an arbiter lets it go, or time runs out
@license Apache-2.0
@notice Parties act by EIP-712 signatures that anyone may hand in. Whatever they do or leave undone, there is a
    second after which anyone may `close` it, and nothing else can happen to it.
@custom:kill Freezing the account on the Ledger stops every payment; the money then waits for `close`.
"""

from interfaces import IAgreement
from interfaces import IEscrow
from modules import parties
from modules import signatures

implements: IAgreement
implements: IEscrow
initializes: parties

exports: (parties.LEDGER, parties.DIRECTORY, parties.next_nonce)

MAX_MILESTONES: constant(uint256) = 16
# A timeout beyond any contract's life would lock money up by a slip of the pen.
MAX_SECONDS: constant(uint256) = 30 * 366 * 86400

OPEN: constant(uint256) = 1
RELEASED: constant(uint256) = 2
EXPIRED: constant(uint256) = 3
REFUNDED: constant(uint256) = 4
DISPUTED: constant(uint256) = 5

RELEASE_TYPEHASH: constant(bytes32) = keccak256(
    "MilestoneRelease(uint256 milestone,uint256 amount,uint256 nonce,uint256 deadline)"
)
EVIDENCE_TYPEHASH: constant(bytes32) = keccak256(
    "MilestoneEvidence(uint256 milestone,bytes32 kind,bytes32 content,uint256 observedAt)"
)
REFUND_TYPEHASH: constant(bytes32) = keccak256("Refund(uint256 amount,uint256 nonce,uint256 deadline)")
RENUNCIATION_TYPEHASH: constant(bytes32) = keccak256("Renunciation(uint256 nonce,uint256 deadline)")
DISPUTE_TYPEHASH: constant(bytes32) = keccak256("Dispute(bytes32 party,uint256 nonce,uint256 deadline)")
RULING_TYPEHASH: constant(bytes32) = keccak256(
    "Ruling(uint256 toPayee,uint256 toPayer,uint256 nonce,uint256 deadline)"
)
COMPROMISE_TYPEHASH: constant(bytes32) = keccak256(
    "Compromise(uint256 toPayee,uint256 toPayer,uint256 payerNonce,uint256 payeeNonce,uint256 deadline)"
)

account: public(immutable(bytes32))
DYE_CLASS: public(immutable(bytes32))
PAYER_ACCOUNT: public(immutable(bytes32))
PAYEE_ACCOUNT: public(immutable(bytes32))
PAYER: public(immutable(bytes32))
PAYEE: public(immutable(bytes32))
ARBITER: public(immutable(bytes32))
TIMEOUT: public(immutable(uint256))
DISPUTE_TIMEOUT: public(immutable(uint256))
terms_hash: public(immutable(bytes32))
_MILESTONES: immutable(DynArray[IEscrow.Milestone, MAX_MILESTONES])
_PRICE: immutable(uint256)

_state: uint256
_ends_at: uint256
_released: uint256
_progress: HashMap[uint256, IEscrow.Progress]
# Evidence attested, by its commitment: one document proves one milestone.
_is_attested: HashMap[bytes32, bool]
# Who attested a milestone, as `parties._term` has it.
_attested_by: HashMap[uint256, uint256]


@deploy
def __init__(
    account_: bytes32,
    dye_class: bytes32,
    payer_account: bytes32,
    payee_account: bytes32,
    payer: bytes32,
    payee: bytes32,
    arbiter: bytes32,
    milestones_: DynArray[IEscrow.Milestone, MAX_MILESTONES],
    timeout: uint256,
    dispute_timeout: uint256,
):
    """
    @param account_ Where the money rests.
    @param dye_class The line of that account.
    @param payer_account Where money goes back to.
    @param payee_account Where money is released to.
    @param payer The institution that pays; it consents to releases.
    @param payee The institution that is paid; it consents to refunds.
    @param arbiter The institution that rules in a dispute.
    @param milestones_ Parts of the price.
    @param timeout Chain time after which anyone may close the escrow.
    @param dispute_timeout Seconds the arbiter has; after them anyone may close a disputed escrow.
    """
    parties.__init__()
    parties._check_accounts([account_, payer_account, payee_account])
    parties._check_below_root(account_)
    parties._check_institutions([payer, payee, arbiter])
    parties._check_controls(payee, payee_account)
    assert timeout > block.timestamp, "escrow: timeout is over"
    assert timeout - block.timestamp <= MAX_SECONDS, "escrow: timeout out of bounds"
    assert dispute_timeout > 0 and dispute_timeout <= MAX_SECONDS, "escrow: dispute timeout out of bounds"
    assert len(milestones_) > 0, "escrow: no milestone"
    price: uint256 = 0
    for milestone: IEscrow.Milestone in milestones_:
        parties._check_amount(milestone.amount)
        price += milestone.amount
        assert milestone.due_at < timeout, "escrow: due after the timeout"
        self._check_witness(milestone, payee)
    parties._check_amount(price)
    account = account_
    DYE_CLASS = dye_class
    PAYER_ACCOUNT = payer_account
    PAYEE_ACCOUNT = payee_account
    PAYER = payer
    PAYEE = payee
    ARBITER = arbiter
    TIMEOUT = timeout
    DISPUTE_TIMEOUT = dispute_timeout
    terms_hash = keccak256(
        abi_encode(
            account_,
            dye_class,
            payer_account,
            payee_account,
            payer,
            payee,
            arbiter,
            milestones_,
            timeout,
            dispute_timeout,
        )
    )
    _MILESTONES = milestones_
    _PRICE = price
    self._ends_at = timeout
    self._enter(OPEN)


# Operators of the payer, by signature


@external
def release(milestone: uint256, amount: uint256, deadline: uint256, signature: Bytes[65]):
    """
    @notice Pay the payee a milestone, whole or in part.
    @param milestone Its number.
    @param amount Minor units, no more than the milestone has left.
    @param deadline Chain time after which the signature is void.
    @param signature By an operator of the payer.
    """
    self._undisputed()
    digest: bytes32 = parties._digest(
        keccak256(abi_encode(RELEASE_TYPEHASH, milestone, amount, parties.next_nonce[PAYER], deadline)), deadline
    )
    parties._signed_next(PAYER, parties.OPERATOR, digest, signature)
    self._release(milestone, amount, digest)


# Operators of the payee, by signature


@external
def refund(amount: uint256, deadline: uint256, signature: Bytes[65]):
    """
    @notice Give money back to the payer. The escrow goes on.
    @param amount Minor units, no more than rests.
    @param deadline Chain time after which the signature is void.
    @param signature By an operator of the payee.
    """
    self._undisputed()
    digest: bytes32 = parties._digest(
        keccak256(abi_encode(REFUND_TYPEHASH, amount, parties.next_nonce[PAYEE], deadline)), deadline
    )
    parties._signed_next(PAYEE, parties.OPERATOR, digest, signature)
    self._check_payment(amount, self._resting())
    log IEscrow.Refunded(amount=amount)
    parties._pay(account, DYE_CLASS, PAYER_ACCOUNT, amount, digest, True)


@external
def renounce(deadline: uint256, signature: Bytes[65]):
    """
    @notice Give up the rest: whatever rests goes back to the payer and the escrow ends. Ends a dispute too.
    @param deadline Chain time after which the signature is void.
    @param signature By an operator of the payee.
    """
    self._in_time()
    digest: bytes32 = parties._digest(
        keccak256(abi_encode(RENUNCIATION_TYPEHASH, parties.next_nonce[PAYEE], deadline)), deadline
    )
    parties._signed_next(PAYEE, parties.OPERATOR, digest, signature)
    self._divide(0, 0, digest)


# Operators of the payer or the payee, by signature


@external
def dispute(party: bytes32, deadline: uint256, signature: Bytes[65]):
    """
    @notice Stop releases and refunds, and give the arbiter the dispute's timeout to rule, or longer where the
        escrow's own runs longer.
    @param party The payer or the payee.
    @param deadline Chain time after which the signature is void.
    @param signature By an operator of that party.
    """
    self._undisputed()
    assert party == PAYER or party == PAYEE, "escrow: not a party"
    digest: bytes32 = parties._digest(
        keccak256(abi_encode(DISPUTE_TYPEHASH, party, parties.next_nonce[party], deadline)), deadline
    )
    parties._signed_next(party, parties.OPERATOR, digest, signature)
    self._ends_at = max(self._ends_at, block.timestamp + DISPUTE_TIMEOUT)
    self._enter(DISPUTED)
    log IEscrow.Disputed(party=party, ends_at=self._ends_at)


@external
def settle(
    to_payee: uint256,
    to_payer: uint256,
    deadline: uint256,
    payer_signature: Bytes[65],
    payee_signature: Bytes[65],
):
    """
    @notice Divide what rests as both parties agree, disputed or not, which ends the escrow.
    @param to_payee Minor units for the payee.
    @param to_payer Minor units for the payer, who also gets what came since the parties signed.
    @param deadline Chain time after which the signatures are void.
    @param payer_signature By an operator of the payer; both sign one message, which names the nonce of each.
    @param payee_signature By an operator of the payee.
    """
    self._in_time()
    digest: bytes32 = parties._digest(
        keccak256(
            abi_encode(
                COMPROMISE_TYPEHASH,
                to_payee,
                to_payer,
                parties.next_nonce[PAYER],
                parties.next_nonce[PAYEE],
                deadline,
            )
        ),
        deadline,
    )
    parties._signed_next(PAYER, parties.OPERATOR, digest, payer_signature)
    parties._signed_next(PAYEE, parties.OPERATOR, digest, payee_signature)
    self._divide(to_payee, to_payer, digest)


# Supervisors of the arbiter, by signature


@external
def rule(to_payee: uint256, to_payer: uint256, deadline: uint256, signature: Bytes[65]):
    """
    @notice Divide what rests in a disputed escrow, which ends it.
    @param to_payee Minor units for the payee.
    @param to_payer Minor units for the payer, who also gets what came since the arbiter signed: nobody stops a
        ruling by sending money.
    @param deadline Chain time after which the signature is void.
    @param signature By a supervisor of the arbiter.
    """
    self._in_time()
    assert self._state == DISPUTED, "escrow: not disputed"
    digest: bytes32 = parties._digest(
        keccak256(abi_encode(RULING_TYPEHASH, to_payee, to_payer, parties.next_nonce[ARBITER], deadline)), deadline
    )
    parties._signed_next(ARBITER, parties.SUPERVISOR, digest, signature)
    self._divide(to_payee, to_payer, digest)


# Witnesses, by signature


@external
def attest(milestone: uint256, content: bytes32, observed_at: uint256, signature: Bytes[65]):
    """
    @notice Record that a milestone's evidence was observed. During a dispute it is for the arbiter, and for the
        default if the arbiter keeps silent. It counts as long as the witness is not suspended; then another may
        attest the same.
    @param milestone Its number.
    @param content Commitment to the evidence; proves one milestone.
    @param observed_at Chain time at which the witness observed it, no later than the milestone was due.
    @param signature By a witness of the institution the milestone names.
    """
    self._in_time()
    terms_: IEscrow.Milestone = self._milestone(milestone)
    assert terms_.kind != empty(bytes32), "escrow: milestone takes no evidence"
    assert content != empty(bytes32), "escrow: zero evidence"
    assert not self._is_proven(milestone), "escrow: milestone is attested"
    assert (
        not self._is_attested[content] or content == self._progress[milestone].evidence
    ), "escrow: evidence repeated"
    assert observed_at <= block.timestamp, "escrow: evidence from the future"
    assert observed_at <= terms_.due_at, "escrow: evidence after the due date"
    digest: bytes32 = signatures._digest(
        keccak256(abi_encode(EVIDENCE_TYPEHASH, milestone, terms_.kind, content, observed_at))
    )
    who: address = parties._signer(terms_.witness, parties.WITNESS, digest, signature)
    self._is_attested[content] = True
    self._attested_by[milestone] = parties._term(who)
    self._progress[milestone].evidence = content
    self._progress[milestone].observed_at = observed_at
    log IEscrow.MilestoneAttested(
        milestone=milestone, kind=terms_.kind, witness=who, content=content, observed_at=observed_at
    )


# Anyone


@external
def release_attested(milestone: uint256):
    """
    @notice Pay the payee what an attested milestone has left, as far as money rests.
    @param milestone Its number.
    """
    self._undisputed()
    terms_: IEscrow.Milestone = self._milestone(milestone)
    held: IEscrow.Progress = self._progress[milestone]
    assert self._is_proven(milestone), "escrow: milestone is not attested"
    self._release(milestone, min(terms_.amount - held.released, self._resting()), held.evidence)


@external
def close():
    """
    @notice End the escrow once its time has run out: attested milestones are paid, the rest goes back to the
        payer. Money that comes after any end goes the same way: call it again.
    """
    resting: uint256 = self._resting()
    if self._is_over():
        assert resting > 0, "escrow: nothing rests"
    else:
        assert block.timestamp > self._ends_at, "escrow: its time has not run out"
        self._enter(EXPIRED)
    to_payee: uint256 = 0
    if self._state == EXPIRED:
        to_payee = self._release_owed(resting)
    self._send(to_payee, resting - to_payee, terms_hash)


@external
def adopt(arguments: Bytes[16384]):
    """
    @notice Refuses: what the parties agreed on stays.
    @param arguments Encoded terms; not looked at.
    """
    raise "escrow: terms do not change"


@pure
@external
def holds_deposits() -> bool:
    """
    @notice Whose money it is that rests.
    @return bool True: what rests is held for others.
    """
    return True


@view
@external
def state() -> uint256:
    """
    @notice Where it stands.
    @return uint256 1 open, 2 released, 3 expired, 4 refunded, 5 disputed. It is expired as soon as nobody but
        `close` can act, called or not.
    """
    if self._is_over() or block.timestamp <= self._ends_at:
        return self._state
    return EXPIRED


@view
@external
def ends_at() -> uint256:
    """
    @notice When time runs out.
    @return uint256 The last second at which a party, a witness or the arbiter may act.
    """
    return self._ends_at


@view
@external
def milestones() -> DynArray[IEscrow.Milestone, MAX_MILESTONES]:
    """
    @notice What is paid for.
    @return DynArray Parts of the price.
    """
    return _MILESTONES


@view
@external
def progress(milestone: uint256) -> IEscrow.Progress:
    """
    @notice How far a milestone is.
    @param milestone Its number.
    @return Progress What became of a milestone so far.
    """
    return self._progress[milestone]


@view
@external
def is_proven(milestone: uint256) -> bool:
    """
    @notice Whether anyone may have a milestone paid.
    @param milestone Its number.
    @return bool Whether a witness who stands attested a milestone.
    """
    return self._is_proven(milestone)


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
def terms() -> DynArray[IAgreement.Guard, 24]:
    """
    @notice Its terms, as guards.
    @return DynArray Nothing: an escrow's terms are its milestones, parties and times.
    """
    return []


# Internal


@internal
@view
def _check_witness(milestone: IEscrow.Milestone, payee: bytes32):
    """
    @dev Throws unless evidence and witness come together, and the payee does not attest its own performance.
    """
    if milestone.kind == empty(bytes32):
        assert milestone.witness == empty(bytes32), "escrow: witness without evidence"
        return
    parties._check_known(milestone.witness)
    assert milestone.witness != payee, "escrow: the payee is its own witness"


@internal
@view
def _is_over() -> bool:
    """
    @dev Whether the escrow has ended.
    """
    return self._state != OPEN and self._state != DISPUTED


@internal
@view
def _in_time():
    """
    @dev Throws unless parties, witnesses and the arbiter may still act.
    """
    assert not self._is_over(), "escrow: it has ended"
    assert block.timestamp <= self._ends_at, "escrow: its time has run out"


@internal
@view
def _undisputed():
    """
    @dev Throws unless one party alone may still act.
    """
    self._in_time()
    assert self._state == OPEN, "escrow: disputed"


@internal
@view
def _milestone(number: uint256) -> IEscrow.Milestone:
    """
    @dev A milestone of the terms.
    """
    assert number < len(_MILESTONES), "escrow: unknown milestone"
    return _MILESTONES[number]


@internal
@view
def _is_proven(milestone: uint256) -> bool:
    """
    @dev Whether a milestone was attested by a witness who stands.
    """
    return parties._stands(self._attested_by[milestone])


@internal
@view
def _resting() -> uint256:
    """
    @dev Minor units that rest.
    """
    return parties._balance(account, DYE_CLASS)


@internal
@pure
def _check_payment(amount: uint256, most: uint256):
    """
    @dev Throws unless a payment is positive and within what is left for it.
    """
    assert amount > 0, "escrow: nothing to pay"
    assert amount <= most, "escrow: more than is left"


@internal
def _release(milestone: uint256, amount: uint256, info: bytes32):
    """
    @dev Pay part of a milestone; the last part of the last one ends the escrow.
    """
    self._check_payment(amount, self._milestone(milestone).amount - self._progress[milestone].released)
    self._book(milestone, amount)
    if self._released == _PRICE:
        self._enter(RELEASED)
    parties._pay(account, DYE_CLASS, PAYEE_ACCOUNT, amount, info, False)


@internal
def _release_owed(resting: uint256) -> uint256:
    """
    @dev Book what attested milestones have left, in their order, as far as money rests.
    @return uint256 Minor units for the payee.
    """
    total: uint256 = 0
    for i: uint256 in range(len(_MILESTONES), bound=MAX_MILESTONES):
        amount: uint256 = min(_MILESTONES[i].amount - self._progress[i].released, resting - total)
        if amount > 0 and self._is_proven(i):
            self._book(i, amount)
            total += amount
    return total


@internal
def _book(milestone: uint256, amount: uint256):
    """
    @dev Count a payment of a milestone.
    """
    released: uint256 = self._progress[milestone].released + amount
    self._progress[milestone].released = released
    self._released += amount
    log IEscrow.MilestoneReleased(
        milestone=milestone, amount=amount, left=_MILESTONES[milestone].amount - released
    )


@internal
def _divide(to_payee: uint256, to_payer: uint256, info: bytes32):
    """
    @dev End the escrow by dividing what rests; what nobody named goes to the payer.
    """
    resting: uint256 = self._resting()
    assert to_payee <= resting and to_payer <= resting - to_payee, "escrow: more than rests"
    self._enter(RELEASED if to_payee > 0 else REFUNDED)
    self._send(to_payee, resting - to_payee, info)


@internal
def _send(to_payee: uint256, to_payer: uint256, info: bytes32):
    """
    @dev Pay both parties.
    """
    log IEscrow.Divided(to_payee=to_payee, to_payer=to_payer)
    parties._pay(account, DYE_CLASS, PAYEE_ACCOUNT, to_payee, info, False)
    parties._pay(account, DYE_CLASS, PAYER_ACCOUNT, to_payer, info, True)


@internal
def _enter(state: uint256):
    """
    @dev Change the state.
    """
    self._state = state
    log IAgreement.StateSet(state=state)
