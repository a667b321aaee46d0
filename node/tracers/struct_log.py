"""The struct logger: every opcode with what it found (execution-apis src/schemas/opcode-tracer.yaml)."""

from dataclasses import dataclass, field
from typing import Any

from eth.exceptions import Revert, VMError
from eth.vm import opcode_values

from node.errors import LimitExceeded
from node.tracers.stepping import Computation, Observer, error_text, opcode_name, stack_words

WORD_BYTES = 32
TRACE_SIZE_MAX_BYTES = 32 * 1024 * 1024
"""About that much JSON an answer; in memory a trace takes several times as much."""
STEP_BYTES = 110
WORD_TEXT_BYTES = 70

Step = dict[str, Any]


@dataclass(frozen=True, slots=True)
class StructLogOptions:
    """What a caller wants to see of every opcode."""

    stack: bool = True
    storage: bool = True
    memory: bool = False
    return_data: bool = False
    limit: int = 0
    """Opcodes told at most, or 0 for all."""


@dataclass(slots=True)
class SizeBudget:
    """What is left of an answer's size; one for all transactions of a block."""

    left_bytes: int = TRACE_SIZE_MAX_BYTES

    def spend(self, size_bytes: int) -> None:
        """Raises:
        LimitExceeded: nothing is left.
        """
        self.left_bytes -= size_bytes
        if self.left_bytes < 0:
            raise LimitExceeded(
                f"trace too large: above {TRACE_SIZE_MAX_BYTES} bytes; "
                "leave out stack, storage and memory, set limit, or use callTracer"
            )


@dataclass(slots=True)
class StructLogger(Observer):
    """Collects the steps of one transaction."""

    options: StructLogOptions
    budget: SizeBudget
    steps: list[Step] = field(default_factory=list)
    root: Computation | None = None
    _storage: dict[bytes, dict[str, str]] = field(default_factory=dict)
    """Slots read or written so far, by contract."""

    def step_begins(self, computation: Computation, position: int, opcode: int) -> Step | None:
        """A step without its cost."""
        if self.options.limit and len(self.steps) >= self.options.limit:
            return None
        step: Step = {"pc": position, "op": opcode_name(opcode), "gas": 0, "gasCost": 0}
        step |= {"depth": computation.msg.depth + 1, "refund": computation.refund()}
        self._add_places(step, computation, opcode)
        self.budget.spend(STEP_BYTES)
        self.steps.append(step)
        return step

    def step_ends(
        self, computation: Computation, step: Step | None, gas: int, gas_cost: int, error: VMError | None
    ) -> None:
        """The step's cost, and its error if it is one: a revert is what its opcode is for."""
        if step is None:
            return
        step["gas"], step["gasCost"] = gas, gas_cost
        if error is not None and not isinstance(error, Revert):
            step["error"] = error_text(error)
        if step["op"] == "SSTORE":
            step["refund"] = max(0, computation.refund())

    def _add_places(self, step: Step, computation: Computation, opcode: int) -> None:
        options = self.options
        stack = stack_words(computation) if options.stack or options.storage else []
        if options.stack:
            step["stack"] = [hex(word) for word in stack]
            self.budget.spend(sum(map(len, step["stack"])) + 3 * len(stack))
        if options.memory and len(computation._memory):
            step["memory"] = _words(bytes(computation._memory._bytes))
            self.budget.spend(WORD_TEXT_BYTES * len(step["memory"]))
        if options.return_data and computation.return_data:
            step["returnData"] = "0x" + bytes(computation.return_data).hex()
            self.budget.spend(len(step["returnData"]))
        if options.storage and opcode in (opcode_values.SLOAD, opcode_values.SSTORE):
            self._add_storage(step, computation, opcode, stack)

    def _add_storage(self, step: Step, computation: Computation, opcode: int, stack: list[int]) -> None:
        """The slots of the contract touched so far, this one included, as geth tells them."""
        contract, writes = computation.msg.storage_address, opcode == opcode_values.SSTORE
        if len(stack) < 1 + writes:
            return
        slot = stack[-1]
        value = stack[-2] if writes else computation.state.get_storage(contract, slot)
        known = self._storage.setdefault(contract, {})
        known[_word(slot)] = _word(value)
        step["storage"] = dict(known)
        self.budget.spend(2 * WORD_TEXT_BYTES * len(known))


def _word(value: int) -> str:
    return f"{value:#066x}"


def _words(memory: bytes) -> list[str]:
    return ["0x" + memory[start : start + WORD_BYTES].hex() for start in range(0, len(memory), WORD_BYTES)]
