"""What gas costs and has cost."""

from node.rpc import params
from node.rpc.fees import fee_history, resolve_newest, validate_percentiles
from node.rpc.format import Json, quantity
from node.rpc.methods.service import Methods, Service, takes
from node.rpc.params import BlockReference


def gas_price(service: Service) -> str:
    """The next block's base fee: with it a transaction is taken, and nothing offered beyond it helps."""
    return quantity(service.chain.next_context().base_fee)


def max_priority_fee(service: Service) -> str:
    """Zero: transactions run in the order they came, whatever they offer."""
    return quantity(0)


def base_fee(service: Service) -> str:
    """wei a unit of gas in the next block."""
    return quantity(service.chain.next_context().base_fee)


def blob_base_fee(service: Service) -> str:
    """wei a unit of blob gas in the next block; zero before Cancun."""
    return quantity(service.chain.next_context().blob_base_fee)


@takes(params.block_count, params.block_by_number, params.percentiles)
def history(
    service: Service, count: int, newest: BlockReference, percentiles: list[float] | None = None
) -> Json:
    """What gas cost in a range of blocks and costs in the one after; see ``node.rpc.fees``."""
    validate_percentiles(percentiles or [])
    header = resolve_newest(service.chain, newest)
    return fee_history(service.chain, count, header, percentiles or [])


METHODS: Methods = {
    "eth_gasPrice": gas_price,
    "eth_maxPriorityFeePerGas": max_priority_fee,
    "eth_baseFee": base_fee,
    "eth_blobBaseFee": blob_base_fee,
    "eth_feeHistory": history,
}
