"""Ledger: what `return_rows` logs of a row, in full: whole, in part, by a credit, and late."""

import pytest
from eth_hash.auto import keccak

from contracts.ids import account_line
from contracts.rows import RowTree
from contracts.terms import MapKind
from tests.contracts.chain import Contract, Event
from tests.contracts.world import TREE, WAGES, ZERO, BareLedger, bank_bridge, returned, rows_of

CREDIT, ADVICE = keccak(b"credit"), keccak(b"the bank's message")
FUNDED = 1_000
Paid = tuple[BareLedger, bytes, RowTree]


@pytest.fixture
def paid(bare_ledger: BareLedger) -> Paid:
    """A batch of twenty rows of 11 to 30, all executed."""
    bare_ledger.fund(FUNDED)
    tree = rows_of([11 + i for i in range(20)])
    batch = bare_ledger.reserve(tree)
    bare_ledger.execute(batch, tree.chunks(256)[0])
    return bare_ledger, batch, tree


def give_back(paid: Paid, row: int, amount: int = 0, reference: bytes = ZERO, opened: int = 0) -> list[Event]:
    """One row, with the commitment to the bank's message; gives all that is logged."""
    held, batch, tree = paid
    rows = [returned(batch, tree, row, amount, ADVICE)]
    held.ledger.return_rows(reference, opened, rows, sender=bank_bridge)
    return held.ledger.events


def row_returned(batch: bytes, row: int, amount: int, **more: object) -> dict[str, object]:
    """Every field of the event of a row that came back."""
    told = {"batch": batch, "row": row, "amount": amount, "late": False, "reference": ZERO, "whole": True}
    return {**told, **more}


def check(events: list[Event], ledger: Contract, expected: dict[str, object]) -> Event:
    """The last event is this one in full; gives the one before, which moves the money."""
    *_, moved, event = events
    assert (event.address, event.name, event.values) == (ledger.address, "RowReturned", expected)
    assert (moved.name, moved.kind, moved.info) == ("Moved", MapKind.GIVE_BACK, ADVICE)
    assert (moved.source, moved.destination) == (expected["batch"], account_line(TREE, WAGES))
    assert moved.amount == expected["amount"]
    return moved


def test_a_whole_row_that_was_never_booked(paid: Paid) -> None:
    held, batch, tree = paid
    events = give_back(paid, 4)
    assert len(events) == 2
    moved = check(events, held.ledger, row_returned(batch, 4, 15))
    assert (moved.source_start, moved.destination_start) == (tree.offsets[4], FUNDED)


def test_a_whole_row_by_a_credit(paid: Paid) -> None:
    held, batch, _ = paid
    opened, *rest = give_back(paid, 4, reference=CREDIT, opened=40)
    assert opened.name == "ReturnOpened"
    assert opened.values == {"reference": CREDIT, "tree": TREE, "amount": 40}
    check(rest, held.ledger, row_returned(batch, 4, 15, reference=CREDIT))


def test_a_row_in_parts_is_whole_with_its_last(paid: Paid) -> None:
    """Each part is the next of the row's own serials."""
    held, batch, tree = paid
    start, arrived = tree.offsets[9], FUNDED
    for amount, whole in ((6, False), (1, False), (13, True)):
        moved = check(give_back(paid, 9, amount), held.ledger, row_returned(batch, 9, amount, whole=whole))
        assert (moved.source_start, moved.destination_start) == (start, arrived)
        start, arrived = start + amount, arrived + amount
    assert start == tree.offsets[10]


def test_the_last_part_is_asked_for_by_zero(paid: Paid) -> None:
    held, batch, _ = paid
    give_back(paid, 9, 6)
    check(give_back(paid, 9), held.ledger, row_returned(batch, 9, 14))


def test_a_row_that_comes_back_late(paid: Paid) -> None:
    held, batch, _ = paid
    held.ledger.settle(batch, sender=bank_bridge)
    _, *events = give_back(paid, 0, reference=CREDIT, opened=11)
    check(events, held.ledger, row_returned(batch, 0, 11, late=True, reference=CREDIT))
    assert held.ledger.tree(TREE).returned_late == 11


def test_a_part_before_settling_and_the_rest_late(paid: Paid) -> None:
    held, batch, tree = paid
    check(give_back(paid, 19, 7), held.ledger, row_returned(batch, 19, 7, whole=False))
    held.ledger.settle(batch, sender=bank_bridge)
    _, *events = give_back(paid, 19, 20, CREDIT, 23)
    check(events, held.ledger, row_returned(batch, 19, 20, late=True, reference=CREDIT, whole=False))
    moved = check(
        give_back(paid, 19, reference=CREDIT),
        held.ledger,
        row_returned(batch, 19, 3, late=True, reference=CREDIT),
    )
    assert moved.source_start + 3 == tree.total_minor


def test_rows_of_one_call_are_told_one_by_one(paid: Paid) -> None:
    held, batch, tree = paid
    rows = [
        returned(batch, tree, 2, 5, ADVICE),
        returned(batch, tree, 2, 0, ADVICE),
        returned(batch, tree, 7),
    ]
    held.ledger.return_rows(ZERO, 0, rows, sender=bank_bridge)
    told = [event.values for event in held.ledger.events if event.name == "RowReturned"]
    assert told == [
        row_returned(batch, 2, 5, whole=False),
        row_returned(batch, 2, 8),
        row_returned(batch, 7, 18),
    ]
