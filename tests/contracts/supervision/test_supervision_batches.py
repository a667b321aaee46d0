"""Supervision and batches: reserve_custody, execute, redirect, release."""

from typing import Any

import boa
import pytest

from contracts.ids import account_line
from contracts.rows import RowTree
from contracts.terms import Role
from tests.contracts.chain import Contract, reverts
from tests.contracts.disbursements import rotate
from tests.contracts.supervision.acts import (
    GIVE_BACK,
    RELEASE,
    RESERVE,
    carving,
    carving_custody,
    custody_batch,
    freezing_lot,
    maps,
    names,
    redirecting,
    releasing,
    reverse,
    suspense,
)
from tests.contracts.world import (
    BANK,
    MATERIALS,
    PROJECT,
    TREE,
    WAGES,
    ZERO,
    World,
    agency_one_deputy,
    agency_one_governor,
    agency_one_supervisor,
    agency_two_supervisor,
    attacker,
    bank_bridge,
    bank_supervisor,
    newcomer,
    now,
    operator,
    rows_of,
    signer,
    threshold,
)

OTHER = b"\7" * 32
SOURCE = account_line(TREE, WAGES)
MISSED = "supervision: quorum not reached"
NOT_RISING = "signatures: not in rising order of signer"
ANOTHER_LINE = "supervision: custody of another line"
TOO_FEW: list[tuple[Any, ...]] = [
    (),
    (bank_supervisor,),
    (agency_one_supervisor, agency_one_deputy),
    (bank_supervisor, operator, attacker),
]
Held = tuple[World, bytes]


@pytest.fixture
def held(world: World) -> Held:
    """1,000 of wages, the account frozen, 240 of it in custody."""
    world.fund(1_000)
    world.freeze(TREE, True, [bank_supervisor])
    return world, carving([(100, 340)]).decide(world)


def execute(world: World, batch: bytes, tree: RowTree, chunk: int, sender: Any = attacker) -> None:
    """Execute one chunk of eight rows, as anyone."""
    part = tree.chunks(8)[chunk]
    world.supervision.execute(batch, part.rows, part.proof, sender=sender)


# reserve_custody, execute


def test_reserve_custody(held: Held) -> None:
    world, custody = held
    tree, until = rows_of([10] * 24), now() + 60
    batch = custody_batch(world, custody, tree, until).decide(world)
    assert names(world) == ["Decided", "Moved", "Reserved"]
    assert maps(world) == [(RESERVE, custody, batch, 0, 0, 240, tree.root)]
    reserved = world.supervision.events[-1]
    assert (reserved.agreement, reserved.account) == (world.supervision.address, TREE)
    assert (reserved.source, reserved.count, reserved.total) == (custody, 24, 240)
    bound = (world.supervision.address, TREE, custody, tree.root, 24, 240, until)
    assert world.ledger.batch_id(*bound) == batch
    assert world.ledger.tree(TREE).held == 1_000


def test_anyone_executes_what_the_quorum_approved(held: Held) -> None:
    world, custody = held
    tree = rows_of([10] * 24)
    batch = custody_batch(world, custody, tree, now() + 60).decide(world)
    execute(world, batch, tree, 0)
    (event,) = world.supervision.events
    assert (event.name, event.first_row, event.end_row) == ("ChunkExecuted", 0, 8)
    assert (event.start, event.end, event.refused) == (0, 80, 0)
    assert world.ledger.tree(TREE).held == 920
    execute(world, batch, tree, 1)
    execute(world, batch, tree, 2)
    with reverts("ledger: batch has ended"):
        execute(world, batch, tree, 2)
    assert world.ledger.tree(TREE).held == 760
    world.ledger.settle(batch, sender=bank_bridge)
    assert world.ledger.tree(TREE).settled == 240


