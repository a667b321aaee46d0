"""eth_call and eth_estimateGas: fees, forks, newer transaction types, and the time they may take."""

import json
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import pytest
from eth_account import Account

from node.chain import Chain, open_chain
from node.errors import ExecutionFailed, ExecutionReverted
from node.geth import Genesis
from node.rpc import calls, params
from node.rpc.params import BlockOverride, BlockReference

GWEI = 10**9
RICH, POOR, TARGET = "0x" + "aa" * 20, "0x" + "bb" * 20, "0x" + "cc" * 20
PRICES = "3a600052" + "48602052" + "4a604052" + "60606000f3"
"""GASPRICE, BASEFEE and BLOBBASEFEE."""
FORKS = {
    "berlin": [
        "homestead",
        "eip150",
        "eip155",
        "eip158",
        "byzantium",
        "constantinople",
        "istanbul",
        "berlin",
    ],
    "istanbul": ["homestead", "eip150", "eip155", "eip158", "byzantium", "constantinople", "istanbul"],
}
TIMES = {"shanghai": 1, "cancun": 2, "prague": 3}


def genesis(fork: str, **accounts: dict[str, str]) -> Genesis:
    """A network that stands at one fork from its first block on, without any base fee below London."""
    names = FORKS.get(fork, [*FORKS["berlin"], "london"])
    config: dict[str, object] = {"chainId": 7} | {f"{name}Block": 0 for name in names}
    if fork in TIMES:
        config |= {f"{name}Time": 0 for name, order in TIMES.items() if order <= TIMES[fork]}
    merged = {} if fork in FORKS else {"difficulty": "0x0"}
    alloc = {RICH: {"balance": hex(10**18)}} | {"0x" + key: value for key, value in accounts.items()}
    text = json.dumps({"config": config, "alloc": alloc, "gasLimit": "0x1c9c380"} | merged)
    return Genesis.parse(text, "genesis.json")


Caller = Callable[..., calls.Call]


@pytest.fixture
def at(tmp_path: Path) -> Iterator[Callable[[str], Caller]]:
    """Calls on a network at a fork; its first block asks for one gwei where there is a base fee."""
    with ExitStack() as open_stores:

        def network(fork: str) -> Caller:
            directory = tmp_path / fork
            directory.mkdir()
            chain = open_chain(directory, genesis(fork), None)
            open_stores.callback(chain.store.close)
            return lambda **fields: made(chain, fields)

        yield network


def made(chain: Chain, fields: dict[str, Any]) -> calls.Call:
    code = fields.pop("code", PRICES)
    overrides = params.state_override({TARGET: {"code": "0x" + code}})
    site = calls.call_site(chain, BlockReference(tag="latest"), BlockOverride())
    request = params.call_request({"from": RICH, "to": TARGET, "gas": "0x30d40"} | fields)
    return calls.Call(chain, site, request, overrides)


def words(output: bytes) -> list[int]:
    return [int.from_bytes(output[start : start + 32]) for start in range(0, len(output), 32)]


def refusal(call: calls.Call) -> str:
    with pytest.raises(ExecutionFailed) as caught:
        calls.call_output(call)
    assert caught.value.error_code == -32000
    return caught.value.message


def test_a_call_without_a_price_meets_no_base_fee(at: Callable[[str], Caller]) -> None:
    cancun = at("cancun")
    assert words(calls.call_output(cancun())) == [0, 0, 1]
    assert words(calls.call_output(cancun(**{"from": POOR}))) == [0, 0, 1]
    assert words(calls.call_output(cancun(gasPrice="0x0"))) == [0, 0, 1]


def test_a_call_with_a_price_meets_the_block_s(at: Callable[[str], Caller]) -> None:
    cancun = at("cancun")
    assert words(calls.call_output(cancun(gasPrice=hex(3 * GWEI)))) == [3 * GWEI, GWEI, 1]
    offer = {"maxFeePerGas": hex(3 * GWEI), "maxPriorityFeePerGas": "0xb"}
    assert words(calls.call_output(cancun(**offer))) == [GWEI + 11, GWEI, 1]
    assert words(calls.call_output(cancun(**offer, type="0x0"))) == [GWEI + 11, GWEI, 1]
    assert "max fee per gas less than block base fee" in refusal(cancun(gasPrice="0x1"))
    poor = refusal(cancun(**offer, **{"from": POOR}))
    assert poor.startswith(f"insufficient funds for gas * price + value: address {POOR} have 0 want ")


@pytest.mark.parametrize(
    ("fork", "fields", "name"),
    [
        ("istanbul", {"accessList": []}, "access list tx"),
        ("berlin", {"maxFeePerGas": "0x0", "maxPriorityFeePerGas": "0x0"}, "dynamic fee tx"),
        ("berlin", {"maxPriorityFeePerGas": "0x3b9aca00"}, "dynamic fee tx"),
        ("shanghai", {"maxFeePerBlobGas": "0x1"}, "blob tx"),
        ("shanghai", {"blobVersionedHashes": ["0x01" + "00" * 31]}, "blob tx"),
        ("cancun", {"authorizationList": []}, "setcode tx"),
    ],
)
def test_what_a_later_fork_brought(
    at: Callable[[str], Caller], fork: str, fields: dict[str, Any], name: str
) -> None:
    network = at(fork)
    assert refusal(network(**fields, code="00")) == f"transaction type not supported: {name}"
    assert calls.call_output(network(type="0x3", gasPrice=hex(GWEI), code="00")) == b""


