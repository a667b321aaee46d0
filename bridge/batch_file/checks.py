"""What each field of a payout row must be. A field with a fault gets one fault: the first that applies."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Mapping
from typing import Final

from bridge.batch_file.model import FaultList
from bridge.errors import MoneyRefused
from bridge.money import minor_from_decimal_text, minor_unit_digits

__all__ = ["Roster", "amount_of", "check_currency", "check_end_to_end_id", "check_purpose", "check_text"]

MAX_ID_CHARACTERS: Final = 35
MAX_PURPOSE_CHARACTERS: Final = 140

_ID_CHARACTERS: Final = re.compile(r"[A-Za-z0-9/?:().,'+ -]+")
_PLAIN_DECIMAL: Final = re.compile(r"(-?)[0-9]+(?:\.([0-9]+))?")
_UNWRITABLE_CATEGORIES: Final = frozenset({"Cc", "Cf", "Cn", "Co", "Cs", "Zl", "Zp"})


class Roster:
    """Who may be paid: by name and account, to the roster index."""

    def __init__(self, payees: Mapping[tuple[str, str], int]) -> None:
        self._payees = payees
        self._names = {name for name, _ in payees}
        self._accounts = {account for _, account in payees}

    def index_of(self, row: int, name: str, account: str, faults: FaultList) -> int | None:
        """The payee's roster index, or None and a fault that never tells what the roster holds instead."""
        index = self._payees.get((name, account))
        if index is None:
            column, value, why = self._mismatch(name, account)
            message = f"{why}; correct the row, or have the payee put on the roster first."
            faults.add(row, column, "payee-unknown", message, value)
        return index

    def _mismatch(self, name: str, account: str) -> tuple[str, str, str]:
        if name in self._names:
            return "payee_account", account, "This payee is on the roster, but with another account"
        if account in self._accounts:
            return "payee_name", name, "This account is on the roster, but under another name"
        return "payee_name", name, "This payee is not on the agreement's roster"


def check_text(row: int, column: str, value: str, faults: FaultList) -> bool:
    """True when a text has no unprintable characters and no blanks around it."""
    if any(unicodedata.category(character) in _UNWRITABLE_CATEGORIES for character in value):
        message = "There are characters that can't be printed; type the text again."
        faults.add(row, column, "characters-invalid", message, value)
        return False
    if value != value.strip():
        message = "There are blanks before or after the text; remove them."
        faults.add(row, column, "blanks-around", message, value)
        return False
    return True


def check_end_to_end_id(row: int, value: str, faults: FaultList) -> bool:
    """True for 1 to 35 characters of the set banks carry unchanged (SWIFT X; `iso20022.order_checks`)."""
    if not value:
        code, why = "id-empty", "The payout has no id; give each payout its own"
    elif len(value) > MAX_ID_CHARACTERS:
        code, why = "id-too-long", f"The id has {len(value)} characters; shorten it to {MAX_ID_CHARACTERS}"
    elif not _ID_CHARACTERS.fullmatch(value) or value.startswith("/") or "//" in value:
        code = "id-characters"
        why = "Banks change characters of this id; use A-Z a-z 0-9 / - ? : ( ) . , ' +, no / first and no //"
    else:
        return True
    faults.add(row, "end_to_end_id", code, why + ".", value)
    return False


def check_purpose(row: int, value: str, faults: FaultList) -> bool:
    """True for at most 140 characters."""
    if len(value) <= MAX_PURPOSE_CHARACTERS:
        return True
    message = f"The purpose has {len(value)} characters; shorten it to {MAX_PURPOSE_CHARACTERS}."
    faults.add(row, "purpose", "purpose-too-long", message, value)
    return False


def check_currency(row: int, value: str, currency: str, faults: FaultList) -> bool:
    """True for the account's currency."""
    if value == currency:
        return True
    message = f"The account pays in {currency} only; correct the currency or take the row out."
    faults.add(row, "currency", "currency-mismatch", message, value)
    return False


def amount_of(row: int, text: str, currency: str, cap_minor: int | None, faults: FaultList) -> int | None:
    """The amount in minor units, or None when it can't be read; a fault unless it may be paid."""
    try:
        amount_minor = minor_from_decimal_text(text, currency)
    except MoneyRefused:
        code, message = _unreadable_amount(text, currency)
        faults.add(row, "amount", code, message, text)
        return None
    if amount_minor == 0:
        faults.add(row, "amount", "amount-zero", "The amount is zero; take the row out.", text)
    elif cap_minor is not None and amount_minor > cap_minor:
        message = "The amount is over the agreement's cap for one payout; lower it or have the terms changed."
        faults.add(row, "amount", "over-cap", message, text)
    return amount_minor


def _unreadable_amount(text: str, currency: str) -> tuple[str, str]:
    match = _PLAIN_DECIMAL.fullmatch(text)
    if match is None:
        return "amount-invalid", (
            "The amount is not a plain number; write digits and a point only, "
            "without sign, grouping, exponent, blanks or full-width digits."
        )
    sign, decimals = match.groups("")
    digits = minor_unit_digits(currency)
    if sign:
        return "amount-negative", "The amount is negative; payouts are positive, take the row out."
    if len(decimals) > digits:
        return (
            "amount-decimals",
            f"{currency} has {digits} decimals and the amount has {len(decimals)}; round it.",
        )
    return "amount-too-large", "The amount has more than 18 digits, which no bank takes; correct it."
