"""JSON-RPC on the wire: batches, malformed bodies, refusals."""

import json
import socket
from concurrent.futures import ThreadPoolExecutor
from http.client import HTTPConnection
from typing import Any

import httpx
import pytest
from eth_account import Account
from eth_account.signers.local import LocalAccount

CHAIN_ID = 31_707
PAYEE = "0x" + "00" * 19 + "11"


def post(node: Any, body: str | bytes, content_type: str = "application/json") -> httpx.Response:
    return httpx.post(node.url, content=body, headers={"content-type": content_type}, timeout=30)


def signed(account: LocalAccount, nonce: int, **fields: Any) -> str:
    transaction = {"nonce": nonce, "gas": 21_000, "gasPrice": 0, "to": PAYEE, "value": 0, "chainId": CHAIN_ID}
    return account.sign_transaction(transaction | fields).raw_transaction.to_0x_hex()


def refusal(node: Any, raw: str) -> str:
    error = node.rpc("eth_sendRawTransaction", raw)["error"]
    assert error["code"] == -32000
    return str(error["message"])


def test_batch_answers_each_in_order(node: Any) -> None:
    body = """[{"jsonrpc":"2.0","id":"a","method":"eth_chainId"},
               {"jsonrpc":"2.0","method":"eth_chainId"},
               {"jsonrpc":"2.0","id":2,"method":"eth_nothing","params":[]},
               7]"""
    answers = post(node, body).json()
    assert answers[0] == {"jsonrpc": "2.0", "id": "a", "result": hex(CHAIN_ID)}
    assert [answer["error"]["code"] for answer in answers[1:]] == [-32601, -32600]


def test_notifications_get_no_answer(node: Any) -> None:
    assert post(node, '{"jsonrpc":"2.0","method":"eth_chainId"}').status_code == 204


@pytest.mark.parametrize(
    ("body", "code"),
    [
        ("{", -32700),
        (b"\xff\xfe", -32700),
        ("[" * 100_000, -32700),
        ("[]", -32600),
        ("null", -32600),
        ('{"id":1,"method":"eth_chainId"}', -32600),
        ('{"jsonrpc":"2.0","id":1,"method":5}', -32600),
        ('{"jsonrpc":"2.0","id":{},"method":"eth_chainId"}', -32600),
        ('{"jsonrpc":"2.0","id":1,"method":"eth_chainId","params":["x"]}', -32602),
        ('{"jsonrpc":"2.0","id":1,"method":"eth_getBalance","params":[]}', -32602),
        ('{"jsonrpc":"2.0","id":1,"method":"eth_getBalance","params":{"a":1}}', -32602),
        ('{"jsonrpc":"2.0","id":1,"method":"eth_getBlockByNumber","params":["newest",false]}', -32602),
        ('{"jsonrpc":"2.0","id":1,"method":"eth_getBlockByNumber","params":["0xzz",false]}', -32602),
        ('{"jsonrpc":"2.0","id":1,"method":"eth_call","params":[{"to":"0x00","data":"0x0"}]}', -32602),
        ('{"jsonrpc":"2.0","id":1,"method":"eth_getLogs","params":[{"topics":["0x12"]}]}', -32602),
        ('{"jsonrpc":"2.0","id":1,"method":"eth_getFilterChanges","params":["0x1"]}', -32001),
        ('{"jsonrpc":"2.0","id":1,"method":"eth_sign","params":[]}', -32601),
    ],
)
def test_malformed_requests(node: Any, body: str | bytes, code: int) -> None:
    assert post(node, body).json()["error"]["code"] == code


def test_browsers_and_giants_are_kept_out(node: Any) -> None:
    assert post(node, "{}", "text/plain").status_code == 415
    assert post(node, b" " * (33 * 1024 * 1024)).status_code == 413
    batch = "[" + ",".join(['{"jsonrpc":"2.0","id":1,"method":"eth_chainId"}'] * 1001) + "]"
    assert post(node, batch).json()["error"]["code"] == -32005


