"""One constructor for each way an entry and a record can differ, with the sentence a teller reads."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TypeAlias

from bridge.reconcile.finding import Finding, money, movement
from bridge.reconcile.model import BankEntry, BreakKind, LedgerCredit, LedgerPayout, LedgerWriteOff

__all__ = [
    "Leg",
    "amount_differs",
    "awaiting_debit",
    "awaiting_ledger",
    "currency_differs",
    "debited_though_returned",
    "debited_too_early",
    "missing_at_bank",
    "missing_on_ledger",
    "repeated_at_bank",
    "repeated_on_ledger",
]

Record: TypeAlias = LedgerCredit | LedgerPayout | LedgerWriteOff


@dataclass(frozen=True, slots=True)
class Leg:
    """A ledger record by what the bank's balance must show for it."""

    record: Record
    signed_minor: int

    @property
    def subject(self) -> str:
        """The record as a subject."""
        match self.record:
            case LedgerCredit():
                return f"credit:{self.record.credit_id}"
            case LedgerPayout():
                return f"payout:{self.record.batch}:{self.record.row}"
            case LedgerWriteOff():
                return f"write-off:{self.record.write_off_id}"

    @property
    def name(self) -> str:
        """The record for a sentence."""
        match self.record:
            case LedgerCredit():
                return "lot" if self.record.kind == "mint" else "returned row"
            case LedgerPayout():
                return f"payout {self.record.end_to_end_id}"
            case LedgerWriteOff():
                return "write-off"


def amount_differs(entry: BankEntry, leg: Leg) -> Finding:
    """AMOUNT: the same reference with another amount."""
    ours = money(abs(leg.signed_minor), entry.currency)
    return _about_entry(
        "AMOUNT",
        entry,
        leg,
        f"The bank booked {_booked(entry)} and the {leg.name} on the ledger is {ours}. "
        "Ask the bank, then correct the difference.",
        amount_minor=abs(entry.signed_minor - leg.signed_minor),
    )


def currency_differs(entry: BankEntry, leg: Leg | None, currency: str) -> Finding:
    """CURRENCY: an entry in a currency that is not the account's."""
    return _about_entry(
        "CURRENCY",
        entry,
        leg,
        f"The bank booked {_booked(entry)} on an account in {currency}. Ask the bank to correct the entry.",
    )


def debited_too_early(entry: BankEntry, leg: Leg) -> Finding:
    """VALUE_DATE: a debit that counts for interest from before the day it was ordered for."""
    return _about_entry(
        "VALUE_DATE",
        entry,
        leg,
        f"The bank booked {_booked(entry)} with value date {entry.value_date}, before the day the {leg.name} "
        "was ordered for. Ask the bank to correct the value date.",
        effect_minor=0,
    )


def repeated_at_bank(entry: BankEntry, leg: Leg, occurrence: int) -> Finding:
    """DUPLICATE_BANK: the reference of a record, booked once more; `occurrence` is 2 for the second."""
    return Finding(
        kind="DUPLICATE_BANK",
        subject=f"{leg.subject}#{occurrence}",
        amount_minor=entry.amount_minor,
        currency=entry.currency,
        effect_minor=entry.signed_minor,
        since=entry.booking_date,
        related=(movement(entry), leg.subject),
        message=f"The bank booked the {leg.name} again: {_booked(entry)}. Ask the bank to reverse it.",
    )


def missing_on_ledger(entry: BankEntry, currency: str) -> Finding:
    """MISSING_ON_LEDGER, or CURRENCY where the ledger could not take it."""
    if entry.currency != currency:
        return currency_differs(entry, None, currency)
    if entry.direction == "credit":
        what = "nothing on the ledger stands for it. Find out what it is, then mint it or record the return."
    else:
        what = "no payout or write-off stands for it. Ask the bank; a charge is written off by the quorum."
    return _about_entry("MISSING_ON_LEDGER", entry, None, f"The bank booked {_booked(entry)} and {what}")


