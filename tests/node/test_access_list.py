"""eth_createAccessList: what a transaction touches, and that the list it gives works."""

from typing import Any

import pytest
from eth_account import Account
from web3 import Web3

PAYEE = "0x" + "00" * 19 + "33"
OTHER = "0x" + "00" * 19 + "aa"
SENDER = "0x" + "00" * 19 + "77"
PURPOSE = b"\x01" * 32


def slot(number: int) -> str:
    return "0x" + number.to_bytes(32).hex()


def listed(node: Any, call: dict[str, Any], block: str = "latest") -> Any:
    answer = node.rpc("eth_createAccessList", call, block)
    assert "error" not in answer, answer
    return answer["result"]


def creating(program: str) -> dict[str, Any]:
    return {"from": SENDER, "data": "0x" + program}


def test_a_transfer_touches_nothing_else(node: Any) -> None:
    call = {"from": SENDER, "to": PAYEE}
    assert node.rpc("eth_createAccessList", call)["result"] == {"accessList": [], "gasUsed": "0x5208"}
    assert listed(node, call, None) == {"accessList": [], "gasUsed": "0x5208"}


def test_slots_of_the_receiver(node: Any, ledger: Any) -> None:
    data = ledger.encode_abi("pay", args=[PAYEE, PURPOSE, 5])
    result = listed(node, {"from": SENDER, "to": ledger.address, "data": data})
    (entry,) = result["accessList"]
    assert entry["address"] == ledger.address.lower()
    assert entry["storageKeys"] == sorted(entry["storageKeys"])
    assert {slot(0), slot(2)} < set(entry["storageKeys"])
    assert len(entry["storageKeys"]) == 3


def test_the_gas_is_that_of_the_transaction_with_its_list(
    node: Any, chain: Web3, ledger: Any, sender: Any
) -> None:
    account = Account.create()
    data = ledger.encode_abi("pay", args=[PAYEE, PURPOSE, 5])
    call = {"from": account.address, "to": ledger.address, "data": data}
    result = listed(node, call)
    receipt = sender(chain, account, call | {"type": 1, "accessList": result["accessList"], "gas": 300_000})
    assert receipt["gasUsed"] == int(result["gasUsed"], 16)


def test_sender_receiver_and_precompiles_are_warm_anyway(node: Any, chain: Web3) -> None:
    balances = "".join(f"73{address[2:]}31" for address in (PAYEE, SENDER, OTHER, slot(1)[:2] + slot(1)[26:]))
    result = listed(node, {"from": SENDER, "to": None, "data": "0x" + balances + "3031"})
    assert result["accessList"] == [
        {"address": PAYEE, "storageKeys": []},
        {"address": OTHER, "storageKeys": []},
    ]


@pytest.mark.parametrize("opcode", ["31", "3b", "3f"])
def test_accounts_looked_at(node: Any, opcode: str) -> None:
    assert listed(node, creating(f"60aa{opcode}"))["accessList"] == [{"address": OTHER, "storageKeys": []}]


@pytest.mark.parametrize(("arguments", "opcode"), [(5, "f1"), (5, "f2"), (4, "f4"), (4, "fa")])
def test_accounts_called(node: Any, arguments: int, opcode: str) -> None:
    result = listed(node, creating("6000" * arguments + f"60aa5a{opcode}"))
    assert result["accessList"] == [{"address": OTHER, "storageKeys": []}]


def test_a_failure_is_told_beside_the_list(node: Any, ledger: Any) -> None:
    data = ledger.encode_abi("pay", args=[PAYEE, PURPOSE, 0])
    assert listed(node, {"to": ledger.address, "data": data})["error"] == "execution reverted"
    result = listed(node, creating("60055460fd60005360016000fd"))
    assert result["error"] == "execution reverted"
    assert [entry["storageKeys"] for entry in result["accessList"]] == [[slot(5)]]


def test_what_the_caller_listed_stays(node: Any) -> None:
    given = [{"address": OTHER, "storageKeys": [slot(7)]}]
    result = listed(node, {"from": SENDER, "to": PAYEE, "accessList": given})
    assert result["accessList"] == given
    assert int(result["gasUsed"], 16) == 21_000 + 2_400 + 1_900


def test_it_runs_until_nothing_is_new(node: Any) -> None:
    """A listed slot costs more than it saves, so that only the second run looks at the second slot."""
    program = "60055450" + "5a" + f"62{43_500:06x}" + "11" + "600e57" + "00" + "5b" + "600654" + "00"
    result = listed(node, creating(program) | {"gas": hex(100_000)})
    assert [entry["storageKeys"] for entry in result["accessList"]] == [[slot(5), slot(6)]]
    enough = listed(node, creating(program) | {"gas": hex(110_000)})
    assert [entry["storageKeys"] for entry in enough["accessList"]] == [[slot(5)]]


@pytest.mark.parametrize(
    ("call", "code"),
    [
        ({"from": SENDER, "to": PAYEE, "value": "0x1"}, -32000),
        ({"from": SENDER, "to": PAYEE, "gas": "0x5207"}, -32000),
        ({"from": SENDER, "to": "0x12"}, -32602),
    ],
)
def test_what_cannot_run(node: Any, call: dict[str, Any], code: int) -> None:
    assert node.rpc("eth_createAccessList", call, "latest")["error"]["code"] == code
