"""The JSON-RPC methods through raw JSON: what they answer, and in which words they refuse."""

from collections.abc import Callable
from typing import Any

import pytest
import rlp
from eth_account import Account
from eth_account.signers.local import LocalAccount
from eth_utils.address import to_checksum_address
from eth_utils.crypto import keccak
from web3 import Web3

from node.trie import trie_root

CHAIN_ID = 31_707
PAYEE = "0x" + "00" * 19 + "11"
PURPOSE = b"\x07" * 32
NOWHERE = "0x" + "ab" * 32
NOT_IN_HEADERS = ("size", "transactions", "uncles", "withdrawals")
KEY_HOLDERS = ["eth_sendTransaction", "eth_sign", "eth_coinbase", "personal_unlockAccount"]
TYPES: list[dict[str, object]] = [
    {},
    {"type": 1, "accessList": [{"address": PAYEE, "storageKeys": ["0x" + "00" * 32]}]},
    {"maxFeePerGas": 0, "maxPriorityFeePerGas": 0},
]


def raw(text: str) -> bytes:
    return bytes.fromhex(text[2:])


@pytest.fixture
def ask(node: Any) -> Callable[..., Any]:
    """The result of a method; fails on an error."""

    def asking(method: str, *arguments: object) -> Any:
        answer = node.rpc(method, *arguments)
        assert "error" not in answer, answer
        return answer["result"]

    return asking


@pytest.fixture
def refusal(node: Any) -> Callable[..., tuple[int, str]]:
    """Code and message of a method's refusal."""

    def asking(method: str, *arguments: object) -> tuple[int, str]:
        error = node.rpc(method, *arguments)["error"]
        return error["code"], error["message"]

    return asking


@pytest.fixture(scope="module")
def receipts(chain: Web3, payer: LocalAccount, ledger: Any, sender: Callable[..., Any]) -> list[Any]:
    """A payment by a transaction of each type."""
    data = ledger.encode_abi("pay", args=[PAYEE, PURPOSE, 5])
    return [sender(chain, payer, {"to": ledger.address, "data": data, "gas": 300_000, **t}) for t in TYPES]


def signed(account: LocalAccount, nonce: int) -> str:
    fields = {"nonce": nonce, "gas": 21_000, "gasPrice": 0, "to": PAYEE, "value": 0, "chainId": CHAIN_ID}
    return account.sign_transaction(fields).raw_transaction.to_0x_hex()


def test_a_block_is_the_same_however_it_is_named(ask: Any, receipts: list[Any]) -> None:
    number = hex(receipts[0]["blockNumber"])
    block = ask("eth_getBlockByNumber", number, True)
    assert ask("eth_getBlockByHash", block["hash"], True) == block
    hashes = [entry["hash"] for entry in block["transactions"]]
    assert ask("eth_getBlockByNumber", number, False) == block | {"transactions": hashes}
    assert ask("eth_getBlockTransactionCountByNumber", number) == hex(len(hashes))
    assert ask("eth_getBlockTransactionCountByHash", block["hash"]) == hex(len(hashes))
    header = {name: value for name, value in block.items() if name not in NOT_IN_HEADERS}
    assert ask("eth_getHeaderByNumber", number) == ask("eth_getHeaderByHash", block["hash"]) == header


def test_the_last_block_is_safe_and_final(ask: Any, receipts: list[Any]) -> None:
    latest = ask("eth_getBlockByNumber", "latest", False)
    assert ask("eth_getBlockByNumber", "safe", False) == latest
    assert ask("eth_getBlockByNumber", "finalized", False) == latest
    assert ask("eth_getBlockByNumber", "earliest", False)["number"] == "0x0"
    pending = ask("eth_getBlockByNumber", "pending", False)
    assert pending["parentHash"] == latest["hash"]
    assert int(pending["number"], 16) == int(latest["number"], 16) + 1
    assert [name for name in sorted(pending) if pending[name] is None] == [
        "hash",
        "logsBloom",
        "miner",
        "nonce",
        "receiptsRoot",
        "stateRoot",
    ]


