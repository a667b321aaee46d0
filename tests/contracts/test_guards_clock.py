"""Time windows and calendars: dates, daily hours also over midnight, days of the week, local days."""

import boa
import pytest

from contracts.agreement.clock import is_open
from contracts.rows import RowTree
from contracts.terms import Guard, Kind
from tests.contracts.chain import Contract, Reverted
from tests.contracts.disbursements import DAY, daily, disburse, execute, refused
from tests.contracts.world import World, now, rows_of

HOUR = 3_600
MONDAY, FRIDAY = 1, 1 << 4
OFFSETS = [0, 8 * HOUR, DAY - 5 * HOUR]


def next_monday() -> int:
    """Midnight, UTC, of a Monday to come; 1970-01-05 was one."""
    return (now() // DAY // 7 + 2) * 7 * DAY + 4 * DAY


class Clock:
    """An agreement with one guard, and a batch to try it with."""

    def __init__(self, world: World, guard: Guard) -> None:
        self.world = world
        self.guard = guard
        self.payout: Contract = disburse(world, [guard])
        self.tree: RowTree = rows_of([1] * 8 * 24)
        self.batch = world.reserve(self.payout, self.tree, now() + 400 * DAY)
        self.chunk = 0

    def is_open(self, moment: int) -> bool:
        """Whether a chunk runs at a moment, as the agreement's language says it; else it must be refused."""
        boa.env.timestamp = moment
        try:
            execute(self.payout, self.batch, self.tree, self.chunk)
        except Reverted:
            assert not is_open(self.guard, moment)
            assert refused(self.world, self.payout, self.batch, self.tree, 8)[2].startswith("outside-")
            return False
        assert is_open(self.guard, moment)
        self.chunk += 1
        return True


def test_dates(world: World) -> None:
    start = now() + 100
    clock = Clock(world, daily(0, 0, DAY, first=start, last=start + 50))
    said = refused(world, clock.payout, clock.batch, clock.tree, 8)
    assert said == (0, 0, "outside-time-window", start, start - 100)
    assert [clock.is_open(start + passed) for passed in (-1, 0, 50, 51)] == [False, True, True, False]
    said = refused(world, clock.payout, clock.batch, clock.tree, 8)
    assert said == (0, 0, "outside-time-window", start + 50, start + 51)


@pytest.mark.parametrize("offset", OFFSETS)
def test_daily_hours(world: World, offset: int) -> None:
    opens, closes = 9 * HOUR, 17 * HOUR
    clock = Clock(world, daily(0, opens, closes, offset))
    midnight = next_monday() - offset
    moments = (opens - 1, opens, closes - 1, closes, DAY + opens)
    assert [clock.is_open(midnight + moment) for moment in moments] == [False, True, True, False, True]


@pytest.mark.parametrize("offset", OFFSETS)
def test_hours_over_midnight(world: World, offset: int) -> None:
    opens, closes = 22 * HOUR, 6 * HOUR
    clock = Clock(world, daily(0, opens, closes, offset))
    midnight = next_monday() - offset
    moments = (0, closes - 1, closes, opens - 1, opens, DAY - 1, DAY, DAY + closes)
    assert [clock.is_open(midnight + moment) for moment in moments] == [
        True,
        True,
        False,
        False,
        True,
        True,
        True,
        False,
    ]


@pytest.mark.parametrize("offset", OFFSETS)
def test_a_night_belongs_to_the_date_it_begins_on(world: World, offset: int) -> None:
    """From a day to the next: the morning of the first is not open, the one after the last is."""
    opens, closes = 22 * HOUR, 6 * HOUR
    midnight = next_monday() - offset
    last = midnight + 2 * DAY - 1
    clock = Clock(world, daily(0, opens, closes, offset, midnight, last))
    first_day = (-1, 0, closes - 1, opens - 1, opens, DAY - 1, DAY, DAY + closes - 1, DAY + closes)
    assert [clock.is_open(midnight + moment) for moment in first_day] == [
        *(False, False, False, False),
        *(True, True, True, True, False),
    ]
    last_day = (-HOUR, 0, 1, closes, closes + 1, opens + 1)
    assert [clock.is_open(last + moment) for moment in last_day] == [True, True, True, True, False, False]


def test_what_is_told_of_a_window_that_has_begun(world: World) -> None:
    """Its end, from its first second on, though the hours refuse."""
    first = next_monday()
    clock = Clock(world, daily(0, HOUR, 2 * HOUR, first=first, last=first + DAY))
    for passed, limit in ((-1, first), (0, first + DAY), (1, first + DAY)):
        boa.env.timestamp = first + passed
        said = refused(world, clock.payout, clock.batch, clock.tree, 8)
        assert said == (0, 0, "outside-time-window", limit, first + passed)


def test_until_midnight(world: World) -> None:
    clock = Clock(world, daily(0, 23 * HOUR, DAY))
    midnight = next_monday()
    assert [clock.is_open(midnight + moment) for moment in (23 * HOUR - 1, 23 * HOUR, DAY - 1, DAY)] == [
        False,
        True,
        True,
        False,
    ]


def test_from_the_last_second_to_midnight(world: World) -> None:
    """Hours until second zero are those before midnight."""
    clock = Clock(world, daily(0, DAY - 1, 0))
    midnight = next_monday()
    assert [clock.is_open(midnight + moment) for moment in (0, DAY - 2, DAY - 1, DAY)] == [
        False,
        False,
        True,
        False,
    ]


@pytest.mark.parametrize("offset", [0, 8 * HOUR])
def test_days_of_the_week(world: World, offset: int) -> None:
    clock = Clock(world, daily(0, 0, DAY, offset, days=MONDAY | FRIDAY))
    midnight = next_monday() - offset
    assert not clock.is_open(midnight - 1)
    assert [clock.is_open(midnight + day * DAY) for day in range(8)] == [
        True,
        False,
        False,
        False,
        True,
        False,
        False,
        True,
    ]


def test_a_night_belongs_to_the_day_it_begins_on(world: World) -> None:
    opens, closes = 22 * HOUR, 6 * HOUR
    clock = Clock(world, daily(0, opens, closes, days=FRIDAY))
    friday = next_monday() + 4 * DAY
    moments = (closes - 1, opens - 1, opens, DAY, DAY + closes - 1, DAY + closes, DAY + opens)
    assert [clock.is_open(friday + moment) for moment in moments] == [
        False,
        False,
        True,
        True,
        True,
        False,
        False,
    ]


def test_sunday_nights_reach_into_monday(world: World) -> None:
    clock = Clock(world, daily(0, 22 * HOUR, 6 * HOUR, days=1 << 6))
    monday = next_monday()
    assert [clock.is_open(monday + moment) for moment in (-2 * HOUR - 1, -2 * HOUR, HOUR, 7 * HOUR)] == [
        False,
        True,
        True,
        False,
    ]


@pytest.mark.parametrize("offset", [0, 8 * HOUR])
def test_calendar(world: World, offset: int) -> None:
    """Allowed are the first, third and last of 256 days."""
    monday = next_monday()
    first = monday // DAY
    bits = 1 | 1 << 2 | 1 << 255
    guard = Guard(0, Kind.CALENDAR_DAY, first, 256, offset, subject=bits.to_bytes(32))
    clock = Clock(world, guard)
    said = refused(world, clock.payout, clock.batch, clock.tree, 8)
    assert said == (0, 0, "outside-calendar", first + 255, (now() + offset) // DAY)
    days = [0, 1, 2, 3, 254, 255, 256]
    begins = [monday - offset + day * DAY for day in days]
    assert not clock.is_open(begins[0] - 1)
    assert [clock.is_open(begin) for begin in begins] == [True, False, True, False, False, True, False]


def test_a_calendar_ends_with_its_length(world: World) -> None:
    """Whatever bits stand behind it."""
    first = next_monday() // DAY
    clock = Clock(world, Guard(0, Kind.CALENDAR_DAY, first, 2, subject=(0xFF).to_bytes(32)))
    assert [clock.is_open((first + day) * DAY + DAY - 1) for day in (0, 1, 2)] == [True, True, False]
    said = refused(world, clock.payout, clock.batch, clock.tree, 8)
    assert said == (0, 0, "outside-calendar", first + 1, first + 2)


def test_one_of_two_windows_is_enough(world: World) -> None:
    payout = disburse(world, [daily(0, 9 * HOUR, 12 * HOUR), daily(0, 13 * HOUR, 17 * HOUR)])
    tree = rows_of([1] * 24)
    batch = world.reserve(payout, tree, now() + 99 * DAY)
    monday = next_monday()
    for number, hour in enumerate((9, 13)):
        boa.env.timestamp = monday + hour * HOUR
        execute(payout, batch, tree, number)
    boa.env.timestamp = monday + 12 * HOUR
    assert refused(world, payout, batch, tree, 8)[:3] == (0, 1, "outside-time-window")
