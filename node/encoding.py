"""RLP read strictly: what isn't in its one canonical form is refused by name (Yellow Paper, appendix B)."""

from collections.abc import Sequence
from typing import TypeAlias

import rlp

from node.errors import MalformedBlock

Encoded: TypeAlias = bytes | Sequence["Encoded"]
"""What RLP decodes to: bytes, or a list of such."""
DEPTH_MAX = 16
"""Lists in lists; a storage key of an access list in a block is at 7."""
SHORT_BYTES_MAX = 55
"""Longer payloads have their length before them."""
SHALLOW_BYTES_MAX = 200
"""Every level takes a byte, so a list this short isn't nested deeper than the decoder's recursion bears."""


def decode(encoded: bytes, name: str) -> Encoded:
    """Decode one item that fills ``encoded``.

    Raises:
        MalformedBlock: it isn't RLP, or nested too deep.
    """
    _validate_nesting(encoded, name)
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
        raise MalformedBlock(f"{name}: a number of {len(digits)} bytes is out of range")
    return value


def _validate_nesting(encoded: bytes, name: str) -> None:
    """Refuse what would exhaust the stack of the decoder, which recurses and would take the process along."""
    waiting = [(0, len(encoded), 0)]
    while waiting:
        place, end, depth = waiting.pop()
        if depth > DEPTH_MAX:
            raise MalformedBlock(f"{name}: lists nested deeper than {DEPTH_MAX}")
        while place < end:
            is_list = encoded[place] >= 0xC0
            first, place = _payload(encoded, place)
            if place > end:
                raise MalformedBlock(f"{name}: no RLP: an item is longer than what holds it")
            if is_list and place - first > SHALLOW_BYTES_MAX:
                waiting.append((first, place, depth + 1))


def _payload(encoded: bytes, place: int) -> tuple[int, int]:
    """(start, end) of what the item at a place holds."""
    prefix = encoded[place]
    if prefix < 0x80:
        return place, place + 1
    short = prefix - (0xC0 if prefix >= 0xC0 else 0x80)
    if short <= SHORT_BYTES_MAX:
        return place + 1, place + 1 + short
    start = place + 1 + short - SHORT_BYTES_MAX
    return start, start + int.from_bytes(encoded[place + 1 : start], "big")
