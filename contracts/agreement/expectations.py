"""Expected results of an agreement file, as their author writes them.

A template with clauses is asked for one payment a case. A template without is put through a course of events.
"""

from typing import Annotated, Literal

from pydantic import Discriminator, Field, Tag

from contracts.agreement._fields import AccountName, Amount, Duration, Moment, Name, Slug
from contracts.agreement.guard_models import MARK, MAX_GUARDS, MAX_SIGNERS, EndState, Model

__all__ = [
    "UNKNOWN_PAYEE",
    "Act",
    "Attested",
    "Course",
    "Expectation",
    "ExpectedCase",
    "FundRequest",
    "Given",
    "HeldDocument",
    "Outcome",
    "PayRequest",
    "Refused",
    "RefusedAct",
    "TimePasses",
]

UNKNOWN_PAYEE = "unknown"
MAX_EVENTS = 16
MAX_PLACES = 64


def _several_tag(value: object) -> str:
    return MARK + ("several" if isinstance(value, tuple) else "one")


class Attested(Model):
    """Evidence: how long before the payment it was observed, and how many institutions attest it."""

    evidence: Slug
    """The kind of evidence."""
    observed_ago: Duration | None = None
    """How long before the payment it was observed; as fresh as it takes if left out."""
    institutions: int | None = Field(default=None, ge=1, le=MAX_SIGNERS)
    """How many attest it; as many as it takes if left out."""


def _evidence_tag(value: object) -> str:
    return MARK + ("kind" if isinstance(value, str) else "attested")


EvidenceGiven = Annotated[
    Annotated[Slug, Tag(MARK + "kind")] | Annotated[Attested, Tag(MARK + "attested")],
    Discriminator(_evidence_tag),
]
Approvals = Annotated[
    Annotated[Annotated[int, Field(ge=0, le=MAX_SIGNERS)], Tag(MARK + "one")]
    | Annotated[Annotated[tuple[Slug, ...], Field(max_length=MAX_SIGNERS)], Tag(MARK + "several")],
    Discriminator(_several_tag),
]


class HeldDocument(Model):
    """The document the batch names: its kind, what is left of it, and its payee where it is another one."""

    kind: Slug
    """The kind of document."""
    left: Amount
    """How much of its amount is left."""
    payee: Name | None = None
    """Whom it pays, if it is not the payee of the case."""


class Given(Model):
    """The state a case starts from. `balance` is what is there when the payment is asked for."""

    balance: Amount
    """What is there when the payment is asked for."""
    approvals: Approvals = 0
    """How many institutions approve, or which."""
    approved_ago: Duration | None = None
    """How long before the payment they approved; just before if left out."""
    evidence: tuple[EvidenceGiven, ...] = Field(default=(), max_length=MAX_GUARDS)
    """What is attested: kinds of evidence, or details."""
    at: Moment | None = None
    """When the payment is asked for; now if left out."""
    already_paid: Amount = "0.00"
    """What was paid before, outside the window."""
    already_paid_in_window: Amount = "0.00"
    """What was paid before in the same window."""
    already_paid_to_payee: Amount = "0.00"
    """What the payee got before in the window of its cap."""
    waived: tuple[Name, ...] = Field(default=(), max_length=MAX_GUARDS)
    """Names of the clauses that a quorum waived for the batch."""
    blocked: bool = False
    """Whether the payee is on the blacklist."""
    countersigned: bool = False
    """Whether every counter-signature asked for is given."""
    document: HeldDocument | None = None
    """The document that the batch names."""
    states: dict[Slug, EndState] = Field(default_factory=dict, max_length=MAX_GUARDS)
    """States of other agreements, by name."""
    balances: dict[Slug, Amount] = Field(default_factory=dict, max_length=MAX_GUARDS)
    """Balances of the accounts of other agreements, by name."""


class PayRequest(Model):
    """A payout to a payee of the roster, or to `unknown`, out of a class of money."""

    payee: Name
    """A name on the roster, or `unknown`."""
    amount: Amount
    """What is to be paid."""
    dye_class: Slug | None = None
    """The class of money, if it is not that of the account."""


class FundRequest(Model):
    """A transfer to one of the accounts in `funds`."""

    fund: AccountName
    """The account to be funded."""
    amount: Amount
    """What is to be transferred."""


class Refused(Model):
    """The clause that must refuse, and the code it gives."""

    refused_by: Name
    """Name of the clause that must refuse."""
    code: Slug
    """The code it gives."""


