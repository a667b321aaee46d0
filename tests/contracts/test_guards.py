"""Guards: what each kind refuses and how it says so, any-of clauses, windows, hours, and terms refused."""

from collections.abc import Sequence

import boa
import pytest
from eth_hash.auto import keccak

from contracts.errors import RefusalUnknown
from contracts.rows import RowTree
from contracts.terms import REFUSAL_CODES, Guard, Kind, Refusal, decode_refusal, disbursement_arguments
from tests.contracts.chain import Contract, refusal_of, reverts
from tests.contracts.world import (
    AUDITOR,
    PROGRESS,
    QUORUM,
    TREE,
    WAGES,
    World,
    approval_guard,
    bank_bridge,
    now,
    operator,
    rows_of,
    signed,
    witness,
)

DAY = 86_400
ALWAYS = Guard(0, Kind.TIME_WINDOW, 0, 2**40, DAY << 32)


def daily(clause: int, start: int, end: int, offset: int = 0, first: int = 0, last: int = 2**40) -> Guard:
    """A time window with daily hours, in seconds of a day that starts `offset` before UTC's."""
    return Guard(clause, Kind.TIME_WINDOW, first, last, start | end << 32 | offset << 64)


def evidence(clause: int, fresh: int = 3_600) -> Guard:
    """Evidence of progress by the auditor."""
    return Guard(clause, Kind.EVIDENCE, fresh, subject=PROGRESS, party=AUDITOR)


def payout_with(world: World, guards: Sequence[Guard]) -> Contract:
    world.fund(100_000)
    return world.disbursement(guards)


def run(world: World, guards: Sequence[Guard], tree: RowTree) -> Refusal:
    payout = payout_with(world, guards)
    batch = world.reserve(payout, tree)
    return refusal_of(lambda: world.execute(payout, batch, tree))


@pytest.mark.parametrize(
    ("guard", "code", "limit", "observed"),
    [
        (approval_guard(1), "approvals-missing", 2, 0),
        (Guard(1, Kind.ROSTER, 3), "payee-not-on-roster", 3, 3),
        (Guard(1, Kind.PAYOUT_CAP, 24), "payout-cap", 24, 25),
        (evidence(1), "evidence-missing", 3_600, 0),
    ],
)
def test_what_each_kind_refuses(world: World, guard: Guard, code: str, limit: int, observed: int) -> None:
    held = run(world, [ALWAYS, guard], rows_of([10, 20, 24, 25]))
    assert (held.code, held.clause, held.guard) == (code, 1, 1)
    assert (held.limit, held.observed) == (limit, observed)
    assert REFUSAL_CODES[code] == guard.kind


def test_a_window_cap_refuses_at_reservation(world: World) -> None:
    payout = payout_with(world, [ALWAYS, Guard(1, Kind.WINDOW_CAP, 99, DAY)])
    held = refusal_of(lambda: world.reserve(payout, rows_of([60, 40])))
    assert (held.code, held.clause, held.guard) == ("window-cap", 1, 1)
    assert (held.limit, held.observed) == (99, 100)


def test_a_time_window_refuses_before_and_after(world: World) -> None:
    start = now() + 100
    payout = payout_with(world, [daily(0, 0, DAY, first=start, last=start + 50)])
    tree = rows_of([10] * 24)
    batch = world.reserve(payout, tree)
    held = refusal_of(lambda: world.execute(payout, batch, tree, 8))
    assert (held.code, held.limit, held.observed) == ("outside-time-window", start, start - 100)
    first, second, third = tree.chunks(8)
    boa.env.timestamp = start
    payout.execute(batch, first.rows, first.proof, False)
    boa.env.timestamp = start + 50
    payout.execute(batch, second.rows, second.proof, False)
    boa.env.timestamp = start + 51
    held = refusal_of(lambda: payout.execute(batch, third.rows, third.proof, False))
    assert (held.limit, held.observed) == (start + 50, start + 51)


