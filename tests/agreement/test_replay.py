"""New terms tried over past payouts: which verdicts change, and why."""

from collections.abc import Callable
from dataclasses import replace
from typing import Any

import pytest

from contracts.agreement.evaluate import (
    FULL,
    Approved,
    BatchFacts,
    Book,
    Observed,
    Terms,
    counter,
    restore_payee,
)
from contracts.agreement.replay import Change, PastBatch, PastRow, RowVerdict, Version, replay
from contracts.ids import name_id
from contracts.terms import Guard, InstitutionKind, Kind

Draft = Any
# 2030-01-07 10:00 in Beijing, a Monday.
START = 1_893_981_600
HOUR, DAY = 3_600, 86_400
QUORUM = tuple(name_id(name) for name in ("north-bank", "labour-bureau", "transport-bureau"))
KINDS = (InstitutionKind.BANK, InstitutionKind.AGENCY, InstitutionKind.AGENCY)


def batch(name: str, at: int, *rows: tuple[int, int], approvals: int = 2, **more: Any) -> PastBatch:
    """A batch of (payee, yuan), approved and executed within two hours of its reservation."""
    facts = BatchFacts(
        dye_class=name_id("courier-pay"),
        total_minor=sum(yuan * 100 for _, yuan in rows),
        reserved_at=at,
        approvals=tuple(
            Approved(who, kind, at + HOUR) for who, kind in list(zip(QUORUM, KINDS, strict=True))[:approvals]
        ),
        evidence=(Observed(name_id("delivery-report"), name_id("clear-audit"), at - DAY, at + HOUR),),
        members={name_id("supervisors"): frozenset(QUORUM)},
    )
    past = [PastRow(payee, yuan * 100, at + 2 * HOUR, True) for payee, yuan in rows]
    return PastBatch(name, facts, tuple(past), **more)


def changed(draft: Callable[[str], Draft], *changes: Callable[[Draft], object]) -> tuple[Any, Any]:
    old, new = draft("courier-payouts"), draft("courier-payouts")
    new.document["version"] = 2
    for change in changes:
        change(new)
    return Version.of(old.compiled()), Version.of(new.compiled())


def set_amount(clause: str, amount: str) -> Callable[[Draft], object]:
    return lambda draft: draft.guard(clause).update(amount=amount)


PAID = RowVerdict(True)


def test_the_same_terms_change_nothing(draft: Callable[[str], Draft]) -> None:
    past = [batch("a", START, (0, 1_500), (1, 2_000)), batch("b", START + DAY, (0, 10))]
    found = replay(*changed(draft), past)
    assert (found.rows, found.changes, found.unexplained, found.restarted) == (3, (), (), ())


def test_a_lower_cap_refuses_rows(draft: Callable[[str], Draft]) -> None:
    found = replay(
        *changed(draft, set_amount("payout cap", "1600.00")), [batch("a", START, (0, 1_500), (1, 2_000))]
    )
    refused = RowVerdict(False, "payout cap", "payout-cap")
    assert found.changes == (Change("a", 1, 1, 2_000_00, PAID, refused),)
    assert "payout cap" in found.changes[0].new.text.en
    assert "付款" in found.changes[0].old.text.zh


def test_counters_run_over_batches_in_order_of_time(draft: Callable[[str], Draft]) -> None:
    past = [
        batch("later", START + HOUR, (0, 1_000)),
        batch("first", START, (0, 2_000)),
        batch("next day", START + DAY, (0, 2_000)),
    ]
    found = replay(*changed(draft, set_amount("daily cap", "2500.00")), past)
    assert [(change.batch, change.new.code) for change in found.changes] == [("later", "window-cap")]


def test_what_went_back_leaves_room(draft: Callable[[str], Draft]) -> None:
    first = batch("first", START, (0, 2_000))
    back = PastRow(0, 2_000_00, START + 2 * HOUR, True, START + 3 * HOUR)
    past = [PastBatch("first", first.facts, (back,)), batch("later", START + 4 * HOUR, (0, 1_000))]
    assert replay(*changed(draft, set_amount("daily cap", "2500.00")), past).changes == ()


def test_payees_of_their_own_caps(draft: Callable[[str], Draft]) -> None:
    cap = {"kind": "payee_cap", "amount": "3000.00", "every": "week", "timezone": "+08:00"}
    new = changed(draft, lambda draft: draft.add_clause("weekly", "payee-cap", cap))
    past = [batch("a", START, (0, 2_000)), batch("b", START + DAY, (0, 2_000), (1, 2_000))]
    found = replay(*new, past)
    assert [(change.batch, change.row, change.new.clause) for change in found.changes] == [("b", 0, "weekly")]
    waived = [past[0], batch("b", START + DAY, (0, 2_000), waived_names=("weekly",))]
    assert replay(*new, waived).changes == ()


