"""The guards of an agreement file, as their author writes them: one model a kind."""

from typing import Annotated, Literal

from pydantic import BaseModel, ConfigDict, Discriminator, Field, Tag

from contracts.agreement._fields import (
    Amount,
    Day,
    Duration,
    FileName,
    Hours,
    Name,
    Offset,
    PayeeWindow,
    Slug,
    Window,
)
from contracts.agreement.codes import Code

__all__ = [
    "MARK",
    "MAX_CALENDAR_DAYS",
    "MAX_GUARDS",
    "MAX_PAYEE_CAPS",
    "MAX_SIGNERS",
    "AgreementBalance",
    "AgreementState",
    "Approval",
    "BatchCap",
    "Blacklist",
    "Calendar",
    "Cap",
    "Clause",
    "Countersignature",
    "Document",
    "DyeClass",
    "EndState",
    "Evidence",
    "GuardEntry",
    "GuardModel",
    "LifetimeCap",
    "LineCap",
    "Model",
    "PayeeCap",
    "PayeeRoster",
    "PayoutCap",
    "TimeWindow",
    "Waiting",
    "WindowCap",
]

# The bounds of `modules/guards.vy`.
MAX_GUARDS = 24
MAX_PAYEE_CAPS = 4
MAX_SIGNERS = 16
MAX_CALENDAR_DAYS = 256

MARK = "~"
"""Begins the tags of our unions, so that places of faults can leave them out."""

EndState = Literal["open", "released", "expired", "refunded", "disputed"]
InstitutionWord = Literal["bank", "agency", "enterprise", "auditor"]
# Fewer than two is a fault of its own, which says why.
Institutions = Annotated[int, Field(le=MAX_SIGNERS, json_schema_extra={"minimum": 2})]
Weekday = Literal["mon", "tue", "wed", "thu", "fri", "sat", "sun"]


class Model(BaseModel):
    """Base of everything a file holds: read strictly, no unknown keys, never changed.

    The docstring under a field is its description in the JSON Schema.
    """

    model_config = ConfigDict(strict=True, extra="forbid", frozen=True, use_attribute_docstrings=True)


class Approval(Model):
    """Institutions of a quorum approve the exact batch; `quota` says how many of a kind are among them."""

    kind: Literal["approval"]
    quorum: Slug
    """The quorum, a role under `parties` that lists its institutions."""
    at_least: Institutions
    """How many institutions must approve: 2 or more."""
    quota: dict[InstitutionWord, Annotated[int, Field(ge=1, le=MAX_SIGNERS)]] = Field(
        default_factory=dict, max_length=4
    )
    """How many of each kind must be among them: `{bank: 1, agency: 1}`."""


class PayeeRoster(Model):
    """The payee is on a list: CSV with the columns payee_name, payee_account."""

    kind: Literal["payee_roster"]
    file: FileName
    """Name of the CSV file, which stands beside the agreement."""


class PayoutCap(Model):
    """One payout is not more than an amount."""

    kind: Literal["payout_cap"]
    amount: Amount
    """The most that one payout may be."""


class WindowCap(Model):
    """What is paid in one window of time is not more than an amount."""

    kind: Literal["window_cap"]
    amount: Amount
    """The most that is reserved (in an allocation: transferred) in one window."""
    every: Window
    """`hour`, `day`, `week` (from Monday), or a number of seconds: `900s`."""
    timezone: Offset
    """Local time, in which days and weeks begin."""


class TimeWindow(Model):
    """It is a day from `from` to `until`, both counted, one of `days` of the week, and within daily hours."""

    kind: Literal["time_window"]
    from_day: Day = Field(alias="from")
    """The first day on which it is open."""
    until: Day
    """The last day on which it is open."""
    daily: Hours = "00:00-24:00"
    """Hours of the day; they may cross midnight."""
    days: tuple[Weekday, ...] = Field(default=(), max_length=7)
    """Days of the week; every day if left out."""
    timezone: Offset
    """Local time of days and hours."""


class Evidence(Model):
    """`by` has attested a kind of evidence not longer ago than `fresh_for`, or several of a quorum have."""

    kind: Literal["evidence"]
    evidence: Slug
    """The kind of evidence."""
    by: Slug | None = None
    """Who attests it: a role with one institution, or an institution; never the payer."""
    quorum: Slug | None = None
    """Instead of `by`: a quorum, several of whose institutions attest it."""
    institutions: int = Field(default=1, ge=1, le=MAX_SIGNERS)
    """How many of the quorum."""
    fresh_for: Duration
    """How long ago it may have been observed."""


class BatchCap(Model):
    """One batch is not more than an amount."""

    kind: Literal["batch_cap"]
    amount: Amount
    """The most that one batch may be."""


class LifetimeCap(Model):
    """Everything ever paid is not more than an amount."""

    kind: Literal["lifetime_cap"]
    amount: Amount
    """The most that is ever reserved (in an allocation: transferred)."""


class PayeeCap(Model):
    """What one payee gets in a window of time, or `ever`, is not more than an amount."""

    kind: Literal["payee_cap"]
    amount: Amount
    """The most that one payee gets in one window."""
    every: PayeeWindow
    """`hour`, `day`, `week`, a number of seconds, or `ever`."""
    timezone: Offset | None = None
    """Local time, in which days and weeks begin; not with `ever`."""


