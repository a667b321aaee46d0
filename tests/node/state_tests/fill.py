"""Writes the JSON files beside it, with results by the Ethereum Execution Layer Specification.

The specification's client (PyPI: ``ethereum-execution``) shares no code with this node. It wants other
versions of libraries than we do, so it lives in an environment of its own, whose Python is given here::

    python -m tests.node.state_tests.fill /path/to/venv/bin/python
"""

import json
import subprocess
import sys
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import rlp
from eth.constants import BLANK_ROOT_HASH
from eth.db.atomic import AtomicDB
from eth.vm.forks.homestead.headers import dao_drain_list
from eth_utils.crypto import keccak
from rlp.codec import encode_raw

from node.block import UncheckedBlock, Withdrawal
from node.forks import MAINNET_DEPOSIT_CONTRACT, Fork
from node.geth import Genesis
from node.header import Header
from node.standard import (
    CONSOLIDATION_REQUESTS,
    DAO_EXTRA_DATA,
    DEPOSIT_LAYOUT,
    WITHDRAWAL_REQUESTS,
    StandardRules,
)
from node.vm import BlockContext, open_state
from tests.node.state_tests.loader import (
    FORK_NAMES,
    HEADER_FIELDS,
    genesis_of,
    network_config,
    write_accounts,
)
from tests.node.state_tests.scenarios import (
    COINBASE,
    EMPTY,
    FRESH,
    HELPER,
    MAIN,
    OTHER,
    OTHER_KEY,
    RICH,
    SENDER,
    SENDER_KEY,
    SYSTEM_CODES,
    WRITER,
    Scenario,
    Unsigned,
    account,
    call,
    code,
    keep,
    scenarios,
)

HERE = Path(__file__).parent
NETWORKS = (
    *("Frontier", "Homestead", "EIP150", "EIP158", "Byzantium", "ConstantinopleFix", "Istanbul", "Berlin"),
    *("London", "Paris", "Shanghai", "Cancun", "Prague"),
)
TRANSITIONS = (
    *("FrontierToHomesteadAt5", "HomesteadToDaoAt5", "HomesteadToEIP150At5", "EIP158ToByzantiumAt5"),
    *("ByzantiumToConstantinopleFixAt5", "BerlinToLondonAt5", "ParisToShanghaiAtTime15k"),
    *("ShanghaiToCancunAtTime15k", "CancunToPragueAtTime15k"),
)
SPECIFICATION = """
import io, json, logging, sys, tempfile
from ethereum_spec_tools.evm_tools import create_parser
from ethereum_spec_tools.evm_tools.t8n import T8N, ForkCache
logging.disable(logging.CRITICAL)
parser, cache, answers, sys.stdout = create_parser(), ForkCache(), sys.stdout, sys.stderr
inputs = [f"--input.{name}=stdin" for name in ("env", "alloc", "txs")]
outputs = [f"--output.{name}=stdout" for name in ("result", "body", "alloc")]
for line in sys.stdin:
    question = json.loads(line)
    options = ["t8n", *inputs, *outputs, "--output.basedir=" + tempfile.mkdtemp(), *question.pop("options")]
    answer = io.StringIO()
    tool = T8N(parser.parse_known_args(options)[0], answer, io.StringIO(json.dumps(question)), cache)
    for ommer in tool.env.ommers:  # what the tool pays by, and forgets to set
        age = type(tool.env.block_number)(int(ommer.delta, 16))
        ommer.number, ommer.coinbase = tool.env.block_number - age, ommer.address
    tool.run()
    print(json.dumps(json.loads(answer.getvalue())), file=answers, flush=True)
"""
"""Run by the specification's Python: a question and an answer a line."""


class Specification:
    """A process of the specification's client."""

    def __init__(self, python: str) -> None:
        self._process = subprocess.Popen(
            [python, "-c", SPECIFICATION], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
        )

    def run(self, network: str, env: Any, alloc: Any, raws: Sequence[bytes], *options: str) -> Any:
        """What it makes of transactions: a result, and the state afterwards."""
        assert self._process.stdin
        assert self._process.stdout
        body = encode_raw([rlp.decode(raw) if raw[0] >= 0xC0 else raw for raw in raws])
        question = {"env": env, "alloc": alloc, "txs": "0x" + body.hex()}
        question["options"] = [f"--state.fork={network}", "--state.chainid=1", *options]
        self._process.stdin.write(json.dumps(question) + "\n")
        self._process.stdin.flush()
        return json.loads(self._process.stdout.readline())


