"""The durable store: a journal of blocks, and a database that answers everything about them.

A block is appended to the journal with one fsync; then its state, header, body, receipts, indexes and the
new head go into the database as one batch. The journal alone says what the chain is, the database follows
from it. What the database lacks after a crash, a power cut or damage is run again from the journal; what
the journal lacks is written again from the database; only damage to both loses anything
(docs/decisions/0015).

State is addressed by hash. The database keeps the states of all blocks, or of the last ones
(``node.prune``).
"""

import struct
import threading
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path

import rlp
from eth.db.atomic import AtomicDB
from eth.db.backends.base import BaseDB
from eth_utils.crypto import keccak
from lru import LRU

from node.block import Block, Header, Receipt, UncheckedBlock, Withdrawal, decode_stored_receipt
from node.engine import Entry
from node.errors import StateUnavailable, StoreError
from node.recovery import open_halves
from node.tables import (
    BODIES,
    FLOOR_KEY,
    HASH_BYTES,
    HEAD,
    HEAD_KEY,
    HEADERS,
    LOG_ADDRESSES,
    LOG_TOPICS,
    NUMBER,
    NUMBERS,
    POSITION,
    RECEIPTS,
    STATE,
    TRANSACTIONS,
    decode_body,
    entries_of,
    journal_payload,
    stored_block,
    stored_floor,
    stored_head,
)
from node.transaction import Transaction

NODE_CACHE_ENTRIES = 80_000
NODE_BYTES_MAX = 1_024
"""Trie nodes are shorter; what is longer is contract code."""
CODE_CACHE_ENTRIES = 512
HEADER_CACHE_ENTRIES = 4_096


class StateView(BaseDB):  # type: ignore[misc]  # py-evm has no types
    """Trie nodes and code by hash: the stored ones, and on top of them the ones written here."""

    def __init__(self, store: "Store") -> None:
        self._store = store
        self.writes: dict[bytes, bytes] = {}
        """What the block being built adds, not stored yet."""

    def __getitem__(self, key: bytes) -> bytes:
        value = self.writes.get(key)
        return self._store.state_value(key) if value is None else value

    def __setitem__(self, key: bytes, value: bytes) -> None:
        self.writes[key] = value

    def __delitem__(self, key: bytes) -> None:
        del self.writes[key]

    def _exists(self, key: bytes) -> bool:
        return key in self.writes or self._store.has_state_value(key)

    def database(self) -> AtomicDB:
        """The same, in the form py-evm takes."""
        return AtomicDB(self)


