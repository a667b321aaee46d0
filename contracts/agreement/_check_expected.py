"""Faults of a file's expected results: what is missing, and what no simulation could show."""

from collections import Counter
from collections.abc import Iterator, Sequence
from itertools import combinations

from contracts.agreement.codes import Code
from contracts.agreement.guards import refusal_code
from contracts.agreement.model import (
    UNKNOWN_PAYEE,
    Agreement,
    Approval,
    Evidence,
    Expectation,
    FundRequest,
    Refused,
)
from contracts.agreement.roster import RosterEntry
from contracts.agreement.values import minor_units
from contracts.errors import Fault

__all__ = ["clause_reference_faults", "expectation_faults"]

WINDOW_CAP_CODE = "window-cap"


def expectation_faults(content: Agreement, roster: Sequence[RosterEntry] | None) -> Iterator[Fault]:
    """Everything wrong with the expected results, given the payees of the roster.

    `roster`: None where it is missing or cannot be read; whether a payee is on it is not known then.
    """
    yield from _missing_faults(content)
    yield from clause_reference_faults(content)
    for (_, a), (number, b) in combinations(enumerate(content.expected), 2):
        if a.name == b.name:
            message = f"another case is called {b.name!r}; give each its own name"
            yield Fault(f"expected[{number}].name", Code.CASE_NAME_REPEATED, message)
    counts = None if roster is None else Counter(entry.name for entry in roster)
    for number, case in enumerate(content.expected):
        where = f"expected[{number}]"
        yield from _request_faults(content, where, case)
        if counts is not None:
            yield from _payee_faults(where, case, counts)
        yield from _given_faults(content, where, case)


def clause_reference_faults(content: Agreement) -> Iterator[Fault]:
    """Refusals by a clause that does not exist, or with a code that clause does not give."""
    clauses = {clause.name: clause for clause in content.clauses}
    for number, case in enumerate(content.expected):
        if not isinstance(case.then, Refused):
            continue
        clause = clauses.get(case.then.refused_by)
        if clause is None:
            message = f"no clause is called {case.then.refused_by!r}; there are {', '.join(clauses)}"
            yield Fault(f"expected[{number}].then.refused_by", Code.CASE_CLAUSE_UNKNOWN, message)
        elif case.then.code != refusal_code(clause):
            message = f"{clause.name!r} refuses with {refusal_code(clause)}"
            yield Fault(f"expected[{number}].then.code", Code.CASE_CODE_MISMATCH, message)


def _missing_faults(content: Agreement) -> Iterator[Fault]:
    refusing = {case.then.refused_by for case in content.expected if isinstance(case.then, Refused)}
    if all(isinstance(case.then, Refused) for case in content.expected):
        yield Fault("expected", Code.EXPECTATION_MISSING, "add a case that is paid")
    for clause in content.clauses:
        if clause.name not in refusing:
            message = f"add a case that {clause.name!r} refuses with {refusal_code(clause)}"
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
    name = case.payee
    if name is None:
        return
    if counts[name] == 0:
        message = f"{name!r} is not on the roster; write {UNKNOWN_PAYEE} for a payee who is not"
        yield Fault(f"{where}.when.payee", Code.CASE_PAYEE_UNKNOWN, message)
    if counts[name] > 1:
        message = f"{name!r} is on the roster {counts[name]} times; choose a name that is there once"
        yield Fault(f"{where}.when.payee", Code.CASE_PAYEE_AMBIGUOUS, message)


def _given_faults(content: Agreement, where: str, case: Expectation) -> Iterator[Fault]:
    """What the simulation could not bring about, or what would fail before any clause is asked."""
    guards = [guard for clause in content.clauses for guard in clause.any_of]
    approvers = {
        name
        for guard in guards
        if isinstance(guard, Approval)
        for name in content.institutions_of(guard.quorum)
    }
    kinds = {guard.evidence for guard in guards if isinstance(guard, Evidence)}
    if case.given.approvals > len(approvers):
        message = f"{len(approvers)} institutions can approve, not {case.given.approvals}"
        yield Fault(f"{where}.given.approvals", Code.CASE_IMPOSSIBLE, message)
    for kind in case.given.evidence:
        if kind not in kinds:
            message = f"no guard asks for the evidence {kind!r}"
            yield Fault(f"{where}.given.evidence", Code.CASE_IMPOSSIBLE, message)
    yield from _money_faults(content, where, case)


def _money_faults(content: Agreement, where: str, case: Expectation) -> Iterator[Fault]:
    """Amounts no clause would be asked about: a disbursement reserves first, window caps excepted."""
    amount_minor = minor_units(case.when.amount)
    if amount_minor == 0:
        yield Fault(f"{where}.when.amount", Code.CASE_IMPOSSIBLE, "a payment is at least 0.01")
    asked_first = isinstance(case.then, Refused) and (
        content.template_name == "allocation" or case.then.code == WINDOW_CAP_CODE
    )
    if not asked_first and amount_minor > minor_units(case.given.balance):
        message = "the balance does not cover the amount, so no clause would be asked; raise the balance"
        yield Fault(f"{where}.given.balance", Code.CASE_IMPOSSIBLE, message)
