"""Every fault code: one file that has it, and where it is reported."""

from collections.abc import Callable
from copy import deepcopy
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from contracts.agreement import AgreementFacts, Code, QuorumFacts, _yaml, compile_terms, load
from contracts.agreement.compile import agreement_faults
from contracts.errors import AgreementInvalid

Draft = Any
Change = Callable[[Draft], object]

NIGHT = {"kind": "time_window", "from": "2026-01-01", "until": "2026-12-31", "timezone": "+08:00"}
CAP = {"kind": "payout_cap", "amount": "5000.00"}


def set_value(*path: str | int, to: object) -> Change:
    """Write a value into the document; a list's end is None."""

    def change(draft: Draft) -> None:
        at = draft.document
        for part in path[:-1]:
            at = at[part]
        at[path[-1]] = to

    return change


def without(*path: str | int) -> Change:
    def change(draft: Draft) -> None:
        at = draft.document
        for part in path[:-1]:
            at = at[part]
        del at[path[-1]]

    return change


def guard(clause: int, **operands: object) -> Change:
    return lambda draft: draft.document["clauses"][clause]["any"][0].update(operands)


def also(clause: int, *guards: dict[str, object]) -> Change:
    return lambda draft: draft.document["clauses"][clause]["any"].extend(deepcopy(guards))


def clause(name: str, code: str, *guards: dict[str, object]) -> Change:
    return lambda draft: draft.add_clause(name, code, *deepcopy(guards))


def roster(text: str) -> Change:
    return lambda draft: draft.rosters.update({"couriers.csv": text.encode()})


def no_rosters(draft: Draft) -> None:
    draft.rosters.clear()


def no_quorums(draft: Draft) -> None:
    draft.facts = replace(draft.facts, quorums={})


def shrunk_parties(draft: Draft) -> None:
    draft.document["parties"]["supervisors"] = ["north-bank", "labour-bureau"]


def many_guards(draft: Draft) -> None:
    for number in range(4):
        kinds = [f"paper-{number}-{i}" for i in range(6)]
        evidence = {"kind": "evidence", "by": "clear-audit", "fresh_for": "1d"}
        draft.add_clause(
            f"c{number}", "evidence-missing", *({**evidence, "evidence": kind} for kind in kinds)
        )


def second_quorum(draft: Draft) -> None:
    members = ("north-bank", "clear-audit")
    draft.facts = replace(draft.facts, quorums={**draft.facts.quorums, "others": QuorumFacts(members, 2)})
    draft.document["parties"]["others"] = list(members)


def deployed(
    draft: Draft,
    name: str,
    template: str,
    account: str = "swift-courier",
    clears_to: tuple[str, ...] = (),
    waits_for: tuple[str, ...] = (),
) -> None:
    held = AgreementFacts(b"\1" * 20, template, account, clears_to, waits_for)
    draft.facts = replace(draft.facts, agreements={**draft.facts.agreements, name: held})


def milestones(last: str) -> Change:
    """Four milestones of all digits that an amount has, and a fifth."""

    def change(draft: Draft) -> None:
        one = draft.document["escrow"]["milestones"][1]
        amounts = ["9999999999999999.99"] * 4 + [last]
        more = [{**one, "name": f"part {i}", "amount": amount} for i, amount in enumerate(amounts)]
        draft.document["escrow"]["milestones"][1:] = more
        draft.document["escrow"]["milestones"][0]["amount"] = "0.01"

    return change


def beside(draft: Draft) -> None:
    draft.account("other", "swift-courier", "swift-courier", "CNY")
    draft.account("other/east", "swift-courier", "swift-courier", "CNY", "other")
    draft.document["rules"][0]["to"] = "other/east"


def payer_alone(draft: Draft) -> None:
    draft.document["clauses"][:] = [draft.clause("roster"), draft.clause("payout cap")]


PAYEE = {"kind": "payee_cap", "amount": "9000.00", "every": "day", "timezone": "+08:00"}
OWN_CLASS = {"kind": "dye_class", "dye_class": "courier-pay"}
BLACKLIST = {"kind": "blacklist", "quorum": "supervisors"}
BALANCE = {"kind": "agreement_balance", "agreement": "funding", "dye_class": "general", "at_least": "1.00"}
CALENDAR = {
    "kind": "calendar",
    "from": "2026-01-01",
    "until": "2026-03-31",
    "excluded": ["2026-01-01"],
    "timezone": "+08:00",
}
INVOICE = {"kind": "document", "document": "invoice", "by": "witness"}
RELEASED = {"kind": "agreement_state", "agreement": "bike-order", "state": "released"}
P, F = "courier-payouts", "fund-east"
E, G, S, D = "bike-order", "depot-guarantee", "sales-split", "battery-receipt"
R, A, W = "river-invoice", "budget-clearing", "depot-works"
REQUEST = {
    "name": "one",
    "given": {"balance": "1.00"},
    "when": {"payee": "unknown", "amount": "1.00"},
    "then": "paid",
}
COURSE = {"name": "one", "holds": {"swift-courier": "1.00"}, "then": {"state": "open"}}
PASSED_ON = {"act": "assign", "by": "creditor", "to": "financier", "account": "swift-courier", "amount": "1"}
ROSTER_LINE = "payee_name,payee_account\n"

