"""Supervision, what the quorum does with totals: write_off, record_shortfall, make_good, sort."""

from typing import Any

import pytest
from eth_hash.auto import keccak

from contracts.ids import account_line, reversed_line, written_off_line
from tests.contracts.chain import reverts
from tests.contracts.supervision.acts import (
    MAKE_GOOD,
    SORT,
    WRITE_OFF,
    Act,
    falling_short,
    making_good,
    maps,
    names,
    reverse,
    sorting,
    writing_off,
)
from tests.contracts.world import (
    MATERIALS,
    PROJECT,
    TREE,
    WAGES,
    ZERO,
    World,
    agency_one_deputy,
    agency_one_supervisor,
    attacker,
    bank_bridge,
    bank_supervisor,
    operator,
    returned,
    rows_of,
)

OTHER = b"\7" * 32
CREDIT = keccak(b"credit")
CHARGE = keccak(b"charge")
LINE = account_line(TREE, WAGES)
MISSED = "supervision: quorum not reached"
NOT_RISING = "signatures: not in rising order of signer"


@pytest.fixture
def short(world: World) -> World:
    """1,000 of wages, of which the bank took 100 back; the account is frozen."""
    world.fund(1_000, reference=CREDIT)
    reverse(world, CREDIT, 100)
    world.freeze(TREE, True, [bank_supervisor])
    return world


def acts(world: World) -> list[Act]:
    """One of each."""
    return [writing_off(7, CHARGE), making_good(world, 7), sorting(world, 7), falling_short(7, CHARGE)]


@pytest.mark.parametrize(
    "by",
    [
        (),
        (bank_supervisor,),
        (agency_one_supervisor, agency_one_deputy),
        (bank_supervisor, operator, attacker),
    ],
)
@pytest.mark.parametrize("number", range(4))
def test_the_quorum_must_sign(short: World, number: int, by: tuple[Any, ...]) -> None:
    with reverts(MISSED):
        acts(short)[number].decide(short, by)


@pytest.mark.parametrize("changed", [{"account": PROJECT}, {"dyeClass": MATERIALS}, {"amount": 8}])
@pytest.mark.parametrize("number", range(3))
def test_other_values_than_were_signed(short: World, number: int, changed: dict[str, Any]) -> None:
    act = acts(short)[number]
    with reverts(MISSED, NOT_RISING):
        act.hand_in(short, act.over(**changed).signed(short))


@pytest.mark.parametrize("changed", [{"tree": PROJECT}, {"reference": OTHER}, {"amount": 8}])
def test_another_shortfall_than_was_signed(short: World, changed: dict[str, Any]) -> None:
    act = falling_short(7, CHARGE)
    with reverts(MISSED, NOT_RISING):
        act.hand_in(short, act.over(**changed).signed(short))


# write_off


def test_write_off(short: World) -> None:
    writing_off(7, CHARGE).decide(short)
    assert names(short) == ["Decided", "Moved"]
    assert maps(short) == [(WRITE_OFF, LINE, written_off_line(TREE), 0, 0, 7, CHARGE)]
    totals = short.ledger.tree(TREE)
    assert (totals.written_off, totals.held, totals.shortfall) == (7, 993, 100)
    assert short.ledger.is_reference_used(CHARGE)


def test_a_charge_counts_once(short: World) -> None:
    act = writing_off(7, CHARGE)
    given = act.signed(short)
    act.hand_in(short, given)
    with reverts("ledger: reference used"):
        act.hand_in(short, given)
    with reverts("ledger: reference used"):
        short.fund(7, reference=CHARGE)


def test_write_off_refusals(short: World) -> None:
    for act, reason in (
        (writing_off(7, CHARGE, account=OTHER), "supervision: unknown account"),
        (writing_off(7, ZERO), "ledger: zero reference"),
        (writing_off(7, CREDIT), "ledger: reference used"),
        (writing_off(1_001, CHARGE), "lines: not enough money"),
        (writing_off(0, CHARGE), "lines: zero amount"),
        (writing_off(1, CHARGE, dye_class=MATERIALS), "lines: not enough money"),
    ):
        with reverts(reason):
            act.decide(short)


# record_shortfall


def test_record_shortfall(short: World) -> None:
    falling_short(30, CHARGE).decide(short)
    decided, recorded, counted = short.supervision.events
    assert decided.name == "Decided"
    assert (recorded.name, recorded.address) == ("ShortfallRecorded", short.supervision.address)
    assert (recorded.reference, recorded.tree, recorded.amount) == (CHARGE, TREE, 30)
    assert (counted.name, counted.tree, counted.shortfall) == ("ShortfallSet", TREE, 130)
    making_good(short, 130).decide(short)
    totals = short.ledger.tree(TREE)
    assert (totals.shortfall, totals.reversed, totals.held, totals.minted) == (0, 130, 870, 1_000)


def test_a_debit_is_recorded_or_written_off_but_once(short: World) -> None:
    falling_short(30, CHARGE).decide(short)
    for again in (falling_short(30, CHARGE), falling_short(1, CHARGE), writing_off(30, CHARGE)):
        with reverts("ledger: reference used"):
            again.decide(short)
    assert short.ledger.tree(TREE).shortfall == 130


def test_record_shortfall_refusals(short: World) -> None:
    short.open(PROJECT)
    for act, reason in (
        (falling_short(7, CHARGE, tree=OTHER), "supervision: unknown tree"),
        (falling_short(7, CHARGE, tree=PROJECT), "supervision: unknown tree"),
        (falling_short(0, CHARGE), "supervision: zero amount"),
        (falling_short(7, ZERO), "supervision: zero reference"),
        (falling_short(7, CREDIT), "ledger: reference used"),
        (falling_short(901, CHARGE), "ledger: more than was brought"),
    ):
        with reverts(reason):
            act.decide(short)
    assert short.ledger.tree(TREE).shortfall == 100


