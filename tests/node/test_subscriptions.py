"""eth_subscribe and blocks by interval, through web3.py and by a raw client."""

import asyncio
import json
import time
from collections.abc import Callable
from typing import Any

import pytest
from eth_account import Account
from eth_account.signers.local import LocalAccount
from web3 import AsyncWeb3, WebSocketProvider
from websockets.exceptions import ConnectionClosed
from websockets.sync.client import ClientConnection

CHAIN_ID = 31_707
PAYEE = "0x" + "00" * 19 + "11"
PURPOSE = b"\x07" * 32
EMPTY_EVENT = "0x60006000a0"


def request(method: str, *arguments: object, identifier: object = 1) -> dict[str, object]:
    return {"jsonrpc": "2.0", "id": identifier, "method": method, "params": list(arguments)}


def receive(socket: ClientConnection) -> Any:
    return json.loads(socket.recv(timeout=30))


def ask(socket: ClientConnection, method: str, *arguments: object) -> Any:
    socket.send(json.dumps(request(method, *arguments)))
    return receive(socket)


def subscribe(socket: ClientConnection, *arguments: object) -> str:
    return str(ask(socket, "eth_subscribe", *arguments)["result"])


def notified(socket: ClientConnection, count: int) -> list[tuple[str, Any]]:
    """(subscription, result) of the next notifications."""
    found = [receive(socket) for _ in range(count)]
    assert {entry["method"] for entry in found} == {"eth_subscription"}
    return [(entry["params"]["subscription"], entry["params"]["result"]) for entry in found]


def signed(account: LocalAccount, nonce: int, **fields: Any) -> str:
    transaction = {"nonce": nonce, "gas": 60_000, "gasPrice": 0, "to": PAYEE, "value": 0, "chainId": CHAIN_ID}
    return account.sign_transaction(transaction | fields).raw_transaction.to_0x_hex()


@pytest.fixture
def socket(node: Any, open_socket: Any) -> ClientConnection:
    """A connection to the module's node."""
    return open_socket(node)


@pytest.fixture
def send(node: Any) -> Callable[..., str]:
    """Sends a transaction of a new account, waits for its block, returns its hash."""

    def sending(**fields: Any) -> str:
        accepted = node.rpc("eth_sendRawTransaction", signed(Account.create(), 0, **fields))
        assert node.rpc("eth_getTransactionReceipt", accepted["result"])["result"]["status"] == "0x1"
        return str(accepted["result"])

    return sending


def test_new_heads_are_the_headers_in_order(node: Any, socket: ClientConnection, send: Any) -> None:
    before = int(node.rpc("eth_blockNumber")["result"], 16)
    identifier = subscribe(socket, "newHeads")
    for _ in range(5):
        send()
    heads = notified(socket, 5)
    assert {found for found, _ in heads} == {identifier}
    assert [int(head["number"], 16) for _, head in heads] == list(range(before + 1, before + 6))
    for _, head in heads:
        block = node.rpc("eth_getBlockByHash", head["hash"], False)["result"]
        assert head == {name: block[name] for name in head}
        assert set(block) - set(head) == {"transactions", "uncles", "withdrawals", "size"}


def test_logs_are_those_of_the_filter(
    node: Any, socket: ClientConnection, ledger: Any, payer: LocalAccount, sender: Any
) -> None:
    def pay(amount: int) -> Any:
        data = ledger.functions.pay(PAYEE, PURPOSE, amount)._encode_transaction_data()
        return sender(node.web3(), payer, {"to": ledger.address, "data": data})

    topics = pay(1)["logs"][0]["topics"]
    everything = subscribe(socket, "logs")
    from_ledger = subscribe(socket, "logs", {"address": ledger.address})
    paid = subscribe(socket, "logs", {"address": [ledger.address], "topics": [topics[0].to_0x_hex()]})
    nobody = subscribe(socket, "logs", {"topics": [None, [PURPOSE.hex().join(("0x", ""))]]})
    later = subscribe(socket, "logs", {"address": ledger.address, "fromBlock": hex(10**9)})
    receipt = pay(2)
    told: dict[str, list[Any]] = {}
    for identifier, result in notified(socket, 5):
        told.setdefault(identifier, []).append(result)
    wanted = node.rpc("eth_getTransactionReceipt", receipt["transactionHash"].to_0x_hex())["result"]["logs"]
    assert told == {everything: wanted, from_ledger: wanted, paid: wanted[:1]}
    assert {nobody, later}.isdisjoint(told)
    assert ask(socket, "eth_chainId")["result"] == hex(CHAIN_ID)


