"""The ten steps. Each returns figures read back from where they stand: chain, bank, database or trace."""

import signal
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import UTC, date, datetime
from pathlib import Path
from typing import Any

import httpx
import yaml

from bridge.chain import Chain
from bridge.iso20022 import AccountId, CreditTransfer, Party, PaymentOrder, pain001
from contracts.artifacts import artifact
from scripts.demonstration import files, violations
from scripts.demonstration.network import (
    ACCOUNT_HOLDER,
    FOUNDERS,
    IBAN,
    KINDS,
    SIGNERS,
    SUPERVISORS,
    CommandFailed,
    Network,
    expect,
)

__all__ = ["STEPS", "Story"]

CREDITS = ((30_000_000, "华北生鲜有限公司"), (20_000_000, "城南百货有限公司"))
UNKNOWN_CREDIT = 123_456
ALLOCATION = "450000.00"
LATE_ROW = 75
CHARGE_MINOR = 1_500
CHARGE_ID = "CHARGE-2026-11"
SECOND_BATCH = (5, 9, 12)
CRASH_BATCHES = ((20,), (21,))


@dataclass
class Story:
    """What later steps need of earlier ones."""

    network: Network
    batch: str = ""
    agreement: str = ""
    draft: str = ""
    late_id: str = ""
    credit_references: list[str] = field(default_factory=list)
    drafts: list[str] = field(default_factory=list)
    injected: list[tuple[str, int]] = field(default_factory=list)
    found: list[dict[str, Any]] = field(default_factory=list)


Figures = dict[str, object]


def onboard(story: Story) -> Figures:
    """Institutions, signers, the quorum and the accounts."""
    network = story.network
    others = [name for name in KINDS if name not in FOUNDERS]
    options: list[object] = [part for name in others for part in ("--institution", f"{name}={KINDS[name]}")]
    for name, (institution, roles) in SIGNERS.items():
        if name not in FOUNDERS:
            signer = f"{institution}={network.signers[name].address}={','.join(roles)}"
            options += ["--signer", signer]
    options += ["--quorum", f"supervisors=2={','.join(SUPERVISORS)}"]
    network.dyetrace("bank", "institution", "add", *options, sign=FOUNDERS)
    network.make_api_keys(others)
    network.dyetrace(
        "bank",
        *("account", "supervise", "swift-courier", "--bank", "north-bank", "--controller", "swift-courier"),
        *("--quorum", "supervisors", "--number", IBAN, "--currency", "CNY", "--holder", ACCOUNT_HOLDER),
    )
    network.dyetrace(
        "operator",
        *("account", "open", "swift-courier/east", "--parent", "swift-courier"),
        *("--controller", "swift-courier-east"),
        sign=["swift-courier-ops"],
    )
    rules = network.data / "rules.yaml"
    rule = {"account": "swift-courier", "dye_class": "courier-pay", "purpose": "配送服务费"}
    rules.write_text(yaml.safe_dump([{"payer_name": payer, **rule} for _, payer in CREDITS]))
    network.dyetrace("bank", "account", "rules", "swift-courier", rules)
    listed = network.get("auditor", "/v1/institutions")["items"]
    expect({row["institution"] for row in listed} == set(KINDS), f"institutions are {listed}")
    return {"institutions": len(listed)}


def receive(story: Story) -> Figures:
    """Two customers pay; a third credit nobody can identify goes to suspense."""
    network = story.network
    for amount, payer in CREDITS:
        network.bank.post_credit("SC", amount, debtor={"name": payer}, note="11月配送服务费")
    network.bank.post_credit("SC", UNKNOWN_CREDIT, debtor={"name": "某个人"}, note="转账")
    chain = network.chain()
    network.wait(lambda: len(_events(chain, "Minted")) == 3, "three lots are minted")
    tasks = network.wait(lambda: _suspense(network), "the teller has a task")
    network.wait(lambda: _suspense_minor(network) == UNKNOWN_CREDIT, "the money is in suspense")
    story.credit_references = ["MB-RCV-1", "MB-RCV-2", "MB-RCV-3"]
    return {"lots": len(_events(chain, "Minted")), "suspense": len(tasks)}


