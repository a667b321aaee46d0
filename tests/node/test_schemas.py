"""Real answers of real nodes against the schemas of every method.

The schemas follow ethereum/execution-apis, written small: a checker for each form of value, records that take
no field they don't name, and for headers, transactions and receipts one record for each fork or type.
"""

import json
import re
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from eth_account import Account
from eth_account.signers.local import LocalAccount
from typer.testing import CliRunner
from web3 import Web3

from node.cli import app
from node.rpc.methods import METHODS
from tests.node import forks, later_forks
from tests.node.conftest import CHAIN_ID, RunningNode

Check = Callable[[Any, str], None]
PAYEE = "0x" + "00" * 19 + "11"
PURPOSE = b"\x07" * 32
NOWHERE = "0x" + "ab" * 32
ELSEWHERE = ("debug_trace", "eth_createAccessList", "eth_subscribe", "eth_unsubscribe")
"""Methods with test files of their own."""


def text(pattern: str) -> Check:
    """A string of this form."""

    def check(value: Any, place: str) -> None:
        assert isinstance(value, str), f"{place}: {value!r} is no string"
        assert re.fullmatch(pattern, value), f"{place}: {value!r} isn't of the form {pattern}"

    return check


def kind(*types: type) -> Check:
    """A value of these Python types."""

    def check(value: Any, place: str) -> None:
        assert type(value) in types, f"{place}: {value!r}"

    return check


def constant(wanted: object) -> Check:
    """This value and no other."""

    def check(value: Any, place: str) -> None:
        assert value == wanted, f"{place}: {value!r} isn't {wanted!r}"

    return check


def nullable(inner: Check) -> Check:
    """Null, or what ``inner`` takes."""

    def check(value: Any, place: str) -> None:
        if value is not None:
            inner(value, place)

    return check


def listing(inner: Check) -> Check:
    """A list of what ``inner`` takes."""

    def check(value: Any, place: str) -> None:
        assert isinstance(value, list), f"{place}: {value!r} is no list"
        for index, entry in enumerate(value):
            inner(entry, f"{place}[{index}]")

    return check


def record(fields: dict[str, Check], optional: dict[str, Check] | None = None) -> Check:
    """An object with exactly these fields, but that the optional ones may be missing."""
    known = fields | (optional or {})

    def check(value: Any, place: str) -> None:
        assert isinstance(value, dict), f"{place}: {value!r} is no object"
        assert fields.keys() <= value.keys(), f"{place}: without {fields.keys() - value.keys()}"
        assert value.keys() <= known.keys(), f"{place}: with {value.keys() - known.keys()}"
        for name, entry in value.items():
            known[name](entry, f"{place}.{name}")

    return check


def keyed(pattern: str, inner: Check) -> Check:
    """An object whose names have this form."""

    def check(value: Any, place: str) -> None:
        for name, entry in value.items():
            assert re.fullmatch(pattern, name), f"{place}: {name!r}"
            inner(entry, f"{place}.{name}")

    return check


def by(choose: Callable[[Any], Check]) -> Check:
    """What the value itself chooses."""

    def check(value: Any, place: str) -> None:
        choose(value)(value, place)

    return check


QUANTITY = text(r"0x(0|[1-9a-f][0-9a-f]*)")
BYTES = text(r"0x([0-9a-f]{2})*")
ADDRESS = text(r"0x[0-9a-f]{40}")
HASH = text(r"0x[0-9a-f]{64}")
BLOOM = text(r"0x[0-9a-f]{512}")
FLAG = kind(bool)
RATIO = kind(int, float)

