"""The EVM: py-evm's rules of every fork, one state to run on and one function to run one transaction."""

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from functools import cache
from typing import Any, TypeAlias

from eth._utils.address import generate_contract_address
from eth._utils.calculations import fake_exponential
from eth.abc import DatabaseAPI
from eth.exceptions import Revert, VMError
from eth.vm.execution_context import ExecutionContext
from eth.vm.forks.berlin.state import BerlinState
from eth.vm.forks.byzantium.state import ByzantiumState
from eth.vm.forks.cancun.state import CancunState
from eth.vm.forks.constantinople.state import ConstantinopleState
from eth.vm.forks.frontier.state import FrontierState
from eth.vm.forks.homestead.state import HomesteadState
from eth.vm.forks.istanbul.state import IstanbulState
from eth.vm.forks.london.state import LondonState
from eth.vm.forks.paris.state import ParisState
from eth.vm.forks.petersburg.state import PetersburgState
from eth.vm.forks.prague.state import PragueState
from eth.vm.forks.shanghai.state import ShanghaiState
from eth.vm.forks.spurious_dragon.state import SpuriousDragonState
from eth.vm.forks.tangerine_whistle.state import TangerineWhistleState
from eth.vm.message import Message
from eth.vm.state import BaseState

from node.accounts import AccountDatabase
from node.errors import ExecutionFault
from node.forks import BlobRules, Fork, intrinsic_gas
from node.interpreter import quick_computation
from node.precompiles import corrected
from node.transaction import BLOB, CREATE, Transaction

PREVIOUS_HASHES_MAX = 256
SYSTEM_ADDRESS = bytes.fromhex("fffffffffffffffffffffffffffffffffffffffe")
SYSTEM_CALL_GAS = 30_000_000
REVERTED = "execution reverted"

State: TypeAlias = BaseState
"""World state at one block, plus the writes of the transactions run on it."""

STATES: dict[Fork, type[BaseState]] = {
    Fork.FRONTIER: FrontierState,
    Fork.HOMESTEAD: HomesteadState,
    Fork.TANGERINE_WHISTLE: TangerineWhistleState,
    Fork.SPURIOUS_DRAGON: SpuriousDragonState,
    Fork.BYZANTIUM: ByzantiumState,
    Fork.CONSTANTINOPLE: ConstantinopleState,
    Fork.PETERSBURG: PetersburgState,
    Fork.ISTANBUL: IstanbulState,
    Fork.BERLIN: BerlinState,
    Fork.LONDON: LondonState,
    Fork.PARIS: ParisState,
    Fork.SHANGHAI: ShanghaiState,
    Fork.CANCUN: CancunState,
    Fork.PRAGUE: PragueState,
}


@dataclass(frozen=True, slots=True)
class BlockContext:
    """What a contract can ask about the block it runs in, and by which rules it runs."""

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
    """wei; zero on our own networks."""
    fork: Fork = Fork.CANCUN
    difficulty: int = 0
    excess_blob_gas: int = 0
    blobs: BlobRules | None = None
    """``None`` before Cancun."""
    blob_fee: int | None = None
    """wei a unit of blob gas; in a simulation only, instead of what follows from ``excess_blob_gas``."""

    @property
    def blob_base_fee(self) -> int:
        """wei a unit of blob gas (EIP-4844); zero before Cancun."""
        if self.blob_fee is not None:
            return self.blob_fee
        return 0 if self.blobs is None else blob_base_fee(self.excess_blob_gas, self.blobs)


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
    """Gas needed while it ran, before refunds; the floor of EIP-7623 included."""
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


def open_state(database: DatabaseAPI, state_root: bytes, context: BlockContext) -> State:
    """The state under ``state_root``, to run transactions in a block that ``context`` describes."""
    state = state_class(context.fork)(database, _execution_context(context), state_root)
    state.block = context
    return state


def enter_block(state: State, context: BlockContext) -> None:
    """Go on with the same state in another block of the same fork."""
    state.execution_context = _execution_context(context)
    state.block = context


def process_transaction(state: State, transaction: Transaction) -> Outcome:
    """Run one transaction whose nonce, gas and funds were checked; the state keeps its writes.

    Raises:
        ExecutionFault: py-evm broke; the state is useless then.
    """
    state.lock_changes()
    try:
        return _outcome(state, transaction, state.apply_transaction(transaction))
    except Exception as exc:
        raise ExecutionFault(transaction.hash) from exc


def call_as_system(state: State, address: bytes, data: bytes) -> bytes:
    """What a contract returns to the block itself (EIP-4788, 2935, 7002, 7251); its writes stay.

    Empty where no contract is.

    Raises:
        ExecutionFault: the contract fails; it has written nothing.
    """
    code = state.get_code(address)
    if not code:
        return b""
    state.lock_changes()
    message = Message(gas=SYSTEM_CALL_GAS, to=address, sender=SYSTEM_ADDRESS, value=0, data=data, code=code)
    origin = state.get_transaction_context_class()(gas_price=0, origin=SYSTEM_ADDRESS)
    computation = state.computation_class.apply_message(state, message, origin)
    if state.block.fork >= Fork.CANCUN:
        state.clear_transient_storage()
    if computation.is_error:
        raise ExecutionFault(bytes(32))
    return bytes(computation.output)


def blob_base_fee(excess_blob_gas: int, rules: BlobRules) -> int:
    """wei a unit of blob gas (EIP-4844)."""
    fee: int = fake_exponential(1, excess_blob_gas, rules.fraction)
    return fee


