"""Clauses that can never refuse what another lets pass, and those that look alike and can."""

from typing import Any

import pytest

from contracts.agreement import Code, load
from contracts.agreement._check_clauses import clause_faults

Draft = Any
Written = dict[str, object]


def window(amount: str, every: str, timezone: str = "+08:00") -> Written:
    return {"kind": "window_cap", "amount": amount, "every": every, "timezone": timezone}


def payee(amount: str, every: str, timezone: str = "+08:00") -> Written:
    zone = {} if every == "ever" else {"timezone": timezone}
    return {"kind": "payee_cap", "amount": amount, "every": every, **zone}


def lifetime(amount: str) -> Written:
    return {"kind": "lifetime_cap", "amount": amount}


def line(amount: str, dye_class: str = "courier-pay") -> Written:
    return {"kind": "line_cap", "dye_class": dye_class, "amount": amount}


def needless(draft: Draft, *guards: Written) -> list[int]:
    """Which of the guards, each in a clause of its own, can never refuse."""
    draft.document["clauses"] = [
        {"name": f"clause {number}", "any": [guard]} for number, guard in enumerate(guards)
    ]
    content = load(draft.text).content
    found = [fault.where for fault in clause_faults(content) if fault.code == Code.CLAUSE_UNREACHABLE]
    return [number for number in range(len(guards)) if f"clauses[{number}]" in found]


@pytest.mark.parametrize(
    ("first", "second"),
    [
        (payee("5000.00", "ever"), payee("6000.00", "day")),
        (payee("5000.00", "week"), payee("5000.00", "day")),
        (payee("500.00", "day"), payee("3500.00", "week")),
        (window("500000.00", "day"), window("5000000.00", "week")),
        (window("10.00", "hour"), window("240.00", "day")),
        (window("10.00", "day"), window("10.00", "hour")),
        (window("10.00", "day"), window("20.00", "day", "+09:00")),
        (window("10.00", "day"), window("80.00", "week", "+09:00")),
        (window("10.00", "600s"), window("30.00", "900s")),
        (line("1500.00"), {"kind": "payout_cap", "amount": "2000.00"}),
        (line("1500.00"), {"kind": "batch_cap", "amount": "2000.00"}),
        (line("1500.00"), window("2000.00", "day")),
        (line("1500.00"), lifetime("1500.00")),
        (lifetime("1500.00"), line("1500.00")),
    ],
)
def test_a_cap_that_another_makes_needless(draft: Any, first: Written, second: Written) -> None:
    assert needless(draft("courier-payouts"), first, second) == [1]


@pytest.mark.parametrize(
    ("first", "second"),
    [
        (payee("6000.00", "ever"), payee("5999.99", "day")),
        (payee("500.00", "day"), payee("5000.00", "ever")),
        (payee("500.00", "day"), payee("3499.99", "week")),
        (window("500000.00", "day"), window("3499999.99", "week")),
        (window("10.00", "day"), window("19.99", "day", "+09:00")),
        (window("10.00", "day"), window("79.99", "week", "+09:00")),
        (window("10.00", "600s"), window("29.99", "900s")),
        (window("10.00", "day"), payee("10.00", "day")),
        (line("1500.00", "courier-pay"), payee("2000.00", "day")),
    ],
)
def test_a_cap_that_may_refuse(draft: Any, first: Written, second: Written) -> None:
    assert needless(draft("courier-payouts"), first, second) == []


def test_the_cap_of_one_class_of_several_bounds_no_other(draft: Any) -> None:
    written = draft("courier-payouts")
    cap: Written = {"kind": "payout_cap", "amount": "2000.00"}
    source: Written = {"kind": "dye_class", "dye_class": "courier-pay"}
    assert needless(written, line("1500.00"), cap, source) == [1]
    written.document["clauses"][2]["any"].append({"kind": "dye_class", "dye_class": "bonus"})
    found = [fault.where for fault in clause_faults(load(written.text).content)]
    assert "clauses[1]" not in found


def test_a_later_version_goes_on_from_what_its_caps_counted(draft: Any) -> None:
    """A new cap starts from nothing, so the older one may be the stricter."""
    held = draft("courier-payouts")
    assert needless(held, lifetime("1500.00"), lifetime("1000.00")) == [0]
    held.document["version"] = 2
    assert needless(held, lifetime("1500.00"), lifetime("1000.00")) == []
    assert needless(held, lifetime("1500.00"), {"kind": "payout_cap", "amount": "2000.00"}) == [1]
