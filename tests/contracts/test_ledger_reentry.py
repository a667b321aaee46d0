"""The Ledger against an Accounts that calls back: what it is asked from cannot be entered again."""

from __future__ import annotations

from collections.abc import Iterator
from functools import cache
from typing import Any

import boa
import pytest
from eth_abi.abi import encode
from eth_hash.auto import keccak
from eth_utils.abi import collapse_if_tuple, function_abi_to_4byte_selector
from vyper.compiler import compile_code

from contracts.artifacts import artifact
from contracts.rows import RowTree
from tests.contracts.chain import Contract, deploy, deploy_code
from tests.contracts.world import TREE, WAGES, ZERO, now, returned, rows_of, supervision_account

# Answers every question of the Ledger after it has tried what it was told to: 1 a call, 2 a static call, 3 a
# change of its own. The Ledger's interface says that these are views; this contract does not keep to that.
SOURCE = """
# pragma version 0.4.3

struct Root:
    bank: bytes32
    quorum: bytes32
    currency: bytes3
    number: uint256

struct Account:
    tree: bytes32
    parent: bytes32
    controller: bytes32
    frozen: bool
    closed: bool

DIRECTORY: public(address)
target: address
data: Bytes[4096]
tries: uint256
changed: uint256

@external
def plan(target: address, data: Bytes[4096], tries: uint256):
    self.target = target
    self.data = data
    self.tries = tries

@external
def enter():
    raw_call(self.target, self.data)

@external
def root(tree: bytes32) -> Root:
    return Root(bank=tree, quorum=tree, currency=0x434e59, number=1)

@external
def tree_at(number: uint256) -> bytes32:
    return {tree}

@external
def account(account: bytes32) -> Account:
    return Account(
        tree={tree}, parent=empty(bytes32), controller=account, frozen=False, closed=False
    )

@external
def running(account: bytes32) -> uint256:
    return self._try()

@external
def receives(account: bytes32) -> uint256:
    return self._try()

@external
def starts(account: bytes32, agreement: address) -> uint256:
    return self._try()

@external
def transfers(account: bytes32, agreement: address, destination: bytes32) -> uint256:
    return self._try()

@external
def mints(tree: bytes32, who: address) -> uint256:
    return self._try()

@external
def settles(account: bytes32, who: address) -> uint256:
    return self._try()

@external
def sweeps(account: bytes32) -> bytes32:
    self._try()
    return {parent}

@external
def is_granted(account: bytes32, agreement: address) -> bool:
    self._try()
    return False

@internal
def _try() -> uint256:
    entered: bool = False
    if self.tries == 1:
        entered = raw_call(self.target, self.data, revert_on_failure=False)
    elif self.tries == 2:
        entered = raw_call(self.target, self.data, is_static_call=True, revert_on_failure=False)
    elif self.tries == 3:
        self.changed += 1
    assert not entered, "accounts: entered the ledger"
    return 1
"""
NOTHING, CALL, STATIC_CALL, CHANGE = range(4)
PARENT = keccak(b"parent")
LOT = keccak(b"lot")
OPEN_ROWS, DONE_ROWS = rows_of([10] * 16), rows_of([20] * 8)


def encoded(entry: dict[str, Any], arguments: tuple[Any, ...]) -> bytes:
    """Calldata."""
    types = [collapse_if_tuple(field) for field in entry["inputs"]]
    return function_abi_to_4byte_selector(entry) + encode(types, arguments)


@cache
def compiled() -> dict[str, Any]:
    """The hostile Accounts."""
    source = SOURCE.format(tree="0x" + TREE.hex(), parent="0x" + PARENT.hex())
    return dict(compile_code(source, output_formats=["bytecode", "abi"]))


