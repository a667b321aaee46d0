"""Interval arithmetic over maps: where money on a line came from, and where it is now.

A map moves an interval of one line onto the end of another (`contracts/modules/lines.vy`). Composing maps
gives serial numbers: exact, to the cent, over any number of hops (DESIGN §2.3). All intervals are
half-open `[start, end)` in minor units. Pure: the maps come from a `MapStore`.
"""

from __future__ import annotations

from bridge.trace.compose import MAX_PIECES, backward, forward, hops_backward, hops_forward
from bridge.trace.memory import MemoryMaps
from bridge.trace.model import (
    Hop,
    Map,
    MapStore,
    Resting,
    Segment,
    TraceBroken,
    TraceError,
    TraceTooLarge,
)
from bridge.trace.partition import partition_faults

__all__ = [
    "MAX_PIECES",
    "Hop",
    "Map",
    "MapStore",
    "MemoryMaps",
    "Resting",
    "Segment",
    "TraceBroken",
    "TraceError",
    "TraceTooLarge",
    "backward",
    "forward",
    "hops_backward",
    "hops_forward",
    "partition_faults",
]
