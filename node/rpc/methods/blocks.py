"""Blocks and what they hold."""

from eth_utils.crypto import keccak

from node.block import Header
from node.chain import Chain
from node.errors import NotFound
from node.rpc import calls, params
from node.rpc.format import Json, block_json, data, quantity, receipt_json, transaction_json
from node.rpc.methods.service import Methods, Service


def block_by_number(service: Service, block: object, full: object = False) -> Json | None:
    """A block by number or tag, or null."""
    reference = params.block_reference(block)
    try:
        header = calls.resolve_header(service.chain, reference)
    except NotFound:
        return None
    if reference.tag == "pending":
        return _pending_block(service, header)
    return _block(service.chain, header, params.boolean(full, "full"))


def block_by_hash(service: Service, block_hash: object, full: object = False) -> Json | None:
    """A block by its hash, or null."""
    number = service.chain.store.number_of(params.hash32(block_hash))
    flag = params.boolean(full, "full")
    return None if number is None else _block(service.chain, service.chain.header(number), flag)


def _block(chain: Chain, header: Header, full: bool) -> Json:
    number = header.block_number
    if full:
        transactions = chain.store.transactions(number, chain.chain_id)
        shown = [transaction_json(entry, header, index) for index, entry in enumerate(transactions)]
        return block_json(header, [entry.raw for entry in transactions], shown)
    raws = chain.store.raw_transactions(number)
    return block_json(header, raws, [data(keccak(raw)) for raw in raws])


def _pending_block(service: Service, head: Header) -> Json:
    """What is ready, as a block that isn't sealed: no hash, no nonce, no bloom."""
    context, ready = service.chain.next_context(), service.pool.ready()
    fields = block_json(head, [entry.raw for entry in ready], [data(entry.hash) for entry in ready])
    unknown = dict.fromkeys(("hash", "nonce", "logsBloom"))
    changed = {"number": quantity(context.number), "timestamp": quantity(context.timestamp)}
    return fields | unknown | changed | {"parentHash": data(head.hash), "gasUsed": quantity(0)}


def block_transaction_count_by_number(service: Service, block: object) -> str | None:
    """How many transactions a block has, or null."""
    try:
        header = calls.resolve_header(service.chain, params.block_reference(block))
    except NotFound:
        return None
    return quantity(service.chain.store.count(header.block_number))


def block_receipts(service: Service, block: object) -> list[Json] | None:
    """All receipts of a block, or null."""
    try:
        header = calls.resolve_header(service.chain, params.block_reference(block))
    except NotFound:
        return None
    store, number = service.chain.store, header.block_number
    pairs = zip(store.receipts(number), store.transactions(number, service.chain.chain_id), strict=True)
    return [receipt_json(receipt, entry, header, index) for index, (receipt, entry) in enumerate(pairs)]


METHODS: Methods = {
    "eth_getBlockByNumber": block_by_number,
    "eth_getBlockByHash": block_by_hash,
    "eth_getBlockTransactionCountByNumber": block_transaction_count_by_number,
    "eth_getBlockReceipts": block_receipts,
}