def test_what_does_not_exist_is_null(ask: Any) -> None:
    beyond = hex(10**9)
    assert ask("eth_getBlockByNumber", beyond, False) is None
    assert ask("eth_getBlockByHash", NOWHERE, False) is None
    assert ask("eth_getHeaderByNumber", "pending") is None
    assert ask("eth_getBlockTransactionCountByNumber", beyond) is None
    assert ask("eth_getBlockTransactionCountByHash", NOWHERE) is None
    assert ask("eth_getBlockReceipts", NOWHERE) is None
    assert ask("eth_getBlockReceipts", "pending") is None
    assert ask("eth_getUncleCountByBlockNumber", beyond) is None
    assert ask("eth_getUncleCountByBlockHash", NOWHERE) is None
    assert ask("eth_getUncleByBlockNumberAndIndex", "0x0", "0x0") is None
    assert ask("eth_getUncleByBlockHashAndIndex", NOWHERE, "0x0") is None
    assert ask("eth_getTransactionByHash", NOWHERE) is None
    assert ask("eth_getTransactionReceipt", NOWHERE) is None
    assert ask("eth_getTransactionByBlockHashAndIndex", NOWHERE, "0x0") is None
    assert ask("eth_getTransactionByBlockNumberAndIndex", "0x0", "0x0") is None
    assert ask("eth_getRawTransactionByHash", NOWHERE) is None
    assert ask("debug_getRawTransaction", NOWHERE) is None
    assert ask("eth_getUncleCountByBlockNumber", "latest") == "0x0"


def test_a_transaction_is_the_same_however_it_is_named(ask: Any, receipts: list[Any]) -> None:
    for receipt in receipts:
        number, index = hex(receipt["blockNumber"]), hex(receipt["transactionIndex"])
        block_hash = receipt["blockHash"].to_0x_hex()
        transaction = ask("eth_getTransactionByHash", receipt["transactionHash"].to_0x_hex())
        assert ask("eth_getTransactionByBlockHashAndIndex", block_hash, index) == transaction
        assert ask("eth_getTransactionByBlockNumberAndIndex", number, index) == transaction
        assert transaction["blockTimestamp"] == ask("eth_getBlockByHash", block_hash, False)["timestamp"]
        encoded = ask("eth_getRawTransactionByHash", transaction["hash"])
        assert "0x" + keccak(raw(encoded)).hex() == transaction["hash"]
        assert ask("eth_getRawTransactionByBlockHashAndIndex", block_hash, index) == encoded
        assert ask("eth_getRawTransactionByBlockNumberAndIndex", number, index) == encoded
        assert ask("debug_getRawTransaction", transaction["hash"]) == encoded


def test_receipts_of_a_block_in_every_form(ask: Any, receipts: list[Any]) -> None:
    number, block_hash = hex(receipts[-1]["blockNumber"]), receipts[-1]["blockHash"].to_0x_hex()
    found = ask("eth_getBlockReceipts", number)
    assert ask("eth_getTransactionReceipt", receipts[-1]["transactionHash"].to_0x_hex()) in found
    forms = [block_hash, {"blockHash": block_hash}, {"blockNumber": number}]
    assert all(ask("eth_getBlockReceipts", form) == found for form in forms)
    assert ask("eth_getBlockReceipts", "earliest") == []


def test_raw_forms_are_what_the_header_commits_to(ask: Any, receipts: list[Any]) -> None:
    for receipt in receipts:
        number = hex(receipt["blockNumber"])
        block = ask("eth_getBlockByNumber", number, True)
        header, encoded = ask("debug_getRawHeader", number), ask("debug_getRawBlock", block["hash"])
        assert "0x" + keccak(raw(header)).hex() == block["hash"]
        parts = rlp.decode(raw(encoded))
        assert [rlp.encode(parts[0]), parts[2:]] == [raw(header), [[], []]]
        assert len(raw(encoded)) == int(block["size"], 16)
        raws = [ask("eth_getRawTransactionByHash", entry["hash"]) for entry in block["transactions"]]
        assert "0x" + trie_root([raw(entry) for entry in raws]).hex() == block["transactionsRoot"]
        told = [raw(entry) for entry in ask("debug_getRawReceipts", number)]
        assert "0x" + trie_root(told).hex() == block["receiptsRoot"]


