"""Supervision, what operators decide: constructor, open_account, move_account, close_account."""

from typing import Any

import pytest

from tests.contracts.chain import deploy, reverts
from tests.contracts.quorum import retire
from tests.contracts.supervision.acts import moving, names
from tests.contracts.world import (
    AGENCY_ONE,
    BANK,
    ENTERPRISE,
    FINANCIER,
    LINE,
    NOBODY,
    PROJECT,
    QUORUM,
    SUPPLIER,
    TREE,
    ZERO,
    World,
    agency_one_governor,
    agency_one_supervisor,
    attacker,
    bank_bridge,
    bank_governor,
    financier_operator,
    message,
    operator,
    signed,
    supplier_operator,
)

OTHER = b"\7" * 32
NOT_RISING = "signatures: not in rising order of signer"
NOT_OPERATOR = "supervision: not the controller's operator"
STRANGERS = (attacker, bank_bridge, bank_governor, agency_one_supervisor, supplier_operator)


def test_it_needs_its_ledger_and_accounts(world: World) -> None:
    for addresses in ((NOBODY, world.accounts.address), (world.ledger.address, NOBODY)):
        with reverts("supervision: zero address"):
            deploy("Supervision", ["address", "address"], *addresses)
    held = world.supervision
    assert (held.LEDGER(), held.ACCOUNTS()) == (world.ledger.address, world.accounts.address)
    assert held.DIRECTORY() == world.directory.address


# open_account


def test_open_account(world: World) -> None:
    world.open(PROJECT)
    decided, opened = world.supervision.events
    values = {"account": PROJECT, "parent": TREE, "controller": ENTERPRISE}
    assert (decided.name, decided.signers) == ("Decided", (operator.address.lower(),))
    assert decided.digest == message("Opening", world.supervision, **values).digest
    assert (opened.name, opened.address) == ("AccountOpened", world.accounts.address)
    assert (opened.account, opened.parent, opened.tree) == (PROJECT, TREE, TREE)
    world.open(LINE, parent=PROJECT)
    held = world.ledger.account(LINE)
    assert (held.tree, held.parent, held.controller) == (TREE, PROJECT, ENTERPRISE)


@pytest.mark.parametrize(
    ("account", "parent", "controller", "reason"),
    [
        (ZERO, TREE, ENTERPRISE, "accounts: zero id"),
        (TREE, TREE, ENTERPRISE, "accounts: account exists"),
        (PROJECT, OTHER, ENTERPRISE, "supervision: unknown account"),
        (PROJECT, ZERO, ENTERPRISE, "supervision: unknown account"),
        (PROJECT, TREE, OTHER, "accounts: unknown institution"),
    ],
)
def test_open_account_refusals(
    world: World, account: bytes, parent: bytes, controller: bytes, reason: str
) -> None:
    with reverts(reason):
        world.open(account, parent, controller)


@pytest.mark.parametrize("who", STRANGERS)
def test_the_parents_operator_alone_opens(world: World, who: Any) -> None:
    with reverts(NOT_OPERATOR):
        world.open(PROJECT, by=who)
    assert world.ledger.account(PROJECT).tree == ZERO


def test_who_controls_the_parent_decides_and_not_who_controls_the_tree(world: World) -> None:
    world.open(PROJECT, controller=SUPPLIER)
    with reverts(NOT_OPERATOR):
        world.open(LINE, parent=PROJECT)
    world.open(LINE, parent=PROJECT, by=supplier_operator)


def test_an_opening_counts_once_and_for_what_was_signed(world: World) -> None:
    values = {"account": PROJECT, "parent": TREE, "controller": ENTERPRISE}
    given = signed(operator, "Opening", world.supervision, **values)
    for changed in ((LINE, TREE, ENTERPRISE), (PROJECT, TREE, AGENCY_ONE)):
        with reverts(NOT_OPERATOR):
            world.supervision.open_account(*changed, given)
    world.supervision.open_account(*values.values(), given)
    with reverts("accounts: account exists"):
        world.supervision.open_account(*values.values(), given)


def test_a_suspended_operator_opens_nothing(world: World) -> None:
    values = {"account": PROJECT, "parent": TREE, "controller": ENTERPRISE}
    given = signed(operator, "Opening", world.supervision, **values)
    world.suspend(operator, by=(bank_governor, agency_one_governor))
    with reverts(NOT_OPERATOR):
        world.supervision.open_account(*values.values(), given)


# move_account


@pytest.fixture
def families(world: World) -> World:
    """A project of the supplier and one of the enterprise below the tree; a line below the supplier's."""
    world.open(PROJECT, controller=SUPPLIER)
    world.open(OTHER)
    world.open(LINE, parent=PROJECT, controller=FINANCIER, by=supplier_operator)
    return world


