"""Acts of an escrow over HTTP and on the command line."""

import base64
import json
from pathlib import Path
from typing import Any

import pytest

from api.client import Client
from api.errors import Unreachable
from tests.api.network import EXAMPLES, Network
from tests.api.story import act, done

ESCROW = "yard-order"
CONSENTED = ("--milestone", "bikes serviced", "--amount", "0.01")


@pytest.fixture(scope="module")
def escrow(agreed: Network, tmp_path_factory: pytest.TempPathFactory) -> Network:
    """An active escrow of the courier with its subsidiary, without money yet."""
    opening = {"account": "swift-courier/deposit", "parent": "swift-courier", "controller": "swift-courier"}
    done(act(agreed, "operator", "/v1/accounts/openings", opening, "swift-courier"))
    text = (EXAMPLES / "bike-order.yaml").read_text()
    for old, new in (
        ("bike-order", ESCROW),
        ("swift-courier/suppliers", "swift-courier/east"),
        ("river-supplies", "swift-courier-east"),
    ):
        text = text.replace(old, new)
    file = Path(tmp_path_factory.mktemp("escrow")) / "order.yaml"
    file.write_text(text)
    deployed = agreed.cli("operator", "agreement", "deploy", file, "--json")
    assert deployed.code == 0, deployed.stderr
    path = f"/v1/agreements/{deployed.data['agreement']}/activations"
    done(act(agreed, "supervisor", path, {}, "north-bank", "labour-bureau"))
    return agreed


def test_status_says_what_can_be_done(escrow: Network) -> None:
    shown = escrow.cli("auditor", "agreement", "status", ESCROW, "--json").data
    assert (shown["state"], shown["resting"], shown["currency"]) == ("open", "0.00", "CNY")
    (release,) = [each for each in shown["acts"] if each["act"] == "release"]
    assert release == {
        "act": "release",
        "takes": ["milestone", "amount"],
        "signed_by": ["an operator of the payer, swift-courier"],
    }


def test_a_refusal_on_chain_is_the_commands(escrow: Network) -> None:
    """Nothing rests, so a release that the payer signed pays nothing."""
    who = escrow.keystore("swift-courier")
    refused = escrow.process("operator", "agreement", "act", ESCROW, "release", *CONSENTED, *who, "--json")
    assert refused.code == 6, refused.stderr
    assert json.loads(refused.stderr.splitlines()[-1])["code"] == "lines.not-enough-money"
    assert "(0.01 CNY)" in refused.stderr


def test_nobody_signs_what_needs_a_signature(escrow: Network) -> None:
    unsigned = escrow.cli("operator", "agreement", "act", ESCROW, "release", *CONSENTED, "--json")
    assert unsigned.code == 1
    assert json.loads(unsigned.stderr.splitlines()[-1])["code"] == "signature-missing"


def test_a_document_is_attested_once(escrow: Network, tmp_path: Path) -> None:
    report = tmp_path / "report.txt"
    report.write_text("forty bikes")
    said = ("--milestone", "bikes delivered", "--document", report)
    attest = ("agreement", "act", ESCROW, "attest", *said, *escrow.keystore("clear-audit"), "--json")
    attested = escrow.cli("auditor", *attest)
    assert attested.code == 0, attested.stderr
    shown = escrow.cli("auditor", "agreement", "status", ESCROW, "--json").data
    assert [each["attested"] for each in shown["milestones"]] == [True, None]
    report.write_text("forty-one bikes")
    again = escrow.cli("auditor", *attest)
    assert again.code == 6
    assert json.loads(again.stderr.splitlines()[-1])["code"] == "escrow.milestone-is-attested"
    missing = escrow.cli("auditor", *attest[:-4], "--document", tmp_path / "none", "--json")
    assert missing.code == 2
    assert json.loads(missing.stderr.splitlines()[-1])["code"] == "file-unreadable"


def test_the_same_body_again_is_the_same_act(escrow: Network) -> None:
    path = f"/v1/agreements/{ESCROW}/acts/dispute"
    with escrow.http("operator") as client:
        prepared = done(client.post(f"{path}/prepare", json={"by": "payer"}))
        assert set(prepared["request"]) == {"by", "nonce", "deadline"}
        body = escrow.sign(prepared, "swift-courier")
        first = done(client.post(path, json=body))
        assert done(client.post(path, json=body)) == first
        assert client.get(f"/v1/agreements/{ESCROW}/status").json()["state"] == "disputed"


