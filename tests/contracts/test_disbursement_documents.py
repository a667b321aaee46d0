"""Documents: who registers them, what a batch takes of one, whom it pays, what it gives back."""

from dataclasses import replace

import boa
import pytest
from eth_hash.auto import keccak

from contracts.terms import Guard, Kind, Role
from tests.contracts.chain import Contract, reverts
from tests.contracts.disbursements import (
    ALWAYS,
    DAY,
    INVOICE,
    OTHER,
    adopt,
    cancel,
    counter,
    disburse,
    execute,
    future_batch,
    refused,
    refused_reservation,
    register_document,
    rotate,
    waive,
)
from tests.contracts.world import (
    AUDITOR,
    BANK,
    ENTERPRISE,
    TREE,
    WAGES,
    ZERO,
    World,
    actor,
    agency_one_governor,
    attacker,
    bank_bridge,
    bank_governor,
    newcomer,
    now,
    operator,
    rows_of,
    signed,
    signer,
    witness,
)

PAPER = keccak(b"invoice 1")
DOCUMENT = Guard(1, Kind.DOCUMENT, subject=INVOICE, party=AUDITOR)
TERMS = (ALWAYS, DOCUMENT)
another_witness = actor("another witness")


@pytest.fixture
def payout(world: World) -> Contract:
    """An agreement that pays invoices, and one invoice of a thousand for payee 3."""
    payout = disburse(world, TERMS)
    register_document(payout, PAPER, 3, 1_000)
    return payout


def used(world: World, document: bytes = PAPER) -> int:
    held: int = world.registry.document(document).used
    return held


def test_register_document(world: World) -> None:
    payout = disburse(world, TERMS)
    register_document(payout, PAPER, 3, 1_000, holder=ENTERPRISE)
    acted, event = payout.events
    assert (acted.name, acted.operator) == ("OperatorActed", witness.address)
    assert (event.name, event.document, event.agreement) == ("DocumentRegistered", PAPER, payout.address)
    held = world.registry.document(PAPER)
    assert (held.agreement, held.kind, held.holder) == (payout.address, INVOICE, ENTERPRISE)
    assert (held.payee, held.amount, held.used) == (3, 1_000, 0)


def test_register_document_refusals(world: World, payout: Contract) -> None:
    bank_witness = actor("bank witness")
    world.change([signer(bank_witness, BANK, Role.WITNESS)])
    for who in (operator, attacker):
        with reverts("clauses: signer lacks the role"):
            register_document(payout, OTHER, 3, 1_000, by=who)
    with reverts("clauses: not asked of this institution"):
        register_document(payout, OTHER, 3, 1_000, by=bank_witness)
    with reverts("clauses: not asked of this institution"):
        register_document(payout, OTHER, 3, 1_000, kind=OTHER)
    with reverts("registry: document exists"):
        register_document(payout, PAPER, 3, 1_001)
    values = {"document": OTHER, "kind": INVOICE, "holder": AUDITOR, "payee": 3, "amount": 5}
    given = signed(witness, "Document", payout, **values)
    with reverts("clauses: signer lacks the role"):
        payout.register_document(OTHER, INVOICE, AUDITOR, 3, 6, given)


def test_a_document_is_confirmed_in_the_same_words_only(world: World, payout: Contract) -> None:
    world.change([signer(another_witness, AUDITOR, Role.WITNESS)])
    adopt(world, payout, [*TERMS, Guard(1, Kind.DOCUMENT, subject=OTHER, party=AUDITOR)])
    for more in ({"payee": 4}, {"amount": 1_001}, {"holder": ENTERPRISE}, {"kind": OTHER}):
        with reverts("registry: document exists"):
            register_document(payout, PAPER, **{"payee": 3, "amount": 1_000, **more}, by=another_witness)
    world.reserve(payout, rows_of([10], [3]), document=PAPER)
    register_document(payout, PAPER, 3, 1_000, by=another_witness)
    assert [event.name for event in payout.events] == ["OperatorActed"]
    assert used(world) == 10


