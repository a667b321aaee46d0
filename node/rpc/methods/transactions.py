"""Transactions: sending them, finding them and their receipts."""

from dataclasses import dataclass

from node.block import Header
from node.rpc import params
from node.rpc.format import Json, data, receipt_json, transaction_json
from node.rpc.methods.blocks import blob_fee, find_header
from node.rpc.methods.service import Methods, Service, takes
from node.rpc.params import BlockReference
from node.transaction import Transaction, decode_transaction

RECEIPT_WAIT_SECONDS = 2.0
"""How long eth_getTransactionReceipt waits for the block of a transaction that is ready."""


@dataclass(frozen=True, slots=True)
class Found:
    """A transaction and where it is."""

    transaction: Transaction
    header: Header | None
    """``None`` while it waits."""
    index: int

    def as_json(self) -> Json:
        """The transaction as JSON-RPC tells it."""
        return transaction_json(self.transaction, self.header, self.index)


@takes(params.data)
def send_raw_transaction(service: Service, raw: bytes) -> str:
    """Takes a signed transaction into the pool, or, a replica, hands it on; an error says why not."""
    if service.node.follower is not None:
        return service.node.follower.forward(raw)
    rules = service.chain.rules
    transaction = decode_transaction(raw, rules.chain_id, rules.transaction_types)
    service.pool.add(transaction)
    return data(transaction.hash)


@takes(params.hash32)
def transaction_by_hash(service: Service, transaction_hash: bytes) -> Json | None:
    """A sealed or waiting transaction, or null."""
    found = find(service, transaction_hash)
    return None if found is None else found.as_json()


@takes(params.hash32, params.uint64)
def transaction_by_block_hash(service: Service, block_hash: bytes, index: int) -> Json | None:
    """A transaction by its block's hash and its place there, or null."""
    found = _find_in_block(service, BlockReference(hash=block_hash), index)
    return None if found is None else found.as_json()


@takes(params.block_by_number, params.uint64)
def transaction_by_block_number(service: Service, reference: BlockReference, index: int) -> Json | None:
    """A transaction by its block's number or tag and its place there, or null."""
    found = _find_in_block(service, reference, index)
    return None if found is None else found.as_json()


@takes(params.hash32)
def raw_transaction_by_hash(service: Service, transaction_hash: bytes) -> str | None:
    """The signed bytes (EIP-2718) of a sealed or waiting transaction, or null."""
    return _raw(find(service, transaction_hash))


@takes(params.hash32, params.uint64)
def raw_transaction_by_block_hash(service: Service, block_hash: bytes, index: int) -> str | None:
    """The signed bytes of a transaction by its block's hash and its place there, or null."""
    return _raw(_find_in_block(service, BlockReference(hash=block_hash), index))


@takes(params.block_by_number, params.uint64)
def raw_transaction_by_block_number(service: Service, reference: BlockReference, index: int) -> str | None:
    """The signed bytes of a transaction by its block's number or tag and its place there, or null."""
    return _raw(_find_in_block(service, reference, index))


@takes(params.hash32)
def transaction_receipt(service: Service, transaction_hash: bytes) -> Json | None:
    """Waits a little for a transaction that is ready: its block is being made, and a poll costs more."""
    store = service.chain.store
    position = store.position_of(transaction_hash)
    if position is None:
        _wait_for_block(service, transaction_hash)
        position = store.position_of(transaction_hash)
    if position is None:
        return None
    number, index = position
    receipt, header = store.receipt(number, index), service.chain.header(number)
    transaction = store.transaction(number, index, service.chain.chain_id)
    return receipt_json(receipt, transaction, header, index, blob_fee(service.chain, header))


def find(service: Service, transaction_hash: bytes) -> Found | None:
    """A sealed or waiting transaction."""
    position = service.chain.store.position_of(transaction_hash)
    if position is not None:
        return _sealed(service, *position)
    waiting = service.pool.get(transaction_hash)
    return None if waiting is None else Found(waiting, None, 0)


def _find_in_block(service: Service, reference: BlockReference, index: int) -> Found | None:
    if reference.tag == "pending":
        ready = service.pool.ready()
        return Found(ready[index], None, index) if index < len(ready) else None
    header = find_header(service.chain, reference)
    if header is None or index >= service.chain.store.count(header.block_number):
        return None
    return _sealed(service, header.block_number, index)


def _sealed(service: Service, number: int, index: int) -> Found:
    chain = service.chain
    return Found(chain.store.transaction(number, index, chain.chain_id), chain.header(number), index)


def _raw(found: Found | None) -> str | None:
    return None if found is None else data(found.transaction.raw)


def _wait_for_block(service: Service, transaction_hash: bytes) -> None:
    waiters = service.receipt_waiters
    if waiters is not None and waiters.acquire(blocking=False):
        try:
            service.pool.wait_settled(transaction_hash, RECEIPT_WAIT_SECONDS)
        finally:
            waiters.release()


METHODS: Methods = {
    "eth_sendRawTransaction": send_raw_transaction,
    "eth_getTransactionByHash": transaction_by_hash,
    "eth_getTransactionByBlockHashAndIndex": transaction_by_block_hash,
    "eth_getTransactionByBlockNumberAndIndex": transaction_by_block_number,
    "eth_getRawTransactionByHash": raw_transaction_by_hash,
    "eth_getRawTransactionByBlockHashAndIndex": raw_transaction_by_block_hash,
    "eth_getRawTransactionByBlockNumberAndIndex": raw_transaction_by_block_number,
    "eth_getTransactionReceipt": transaction_receipt,
}