class Hostile:
    """A Ledger whose Accounts is the attacker's, and is the agreement of its batches too."""

    def __init__(self) -> None:
        made = compiled()
        self.functions = {entry["name"]: entry for entry in made["abi"] if "name" in entry}
        self.address = deploy_code(bytes.fromhex(made["bytecode"][2:]))
        self.ledger: Contract = deploy("Ledger", ["address"] * 2, self.address, supervision_account.address)
        self.ledger.set_attested(TREE, 10**9, sender=supervision_account)
        self.ledger.mint(keccak(b"credit"), TREE, TREE, WAGES, 1_000, ZERO)
        self.open, self.done = (
            self.ledger.reserve(*self.bound(rows), sender=self.address) for rows in (OPEN_ROWS, DONE_ROWS)
        )
        chunk = DONE_ROWS.chunks(8)[0]
        self.ledger.execute(self.done, chunk.rows, chunk.proof, 0, sender=self.address)

    def bound(self, rows: RowTree) -> tuple[Any, ...]:
        """What a batch is reserved with."""
        return (TREE, WAGES, rows.root, len(rows.rows), rows.total_minor, now() + 60)

    def acts(self) -> dict[str, tuple[Any, ...]]:
        """Acts the Ledger would do now, with their arguments."""
        chunk = OPEN_ROWS.chunks(8)[0]
        return {
            "mint": (LOT, TREE, TREE, WAGES, 5, ZERO),
            "transfer": (TREE, WAGES, PARENT, 5, ZERO, False),
            "reserve": self.bound(rows_of([30])),
            "execute": (self.open, chunk.rows, chunk.proof, 0),
            "return_rows": (keccak(b"return"), 20, [returned(self.done, DONE_ROWS, 3)]),
            "settle": (self.done,),
            "void_reference": (LOT, TREE),
            "sweep": (TREE, WAGES),
        }

    def call(self, function: str, *arguments: Any) -> bool:
        """Call the hostile contract; whether it did it."""
        data = encoded(self.functions[function], arguments)
        return not boa.env.execute_code(self.address, data=data).is_error

    def plan(self, function: str, arguments: tuple[Any, ...], tries: int) -> None:
        """What it does whenever it is asked something."""
        (entry,) = (one for one in artifact("Ledger").abi if one.get("name") == function)
        assert self.call("plan", self.ledger.address, encoded(entry, arguments), tries)

    def act(self, function: str) -> bool:
        """Have the Ledger act; whether it did."""
        (entry,) = (one for one in artifact("Ledger").abi if one.get("name") == function)
        data = encoded(entry, self.acts()[function])
        return not boa.env.execute_code(self.ledger.address, sender=self.address, data=data).is_error


@pytest.fixture
def hostile() -> Iterator[Hostile]:
    with boa.env.anchor():
        yield Hostile()


ACTS = ("mint", "transfer", "reserve", "execute", "return_rows", "settle", "void_reference", "sweep")
every_act = pytest.mark.parametrize("act", ACTS)


@every_act
def test_each_act_is_possible(hostile: Hostile, act: str) -> None:
    """By itself, and by a call of the hostile contract while the Ledger asks it nothing."""
    assert set(hostile.acts()) == set(ACTS)
    hostile.plan(act, hostile.acts()[act], NOTHING)
    with boa.env.anchor():
        assert hostile.act(act)
    assert hostile.call("enter")


@every_act
@pytest.mark.parametrize("inner", ACTS)
def test_the_ledger_is_not_entered_while_it_asks(hostile: Hostile, act: str, inner: str) -> None:
    """The hostile contract throws when it got in; the Ledger does what it was asked for, and that alone."""
    with boa.env.anchor():
        assert hostile.act(act)
        alone = hostile.ledger.tree(TREE), hostile.ledger.account_balance(TREE, WAGES)
    hostile.plan(inner, hostile.acts()[inner], CALL)
    assert hostile.act(act)
    hostile.plan(inner, hostile.acts()[inner], NOTHING)
    assert (hostile.ledger.tree(TREE), hostile.ledger.account_balance(TREE, WAGES)) == alone


@every_act
def test_nor_is_it_read_half_way(hostile: Hostile, act: str) -> None:
    """A static call changes nothing; only the lock stands in its way."""
    for view, arguments in (
        ("tree", (TREE,)),
        ("line", (hostile.open,)),
        ("batch", (hostile.open,)),
        ("gone", (hostile.done, 0)),
    ):
        with boa.env.anchor():
            hostile.plan(view, arguments, STATIC_CALL)
            assert hostile.call("enter")
            assert hostile.act(act)


@every_act
def test_who_is_asked_changes_nothing(hostile: Hostile, act: str) -> None:
    """The Ledger asks by static calls, in which not even the asked contract's own state can change."""
    hostile.plan("tree", (TREE,), CHANGE)
    assert not hostile.act(act)
