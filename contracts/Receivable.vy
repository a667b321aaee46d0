# pragma version 0.4.3
# pragma nonreentrancy on
"""
@title Receivable: a debt confirmed by its debtor, financed or passed on in parts, repaid to its holders
@license Apache-2.0
@notice Creditor and debtor register the invoice once in the whole network, so that nobody finances it twice.
    Holders pass on parts of what they are owed; a financier pays for its part in the same step. Whatever arrives
    on the account is divided among the holders in proportion to what each is still owed, to the cent, never
    above the face amount; the rest is the creditor's.
@custom:kill Freezing the account on the Ledger stops it; the quorum may retire it.
"""

from interfaces import IAgreement
from interfaces import IFactory
from interfaces import ILedger
from interfaces import IReceivable
from interfaces import IRegistry
from modules import parties
from modules import proportion

implements: IAgreement
initializes: parties
exports: (parties.LEDGER, parties.DIRECTORY, parties.is_done)

MAX_HOLDINGS: constant(uint256) = 8
OPEN: constant(uint256) = 1
RELEASED: constant(uint256) = 2
EXPIRED: constant(uint256) = 3
# A time beyond any contract's life would lock money up by a slip of the pen.
MAX_SECONDS: constant(uint256) = 30 * 366 * 86400

DEBT_TYPEHASH: constant(bytes32) = keccak256("Debt(bytes32 document,uint256 amount,uint256 dueAt,uint256 deadline)")
ASSIGNMENT_TYPEHASH: constant(bytes32) = keccak256(
    "Assignment(bytes32 holder,bytes32 to,bytes32 account,uint256 amount,bytes32 reference,uint256 deadline)"
)
FINANCING_TYPEHASH: constant(bytes32) = keccak256(
    "Financing(bytes32 holder,uint256 amount,uint256 price,bytes32 reference,uint256 deadline)"
)
PLACE_TYPEHASH: constant(bytes32) = keccak256(
    "RepaymentAccount(bytes32 holder,bytes32 account,bytes32 reference,uint256 deadline)"
)
REPAYMENT_TYPEHASH: constant(bytes32) = keccak256("Repayment(uint256 amount,bytes32 reference,uint256 deadline)")

REGISTRY: public(immutable(address))
account: public(immutable(bytes32))
DYE_CLASS: public(immutable(bytes32))
CREDITOR: public(immutable(bytes32))
DEBTOR: public(immutable(bytes32))
FINANCIER: public(immutable(bytes32))
CREDITOR_ACCOUNT: public(immutable(bytes32))
DEBTOR_ACCOUNT: public(immutable(bytes32))
FINANCIER_ACCOUNT: public(immutable(bytes32))
DOCUMENT: public(immutable(bytes32))
KIND: public(immutable(bytes32))
FACE: public(immutable(uint256))
DUE_AT: public(immutable(uint256))
GRACE_SECONDS: public(immutable(uint256))
WITNESS: public(immutable(bytes32))
terms_hash: public(immutable(bytes32))
_LINE: immutable(bytes32)

_state: uint256
# What holders got in all; minor units.
repaid: public(uint256)
# Who was owed what when the holdings last changed, and what all of them got since; minor units.
_holdings: DynArray[IReceivable.Holding, MAX_HOLDINGS]
_since: uint256
# Money that rests on the account for institutions whose own account was closed; minor units.
kept: public(HashMap[bytes32, uint256])
# Position of the account's line up to which all money is kept for somebody: what was there when it was last
# divided. What supervisors write off comes from the front, so it is missing to those and not to who is repaid next.
_kept_up_to: uint256


