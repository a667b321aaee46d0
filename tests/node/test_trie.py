"""The one-pass trie root against py-evm's trie, key by key."""

import pytest
from eth.db.trie import _make_trie_root_and_nodes
from hypothesis import given, settings
from hypothesis import strategies as st

from node.trie import EMPTY_ROOT, trie_root


def test_empty() -> None:
    assert trie_root([]) == EMPTY_ROOT


@pytest.mark.parametrize("count", [1, 2, 16, 17, 127, 128, 129, 256, 257, 1_000])
def test_counts_around_every_key_length(count: int) -> None:
    items = tuple(b"%d" % position * (position % 40 + 1) for position in range(count))
    assert trie_root(items) == _make_trie_root_and_nodes(items)[0]


@settings(max_examples=60, deadline=None)
@given(st.lists(st.binary(min_size=1, max_size=70), min_size=1, max_size=300))
def test_any_items(items: list[bytes]) -> None:
    assert trie_root(items) == _make_trie_root_and_nodes(tuple(items))[0]
