"""eth_getProof: proofs of accounts and slots, checked by a trie that isn't ours."""

from collections.abc import Callable
from typing import Any

import pytest
import rlp
from eth.constants import BLANK_ROOT_HASH, EMPTY_SHA3
from eth_account import Account
from eth_account.signers.local import LocalAccount
from eth_utils.crypto import keccak
from hypothesis import given
from hypothesis import strategies as st
from trie import HexaryTrie
from web3 import Web3

from node.rpc.proofs import prove

Proof = dict[str, Any]
NOBODY = "0x" + "00" * 19 + "77"
PURPOSE = b"\x07" * 32
PAYEES = ["0x" + "00" * 18 + "01" + f"{number:02d}" for number in range(40)]


def raw(text: str) -> bytes:
    return bytes.fromhex(text[2:])


def content(root: bytes, key: bytes, nodes: list[str]) -> bytes:
    """What a root commits to at a key, by nothing but a proof; fails if the proof doesn't show it."""
    if root == BLANK_ROOT_HASH:
        assert nodes == []
        return b""
    value = HexaryTrie.get_from_proof(root, keccak(key), [rlp.decode(raw(node)) for node in nodes])
    return bytes(value)


def verify(proof: Proof, state_root: bytes, address: str) -> None:
    """An account's fields and every slot follow from the state root."""
    encoded = content(state_root, raw(address), proof["accountProof"])
    fields = [proof["nonce"], proof["balance"]]
    numbers = [int(field, 16) for field in fields]
    account = [*numbers, raw(proof["storageHash"]), raw(proof["codeHash"])]
    if encoded:
        assert rlp.encode(account) == encoded
    else:
        assert account == [0, 0, BLANK_ROOT_HASH, EMPTY_SHA3]
    for slot in proof["storageProof"]:
        key = int(slot["key"], 16).to_bytes(32, "big")
        stored = content(raw(proof["storageHash"]), key, slot["proof"])
        assert int(slot["value"], 16) == (int.from_bytes(rlp.decode(stored), "big") if stored else 0)


def slot_of(payee: str) -> str:
    """Where Vyper keeps ``paid[payee]``: the second variable's map."""
    return "0x" + keccak((1).to_bytes(32, "big") + raw(payee).rjust(32, b"\0")).hex()


@pytest.fixture(scope="module")
def paid(chain: Web3, payer: LocalAccount, ledger: Any, sender: Callable[..., Any]) -> int:
    """Pays many payees; the block of the last payment."""
    for amount, payee in enumerate(PAYEES, start=1):
        data = ledger.encode_abi("pay", args=[payee, PURPOSE, amount])
        receipt = sender(chain, payer, {"to": ledger.address, "data": data, "gas": 300_000})
        assert receipt["status"] == 1
    number: int = receipt["blockNumber"]
    return number


def test_account_and_slots_follow_from_the_header(node: Any, ledger: Any, paid: int) -> None:
    keys = [slot_of(payee) for payee in PAYEES]
    block = node.rpc("eth_getBlockByNumber", hex(paid), False)["result"]
    proof = node.rpc("eth_getProof", ledger.address, ["0x0", *keys], hex(paid))["result"]
    assert list(proof) == [
        "address",
        "accountProof",
        "balance",
        "codeHash",
        "nonce",
        "storageHash",
        "storageProof",
    ]
    assert proof["address"] == ledger.address.lower()
    assert proof["codeHash"] == "0x" + keccak(raw(node.rpc("eth_getCode", ledger.address)["result"])).hex()
    verify(proof, raw(block["stateRoot"]), ledger.address)
    assert [int(slot["value"], 16) for slot in proof["storageProof"][1:]] == list(range(1, 41))
    assert [slot["key"] for slot in proof["storageProof"]] == ["0x0", *keys]


