"""What the database holds: its tables, and the entries that a block gives.

A table is the first byte of its keys. Numbers in keys are big endian, so that a table's order is the chain's.
"""

import struct
from collections.abc import Iterable, Iterator
from dataclasses import replace

import rlp
from rlp.codec import encode_raw

from node.block import Block, Header, Receipt, UncheckedBlock, Withdrawal
from node.engine import Engine, Entry
from node.errors import StoreError
from node.transaction import Transaction, included_transaction

META = b"m"
STATE = b"s"
HEADERS = b"h"
NUMBERS = b"n"
BODIES = b"b"
EXTRAS = b"x"
RECEIPTS = b"r"
TRANSACTIONS = b"t"
LOG_ADDRESSES = b"a"
LOG_TOPICS = b"l"
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


def decode_body(encoded: bytes, chain_id: int) -> Transaction:
    """A transaction as the database has it."""
    raw, sender = rlp.decode(encoded)
    return included_transaction(raw, chain_id, sender)


def stored_head(database: Engine) -> tuple[int | None, int]:
    """(Number of the last block, offset in the journal after it); (``None``, 0) before genesis."""
    value = database.get(HEAD_KEY)
    if value is None:
        return None, 0
    number, _, end = HEAD.unpack(value)
    return number, end


def stored_floor(database: Engine) -> int:
    """The first block, other than block 0, from which on all states are kept; 0 if all are."""
    value = database.get(FLOOR_KEY)
    return 0 if value is None else int(NUMBER.unpack(value)[0])


def stored_block(database: Engine, number: int) -> UncheckedBlock:
    """A block as other nodes are given it (``StoreError`` if it isn't there)."""
    key = NUMBER.pack(number)
    encoded = database.get(HEADERS + key)
    if encoded is None:
        raise StoreError(f"block {number} is missing from the database")
    header = Header.from_raw(rlp.decode(encoded))
    raws = tuple(rlp.decode(value)[0] for _, value in database.scan(BODIES + key))
    return UncheckedBlock(header, raws, *_stored_extras(database.get(EXTRAS + key), header))


def _stored_extras(
    encoded: bytes | None, header: Header
) -> tuple[tuple[Header, ...], tuple[Withdrawal, ...] | None]:
    """Our own networks' blocks have neither and store nothing: theirs are none and an empty list."""
    if encoded is None:
        return (), None if header.withdrawals_root is None else ()
    uncles, *withdrawals = rlp.decode(encoded)
    return (
        tuple(Header.from_raw(entry) for entry in uncles),
        tuple(Withdrawal.from_raw(entry) for entry in withdrawals[0]) if withdrawals else None,
    )


def entry_name(key: bytes) -> str:
    """An entry of the database in words."""
    table, rest = key[:1], key[1:]
    if table in (BODIES, RECEIPTS):
        number, index = POSITION.unpack(rest)
        return f"the {TABLES[table]} {index} of block {number}"
    if table in (HEADERS, EXTRAS):
        return f"the {TABLES[table]} of block {NUMBER.unpack(rest)[0]}"
    if table in (LOG_ADDRESSES, LOG_TOPICS):
        return f"the {TABLES[table]} of 0x{rest[:-8].hex()} at block {NUMBER.unpack(rest[-8:])[0]}"
    return f"the {TABLES.get(table, 'entry')} 0x{rest.hex()}"
