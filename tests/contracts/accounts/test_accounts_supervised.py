"""Accounts, what Supervision does: open_account, move_account, close_account, set_frozen, set_paused."""

from typing import Any

import pytest

from tests.contracts.chain import Contract, reverts
from tests.contracts.world import (
    AGENCY_ONE,
    BANK,
    ENTERPRISE,
    LINE,
    PROJECT,
    QUORUM,
    TREE,
    ZERO,
    BareLedger,
    agreement_account,
    attacker,
    bank_bridge,
    bank_supervisor,
    factory_account,
    operator,
    supervision_account,
)

OTHER = b"\7" * 32
OTHER_TREE = b"\6" * 32


@pytest.fixture
def accounts(bare_ledger: BareLedger) -> Contract:
    """A tree with a project, and a budget line below it."""
    held = bare_ledger.accounts
    held.open_account(PROJECT, TREE, ENTERPRISE, sender=supervision_account)
    held.open_account(LINE, PROJECT, AGENCY_ONE, sender=supervision_account)
    return held


ACTS: list[tuple[str, tuple[Any, ...]]] = [
    ("open_account", (OTHER, TREE, ENTERPRISE)),
    ("move_account", (LINE, TREE)),
    ("close_account", (LINE,)),
    ("set_frozen", (LINE, True)),
    ("set_paused", (True,)),
]


@pytest.mark.parametrize(("act", "arguments"), ACTS)
@pytest.mark.parametrize("who", [attacker, operator, bank_bridge, bank_supervisor, factory_account])
def test_supervision_alone(accounts: Contract, act: str, arguments: tuple[Any, ...], who: Any) -> None:
    with reverts("accounts: not supervision"):
        getattr(accounts, act)(*arguments, sender=who)


def test_open_account(accounts: Contract) -> None:
    accounts.open_account(OTHER, LINE, AGENCY_ONE, sender=supervision_account)
    (event,) = accounts.events
    assert (event.name, event.account, event.parent) == ("AccountOpened", OTHER, LINE)
    assert (event.tree, event.controller) == (TREE, AGENCY_ONE)
    held = accounts.account(OTHER)
    assert (held.tree, held.parent, held.controller) == (TREE, LINE, AGENCY_ONE)
    assert (held.frozen, held.closed) == (False, False)


@pytest.mark.parametrize(
    ("arguments", "reason"),
    [
        ((ZERO, TREE, ENTERPRISE), "zero id"),
        ((TREE, TREE, ENTERPRISE), "account exists"),
        ((LINE, TREE, ENTERPRISE), "account exists"),
        ((OTHER, b"\1" * 32, ENTERPRISE), "unknown account"),
        ((OTHER, ZERO, ENTERPRISE), "unknown account"),
        ((OTHER, TREE, OTHER), "unknown institution"),
        ((OTHER, TREE, ZERO), "unknown institution"),
    ],
)
def test_open_account_refusals(accounts: Contract, arguments: tuple[bytes, ...], reason: str) -> None:
    with reverts(f"accounts: {reason}"):
        accounts.open_account(*arguments, sender=supervision_account)


def test_no_account_below_a_closed_one_and_no_id_twice(accounts: Contract) -> None:
    accounts.close_account(LINE, sender=supervision_account)
    with reverts("accounts: account closed"):
        accounts.open_account(OTHER, LINE, ENTERPRISE, sender=supervision_account)
    with reverts("accounts: account exists"):
        accounts.open_account(LINE, TREE, ENTERPRISE, sender=supervision_account)


def test_an_account_below_a_frozen_one_is_not_frozen(accounts: Contract) -> None:
    accounts.set_frozen(LINE, True, sender=supervision_account)
    accounts.open_account(OTHER, LINE, ENTERPRISE, sender=supervision_account)
    assert accounts.account(OTHER).frozen is False


def test_move_account_with_all_below_it(accounts: Contract) -> None:
    accounts.open_account(OTHER, TREE, ENTERPRISE, sender=supervision_account)
    accounts.move_account(PROJECT, OTHER, sender=supervision_account)
    (event,) = accounts.events
    assert (event.name, event.account, event.parent) == ("AccountMoved", PROJECT, OTHER)
    assert accounts.account(PROJECT).parent == OTHER
    held = accounts.account(LINE)
    assert (held.tree, held.parent, held.controller) == (TREE, PROJECT, AGENCY_ONE)


def test_move_keeps_what_else_an_account_is(accounts: Contract) -> None:
    accounts.set_frozen(LINE, True, sender=supervision_account)
    accounts.move_account(LINE, TREE, sender=supervision_account)
    held = accounts.account(LINE)
    assert (held.tree, held.parent, held.controller) == (TREE, TREE, AGENCY_ONE)
    assert (held.frozen, held.closed) == (True, False)


