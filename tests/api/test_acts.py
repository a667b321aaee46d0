"""What people decide, over HTTP: prepared, signed, performed, repeated."""

from collections.abc import Callable
from typing import Any

import httpx
import pytest

from api.kinds import PROBLEM_TYPE
from tests.api.network import EXAMPLES, Network, wait_for
from tests.api.story import PAYER, PAYOUTS, Draft, act, balance, done, draft, upload

Clients = Callable[..., httpx.Client]


def refused(response: httpx.Response, status: int, code: str | None = None) -> dict[str, Any]:
    assert response.status_code == status, response.text
    found: dict[str, Any] = response.json()
    assert code is None or found["code"] == code, found
    return found


@pytest.fixture(scope="module")
def reserved(agreed: Network) -> Draft:
    """A batch that is reserved and waits for approvals."""
    made = draft(agreed)
    done(act(agreed, "operator", f"{made.path}/reservations", {}, "swift-courier-east"))
    return made


@pytest.fixture(scope="module")
def paid(agreed: Network) -> Draft:
    """A batch that went all the way to the bank."""
    made = draft(agreed, PAYOUTS.replace("W-", "P-"))
    done(act(agreed, "operator", f"{made.path}/reservations", {}, "swift-courier-east"))
    for who in ("north-bank", "transport-bureau"):
        done(act(agreed, "supervisor", f"{made.path}/approvals", {}, who))
    done(attest(agreed, made))
    with agreed.http("operator") as client:
        executed = done(client.post(f"{made.path}/executions", json={}))
        assert len(executed["transactions"]) == 1
        assert executed["executed_rows"] == 3
        wait_for(lambda: states(client, made) == ["debited"] * 3)
    return made


def states(client: httpx.Client, made: Draft) -> list[str]:
    return [row["state"] for row in client.get(f"{made.path}/payouts").json()["items"]]


def attest(network: Network, made: Draft, document: bytes = b"delivered") -> httpx.Response:
    """Evidence is a form: the document goes along with the kind and the signatures."""
    files = {"document": ("report.pdf", document)}
    with network.http("auditor") as client:
        form = {"kind": "delivery-report"}
        prepared = done(client.post(f"{made.path}/evidence/prepare", data=form, files=files))
        return client.post(f"{made.path}/evidence", data=network.sign(prepared, "clear-audit"), files=files)


def test_the_directory_shows_who_takes_part(onboarded: Network, http: Clients) -> None:
    names = [row["institution"] for row in http().get("/v1/institutions").json()["items"]]
    assert "swift-courier-east" in names
    assert http().get("/v1/quorums").json()["items"] == [
        {
            "quorum": "supervisors",
            "threshold": 2,
            "members": ["labour-bureau", "north-bank", "transport-bureau"],
        }
    ]


def test_an_announcement_repeated_is_the_same_announcement(onboarded: Network, http: Clients) -> None:
    body = {"institutions": [{"name": "second-auditor", "kind": "auditor"}]}
    prepared = http("supervisor").post("/v1/directory-changes/prepare", json=body).json()
    assert prepared["request"]["nonce"] == prepared["typed_data"]["message"]["nonce"]
    signed = onboarded.sign(prepared, "north-bank", "labour-bureau")
    first = done(http("supervisor").post("/v1/directory-changes", json=signed))
    assert done(http("supervisor").post("/v1/directory-changes", json=signed)) == first
    one_alone = onboarded.sign(http().post("/v1/directory-changes/prepare", json=body).json(), "north-bank")
    found = refused(http().post("/v1/directory-changes", json=one_alone), 409)
    assert found["type"] == PROBLEM_TYPE + "refused"
    assert "two institutions" in found["detail"]


def test_nothing_to_change(onboarded: Network, http: Clients) -> None:
    refused(http().post("/v1/directory-changes/prepare", json={}), 422, "changes-missing")


def test_a_suspended_signer_loses_every_role(onboarded: Network, http: Clients) -> None:
    address = onboarded.signers["north-bank-2"].address
    first = act(onboarded, "supervisor", "/v1/suspensions", {"address": address.lower()}, "north-bank")
    done(first)
    rows = http().get("/v1/institutions").json()["items"]
    signers = {each["address"]: each["roles"] for row in rows for each in row["signers"]}
    assert signers[address] == []
    back = {"signers": [{"institution": "north-bank", "address": address, "roles": ["teller"]}]}
    done(act(onboarded, "bank", "/v1/directory-changes", back, "north-bank", "labour-bureau"))


