"""The callTracer: a transaction's calls as a tree (execution-apis src/schemas/call-tracer.yaml)."""

from dataclasses import dataclass, field
from typing import Any

from eth.exceptions import Revert, VMError
from eth.vm import opcode_values

from node.tracers.stepping import Computation, Frame, Observer, address_of, error_text, stack_words
from node.tracers.struct_log import SizeBudget

FRAME_BYTES = 300
LOG_BYTES = 500


@dataclass(frozen=True, slots=True)
class FrameLog:
    """An event as a frame emitted it."""

    address: bytes
    topics: tuple[int, ...]
    data: bytes
    position: int
    """How many calls the frame had made before."""


@dataclass(slots=True)
class Call:
    """A frame with all that came of it."""

    frame: Frame
    gas_used: int = 0
    output: bytes = b""
    error: VMError | None = None
    calls: list["Call"] = field(default_factory=list)
    logs: list[FrameLog] = field(default_factory=list)

    @property
    def reverted(self) -> bool:
        """Whether the contract itself said no."""
        return isinstance(self.error, Revert)

    @property
    def error_words(self) -> str:
        """Why it failed, or empty."""
        return error_text(self.error) if self.error is not None else ""


@dataclass(slots=True)
class CallTracer(Observer):
    """Collects the calls below a transaction's own frame."""

    top: Call
    budget: SizeBudget
    root: Computation | None = None
    _open: list[Call] = field(default_factory=list)

    def __post_init__(self) -> None:
        """The transaction's own frame is open from the start."""
        self._open.append(self.top)

    def step_begins(self, computation: Computation, position: int, opcode: int) -> Any:
        """A SELFDESTRUCT counts as a call that pays the beneficiary."""
        if opcode == opcode_values.SELFDESTRUCT and (stack := stack_words(computation)):
            contract = computation.msg.storage_address
            balance = computation.state.get_balance(contract)
            return Frame("SELFDESTRUCT", contract, address_of(stack[-1]), balance, 0, b"")
        return None

    def step_ends(
        self, computation: Computation, step: Any, gas: int, gas_cost: int, error: VMError | None
    ) -> None:
        """See ``step_begins``."""
        if step is not None and error is None:
            self._open[-1].calls.append(Call(step))
            self.budget.spend(FRAME_BYTES)

    def frame_begins(self, frame: Frame) -> None:
        """Opens a call below the one that is open."""
        self.budget.spend(FRAME_BYTES + 2 * len(frame.data))
        call = Call(frame)
        self._open[-1].calls.append(call)
        self._open.append(call)

    def frame_ends(self, gas_used: int, output: bytes, error: VMError | None) -> None:
        """Closes it."""
        self.budget.spend(2 * len(output))
        call = self._open.pop()
        call.gas_used, call.output, call.error = gas_used, output, error

    def logged(self, computation: Computation, address: bytes, topics: tuple[int, ...], data: bytes) -> None:
        """An event of the call that is open."""
        self.budget.spend(LOG_BYTES + 2 * len(data))
        call = self._open[-1]
        call.logs.append(FrameLog(address, topics, data, len(call.calls)))
