"""eth_feeHistory: base fees, how full blocks were, and what was paid beyond the base fee."""

from collections.abc import Sequence
from itertools import pairwise

from node.block import Header
from node.chain import Chain
from node.errors import HistoryRefused, NotFound
from node.rpc.calls import resolve_header
from node.rpc.format import Json, quantity
from node.rpc.params import BlockReference
from node.transaction import GAS_PER_BLOB
from node.vm import BlockContext

BLOCKS_MAX = 1_024


def resolve_newest(chain: Chain, reference: BlockReference) -> Header:
    """The last block of the history a caller wants.

    Raises:
        HistoryRefused: it doesn't exist yet.
    """
    try:
        return resolve_header(chain, reference)
    except NotFound as exc:
        raise HistoryRefused(
            f"request beyond head block: requested {reference.number}, head {chain.head.block_number}"
        ) from exc


def validate_percentiles(percentiles: Sequence[float]) -> None:
    """Raises ``HistoryRefused`` unless they are between 0 and 100 and grow."""
    for percentile in percentiles:
        if not 0 <= percentile <= 100:
            raise HistoryRefused(f"invalid reward percentile: {percentile:f}")
    for place, (lower, higher) in enumerate(pairwise(percentiles)):
        if lower >= higher:
            raise HistoryRefused(f"invalid reward percentile: #{place}:{lower:f} >= #{place + 1}:{higher:f}")


def fee_history(chain: Chain, count: int, newest: Header, percentiles: Sequence[float]) -> Json:
    """At most ``BLOCKS_MAX`` blocks up to ``newest``; fees of the block after it too."""
    blocks = min(count, newest.block_number + 1, BLOCKS_MAX)
    oldest = newest.block_number - blocks + 1
    headers = [chain.header(number) for number in range(oldest, newest.block_number + 1)]
    contexts = [chain.context_of(header) for header in headers]
    if contexts:
        contexts.append(_context_after(chain, newest))
    history: Json = {
        "oldestBlock": quantity(oldest if blocks else 0),
        "baseFeePerGas": [quantity(context.base_fee) for context in contexts],
        "gasUsedRatio": [header.gas_used / header.gas_limit for header in headers],
        "baseFeePerBlobGas": [quantity(context.blob_base_fee) for context in contexts],
        "blobGasUsedRatio": [
            _blob_ratio(header, context) for header, context in zip(headers, contexts, strict=False)
        ],
    }
    if percentiles:
        history["reward"] = [
            [quantity(tip) for tip in _tips_paid(chain, header, percentiles)] for header in headers
        ]
    return history


def _context_after(chain: Chain, header: Header) -> BlockContext:
    """The block after a sealed one: the real one, or the one that would be made now."""
    if header.block_number < chain.head.block_number:
        return chain.context_of(chain.header(header.block_number + 1))
    return chain.next_context()


def _blob_ratio(header: Header, context: BlockContext) -> float:
    if context.blobs is None or not header.blob_gas_used:
        return 0.0
    return header.blob_gas_used / (context.blobs.maximum * GAS_PER_BLOB)


def _tips_paid(chain: Chain, header: Header, percentiles: Sequence[float]) -> list[int]:
    """wei a unit of gas beyond the base fee, at each percentile of the block's gas; zeros if it is empty."""
    number = header.block_number
    pairs = zip(chain.store.transactions(number, chain.chain_id), chain.store.receipts(number), strict=True)
    paid = sorted(
        (transaction.gas_price_at(header.base_fee) - header.base_fee, receipt.gas_used)
        for transaction, receipt in pairs
    )
    return [_tip_at(paid, header.gas_used * percentile / 100) for percentile in percentiles]


def _tip_at(paid: Sequence[tuple[int, int]], gas: float) -> int:
    """The tip of the transaction with which the cheapest ones reach this much gas."""
    total = 0
    for tip, gas_used in paid:
        total += gas_used
        if total >= gas:
            return tip
    return paid[-1][0] if paid else 0
