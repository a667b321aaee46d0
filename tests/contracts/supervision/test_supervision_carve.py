"""Supervision, money out of the middle of a line: carve, carve_custody."""

from typing import Any

import pytest
from eth_hash.auto import keccak

from contracts.ids import account_line, custody_line, reversed_line
from tests.contracts.chain import reverts
from tests.contracts.supervision.acts import (
    CARVE,
    RELAY,
    REVERSE,
    Pieces,
    carving,
    carving_custody,
    freezing_lot,
    making_good,
    maps,
    names,
    reverse,
    suspense,
    thawing,
    writing_off,
)
from tests.contracts.world import (
    BANK,
    ENTERPRISE,
    MATERIALS,
    PROJECT,
    QUORUM,
    TREE,
    WAGES,
    ZERO,
    World,
    agency_one_deputy,
    agency_one_supervisor,
    attacker,
    bank_bridge,
    bank_supervisor,
    first_teller,
    message,
    operator,
)

OTHER = b"\7" * 32
CREDIT = keccak(b"credit")
SOURCE = account_line(TREE, WAGES)
MISSED = "supervision: quorum not reached"
OUT_OF_PLACE = "lines: piece out of place"


@pytest.fixture
def frozen(world: World) -> World:
    """1,000 of wages on a frozen account, all of one credit."""
    world.fund(1_000, reference=CREDIT)
    world.freeze(TREE, True, [bank_supervisor])
    return world


def test_carve_into_custody(frozen: World) -> None:
    act = carving([(300, 450)])
    custody = act.decide(frozen)
    assert custody == custody_line(SOURCE, 1)
    assert names(frozen) == ["Decided", "CustodyOpened", "Moved", "Moved", "Moved"]
    decided, opened, *_ = frozen.supervision.events
    assert decided.digest == message("Carving", frozen.supervision, **act.values).digest
    assert len(decided.signers) == 2
    assert (opened.custody, opened.account, opened.home) == (custody, TREE, SOURCE)
    assert maps(frozen) == [
        (RELAY, SOURCE, SOURCE, 0, 1_000, 300, ZERO),
        (CARVE, SOURCE, custody, 300, 0, 150, ZERO),
        (RELAY, SOURCE, SOURCE, 450, 1_300, 550, ZERO),
    ]
    assert (frozen.ledger.line(SOURCE), frozen.ledger.line(custody)) == ((1_850, 1_000), (150, 0))
    assert frozen.supervision.custody_account(custody) == TREE
    assert frozen.supervision.custody_home(custody) == SOURCE
    totals = frozen.ledger.tree(TREE)
    assert (totals.minted, totals.held, totals.shortfall, totals.reversed) == (1_000, 1_000, 0, 0)


def test_every_carving_has_a_custody_of_its_own(frozen: World) -> None:
    first = carving([(0, 10)]).decide(frozen)
    second = carving([(1_000, 1_010)]).decide(frozen)
    assert (first, second) == (custody_line(SOURCE, 1), custody_line(SOURCE, 2))
    assert (frozen.balance(first), frozen.balance(second)) == (10, 10)


@pytest.mark.parametrize(
    ("pieces", "carved"),
    [
        ([(0, 1_000)], 1_000),
        ([(0, 400), (400, 1_000)], 1_000),
        ([(0, 1), (999, 1_000)], 2),
        ([(30 * i, 30 * i + 10) for i in range(32)], 320),
    ],
    ids=["all of the line", "adjacent", "both ends", "thirty-two"],
)
def test_pieces_of_a_line(frozen: World, pieces: Pieces, carved: int) -> None:
    custody = carving(pieces).decide(frozen)
    assert frozen.balance(custody) == carved
    assert frozen.ledger.account_balance(TREE, WAGES) == 1_000 - carved
    assert frozen.ledger.line(SOURCE) == (2_000 - carved, 1_000)


@pytest.mark.parametrize(
    ("pieces", "reason"),
    [
        ([], "lines: no pieces"),
        ([(10, 20), (0, 5)], OUT_OF_PLACE),
        ([(10, 20), (19, 30)], OUT_OF_PLACE),
        ([(10, 10)], OUT_OF_PLACE),
        ([(20, 10)], OUT_OF_PLACE),
        ([(999, 1_001)], OUT_OF_PLACE),
        ([(1_000, 1_001)], OUT_OF_PLACE),
    ],
    ids=["none", "falling", "overlapping", "empty", "backwards", "past the end", "behind the end"],
)
def test_pieces_out_of_place(frozen: World, pieces: Pieces, reason: str) -> None:
    with reverts(reason):
        carving(pieces).decide(frozen)
    assert frozen.supervision.custody_account(custody_line(SOURCE, 1)) == ZERO


def test_what_has_left_cannot_be_carved(frozen: World) -> None:
    writing_off(100, OTHER).decide(frozen)
    with reverts(OUT_OF_PLACE):
        carving([(99, 200)]).decide(frozen)
    assert frozen.balance(carving([(100, 200)]).decide(frozen)) == 100