def agree(story: Story) -> Figures:
    """The parent funds the subsidiary; the payout agreement is checked, explained, tried, activated."""
    network = story.network
    files.write_agreements(network.data)
    quorum = ["labour-bureau", "transport-bureau"]
    network.dyetrace("operator", "agreement", "deploy", network.data / "fund-east.yaml")
    network.dyetrace("operator", "agreement", "activate", "fund-east@1", sign=quorum)
    network.dyetrace(
        "operator",
        *("allocation", "make", "fund-east", "swift-courier/east", ALLOCATION, "--reference", "2026-11"),
        sign=["swift-courier"],
    )
    path = network.data / "courier-payouts.yaml"
    network.dyetrace("operator", "agreement", "check", path)
    text = network.dyetrace("operator", "agreement", "explain", path)
    expect("2,000.00" in text["zh"] and "2,000.00" in text["en"], "the explanation lacks the payout cap")
    trial = network.dyetrace("operator", "agreement", "simulate", path)
    results = trial["cases"]
    expect(results and all(case["ok"] for case in results), f"the trial says {trial}")
    network.dyetrace("operator", "agreement", "deploy", path)
    network.dyetrace("operator", "agreement", "activate", "courier-payouts@1", sign=quorum)
    shown = network.dyetrace("auditor", "agreement", "show", "courier-payouts@1")
    expect(shown["active"], "the agreement is not active")
    story.agreement = shown["address"]
    return {"trial_cases": len(results), "payees": shown["payees"]}


def upload(story: Story) -> Figures:
    """Wrong files are refused whole; the right one becomes a batch."""
    network = story.network
    faults = _refused_upload(story, files.faulty_csv(), files.control_total())
    named = [fault["code"] for fault in faults]
    expect(sorted(named) == sorted(files.FAULTS), f"the faults named are {named}")
    column = _refused_upload(story, files.without_column("purpose"))
    encoding = _refused_upload(story, files.gbk_csv())
    expect([fault["code"] for fault in column] == ["column-missing"], f"{column}")
    expect([fault["code"] for fault in encoding] == ["encoding-invalid"], f"{encoding}")
    expect(network.get("auditor", "/v1/batches")["items"] == [], "a refused file left a batch behind")
    story.draft = _upload(story, files.batch_csv("NOV"), files.control_total(), files.ROWS)
    network.dyetrace("operator", "batch", "confirm", story.draft, sign=["swift-courier-east"])
    story.batch = network.get("auditor", f"/v1/batches/{story.draft}")["batch"]
    held = _batch(network.chain(), story.batch)
    return {
        "batch_rows": held["count"],
        "upload_faults": [*named, *(fault["code"] for fault in (*column, *encoding))],
    }


def violate(story: Story) -> Figures:
    """One violation of each guard is refused by the chain."""
    network = story.network
    try:
        network.dyetrace("operator", "batch", "execute", story.draft)
        raise TypeError("a batch nobody approved was executed")
    except CommandFailed as failure:
        expect(failure.problem.get("code") == "approvals-missing", f"refused with {failure.problem}")
    payees = network.get("auditor", "/v1/agreements/courier-payouts@1")["payees"]
    refusals = violations.attempt_all(network, story.agreement, payees)
    expect([refusal.clause for refusal in refusals] == list(range(6)), f"clauses: {refusals}")
    return {
        "guards_refused": [refusal.code for refusal in refusals],
        "refusals": [refusal.reason for refusal in refusals],
    }


def pay(story: Story) -> Figures:
    """Evidence, two signatures, execution, orders, the bank's answers."""
    network = story.network
    report = network.data / "delivery-report.txt"
    report.write_text("11月配送完成情况：全部签收\n")
    network.dyetrace(
        "auditor", "evidence", "attest", story.draft, "delivery-report", report, sign=["clear-audit"]
    )
    for supervisor in ("labour-bureau", "transport-bureau"):
        network.dyetrace("supervisor", "batch", "approve", story.draft, sign=[supervisor])
    payouts = network.get("auditor", f"/v1/batches/{story.draft}/payouts")["items"]
    story.late_id = payouts[LATE_ROW]["end_to_end_id"]
    network.bank.return_later("SC", story.late_id, days=3)
    network.dyetrace("operator", "batch", "execute", story.draft)
    chain = network.chain()
    network.wait(lambda: _batch(chain, story.batch)["settled"], "the batch is settled")
    network.bank.accept_again("SC")
    network.bank.advance(3)
    network.wait(lambda: _batch(chain, story.batch)["rows_returned_late"], "the late return is on chain")
    held = _batch(chain, story.batch)
    back = held["rows_skipped"] + held["rows_returned"] + held["rows_returned_late"]
    approvers = chain.read("Disbursement", "approvers", bytes.fromhex(story.batch), at=story.agreement)
    return {
        "approvals": len(approvers),
        "settled": held["count"] - back,
        "returned_rejected": held["rows_returned"],
        "returned_late": held["rows_returned_late"],
    }


