"""Ledger, what the bank does: return_rows, close_returns."""

import pytest
from eth_hash.auto import keccak

from contracts.ids import account_line, lot_line, remainder_lot, reversed_line
from contracts.rows import RowTree
from tests.contracts.chain import reverts
from tests.contracts.world import (
    ATTESTED,
    BANK,
    ENTERPRISE,
    MATERIALS,
    QUORUM,
    TREE,
    WAGES,
    ZERO,
    BareLedger,
    agreement_account,
    attacker,
    attester,
    bank_bridge,
    bank_supervisor,
    factory_account,
    first_teller,
    now,
    operator,
    returned,
    rows_of,
    supervision_account,
)

OTHER = b"\7" * 32
CREDIT = keccak(b"credit")
NO_ROLE = "accounts: sender lacks the role"
STRANGERS = (attacker, operator, bank_supervisor, first_teller, attester)


@pytest.fixture
def paid(bare_ledger: BareLedger) -> tuple[BareLedger, bytes, RowTree]:
    """A batch of twenty rows of 10, all executed."""
    bare_ledger.fund(1_000)
    tree = rows_of([10] * 20)
    batch = bare_ledger.reserve(tree)
    bare_ledger.execute(batch, tree.chunks(256)[0])
    return bare_ledger, batch, tree


Paid = tuple[BareLedger, bytes, RowTree]


def test_a_row_gets_its_own_serials_back(bare_ledger: BareLedger) -> None:
    ledger, tree = bare_ledger.ledger, rows_of([10 * (i + 1) for i in range(20)])
    bare_ledger.fund(5_000)
    batch = bare_ledger.reserve(tree)
    bare_ledger.execute(batch, tree.chunks(256)[0])
    bare_ledger.give_back(batch, tree, 9)
    moved, event = ledger.events
    assert (moved.kind, moved.source, moved.destination) == (6, batch, account_line(TREE, WAGES))
    assert (moved.source_start, moved.destination_start, moved.amount) == (tree.offsets[9], 5_000, 100)
    assert (event.batch, event.row, event.amount) == (batch, 9, 100)
    assert (event.late, event.reference) == (False, ZERO)
    held = ledger.batch(batch)
    assert (held.rows_returned, held.rows_returned_late, held.amount_gone) == (1, 0, 100)
    with reverts("ledger: row is gone already"):
        bare_ledger.give_back(batch, tree, 9)
    with reverts("ledger: row is gone already"):
        bare_ledger.give_back(batch, tree, 9, reference=CREDIT)


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
    *_, event = ledger.events
    assert event.late
    held = ledger.batch(batch)
    assert (held.rows_skipped, held.rows_returned, held.rows_returned_late) == (2, 1, 1)
    assert held.amount_gone == 40
    assert ledger.tree(TREE).returned_late == 10


def test_only_the_bank_gives_back(paid: Paid) -> None:
    held, batch, tree = paid
    for who in STRANGERS:
        with reverts(NO_ROLE):
            held.ledger.return_rows(ZERO, 0, [returned(batch, tree, 0)], sender=who)
        with reverts("ledger: no open return set", NO_ROLE):
            held.ledger.close_returns(CREDIT, ZERO, ZERO, ZERO, sender=who)
    with reverts("ledger: unknown batch"):
        held.give_back(OTHER, tree, 0)
    with reverts("ledger: no rows"):
        held.ledger.return_rows(ZERO, 0, [], sender=bank_bridge)


