"""Waivers: one clause of one batch, until they expire; caps still count; some clauses are never waived."""

import boa
import pytest

from contracts.terms import NON_WAIVABLE, Guard, Kind
from tests.contracts.chain import Contract
from tests.contracts.disbursements import (
    ALWAYS,
    APPROVED,
    DAY,
    cancel,
    counter,
    disburse,
    evidence,
    execute,
    future_batch,
    payee_cap,
    refused,
    refused_reservation,
    waive,
)
from tests.contracts.world import QUORUM, SUPPLIER, WAGES, World, now, rows_of

CLOSED = Guard(1, Kind.TIME_WINDOW, 0, 1, DAY << 32)
MATERIALS_ONLY = Guard(1, Kind.DYE_CLASS, subject=b"\5" * 32)


def days_gone() -> Guard:
    """A calendar that allowed one day long ago."""
    return Guard(1, Kind.CALENDAR_DAY, 1, 1, subject=(1).to_bytes(32))


@pytest.mark.parametrize(
    "guard",
    [
        Guard(1, Kind.ROSTER, 1),
        Guard(1, Kind.PAYOUT_CAP, 1),
        CLOSED,
        evidence(1),
        days_gone(),
        payee_cap(1, 1),
    ],
    ids=lambda guard: guard.kind.name,
)
def test_a_waiver_satisfies_its_clause(world: World, guard: Guard) -> None:
    payout = disburse(world, [ALWAYS, guard])
    tree = rows_of([10] * 24)
    batch = world.reserve(payout, tree)
    assert refused(world, payout, batch, tree)[0] == 1
    waive(world, payout, batch, 1, seconds=100)
    execute(payout, batch, tree)
    boa.env.timestamp += 100
    execute(payout, batch, tree, 1)
    boa.env.timestamp += 1
    assert refused(world, payout, batch, tree, 8)[0] == 1


def test_a_waiver_is_for_one_clause_and_one_batch(world: World) -> None:
    payout = disburse(world, [ALWAYS, Guard(1, Kind.PAYOUT_CAP, 5), Guard(2, Kind.PAYOUT_CAP, 6)])
    tree = rows_of([10])
    batch = world.reserve(payout, tree)
    other = world.reserve(payout, rows_of([11]))
    waive(world, payout, batch, 1)
    assert refused(world, payout, batch, tree)[0] == 2
    waive(world, payout, batch, 2)
    world.execute(payout, batch, tree)
    assert refused(world, payout, other, rows_of([11]))[0] == 1


CAPS = [
    Guard(1, Kind.WINDOW_CAP, 5, DAY, subject=counter("cap")),
    Guard(1, Kind.LIFETIME_CAP, 5, subject=counter("cap")),
    Guard(1, Kind.LINE_CAP, 5, subject=WAGES),
]


@pytest.mark.parametrize("cap", CAPS, ids=lambda guard: guard.kind.name)
def test_a_waived_cap_counts_past_its_limit(world: World, cap: Guard) -> None:
    """Others are refused by what it counted; what goes back is given back exactly."""
    payout = disburse(world, [ALWAYS, cap])
    tree = rows_of([10])
    deadline = now() + DAY
    batch = future_batch(world, payout, tree, deadline)
    waive(world, payout, batch, 1)
    assert world.reserve(payout, tree, deadline) == batch
    assert payout.consumed(1, now()) == 10
    assert refused_reservation(world, payout, rows_of([1]))[3:] == (5, 11)
    cancel(payout, batch)
    assert payout.consumed(1, now()) == 0


def test_the_first_cap_of_a_waived_clause_counts(world: World) -> None:
    """Unless another has room."""
    either = [ALWAYS, CAPS[0], Guard(1, Kind.WINDOW_CAP, 50, 7 * DAY, subject=counter("cap"))]
    payout = disburse(world, either)
    deadline = now() + DAY
    for amount, counted in ((30, (0, 30)), (21, (21, 30)), (4, (21, 34))):
        tree = rows_of([amount])
        waive(world, payout, future_batch(world, payout, tree, deadline), 1)
        world.reserve(payout, tree, deadline)
        assert (payout.consumed(1, now()), payout.consumed(2, now())) == counted


@pytest.mark.parametrize(
    "guard", [Guard(1, Kind.BATCH_CAP, 5), MATERIALS_ONLY], ids=lambda guard: guard.kind.name
)
def test_what_a_reservation_fixes_can_be_waived(world: World, guard: Guard) -> None:
    payout = disburse(world, [ALWAYS, guard])
    tree = rows_of([10])
    deadline = now() + 2 * DAY
    code = "batch-cap" if guard.kind == Kind.BATCH_CAP else "dye-class"
    assert refused_reservation(world, payout, tree, deadline=deadline)[:3] == (1, 1, code)
    waive(world, payout, future_batch(world, payout, tree, deadline), 1)
    batch = world.reserve(payout, tree, deadline)
    world.execute(payout, batch, tree)


def never_waived() -> list[Guard]:
    return [
        Guard(1, Kind.APPROVAL, 2, subject=QUORUM),
        Guard(1, Kind.COUNTERSIGN, party=SUPPLIER),
        Guard(1, Kind.WAITING, 60, 1, subject=QUORUM),
    ]


@pytest.mark.parametrize("guard", never_waived(), ids=lambda guard: guard.kind.name)
@pytest.mark.parametrize("beside", [True, False])
def test_some_clauses_are_never_waived(world: World, guard: Guard, beside: bool) -> None:
    """Whatever else they accept."""
    terms = [ALWAYS, *([CLOSED] if beside else []), guard]
    payout = disburse(world, terms)
    tree = rows_of([10])
    batch = world.reserve(payout, tree)
    before = refused(world, payout, batch, tree)
    waive(world, payout, batch, 1)
    assert refused(world, payout, batch, tree) == before
    assert guard.kind in NON_WAIVABLE


def test_a_waiver_leaves_other_clauses_alone(world: World) -> None:
    payout = disburse(world, [APPROVED, evidence(1)])
    tree = rows_of([10])
    batch = world.reserve(payout, tree)
    waive(world, payout, batch, 1)
    assert refused(world, payout, batch, tree)[:3] == (0, 0, "approvals-missing")
    world.approve(payout, batch)
    world.execute(payout, batch, tree)


def test_another_agreement_asks_for_its_own_waiver(world: World) -> None:
    def made() -> Contract:
        return disburse(world, [ALWAYS, evidence(1)])

    first, second = made(), made()
    tree = rows_of([10])
    waive(world, first, world.reserve(first, tree), 1)
    batch = world.reserve(second, tree)
    assert refused(world, second, batch, tree)[2] == "evidence-missing"
