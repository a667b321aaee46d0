"""Reads the JSON formats of ``ethereum/tests`` and runs what they hold: state tests and blockchain tests.

A *state test* is one transaction with choices of data, gas and value, on a state, under several forks;
what is known is the state root and the hash of the logs. A *blockchain test* is a genesis and blocks, some
of which must be refused. Both formats are described at https://ethereum-tests.readthedocs.io.
"""

import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from eth.constants import BLANK_ROOT_HASH
from eth.db.atomic import AtomicDB
from eth_keys.datatypes import PrivateKey
from eth_utils.crypto import keccak
from rlp.codec import encode_raw

from node.block import UncheckedBlock
from node.chain import Chain, open_chain
from node.errors import InvalidBlock, TransactionRefused
from node.forks import BLOB_RULES, BlobRules, Fork
from node.geth import Genesis
from node.transaction import (
    ACCESS_LIST,
    BLOB,
    DYNAMIC_FEE,
    GAS_PER_BLOB,
    LEGACY,
    SET_CODE,
    Authorization,
    Transaction,
    included_transaction,
)
from node.validation import validate_fees, validate_form, validate_sender
from node.vm import BlockContext, Outcome, State, open_state, process_transaction

FORK_NAMES = {
    "Frontier": Fork.FRONTIER,
    "Homestead": Fork.HOMESTEAD,
    "EIP150": Fork.TANGERINE_WHISTLE,
    "EIP158": Fork.SPURIOUS_DRAGON,
    "Byzantium": Fork.BYZANTIUM,
    "Constantinople": Fork.CONSTANTINOPLE,
    "ConstantinopleFix": Fork.PETERSBURG,
    "Istanbul": Fork.ISTANBUL,
    "MuirGlacier": Fork.ISTANBUL,
    "Berlin": Fork.BERLIN,
    "London": Fork.LONDON,
    "ArrowGlacier": Fork.LONDON,
    "GrayGlacier": Fork.LONDON,
    "Merge": Fork.PARIS,
    "Paris": Fork.PARIS,
    "Shanghai": Fork.SHANGHAI,
    "Cancun": Fork.CANCUN,
    "Prague": Fork.PRAGUE,
}
"""What the files call the forks; the glaciers only moved the difficulty."""
BEGINNINGS = {
    Fork.HOMESTEAD: ("homesteadBlock",),
    Fork.TANGERINE_WHISTLE: ("eip150Block",),
    Fork.SPURIOUS_DRAGON: ("eip155Block", "eip158Block"),
    Fork.BYZANTIUM: ("byzantiumBlock",),
    Fork.CONSTANTINOPLE: ("constantinopleBlock",),
    Fork.PETERSBURG: ("petersburgBlock",),
    Fork.ISTANBUL: ("istanbulBlock",),
    Fork.BERLIN: ("berlinBlock",),
    Fork.LONDON: ("londonBlock",),
    Fork.PARIS: (),
    Fork.SHANGHAI: ("shanghaiTime",),
    Fork.CANCUN: ("cancunTime",),
    Fork.PRAGUE: ("pragueTime",),
}
"""What geth's genesis.json calls their beginnings."""
HEADER_FIELDS = (
    *("nonce", "timestamp", "extraData", "gasLimit", "difficulty", "mixHash", "coinbase", "gasUsed"),
    *("parentHash", "baseFeePerGas", "excessBlobGas", "blobGasUsed"),
)


class NotForUs(Exception):
    """A test of something this node leaves to others: other forks, seals, choosing between branches."""


@dataclass(frozen=True)
class Case:
    """One transaction under one fork."""

    name: str
    fork: Fork
    transaction: Transaction | None
    """``None`` where the file has one that can't even be decoded."""
    context: BlockContext
    pre: Mapping[str, Any]
    state_root: str
    logs_hash: str
    refused: bool