def test_blobs(at: Callable[[str], Caller]) -> None:
    cancun = at("cancun")
    blob = "0x01" + "ab" * 31
    shown = "600049600052" + "4a602052" + "60406000f3"
    with_blob = {"blobVersionedHashes": [blob], "code": shown}
    assert words(calls.call_output(cancun(**with_blob, maxFeePerBlobGas="0x5"))) == [int(blob, 16), 1]
    assert words(calls.call_output(cancun(**with_blob))) == [int(blob, 16), 0]
    assert words(calls.call_output(cancun(maxFeePerBlobGas="0x1"))) == [0, 0, 1]
    assert calls.call_output(cancun(maxFeePerBlobGas="0x1", code="00", **{"from": POOR})) == b""
    assert "version" in refusal(cancun(blobVersionedHashes=["0x02" + "00" * 31]))
    assert 'missing "to"' in refusal(cancun(blobVersionedHashes=[blob], to=None))
    assert "insufficient funds" in refusal(cancun(**with_blob, maxFeePerBlobGas=hex(10**14)))
    transfer = {"blobVersionedHashes": [blob], "maxFeePerBlobGas": "0x5", "code": ""}
    assert calls.estimate_gas(cancun(**transfer)) == 21_000


def test_authorizations(at: Callable[[str], Caller]) -> None:
    prague = at("prague")
    authority = Account.create()
    signed = authority.sign_authorization({"chainId": 7, "address": TARGET, "nonce": 0})
    listed = {
        "chainId": "0x7",
        "address": TARGET,
        "nonce": "0x0",
        "yParity": hex(signed.y_parity),
        "r": hex(signed.r),
        "s": hex(signed.s),
    }
    call = {"to": authority.address, "code": "30600052" + "60206000f3"}
    assert calls.call_output(prague(**call)) == b""
    output = calls.call_output(prague(**call, authorizationList=[listed]))
    assert words(output) == [int(authority.address, 16)]
    assert refusal(prague(authorizationList=[])) == "EIP-7702 transaction with empty auth list"
    assert 'missing "to"' in refusal(prague(authorizationList=[listed], to=None))
    spoiled = listed | {"r": "0x" + "11" * 32, "s": "0x" + "22" * 32}
    assert calls.estimate_gas(prague(code="", authorizationList=[spoiled], value="0x1")) == 46_000


def test_the_floor_of_calldata(at: Callable[[str], Caller]) -> None:
    zeros = {"to": POOR, "data": "0x" + "00" * 32, "value": "0x1"}
    assert calls.estimate_gas(at("cancun")(**zeros)) == 21_128
    prague = at("prague")
    assert calls.estimate_gas(prague(**zeros)) == 21_320
    assert refusal(prague(**zeros, gas=hex(21_319))).startswith("intrinsic gas too low")


def test_estimates_stop_at_what_the_sender_can_pay(at: Callable[[str], Caller]) -> None:
    cancun = at("cancun")
    fields = {"to": POOR, "maxFeePerGas": hex(10 * GWEI)}
    assert calls.estimate_gas(cancun(**fields)) == 21_000
    with pytest.raises(ExecutionFailed, match=r"insufficient funds for transfer"):
        calls.estimate_gas(cancun(**fields, **{"from": POOR}, value="0x1"))
    with pytest.raises(ExecutionFailed, match=r"gas required exceeds allowance \(0\)"):
        calls.estimate_gas(cancun(**fields, **{"from": POOR}))
    endless = {"code": "5b600056", "maxFeePerGas": hex(10 * GWEI), "gas": hex(200_000)}
    left = hex(10**18 - 99_999 * 10 * GWEI - 1)
    with pytest.raises(ExecutionFailed, match=r"gas required exceeds allowance \(99999\)"):
        calls.estimate_gas(cancun(**endless, value=left))
    with pytest.raises(ExecutionFailed, match=r"gas required exceeds allowance \(20000\)"):
        calls.estimate_gas(cancun(to=POOR, gas=hex(20_000)))
    with pytest.raises(ExecutionReverted):
        calls.estimate_gas(cancun(code="60006000fd"))


def test_overridden_precompiled_contracts_are_traced(node: Any) -> None:
    identity, moved, data = "0x" + "00" * 19 + "04", "0x" + "dd" * 20, "0x1234"
    move = {identity: {"movePrecompileToAddress": moved}}
    assert node.rpc("eth_call", {"to": moved, "data": data}, "latest", move)["result"] == data
    code = {"stateOverrides": {identity: {"code": "0x602a60005260206000f3"}}}
    trace = node.rpc("debug_traceCall", {"to": identity, "data": data}, "latest", code)["result"]
    assert trace["returnValue"] == "0x" + (42).to_bytes(32).hex()
    assert trace["structLogs"][-1]["op"] == "RETURN"


def test_a_call_that_takes_too_long_is_stopped(node: Any, ledger: Any) -> None:
    call = {"to": ledger.address, "data": ledger.encode_abi("burn", args=[10_000_000]), "gas": hex(10**10)}
    for method in ("eth_call", "eth_estimateGas", "eth_createAccessList"):
        began = time.monotonic()
        error = node.rpc(method, call)["error"]
        assert error == {"code": -32000, "message": "execution aborted (timeout = 5s)"}
        assert time.monotonic() - began < 20
    short = call | {"data": ledger.encode_abi("burn", args=[10])}
    assert node.rpc("eth_call", short)["result"] == "0x" + (45).to_bytes(32).hex()
