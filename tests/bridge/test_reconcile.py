"""Reconciliation finds exactly the differences that were put in (I11), and its equation holds (I2)."""

from __future__ import annotations

import random
from collections.abc import Callable
from dataclasses import replace
from datetime import date, timedelta

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from bridge.reconcile import (
    BankEntry,
    Break,
    LedgerCredit,
    LedgerPayout,
    LedgerWriteOff,
    Outcome,
    Resolution,
    SeverityLimits,
    Snapshot,
    SnapshotInvalid,
    Statement,
    Term,
    reconcile,
)

MONDAY = date(2026, 3, 2)
DAYS = 6
CUT = MONDAY + timedelta(DAYS - 1)
ACCOUNT = "6222-SUP"
OPENING = 5_000_000


class World:
    """A bank and a ledger that agree, day by day, until a test makes them differ."""

    def __init__(self, seed: int) -> None:
        self.chosen = random.Random(seed)
        self.entries: dict[str, BankEntry] = {}
        self.credits: dict[str, LedgerCredit] = {}
        self.payouts: dict[str, LedgerPayout] = {}
        self.write_offs: list[LedgerWriteOff] = []
        self.pending: set[str] = set()
        self.unlisted: set[str] = set()
        """Movements that no statement lists."""
        self.uncounted: set[str] = set()
        """Movements that are in no balance."""
        self.misprints: dict[int, int] = {}
        self.missing_days: set[int] = set()
        self.booked_value: dict[str, int] = {}
        self.chain_error = 0
        self.number = 0

    def amount(self) -> int:
        return self.chosen.randint(10_000, 10**9)

    def new(self, prefix: str) -> str:
        self.number += 1
        return f"{prefix}{self.number}"

    def book(
        self, day: int, signed: int, end_to_end_id: str | None = None, reference: str | None = None
    ) -> BankEntry:
        movement = self.new("M")
        when = MONDAY + timedelta(day)
        entry = BankEntry(
            movement,
            reference or f"BANK-{movement}",
            "credit" if signed > 0 else "debit",
            abs(signed),
            "CNY",
            when,
            when,
            end_to_end_id,
            frozenset({"camt.054"}),
            None,
        )
        self.entries[movement] = entry
        return entry

    def credit(self, day: int) -> tuple[BankEntry, LedgerCredit]:
        entry = self.book(day, self.amount())
        lot = LedgerCredit(self.new("LOT"), entry.bank_reference, entry.amount_minor, day, "mint")
        self.credits[lot.credit_id] = lot
        return entry, lot

    def order(self, day: int) -> LedgerPayout:
        end_to_end_id = self.new("DT")
        payout = LedgerPayout(
            "B", self.number, end_to_end_id, self.amount(), "in_flight", day, "MSG", MONDAY + timedelta(day)
        )
        self.payouts[end_to_end_id] = payout
        return payout

    def pay(self, day: int) -> tuple[BankEntry, LedgerPayout]:
        payout = self.order(day)
        return self.book(day, -payout.amount_minor, payout.end_to_end_id), payout

    def set_state(self, payout: LedgerPayout, state: str) -> None:
        self.payouts[payout.end_to_end_id] = replace(payout, state=state)  # type: ignore[arg-type]

    def give_back(self, day: int) -> None:
        _, payout = self.pay(day)
        self.set_state(payout, "returned_late")
        entry = self.book(day, payout.amount_minor, payout.end_to_end_id)
        returned = LedgerCredit(
            self.new("RET"),
            entry.bank_reference,
            entry.amount_minor,
            day,
            "return",
            (payout.end_to_end_id,),
        )
        self.credits[returned.credit_id] = returned

    def charge(self, day: int) -> None:
        entry = self.book(day, -self.amount())
        self.write_offs.append(LedgerWriteOff(self.new("WO"), entry.bank_reference, entry.amount_minor, day))

    def live(self) -> None:
        """Some of everything that is in order."""
        for day in range(DAYS):
            for _ in range(self.chosen.randint(1, 3)):
                self.credit(day)
                self.pay(day)
            if happens := self.chosen.choice([self.give_back, self.charge, None]):
                happens(day)
        for state in ("returned", "skipped"):
            self.set_state(self.order(2), state)
        _, rejected = self.pay(3)
        self.set_state(rejected, "returned")
        self.book(4, rejected.amount_minor, rejected.end_to_end_id)
        self.pending.add(self.book(DAYS - 1, self.amount()).movement_id)
        self.order(DAYS)
        self.credit(DAYS)
        self.pay(DAYS)

    def _expected_on_chain(self) -> int:
        with_credit = {each for item in self.credits.values() for each in item.end_to_end_ids}
        out = sum(
            item.amount_minor
            for item in self.payouts.values()
            if item.state == "in_flight" or item.end_to_end_id in with_credit
        )
        off = sum(item.amount_minor for item in self.write_offs)
        return sum(item.amount_minor for item in self.credits.values()) - out - off

    def snapshot(self, **changes: object) -> Snapshot:
        entries, statements = self._statements()
        snapshot = Snapshot(
            account=ACCOUNT,
            currency="CNY",
            block=77,
            bank_opening_minor=OPENING,
            chain_balance_minor=self._expected_on_chain() + self.chain_error,
            entries=tuple(entries),
            statements=tuple(statements),
            credits=tuple(self.credits.values()),
            payouts=tuple(self.payouts.values()),
            write_offs=tuple(self.write_offs),
            pending_credits=frozenset(self.pending),
        )
        return replace(snapshot, **changes)  # type: ignore[arg-type]

    def _statements(self) -> tuple[list[BankEntry], list[Statement]]:
        balance = OPENING
        entries, statements = [], []
        for day in range(DAYS + 1):
            opening, listed_sum = balance, 0
            for entry in self.entries.values():
                if entry.booking_date != MONDAY + timedelta(day):
                    continue
                value = self.booked_value.get(entry.movement_id, entry.signed_minor)
                balance += 0 if entry.movement_id in self.uncounted else value
                is_listed = (
                    day < DAYS
                    and day not in self.missing_days
                    and entry.movement_id not in self.unlisted | self.uncounted
                )
                if is_listed:
                    listed_sum += value
                    entry = replace(entry, seen_in=entry.seen_in | {"camt.053"}, statement_id=f"S{day}")
                entries.append(entry)
            if day < DAYS and day not in self.missing_days:
                when = MONDAY + timedelta(day)
                closing = balance + self.misprints.get(day, 0)
                statements.append(
                    Statement(f"S{day}", ACCOUNT, 40 + day, when, when, opening, closing, listed_sum, "CNY")
                )
        return entries, statements