# Code -> (which example, the change, where the fault is, how its message begins or what it holds).
FAULTS: dict[Code, list[tuple[str, Change, str]]] = {
    Code.KEY_MISSING: [
        (P, without("title", "zh"), "title.zh"),
        (P, without("clauses", 0, "any"), "clauses[0].any"),
    ],
    Code.KEY_UNKNOWN: [
        (P, guard(2, colour="red"), "clauses[2].any[0].colour"),
        (P, set_value("x", to=1), "x"),
    ],
    Code.TYPE_WRONG: [
        (P, set_value("version", to="1"), "version"),
        (P, set_value("version", to=True), "version"),
        (P, set_value("clauses", to={}), "clauses"),
        (P, set_value("accounts", to=[]), "accounts"),
        (P, set_value("parties", "payer", to=None), "parties.payer"),
        (P, set_value("title", "en", to=["a"]), "title.en"),
    ],
    Code.VALUE_UNKNOWN: [
        (P, set_value("template", to="escrow@2.0.0"), "template"),
        (P, set_value("currency", to="XAU"), "currency"),
        (P, set_value("expected", 0, "then", to="payed"), "expected[0].then"),
    ],
    Code.VALUE_OUT_OF_RANGE: [
        (P, set_value("version", to=0), "version"),
        (P, guard(0, at_least=17), "clauses[0].any[0].at_least"),
        (P, set_value("clauses", 0, "any", to=[]), "clauses[0].any"),
        (P, set_value("expected", 0, "given", "approvals", to=-1), "expected[0].given.approvals"),
        (F, set_value("accounts", "funds", to=[f"a/{i}" for i in range(65)]), "accounts.funds"),
    ],
    Code.GUARD_KIND_UNKNOWN: [
        (P, guard(2, kind="payout_limit"), "clauses[2].any[0]"),
        (P, without("clauses", 2, "any", 0, "kind"), "clauses[2].any[0]"),
        (P, set_value("clauses", 2, "any", 0, to="payout_cap"), "clauses[2].any[0]"),
    ],
    Code.AMOUNT_NOT_TEXT: [
        (P, guard(2, amount=2000.0), "clauses[2].any[0].amount"),
        (P, guard(2, amount=2000), "clauses[2].any[0].amount"),
        (P, set_value("expected", 0, "given", "balance", to=None), "expected[0].given.balance"),
    ],
    Code.AMOUNT_INVALID: [
        (P, guard(2, amount=amount), "clauses[2].any[0].amount")
        for amount in (
            "2,000.00",
            "-1.00",
            "1.000",
            "1.5",
            "1e3",
            "NaN",
            "٣.00",
            "",
            " 1.00",
            "01.00",
            "9" * 17,
        )
    ],
    Code.DATE_INVALID: [
        (P, guard(4, **{"from": day}), "clauses[4].any[0].from")
        for day in ("2026-02-30", "1999-01-01", "2026-1-1", "20260101", "1767196800")
    ],
    Code.HOURS_INVALID: [
        (P, guard(4, daily=hours), "clauses[4].any[0].daily")
        for hours in ("09:00-09:00", "00:00-24:01", "24:00-02:00", "9-17", "00:00-25:00")
    ],
    Code.TIMEZONE_INVALID: [
        (P, guard(4, timezone=zone), "clauses[4].any[0].timezone")
        for zone in ("Asia/Shanghai", "8", "+15:00", "+08:60", "08:00")
    ],
    Code.DURATION_INVALID: [
        (P, guard(5, fresh_for="30"), "clauses[5].any[0].fresh_for"),
        (P, guard(5, fresh_for="0d"), "clauses[5].any[0].fresh_for"),
        (P, guard(5, fresh_for="3661d"), "clauses[5].any[0].fresh_for"),
        (P, guard(3, every="month"), "clauses[3].any[0].every"),
        (P, guard(3, every="2h"), "clauses[3].any[0].every"),
        (P, guard(3, every="99999999s"), "clauses[3].any[0].every"),
        (P, guard(3, every="255s"), "clauses[3].any[0].every"),
    ],
    Code.MOMENT_INVALID: [
        (P, set_value("expected", 1, "given", "at", to=at), "expected[1].given.at")
        for at in ("2030-01-01", "2030-01-01T10:00:00", "2030-13-01T10:00:00Z", "1893456000")
    ],
    Code.NAME_INVALID: [
        (P, set_value("agreement", to="Courier Payouts"), "agreement"),
        (P, set_value("accounts", "pays_from", to="/east"), "accounts.pays_from"),
        (P, guard(1, file="../couriers.csv"), "clauses[1].any[0].file"),
        (G, set_value("guarantee", "document", to="0x" + "0" * 64), "guarantee.document"),
        (R, set_value("receivable", "document", to="0x" + "0" * 64), "receivable.document"),
        (P, set_value("title", "zh", to="东区\u200b骑手"), "title.zh"),
        (P, set_value("clauses", 0, "name", to="a\x00b"), "clauses[0].name"),
        (P, set_value("clauses", 0, "name", to=" a"), "clauses[0].name"),
        (P, set_value("parties", "The Payer", to="north-bank"), "parties.The Payer (the key)"),
        (P, set_value("title", "en", to="x" * 121), "title.en"),
    ],
    Code.PARTY_UNKNOWN: [
        (P, set_value("parties", "auditor", to="nobody"), "parties.auditor"),
        (P, guard(5, by="nobody"), "clauses[5].any[0].by"),
        (
            R,
            set_value("expected", 0, "events", 1, to={**PASSED_ON, "to": "nobody"}),
            "expected[0].events[1].to",
        ),
        (
            R,
            set_value("expected", 0, "events", 1, to={**PASSED_ON, "by": "nobody"}),
            "expected[0].events[1].by",
        ),
    ],
    Code.PARTY_AMBIGUOUS: [
        (P, guard(5, by="supervisors"), "clauses[5].any[0].by"),
        (
            P,
            lambda draft: (
                set_value("parties", "clear-audit", to="swift-courier")(draft),
                guard(5, by="clear-audit")(draft),
            ),
            "clauses[5].any[0].by",
        ),
    ],
    Code.PAYER_MISSING: [
        (P, without("parties", "payer"), "parties"),
        (P, set_value("parties", "payer", to=["swift-courier-east", "swift-courier"]), "parties"),
    ],
    Code.PAYER_NOT_CONTROLLER: [(P, set_value("parties", "payer", to="swift-courier"), "parties.payer")],
    Code.ACCOUNT_UNKNOWN: [
        (P, set_value("accounts", "pays_from", to="swift-courier/west"), "accounts.pays_from"),
        (F, set_value("accounts", "funds", to=["swift-courier/west"]), "accounts.funds[0]"),
        (
            R,
            set_value("expected", 0, "events", 1, to={**PASSED_ON, "account": "swift-courier/west"}),
            "expected[0].events[1].account",
        ),
    ],
    Code.ACCOUNT_REPEATED: [
        (E, set_value("escrow", "payee_account", to="swift-courier"), "escrow.payee_account"),
        (S, set_value("split", "refund_to", to="swift-courier/tax"), "split.refund_to"),
        (F, set_value("accounts", "funds", to=["swift-courier/east"] * 2), "accounts.funds"),
    ],
    Code.ACCOUNT_SHARED: [
        (D, set_value("accounts", "pays_from", to="swift-courier/deposit"), "accounts.pays_from"),
        (P, lambda draft: deployed(draft, "x", "guarantee", "swift-courier/east"), "accounts.pays_from"),
        (
            R,
            lambda draft: deployed(draft, "x", "allocation", "swift-courier/repayments"),
            "accounts.pays_from",
        ),
        (S, set_value("split", "parts", 1, "to", to="swift-courier/deposit"), "split.parts[1].to"),
        (S, set_value("split", "remainder_to", to="swift-courier/deposit"), "split.remainder_to"),
        (
            R,
            set_value("receivable", "debtor_account", to="swift-courier/deposit"),
            "receivable.debtor_account",
        ),
    ],
    Code.ACCOUNT_ROOT: [
        (which, set_value("accounts", "pays_from", to="swift-courier"), "accounts.pays_from")
        for which in (E, G, D, R)
    ],
    Code.CURRENCY_MISMATCH: [
        (P, set_value("currency", to="USD"), "accounts.pays_from"),
        (
            F,
            lambda draft: draft.account("swift-courier/east", "swift-courier-east", "swift-courier", "USD"),
            "accounts.funds[0]",
        ),
    ],
    Code.TREE_MISMATCH: [
        (
            F,
            lambda draft: draft.account("swift-courier/east", "swift-courier-east", "other", "CNY"),
            "accounts.funds[0]",
        ),
    ],
    Code.FUNDS_MISSING: [(F, without("accounts", "funds"), "accounts")],
    Code.FUNDS_ITSELF: [(F, set_value("accounts", "funds", to=["swift-courier"]), "accounts.funds[0]")],
    Code.QUORUM_UNKNOWN: [(P, no_quorums, "clauses[0].any[0].quorum")],
    Code.QUORUM_NOT_A_PARTY: [(P, without("parties", "supervisors"), "clauses[0].any[0].quorum")],
    Code.QUORUM_MISMATCH: [(P, shrunk_parties, "parties.supervisors")],
    Code.QUORUM_BELOW_TWO: [
        (P, guard(0, at_least=1), "clauses[0].any[0].at_least"),
        (P, guard(0, at_least=-3), "clauses[0].any[0].at_least"),
    ],
    Code.QUORUM_UNREACHABLE: [
        (P, guard(0, at_least=4), "clauses[0].any[0].at_least"),
        (W, guard(1, at_least=4), "clauses[1].any[0].at_least"),
        (W, guard(12, institutions=3), "clauses[12].any[0].institutions"),
    ],
    Code.QUORUM_ALONE: [
        (P, lambda draft: draft.quorum(("north-bank", "labour-bureau"), 1), "clauses[0].any[0].quorum"),
        (P, lambda draft: draft.quorum(("north-bank",), 2), "clauses[0].any[0].quorum"),
    ],
    Code.QUORUM_SELF_APPROVAL: [
        (
            P,
            lambda draft: draft.quorum(("north-bank", "labour-bureau", "swift-courier-east"), 2),
            "clauses[0].any[0].quorum",
        ),
    ],
    Code.ROSTER_FILE_MISSING: [(P, no_rosters, "clauses[1].any[0].file")],
    Code.ROSTER_INVALID: [
        (P, roster("name,account\n陈一帆,1\n"), "couriers.csv line 1"),
        (P, roster(ROSTER_LINE + "陈一帆\n"), "couriers.csv line 2"),
        (P, roster(ROSTER_LINE + "陈一帆,62 00\n"), "couriers.csv line 2"),
        (P, roster(ROSTER_LINE + "陈\u202e一帆,6200\n"), "couriers.csv line 2"),
        (P, roster(ROSTER_LINE + "陈一帆,1\n,2\n"), "couriers.csv line 3"),
        (P, roster(ROSTER_LINE + '"陈一帆,1'), "couriers.csv"),
        (P, lambda draft: draft.rosters.update({"couriers.csv": "陈".encode("gb18030")}), "couriers.csv"),
    ],
    Code.ROSTER_EMPTY: [(P, roster(ROSTER_LINE), "couriers.csv")],
    Code.ROSTER_DUPLICATE: [(P, roster(ROSTER_LINE + "陈一帆,1\n周予安,2\n陈一帆,2\n"), "couriers.csv")],
    Code.ROSTER_MISSING: [(P, without("clauses", 1), "clauses")],
    Code.ROSTER_REPEATED: [
        (
            P,
            clause("again", "payee-not-on-roster", {"kind": "payee_roster", "file": "b.csv"}),
            "clauses[6].any[0]",
        ),
    ],
    Code.ROSTER_BYPASSED: [(P, also(1, CAP), "clauses[1].any[0]")],
    Code.NOT_IN_TEMPLATE: [
        (F, also(0, {"kind": "payee_roster", "file": "couriers.csv"}), "clauses[0].any[1]"),
        (F, also(0, {"kind": "approval", "quorum": "supervisors", "at_least": 2}), "clauses[0].any[1]"),
        (P, set_value("accounts", "funds", to=["swift-courier"]), "accounts.funds"),
        (P, set_value("rules", to=[{"to": "swift-courier", "mode": "rest"}]), "rules"),
        (P, set_value("split", to={"parts": [{"to": "a"}], "remainder_to": "b", "refund_to": "c"}), "split"),
        (E, set_value("clauses", to=[{"name": "cap", "any": [CAP]}]), "clauses"),
        (E, set_value("expected", 0, to=REQUEST), "expected[0]"),
        (P, set_value("expected", 0, to=COURSE), "expected[0]"),
        (
            P,
            set_value("expected", 0, "when", to={"fund": "swift-courier", "amount": "1.00"}),
            "expected[0].when",
        ),
        (F, set_value("expected", 0, "when", to={"payee": "陈一帆", "amount": "1.00"}), "expected[0].when"),
    ],
    Code.GUARDS_TOO_MANY: [(P, many_guards, "clauses")],
    Code.CLAUSE_NAME_REPEATED: [(P, set_value("clauses", 1, "name", to="approval"), "clauses[1].name")],
    Code.GUARD_DUPLICATE: [
        (P, also(2, {"kind": "payout_cap", "amount": "2000"}), "clauses[2].any[1]"),
        (
            P,
            also(3, {"kind": "window_cap", "amount": "500000.00", "every": "86400s", "timezone": "+08:00"}),
            "clauses[3].any[1]",
        ),
    ],
    Code.GUARD_UNREACHABLE: [
        (P, also(2, CAP), "clauses[2].any[0]"),
        (P, also(0, {"kind": "approval", "quorum": "supervisors", "at_least": 3}), "clauses[0].any[1]"),
        (P, also(4, NIGHT), "clauses[4].any[1]"),
        (P, also(4, {**NIGHT, "days": ["mon"], "daily": "22:00-06:00"}), "clauses[4].any[1]"),
        (
            P,
            also(0, {"kind": "approval", "quorum": "supervisors", "at_least": 2, "quota": {"bank": 1}}),
            "clauses[0].any[1]",
        ),
        (
            P,
            also(
                5, {"kind": "evidence", "evidence": "delivery-report", "by": "clear-audit", "fresh_for": "1d"}
            ),
            "clauses[5].any[1]",
        ),
    ],
    Code.CLAUSE_UNREACHABLE: [
        (P, clause("wider cap", "payout-cap", CAP), "clauses[6]"),
        (P, clause("same cap", "payout-cap", {"kind": "payout_cap", "amount": "2000.00"}), "clauses[6]"),
        (P, clause("batch", "batch-cap", {"kind": "batch_cap", "amount": "2000.00"}), "clauses[2]"),
        (P, clause("ever", "lifetime-cap", {"kind": "lifetime_cap", "amount": "500000.00"}), "clauses[3]"),
        (
            P,
            clause("line", "line-cap", {"kind": "line_cap", "dye_class": "bonus", "amount": "9.00"}),
            "clauses[6].any[0]",
        ),
        (P, clause("stricter cap", "payout-cap", {"kind": "payout_cap", "amount": "1000.00"}), "clauses[2]"),
        (
            P,
            clause(
                "looser day",
                "window-cap",
                {"kind": "window_cap", "amount": "600000.00", "every": "day", "timezone": "+08:00"},
            ),
            "clauses[6]",
        ),
    ],
    Code.CAP_NEVER_PAYS: [
        (P, guard(2, amount="0.00"), "clauses[2].any[0].amount"),
        (P, guard(3, amount="0"), "clauses[3].any[0].amount"),
    ],
    Code.CAP_SHARED: [
        (P, also(3, CAP), "clauses[3]"),
        (P, also(3, {"kind": "line_cap", "dye_class": "courier-pay", "amount": "9.00"}), "clauses[3]"),
        (P, clause("both", "payee-cap", PAYEE, {**PAYEE, "every": "week"}), "clauses[6]"),
    ],
    Code.CAP_TOO_LARGE: [
        (P, clause("payee", "payee-cap", {**PAYEE, "amount": "42949672.95"}), "clauses[6].any[0].amount")
    ],
    Code.CAP_TIMEZONE: [
        (P, clause("payee", "payee-cap", {**PAYEE, "every": "ever"}), "clauses[6].any[0]"),
        (
            P,
            clause("payee", "payee-cap", {"kind": "payee_cap", "amount": "9.00", "every": "day"}),
            "clauses[6].any[0]",
        ),
    ],
    Code.CALENDAR_INVALID: [
        (P, clause("days", "outside-calendar", {**CALENDAR, **change}), where)
        for change, where in (
            ({"until": "2026-09-14"}, "clauses[6].any[0].until"),
            ({"allowed": ["2026-01-05"]}, "clauses[6].any[0]"),
            ({"excluded": []}, "clauses[6].any[0]"),
            ({"excluded": ["2027-01-01"]}, "clauses[6].any[0]"),
            ({"excluded": ["2026-01-02", "2026-01-02"]}, "clauses[6].any[0]"),
        )
    ],
    Code.CALENDAR_EMPTY: [
        (
            P,
            clause("days", "outside-calendar", {**CALENDAR, "until": "2025-12-31"}),
            "clauses[6].any[0].until",
        ),
        (
            P,
            clause(
                "days",
                "outside-calendar",
                {**CALENDAR, "until": "2026-01-02", "excluded": ["2026-01-01", "2026-01-02"]},
            ),
            "clauses[6].any[0].excluded",
        ),
    ],
    Code.BLACKLIST_BYPASSED: [(P, clause("blocked", "payee-blocked", BLACKLIST, CAP), "clauses[6].any[0]")],
    Code.BLACKLIST_REPEATED: [
        (
            P,
            lambda draft: (
                second_quorum(draft),
                clause("blocked", "payee-blocked", BLACKLIST)(draft),
                clause("barred", "payee-blocked", {**BLACKLIST, "quorum": "others"})(draft),
            ),
            "clauses[7].any[0]",
        ),
    ],
    Code.DYE_CLASS_BYPASSED: [
        (P, also(5, OWN_CLASS), "clauses[5].any[1]"),
        (P, clause("source", "dye-class", OWN_CLASS, {**CAP, "kind": "batch_cap"}), "clauses[6].any[0]"),
    ],
    Code.DYE_CLASSES_DISJOINT: [
        (P, clause("class", "dye-class", {"kind": "dye_class", "dye_class": "bonus"}), "accounts.dye_class"),
        (
            P,
            lambda draft: (
                clause("class", "dye-class", {"kind": "dye_class", "dye_class": "courier-pay"})(draft),
                clause("other", "dye-class", {"kind": "dye_class", "dye_class": "bonus"})(draft),
            ),
            "accounts.dye_class",
        ),
    ],
    Code.QUOTA_UNREACHABLE: [(P, guard(0, quota={"bank": 2}), "clauses[0].any[0].quota.bank")],
    Code.QUOTA_ABOVE_QUORUM: [(P, guard(0, quota={"bank": 1, "agency": 2}), "clauses[0].any[0].quota")],
    Code.WITNESS_UNCLEAR: [
        (P, guard(5, quorum="supervisors"), "clauses[5].any[0]"),
        (P, guard(5, institutions=2), "clauses[5].any[0]"),
        (E, set_value("escrow", "milestones", 0, "by", to=None), "escrow.milestones[0]"),
    ],
    Code.PARTY_MISSING: [(E, without("parties", "arbiter"), "parties")],
    Code.PARTY_NOT_APART: [
        (
            P,
            clause("countersigned", "countersignature-missing", {"kind": "countersignature", "by": "payer"}),
            "clauses[6].any[0].by",
        ),
        (P, guard(5, by="payer"), "clauses[5].any[0].by"),
        (P, guard(5, by="swift-courier-east"), "clauses[5].any[0].by"),
        (W, set_value("parties", "inspectors", 1, to="swift-courier"), "clauses[12].any[0].quorum"),
        (W, set_value("parties", "registrar", to="swift-courier"), "clauses[13].any[0].by"),
        (E, set_value("parties", "arbiter", to="swift-courier"), "parties.arbiter"),
        (E, set_value("escrow", "milestones", 0, "by", to="payee"), "escrow.milestones[0].by"),
        (G, set_value("parties", "witness", to="river-supplies"), "parties.witness"),
    ],
    Code.AGREEMENT_UNKNOWN: [
        (
            P,
            clause(
                "after", "agreement-state", {"kind": "agreement_state", "agreement": "x", "state": "released"}
            ),
            "clauses[6].any[0].agreement",
        ),
    ],
    Code.STATE_UNREACHABLE: [
        (
            P,
            lambda draft: (
                deployed(draft, "funding", "allocation"),
                clause(
                    "after",
                    "agreement-state",
                    {"kind": "agreement_state", "agreement": "funding", "state": "released"},
                )(draft),
            ),
            "clauses[6].any[0].state",
        ),
    ],
    Code.WORKFLOW_CYCLE: [
        (
            P,
            clause(
                "after",
                "agreement-state",
                {"kind": "agreement_state", "agreement": "courier-payouts", "state": "open"},
            ),
            "clauses[6].any[0].agreement",
        ),
        (
            P,
            lambda draft: (
                deployed(draft, "funding", "allocation", waits_for=("courier-payouts",)),
                clause("after", "agreement-state", BALANCE)(draft),
            ),
            "clauses[6].any[0].agreement",
        ),
        (
            S,
            lambda draft: deployed(
                draft, "back", "allocation", "swift-courier/platform", ("swift-courier/sales",)
            ),
            "split.parts[0].to",
        ),
        (
            S,
            lambda draft: deployed(
                draft, "again", "allocation", "swift-courier/customers", ("swift-courier/sales",)
            ),
            "split.refund_to",
        ),
        (
            S,
            lambda draft: deployed(
                draft, "again", "allocation", "swift-courier/customers", ("swift-courier/platform",)
            ),
            "split.refund_to",
        ),
        *(
            (
                which,
                lambda draft, held=held, back=back: deployed(draft, "rules", "allocation", back, (held,)),
                where,
            )
            for which, held, back, where in (
                (E, "swift-courier/deposit", "swift-courier", "escrow.payer_account"),
                (G, "swift-courier/collateral", "swift-courier", "guarantee.applicant_account"),
                (D, "swift-courier/warehouse", "swift-courier", "delivery.buyer_account"),
                (
                    R,
                    "swift-courier/repayments",
                    "swift-courier/suppliers",
                    "receivable.creditor_account",
                ),
            )
        ),
    ],
    Code.DOCUMENTS_DISJOINT: [
        (
            P,
            lambda draft, second=second: (
                clause("first", "document-missing", INVOICE)(draft),
                clause("second", "document-missing", *second)(draft),
            ),
            where,
        )
        for second, where in (
            ([{**INVOICE, "document": "contract"}], "clauses[7]"),
            ([{**INVOICE, "by": "river-supplies"}], "clauses[7].any[0]"),
            ([{**INVOICE, "document": "contract"}, INVOICE], "clauses[7].any[1]"),
        )
    ],
    Code.AGREEMENT_STATES_DISJOINT: [
        (
            P,
            lambda draft: (
                clause("released", "agreement-state", RELEASED)(draft),
                clause("refunded", "agreement-state", {**RELEASED, "state": "refunded"})(draft),
            ),
            "clauses[7]",
        ),
    ],
    Code.PAYER_ALONE: [(P, payer_alone, "clauses")],
    Code.SECTION_MISSING: [(E, without("escrow"), "escrow")],
    Code.AMOUNT_ZERO: [
        (E, set_value("escrow", "milestones", 0, "amount", to="0"), "escrow.milestones[0].amount"),
        (G, set_value("guarantee", "amount", to="0"), "guarantee.amount"),
        (D, set_value("delivery", "price", to="0"), "delivery.price"),
        (R, set_value("receivable", "face", to="0"), "receivable.face"),
        (S, set_value("split", "parts", 0, "cap", to="0"), "split.parts[0].cap"),
        (A, set_value("rules", 0, "amount", to="0"), "rules[0].amount"),
    ],
    Code.AMOUNT_TOO_LARGE: [(E, milestones("6116860184273879.08"), "escrow.milestones")],
    Code.MILESTONE_NAME_REPEATED: [
        (E, set_value("escrow", "milestones", 1, "name", to="bikes delivered"), "escrow.milestones[1].name")
    ],
    Code.TIMES_OUT_OF_ORDER: [
        (
            E,
            set_value("escrow", "milestones", 0, "due", to="2040-01-01T00:00:00Z"),
            "escrow.milestones[0].due",
        ),
        (G, set_value("guarantee", "issue_by", to="2040-01-01T00:00:00Z"), "guarantee.expires"),
    ],
    Code.SHARES_ABOVE_WHOLE: [
        (S, set_value("split", "parts", 0, "share", to="99%"), "split.parts"),
        (
            A,
            set_value("rules", 0, to={"to": "swift-courier/east", "mode": "share", "share": "94.01%"}),
            "rules",
        ),
    ],
    Code.PART_EMPTY: [
        (S, lambda draft: draft.document["split"]["parts"][0].update(fee="0", share="0%"), "split.parts[0]"),
        (A, set_value("rules", 1, "share", to="0%"), "rules[1].share"),
    ],
    Code.CAP_BELOW_FEE: [(S, set_value("split", "parts", 0, "cap", to="0.01"), "split.parts[0].cap")],
    Code.RULE_MODE_UNKNOWN: [(A, set_value("rules", 0, "mode", to="half"), "rules[0]")],
    Code.RULE_NOT_BELOW: [(A, beside, "rules[0].to")],
    Code.REST_NOT_LAST: [(A, lambda draft: draft.document["rules"].reverse(), "rules[0]")],
    Code.ACCOUNT_OF_ANOTHER: [
        (
            R,
            set_value("receivable", "financier_account", to="swift-courier/sales"),
            "receivable.financier_account",
        ),
        (R, set_value("receivable", "debtor_account", to="swift-courier/east"), "receivable.debtor_account"),
        (
            R,
            set_value("receivable", "creditor_account", to="swift-courier/sales"),
            "receivable.creditor_account",
        ),
        (E, set_value("escrow", "payee_account", to="swift-courier/sales"), "escrow.payee_account"),
        (
            G,
            set_value("guarantee", "beneficiary_account", to="swift-courier/sales"),
            "guarantee.beneficiary_account",
        ),
        (D, set_value("delivery", "seller_account", to="swift-courier/sales"), "delivery.seller_account"),
    ],
    Code.PERCENT_INVALID: [
        (S, set_value("split", "parts", 0, "share", to=share), "split.parts[0].share")
        for share in ("10", "1.234%", "101%", "-1%", "010%")
    ],
    Code.TIME_WINDOW_EMPTY: [
        (P, guard(4, until="2025-12-31"), "clauses[4].any[0].until"),
        # 2026-01-01 is a Thursday.
        (P, guard(4, until="2026-01-01", days=["mon"]), "clauses[4]"),
    ],
    Code.TIME_WINDOWS_DISJOINT: [
        (
            P,
            clause("later", "outside-time-window", {**NIGHT, "from": "2040-01-01", "until": "2040-01-02"}),
            "clauses[6]",
        ),
        (
            P,
            lambda draft: (
                guard(4, daily="09:00-12:00")(draft),
                clause("afternoons", "outside-time-window", {**NIGHT, "daily": "12:00-17:00"})(draft),
            ),
            "clauses[6]",
        ),
    ],
    Code.EXPECTATION_MISSING: [
        (P, without("expected", 4), "expected"),
        (P, set_value("expected", to=[]), "expected"),
        (F, without("expected", 0), "expected"),
    ],
    Code.CASE_NAME_REPEATED: [
        (P, set_value("expected", 1, "name", to="everything in order"), "expected[1].name")
    ],
    Code.CASE_CLAUSE_UNKNOWN: [
        (P, set_value("expected", 2, "then", "refused_by", to="x"), "expected[2].then.refused_by")
    ],
    Code.CASE_CODE_MISMATCH: [
        (P, set_value("expected", 2, "then", "code", to="payout-cap"), "expected[2].then.code"),
        (E, set_value("expected", 3, "then", "refused", to="escrow.nothing"), "expected[3].then.refused"),
    ],
    Code.CASE_PAYEE_UNKNOWN: [
        (P, set_value("expected", 0, "when", "payee", to="nobody"), "expected[0].when.payee")
    ],
    Code.CASE_PAYEE_AMBIGUOUS: [
        (P, roster(ROSTER_LINE + "陈一帆,1\n周予安,2\n陈一帆,3\n"), "expected[0].when.payee"),
    ],
    Code.CASE_IMPOSSIBLE: [
        (P, set_value("expected", 0, "given", "approvals", to=4), "expected[0].given.approvals"),
        (P, set_value("expected", 0, "given", "evidence", to=["selfie"]), "expected[0].given.evidence"),
        (P, set_value("expected", 0, "given", "balance", to="1.00"), "expected[0].given.balance"),
        (P, set_value("expected", 2, "given", "balance", to="1.00"), "expected[2].given.balance"),
        (P, set_value("expected", 0, "when", "amount", to="0"), "expected[0].when.amount"),
        (F, set_value("expected", 0, "when", "fund", to="swift-courier"), "expected[0].when.fund"),
        (
            P,
            set_value("expected", 0, "given", "approvals", to=["clear-audit"]),
            "expected[0].given.approvals",
        ),
        (P, set_value("expected", 0, "given", "waived", to=["approval"]), "expected[0].given.waived"),
        (P, set_value("expected", 0, "given", "states", to={"x": "open"}), "expected[0].given.states"),
        (P, set_value("expected", 0, "given", "balances", to={"x": "1"}), "expected[0].given.balances"),
        (P, set_value("expected", 0, "given", "blocked", to=True), "expected[0].given.blocked"),
        (
            P,
            set_value("expected", 0, "given", "document", to={"kind": "x", "left": "1"}),
            "expected[0].given.document.kind",
        ),
        (P, set_value("expected", 0, "when", "dye_class", to="bonus"), "expected[0].when.dye_class"),
        (E, set_value("expected", 0, "events", 0, "act", to="pay"), "expected[0].events[0].act"),
        (E, set_value("expected", 2, "events", 0, "by", to="arbiter"), "expected[2].events[0].by"),
        (E, without("expected", 2, "events", 0, "by"), "expected[2].events[0]"),
        (E, without("expected", 2, "events", 1, "amount"), "expected[2].events[1]"),
        (E, set_value("expected", 1, "events", 1, "amount", to="1"), "expected[1].events[1].amount"),
        (E, set_value("expected", 0, "events", 0, "of", to="x"), "expected[0].events[0].of"),
        (E, set_value("expected", 0, "holds", to={"x": "1"}), "expected[0].holds"),
        (E, set_value("expected", 0, "then", "paid", to={"x": "1"}), "expected[0].then.paid"),
        (E, set_value("expected", 3, "events", to=[{"after": "1d"}]), "expected[3].events"),
        *(
            (R, set_value("expected", 0, "events", 1, to=event), where)
            for event, where in (
                ({**PASSED_ON, "by": None}, "expected[0].events[1]"),
                ({**PASSED_ON, "to": None}, "expected[0].events[1]"),
                ({**PASSED_ON, "account": None}, "expected[0].events[1]"),
                ({**PASSED_ON, "price": "1"}, "expected[0].events[1].price"),
                ({"act": "repay-on", "account": "swift-courier"}, "expected[0].events[1]"),
                ({"act": "collect", "by": "creditor"}, "expected[0].events[1].by"),
                ({"act": "collect", "to": "creditor"}, "expected[0].events[1].to"),
            )
        ),
    ],
}

