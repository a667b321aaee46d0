"""Faults of a file's expected results: what is missing, and what no simulation could show."""

from collections import Counter
from collections.abc import Iterator, Sequence
from itertools import combinations

from contracts.agreement._places import drawable_classes
from contracts.agreement.codes import Code
from contracts.agreement.expectations import (
    UNKNOWN_PAYEE,
    Attested,
    Expectation,
    FundRequest,
    PayRequest,
    Refused,
)
from contracts.agreement.guard_models import (
    AgreementBalance,
    AgreementState,
    Approval,
    Document,
    DyeClass,
    Evidence,
    GuardModel,
    Waiting,
)
from contracts.agreement.guards import kind_of, refusal_codes
from contracts.agreement.model import Agreement
from contracts.agreement.roster import RosterEntry
from contracts.agreement.sections import SECTIONS
from contracts.agreement.values import minor_units
from contracts.errors import Fault
from contracts.terms import NON_WAIVABLE, REFUSAL_CODES, Kind

__all__ = ["clause_reference_faults", "expectation_faults"]

# What is asked for when a batch is reserved, before the money is.
_ASKED_FIRST = frozenset(
    {Kind.WINDOW_CAP, Kind.LIFETIME_CAP, Kind.LINE_CAP, Kind.BATCH_CAP, Kind.DOCUMENT, Kind.DYE_CLASS}
)
# What a given needs to make a difference: the kinds of guard that look at it.
_GIVEN_FOR: dict[str, frozenset[Kind]] = {
    "approved_ago": frozenset({Kind.WAITING}),
    "already_paid": frozenset({Kind.LIFETIME_CAP, Kind.LINE_CAP}),
    "already_paid_in_window": frozenset({Kind.WINDOW_CAP, Kind.LIFETIME_CAP, Kind.LINE_CAP, Kind.DOCUMENT}),
    "already_paid_to_payee": frozenset({Kind.PAYEE_CAP}),
    "blocked": frozenset({Kind.BLACKLIST}),
    "countersigned": frozenset({Kind.COUNTERSIGN}),
}


def expectation_faults(content: Agreement, roster: Sequence[RosterEntry] | None) -> Iterator[Fault]:
    """Everything wrong with expected payments, given the payees of the roster.

    `roster`: None where it is missing or cannot be read; whether a payee is on it is not known then.
    """
    for (_, a), (number, b) in combinations(enumerate(content.expected), 2):
        if a.name == b.name:
            message = f"another case is called {b.name!r}; give each its own name"
            yield Fault(f"expected[{number}].name", Code.CASE_NAME_REPEATED, message)
    if content.template_name in SECTIONS:
        for number, _ in content.requests:
            message = f"a case of {content.template} says holds, events and then"
            yield Fault(f"expected[{number}]", Code.NOT_IN_TEMPLATE, message)
        return
    yield from _missing_faults(content)
    yield from clause_reference_faults(content)
    counts = None if roster is None else Counter(entry.name for entry in roster)
    for number, case in content.requests:
        where = f"expected[{number}]"
        yield from _request_faults(content, where, case)
        if counts is not None:
            yield from _payee_faults(where, case, counts)
        yield from _given_faults(content, where, case)
        yield from _money_faults(content, where, case)


def clause_reference_faults(content: Agreement) -> Iterator[Fault]:
    """Refusals by a clause that does not exist, or with a code that clause does not give."""
    clauses = {clause.name: clause for clause in content.clauses}
    for number, case in content.requests:
        if not isinstance(case.then, Refused):
            continue
        clause = clauses.get(case.then.refused_by)
        if clause is None:
            message = f"no clause is called {case.then.refused_by!r}; there are {', '.join(clauses)}"
            yield Fault(f"expected[{number}].then.refused_by", Code.CASE_CLAUSE_UNKNOWN, message)
        elif case.then.code not in refusal_codes(clause):
            message = f"{clause.name!r} refuses with {' or '.join(refusal_codes(clause))}"
            yield Fault(f"expected[{number}].then.code", Code.CASE_CODE_MISMATCH, message)


def _missing_faults(content: Agreement) -> Iterator[Fault]:
    results = [case.then for _, case in content.requests]
    refusing = {then.refused_by for then in results if isinstance(then, Refused)}
    if all(isinstance(then, Refused) for then in results) and not content.rules:
        yield Fault("expected", Code.EXPECTATION_MISSING, "add a case that is paid")
    if content.rules and not content.courses:
        yield Fault("expected", Code.EXPECTATION_MISSING, "add a course in which the rules are cleared")
    if content.rules and not content.accounts.funds:
        return
    for clause in content.clauses:
        if clause.name not in refusing:
            codes = " or ".join(refusal_codes(clause))
            message = f"add a case that {clause.name!r} refuses with {codes}"
            yield Fault("expected", Code.EXPECTATION_MISSING, message)


def _request_faults(content: Agreement, where: str, case: Expectation) -> Iterator[Fault]:
    allocates = content.template_name == "allocation"
    if allocates != isinstance(case.when, FundRequest):
        message = f"a case of {content.template} says {'fund' if allocates else 'payee'} and amount"
        yield Fault(f"{where}.when", Code.NOT_IN_TEMPLATE, message)
    elif isinstance(case.when, FundRequest) and case.when.fund not in content.accounts.funds:
        message = f"{case.when.fund} is not listed under accounts.funds"
        yield Fault(f"{where}.when.fund", Code.CASE_IMPOSSIBLE, message)