def test_all_controllers_move_an_account(families: World) -> None:
    moving(families, LINE, TREE).decide(families, (operator, supplier_operator, financier_operator))
    decided, moved = families.supervision.events
    assert (decided.name, len(decided.signers)) == ("Decided", 3)
    assert (moved.name, moved.account, moved.parent) == ("AccountMoved", LINE, TREE)
    assert families.ledger.account(LINE).parent == TREE
    assert families.supervision.move_nonce(LINE) == 1
    assert families.supervision.move_nonce(PROJECT) == 0


def test_one_signature_is_enough_where_all_are_the_same_institution(families: World) -> None:
    families.open(b"\4" * 32)
    moving(families, b"\4" * 32, OTHER).decide(families, (operator,))
    moving(families, PROJECT, OTHER).decide(families, (operator, supplier_operator))
    assert families.ledger.account(PROJECT).parent == OTHER
    assert families.ledger.account(LINE).parent == PROJECT


@pytest.mark.parametrize(
    "by",
    [
        (),
        (operator,),
        (supplier_operator,),
        (attacker,),
        (operator, attacker),
        (supplier_operator, bank_bridge),
        (operator, supplier_operator),
        (operator, financier_operator),
        (supplier_operator, financier_operator),
    ],
)
def test_two_of_three_controllers_move_nothing(families: World, by: tuple[Any, ...]) -> None:
    with reverts(NOT_OPERATOR):
        moving(families, LINE, TREE).decide(families, by)


def test_move_refusals(families: World) -> None:
    both = (operator, supplier_operator, financier_operator)
    families.accounts.open_tree(b"\6" * 32, BANK, QUORUM, b"CNY", ENTERPRISE, sender=bank_bridge)
    for account, parent, reason in (
        (TREE, PROJECT, "supervision: the root stays"),
        (b"\5" * 32, TREE, "supervision: unknown account"),
        (LINE, b"\5" * 32, "supervision: unknown account"),
        (PROJECT, PROJECT, "accounts: below itself"),
        (PROJECT, b"\6" * 32, "accounts: another tree"),
    ):
        with reverts(reason):
            moving(families, account, parent).decide(families, both)
    moving(families, OTHER, PROJECT).decide(families, both)
    with reverts("accounts: below itself"):
        moving(families, PROJECT, OTHER).decide(families, both)


def test_a_move_is_not_replayed(families: World) -> None:
    act = moving(families, PROJECT, OTHER)
    given = act.signed(families, (operator, supplier_operator))
    act.hand_in(families, given)
    moving(families, PROJECT, TREE).decide(families, (operator, supplier_operator))
    with reverts(NOT_OPERATOR):
        act.hand_in(families, given)
    assert families.supervision.move_nonce(PROJECT) == 2


def test_a_refused_move_uses_no_nonce(families: World) -> None:
    with reverts("accounts: below itself"):
        moving(families, PROJECT, PROJECT).decide(families, (operator, supplier_operator))
    assert families.supervision.move_nonce(PROJECT) == 0


def test_one_person_signs_a_move_once(families: World) -> None:
    act = moving(families, PROJECT, OTHER)
    with reverts(NOT_RISING):
        act.hand_in(families, act.signed(families, (operator, operator)))


# close_account


def test_close_account(world: World) -> None:
    world.open(PROJECT)
    world.close(PROJECT)
    assert names(world) == ["Decided", "AccountClosed"]
    assert world.supervision.events[1].account == PROJECT
    assert world.ledger.account(PROJECT).closed
    with reverts("accounts: account closed"):
        world.close(PROJECT)


def test_who_controls_the_account_and_its_parent_closes(families: World) -> None:
    for who in (
        operator,
        attacker,
        agency_one_supervisor,
        bank_bridge,
        supplier_operator,
        financier_operator,
    ):
        with reverts(NOT_OPERATOR):
            families.close(LINE, by=(who,))
    families.close(LINE, by=(supplier_operator, financier_operator))
    for who in (operator, supplier_operator):
        with reverts(NOT_OPERATOR):
            families.close(PROJECT, by=(who,))
    families.close(PROJECT, by=(operator, supplier_operator))


def test_close_refusals(world: World) -> None:
    with reverts("supervision: the root stays"):
        world.close(TREE)
    with reverts("supervision: unknown account"):
        world.close(OTHER)


def test_an_account_that_an_agreement_draws_on_stays_until_it_is_retired(world: World) -> None:
    """Who controls the parent cannot take money by closing that the quorum let an agreement have."""
    world.open(PROJECT)
    payout = world.disbursement(account=PROJECT)
    with reverts("accounts: an agreement draws on it"):
        world.close(PROJECT)
    retire(world, payout)
    world.close(PROJECT)


def test_a_paused_platform_still_keeps_its_accounts(world: World) -> None:
    world.pause(True, [agency_one_supervisor])
    world.open(PROJECT)
    world.close(PROJECT)
