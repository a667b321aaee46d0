"""Reading single fields: text, numbers, dates, amounts, accounts, by local name."""

from __future__ import annotations

import re
from datetime import UTC, date, datetime
from typing import TYPE_CHECKING, Final

from bridge.errors import MessageRefused, MoneyRefused
from bridge.iso20022.model import AccountId, Direction, Reason
from bridge.iso20022.reader import local_name
from bridge.money import minor_from_decimal_text

if TYPE_CHECKING:
    from lxml.etree import _Element as Element

    Source = Element | dict[str, Element] | None

__all__ = [
    "account_at",
    "amount_at",
    "bic_at",
    "boolean_at",
    "child",
    "children",
    "code_or_proprietary",
    "date_at",
    "datetime_at",
    "direction_at",
    "invalid",
    "missing",
    "named",
    "party_name_at",
    "positive_amount_at",
    "reasons_at",
    "required_text",
    "text_at",
]

MAX_TEXT_LENGTH: Final = 4096
"""Longest field kept; ISO 20022's longest text is 2,048 characters."""


class _AnyNamespace(dict[str, str]):
    """Local name → lxml's wildcard for it, so that the comparison runs inside lxml."""

    def __missing__(self, name: str) -> str:
        self[name] = wildcard = f"{{*}}{name}"
        return wildcard


_ANY_NAMESPACE: Final = _AnyNamespace()

_DIRECTIONS: Final[dict[str, Direction]] = {"CRDT": "credit", "DBIT": "debit"}
_DATE: Final = re.compile(r"[0-9]{4}-[0-9]{2}-[0-9]{2}")


def named(element: Element | None) -> dict[str, Element]:
    """The direct children by local name, the first of each: cheaper for an element read whole."""
    found: dict[str, Element] = {}
    if element is not None:
        for below in element:
            found.setdefault(local_name(below), below)
    return found


def children(element: Element | None, name: str) -> list[Element]:
    """The direct children with this local name."""
    return [] if element is None else list(element.iterchildren(_ANY_NAMESPACE[name]))


def child(source: Source, *path: str) -> Element | None:
    """The first element down `path`, or None; `source` is an element or its children by name."""
    found: Source = source
    for name in path:
        if isinstance(found, dict):
            found = found.get(name)
        elif found is None:
            return None
        else:
            found = next(found.iterchildren(_ANY_NAMESPACE[name]), None)
    return None if isinstance(found, dict) else found


def text_at(source: Source, *path: str) -> str | None:
    """The text down `path` without surrounding space; None when absent or empty.

    Raises MessageRefused `field-invalid` past MAX_TEXT_LENGTH.
    """
    found = child(source, *path)
    if found is None or found.text is None:
        return None
    text = found.text.strip()
    if len(text) > MAX_TEXT_LENGTH:
        raise invalid(found, None, f"text of at most {MAX_TEXT_LENGTH} characters")
    return text or None


def required_text(element: Element, *path: str) -> str:
    """As `text_at`. Raises MessageRefused `field-missing`."""
    text = text_at(element, *path)
    if text is None:
        raise missing(element, *path)
    return text


def boolean_at(source: Source, name: str) -> bool:
    """xs:boolean; False when absent."""
    found = child(source, name)
    text = text_at(found)
    if found is not None and text not in ("true", "false", "1", "0"):
        raise invalid(found, text, "true or false")
    return text in ("true", "1")


def code_or_proprietary(source: Source, *path: str) -> str | None:
    """A choice of `Cd` and `Prtry` down `path`; the plain text that versions before 08 have."""
    found = child(source, *path)
    if found is None:
        return None
    return text_at(found, "Cd") or text_at(found, "Prtry") or text_at(found)


def date_at(source: Source, name: str) -> date | None:
    """A date, or a choice of `Dt` and `DtTm`, whose day is the bank's own; None when absent."""
    found = child(source, name)
    if found is None:
        return None
    text = text_at(found, "Dt") or text_at(found, "DtTm") or text_at(found) or ""
    if _DATE.match(text) is None:
        raise invalid(found, text, "a date")
    try:
        return date.fromisoformat(text[:10])
    except ValueError as exc:
        raise invalid(found, text, "a date") from exc


