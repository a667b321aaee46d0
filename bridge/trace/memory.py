"""Maps in memory, for tests and for checks over a whole chain."""

from __future__ import annotations

from bisect import bisect_left, insort
from collections import defaultdict
from collections.abc import Iterable, Iterator

from bridge.trace.model import Map

__all__ = ["MemoryMaps"]


class MemoryMaps:
    """A `MapStore` in memory."""

    def __init__(self, maps: Iterable[Map] = ()) -> None:
        self._into: defaultdict[bytes, list[Map]] = defaultdict(list)
        self._out_of: defaultdict[bytes, list[Map]] = defaultdict(list)
        for item in maps:
            self.add(item)

    def add(self, item: Map) -> None:
        """Take in one map."""
        insort(self._into[item.destination], item, key=_by_destination)
        insort(self._out_of[item.source], item, key=_by_source)

    @property
    def lines(self) -> frozenset[bytes]:
        """Every line a map touches."""
        return frozenset(self._into) | frozenset(self._out_of)

    def into(self, line: bytes, start: int, end: int) -> Iterator[Map]:
        """As `MapStore.into`."""
        maps = self._into.get(line, [])
        first = max(0, bisect_left(maps, start, key=_by_destination) - 1)
        for index in range(first, len(maps)):
            item = maps[index]
            if item.destination_start >= end:
                return
            if item.destination_end > start:
                yield item

    def out_of(self, line: bytes, start: int, end: int) -> Iterator[Map]:
        """As `MapStore.out_of`."""
        maps = self._out_of.get(line, [])
        first = max(0, bisect_left(maps, start, key=_by_source) - 1)
        for index in range(first, len(maps)):
            item = maps[index]
            if item.source_start >= end:
                return
            if item.source_end > start:
                yield item


def _by_destination(item: Map) -> int:
    return item.destination_start


def _by_source(item: Map) -> int:
    return item.source_start