Expected = tuple[str, str]
Injection = Callable[[World, int], Expected]


def inject_charge(world: World, day: int) -> Expected:
    return "MISSING_ON_LEDGER", f"movement:{world.book(day, -world.amount()).movement_id}"


def inject_unknown_credit(world: World, day: int) -> Expected:
    return "MISSING_ON_LEDGER", f"movement:{world.book(day, world.amount()).movement_id}"


def inject_left_out_of_statement(world: World, day: int) -> Expected:
    entry, _ = world.credit(day)
    world.unlisted.add(entry.movement_id)
    return "MISSING_AT_BANK", f"movement:{entry.movement_id}"


def inject_debit_left_out_of_statement(world: World, day: int) -> Expected:
    entry, _ = world.pay(day)
    world.unlisted.add(entry.movement_id)
    return "MISSING_AT_BANK", f"movement:{entry.movement_id}"


def inject_notified_and_never_booked(world: World, day: int) -> Expected:
    entry, _ = world.credit(day)
    world.uncounted.add(entry.movement_id)
    return "MISSING_AT_BANK", f"movement:{entry.movement_id}"


def inject_lot_without_entry(world: World, day: int) -> Expected:
    lot = LedgerCredit(world.new("LOT"), "NOWHERE", world.amount(), day, "mint")
    world.credits[lot.credit_id] = replace(lot, bank_reference=f"NOWHERE-{lot.credit_id}")
    return "MISSING_AT_BANK", f"credit:{lot.credit_id}"


def inject_payout_never_debited(world: World, day: int) -> Expected:
    payout = world.order(day)
    return "MISSING_AT_BANK", f"payout:B:{payout.row}"


def inject_other_amount_of_lot(world: World, day: int) -> Expected:
    entry, lot = world.credit(day)
    world.credits[lot.credit_id] = replace(lot, amount_minor=lot.amount_minor + 7)
    return "AMOUNT", f"movement:{entry.movement_id}"


