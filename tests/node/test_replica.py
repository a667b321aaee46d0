"""Replicas as processes: following under load, faults of the followed node, and nodes that lie."""

import json
import random
import shutil
import signal
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator
from contextlib import closing
from dataclasses import replace
from http.server import BaseHTTPRequestHandler
from pathlib import Path
from typing import Any

import pytest
from eth_account import Account
from eth_account.signers.local import LocalAccount
from eth_keys.datatypes import PrivateKey
from prometheus_client.parser import text_string_to_metric_families
from typer.testing import CliRunner
from websockets.exceptions import ConnectionClosed
from websockets.sync.client import connect

from node.block import UncheckedBlock
from node.chain import Chain
from node.cli import app
from node.errors import InvalidBlock, SetupError
from node.genesis import Network
from node.replica import parse_url
from node.seal import seal_header
from node.store import Store
from node.trie import trie_root
from tests.node import forks
from tests.node.conftest import CHAIN_ID, RunningNode, send, until
from tests.node.liar import Liar, respond

PAYEE = "0x" + "00" * 19 + "11"
BLOCKS = 5
"""Of the node that is lied about."""
LIED = 3
"""The block that is altered."""
OTHER_KEY = PrivateKey(b"\x02" * 32)
SENDER = Account.from_key("0x" + "03" * 32)


def transfer(account: LocalAccount, nonce: int, **fields: object) -> str:
    """A signed transaction, as eth_sendRawTransaction takes it."""
    values = {"nonce": nonce, "gas": 30_000, "gasPrice": 0, "to": PAYEE, "value": 0, "chainId": CHAIN_ID}
    return account.sign_transaction(values | fields).raw_transaction.to_0x_hex()


def settle(node: RunningNode, raw: str) -> str:
    """Send a transaction and wait for its block; returns its hash."""
    sent = node.rpc("eth_sendRawTransaction", raw)
    assert "result" in sent, sent
    until(lambda: node.rpc("eth_getTransactionReceipt", sent["result"])["result"] is not None)
    return sent["result"]


def health(replica: RunningNode) -> dict[str, Any]:
    return replica.client.get(replica.url + "/healthz").json()


def metric(replica: RunningNode, name: str) -> tuple[float, dict[str, str]]:
    """(value, labels) of a metric with one series."""
    families = text_string_to_metric_families(replica.client.get(replica.url + "/metrics").text)
    (sample,) = [sample for family in families for sample in family.samples if sample.name == name]
    return sample.value, sample.labels


def is_level(replica: RunningNode, node: RunningNode) -> bool:
    return bool(replica.rpc("eth_blockNumber") == node.rpc("eth_blockNumber") and health(replica)["healthy"])


@pytest.fixture
def replicate(tmp_path: Path) -> Iterator[Callable[..., RunningNode]]:
    """Starts a replica of a network directory; all are ended with the test."""
    made: list[RunningNode] = []

    def start(url: str, network: Path, *options: str) -> RunningNode:
        directory = tmp_path / f"replica-{len(made)}" / "data"
        directory.parent.mkdir()
        made.append(RunningNode(directory, command="replica"))
        return made[-1].start("--follow", url, "--network", str(network), *options)

    yield start
    for replica in made:
        if replica.process:
            assert replica.end() == 0


@pytest.fixture
def liar() -> Iterator[Callable[[str], Liar]]:
    """Makes liars."""
    made: list[Liar] = []

    def make(url: str) -> Liar:
        made.append(Liar(url))
        return made[-1]

    yield make
    for entry in made:
        entry.close()


@pytest.fixture(scope="module")
def honest(node: RunningNode) -> RunningNode:
    """A node with ``BLOCKS`` blocks, each with one transaction."""
    for nonce in range(BLOCKS):
        settle(node, transfer(SENDER, nonce))
    assert node.rpc("eth_blockNumber")["result"] == hex(BLOCKS)
    return node


def authority(node: RunningNode) -> PrivateKey:
    return PrivateKey(bytes.fromhex((node.directory / "authority.key").read_text().strip()))


def resealed(block: UncheckedBlock, key: PrivateKey, **changes: Any) -> UncheckedBlock:
    return replace(block, header=seal_header(block.header.copy(**changes), key))


