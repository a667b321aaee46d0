"""The bank's entries against the ledger's records, one to one, by reference and exact amount.

Equal references are counted, not merged: two entries and one record leave one entry over.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from typing import Literal, TypeAlias

from bridge.reconcile import differences
from bridge.reconcile.differences import Leg
from bridge.reconcile.finding import Finding
from bridge.reconcile.model import BankEntry, LedgerPayout, Matched, Snapshot
from bridge.reconcile.statements import StatementReading

__all__ = ["Matching", "match_records"]

_Role: TypeAlias = Literal["credits", "payouts", "write_offs", "debited_and_returned", "unknown"]
_Key: TypeAlias = tuple[_Role, str]


@dataclass(slots=True)
class Matching:
    """What agreed, what didn't, and what the ledger expects the bank to hold."""

    counts: defaultdict[_Role, int] = field(default_factory=lambda: defaultdict(int))
    findings: list[Finding] = field(default_factory=list)
    expected_minor: int = 0
    """Signed sum of everything the ledger says came or went."""

    @property
    def matched(self) -> Matched:
        """The number of pairs."""
        return Matched(
            credits=self.counts["credits"],
            payouts=self.counts["payouts"],
            write_offs=self.counts["write_offs"],
            debited_and_returned=self.counts["debited_and_returned"],
        )


def match_records(snapshot: Snapshot, reading: StatementReading) -> Matching:
    """Compare entry by entry, in both directions."""
    matcher = _Matcher(snapshot, reading)
    matcher.run()
    return matcher.result


