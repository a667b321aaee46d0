"""Running a transaction opcode by opcode under an observer's eyes.

The state runs on whatever computation class its fork has; for as long as it is observed, a subclass made for
the occasion stands in. That one runs py-evm's own loop over py-evm's own opcodes, however the node runs
blocks otherwise: an observer sees every opcode of every fork, and blocks pay nothing for it.

Gas is told as geth counts it (core/vm/interpreter.go; execution-apis, src/schemas/opcode-tracer.yaml): the
cost of a call holds the gas it forwards, without the stipend; the cost of a creation doesn't.
"""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any, ClassVar, TypeAlias

from eth.exceptions import (
    ContractCreationCollision,
    FullStack,
    InsufficientFunds,
    InsufficientStack,
    InvalidInstruction,
    InvalidJumpDestination,
    OutOfBoundsRead,
    OutOfGas,
    ReservedBytesInCode,
    Revert,
    StackDepthLimit,
    VMError,
    WriteProtection,
)
from eth.vm import opcode_values
from eth.vm.computation import BaseComputation
from eth.vm.gas_meter import GasMeter
from eth.vm.logic.invalid import InvalidOpcode

from node.vm import REVERTED, State

Computation: TypeAlias = Any
"""A py-evm computation: one frame of calls."""

CALLS = {
    opcode_values.CALL: "CALL",
    opcode_values.CALLCODE: "CALLCODE",
    opcode_values.DELEGATECALL: "DELEGATECALL",
    opcode_values.STATICCALL: "STATICCALL",
}
CREATIONS = {opcode_values.CREATE: "CREATE", opcode_values.CREATE2: "CREATE2"}
OPCODES_MAX = 256
STACK_DEPTH_MAX = 1024


@dataclass(frozen=True, slots=True)
class Frame:
    """A call or creation as it begins."""

    kind: str
    """CALL, CALLCODE, DELEGATECALL, STATICCALL, CREATE or CREATE2."""
    sender: bytes
    """The contract (or, at the top, the account) that calls."""
    to: bytes
    """Whose code runs; for a creation, the address of the contract."""
    value: int
    """wei."""
    gas: int
    """Gas given to it, the stipend included."""
    data: bytes
    """Call data, or init code."""


class Observer:
    """Is told what happens; a kind of observer overrides what it wants to hear."""

    root: Computation | None = None
    """The transaction's own frame, once it has ended."""

    def step_begins(self, computation: Computation, position: int, opcode: int) -> Any:
        """An opcode of the code is about to run; what this returns comes back in ``step_ends``."""

    def step_ends(
        self, computation: Computation, step: Any, gas: int, gas_cost: int, error: VMError | None
    ) -> None:
        """It has run.

        Args:
            gas: what there was before it.
            gas_cost: what it took; with ``OutOfGas``, what it had taken and wanted until it failed.
        """

    def frame_begins(self, frame: Frame) -> None:
        """A call or creation below the transaction's own frame begins."""

    def frame_ends(self, gas_used: int, output: bytes, error: VMError | None) -> None:
        """The last one begun ends."""

    def logged(self, computation: Computation, address: bytes, topics: tuple[int, ...], data: bytes) -> None:
        """An event was emitted; it lasts only if no frame around it fails."""


class _Meter(GasMeter):  # type: ignore[misc]  # py-evm has no types
    """A gas meter that remembers what one opcode did with it."""

    returned = 0
    """Gas given back since the opcode began."""
    last = 0
    """The last amount taken."""
    wanted = 0
    """The amount there wasn't enough for."""

    def consume_gas(self, amount: int, reason: str) -> None:
        """As py-evm's."""
        self.wanted = amount if amount > self.gas_remaining else 0
        super().consume_gas(amount, reason)
        self.last = amount

    def return_gas(self, amount: int) -> None:
        """As py-evm's."""
        super().return_gas(amount)
        self.returned += amount


