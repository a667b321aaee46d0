"""The commonest opcodes, shorter: same meaning as py-evm's, one Python call instead of five.

The functions here work on the computation's gas meter, stack and memory directly. What is about to fail (too
little gas, a stack too low) falls through to py-evm's own function. py-evm lets a stack item be an integer or
bytes; here every item is an integer. ``tests/node`` runs random programs both ways and compares everything.
Code that runs often is translated as a whole instead (``node.translation``).
"""

import operator
from collections.abc import Callable, Mapping
from typing import Any, TypeAlias

from eth.exceptions import FullStack, InsufficientStack, InvalidInstruction, InvalidJumpDestination
from eth.vm import opcode_values as op
from eth.vm.forks.berlin.logic import GAS_SCHEDULE_EIP2929, sload_eip2929
from eth.vm.forks.london.storage import GAS_SCHEDULE_EIP3529

from node import operations
from node.operations import WORD_MASK

__all__ = ["Opcode", "direct", "quick"]

Opcode: TypeAlias = Callable[[Any], None]

STACK_MAX = 1024
VERY_LOW = 3
"""Gas of the Yellow Paper's W_verylow, appendix G."""

BINARY: dict[int, tuple[int, Callable[[int, int], int]]] = {
    op.ADD: (VERY_LOW, operations.add),
    op.SUB: (VERY_LOW, operations.subtract),
    op.MUL: (5, operations.multiply),
    op.DIV: (5, operations.divide),
    op.LT: (VERY_LOW, operator.lt),
    op.GT: (VERY_LOW, operator.gt),
    op.EQ: (VERY_LOW, operator.eq),
    op.SLT: (VERY_LOW, operations.signed_less),
    op.SGT: (VERY_LOW, operations.signed_greater),
    op.AND: (VERY_LOW, operator.and_),
    op.OR: (VERY_LOW, operator.or_),
    op.XOR: (VERY_LOW, operator.xor),
    op.SHL: (VERY_LOW, operations.shift_left),
    op.SHR: (VERY_LOW, operations.shift_right),
}
BYTES_ON_STACK = (
    *(op.SHA3, op.ADDRESS, op.ORIGIN, op.CALLER, op.CALLDATALOAD, op.BLOCKHASH, op.COINBASE, op.DIFFICULTY),
    *(op.EXTCODEHASH, op.BLOBHASH, op.TLOAD, op.MLOAD, op.CREATE, op.CREATE2),
)
"""Where py-evm leaves bytes on top of the stack."""


def quick(table: Mapping[int, Opcode]) -> dict[int, Opcode]:
    """A fork's opcodes by number: what ``table`` has, the common ones quicker."""
    made = {code: _quicker(code, function) for code, function in table.items()}
    for code, store in direct(table).items():
        if code == op.SLOAD:
            made[code] = _load(store, table[code])
        elif code == op.SSTORE:
            made[code] = _store(store, table[code])
    return made


def direct(table: Mapping[int, Opcode]) -> dict[int, Callable[..., Any]]:
    """Functions of a computation and the arguments, for instructions whose price depends on the fork.

    Args:
        table: py-evm's opcodes of a fork.
    """
    made: dict[int, Callable[..., Any]] = {}
    if getattr(table[op.SLOAD], "logic_fn", None) is sload_eip2929:
        schedule = GAS_SCHEDULE_EIP3529 if op.BASEFEE in table else GAS_SCHEDULE_EIP2929
        made |= {op.SLOAD: operations.load, op.SSTORE: operations.store_by(schedule)}
    if op.TLOAD in table:
        made |= {op.TLOAD: operations.load_transient, op.TSTORE: operations.store_transient}
    return made


def _quicker(code: int, original: Opcode) -> Opcode:
    if code in BINARY:
        return _binary(*BINARY[code], original)
    if op.PUSH0 <= code <= op.PUSH32:
        return _push(code - op.PUSH0, original)
    if op.DUP1 <= code <= op.DUP16:
        return _dup(code - op.DUP1 + 1)
    if op.SWAP1 <= code <= op.SWAP16:
        return _swap(code - op.SWAP1 + 1)
    if code in OTHERS:
        return OTHERS[code](original)
    if code in BYTES_ON_STACK:
        return _as_integer(original)
    # py-evm warns when a contract uses SELFDESTRUCT; what a transaction does must not depend on how a process
    # treats Python warnings.
    return getattr(original, "__wrapped__", original) if code == op.SELFDESTRUCT else original


def _as_integer(original: Opcode) -> Opcode:
    def run(computation: Any) -> None:
        original(computation)
        values = computation._stack.values
        if type(values[-1]) is not int:
            values[-1] = int.from_bytes(values[-1], "big")

    return run


def _binary(gas: int, operation: Callable[[int, int], int], original: Opcode) -> Opcode:
    def run(computation: Any) -> None:
        meter, values = computation._gas_meter, computation._stack.values
        if meter.gas_remaining < gas or len(values) < 2:
            return original(computation)
        meter.gas_remaining -= gas
        values[-1] = int(operation(values.pop(), values[-1]))
        return None

    return run


def _is_zero(original: Opcode) -> Opcode:
    def run(computation: Any) -> None:
        meter, values = computation._gas_meter, computation._stack.values
        if meter.gas_remaining < VERY_LOW or not values:
            return original(computation)
        meter.gas_remaining -= VERY_LOW
        values[-1] = int(values[-1] == 0)
        return None

    return run


