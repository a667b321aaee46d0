"""Polled filters: kept in memory, forgotten when nobody asks for five minutes or at a restart."""

import secrets
import threading
import time
from dataclasses import dataclass, field
from typing import Any, Literal

from node.errors import LimitExceeded, NotFound
from node.rpc.format import data
from node.rpc.logs import LogQuery, find_logs, find_logs_between
from node.service import Node

FILTERS_MAX = 1_000
IDLE_SECONDS_MAX = 300.0

Kind = Literal["logs", "blocks", "transactions"]


@dataclass(slots=True)
class Filter:
    """One installed filter."""

    kind: Kind
    cursor: int
    """Last block reported, or how many ready transactions were."""
    query: LogQuery | None
    asked_at: float
    """Monotonic seconds."""


@dataclass(slots=True)
class Filters:
    """The installed filters of one node."""

    node: Node
    _installed: dict[str, Filter] = field(default_factory=dict)
    _lock: threading.Lock = field(default_factory=threading.Lock)

    def install(self, kind: Kind, query: LogQuery | None = None) -> str:
        """Install a filter that reports what comes from now on; returns its id.

        Raises:
            LimitExceeded: too many are installed.
        """
        cursor = self.node.chain.latest.block_number
        if kind == "transactions":
            cursor, _ = self.node.pool.became_ready_since(0)
        with self._lock:
            self._expire()
            if len(self._installed) >= FILTERS_MAX:
                raise LimitExceeded(f"{FILTERS_MAX} filters are installed; uninstall some")
            identifier = hex(secrets.randbits(128) | 1 << 127)
            self._installed[identifier] = Filter(kind, cursor, query, time.monotonic())
            return identifier

    def uninstall(self, identifier: str) -> bool:
        """Forget a filter; ``False`` if it didn't exist."""
        with self._lock:
            return self._installed.pop(identifier, None) is not None

    def changes(self, identifier: str) -> list[Any]:
        """What came since the last question (``NotFound`` for an unknown filter)."""
        with self._lock:
            found = self._get(identifier)
            first = found.cursor + 1
            if found.kind == "transactions":
                found.cursor, hashes = self.node.pool.became_ready_since(found.cursor)
                return [data(entry) for entry in hashes]
            found.cursor = last = self.node.chain.latest.block_number
        if found.query is None:
            return [data(self.node.chain.header(number).hash) for number in range(first, last + 1)]
        return find_logs_between(
            self.node.chain, found.query.pattern, *self._bounds(found.query, first, last)
        )

    def logs(self, identifier: str) -> list[Any]:
        """All events a log filter's own range holds (``NotFound`` for any other filter)."""
        with self._lock:
            query = self._get(identifier).query
        if query is None:
            raise NotFound("filter not found")
        return find_logs(self.node.chain, query)

    def _bounds(self, query: LogQuery, first: int, last: int) -> tuple[int, int]:
        lowest = query.first.number if query.first.number is not None else first
        highest = query.last.number if query.last.number is not None else last
        return max(first, lowest), min(last, highest)

    def _get(self, identifier: str) -> Filter:
        self._expire()
        found = self._installed.get(identifier)
        if found is None:
            raise NotFound("filter not found")
        found.asked_at = time.monotonic()
        return found

    def _expire(self) -> None:
        oldest = time.monotonic() - IDLE_SECONDS_MAX
        for identifier in [key for key, entry in self._installed.items() if entry.asked_at < oldest]:
            del self._installed[identifier]
