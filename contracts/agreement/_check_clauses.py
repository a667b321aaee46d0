"""Faults of a file's clauses and guards, seen by themselves."""

from collections.abc import Iterator, Sequence
from itertools import combinations, permutations

from contracts.agreement._check_contradictions import contradiction_faults
from contracts.agreement._check_needless import needless_faults
from contracts.agreement._places import drawable_classes, guard_places
from contracts.agreement.codes import Code
from contracts.agreement.guard_models import (
    MAX_GUARDS,
    MAX_PAYEE_CAPS,
    Blacklist,
    DyeClass,
    LineCap,
    PayeeCap,
    PayeeRoster,
)
from contracts.agreement.guards import ALONE, COUNTED, chain_guards, implies, is_same, kind_of
from contracts.agreement.model import Agreement
from contracts.agreement.sections import SECTIONS
from contracts.errors import Fault
from contracts.terms import Guard, Kind

__all__ = ["TEMPLATE_KINDS", "clause_faults"]

# The `ALLOWED_KINDS` of each template.
TEMPLATE_KINDS: dict[str, frozenset[Kind]] = {
    "disbursement": frozenset(Kind),
    "allocation": frozenset(
        {Kind.PAYOUT_CAP, Kind.WINDOW_CAP, Kind.TIME_WINDOW, Kind.LIFETIME_CAP, Kind.CALENDAR_DAY}
    ),
}


def clause_faults(content: Agreement) -> Iterator[Fault]:
    """Everything wrong with the clauses that needs no look at the directory."""
    yield from _template_faults(content)
    yield from _name_faults(content)
    yield from _roster_faults(content)
    yield from _blacklist_faults(content)
    yield from _dye_class_faults(content)
    clauses = chain_guards(content)
    for number, guards in enumerate(clauses):
        yield from _within_clause_faults(f"clauses[{number}]", guards)
    yield from needless_faults(content, clauses)
    yield from contradiction_faults(content, clauses)


def _name_faults(content: Agreement) -> Iterator[Fault]:
    for (_, a), (number, b) in combinations(enumerate(content.clauses), 2):
        if a.name == b.name:
            message = f"another clause is called {b.name!r}; give each its own name"
            yield Fault(f"clauses[{number}].name", Code.CLAUSE_NAME_REPEATED, message)


def _template_faults(content: Agreement) -> Iterator[Fault]:
    """Clauses where the template has none, none where it needs them, and what it cannot enforce."""
    if content.template_name in SECTIONS:
        if content.clauses:
            message = f"{content.template} has no clauses; say it under {SECTIONS[content.template_name]}"
            yield Fault("clauses", Code.NOT_IN_TEMPLATE, message)
        return
    if not content.clauses:
        yield Fault("clauses", Code.KEY_MISSING, f"{content.template} needs clauses; add them")
    allowed = TEMPLATE_KINDS[content.template_name]
    places = list(guard_places(content))
    payee_caps = [where for where, _, guard in places if isinstance(guard, PayeeCap)]
    for where in payee_caps[MAX_PAYEE_CAPS:]:
        message = f"an agreement has at most {MAX_PAYEE_CAPS} payee caps"
        yield Fault(where, Code.GUARDS_TOO_MANY, message)
    for where, _, guard in places:
        if kind_of(guard) not in allowed:
            message = f"{content.template} cannot enforce {guard.kind}; it has nothing to check it on"
            yield Fault(where, Code.NOT_IN_TEMPLATE, message)
    if len(places) > MAX_GUARDS:
        message = f"{len(places)} guards; an agreement has at most {MAX_GUARDS}"
        yield Fault("clauses", Code.GUARDS_TOO_MANY, message)


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


def _blacklist_faults(content: Agreement) -> Iterator[Fault]:
    places = [(w, n, guard) for w, n, guard in guard_places(content) if isinstance(guard, Blacklist)]
    for where, number, _ in places:
        if len(content.clauses[number].any_of) > 1:
            message = "another guard of the clause would let a blocked payee pass; give it its own clause"
            yield Fault(where, Code.BLACKLIST_BYPASSED, message)
    for where, _, guard in places[1:]:
        if guard.quorum != places[0][2].quorum:
            message = "a payee is blocked or not, whoever asks; keep one blacklist"
            yield Fault(where, Code.BLACKLIST_REPEATED, message)


def _dye_class_faults(content: Agreement) -> Iterator[Fault]:
    """Classes beside other guards, that exclude each other, and caps on classes that are never drawn on."""
    for where, number, guard in guard_places(content):
        others = {type(other) for other in content.clauses[number].any_of} - {DyeClass}
        if isinstance(guard, DyeClass) and others:
            message = "another guard of the clause would open every class of money; give it its own clause"
            yield Fault(where, Code.DYE_CLASS_BYPASSED, message)
    drawable = drawable_classes(content)
    if content.accounts.dye_class not in drawable:
        allowed = ", ".join(sorted(drawable)) or "no class at all"
        message = f"the dye_class clauses allow {allowed}; allow {content.accounts.dye_class} or name another"
        yield Fault("accounts.dye_class", Code.DYE_CLASSES_DISJOINT, message)
    for where, _, guard in guard_places(content):
        if isinstance(guard, LineCap) and guard.dye_class not in drawable:
            message = "money of this class is never drawn on; remove the clause or allow the class"
            yield Fault(where, Code.CLAUSE_UNREACHABLE, message)


def _within_clause_faults(where: str, guards: Sequence[Guard]) -> Iterator[Fault]:
    kinds = {guard.kind for guard in guards}
    counted = {kind for kind in kinds if kind in COUNTED}
    if len(guards) > 1 and (kinds & ALONE or (counted and counted != kinds)):
        message = "give a cap that counts payments a clause of its own"
        yield Fault(where, Code.CAP_SHARED, message)
    for (_, a), (place, b) in combinations(enumerate(guards), 2):
        if is_same(a, b) and a.kind != Kind.ROSTER:
            message = "this guard is written twice in the clause; keep one"
            yield Fault(f"{where}.any[{place}]", Code.GUARD_DUPLICATE, message)
    for (place, a), (other, b) in permutations(enumerate(guards), 2):
        if not is_same(a, b) and implies(a, b):
            message = f"whenever this guard holds, any[{other}] holds too; remove one of them"
            yield Fault(f"{where}.any[{place}]", Code.GUARD_UNREACHABLE, message)
