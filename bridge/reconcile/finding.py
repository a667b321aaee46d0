"""A difference while it is being worked out: a break and what it does to the balance equation."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date

from bridge.errors import MoneyRefused
from bridge.money import decimal_text
from bridge.reconcile.model import BankEntry, BreakKind

__all__ = ["Finding", "money", "movement"]


@dataclass(frozen=True, slots=True)
class Finding:
    """One difference."""

    kind: BreakKind
    subject: str
    amount_minor: int
    currency: str
    effect_minor: int
    """By how much it lifts the bank's balance above what the ledger says; signed."""
    message: str
    since: date | None = None
    related: tuple[str, ...] = ()
    term: str | None = None
    """Name of its term; the kind of the break when absent."""


def movement(entry: BankEntry) -> str:
    """The entry as a subject."""
    return f"movement:{entry.movement_id}"


def money(amount_minor: int, currency: str) -> str:
    """An amount for a sentence; bank data may hold what ISO 4217 doesn't."""
    try:
        text = decimal_text(abs(amount_minor), currency)
    except MoneyRefused:
        return f"{amount_minor} minor units of {currency}"
    return f"{'-' if amount_minor < 0 else ''}{text} {currency}"
