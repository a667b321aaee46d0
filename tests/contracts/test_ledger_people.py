"""Ledger, what people decide by signature: open_account, identify, freeze, set_paused, write_off."""

from typing import Any

import pytest
from eth_hash.auto import keccak

from contracts.ids import account_line, lot_line, written_off_line
from tests.contracts.chain import reverts
from tests.contracts.world import (
    AGENCY_ONE,
    BANK,
    ENTERPRISE,
    LINE,
    MATERIALS,
    PROJECT,
    QUORUM,
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
    consents,
    first_teller,
    now,
    operator,
    second_teller,
    signed,
)

OTHER = b"\7" * 32
LOT = keccak(b"unknown credit")
NOT_RISING = "signatures: not in rising order of signer"
QUORUM_MISSED = "ledger: quorum not reached"


def test_open_account(world: World) -> None:
    world.open(PROJECT)
    (event,) = world.ledger.events
    assert (event.name, event.account, event.parent) == ("AccountOpened", PROJECT, TREE)
    assert (event.tree, event.controller) == (TREE, ENTERPRISE)
    world.open(LINE, parent=PROJECT)
    held = world.ledger.account(LINE)
    assert (held.tree, held.parent, held.controller) == (TREE, PROJECT, ENTERPRISE)
    assert (held.frozen, held.closed) == (False, False)


@pytest.mark.parametrize(
    ("account", "parent", "controller", "reason"),
    [
        (ZERO, TREE, ENTERPRISE, "zero id"),
        (TREE, TREE, ENTERPRISE, "account exists"),
        (PROJECT, OTHER, ENTERPRISE, "unknown account"),
        (PROJECT, TREE, OTHER, "unknown institution"),
    ],
)
def test_open_account_refusals(
    world: World, account: bytes, parent: bytes, controller: bytes, reason: str
) -> None:
    values = {"account": account, "parent": parent, "controller": controller}
    given = signed(operator, "Opening", world.ledger, **values)
    with reverts(f"ledger: {reason}"):
        world.ledger.open_account(account, parent, controller, given)


def test_open_account_by_the_parents_operator_alone(world: World) -> None:
    values = {"account": PROJECT, "parent": TREE, "controller": ENTERPRISE}
    for who in (attacker, bank_bridge, agency_one_supervisor):
        with reverts("ledger: not the parent's operator"):
            world.ledger.open_account(*values.values(), signed(who, "Opening", world.ledger, **values))
    values["controller"] = AGENCY_ONE
    world.ledger.open_account(*values.values(), signed(operator, "Opening", world.ledger, **values))
    below = {"account": LINE, "parent": PROJECT, "controller": ENTERPRISE}
    with reverts("ledger: not the parent's operator"):
        world.ledger.open_account(*below.values(), signed(operator, "Opening", world.ledger, **below))


def identification(start: int = 0, amount: int = 30, **more: Any) -> dict[str, Any]:
    return {
        "lot": LOT,
        "account": TREE,
        "dyeClass": MATERIALS,
        "amount": amount,
        "start": start,
        **more,
    }


def identify(world: World, by: tuple[Any, ...] = (first_teller, second_teller), **more: Any) -> None:
    values = identification(**more)
    given = consents(by, "Identification", world.ledger, **values)
    world.ledger.identify(values["lot"], values["account"], values["dyeClass"], values["amount"], given)


@pytest.fixture
def suspense(world: World) -> World:
    world.ledger.mint(LOT, TREE, ZERO, ZERO, 100, ZERO, sender=bank_bridge)
    return world


def test_identify_in_parts(suspense: World) -> None:
    identify(suspense)
    (moved,) = suspense.ledger.events
    line = account_line(TREE, MATERIALS)
    assert (moved.kind, moved.source, moved.destination) == (1, lot_line(LOT), line)
    assert (moved.source_start, moved.destination_start, moved.amount) == (0, 0, 30)
    identify(suspense, start=30, amount=70)
    assert suspense.ledger.line(lot_line(LOT)) == (100, 100)
    with reverts("lines: not enough money"):
        identify(suspense, start=100, amount=1)


def test_identify_is_not_replayed(suspense: World) -> None:
    values = identification()
    given = consents((first_teller, second_teller), "Identification", suspense.ledger, **values)
    suspense.ledger.identify(LOT, TREE, MATERIALS, 30, given)
    with reverts("ledger: not a teller of the bank", NOT_RISING):
        suspense.ledger.identify(LOT, TREE, MATERIALS, 30, given)


def test_identify_needs_two_tellers(suspense: World) -> None:
    for by in ((), (first_teller,)):
        with reverts("ledger: two tellers must sign"):
            identify(suspense, by)
    for by in ((first_teller, attacker), (first_teller, bank_bridge)):
        with reverts("ledger: not a teller of the bank"):
            identify(suspense, by)
    values = identification()
    given = signed(first_teller, "Identification", suspense.ledger, **values)
    with reverts(NOT_RISING):
        suspense.ledger.identify(LOT, TREE, MATERIALS, 30, [given, given])