@pytest.mark.parametrize("offset", [0, 8 * 3_600, DAY - 5 * 3_600])
def test_daily_hours_follow_the_time_zone(world: World, offset: int) -> None:
    opens, closes = 9 * 3_600, 17 * 3_600
    payout = payout_with(world, [daily(0, opens, closes, offset)])
    tree = rows_of([10] * 16)
    midnight = (now() // DAY + 2) * DAY - offset
    batch = world.reserve(payout, tree, midnight + 2 * DAY)
    first, second = tree.chunks(8)
    for closed in (opens - 1, closes):
        boa.env.timestamp = midnight + closed
        held = refusal_of(lambda: payout.execute(batch, first.rows, first.proof, False))
        assert held.code == "outside-time-window"
    boa.env.timestamp = midnight + opens
    payout.execute(batch, first.rows, first.proof, False)
    boa.env.timestamp = midnight + closes - 1
    payout.execute(batch, second.rows, second.proof, False)


def test_one_guard_of_a_clause_is_enough_row_by_row(world: World) -> None:
    """Small sums go to anyone; larger ones to the first two payees only."""
    either = [ALWAYS, Guard(1, Kind.PAYOUT_CAP, 100), Guard(1, Kind.ROSTER, 2)]
    payout = payout_with(world, either)
    good = rows_of([500, 600, 100, 1], [0, 1, 2, 9])
    batch = world.reserve(payout, good)
    world.execute(payout, batch, good)
    bad = rows_of([500, 101], [0, 2])
    batch = world.reserve(payout, bad)
    held = refusal_of(lambda: world.execute(payout, batch, bad))
    assert (held.code, held.clause, held.guard) == ("payee-not-on-roster", 1, 2)
    assert (held.limit, held.observed) == (2, 2)


def test_evidence_or_a_cap(world: World) -> None:
    """Large sums need a report; once it is there, no row is looked at for that clause."""
    payout = payout_with(world, [ALWAYS, Guard(1, Kind.PAYOUT_CAP, 100), evidence(1)])
    tree = rows_of([50] * 8 + [5_000] * 8)
    batch = world.reserve(payout, tree)
    first, second = tree.chunks(8)
    payout.execute(batch, first.rows, first.proof, False)
    held = refusal_of(lambda: payout.execute(batch, second.rows, second.proof, False))
    assert (held.code, held.guard, held.observed) == ("payout-cap", 1, 5_000)
    values = {"batch": batch, "kind": PROGRESS, "digest": keccak(b"report")}
    payout.attest(*values.values(), signed(witness, "Evidence", payout, **values))
    payout.execute(batch, second.rows, second.proof, False)


def test_the_first_clause_that_fails_is_named(world: World) -> None:
    held = run(world, [ALWAYS, approval_guard(1), evidence(2)], rows_of([10]))
    assert (held.clause, held.guard) == (1, 1)
    held = run(world, [ALWAYS, evidence(1), approval_guard(1)], rows_of([11]))
    assert (held.code, held.guard) == ("approvals-missing", 2)


def test_skipped_rows_are_those_that_no_guard_satisfies(world: World) -> None:
    either = [ALWAYS, Guard(1, Kind.PAYOUT_CAP, 100), Guard(1, Kind.ROSTER, 2), Guard(2, Kind.ROSTER, 9)]
    payout = payout_with(world, either)
    tree = rows_of([500, 500, 100, 101, 1], [0, 1, 2, 3, 9])
    batch = world.reserve(payout, tree)
    chunk = tree.chunks(8)[0]
    payout.execute(batch, chunk.rows, chunk.proof, True, sender=bank_bridge)
    named = [event for event in payout.events if event.name == "RowRefused"]
    assert [(event.row, event.clause, event.guard, event.observed) for event in named] == [
        (3, 1, 2, 3),
        (4, 2, 3, 9),
    ]
    (executed,) = (event for event in payout.events if event.name == "ChunkExecuted")
    assert executed.refused == 0b11000


CAPS = (ALWAYS, Guard(1, Kind.WINDOW_CAP, 500, DAY), Guard(1, Kind.WINDOW_CAP, 1_000, 7 * DAY))


def consumed(payout: Contract, moment: int) -> tuple[int, int]:
    return payout.consumed(1, moment), payout.consumed(2, moment)


def cancel(payout: Contract, batch: bytes) -> None:
    payout.cancel(batch, signed(operator, "Cancellation", payout, batch=batch))


def test_the_first_window_with_room_counts_and_only_it(world: World) -> None:
    payout = payout_with(world, CAPS)
    moment = now()
    world.reserve(payout, rows_of([400]))
    assert consumed(payout, moment) == (400, 0)
    world.reserve(payout, rows_of([300]))
    assert consumed(payout, moment) == (400, 300)
    world.reserve(payout, rows_of([100]))
    assert consumed(payout, moment) == (500, 300)
    held = refusal_of(lambda: world.reserve(payout, rows_of([701])))
    assert (held.guard, held.limit, held.observed) == (2, 1_000, 1_001)
    assert consumed(payout, moment) == (500, 300)


def test_cancelling_gives_back_to_the_window_that_counted(world: World) -> None:
    """Another window that happens to hold as much is left alone."""
    payout = payout_with(world, CAPS)
    moment = now()
    first = world.reserve(payout, rows_of([400]))
    second = world.reserve(payout, rows_of([300]))
    cancel(payout, second)
    assert consumed(payout, moment) == (400, 0)
    cancel(payout, first)
    assert consumed(payout, moment) == (0, 0)


def test_cancelling_later_gives_back_to_the_window_of_the_reservation(world: World) -> None:
    payout = payout_with(world, [ALWAYS, Guard(1, Kind.WINDOW_CAP, 500, DAY)])
    moment = now()
    batch = world.reserve(payout, rows_of([400]))
    boa.env.timestamp += DAY
    world.reserve(payout, rows_of([450]))
    cancel(payout, batch)
    assert payout.consumed(1, moment) == 0
    assert payout.consumed(1, now()) == 450


@pytest.mark.parametrize("offset", [0, 8 * 3_600])
def test_a_window_ends_where_the_next_begins(world: World, offset: int) -> None:
    payout = payout_with(world, [ALWAYS, Guard(1, Kind.WINDOW_CAP, 500, DAY, offset)])
    boundary = (now() // DAY + 2) * DAY - offset
    boa.env.timestamp = boundary - 1
    world.reserve(payout, rows_of([500]))
    held = refusal_of(lambda: world.reserve(payout, rows_of([1])))
    assert held.code == "window-cap"
    boa.env.timestamp = boundary
    world.reserve(payout, rows_of([500]))


def test_every_window_clause_counts(world: World) -> None:
    both = [ALWAYS, Guard(1, Kind.WINDOW_CAP, 500, DAY), Guard(2, Kind.WINDOW_CAP, 600, 7 * DAY)]
    payout = payout_with(world, both)
    world.reserve(payout, rows_of([400]))
    assert consumed(payout, now()) == (400, 400)
    boa.env.timestamp += DAY
    held = refusal_of(lambda: world.reserve(payout, rows_of([201])))
    assert (held.clause, held.guard, held.observed) == (2, 2, 601)
    assert payout.consumed(1, now()) == 0


def test_an_amount_out_of_bounds_has_a_reason(world: World) -> None:
    payout = payout_with(world, CAPS)
    values = {"terms": payout.terms_hash(), "root": WAGES, "count": 1, "total": 2**255, "deadline": now() + 9}
    given = signed(operator, "Reservation", payout, **values)
    values.pop("terms")
    with reverts("guards: amount out of bounds"):
        payout.reserve(*values.values(), given)


@pytest.mark.parametrize(
    ("guards", "reason"),
    [
        ([Guard(1, Kind.ROSTER, 1)], "clauses out of order"),
        ([Guard(0, Kind.ROSTER, 1), Guard(2, Kind.ROSTER, 1)], "clauses out of order"),
        (
            [Guard(0, Kind.ROSTER, 1), Guard(1, Kind.ROSTER, 1), Guard(0, Kind.ROSTER, 1)],
            "clauses out of order",
        ),
        ([Guard(i, Kind.ROSTER, 1) for i in range(17)], "too many clauses"),
        ([Guard(0, Kind.APPROVAL, 1, subject=QUORUM)], "approval needs a quorum of two"),
        ([Guard(0, Kind.APPROVAL, 2)], "approval needs a quorum of two"),
        ([Guard(0, Kind.ROSTER, 0)], "roster size"),
        ([Guard(0, Kind.ROSTER, 2**24 + 1)], "roster size"),
        ([Guard(0, Kind.PAYOUT_CAP, 0)], "payout cap"),
        ([Guard(0, Kind.PAYOUT_CAP, 2**62 + 1)], "payout cap"),
        ([Guard(0, Kind.WINDOW_CAP, 0, DAY)], "window cap"),
        ([Guard(0, Kind.WINDOW_CAP, 2**62 + 1, DAY)], "window cap"),
        ([Guard(0, Kind.WINDOW_CAP, 5, 0)], "window of a cap"),
        ([Guard(0, Kind.WINDOW_CAP, 5, DAY, DAY)], "window of a cap"),
        ([Guard(0, Kind.WINDOW_CAP, 5, 2**41)], "window of a cap"),
        ([Guard(0, Kind.WINDOW_CAP, 5, DAY), Guard(0, Kind.ROSTER, 5)], "window cap shares a clause"),
        ([daily(0, 0, DAY, first=5, last=5)], "time window is empty"),
        ([daily(0, 9, 9)], "daily hours"),
        ([daily(0, 0, DAY + 1)], "daily hours"),
        ([daily(0, 0, DAY, DAY)], "time zone"),
        ([Guard(0, Kind.EVIDENCE, 0, party=AUDITOR)], "evidence freshness"),
        ([Guard(0, Kind.EVIDENCE, 2**41, party=AUDITOR)], "evidence freshness"),
        ([Guard(0, Kind.EVIDENCE, 5)], "evidence needs a witness"),
    ],
)
def test_terms_no_agreement_takes(world: World, guards: list[Guard], reason: str) -> None:
    with reverts(f"guards: {reason}"):
        world.instance("disbursement", disbursement_arguments(TREE, WAGES, tuple(guards)))


@pytest.mark.parametrize("kind", [Kind.APPROVAL, Kind.ROSTER, Kind.EVIDENCE])
def test_an_allocation_takes_no_guard_it_cannot_enforce(world: World, kind: Kind) -> None:
    with reverts("guards: kind not in this template"):
        world.allocation([WAGES], [Guard(0, kind, 2, subject=QUORUM, party=AUDITOR)])


def test_revert_data_of_others_is_not_read() -> None:
    for data in (b"", b"\x01\x02\x03\x04", keccak(b"Panic(uint256)")[:4] + bytes(32)):
        with pytest.raises(RefusalUnknown):
            decode_refusal(data)