def inject_other_amount_debited(world: World, day: int) -> Expected:
    entry, _ = world.pay(day)
    world.entries[entry.movement_id] = replace(entry, amount_minor=entry.amount_minor + 9)
    return "AMOUNT", f"movement:{entry.movement_id}"


def inject_other_currency(world: World, day: int) -> Expected:
    entry, _ = world.credit(day)
    world.entries[entry.movement_id] = replace(entry, currency="USD")
    return "CURRENCY", f"movement:{entry.movement_id}"


def inject_other_currency_converted(world: World, day: int) -> Expected:
    expected = inject_other_currency(world, day)
    movement_id = expected[1].removeprefix("movement:")
    world.booked_value[movement_id] = 7 * world.entries[movement_id].amount_minor
    return expected


def inject_second_debit(world: World, day: int) -> Expected:
    entry, payout = world.pay(day)
    world.book(day, entry.signed_minor, entry.end_to_end_id)
    return "DUPLICATE_BANK", f"payout:B:{payout.row}#2"


def inject_second_credit_under_one_reference(world: World, day: int) -> Expected:
    entry, lot = world.credit(day)
    world.book(day, entry.signed_minor, None, entry.bank_reference)
    return "DUPLICATE_BANK", f"credit:{lot.credit_id}#2"


def inject_second_lot(world: World, day: int) -> Expected:
    _, lot = world.credit(day)
    second = replace(lot, credit_id=lot.credit_id + "-again")
    world.credits[second.credit_id] = second
    return "DUPLICATE_LEDGER", f"credit:{second.credit_id}"


def inject_debit_of_returned_row(world: World, day: int) -> Expected:
    entry, payout = world.pay(day)
    world.set_state(payout, "returned")
    return "RETURNED", f"movement:{entry.movement_id}"


def inject_debit_of_skipped_row(world: World, day: int) -> Expected:
    entry, payout = world.pay(day)
    world.set_state(payout, "skipped")
    return "RETURNED", f"movement:{entry.movement_id}"


def inject_early_value_date(world: World, day: int) -> Expected:
    entry, _ = world.pay(day)
    world.entries[entry.movement_id] = replace(entry, value_date=entry.booking_date - timedelta(2))
    return "VALUE_DATE", f"movement:{entry.movement_id}"


def inject_misprinted_closing(world: World, day: int) -> Expected:
    world.misprints[day] = world.amount()
    return "BALANCE", f"statement:S{day}"


def inject_missing_statement(world: World, day: int) -> Expected:
    world.missing_days.add(day)
    return "STATEMENT_GAP", f"statement:S{day + 1}"


def inject_chain_difference(world: World, day: int) -> Expected:
    world.chain_error += world.amount()
    return "BALANCE", f"account:{ACCOUNT}"


ANYWHERE: list[Injection] = [
    inject_charge,
    inject_unknown_credit,
    inject_lot_without_entry,
    inject_other_amount_of_lot,
    inject_other_amount_debited,
    inject_second_debit,
    inject_second_credit_under_one_reference,
    inject_second_lot,
    inject_debit_of_returned_row,
    inject_debit_of_skipped_row,
    inject_early_value_date,
]
IN_A_RECEIVED_STATEMENT: list[Injection] = [
    inject_left_out_of_statement,
    inject_debit_left_out_of_statement,
    inject_notified_and_never_booked,
    inject_payout_never_debited,
    inject_other_currency,
    inject_other_currency_converted,
    inject_misprinted_closing,
]


def injected(outcome: Outcome) -> list[Expected]:
    return sorted((item.kind, item.subject) for item in outcome.breaks)


def assert_equation(outcome: Outcome) -> None:
    equation = outcome.equation
    assert (
        equation.bank_minor == sum(term.amount_minor for term in equation.terms) + equation.difference_minor
    )
    is_unexplained = any(item.subject == f"account:{ACCOUNT}" for item in outcome.breaks)
    assert is_unexplained == (equation.difference_minor != 0)
    items = {item.fingerprint for item in (*outcome.breaks, *outcome.explained, *outcome.in_transit)}
    assert {term.fingerprint for term in equation.terms if term.fingerprint} <= items


def living_world(seed: int = 1) -> World:
    world = World(seed)
    world.live()
    return world