@pytest.mark.parametrize("address", ["0x12", "nobody", "0x" + "00" * 21])
def test_an_address_is_checked(http: Clients, address: str) -> None:
    refused(http().post("/v1/suspensions/prepare", json={"address": address}), 422, "request-invalid")


def test_an_account_is_opened_once(onboarded: Network) -> None:
    body = {"account": "swift-courier/west", "parent": "swift-courier", "controller": "swift-courier"}
    path = "/v1/accounts/openings"
    first = done(act(onboarded, "operator", path, body, "swift-courier"))
    assert done(act(onboarded, "operator", path, body, "swift-courier")) == first
    wrong = act(onboarded, "operator", path, {**body, "account": "swift-courier/south"}, "labour-bureau")
    assert refused(wrong, 409)["type"] == PROBLEM_TYPE + "refused"


def test_a_bank_account_is_supervised_once(onboarded: Network, http: Clients) -> None:
    body = {
        "name": "another",
        "bank": "north-bank",
        "controller": "swift-courier",
        "quorum": "supervisors",
        "number": "6222999",
        "currency": "CNY",
        "holder": "某某",
    }
    path = "/v1/accounts/supervised"
    refused(http().post(path, json=body | {"currency": "XXZ"}), 422, "currency-unknown")
    refused(http().post(path, json=body | {"bank": "no-bank"}), 404, "institution-unknown")
    first = done(http().post(path, json=body))
    assert done(http().post(path, json=body)) == first
    refused(http().post(path, json=body | {"number": "6222998"}), 409, "account-exists")
    refused(http().post(path, json=body | {"name": "a-third"}), 409, "account-exists")


def test_rules_of_an_unknown_account(onboarded: Network, http: Clients) -> None:
    rule = {"payer_name": PAYER, "account": "nothing", "dye_class": "general", "purpose": "x"}
    refused(http().put("/v1/accounts/nothing/rules", json={"rules": []}), 404, "account-unknown")
    refused(http().put("/v1/accounts/swift-courier/rules", json={"rules": [rule]}), 404, "account-unknown")


def test_money_in_suspense_is_identified_by_two_tellers(onboarded: Network, http: Clients) -> None:
    onboarded.bank.post_credit("SC", 7_000, debtor={"name": "不认识的公司"}, note="?")

    def suspense() -> list[dict[str, Any]]:
        items = http("teller").get("/v1/tasks").json()["items"]
        return [
            each for each in items if each["kind"] == "suspense" and each["detail"]["amount_minor"] == 7_000
        ]

    (task,) = wait_for(suspense)
    lot = task["detail"]["lot"]
    body = {"lot": lot, "account": "swift-courier", "dye_class": "general", "amount_minor": 3_000}
    path = "/v1/accounts/identifications"
    wait_for(lambda: http().get(f"/v1/traces/credits/{lot}").status_code == 200)
    prepared = done(http("teller").post(f"{path}/prepare", json=body))
    one = onboarded.sign(prepared, "north-bank")
    assert refused(http("teller").post(path, json=one), 409)["type"] == PROBLEM_TYPE + "refused"
    both = onboarded.sign(prepared, "north-bank", "north-bank-2")
    first = done(http("teller").post(path, json=both))
    assert done(http("teller").post(path, json=both)) == first
    assert suspense()
    rest = body | {"amount_minor": 4_000}
    done(act(onboarded, "teller", path, rest, "north-bank", "north-bank-2"))
    wait_for(lambda: not suspense())


def test_an_agreement_is_checked_explained_and_tried(agreed: Network, http: Clients) -> None:
    content = (EXAMPLES / "courier-payouts.yaml").read_bytes()
    files = [
        ("file", ("a.yaml", content)),
        ("rosters", ("couriers.csv", (EXAMPLES / "couriers.csv").read_bytes())),
    ]
    client = http("supervisor")
    checked = done(client.post("/v1/agreements/check", files=files))
    assert (checked["agreement"], checked["payees"]) == ("courier-payouts@1", 5)
    assert checked["clauses"][0] == {"clause": 0, "name": "approval", "guards": ["approval"]}
    explained = done(client.post("/v1/agreements/explain", files=files))
    assert "东区骑手代发" in explained["zh"]
    assert "Courier payouts, east" in explained["en"]
    tried = done(client.post("/v1/agreements/simulate", files=files))
    assert tried["ok"] is True
    assert len(tried["cases"]) == 8
    without = refused(client.post("/v1/agreements/check", files=files[:1]), 422, "agreement-invalid")
    assert "roster-file-missing" in {each["code"] for each in without["errors"]}
    twice = refused(client.post("/v1/agreements/check", files=[*files, files[1]]), 422)
    assert twice["code"] == "rosters-invalid"


