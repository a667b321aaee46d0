"""What the bank's messages say, as plain frozen data.

Money is a positive integer of minor units with its ISO 4217 currency and a direction; only
balances are signed. Names follow ISO 20022 with the abbreviations written out.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date, datetime
from types import MappingProxyType
from typing import Final, Literal

__all__ = [
    "BOOKED",
    "AccountId",
    "AccountReport",
    "Balance",
    "BankMessage",
    "Direction",
    "Entry",
    "EntryDetail",
    "MessageKind",
    "PaymentReturn",
    "PaymentStatus",
    "Reason",
    "StatusReport",
]

MessageKind = Literal["camt.052", "camt.053", "camt.054", "pain.002", "pacs.004"]
Direction = Literal["credit", "debit"]

BOOKED: Final = "BOOK"
"""The only entry status that is a movement; `PDNG`, `FUTR` and `INFO` are announcements."""

DIRECTION_SIGN: Final[Mapping[Direction, int]] = MappingProxyType({"credit": 1, "debit": -1})


@dataclass(frozen=True, slots=True)
class AccountId:
    """An account as a bank names it: by IBAN or by any other number, never both."""

    iban: str | None = None
    other: str | None = None
    currency: str | None = None

    @property
    def number(self) -> str:
        """The IBAN or the other number."""
        return self.iban or self.other or ""


@dataclass(frozen=True, slots=True)
class Reason:
    """Why something was rejected or returned: a code and the bank's own words."""

    code: str | None
    text: str | None = None


@dataclass(frozen=True, slots=True)
class Balance:
    """One balance of a report."""

    type_code: str
    """ISO 20022 balance type: OPBD, PRCD, CLBD, ITBD, CLAV …, or a bank's own."""
    amount_minor: int
    """Signed: negative for an overdrawn account."""
    currency: str
    date: date | None


@dataclass(frozen=True, slots=True)
class EntryDetail:
    """One transaction inside an entry (`TxDtls`); amounts are absent where the bank gave none."""

    direction: Direction
    amount_minor: int | None = None
    currency: str | None = None
    end_to_end_id: str | None = None
    instruction_id: str | None = None
    payment_information_id: str | None = None
    message_id: str | None = None
    """Of the file that ordered the payment, where the bank names it."""
    uetr: str | None = None
    transaction_id: str | None = None
    account_servicer_reference: str | None = None
    debtor_name: str | None = None
    debtor_account: AccountId | None = None
    debtor_bic: str | None = None
    creditor_name: str | None = None
    creditor_account: AccountId | None = None
    creditor_bic: str | None = None
    remittance: str | None = None
    """The `Ustrd` lines, joined by line feeds, as the bank cut them."""
    structured_reference: str | None = None
    return_reason: Reason | None = None
    """Present when this transaction is an earlier one coming back."""
    additional_info: str | None = None

    @property
    def original_end_to_end_id(self) -> str | None:
        """Of the payment this one returns; None when it returns nothing."""
        return self.end_to_end_id if self.return_reason is not None else None


@dataclass(frozen=True, slots=True)
class Entry:
    """One line of an account report (`Ntry`)."""

    ordinal: int
    """Its place in the report, from 1."""
    amount_minor: int
    currency: str
    direction: Direction
    status: str
    reversal: bool
    booking_date: date | None
    value_date: date | None
    account_servicer_reference: str | None
    bank_transaction_code: str | None
    """`domain/family/sub-family`, or the bank's own code."""
    details: tuple[EntryDetail, ...]
    additional_info: str | None

    @property
    def signed_minor(self) -> int:
        """What the entry does to the balance."""
        return DIRECTION_SIGN[self.direction] * self.amount_minor

    @property
    def return_reason(self) -> Reason | None:
        """Why a payment came back, when the entry is one returned payment."""
        return self.details[0].return_reason if len(self.details) == 1 else None


@dataclass(frozen=True, slots=True)
class AccountReport:
    """One `Stmt`, `Rpt` or `Ntfctn`: an account, a period, balances and entries."""

    report_id: str
    sequence_number: int | None
    page_number: int | None
    last_page: bool
    """True when the bank doesn't paginate."""
    account: AccountId
    from_date: date | None
    to_date: date | None
    balances: tuple[Balance, ...]
    entries: tuple[Entry, ...]


@dataclass(frozen=True, slots=True)
class PaymentStatus:
    """The bank's answer about one payment, or about one batch when `original_end_to_end_id` is None."""

    original_end_to_end_id: str | None
    original_instruction_id: str | None
    original_payment_information_id: str | None
    status: str | None
    """ACCP, ACSC, PDNG, RJCT …; None when this level says nothing."""
    reasons: tuple[Reason, ...]
    account_servicer_reference: str | None = None

    @property
    def reason_codes(self) -> tuple[str, ...]:
        """The codes among the reasons, in the bank's order."""
        return tuple(reason.code for reason in self.reasons if reason.code)

    @property
    def additional_info(self) -> str | None:
        """The bank's words, joined by line feeds."""
        return "\n".join(reason.text for reason in self.reasons if reason.text) or None


@dataclass(frozen=True, slots=True)
class StatusReport:
    """A pain.002: the answer to one payment file, by group, batch and payment."""

    original_message_id: str
    original_message_type: str | None
    group_status: str | None
    """None when the report only adds to an earlier one."""
    group_reasons: tuple[Reason, ...]
    batches: tuple[PaymentStatus, ...]
    payments: tuple[PaymentStatus, ...]


@dataclass(frozen=True, slots=True)
class PaymentReturn:
    """One payment that came back (`TxInf` of a pacs.004)."""

    return_id: str | None
    """At some banks also the bank reference of the credit that brings the money."""
    original_message_id: str | None
    original_end_to_end_id: str | None
    original_instruction_id: str | None
    original_uetr: str | None
    amount_minor: int
    currency: str
    settlement_date: date | None
    reason: Reason | None


@dataclass(frozen=True, slots=True)
class BankMessage:
    """One file from a bank. Exactly one of `reports`, `status` and `returns` is filled."""

    kind: MessageKind
    version: str
    """The `001.08` of the namespace; empty when the file has no ISO 20022 namespace."""
    message_id: str
    created_at: datetime | None
    """Aware UTC; a time the bank gave no zone for is taken as UTC."""
    reports: tuple[AccountReport, ...] = ()
    status: StatusReport | None = None
    returns: tuple[PaymentReturn, ...] = ()
