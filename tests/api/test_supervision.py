"""What people decide about accounts, keys and batches, by the command line and over HTTP."""

import json
from collections.abc import Callable
from typing import Any

import httpx
import pytest

from bridge.keys import create_keystore
from bridge.platform import Platform, Settings
from contracts.ids import account_line, name_id
from tests.api.network import Network, wait_for
from tests.api.story import PAYOUTS, Draft, act, balance, done, draft

Clients = Callable[..., httpx.Client]
CONTROLLED = {"parent": "swift-courier", "controller": "swift-courier"}


def ran(network: Network, role: str, *arguments: object, sign: tuple[str, ...] = ()) -> Any:
    """What a command printed; it must succeed."""
    finished = network.cli(role, *arguments, *(network.keystore(*sign) if sign else ()), "--json")
    assert finished.code == 0, finished.stderr
    return finished.data


def refused(network: Network, role: str, *arguments: object, sign: tuple[str, ...]) -> str:
    finished = network.cli(role, *arguments, *network.keystore(*sign), "--json")
    assert finished.code == 6, finished.stderr
    return finished.stderr


def account(network: Network, name: str) -> dict[str, Any]:
    trees = ran(network, "auditor", "account", "list")
    return next(each for tree in trees for each in tree["accounts"] if each["account"] == name)


def courier(network: Network) -> dict[str, Any]:
    """The supervised account of the courier, among others."""
    trees = ran(network, "auditor", "account", "list")
    return next(each for each in trees if each["supervised_account"] == "swift-courier")


@pytest.fixture(scope="module")
def reserved(agreed: Network) -> Draft:
    made = draft(agreed, PAYOUTS.replace("W-", "S-"))
    done(act(agreed, "operator", f"{made.path}/reservations", {}, "swift-courier-east"))
    return made


def test_one_supervisor_freezes_and_the_quorum_unfreezes(onboarded: Network) -> None:
    ran(onboarded, "supervisor", "account", "freeze", "swift-courier/east", sign=("transport-bureau",))
    assert account(onboarded, "swift-courier/east")["frozen"] is True
    said = refused(
        onboarded, "supervisor", "account", "unfreeze", "swift-courier/east", sign=("labour-bureau",)
    )
    assert "quorum" in said
    two = ("labour-bureau", "north-bank")
    ran(onboarded, "supervisor", "account", "unfreeze", "swift-courier/east", sign=two)
    assert account(onboarded, "swift-courier/east")["frozen"] is False


def test_one_supervisor_pauses_and_two_institutions_resume(onboarded: Network, http: Clients) -> None:
    ran(onboarded, "supervisor", "account", "pause", sign=("transport-bureau",))
    assert http().get("/v1/pauses").json() == {"paused": True}
    refused(onboarded, "supervisor", "account", "resume", sign=("transport-bureau",))
    ran(onboarded, "supervisor", "account", "resume", sign=("labour-bureau", "transport-bureau"))
    assert http().get("/v1/pauses").json() == {"paused": False}


def test_an_account_is_moved_and_closed(onboarded: Network) -> None:
    for name in ("swift-courier/south", "swift-courier/coast"):
        body = {"account": name, **CONTROLLED}
        done(act(onboarded, "operator", "/v1/accounts/openings", body, "swift-courier"))
    move = ("account", "move", "swift-courier/coast", "--parent", "swift-courier/south")
    ran(onboarded, "operator", *move, sign=("swift-courier",))
    assert account(onboarded, "swift-courier/coast")["parent"] == "swift-courier/south"
    ran(onboarded, "operator", "account", "close", "swift-courier/coast", sign=("swift-courier",))
    assert account(onboarded, "swift-courier/coast")["closed"] is True
    below = ("account", "move", "swift-courier/south", "--parent", "swift-courier/coast")
    assert "closed" in refused(onboarded, "operator", *below, sign=("swift-courier",))


