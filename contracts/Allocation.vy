# pragma version 0.4.3
# pragma nonreentrancy on
"""
@title Allocation: funds accounts of the same tree, by rule or by an operator's order, under its terms
@license Apache-2.0
@notice The quorum approves it once, at activation; from then on operators allocate within its caps, and anyone
    may have its rules move what they say. Rules only fund accounts below, so that money never goes round; a
    tree of several levels has an allocation a level, the upper one cleared first.
@custom:kill Freezing the account on the Ledger stops it, retiring it on the factory ends it.
"""

from interfaces import IAccounts
from interfaces import IAgreement
from interfaces import IAllocation
from interfaces import ILedger
from modules import caps
from modules import guards
from modules import parties

implements: IAgreement
initializes: caps
initializes: parties

exports: (parties.LEDGER, parties.DIRECTORY, parties.is_done)

MAX_GUARDS: constant(uint256) = 24
MAX_DESTINATIONS: constant(uint256) = 64
MAX_RULES: constant(uint256) = 32
# Accounts looked at above a destination to find this agreement's.
MAX_LEVELS: constant(uint256) = 64
# PAYOUT_CAP, WINDOW_CAP, TIME_WINDOW, LIFETIME_CAP, CALENDAR_DAY: an allocation has no batch that could be
# approved or attested.
ALLOWED_KINDS: constant(uint256) = 2**3 + 2**4 + 2**5 + 2**8 + 2**17

TOP_UP: constant(uint256) = 1
SHARE: constant(uint256) = 2
REST: constant(uint256) = 3
# What shares are parts of.
WHOLE: constant(uint256) = 10_000
# What an agreement's state is while it has not ended; an allocation ends only by retirement.
OPEN: constant(uint256) = 1

ALLOCATION_TYPEHASH: constant(bytes32) = keccak256(
    "Allocation(bytes32 terms,bytes32 destination,uint256 amount,bytes32 reference,uint256 deadline)"
)

account: public(immutable(bytes32))
DYE_CLASS: public(immutable(bytes32))
terms_hash: public(immutable(bytes32))
TERMS_AT: public(immutable(address))
_ACCOUNTS: immutable(address)
_LINE: immutable(bytes32)
_DESTINATIONS: immutable(DynArray[bytes32, MAX_DESTINATIONS])
_RULES: immutable(DynArray[IAllocation.Rule, MAX_RULES])

# What caps have kept back of each share, and of all of them, minor units.
owed: public(HashMap[uint256, uint256])
owed_in_all: public(uint256)
# Inflow of the account up to which money was shared out, so that clearing twice shares nothing twice.
shared_up_to: public(uint256)
# What of that had left before it was shared, minor units; as much of what comes back is shared then.
missed: public(uint256)
# What of the account's line had come back when it was last looked at, minor units.
_back_up_to: uint256


@deploy
def __init__(
    account_: bytes32,
    dye_class: bytes32,
    destinations_: DynArray[bytes32, MAX_DESTINATIONS],
    terms: DynArray[IAgreement.Guard, MAX_GUARDS],
    rules_: DynArray[IAllocation.Rule, MAX_RULES],
):
    """
    @param account_ The account it funds others from.
    @param dye_class The line of that account.
    @param destinations_ The accounts operators may fund.
    @param terms Clauses of guards.
    @param rules_ What `clear` moves, in order.
    """
    TERMS_AT = guards._publish(terms, ALLOWED_KINDS)
    parties.__init__()
    assert len(destinations_) > 0 or len(rules_) > 0, "allocation: no destination"
    assert account_ not in destinations_, "allocation: funds itself"
    account = account_
    DYE_CLASS = dye_class
    terms_hash = keccak256(abi_encode(account_, dye_class, destinations_, terms, rules_))
    _ACCOUNTS = staticcall ILedger(parties.LEDGER).ACCOUNTS()
    _LINE = staticcall ILedger(parties.LEDGER).account_line(account_, dye_class)
    _DESTINATIONS = destinations_
    _RULES = rules_
    # What rests is shared; what left before is not.
    filled: uint256 = 0
    emptied: uint256 = 0
    filled, emptied = staticcall ILedger(parties.LEDGER).line(_LINE)
    inflow: uint256 = staticcall ILedger(parties.LEDGER).account_inflow(account_, dye_class)
    self.shared_up_to = inflow - min(inflow, filled - emptied)
    self._back_up_to = filled - inflow
    self._validate(rules_)
    for rule: IAllocation.Rule in rules_:
        assert self._receives(account_, rule.destination), "allocation: not an open account below"


# Operators of the account's controller, by signature


