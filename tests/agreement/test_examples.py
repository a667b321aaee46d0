"""The examples in `docs/`: they load, compile, and say in both languages what was written."""

from collections.abc import Callable
from typing import Any

import pytest

from contracts.agreement import Explanation, cases, explain, load
from contracts.artifacts import TEMPLATE_VERSION, TEMPLATES
from contracts.ids import name_id, template_id
from contracts.terms import Kind

Draft = Any
LANGUAGES = ("zh", "en")


def test_courier_payouts(example: Callable[[str], bytes], payouts: Draft) -> None:
    compiled = payouts.compiled()
    assert [guard.kind for guard in compiled.guards] == list(Kind)
    assert [guard.clause for guard in compiled.guards] == list(range(6))
    assert compiled.account_id == name_id("swift-courier/east")
    assert compiled.dye_class_id == name_id("courier-pay")
    assert compiled.template_id == template_id("disbursement", TEMPLATE_VERSION)
    assert compiled.destinations == ()
    approval, roster, cap, daily, term, report = compiled.guards
    assert (approval.a, approval.subject) == (2, name_id("supervisors"))
    assert (roster.a, roster.subject) == (5, compiled.roster_root)
    assert cap.a == 2_000_00
    assert (daily.a, daily.b, daily.c) == (500_000_00, 86_400, 28_800)
    assert (term.a, term.b, term.c) == (1_767_196_800, 2_114_351_999, 86_400 << 32 | 28_800 << 64)
    assert (report.a, report.subject) == (2_592_000, name_id("delivery-report"))
    assert report.party == name_id("clear-audit")


def test_fund_east(funding: Draft) -> None:
    compiled = funding.compiled()
    assert [guard.kind for guard in compiled.guards] == [Kind.PAYOUT_CAP, Kind.WINDOW_CAP, Kind.TIME_WINDOW]
    assert compiled.destinations == (name_id("swift-courier/east"),)
    assert compiled.roster == ()
    assert compiled.roster_root == bytes(32)


@pytest.mark.parametrize("name", ["courier-payouts", "fund-east"])
def test_the_text_of_the_example_compiles(
    example: Callable[[str], bytes], draft: Callable[[str], Draft], name: str
) -> None:
    file = load(example(f"{name}.yaml"))
    assert file.content == load(draft(name).text).content
    assert file.content.template_name in TEMPLATES
    assert file.content.template.endswith(f"@{TEMPLATE_VERSION}")
    assert {case.name for case in cases(file)} == {case.name for case in file.content.expected}


def test_explanation_of_payouts_names_everything(payouts: Draft) -> None:
    explanation = explain(payouts.compiled())
    for text in (explanation.zh, explanation.en):
        for word in (
            "2,000.00",
            "500,000.00",
            "north-bank",
            "labour-bureau",
            "transport-bureau",
            "swift-courier-east",
            "swift-courier/east",
            "courier-pay",
            "clear-audit",
            "delivery-report",
            "couriers.csv",
            "2026-01-01",
            "2036-12-31",
            "30 ",
            "+08:00",
        ):
            assert word in text
        for code in (
            "approvals-missing",
            "payee-not-on-roster",
            "payout-cap",
            "window-cap",
            "outside-time-window",
            "evidence-missing",
        ):
            assert code in text
    assert "东区骑手代发" in explanation.zh
    assert "共 5 名收款人" in explanation.zh
    assert "Courier payouts, east" in explanation.en
    assert "5 payees" in explanation.en
    assert "30 days" in explanation.en


def test_explanation_of_funding_names_everything(funding: Draft) -> None:
    explanation = explain(funding.compiled())
    for text in (explanation.zh, explanation.en):
        for word in ("1,000,000.00", "3,000,000.00", "swift-courier", "swift-courier/east", "2036-12-31"):
            assert word in text


def test_languages_have_the_same_lines(payouts: Draft) -> None:
    explanation = explain(payouts.compiled())
    assert explanation.zh.count("\n") == explanation.en.count("\n")


def test_a_file_is_explained_before_it_compiles(payouts: Draft) -> None:
    payouts.guard("delivery report")["by"] = "nobody"
    explanation = explain(load(payouts.text))
    assert "nobody" in explanation.en
    assert "payees)" not in explanation.en


def test_alternatives_are_numbered(payouts: Draft) -> None:
    other = {"kind": "evidence", "evidence": "signed-list", "by": "north-bank", "fresh_for": "1d"}
    payouts.clause("delivery report")["any"].append(other)
    explanation = explain(payouts.compiled())
    assert "any one of these is enough. (1) clear-audit" in explanation.en
    assert "1 day before payment" in explanation.en
    assert "满足任一项即可。（1）clear-audit" in explanation.zh


def test_several_window_caps_are_said_to_count_by_themselves(payouts: Draft) -> None:
    other = {"kind": "window_cap", "amount": "9.00", "every": "900s", "timezone": "+08:00"}
    payouts.clause("daily cap")["any"].append(other)
    explanation = explain(payouts.compiled())
    assert "Each cap counts by itself" in explanation.en
    assert "in each window of 900 seconds" in explanation.en
    assert "各自累计" in explanation.zh


def test_braces_in_a_name_are_only_text(payouts: Draft) -> None:
    payouts.document["title"] = {"zh": "{count}", "en": "{0} {payer}"}
    explanation: Explanation = explain(payouts.compiled())
    assert "《{count}》" in explanation.zh
    assert "“{0} {payer}”" in explanation.en
