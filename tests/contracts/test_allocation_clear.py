"""Allocation: clear, by anyone, as often as anyone likes."""

import boa
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from contracts.ids import account_line
from contracts.terms import Guard, Kind, Rule
from tests.contracts.chain import Contract, Reverted, refusal_of, reverts
from tests.contracts.disbursements import cancel
from tests.contracts.funding import (
    AMPLE,
    DAY,
    SECOND,
    active,
    made,
    move,
    moved,
    open_accounts,
    rest,
    share,
    top_up,
    wages,
)
from tests.contracts.quorum import activate, retire
from tests.contracts.supervision.acts import making_good, reverse
from tests.contracts.test_allocation_allocate import allocate
from tests.contracts.world import (
    LINE,
    MATERIALS,
    PROJECT,
    TREE,
    WAGES,
    World,
    attacker,
    bank_supervisor,
    now,
    rows_of,
)
from tests.samples import examples

NOTHING = "allocation: nothing to clear"


@pytest.fixture(autouse=True)
def accounts(world: World) -> None:
    open_accounts(world)


def test_the_rules_in_order(world: World) -> None:
    funding = active(world, [top_up(LINE, 400), share(PROJECT, 2_500), rest(SECOND)])
    world.fund(10_000)
    funding.clear(sender=attacker)
    *_, cleared = funding.events
    assert (cleared.name, cleared.address) == ("Cleared", funding.address)
    assert (cleared.caller, cleared.amount) == (attacker.address, 10_000)
    assert moved(funding) == [
        (account_line(LINE, WAGES), 400),
        (account_line(PROJECT, WAGES), 2_500),
        (account_line(SECOND, WAGES), 7_100),
    ]
    assert {event.info for event in funding.events if event.name == "Moved"} == {funding.terms_hash()}
    assert wages(world, TREE, LINE, PROJECT, SECOND) == [0, 400, 2_500, 7_100]


def test_nothing_to_clear(world: World) -> None:
    funding = active(world, [top_up(LINE, 400), share(PROJECT, 2_500)])
    with reverts(NOTHING):
        funding.clear()
    world.fund(3)
    world.fund(1_000, dye_class=MATERIALS)
    funding.clear()
    assert wages(world, LINE) == [3]
    with reverts(NOTHING):
        funding.clear()
    operators_only = active(world, (), destinations=[PROJECT])
    with reverts(NOTHING):
        operators_only.clear()


def test_top_up_brings_a_balance_up_to_its_amount(world: World) -> None:
    funding = active(world, [top_up(LINE, 400), top_up(PROJECT, 300)])
    world.fund(150, LINE)
    world.fund(299)
    funding.clear()
    assert wages(world, TREE, LINE, PROJECT) == [0, 400, 49]
    world.fund(1_000)
    funding.clear()
    assert moved(funding) == [(account_line(PROJECT, WAGES), 251)]
    with reverts(NOTHING):
        funding.clear()
    assert wages(world, TREE, LINE, PROJECT) == [749, 400, 300]


def test_top_up_leaves_what_is_above_alone(world: World) -> None:
    funding = active(world, [top_up(LINE, 400)])
    world.fund(401, LINE)
    world.fund(100)
    with reverts(NOTHING):
        funding.clear()


def test_a_share_is_of_each_cent_once(world: World) -> None:
    """Whoever calls again and again gets nobody more: what is kept is kept."""
    funding = active(world, [share(LINE, 3_000), share(PROJECT, 2_000)])
    world.fund(1_000)
    funding.clear()
    with reverts(NOTHING):
        funding.clear(sender=attacker)
    assert wages(world, TREE, LINE, PROJECT) == [500, 300, 200]
    world.fund(100)
    funding.clear()
    assert wages(world, TREE, LINE, PROJECT) == [550, 330, 220]


def test_shares_are_of_what_is_there_at_the_start(world: World) -> None:
    funding = active(world, [top_up(LINE, 600), share(PROJECT, 5_000), rest(SECOND)])
    world.fund(1_000)
    funding.clear()
    assert wages(world, TREE, LINE, PROJECT, SECOND) == [0, 600, 400, 0]
    world.fund(1_000)
    funding.clear()
    assert wages(world, TREE, LINE, PROJECT, SECOND) == [0, 600, 900, 500]


