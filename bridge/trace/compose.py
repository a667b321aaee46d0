"""Composing maps, backward to the lots and forward to where money rests. No recursion."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, replace
from itertools import islice
from typing import Final, TypeAlias

from bridge.trace.model import Hop, Map, MapStore, Resting, Segment, TraceBroken, TraceTooLarge

__all__ = ["MAX_PIECES", "Minted", "backward", "forward", "hops_backward", "hops_forward"]

MAX_PIECES: Final = 200_000
"""How many pieces of intervals one trace may pass, hops included."""


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
Minted: TypeAlias = Callable[[bytes], int]
"""What a line was minted with, minor units: a lot's amount, and 0 for a line that is no lot's."""


def backward(
    store: MapStore,
    minted: Minted,
    line: bytes,
    start: int,
    end: int,
    limit: int = MAX_PIECES,
) -> tuple[Segment, ...]:
    """The serial numbers in `[start, end)` of `line`, in the order of the interval, neighbours merged.

    Composing ends on lots, where a mint filled them; behind that lies what was laid behind the line's own
    end. Raises TraceTooLarge, TraceBroken.
    """
    found: list[Segment] = []
    for piece in _walk(_backward_step(store, minted), line, start, end, limit):
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
    minted: Minted,
    line: bytes,
    start: int,
    end: int,
    limit: int = MAX_PIECES,
) -> tuple[Hop, ...]:
    """The parts of maps that brought `[start, end)` of `line`, oldest first. Raises as `backward`."""
    return _merged_hops(
        _hop(piece, piece.via, piece.start - piece.via.source_start)
        for piece in _walk(_backward_step(store, minted), line, start, end, limit)
        if piece.via is not None
    )


def hops_forward(
    store: MapStore, line: bytes, start: int, end: int, limit: int = MAX_PIECES
) -> tuple[Hop, ...]:
    """The parts of maps that `[start, end)` of `line` went through, oldest first. Raises as `forward`."""
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


def _backward_step(store: MapStore, minted: Minted) -> _Step:
    def step(piece: _Piece) -> Iterator[_Piece]:
        at = piece.start
        if (lot_minor := minted(piece.line)) > at:
            end = min(piece.end, lot_minor)
            yield replace(piece, amount=end - at, via=None, is_final=True)
            at = end
        if at == piece.end:
            return
        for found in store.into(piece.line, at, piece.end):
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
