"""Payout rows and their Merkle commitment: the off-chain twin of `modules/merkle.vy`.

A row is 43 bytes: roster index (3), amount in minor units (8), information commitment (32), big-endian.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from itertools import accumulate, pairwise

from eth_hash.auto import keccak

from contracts.errors import RowsInvalid

__all__ = ["CHUNK_ROWS", "ROW_BYTES", "Chunk", "LeafProof", "Row", "RowTree"]

ROW_BYTES = 43
ROWS_A_LEAF = 8
CHUNK_ROWS = 256
CHUNK_SIZES = (8, 16, 32, 64, 128, CHUNK_ROWS)
MAX_ROWS = 2**23
ROOT_TAG = 2 << 248
MISSING = bytes(32)


@dataclass(frozen=True)
class Row:
    """One payout: whom (index in the roster), how much (minor units), and a commitment to the rest."""

    roster_index: int
    amount_minor: int
    info: bytes

    def packed(self) -> bytes:
        """The row as 43 bytes."""
        return self.roster_index.to_bytes(3) + self.amount_minor.to_bytes(8) + self.info


@dataclass(frozen=True)
class Chunk:
    """What one `execute` call takes."""

    first_row: int
    rows: bytes
    proof: list[bytes]


@dataclass(frozen=True)
class LeafProof:
    """What one `return_row` call takes: the leaf of a row, where it starts, and its siblings."""

    start: int
    rows: bytes
    proof: list[bytes]


def _node(left: bytes, right: bytes) -> bytes:
    return keccak(b"\x01" + left + right)


class RowTree:
    """The commitment to a batch's rows. Row *i* is `[offsets[i], offsets[i + 1])` of the batch's line."""

    def __init__(self, rows: Sequence[Row]) -> None:
        """Raises RowsInvalid for no rows, too many, one out of bounds, or rows not sorted by roster index."""
        if not 0 < len(rows) <= MAX_ROWS:
            raise RowsInvalid(f"a batch has 1 to {MAX_ROWS} rows, not {len(rows)}")
        for number, row in enumerate(rows):
            if not (0 <= row.roster_index < 2**24 and 0 < row.amount_minor < 2**62 and len(row.info) == 32):
                raise RowsInvalid(f"row {number} is out of bounds")
        if any(a.roster_index > b.roster_index for a, b in pairwise(rows)):
            raise RowsInvalid("rows are not sorted by roster index")
        self.rows = tuple(rows)
        self.offsets = (0, *accumulate(row.amount_minor for row in rows))
        if self.total_minor >= 2**62:
            raise RowsInvalid("the rows add up to more than a line can hold")

    @property
    def total_minor(self) -> int:
        """Sum of the rows, minor units."""
        return self.offsets[-1]

    @cached_property
    def _levels(self) -> list[list[bytes]]:
        leaves = [self._leaf(first) for first in range(0, len(self.rows), ROWS_A_LEAF)]
        levels = [leaves]
        while len(level := levels[-1]) > 1:
            padded = [*level, MISSING]
            levels.append([_node(padded[i], padded[i + 1]) for i in range(0, len(level), 2)])
        return levels

    @property
    def root(self) -> bytes:
        """The commitment: tag, number of rows, total and top node."""
        top = self._levels[-1][0]
        words = [ROOT_TAG, len(self.rows), self.total_minor]
        return keccak(b"".join(word.to_bytes(32) for word in words) + top)

    def _packed(self, first: int, end: int) -> bytes:
        return b"".join(row.packed() for row in self.rows[first:end])

    def _leaf(self, first: int) -> bytes:
        header = (first // ROWS_A_LEAF) << 128 | self.offsets[first]
        return keccak(header.to_bytes(32) + self._packed(first, first + ROWS_A_LEAF))

    def _siblings(self, index: int, height: int) -> list[bytes]:
        proof = []
        for level in self._levels[height:-1]:
            sibling = index ^ 1
            proof.append(level[sibling] if sibling < len(level) else MISSING)
            index >>= 1
        return proof

    def chunks(self, rows_a_chunk: int = CHUNK_ROWS) -> list[Chunk]:
        """The calls that execute the batch, in order.

        `rows_a_chunk` is 8, 16, 32, 64, 128 or 256.
        """
        if rows_a_chunk not in CHUNK_SIZES:
            raise RowsInvalid("a chunk has 8, 16, 32, 64, 128 or 256 rows")
        return [self._chunk(first, rows_a_chunk) for first in range(0, len(self.rows), rows_a_chunk)]

    def _chunk(self, first: int, size: int) -> Chunk:
        end = min(first + size, len(self.rows))
        leaves = -(-(end - first) // ROWS_A_LEAF)
        height = (leaves - 1).bit_length()
        index = first // ROWS_A_LEAF >> height
        return Chunk(first, self._packed(first, end), self._siblings(index, height))

    def leaf_proof(self, row: int) -> LeafProof:
        """The proof by which one row can be returned."""
        first = row - row % ROWS_A_LEAF
        return LeafProof(
            self.offsets[first],
            self._packed(first, first + ROWS_A_LEAF),
            self._siblings(row // ROWS_A_LEAF, 0),
        )