def test_shares_of_the_whole_leave_no_cent(world: World) -> None:
    funding = active(world, [share(LINE, 3_333), share(PROJECT, 3_333), share(SECOND, 3_334)])
    for amount in (1, 2, 100, 101, 9_999):
        world.fund(amount)
        funding.clear()
        assert wages(world, TREE) == [0]


def test_a_share_too_small_for_a_cent_waits(world: World) -> None:
    funding = active(world, [share(LINE, 1_000)])
    for _ in range(9):
        world.fund(1)
        with reverts(NOTHING):
            funding.clear()
    world.fund(1)
    funding.clear()
    assert wages(world, TREE, LINE) == [9, 1]


def test_what_others_spent_is_not_shared(world: World) -> None:
    funding = active(world, [share(LINE, 5_000)], destinations=[SECOND])
    world.fund(1_000)
    allocate(funding, destination=SECOND, amount=900)
    funding.clear()
    assert wages(world, TREE, LINE, SECOND) == [50, 50, 900]
    assert (funding.owed_in_all(), funding.shared_up_to(), funding.missed()) == (0, 1_000, 900)
    world.fund(100)
    funding.clear()
    assert wages(world, TREE, LINE) == [100, 100]
    with reverts(NOTHING):
        funding.clear()


def test_what_the_bank_took_back_is_owed_to_nobody(world: World) -> None:
    """A credit that was a mistake leaves no debt to the shares of the next."""
    funding = active(world, [share(LINE, 5_000)])
    world.fund(40)
    mistake = world.fund(960)
    reverse(world, mistake, 960)
    making_good(world, 960).decide(world)
    funding.clear()
    assert wages(world, TREE, LINE) == [20, 20]
    world.fund(100)
    funding.clear()
    assert wages(world, TREE, LINE) == [70, 70]


def test_an_allocation_in_the_place_of_another_shares_what_is_there(world: World) -> None:
    """The old one shares out what arrives between the new one's deployment and its activation."""
    rules = [share(PROJECT, 5_000), rest(SECOND)]
    old, new = active(world, rules), made(world, rules)
    world.fund(1_000)
    old.clear()
    retire(world, old)
    activate(world, new)
    world.fund(1_000)
    new.clear()
    assert wages(world, TREE, PROJECT, SECOND) == [0, 1_000, 1_000]


def test_what_comes_back_is_shared_as_far_as_it_never_was(world: World) -> None:
    funding = active(world, [share(LINE, 5_000)])
    payout = world.disbursement([Guard(0, Kind.PAYOUT_CAP, 10**6)])
    world.fund(1_000)
    first = world.reserve(payout, rows_of([600]))
    funding.clear()
    assert (wages(world, TREE, LINE), funding.missed()) == ([200, 200], 600)
    second = world.reserve(payout, rows_of([150]))
    cancel(payout, second)
    funding.clear()
    # 150 of what was shared came back: as much of the 600 is taken for it, and no more than the 600 ever is.
    assert (wages(world, TREE, LINE), funding.missed()) == ([125, 275], 450)
    cancel(payout, first)
    funding.clear()
    assert (wages(world, TREE, LINE), funding.missed()) == ([500, 500], 0)
    third = world.reserve(payout, rows_of([300]))
    cancel(payout, third)
    with reverts(NOTHING):
        funding.clear()


def test_what_is_reserved_and_given_back_around_a_clearing_is_shared_once(world: World) -> None:
    funding = active(world, [share(LINE, 5_000)])
    payout = world.disbursement([Guard(0, Kind.PAYOUT_CAP, 10**6)])
    world.fund(1_000)
    batch = world.reserve(payout, rows_of([998]))
    funding.clear()
    assert (wages(world, TREE, LINE), funding.missed()) == ([1, 1], 998)
    cancel(payout, batch)
    funding.clear()
    assert wages(world, TREE, LINE) == [500, 500]
    with reverts(NOTHING):
        funding.clear()


