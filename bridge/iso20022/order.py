"""What a bank is asked to pay, as plain frozen data."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, datetime

from bridge.iso20022.model import AccountId

__all__ = ["BankId", "CreditTransfer", "Party", "PaymentOrder"]


@dataclass(frozen=True, slots=True)
class BankId:
    """A bank by BIC, or by its number in a clearing system (CNAPS for China); all optional."""

    bic: str | None = None
    clearing_system: str | None = None
    clearing_member_id: str | None = None


@dataclass(frozen=True, slots=True)
class Party:
    """Who pays or is paid."""

    name: str
    account: AccountId
    bank: BankId = BankId()


@dataclass(frozen=True, slots=True)
class CreditTransfer:
    """One payment of an order."""

    end_to_end_id: str
    amount_minor: int
    creditor: Party
    instruction_id: str | None = None
    uetr: str | None = None
    """RFC 4122 version 4, lower case."""
    purpose_code: str | None = None
    """ISO 20022 external purpose code: SALA, SUPP …"""
    remittance: str | None = None
    """At most 140 characters."""


@dataclass(frozen=True, slots=True)
class PaymentOrder:
    """One payment file: one debtor account, one currency, one execution date."""

    message_id: str
    created_at: datetime
    """Aware; written in UTC to the second."""
    payment_information_id: str
    execution_date: date
    currency: str
    debtor: Party
    transfers: tuple[CreditTransfer, ...]
    initiating_party_name: str | None = None
    """The debtor's name when absent."""
