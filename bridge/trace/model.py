"""Maps, where they are found, and what composing them gives.

BridgeError
└── TraceError
    ├── TraceTooLarge   `trace-too-large`: more pieces than one answer may have
    └── TraceBroken     `trace-broken`: the maps don't tile a line; something is missing or wrong
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Protocol

from bridge.errors import BridgeError

__all__ = ["Hop", "Map", "MapStore", "Resting", "Segment", "TraceBroken", "TraceError", "TraceTooLarge"]


class TraceError(BridgeError):
    """A trace that has no answer."""


class TraceTooLarge(TraceError):
    """`trace-too-large`: ask for a smaller interval, or export instead."""


class TraceBroken(TraceError):
    """`trace-broken`: the maps contradict themselves; the index is rebuilt or the chain is wrong."""


@dataclass(frozen=True, slots=True)
class Map:
    """One movement, as logged: `amount` minor units from one line onto the end of another."""

    id: int
    """Grows in the order of the chain's log."""
    kind: int
    """As in `contracts/modules/lines.vy`."""
    source: bytes
    source_start: int
    destination: bytes
    destination_start: int
    amount: int
    block: int

    @property
    def source_end(self) -> int:
        """Where the interval ends on the source."""
        return self.source_start + self.amount

    @property
    def destination_end(self) -> int:
        """Where the interval ends on the destination."""
        return self.destination_start + self.amount


class MapStore(Protocol):
    """Where maps are found. Both are asked with `start < end`, and may hand out maps one by one."""

    def into(self, line: bytes, start: int, end: int) -> Iterable[Map]:
        """The maps whose destination interval on `line` meets `[start, end)`, by destination start."""

    def out_of(self, line: bytes, start: int, end: int) -> Iterable[Map]:
        """The maps whose source interval on `line` meets `[start, end)`, by source start."""


@dataclass(frozen=True, slots=True)
class Segment:
    """Consecutive serial numbers of a lot."""

    lot_line: bytes
    start: int
    amount: int


@dataclass(frozen=True, slots=True)
class Resting:
    """A piece of what was asked about, where it is now.

    On a batch's line it has not come back: the caller turns positions into rows and their states.
    """

    line: bytes
    start: int
    amount: int
    origin_start: int
    """Where the piece starts on the line that was asked about."""


@dataclass(frozen=True, slots=True)
class Hop:
    """The part of a map that the traced money went through; an edge of the path."""

    map_id: int
    kind: int
    source: bytes
    source_start: int
    destination: bytes
    destination_start: int
    amount: int