def read_tests(path: Path) -> Iterator[tuple[str, dict[str, Any]]]:
    """Names and contents of the tests in a file."""
    yield from json.loads(path.read_bytes()).items()


def cases_of(name: str, test: Mapping[str, Any]) -> Iterator[Case]:
    """All cases of a state test under forks the node knows."""
    for fork_name, posts in test["post"].items():
        if fork_name not in FORK_NAMES:
            continue
        fork = FORK_NAMES[fork_name]
        context = _context(test, fork)
        for post in posts:
            choice = post["indexes"]
            refused = "expectException" in post
            label = f"{name}/{fork_name}/{choice['data']},{choice['gas']},{choice['value']}"
            yield Case(
                label,
                fork,
                _transaction(test["transaction"], post, context.chain_id),
                context,
                test["pre"],
                post["hash"],
                post["logs"],
                refused,
            )


def run_case(case: Case) -> list[str]:
    """What is otherwise than the file says; nothing where all is well."""
    state = open_state(AtomicDB(), BLANK_ROOT_HASH, case.context)
    write_accounts(state, case.pre)
    state.persist()
    before = "0x" + state.state_root.hex()
    outcome = _run(state, case)
    state.delta_balance(case.context.coinbase, 0)  # the miner's reward of nothing, as all clients give it
    if case.fork >= Fork.SPURIOUS_DRAGON and state.account_is_empty(case.context.coinbase):
        state.delete_account(case.context.coinbase)
    state.persist()
    logs = [[log.address, list(log.topics), log.data] for log in outcome.logs] if outcome else []
    found = {
        "refused": outcome is None,
        "state root": "0x" + state.state_root.hex(),
        "logs hash": "0x" + keccak(encode_raw(logs)).hex(),
    }
    if outcome is None and case.state_root == before:
        found["state root"] = before  # not all clients pay the miner nothing if there is nothing to pay for
    wanted = {"refused": case.refused, "state root": case.state_root, "logs hash": case.logs_hash}
    return [f"{what} is {found[what]}, not {wanted[what]}" for what in found if found[what] != wanted[what]]


def run_chain(test: Mapping[str, Any], directory: Path) -> list[str]:
    """Import the blocks of a blockchain test; what is otherwise than the file says.

    Raises:
        NotForUs: the test is about what this node doesn't do.
    """
    chain = open_chain(directory, genesis_of(test), None)
    try:
        return [*_import_all(chain, test), *_differences_at_end(chain, test)]
    finally:
        chain.store.close()


def genesis_of(test: Mapping[str, Any]) -> Genesis:
    """A blockchain test's first block, as geth's genesis.json (``NotForUs`` for networks of other forks)."""
    header = test["genesisBlockHeader"]
    config = network_config(test["network"])
    given = test.get("config", {})
    config["chainId"] = given.get("chainid", "0x1")
    config["blobSchedule"] = {
        name.lower(): {key: _number(value) for key, value in rules.items()}
        for name, rules in given.get("blobSchedule", {}).items()
    }
    values = {name: header[name] for name in HEADER_FIELDS if name in header}
    return Genesis.parse(json.dumps(values | {"config": config, "alloc": test["pre"]}), "genesis.json")


def network_config(network: str) -> dict[str, Any]:
    """The ``config`` of geth's genesis.json for a name like ``Cancun`` or ``BerlinToLondonAt5``."""
    first, _, rest = network.partition("To")
    if not rest:
        return _begin(_fork(first), 0)
    later, _, moment = rest.partition("At")
    if later == "Dao":
        return _begin(_fork(first), 0) | {"daoForkBlock": int(moment), "daoForkSupport": True}
    begins = 0 if moment.startswith("Diff") else int(moment.removeprefix("Time").replace("k", "000"))
    return _begin(_fork(later), begins) | _begin(_fork(first), 0)


