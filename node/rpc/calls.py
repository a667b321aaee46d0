"""eth_call and eth_estimateGas: running a transaction nobody signed, on a state nobody keeps."""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import TypeVar

from eth_abi.abi import decode as abi_decode
from eth_abi.exceptions import DecodingError

from node.block import Header
from node.chain import Chain
from node.errors import ExecutionFailed, ExecutionReverted, InvalidParams, NotFound, SimulationRefused
from node.forks import gas_floor
from node.rpc.params import AccountOverride, BlockOverride, BlockReference, CallRequest
from node.transaction import CREATE, INITCODE_SIZE_MAX_BYTES, Transaction
from node.vm import REVERTED, BlockContext, Outcome, State, process_transaction

Value = TypeVar("Value")

CALL_GAS_MAX = 10_000_000_000
"""A call asking for more gets this much."""
ESTIMATE_TOLERANCE = 0.015
"""An estimate may exceed the least sufficient gas by this share."""
CALL_STIPEND = 2_300
ERROR_STRING_SELECTOR = bytes.fromhex("08c379a0")
MOVED_TO_ITSELF = -38022
MOVED_TOGETHER = -38023
PANIC_SELECTOR = bytes.fromhex("4e487b71")
PANIC_TEXTS = {
    0x00: "generic panic",
    0x01: "assert(false)",
    0x11: "arithmetic underflow or overflow",
    0x12: "division or modulo by zero",
    0x21: "enum overflow",
    0x22: "invalid encoded storage byte array accessed",
    0x31: "out-of-bounds array access; popping on an empty array",
    0x32: "out-of-bounds access of an array or bytesN",
    0x41: "out of memory",
    0x51: "uninitialized function",
}


@dataclass(frozen=True, slots=True)
class CallSite:
    """Where a call runs: the state after ``header``, seen from ``context``."""

    header: Header
    context: BlockContext


def resolve_header(chain: Chain, reference: BlockReference) -> Header:
    """The sealed block a caller names.

    A block is final as soon as it is sealed: ``safe`` and ``finalized`` are ``latest``. So is ``pending``,
    whose transactions haven't run.

    Raises:
        NotFound: there is none.
    """
    if reference.tag is not None:
        return chain.header(0) if reference.tag == "earliest" else chain.head
    number = reference.number
    if reference.hash is not None:
        number = chain.store.number_of(reference.hash)
        if number is None:
            raise NotFound("header for hash not found")
    if number is None or number > chain.head.block_number:
        raise NotFound("header not found")
    return chain.header(number)


def call_site(chain: Chain, reference: BlockReference, override: BlockOverride) -> CallSite:
    """``pending`` runs in the block that would be made now, anything else in the named block itself."""
    header = resolve_header(chain, reference)
    context = chain.next_context() if reference.tag == "pending" else chain.context_of(header)
    return CallSite(header, overridden_context(context, override))


def overridden_context(context: BlockContext, override: BlockOverride) -> BlockContext:
    """The block context with what the caller replaced."""
    return replace(
        context,
        number=_either(override.number, context.number),
        timestamp=_either(override.time, context.timestamp),
        gas_limit=_either(override.gas_limit, context.gas_limit),
        coinbase=_either(override.fee_recipient, context.coinbase),
        previous_randao=_either(override.previous_randao, context.previous_randao),
        base_fee=_either(override.base_fee, context.base_fee),
        blob_fee=override.blob_fee,
    )


def override_state(state: State, overrides: Mapping[bytes, AccountOverride]) -> None:
    """Write the caller's account overrides into a state.

    Raises:
        ExecutionFailed, SimulationRefused: a precompiled contract can't move as wanted.
    """
    _override_precompiles(state, overrides)
    for address, override in overrides.items():
        if override.balance is not None:
            state.set_balance(address, override.balance)
        if override.nonce is not None:
            state.set_nonce(address, override.nonce)
        if override.code is not None:
            state.set_code(address, override.code)
        if override.state is not None:
            state.delete_storage(address)
        for slot, content in {**(override.state or {}), **override.state_difference}.items():
            state.set_storage(address, slot, content)
    state.lock_changes()


