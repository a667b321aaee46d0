"""The node through viem, as a web front end uses it: HTTP, WebSocket, watchers, decoded errors."""

import json
import subprocess
from pathlib import Path
from typing import Any

import pytest
from eth_account import Account

CHAIN_ID = 31_707
RICH, RICH_WEI = "0x" + "00" * 19 + "aa", 1_000


@pytest.fixture(scope="module")
def seen(javascript: Path, node: Any, ledger_code: dict[str, Any]) -> dict[str, Any]:
    """What client.mjs saw of the module's node."""
    given = {
        "url": node.url,
        "chainId": CHAIN_ID,
        "privateKey": Account.create().key.to_0x_hex(),
        "rich": RICH,
        "abi": ledger_code["abi"],
        "bytecode": ledger_code["bytecode"],
    }
    done = subprocess.run(
        ["node", "client.mjs"],
        cwd=javascript,
        input=json.dumps(given),
        capture_output=True,
        text=True,
        timeout=120,
    )
    assert done.returncode == 0, done.stderr
    return dict(json.loads(done.stdout))


@pytest.fixture(params=["http", "ws"])
def look(seen: dict[str, Any], request: pytest.FixtureRequest) -> Any:
    """What it saw over one transport."""
    return seen[request.param]


def test_deploys_and_pays(seen: Any) -> None:
    assert seen["deployed"]["status"] == "success"
    assert seen["deployed"]["contractAddress"]
    assert {payment["status"] for payment in seen["payments"]} == {"success"}
    assert {payment["type"] for payment in seen["payments"]} == {"legacy", "eip1559"}


def test_reads_blocks_and_accounts(seen: Any, look: Any) -> None:
    assert look["chainId"] == CHAIN_ID
    assert look["balance"] == RICH_WEI
    last = seen["payments"][-1]
    assert look["block"]["hash"] == look["again"]["hash"] == last["blockHash"]
    assert [entry["hash"] for entry in look["block"]["transactions"]] == look["again"]["transactions"]
    assert look["block"]["transactions"][0]["hash"] == last["transactionHash"]
    assert look["code"] > 100


def test_calls_and_estimates(seen: Any, look: Any) -> None:
    count = len(seen["payments"])
    assert look["total"] == count * (count + 1) // 2
    assert 21_000 < look["gas"] < 200_000
    assert look["fees"] == {"maxFeePerGas": 0, "maxPriorityFeePerGas": 0}
    assert [event["args"]["amount"] for event in look["events"]] == list(range(1, count + 1))


def test_reverts_are_decoded(look: Any) -> None:
    assert look["reverts"] == [
        {"name": "Error", "arguments": ["ledger: amount is zero"], "reason": "ledger: amount is zero"},
        {"name": "Custom", "arguments": [], "reason": None},
    ]


def test_proofs_where_they_are_given(look: Any) -> None:
    if look["proof"] is not None:
        assert look["proof"]["balance"] == RICH_WEI
        assert look["proof"]["accountProof"]


def test_watchers_see_each_block_and_event_once(seen: Any) -> None:
    numbers = [block["number"] for block in seen["blocks"]]
    assert numbers == list(range(numbers[0], numbers[0] + 3))
    hashes = [payment["transactionHash"] for payment in seen["payments"]]
    first = hashes.index(seen["pending"][0])
    assert seen["pending"] == hashes[first : first + 3]
    for events in (seen["events"], seen["polledEvents"]):
        amounts = [event["args"]["amount"] for event in events]
        assert amounts == list(range(amounts[0], amounts[0] + 3))
        assert [event["transactionHash"] for event in events] == [hashes[amount - 1] for amount in amounts]
