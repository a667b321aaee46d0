"""eth_simulateV1: what could follow, executed and thrown away."""

from typing import Any

import pytest
from eth_account.signers.local import LocalAccount
from web3 import Web3

STRANGER = "0x" + "00" * 19 + "22"
PAYEE = "0x" + "00" * 19 + "33"
PURPOSE = b"\x01" * 32
COIN = "0x" + "ee" * 20
TRANSFER = "0xddf252ad1be2c89b69c2b068fc378daa952ba7f163c4a11628f55a4df523b3ef"
WITHDRAWAL = {"index": "0x0", "validatorIndex": "0x0", "address": STRANGER, "amount": "0x1"}
FORWARDER = "0x" + "33" * 20
"""Sends what it gets to PAYEE: CALL(gas, PAYEE, callvalue, 0, 0, 0, 0)."""
FORWARDER_CODE = "0x" + "5f5f5f5f34" + "73" + PAYEE[2:] + "5af100"
DESTROYER = "0x" + "44" * 20
"""SELFDESTRUCT(PAYEE)."""
DESTROYER_CODE = "0x73" + PAYEE[2:] + "ff"


class Simulator:
    """Calls of the test contract, simulated."""

    def __init__(self, node: Any, ledger: Any) -> None:
        self.node = node
        self.ledger = ledger

    def call(self, name: str, *arguments: object, sender: str = STRANGER) -> dict[str, str]:
        data = self.ledger.encode_abi(name, args=list(arguments))
        return {"from": sender, "to": self.ledger.address, "data": data}

    def pay(self, amount: int, sender: str = STRANGER) -> dict[str, str]:
        return self.call("pay", PAYEE, PURPOSE, amount, sender=sender)

    def total(self) -> dict[str, str]:
        return self.call("total")

    def run(self, *blocks: dict[str, object], at: str = "latest", **options: object) -> Any:
        answer = self.node.rpc("eth_simulateV1", {"blockStateCalls": list(blocks), **options}, at)
        return answer.get("result", answer.get("error"))


@pytest.fixture
def simulator(node: Any, ledger: Any) -> Simulator:
    return Simulator(node, ledger)


def number(text: str) -> int:
    return int(text, 16)


def test_state_carries_between_calls_and_blocks_and_nothing_persists(
    chain: Web3, ledger: Any, simulator: Simulator
) -> None:
    head, total = chain.eth.get_block("latest"), ledger.functions.total().call()
    first, second = simulator.run(
        {"calls": [simulator.pay(5), simulator.total()]}, {"calls": [simulator.pay(7), simulator.total()]}
    )
    assert [number(call["returnData"]) for call in (first["calls"][1], second["calls"][1])] == [
        total + 5,
        total + 12,
    ]
    assert [call["status"] for call in first["calls"] + second["calls"]] == ["0x1"] * 4
    assert number(first["number"]) == head["number"] + 1
    assert second["parentHash"] == first["hash"]
    assert first["parentHash"] == "0x" + bytes(head["hash"]).hex()
    assert first["transactions"] != second["transactions"]
    assert chain.eth.get_block("latest") == head
    assert ledger.functions.total().call() == total
    assert chain.eth.get_transaction_count(STRANGER) == 0


def test_web3_speaks_it(chain: Web3, simulator: Simulator) -> None:
    calls = [{"from": STRANGER, "to": PAYEE, "value": 0}]
    payload = {"blockStateCalls": [{"blockOverrides": {"time": 2**40}, "calls": calls}], "validation": True}
    (block,) = chain.eth.simulate_v1(payload, "latest")
    assert block["timestamp"] == 2**40
    assert block["calls"][0]["status"] == 1


def test_logs_are_numbered_through_the_block(simulator: Simulator, ledger: Any) -> None:
    (block,) = simulator.run({"calls": [simulator.pay(5), simulator.pay(6)]})
    logs = [log for call in block["calls"] for log in call["logs"]]
    assert [number(log["logIndex"]) for log in logs] == [0, 1, 2, 3]
    assert {log["blockHash"] for log in logs} == {block["hash"]}
    assert {log["address"] for log in logs} == {ledger.address.lower()}
    assert number(block["gasUsed"]) == sum(number(call["gasUsed"]) for call in block["calls"])