def test_a_key_is_rotated_by_both_keys_and_a_governor(onboarded: Network, http: Clients) -> None:
    onboarded.keystores["clear-audit-next"] = onboarded.data.parent / "clear-audit-next.json"
    successor = create_keystore(onboarded.keystores["clear-audit-next"])
    old = onboarded.signers["clear-audit"]
    people = ("clear-audit", "clear-audit-next", "north-bank", "labour-bureau")
    ran(onboarded, "supervisor", "institution", "rotate", old.address, successor.address, sign=people)
    rows = http().get("/v1/institutions").json()["items"]
    signers = {each["address"]: each for row in rows for each in row["signers"]}
    assert signers[old.address] == {"address": old.address, "roles": [], "successor": successor.address}
    assert signers[successor.address]["roles"] == ["witness", "auditor"]
    onboarded.signers["clear-audit"] = successor
    onboarded.keystores["clear-audit"] = onboarded.keystores["clear-audit-next"]


def test_changes_that_wait_are_listed(onboarded: Network) -> None:
    assert ran(onboarded, "auditor", "institution", "pending") == []
    finished = onboarded.cli(
        "supervisor", "institution", "withdraw", 99, *onboarded.keystore("north-bank"), "--json"
    )
    assert finished.code == 4
    assert "changes-unknown" in finished.stderr


def test_the_directory_is_recovered_without_governors(onboarded: Network, http: Clients) -> None:
    """The directory's delay is nothing here, so it is applied at once."""
    recover = ("institution", "recover", "--institution", "rescue-bureau=agency")
    joins = ("--quorum", "supervisors=2=rescue-bureau")
    refused(onboarded, "supervisor", *recover, sign=("recovery-1",))
    ran(onboarded, "supervisor", *recover, *joins, sign=("recovery-1", "recovery-2"))
    wait_for(lambda: "rescue-bureau" in _members(http, "supervisors"))
    leave = ("institution", "add", "--leave", "supervisors=rescue-bureau")
    done = ran(onboarded, "supervisor", *leave, sign=("north-bank", "labour-bureau"))
    assert done["applied"] is True
    assert "rescue-bureau" not in _members(http, "supervisors")
    lost = onboarded.cli(
        "supervisor", "institution", "withdraw", 0, "--recovery", *onboarded.keystore("recovery-1"), "--json"
    )
    assert (lost.code, json.loads(lost.stderr)["code"]) == (4, "changes-unknown")


def _members(http: Clients, quorum: str) -> list[str]:
    rows = http().get("/v1/quorums").json()["items"]
    return next(list(row["members"]) for row in rows if row["quorum"] == quorum)


def test_an_approval_is_taken_back(agreed: Network, reserved: Draft, http: Clients) -> None:
    for who in ("labour-bureau", "transport-bureau"):
        ran(agreed, "supervisor", "batch", "approve", reserved.id, sign=(who,))
    ran(agreed, "supervisor", "batch", "revoke-approval", reserved.id, sign=("labour-bureau",))
    shown = http().get(reserved.path).json()["approvals"]
    assert {each["institution"]: each["revoked"] for each in shown} == {
        "labour-bureau": True,
        "transport-bureau": False,
    }
    ran(agreed, "supervisor", "batch", "approve", reserved.id, sign=("north-bank",))


def test_a_clause_is_waived_for_one_batch(agreed: Network, reserved: Draft) -> None:
    unknown = agreed.cli(
        "supervisor", "batch", "waive", reserved.id, "nothing", *agreed.keystore("north-bank"), "--json"
    )
    assert unknown.code == 1
    assert "clause-unknown" in unknown.stderr
    waive = ("batch", "waive", reserved.id, "delivery report")
    ran(agreed, "supervisor", *waive, sign=("north-bank", "labour-bureau"))
    executed = ran(agreed, "operator", "batch", "execute", reserved.id)
    assert executed["executed_rows"] == 3


def test_nothing_of_an_agreement_without_such_a_clause(agreed: Network, reserved: Draft) -> None:
    """The example blocks no payees, takes no documents and no counter-signatures."""
    payee = "6200000000000000017"
    refused(agreed, "supervisor", "agreement", "block", "courier-payouts", payee, sign=("north-bank",))
    invoice = ("document", "register", "courier-payouts", "invoice", "INV-1", "10.00")
    options = ("--payee", payee, "--holder", "swift-courier-east")
    refused(agreed, "auditor", *invoice, *options, sign=("clear-audit",))
    assert ran(agreed, "auditor", "document", "list") == []
    made = draft(agreed, PAYOUTS.replace("W-", "N-"))
    done(act(agreed, "operator", f"{made.path}/reservations", {}, "swift-courier-east"))
    refused(agreed, "operator", "batch", "countersign", made.id, sign=("swift-courier",))
    ran(agreed, "operator", "batch", "cancel", made.id, sign=("swift-courier-east",))


