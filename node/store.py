"""The durable store: a journal of blocks, and a database that answers everything about them.

A block is appended to the journal with one fsync; then its state, header, body, receipts, indexes and the
new head go into the database as one batch. The journal alone says what the chain is, the database follows
from it. What the database lacks after a crash, a power cut or damage is run again from the journal; what
the journal lacks is written again from the database; only damage to both loses anything
(docs/decisions/0015).

State is addressed by hash. The database keeps the states of all blocks, or of the last ones
(``node.prune``).
"""

import logging
import shutil
import struct
import threading
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import replace
from pathlib import Path

import rlp
from eth.db.atomic import AtomicDB
from eth.db.backends.base import BaseDB
from eth_utils.crypto import keccak
from lru import LRU
from rlp.codec import encode_raw

from node.block import Block, Header, Receipt, UncheckedBlock, Withdrawal, decode_stored_receipt
from node.engine import Engine, Entry
from node.errors import DamagedStore, StateUnavailable, StoreError
from node.journal import Journal
from node.transaction import Transaction, included_transaction

JOURNAL_NAME = "blocks.journal"
DATABASE_NAME = "database"
DAMAGED_NAME = "database.damaged"
NODE_CACHE_ENTRIES = 80_000
NODE_BYTES_MAX = 1_024
"""Trie nodes are shorter; what is longer is contract code."""
CODE_CACHE_ENTRIES = 512
HEADER_CACHE_ENTRIES = 4_096

META, STATE, HEADERS, NUMBERS, BODIES, EXTRAS, RECEIPTS, TRANSACTIONS, LOG_ADDRESSES, LOG_TOPICS = (
    b"m",
    b"s",
    b"h",
    b"n",
    b"b",
    b"x",
    b"r",
    b"t",
    b"a",
    b"l",
)
"""The tables: a key's first byte."""
TABLES = {
    HEADERS: "header",
    NUMBERS: "block number",
    BODIES: "transaction",
    EXTRAS: "list of uncles and withdrawals",
    RECEIPTS: "receipt",
    TRANSACTIONS: "transaction position",
    LOG_ADDRESSES: "log index",
    LOG_TOPICS: "log index",
    STATE: "state",
}
"""What an entry of each table is called."""
HEAD_KEY = META + b"head"
FLOOR_KEY = META + b"floor"
HASH_BYTES = 32
NUMBER = struct.Struct(">Q")
POSITION = struct.Struct(">QI")
HEAD = struct.Struct(">QQQ")
"""Number of the last block, start and end of its record in the journal."""

log = logging.getLogger(__name__)


