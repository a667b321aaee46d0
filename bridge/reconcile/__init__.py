"""Reconciliation: bank against ledger in both directions, entry by entry and balance by balance.

Pure: a snapshot in, an outcome out; no I/O and no clock. A difference is a record, never an exception.
"""

from __future__ import annotations

from bridge.reconcile.model import (
    FINAL_REPORT,
    BalanceEquation,
    BankEntry,
    Break,
    BreakKind,
    LedgerCredit,
    LedgerPayout,
    LedgerWriteOff,
    Matched,
    Outcome,
    ReportKind,
    Resolution,
    Severity,
    SeverityLimits,
    Snapshot,
    SnapshotInvalid,
    Statement,
    Term,
)
from bridge.reconcile.run import reconcile

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
    "reconcile",
]
