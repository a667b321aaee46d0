"""Disbursement.cancel and restore: what is released, and what caps over batches get back."""

import boa
import pytest
from eth_hash.auto import keccak

from contracts.rows import RowTree
from contracts.terms import Guard, Kind
from tests.contracts.chain import Contract, reverts
from tests.contracts.disbursements import (
    ALWAYS,
    APPROVED,
    DAY,
    ENDED,
    OTHER,
    UNKNOWN,
    cancel,
    counter,
    disburse,
    execute,
    pass_days,
)
from tests.contracts.world import (
    World,
    attacker,
    bank_bridge,
    bank_supervisor,
    now,
    operator,
    rows_of,
)


@pytest.fixture
def payout(world: World) -> Contract:
    world.fund(100_000)
    return world.disbursement()


def reserved(world: World, payout: Contract) -> tuple[RowTree, bytes]:
    tree = rows_of([100 + i for i in range(16)])
    return tree, world.reserve(payout, tree)


def test_cancel(world: World, payout: Contract) -> None:
    tree, batch = reserved(world, payout)
    world.approve(payout, batch)
    execute(payout, batch, tree)
    left = tree.total_minor - tree.offsets[8]
    for who in (attacker, bank_supervisor):
        with reverts("disbursement: not an operator"):
            cancel(payout, batch, who)
    with reverts(UNKNOWN):
        cancel(payout, OTHER)
    assert cancel(payout, batch) == left
    event = payout.events[-1]
    assert (event.name, event.batch, event.by) == ("BatchCancelled", batch, operator.address)
    assert event.amount == left
    with reverts("ledger: batch has ended"):
        cancel(payout, batch)
    with reverts(ENDED):
        world.approve(payout, batch, [bank_supervisor])


CAPPED = (
    APPROVED,
    Guard(1, Kind.PAYOUT_CAP, 100),
    Guard(2, Kind.WINDOW_CAP, 10_000, DAY, subject=counter("daily")),
    Guard(3, Kind.LIFETIME_CAP, 20_000, subject=counter("ever")),
)


def test_restore_gives_caps_back_what_went_back(world: World) -> None:
    payout = disburse(world, CAPPED)
    tree = rows_of([100] * 8 + [101] + [100] * 7 + [100] * 8)
    moment = now()
    batch = world.reserve(payout, tree, now() + 3_600)
    world.approve(payout, batch)

    def counted() -> set[int]:
        return {payout.consumed(2, moment), payout.consumed(3, moment)}

    assert counted() == {2_401}
    assert payout.restore(batch) == 0
    execute(payout, batch, tree)
    execute(payout, batch, tree, 1, skip=True)
    world.give_back(batch, tree, 0)
    assert payout.restore(batch) == 201
    assert payout.restore(batch) == 0
    assert counted() == {2_200}
    world.give_back(batch, tree, 1, amount=30)
    assert payout.restore(batch) == 30
    boa.env.timestamp += 3_601
    world.ledger.release(batch, sender=attacker)
    assert payout.restore(batch) == 800
    assert counted() == {1_370}
    world.ledger.settle(batch, sender=bank_bridge)
    world.give_back(batch, tree, 2, reference=keccak(b"late"))
    assert payout.restore(batch) == 100
    assert counted() == {1_270}
    assert payout.restore(batch) == 0
    with reverts(UNKNOWN):
        payout.restore(OTHER)


EITHER = (
    ALWAYS,
    Guard(1, Kind.WINDOW_CAP, 500, DAY, subject=counter("cap")),
    Guard(1, Kind.WINDOW_CAP, 1_000, 7 * DAY, subject=counter("cap")),
)


def consumed(payout: Contract, moment: int) -> tuple[int, int]:
    return payout.consumed(1, moment), payout.consumed(2, moment)


def test_cancelling_gives_back_to_the_window_that_counted(world: World) -> None:
    """Another window that happens to hold as much is left alone."""
    payout = disburse(world, EITHER)
    moment = now()
    first = world.reserve(payout, rows_of([400]))
    second = world.reserve(payout, rows_of([300]))
    assert consumed(payout, moment) == (400, 300)
    cancel(payout, second)
    assert consumed(payout, moment) == (400, 0)
    cancel(payout, first)
    assert consumed(payout, moment) == (0, 0)


def test_cancelling_later_gives_back_to_the_window_of_the_reservation(world: World) -> None:
    payout = disburse(world, EITHER[:2])
    moment = now()
    batch = world.reserve(payout, rows_of([400]))
    pass_days(1)
    world.reserve(payout, rows_of([450]))
    cancel(payout, batch)
    assert payout.consumed(1, moment) == 0
    assert payout.consumed(1, now()) == 450
