"""eth_simulateV1 (ethereum/execution-apis): blocks that could follow, executed and thrown away.

State carries from call to call and block to block. Time goes by the wall clock and may stand still on our
own networks, as in their blocks; on an imported one it goes 12 seconds a block. Without ``validation`` anyone
is a sender, nonces fill themselves in and gas is free.
"""

import time
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field, replace

from eth_utils.crypto import keccak

from node.block import Header, Receipt, UncheckedBlock, make_receipt, with_results
from node.chain import Chain
from node.errors import InvalidBlock, InvalidParams, SimulationRefused
from node.forks import Fork, gas_floor
from node.genesis import Network
from node.rpc.calls import call_transaction, failure_message, override_state
from node.rpc.format import Json, block_json, data, logs_json, quantity, transaction_json
from node.rpc.params import (
    UINT64_MAX,
    AccountOverride,
    BlockOverride,
    CallRequest,
    block_override,
    boolean,
    call_request,
    mapping,
    sequence,
    state_override,
)
from node.rpc.time_limit import CALL_SECONDS_MAX, within
from node.rpc.transfers import TRANSFER_ADDRESS, log_transfers
from node.rpc.unsigned import encode_unsigned
from node.transaction import CREATE, INITCODE_SIZE_MAX_BYTES, Transaction
from node.vm import (
    PREVIOUS_HASHES_MAX,
    BlockContext,
    Outcome,
    State,
    enter_block,
    open_state,
    process_transaction,
)

BLOCKS_MAX = 256
SECONDS_A_BLOCK = 12
"""Between simulated blocks of an imported network."""
CALLS_MAX = 10_000
GAS_MAX = 1_000_000_000
"""All calls of one simulation together."""

BLOCK_CALL_FIELDS = frozenset({"blockOverrides", "stateOverrides", "calls"})
PAYLOAD_FIELDS = frozenset({"blockStateCalls", "validation", "traceTransfers", "returnFullTransactions"})

NONCE_TOO_LOW = -38010
NONCE_TOO_HIGH = -38011
BASE_FEE_TOO_LOW = -38012
INTRINSIC_GAS = -38013
INSUFFICIENT_FUNDS = -38014
BLOCK_GAS_LIMIT = -38015
BLOCK_NUMBER = -38020
BLOCK_TIME = -38021
INITCODE_TOO_LARGE = -38025
TOO_MANY_BLOCKS = -38026
CALL_FAILED = -32015


@dataclass(frozen=True, slots=True)
class BlockCalls:
    """One block a caller wants simulated."""

    override: BlockOverride
    accounts: Mapping[bytes, AccountOverride]
    calls: tuple[CallRequest, ...]


@dataclass(frozen=True, slots=True)
class Plan:
    """A whole simulation as the caller asked for it."""

    blocks: tuple[BlockCalls, ...]
    validation: bool
    trace_transfers: bool
    full_transactions: bool


@dataclass(slots=True)
class Simulation:
    """A simulation under way."""

    chain: Chain
    plan: Plan
    base: Header
    state: State
    gas_left: int = GAS_MAX
    headers: list[Header] = field(default_factory=list)
    """The simulated ones so far."""

    @property
    def parent(self) -> Header:
        """The block the next one follows."""
        return self.headers[-1] if self.headers else self.base

    @property
    def time_may_stand_still(self) -> bool:
        """On our own networks, whose blocks come faster than seconds."""
        return isinstance(self.chain.network, Network)

    def hashes_before(self) -> Iterator[bytes]:
        """Hashes of simulated and then real blocks, newest first."""
        yield from (header.hash for header in reversed(self.headers[-PREVIOUS_HASHES_MAX:]))
        yield self.base.hash
        yield from self.chain.context_of(self.base).previous_hashes()


