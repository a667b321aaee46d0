"""Clauses that nothing could satisfy together."""

from collections.abc import Iterator, Sequence
from typing import TypeVar

from contracts.agreement._places import guard_places
from contracts.agreement.clock import CLOCK_KINDS, common_moment
from contracts.agreement.codes import Code
from contracts.agreement.guard_models import AgreementState, Document
from contracts.agreement.model import Agreement
from contracts.errors import Fault
from contracts.terms import Guard, Kind

__all__ = ["contradiction_faults"]

Model = TypeVar("Model", Document, AgreementState)


def contradiction_faults(content: Agreement, clauses: Sequence[Sequence[Guard]]) -> Iterator[Fault]:
    """Clauses that are never open together, or ask for what one batch or one agreement cannot be."""
    yield from _time_faults(clauses)
    yield from _document_faults(content)
    yield from _state_faults(content)


def _time_faults(clauses: Sequence[Sequence[Guard]]) -> Iterator[Fault]:
    timed = [
        (number, guards)
        for number, guards in enumerate(clauses)
        if all(guard.kind in CLOCK_KINDS and _is_ever_open(guard) for guard in guards)
    ]
    never = [number for number, guards in timed if common_moment([guards]) is None]
    for number in never:
        message = "none of its days has such hours or is such a day of the week; it is never open"
        yield Fault(f"clauses[{number}]", Code.TIME_WINDOW_EMPTY, message)
    if timed and not never and common_moment([guards for _, guards in timed]) is None:
        numbers = ", ".join(f"clauses[{number}]" for number, _ in timed)
        message = f"{numbers} are never open at the same time; nothing could ever be paid"
        yield Fault(f"clauses[{timed[-1][0]}]", Code.TIME_WINDOWS_DISJOINT, message)


def _is_ever_open(guard: Guard) -> bool:
    """Whether its operands are in order; those that are not have a fault of their own."""
    return any(guard.subject) if guard.kind == Kind.CALENDAR_DAY else guard.a < guard.b


def _of_only(content: Agreement, model: type[Model]) -> list[tuple[int, tuple[Model, ...]]]:
    """Clauses whose every guard is of one model, with their numbers."""
    found = [
        (number, tuple(guard for guard in clause.any_of if isinstance(guard, model)))
        for number, clause in enumerate(content.clauses)
    ]
    return [
        (number, guards) for number, guards in found if len(guards) == len(content.clauses[number].any_of)
    ]


def _document_faults(content: Agreement) -> Iterator[Fault]:
    """A batch names one document, which is of one kind and counts in one clause."""
    first: dict[str, int] = {}
    for where, number, guard in guard_places(content):
        if isinstance(guard, Document) and first.setdefault(guard.document, number) != number:
            name = content.clauses[first[guard.document]].name
            message = f"a document of this kind counts once, in {name!r}; keep one of the clauses"
            yield Fault(where, Code.DOCUMENTS_DISJOINT, message)
    only = _of_only(content, Document)
    for number, guards in only[1:]:
        if not {guard.document for guard in guards} & {guard.document for guard in only[0][1]}:
            name = content.clauses[only[0][0]].name
            message = (
                f"a batch names one document, and {name!r} asks for another kind; keep one of the clauses"
            )
            yield Fault(f"clauses[{number}]", Code.DOCUMENTS_DISJOINT, message)


def _state_faults(content: Agreement) -> Iterator[Fault]:
    """An agreement is in one state at a time: some choice of a guard a clause must name one for each."""
    choices: list[dict[str, str]] = [{}]
    for number, guards in _of_only(content, AgreementState):
        choices = [
            {**chosen, guard.agreement: guard.state}
            for chosen in choices
            for guard in guards
            if chosen.get(guard.agreement, guard.state) == guard.state
        ]
        if not choices:
            names = ", ".join(sorted({guard.agreement for guard in guards}))
            message = f"clauses before it ask for another state of {names}; an agreement is in one: keep one"
            yield Fault(f"clauses[{number}]", Code.AGREEMENT_STATES_DISJOINT, message)
            return
