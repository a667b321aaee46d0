"""Supervision, what the bank's attester stands for: attest."""

from typing import Any

import pytest

from tests.contracts.chain import reverts
from tests.contracts.world import (
    BANK,
    ENTERPRISE,
    QUORUM,
    TREE,
    ZERO,
    World,
    attacker,
    attester,
    bank_bridge,
    bank_governor,
    bank_supervisor,
    first_teller,
    institution,
    message,
    newcomer,
    operator,
    rows_of,
    signed,
    signer,
)

OTHER = b"\7" * 32
OTHER_BANK = b"\6" * 32
STATEMENT = b"\5" * 32
NOT_ATTESTER = "supervision: not an attester of the bank"
MOST = 2**62


def values_of(number: int, balance: int = 500, booked: int = 70, debits: int = 30) -> dict[str, Any]:
    return {
        "tree": TREE,
        "number": number,
        "balance": balance,
        "credits": booked,
        "debits": debits,
        "statement": STATEMENT,
    }


def hand_in(world: World, given: bytes, balance: int = 500, booked: int = 70, debits: int = 30) -> None:
    world.supervision.attest(TREE, balance, booked, debits, STATEMENT, given)


def test_attest(world: World) -> None:
    world.attest(500, booked=70, debits=30, statement=STATEMENT)
    decided, stated, attested = world.supervision.events
    assert decided.signers == (attester.address.lower(),)
    assert decided.digest == message("Attestation", world.supervision, **values_of(1)).digest
    assert (stated.name, stated.tree, stated.number) == ("StatementAttested", TREE, 1)
    assert (stated.balance, stated.credits, stated.debits) == (500, 70, 30)
    assert stated.statement == STATEMENT
    assert (attested.name, attested.tree, attested.attested) == ("Attested", TREE, 540)
    assert world.ledger.tree(TREE).attested == 540
    assert world.supervision.attestation_number(TREE) == 2


@pytest.mark.parametrize(
    "who", [attacker, bank_bridge, bank_governor, bank_supervisor, first_teller, operator]
)
def test_the_banks_attester_alone(world: World, who: Any) -> None:
    """The minter above all: who mints never says how much may be minted."""
    with reverts(NOT_ATTESTER):
        world.attest(10**18, by=who)
    assert world.supervision.attestation_number(TREE) == 1


def test_another_banks_attester(world: World) -> None:
    world.change([institution(OTHER_BANK, 1), signer(newcomer, OTHER_BANK, 256)])
    with reverts(NOT_ATTESTER):
        world.attest(500, by=newcomer)


def test_a_tree_that_does_not_exist(world: World) -> None:
    with reverts(NOT_ATTESTER):
        world.attest(500, tree=OTHER)


def test_an_attestation_is_not_replayed(world: World) -> None:
    given = signed(attester, "Attestation", world.supervision, **values_of(1))
    hand_in(world, given)
    with reverts(NOT_ATTESTER):
        hand_in(world, given)
    world.attest(1)
    with reverts(NOT_ATTESTER):
        hand_in(world, given)
    assert world.ledger.tree(TREE).attested == 1


def test_an_attestation_of_one_tree_says_nothing_of_another(world: World) -> None:
    """Even where the other tree waits for the same number."""
    world.accounts.open_tree(OTHER, BANK, QUORUM, b"CNY", ENTERPRISE, sender=bank_bridge)
    world.attest(3, tree=OTHER)
    given = signed(attester, "Attestation", world.supervision, **values_of(1))
    with reverts(NOT_ATTESTER):
        world.supervision.attest(OTHER, 500, 70, 30, STATEMENT, given)
    hand_in(world, given)
    assert (world.ledger.tree(OTHER).attested, world.ledger.tree(TREE).attested) == (3, 540)


@pytest.mark.parametrize("changed", [(501, 70, 30), (500, 71, 30), (500, 70, 29)])
def test_other_figures_than_were_signed(world: World, changed: tuple[int, int, int]) -> None:
    given = signed(attester, "Attestation", world.supervision, **values_of(1))
    with reverts(NOT_ATTESTER):
        hand_in(world, given, *changed)


def test_an_attester_suspended_since_it_signed(world: World) -> None:
    given = signed(attester, "Attestation", world.supervision, **values_of(1))
    world.suspend(attester)
    with reverts(NOT_ATTESTER):
        hand_in(world, given)


@pytest.mark.parametrize(
    ("balance", "booked", "debits", "attested"),
    [
        (MOST, 0, 0, MOST),
        (0, MOST, 0, MOST),
        (MOST - 1, 1, 0, MOST),
        (1, MOST - 1, MOST, 0),
        (0, 0, 0, 0),
        (0, 7, 7, 0),
        (7, 0, 1, 6),
    ],
)
def test_bounds_of_a_statement(world: World, balance: int, booked: int, debits: int, attested: int) -> None:
    world.attest(balance, booked, debits)
    assert world.ledger.tree(TREE).attested == attested


@pytest.mark.parametrize(
    ("balance", "booked", "debits", "reason"),
    [
        (MOST + 1, 0, 0, "amount out of bounds"),
        (0, MOST + 1, 0, "amount out of bounds"),
        (1, MOST, 0, "amount out of bounds"),
        (MOST, 1, 0, "amount out of bounds"),
        (1, 2**256 - 1, 0, "amount out of bounds"),
        (2**256 - 1, 1, 0, "amount out of bounds"),
        (500, 70, 571, "more debits than money"),
        (0, 0, 1, "more debits than money"),
        (0, 0, 2**256 - 1, "more debits than money"),
    ],
)
def test_attest_refusals(world: World, balance: int, booked: int, debits: int, reason: str) -> None:
    with reverts(f"supervision: {reason}"):
        world.attest(balance, booked, debits)


def test_a_balance_below_what_is_held_stops_minting_and_nothing_else(world: World) -> None:
    world.fund(100)
    world.attest(40)
    assert (world.ledger.tree(TREE).held, world.ledger.tree(TREE).attested) == (100, 40)
    with reverts("ledger: more than is attested"):
        world.fund(1)
    payout = world.disbursement()
    assert world.reserve(payout, rows_of([10])) != ZERO


def test_attesting_goes_on_while_paused(world: World) -> None:
    world.pause(True, [bank_supervisor])
    world.attest(40)
    assert world.ledger.tree(TREE).attested == 40