FRONTIER: dict[str, Check] = {
    "number": QUANTITY,
    "hash": HASH,
    "parentHash": HASH,
    "sha3Uncles": HASH,
    "logsBloom": BLOOM,
    "transactionsRoot": HASH,
    "stateRoot": HASH,
    "receiptsRoot": HASH,
    "miner": ADDRESS,
    "difficulty": QUANTITY,
    "extraData": BYTES,
    "gasLimit": QUANTITY,
    "gasUsed": QUANTITY,
    "timestamp": QUANTITY,
    "mixHash": HASH,
    "nonce": text(r"0x[0-9a-f]{16}"),
}
LONDON = FRONTIER | {"baseFeePerGas": QUANTITY}
SHANGHAI = LONDON | {"withdrawalsRoot": HASH}
CANCUN = SHANGHAI | {"blobGasUsed": QUANTITY, "excessBlobGas": QUANTITY, "parentBeaconBlockRoot": HASH}
PRAGUE = CANCUN | {"requestsHash": HASH}

WITHDRAWAL = record({"index": QUANTITY, "validatorIndex": QUANTITY, "address": ADDRESS, "amount": QUANTITY})
ACCESS_LIST = listing(record({"address": ADDRESS, "storageKeys": listing(HASH)}))
AUTHORIZATION = record(
    {
        "chainId": QUANTITY,
        "address": ADDRESS,
        "nonce": QUANTITY,
        "yParity": QUANTITY,
        "r": QUANTITY,
        "s": QUANTITY,
    }
)

SEALED: dict[str, Check] = {
    "blockHash": HASH,
    "blockNumber": QUANTITY,
    "blockTimestamp": QUANTITY,
    "transactionIndex": QUANTITY,
}
WAITING: dict[str, Check] = dict.fromkeys(SEALED, constant(None))
LEGACY: dict[str, Check] = {
    "hash": HASH,
    "type": text(r"0x[0-4]"),
    "from": ADDRESS,
    "to": nullable(ADDRESS),
    "nonce": QUANTITY,
    "gas": QUANTITY,
    "gasPrice": QUANTITY,
    "value": QUANTITY,
    "input": BYTES,
    "v": QUANTITY,
    "r": QUANTITY,
    "s": QUANTITY,
}
LISTED = LEGACY | {"chainId": QUANTITY, "yParity": text("0x[01]"), "accessList": ACCESS_LIST}
DYNAMIC = LISTED | {"maxFeePerGas": QUANTITY, "maxPriorityFeePerGas": QUANTITY}
BLOB = DYNAMIC | {"maxFeePerBlobGas": QUANTITY, "blobVersionedHashes": listing(HASH)}
SET_CODE = DYNAMIC | {"authorizationList": listing(AUTHORIZATION)}
TRANSACTIONS = {"0x1": LISTED, "0x2": DYNAMIC, "0x3": BLOB, "0x4": SET_CODE}


def transaction(place: dict[str, Check]) -> Check:
    """A transaction of any type; a legacy one names its chain only if it is protected (EIP-155)."""

    def choose(value: Any) -> Check:
        if value["type"] == "0x0":
            protected = int(value["v"], 16) >= 35
            return record(place | LEGACY | ({"chainId": QUANTITY} if protected else {}))
        return record(place | TRANSACTIONS[value["type"]])

    return by(choose)


TRANSACTION = by(lambda value: transaction(WAITING if value["blockHash"] is None else SEALED))


def block(header: dict[str, Check]) -> Check:
    """A block whose header has these fields."""
    fields = header | {"size": QUANTITY, "uncles": listing(HASH)}
    if "withdrawalsRoot" in header:
        fields["withdrawals"] = listing(WITHDRAWAL)
    hashes = record(fields | {"transactions": listing(HASH)})
    full = record(fields | {"transactions": listing(TRANSACTION)})
    return by(lambda value: full if type(next(iter(value["transactions"]), "")) is dict else hashes)


