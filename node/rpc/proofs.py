"""eth_getProof (EIP-1186): Merkle proofs of accounts and storage slots, of absence too.

A proof is the encoded nodes on the way from the root towards a key; nodes shorter than 32 bytes are part of
their parent and not listed (Yellow Paper, appendix D). It ends at the value or at the node that shows there
is none. A trie with nothing in it has an empty proof.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any, TypeAlias

import rlp
from eth.constants import EMPTY_SHA3
from eth_utils.crypto import keccak

from node.errors import StateUnavailable
from node.rpc.format import Json, data, quantity
from node.rpc.params import StorageKey
from node.trie import EMPTY_ROOT, nibbles_of, split_hex_prefix

NodeReader: TypeAlias = Callable[[bytes], bytes]
"""From the hash of a trie node to its encoding; ``KeyError`` if it isn't stored."""
Node: TypeAlias = list[Any]
"""A decoded node: a branch of 17 entries, or a path with what is below it."""
Reference: TypeAlias = bytes | Node
"""What a node says of a child: its hash, the child itself if that is short, or empty."""


@dataclass(frozen=True, slots=True)
class Proof:
    """The way to a key, and what is there; empty if nothing is."""

    nodes: tuple[bytes, ...]
    value: bytes


@dataclass(frozen=True, slots=True)
class Account:
    """What the state trie holds at an address (Yellow Paper §4.1)."""

    nonce: int = 0
    balance: int = 0
    """wei."""
    storage_root: bytes = EMPTY_ROOT
    code_hash: bytes = EMPTY_SHA3


def prove_account(read: NodeReader, state_root: bytes, address: bytes, keys: Sequence[StorageKey]) -> Json:
    """The answer of eth_getProof; an absent account has the empty account's values.

    Raises:
        StateUnavailable: a node of the state isn't stored.
    """
    account_proof = prove(read, state_root, address)
    account = _decode_account(account_proof.value)
    return {
        "address": data(address),
        "accountProof": [data(node) for node in account_proof.nodes],
        "balance": quantity(account.balance),
        "codeHash": data(account.code_hash),
        "nonce": quantity(account.nonce),
        "storageHash": data(account.storage_root),
        "storageProof": [_prove_slot(read, account.storage_root, key) for key in keys],
    }


def prove(read: NodeReader, root: bytes, key: bytes) -> Proof:
    """Prove what a trie whose keys are hashed holds at ``key``.

    Raises:
        StateUnavailable: a node isn't stored.
    """
    path = nibbles_of(keccak(key))
    nodes: list[bytes] = []
    reference: Reference = b"" if root == EMPTY_ROOT else root
    while reference:
        node = reference
        if isinstance(node, bytes):
            nodes.append(_read(read, node))
            node = rlp.decode(nodes[-1])
        reference, path, value = _step(node, path)
        if value:
            return Proof(tuple(nodes), value)
    return Proof(tuple(nodes), b"")


def _step(node: Node, path: bytes) -> tuple[Reference, bytes, bytes]:
    """(Where to go on, or empty; what is left of the path; the value, if this is its place.)

    All keys have one length, so no branch has a value.
    """
    if len(node) == 17:
        return node[path[0]], path[1:], b""
    prefix, content = node
    shared, is_leaf = split_hex_prefix(prefix)
    if not path.startswith(shared):
        return b"", path, b""
    return (b"", b"", content) if is_leaf else (content, path[len(shared) :], b"")


def _prove_slot(read: NodeReader, storage_root: bytes, key: StorageKey) -> Json:
    """A key written in full comes back in full, any other as a number: geth's answer to both traditions."""
    proof = prove(read, storage_root, key.slot.to_bytes(32, "big"))
    value = int.from_bytes(rlp.decode(proof.value), "big") if proof.value else 0
    return {
        "key": data(key.slot.to_bytes(32, "big")) if key.whole else quantity(key.slot),
        "value": quantity(value),
        "proof": [data(node) for node in proof.nodes],
    }


def _decode_account(encoded: bytes) -> Account:
    if not encoded:
        return Account()
    nonce, balance, storage_root, code_hash = rlp.decode(encoded)
    return Account(int.from_bytes(nonce, "big"), int.from_bytes(balance, "big"), storage_root, code_hash)


def _read(read: NodeReader, node_hash: bytes) -> bytes:
    try:
        return read(node_hash)
    except KeyError as exc:
        raise StateUnavailable(f"missing trie node {node_hash.hex()}: this state isn't kept here") from exc
