"""Supervision, what two tellers decide: identify."""

from typing import Any

import pytest
from eth_hash.auto import keccak

from contracts.ids import account_line, lot_line
from tests.contracts.chain import reverts
from tests.contracts.supervision.acts import (
    IDENTIFY,
    TELLERS,
    identifying,
    maps,
    names,
    suspense,
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
    attacker,
    bank_bridge,
    bank_supervisor,
    first_teller,
    institution,
    newcomer,
    operator,
    second_teller,
    signer,
)

OTHER = b"\7" * 32
OTHER_BANK = b"\6" * 32
OTHER_TREE = b"\5" * 32
LOT = keccak(b"unknown credit")
NOT_RISING = "signatures: not in rising order of signer"
NOT_A_TELLER = "supervision: not a teller of the bank"


@pytest.fixture
def suspended(world: World) -> World:
    """A lot of 100 in suspense."""
    suspense(world, LOT)
    return world


def test_identify_in_parts(suspended: World) -> None:
    identifying(suspended, LOT, 30).decide(suspended, TELLERS)
    line = account_line(TREE, MATERIALS)
    assert names(suspended) == ["Decided", "Moved"]
    assert set(suspended.supervision.events[0].signers) == {who.address.lower() for who in TELLERS}
    assert maps(suspended) == [(IDENTIFY, lot_line(LOT), line, 0, 0, 30, MATERIALS)]
    identifying(suspended, LOT, 70).decide(suspended, TELLERS)
    assert maps(suspended) == [(IDENTIFY, lot_line(LOT), line, 30, 30, 70, MATERIALS)]
    assert suspended.ledger.line(lot_line(LOT)) == (100, 100)
    totals = suspended.ledger.tree(TREE)
    assert (totals.minted, totals.held) == (100, 100)
    with reverts("lines: not enough money"):
        identifying(suspended, LOT, 1).decide(suspended, TELLERS)


def test_three_tellers_may_sign(suspended: World) -> None:
    suspended.change([signer(newcomer, BANK, 32)])
    identifying(suspended, LOT, 30).decide(suspended, (*TELLERS, newcomer))
    assert suspended.balance(lot_line(LOT)) == 70


def test_an_identification_is_bound_to_where_the_lot_starts(suspended: World) -> None:
    act = identifying(suspended, LOT, 30)
    given = act.signed(suspended, TELLERS)
    act.hand_in(suspended, given)
    with reverts(NOT_A_TELLER, NOT_RISING):
        act.hand_in(suspended, given)
    assert suspended.balance(lot_line(LOT)) == 70


@pytest.mark.parametrize("by", [(), (first_teller,), (second_teller,)])
def test_two_tellers_must_sign(suspended: World, by: tuple[Any, ...]) -> None:
    with reverts("supervision: two tellers must sign"):
        identifying(suspended, LOT, 30).decide(suspended, by)


@pytest.mark.parametrize("who", [attacker, bank_bridge, bank_supervisor, operator])
def test_nobody_signs_beside_tellers(suspended: World, who: Any) -> None:
    for by in ((first_teller, who), (first_teller, second_teller, who)):
        with reverts(NOT_A_TELLER):
            identifying(suspended, LOT, 30).decide(suspended, by)


def test_one_teller_signs_once(suspended: World) -> None:
    act = identifying(suspended, LOT, 30)
    with reverts(NOT_RISING):
        act.hand_in(suspended, act.signed(suspended, (first_teller, first_teller)))


def test_identify_refusals(suspended: World) -> None:
    suspended.accounts.open_tree(OTHER_TREE, BANK, QUORUM, b"CNY", ENTERPRISE, sender=bank_bridge)
    for lot, amount, account, reason in (
        (LOT, 30, OTHER, "accounts: unknown account"),
        (LOT, 0, TREE, "lines: zero amount"),
        (LOT, 101, TREE, "lines: not enough money"),
        (OTHER, 30, TREE, NOT_A_TELLER),
        (LOT, 30, OTHER_TREE, "ledger: another tree"),
    ):
        with reverts(reason):
            identifying(suspended, lot, amount, account).decide(suspended, TELLERS)
    suspended.open(PROJECT)
    suspended.close(PROJECT)
    with reverts("accounts: account closed"):
        identifying(suspended, LOT, 30, PROJECT).decide(suspended, TELLERS)


def test_what_was_identified_at_minting_is_not_identified_again(world: World) -> None:
    world.fund(100, reference=LOT)
    with reverts("lines: not enough money"):
        identifying(world, LOT, 1).decide(world, TELLERS)


def test_a_pause_stops_it_and_a_frozen_account_does_not(suspended: World) -> None:
    suspended.freeze(TREE, True, [bank_supervisor])
    identifying(suspended, LOT, 10).decide(suspended, TELLERS)
    suspended.pause(True, [bank_supervisor])
    with reverts("accounts: paused"):
        identifying(suspended, LOT, 10).decide(suspended, TELLERS)


def test_a_teller_suspended_since_it_signed(suspended: World) -> None:
    act = identifying(suspended, LOT, 30)
    given = act.signed(suspended, TELLERS)
    suspended.suspend(second_teller)
    with reverts(NOT_A_TELLER):
        act.hand_in(suspended, given)


def test_a_banks_tellers_identify_no_money_of_another_banks_tree(suspended: World) -> None:
    """Whoever opens a tree gives its tellers no say over lots of other trees."""
    world = suspended
    others = (newcomer, attacker)
    world.change(
        [
            institution(OTHER_BANK, 1),
            signer(newcomer, OTHER_BANK, 32 | 4 | 2),
            signer(attacker, OTHER_BANK, 32 | 4),
        ]
    )
    world.accounts.open_tree(OTHER_TREE, OTHER_BANK, QUORUM, b"CNY", ENTERPRISE, sender=newcomer)
    for account in (TREE, OTHER_TREE):
        for by in (others, (first_teller, newcomer), (*TELLERS, newcomer)):
            with reverts(NOT_A_TELLER):
                identifying(world, LOT, 30, account).decide(world, by)
    with reverts("ledger: another tree"):
        identifying(world, LOT, 30, OTHER_TREE, WAGES).decide(world, TELLERS)
    with reverts("accounts: sender lacks the role"):
        world.ledger.void_reference(keccak(b"to come"), TREE, sender=newcomer)
