"""debug_trace*: the forms of execution-apis, and what the receipts of the same transactions say."""

import json
from collections.abc import Callable
from itertools import pairwise
from pathlib import Path
from typing import Any

import pytest
from eth_account import Account
from eth_account.signers.local import LocalAccount
from typer.testing import CliRunner
from web3 import Web3

from node.cli import app
from tests.node import forks
from tests.node.conftest import RunningNode

PAYEE = "0x" + "00" * 19 + "33"
PURPOSE = b"\x01" * 32
CALL_TRACER = {"tracer": "callTracer"}
WITH_LOGS = {"tracer": "callTracer", "tracerConfig": {"withLog": True}}
STEP_FIELDS = {"pc", "op", "gas", "gasCost", "depth", "refund", "stack"}


class Traced:
    """Sends transactions to the contract and traces them."""

    def __init__(self, node: Any, chain: Web3, account: LocalAccount, ledger: Any, sender: Any) -> None:
        self.node, self.chain, self.account, self.ledger, self._send = node, chain, account, ledger, sender

    def data(self, name: str, *arguments: object) -> str:
        return self.ledger.encode_abi(name, args=list(arguments))

    def run(self, name: str, *arguments: object, **fields: Any) -> Any:
        """The receipt of a transaction."""
        transaction = {"to": self.ledger.address, "data": self.data(name, *arguments), "gas": 5_000_000}
        return self._send(self.chain, self.account, transaction | fields)

    def trace(self, receipt: Any, *config: object) -> Any:
        answer = self.node.rpc("debug_traceTransaction", receipt["transactionHash"].to_0x_hex(), *config)
        assert "error" not in answer, answer
        return answer["result"]

    def pair(self, first: str, second: str) -> list[Any]:
        """The receipts of two transactions in one block: what comes first waits for what comes second."""
        nonce = self.chain.eth.get_transaction_count(self.account.address)
        common = {
            "to": self.ledger.address,
            "gas": 300_000,
            "gasPrice": 0,
            "chainId": self.chain.eth.chain_id,
        }
        raws = [
            self.account.sign_transaction(common | {"nonce": nonce + index, "data": data}).raw_transaction
            for index, data in enumerate((first, second))
        ]
        hashes = [self.chain.eth.send_raw_transaction(raw) for raw in reversed(raws)]
        receipts = [self.chain.eth.wait_for_transaction_receipt(entry, timeout=20) for entry in hashes]
        assert receipts[0]["blockNumber"] == receipts[1]["blockNumber"]
        return receipts[::-1]


@pytest.fixture
def traced(node: Any, chain: Web3, ledger: Any, sender: Any) -> Traced:
    return Traced(node, chain, Account.create(), ledger, sender)


def count(value: str) -> int:
    return int(value, 16)


def frames(call: Any) -> list[Any]:
    return [call, *(frame for below in call.get("calls", []) for frame in frames(below))]


def test_a_plain_transfer_has_no_steps(traced: Traced) -> None:
    receipt = traced.run("total", to=PAYEE, data="0x", gas=21_000)
    assert traced.trace(receipt) == {"gas": 21_000, "failed": False, "returnValue": "0x", "structLogs": []}
    assert traced.trace(receipt, CALL_TRACER) == {
        "type": "CALL",
        "from": traced.account.address.lower(),
        "to": PAYEE,
        "value": "0x0",
        "gas": "0x5208",
        "gasUsed": "0x5208",
        "input": "0x",
    }


