"""Courses of events as plain data: what a runner sets up, does, and must see.

A **runner** takes a compiled agreement of a template without clauses (or an allocation with rules) and one
`Trial`, brings it about on a chain (a test chain, or a simulation on a fork), and returns what it saw:

1. put `holds_minor` on the line of `dye_class` of each account, and make the agreement active;
2. for each event in order let time pass, or do the act: `steps.step` says what to call and whose signatures
   it takes, which throwaway signers give and anyone hands in;
3. return `Ran` with what each account gained since step 1 and the state at the end (`IAgreement.state`), or
   `RefusedAt` with the place and the code of the first event that was refused.

`judge_course` compares that with what the file expects.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Protocol

from contracts.agreement.compile import CompiledAgreement
from contracts.agreement.expect import CaseResult
from contracts.agreement.expectations import Act, Course, Outcome, TimePasses
from contracts.agreement.guards import STATES
from contracts.agreement.model import AgreementFile
from contracts.agreement.sections import Escrow
from contracts.agreement.texts import Text
from contracts.agreement.values import amount_text, duration_seconds, minor_units

__all__ = ["Done", "Passed", "Ran", "RefusedAt", "Runner", "Trial", "judge_course", "trials"]

_STATE_NAMES = {number: name for name, number in STATES.items()}


@dataclass(frozen=True)
class Passed:
    """Time passes."""

    seconds: int


@dataclass(frozen=True)
class Done:
    """An act of `acts.ACTS`; `milestone` is its number in an escrow, amounts are minor units.

    `by` and `to` are roles of the file or institutions, `account` is an account's name.
    """

    act: str
    by: str | None = None
    milestone: int | None = None
    amount_minor: int | None = None
    price_minor: int | None = None
    to: str | None = None
    account: str | None = None


@dataclass(frozen=True)
class Ran:
    """Every event was taken: what each account gained, minor units, and the state's number."""

    gained_minor: Mapping[str, int]
    state: int


@dataclass(frozen=True)
class RefusedAt:
    """The event, by its place, that was refused, and the code."""

    event: int
    code: str


@dataclass(frozen=True)
class Trial:
    """One course of events to bring about, and what must come of it."""

    name: str
    holds_minor: Mapping[str, int]
    events: tuple[Passed | Done, ...]
    expect: Ran | RefusedAt


class Runner(Protocol):
    """Brings a trial about on some chain; the module says how."""

    def __call__(self, compiled: CompiledAgreement, trial: Trial) -> Ran | RefusedAt: ...


def trials(file: AgreementFile) -> tuple[Trial, ...]:
    """The courses of events of a file, in its order."""
    section = file.content.section
    milestones = [each.name for each in section.milestones] if isinstance(section, Escrow) else []
    return tuple(_trial(course, milestones) for _, course in file.content.courses)


def _trial(course: Course, milestones: list[str]) -> Trial:
    expect: Ran | RefusedAt
    if isinstance(course.then, Outcome):
        gained = {name: minor_units(amount) for name, amount in course.then.paid.items()}
        expect = Ran(gained, STATES[course.then.state])
    else:
        expect = RefusedAt(len(course.events) - 1, course.then.refused)
    return Trial(
        name=course.name,
        holds_minor={name: minor_units(amount) for name, amount in course.holds.items()},
        events=tuple(_event(event, milestones) for event in course.events),
        expect=expect,
    )


def _event(event: Act | TimePasses, milestones: list[str]) -> Passed | Done:
    if isinstance(event, TimePasses):
        return Passed(duration_seconds(event.after))
    return Done(
        act=event.act,
        by=event.by,
        milestone=None if event.of is None else milestones.index(event.of),
        amount_minor=None if event.amount is None else minor_units(event.amount),
        price_minor=None if event.price is None else minor_units(event.price),
        to=event.to,
        account=event.account,
    )


def judge_course(trial: Trial, seen: Ran | RefusedAt) -> CaseResult:
    """Compare what a runner saw with what the course expects. Accounts it does not name do not count."""
    if isinstance(trial.expect, Ran) and isinstance(seen, Ran):
        named = {name: seen.gained_minor.get(name, 0) for name in trial.expect.gained_minor}
        seen = Ran(named, seen.state)
    ok = seen == trial.expect
    got, wanted = _said(seen), _said(trial.expect)
    if ok:
        return CaseResult(trial.name, ok, Text(f"符合预期：{got.zh}", f"as expected: {got.en}"))
    message = Text(f"预期{wanted.zh}，实际{got.zh}", f"expected {wanted.en}, but {got.en}")
    return CaseResult(trial.name, ok, message)


def _said(seen: Ran | RefusedAt) -> Text:
    if isinstance(seen, RefusedAt):
        place = seen.event + 1
        return Text(f"第 {place} 步被拒绝（{seen.code}）", f"step {place} was refused ({seen.code})")
    gains = ", ".join(f"{name} +{amount_text(amount)}" for name, amount in seen.gained_minor.items())
    state = _STATE_NAMES.get(seen.state, str(seen.state))
    return Text(f"状态 {state}，{gains or '无付款'}", f"state {state}, {gains or 'nothing paid'}")