def test_state_is_asked_at_any_block(ask: Any, ledger: Any, payer: LocalAccount, receipts: list[Any]) -> None:
    number = receipts[0]["blockNumber"]
    before = ask("eth_getBlockByNumber", hex(number - 1), False)["hash"]
    total = [ask("eth_getStorageAt", ledger.address, "0x0", at) for at in (hex(number - 1), hex(number))]
    assert int(total[1], 16) - int(total[0], 16) == 5
    nonce = ask("eth_getTransactionCount", payer.address, before)
    assert nonce == ask("eth_getTransactionCount", payer.address, {"blockHash": before})
    assert int(ask("eth_getTransactionCount", payer.address, {"blockNumber": hex(number)}), 16) == (
        int(nonce, 16) + 1
    )
    assert ask("eth_getCode", ledger.address, "earliest") == "0x"
    assert ask("eth_getCode", ledger.address).startswith("0x")
    assert ask("eth_getBalance", PAYEE) == ask("eth_getBalance", PAYEE, None) == "0x0"
    assert ask("eth_getStorageAt", PAYEE, "0x0") == "0x" + "00" * 32


@pytest.mark.parametrize("key", ["0x0", "0x00", "0", "0x" + "00" * 32])
def test_storage_keys_in_every_form(ask: Any, ledger: Any, receipts: list[Any], key: str) -> None:
    assert ask("eth_getStorageAt", ledger.address, key) == ask("eth_getStorageAt", ledger.address, "0x0")


def test_what_waits_is_seen_in_the_pool(ask: Any, node: Any, poll: Any) -> None:
    account = Account.create()
    held = ask("eth_sendRawTransaction", signed(account, 2))
    waiting = ask("eth_getTransactionByHash", held)
    place = ("blockHash", "blockNumber", "blockTimestamp", "transactionIndex")
    assert [waiting[name] for name in place] == [None] * 4
    address = to_checksum_address(account.address)
    assert int(ask("txpool_status")["queued"], 16) >= 1
    assert ask("txpool_content")["queued"][address] == {"2": waiting}
    assert ask("txpool_contentFrom", account.address) == {"pending": {}, "queued": {"2": waiting}}
    line = f"{to_checksum_address(PAYEE)}: 0 wei + 21000 gas × 0 wei"
    assert ask("txpool_inspect")["queued"][address] == {"2": line}
    assert ask("txpool_contentFrom", PAYEE) == {"pending": {}, "queued": {}}
    for nonce in (0, 1):
        ask("eth_sendRawTransaction", signed(account, nonce))
    poll(lambda: ask("eth_getTransactionCount", account.address, "latest") == "0x3")
    poll(lambda: ask("txpool_status") == {"pending": "0x0", "queued": "0x0"})
    assert address not in ask("txpool_content")["queued"]


def test_identity(ask: Any) -> None:
    assert ask("eth_chainId") == hex(CHAIN_ID)
    assert ask("net_version") == str(CHAIN_ID)
    assert ask("net_listening") is True
    assert ask("net_peerCount") == "0x0"
    assert ask("eth_syncing") is False
    assert ask("eth_accounts") == []
    assert ask("web3_sha3", "0x68656c6c6f") == "0x" + keccak(b"hello").hex()
    assert {"eth", "net", "web3", "txpool", "debug", "rpc"} <= ask("rpc_modules").keys()


def test_gas_costs_nothing(ask: Any) -> None:
    assert ask("eth_gasPrice") == "0x0"
    assert ask("eth_baseFee") == "0x0"
    assert ask("eth_maxPriorityFeePerGas") == "0x0"
    assert ask("eth_blobBaseFee") == "0x1"