def reconcile(story: Story) -> Figures:
    """Clean; then two differences made at the bank are found, proposed, confirmed."""
    network = story.network
    network.wait(lambda: not _run(network)["in_transit"], "nothing is in transit any more")
    clean = _run(network)
    expect(clean["breaks"] == [], f"differences before any was made: {clean['breaks']}")
    network.bank.advance(1)
    _charge(network)
    draft = _paid_batch(story, "DEC", SECOND_BATCH)
    rows = network.get("auditor", f"/v1/batches/{draft}/payouts")["items"]
    _leave_out_last_debit(story, rows)
    for found in story.found:
        _resolve(network, found)
    after = _run(network)
    expect(len(after["explained"]) == 2, f"explained are {after['explained']}")
    charge = next(each for each in story.found if each["kind"] == "MISSING_ON_LEDGER")
    network.dyetrace(
        "bank",
        *("break", "write-off", charge["fingerprint"]),
        *("--account", "swift-courier/east", "--dye-class", "courier-pay"),
        sign=["north-bank", "labour-bureau"],
    )
    after = _run(network)
    return {
        "breaks_injected": len(story.injected),
        "breaks_found": len(story.found),
        "breaks_unexplained": len(after["breaks"]),
        "break_kinds": sorted(found["kind"] for found in story.found),
    }


def _leave_out_last_debit(story: Story, rows: list[dict[str, Any]]) -> None:
    """End the day with a debit left off the statement; find what was made and nothing else."""
    network = story.network
    booked = [each["end_to_end_id"] for each in network.bank.payments()]
    ours = next(row for row in rows if row["end_to_end_id"] == _last_of(booked, rows))
    network.bank.gap_statement("SC")
    network.bank.advance(3)
    network.bank.accept_again("SC")
    story.injected = [("MISSING_ON_LEDGER", CHARGE_MINOR), ("MISSING_AT_BANK", ours["amount_minor"])]
    story.found = network.wait(lambda: _two_breaks(network), "both differences are found")
    found = sorted((each["kind"], each["amount_minor"]) for each in story.found)
    expect(found == sorted(story.injected), f"found {found}, made {story.injected}")


def _last_of(newest_first: list[str], rows: list[dict[str, Any]]) -> str:
    """The last of our payments the bank booked."""
    known = {row["end_to_end_id"] for row in rows}
    return next(each for each in newest_first if each in known)


def _two_breaks(network: Network) -> list[dict[str, Any]] | None:
    found: list[dict[str, Any]] = _run(network)["breaks"]
    return found if len(found) >= 2 else None


def _resolve(network: Network, found: dict[str, Any]) -> Any:
    proposal = ("--resolution", "explained", "--note", "与银行核实", "--reference", found["subject"])
    network.dyetrace("teller", "break", "propose", found["fingerprint"], *proposal)
    try:
        network.dyetrace("teller", "break", "confirm", found["fingerprint"])
        raise TypeError("the maker of a proposal could confirm it")
    except CommandFailed as failure:
        expect(failure.problem.get("code") == "same-person", f"refused with {failure.problem}")
    return network.dyetrace("head-teller", "break", "confirm", found["fingerprint"])


