"""Accounts: open_tree, root, tree_at."""

from typing import Any

import pytest

from tests.contracts.chain import reverts
from tests.contracts.world import (
    AGENCY_ONE,
    BANK,
    ENTERPRISE,
    QUORUM,
    TREE,
    ZERO,
    BareLedger,
    World,
    attacker,
    attester,
    bank_bridge,
    bank_governor,
    bank_supervisor,
    factory_account,
    first_teller,
    member,
    operator,
    supervision_account,
    threshold,
)

OTHER = b"\7" * 32
CNY = b"CNY"
EUR = b"EUR"
STRANGERS = (
    attacker,
    operator,
    bank_governor,
    bank_supervisor,
    first_teller,
    attester,
    factory_account,
    supervision_account,
)


def test_open_tree(bare_ledger: BareLedger) -> None:
    accounts = bare_ledger.accounts
    accounts.open_tree(OTHER, BANK, QUORUM, EUR, AGENCY_ONE, sender=bank_bridge)
    opened, root_opened = accounts.events
    assert (opened.name, opened.tree, opened.bank) == ("TreeOpened", OTHER, BANK)
    assert (opened.quorum, opened.currency) == (QUORUM, EUR)
    assert (root_opened.name, root_opened.account, root_opened.parent) == ("AccountOpened", OTHER, ZERO)
    assert (root_opened.tree, root_opened.controller) == (OTHER, AGENCY_ONE)
    root = accounts.root(OTHER)
    assert (root.bank, root.quorum, root.currency, root.number) == (BANK, QUORUM, EUR, 2)
    held = accounts.account(OTHER)
    assert (held.tree, held.parent, held.controller) == (OTHER, ZERO, AGENCY_ONE)
    assert (held.frozen, held.closed) == (False, False)
    assert bare_ledger.ledger.tree(OTHER).currency == EUR
    assert bare_ledger.ledger.account(OTHER).controller == AGENCY_ONE


def test_trees_are_numbered_from_one(bare_ledger: BareLedger) -> None:
    accounts = bare_ledger.accounts
    accounts.open_tree(OTHER, BANK, QUORUM, CNY, ENTERPRISE, sender=bank_bridge)
    assert [accounts.tree_at(number) for number in range(4)] == [ZERO, TREE, OTHER, ZERO]
    assert accounts.root(TREE).number == 1


@pytest.mark.parametrize("who", STRANGERS)
def test_the_banks_settler_alone_opens_a_tree(bare_ledger: BareLedger, who: Any) -> None:
    with reverts("accounts: sender lacks the role"):
        bare_ledger.accounts.open_tree(OTHER, BANK, QUORUM, CNY, ENTERPRISE, sender=who)


@pytest.mark.parametrize(
    ("arguments", "reason"),
    [
        ((OTHER, AGENCY_ONE, QUORUM, CNY, ENTERPRISE), "sender lacks the role"),
        ((OTHER, ZERO, QUORUM, CNY, ENTERPRISE), "sender lacks the role"),
        ((OTHER, BANK, OTHER, CNY, ENTERPRISE), "unknown quorum"),
        ((OTHER, BANK, ZERO, CNY, ENTERPRISE), "unknown quorum"),
        *(
            ((OTHER, BANK, QUORUM, currency, ENTERPRISE), "currency is not three letters")
            for currency in (b"\0\0\0", b"cny", b"@NY", b"C@Y", b"CN@", b"[NY", b"C[Y", b"CN[", b"CN")
        ),
        ((ZERO, BANK, QUORUM, CNY, ENTERPRISE), "zero id"),
        ((TREE, BANK, QUORUM, CNY, ENTERPRISE), "account exists"),
        ((OTHER, BANK, QUORUM, CNY, OTHER), "unknown institution"),
        ((OTHER, BANK, QUORUM, CNY, ZERO), "unknown institution"),
    ],
)
def test_open_tree_refusals(bare_ledger: BareLedger, arguments: tuple[Any, ...], reason: str) -> None:
    with reverts(f"accounts: {reason}"):
        bare_ledger.accounts.open_tree(*arguments, sender=bank_bridge)
    assert bare_ledger.accounts.tree_at(2) == ZERO


@pytest.mark.parametrize("currency", [b"AAA", b"ZZZ", b"AZM"])
def test_currencies_from_a_to_z(bare_ledger: BareLedger, currency: bytes) -> None:
    bare_ledger.accounts.open_tree(OTHER, BANK, QUORUM, currency, ENTERPRISE, sender=bank_bridge)
    assert bare_ledger.accounts.root(OTHER).currency == currency


def test_a_quorum_with_members_needs_a_threshold_too(world: World) -> None:
    quorum = b"\5" * 32
    world.change([member(BANK, quorum), member(AGENCY_ONE, quorum)])
    with reverts("accounts: unknown quorum"):
        world.accounts.open_tree(OTHER, BANK, quorum, CNY, ENTERPRISE, sender=bank_bridge)
    world.change([threshold(2, quorum)])
    world.accounts.open_tree(OTHER, BANK, quorum, CNY, ENTERPRISE, sender=bank_bridge)


def test_an_account_below_is_no_tree(bare_ledger: BareLedger) -> None:
    accounts = bare_ledger.accounts
    accounts.open_account(OTHER, TREE, ENTERPRISE, sender=supervision_account)
    root = accounts.root(OTHER)
    assert (root.bank, root.quorum, root.currency, root.number) == (ZERO, ZERO, b"\0\0\0", 0)
    with reverts("accounts: account exists"):
        accounts.open_tree(OTHER, BANK, QUORUM, CNY, ENTERPRISE, sender=bank_bridge)
