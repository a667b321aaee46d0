"""When time windows and calendars are open: the twin of what `modules/guards.vy` asks the clock.

Both keep the offset of local time below a day, so that west of Greenwich a local day counts as the one
after it; `guards` shifts days and days of the week for that when it writes them.
"""

from collections.abc import Iterator, Sequence

from contracts.agreement.values import DAY_SECONDS
from contracts.terms import Guard, Kind

__all__ = ["CLOCK_KINDS", "common_moment", "implies_open", "is_open"]

CLOCK_KINDS = frozenset({Kind.TIME_WINDOW, Kind.CALENDAR_DAY})
_M32 = 0xFFFFFFFF
_EVERY_DAY = 0x7F
# 1970-01-01 was a Thursday, the fourth day of its week.
_EPOCH_WEEKDAY = 3
_WEEK_DAYS = 7


def is_open(guard: Guard, moment: int) -> bool:
    """Whether a time window or a calendar is open at a unix second."""
    if guard.kind == Kind.CALENDAR_DAY:
        return _is_allowed_day(guard, moment)
    second, day = _local(guard, moment)
    start, end, weekdays = _hours(guard)
    if not (start <= second < end if start < end else second >= start or second < end):
        return False
    if second < start:
        # The hours began on the day before: what holds of its last second holds after midnight.
        moment, day = moment - second - 1, day - 1
    return guard.a <= moment <= guard.b and _is_weekday(weekdays, day)


def _is_allowed_day(guard: Guard, moment: int) -> bool:
    _, day = _local(guard, moment)
    bit = day - guard.a
    return 0 <= bit < guard.b and bool(int.from_bytes(guard.subject) >> bit & 1)


def _local(guard: Guard, moment: int) -> tuple[int, int]:
    """Second of the local day, and the number of that day."""
    local = moment + _offset(guard)
    return local % DAY_SECONDS, local // DAY_SECONDS


def _offset(guard: Guard) -> int:
    return guard.c & _M32 if guard.kind == Kind.CALENDAR_DAY else guard.c >> 64 & _M32


def _hours(guard: Guard) -> tuple[int, int, int]:
    """First second of the day, the one after the last, and the days of the week."""
    return guard.c & _M32, guard.c >> 32 & _M32, guard.c >> 96 & _EVERY_DAY or _EVERY_DAY


def _is_weekday(weekdays: int, day: int) -> bool:
    return bool(weekdays >> (day + _EPOCH_WEEKDAY) % _WEEK_DAYS & 1)


def common_moment(clauses: Sequence[Sequence[Guard]]) -> int | None:
    """The first unix second at which every clause has an open guard, or None. All guards are of CLOCK_KINDS.

    At that second some guard has just opened. Between two beginnings (a window's first second, a calendar's
    allowed day) dates only close, and all else repeats every week, so it is within a week of a beginning.
    """
    guards = [guard for clause in clauses for guard in clause]
    beginnings = {moment for guard in guards for moment in _beginnings(guard)}
    candidates = set(beginnings)
    for guard in guards:
        days = {
            (moment + _offset(guard)) // DAY_SECONDS + ahead
            for moment in beginnings
            for ahead in range(_WEEK_DAYS + 2)
        }
        for second in _openings(guard):
            candidates.update(day * DAY_SECONDS + second - _offset(guard) for day in days)
    moments = (
        moment
        for moment in sorted(candidates)
        if all(any(is_open(guard, moment) for guard in clause) for clause in clauses)
    )
    return next(moments, None)


def _beginnings(guard: Guard) -> Iterator[int]:
    if guard.kind == Kind.TIME_WINDOW:
        yield guard.a
        return
    bitmap = int.from_bytes(guard.subject)
    for bit in range(guard.b):
        if bitmap >> bit & 1:
            yield (guard.a + bit) * DAY_SECONDS - _offset(guard)


def _openings(guard: Guard) -> tuple[int, ...]:
    """Seconds of a local day at which the guard may open."""
    return (0,) if guard.kind == Kind.CALENDAR_DAY else (0, _hours(guard)[0])


def implies_open(first: Guard, second: Guard) -> bool:
    """Whether `second` is open whenever `first` is, both of one kind. May say no where it is yes."""
    if first.kind == Kind.CALENDAR_DAY:
        return _offset(first) == _offset(second) and _days_of(first) <= _days_of(second)
    # A night goes on after its last date, and what is after midnight on the first belongs to the day before.
    late = DAY_SECONDS if _is_night(first) and not _is_night(second) else 0
    early = DAY_SECONDS if _is_night(second) and not _is_night(first) else 0
    return second.a + early <= first.a and first.b + late <= second.b and _within_hours(first, second)


def _is_night(guard: Guard) -> bool:
    """Whether the hours cross midnight."""
    start, end, _ = _hours(guard)
    return start > end


def _days_of(guard: Guard) -> set[int]:
    bitmap = int.from_bytes(guard.subject)
    return {guard.a + bit for bit in range(guard.b) if bitmap >> bit & 1}


def _within_hours(inner: Guard, outer: Guard) -> bool:
    start, end, weekdays = _hours(inner)
    outer_start, outer_end, outer_weekdays = _hours(outer)
    every_day = outer_weekdays == _EVERY_DAY
    if every_day and (outer_start, outer_end) == (0, DAY_SECONDS):
        return True
    if _offset(inner) != _offset(outer) or weekdays & ~outer_weekdays:
        return False
    if (start < end) == (outer_start < outer_end):
        return outer_start <= start and end <= outer_end
    return every_day and start < end and (start >= outer_start or end <= outer_end)