def test_a_frozen_account_and_a_shortfall_do_not_stop_it_but_a_pause_does(held: Held) -> None:
    world, custody = held
    tree = rows_of([10] * 24)
    batch = custody_batch(world, custody, tree, now() + 60).decide(world)
    reverse(world, world.fund(5, dye_class=MATERIALS), 5)
    execute(world, batch, tree, 0)
    world.pause(True, [bank_supervisor])
    with reverts("accounts: paused"):
        execute(world, batch, tree, 1)
    world.pause(False, [bank_supervisor, agency_one_supervisor])
    execute(world, batch, tree, 1)


def test_the_deadline_of_a_custody_batch(held: Held) -> None:
    world, custody = held
    tree = rows_of([10] * 24)
    batch = custody_batch(world, custody, tree, now() + 60).decide(world)
    boa.env.timestamp += 60
    execute(world, batch, tree, 0)
    with reverts("ledger: not the batch's agreement"):
        world.ledger.release(batch, sender=attacker)
    boa.env.timestamp += 1
    with reverts("ledger: deadline passed"):
        execute(world, batch, tree, 1)
    assert world.ledger.release(batch, sender=attacker) == 160
    assert world.ledger.line(custody) == (400, 240)


def test_what_the_bank_returns_goes_back_to_custody(held: Held) -> None:
    world, custody = held
    tree = rows_of([10, 20, 30])
    batch = custody_batch(world, custody, tree, now() + 60).decide(world)
    execute(world, batch, tree, 0)
    world.give_back(batch, tree, 1)
    (moved,) = [event for event in world.ledger.events if event.name == "Moved"]
    assert (moved.kind, moved.source, moved.destination) == (GIVE_BACK, batch, custody)
    assert (moved.source_start, moved.destination_start, moved.amount) == (10, 240, 20)
    assert world.balance(custody) == 200
    assert world.ledger.account_balance(TREE, WAGES) == 760


def test_a_lot_in_custody_can_be_sent_back(world: World) -> None:
    custody = freezing_lot(world, suspense(world, OTHER)).decide(world, [bank_supervisor])
    tree = rows_of([100])
    batch = custody_batch(world, custody, tree, now() + 60).decide(world)
    execute(world, batch, tree, 0)
    assert (world.ledger.tree(TREE).held, world.balance(custody)) == (0, 0)


@pytest.mark.parametrize("by", TOO_FEW)
def test_the_quorum_must_approve_a_custody_batch(held: Held, by: tuple[Any, ...]) -> None:
    world, custody = held
    with reverts(MISSED):
        custody_batch(world, custody, rows_of([10]), now() + 60).decide(world, by)


def test_reserve_custody_refusals(held: Held) -> None:
    world, custody = held
    tree = rows_of([10])
    for line in (OTHER, SOURCE):
        with reverts("supervision: unknown custody"):
            custody_batch(world, line, tree, now() + 60).decide(world)
    with reverts("ledger: deadline out of bounds"):
        custody_batch(world, custody, tree, now()).decide(world)
    with reverts("lines: not enough money"):
        custody_batch(world, custody, rows_of([241]), now() + 60).decide(world)
    act = custody_batch(world, custody, tree, now() + 60)
    given = act.signed(world)
    batch = act.hand_in(world, given)
    releasing(batch).decide(world)
    with reverts(MISSED, NOT_RISING):
        act.hand_in(world, given)
    with reverts("ledger: batch exists"):
        custody_batch(world, custody, tree, now() + 60).decide(world)


def test_who_approved_must_be_supervisors_still(held: Held) -> None:
    world, custody = held
    tree = rows_of([10] * 24)
    by = (bank_supervisor, agency_one_supervisor, agency_one_deputy)
    batch = custody_batch(world, custody, tree, now() + 60).decide(world, by)
    world.suspend(agency_one_deputy, [agency_one_governor])
    execute(world, batch, tree, 0)
    world.suspend(agency_one_supervisor, [agency_one_governor])
    with reverts(MISSED):
        execute(world, batch, tree, 1)
    assert releasing(batch).decide(world, (bank_supervisor, agency_two_supervisor)) == 160