def test_pending_transactions_by_hash_and_whole(node: Any, socket: ClientConnection, send: Any) -> None:
    hashes = subscribe(socket, "newPendingTransactions")
    whole = subscribe(socket, "newPendingTransactions", True)
    plain = subscribe(socket, "newPendingTransactions", False)
    sent = send()
    told = dict(notified(socket, 3))
    assert told[hashes] == told[plain] == sent
    assert told[whole]["blockHash"] is None
    expected = node.rpc("eth_getTransactionByHash", sent)["result"]
    placed = {"blockHash", "blockNumber", "blockTimestamp", "transactionIndex"}
    assert {name: told[whole][name] for name in expected if name not in placed} == {
        name: expected[name] for name in expected if name not in placed
    }


def test_a_held_transaction_is_told_when_its_turn_comes(node: Any, socket: ClientConnection) -> None:
    account = Account.create()
    subscribe(socket, "newPendingTransactions")
    late = node.rpc("eth_sendRawTransaction", signed(account, 1))["result"]
    first = node.rpc("eth_sendRawTransaction", signed(account, 0))["result"]
    assert [result for _, result in notified(socket, 2)] == [first, late]
    assert node.rpc("eth_getTransactionReceipt", late)["result"]["status"] == "0x1"


def test_unsubscribed_means_silent(node: Any, socket: ClientConnection, send: Any) -> None:
    stopped, going_on = subscribe(socket, "newHeads"), subscribe(socket, "newHeads")
    assert ask(socket, "eth_unsubscribe", stopped)["result"] is True
    send()
    assert [identifier for identifier, _ in notified(socket, 1)] == [going_on]
    again = ask(socket, "eth_unsubscribe", stopped)["error"]
    assert again == {"code": -32000, "message": "subscription not found"}


def test_nobody_ends_anothers_subscription(node: Any, socket: ClientConnection, open_socket: Any) -> None:
    identifier = subscribe(socket, "newHeads")
    other = open_socket(node)
    assert ask(other, "eth_unsubscribe", identifier)["error"]["message"] == "subscription not found"
    assert ask(socket, "eth_unsubscribe", identifier)["result"] is True


@pytest.mark.parametrize(
    ("arguments", "code", "message"),
    [
        (("newBlocks",), -32601, 'no "newBlocks" subscription in eth namespace'),
        ((), -32602, "non-string subscription name"),
        ((5,), -32602, "non-string subscription name"),
        (("newHeads", {}), -32602, "too many arguments, want at most 1"),
        (("logs", {"address": "0x12"}), -32602, "invalid argument 1: hex string has length 2, want 40"),
        (("logs", 0), -32602, "invalid argument 1: "),
        (("logs", {"blockHash": "0x" + "00" * 32}), -32602, "blockHash"),
        (("newPendingTransactions", "yes"), -32602, "invalid argument 1: true or false expected"),
    ],
)
def test_what_cannot_be_subscribed(
    socket: ClientConnection, arguments: tuple[object, ...], code: int, message: str
) -> None:
    error = ask(socket, "eth_subscribe", *arguments)["error"]
    assert error["code"] == code
    assert message in error["message"]


def test_http_has_no_notifications(node: Any) -> None:
    error = node.rpc("eth_subscribe", "newHeads")["error"]
    assert error == {"code": -32601, "message": "notifications not supported"}
    assert node.rpc("eth_unsubscribe", "0x1")["error"]["message"] == "subscription not found"


def test_subscriptions_are_bounded(socket: ClientConnection) -> None:
    identifiers = [subscribe(socket, "newHeads") for _ in range(128)]
    assert ask(socket, "eth_subscribe", "logs")["error"]["code"] == -32005
    assert ask(socket, "eth_unsubscribe", identifiers[0])["result"] is True
    assert subscribe(socket, "logs").startswith("0x")


def test_the_answer_comes_before_what_it_promises(node: Any, socket: ClientConnection) -> None:
    """A batch subscribes and then causes a block: its notification waits for the batch's answer."""
    raw = signed(Account.create(), 0)
    batch = [
        request("eth_subscribe", "newHeads", identifier=0),
        request("eth_subscribe", "newPendingTransactions", identifier=1),
        request("eth_sendRawTransaction", raw, identifier=2),
        *[request("eth_getBlockByNumber", "latest", True, identifier=number) for number in range(3, 200)],
    ]
    socket.send(json.dumps(batch))
    answers = receive(socket)
    assert [answer["id"] for answer in answers] == list(range(200))
    told = dict(notified(socket, 2))
    assert told[answers[1]["result"]] == answers[2]["result"]
    assert int(told[answers[0]["result"]]["number"], 16) >= 1