@deploy
def __init__(
    account_: bytes32,
    dye_class: bytes32,
    creditor: bytes32,
    debtor: bytes32,
    financier: bytes32,
    creditor_account: bytes32,
    debtor_account: bytes32,
    financier_account: bytes32,
    document: bytes32,
    kind: bytes32,
    face: uint256,
    due_at: uint256,
    grace_seconds: uint256,
    witness: bytes32,
):
    """
    @param account_ The account on which repayments arrive.
    @param dye_class The line of every account it moves money between.
    @param creditor Who is owed the money first.
    @param debtor Who owes it.
    @param financier Who may pay for parts of it here.
    @param creditor_account Where the creditor is paid.
    @param debtor_account Where the debtor may repay from; zero when it only pays through its bank.
    @param financier_account Where the financier pays from and is repaid.
    @param document Keyed hash of the invoice.
    @param kind What kind of document.
    @param face What is owed, minor units.
    @param due_at When it is due.
    @param grace_seconds How long after that it may be called expired.
    @param witness An institution that confirms the invoice too, none of the parties; zero for none.
    """
    parties.__init__()
    named: DynArray[bytes32, 16] = [creditor, debtor, financier]
    if witness != empty(bytes32):
        named.append(witness)
    parties._check_institutions(named)
    places: DynArray[bytes32, 16] = [account_, creditor_account, financier_account]
    if debtor_account != empty(bytes32):
        places.append(debtor_account)
        parties._check_controls(debtor, debtor_account)
    parties._check_accounts(places)
    parties._check_below_root(account_)
    parties._check_controls(creditor, creditor_account)
    parties._check_controls(financier, financier_account)
    parties._check_amount(face)
    assert document != empty(bytes32) and kind != empty(bytes32), "receivable: zero id"
    assert due_at > block.timestamp, "receivable: due time out of bounds"
    assert due_at - block.timestamp <= MAX_SECONDS, "receivable: due time out of bounds"
    assert grace_seconds <= MAX_SECONDS, "receivable: due time out of bounds"
    REGISTRY = staticcall IFactory(msg.sender).registry()
    account = account_
    DYE_CLASS = dye_class
    CREDITOR = creditor
    DEBTOR = debtor
    FINANCIER = financier
    CREDITOR_ACCOUNT = creditor_account
    DEBTOR_ACCOUNT = debtor_account
    FINANCIER_ACCOUNT = financier_account
    DOCUMENT = document
    KIND = kind
    FACE = face
    DUE_AT = due_at
    GRACE_SECONDS = grace_seconds
    WITNESS = witness
    _LINE = staticcall ILedger(parties.LEDGER).account_line(account_, dye_class)
    self._state = OPEN
    terms_hash = keccak256(
        abi_encode(
            abi_encode(account_, dye_class, creditor, debtor, financier, creditor_account, debtor_account),
            abi_encode(financier_account, document, kind, face, due_at, grace_seconds, witness),
        )
    )


# The parties, by signature


@external
def register(deadline: uint256, creditor_signature: Bytes[65], debtor_signature: Bytes[65], witness_signature: Bytes[65]):
    """
    @notice Confirm the debt and register its invoice, which then counts here for good and nowhere else.
    @param deadline Chain time after which the signatures are void.
    @param creditor_signature By an operator of the creditor.
    @param debtor_signature By an operator of the debtor, over the same.
    @param witness_signature By a witness, over the same; empty when the terms name none.
    """
    self._only_open()
    assert len(self._holdings) == 0, "receivable: registered already"
    assert block.timestamp <= DUE_AT, "receivable: past its due time"
    digest: bytes32 = parties._digest(
        keccak256(abi_encode(DEBT_TYPEHASH, DOCUMENT, FACE, DUE_AT, deadline)), deadline
    )
    parties._signed(CREDITOR, parties.OPERATOR, digest, creditor_signature)
    parties._signed(DEBTOR, parties.OPERATOR, digest, debtor_signature)
    if WITNESS != empty(bytes32):
        parties._signed(WITNESS, parties.WITNESS, digest, witness_signature)
    self._holdings = [IReceivable.Holding(institution=CREDITOR, account=CREDITOR_ACCOUNT, amount=FACE)]
    log IReceivable.DebtConfirmed(document=DOCUMENT, amount=FACE, due_at=DUE_AT)
    extcall IRegistry(REGISTRY).register(DOCUMENT, KIND, CREDITOR, 0, FACE)


@external
def assign(
    holder: bytes32,
    to: bytes32,
    to_account: bytes32,
    amount: uint256,
    reference: bytes32,
    deadline: uint256,
    holder_signature: Bytes[65],
    to_signature: Bytes[65],
):
    """
    @notice Pass on part of what a holder is still owed, once what rests on the account is divided.
    @param holder The institution that passes it on.
    @param to The institution that takes it; not the debtor.
    @param to_account Where it is paid.
    @param amount Minor units.
    @param reference The holder's reference; the agreement takes it once.
    @param deadline Chain time after which the signatures are void.
    @param holder_signature By an operator of the holder.
    @param to_signature By an operator of the taker, over the same.
    """
    digest: bytes32 = parties._digest(
        keccak256(abi_encode(ASSIGNMENT_TYPEHASH, holder, to, to_account, amount, reference, deadline)), deadline
    )
    parties._signed(holder, parties.OPERATOR, digest, holder_signature)
    parties._signed(to, parties.OPERATOR, digest, to_signature)
    parties._once(holder, reference)
    self._check_place(to_account)
    self._assign(holder, to, to_account, amount)
    log IReceivable.Assigned(holder=holder, to=to, amount=amount, price=0, reference=reference)