def test_the_request_gives_back_the_document(escrow: Network) -> None:
    content = base64.b64encode(b"papers").decode()
    path = f"/v1/agreements/{ESCROW}/acts/attest/prepare"
    with escrow.http("auditor") as client:
        asked = {"milestone": "bikes delivered", "document": content}
        prepared = done(client.post(path, json=asked))
        assert prepared["request"] == asked | {"observed_at": prepared["request"]["observed_at"]}
        for wrong in (
            {"document": "!!!!YQ=="},
            {"document": "YWJj_-"},
            {"document": "YQ==YQ=="},
            {"document": 7},
            {"milestone": 1},
            {"amuont": "1.00"},
        ):
            response = client.post(path, json=asked | wrong)
            assert (response.status_code, response.json()["code"]) == (422, "request-invalid")


def test_parties_who_sit_apart_sign_the_same(escrow: Network) -> None:
    division = ("--to-payee", "0.00", "--to-payer", "0.00")
    settle = ("agreement", "act", ESCROW, "settle", *division)
    first = escrow.cli("operator", *settle, "--sign-only", *escrow.keystore("swift-courier"), "--json")
    assert first.code == 0, first.stderr
    filled = first.data
    (given,) = filled.pop("signatures")
    assert set(filled) == {"payer_nonce", "payee_nonce", "deadline"}
    said = [part for name, value in filled.items() for part in (f"--{name.replace('_', '-')}", value)]
    other = escrow.keystore("swift-courier-east")
    forgot = escrow.cli("operator", *settle, *said[2:], "--signature", given, *other, "--json")
    assert (forgot.code, json.loads(forgot.stderr)["code"]) == (2, "options-missing")
    broken = escrow.cli("operator", *settle, *said, "--signature", given[:-1], *other, "--json")
    assert (broken.code, json.loads(broken.stderr)["code"]) == (2, "signature-invalid")
    alone = escrow.cli("operator", *settle, *said, "--signature", given, "--json")
    assert (alone.code, json.loads(alone.stderr)["code"]) == (1, "signature-of-party-missing")
    assert "swift-courier-east" in json.loads(alone.stderr)["detail"]
    done_ = escrow.cli("operator", *settle, *said, "--signature", given, *other, "--json")
    assert done_.code == 0, done_.stderr
    assert escrow.cli("operator", *settle, *said, "--signature", given, *other, "--json").data == done_.data
    assert escrow.cli("operator", "agreement", "status", ESCROW, "--json").data["state"] == "refunded"


def test_nothing_is_done_by_who_only_wants_to_sign(escrow: Network) -> None:
    unsigned = escrow.cli("operator", "agreement", "act", ESCROW, "close", "--sign-only", "--json")
    assert (unsigned.code, json.loads(unsigned.stderr)["code"]) == (2, "keystore-missing")


def test_a_lost_answer_says_how_to_do_the_same_again(
    escrow: Network, monkeypatch: pytest.MonkeyPatch
) -> None:
    taken = Client.post

    def post(client: Client, path: str, body: dict[str, Any]) -> Any:
        if path.endswith("/prepare"):
            return taken(client, path, body)
        raise Unreachable("api-unreachable", "gone")

    monkeypatch.setattr(Client, "post", post)
    who = escrow.keystore("swift-courier-east")
    lost = escrow.cli("operator", "agreement", "act", ESCROW, "refund", "--amount", "1.00", *who, "--json")
    assert lost.code == 75
    found = json.loads(lost.stderr.splitlines()[-1])
    assert found["code"] == "api-unreachable"
    assert "--nonce " in found["detail"]
    assert "--deadline " in found["detail"]


def test_arguments_are_text(escrow: Network) -> None:
    odd = escrow.cli("operator", "agreement", "status", "\udcff", "--json")
    assert (odd.code, json.loads(odd.stderr)["code"]) == (2, "argument-invalid")


def test_what_is_signed_is_the_act_that_was_asked_for(
    escrow: Network, monkeypatch: pytest.MonkeyPatch
) -> None:
    """An API that gives another act, or another contract's, to sign gets no signature."""
    who = escrow.keystore("swift-courier")
    taken = Client.post

    def post(client: Client, path: str, body: dict[str, Any]) -> Any:
        assert path.endswith("/prepare")
        return taken(client, path.replace("/refund/", "/dispute/"), {"by": "payer"})

    monkeypatch.setattr(Client, "post", post)
    signed = escrow.cli("operator", "agreement", "act", ESCROW, "refund", "--amount", "1.00", *who, "--json")
    assert signed.stdout == ""
    assert json.loads(signed.stderr.splitlines()[-1])["code"] == "message-mismatch"


def test_an_agreement_of_another_template_has_none_of_its_acts(escrow: Network) -> None:
    refused = escrow.cli("operator", "agreement", "act", "courier-payouts", "release", "--json")
    assert refused.code == 4
    found = json.loads(refused.stderr.splitlines()[-1])
    assert found["code"] == "act-unknown"
    shown = escrow.cli("operator", "agreement", "status", "courier-payouts", "--json").data
    assert (shown["state"], shown["acts"]) == ("open", [])
