"""What newcomers get wrong, and what they are told: the code, the place, and what to do."""

import stat
from collections.abc import Callable
from pathlib import Path
from typing import Any

import httpx
import pytest
import yaml

from api.cli.founding_file import Founding
from api.cli.reports import break_text, run_text
from bridge.errors import Conflict, Invalid
from bridge.platform import Platform, Settings
from bridge.services import tracing
from bridge.store.models import PayoutModel
from tests.api.network import EXAMPLES, RECOVERY, Network, call_cli, founding, run_cli
from tests.api.story import upload

KEY = "dt_" + "x" * 43


@pytest.mark.parametrize("key", ["dt_密钥", "dt_short", "dt_" + "x" * 44, "Bearer " + KEY])
def test_what_is_no_key_is_not_sent(key: str) -> None:
    done = call_cli("batch", "list", DYETRACE_KEY=key)
    assert done.code == 2
    assert "error: key-invalid: A key is dt_ and 43 letters, digits, - or _; paste the one" in done.stderr
    assert key not in done.stderr


def test_a_url_has_a_scheme() -> None:
    done = call_cli("batch", "list", "--url", "127.0.0.1:8600", DYETRACE_KEY=KEY)
    assert done.code == 2
    assert "--url begins with http:// or https://." in done.stderr


Change = Callable[[dict[str, Any]], Any]
MEMBERS = ["north-bank", "labour-bureau"]


def add(part: str, **content: Any) -> Change:
    return lambda file: file[part].append(content)


def put(part: str, number: int, **content: Any) -> Change:
    return lambda file: file[part][number].update(content)


def one_governor(file: dict[str, Any]) -> None:
    for signer in file["signers"][3:]:
        signer["roles"] = [role for role in signer["roles"] if role != "governor"]


FOUNDINGS: dict[str, tuple[Change, str]] = {
    "unknown member": (
        put("quorums", 0, members=["north-bank", "transport-buro"]),
        "quorums.0.members: 'transport-buro' is not under institutions; correct it.",
    ),
    "unknown institution": (
        put("signers", 3, institution="labour-buro"),
        "signers.3.institution: 'labour-buro' is not under institutions; correct it.",
    ),
    "member twice": (
        put("quorums", 0, members=[*MEMBERS, "north-bank"]),
        "quorums.0.members: 'north-bank' is there 2 times",
    ),
    "threshold of one": (put("quorums", 0, threshold=1), "quorums.0.threshold: nobody decides alone"),
    "threshold out of reach": (
        put("quorums", 0, threshold=4),
        "quorums.0.threshold: 4 institutions of 3 members can never agree",
    ),
    "institution twice": (
        add("institutions", name="north-bank", kind="bank"),
        "institutions: 'north-bank' is there 2 times",
    ),
    "quorum twice": (
        add("quorums", name="supervisors", threshold=2, members=MEMBERS),
        "quorums: 'supervisors' is there 2 times",
    ),
    "one governor": (one_governor, "signers: two institutions must govern and 1 does"),
    "a bank that is an agency": (
        put("institutions", 0, kind="agency"),
        "signers.0.roles: minter, settler and attester are for a bank, and 'north-bank' is an agency",
    ),
    "bad name": (
        put("institutions", 0, name="North Bank"),
        "institutions.0.name: a name is lower-case words joined by -, such as swift-courier",
    ),
    "too much": (
        lambda file: file["institutions"].extend({"name": f"e-{n}", "kind": "enterprise"} for n in range(60)),
        "and a first directory takes 64",
    ),
}


@pytest.mark.parametrize("case", FOUNDINGS)
def test_a_founding_file_is_checked_before_anything_is_made(case: str, tmp_path: Path) -> None:
    change, message = FOUNDINGS[case]
    people = (
        "north-bank",
        "north-bank-2",
        "labour-bureau",
        "transport-bureau",
        "swift-courier",
        "clear-audit",
        *RECOVERY,
    )
    content = founding({name: Path(f"{name}.json") for name in people})
    path = tmp_path / "founding.yaml"
    path.write_text(yaml.safe_dump(content))
    Founding.read(path)
    change(content)
    path.write_text(yaml.safe_dump(content))
    with pytest.raises(Invalid) as found:
        Founding.read(path)
    assert found.value.code == "founding-invalid"
    assert message in found.value.message


def test_the_example_in_the_documents_is_a_founding_file(tmp_path: Path) -> None:
    documents = EXAMPLES.parent
    example = (documents / "founding.md").read_text().split("```yaml\n")[1].split("```")[0]
    path = tmp_path / "founding.yaml"
    path.write_text(example)
    Founding.read(path)
    of_the_tour = (documents / "tour.md").read_text().split("<<'END'\n")[1].split("\nEND\n")[0]
    assert yaml.safe_load(of_the_tour) == yaml.safe_load(example)


