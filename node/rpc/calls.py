"""eth_call and eth_estimateGas: running a transaction nobody signed, on a state nobody keeps."""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import TypeVar

from eth_abi.abi import decode as abi_decode
from eth_abi.exceptions import DecodingError

from node.block import Header
from node.chain import Chain
from node.errors import (
    ExecutionFailed,
    ExecutionReverted,
    InvalidParams,
    NotFound,
    SimulationRefused,
    TransactionRefused,
)
from node.forks import Fork, gas_floor, transaction_types
from node.rpc.params import UINT64_MAX, AccountOverride, BlockOverride, BlockReference, CallRequest
from node.rpc.time_limit import CALL_SECONDS_MAX, within
from node.transaction import (
    ACCESS_LIST,
    BLOB,
    CREATE,
    DYNAMIC_FEE,
    GAS_PER_BLOB,
    INITCODE_SIZE_MAX_BYTES,
    SET_CODE,
    Transaction,
)
from node.validation import BLOB_HASH_VERSION, validate_fees, validate_funds
from node.vm import REVERTED, BlockContext, Outcome, State, process_transaction

Value = TypeVar("Value")

CALL_GAS_MAX = 1_000_000_000
"""A call asking for more gets this much."""
ESTIMATE_TOLERANCE = 0.015
"""An estimate may exceed the least sufficient gas by this share."""
CALL_STIPEND = 2_300
OUT_OF_GAS = "out of gas"
TYPE_NAMES = {
    ACCESS_LIST: "access list tx",
    DYNAMIC_FEE: "dynamic fee tx",
    BLOB: "blob tx",
    SET_CODE: "setcode tx",
}
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
        Diverged: a replica in alarm is asked about now.
    """
    if reference.tag is not None:
        return chain.header(0) if reference.tag == "earliest" else chain.latest
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


@dataclass(frozen=True, slots=True)
class Call:
    """A call with all it needs to run, as often as one likes."""

    chain: Chain
    site: CallSite
    request: CallRequest
    overrides: Mapping[bytes, AccountOverride]

    @property
    def gas(self) -> int:
        """What it may use: what it asks for, else a whole block's, at most ``CALL_GAS_MAX``."""
        gas = self.request.gas if self.request.gas is not None else self.site.context.gas_limit
        if gas == 0:
            raise InvalidParams("gas: must be above zero")
        return min(gas, CALL_GAS_MAX)

    def prepare(self, gas: int) -> tuple[State, Transaction]:
        """A fresh state with the caller's overrides, and the transaction to run on it.

        Raises:
            ExecutionFailed: it can't start: fields of a later fork, fees, money, gas or init code.
        """
        context, request = _free_of_charge(self.site.context, self.request), self.request
        _validate_request(request, context.fork)
        state = self.chain.state_at(self.site.header, context)
        override_state(state, self.overrides)
        nonce = state.get_nonce(request.sender)
        if nonce == UINT64_MAX:
            raise ExecutionFailed(f"nonce has max value: address 0x{request.sender.hex()}, nonce: {nonce}")
        transaction = call_transaction(request, self.chain.chain_id, nonce, gas)
        carries = SET_CODE if request.authorizations else BLOB if request.blob_hashes else DYNAMIC_FEE
        transaction = replace(transaction, type_id=carries)  # as in geth, what ``type`` says doesn't count
        try:
            validate_fees(transaction, context)
            validate_funds(transaction, state.get_balance(request.sender))
        except TransactionRefused as exc:
            raise ExecutionFailed(exc.message) from exc
        least = gas_floor(transaction, context.fork)
        if gas < least:
            raise ExecutionFailed(f"intrinsic gas too low: gas {gas}, minimum needed {least}")
        return state, transaction

    def run(self, gas: int) -> Outcome:
        """Run it on a fresh state (errors as in ``prepare``)."""
        return process_transaction(*self.prepare(gas))


