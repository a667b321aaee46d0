# pragma version 0.4.3
# pragma nonreentrancy on
"""
@title Terms: clauses of guards, and the refusals they give
@license Apache-2.0
@notice All clauses must be satisfied; any one guard satisfies its clause. A refusal names the clause, the
    guard that came last in it, a code, the limit and what was observed.

    kind            operands
    1 APPROVAL      a = institutions needed, subject = quorum
    2 ROSTER        a = number of payees, subject = root of the roster
    3 PAYOUT_CAP    a = most a payout may be, minor units
    4 WINDOW_CAP    a = most per window, minor units; b = window, seconds; c = offset of its start, seconds
    5 TIME_WINDOW   a, b = first and last second; c packs daily from (bits 0-31), until (32-63), offset (64-95)
    6 EVIDENCE      a = freshness, seconds; subject = kind of evidence, party = institution that attests it
"""

from interfaces import IAgreement

MAX_GUARDS: constant(uint256) = 24
MAX_CLAUSES: constant(uint256) = 16

APPROVAL: constant(uint256) = 1
ROSTER: constant(uint256) = 2
PAYOUT_CAP: constant(uint256) = 3
WINDOW_CAP: constant(uint256) = 4
TIME_WINDOW: constant(uint256) = 5
EVIDENCE: constant(uint256) = 6

DAY_SECONDS: constant(uint256) = 86400
# No line holds more.
MAX_AMOUNT: constant(uint256) = 2**62
# A span that no chain time overflows.
MAX_SECONDS: constant(uint256) = 2**40
_M32: constant(uint256) = 2**32 - 1
_NO_LIMIT: constant(uint256) = max_value(uint256)

_GUARDS: immutable(DynArray[IAgreement.Guard, MAX_GUARDS])
_CLAUSES: immutable(uint256)

# What each WINDOW_CAP guard has consumed in each of its windows, minor units.
consumed: HashMap[uint256, HashMap[uint256, uint256]]


@deploy
def __init__(guards: DynArray[IAgreement.Guard, MAX_GUARDS], allowed_kinds: uint256):
    """
    @param guards The terms, guards of one clause next to each other, clauses numbered from zero.
    @param allowed_kinds One bit a kind that the template can enforce.
    """
    assert len(guards) > 0, "guards: no terms"
    clause: uint256 = 0
    for guard: IAgreement.Guard in guards:
        assert guard.clause == clause or guard.clause == clause + 1, "guards: clauses out of order"
        clause = guard.clause
        assert guard.kind < 256 and allowed_kinds >> guard.kind & 1 == 1, "guards: kind not in this template"
        self._validate(guard)
    assert guards[0].clause == 0, "guards: clauses out of order"
    assert clause < MAX_CLAUSES, "guards: too many clauses"
    for guard: IAgreement.Guard in guards:
        if guard.kind == WINDOW_CAP:
            for other: IAgreement.Guard in guards:
                assert other.clause != guard.clause or other.kind == WINDOW_CAP, "guards: window cap shares a clause"
    _GUARDS = guards
    _CLAUSES = clause + 1


@internal
@pure
def _validate(guard: IAgreement.Guard):
    """
    @dev Refuse operands that could never be satisfied or never refuse.
    """
    if guard.kind == APPROVAL:
        assert guard.a >= 2 and guard.subject != empty(bytes32), "guards: approval needs a quorum of two"
    elif guard.kind == ROSTER:
        assert guard.a > 0 and guard.a <= 2**24, "guards: roster size"
    elif guard.kind == PAYOUT_CAP:
        assert guard.a > 0 and guard.a <= MAX_AMOUNT, "guards: payout cap"
    elif guard.kind == WINDOW_CAP:
        assert guard.a > 0 and guard.a <= MAX_AMOUNT, "guards: window cap"
        assert guard.c < guard.b and guard.b <= MAX_SECONDS, "guards: window of a cap"
    elif guard.kind == TIME_WINDOW:
        daily_from: uint256 = guard.c & _M32
        daily_until: uint256 = guard.c >> 32 & _M32
        assert guard.a < guard.b, "guards: time window is empty"
        assert daily_from < daily_until and daily_until <= DAY_SECONDS, "guards: daily hours"
        assert guard.c >> 64 < DAY_SECONDS, "guards: time zone"
    else:
        assert guard.kind == EVIDENCE, "guards: unknown kind"
        assert guard.a > 0 and guard.a <= MAX_SECONDS, "guards: evidence freshness"
        assert guard.party != empty(bytes32), "guards: evidence needs a witness"