def test_what_was_never_executed_leaves_room(draft: Callable[[str], Draft]) -> None:
    first = batch("first", START, (0, 2_000), (1, 100))
    tail = replace(first, rows=first.rows[:1], released_at=START + 3 * HOUR)
    lower = changed(draft, set_amount("daily cap", "2100.00"))

    def refused(*past: PastBatch) -> list[str]:
        return [change.batch for change in replay(*lower, past).changes]

    assert refused(tail, batch("later", START + 4 * HOUR, (0, 100))) == []
    assert refused(tail, batch("larger", START + 4 * HOUR, (0, 101))) == ["larger"]
    assert refused(tail, batch("earlier", START + 2 * HOUR, (0, 100))) == ["earlier"]
    assert refused(replace(tail, released_at=None), batch("later", START + 4 * HOUR, (0, 100))) == ["later"]


def test_what_was_refused_at_once_left_no_room(draft: Callable[[str], Draft]) -> None:
    never = replace(batch("never", START, (0, 2_000), (1, 2_000)), rows=(), released_at=START + HOUR)
    first = batch("first", START + 2 * HOUR, (0, 1_999), (1, 2_000))
    past = [never, first, batch("more", START + 3 * HOUR, (0, 1))]
    found = replay(*changed(draft, set_amount("daily cap", "3999.99")), past)
    assert [change.batch for change in found.changes] == ["more"]


def test_what_went_back_leaves_its_payee_room(draft: Callable[[str], Draft]) -> None:
    cap = {"kind": "payee_cap", "amount": "3000.00", "every": "week", "timezone": "+08:00"}
    capped = changed(draft, lambda draft: draft.add_clause("weekly", "payee-cap", cap))
    first = batch("first", START, (0, 2_000))
    back = replace(first.rows[0], returned_at=START + 3 * HOUR)
    past = [replace(first, rows=(back,)), batch("later", START + DAY, (0, 2_000), (1, 2_000))]
    assert replay(*capped, past).changes == ()
    past.append(batch("third", START + DAY + HOUR, (0, 1_001)))
    assert [change.batch for change in replay(*capped, past).changes] == ["third"]
    # Back in another week, it leaves room in the week that counted it.
    late = replace(first, rows=(replace(back, returned_at=START + 8 * DAY),))
    past = [late, batch("next", START + 9 * DAY, (0, 2_000)), batch("full", START + 10 * DAY, (0, 1_001))]
    assert [change.batch for change in replay(*capped, past).changes] == ["full"]


def test_a_full_counter_stays_full() -> None:
    cap = Guard(0, Kind.PAYEE_CAP, 100, subject=name_id("ever"))
    terms, at = Terms((cap,), name_id("courier-pay"), 1), (counter(cap), 0, 0)
    for held, left in ((FULL, FULL), (FULL - 1, FULL - 11)):
        book = Book(paid={at: held})
        restore_payee(terms, 0, 10, START, book)
        assert book.paid[at] == left


def test_a_stricter_quorum(draft: Callable[[str], Draft]) -> None:
    new = changed(draft, lambda draft: draft.guard("approval").update(at_least=3))
    past = [batch("two", START, (0, 1)), batch("three", START + HOUR, (0, 1), approvals=3)]
    assert [change.batch for change in replay(*new, past).changes] == ["two"]


def test_what_the_old_terms_do_not_explain(draft: Callable[[str], Draft]) -> None:
    found = replay(*changed(draft), [batch("a", START, (0, 1), approvals=1)])
    assert found.unexplained == (("a", 0),)


def test_a_renamed_clause_counts_from_nothing(draft: Callable[[str], Draft]) -> None:
    def rename(draft: Draft) -> None:
        draft.clause("daily cap")["name"] = "day"
        for case in draft.document["expected"]:
            if case["then"] != "paid" and case["then"]["refused_by"] == "daily cap":
                case["then"]["refused_by"] = "day"

    assert replay(*changed(draft, rename), []).restarted == ("daily cap",)


def test_only_versions_of_one_agreement(draft: Callable[[str], Draft]) -> None:
    works = Version.of(draft("depot-works").compiled())
    with pytest.raises(ValueError, match="from one account"):
        replay(Version.of(draft("courier-payouts").compiled()), works, [])
    with pytest.raises(ValueError, match="disbursement"):
        Version.of(draft("bike-order").compiled())


def test_in_one_second_places_say_what_came_first(draft: Callable[[str], Draft]) -> None:
    versions = changed(draft, set_amount("daily cap", "4000.00"))
    first = replace(batch("first", START, (0, 2_000), (1, 2_000)), rows=(), released_at=START + HOUR)
    later = batch("later", START + HOUR, (0, 1_000))

    def refused(released_place: int) -> list[str]:
        past = [replace(first, released_place=released_place), replace(later, reserved_place=2)]
        return [change.batch for change in replay(*versions, past).changes]

    assert refused(1) == []
    assert refused(3) == ["later"]
