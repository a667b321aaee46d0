"""Block headers of every fork from Frontier to Prague: one value, as many fields as its fork has."""

from dataclasses import dataclass, fields, replace
from functools import cached_property
from typing import Any, Self

from eth_utils.crypto import keccak
from rlp.codec import encode_raw

from node.encoding import Encoded, expect_list, fixed, number, uint
from node.errors import Difference, MalformedBlock
from node.trie import EMPTY_ROOT

EMPTY_LIST_HASH = keccak(b"\xc0")
"""Hash of an empty list of uncles."""
SIZES = {
    "parent_hash": 32,
    "uncles_hash": 32,
    "coinbase": 20,
    "state_root": 32,
    "transaction_root": 32,
    "receipt_root": 32,
    "mix_hash": 32,
    "nonce": 8,
    "withdrawals_root": 32,
    "parent_beacon_block_root": 32,
    "requests_hash": 32,
}
"""Fields of a fixed number of bytes."""
BLOOM_BYTES = 256
SHOWN_MAX = 80
"""Longer values, as blooms are, are cut for people."""
FIELD_COUNTS = (15, 16, 17, 20, 21)
"""Frontier, London, Shanghai, Cancun, Prague."""


@dataclass(frozen=True)
class Header:
    """A header (Yellow Paper §4.3), its fields in the order of its encoding.

    Those that came with a later fork are ``None`` in a header from before it.
    """

    parent_hash: bytes = bytes(32)
    uncles_hash: bytes = EMPTY_LIST_HASH
    coinbase: bytes = bytes(20)
    state_root: bytes = EMPTY_ROOT
    transaction_root: bytes = EMPTY_ROOT
    receipt_root: bytes = EMPTY_ROOT
    bloom: int = 0
    difficulty: int = 0
    block_number: int = 0
    gas_limit: int = 0
    gas_used: int = 0
    timestamp: int = 0
    """Unix seconds."""
    extra_data: bytes = b""
    mix_hash: bytes = bytes(32)
    """PREVRANDAO from the merge on."""
    nonce: bytes = bytes(8)
    base_fee_per_gas: int | None = None
    """wei (EIP-1559, London)."""
    withdrawals_root: bytes | None = None
    """EIP-4895, Shanghai."""
    blob_gas_used: int | None = None
    """EIP-4844, Cancun."""
    excess_blob_gas: int | None = None
    parent_beacon_block_root: bytes | None = None
    """EIP-4788, Cancun."""
    requests_hash: bytes | None = None
    """EIP-7685, Prague."""

    @cached_property
    def hash(self) -> bytes:
        """The block's hash."""
        return keccak(self.encode())

    @property
    def base_fee(self) -> int:
        """wei a unit of gas; zero before London."""
        return self.base_fee_per_gas or 0

    def copy(self, **changes: Any) -> Self:
        """The header with some fields replaced."""
        return replace(self, **changes)

    def differences(self, expected: Self) -> tuple[Difference, ...]:
        """The fields in which this header isn't what it should be."""
        pairs = ((name, getattr(self, name), getattr(expected, name)) for name in NAMES)
        return tuple(
            Difference(name, _shown(claimed), _shown(computed))
            for name, claimed, computed in pairs
            if claimed != computed
        )

    def raw(self) -> list[bytes]:
        """The fields as RLP takes them."""
        values = (getattr(self, name) for name in NAMES)
        raw = [number(value) if type(value) is int else value for value in values if value is not None]
        raw[BLOOM_PLACE] = self.bloom.to_bytes(BLOOM_BYTES, "big")
        return raw

    def encode(self) -> bytes:
        """RLP."""
        encoded: bytes = encode_raw(self.raw())
        return encoded

    @classmethod
    def from_raw(cls, raw: Encoded) -> Self:
        """The header in a decoded list.

        Raises:
            MalformedBlock: wrong number, size or form of a field.
        """
        values = expect_list(raw, "header")
        if len(values) not in FIELD_COUNTS:
            counts = ", ".join(str(count) for count in FIELD_COUNTS)
            raise MalformedBlock(f"a header has {counts} fields, not {len(values)}")
        return cls(**{name: _field(name, value) for name, value in zip(NAMES, values, strict=False)})


NAMES = tuple(field.name for field in fields(Header))
BLOOM_PLACE = NAMES.index("bloom")


def _shown(value: object) -> str:
    text = f"0x{value.hex()}" if isinstance(value, bytes) else str(value)
    return text if len(text) <= SHOWN_MAX else f"{text[:20]}…{text[-20:]}"


def _field(name: str, value: Encoded) -> Any:
    if name in SIZES:
        return fixed(value, name, SIZES[name])
    if name == "bloom":
        return int.from_bytes(fixed(value, name, BLOOM_BYTES), "big")
    if name == "extra_data":
        return fixed(value, name, None)
    return uint(value, name)