@internal
@view
def _terms() -> DynArray[IAgreement.Guard, MAX_GUARDS]:
    """
    @dev The terms.
    """
    return _GUARDS


@internal
@pure
def _refuse(clause: uint256, guard: uint256, code: bytes32, limit: uint256, observed: uint256):
    """
    @dev Revert with `Refused(clause, guard, code, limit, observed)`.
    """
    raw_revert(
        abi_encode(
            clause,
            guard,
            code,
            limit,
            observed,
            method_id=method_id("Refused(uint256,uint256,bytes32,uint256,uint256)"),
        )
    )


@internal
@pure
def _code(text: Bytes[32]) -> bytes32:
    """
    @dev A refusal's code: ASCII, filled with zeros on the right.
    """
    word: uint256 = convert(text, uint256)
    return convert(word << 8 * (32 - len(text)), bytes32)


@internal
@pure
def _window(guard: IAgreement.Guard, moment: uint256) -> uint256:
    """
    @dev The number of the window a moment falls into.
    """
    return (moment + guard.c) // guard.b


@internal
def _consume(amount: uint256) -> uint256:
    """
    @dev Count an amount against one window cap of every clause that has some; refuse where none has room.
    @param amount Minor units.
    @return uint256 One bit a guard that counted it.
    """
    assert amount <= MAX_AMOUNT, "guards: amount out of bounds"
    guards: DynArray[IAgreement.Guard, MAX_GUARDS] = _GUARDS
    counted: uint256 = 0
    satisfied: uint256 = 0
    for i: uint256 in range(len(guards), bound=MAX_GUARDS):
        guard: IAgreement.Guard = guards[i]
        if guard.kind != WINDOW_CAP or satisfied >> guard.clause & 1 == 1:
            continue
        window: uint256 = self._window(guard, block.timestamp)
        after: uint256 = self.consumed[i][window] + amount
        if after <= guard.a:
            self.consumed[i][window] = after
            counted |= 1 << i
            satisfied |= 1 << guard.clause
        elif i + 1 == len(guards) or guards[i + 1].clause != guard.clause:
            self._refuse(guard.clause, i, self._code(b"window-cap"), guard.a, after)
    return counted


@internal
def _unconsume(amount: uint256, moment: uint256, counted: uint256):
    """
    @dev Give an amount back to the windows that counted it.
    @param amount Minor units, at most what was counted.
    @param moment When it was counted.
    @param counted One bit a guard that counted it.
    """
    guards: DynArray[IAgreement.Guard, MAX_GUARDS] = _GUARDS
    for i: uint256 in range(len(guards), bound=MAX_GUARDS):
        if counted >> i & 1 == 1:
            self.consumed[i][self._window(guards[i], moment)] -= amount


@internal
@view
def _is_in_time(guard: IAgreement.Guard) -> bool:
    """
    @dev Whether chain time is within the dates and the daily hours of a time window.
    """
    if block.timestamp < guard.a or block.timestamp > guard.b:
        return False
    second: uint256 = (block.timestamp + (guard.c >> 64)) % DAY_SECONDS
    return second >= guard.c & _M32 and second < guard.c >> 32 & _M32


@internal
@view
def _check_whole(satisfied_elsewhere: uint256, evidence: uint256, approvals: uint256[MAX_GUARDS]) -> uint256:
    """
    @dev Evaluate the guards that hold for a whole chunk. Refuse if a clause has no guard left that could
        still be satisfied row by row.
    @param satisfied_elsewhere One bit a clause that is satisfied already, for example by a waiver.
    @param evidence One bit a guard whose evidence stands.
    @param approvals Institutions that approve, a number a guard.
    @return uint256 One bit a clause that is satisfied for every row.
    """
    guards: DynArray[IAgreement.Guard, MAX_GUARDS] = _GUARDS
    satisfied: uint256 = satisfied_elsewhere
    by_row: uint256 = 0
    for i: uint256 in range(len(guards), bound=MAX_GUARDS):
        guard: IAgreement.Guard = guards[i]
        met: bool = guard.kind == WINDOW_CAP
        if guard.kind == ROSTER or guard.kind == PAYOUT_CAP:
            by_row |= 1 << guard.clause
        elif guard.kind == APPROVAL:
            met = approvals[i] >= guard.a
        elif guard.kind == TIME_WINDOW:
            met = self._is_in_time(guard)
        elif guard.kind == EVIDENCE:
            met = evidence >> i & 1 == 1
        if met:
            satisfied |= 1 << guard.clause
    for i: uint256 in range(len(guards), bound=MAX_GUARDS):
        guard: IAgreement.Guard = guards[i]
        last: bool = i + 1 == len(guards) or guards[i + 1].clause != guard.clause
        if last and (satisfied | by_row) >> guard.clause & 1 == 0:
            self._refuse_whole(i, guard, approvals[i])
    return satisfied


