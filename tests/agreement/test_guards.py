"""What follows from guards alone, against a look at every second or every value."""

from datetime import UTC, datetime

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from contracts.agreement.guards import common_moment, implies, is_in_time, refusal_code
from contracts.agreement.model import Clause
from contracts.agreement.values import window_seconds, window_start_seconds
from contracts.terms import Guard, Kind

HOUR = 3_600
DAY = 24 * HOUR


@st.composite
def hourly_windows(draw: st.DrawFn) -> Guard:
    """A time window whose edges are whole hours, within ten days."""
    first, last = sorted(draw(st.lists(st.integers(0, 240), min_size=2, max_size=2, unique=True)))
    start, end = sorted(draw(st.lists(st.integers(0, 24), min_size=2, max_size=2, unique=True)))
    offset = draw(st.integers(0, 23)) * HOUR
    packed = start * HOUR | end * HOUR << 32 | offset << 64
    return Guard(0, Kind.TIME_WINDOW, first * HOUR, last * HOUR - 1, packed)


@given(st.lists(st.lists(hourly_windows(), min_size=1, max_size=3), min_size=1, max_size=4))
@settings(deadline=None)
def test_common_moment_is_the_first(clauses: list[list[Guard]]) -> None:
    moments = (
        hour * HOUR
        for hour in range(241)
        if all(any(is_in_time(guard, hour * HOUR) for guard in clause) for clause in clauses)
    )
    assert common_moment(clauses) == next(moments, None)


@given(hourly_windows(), hourly_windows())
def test_an_implied_window_is_open_whenever_the_other_is(first: Guard, second: Guard) -> None:
    if implies(first, second):
        assert all(is_in_time(second, hour * HOUR) for hour in range(241) if is_in_time(first, hour * HOUR))
    assert implies(first, first)


def test_guards_of_different_subjects_imply_nothing() -> None:
    first = Guard(0, Kind.APPROVAL, 3, subject=b"a" * 32)
    assert not implies(first, Guard(0, Kind.APPROVAL, 2, subject=b"b" * 32))
    assert not implies(first, Guard(0, Kind.EVIDENCE, 2, subject=b"a" * 32))
    assert implies(first, Guard(0, Kind.APPROVAL, 2, subject=b"a" * 32))
    assert not implies(Guard(0, Kind.APPROVAL, 2, subject=b"a" * 32), first)


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
    assert refusal_code(clause) == code