class _Observed:
    """Mixed into a fork's computation class."""

    observer: ClassVar[Observer]
    refunds: ClassVar[list[int]]
    """Refund counter at the start of every open frame."""

    position = 0
    """Of the next opcode; py-evm's own counter doesn't tell the STOP beyond the code from one at its end."""
    opcode = 0
    """The one that runs."""
    arguments: tuple[int, ...] = ()
    """Its uppermost stack items, top first, if it is a call."""
    child_gas = 0
    """What the frame it opened got."""
    opened = False
    """Whether it opened one."""
    refund_settled = 0
    """Refunds of frames that ended well."""

    def _configure_gas_meter(self) -> _Meter:
        meter = super()._configure_gas_meter()  # type: ignore[misc]  # py-evm has no types
        return _Meter(meter.start_gas, meter.refund_strategy)

    @classmethod
    def apply_computation(cls, *arguments: Any, **options: Any) -> Computation:
        """py-evm's loop, whatever the node's own is."""
        return BaseComputation.apply_computation.__func__(cls, *arguments, **options)

    @classmethod
    def apply_message(cls, state: State, message: Any, *arguments: Any, **options: Any) -> Computation:
        """As the fork does it."""
        computation = super().apply_message(state, message, *arguments, **options)  # type: ignore[misc]  # py-evm has no types
        if message.depth == 0:
            cls.observer.root = computation
        return computation

    def apply_child_computation(self: Any, message: Any) -> Computation:
        """As the fork does it."""
        self.opened, self.child_gas = True, message.gas
        self.observer.frame_begins(_frame(self, message))
        self.refunds.append(self.refund())
        try:
            child = super().apply_child_computation(message)  # type: ignore[misc]  # py-evm has no types
        except VMError as exc:  # init code too large: the opcode itself fails
            self.observer.frame_ends(message.gas, b"", exc)
            raise
        finally:
            self.refunds.pop()
        self.refund_settled += child.get_gas_refund()
        error = child.error if child.is_error else None
        self.observer.frame_ends(message.gas - child.get_gas_remaining(), bytes(child.output), error)
        return child

    def add_log_entry(self: Any, account: bytes, topics: tuple[int, ...], data: bytes) -> None:
        """As py-evm does it."""
        super().add_log_entry(account, topics, data)  # type: ignore[misc]  # py-evm has no types
        self.observer.logged(self, account, topics, data)

    def refund(self: Any) -> int:
        """The transaction's refund counter now."""
        own: int = self.msg.refund + self._gas_meter.gas_refunded + self.refund_settled
        return int(self.refunds[-1]) + own


@contextmanager
def observed(state: Any, observer: Observer) -> Iterator[None]:
    """For the time being, transactions on the state run under the observer's eyes."""
    usual = state.computation_class
    opcodes = {code: _observed_opcode(code, usual) for code in range(OPCODES_MAX)}
    attributes = {"observer": observer, "refunds": [0], "opcodes": opcodes}
    state.computation_class = type("ObservedComputation", (_Observed, usual), attributes)
    try:
        yield
    finally:
        state.computation_class = usual


def _observed_opcode(code: int, computation_class: Any) -> Callable[[Computation], None]:
    function = _standard_opcode(code, computation_class)
    calls, creates = code in CALLS, code in CREATIONS

    def run(computation: Computation) -> None:
        observer, meter, position = computation.observer, computation._gas_meter, computation.position
        if not len(computation.code):
            return function(computation)  # an account without code: geth runs no interpreter
        computation.opcode, computation.opened = code, False
        if calls or creates:
            computation.arguments = tuple(stack_words(computation)[-1:-8:-1])
        gas, nonce = meter.gas_remaining, _nonce(computation) if creates else 0
        meter.returned = 0
        step = observer.step_begins(computation, position, code)
        error: VMError | None = None
        try:
            function(computation)
        except VMError as exc:
            error = exc
            raise
        finally:
            computation.position = computation.code.program_counter
            cost = gas - meter.gas_remaining + meter.returned
            if isinstance(error, OutOfGas):
                cost += meter.wanted
            elif creates and error is None:
                cost -= _creation_gas(computation, nonce)
            if error is None and (calls or creates) and not computation.opened:
                _tell_refused(computation, nonce)
            observer.step_ends(computation, step, gas, cost, error)

    return run


def _standard_opcode(code: int, computation_class: Any) -> Callable[[Computation], None]:
    """py-evm's own function of the fork: the first class of the line that isn't ours has it."""
    standard = next(entry for entry in computation_class.__mro__ if entry.__module__.startswith("eth."))
    function = standard.opcodes.get(code) or InvalidOpcode(code)
    # py-evm warns about SELFDESTRUCT; a trace must not depend on how a process treats Python warnings
    unwrapped: Callable[[Computation], None] = getattr(function, "__wrapped__", function)
    return unwrapped


def _nonce(computation: Computation) -> int:
    nonce: int = computation.state.get_nonce(computation.msg.storage_address)
    return nonce


