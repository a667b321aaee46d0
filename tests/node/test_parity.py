"""One scenario on three engines: this node as a process, titanoboa's py-evm, and anvil.

The same signed transactions go to all of them; status, return data, logs, gas and created addresses must be
equal.
"""

import re
import subprocess
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from typing import Any

import boa
import httpx
import pytest
from eth_account import Account
from eth_account.signers.local import LocalAccount
from eth_utils.address import to_canonical_address, to_checksum_address
from vyper import compile_code
from web3 import Web3

from node.transaction import Transaction, decode_transaction
from tests.node.conftest import CHAIN_ID, RunningNode

RICH_WEI = 10**20
SENDER, OTHER = (Account.from_key(bytes([tag]) * 32) for tag in (0x51, 0x52))
NOBODY = "0x" + "00" * 18 + "1234"
START_SECONDS_MAX = 30.0

SOURCE = """
# pragma version 0.4.3
# pragma nonreentrancy on

interface Self:
    def nested(depth: uint256) -> uint256: nonpayable
    def count(step: uint256) -> uint256: nonpayable

event Counted:
    who: indexed(address)
    step: indexed(uint256)
    total: uint256

event Said:
    text: String[64]
    parts: DynArray[uint256, 8]

total: public(uint256)
slots: public(HashMap[uint256, uint256])
blueprint: public(address)
made: public(DynArray[address, 16])

@deploy
@payable
def __init__(blueprint: address):
    self.blueprint = blueprint

@external
@payable
def __default__():
    log Said(text="paid", parts=[msg.value])

@external
def count(step: uint256) -> uint256:
    assert step != 0, "parity: step is zero"
    self.total += step
    log Counted(who=msg.sender, step=step, total=self.total)
    return self.total

@external
def say(text: String[64], parts: DynArray[uint256, 8]) -> String[64]:
    log Said(text=text, parts=parts)
    raw_log([], b"without topics")
    return text

@external
def fill(count: uint256):
    for i: uint256 in range(count, bound=64):
        self.slots[i] = i + 1

@external
def clear(count: uint256):
    for i: uint256 in range(count, bound=64):
        self.slots[i] = 0

@external
def overflow(x: uint8) -> uint8:
    return x + 250

@external
def panic():
    assert self.total == max_value(uint256), UNREACHABLE

@external
def bare():
    raise

@external
def custom(amount: uint256):
    raw_revert(abi_encode(amount, self, method_id=method_id("Refused(uint256,address)")))

@external
def out_of_bounds(place: uint256) -> address:
    return self.made[place]

@reentrant
@external
def nested(depth: uint256) -> uint256:
    if depth == 0:
        self.total += 1
        return self.total
    return extcall Self(self).nested(depth - 1)

@external
def locked() -> uint256:
    return extcall Self(self).count(1)

@external
def caught() -> (bool, Bytes[128]):
    return raw_call(
        self, method_id("custom(uint256)"), max_outsize=128, revert_on_failure=False
    )

@external
def with_gas(limit: uint256) -> bool:
    return raw_call(self.blueprint, b"", gas=limit, revert_on_failure=False)

@external
def make(step: uint256) -> address:
    child: address = create_from_blueprint(self.blueprint, step)
    self.made.append(child)
    return child

@external
def make_salted(step: uint256, salt: bytes32) -> address:
    return create_from_blueprint(self.blueprint, step, salt=salt)

@external
def proxy(target: address) -> address:
    return create_minimal_proxy_to(target)

@external
def copy(target: address) -> address:
    return create_copy_of(target)

@external
@payable
def pass_on(to: address) -> uint256:
    send(to, msg.value)
    return self.balance

@external
@view
def looks(hash: bytes32, v: uint256, r: uint256, s: uint256) -> (address, bytes32, bytes32, uint256, uint256):
    return ecrecover(hash, v, r, s), sha256(b"parity"), keccak256(b"parity"), chain.id, pow_mod256(3, 500)

@external
@view
def about(who: address) -> (uint256, uint256, bytes32, bool):
    return who.balance, who.codesize, who.codehash, who.is_contract

@external
@view
def curve() -> uint256[2]:
    return ecadd(ecmul([1, 2], 3), [1, 2])

@external
def burn(rounds: uint256) -> uint256:
    x: uint256 = 0
    for i: uint256 in range(rounds, bound=1000000):
        x = unsafe_add(x, i)
    return x
"""
CHILD = """
# pragma version 0.4.3

START: immutable(uint256)

@deploy
def __init__(start: uint256):
    assert start != 13, "child: unlucky"
    START = start

@external
@view
def value() -> uint256:
    return START
"""


@dataclass(frozen=True)
class Result:
    """What a transaction did, as far as engines can be compared."""

    succeeded: bool
    output: str
    gas_used: int
    created: str | None
    logs: tuple[tuple[str, tuple[str, ...], str], ...]


