# pragma version 0.4.3
# pragma nonreentrancy on
"""
@title Terms: clauses of guards, their caps, and the refusals they give
@license Apache-2.0
@notice All clauses must be satisfied; any one guard satisfies its clause, and in a clause of caps the first with
    room counts, only it. A refusal names the clause, the guard that came last in it, a code, the limit and what
    was observed.

    kind                operands
    1 APPROVAL          a = institutions needed, subject = quorum; b = least of each kind of institution, 32 bits
                        each: banks, agencies, enterprises, auditors
    2 ROSTER            a = number of payees, subject = root of the roster; party = root of the roster it extends, for
                        terms that put it in the place of another
    3 PAYOUT_CAP        a = most a payout may be
    4 WINDOW_CAP        a = most per window; b = window, seconds; c = offset of its start; subject = counter key
    5 TIME_WINDOW       a, b = first and last second; c packs daily from (bits 0-31), until (32-63), offset of local
                        time (64-95), days of the week (96-102, bit 0 = Monday; none set means all). Hours that
                        cross midnight (from > until) belong to the day they begin on: what a, b and the days of
                        the week say of its last second holds after midnight
    6 EVIDENCE          a = freshness, seconds, from when the witness observed it; subject = kind of evidence;
                        b = institutions needed: 0 or 1 means one, the party; more means so many of the quorum `party`
    7 BATCH_CAP         a = most per batch
    8 LIFETIME_CAP      a = most ever; subject = counter key
    9 PAYEE_CAP         a = most per payee and window, below 2^32; b = window, seconds, 0 = for ever; c = offset of its
                        start; subject = counter key
    10 BLACKLIST        subject = quorum that blocks and unblocks payees
    11 DYE_CLASS        subject = dye class the batch draws
    12 LINE_CAP         a = most ever out of the line of dye class `subject`; says nothing about others
    13 COUNTERSIGN      party = institution one of whose operators countersigns
    14 AGREEMENT_STATE  party = an agreement's address; a = state it must be in, or 255: then b = least its account
                        must hold of dye class `subject`. Only an active one is open (1) or holds anything
    15 WAITING          a = seconds that approvals of b institutions of quorum `subject` must have stood
    16 DOCUMENT         subject = kind of document; party = institution whose witness registers it, and still is one
    17 CALENDAR_DAY     a = first day (unix days, local time); b = number of days; c = offset of local time; subject =
                        one bit a day that is allowed, the first in bit 0

    Amounts are minor units. Terms stand in the code of an account of their own, so that reading one guard costs
    little and new terms can take their place.
"""

from interfaces import IAgreement

MAX_GUARDS: constant(uint256) = 24
MAX_CLAUSES: constant(uint256) = 16
MAX_PAYEE_CAPS: constant(uint256) = 4

APPROVAL: constant(uint256) = 1
ROSTER: constant(uint256) = 2
PAYOUT_CAP: constant(uint256) = 3
WINDOW_CAP: constant(uint256) = 4
TIME_WINDOW: constant(uint256) = 5
EVIDENCE: constant(uint256) = 6
BATCH_CAP: constant(uint256) = 7
LIFETIME_CAP: constant(uint256) = 8
PAYEE_CAP: constant(uint256) = 9
BLACKLIST: constant(uint256) = 10
DYE_CLASS: constant(uint256) = 11
LINE_CAP: constant(uint256) = 12
COUNTERSIGN: constant(uint256) = 13
AGREEMENT_STATE: constant(uint256) = 14
WAITING: constant(uint256) = 15
DOCUMENT: constant(uint256) = 16
CALENDAR_DAY: constant(uint256) = 17

