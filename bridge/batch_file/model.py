"""What a payout file says once it is accepted, and everything wrong with one that is not."""

from __future__ import annotations

import unicodedata
from dataclasses import dataclass
from typing import Final

from bridge.errors import BridgeError

__all__ = [
    "COLUMNS",
    "MAX_FAULTS",
    "MAX_FILE_BYTES",
    "MAX_ROWS",
    "BatchFile",
    "BatchFileRefused",
    "FaultList",
    "PayoutLine",
    "RowFault",
]

COLUMNS: Final = ("end_to_end_id", "payee_name", "payee_account", "amount", "currency", "purpose")

MAX_FILE_BYTES: Final = 64 * 2**20
MAX_ROWS: Final = 1_000_000
"""Below the 2^23 rows a batch may have on chain (`contracts/rows.py`)."""
MAX_FAULTS: Final = 1_000
"""How many faults are kept; the others are counted."""

_SHOWN_CHARACTERS: Final = 60
_FORMULA_STARTS: Final = ("=", "+", "-", "@")


@dataclass(frozen=True, slots=True)
class RowFault:
    """One thing to correct in a payout file."""

    row: int | None
    """As a spreadsheet numbers it: the header is row 1. None for the file as a whole."""
    column: str | None
    code: str
    message: str
    """One or two sentences; the last says what to do."""
    value: str
    """What stood there, at most 60 characters and safe to show: see `shown`."""


@dataclass(frozen=True, slots=True)
class PayoutLine:
    """One accepted row."""

    line: int
    """As a spreadsheet numbers it: the header is row 1."""
    end_to_end_id: str
    """The payer's own reference, not the id the payout will carry at the bank."""
    payee_name: str
    payee_account: str
    roster_index: int
    amount_minor: int
    purpose: str
    """At most 140 characters; may be empty."""


@dataclass(frozen=True, slots=True)
class BatchFile:
    """An accepted payout file."""

    rows: tuple[PayoutLine, ...]
    """Sorted by roster index, as the chain commits them; equal neighbours in the file's order."""
    total_minor: int
    sha256: str
    """Of the bytes as they came, hex."""


class BatchFileRefused(BridgeError):
    """`batch-file-refused`: nothing of the file was taken.

    The faults are not in `details`: they quote people's names and accounts, and details are logged.
    """

    faults: tuple[RowFault, ...]
    """The first 1,000, in the order of the file."""
    fault_count: int
    """All of them."""

    def __init__(self, faults: tuple[RowFault, ...], fault_count: int) -> None:
        noun = "fault" if fault_count == 1 else "faults"
        message = (
            f"The payout file has {fault_count} {noun} and nothing of it was taken; correct and resend it."
        )
        super().__init__("batch-file-refused", message, fault_count=fault_count)
        self.faults = faults
        self.fault_count = fault_count


class FaultList:
    """Collects faults and forgets what is beyond the limit."""

    def __init__(self) -> None:
        self._kept: list[RowFault] = []
        self.count = 0

    def add(self, row: int | None, column: str | None, code: str, message: str, value: str = "") -> None:
        """Note one fault."""
        self.count += 1
        if len(self._kept) < MAX_FAULTS:
            self._kept.append(RowFault(row, column, code, message, shown(value)))

    def refusal(self) -> BatchFileRefused:
        """All of them as one error."""
        return BatchFileRefused(tuple(self._kept), self.count)

    def raise_if_any(self) -> None:
        """Raise BatchFileRefused if a fault was noted."""
        if self.count:
            raise self.refusal()


def shown(value: str) -> str:
    """`value` bounded and safe in a terminal, a page or a spreadsheet.

    What can't be printed is escaped; what a spreadsheet would run as a formula gets an apostrophe.
    """
    cut = value if len(value) <= _SHOWN_CHARACTERS else value[: _SHOWN_CHARACTERS - 1] + "…"
    safe = "".join(map(_printable, cut))[:_SHOWN_CHARACTERS]
    return "'" + safe[: _SHOWN_CHARACTERS - 1] if safe.startswith(_FORMULA_STARTS) else safe


def _printable(character: str) -> str:
    if character == " " or unicodedata.category(character)[0] not in "CZ":
        return character
    return f"\\u{ord(character):04x}"