def test_every_block_once_whatever_the_load(make_node: Any, open_socket: Any) -> None:
    node = make_node()
    sockets = [open_socket(node) for _ in range(3)]
    for socket in sockets:
        subscribe(socket, "newHeads")
        subscribe(socket, "logs")
    accounts = [Account.create() for _ in range(40)]
    for nonce in range(5):
        raws = [signed(account, nonce, to="", data=EMPTY_EVENT) for account in accounts]
        batch = [request("eth_sendRawTransaction", raw) for raw in raws]
        answers = node.client.post(node.url, json=batch).json()
        assert all("result" in answer for answer in answers)
    for socket in sockets:
        heads, events = [], []
        while len(events) < 200 or len(heads) < events[-1][0]:
            result = receive(socket)["params"]["result"]
            if "parentHash" in result:
                heads.append(int(result["number"], 16))
            else:
                events.append((int(result["blockNumber"], 16), int(result["logIndex"], 16)))
        assert heads == list(range(1, heads[-1] + 1))
        assert events == sorted(set(events))
        assert len(events) == 200
        assert heads[-1] == int(node.rpc("eth_blockNumber")["result"], 16)


def test_a_subscriber_that_stops_reading_is_disconnected(
    make_node: Any, open_socket: Any, sender: Any, poll: Any
) -> None:
    """It is told 13 MB a block and reads nothing; who reads gets everything, and memory stays bounded."""
    node, payer = make_node(), Account.create()
    lazy, keen = open_socket(node, max_queue=1), open_socket(node, max_queue=None)
    subscribe(lazy, "logs")
    subscribe(keen, "newHeads")
    hundred_events_of_64_kib = {"data": "0x60645b620100006000a06001900380600257", "gas": 100_000_000}
    for _ in range(6):
        assert sender(node.web3(), payer, hundred_events_of_64_kib)["status"] == 1
    with pytest.raises(ConnectionClosed):
        insist(lazy)
    assert [int(head["number"], 16) for _, head in notified(keen, 6)] == list(range(1, 7))


def insist(socket: ClientConnection) -> None:
    """Send, and read nothing, until the other side has enough."""
    deadline = time.monotonic() + 60
    while time.monotonic() < deadline:
        socket.send('{"jsonrpc":"2.0","method":"eth_chainId"}')


def test_an_interval_gathers_what_comes(make_node: Any, open_socket: Any) -> None:
    node = make_node()
    node.end()
    node.start("--block-interval", "0.5")
    socket = open_socket(node)
    subscribe(socket, "newHeads")
    started = time.monotonic()
    for account in [Account.create() for _ in range(30)]:
        node.rpc("eth_sendRawTransaction", signed(account, 0))
    counts: list[int] = []
    while sum(counts) < 30:
        ((_, head),) = notified(socket, 1)
        counts.append(int(head["gasUsed"], 16) // 21_000)
        assert int(head["number"], 16) == len(counts)
    assert len(counts) <= 2 + (time.monotonic() - started) / 0.5
    assert min(counts) > 0
    assert sum(counts) == 30


def test_an_interval_does_not_hold_up_the_end(make_node: Any) -> None:
    node = make_node()
    node.end()
    node.start("--block-interval", "600")
    account = Account.create()
    first = node.rpc("eth_sendRawTransaction", signed(account, 0))["result"]
    assert node.rpc("eth_getTransactionReceipt", first)["result"]["blockNumber"] == "0x1"
    node.rpc("eth_sendRawTransaction", signed(account, 1))
    assert node.end() == 0
    assert node.start().rpc("eth_blockNumber")["result"] == "0x1"


def test_web3_over_a_websocket(node: Any, ledger: Any, payer: LocalAccount) -> None:
    asyncio.run(_drive_web3(node.url.replace("http://", "ws://"), ledger, payer))


async def _drive_web3(url: str, ledger: Any, payer: LocalAccount) -> None:
    async with AsyncWeb3(WebSocketProvider(url)) as chain:
        assert await chain.is_connected()
        assert await chain.eth.chain_id == CHAIN_ID
        heads = await chain.eth.subscribe("newHeads")
        logs = await chain.eth.subscribe("logs", {"address": ledger.address})
        pending = await chain.eth.subscribe("newPendingTransactions")
        contract = chain.eth.contract(address=ledger.address, abi=ledger.abi)
        nonce = await chain.eth.get_transaction_count(payer.address, "pending")
        fields = {"from": payer.address, "nonce": nonce, "chainId": CHAIN_ID, "gasPrice": 0}
        built = await contract.functions.pay(PAYEE, PURPOSE, 12).build_transaction(fields)
        sent = await chain.eth.send_raw_transaction(payer.sign_transaction(built).raw_transaction)
        told: dict[str, list[Any]] = {}
        async for message in chain.socket.process_subscriptions():
            told.setdefault(message["subscription"], []).append(message["result"])
            if len(told) == 3 and len(told[logs]) == 2:
                break
        receipt = await chain.eth.wait_for_transaction_receipt(sent, timeout=20)
        assert told[pending] == [sent]
        assert told[logs] == list(receipt["logs"])
        assert [head["hash"] for head in told[heads]] == [receipt["blockHash"]]
        assert contract.events.Paid().process_log(told[logs][0])["args"]["amount"] == 12
        assert await chain.eth.unsubscribe(heads)
        calls = await asyncio.gather(*[contract.functions.total().call() for _ in range(20)])
        assert len(set(calls)) == 1