def assert_alarm(replica: RunningNode, node: RunningNode, block: int, kind: str, good: int) -> dict[str, Any]:
    """The alarm is seen everywhere, and only blocks up to ``good`` are served; returns the divergence."""
    until(lambda: health(replica)["state"] == "diverged")
    answer = replica.client.get(replica.url + "/healthz")
    assert answer.status_code == 503
    found: dict[str, Any] = answer.json()["divergence"]
    assert (found["block"], found["kind"]) == (block, kind)
    assert metric(replica, "dyetrace_replica_divergence") == (1.0, {"block": str(block), "kind": kind})
    assert metric(replica, "dyetrace_node_head_block")[0] == good
    assert_now_is_refused(replica, f"replica alarm at block {block} ({kind})")
    assert_served_up_to(replica, node, good)
    syncing = replica.rpc("eth_syncing")["result"]
    assert int(syncing["currentBlock"], 16) == good < int(syncing["highestBlock"], 16)
    log = (replica.directory.parent / "node.log").read_text()
    assert f"CRITICAL ALARM at block {block} ({kind})" in log
    return found


def assert_now_is_refused(replica: RunningNode, message: str) -> None:
    """Whatever is asked about now is answered with the alarm."""
    call = {"to": PAYEE, "data": "0x"}
    for method, arguments in (
        ("eth_blockNumber", []),
        ("eth_getBlockByNumber", ["latest", False]),
        ("eth_getBlockByNumber", ["finalized", False]),
        ("eth_getBlockByNumber", ["pending", False]),
        ("eth_getBalance", [PAYEE, "latest"]),
        ("eth_getTransactionCount", [SENDER.address, "pending"]),
        ("eth_call", [call]),
        ("eth_estimateGas", [call]),
        ("eth_getLogs", [{}]),
        ("eth_newBlockFilter", []),
        ("eth_feeHistory", ["0x1", "latest", []]),
        ("eth_gasPrice", []),
        ("debug_getRawBlock", ["latest"]),
        ("eth_sendRawTransaction", [transfer(SENDER, 0)]),
    ):
        error = replica.rpc(method, *arguments).get("error")
        assert error is not None, method
        assert error["code"] == -32000, (method, error)
        assert message in error["message"], (method, error)


def assert_served_up_to(replica: RunningNode, node: RunningNode, good: int) -> None:
    """Verified blocks are as the real node has them; nothing of later ones is there."""
    for number in {0, good}:
        for method, arguments in calls_about(hex(number)):
            assert replica.rpc(method, *arguments) == node.rpc(method, *arguments)
    later = hex(good + 1)
    assert replica.rpc("eth_getBlockByNumber", later, True)["result"] is None
    assert replica.rpc("eth_getBlockReceipts", later)["result"] is None
    assert "error" in replica.rpc("eth_getBalance", PAYEE, later)
    theirs = node.rpc("eth_getBlockByNumber", later, False)["result"]
    if theirs is not None:
        assert replica.rpc("eth_getBlockByHash", theirs["hash"], False)["result"] is None
        for entry in theirs["transactions"]:
            assert replica.rpc("eth_getTransactionByHash", entry)["result"] is None
            assert replica.rpc("eth_getTransactionReceipt", entry)["result"] is None


def calls_about(block: str) -> list[tuple[str, list[Any]]]:
    """Read calls about one block."""
    return [
        ("eth_getBlockByNumber", [block, True]),
        ("eth_getBlockReceipts", [block]),
        ("eth_getLogs", [{"fromBlock": block, "toBlock": block}]),
        ("eth_getBalance", [PAYEE, block]),
        ("eth_getTransactionCount", [SENDER.address, block]),
        ("eth_getProof", [SENDER.address, ["0x0"], block]),
        ("eth_call", [{"to": PAYEE}, block]),
        ("debug_getRawBlock", [block]),
        ("debug_getRawReceipts", [block]),
    ]


def other_transaction(block: UncheckedBlock) -> UncheckedBlock:
    """The same block with another transaction of the same sender in it."""
    raw = transfer(SENDER, LIED - 1, value=0, data="0x01")
    return replace(block, raw_transactions=(bytes.fromhex(raw[2:]),))


