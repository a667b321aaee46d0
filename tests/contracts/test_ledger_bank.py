"""Ledger, what the bank does: mint, mint_many, settle, void_reference."""

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
    supervision_account,
)

OTHER = b"\7" * 32
CREDIT = keccak(b"credit")
NO_ROLE = "accounts: sender lacks the role"
STRANGERS = (attacker, operator, bank_supervisor, first_teller)


def test_a_ledger_needs_its_accounts_and_supervision(world: World) -> None:
    for addresses in ((NOBODY, attacker.address), (attacker.address, NOBODY)):
        with reverts("ledger: zero address"):
            deploy("Ledger", ["address", "address"], *addresses)


@pytest.mark.parametrize("who", STRANGERS)
def test_the_bank_alone_mints_and_voids(world: World, who: object) -> None:
    ledger = world.ledger
    with reverts(NO_ROLE):
        ledger.mint(CREDIT, TREE, TREE, WAGES, 1, ZERO, sender=who)
    with reverts(NO_ROLE):
        ledger.mint_many(TREE, [(CREDIT, TREE, WAGES, 1, ZERO)], sender=who)
    with reverts(NO_ROLE):
        ledger.void_reference(CREDIT, TREE, sender=who)


def test_mint_to_an_account(world: World) -> None:
    ledger = world.ledger
    ledger.mint(CREDIT, TREE, TREE, WAGES, 70, OTHER, sender=bank_bridge)
    minted, moved = ledger.events
    assert (minted.lot, minted.tree, minted.reference) == (lot_line(CREDIT), TREE, CREDIT)
    assert (minted.amount, minted.info) == (70, OTHER)
    assert (moved.kind, moved.source, moved.destination) == (1, lot_line(CREDIT), account_line(TREE, WAGES))
    assert (moved.source_start, moved.destination_start, moved.amount) == (0, 0, 70)
    assert moved.info == WAGES
    assert ledger.lot(CREDIT) == (TREE, lot_line(CREDIT))
    assert ledger.is_reference_used(CREDIT)
    assert (ledger.tree(TREE).minted, ledger.tree(TREE).held) == (70, 70)


def test_mint_to_suspense(world: World) -> None:
    world.ledger.mint(CREDIT, TREE, ZERO, ZERO, 70, ZERO, sender=bank_bridge)
    assert [event.name for event in world.ledger.events] == ["Minted"]
    assert world.ledger.line(lot_line(CREDIT)) == (70, 0)