# Faults of the YAML text itself: what is handed in, and where the fault is.
TEXT_FAULTS: dict[Code, list[tuple[bytes, str]]] = {
    Code.ENCODING_INVALID: [(b"agreement: \xff\xfe", "file"), ("agreement: 东区".encode("utf-16"), "file")],
    Code.CHARACTER_HIDDEN: [
        (f"a: 1\r\n# b{mark} c: 2\n".encode(), "line 2, column 4")
        for mark in (
            "\r",
            "\x85",
            "\u061c",
            "\u200e",
            "\u200f",
            *map(chr, range(0x2028, 0x202F)),
            *map(chr, range(0x2066, 0x206A)),
        )
    ],
    Code.FILE_TOO_LARGE: [
        (b"#" * (256 * 1024 + 1), "file"),
        (b"a: [" + b"1," * 50_000, "line 1, column 39999"),
    ],
    Code.YAML_INVALID: [
        (b"a: [1", "line 1, column 6"),
        (b"a: b: c", "line 1, column 5"),
        (b"a: \x00", "file"),
        (b"a: 1\n---\nb: 2\n", "line 2, column 1"),
        (b"%YAML 9.9\n---\na: 1\n", "line 1, column 1"),
        (b"\t- a", "line 1, column 1"),
    ],
    Code.YAML_TOO_DEEP: [
        (b"a: " + b"[" * 50_000, "line 1, column 19"),
        (b"- " * 20_000, "line 1, column 33"),
    ],
    Code.YAML_ALIAS: [
        (b"a: &x 1\nb: *x\n", "line 1, column 4"),
        (b"a: &a [lol]\nb: &b [*a,*a,*a]\nc: [*b,*b,*b]\n", "line 1, column 4"),
        (b"a: &a [*a]\n", "line 1, column 4"),
    ],
    Code.YAML_TAG: [
        (b"a: !!python/object/apply:os.system [ls]\n", "line 1, column 4"),
        (b"a: !!str 1\n", "line 1, column 4"),
        (b"a: !x {}\n", "line 1, column 4"),
        (b"!!map {a: 1}\n", "line 1, column 1"),
    ],
    Code.KEY_DUPLICATE: [(b"version: 1\ntitle: {zh: a, zh: b}\nversion: 2\n", "line 2, column 16")],
}

