"""Supervision, what the bank took back: reverse."""

from typing import Any

import pytest
from eth_hash.auto import keccak

from contracts.ids import remainder_lot
from tests.contracts.chain import reverts
from tests.contracts.supervision.acts import TELLERS, freezing_lot, identifying, making_good, suspense
from tests.contracts.world import (
    BANK,
    ENTERPRISE,
    QUORUM,
    TREE,
    WAGES,
    ZERO,
    World,
    attacker,
    attester,
    bank_bridge,
    bank_governor,
    bank_supervisor,
    first_teller,
    institution,
    newcomer,
    operator,
    returned,
    rows_of,
    signer,
)

OTHER = b"\7" * 32
OTHER_BANK = b"\6" * 32
OTHER_TREE = b"\5" * 32
CREDIT = keccak(b"credit")
RETURN = keccak(b"return")
MORE = "supervision: more than the credit"


def reverse(world: World, reference: bytes, amount: int, sender: Any = bank_bridge) -> None:
    world.supervision.reverse(reference, amount, OTHER, sender=sender)


@pytest.fixture
def funded(world: World) -> World:
    """1,000 of wages from one credit."""
    world.fund(1_000, reference=CREDIT)
    return world


@pytest.fixture
def opened(funded: World) -> World:
    """A credit of 25 opened for returns, of which a row drew 10."""
    payout, tree = funded.disbursement(), rows_of([10] * 4)
    batch = funded.reserve(payout, tree)
    funded.approve(payout, batch)
    funded.execute(payout, batch, tree)
    funded.ledger.return_rows(RETURN, 25, [returned(batch, tree, 0)], sender=bank_bridge)
    return funded


def test_reverse(funded: World) -> None:
    reverse(funded, CREDIT, 300)
    taken, short = funded.supervision.events
    assert (taken.name, taken.address) == ("CreditReversed", funded.supervision.address)
    assert (taken.reference, taken.tree, taken.amount, taken.info) == (CREDIT, TREE, 300, OTHER)
    assert (short.name, short.tree, short.shortfall) == ("ShortfallSet", TREE, 300)
    totals = funded.ledger.tree(TREE)
    assert (totals.minted, totals.held, totals.shortfall, totals.reversed) == (1_000, 1_000, 300, 0)
    assert (funded.supervision.reversed(CREDIT), funded.supervision.recovered(CREDIT)) == (300, 0)


def test_several_reversals_of_a_credit(funded: World) -> None:
    reverse(funded, CREDIT, 300)
    reverse(funded, CREDIT, 699)
    for amount in (2, 2**256 - 1):
        with reverts(MORE):
            reverse(funded, CREDIT, amount)
    reverse(funded, CREDIT, 1)
    assert funded.supervision.reversed(CREDIT) == 1_000
    assert funded.ledger.tree(TREE).shortfall == 1_000
    with reverts(MORE):
        reverse(funded, CREDIT, 1)


def test_what_was_made_good_is_not_reversed_again(funded: World) -> None:
    reverse(funded, CREDIT, 1_000)
    making_good(funded, 1_000).decide(funded)
    with reverts(MORE):
        reverse(funded, CREDIT, 1)
    assert funded.ledger.tree(TREE).shortfall == 0


@pytest.mark.parametrize(
    ("reference", "amount", "reason"),
    [
        (OTHER, 1, "supervision: unknown reference"),
        (ZERO, 1, "supervision: unknown reference"),
        (CREDIT, 0, "supervision: zero amount"),
        (CREDIT, 1_001, MORE),
        (CREDIT, 2**256 - 1, MORE),
    ],
)
def test_reverse_refusals(funded: World, reference: bytes, amount: int, reason: str) -> None:
    with reverts(reason):
        reverse(funded, reference, amount)


def test_references_that_are_no_credits(funded: World) -> None:
    funded.ledger.void_reference(OTHER, TREE, sender=bank_bridge)
    with reverts("supervision: unknown reference"):
        reverse(funded, OTHER, 1)