@given(seed=st.integers(0, 2**32))
def test_books_that_agree_have_no_break(seed: int) -> None:
    world = living_world(seed)
    outcome = reconcile(world.snapshot())
    assert outcome.breaks == ()
    assert outcome.equation.difference_minor == 0
    assert_equation(outcome)
    assert sorted(term.name for term in outcome.equation.terms) == [
        "booked-after-cut",
        "booked-after-cut",
        "captured-not-yet-minted",
        "chain-balance",
        "executed-not-yet-debited",
        "opening-balance",
    ]
    assert outcome.matched.credits == len(world.credits)
    assert outcome.matched.write_offs == len(world.write_offs)
    assert outcome.matched.debited_and_returned == 1


@pytest.mark.parametrize("day", range(1, DAYS - 1))
@pytest.mark.parametrize(
    "injection", [*ANYWHERE, *IN_A_RECEIVED_STATEMENT, inject_missing_statement, inject_chain_difference]
)
def test_one_difference_is_one_break(injection: Injection, day: int) -> None:
    world = living_world()
    before = len(reconcile(world.snapshot()).in_transit)
    expected = injection(world, day)
    outcome = reconcile(world.snapshot())
    assert injected(outcome) == [expected]
    assert len(outcome.in_transit) == before
    assert_equation(outcome)
    assert outcome.breaks[0].message.endswith(".")
    assert outcome.breaks[0].amount_minor > 0 or outcome.breaks[0].kind == "STATEMENT_GAP"


@settings(deadline=None, max_examples=300)
@given(
    seed=st.integers(0, 2**32),
    anywhere=st.lists(st.tuples(st.sampled_from(ANYWHERE), st.integers(0, DAYS - 1)), max_size=6),
    received=st.lists(
        st.tuples(st.sampled_from(IN_A_RECEIVED_STATEMENT), st.integers(0, DAYS - 1)), max_size=5
    ),
    missing=st.none() | st.integers(1, DAYS - 2),
    is_chain_off=st.booleans(),
)
def test_breaks_found_are_exactly_the_differences_injected(
    seed: int,
    anywhere: list[tuple[Injection, int]],
    received: list[tuple[Injection, int]],
    missing: int | None,
    is_chain_off: bool,
) -> None:
    world = living_world(seed)
    expected = [injection(world, day) for injection, day in anywhere]
    misprinted = {day for injection, day in received if injection is inject_misprinted_closing}
    for injection, day in received:
        # A value nobody knows hides a misprint in the same statement; a second misprint replaces the first.
        is_hidden = (
            injection in (inject_other_currency, inject_other_currency_converted) and day in misprinted
        )
        if day != missing and not is_hidden:
            expected.append(injection(world, day))
    if missing is not None:
        expected.append(inject_missing_statement(world, missing))
    if is_chain_off:
        expected.append(inject_chain_difference(world, 0))
    outcome = reconcile(world.snapshot())
    assert injected(outcome) == sorted(set(expected))
    assert_equation(outcome)


def test_a_charge_and_a_left_out_entry_are_two_breaks_and_no_third() -> None:
    world = living_world()
    expected = [inject_charge(world, DAYS - 1), inject_left_out_of_statement(world, DAYS - 1)]
    outcome = reconcile(world.snapshot())
    assert injected(outcome) == sorted(expected)
    assert outcome.equation.difference_minor == 0


def test_a_charge_and_a_missing_statement_are_two_breaks_and_no_third() -> None:
    world = living_world()
    expected = [inject_charge(world, 2), inject_missing_statement(world, 2)]
    assert injected(reconcile(world.snapshot())) == sorted(expected)


def test_a_missing_statement_takes_what_nobody_was_told() -> None:
    world = living_world()
    expected = inject_missing_statement(world, 2)
    snapshot = world.snapshot()
    unseen = world.book(2, -4321)
    statements = world.snapshot().statements
    assert unseen not in snapshot.entries
    outcome = reconcile(replace(snapshot, statements=statements))
    assert injected(outcome) == [expected]
    assert outcome.breaks[0].amount_minor == 4321
    assert "-43.21 CNY of it is unknown" in outcome.breaks[0].message
    assert_equation(outcome)


def test_a_run_again_gives_the_same_fingerprints_and_later_runs_too() -> None:
    world = living_world()
    for number, injection in enumerate([*ANYWHERE, inject_left_out_of_statement]):
        injection(world, number % DAYS)
    first = reconcile(world.snapshot())
    assert first == reconcile(world.snapshot())
    world.credit(DAYS)
    later = reconcile(world.snapshot(block=99))
    assert {item.fingerprint for item in later.breaks} == {item.fingerprint for item in first.breaks}
    assert len({item.fingerprint for item in first.breaks}) == len(first.breaks)


