"""Guards about a whole chunk that look elsewhere: waiting periods, and other agreements."""

import boa
import pytest

from contracts.terms import Guard, Kind, disbursement_arguments
from tests.contracts import escrows
from tests.contracts.chain import Contract
from tests.contracts.disbursements import (
    ALWAYS,
    APPROVED,
    DAY,
    counter,
    disburse,
    execute,
    refused,
    refused_reservation,
    revoke,
)
from tests.contracts.quorum import retire
from tests.contracts.world import (
    MATERIALS,
    PROJECT,
    QUORUM,
    WAGES,
    World,
    agency_one_deputy,
    agency_one_supervisor,
    agency_two_supervisor,
    approval_guard,
    bank_supervisor,
    now,
    rows_of,
)

WAIT = 3_600


def waiting(clause: int, needed: int = 2) -> Guard:
    return Guard(clause, Kind.WAITING, WAIT, needed, subject=QUORUM)


def test_approvals_must_have_stood_for_a_while(world: World) -> None:
    payout = disburse(world, [APPROVED, waiting(1)])
    tree = rows_of([10] * 16)
    batch = world.reserve(payout, tree)
    start = now()
    world.approve(payout, batch, [agency_one_supervisor])
    boa.env.timestamp = start + 100
    world.approve(payout, batch, [bank_supervisor])
    boa.env.timestamp = start + WAIT
    assert refused(world, payout, batch, tree) == (1, 1, "waiting-period", 2, 1)
    boa.env.timestamp = start + WAIT + 99
    assert refused(world, payout, batch, tree) == (1, 1, "waiting-period", 2, 1)
    boa.env.timestamp = start + WAIT + 100
    execute(payout, batch, tree)
    revoke(payout, batch, agency_one_supervisor)
    world.approve(payout, batch, [agency_one_deputy])
    assert refused(world, payout, batch, tree, 8) == (1, 1, "waiting-period", 2, 1)


def test_a_waiting_period_takes_approvals_by_itself(world: World) -> None:
    payout = disburse(world, [ALWAYS, waiting(1, needed=1)])
    tree = rows_of([10])
    batch = world.reserve(payout, tree)
    assert refused(world, payout, batch, tree) == (1, 1, "waiting-period", 1, 0)
    world.approve(payout, batch, [agency_two_supervisor])
    boa.env.timestamp += WAIT
    world.execute(payout, batch, tree)


def test_large_batches_need_more(world: World) -> None:
    """What a reservation fixes may be one of several guards of a clause."""
    payout = disburse(world, [Guard(0, Kind.BATCH_CAP, 100), approval_guard()])
    small, large = rows_of([100]), rows_of([101])
    world.execute(payout, world.reserve(payout, small), small)
    batch = world.reserve(payout, large)
    assert refused(world, payout, batch, large) == (0, 1, "approvals-missing", 2, 0)
    world.approve(payout, batch)
    world.execute(payout, batch, large)


@pytest.mark.parametrize(
    ("last", "code", "limit", "observed"),
    [
        (Guard(0, Kind.BATCH_CAP, 100), "batch-cap", 100, 101),
        (Guard(0, Kind.DYE_CLASS, subject=MATERIALS), "dye-class", int.from_bytes(MATERIALS), 0),
    ],
)
def test_what_a_reservation_fixed_is_named_at_execution(
    world: World, last: Guard, code: str, limit: int, observed: int
) -> None:
    payout = disburse(world, [approval_guard(), last, Guard(1, Kind.DYE_CLASS, subject=WAGES)])
    tree = rows_of([101])
    batch = world.reserve(payout, tree)
    assert refused(world, payout, batch, tree) == (0, 1, code, limit, observed)


def test_money_of_one_class_needs_more(world: World) -> None:
    terms = [
        Guard(0, Kind.DYE_CLASS, subject=WAGES),
        approval_guard(),
        Guard(1, Kind.DYE_CLASS, subject=WAGES),
        Guard(1, Kind.DYE_CLASS, subject=MATERIALS),
    ]
    payout = disburse(world, terms)
    world.fund(100, dye_class=MATERIALS)
    tree = rows_of([10])
    world.execute(payout, world.reserve(payout, tree), tree)
    batch = world.reserve(payout, tree, dye_class=MATERIALS)
    assert refused(world, payout, batch, tree) == (0, 1, "approvals-missing", 2, 0)


