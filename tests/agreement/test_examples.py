"""The examples in `docs/`: they load, compile, and say in both languages what was written."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from contracts.agreement import Explanation, cases, explain, load, trials
from contracts.artifacts import TEMPLATE_VERSION, TEMPLATES
from contracts.ids import name_id, template_id
from contracts.terms import Kind

Draft = Any
EXAMPLES = Path(__file__).parents[2] / "docs" / "examples"


def test_courier_payouts(example: Callable[[str], bytes], payouts: Draft) -> None:
    compiled = payouts.compiled()
    assert [guard.kind for guard in compiled.guards] == list(Kind)[:6]
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


NAMES = sorted(path.stem for path in EXAMPLES.glob("*.yaml"))


def test_depot_works_has_every_kind(draft: Callable[[str], Draft]) -> None:
    compiled = draft("depot-works").compiled()
    assert {guard.kind for guard in compiled.guards} == set(Kind)
    by_kind = {guard.kind: guard for guard in compiled.guards}
    assert (by_kind[Kind.APPROVAL].a, by_kind[Kind.APPROVAL].b) == (2, 1 | 1 << 32)
    assert by_kind[Kind.WAITING].encoded()[2:4] == (86_400, 2)
    assert by_kind[Kind.EVIDENCE].b == 2
    assert by_kind[Kind.EVIDENCE].party == name_id("inspectors")
    assert by_kind[Kind.LIFETIME_CAP].subject == name_id("budget")
    assert by_kind[Kind.TIME_WINDOW].c >> 96 == 0b11111
    calendar = by_kind[Kind.CALENDAR_DAY]
    assert (calendar.b, int.from_bytes(calendar.subject)) == (256, 0b11 << 67)
    states = [guard for guard in compiled.guards if guard.kind == Kind.AGREEMENT_STATE]
    assert {guard.party for guard in states} == {(b"\x0b" * 20).rjust(32, b"\0")}
    assert [guard.a for guard in states] == [2, 255]


@pytest.mark.parametrize("name", NAMES)
def test_every_example_compiles_and_is_explained(draft: Callable[[str], Draft], name: str) -> None:
    compiled = draft(name).compiled()
    explanation = explain(compiled)
    assert explanation.zh.count("\n") == explanation.en.count("\n")
    content = compiled.file.content
    for text in (explanation.zh, explanation.en):
        assert content.accounts.pays_from in text
        for role in content.parties:
            assert all(institution in text for institution in content.institutions_of(role))
        assert "{" not in text
        assert "None" not in text
    assert len(cases(compiled.file)) + len(trials(compiled.file)) == len(content.expected)


@pytest.mark.parametrize("name", NAMES)
def test_the_text_of_the_example_compiles(
    example: Callable[[str], bytes], draft: Callable[[str], Draft], name: str
) -> None:
    file = load(example(f"{name}.yaml"))
    assert file.content == load(draft(name).text).content
    assert file.content.template_name in TEMPLATES
    assert file.content.template.endswith(f"@{TEMPLATE_VERSION}")
    shown = [case.name for case in (*cases(file), *trials(file))]
    assert sorted(shown) == sorted(case.name for case in file.content.expected)


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