# Refusals of a document that are not its first.
DOCUMENT_PAYEE: constant(uint256) = 18
DOCUMENT_AMOUNT: constant(uint256) = 19
# ASCII, filled with zeros on the right.
_CODES: constant(bytes32[20]) = [
    0x0000000000000000000000000000000000000000000000000000000000000000,
    0x617070726f76616c732d6d697373696e67000000000000000000000000000000,  # approvals-missing
    0x70617965652d6e6f742d6f6e2d726f7374657200000000000000000000000000,  # payee-not-on-roster
    0x7061796f75742d63617000000000000000000000000000000000000000000000,  # payout-cap
    0x77696e646f772d63617000000000000000000000000000000000000000000000,  # window-cap
    0x6f7574736964652d74696d652d77696e646f7700000000000000000000000000,  # outside-time-window
    0x65766964656e63652d6d697373696e6700000000000000000000000000000000,  # evidence-missing
    0x62617463682d6361700000000000000000000000000000000000000000000000,  # batch-cap
    0x6c69666574696d652d6361700000000000000000000000000000000000000000,  # lifetime-cap
    0x70617965652d6361700000000000000000000000000000000000000000000000,  # payee-cap
    0x70617965652d626c6f636b656400000000000000000000000000000000000000,  # payee-blocked
    0x6479652d636c6173730000000000000000000000000000000000000000000000,  # dye-class
    0x6c696e652d636170000000000000000000000000000000000000000000000000,  # line-cap
    0x636f756e7465727369676e61747572652d6d697373696e670000000000000000,  # countersignature-missing
    0x61677265656d656e742d73746174650000000000000000000000000000000000,  # agreement-state
    0x77616974696e672d706572696f64000000000000000000000000000000000000,  # waiting-period
    0x646f63756d656e742d6d697373696e6700000000000000000000000000000000,  # document-missing
    0x6f7574736964652d63616c656e64617200000000000000000000000000000000,  # outside-calendar
    0x646f63756d656e742d7061796565000000000000000000000000000000000000,  # document-payee
    0x646f63756d656e742d616d6f756e740000000000000000000000000000000000,  # document-amount
]

# Sets of kinds, one bit a kind.
# Counted over batches, and given back: WINDOW_CAP, LIFETIME_CAP, LINE_CAP, DOCUMENT.
COUNTED: constant(uint256) = 2**4 + 2**8 + 2**12 + 2**16
# Caps of what goes through one line or to one payee: alone in their clause.
_ALONE: constant(uint256) = 2**9 + 2**12
# PAYOUT_CAP, WINDOW_CAP, BATCH_CAP, LIFETIME_CAP, PAYEE_CAP, LINE_CAP
_CAPS: constant(uint256) = 2**3 + 2**4 + 2**7 + 2**8 + 2**9 + 2**12
# APPROVAL, BLACKLIST, COUNTERSIGN, WAITING, DOCUMENT: nobody waives a clause that has one.
NEVER_WAIVED: constant(uint256) = 2**1 + 2**10 + 2**13 + 2**15 + 2**16

# State that asks for a balance instead.
BALANCE: constant(uint256) = 255
DAY_SECONDS: constant(uint256) = 86400
# No line holds more.
MAX_AMOUNT: constant(uint256) = 2**62
# A span that no chain time overflows.
MAX_SECONDS: constant(uint256) = 2**40
# Keeps the number of a window within 32 bits.
_LEAST_WINDOW: constant(uint256) = 256
# As many as a row's roster index can tell apart.
MAX_PAYEES: constant(uint256) = 2**24
# As many as an approval's count can hold.
MAX_SIGNERS: constant(uint256) = 16
INSTITUTION_KINDS: constant(uint256) = 4
_EVERY_DAY: constant(uint256) = 127
# Days between the Monday before it and 1970-01-01.
_EPOCH_WEEKDAY: constant(uint256) = 3
_M32: constant(uint256) = 2**32 - 1

# Where the terms stand: one byte that stops, then the guards, GUARD_BYTES each, behind two words of encoding.
_HEADER_BYTES: constant(uint256) = 65
GUARD_BYTES: constant(uint256) = 224


@internal
def _publish(terms: DynArray[IAgreement.Guard, MAX_GUARDS], allowed_kinds: uint256) -> address:
    """
    @dev Check terms and write them into the code of a new account.
    @param terms Guards of one clause next to each other, clauses numbered from zero.
    @param allowed_kinds One bit a kind that the template can enforce.
    @return address Where they stand.
    """
    clauses: uint256 = 0
    payee_caps: uint256 = 0
    for i: uint256 in range(len(terms), bound=MAX_GUARDS):
        guard: IAgreement.Guard = terms[i]
        assert guard.clause <= clauses and guard.clause + 1 >= clauses, "guards: clauses out of order"
        clauses = guard.clause + 1
        assert self._is(allowed_kinds, guard.kind), "guards: kind not in this template"
        self._validate(guard)
        for j: uint256 in range(i, bound=MAX_GUARDS):
            self._validate_pair(terms[j], guard)
        if guard.kind == PAYEE_CAP:
            payee_caps += 1
    assert clauses <= MAX_CLAUSES, "guards: too many clauses"
    assert payee_caps <= MAX_PAYEE_CAPS, "guards: too many caps of payees"
    return raw_create(
        concat(
            # PUSH2 length, then the code that returns what follows it.
            b"\x61",
            convert(convert(len(terms) * GUARD_BYTES + _HEADER_BYTES, uint16), bytes2),
            x"3d81600a3d39f300",
            abi_encode(terms),
        )
    )


