"""Root of the trie over a block's transactions or receipts, built in one pass.

Yellow Paper, appendix D. py-evm's HexaryTrie inserts one key after another and keeps every node. A block
needs only the root, of keys known beforehand; with 1,000 small transactions that saved a fifth of its time.
"""

from collections.abc import Sequence
from itertools import groupby
from typing import TypeAlias

from eth_utils.crypto import keccak
from rlp.codec import encode_raw

from node.encoding import number

Pair: TypeAlias = tuple[bytes, bytes]
"""Key as nibbles, value."""
Node: TypeAlias = list["Node | bytes"]

EMPTY_ROOT = keccak(b"\x80")
_nibble_of = bytes.maketrans(b"0123456789abcdef", bytes(range(16)))


def trie_root(items: Sequence[bytes]) -> bytes:
    """Root over non-empty ``items`` under the RLP of their positions."""
    if not items:
        return EMPTY_ROOT
    pairs = sorted((nibbles_of(_position_key(position)), item) for position, item in enumerate(items))
    return keccak(encode_raw(_node(pairs, 0)))


def _node(pairs: Sequence[Pair], depth: int) -> Node:
    """The node over ``pairs``, sorted, which share their first ``depth`` nibbles."""
    first, last = pairs[0][0], pairs[-1][0]
    if len(pairs) == 1:
        return [hex_prefix(first[depth:], leaf=True), pairs[0][1]]
    shared = depth
    while shared < len(first) and first[shared] == last[shared]:
        shared += 1
    if shared > depth:
        return [hex_prefix(first[depth:shared], leaf=False), _reference(_node(pairs, shared))]
    branch: Node = [b""] * 17
    if len(first) == depth:
        branch[16] = pairs[0][1]
        pairs = pairs[1:]
    for nibble, group in groupby(pairs, key=lambda pair: pair[0][depth]):
        branch[nibble] = _reference(_node(list(group), depth + 1))
    return branch


def _reference(node: Node) -> Node | bytes:
    """A node inside its parent: itself if its RLP is under 32 bytes, else its hash."""
    encoded = encode_raw(node)
    return node if len(encoded) < 32 else keccak(encoded)


def _position_key(position: int) -> bytes:
    key: bytes = encode_raw(number(position))
    return key


def nibbles_of(key: bytes) -> bytes:
    """A key's half bytes, each as a byte."""
    return key.hex().encode().translate(_nibble_of)


def hex_prefix(nibbles: bytes, *, leaf: bool) -> bytes:
    """Nibbles as bytes with a flag for leaf and oddness (Yellow Paper, appendix C)."""
    flag = 2 * leaf + len(nibbles) % 2
    padded = bytes([flag]) + nibbles if len(nibbles) % 2 else bytes([flag, 0]) + nibbles
    return bytes(high << 4 | low for high, low in zip(padded[::2], padded[1::2], strict=True))


def split_hex_prefix(encoded: bytes) -> tuple[bytes, bool]:
    """(Nibbles, whether a leaf is behind them): what :func:`hex_prefix` put together."""
    nibbles = nibbles_of(encoded)
    return nibbles[2 - nibbles[0] % 2 :], nibbles[0] >= 2