def test_proofs_of_history_name_the_block_in_any_form(node: Any, ledger: Any, paid: int) -> None:
    number = paid - 5
    block = node.rpc("eth_getBlockByNumber", hex(number), False)["result"]
    forms = [hex(number), block["hash"], {"blockHash": block["hash"]}, {"blockNumber": hex(number)}]
    proofs = [node.rpc("eth_getProof", ledger.address, ["0x0"], form)["result"] for form in forms]
    assert all(proof == proofs[0] for proof in proofs)
    verify(proofs[0], raw(block["stateRoot"]), ledger.address)
    assert proofs[0] != node.rpc("eth_getProof", ledger.address, ["0x0"])["result"]


def test_what_is_absent_is_proven_absent(node: Any, ledger: Any, paid: int) -> None:
    state_root = raw(node.rpc("eth_getBlockByNumber", "latest", False)["result"]["stateRoot"])
    missing = [slot_of(Account.create().address) for _ in range(10)]
    proof = node.rpc("eth_getProof", ledger.address, missing)["result"]
    verify(proof, state_root, ledger.address)
    assert {slot["value"] for slot in proof["storageProof"]} == {"0x0"}
    assert all(slot["proof"] for slot in proof["storageProof"])
    nobody = node.rpc("eth_getProof", NOBODY, ["0x1"])["result"]
    verify(nobody, state_root, NOBODY)
    assert nobody["accountProof"] != []
    assert nobody["storageProof"] == [{"key": "0x1", "value": "0x0", "proof": []}]


def test_an_empty_state_has_an_empty_proof(make_node: Any) -> None:
    proof = make_node().rpc("eth_getProof", NOBODY, [], "earliest")["result"]
    assert proof["accountProof"] == []
    verify(proof, BLANK_ROOT_HASH, NOBODY)


@pytest.mark.parametrize(
    ("written", "told"),
    [
        ("0x0", "0x0"),
        ("0x00", "0x0"),
        ("0x01", "0x1"),
        ("0x1", "0x1"),
        ("10", "0x10"),
        ("0x" + "00" * 31 + "01", "0x" + "00" * 31 + "01"),
        ("0x" + "AB" * 32, "0x" + "ab" * 32),
    ],
)
def test_keys_come_back_in_full_or_as_numbers(node: Any, written: str, told: str) -> None:
    (slot,) = node.rpc("eth_getProof", NOBODY, [written])["result"]["storageProof"]
    assert slot["key"] == told


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ([NOBODY], "missing value for required argument 1"),
        ([NOBODY, "0x1"], "invalid argument 1: an array expected"),
        ([NOBODY, ["0x" + "00" * 33]], f'storage key too long (want at most 32 bytes): "0x{"00" * 33}"'),
        ([NOBODY, ["0xzz"]], 'invalid hex in storage key: "0xzz"'),
        ([NOBODY, ["0x1"] * 1_025], "too many storage keys requested (max 1024, got 1025)"),
        (["0x12", []], "invalid argument 0: hex string has length 2, want 40"),
    ],
)
def test_refusals(node: Any, arguments: list[object], message: str) -> None:
    error = node.rpc("eth_getProof", *arguments)["error"]
    assert error["code"] == -32602
    assert error["message"].endswith(message)


@given(
    st.dictionaries(st.binary(min_size=1, max_size=4), st.binary(min_size=1, max_size=40), max_size=30),
    st.binary(min_size=1, max_size=4),
)
def test_proofs_hold_in_any_trie(entries: dict[bytes, bytes], other: bytes) -> None:
    trie = HexaryTrie({})
    for key, value in entries.items():
        trie[keccak(key)] = value
    for key in [*entries, other]:
        proof = prove(trie.db.__getitem__, trie.root_hash, key)
        assert proof.value == entries.get(key, b"")
        if entries:
            nodes = [rlp.decode(node) for node in proof.nodes]
            assert HexaryTrie.get_from_proof(trie.root_hash, keccak(key), nodes) == proof.value
