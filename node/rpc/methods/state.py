"""Accounts and their storage after any block."""

from typing import Any

from node.rpc import calls, params
from node.rpc.format import data, quantity
from node.rpc.methods.service import Methods, Service


def transaction_count(service: Service, address: object, block: object = "latest") -> str:
    """An account's next nonce; with ``pending``, after its ready transactions."""
    wanted, reference = params.address(address), params.block_reference(block)
    if reference.tag == "pending":
        return quantity(service.pool.next_nonce(wanted))
    return quantity(_state(service, reference).get_nonce(wanted))


def balance(service: Service, address: object, block: object = "latest") -> str:
    """An account's wei after a block."""
    return quantity(_state(service, params.block_reference(block)).get_balance(params.address(address)))


def code(service: Service, address: object, block: object = "latest") -> str:
    """The code at an address after a block."""
    return data(_state(service, params.block_reference(block)).get_code(params.address(address)))


def storage_at(service: Service, address: object, slot: object, block: object = "latest") -> str:
    """One storage slot after a block, 32 bytes."""
    state = _state(service, params.block_reference(block))
    value: int = state.get_storage(params.address(address), params.quantity(slot, "slot"))
    return data(value.to_bytes(32, "big"))


def _state(service: Service, reference: params.BlockReference) -> Any:
    site = calls.call_site(service.chain, reference, params.BlockOverride())
    return service.chain.state_at(site.header, site.context)


METHODS: Methods = {
    "eth_getTransactionCount": transaction_count,
    "eth_getBalance": balance,
    "eth_getCode": code,
    "eth_getStorageAt": storage_at,
}
