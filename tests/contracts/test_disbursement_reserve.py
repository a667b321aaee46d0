"""Disbursement.reserve: the operator's signature, the line drawn on, what the batch remembers."""

from typing import Any

import pytest

from contracts.terms import Guard, Kind, disbursement_arguments
from tests.contracts.chain import Contract, reverts
from tests.contracts.disbursements import ALWAYS, OTHER, disburse, future_batch, refused_reservation
from tests.contracts.world import (
    MATERIALS,
    TREE,
    WAGES,
    ZERO,
    World,
    agency_one_supervisor,
    approval_guard,
    attacker,
    bank_bridge,
    now,
    operator,
    rows_of,
    signed,
)


@pytest.fixture
def payout(world: World) -> Contract:
    world.fund(100_000)
    return world.disbursement()


def test_reserve(world: World, payout: Contract) -> None:
    tree = rows_of([100] * 16)
    promised = future_batch(world, payout, tree, now() + 60)
    batch = world.reserve(payout, tree, now() + 60)
    assert batch == promised
    acted, moved, held = payout.events
    assert (acted.name, acted.operator) == ("OperatorActed", operator.address)
    assert (moved.destination, moved.amount) == (batch, 1_600)
    assert (held.agreement, held.count) == (payout.address, 16)
    assert payout.document_of(batch) == ZERO


@pytest.mark.parametrize("who", [attacker, bank_bridge, agency_one_supervisor])
def test_reserve_by_the_controllers_operator_alone(world: World, payout: Contract, who: Any) -> None:
    tree = rows_of([10])
    values = world.reservation(payout, tree, now() + 60)
    given = signed(who, "Reservation", payout, **values)
    with reverts("disbursement: not an operator"):
        payout.reserve(WAGES, tree.root, 1, 10, now() + 60, ZERO, given)


def test_reserve_binds_every_field(world: World, payout: Contract) -> None:
    tree = rows_of([10])
    values = world.reservation(payout, tree, now() + 60)
    given = signed(operator, "Reservation", payout, **values)
    for call in (
        (MATERIALS, tree.root, 1, 10, now() + 60, ZERO),
        (WAGES, OTHER, 1, 10, now() + 60, ZERO),
        (WAGES, tree.root, 2, 10, now() + 60, ZERO),
        (WAGES, tree.root, 1, 11, now() + 60, ZERO),
        (WAGES, tree.root, 1, 10, now() + 61, ZERO),
        (WAGES, tree.root, 1, 10, now() + 60, OTHER),
    ):
        with reverts("disbursement: not an operator"):
            payout.reserve(*call, given)
    payout.reserve(WAGES, tree.root, 1, 10, now() + 60, ZERO, given)
    with reverts("ledger: batch exists"):
        payout.reserve(WAGES, tree.root, 1, 10, now() + 60, ZERO, given)


def test_an_inactive_agreement_reserves_nothing(world: World) -> None:
    world.fund(100)
    payout = world.instance("disbursement", disbursement_arguments(TREE, WAGES, (approval_guard(),)))
    with reverts("accounts: agreement not granted"):
        world.reserve(payout, rows_of([10]))


def test_a_total_out_of_bounds_has_a_reason(world: World, payout: Contract) -> None:
    values = {
        "terms": payout.terms_hash(),
        "dyeClass": WAGES,
        "root": OTHER,
        "count": 1,
        "total": 2**255,
        "deadline": now() + 9,
        "document": ZERO,
    }
    given = signed(operator, "Reservation", payout, **values)
    values.pop("terms")
    with reverts("disbursement: total out of bounds"):
        payout.reserve(*values.values(), given)


def test_without_a_guard_only_the_own_dye_class_is_drawn(world: World, payout: Contract) -> None:
    world.fund(100, dye_class=MATERIALS)
    with reverts("disbursement: another dye class"):
        world.reserve(payout, rows_of([10]), dye_class=MATERIALS)


def test_terms_name_the_dye_classes_that_may_be_drawn(world: World) -> None:
    classes = [ALWAYS, Guard(1, Kind.DYE_CLASS, subject=WAGES), Guard(1, Kind.DYE_CLASS, subject=MATERIALS)]
    payout = disburse(world, classes)
    world.fund(100, dye_class=MATERIALS)
    tree = rows_of([10])
    for dye_class in (WAGES, MATERIALS):
        world.execute(payout, world.reserve(payout, tree, dye_class=dye_class), tree)
    held = refused_reservation(world, payout, tree, dye_class=OTHER)
    limit, observed = int.from_bytes(MATERIALS), int.from_bytes(OTHER)
    assert held == (1, 2, "dye-class", limit, observed)


def test_terms_may_leave_the_own_dye_class_out(world: World) -> None:
    payout = disburse(world, [ALWAYS, Guard(1, Kind.DYE_CLASS, subject=MATERIALS)])
    assert refused_reservation(world, payout, rows_of([10]))[:3] == (1, 1, "dye-class")
