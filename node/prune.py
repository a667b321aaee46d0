"""Forgetting old state: mark what the kept blocks need, sweep the rest, in slices beside block making.

Blocks, receipts and logs are always kept, so any forgotten state can be made again by running the blocks.
State is shared between blocks: a trie node is needed as long as any kept root leads to it. The marks are a
database of their own on disk, so memory doesn't grow with the state.
"""

import logging
import shutil
import threading
from collections.abc import Callable, Iterator, Mapping
from itertools import islice
from pathlib import Path

import rlp
from eth.constants import EMPTY_SHA3

from node.engine import Engine
from node.errors import NodeError, StoreError
from node.store import Store
from node.tables import STATE
from node.trie import EMPTY_ROOT

MARKS_NAME = "prune.marks"
SLICE_ENTRIES = 500
PAUSE_SECONDS = 0.02
"""Between two slices, so that block making comes first."""
POLL_SECONDS = 1.0

log = logging.getLogger(__name__)


class Pruner:
    """A thread that keeps the states of the last blocks and forgets older ones."""

    def __init__(self, store: Store, keep_states: int) -> None:
        """``keep_states`` states are always there; older ones go when as many again have come."""
        self._store = store
        self._keep_states = keep_states
        self._stopping = threading.Event()
        self._thread = threading.Thread(target=self._run, name="pruner")

    def start(self) -> None:
        """Begin."""
        self._thread.start()

    def stop(self) -> None:
        """End after the slice under way; what isn't swept yet is swept by the next pass."""
        self._stopping.set()
        self._thread.join()

    def _run(self) -> None:
        while not self._stopping.wait(POLL_SECONDS):
            head = self._store.head_number() or 0
            if head - self._store.floor_number() < 2 * self._keep_states:
                continue
            try:
                prune(self._store, self._keep_states, lambda: self._stopping.wait(PAUSE_SECONDS))
            except NodeError:
                log.exception("pruning stopped; nothing that is needed was forgotten")
                return


def _never() -> bool:
    return False


def prune(store: Store, keep_states: int, pause: Callable[[], bool] = _never) -> int:
    """Forget the states before the last ``keep_states`` blocks, but block 0's; returns how many entries went.

    Args:
        pause: called between slices; true to stop early, which is safe at any point.

    Raises:
        StoreError: a state that is to be kept isn't whole, or the disk fails.
    """
    path = store.path / MARKS_NAME
    shutil.rmtree(path, ignore_errors=True)
    marks = Marks(path)
    with store.writing:
        store.on_state_written = marks.add_all
        head = store.head_number() or 0  # later blocks are marked as they come
    floor = max(head - keep_states + 1, store.floor_number())
    try:
        for number in (0, *range(floor, head + 1)):
            if not marks.walk(store, number, pause):
                return 0
        store.raise_floor(floor)
        return _sweep(store, marks, pause)
    finally:
        with store.writing:
            store.forget_observer()
        marks.close()
        shutil.rmtree(path, ignore_errors=True)


class Marks:
    """Hashes of trie nodes and code that are needed."""

    def __init__(self, path: Path) -> None:
        self._database = Engine.open(path)
        self._fresh: set[bytes] = set()
        self._lock = threading.Lock()

    def close(self) -> None:
        """Release the files."""
        self._database.close()

    def __contains__(self, key: bytes) -> bool:
        return key in self._fresh or self._database.get(key) is not None

    def add_all(self, writes: Mapping[bytes, bytes]) -> None:
        """Mark what a new block wrote."""
        for key in writes:
            self._add(key)

    def walk(self, store: Store, number: int, pause: Callable[[], bool] = _never) -> bool:
        """Mark all of a block's state; false if ``pause`` said to stop.

        Raises:
            StoreError: a part of it is missing.
        """
        header = store.header(number)
        if header is None:
            raise StoreError(f"block {number} is missing from the database")
        open_ends = [(header.state_root, True)]
        visited = 0
        while open_ends:
            key, holds_accounts = open_ends.pop()
            if key in (EMPTY_ROOT, EMPTY_SHA3) or key in self:
                continue
            self._add(key)
            try:
                node = store.state_value_uncached(key)
            except KeyError as exc:
                raise StoreError(f"the state of block {number} lacks 0x{key.hex()}") from exc
            open_ends.extend(self._children(rlp.decode(node), holds_accounts))
            visited += 1
            if visited % SLICE_ENTRIES == 0 and pause():
                return False
        return True

    def _children(self, node: list[bytes], holds_accounts: bool) -> Iterator[tuple[bytes, bool]]:
        """Hashes that a trie node refers to; code is marked at once, it refers to nothing."""
        if len(node) == 17:
            for child in node[:16]:
                yield from self._reference(child, holds_accounts)
        elif node[0][0] & 0x20 == 0:
            yield from self._reference(node[1], holds_accounts)
        elif holds_accounts:
            _, _, storage_root, code_hash = rlp.decode(node[1])
            self._add(code_hash)
            yield storage_root, False

    def _reference(self, child: bytes | list[bytes], holds_accounts: bool) -> Iterator[tuple[bytes, bool]]:
        """Yellow Paper, appendix D: a node of under 32 bytes stands in its parent, a longer one by hash."""
        if isinstance(child, list):
            yield from self._children(child, holds_accounts)
        elif child:
            yield child, holds_accounts

    def _add(self, key: bytes) -> None:
        with self._lock:
            self._fresh.add(key)
            if len(self._fresh) >= SLICE_ENTRIES:
                self._database.write([(entry, b"") for entry in self._fresh])
                self._fresh.clear()


def _sweep(store: Store, marks: Marks, pause: Callable[[], bool]) -> int:
    keys = (key[len(STATE) :] for key, _ in store.database.scan(STATE))
    swept = 0
    while piece := list(islice(keys, SLICE_ENTRIES)):
        with store.writing:
            garbage = [key for key in piece if key not in marks]
            store.drop_state(garbage)
        swept += len(garbage)
        if pause():
            return swept
    return swept
