# pragma version 0.4.3
# pragma nonreentrancy on
"""
@title Guarantee: collateral that answers for what an applicant owes a beneficiary, for anyone to verify
@license Apache-2.0
@notice The guarantor issues it, the beneficiary claims, a witness attests a claim, anyone pays an attested one.
    An attested claim is paid whenever money rests; one without a witness lapses. Whatever the parties leave
    undone, there is a second after which anyone may `expire` it.
@custom:kill Freezing the account on the Ledger stops every payment; the collateral then waits for `expire`.
"""

from interfaces import IAccounts
from interfaces import IAgreement
from interfaces import IGuarantee
from interfaces import ILedger
from modules import parties
from modules import signatures

implements: IAgreement
implements: IGuarantee
initializes: parties

exports: (parties.LEDGER, parties.DIRECTORY, parties.next_nonce)

MAX_CLAIMS: constant(uint256) = 32
# An expiry beyond any contract's life would lock money up by a slip of the pen.
MAX_SECONDS: constant(uint256) = 30 * 366 * 86400

NOT_ISSUED: constant(uint256) = 0
OPEN: constant(uint256) = 1
RELEASED: constant(uint256) = 2
EXPIRED: constant(uint256) = 3
REFUNDED: constant(uint256) = 4

ISSUE_TYPEHASH: constant(bytes32) = keccak256(
    "Issue(bytes32 document,uint256 amount,uint256 expiresAt,uint256 deadline)"
)
CLAIM_TYPEHASH: constant(bytes32) = keccak256(
    "Claim(uint256 amount,bytes32 content,uint256 nonce,uint256 deadline)"
)
EVIDENCE_TYPEHASH: constant(bytes32) = keccak256(
    "ClaimEvidence(uint256 claim,bytes32 kind,uint256 amount,bytes32 content,uint256 observedAt)"
)
DISCHARGE_TYPEHASH: constant(bytes32) = keccak256("Discharge(uint256 nonce,uint256 deadline)")

account: public(immutable(bytes32))
DYE_CLASS: public(immutable(bytes32))
GUARANTOR: public(immutable(bytes32))
APPLICANT: public(immutable(bytes32))
BENEFICIARY: public(immutable(bytes32))
APPLICANT_ACCOUNT: public(immutable(bytes32))
BENEFICIARY_ACCOUNT: public(immutable(bytes32))
AMOUNT: public(immutable(uint256))
EXPIRES_AT: public(immutable(uint256))
EVIDENCE_KIND: public(immutable(bytes32))
WITNESS: public(immutable(bytes32))
DOCUMENT: public(immutable(bytes32))
ISSUE_BY: public(immutable(uint256))
CLAIM_GRACE: public(immutable(uint256))
MAX_USES: public(immutable(uint256))
terms_hash: public(immutable(bytes32))

_state: uint256
_paid: uint256
_claims: DynArray[IGuarantee.Claim, MAX_CLAIMS]
# Who attested a claim, as `parties._term` has it.
_attested_by: HashMap[uint256, uint256]
# Claims made, by their content: one default is claimed once.
_is_claimed: HashMap[bytes32, bool]


