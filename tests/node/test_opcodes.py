"""Quick computations against py-evm's own, on random programs under several forks: all must be equal."""

from dataclasses import dataclass
from functools import cache
from typing import Any

import pytest
from eth.constants import BLANK_ROOT_HASH
from eth.db.atomic import AtomicDB
from eth.vm import opcode_values as op
from eth.vm.execution_context import ExecutionContext
from eth.vm.forks.berlin.state import BerlinState
from eth.vm.forks.byzantium.state import ByzantiumState
from eth.vm.forks.cancun.opcodes import CANCUN_OPCODES
from eth.vm.forks.cancun.state import CancunState
from eth.vm.forks.frontier.state import FrontierState
from eth.vm.forks.istanbul.state import IstanbulState
from eth.vm.forks.london.state import LondonState
from eth.vm.forks.prague.state import PragueState
from eth.vm.message import Message
from hypothesis import example, given, settings
from hypothesis import strategies as st

from node.interpreter import quick_computation

SENDER = b"\x0a" * 20
CONTRACT = b"\x0b" * 20
OTHER = b"\x00" * 19 + b"\x4c"
"""Its address is a small number, so that programs find it."""
FORKS: dict[str, type[Any]] = {
    "Frontier": FrontierState,
    "Byzantium": ByzantiumState,
    "Istanbul": IstanbulState,
    "Berlin": BerlinState,
    "London": LondonState,
    "Cancun": CancunState,
    "Prague": PragueState,
}
RECENT = ("Berlin", "London", "Cancun", "Prague")

INVALID = 0xFE
PLAIN = [
    *(op.ADD, op.SUB, op.MUL, op.LT, op.GT, op.EQ, op.AND, op.OR, op.XOR, op.SHL, op.SHR, op.SAR, op.NOT),
    *(
        op.ISZERO,
        op.POP,
        op.JUMPDEST,
        op.MLOAD,
        op.MSTORE,
        op.MSTORE8,
        op.MSIZE,
        op.GAS,
        op.PC,
        op.DIV,
        op.BYTE,
    ),
    *(op.SLT, op.SGT, op.SDIV, op.SMOD, op.MOD, op.EXP, op.SIGNEXTEND, op.ADDMOD, op.MULMOD, op.CALLDATALOAD),
    *(
        op.CALLER,
        op.CALLVALUE,
        op.CALLDATASIZE,
        op.CODESIZE,
        op.TIMESTAMP,
        op.ORIGIN,
        op.COINBASE,
        op.DIFFICULTY,
    ),
    *(
        op.SLOAD,
        op.SSTORE,
        op.TLOAD,
        op.TSTORE,
        op.BALANCE,
        op.EXTCODESIZE,
        op.EXTCODEHASH,
        op.JUMP,
        op.JUMPI,
    ),
    *(
        op.SHA3,
        op.MCOPY,
        op.CALLDATACOPY,
        op.CODECOPY,
        op.RETURNDATACOPY,
        op.LOG0,
        op.LOG2,
        op.RETURN,
        op.REVERT,
    ),
    *(op.CREATE, op.CALL, op.DELEGATECALL, op.STATICCALL, op.RETURNDATASIZE, op.ADDRESS, op.BLOCKHASH),
    *(op.SELFBALANCE, op.BLOBHASH, op.CHAINID, op.BASEFEE, INVALID),
]
NAMED = {code: name for name, code in vars(op).items() if name.isupper()}


@dataclass
class Result:
    """All that one message did."""

    error: str
    gas: int
    refund: int
    output: bytes
    stack: list[int]
    memory: bytes
    logs: tuple[Any, ...]
    root: bytes


@cache
def plain_class(fork: str) -> type[Any]:
    """py-evm's. titanoboa, if loaded, puts tracers into Prague's table; Cancun has the same instructions."""
    base = FORKS[fork].computation_class
    own = {code: CANCUN_OPCODES[code] for code in (op.SHA3, op.SSTORE)} if fork == "Prague" else {}
    return type("Plain", (base,), {"opcodes": base.opcodes | own})


@cache
def quick_class(fork: str, hot: int) -> type[Any]:
    """Ours; code is translated after so many visits."""
    made = quick_computation(plain_class(fork))
    made.hot = hot
    return made


