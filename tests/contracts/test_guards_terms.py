"""Terms no agreement takes, and revert data that is not ours."""

import pytest
from eth_hash.auto import keccak

from contracts.errors import RefusalUnknown
from contracts.terms import Guard, Kind, decode_refusal, disbursement_arguments
from tests.contracts.chain import reverts
from tests.contracts.disbursements import ALWAYS, DAY, OTHER, counter, daily, payee_cap
from tests.contracts.world import AUDITOR, PROGRESS, QUORUM, TREE, WAGES, World

KEY = counter("key")
ELSE = counter("else")
ADDRESS = b"\1".rjust(32, b"\0")
MOST_AMOUNT, MOST_SECONDS = 2**62, 2**40
SHARES = "cap shares a clause"
MANY = "too many institutions"
WINDOW = "window of a cap"
AMOUNT = "amount of a cap"
CALENDAR = "days of a calendar"
TWINS = "two rosters or blacklists"
COUNTER = "counter of two clauses"


def window(clause: int, most: int = 5, seconds: int = DAY, offset: int = 0, key: bytes = KEY) -> Guard:
    return Guard(clause, Kind.WINDOW_CAP, most, seconds, offset, subject=key)


def lifetime(clause: int, most: int = 5, key: bytes = KEY) -> Guard:
    return Guard(clause, Kind.LIFETIME_CAP, most, subject=key)


def line(clause: int, dye_class: bytes = WAGES) -> Guard:
    return Guard(clause, Kind.LINE_CAP, 5, subject=dye_class)


def evidence(fresh: int = 5, needed: int = 0, party: bytes = AUDITOR) -> Guard:
    return Guard(0, Kind.EVIDENCE, fresh, needed, subject=PROGRESS, party=party)


def approval(needed: int = 2, quotas: int = 0, quorum: bytes = QUORUM) -> Guard:
    return Guard(0, Kind.APPROVAL, needed, quotas, subject=quorum)


def waiting(seconds: int = 5, needed: int = 1, quorum: bytes = QUORUM) -> Guard:
    return Guard(0, Kind.WAITING, seconds, needed, subject=quorum)


def calendar(first: int = 1, days: int = 1, offset: int = 0, bits: int = 1) -> Guard:
    return Guard(0, Kind.CALENDAR_DAY, first, days, offset, subject=bits.to_bytes(32))


def state(number: int, least: int = 0, party: bytes = ADDRESS) -> Guard:
    return Guard(0, Kind.AGREEMENT_STATE, number, least, subject=WAGES, party=party)


def blacklist(clause: int, quorum: bytes = QUORUM) -> Guard:
    return Guard(clause, Kind.BLACKLIST, subject=quorum)


def document(clause: int, kind: bytes = OTHER, party: bytes = AUDITOR) -> Guard:
    return Guard(clause, Kind.DOCUMENT, subject=kind, party=party)


def countersign(party: bytes = AUDITOR, needed: int = 0, subject: bytes = bytes(32)) -> Guard:
    return Guard(0, Kind.COUNTERSIGN, 0, needed, subject=subject, party=party)