@external
def allocate(destination: bytes32, amount: uint256, reference: bytes32, deadline: uint256, signature: Bytes[65]):
    """
    @notice Fund an account.
    @param destination One of the agreement's destinations.
    @param amount Minor units.
    @param reference The operator's reference; an agreement takes it once, whatever else is signed.
    @param deadline Chain time after which the signature is void.
    @param signature By an operator.
    """
    digest: bytes32 = parties._digest(
        keccak256(abi_encode(ALLOCATION_TYPEHASH, terms_hash, destination, amount, reference, deadline)), deadline
    )
    controller: bytes32 = (staticcall IAccounts(_ACCOUNTS).account(account)).controller
    parties._signed(controller, parties.OPERATOR, digest, signature)
    parties._once(controller, reference)
    parties._check_amount(amount)
    assert destination in _DESTINATIONS, "allocation: not a destination"
    self._move(destination, amount, reference)


# Anyone


@external
def clear():
    """
    @notice Move what the rules say, in order, as far as the money and the caps go. A share is one of what came in
        and is there; what had left is shared when it comes back.
    """
    filled: uint256 = 0
    emptied: uint256 = 0
    filled, emptied = staticcall ILedger(parties.LEDGER).line(_LINE)
    left: uint256 = filled - emptied
    owed_in_all: uint256 = self.owed_in_all
    inflow: uint256 = staticcall ILedger(parties.LEDGER).account_inflow(account, DYE_CLASS)
    back: uint256 = filled - inflow
    missed: uint256 = self.missed
    arrived: uint256 = inflow - self.shared_up_to
    # What caps kept back of a share waits for that share.
    fresh: uint256 = min(left - min(left, owed_in_all), arrived + min(missed, back - self._back_up_to))
    freed: uint256 = 0
    parts: uint256 = 0
    rules: DynArray[IAllocation.Rule, MAX_RULES] = _RULES
    for i: uint256 in range(len(rules), bound=MAX_RULES):
        rule: IAllocation.Rule = rules[i]
        due: uint256 = 0
        free: uint256 = left - min(left, owed_in_all)
        wanted: uint256 = free
        if rule.mode == TOP_UP:
            wanted = min(free, self._lacking(rule))
        elif rule.mode == SHARE:
            due = self.owed[i]
            wanted = due + min(free, self._part(fresh, parts, rule.amount))
            parts += rule.amount
        if wanted == 0:
            continue
        amount: uint256 = 0
        if self._receives(account, rule.destination):
            amount = min(min(wanted, left), self._room())
        else:
            log IAllocation.RulePassedOver(rule=i, destination=rule.destination)
            # The share of one that was moved away waits for it; one that was closed never comes back.
            if (staticcall IAccounts(_ACCOUNTS).account(rule.destination)).closed:
                wanted = 0
                freed += due
        if amount > 0:
            self._move(rule.destination, amount, terms_hash)
        left -= amount
        if rule.mode == SHARE:
            self.owed[i] = wanted - amount
            owed_in_all = owed_in_all + wanted - amount - due
    moved: uint256 = filled - emptied - left
    assert moved + freed > 0, "allocation: nothing to clear"
    self.owed_in_all = owed_in_all
    self.shared_up_to = inflow
    self.missed = missed + arrived - fresh
    self._back_up_to = back
    log IAllocation.Cleared(caller=msg.sender, amount=moved)


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
    return guards._all(TERMS_AT)


@view
@external
def rules() -> DynArray[IAllocation.Rule, MAX_RULES]:
    """
    @notice What anyone may have it move.
    @return DynArray What `clear` moves, in order.
    """
    return _RULES


@view
@external
def destinations() -> DynArray[bytes32, MAX_DESTINATIONS]:
    """
    @notice What operators may have it fund.
    @return DynArray The accounts operators may fund.
    """
    return _DESTINATIONS


@view
@external
def consumed(guard: uint256, moment: uint256) -> uint256:
    """
    @notice What a cap has counted.
    @param guard Number of the guard.
    @param moment Chain time in the window asked for.
    @return uint256 What a cap has consumed in the window of a moment, or ever, minor units.
    """
    return caps._used(guards._guard(TERMS_AT, guard), moment)


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


@external
def adopt(arguments: Bytes[16384]):
    """
    @notice Refused: the quorum retires an allocation and activates another.
    @param arguments Encoded terms.
    """
    raise "allocation: terms do not change"


# Internal


@internal
@pure
def _validate(rules: DynArray[IAllocation.Rule, MAX_RULES]):
    """
    @dev Throws when rules could never be met, or promise more than there is.
    """
    shares: uint256 = 0
    for i: uint256 in range(len(rules), bound=MAX_RULES):
        rule: IAllocation.Rule = rules[i]
        if rule.mode == TOP_UP:
            assert rule.amount > 0 and rule.amount <= guards.MAX_AMOUNT, "allocation: amount of a rule"
        elif rule.mode == SHARE:
            assert rule.amount > 0 and rule.amount <= WHOLE, "allocation: amount of a rule"
            shares += rule.amount
        else:
            assert rule.mode == REST, "allocation: unknown mode"
            assert rule.amount == 0, "allocation: amount of a rule"
            assert i + 1 == len(rules), "allocation: the rest comes last"
    assert shares <= WHOLE, "allocation: shares above the whole"


