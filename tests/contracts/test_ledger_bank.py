"""Ledger, what the bank does: open_tree, mint, return_row, settle."""

import pytest
from eth_hash.auto import keccak

from contracts.ids import account_line, lot_line
from tests.contracts.chain import deploy, reverts
from tests.contracts.world import (
    BANK,
    ENTERPRISE,
    LINE,
    MATERIALS,
    NOBODY,
    PROJECT,
    QUORUM,
    TREE,
    WAGES,
    ZERO,
    BareLedger,
    World,
    actor,
    attacker,
    bank_bridge,
    bank_supervisor,
    first_teller,
    operator,
    rows_of,
)

OTHER = b"\7" * 32
CREDIT = keccak(b"credit")
NO_ROLE = "ledger: sender lacks the role"
STRANGERS = (attacker, operator, bank_supervisor, first_teller)


def test_a_ledger_needs_its_directory_and_factory(world: World) -> None:
    for addresses in ((NOBODY, attacker.address), (attacker.address, NOBODY)):
        with reverts("ledger: zero address"):
            deploy("Ledger", ["address", "address"], *addresses)


def test_open_tree(world: World) -> None:
    ledger = world.ledger
    ledger.open_tree(OTHER, BANK, QUORUM, b"EUR", ENTERPRISE, sender=bank_bridge)
    opened, account = ledger.events
    assert (opened.tree, opened.bank, opened.quorum, opened.currency) == (OTHER, BANK, QUORUM, b"EUR")
    assert (account.account, account.parent, account.tree) == (OTHER, ZERO, OTHER)
    assert account.controller == ENTERPRISE
    held = ledger.tree(OTHER)
    assert (held.minted, held.settled, held.returned_late, held.written_off) == (0, 0, 0, 0)
    assert ledger.account(OTHER).tree == OTHER


@pytest.mark.parametrize(
    ("arguments", "reason"),
    [
        ((ZERO, BANK, QUORUM, b"CNY", ENTERPRISE), "zero id"),
        ((TREE, BANK, QUORUM, b"CNY", ENTERPRISE), "tree exists"),
        ((OTHER, BANK, ZERO, b"CNY", ENTERPRISE), "unknown quorum"),
        ((OTHER, BANK, QUORUM, b"\0\0\0", ENTERPRISE), "zero currency"),
        ((OTHER, BANK, QUORUM, b"CNY", OTHER), "unknown institution"),
        ((OTHER, ENTERPRISE, QUORUM, b"CNY", ENTERPRISE), "sender lacks the role"),
    ],
)
def test_open_tree_refusals(world: World, arguments: tuple[bytes, ...], reason: str) -> None:
    with reverts(f"ledger: {reason}"):
        world.ledger.open_tree(*arguments, sender=bank_bridge)


def test_open_tree_under_an_account_that_exists(world: World) -> None:
    world.open(PROJECT)
    with reverts("ledger: account exists"):
        world.ledger.open_tree(PROJECT, BANK, QUORUM, b"CNY", ENTERPRISE, sender=bank_bridge)


@pytest.mark.parametrize("who", STRANGERS)
def test_the_bank_alone_opens_mints_and_settles(world: World, who: object) -> None:
    ledger = world.ledger
    with reverts(NO_ROLE):
        ledger.open_tree(OTHER, BANK, QUORUM, b"CNY", ENTERPRISE, sender=who)
    with reverts(NO_ROLE):
        ledger.mint(CREDIT, TREE, TREE, WAGES, 1, ZERO, sender=who)


def test_mint_to_an_account(world: World) -> None:
    ledger = world.ledger
    ledger.mint(CREDIT, TREE, TREE, WAGES, 70, OTHER, sender=bank_bridge)
    minted, moved = ledger.events
    assert (minted.lot, minted.tree, minted.reference) == (lot_line(CREDIT), TREE, CREDIT)
    assert (minted.amount, minted.info) == (70, OTHER)
    assert (moved.kind, moved.source, moved.destination) == (1, lot_line(CREDIT), account_line(TREE, WAGES))
    assert (moved.source_start, moved.destination_start, moved.amount) == (0, 0, 70)
    assert moved.info == WAGES
    assert ledger.lot_tree(CREDIT) == TREE
    assert ledger.is_reference_used(CREDIT)
    assert ledger.tree(TREE).minted == 70


