"""Accounts and their storage after any block, by number, tag, hash or EIP-1898 object."""

from typing import Any

from node.rpc import calls, params
from node.rpc.format import Json, data, quantity
from node.rpc.methods.service import Methods, Service, takes
from node.rpc.params import LATEST, BlockReference, StorageKey
from node.rpc.proofs import prove_account


@takes(params.address, params.block_reference)
def transaction_count(service: Service, address: bytes, reference: BlockReference = LATEST) -> str:
    """An account's next nonce; with ``pending``, after its ready transactions."""
    if reference.tag == "pending":
        return quantity(service.pool.next_nonce(address))
    return quantity(_state(service, reference).get_nonce(address))


@takes(params.address, params.block_reference)
def balance(service: Service, address: bytes, reference: BlockReference = LATEST) -> str:
    """An account's wei after a block."""
    return quantity(_state(service, reference).get_balance(address))


@takes(params.address, params.block_reference)
def code(service: Service, address: bytes, reference: BlockReference = LATEST) -> str:
    """The code at an address after a block."""
    return data(_state(service, reference).get_code(address))


@takes(params.address, params.storage_key, params.block_reference)
def storage_at(service: Service, address: bytes, key: StorageKey, reference: BlockReference = LATEST) -> str:
    """One storage slot after a block, 32 bytes."""
    value: int = _state(service, reference).get_storage(address, key.slot)
    return data(value.to_bytes(32, "big"))


@takes(params.address, params.storage_keys, params.block_reference)
def proof(
    service: Service, address: bytes, keys: list[StorageKey], reference: BlockReference = LATEST
) -> Json:
    """An account with Merkle proofs of it and of some of its slots (EIP-1186)."""
    header = calls.resolve_header(service.chain, reference)
    service.chain.store.require_state(header.block_number)
    return prove_account(service.chain.store.state_value, header.state_root, address, keys)


def _state(service: Service, reference: BlockReference) -> Any:
    site = calls.call_site(service.chain, reference, params.BlockOverride())
    return service.chain.state_at(site.header, site.context)


METHODS: Methods = {
    "eth_getTransactionCount": transaction_count,
    "eth_getBalance": balance,
    "eth_getCode": code,
    "eth_getStorageAt": storage_at,
    "eth_getProof": proof,
}