def run(fork: str, kind: type[Any], code: bytes, gas: int, data: bytes, static: bool) -> Result:
    context = ExecutionContext(
        bytes(20), 1_700_000_000, 5, 3, bytes(range(32)), 30_000_000, [b"\x01" * 32], 31_707, 7, 0
    )
    state_class = type(
        "State", (FORKS[fork],), {"computation_class": kind, "set_system_contracts": lambda _: None}
    )
    state = state_class(AtomicDB(), context, BLANK_ROOT_HASH)
    state.set_code(CONTRACT, code)
    state.set_balance(CONTRACT, 1_000)
    state.set_storage(CONTRACT, 1, 7)
    # Returns its call data behind a word, or reverts with it if it is long.
    state.set_code(OTHER, bytes.fromhex("60073652366000602037604036116016573660206000f3" + "5b3660006000fd"))
    state.lock_changes()
    message = Message(gas, CONTRACT, SENDER, 3, data, code, should_transfer_value=False, is_static=static)
    transaction = state.get_transaction_context_class()(gas_price=0, origin=SENDER)
    done = kind.apply_message(state, message, transaction)
    values = [value if isinstance(value, int) else int.from_bytes(value) for value in done._stack.values]
    error = type(done.error).__name__ if done.is_error else ""
    return Result(
        error,
        done.get_gas_remaining(),
        done.get_gas_refund(),
        bytes(done.output),
        [] if error else values,
        b"" if error else bytes(done._memory._bytes),
        done.get_log_entries(),
        state.make_state_root(),
    )


def agree(fork: str, code: bytes, gas: int = 200_000, data: bytes = b"", *, static: bool = False) -> Result:
    plain = run(fork, plain_class(fork), code, gas, data, static)
    for hot in (0, 1, 1_000_000):
        assert run(fork, quick_class(fork, hot), code, gas, data, static) == plain
    return plain