def test_a_row_comes_back_in_parts(paid: Paid) -> None:
    held, batch, tree = paid
    ledger = held.ledger
    held.give_back(batch, tree, 4, keccak(b"first"), 3)
    _, moved, event = ledger.events
    assert (moved.source_start, moved.amount, moved.destination_start) == (40, 3, 1_000)
    assert (event.amount, event.whole, event.late) == (3, False, False)
    assert (ledger.returned_part(batch, 4), ledger.gone(batch, 0)) == (3, 0)
    assert (ledger.batch(batch).rows_returned, ledger.batch(batch).amount_gone) == (0, 3)
    held.give_back(batch, tree, 4, keccak(b"second"), 5)
    with reverts("ledger: more than the row"):
        held.give_back(batch, tree, 4, keccak(b"third"), 3)
    held.give_back(batch, tree, 4, keccak(b"third"))
    _, moved, event = ledger.events
    assert (moved.source_start, moved.amount) == (48, 2)
    assert event.whole
    assert ledger.gone(batch, 0) == 1 << 4
    assert (ledger.batch(batch).rows_returned, ledger.batch(batch).amount_gone) == (1, 10)
    with reverts("ledger: row is gone already"):
        held.give_back(batch, tree, 4, keccak(b"fourth"), 1)
    assert ledger.tree(TREE).held == 810


def test_a_part_before_settling_and_the_rest_after(paid: Paid) -> None:
    held, batch, tree = paid
    held.give_back(batch, tree, 4, ZERO, 3)
    held.ledger.settle(batch, sender=bank_bridge)
    assert held.ledger.tree(TREE).settled == 197
    held.give_back(batch, tree, 4, CREDIT)
    totals, state = held.ledger.tree(TREE), held.ledger.batch(batch)
    assert (totals.returned_late, totals.held) == (7, 810)
    assert (state.rows_returned, state.rows_returned_late, state.amount_gone) == (0, 1, 10)


def test_one_credit_brings_several_rows_back_over_several_calls(paid: Paid) -> None:
    held, batch, tree = paid
    ledger = held.ledger
    ledger.return_rows(CREDIT, 35, [returned(batch, tree, row) for row in (0, 5)], sender=bank_bridge)
    opened = ledger.events[0]
    assert (opened.name, opened.reference, opened.tree, opened.amount) == ("ReturnOpened", CREDIT, TREE, 35)
    assert ledger.is_reference_used(CREDIT)
    for amount in (34, 36, 2**256 - 1):
        with reverts("ledger: opened with another amount"):
            ledger.return_rows(CREDIT, amount, [returned(batch, tree, 6)], sender=bank_bridge)
    ledger.return_rows(CREDIT, 0, [returned(batch, tree, 6)], sender=bank_bridge)
    with reverts("ledger: rows exceed the credit"):
        ledger.return_rows(CREDIT, 35, [returned(batch, tree, 7)], sender=bank_bridge)
    ledger.return_rows(CREDIT, 35, [returned(batch, tree, 7, 5)], sender=bank_bridge)
    known = ledger.return_set(CREDIT)
    assert (known.tree, known.opened, known.drawn, known.closed) == (TREE, 35, 35, False)
    with reverts("ledger: rows exceed the credit"):
        ledger.return_rows(CREDIT, 0, [returned(batch, tree, 7, 1)], sender=bank_bridge)


def test_several_rows_in_one_call_are_all_or_none(paid: Paid) -> None:
    held, batch, tree = paid
    with reverts("ledger: row is gone already"):
        rows = [returned(batch, tree, row) for row in (0, 1, 0)]
        held.ledger.return_rows(CREDIT, 30, rows, sender=bank_bridge)
    assert not held.ledger.is_reference_used(CREDIT)
    assert held.ledger.gone(batch, 0) == 0


def test_the_same_row_twice_in_one_call_in_parts(paid: Paid) -> None:
    held, batch, tree = paid
    rows = [returned(batch, tree, 3, 4), returned(batch, tree, 3, 4)]
    held.ledger.return_rows(CREDIT, 8, rows, sender=bank_bridge)
    assert held.ledger.returned_part(batch, 3) == 8
    with reverts("ledger: more than the row"):
        rows = [returned(batch, tree, 3, 1), returned(batch, tree, 3, 2)]
        held.ledger.return_rows(keccak(b"more"), 3, rows, sender=bank_bridge)


