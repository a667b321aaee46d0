"""Movements: one per transaction or entry, never both, under a key that stays."""

from __future__ import annotations

from bridge.iso20022 import (
    AccountReport,
    balance_gap,
    content_digest,
    movements,
    read_message,
    repeated_references,
)
from tests.bridge.iso20022.samples import balance, detail, document, entry, statement


def report(*entries: str, balances: str = "") -> AccountReport:
    return read_message(document(statement(*entries, balances=balances))).reports[0]


def rows(*entries: str) -> list[tuple[str, int]]:
    return [(row.bank_reference, row.signed_minor) for row in movements(report(*entries))]


def test_an_entry_alone_is_one_movement() -> None:
    assert rows(entry()) == [("REF-1", 1000)]


def test_transactions_that_sum_to_the_entry_replace_it() -> None:
    assert rows(entry(details=detail("4.00") + detail("6.00"))) == [("REF-1#1", 400), ("REF-1#2", 600)]


def test_transactions_may_run_against_their_entry() -> None:
    mixed = detail("14.00") + detail("4.00", direction="DBIT")
    assert rows(entry(details=mixed)) == [("REF-1#1", 1400), ("REF-1#2", -400)]


def test_transactions_that_do_not_explain_the_entry_are_left_out() -> None:
    """The total on every line, a missing amount, another currency: users were burnt by each."""
    assert rows(entry(details=detail("10.00") + detail("10.00"))) == [("REF-1", 1000)]
    assert rows(entry(details=detail("4.00") + detail(None))) == [("REF-1", 1000)]
    other = detail("4.00") + detail("6.00").replace("CNY", "USD")
    assert rows(entry(details=other)) == [("REF-1", 1000)]
    (alone,) = movements(report(entry(details=detail("9.00") + detail("9.00"))))
    assert alone.detail.end_to_end_id is None


def test_a_lone_transaction_lends_its_references_and_not_its_amount() -> None:
    (movement,) = movements(report(entry(details=detail("9.00"))))
    assert (movement.amount_minor, movement.detail.end_to_end_id) == (1000, "E2E-1")


def test_transactions_with_their_own_references_use_them() -> None:
    own = detail("4.00", reference="T-1") + detail("6.00", reference="T-2")
    assert rows(entry(details=own)) == [("T-1", 400), ("T-2", 600)]
    same = detail("4.00", reference="T-1") + detail("6.00", reference="T-1")
    assert rows(entry(details=same)) == [("REF-1#1", 400), ("REF-1#2", 600)]


def test_without_a_reference_equal_bookings_are_counted() -> None:
    twice = movements(report(entry(reference=None), entry(reference="NONREF"), entry(reference=None)))
    keys = [row.bank_reference for row in twice]
    assert [key.rpartition("~")[2] for key in keys] == ["1", "2", "3"]
    assert len({key.rpartition("~")[0] for key in keys}) == 1
    assert movements(report(entry(reference=None)))[0].bank_reference == keys[0]


def test_a_repeated_reference_keeps_one_key_and_is_named() -> None:
    repeated = report(entry(), entry(), entry(reference="REF-2"))
    assert [row.bank_reference for row in movements(repeated)] == ["REF-1", "REF-1", "REF-2"]
    assert repeated_references(repeated) == ("REF-1",)


def test_announcements_are_not_booked_and_agree_with_their_booking() -> None:
    (pending,) = movements(report(entry(status="<Cd>PDNG</Cd>")))
    (booked,) = movements(report(entry()))
    assert (pending.is_booked, booked.is_booked) == (False, True)
    assert pending.bank_reference == booked.bank_reference
    assert content_digest(pending) == content_digest(booked)


def test_the_digest_changes_with_amount_date_direction_and_currency() -> None:
    variants = [
        entry(),
        entry("10.01"),
        entry(direction="DBIT"),
        entry(currency="USD"),
        entry(more="<RvslInd>true</RvslInd>"),
        entry(dates="<BookgDt><Dt>2026-11-24</Dt></BookgDt><ValDt><Dt>2026-11-23</Dt></ValDt>"),
        entry(dates="<BookgDt><Dt>2026-11-23</Dt></BookgDt><ValDt><Dt>2026-11-24</Dt></ValDt>"),
    ]
    digests = {content_digest(movements(report(row))[0]) for row in variants}
    assert len(digests) == len(variants)
    assert all(movements(report(row))[0].bank_reference == "REF-1" for row in variants)


def test_the_balance_gap_counts_booked_entries_only() -> None:
    both = balance("OPBD", "5.00", "DBIT") + balance("CLBD", "1.00")
    listed = (entry("10.00"), entry("4.00", direction="DBIT"), entry("99.00", status="<Cd>PDNG</Cd>"))
    assert balance_gap(report(*listed, balances=both)) == 0
    assert balance_gap(report(listed[0], balances=both)) == 400
    assert balance_gap(report(*listed)) is None
    assert balance_gap(report(*listed, balances=balance("PRCD", "2.00") + balance("ITBD", "8.00"))) == 0
