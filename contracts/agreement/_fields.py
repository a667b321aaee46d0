"""Text fields of the agreement file: what each takes, its fault code, and its JSON Schema."""

import re
from collections.abc import Callable
from typing import Annotated

from pydantic import BeforeValidator, Field, JsonValue
from pydantic.fields import FieldInfo
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


def _form(pattern: str, examples: list[JsonValue] | None = None, most: int | None = None) -> FieldInfo:
    """What the JSON Schema says of a text, for editors: it lets pass all that the reader takes, and more."""
    said: dict[str, JsonValue] = {"pattern": f"^{pattern}$"}
    if most is not None:
        said["maxLength"] = most
    if examples is not None:
        said["examples"] = examples
    found: FieldInfo = Field(json_schema_extra=said)
    return found


_SLUG_FORM = "lower-case letters and digits in words joined by '-'"
_DAY_FORM = "2[0-9]{3}-(0[1-9]|1[0-2])-(0[1-9]|[12][0-9]|3[01])"
_MINUTE_FORM = "([01][0-9]|2[0-3]):[0-5][0-9]"
_OFFSET_FORM = "[+-](0[0-9]|1[0-3]):[0-5][0-9]|[+-]14:00"
_WINDOW_FORM = "hour|day|week|[1-9][0-9]{2,7}s"
Amount = Annotated[
    str,
    _text(Code.AMOUNT_INVALID, values.minor_units, 'put the amount in quotes: "2000.00"'),
    _form(r"(0|[1-9][0-9]{0,15})(\.[0-9]{2})?", examples=["2000.00"]),
]
Slug = Annotated[
    str,
    _text(Code.NAME_INVALID, _matching(_SLUG, _SLUG_FORM)),
    _form(_SLUG, most=MAX_NAME_CHARACTERS),
]
Hash = Annotated[
    str,
    _text(Code.NAME_INVALID, _matching(_HASH, "0x and the 64 hex digits of a hash, not all zero")),
    _form(_HASH),
]
AccountName = Annotated[
    str,
    _text(Code.NAME_INVALID, _matching(_ACCOUNT, f"{_SLUG_FORM}, levels joined by '/'")),
    _form(_ACCOUNT, most=MAX_NAME_CHARACTERS),
]
FileName = Annotated[
    str,
    _text(Code.NAME_INVALID, _matching(_FILE_NAME, "the name of a .csv file without a folder")),
    _form(_FILE_NAME, most=MAX_NAME_CHARACTERS),
]
Name = Annotated[
    str,
    _text(Code.NAME_INVALID, readable),
    _form(r"\S(.*\S)?", most=MAX_NAME_CHARACTERS),
]
Day = Annotated[str, _text(Code.DATE_INVALID, values.day_seconds), _form(_DAY_FORM, examples=["2026-01-01"])]
Hours = Annotated[
    str,
    _text(Code.HOURS_INVALID, values.daily_seconds),
    _form(f"{_MINUTE_FORM}-({_MINUTE_FORM}|24:00)", examples=["09:00-17:30"]),
]
Offset = Annotated[
    str,
    _text(Code.TIMEZONE_INVALID, values.offset_seconds),
    _form(f"({_OFFSET_FORM})", examples=["+08:00"]),
]
Duration = Annotated[
    str,
    _text(Code.DURATION_INVALID, values.duration_seconds),
    _form("[1-9][0-9]{0,9}[smhd]", examples=["30d", "12h"]),
]
Window = Annotated[
    str,
    _text(Code.DURATION_INVALID, values.window_seconds),
    _form(f"({_WINDOW_FORM})", examples=["hour", "day", "week", "900s"]),
]
PayeeWindow = Annotated[
    str,
    _text(Code.DURATION_INVALID, values.payee_window_seconds),
    _form(f"({_WINDOW_FORM}|ever)", examples=["day", "week", "ever"]),
]
Percent = Annotated[
    str,
    _text(Code.PERCENT_INVALID, values.basis_points, 'put the share in quotes: "12.50%"'),
    _form(r"((0|[1-9][0-9]?)(\.[0-9]{1,2})?|100(\.0{1,2})?)%", examples=["12.50%"]),
]
Moment = Annotated[
    str,
    _text(Code.MOMENT_INVALID, values.unix_seconds),
    _form(
        f"{_DAY_FORM}T{_MINUTE_FORM}:[0-5][0-9](Z|[+-]{_MINUTE_FORM})",
        examples=["2030-01-01T10:00:00+08:00"],
    ),
]
