"""Caps of payees: counters by window, seven to a slot, and what a returned row gives back."""

import boa
import pytest
from eth_hash.auto import keccak

from contracts.rows import Row, RowTree
from contracts.terms import Guard, Kind
from tests.contracts.chain import Contract, reverts
from tests.contracts.disbursements import (
    ALWAYS,
    DAY,
    OTHER,
    UNKNOWN,
    cancel,
    counter,
    disburse,
    execute,
    pass_days,
    payee_cap,
    refused,
    restore_payee,
    waive,
)
from tests.contracts.world import World, bank_bridge, now, rows_of

COUNTED = "disbursement: row is not counted"
FULL = 2**32 - 1


@pytest.fixture
def payout(world: World) -> Contract:
    """At most 500 a payee and day."""
    return disburse(world, [ALWAYS, payee_cap(1, 500, DAY)])


def run(world: World, payout: Contract, tree: RowTree) -> bytes:
    batch = world.reserve(payout, tree)
    world.execute(payout, batch, tree)
    return batch


def paid(payout: Contract, payees: int, guard: int = 1) -> list[int]:
    return [payout.paid(guard, payee, now()) for payee in range(payees)]


def test_a_cap_exactly_reached_and_one_more(world: World, payout: Contract) -> None:
    run(world, payout, rows_of([500, 1, 499]))
    assert paid(payout, 4) == [500, 1, 499, 0]
    tree = rows_of([499, 2], [1, 2])
    batch = world.reserve(payout, tree)
    assert refused(world, payout, batch, tree) == (1, 1, "payee-cap", 500, 501)
    run(world, payout, rows_of([499, 1], [1, 2]))
    assert paid(payout, 3) == [500, 500, 500]


def test_rows_of_one_payee_add_up(world: World, payout: Contract) -> None:
    tree = rows_of([200, 200, 101], [6, 6, 6])
    batch = world.reserve(payout, tree)
    assert refused(world, payout, batch, tree) == (1, 1, "payee-cap", 500, 501)
    run(world, payout, rows_of([200, 200, 100], [6, 6, 6]))


@pytest.mark.parametrize("payee", [0, 6, 7, 13, 14, 2**24 - 1])
def test_neighbours_keep_apart(world: World, payout: Contract, payee: int) -> None:
    run(world, payout, rows_of([321], [payee]))
    around = range(max(payee - 8, 0), min(payee + 9, 2**24))
    assert {who: payout.paid(1, who, now()) for who in around} == {
        who: 321 if who == payee else 0 for who in around
    }


def unsorted(payees: list[int], amounts: list[int]) -> RowTree:
    """A tree whose rows are in any order, which the off-chain twin refuses to make."""
    tree = rows_of(amounts, sorted(payees))
    tree.rows = tuple(Row(payee, amount, bytes(32)) for payee, amount in zip(payees, amounts, strict=True))
    return tree


def test_unsorted_rows_stay_correct(world: World, payout: Contract) -> None:
    tree = unsorted([20, 1, 20, 1, 20, 8, 1], [100, 7, 100, 7, 100, 9, 7])
    run(world, payout, tree)
    assert [payout.paid(1, payee, now()) for payee in (1, 8, 20)] == [21, 9, 300]
    tree = unsorted([20, 1, 20], [100, 1, 101])
    batch = world.reserve(payout, tree)
    assert refused(world, payout, batch, tree) == (1, 1, "payee-cap", 500, 501)


