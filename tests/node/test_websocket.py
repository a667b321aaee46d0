"""JSON-RPC over WebSocket on the wire, by a raw client: messages, limits, browsers, slow readers, the end."""

import json
import signal
import time
from pathlib import Path
from typing import Any

import httpx
import pytest
from eth_account import Account
from websockets.exceptions import ConnectionClosed, InvalidStatus
from websockets.sync.client import ClientConnection

CHAIN_ID = 31_707
CHAIN_ID_CALL = {"jsonrpc": "2.0", "id": 1, "method": "eth_chainId"}
END_SECONDS_MAX = 15.0


@pytest.fixture
def socket(node: Any, open_socket: Any) -> ClientConnection:
    """A connection to the module's node."""
    return open_socket(node)


def ask(socket: ClientConnection, message: object) -> Any:
    socket.send(json.dumps(message))
    return json.loads(socket.recv(timeout=30))


def call(method: str, *arguments: object, identifier: object = 1) -> dict[str, object]:
    return {"jsonrpc": "2.0", "id": identifier, "method": method, "params": list(arguments)}


def test_single_requests_and_batches_as_over_http(node: Any, socket: ClientConnection) -> None:
    genesis = call("eth_getBlockByNumber", "0x0", True)
    batch = [CHAIN_ID_CALL, {"jsonrpc": "2.0", "method": "eth_chainId"}, call("eth_nothing"), 7]
    for message in (CHAIN_ID_CALL, genesis, batch, [], None, {"id": 1}, [batch]):
        text, json_type = json.dumps(message), {"Content-Type": "application/json"}
        assert ask(socket, message) == httpx.post(node.url, content=text, headers=json_type).json()
    socket.send(b'{"jsonrpc":"2.0","id":"binary","method":"eth_chainId"}')
    assert json.loads(socket.recv(timeout=30)) == {"jsonrpc": "2.0", "id": "binary", "result": hex(CHAIN_ID)}
    socket.send("{")
    assert json.loads(socket.recv(timeout=30))["error"]["code"] == -32700


def test_many_requests_at_once_are_all_answered(socket: ClientConnection) -> None:
    for number in range(500):
        socket.send(json.dumps(call("eth_chainId", identifier=number)))
    answers = [json.loads(socket.recv(timeout=30)) for _ in range(500)]
    assert {answer["id"] for answer in answers} == set(range(500))
    assert {answer["result"] for answer in answers} == {hex(CHAIN_ID)}


def test_a_slow_request_holds_up_no_other(socket: ClientConnection, node: Any, ledger: Any) -> None:
    slow = {"to": ledger.address, "data": ledger.functions.burn(20_000)._encode_transaction_data()}
    socket.send(json.dumps(call("eth_call", slow, "latest", identifier="slow")))
    socket.send(json.dumps(call("eth_chainId", identifier="quick")))
    assert [json.loads(socket.recv(timeout=60))["id"] for _ in range(2)] == ["quick", "slow"]


def test_too_large_messages_end_the_connection(socket: ClientConnection) -> None:
    announced = (33 * 1024 * 1024).to_bytes(8, "big")
    socket.socket.sendall(b"\x81\xff" + announced + bytes(4))
    with pytest.raises(ConnectionClosed) as caught:
        socket.recv(timeout=30)
    assert caught.value.rcvd is not None
    assert caught.value.rcvd.code == 1009


def test_broken_frames_end_the_connection(socket: ClientConnection) -> None:
    socket.socket.sendall(b"\xff" * 64)
    with pytest.raises(ConnectionClosed):
        socket.recv(timeout=30)


def test_pings_are_answered(socket: ClientConnection) -> None:
    assert socket.ping().wait(timeout=10)


def test_only_the_one_path(node: Any, open_socket: Any) -> None:
    with pytest.raises(InvalidStatus) as caught:
        open_socket(node, "/other")
    assert caught.value.response.status_code == 403


def test_browsers_are_refused(node: Any, open_socket: Any) -> None:
    with pytest.raises(InvalidStatus) as caught:
        open_socket(node, origin="https://example.org")
    assert caught.value.response.status_code == 403
    assert "origin" in json.loads(caught.value.response.body)["error"]
    answer = httpx.post(node.url, json=CHAIN_ID_CALL, headers={"Origin": "https://example.org"})
    assert answer.status_code == 403
    assert "access-control-allow-origin" not in answer.headers