def _override_precompiles(state: State, overrides: Mapping[bytes, AccountOverride]) -> None:
    """Move precompiled contracts; one that moves, or whose code is overridden, is gone from its place."""
    here = state.computation_class.get_precompiles()
    moved = {address: entry.precompile_to for address, entry in overrides.items() if entry.precompile_to}
    for address, target in moved.items():
        if address not in here:
            raise ExecutionFailed(f"account 0x{address.hex()} is not a precompile")
        if target == address:
            raise SimulationRefused(MOVED_TO_ITSELF, f"account 0x{address.hex()} can't move to itself")
        if target in overrides:
            raise ExecutionFailed(f"account 0x{target.hex()} is already overridden")
    if len(set(moved.values())) < len(moved):
        raise SimulationRefused(MOVED_TOGETHER, "two precompiles can't move to the same account")
    gone = {address for address, entry in overrides.items() if entry.code is not None and address in here}
    if moved or gone:
        kept = {address: code for address, code in here.items() if address not in gone | moved.keys()}
        kept.update({target: here[address] for address, target in moved.items()})
        state.computation_class = type("Computation", (state.computation_class,), {"_precompiles": kept})


def call_transaction(request: CallRequest, chain_id: int, nonce: int, gas: int) -> Transaction:
    """The transaction a call stands for; it has no signature and no hash.

    Raises:
        InvalidParams: it is for another chain.
    """
    if request.chain_id not in (None, chain_id):
        raise InvalidParams(f"chainId does not match node's (have={request.chain_id}, want={chain_id})")
    return Transaction(
        hash=bytes(32),
        raw=b"",
        type_id=request.type_id,
        chain_id=chain_id,
        sender=request.sender,
        nonce=nonce,
        gas=gas,
        max_fee_per_gas=request.fee,
        max_priority_fee_per_gas=request.priority_fee,
        to=request.to,
        value=request.value,
        data=request.data,
        access_list=request.access_list,
        max_fee_per_blob_gas=request.blob_fee,
        blob_versioned_hashes=request.blob_hashes,
        authorization_list=request.authorizations,
    )


def run_call(
    chain: Chain, site: CallSite, request: CallRequest, overrides: Mapping[bytes, AccountOverride], gas: int
) -> Outcome:
    """Run a call on a fresh state (errors as in ``prepare_call``)."""
    return process_transaction(*prepare_call(chain, site, request, overrides, gas))


def prepare_call(
    chain: Chain, site: CallSite, request: CallRequest, overrides: Mapping[bytes, AccountOverride], gas: int
) -> tuple[State, Transaction]:
    """A fresh state and the transaction to run on it.

    Raises:
        ExecutionFailed: it can't start: too little money or gas, or too large init code.
    """
    context = _free_of_charge(site.context, request)
    state = chain.state_at(site.header, context)
    override_state(state, overrides)
    transaction = call_transaction(request, chain.chain_id, state.get_nonce(request.sender), gas)
    if transaction.max_fee_per_gas < context.base_fee:
        raise ExecutionFailed(
            f"max fee per gas less than block base fee: address 0x{request.sender.hex()}, "
            f"maxFeePerGas: {transaction.max_fee_per_gas}, baseFee: {context.base_fee}"
        )
    balance = state.get_balance(request.sender)
    if transaction.cost_max > balance:
        raise ExecutionFailed(
            "insufficient funds for gas * price + value: "
            f"address 0x{request.sender.hex()} have {balance} want {transaction.cost_max}"
        )
    least = gas_floor(transaction, context.fork)
    if gas < least:
        raise ExecutionFailed(f"intrinsic gas too low: gas {gas}, minimum needed {least}")
    if request.to == CREATE and len(request.data) > INITCODE_SIZE_MAX_BYTES:
        raise ExecutionFailed(f"max initcode size exceeded: code size {len(request.data)}")
    return state, transaction


