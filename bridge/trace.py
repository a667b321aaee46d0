"""Interval arithmetic over maps: where money on a line came from, and where it is now.

A map moves an interval of one line onto the end of another (`contracts/modules/lines.vy`). Composing maps
gives serial numbers: exact, to the cent, over any number of hops (DESIGN §2.3). All intervals are
half-open `[start, end)` in minor units.

    BridgeError
    └── TraceError
        ├── TraceTooLarge   `trace-too-large`: more pieces than one answer may have
        └── TraceBroken     `trace-broken`: the maps don't tile a line; something is missing or wrong
"""

from __future__ import annotations

from bisect import bisect_right, insort
from collections import defaultdict
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, replace
from itertools import islice
from typing import Final, Protocol

from bridge.errors import BridgeError

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

MAX_PIECES: Final = 200_000
"""How many pieces of intervals one trace may pass, hops included."""
MAX_PARTITION_FAULTS: Final = 1_000


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


@dataclass(frozen=True, slots=True)
class _Piece:
    """An interval on the way, and the map that led to it."""

    line: bytes
    start: int
    amount: int
    origin_start: int
    via: Map | None
    is_final: bool = False

    @property
    def end(self) -> int:
        return self.start + self.amount


_Step = Callable[[_Piece], Iterator[_Piece]]


def backward(
    store: MapStore,
    is_lot: Callable[[bytes], bool],
    line: bytes,
    start: int,
    end: int,
    limit: int = MAX_PIECES,
) -> tuple[Segment, ...]:
    """The serial numbers in `[start, end)` of `line`, in the order of the interval, neighbours merged.

    Composing ends on lots: only a mint fills them. Raises TraceTooLarge, TraceBroken.
    """
    found: list[Segment] = []
    for piece in _walk(_backward_step(store, is_lot), line, start, end, limit):
        if not piece.is_final:
            continue
        last = found[-1] if found else None
        if last and last.lot_line == piece.line and last.start + last.amount == piece.start:
            found[-1] = replace(last, amount=last.amount + piece.amount)
        else:
            found.append(Segment(piece.line, piece.start, piece.amount))
    _expect_whole(line, start, end, sum(segment.amount for segment in found))
    return tuple(found)


def forward(
    store: MapStore, line: bytes, start: int, end: int, limit: int = MAX_PIECES
) -> tuple[Resting, ...]:
    """Where `[start, end)` of `line` is now, in the order of the interval, neighbours merged.

    The interval must lie inside what was ever filled: this can't see the end of the line.
    Raises TraceTooLarge, TraceBroken.
    """
    found: list[Resting] = []
    for piece in _walk(_forward_step(store), line, start, end, limit):
        if not piece.is_final:
            continue
        last = found[-1] if found else None
        if last and last.line == piece.line and last.start + last.amount == piece.start:
            found[-1] = replace(last, amount=last.amount + piece.amount)
        else:
            found.append(Resting(piece.line, piece.start, piece.amount, piece.origin_start))
    _expect_whole(line, start, end, sum(resting.amount for resting in found))
    return tuple(found)


def hops_backward(
    store: MapStore,
    is_lot: Callable[[bytes], bool],
    line: bytes,
    start: int,
    end: int,
    limit: int = MAX_PIECES,
) -> tuple[Hop, ...]:
    """The parts of maps that brought `[start, end)` of `line`, oldest first. Raises as `backward`."""
    return _merged_hops(
        _hop(piece, piece.via, piece.start - piece.via.source_start)
        for piece in _walk(_backward_step(store, is_lot), line, start, end, limit)
        if piece.via is not None
    )


def hops_forward(
    store: MapStore, line: bytes, start: int, end: int, limit: int = MAX_PIECES
) -> tuple[Hop, ...]:
    """The parts of maps that `[start, end)` of `line` went through since, oldest first. Raises as `forward`."""
    return _merged_hops(
        _hop(piece, piece.via, piece.start - piece.via.destination_start)
        for piece in _walk(_forward_step(store), line, start, end, limit)
        if piece.via is not None
    )


def _walk(step: _Step, line: bytes, start: int, end: int, limit: int) -> Iterator[_Piece]:
    """Every piece on the way, depth first, so that the final ones come in the order of the interval."""
    if not 0 <= start < end:
        raise ValueError(f"[{start}, {end}) is no interval of a line")
    stack = [_Piece(line, start, end - start, start, None)]
    passed = 0
    while stack:
        piece = stack.pop()
        yield piece
        if piece.is_final:
            continue
        parts = list(islice(step(piece), limit - passed + 1))
        passed += len(parts)
        if passed > limit:
            raise TraceTooLarge(
                "trace-too-large",
                f"The trace passes more than {limit} pieces; ask for a smaller interval or export it.",
                limit=limit,
            )
        stack.extend(reversed(parts))


def _backward_step(store: MapStore, is_lot: Callable[[bytes], bool]) -> _Step:
    def step(piece: _Piece) -> Iterator[_Piece]:
        if is_lot(piece.line):
            yield replace(piece, via=None, is_final=True)
            return
        at = piece.start
        for found in store.into(piece.line, piece.start, piece.end):
            low, high = max(at, found.destination_start), min(piece.end, found.destination_end)
            if low != at or high <= low or (piece.via and found.id >= piece.via.id):
                break
            source_start = found.source_start + low - found.destination_start
            origin_start = piece.origin_start + low - piece.start
            yield _Piece(found.source, source_start, high - low, origin_start, found)
            at = high
        if at != piece.end:
            raise _broken("nothing earlier fills", piece.line, at, piece.end)

    return step