@pytest.mark.parametrize("who", [attacker, operator, attester, bank_governor, bank_supervisor, first_teller])
def test_the_banks_settler_alone(funded: World, who: Any) -> None:
    with reverts("accounts: sender lacks the role"):
        reverse(funded, CREDIT, 1, who)


def test_another_bank_reverses_no_credit_of_this_one(funded: World) -> None:
    funded.change([institution(OTHER_BANK, 1), signer(newcomer, OTHER_BANK, 2 | 4)])
    funded.accounts.open_tree(OTHER_TREE, OTHER_BANK, QUORUM, b"CNY", ENTERPRISE, sender=newcomer)
    with reverts("accounts: sender lacks the role"):
        reverse(funded, CREDIT, 1, newcomer)


def test_a_lot_that_moved_on_is_reversed_by_what_it_was(world: World) -> None:
    suspense(world, CREDIT)
    identifying(world, CREDIT, 30).decide(world, TELLERS)
    freezing_lot(world, CREDIT).decide(world, [bank_supervisor])
    reverse(world, CREDIT, 100)
    with reverts(MORE):
        reverse(world, CREDIT, 1)


def test_a_return_set_is_reversed_by_what_it_opened(opened: World) -> None:
    with reverts(MORE):
        reverse(opened, RETURN, 26)
    reverse(opened, RETURN, 20)
    with reverts(MORE):
        reverse(opened, RETURN, 6)
    reverse(opened, RETURN, 5)
    taken, short = opened.supervision.events
    assert (taken.reference, taken.tree, short.shortfall) == (RETURN, TREE, 25)


def test_the_lot_a_return_set_leaves(opened: World) -> None:
    opened.ledger.close_returns(RETURN, ZERO, ZERO, ZERO, sender=bank_bridge)
    rest = remainder_lot(RETURN, ZERO)
    with reverts(MORE):
        reverse(opened, rest, 16)
    reverse(opened, rest, 15)
    assert opened.supervision.reversed(rest) == 15
    with reverts(MORE):
        reverse(opened, rest, 1)


def test_a_closed_return_set_is_reversed_by_what_rows_drew(opened: World) -> None:
    opened.ledger.close_returns(RETURN, ZERO, ZERO, ZERO, sender=bank_bridge)
    with reverts(MORE):
        reverse(opened, RETURN, 11)
    reverse(opened, RETURN, 10)
    with reverts(MORE):
        reverse(opened, RETURN, 1)
    reverse(opened, remainder_lot(RETURN, ZERO), 15)
    assert opened.ledger.tree(TREE).shortfall == 25


def test_a_credit_of_another_tree_falls_short_there(funded: World) -> None:
    funded.accounts.open_tree(OTHER_TREE, BANK, QUORUM, b"CNY", ENTERPRISE, sender=bank_bridge)
    funded.attest(100, tree=OTHER_TREE)
    funded.ledger.mint(OTHER, OTHER_TREE, OTHER_TREE, WAGES, 100, ZERO, sender=bank_bridge)
    reverse(funded, OTHER, 40)
    assert (funded.ledger.tree(OTHER_TREE).shortfall, funded.ledger.tree(TREE).shortfall) == (40, 0)


def test_the_bank_is_heard_while_paused(funded: World) -> None:
    funded.pause(True, [bank_supervisor])
    reverse(funded, CREDIT, 300)
    assert funded.ledger.tree(TREE).shortfall == 300


def test_a_shortfall_stops_payouts_until_it_is_made_good(funded: World) -> None:
    payout, tree = funded.disbursement(), rows_of([10] * 4)
    batch = funded.reserve(payout, tree)
    funded.approve(payout, batch)
    reverse(funded, CREDIT, 5)
    with reverts("ledger: shortfall"):
        funded.execute(payout, batch, tree)
    making_good(funded, 4).decide(funded)
    with reverts("ledger: shortfall"):
        funded.execute(payout, batch, tree)
    making_good(funded, 1).decide(funded)
    funded.execute(payout, batch, tree)
