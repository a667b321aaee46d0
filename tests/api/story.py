"""The shared story of the tests: onboarding, agreements, money, one batch paid."""

from dataclasses import dataclass
from typing import Any

import httpx

from tests.api.network import EXAMPLES, IBAN, Network, wait_for

PAYER = "华北生鲜有限公司"
PAYOUTS = """end_to_end_id,payee_name,payee_account,amount,currency,purpose
W-1,陈一帆,6200000000000000017,1500.00,CNY,十一月配送费
W-2,李思远,6200000000000000025,1200.50,CNY,十一月配送费
W-3,王可欣,6200000000000000033,900.00,CNY,十一月配送费
"""
TOTAL = "3600.50"


def act(network: Network, role: str, path: str, body: dict[str, Any], *who: str) -> httpx.Response:
    """Prepare, sign, perform; returns the answer to performing."""
    with network.http(role) as client:
        prepared = client.post(f"{path}/prepare", json=body)
        assert prepared.status_code == 200, prepared.text
        return client.post(path, json=network.sign(prepared.json(), *who))


def done(response: httpx.Response) -> dict[str, Any]:
    """The body of an act that was performed."""
    assert response.status_code == 200, response.text
    found: dict[str, Any] = response.json()
    return found


def onboard(network: Network) -> None:
    """Everybody in the directory, the account supervised, money in it."""
    east = network.signers["swift-courier-east"].address
    added = network.process(
        "bank",
        *("institution", "add", "--institution", "swift-courier-east=enterprise"),
        *("--signer", f"swift-courier-east={east}=operator"),
        *network.keystore("north-bank", "labour-bureau"),
        "--json",
    )
    assert added.code == 0, added.stderr
    assert added.data["applied"] is True
    supervised = network.cli(
        "bank",
        *("account", "supervise", "swift-courier", "--bank", "north-bank", "--controller", "swift-courier"),
        *(
            "--quorum",
            "supervisors",
            "--number",
            IBAN,
            "--currency",
            "CNY",
            "--holder",
            "迅捷配送集团",
            "--json",
        ),
    )
    assert supervised.code == 0, supervised.stderr
    opening = {"account": "swift-courier/east", "parent": "swift-courier", "controller": "swift-courier-east"}
    done(act(network, "operator", "/v1/accounts/openings", opening, "swift-courier"))
    rule = {
        "payer_name": PAYER,
        "account": "swift-courier",
        "dye_class": "courier-pay",
        "purpose": "配送服务费",
    }
    with network.http("teller") as teller:
        rules = done(teller.put("/v1/accounts/swift-courier/rules", json={"rules": [rule]}))
    assert rules == {"account": "swift-courier", "rules": 1}
    network.bank.post_credit("SC", 500_000_00, debtor={"name": PAYER}, note="十一月配送服务费")


def balance(network: Network, account: str) -> int:
    """Of the class courier-pay, minor units."""
    with network.http() as client:
        trees = client.get("/v1/accounts").json()["items"]
    row = next(each for tree in trees for each in tree["accounts"] if each["account"] == account)
    return int(row["balances_minor"].get("courier-pay", 0))


def agree(network: Network) -> None:
    """Both example agreements, active, and the eastern subsidiary funded."""
    for file in ("fund-east.yaml", "courier-payouts.yaml"):
        deployed = network.cli("operator", "agreement", "deploy", EXAMPLES / file, "--json")
        assert deployed.code == 0, deployed.stderr
        path = f"/v1/agreements/{deployed.data['agreement']}/activations"
        done(act(network, "supervisor", path, {}, "north-bank", "labour-bureau"))
    wait_for(lambda: balance(network, "swift-courier") == 500_000_00)
    allocation = {
        "agreement": "fund-east",
        "account": "swift-courier/east",
        "amount": "100000.00",
        "reference": "F-1",
    }
    done(act(network, "operator", "/v1/allocations", allocation, "swift-courier"))


@dataclass
class Draft:
    """An uploaded batch."""

    id: str
    shown: dict[str, Any]

    @property
    def path(self) -> str:
        """Of its acts."""
        return f"/v1/batches/{self.id}"


def upload(network: Network, content: str = PAYOUTS, **fields: str) -> httpx.Response:
    """Upload a payout file."""
    form = {"agreement": "courier-payouts", "control_total": TOTAL, "control_count": "3", **fields}
    with network.http("operator") as client:
        return client.post("/v1/batches", data=form, files={"file": ("payouts.csv", content.encode())})


def draft(network: Network, content: str = PAYOUTS, **fields: str) -> Draft:
    """A draft of a payout file."""
    shown = done(upload(network, content, **fields))
    return Draft(shown["draft"], shown)