def test_an_empty_founding_file_is_told_where_an_example_is(tmp_path: Path) -> None:
    path = tmp_path / "founding.yaml"
    path.write_text("# nothing yet\n")
    with pytest.raises(Invalid, match=r"founding.yaml is empty; docs/founding.md has an example."):
        Founding.read(path)


def deploy(network: Network, data: Path, rpc: str, path: Path) -> Any:
    options = ("--data", data, "--rpc", rpc, "--bank", network.bank.url, "--founding", path)
    return call_cli("deploy", *options)


def test_a_key_signs_in_one_place(network: Network, tmp_path: Path) -> None:
    content = founding(network.keystores)
    again = {"institution": "clear-audit", "keystore": "north-bank.json", "roles": ["auditor"]}
    content["signers"].append(again)
    path = network.data.parent / "twice.yaml"
    path.write_text(yaml.safe_dump(content))
    done = deploy(network, tmp_path / "new", network.node.url, path)
    assert f"signers.{len(content['signers']) - 1}: this is the key of signers.2; name it once" in done.stderr


def test_the_chain_must_be_a_chain(network: Network, tmp_path: Path) -> None:
    path = network.data.parent / "founding.yaml"
    done = deploy(network, tmp_path / "new", network.bank.url, path)
    assert f"What answers at {network.bank.url} is no Ethereum JSON-RPC; check --rpc." in done.stderr
    assert "--rpc begins with http://" in deploy(network, tmp_path / "new", "127.0.0.1:8545", path).stderr
    assert not (tmp_path / "new").exists()


def test_a_platform_that_is_not_there_says_how_to_make_it(tmp_path: Path) -> None:
    for command in (("serve",), ("key", "list")):
        done = call_cli(*command, "--data", tmp_path / "nowhere")
        assert done.code == 1
        assert f"make it with: dyetrace deploy --data {tmp_path / 'nowhere'} " in done.stderr


@pytest.mark.parametrize("content", ["quorums: []", "[]", '{"version": 3}', "\x00"])
def test_a_keystore_is_one(onboarded: Network, tmp_path: Path, content: str) -> None:
    full = tmp_path / "full.yaml"
    full.write_text(content)
    opening = ("swift-courier/x", "--parent", "swift-courier", "--controller", "swift-courier")
    done = onboarded.cli("operator", "account", "open", *opening, "--keystore", full, "--yes")
    assert done.code == 1
    assert "error: keystore-invalid: full.yaml is not a keystore." in done.stderr


def test_another_bank_is_not_ours_to_supervise_for(onboarded: Network) -> None:
    number = ("--number", "6222000000000009", "--currency", "CNY", "--holder", "x")
    who = ("--controller", "swift-courier", "--quorum", "supervisors")
    done = onboarded.cli("bank", "account", "supervise", "other", "--bank", "labour-bureau", *who, *number)
    assert done.code == 1
    assert "labour-bureau is not the bank this platform acts for; it is north-bank." in done.stderr


def test_a_name_is_explained_by_the_api_too(http: Callable[..., httpx.Client]) -> None:
    response = http("bank").post("/v1/reconciliations", json={"account": "Swift Courier"})
    assert "lower-case words joined by -" in response.json()["errors"][0]["detail"]


def test_one_fault_is_one_fault(agreed: Network, tmp_path: Path) -> None:
    alone = tmp_path / "courier-payouts.yaml"
    alone.write_bytes((EXAMPLES / alone.name).read_bytes())
    done = agreed.cli("operator", "agreement", "check", alone)
    assert "has 1 fault; correct it" in done.stderr
    assert "case-payee-unknown" not in done.stderr


def test_a_workbook_is_not_a_payout_file(agreed: Network) -> None:
    with agreed.http("operator") as client:
        files = {"file": ("payouts.csv", b"PK\x03\x04\x14\x00\x06\x00\xff\xfe")}
        response = client.post("/v1/batches", data={"agreement": "courier-payouts"}, files=files)
    fault = response.json()["errors"][0]
    assert fault["code"] == "encoding-invalid"
    assert fault["detail"].startswith("The file is an .xlsx workbook, not CSV. In the spreadsheet choose")


def payout(root: bytes, row: int) -> PayoutModel:
    return PayoutModel(
        root=root,
        row=row,
        roster_index=0,
        amount_minor=1,
        salt=bytes(16),
        info=bytes(32),
        customer_reference="TWICE",
        end_to_end_id=f"DT{row}",
        payee_name="x",
        payee_account="x",
        purpose="",
    )


