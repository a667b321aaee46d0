"""The benches' chain: what a transaction costs is what the rules of its fork say."""

import pytest

from scripts.benchmarks.workload import (
    actor,
    erc20_creation,
    erc20_transfer,
    erc1155_creation,
    erc1155_transfer,
)
from scripts.evm import RULES, Failed, Machine, created_address

FIRST, SECOND, THIRD = (actor(name) for name in ("first", "second", "third"))
# Does nothing, and costs nothing but its call.
NOTHING = b"\x00"
# Returns the time.
CLOCK = bytes.fromhex("4260005260206000f3")


def creation(code: bytes) -> bytes:
    """Creation code of some code: copies it and returns it."""
    return bytes.fromhex(f"60{len(code):02x}80600b6000396000f3") + code


@pytest.mark.parametrize("rules", sorted(RULES))
def test_a_call_of_nothing_costs_intrinsic_gas_and_calldata(rules: str) -> None:
    machine = Machine(rules)
    nothing = machine.create(creation(NOTHING), FIRST)
    assert nothing == created_address(FIRST.address, 0)
    assert machine.code(nothing) == NOTHING
    data = bytes(100) + b"\1" * 100
    tokens = 100 + 4 * 100
    floor = 10 * tokens if rules == "prague" else 0
    assert machine.call(nothing, data, FIRST).gas == 21_000 + max(4 * tokens, floor)


@pytest.mark.parametrize("rules", ["cancun", "prague"])
def test_peers_move_what_they_are_told(rules: str) -> None:
    machine = Machine(rules)
    token = machine.create(erc20_creation(FIRST.address, SECOND.address), FIRST)
    assert int.from_bytes(machine.call(token, erc20_transfer(SECOND.address, 5), FIRST).output) == 1
    with pytest.raises(Failed):
        machine.call(token, erc20_transfer(SECOND.address, 5), THIRD)
    many = machine.create(erc1155_creation(FIRST.address, SECOND.address, 8), FIRST)
    moved = erc1155_transfer(FIRST.address, SECOND.address, [1] * 8)
    assert len(machine.call(many, moved, FIRST).logs) == 1
    with pytest.raises(Failed):
        machine.call(many, moved, SECOND)


def test_time_is_set() -> None:
    machine = Machine("cancun")
    machine.now += 60
    clock = machine.create(creation(CLOCK), FIRST)
    assert int.from_bytes(machine.call(clock, b"", FIRST).output) == machine.now