def test_what_left_before_an_allocation_is_not_shared(world: World) -> None:
    """What rests when it is deployed is, and so is all that arrives from then on."""
    before = active(world, [rest(SECOND)])
    world.fund(1_000)
    before.clear()
    retire(world, before)
    world.fund(60)
    funding = active(world, [share(LINE, 5_000)])
    assert funding.shared_up_to() == 1_000
    world.fund(40)
    funding.clear()
    assert (wages(world, TREE, LINE), funding.owed(0)) == ([50, 50], 0)


def test_what_came_back_before_an_allocation_is_no_inflow(world: World) -> None:
    """More may rest than ever arrived: money swept up from a closed account is no inflow."""
    world.fund(100, LINE)
    world.close(LINE)
    world.ledger.sweep(LINE, WAGES)
    below = b"\4" * 32
    world.open(below, parent=PROJECT)
    funding = active(world, [share(below, 5_000)], account=PROJECT)
    assert (funding.shared_up_to(), wages(world, PROJECT)) == (0, [100])


def test_what_is_owed_to_a_closed_account_is_free_again(world: World) -> None:
    cap = Guard(0, Kind.WINDOW_CAP, 100, DAY)
    funding = active(world, [share(LINE, 5_000), share(PROJECT, 1_000), rest(SECOND)], [cap])
    world.fund(1_000)
    funding.clear()
    assert (funding.owed(0), funding.owed(1), funding.owed_in_all()) == (400, 100, 500)
    world.close(LINE)
    boa.env.timestamp += DAY
    funding.clear()
    assert (funding.owed(0), funding.owed(1), funding.owed_in_all()) == (0, 0, 0)
    for _ in range(8):
        boa.env.timestamp += DAY
        funding.clear()
    assert wages(world, TREE, PROJECT, SECOND) == [0, 100, 800]


def test_what_is_owed_to_a_closed_account_is_freed_though_nothing_moves(world: World) -> None:
    """A rule before it takes it the next time."""
    cap = Guard(0, Kind.PAYOUT_CAP, 100)
    funding = active(world, [top_up(SECOND, 100), share(LINE, 8_000)], [cap])
    world.fund(200, SECOND)
    world.fund(200)
    funding.clear()
    assert (funding.owed(1), wages(world, TREE)) == (60, [100])
    world.close(LINE)
    funding.clear()
    *_, cleared = funding.events
    assert (cleared.name, cleared.amount, funding.owed(1), funding.owed_in_all()) == ("Cleared", 0, 0, 0)
    with reverts(NOTHING):
        funding.clear()


def test_a_payout_cap_limits_each_move(world: World) -> None:
    """What the cap keeps back of a share stays that share's, however often and by whomever it is called."""
    funding = active(world, [share(LINE, 9_000), rest(SECOND)], [Guard(0, Kind.PAYOUT_CAP, 100)])
    world.fund(500)
    funding.clear()
    assert wages(world, TREE, LINE, SECOND) == [350, 100, 50]
    assert (funding.owed(0), funding.owed_in_all()) == (350, 350)
    for _ in range(4):
        funding.clear(sender=attacker)
    assert wages(world, TREE, LINE, SECOND) == [0, 450, 50]
    assert (funding.owed(0), funding.owed_in_all()) == (0, 0)
    with reverts(NOTHING):
        funding.clear()


def test_money_kept_back_meets_money_that_comes_in(world: World) -> None:
    funding = active(
        world, [top_up(SECOND, 40), share(LINE, 5_000), rest(PROJECT)], [Guard(0, Kind.PAYOUT_CAP, 100)]
    )
    world.fund(1_000)
    funding.clear()
    assert wages(world, TREE, SECOND, LINE, PROJECT) == [760, 40, 100, 100]
    assert funding.owed(1) == 400
    world.fund(1_000)
    for _ in range(9):
        funding.clear()
    assert wages(world, TREE, SECOND, LINE, PROJECT) == [0, 40, 1_000, 960]


