"""The agreement file as data: what its author writes, read strictly, before anything is looked up.

Amounts, dates and durations stay the text the author wrote, checked; `values` turns them into numbers.
"""

from dataclasses import dataclass
from typing import Annotated, Any, Literal

from pydantic import BaseModel, ConfigDict, Discriminator, Field, Tag, ValidationError
from pydantic_core import ErrorDetails

from contracts.agreement import _yaml
from contracts.agreement._fields import (
    AccountName,
    Amount,
    Day,
    Duration,
    FileName,
    Hours,
    Moment,
    Name,
    Offset,
    Slug,
    Window,
)
from contracts.agreement.codes import Code
from contracts.errors import AgreementInvalid, Fault
from contracts.terms import Kind

__all__ = [
    "GUARD_KINDS",
    "MAX_CLAUSES",
    "MAX_DESTINATIONS",
    "MAX_GUARDS",
    "UNKNOWN_PAYEE",
    "Agreement",
    "AgreementFile",
    "Approval",
    "Clause",
    "Evidence",
    "Expectation",
    "FundRequest",
    "GuardEntry",
    "PayRequest",
    "PayeeRoster",
    "PayoutCap",
    "Refused",
    "TimeWindow",
    "Title",
    "WindowCap",
    "json_schema",
    "load",
]

# The bounds of `modules/guards.vy` and `Allocation.vy`.
MAX_GUARDS = 24
MAX_CLAUSES = 16
MAX_DESTINATIONS = 64
MAX_SIGNERS = 16
MAX_PARTIES = 32
MAX_CASES = 100
MAX_FAULTS = 100
UNKNOWN_PAYEE = "unknown"

GUARD_KINDS: dict[str, Kind] = {
    "approval": Kind.APPROVAL,
    "payee_roster": Kind.ROSTER,
    "payout_cap": Kind.PAYOUT_CAP,
    "window_cap": Kind.WINDOW_CAP,
    "time_window": Kind.TIME_WINDOW,
    "evidence": Kind.EVIDENCE,
}

_MARK = "~"


class _Model(BaseModel):
    model_config = ConfigDict(strict=True, extra="forbid", frozen=True)


class Title(_Model):
    """What people call the agreement."""

    zh: Name
    en: Name


class Accounts(_Model):
    """Where the money comes from and, in an allocation, where it may go."""

    pays_from: AccountName
    dye_class: Slug = "general"
    funds: tuple[AccountName, ...] = Field(default=(), max_length=MAX_DESTINATIONS)


class Approval(_Model):
    """Institutions of a quorum approve the exact batch."""

    kind: Literal["approval"]
    quorum: Slug
    at_least: int = Field(le=MAX_SIGNERS)


class PayeeRoster(_Model):
    """The payee is on a list: CSV with the columns payee_name, payee_account."""

    kind: Literal["payee_roster"]
    file: FileName


class PayoutCap(_Model):
    """One payout is not more than an amount."""

    kind: Literal["payout_cap"]
    amount: Amount


class WindowCap(_Model):
    """What is paid in one window of time is not more than an amount."""

    kind: Literal["window_cap"]
    amount: Amount
    every: Window
    timezone: Offset


class TimeWindow(_Model):
    """It is one of the days from `from` to `until`, both counted, and within the daily hours."""

    kind: Literal["time_window"]
    from_day: Day = Field(alias="from")
    until: Day
    daily: Hours = "00:00-24:00"
    timezone: Offset


class Evidence(_Model):
    """An institution has attested a kind of evidence not longer ago than `fresh_for`."""

    kind: Literal["evidence"]
    evidence: Slug
    by: Slug
    fresh_for: Duration


GuardModel = Approval | PayeeRoster | PayoutCap | WindowCap | TimeWindow | Evidence


def _guard_tag(value: object) -> str | None:
    kind = value.get("kind") if isinstance(value, dict) else getattr(value, "kind", None)
    return _MARK + kind if isinstance(kind, str) and kind in GUARD_KINDS else None


GuardEntry = Annotated[
    Annotated[Approval, Tag(_MARK + "approval")]
    | Annotated[PayeeRoster, Tag(_MARK + "payee_roster")]
    | Annotated[PayoutCap, Tag(_MARK + "payout_cap")]
    | Annotated[WindowCap, Tag(_MARK + "window_cap")]
    | Annotated[TimeWindow, Tag(_MARK + "time_window")]
    | Annotated[Evidence, Tag(_MARK + "evidence")],
    Discriminator(
        _guard_tag,
        custom_error_type=str(Code.GUARD_KIND_UNKNOWN),
        custom_error_message=f"a guard needs a kind: {', '.join(GUARD_KINDS)}",
    ),
]


class Clause(_Model):
    """A clause is satisfied by any one of its guards; all clauses must be satisfied."""

    name: Name
    any_of: tuple[GuardEntry, ...] = Field(alias="any", min_length=1, max_length=MAX_GUARDS)


class Given(_Model):
    """The state a case starts from. `balance` is what is there when the payment is asked for."""

    balance: Amount
    approvals: int = Field(default=0, ge=0, le=MAX_SIGNERS)
    evidence: tuple[Slug, ...] = Field(default=(), max_length=MAX_GUARDS)
    at: Moment | None = None
    already_paid_in_window: Amount = "0.00"


class PayRequest(_Model):
    """A payout to a payee of the roster, or to `unknown`."""

    payee: Name
    amount: Amount