def test_an_unidentified_credit_brings_a_payout_back(agreed: Network, reserved: Draft) -> None:
    """The bank paid it, and returns part of it in a credit that names nothing."""
    (paid, *_) = wait_for(lambda: _debited(agreed, reserved))
    before = balance(agreed, "swift-courier/east")
    agreed.bank.post_credit("SC", 50_000, debtor={"name": "清算中心"}, note="退汇")
    lot = wait_for(lambda: _lot_of(agreed, 50_000))
    ran(agreed, "teller", "account", "return", lot, f"{paid['end_to_end_id']}=50000")
    assert balance(agreed, "swift-courier/east") == before + 50_000
    ran(agreed, "teller", "account", "close-return", lot)
    again = agreed.cli("teller", "account", "return", lot, str(paid["end_to_end_id"]), "--json")
    assert again.code == 5


def _debited(network: Network, made: Draft) -> list[dict[str, Any]]:
    with network.http() as client:
        rows = client.get(f"{made.path}/payouts").json()["items"]
    return [row for row in rows if row["state"] == "debited" and row["amount_minor"] > 50_000]


def _lot_of(network: Network, amount_minor: int) -> str | None:
    """The lot of an amount, once it rests in suspense on chain."""
    if courier(network)["suspense_minor"] < amount_minor:
        return None
    tasks = ran(network, "teller", "account", "tasks")
    found = (
        str(task["subject"])
        for task in tasks
        if task["kind"] == "suspense" and task["detail"]["amount_minor"] == amount_minor
    )
    return next(found, None)


def test_a_lot_goes_into_custody_and_out_again(agreed: Network) -> None:
    agreed.bank.post_credit("SC", 7_700, debtor={"name": "某人"}, note="不明")
    lot = wait_for(lambda: _lot_of(agreed, 7_700))
    ran(agreed, "supervisor", "account", "freeze-lot", lot, sign=("transport-bureau",))
    (custody,) = courier(agreed)["custody"]
    assert custody["amount_minor"] == 7_700
    thaw = ("account", "thaw", custody["custody"], "--account", "swift-courier")
    target = ("--dye-class", "courier-pay", "--amount-minor", 7_700)
    ran(agreed, "supervisor", *thaw, *target, sign=("labour-bureau", "north-bank"))
    assert courier(agreed)["custody"][0]["amount_minor"] == 0
    held = ran(agreed, "auditor", "invariants")
    assert {name for name, each in held.items() if not each["holds"]} == set()