@internal
@view
def _refuse_whole(index: uint256, guard: IAgreement.Guard, approvals: uint256):
    """
    @dev Refuse a chunk for a guard that is not satisfied.
    """
    if guard.kind == APPROVAL:
        self._refuse(guard.clause, index, self._code(b"approvals-missing"), guard.a, approvals)
    elif guard.kind == TIME_WINDOW:
        limit: uint256 = guard.b
        if block.timestamp < guard.a:
            limit = guard.a
        self._refuse(guard.clause, index, self._code(b"outside-time-window"), limit, block.timestamp)
    else:
        self._refuse(guard.clause, index, self._code(b"evidence-missing"), guard.a, 0)


@internal
@view
def _row_limits(satisfied: uint256) -> (uint256, uint256):
    """
    @dev The strictest roster size and payout cap among clauses that are still open: a row within both
        satisfies them all, and only another needs a closer look.
    @return (uint256, uint256) Number of payees; largest amount, minor units.
    """
    guards: DynArray[IAgreement.Guard, MAX_GUARDS] = _GUARDS
    payees: uint256 = _NO_LIMIT
    cap: uint256 = _NO_LIMIT
    for guard: IAgreement.Guard in guards:
        if satisfied >> guard.clause & 1 == 1:
            continue
        if guard.kind == ROSTER:
            payees = min(payees, guard.a)
        elif guard.kind == PAYOUT_CAP:
            cap = min(cap, guard.a)
    return payees, cap


@internal
@view
def _first_refusal(satisfied: uint256, payee: uint256, amount: uint256) -> uint256:
    """
    @dev The guard that refuses a row, or MAX_GUARDS when every clause is satisfied.
    @param satisfied One bit a clause that is satisfied for every row.
    @param payee Roster index.
    @param amount Minor units.
    @return uint256 Index of the last guard of the first clause that no guard satisfies.
    """
    guards: DynArray[IAgreement.Guard, MAX_GUARDS] = _GUARDS
    met: uint256 = satisfied
    for guard: IAgreement.Guard in guards:
        if guard.kind == ROSTER and payee < guard.a:
            met |= 1 << guard.clause
        elif guard.kind == PAYOUT_CAP and amount <= guard.a:
            met |= 1 << guard.clause
    for i: uint256 in range(len(guards), bound=MAX_GUARDS):
        guard: IAgreement.Guard = guards[i]
        last: bool = i + 1 == len(guards) or guards[i + 1].clause != guard.clause
        if last and met >> guard.clause & 1 == 0:
            return self._last_by_row(guards, guard.clause)
    return MAX_GUARDS


@internal
@pure
def _last_by_row(guards: DynArray[IAgreement.Guard, MAX_GUARDS], clause: uint256) -> uint256:
    """
    @dev The last guard of a clause that looks at rows.
    """
    found: uint256 = 0
    for i: uint256 in range(len(guards), bound=MAX_GUARDS):
        if guards[i].clause == clause and (guards[i].kind == ROSTER or guards[i].kind == PAYOUT_CAP):
            found = i
    return found


@internal
@view
def _row_refusal(index: uint256, payee: uint256, amount: uint256) -> (bytes32, uint256, uint256):
    """
    @dev Code, limit and observed value of a guard that refuses a row.
    """
    guard: IAgreement.Guard = _GUARDS[index]
    if guard.kind == ROSTER:
        return self._code(b"payee-not-on-roster"), guard.a, payee
    return self._code(b"payout-cap"), guard.a, amount


@internal
@view
def _refuse_row(index: uint256, payee: uint256, amount: uint256):
    """
    @dev Refuse a call for one row.
    """
    code: bytes32 = empty(bytes32)
    limit: uint256 = 0
    observed: uint256 = 0
    code, limit, observed = self._row_refusal(index, payee, amount)
    self._refuse(_GUARDS[index].clause, index, code, limit, observed)
