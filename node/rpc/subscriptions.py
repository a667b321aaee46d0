"""eth_subscribe: what is new, told to connections that stay open.

One thread, the feed, looks after every change of chain or pool at what each subscription hasn't been told
yet. Each remembers the last block, or the number of ready transactions, it was told of: so every block comes
exactly once and in order, whoever appended it and however many came at a time.
"""

import json
import logging
import secrets
import threading
from collections.abc import Sequence
from dataclasses import dataclass, field
from functools import cached_property
from typing import Literal, Protocol, cast, get_args

from node.chain import Chain
from node.errors import InvalidParams, LimitExceeded, NoSubscriptions, SubscriptionNotFound
from node.rpc import params
from node.rpc.format import data, header_json, log_json, transaction_json
from node.rpc.logs import LogQuery, parse_query
from node.service import Node
from node.transaction import Transaction
from node.vm import Log

SUBSCRIPTION_METHODS = frozenset({"eth_subscribe", "eth_unsubscribe"})
SUBSCRIPTIONS_PER_CONNECTION_MAX = 128

Kind = Literal["newHeads", "logs", "newPendingTransactions"]

log = logging.getLogger(__name__)


class Outlet(Protocol):
    """A connection, as the feed sees it; the methods are called from the feed's thread."""

    closed: bool
    """Set before the outlet's last subscriptions are removed, so that none is added any more."""

    def notify(self, subscription: "Subscription", results: Sequence[str]) -> None:
        """Take what a subscription is to be told, in this order.

        The results are JSON, and the same objects for every subscription that is told the same: any number of
        slow readers holds one copy.
        """

    def fail(self) -> None:
        """Close the connection: something that should have been told can't be."""


@dataclass(slots=True, eq=False)
class Subscription:
    """One subscription of one connection."""

    identifier: str
    kind: Kind
    outlet: Outlet
    told: int
    """Last block told, or how many ready transactions were."""
    query: LogQuery | None = None
    full: bool = False
    """Whole transactions instead of hashes."""
    held: list[str] | None = field(default_factory=list)
    """Results until the subscription's own answer is on its way; ``None`` from then on."""

    def notification(self, result: str) -> str:
        """A notification with a result that is JSON already."""
        return (
            '{"jsonrpc":"2.0","method":"eth_subscription","params":'
            f'{{"subscription":"{self.identifier}","result":{result}}}}}'
        )


class Feed:
    """The subscriptions of a node, and the thread that serves them."""

    def __init__(self, node: Node) -> None:
        self._node = node
        self._subscriptions: dict[str, Subscription] = {}
        self._lock = threading.Lock()
        self._changed = threading.Event()
        self._stopping = False
        self._thread = threading.Thread(target=self._run, name="feed", daemon=True)
        node.listeners.append(self._wake)

    def start(self) -> None:
        """Begin."""
        self._thread.start()

    def stop(self) -> None:
        """Tell nobody anything any more."""
        self._stopping = True
        self._changed.set()
        self._thread.join()

    def add(
        self, outlet: Outlet, kind: Kind, query: LogQuery | None = None, full: bool = False
    ) -> Subscription:
        """Subscribe an outlet to what comes from now on.

        Raises:
            LimitExceeded: the outlet has too many already.
            NoSubscriptions: it is closed.
        """
        with self._lock:
            if outlet.closed:
                raise NoSubscriptions("notifications not supported")
            mine = sum(entry.outlet is outlet for entry in self._subscriptions.values())
            if mine >= SUBSCRIPTIONS_PER_CONNECTION_MAX:
                raise LimitExceeded(f"this connection has {mine} subscriptions; unsubscribe some")
            identifier = hex(secrets.randbits(128) | 1 << 127)
            made = Subscription(identifier, kind, outlet, self._position(kind), query, full)
            self._subscriptions[identifier] = made
            return made

    def remove(self, outlet: Outlet, identifier: str) -> None:
        """End one subscription (``SubscriptionNotFound`` unless it is the outlet's)."""
        with self._lock:
            found = self._subscriptions.get(identifier)
            if found is None or found.outlet is not outlet:
                raise SubscriptionNotFound("subscription not found")
            del self._subscriptions[identifier]

    def remove_all(self, outlet: Outlet) -> None:
        """End all subscriptions of an outlet."""
        with self._lock:
            for entry in [entry for entry in self._subscriptions.values() if entry.outlet is outlet]:
                del self._subscriptions[entry.identifier]

    def _position(self, kind: Kind) -> int:
        if kind == "newPendingTransactions":
            return self._node.pool.became_ready_since(0)[0]
        head: int = self._node.chain.latest.block_number
        return head

    def _wake(self) -> None:
        if self._subscriptions:
            self._changed.set()

    def _run(self) -> None:
        while True:
            self._changed.wait()
            self._changed.clear()
            if self._stopping:
                return
            with self._lock:
                current = list(self._subscriptions.values())
            try:
                self._tell_transactions(
                    [entry for entry in current if entry.kind == "newPendingTransactions"]
                )
                self._tell_blocks([entry for entry in current if entry.kind != "newPendingTransactions"])
                if self._node.chain.alarm is not None:
                    _end(current)
            except Exception:  # whatever it is, who listens must notice
                log.exception("subscriptions can't be served; their connections are closed")
                _end(current)

    def _tell_blocks(self, subscriptions: list[Subscription]) -> None:
        chain = self._node.chain
        last = chain.head.block_number
        first = min((entry.told for entry in subscriptions), default=last) + 1
        for number in range(first, last + 1):
            news = _BlockNews(chain, number)
            for entry in subscriptions:
                if entry.told < number:
                    entry.told = number
                    results = [news.head] if entry.query is None else news.events(entry.query)
                    if results:
                        entry.outlet.notify(entry, results)

    def _tell_transactions(self, subscriptions: list[Subscription]) -> None:
        if not subscriptions:
            return
        count, hashes = self._node.pool.became_ready_since(min(entry.told for entry in subscriptions))
        for entry in subscriptions:
            fresh = hashes[max(0, len(hashes) - (count - entry.told)) :]
            entry.told = count
            results = self._full(fresh) if entry.full else [f'"{data(found)}"' for found in fresh]
            if results:
                entry.outlet.notify(entry, results)

    def _full(self, hashes: Sequence[bytes]) -> list[str]:
        """Those that still wait or are in a block by now; one that was replaced or refused is left out."""
        found = [self._find(entry) for entry in hashes]
        return [_dump(transaction_json(entry, None, 0)) for entry in found if entry is not None]

    def _find(self, transaction_hash: bytes) -> Transaction | None:
        waiting = self._node.pool.get(transaction_hash)
        chain = self._node.chain
        position = chain.store.position_of(transaction_hash) if waiting is None else None
        return chain.store.transaction(*position, chain.chain_id) if position else waiting