def test_failures_carry_their_data_and_change_nothing(simulator: Simulator) -> None:
    calls = [simulator.total(), simulator.pay(0), simulator.call("refuse_raw"), simulator.total()]
    (block,) = simulator.run({"calls": calls})
    before, zero, custom, after = block["calls"]
    assert zero["status"] == custom["status"] == "0x0"
    assert zero["error"]["code"] == 3
    assert zero["error"]["message"] == "execution reverted: ledger: amount is zero"
    assert zero["error"]["data"] == zero["returnData"]
    assert custom["error"]["message"] == "execution reverted"
    assert before["returnData"] == after["returnData"]
    (short,) = simulator.run({"calls": [simulator.pay(1) | {"gas": hex(30_000)}]})
    assert short["calls"][0]["error"] == {"code": -32015, "message": "out of gas"}
    assert number(short["calls"][0]["gasUsed"]) == 30_000


def test_time_and_number_are_what_the_caller_says(chain: Web3, simulator: Simulator) -> None:
    head = chain.eth.get_block("latest")
    late = 2**40
    override = {"time": hex(late), "number": hex(head["number"] + 3), "prevRandao": "0x" + "09" * 32}
    blocks = simulator.run(
        {"blockOverrides": override, "calls": [simulator.call("seen")]},
        {"blockOverrides": {"time": hex(late + 1)}, "calls": [simulator.pay(1)]},
    )
    assert [number(block["number"]) - head["number"] for block in blocks] == [1, 2, 3, 4]
    seen = bytes.fromhex(blocks[2]["calls"][0]["returnData"][2:])
    assert int.from_bytes(seen[:32]) == head["number"] + 3
    assert int.from_bytes(seen[32:64]) == late
    assert seen[76:96].hex() == STRANGER[2:].lower()
    assert seen[96:128] == b"\x09" * 32
    assert blocks[3]["calls"][0]["error"]["message"] == "execution reverted: ledger: too late"


def test_block_hashes_run_through_the_simulation(simulator: Simulator) -> None:
    calls = {"calls": [simulator.call("previous_hash")]}
    first, second = simulator.run(calls, calls)
    assert first["calls"][0]["returnData"] == first["parentHash"]
    assert second["calls"][0]["returnData"] == first["hash"]


@pytest.mark.parametrize(
    ("first", "second", "code"),
    [({"time": "0x10"}, {}, -38021), ({"number": "0x0"}, {}, -38020), ({"number": "0xffff"}, {}, -38026)],
)
def test_blocks_that_cannot_follow_are_refused(
    simulator: Simulator, first: dict[str, str], second: dict[str, str], code: int
) -> None:
    assert simulator.run({"blockOverrides": first}, {"blockOverrides": second})["code"] == code


def test_time_may_not_go_back(simulator: Simulator) -> None:
    blocks = [{"blockOverrides": {"time": hex(2**40 + offset)}} for offset in (1, 0)]
    assert simulator.run(*blocks)["code"] == -38021
    assert len(simulator.run(blocks[1], blocks[1])) == 2


def test_state_overrides(simulator: Simulator, ledger: Any) -> None:
    slot = {"0x" + "00" * 32: "0x" + "00" * 31 + "2a"}
    first, second = simulator.run(
        {"stateOverrides": {ledger.address: {"stateDiff": slot}}, "calls": [simulator.total()]},
        {
            "stateOverrides": {ledger.address: {"state": {}}},
            "calls": [simulator.total(), simulator.call("deadline")],
        },
    )
    assert number(first["calls"][0]["returnData"]) == 42
    assert [number(call["returnData"]) for call in second["calls"]] == [0, 0]


def test_value_needs_money_which_an_override_gives(simulator: Simulator) -> None:
    gift = {"from": STRANGER, "to": PAYEE, "value": "0x64"}
    assert simulator.run({"calls": [gift]})["code"] == -38014
    rich = {STRANGER: {"balance": "0x64"}}
    (block,) = simulator.run({"stateOverrides": rich, "calls": [gift]})
    assert block["calls"][0]["gasUsed"] == "0x5208"


