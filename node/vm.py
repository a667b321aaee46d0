"""The EVM: Cancun rules on py-evm, zero base fee, one function to run one transaction.

Cancun is what Vyper 0.4.3 compiles to by default, and Prague only adds what a permissioned chain of contracts
has no use for (EIP-7623's calldata floor, EIP-7702, validator requests). Gas price zero is fine, an unfunded
sender too.
"""

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from typing import Any

from eth.abc import DatabaseAPI
from eth.exceptions import Revert, VMError
from eth.vm.execution_context import ExecutionContext
from eth.vm.forks.cancun.computation import CancunComputation
from eth.vm.forks.cancun.state import CancunState, CancunTransactionExecutor

from node.errors import ExecutionFault
from node.opcodes import OPCODES
from node.transaction import Transaction

PREVIOUS_HASHES_MAX = 256


class Executor(CancunTransactionExecutor):  # type: ignore[misc]
    """Runs transactions that were validated before; py-evm would recover every sender a second time."""

    def validate_transaction(self, transaction: Transaction) -> None:
        """Nothing: ``mempool.validate_*`` and ``chain.validate_transaction`` did it."""


class Computation(CancunComputation):  # type: ignore[misc]
    """Cancun, with the shorter opcodes."""

    opcodes = OPCODES


class State(CancunState):  # type: ignore[misc]
    """World state at one block, plus the writes of the transactions run on it."""

    computation_class = Computation
    transaction_executor_class = Executor

    def set_system_contracts(self) -> None:
        """None: beacon roots mean nothing without a beacon chain."""


@dataclass(frozen=True, slots=True)
class BlockContext:
    """What a contract can ask about the block it runs in."""

    number: int
    timestamp: int
    """Unix seconds."""
    gas_limit: int
    coinbase: bytes
    previous_randao: bytes
    chain_id: int
    previous_hashes: Callable[[], Iterable[bytes]]
    """Hashes of the blocks before, newest first; asked for only when a contract reads BLOCKHASH."""
    base_fee: int = 0
    """wei; zero on the chain, something else only in a simulation."""


@dataclass(frozen=True, slots=True)
class Log:
    """One event."""

    address: bytes
    topics: tuple[bytes, ...]
    """Zero to four topics of 32 bytes."""
    data: bytes


@dataclass(frozen=True, slots=True)
class Outcome:
    """What running one transaction did."""

    succeeded: bool
    gas_used: int
    gas_peak: int
    """Gas needed while it ran, before refunds."""
    output: bytes
    """Return data, or revert data."""
    logs: tuple[Log, ...]
    contract_address: bytes
    """The created contract, or empty."""
    failure: str
    """Empty, ``execution reverted``, or the EVM's reason."""

    @property
    def reverted(self) -> bool:
        """Whether the contract itself said no."""
        return self.failure == REVERTED


REVERTED = "execution reverted"


def open_state(database: DatabaseAPI, state_root: bytes, context: BlockContext) -> State:
    """The state under ``state_root``, to run transactions in a block that ``context`` describes."""
    return State(database, _execution_context(context), state_root)


def enter_block(state: State, context: BlockContext) -> None:
    """Go on with the same state in another block."""
    state.execution_context = _execution_context(context)


def _execution_context(context: BlockContext) -> ExecutionContext:
    def previous_hashes() -> Iterator[bytes]:
        yield from context.previous_hashes()

    return ExecutionContext(
        coinbase=context.coinbase,
        timestamp=context.timestamp,
        block_number=context.number,
        difficulty=0,
        mix_hash=context.previous_randao,
        gas_limit=context.gas_limit,
        prev_hashes=previous_hashes(),
        chain_id=context.chain_id,
        base_fee_per_gas=context.base_fee,
        excess_blob_gas=0,
    )


def process_transaction(state: State, transaction: Transaction) -> Outcome:
    """Run one transaction whose nonce, gas and funds were checked; the state keeps its writes.

    Raises:
        ExecutionFault: py-evm broke; the state is useless then.
    """
    state.lock_changes()
    try:
        return _outcome(transaction, state.apply_transaction(transaction))
    except Exception as exc:
        raise ExecutionFault(transaction.hash) from exc


def _outcome(transaction: Transaction, computation: Any) -> Outcome:
    gas_spent = transaction.gas - computation.get_gas_remaining()
    refund = Executor.calculate_gas_refund(computation, gas_spent)
    failed = computation.is_error
    return Outcome(
        succeeded=not failed,
        gas_used=gas_spent - refund,
        gas_peak=gas_spent,
        output=bytes(computation.output),
        logs=tuple(
            Log(address, tuple(topic.to_bytes(32, "big") for topic in topics), data)
            for address, topics, data in computation.get_log_entries()
        ),
        contract_address=computation.msg.storage_address if transaction.to == b"" else b"",
        failure=_failure_text(computation.error) if failed else "",
    )


def _failure_text(error: VMError) -> str:
    if isinstance(error, Revert):
        return REVERTED
    words = {"OutOfGas": "out of gas", "InsufficientFunds": "insufficient funds for transfer"}
    name = type(error).__name__
    return words.get(name, f"{name}: {error}" if str(error) else name)
