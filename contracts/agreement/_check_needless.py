"""Clauses that can never refuse, because another is at least as strict."""

from collections.abc import Iterator, Sequence
from itertools import permutations

from contracts.agreement._places import drawable_classes
from contracts.agreement.codes import Code
from contracts.agreement.guards import COUNTED, implies
from contracts.agreement.model import Agreement
from contracts.errors import Fault
from contracts.ids import name_id
from contracts.terms import Guard, Kind

__all__ = ["needless_faults"]

# What a stricter cap of the first kind makes needless: a cap of the second kind that is not lower.
_COVERS = frozenset(
    {
        (Kind.BATCH_CAP, Kind.PAYOUT_CAP),
        (Kind.PAYEE_CAP, Kind.PAYOUT_CAP),
        (Kind.WINDOW_CAP, Kind.PAYOUT_CAP),
        (Kind.WINDOW_CAP, Kind.BATCH_CAP),
        (Kind.LIFETIME_CAP, Kind.PAYOUT_CAP),
        (Kind.LIFETIME_CAP, Kind.BATCH_CAP),
        (Kind.LIFETIME_CAP, Kind.WINDOW_CAP),
        (Kind.LIFETIME_CAP, Kind.LIFETIME_CAP),
        (Kind.LIFETIME_CAP, Kind.LINE_CAP),
    }
)
_OVER_TIME = frozenset({Kind.WINDOW_CAP, Kind.LIFETIME_CAP, Kind.LINE_CAP, Kind.PAYEE_CAP})
_IN_WINDOWS = (Kind.WINDOW_CAP, Kind.PAYEE_CAP)


def needless_faults(content: Agreement, clauses: Sequence[Sequence[Guard]]) -> Iterator[Fault]:
    """A clause that a stricter one makes needless; of two equal ones the later is named."""
    drawable = {name_id(name) for name in drawable_classes(content)}
    is_first = content.version == 1
    for (a, stricter), (b, needless) in permutations(enumerate(clauses), 2):
        equal = a > b and _makes_needless(needless, stricter, drawable, is_first)
        if not equal and _makes_needless(stricter, needless, drawable, is_first):
            message = (
                f"can never refuse what {content.clauses[a].name!r} lets pass; remove it or make it stricter"
            )
            yield Fault(f"clauses[{b}]", Code.CLAUSE_UNREACHABLE, message)


def _makes_needless(
    stricter: Sequence[Guard], needless: Sequence[Guard], drawable: set[bytes], is_first: bool
) -> bool:
    kinds = {guard.kind for guard in stricter}
    if Kind.ROSTER in kinds:
        return False
    alone = len(stricter) == 1 and len(needless) == 1
    # Caps of one clause each count by themselves, so together they may let pass what neither would.
    if (kinds | {guard.kind for guard in needless}) & COUNTED and not alone:
        return False
    if not is_first and kinds <= _OVER_TIME and {guard.kind for guard in needless} <= _OVER_TIME:
        # Each goes on from what it counted under its name in the versions before, if it was there.
        return False
    return all(any(implies(a, b) or _covers(a, b, drawable) for b in needless) for a in stricter)


def _covers(first: Guard, second: Guard, drawable: set[bytes]) -> bool:
    if first.kind == second.kind and first.kind in _IN_WINDOWS:
        touched = _windows_touched(first, second)
        return touched is not None and touched * first.a <= second.a
    # The cap of the only class that can be drawn on counts everything, as a lifetime cap does.
    counts_all = first.kind == Kind.LINE_CAP and drawable == {first.subject}
    kind = Kind.LIFETIME_CAP if counts_all else first.kind
    return (kind, second.kind) in _COVERS and first.a <= second.a


def _windows_touched(first: Guard, second: Guard) -> int | None:
    """How many windows of the first cap one window of the second may touch; None for no end of them.

    A window of no length is the one that never ends. Offsets say where windows begin.
    """
    length, other, apart = first.b, second.b, first.c - second.c
    if length == 0:
        return 1
    if other == 0:
        return None
    if length % other == 0 and apart % other == 0:
        return 1
    if other % length == 0 and apart % length == 0:
        return other // length
    return -(-other // length) + 1