def test_mint_to_suspense(world: World) -> None:
    world.ledger.mint(CREDIT, TREE, ZERO, ZERO, 70, ZERO, sender=bank_bridge)
    assert [event.name for event in world.ledger.events] == ["Minted"]
    assert world.ledger.line(lot_line(CREDIT)) == (70, 0)


@pytest.mark.parametrize(
    ("arguments", "reason"),
    [
        ((CREDIT, OTHER, TREE, WAGES, 1, ZERO), NO_ROLE),
        ((ZERO, TREE, TREE, WAGES, 1, ZERO), "ledger: zero reference"),
        ((CREDIT, TREE, TREE, WAGES, 0, ZERO), "lines: zero amount"),
        ((CREDIT, TREE, TREE, WAGES, 2**62 + 1, ZERO), "lines: line is full"),
        ((CREDIT, TREE, TREE, WAGES, 2**256 - 1, ZERO), "lines: line is full"),
        ((CREDIT, TREE, OTHER, WAGES, 1, ZERO), "ledger: unknown account"),
    ],
)
def test_mint_refusals(world: World, arguments: tuple[object, ...], reason: str) -> None:
    with reverts(reason):
        world.ledger.mint(*arguments, sender=bank_bridge)


def test_mint_once_a_reference(world: World) -> None:
    world.fund(5, reference=CREDIT)
    with reverts("ledger: reference used"):
        world.fund(5, reference=CREDIT)


def test_mint_into_another_tree(world: World) -> None:
    world.ledger.open_tree(OTHER, BANK, QUORUM, b"CNY", ENTERPRISE, sender=bank_bridge)
    with reverts("ledger: another tree"):
        world.fund(5, account=OTHER)


def test_a_line_takes_no_more_than_2_to_the_62(world: World) -> None:
    world.fund(2**62)
    with reverts("lines: line is full"):
        world.fund(1)
    world.fund(1, dye_class=MATERIALS)


def test_mint_is_paused(world: World) -> None:
    world.pause(True, [bank_supervisor])
    with reverts("ledger: paused"):
        world.fund(5)


def test_a_suspended_bridge_mints_nothing(world: World) -> None:
    world.suspend(bank_bridge)
    with reverts(NO_ROLE):
        world.fund(5)


def test_return_row_gives_the_rows_own_serials_back(bare_ledger: BareLedger) -> None:
    ledger, tree = bare_ledger.ledger, rows_of([10 * (i + 1) for i in range(20)])
    bare_ledger.fund(5_000)
    batch = bare_ledger.reserve(tree)
    bare_ledger.execute(batch, tree.chunks(256)[0])
    bare_ledger.give_back(batch, tree, 9)
    moved, returned = ledger.events
    assert (moved.kind, moved.source, moved.destination) == (6, batch, account_line(TREE, WAGES))
    assert (moved.source_start, moved.destination_start, moved.amount) == (tree.offsets[9], 5_000, 100)
    assert (returned.batch, returned.row, returned.amount) == (batch, 9, 100)
    assert (returned.late, returned.reference) == (False, ZERO)
    held = ledger.batch(batch)
    assert (held.rows_returned, held.rows_returned_late, held.amount_gone) == (1, 0, 100)
    with reverts("ledger: row is gone already"):
        bare_ledger.give_back(batch, tree, 9)
    with reverts("ledger: row is gone already"):
        bare_ledger.give_back(batch, tree, 9, reference=CREDIT)


def test_return_row_by_a_credit_uses_its_reference(bare_ledger: BareLedger) -> None:
    ledger, tree = bare_ledger.ledger, rows_of([10] * 3)
    bare_ledger.fund(30)
    batch = bare_ledger.reserve(tree)
    bare_ledger.execute(batch, tree.chunks(256)[0])
    bare_ledger.give_back(batch, tree, 0, reference=CREDIT)
    assert ledger.is_reference_used(CREDIT)
    with reverts("ledger: reference used"):
        bare_ledger.give_back(batch, tree, 1, reference=CREDIT)
    with reverts("ledger: reference used"):
        ledger.mint(CREDIT, TREE, TREE, WAGES, 10, ZERO, sender=bank_bridge)