def test_a_reference_that_did_something_else_brings_nothing_back(paid: Paid) -> None:
    held, batch, tree = paid
    held.ledger.void_reference(CREDIT, TREE, sender=bank_bridge)
    with reverts("ledger: reference used"):
        held.give_back(batch, tree, 0, CREDIT)
    held.give_back(batch, tree, 0, keccak(b"return"))
    with reverts("ledger: reference used"):
        held.ledger.mint(keccak(b"return"), TREE, TREE, WAGES, 10, ZERO, sender=bank_bridge)
    with reverts("ledger: reference used"):
        held.ledger.void_reference(keccak(b"return"), TREE, sender=bank_bridge)
    with reverts("ledger: reference used"):
        held.ledger.write_off(TREE, WAGES, 1, keccak(b"return"), sender=supervision_account)


def test_zero_opens_nothing(paid: Paid) -> None:
    held, batch, tree = paid
    with reverts("lines: zero amount"):
        held.ledger.return_rows(CREDIT, 0, [returned(batch, tree, 0)], sender=bank_bridge)


def test_no_more_is_opened_than_is_attested(paid: Paid) -> None:
    held, batch, tree = paid
    rows = [returned(batch, tree, 0, 1)]
    for opened in (2**64, 2**256 - 1):
        with reverts("ledger: total is full"):
            held.ledger.return_rows(CREDIT, opened, rows, sender=bank_bridge)
    for opened in (ATTESTED - 1_000 + 1, 2**64 - 1):
        with reverts("ledger: more than is attested"):
            held.ledger.return_rows(CREDIT, opened, rows, sender=bank_bridge)
    held.ledger.return_rows(CREDIT, ATTESTED - 1_000, rows, sender=bank_bridge)
    assert held.ledger.tree(TREE).brought == ATTESTED
    with reverts("ledger: more than is attested"):
        held.fund(1)


def test_rows_of_two_trees_do_not_come_back_together(paid: Paid) -> None:
    held, batch, tree = paid
    held.accounts.open_tree(OTHER, BANK, QUORUM, b"CNY", ENTERPRISE, sender=bank_bridge)
    held.accounts.grant(OTHER, agreement_account.address, False, sender=factory_account)
    held.ledger.set_attested(OTHER, 1_000, sender=supervision_account)
    held.ledger.mint(keccak(b"other"), OTHER, OTHER, WAGES, 100, ZERO, sender=bank_bridge)
    rows = rows_of([10] * 2)
    bound = (OTHER, WAGES, rows.root, 2, 20, now() + 60)
    second = held.ledger.reserve(*bound, sender=agreement_account)
    held.execute(second, rows.chunks(8)[0])
    with reverts("ledger: another tree"):
        both = [returned(batch, tree, 0), returned(second, rows, 0)]
        held.ledger.return_rows(CREDIT, 20, both, sender=bank_bridge)
    held.give_back(batch, tree, 0, CREDIT)
    with reverts("ledger: another tree"):
        held.ledger.return_rows(CREDIT, 0, [returned(second, rows, 0)], sender=bank_bridge)
    with reverts("ledger: another tree"):
        lot = [returned(batch, tree, 1)]
        held.ledger.mint(keccak(b"lot"), OTHER, ZERO, ZERO, 10, ZERO, sender=bank_bridge)
        held.ledger.return_rows(keccak(b"lot"), 0, lot, sender=bank_bridge)


def test_a_whole_lot_that_proves_to_be_a_return(paid: Paid) -> None:
    held, batch, tree = paid
    ledger = held.ledger
    ledger.mint(CREDIT, TREE, ZERO, ZERO, 20, ZERO, sender=bank_bridge)
    assert ledger.tree(TREE).held == 820
    for amount in (19, 21):
        with reverts("ledger: opened with another amount"):
            ledger.return_rows(CREDIT, amount, [returned(batch, tree, 0)], sender=bank_bridge)
    ledger.return_rows(CREDIT, 20, [returned(batch, tree, row) for row in (0, 1)], sender=bank_bridge)
    moved, opened = ledger.events[:2]
    assert (moved.kind, moved.source, moved.destination) == (15, lot_line(CREDIT), reversed_line(TREE))
    assert (moved.source_start, moved.amount) == (0, 20)
    assert (opened.name, opened.amount) == ("ReturnOpened", 20)
    totals = ledger.tree(TREE)
    assert (totals.minted, totals.reversed, totals.held, totals.shortfall) == (1_020, 20, 820, 0)
    with reverts("ledger: reference used"):
        ledger.mint(CREDIT, TREE, ZERO, ZERO, 20, ZERO, sender=bank_bridge)


