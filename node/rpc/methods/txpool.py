"""What waits in this node's pool: geth's ``pending`` is what is ready, ``queued`` what a nonce gap holds."""

from collections.abc import Callable, Iterable
from typing import TypeAlias

from eth_utils.address import to_checksum_address

from node.rpc import params
from node.rpc.format import Json, quantity, transaction_json
from node.rpc.methods.service import Methods, Service, takes
from node.transaction import Transaction

Show: TypeAlias = Callable[[Transaction], object]


def status(service: Service) -> Json:
    """How many transactions are ready and held."""
    ready, held = service.pool.content()
    return {
        "pending": quantity(sum(map(len, ready.values()))),
        "queued": quantity(sum(map(len, held.values()))),
    }


def content(service: Service) -> Json:
    """Every waiting transaction, by sender and decimal nonce."""
    return _by_sender(service, _as_json)


@takes(params.address)
def content_from(service: Service, sender: bytes) -> Json:
    """One sender's waiting transactions, by decimal nonce."""
    ready, held = service.pool.content()
    return {
        "pending": _by_nonce(ready.get(sender, ()), _as_json),
        "queued": _by_nonce(held.get(sender, ()), _as_json),
    }


def inspect(service: Service) -> Json:
    """Every waiting transaction as one line of text, in geth's form."""
    return _by_sender(service, _as_text)


def _by_sender(service: Service, show: Show) -> Json:
    ready, held = service.pool.content()
    return {
        name: {to_checksum_address(sender): _by_nonce(entries, show) for sender, entries in of_sender.items()}
        for name, of_sender in (("pending", ready), ("queued", held))
    }


def _by_nonce(transactions: Iterable[Transaction], show: Show) -> Json:
    return {str(entry.nonce): show(entry) for entry in transactions}


def _as_json(transaction: Transaction) -> Json:
    return transaction_json(transaction, None, 0)


def _as_text(transaction: Transaction) -> str:
    receiver = to_checksum_address(transaction.to) if transaction.to else "contract creation"
    price = transaction.max_fee_per_gas
    return f"{receiver}: {transaction.value} wei + {transaction.gas} gas × {price} wei"


METHODS: Methods = {
    "txpool_status": status,
    "txpool_content": content,
    "txpool_contentFrom": content_from,
    "txpool_inspect": inspect,
}