def test_every_step_of_a_call(traced: Traced) -> None:
    receipt = traced.run("pay", PAYEE, PURPOSE, 5)
    trace = traced.trace(receipt)
    assert (trace["gas"], trace["failed"], trace["returnValue"]) == (receipt["gasUsed"], False, "0x")
    steps = trace["structLogs"]
    assert steps[0] | {"op": "PUSH0"} == steps[0]
    for step in steps:
        assert step.keys() - {"storage"} == STEP_FIELDS
        assert ("storage" in step) == (step["op"] in ("SLOAD", "SSTORE"))
        assert step["depth"] == 1
    for step, following in pairwise(steps):
        assert step["gas"] - step["gasCost"] == following["gas"]
    assert steps[-1]["op"] == "STOP"
    assert [len(step["storage"]) for step in steps if step["op"] == "SSTORE"] == [2, 3]
    assert all(
        len(word) == 66 for step in steps for entry in step.get("storage", {}).items() for word in entry
    )


def test_a_deployment_ends_with_its_code(traced: Traced, chain: Web3, ledger_code: dict[str, Any]) -> None:
    code = ledger_code["bytecode"] + (2**40).to_bytes(32).hex()
    receipt = traced.run("total", to="", data=code)
    deployed = chain.eth.get_code(receipt["contractAddress"]).to_0x_hex()
    assert traced.trace(receipt)["returnValue"] == deployed
    tree = traced.trace(receipt, CALL_TRACER)
    assert (tree["type"], tree["to"]) == ("CREATE", receipt["contractAddress"].lower())
    assert (tree["input"], tree["output"]) == (code, deployed)
    assert count(tree["gasUsed"]) == receipt["gasUsed"]


def test_options_of_the_struct_logger(traced: Traced) -> None:
    receipt = traced.run("forward", 1)
    plain = traced.trace(receipt, {"disableStack": True, "disableStorage": True})["structLogs"]
    assert all(step.keys() == STEP_FIELDS - {"stack"} for step in plain)
    full = traced.trace(receipt, {"enableMemory": True, "enableReturnData": True})["structLogs"]
    assert all(len(word) == 66 for step in full for word in step.get("memory", []))
    assert any("memory" in step for step in full)
    assert {step["returnData"] for step in full if "returnData" in step} == {full[-1]["returnData"]}
    limited = traced.trace(receipt, {"limit": 7})
    assert limited["structLogs"] == traced.trace(receipt)["structLogs"][:7]
    assert limited["gas"] == receipt["gasUsed"]


def test_a_call_costs_what_it_forwards(traced: Traced) -> None:
    steps = traced.trace(traced.run("forward", 1))["structLogs"]
    at = next(index for index, step in enumerate(steps) if step["op"] == "CALL")
    call, inner = steps[at], steps[at + 1]
    assert (call["depth"], inner["depth"]) == (1, 2)
    # 63/64 of what is left is forwarded; 100 is what a call to a warm account costs
    assert call["gasCost"] == inner["gas"] + 100
    back = next(step for step in steps[at + 1 :] if step["depth"] == 1)
    last = max(index for index, step in enumerate(steps) if step["depth"] == 2)
    assert back["gas"] == call["gas"] - call["gasCost"] + steps[last]["gas"] - steps[last]["gasCost"]


def test_refunds_are_told(traced: Traced) -> None:
    traced.run("pay", PAYEE, PURPOSE, 5)
    steps = traced.trace(traced.run("refund", PAYEE))["structLogs"]
    refunds = [step["refund"] for step in steps if step["op"] == "SSTORE"]
    assert refunds[-1] >= 4_800  # EIP-3529
    assert steps[-1]["refund"] == refunds[-1]


def test_failures_are_part_of_the_trace(traced: Traced) -> None:
    refused = traced.run("pay", PAYEE, PURPOSE, 0)
    trace = traced.trace(refused)
    assert trace["failed"]
    assert bytes.fromhex(trace["returnValue"][2:])[:4].hex() == "08c379a0"
    assert trace["structLogs"][-1]["op"] == "REVERT"
    assert "error" not in trace["structLogs"][-1]
    tree = traced.trace(refused, WITH_LOGS)
    assert (tree["error"], tree["revertReason"]) == ("execution reverted", "ledger: amount is zero")
    assert tree["output"] == trace["returnValue"]
    assert "logs" not in tree
    starved = traced.run("burn", 300, gas=40_000)
    trace = traced.trace(starved)
    assert (trace["gas"], trace["failed"], trace["returnValue"]) == (40_000, True, "0x")
    assert trace["structLogs"][-1]["error"] == "out of gas"
    tree = traced.trace(starved, CALL_TRACER)
    assert (tree["error"], tree["gasUsed"]) == ("out of gas", hex(40_000))
    assert not {"output", "revertReason"} & tree.keys()


