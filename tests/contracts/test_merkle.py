"""The commitment to rows: the Ledger takes exactly what `contracts.rows` makes."""

from dataclasses import replace

import boa
import pytest
from eth_hash.auto import keccak
from hypothesis import given, settings
from hypothesis import strategies as st

from contracts.errors import RowsInvalid
from contracts.ids import account_line
from contracts.rows import ROOT_TAG, Chunk, Row, RowTree
from tests.contracts.chain import Event, reverts
from tests.contracts.world import TREE, WAGES, ZERO, BareLedger, agreement_account, bank_bridge, rows_of
from tests.samples import examples

SIZES = (8, 16, 32, 64, 128, 256)
CHAINED = settings(max_examples=examples(25), deadline=None)


@st.composite
def batches(draw: st.DrawFn) -> tuple[RowTree, int]:
    """A batch of 1 to 600 rows and a chunk size."""
    count = draw(st.integers(1, 600))
    seed = draw(st.integers(0, 2**32 - 1))
    amounts = [1 + int.from_bytes(keccak(b"%d/%d" % (seed, i))[:4]) for i in range(count)]
    payees = sorted(int.from_bytes(keccak(b"payee %d/%d" % (seed, i))[:3]) for i in range(count))
    return rows_of(amounts, payees), draw(st.sampled_from(SIZES))


@st.composite
def chosen(draw: st.DrawFn) -> tuple[RowTree, int, set[int]]:
    """A batch, a chunk size and rows to refuse."""
    tree, size = draw(batches())
    return tree, size, draw(st.sets(st.integers(0, len(tree.rows) - 1), max_size=40))


def moved(held: BareLedger) -> list[Event]:
    return [event for event in held.ledger.events if event.name == "Moved"]


