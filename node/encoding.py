"""RLP read strictly: what isn't in its one canonical form is refused by name (Yellow Paper, appendix B)."""

from collections.abc import Sequence
from typing import TypeAlias

import rlp

from node.errors import MalformedBlock

Encoded: TypeAlias = bytes | Sequence["Encoded"]
"""What RLP decodes to: bytes, or a list of such."""


def decode(encoded: bytes, name: str) -> Encoded:
    """Decode one item that fills ``encoded``.

    Raises:
        MalformedBlock: it isn't RLP.
    """
    try:
        decoded: Encoded = rlp.decode(encoded)
    except rlp.exceptions.DecodingError as exc:
        raise MalformedBlock(f"{name}: no RLP: {exc}") from exc
    return decoded


def number(value: int) -> bytes:
    """The shortest big-endian form; nothing for zero."""
    return value.to_bytes((value.bit_length() + 7) // 8, "big")


def expect_list(raw: Encoded, name: str) -> Sequence[Encoded]:
    """A list."""
    if isinstance(raw, bytes):
        raise MalformedBlock(f"{name}: a list expected")
    return raw


def fixed(raw: Encoded, name: str, size: int | None) -> bytes:
    """Bytes, of ``size`` where it is given."""
    if not isinstance(raw, bytes):
        raise MalformedBlock(f"{name}: bytes expected")
    if size is not None and len(raw) != size:
        raise MalformedBlock(f"{name}: {size} bytes expected, {len(raw)} given")
    return raw


def uint(raw: Encoded, name: str, maximum: int = 2**256 - 1) -> int:
    """A number without leading zeros."""
    digits = fixed(raw, name, None)
    if digits.startswith(b"\0"):
        raise MalformedBlock(f"{name}: a number with leading zeros")
    value = int.from_bytes(digits, "big")
    if value > maximum:
        raise MalformedBlock(f"{name}: {value} is out of range")
    return value
