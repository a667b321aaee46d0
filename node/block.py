"""Blocks and receipts: what is stored and exchanged, and the roots and blooms a header commits to."""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from functools import lru_cache, reduce
from operator import or_
from typing import Any, BinaryIO, Self

from eth_utils.crypto import keccak
from rlp import decode as rlp_decode
from rlp.codec import encode_raw

from node.encoding import Encoded, decode, expect_list, fixed, number, uint
from node.errors import MalformedBlock
from node.header import Header
from node.transaction import Transaction
from node.trie import trie_root
from node.vm import Log, Outcome

__all__ = [
    "Block",
    "Header",
    "Receipt",
    "UncheckedBlock",
    "Withdrawal",
    "logs_bloom",
    "make_receipt",
    "read_blocks",
    "with_results",
]

BLOCK_SIZE_MAX_BYTES = 1 << 30
"""Longest encoding of one block that is read from a file."""
UINT64_MAX = 2**64 - 1


@dataclass(frozen=True, slots=True)
class Withdrawal:
    """Coin that comes from the consensus layer (EIP-4895)."""

    index: int
    validator_index: int
    address: bytes
    amount: int
    """Gwei."""

    def raw(self) -> list[bytes]:
        """The fields as RLP takes them."""
        return [number(self.index), number(self.validator_index), self.address, number(self.amount)]

    @classmethod
    def from_raw(cls, raw: Encoded) -> Self:
        """The withdrawal in a decoded list (``MalformedBlock``)."""
        values = expect_list(raw, "withdrawal")
        if len(values) != 4:
            raise MalformedBlock(f"a withdrawal has 4 fields, not {len(values)}")
        index, validator, address, amount = values
        return cls(
            uint(index, "index", UINT64_MAX),
            uint(validator, "validatorIndex", UINT64_MAX),
            fixed(address, "address", 20),
            uint(amount, "amount", UINT64_MAX),
        )


@dataclass(frozen=True, slots=True)
class Receipt:
    """What one transaction did (EIP-658), plus what JSON-RPC tells beside it."""

    type_id: int
    succeeded: bool
    cumulative_gas_used: int
    """Gas of the block up to and including this transaction."""
    gas_used: int
    contract_address: bytes
    """The created contract, or empty."""
    logs: tuple[Log, ...]
    first_log_index: int
    """Position in the block of the receipt's first log."""
    post_state: bytes = b""
    """State root after the transaction; empty from Byzantium on, which tells success instead."""

    @property
    def bloom(self) -> int:
        """The 2048-bit bloom of the receipt's logs (Yellow Paper §4.3.1)."""
        return logs_bloom(self.logs)

    def encode_consensus(self) -> bytes:
        """The bytes the receipts trie holds (EIP-2718)."""
        bloom = self.bloom.to_bytes(256, "big")
        status = self.post_state or (b"\x01" if self.succeeded else b"")
        body: bytes = encode_raw([status, number(self.cumulative_gas_used), bloom, _raw_logs(self.logs)])
        return bytes([self.type_id]) + body if self.type_id else body

    def encode_stored(self) -> bytes:
        """The bytes the store keeps; ``decode_stored_receipt`` reads them."""
        numbers = (
            self.type_id,
            int(self.succeeded),
            self.cumulative_gas_used,
            self.gas_used,
            self.first_log_index,
        )
        encoded: bytes = encode_raw(
            [[number(n) for n in numbers], self.contract_address, _raw_logs(self.logs), self.post_state]
        )
        return encoded


@dataclass(frozen=True, slots=True)
class Block:
    """A block that was made or checked here, with everything it did."""

    header: Header
    transactions: tuple[Transaction, ...]
    receipts: tuple[Receipt, ...]
    uncles: tuple[Header, ...] = ()
    withdrawals: tuple[Withdrawal, ...] | None = None
    """``None`` before Shanghai."""

    def unchecked(self) -> "UncheckedBlock":
        """What another node is given of it."""
        raws = tuple(transaction.raw for transaction in self.transactions)
        return UncheckedBlock(self.header, raws, self.uncles, self.withdrawals)


@dataclass(frozen=True, slots=True)
class UncheckedBlock:
    """A block as it comes from elsewhere: well formed, nothing else is known about it."""

    header: Header
    raw_transactions: tuple[bytes, ...]
    """Signed encodings (EIP-2718)."""
    uncles: tuple[Header, ...] = ()
    withdrawals: tuple[Withdrawal, ...] | None = None

    @property
    def name(self) -> str:
        """How messages call it."""
        return f"block {self.header.block_number} (0x{self.header.hash.hex()})"

    def encode(self) -> bytes:
        """RLP, as files and other nodes have it."""
        transactions = [rlp_decode(raw) if raw[0] >= 0xC0 else raw for raw in self.raw_transactions]
        parts: list[Any] = [self.header.raw(), transactions, [uncle.raw() for uncle in self.uncles]]
        if self.withdrawals is not None:
            parts.append([withdrawal.raw() for withdrawal in self.withdrawals])
        encoded: bytes = encode_raw(parts)
        return encoded

    @classmethod
    def decode(cls, encoded: bytes) -> Self:
        """The block in RLP.

        Raises:
            MalformedBlock: it isn't one.
        """
        parts = expect_list(decode(encoded, "block"), "block")
        if len(parts) not in (3, 4):
            raise MalformedBlock(f"a block has 3 or 4 parts, not {len(parts)}")
        header, transactions, uncles = parts[:3]
        withdrawals = expect_list(parts[3], "withdrawals") if len(parts) == 4 else None
        return cls(
            Header.from_raw(header),
            tuple(_raw_transaction(entry) for entry in expect_list(transactions, "transactions")),
            tuple(Header.from_raw(entry) for entry in expect_list(uncles, "uncles")),
            None if withdrawals is None else tuple(Withdrawal.from_raw(entry) for entry in withdrawals),
        )


