"""What gas costs and has cost."""

from node.rpc import calls, params
from node.rpc.format import Json, quantity
from node.rpc.methods.service import Methods, Service, takes
from node.rpc.params import BlockReference

FEE_HISTORY_BLOCKS_MAX = 1_024


@takes(params.block_count, params.block_by_number, params.percentiles)
def fee_history(
    service: Service, count: int, newest: BlockReference, percentiles: list[float] | None = None
) -> Json:
    """Every fee is zero; the shape is EIP-1559's."""
    header = calls.resolve_header(service.chain, newest)
    blocks = min(count, header.block_number + 1, FEE_HISTORY_BLOCKS_MAX)
    oldest = header.block_number - blocks + 1
    headers = [service.chain.header(number) for number in range(oldest, header.block_number + 1)]
    zero, rewards = quantity(0), percentiles or []
    history: Json = {
        "oldestBlock": quantity(oldest),
        "baseFeePerGas": [zero] * (blocks + 1),
        "gasUsedRatio": [entry.gas_used / entry.gas_limit for entry in headers],
        "baseFeePerBlobGas": [zero] * (blocks + 1),
        "blobGasUsedRatio": [0.0] * blocks,
    }
    return history | ({"reward": [[zero] * len(rewards)] * blocks} if rewards else {})


METHODS: Methods = {
    "eth_gasPrice": lambda service: quantity(0),
    "eth_maxPriorityFeePerGas": lambda service: quantity(0),
    "eth_feeHistory": fee_history,
}