@dataclass(slots=True)
class Simulated:
    """A block under simulation: what ran so far."""

    draft: Header
    transactions: list[Transaction] = field(default_factory=list)
    outcomes: list[Outcome] = field(default_factory=list)
    receipts: list[Receipt] = field(default_factory=list)

    @property
    def gas_left(self) -> int:
        """Of the block's gas limit."""
        return self.draft.gas_limit - (self.receipts[-1].cumulative_gas_used if self.receipts else 0)

    def add(self, transaction: Transaction, outcome: Outcome, post_state: bytes) -> None:
        """Another transaction; its receipt is without the events that only stand for transfers."""
        self.transactions.append(transaction)
        self.outcomes.append(outcome)
        events = tuple(log for log in outcome.logs if log.address != TRANSFER_ADDRESS)
        told = replace(outcome, logs=events)
        self.receipts.append(make_receipt(transaction, told, self.receipts, post_state))


def parse_plan(payload: object) -> Plan:
    """The first parameter of eth_simulateV1.

    Raises:
        InvalidParams: it isn't one.
        SimulationRefused: too many blocks.
    """
    fields = mapping(payload, "simulation", PAYLOAD_FIELDS)
    blocks = sequence(fields.get("blockStateCalls") or [], "blockStateCalls", CALLS_MAX)
    if len(blocks) > BLOCKS_MAX:
        raise SimulationRefused(TOO_MANY_BLOCKS, f"too many blocks: {len(blocks)}, at most {BLOCKS_MAX}")
    return Plan(
        blocks=tuple(_parse_block(block) for block in blocks),
        validation=boolean(fields.get("validation") or False, "validation"),
        trace_transfers=boolean(fields.get("traceTransfers") or False, "traceTransfers"),
        full_transactions=boolean(fields.get("returnFullTransactions") or False, "returnFullTransactions"),
    )


def simulate(chain: Chain, plan: Plan, base: Header) -> list[Json]:
    """Run a plan on top of a sealed block; one JSON block per simulated block, gap fillers included.

    Raises:
        InvalidParams: there is nothing to simulate.
        SimulationRefused: a block or transaction of it could not exist.
        StateUnavailable: the base block's state isn't kept.
        ExecutionFailed: it takes too long.
    """
    if not plan.blocks:
        raise InvalidParams("empty input")
    return within(CALL_SECONDS_MAX, lambda: _simulated(chain, plan, base))


def _simulated(chain: Chain, plan: Plan, base: Header) -> list[Json]:
    simulation = Simulation(chain, plan, base, chain.state_at(base, chain.context_of(base)))
    results = []
    for calls in plan.blocks:
        for filler in _fillers(simulation, calls):
            results.append(_simulate_block(simulation, filler))
        results.append(_simulate_block(simulation, calls))
    return results


def _parse_block(value: object) -> BlockCalls:
    fields = mapping(value, "blockStateCalls", BLOCK_CALL_FIELDS)
    calls = sequence(fields.get("calls") or [], "calls", CALLS_MAX)
    return BlockCalls(
        override=block_override(fields.get("blockOverrides") or {}),
        accounts=state_override(fields.get("stateOverrides") or {}),
        calls=tuple(call_request(call) for call in calls),
    )


def _fillers(simulation: Simulation, calls: BlockCalls) -> list[BlockCalls]:
    """Empty blocks for numbers the caller jumped over."""
    last = simulation.parent.block_number
    number = last + 1 if calls.override.number is None else calls.override.number
    if number <= last:
        raise SimulationRefused(BLOCK_NUMBER, f"block numbers must be in order: {number} <= {last}")
    if number - simulation.base.block_number > BLOCKS_MAX:
        raise SimulationRefused(TOO_MANY_BLOCKS, f"too many blocks: at most {BLOCKS_MAX} beyond the base")
    still = simulation.parent.timestamp if simulation.time_may_stand_still else None
    return [BlockCalls(BlockOverride(time=still), {}, ())] * (number - last - 1)


