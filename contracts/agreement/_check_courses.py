"""Faults of expected results that are courses of events."""

from collections.abc import Iterator

from contracts.advice import REASON_ADVICE
from contracts.agreement._check_directory import account_unknown, institution_faults
from contracts.agreement._check_sections import section_accounts
from contracts.agreement.acts import ACTS
from contracts.agreement.codes import Code
from contracts.agreement.directory import DirectoryFacts
from contracts.agreement.expectations import Act, Course, Outcome, RefusedAct
from contracts.agreement.model import Agreement
from contracts.agreement.sections import SECTIONS, Escrow
from contracts.errors import Fault
from contracts.terms import reason_code

__all__ = ["course_faults"]

_NAMED = ("by", "of", "amount", "price", "to", "account")
_KNOWN = frozenset(map(reason_code, REASON_ADVICE))


def course_faults(content: Agreement, facts: DirectoryFacts) -> Iterator[Fault]:
    """Courses that a template cannot take, or that show too little."""
    acts = ACTS.get(content.template_name, {})
    runs = content.template_name in SECTIONS or bool(content.rules)
    for number, course in content.courses:
        where = f"expected[{number}]"
        if not runs:
            message = f"a case of {content.template} says given, when and then"
            yield Fault(where, Code.NOT_IN_TEMPLATE, message)
            continue
        yield from _account_faults(content, where, course)
        for place, event in enumerate(course.events):
            if isinstance(event, Act):
                yield from _act_faults(content, f"{where}.events[{place}]", event)
                yield from _named_faults(content, facts, f"{where}.events[{place}]", event)
        if isinstance(course.then, RefusedAct) and course.then.refused not in _KNOWN:
            message = f"the chain gives no refusal {course.then.refused}; docs/refusals.md lists them"
            yield Fault(f"{where}.then.refused", Code.CASE_CODE_MISMATCH, message)
        if isinstance(course.then, RefusedAct) and not isinstance(_last(course), Act):
            message = "the last event is what is refused; let the course end with an act"
            yield Fault(f"{where}.events", Code.CASE_IMPOSSIBLE, message)
    if content.template_name in SECTIONS and acts:
        yield from _missing_faults(content)


def _last(course: Course) -> object:
    return course.events[-1] if course.events else None


def _missing_faults(content: Agreement) -> Iterator[Fault]:
    outcomes = [course.then for _, course in content.courses]
    if not any(isinstance(then, Outcome) and then.paid for then in outcomes):
        yield Fault("expected", Code.EXPECTATION_MISSING, "add a course in which money is paid")
    if not any(isinstance(then, RefusedAct) for then in outcomes):
        yield Fault("expected", Code.EXPECTATION_MISSING, "add a course whose last event is refused")


def _account_faults(content: Agreement, where: str, course: Course) -> Iterator[Fault]:
    named = {event.account for event in course.events if isinstance(event, Act) and event.account}
    known = {content.accounts.pays_from, *content.accounts.funds, *section_accounts(content).values(), *named}
    for name in course.holds:
        if name not in known:
            message = f"the agreement does not name the account {name}"
            yield Fault(f"{where}.holds", Code.CASE_IMPOSSIBLE, message)
    for name in course.then.paid if isinstance(course.then, Outcome) else ():
        if name not in known:
            message = f"the agreement does not name the account {name}"
            yield Fault(f"{where}.then.paid", Code.CASE_IMPOSSIBLE, message)


def _act_faults(content: Agreement, where: str, event: Act) -> Iterator[Fault]:
    rule = ACTS[content.template_name].get(event.act)
    if rule is None:
        message = (
            f"{content.template} has no act {event.act}; it has {', '.join(ACTS[content.template_name])}"
        )
        yield Fault(f"{where}.act", Code.CASE_IMPOSSIBLE, message)
        return
    anybody = "by" in rule.needs
    if event.by is not None and event.by not in rule.by and not anybody:
        message = f"{event.act} is done by {' or '.join(rule.by) or 'nobody in particular; leave out by'}"
        yield Fault(f"{where}.by", Code.CASE_IMPOSSIBLE, message)
    if event.by is None and len(rule.by) > 1:
        yield Fault(where, Code.CASE_IMPOSSIBLE, f"write by: {' or '.join(rule.by)}")
    given = {name for name in _NAMED if getattr(event, name) is not None} - (set() if anybody else {"by"})
    for name in sorted(rule.needs - given):
        yield Fault(where, Code.CASE_IMPOSSIBLE, f"{event.act} needs {name}; add it")
    for name in sorted(given - rule.needs - rule.takes):
        yield Fault(f"{where}.{name}", Code.CASE_IMPOSSIBLE, f"{event.act} takes no {name}; remove it")
    milestones = (
        {milestone.name for milestone in content.section.milestones}
        if isinstance(content.section, Escrow)
        else set()
    )
    if event.of is not None and event.of not in milestones:
        yield Fault(f"{where}.of", Code.CASE_IMPOSSIBLE, f"there is no milestone {event.of!r}")


def _named_faults(content: Agreement, facts: DirectoryFacts, where: str, event: Act) -> Iterator[Fault]:
    """Institutions and accounts that an act names and nobody knows."""
    rule = ACTS[content.template_name].get(event.act)
    if event.by is not None and rule is not None and "by" in rule.needs:
        yield from institution_faults(content, facts, f"{where}.by", event.by)
    if event.to is not None:
        yield from institution_faults(content, facts, f"{where}.to", event.to)
    if event.account is not None and event.account not in facts.accounts:
        yield Fault(f"{where}.account", Code.ACCOUNT_UNKNOWN, account_unknown(event.account))