def test_a_lot_somebody_touched_stays_a_lot(paid: Paid) -> None:
    held, batch, tree = paid
    held.ledger.mint(CREDIT, TREE, ZERO, ZERO, 20, ZERO, sender=bank_bridge)
    held.ledger.identify(CREDIT, TREE, WAGES, 1, sender=supervision_account)
    with reverts("ledger: lot is no longer whole"):
        held.ledger.return_rows(CREDIT, 20, [returned(batch, tree, 0)], sender=bank_bridge)


def test_what_no_row_drew_becomes_a_lot(paid: Paid) -> None:
    held, batch, tree = paid
    ledger = held.ledger
    ledger.return_rows(CREDIT, 25, [returned(batch, tree, 0)], sender=bank_bridge)
    ledger.close_returns(CREDIT, TREE, MATERIALS, OTHER, sender=bank_bridge)
    closed, minted, moved = ledger.events
    rest = remainder_lot(CREDIT, OTHER)
    assert (closed.name, closed.reference, closed.remainder) == ("ReturnClosed", CREDIT, 15)
    assert closed.lot == rest
    assert (minted.reference, minted.lot, minted.amount, minted.info) == (rest, lot_line(rest), 15, OTHER)
    assert moved.destination == account_line(TREE, MATERIALS)
    assert ledger.return_set(CREDIT).closed
    with reverts("ledger: no open return set"):
        ledger.close_returns(CREDIT, TREE, MATERIALS, OTHER, sender=bank_bridge)
    with reverts("ledger: reference used"):
        ledger.return_rows(CREDIT, 0, [returned(batch, tree, 1, 5)], sender=bank_bridge)
    assert (ledger.tree(TREE).minted, ledger.tree(TREE).held) == (1_015, 825)


def test_a_set_drawn_in_full_closes_without_a_lot(paid: Paid) -> None:
    held, batch, tree = paid
    held.give_back(batch, tree, 0, CREDIT)
    held.ledger.close_returns(CREDIT, ZERO, ZERO, ZERO, sender=bank_bridge)
    (closed,) = held.ledger.events
    assert closed.remainder == 0


def test_what_comes_back_by_credit_is_attested_too(paid: Paid) -> None:
    """Who settles for the bank cannot bring settled money back that the bank never booked."""
    held, batch, tree = paid
    held.ledger.settle(batch, sender=bank_bridge)
    held.ledger.set_attested(TREE, 1_009, sender=supervision_account)
    with reverts("ledger: more than is attested"):
        held.give_back(batch, tree, 0, CREDIT)
    held.ledger.set_attested(TREE, 1_010, sender=supervision_account)
    held.give_back(batch, tree, 0, CREDIT)
    assert held.ledger.tree(TREE).brought == 1_010


def test_a_reject_brings_nothing(paid: Paid) -> None:
    held, batch, tree = paid
    held.ledger.set_attested(TREE, 1_000, sender=supervision_account)
    held.give_back(batch, tree, 0)
    assert held.ledger.tree(TREE).brought == 1_000


def test_a_lot_taken_back_is_brought_once(paid: Paid) -> None:
    held, batch, tree = paid
    held.ledger.set_attested(TREE, 1_020, sender=supervision_account)
    held.ledger.mint(CREDIT, TREE, ZERO, ZERO, 20, ZERO, sender=bank_bridge)
    for row in (0, 1):
        held.ledger.return_rows(CREDIT, 0, [returned(batch, tree, row, 4)], sender=bank_bridge)
        assert held.ledger.tree(TREE).brought == 1_020
    held.ledger.close_returns(CREDIT, ZERO, ZERO, ZERO, sender=bank_bridge)
    assert held.ledger.tree(TREE).brought == 1_020
    assert held.ledger.line(lot_line(remainder_lot(CREDIT, ZERO))) == (12, 0)