def test_contracts_can_be_created_and_then_called(
    simulator: Simulator, ledger_code: dict[str, Any], chain: Web3
) -> None:
    code = ledger_code["bytecode"] + (2**40).to_bytes(32).hex()
    (block,) = simulator.run({"calls": [{"from": STRANGER, "data": code}]}, returnFullTransactions=True)
    assert block["transactions"][0]["from"] == STRANGER.lower()
    created = block["calls"][0]
    assert created["status"] == "0x1"
    assert len(created["returnData"]) > 2


def test_validation_checks_nonces(simulator: Simulator, payer: LocalAccount, chain: Web3) -> None:
    nonce = chain.eth.get_transaction_count(payer.address)
    wrong = [simulator.pay(1, payer.address) | {"nonce": hex(nonce + shift)} for shift in (-1, 0, 1)]
    codes = [simulator.run({"calls": [call]}, validation=True) for call in wrong]
    assert codes[0]["code"] == -38010
    assert codes[1][0]["calls"][0]["status"] == "0x1"
    assert codes[2]["code"] == -38011


def test_a_nonce_that_cannot_grow_is_refused(simulator: Simulator, node: Any) -> None:
    last = {STRANGER: {"nonce": "0xffffffffffffffff"}}
    call = {"from": STRANGER, "to": PAYEE}
    assert simulator.run({"stateOverrides": last, "calls": [call]})["code"] == -38011
    error = node.rpc("eth_call", call, "latest", last)["error"]
    assert error["message"].startswith("nonce has max value")


def test_history_can_be_simulated(simulator: Simulator, chain: Web3, ledger: Any) -> None:
    (block,) = simulator.run({"calls": [simulator.total()]}, at="0x0")
    assert block["number"] == "0x1"
    assert block["calls"][0]["returnData"] == "0x"


def test_gas_of_a_simulated_call_is_the_gas_of_the_real_one(
    simulator: Simulator, payer: LocalAccount, chain: Web3, ledger: Any, sender: Any
) -> None:
    (block,) = simulator.run({"calls": [simulator.pay(3, payer.address)]})
    data = ledger.encode_abi("pay", args=[PAYEE, PURPOSE, 3])
    receipt = sender(chain, payer, {"to": ledger.address, "data": data})
    assert number(block["calls"][0]["gasUsed"]) == receipt["gasUsed"]


@pytest.mark.parametrize(
    "payload",
    [
        {},
        {"blockStateCalls": []},
        {"blockStateCalls": [{"calls": [{"to": "0x12"}]}]},
        {"blockStateCalls": [{"stateOverrides": {STRANGER: {"state": {}, "stateDiff": {}}}}]},
        {"blockStateCalls": [{"blockOverrides": {"unknown": "0x1"}}]},
        {"blockStateCalls": [{}], "traceTransfers": "yes"},
        {"blockStateCalls": [{"blockOverrides": {"withdrawals": [WITHDRAWAL]}}]},
    ],
)
def test_malformed_payloads(node: Any, payload: object) -> None:
    assert node.rpc("eth_simulateV1", payload, "latest")["error"]["code"] == -32602


def padded(address: str) -> str:
    return "0x" + "00" * 12 + address[2:].lower()


