"""Allocation: allocate."""

from typing import Any

import boa
import pytest
from eth_hash.auto import keccak

from contracts.ids import account_line
from contracts.terms import Guard, Kind
from tests.contracts.chain import Contract, refusal_of, reverts
from tests.contracts.world import (
    BANK,
    ENTERPRISE,
    LINE,
    PROJECT,
    QUORUM,
    TREE,
    WAGES,
    World,
    agency_one_supervisor,
    attacker,
    bank_bridge,
    bank_supervisor,
    now,
    operator,
    signed,
)

OTHER = b"\7" * 32
TERMS = (Guard(0, Kind.PAYOUT_CAP, 500), Guard(1, Kind.WINDOW_CAP, 1_200, 86_400))


@pytest.fixture
def funding(world: World) -> Contract:
    world.open(PROJECT)
    world.open(LINE, parent=PROJECT)
    world.fund(10_000)
    return world.allocation([PROJECT, LINE], TERMS)


def order(funding: Contract, **more: Any) -> dict[str, Any]:
    return {
        "terms": funding.terms_hash(),
        "destination": PROJECT,
        "amount": 300,
        "reference": OTHER,
        "deadline": now() + 60,
        **more,
    }


def allocate(funding: Contract, by: Any = operator, **more: Any) -> None:
    values = order(funding, **more)
    given = signed(by, "Allocation", funding, **values)
    values.pop("terms")
    funding.allocate(*values.values(), given)


def test_allocate(world: World, funding: Contract) -> None:
    allocate(funding)
    acted, moved = funding.events
    assert (acted.name, acted.operator) == ("OperatorActed", operator.address)
    assert (moved.source, moved.destination) == (account_line(TREE, WAGES), account_line(PROJECT, WAGES))
    assert (moved.kind, moved.amount, moved.info) == (2, 300, OTHER)
    assert funding.is_done(OTHER)
    assert funding.consumed(1, now()) == 300
    assert funding.destinations() == (PROJECT, LINE)
    assert [guard.kind for guard in funding.terms()] == [3, 4]
    with reverts("allocation: repeated"):
        allocate(funding)
    with reverts("allocation: repeated"):
        allocate(funding, deadline=now() + 7_000)
    allocate(funding, reference=keccak(b"another"))


@pytest.mark.parametrize("who", [attacker, bank_bridge, agency_one_supervisor])
def test_allocate_by_the_controllers_operator_alone(funding: Contract, who: Any) -> None:
    with reverts("allocation: not an operator"):
        allocate(funding, who)


def test_allocate_refusals(world: World, funding: Contract) -> None:
    with reverts("allocation: signature expired"):
        allocate(funding, deadline=now() - 1)
    with reverts("allocation: not a destination"):
        allocate(funding, destination=TREE)
    with reverts("lines: zero amount"):
        allocate(funding, amount=0)
    values = order(funding)
    given = signed(operator, "Allocation", funding, **values)
    with reverts("allocation: not an operator"):
        funding.allocate(LINE, 300, OTHER, values["deadline"], given)
    with reverts("allocation: not an operator"):
        funding.allocate(PROJECT, 301, OTHER, values["deadline"], given)


def test_allocate_within_its_caps(funding: Contract) -> None:
    held = refusal_of(lambda: allocate(funding, amount=501))
    assert (held.code, held.clause, held.guard) == ("payout-cap", 0, 0)
    assert (held.limit, held.observed) == (500, 501)
    for number in range(2):
        allocate(funding, amount=500, reference=keccak(b"%d" % number))
    held = refusal_of(lambda: allocate(funding, amount=201))
    assert (held.code, held.clause, held.guard) == ("window-cap", 1, 1)
    assert (held.limit, held.observed) == (1_200, 1_201)
    boa.env.timestamp += 86_400
    allocate(funding, amount=201)


def test_allocate_from_frozen_or_paused_money(world: World, funding: Contract) -> None:
    world.freeze(TREE, True, [bank_supervisor])
    with reverts("ledger: account frozen"):
        allocate(funding)
    world.pause(True, [bank_supervisor])
    with reverts("ledger: paused"):
        allocate(funding)


def test_allocate_stays_in_the_tree(world: World, funding: Contract) -> None:
    world.ledger.open_tree(OTHER, BANK, QUORUM, b"CNY", ENTERPRISE, sender=bank_bridge)
    stray = world.allocation([OTHER], TERMS)
    with reverts("ledger: another tree"):
        allocate(stray, destination=OTHER)


def test_a_suspended_operator_allocates_nothing(world: World, funding: Contract) -> None:
    world.suspend(operator)
    with reverts("allocation: not an operator"):
        allocate(funding)


def test_an_amount_out_of_bounds_has_a_reason(world: World) -> None:
    world.open(PROJECT)
    funding = world.allocation([PROJECT], [Guard(0, Kind.WINDOW_CAP, 1_200, 86_400)])
    with reverts("guards: amount out of bounds"):
        allocate(funding, amount=2**256 - 1)