def test_fee_history(ask: Any, receipts: list[Any]) -> None:
    newest = receipts[-1]["blockNumber"]
    history = ask("eth_feeHistory", "0x2", hex(newest), [0, 50.5, 100])
    block = ask("eth_getBlockByNumber", hex(newest), False)
    assert history["oldestBlock"] == hex(newest - 1)
    assert history["baseFeePerGas"] == ["0x0"] * 3
    assert history["baseFeePerBlobGas"] == ["0x1"] * 3
    assert history["blobGasUsedRatio"] == [0, 0]
    assert history["reward"] == [["0x0"] * 3] * 2
    assert history["gasUsedRatio"][1] == int(block["gasUsed"], 16) / int(block["gasLimit"], 16)
    assert "reward" not in ask("eth_feeHistory", 1, "latest")
    assert ask("eth_feeHistory", "1024", "latest", [])["oldestBlock"] == "0x0"
    assert ask("eth_feeHistory", "0x0", "latest", []) == {
        "oldestBlock": "0x0",
        "baseFeePerGas": [],
        "gasUsedRatio": [],
        "baseFeePerBlobGas": [],
        "blobGasUsedRatio": [],
    }


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (("0x1", "0x3b9aca00"), "request beyond head block: requested 1000000000, head "),
        (("0x1", "latest", [101]), "invalid reward percentile: 101.000000"),
        (("0x1", "latest", [-1]), "invalid reward percentile: -1.000000"),
        (("0x1", "latest", [5, 5]), "invalid reward percentile: #0:5.000000 >= #1:5.000000"),
    ],
)
def test_fee_histories_that_cannot_be(refusal: Any, arguments: tuple[object, ...], message: str) -> None:
    code, told = refusal("eth_feeHistory", *arguments)
    assert code == -32000
    assert told.startswith(message)


@pytest.mark.parametrize(
    "method", ["eth_sendTransaction", "eth_sign", "eth_coinbase", "personal_unlockAccount"]
)
def test_what_needs_keys_is_not_there(refusal: Any, method: str) -> None:
    assert refusal(method) == (-32601, f"the method {method} does not exist/is not available")


@pytest.mark.parametrize(
    ("method", "arguments", "message"),
    [
        ("eth_getBalance", [], "missing value for required argument 0"),
        ("eth_getBalance", [None], "missing value for required argument 0"),
        ("eth_getBlockByNumber", ["0x1"], "missing value for required argument 1"),
        ("eth_getBalance", [PAYEE, "latest", 1], "too many arguments, want at most 2"),
        ("eth_chainId", [1], "too many arguments, want at most 0"),
        ("eth_getBalance", ["00" * 20], "invalid argument 0: hex string without 0x prefix"),
        ("eth_getBalance", ["0x12"], "invalid argument 0: hex string has length 2, want 40"),
        ("eth_getBalance", ["0x123"], "invalid argument 0: hex string of odd length"),
        ("eth_getBalance", ["0x" + "zz" * 20], "invalid argument 0: invalid hex string"),
        ("eth_getBalance", ["0x" + "1 " * 20], "invalid argument 0: invalid hex string"),
        ("eth_getBalance", [5], "invalid argument 0: cannot unmarshal non-string"),
        ("eth_getBalance", [""], "invalid argument 0: empty hex string"),
        ("eth_getBalance", [PAYEE, "0x01"], "invalid argument 1: hex number with leading zero digits"),
        ("eth_getBalance", [PAYEE, "0x"], 'invalid argument 1: hex string "0x"'),
        ("eth_getBalance", [PAYEE, "newest"], "invalid argument 1: hex string without 0x prefix"),
        ("eth_getBalance", [PAYEE, "0x1_0"], "invalid argument 1: invalid hex string"),
        ("eth_getBalance", [PAYEE, hex(2**64)], "invalid argument 1: hex number > 64 bits"),
        ("eth_getBalance", [PAYEE, hex(2**63)], "invalid argument 1: block number larger than int64"),
        ("eth_getBalance", [PAYEE, {}], "invalid argument 1: blockHash or blockNumber expected"),
        (
            "eth_getBalance",
            [PAYEE, {"blockHash": NOWHERE, "blockNumber": "0x1"}],
            "invalid argument 1: cannot specify both BlockHash and BlockNumber, choose one or the other",
        ),
        ("eth_getBlockByNumber", [NOWHERE, False], "invalid argument 0: hex number > 64 bits"),
        ("eth_getBlockByNumber", ["0x1", "yes"], "invalid argument 1: true or false expected"),
        ("eth_getBlockByHash", ["0x1", False], "invalid argument 0: hex string of odd length"),
        ("eth_getUncleByBlockNumberAndIndex", ["0x0", "0x00"], "hex number with leading zero digits"),
        ("eth_getStorageAt", [PAYEE, "0xasdf"], 'invalid argument 1: invalid hex in storage key: "0xasdf"'),
        (
            "eth_getStorageAt",
            [PAYEE, "0x" + "0" * 65],
            f'storage key too long (want at most 32 bytes): "0x{"0" * 65}"',
        ),
        ("eth_call", [{"gas": "0x01"}], "invalid argument 0: gas: hex number with leading zero digits"),
        ("eth_call", [{"data": "0x0"}], "invalid argument 0: data: hex string of odd length"),
        (
            "eth_call",
            [{"data": "0x00", "input": "0x01"}],
            'invalid argument 0: both "data" and "input" are set and not equal',
        ),
        (
            "eth_call",
            [{"gasPrice": "0x1", "maxFeePerGas": "0x1"}],
            "invalid argument 0: both gasPrice and maxFeePerGas specified",
        ),
        ("eth_call", [{"chainId": "0x1"}], "chainId does not match node's (have=1, want=31707)"),
        ("eth_sendRawTransaction", ["f8"], "invalid argument 0: hex string without 0x prefix"),
        (
            "eth_getLogs",
            [{"blockHash": NOWHERE, "fromBlock": "0x1"}],
            "invalid argument 0: cannot specify both BlockHash and FromBlock/ToBlock, "
            "choose one or the other",
        ),
        ("eth_getLogs", [{"fromBlock": "0x2", "toBlock": "0x1"}], "invalid block range params"),
        ("eth_newFilter", [{"fromBlock": "0x2", "toBlock": "0x1"}], "invalid block range params"),
        ("eth_getLogs", [{"fromBlock": hex(10**9)}], "invalid block range params"),
        ("eth_getLogs", [{"toBlock": hex(10**9)}], "block range extends beyond current head block"),
        ("eth_getLogs", [{"topics": ["0x12"]}], "topic: hex string has length 2, want 64"),
        ("eth_simulateV1", [{}], "empty input"),
        ("debug_getRawReceipts", ["2"], "invalid argument 0: hex string without 0x prefix"),
        (
            "debug_getRawTransaction",
            ["10" * 32],
            "invalid argument 0: hex string without 0x prefix",
        ),
    ],
)
def test_malformed_parameters(refusal: Any, method: str, arguments: list[object], message: str) -> None:
    code, told = refusal(method, *arguments)
    assert code == -32602
    assert told.endswith(message)