class _Matcher:
    def __init__(self, snapshot: Snapshot, reading: StatementReading) -> None:
        self.result = Matching()
        self._snapshot = snapshot
        self._currency = snapshot.currency
        self._reading = reading
        self._legs: defaultdict[_Key, list[Leg]] = defaultdict(list)
        with_credit = {each for item in snapshot.credits for each in item.end_to_end_ids}
        self._went_back = {
            payout.end_to_end_id: payout
            for payout in snapshot.payouts
            if payout.state != "in_flight" and payout.end_to_end_id not in with_credit
        }
        self._debited = {entry.end_to_end_id for entry in snapshot.entries if entry.direction == "debit"}

    def run(self) -> None:
        for key, leg in self._ledger_legs():
            self._legs[key].append(leg)
            self.result.expected_minor += leg.signed_minor
        entries: defaultdict[_Key, list[BankEntry]] = defaultdict(list)
        for entry in sorted(self._snapshot.entries, key=lambda item: (item.booking_date, item.movement_id)):
            entries[self._key_of(entry)].append(entry)
        for key in sorted({*self._legs, *entries}):
            if key[0] == "debited_and_returned":
                self._match_went_back(self._went_back[key[1]], entries[key])
            else:
                self._match_key(key[0], entries.get(key, []), self._legs.get(key, []))

    def _ledger_legs(self) -> Iterator[tuple[_Key, Leg]]:
        for credit in self._snapshot.credits:
            yield ("credits", credit.bank_reference), Leg(credit, credit.amount_minor)
        for payout in self._snapshot.payouts:
            if payout.end_to_end_id not in self._went_back:
                yield ("payouts", payout.end_to_end_id), Leg(payout, -payout.amount_minor)
        for write_off in self._snapshot.write_offs:
            yield ("write_offs", write_off.bank_reference), Leg(write_off, -write_off.amount_minor)

    def _key_of(self, entry: BankEntry) -> _Key:
        end_to_end_id = entry.end_to_end_id or ""
        if entry.direction == "credit":
            keys: list[_Key] = [("credits", entry.bank_reference)]
        else:
            keys = [("payouts", end_to_end_id), ("write_offs", entry.bank_reference)]
        for key in keys:
            if key in self._legs:
                return key
        is_pending = entry.movement_id in self._snapshot.pending_credits
        if end_to_end_id in self._went_back and end_to_end_id in self._debited and not is_pending:
            return "debited_and_returned", end_to_end_id
        return "unknown", entry.movement_id

    def _match_key(self, role: _Role, entries: Sequence[BankEntry], legs: Sequence[Leg]) -> None:
        entries_left, legs_left = self._take_exact(role, entries, legs)
        pairs = min(len(entries_left), len(legs_left))
        for entry, leg in zip(entries_left[:pairs], legs_left[:pairs], strict=True):
            self._note_unequal(entry, leg)
        for occurrence, entry in enumerate(entries_left[pairs:], start=len(legs) + 1):
            if legs and entry.currency == self._currency:
                self.result.findings.append(differences.repeated_at_bank(entry, legs[0], occurrence))
            else:
                self._note_unknown(entry)
        for leg in legs_left[pairs:]:
            self._note_left(leg, is_repeated=bool(entries) or leg is not legs_left[0])

    def _take_exact(
        self, role: _Role, entries: Sequence[BankEntry], legs: Sequence[Leg]
    ) -> tuple[list[BankEntry], list[Leg]]:
        """Pair what agrees in amount and currency; what is left of each side."""
        entries_left: list[BankEntry] = []
        legs_left = sorted(legs, key=lambda leg: leg.subject)
        for entry in entries:
            leg = next((leg for leg in legs_left if self._agrees(entry, leg)), None)
            if leg is None:
                entries_left.append(entry)
                continue
            legs_left.remove(leg)
            self.result.counts[role] += 1
            self._check_value_date(entry, leg)
        return entries_left, legs_left

    def _agrees(self, entry: BankEntry, leg: Leg) -> bool:
        return entry.signed_minor == leg.signed_minor and entry.currency == self._currency

    def _check_value_date(self, entry: BankEntry, leg: Leg) -> None:
        ordered_for = leg.record.order_execution_date if isinstance(leg.record, LedgerPayout) else None
        if ordered_for and entry.value_date and entry.value_date < ordered_for:
            self.result.findings.append(differences.debited_too_early(entry, leg))

    def _note_unequal(self, entry: BankEntry, leg: Leg) -> None:
        if entry.currency == self._currency:
            self.result.findings.append(differences.amount_differs(entry, leg))
        else:
            self.result.findings.append(differences.currency_differs(entry, leg, self._currency))

    def _note_unknown(self, entry: BankEntry) -> None:
        is_pending = entry.direction == "credit" and entry.movement_id in self._snapshot.pending_credits
        if is_pending and entry.currency == self._currency:
            self.result.findings.append(differences.awaiting_ledger(entry))
        else:
            self.result.findings.append(differences.missing_on_ledger(entry, self._currency))

    def _note_left(self, leg: Leg, *, is_repeated: bool) -> None:
        payout = leg.record if isinstance(leg.record, LedgerPayout) else None
        if is_repeated:
            self.result.findings.append(differences.repeated_on_ledger(leg, self._currency))
        elif payout is not None and not self._is_due(payout):
            self.result.findings.append(differences.awaiting_debit(leg, payout, self._currency))
        else:
            self.result.findings.append(differences.missing_at_bank(leg, self._currency))

    def _is_due(self, payout: LedgerPayout) -> bool:
        """Whether the bank must have debited it: a final statement covers the day it was ordered for."""
        ordered_for = payout.order_execution_date
        return ordered_for is not None and self._reading.is_final(ordered_for)

    def _match_went_back(self, payout: LedgerPayout, entries: Sequence[BankEntry]) -> None:
        """A row that went back leaves the bank's balance as it was: not debited, or debited and credited."""
        credits_left = [entry for entry in entries if entry.direction == "credit"]
        for debit in entries:
            if debit.direction == "credit":
                continue
            credit = next((item for item in credits_left if _cancels(item, debit)), None)
            if credit is None:
                self.result.findings.append(differences.debited_though_returned(debit, payout))
            else:
                credits_left.remove(credit)
                self.result.counts["debited_and_returned"] += 1
        for credit in credits_left:
            self._note_unknown(credit)


def _cancels(credit: BankEntry, debit: BankEntry) -> bool:
    return credit.amount_minor == debit.amount_minor and credit.currency == debit.currency
