"""Supervision, one to stop and more to go on: freeze, set_paused, freeze_lot."""

from typing import Any

import pytest
from eth_hash.auto import keccak

from contracts.ids import account_line, custody_line, lot_line
from tests.contracts.chain import reverts
from tests.contracts.supervision.acts import (
    CARVE,
    IDENTIFY,
    TELLERS,
    freezing,
    freezing_lot,
    identifying,
    maps,
    names,
    pausing,
    suspense,
    thawing,
)
from tests.contracts.world import (
    AUDITOR,
    PROJECT,
    TREE,
    WAGES,
    ZERO,
    World,
    agency_one_deputy,
    agency_one_supervisor,
    agency_two_supervisor,
    attacker,
    bank_bridge,
    bank_supervisor,
    first_teller,
    newcomer,
    operator,
    signer,
)

OTHER = b"\7" * 32
LOT = keccak(b"unknown credit")
NOT_RISING = "signatures: not in rising order of signer"
MISSED = "supervision: quorum not reached"
ONE_INSTITUTION = (agency_one_supervisor, agency_one_deputy)
TWO_INSTITUTIONS = (agency_one_supervisor, agency_two_supervisor)
STRANGERS = (attacker, operator, bank_bridge, first_teller)


# freeze


@pytest.mark.parametrize("who", [bank_supervisor, agency_one_deputy, agency_two_supervisor])
def test_one_supervisor_freezes(world: World, who: Any) -> None:
    world.freeze(TREE, True, [who])
    assert names(world) == ["Decided", "AccountFrozen"]
    decided, frozen = world.supervision.events
    assert decided.signers == (who.address.lower(),)
    assert (frozen.account, frozen.frozen) == (TREE, True)
    assert world.ledger.account(TREE).frozen
    assert world.supervision.freeze_nonce(TREE) == 1


def test_the_quorum_unfreezes(world: World) -> None:
    world.freeze(TREE, True, [agency_one_supervisor])
    for by in ((), (agency_one_supervisor,), ONE_INSTITUTION, (bank_supervisor, attacker)):
        with reverts(MISSED):
            world.freeze(TREE, False, by)
    world.freeze(TREE, False, TWO_INSTITUTIONS)
    assert world.ledger.account(TREE).frozen is False
    assert world.supervision.freeze_nonce(TREE) == 2


def test_freeze_refusals(world: World) -> None:
    for by in ((), *((who,) for who in STRANGERS), STRANGERS):
        with reverts(MISSED):
            world.freeze(TREE, True, by)
    with reverts("supervision: unknown account"):
        world.freeze(OTHER, True, [bank_supervisor])
    with reverts("accounts: nothing to change"):
        world.freeze(TREE, False, TWO_INSTITUTIONS)


def test_freezing_again_voids_what_was_signed_to_unfreeze(world: World) -> None:
    """What was signed for one reason does not unfreeze what is frozen for another."""
    world.freeze(TREE, True, [bank_supervisor])
    go = freezing(world, TREE, False)
    given = go.signed(world, TWO_INSTITUTIONS)
    world.freeze(TREE, True, [agency_one_supervisor])
    assert (world.ledger.account(TREE).frozen, world.supervision.freeze_nonce(TREE)) == (True, 2)
    with reverts(MISSED, NOT_RISING):
        go.hand_in(world, given)
    world.freeze(TREE, False, TWO_INSTITUTIONS)


def test_a_supervisor_of_no_member_of_the_quorum_freezes_nothing(world: World) -> None:
    world.change([signer(newcomer, AUDITOR, 8)])
    with reverts(MISSED):
        world.freeze(TREE, True, [newcomer])
    world.pause(True, [newcomer])


def test_an_account_below_is_frozen_by_its_trees_quorum(world: World) -> None:
    world.open(PROJECT)
    world.freeze(PROJECT, True, [bank_supervisor])
    assert world.ledger.account(PROJECT).frozen
    assert world.ledger.account(TREE).frozen is False
    assert (world.supervision.freeze_nonce(PROJECT), world.supervision.freeze_nonce(TREE)) == (1, 0)


def test_freezes_are_not_replayed(world: World) -> None:
    stop = freezing(world, TREE, True)
    stopped = stop.signed(world, [bank_supervisor])
    stop.hand_in(world, stopped)
    go = freezing(world, TREE, False)
    gone = go.signed(world, TWO_INSTITUTIONS)
    go.hand_in(world, gone)
    with reverts(MISSED):
        stop.hand_in(world, stopped)
    world.freeze(TREE, True, [bank_supervisor])
    with reverts(MISSED, NOT_RISING):
        go.hand_in(world, gone)


def test_a_freeze_is_for_one_account(world: World) -> None:
    world.open(PROJECT)
    given = freezing(world, PROJECT, True).signed(world, [bank_supervisor])
    with reverts(MISSED):
        world.supervision.freeze(TREE, True, given)


# set_paused


