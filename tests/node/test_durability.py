"""Real node processes killed, cut off, out of disk, copied and pruned while they work."""

import json
import random
import resource
import shutil
import signal
import subprocess
import sys
import threading
from collections.abc import Callable
from pathlib import Path
from typing import Any

import httpx
import pytest
from eth_account import Account
from eth_account.signers.local import LocalAccount

CHAIN_ID = 31_707
SEED = random.SystemRandom().randrange(2**32)
"""Printed with every failure; put a number here to see one again."""


class Load:
    """Threads that send transactions and remember every receipt they were given."""

    def __init__(self) -> None:
        self.accounts: list[LocalAccount] = [Account.create() for _ in range(3)]
        self.receipts: dict[str, dict[str, Any]] = {}
        self._goal = 0
        self._reached = threading.Event()

    def run(self, node: Any, receipts: int, then: Callable[[], object]) -> None:
        """Send until so many more receipts are there, do something meanwhile, and end with the node."""
        self._goal = len(self.receipts) + receipts
        self._reached.clear()
        threads = [threading.Thread(target=self._send, args=(account, node)) for account in self.accounts]
        for thread in threads:
            thread.start()
        try:
            assert self._reached.wait(timeout=60)
            then()
        finally:
            self._goal = -1
            for thread in threads:
                thread.join(timeout=60)

    def _send(self, account: LocalAccount, node: Any) -> None:
        with httpx.Client(timeout=30) as client:
            try:
                nonce = int(call(client, node.url, "eth_getTransactionCount", account.address, "latest"), 16)
                while self._goal >= 0:
                    self._send_one(client, node.url, account, nonce)
                    nonce += 1
            except httpx.TransportError:
                return

    def _send_one(self, client: httpx.Client, url: str, account: LocalAccount, nonce: int) -> None:
        fields = {"nonce": nonce, "gas": 60_000, "gasPrice": 0, "value": 0, "data": b"\x01" * (nonce % 50)}
        signed = account.sign_transaction(fields | {"to": account.address, "chainId": CHAIN_ID})
        call(client, url, "eth_sendRawTransaction", signed.raw_transaction.to_0x_hex())
        receipt = call(client, url, "eth_getTransactionReceipt", signed.hash.to_0x_hex())
        if receipt:
            self.receipts[signed.hash.to_0x_hex()] = receipt
        if len(self.receipts) >= self._goal:
            self._reached.set()

    def compare(self, node: Any) -> None:
        """Every receipt that was given is still what the node gives."""
        for transaction_hash, receipt in self.receipts.items():
            assert node.rpc("eth_getTransactionReceipt", transaction_hash)["result"] == receipt, SEED


def call(client: httpx.Client, url: str, method: str, *arguments: object) -> Any:
    message = {"jsonrpc": "2.0", "id": 1, "method": method, "params": list(arguments)}
    return client.post(url, json=message).json().get("result")


def command(*arguments: str) -> tuple[int, dict[str, Any]]:
    """Run ``dyetrace node …``; its exit status and last line."""
    done = subprocess.run(
        [sys.executable, "-m", "node", *arguments], capture_output=True, text=True, timeout=120, check=False
    )
    lines = done.stdout.splitlines()
    return done.returncode, json.loads(lines[-1]) if lines else {"stderr": done.stderr}


def assert_right(directory: Path) -> dict[str, Any]:
    status, result = command("check", "--data", str(directory), "--json")
    assert (status, result.get("ok")) == (0, True), (SEED, result)
    return result


def log_of(node: Any) -> str:
    return (node.directory.parent / "node.log").read_text()


def newest_file(directory: Path) -> Path:
    files = [path for path in (directory / "chain").rglob("*") if path.is_file() and path.stat().st_size]
    return max(files, key=lambda path: path.stat().st_mtime_ns)


def test_killed_again_and_again_nothing_acknowledged_is_lost(make_node: Any) -> None:
    node, load, generator = make_node(), Load(), random.Random(SEED)
    for _ in range(5):
        load.run(node, generator.randrange(1, 80), lambda: node.end(signal.SIGKILL))
        node.start()
        load.compare(node)
    node.end(signal.SIGKILL)
    result = assert_right(node.directory)
    assert result["transactions"] >= len(load.receipts)