UNCLE = record(LONDON | {"size": QUANTITY, "uncles": constant([])})
LOG = record(
    {
        "address": ADDRESS,
        "topics": listing(HASH),
        "data": BYTES,
        "blockNumber": QUANTITY,
        "blockHash": HASH,
        "blockTimestamp": QUANTITY,
        "transactionHash": HASH,
        "transactionIndex": QUANTITY,
        "logIndex": QUANTITY,
        "removed": constant(False),
    }
)
RECEIPT_FIELDS: dict[str, Check] = {
    "transactionHash": HASH,
    "transactionIndex": QUANTITY,
    "blockHash": HASH,
    "blockNumber": QUANTITY,
    "from": ADDRESS,
    "to": nullable(ADDRESS),
    "type": text(r"0x[0-4]"),
    "gasUsed": QUANTITY,
    "cumulativeGasUsed": QUANTITY,
    "effectiveGasPrice": QUANTITY,
    "contractAddress": nullable(ADDRESS),
    "logsBloom": BLOOM,
    "logs": listing(LOG),
}
STATUS: dict[str, Check] = {"status": text("0x[01]")}
BLOB_PAID: dict[str, Check] = {"blobGasUsed": QUANTITY, "blobGasPrice": QUANTITY}
RECEIPT = by(lambda value: record(RECEIPT_FIELDS | STATUS | (BLOB_PAID if value["type"] == "0x3" else {})))
EARLY_RECEIPT = record(RECEIPT_FIELDS | {"root": HASH})
"""Before Byzantium."""

CALL_RESULT = record(
    {
        "status": text("0x[01]"),
        "returnData": BYTES,
        "gasUsed": QUANTITY,
        "maxUsedGas": QUANTITY,
        "logs": listing(LOG),
    },
    {"error": record({"code": kind(int), "message": kind(str)}, {"data": BYTES})},
)


def simulated(header: dict[str, Check]) -> Check:
    """A simulated block whose header has these fields."""
    fields = header | {
        "size": QUANTITY,
        "uncles": constant([]),
        "transactions": listing(by(lambda value: TRANSACTION if type(value) is dict else HASH)),
        "calls": listing(CALL_RESULT),
    }
    return record(fields | ({"withdrawals": listing(WITHDRAWAL)} if "withdrawalsRoot" in header else {}))


POOL = keyed(r"[0-9]+", transaction(WAITING))
POOL_LINES = keyed(r"[0-9]+", text(r"(0x[0-9a-fA-F]{40}|contract creation): \d+ wei \+ \d+ gas × \d+ wei"))
CHECKSUMMED = r"0x[0-9a-fA-F]{40}"