def datetime_at(source: Source, *path: str) -> datetime | None:
    """A moment in UTC; one without a zone is taken as UTC; None when absent."""
    found = child(source, *path)
    text = text_at(found)
    if found is None or text is None:
        return None
    try:
        moment = datetime.fromisoformat(text)
        return moment.astimezone(UTC) if moment.tzinfo else moment.replace(tzinfo=UTC)
    except (ValueError, OverflowError) as exc:
        raise invalid(found, text, "a date and time") from exc


def direction_at(source: Source) -> Direction | None:
    """`CdtDbtInd` as a direction; None when absent."""
    found = child(source, "CdtDbtInd")
    if found is None:
        return None
    direction = _DIRECTIONS.get(found.text or "")
    if direction is None:
        raise invalid(found, found.text, "CRDT or DBIT")
    return direction


def amount_at(source: Source, *path: str) -> tuple[int, str] | None:
    """(minor units, currency) of an amount element; None when absent.

    Raises MessageRefused `amount-invalid`, `currency-unknown` or `field-missing` (no `Ccy`).
    """
    found = child(source, *path)
    if found is None:
        return None
    currency = found.get("Ccy")
    if currency is None:
        raise missing(found, "@Ccy")
    try:
        return minor_from_decimal_text(text_at(found) or "", currency), currency
    except MoneyRefused as exc:
        where = local_path(found)
        raise MessageRefused(exc.code, f"at {where}: {exc.message}", **exc.details, at=where) from exc


def positive_amount_at(element: Element, name: str) -> tuple[int, str]:
    """As `amount_at`; refuses an absent or zero amount too."""
    amount = amount_at(element, name)
    if amount is None:
        raise missing(element, name)
    if amount[0] == 0:
        where = f"{local_path(element)}/{name}"
        raise MessageRefused(
            "amount-invalid", f"the amount at {where} is zero; ask the sender to correct it.", at=where
        )
    return amount


def account_at(source: Source, name: str) -> AccountId | None:
    """An account by IBAN or other number, with its currency where given; None when unnamed."""
    found = child(source, name)
    if found is None:
        return None
    iban = text_at(found, "Id", "IBAN")
    other = None if iban else text_at(found, "Id", "Othr", "Id")
    if iban is None and other is None:
        return None
    return AccountId(iban=iban, other=other, currency=text_at(found, "Ccy"))


def party_name_at(source: Source, name: str) -> str | None:
    """A party's name: `Pty/Nm` since version 08, `Nm` before, or its bank's."""
    found = child(source, name)
    return text_at(found, "Pty", "Nm") or text_at(found, "Nm") or text_at(found, "Agt", "FinInstnId", "Nm")


def bic_at(source: Source, name: str) -> str | None:
    """An agent's BIC: `BICFI` since version 03, `BIC` before."""
    found = child(source, name, "FinInstnId")
    if found is None:
        return None
    return text_at(found, "BICFI") or text_at(found, "BIC")


def reasons_at(element: Element, name: str) -> tuple[Reason, ...]:
    """Every reason under `name` (`StsRsnInf`, `RtrInf`, `RtrRsnInf`), in order."""
    return tuple(
        Reason(
            code=code_or_proprietary(found, "Rsn"),
            text="\n".join(filter(None, map(text_at, children(found, "AddtlInf")))) or None,
        )
        for found in children(element, name)
    )


def local_path(element: Element) -> str:
    """Where `element` is, by local names."""
    names = [local_name(element), *(local_name(above) for above in element.iterancestors())]
    return "/".join(reversed(names))


def missing(element: Element, *path: str) -> MessageRefused:
    """A `field-missing` refusal naming the place."""
    where = "/".join((local_path(element), *path))
    return MessageRefused(
        "field-missing", f"{where} is missing; ask the sender for a complete message.", at=where
    )


def invalid(element: Element, text: str | None, expected: str) -> MessageRefused:
    """A `field-invalid` refusal naming the place and what belongs there."""
    where = local_path(element)
    shown = (text or "")[:40]
    return MessageRefused(
        "field-invalid",
        f"{where} is {shown!r} where {expected} belongs; ask the sender to correct it.",
        at=where,
        text=shown,
    )
