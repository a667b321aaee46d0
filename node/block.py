"""Blocks and receipts: what is stored, and the roots and blooms a header commits to."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any, TypeAlias

from eth.vm.forks.cancun.blocks import CancunBlockHeader
from eth_bloom.bloom import BloomFilter
from rlp import decode
from rlp.codec import encode_raw

from node.transaction import Transaction
from node.trie import trie_root
from node.vm import Log, Outcome

Header: TypeAlias = CancunBlockHeader


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

    @property
    def bloom(self) -> int:
        """The 2048-bit bloom of the receipt's logs (Yellow Paper §4.3.1)."""
        return logs_bloom(self.logs)

    def encode_consensus(self) -> bytes:
        """The bytes the receipts trie holds (EIP-2718)."""
        bloom = self.bloom.to_bytes(256, "big")
        status = b"\x01" if self.succeeded else b""
        body: bytes = encode_raw([status, _number(self.cumulative_gas_used), bloom, _raw_logs(self.logs)])
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
            [[_number(n) for n in numbers], self.contract_address, _raw_logs(self.logs)]
        )
        return encoded


@dataclass(frozen=True, slots=True)
class Block:
    """A sealed block with everything it did."""

    header: Header
    transactions: tuple[Transaction, ...]
    receipts: tuple[Receipt, ...]


def decode_stored_receipt(encoded: bytes) -> Receipt:
    """The receipt that ``Receipt.encode_stored`` wrote."""
    numbers, contract_address, logs = decode(encoded)
    type_id, succeeded, cumulative, gas_used, first_log_index = (int.from_bytes(n, "big") for n in numbers)
    return Receipt(
        type_id,
        bool(succeeded),
        cumulative,
        gas_used,
        contract_address,
        tuple(Log(address, tuple(topics), data) for address, topics, data in logs),
        first_log_index,
    )


def make_receipt(transaction: Transaction, outcome: Outcome, previous: Sequence[Receipt]) -> Receipt:
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
    )


def logs_bloom(logs: Iterable[Log]) -> int:
    """The 2048-bit bloom over addresses and topics (Yellow Paper §4.3.1)."""
    entries = {entry for log in logs for entry in (log.address, *log.topics)}
    return int(BloomFilter.from_iterable(entries))


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


def _number(value: int) -> bytes:
    return value.to_bytes((value.bit_length() + 7) // 8, "big")