def _simulate_block(simulation: Simulation, calls: BlockCalls) -> Json:
    draft = _draft(simulation, calls.override)
    context = _context(simulation, draft, calls.override)
    _enter(simulation, context)
    state, rules = simulation.state, simulation.chain.rules
    rules.begin_block(state, draft)
    override_state(state, calls.accounts)
    block = Simulated(draft)
    for request in calls.calls:
        transaction = _transaction(simulation, request, block.gas_left)
        _validate(simulation, transaction, context, block.gas_left)
        outcome = process_transaction(state, _with_nonce_in_state(state, transaction))
        simulation.gas_left -= outcome.gas_used
        block.add(transaction, outcome, state.make_state_root() if context.fork < Fork.BYZANTIUM else b"")
    raws = tuple(transaction.raw for transaction in block.transactions)
    withdrawals = None if draft.withdrawals_root is None else calls.override.withdrawals
    unchecked = UncheckedBlock(draft, raws, (), withdrawals)
    header = _end(simulation, unchecked, block)
    simulation.headers.append(header)
    return _block_result(simulation.plan, replace(unchecked, header=header), block)


def _end(simulation: Simulation, unchecked: UncheckedBlock, block: Simulated) -> Header:
    """The header with everything that follows from what ran."""
    state, results = simulation.state, (block.transactions, block.receipts)
    try:
        header = simulation.chain.rules.end_block(state, unchecked, *results)
    except InvalidBlock as exc:
        raise InvalidParams(f"blockOverrides: {exc}") from exc
    return with_results(header, *results).copy(state_root=state.make_state_root())


def _draft(simulation: Simulation, override: BlockOverride) -> Header:
    """The header before results: what the rules give, with what the caller replaced.

    Raises:
        SimulationRefused: time would go back.
    """
    chain, parent = simulation.chain, simulation.parent
    still = simulation.time_may_stand_still
    default = max(parent.timestamp, int(time.time())) if still else parent.timestamp + SECONDS_A_BLOCK
    timestamp = default if override.time is None else override.time
    if timestamp < parent.timestamp or (timestamp == parent.timestamp and not still):
        sign = "<" if still else "<="
        raise SimulationRefused(
            BLOCK_TIME, f"block timestamps must be in order: {timestamp} {sign} {parent.timestamp}"
        )
    header = chain.rules.next_header(parent, timestamp, simulation.base.coinbase)
    fork = chain.context_of(header).fork
    free = None if fork < Fork.LONDON else 0
    wanted = {
        "block_number": override.number,
        "gas_limit": override.gas_limit,
        "coinbase": override.fee_recipient,
        "base_fee_per_gas": override.base_fee if simulation.plan.validation else override.base_fee or free,
        "parent_beacon_block_root": override.beacon_root if fork >= Fork.CANCUN else None,
    }
    given = {name: value for name, value in wanted.items() if value is not None}
    return header.copy(**given, mix_hash=override.previous_randao or bytes(32))


def _context(simulation: Simulation, draft: Header, override: BlockOverride) -> BlockContext:
    return replace(
        simulation.chain.context_of(draft),
        previous_hashes=simulation.hashes_before,
        blob_fee=override.blob_fee,
    )


def _enter(simulation: Simulation, context: BlockContext) -> None:
    """Go on with the state in the next block; under another fork's rules it becomes another state."""
    state = simulation.state
    if context.fork == state.block.fork:
        enter_block(state, context)
        state.computation_class = type(state).computation_class  # moved precompiles move back
    else:
        state.persist()
        simulation.state = open_state(state._db, state.state_root, context)
    if simulation.plan.trace_transfers:
        log_transfers(simulation.state)


def _transaction(simulation: Simulation, request: CallRequest, block_gas_left: int) -> Transaction:
    nonce = request.nonce
    if nonce is None:
        nonce = simulation.state.get_nonce(request.sender)
    gas = request.gas if request.gas is not None else block_gas_left
    if gas > simulation.gas_left:
        if request.gas is not None or simulation.gas_left <= 0:
            raise SimulationRefused(BLOCK_GAS_LIMIT, f"the simulation's gas is used up: at most {GAS_MAX}")
        gas = simulation.gas_left
    transaction = call_transaction(request, simulation.chain.chain_id, nonce, gas)
    raw = encode_unsigned(transaction)
    return replace(transaction, raw=raw, hash=keccak(raw))