@deploy
def __init__(
    account_: bytes32,
    dye_class: bytes32,
    guarantor: bytes32,
    applicant: bytes32,
    beneficiary: bytes32,
    applicant_account: bytes32,
    beneficiary_account: bytes32,
    amount: uint256,
    expires_at: uint256,
    evidence_kind: bytes32,
    witness: bytes32,
    document: bytes32,
    issue_by: uint256,
    claim_grace: uint256,
    max_uses: uint256,
):
    """
    @param account_ Where the collateral rests.
    @param dye_class The line of that account.
    @param guarantor The institution that issues the guarantee.
    @param applicant The institution whose obligation is guaranteed.
    @param beneficiary The institution that may claim.
    @param applicant_account Where collateral goes back to.
    @param beneficiary_account Where claims are paid to.
    @param amount Minor units, for all claims together.
    @param expires_at Last second at which the beneficiary may claim.
    @param evidence_kind What a witness must attest of a claim.
    @param witness The institution whose witness attests.
    @param document Commitment to the document.
    @param issue_by Last second at which the guarantor may issue; after it the collateral goes back.
    @param claim_grace Seconds a claim waits for its witness, after the expiry too.
    @param max_uses Claims at most.
    """
    parties.__init__()
    parties._check_accounts([account_, applicant_account, beneficiary_account])
    parties._check_below_root(account_)
    parties._check_institutions([guarantor, applicant, beneficiary])
    parties._check_controls(beneficiary, beneficiary_account)
    parties._check_known(witness)
    parties._check_amount(amount)
    assert witness != beneficiary, "guarantee: the beneficiary is its own witness"
    assert evidence_kind != empty(bytes32) and document != empty(bytes32), "guarantee: zero evidence or document"
    assert issue_by > block.timestamp and expires_at > issue_by, "guarantee: dates out of order"
    assert expires_at - block.timestamp <= MAX_SECONDS, "guarantee: expiry out of bounds"
    assert claim_grace > 0 and claim_grace <= MAX_SECONDS, "guarantee: grace out of bounds"
    assert max_uses > 0 and max_uses <= MAX_CLAIMS, "guarantee: number of uses out of bounds"
    account = account_
    DYE_CLASS = dye_class
    GUARANTOR = guarantor
    APPLICANT = applicant
    BENEFICIARY = beneficiary
    APPLICANT_ACCOUNT = applicant_account
    BENEFICIARY_ACCOUNT = beneficiary_account
    AMOUNT = amount
    EXPIRES_AT = expires_at
    EVIDENCE_KIND = evidence_kind
    WITNESS = witness
    DOCUMENT = document
    ISSUE_BY = issue_by
    CLAIM_GRACE = claim_grace
    MAX_USES = max_uses
    terms_hash = keccak256(
        abi_encode(
            account_,
            dye_class,
            guarantor,
            applicant,
            beneficiary,
            applicant_account,
            beneficiary_account,
            amount,
            expires_at,
            evidence_kind,
            witness,
            document,
            issue_by,
            claim_grace,
            max_uses,
        )
    )


# Operators of the guarantor, by signature


@external
def issue(deadline: uint256, signature: Bytes[65]):
    """
    @notice Put the guarantee in force, once the quorum activated it and its collateral rests.
    @param deadline Chain time after which the signature is void.
    @param signature By an operator of the guarantor.
    """
    assert self._current_state() == NOT_ISSUED, "guarantee: not to be issued any more"
    digest: bytes32 = parties._digest(
        keccak256(abi_encode(ISSUE_TYPEHASH, DOCUMENT, AMOUNT, EXPIRES_AT, deadline)), deadline
    )
    parties._signed(GUARANTOR, parties.OPERATOR, digest, signature)
    assert self._is_granted(), "guarantee: not activated"
    assert self._resting() >= AMOUNT, "guarantee: too little collateral"
    log IGuarantee.GuaranteeIssued(
        document=DOCUMENT, guarantor=GUARANTOR, beneficiary=BENEFICIARY, amount=AMOUNT, expires_at=EXPIRES_AT
    )
    self._enter(OPEN)


# Operators of the beneficiary, by signature


@external
def claim(amount: uint256, content: bytes32, deadline: uint256, signature: Bytes[65]) -> uint256:
    """
    @notice Claim part of the guarantee. A witness must attest the claim before it lapses.
    @param amount Minor units, no more than open claims leave.
    @param content Commitment to what the claim rests on; claimed once.
    @param deadline Chain time after which the signature is void.
    @param signature By an operator of the beneficiary.
    @return uint256 The claim's number.
    """
    self._in_force()
    assert block.timestamp <= EXPIRES_AT, "guarantee: it has expired"
    digest: bytes32 = parties._digest(
        keccak256(abi_encode(CLAIM_TYPEHASH, amount, content, parties.next_nonce[BENEFICIARY], deadline)), deadline
    )
    parties._signed_next(BENEFICIARY, parties.OPERATOR, digest, signature)
    number: uint256 = len(self._claims)
    assert number < MAX_USES, "guarantee: no use is left"
    assert content != empty(bytes32), "guarantee: zero content"
    assert not self._is_claimed[content], "guarantee: claim repeated"
    assert amount > 0, "guarantee: zero claim"
    assert amount <= AMOUNT - self._paid - self._claimed(), "guarantee: more than is left to claim"
    self._is_claimed[content] = True
    lapses_at: uint256 = block.timestamp + CLAIM_GRACE
    self._claims.append(
        IGuarantee.Claim(amount=amount, paid=0, content=content, lapses_at=lapses_at, attested=False)
    )
    log IGuarantee.Claimed(claim=number, amount=amount, content=content, lapses_at=lapses_at)
    return number