def test_other_methods_and_paths(node: Any) -> None:
    read = httpx.get(node.url)
    assert read.status_code == 405
    assert read.headers["allow"] == "POST"
    assert "POST" in read.json()["error"]
    assert httpx.options(node.url).status_code == 405
    for method in ("GET", "POST"):
        elsewhere = httpx.request(method, f"{node.url}/rpc")
        assert elsewhere.status_code == 404
        assert "JSON-RPC" in elsewhere.json()["error"]


HEAD = b"POST / HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\n"


def connected(node: Any) -> socket.socket:
    return socket.create_connection((httpx.URL(node.url).host, httpx.URL(node.url).port), timeout=60)


def test_headers_are_bounded(node: Any) -> None:
    with connected(node) as peer:
        peer.sendall(HEAD + b"X-Long: " + b"a" * 40_000)
        assert peer.recv(100).startswith(b"HTTP/1.1 400 ")


def test_whoever_dawdles_is_cut_off(node: Any) -> None:
    """Nothing, half the headers, and half the body: none keeps a connection for long."""
    sockets = [connected(node) for _ in range(3)]
    sockets[1].sendall(HEAD)
    sockets[2].sendall(HEAD + b"Content-Length: 100\r\n\r\n{")
    answers = [entry.recv(100) for entry in sockets]
    assert answers[:2] == [b"", b""]
    assert answers[2].startswith(b"HTTP/1.1 408 ")
    for entry in sockets:
        entry.close()


def test_a_connection_serves_many_requests(node: Any) -> None:
    body, headers = b'{"jsonrpc":"2.0","id":1,"method":"eth_chainId"}', {"Content-Type": "application/json"}

    def ask_often(_: int) -> int:
        connection = HTTPConnection(httpx.URL(node.url).host, httpx.URL(node.url).port, timeout=60)
        connection.connect()
        first = connection.sock
        for _ in range(100):
            connection.request("POST", "/", body, headers)
            assert json.loads(connection.getresponse().read())["result"] == hex(CHAIN_ID)
            assert connection.sock is first
        connection.close()
        return 100

    with ThreadPoolExecutor(16) as threads:
        assert sum(threads.map(ask_often, range(16))) == 1_600


def test_answers_to_a_batch_are_bounded(make_node: Any, sender: Any) -> None:
    node, payer = make_node(), Account.create()
    for _ in range(8):
        assert sender(node.web3(), payer, {"data": "0x620100006000a000", "gas": 2_000_000})["status"] == 1
    query = '{"jsonrpc":"2.0","id":%d,"method":"eth_getLogs","params":[{"fromBlock":"0x0"}]}'
    answers = post(node, f"[{','.join(query % number for number in range(40))}]").json()
    assert [answer["id"] for answer in answers] == list(range(40))
    whole = [answer for answer in answers if "result" in answer]
    assert 20 < len(whole) < 30
    assert all(answer["error"]["code"] == -32003 for answer in answers[len(whole) :])


def test_transactions_that_are_refused(node: Any) -> None:
    account = Account.create()
    assert refusal(node, signed(account, 0, chainId=1)).startswith("invalid chain id")
    assert refusal(node, signed(account, 0, gas=20_000)).startswith("intrinsic gas too low")
    assert refusal(node, signed(account, 0, gas=10**10)).startswith("exceeds block gas limit")
    assert refusal(node, signed(account, 0, value=1)).startswith("insufficient funds")
    assert refusal(node, signed(account, 0, gasPrice=1)).startswith("insufficient funds")
    assert refusal(node, signed(account, 100)).startswith("nonce too high")
    assert refusal(node, "0x").startswith("rlp")
    assert refusal(node, "0xf8").startswith("rlp")
    assert refusal(node, "0x03" + "00" * 40).startswith("transaction type not supported: 3")
    good = signed(account, 0)
    assert node.rpc("eth_sendRawTransaction", good)["result"].startswith("0x")
    assert refusal(node, good).startswith(("already known", "nonce too low"))


