"""Blocks and what they hold.

A block is final as soon as it is sealed, so ``latest``, ``safe`` and ``finalized`` name the same block. What
doesn't exist is null, as ethereum/execution-apis has it.
"""

from collections.abc import Sequence

from eth_utils.crypto import keccak

from node.block import Header, Receipt, UncheckedBlock
from node.chain import BLOCK_TRANSACTIONS_MAX, Chain
from node.errors import NotFound
from node.rpc import calls, params
from node.rpc.format import (
    Json,
    block_json,
    data,
    header_json,
    quantity,
    receipt_json,
    transaction_json,
    uncle_json,
)
from node.rpc.methods.service import Methods, Service, takes
from node.rpc.params import BlockReference
from node.transaction import Transaction
from node.trie import trie_root

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
    price = blob_fee(service.chain, header)
    return [
        receipt_json(receipt, transaction, header, index, price)
        for index, (transaction, receipt) in enumerate(_contents(service.chain, header))
    ]


@takes(params.block_by_number)
def uncle_count_by_number(service: Service, reference: BlockReference) -> str | None:
    """How many uncles a block has, by number or tag."""
    return _count(_uncles(service.chain, reference))


@takes(params.hash32)
def uncle_count_by_hash(service: Service, block_hash: bytes) -> str | None:
    """How many uncles a block has, by hash."""
    return _count(_uncles(service.chain, BlockReference(hash=block_hash)))


@takes(params.block_by_number, params.uint64)
def uncle_by_number(service: Service, reference: BlockReference, index: int) -> Json | None:
    """An uncle by the number or tag of the block that names it, and its place there."""
    return _uncle(service.chain, reference, index)


@takes(params.hash32, params.uint64)
def uncle_by_hash(service: Service, block_hash: bytes, index: int) -> Json | None:
    """An uncle by the hash of the block that names it, and its place there."""
    return _uncle(service.chain, BlockReference(hash=block_hash), index)


def find_header(chain: Chain, reference: BlockReference) -> Header | None:
    """The sealed block a caller names, or ``None`` where an answer is null rather than an error."""
    try:
        return calls.resolve_header(chain, reference)
    except NotFound:
        return None


def blob_fee(chain: Chain, header: Header) -> int:
    """wei a unit of blob gas in a sealed block."""
    return chain.context_of(header).blob_base_fee


def _contents(chain: Chain, header: Header) -> list[tuple[Transaction, Receipt]]:
    number = header.block_number
    transactions = chain.store.transactions(number, chain.chain_id)
    return list(zip(transactions, chain.store.receipts(number), strict=True))


def _block(chain: Chain, header: Header, full: bool) -> Json:
    block = chain.store.unchecked_block(header.block_number)
    if full:
        transactions = chain.store.transactions(header.block_number, chain.chain_id)
        shown = [transaction_json(entry, header, index) for index, entry in enumerate(transactions)]
        return block_json(block, shown)
    return block_json(block, [data(keccak(raw)) for raw in block.raw_transactions])


def _pending_block(service: Service, full: bool) -> Json:
    ready = service.pool.ready()[:BLOCK_TRANSACTIONS_MAX]
    raws = tuple(entry.raw for entry in ready)
    header = service.chain.next_header().copy(transaction_root=trie_root(raws))
    block = UncheckedBlock(header, raws, (), None if header.withdrawals_root is None else ())
    shown = [transaction_json(entry, None, 0) if full else data(entry.hash) for entry in ready]
    return block_json(block, shown) | dict.fromkeys(PENDING_UNKNOWN)


def _uncle(chain: Chain, reference: BlockReference, index: int) -> Json | None:
    uncles = _uncles(chain, reference)
    return uncle_json(uncles[index]) if uncles and index < len(uncles) else None


def _uncles(chain: Chain, reference: BlockReference) -> tuple[Header, ...] | None:
    if reference.tag == "pending":
        return ()
    header = find_header(chain, reference)
    return None if header is None else chain.store.extras(header.block_number)[0]


def _count(entries: Sequence[object] | None) -> str | None:
    return None if entries is None else quantity(len(entries))


METHODS: Methods = {
    "eth_getBlockByNumber": block_by_number,
    "eth_getBlockByHash": block_by_hash,
    "eth_getHeaderByNumber": header_by_number,
    "eth_getHeaderByHash": header_by_hash,
    "eth_getBlockTransactionCountByNumber": transaction_count_by_number,
    "eth_getBlockTransactionCountByHash": transaction_count_by_hash,
    "eth_getBlockReceipts": block_receipts,
    "eth_getUncleCountByBlockNumber": uncle_count_by_number,
    "eth_getUncleCountByBlockHash": uncle_count_by_hash,
    "eth_getUncleByBlockNumberAndIndex": uncle_by_number,
    "eth_getUncleByBlockHashAndIndex": uncle_by_hash,
}