@CHAINED
@given(case=batches())
def test_every_chunk_is_taken_in_order(shared_bare: BareLedger, case: tuple[RowTree, int]) -> None:
    tree, size = case
    with boa.env.anchor():
        held = BareLedger(shared_bare.ledger, shared_bare.accounts)
        held.fund(tree.total_minor)
        batch = held.reserve(tree)
        for chunk in tree.chunks(size):
            held.execute(batch, chunk)
            (event,) = held.ledger.events
            end = min(chunk.first_row + size, len(tree.rows))
            assert (event.first_row, event.end_row) == (chunk.first_row, end)
            assert (event.start, event.end) == (tree.offsets[chunk.first_row], tree.offsets[end])
        after = held.ledger.batch(batch)
        assert after.cursor == after.end == len(tree.rows)
        for row in {0, len(tree.rows) // 2, len(tree.rows) - 1}:
            held.give_back(batch, tree, row)
            back, _ = held.ledger.events
            assert (back.source_start, back.amount) == (tree.offsets[row], tree.rows[row].amount_minor)


@CHAINED
@given(case=chosen())
def test_refused_rows_go_back_as_exactly_their_intervals(
    shared_bare: BareLedger, case: tuple[RowTree, int, set[int]]
) -> None:
    tree, size, refused = case
    back: set[tuple[int, int]] = set()
    with boa.env.anchor():
        held = BareLedger(shared_bare.ledger, shared_bare.accounts)
        held.fund(tree.total_minor)
        batch = held.reserve(tree)
        for chunk in tree.chunks(size):
            rows = range(chunk.first_row, min(chunk.first_row + size, len(tree.rows)))
            bits = sum(1 << row - chunk.first_row for row in rows if row in refused)
            held.execute(batch, chunk, bits)
            back |= {(event.source_start, event.amount) for event in moved(held)}
            assert all(event.destination == account_line(TREE, WAGES) for event in moved(held))
        expected = {row: (tree.offsets[row], tree.offsets[row + 1]) for row in refused}
        covered = sorted((start, start + amount) for start, amount in back)
        assert sum(end - start for start, end in covered) == sum(b - a for a, b in expected.values())
        for start, end in expected.values():
            assert any(low <= start and end <= high for low, high in covered)
        after = held.ledger.batch(batch)
        assert after.rows_skipped == len(refused)
        assert after.amount_gone == sum(tree.rows[row].amount_minor for row in refused)
        for row in sorted(refused)[:3]:
            with reverts("ledger: row is gone already"):
                held.give_back(batch, tree, row)


def ready(held: BareLedger, count: int = 100) -> tuple[RowTree, bytes]:
    tree = rows_of([50 + i for i in range(count)])
    held.fund(tree.total_minor)
    return tree, held.reserve(tree)


@pytest.mark.parametrize("place", [0, 2, 3, 10, 11, 42, 43 * 31 + 5])
def test_a_tampered_row_is_refused(bare_ledger: BareLedger, place: int) -> None:
    tree, batch = ready(bare_ledger)
    chunk = tree.chunks(32)[0]
    rows = bytearray(chunk.rows)
    rows[place] ^= 1
    with reverts("merkle: wrong proof"):
        bare_ledger.execute(batch, replace(chunk, rows=bytes(rows)))


def test_a_tampered_proof_is_refused(bare_ledger: BareLedger) -> None:
    tree, batch = ready(bare_ledger)
    chunk = tree.chunks(32)[0]
    with reverts("merkle: wrong proof"):
        bare_ledger.execute(batch, replace(chunk, proof=[bytes(32), *chunk.proof[1:]]))
    with reverts("merkle: proof of another depth"):
        bare_ledger.execute(batch, replace(chunk, proof=chunk.proof[1:]))
    with reverts("merkle: proof of another depth"):
        bare_ledger.execute(batch, replace(chunk, proof=[*chunk.proof, bytes(32)]))


def test_chunks_are_refused_out_of_order_and_twice(bare_ledger: BareLedger) -> None:
    tree, batch = ready(bare_ledger)
    first, second, *_ = tree.chunks(32)
    with reverts("merkle: wrong proof"):
        bare_ledger.execute(batch, second)
    bare_ledger.execute(batch, first)
    with reverts("merkle: wrong proof"):
        bare_ledger.execute(batch, first)


def test_the_shape_of_a_chunk_is_enforced(bare_ledger: BareLedger) -> None:
    tree, batch = ready(bare_ledger)
    whole = tree.chunks(256)[0]
    with reverts("merkle: not whole rows"):
        bare_ledger.execute(batch, Chunk(0, b"", []))
    with reverts("merkle: not whole rows"):
        bare_ledger.execute(batch, Chunk(0, whole.rows[:-1], []))
    with reverts("merkle: rows past the batch"):
        bare_ledger.execute(batch, Chunk(0, whole.rows + whole.rows[:43], []))
    with reverts("merkle: chunk ends inside a leaf"):
        bare_ledger.execute(batch, Chunk(0, whole.rows[: 43 * 12], []))
    with reverts("merkle: chunk is not a whole subtree"):
        bare_ledger.execute(batch, Chunk(0, whole.rows[: 43 * 24], []))
    bare_ledger.execute(batch, tree.chunks(8)[0])
    with reverts("merkle: chunk is not aligned"):
        bare_ledger.execute(batch, Chunk(8, whole.rows[43 * 8 : 43 * 24], []))


def dishonest(tree: RowTree, count: int, total: int) -> bytes:
    """A root that commits to another count and total than the rows have."""
    words = [ROOT_TAG, count, total]
    return keccak(b"".join(word.to_bytes(32) for word in words) + tree._levels[-1][0])


@pytest.mark.parametrize("wrong", [-1, 1])
def test_another_total_than_the_rows_have_is_refused(bare_ledger: BareLedger, wrong: int) -> None:
    tree = rows_of([100] * 16)
    ledger = bare_ledger.ledger
    bare_ledger.fund(10_000)
    root = dishonest(tree, 16, tree.total_minor + wrong)
    arguments = (TREE, WAGES, root, 16, tree.total_minor + wrong, boa.env.timestamp + 60)
    batch = ledger.reserve(*arguments, sender=agreement_account)
    first, second = tree.chunks(8)
    bare_ledger.execute(batch, first)
    with reverts("merkle: rows do not add up to the total"):
        bare_ledger.execute(batch, second)


def test_rows_worth_more_than_was_reserved_stop_at_the_chunk_that_passes_it(
    bare_ledger: BareLedger,
) -> None:
    """Else skipping those rows would give back money that was never there."""
    tree = rows_of([1_000] * 24)
    bare_ledger.fund(1_500)
    root = dishonest(tree, 24, 1_500)
    arguments = (TREE, WAGES, root, 24, 1_500, boa.env.timestamp + 60)
    batch = bare_ledger.ledger.reserve(*arguments, sender=agreement_account)
    with reverts("merkle: rows do not add up to the total"):
        bare_ledger.execute(batch, tree.chunks(8)[0], refused=0b11111110)


def test_a_zero_row_is_refused(bare_ledger: BareLedger) -> None:
    tree = rows_of([5, 5])
    rows = tree.rows[0].packed()[:3] + bytes(8) + tree.rows[0].info
    bare_ledger.fund(100)
    batch = bare_ledger.reserve(tree)
    with reverts("merkle: zero amount"):
        bare_ledger.execute(batch, Chunk(0, rows + rows, []))


def test_a_leaf_start_cannot_stand_for_another_leaf(bare_ledger: BareLedger) -> None:
    """The start shares a word with the leaf's index; its high bits must not reach it."""
    tree, batch = ready(bare_ledger, 32)
    bare_ledger.execute(batch, tree.chunks(32)[0])
    leaf = tree.leaf_proof(8)
    aliased = leaf.start | 1 << 128
    for number, start, proof, reason in (
        (8, aliased, leaf.proof, "merkle: leaf starts past the batch"),
        (8, tree.total_minor, leaf.proof, "merkle: leaf starts past the batch"),
        (8, leaf.start + 1, leaf.proof, "merkle: wrong proof"),
        (8, leaf.start, [bytes(32), *leaf.proof[1:]], "merkle: wrong proof"),
        (0, leaf.start, leaf.proof, "merkle: wrong proof"),
        (8, leaf.start, leaf.proof[1:], "merkle: proof of another depth"),
        (8, leaf.start, [*leaf.proof, bytes(32)], "merkle: proof of another depth"),
    ):
        call = (batch, number, 0, start, leaf.rows, proof, ZERO)
        with reverts(reason):
            bare_ledger.ledger.return_rows(ZERO, 0, [call], sender=bank_bridge)
    bare_ledger.give_back(batch, tree, 8)


def row(payee: int = 0, amount: int = 1, info: bytes = bytes(32)) -> Row:
    return Row(payee, amount, info)


@pytest.mark.parametrize(
    "rows",
    [
        [],
        [row(-1)],
        [row(2**24)],
        [row(amount=0)],
        [row(amount=2**62)],
        [row(info=bytes(31))],
        [row(2), row(1)],
        [row(amount=2**61), row(amount=2**61)],
    ],
)
def test_rows_that_cannot_be_committed(rows: list[Row]) -> None:
    with pytest.raises(RowsInvalid):
        RowTree(rows)


@pytest.mark.parametrize("size", [0, 4, 12, 512])
def test_chunk_sizes_are_whole_subtrees(size: int) -> None:
    with pytest.raises(RowsInvalid):
        rows_of([1] * 20).chunks(size)