def sealed_other_transaction(block: UncheckedBlock, key: PrivateKey) -> UncheckedBlock:
    altered = other_transaction(block)
    return resealed(altered, key, transaction_root=trie_root(altered.raw_transactions))


def broken_seal(block: UncheckedBlock) -> UncheckedBlock:
    return replace(block, header=block.header.copy(gas_used=block.header.gas_used + 1))


LIES: dict[str, tuple[str, Callable[[UncheckedBlock, PrivateKey], UncheckedBlock]]] = {
    "state root": ("state_root", lambda block, key: resealed(block, key, state_root=b"\x01" * 32)),
    "receipt root": ("receipt_root", lambda block, key: resealed(block, key, receipt_root=b"\x01" * 32)),
    "events": ("bloom", lambda block, key: resealed(block, key, bloom=7)),
    "gas": ("gas_used", lambda block, key: resealed(block, key, gas_used=1)),
    "a transaction": ("transaction_root", lambda block, _: other_transaction(block)),
    "a transaction, sealed": ("receipt_root", sealed_other_transaction),
    "no transaction": ("transaction_root", lambda block, _: replace(block, raw_transactions=())),
    "who signs": (
        "seal",
        lambda block, _: resealed(block, OTHER_KEY, coinbase=OTHER_KEY.public_key.to_canonical_address()),
    ),
    "the signature": ("seal", lambda block, _: resealed(block, OTHER_KEY)),
    "a field under the signature": ("seal", lambda block, _: broken_seal(block)),
    "the gas limit": ("gas_limit", lambda block, key: resealed(block, key, gas_limit=31_000_000)),
    "the parent": ("link", lambda block, key: resealed(block, key, parent_hash=b"\x01" * 32)),
    "a transaction nobody signed": (
        "rule",
        lambda block, key: resealed(
            replace(block, raw_transactions=(b"\xc0",)), key, transaction_root=trie_root([b"\xc0"])
        ),
    ),
}


@pytest.mark.parametrize("lie", LIES)
def test_a_lie_is_caught_and_named(
    honest: RunningNode, replicate: Any, liar: Callable[[str], Liar], lie: str
) -> None:
    kind, alter = LIES[lie]
    key = authority(honest)
    lying = liar(honest.url)
    lying.alter[LIED] = lambda block: alter(block, key)
    replica = replicate(lying.url, honest.directory / "network.json")
    found = assert_alarm(replica, honest, LIED, kind, LIED - 1)
    assert str(LIED) in found["message"]
    altered = alter(lying.block(LIED), key)
    assert (replica.directory / "alarm-block.rlp").read_bytes() == altered.encode()
    if kind.endswith("root"):
        assert found["claimed"] == f"0x{getattr(altered.header, kind).hex()}"
        assert found["computed"].startswith("0x")
        assert found["computed"] != found["claimed"]


def with_altered_transaction(block: UncheckedBlock, key: PrivateKey, chance: random.Random) -> UncheckedBlock:
    """What an authority signs that doesn't care."""
    raw = bytearray(block.raw_transactions[0])
    raw[chance.randrange(len(raw))] ^= chance.randint(1, 255)
    return resealed(
        replace(block, raw_transactions=(bytes(raw),)), key, transaction_root=trie_root([bytes(raw)])
    )


def test_whatever_is_altered_is_a_refusal_and_no_fault(
    honest: RunningNode, liar: Callable[[str], Liar], tmp_path: Path
) -> None:
    real, key, chance = liar(honest.url), authority(honest), random.Random(7)
    real_block = real.block(LIED)
    encoded = real_block.encode()
    with closing(Store(tmp_path / "chain")) as store:
        chain = Chain(Network.load(honest.directory), store, None)
        for number in range(1, LIED):
            chain.import_block(real.block(number))
        for _ in range(1_000):
            altered = bytearray(encoded)
            for _ in range(chance.randint(1, 3)):
                altered[chance.randrange(len(altered))] = chance.randrange(256)
            if altered == encoded:
                continue
            with pytest.raises(InvalidBlock):
                chain.import_block(UncheckedBlock.decode(bytes(altered)))
            with pytest.raises(InvalidBlock):
                chain.import_block(with_altered_transaction(real_block, key, chance))
        assert chain.head.block_number == LIED - 1
        chain.import_block(UncheckedBlock.decode(encoded))