@internal
@pure
def _validate_pair(one: IAgreement.Guard, other: IAgreement.Guard):
    """
    @dev Refuse two guards that don't go together.
    """
    counts: bool = self._is(COUNTED | _ALONE, one.kind)
    if one.clause == other.clause:
        # A clause either counts or only looks: else what it counted would not say what satisfied it.
        assert counts == self._is(COUNTED | _ALONE, other.kind), "guards: cap shares a clause"
        assert not self._is(_ALONE, one.kind) and not self._is(_ALONE, other.kind), "guards: cap shares a clause"
    elif counts:
        assert self._counter(one) != self._counter(other), "guards: counter of two clauses"
    if one.kind == other.kind and (one.kind == ROSTER or one.kind == BLACKLIST):
        assert one.a == other.a and one.subject == other.subject, "guards: two rosters or blacklists"


@internal
@pure
def _validate(guard: IAgreement.Guard):
    """
    @dev Refuse operands that could never be satisfied or never refuse.
    """
    kind: uint256 = guard.kind
    if self._is(_CAPS, kind):
        most: uint256 = MAX_AMOUNT
        if kind == PAYEE_CAP:
            most = _M32 - 1
        assert guard.a > 0 and guard.a <= most, "guards: amount of a cap"
        windows: bool = guard.b >= _LEAST_WINDOW and guard.b <= MAX_SECONDS and guard.c < guard.b
        if kind != WINDOW_CAP and guard.b == 0:
            windows = guard.c == 0
        elif kind != WINDOW_CAP and kind != PAYEE_CAP:
            windows = False
        assert windows, "guards: window of a cap"
    elif kind == APPROVAL:
        asked: uint256 = 0
        for i: uint256 in range(INSTITUTION_KINDS):
            asked += guard.b >> 32 * i & _M32
        assert guard.a >= 2 and guard.subject != empty(bytes32), "guards: approval needs a quorum of two"
        assert max(guard.a, asked) <= MAX_SIGNERS and guard.b >> 32 * INSTITUTION_KINDS == 0, "guards: too many institutions"
    elif kind == WAITING:
        assert guard.a > 0 and guard.a <= MAX_SECONDS, "guards: waiting period"
        assert guard.b > 0 and guard.b <= MAX_SIGNERS, "guards: too many institutions"
        assert guard.subject != empty(bytes32), "guards: no subject"
    elif kind == ROSTER:
        assert guard.a > 0 and guard.a <= MAX_PAYEES, "guards: roster size"
    elif kind == TIME_WINDOW:
        begin: uint256 = guard.c & _M32
        end: uint256 = guard.c >> 32 & _M32
        assert guard.a < guard.b, "guards: time window is empty"
        assert begin != end and begin < DAY_SECONDS and end <= DAY_SECONDS, "guards: daily hours"
        assert guard.c >> 64 & _M32 < DAY_SECONDS, "guards: time zone"
        assert guard.c >> 96 <= _EVERY_DAY, "guards: days of the week"
    elif kind == CALENDAR_DAY:
        assert guard.a <= MAX_SECONDS and guard.b <= 256, "guards: days of a calendar"
        # Also refuses a calendar of no day.
        assert convert(guard.subject, uint256) << (256 - guard.b) != 0, "guards: days of a calendar"
        assert guard.c < DAY_SECONDS, "guards: time zone"
    elif kind == AGREEMENT_STATE:
        limit: uint256 = guard.a
        if limit == BALANCE:
            limit = guard.b
        assert limit > 0 and limit <= MAX_AMOUNT, "guards: state of an agreement"
        assert convert(guard.party, uint256) >> 160 == 0 and guard.party != empty(bytes32), "guards: no party"
    elif kind == EVIDENCE:
        assert guard.a > 0 and guard.a <= MAX_SECONDS, "guards: evidence freshness"
        assert guard.b <= MAX_SIGNERS, "guards: too many institutions"
        assert guard.party != empty(bytes32), "guards: evidence needs a witness"
    else:
        # BLACKLIST and DYE_CLASS have a subject, COUNTERSIGN a party, DOCUMENT both.
        assert guard.b == 0 and (guard.subject == empty(bytes32)) == (kind == COUNTERSIGN), "guards: no subject"
        assert guard.party != empty(bytes32) or kind == BLACKLIST or kind == DYE_CLASS, "guards: no party"


@internal
@view
def _length(terms: address) -> uint256:
    """
    @dev Number of guards.
    """
    return terms.codesize // GUARD_BYTES


