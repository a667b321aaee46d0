"""The Ledger at its bounds: lines, batches and calls as large as they may be, and one more."""

import pytest
from eth_hash.auto import keccak

from contracts.errors import RefusalUnknown
from contracts.ids import account_line
from tests.contracts.chain import reverts
from tests.contracts.world import (
    TREE,
    WAGES,
    ZERO,
    BareLedger,
    agreement_account,
    bank_bridge,
    now,
    returned,
    rows_of,
    supervision_account,
)

MOST_START, MOST_BACK = 2**62, 2**63
CARVE = 8
CUSTODY = b"\7" * 32
LINE = account_line(TREE, WAGES)
CREDIT = keccak(b"credit that comes back")


@pytest.fixture
def full(bare_ledger: BareLedger) -> BareLedger:
    """A line with as much on it as may ever start."""
    bare_ledger.ledger.set_attested(TREE, MOST_START, sender=supervision_account)
    bare_ledger.fund(MOST_START)
    return bare_ledger


def carve(held: BareLedger, start: int, end: int) -> None:
    held.ledger.carve(CARVE, TREE, LINE, [(start, end)], CUSTODY, ZERO, sender=supervision_account)


def test_all_of_a_full_line_comes_back(full: BareLedger) -> None:
    batch = full.reserve(rows_of([1]), total=MOST_START)
    full.ledger.release(batch, sender=agreement_account)
    assert full.ledger.line(LINE) == (MOST_BACK, MOST_START)
    with reverts("lines: line is full"):
        full.reserve(rows_of([1]))


def test_what_is_laid_again_ends_at_the_lines_end(full: BareLedger) -> None:
    """Carving lays what is left behind the line's end."""
    carve(full, 0, 1)
    filled = 2 * MOST_START - 1
    assert full.ledger.line(LINE) == (filled, MOST_START)
    with reverts("lines: line is full"):
        carve(full, MOST_START, filled - 2)
    carve(full, MOST_START, filled - 1)
    assert full.ledger.line(LINE) == (MOST_BACK, filled)


def test_a_batch_has_at_most_so_many_rows(bare_ledger: BareLedger) -> None:
    bare_ledger.fund(1_000)

    def reserve(count: int) -> bytes:
        until = now() + 1
        return bare_ledger.ledger.reserve(TREE, WAGES, ZERO, count, 10, until, sender=agreement_account)

    assert bare_ledger.ledger.batch(reserve(2**23)).count == 2**23
    with reverts("ledger: count out of bounds"):
        reserve(2**23 + 1)


def test_a_deadline_has_64_bits(bare_ledger: BareLedger) -> None:
    bare_ledger.fund(1_000)
    batch = bare_ledger.reserve(rows_of([10]), deadline=2**64 - 1)
    assert bare_ledger.ledger.batch(batch).deadline == 2**64 - 1
    with reverts("ledger: deadline out of bounds"):
        bare_ledger.reserve(rows_of([10]), deadline=2**64)


def test_eight_rows_come_back_in_a_call(bare_ledger: BareLedger) -> None:
    tree = rows_of([10] * 9)
    bare_ledger.fund(90)
    batch = bare_ledger.reserve(tree)
    bare_ledger.execute(batch, tree.chunks(256)[0])
    rows = [returned(batch, tree, row) for row in range(9)]
    with pytest.raises(RefusalUnknown):
        bare_ledger.ledger.return_rows(CREDIT, 90, rows, sender=bank_bridge)
    bare_ledger.ledger.return_rows(CREDIT, 90, rows[:8], sender=bank_bridge)
    assert bare_ledger.ledger.batch(batch).rows_returned == 8


def test_what_comes_back_late_leaves_the_rest_of_a_batch_as_it_was(bare_ledger: BareLedger) -> None:
    tree = rows_of([10] * 3)
    bare_ledger.fund(100)
    batch = bare_ledger.reserve(tree)
    bare_ledger.execute(batch, tree.chunks(256)[0])
    bare_ledger.ledger.settle(batch, sender=bank_bridge)
    before = bare_ledger.ledger.batch(batch)
    bare_ledger.give_back(batch, tree, 1, reference=CREDIT)
    after = bare_ledger.ledger.batch(batch)
    assert vars(after) == {**vars(before), "rows_returned_late": 1, "amount_gone": 10}


def test_a_closed_return_set_is_still_of_its_tree(bare_ledger: BareLedger) -> None:
    tree = rows_of([10] * 3)
    bare_ledger.fund(100)
    batch = bare_ledger.reserve(tree)
    bare_ledger.execute(batch, tree.chunks(256)[0])
    bare_ledger.give_back(batch, tree, 1, reference=CREDIT)
    bare_ledger.ledger.close_returns(CREDIT, ZERO, ZERO, ZERO, sender=bank_bridge)
    held = bare_ledger.ledger.return_set(CREDIT)
    assert (held.tree, held.opened, held.drawn, held.closed) == (TREE, 10, 10, True)


def test_64_credits_are_minted_in_a_call(bare_ledger: BareLedger) -> None:
    many = [(keccak(b"%d" % number), TREE, WAGES, 1, ZERO) for number in range(65)]
    with pytest.raises(RefusalUnknown):
        bare_ledger.ledger.mint_many(TREE, many, sender=bank_bridge)
    bare_ledger.ledger.mint_many(TREE, many[:64], sender=bank_bridge)
    assert bare_ledger.ledger.tree(TREE).minted == 64