SCHEMAS: dict[str, Check] = {
    "web3_clientVersion": text(r"dyetrace-node/.+"),
    "web3_sha3": HASH,
    "net_version": text(r"[0-9]+"),
    "net_listening": FLAG,
    "net_peerCount": QUANTITY,
    "rpc_modules": keyed(r"[a-z0-9]+", text(r"1\.0")),
    "eth_chainId": QUANTITY,
    "eth_blockNumber": QUANTITY,
    "eth_syncing": constant(False),
    "eth_accounts": constant([]),
    "eth_getBlockByNumber": nullable(block(CANCUN)),
    "eth_getBlockByHash": nullable(block(CANCUN)),
    "eth_getHeaderByNumber": nullable(record(CANCUN)),
    "eth_getHeaderByHash": nullable(record(CANCUN)),
    "eth_getBlockTransactionCountByNumber": nullable(QUANTITY),
    "eth_getBlockTransactionCountByHash": nullable(QUANTITY),
    "eth_getBlockReceipts": nullable(listing(RECEIPT)),
    "eth_getUncleCountByBlockNumber": nullable(QUANTITY),
    "eth_getUncleCountByBlockHash": nullable(QUANTITY),
    "eth_getUncleByBlockNumberAndIndex": nullable(UNCLE),
    "eth_getUncleByBlockHashAndIndex": nullable(UNCLE),
    "eth_getTransactionByHash": nullable(TRANSACTION),
    "eth_getTransactionByBlockHashAndIndex": nullable(transaction(SEALED)),
    "eth_getTransactionByBlockNumberAndIndex": nullable(transaction(SEALED)),
    "eth_getRawTransactionByHash": nullable(BYTES),
    "eth_getRawTransactionByBlockHashAndIndex": nullable(BYTES),
    "eth_getRawTransactionByBlockNumberAndIndex": nullable(BYTES),
    "eth_getTransactionReceipt": nullable(RECEIPT),
    "eth_sendRawTransaction": HASH,
    "eth_getTransactionCount": QUANTITY,
    "eth_getBalance": QUANTITY,
    "eth_getCode": BYTES,
    "eth_getStorageAt": HASH,
    "eth_getProof": record(
        {
            "address": ADDRESS,
            "accountProof": listing(BYTES),
            "balance": QUANTITY,
            "codeHash": HASH,
            "nonce": QUANTITY,
            "storageHash": HASH,
            "storageProof": listing(
                record({"key": text(r"0x[0-9a-f]{1,64}"), "value": QUANTITY, "proof": listing(BYTES)})
            ),
        }
    ),
    "eth_call": BYTES,
    "eth_estimateGas": QUANTITY,
    "eth_simulateV1": listing(simulated(CANCUN)),
    "eth_getLogs": listing(LOG),
    "eth_newFilter": QUANTITY,
    "eth_newBlockFilter": QUANTITY,
    "eth_newPendingTransactionFilter": QUANTITY,
    "eth_getFilterChanges": by(lambda value: listing(LOG if value and type(value[0]) is dict else HASH)),
    "eth_getFilterLogs": listing(LOG),
    "eth_uninstallFilter": FLAG,
    "eth_gasPrice": QUANTITY,
    "eth_baseFee": QUANTITY,
    "eth_blobBaseFee": QUANTITY,
    "eth_maxPriorityFeePerGas": QUANTITY,
    "eth_feeHistory": record(
        {
            "oldestBlock": QUANTITY,
            "baseFeePerGas": listing(QUANTITY),
            "gasUsedRatio": listing(RATIO),
            "baseFeePerBlobGas": listing(QUANTITY),
            "blobGasUsedRatio": listing(RATIO),
        },
        {"reward": listing(listing(QUANTITY))},
    ),
    "txpool_status": record({"pending": QUANTITY, "queued": QUANTITY}),
    "txpool_content": record({"pending": keyed(CHECKSUMMED, POOL), "queued": keyed(CHECKSUMMED, POOL)}),
    "txpool_contentFrom": record({"pending": POOL, "queued": POOL}),
    "txpool_inspect": record(
        {"pending": keyed(CHECKSUMMED, POOL_LINES), "queued": keyed(CHECKSUMMED, POOL_LINES)}
    ),
    "debug_getRawHeader": BYTES,
    "debug_getRawBlock": BYTES,
    "debug_getRawReceipts": listing(BYTES),
    "debug_getRawTransaction": nullable(BYTES),
}


class Asker:
    """Asks a node, and takes no answer that isn't of its method's schema."""

    def __init__(self, node: RunningNode) -> None:
        self.node = node
        self.answered: set[str] = set()

    def __call__(self, method: str, *arguments: object, schema: Check | None = None) -> Any:
        answer = self.node.rpc(method, *arguments)
        assert answer.keys() == {"jsonrpc", "id", "result"}, (method, arguments, answer)
        (schema or SCHEMAS[method])(answer["result"], method)
        if answer["result"] is not None:
            self.answered.add(method)
        return answer["result"]


def test_every_method_has_a_schema() -> None:
    own = {name for name in METHODS if not name.startswith(ELSEWHERE)}
    assert own == SCHEMAS.keys()


