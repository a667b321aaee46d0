"""eth_simulateV1 (ethereum/execution-apis): blocks that could follow, executed and thrown away.

State carries from call to call and block to block. Time may not go back but, as on this chain, may stand
still. Without ``validation`` anyone is a sender, nonces fill themselves in and gas is free.
"""

import time
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field, replace

from eth_utils.crypto import keccak
from rlp.codec import encode_raw

from node.authority import NO_REQUESTS
from node.block import Header, Receipt, make_receipt, with_results
from node.chain import Chain
from node.errors import InvalidParams, SimulationRefused
from node.forks import Fork
from node.rpc.calls import call_transaction, failure_message, overridden_context, override_state
from node.rpc.format import Json, block_json, data, log_json, quantity, transaction_json
from node.rpc.params import (
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
from node.transaction import CREATE, INITCODE_SIZE_MAX_BYTES, Transaction
from node.trie import EMPTY_ROOT
from node.vm import PREVIOUS_HASHES_MAX, BlockContext, Outcome, State, enter_block, process_transaction

BLOCKS_MAX = 256
CALLS_MAX = 10_000
GAS_MAX = 10_000_000_000
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
    full_transactions: bool


@dataclass(slots=True)
class Simulation:
    """A simulation under way."""

    chain: Chain
    plan: Plan
    state: State
    base: Header
    gas_left: int = GAS_MAX
    headers: list[Header] = field(default_factory=list)
    """The simulated ones so far."""

    @property
    def parent(self) -> Header:
        """The block the next one follows."""
        return self.headers[-1] if self.headers else self.base

    def hashes_before(self) -> Iterator[bytes]:
        """Hashes of simulated and then real blocks, newest first."""
        yield from (header.hash for header in reversed(self.headers[-PREVIOUS_HASHES_MAX:]))
        yield self.base.hash
        yield from self.chain.context_of(self.base).previous_hashes()


def parse_plan(payload: object) -> Plan:
    """The first parameter of eth_simulateV1.

    Raises:
        InvalidParams: it isn't one.
        SimulationRefused: too many blocks.
    """
    fields = mapping(payload, "simulation", PAYLOAD_FIELDS)
    blocks = sequence(fields.get("blockStateCalls"), "blockStateCalls", CALLS_MAX)
    if not blocks:
        raise InvalidParams("blockStateCalls: empty")
    if len(blocks) > BLOCKS_MAX:
        raise SimulationRefused(TOO_MANY_BLOCKS, f"too many blocks: {len(blocks)}, at most {BLOCKS_MAX}")
    if boolean(fields.get("traceTransfers", False), "traceTransfers"):
        raise InvalidParams("traceTransfers: not offered; money here is contract state, not the chain's coin")
    return Plan(
        blocks=tuple(_parse_block(block) for block in blocks),
        validation=boolean(fields.get("validation", False), "validation"),
        full_transactions=boolean(fields.get("returnFullTransactions", False), "returnFullTransactions"),
    )


def simulate(chain: Chain, plan: Plan, base: Header) -> list[Json]:
    """Run a plan on top of a sealed block; one JSON block per simulated block, gap fillers included.

    Raises:
        SimulationRefused: a block or transaction of it could not exist.
    """
    context = chain.context_of(base)
    simulation = Simulation(chain, plan, chain.state_at(base, context), base)
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
    expected = simulation.parent.block_number + 1
    number = expected if calls.override.number is None else calls.override.number
    if number < expected:
        raise SimulationRefused(BLOCK_NUMBER, f"block numbers must be in order: {number} < {expected}")
    if number - simulation.base.block_number > BLOCKS_MAX:
        raise SimulationRefused(TOO_MANY_BLOCKS, f"too many blocks: at most {BLOCKS_MAX} beyond the base")
    stand_still = BlockOverride(time=simulation.parent.timestamp)
    return [BlockCalls(stand_still, {}, ())] * (number - expected)


def _simulate_block(simulation: Simulation, calls: BlockCalls) -> Json:
    context = _context(simulation, calls.override)
    enter_block(simulation.state, context)
    override_state(simulation.state, calls.accounts)
    transactions: list[Transaction] = []
    outcomes: list[Outcome] = []
    receipts: list[Receipt] = []
    for request in calls.calls:
        block_gas_left = context.gas_limit - (receipts[-1].cumulative_gas_used if receipts else 0)
        transaction = _transaction(simulation, request, block_gas_left)
        _validate(simulation, transaction, context, block_gas_left)
        outcome = process_transaction(simulation.state, _with_nonce_in_state(simulation.state, transaction))
        simulation.gas_left -= outcome.gas_used
        transactions.append(transaction)
        outcomes.append(outcome)
        receipts.append(make_receipt(transaction, outcome, receipts))
    header = with_results(_header(simulation.parent, context), transactions, receipts)
    header = header.copy(state_root=simulation.state.make_state_root())
    simulation.headers.append(header)
    return _block_result(simulation.plan, header, transactions, list(zip(outcomes, receipts, strict=True)))


def _context(simulation: Simulation, override: BlockOverride) -> BlockContext:
    parent = simulation.parent
    draft = simulation.chain.rules.next_header(parent, int(time.time()), simulation.base.coinbase)
    context = replace(
        simulation.chain.context_of(draft.copy(mix_hash=bytes(32))),
        base_fee=0,
        previous_hashes=simulation.hashes_before,
    )
    context = overridden_context(context, override)
    if context.timestamp < parent.timestamp:
        raise SimulationRefused(
            BLOCK_TIME, f"block timestamps must be in order: {context.timestamp} < {parent.timestamp}"
        )
    return context


def _header(parent: Header, context: BlockContext) -> Header:
    """A header of the context's fork, before results."""
    fork = context.fork
    return Header(
        parent_hash=parent.hash,
        block_number=context.number,
        gas_limit=context.gas_limit,
        timestamp=context.timestamp,
        coinbase=context.coinbase,
        difficulty=context.difficulty,
        mix_hash=context.previous_randao,
        base_fee_per_gas=context.base_fee if fork >= Fork.LONDON else None,
        withdrawals_root=EMPTY_ROOT if fork >= Fork.SHANGHAI else None,
        blob_gas_used=0 if fork >= Fork.CANCUN else None,
        excess_blob_gas=context.excess_blob_gas if fork >= Fork.CANCUN else None,
        parent_beacon_block_root=bytes(32) if fork >= Fork.CANCUN else None,
        requests_hash=NO_REQUESTS if fork >= Fork.PRAGUE else None,
    )


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
    raw = _encode_unsigned(transaction)
    return replace(transaction, raw=raw, hash=keccak(raw))


def _validate(
    simulation: Simulation, transaction: Transaction, context: BlockContext, block_gas_left: int
) -> None:
    if transaction.gas > block_gas_left:
        raise SimulationRefused(
            BLOCK_GAS_LIMIT, f"block gas limit reached: {transaction.gas} >= {block_gas_left}"
        )
    if transaction.gas < transaction.gas_floor:
        raise SimulationRefused(
            INTRINSIC_GAS,
            f"intrinsic gas too low: gas {transaction.gas}, minimum needed {transaction.gas_floor}",
        )
    if transaction.to == CREATE and len(transaction.data) > INITCODE_SIZE_MAX_BYTES:
        raise SimulationRefused(
            INITCODE_TOO_LARGE, f"max initcode size exceeded: {len(transaction.data)} bytes"
        )
    balance = simulation.state.get_balance(transaction.sender)
    if transaction.cost_max > balance:
        raise SimulationRefused(
            INSUFFICIENT_FUNDS, f"insufficient funds: have {balance} want {transaction.cost_max}"
        )
    if transaction.max_fee_per_gas and transaction.max_fee_per_gas < context.base_fee:
        raise SimulationRefused(
            BASE_FEE_TOO_LOW, f"max fee per gas below base fee: {transaction.max_fee_per_gas}"
        )
    if simulation.plan.validation:
        _validate_strictly(simulation.state, transaction, context)


def _validate_strictly(state: State, transaction: Transaction, context: BlockContext) -> None:
    """What ``validation: true`` adds; signatures stay unchecked."""
    expected = state.get_nonce(transaction.sender)
    if transaction.nonce != expected:
        code, word = (NONCE_TOO_LOW, "low") if transaction.nonce < expected else (NONCE_TOO_HIGH, "high")
        raise SimulationRefused(
            code, f"nonce too {word}: next nonce {expected}, tx nonce {transaction.nonce}"
        )
    if transaction.max_fee_per_gas < context.base_fee:
        raise SimulationRefused(
            BASE_FEE_TOO_LOW, f"max fee per gas below base fee: {transaction.max_fee_per_gas}"
        )


def _with_nonce_in_state(state: State, transaction: Transaction) -> Transaction:
    """Without validation a caller's own nonce counts: a created contract's address follows from it."""
    if state.get_nonce(transaction.sender) != transaction.nonce:
        state.set_nonce(transaction.sender, transaction.nonce)
    return transaction


def _encode_unsigned(transaction: Transaction) -> bytes:
    """EIP-1559's encoding with an empty signature: names a simulated transaction, nothing more."""

    def number(value: int) -> bytes:
        return value.to_bytes((value.bit_length() + 7) // 8, "big")

    access_list = [
        [address, [slot.to_bytes(32, "big") for slot in slots]] for address, slots in transaction.access_list
    ]
    fees = [number(transaction.max_priority_fee_per_gas), number(transaction.max_fee_per_gas)]
    receiver = [transaction.to, number(transaction.value), transaction.data, access_list, b"", b"", b""]
    head = [number(transaction.chain_id or 0), number(transaction.nonce), *fees, number(transaction.gas)]
    encoded: bytes = encode_raw([*head, *receiver])
    return b"\x02" + encoded


def _block_result(
    plan: Plan, header: Header, transactions: list[Transaction], results: list[tuple[Outcome, Receipt]]
) -> Json:
    raws = [transaction.raw for transaction in transactions]
    shown: list[object] = [data(transaction.hash) for transaction in transactions]
    if plan.full_transactions:
        shown = [transaction_json(entry, header, index) for index, entry in enumerate(transactions)]
    calls = [
        _call_result(outcome, receipt, header, transaction.hash, index)
        for index, (transaction, (outcome, receipt)) in enumerate(zip(transactions, results, strict=True))
    ]
    return block_json(header, raws, shown) | {"calls": calls}


def _call_result(
    outcome: Outcome, receipt: Receipt, header: Header, transaction_hash: bytes, index: int
) -> Json:
    result: Json = {
        "status": quantity(int(outcome.succeeded)),
        "returnData": data(outcome.output),
        "gasUsed": quantity(outcome.gas_used),
        "maxUsedGas": quantity(outcome.gas_peak),
        "logs": [
            log_json(log, header, transaction_hash, index, receipt.first_log_index + position)
            for position, log in enumerate(outcome.logs)
        ],
    }
    if outcome.reverted:
        result["error"] = {"code": 3, "message": failure_message(outcome), "data": data(outcome.output)}
    elif not outcome.succeeded:
        result["error"] = {"code": CALL_FAILED, "message": outcome.failure}
    return result