@cache
def state_class(fork: Fork) -> type[BaseState]:
    """py-evm's state of a fork, with what this node does otherwise."""
    base = STATES[fork]
    executor = type("Executor", (Executor, base.transaction_executor_class), {})
    theirs = base.computation_class
    corrections = {"_precompiles": corrected(theirs.get_precompiles())}
    computation = quick_computation(type("Computation", (_Call, theirs), corrections))
    parts = {
        "transaction_executor_class": executor,
        "computation_class": computation,
        "account_db_class": AccountDatabase,
    }
    return type("State", (_Block, base), parts)


class _Call:
    """What a running call knows of itself."""

    msg: Message
    is_error: bool
    beneficiaries: list[bytes]

    @property
    def is_origin_computation(self) -> bool:
        """Whether the transaction itself makes it.

        py-evm asks for the sender, but an account with delegated code (EIP-7702) calls from within.
        """
        first: bool = self.msg.depth == 0
        return first

    def get_self_destruct_beneficiaries(self) -> list[bytes]:
        """Its own ones.

        py-evm gathers those below it too, and asks each call below it once more: nested calls would cost the
        square of their depth, for the same set.
        """
        return [] if self.is_error else list(self.beneficiaries)


class _Block:
    """What a state knows of the block it is in."""

    block: BlockContext
    _account_db: AccountDatabase

    def set_system_contracts(self) -> None:
        """None: genesis has those a chain needs."""

    def has_code_or_nonce(self, address: bytes) -> bool:
        """Whether no contract can be made there; storage is enough for that (EIP-7610)."""
        accounts = self._account_db
        return accounts.account_has_code_or_nonce(address) or accounts.has_storage(address)

    @property
    def blob_base_fee(self) -> int:
        return self.block.blob_base_fee

    def get_tip(self, transaction: Transaction) -> int:
        """Nothing where less than the base fee is paid, which only a call or a simulation may do."""
        return max(0, transaction.gas_price_at(self.block.base_fee) - self.block.base_fee)


class Executor:
    """Starts a transaction under any fork's rules; py-evm's own executors stand behind it and end it."""

    vm_state: Any
    calc_message_refund: Callable[[Transaction], int]
    """py-evm's, from Cancun on."""
    get_code_at_address: Callable[[bytes], tuple[bytes, bytes | None]]
    """py-evm's, from Cancun on: the code that runs, and whose it is if it is another's."""

    def validate_transaction(self, transaction: Transaction) -> None:
        """Nothing: ``node.validation`` did it, and py-evm would recover every sender a second time."""

    def build_evm_message(self, transaction: Transaction) -> Message:
        """Take the fee, count the nonce, and make the first message (Yellow Paper §6.2)."""
        state, block = self.vm_state, self.vm_state.block
        fee = transaction.gas * transaction.gas_price_at(block.base_fee)
        if transaction.type_id == BLOB:
            fee += transaction.blob_gas * block.blob_base_fee
        state.delta_balance(transaction.sender, -fee)
        nonce = state.get_nonce(transaction.sender)
        state.set_nonce(transaction.sender, nonce + 1)
        refund = self.calc_message_refund(transaction) if block.fork >= Fork.PRAGUE else 0
        code, delegate = b"", None
        if transaction.to != CREATE:
            if block.fork >= Fork.PRAGUE:
                code, delegate = self.get_code_at_address(transaction.to)
            else:
                code = state.get_code(transaction.to)
        is_create = transaction.to == CREATE
        return Message(
            gas=transaction.gas - intrinsic_gas(transaction, block.fork),
            to=transaction.to,
            sender=transaction.sender,
            value=transaction.value,
            data=b"" if is_create else transaction.data,
            code=transaction.data if is_create else code,
            create_address=generate_contract_address(transaction.sender, nonce) if is_create else None,
            refund=refund,
            is_delegation=delegate is not None,
        )


def _execution_context(context: BlockContext) -> ExecutionContext:
    def previous_hashes() -> Iterator[bytes]:
        yield from context.previous_hashes()

    return ExecutionContext(
        coinbase=context.coinbase,
        timestamp=context.timestamp,
        block_number=context.number,
        difficulty=context.difficulty,
        mix_hash=context.previous_randao,
        gas_limit=context.gas_limit,
        prev_hashes=previous_hashes(),
        chain_id=context.chain_id,
        base_fee_per_gas=context.base_fee,
        excess_blob_gas=context.excess_blob_gas,
    )


def _outcome(state: State, transaction: Transaction, computation: Any) -> Outcome:
    gas_spent = transaction.gas - computation.get_gas_remaining()
    quotient = 5 if state.block.fork >= Fork.LONDON else 2  # EIP-3529
    refund = min(computation.get_gas_refund(), gas_spent // quotient)
    failed = computation.is_error
    return Outcome(
        succeeded=not failed,
        gas_used=gas_spent - refund + computation.data_floor_gas,
        gas_peak=max(gas_spent, gas_spent - refund + computation.data_floor_gas),
        output=bytes(computation.output),
        logs=tuple(
            Log(address, tuple(topic.to_bytes(32, "big") for topic in topics), data)
            for address, topics, data in computation.get_log_entries()
        ),
        contract_address=computation.msg.storage_address if transaction.to == CREATE else b"",
        failure=_failure_text(computation.error) if failed else "",
    )


def _failure_text(error: VMError) -> str:
    if isinstance(error, Revert):
        return REVERTED
    words = {"OutOfGas": "out of gas", "InsufficientFunds": "insufficient funds for transfer"}
    name = type(error).__name__
    return words.get(name, f"{name}: {error}" if str(error) else name)