def test_all_faults_of_an_agreement_come_at_once(agreed: Network, http: Clients) -> None:
    content = (EXAMPLES / "fund-east.yaml").read_text()
    wrong = content.replace("payer: swift-courier", "payer: nobody").replace('"3000000.00"', "3000000.00")
    files = [("file", ("a.yaml", wrong.encode()))]
    found = refused(http("operator").post("/v1/agreements/check", files=files), 422, "agreement-invalid")
    assert len(found["errors"]) >= 1
    assert all(each["pointer"] and each["code"] and each["detail"] for each in found["errors"])


def test_an_agreement_that_does_not_do_what_it_expects_is_not_deployed(
    agreed: Network, http: Clients
) -> None:
    content = (EXAMPLES / "fund-east.yaml").read_text()
    wrong = content.replace("version: 1", "version: 2").replace('"1000000.01"', '"1000000.00"')
    files = [("file", ("a.yaml", wrong.encode()))]
    found = refused(http("operator").post("/v1/agreements", files=files), 422, "trial-failed")
    assert [each["pointer"] for each in found["errors"]] == ["one cent above the transfer cap"]
    refused(http().get("/v1/agreements/fund-east@2"), 404, "agreement-unknown")


def test_agreements_are_listed_and_shown(agreed: Network, http: Clients) -> None:
    rows = http("auditor").get("/v1/agreements").json()["items"]
    assert {row["agreement"]: row["active"] for row in rows} == {
        "courier-payouts@1": True,
        "fund-east@1": True,
    }
    shown = done(http("auditor").get("/v1/agreements/fund-east@1"))
    assert done(http("auditor").get(f"/v1/agreements/{shown['address']}")) == shown


def test_an_allocation_is_made_once(agreed: Network, http: Clients) -> None:
    body = {"agreement": "fund-east", "account": "swift-courier/east", "amount": "10.00", "reference": "F-2"}
    before = balance(agreed, "swift-courier/east")
    prepared = done(http("operator").post("/v1/allocations/prepare", json=body))
    signed = agreed.sign(prepared, "swift-courier")
    first = done(http("operator").post("/v1/allocations", json=signed))
    assert done(http("operator").post("/v1/allocations", json=signed)) == first
    assert balance(agreed, "swift-courier/east") == before + 1_000
    unsigned = {**body, "signatures": signed["signatures"]}
    refused(http("operator").post("/v1/allocations", json=unsigned), 422, "deadline-missing")
    refused(
        http("operator").post("/v1/allocations/prepare", json=body | {"amount": "1.005"}),
        422,
        "amount-invalid",
    )


def test_above_a_cap_the_contracts_refuse_and_say_where(agreed: Network) -> None:
    body = {
        "agreement": "fund-east",
        "account": "swift-courier/east",
        "amount": "1000000.01",
        "reference": "F-9",
    }
    found = refused(act(agreed, "operator", "/v1/allocations", body, "swift-courier"), 409, "payout-cap")
    assert found["type"] == PROBLEM_TYPE + "refused"
    assert (found["clause"], found["guard"]) == (0, 0)
    assert (found["limit"], found["observed"]) == (100_000_000, 100_000_001)


def test_a_file_with_faults_leaves_nothing(agreed: Network, http: Clients) -> None:
    before = http().get("/v1/batches").json()
    wrong = PAYOUTS.replace("1500.00", "2000.01").replace("李思远", "李某某").replace("900.00", "9e2")
    found = refused(upload(agreed, wrong), 422, "batch-file-refused")
    named = {(each["row"], each["column"], each["code"]) for each in found["errors"] if each["row"]}
    assert {row for row, _, _ in named} == {2, 3, 4}
    assert all(each["detail"] and "value" in each for each in found["errors"])
    assert found["fault_count"] == len(found["errors"])
    assert http().get("/v1/batches").json() == before