def test_a_carving_counts_once(frozen: World) -> None:
    """What is relayed gets new positions, so the old ones name nothing any more."""
    act = carving([(300, 450)])
    given = act.signed(frozen)
    act.hand_in(frozen, given)
    with reverts(OUT_OF_PLACE):
        act.hand_in(frozen, given)
    custody = carving([(1_290, 1_310)]).decide(frozen)
    assert frozen.balance(custody) == 20
    assert frozen.ledger.line(SOURCE) == (2_680, 1_850)


def test_money_that_started_meanwhile_is_not_where_it_was(frozen: World) -> None:
    """Signed over a frozen line; unfrozen, paid from and frozen again before it is handed in."""
    act = carving([(0, 100)])
    given = act.signed(frozen)
    frozen.freeze(TREE, False, [bank_supervisor, agency_one_supervisor])
    writing_off(1, OTHER).decide(frozen)
    frozen.freeze(TREE, True, [bank_supervisor])
    with reverts(OUT_OF_PLACE):
        act.hand_in(frozen, given)


@pytest.mark.parametrize(
    "by",
    [
        (),
        (bank_supervisor,),
        (agency_one_supervisor, agency_one_deputy),
        (bank_supervisor, attacker),
        (bank_supervisor, operator, bank_bridge, first_teller),
    ],
)
def test_the_quorum_must_sign(frozen: World, by: tuple[Any, ...]) -> None:
    with reverts(MISSED):
        carving([(0, 10)]).decide(frozen, by)
    custody = carving([(0, 10)]).decide(frozen)
    with reverts(MISSED):
        carving_custody(custody, [(0, 10)]).decide(frozen, by)


def test_what_is_signed_is_the_line_the_pieces_and_the_reference(frozen: World) -> None:
    given = carving([(0, 10)]).signed(frozen)
    not_rising = "signatures: not in rising order of signer"
    for other in (carving([(0, 11)]), carving([(0, 10)], dye_class=MATERIALS), carving([(0, 10)], CREDIT)):
        with reverts(MISSED, not_rising):
            other.hand_in(frozen, given)


def test_only_a_frozen_account_is_carved(frozen: World) -> None:
    frozen.freeze(TREE, False, [bank_supervisor, agency_one_supervisor])
    with reverts("supervision: account not frozen"):
        carving([(0, 10)]).decide(frozen)
    with reverts("supervision: unknown account"):
        carving([(0, 10)], account=OTHER).decide(frozen)


def test_a_closed_account_is_carved_too(world: World) -> None:
    world.open(PROJECT)
    world.fund(100, account=PROJECT)
    world.close(PROJECT)
    world.freeze(PROJECT, True, [bank_supervisor])
    custody = carving([(0, 10)], account=PROJECT).decide(world)
    thawing(world, custody, 10, PROJECT).decide(world)
    assert world.ledger.account_balance(PROJECT, WAGES) == 100


# carve_custody


def test_custody_of_custody_has_the_same_home(frozen: World) -> None:
    outer = carving([(100, 200)]).decide(frozen)
    inner = carving_custody(outer, [(10, 30)]).decide(frozen)
    assert inner == custody_line(outer, 2)
    opened = frozen.supervision.events[1]
    assert (opened.custody, opened.account, opened.home) == (inner, TREE, SOURCE)
    assert maps(frozen) == [
        (RELAY, outer, outer, 0, 100, 10, ZERO),
        (CARVE, outer, inner, 10, 0, 20, ZERO),
        (RELAY, outer, outer, 30, 110, 70, ZERO),
    ]
    assert (frozen.ledger.line(outer), frozen.ledger.line(inner)) == ((180, 100), (20, 0))
    thawing(frozen, inner, 20).decide(frozen)
    thawing(frozen, outer, 80).decide(frozen)
    assert frozen.ledger.account_balance(TREE, WAGES) == 1_000


def test_custody_is_carved_though_its_account_is_not_frozen(frozen: World) -> None:
    custody = carving([(100, 200)]).decide(frozen)
    frozen.freeze(TREE, False, [bank_supervisor, agency_one_supervisor])
    assert frozen.balance(carving_custody(custody, [(0, 100)]).decide(frozen)) == 100
    assert frozen.ledger.line(custody) == (100, 100)


def test_custody_of_a_lot_in_custody_has_no_home_either(world: World) -> None:
    lot = suspense(world, OTHER)
    outer = freezing_lot(world, lot).decide(world, [bank_supervisor])
    inner = carving_custody(outer, [(0, 40)]).decide(world)
    assert world.supervision.custody_home(inner) == ZERO
    assert world.supervision.custody_account(inner) == TREE
    thawing(world, inner, 40, TREE, MATERIALS).decide(world)
    assert world.ledger.account_balance(TREE, MATERIALS) == 40