def test_a_reference_of_several_payouts_asks_for_the_bank_s_id(agreed: Network) -> None:
    root = bytes.fromhex(upload(agreed).json()["draft"])
    platform = Platform.open(agreed.data, Settings.read(agreed.data))
    try:
        with platform.database.begin() as session:
            session.add_all([payout(root, 77), payout(root, 78)])
        with pytest.raises(Conflict, match="TWICE is your own reference, and several payouts have it"):
            tracing.end_to_end_id(platform, "TWICE")
        with platform.database.begin() as session:
            for row in (77, 78):
                session.delete(session.get_one(PayoutModel, (root, row)))
    finally:
        platform.close()


def test_keys_are_listed_and_revoked(network: Network) -> None:
    data = ("--data", network.data)
    who = ("--institution", "north-bank", "--role", "auditor")
    made = call_cli("key", "new", *data, "--name", "leaver", *who, "--json").data["key"]
    headers = {"Authorization": f"Bearer {made}"}
    with httpx.Client(base_url=network.platform.url, headers=headers, trust_env=False) as client:
        assert client.get("/v1/batches").status_code == 200
        revoked = call_cli("key", "revoke", *data, "leaver", "--json")
        assert revoked.data == {"name": "leaver", "revoked": True}
        assert client.get("/v1/batches").status_code == 401
    listed = {row["name"]: row for row in call_cli("key", "list", *data, "--json").data}
    assert (listed["leaver"]["role"], listed["bank-key"]["role"]) == ("revoked", "bank")
    assert made not in str(listed)
    assert call_cli("key", "new", *data, "--name", "leaver", *who).code == 5
    assert call_cli("key", "revoke", *data, "nobody").code == 4


def test_a_key_is_for_somebody_who_takes_part(network: Network) -> None:
    done = call_cli(
        *("key", "new", "--data", network.data, "--name", "x", "--institution", "nobody", "--role", "auditor")
    )
    assert done.code == 4
    assert "institution-unknown: There is no institution 'nobody'" in done.stderr


def test_what_is_written_is_private(network: Network, tmp_path: Path) -> None:
    assert stat.S_IMODE(network.data.stat().st_mode) == 0o700
    shared = [path.name for path in network.data.iterdir() if stat.S_IMODE(path.stat().st_mode) & 0o077]
    assert shared == []
    assert run_cli("node", "init", "--data", tmp_path / "chain", "--chain-id", 1).code == 0
    assert stat.S_IMODE((tmp_path / "chain").stat().st_mode) == 0o700


BREAK = {
    "kind": "missing-on-ledger",
    "fingerprint": "ab" * 32,
    "subject": "movement:" + "7" * 20,
    "amount_minor": 1_234_567_89,
    "currency": "CNY",
    "severity": "high",
    "message": "The bank booked this and the ledger has nothing like it. " * 4,
}
KEPT = {
    "state": "proposed",
    "first_run": 1,
    "last_run": 3,
    "times_seen": 3,
    "proposed_by": "teller-1",
    "confirmed_by": None,
    "resolution": {"resolution": "explained", "note": "x" * 120, "reference": "R-1"},
}
TERMS = [
    {"name": "chain-balance", "id": "block:12", "amount_minor": 500, "fingerprint": None},
    {"name": "missing-on-ledger", "id": "movement:" + "7" * 80, "amount_minor": -3, "fingerprint": "ab"},
]
RUN = {
    "run": 4,
    "account": "swift-courier",
    "block": 12,
    "matched": {"credits": 1, "payouts": 240, "write_offs": 0, "debited_and_returned": 0},
    "equation": {"bank_minor": 497, "terms": TERMS, "difference_minor": 0},
    "breaks": [BREAK],
    "in_transit": [],
    "explained": [],
}


def test_reconciliation_fits_a_terminal() -> None:
    shown, text = break_text(BREAK | KEPT), run_text(RUN)
    assert "1234567.89 CNY" in shown
    assert "proposed by teller-1" in shown
    assert "240 payouts" in text
    assert "Breaks: 1" in text
    assert max(map(len, [*text.splitlines(), *shown.splitlines()])) <= 100


def test_reconcile_and_breaks_are_for_people(onboarded: Network) -> None:
    done = onboarded.cli("auditor", "reconcile", "swift-courier")
    assert done.code == 0, done.stderr
    assert "Balance equation, minor units" in done.stdout
    assert max(map(len, done.stdout.splitlines())) <= 100
    listed = onboarded.cli("auditor", "break", "list")
    assert listed.code == 0
    assert listed.stdout or "nothing to show" in listed.stderr