def test_one_supervisor_pauses_and_two_institutions_resume(world: World) -> None:
    world.pause(True, [agency_two_supervisor])
    assert names(world) == ["Decided", "PauseSet"]
    assert world.supervision.events[1].paused
    assert world.accounts.is_paused()
    for by in ((bank_supervisor,), ONE_INSTITUTION, (*TWO_INSTITUTIONS, operator)):
        with reverts("supervision: supervisors of two institutions must sign"):
            world.pause(False, by)
    world.pause(False, [agency_one_supervisor, bank_supervisor])
    assert world.accounts.is_paused() is False
    assert world.supervision.pause_nonce() == 2


def test_who_is_no_supervisor_pauses_nothing(world: World) -> None:
    for by in ((), *((who,) for who in STRANGERS)):
        for paused in (True, False):
            with reverts("supervision: not a supervisor"):
                world.pause(paused, by)
    with reverts("accounts: nothing to change"):
        world.pause(False, TWO_INSTITUTIONS)
    world.pause(True, [bank_supervisor])
    with reverts("accounts: nothing to change"):
        world.pause(True, [bank_supervisor])
    assert world.supervision.pause_nonce() == 1


def test_pauses_are_not_replayed(world: World) -> None:
    stop = pausing(world, True)
    stopped = stop.signed(world, [bank_supervisor])
    stop.hand_in(world, stopped)
    go = pausing(world, False)
    gone = go.signed(world, TWO_INSTITUTIONS)
    go.hand_in(world, gone)
    with reverts("supervision: not a supervisor"):
        stop.hand_in(world, stopped)
    world.pause(True, [bank_supervisor])
    with reverts("supervision: not a supervisor", NOT_RISING):
        go.hand_in(world, gone)


def test_a_suspended_supervisor_stops_nothing(world: World) -> None:
    frozen = freezing(world, TREE, True)
    paused = pausing(world, True)
    given = frozen.signed(world, [bank_supervisor]), paused.signed(world, [bank_supervisor])
    world.suspend(bank_supervisor)
    with reverts(MISSED):
        frozen.hand_in(world, given[0])
    with reverts("supervision: not a supervisor"):
        paused.hand_in(world, given[1])


# freeze_lot


@pytest.fixture
def suspended(world: World) -> World:
    """A lot of 100, of which 30 are identified."""
    suspense(world, LOT)
    identifying(world, LOT, 30).decide(world, TELLERS)
    return world


def test_one_supervisor_takes_the_rest_of_a_lot_into_custody(suspended: World) -> None:
    line = lot_line(LOT)
    custody = freezing_lot(suspended, LOT).decide(suspended, [agency_one_deputy])
    assert custody == custody_line(line, 1)
    assert names(suspended) == ["Decided", "CustodyOpened", "Moved"]
    opened = suspended.supervision.events[1]
    assert (opened.custody, opened.account, opened.home) == (custody, TREE, ZERO)
    assert maps(suspended) == [(CARVE, line, custody, 30, 0, 70, LOT)]
    assert suspended.ledger.line(line) == (100, 100)
    assert suspended.supervision.custody_account(custody) == TREE
    assert suspended.supervision.custody_home(custody) == ZERO
    assert suspended.ledger.lot(LOT) == (TREE, line)
    with reverts("lines: not enough money"):
        identifying(suspended, LOT, 1).decide(suspended, TELLERS)


def test_the_quorum_thaws_a_lot_and_nobody_less(suspended: World) -> None:
    custody = freezing_lot(suspended, LOT).decide(suspended, [bank_supervisor])
    for by in ((), (bank_supervisor,), ONE_INSTITUTION):
        with reverts(MISSED):
            thawing(suspended, custody, 70).decide(suspended, by)
    thawing(suspended, custody, 70).decide(suspended)
    assert maps(suspended) == [(IDENTIFY, custody, account_line(TREE, WAGES), 0, 0, 70, WAGES)]


def test_freeze_lot_refusals(suspended: World) -> None:
    act = freezing_lot(suspended, LOT)
    for by in ((), *((who,) for who in STRANGERS)):
        with reverts(MISSED):
            act.decide(suspended, by)
    with reverts("supervision: unknown tree"):
        freezing_lot(suspended, OTHER).decide(suspended, [bank_supervisor])
    given = act.signed(suspended, [bank_supervisor])
    identifying(suspended, LOT, 1).decide(suspended, TELLERS)
    with reverts(MISSED):
        act.hand_in(suspended, given)
    freezing_lot(suspended, LOT).decide(suspended, [bank_supervisor])
    with reverts("lines: zero amount"):
        freezing_lot(suspended, LOT).decide(suspended, [bank_supervisor])


def test_stopping_works_while_paused(suspended: World) -> None:
    suspended.pause(True, [bank_supervisor])
    suspended.freeze(TREE, True, [bank_supervisor])
    custody = freezing_lot(suspended, LOT).decide(suspended, [bank_supervisor])
    assert suspended.balance(custody) == 70