def test_replay_protection_is_needed(node: Any) -> None:
    account = Account.create()
    unprotected = {"nonce": 0, "gas": 21_000, "gasPrice": 0, "to": PAYEE, "value": 0}
    raw = account.sign_transaction(unprotected).raw_transaction.to_0x_hex()
    assert refusal(node, raw).startswith("only replay-protected")


def test_gaps_wait_and_then_go_in_order(node: Any, poll: Any) -> None:
    account = Account.create()
    hashes = [node.rpc("eth_sendRawTransaction", signed(account, nonce))["result"] for nonce in (2, 1)]
    assert node.rpc("eth_getTransactionByHash", hashes[0])["result"]["blockHash"] is None
    assert node.rpc("eth_getTransactionReceipt", hashes[0])["result"] is None
    node.rpc("eth_sendRawTransaction", signed(account, 0))
    poll(lambda: node.rpc("eth_getTransactionCount", account.address, "latest")["result"] == "0x3")
    assert all(node.rpc("eth_getTransactionReceipt", entry)["result"]["status"] == "0x1" for entry in hashes)


def test_allowlist(make_node: Any) -> None:
    member, stranger = Account.create(), Account.create()
    node = make_node("--allow", member.address)
    assert "allowlist" in refusal(node, signed(stranger, 0))
    accepted = node.rpc("eth_sendRawTransaction", signed(member, 0))["result"]
    assert node.rpc("eth_getTransactionReceipt", accepted)["result"]["from"] == member.address.lower()


def test_allowlist_of_deployers(make_node: Any) -> None:
    deployer, user = Account.create(), Account.create()
    node = make_node("--allow-deployer", deployer.address)
    creation = {"to": "", "data": "0x00", "gas": 100_000}
    assert "allowlist of deployers" in refusal(node, signed(user, 0, **creation))
    for raw in (signed(user, 0), signed(deployer, 0, **creation)):
        accepted = node.rpc("eth_sendRawTransaction", raw)["result"]
        assert node.rpc("eth_getTransactionReceipt", accepted)["result"]["status"] == "0x1"


def test_a_higher_offer_replaces_what_waits(make_node: Any, poll: Any) -> None:
    rich = Account.create()
    node = make_node("--alloc", f"{rich.address}={10**18}")
    node.end()
    node.start("--block-interval", "2")
    first = node.rpc("eth_sendRawTransaction", signed(rich, 0))["result"]
    assert node.rpc("eth_getTransactionReceipt", first)["result"]["blockNumber"] == "0x1"
    hashes = [first, *(node.rpc("eth_sendRawTransaction", signed(rich, nonce))["result"] for nonce in (1, 2))]
    assert refusal(node, signed(rich, 1, value=5)) == "replacement transaction underpriced"
    better = node.rpc("eth_sendRawTransaction", signed(rich, 1, value=5, gasPrice=7))["result"]
    assert node.rpc("eth_getTransactionByHash", hashes[1])["result"] is None
    poll(lambda: node.rpc("eth_getTransactionReceipt", hashes[2])["result"] is not None)
    assert node.rpc("eth_getTransactionReceipt", hashes[2])["result"]["transactionIndex"] == "0x1"
    assert node.rpc("eth_getTransactionReceipt", better)["result"]["effectiveGasPrice"] == "0x7"
    assert node.rpc("eth_getBalance", PAYEE, "latest")["result"] == "0x5"


def test_opening_balances_move(make_node: Any) -> None:
    rich = Account.create()
    node = make_node("--alloc", f"{rich.address}=1000")
    accepted = node.rpc("eth_sendRawTransaction", signed(rich, 0, value=400))["result"]
    assert node.rpc("eth_getTransactionReceipt", accepted)["result"]["status"] == "0x1"
    assert node.rpc("eth_getBalance", rich.address, "latest")["result"] == hex(600)
    assert node.rpc("eth_getBalance", rich.address, "earliest")["result"] == hex(1000)
    assert node.rpc("eth_getBalance", PAYEE, "latest")["result"] == hex(400)
