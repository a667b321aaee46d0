"""debug_trace*: running a transaction again and telling every opcode, or every call.

The methods are those of execution-apis, src/debug. A transaction of the chain runs on the parent block's
state after the transactions before it, a call as eth_call runs it.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from itertools import islice

from eth_abi.abi import decode as abi_decode
from eth_abi.exceptions import DecodingError

from node.block import Header, Receipt
from node.chain import Chain
from node.errors import ExecutionFault, InvalidParams, NotFound, RpcError, TraceRefused
from node.rpc import calls, params
from node.rpc.format import Json, data, quantity
from node.rpc.time_limit import TRACE_SECONDS_MAX, within
from node.tracers.call_tree import Call, CallTracer, FrameLog
from node.tracers.stepping import Frame, Observer, observed
from node.tracers.struct_log import SizeBudget, StructLogger, StructLogOptions
from node.transaction import CREATE, Transaction
from node.vm import Outcome, State, process_transaction

CONFIG_FIELDS = frozenset(
    {
        "tracer",
        "tracerConfig",
        "timeout",
        "reexec",
        "debug",
        "limit",
        "enableMemory",
        "enableReturnData",
        "disableStack",
        "disableStorage",
    }
)
CALL_CONFIG_FIELDS = CONFIG_FIELDS | {"stateOverrides", "blockOverrides"}
CALL_TRACER = "callTracer"


@dataclass(frozen=True, slots=True)
class CallTracerOptions:
    """``tracerConfig`` of the callTracer."""

    only_top_call: bool = False
    with_log: bool = False


@dataclass(frozen=True, slots=True)
class TraceConfig:
    """How a caller wants a transaction told: as a tree of calls, or opcode by opcode."""

    call_tracer: CallTracerOptions | None = None
    struct_log: StructLogOptions = field(default_factory=StructLogOptions)


@dataclass(frozen=True, slots=True)
class CallTraceConfig:
    """How a caller wants a call told, and where it runs."""

    trace: TraceConfig = field(default_factory=TraceConfig)
    accounts: Mapping[bytes, params.AccountOverride] = field(default_factory=dict)
    block: params.BlockOverride = field(default_factory=params.BlockOverride)


def trace_config(value: object) -> TraceConfig:
    """A TraceConfig object; ``timeout``, ``reexec`` and ``debug`` are taken and mean nothing here.

    Raises:
        InvalidParams: it isn't one, or names a tracer there isn't.
    """
    return _trace_config(params.mapping(value, "", CONFIG_FIELDS))


def call_trace_config(value: object) -> CallTraceConfig:
    """A TraceConfig object with the overrides of eth_call (errors as in ``trace_config``)."""
    fields = params.mapping(value, "", CALL_CONFIG_FIELDS)
    return CallTraceConfig(
        _trace_config(fields),
        params.state_override(fields.get("stateOverrides") or {}),
        params.block_override(fields.get("blockOverrides") or {}),
    )


def _trace_config(fields: Mapping[str, object]) -> TraceConfig:
    def flag(name: str) -> bool:
        return params.boolean(fields.get(name) or False, name)

    tracer = fields.get("tracer") or None
    if tracer not in (None, CALL_TRACER):
        raise InvalidParams(f"tracer: {tracer!r} is not offered; {CALL_TRACER} is, and none for struct logs")
    struct_log = StructLogOptions(
        stack=not flag("disableStack"),
        storage=not flag("disableStorage"),
        memory=flag("enableMemory"),
        return_data=flag("enableReturnData"),
        limit=params.uint64(fields.get("limit") or 0, "limit"),
    )
    call_tracer = _call_tracer_options(fields.get("tracerConfig") or {}) if tracer else None
    return TraceConfig(call_tracer, struct_log)


def _call_tracer_options(value: object) -> CallTracerOptions:
    fields = params.mapping(value, "tracerConfig", frozenset({"onlyTopCall", "withLog"}))
    return CallTracerOptions(
        *(params.boolean(fields.get(name) or False, name) for name in ("onlyTopCall", "withLog"))
    )


def trace_transaction(chain: Chain, transaction_hash: bytes, config: TraceConfig) -> Json:
    """A sealed transaction, run again.

    Raises:
        TraceRefused: there is none.
        LimitExceeded, ExecutionFailed: the answer would be too large, or takes too long.
    """
    position = chain.store.position_of(transaction_hash)
    if position is None:
        raise TraceRefused("transaction not found")
    number, index = position
    header = chain.header(number)
    (traced,) = within(TRACE_SECONDS_MAX, lambda: _trace_block(chain, header, config, index, 1))
    result: Json = traced["result"]
    return result


def trace_block(chain: Chain, reference: params.BlockReference, config: TraceConfig) -> list[Json]:
    """All transactions of a sealed block (errors as in ``trace_transaction``)."""
    header = _header(chain, reference)
    return within(TRACE_SECONDS_MAX, lambda: _trace_block(chain, header, config))


def trace_call(
    chain: Chain, request: params.CallRequest, reference: params.BlockReference, config: CallTraceConfig
) -> Json:
    """A transaction nobody signed, run as eth_call runs it; that it fails is part of the trace.

    Raises:
        ExecutionFailed: it can't even start, or takes too long.
        LimitExceeded, TraceRefused: as in ``trace_transaction``.
    """
    _header(chain, reference)
    site = calls.call_site(chain, reference, config.block)
    call = calls.Call(chain, site, request, config.accounts)

    def run() -> Json:
        state, transaction = call.prepare(call.gas)
        return _trace(state, transaction, config.trace, SizeBudget(), first_log_index=0)

    return within(TRACE_SECONDS_MAX, run)


def _trace_block(
    chain: Chain, header: Header, config: TraceConfig, first: int = 0, count: int | None = None
) -> list[Json]:
    """Some or all transactions of a block."""
    budget = SizeBudget()
    return [
        {
            "txHash": data(transaction.hash),
            "result": _trace(state, transaction, config, budget, receipt.first_log_index),
        }
        for state, transaction, receipt in islice(_replay(chain, header, first), count)
    ]


def _header(chain: Chain, reference: params.BlockReference) -> Header:
    try:
        return calls.resolve_header(chain, reference)
    except NotFound as exc:
        name = f"#{reference.number}" if reference.hash is None else data(reference.hash)
        raise TraceRefused(f"block {name} not found") from exc


def _replay(chain: Chain, header: Header, first: int = 0) -> Iterator[tuple[State, Transaction, Receipt]]:
    """The transactions of a block from one on, each with the state to run it on, which the caller must do.

    Raises:
        TraceRefused: the genesis block has no parent to start from.
    """
    number = header.block_number
    if number == 0:
        raise TraceRefused("genesis is not traceable")
    state = chain.state_at(chain.header(number - 1), chain.context_of(header))
    chain.rules.begin_block(state, header)
    transactions = chain.store.transactions(number, chain.chain_id)
    for transaction in transactions[:first]:
        process_transaction(state, transaction)
    receipts = chain.store.receipts(number)
    for transaction, receipt in zip(transactions[first:], receipts[first:], strict=True):
        yield state, transaction, receipt


def _trace(
    state: State, transaction: Transaction, config: TraceConfig, budget: SizeBudget, first_log_index: int
) -> Json:
    if config.call_tracer is None:
        logger = StructLogger(config.struct_log, budget)
        return _struct_log_json(run_observed(state, transaction, logger), logger)
    creates = transaction.to == CREATE
    frame = Frame(
        kind="CREATE" if creates else "CALL",
        sender=transaction.sender,
        to=transaction.to,
        value=transaction.value,
        gas=transaction.gas,
        data=transaction.data,
    )
    tracer = CallTracer(Call(frame), budget)
    outcome = run_observed(state, transaction, tracer)
    return _call_tree_json(outcome, tracer, config.call_tracer, first_log_index)


def run_observed(state: State, transaction: Transaction, observer: Observer) -> Outcome:
    """Run a transaction under an observer's eyes.

    Raises:
        RpcError: the observer had enough.
        ExecutionFault: py-evm broke.
    """
    try:
        with observed(state, observer):
            return process_transaction(state, transaction)
    except ExecutionFault as fault:
        if isinstance(fault.__cause__, RpcError):
            raise fault.__cause__ from None
        raise


def _struct_log_json(outcome: Outcome, logger: StructLogger) -> Json:
    told = outcome.succeeded or outcome.reverted
    return {
        "gas": outcome.gas_used,
        "failed": not outcome.succeeded,
        "returnValue": data(outcome.output if told else b""),
        "structLogs": logger.steps,
    }


def _call_tree_json(
    outcome: Outcome, tracer: CallTracer, options: CallTracerOptions, first_log_index: int
) -> Json:
    top, root = tracer.top, tracer.root
    top.gas_used, top.output = outcome.gas_used, outcome.output
    top.error = root.error if root is not None and root.is_error else None
    tree = _CallTree(options, first_log_index)
    answer = tree.render(top, False)
    if not outcome.succeeded:
        answer["error"] = top.error_words or outcome.failure
    if top.frame.to == CREATE and outcome.succeeded:
        answer["to"] = data(outcome.contract_address)
    return answer


@dataclass(slots=True)
class _CallTree:
    """Renders calls; counts the events that last, in the order they were emitted."""

    options: CallTracerOptions
    log_index: int

    def render(self, call: Call, lost: bool) -> Json:
        """A call and those below; ``lost`` says that one above it failed, and its events with it."""
        lost = lost or call.error is not None
        logs: list[Json] = []
        below: list[Json] = []
        waiting = iter([] if lost else call.logs)
        log = next(waiting, None)
        for position in range(len(call.calls) + 1):
            while log is not None and log.position == position:
                logs.append(self._log(log))
                log = next(waiting, None)
            if position < len(call.calls):
                below.append(self.render(call.calls[position], lost))
        fields = _frame_json(call)
        if below and not self.options.only_top_call:
            fields["calls"] = below
        if logs and self.options.with_log:
            fields["logs"] = logs
        return fields

    def _log(self, log: FrameLog) -> Json:
        index, self.log_index = self.log_index, self.log_index + 1
        return {
            "address": data(log.address),
            "topics": [data(topic.to_bytes(32, "big")) for topic in log.topics],
            "data": data(log.data),
            "index": quantity(index),
            "position": quantity(0 if self.options.only_top_call else log.position),
        }


def _frame_json(call: Call) -> Json:
    frame = call.frame
    fields: Json = {
        "type": frame.kind,
        "from": data(frame.sender),
        "gas": quantity(frame.gas),
        "gasUsed": quantity(call.gas_used),
        "input": data(frame.data),
    }
    if frame.to and not (call.error is not None and frame.kind.startswith("CREATE")):
        fields["to"] = data(frame.to)
    if frame.kind != "STATICCALL":
        fields["value"] = quantity(frame.value)
    if call.output and (call.error is None or call.reverted):
        fields["output"] = data(call.output)
    if call.error is not None:
        fields["error"] = call.error_words
    if call.reverted and (reason := _revert_reason(call.output)) is not None:
        fields["revertReason"] = reason
    return fields


def _revert_reason(output: bytes) -> str | None:
    """The text of Error(string), if it is that."""
    if output[:4] != calls.ERROR_STRING_SELECTOR:
        return None
    try:
        reason: str = abi_decode(["string"], output[4:])[0]
    except (DecodingError, UnicodeDecodeError, OverflowError):
        return None
    return reason
