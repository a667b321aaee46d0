"""Blocks and what they hold.

A block is final as soon as it is sealed, so ``latest``, ``safe`` and ``finalized`` name the same block. What
doesn't exist is null, as ethereum/execution-apis has it.
"""

from eth_utils.crypto import keccak

from node.block import Header, Receipt
from node.chain import Chain
from node.errors import NotFound
from node.rpc import calls, params
from node.rpc.format import Json, block_json, data, header_json, quantity, receipt_json, transaction_json
from node.rpc.methods.service import Methods, Service, takes
from node.rpc.params import BlockReference
from node.transaction import Transaction
from node.trie import EMPTY_ROOT, trie_root

PENDING_UNKNOWN = ("hash", "nonce", "logsBloom", "miner", "stateRoot", "receiptsRoot")
"""Null in a pending block: nobody has run or sealed it."""


@takes(params.block_by_number, params.boolean)
def block_by_number(service: Service, reference: BlockReference, full: bool) -> Json | None:
    """A block by number or tag; ``pending`` is what is ready now, as a block nobody has made."""
    header = find_header(service.chain, reference)
    if header is None:
        return None
    if reference.tag == "pending":
        return _pending_block(service, full)
    return _block(service.chain, header, full)


@takes(params.hash32, params.boolean)
def block_by_hash(service: Service, block_hash: bytes, full: bool) -> Json | None:
    """A block by its hash."""
    header = find_header(service.chain, BlockReference(hash=block_hash))
    return None if header is None else _block(service.chain, header, full)


@takes(params.block_by_number)
def header_by_number(service: Service, reference: BlockReference) -> Json | None:
    """A header by number or tag; null for ``pending``, which has none."""
    header = None if reference.tag == "pending" else find_header(service.chain, reference)
    return None if header is None else header_json(header)


@takes(params.hash32)
def header_by_hash(service: Service, block_hash: bytes) -> Json | None:
    """A header by its hash."""
    header = find_header(service.chain, BlockReference(hash=block_hash))
    return None if header is None else header_json(header)


@takes(params.block_by_number)
def transaction_count_by_number(service: Service, reference: BlockReference) -> str | None:
    """How many transactions a block has, by number or tag."""
    if reference.tag == "pending":
        return quantity(len(service.pool.ready()))
    header = find_header(service.chain, reference)
    return None if header is None else quantity(service.chain.store.count(header.block_number))


@takes(params.hash32)
def transaction_count_by_hash(service: Service, block_hash: bytes) -> str | None:
    """How many transactions a block has, by hash."""
    header = find_header(service.chain, BlockReference(hash=block_hash))
    return None if header is None else quantity(service.chain.store.count(header.block_number))


@takes(params.block_reference)
def block_receipts(service: Service, reference: BlockReference) -> list[Json] | None:
    """All receipts of a block by number, tag or hash; null for ``pending``: nothing of it has run."""
    header = None if reference.tag == "pending" else find_header(service.chain, reference)
    if header is None:
        return None
    return [
        receipt_json(receipt, transaction, header, index)
        for index, (transaction, receipt) in enumerate(_contents(service.chain, header))
    ]


def find_header(chain: Chain, reference: BlockReference) -> Header | None:
    """The sealed block a caller names, or ``None`` where an answer is null rather than an error."""
    try:
        return calls.resolve_header(chain, reference)
    except NotFound:
        return None


def _contents(chain: Chain, header: Header) -> list[tuple[Transaction, Receipt]]:
    number = header.block_number
    transactions = chain.store.transactions(number, chain.chain_id)
    return list(zip(transactions, chain.store.receipts(number), strict=True))


def _block(chain: Chain, header: Header, full: bool) -> Json:
    number = header.block_number
    if full:
        transactions = chain.store.transactions(number, chain.chain_id)
        shown = [transaction_json(entry, header, index) for index, entry in enumerate(transactions)]
        return block_json(header, [entry.raw for entry in transactions], shown)
    raws = chain.store.raw_transactions(number)
    return block_json(header, raws, [data(keccak(raw)) for raw in raws])


def _pending_block(service: Service, full: bool) -> Json:
    head, context, ready = service.chain.head, service.chain.next_context(), service.pool.ready()
    raws = [entry.raw for entry in ready]
    draft = head.copy(
        block_number=context.number,
        parent_hash=head.hash,
        timestamp=context.timestamp,
        gas_limit=context.gas_limit,
        gas_used=0,
        mix_hash=context.previous_randao,
        transaction_root=trie_root(raws) if raws else EMPTY_ROOT,
        extra_data=b"",
    )
    shown = [transaction_json(entry, None, 0) if full else data(entry.hash) for entry in ready]
    return block_json(draft, raws, shown) | dict.fromkeys(PENDING_UNKNOWN)


METHODS: Methods = {
    "eth_getBlockByNumber": block_by_number,
    "eth_getBlockByHash": block_by_hash,
    "eth_getHeaderByNumber": header_by_number,
    "eth_getHeaderByHash": header_by_hash,
    "eth_getBlockTransactionCountByNumber": transaction_count_by_number,
    "eth_getBlockTransactionCountByHash": transaction_count_by_hash,
    "eth_getBlockReceipts": block_receipts,
}