def party(agreement: Contract) -> bytes:
    return bytes.fromhex(agreement.address[2:]).rjust(32, b"\0")


@pytest.fixture
def other(world: World) -> Contract:
    """Another active agreement, on an account of its own."""
    world.open(PROJECT)
    return world.disbursement((ALWAYS,), PROJECT)


@pytest.mark.parametrize(("asked", "is_met"), [(1, True), (2, False), (254, False)])
def test_the_state_of_another_agreement(world: World, other: Contract, asked: int, is_met: bool) -> None:
    payout = disburse(world, [ALWAYS, Guard(1, Kind.AGREEMENT_STATE, asked, party=party(other))])
    tree = rows_of([10])
    batch = world.reserve(payout, tree)
    if is_met:
        world.execute(payout, batch, tree)
    else:
        assert refused(world, payout, batch, tree) == (1, 1, "agreement-state", asked, 1)


def test_the_balance_of_another_agreements_account(world: World, other: Contract) -> None:
    guard = Guard(1, Kind.AGREEMENT_STATE, 255, 500, subject=WAGES, party=party(other))
    payout = disburse(world, [ALWAYS, guard])
    tree = rows_of([10])
    batch = world.reserve(payout, tree)
    world.fund(499, account=PROJECT)
    world.fund(500, account=PROJECT, dye_class=MATERIALS)
    assert refused(world, payout, batch, tree) == (1, 1, "agreement-state", 500, 499)
    world.fund(1, account=PROJECT)
    world.execute(payout, batch, tree)


def state_or_approvals(address: bytes, asked: int, least: int = 0) -> list[Guard]:
    """A state of another agreement, or the approval of two institutions."""
    state = Guard(0, Kind.AGREEMENT_STATE, asked, least, subject=WAGES, party=address)
    return [state, Guard(0, Kind.APPROVAL, 2, subject=QUORUM)]


@pytest.mark.parametrize(("asked", "least"), [(1, 0), (255, 500)])
def test_only_an_active_agreement_is_open_or_holds_anything(
    world: World, other: Contract, asked: int, least: int
) -> None:
    world.fund(500, account=PROJECT)
    (state, _) = state_or_approvals(party(other), asked, least)
    payout = disburse(world, [state])
    tree = rows_of([10] * 16)
    batch = world.reserve(payout, tree)
    execute(payout, batch, tree)
    retire(world, other)
    assert refused(world, payout, batch, tree, 8) == (0, 0, "agreement-state", least or asked, 0)


@pytest.mark.parametrize(("asked", "least"), [(1, 0), (2, 0), (255, 500)])
@pytest.mark.parametrize("is_deployed", [True, False])
def test_an_agreement_that_never_was_is_in_no_state(
    world: World, asked: int, least: int, is_deployed: bool
) -> None:
    """Where nothing is or nothing was activated, the clause's other guard still counts."""
    address = bytes(12) + b"\7" * 20
    if is_deployed:
        world.open(PROJECT)
        world.fund(500, account=PROJECT)
        address = party(world.instance("disbursement", disbursement_arguments(PROJECT, WAGES, (ALWAYS,))))
    (state, approvals) = state_or_approvals(address, asked, least)
    payout = disburse(world, [approvals, state])
    tree = rows_of([10])
    batch = world.reserve(payout, tree)
    assert refused(world, payout, batch, tree) == (0, 1, "agreement-state", least or asked, 0)
    world.approve(payout, batch)
    world.execute(payout, batch, tree)


