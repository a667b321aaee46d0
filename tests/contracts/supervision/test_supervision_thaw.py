"""Supervision, money out of custody: thaw."""

from typing import Any

import pytest

from contracts.ids import account_line
from tests.contracts.chain import reverts
from tests.contracts.supervision.acts import (
    IDENTIFY,
    THAW,
    carving,
    freezing_lot,
    maps,
    names,
    suspense,
    thawing,
)
from tests.contracts.world import (
    BANK,
    ENTERPRISE,
    MATERIALS,
    PROJECT,
    QUORUM,
    TREE,
    WAGES,
    World,
    agency_one_deputy,
    agency_one_supervisor,
    attacker,
    bank_bridge,
    bank_supervisor,
    operator,
)

OTHER = b"\7" * 32
LOT = b"\5" * 32
SOURCE = account_line(PROJECT, WAGES)
MISSED = "supervision: quorum not reached"
NOT_HOME = "supervision: not where it was carved from"
NOT_OPEN = "supervision: not an open account of the tree"


@pytest.fixture
def held(world: World) -> tuple[World, bytes]:
    """A frozen project with 1,000 of wages, of which [100, 200) is in custody."""
    world.open(PROJECT)
    world.fund(1_000, account=PROJECT)
    world.freeze(PROJECT, True, [bank_supervisor])
    return world, carving([(100, 200)], account=PROJECT).decide(world)


@pytest.fixture
def lot_held(world: World) -> tuple[World, bytes]:
    """A lot of 100 in custody, and a project."""
    world.open(PROJECT)
    suspense(world, LOT)
    return world, freezing_lot(world, LOT).decide(world, [bank_supervisor])


Held = tuple[World, bytes]


def test_thaw_home_from_the_front(held: Held) -> None:
    world, custody = held
    thawing(world, custody, 40, PROJECT).decide(world)
    assert names(world) == ["Decided", "Moved"]
    assert maps(world) == [(THAW, custody, SOURCE, 0, 1_900, 40, WAGES)]
    assert world.ledger.account_inflow(PROJECT, WAGES) == 1_000
    thawing(world, custody, 60, PROJECT).decide(world)
    assert maps(world) == [(THAW, custody, SOURCE, 40, 1_940, 60, WAGES)]
    assert (world.ledger.line(SOURCE), world.ledger.line(custody)) == ((2_000, 1_000), (100, 100))
    assert world.ledger.tree(TREE).held == 1_000


@pytest.mark.parametrize(
    ("account", "dye_class"), [(TREE, WAGES), (PROJECT, MATERIALS), (TREE, MATERIALS), (OTHER, WAGES)]
)
def test_it_goes_nowhere_but_home(held: Held, account: bytes, dye_class: bytes) -> None:
    world, custody = held
    with reverts(NOT_HOME):
        thawing(world, custody, 40, account, dye_class).decide(world)


@pytest.mark.parametrize(
    ("amount", "reason"),
    [(0, "lines: zero amount"), (101, "lines: not enough money"), (2**256 - 1, "lines: not enough money")],
)
def test_amounts_that_are_not_in_custody(held: Held, amount: int, reason: str) -> None:
    world, custody = held
    with reverts(reason):
        thawing(world, custody, amount, PROJECT).decide(world)


def test_lines_that_are_no_custody(held: Held) -> None:
    world, _ = held
    for line in (OTHER, SOURCE):
        with reverts("supervision: unknown custody"):
            thawing(world, line, 40, PROJECT).decide(world)


@pytest.mark.parametrize(
    "by",
    [
        (),
        (bank_supervisor,),
        (agency_one_supervisor, agency_one_deputy),
        (bank_supervisor, operator, attacker),
    ],
)
def test_the_quorum_must_sign(held: Held, by: tuple[Any, ...]) -> None:
    world, custody = held
    with reverts(MISSED):
        thawing(world, custody, 40, PROJECT).decide(world, by)


def test_a_thawing_counts_once(held: Held) -> None:
    world, custody = held
    act = thawing(world, custody, 40, PROJECT)
    given = act.signed(world)
    act.hand_in(world, given)
    with reverts(MISSED, "signatures: not in rising order of signer"):
        act.hand_in(world, given)
    assert world.balance(custody) == 60


def test_home_is_home_though_it_is_closed_or_nothing_runs(held: Held) -> None:
    """The account is frozen all the time; what is swept then goes to the parent."""
    world, custody = held
    world.close(PROJECT)
    world.pause(True, [bank_supervisor])
    thawing(world, custody, 100, PROJECT).decide(world)
    world.pause(False, [bank_supervisor, agency_one_supervisor])
    world.freeze(PROJECT, False, [bank_supervisor, agency_one_supervisor])
    world.ledger.sweep(PROJECT, WAGES)
    assert world.ledger.account_balance(TREE, WAGES) == 1_000


@pytest.mark.parametrize(("account", "dye_class"), [(TREE, WAGES), (PROJECT, WAGES), (PROJECT, MATERIALS)])
def test_a_lots_money_goes_to_any_open_account(lot_held: Held, account: bytes, dye_class: bytes) -> None:
    world, custody = lot_held
    thawing(world, custody, 30, account, dye_class).decide(world)
    assert maps(world) == [(IDENTIFY, custody, account_line(account, dye_class), 0, 0, 30, dye_class)]
    assert world.ledger.account_balance(account, dye_class) == 30
    assert world.ledger.account_inflow(account, dye_class) == 30
    thawing(world, custody, 70, TREE, WAGES).decide(world)
    assert world.balance(custody) == 0
    assert world.ledger.tree(TREE).held == 100


def test_a_lots_money_goes_to_no_closed_account_nor_another_tree(lot_held: Held) -> None:
    world, custody = lot_held
    with reverts("supervision: unknown account"):
        thawing(world, custody, 30, OTHER).decide(world)
    world.accounts.open_tree(OTHER, BANK, QUORUM, b"CNY", ENTERPRISE, sender=bank_bridge)
    with reverts(NOT_OPEN):
        thawing(world, custody, 30, OTHER).decide(world)
    world.close(PROJECT)
    with reverts(NOT_OPEN):
        thawing(world, custody, 30, PROJECT).decide(world)


def test_a_frozen_account_takes_a_lots_money(lot_held: Held) -> None:
    world, custody = lot_held
    world.freeze(PROJECT, True, [bank_supervisor])
    thawing(world, custody, 30, PROJECT).decide(world)
    assert world.ledger.account_balance(PROJECT, WAGES) == 30