def test_a_key_that_follows_stands_for_who_approved_and_one_added_again_does_not(held: Held) -> None:
    world, custody = held
    tree = rows_of([10] * 24)
    by = (bank_supervisor, agency_one_supervisor)
    batch = custody_batch(world, custody, tree, now() + 7 * 86_400).decide(world, by)
    rotate(world, agency_one_supervisor, newcomer, agency_one_governor)
    execute(world, batch, tree, 0)
    world.suspend(bank_supervisor)
    world.change([signer(bank_supervisor, BANK, Role.SUPERVISOR)])
    boa.env.timestamp += 5
    with reverts(MISSED):
        execute(world, batch, tree, 1)


def test_a_quorum_that_asks_for_more_by_now(held: Held) -> None:
    world, custody = held
    tree = rows_of([10] * 24)
    batch = custody_batch(world, custody, tree, now() + 7 * 86_400).decide(world)
    world.change([threshold(3)])
    with reverts(MISSED):
        execute(world, batch, tree, 0)
    world.change([threshold(2)])
    execute(world, batch, tree, 0)


def test_execute_takes_batches_of_custody_and_their_rows_alone(held: Held) -> None:
    world, custody = held
    tree = rows_of([10] * 24)
    batch = custody_batch(world, custody, tree, now() + 60).decide(world)
    with reverts("ledger: unknown batch"):
        execute(world, OTHER, tree, 0)
    with reverts("merkle: wrong proof"):
        execute(world, batch, tree, 1)
    world.freeze(TREE, False, [bank_supervisor, agency_one_supervisor])
    payout = world.disbursement()
    own = world.reserve(payout, tree)
    world.approve(payout, own)
    with reverts(MISSED):
        execute(world, own, tree, 0)


# redirect


@pytest.fixture
def drawing(world: World) -> tuple[World, Contract, bytes, RowTree, bytes]:
    """An agreement's batch of 24 rows of 10, eight of them executed; the account frozen, 50 in custody."""
    world.fund(1_000)
    payout, tree = world.disbursement(), rows_of([10] * 24)
    batch = world.reserve(payout, tree)
    world.approve(payout, batch)
    chunk = tree.chunks(8)[0]
    payout.execute(batch, chunk.rows, chunk.proof, False)
    world.freeze(TREE, True, [bank_supervisor])
    return world, payout, batch, tree, carving([(300, 350)]).decide(world)


Drawing = tuple[World, Contract, bytes, RowTree, bytes]


def test_what_a_redirected_batch_gives_back_goes_to_custody(drawing: Drawing) -> None:
    world, _, batch, tree, custody = drawing
    redirecting(batch, custody).decide(world)
    assert names(world) == ["Decided", "BatchRedirected"]
    assert (world.supervision.events[1].batch, world.supervision.events[1].source) == (batch, custody)
    world.give_back(batch, tree, 3)
    assert world.ledger.line(custody) == (60, 0)
    boa.env.timestamp += 8 * 86_400
    world.ledger.release(batch, sender=attacker)
    assert world.ledger.line(custody) == (220, 0)
    assert world.ledger.account_balance(TREE, WAGES) == 710


def test_redirect_refusals(drawing: Drawing) -> None:
    world, _, batch, _, custody = drawing
    lot = freezing_lot(world, suspense(world, OTHER)).decide(world, [bank_supervisor])
    world.fund(10, dye_class=MATERIALS)
    materials = carving([(0, 10)], dye_class=MATERIALS).decide(world)
    for line in (lot, materials, OTHER, SOURCE):
        with reverts(ANOTHER_LINE):
            redirecting(batch, line).decide(world)
    with reverts("ledger: unknown batch"):
        redirecting(OTHER, custody).decide(world)
    redirecting(batch, custody).decide(world)
    with reverts(ANOTHER_LINE):
        redirecting(batch, custody).decide(world)