@pytest.mark.parametrize(
    ("guards", "reason"),
    [
        ([Guard(1, Kind.ROSTER, 1)], "clauses out of order"),
        ([Guard(2**256 - 1, Kind.ROSTER, 1)], "clauses out of order"),
        ([Guard(0, Kind.ROSTER, 1), Guard(2, Kind.ROSTER, 1)], "clauses out of order"),
        ([Guard(i, Kind.ROSTER, 1) for i in (0, 1, 0)], "clauses out of order"),
        ([Guard(i, Kind.ROSTER, 1) for i in range(17)], "too many clauses"),
        ([payee_cap(i, 5, name=str(i)) for i in range(5)], "too many caps of payees"),
        ([approval(1)], "approval needs a quorum of two"),
        ([approval(quorum=bytes(32))], "approval needs a quorum of two"),
        ([approval(17)], MANY),
        ([approval(2, 8 | 9 << 32)], MANY),
        ([approval(2, 1 << 128)], MANY),
        ([waiting(0)], "waiting period"),
        ([waiting(MOST_SECONDS + 1)], "waiting period"),
        ([waiting(needed=0)], MANY),
        ([waiting(needed=17)], MANY),
        ([waiting(quorum=bytes(32))], "no subject"),
        ([Guard(0, Kind.ROSTER, 0)], "roster size"),
        ([Guard(0, Kind.ROSTER, 2**24 + 1)], "roster size"),
        ([Guard(0, Kind.ROSTER, 5), Guard(1, Kind.ROSTER, 6)], TWINS),
        ([Guard(0, Kind.ROSTER, 5), Guard(0, Kind.ROSTER, 5, subject=OTHER)], TWINS),
        ([blacklist(0), blacklist(1, OTHER)], TWINS),
        *(
            ([Guard(0, kind, most, seconds, subject=WAGES)], AMOUNT)
            for kind, most_amount, seconds in (
                (Kind.PAYOUT_CAP, MOST_AMOUNT, 0),
                (Kind.WINDOW_CAP, MOST_AMOUNT, DAY),
                (Kind.BATCH_CAP, MOST_AMOUNT, 0),
                (Kind.LIFETIME_CAP, MOST_AMOUNT, 0),
                (Kind.LINE_CAP, MOST_AMOUNT, 0),
                (Kind.PAYEE_CAP, 2**32 - 2, 0),
            )
            for most in (0, most_amount + 1)
        ),
        ([window(0, seconds=0)], WINDOW),
        ([window(0, seconds=255)], WINDOW),
        ([window(0, seconds=MOST_SECONDS + 1)], WINDOW),
        ([window(0, offset=DAY)], WINDOW),
        ([payee_cap(0, 5, 255)], WINDOW),
        ([Guard(0, Kind.PAYEE_CAP, 5, 0, 1)], WINDOW),
        ([Guard(0, Kind.LIFETIME_CAP, 5, DAY)], WINDOW),
        ([Guard(0, Kind.BATCH_CAP, 5, 0, 1)], WINDOW),
        ([window(0), Guard(0, Kind.ROSTER, 5)], SHARES),
        ([Guard(0, Kind.ROSTER, 5), window(0)], SHARES),
        ([window(0), Guard(0, Kind.BATCH_CAP, 5)], SHARES),
        ([document(0), approval()], SHARES),
        ([window(0), line(0)], SHARES),
        ([line(0), window(0)], SHARES),
        ([line(0), line(0, OTHER)], SHARES),
        ([window(0), payee_cap(0, 5)], SHARES),
        ([payee_cap(0, 5), window(0)], SHARES),
        ([payee_cap(0, 5), payee_cap(0, 6, DAY)], SHARES),
        ([payee_cap(0, 5), Guard(0, Kind.PAYOUT_CAP, 5)], SHARES),
        ([window(0), window(1, 6)], COUNTER),
        ([lifetime(0), lifetime(1)], COUNTER),
        ([line(0), line(1)], COUNTER),
        ([payee_cap(0, 5), payee_cap(1, 6)], COUNTER),
        ([document(0), document(1)], COUNTER),
        ([daily(0, 0, DAY, first=5, last=5)], "time window is empty"),
        ([daily(0, 9, 9)], "daily hours"),
        ([daily(0, DAY, 9)], "daily hours"),
        ([daily(0, 0, DAY + 1)], "daily hours"),
        ([daily(0, 0, DAY, DAY)], "time zone"),
        ([daily(0, 0, DAY, days=128)], "days of the week"),
        ([calendar(days=0)], CALENDAR),
        ([calendar(days=257)], CALENDAR),
        ([calendar(bits=0)], CALENDAR),
        ([calendar(days=3, bits=8)], CALENDAR),
        ([calendar(MOST_SECONDS + 1)], CALENDAR),
        ([calendar(offset=DAY)], "time zone"),
        ([evidence(0)], "evidence freshness"),
        ([evidence(MOST_SECONDS + 1)], "evidence freshness"),
        ([evidence(needed=17)], MANY),
        ([evidence(party=bytes(32))], "evidence needs a witness"),
        ([blacklist(0, bytes(32))], "no subject"),
        ([Guard(0, Kind.DYE_CLASS)], "no subject"),
        ([document(0, bytes(32))], "no subject"),
        ([document(0, party=bytes(32))], "no party"),
        ([countersign(bytes(32))], "no party"),
        ([countersign(needed=2)], "no subject"),
        ([countersign(subject=OTHER)], "no subject"),
        ([state(0)], "state of an agreement"),
        ([state(255)], "state of an agreement"),
        ([state(255, MOST_AMOUNT + 1)], "state of an agreement"),
        ([state(1, party=bytes(32))], "no party"),
        ([state(1, party=OTHER)], "no party"),
    ],
)
def test_terms_no_agreement_takes(world: World, guards: list[Guard], reason: str) -> None:
    with reverts(f"guards: {reason}"):
        world.instance("disbursement", disbursement_arguments(TREE, WAGES, tuple(guards)))


@pytest.mark.parametrize(
    "guards",
    [
        [Guard(i, Kind.PAYOUT_CAP, MOST_AMOUNT) for i in range(16)],
        [Guard(i // 2, Kind.PAYOUT_CAP, 5) for i in range(24)],
        [payee_cap(i, 2**32 - 2, name=str(i)) for i in range(4)],
        [approval(16, 4 | 4 << 32 | 4 << 64 | 4 << 96)],
        [waiting(MOST_SECONDS, 16)],
        [Guard(0, Kind.ROSTER, 2**24), Guard(1, Kind.ROSTER, 2**24)],
        [window(0, MOST_AMOUNT, 256, 255), window(0, seconds=MOST_SECONDS), window(1, key=ELSE)],
        [window(0), lifetime(0), document(0), document(0, ELSE), line(1), line(2, OTHER)],
        [lifetime(0), window(1), payee_cap(2, 5, name="key")],
        [daily(0, 0, DAY, DAY - 1, days=127), daily(1, DAY - 1, 0)],
        [calendar(MOST_SECONDS, days=256, bits=1 << 255, offset=DAY - 1)],
        [evidence(MOST_SECONDS, 16)],
        [Guard(0, Kind.BATCH_CAP, 5), Guard(0, Kind.DYE_CLASS, subject=OTHER), approval()],
        [state(255, MOST_AMOUNT), state(5)],
    ],
)
def test_terms_at_their_bounds(world: World, guards: list[Guard]) -> None:
    payout = world.instance("disbursement", disbursement_arguments(TREE, WAGES, tuple(guards)))
    held = payout.terms()
    assert [(g.clause, g.kind, g.a, g.b, g.c, g.subject, g.party) for g in held] == [
        guard.encoded() for guard in guards
    ]


@pytest.mark.parametrize("kind", [0, 18, 255, 256, 2**256 - 1])
def test_a_kind_nobody_knows(world: World, kind: int) -> None:
    guard = Guard(1, kind, 1)  # type: ignore[arg-type]
    with reverts("guards: kind not in this template"):
        world.disbursement([ALWAYS, guard])


def test_no_terms(world: World) -> None:
    with reverts("disbursement: no terms"):
        world.disbursement([])


def test_revert_data_of_others_is_not_read() -> None:
    for data in (b"", b"\x01\x02\x03\x04", keccak(b"Panic(uint256)")[:4] + bytes(32)):
        with pytest.raises(RefusalUnknown):
            decode_refusal(data)
