"""What is compared, and what comparing says. One supervised account at a time.

All amounts are minor units of the account's currency unless an entry names another; amounts of records
are positive, balances and terms are signed.

    BridgeError
    └── SnapshotInvalid   `snapshot-invalid`: the records contradict each other before anything is compared
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import date
from typing import Final, Literal

from bridge.errors import BridgeError
from bridge.iso20022 import Direction

__all__ = [
    "FINAL_REPORT",
    "BalanceEquation",
    "BankEntry",
    "Break",
    "BreakKind",
    "LedgerCredit",
    "LedgerPayout",
    "LedgerWriteOff",
    "Matched",
    "Outcome",
    "ReportKind",
    "Resolution",
    "Severity",
    "SeverityLimits",
    "Snapshot",
    "SnapshotInvalid",
    "Statement",
    "Term",
]

FINAL_REPORT: Final = "camt.053"
"""The kind of message that is final: an end-of-day statement."""

ReportKind = Literal["camt.052", "camt.053", "camt.054"]
Severity = Literal["low", "medium", "high"]
BreakKind = Literal[
    "IN_TRANSIT",
    "MISSING_ON_LEDGER",
    "MISSING_AT_BANK",
    "AMOUNT",
    "CURRENCY",
    "DUPLICATE_BANK",
    "DUPLICATE_LEDGER",
    "VALUE_DATE",
    "RETURNED",
    "STATEMENT_GAP",
    "BALANCE",
]


class SnapshotInvalid(BridgeError):
    """`snapshot-invalid`: a fault of whoever gathered the snapshot; nothing was compared."""


@dataclass(frozen=True, slots=True)
class BankEntry:
    """One booked movement of the account, once whatever messages named it."""

    movement_id: str
    bank_reference: str
    """In the same form as the ledger's: the key the mint was made under."""
    direction: Direction
    amount_minor: int
    currency: str
    booking_date: date
    value_date: date | None
    end_to_end_id: str | None
    seen_in: frozenset[ReportKind]
    statement_id: str | None
    """The final statement that lists it; None while none does."""

    @property
    def signed_minor(self) -> int:
        """What it does to the bank's balance."""
        return self.amount_minor if self.direction == "credit" else -self.amount_minor


@dataclass(frozen=True, slots=True)
class Statement:
    """One final statement (camt.053), its pages taken together."""

    id: str
    account: str
    sequence_number: int | None
    from_date: date
    to_date: date
    opening_minor: int
    closing_minor: int
    entry_sum_minor: int
    """Signed sum of the entries the file lists."""
    currency: str


@dataclass(frozen=True, slots=True)
class LedgerCredit:
    """Money that came onto the ledger for a credit at the bank: a lot, or rows that came back."""

    credit_id: str
    bank_reference: str
    amount_minor: int
    block: int
    kind: Literal["mint", "return"]
    end_to_end_ids: tuple[str, ...] = ()
    """For a return: payouts whose rows came back. One that is in none counts as never debited."""


@dataclass(frozen=True, slots=True)
class LedgerPayout:
    """One row of a batch that was executed."""

    batch: str
    row: int
    end_to_end_id: str
    amount_minor: int
    state: Literal["in_flight", "returned", "returned_late", "skipped"]
    """`in_flight` also once settled: the money left the ledger for good."""
    executed_block: int
    order_message_id: str | None
    order_execution_date: date | None
    """The business day the bank was asked to debit on; None until ordered."""


@dataclass(frozen=True, slots=True)
class LedgerWriteOff:
    """Money the bank took off the account, as the ledger recorded it: a charge, or a credit it reversed."""

    write_off_id: str
    bank_reference: str
    amount_minor: int
    block: int


@dataclass(frozen=True, slots=True)
class Resolution:
    """That two people explained a break; it holds for the amount they saw."""

    resolution_id: str
    amount_minor: int


@dataclass(frozen=True, slots=True)
class SeverityLimits:
    """From which amount or age on a break is medium or high."""

    medium_amount_minor: int = 100_000
    high_amount_minor: int = 10_000_000
    medium_age_days: int = 2
    high_age_days: int = 5


@dataclass(frozen=True, slots=True)
class Snapshot:
    """Everything known of one account at (block, statement cut). The cut is the last statement."""

    account: str
    currency: str
    block: int
    bank_opening_minor: int
    """The bank's balance before supervision began, which is not on the ledger."""
    chain_balance_minor: int
    """All money in the tree at the block: lots in suspense, accounts, unexecuted parts of batches, and what
    returns may still draw; less what the bank took back and nothing made good."""
    entries: tuple[BankEntry, ...] = ()
    statements: tuple[Statement, ...] = ()
    credits: tuple[LedgerCredit, ...] = ()
    payouts: tuple[LedgerPayout, ...] = ()
    write_offs: tuple[LedgerWriteOff, ...] = ()
    pending_credits: frozenset[str] = frozenset()
    """Movement ids of credits captured whose mint or return is not on chain yet."""
    confirmed: Mapping[str, Resolution] = field(default_factory=dict)
    """By the fingerprint of the break."""
    severity_limits: SeverityLimits = SeverityLimits()


@dataclass(frozen=True, slots=True)
class Break:
    """One difference."""

    kind: BreakKind
    fingerprint: str
    """The same in every run: a hash of account, kind and subject."""
    subject: str
    """`movement:…`, `credit:…`, `payout:batch:row`, `write-off:…`, `statement:…` or `account:…`."""
    related: tuple[str, ...]
    """Other records it is about, named like the subject."""
    amount_minor: int
    """What is at stake, never negative."""
    currency: str
    since: date | None
    """The bank's date it goes back to, where there is one."""
    severity: Severity
    message: str
    """What differs; the last sentence says what to do."""


@dataclass(frozen=True, slots=True)
class Term:
    """One summand of the balance equation."""

    name: str
    """`opening-balance`, `chain-balance`, `executed-not-yet-debited`, `captured-not-yet-minted`,
    `booked-after-cut`, `left-out-of-statement`, or the kind of a break: `missing-on-ledger` …"""
    id: str
    """Named like the subject of a break; `block:…` for the chain."""
    amount_minor: int
    fingerprint: str | None = None
    """Of the break or the item in transit that causes it."""


@dataclass(frozen=True, slots=True)
class BalanceEquation:
    """`bank_minor = Σ terms + difference_minor`."""

    bank_minor: int
    """The closing balance at the cut; the opening balance before there is a statement."""
    terms: tuple[Term, ...]
    difference_minor: int
    """What no term explains. Not zero only together with a BALANCE break on the account."""


@dataclass(frozen=True, slots=True)
class Matched:
    """How many pairs agreed."""

    credits: int = 0
    payouts: int = 0
    write_offs: int = 0
    debited_and_returned: int = 0
    """Rows that went back before the bank debited them and gave the money back itself."""


@dataclass(frozen=True, slots=True)
class Outcome:
    """What one run found."""

    matched: Matched
    in_transit: tuple[Break, ...]
    """Expected and not yet there, each of kind IN_TRANSIT."""
    breaks: tuple[Break, ...]
    """Open ones."""
    explained: tuple[Break, ...]
    """Still there, and confirmed by a resolution for the same amount."""
    equation: BalanceEquation