def _request_tag(value: object) -> str:
    funds = "fund" in value if isinstance(value, dict) else isinstance(value, FundRequest)
    return MARK + ("fund" if funds else "pay")


def _result_tag(value: object) -> str:
    return MARK + ("paid" if isinstance(value, str) else "refused")


class Expectation(Model):
    """One expected result, to be shown in a simulation before anybody signs."""

    name: Name
    """What people call the case."""
    given: Given
    """The state it starts from."""
    when: Annotated[
        Annotated[PayRequest, Tag(MARK + "pay")] | Annotated[FundRequest, Tag(MARK + "fund")],
        Discriminator(_request_tag),
    ]
    """What is asked for."""
    then: Annotated[
        Annotated[Literal["paid"], Tag(MARK + "paid")] | Annotated[Refused, Tag(MARK + "refused")],
        Discriminator(_result_tag),
    ]
    """`paid`, or the clause that refuses."""

    @property
    def payee(self) -> str | None:
        """Name of the payee on the roster; None for one who is not on it, or where no payee is asked for."""
        payee = self.when.payee if isinstance(self.when, PayRequest) else UNKNOWN_PAYEE
        return None if payee == UNKNOWN_PAYEE else payee

    @property
    def fund(self) -> str | None:
        """The account to fund; None where a payee is asked for."""
        return self.when.fund if isinstance(self.when, FundRequest) else None


class TimePasses(Model):
    """So much time passes."""

    after: Duration
    """How much time passes."""


class Act(Model):
    """Somebody does something the template knows.

    `by` is a role, where several could; `of` names the milestone; `amount` and `price` are what the act is
    about, and where it divides money, what the payee gets; `to` and `account` are whom it names.
    """

    act: Slug
    """What is done, by its name in the template."""
    by: Slug | None = None
    """The role that does it, where several could; who is owed the money, a role or an institution."""
    of: Name | None = None
    """Name of the milestone it is about."""
    amount: Amount | None = None
    """What it is about; where it divides money, what the payee gets."""
    price: Amount | None = None
    """What the financier pays."""
    to: Slug | None = None
    """To whom a part of the debt is passed on: a role or an institution."""
    account: AccountName | None = None
    """Where who is owed the money is repaid."""


def _event_tag(value: object) -> str:
    if isinstance(value, dict):
        return MARK + ("time" if "after" in value else "act")
    return MARK + ("time" if isinstance(value, TimePasses) else "act")


Event = Annotated[
    Annotated[TimePasses, Tag(MARK + "time")] | Annotated[Act, Tag(MARK + "act")], Discriminator(_event_tag)
]


class Outcome(Model):
    """By how much the balance of each account grew, and the state the agreement is in at the end."""

    paid: dict[AccountName, Amount] = Field(default_factory=dict, max_length=MAX_PLACES)
    """By how much the balance of each account grew."""
    state: Literal["unissued", "open", "released", "expired", "refunded", "disputed"] = "open"
    """The state at the end."""


class RefusedAct(Model):
    """The last event is refused, with this code."""

    refused: Annotated[str, Field(pattern=r"^[a-z-]+\.[a-z0-9-]+$", max_length=120)]
    """The code of the refusal."""


def _outcome_tag(value: object) -> str:
    refused = "refused" in value if isinstance(value, dict) else isinstance(value, RefusedAct)
    return MARK + ("refused" if refused else "outcome")


class Course(Model):
    """An expected result of a template without clauses: what accounts hold, what happens, how it ends."""

    name: Name
    """What people call the course."""
    holds: dict[AccountName, Amount] = Field(min_length=1, max_length=MAX_PLACES)
    """What accounts hold first."""
    events: tuple[Event, ...] = Field(default=(), max_length=MAX_EVENTS)
    """What happens, in this order."""
    then: Annotated[
        Annotated[Outcome, Tag(MARK + "outcome")] | Annotated[RefusedAct, Tag(MARK + "refused")],
        Discriminator(_outcome_tag),
    ]
    """How it ends."""


def _case_tag(value: object) -> str:
    courses = "holds" in value or "events" in value if isinstance(value, dict) else isinstance(value, Course)
    return MARK + ("course" if courses else "case")


ExpectedCase = Annotated[
    Annotated[Expectation, Tag(MARK + "case")] | Annotated[Course, Tag(MARK + "course")],
    Discriminator(_case_tag),
]