@pytest.fixture(scope="module")
def told(chain: Web3, payer: LocalAccount, ledger: Any, sender: Callable[..., Any]) -> list[str]:
    """Hashes of transactions of our types: calls, a creation, a failure."""
    data = ledger.encode_abi("pay", args=[PAYEE, PURPOSE, 5])
    zero = ledger.encode_abi("pay", args=[PAYEE, PURPOSE, 0])
    listed = [{"address": ledger.address, "storageKeys": ["0x" + "00" * 32]}]
    plans: list[dict[str, object]] = [
        {"to": ledger.address, "data": data},
        {"to": ledger.address, "data": data, "type": 1, "accessList": listed},
        {"to": ledger.address, "data": data, "maxFeePerGas": 0, "maxPriorityFeePerGas": 0},
        {"to": ledger.address, "data": zero},
        {"data": "0x602a5f5500"},
        {"data": "0xfe"},
    ]
    receipts = [sender(chain, payer, {"gas": 200_000, **plan}) for plan in plans]
    assert [receipt["status"] for receipt in receipts] == [1, 1, 1, 0, 1, 0]
    return [receipt["transactionHash"].to_0x_hex() for receipt in receipts]


def test_our_own_network(node: RunningNode, ledger: Any, payer: LocalAccount, told: list[str]) -> None:
    ask = Asker(node)
    for name in ("web3_clientVersion", "net_version", "net_listening", "net_peerCount", "rpc_modules"):
        ask(name)
    for name in ("chainId", "blockNumber", "syncing", "accounts", "gasPrice", "baseFee", "blobBaseFee"):
        ask(f"eth_{name}")
    ask("eth_maxPriorityFeePerGas")
    ask("web3_sha3", "0x")
    for transaction_hash in told:
        _ask_of_transaction(ask, transaction_hash)
    _ask_of_absent(ask)
    _ask_of_state(ask, ledger.address, payer.address)
    _ask_of_calls(ask, ledger, payer.address)
    _ask_of_events(ask, ledger.address, told[0])
    _ask_of_pool(ask)
    for percentiles in ([], [0, 50, 100]):
        ask("eth_feeHistory", "0x5", "latest", percentiles)
    never = {"eth_getUncleByBlockNumberAndIndex", "eth_getUncleByBlockHashAndIndex"}
    assert ask.answered == SCHEMAS.keys() - never


def _ask_of_transaction(ask: Asker, transaction_hash: str) -> None:
    found = ask("eth_getTransactionByHash", transaction_hash)
    number, block_hash, index = found["blockNumber"], found["blockHash"], found["transactionIndex"]
    ask("eth_getTransactionReceipt", transaction_hash)
    ask("eth_getRawTransactionByHash", transaction_hash)
    ask("debug_getRawTransaction", transaction_hash)
    for name in ("Transaction", "RawTransaction"):
        ask(f"eth_get{name}ByBlockHashAndIndex", block_hash, index)
        ask(f"eth_get{name}ByBlockNumberAndIndex", number, index)
    for full in (False, True):
        ask("eth_getBlockByNumber", number, full)
        ask("eth_getBlockByHash", block_hash, full)
    ask("eth_getHeaderByNumber", number)
    ask("eth_getHeaderByHash", block_hash)
    for reference in (number, block_hash, "latest"):
        ask("eth_getBlockReceipts", reference)
        for name in ("Header", "Block", "Receipts"):
            ask(f"debug_getRaw{name}", reference)
    for name in ("BlockTransactionCount", "UncleCount"):
        by_block = "ByBlock" if name == "UncleCount" else "By"
        ask(f"eth_get{name}{by_block}Number", number)
        ask(f"eth_get{name}{by_block}Hash", block_hash)


def _ask_of_absent(ask: Asker) -> None:
    for name in ("TransactionByHash", "TransactionReceipt", "RawTransactionByHash"):
        assert ask(f"eth_get{name}", NOWHERE) is None
    assert ask("eth_getBlockByNumber", hex(10**9), True) is None
    assert ask("eth_getUncleByBlockNumberAndIndex", "latest", "0x0") is None
    ask("eth_getBlockByNumber", "earliest", True)


def _ask_of_state(ask: Asker, contract: str, account: str) -> None:
    for address in (contract, account, PAYEE):
        for reference in ("latest", "earliest", "pending"):
            ask("eth_getBalance", address, reference)
            ask("eth_getTransactionCount", address, reference)
            ask("eth_getCode", address, reference)
            ask("eth_getStorageAt", address, "0x0", reference)
            ask("eth_getProof", address, ["0x0", "0x" + "01" * 32], reference)


