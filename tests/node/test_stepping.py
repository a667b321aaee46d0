"""Observing changes nothing: every fork's programs end the same with an observer and without."""

from itertools import pairwise
from typing import Any

import pytest
from eth.constants import BLANK_ROOT_HASH
from eth.db.atomic import AtomicDB

from node.forks import Fork
from node.tracers.access import AccessTracer
from node.tracers.call_tree import Call, CallTracer
from node.tracers.stepping import Frame, Observer, observed
from node.tracers.struct_log import SizeBudget, StructLogger, StructLogOptions
from node.transaction import Transaction
from node.vm import BlockContext, Outcome, open_state, process_transaction

SENDER, CONTRACT, OTHER = b"\x0a" * 20, b"\x0b" * 20, b"\x0c" * 20
OTHERS = "73" + OTHER.hex()
PROGRAMS = {
    "sums": "600160020160005260206000f3",
    "storage": "6001600055600060005560016001556000600155" + "600254",
    "a loop": "600a5b6001900380600257",
    "a call": "60006000600060006001" + OTHERS + "61c350f1" + "60006000600060006000" + OTHERS + "61c350f2",
    "a creation": "60fe60005360016000" + "6000f0" + "60006000" + "6000f0",
    "self-destruction": OTHERS + "ff",
    "an invalid opcode": "6001600255fe",
    "a jump to nowhere": "600456",
    "endless": "5b600056",
    "memory": "600162ffffff52",
    "a static call": "6000600060006000" + OTHERS + "61c350fa",
    "a revert": "600160025560006000fd",
}
CALLED = bytes.fromhex("6001600355600354600052602060006001a160206000f3")


def run(fork: Fork, code: bytes, observer: Observer | None) -> tuple[Outcome, bytes]:
    context = BlockContext(1, 1, 30_000_000, bytes(20), bytes(32), 7, tuple, fork=fork)
    state = open_state(AtomicDB(), BLANK_ROOT_HASH, context)
    state.set_code(CONTRACT, code)
    state.set_code(OTHER, CALLED)
    state.set_storage(CONTRACT, 2, 7)
    state.set_balance(SENDER, 10**18)
    state.set_balance(CONTRACT, 3)
    call = Transaction(bytes(32), b"", 0, None, SENDER, 0, 250_000, 1, 1, CONTRACT, 5, b"\x01", v=27)
    if observer is None:
        return process_transaction(state, call), state.make_state_root()
    usual = state.computation_class
    with observed(state, observer):
        outcome = process_transaction(state, call)
    assert state.computation_class is usual
    return outcome, state.make_state_root()


def observers() -> list[Any]:
    top = Call(Frame("CALL", SENDER, CONTRACT, 5, 250_000, b"\x01"))
    return [
        StructLogger(StructLogOptions(memory=True, return_data=True), SizeBudget()),
        CallTracer(top, SizeBudget()),
        AccessTracer(frozenset()),
    ]


@pytest.mark.parametrize("program", PROGRAMS.values(), ids=PROGRAMS.keys())
@pytest.mark.parametrize("fork", Fork)
def test_an_observer_changes_nothing(fork: Fork, program: str) -> None:
    plain = run(fork, bytes.fromhex(program), None)
    for observer in observers():
        assert run(fork, bytes.fromhex(program), observer) == plain
        assert observer.root.is_error != plain[0].succeeded


@pytest.mark.parametrize("fork", Fork)
def test_the_costs_of_the_steps_are_the_gas_used(fork: Fork) -> None:
    logger = observers()[0]
    outcome, _ = run(fork, bytes.fromhex(PROGRAMS["storage"]), logger)
    for step, following in pairwise(logger.steps):
        assert step["gas"] - step["gasCost"] == following["gas"]
    first, last = logger.steps[0], logger.steps[-1]
    spent = first["gas"] - last["gas"] + last["gasCost"]
    assert outcome.gas_peak - spent == 250_000 - first["gas"]
    assert (last["op"], last["pc"]) == ("STOP", len(bytes.fromhex(PROGRAMS["storage"])))
