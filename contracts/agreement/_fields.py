"""Text fields of the agreement file: what each takes, its fault code, and its JSON Schema."""

import re
from collections.abc import Callable
from typing import Annotated

from pydantic import BeforeValidator, Field
from pydantic_core import PydanticCustomError

from contracts.agreement import values
from contracts.agreement.codes import Code

__all__ = [
    "AccountName",
    "Amount",
    "Day",
    "Duration",
    "FileName",
    "Hash",
    "Hours",
    "Moment",
    "Name",
    "Offset",
    "PayeeWindow",
    "Percent",
    "Slug",
    "Window",
    "readable",
]

MAX_NAME_CHARACTERS = 120
_SLUG = r"[a-z0-9]+(-[a-z0-9]+)*"
_ACCOUNT = rf"{_SLUG}(/{_SLUG})*"
_HASH = r"0x(?!0{64})[0-9a-f]{64}"
_FILE_NAME = r"[A-Za-z0-9][A-Za-z0-9._-]*\.csv"


def _text(code: Code, read: Callable[[str], object], hint: str = "put it in quotes") -> BeforeValidator:
    """A check that a value is text that `read` takes; the text itself is kept."""

    def check(value: object) -> object:
        if not isinstance(value, str):
            wrong = Code.AMOUNT_NOT_TEXT if code is Code.AMOUNT_INVALID else Code.TYPE_WRONG
            raise PydanticCustomError(str(wrong), "must be text, not {value}; {hint}", _shown(value, hint))
        try:
            read(value)
        except ValueError as exc:
            raise PydanticCustomError(str(code), "{reason}", {"reason": str(exc)}) from exc
        return value

    return BeforeValidator(check)


def _shown(value: object, hint: str) -> dict[str, str]:
    plain = isinstance(value, int | float) or value is None
    return {"value": str(value) if plain else "a list or mapping", "hint": hint}


def _matching(pattern: str, form: str) -> Callable[[str], None]:
    compiled = re.compile(pattern)

    def read(value: str) -> None:
        if len(value) > MAX_NAME_CHARACTERS or not compiled.fullmatch(value):
            raise ValueError(f"write {form}, at most {MAX_NAME_CHARACTERS} characters")

    return read


def readable(value: str) -> None:
    """Check a name people read. Raises ValueError for hidden characters, which could show another text."""
    if not 0 < len(value) <= MAX_NAME_CHARACTERS or not value.isprintable() or value != value.strip():
        raise ValueError(f"write 1 to {MAX_NAME_CHARACTERS} visible characters, no spaces around them")


_SLUG_FORM = "lower-case letters and digits in words joined by '-'"
Amount = Annotated[
    str,
    _text(Code.AMOUNT_INVALID, values.minor_units, 'put the amount in quotes: "2000.00"'),
    Field(json_schema_extra={"pattern": r"^(0|[1-9][0-9]{0,15})(\.[0-9]{2})?$", "examples": ["2000.00"]}),
]
Slug = Annotated[
    str,
    _text(Code.NAME_INVALID, _matching(_SLUG, _SLUG_FORM)),
    Field(json_schema_extra={"pattern": f"^{_SLUG}$"}),
]
Hash = Annotated[
    str,
    _text(Code.NAME_INVALID, _matching(_HASH, "0x and the 64 hex digits of a hash, not all zero")),
    Field(json_schema_extra={"pattern": f"^{_HASH}$"}),
]
AccountName = Annotated[
    str,
    _text(Code.NAME_INVALID, _matching(_ACCOUNT, f"{_SLUG_FORM}, levels joined by '/'")),
    Field(json_schema_extra={"pattern": f"^{_ACCOUNT}$"}),
]
FileName = Annotated[
    str,
    _text(Code.NAME_INVALID, _matching(_FILE_NAME, "the name of a .csv file without a folder")),
    Field(json_schema_extra={"pattern": f"^{_FILE_NAME}$"}),
]
Name = Annotated[
    str,
    _text(Code.NAME_INVALID, readable),
    Field(json_schema_extra={"minLength": 1, "maxLength": MAX_NAME_CHARACTERS}),
]
Day = Annotated[
    str, _text(Code.DATE_INVALID, values.day_seconds), Field(json_schema_extra={"format": "date"})
]
Hours = Annotated[
    str,
    _text(Code.HOURS_INVALID, values.daily_seconds),
    Field(json_schema_extra={"examples": ["09:00-17:30"]}),
]
Offset = Annotated[
    str,
    _text(Code.TIMEZONE_INVALID, values.offset_seconds),
    Field(json_schema_extra={"examples": ["+08:00"]}),
]
Duration = Annotated[
    str, _text(Code.DURATION_INVALID, values.duration_seconds), Field(json_schema_extra={"examples": ["30d"]})
]
Window = Annotated[
    str,
    _text(Code.DURATION_INVALID, values.window_seconds),
    Field(json_schema_extra={"examples": ["hour", "day", "week", "900s"]}),
]
PayeeWindow = Annotated[
    str,
    _text(Code.DURATION_INVALID, values.payee_window_seconds),
    Field(json_schema_extra={"examples": ["day", "week", "ever"]}),
]
Percent = Annotated[
    str,
    _text(Code.PERCENT_INVALID, values.basis_points, 'put the share in quotes: "12.50%"'),
    Field(json_schema_extra={"pattern": r"^(0|[1-9][0-9]?|100)(\.[0-9]{1,2})?%$", "examples": ["12.50%"]}),
]
Moment = Annotated[
    str, _text(Code.MOMENT_INVALID, values.unix_seconds), Field(json_schema_extra={"format": "date-time"})
]