@pytest.mark.parametrize(
    ("fields", "code"),
    [
        ({"control_total": "3600.51"}, "batch-file-refused"),
        ({"control_count": "4"}, "batch-file-refused"),
        ({"deadline_hours": "100000"}, "deadline-invalid"),
        ({"deadline_hours": "soon"}, "request-invalid"),
        ({"control_total": "1e3"}, "amount-invalid"),
        ({"agreement": "fund-east"}, "agreement-without-roster"),
    ],
)
def test_control_figures_and_deadline_are_checked(agreed: Network, fields: dict[str, str], code: str) -> None:
    refused(upload(agreed, **fields), 422, code)


def test_the_same_file_is_the_same_draft(reserved: Draft, agreed: Network) -> None:
    again = done(upload(agreed))
    assert again["draft"] == reserved.id
    assert again["created_by"] == "operator-key"


@pytest.mark.parametrize("batch", ["00" * 32, "nothing"])
def test_an_unknown_batch(http: Clients, batch: str) -> None:
    status = 404 if batch != "nothing" else 422
    refused(http().get(f"/v1/batches/{batch}"), status)
    refused(http().post(f"/v1/batches/{batch}/approvals/prepare"), status)


def test_a_draft_cannot_be_approved(agreed: Network, http: Clients) -> None:
    made = draft(agreed, PAYOUTS.replace("W-", "D-"))
    refused(http("supervisor").post(f"{made.path}/approvals/prepare"), 409, "batch-not-reserved")
    refused(http("operator").post(f"{made.path}/executions", json={}), 409, "batch-not-reserved")


def test_a_reservation_repeated_gives_the_same_answer(
    reserved: Draft, agreed: Network, http: Clients
) -> None:
    path = f"{reserved.path}/reservations"
    first = done(act(agreed, "operator", path, {}, "swift-courier-east"))
    assert done(act(agreed, "operator", path, {}, "swift-courier-east")) == first
    shown = http().get(reserved.path).json()
    assert shown["batch"]
    assert done(http().get(f"/v1/batches/{shown['batch']}")) == shown


def test_signatures_are_checked(reserved: Draft, agreed: Network, http: Clients) -> None:
    path, client = f"{reserved.path}/approvals", http("supervisor")
    prepared = done(client.post(f"{path}/prepare"))
    refused(client.post(path, json={"signatures": []}), 422, "request-invalid")
    refused(client.post(path, json={"signatures": ["0x12"]}), 422, "request-invalid")
    refused(client.post(path, json={"signatures": ["0x" + "00" * 65]}), 422, "signature-invalid")
    stranger = agreed.sign(prepared, "swift-courier")
    assert refused(client.post(path, json=stranger), 409)["type"] == PROBLEM_TYPE + "refused"
    other = done(http("operator").post(f"{reserved.path}/cancellations/prepare"))
    wrong_act = {"signatures": agreed.sign(other, "north-bank")["signatures"]}
    refused(client.post(path, json=wrong_act), 409)
    assert client.get(reserved.path).json()["approvals"] == []


def test_an_approval_counts_once(reserved: Draft, agreed: Network, http: Clients) -> None:
    path = f"{reserved.path}/approvals"
    first = done(act(agreed, "supervisor", path, {}, "labour-bureau"))
    assert done(act(agreed, "supervisor", path, {}, "labour-bureau")) == first
    given = http().get(reserved.path).json()["approvals"]
    assert [each["institution"] for each in given] == ["labour-bureau"]


def test_without_evidence_execution_is_refused_by_its_clause(
    reserved: Draft, agreed: Network, http: Clients
) -> None:
    done(act(agreed, "supervisor", f"{reserved.path}/approvals", {}, "labour-bureau"))
    found = refused(http("operator").post(f"{reserved.path}/executions", json={}), 409, "approvals-missing")
    assert (found["clause"], found["limit"], found["observed"]) == (0, 2, 1)
    done(act(agreed, "supervisor", f"{reserved.path}/approvals", {}, "north-bank"))
    refused(http("operator").post(f"{reserved.path}/executions", json={}), 409, "evidence-missing")