class StateView(BaseDB):  # type: ignore[misc]
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
        path.mkdir(parents=True, exist_ok=True)
        self.journal = Journal(path / JOURNAL_NAME, durable=durable)
        try:
            self.database = _open_database(path / DATABASE_NAME, self.journal)
        except StoreError:
            self.journal.close()
            raise
        self._nodes: LRU[bytes, bytes] = LRU(NODE_CACHE_ENTRIES)
        self._code: LRU[bytes, bytes] = LRU(CODE_CACHE_ENTRIES)
        self._headers: LRU[int, Header] = LRU(HEADER_CACHE_ENTRIES)
        self._failure: StoreError | None = None
        self._closed = False
        self.writing = threading.Lock()
        """Held while the database changes."""
        self.on_state_written: Callable[[Mapping[bytes, bytes]], None] = _ignore
        """Told each block's new state by hash, with ``writing`` held, before it is stored."""
        try:
            self._head, self._end = self._read_head()
            self._mend_journal()
        except StoreError:
            self.close()
            raise

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
        value = self.database.get(FLOOR_KEY)
        return 0 if value is None else int(NUMBER.unpack(value)[0])

    def require_state(self, number: int) -> None:
        """Check that a block's state is kept.

        Raises:
            StateUnavailable: it isn't.
        """
        floor = self.floor_number()
        if 0 < number < floor:
            raise StateUnavailable(
                f"missing state: block {number} is pruned; this node keeps block 0 and blocks from {floor} on"
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
        return _decode_body(self._at(BODIES, number, index), chain_id)

    def transactions(self, number: int, chain_id: int) -> list[Transaction]:
        """All transactions of a block, in order."""
        return [_decode_body(encoded, chain_id) for encoded in self._of_block(BODIES, number)]

    def count(self, number: int) -> int:
        """How many transactions a block has."""
        return len(self._of_block(BODIES, number))

    def raw_transactions(self, number: int) -> list[bytes]:
        """The signed encodings of a block's transactions, in order."""
        return [rlp.decode(encoded)[0] for encoded in self._of_block(BODIES, number)]

    def extras(self, number: int) -> tuple[tuple[Header, ...], tuple[Withdrawal, ...] | None]:
        """Uncles and withdrawals of a block; ``None`` for those of a block before Shanghai.

        Our own networks' blocks have neither and store nothing: theirs are none and an empty list.
        """
        encoded = self.database.get(EXTRAS + NUMBER.pack(number))
        if encoded is None:
            header = self.header(number)
            return (), None if header is None or header.withdrawals_root is None else ()
        uncles, *withdrawals = rlp.decode(encoded)
        return (
            tuple(Header.from_raw(entry) for entry in uncles),
            tuple(Withdrawal.from_raw(entry) for entry in withdrawals[0]) if withdrawals else None,
        )

    def unchecked_block(self, number: int) -> UncheckedBlock:
        """A block as other nodes are given it (``StoreError`` if it isn't there)."""
        header = self.header(number)
        if header is None:
            raise StoreError(f"block {number} is missing from the database")
        return UncheckedBlock(header, tuple(self.raw_transactions(number)), *self.extras(number))

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

    def raise_floor(self, number: int) -> None:
        """Say, before it's done, that states below a block (other than block 0's) will be dropped."""
        with self.writing:
            self.database.write([(FLOOR_KEY, NUMBER.pack(number))])

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

    def _read_head(self) -> tuple[int | None, int]:
        value = self.database.get(HEAD_KEY)
        if value is None:
            return None, 0
        number, _, end = HEAD.unpack(value)
        return number, end

    def _mend_journal(self) -> None:
        """Cut off an append that never ended; write again what the database has and the journal lost."""
        end, number = self._end, -1 if self._head is None else self._head
        for record in self.journal.records(self._end):
            end, number = record.end, record.number
        damage = self.journal.damage_at(end, number + 1)
        if damage and not damage.torn:
            raise StoreError(_beyond_repair(self.journal.path, number + 1, damage.start))
        if damage:
            log.warning(
                "%s ended in %d bytes of an unfinished block %d, which are dropped",
                self.journal.path.name,
                damage.size,
                number + 1,
            )
            self.journal.cut(damage.start)
        if self._head is not None and number == self._head and not self._journal_has_head(number):
            self._refill_journal(self._head)
        elif self._head is None or number > self._head:
            self._announce(number)

    def _announce(self, last: int) -> None:
        first = 0 if self._head is None else self._head + 1
        if last > 0:
            log.warning(
                "the database ends before block %d; blocks up to %d are run again from %s",
                first,
                last,
                self.journal.path.name,
            )

    def _journal_has_head(self, head: int) -> bool:
        value = self.database.get(HEAD_KEY)
        number, start, end = HEAD.unpack(value) if value else (head, 0, 0)
        record = self.journal.record_at(start) if end <= self.journal.end else None
        if record is None or (record.number, record.end) != (number, end):
            return False
        if record.payload != self.unchecked_block(head).encode():
            raise StoreError(f"{self.journal.path} holds another block {head}: it's of another chain")
        return True

    def _refill_journal(self, head: int) -> None:
        """The journal lost its end: write it again from the database."""
        end, number = 0, -1
        for record in self.journal.records():
            end, number = record.end, record.number
        if number >= head:
            raise StoreError(f"{self.journal.path} and the database don't belong together")
        log.warning(
            "%s is damaged after block %d: blocks %d to %d are written to it again from the database",
            self.journal.path.name,
            number,
            number + 1,
            head,
        )
        self.journal.cut(end)
        start = end
        for lost in range(number + 1, head + 1):
            start, end = self.journal.append(lost, self.unchecked_block(lost).encode())
        self.database.write([(HEAD_KEY, HEAD.pack(head, start, end))])
        self._end = end

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


def entries_of(block: Block) -> Iterator[Entry]:
    """What the database holds about a block, but its state."""
    number = block.header.block_number
    key = NUMBER.pack(number)
    yield HEADERS + key, block.header.encode()
    yield NUMBERS + block.header.hash, key
    if block.uncles or block.withdrawals:
        yield EXTRAS + key, _encode_extras(block)
    for index, (transaction, receipt) in enumerate(zip(block.transactions, block.receipts, strict=True)):
        position = POSITION.pack(number, index)
        yield BODIES + position, encode_raw([transaction.raw, transaction.sender])
        yield RECEIPTS + position, transaction.hash + receipt.encode_stored()
        yield TRANSACTIONS + transaction.hash, position
    yield from _log_index(key, block.receipts)


def _log_index(key: bytes, receipts: Iterable[Receipt]) -> Iterator[Entry]:
    """For each contract and each first topic, the indexes of a block's transactions with such an event."""
    found: dict[bytes, list[int]] = {}
    for index, receipt in enumerate(receipts):
        names = {LOG_ADDRESSES + log.address for log in receipt.logs}
        names |= {LOG_TOPICS + log.topics[0] for log in receipt.logs if log.topics}
        for name in names:
            found.setdefault(name, []).append(index)
    for name, indexes in found.items():
        yield name + key, struct.pack(f">{len(indexes)}I", *indexes)


def journal_payload(block: Block) -> bytes:
    """A block as the journal has it; the genesis block gets its empty list of withdrawals here."""
    unchecked = block.unchecked()
    if unchecked.withdrawals is None and block.header.withdrawals_root is not None:
        unchecked = replace(unchecked, withdrawals=())
    return unchecked.encode()


def _encode_extras(block: Block) -> bytes:
    parts = [[uncle.raw() for uncle in block.uncles]]
    if block.withdrawals is not None:
        parts.append([withdrawal.raw() for withdrawal in block.withdrawals])
    encoded: bytes = encode_raw(parts)
    return encoded


def _decode_body(encoded: bytes, chain_id: int) -> Transaction:
    raw, sender = rlp.decode(encoded)
    return included_transaction(raw, chain_id, sender)


def _ignore(_: Mapping[bytes, bytes]) -> None:
    return


def _open_database(path: Path, journal: Journal) -> Engine:
    """The database; if it is damaged, an empty one instead, to be filled from the journal."""
    try:
        database = Engine.open(path)
        if database.forgotten_files and not _headers_unbroken(database):
            database.close()
            raise DamagedStore(f"the database {path} has lost {', '.join(sorted(database.forgotten_files))}")
    except DamagedStore as exc:
        if journal.record_at(0) is None:
            raise DamagedStore(f"{exc}. {_beyond_repair(journal.path, 0, 0)}") from exc
        aside = path.with_name(DAMAGED_NAME)
        log.error("%s; it is put aside as %s and made again from %s", exc, aside.name, journal.path.name)
        shutil.rmtree(aside, ignore_errors=True)
        path.rename(aside)
        return Engine.open(path)
    return database


def _headers_unbroken(database: Engine) -> bool:
    """Whether every block up to the head is there: a lost file takes whole blocks with it."""
    value = database.get(HEAD_KEY)
    head = HEAD.unpack(value)[0] if value else -1
    return sum(1 for _ in database.scan(HEADERS)) == head + 1


def _beyond_repair(path: Path, number: int, offset: int) -> str:
    return (
        f"{path} is damaged at block {number} (byte {offset}), and the database can't make good for it: "
        "restore a backup of the data directory, or follow the network again as a replica"
    )