class Store:
    """Everything a node keeps. Reads are safe from any thread; one thread writes."""

    def __init__(self, path: Path, *, durable: bool = True) -> None:
        """Open or make the store in the directory ``path``; mends what one of its two halves lost.

        ``unapplied`` then tells what must be run again before the store is used.

        Args:
            durable: false for a store that is thrown away; then nothing waits for the disk.

        Raises:
            StoreError: it can't be opened, or both halves are damaged; the message says what to do.
        """
        self.path = path
        self.journal, self.database = open_halves(path, durable=durable)
        self._head, self._end = stored_head(self.database)
        self._floor = stored_floor(self.database)
        self._nodes: LRU[bytes, bytes] = LRU(NODE_CACHE_ENTRIES)
        self._code: LRU[bytes, bytes] = LRU(CODE_CACHE_ENTRIES)
        self._headers: LRU[int, Header] = LRU(HEADER_CACHE_ENTRIES)
        self._failure: StoreError | None = None
        self._closed = False
        self.writing = threading.Lock()
        """Held while the database changes."""
        self.on_state_written: Callable[[Mapping[bytes, bytes]], None] = _ignore
        """Told each block's new state by hash, with ``writing`` held, before it is stored."""

    def close(self) -> None:
        """Release the files; every block is on disk already."""
        if not self._closed:
            self._closed = True
            self.database.close()
            self.journal.close()

    def unapplied(self) -> Iterator[UncheckedBlock]:
        """Blocks the journal has and the database lacks, in order; commit each before the next.

        Raises:
            StoreError: the journal is damaged before its end.
        """
        while self._end < self.journal.end:
            end = self._end
            record = self.journal.record_at(end)
            if record is None:
                raise StoreError(f"{self.journal.path} changed while it was read")
            yield UncheckedBlock.decode(record.payload)
            if self._end == end:
                raise StoreError(f"block {record.number} of {self.journal.path.name} wasn't taken")

    def state_value(self, key: bytes) -> bytes:
        """A trie node or code by its hash; ``KeyError`` if there is none."""
        cached = self._nodes.get(key) or self._code.get(key)
        if cached is not None:
            return cached
        value = self.state_value_uncached(key)
        self._remember(key, value)
        return value

    def state_value_uncached(self, key: bytes) -> bytes:
        """The same, from the database and without remembering it."""
        value = self.database.get(STATE + key)
        if value is None:
            raise KeyError(key)
        return value

    def has_state_value(self, key: bytes) -> bool:
        """Whether a trie node or code with this hash is stored."""
        return key in self._nodes or key in self._code or self.database.get(STATE + key) is not None

    def head_number(self) -> int | None:
        """Number of the last complete block; ``None`` before genesis."""
        return self._head

    def floor_number(self) -> int:
        """The states of this block and of all later ones are there; so is that of block 0."""
        return self._floor

    def require_state(self, number: int) -> None:
        """Check that a block's state is kept.

        Raises:
            StateUnavailable: it isn't.
        """
        if 0 < number < self._floor:
            raise StateUnavailable(
                f"missing state: block {number} is pruned; "
                f"this node keeps block 0 and blocks from {self._floor} on"
            )

    def header(self, number: int) -> Header | None:
        """The header of a block."""
        cached = self._headers.get(number)
        if cached is not None:
            return cached
        encoded = self.database.get(HEADERS + NUMBER.pack(number))
        if encoded is None:
            return None
        header = Header.from_raw(rlp.decode(encoded))
        vars(header)["hash"] = keccak(encoded)  # what the cached property would encode again to find
        self._headers[number] = header
        return header

    def number_of(self, block_hash: bytes) -> int | None:
        """The number of the block with this hash."""
        value = self.database.get(NUMBERS + block_hash)
        return None if value is None else int(NUMBER.unpack(value)[0])

    def position_of(self, transaction_hash: bytes) -> tuple[int, int] | None:
        """(block number, index) of a transaction."""
        value = self.database.get(TRANSACTIONS + transaction_hash)
        if value is None:
            return None
        number, index = POSITION.unpack(value)
        return number, index

    def transaction(self, number: int, index: int, chain_id: int) -> Transaction:
        """One transaction of a block (``StoreError`` if it isn't there)."""
        return decode_body(self._at(BODIES, number, index), chain_id)

    def transactions(self, number: int, chain_id: int) -> list[Transaction]:
        """All transactions of a block, in order."""
        return [decode_body(encoded, chain_id) for encoded in self._of_block(BODIES, number)]

    def count(self, number: int) -> int:
        """How many transactions a block has."""
        return len(self._of_block(BODIES, number))

    def raw_transactions(self, number: int) -> list[bytes]:
        """The signed encodings of a block's transactions, in order."""
        return [rlp.decode(encoded)[0] for encoded in self._of_block(BODIES, number)]

    def extras(self, number: int) -> tuple[tuple[Header, ...], tuple[Withdrawal, ...] | None]:
        """Uncles and withdrawals of a block; ``None`` for those of a block before Shanghai."""
        block = self.unchecked_block(number)
        return block.uncles, block.withdrawals

    def unchecked_block(self, number: int) -> UncheckedBlock:
        """A block as other nodes are given it (``StoreError`` if it isn't there)."""
        return stored_block(self.database, number)

    def receipt(self, number: int, index: int) -> Receipt:
        """One receipt of a block (``StoreError`` if it isn't there)."""
        return decode_stored_receipt(self._at(RECEIPTS, number, index)[HASH_BYTES:])

    def hashed_receipt(self, number: int, index: int) -> tuple[bytes, Receipt]:
        """The same with the transaction's hash."""
        value = self._at(RECEIPTS, number, index)
        return value[:HASH_BYTES], decode_stored_receipt(value[HASH_BYTES:])

    def receipts(self, number: int) -> list[Receipt]:
        """All receipts of a block, in order."""
        return [receipt for _, receipt in self.hashed_receipts(number)]

    def hashed_receipts(self, number: int) -> Iterator[tuple[bytes, Receipt]]:
        """The same, each with the transaction's hash."""
        for value in self._of_block(RECEIPTS, number):
            yield value[:HASH_BYTES], decode_stored_receipt(value[HASH_BYTES:])

    def logged_by(self, address: bytes, first: int, last: int) -> set[tuple[int, int]]:
        """(block number, index) of transactions in ``[first, last]`` with an event of this contract."""
        return set(self._indexed(LOG_ADDRESSES + address, first, last))

    def logged_as(self, topic: bytes, first: int, last: int) -> set[tuple[int, int]]:
        """(block number, index) of transactions in ``[first, last]`` with an event of this first topic."""
        return set(self._indexed(LOG_TOPICS + topic, first, last))

    def commit_block(self, block: Block, state_writes: dict[bytes, bytes]) -> None:
        """Store a block and the state it made, durably, as the new head.

        Raises:
            StoreError: the disk is full or fails, or the journal has another block there. The head is as
                before, and nothing more can be stored until the store is opened again.
        """
        if self._failure:
            raise self._failure
        try:
            start, end = self._enter(block)
            with self.writing:
                self.on_state_written(state_writes)
                self.database.write(self._batch(block, state_writes, start, end))
                self._head, self._end = block.header.block_number, end
        except StoreError as exc:
            self._failure = exc
            raise
        for key, value in state_writes.items():
            self._remember(key, value)
        self._headers[block.header.block_number] = block.header

    def forget_observer(self) -> None:
        """Tell nobody any more; hold ``writing``."""
        self.on_state_written = _ignore

    def drop_state(self, keys: list[bytes]) -> None:
        """Forget trie nodes and code; hold ``writing``."""
        self.database.write((), [STATE + key for key in keys])
        for key in keys:
            for cache in (self._nodes, self._code):
                if key in cache:
                    del cache[key]

    def compact_state(self) -> None:
        """Give the space of dropped state back at once; every thread waits for it, so no node should run.

        Left alone, RocksDB does it by and by.
        """
        self.database.compact(STATE)

    def raise_floor(self, number: int) -> None:
        """Say, before it's done, that states below a block (other than block 0's) will be dropped."""
        with self.writing:
            self.database.write([(FLOOR_KEY, NUMBER.pack(number))])
            self._floor = number

    def _enter(self, block: Block) -> tuple[int, int]:
        """The block's place in the journal: the one it has already, or a new one at the end."""
        number, payload = block.header.block_number, journal_payload(block)
        if self._end == self.journal.end:
            return self.journal.append(number, payload)
        record = self.journal.record_at(self._end)
        if record is None or record.payload != payload:
            raise StoreError(f"{self.journal.path} holds another block {number}: it's of another chain")
        return record.start, record.end

    def _batch(self, block: Block, state_writes: dict[bytes, bytes], start: int, end: int) -> Iterator[Entry]:
        for node_hash, node in state_writes.items():
            yield STATE + node_hash, node
        yield from entries_of(block)
        yield HEAD_KEY, HEAD.pack(block.header.block_number, start, end)

    def _remember(self, key: bytes, value: bytes) -> None:
        cache = self._nodes if len(value) <= NODE_BYTES_MAX else self._code
        cache[key] = value

    def _at(self, table: bytes, number: int, index: int) -> bytes:
        value = self.database.get(table + POSITION.pack(number, index))
        if value is None:
            raise StoreError(f"transaction {index} of block {number} is missing from the database")
        return value

    def _of_block(self, table: bytes, number: int) -> list[bytes]:
        return [value for _, value in self.database.scan(table + NUMBER.pack(number))]

    def _indexed(self, prefix: bytes, first: int, last: int) -> Iterator[tuple[int, int]]:
        for key, value in self.database.scan(prefix, NUMBER.pack(first)):
            number: int = NUMBER.unpack(key[len(prefix) :])[0]
            if number > last:
                return
            for (index,) in struct.iter_unpack(">I", value):
                yield number, index


def _ignore(_: Mapping[bytes, bytes]) -> None:
    return
