"""The command line as people and scripts use it: processes, exit codes, and JSON alone on standard output."""

import json
import shutil
import stat
from pathlib import Path
from typing import Any

import pytest
import yaml

from api.cli import app as commands
from api.cli.output import printable
from api.cli.session import ACTS, Session
from api.cli.signing import verified
from api.errors import VerificationFailed
from contracts import agreement
from contracts.ids import name_id
from contracts.typed_data import MESSAGE_FIELDS, TypedMessage
from tests.api.network import EXAMPLES, Network, call_cli, founding, wait_for
from tests.api.story import PAYOUTS, TOTAL


def problem(done: Any) -> dict[str, Any]:
    """The error a command with --json left on standard error."""
    assert done.stdout == ""
    return json.loads(done.stderr.splitlines()[-1])


def debited(network: Network, draft: str) -> list[dict[str, Any]] | None:
    """A batch's payouts once the bank has debited all of them: what they say no longer changes."""
    payouts: list[dict[str, Any]] = network.cli("auditor", "batch", "payouts", draft, "--json").data
    return payouts if {each["state"] for each in payouts} == {"debited"} else None


def test_a_batch_from_the_file_to_the_trace(agreed: Network, tmp_path: Path) -> None:
    file = tmp_path / "payouts.csv"
    file.write_text(PAYOUTS.replace("W-", "CLI-"))
    controls = ("--control-total", TOTAL, "--control-count", 3)
    uploaded = agreed.process("operator", "batch", "upload", "courier-payouts", file, *controls, "--json")
    assert uploaded.code == 0, uploaded.stderr
    draft = uploaded.data["draft"]
    confirmed = agreed.cli(
        "operator", "batch", "confirm", draft, *agreed.keystore("swift-courier-east"), "--json"
    )
    assert confirmed.code == 0, confirmed.stderr
    assert confirmed.data["transaction"]["block"] > 0
    approve = ("batch", "approve", draft, *agreed.keystore("labour-bureau"))
    approved = agreed.process("supervisor", *approve, "--json")
    assert approved.code == 0, approved.stderr
    assert "Approval for contract" in approved.stderr
    digest = approved.stderr.split("digest to sign")[1].split()[0]
    assert len(digest) == 66
    assert "(swift-courier/east)" in approved.stderr
    assert "360050  (3600.50 CNY)" in approved.stderr
    assert "1500.00 CNY  陈一帆  6200000000000000017" in approved.stderr
    assert "total 3600.50 CNY" in approved.stderr
    report = tmp_path / "report.txt"
    report.write_text("delivered")
    witness = agreed.keystore("clear-audit")
    attested = agreed.cli("auditor", "evidence", "attest", draft, "delivery-report", report, *witness)
    assert attested.code == 0, attested.stderr
    assert "document commitment" in attested.stderr
    assert "(delivery-report)" in attested.stderr
    refused = agreed.process("operator", "batch", "execute", draft, "--json")
    assert refused.code == 6
    assert problem(refused)["code"] == "approvals-missing"
    assert problem(refused)["clause"] == 0
    assert agreed.cli("supervisor", *approve[:3], *agreed.keystore("north-bank")).code == 0
    executed = agreed.cli("operator", "batch", "execute", draft, "--json")
    assert executed.data["executed_rows"] == 3
    payouts = wait_for(lambda: debited(agreed, draft))
    traced = agreed.cli("auditor", "trace", "payout", payouts[0]["end_to_end_id"], "--json")
    assert traced.data["amount_minor"] == 150_000
    own = agreed.cli("auditor", "trace", "payout", payouts[0]["customer_reference"], "--json")
    assert own.data == traced.data
    unknown = agreed.cli("auditor", "trace", "payout", "CLI/99", "--json")
    assert (unknown.code, problem(unknown)["code"]) == (4, "payout-unknown")


def test_an_agreement_is_read_with_the_rosters_beside_it(agreed: Network, tmp_path: Path) -> None:
    file = EXAMPLES / "courier-payouts.yaml"
    explained = agreed.cli("supervisor", "agreement", "explain", file)
    assert "东区骑手代发" in explained.stdout
    alone = tmp_path / file.name
    shutil.copy(file, alone)
    missing = agreed.cli("supervisor", "agreement", "check", alone)
    assert missing.code == 1
    assert "roster-file-missing" in missing.stderr
    assert missing.stdout == ""