def _collided(computation: Computation, nonce_before: int) -> bool:
    """A creation that opened no frame though it took its nonce met an account at its address."""
    return not computation.opened and _nonce(computation) != nonce_before


def _creation_gas(computation: Computation, nonce_before: int) -> int:
    if computation.opened:
        gas: int = computation.child_gas
    else:
        gas = computation._gas_meter.last if _collided(computation, nonce_before) else 0
    return gas


def _frame(computation: Computation, message: Any) -> Frame:
    kind = CALLS.get(computation.opcode) or CREATIONS[computation.opcode]
    return Frame(
        kind=kind,
        sender=computation.msg.storage_address,
        to=message.storage_address if message.is_create else address_of(computation.arguments[1]),
        value=message.value,
        gas=message.gas,
        data=message.code if message.is_create else message.data_as_bytes,
    )


def _tell_refused(computation: Computation, nonce_before: int) -> None:
    """A call that can't even begin is a frame too; it used nothing or, after a collision, everything."""
    meter, code, arguments = computation._gas_meter, computation.opcode, computation.arguments
    observer, sender = computation.observer, computation.msg.storage_address
    too_deep = computation.msg.depth + 1 > STACK_DEPTH_MAX
    error: VMError = StackDepthLimit() if too_deep else InsufficientFunds()
    if code in CALLS:
        has_value = code in (opcode_values.CALL, opcode_values.CALLCODE)
        value, place = (arguments[2], 3) if has_value else (0, 2)
        if code == opcode_values.DELEGATECALL:
            value = computation.msg.value
        data = computation.memory_read_bytes(*arguments[place : place + 2])
        frame = Frame(CALLS[code], sender, address_of(arguments[1]), value, meter.returned, data)
        used = 0
    else:
        collided = _collided(computation, nonce_before)
        gas = meter.last if collided else meter.gas_remaining - meter.gas_remaining // 64
        data = computation.memory_read_bytes(*arguments[1:3])
        frame = Frame(CREATIONS[code], sender, b"", arguments[0], gas, data)
        used = gas if collided else 0
        error = ContractCreationCollision() if collided else error
    observer.frame_begins(frame)
    observer.frame_ends(used, b"", error)


def stack_words(computation: Computation) -> list[int]:
    """The stack, bottom first, as numbers."""
    return [
        value if type(value) is int else int.from_bytes(value, "big") for value in computation._stack.values
    ]


def address_of(word: int) -> bytes:
    """The address in a stack word: its lower 20 bytes."""
    return (word & (1 << 160) - 1).to_bytes(20, "big")


def error_text(error: VMError) -> str:
    """Why a frame failed, in geth's words (core/vm/errors.go)."""
    if isinstance(error, Revert):
        return REVERTED
    if isinstance(error, OutOfGas):
        return next((words for sign, words in OUT_OF_GAS_WORDS.items() if sign in str(error)), "out of gas")
    if isinstance(error, InvalidInstruction) and str(error).startswith("Invalid opcode"):
        number = int(str(error).split()[2], 16)
        return f"invalid opcode: {opcode_name(number)}"
    return next((words for kind, words in ERROR_WORDS.items() if isinstance(error, kind)), str(error))


ERROR_WORDS: dict[type[VMError], str] = {
    InvalidJumpDestination: "invalid jump destination",
    InvalidInstruction: "invalid jump destination",  # a jump into pushed data
    InsufficientStack: "stack underflow",
    FullStack: "stack limit reached 1024 (1023)",
    WriteProtection: "write protection",
    OutOfBoundsRead: "return data out of bounds",
    ReservedBytesInCode: "invalid code: must not begin with 0xef",
    StackDepthLimit: "max call depth exceeded",
    InsufficientFunds: "insufficient balance for transfer",
    ContractCreationCollision: "contract address collision",
}
OUT_OF_GAS_WORDS = {
    "EIP170": "max code size exceeded",
    "EIP-3860": "max initcode size exceeded",
    "Write contract code": "contract creation code storage out of gas",
}
"""By what py-evm's message holds."""
NAMES = {
    **{
        number: name
        for name, number in vars(opcode_values).items()
        if name.isupper() and isinstance(number, int)
    },
    opcode_values.SHA3: "KECCAK256",
    opcode_values.DIFFICULTY: "DIFFICULTY",  # since Paris PREVRANDAO; geth and anvil kept the name
    0xFE: "INVALID",
}


def opcode_name(number: int) -> str:
    """An opcode's name as geth writes it."""
    return NAMES.get(number) or f"opcode {number:#x} not defined"