def information(comment: str) -> dict[str, str]:
    """Who says so."""
    return {
        "comment": comment,
        "filling-tool": f"ethereum-execution {SPECIFICATION_VERSION} (execution-specs), t8n",
        "source": "tests/node/state_tests/fill.py",
    }


BAD_PLACE = 2
"""The block that bad versions are made of; it is short."""
SPECIFICATION_VERSION = "2.20.0"


def state_test(specification: Specification, name: str, scenario: Scenario) -> dict[str, Any]:
    """A scenario in the format of GeneralStateTests."""
    pre = {SENDER: account(RICH), OTHER: account(10**18), HELPER: account(5, code("STOP"), 1)}
    pre |= {WRITER: account(0, code("CALLER", 0, "SLOAD", 1, "ADD", 0, "SSTORE", 1, "SSTORE"), 1)}
    pre |= {MAIN: account(0, b"", 1)} | dict(scenario.accounts)
    pre[MAIN] = pre[MAIN] | {"code": "0x" + scenario.main.hex()}
    accounts = {"0x" + address.hex(): values for address, values in pre.items()}
    raw = scenario.transaction.sign(0)
    env = {
        "currentCoinbase": "0x" + COINBASE.hex(),
        "currentGasLimit": hex(scenario.gas_limit),
        "currentNumber": hex(100),
        "currentTimestamp": hex(1_000),
        "currentDifficulty": hex(0x20000),
        "currentRandom": "0x" + "07" * 32,
        "currentBaseFee": hex(10),
        "currentExcessBlobGas": hex(0),
    }
    hashes = {hex(place): "0x" + keccak(str(place).encode()).hex() for place in range(100)}
    post = {}
    for network in NETWORKS:
        question = env | {"blockHashes": hashes, "withdrawals": []}
        answer = specification.run(network, question, accounts, [raw], "--state-test")["result"]
        entry = {"hash": answer["stateRoot"], "logs": answer["logsHash"], "txbytes": "0x" + raw.hex()}
        entry["indexes"] = {"data": 0, "gas": 0, "value": 0}
        if answer["rejected"]:
            entry["expectException"] = answer["rejected"][0]["error"]
        post[network] = [entry]
    said = scenario.transaction
    fields = {
        "data": ["0x" + said.data.hex()],
        "gasLimit": [hex(said.gas)],
        "value": [hex(said.value)],
        "gasPrice": hex(said.price),
        "nonce": "0x0",
        "to": "0x" + said.to.hex() if said.to else "",
        "sender": "0x" + SENDER.hex(),
        "secretKey": "0x" + SENDER_KEY.hex(),
    }
    about = information(name.replace("_", " "))
    return {"_info": about, "env": env, "pre": accounts, "transaction": fields, "post": post}


@dataclass
class Growing:
    """A chain while it is made."""

    network: str
    rules: StandardRules
    head: Header
    alloc: Any
    blocks: list[dict[str, Any]]
    headers: list[Header]


def chain_test(specification: Specification, network: str) -> dict[str, Any]:
    """A chain of some blocks in the format of BlockchainTests, with blocks that nobody may take."""
    test = _first_block(network)
    genesis = genesis_of(test)
    rules = StandardRules(genesis)
    first = UncheckedBlock.decode(bytes.fromhex(test["genesisRLP"][2:])).header
    growing = Growing(network, rules, first, test["pre"], [], [first])
    times = (
        [10, 20, 30, 14_990, 15_000, 15_010, 15_020] if "Time" in network else [13 * n for n in range(1, 8)]
    )
    for time in times[: 7 if "To" in network else 4]:
        _add_block(specification, growing, time)
    test["blocks"] = growing.blocks
    test["lastblockhash"] = "0x" + growing.head.hash.hex()
    test["postStateHash"] = "0x" + growing.head.state_root.hex()
    return test


