"""Batch tries against py-trie's, one key after the other: roots, values, and every node that is needed."""

from eth_utils.crypto import keccak
from hypothesis import given, settings
from hypothesis import strategies as st
from trie import HexaryTrie

from node.state_trie import EMPTY_ROOT, read, updated

ENDS = (b"\x00", b"\x01", b"\x10", b"\x11", b"\xf0")
near = st.lists(st.sampled_from(ENDS), min_size=3, max_size=3).map(lambda end: bytes(29) + b"".join(end))
"""Keys with a long way in common, so that branches collapse and extensions split."""
far = st.integers(0, 400).map(lambda number: keccak(b"%d" % number))
keys = st.one_of(near, far)
values = st.one_of(st.just(b""), st.binary(min_size=1, max_size=3), st.binary(min_size=30, max_size=60))
blocks = st.lists(st.dictionaries(keys, values, max_size=40), min_size=1, max_size=6)


@settings(max_examples=200, deadline=None)
@given(blocks)
def test_blocks_of_changes(changes: list[dict[bytes, bytes]]) -> None:
    nodes: dict[bytes, bytes] = {}
    root, other, model = EMPTY_ROOT, HexaryTrie({}), dict[bytes, bytes]()
    for block in changes:
        root, made = updated(nodes.__getitem__, root, block)
        nodes |= made
        for key, value in block.items():
            other[key] = value
        model |= block
        assert root == other.root_hash
        for key, value in model.items():
            assert read(nodes.__getitem__, root, key) == value
    # What was stored is enough for a trie that knows nothing else.
    stored = HexaryTrie(dict(nodes), root)
    for key, value in model.items():
        assert stored[key] == value
    assert read(nodes.__getitem__, root, keccak(b"never written")) == b""


def test_one_large_batch_and_its_removal() -> None:
    changes = {keccak(b"%d" % number): b"%d" % (number + 1) * 9 for number in range(2_000)}
    root, nodes = updated({}.__getitem__, EMPTY_ROOT, changes)
    other = HexaryTrie({})
    for key, value in changes.items():
        other[key] = value
    assert root == other.root_hash
    assert updated(nodes.__getitem__, root, dict.fromkeys(changes, b""))[0] == EMPTY_ROOT
    assert updated(nodes.__getitem__, root, {keccak(b"absent"): b""})[0] == root
