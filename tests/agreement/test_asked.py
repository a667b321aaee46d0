"""Who is asked before a disbursement pays: somebody beside the payer, or a quorum that granted a sum."""

from typing import Any

import pytest

from contracts.agreement import Code, load
from contracts.agreement._check_asked import asked_faults

Draft = Any
Written = dict[str, object]

APPROVAL: Written = {"kind": "approval", "quorum": "supervisors", "at_least": 2}
WAITING: Written = {"kind": "waiting", "quorum": "supervisors", "at_least": 2, "wait": "1h"}
REPORT: Written = {"kind": "evidence", "evidence": "report", "by": "witness", "fresh_for": "1d"}
SEEN: Written = {
    "kind": "evidence",
    "evidence": "report",
    "quorum": "supervisors",
    "institutions": 2,
    "fresh_for": "1d",
}
INVOICE: Written = {"kind": "document", "document": "invoice", "by": "witness"}
SIGNED: Written = {"kind": "countersignature", "by": "river-supplies"}
STATE: Written = {"kind": "agreement_state", "agreement": "bike-order", "state": "released"}
BALANCE: Written = {
    "kind": "agreement_balance",
    "agreement": "bike-order",
    "dye_class": "general",
    "at_least": "1.00",
}
HOURS: Written = {"kind": "time_window", "from": "2026-01-01", "until": "2036-12-31", "timezone": "+08:00"}
DAYS: Written = {
    "kind": "calendar",
    "from": "2026-01-01",
    "until": "2026-03-31",
    "allowed": ["2026-01-05"],
    "timezone": "+08:00",
}
PAYOUT: Written = {"kind": "payout_cap", "amount": "10.00"}
BATCH: Written = {"kind": "batch_cap", "amount": "10.00"}
WINDOW: Written = {"kind": "window_cap", "amount": "10.00", "every": "day", "timezone": "+08:00"}
LIFETIME: Written = {"kind": "lifetime_cap", "amount": "10.00"}
PAYEE: Written = {"kind": "payee_cap", "amount": "10.00", "every": "ever"}
LINE: Written = {"kind": "line_cap", "dye_class": "courier-pay", "amount": "10.00"}
BLACKLIST: Written = {"kind": "blacklist", "quorum": "supervisors"}
CLASS: Written = {"kind": "dye_class", "dye_class": "courier-pay"}
BONUS: Written = {"kind": "dye_class", "dye_class": "bonus"}
ROSTER: Written = {"kind": "payee_roster", "file": "couriers.csv"}


def is_payer_alone(draft: Draft, *clauses: list[Written]) -> bool:
    """Whether nobody but the payer is asked, with a roster and these clauses."""
    written = enumerate(([ROSTER], *clauses))
    draft.document["clauses"] = [{"name": f"clause {number}", "any": guards} for number, guards in written]
    return [fault.code for fault in asked_faults(load(draft.text).content)] == [Code.PAYER_ALONE]


ASKING = [APPROVAL, WAITING, REPORT, SEEN, INVOICE, SIGNED]
BOUNDING = [WINDOW, LIFETIME, PAYEE, LINE]
SILENT = [
    PAYOUT,
    BATCH,
    HOURS,
    DAYS,
    BLACKLIST,
    CLASS,
    BALANCE,
    *({**STATE, "state": state} for state in ("open", "released", "expired", "refunded", "disputed")),
    {**REPORT, "by": "payer"},
    {**INVOICE, "by": "swift-courier-east"},
    {**SIGNED, "by": "payer"},
]


def named(guard: Written) -> str:
    return "-".join(str(guard[key]) for key in ("kind", "state", "by") if key in guard)


@pytest.mark.parametrize("guard", [*ASKING, *BOUNDING], ids=named)
def test_one_clause_is_enough(payouts: Draft, guard: Written) -> None:
    assert not is_payer_alone(payouts, [guard])
    assert not is_payer_alone(payouts, [HOURS], [guard], [PAYOUT])


@pytest.mark.parametrize("guard", SILENT, ids=named)
def test_what_asks_nobody(payouts: Draft, guard: Written) -> None:
    assert is_payer_alone(payouts, [guard])
    assert is_payer_alone(payouts, [PAYOUT], [guard])


def test_a_roster_alone_asks_nobody(payouts: Draft) -> None:
    assert is_payer_alone(payouts)


@pytest.mark.parametrize("beside", [HOURS, PAYOUT, BATCH, BALANCE], ids=named)
def test_an_approval_beside_what_asks_nobody_needs_another_clause(payouts: Draft, beside: Written) -> None:
    assert is_payer_alone(payouts, [APPROVAL, beside])
    assert not is_payer_alone(payouts, [APPROVAL, beside], [REPORT])


@pytest.mark.parametrize("beside", [SIGNED, REPORT], ids=named)
def test_an_approval_or_another_who_is_asked(payouts: Draft, beside: Written) -> None:
    assert not is_payer_alone(payouts, [APPROVAL, beside])


def test_every_class_of_money_is_bounded_or_none_is(payouts: Draft) -> None:
    assert is_payer_alone(payouts, [CLASS, BONUS], [LINE])
    assert not is_payer_alone(payouts, [CLASS, BONUS], [LINE], [{**LINE, "dye_class": "bonus"}])


def test_an_allocation_is_granted_by_who_activates_it(funding: Draft) -> None:
    funding.document["clauses"] = [{"name": "cap", "any": [PAYOUT]}]
    assert list(asked_faults(load(funding.text).content)) == []
