"""debug_trace*: transactions, blocks and calls, run again and told step by step or call by call."""

from node.rpc import params
from node.rpc.format import Json
from node.rpc.methods.service import Methods, Service, takes
from node.rpc.params import LATEST, BlockReference, CallRequest
from node.rpc.tracing import (
    CallTraceConfig,
    TraceConfig,
    call_trace_config,
    trace_block,
    trace_call,
    trace_config,
    trace_transaction,
)

STRUCT_LOGS = TraceConfig()
STRUCT_LOGS_OF_A_CALL = CallTraceConfig()


@takes(params.hash32, trace_config)
def transaction(service: Service, transaction_hash: bytes, config: TraceConfig = STRUCT_LOGS) -> Json:
    """A sealed transaction."""
    return trace_transaction(service.chain, transaction_hash, config)


@takes(params.block_by_number, trace_config)
def block_by_number(
    service: Service, reference: BlockReference, config: TraceConfig = STRUCT_LOGS
) -> list[Json]:
    """All transactions of a block by number or tag."""
    return trace_block(service.chain, reference, config)


@takes(params.hash32, trace_config)
def block_by_hash(service: Service, block_hash: bytes, config: TraceConfig = STRUCT_LOGS) -> list[Json]:
    """All transactions of a block by its hash."""
    return trace_block(service.chain, BlockReference(hash=block_hash), config)


@takes(params.call_request, params.block_reference, call_trace_config)
def call(
    service: Service,
    request: CallRequest,
    reference: BlockReference = LATEST,
    config: CallTraceConfig = STRUCT_LOGS_OF_A_CALL,
) -> Json:
    """A transaction nobody signed."""
    return trace_call(service.chain, request, reference, config)


METHODS: Methods = {
    "debug_traceTransaction": transaction,
    "debug_traceBlockByNumber": block_by_number,
    "debug_traceBlockByHash": block_by_hash,
    "debug_traceCall": call,
}
