"""Several agreements together: circles of money, waiting for each other, accounts without a way out."""

from collections.abc import Callable
from dataclasses import replace
from typing import Any

import pytest

from contracts.agreement import AgreementFacts, Code, agreement_facts, check_together, load
from contracts.agreement.workflow import together, workflow_faults

Draft = Any


def found(drafts: list[Draft]) -> list[list[tuple[Code, str]]]:
    files = [load(draft.text) for draft in drafts]
    rosters = {name: held for draft in drafts for name, held in draft.rosters.items()}
    faults = check_together(files, drafts[0].facts, rosters)
    return [[(Code(fault.code), fault.where) for fault in each] for each in faults]


def rule(draft: Draft, number: int, to: str) -> None:
    draft.document["rules"][number]["to"] = to
    draft.document["expected"] = [
        {"name": "cleared", "holds": {draft.document["accounts"]["pays_from"]: "1.00"}, "then": {}}
    ]


def test_a_workflow_with_a_way_out_everywhere(draft: Callable[[str], Draft]) -> None:
    funding, payouts = draft("fund-east"), draft("courier-payouts")
    assert found([funding, payouts]) == [[], []]


def test_money_without_a_way_out(draft: Callable[[str], Draft]) -> None:
    assert found([draft("fund-east")]) == [[(Code.NO_EXIT, "accounts.funds[0]")]]
    escrow = draft("bike-order")
    assert (Code.NO_EXIT, "escrow.payee_account") in found([escrow])[0]


@pytest.mark.parametrize(
    ("name", "where"),
    [
        ("sales-split", "split.refund_to"),
        ("bike-order", "escrow.payer_account"),
        ("depot-guarantee", "guarantee.applicant_account"),
        ("battery-receipt", "delivery.buyer_account"),
        ("river-invoice", "receivable.creditor_account"),
    ],
)
def test_money_that_goes_back_needs_a_way_out_too(
    draft: Callable[[str], Draft], name: str, where: str
) -> None:
    other = draft(name)
    assert (Code.NO_EXIT, where) in found([other])[0]
    account: Any = other.document
    for key in where.split("."):
        account = account[key]
    exit_ = draft("depot-works")
    exit_.document["accounts"]["pays_from"] = account
    assert (Code.NO_EXIT, where) not in found([other, exit_])[0]


def test_a_circle_over_two_files(draft: Callable[[str], Draft]) -> None:
    down, split = draft("budget-clearing"), draft("sales-split")
    rule(down, 2, "swift-courier/sales")
    faults = found([down, split])
    assert (Code.WORKFLOW_CYCLE, "rules[2].to") in faults[0]
    assert (Code.WORKFLOW_CYCLE, "split.remainder_to") in faults[1]
    assert Code.WORKFLOW_CYCLE not in [code for code, _ in found([down])[0]]


def test_an_account_that_funds_itself_is_no_circle_beside(draft: Callable[[str], Draft]) -> None:
    clearing = draft("budget-clearing")
    rule(clearing, 0, "swift-courier")
    codes = [code for code, where in found([clearing])[0] if where == "rules[0].to"]
    assert Code.FUNDS_ITSELF in codes
    assert Code.WORKFLOW_CYCLE not in codes


def test_a_circle_shows_its_way(draft: Callable[[str], Draft]) -> None:
    split = draft("sales-split")
    held = AgreementFacts(bytes(20), "allocation", "swift-courier/tax", ("swift-courier/sales",))
    facts = replace(split.facts, agreements={"back": held})
    ((fault,),) = workflow_faults((load(split.text).content,), facts)
    assert fault.code == Code.WORKFLOW_CYCLE
    assert "swift-courier/sales → swift-courier/tax → swift-courier/sales" in fault.message


def test_no_two_agreements_hold_money_on_one_account(draft: Callable[[str], Draft]) -> None:
    escrow, delivery = draft("bike-order"), draft("battery-receipt")
    assert Code.ACCOUNT_SHARED not in [code for faults in found([escrow, delivery]) for code, _ in faults]
    delivery.document["accounts"]["pays_from"] = "swift-courier/deposit"
    for faults in found([escrow, delivery]):
        assert (Code.ACCOUNT_SHARED, "accounts.pays_from") in faults


def test_nobody_else_pays_from_where_money_is_held(draft: Callable[[str], Draft]) -> None:
    escrow, works = draft("bike-order"), draft("depot-works")
    works.document["accounts"]["pays_from"] = "swift-courier/deposit"
    for faults in found([escrow, works]):
        assert (Code.ACCOUNT_SHARED, "accounts.pays_from") in faults


@pytest.mark.parametrize(
    ("name", "section", "key"),
    [
        ("sales-split", "split", "remainder_to"),
        ("river-invoice", "receivable", "debtor_account"),
        ("river-invoice", "receivable", "financier_account"),
    ],
)
def test_nobody_else_draws_on_where_money_is_held(
    draft: Callable[[str], Draft], name: str, section: str, key: str
) -> None:
    escrow, other = draft("bike-order"), draft(name)
    other.document[section][key] = "swift-courier/deposit"
    of_escrow, of_other = found([escrow, other])
    assert (Code.ACCOUNT_SHARED, "accounts.pays_from") in of_escrow
    assert (Code.ACCOUNT_SHARED, f"{section}.{key}") in of_other


