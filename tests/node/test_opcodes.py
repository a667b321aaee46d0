"""The shorter opcodes against py-evm's own, on random programs: outcome, gas, logs, state must be equal."""

from dataclasses import asdict

import pytest
from eth.constants import BLANK_ROOT_HASH
from eth.db.atomic import AtomicDB
from eth.vm import opcode_values as op
from eth.vm.forks.cancun.computation import CancunComputation
from hypothesis import given, settings
from hypothesis import strategies as st

from node.transaction import Transaction
from node.vm import BlockContext, Outcome, open_state, process_transaction

SENDER = b"\x0a" * 20
CONTRACT = b"\x0b" * 20
CONTEXT = BlockContext(1, 1_700_000_000, 30_000_000, bytes(20), bytes(32), 31_707, tuple)

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
    *(
        op.SLT,
        op.SGT,
        op.SDIV,
        op.MOD,
        op.EXP,
        op.SIGNEXTEND,
        op.ADDMOD,
        op.MULMOD,
        op.CALLDATALOAD,
        op.CALLER,
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
    *(op.SHA3, op.MCOPY, op.CALLDATACOPY, op.CODECOPY, op.LOG0, op.LOG2, op.RETURN, op.REVERT, op.CREATE),
    *(op.CALL, op.STATICCALL, op.RETURNDATASIZE, op.ADDRESS, op.BLOCKHASH, op.SELFBALANCE, INVALID),
]


def run(is_plain: bool, code: bytes, gas: int, data: bytes) -> tuple[Outcome, bytes]:
    state = open_state(AtomicDB(), BLANK_ROOT_HASH, CONTEXT)
    if is_plain:
        state.computation_class = CancunComputation
    state.set_code(CONTRACT, code)
    state.set_storage(CONTRACT, 1, 7)
    call = Transaction(bytes(32), b"", 2, 31_707, SENDER, 0, gas, 0, 0, CONTRACT, 0, data)
    outcome = process_transaction(state, call)
    return outcome, state.make_state_root()


def agree(code: bytes, gas: int = 200_000, data: bytes = b"") -> Outcome:
    ours, plain = run(False, code, gas, data), run(True, code, gas, data)
    if plain[0].failure != ours[0].failure:  # the same end may be worded differently
        assert plain[0].gas_used == ours[0].gas_used == gas
    assert asdict(ours[0]) | {"failure": ""} == asdict(plain[0]) | {"failure": ""}
    assert ours[1] == plain[1]
    return ours[0]


def push(value: bytes) -> bytes:
    return bytes([op.PUSH0 + len(value)]) + value


small = st.integers(0, 200).map(lambda number: push(bytes([number])))
pushes = st.one_of(small, small, st.binary(min_size=0, max_size=32).map(push))
shuffles = st.integers(0, 31).map(lambda number: bytes([op.DUP1 + number]))
operations = st.sampled_from(PLAIN).map(lambda code: bytes([code]))
jumps = st.tuples(st.integers(0, 250), st.booleans()).map(
    lambda jump: bytes([op.PUSH1, jump[0], op.JUMPI if jump[1] else op.JUMP])
)
places = st.integers(0, 90).map(lambda number: push(bytes([number])) + bytes([op.MLOAD]))
stores = st.integers(0, 90).map(lambda number: push(bytes([number])) + bytes([op.MSTORE]))
targets = st.just(bytes([op.JUMPDEST]))
tokens = st.one_of(pushes, pushes, shuffles, operations, operations, places, stores, jumps, targets)


@settings(max_examples=250, deadline=None)
@given(st.lists(tokens, max_size=120), st.integers(22_100, 120_000), st.binary(max_size=64))
def test_random_programs(program: list[bytes], gas: int, data: bytes) -> None:
    warm_stack = b"".join(push(bytes([number])) for number in range(20))
    agree(warm_stack + b"".join(program), gas, data)


@pytest.mark.parametrize(
    "code", sorted({*PLAIN, *range(op.PUSH0, op.PUSH32 + 1), *range(op.DUP1, op.SWAP16 + 1)})
)
def test_each_opcode_at_its_edges(code: int) -> None:
    one, largest = bytes([code]), push(b"\xff" * 32)
    stacks = [b"", push(b""), push(b"\x01") * 2, largest * 3, push(b"\x21") * 17]
    if op.PUSH0 <= code <= op.SWAP16:
        stacks += [push(b"") * 1023, push(b"") * 1024]
    for stack in stacks:
        agree(stack + one + push(b"") + bytes([op.MSTORE]) + push(b"\x20") + push(b"") + bytes([op.RETURN]))
    for gas in range(21_009, 21_021):
        agree(push(b"\x01") * 3 + one, gas)


def test_a_loop_with_a_jump_into_pushed_data() -> None:
    assert agree(bytes.fromhex("6003565b00")).succeeded
    assert not agree(bytes.fromhex("6004565b605b00")).succeeded
    assert not agree(bytes.fromhex("605b600156")).succeeded
    assert agree(bytes.fromhex("600a5b6001900380600257")).succeeded