def test_a_trial_that_fails_is_a_failed_verification(agreed: Network, tmp_path: Path) -> None:
    wrong = tmp_path / "wrong.yaml"
    content = (EXAMPLES / "fund-east.yaml").read_text().replace('"1000000.01"', '"1000000.00"')
    wrong.write_text(content)
    tried = agreed.cli("operator", "agreement", "simulate", wrong, "--json")
    assert tried.code == 7
    assert tried.data["ok"] is False
    assert json.loads(tried.stderr)["code"] == "trial-failed"


def test_a_workflow_is_checked_together(agreed: Network, tmp_path: Path) -> None:
    for name in ("fund-east.yaml", "courier-payouts.yaml", "couriers.csv"):
        shutil.copy(EXAMPLES / name, tmp_path)
    funding, payouts = tmp_path / "fund-east.yaml", tmp_path / "courier-payouts.yaml"
    checked = agreed.cli("supervisor", "agreement", "check", funding, payouts, "--json")
    assert checked.data == {"agreements": ["fund-east@1", "courier-payouts@1"]}
    again = tmp_path / "again.yaml"
    shutil.copy(funding, again)
    refused = agreed.cli("supervisor", "agreement", "check", funding, payouts, again)
    assert refused.code == 1
    assert "agreement-repeated" in refused.stderr


def test_one_file_alone_is_told_where_money_could_not_leave(agreed: Network, tmp_path: Path) -> None:
    place = ("--parent", "swift-courier", "--controller", "swift-courier")
    opened = agreed.cli(
        "operator", "account", "open", "swift-courier/later", *place, *agreed.keystore("swift-courier")
    )
    assert opened.code == 0, opened.stderr
    funding, first = EXAMPLES / "fund-east.yaml", tmp_path / "first.yaml"
    first.write_text(funding.read_text().replace("swift-courier/east", "swift-courier/later"))
    known = agreed.cli("operator", "agreement", "check", funding, "--json")
    assert known.data["notes"] == []
    noted = agreed.cli("operator", "agreement", "check", first, "--json")
    assert noted.code == 0
    assert ["no agreement pays from swift-courier/later" in note for note in noted.data["notes"]] == [True]
    shown = agreed.cli("operator", "agreement", "check", first)
    assert "note: no agreement pays from swift-courier/later" in shown.stderr
    assert "no agreement pays" not in shown.stdout
    first.write_text(first.read_text().replace("agreement: fund-east", "agreement: fund-later"))
    deployed = agreed.cli("operator", "agreement", "deploy", first, "--json")
    assert deployed.data["agreement"] == "fund-later@1"
    assert len(deployed.data["notes"]) == 1


def test_a_new_version_is_tried_over_the_past(agreed: Network, tmp_path: Path) -> None:
    shutil.copy(EXAMPLES / "fund-east.yaml", tmp_path)
    refused = agreed.cli("supervisor", "agreement", "replay", tmp_path / "fund-east.yaml", "--json")
    assert problem(refused)["code"] == "replay-impossible"


@pytest.mark.parametrize(
    ("role", "arguments", "code", "name"),
    [
        ("auditor", ("batch", "execute", "00" * 32, "--json"), 3, "role-forbidden"),
        ("bank", ("batch", "show", "00" * 32, "--json"), 4, "batch-unknown"),
        ("bank", ("account", "rules", "swift-courier", "nothing.yaml", "--json"), 2, "file-unreadable"),
    ],
)
def test_failures_have_codes_of_their_own(
    onboarded: Network, role: str, arguments: tuple[str, ...], code: int, name: str
) -> None:
    done = onboarded.cli(role, *arguments)
    assert done.code == code, done.stderr
    assert problem(done)["code"] == name


def test_a_conflict_is_five(agreed: Network, tmp_path: Path) -> None:
    file = tmp_path / "payouts.csv"
    file.write_text(PAYOUTS.replace("W-", "CONFLICT-"))
    draft = agreed.cli("operator", "batch", "upload", "courier-payouts", file, "--json").data["draft"]
    done = agreed.cli("supervisor", "batch", "approve", draft, *agreed.keystore("north-bank"), "--json")
    assert (done.code, problem(done)["code"]) == (5, "batch-not-reserved")


def test_without_an_answer_try_again() -> None:
    done = call_cli("batch", "list", "--json", "--url", "http://127.0.0.1:1")
    assert (done.code, problem(done)["code"]) == (75, "api-unreachable")


def test_faults_of_a_file_are_named_row_by_row(agreed: Network, tmp_path: Path) -> None:
    file = tmp_path / "payouts.csv"
    file.write_text(PAYOUTS.replace("1500.00", "2000.01"))
    done = agreed.cli("operator", "batch", "upload", "courier-payouts", file)
    assert done.code == 1
    assert "row 2, amount" in done.stderr
    assert done.stdout == ""


