"""The agreement file as data: what its author writes, read strictly, before anything is looked up.

Amounts, dates and durations stay the text the author wrote, checked; `values` turns them into numbers.
"""

from dataclasses import dataclass
from typing import Annotated, Literal

from pydantic import Discriminator, Field, Tag, ValidationError
from pydantic_core import ErrorDetails

from contracts.agreement import _yaml
from contracts.agreement._fields import AccountName, Name, Slug
from contracts.agreement.codes import Code
from contracts.agreement.expectations import Course, Expectation, ExpectedCase
from contracts.agreement.guard_models import MARK, Clause, Model
from contracts.agreement.sections import (
    MAX_RULES,
    SECTIONS,
    Delivery,
    Escrow,
    Guarantee,
    Receivable,
    Rule,
    Section,
    Split,
)
from contracts.errors import AgreementInvalid, Fault

__all__ = [
    "MAX_CLAUSES",
    "MAX_DESTINATIONS",
    "Agreement",
    "AgreementFile",
    "Title",
    "load",
]

# The bounds of `modules/guards.vy` and `Allocation.vy`.
MAX_CLAUSES = 16
MAX_DESTINATIONS = 64
MAX_PARTIES = 32
MAX_CASES = 100
MAX_FAULTS = 100


class Title(Model):
    """What people call the agreement."""

    zh: Name
    """In Chinese."""
    en: Name
    """In English."""


class Accounts(Model):
    """Where the money comes from and, in an allocation, where it may go."""

    pays_from: AccountName
    """The account that money leaves, or on which it rests."""
    dye_class: Slug = "general"
    """The class of money that may be used."""
    funds: tuple[AccountName, ...] = Field(default=(), max_length=MAX_DESTINATIONS)
    """Allocation only: the accounts an operator may fund."""


def _party_tag(value: object) -> str:
    return MARK + ("several" if isinstance(value, tuple) else "one")


Party = Annotated[
    Annotated[Slug, Tag(MARK + "one")]
    | Annotated[
        Annotated[tuple[Slug, ...], Field(min_length=1, max_length=MAX_PARTIES)], Tag(MARK + "several")
    ],
    Discriminator(_party_tag),
]


class Agreement(Model):
    """Everything an agreement file says."""

    agreement: Slug
    """Id of the agreement."""
    title: Title
    """What people call it."""
    template: Literal[
        "disbursement@1.0.0",
        "allocation@1.0.0",
        "escrow@1.0.0",
        "split@1.0.0",
        "guarantee@1.0.0",
        "delivery-versus-payment@1.0.0",
        "receivable@1.0.0",
    ]
    """The template, with its version."""
    version: int = Field(ge=1, le=1_000_000)
    """1, 2, 3 …: of this agreement."""
    currency: Literal["CNY", "EUR", "HKD", "USD"]
    """That of the accounts."""
    parties: dict[Slug, Party] = Field(min_length=1, max_length=MAX_PARTIES)
    """Role -> institution, or a list of them. A quorum is a role too."""
    accounts: Accounts
    """Whose money it is."""
    clauses: tuple[Clause, ...] = Field(default=(), max_length=MAX_CLAUSES)
    """Disbursement and allocation: all of them must be satisfied."""
    rules: tuple[Rule, ...] = Field(default=(), max_length=MAX_RULES)
    """Allocation only: what moves by itself, in this order."""
    escrow: Escrow | None = None
    """What an escrow says instead of clauses."""
    guarantee: Guarantee | None = None
    """What a guarantee says instead of clauses."""
    split: Split | None = None
    """What a split says instead of clauses."""
    delivery: Delivery | None = None
    """What a delivery versus payment says instead of clauses."""
    receivable: Receivable | None = None
    """What a receivable says instead of clauses."""
    expected: tuple[ExpectedCase, ...] = Field(max_length=MAX_CASES)
    """Expected results: each is tried before anyone signs."""

    @property
    def template_name(self) -> str:
        """Name of the template without its version."""
        return self.template.partition("@")[0]

    @property
    def section(self) -> Section | None:
        """What a template without clauses says instead; None where it is missing or there are clauses."""
        name = SECTIONS.get(self.template_name)
        return None if name is None else getattr(self, name)

    @property
    def requests(self) -> tuple[tuple[int, Expectation], ...]:
        """Expected results that ask for one payment, with their places."""
        return tuple((i, case) for i, case in enumerate(self.expected) if isinstance(case, Expectation))

    @property
    def courses(self) -> tuple[tuple[int, Course], ...]:
        """Expected results that are courses of events, with their places."""
        return tuple((i, case) for i, case in enumerate(self.expected) if isinstance(case, Course))

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
        elif not part.startswith(MARK):
            path += f".{part}" if path else part
    return path or "file"