def write_accounts(state: State, accounts: Mapping[str, Any]) -> None:
    """The state before a test."""
    for name, account in accounts.items():
        address = _bytes(name)
        state.set_balance(address, _number(account["balance"]))
        state.set_nonce(address, _number(account["nonce"]))
        state.set_code(address, _bytes(account["code"]))
        for slot, content in account["storage"].items():
            state.set_storage(address, _number(slot), _number(content))


def _run(state: State, case: Case) -> Outcome | None:
    """What the transaction did; ``None`` if it may not run."""
    context = case.context
    if case.transaction is None:
        return None
    try:
        validate_form(case.transaction, context.gas_limit, case.fork)
        validate_fees(case.transaction, context)
        validate_sender(case.transaction, state)
    except TransactionRefused:
        return None
    if context.blobs and case.transaction.blob_gas > context.blobs.maximum * GAS_PER_BLOB:
        return None
    return process_transaction(state, case.transaction)


def _import_all(chain: Chain, test: Mapping[str, Any]) -> Iterator[str]:
    if chain.head.hash.hex() != test["genesisBlockHeader"]["hash"][2:]:
        yield f"genesis is 0x{chain.head.hash.hex()}"
        return
    for place, block in enumerate(test["blocks"], 1):
        wrong = next((text for key, text in block.items() if key.startswith("expectException")), None)
        refused_for = _import(chain, block["rlp"])
        if refused_for and wrong is None:
            if "doesn't follow block" in refused_for:
                raise NotForUs("the blocks are of more than one branch")
            yield f"block {place} is refused: {refused_for}"
        elif wrong and refused_for is None:
            if "difficulty" in wrong.lower() or "SYSTEM_CONTRACT_EMPTY" in wrong:
                raise NotForUs("seals and which contracts there are is not checked")
            yield f"block {place} is taken, though: {wrong}"


def _import(chain: Chain, encoded: str) -> str | None:
    """Why a block is refused; ``None`` if it isn't."""
    try:
        chain.import_block(UncheckedBlock.decode(_bytes(encoded)))
    except InvalidBlock as exc:
        return str(exc)
    return None


def _differences_at_end(chain: Chain, test: Mapping[str, Any]) -> Iterator[str]:
    head = chain.head
    if head.hash.hex() != test["lastblockhash"].removeprefix("0x"):
        yield f"the last block is {head.block_number} (0x{head.hash.hex()}), not {test['lastblockhash']}"
    if "postStateHash" in test and "0x" + chain.head.state_root.hex() != test["postStateHash"]:
        yield f"the last state is 0x{chain.head.state_root.hex()}, not {test['postStateHash']}"
    state = chain.state_at(chain.head, chain.context_of(chain.head))
    for name, account in (test.get("postState") or {}).items():
        address = _bytes(name)
        found = (state.get_balance(address), state.get_nonce(address), state.get_code(address))
        if found != (_number(account["balance"]), _number(account["nonce"]), _bytes(account["code"])):
            yield f"account {name} has balance {found[0]}, nonce {found[1]}, code 0x{found[2].hex()}"
        for slot, content in account["storage"].items():
            if state.get_storage(address, _number(slot)) != _number(content):
                yield f"account {name} has something else than {content} in slot {slot}"


def _fork(name: str) -> Fork:
    if name not in FORK_NAMES:
        raise NotForUs(f"a network of {name}")
    return FORK_NAMES[name]


def _begin(fork: Fork, begins: int) -> dict[str, Any]:
    """All forks up to this one begin there."""
    return {key: begins for entry, keys in BEGINNINGS.items() if entry <= fork for key in keys}


