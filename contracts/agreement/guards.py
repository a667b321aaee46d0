"""Guards of a file as the chain holds them, and what follows from them alone."""

from collections.abc import Sequence

from contracts.agreement import values
from contracts.agreement.model import (
    Agreement,
    Approval,
    Clause,
    Evidence,
    GuardModel,
    PayeeRoster,
    PayoutCap,
    TimeWindow,
    WindowCap,
)
from contracts.ids import name_id
from contracts.terms import REFUSAL_CODES, Guard, Kind

__all__ = [
    "BY_ROW",
    "chain_guard",
    "common_moment",
    "implies",
    "is_in_time",
    "kind_of",
    "refusal_code",
    "witness_of",
]

BY_ROW = frozenset({Kind.ROSTER, Kind.PAYOUT_CAP})
_CODE_OF_KIND = {kind: code for code, kind in REFUSAL_CODES.items()}
_KIND_OF_MODEL: dict[type[GuardModel], Kind] = {
    Approval: Kind.APPROVAL,
    PayeeRoster: Kind.ROSTER,
    PayoutCap: Kind.PAYOUT_CAP,
    WindowCap: Kind.WINDOW_CAP,
    TimeWindow: Kind.TIME_WINDOW,
    Evidence: Kind.EVIDENCE,
}


def kind_of(guard: GuardModel) -> Kind:
    """Kind of a guard on chain."""
    return _KIND_OF_MODEL[type(guard)]


def witness_of(content: Agreement, guard: Evidence) -> str:
    """Institution that attests: the only one in the role `by` names, else `by` itself."""
    institutions = content.institutions_of(guard.by)
    return institutions[0] if len(institutions) == 1 else guard.by


def refusal_code(clause: Clause) -> str:
    """The code the chain gives when the clause refuses: of its last guard about rows, else of its last."""
    kinds = [kind_of(guard) for guard in clause.any_of]
    by_row = [kind for kind in kinds if kind in BY_ROW]
    return _CODE_OF_KIND[(by_row or kinds)[-1]]


def chain_guard(
    content: Agreement, clause: int, guard: GuardModel, payees: int = 0, root: bytes = bytes(32)
) -> Guard:
    """A guard as the tuple `modules/guards.vy` takes. `payees` and `root` are those of the roster."""
    kind = kind_of(guard)
    match guard:
        case Approval():
            return Guard(clause, kind, guard.at_least, subject=name_id(guard.quorum))
        case PayeeRoster():
            return Guard(clause, kind, payees, subject=root)
        case PayoutCap():
            return Guard(clause, kind, values.minor_units(guard.amount))
        case WindowCap():
            start = values.window_start_seconds(guard.every, guard.timezone)
            return Guard(
                clause, kind, values.minor_units(guard.amount), values.window_seconds(guard.every), start
            )
        case TimeWindow():
            return _time_guard(clause, guard)
        case Evidence():
            party = name_id(witness_of(content, guard))
            fresh = values.duration_seconds(guard.fresh_for)
            return Guard(clause, kind, fresh, subject=name_id(guard.evidence), party=party)


def _time_guard(clause: int, guard: TimeWindow) -> Guard:
    offset = values.offset_seconds(guard.timezone)
    first = values.day_seconds(guard.from_day) - offset
    last = values.day_seconds(guard.until) + values.DAY_SECONDS - 1 - offset
    start, end = values.daily_seconds(guard.daily)
    packed = start | end << 32 | offset % values.DAY_SECONDS << 64
    return Guard(clause, Kind.TIME_WINDOW, first, last, packed)


def _hours(guard: Guard) -> tuple[int, int, int]:
    """First second of the day, the one after the last, and the offset of local time."""
    return guard.c & 0xFFFFFFFF, guard.c >> 32 & 0xFFFFFFFF, guard.c >> 64


def is_in_time(guard: Guard, moment: int) -> bool:
    """Whether a time window is open at a unix second: the twin of `_is_in_time` in `modules/guards.vy`."""
    start, end, offset = _hours(guard)
    return guard.a <= moment <= guard.b and start <= (moment + offset) % values.DAY_SECONDS < end


def common_moment(clauses: Sequence[Sequence[Guard]]) -> int | None:
    """The first unix second at which every clause has an open time window, or None.

    At that second some window has just opened: it is a window's first second, or its daily start in the first
    day after a window's first second, since closing windows never opens anything later.
    """
    guards = [guard for clause in clauses for guard in clause]
    candidates = {guard.a for guard in guards}
    for first in tuple(candidates):
        for guard in guards:
            start, _, offset = _hours(guard)
            candidates.add(first + (start - first - offset) % values.DAY_SECONDS)
    moments = (
        moment
        for moment in sorted(candidates)
        if all(any(is_in_time(guard, moment) for guard in clause) for clause in clauses)
    )
    return next(moments, None)


def implies(first: Guard, second: Guard) -> bool:
    """Whether `second` holds whenever `first` does. May say no where only a longer look would say yes."""
    if (first.kind, first.subject, first.party) != (second.kind, second.subject, second.party):
        return False
    match first.kind:
        case Kind.APPROVAL:
            return first.a >= second.a
        case Kind.ROSTER:
            return True
        case Kind.WINDOW_CAP:
            return (first.b, first.c) == (second.b, second.c) and first.a <= second.a
        case Kind.TIME_WINDOW:
            return second.a <= first.a and first.b <= second.b and _within_hours(first, second)
        case _:
            return first.a <= second.a


def _within_hours(inner: Guard, outer: Guard) -> bool:
    start, end, offset = _hours(inner)
    outer_start, outer_end, outer_offset = _hours(outer)
    whole_day = outer_end - outer_start == values.DAY_SECONDS
    return whole_day or (offset == outer_offset and outer_start <= start and end <= outer_end)