def test_carve_custody_refusals(frozen: World) -> None:
    custody = carving([(100, 200)]).decide(frozen)
    for line in (OTHER, SOURCE, ZERO):
        with reverts("supervision: unknown custody"):
            carving_custody(line, [(0, 10)]).decide(frozen)
    for pieces, reason in (
        ([], "lines: no pieces"),
        ([(0, 101)], OUT_OF_PLACE),
        ([(50, 50)], OUT_OF_PLACE),
        ([(50, 60), (55, 70)], OUT_OF_PLACE),
    ):
        with reverts(reason):
            carving_custody(custody, pieces).decide(frozen)
    with reverts("supervision: unknown reference"):
        carving_custody(custody, [(0, 10)], OTHER).decide(frozen)


def test_consents_for_an_account_do_not_carve_its_custody(frozen: World) -> None:
    custody = carving([(100, 200)]).decide(frozen)
    given = carving([(1_000, 1_010)]).signed(frozen)
    with reverts(MISSED, "signatures: not in rising order of signer"):
        carving_custody(custody, [(0, 10)]).hand_in(frozen, given)


# Images of a reversed credit


def test_images_of_a_reversed_credit_leave_the_ledger(frozen: World) -> None:
    reverse(frozen, CREDIT, 200)
    assert carving([(0, 50), (60, 110)], CREDIT).decide(frozen) == ZERO
    assert names(frozen) == ["Decided", "Moved", "Moved", "Moved", "Moved", "ShortfallSet"]
    gone = reversed_line(TREE)
    assert maps(frozen) == [
        (REVERSE, SOURCE, gone, 0, 0, 50, CREDIT),
        (RELAY, SOURCE, SOURCE, 50, 1_000, 10, CREDIT),
        (REVERSE, SOURCE, gone, 60, 50, 50, CREDIT),
        (RELAY, SOURCE, SOURCE, 110, 1_010, 890, CREDIT),
    ]
    totals = frozen.ledger.tree(TREE)
    assert (totals.minted, totals.held, totals.reversed, totals.shortfall) == (1_000, 900, 100, 100)
    assert frozen.supervision.recovered(CREDIT) == 100
    assert frozen.supervision.reversed(CREDIT) == 200


def test_images_are_carved_out_of_custody_too(frozen: World) -> None:
    custody = carving([(100, 200)]).decide(frozen)
    reverse(frozen, CREDIT, 100)
    assert carving_custody(custody, [(0, 100)], CREDIT).decide(frozen) == ZERO
    totals = frozen.ledger.tree(TREE)
    assert (totals.held, totals.reversed, totals.shortfall) == (900, 100, 0)
    assert frozen.supervision.recovered(CREDIT) == 100
    assert frozen.ledger.line(custody) == (100, 100)


def test_no_more_images_than_the_bank_took_back(frozen: World) -> None:
    """Another credit's shortfall makes no room for them."""
    other = frozen.fund(500)
    reverse(frozen, CREDIT, 50)
    reverse(frozen, other, 50)
    with reverts("supervision: more than was reversed"):
        carving([(0, 51)], CREDIT).decide(frozen)
    carving([(0, 30)], CREDIT).decide(frozen)
    with reverts("supervision: more than was reversed"):
        carving([(1_500, 1_521)], CREDIT).decide(frozen)
    carving([(1_500, 1_520)], CREDIT).decide(frozen)
    assert (frozen.supervision.recovered(CREDIT), frozen.ledger.tree(TREE).shortfall) == (50, 50)
    with reverts("supervision: more than was reversed"):
        carving([(2_970, 2_971)], CREDIT).decide(frozen)


def test_no_more_images_than_the_shortfall(frozen: World) -> None:
    reverse(frozen, CREDIT, 100)
    making_good(frozen, 90).decide(frozen)
    with reverts("ledger: more than the shortfall"):
        carving([(90, 101)], CREDIT).decide(frozen)
    carving([(90, 100)], CREDIT).decide(frozen)
    assert frozen.ledger.tree(TREE).shortfall == 0


def test_references_that_have_no_images_here(frozen: World) -> None:
    with reverts("supervision: unknown reference"):
        carving([(0, 10)], OTHER).decide(frozen)
    with reverts("ledger: more than the shortfall"):
        carving([(0, 10)], CREDIT).decide(frozen)
    second = b"\6" * 32
    frozen.accounts.open_tree(second, BANK, QUORUM, b"CNY", ENTERPRISE, sender=bank_bridge)
    frozen.attest(100, tree=second)
    frozen.ledger.mint(OTHER, second, second, WAGES, 100, ZERO, sender=bank_bridge)
    reverse(frozen, OTHER, 100)
    with reverts("supervision: credit of another tree"):
        carving([(0, 10)], OTHER).decide(frozen)
    custody = carving([(0, 10)]).decide(frozen)
    with reverts("supervision: credit of another tree"):
        carving_custody(custody, [(0, 10)], OTHER).decide(frozen)
