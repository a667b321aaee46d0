"""What instructions do, on plain numbers: shared by the quick opcodes and by translated runs.

Words are integers in [0, 2^256). Functions that take a computation charge the part of the gas that depends on
their arguments, exactly as py-evm does; the fixed part is charged by whoever calls them.
"""

from collections.abc import Callable
from typing import Any

from eth.exceptions import OutOfBoundsRead, OutOfGas, WriteProtection
from eth.vm.forks.berlin.constants import COLD_SLOAD_COST, WARM_STORAGE_READ_COST
from eth.vm.logic.storage import NetSStoreGasSchedule
from sha3 import keccak_256

WORD_MASK = 2**256 - 1
SIGN = 2**255
SSTORE_SENTRY = 2_300
"""EIP-2200: SSTORE with this much gas or less fails."""
GAS_COPY = 3
"""A word copied (Yellow Paper, appendix G)."""
GAS_SHA3_WORD = 6
GAS_MEMORY = 3
MEMORY_QUADRATIC_DIVISOR = 512

# Arithmetic


def signed(word: int) -> int:
    """Two's complement."""
    return word - 2**256 if word & SIGN else word


def add(left: int, right: int) -> int:
    """ADD."""
    return left + right & WORD_MASK


def subtract(left: int, right: int) -> int:
    """SUB."""
    return left - right & WORD_MASK


def multiply(left: int, right: int) -> int:
    """MUL."""
    return left * right & WORD_MASK


def divide(left: int, right: int) -> int:
    """DIV."""
    return left // right if right else 0


def modulo(left: int, right: int) -> int:
    """MOD."""
    return left % right if right else 0


def signed_divide(left: int, right: int) -> int:
    """SDIV: rounds towards zero."""
    if right == 0:
        return 0
    left, right = signed(left), signed(right)
    quotient = abs(left) // abs(right)
    return (quotient if (left < 0) == (right < 0) else -quotient) & WORD_MASK


def signed_modulo(left: int, right: int) -> int:
    """SMOD: has the sign of the left."""
    if right == 0:
        return 0
    left, right = signed(left), signed(right)
    rest = abs(left) % abs(right)
    return (-rest if left < 0 else rest) & WORD_MASK


def sign_extend(size: int, value: int) -> int:
    """SIGNEXTEND of a number of ``size + 1`` bytes."""
    if size > 30:
        return value
    sign = 1 << 8 * size + 7
    low = value & (sign << 1) - 1
    return low | WORD_MASK ^ (sign << 1) - 1 if low & sign else low


def byte_of(position: int, value: int) -> int:
    """BYTE, counted from the highest."""
    return value >> 8 * (31 - position) & 255 if position < 32 else 0


def shift_left(shift: int, value: int) -> int:
    """SHL."""
    return value << shift & WORD_MASK if shift < 256 else 0


def shift_right(shift: int, value: int) -> int:
    """SHR."""
    return value >> shift if shift < 256 else 0


def shift_arithmetic(shift: int, value: int) -> int:
    """SAR."""
    return signed(value) >> min(shift, 255) & WORD_MASK


def signed_less(left: int, right: int) -> bool:
    """SLT."""
    return left ^ SIGN < right ^ SIGN


def signed_greater(left: int, right: int) -> bool:
    """SGT."""
    return left ^ SIGN > right ^ SIGN


# Memory


def grow(memory: Any, meter: Any, end: int) -> bool:
    """Pay for memory up to ``end`` bytes, above what there is, and have it; false if the gas isn't there."""
    before, after = len(memory._bytes) // 32, (end + 31) // 32
    cost = GAS_MEMORY * (after - before) + after * after // MEMORY_QUADRATIC_DIVISOR
    cost -= before * before // MEMORY_QUADRATIC_DIVISOR
    if cost > meter.gas_remaining:
        return False
    meter.gas_remaining -= cost
    memory.extend(before * 32, (after - before) * 32)
    return True