def test_named_origins_are_let_in(make_node: Any, open_socket: Any) -> None:
    node = make_node()
    node.end()
    node.start("--allow-origin", "https://example.org", "--allow-origin", "http://localhost:3000")
    for origin in ("https://example.org", "http://localhost:3000"):
        assert ask(open_socket(node, origin=origin), CHAIN_ID_CALL)["result"] == hex(CHAIN_ID)
        asked = {"Origin": origin, "Access-Control-Request-Method": "POST"}
        preflight = httpx.options(
            node.url, headers=asked | {"Access-Control-Request-Headers": "content-type"}
        )
        assert preflight.status_code == 200
        answer = httpx.post(node.url, json=CHAIN_ID_CALL, headers={"Origin": origin})
        assert preflight.headers["access-control-allow-origin"] == origin
        assert answer.headers["access-control-allow-origin"] == origin
    for stranger in ("https://example.org:8443", "http://example.org", "null"):
        with pytest.raises(InvalidStatus):
            open_socket(node, origin=stranger)
        assert httpx.post(node.url, json=CHAIN_ID_CALL, headers={"Origin": stranger}).status_code == 403


@pytest.mark.parametrize("origin", ["*", "example.org", "https://example.org/", "https://me@example.org"])
def test_nonsense_origins_are_refused_at_the_start(
    initialise: Any, running: Any, tmp_path: Path, origin: str
) -> None:
    assert initialise(tmp_path / "data").exit_code == 0
    with pytest.raises(AssertionError, match="--allow-origin"):
        running(tmp_path / "data").start("--allow-origin", origin)


def test_connections_are_bounded(make_node: Any, open_socket: Any, poll: Any) -> None:
    node = make_node()
    opened = [open_socket(node) for _ in range(100)]
    with pytest.raises(InvalidStatus) as caught:
        open_socket(node)
    assert caught.value.response.status_code == 503
    assert node.rpc("eth_chainId")["result"] == hex(CHAIN_ID)
    opened[0].close()

    def let_in() -> bool:
        try:
            return bool(ask(open_socket(node), CHAIN_ID_CALL)["result"] == hex(CHAIN_ID))
        except InvalidStatus:
            return False

    poll(let_in)


def test_a_reader_that_stops_is_disconnected(make_node: Any, open_socket: Any, sender: Any) -> None:
    """It asks for far more than the sockets' buffers hold and reads none of it; others don't notice."""
    node, payer = make_node(), Account.create()
    event_of_64_kib = {"data": "0x620100006000a000", "gas": 2_000_000}
    for _ in range(8):
        assert sender(node.web3(), payer, event_of_64_kib)["status"] == 1
    query = call("eth_getLogs", {"fromBlock": "0x0"})
    greedy = open_socket(node, max_queue=1)
    assert len(json.dumps(ask(greedy, query))) > 1_000_000
    for _ in range(20):
        greedy.send(json.dumps([query] * 5))
    with pytest.raises(ConnectionClosed):
        insist(greedy)
    assert node.rpc("eth_chainId")["result"] == hex(CHAIN_ID)


def insist(socket: ClientConnection) -> None:
    """Send, and read nothing, until the other side has enough."""
    deadline = time.monotonic() + 60
    while time.monotonic() < deadline:
        socket.send('{"jsonrpc":"2.0","method":"eth_chainId"}')


def test_the_node_ends_soon_with_sockets_open(make_node: Any, open_socket: Any) -> None:
    node = make_node()
    idle, subscribed = open_socket(node), open_socket(node)
    ask(subscribed, call("eth_subscribe", "newHeads"))
    with httpx.Client() as keeping_alive:
        keeping_alive.post(node.url, json=CHAIN_ID_CALL)
        started = time.monotonic()
        assert node.end(signal.SIGTERM) == 0
    assert time.monotonic() - started < END_SECONDS_MAX
    for socket in (idle, subscribed):
        with pytest.raises(ConnectionClosed) as caught:
            socket.recv(timeout=10)
        assert caught.value.rcvd is not None
        assert caught.value.rcvd.code == 1012


def test_the_node_ends_soon_with_a_call_running(make_node: Any, open_socket: Any, poll: Any) -> None:
    node = make_node()
    endless = {"to": "0x" + "00" * 19 + "99", "gas": hex(10**10)}
    code = {endless["to"]: {"code": "0x5b600056"}}
    open_socket(node).send(json.dumps(call("eth_call", endless, "latest", code)))
    poll(lambda: node.rpc("eth_chainId")["result"] == hex(CHAIN_ID))
    started = time.monotonic()
    assert node.end(signal.SIGTERM) == 0
    assert time.monotonic() - started < END_SECONDS_MAX
    assert node.start().rpc("eth_blockNumber")["result"] == "0x0"