def test_a_row_paid_after_it_was_rejected_stops_payouts_until_it_is_made_good(world: World) -> None:
    """Its money went back and was spent elsewhere: nothing rests that could be written off."""
    world.fund(100)
    payout, tree = world.disbursement(), rows_of([40] * 2)
    batch = world.reserve(payout, tree)
    world.approve(payout, batch)
    world.execute(payout, batch, tree)
    world.ledger.return_rows(ZERO, 0, [returned(batch, tree, 0)], sender=bank_bridge)
    falling_short(40, keccak(b"paid after all")).decide(world)
    with reverts("ledger: shortfall"):
        world.reserve(payout, rows_of([10]))
    making_good(world, 40).decide(world)
    world.reserve(payout, rows_of([10]))


# make_good


def test_make_good_in_parts_to_the_cent(short: World) -> None:
    making_good(short, 60).decide(short)
    assert names(short) == ["Decided", "Moved", "ShortfallSet"]
    assert maps(short) == [(MAKE_GOOD, LINE, reversed_line(TREE), 0, 0, 60, WAGES)]
    assert short.supervision.events[-1].shortfall == 40
    with reverts("ledger: more than the shortfall"):
        making_good(short, 41).decide(short)
    making_good(short, 40).decide(short)
    totals = short.ledger.tree(TREE)
    assert (totals.shortfall, totals.reversed, totals.held, totals.minted) == (0, 100, 900, 1_000)
    assert short.supervision.recovered(CREDIT) == 0
    with reverts("ledger: more than the shortfall"):
        making_good(short, 1).decide(short)


def test_any_account_and_class_of_the_tree_makes_good(short: World) -> None:
    short.open(PROJECT)
    short.fund(50, account=PROJECT, dye_class=MATERIALS)
    making_good(short, 50, PROJECT, MATERIALS).decide(short)
    ((kind, source, destination, *_),) = maps(short)
    assert (kind, source, destination) == (
        MAKE_GOOD,
        account_line(PROJECT, MATERIALS),
        reversed_line(TREE),
    )
    assert short.ledger.tree(TREE).shortfall == 50


def test_make_good_counts_once(short: World) -> None:
    act = making_good(short, 40)
    given = act.signed(short)
    act.hand_in(short, given)
    with reverts(MISSED, NOT_RISING):
        act.hand_in(short, given)
    assert short.ledger.tree(TREE).shortfall == 60


def test_make_good_refusals(short: World) -> None:
    for act, reason in (
        (making_good(short, 7, account=OTHER), "supervision: unknown account"),
        (making_good(short, 0), "lines: zero amount"),
        (making_good(short, 7, dye_class=MATERIALS), "lines: not enough money"),
        (making_good(short, 1_001), "lines: not enough money"),
    ):
        with reverts(reason):
            act.decide(short)


def test_new_money_makes_good_what_is_missing(short: World) -> None:
    """What the bank took back stays counted as brought: only another attested credit fills the gap."""
    short.attest(1_000)
    with reverts("ledger: more than is attested"):
        short.fund(1)
    short.attest(1_100)
    short.fund(100, dye_class=MATERIALS)
    making_good(short, 100, dye_class=MATERIALS).decide(short)
    totals = short.ledger.tree(TREE)
    assert (totals.held, totals.brought, totals.shortfall) == (1_000, 1_100, 0)


def test_sort(short: World) -> None:
    sorting(short, 40).decide(short)
    line = account_line(TREE, MATERIALS)
    assert names(short) == ["Decided", "Moved"]
    assert maps(short) == [(SORT, LINE, line, 0, 0, 40, MATERIALS)]
    sorting(short, 60).decide(short)
    assert maps(short) == [(SORT, LINE, line, 40, 40, 60, MATERIALS)]
    totals = short.ledger.tree(TREE)
    assert (totals.held, totals.shortfall, totals.reversed) == (1_000, 100, 0)


def test_sorting_counts_once(short: World) -> None:
    act = sorting(short, 40)
    given = act.signed(short)
    act.hand_in(short, given)
    with reverts(MISSED, NOT_RISING):
        act.hand_in(short, given)
    sorting(short, 40, MATERIALS, WAGES).decide(short)
    with reverts(MISSED, NOT_RISING):
        act.hand_in(short, given)
    assert short.ledger.line(LINE) == (1_040, 40)


def test_sort_refusals(short: World) -> None:
    for act, reason in (
        (sorting(short, 40, account=OTHER), "supervision: unknown account"),
        (sorting(short, 40, WAGES, WAGES), "lines: same line"),
        (sorting(short, 0), "lines: zero amount"),
        (sorting(short, 1_001), "lines: not enough money"),
    ):
        with reverts(reason):
            act.decide(short)
    short.freeze(TREE, False, [bank_supervisor, agency_one_supervisor])
    with reverts("supervision: account not frozen"):
        sorting(short, 40).decide(short)


def test_another_class_than_was_signed(short: World) -> None:
    act = sorting(short, 40)
    with reverts(MISSED, NOT_RISING):
        act.hand_in(short, act.over(toClass=OTHER).signed(short))


def test_what_rests_is_decided_on_while_paused(short: World) -> None:
    short.pause(True, [bank_supervisor])
    writing_off(7, CHARGE).decide(short)
    making_good(short, 7).decide(short)
    sorting(short, 7).decide(short)
    assert short.ledger.account_balance(TREE, MATERIALS) == 7