@external
def release(deadline: uint256, signature: Bytes[65]):
    """
    @notice Discharge the guarantee: open claims are given up and the collateral goes back to the applicant.
    @param deadline Chain time after which the signature is void.
    @param signature By an operator of the beneficiary.
    """
    self._in_force()
    digest: bytes32 = parties._digest(
        keccak256(abi_encode(DISCHARGE_TYPEHASH, parties.next_nonce[BENEFICIARY], deadline)), deadline
    )
    parties._signed_next(BENEFICIARY, parties.OPERATOR, digest, signature)
    self._enter(REFUNDED)
    self._give_back(self._resting(), digest)


# Witnesses, by signature


@external
def attest(claim: uint256, observed_at: uint256, signature: Bytes[65]):
    """
    @notice Record that a witness observed what a claim rests on. It counts as long as the witness is not
        suspended; then another may attest the claim before it lapses.
    @param claim The claim's number.
    @param observed_at Chain time at which the witness observed it.
    @param signature By a witness of the institution the terms name, over exactly this claim.
    """
    self._in_force()
    held: IGuarantee.Claim = self._claim(claim)
    assert not held.attested, "guarantee: claim is attested"
    assert block.timestamp <= held.lapses_at, "guarantee: claim has lapsed"
    assert observed_at <= block.timestamp, "guarantee: evidence from the future"
    digest: bytes32 = signatures._digest(
        keccak256(abi_encode(EVIDENCE_TYPEHASH, claim, EVIDENCE_KIND, held.amount, held.content, observed_at))
    )
    who: address = parties._signer(WITNESS, parties.WITNESS, digest, signature)
    self._attested_by[claim] = parties._term(who)
    log IGuarantee.ClaimAttested(claim=claim, kind=EVIDENCE_KIND, witness=who, observed_at=observed_at)


# Anyone


@external
def pay_claim(claim: uint256):
    """
    @notice Pay an attested claim, as far as collateral rests. The last of the amount ends the guarantee.
    @param claim The claim's number.
    """
    self._in_force()
    held: IGuarantee.Claim = self._claim(claim)
    assert held.attested, "guarantee: claim is not attested"
    amount: uint256 = min(held.amount - held.paid, self._resting())
    assert amount > 0, "guarantee: nothing to pay"
    self._book(claim, amount)
    if self._paid == AMOUNT:
        self._enter(RELEASED)
    parties._pay(account, DYE_CLASS, BENEFICIARY_ACCOUNT, amount, held.content, False)


@external
def expire():
    """
    @notice End the guarantee once it has expired and no claim is within its grace, or once it was not issued in
        time: attested claims are paid, the rest goes back to the applicant. Money that comes after any end
        goes the same way: call it again.
    """
    resting: uint256 = self._resting()
    if self._is_over():
        assert resting > 0, "guarantee: nothing rests"
    else:
        assert self._is_expired(), "guarantee: it has not expired"
        self._enter(EXPIRED)
    to_beneficiary: uint256 = 0
    if self._state == EXPIRED:
        to_beneficiary = self._pay_owed(resting)
    parties._pay(account, DYE_CLASS, BENEFICIARY_ACCOUNT, to_beneficiary, terms_hash, False)
    self._give_back(resting - to_beneficiary, terms_hash)


@external
def adopt(arguments: Bytes[16384]):
    """
    @notice Refuses: what was guaranteed stays.
    @param arguments Encoded terms; not looked at.
    """
    raise "guarantee: terms do not change"


@view
@external
def verify() -> IGuarantee.Verification:
    """
    @notice What a beneficiary can rely on.
    @return Verification What the guarantee is worth at this moment.
    """
    state: uint256 = self._current_state()
    claimed: uint256 = 0 if state == REFUNDED else self._claimed()
    is_claimable: bool = state == OPEN and block.timestamp <= EXPIRES_AT
    return IGuarantee.Verification(
        state=state,
        amount=AMOUNT,
        claimed=claimed,
        paid=self._paid,
        remaining=AMOUNT - self._paid if is_claimable else claimed,
        expires_at=EXPIRES_AT,
        document=DOCUMENT,
        collateral=self._resting(),
        granted=self._is_granted(),
    )


@view
@external
def claims() -> DynArray[IGuarantee.Claim, MAX_CLAIMS]:
    """
    @notice What was claimed.
    @return DynArray The claims made.
    """
    return self._all()


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
    @return uint256 0 not issued, 1 in force, 2 paid in full, 3 expired, 4 discharged. It is expired as soon as
        nobody but `expire` can act, called or not.
    """
    return self._current_state()


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
    @return DynArray Nothing: a guarantee's terms are its amount, parties and dates.
    """
    return []


