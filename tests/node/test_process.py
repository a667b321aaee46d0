"""Whole processes: making a network, keys, ending, and being killed under load."""

import json
import signal
import stat
import threading
from pathlib import Path
from typing import Any

import httpx
import pytest
from eth_account import Account
from eth_account.signers.local import LocalAccount

CHAIN_ID = 31_707
PASSWORD = "correct horse"


@pytest.fixture
def init(initialise: Any, tmp_path: Path) -> Any:
    """Runs ``init`` in ``tmp_path / "data"``."""
    return lambda *options: initialise(tmp_path / "data", *options)


def signed(account: LocalAccount, nonce: int) -> tuple[str, str]:
    fields = {"nonce": nonce, "gas": 21_000, "gasPrice": 0, "to": "0x" + "00" * 19 + "11", "value": 0}
    done = account.sign_transaction(fields | {"chainId": CHAIN_ID})
    return done.hash.to_0x_hex(), done.raw_transaction.to_0x_hex()


def test_init_makes_a_private_key_and_a_readable_network(init: Any, tmp_path: Path) -> None:
    done = init("--authority", "0x" + "00" * 19 + "22", "--gas-limit", "50000000")
    assert done.exit_code == 0
    own, other = json.loads(done.stdout)["authorities"]
    network = json.loads((tmp_path / "data" / "network.json").read_text())
    assert network["authorities"] == [own, other]
    assert network["gas_limit"] == 50_000_000
    assert stat.S_IMODE((tmp_path / "data" / "authority.key").stat().st_mode) == 0o600


def test_init_never_overwrites(init: Any, tmp_path: Path) -> None:
    assert init().exit_code == 0
    key = (tmp_path / "data" / "authority.key").read_text()
    again = init()
    assert again.exit_code == 1
    assert "isn't empty" in again.stderr
    assert (tmp_path / "data" / "authority.key").read_text() == key


@pytest.mark.parametrize(
    "options",
    [
        ("--allow", "0x12"),
        ("--alloc", "0x12=5"),
        ("--alloc", "5"),
        ("--gas-limit", "5"),
        ("--authority", "nobody"),
    ],
)
def test_init_refuses_nonsense_and_leaves_nothing(
    init: Any, tmp_path: Path, options: tuple[str, str]
) -> None:
    done = init(*options)
    assert done.exit_code == 1
    assert done.stderr.startswith("error: ")
    assert not (tmp_path / "data").exists()


def test_an_encrypted_key_needs_its_password(init: Any, tmp_path: Path, running: Any) -> None:
    account = Account.create()
    keystore = tmp_path / "keystore.json"
    keystore.write_text(json.dumps(Account.encrypt(account.key, PASSWORD, iterations=16)))
    assert init("--authority-key-file", str(keystore)).exit_code == 0
    assert not (tmp_path / "data" / "authority.key").exists()
    with pytest.raises(AssertionError, match="encrypted"):
        running(tmp_path / "data").start()
    node = running(tmp_path / "data", DYETRACE_AUTHORITY_PASSWORD=PASSWORD).start()
    raw = signed(Account.create(), 0)
    node.rpc("eth_sendRawTransaction", raw[1])
    assert node.rpc("eth_getTransactionReceipt", raw[0])["result"]["status"] == "0x1"
    block = node.rpc("eth_getBlockByNumber", "latest", False)["result"]
    assert block["miner"] == account.address.lower()


def test_one_process_per_directory(make_node: Any, running: Any) -> None:
    node = make_node()
    with pytest.raises(AssertionError, match="in use by another node"):
        running(node.directory).start()
    assert node.end(signal.SIGTERM) == 0


def test_a_heartbeat_keeps_time(make_node: Any, poll: Any) -> None:
    node = make_node()
    node.end()
    node.start("--heartbeat-seconds", "0.2")
    poll(lambda: int(node.rpc("eth_blockNumber")["result"], 16) >= 2)


def test_killed_under_load_nothing_acknowledged_is_lost(make_node: Any) -> None:
    node, accounts = make_node(), [Account.create() for _ in range(3)]
    seen: dict[str, dict[str, Any]] = {}
    sent: list[tuple[str, str]] = []

    def work(account: LocalAccount, url: str, first: int, goal: int, enough: threading.Event) -> None:
        with httpx.Client() as client:
            for nonce in range(first, first + 5_000):
                entry = signed(account, nonce)
                sent.append(entry)
                try:
                    call(client, url, "eth_sendRawTransaction", entry[1])
                    receipt = call(client, url, "eth_getTransactionReceipt", entry[0])
                except httpx.TransportError:
                    return
                if receipt:
                    seen[entry[0]] = receipt
                if len(seen) > goal:
                    enough.set()

    for goal in (60, 150):
        nonces = [
            int(node.rpc("eth_getTransactionCount", a.address, "latest")["result"], 16) for a in accounts
        ]
        enough = threading.Event()
        threads = [
            threading.Thread(target=work, args=(account, node.url, nonce, goal, enough))
            for account, nonce in zip(accounts, nonces, strict=True)
        ]
        for thread in threads:
            thread.start()
        assert enough.wait(timeout=30)
        node.end(signal.SIGKILL)
        for thread in threads:
            thread.join(timeout=30)
        node.start()
        for transaction_hash, receipt in seen.items():
            assert node.rpc("eth_getTransactionReceipt", transaction_hash)["result"] == receipt
    head = int(node.rpc("eth_blockNumber")["result"], 16)
    included = [
        entry
        for number in range(head + 1)
        for entry in node.rpc("eth_getBlockByNumber", hex(number), False)["result"]["transactions"]
    ]
    assert (
        len(included)
        == len(set(included))
        == sum(int(node.rpc("eth_getTransactionCount", a.address, "latest")["result"], 16) for a in accounts)
    )
    assert set(seen) <= set(included)


def call(client: httpx.Client, url: str, method: str, *arguments: object) -> Any:
    message = {"jsonrpc": "2.0", "id": 1, "method": method, "params": list(arguments)}
    return client.post(url, json=message, timeout=30).json().get("result")