def read_blocks(file: BinaryIO) -> Iterator[UncheckedBlock]:
    """The blocks of a file of RLP lists, one after the other.

    Raises:
        MalformedBlock: the file ends within a block, or something else than a block is in it.
    """
    place = 1
    while start := file.read(1):
        length = _list_length(start[0], file, place)
        body = file.read(length[1])
        if len(body) != length[1]:
            raise MalformedBlock(f"the file ends within its entry {place}")
        try:
            yield UncheckedBlock.decode(start + length[0] + body)
        except MalformedBlock as exc:
            raise MalformedBlock(f"entry {place} of the file is no block: {exc}") from exc
        place += 1


def _list_length(first: int, file: BinaryIO, place: int) -> tuple[bytes, int]:
    """The bytes of a list's length after its first one, and the length they say."""
    if first < 0xC0:
        raise MalformedBlock(f"entry {place} of the file is no block: it is no list")
    if first < 0xF8:
        return b"", first - 0xC0
    size = file.read(first - 0xF7)
    length = int.from_bytes(size, "big")
    if len(size) != first - 0xF7 or length > BLOCK_SIZE_MAX_BYTES:
        raise MalformedBlock(f"entry {place} of the file is cut off or too large for a block")
    return size, length


def decode_stored_receipt(encoded: bytes) -> Receipt:
    """The receipt that ``Receipt.encode_stored`` wrote."""
    numbers, contract_address, logs, post_state = rlp_decode(encoded)
    type_id, succeeded, cumulative, gas_used, first_log_index = (int.from_bytes(n, "big") for n in numbers)
    return Receipt(
        type_id,
        bool(succeeded),
        cumulative,
        gas_used,
        contract_address,
        tuple(Log(address, tuple(topics), data) for address, topics, data in logs),
        first_log_index,
        post_state,
    )


def make_receipt(
    transaction: Transaction, outcome: Outcome, previous: Sequence[Receipt], post_state: bytes = b""
) -> Receipt:
    """The receipt of a transaction that ran after those of ``previous``."""
    last = previous[-1] if previous else None
    return Receipt(
        type_id=transaction.type_id,
        succeeded=outcome.succeeded,
        cumulative_gas_used=(last.cumulative_gas_used if last else 0) + outcome.gas_used,
        gas_used=outcome.gas_used,
        contract_address=outcome.contract_address,
        logs=outcome.logs,
        first_log_index=last.first_log_index + len(last.logs) if last else 0,
        post_state=post_state,
    )


def logs_bloom(logs: Iterable[Log]) -> int:
    """The 2048-bit bloom over addresses and topics (Yellow Paper §4.3.1)."""
    bloom = 0
    for entry in {entry for log in logs for entry in (log.address, *log.topics)}:
        bloom |= _bloom_bits(entry)
    return bloom


@lru_cache(maxsize=8_192)
def _bloom_bits(entry: bytes) -> int:
    """The three bits of one address or topic; most come again and again."""
    digest = keccak(entry)
    places = (int.from_bytes(digest[first : first + 2], "big") & 2047 for first in (0, 2, 4))
    return reduce(or_, (1 << place for place in places))


def with_results(header: Header, transactions: Sequence[Transaction], receipts: Sequence[Receipt]) -> Header:
    """The header with all that follows from its transactions and receipts, but the state root."""
    bloom = 0
    for receipt in receipts:
        bloom |= receipt.bloom
    return header.copy(
        transaction_root=trie_root([transaction.raw for transaction in transactions]),
        receipt_root=trie_root([receipt.encode_consensus() for receipt in receipts]),
        bloom=bloom,
        gas_used=receipts[-1].cumulative_gas_used if receipts else 0,
    )


def _raw_logs(logs: Iterable[Log]) -> list[Any]:
    return [[log.address, list(log.topics), log.data] for log in logs]


def _raw_transaction(raw: Encoded) -> bytes:
    """A typed transaction is in a block as bytes, a legacy one as a list (EIP-2718)."""
    if isinstance(raw, bytes):
        if not raw or raw[0] >= 0x80:
            raise MalformedBlock("a transaction that is neither a list nor of a known type")
        return raw
    encoded: bytes = encode_raw(raw)
    return encoded