def test_what_is_owed_and_was_spent_elsewhere(world: World) -> None:
    """An operator may spend it: then the share comes first when money comes in."""
    funding = active(
        world,
        [share(LINE, 5_000), rest(PROJECT)],
        [Guard(0, Kind.WINDOW_CAP, 1_000, DAY)],
        destinations=[SECOND],
    )
    world.fund(3_000)
    funding.clear()
    assert (funding.owed(0), wages(world, TREE, LINE, PROJECT)) == (500, [2_000, 1_000, 0])
    boa.env.timestamp += DAY
    allocate(funding, destination=SECOND, amount=1_000)
    boa.env.timestamp += DAY
    allocate(funding, destination=SECOND, amount=900, reference=WAGES)
    funding.clear()
    assert (funding.owed(0), wages(world, TREE, LINE)) == (400, [0, 1_100])
    boa.env.timestamp += DAY
    world.fund(1_000)
    funding.clear()
    assert (funding.owed(0), wages(world, TREE, LINE, PROJECT)) == (0, [0, 1_800, 300])


def test_a_window_cap_counts_what_clear_moves(world: World) -> None:
    terms = (Guard(0, Kind.WINDOW_CAP, 700, DAY),)
    funding = active(world, [top_up(LINE, 500), rest(SECOND)], terms, destinations=[PROJECT])
    world.fund(1_000)
    funding.clear()
    assert wages(world, TREE, LINE, SECOND) == [300, 500, 200]
    assert funding.consumed(0, now()) == 700
    with reverts(NOTHING):
        funding.clear()
    held = refusal_of(lambda: allocate(funding, amount=1))
    assert (held.code, held.limit, held.observed) == ("window-cap", 700, 701)
    boa.env.timestamp += DAY
    allocate(funding, amount=100)
    funding.clear()
    assert wages(world, TREE, LINE, SECOND) == [0, 500, 400]


def test_a_cap_for_ever(world: World) -> None:
    funding = active(world, [rest(SECOND)], [Guard(0, Kind.LIFETIME_CAP, 700)])
    world.fund(1_000)
    funding.clear()
    boa.env.timestamp += 400 * DAY
    with reverts(NOTHING):
        funding.clear()
    assert wages(world, TREE, SECOND) == [300, 700]


def test_the_least_room_of_all_clauses_counts(world: World) -> None:
    terms = (
        Guard(0, Kind.PAYOUT_CAP, 50),
        Guard(0, Kind.PAYOUT_CAP, 90),
        Guard(1, Kind.WINDOW_CAP, 200, DAY),
        Guard(2, Kind.LIFETIME_CAP, 250),
    )
    funding = active(world, [rest(SECOND)], terms)
    world.fund(1_000)
    amounts = []
    for _ in range(3):
        funding.clear()
        amounts += [amount for _, amount in moved(funding)]
    boa.env.timestamp += DAY
    funding.clear()
    amounts += [amount for _, amount in moved(funding)]
    assert amounts == [90, 90, 20, 50]


def test_outside_its_hours_or_days(world: World) -> None:
    hours = Guard(0, Kind.TIME_WINDOW, 0, 2**40, 8 * 3_600 | 9 * 3_600 << 32)
    funding = active(world, [rest(SECOND)], [hours])
    world.fund(1_000)
    boa.env.timestamp += DAY - now() % DAY
    held = refusal_of(lambda: funding.clear())
    assert (held.code, held.clause, held.guard) == ("outside-time-window", 0, 0)
    boa.env.timestamp += 8 * 3_600
    funding.clear()
    tomorrow = now() // DAY + 1
    days = Guard(0, Kind.CALENDAR_DAY, tomorrow, 1, subject=(1).to_bytes(32))
    other = active(world, [rest(SECOND)], [days])
    world.fund(1_000)
    assert refusal_of(lambda: other.clear()).code == "outside-calendar"
    boa.env.timestamp += DAY
    other.clear()


def test_a_destination_that_is_closed_is_passed_over(world: World) -> None:
    """One institution that closes its account does not keep the others' money from them."""
    funding = active(world, [share(LINE, 5_000), top_up(PROJECT, 100), rest(SECOND)])
    world.fund(1_000)
    world.close(LINE)
    funding.clear()
    passed, *_ = funding.events
    assert (passed.name, passed.rule, passed.destination) == ("RulePassedOver", 0, LINE)
    assert wages(world, TREE, LINE, PROJECT, SECOND) == [0, 0, 100, 900]