def test_return_row_only_before_the_cursor(bare_ledger: BareLedger) -> None:
    tree = rows_of([10] * 20)
    bare_ledger.fund(200)
    batch = bare_ledger.reserve(tree)
    with reverts("ledger: row not executed"):
        bare_ledger.give_back(batch, tree, 0)
    bare_ledger.execute(batch, tree.chunks(8)[0])
    bare_ledger.give_back(batch, tree, 7)
    with reverts("ledger: row not executed"):
        bare_ledger.give_back(batch, tree, 8)


def test_return_row_by_the_bank_alone(bare_ledger: BareLedger) -> None:
    tree = rows_of([10] * 2)
    bare_ledger.fund(20)
    batch = bare_ledger.reserve(tree)
    bare_ledger.execute(batch, tree.chunks(8)[0])
    leaf = tree.leaf_proof(0)
    for who in STRANGERS:
        with reverts(NO_ROLE):
            bare_ledger.ledger.return_row(batch, 0, leaf.start, leaf.rows, leaf.proof, ZERO, ZERO, sender=who)
    with reverts("ledger: unknown batch"):
        bare_ledger.give_back(OTHER, tree, 0)


def test_settle_then_return_late(bare_ledger: BareLedger) -> None:
    ledger, tree = bare_ledger.ledger, rows_of([10] * 10)
    bare_ledger.fund(100)
    batch = bare_ledger.reserve(tree)
    bare_ledger.execute(batch, tree.chunks(256)[0], refused=0b11)
    bare_ledger.give_back(batch, tree, 2)
    ledger.settle(batch, sender=bank_bridge)
    (event,) = ledger.events
    assert (event.name, event.batch, event.amount) == ("Settled", batch, 70)
    assert ledger.tree(TREE).settled == 70
    assert ledger.batch(batch).settled
    with reverts("ledger: batch is settled"):
        ledger.settle(batch, sender=bank_bridge)
    with reverts("ledger: a settled row returns only by a credit"):
        bare_ledger.give_back(batch, tree, 3)
    bare_ledger.give_back(batch, tree, 3, reference=CREDIT)
    _, returned = ledger.events
    assert returned.late
    held = ledger.batch(batch)
    assert (held.rows_skipped, held.rows_returned, held.rows_returned_late) == (2, 1, 1)
    assert held.amount_gone == 30
    assert ledger.tree(TREE).returned_late == 10


def test_settle_needs_an_ended_batch_and_the_bank(bare_ledger: BareLedger) -> None:
    ledger, tree = bare_ledger.ledger, rows_of([10] * 16)
    bare_ledger.fund(160)
    batch = bare_ledger.reserve(tree)
    bare_ledger.execute(batch, tree.chunks(8)[0])
    with reverts("ledger: batch has not ended"):
        ledger.settle(batch, sender=bank_bridge)
    for who in STRANGERS:
        with reverts(NO_ROLE):
            ledger.settle(batch, sender=who)
    with reverts("ledger: unknown batch"):
        ledger.settle(OTHER, sender=bank_bridge)


def test_settle_after_a_release_counts_what_was_executed(bare_ledger: BareLedger) -> None:
    ledger, tree = bare_ledger.ledger, rows_of([10] * 16)
    bare_ledger.fund(160)
    batch = bare_ledger.reserve(tree)
    bare_ledger.execute(batch, tree.chunks(8)[0])
    ledger.release(batch, sender=actor("agreement"))
    ledger.settle(batch, sender=bank_bridge)
    assert ledger.tree(TREE).settled == 80


def test_nothing_executed_is_nothing_to_settle(bare_ledger: BareLedger) -> None:
    ledger, tree = bare_ledger.ledger, rows_of([10] * 16)
    bare_ledger.fund(160)
    batch = bare_ledger.reserve(tree)
    ledger.release(batch, sender=actor("agreement"))
    with reverts("ledger: batch has not ended"):
        ledger.settle(batch, sender=bank_bridge)


def test_answers_of_the_bank_are_taken_while_paused_and_frozen(world: World) -> None:
    world.open(LINE)
    world.fund(1_000)
    payout = world.disbursement()
    tree = rows_of([10] * 4)
    batch = world.reserve(payout, tree)
    world.approve(payout, batch)
    world.execute(payout, batch, tree)
    world.freeze(TREE, True, [bank_supervisor])
    world.pause(True, [bank_supervisor])
    world.give_back(batch, tree, 0)
    world.ledger.settle(batch, sender=bank_bridge)
    world.give_back(batch, tree, 1, reference=CREDIT)
    assert world.ledger.tree(TREE).settled == 30
