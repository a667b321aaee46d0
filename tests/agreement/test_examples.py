"""The examples in `docs/`: they load, compile, and say in both languages what was written."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from contracts.agreement import (
    AgreementFile,
    CompiledAgreement,
    Explanation,
    cases,
    explain,
    load,
    trials,
)
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


def sentences(file: CompiledAgreement | AgreementFile, clause: str) -> tuple[str, str]:
    """What is said of one clause, in English and in Chinese."""
    said = explain(file)
    (english,) = (line for line in said.en.splitlines() if f". {clause}: " in line)
    (chinese,) = (line for line in said.zh.splitlines() if f". {clause}：" in line)
    return english, chinese


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
    english, chinese = sentences(payouts.compiled(), "daily cap")
    assert ": any one of these is enough. (1) batches reserved on one calendar day" in english
    assert "Each counts by itself, and only the first that has room counts." in english
    assert "within one window of 900 seconds" in english
    assert "：下列条件满足任一项即可。（1）同一自然日预留的付款批次" in chinese
    assert "（2）同一 900 秒周期内预留的付款批次" in chinese
    assert "每项额度各自累计，只计入第一项尚有余量的额度。" in chinese


WINDOWS = {
    "hour": ("within one hour of the clock", "同一小时内"),
    "day": ("on one calendar day", "同一自然日"),
    "week": ("in one week from Monday 00:00", "同一周（周一零时起）"),
    "86400s": ("within one window of 86400 seconds", "同一 86400 秒周期内"),
}


@pytest.mark.parametrize("every", WINDOWS)
def test_caps_count_what_is_reserved_not_what_is_paid(payouts: Draft, funding: Draft, every: str) -> None:
    """The money may leave later: of several days' batches, several days' caps on one day."""
    payouts.guard("daily cap")["every"] = every
    english, chinese = sentences(payouts.compiled(), "daily cap")
    one, zh = WINDOWS[every]
    assert f": batches reserved {one} add up to CNY 500,000.00 at most, whenever they are paid (" in english
    assert f"：{zh}预留的付款批次合计不超过 500,000.00 元人民币，不论何时付款（" in chinese
    funding.guard("daily cap")["every"] = every
    english, chinese = sentences(funding.compiled(), "daily cap")
    assert f": transfers {one} add up to CNY 3,000,000.00 at most (time zone" in english
    assert f"：{zh}的拨款合计不超过 3,000,000.00 元人民币（时区" in chinese


def test_caps_without_an_end_count_what_is_reserved(draft: Callable[[str], Draft], funding: Draft) -> None:
    works = draft("depot-works").compiled()
    english, chinese = sentences(works, "budget")
    assert "all batches ever reserved add up to CNY 900,000.00 at most. Above that the whole batch" in english
    assert "自始至终预留的付款批次累计不超过 900,000.00 元人民币。超出时拒绝整个批次" in chinese
    english, chinese = sentences(works, "grant")
    assert "all batches ever reserved from money of the class “grant” add up to" in english
    assert "自始至终从“grant”类资金预留的付款批次累计不超过" in chinese
    english, _ = sentences(works, "payee cap")
    assert "payments to one payee add up to CNY 30,000.00 at most in each week" in english
    funding.document["clauses"].append(
        {"name": "ever", "any": [{"kind": "lifetime_cap", "amount": "9000000.00"}]}
    )
    english, chinese = sentences(load(funding.text), "ever")
    assert "all transfers ever made add up to CNY 9,000,000.00 at most. Otherwise the transfer" in english
    assert "自始至终拨款累计不超过 9,000,000.00 元人民币。否则拒绝该笔拨款" in chinese


def test_the_classes_that_can_be_drawn_on(draft: Callable[[str], Draft], payouts: Draft) -> None:
    explanation = explain(draft("depot-works").compiled())
    assert "with money of the classes “grant”, “works” only, in CNY" in explanation.en
    assert "只动用“grant”、“works”类资金" in explanation.zh
    explanation = explain(payouts.compiled())
    assert "with money of the class “courier-pay” only, in CNY" in explanation.en
    assert "只动用“courier-pay”类资金" in explanation.zh


REPORT = {"kind": "evidence", "evidence": "inspection", "by": "clear-audit", "fresh_for": "30d"}


def test_money_is_set_aside_where_something_can_still_be_given(payouts: Draft) -> None:
    small = {"kind": "batch_cap", "amount": "3000.00"}
    for guards, code in (((small, REPORT), "evidence-missing"), ((REPORT, small), "batch-cap")):
        payouts.document["clauses"][6:] = [{"name": "size", "any": list(guards)}]
        english, chinese = sentences(load(payouts.text), "size")
        assert f"Otherwise nothing of the batch is paid ({code}); its money stays set aside" in english
        assert f"否则整个批次暂不付款（{code}），资金保留在批次中" in chinese
    payouts.document["clauses"][6:] = [{"name": "size", "any": [small]}]
    english, chinese = sentences(load(payouts.text), "size")
    assert english.endswith("Otherwise the whole batch is refused (batch-cap) and no money is set aside.")
    assert chinese.endswith("否则拒绝整个批次（batch-cap），不占用任何资金。")


def test_a_document_refuses_a_batch_or_a_payee(draft: Callable[[str], Draft]) -> None:
    english, chinese = sentences(draft("depot-works").compiled(), "contract")
    assert "the whole batch is refused (document-missing / document-amount) and no money" in english
    assert "A payment to another payee is refused (document-payee)" in english
    assert "拒绝整个批次（document-missing / document-amount），不占用任何资金" in chinese
    assert "付给其他收款人的付款被拒绝（document-payee）" in chinese


def test_a_dispute_never_shortens_an_escrow(draft: Callable[[str], Draft]) -> None:
    explanation = explain(draft("bike-order").compiled())
    assert (
        "After 2030-07-31T00:00:00+08:00 anyone may end it, in a dispute 30 days after it was raised at the "
        "earliest: attested milestones are paid, the rest goes back to the payer." in explanation.en
    )
    assert (
        "2030-07-31T00:00:00+08:00 之后任何人可结束；有争议的，还须自提出争议起已过 30 天：" in explanation.zh
    )
    assert "最迟" not in explanation.zh
    assert "divides what rests.\n" in explanation.en
    assert "裁决分配。\n" in explanation.zh


def test_braces_in_a_name_are_only_text(payouts: Draft) -> None:
    payouts.document["title"] = {"zh": "{count}", "en": "{0} {payer}"}
    explanation: Explanation = explain(payouts.compiled())
    assert "《{count}》" in explanation.zh
    assert "“{0} {payer}”" in explanation.en