@pytest.mark.parametrize(
    ("arguments", "reason"),
    [
        ((CREDIT, OTHER, TREE, WAGES, 1, ZERO), "accounts: unknown tree"),
        ((ZERO, TREE, TREE, WAGES, 1, ZERO), "ledger: zero reference"),
        ((CREDIT, TREE, TREE, WAGES, 0, ZERO), "lines: zero amount"),
        ((CREDIT, TREE, TREE, WAGES, 2**62 + 1, ZERO), "lines: line is full"),
        ((CREDIT, TREE, TREE, WAGES, 2**256 - 1, ZERO), "lines: line is full"),
        ((CREDIT, TREE, OTHER, WAGES, 1, ZERO), "accounts: unknown account"),
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
    world.accounts.open_tree(OTHER, BANK, QUORUM, b"CNY", ENTERPRISE, sender=bank_bridge)
    with reverts("ledger: another tree"):
        world.fund(5, account=OTHER)


def test_a_line_takes_no_more_than_2_to_the_62(bare_ledger: BareLedger) -> None:
    ledger = bare_ledger.ledger
    ledger.set_attested(TREE, 2**63, sender=supervision_account)
    bare_ledger.fund(2**62)
    with reverts("lines: line is full"):
        bare_ledger.fund(1)
    ledger.mint(CREDIT, TREE, TREE, MATERIALS, 1, ZERO, sender=bank_bridge)


def test_mint_is_paused(world: World) -> None:
    world.pause(True, [bank_supervisor])
    with reverts("accounts: paused"):
        world.fund(5)


def test_a_suspended_bridge_mints_nothing(world: World) -> None:
    world.suspend(bank_bridge)
    with reverts(NO_ROLE):
        world.fund(5)


def test_mint_up_to_what_is_attested(world: World) -> None:
    world.attest(500, booked=200, debits=100)
    world.fund(600)
    with reverts("ledger: more than is attested"):
        world.fund(1)
    world.attest(500, booked=201, debits=100)
    world.fund(1)
    assert world.ledger.tree(TREE).brought == 601
    with reverts("ledger: more than is attested"):
        world.fund(1)


def test_money_on_its_way_out_makes_no_room(bare_ledger: BareLedger) -> None:
    """A minter would else replace a payroll by money of its own, before the bank books the payroll."""
    bare_ledger.ledger.set_attested(TREE, 100, sender=supervision_account)
    bare_ledger.fund(100)
    tree = rows_of([60])
    batch = bare_ledger.reserve(tree)
    bare_ledger.execute(batch, tree.chunks(8)[0])
    assert bare_ledger.ledger.tree(TREE).held == 40
    with reverts("ledger: more than is attested"):
        bare_ledger.fund(1)
    bare_ledger.ledger.settle(batch, sender=bank_bridge)
    with reverts("ledger: more than is attested"):
        bare_ledger.fund(1)


def test_a_reversal_makes_no_room(bare_ledger: BareLedger) -> None:
    """Who says that the bank took a credit back cannot mint another in its place."""
    ledger = bare_ledger.ledger
    ledger.set_attested(TREE, 100, sender=supervision_account)
    bare_ledger.fund(100)
    ledger.add_shortfall(TREE, 30, ZERO, sender=supervision_account)
    with reverts("ledger: more than is attested"):
        bare_ledger.fund(1)
    ledger.shift(12, TREE, account_line(TREE, WAGES), ZERO, 30, ZERO, sender=supervision_account)
    assert (ledger.tree(TREE).shortfall, ledger.tree(TREE).held) == (0, 70)
    with reverts("ledger: more than is attested"):
        bare_ledger.fund(1)


def test_mint_many_is_all_or_nothing(world: World) -> None:
    ledger = world.ledger
    references = [keccak(b"one of many %d" % i) for i in range(64)]
    ledger.mint_many(TREE, [(one, TREE, WAGES, 5, ZERO) for one in references], sender=bank_bridge)
    assert [event.name for event in ledger.events] == ["Minted", "Moved"] * 64
    assert ledger.line(account_line(TREE, WAGES)) == (320, 0)
    fresh = keccak(b"fresh")
    for last, reason in (
        ((references[3], TREE, WAGES, 5, ZERO), "ledger: reference used"),
        ((fresh, TREE, WAGES, 5, ZERO), "ledger: reference used"),
        ((keccak(b"zero"), TREE, WAGES, 0, ZERO), "lines: zero amount"),
        ((keccak(b"whose"), OTHER, WAGES, 5, ZERO), "accounts: unknown account"),
    ):
        with reverts(reason):
            ledger.mint_many(TREE, [(fresh, ZERO, ZERO, 5, ZERO), last], sender=bank_bridge)
        assert not ledger.is_reference_used(fresh)
    ledger.mint_many(TREE, [], sender=bank_bridge)
    assert ledger.tree(TREE).minted == 320


def test_mint_many_up_to_what_is_attested(world: World) -> None:
    world.attest(10)
    credits_ = [(CREDIT, ZERO, ZERO, 5, ZERO), (OTHER, ZERO, ZERO, 5, ZERO)]
    with reverts("ledger: more than is attested"):
        more = [*credits_, (keccak(b"more"), ZERO, ZERO, 1, ZERO)]
        world.ledger.mint_many(TREE, more, sender=bank_bridge)
    world.ledger.mint_many(TREE, credits_, sender=bank_bridge)
    assert world.ledger.tree(TREE).brought == 10


def test_a_voided_reference_is_used_up(world: World) -> None:
    ledger = world.ledger
    ledger.void_reference(CREDIT, TREE, sender=bank_bridge)
    (event,) = ledger.events
    assert (event.name, event.reference, event.tree) == ("ReferenceVoided", CREDIT, TREE)
    assert ledger.is_reference_used(CREDIT)
    with reverts("ledger: reference used"):
        ledger.void_reference(CREDIT, TREE, sender=bank_bridge)
    with reverts("ledger: reference used"):
        world.fund(1, reference=CREDIT)
    with reverts("ledger: zero reference"):
        ledger.void_reference(ZERO, TREE, sender=bank_bridge)
    with reverts("accounts: unknown account"):
        ledger.void_reference(OTHER, OTHER, sender=bank_bridge)


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