def test_an_alarm_outlives_the_process_until_the_operator_clears_it(
    honest: RunningNode, replicate: Any, liar: Callable[[str], Liar]
) -> None:
    key, lying = authority(honest), liar(honest.url)
    lying.alter[LIED] = lambda block: resealed(block, key, state_root=b"\x01" * 32)
    replica = replicate(lying.url, honest.directory / "network.json")
    first = assert_alarm(replica, honest, LIED, "state_root", LIED - 1)
    assert replica.end(signal.SIGKILL) == -signal.SIGKILL
    lying.alter.clear()
    replica.start("--follow", honest.url)
    assert assert_alarm(replica, honest, LIED, "state_root", LIED - 1) == first
    assert replica.end() == 0
    (replica.directory / "alarm.json").rename(replica.directory / "alarm.json.seen")
    replica.start("--follow", honest.url)
    until(lambda: is_level(replica, honest))
    assert_served_up_to(replica, honest, BLOCKS)


def test_subscribers_are_cut_off_by_an_alarm(
    honest: RunningNode, replicate: Any, liar: Callable[[str], Liar]
) -> None:
    key, lying = authority(honest), liar(honest.url)
    lying.head = LIED - 2
    replica = replicate(lying.url, honest.directory / "network.json")
    until(lambda: health(replica)["head"] == LIED - 2)
    subscribe = {"jsonrpc": "2.0", "id": 1, "method": "eth_subscribe", "params": ["newHeads"]}
    address = replica.url.replace("http", "ws")
    with connect(address) as socket:
        socket.send(json.dumps(subscribe))
        assert "result" in json.loads(socket.recv(10))
        lying.alter[LIED] = lambda block: resealed(block, key, state_root=b"\x01" * 32)
        lying.head = None
        told = json.loads(socket.recv(10))["params"]["result"]
        assert told["number"] == hex(LIED - 1)
        with pytest.raises(ConnectionClosed):
            socket.recv(10)
    with connect(address) as socket:
        socket.send(json.dumps(subscribe))
        assert f"replica alarm at block {LIED}" in json.loads(socket.recv(10))["error"]["message"]


def test_a_later_reorganisation_is_caught(
    make_node: Any, replicate: Any, liar: Callable[[str], Liar], running: Any
) -> None:
    node: RunningNode = make_node()
    for nonce in range(2):
        settle(node, transfer(SENDER, nonce))
    assert node.end() == 0
    copy = running(node.directory.parent.parent / "copy" / "data")
    shutil.copytree(node.directory, copy.directory)
    node.start()
    for nonce in range(2, 5):
        settle(node, transfer(SENDER, nonce))
    lying = liar(node.url)
    replica = replicate(lying.url, node.directory / "network.json")
    until(lambda: is_level(replica, node))
    copy.start()
    for nonce in range(2, 5):
        settle(copy, transfer(SENDER, nonce, data="0x01"))
    lying.target = copy.url
    found = assert_alarm(replica, node, 3, "history", 5)
    assert found["claimed"] == copy.rpc("eth_getBlockByNumber", "0x3", False)["result"]["hash"]
    assert found["computed"] == node.rpc("eth_getBlockByNumber", "0x3", False)["result"]["hash"]
    assert found["sealed_by"] == authority(node).public_key.to_address()


def test_a_reorganisation_is_caught_with_the_block_that_follows_it(
    honest: RunningNode, replicate: Any, liar: Callable[[str], Liar]
) -> None:
    key, lying = authority(honest), liar(honest.url)
    lying.head = LIED
    replica = replicate(lying.url, honest.directory / "network.json")
    until(lambda: health(replica)["head"] == LIED)

    def other(block: UncheckedBlock) -> UncheckedBlock:
        return resealed(block, key, state_root=b"\x01" * 32)

    def after(block: UncheckedBlock) -> UncheckedBlock:
        return resealed(block, key, parent_hash=other(lying.block(LIED)).header.hash)

    lying.alter |= {LIED: other, LIED + 1: after}
    lying.head = LIED + 1
    assert_alarm(replica, honest, LIED, "history", LIED)