def test_a_destination_that_moved_away_is_passed_over(world: World) -> None:
    funding = active(world, [rest(LINE)], account=PROJECT)
    world.fund(1_000, PROJECT)
    move(world, LINE, SECOND)
    with reverts(NOTHING):
        funding.clear()
    move(world, SECOND, PROJECT)
    funding.clear()
    assert wages(world, PROJECT, LINE) == [0, 1_000]


def test_money_never_goes_round(world: World) -> None:
    """Two allocations that would fund each other cannot both be below the other."""
    down = active(world, [rest(LINE)], account=PROJECT)
    with reverts("allocation: not an open account below"):
        active(world, [rest(PROJECT)], account=LINE)
    move(world, LINE, TREE)
    move(world, PROJECT, LINE)
    back = active(world, [rest(PROJECT)], account=LINE)
    world.fund(1_000, PROJECT)
    with reverts(NOTHING):
        down.clear()
    with reverts(NOTHING):
        back.clear()


def test_frozen_paused_or_retired(world: World) -> None:
    funding = active(world, [rest(SECOND)])
    world.fund(1_000)
    with boa.env.anchor():
        world.freeze(TREE, True, [bank_supervisor])
        with reverts("accounts: account frozen"):
            funding.clear()
    with boa.env.anchor():
        world.pause(True, [bank_supervisor])
        with reverts("accounts: paused"):
            funding.clear()
    retire(world, funding)
    with reverts("accounts: agreement not granted"):
        funding.clear()


def test_an_agreement_that_is_not_active(world: World) -> None:
    idle = active(world, [rest(SECOND)])
    retire(world, idle)
    world.fund(10)
    with reverts("accounts: agreement not granted"):
        idle.clear()


def chain_of(world: World, levels: int) -> bytes:
    """Accounts one below the other; gives the lowest."""
    above = TREE
    for level in range(levels):
        account = b"level" + level.to_bytes(27)
        world.open(account, parent=above)
        above = account
    return above


def test_a_destination_64_levels_below(world: World) -> None:
    lowest = chain_of(world, 64)
    funding = active(world, [rest(lowest)])
    world.fund(10)
    funding.clear()
    assert wages(world, lowest) == [10]
    world.open(b"\1" * 32, parent=lowest)
    with reverts("allocation: not an open account below"):
        active(world, [rest(b"\1" * 32)])


SHARES = st.lists(st.integers(1, 2_500), min_size=1, max_size=3)
STEPS = st.lists(st.tuples(st.integers(0, 10**6), st.integers(1, 3)), min_size=1, max_size=6)


@settings(
    max_examples=examples(15), deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
@given(shares=SHARES, has_rest=st.booleans(), cap=st.integers(3 * 10**5, 10**6), steps=STEPS)
def test_who_calls_how_often_changes_nothing(
    world: World, shares: list[int], has_rest: bool, cap: int, steps: list[tuple[int, int]]
) -> None:
    """Shares come out the same, to a cent a deposit, and no cent appears or is lost."""
    places = [PROJECT, SECOND, LINE]
    rules: list[Rule] = [share(place, part) for place, part in zip(places, shares, strict=False)]
    last = b"\4" * 32
    with boa.env.anchor():
        world.open(last)
        if has_rest:
            rules.append(rest(last))
        funding = active(world, rules, [*AMPLE, Guard(1, Kind.PAYOUT_CAP, cap)])
        total = 0
        for amount, calls in steps:
            total += amount
            if amount:
                world.fund(amount)
            for _ in range(calls):
                try_to_clear(funding)
        for _ in range(0, total, cap):
            if not try_to_clear(funding):
                break
        got = wages(world, *places[: len(shares)])
        left, remainder = wages(world, TREE, last)
        assert sum(got) + left + remainder == total
        if funding.owed_in_all() == 0 and left < cap:
            for held, part in zip(got, shares, strict=True):
                assert abs(held * 10_000 - total * part) <= 10_000 * len(steps)


def try_to_clear(funding: Contract) -> bool:
    """Whether there was something to clear."""
    try:
        funding.clear()
    except Reverted as reverted:
        if reverted.refusal.reason != NOTHING:
            raise
        return False
    return True
