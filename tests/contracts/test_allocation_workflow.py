"""Workflow: three levels of allocations cleared from the top, then a disbursement at the leaf."""

from contracts.ids import name_id
from contracts.terms import Guard, Kind
from tests.contracts.chain import reverts
from tests.contracts.funding import SECOND, active, open_accounts, rest, share, top_up, wages
from tests.contracts.world import LINE, PROJECT, TREE, WAGES, World, approval_guard, attacker, rows_of

CREW = name_id("crew")
ACCOUNTS = (TREE, PROJECT, SECOND, LINE, CREW)


def test_three_levels_cleared_parent_first_then_paid(world: World) -> None:
    open_accounts(world)
    world.open(CREW, parent=LINE)
    group = active(world, [share(PROJECT, 6_000), share(SECOND, 4_000)])
    project = active(world, [top_up(LINE, 4_000)], account=PROJECT)
    line = active(world, [share(CREW, 5_000)], account=LINE)
    terms = [approval_guard(), Guard(1, Kind.PAYOUT_CAP, 1_000)]
    payout = world.disbursement(terms, account=CREW)

    world.fund(10_000)
    with reverts("allocation: nothing to clear"):
        line.clear()
    for level in (group, project, line):
        level.clear(sender=attacker)
        assert sum(wages(world, *ACCOUNTS)) == 10_000
    assert wages(world, *ACCOUNTS) == [0, 2_000, 4_000, 2_000, 2_000]

    rows = rows_of([100] * 12)
    batch = world.reserve(payout, rows)
    assert sum(wages(world, *ACCOUNTS)) + rows.total_minor == 10_000
    world.approve(payout, batch)
    world.execute(payout, batch, rows)
    assert world.ledger.batch(batch).cursor == 12
    assert wages(world, CREW) == [800]

    for level in (group, line):
        with reverts("allocation: nothing to clear"):
            level.clear()
    world.fund(5_000)
    for level in (group, project, line):
        level.clear()
    assert wages(world, *ACCOUNTS) == [0, 3_000, 6_000, 3_000, 1_800]
    assert sum(wages(world, *ACCOUNTS)) == 15_000 - rows.total_minor


def test_levels_cleared_in_any_order_lose_nothing(world: World) -> None:
    open_accounts(world)
    group = active(world, [rest(PROJECT)])
    project = active(world, [rest(LINE)], account=PROJECT)
    world.fund(700)
    group.clear()
    world.fund(300)
    project.clear()
    group.clear()
    assert wages(world, TREE, PROJECT, LINE) == [0, 300, 700]
    project.clear()
    assert wages(world, TREE, PROJECT, LINE) == [0, 0, 1_000]
    assert world.ledger.account_balance(LINE, WAGES) == 1_000