class Blacklist(Model):
    """The payee is not blocked by supervisors of a quorum."""

    kind: Literal["blacklist"]
    quorum: Slug
    """The quorum, each of whose supervisors may block a payee."""


class DyeClass(Model):
    """The batch draws on a class of money."""

    kind: Literal["dye_class"]
    dye_class: Slug
    """The class of money."""


class LineCap(Model):
    """What is ever paid out of one class of money is not more than an amount."""

    kind: Literal["line_cap"]
    dye_class: Slug
    """The class of money it counts."""
    amount: Amount
    """The most that is ever reserved from it."""


class Countersignature(Model):
    """An operator of another institution counter-signs the batch."""

    kind: Literal["countersignature"]
    by: Slug
    """Who counter-signs: a role with one institution, or an institution; never the payer."""


class AgreementState(Model):
    """Another agreement is in a state."""

    kind: Literal["agreement_state"]
    agreement: Slug
    """The other agreement."""
    state: EndState
    """The state it must be in."""


class AgreementBalance(Model):
    """The account of another agreement holds an amount of a class of money."""

    kind: Literal["agreement_balance"]
    agreement: Slug
    """The other agreement."""
    dye_class: Slug
    """The class of money."""
    at_least: Amount
    """What its account must hold."""


class Waiting(Model):
    """A time has passed since enough institutions of a quorum had approved."""

    kind: Literal["waiting"]
    quorum: Slug
    """The quorum, a role under `parties`."""
    at_least: Institutions
    """How many institutions must have approved: 2 or more."""
    wait: Duration
    """How long since then."""


class Document(Model):
    """The batch names a registered document of its payee with enough of its amount left."""

    kind: Literal["document"]
    document: Slug
    """The kind of document."""
    by: Slug
    """Who registers it: a role with one institution, or an institution; never the payer."""


class Calendar(Model):
    """It is an allowed day of a calendar; outside the calendar nothing is paid."""

    kind: Literal["calendar"]
    from_day: Day = Field(alias="from")
    """The first day of the calendar."""
    until: Day
    """The last day of the calendar, at most 256 days in all."""
    allowed: tuple[Day, ...] = Field(default=(), max_length=MAX_CALENDAR_DAYS)
    """The days on which it is open; or write `excluded`."""
    excluded: tuple[Day, ...] = Field(default=(), max_length=MAX_CALENDAR_DAYS)
    """The days on which it is closed; or write `allowed`."""
    timezone: Offset
    """Local time, in which days begin."""


Cap = PayoutCap | WindowCap | BatchCap | LifetimeCap | PayeeCap | LineCap
GuardModel = (
    Approval
    | PayeeRoster
    | PayoutCap
    | WindowCap
    | TimeWindow
    | Evidence
    | BatchCap
    | LifetimeCap
    | PayeeCap
    | Blacklist
    | DyeClass
    | LineCap
    | Countersignature
    | AgreementState
    | AgreementBalance
    | Waiting
    | Document
    | Calendar
)

GUARD_KINDS = (
    "approval",
    "payee_roster",
    "payout_cap",
    "window_cap",
    "time_window",
    "evidence",
    "batch_cap",
    "lifetime_cap",
    "payee_cap",
    "blacklist",
    "dye_class",
    "line_cap",
    "countersignature",
    "agreement_state",
    "agreement_balance",
    "waiting",
    "document",
    "calendar",
)


def _guard_tag(value: object) -> str | None:
    kind = value.get("kind") if isinstance(value, dict) else getattr(value, "kind", None)
    return MARK + kind if isinstance(kind, str) and kind in GUARD_KINDS else None


GuardEntry = Annotated[
    Annotated[Approval, Tag(MARK + "approval")]
    | Annotated[PayeeRoster, Tag(MARK + "payee_roster")]
    | Annotated[PayoutCap, Tag(MARK + "payout_cap")]
    | Annotated[WindowCap, Tag(MARK + "window_cap")]
    | Annotated[TimeWindow, Tag(MARK + "time_window")]
    | Annotated[Evidence, Tag(MARK + "evidence")]
    | Annotated[BatchCap, Tag(MARK + "batch_cap")]
    | Annotated[LifetimeCap, Tag(MARK + "lifetime_cap")]
    | Annotated[PayeeCap, Tag(MARK + "payee_cap")]
    | Annotated[Blacklist, Tag(MARK + "blacklist")]
    | Annotated[DyeClass, Tag(MARK + "dye_class")]
    | Annotated[LineCap, Tag(MARK + "line_cap")]
    | Annotated[Countersignature, Tag(MARK + "countersignature")]
    | Annotated[AgreementState, Tag(MARK + "agreement_state")]
    | Annotated[AgreementBalance, Tag(MARK + "agreement_balance")]
    | Annotated[Waiting, Tag(MARK + "waiting")]
    | Annotated[Document, Tag(MARK + "document")]
    | Annotated[Calendar, Tag(MARK + "calendar")],
    Discriminator(
        _guard_tag,
        custom_error_type=str(Code.GUARD_KIND_UNKNOWN),
        custom_error_message=f"a guard needs a kind: {', '.join(GUARD_KINDS)}",
    ),
]


class Clause(Model):
    """A clause is satisfied by any one of its guards; all clauses must be satisfied."""

    name: Name
    """What people, refusals and expected results call the clause."""
    any_of: tuple[GuardEntry, ...] = Field(alias="any", min_length=1, max_length=MAX_GUARDS)
    """Guards, any one of which satisfies the clause."""