def test_calls_within_calls(traced: Traced) -> None:
    receipt = traced.run("forward", 40)
    tree = traced.trace(receipt, CALL_TRACER)
    chain = frames(tree)
    assert len(chain) == 41
    assert {frame["type"] for frame in chain} == {"CALL"}
    assert {frame["output"] for frame in chain} == {tree["output"]}
    assert all(count(outer["gasUsed"]) > count(inner["gasUsed"]) for outer, inner in pairwise(chain))
    assert count(tree["gasUsed"]) == receipt["gasUsed"]
    top = traced.trace(receipt, CALL_TRACER | {"tracerConfig": {"onlyTopCall": True}})
    assert top == {name: value for name, value in tree.items() if name != "calls"}


def test_later_transactions_of_a_block_follow_the_earlier(traced: Traced) -> None:
    first, second = traced.pair(
        traced.data("pay", PAYEE, PURPOSE, 11), traced.data("pay", PAYEE, PURPOSE, 12)
    )
    for receipt in (first, second):
        tree = traced.trace(receipt, WITH_LOGS)
        assert [count(log["index"]) for log in tree["logs"]] == [log["logIndex"] for log in receipt["logs"]]
        assert [log["data"] for log in tree["logs"]] == [log["data"].to_0x_hex() for log in receipt["logs"]]
        assert traced.trace(receipt)["gas"] == receipt["gasUsed"]
    totals = [
        next(step["stack"][-2] for step in traced.trace(entry)["structLogs"] if step["op"] == "SSTORE")
        for entry in (first, second)
    ]
    assert count(totals[1]) - count(totals[0]) == 12


def test_whole_blocks(traced: Traced, node: Any) -> None:
    receipts = traced.pair(traced.data("pay", PAYEE, PURPOSE, 1), traced.data("pay", PAYEE, PURPOSE, 0))
    number, block_hash = hex(receipts[0]["blockNumber"]), receipts[0]["blockHash"].to_0x_hex()
    for config in ({}, CALL_TRACER, WITH_LOGS):
        expected = [
            {"txHash": receipt["transactionHash"].to_0x_hex(), "result": traced.trace(receipt, config)}
            for receipt in receipts
        ]
        assert node.rpc("debug_traceBlockByNumber", number, config)["result"] == expected
        assert node.rpc("debug_traceBlockByHash", block_hash, config)["result"] == expected


def test_calls_nobody_signed(traced: Traced, node: Any, ledger: Any) -> None:
    call = {"from": PAYEE, "to": ledger.address, "input": traced.data("seen"), "gas": "0x100000"}
    config = CALL_TRACER | {"blockOverrides": {"number": "0x1234"}}
    tree = node.rpc("debug_traceCall", call, "latest", config)["result"]
    assert count(tree["output"][:66]) == 0x1234
    assert tree["gas"] == "0x100000"
    doubled = "0x6000358001600052602060 00f3".replace(" ", "")
    overrides = {"stateOverrides": {PAYEE: {"code": doubled}}}
    call = {"to": PAYEE, "input": "0x" + (21).to_bytes(32).hex()}
    trace = node.rpc("debug_traceCall", call, "latest", overrides)["result"]
    assert (count(trace["returnValue"]), trace["failed"]) == (42, False)
    assert [step["op"] for step in trace["structLogs"]][1:4] == ["CALLDATALOAD", "DUP1", "ADD"]
    refused = {"to": ledger.address, "input": traced.data("pay", PAYEE, PURPOSE, 0)}
    assert node.rpc("debug_traceCall", refused)["result"]["failed"]
    tree = node.rpc("debug_traceCall", refused, "latest", CALL_TRACER)["result"]
    assert tree["revertReason"] == "ledger: amount is zero"