def test_evidence_repeated_gives_the_same_answer(paid: Draft, agreed: Network) -> None:
    assert attest(agreed, paid).json() == attest(agreed, paid).json()


def test_a_cancelled_batch_pays_nothing(agreed: Network, http: Clients) -> None:
    made = draft(agreed, PAYOUTS.replace("W-", "C-"))
    before = balance(agreed, "swift-courier/east")
    done(act(agreed, "operator", f"{made.path}/reservations", {}, "swift-courier-east"))
    assert balance(agreed, "swift-courier/east") == before - 360_050
    done(act(agreed, "operator", f"{made.path}/cancellations", {}, "swift-courier-east"))
    assert balance(agreed, "swift-courier/east") == before
    assert http().get(made.path).json()["end_row"] == 0


def test_a_batch_is_shown_to_the_last_row(paid: Draft, http: Clients) -> None:
    shown = done(http("auditor").get(paid.path))
    assert (shown["total"], shown["executed_rows"], len(shown["approvals"])) == ("3600.50", 3, 2)
    page = done(http().get(f"{paid.path}/payouts", params={"limit": 2}))
    assert [row["customer_reference"] for row in page["items"]] == ["P-1", "P-2"]
    rest = done(http().get(f"{paid.path}/payouts", params={"limit": 2, "after": page["next"]}))
    assert [row["customer_reference"] for row in rest["items"]] == ["P-3"]
    assert rest["next"] is None


def test_executing_again_executes_nothing(paid: Draft, http: Clients) -> None:
    assert done(http("operator").post(f"{paid.path}/executions", json={}))["transactions"] == []


def test_money_is_traced_both_ways(paid: Draft, http: Clients) -> None:
    (first, *_) = http().get(f"{paid.path}/payouts").json()["items"]
    back = done(http("auditor").get(f"/v1/traces/payouts/{first['end_to_end_id']}"))
    (segment,) = back["segments"]
    assert (segment["payer"], segment["amount_minor"]) == (PAYER, 150_000)
    forward = done(http("auditor").get(f"/v1/traces/credits/{segment['bank_reference']}"))
    assert first["end_to_end_id"] in {each["end_to_end_id"] for each in forward["payouts"]}
    by_lot = done(http("auditor").get(f"/v1/traces/credits/{segment['lot']}"))
    assert by_lot == forward
    refused(http().get("/v1/traces/payouts/DTNOTHING"), 404)
    refused(http().get("/v1/traces/credits/no/such/reference"), 404, "lot-unknown")


def test_breaks_take_two_people(paid: Draft, agreed: Network, http: Clients) -> None:
    charge = {"name": "账户管理费"}
    agreed.bank.post_credit("SC", 100, debtor=charge)
    done(http("teller").post("/v1/reconciliations", json={"account": "swift-courier"}))
    refused(http("teller").post("/v1/reconciliations", json={"account": "nothing"}), 404, "account-unknown")
    proposal = {"resolution": "explained", "note": "x", "reference": "y"}
    refused(http("teller").post("/v1/breaks/nothing/proposals", json=proposal), 404, "break-unknown")
    refused(http("teller").post("/v1/breaks/nothing/confirmations"), 404, "break-unknown")
    refused(http("teller").get("/v1/breaks", params={"state": "lost"}), 422, "request-invalid")
    for found in done(http("teller").get("/v1/breaks"))["items"]:
        path = f"/v1/breaks/{found['fingerprint']}"
        proposed = done(http("teller").post(f"{path}/proposals", json=proposal))
        assert (proposed["state"], proposed["proposed_by"]) == ("proposed", "teller-key")
        refused(http("teller").post(f"{path}/confirmations"), 403, "same-person")
        assert done(http("bank").post(f"{path}/confirmations"))["state"] == "confirmed"


def test_every_invariant_holds(paid: Draft, http: Clients) -> None:
    found = done(http("auditor").get("/v1/invariants"))
    assert {name: each["detail"] for name, each in found.items() if not each["holds"]} == {}


def test_logs_name_no_person_and_no_secret(paid: Draft, agreed: Network) -> None:
    log = agreed.platform.log.read_text()
    assert '"route": "/batches/{batch}/payouts"' in log
    for secret in (*agreed.api_keys.values(), "陈一帆", "6200000000000000017", IBAN_PART, PAYER):
        assert secret not in log


IBAN_PART = "DYET0000000000000001"
