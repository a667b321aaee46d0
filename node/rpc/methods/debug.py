"""debug_getRaw*: headers, blocks, receipts and transactions as other nodes are given them."""

from node.rpc import calls, params
from node.rpc.format import data
from node.rpc.methods.service import Methods, Service, takes
from node.rpc.methods.transactions import raw_transaction_by_hash
from node.rpc.params import BlockReference


@takes(params.block_reference)
def raw_header(service: Service, reference: BlockReference) -> str:
    """A header's RLP (``NotFound`` if there is none)."""
    return data(calls.resolve_header(service.chain, reference).encode())


@takes(params.block_reference)
def raw_block(service: Service, reference: BlockReference) -> str:
    """A block's RLP (``NotFound`` if there is none)."""
    header = calls.resolve_header(service.chain, reference)
    return data(service.chain.store.unchecked_block(header.block_number).encode())


@takes(params.block_reference)
def raw_receipts(service: Service, reference: BlockReference) -> list[str]:
    """The receipts of a block as its receipts trie holds them (EIP-2718; ``NotFound`` if there is none)."""
    header = calls.resolve_header(service.chain, reference)
    return [data(receipt.encode_consensus()) for receipt in service.chain.store.receipts(header.block_number)]


METHODS: Methods = {
    "debug_getRawHeader": raw_header,
    "debug_getRawBlock": raw_block,
    "debug_getRawReceipts": raw_receipts,
    "debug_getRawTransaction": raw_transaction_by_hash,
}