def _ask_of_calls(ask: Asker, ledger: Any, account: str) -> None:
    call = {"from": account, "to": ledger.address, "data": ledger.encode_abi("total")}
    ask("eth_call", call, "latest")
    ask("eth_estimateGas", call)
    calls = [call, call | {"data": "0x12345678"}, call | {"gas": hex(25_000)}]
    ask("eth_simulateV1", {"blockStateCalls": [{"calls": calls}, {}]}, "latest")


def _ask_of_events(ask: Asker, contract: str, transaction_hash: str) -> None:
    number = ask("eth_getTransactionReceipt", transaction_hash)["blockNumber"]
    query = {"address": contract, "fromBlock": number}
    assert ask("eth_getLogs", query)
    installed = [ask("eth_newFilter", query), ask("eth_newBlockFilter")]
    installed.append(ask("eth_newPendingTransactionFilter"))
    account = Account.create()
    sent = ask("eth_sendRawTransaction", _signed(account, 0))
    ask("eth_getTransactionReceipt", sent)
    assert ask("eth_getFilterLogs", installed[0])
    for identifier in installed:
        ask("eth_getFilterChanges", identifier)
        assert ask("eth_uninstallFilter", identifier)


def _ask_of_pool(ask: Asker) -> None:
    account = Account.create()
    held = ask("eth_sendRawTransaction", _signed(account, 5))
    assert ask("eth_getTransactionByHash", held)["blockHash"] is None
    assert ask("txpool_contentFrom", account.address)["queued"]
    for name in ("status", "content", "inspect"):
        ask(f"txpool_{name}")
    pending = {name: nullable(check) for name, check in CANCUN.items()}
    for full in (False, True):
        ask("eth_getBlockByNumber", "pending", full, schema=block(pending))


def _signed(account: LocalAccount, nonce: int) -> str:
    fields = {"nonce": nonce, "gas": 21_000, "gasPrice": 0, "to": PAYEE, "value": 0, "chainId": CHAIN_ID}
    return account.sign_transaction(fields).raw_transaction.to_0x_hex()


@pytest.fixture
def imported(tmp_path: Path) -> Iterator[Callable[[dict[str, Any], list[bytes]], Asker]]:
    """Starts a node on a chain of somebody else."""
    made: list[RunningNode] = []

    def start(genesis: dict[str, Any], blocks: list[bytes]) -> Asker:
        (tmp_path / "genesis.json").write_text(json.dumps(genesis))
        (tmp_path / "chain.rlp").write_bytes(b"".join(blocks))
        directory = tmp_path / "data"
        for arguments in (
            ["init", "--genesis", tmp_path / "genesis.json", "--data", directory],
            ["import", "--data", directory, tmp_path / "chain.rlp"],
        ):
            done = CliRunner().invoke(app, [str(argument) for argument in arguments])
            assert done.exit_code == 0, done.stderr
        made.append(RunningNode(directory))
        return Asker(made[-1].start())

    yield start
    for node in made:
        assert node.end() == 0


def _ask_of_block(ask: Asker, number: int, header: dict[str, Check], receipt: Check) -> tuple[Any, Any]:
    """The block with its transactions, and its receipts."""
    found = ask("eth_getBlockByNumber", hex(number), True, schema=block(header))
    ask("eth_getBlockByHash", found["hash"], False, schema=block(header))
    ask("eth_getHeaderByHash", found["hash"], schema=record(header))
    receipts = ask("eth_getBlockReceipts", hex(number), schema=listing(receipt))
    for transaction_object, told_of_it in zip(found["transactions"], receipts, strict=True):
        transaction_hash = transaction_object["hash"]
        assert ask("eth_getTransactionByHash", transaction_hash) == transaction_object
        assert ask("eth_getTransactionReceipt", transaction_hash, schema=receipt) == told_of_it
    return found, receipts