def test_a_document_stands_as_long_as_its_registrar(world: World, payout: Contract) -> None:
    """Suspended, also if added again, its word counts no more; it or another witness may give it anew."""
    rows = rows_of([10] * 16, [3] * 16)
    batch = world.reserve(payout, rows, now() + 30 * DAY, document=PAPER)
    execute(payout, batch, rows)
    world.suspend(witness, [bank_governor, agency_one_governor])
    fallen = (1, 1, "document-missing", 0, 0)
    for added in (signer(another_witness, AUDITOR, Role.WITNESS), signer(witness, AUDITOR, Role.WITNESS)):
        world.change([added])
        assert refused_reservation(world, payout, rows_of([1], [3]), document=PAPER) == fallen
        assert refused(world, payout, batch, rows, 8) == fallen
    boa.env.timestamp = world.directory.signer(witness.address).since
    register_document(payout, PAPER, 3, 1_000)
    world.reserve(payout, rows_of([2], [3]), document=PAPER)
    world.suspend(witness, [bank_governor, agency_one_governor])
    assert refused(world, payout, batch, rows, 8) == fallen
    register_document(payout, PAPER, 3, 1_000, by=another_witness)
    execute(payout, batch, rows, 1)
    world.reserve(payout, rows_of([1], [3]), document=PAPER)


def test_a_refusal_of_a_document_that_fell_tells_no_limit(world: World) -> None:
    """Whatever operands its guard has that say nothing."""
    payout = disburse(world, [ALWAYS, Guard(1, Kind.DOCUMENT, 7, subject=INVOICE, party=AUDITOR)])
    register_document(payout, PAPER, 3, 1_000)
    batch = world.reserve(payout, rows := rows_of([10], [3]), document=PAPER)
    world.suspend(witness, [bank_governor, agency_one_governor])
    assert refused(world, payout, batch, rows) == (1, 1, "document-missing", 0, 0)


def test_a_document_stands_by_the_key_that_follows(world: World) -> None:
    world.change([signer(another_witness, BANK, Role.WITNESS)])
    payout = disburse(world, [ALWAYS, replace(DOCUMENT, party=BANK)])
    register_document(payout, PAPER, 3, 1_000, by=another_witness)
    rotate(world, another_witness, newcomer)
    rows = rows_of([10], [3])
    world.execute(payout, world.reserve(payout, rows, document=PAPER), rows)


def test_terms_that_ask_for_another_institution_take_no_document_of_the_last(
    world: World, payout: Contract
) -> None:
    adopt(world, payout, [ALWAYS, replace(DOCUMENT, party=BANK)])
    held = refused_reservation(world, payout, rows_of([1], [3]), document=PAPER)
    assert held == (1, 1, "document-missing", 0, 0)


def test_a_document_counts_once_in_the_network(world: World, payout: Contract) -> None:
    twin = disburse(world, TERMS)
    with reverts("registry: document exists"):
        register_document(twin, PAPER, 3, 1_000)
    tree = rows_of([10], [3])
    held = refused_reservation(world, twin, tree, document=PAPER)
    assert held == (1, 1, "document-missing", 0, 0)


def test_a_batch_takes_of_its_document(world: World, payout: Contract) -> None:
    tree = rows_of([400, 300], [3, 3])
    batch = world.reserve(payout, tree, document=PAPER)
    assert used(world) == 700
    assert payout.document_of(batch) == PAPER
    more = rows_of([301], [3])
    held = refused_reservation(world, payout, more, document=PAPER)
    assert held == (1, 1, "document-amount", 1_000, 1_001)
    world.execute(payout, batch, tree)
    world.reserve(payout, rows_of([300], [3]), document=PAPER)
    assert used(world) == 1_000


@pytest.mark.parametrize("document", [ZERO, OTHER])
def test_a_batch_without_a_document(world: World, payout: Contract, document: bytes) -> None:
    held = refused_reservation(world, payout, rows_of([1], [3]), document=document)
    assert held == (1, 1, "document-missing", 0, 0)


