"""Texts of an agreement file as numbers: amounts, durations, time zones, hours, moments.

Every function raises ValueError, with a sentence for the author of the file, for text it does not take.
"""

import re
from collections.abc import Iterable
from datetime import date, datetime

__all__ = [
    "DAY_SECONDS",
    "EVER",
    "WEEKDAYS",
    "WHOLE_BASIS_POINTS",
    "amount_text",
    "basis_points",
    "daily_seconds",
    "day_number",
    "day_seconds",
    "duration_seconds",
    "minor_units",
    "offset_seconds",
    "payee_window_seconds",
    "unix_seconds",
    "weekday_bits",
    "window_seconds",
    "window_start_seconds",
]

DAY_SECONDS = 86_400
WEEK_SECONDS = 7 * DAY_SECONDS
# 1970-01-01 was a Thursday: three days after a Monday.
_MONDAY_BEFORE_EPOCH_SECONDS = 3 * DAY_SECONDS
_EPOCH = date(1970, 1, 1)
WEEKDAYS = ("mon", "tue", "wed", "thu", "fri", "sat", "sun")
_MIN_WINDOW_SECONDS = 256
_MAX_WINDOW_SECONDS = 366 * DAY_SECONDS
_MAX_DURATION_SECONDS = 3_660 * DAY_SECONDS

_AMOUNT = re.compile(r"(0|[1-9][0-9]{0,15})(?:\.([0-9]{2}))?")
_DAY = re.compile(r"2[0-9]{3}-[0-9]{2}-[0-9]{2}")
_MOMENT = re.compile(r"2[0-9]{3}-[0-9]{2}-[0-9]{2}T[0-9]{2}:[0-9]{2}:[0-9]{2}(?:Z|[+-][0-9]{2}:[0-9]{2})")
_OFFSET = re.compile(r"([+-])([01][0-9]):([0-5][0-9])")
_HOURS = re.compile(r"([0-2][0-9]):([0-5][0-9])-([0-2][0-9]):([0-5][0-9])")
_DURATION = re.compile(r"([1-9][0-9]{0,9})([smhd])")
_PERCENT = re.compile(r"(0|[1-9][0-9]{0,2})(?:\.([0-9]{1,2}))?%")
_UNIT_SECONDS = {"s": 1, "m": 60, "h": 3_600, "d": DAY_SECONDS}
_WINDOW_SECONDS = {"hour": 3_600, "day": DAY_SECONDS, "week": WEEK_SECONDS}
WHOLE_BASIS_POINTS = 10_000
EVER = "ever"
"""The window of a payee cap that never starts anew."""


def minor_units(text: str) -> int:
    """Amount (`"2000.00"` or `"2000"`) in minor units, two decimals; at most 18 digits, below 2^62."""
    found = _AMOUNT.fullmatch(text)
    if not found:
        raise ValueError(
            "write the amount as digits with no decimals or two, no sign, no separators, "
            'at most 16 digits before the point: "2000.00"'
        )
    return int(found[1] + (found[2] or "00"))


def amount_text(amount_minor: int, separator: str = "") -> str:
    """Minor units as decimal text, the inverse of `minor_units`; `separator` groups the thousands."""
    whole = f"{amount_minor // 100:,}".replace(",", separator)
    return f"{whole}.{amount_minor % 100:02d}"


def duration_seconds(text: str) -> int:
    """Duration (`30d`, `12h`, `90m`, `45s`) in seconds, at most 3,660 days."""
    found = _DURATION.fullmatch(text)
    if not found or int(found[1]) * _UNIT_SECONDS[found[2]] > _MAX_DURATION_SECONDS:
        raise ValueError("write a number and s, m, h or d, at most 3660d: 30d")
    return int(found[1]) * _UNIT_SECONDS[found[2]]


def window_seconds(text: str) -> int:
    """Length of a cap's window (`hour`, `day`, `week` or `900s`) in seconds, from 256 seconds to 366 days."""
    if text in _WINDOW_SECONDS:
        return _WINDOW_SECONDS[text]
    found = _DURATION.fullmatch(text)
    if not found or found[2] != "s" or not _MIN_WINDOW_SECONDS <= int(found[1]) <= _MAX_WINDOW_SECONDS:
        raise ValueError("write hour, day, week, or a number of seconds from 256 to 366 days: 900s")
    return int(found[1])


def window_start_seconds(every: str, timezone: str) -> int:
    """What to add to unix time so that windows start on the local hour, midnight or Monday.

    Other windows are counted from 1970-01-01 00:00 local time. Below the window's length.
    """
    monday = _MONDAY_BEFORE_EPOCH_SECONDS if every == "week" else 0
    return (offset_seconds(timezone) + monday) % window_seconds(every)


def offset_seconds(text: str) -> int:
    """Offset of local time from UTC (`+08:00`) in seconds, from -14 to +14 hours."""
    found = _OFFSET.fullmatch(text)
    seconds = int(found[2]) * 3_600 + int(found[3]) * 60 if found else 0
    if not found or seconds > 14 * 3_600:
        raise ValueError('write the offset from UTC, at most 14 hours: "+08:00"')
    return -seconds if found[1] == "-" else seconds


def payee_window_seconds(text: str) -> int:
    """Length of a payee cap's window in seconds; zero for `ever`, which has no end."""
    return 0 if text == EVER else window_seconds(text)


def daily_seconds(text: str) -> tuple[int, int]:
    """Hours of a day (`09:00-17:30`) as first second and the one after the last.

    Hours over midnight (`22:00-06:00`) start later than they end. An end at 00:00 is 24:00.
    """
    found = _HOURS.fullmatch(text)
    if not found:
        raise ValueError('write the hours as "09:00-17:30"')
    start, end = (int(found[i]) * 3_600 + int(found[i + 1]) * 60 for i in (1, 3))
    if start >= DAY_SECONDS or end > DAY_SECONDS or start == end:
        raise ValueError('hours start by 23:59, end by 24:00 and are not empty: "09:00-17:30"')
    return start, end or DAY_SECONDS


def weekday_bits(days: Iterable[str]) -> int:
    """Days of the week (`mon` … `sun`), one bit each from Monday; zero for every day."""
    bits = sum(1 << WEEKDAYS.index(day) for day in set(days))
    return 0 if bits == (1 << len(WEEKDAYS)) - 1 else bits


def basis_points(text: str) -> int:
    """Share (`12.50%`) in basis points, 0 to 10,000."""
    found = _PERCENT.fullmatch(text)
    points = int(found[1]) * 100 + int((found[2] or "").ljust(2, "0")) if found else 0
    if not found or points > WHOLE_BASIS_POINTS:
        raise ValueError('write the share in percent with at most two decimals: "12.50%"')
    return points


def day_number(text: str) -> int:
    """Days from 1970-01-01 to a day (`2026-01-01`)."""
    return day_seconds(text) // DAY_SECONDS


def day_seconds(text: str) -> int:
    """Midnight UTC of a day (`2026-01-01`, years 2000 to 2999) as unix seconds."""
    if not _DAY.fullmatch(text):
        raise ValueError("write the day as YYYY-MM-DD, from 2000 on")
    return (date.fromisoformat(text) - _EPOCH).days * DAY_SECONDS


def unix_seconds(text: str) -> int:
    """Moment (`2030-01-01T10:00:00+08:00`) as unix seconds."""
    if not _MOMENT.fullmatch(text):
        raise ValueError('write date, time and offset: "2030-01-01T10:00:00+08:00"')
    return int(datetime.fromisoformat(text).timestamp())