def _payee_faults(where: str, case: Expectation, counts: Counter[str]) -> Iterator[Fault]:
    document = case.given.document
    named = {f"{where}.when.payee": case.payee}
    if document is not None and document.payee != UNKNOWN_PAYEE:
        named[f"{where}.given.document.payee"] = document.payee
    for place, name in named.items():
        if name is None:
            continue
        if counts[name] == 0:
            message = f"{name!r} is not on the roster; write {UNKNOWN_PAYEE} for a payee who is not"
            yield Fault(place, Code.CASE_PAYEE_UNKNOWN, message)
        if counts[name] > 1:
            message = f"{name!r} is on the roster {counts[name]} times; choose a name that is there once"
            yield Fault(place, Code.CASE_PAYEE_AMBIGUOUS, message)


def _guards(content: Agreement) -> list[GuardModel]:
    return [guard for clause in content.clauses for guard in clause.any_of]


def _given_faults(content: Agreement, where: str, case: Expectation) -> Iterator[Fault]:
    """What the simulation could not bring about, or what no guard looks at."""
    given, guards = case.given, _guards(content)
    yield from _approval_faults(content, where, case)
    yield from _evidence_faults(where, case, [guard for guard in guards if isinstance(guard, Evidence)])
    kinds = {kind_of(guard) for guard in guards}
    defaults = type(given)(balance=given.balance)
    for name, needed in _GIVEN_FOR.items():
        if getattr(given, name) != getattr(defaults, name) and not kinds & needed:
            yield Fault(f"{where}.given.{name}", Code.CASE_IMPOSSIBLE, "no guard looks at this; remove it")
    yield from _waiver_faults(content, where, case)
    yield from _other_faults(where, case, guards)
    if given.document is not None and given.document.kind not in {
        guard.document for guard in guards if isinstance(guard, Document)
    }:
        message = f"no guard asks for the document {given.document.kind!r}"
        yield Fault(f"{where}.given.document.kind", Code.CASE_IMPOSSIBLE, message)


def _approval_faults(content: Agreement, where: str, case: Expectation) -> Iterator[Fault]:
    approvers = {
        name
        for guard in _guards(content)
        if isinstance(guard, Approval | Waiting)
        for name in content.institutions_of(guard.quorum)
    }
    approvals = case.given.approvals
    if isinstance(approvals, int):
        if approvals > len(approvers):
            message = f"{len(approvers)} institutions can approve, not {approvals}"
            yield Fault(f"{where}.given.approvals", Code.CASE_IMPOSSIBLE, message)
        return
    strange = [name for name in approvals if name not in approvers]
    if strange or len(set(approvals)) < len(approvals):
        message = (
            f"name institutions of a quorum, each once: {', '.join(sorted(approvers)) or 'there is none'}"
        )
        yield Fault(f"{where}.given.approvals", Code.CASE_IMPOSSIBLE, message)


def _evidence_faults(where: str, case: Expectation, guards: Sequence[Evidence]) -> Iterator[Fault]:
    for item in case.given.evidence:
        kind = item.evidence if isinstance(item, Attested) else item
        if kind not in {guard.evidence for guard in guards}:
            message = f"no guard asks for the evidence {kind!r}"
            yield Fault(f"{where}.given.evidence", Code.CASE_IMPOSSIBLE, message)


def _waiver_faults(content: Agreement, where: str, case: Expectation) -> Iterator[Fault]:
    clauses = {clause.name: clause for clause in content.clauses}
    for name in case.given.waived:
        clause = clauses.get(name)
        if clause is None:
            message = f"no clause is called {name!r}"
            yield Fault(f"{where}.given.waived", Code.CASE_CLAUSE_UNKNOWN, message)
        elif {kind_of(guard) for guard in clause.any_of} & NON_WAIVABLE:
            message = (
                f"nobody can waive {name!r}: it has an approval, blacklist, countersignature or waiting time"
            )
            yield Fault(f"{where}.given.waived", Code.CASE_IMPOSSIBLE, message)


def _other_faults(where: str, case: Expectation, guards: Sequence[GuardModel]) -> Iterator[Fault]:
    states = {guard.agreement for guard in guards if isinstance(guard, AgreementState)}
    balances = {guard.agreement for guard in guards if isinstance(guard, AgreementBalance)}
    for name in sorted(case.given.states.keys() - states):
        message = f"no guard asks for the state of {name}"
        yield Fault(f"{where}.given.states", Code.CASE_IMPOSSIBLE, message)
    for name in sorted(case.given.balances.keys() - balances):
        message = f"no guard asks for the balance of {name}"
        yield Fault(f"{where}.given.balances", Code.CASE_IMPOSSIBLE, message)


def _money_faults(content: Agreement, where: str, case: Expectation) -> Iterator[Fault]:
    """Amounts no clause would be asked about, for a disbursement asks for the money when it reserves."""
    amount_minor = minor_units(case.when.amount)
    if amount_minor == 0:
        yield Fault(f"{where}.when.amount", Code.CASE_IMPOSSIBLE, "a payment is at least 0.01")
    asked_first = isinstance(case.then, Refused) and (
        content.template_name == "allocation" or REFUSAL_CODES.get(case.then.code) in _ASKED_FIRST
    )
    if not asked_first and amount_minor > minor_units(case.given.balance):
        message = "the balance does not cover the amount, so no clause would be asked; raise the balance"
        yield Fault(f"{where}.given.balance", Code.CASE_IMPOSSIBLE, message)
    dye_class = case.when.dye_class if isinstance(case.when, PayRequest) else None
    unnamed = dye_class is not None and dye_class not in drawable_classes(content)
    asked = any(isinstance(guard, DyeClass) for guard in _guards(content))
    if unnamed and not (asked and isinstance(case.then, Refused)):
        message = f"no clause lets the agreement draw on {dye_class}, so none would be asked"
        yield Fault(f"{where}.when.dye_class", Code.CASE_IMPOSSIBLE, message)