def _not(original: Opcode) -> Opcode:
    def run(computation: Any) -> None:
        meter, values = computation._gas_meter, computation._stack.values
        if meter.gas_remaining < VERY_LOW or not values:
            return original(computation)
        meter.gas_remaining -= VERY_LOW
        values[-1] ^= WORD_MASK
        return None

    return run


def _push(size: int, original: Opcode) -> Opcode:
    gas = VERY_LOW if size else 2

    def run(computation: Any) -> None:
        meter, values, code = computation._gas_meter, computation._stack.values, computation.code
        if meter.gas_remaining < gas or len(values) >= STACK_MAX:
            return original(computation)
        meter.gas_remaining -= gas
        start = code.program_counter
        code.program_counter = end = start + size
        raw = code._raw_code_bytes[start:end]
        values.append(int.from_bytes(raw, "big") << 8 * (size - len(raw)))
        return None

    return run


def _dup(position: int) -> Opcode:
    def run(computation: Any) -> None:
        values = computation._stack.values
        meter = computation._gas_meter
        if meter.gas_remaining < VERY_LOW:
            computation.consume_gas(VERY_LOW, "DUP")
        if len(values) < position:
            raise InsufficientStack(f"Insufficient stack items for DUP{position}")
        if len(values) >= STACK_MAX:
            raise FullStack("Stack limit reached")
        meter.gas_remaining -= VERY_LOW
        values.append(values[-position])

    return run


def _swap(position: int) -> Opcode:
    other = -position - 1

    def run(computation: Any) -> None:
        values = computation._stack.values
        meter = computation._gas_meter
        if meter.gas_remaining < VERY_LOW:
            computation.consume_gas(VERY_LOW, "SWAP")
        if len(values) <= position:
            raise InsufficientStack(f"Insufficient stack items for SWAP{position}")
        meter.gas_remaining -= VERY_LOW
        values[-1], values[other] = values[other], values[-1]

    return run


def _pop(original: Opcode) -> Opcode:
    def run(computation: Any) -> None:
        meter, values = computation._gas_meter, computation._stack.values
        if meter.gas_remaining < 2 or not values:
            return original(computation)
        meter.gas_remaining -= 2
        values.pop()
        return None

    return run


def _jump_destination(original: Opcode) -> Opcode:
    def run(computation: Any) -> None:
        meter = computation._gas_meter
        if meter.gas_remaining < 1:
            return original(computation)
        meter.gas_remaining -= 1
        return None

    return run


def _jump(original: Opcode) -> Opcode:
    def run(computation: Any) -> None:
        meter, values = computation._gas_meter, computation._stack.values
        if meter.gas_remaining < 8 or not values:
            return original(computation)
        meter.gas_remaining -= 8
        _go_to(computation.code, values.pop())
        return None

    return run


def _jump_if(original: Opcode) -> Opcode:
    def run(computation: Any) -> None:
        meter, values = computation._gas_meter, computation._stack.values
        if meter.gas_remaining < 10 or len(values) < 2:
            return original(computation)
        meter.gas_remaining -= 10
        destination = values.pop()
        if values.pop():
            _go_to(computation.code, destination)
        return None

    return run


def _go_to(code: Any, position: int) -> None:
    code.program_counter = position
    if code.peek() != op.JUMPDEST:
        raise InvalidJumpDestination("Invalid Jump Destination")
    if not code.is_valid_opcode(position):
        raise InvalidInstruction("Jump resulted in invalid instruction")


def _memory_load(original: Opcode) -> Opcode:
    def run(computation: Any) -> None:
        meter, values = computation._gas_meter, computation._stack.values
        if meter.gas_remaining < VERY_LOW or not values:
            return original(computation)
        meter.gas_remaining -= VERY_LOW
        start = values[-1]
        data = operations.reach(computation, start, 32, 0)
        values[-1] = int.from_bytes(data[start : start + 32], "big")
        return None

    return run


def _memory_store(original: Opcode) -> Opcode:
    def run(computation: Any) -> None:
        meter, values = computation._gas_meter, computation._stack.values
        if meter.gas_remaining < VERY_LOW or len(values) < 2:
            return original(computation)
        meter.gas_remaining -= VERY_LOW
        start = values.pop()
        data = operations.reach(computation, start, 32, 0)
        data[start : start + 32] = values.pop().to_bytes(32, "big")
        return None

    return run


def _load(load: Callable[[Any, int], int], original: Opcode) -> Opcode:
    def run(computation: Any) -> None:
        values = computation._stack.values
        if not values:
            return original(computation)
        values[-1] = load(computation, values[-1])
        return None

    return run


def _store(store: Callable[[Any, int, int], None], original: Opcode) -> Opcode:
    def run(computation: Any) -> None:
        values = computation._stack.values
        if len(values) < 2:
            return original(computation)
        store(computation, values.pop(), values.pop())
        return None

    return run


OTHERS: dict[int, Callable[[Opcode], Opcode]] = {
    op.ISZERO: _is_zero,
    op.NOT: _not,
    op.POP: _pop,
    op.JUMPDEST: _jump_destination,
    op.JUMP: _jump,
    op.JUMPI: _jump_if,
    op.MLOAD: _memory_load,
    op.MSTORE: _memory_store,
}
