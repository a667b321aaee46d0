"""What every line of a tree holds, from the maps: pure arithmetic on the projections."""

from collections import defaultdict
from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from bridge.trace import Map
from contracts.terms import MapKind

__all__ = ["BatchState", "LineState", "line_states", "resting_minor", "tree_of_lines"]

LEAVES_A_BATCH = (MapKind.SKIP, MapKind.RELEASE, MapKind.GIVE_BACK)
"""A batch's line is emptied by what it executes. Every other
kind of map empties its source from the front, also one that lays money behind its own end."""


@dataclass(frozen=True)
class BatchState:
    """What the projections say of a batch's line."""

    total_minor: int
    position_minor: int
    ended: bool


@dataclass(frozen=True)
class LineState:
    """`in` and `out` of a line, minor units."""

    filled: int
    emptied: int


def tree_of_lines(lots: Mapping[bytes, bytes], maps: Iterable[Map]) -> dict[bytes, bytes]:
    """The tree of every line: lots know theirs, and no map crosses trees. `maps` in order of the log."""
    found = dict(lots)
    for each in maps:
        found[each.destination] = found[each.source]
    return found


def line_states(
    lots: Mapping[bytes, int], maps: Iterable[Map], batches: Mapping[bytes, BatchState]
) -> dict[bytes, LineState]:
    """`in` and `out` of every line. `lots`: what each was minted with."""
    filled: dict[bytes, int] = defaultdict(int, lots)
    emptied: dict[bytes, int] = defaultdict(int)
    for each in maps:
        filled[each.destination] += each.amount
        if each.kind not in LEAVES_A_BATCH:
            emptied[each.source] += each.amount
    for batch, state in batches.items():
        emptied[batch] = state.position_minor
    return {line: LineState(filled[line], emptied[line]) for line in filled}


def resting_minor(line: bytes, state: LineState, batches: Mapping[bytes, BatchState]) -> int:
    """What still rests on a line; an ended batch's released tail has gone back."""
    batch = batches.get(line)
    if batch is not None and batch.ended:
        return 0
    return state.filled - state.emptied