def _free_of_charge(context: BlockContext, request: CallRequest) -> BlockContext:
    """Who offers nothing for gas sees a block in which it costs nothing (as in geth)."""
    blobs_are_free = request.blob_hashes and not request.blob_fee
    return replace(
        context,
        base_fee=context.base_fee if request.fee else 0,
        blob_fee=0 if blobs_are_free else context.blob_fee,
    )


def call(
    chain: Chain, site: CallSite, request: CallRequest, overrides: Mapping[bytes, AccountOverride]
) -> bytes:
    """eth_call: what the transaction returns.

    Raises:
        ExecutionReverted: the contract said no.
        ExecutionFailed: anything else that isn't success.
    """
    outcome = run_call(chain, site, request, overrides, gas_for_call(site, request))
    raise_unless_succeeded(outcome)
    return outcome.output


def estimate_gas(
    chain: Chain, site: CallSite, request: CallRequest, overrides: Mapping[bytes, AccountOverride]
) -> int:
    """eth_estimateGas: a gas limit with which the transaction succeeds, at most 1.5 % above the least.

    What a call forwards is 63/64 of what is left (EIP-150), and refunds come after the end (EIP-3529), so the
    gas used is not the gas needed: the limit is searched for by running again.

    Raises:
        ExecutionReverted, ExecutionFailed: it fails with all the gas there is.
    """
    high = min(gas_for_call(site, request), site.context.gas_limit)

    def attempt(gas: int) -> Outcome:
        return run_call(chain, site, request, overrides, gas)

    outcome = attempt(high)
    raise_unless_succeeded(outcome)
    transaction = call_transaction(request, chain.chain_id, 0, high)
    low = max(outcome.gas_used, gas_floor(transaction, site.context.fork)) - 1
    likely = (outcome.gas_peak + CALL_STIPEND) * 64 // 63
    if attempt(outcome.gas_peak).succeeded:
        return outcome.gas_peak
    if low < likely < high:
        low, high = (low, likely) if attempt(likely).succeeded else (likely, high)
    while (high - low) > ESTIMATE_TOLERANCE * high and high - low > 1:
        middle = min((low + high) // 2, low * 2)
        low, high = (low, middle) if attempt(middle).succeeded else (middle, high)
    return high


def raise_unless_succeeded(outcome: Outcome) -> None:
    """Turn a failed outcome into the error a caller gets."""
    if outcome.succeeded:
        return
    if outcome.reverted:
        raise ExecutionReverted(failure_message(outcome), "0x" + outcome.output.hex())
    raise ExecutionFailed(outcome.failure)


def failure_message(outcome: Outcome) -> str:
    """``execution reverted``, with the reason when the revert data is Error(string) or Panic(uint256)."""
    if outcome.failure != REVERTED:
        return outcome.failure
    selector, payload = outcome.output[:4], outcome.output[4:]
    try:
        if selector == ERROR_STRING_SELECTOR:
            return f"{REVERTED}: {abi_decode(['string'], payload)[0]}"
        if selector == PANIC_SELECTOR:
            return f"{REVERTED}: {panic_text(abi_decode(['uint256'], payload)[0])}"
    except (DecodingError, UnicodeDecodeError, OverflowError):
        return REVERTED
    return REVERTED


def gas_for_call(site: CallSite, request: CallRequest) -> int:
    """What a call may use: what it asks for, else a whole block's, at most ``CALL_GAS_MAX``."""
    gas = request.gas if request.gas is not None else site.context.gas_limit
    if gas == 0:
        raise InvalidParams("gas: must be above zero")
    return min(gas, CALL_GAS_MAX)


def panic_text(code: int) -> str:
    """What a Panic(uint256) means, in geth's words."""
    return PANIC_TEXTS.get(code, f"unknown panic code: {code:#x}")


def _either(replacement: Value | None, original: Value) -> Value:
    return original if replacement is None else replacement
