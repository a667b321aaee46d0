"""Transactions: sending them, finding them and their receipts."""

from node.rpc import params
from node.rpc.format import Json, data, receipt_json, transaction_json
from node.rpc.methods.service import Methods, Service
from node.transaction import decode_transaction

RECEIPT_WAIT_SECONDS = 2.0
"""How long eth_getTransactionReceipt waits for the block of a transaction that is ready."""


def transaction_by_hash(service: Service, transaction_hash: object) -> Json | None:
    """A sealed or waiting transaction, or null."""
    wanted = params.hash32(transaction_hash)
    position = service.chain.store.position_of(wanted)
    if position is None:
        waiting = service.pool.get(wanted)
        return None if waiting is None else transaction_json(waiting, None, 0)
    number, index = position
    transaction = service.chain.store.transaction(number, index, service.chain.chain_id)
    return transaction_json(transaction, service.chain.header(number), index)


def transaction_receipt(service: Service, transaction_hash: object) -> Json | None:
    """Waits a little for a transaction that is ready: its block is being made, and a poll costs more."""
    wanted = params.hash32(transaction_hash)
    store = service.chain.store
    position = store.position_of(wanted)
    if position is None:
        _wait_for_block(service, wanted)
        position = store.position_of(wanted)
    if position is None:
        return None
    number, index = position
    receipt = store.receipt(number, index)
    transaction = store.transaction(number, index, service.chain.chain_id)
    return receipt_json(receipt, transaction, service.chain.header(number), index)


def _wait_for_block(service: Service, transaction_hash: bytes) -> None:
    waiters = service.receipt_waiters
    if waiters is not None and waiters.acquire(blocking=False):
        try:
            service.pool.wait_settled(transaction_hash, RECEIPT_WAIT_SECONDS)
        finally:
            waiters.release()


def send_raw_transaction(service: Service, raw: object) -> str:
    """Takes a signed transaction into the pool (``TransactionRefused`` says why not)."""
    transaction = decode_transaction(params.data(raw, "transaction"), service.chain.chain_id)
    service.pool.add(transaction)
    return data(transaction.hash)


METHODS: Methods = {
    "eth_getTransactionByHash": transaction_by_hash,
    "eth_getTransactionReceipt": transaction_receipt,
    "eth_sendRawTransaction": send_raw_transaction,
}
