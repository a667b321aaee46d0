"""What a caller has the node compute ends in time, and never takes everybody's turn."""

import threading
import time
from typing import Any

import httpx

LOOP = {"0x" + "00" * 19 + "77": {"code": "0x5b600056"}}
CALL = {"to": "0x" + "00" * 19 + "77", "gas": hex(10**9)}
ENDLESS = {"blockStateCalls": [{"blockOverrides": {"gasLimit": hex(2**63)}, "stateOverrides": LOOP}]}


def ask(url: str, method: str, *parameters: object) -> dict[str, Any]:
    message = {"jsonrpc": "2.0", "id": 1, "method": method, "params": list(parameters)}
    with httpx.Client(timeout=60) as client:
        return dict(client.post(url, json=message).json())


def test_a_simulation_ends_in_time(node: Any) -> None:
    blocks = [{**ENDLESS["blockStateCalls"][0], "calls": [{**CALL, "gas": hex(9 * 10**8)}]}]
    started = time.monotonic()
    answer = ask(node.url, "eth_simulateV1", {"blockStateCalls": blocks}, "latest")
    assert time.monotonic() - started < 30
    failed = answer["result"][0]["calls"][0] if "result" in answer else answer["error"]
    assert "out of gas" in str(failed) or "timeout = 5s" in str(failed)


def test_many_heavy_calls_leave_the_node_to_others(node: Any) -> None:
    answers: list[dict[str, Any]] = []

    def call() -> None:
        answers.append(ask(node.url, "eth_call", CALL, "latest", LOOP))

    calls = [threading.Thread(target=call) for _ in range(12)]
    for each in calls:
        each.start()
    started = time.monotonic()
    assert ask(node.url, "eth_blockNumber")["result"]
    assert time.monotonic() - started < 20
    for each in calls:
        each.join()
    assert len(answers) == 12
    assert {answer["error"]["code"] for answer in answers} <= {-32000, -32005}