# Internal


@internal
@view
def _is_over() -> bool:
    """
    @dev Whether the guarantee has ended.
    """
    return self._state != NOT_ISSUED and self._state != OPEN


@internal
@view
def _is_expired() -> bool:
    """
    @dev Whether anyone may end it by `expire`.
    """
    if self._state == NOT_ISSUED:
        return block.timestamp > ISSUE_BY
    return block.timestamp > EXPIRES_AT and not self._has_waiting_claim()


@internal
@view
def _current_state() -> uint256:
    """
    @dev The state, with what has run out counted as expired.
    """
    if self._is_over() or not self._is_expired():
        return self._state
    return EXPIRED


@internal
@view
def _in_force():
    """
    @dev Throws unless the guarantee is issued and has neither ended nor expired.
    """
    assert self._current_state() == OPEN, "guarantee: not in force"


@internal
@view
def _claim(number: uint256) -> IGuarantee.Claim:
    """
    @dev A claim that was made.
    """
    assert number < len(self._claims), "guarantee: unknown claim"
    return self._seen(number)


@internal
@view
def _seen(number: uint256) -> IGuarantee.Claim:
    """
    @dev A claim, attested if who attested it stands.
    """
    held: IGuarantee.Claim = self._claims[number]
    held.attested = parties._stands(self._attested_by[number])
    return held


@internal
@view
def _all() -> DynArray[IGuarantee.Claim, MAX_CLAIMS]:
    """
    @dev All claims.
    """
    seen: DynArray[IGuarantee.Claim, MAX_CLAIMS] = []
    for i: uint256 in range(len(self._claims), bound=MAX_CLAIMS):
        seen.append(self._seen(i))
    return seen


@internal
@view
def _has_waiting_claim() -> bool:
    """
    @dev Whether a claim may still be decided or paid: within its grace, attested or not, for what is attested
        may cease to be while its witness is suspended.
    """
    for i: uint256 in range(len(self._claims), bound=MAX_CLAIMS):
        held: IGuarantee.Claim = self._claims[i]
        if held.paid < held.amount and block.timestamp <= held.lapses_at:
            return True
    return False


@internal
@view
def _claimed() -> uint256:
    """
    @dev Minor units that open claims still ask for: those attested, and those whose witness may still come.
    """
    total: uint256 = 0
    claims_: DynArray[IGuarantee.Claim, MAX_CLAIMS] = self._all()
    for held: IGuarantee.Claim in claims_:
        if held.attested or block.timestamp <= held.lapses_at:
            total += held.amount - held.paid
    return total


@internal
@view
def _is_granted() -> bool:
    """
    @dev Whether the quorum lets it draw on its collateral.
    """
    accounts_: address = staticcall ILedger(parties.LEDGER).ACCOUNTS()
    return staticcall IAccounts(accounts_).is_granted(account, self)


@internal
@view
def _resting() -> uint256:
    """
    @dev Minor units that rest.
    """
    return parties._balance(account, DYE_CLASS)


@internal
def _book(claim: uint256, amount: uint256):
    """
    @dev Count a payment of a claim.
    """
    paid: uint256 = self._claims[claim].paid + amount
    self._claims[claim].paid = paid
    self._paid += amount
    log IGuarantee.ClaimPaid(claim=claim, amount=amount, left=self._claims[claim].amount - paid)


@internal
def _pay_owed(resting: uint256) -> uint256:
    """
    @dev Book what attested claims still ask for, in their order, as far as money rests.
    @return uint256 Minor units for the beneficiary.
    """
    total: uint256 = 0
    for i: uint256 in range(len(self._claims), bound=MAX_CLAIMS):
        held: IGuarantee.Claim = self._seen(i)
        amount: uint256 = min(held.amount - held.paid, resting - total)
        if held.attested and amount > 0:
            self._book(i, amount)
            total += amount
    return total


@internal
def _give_back(amount: uint256, info: bytes32):
    """
    @dev Return collateral to the applicant.
    """
    log IGuarantee.CollateralReturned(amount=amount)
    parties._pay(account, DYE_CLASS, APPLICANT_ACCOUNT, amount, info, True)


@internal
def _enter(state: uint256):
    """
    @dev Change the state.
    """
    self._state = state
    log IAgreement.StateSet(state=state)