@external
def finance(
    holder: bytes32,
    amount: uint256,
    price: uint256,
    reference: bytes32,
    deadline: uint256,
    holder_signature: Bytes[65],
    financier_signature: Bytes[65],
):
    """
    @notice Pass on part of what a holder is still owed to the financier, against a price paid at once, once
        what rests on the account is divided.
    @param holder The institution that is financed.
    @param amount What it passes on, minor units.
    @param price What the financier pays, minor units; no more than the amount.
    @param reference The holder's reference; the agreement takes it once.
    @param deadline Chain time after which the signatures are void.
    @param holder_signature By an operator of the holder.
    @param financier_signature By an operator of the financier, over the same.
    """
    digest: bytes32 = parties._digest(
        keccak256(abi_encode(FINANCING_TYPEHASH, holder, amount, price, reference, deadline)), deadline
    )
    parties._signed(holder, parties.OPERATOR, digest, holder_signature)
    parties._signed(FINANCIER, parties.OPERATOR, digest, financier_signature)
    parties._once(holder, reference)
    assert price > 0 and price <= amount, "receivable: price out of bounds"
    paid_on: bytes32 = self._assign(holder, FINANCIER, FINANCIER_ACCOUNT, amount)
    log IReceivable.Assigned(holder=holder, to=FINANCIER, amount=amount, price=price, reference=reference)
    # To the holder's own account or not at all: it passes its claim on for that.
    self._move(FINANCIER_ACCOUNT, paid_on, price, reference, False)


@external
def repay_on(holder: bytes32, to_account: bytes32, reference: bytes32, deadline: uint256, signature: Bytes[65]):
    """
    @notice Name another account to be repaid on, and get there what was kept because the last one was closed,
        as far as it is still there.
    @param holder The institution that is repaid.
    @param to_account Where.
    @param reference The holder's reference; the agreement takes it once.
    @param deadline Chain time after which the signature is void.
    @param signature By an operator of the holder.
    """
    digest: bytes32 = parties._digest(
        keccak256(abi_encode(PLACE_TYPEHASH, holder, to_account, reference, deadline)), deadline
    )
    parties._signed(holder, parties.OPERATOR, digest, signature)
    parties._once(holder, reference)
    self._check_place(to_account)
    is_repaid: bool = self.kept[holder] > 0
    for i: uint256 in range(len(self._holdings), bound=MAX_HOLDINGS):
        if self._holdings[i].institution == holder:
            self._holdings[i].account = to_account
            is_repaid = True
    assert is_repaid, "receivable: not a holder"
    kept: uint256 = min(self.kept[holder], self._kept_total())
    self.kept[holder] = 0
    log IReceivable.RepaidOn(holder=holder, account=to_account, kept=kept)
    if kept > 0:
        self._move(account, to_account, kept, DOCUMENT, False)


@external
def repay(amount: uint256, reference: bytes32, deadline: uint256, signature: Bytes[65]):
    """
    @notice Repay from the debtor's account, and divide what then rests on the account.
    @param amount Minor units; no more than is owed beyond what rests on the account.
    @param reference The debtor's reference; the agreement takes it once.
    @param deadline Chain time after which the signature is void.
    @param signature By an operator of the debtor.
    """
    digest: bytes32 = parties._digest(
        keccak256(abi_encode(REPAYMENT_TYPEHASH, amount, reference, deadline)), deadline
    )
    parties._signed(DEBTOR, parties.OPERATOR, digest, signature)
    parties._once(DEBTOR, reference)
    assert DEBTOR_ACCOUNT != empty(bytes32), "receivable: no account to repay from"
    self._only_registered()
    assert amount > 0, "receivable: nothing to repay"
    resting: uint256 = self._resting()
    assert amount <= max(self._owed(), resting) - resting, "receivable: more than is owed"
    self._move(DEBTOR_ACCOUNT, account, amount, reference, False)
    self._collect(resting + amount)


# Anyone