CASES = [
    pytest.param(code, *case, id=f"{code}-{number}")
    for code, cases in FAULTS.items()
    for number, case in enumerate(cases)
]
TEXT_CASES = [
    pytest.param(code, *case, id=f"{code}-{number}")
    for code, cases in TEXT_FAULTS.items()
    for number, case in enumerate(cases)
]


# Faults that only several files together have: see test_workflow.py.
TOGETHER = {Code.AGREEMENT_REPEATED, Code.NO_EXIT}
# Faults that only a later version has: see below.
LATER = {Code.ROSTER_SHRINKS}


def test_every_code_has_a_case() -> None:
    assert FAULTS.keys() | TEXT_FAULTS.keys() | TOGETHER | LATER == set(Code)


@pytest.mark.parametrize(("code", "which", "change", "where"), CASES)
def test_fault(draft: Callable[[str], Draft], code: Code, which: str, change: Change, where: str) -> None:
    faulty = draft(which)
    change(faulty)
    with pytest.raises(AgreementInvalid) as raised:
        faulty.compiled()
    found = [(fault.code, fault.where) for fault in raised.value.faults]
    assert (code, where) in found
    assert all(fault.message and "pydantic" not in fault.message for fault in raised.value.faults)


@pytest.mark.parametrize(("code", "text", "where"), TEXT_CASES)
def test_fault_of_the_text(code: Code, text: bytes, where: str) -> None:
    with pytest.raises(AgreementInvalid) as raised:
        load(text)
    assert (code, where) in [(fault.code, fault.where) for fault in raised.value.faults]