def test_a_document_of_another_kind(world: World) -> None:
    order = Guard(2, Kind.DOCUMENT, subject=OTHER, party=AUDITOR)
    payout = disburse(world, [*TERMS, Guard(1, Kind.DOCUMENT, subject=OTHER, party=AUDITOR)])
    register_document(payout, PAPER, 3, 1_000, kind=OTHER)
    world.reserve(payout, rows_of([1], [3]), document=PAPER)
    with reverts("guards: counter of two clauses"):
        world.disbursement([*TERMS, Guard(1, Kind.DOCUMENT, subject=OTHER, party=AUDITOR), order])
    adopt(world, payout, TERMS)
    held = refused_reservation(world, payout, rows_of([2], [3]), document=PAPER)
    assert held == (1, 1, "document-missing", 0, 0)


def test_rows_pay_the_documents_payee(world: World, payout: Contract) -> None:
    tree = rows_of([10, 20, 30], [2, 3, 4])
    batch = world.reserve(payout, tree, document=PAPER)
    assert refused(world, payout, batch, tree) == (1, 1, "document-payee", 3, 2)
    execute(payout, batch, tree, skip=True)
    named = [event for event in payout.events if event.name == "RowRefused"]
    assert [(event.row, event.limit, event.observed) for event in named] == [(0, 3, 2), (2, 3, 4)]
    assert payout.restore(batch) == 40
    assert used(world) == 20


def test_a_document_of_a_payee_off_the_roster(world: World) -> None:
    payout = disburse(world, [*TERMS, Guard(2, Kind.ROSTER, 3)])
    register_document(payout, PAPER, 3, 1_000)
    tree = rows_of([10], [3])
    batch = world.reserve(payout, tree, document=PAPER)
    assert refused(world, payout, batch, tree) == (2, 2, "payee-not-on-roster", 3, 3)


def test_what_goes_back_is_left_of_the_document_again(world: World, payout: Contract) -> None:
    tree = rows_of([100] * 10, [3] * 10)
    batch = world.reserve(payout, tree, document=PAPER)
    execute(payout, batch, tree)
    world.give_back(batch, tree, 0, amount=30)
    assert (payout.restore(batch), used(world)) == (30, 970)
    cancel(payout, batch)
    assert used(world) == 770
    world.ledger.settle(batch, sender=bank_bridge)
    world.give_back(batch, tree, 1, reference=keccak(b"late"))
    assert (payout.restore(batch), used(world)) == (100, 670)


def test_petty_cash_or_a_document(world: World) -> None:
    """The first guard of the clause with room counts, and only it looks at the payees."""
    cash = Guard(1, Kind.WINDOW_CAP, 100, DAY, subject=counter("petty cash"))
    payout = disburse(world, [*TERMS, cash])
    register_document(payout, PAPER, 3, 1_000)
    tree = rows_of([60], [9])
    world.execute(payout, world.reserve(payout, tree), tree)
    assert payout.consumed(2, now()) == 60
    batch = world.reserve(payout, tree, now() + 99, document=PAPER)
    assert (used(world), payout.consumed(2, now())) == (60, 60)
    assert refused(world, payout, batch, tree) == (1, 1, "document-payee", 3, 9)
    held = refused_reservation(world, payout, rows_of([41], [9]))
    assert held == (1, 2, "window-cap", 100, 101)


def test_nobody_waives_a_document(world: World, payout: Contract) -> None:
    """What is left of an invoice would not say any more what was paid on it."""
    tree = rows_of([10], [9])
    deadline = now() + 2 * DAY
    waive(world, payout, future_batch(world, payout, tree, deadline), 1)
    assert refused_reservation(world, payout, tree)[:3] == (1, 1, "document-missing")
    assert used(world) == 0


def test_the_documents_line_is_the_agreements(world: World, payout: Contract) -> None:
    assert (payout.account(), payout.DYE_CLASS()) == (TREE, WAGES)
    assert (payout.REGISTRY(), payout.accounts()) == (world.registry.address, (TREE,))