def test_nothing_is_signed_without_a_keystore_or_a_yes(onboarded: Network) -> None:
    opening = (
        "account",
        "open",
        "swift-courier/north",
        "--parent",
        "swift-courier",
        "--controller",
        "swift-courier",
    )
    without = onboarded.cli("operator", *opening, "--json")
    assert (without.code, problem(without)["code"]) == (2, "keystore-missing")
    keystore = ("--keystore", onboarded.keystores["swift-courier"])
    unasked = onboarded.cli("operator", *opening, *keystore, "--json")
    assert (unasked.code, json.loads(unasked.stderr.splitlines()[-1])["code"]) == (2, "confirmation-missing")
    unknown = onboarded.cli("operator", *opening, "--keystore", "nothing.json", "--yes", "--json")
    assert unknown.code == 4
    wrong = onboarded.cli("operator", *opening, *onboarded.keystore("labour-bureau"), "--json")
    assert wrong.code == 6
    assert onboarded.cli("operator", *opening, *keystore, "--yes", "--json").code == 0


def prepared(message: TypedMessage) -> dict[str, Any]:
    return {"typed_data": message.as_json(), "digest": "0x" + message.digest.hex(), "request": {}}


MESSAGE = TypedMessage("Cancellation", 1, "0x" + "11" * 20, {"batch": name_id("batch")})


def test_what_is_signed_is_what_was_shown() -> None:
    assert verified(prepared(MESSAGE)) == MESSAGE


@pytest.mark.parametrize(
    "change",
    [
        lambda given: given.update(digest="0x" + "00" * 32),
        lambda given: given["typed_data"].update(primaryType="Approval"),
        lambda given: given["typed_data"]["message"].update(batch="0x" + "00" * 32),
        lambda given: given["typed_data"]["message"].update(more="x"),
        lambda given: given["typed_data"]["domain"].update(name="Other"),
        lambda given: given["typed_data"]["types"]["Cancellation"].append({"name": "x", "type": "uint256"}),
        lambda given: given.pop("digest"),
        lambda given: given["typed_data"].update(domain="x"),
    ],
)
def test_what_does_not_fit_together_is_not_signed(change: Any) -> None:
    given = prepared(MESSAGE)
    change(given)
    with pytest.raises(VerificationFailed) as found:
        verified(given)
    assert (found.value.code, found.value.exit_code) == ("digest-mismatch", 7)


def test_a_message_about_something_else_is_not_signed(tmp_path: Path) -> None:
    from api.cli.signing import sign

    with pytest.raises(VerificationFailed) as found:
        sign(prepared(MESSAGE), [tmp_path / "key.json"], True, {"batch": name_id("another")})
    assert found.value.code == "message-mismatch"


class Lying:
    """An API that gives another act to sign than it was asked for."""

    def __init__(self, given: dict[str, Any]) -> None:
        self.given = given
        self.posted: list[str] = []

    def post(self, path: str, body: object) -> dict[str, Any]:
        """The same answer to everything."""
        self.posted.append(path)
        return {**self.given, "request": {}}


@pytest.mark.parametrize("path", ["/v1/batches/x/releases", "/v1/directory-recoveries"])
def test_another_act_than_was_asked_for_is_not_signed(path: str, network: Network) -> None:
    api: Any = Lying(prepared(MESSAGE))
    with pytest.raises(VerificationFailed) as found:
        Session(api, as_json=True).act(path, {}, [network.keystores["north-bank"]], yes=True)
    assert (found.value.code, api.posted) == ("message-mismatch", [f"{path}/prepare"])


def test_what_every_act_asks_to_sign_is_known(network: Network) -> None:
    with network.http() as client:
        paths = client.get("/v1/openapi.json").json()["paths"]
    acts = {path.split("/")[-2] for path in paths if path.endswith("/prepare") and "/acts/" not in path}
    assert acts == set(ACTS)
    assert {kind for kinds in ACTS.values() for kind in kinds} <= set(MESSAGE_FIELDS)


def test_changes_that_are_signed_are_those_of_the_command(network: Network) -> None:
    """Only their hash is in the message, so the command makes them too."""
    from api.cli.institutions import _changes, _expected

    asked = _changes(["a-bureau=agency"], None, None, None)
    other = _changes(["b-bureau=agency"], None, None, None)
    with network.http("supervisor") as client:
        given = client.post("/v1/directory-changes/prepare", json=other).json()
    api: Any = Lying(given)
    with pytest.raises(VerificationFailed, match="message-mismatch"):
        Session(api, as_json=True).act(
            "/v1/directory-changes", asked, [network.keystores["north-bank"]], True, _expected(asked)
        )
    assert api.posted == ["/v1/directory-changes/prepare"]