def test_a_credit_is_brought_when_it_is_opened_and_its_remainder_no_more(paid: Paid) -> None:
    held, batch, tree = paid
    rows = [returned(batch, tree, 0)]
    held.ledger.set_attested(TREE, 1_024, sender=supervision_account)
    with reverts("ledger: more than is attested"):
        held.ledger.return_rows(CREDIT, 25, rows, sender=bank_bridge)
    held.ledger.set_attested(TREE, 1_025, sender=supervision_account)
    held.ledger.return_rows(CREDIT, 25, rows, sender=bank_bridge)
    assert held.ledger.tree(TREE).brought == 1_025
    held.ledger.set_attested(TREE, 0, sender=supervision_account)
    held.ledger.return_rows(CREDIT, 0, [returned(batch, tree, 1, 1)], sender=bank_bridge)
    held.ledger.close_returns(CREDIT, ZERO, ZERO, ZERO, sender=bank_bridge)
    assert held.ledger.tree(TREE).brought == 1_025
    assert held.ledger.line(lot_line(remainder_lot(CREDIT, ZERO))) == (14, 0)


def test_a_remainders_reference_counts_once(paid: Paid) -> None:
    """Whoever burns what the bank is about to use gains nothing: the bank commits to something else."""
    held, batch, tree = paid
    held.ledger.return_rows(CREDIT, 25, [returned(batch, tree, 0)], sender=bank_bridge)
    held.accounts.open_tree(OTHER, BANK, QUORUM, b"CNY", ENTERPRISE, sender=bank_bridge)
    held.ledger.void_reference(remainder_lot(CREDIT, ZERO), OTHER, sender=bank_bridge)
    with reverts("ledger: reference used"):
        held.ledger.close_returns(CREDIT, ZERO, ZERO, ZERO, sender=bank_bridge)
    assert not held.ledger.return_set(CREDIT).closed
    held.ledger.close_returns(CREDIT, ZERO, ZERO, OTHER, sender=bank_bridge)
    assert held.ledger.line(lot_line(remainder_lot(CREDIT, OTHER))) == (15, 0)


def test_the_remainder_of_a_lot_stays_in_suspense(paid: Paid) -> None:
    held, batch, tree = paid
    held.ledger.mint(CREDIT, TREE, ZERO, ZERO, 20, ZERO, sender=bank_bridge)
    held.ledger.return_rows(CREDIT, 0, [returned(batch, tree, 0, 1)], sender=bank_bridge)
    with reverts("ledger: remainder of a lot"):
        held.ledger.close_returns(CREDIT, TREE, WAGES, ZERO, sender=bank_bridge)
    held.ledger.close_returns(CREDIT, ZERO, WAGES, ZERO, sender=bank_bridge)
    assert held.ledger.line(lot_line(remainder_lot(CREDIT, ZERO))) == (19, 0)


def test_rows_beyond_the_first_word_of_the_bitmap(bare_ledger: BareLedger) -> None:
    tree = rows_of([1] * 520)
    bare_ledger.fund(520)
    batch = bare_ledger.reserve(tree)
    for chunk in tree.chunks(256):
        bare_ledger.execute(batch, chunk)
    for row in (255, 256, 519):
        bare_ledger.give_back(batch, tree, row)
        with reverts("ledger: row is gone already"):
            bare_ledger.give_back(batch, tree, row, keccak(b"again"), 1)
    assert [bare_ledger.ledger.gone(batch, word) for word in range(3)] == [1 << 255, 1, 1 << 7]
    with reverts("ledger: row not executed"):
        row = list(returned(batch, tree, 519))
        row[1] = 520
        bare_ledger.ledger.return_rows(ZERO, 0, [tuple(row)], sender=bank_bridge)