def test_unknown_blocks_are_named_in_errors(refusal: Any) -> None:
    assert refusal("eth_getBalance", PAYEE, hex(10**9)) == (-32001, "header not found")
    assert refusal("eth_getBalance", PAYEE, NOWHERE) == (-32001, "header for hash not found")
    assert refusal("eth_getLogs", {"blockHash": NOWHERE}) == (-32001, "unknown block")
    assert refusal("debug_getRawBlock", hex(10**9)) == (-32001, "header not found")
    assert refusal("eth_getFilterChanges", "0x1") == (-32001, "filter not found")


def test_parameters_by_name_are_refused(node: Any) -> None:
    message = {"jsonrpc": "2.0", "id": 1, "method": "eth_getBalance", "params": {"address": PAYEE}}
    error = node.client.post(node.url, json=message).json()["error"]
    assert error == {"code": -32602, "message": "non-array args"}


def test_calls_that_fail_say_why(refusal: Any, node: Any) -> None:
    panic = {"to": PAYEE, "data": "0x"}
    code = "0x" + "7f4e487b71" + "00" * 28 + "5f52" + "6001600452" + "60245ffd"
    answer = node.rpc("eth_call", panic, "latest", {PAYEE: {"code": code}})
    assert answer["error"]["code"] == 3
    assert answer["error"]["message"] == "execution reverted: assert(false)"
    assert answer["error"]["data"] == "0x4e487b71" + "00" * 31 + "01"
    poor = refusal("eth_call", {"from": PAYEE, "to": PAYEE, "value": "0x1"})
    assert poor[1].startswith("insufficient funds for gas * price + value: address 0x")
    low = refusal("eth_call", {"to": PAYEE, "gas": "0x1"})
    assert low == (-32000, "intrinsic gas too low: gas 1, minimum needed 21000")
    cheap = refusal("eth_call", {"to": PAYEE, "gasPrice": "0x1"}, "latest", {}, {"baseFeePerGas": "0x2"})
    assert cheap[1].endswith("maxFeePerGas: 1, baseFee: 2")