def test_everything_wrong_is_reported_at_once(payouts: Draft) -> None:
    guard(2, amount=1.5)(payouts)
    guard(4, timezone="Asia/Shanghai")(payouts)
    without("title")(payouts)
    with pytest.raises(AgreementInvalid) as raised:
        payouts.compiled()
    assert {fault.where for fault in raised.value.faults} == {
        "clauses[2].any[0].amount",
        "clauses[4].any[0].timezone",
        "title",
    }


def test_faults_are_bounded() -> None:
    with pytest.raises(AgreementInvalid) as raised:
        load("clauses: [" + "1, " * 5_000 + "]")
    assert len(raised.value.faults) == 100


def test_a_faulty_guard_does_not_make_its_clause_look_empty(payouts: Draft) -> None:
    guard(2, kind="payout_limit")(payouts)
    with pytest.raises(AgreementInvalid) as raised:
        payouts.compiled()
    assert [fault.where for fault in raised.value.faults] == ["clauses[2].any[0]"]


@pytest.mark.parametrize("change", [no_rosters, roster("name,account\n陈一帆,1\n")])
def test_an_unreadable_roster_is_one_fault(payouts: Draft, change: Change) -> None:
    change(payouts)
    with pytest.raises(AgreementInvalid) as raised:
        payouts.compiled()
    assert len(raised.value.faults) == 1


