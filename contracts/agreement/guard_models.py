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
Weekday = Literal["mon", "tue", "wed", "thu", "fri", "sat", "sun"]


class Model(BaseModel):
    """Base of everything a file holds: read strictly, no unknown keys, never changed."""

    model_config = ConfigDict(strict=True, extra="forbid", frozen=True)


class Approval(Model):
    """Institutions of a quorum approve the exact batch; `quota` says how many of a kind are among them."""

    kind: Literal["approval"]
    quorum: Slug
    at_least: int = Field(le=MAX_SIGNERS)
    quota: dict[InstitutionWord, Annotated[int, Field(ge=1, le=MAX_SIGNERS)]] = Field(
        default_factory=dict, max_length=4
    )


class PayeeRoster(Model):
    """The payee is on a list: CSV with the columns payee_name, payee_account."""

    kind: Literal["payee_roster"]
    file: FileName


class PayoutCap(Model):
    """One payout is not more than an amount."""

    kind: Literal["payout_cap"]
    amount: Amount


class WindowCap(Model):
    """What is paid in one window of time is not more than an amount."""

    kind: Literal["window_cap"]
    amount: Amount
    every: Window
    timezone: Offset


class TimeWindow(Model):
    """It is a day from `from` to `until`, both counted, one of `days` of the week, and within daily hours."""

    kind: Literal["time_window"]
    from_day: Day = Field(alias="from")
    until: Day
    daily: Hours = "00:00-24:00"
    days: tuple[Weekday, ...] = Field(default=(), max_length=7)
    timezone: Offset


class Evidence(Model):
    """`by` has attested a kind of evidence not longer ago than `fresh_for`, or several of a quorum have."""

    kind: Literal["evidence"]
    evidence: Slug
    by: Slug | None = None
    quorum: Slug | None = None
    institutions: int = Field(default=1, ge=1, le=MAX_SIGNERS)
    fresh_for: Duration


class BatchCap(Model):
    """One batch is not more than an amount."""

    kind: Literal["batch_cap"]
    amount: Amount


class LifetimeCap(Model):
    """Everything ever paid is not more than an amount."""

    kind: Literal["lifetime_cap"]
    amount: Amount


class PayeeCap(Model):
    """What one payee gets in a window of time, or `ever`, is not more than an amount."""

    kind: Literal["payee_cap"]
    amount: Amount
    every: PayeeWindow
    timezone: Offset | None = None


class Blacklist(Model):
    """The payee is not blocked by supervisors of a quorum."""

    kind: Literal["blacklist"]
    quorum: Slug


class DyeClass(Model):
    """The batch draws on a class of money."""

    kind: Literal["dye_class"]
    dye_class: Slug


class LineCap(Model):
    """What is ever paid out of one class of money is not more than an amount."""

    kind: Literal["line_cap"]
    dye_class: Slug
    amount: Amount


class Countersignature(Model):
    """An operator of another institution counter-signs the batch."""

    kind: Literal["countersignature"]
    by: Slug


class AgreementState(Model):
    """Another agreement is in a state."""

    kind: Literal["agreement_state"]
    agreement: Slug
    state: EndState


class AgreementBalance(Model):
    """The account of another agreement holds an amount of a class of money."""

    kind: Literal["agreement_balance"]
    agreement: Slug
    dye_class: Slug
    at_least: Amount


class Waiting(Model):
    """A time has passed since enough institutions of a quorum had approved."""

    kind: Literal["waiting"]
    quorum: Slug
    at_least: int = Field(le=MAX_SIGNERS)
    wait: Duration


class Document(Model):
    """The batch names a registered document of its payee with enough of its amount left."""

    kind: Literal["document"]
    document: Slug
    by: Slug


class Calendar(Model):
    """It is an allowed day of a calendar; outside the calendar nothing is paid."""

    kind: Literal["calendar"]
    from_day: Day = Field(alias="from")
    until: Day
    allowed: tuple[Day, ...] = Field(default=(), max_length=MAX_CALENDAR_DAYS)
    excluded: tuple[Day, ...] = Field(default=(), max_length=MAX_CALENDAR_DAYS)
    timezone: Offset


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
    any_of: tuple[GuardEntry, ...] = Field(alias="any", min_length=1, max_length=MAX_GUARDS)