def _forward_step(store: MapStore) -> _Step:
    def step(piece: _Piece) -> Iterator[_Piece]:
        def rest(low: int, high: int) -> _Piece:
            return _Piece(piece.line, low, high - low, piece.origin_start + low - piece.start, None, True)

        at = piece.start
        for found in store.out_of(piece.line, piece.start, piece.end):
            low, high = max(piece.start, found.source_start), min(piece.end, found.source_end)
            if low < at or high <= low or (piece.via and found.id <= piece.via.id):
                raise _broken("more than one map, or an earlier one, empties", piece.line, low, high)
            if low > at:
                yield rest(at, low)
            destination_start = found.destination_start + low - found.source_start
            origin_start = piece.origin_start + low - piece.start
            yield _Piece(found.destination, destination_start, high - low, origin_start, found)
            at = high
        if at < piece.end:
            yield rest(at, piece.end)

    return step


def _hop(piece: _Piece, via: Map, offset: int) -> Hop:
    return Hop(
        via.id,
        via.kind,
        via.source,
        via.source_start + offset,
        via.destination,
        via.destination_start + offset,
        piece.amount,
    )


def _merged_hops(hops: Iterable[Hop]) -> tuple[Hop, ...]:
    merged: list[Hop] = []
    for hop in sorted(hops, key=lambda hop: (hop.map_id, hop.source_start)):
        last = merged[-1] if merged else None
        if last and last.map_id == hop.map_id and last.source_start + last.amount == hop.source_start:
            merged[-1] = replace(last, amount=last.amount + hop.amount)
        else:
            merged.append(hop)
    return tuple(merged)


def _expect_whole(line: bytes, start: int, end: int, amount: int) -> None:
    if amount != end - start:
        raise _broken(f"the pieces add up to {amount} for", line, start, end)


def _broken(what: str, line: bytes, start: int, end: int) -> TraceBroken:
    return TraceBroken(
        "trace-broken",
        f"{what} [{start}, {end}) of line 0x{line.hex()}; rebuild the index, and if it stays, stop releases.",
        line="0x" + line.hex(),
        start=start,
        end=end,
    )


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
        first = max(0, bisect_right(maps, start, key=_by_destination) - 1)
        for item in islice(maps, first, None):
            if item.destination_start >= end:
                return
            if item.destination_end > start:
                yield item

    def out_of(self, line: bytes, start: int, end: int) -> Iterator[Map]:
        """As `MapStore.out_of`."""
        maps = self._out_of.get(line, [])
        first = max(0, bisect_right(maps, start, key=_by_source) - 1)
        for item in islice(maps, first, None):
            if item.source_start >= end:
                return
            if item.source_end > start:
                yield item


def _by_destination(item: Map) -> int:
    return item.destination_start


def _by_source(item: Map) -> int:
    return item.source_start


def partition_faults(
    lots: Mapping[bytes, int], lines: Mapping[bytes, tuple[int, int]], maps: Iterable[Map]
) -> list[str]:
    """What contradicts invariant I5, as sentences; empty when every cent is somewhere exactly once.

    `lots` maps a lot's line to its amount, `lines` every line to its (in, out). Checked are: `out <= in`;
    no interval mapped twice; every line's `[0, in)` filled exactly, by its mint or by maps; a lot emptied
    from its front only. If all that holds, all resting money composed covers every lot's `[0, n)` once.
    At most 1,000 are given.
    """
    store = MemoryMaps(maps)
    faults = list(islice(_line_faults(lots, lines, store), MAX_PARTITION_FAULTS))
    return faults or list(islice(_coverage_faults(lots, lines, store), MAX_PARTITION_FAULTS))


_Intervals = list[tuple[int, int]]


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
        into = [(item.destination_start, item.destination_end) for item in store.into(line, 0, 2**64)]
        out_of = [(item.source_start, item.source_end) for item in store.out_of(line, 0, 2**64)]
        if line in lots:
            into.append((0, lots[line]))
            yield from _tiling_faults(f"{name}: the lot is emptied", sorted(out_of), emptied)
        else:
            yield from _overlap_faults(f"{name}: is emptied", out_of, filled)
        yield from _tiling_faults(f"{name}: is filled", sorted(into), filled)


def _coverage_faults(
    lots: Mapping[bytes, int], lines: Mapping[bytes, tuple[int, int]], store: MemoryMaps
) -> Iterator[str]:
    found: dict[bytes, _Intervals] = {lot: [] for lot in lots}
    for line, (filled, _) in lines.items():
        for low, high in _resting(store, line, filled):
            try:
                segments = backward(store, lots.__contains__, line, low, high, limit=2**62)
            except TraceBroken as exc:
                yield exc.message
                continue
            for segment in segments:
                found[segment.lot_line].append((segment.start, segment.start + segment.amount))
    for lot, amount in sorted(lots.items()):
        yield from _tiling_faults(f"lot 0x{lot.hex()}: resting money covers it", sorted(found[lot]), amount)


def _resting(store: MemoryMaps, line: bytes, filled: int) -> Iterator[tuple[int, int]]:
    at = 0
    for item in store.out_of(line, 0, 2**64):
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
