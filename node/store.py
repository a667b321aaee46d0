"""The durable store: one LMDB environment, one commit with fsync per block.

A block's state, header, transactions, receipts and indexes become visible together or not at all, so a
process killed anywhere reopens at the last complete block. State is addressed by hash and never pruned,
which keeps every past block callable.
"""

import struct
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import lmdb
import rlp
from eth.db.atomic import AtomicDB
from eth.db.backends.base import BaseDB
from eth_utils.crypto import keccak
from lru import LRU
from rlp.codec import encode_raw

from node.block import Block, Header, Receipt, UncheckedBlock, Withdrawal, decode_stored_receipt
from node.errors import StoreError
from node.transaction import Transaction, included_transaction

MAP_SIZE_BYTES = 1 << 40
"""Most the database may grow to: address space, not disk, is reserved."""
STATE_CACHE_ENTRIES = 100_000
HEADER_CACHE_ENTRIES = 4_096
TABLES = (
    b"meta",
    b"state",
    b"headers",
    b"numbers",
    b"bodies",
    b"receipts",
    b"transactions",
    b"log_addresses",
    b"log_topics",
    b"extras",
)
HEAD_KEY = b"head"
NUMBER = struct.Struct(">Q")
POSITION = struct.Struct(">QI")


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

    def __init__(self, path: Path) -> None:
        """Open or make the environment at ``path``.

        Raises:
            StoreError: it can't be opened.
        """
        try:
            self._env = lmdb.open(str(path), map_size=MAP_SIZE_BYTES, max_dbs=len(TABLES), max_readers=512)
        except lmdb.Error as exc:
            raise StoreError(f"The database at {path} can't be opened: {exc}") from exc
        self._tables = {name: self._env.open_db(name) for name in TABLES}
        self._state_cache: LRU[bytes, bytes] = LRU(STATE_CACHE_ENTRIES)
        self._header_cache: LRU[int, Header] = LRU(HEADER_CACHE_ENTRIES)

    def close(self) -> None:
        """Release the files; every commit is on disk already."""
        self._env.close()

    def state_value(self, key: bytes) -> bytes:
        """A trie node or code by its hash; ``KeyError`` if there is none."""
        cached = self._state_cache.get(key)
        if cached is not None:
            return cached
        value = self._get(b"state", key)
        if value is None:
            raise KeyError(key)
        self._state_cache[key] = value
        return value

    def has_state_value(self, key: bytes) -> bool:
        """Whether a trie node or code with this hash is stored."""
        return key in self._state_cache or self._get(b"state", key) is not None

    def head_number(self) -> int | None:
        """Number of the last complete block; ``None`` before genesis."""
        value = self._get(b"meta", HEAD_KEY)
        return None if value is None else NUMBER.unpack(value)[0]

    def header(self, number: int) -> Header | None:
        """The header of a block."""
        cached = self._header_cache.get(number)
        if cached is not None:
            return cached
        encoded = self._get(b"headers", NUMBER.pack(number))
        if encoded is None:
            return None
        header = Header.from_raw(rlp.decode(encoded))
        self._header_cache[number] = header
        return header

    def number_of(self, block_hash: bytes) -> int | None:
        """The number of the block with this hash."""
        value = self._get(b"numbers", block_hash)
        return None if value is None else NUMBER.unpack(value)[0]

    def position_of(self, transaction_hash: bytes) -> tuple[int, int] | None:
        """(block number, index) of a transaction."""
        value = self._get(b"transactions", transaction_hash)
        if value is None:
            return None
        number, index = POSITION.unpack(value)
        return number, index

    def transaction(self, number: int, index: int, chain_id: int) -> Transaction:
        """One transaction of a block (``StoreError`` if it isn't there)."""
        return _decode_body(self._at(b"bodies", number, index), chain_id)

    def transactions(self, number: int, chain_id: int) -> list[Transaction]:
        """All transactions of a block, in order."""
        return [_decode_body(encoded, chain_id) for encoded in self._of_block(b"bodies", number)]

    def transaction_hash(self, number: int, index: int) -> bytes:
        """Hash of one transaction of a block (``StoreError`` if it isn't there)."""
        return keccak(rlp.decode(self._at(b"bodies", number, index))[0])

    def count(self, number: int) -> int:
        """How many transactions a block has."""
        return len(self._of_block(b"bodies", number))

    def raw_transactions(self, number: int) -> list[bytes]:
        """The signed encodings of a block's transactions, in order."""
        return [rlp.decode(encoded)[0] for encoded in self._of_block(b"bodies", number)]

    def extras(self, number: int) -> tuple[tuple[Header, ...], tuple[Withdrawal, ...] | None]:
        """Uncles and withdrawals of a block; ``None`` for those of a block before Shanghai.

        Our own networks' blocks have neither and store nothing: theirs are none and an empty list.
        """
        encoded = self._get(b"extras", NUMBER.pack(number))
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
        return decode_stored_receipt(self._at(b"receipts", number, index))

    def receipts(self, number: int) -> list[Receipt]:
        """All receipts of a block, in order."""
        return [decode_stored_receipt(encoded) for encoded in self._of_block(b"receipts", number)]

    def blocks_with_address(self, address: bytes, first: int, last: int) -> set[int]:
        """Numbers in ``[first, last]`` of blocks with an event of this contract."""
        return set(self._indexed(b"log_addresses", address, first, last))

    def blocks_with_topic(self, topic: bytes, first: int, last: int) -> set[int]:
        """Numbers in ``[first, last]`` of blocks with an event whose first topic is this."""
        return set(self._indexed(b"log_topics", topic, first, last))

    def commit_block(self, block: Block, state_writes: dict[bytes, bytes]) -> None:
        """Store a block and the state it made, durably, as the new head.

        Raises:
            StoreError: the disk is full or the database damaged; nothing of the block is kept.
        """
        number = block.header.block_number
        key = NUMBER.pack(number)
        with self._writing() as txn:
            for node_hash, node in sorted(state_writes.items()):
                txn.put(node_hash, node, db=self._tables[b"state"])
            txn.put(key, block.header.encode(), db=self._tables[b"headers"])
            txn.put(block.header.hash, key, db=self._tables[b"numbers"])
            if block.uncles or block.withdrawals:
                txn.put(key, _encode_extras(block), db=self._tables[b"extras"])
            self._put_transactions(txn, number, block)
            self._put_log_index(txn, key, block)
            txn.put(HEAD_KEY, key, db=self._tables[b"meta"])
        self._state_cache.update(state_writes)
        self._header_cache[number] = block.header

    def _put_transactions(self, txn: lmdb.Transaction, number: int, block: Block) -> None:
        for index, (transaction, receipt) in enumerate(zip(block.transactions, block.receipts, strict=True)):
            position = POSITION.pack(number, index)
            body = encode_raw([transaction.raw, transaction.sender])
            txn.put(position, body, db=self._tables[b"bodies"])
            txn.put(position, receipt.encode_stored(), db=self._tables[b"receipts"])
            txn.put(transaction.hash, position, db=self._tables[b"transactions"])

    def _put_log_index(self, txn: lmdb.Transaction, key: bytes, block: Block) -> None:
        logs = [log for receipt in block.receipts for log in receipt.logs]
        for address in {log.address for log in logs}:
            txn.put(address + key, b"", db=self._tables[b"log_addresses"])
        for topic in {log.topics[0] for log in logs if log.topics}:
            txn.put(topic + key, b"", db=self._tables[b"log_topics"])

    @contextmanager
    def _writing(self) -> Iterator[lmdb.Transaction]:
        try:
            with self._env.begin(write=True) as txn:
                yield txn
        except lmdb.Error as exc:
            raise StoreError(f"A block couldn't be stored: {exc}") from exc

    def _get(self, table: bytes, key: bytes) -> bytes | None:
        with self._env.begin(db=self._tables[table]) as txn:
            value: bytes | None = txn.get(key)
            return value

    def _at(self, table: bytes, number: int, index: int) -> bytes:
        value = self._get(table, POSITION.pack(number, index))
        if value is None:
            raise StoreError(f"transaction {index} of block {number} is missing from the database")
        return value

    def _of_block(self, table: bytes, number: int) -> list[bytes]:
        prefix, found = NUMBER.pack(number), []
        with self._env.begin(db=self._tables[table]) as txn, txn.cursor() as cursor:
            if cursor.set_range(prefix):
                for key, value in cursor:
                    if not key.startswith(prefix):
                        break
                    found.append(value)
        return found

    def _indexed(self, table: bytes, prefix: bytes, first: int, last: int) -> list[int]:
        end, found = prefix + NUMBER.pack(last), []
        with self._env.begin(db=self._tables[table]) as txn, txn.cursor() as cursor:
            if cursor.set_range(prefix + NUMBER.pack(first)):
                for key in cursor.iternext(keys=True, values=False):
                    if key > end:
                        break
                    found.append(NUMBER.unpack(key[len(prefix) :])[0])
        return found


def _encode_extras(block: Block) -> bytes:
    parts = [[uncle.raw() for uncle in block.uncles]]
    if block.withdrawals is not None:
        parts.append([withdrawal.raw() for withdrawal in block.withdrawals])
    encoded: bytes = encode_raw(parts)
    return encoded


def _decode_body(encoded: bytes, chain_id: int) -> Transaction:
    raw, sender = rlp.decode(encoded)
    return included_transaction(raw, chain_id, sender)