def test_move_never_makes_a_circle(accounts: Contract) -> None:
    accounts.open_account(OTHER, LINE, ENTERPRISE, sender=supervision_account)
    for below in (PROJECT, LINE, OTHER):
        with reverts("accounts: below itself"):
            accounts.move_account(PROJECT, below, sender=supervision_account)
    accounts.move_account(OTHER, PROJECT, sender=supervision_account)
    accounts.move_account(LINE, OTHER, sender=supervision_account)
    with reverts("accounts: below itself"):
        accounts.move_account(OTHER, LINE, sender=supervision_account)


def test_move_refusals(accounts: Contract) -> None:
    accounts.open_tree(OTHER_TREE, BANK, QUORUM, b"CNY", ENTERPRISE, sender=bank_bridge)
    for account, parent, reason in (
        (TREE, PROJECT, "the root stays"),
        (TREE, OTHER_TREE, "the root stays"),
        (OTHER, TREE, "the root stays"),
        (PROJECT, OTHER, "unknown account"),
        (PROJECT, ZERO, "unknown account"),
        (PROJECT, OTHER_TREE, "another tree"),
    ):
        with reverts(f"accounts: {reason}"):
            accounts.move_account(account, parent, sender=supervision_account)


def test_nothing_moves_to_or_from_a_closed_account(accounts: Contract) -> None:
    accounts.open_account(OTHER, TREE, ENTERPRISE, sender=supervision_account)
    accounts.close_account(OTHER, sender=supervision_account)
    for account, parent in ((LINE, OTHER), (OTHER, PROJECT)):
        with reverts("accounts: account closed"):
            accounts.move_account(account, parent, sender=supervision_account)


def test_move_below_sixty_four_levels_and_no_more(accounts: Contract) -> None:
    """The root is the first level, so an account goes under the sixty-fourth at most."""
    parent = TREE
    for level in range(2, 66):
        child = level.to_bytes(32)
        accounts.open_account(child, parent, ENTERPRISE, sender=supervision_account)
        parent = child
    with reverts("accounts: too deep to move"):
        accounts.move_account(LINE, (65).to_bytes(32), sender=supervision_account)
    accounts.move_account(LINE, (64).to_bytes(32), sender=supervision_account)


def test_close_account(accounts: Contract) -> None:
    accounts.set_frozen(LINE, True, sender=supervision_account)
    accounts.close_account(LINE, sender=supervision_account)
    (event,) = accounts.events
    assert (event.name, event.account) == ("AccountClosed", LINE)
    held = accounts.account(LINE)
    assert (held.tree, held.parent, held.frozen, held.closed) == (TREE, PROJECT, True, True)


@pytest.mark.parametrize(("account", "reason"), [(TREE, "the root stays"), (OTHER, "unknown account")])
def test_close_refusals(accounts: Contract, account: bytes, reason: str) -> None:
    accounts.revoke(TREE, agreement_account.address, sender=factory_account)
    with reverts(f"accounts: {reason}"):
        accounts.close_account(account, sender=supervision_account)


def test_closed_is_for_good(accounts: Contract) -> None:
    accounts.close_account(LINE, sender=supervision_account)
    with reverts("accounts: account closed"):
        accounts.close_account(LINE, sender=supervision_account)


def test_freeze_and_unfreeze(accounts: Contract) -> None:
    for frozen in (True, False, True):
        accounts.set_frozen(PROJECT, frozen, sender=supervision_account)
        (event,) = accounts.events
        assert (event.name, event.account, event.frozen) == ("AccountFrozen", PROJECT, frozen)
        held = accounts.account(PROJECT)
        assert (held.tree, held.frozen, held.closed) == (TREE, frozen, False)
    assert accounts.account(LINE).frozen is False
    with reverts("accounts: unknown account"):
        accounts.set_frozen(OTHER, True, sender=supervision_account)


def test_what_is_frozen_is_frozen_again_and_only_that_unfrozen(accounts: Contract) -> None:
    with reverts("accounts: nothing to change"):
        accounts.set_frozen(PROJECT, False, sender=supervision_account)
    for _ in range(2):
        accounts.set_frozen(PROJECT, True, sender=supervision_account)
        assert accounts.account(PROJECT).frozen
    accounts.set_frozen(PROJECT, False, sender=supervision_account)
    held = accounts.account(PROJECT)
    assert (held.tree, held.frozen, held.closed) == (TREE, False, False)


def test_what_is_closed_can_be_frozen(accounts: Contract) -> None:
    accounts.close_account(LINE, sender=supervision_account)
    accounts.set_frozen(LINE, True, sender=supervision_account)
    held = accounts.account(LINE)
    assert (held.frozen, held.closed) == (True, True)


def test_pause_and_resume(accounts: Contract) -> None:
    with reverts("accounts: nothing to change"):
        accounts.set_paused(False, sender=supervision_account)
    for paused in (True, False):
        accounts.set_paused(paused, sender=supervision_account)
        (event,) = accounts.events
        assert (event.name, event.paused) == ("PauseSet", paused)
        assert accounts.is_paused() is paused
        with reverts("accounts: nothing to change"):
            accounts.set_paused(paused, sender=supervision_account)