def test_a_chain_from_frontier_to_london(imported: Any) -> None:
    ask = imported(forks.genesis(), list(forks.blocks()))
    begins = {name: place * forks.BLOCKS_A_FORK for place, name in enumerate(forks.FORKS)}
    types, protected = set(), set()
    for number in range(forks.HEAD + 1):
        header = LONDON if number >= begins["londonBlock"] else FRONTIER
        receipt = RECEIPT if number >= begins["byzantiumBlock"] else EARLY_RECEIPT
        found, receipts = _ask_of_block(ask, number, header, receipt)
        types |= {entry["type"] for entry in found["transactions"]}
        protected |= {"chainId" in entry for entry in found["transactions"] if entry["type"] == "0x0"}
        for entry, told_of_it in zip(found["transactions"], receipts, strict=True):
            assert told_of_it["effectiveGasPrice"] == entry["gasPrice"]
        call = {"from": forks.SENDER.address, "to": "0x" + "1f" * 20, "value": "0x1"}
        assert ask("eth_call", call, hex(number)) == "0x"
        assert ask("eth_estimateGas", call, hex(number)) == "0x5208"
        after = LONDON if number + 1 >= begins["londonBlock"] else FRONTIER
        payload = {"blockStateCalls": [{"calls": [call, {"data": "0xfe", "gas": "0xffff"}]}, {}]}
        blocks = ask("eth_simulateV1", payload, hex(number), schema=listing(kind(dict)))
        simulated(after)(blocks[0], "eth_simulateV1")
        assert [entry["status"] for entry in blocks[0]["calls"]] == ["0x1", "0x0"]
    assert types == {"0x0", "0x1", "0x2"}
    assert protected == {False, True}
    for percentiles in ([], [0, 90]):
        history = ask("eth_feeHistory", hex(forks.HEAD + 1), "latest", percentiles)
        assert history["baseFeePerBlobGas"] == ["0x0"] * (forks.HEAD + 2)
        assert history["baseFeePerGas"][0] == "0x0"
        assert int(history["baseFeePerGas"][begins["londonBlock"]], 16) == 10**9
    assert history["reward"][-1][0] == hex(10**8)
    assert ask("eth_blobBaseFee") == "0x0"


LATER_HEADERS = [LONDON, LONDON, LONDON, SHANGHAI, CANCUN, PRAGUE]


def test_a_chain_from_london_to_prague(imported: Any, tmp_path: Path) -> None:
    (tmp_path / "made").mkdir()
    ask = imported(later_forks.genesis(), list(later_forks.blocks(tmp_path / "made")))
    answers = [
        _ask_of_block(ask, number, header, RECEIPT) for number, header in enumerate(LATER_HEADERS, start=1)
    ]
    blocks = [None, *(found for found, _ in answers)]
    receipts = [None, *(told_of_it[0] for _, told_of_it in answers)]
    assert [entry["type"] for entry in receipts[1:]] == ["0x2"] * 4 + ["0x3", "0x4"]
    assert {entry["status"] for entry in receipts[1:]} == {"0x1"}
    assert "withdrawals" not in blocks[later_forks.PARIS_BLOCK]
    assert blocks[later_forks.SHANGHAI_BLOCK]["withdrawals"] == [
        {"index": "0x3", "validatorIndex": "0x4", "address": "0x" + "0e" * 20, "amount": "0x5"}
    ]
    _check_uncle(ask, blocks[later_forks.UNCLE_BLOCK])
    blob = receipts[later_forks.CANCUN_BLOCK]
    assert (blob["blobGasUsed"], blob["blobGasPrice"]) == (hex(131_072), "0x1")
    delegation = ask("eth_getCode", later_forks.DELEGATOR.address)
    assert delegation == "0xef0100" + later_forks.PAYEE[2:]
    for number in range(1, later_forks.PRAGUE_BLOCK + 1):
        paid = int(blocks[number]["baseFeePerGas"], 16) + 7
        assert receipts[number]["effectiveGasPrice"] == hex(paid)
    history = ask("eth_feeHistory", "0x6", "latest", [50])
    assert history["reward"] == [["0x7"]] * 6
    assert history["baseFeePerGas"][:-1] == [entry["baseFeePerGas"] for entry in blocks[1:]]
    assert history["blobGasUsedRatio"] == [0, 0, 0, 0, 1 / 6, 0]
    assert history["baseFeePerBlobGas"] == ["0x0"] * 4 + ["0x1"] * 3
    assert ask("eth_gasPrice") == ask("eth_baseFee") == history["baseFeePerGas"][-1]

    _simulate_across_forks(ask)
    _call_without_a_fee(ask)


