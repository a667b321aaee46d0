"""What an attacker tried and once got away with."""

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from pathlib import Path
from typing import Any

import httpx
import pytest
from eth_abi.abi import encode
from eth_utils.crypto import keccak

from bridge.store import projections
from bridge.store.base import Database
from bridge.store.chain_models import AgreementRow
from tests.api.network import IBAN, Network
from tests.api.story import PAYOUTS, act, done, upload

Clients = Callable[..., httpx.Client]


@pytest.mark.parametrize("body", [b"[" * 500_000, b'{"a":' * 100_000])
def test_nested_json_does_not_end_the_platform(network: Network, body: bytes) -> None:
    with network.http(None) as client:
        headers = {"Content-Type": "application/json"}
        response = client.post("/v1/accounts/openings/prepare", content=body, headers=headers)
        assert (response.status_code, response.json()["code"]) == (400, "request-malformed")
        assert client.get("/livez").status_code == 200


@pytest.mark.parametrize("path", ["/docs/", "/livez/", "/v1/batches/"])
def test_nobody_is_sent_to_the_host_a_request_names(http: Clients, path: str) -> None:
    response = http().get(path, headers={"Host": "evil.example"})
    assert response.status_code == 404
    assert "evil" not in str(response.headers) + response.text


TERMS = {
    "name": "swift-courier",
    "bank": "north-bank",
    "controller": "swift-courier",
    "quorum": "supervisors",
    "number": IBAN,
    "currency": "CNY",
    "holder": "迅捷配送集团",
}


@pytest.mark.parametrize(
    "change",
    [
        {"quorum": "nobody"},
        {"controller": "swift-courier-east"},
        {"holder": "某个人"},
        {"opening_minor": 1_000_000},
    ],
)
def test_one_key_cannot_change_what_is_supervised(
    onboarded: Network, http: Clients, change: dict[str, Any]
) -> None:
    assert onboarded.bank
    response = http("bank").post("/v1/accounts/supervised", json=TERMS | change)
    assert (response.status_code, response.json()["code"]) == (409, "account-exists")
    done(http("bank").post("/v1/accounts/supervised", json=TERMS))


def test_no_signature_is_lost(agreed: Network) -> None:
    made = upload(agreed, PAYOUTS.replace("W-", "ONE-")).json()["draft"]
    path = f"/v1/batches/{made}/approvals"
    done(act(agreed, "operator", f"/v1/batches/{made}/reservations", {}, "swift-courier-east"))
    response = act(agreed, "supervisor", path, {}, "north-bank", "labour-bureau")
    assert (response.status_code, response.json()["code"]) == (422, "signature-not-one")


def at_once(calls: list[Callable[[], httpx.Response]]) -> list[httpx.Response]:
    with ThreadPoolExecutor(len(calls)) as pool:
        return [each.result() for each in [pool.submit(call) for call in calls]]


def post(network: Network, path: str, body: dict[str, Any]) -> httpx.Response:
    with network.http("operator") as client:
        return client.post(path, json=body)


def test_one_reference_is_one_amount_however_many_race(agreed: Network) -> None:
    bodies = []
    with agreed.http("operator") as client:
        for amount in ("1.00", "2.00", "3.00", "4.00"):
            wanted = {"agreement": "fund-east", "account": "swift-courier/east", "amount": amount}
            prepared = client.post("/v1/allocations/prepare", json=wanted | {"reference": "RACE"}).json()
            bodies.append(agreed.sign(prepared, "swift-courier"))
    answers = at_once([partial(post, agreed, "/v1/allocations", body) for body in bodies])
    assert sorted(each.status_code for each in answers) == [200, 409, 409, 409]


def test_batches_that_race_pay_nobody_twice(agreed: Network) -> None:
    calls: list[Callable[[], httpx.Response]] = []
    for number in range(4):
        content = PAYOUTS.replace("W-", "RACE-").replace("十一月", f"十一月 {number}")
        path = f"/v1/batches/{upload(agreed, content).json()['draft']}/reservations"
        with agreed.http("operator") as client:
            prepared = client.post(f"{path}/prepare", json={}).json()
        body = agreed.sign(prepared, "swift-courier-east")
        calls.append(partial(post, agreed, path, body))
    answers = at_once(calls)
    assert sorted(each.status_code for each in answers) == [200, 409, 409, 409]
    assert {each.json()["code"] for each in answers if each.status_code == 409} == {"id-in-use"}


def test_anybody_s_agreement_under_our_file_is_not_taken_for_ours(tmp_path: Path) -> None:
    database = Database(f"sqlite:///{tmp_path / 'platform.db'}")
    database.migrate()
    template, file, results = b"\1" * 32, b"\2" * 32, b"\3" * 32
    deployment = encode(["bytes32", "bytes", "bytes32", "bytes32"], [template, b"ours", file, results])
    with database.begin() as session:
        for address, arguments in (("0xA", b"theirs"), ("0xB", b"ours"), ("0xC", b"ours")):
            row = {"template": template, "file": file, "results": results, "account": bytes(32), "block": 7}
            session.add(AgreementRow(address=address, arguments=keccak(arguments), **row))
    with database.read() as session:
        assert projections.agreement_by_call(session, b"call" + deployment, 7).address == "0xB"
    database.engine.dispose()
