"""Composing maps, against a simulation that moves every cent by itself."""

from __future__ import annotations

import random
from collections import defaultdict
from collections.abc import Iterator
from dataclasses import dataclass, replace
from itertools import pairwise

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from bridge.trace import (
    Hop,
    Map,
    MemoryMaps,
    Resting,
    Segment,
    TraceBroken,
    TraceTooLarge,
    backward,
    forward,
    hops_backward,
    hops_forward,
    partition_faults,
)

LOT, ACCOUNT, BATCH, OTHER = b"L", b"A", b"B", b"O"

Cent = tuple[bytes, int]


class CentLedger:
    """The money model cent by cent: every line is the list of the cents it was ever filled with."""

    def __init__(self) -> None:
        self.cents: defaultdict[bytes, list[Cent]] = defaultdict(list)
        self.front: defaultdict[bytes, int] = defaultdict(int)
        self.place: dict[Cent, tuple[bytes, int]] = {}
        self.lots: dict[bytes, int] = {}
        self.maps: list[Map] = []
        self.batches: dict[bytes, Batch] = {}

    def mint(self, amount: int) -> bytes:
        lot = b"L%d" % len(self.lots)
        self.lots[lot] = amount
        self._lay(lot, [(lot, serial) for serial in range(amount)])
        return lot

    def put(self, source: bytes, source_start: int, destination: bytes, amount: int) -> None:
        start = len(self.cents[destination])
        number = len(self.maps)
        self.maps.append(Map(number, 1, source, source_start, destination, start, amount, number // 3))
        self._lay(destination, self.cents[source][source_start : source_start + amount])

    def move(self, source: bytes, destination: bytes, amount: int) -> None:
        self.front[source] += amount
        self.put(source, self.front[source] - amount, destination, amount)

    def held(self, line: bytes) -> int:
        return len(self.cents[line]) - self.front[line]

    def _lay(self, line: bytes, cents: list[Cent]) -> None:
        for cent in cents:
            self.place[cent] = (line, len(self.cents[line]))
            self.cents[line].append(cent)

    def reserve(self, source: bytes, rows: list[int]) -> bytes:
        line = b"B%d" % len(self.batches)
        self.batches[line] = Batch(source, [sum(rows[:number]) for number in range(len(rows) + 1)])
        self.move(source, line, sum(rows))
        return line

    def give_back(self, line: bytes, row: int) -> None:
        batch = self.batches[line]
        batch.gone.add(row)
        self.put(line, batch.offsets[row], batch.source, batch.offsets[row + 1] - batch.offsets[row])

    def execute(self, line: bytes, skipped: bool) -> None:
        batch = self.batches[line]
        batch.cursor += 1
        self.front[line] = batch.offsets[batch.cursor]
        if skipped:
            self.give_back(line, batch.cursor - 1)

    def release(self, line: bytes) -> None:
        batch = self.batches[line]
        start = batch.offsets[batch.cursor]
        self.put(line, start, batch.source, batch.offsets[-1] - start)
        batch.is_released = True

    def carve(self, line: bytes, destination: bytes, pieces: list[tuple[int, int]]) -> None:
        position, end = self.front[line], len(self.cents[line])
        self.front[line] = end
        for low, high in pieces:
            if low > position:
                self.put(line, position, line, low - position)
            self.put(line, low, destination, high - low)
            position = high
        if end > position:
            self.put(line, position, line, end - position)

    def minted(self, line: bytes) -> int:
        return self.lots.get(line, 0)

    @property
    def counters(self) -> dict[bytes, tuple[int, int]]:
        return {line: (len(cents), self.front[line]) for line, cents in self.cents.items()}


@dataclass
class Batch:
    source: bytes
    offsets: list[int]
    cursor: int = 0
    is_released: bool = False

    def __post_init__(self) -> None:
        self.gone: set[int] = set()

    @property
    def is_open(self) -> bool:
        return not self.is_released and self.cursor < len(self.offsets) - 1


def random_history(seed: int, operations: int) -> CentLedger:
    chosen = random.Random(seed)
    ledger = CentLedger()
    ledger.mint(chosen.randint(1, 30))
    for _ in range(operations):
        _do_something(ledger, chosen)
    return ledger


def _do_something(ledger: CentLedger, chosen: random.Random) -> None:
    accounts = [b"A0", b"A1", b"A2"]
    lot, source, destination = (
        chosen.choice(sorted(ledger.lots)),
        chosen.choice(accounts),
        chosen.choice(accounts),
    )
    line = chosen.choice(sorted(ledger.batches)) if ledger.batches else None
    batch = ledger.batches[line] if line else None
    match chosen.randrange(8):
        case 0:
            ledger.mint(chosen.randint(1, 30))
        case 1 if ledger.held(lot):
            ledger.move(lot, destination, chosen.randint(1, ledger.held(lot)))
        case 2 if source != destination and ledger.held(source):
            ledger.move(source, destination, chosen.randint(1, ledger.held(source)))
        case 3 if (held := ledger.held(source)) > 2:
            rows = [chosen.randint(1, held // 3) for _ in range(3)]
            ledger.reserve(source, rows)
        case 4 if line and batch and batch.is_open:
            ledger.execute(line, skipped=chosen.random() < 0.3)
        case 5 if line and batch and (rows := sorted(set(range(batch.cursor)) - batch.gone)):
            ledger.give_back(line, chosen.choice(rows))
        case 6 if line and batch and batch.is_open:
            ledger.release(line)
        case 7 if ledger.held(carved := chosen.choice([lot, source])) > 3:
            low, high = ledger.front[carved], len(ledger.cents[carved])
            places = sorted(chosen.sample(range(low, high + 1), 4))
            ledger.carve(carved, b"C0", [(places[0], places[1]), (places[2], places[3])])
        case _:
            pass


def _cents(segments: tuple[Segment, ...]) -> list[Cent]:
    return [(item.lot_line, item.start + n) for item in segments for n in range(item.amount)]


def _intervals(ledger: CentLedger, seed: int, line: bytes) -> Iterator[tuple[int, int]]:
    chosen = random.Random(seed)
    filled = len(ledger.cents[line])
    yield 0, filled
    for _ in range(3):
        start = chosen.randrange(filled)
        yield start, chosen.randint(start + 1, filled)


@settings(deadline=None, max_examples=150)
@given(seed=st.integers(0, 2**32), operations=st.integers(1, 80))
def test_tracing_finds_each_cent_where_the_simulation_moved_it(seed: int, operations: int) -> None:
    ledger = random_history(seed, operations)
    store = MemoryMaps(ledger.maps)
    for line in [line for line, cents in ledger.cents.items() if cents]:
        for start, end in _intervals(ledger, seed, line):
            back = backward(store, ledger.minted, line, start, end)
            assert _cents(back) == ledger.cents[line][start:end]
            assert all(a.lot_line != b.lot_line or a.start + a.amount != b.start for a, b in pairwise(back))
    for lot, amount in ledger.lots.items():
        for start, end in [(0, amount), (amount // 2, amount)]:
            resting = forward(store, lot, start, end)
            found = [(item.line, item.start + n) for item in resting for n in range(item.amount)]
            assert found == [ledger.place[lot, serial] for serial in range(start, end)]
            origins = [item.origin_start + n for item in resting for n in range(item.amount)]
            assert origins == list(range(start, end))
    assert partition_faults(ledger.lots, ledger.counters, ledger.maps) == []


@settings(deadline=None, max_examples=50)
@given(seed=st.integers(0, 2**32), operations=st.integers(5, 60))
def test_hops_are_the_maps_a_cent_went_through(seed: int, operations: int) -> None:
    ledger = random_history(seed, operations)
    store = MemoryMaps(ledger.maps)
    for lot, amount in ledger.lots.items():
        for serial in {0, amount // 2, amount - 1}:
            line, position = lot, serial
            passed = []
            for item in ledger.maps:
                if item.source == line and item.source_start <= position < item.source_end:
                    into = item.destination_start + position - item.source_start
                    passed.append(Hop(item.id, 1, line, position, item.destination, into, 1))
                    line, position = item.destination, into
            assert hops_forward(store, lot, serial, serial + 1) == tuple(passed)
            back = hops_backward(store, ledger.minted, line, position, position + 1)
            assert back == tuple(passed)


@settings(deadline=None, max_examples=50)
@given(
    seed=st.integers(0, 2**32),
    pick=st.integers(0),
    change=st.sampled_from(["drop", "repeat", "shift", "grow"]),
)
def test_any_change_to_one_map_breaks_the_partition(seed: int, pick: int, change: str) -> None:
    ledger = random_history(seed, 60)
    if not ledger.maps:
        return
    index = pick % len(ledger.maps)
    item = ledger.maps[index]
    instead = {
        "drop": [],
        "repeat": [item, replace(item, id=len(ledger.maps))],
        "shift": [replace(item, destination_start=item.destination_start + 1)],
        "grow": [replace(item, amount=item.amount + 1)],
    }[change]
    maps = ledger.maps[:index] + instead + ledger.maps[index + 1 :]
    assert partition_faults(ledger.lots, ledger.counters, maps)


def map_of(number: int, source: bytes, start: int, destination: bytes, into: int, amount: int) -> Map:
    return Map(number, 2, source, start, destination, into, amount, block=number)


PATH = [
    map_of(1, LOT, 0, ACCOUNT, 0, 10),
    map_of(2, OTHER, 0, ACCOUNT, 10, 5),
    map_of(3, ACCOUNT, 0, BATCH, 0, 12),
    map_of(4, BATCH, 4, ACCOUNT, 15, 2),
]


def minted(line: bytes) -> int:
    return {LOT: 50, OTHER: 5}.get(line, 0)


def test_segments_come_in_the_order_of_the_interval() -> None:
    assert backward(MemoryMaps(PATH), minted, ACCOUNT, 8, 17) == (
        Segment(LOT, 8, 2),
        Segment(OTHER, 0, 5),
        Segment(LOT, 4, 2),
    )


def test_neighbours_are_merged_over_maps() -> None:
    maps = [map_of(1, LOT, 0, ACCOUNT, 0, 3), map_of(2, LOT, 3, ACCOUNT, 3, 4)]
    assert backward(MemoryMaps(maps), minted, ACCOUNT, 1, 6) == (Segment(LOT, 1, 5),)


def test_what_a_batch_passed_rests_on_its_line_and_what_returned_does_not() -> None:
    assert forward(MemoryMaps(PATH), LOT, 0, 10) == (
        Resting(BATCH, 0, 4, 0),
        Resting(ACCOUNT, 15, 2, 4),
        Resting(BATCH, 6, 4, 6),
    )


def test_hops_are_clipped_to_what_went_through_and_merged() -> None:
    assert hops_forward(MemoryMaps(PATH), LOT, 3, 10) == (
        Hop(1, 2, LOT, 3, ACCOUNT, 3, 7),
        Hop(3, 2, ACCOUNT, 3, BATCH, 3, 7),
        Hop(4, 2, BATCH, 4, ACCOUNT, 15, 2),
    )


def test_a_line_laid_behind_its_own_end_is_followed() -> None:
    maps = [
        map_of(1, LOT, 0, LOT, 10, 4),
        map_of(2, LOT, 4, OTHER, 0, 2),
        map_of(3, LOT, 6, LOT, 14, 4),
        map_of(4, LOT, 10, ACCOUNT, 0, 6),
    ]

    def ten(line: bytes) -> int:
        return 10 if line == LOT else 0

    assert backward(MemoryMaps(maps), ten, ACCOUNT, 0, 6) == (Segment(LOT, 0, 4), Segment(LOT, 6, 2))
    assert backward(MemoryMaps(maps), ten, LOT, 8, 16) == (
        Segment(LOT, 8, 2),
        Segment(LOT, 0, 4),
        Segment(LOT, 6, 2),
    )
    assert forward(MemoryMaps(maps), LOT, 0, 10) == (
        Resting(ACCOUNT, 0, 4, 0),
        Resting(OTHER, 0, 2, 4),
        Resting(ACCOUNT, 4, 2, 6),
        Resting(LOT, 16, 2, 8),
    )
    lines = {LOT: (18, 16), OTHER: (2, 0), ACCOUNT: (6, 0)}
    assert partition_faults({LOT: 10}, lines, maps) == []


def test_a_lot_traces_to_itself() -> None:
    assert backward(MemoryMaps(), minted, LOT, 2, 5) == (Segment(LOT, 2, 3),)
    assert forward(MemoryMaps(), LOT, 2, 5) == (Resting(LOT, 2, 3, 2),)
    assert hops_backward(MemoryMaps(), minted, LOT, 2, 5) == ()


@pytest.mark.parametrize(("start", "end"), [(5, 5), (6, 5), (-1, 5)])
def test_an_interval_has_at_least_one_cent(start: int, end: int) -> None:
    with pytest.raises(ValueError, match="no interval"):
        forward(MemoryMaps(PATH), LOT, start, end)


def test_a_hole_is_named() -> None:
    with pytest.raises(TraceBroken) as broken:
        backward(MemoryMaps(PATH[1:]), minted, BATCH, 8, 12)
    assert broken.value.code == "trace-broken"
    assert broken.value.details == {"line": "0x" + ACCOUNT.hex(), "start": 8, "end": 12}


def test_an_interval_mapped_twice_is_broken() -> None:
    store = MemoryMaps([*PATH, map_of(5, ACCOUNT, 2, OTHER, 0, 1)])
    with pytest.raises(TraceBroken):
        forward(store, LOT, 0, 10)
    with pytest.raises(TraceBroken):
        hops_forward(store, LOT, 0, 10)


def test_a_circle_is_broken_and_not_walked_forever() -> None:
    circle = MemoryMaps([map_of(1, ACCOUNT, 0, BATCH, 0, 5), map_of(2, BATCH, 0, ACCOUNT, 0, 5)])
    with pytest.raises(TraceBroken):
        backward(circle, minted, ACCOUNT, 0, 5)
    with pytest.raises(TraceBroken):
        forward(circle, ACCOUNT, 0, 5)


def test_a_trace_is_bounded() -> None:
    dust = [map_of(number, LOT, number, ACCOUNT, number, 1) for number in range(50)]
    for limit in (99, 50):
        assert len(backward(MemoryMaps(dust), minted, ACCOUNT, 0, limit // 2, limit)) == 1
    with pytest.raises(TraceTooLarge) as refused:
        backward(MemoryMaps(dust), minted, ACCOUNT, 0, 50, 99)
    assert refused.value.code == "trace-too-large"
    with pytest.raises(TraceTooLarge):
        forward(MemoryMaps(dust), LOT, 0, 50, 20)


def test_ten_thousand_hops_need_no_recursion() -> None:
    chain = [map_of(number, b"%d" % number, 0, b"%d" % (number + 1), 0, 9) for number in range(10_000)]
    assert backward(MemoryMaps(chain), lambda line: 9 * (line == b"0"), b"10000", 0, 9) == (
        Segment(b"0", 0, 9),
    )
    assert forward(MemoryMaps(chain), b"0", 0, 9) == (Resting(b"10000", 0, 9, 0),)


COUNTERS = {LOT: (10, 10), OTHER: (5, 5), ACCOUNT: (17, 12), BATCH: (12, 12)}


@pytest.mark.parametrize(
    ("lots", "counters", "named"),
    [
        ({LOT: 10, OTHER: 5}, COUNTERS | {BATCH: (12, 13)}, "out 13 is more than in 12"),
        ({LOT: 10, OTHER: 5}, COUNTERS | {ACCOUNT: (18, 12)}, "is filled up to 17 only, of 18"),
        ({LOT: 11, OTHER: 5}, COUNTERS, "is filled up to 11, past its end 10"),
        ({LOT: 10, OTHER: 5}, COUNTERS | {LOT: (10, 9)}, "is emptied up to 10, past its end 9"),
        ({LOT: 10}, COUNTERS, "is filled up to 0 only, of 5"),
        ({LOT: 10, OTHER: 5, b"N": 1}, COUNTERS, "no counters"),
    ],
)
def test_wrong_counters_are_named(
    lots: dict[bytes, int], counters: dict[bytes, tuple[int, int]], named: str
) -> None:
    assert partition_faults({LOT: 10, OTHER: 5}, COUNTERS, PATH) == []
    faults = partition_faults(lots, counters, PATH)
    assert any(named in fault for fault in faults), faults


def test_a_circle_beside_the_lots_is_found() -> None:
    maps = [map_of(1, ACCOUNT, 0, BATCH, 0, 5), map_of(2, BATCH, 0, ACCOUNT, 0, 5)]
    (fault,) = partition_faults({LOT: 1}, {LOT: (1, 0), ACCOUNT: (5, 5), BATCH: (5, 5)}, maps)
    assert "map 1 moves money before it came" in fault