def test_the_newest_file_cut_short_costs_nothing(make_node: Any) -> None:
    node, load, generator = make_node(), Load(), random.Random(SEED)
    for round_ in range(4):
        load.run(node, 10, lambda: node.end(signal.SIGKILL))
        names = ["blocks.journal", newest_file(node.directory).name, "*.log", "MANIFEST-*"]
        file = next((node.directory / "chain").rglob(names[round_]))
        raw = file.read_bytes()
        # More of the journal than the one block that it may be ahead of the database.
        least = 2_000 if round_ == 0 else 1
        file.write_bytes(raw[: len(raw) - generator.randrange(least, min(len(raw), 3_000))])
        node.start()
        load.compare(node)
        if round_ == 0:
            assert "blocks.journal is damaged after block" in log_of(node)
        if round_ == 2:
            assert "are run again from blocks.journal" in log_of(node)
    node.end()
    assert_right(node.directory)


def test_a_full_disk_ends_the_node_and_costs_nothing(make_node: Any) -> None:
    node, load = make_node(), Load()
    load.run(node, 20, lambda: None)
    # Of every file, whichever grows fastest.
    largest = max(path.stat().st_size for path in (node.directory / "chain").rglob("*") if path.is_file())
    limit = largest + 20_000
    resource.prlimit(node.process.pid, resource.RLIMIT_FSIZE, (limit, limit))
    load.run(node, 1, lambda: node.process.wait(timeout=60))
    assert node.process.returncode == 1
    assert "File too large" in log_of(node)
    node.end()
    node.start()
    load.compare(node)
    load.run(node, 10, lambda: None)
    node.end()
    assert_right(node.directory)


def test_a_copy_of_a_busy_node_is_a_node(make_node: Any, running: Any, tmp_path: Path) -> None:
    node, load, target = make_node(), Load(), tmp_path / "copy" / "data"
    target.parent.mkdir()
    made: list[tuple[int, dict[str, Any]]] = []

    def back_up() -> None:
        made.append(command("backup", "--data", str(node.directory), "--to", str(target)))

    load.run(node, 60, back_up)
    status, result = made[0]
    assert status == 0, result
    assert result["head"] > 0
    block = node.rpc("eth_getBlockByNumber", hex(result["head"]), False)["result"]
    assert block["hash"] == result["hash"]
    assert not (target / "authority.key").exists()
    assert assert_right(target)["head"] == result["head"]
    with pytest.raises(AssertionError, match="no authority key"):
        running(target).start()
    shutil.copy(node.directory / "authority.key", target)
    copy = running(target).start()
    assert copy.rpc("eth_getBlockByNumber", "latest", False)["result"] == block
    Load().run(copy, 5, lambda: None)


def test_a_backup_never_overwrites_and_takes_the_key_if_told(make_node: Any, tmp_path: Path) -> None:
    node, target = make_node(), tmp_path / "copy"
    arguments = ("backup", "--data", str(node.directory), "--to", str(target), "--with-key")
    status, result = command(*arguments)
    assert (status, result["with_key"], result["head"]) == (0, True, 0)
    assert (target / "authority.key").stat().st_mode & 0o777 == 0o600
    status, result = command(*arguments)
    assert status == 1
    assert "exists" in result["stderr"]


def test_check_waits_for_no_one(make_node: Any) -> None:
    node = make_node()
    status, result = command("check", "--data", str(node.directory))
    assert status == 1
    assert "in use by another node process" in result["stderr"]


def test_old_states_go_while_the_node_works(make_node: Any, poll: Any) -> None:
    node, load = make_node(), Load()
    node.end()
    node.start("--keep-states", "5")
    account = load.accounts[0].address

    def pruned() -> bool:
        answer = node.rpc("eth_getTransactionCount", account, "0x3")
        return "error" in answer and answer["error"]["code"] == -32000

    load.run(node, 40, lambda: poll(pruned))
    answer = node.rpc("eth_getTransactionCount", account, "0x3")
    assert "missing state: block 3 is pruned; this node keeps block 0 and" in answer["error"]["message"]
    for method, arguments in {
        "eth_call": ({"to": account},),
        "eth_getProof": (account, []),
        "eth_simulateV1": ({"blockStateCalls": [{}]},),
    }.items():
        assert "missing state: block 3" in node.rpc(method, *arguments, "0x3")["error"]["message"], method
    load.compare(node)
    assert node.rpc("eth_getTransactionCount", account, "latest")["result"] != "0x0"
    assert node.rpc("eth_getTransactionCount", account, "0x0")["result"] == "0x0"
    node.end()
    assert assert_right(node.directory)["floor"] > 3