def test_nobody_leaves_the_roster_of_the_last_version(payouts: Draft) -> None:
    before = payouts.compiled().roster
    lines = payouts.rosters["couriers.csv"].decode().splitlines()
    payouts.rosters["couriers.csv"] = "\n".join(lines[:-1]).encode()
    with pytest.raises(AgreementInvalid) as raised:
        compile_terms(load(payouts.text), payouts.facts, payouts.rosters, lambda _: bytes(16), before)
    assert (Code.ROSTER_SHRINKS, "couriers.csv") in [
        (fault.code, fault.where) for fault in raised.value.faults
    ]


def test_an_unknown_account_says_who_makes_it(payouts: Draft) -> None:
    payouts.document["accounts"]["pays_from"] = "swift-courier/west"
    with pytest.raises(AgreementInvalid) as raised:
        payouts.compiled()
    message = next(fault.message for fault in raised.value.faults if fault.code == Code.ACCOUNT_UNKNOWN)
    assert "account supervise" in message
    assert "account open" in message


def test_all_that_an_escrow_can_hold(draft: Callable[[str], Draft]) -> None:
    most = draft("bike-order")
    milestones("6116860184273879.07")(most)
    faults = [fault.code for fault in agreement_faults(load(most.text), most.facts, {})]
    assert Code.AMOUNT_TOO_LARGE not in faults


def test_receipts_are_divided_on_a_root_account_too(draft: Callable[[str], Draft]) -> None:
    root = draft(S)
    root.document["accounts"]["pays_from"] = "swift-courier"
    faults = [fault.code for fault in agreement_faults(load(root.text), root.facts, {})]
    assert Code.ACCOUNT_ROOT not in faults


def test_one_kind_of_hidden_mark_at_a_time() -> None:
    """What people see as it is read is no fault: neighbours of the refused characters, and Windows' lines."""
    text = "a: 1 # \x84\xa0\u061b\u200d\u2010\u2027\u202f\u2065\u206a\r\n"
    assert _yaml.decoded(text)[1] == text


def test_every_code_is_in_the_reference() -> None:
    reference = (Path(__file__).parents[2] / "docs" / "agreement.md").read_text()
    assert [code for code in Code if f"`{code}`" not in reference] == []