def test_an_act_of_one_takes_one_keystore(tmp_path: Path) -> None:
    from api.cli.signing import sign
    from api.errors import Misused

    with pytest.raises(Misused, match="keystores-too-many"):
        sign(prepared(MESSAGE), [tmp_path / "a.json", tmp_path / "b.json"], True, {})


def test_text_from_elsewhere_cannot_steer_the_terminal() -> None:
    assert printable("a\x1b[31m\u202eb\n") == "a\\u001b[31m\\u202eb\\u000a"


def test_a_keystore_is_made_once_and_private(tmp_path: Path) -> None:
    path = tmp_path / "key.json"
    made = call_cli("keystore", "new", path, "--json")
    assert made.data["address"].startswith("0x")
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    again = call_cli("keystore", "new", path, "--json")
    assert (again.code, problem(again)["code"]) == (5, "keystore-exists")


def test_a_network_is_founded_once(network: Network) -> None:
    options = ("--data", network.data, "--rpc", network.node.url, "--bank", network.bank.url)
    again = call_cli("deploy", *options, "--founding", network.data.parent / "founding.yaml", "--json")
    assert (again.code, problem(again)["code"]) == (5, "deployment-exists")


@pytest.mark.parametrize(
    ("change", "code"),
    [
        (lambda file: file["signers"].pop(0), "founding-key-missing"),
        (lambda file: file["signers"].pop(1), "founding-key-missing"),
        (lambda file: file["recovery"].update(threshold=4), "founding-invalid"),
        (lambda file: file["recovery"].update(threshold=1), "founding-invalid"),
        (lambda file: file["signers"][0].update(roles=["minter", "attester"]), "founding-invalid"),
        (lambda file: file["signers"][0].update(roles=["settler", "attester"]), "founding-invalid"),
        (lambda file: file.update(delay_seconds=-1), "founding-invalid"),
        (lambda file: file["signers"][1].update(address="0x" + "11" * 20), "founding-invalid"),
    ],
)
def test_a_founding_file_is_checked(network: Network, tmp_path: Path, change: Any, code: str) -> None:
    from api.cli.founding import found
    from bridge.errors import Invalid

    content = founding(network.keystores)
    change(content)
    beside = network.data.parent / "wrong-founding.yaml"
    beside.write_text(yaml.safe_dump(content))
    with pytest.raises(Invalid) as refused:
        found(tmp_path / "platform", network.node.url, network.bank.url, beside, 0)
    assert refused.value.code == code
    assert not (tmp_path / "platform" / "deployment.json").exists()


def test_the_founding_needs_a_node(network: Network, tmp_path: Path) -> None:
    options = ("--data", tmp_path / "new", "--rpc", "http://127.0.0.1:1", "--bank", network.bank.url)
    done = call_cli("deploy", *options, "--founding", network.data.parent / "founding.yaml", "--json")
    assert (done.code, problem(done)["code"]) == (75, "chain-unreachable")


def test_every_command_that_answers_can_answer_in_json() -> None:
    found = {}
    for typer_app, prefix in [
        (commands, ""),
        *((group.typer_instance, group.name) for group in commands.registered_groups),
    ]:
        assert typer_app is not None
        for command in typer_app.registered_commands:
            assert command.callback is not None
            found[f"{prefix} {command.name or command.callback.__name__}".strip()] = (
                command.callback.__annotations__
            )
    assert len(found) > 30
    assert [name for name, parameters in found.items() if "as_json" not in parameters] == []


def test_editors_get_the_schema_of_agreements() -> None:
    """The same as the one that the examples name."""
    done = call_cli("agreement", "schema")
    committed = Path(agreement.__file__).parent / "schema.json"
    assert (done.code, done.data) == (0, json.loads(committed.read_bytes()))


def test_help_lists_the_node_too() -> None:
    done = call_cli("--help")
    assert done.code == 0
    assert "node" in done.stdout
    assert call_cli("batch", "nonsense").code == 2


def test_lists_for_people_are_tables(agreed: Network) -> None:
    done = agreed.cli("auditor", "agreement", "list")
    assert done.code == 0
    assert "fund-east" in done.stdout
    waited = wait_for(lambda: agreed.cli("auditor", "invariants", "--json").data)
    assert {"I1", "I3", "I5"} <= waited.keys()