class FundRequest(_Model):
    """A transfer to one of the accounts in `funds`."""

    fund: AccountName
    amount: Amount


class Refused(_Model):
    """The clause that must refuse, and the code it gives."""

    refused_by: Name
    code: Slug


def _request_tag(value: object) -> str:
    funds = "fund" in value if isinstance(value, dict) else isinstance(value, FundRequest)
    return _MARK + ("fund" if funds else "pay")


def _result_tag(value: object) -> str:
    return _MARK + ("paid" if isinstance(value, str) else "refused")


def _party_tag(value: object) -> str:
    return _MARK + ("several" if isinstance(value, tuple) else "one")


Party = Annotated[
    Annotated[Slug, Tag(_MARK + "one")]
    | Annotated[
        Annotated[tuple[Slug, ...], Field(min_length=1, max_length=MAX_PARTIES)], Tag(_MARK + "several")
    ],
    Discriminator(_party_tag),
]


class Expectation(_Model):
    """One expected result, to be shown in a simulation before anybody signs."""

    name: Name
    given: Given
    when: Annotated[
        Annotated[PayRequest, Tag(_MARK + "pay")] | Annotated[FundRequest, Tag(_MARK + "fund")],
        Discriminator(_request_tag),
    ]
    then: Annotated[
        Annotated[Literal["paid"], Tag(_MARK + "paid")] | Annotated[Refused, Tag(_MARK + "refused")],
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


class Agreement(_Model):
    """Everything an agreement file says."""

    agreement: Slug
    title: Title
    template: Literal["disbursement@1.0.0", "allocation@1.0.0"]
    version: int = Field(ge=1, le=1_000_000)
    currency: Literal["CNY", "EUR", "HKD", "USD"]
    parties: dict[Slug, Party] = Field(min_length=1, max_length=MAX_PARTIES)
    accounts: Accounts
    clauses: tuple[Clause, ...] = Field(min_length=1, max_length=MAX_CLAUSES)
    expected: tuple[Expectation, ...] = Field(max_length=MAX_CASES)

    @property
    def template_name(self) -> str:
        """Name of the template without its version."""
        return self.template.partition("@")[0]

    def institutions_of(self, role: str) -> tuple[str, ...]:
        """Institutions in a role, as written; none for a role the file does not name."""
        party = self.parties.get(role, ())
        return (party,) if isinstance(party, str) else party


@dataclass(frozen=True)
class AgreementFile:
    """An agreement file as handed in, and what it says."""

    source: bytes
    content: Agreement


def load(text: bytes | str) -> AgreementFile:
    """Read an agreement file: UTF-8 YAML, at most 256 KiB.

    Raises AgreementInvalid with every fault of form, up to 100. Whether parties and accounts exist and the
    terms make sense is for `compile_terms` to say.
    """
    source, decoded = _yaml.decoded(text)
    data, faults = _yaml.parsed(decoded)
    try:
        content = Agreement.model_validate(data)
    except ValidationError as exc:
        raise AgreementInvalid((*faults, *_faults(exc))[:MAX_FAULTS]) from exc
    if faults:
        raise AgreementInvalid(faults[:MAX_FAULTS])
    return AgreementFile(source, content)


def json_schema() -> dict[str, Any]:
    """JSON Schema (2020-12) of the file, for editors; `schema.json` beside this module holds it."""
    return {
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        **Agreement.model_json_schema(by_alias=True),
    }


# Where pydantic's own words would not tell the author what to do.
_PLAIN = {
    "missing": (Code.KEY_MISSING, "add this key"),
    "extra_forbidden": (Code.KEY_UNKNOWN, "remove this key; the language has no such key here"),
    "literal_error": (Code.VALUE_UNKNOWN, "write {expected}"),
    "too_long": (Code.VALUE_OUT_OF_RANGE, "at most {max_length} are allowed"),
    "too_short": (Code.VALUE_OUT_OF_RANGE, "at least {min_length} is needed"),
    "greater_than_equal": (Code.VALUE_OUT_OF_RANGE, "write {ge} or more"),
    "less_than_equal": (Code.VALUE_OUT_OF_RANGE, "write {le} or less"),
    "int_type": (Code.TYPE_WRONG, "write a whole number"),
    "tuple_type": (Code.TYPE_WRONG, "write a list"),
    "dict_type": (Code.TYPE_WRONG, "write keys and values"),
    "model_type": (Code.TYPE_WRONG, "write keys and values"),
}


def _faults(invalid: ValidationError) -> tuple[Fault, ...]:
    """The faults pydantic found, less lists that are too short only because their items are faulty."""
    errors = invalid.errors(include_url=False)
    return tuple(_fault(error) for error in errors if error["type"] != "too_short" or not error["input"])


def _fault(error: ErrorDetails) -> Fault:
    kind = error["type"]
    code, words = _PLAIN.get(kind) or (Code(kind) if kind in set(Code) else Code.TYPE_WRONG, None)
    message = words.format(**error.get("ctx", {})) if words else error["msg"]
    return Fault(_where(error["loc"]), code, message)


def _where(loc: tuple[int | str, ...]) -> str:
    """`clauses[2].any[0].amount`; the marks of our unions are left out."""
    path = ""
    for part in loc:
        if isinstance(part, int):
            path += f"[{part}]"
        elif part == "[key]":
            path += " (the key)"
        elif not part.startswith(_MARK):
            path += f".{part}" if path else part
    return path or "file"