def test_an_ended_agreement_stays_in_its_state_when_it_is_retired(world: World) -> None:
    deal = escrows.Deal.agree(world)
    boa.env.timestamp = deal.escrow.TIMEOUT() + 1
    deal.escrow.close()
    retire(world, deal.escrow)
    payout = disburse(world, [Guard(0, Kind.AGREEMENT_STATE, escrows.EXPIRED, party=party(deal.escrow))])
    tree = rows_of([10])
    world.execute(payout, world.reserve(payout, tree), tree)


CAPS = (
    ALWAYS,
    Guard(1, Kind.WINDOW_CAP, 500, DAY, subject=counter("cap")),
    Guard(1, Kind.WINDOW_CAP, 1_000, 7 * DAY, subject=counter("cap")),
)


def consumed(payout: Contract, moment: int) -> tuple[int, int]:
    return payout.consumed(1, moment), payout.consumed(2, moment)


def test_the_first_window_with_room_counts_and_only_it(world: World) -> None:
    payout = disburse(world, CAPS)
    moment = now()
    for amount, counted in ((400, (400, 0)), (300, (400, 300)), (100, (500, 300))):
        world.reserve(payout, rows_of([amount]))
        assert consumed(payout, moment) == counted
    assert refused_reservation(world, payout, rows_of([701])) == (1, 2, "window-cap", 1_000, 1_001)
    assert consumed(payout, moment) == (500, 300)


@pytest.mark.parametrize("offset", [0, 8 * 3_600])
def test_a_window_ends_where_the_next_begins(world: World, offset: int) -> None:
    cap = Guard(1, Kind.WINDOW_CAP, 500, DAY, offset, subject=counter("cap"))
    payout = disburse(world, [ALWAYS, cap])
    boundary = (now() // DAY + 2) * DAY - offset
    boa.env.timestamp = boundary - 1
    world.reserve(payout, rows_of([500]))
    assert refused_reservation(world, payout, rows_of([1])) == (1, 1, "window-cap", 500, 501)
    boa.env.timestamp = boundary
    world.reserve(payout, rows_of([500]))


def test_every_clause_of_caps_counts(world: World) -> None:
    terms = [
        ALWAYS,
        Guard(1, Kind.WINDOW_CAP, 500, DAY, subject=counter("daily")),
        Guard(2, Kind.LIFETIME_CAP, 600, subject=counter("ever")),
    ]
    payout = disburse(world, terms)
    world.reserve(payout, rows_of([400]))
    assert consumed(payout, now()) == (400, 400)
    boa.env.timestamp += DAY
    assert refused_reservation(world, payout, rows_of([201])) == (2, 2, "lifetime-cap", 600, 601)
    assert payout.consumed(1, now()) == 0
    world.reserve(payout, rows_of([200]))


def test_a_batch_cap(world: World) -> None:
    payout = disburse(world, [ALWAYS, Guard(1, Kind.BATCH_CAP, 99)])
    world.reserve(payout, rows_of([60, 39]))
    world.reserve(payout, rows_of([99]))
    assert refused_reservation(world, payout, rows_of([60, 40])) == (1, 1, "batch-cap", 99, 100)


def test_a_line_cap_counts_its_own_class_alone(world: World) -> None:
    terms = [
        Guard(0, Kind.DYE_CLASS, subject=WAGES),
        Guard(0, Kind.DYE_CLASS, subject=MATERIALS),
        Guard(1, Kind.LINE_CAP, 100, subject=WAGES),
        Guard(2, Kind.LINE_CAP, 50, subject=MATERIALS),
    ]
    payout = disburse(world, terms)
    world.fund(1_000, dye_class=MATERIALS)
    tree = rows_of([50])
    world.execute(payout, world.reserve(payout, tree, dye_class=MATERIALS), tree)
    world.execute(payout, world.reserve(payout, tree), tree)
    assert (payout.consumed(2, now()), payout.consumed(3, now())) == (50, 50)
    held = refused_reservation(world, payout, rows_of([1]), dye_class=MATERIALS)
    assert held == (2, 3, "line-cap", 50, 51)
    world.reserve(payout, rows_of([50]), now() + 99)
    assert refused_reservation(world, payout, rows_of([1])) == (1, 2, "line-cap", 100, 101)