@internal
@view
def _receives(above: bytes32, destination: bytes32) -> bool:
    """
    @dev Whether a destination is open and below an account.
    """
    held: IAccounts.Account = staticcall IAccounts(_ACCOUNTS).account(destination)
    if held.closed:
        return False
    for _: uint256 in range(MAX_LEVELS):
        if held.parent == above:
            return True
        if held.parent == empty(bytes32):
            break
        held = staticcall IAccounts(_ACCOUNTS).account(held.parent)
    return False


@internal
@view
def _lacking(rule: IAllocation.Rule) -> uint256:
    """
    @dev What a destination lacks to the balance a rule brings it up to, minor units.
    """
    balance: uint256 = staticcall ILedger(parties.LEDGER).account_balance(rule.destination, DYE_CLASS)
    return rule.amount - min(balance, rule.amount)


@internal
@pure
def _part(amount: uint256, before: uint256, share: uint256) -> uint256:
    """
    @dev A share of an amount, rounded so that shares which make up the whole leave nothing.
    @param amount Minor units.
    @param before Basis points of the shares before it.
    @param share Its own basis points.
    """
    return amount * (before + share) // WHOLE - amount * before // WHOLE


@internal
@view
def _room() -> uint256:
    """
    @dev The most that may be moved at once now: of every clause what its widest guard leaves, of all the least.
        Throws outside the days and hours of the terms.
    """
    terms: address = TERMS_AT
    room: uint256 = max_value(uint256)
    widest: uint256 = 0
    number: uint256 = guards._length(terms)
    for i: uint256 in range(number, bound=MAX_GUARDS):
        guard: IAgreement.Guard = guards._guard(terms, i)
        widest = max(widest, self._left(guard))
        if self._is_last(terms, number, i):
            if widest == 0 and not guards._is(guards.COUNTED, guard.kind):
                self._refuse(guard, i, 0)
            room = min(room, widest)
            widest = 0
    return room


@internal
def _consume(amount: uint256):
    """
    @dev Count an amount against the first guard of every clause that leaves so much; refuse where none does.
    """
    terms: address = TERMS_AT
    met: bool = False
    number: uint256 = guards._length(terms)
    for i: uint256 in range(number, bound=MAX_GUARDS):
        guard: IAgreement.Guard = guards._guard(terms, i)
        if not met and amount <= self._left(guard):
            met = True
            if guards._is(guards.COUNTED, guard.kind):
                caps._set_used(guard, block.timestamp, caps._used(guard, block.timestamp) + amount)
        if self._is_last(terms, number, i):
            if not met:
                self._refuse(guard, i, amount)
            met = False


@internal
@view
def _is_last(terms: address, number: uint256, index: uint256) -> bool:
    """
    @dev Whether a guard is the last of its clause.
    """
    following: uint256 = index + 1
    return following == number or guards._guard(terms, following).clause != guards._guard(terms, index).clause


@internal
@view
def _left(guard: IAgreement.Guard) -> uint256:
    """
    @dev The most that a guard allows to be moved at once now, minor units.
    """
    if guard.kind == guards.PAYOUT_CAP:
        return guard.a
    if guards._is(guards.COUNTED, guard.kind):
        # Another cap of the clause may have counted more on the same counter.
        return guard.a - min(guard.a, caps._used(guard, block.timestamp))
    is_open: bool = False
    limit: uint256 = 0
    observed: uint256 = 0
    is_open, limit, observed = guards._look_at_clock(guard)
    if is_open:
        return max_value(uint256)
    return 0


@internal
@view
def _refuse(guard: IAgreement.Guard, index: uint256, amount: uint256):
    """
    @dev Refuse an amount for a guard.
    """
    is_open: bool = False
    limit: uint256 = guard.a
    observed: uint256 = amount
    if guards._is(guards.COUNTED, guard.kind):
        observed += caps._used(guard, block.timestamp)
    elif guard.kind != guards.PAYOUT_CAP:
        is_open, limit, observed = guards._look_at_clock(guard)
    guards._refuse(guard.clause, index, guard.kind, limit, observed)


@internal
def _move(destination: bytes32, amount: uint256, info: bytes32):
    """
    @dev Fund a destination. What an allocation moved stays moved: nothing ever gives its windows back.
    """
    self._consume(amount)
    extcall ILedger(parties.LEDGER).transfer(account, DYE_CLASS, destination, amount, info, False)
