"""What a payment order must be before it is written.

Lengths and patterns are those of pain.001.001.09; ids keep to the character set that every bank
carries unchanged (SWIFT X, as the payment market practice group asks of references).
"""

from __future__ import annotations

import re
import unicodedata
from typing import Final

from bridge.errors import MoneyRefused, OrderRefused
from bridge.iso20022.model import AccountId
from bridge.iso20022.order import BankId, CreditTransfer, Party, PaymentOrder
from bridge.money import decimal_text

__all__ = ["MAX_TRANSFERS", "amount_refused", "iban_is_valid", "validate_order"]

MAX_TRANSFERS: Final = 100_000

_ID_CHARACTERS: Final = re.compile(r"[A-Za-z0-9/?:().,'+ -]+")
_IBAN: Final = re.compile(r"[A-Z]{2}[0-9]{2}[A-Z0-9]{1,30}")
_BIC: Final = re.compile(r"[A-Z0-9]{4}[A-Z]{2}[A-Z0-9]{2}([A-Z0-9]{3})?")
_CLEARING_SYSTEM: Final = re.compile(r"[A-Z0-9]{1,5}")
_UETR: Final = re.compile(r"[a-f0-9]{8}-[a-f0-9]{4}-4[a-f0-9]{3}-[89ab][a-f0-9]{3}-[a-f0-9]{12}")
_PURPOSE: Final = re.compile(r"[A-Z0-9]{1,4}")
_UNWRITABLE_CATEGORIES: Final = frozenset({"Cc", "Cf", "Cn", "Co", "Cs", "Zl", "Zp"})


def validate_order(order: PaymentOrder) -> None:
    """Raise OrderRefused unless every field fits pain.001.001.09 and our own rules."""
    if not order.transfers:
        raise OrderRefused("order-empty", "the order pays nobody; send none.")
    if len(order.transfers) > MAX_TRANSFERS:
        raise OrderRefused(
            "order-too-large",
            f"the order has {len(order.transfers)} payments and a file takes {MAX_TRANSFERS}; split it.",
        )
    if order.created_at.tzinfo is None:
        raise _invalid("created_at", "a time with its zone")
    _check_id("message_id", order.message_id)
    _check_id("payment_information_id", order.payment_information_id)
    if order.initiating_party_name is not None:
        _check_text("initiating_party_name", order.initiating_party_name, 140)
    _check_party("debtor", order.debtor)
    seen: set[str] = set()
    for index, transfer in enumerate(order.transfers):
        _check_transfer(f"transfers[{index}]", transfer, order.currency, seen)


def iban_is_valid(iban: str) -> bool:
    """Form and check digits of ISO 13616 (ISO 7064 mod 97-10); no national lengths."""
    if _IBAN.fullmatch(iban) is None:
        return False
    return int("".join(str(int(character, 36)) for character in iban[4:] + iban[:4])) % 97 == 1


def amount_refused(exc: MoneyRefused, at: str = "total") -> OrderRefused:
    """A money refusal as one about the order."""
    code = "order-amount-invalid" if exc.code == "amount-invalid" else exc.code
    return OrderRefused(code, f"{at}: {exc.message}", **exc.details, at=at)


def _check_transfer(at: str, transfer: CreditTransfer, currency: str, seen: set[str]) -> None:
    _check_id(f"{at}.end_to_end_id", transfer.end_to_end_id)
    if transfer.end_to_end_id in seen:
        raise OrderRefused(
            "order-reference-repeated",
            f"{at}.end_to_end_id {transfer.end_to_end_id!r} is another payment's; give each its own.",
            at=at,
        )
    seen.add(transfer.end_to_end_id)
    try:
        decimal_text(transfer.amount_minor, currency)
    except MoneyRefused as exc:
        raise amount_refused(exc, f"{at}.amount_minor") from exc
    if transfer.amount_minor == 0:
        raise OrderRefused(
            "order-amount-invalid", f"{at}.amount_minor is zero; leave the payment out.", at=at
        )
    if transfer.instruction_id is not None:
        _check_id(f"{at}.instruction_id", transfer.instruction_id)
    _check_pattern(f"{at}.uetr", transfer.uetr, _UETR, "a lower-case version 4 UUID")
    _check_pattern(f"{at}.purpose_code", transfer.purpose_code, _PURPOSE, "1 to 4 letters and digits")
    if transfer.remittance is not None:
        _check_text(f"{at}.remittance", transfer.remittance, 140)
    _check_party(f"{at}.creditor", transfer.creditor)


def _check_party(at: str, party: Party) -> None:
    _check_text(f"{at}.name", party.name, 140)
    _check_account(f"{at}.account", party.account)
    _check_bank(f"{at}.bank", party.bank)


def _check_account(at: str, account: AccountId) -> None:
    if (account.iban is None) == (account.other is None):
        raise _invalid(at, "an IBAN or another number, not both")
    if account.other is not None:
        _check_text(f"{at}.other", account.other, 34)
    elif account.iban is not None and not iban_is_valid(account.iban):
        raise _invalid(f"{at}.iban", "an IBAN with right check digits and no spaces")


def _check_bank(at: str, bank: BankId) -> None:
    _check_pattern(f"{at}.bic", bank.bic, _BIC, "a BIC of 8 or 11 characters")
    _check_pattern(f"{at}.clearing_system", bank.clearing_system, _CLEARING_SYSTEM, "an external code")
    if bank.clearing_member_id is not None:
        _check_text(f"{at}.clearing_member_id", bank.clearing_member_id, 35)
    elif bank.clearing_system is not None:
        raise _invalid(f"{at}.clearing_member_id", "the bank's number in the clearing system named")


def _check_id(at: str, text: str) -> None:
    _check_text(at, text, 35)
    if _ID_CHARACTERS.fullmatch(text) is None or text.startswith("/") or "//" in text:
        raise OrderRefused(
            "order-field-characters",
            f"{at} {text!r} has characters that banks change; use A-Z a-z 0-9 and / - ? : ( ) . , ' +, "
            "not starting with / nor having //.",
            at=at,
        )


def _check_text(at: str, text: str, longest: int) -> None:
    if not 1 <= len(text) <= longest:
        raise OrderRefused(
            "order-field-length",
            f"{at} has {len(text)} characters where 1 to {longest} fit; shorten it where it is kept.",
            at=at,
        )
    if text != text.strip() or any(unicodedata.category(c) in _UNWRITABLE_CATEGORIES for c in text):
        raise OrderRefused(
            "order-field-characters",
            f"{at} has spaces around it or characters that can't be printed; remove them where it is kept.",
            at=at,
        )


def _check_pattern(at: str, text: str | None, pattern: re.Pattern[str], expected: str) -> None:
    if text is not None and pattern.fullmatch(text) is None:
        raise _invalid(at, expected)


def _invalid(at: str, expected: str) -> OrderRefused:
    """Never shows the value: it may be somebody's account number, and errors are logged."""
    return OrderRefused(
        "order-field-invalid", f"{at} must be {expected}; correct it where it is kept.", at=at
    )