def test_identify_refusals(suspense: World) -> None:
    with reverts("ledger: unknown account"):
        identify(suspense, account=OTHER)
    with reverts("lines: zero amount"):
        identify(suspense, amount=0)
    with reverts("lines: not enough money"):
        identify(suspense, amount=101)
    with reverts("ledger: not a teller of the bank"):
        identify(suspense, lot=OTHER)
    suspense.ledger.open_tree(OTHER, BANK, QUORUM, b"CNY", ENTERPRISE, sender=bank_bridge)
    with reverts("ledger: another tree"):
        identify(suspense, account=OTHER)


def test_freeze_by_one_and_unfreeze_by_the_quorum(world: World) -> None:
    world.freeze(TREE, True, [agency_one_supervisor])
    (event,) = world.ledger.events
    assert (event.name, event.account, event.frozen) == ("AccountFrozen", TREE, True)
    assert world.ledger.account(TREE).frozen
    for by in ([], [agency_one_supervisor], [agency_one_supervisor, agency_one_deputy]):
        with reverts(QUORUM_MISSED):
            world.freeze(TREE, False, by)
    world.freeze(TREE, False, [agency_one_supervisor, agency_two_supervisor])
    assert world.ledger.account(TREE).frozen is False


def test_freeze_refusals(world: World) -> None:
    for by in ([], [attacker], [operator], [bank_bridge]):
        with reverts(QUORUM_MISSED):
            world.freeze(TREE, True, by)
    with reverts("ledger: unknown account"):
        world.freeze(OTHER, True, [bank_supervisor])
    with reverts("ledger: nothing to change"):
        world.freeze(TREE, False, [bank_supervisor, agency_two_supervisor])


def test_freeze_is_not_replayed(world: World) -> None:
    given = consents([bank_supervisor], "Freeze", world.ledger, account=TREE, frozen=True, nonce=0)
    world.ledger.freeze(TREE, True, given)
    world.freeze(TREE, False, [agency_one_supervisor, agency_two_supervisor])
    with reverts(QUORUM_MISSED):
        world.ledger.freeze(TREE, True, given)


def test_pause_by_one_and_resume_by_two_institutions(world: World) -> None:
    world.pause(True, [agency_two_supervisor])
    (event,) = world.ledger.events
    assert (event.name, event.paused) == ("PauseSet", True)
    assert world.ledger.is_paused()
    for by in ([bank_supervisor], [agency_one_supervisor, agency_one_deputy]):
        with reverts("ledger: supervisors of two institutions must sign"):
            world.pause(False, by)
    world.pause(False, [agency_one_supervisor, bank_supervisor])
    assert world.ledger.is_paused() is False


def test_pause_refusals(world: World) -> None:
    for by in ([], [attacker], [bank_bridge]):
        with reverts("ledger: not a supervisor"):
            world.pause(True, by)
    with reverts("ledger: nothing to change"):
        world.pause(False, [agency_one_supervisor, bank_supervisor])


def test_pause_is_not_replayed(world: World) -> None:
    given = consents([bank_supervisor], "Pause", world.ledger, paused=True, nonce=0)
    world.ledger.set_paused(True, given)
    world.pause(False, [agency_one_supervisor, bank_supervisor])
    with reverts("ledger: not a supervisor"):
        world.ledger.set_paused(True, given)


def write_off(
    world: World, by: tuple[Any, ...] = (bank_supervisor, agency_one_supervisor), **more: Any
) -> None:
    held = {"account": TREE, "dyeClass": WAGES, "amount": 7, "reference": keccak(b"charge"), **more}
    world.ledger.write_off(*held.values(), consents(by, "WriteOff", world.ledger, **held))


def test_write_off(world: World) -> None:
    world.fund(100)
    write_off(world)
    (moved,) = world.ledger.events
    assert (moved.kind, moved.source) == (7, account_line(TREE, WAGES))
    assert (moved.destination, moved.amount) == (written_off_line(TREE), 7)
    assert moved.info == keccak(b"charge")
    assert world.ledger.tree(TREE).written_off == 7
    assert world.ledger.is_reference_used(keccak(b"charge"))
    with reverts("ledger: reference used"):
        write_off(world)
    with reverts("ledger: reference used"):
        world.fund(7, reference=keccak(b"charge"))


def test_write_off_refusals(world: World) -> None:
    world.fund(100)
    for by in ((), (bank_supervisor,), (bank_supervisor, operator), (bank_supervisor, attacker)):
        with reverts(QUORUM_MISSED):
            write_off(world, by)
    with reverts("ledger: unknown account"):
        write_off(world, account=OTHER)
    with reverts("ledger: zero reference"):
        write_off(world, reference=ZERO)
    with reverts("lines: not enough money"):
        write_off(world, amount=101)
    with reverts("lines: zero amount"):
        write_off(world, amount=0)


def test_a_supervisor_suspended_between_signing_and_acting_does_not_count(world: World) -> None:
    world.fund(100)
    world.suspend(agency_one_supervisor)
    with reverts(QUORUM_MISSED):
        write_off(world)
    assert now() > 0