@internal
@view
def _guard(terms: address, index: uint256) -> IAgreement.Guard:
    """
    @dev One guard.
    """
    return abi_decode(
        slice(terms.code, unsafe_add(_HEADER_BYTES, unsafe_mul(index, GUARD_BYTES)), GUARD_BYTES), IAgreement.Guard
    )


@internal
@view
def _after(terms: address, index: uint256, number: uint256) -> IAgreement.Guard:
    """
    @dev The guard after one; after the last, one of no clause.
    """
    if unsafe_add(index, 1) < number:
        return self._guard(terms, unsafe_add(index, 1))
    nothing: IAgreement.Guard = empty(IAgreement.Guard)
    nothing.clause = MAX_CLAUSES
    return nothing


@internal
@view
def _all(terms: address) -> DynArray[IAgreement.Guard, MAX_GUARDS]:
    """
    @dev Every guard.
    """
    guards: DynArray[IAgreement.Guard, MAX_GUARDS] = []
    for i: uint256 in range(self._length(terms), bound=MAX_GUARDS):
        guards.append(self._guard(terms, i))
    return guards


@internal
@pure
def _is(kinds: uint256, kind: uint256) -> bool:
    """
    @dev Whether a kind is in a set of kinds; one above 255 never is.
    """
    return kinds >> kind & 1 == 1


@internal
@pure
def _refuse(clause: uint256, guard: uint256, code: uint256, limit: uint256, observed: uint256):
    """
    @dev Revert with `Refused(clause, guard, code, limit, observed)`.
    @param code Kind of the guard, or DOCUMENT_PAYEE or DOCUMENT_AMOUNT.
    """
    raw_revert(
        abi_encode(
            clause,
            guard,
            self._code(code),
            limit,
            observed,
            method_id=method_id("Refused(uint256,uint256,bytes32,uint256,uint256)"),
        )
    )


@internal
@pure
def _code(code: uint256) -> bytes32:
    """
    @dev What a refusal is called.
    """
    return _CODES[code]


@internal
@pure
def _counter(guard: IAgreement.Guard) -> bytes32:
    """
    @dev The id of what a cap counts. It outlives the terms: another limit goes on where the last left off,
        another window begins anew.
    """
    return keccak256(abi_encode(guard.kind, guard.subject, guard.b, guard.c))


@internal
@pure
def _window(guard: IAgreement.Guard, moment: uint256) -> uint256:
    """
    @dev The number of the window a moment falls into; a cap without windows has the window zero.
    """
    if guard.b == 0:
        return 0
    return (moment + guard.c) // guard.b


@internal
@view
def _look_at_clock(guard: IAgreement.Guard) -> (bool, uint256, uint256):
    """
    @dev Whether a TIME_WINDOW or CALENDAR_DAY is open, its limit and what is observed.
    """
    if guard.kind == CALENDAR_DAY:
        return self._is_allowed_day(guard), guard.a + guard.b - 1, self._local_day(guard)
    limit: uint256 = guard.b
    if block.timestamp < guard.a:
        limit = guard.a
    return self._is_in_time(guard), limit, block.timestamp


@internal
@view
def _is_in_time(guard: IAgreement.Guard) -> bool:
    """
    @dev Whether chain time is within the dates, the daily hours and the days of the week of a time window.
    """
    begin: uint256 = guard.c & _M32
    end: uint256 = guard.c >> 32 & _M32
    zone: uint256 = guard.c >> 64 & _M32
    days: uint256 = guard.c >> 96
    # Seconds since the hours last began, and the local day they began on, which may be the day before.
    passed: uint256 = (block.timestamp + zone - begin) % DAY_SECONDS
    day: uint256 = (block.timestamp + zone - begin) // DAY_SECONDS
    # After midnight, the last second of that day.
    moment: uint256 = min(block.timestamp, (day + 1) * DAY_SECONDS - 1 - zone)
    return (
        passed <= (end + DAY_SECONDS - begin - 1) % DAY_SECONDS
        and guard.a <= moment
        and moment <= guard.b
        and (days == 0 or days >> (day + _EPOCH_WEEKDAY) % 7 & 1 == 1)
    )


@internal
@view
def _is_allowed_day(guard: IAgreement.Guard) -> bool:
    """
    @dev Whether the local day is allowed by a calendar.
    """
    place: uint256 = unsafe_sub(self._local_day(guard), guard.a)
    return place < guard.b and convert(guard.subject, uint256) >> place & 1 == 1


@internal
@view
def _local_day(guard: IAgreement.Guard) -> uint256:
    """
    @dev The unix day of a calendar's local time.
    """
    return (block.timestamp + guard.c) // DAY_SECONDS