def test_a_confirmed_break_is_explained_while_its_amount_stays() -> None:
    world = living_world()
    inject_charge(world, 1)
    (charge,) = reconcile(world.snapshot()).breaks
    confirmed = {charge.fingerprint: Resolution("R1", charge.amount_minor)}
    outcome = reconcile(world.snapshot(confirmed=confirmed))
    assert (outcome.breaks, outcome.explained) == ((), (charge,))
    assert Term("missing-on-ledger", charge.subject, -charge.amount_minor, charge.fingerprint) in (
        outcome.equation.terms
    )
    other = {charge.fingerprint: Resolution("R1", charge.amount_minor + 1)}
    assert reconcile(world.snapshot(confirmed=other)).breaks == (charge,)


def test_a_payout_is_in_transit_until_a_final_statement_covers_its_day() -> None:
    world = World(1)
    payouts = [world.order(DAYS), world.order(1)]
    world.payouts[payouts[1].end_to_end_id] = replace(
        payouts[1], order_message_id=None, order_execution_date=None
    )
    outcome = reconcile(world.snapshot())
    assert [item.kind for item in outcome.in_transit] == ["IN_TRANSIT", "IN_TRANSIT"]
    assert not outcome.breaks
    world.missing_days.add(2)
    world.order(2)
    assert len(reconcile(world.snapshot()).in_transit) == 3


def test_a_missing_statement_of_a_day_that_has_others_explains_what_it_listed() -> None:
    day = MONDAY
    first = Statement("A", ACCOUNT, 1, day, day, OPENING, OPENING, 0, "CNY")
    third = replace(
        first, id="C", sequence_number=3, opening_minor=OPENING + 500, closing_minor=OPENING + 500
    )
    world = World(1)
    entry = world.book(0, 500)
    lot = LedgerCredit("LOT", entry.bank_reference, 500, 1, "mint")
    outcome = reconcile(
        Snapshot(ACCOUNT, "CNY", 1, OPENING, 500, (entry,), statements=(third, first), credits=(lot,))
    )
    assert injected(outcome) == [("STATEMENT_GAP", "statement:C")]
    assert outcome.breaks[0].amount_minor == 0
    assert_equation(outcome)


def test_a_credit_for_a_row_that_went_back_is_in_transit_while_it_is_being_minted() -> None:
    world = World(1)
    debit, payout = world.pay(1)
    world.set_state(payout, "returned")
    credit = world.book(2, payout.amount_minor, payout.end_to_end_id)
    assert reconcile(world.snapshot()).matched.debited_and_returned == 1
    world.pending.add(credit.movement_id)
    outcome = reconcile(world.snapshot())
    assert [item.subject for item in outcome.in_transit] == [f"movement:{credit.movement_id}"]
    assert injected(outcome) == [("RETURNED", f"movement:{debit.movement_id}")]
    assert_equation(outcome)


def test_before_any_statement_the_opening_balance_is_the_banks() -> None:
    world = living_world()
    entries = tuple(replace(entry) for entry in world.entries.values())
    outcome = reconcile(world.snapshot(entries=entries, statements=()))
    assert outcome.breaks == ()
    assert outcome.equation.bank_minor == OPENING
    assert_equation(outcome)


def test_entries_before_the_first_statement_belong_to_its_opening_balance() -> None:
    world = living_world()
    world.missing_days.add(0)
    outcome = reconcile(world.snapshot())
    assert outcome.breaks == ()
    off = reconcile(world.snapshot(bank_opening_minor=OPENING + 5))
    assert injected(off) == [("BALANCE", "statement:S1:opening")]
    assert_equation(off)


def test_a_misprinted_opening_is_one_break() -> None:
    world = living_world()
    snapshot = world.snapshot()
    statements = [
        replace(item, opening_minor=item.opening_minor + 500) if item.id == "S3" else item
        for item in snapshot.statements
    ]
    outcome = reconcile(replace(snapshot, statements=tuple(statements)))
    assert injected(outcome) == [("BALANCE", "statement:S3:opening")]
    assert_equation(outcome)