def test_custody_of_custody_takes_a_redirected_batch_too(drawing: Drawing) -> None:
    world, _, batch, _, custody = drawing
    inner = carving_custody(custody, [(0, 10)]).decide(world)
    redirecting(batch, inner).decide(world)
    assert world.ledger.batch(batch).source == inner


def test_a_batch_of_custody_is_not_redirected(drawing: Drawing) -> None:
    """What it gives back stays in the custody it drew on."""
    world, _, _, _, custody = drawing
    second = carving_custody(custody, [(0, 10)]).decide(world)
    batch = custody_batch(world, custody, rows_of([10]), now() + 60).decide(world)
    with reverts(ANOTHER_LINE):
        redirecting(batch, second).decide(world)


def test_custody_of_another_accounts_line(drawing: Drawing) -> None:
    world, _, batch, _, _ = drawing
    world.open(PROJECT)
    world.fund(10, account=PROJECT)
    world.freeze(PROJECT, True, [bank_supervisor])
    custody = carving([(0, 10)], account=PROJECT).decide(world)
    with reverts(ANOTHER_LINE):
        redirecting(batch, custody).decide(world)


@pytest.mark.parametrize("by", TOO_FEW)
def test_the_quorum_must_redirect(drawing: Drawing, by: tuple[Any, ...]) -> None:
    world, _, batch, _, custody = drawing
    with reverts(MISSED):
        redirecting(batch, custody).decide(world, by)


# release


def test_the_quorum_ends_a_batch_of_an_agreement(drawing: Drawing) -> None:
    world, _, batch, tree, _ = drawing
    assert releasing(batch).decide(world) == 160
    assert names(world) == ["Decided", "Moved", "Released"]
    assert maps(world) == [(RELEASE, batch, SOURCE, 80, 1_710, 160, tree.root)]
    released = world.supervision.events[-1]
    assert (released.batch, released.end_row, released.amount) == (batch, 8, 160)
    with reverts("ledger: batch has ended"):
        releasing(batch).decide(world)
    assert world.ledger.account_balance(TREE, WAGES) == 870


def test_a_released_custody_batch_goes_back_to_custody(held: Held) -> None:
    world, custody = held
    tree = rows_of([10] * 24)
    batch = custody_batch(world, custody, tree, now() + 60).decide(world)
    with reverts("ledger: not the batch's agreement"):
        world.ledger.release(batch, sender=attacker)
    execute(world, batch, tree, 0)
    assert releasing(batch).decide(world) == 160
    assert maps(world) == [(RELEASE, batch, custody, 80, 240, 160, tree.root)]
    with reverts("ledger: batch has ended"):
        execute(world, batch, tree, 1)


def test_release_goes_on_while_paused(drawing: Drawing) -> None:
    world, _, batch, _, _ = drawing
    world.pause(True, [bank_supervisor])
    assert releasing(batch).decide(world) == 160


@pytest.mark.parametrize("by", TOO_FEW)
def test_the_quorum_must_release(drawing: Drawing, by: tuple[Any, ...]) -> None:
    world, _, batch, _, _ = drawing
    with reverts(MISSED):
        releasing(batch).decide(world, by)
    with reverts("ledger: unknown batch"):
        releasing(OTHER).decide(world, by)


def test_a_release_is_for_one_batch(held: Held) -> None:
    world, custody = held
    first = custody_batch(world, custody, rows_of([10]), now() + 60).decide(world)
    second = custody_batch(world, custody, rows_of([11]), now() + 60).decide(world)
    given = releasing(first).signed(world)
    with reverts(MISSED, NOT_RISING):
        releasing(second).hand_in(world, given)
    assert world.ledger.batch(second).end == 1
    assert world.ledger.account_balance(TREE, ZERO) == 0