def test_money_of_a_credit_is_carved_out_of_a_frozen_account(agreed: Network, http: Clients) -> None:
    """What is signed is the hash of the pieces; the command shows the pieces and checks it."""
    place = ("account", "carve", "swift-courier", "--dye-class", "courier-pay")
    by_credit = (*place, "--credit", "MB-RCV-1")
    ran(agreed, "supervisor", "account", "freeze", "swift-courier", sign=("transport-bureau",))
    known = {each["custody"] for each in courier(agreed)["custody"]}
    two = ("labour-bureau", "north-bank")
    carved = agreed.cli("supervisor", *by_credit, *agreed.keystore(*two), "--json")
    assert carved.code == 0, carved.stderr
    assert f"{carved.data['amount_minor']} minor units" in carved.stderr
    assert (carved.data["amount_minor"] > 0, carved.data["more_minor"]) == (True, 0)
    (custody,) = [each for each in courier(agreed)["custody"] if each["custody"] not in known]
    assert custody["amount_minor"] == carved.data["amount_minor"]
    again = agreed.cli("supervisor", *by_credit, *agreed.keystore(*two), "--json")
    assert (again.code, json.loads(again.stderr)["code"]) == (5, "images-missing")
    ran(agreed, "supervisor", "account", "carve-custody", custody["custody"], "--piece", "0-5", sign=two)
    rest = ("--credit", "MB-RCV-1", "--reversed")
    refusal = agreed.cli(
        "supervisor", "account", "carve-custody", custody["custody"], *rest, *agreed.keystore(*two), "--json"
    )
    assert (refusal.code, json.loads(refusal.stderr)["code"]) == (5, "credit-not-reversed")
    for each in courier(agreed)["custody"]:
        if each["amount_minor"]:
            thaw = ("account", "thaw", each["custody"], "--account", "swift-courier")
            whole = ("--dye-class", "courier-pay", "--amount-minor", each["amount_minor"])
            ran(agreed, "supervisor", *thaw, *whole, sign=two)
    sort = ("account", "sort", "swift-courier", "--dye-class", "courier-pay", "--to-class", "bonus")
    ran(agreed, "supervisor", *sort, "--amount-minor", 7, sign=two)
    assert account(agreed, "swift-courier")["balances_minor"]["bonus"] == 7
    ran(agreed, "supervisor", "account", "unfreeze", "swift-courier", sign=two)
    body = {"account": "swift-courier", "dye_class": "courier-pay", "pieces": [{"start": 5, "end": 5}]}
    assert http("supervisor").post("/v1/carvings/prepare", json=body).status_code == 422


@pytest.mark.parametrize(
    ("options", "code"),
    [
        ((), "credit-missing"),
        (("--piece", "1-2", "--reversed"), "credit-missing"),
        (("--piece", "1-2", "--credit", "MB-RCV-1"), "credit-missing"),
        (("--piece", "1-2", "--reversed", "--credit", "MB-RCV-1"), "option-invalid"),
        (("--piece", "2-1"), "option-invalid"),
        (("--piece", "1"), "option-invalid"),
    ],
)
def test_a_carving_that_names_nothing_is_misuse(agreed: Network, options: tuple[str, ...], code: str) -> None:
    place = ("account", "carve", "swift-courier", "--dye-class", "courier-pay")
    done = agreed.cli("supervisor", *place, *options, *agreed.keystore("north-bank"), "--json")
    assert (done.code, json.loads(done.stderr)["code"]) == (2, code)


def test_the_quorum_ends_a_batch_whose_money_goes_to_custody(agreed: Network) -> None:
    made = draft(agreed, PAYOUTS.replace("W-", "Q-"))
    done(act(agreed, "operator", f"{made.path}/reservations", {}, "swift-courier-east"))
    two = ("labour-bureau", "north-bank")
    ran(agreed, "supervisor", "account", "freeze", "swift-courier/east", sign=("transport-bureau",))
    _, start = _line(agreed, "swift-courier/east")
    known = {each["custody"] for each in courier(agreed)["custody"]}
    place = ("account", "carve", "swift-courier/east", "--dye-class", "courier-pay")
    ran(agreed, "supervisor", *place, "--piece", f"{start}-{start + 1}", sign=two)
    (custody,) = {each["custody"] for each in courier(agreed)["custody"]} - known
    ran(agreed, "supervisor", "batch", "redirect", made.id, "--custody", custody, sign=two)
    refused(agreed, "supervisor", "batch", "release", made.id, sign=("north-bank",))
    ran(agreed, "supervisor", "batch", "release", made.id, sign=two)
    held = {each["custody"]: each["amount_minor"] for each in courier(agreed)["custody"]}
    assert held[custody] == 360_051
    thaw = ("account", "thaw", custody, "--account", "swift-courier/east", "--dye-class", "courier-pay")
    ran(agreed, "supervisor", *thaw, "--amount-minor", 360_051, sign=two)
    ran(agreed, "supervisor", "account", "unfreeze", "swift-courier/east", sign=two)


def _line(network: Network, name: str) -> tuple[int, int]:
    """Both counters of an account's line, from the chain."""
    platform = Platform.open(network.data, Settings.read(network.data))
    counters = platform.chain.read("Ledger", "line", account_line(name_id(name), name_id("courier-pay")))
    platform.close()
    return int(counters[0]), int(counters[1])
