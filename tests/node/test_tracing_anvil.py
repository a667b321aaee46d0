"""The same transactions on the node and on anvil: equal gas, equal traces.

Where anvil 1.7.1 tells something else than geth and execution-apis, the node follows those;
``comparable_step`` and ``comparable_call`` name each difference and leave it out.
"""

import subprocess
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

import httpx
import pytest
from eth_account import Account
from eth_account.signers.local import LocalAccount
from web3 import Web3

SOURCE = """
# pragma version 0.4.3

event Paid:
    payee: indexed(address)
    amount: uint256

total: public(uint256)
paid: public(HashMap[address, uint256])
scratch: transient(uint256)

interface Self:
    def down(depth: uint256) -> uint256: nonpayable

@external
def pay(payee: address, amount: uint256):
    assert amount != 0, "probe: amount is zero"
    self.total += amount
    self.paid[payee] += amount
    self.scratch = amount
    log Paid(payee=payee, amount=amount)

@external
def clear(payee: address):
    self.total = 0
    self.paid[payee] = 0
    self.total = 5
    self.total = 7

@external
def write(amount: uint256):
    self.total = amount
    log Paid(payee=self, amount=amount)

@external
def refuse():
    self.total = 3
    log Paid(payee=self, amount=3)
    raise "probe: no"

@external
def down(depth: uint256) -> uint256:
    log Paid(payee=self, amount=depth)
    if depth == 0:
        self.total += 1
        return self.total
    found: uint256 = extcall Self(self).down(depth - 1)
    log Paid(payee=self, amount=depth)
    return found

@external
def calls(other: address):
    ok: bool = False
    out: Bytes[64] = b""
    log Paid(payee=self, amount=1)
    ok, out = raw_call(self, method_id("refuse()"), max_outsize=64, revert_on_failure=False)
    data: Bytes[36] = abi_encode(convert(9, uint256), method_id=method_id("write(uint256)"))
    ok, out = raw_call(
        self, data, max_outsize=64, is_static_call=True, revert_on_failure=False, gas=50000
    )
    ok, out = raw_call(self, data, max_outsize=64, is_delegate_call=True, revert_on_failure=False)
    ok, out = raw_call(
        self, method_id("total()"), max_outsize=64, is_static_call=True, revert_on_failure=False
    )
    ok = raw_call(other, b"", value=10**30, revert_on_failure=False)
    ok = raw_call(other, b"", revert_on_failure=False)
    digest: bytes32 = sha256(b"abc")
    log Paid(payee=other, amount=2)

@external
def copy(salt: bytes32) -> address:
    first: address = create_minimal_proxy_to(self)
    return create_minimal_proxy_to(self, salt=salt, revert_on_failure=False)

@external
def burn(rounds: uint256) -> uint256:
    found: uint256 = 0
    for i: uint256 in range(rounds, bound=1000000):
        found += i
    return found
"""
PAYEE = "0x" + "00" * 19 + "33"
TRANSACTIONS: list[tuple[str, tuple[object, ...], dict[str, int]]] = [
    ("pay", (PAYEE, 5), {}),
    ("pay", (PAYEE, 6), {}),
    ("pay", (PAYEE, 0), {}),
    ("clear", (PAYEE,), {}),
    ("down", (5,), {}),
    ("down", (5,), {"gas": 60_000}),
    ("calls", (PAYEE,), {}),
    ("copy", (b"\x01" * 32,), {}),
    ("copy", (b"\x01" * 32,), {}),  # the second creation meets the first's contract
    ("burn", (300,), {"gas": 40_000}),
]
PROGRAMS = {
    "stop": "00",
    "an end without stop": "6001",
    "a push beyond the end": "7f00",
    "invalid": "fe",
    "undefined": "0c",
    "a jump to nowhere": "600456",
    "a jump into data": "600456605b5b",
    "too few on the stack": "01",
    "too few to swap": "60019056",
    "too many on the stack": "5b60016000565b",
    "too much memory": "60016210000052",
    "too much to hash": "62ffffff600020",
    "return data out of bounds": "600160006000" + "3e",
    "self-destruction": "60abff",
    "code that begins with ef": "60ef60005360016000f3",
    "code too large": "6160016000f3",
    "exponents": "610fff6103ff0a",
    "transient storage": "600160025d60025c",
    "events": "60206000a0602060006001a1",
    "memory size": "59600051",
    "storage with little gas": "60016000556001600055",
    "a call to nobody": "60006000600060006001612222615208f1",
    "a call with value nobody has": "6000600060006000600160ab5af1",
    "a call of code": "600060006000600060003" + "05af2",
    "a delegated call": "6000600060006000305af4",
    "code of others": "60ab3b60ab3b60ab3160ab3f",
    "a copy in memory": "6020600060205e",
    "a precompiled contract": "6001600052" + "60206000602060006004" + "5afa" + "60005100",
    "a precompiled contract with too little gas": "602060006020600060" + "0260" + "05fa",
    "a creation that fails": "60fe60005360016000" + "6000f0",
}
ANVIL_ERRORS = {
    "StateChangeDuringStaticCall": "write protection",
    "CreateCollision": "contract address collision",
    "CreateContractSizeLimit": "max code size exceeded",
    "CreateContractStartingWithEF": "invalid code: must not begin with 0xef",
    "OutOfOffset": "return data out of bounds",
    "StackUnderflow": "stack underflow",
    "invalid opcode": "invalid opcode: opcode 0xc not defined",
    "out of gas: out of memory": "out of gas",
}
"""What geth says instead."""
OUT_OF_STACK = "Out of stack"
"""Anvil's words for too few and for too many."""