def _first_block(network: str) -> dict[str, Any]:
    """Genesis of a network, its root by the trie of our node; what follows would not fit if it were wrong."""
    worker = code("NUMBER", "DUP1", 1, "SWAP1", "SUB", "BLOCKHASH", "SWAP1", "SSTORE", 7, 0, 32, "LOG1")
    worker += call(FRESH, value=1) + keep(1) + code("CALLER", "EXTCODESIZE") + keep(2)
    deposits = code("CALLDATASIZE", 0, 0, "CALLDATACOPY")
    deposits += code(keccak(b"DepositEvent(bytes,bytes,bytes,bytes,bytes)"), "CALLDATASIZE", 0, "LOG1")
    alloc = {
        SENDER: account(RICH),
        OTHER: account(RICH),
        MAIN: account(100, worker, 1),
        EMPTY: account(1),
        bytes.fromhex(dao_drain_list[0].removeprefix("0x")): account(10**18),
        MAINNET_DEPOSIT_CONTRACT: account(0, deposits, 1),
    }
    alloc |= {address: account(0, bytes.fromhex(text), 1) for address, text in SYSTEM_CODES.items()}
    pre = {"0x" + address.hex(): values for address, values in alloc.items()}
    merged = FORK_NAMES[network.partition("To")[0]] >= Fork.PARIS
    values = {"gasLimit": hex(30_000_000), "difficulty": hex(0 if merged else 0x20000), "extraData": "0x42"}
    genesis = Genesis.parse(
        json.dumps(values | {"config": network_config(network) | {"chainId": 1}, "alloc": pre}),
        "genesis.json",
    )
    header = StandardRules(genesis).genesis_header(_root(pre))
    test: dict[str, Any] = {
        "_info": information("a chain with each kind of transaction its forks know, and bad blocks")
    }
    fork = FORK_NAMES[network.partition("To")[0]]
    body = UncheckedBlock(header, (), (), () if fork >= Fork.SHANGHAI else None)
    test |= {"network": network, "sealEngine": "NoProof", "pre": pre, "config": {"chainid": "0x1"}}
    test |= {"genesisBlockHeader": _header_json(header), "genesisRLP": "0x" + body.encode().hex()}
    return test


def _root(pre: Mapping[str, Any]) -> bytes:
    context = BlockContext(0, 0, 0, bytes(20), bytes(32), 1, tuple)
    state = open_state(AtomicDB(), BLANK_ROOT_HASH, context)
    write_accounts(state, pre)
    state.persist()
    return bytes(state.state_root)


def _header_json(header: Header) -> dict[str, str]:
    """As the files have it, with its hash."""
    names = {"number": "block_number", "extraData": "extra_data"}
    values = {"hash": "0x" + header.hash.hex(), "stateRoot": "0x" + header.state_root.hex()}
    for name in HEADER_FIELDS:
        attribute = names.get(name, "".join("_" + c.lower() if c.isupper() else c for c in name))
        value = getattr(header, attribute)
        if value is not None:
            values[name] = hex(value) if isinstance(value, int) else "0x" + value.hex()
    return values


def _deposit(tag: int) -> bytes:
    """The data of a deposit event (EIP-6110)."""
    data = bytearray([tag]) * 576
    for place, word in DEPOSIT_LAYOUT:
        data[place : place + 32] = word.to_bytes(32, "big")
    return bytes(data)


def _workload(fork: Fork, place: int, base_fee: int, others_nonce: int) -> list[Unsigned]:
    """The transactions of a block."""
    price = max(10**10, 2 * base_fee)
    if place == BAD_PLACE:
        return [Unsigned(price=price, tip=1, blobs=2) if fork >= Fork.CANCUN else Unsigned(price=price)]
    found = [
        Unsigned(price=price, value=place, data=b"\x01\x00"),
        Unsigned(to=b"", data=code(1, 0, "SSTORE"), price=price),
    ]
    found.append(
        Unsigned(to=OTHER, gas=21_000, value=10**15, price=price, protected=fork >= Fork.SPURIOUS_DRAGON)
    )
    found.append(Unsigned(to=HELPER, gas=60_000, price=price, data=bytes(100)))
    if fork >= Fork.BERLIN:
        found.append(Unsigned(price=price, access=[(MAIN, [1, 2]), (FRESH, [])]))
    if fork >= Fork.LONDON:
        found.append(Unsigned(price=price, tip=10**9))
    if fork >= Fork.CANCUN:
        found.append(Unsigned(price=price, tip=1, blobs=3 + place % 3))
    if fork >= Fork.PRAGUE:
        nonce = others_nonce
        found += [
            Unsigned(
                price=price,
                tip=1,
                to=OTHER,
                authorizations=[
                    (1, MAIN, nonce, OTHER_KEY),
                    (0, HELPER, nonce + 1, OTHER_KEY),
                    (7, MAIN, 0, OTHER_KEY),
                ],
            ),
            Unsigned(price=price, to=WITHDRAWAL_REQUESTS, value=2, data=bytes([place]) * 56),
            Unsigned(price=price, to=CONSOLIDATION_REQUESTS, value=2, data=bytes([place]) * 96),
            Unsigned(price=price, to=MAINNET_DEPOSIT_CONTRACT, data=_deposit(place)),
        ]
    return found