def awaiting_ledger(entry: BankEntry) -> Finding:
    """IN_TRANSIT: a credit captured, its mint not on chain yet."""
    return Finding(
        kind="IN_TRANSIT",
        subject=movement(entry),
        amount_minor=entry.amount_minor,
        currency=entry.currency,
        effect_minor=entry.signed_minor,
        since=entry.booking_date,
        message=f"The bank booked {_booked(entry)} and the ledger is about to take it in. Nothing to do yet.",
        term="captured-not-yet-minted",
    )


def debited_though_returned(entry: BankEntry, payout: LedgerPayout) -> Finding:
    """RETURNED: a row that went back, debited all the same and not credited again."""
    back = "skipped" if payout.state == "skipped" else "given back on the ledger"
    return _about_entry(
        "RETURNED",
        entry,
        Leg(payout, 0),
        f"The bank booked {_booked(entry)} for the payout {payout.end_to_end_id}, which was {back}. "
        "Ask the bank to return the money; if it stays away, record the shortfall.",
    )


def awaiting_debit(leg: Leg, payout: LedgerPayout, currency: str) -> Finding:
    """IN_TRANSIT: a payout executed, its debit still to come."""
    amount = money(payout.amount_minor, currency)
    when = f"ordered for {payout.order_execution_date}" if payout.order_message_id else "not ordered yet"
    message = f"The {leg.name} of {amount} is {when} and no final statement covers it. Nothing to do yet."
    return _about_leg("IN_TRANSIT", leg, currency, message, term="executed-not-yet-debited")


def missing_at_bank(leg: Leg, currency: str) -> Finding:
    """MISSING_AT_BANK: a record the bank has no entry for, though it should by now."""
    amount = money(abs(leg.signed_minor), currency)
    if isinstance(leg.record, LedgerPayout):
        what = "a final statement covers its day without the debit. Ask the bank what became of the order."
    else:
        what = "the bank has no such entry. Stop releases and find out who recorded it on what evidence."
    return _about_leg("MISSING_AT_BANK", leg, currency, f"The ledger has a {leg.name} of {amount} and {what}")


def repeated_on_ledger(leg: Leg, currency: str) -> Finding:
    """DUPLICATE_LEDGER: a record whose reference another record used up."""
    amount = money(abs(leg.signed_minor), currency)
    message = (
        f"The ledger has a second {leg.name} of {amount} for one reference at the bank. "
        "Stop releases and find out how it was recorded twice."
    )
    return _about_leg("DUPLICATE_LEDGER", leg, currency, message)


def _booked(entry: BankEntry) -> str:
    amount = money(entry.amount_minor, entry.currency)
    return f"a {entry.direction} of {amount} on {entry.booking_date} ({entry.bank_reference})"


def _about_entry(
    kind: BreakKind,
    entry: BankEntry,
    leg: Leg | None,
    message: str,
    *,
    amount_minor: int | None = None,
    effect_minor: int | None = None,
) -> Finding:
    difference = entry.signed_minor - (leg.signed_minor if leg else 0)
    return Finding(
        kind=kind,
        subject=movement(entry),
        amount_minor=entry.amount_minor if amount_minor is None else amount_minor,
        currency=entry.currency,
        effect_minor=difference if effect_minor is None else effect_minor,
        since=entry.booking_date,
        related=(leg.subject,) if leg else (),
        message=message,
    )


def _about_leg(kind: BreakKind, leg: Leg, currency: str, message: str, term: str | None = None) -> Finding:
    since = leg.record.order_execution_date if isinstance(leg.record, LedgerPayout) else None
    return Finding(
        kind=kind,
        subject=leg.subject,
        amount_minor=abs(leg.signed_minor),
        currency=currency,
        effect_minor=-leg.signed_minor,
        since=since,
        message=message,
        term=term,
    )