@dataclass
class Pair:
    """The node and anvil, given the same transactions."""

    node: Any
    client: httpx.Client
    anvil_url: str
    account: LocalAccount
    chain_id: int
    nonce: int = 0

    def anvil(self, method: str, *arguments: object) -> Any:
        message = {"jsonrpc": "2.0", "id": 1, "method": method, "params": list(arguments)}
        return self.client.post(self.anvil_url, json=message).json()

    def both(self, method: str, *arguments: object) -> tuple[Any, Any]:
        answers = self.node.rpc(method, *arguments), self.anvil(method, *arguments)
        assert not [answer for answer in answers if "error" in answer], answers
        return answers[0]["result"], answers[1]["result"]

    def send(self, poll: Callable[..., None], **fields: object) -> Any:
        """The node's receipt; anvil's says the same of gas and status."""
        common = {"nonce": self.nonce, "gas": 3_000_000, "gasPrice": 0, "chainId": self.chain_id}
        raw = self.account.sign_transaction(common | {"value": 0} | fields).raw_transaction
        self.nonce += 1
        wanted, same = self.both("eth_sendRawTransaction", raw.to_0x_hex())
        assert wanted == same
        receipts: list[Any] = []

        def there() -> bool:
            receipts[:] = self.both("eth_getTransactionReceipt", wanted)
            return None not in receipts

        poll(there)
        for name in ("gasUsed", "status", "contractAddress", "logsBloom"):
            assert receipts[0][name] == receipts[1][name]
        return receipts[0]


@pytest.fixture(scope="module")
def pair(
    node: Any,
    chain: Web3,
    poll: Callable[..., None],
    anvil_program: str,
    tmp_path_factory: pytest.TempPathFactory,
) -> Iterator[Pair]:
    """A node and an anvil under the same rules."""
    rules = ["--gas-price", "0", "--base-fee", "0", "--gas-limit", "1000000000", "--hardfork", "cancun"]
    options = ["--chain-id", str(chain.eth.chain_id), "--steps-tracing", "--disable-min-priority-fee"]
    output = tmp_path_factory.mktemp("anvil") / "output"
    with output.open("w") as file:
        process = subprocess.Popen([anvil_program, "--port", "0", *options, *rules], stdout=file)
    try:
        poll(lambda: "Listening on " in output.read_text())
        address = output.read_text().partition("Listening on ")[2].split()[0]
        with httpx.Client(timeout=60) as client:
            yield Pair(node, client, f"http://{address}", Account.create(), chain.eth.chain_id)
    finally:
        process.terminate()
        process.wait(timeout=20)


@pytest.fixture(scope="module")
def probe(pair: Pair, poll: Callable[..., None]) -> Any:
    """The contract, at the same address on both."""
    from vyper import compile_code

    code = compile_code(SOURCE, output_formats=["abi", "bytecode"])
    receipt = pair.send(poll, data=code["bytecode"])
    compare(pair, receipt)
    address = Web3.to_checksum_address(receipt["contractAddress"])
    return Web3().eth.contract(address=address, abi=code["abi"])