@dataclass
class Served:
    """An engine behind JSON-RPC."""

    url: str
    client: httpx.Client

    def rpc(self, method: str, *arguments: object) -> Any:
        message = {"jsonrpc": "2.0", "id": 1, "method": method, "params": list(arguments)}
        return self.client.post(self.url, json=message).json()

    def run(self, transaction: Transaction) -> Result:
        """Try it, then send it."""
        output = self._output(transaction)
        sent = self.rpc("eth_sendRawTransaction", "0x" + transaction.raw.hex())
        assert "result" in sent, sent
        receipt = self._receipt(sent["result"])
        return Result(
            succeeded=receipt["status"] == "0x1",
            output=output,
            gas_used=int(receipt["gasUsed"], 16),
            created=receipt["contractAddress"],
            logs=tuple((log["address"], tuple(log["topics"]), log["data"]) for log in receipt["logs"]),
        )

    def _receipt(self, transaction_hash: str) -> dict[str, Any]:
        deadline = time.monotonic() + START_SECONDS_MAX
        while True:
            receipt = self.rpc("eth_getTransactionReceipt", transaction_hash)["result"]
            if receipt:
                return dict(receipt)
            assert time.monotonic() < deadline, "no receipt"

    def _output(self, transaction: Transaction) -> str:
        asked = {
            "from": "0x" + transaction.sender.hex(),
            "gas": hex(transaction.gas),
            "value": hex(transaction.value),
            "input": "0x" + transaction.data.hex(),
            "accessList": [
                {"address": "0x" + address.hex(), "storageKeys": [f"0x{slot:064x}" for slot in slots]}
                for address, slots in transaction.access_list
            ],
        }
        if transaction.to:
            asked["to"] = "0x" + transaction.to.hex()
        answer = self.rpc("eth_call", asked, "latest")
        if "result" in answer:
            return str(answer["result"])
        data = answer["error"].get("data")
        return data if isinstance(data, str) else "0x"