def _validate(
    simulation: Simulation, transaction: Transaction, context: BlockContext, block_gas_left: int
) -> None:
    """What holds for every call, validated or not.

    Raises:
        SimulationRefused: the transaction can't be in the block.
    """
    if transaction.gas > block_gas_left:
        raise SimulationRefused(
            BLOCK_GAS_LIMIT, f"block gas limit reached: {transaction.gas} >= {block_gas_left}"
        )
    least = gas_floor(transaction, context.fork)
    if transaction.gas < least:
        raise SimulationRefused(INTRINSIC_GAS, f"intrinsic gas too low: have {transaction.gas}, want {least}")
    too_large = len(transaction.data) > INITCODE_SIZE_MAX_BYTES and context.fork >= Fork.SHANGHAI
    if transaction.to == CREATE and too_large:
        raise SimulationRefused(
            INITCODE_TOO_LARGE, f"max initcode size exceeded: {len(transaction.data)} bytes"
        )
    if transaction.nonce == UINT64_MAX:
        raise SimulationRefused(
            NONCE_TOO_HIGH, f"nonce has max value: address 0x{transaction.sender.hex()}, nonce: {UINT64_MAX}"
        )
    if simulation.plan.validation:
        _validate_nonce(transaction, simulation.state.get_nonce(transaction.sender))
    offers = transaction.max_fee_per_gas or transaction.max_priority_fee_per_gas
    if (offers or simulation.plan.validation) and transaction.max_fee_per_gas < context.base_fee:
        raise SimulationRefused(
            BASE_FEE_TOO_LOW,
            f"max fee per gas less than block base fee: address 0x{transaction.sender.hex()}, "
            f"maxFeePerGas: {transaction.max_fee_per_gas}, baseFee: {context.base_fee}",
        )
    balance = simulation.state.get_balance(transaction.sender)
    if transaction.cost_max > balance:
        raise SimulationRefused(
            INSUFFICIENT_FUNDS,
            f"insufficient funds for gas * price + value: address 0x{transaction.sender.hex()} "
            f"have {balance} want {transaction.cost_max}",
        )


def _validate_nonce(transaction: Transaction, expected: int) -> None:
    if transaction.nonce != expected:
        code, word = (NONCE_TOO_LOW, "low") if transaction.nonce < expected else (NONCE_TOO_HIGH, "high")
        raise SimulationRefused(
            code,
            f"nonce too {word}: address 0x{transaction.sender.hex()}, "
            f"tx: {transaction.nonce} state: {expected}",
        )


def _with_nonce_in_state(state: State, transaction: Transaction) -> Transaction:
    """Without validation a caller's own nonce counts: a created contract's address follows from it."""
    if state.get_nonce(transaction.sender) != transaction.nonce:
        state.set_nonce(transaction.sender, transaction.nonce)
    return transaction


def _block_result(plan: Plan, unchecked: UncheckedBlock, block: Simulated) -> Json:
    header = unchecked.header
    shown: list[object] = [data(transaction.hash) for transaction in block.transactions]
    if plan.full_transactions:
        shown = [transaction_json(entry, header, index) for index, entry in enumerate(block.transactions)]
    calls, logs_before = [], 0
    for index, outcome in enumerate(block.outcomes):
        numbered = enumerate(outcome.logs, logs_before)
        calls.append(
            _call_result(outcome, logs_json(numbered, header, block.transactions[index].hash, index))
        )
        logs_before += len(outcome.logs)
    return block_json(unchecked, shown) | {"calls": calls}


def _call_result(outcome: Outcome, logs: list[Json]) -> Json:
    result: Json = {
        "status": quantity(int(outcome.succeeded)),
        "returnData": data(outcome.output),
        "gasUsed": quantity(outcome.gas_used),
        "maxUsedGas": quantity(outcome.gas_peak),
        "logs": logs,
    }
    if outcome.reverted:
        result["error"] = {"code": 3, "message": failure_message(outcome), "data": data(outcome.output)}
    elif not outcome.succeeded:
        result["error"] = {"code": CALL_FAILED, "message": outcome.failure}
    return result
