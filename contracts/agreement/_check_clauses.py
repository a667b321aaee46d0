"""Faults of a file's clauses and guards, seen by themselves."""

from collections.abc import Iterator, Sequence
from itertools import combinations, permutations

from contracts.agreement import values
from contracts.agreement.codes import Code
from contracts.agreement.guards import chain_guard, common_moment, implies, kind_of
from contracts.agreement.model import (
    MAX_GUARDS,
    Agreement,
    GuardModel,
    PayeeRoster,
    PayoutCap,
    TimeWindow,
    WindowCap,
)
from contracts.errors import Fault
from contracts.terms import Guard, Kind

__all__ = ["TEMPLATE_KINDS", "clause_faults", "guard_places"]

# The `ALLOWED_KINDS` of each template.
TEMPLATE_KINDS: dict[str, frozenset[Kind]] = {
    "disbursement": frozenset(Kind),
    "allocation": frozenset({Kind.PAYOUT_CAP, Kind.WINDOW_CAP, Kind.TIME_WINDOW}),
}


def guard_places(content: Agreement) -> Iterator[tuple[str, int, GuardModel]]:
    """Every guard: where it is written, its clause's number, and itself."""
    for number, clause in enumerate(content.clauses):
        for place, guard in enumerate(clause.any_of):
            yield f"clauses[{number}].any[{place}]", number, guard


def clause_faults(content: Agreement) -> Iterator[Fault]:
    """Everything wrong with the clauses that needs no look at the directory."""
    yield from _name_faults(content)
    yield from _template_faults(content)
    yield from _operand_faults(content)
    yield from _roster_faults(content)
    clauses = [
        [chain_guard(content, number, guard) for guard in clause.any_of]
        for number, clause in enumerate(content.clauses)
    ]
    for number, guards in enumerate(clauses):
        yield from _within_clause_faults(f"clauses[{number}]", guards)
    yield from _between_clauses_faults(content, clauses)
    yield from _time_faults(clauses)


def _name_faults(content: Agreement) -> Iterator[Fault]:
    for (_, a), (number, b) in combinations(enumerate(content.clauses), 2):
        if a.name == b.name:
            message = f"another clause is called {b.name!r}; give each its own name"
            yield Fault(f"clauses[{number}].name", Code.CLAUSE_NAME_REPEATED, message)


def _template_faults(content: Agreement) -> Iterator[Fault]:
    allowed = TEMPLATE_KINDS[content.template_name]
    places = list(guard_places(content))
    for where, _, guard in places:
        if kind_of(guard) not in allowed:
            message = f"{content.template} cannot enforce {guard.kind}; it has nothing to check it on"
            yield Fault(where, Code.NOT_IN_TEMPLATE, message)
    if len(places) > MAX_GUARDS:
        message = f"{len(places)} guards; an agreement has at most {MAX_GUARDS}"
        yield Fault("clauses", Code.GUARDS_TOO_MANY, message)
    if content.template_name == "disbursement" and content.accounts.funds:
        message = f"{content.template} pays payees of a roster; only an allocation funds accounts"
        yield Fault("accounts.funds", Code.NOT_IN_TEMPLATE, message)
    if content.template_name == "allocation" and not content.accounts.funds:
        yield Fault("accounts", Code.FUNDS_MISSING, "list under funds the accounts that may be funded")


def _operand_faults(content: Agreement) -> Iterator[Fault]:
    for where, _, guard in guard_places(content):
        if isinstance(guard, PayoutCap | WindowCap) and values.minor_units(guard.amount) == 0:
            yield Fault(f"{where}.amount", Code.CAP_NEVER_PAYS, "a cap of nothing never pays; raise it")
        if isinstance(guard, TimeWindow) and guard.until < guard.from_day:
            message = f"{guard.until} is before {guard.from_day}; the window is never open"
            yield Fault(f"{where}.until", Code.TIME_WINDOW_EMPTY, message)


def _roster_faults(content: Agreement) -> Iterator[Fault]:
    """A disbursement pays by roster index: it has one roster, and no way round it."""
    if content.template_name != "disbursement":
        return
    rosters = [
        (where, number) for where, number, guard in guard_places(content) if isinstance(guard, PayeeRoster)
    ]
    if not rosters:
        message = "add a clause with a payee_roster; without one nobody can be paid"
        yield Fault("clauses", Code.ROSTER_MISSING, message)
    for where, _ in rosters[1:]:
        message = "payouts name payees by their place in one roster; keep one payee_roster"
        yield Fault(where, Code.ROSTER_REPEATED, message)
    for where, number in rosters[:1]:
        if len(content.clauses[number].any_of) > 1:
            message = (
                "a payee outside the roster has no account to be paid to; give the roster its own clause"
            )
            yield Fault(where, Code.ROSTER_BYPASSED, message)


def _within_clause_faults(where: str, guards: Sequence[Guard]) -> Iterator[Fault]:
    kinds = {guard.kind for guard in guards}
    if Kind.WINDOW_CAP in kinds and len(kinds) > 1:
        message = "a window cap counts every payment; give it a clause of its own"
        yield Fault(where, Code.WINDOW_CAP_SHARED, message)
    for (_, a), (place, b) in combinations(enumerate(guards), 2):
        if a == b and a.kind != Kind.ROSTER:
            message = "this guard is written twice in the clause; keep one"
            yield Fault(f"{where}.any[{place}]", Code.GUARD_DUPLICATE, message)
    for (place, a), (other, b) in permutations(enumerate(guards), 2):
        if a != b and a.kind != Kind.WINDOW_CAP and implies(a, b):
            message = f"whenever this guard holds, any[{other}] holds too; remove one of them"
            yield Fault(f"{where}.any[{place}]", Code.GUARD_UNREACHABLE, message)


def _between_clauses_faults(content: Agreement, clauses: Sequence[Sequence[Guard]]) -> Iterator[Fault]:
    """A clause that a stricter one makes needless; of two equal ones the later is named."""
    for (a, stricter), (b, needless) in permutations(enumerate(clauses), 2):
        equal = a > b and _makes_needless(needless, stricter)
        if not equal and _makes_needless(stricter, needless):
            message = (
                f"can never refuse what {content.clauses[a].name!r} lets pass; remove it or make it stricter"
            )
            yield Fault(f"clauses[{b}]", Code.CLAUSE_UNREACHABLE, message)


def _makes_needless(stricter: Sequence[Guard], needless: Sequence[Guard]) -> bool:
    if Kind.ROSTER in {guard.kind for guard in stricter}:
        return False
    window_caps = [guard.kind for guard in (*stricter, *needless)].count(Kind.WINDOW_CAP)
    if window_caps and len(stricter) + len(needless) > 2:
        return False
    return all(any(implies(a, b) for b in needless) for a in stricter)


def _time_faults(clauses: Sequence[Sequence[Guard]]) -> Iterator[Fault]:
    timed = [
        (number, guards)
        for number, guards in enumerate(clauses)
        if all(guard.kind == Kind.TIME_WINDOW and guard.a < guard.b for guard in guards)
    ]
    if timed and common_moment([guards for _, guards in timed]) is None:
        numbers = ", ".join(f"clauses[{number}]" for number, _ in timed)
        message = f"{numbers} are never open at the same time; nothing could ever be paid"
        yield Fault(f"clauses[{timed[-1][0]}]", Code.TIME_WINDOWS_DISJOINT, message)
