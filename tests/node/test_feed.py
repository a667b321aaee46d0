"""The feed of subscriptions, on a chain that grows by any hand: by the producer, or by imported blocks."""

import json
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, cast

import pytest
from eth_keys.datatypes import PrivateKey

from node.chain import Chain, open_chain
from node.errors import NoSubscriptions
from node.genesis import Network
from node.mempool import Admission, Mempool
from node.rpc.subscriptions import Feed, Subscription
from node.service import Node

KEY = PrivateKey(b"\x01" * 32)


@dataclass
class GrowingNode:
    """What the feed needs of a node; blocks are appended by ``grow``, and told by ``tell``."""

    chain: Chain
    pool: Mempool
    listeners: list[Callable[[], None]] = field(default_factory=list)

    def grow(self, count: int) -> None:
        for _ in range(count):
            self.chain.make_block((), even_if_empty=True)

    def tell(self) -> None:
        for listener in self.listeners:
            listener()


@dataclass(eq=False)
class Notebook:
    """An outlet that writes down the numbers of the blocks it is told."""

    closed: bool = False
    numbers: list[int] = field(default_factory=list)
    failed: bool = False

    def notify(self, subscription: Subscription, results: Sequence[str]) -> None:
        self.numbers += [int(json.loads(entry)["number"], 16) for entry in results]

    def fail(self) -> None:
        self.failed = True


@pytest.fixture
def node(tmp_path: Path) -> Iterator[GrowingNode]:
    """A chain with only its genesis block."""
    authority = KEY.public_key.to_checksum_address()
    network = Network(chain_id=31_707, authorities=[authority], genesis_timestamp=1_700_000_000)
    chain = open_chain(tmp_path, network, KEY)
    yield GrowingNode(chain, Mempool(chain.next_context, Admission(), chain.account_at_head))
    chain.store.close()


@pytest.fixture
def feed(node: GrowingNode) -> Iterator[Feed]:
    """The node's feed, running."""
    made = Feed(cast(Node, node))
    made.start()
    yield made
    made.stop()


def test_each_block_once_however_many_come_at_a_time(node: GrowingNode, feed: Feed, poll: Any) -> None:
    early, late = Notebook(), Notebook()
    feed.add(early, "newHeads", None, False)
    node.grow(3)
    node.tell()
    poll(lambda: len(early.numbers) == 3)
    node.grow(1)
    feed.add(late, "newHeads", None, False)
    node.grow(2)
    for _ in range(5):
        node.tell()
    poll(lambda: len(late.numbers) == 2)
    assert early.numbers == [1, 2, 3, 4, 5, 6]
    assert late.numbers == [5, 6]


def test_a_closed_outlet_gets_no_subscription(node: GrowingNode, feed: Feed) -> None:
    with pytest.raises(NoSubscriptions):
        feed.add(Notebook(closed=True), "newHeads", None, False)


def test_what_cannot_be_told_closes_the_connection(
    node: GrowingNode, feed: Feed, poll: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    outlet = Notebook()
    feed.add(outlet, "newHeads", None, False)
    node.grow(1)
    monkeypatch.setattr(node.chain.store, "header", lambda number: None)
    node.tell()
    poll(lambda: outlet.failed)
    assert outlet.numbers == []