def _free_of_charge(context: BlockContext, request: CallRequest) -> BlockContext:
    """Who offers nothing for gas sees a block in which it costs nothing (as in geth)."""
    blobs_are_free = request.blob_hashes and not request.blob_fee
    return replace(
        context,
        base_fee=context.base_fee if request.fee else 0,
        blob_fee=0 if blobs_are_free else context.blob_fee,
    )


def call_output(call: Call) -> bytes:
    """eth_call: what the transaction returns.

    Raises:
        ExecutionReverted: the contract said no.
        ExecutionFailed: anything else that isn't success in time.
    """
    outcome = within(CALL_SECONDS_MAX, lambda: call.run(call.gas))
    raise_unless_succeeded(outcome)
    return outcome.output


def estimate_gas(call: Call) -> int:
    """eth_estimateGas: a gas limit with which the transaction succeeds, at most 1.5 % above the least.

    What a call forwards is 63/64 of what is left (EIP-150), and refunds come after the end (EIP-3529), so the
    gas used is not the gas needed: the limit is searched for by running again.

    Raises:
        ExecutionReverted, ExecutionFailed: it fails with all the gas there is or the sender can pay, or takes
            too long.
    """
    return within(CALL_SECONDS_MAX, lambda: _search_gas(call))


def _search_gas(call: Call) -> int:
    high = _most_gas(call)
    transaction = call_transaction(call.request, call.chain.chain_id, 0, high)
    least = gas_floor(transaction, call.site.context.fork)
    outcome = call.run(high) if high >= least else None
    if outcome is None or outcome.failure == OUT_OF_GAS:
        raise ExecutionFailed(f"gas required exceeds allowance ({high})")
    raise_unless_succeeded(outcome)
    low = max(outcome.gas_used, least) - 1
    likely = (outcome.gas_peak + CALL_STIPEND) * 64 // 63
    if call.run(outcome.gas_peak).succeeded:
        return outcome.gas_peak
    if low < likely < high:
        low, high = (low, likely) if call.run(likely).succeeded else (likely, high)
    while (high - low) > ESTIMATE_TOLERANCE * high and high - low > 1:
        middle = min((low + high) // 2, low * 2)
        low, high = (low, middle) if call.run(middle).succeeded else (middle, high)
    return high


def _most_gas(call: Call) -> int:
    """What an estimate may try at most: what a block holds, and what the sender can pay for."""
    most, request = min(call.gas, call.site.context.gas_limit), call.request
    if not request.fee:
        return most
    state = call.chain.state_at(call.site.header, call.site.context)
    override_state(state, call.overrides)
    blobs = len(request.blob_hashes) * GAS_PER_BLOB * request.blob_fee
    spare: int = state.get_balance(request.sender) - request.value - blobs
    if spare < 0:
        raise ExecutionFailed("insufficient funds for transfer")
    return min(most, spare // request.fee)


def _validate_request(request: CallRequest, fork: Fork) -> None:
    """What a call may hold under a fork's rules, in geth's words.

    Raises:
        ExecutionFailed: something else.
    """
    if request.type_needed not in transaction_types(fork):
        raise ExecutionFailed(f"transaction type not supported: {TYPE_NAMES[request.type_needed]}")
    if request.type_needed == SET_CODE and not request.authorizations:
        raise ExecutionFailed("EIP-7702 transaction with empty auth list")
    if request.to == CREATE and (request.blob_hashes or request.authorizations):
        raise ExecutionFailed('missing "to" in a transaction of this type')
    if any(entry[:1] != BLOB_HASH_VERSION for entry in request.blob_hashes):
        raise ExecutionFailed("blob hash of an unknown version")
    size = len(request.data)
    if fork >= Fork.SHANGHAI and request.to == CREATE and size > INITCODE_SIZE_MAX_BYTES:
        raise ExecutionFailed(
            f"max initcode size exceeded: code size {size}, limit {INITCODE_SIZE_MAX_BYTES}"
        )


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


def panic_text(code: int) -> str:
    """What a Panic(uint256) means, in geth's words."""
    return PANIC_TEXTS.get(code, f"unknown panic code: {code:#x}")


def _either(replacement: Value | None, original: Value) -> Value:
    return original if replacement is None else replacement