def _add_block(specification: Specification, growing: Growing, time: int) -> None:
    """Make a block, and versions of it that may not be."""
    parent, rules = growing.head, growing.rules
    place = parent.block_number + 1
    draft = rules.next_header(parent, time, COINBASE)
    fork = rules.fork_of(draft)
    if (
        "To" in growing.network
        and "London" in growing.network
        and fork == Fork.LONDON
        and parent.base_fee_per_gas is None
    ):
        draft = draft.copy(gas_limit=2 * parent.gas_limit)
    if growing.network == "HomesteadToDaoAt5" and place >= 5:
        draft = draft.copy(extra_data=DAO_EXTRA_DATA)
    if draft.parent_beacon_block_root is not None:
        draft = draft.copy(parent_beacon_block_root=bytes([place]) * 32)
    if fork >= Fork.PARIS:
        draft = draft.copy(mix_hash=bytes([0x70 + place]) * 32)
    withdrawals = None
    if fork >= Fork.SHANGHAI:
        targets = (FRESH, bytes([0xA1]) * 20, bytes([0xA2]) * 20)
        withdrawals = tuple(Withdrawal(3 * place + n, n, target, n) for n, target in enumerate(targets))
    uncles = _uncles(growing, place) if fork < Fork.PARIS and place in (3, 7) else ()
    nonce = sum(len(block["transactions"]) for block in growing.blocks if "transactions" in block)
    others_nonce = int(growing.alloc["0x" + OTHER.hex()]["nonce"], 16)
    workload = _workload(fork, place, draft.base_fee, others_nonce)
    raws = [entry.sign(nonce + at) for at, entry in enumerate(workload)]
    body = UncheckedBlock(draft, tuple(raws), uncles, withdrawals)
    env = _environment(growing, body)
    answer = specification.run(_network_at(growing, draft), env, growing.alloc, raws)
    result = answer["result"]
    assert not result["rejected"], (growing.network, place, result["rejected"])
    changes: dict[str, Any] = {
        "state_root": bytes.fromhex(result["stateRoot"][2:]),
        "transaction_root": bytes.fromhex(result["txRoot"][2:]),
        "receipt_root": bytes.fromhex(result["receiptsRoot"][2:]),
        "bloom": int(result["logsBloom"], 16),
        "gas_used": int(result["gasUsed"], 16),
        "uncles_hash": keccak(encode_raw([uncle.raw() for uncle in uncles])),
    }
    if fork < Fork.PARIS:
        changes["difficulty"] = int(result["currentDifficulty"], 16)
    if fork >= Fork.SHANGHAI:
        changes["withdrawals_root"] = bytes.fromhex(result["withdrawalsRoot"][2:])
    if fork >= Fork.CANCUN:
        changes["blob_gas_used"] = 2**17 * sum(entry.blobs for entry in workload)
    if fork >= Fork.PRAGUE:
        changes["requests_hash"] = bytes.fromhex(result["requestsHash"][2:])
    block = UncheckedBlock(draft.copy(**changes), tuple(raws), uncles, withdrawals)
    if place == BAD_PLACE and "To" not in growing.network:
        growing.blocks += [
            {"rlp": "0x" + bad.encode().hex(), "expectException": what}
            for what, bad in _bad_blocks(block, parent)
        ]
    growing.blocks.append(
        {
            "rlp": "0x" + block.encode().hex(),
            "blockHeader": {"hash": "0x" + block.header.hash.hex()},
            "transactions": [{} for _ in raws],
        }
    )
    growing.head, growing.alloc = block.header, _full(answer["alloc"])
    growing.headers.append(block.header)


def _environment(growing: Growing, block: UncheckedBlock) -> dict[str, Any]:
    """What the specification has to know of a block."""
    draft, parent = block.header, growing.head
    return {
        "currentCoinbase": "0x" + COINBASE.hex(),
        "currentGasLimit": hex(draft.gas_limit),
        "currentNumber": hex(draft.block_number),
        "currentTimestamp": hex(draft.timestamp),
        "currentRandom": "0x" + draft.mix_hash.hex(),
        "parentTimestamp": hex(parent.timestamp),
        "parentDifficulty": hex(parent.difficulty),
        "parentUncleHash": "0x" + parent.uncles_hash.hex(),
        "currentBaseFee": hex(draft.base_fee),
        "currentExcessBlobGas": hex(draft.excess_blob_gas or 0),
        "parentBeaconBlockRoot": "0x" + (draft.parent_beacon_block_root or bytes(32)).hex(),
        "blockHashes": {hex(header.block_number): "0x" + header.hash.hex() for header in growing.headers},
        "ommers": [
            {"delta": hex(draft.block_number - uncle.block_number), "address": "0x" + uncle.coinbase.hex()}
            for uncle in block.uncles
        ],
        "withdrawals": [
            {
                "index": hex(entry.index),
                "validatorIndex": hex(entry.validator_index),
                "address": "0x" + entry.address.hex(),
                "amount": hex(entry.amount),
            }
            for entry in block.withdrawals or ()
        ],
    }