@pytest.mark.parametrize(
    ("method", "arguments", "code", "message"),
    [
        ("debug_traceTransaction", ["0x" + "00" * 31 + "01"], -32000, "transaction not found"),
        ("debug_traceTransaction", ["0x12"], -32602, ""),
        ("debug_traceBlockByNumber", ["0x0"], -32000, "genesis is not traceable"),
        ("debug_traceBlockByNumber", ["3"], -32602, ""),
        ("debug_traceBlockByNumber", ["0xfffffffff"], -32000, "block #68719476735 not found"),
        ("debug_traceBlockByHash", ["0x" + "12" * 32], -32000, f"block 0x{'12' * 32} not found"),
        ("debug_traceCall", [{"to": PAYEE}, "0xfffffffff"], -32000, "block #68719476735 not found"),
        ("debug_traceCall", [{"to": PAYEE, "value": "0x1"}], -32000, "insufficient funds"),
        (
            "debug_traceCall",
            [{"to": PAYEE}, "latest", {"tracer": "4byteTracer"}],
            -32602,
            "invalid argument 2: t",
        ),
        (
            "debug_traceCall",
            [{"to": PAYEE}, "latest", {"disableStack": 1}],
            -32602,
            "invalid argument 2: d",
        ),
        ("debug_traceCall", [{"to": PAYEE}, "latest", {"withLog": True}], -32602, "invalid argument 2: "),
    ],
)
def test_what_cannot_be_traced(node: Any, method: str, arguments: list[Any], code: int, message: str) -> None:
    error = node.rpc(method, *arguments)["error"]
    assert error["code"] == code
    assert error["message"].startswith(message)


def test_an_answer_has_a_largest_size(traced: Traced, node: Any, ledger: Any) -> None:
    call = {"to": ledger.address, "input": traced.data("burn", 10_000)}
    error = node.rpc("debug_traceCall", call)["error"]
    assert error["code"] == -32005
    assert "trace too large" in error["message"]
    assert not node.rpc("debug_traceCall", call, "latest", {"limit": 1_000})["result"]["failed"]
    assert "error" not in node.rpc("debug_traceCall", call, "latest", CALL_TRACER)


def test_imported_chains_are_traced_under_the_rules_of_their_time(
    tmp_path: Path, running: Callable[..., RunningNode]
) -> None:
    genesis, blocks, directory = tmp_path / "genesis.json", tmp_path / "chain.rlp", tmp_path / "data"
    genesis.write_text(json.dumps(forks.genesis()))
    blocks.write_bytes(b"".join(forks.blocks()))
    for command in (
        ["init", "--genesis", genesis, "--data", directory],
        ["import", "--data", directory, blocks],
    ):
        done = CliRunner().invoke(app, [str(argument) for argument in command])
        assert done.exit_code == 0, done.stderr
    node = running(directory).start()
    seen = set()
    for number in range(1, forks.HEAD + 1):
        receipts = node.rpc("eth_getBlockReceipts", hex(number))["result"]
        logs, calls = (
            [entry["result"] for entry in node.rpc("debug_traceBlockByNumber", hex(number), config)["result"]]
            for config in ({}, CALL_TRACER)
        )
        for receipt, log, call in zip(receipts, logs, calls, strict=True):
            assert log["gas"] == count(call["gasUsed"]) == count(receipt["gasUsed"])
            assert log["failed"] == ("error" in call)
            seen.update(step["op"] for step in log["structLogs"])
        assert [call["type"] for call in frames(calls[3])] == ["CREATE", "SELFDESTRUCT"]
        assert calls[4]["error"] == "invalid opcode: INVALID"
    assert seen >= {"SSTORE", "SLOAD", "SELFDESTRUCT", "INVALID"}
