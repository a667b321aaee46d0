"""One run: entry by entry, statement by statement, and the balance equation over both."""

from __future__ import annotations

import hashlib
from collections import Counter
from collections.abc import Iterator, Sequence
from datetime import date
from itertools import chain
from typing import Final

from bridge.reconcile.finding import Finding, money, movement
from bridge.reconcile.matching import Matching, match_records
from bridge.reconcile.model import (
    FINAL_REPORT,
    BalanceEquation,
    Break,
    BreakKind,
    Outcome,
    Severity,
    Snapshot,
    SnapshotInvalid,
    Term,
)
from bridge.reconcile.statements import StatementReading, read_statements

__all__ = ["reconcile"]

_SHOWN_AT_ZERO: Final = frozenset({"opening-balance", "chain-balance"})


def reconcile(snapshot: Snapshot) -> Outcome:
    """Compare bank and ledger of one account at one (block, statement cut), in both directions (DESIGN §5).

    Every difference becomes one break with a fingerprint that later runs give again; an amount that an
    itemised break explains is not reported once more as a BALANCE. Raises SnapshotInvalid.
    """
    _validate(snapshot)
    reading = read_statements(snapshot)
    matching = match_records(snapshot, reading)
    findings = [*matching.findings, *reading.findings]
    equation = _equation(snapshot, reading, findings)
    if equation.difference_minor:
        findings.append(_unexplained(snapshot, matching, equation.difference_minor))
    found = sorted(
        (_break(snapshot, finding, reading.cut_date) for finding in findings),
        key=lambda item: (item.kind, item.subject),
    )
    in_transit = tuple(item for item in found if item.kind == "IN_TRANSIT")
    breaks = [item for item in found if item.kind != "IN_TRANSIT"]
    return Outcome(
        matching.matched,
        in_transit,
        tuple(item for item in breaks if not _is_explained(snapshot, item)),
        tuple(item for item in breaks if _is_explained(snapshot, item)),
        equation,
    )


def _equation(snapshot: Snapshot, reading: StatementReading, findings: Sequence[Finding]) -> BalanceEquation:
    terms = tuple(
        term
        for term in _terms(snapshot, reading, findings)
        if term.amount_minor or term.name in _SHOWN_AT_ZERO
    )
    explained_minor = sum(term.amount_minor for term in terms)
    return BalanceEquation(reading.closing_minor, terms, reading.closing_minor - explained_minor)


def _terms(snapshot: Snapshot, reading: StatementReading, findings: Sequence[Finding]) -> Iterator[Term]:
    yield Term("opening-balance", f"account:{snapshot.account}", snapshot.bank_opening_minor)
    yield Term("chain-balance", f"block:{snapshot.block}", snapshot.chain_balance_minor)
    for finding in findings:
        name = finding.term or _term_name(finding.kind)
        fingerprint = _fingerprint(snapshot.account, finding.kind, finding.subject)
        yield Term(name, finding.subject, finding.effect_minor, fingerprint)
    left_out = {entry.movement_id for entry in reading.left_out}
    for entry in snapshot.entries:
        if entry.movement_id not in reading.counted:
            name = "left-out-of-statement" if entry.movement_id in left_out else "booked-after-cut"
            yield Term(name, movement(entry), -entry.signed_minor)
    for entry, amount_minor in reading.other_currency:
        fingerprint = _fingerprint(snapshot.account, "CURRENCY", movement(entry))
        yield Term(_term_name("CURRENCY"), movement(entry), amount_minor, fingerprint)


def _term_name(kind: BreakKind) -> str:
    return kind.lower().replace("_", "-")


def _fingerprint(account: str, kind: BreakKind, subject: str) -> str:
    text = "\x1f".join((account, kind, subject))
    return hashlib.sha256(text.encode()).hexdigest()[:32]


def _unexplained(snapshot: Snapshot, matching: Matching, difference_minor: int) -> Finding:
    recorded = money(matching.expected_minor, snapshot.currency)
    holds = money(snapshot.chain_balance_minor, snapshot.currency)
    return Finding(
        kind="BALANCE",
        subject=f"account:{snapshot.account}",
        amount_minor=abs(difference_minor),
        currency=snapshot.currency,
        effect_minor=0,
        message=(
            f"The tree holds {holds} at block {snapshot.block} and the records on the ledger add up to "
            f"{recorded}. Stop releases and rebuild the index; if the difference stays, check the chain."
        ),
    )


def _break(snapshot: Snapshot, finding: Finding, cut_date: date | None) -> Break:
    return Break(
        kind=finding.kind,
        fingerprint=_fingerprint(snapshot.account, finding.kind, finding.subject),
        subject=finding.subject,
        related=finding.related,
        amount_minor=finding.amount_minor,
        currency=finding.currency,
        since=finding.since,
        severity=_severity(snapshot, finding, cut_date),
        message=finding.message,
    )


def _severity(snapshot: Snapshot, finding: Finding, cut_date: date | None) -> Severity:
    limits = snapshot.severity_limits
    age_days = (cut_date - finding.since).days if cut_date and finding.since else 0
    if finding.amount_minor >= limits.high_amount_minor or age_days >= limits.high_age_days:
        return "high"
    if finding.amount_minor >= limits.medium_amount_minor or age_days >= limits.medium_age_days:
        return "medium"
    return "low"


def _is_explained(snapshot: Snapshot, item: Break) -> bool:
    resolution = snapshot.confirmed.get(item.fingerprint)
    return resolution is not None and resolution.amount_minor == item.amount_minor


def _validate(snapshot: Snapshot) -> None:
    for name, keys in _identities(snapshot):
        repeated = [key for key, count in Counter(keys).items() if count > 1]
        if repeated:
            raise _invalid(f"{name} {repeated[0]!r} is there more than once")
    for statement in snapshot.statements:
        if (statement.account, statement.currency) != (snapshot.account, snapshot.currency):
            raise _invalid(f"statement {statement.id!r} is of another account or currency")
        if statement.from_date > statement.to_date:
            raise _invalid(f"statement {statement.id!r} ends before it begins")
    known = {statement.id for statement in snapshot.statements}
    for entry in snapshot.entries:
        if entry.statement_id is not None and entry.statement_id not in known:
            raise _invalid(f"movement {entry.movement_id!r} is in a statement that is not here")
        if (entry.statement_id is not None) != (FINAL_REPORT in entry.seen_in):
            raise _invalid(
                f"movement {entry.movement_id!r} is in a statement it was not seen in, or the reverse"
            )
    amounts = chain(
        (entry.amount_minor for entry in snapshot.entries),
        (credit.amount_minor for credit in snapshot.credits),
        (payout.amount_minor for payout in snapshot.payouts),
        (write_off.amount_minor for write_off in snapshot.write_offs),
    )
    if any(amount_minor <= 0 for amount_minor in amounts):
        raise _invalid("a record has an amount that is not positive")


def _identities(snapshot: Snapshot) -> Iterator[tuple[str, list[object]]]:
    yield "movement", [entry.movement_id for entry in snapshot.entries]
    yield "statement", [statement.id for statement in snapshot.statements]
    yield "credit", [credit.credit_id for credit in snapshot.credits]
    yield "payout", [(payout.batch, payout.row) for payout in snapshot.payouts]
    yield "write-off", [write_off.write_off_id for write_off in snapshot.write_offs]


def _invalid(what: str) -> SnapshotInvalid:
    return SnapshotInvalid("snapshot-invalid", f"{what}; gather the snapshot again.")