def _end(subscriptions: Sequence[Subscription]) -> None:
    """Close the connections: silence would look like a chain on which nothing happens."""
    for entry in subscriptions:
        entry.outlet.fail()


class _BlockNews:
    """What subscriptions want of one block, each part made once, when the first one wants it."""

    def __init__(self, chain: Chain, number: int) -> None:
        self._chain = chain
        self._number = number
        self._header = chain.header(number)

    @cached_property
    def head(self) -> str:
        """The header as JSON."""
        return _dump(header_json(self._header))

    def events(self, query: LogQuery) -> list[str]:
        """The wanted events as JSON."""
        lowest, highest = query.first.number or 0, query.last.number
        if self._number < lowest or (highest is not None and self._number > highest):
            return []
        if not query.pattern.may_match(self._header.bloom):
            return []
        return [text for entry, text in self._events if query.pattern.matches(entry)]

    @cached_property
    def _events(self) -> list[tuple[Log, str]]:
        found = []
        for index, (transaction_hash, receipt) in enumerate(self._chain.store.hashed_receipts(self._number)):
            for place, entry in enumerate(receipt.logs, receipt.first_log_index):
                found.append((entry, _dump(log_json(entry, self._header, transaction_hash, index, place))))
        return found


class Subscriber:
    """What one message may do with the subscriptions of its connection."""

    def __init__(self, feed: Feed, outlet: Outlet) -> None:
        self._feed = feed
        self._outlet = outlet
        self.created: list[Subscription] = []
        """They tell nothing until the answer to the message is on its way."""

    def subscribe(self, arguments: list[object]) -> str:
        """eth_subscribe; returns the id.

        Raises:
            NoSubscriptions, InvalidParams: in geth's words.
            LimitExceeded: the connection has too many.
        """
        name = arguments[0] if arguments else None
        if not isinstance(name, str):
            raise InvalidParams("non-string subscription name")
        if name not in get_args(Kind):
            raise NoSubscriptions(f'no "{name[:100]}" subscription in eth namespace')
        kind = cast(Kind, name)
        most = 1 if kind == "newHeads" else 2
        if len(arguments) > most:
            raise InvalidParams(f"too many arguments, want at most {most}")
        query, full = _parse_wish(kind, arguments[1] if len(arguments) > 1 else None)
        self.created.append(self._feed.add(self._outlet, kind, query, full))
        return self.created[-1].identifier

    def unsubscribe(self, arguments: list[object]) -> bool:
        """eth_unsubscribe (``SubscriptionNotFound`` unless it is this connection's)."""
        if len(arguments) != 1 or not isinstance(arguments[0], str):
            raise InvalidParams("a subscription id expected")
        self._feed.remove(self._outlet, arguments[0])
        return True


def invoke_subscription(
    subscriber: Subscriber | None, name: str, arguments: list[object] | dict[str, object]
) -> object:
    """Call one of ``SUBSCRIPTION_METHODS``; without a subscriber as geth answers over plain HTTP."""
    if isinstance(arguments, dict):
        raise InvalidParams("non-array args")
    if subscriber is None and name == "eth_subscribe":
        raise NoSubscriptions("notifications not supported")
    if subscriber is None:
        raise SubscriptionNotFound("subscription not found")
    return subscriber.subscribe(arguments) if name == "eth_subscribe" else subscriber.unsubscribe(arguments)


def _parse_wish(kind: Kind, value: object) -> tuple[LogQuery | None, bool]:
    """Which logs, and whether whole transactions; ``None`` for what isn't wished."""
    try:
        query = parse_query({} if value is None else value) if kind == "logs" else None
        full = kind == "newPendingTransactions" and value is not None and params.boolean(value)
    except InvalidParams as exc:
        raise InvalidParams(f"invalid argument 1: {exc.message}") from exc
    if query is not None and query.first.hash is not None:
        raise InvalidParams("invalid argument 1: a subscription tells of blocks to come, so no blockHash")
    return query, full


def _dump(value: object) -> str:
    return json.dumps(value, separators=(",", ":"))