def test_transfers_of_coin_are_events_when_asked_for(simulator: Simulator) -> None:
    overrides = {
        STRANGER: {"balance": "0x64"},
        FORWARDER: {"code": FORWARDER_CODE},
        DESTROYER: {"code": DESTROYER_CODE},
    }
    calls = [
        {"from": STRANGER, "to": FORWARDER, "value": "0x5"},
        {"from": STRANGER, "to": DESTROYER, "value": "0x7"},
        {"from": STRANGER, "to": FORWARDER, "value": "0x1", "gas": hex(21_100)},
        {"from": STRANGER, "to": PAYEE},
    ]
    plan = {"stateOverrides": overrides, "calls": calls}
    (block,) = simulator.run(plan, traceTransfers=True)
    moves = [[(log["topics"], log["data"]) for log in call["logs"]] for call in block["calls"]]
    assert moves == [
        [
            ([TRANSFER, padded(STRANGER), padded(FORWARDER)], "0x" + "00" * 31 + "05"),
            ([TRANSFER, padded(FORWARDER), padded(PAYEE)], "0x" + "00" * 31 + "05"),
        ],
        [
            ([TRANSFER, padded(STRANGER), padded(DESTROYER)], "0x" + "00" * 31 + "07"),
            ([TRANSFER, padded(DESTROYER), padded(PAYEE)], "0x" + "00" * 31 + "07"),
        ],
        [],
        [],
    ]
    logs = [log for call in block["calls"] for log in call["logs"]]
    assert {log["address"] for log in logs} == {COIN}
    assert [number(log["logIndex"]) for log in logs] == [0, 1, 2, 3]
    assert number(block["logsBloom"]) == 0
    (quiet,) = simulator.run(plan)
    assert [call["logs"] for call in quiet["calls"]] == [[], [], [], []]
    assert quiet["receiptsRoot"] == block["receiptsRoot"]


def test_precompiles_move_for_one_block(simulator: Simulator) -> None:
    identity, elsewhere = "0x" + "00" * 19 + "04", "0x" + "00" * 18 + "1234"
    calls = [{"to": to, "data": "0x1234"} for to in (identity, elsewhere)]
    moved = {identity: {"movePrecompileToAddress": elsewhere}}
    blocks = simulator.run({"stateOverrides": moved, "calls": calls}, {"calls": calls})
    answers = [[call["returnData"] for call in block["calls"]] for block in blocks]
    assert answers == [["0x", "0x1234"], ["0x1234", "0x"]]
    replaced = {identity: {"code": "0x602a5f5260205ff3"}}
    (block,) = simulator.run({"stateOverrides": replaced, "calls": calls[:1]})
    assert number(block["calls"][0]["returnData"]) == 42


@pytest.mark.parametrize(
    ("overrides", "code"),
    [
        ({STRANGER: {"movePrecompileToAddress": PAYEE}}, -32000),
        ({"0x" + "00" * 19 + "04": {"movePrecompileToAddress": "0x" + "00" * 19 + "04"}}, -38022),
        ({"0x" + "00" * 19 + f"0{one}": {"movePrecompileToAddress": PAYEE} for one in (1, 2)}, -38023),
    ],
)
def test_precompiles_that_cannot_move(simulator: Simulator, overrides: Any, code: int) -> None:
    assert simulator.run({"stateOverrides": overrides})["code"] == code


def test_gas_is_free_below_the_base_fee_unless_validated(simulator: Simulator) -> None:
    block = {"blockOverrides": {"baseFeePerGas": "0xa"}, "calls": [simulator.call("seen")]}
    (free,) = simulator.run(block)
    assert free["baseFeePerGas"] == "0xa"
    assert int.from_bytes(bytes.fromhex(free["calls"][0]["returnData"][2:])[128:160]) == 10
    assert simulator.run(block, validation=True)["code"] == -38012
    offered = {**block, "calls": [simulator.call("seen") | {"maxFeePerGas": "0x9"}]}
    assert simulator.run(offered)["code"] == -38012


def test_simulated_transactions_have_the_type_their_fields_tell(simulator: Simulator) -> None:
    calls: list[dict[str, object]] = [
        {"gasPrice": "0x0"},
        {"gasPrice": "0x0", "accessList": [{"address": PAYEE, "storageKeys": ["0x" + "00" * 32]}]},
        {},
    ]
    (block,) = simulator.run(
        {"calls": [{"from": STRANGER, "to": PAYEE, **call} for call in calls]}, returnFullTransactions=True
    )
    assert [entry["type"] for entry in block["transactions"]] == ["0x0", "0x1", "0x2"]
    assert ["yParity" in entry for entry in block["transactions"]] == [False, True, True]
    assert len({entry["hash"] for entry in block["transactions"]}) == 3