def reach(computation: Any, start: int, size: int, gas_word: int) -> bytearray:
    """Pay so much a word of ``size`` and for memory up to ``start + size``, and have it.

    Raises:
        OutOfGas: it can't be paid.
    """
    memory, meter = computation._memory, computation._gas_meter
    if size:
        cost = gas_word * ((size + 31) // 32)
        if cost > meter.gas_remaining:
            raise OutOfGas(f"Out of gas: needed {cost}, remaining {meter.gas_remaining}")
        meter.gas_remaining -= cost
        if start + size > len(memory._bytes) and not grow(memory, meter, start + size):
            raise OutOfGas(f"Out of gas: memory of {start + size} bytes")
    data: bytearray = memory._bytes
    return data


def hash_memory(computation: Any, start: int, size: int) -> int:
    """SHA3."""
    data = reach(computation, start, size, GAS_SHA3_WORD)
    return int.from_bytes(keccak_256(data[start : start + size]).digest(), "big")


def copy_memory(computation: Any, target: int, source: int, size: int) -> None:
    """MCOPY."""
    data = reach(computation, max(target, source), size, GAS_COPY)
    if size:
        data[target : target + size] = data[source : source + size]


def copy_calldata(computation: Any, target: int, source: int, size: int) -> None:
    """CALLDATACOPY: zeros behind the end."""
    data = reach(computation, target, size, GAS_COPY)
    if size:
        data[target : target + size] = bytes(computation.msg.data[source : source + size]).ljust(size, b"\0")


def copy_code(computation: Any, target: int, source: int, size: int) -> None:
    """CODECOPY: zeros behind the end."""
    data = reach(computation, target, size, GAS_COPY)
    if size:
        data[target : target + size] = computation.msg.code[source : source + size].ljust(size, b"\0")


def copy_return_data(computation: Any, target: int, source: int, size: int) -> None:
    """RETURNDATACOPY.

    Raises:
        OutOfBoundsRead: beyond the end (EIP-211).
    """
    returned = computation.return_data
    if source + size > len(returned):
        raise OutOfBoundsRead(f"{source + size} bytes asked of {len(returned)}")
    data = reach(computation, target, size, GAS_COPY)
    if size:
        data[target : target + size] = returned[source : source + size]


def load_calldata(computation: Any, start: int) -> int:
    """CALLDATALOAD."""
    return int.from_bytes(bytes(computation.msg.data[start : start + 32]).ljust(32, b"\0"), "big")


# Storage, from Berlin on (EIP-2929)


def load(computation: Any, slot: int) -> int:
    """SLOAD."""
    state, meter = computation.state._account_db, computation._gas_meter
    address = computation.msg.storage_address
    cost = WARM_STORAGE_READ_COST if state.is_storage_warm(address, slot) else COLD_SLOAD_COST
    if cost > meter.gas_remaining:
        raise OutOfGas(f"Out of gas: SLOAD needs {cost}, remaining {meter.gas_remaining}")
    meter.gas_remaining -= cost
    if cost == COLD_SLOAD_COST:
        state.mark_storage_warm(address, slot)
    value: int = state.get_storage(address, slot)
    return value


def store_by(schedule: NetSStoreGasSchedule) -> Callable[[Any, int, int], None]:
    """SSTORE under EIP-2200's rules with these prices."""

    def store(computation: Any, slot: int, value: int) -> None:
        if computation.msg.is_static:
            raise WriteProtection("Cannot modify state while inside of a STATICCALL context")
        state, meter = computation.state._account_db, computation._gas_meter
        address = computation.msg.storage_address
        if meter.gas_remaining <= SSTORE_SENTRY:
            raise OutOfGas("Net-metered SSTORE always fails below 2300 gas, per EIP-2200")
        current = state.get_storage(address, slot)
        cost, refund = _store_cost(schedule, state, address, slot, current, value)
        if not state.is_storage_warm(address, slot):
            cost += COLD_SLOAD_COST
            state.mark_storage_warm(address, slot)
        if cost > meter.gas_remaining:
            raise OutOfGas(f"Out of gas: SSTORE needs {cost}, remaining {meter.gas_remaining}")
        meter.gas_remaining -= cost
        if refund:
            meter.refund_gas(refund)
        if current != value:
            state.set_storage(address, slot, value)

    return store


def _store_cost(
    schedule: NetSStoreGasSchedule, state: Any, address: bytes, slot: int, current: int, value: int
) -> tuple[int, int]:
    """Gas and refund of a write, without the cold access (EIP-2200's clauses)."""
    if current == value:
        return schedule.sload_gas, 0
    original = state.get_storage(address, slot, from_journal=False)
    clears = schedule.sstore_clears_schedule
    if original == current:
        if original == 0:
            return schedule.sstore_set_gas, 0
        return schedule.sstore_reset_gas, 0 if value else clears
    refund = 0
    if original:
        refund = clears * ((value == 0) - (current == 0))
    if original == value:
        refund += (schedule.sstore_reset_gas if original else schedule.sstore_set_gas) - schedule.sload_gas
    return schedule.sload_gas, refund


# Transient storage (EIP-1153)

GAS_TRANSIENT = 100


def load_transient(computation: Any, slot: int) -> int:
    """TLOAD."""
    _pay_transient(computation)
    return int.from_bytes(
        computation.state.get_transient_storage(computation.msg.storage_address, slot), "big"
    )


def store_transient(computation: Any, slot: int, value: int) -> None:
    """TSTORE."""
    _pay_transient(computation)
    if computation.msg.is_static:
        raise WriteProtection("Cannot modify state while inside of a STATICCALL context")
    raw = value.to_bytes((value.bit_length() + 7) // 8 or 1, "big")
    computation.state.set_transient_storage(computation.msg.storage_address, slot, raw)


def _pay_transient(computation: Any) -> None:
    meter = computation._gas_meter
    if meter.gas_remaining < GAS_TRANSIENT:
        raise OutOfGas(f"Out of gas: needed {GAS_TRANSIENT}, remaining {meter.gas_remaining}")
    meter.gas_remaining -= GAS_TRANSIENT