def _network_at(growing: Growing, header: Header) -> str:
    """What the specification calls the fork of a block."""
    earlier, _, rest = growing.network.partition("To")
    later = rest.partition("At")[0]
    if later == "Dao":
        return "DaoFork" if header.block_number >= 5 else earlier
    return later if later and growing.rules.fork_of(header) >= FORK_NAMES[later] else earlier


def _full(alloc: Mapping[str, Any]) -> dict[str, Any]:
    """With all fields, which the specification leaves out when they say nothing."""
    return {
        address: {"balance": "0x0", "nonce": "0x0", "code": "0x", "storage": {}} | values
        for address, values in alloc.items()
    }


def _uncles(growing: Growing, place: int) -> tuple[Header, ...]:
    """Sisters of the parent and of its parent."""
    return tuple(
        growing.headers[place - age].copy(extra_data=b"uncle", coinbase=bytes([0xB0 + age]) * 20)
        for age in (1, 2)
    )


def _bad_blocks(block: UncheckedBlock, parent: Header) -> Iterator[tuple[str, UncheckedBlock]]:
    """The block with one thing wrong, and what."""
    header = block.header
    changes: dict[str, Any] = {
        "state_root": b"\x01" * 32,
        "transaction_root": b"\x01" * 32,
        "receipt_root": b"\x01" * 32,
        "parent_hash": b"\x01" * 32,
        "uncles_hash": b"\x01" * 32,
        "bloom": header.bloom ^ 1,
        "gas_used": header.gas_used + 1,
        "gas_limit": parent.gas_limit + parent.gas_limit // 1024,
        "timestamp": parent.timestamp,
        "block_number": header.block_number + 1,
        "extra_data": bytes(33),
    }
    if header.base_fee_per_gas is not None:
        changes["base_fee_per_gas"] = header.base_fee_per_gas + 1
    if header.withdrawals_root is not None:
        changes["withdrawals_root"] = b"\x01" * 32
    if header.blob_gas_used is not None and header.excess_blob_gas is not None:
        changes["blob_gas_used"] = header.blob_gas_used + 2**17
        changes["excess_blob_gas"] = header.excess_blob_gas + 2**17
        changes["parent_beacon_block_root"] = bytes(32)
    if header.requests_hash is not None:
        changes["requests_hash"] = b"\x01" * 32
    for name, value in changes.items():
        yield (
            name,
            UncheckedBlock(
                header.copy(**{name: value}), block.raw_transactions, block.uncles, block.withdrawals
            ),
        )
    yield (
        "a transaction twice",
        UncheckedBlock(header, block.raw_transactions * 2, block.uncles, block.withdrawals),
    )
    yield (
        "an uncle too much",
        UncheckedBlock(header, block.raw_transactions, (*block.uncles, parent), block.withdrawals),
    )
    if block.withdrawals is not None:
        yield "no withdrawals", UncheckedBlock(header, block.raw_transactions, block.uncles, None)
    else:
        yield "withdrawals", UncheckedBlock(header, block.raw_transactions, block.uncles, ())


def main(python: str) -> None:
    """Write all files."""
    specification = Specification(python)
    states = {name: state_test(specification, name, scenario) for name, scenario in scenarios().items()}
    _write("transactions.json", states)
    chains = {f"chain_{network}": chain_test(specification, network) for network in (*NETWORKS, *TRANSITIONS)}
    _write("chains.json", chains)


def _write(name: str, tests: Mapping[str, Any]) -> None:
    """A test a line."""
    lines = (f"{json.dumps(key)}: {json.dumps(test, separators=(',', ':'))}" for key, test in tests.items())
    (HERE / name).write_text("{\n" + ",\n".join(lines) + "\n}\n")


if __name__ == "__main__":
    main(sys.argv[1])