@external
def collect():
    """
    @notice Pass on what rests on the account: to the holders as far as they are owed, the rest to the creditor.
        Of a debt that was never confirmed it goes back to the debtor's account, if it has one here.
    """
    resting: uint256 = self._resting()
    assert resting > 0, "receivable: nothing to collect"
    # Nobody is owed anything before the debt is confirmed.
    if not self._is_overdue():
        self._only_registered()
    self._collect(resting)


@external
def close():
    """
    @notice Call it expired: due, the grace over, and not repaid. What comes later is collected all the same.
    """
    assert self._state == OPEN, "receivable: has ended"
    assert self._is_overdue(), "receivable: not overdue"
    resting: uint256 = self._resting()
    if resting > 0 and len(self._holdings) > 0:
        self._collect(resting)
    if self._state == OPEN:
        self._end(EXPIRED)


# The factory


@external
def adopt(arguments: Bytes[16384]):
    """
    @notice Its terms are those it was deployed with.
    @param arguments Encoded terms; not looked at.
    """
    raise "receivable: terms do not change"


# Anyone may look


@view
@external
def accounts() -> DynArray[bytes32, 16]:
    """
    @notice Where it draws on money.
    @return DynArray Where repayments arrive, where the financier pays from, where the debtor may repay from.
    """
    drawn_on: DynArray[bytes32, 16] = [account, FINANCIER_ACCOUNT]
    if DEBTOR_ACCOUNT != empty(bytes32):
        drawn_on.append(DEBTOR_ACCOUNT)
    return drawn_on


@view
@external
def state() -> uint256:
    """
    @notice Where it stands.
    @return uint256 1 open, 2 repaid, 3 expired. Overdue it is not expired before `close` is called, as anyone may:
        the debtor can still repay until then.
    """
    return self._state


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
def terms() -> DynArray[IAgreement.Guard, 24]:
    """
    @notice Its terms, as guards.
    @return DynArray No guards.
    """
    return []


@view
@external
def holdings() -> DynArray[IReceivable.Holding, MAX_HOLDINGS]:
    """
    @notice Whom it is owed to.
    @return DynArray Who is still owed what.
    """
    return self._outstanding()


@view
@external
def owed() -> uint256:
    """
    @notice What is still to be collected.
    @return uint256 What is still owed to all holders, minor units.
    """
    return self._owed()


# Internal


@internal
@view
def _only_open():
    """
    @dev Throws once it has ended.
    """
    assert self._state == OPEN, "receivable: has ended"


@internal
@view
def _is_overdue() -> bool:
    """
    @dev Whether it is due and its grace over.
    """
    return block.timestamp > DUE_AT + GRACE_SECONDS


@internal
@view
def _only_registered():
    """
    @dev Throws unless the debt was confirmed.
    """
    assert len(self._holdings) > 0, "receivable: debt not confirmed"


@internal
@view
def _check_place(to_account: bytes32):
    """
    @dev Throws unless holders may be repaid on an account.
    """
    assert to_account != account and to_account != DEBTOR_ACCOUNT, "receivable: not an account to be repaid on"
    parties._check_beside(account, to_account)


@internal
def _end(state: uint256):
    """
    @dev End it, for good.
    """
    self._state = state
    log IAgreement.StateSet(state=state)


@internal
@view
def _resting() -> uint256:
    """
    @dev What rests on the account for nobody yet, minor units.
    """
    filled: uint256 = 0
    emptied: uint256 = 0
    filled, emptied = staticcall ILedger(parties.LEDGER).line(_LINE)
    return filled - max(emptied, self._kept_up_to)


@internal
@view
def _kept_total() -> uint256:
    """
    @dev What is kept and still there, minor units.
    """
    return parties._balance(account, DYE_CLASS) - self._resting()


@internal
@view
def _owed() -> uint256:
    """
    @dev What is still owed, minor units; nothing before the debt is confirmed.
    """
    return FACE - self.repaid if len(self._holdings) > 0 else 0


@internal
@view
def _parts() -> DynArray[uint256, 16]:
    """
    @dev The amounts of the holdings when they last changed.
    """
    amounts: DynArray[uint256, 16] = []
    held: DynArray[IReceivable.Holding, MAX_HOLDINGS] = self._holdings
    for holding: IReceivable.Holding in held:
        amounts.append(holding.amount)
    return amounts


@internal
@view
def _outstanding() -> DynArray[IReceivable.Holding, MAX_HOLDINGS]:
    """
    @dev The holdings, each less what it got since they last changed.
    """
    held: DynArray[IReceivable.Holding, MAX_HOLDINGS] = self._holdings
    got: DynArray[uint256, 16] = proportion._shares(self._parts(), self._since)
    for i: uint256 in range(len(held), bound=MAX_HOLDINGS):
        held[i].amount -= got[i]
    return held