def test_without_numbers_a_jump_over_days_is_a_gap_and_over_none_a_wrong_balance() -> None:
    world = living_world()
    world.missing_days.add(2)
    snapshot = world.snapshot()
    unnumbered = [replace(item, sequence_number=None) for item in snapshot.statements]
    outcome = reconcile(replace(snapshot, statements=tuple(unnumbered)))
    assert injected(outcome) == [("STATEMENT_GAP", "statement:S3")]
    touching = [
        replace(item, from_date=item.from_date - timedelta(1)) if item.id == "S3" else item
        for item in unnumbered
    ]
    outcome = reconcile(replace(snapshot, statements=tuple(touching)))
    assert [item.kind for item in outcome.breaks if item.subject == "statement:S3:opening"] == ["BALANCE"]
    assert_equation(outcome)


def test_numbers_begin_again_with_the_year() -> None:
    def statement(number: int, day: date) -> Statement:
        return Statement(f"{day}", ACCOUNT, number, day, day, OPENING, OPENING, 0, "CNY")

    december, january = statement(250, date(2026, 12, 31)), statement(1, date(2027, 1, 4))
    snapshot = Snapshot(ACCOUNT, "CNY", 1, OPENING, 0, statements=(january, december))
    assert reconcile(snapshot).breaks == ()
    third = replace(january, sequence_number=3)
    assert [item.kind for item in reconcile(replace(snapshot, statements=(third, december))).breaks] == [
        "STATEMENT_GAP"
    ]


def test_severity_comes_from_amount_or_age() -> None:
    limits = SeverityLimits(100, 1_000, 2, 4)

    def severity(amount: int, day: int) -> str:
        world = World(1)
        world.book(day, -amount)
        (found,) = reconcile(world.snapshot(severity_limits=limits)).breaks
        return found.severity

    assert [severity(amount, DAYS - 1) for amount in (99, 100, 999, 1_000)] == [
        "low",
        "medium",
        "medium",
        "high",
    ]
    assert [severity(1, DAYS - 1 - age) for age in (1, 2, 3, 4)] == ["low", "medium", "medium", "high"]


def test_a_sentence_names_the_amounts_and_what_to_do() -> None:
    world = World(1)
    entry = world.book(1, 12_345)
    world.credits["LOT"] = LedgerCredit("LOT", entry.bank_reference, 12_300, 1, "mint")
    found: Break = reconcile(world.snapshot()).breaks[0]
    assert found.message == (
        "The bank booked a credit of 123.45 CNY on 2026-03-03 (BANK-M1) and the lot on the ledger is "
        "123.00 CNY. Ask the bank, then correct the difference."
    )
    assert (found.amount_minor, found.related, found.since) == (45, ("credit:LOT",), date(2026, 3, 3))


def test_a_currency_nobody_knows_is_a_break_and_no_crash() -> None:
    world = World(1)
    entry = world.book(1, 500)
    world.entries[entry.movement_id] = replace(entry, currency="???")
    (found,) = reconcile(world.snapshot()).breaks
    assert found.kind == "CURRENCY"
    assert "500 minor units of ???" in found.message


def broken_snapshots() -> list[Snapshot]:
    snapshot = living_world().snapshot()
    entry, statement = snapshot.entries[0], snapshot.statements[0]
    return [
        replace(snapshot, entries=(*snapshot.entries, entry)),
        replace(snapshot, entries=(replace(entry, statement_id="S99"),)),
        replace(snapshot, entries=(replace(entry, statement_id=None),)),
        replace(snapshot, entries=(replace(entry, amount_minor=0),)),
        replace(snapshot, statements=(*snapshot.statements, statement)),
        replace(snapshot, statements=(*snapshot.statements[1:], replace(statement, account="x"))),
        replace(snapshot, statements=(*snapshot.statements[1:], replace(statement, currency="USD"))),
        replace(
            snapshot, statements=(*snapshot.statements[1:], replace(statement, from_date=date(2027, 1, 1)))
        ),
        replace(snapshot, credits=snapshot.credits * 2),
        replace(snapshot, payouts=snapshot.payouts * 2),
    ]


@pytest.mark.parametrize("number", range(10))
def test_a_snapshot_that_contradicts_itself_is_refused(number: int) -> None:
    with pytest.raises(SnapshotInvalid, match="snapshot-invalid"):
        reconcile(broken_snapshots()[number])