def compare(pair: Pair, receipt: Any, gas: int = 3_000_000) -> None:
    """Both traces of one transaction, in both forms."""
    wanted = receipt["transactionHash"]
    everything = {"enableMemory": True, "enableReturnData": True}
    ours, theirs = pair.both("debug_traceTransaction", wanted, everything)
    steps, their_steps = ours.pop("structLogs"), theirs.pop("structLogs")
    assert ours == theirs
    assert ours["gas"] == int(receipt["gasUsed"], 16)
    assert [comparable_step(step) for step in steps] == [comparable_step(step) for step in their_steps]
    config = {"tracer": "callTracer", "tracerConfig": {"withLog": True}}
    tree, their_tree = pair.both("debug_traceTransaction", wanted, config)
    assert tree.pop("gas") == hex(gas)
    their_tree.pop(
        "gas"
    )  # geth tells the transaction's gas limit, anvil what was left of it after the intrinsic
    assert comparable_call(tree) == comparable_call(their_tree)


def comparable_step(step: dict[str, Any]) -> dict[str, Any]:
    """A step without what anvil tells differently."""
    kept = {name: value for name, value in step.items() if name == "stack" or value not in ([], "0x")}
    failed = kept.pop("error", None) is not None  # in Rust's words there
    if failed:
        kept.pop("gasCost")  # geth: what the opcode would have cost; anvil: what it took until it failed
        kept.pop("storage", None)  # geth: the operands; anvil: what is stored
    if kept["op"] in ("CREATE", "CREATE2"):
        kept.pop("gasCost")  # anvil adds the gas given to the init code
    if kept["op"] == "SSTORE":
        kept.pop("refund", None)  # geth: with this opcode's; anvil: before it
    if kept["op"].endswith(" not defined"):
        kept["op"] = "Unknown"
    return kept | {"failed": failed}


def comparable_call(call: dict[str, Any]) -> dict[str, Any]:
    """A call without what anvil tells differently."""
    kept = dict(call)
    if "error" in kept:
        kept["error"] = ANVIL_ERRORS.get(kept["error"], kept["error"])
        if kept["error"].startswith("stack "):
            kept["error"] = OUT_OF_STACK
    if "logs" in kept:  # anvil's index counts events of frames that failed; another test has the receipt's
        kept["logs"] = [{**log, "index": None} for log in kept["logs"]]
    return kept | {"calls": [comparable_call(below) for below in call.get("calls", [])]}


@pytest.mark.parametrize("place", range(len(TRANSACTIONS)))
def test_calls_of_a_contract(pair: Pair, probe: Any, poll: Callable[..., None], place: int) -> None:
    name, arguments, fields = TRANSACTIONS[place]
    receipt = pair.send(poll, to=probe.address, data=probe.encode_abi(name, args=list(arguments)), **fields)
    compare(pair, receipt, **fields)


@pytest.mark.parametrize("program", PROGRAMS.values(), ids=PROGRAMS.keys())
def test_programs_at_the_edges(pair: Pair, poll: Callable[..., None], program: str) -> None:
    compare(pair, pair.send(poll, data="0x" + program, gas=200_000), gas=200_000)


def test_a_transfer(pair: Pair, poll: Callable[..., None]) -> None:
    compare(pair, pair.send(poll, to=PAYEE))


def test_whole_blocks(pair: Pair, probe: Any, poll: Callable[..., None]) -> None:
    receipt = pair.send(poll, to=probe.address, data=probe.encode_abi("down", args=[2]))
    config = {"tracer": "callTracer"}
    (ours,), (theirs,) = pair.both("debug_traceBlockByNumber", receipt["blockNumber"], config)
    assert ours["txHash"] == theirs["txHash"] == receipt["transactionHash"]
    theirs["result"]["gas"] = ours["result"]["gas"]
    assert comparable_call(ours["result"]) == comparable_call(theirs["result"])


def test_calls_nobody_signed(pair: Pair, probe: Any) -> None:
    call = {"from": PAYEE, "to": probe.address, "data": probe.encode_abi("down", args=[3]), "gas": "0x100000"}
    ours, theirs = pair.both("debug_traceCall", call, "latest", {})
    assert [comparable_step(step) for step in ours.pop("structLogs")] == [
        comparable_step(step) for step in theirs.pop("structLogs")
    ]
    assert ours == theirs
    ours, theirs = pair.both("debug_traceCall", call, "latest", {"tracer": "callTracer"})
    theirs["gas"] = ours["gas"]
    assert comparable_call(ours) == comparable_call(theirs)


def test_access_lists(pair: Pair, probe: Any) -> None:
    for name, arguments in (("pay", [PAYEE, 3]), ("down", [2]), ("write", [7])):
        data = probe.encode_abi(name, args=arguments)
        ours, theirs = pair.both("eth_createAccessList", {"to": probe.address, "data": data}, "latest")
        for answer in (ours, theirs):
            for entry in answer["accessList"]:
                entry["storageKeys"].sort()
        assert ours == theirs