def trace(story: Story) -> Figures:
    """The payout across two lots back to its credits; one credit forward to all it paid."""
    network = story.network
    forward = {
        reference: network.dyetrace("auditor", "trace", "credit", reference)
        for reference in story.credit_references[:2]
    }
    ids = {
        row["end_to_end_id"] for row in network.get("auditor", f"/v1/batches/{story.draft}/payouts")["items"]
    }
    paid = {
        reference: {row["end_to_end_id"] for row in found["payouts"]} & ids
        for reference, found in forward.items()
    }
    first, second = story.credit_references[:2]
    crossing = sorted(paid[first] & paid[second])
    expect(len(crossing) == 1, f"payouts across both lots: {crossing}")
    backward = network.dyetrace("auditor", "trace", "payout", crossing[0])
    segments = [
        {"lot": each["lot"], "start": each["start"], "amount_minor": each["amount_minor"]}
        for each in backward["segments"]
    ]
    expect(sum(each["amount_minor"] for each in segments) == backward["amount_minor"], f"{segments}")
    whole = sum(each["amount_minor"] for each in (*forward[first]["payouts"], *forward[first]["resting"]))
    expect(whole == CREDITS[0][0], f"the first credit adds up to {whole}")
    return {
        "lots_in_batch": sum(bool(each) for each in paid.values()),
        "trace_backward": segments,
        "trace_forward_rows": len(forward[first]["payouts"]),
    }


def crash(story: Story) -> Figures:
    """SIGKILL with the order unsent; SIGKILL after the bank took it and before we knew."""
    network = story.network
    first = _ready_batch(story, "JAN", CRASH_BATCHES[0])
    clock = network.stop_bank()
    network.dyetrace("operator", "batch", "execute", first)
    network.wait(lambda: _shown(network, first)["orders"], "the order is stored")
    expect(_shown(network, first)["orders"][0]["state"] in ("stored", "sending"), "the order was sent")
    network.kill_platform()
    network.start_bank(clock)
    network.serve()
    network.wait(lambda: _shown(network, first)["settled"], "the unsent order is paid and settled")

    second = _ready_batch(story, "FEB", CRASH_BATCHES[1])
    network.kill_platform()
    network.serve(crash_at="order-sent")
    try:
        network.dyetrace("operator", "batch", "execute", second)
    except CommandFailed:
        # The platform may die before it answers; what counts is what it finds when it is back.
        network.wait_platform_dead()
    network.wait_platform_dead()
    expect(network.platform and network.platform.returncode == -signal.SIGKILL, "the platform did not crash")
    taken = {payment["end_to_end_id"] for payment in network.bank.payments()}
    network.serve()
    rows = network.get("auditor", f"/v1/batches/{second}/payouts")["items"]
    expect({row["end_to_end_id"] for row in rows} <= taken, "the bank had not taken the order yet")
    network.wait(lambda: _shown(network, second)["settled"], "the accepted order is settled")
    listed = Counter(payment["end_to_end_id"] for payment in network.bank.payments())
    recovered = all(_shown(network, draft)["settled"] for draft in (first, second))
    return {
        "crash_recovered": recovered,
        "double_sent": sum(times > 1 for times in listed.values()),
        "bank_payments": len(listed),
    }


def verify(story: Story) -> Figures:
    """Every invariant by its own checker, and I11: the breaks found are those injected."""
    network = story.network
    network.wait(lambda: not _run(network)["in_transit"], "nothing is in transit any more")
    expect(_run(network)["breaks"] == [], "differences after the crashes")
    found = network.dyetrace("auditor", "invariants")
    held = {name: bool(each["holds"]) for name, each in found.items()}
    # Whatever any run ever found: also what is gone since, as the charge that was written off.
    breaks = [
        each
        for query in ("", "?state=gone")
        for each in network.get("auditor", f"/v1/breaks{query}")["items"]
    ]
    seen = sorted((each["kind"], each["amount_minor"]) for each in breaks)
    held["I11"] = seen == sorted(story.injected)
    ready = httpx.get(network.platform_url + "/readyz", trust_env=False)
    expect(ready.status_code == httpx.codes.OK, f"the platform is not ready: {ready.text}")
    expect(all(held.values()), f"broken: {[(name, found.get(name)) for name, ok in held.items() if not ok]}")
    return {"invariants": held}


STEPS: tuple[tuple[str, Callable[[Story], Figures]], ...] = (
    ("onboard", onboard),
    ("receive", receive),
    ("agree", agree),
    ("upload", upload),
    ("violate", violate),
    ("pay", pay),
    ("reconcile", reconcile),
    ("trace", trace),
    ("crash", crash),
    ("verify", verify),
)