def _simulate_across_forks(ask: Asker) -> None:
    """From Shanghai on, a block under each fork's rules, with a call of the fork's newest type."""
    call = {"from": later_forks.SENDER.address, "to": later_forks.PAYEE}
    consent = {"chainId": "0x4e", "address": PAYEE, "nonce": "0x0", "yParity": "0x0", "r": "0x1", "s": "0x2"}
    calls: list[dict[str, Any]] = [
        call,
        call | {"maxFeePerBlobGas": "0x1", "blobVersionedHashes": [later_forks.BLOB_HASH]},
        call | {"authorizationList": [consent]},
    ]
    times = (later_forks.SHANGHAI + 1, later_forks.CANCUN, later_forks.PRAGUE)
    plan = [
        {"blockOverrides": {"time": hex(time)}, "calls": [entry]}
        for time, entry in zip(times, calls, strict=True)
    ]
    payload = {"blockStateCalls": plan, "returnFullTransactions": True}
    base = hex(later_forks.SHANGHAI_BLOCK)
    blocks = ask("eth_simulateV1", payload, base, schema=listing(kind(dict)))
    for header, found in zip((SHANGHAI, CANCUN, PRAGUE), blocks, strict=True):
        simulated(header)(found, "eth_simulateV1")
    assert [found["transactions"][0]["type"] for found in blocks] == ["0x2", "0x3", "0x4"]
    assert [found["calls"][0]["gasUsed"] for found in blocks] == ["0x5208", "0x5208", hex(46_000)]
    assert blocks[1]["blobGasUsed"] == hex(131_072)
    paid = {"withdrawals": [{"index": "0x0", "validatorIndex": "0x0", "address": PAYEE, "amount": "0x1"}]}
    (found,) = ask(
        "eth_simulateV1", {"blockStateCalls": [{"blockOverrides": paid}]}, schema=listing(simulated(PRAGUE))
    )
    assert found["withdrawals"] == paid["withdrawals"]
    again = {"blockOverrides": {"time": hex(later_forks.PRAGUE)}}
    assert ask.node.rpc("eth_simulateV1", {"blockStateCalls": [again]})["error"]["code"] == -38021


def _call_without_a_fee(ask: Asker) -> None:
    """Nobody needs money for a call that offers no fee; one that offers too little is told so."""
    nobody = {"from": "0x" + "77" * 20, "to": later_forks.PAYEE}
    assert ask("eth_call", nobody) == "0x"
    assert ask("eth_estimateGas", nobody) == "0x5208"
    error = ask.node.rpc("eth_call", nobody | {"gasPrice": "0x1"})["error"]
    assert error["code"] == -32000
    assert error["message"].startswith("max fee per gas less than block base fee: address 0x7777")


def _check_uncle(ask: Asker, found: Any) -> None:
    (uncle_hash,) = found["uncles"]
    uncle = ask("eth_getUncleByBlockNumberAndIndex", found["number"], "0x0")
    assert uncle["hash"] == uncle_hash
    assert ask("eth_getUncleByBlockHashAndIndex", found["hash"], "0x0") == uncle
    assert ask("eth_getUncleByBlockNumberAndIndex", found["number"], "0x1") is None
    assert ask("eth_getUncleCountByBlockNumber", found["number"]) == "0x1"