def push(value: bytes | int) -> bytes:
    raw = value if isinstance(value, bytes) else value.to_bytes(max(1, (value.bit_length() + 7) // 8))
    return bytes([op.PUSH0 + len(raw)]) + raw


small = st.integers(0, 200).map(push)
pushes = st.one_of(small, small, st.binary(min_size=1, max_size=32).map(push))
shuffles = st.integers(0, 31).map(lambda number: bytes([op.DUP1 + number]))
operations = st.sampled_from(PLAIN).map(lambda code: bytes([code]))
jumps = st.tuples(st.integers(0, 250), st.booleans()).map(
    lambda jump: push(jump[0]) + bytes([op.JUMPI if jump[1] else op.JUMP])
)
forward = st.just(bytes([op.ISZERO, op.PC, op.PUSH1, 6, op.ADD, op.JUMPI, op.JUMPDEST]))
"""A conditional jump that is right: to just behind itself."""
places = st.integers(0, 130).map(lambda number: push(number) + bytes([op.MLOAD]))
stores = st.integers(0, 130).map(lambda number: push(number) + bytes([op.MSTORE]))
hashes = st.tuples(st.integers(0, 70), st.integers(0, 70)).map(
    lambda part: push(part[0]) + push(part[1]) + bytes([op.SHA3])
)
slots = st.tuples(st.integers(0, 3), st.sampled_from([op.SLOAD, op.SSTORE, op.TLOAD, op.TSTORE])).map(
    lambda access: push(access[0]) + bytes([access[1]])
)
copies = st.tuples(
    st.integers(0, 70),
    st.integers(0, 70),
    st.integers(0, 70),
    st.sampled_from([op.MCOPY, op.CALLDATACOPY, op.CODECOPY]),
).map(lambda copy: push(copy[0]) + push(copy[1]) + push(copy[2]) + bytes([copy[3]]))
calls = st.tuples(
    st.integers(0, 70), st.integers(0, 40), st.sampled_from([op.STATICCALL, op.DELEGATECALL])
).map(
    lambda call: (
        push(32)
        + push(0)
        + push(call[0])
        + push(call[1])
        + push(OTHER[-1:])
        + push(30_000)
        + bytes([call[2]])
    )
)
targets = st.just(bytes([op.JUMPDEST]))
tokens = st.one_of(
    *(pushes, pushes, shuffles, operations, operations, places, stores, hashes),
    *(slots, copies, calls, forward, jumps, targets, targets),
)
WARM_STACK = b"".join(push(number) for number in range(20))


@settings(max_examples=300, deadline=None)
@given(
    st.sampled_from(list(FORKS)),
    st.lists(tokens, max_size=100),
    st.integers(100, 100_000),
    st.binary(max_size=64),
    st.booleans(),
)
@example("Cancun", [push(5), bytes([op.DUP1, op.EQ] * 200)], 100_000, b"", False)
def test_random_programs(fork: str, program: list[bytes], gas: int, data: bytes, static: bool) -> None:
    agree(fork, WARM_STACK + b"".join(program), gas, data, static=static)


@settings(max_examples=150, deadline=None)
@given(
    st.sampled_from(RECENT),
    st.lists(tokens, min_size=1, max_size=25),
    st.integers(2, 6),
    st.integers(300, 30_000),
)
def test_random_loops(fork: str, body: list[bytes], turns: int, gas: int) -> None:
    """The counter lies below the random part, which may well spoil it; the gas ends the loop then."""
    loop = bytes([op.JUMPDEST]) + WARM_STACK + b"".join(body)
    back = bytes([op.PUSH1, 1, op.PUSH1, 0x60, op.MLOAD, op.SUB, op.DUP1, op.PUSH1, 0x60, op.MSTORE])
    start = push(turns) + push(0x60) + bytes([op.MSTORE])
    agree(fork, start + loop + back + push(len(start)) + bytes([op.JUMPI]), gas)


@pytest.mark.parametrize("fork", RECENT)
@pytest.mark.parametrize(
    "code", sorted({*PLAIN, op.PUSH0, op.PUSH32, op.DUP1, op.DUP16, op.SWAP1, op.SWAP16})
)
def test_each_opcode_at_its_edges(fork: str, code: int) -> None:
    one, largest = bytes([code]), push(b"\xff" * 32)
    stacks = [
        b"",
        push(0),
        push(1) * 2,
        largest * 3,
        push(0x21) * 17,
        push(0) + push(0x21) + push(b"\x80" + bytes(31)),
    ]
    if op.PUSH0 <= code <= op.SWAP16:
        stacks += [push(0) * 1023, push(0) * 1024]
    for stack in stacks:
        agree(fork, stack + one + push(0) + bytes([op.MSTORE]) + push(0x20) + push(0) + bytes([op.RETURN]))
    for gas in range(9, 21):
        agree(fork, push(1) * 3 + one, gas)
    agree(fork, push(1) * 7 + one, 5_000)


@pytest.mark.parametrize("fork", RECENT)
@pytest.mark.parametrize(
    "words", [(op.SDIV, op.SMOD, op.SAR, op.SIGNEXTEND, op.BYTE, op.SLT, op.SGT, op.MOD, op.DIV)]
)
def test_signed_arithmetic(fork: str, words: tuple[int, ...]) -> None:
    numbers = [0, 1, 2, 7, 31, 32, 255, 256, 2**255 - 1, 2**255, 2**256 - 7, 2**256 - 1]
    for code in words:
        for left in numbers:
            # Constants are reckoned when a run is made, call data when it runs.
            line = b"".join(
                push(right) + push(left) + bytes([code, op.PUSH1, 0, op.MSTORE]) for right in numbers
            )
            agree(fork, line)
            loads = [push(at * 32) + bytes([op.CALLDATALOAD]) for at in range(len(numbers))]
            line = b"".join(load + push(left) + bytes([code, op.PUSH1, 0, op.MSTORE]) for load in loads)
            agree(fork, line, data=b"".join(number.to_bytes(32) for number in numbers))


@pytest.mark.parametrize("fork", RECENT)
def test_writes_to_storage_cost_what_they_were_and_become(fork: str) -> None:
    """EIP-2200's table: original, current and new value, each zero, equal or different."""
    for slot in (0, 1):
        for first in (0, 7, 9):
            for second in (0, 7, 9):
                writes = (
                    push(first)
                    + push(slot)
                    + bytes([op.SSTORE])
                    + push(second)
                    + push(slot)
                    + bytes([op.SSTORE])
                )
                for gas in (100_000, 25_000, 5_103, 2_303, 2_310):
                    agree(fork, writes, gas)


def test_a_loop_with_a_jump_into_pushed_data() -> None:
    assert agree("Cancun", bytes.fromhex("6003565b00")).error == ""
    assert agree("Cancun", bytes.fromhex("6004565b605b00")).error == "InvalidJumpDestination"
    assert agree("Cancun", bytes.fromhex("605b600156")).error == "InvalidInstruction"
    assert agree("Cancun", bytes.fromhex("600a5b6001900380600257")).error == ""


def test_memory_that_cannot_be_paid_fails_where_it_is_asked_for() -> None:
    for end in (op.MLOAD, op.MSTORE, op.SHA3, op.MCOPY):
        for place in (0x20, 0xFFFF, 2**64, 2**255):
            for gas in (60, 300, 20_000):
                agree("Cancun", push(1) * 2 + push(place) + bytes([end]) + push(1) * 5, gas)


def test_a_subclass_may_have_opcodes_of_its_own() -> None:
    base = quick_class("Cancun", 0)
    seen = []

    def told(computation: Any) -> None:
        seen.append(computation.code.program_counter)
        base.opcodes[op.CALLVALUE](computation)

    kind = type("Telling", (base,), {"opcodes": base.opcodes | {op.CALLVALUE: told}})
    code = bytes([op.JUMPDEST, op.CALLVALUE, op.POP, op.CALLVALUE])
    assert run("Cancun", kind, code, 1_000, b"", False).stack == [3]
    assert seen == [2, 4]