@internal
def _assign(holder: bytes32, to: bytes32, to_account: bytes32, amount: uint256) -> bytes32:
    """
    @dev Pass on part of a holding. Holders who are owed nothing any more are left out from here on; who is owed
        all of it holds the document.
    @return bytes32 The account of who passed it on.
    """
    # What rests already is for the holders of now.
    resting: uint256 = self._resting()
    if resting > 0:
        self._collect(resting)
    self._only_open()
    assert not self._is_overdue(), "receivable: is overdue"
    self._only_registered()
    assert holder != to, "receivable: to the holder itself"
    assert to != DEBTOR, "receivable: to the debtor"
    assert amount > 0, "receivable: nothing to pass on"
    paid_on: bytes32 = empty(bytes32)
    is_new: bool = True
    # The financier's place is not taken by others, however many parts they make, unless it passes it on.
    room: uint256 = MAX_HOLDINGS - (0 if to == FINANCIER or holder == FINANCIER else 1)
    kept: DynArray[IReceivable.Holding, MAX_HOLDINGS] = []
    held: DynArray[IReceivable.Holding, MAX_HOLDINGS] = self._outstanding()
    for holding: IReceivable.Holding in held:
        left: IReceivable.Holding = holding
        if left.institution == holder:
            assert amount <= left.amount, "receivable: more than the holder is owed"
            left.amount -= amount
            paid_on = left.account
        elif left.institution == to and left.amount > 0:
            assert left.account == to_account, "receivable: holder is repaid on another account"
            left.amount += amount
            is_new = False
        if left.amount > 0:
            kept.append(left)
            if left.institution == FINANCIER:
                room = MAX_HOLDINGS
    assert paid_on != empty(bytes32), "receivable: not a holder"
    if is_new:
        assert len(kept) < room, "receivable: too many holders"
        kept.append(IReceivable.Holding(institution=to, account=to_account, amount=amount))
    self._holdings = kept
    self._since = 0
    if len(kept) == 1 and (staticcall IRegistry(REGISTRY).document(DOCUMENT)).holder != to:
        extcall IRegistry(REGISTRY).hand_over(DOCUMENT, to)
    return paid_on


@internal
def _collect(resting: uint256):
    """
    @dev Divide what rests on the account among the holders as far as they are owed; the rest to the creditor.
    """
    part: uint256 = min(resting, self._owed())
    held: DynArray[IReceivable.Holding, MAX_HOLDINGS] = self._holdings
    amounts: DynArray[uint256, 16] = proportion._steps(self._parts(), self._since, part)
    self._since += part
    self.repaid += part
    log IReceivable.Collected(repaid=amounts, excess=resting - part)
    if self.repaid == FACE and self._state == OPEN:
        self._end(RELEASED)
    if part > 0:
        extcall IRegistry(REGISTRY).use(DOCUMENT, part)
    for i: uint256 in range(len(held), bound=MAX_HOLDINGS):
        self._pass_on(held[i].institution, held[i].account, amounts[i], False)
    if len(held) == 0 and DEBTOR_ACCOUNT != empty(bytes32):
        self._pass_on(DEBTOR, DEBTOR_ACCOUNT, resting, True)
    else:
        self._pass_on(CREDITOR, CREDITOR_ACCOUNT, resting - part, True)
    # What is left is kept.
    filled: uint256 = 0
    emptied: uint256 = 0
    filled, emptied = staticcall ILedger(parties.LEDGER).line(_LINE)
    self._kept_up_to = filled


@internal
def _pass_on(institution: bytes32, destination: bytes32, amount: uint256, back: bool):
    """
    @dev Pay an institution, if anything. Whoever is above its account can close it: then its money is kept until
        it names another, so that nobody else gets it and nobody else waits for it.
    """
    if amount == 0:
        return
    if parties._is_open(destination):
        self._move(account, destination, amount, DOCUMENT, back)
    else:
        self.kept[institution] += amount
        log IReceivable.Kept(institution=institution, amount=amount)


@internal
def _move(source: bytes32, destination: bytes32, amount: uint256, info: bytes32, back: bool):
    """
    @dev Move money between accounts.
    """
    extcall ILedger(parties.LEDGER).transfer(source, DYE_CLASS, destination, amount, info, back)
