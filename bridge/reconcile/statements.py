"""The bank against itself: do its statements follow one another, and which entries do they count?

An entry outside every statement may still be in a closing balance: the statement left it out, or the
statement that lists it was never received. The balances tell which.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field, replace
from datetime import date, timedelta
from itertools import combinations
from typing import Final

from bridge.reconcile.finding import Finding, money, movement
from bridge.reconcile.model import BankEntry, Snapshot, Statement

__all__ = ["StatementReading", "read_statements"]

_MAX_SEARCHED: Final = 12
"""Among how many entries a sum is searched for in full (4,096 sets); beyond, only all and single ones."""
_DAY: Final = timedelta(days=1)


@dataclass(slots=True)
class StatementReading:
    """What the statements say together."""

    closing_minor: int
    cut_date: date | None
    """The last day covered; None before there is a statement."""
    counted: set[str] = field(default_factory=set)
    """Ids of the movements inside the closing balance."""
    left_out: list[BankEntry] = field(default_factory=list)
    """Entries that a received statement should list and doesn't."""
    gaps: list[tuple[date, date]] = field(default_factory=list)
    """First and last day that a missing statement covers."""
    findings: list[Finding] = field(default_factory=list)
    other_currency: list[tuple[BankEntry, int]] = field(default_factory=list)
    """Entries in another currency, and what their statement booked beyond their face value."""

    def is_final(self, day: date) -> bool:
        """Whether what the bank did on `day` is known for good."""
        in_gap = any(first <= day <= last for first, last in self.gaps)
        return self.cut_date is not None and day <= self.cut_date and not in_gap


@dataclass(slots=True)
class _Link:
    """One statement after the one before it."""

    statement: Statement
    previous: Statement | None
    jump_minor: int
    """Opening balance minus the closing balance before it."""
    inner_minor: int
    """Closing minus opening balance minus the entries listed."""
    is_gap: bool
    other_currency: BankEntry | None


@dataclass(frozen=True, slots=True)
class _Remainder:
    """A part of a balance that no entry explains."""

    place: int
    """2·i before statement i, 2·i + 1 within it."""
    link: _Link
    amount_minor: int
    effect_minor: int


def read_statements(snapshot: Snapshot) -> StatementReading:
    """Follow the balances from before supervision to the cut."""
    links = _links(snapshot)
    if not links:
        return StatementReading(snapshot.bank_opening_minor, None)
    last = links[-1].statement
    reading = StatementReading(last.closing_minor, last.to_date)
    reading.counted.update(entry.movement_id for entry in snapshot.entries if entry.statement_id)
    loose = sorted(
        (
            entry
            for entry in snapshot.entries
            if not entry.statement_id and entry.booking_date <= last.to_date
        ),
        key=lambda entry: (entry.booking_date, entry.movement_id),
    )
    for link in links:
        _explain_jump(link, loose, reading)
    for number, link in enumerate(links):
        _explain_inside(link, links[number + 1] if number + 1 < len(links) else None, loose, reading)
    _note_remainders(links, snapshot.currency, reading)
    for entry in loose:
        if entry.movement_id not in reading.counted:
            _note_left_out(entry, _covering(links, entry), reading)
    return reading


def _links(snapshot: Snapshot) -> list[_Link]:
    ordered = sorted(
        snapshot.statements,
        key=lambda item: (item.to_date, item.from_date, item.sequence_number or 0, item.id),
    )
    listed: dict[str, list[BankEntry]] = {statement.id: [] for statement in ordered}
    for entry in snapshot.entries:
        if entry.statement_id:
            listed[entry.statement_id].append(entry)
    links: list[_Link] = []
    for statement in ordered:
        previous = links[-1].statement if links else None
        jump = statement.opening_minor - (previous.closing_minor if previous else snapshot.bank_opening_minor)
        entries = listed[statement.id]
        inner = statement.closing_minor - statement.opening_minor - _sum(entries)
        foreign = next((entry for entry in entries if entry.currency != snapshot.currency), None)
        is_gap = previous is not None and _is_gap(previous, statement, jump)
        links.append(_Link(statement, previous, jump, inner, is_gap, foreign))
    return links


def _is_gap(previous: Statement, statement: Statement, jump_minor: int) -> bool:
    """Whether a statement between the two is missing: by number, else by a jump over days."""
    before, number = previous.sequence_number, statement.sequence_number
    if before is not None and number is not None:
        if number == 1 and statement.to_date.year > previous.to_date.year:
            return jump_minor != 0
        return number != before + 1
    return jump_minor != 0 and statement.from_date > previous.to_date + _DAY


def _explain_jump(link: _Link, loose: Sequence[BankEntry], reading: StatementReading) -> None:
    """Count the entries booked where there is no statement: before the first, or where one is missing."""
    opens = link.statement.from_date
    if link.previous is None:
        _count([entry for entry in loose if entry.booking_date < opens], link, reading)
        return
    if not link.is_gap:
        return
    closed = link.previous.to_date
    days_between = opens - closed > _DAY
    reading.gaps.append((closed + _DAY, opens - _DAY) if days_between else (min(closed, opens), opens))
    inside = [entry for entry in loose if closed < entry.booking_date < opens]
    edges = [entry for entry in loose if entry.booking_date in (closed, opens)]
    found = _adding_up_to(edges, link.jump_minor - _sum(inside)) or ()
    _count([*inside, *found], link, reading)


def _count(entries: Sequence[BankEntry], link: _Link, reading: StatementReading) -> None:
    reading.counted.update(entry.movement_id for entry in entries)
    link.jump_minor -= _sum(entries)