def test_money_that_is_nobodys_deposit_may_leave_by_several_agreements(draft: Callable[[str], Draft]) -> None:
    drafts = [draft(name) for name in ("fund-east", "budget-clearing", "sales-split", "river-invoice")]
    for faults in found(drafts):
        assert Code.ACCOUNT_SHARED not in [code for code, _ in faults]


@pytest.mark.parametrize(
    ("name", "section", "key", "held"),
    [
        ("bike-order", "escrow", "payer_account", "swift-courier/deposit"),
        ("depot-guarantee", "guarantee", "applicant_account", "swift-courier/collateral"),
        ("battery-receipt", "delivery", "buyer_account", "swift-courier/warehouse"),
        ("river-invoice", "receivable", "creditor_account", "swift-courier/repayments"),
    ],
)
def test_a_rule_funds_no_account_whose_money_comes_back_to_it(
    draft: Callable[[str], Draft], name: str, section: str, key: str, held: str
) -> None:
    clearing, other = draft("budget-clearing"), draft(name)
    rule(clearing, 0, held)
    other.document[section][key] = "swift-courier"
    of_rule, of_other = found([clearing, other])
    assert (Code.WORKFLOW_CYCLE, "rules[0].to") in of_rule
    assert (Code.WORKFLOW_CYCLE, f"{section}.{key}") in of_other
    other.document[section][key] = "swift-courier/customers"
    assert Code.WORKFLOW_CYCLE not in [code for faults in found([clearing, other]) for code, _ in faults]


def test_a_rule_funds_nobody_who_refunds_to_where_it_draws(draft: Callable[[str], Draft]) -> None:
    clearing, split = draft("budget-clearing"), draft("sales-split")
    clearing.document["accounts"]["pays_from"] = "swift-courier/customers"
    rule(clearing, 0, "swift-courier/platform")
    of_rule, of_split = found([clearing, split])
    assert (Code.WORKFLOW_CYCLE, "rules[0].to") in of_rule
    assert (Code.WORKFLOW_CYCLE, "split.refund_to") in of_split


def test_agreements_that_wait_for_each_other(draft: Callable[[str], Draft]) -> None:
    drafts = []
    for name, other in (("first", "second"), ("second", "first")):
        one = draft("courier-payouts")
        one.document["agreement"] = name
        guard = {"kind": "agreement_balance", "agreement": other, "dye_class": "general", "at_least": "1.00"}
        one.add_clause("after", "agreement-state", guard)
        drafts.append(one)
    for faults in found(drafts):
        assert (Code.WORKFLOW_CYCLE, "clauses[6].any[0].agreement") in faults
        assert Code.AGREEMENT_UNKNOWN not in [code for code, _ in faults]


def test_one_version_at_a_time(draft: Callable[[str], Draft]) -> None:
    again = draft("courier-payouts")
    again.document["version"] = 2
    assert found([draft("courier-payouts"), again]) == [[], [(Code.AGREEMENT_REPEATED, "agreement")]]


@pytest.mark.parametrize(
    ("name", "clears_to", "waits_for", "gives_back_to", "draws_on"),
    [
        ("courier-payouts", (), (), (), ()),
        ("depot-works", (), ("bike-order",), (), ()),
        ("bike-order", (), (), ("swift-courier",), ()),
        ("depot-guarantee", (), (), ("swift-courier",), ()),
        ("battery-receipt", (), (), ("swift-courier",), ()),
        (
            "river-invoice",
            (),
            (),
            ("swift-courier/suppliers",),
            ("swift-courier/financing", "swift-courier"),
        ),
        (
            "sales-split",
            ("swift-courier/platform", "swift-courier/tax", "swift-courier"),
            (),
            ("swift-courier/customers",),
            ("swift-courier/platform", "swift-courier/tax", "swift-courier"),
        ),
        (
            "budget-clearing",
            ("swift-courier/east", "swift-courier/tax", "swift-courier/suppliers"),
            (),
            (),
            (),
        ),
    ],
)
def test_what_others_need_to_know(
    draft: Callable[[str], Draft],
    name: str,
    clears_to: tuple[str, ...],
    waits_for: tuple[str, ...],
    gives_back_to: tuple[str, ...],
    draws_on: tuple[str, ...],
) -> None:
    content = load(draft(name).text).content
    account = content.accounts.pays_from
    assert agreement_facts(content, b"\1" * 20) == AgreementFacts(
        b"\1" * 20, content.template_name, account, clears_to, waits_for, gives_back_to, draws_on
    )


def test_what_is_deployed_keeps_its_address(draft: Callable[[str], Draft]) -> None:
    escrow = draft("bike-order")
    known = together((load(escrow.text).content,), escrow.facts).agreements["bike-order"]
    assert known.address == escrow.facts.agreements["bike-order"].address
