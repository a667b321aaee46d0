"""What follows from guards alone, against a look at every second or every value."""

from datetime import UTC, datetime
from types import SimpleNamespace

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from contracts.agreement.clock import common_moment, is_open
from contracts.agreement.guard_models import Clause
from contracts.agreement.guards import chain_guards, implies, refusal_codes
from contracts.agreement.values import window_seconds, window_start_seconds
from contracts.terms import Guard, Kind

HOUR = 3_600
DAY = 24 * HOUR
HOURS = 21 * 24


@st.composite
def hourly_windows(draw: st.DrawFn) -> Guard:
    """A time window whose edges are whole hours, within three weeks; hours may cross midnight."""
    first, last = sorted(draw(st.lists(st.integers(0, HOURS), min_size=2, max_size=2, unique=True)))
    start = draw(st.integers(0, 23))
    end = draw(st.integers(0, 24).filter(lambda hour: hour != start))
    offset = draw(st.integers(0, 23)) * HOUR
    packed = start * HOUR | end * HOUR << 32 | offset << 64 | draw(st.integers(0, 127)) << 96
    return Guard(0, Kind.TIME_WINDOW, first * HOUR, last * HOUR - 1, packed)


@st.composite
def calendars(draw: st.DrawFn) -> Guard:
    """A calendar of a few days within three weeks."""
    days = draw(st.integers(1, 12))
    bitmap = draw(st.integers(1, 2**days - 1)).to_bytes(32)
    offset = draw(st.integers(0, 23)) * HOUR
    return Guard(0, Kind.CALENDAR_DAY, draw(st.integers(1, 20)), days, offset, subject=bitmap)


clocks = hourly_windows() | calendars()


def open_hours(guard: Guard) -> set[int]:
    return {hour for hour in range(-24, HOURS + 400) if is_open(guard, hour * HOUR)}


@given(st.lists(st.lists(clocks, min_size=1, max_size=3), min_size=1, max_size=4))
@settings(deadline=None)
def test_common_moment_is_the_first(clauses: list[list[Guard]]) -> None:
    common = set.intersection(*(set.union(*map(open_hours, clause)) for clause in clauses))
    assert common_moment(clauses) == (min(common) * HOUR if common else None)


@given(clocks, clocks)
@settings(deadline=None)
def test_an_implied_window_is_open_whenever_the_other_is(first: Guard, second: Guard) -> None:
    if implies(first, second):
        assert open_hours(first) <= open_hours(second)
    assert implies(first, first)


def test_a_night_belongs_to_the_day_it_begins_on() -> None:
    friday = 1 << 4 << 96
    night = Guard(0, Kind.TIME_WINDOW, 0, 10**9, 22 * HOUR | 6 * HOUR << 32 | friday)
    # 1970-01-02 was a Friday.
    assert is_open(night, 1 * DAY + 22 * HOUR)
    assert is_open(night, 2 * DAY + 5 * HOUR)
    assert not is_open(night, 1 * DAY + 5 * HOUR)
    assert not is_open(night, 2 * DAY + 22 * HOUR)


def test_a_night_belongs_to_the_date_it_begins_on() -> None:
    """From 1970-01-10 to the end of the next day, 22:00 to 06:00."""
    first, last = 9 * DAY, 11 * DAY - 1
    night = Guard(0, Kind.TIME_WINDOW, first, last, 22 * HOUR | 6 * HOUR << 32)
    assert not is_open(night, first + 3 * HOUR)
    assert is_open(night, last + 3 * HOUR)
    assert not is_open(night, last + 1 + 6 * HOUR)
    whole_days = Guard(0, Kind.TIME_WINDOW, first, last, DAY << 32)
    assert not implies(night, whole_days)
    morning = Guard(0, Kind.TIME_WINDOW, first, last, 1 * HOUR | 5 * HOUR << 32)
    assert not implies(morning, night)
    assert implies(night, Guard(0, Kind.TIME_WINDOW, first, last + DAY, DAY << 32))
    assert implies(morning, Guard(0, Kind.TIME_WINDOW, first - DAY, last, night.c))


def test_guards_of_different_subjects_imply_nothing() -> None:
    first = Guard(0, Kind.APPROVAL, 3, subject=b"a" * 32)
    assert not implies(first, Guard(0, Kind.APPROVAL, 2, subject=b"b" * 32))
    assert not implies(first, Guard(0, Kind.EVIDENCE, 2, subject=b"a" * 32))
    assert implies(first, Guard(0, Kind.APPROVAL, 2, subject=b"a" * 32))
    assert not implies(Guard(0, Kind.APPROVAL, 2, subject=b"a" * 32), first)


@pytest.mark.parametrize(
    ("timezone", "moment"),
    [
        ("+08:00", "2026-01-05T00:30:00+08:00"),
        ("-05:00", "2026-01-05T00:30:00-05:00"),
        ("-03:30", "2026-01-05T23:59:00-03:30"),
    ],
)
def test_days_are_local_on_both_sides_of_greenwich(timezone: str, moment: str) -> None:
    monday = {"kind": "time_window", "from": "2026-01-01", "until": "2026-12-31", "timezone": timezone}
    calendar = {"kind": "calendar", "from": "2026-01-01", "until": "2026-01-31", "timezone": timezone}
    clause = Clause.model_validate(
        {"name": "c", "any": ({**monday, "days": ("mon",)}, {**calendar, "allowed": ("2026-01-05",)})}
    )
    at = int(datetime.fromisoformat(moment).timestamp())
    content = SimpleNamespace(clauses=[clause])
    for guard in chain_guards(content)[0]:  # type: ignore[arg-type]
        assert is_open(guard, at)
        assert not is_open(guard, at - DAY)
        assert not is_open(guard, at + DAY)


@pytest.mark.parametrize(
    ("every", "timezone", "start"),
    [
        ("day", "+08:00", "2026-01-05T00:00:00+08:00"),
        ("day", "-05:00", "2026-01-05T00:00:00-05:00"),
        ("week", "+08:00", "2026-01-05T00:00:00+08:00"),
        ("week", "-03:30", "2026-01-05T00:00:00-03:30"),
        ("hour", "+05:30", "2026-01-05T07:00:00+05:30"),
    ],
)
def test_windows_start_on_the_local_clock(every: str, timezone: str, start: str) -> None:
    moment = int(datetime.fromisoformat(start).astimezone(UTC).timestamp())
    length, offset = window_seconds(every), window_start_seconds(every, timezone)
    assert (moment + offset) % length == 0
    assert (moment - 1 + offset) // length < (moment + offset) // length


@pytest.mark.parametrize(
    ("kinds", "code"),
    [
        (("approval", "evidence"), "evidence-missing"),
        (("evidence", "approval"), "approvals-missing"),
        (("payout_cap", "approval"), "payout-cap"),
    ],
)
def test_refusal_code_is_that_of_the_last_guard_about_rows(kinds: tuple[str, ...], code: str) -> None:
    guards = {
        "approval": {"kind": "approval", "quorum": "q", "at_least": 2},
        "evidence": {"kind": "evidence", "evidence": "e", "by": "b", "fresh_for": "1d"},
        "payout_cap": {"kind": "payout_cap", "amount": "1.00"},
    }
    clause = Clause.model_validate({"name": "c", "any": tuple(guards[kind] for kind in kinds)})
    assert refusal_codes(clause) == (code,)