def test_a_window_ends_where_the_next_begins(world: World) -> None:
    offset = 8 * 3_600
    payout = disburse(world, [ALWAYS, Guard(1, Kind.PAYEE_CAP, 500, DAY, offset, subject=counter("payee"))])
    midnight = (now() // DAY + 2) * DAY - offset
    boa.env.timestamp = midnight - 1
    run(world, payout, rows_of([500, 10]))
    tree = rows_of([1])
    batch = world.reserve(payout, tree)
    assert refused(world, payout, batch, tree)[2:] == ("payee-cap", 500, 501)
    boa.env.timestamp = midnight
    world.execute(payout, batch, tree)
    assert paid(payout, 2) == [1, 0]


def test_a_cap_for_ever(world: World) -> None:
    payout = disburse(world, [ALWAYS, payee_cap(1, 500)])
    run(world, payout, rows_of([500]))
    pass_days(4_000)
    world.attest(10**15)
    tree = rows_of([1])
    batch = world.reserve(payout, tree)
    assert refused(world, payout, batch, tree)[2:] == ("payee-cap", 500, 501)


def test_refused_rows_count_nothing(world: World) -> None:
    """Neither those a cap refuses nor those another clause does."""
    payout = disburse(
        world,
        [ALWAYS, payee_cap(1, 500, DAY), payee_cap(2, 900, name="ever"), Guard(3, Kind.PAYOUT_CAP, 450)],
    )
    tree = rows_of([300, 300, 200, 460, 10, 20], [0, 0, 0, 1, 1, 2])
    batch = world.reserve(payout, tree)
    execute(payout, batch, tree, skip=True)
    named = [event for event in payout.events if event.name == "RowRefused"]
    assert [(event.row, event.clause, event.guard, event.limit, event.observed) for event in named] == [
        (1, 1, 1, 500, 600),
        (3, 3, 3, 450, 460),
    ]
    assert paid(payout, 3) == paid(payout, 3, guard=2) == [500, 10, 20]
    for row in (1, 3):
        with reverts(COUNTED):
            restore_payee(payout, batch, tree, row)


def test_the_second_of_two_caps_refuses(world: World) -> None:
    payout = disburse(world, [ALWAYS, payee_cap(1, 500, DAY), payee_cap(2, 600, name="ever")])
    run(world, payout, rows_of([500]))
    pass_days(1)
    tree = rows_of([60, 60, 30], [0, 0, 0])
    batch = world.reserve(payout, tree)
    assert refused(world, payout, batch, tree) == (2, 2, "payee-cap", 600, 620)
    execute(payout, batch, tree, skip=True)
    assert (paid(payout, 1), paid(payout, 1, guard=2)) == ([90], [590])


def test_restore_payee(world: World, payout: Contract) -> None:
    tree = rows_of([100, 200, 300])
    batch = run(world, payout, tree)
    with reverts("disbursement: row is not back"):
        restore_payee(payout, batch, tree, 1)
    world.give_back(batch, tree, 1, amount=50)
    with reverts("disbursement: row is not back"):
        restore_payee(payout, batch, tree, 1)
    world.give_back(batch, tree, 1)
    held = tree.leaf_proof(1)
    with reverts("merkle: wrong proof"):
        payout.restore_payee(batch, 1, held.start, rows_of([100, 250, 300]).leaf_proof(1).rows, held.proof)
    with reverts(UNKNOWN):
        payout.restore_payee(OTHER, 1, held.start, held.rows, held.proof)
    restore_payee(payout, batch, tree, 1)
    assert paid(payout, 3) == [100, 0, 300]
    with reverts(COUNTED):
        restore_payee(payout, batch, tree, 1)


def test_a_late_return_gives_back_too(world: World, payout: Contract) -> None:
    tree = rows_of([100])
    batch = run(world, payout, tree)
    world.ledger.settle(batch, sender=bank_bridge)
    world.give_back(batch, tree, 0, reference=keccak(b"late"))
    restore_payee(payout, batch, tree, 0)
    assert paid(payout, 1) == [0]


def test_a_row_goes_back_only_to_the_window_that_counted_it(world: World, payout: Contract) -> None:
    """A batch whose chunks ran on three days, returned on the last."""
    tree = rows_of([100] * 32, [payee // 4 for payee in range(32)])
    batch = world.reserve(payout, tree)
    for number in range(4):
        execute(payout, batch, tree, number)
        if number != 1:
            pass_days(1)
    boa.env.timestamp -= DAY
    run(world, payout, rows_of([50], [0]))
    for row in (0, 8, 16, 24):
        world.give_back(batch, tree, row)
        restore_payee(payout, batch, tree, row)
    assert [payout.paid(1, payee, now()) for payee in (0, 2, 4, 6, 7)] == [50, 0, 0, 300, 400]


def test_a_row_executed_later_in_the_same_window(world: World, payout: Contract) -> None:
    boa.env.timestamp = (now() // DAY + 1) * DAY
    tree = rows_of([100] * 16)
    batch = world.reserve(payout, tree)
    execute(payout, batch, tree, 0)
    boa.env.timestamp += DAY - 1
    execute(payout, batch, tree, 1)
    world.give_back(batch, tree, 9)
    restore_payee(payout, batch, tree, 9)
    assert paid(payout, 10) == [100] * 9 + [0]


def test_a_row_goes_back_to_its_day_though_another_cap_has_no_days(world: World) -> None:
    """The first cap begins a new window between the chunks, the last has one window for ever."""
    payout = disburse(world, [ALWAYS, payee_cap(1, 500, DAY, "day"), payee_cap(2, 5_000, name="ever")])
    tree = rows_of([100] * 16)
    batch = world.reserve(payout, tree)
    execute(payout, batch, tree)
    pass_days(1)
    execute(payout, batch, tree, 1)
    world.give_back(batch, tree, 9)
    restore_payee(payout, batch, tree, 9)
    assert paid(payout, 11) == [0] * 8 + [100, 0, 100]
    assert paid(payout, 11, guard=2) == [100] * 9 + [0, 100]


def test_released_rows_were_never_counted(world: World, payout: Contract) -> None:
    tree = rows_of([100] * 16)
    batch = world.reserve(payout, tree)
    execute(payout, batch, tree)
    cancel(payout, batch)
    with reverts("disbursement: row is not back"):
        restore_payee(payout, batch, tree, 9)
    assert paid(payout, 10)[7:] == [100, 0, 0]


def test_a_waived_cap_still_counts(world: World, payout: Contract) -> None:
    tree = rows_of([700, 100])
    batch = world.reserve(payout, tree)
    waive(world, payout, batch, 1)
    world.execute(payout, batch, tree)
    assert paid(payout, 2) == [700, 100]
    more = rows_of([1])
    held = world.reserve(payout, more)
    assert refused(world, payout, held, more)[2:] == ("payee-cap", 500, 701)
    world.give_back(batch, tree, 0)
    restore_payee(payout, batch, tree, 0)
    assert paid(payout, 2) == [0, 100]


def test_a_waived_cap_stops_counting_at_32_bits(world: World) -> None:
    payout = disburse(world, [ALWAYS, payee_cap(1, FULL - 1, DAY)], money=2**40)
    tree = rows_of([FULL - 1, 5, 2**34, 7], [0, 0, 1, 2])
    batch = world.reserve(payout, tree)
    waive(world, payout, batch, 1)
    world.execute(payout, batch, tree)
    assert paid(payout, 3) == [FULL, FULL, 7]
    for row in range(4):
        world.give_back(batch, tree, row)
        restore_payee(payout, batch, tree, row)
    assert paid(payout, 3) == [FULL, FULL, 0]
    pass_days(1)
    assert paid(payout, 3) == [0, 0, 0]
