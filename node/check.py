"""Verifying a data directory: every block is run again from genesis and every entry compared.

A second chain is made beside the first, from nothing but its blocks, by the code that checks the blocks of
others: links, seals, rules, execution, all roots, gas and blooms. What that chain stores must be what the
first one has, entry by entry: headers, transactions and their positions, receipts, log index, state. Then
nothing else may be there. The journal's records are compared with the same blocks.
"""

import logging
import tempfile
import time
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from pathlib import Path

from node.block import Block
from node.chain import Chain
from node.errors import CheckFailed, InvalidBlock, StoreError
from node.prune import MARKS_NAME, Marks
from node.store import Store
from node.tables import (
    BODIES,
    FLOOR_KEY,
    HEAD_KEY,
    META,
    STATE,
    TABLES,
    entries_of,
    entry_name,
    journal_payload,
)

PROGRESS_SECONDS = 5.0

log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Checked:
    """What was found whole."""

    head: int
    """Number of the last block."""
    transactions: int
    state_entries: int
    """Trie nodes and contract codes compared."""
    floor: int
    """States from this block on, and block 0's, are there."""
    seconds: float

    def as_json(self) -> dict[str, object]:
        """For the last line of ``dyetrace node check``."""
        return {"ok": True, **asdict(self)}


def check_chain(chain: Chain, directory: Path) -> Checked:
    """Verify all that a chain's store holds, in a scratch directory made in ``directory``.

    Raises:
        CheckFailed: the first fault, with the block it is in.
    """
    started = time.monotonic()
    with tempfile.TemporaryDirectory(prefix="check-", dir=directory) as scratch:
        store = Store(Path(scratch), durable=False)
        try:
            return _Check(chain.store, store).run(chain, started)
        finally:
            store.close()


class _Check:
    """``stored`` is what is verified, ``scratch`` what its blocks give."""

    def __init__(self, stored: Store, scratch: Store) -> None:
        self._stored = stored
        self._scratch = scratch
        self._place = 0
        """Offset of the next record of the journal."""
        self._number = 0
        """The block in hand."""
        self._floor = stored.floor_number()
        scratch.on_state_written = self._compare_state

    def run(self, chain: Chain, started: float) -> Checked:
        head, told = chain.head.block_number, started
        again = Chain(chain.network, self._scratch, None)
        self._compare_block(Block(again.head, (), ()))
        for number in range(1, head + 1):
            self._number = number
            self._compare_block(self._run_block(again))
            if time.monotonic() - told > PROGRESS_SECONDS:
                told = time.monotonic()
                log.info("block %d of %d is right", number, head)
        self._compare_heads(head)
        entries = {table: self._look_for_orphans(table) for table in TABLES}
        if self._floor:
            self._walk_kept_states(self._scratch.path, head)
        seconds = round(time.monotonic() - started, 3)
        return Checked(head, entries[BODIES], entries[STATE], self._floor, seconds)

    def _run_block(self, again: Chain) -> Block:
        try:
            return again.import_block(self._stored.unchecked_block(self._number))
        except (InvalidBlock, StoreError) as exc:
            raise CheckFailed(self._number, str(exc)) from exc

    def _compare_block(self, block: Block) -> None:
        for key, value in entries_of(block):
            self._compare(key, self._stored.database.get(key), value)
        record = self._stored.journal.record_at(self._place)
        if record is None or record.number != self._number or record.payload != journal_payload(block):
            raise CheckFailed(
                self._number,
                f"{self._stored.journal.path.name} has another block or none at byte {self._place}; "
                "the database is right: stop the node, delete that file and start again, "
                "and it is written anew",
            )
        self._place = record.end

    def _compare_state(self, writes: Mapping[bytes, bytes]) -> None:
        """Told by the scratch store, before it keeps them."""
        for key, value in writes.items():
            found = self._stored.database.get(STATE + key)
            if found is not None or self._floor == 0:
                self._compare(STATE + key, found, value)

    def _compare(self, key: bytes, found: bytes | None, expected: bytes) -> None:
        if found != expected:
            what = "is missing" if found is None else "differs"
            raise CheckFailed(self._number, f"{entry_name(key)} {what}")

    def _compare_heads(self, head: int) -> None:
        """The entries that aren't about a block."""
        if self._place != self._stored.journal.end:
            raise CheckFailed(head, f"{self._stored.journal.path.name} goes on after the last block")
        if self._stored.head_number() != head:
            raise CheckFailed(head, "the database names another head")
        for key, _ in self._stored.database.scan(META):
            if key not in (HEAD_KEY, FLOOR_KEY):
                raise CheckFailed(head, f"{entry_name(key)} belongs to nothing")

    def _look_for_orphans(self, table: bytes) -> int:
        """Nothing may be stored that no block leads to; returns how many entries the table has."""
        entries = 0
        for key, value in self._stored.database.scan(table):
            if self._scratch.database.get(key) != value:
                raise CheckFailed(None, f"{entry_name(key)} belongs to no block")
            entries += 1
        return entries

    def _walk_kept_states(self, directory: Path, head: int) -> None:
        """On a pruned directory, whether what should be kept is all there."""
        marks = Marks(directory / MARKS_NAME)
        try:
            for number in (0, *range(self._floor, head + 1)):
                self._number = number
                marks.walk(self._stored, number)
        except StoreError as exc:
            raise CheckFailed(self._number, str(exc)) from exc
        finally:
            marks.close()