def _context(test: Mapping[str, Any], fork: Fork) -> BlockContext:
    env = test["env"]
    number = _number(env["currentNumber"])
    merged = fork >= Fork.PARIS
    randao = _number(env.get("currentRandom", "0x0")) if merged else 0

    def previous_hashes() -> Iterator[bytes]:
        yield from (keccak(str(number - back).encode()) for back in range(1, min(number, 256) + 1))

    return BlockContext(
        number=number,
        timestamp=_number(env["currentTimestamp"]),
        gas_limit=_number(env["currentGasLimit"]),
        coinbase=_bytes(env["currentCoinbase"]),
        previous_randao=randao.to_bytes(32, "big"),
        chain_id=_number(test.get("config", {}).get("chainid", "0x1")),
        previous_hashes=previous_hashes,
        base_fee=_number(env.get("currentBaseFee", "0xa")) if fork >= Fork.LONDON else 0,
        fork=fork,
        difficulty=0 if merged else _number(env["currentDifficulty"]),
        excess_blob_gas=_number(env.get("currentExcessBlobGas", "0x0")),
        blobs=_blob_rules(test, fork),
    )


def _blob_rules(test: Mapping[str, Any], fork: Fork) -> BlobRules | None:
    given = test.get("config", {}).get("blobSchedule", {}).get(fork.label)
    if given is None:
        return BLOB_RULES.get(fork)
    return BlobRules(*(_number(given[key]) for key in ("target", "max", "baseFeeUpdateFraction")))


def _transaction(fields: Mapping[str, Any], post: Mapping[str, Any], chain_id: int) -> Transaction | None:
    choice = post["indexes"]
    sender = _sender(fields)
    if "txbytes" in post:
        try:
            return included_transaction(_bytes(post["txbytes"]), chain_id)
        except InvalidBlock:
            return None
    price = _number(fields.get("maxFeePerGas", fields.get("gasPrice", "0x0")))
    lists = fields.get("accessLists") or []
    listed = lists[choice["data"]] if choice["data"] < len(lists) else None
    raw = encode_raw([b"unsigned"])
    return Transaction(
        hash=keccak(raw),
        raw=raw,
        type_id=_type(fields, listed is not None),
        chain_id=None,
        sender=sender,
        nonce=_number(fields["nonce"]),
        gas=_number(fields["gasLimit"][choice["gas"]]),
        max_fee_per_gas=price,
        max_priority_fee_per_gas=_number(fields.get("maxPriorityFeePerGas", hex(price))),
        to=_bytes(fields["to"]),
        value=_number(fields["value"][choice["value"]]),
        data=_bytes(fields["data"][choice["data"]]),
        access_list=tuple(
            (_bytes(entry["address"]), tuple(_number(slot) for slot in entry["storageKeys"]))
            for entry in listed or []
        ),
        max_fee_per_blob_gas=_number(fields.get("maxFeePerBlobGas", "0x0")),
        blob_versioned_hashes=tuple(_bytes(entry) for entry in fields.get("blobVersionedHashes", [])),
        authorization_list=tuple(_authorization(entry) for entry in fields.get("authorizationList", [])),
    )


def _type(fields: Mapping[str, Any], listed: bool) -> int:
    if "authorizationList" in fields:
        return SET_CODE
    if "maxFeePerBlobGas" in fields:
        return BLOB
    if "maxFeePerGas" in fields:
        return DYNAMIC_FEE
    return ACCESS_LIST if listed else LEGACY


def _authorization(entry: Mapping[str, str]) -> Authorization:
    numbers = (_number(entry[key]) for key in ("nonce", "v", "r", "s"))
    return Authorization(_number(entry["chainId"]), _bytes(entry["address"]), *numbers)


def _sender(fields: Mapping[str, Any]) -> bytes:
    if "sender" in fields:
        return _bytes(fields["sender"])
    key = PrivateKey(_bytes(fields["secretKey"]))
    return bytes(key.public_key.to_canonical_address())


def _bytes(text: str) -> bytes:
    return bytes.fromhex(text.removeprefix("0x"))


def _number(text: str) -> int:
    """Hexadecimal with its prefix; older files also have decimals."""
    return int(text, 16) if text.startswith("0x") else int(text or "0")
