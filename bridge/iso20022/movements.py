"""From account reports to movements: one per transaction or entry, each with a stable key.

A movement keeps its key whichever message reports it: the entry's own bank reference, which a
bank repeats over its camt.054, camt.052 and camt.053.
"""

from __future__ import annotations

import hashlib
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, replace
from datetime import date
from typing import Final

from bridge.iso20022.model import (
    BOOKED,
    DIRECTION_SIGN,
    AccountId,
    AccountReport,
    Direction,
    Entry,
    EntryDetail,
)

__all__ = ["Movement", "balance_gap", "content_digest", "movements", "repeated_references"]

_OPENING: Final = ("OPBD", "PRCD")
_CLOSING: Final = ("CLBD", "ITBD")
_NO_REFERENCE: Final = frozenset({"NONREF", "NOTPROVIDED", "NOREF", "NONE"})


@dataclass(frozen=True, slots=True)
class Movement:
    """One booked or announced change of an account."""

    account: AccountId
    bank_reference: str
    """The key, unique per account: see `movements`."""
    amount_minor: int
    currency: str
    direction: Direction
    status: str
    reversal: bool
    booking_date: date | None
    value_date: date | None
    bank_transaction_code: str | None
    entry_ordinal: int
    detail: EntryDetail
    """References and parties; blank when the entry stands for several transactions. Its own amount
    may differ from the movement's (other currency, charges deducted): the movement's counts."""
    additional_info: str | None

    @property
    def is_booked(self) -> bool:
        """Only a booked movement is money; anything else is an announcement."""
        return self.status == BOOKED

    @property
    def signed_minor(self) -> int:
        """What it does to the balance."""
        return DIRECTION_SIGN[self.direction] * self.amount_minor


def movements(report: AccountReport) -> tuple[Movement, ...]:
    """One movement per transaction where the transactions explain their entry, else per entry.

    Transactions explain an entry when all have amounts in its currency that sum, signed, to its
    amount; otherwise, and for a lone transaction, the entry's own amount is taken. Never both.

    `bank_reference` is the entry's `AcctSvcrRef`. Of several transactions each takes its own
    `AcctSvcrRef` if all have one and no two are equal, else the entry's and `#k`, k from 1.
    Without any reference it is `hash:` over the content and `~n`, n counting equal ones within
    the report: two equal bookings of a day stay two as long as one report lists both.
    """
    equal_content: Counter[str] = Counter()
    found: list[Movement] = []
    for entry in report.entries:
        rows = _rows(report.account, entry)
        for movement, reference in zip(rows, _references(entry, rows), strict=True):
            if reference is None:
                digest = _fallback_digest(movement)
                equal_content[digest] += 1
                reference = f"hash:{digest}~{equal_content[digest]}"
            found.append(replace(movement, bank_reference=reference))
    return tuple(found)


def content_digest(movement: Movement) -> str:
    """SHA-256 (hex) over what must not change while the key stays the same.

    Account, amount, currency, direction, booking and value date, reversal. A known key with
    another digest is the bank contradicting itself: the caller quarantines it. The status is
    left out, so an announcement and its booking agree once the bank has dated both.
    """
    return _digest(
        movement.account.number,
        movement.amount_minor,
        movement.currency,
        movement.direction,
        movement.booking_date,
        movement.value_date,
        movement.reversal,
    )


def repeated_references(report: AccountReport) -> tuple[str, ...]:
    """The keys that one report uses more than once: the bank booked twice under one reference.

    Such rows keep the same key, so that no reference can open an amount twice; the caller raises a
    break.
    """
    counts = Counter(movement.bank_reference for movement in movements(report))
    return tuple(reference for reference, count in counts.items() if count > 1)


def balance_gap(report: AccountReport) -> int | None:
    """Opening + booked entries − closing, in minor units; 0 when they tie out.

    Positive: the entries leave more in the account than the bank's closing balance, for example
    because a debit is not listed. None when either balance is missing or their currencies differ.
    """
    opening = _first_balance(report, _OPENING)
    closing = _first_balance(report, _CLOSING)
    if opening is None or closing is None or opening[1] != closing[1]:
        return None
    booked = sum(entry.signed_minor for entry in report.entries if entry.status == BOOKED)
    return opening[0] + booked - closing[0]


def _first_balance(report: AccountReport, types: tuple[str, ...]) -> tuple[int, str] | None:
    for type_code in types:
        for balance in report.balances:
            if balance.type_code == type_code:
                return balance.amount_minor, balance.currency
    return None


def _rows(account: AccountId, entry: Entry) -> tuple[Movement, ...]:
    details = tuple(_explaining(entry))
    if len(details) > 1:
        return tuple(
            _movement(account, entry, detail, detail.amount_minor or 0, detail.direction)
            for detail in details
        )
    detail = entry.details[0] if len(entry.details) == 1 else EntryDetail(direction=entry.direction)
    return (_movement(account, entry, detail, entry.amount_minor, entry.direction),)


def _explaining(entry: Entry) -> Iterator[EntryDetail]:
    """The entry's transactions, if together they are the entry."""
    total = 0
    for detail in entry.details:
        if not detail.amount_minor or detail.currency != entry.currency:
            return
        total += DIRECTION_SIGN[detail.direction] * detail.amount_minor
    if total == entry.signed_minor:
        yield from entry.details


def _references(entry: Entry, rows: tuple[Movement, ...]) -> list[str | None]:
    own = [_reference(row.detail.account_servicer_reference) for row in rows]
    shared = _reference(entry.account_servicer_reference)
    if len(rows) == 1:
        return [shared or own[0]]
    if all(own) and len(set(own)) == len(own):
        return own
    if shared is None:
        return [None] * len(rows)
    return [f"{shared}#{ordinal}" for ordinal in range(1, len(rows) + 1)]


def _reference(text: str | None) -> str | None:
    return None if text is None or text.upper() in _NO_REFERENCE else text


def _movement(
    account: AccountId, entry: Entry, detail: EntryDetail, amount_minor: int, direction: Direction
) -> Movement:
    return Movement(
        account=account,
        bank_reference="",
        amount_minor=amount_minor,
        currency=entry.currency,
        direction=direction,
        status=entry.status,
        reversal=entry.reversal,
        booking_date=entry.booking_date,
        value_date=entry.value_date,
        bank_transaction_code=entry.bank_transaction_code,
        entry_ordinal=entry.ordinal,
        detail=detail,
        additional_info=entry.additional_info,
    )


def _fallback_digest(movement: Movement) -> str:
    detail = movement.detail
    parties = (detail.debtor_account, detail.creditor_account)
    return _digest(
        content_digest(movement),
        detail.end_to_end_id,
        detail.transaction_id,
        detail.uetr,
        detail.message_id,
        *(party.number if party else None for party in parties),
        detail.remittance,
        detail.structured_reference,
    )[:32]


def _digest(*values: object) -> str:
    """SHA-256 over length-prefixed texts, so no two lists of values can read the same."""
    texts = ("" if value is None else f"={value}" for value in values)
    return hashlib.sha256("".join(f"{len(text)}:{text}" for text in texts).encode()).hexdigest()
