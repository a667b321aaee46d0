"""Invariant I5: every cent ever minted is somewhere, exactly once."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from itertools import islice
from typing import Final

from bridge.trace.compose import backward
from bridge.trace.memory import MemoryMaps
from bridge.trace.model import Map, TraceBroken

__all__ = ["partition_faults"]

MAX_PARTITION_FAULTS: Final = 1_000
_LINE_END: Final = 2**64
"""Beyond any position: both counters of a line have 64 bits."""

_Intervals = list[tuple[int, int]]


def partition_faults(
    lots: Mapping[bytes, int], lines: Mapping[bytes, tuple[int, int]], maps: Iterable[Map]
) -> list[str]:
    """What contradicts invariant I5, as sentences; empty when every cent is somewhere exactly once.

    `lots` maps a lot's line to its amount, `lines` every line to its (in, out). Checked are: `out <= in`;
    no interval mapped twice, nor before it is filled; every line's `[0, in)` filled exactly, by its mint and
    by maps, also those that lay money behind its own end; a lot emptied from its front only. If all that
    holds: all resting money composed covers every lot's `[0, n)` once. At most 1,000 are given.
    """
    store = MemoryMaps(maps)
    faults = list(islice(_line_faults(lots, lines, store), MAX_PARTITION_FAULTS))
    return faults or list(islice(_coverage_faults(lots, lines, store), MAX_PARTITION_FAULTS))


def _line_faults(
    lots: Mapping[bytes, int], lines: Mapping[bytes, tuple[int, int]], store: MemoryMaps
) -> Iterator[str]:
    for line in sorted({*lots, *lines, *store.lines}):
        name = f"line 0x{line.hex()}"
        if line not in lines:
            yield f"{name}: has maps or a mint, but no counters"
            continue
        filled, emptied = lines[line]
        if emptied > filled:
            yield f"{name}: out {emptied} is more than in {filled}"
        into = [(item.destination_start, item.destination_end) for item in store.into(line, 0, _LINE_END)]
        out_of = [(item.source_start, item.source_end) for item in store.out_of(line, 0, _LINE_END)]
        if line in lots:
            into.append((0, lots[line]))
            yield from _tiling_faults(f"{name}: the lot is emptied", sorted(out_of), emptied)
        else:
            yield from _overlap_faults(f"{name}: is emptied", out_of, filled)
        yield from _tiling_faults(f"{name}: is filled", sorted(into), filled)
        yield from _order_faults(name, store, line)


def _order_faults(name: str, store: MemoryMaps, line: bytes) -> Iterator[str]:
    for item in store.out_of(line, 0, _LINE_END):
        if any(earlier.id >= item.id for earlier in store.into(line, item.source_start, item.source_end)):
            yield f"{name}: map {item.id} moves money before it came"


def _coverage_faults(
    lots: Mapping[bytes, int], lines: Mapping[bytes, tuple[int, int]], store: MemoryMaps
) -> Iterator[str]:
    found: dict[bytes, _Intervals] = {lot: [] for lot in lots}
    for line, (filled, _) in lines.items():
        for low, high in _resting(store, line, filled):
            try:
                segments = backward(store, lambda each: lots.get(each, 0), line, low, high, limit=2**62)
            except TraceBroken as exc:
                yield exc.message
                continue
            for segment in segments:
                found[segment.lot_line].append((segment.start, segment.start + segment.amount))
    for lot, amount in sorted(lots.items()):
        yield from _tiling_faults(f"lot 0x{lot.hex()}: resting money covers it", sorted(found[lot]), amount)


def _resting(store: MemoryMaps, line: bytes, filled: int) -> Iterator[tuple[int, int]]:
    at = 0
    for item in store.out_of(line, 0, _LINE_END):
        if item.source_start > at:
            yield at, item.source_start
        at = item.source_end
    if at < filled:
        yield at, filled


def _overlap_faults(what: str, intervals: _Intervals, end: int) -> Iterator[str]:
    at = 0
    for low, high in intervals:
        if low < at:
            yield f"{what} twice at [{low}, {min(at, high)})"
        at = max(at, high)
    if at > end:
        yield f"{what} up to {at}, past its end {end}"


def _tiling_faults(what: str, intervals: _Intervals, end: int) -> Iterator[str]:
    """What keeps sorted intervals from covering `[0, end)` exactly once."""
    yield from _overlap_faults(what, intervals, end)
    at = 0
    for low, high in intervals:
        if low > at:
            yield f"{what} with a hole at [{at}, {low})"
        at = max(at, high)
    if at < end:
        yield f"{what} up to {at} only, of {end}"