def _explain_inside(
    link: _Link, following: _Link | None, loose: Sequence[BankEntry], reading: StatementReading
) -> None:
    """Find the entries a statement counts in its balance and doesn't list.

    A misprinted opening or closing balance shows as a jump beside it, so that is allowed for.
    """
    candidates = [
        entry
        for entry in loose
        if _first_day(link) <= entry.booking_date <= link.statement.to_date
        and entry.movement_id not in reading.counted
    ]
    misprints = [0]
    misprints += [other.jump_minor for other in (link, following) if other and not other.is_gap]
    for misprint in misprints:
        found = _adding_up_to(candidates, link.inner_minor + misprint)
        if found is not None:
            break
    else:
        return
    for entry in found:
        reading.counted.add(entry.movement_id)
        _note_left_out(entry, link.statement, reading)
    link.inner_minor -= _sum(found)


def _first_day(link: _Link) -> date:
    """From when on a statement answers for a booking: days nobody else covers belong to the next one."""
    if link.previous is None or link.is_gap:
        return link.statement.from_date
    return min(link.statement.from_date, link.previous.to_date + _DAY)


def _covering(links: Sequence[_Link], entry: BankEntry) -> Statement:
    return next(link.statement for link in links if entry.booking_date <= link.statement.to_date)


def _adding_up_to(entries: Sequence[BankEntry], target_minor: int) -> tuple[BankEntry, ...] | None:
    """The entries that make up an amount: all of them if they do, else the fewest; None if none do."""
    if target_minor == 0:
        return ()
    if _sum(entries) == target_minor:
        return tuple(entries)
    most = len(entries) if len(entries) <= _MAX_SEARCHED else 1
    for size in range(1, most + 1):
        for some in combinations(entries, size):
            if _sum(some) == target_minor:
                return some
    return None


def _sum(entries: Iterable[BankEntry]) -> int:
    return sum(entry.signed_minor for entry in entries)


def _note_left_out(entry: BankEntry, statement: Statement, reading: StatementReading) -> None:
    reading.left_out.append(entry)
    reading.findings.append(
        Finding(
            kind="MISSING_AT_BANK",
            subject=movement(entry),
            amount_minor=entry.amount_minor,
            currency=entry.currency,
            effect_minor=0,
            since=entry.booking_date,
            related=(f"statement:{statement.id}",),
            message=(
                f"The bank notified a {entry.direction} of {money(entry.amount_minor, entry.currency)} "
                f"booked on {entry.booking_date}, and its statement {statement.id} does not list it. "
                "Ask the bank for a corrected statement."
            ),
        )
    )


def _note_remainders(links: Sequence[_Link], currency: str, reading: StatementReading) -> None:
    for remainder in _without_misprints(_remainders(links, reading)):
        reading.findings.append(_balance_finding(remainder, currency))
    for link in links:
        if link.is_gap:
            reading.findings.append(_gap_finding(link, currency))


def _remainders(links: Sequence[_Link], reading: StatementReading) -> list[_Remainder]:
    found: list[_Remainder] = []
    for number, link in enumerate(links):
        if link.jump_minor and not link.is_gap:
            found.append(_Remainder(2 * number, link, link.jump_minor, link.jump_minor))
        if link.inner_minor and link.other_currency is not None:
            reading.other_currency.append((link.other_currency, link.inner_minor))
        elif link.inner_minor:
            found.append(_Remainder(2 * number + 1, link, link.inner_minor, link.inner_minor))
    return found


def _without_misprints(remainders: Sequence[_Remainder]) -> list[_Remainder]:
    """Two neighbours that cancel are one wrong figure between two right ones."""
    kept: list[_Remainder] = []
    for item in remainders:
        last = kept[-1] if kept else None
        cancels = (
            last is not None and item.place == last.place + 1 and item.amount_minor == -last.effect_minor
        )
        if last is not None and cancels:
            kept[-1] = replace(last, effect_minor=0)
        else:
            kept.append(item)
    return kept


def _balance_finding(remainder: _Remainder, currency: str) -> Finding:
    statement = remainder.link.statement
    amount = money(remainder.amount_minor, currency)
    if remainder.place % 2:
        what = f"Statement {statement.id} closes {amount} off its opening balance and its entries"
        related: tuple[str, ...] = ()
    else:
        what = f"Statement {statement.id} opens {amount} off the closing balance before it"
        related = (f"statement:{remainder.link.previous.id}",) if remainder.link.previous else ()
    return Finding(
        kind="BALANCE",
        subject=f"statement:{statement.id}" + ("" if remainder.place % 2 else ":opening"),
        amount_minor=abs(remainder.amount_minor),
        currency=currency,
        effect_minor=remainder.effect_minor,
        since=statement.to_date,
        related=related,
        message=f"{what}, and no known entry explains it. Ask the bank for what is missing or corrected.",
    )


def _gap_finding(link: _Link, currency: str) -> Finding:
    statement, previous = link.statement, link.previous
    before = previous.id if previous else "the opening"
    unknown = f" {money(link.jump_minor, currency)} of it is unknown." if link.jump_minor else ""
    return Finding(
        kind="STATEMENT_GAP",
        subject=f"statement:{statement.id}",
        amount_minor=abs(link.jump_minor),
        currency=currency,
        effect_minor=link.jump_minor,
        since=previous.to_date if previous else None,
        related=(f"statement:{before}",),
        message=(
            f"A statement is missing between {before} and {statement.id}.{unknown} "
            "Ask the bank to send it again."
        ),
    )
