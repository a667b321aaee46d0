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
    observed_ago: Duration | None = None
    institutions: int | None = Field(default=None, ge=1, le=MAX_SIGNERS)


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
    left: Amount
    payee: Name | None = None


class Given(Model):
    """The state a case starts from. `balance` is what is there when the payment is asked for."""

    balance: Amount
    approvals: Approvals = 0
    approved_ago: Duration | None = None
    evidence: tuple[EvidenceGiven, ...] = Field(default=(), max_length=MAX_GUARDS)
    at: Moment | None = None
    already_paid: Amount = "0.00"
    already_paid_in_window: Amount = "0.00"
    already_paid_to_payee: Amount = "0.00"
    waived: tuple[Name, ...] = Field(default=(), max_length=MAX_GUARDS)
    blocked: bool = False
    countersigned: bool = False
    document: HeldDocument | None = None
    states: dict[Slug, EndState] = Field(default_factory=dict, max_length=MAX_GUARDS)
    balances: dict[Slug, Amount] = Field(default_factory=dict, max_length=MAX_GUARDS)


class PayRequest(Model):
    """A payout to a payee of the roster, or to `unknown`, out of a class of money."""

    payee: Name
    amount: Amount
    dye_class: Slug | None = None


class FundRequest(Model):
    """A transfer to one of the accounts in `funds`."""

    fund: AccountName
    amount: Amount


class Refused(Model):
    """The clause that must refuse, and the code it gives."""

    refused_by: Name
    code: Slug


def _request_tag(value: object) -> str:
    funds = "fund" in value if isinstance(value, dict) else isinstance(value, FundRequest)
    return MARK + ("fund" if funds else "pay")


def _result_tag(value: object) -> str:
    return MARK + ("paid" if isinstance(value, str) else "refused")


class Expectation(Model):
    """One expected result, to be shown in a simulation before anybody signs."""

    name: Name
    given: Given
    when: Annotated[
        Annotated[PayRequest, Tag(MARK + "pay")] | Annotated[FundRequest, Tag(MARK + "fund")],
        Discriminator(_request_tag),
    ]
    then: Annotated[
        Annotated[Literal["paid"], Tag(MARK + "paid")] | Annotated[Refused, Tag(MARK + "refused")],
        Discriminator(_result_tag),
    ]

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


class Act(Model):
    """Somebody does something the template knows.

    `by` is a role, where several could; `of` names the milestone; `amount` and `price` are what the act is
    about, and where it divides money, what the payee gets.
    """

    act: Slug
    by: Slug | None = None
    of: Name | None = None
    amount: Amount | None = None
    price: Amount | None = None


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
    state: Literal["unissued", "open", "released", "expired", "refunded", "disputed"] = "open"


class RefusedAct(Model):
    """The last event is refused, with this code."""

    refused: Annotated[str, Field(pattern=r"^[a-z-]+\.[a-z0-9-]+$", max_length=120)]


def _outcome_tag(value: object) -> str:
    refused = "refused" in value if isinstance(value, dict) else isinstance(value, RefusedAct)
    return MARK + ("refused" if refused else "outcome")


class Course(Model):
    """An expected result of a template without clauses: what accounts hold, what happens, how it ends."""

    name: Name
    holds: dict[AccountName, Amount] = Field(min_length=1, max_length=MAX_PLACES)
    events: tuple[Event, ...] = Field(default=(), max_length=MAX_EVENTS)
    then: Annotated[
        Annotated[Outcome, Tag(MARK + "outcome")] | Annotated[RefusedAct, Tag(MARK + "refused")],
        Discriminator(_outcome_tag),
    ]


def _case_tag(value: object) -> str:
    courses = "holds" in value or "events" in value if isinstance(value, dict) else isinstance(value, Course)
    return MARK + ("course" if courses else "case")


ExpectedCase = Annotated[
    Annotated[Expectation, Tag(MARK + "case")] | Annotated[Course, Tag(MARK + "course")],
    Discriminator(_case_tag),
]