# Reads and acts that several steps share


def _events(chain: Chain, name: str) -> list[Any]:
    """The ledger's logs of one kind, from the chain."""
    entries = chain.logs(chain.deployment.first_block, chain.head(), [chain.deployment.Ledger])
    return [event for event in map(chain.decode, entries) if event.name == name]


def _batch(chain: Chain, batch: str) -> dict[str, Any]:
    """A batch as the Ledger has it, by field name."""
    abi = next(each for each in artifact("Ledger").abi if each.get("name") == "batch")
    names = [each["name"] for each in abi["outputs"][0]["components"]]
    return dict(zip(names, chain.read("Ledger", "batch", bytes.fromhex(batch)), strict=True))


def _suspense_minor(network: Network) -> int:
    return int(network.get("auditor", "/v1/accounts")["items"][0]["suspense_minor"])


def _suspense(network: Network) -> list[dict[str, Any]]:
    tasks = network.get("teller", "/v1/tasks")["items"]
    return [task for task in tasks if task["kind"] == "suspense"]


def _shown(network: Network, draft: str) -> dict[str, Any]:
    shown: dict[str, Any] = network.get("auditor", f"/v1/batches/{draft}")
    return shown


def _run(network: Network) -> dict[str, Any]:
    result: dict[str, Any] = network.dyetrace("teller", "reconcile", "swift-courier")
    return result


def _upload(story: Story, content: bytes, total: str | None = None, count: int | None = None) -> str:
    path = story.network.data / "payouts.csv"
    path.write_bytes(content)
    controls: list[object] = [] if total is None else ["--control-total", total]
    controls += [] if count is None else ["--control-count", count]
    made = story.network.dyetrace("operator", "batch", "upload", "courier-payouts@1", path, *controls)
    return str(made["draft"])


def _refused_upload(story: Story, content: bytes, total: str | None = None) -> list[dict[str, Any]]:
    """Upload a wrong file; the faults it is refused with."""
    wrong = None if total is None else "1" + total
    try:
        _upload(story, content, wrong)
    except CommandFailed as failure:
        expect(failure.problem.get("code") == "batch-file-refused", f"refused with {failure}")
        return list(failure.problem["errors"])
    raise TypeError("a wrong file was taken")


def _ready_batch(story: Story, prefix: str, numbers: tuple[int, ...]) -> str:
    """A batch that only waits to be executed."""
    network = story.network
    draft = _upload(story, files.batch_csv(prefix, numbers), files.control_total(numbers))
    network.dyetrace("operator", "batch", "confirm", draft, sign=["swift-courier-east"])
    for supervisor in ("north-bank", "labour-bureau"):
        network.dyetrace("supervisor", "batch", "approve", draft, sign=[supervisor])
    _attest(network, draft, network.data / "delivery-report.txt")
    return draft


def _attest(network: Network, draft: str, report: Path) -> None:
    evidence = ("evidence", "attest", draft, "delivery-report", report)
    network.dyetrace("auditor", *evidence, sign=["clear-audit"])


def _paid_batch(story: Story, prefix: str, numbers: tuple[int, ...]) -> str:
    draft = _ready_batch(story, prefix, numbers)
    story.network.dyetrace("operator", "batch", "execute", draft)
    story.network.wait(lambda: _shown(story.network, draft)["settled"], "the batch is settled")
    return draft


def _charge(network: Network) -> None:
    """The bank takes a charge: a payment nobody here ordered, posted straight to it."""
    today = date.fromisoformat(network.bank.record("GET", "/_mock/state")["clock"]["date"])
    order = PaymentOrder(
        message_id=CHARGE_ID,
        created_at=datetime.now(UTC),
        payment_information_id=CHARGE_ID,
        execution_date=today,
        currency="CNY",
        debtor=Party(ACCOUNT_HOLDER, AccountId(iban=IBAN)),
        transfers=(CreditTransfer(CHARGE_ID, CHARGE_MINOR, Party("账户管理费", AccountId(other="99"))),),
    )
    headers = {"content-type": "application/xml"}
    network.bank.client.post("/payments", content=pain001(order), headers=headers).raise_for_status()