def test_another_network_is_refused(
    honest: RunningNode, make_node: Any, replicate: Any, tmp_path: Path
) -> None:
    other: RunningNode = make_node()
    settle(other, transfer(SENDER, 0))
    replica = replicate(other.url, honest.directory / "network.json")
    found = assert_alarm(replica, honest, 0, "genesis", 0)
    assert found["claimed"] == other.rpc("eth_getBlockByNumber", "0x0", False)["result"]["hash"]
    network = json.loads((honest.directory / "network.json").read_text()) | {"chain_id": 5}
    (tmp_path / "network.json").write_text(json.dumps(network))
    stranger = replicate(honest.url, tmp_path / "network.json")
    until(lambda: health(stranger)["state"] == "diverged")
    assert health(stranger)["divergence"]["kind"] == "chain_id"


def test_it_follows_under_load_and_across_kills(
    make_node: Any, replicate: Any, ledger_code: dict[str, Any]
) -> None:
    node: RunningNode = make_node()
    replica = replicate(node.url, node.directory / "network.json")
    owner, stopping, sent = Account.create(), threading.Event(), [0]
    chain = node.web3()
    factory = chain.eth.contract(abi=ledger_code["abi"], bytecode=ledger_code["bytecode"])
    deployed = send(chain, owner, {"data": factory.constructor(2**40).data_in_transaction})
    ledger = chain.eth.contract(address=deployed["contractAddress"], abi=ledger_code["abi"])
    data = ledger.functions.pay(PAYEE, b"\x07" * 32, 5)._encode_transaction_data()

    def pay() -> None:
        while not stopping.is_set():
            raw = transfer(owner, sent[0] + 1, to=ledger.address, data=data, gas=200_000)
            answer = node.rpc("eth_sendRawTransaction", raw)
            assert "result" in answer, answer
            sent[0] += 1

    paying = threading.Thread(target=pay)
    paying.start()
    try:
        for _ in range(3):
            reached = health(replica)["head"]
            until(lambda reached=reached: health(replica)["head"] > reached + 3)
            assert replica.end(signal.SIGKILL) == -signal.SIGKILL
            replica.start("--follow", node.url)
            assert health(replica)["head"] > reached
    finally:
        stopping.set()
        paying.join()
    nonce = [owner.address, "latest"]
    until(lambda: int(node.rpc("eth_getTransactionCount", *nonce)["result"], 16) == sent[0] + 1)
    until(lambda: is_level(replica, node), 60)
    assert replica.rpc("eth_syncing")["result"] is False
    head = int(node.rpc("eth_blockNumber")["result"], 16)
    seen = [ledger.address, "0x0"]
    total = {"to": ledger.address, "data": ledger.functions.total()._encode_transaction_data()}
    for block in ("latest", "earliest", "safe", *(hex(head * part // 7) for part in range(7))):
        calls = [
            *calls_about(block),
            ("eth_getCode", [ledger.address, block]),
            ("eth_getStorageAt", [*seen, block]),
            ("eth_getProof", [ledger.address, ["0x0", "0x1"], block]),
            ("eth_call", [total, block]),
        ]
        for method, arguments in calls:
            assert replica.rpc(method, *arguments) == node.rpc(method, *arguments), (method, block)
    everything = {"address": ledger.address, "fromBlock": "0x0"}
    logs = replica.rpc("eth_getLogs", everything)["result"]
    assert logs == node.rpc("eth_getLogs", everything)["result"]
    assert len(logs) == 2 * sent[0]
    assert metric(replica, "dyetrace_replica_followed_head_block")[0] == head


def test_transactions_are_handed_on_and_refusals_come_back_unchanged(make_node: Any, replicate: Any) -> None:
    node: RunningNode = make_node("--allow", SENDER.address)
    replica = replicate(node.url, node.directory / "network.json")
    until(lambda: is_level(replica, node))
    done = settle(replica, transfer(SENDER, 0))
    assert node.rpc("eth_getTransactionReceipt", done) == replica.rpc("eth_getTransactionReceipt", done)
    for raw in (
        transfer(SENDER, 0),
        transfer(SENDER, 1, value=5),
        transfer(SENDER, 1, chainId=5),
        transfer(SENDER, 1, gas=5),
        transfer(Account.create(), 0),
        "0x",
        "0xc0",
        "0x05" + "00" * 40,
    ):
        refused = replica.rpc("eth_sendRawTransaction", raw)
        assert "error" in refused
        assert refused == node.rpc("eth_sendRawTransaction", raw)
    assert replica.rpc("eth_sendRawTransaction", "0x123")["error"]["code"] == -32602
    assert node.end() == 0
    away = replica.rpc("eth_sendRawTransaction", transfer(SENDER, 1))["error"]
    assert away["code"] == -32000
    assert "send the same bytes again" in away["message"]


def refusal(directory: Path, *options: str) -> str:
    """What ``replica`` says when it doesn't start."""
    arguments = [sys.executable, "-m", "node", "replica", "--data", str(directory), "--port", "0", *options]
    done = subprocess.run(arguments, capture_output=True, text=True, timeout=60)
    assert done.returncode == 1, done
    return done.stderr


def test_it_trusts_a_file_of_its_operator(honest: RunningNode, replicate: Any, tmp_path: Path) -> None:
    follow = ("--follow", honest.url)
    assert "give --network FILE" in refusal(tmp_path / "none", *follow)
    replica = replicate(honest.url, honest.directory / "network.json")
    assert "in use by another" in refusal(replica.directory, *follow)
    assert replica.end() == 0
    other = tmp_path / "network.json"
    other.write_text(
        json.dumps(json.loads((honest.directory / "network.json").read_text()) | {"chain_id": 5})
    )
    assert "isn't what" in refusal(replica.directory, *follow, "--network", str(other))
    other.write_text("{}")
    assert "is invalid" in refusal(tmp_path / "none", *follow, "--network", str(other))
    (replica.directory / "alarm.json").write_text("{}")
    assert "alarm.json is invalid" in refusal(replica.directory, *follow)


def no_json(handler: BaseHTTPRequestHandler) -> None:
    respond(handler, b"<html>sorry</html>")


def failing(handler: BaseHTTPRequestHandler) -> None:
    respond(handler, b"[]", 500)


def wrong_ids(handler: BaseHTTPRequestHandler) -> None:
    respond(handler, b'[{"jsonrpc":"2.0","id":77,"result":"0x1"}]')


def nested_json(handler: BaseHTTPRequestHandler) -> None:
    respond(handler, b"[" * 100_000)


def nested_rlp(handler: BaseHTTPRequestHandler) -> None:
    """Headers of nothing but lists in lists; the first question is for the chain id."""
    respond(handler, json.dumps([{"jsonrpc": "2.0", "id": 0, "result": hex(CHAIN_ID)}]).encode())


def cut_off(handler: BaseHTTPRequestHandler) -> None:
    handler.send_response(200)
    handler.send_header("Content-Length", "1000")
    handler.end_headers()
    handler.wfile.write(b"[")


def endless(handler: BaseHTTPRequestHandler) -> None:
    handler.send_response(200)
    handler.end_headers()
    while True:
        try:
            handler.wfile.write(b" " * 1_000_000)
        except OSError:
            return


GARBAGE: dict[str, Callable[[BaseHTTPRequestHandler], None]] = {
    "sent no JSON": no_json,
    "status 500": failing,
    "didn't answer": wrong_ids,
    "sent no JSON: [[[": nested_json,
    "header of block 0x0": nested_rlp,
    "RemoteProtocolError": cut_off,
    "an answer above": endless,
}
"""By what the replica says of it."""


def test_garbage_is_no_divergence_and_passes(
    honest: RunningNode, replicate: Any, liar: Callable[[str], Liar]
) -> None:
    lying = liar(honest.url)
    lying.head = 2
    replica = replicate(lying.url, honest.directory / "network.json")
    for word, garbage in GARBAGE.items():
        lying.garble = None
        until(lambda: health(replica)["state"] == "level")
        lying.garble = garbage
        until(lambda word=word: word in (health(replica)["failure"] or ""))
        assert health(replica)["state"] == "failing"
        assert health(replica)["divergence"] is None
        assert replica.rpc("eth_blockNumber")["result"] == "0x2"
    assert metric(replica, "dyetrace_replica_failures_total")[0] >= len(GARBAGE)
    lying.garble, lying.head = None, None
    until(lambda: is_level(replica, honest))


def test_a_node_that_hangs_is_given_up_and_asked_again(
    honest: RunningNode, replicate: Any, liar: Callable[[str], Liar]
) -> None:
    lying, released = liar(honest.url), threading.Event()
    lying.head = 2
    replica = replicate(lying.url, honest.directory / "network.json")
    until(lambda: health(replica)["head"] == 2)
    lying.garble = lambda _: released.wait(60)
    until(lambda: "ReadTimeout" in (health(replica)["failure"] or ""), 40)
    assert replica.rpc("eth_getBlockByNumber", "latest", False)["result"]["number"] == "0x2"
    lying.garble, lying.head = None, None
    released.set()
    until(lambda: is_level(replica, honest))


def test_a_node_that_restarts_or_is_behind_is_waited_for(make_node: Any, replicate: Any, liar: Any) -> None:
    node: RunningNode = make_node()
    settle(node, transfer(SENDER, 0))
    lying = liar(node.url)
    replica = replicate(lying.url, node.directory / "network.json")
    until(lambda: is_level(replica, node))
    assert node.end() == 0
    until(lambda: health(replica)["state"] == "failing")
    node.start()
    lying.target = node.url
    settle(node, transfer(SENDER, 1))
    until(lambda: is_level(replica, node))
    lying.head = 1
    until(lambda: health(replica)["followed_head"] == 1)
    assert health(replica)["state"] == "level"
    assert replica.rpc("eth_blockNumber")["result"] == "0x2"
    lying.head = None
    settle(node, transfer(SENDER, 2))
    until(lambda: is_level(replica, node))


def test_an_imported_network_is_followed(running: Any, replicate: Any, tmp_path: Path) -> None:
    (tmp_path / "genesis.json").write_text(json.dumps(forks.genesis()))
    (tmp_path / "chain.rlp").write_bytes(b"".join(forks.blocks()))
    data = tmp_path / "theirs" / "data"
    data.parent.mkdir()
    for arguments in (
        ("init", "--data", str(data), "--genesis", str(tmp_path / "genesis.json")),
        ("import", "--data", str(data), str(tmp_path / "chain.rlp")),
    ):
        assert CliRunner().invoke(app, arguments).exit_code == 0
    node = running(data).start()
    replica = replicate(node.url, tmp_path / "genesis.json")
    until(lambda: is_level(replica, node))
    latest = ("eth_getBlockByNumber", "latest", True)
    assert replica.rpc(*latest) == node.rpc(*latest)
    assert health(replica)["head"] == forks.HEAD


def test_a_replica_can_be_followed(honest: RunningNode, replicate: Any) -> None:
    first = replicate(honest.url, honest.directory / "network.json")
    second = replicate(first.url, first.directory / "network.json")
    until(lambda: is_level(second, honest))
    assert honest.client.get(honest.url + "/healthz").json() == {"healthy": True, "head": BLOCKS}
    assert metric(honest, "dyetrace_node_head_block")[0] == BLOCKS


@pytest.mark.parametrize(
    ("url", "word"),
    [
        ("http://example.org", "--allow-plain-http"),
        ("ftp://example.org", "https://HOST"),
        ("example.org", "https://HOST"),
        ("http://", "https://HOST"),
        ("http://127.0.0.1.example.org:8545", "--allow-plain-http"),
    ],
)
def test_only_safe_addresses_are_followed(url: str, word: str) -> None:
    with pytest.raises(SetupError, match=word):
        parse_url(url, False)


@pytest.mark.parametrize(
    "url", ["https://example.org/x", "http://127.0.0.1:1", "http://[::1]:1", "http://localhost"]
)
def test_safe_addresses(url: str) -> None:
    assert str(parse_url(url, False)) == url


def test_plain_http_elsewhere_has_to_be_asked_for() -> None:
    assert parse_url("http://example.org", True).host == "example.org"
