"""RLP from others: what may not bring the process down, whoever sends it."""

import pytest

from node.block import UncheckedBlock
from node.encoding import DEPTH_MAX, decode, uint
from node.errors import MalformedBlock, TransactionRefused
from node.transaction import decode_transaction


def nested(levels: int) -> bytes:
    """A list in a list in a list …"""
    prefixes, length = [b"\xc0"], 1
    for _ in range(levels):
        if length < 56:
            prefix = bytes([0xC0 + length])
        else:
            size = length.to_bytes((length.bit_length() + 7) // 8, "big")
            prefix = bytes([0xF7 + len(size)]) + size
        prefixes.append(prefix)
        length += len(prefix)
    return b"".join(reversed(prefixes))


@pytest.mark.parametrize("levels", [400, 500_000])
def test_lists_nested_without_end_are_refused(levels: int) -> None:
    with pytest.raises(MalformedBlock, match="nested deeper"):
        UncheckedBlock.decode(nested(levels))
    with pytest.raises(TransactionRefused, match="nested deeper"):
        decode_transaction(nested(levels), 1)


def test_an_item_longer_than_its_list_is_refused_first() -> None:
    too_long = b"\xf9\xff\xff" + nested(300)
    whole = b"\xfa" + len(too_long).to_bytes(3, "big") + too_long
    with pytest.raises(MalformedBlock, match="longer than"):
        decode(whole, "item")


@pytest.mark.parametrize("encoded", [b"", b"\x80\x80", b"\xb8", b"\xf8", b"\xc1", b"\xbf" + b"\xff" * 8])
def test_what_is_no_item_is_refused(encoded: bytes) -> None:
    with pytest.raises(MalformedBlock):
        decode(encoded, "item")


def test_what_blocks_need_is_read() -> None:
    shallow = nested(DEPTH_MAX)
    assert decode(shallow, "item")
    wide = b"\xf9\x03\xe8" + b"\xc0" * 1_000
    assert decode(wide, "item") == [[]] * 1_000


def test_huge_numbers_are_refused_by_their_length() -> None:
    with pytest.raises(MalformedBlock, match="5000 bytes"):
        uint(b"\xff" * 5_000, "gasLimit")
