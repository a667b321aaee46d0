"""Expected results as data, and the judgement of what a simulation saw."""

from collections.abc import Callable
from typing import Any

import pytest

from contracts.agreement import Case, GivenDocument, GivenEvidence, Paid, RefusedBy, cases, judge, load
from contracts.errors import AgreementInvalid
from contracts.terms import Refusal

Draft = Any


def test_cases_of_a_disbursement(payouts: Draft) -> None:
    first, second, *_, report = cases(load(payouts.text))
    assert first == Case(
        name="everything in order",
        balance_minor=10_000_00,
        approvals=2,
        evidence=("delivery-report",),
        at_seconds=None,
        paid_in_window_minor=0,
        payee="陈一帆",
        fund=None,
        amount_minor=1_500_00,
        expect=Paid(),
        attested=(GivenEvidence("delivery-report"),),
    )
    assert second.at_seconds == 1_893_463_200
    assert report.evidence == ()
    assert report.expect == RefusedBy(5, "delivery report", "evidence-missing")


def test_an_unknown_payee_has_no_name(payouts: Draft) -> None:
    found = {case.name: case for case in cases(load(payouts.text))}
    assert found["nobody outside the roster"].payee is None
    assert found["the day is used up"].paid_in_window_minor == 499_000_00


def test_cases_of_an_allocation(funding: Draft) -> None:
    case = cases(load(funding.text))[0]
    assert (case.payee, case.fund, case.amount_minor) == (None, "swift-courier/east", 800_000_00)


def test_everything_that_may_be_given(draft: Callable[[str], Draft]) -> None:
    found = {case.name: case for case in cases(load(draft("depot-works").text))}
    ordinary = found["everything in order"]
    assert ordinary.approvers == ("north-bank", "labour-bureau")
    assert (ordinary.approvals, ordinary.approved_seconds_ago) == (2, 25 * 3_600)
    assert ordinary.countersigned
    assert ordinary.document == GivenDocument("works-contract", 50_000_00, "陈一帆")
    assert ordinary.states == {"bike-order": 2}
    assert found["the payee is blocked"].blocked
    assert found["the payee got enough, but a quorum let it pass"].waived == (5,)
    assert found["the payee got enough this week"].paid_to_payee_minor == 16_000_00
    assert found["the budget is used up"].paid_minor == 885_000_01
    assert found["money for wages"].dye_class == "courier-pay"
    assert found["the contract is of another payee"].document == GivenDocument(
        "works-contract", 50_000_00, "周予安"
    )
    assert found["one inspector is not enough"].attested == (GivenEvidence("site-inspection", 0, 1),)
    assert found["the inspection is old"].attested == (GivenEvidence("site-inspection", 15 * 86_400),)
    grant = found["money of the grant, while the bikes are still in escrow"]
    assert (grant.states, grant.balances) == ({"bike-order": 1}, {"bike-order": 20_000_00})


def test_a_case_of_no_clause_is_refused(payouts: Draft) -> None:
    payouts.document["expected"][2]["then"]["refused_by"] = "x"
    with pytest.raises(AgreementInvalid, match="no clause is called 'x'"):
        cases(load(payouts.text))


@pytest.mark.parametrize(
    ("place", "outcome", "ok"),
    [
        (0, Paid(), True),
        (0, Refusal("payout-cap", "over the cap", 2, 2, 1, 2), False),
        (4, Refusal("payout-cap", "over the cap", 2, 2, 1, 2), True),
        (4, Refusal("payout-cap", "over the cap", 3, 2, 1, 2), False),
        (4, Refusal("window-cap", "over the cap", 2, 2, 1, 2), False),
        (4, Refusal("disbursement.unknown-batch", "disbursement: unknown batch"), False),
        (4, Paid(), False),
    ],
)
def test_judgement(payouts: Draft, place: int, outcome: Paid | Refusal, ok: bool) -> None:
    case = cases(load(payouts.text))[place]
    result = judge(case, outcome)
    assert (result.case, result.ok) == (case.name, ok)
    assert ("as expected" in result.message.en) is ok
    assert ("符合预期" in result.message.zh) is ok
    if isinstance(outcome, Refusal):
        assert outcome.reason in str(result.message)