class Titanoboa:
    """The py-evm that titanoboa runs contracts on, given whole transactions."""

    def __init__(self) -> None:
        self.vm = boa.Env().evm.vm
        context = self.vm.state.execution_context
        context._chain_id, context._base_fee_per_gas = CHAIN_ID, 0
        for account in (SENDER, OTHER):
            self.vm.state.set_balance(to_canonical_address(account.address), RICH_WEI)

    def run(self, transaction: Transaction) -> Result:
        """Run it as a block would."""
        decoded = self.vm.get_transaction_builder().decode(transaction.raw)
        self.vm.state.lock_changes()
        done = self.vm.state.apply_transaction(decoded)
        gas = transaction.gas - done.get_gas_remaining()
        refund = min(done.get_gas_refund(), gas // 5)
        logs = tuple(
            ("0x" + address.hex(), tuple(f"0x{topic:064x}" for topic in topics), "0x" + data.hex())
            for address, topics, data in done.get_log_entries()
        )
        created = None if transaction.to else "0x" + done.msg.storage_address.hex()
        output = "0x" + (b"" if done.is_error and done.should_erase_return_data else done.output).hex()
        return Result(done.is_success, output, gas - refund, created, logs)


@dataclass
class Script:
    """Signs the scenario's transactions, for whatever engine."""

    run: Callable[[Transaction], Result]
    nonces: dict[str, int] = field(default_factory=dict)
    results: list[tuple[str, Result]] = field(default_factory=list)

    def send(self, name: str, sender: LocalAccount = SENDER, **fields: Any) -> Result:
        """Sign, run and note a transaction; gas is free, and two million of it unless said otherwise."""
        nonce = self.nonces.get(sender.address, 0)
        fees = {} if "maxFeePerGas" in fields else {"gasPrice": 0}
        values = {"nonce": nonce, "gas": 2_000_000, "value": 0, "chainId": CHAIN_ID, **fees, **fields}
        raw = bytes(sender.sign_transaction(values).raw_transaction)
        self.nonces[sender.address] = nonce + 1
        result = self.run(decode_transaction(raw, CHAIN_ID))
        self.results.append((name, result))
        return result


def scenario(script: Script) -> None:
    """Deploy, and call in every way."""
    child, parent = (compile_code(source, output_formats=["abi", "bytecode"]) for source in (CHILD, SOURCE))
    initial = bytes.fromhex(child["bytecode"][2:])
    kept = b"\xfe\x71\x00" + initial
    template = b"\x61" + len(kept).to_bytes(2, "big") + b"\x3d\x81\x60\x0a\x3d\x39\xf3" + kept
    blueprint = script.send("blueprint", data=template).created
    assert blueprint
    argument = to_canonical_address(blueprint).rjust(32, b"\0")
    creation = bytes.fromhex(parent["bytecode"][2:]) + argument
    script.send("deploy without gas", data=creation, gas=400_000)
    script.send("child refuses", data=initial + (13).to_bytes(32, "big"))
    created = script.send("deploy", data=creation, gas=3_000_000, value=5).created
    assert created
    target = to_checksum_address(created)
    contract = Web3().eth.contract(address=target, abi=parent["abi"])

    def call(name: str, *arguments: Any, **fields: Any) -> Result:
        data = contract.encode_abi(name, args=list(arguments))
        return script.send(f"{name}{arguments}{sorted(fields)}", to=target, data=data, **fields)

    dynamic = {"maxFeePerGas": 0, "maxPriorityFeePerGas": 0}
    slots = [{"address": target, "storageKeys": ["0x" + "00" * 32]}]
    listed = {"accessList": [*slots, {"address": to_checksum_address(blueprint), "storageKeys": []}]}
    for fields in ({}, dynamic, {"type": 1, **listed}, {**dynamic, **listed}, {"sender": OTHER}):
        call("count", 3, **fields)
    call("count", 0)
    call("count", 1, value=1)
    call("count", 1, gas=22_000)
    call("count", 1, gas=40_000)
    call("say", "hello", [1, 2, 3])
    call("fill", 20)
    call("clear", 20)
    call("fill", 2)
    call("overflow", 5)
    call("overflow", 6)
    for name in ("panic", "bare", "locked", "caught", "curve"):
        call(name)
    call("custom", 7)
    call("out_of_bounds", 0)
    call("nested", 12)
    call("nested", 12, gas=60_000)
    call("with_gas", 5_000)
    call("make", 5)
    call("make", 13)
    call("make_salted", 6, b"\x05" * 32)
    call("make_salted", 6, b"\x05" * 32)
    call("proxy", target)
    call("copy", target)
    call("out_of_bounds", 0)
    call("pass_on", NOBODY, value=9)
    call("pass_on", target, value=9)
    call("looks", b"\x01" * 32, 27, 5, 6)
    call("looks", b"\x01" * 32, 29, 5, 6)
    call("about", target)
    call("about", "0x" + "00" * 19 + "99")
    call("about", "0x" + "00" * 19 + "04")
    call("burn", 500)
    call("burn", 10_000, gas=100_000)
    script.send("plain transfer", to=NOBODY, value=1, gas=21_000)
    script.send("transfer to the contract", to=target, value=2)
    script.send("unknown method", to=target, data=b"\x01\x02\x03\x04")
    script.send("to a precompile", to="0x" + "00" * 19 + "02", data=b"abc")
    script.send("to nobody with data", to=NOBODY, data=bytes(64) + b"\x01" * 64)
    script.send("creation of nothing", data=b"", gas=60_000)
    script.send("creation that fails", data=b"\xfe", gas=60_000)
    script.send("creation of reserved code", data=bytes.fromhex("60ef60005360016000f3"))
    script.send("creation with value and access list", data=b"\x00", value=1, type=1, **listed)


@pytest.fixture(scope="module")
def anvil(anvil_program: str) -> Iterator[Served]:
    """An anvil process with our chain id, fees and money."""
    options = [
        "--chain-id",
        str(CHAIN_ID),
        "--gas-price",
        "0",
        "--base-fee",
        "0",
        "--gas-limit",
        "1000000000",
    ]
    options += ["--hardfork", "cancun", "--disable-min-priority-fee", "--order", "fifo", "--port", "0"]
    with subprocess.Popen([anvil_program, *options], stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout
        said = ""
        while not (found := re.search(r"Listening on (\S+)", said)):
            line = process.stdout.readline()
            assert line, said
            said += line
        with httpx.Client(timeout=60) as client:
            engine = Served(f"http://{found[1]}", client)
            for account in (SENDER, OTHER):
                engine.rpc("anvil_setBalance", account.address, hex(RICH_WEI))
            yield engine
        process.terminate()
        process.communicate(timeout=START_SECONDS_MAX)


@pytest.fixture
def embedded(make_node: Callable[..., RunningNode]) -> Served:
    """A node process with the same money."""
    balances = (("--alloc", f"{account.address}={RICH_WEI}") for account in (SENDER, OTHER))
    node = make_node(*(word for pair in balances for word in pair))
    return Served(node.url, node.client)


def results(run: Callable[[Transaction], Result]) -> list[tuple[str, Result]]:
    """The whole scenario on an engine."""
    script = Script(run)
    scenario(script)
    return script.results


def differences(ours: list[tuple[str, Result]], theirs: list[tuple[str, Result]]) -> dict[str, Any]:
    """What isn't the same, by transaction."""
    pairs = zip(ours, theirs, strict=True)
    return {name: (mine, other) for (name, mine), (_, other) in pairs if mine != other}


def test_node_and_titanoboa_agree(embedded: Served) -> None:
    ours = results(embedded.run)
    assert differences(ours, results(Titanoboa().run)) == {}
    assert 15 < sum(not result.succeeded for _, result in ours) < len(ours) / 2
    assert sum(len(result.logs) for _, result in ours) >= 10


def test_node_and_anvil_agree(embedded: Served, anvil: Served) -> None:
    assert differences(results(embedded.run), results(anvil.run)) == {}
