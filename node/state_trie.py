"""The state's tries: one key read, or all changes of a block written in one pass.

Yellow Paper, appendix D. Keys are hashes, so all are 32 bytes and no branch holds a value. py-evm's
HexaryTrie writes one key after the other, each from the root; a block's changes share most of that way. Nodes
are named by their hash and never change, so decoded ones are kept for all blocks and all threads alike.
"""

from collections.abc import Callable, Mapping, Sequence
from itertools import groupby
from typing import TypeAlias

from eth_utils.crypto import keccak
from lru import LRU
from rlp.codec import decode_raw, encode_raw

from node.trie import EMPTY_ROOT, hex_prefix, nibbles_of, split_hex_prefix

__all__ = ["EMPTY_ROOT", "NODES_MAX", "Reader", "read", "updated"]

Node: TypeAlias = Sequence["Node | bytes"]
"""Seventeen items (branch) or two (extension or leaf); an empty sequence where there is nothing."""
Reader: TypeAlias = Callable[[bytes], bytes]
"""Gives the RLP of the node with a hash; raises ``KeyError`` where there is none."""
Change: TypeAlias = tuple[bytes, bytes]
"""Key as nibbles; value, or empty to remove it."""

NOTHING: Node = ()
NODES_MAX = 16_384
"""Decoded nodes kept; a branch takes about 1 kB."""
KEY_NIBBLES = 64
_nodes: "LRU[bytes, Node]" = LRU(NODES_MAX)


def read(reader: Reader, root: bytes, key: bytes) -> bytes:
    """The value of a key of 32 bytes; empty if there is none."""
    path, depth, node = nibbles_of(key), 0, _loaded(reader, root)
    while node:
        if len(node) == 17:
            below, depth = node[path[depth]], depth + 1
        else:
            part, is_leaf = _path(node[0])
            if path[depth : depth + len(part)] != part:
                return b""
            if is_leaf:
                return _bytes(node[1])
            below, depth = node[1], depth + len(part)
        node = _child(reader, below)
    return b""


def updated(reader: Reader, root: bytes, changes: Mapping[bytes, bytes]) -> tuple[bytes, dict[bytes, bytes]]:
    """The root after changes, and the RLP of new nodes by hash.

    Args:
        changes: values by keys of 32 bytes; an empty one removes the key.
    """
    update = _Update(reader)
    items = sorted((nibbles_of(key), value) for key, value in changes.items())
    node = update.changed(_loaded(reader, root), items, 0)
    return update.root(node), update.made


class _Update:
    """One pass over one trie."""

    def __init__(self, reader: Reader) -> None:
        self._reader = reader
        self.made: dict[bytes, bytes] = {}

    def root(self, node: Node) -> bytes:
        """The hash of the topmost node, which is stored whatever its size."""
        if not node:
            return EMPTY_ROOT
        return self._stored(node, encode_raw(node))

    def changed(self, node: Node, items: Sequence[Change], depth: int) -> Node:
        """The node after ``items``, sorted, all of whose keys lead to it."""
        if not items:
            return node
        if not node:
            return self._built([item for item in items if item[1]], depth)
        if len(node) == 17:
            return self._changed_branch(node, items, depth)
        path, is_leaf = _path(node[0])
        if is_leaf:
            return self._changed_leaf(items[0][0][:depth] + path, _bytes(node[1]), items, depth)
        return self._changed_extension(path, node[1], items, depth)

    def _changed_leaf(self, key: bytes, value: bytes, items: Sequence[Change], depth: int) -> Node:
        values = {key: value, **dict(items)}
        return self._built(sorted(item for item in values.items() if item[1]), depth)

    def _changed_extension(
        self, path: bytes, below: Node | bytes, items: Sequence[Change], depth: int
    ) -> Node:
        first, last = items[0][0][depth:], items[-1][0][depth:]
        shared = min(_shared(path, first), _shared(path, last))
        if shared == len(path):
            child = self.changed(_child(self._reader, below), items, depth + shared)
            return self._extended(path, child)
        branch: list[Node | bytes] = [b""] * 17
        rest = path[shared + 1 :]
        branch[path[shared]] = self._reference([hex_prefix(rest, leaf=False), below]) if rest else below
        return self._extended(path[:shared], self._changed_branch(branch, items, depth + shared))

    def _changed_branch(self, node: Node, items: Sequence[Change], depth: int) -> Node:
        branch = list(node)
        for nibble, group in groupby(items, key=lambda item: item[0][depth]):
            child = self.changed(_child(self._reader, branch[nibble]), list(group), depth + 1)
            branch[nibble] = self._reference(child)
        left = [nibble for nibble in range(16) if branch[nibble]]
        if len(left) > 1:
            return branch
        if not left:
            return NOTHING
        return self._extended(bytes(left), _child(self._reader_of_made, branch[left[0]]))

    def _built(self, items: Sequence[Change], depth: int) -> Node:
        """A node over nothing but ``items``, sorted, which share their first ``depth`` nibbles."""
        if not items:
            return NOTHING
        first, last = items[0][0], items[-1][0]
        if len(items) == 1:
            return [hex_prefix(first[depth:], leaf=True), items[0][1]]
        shared = depth + _shared(first[depth:], last[depth:])
        branch: list[Node | bytes] = [b""] * 17
        for nibble, group in groupby(items, key=lambda item: item[0][shared]):
            branch[nibble] = self._reference(self._built(list(group), shared + 1))
        return self._extended(first[depth:shared], branch)

    def _extended(self, path: bytes, child: Node) -> Node:
        """The child behind a path: one node where both can be one."""
        if not child or not path:
            return child
        if len(child) == 17:
            return [hex_prefix(path, leaf=False), self._reference(child)]
        own, is_leaf = _path(child[0])
        return [hex_prefix(path + own, leaf=is_leaf), child[1]]

    def _reference(self, node: Node) -> Node | bytes:
        """A node inside its parent: itself if its RLP is under 32 bytes, else its hash."""
        if not node:
            return b""
        encoded = encode_raw(node)
        return node if len(encoded) < 32 else self._stored(node, encoded)

    def _stored(self, node: Node, encoded: bytes) -> bytes:
        name: bytes = keccak(encoded)
        self.made[name] = encoded
        _nodes[name] = node
        return name

    def _reader_of_made(self, name: bytes) -> bytes:
        made = self.made.get(name)
        return self._reader(name) if made is None else made


def _loaded(reader: Reader, name: bytes) -> Node:
    if name == EMPTY_ROOT:
        return NOTHING
    node: Node | None = _nodes.get(name)
    if node is None:
        node = _nodes[name] = decode_raw(reader(name), True, False)[0]
    return node


def _child(reader: Reader, below: Node | bytes) -> Node:
    if not isinstance(below, bytes):
        return below
    return _loaded(reader, below) if below else NOTHING


def _bytes(value: Node | bytes) -> bytes:
    if not isinstance(value, bytes):
        raise TypeError("a value is bytes")
    return value


def _shared(one: bytes, other: bytes) -> int:
    """How many nibbles two paths begin with alike."""
    for place, (left, right) in enumerate(zip(one, other, strict=False)):
        if left != right:
            return place
    return min(len(one), len(other))


def _path(encoded: Node | bytes) -> tuple[bytes, bool]:
    """What a node's first entry says."""
    return split_hex_prefix(_bytes(encoded))
