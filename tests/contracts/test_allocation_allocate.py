"""Allocation: allocate."""

from typing import Any

import boa
import pytest
from eth_hash.auto import keccak

from contracts.ids import account_line
from contracts.terms import Guard, Kind
from tests.contracts.chain import Contract, refusal_of, reverts
from tests.contracts.funding import AMPLE, DAY, active, open_accounts
from tests.contracts.world import (
    BANK,
    ENTERPRISE,
    LINE,
    PROJECT,
    QUORUM,
    TREE,
    WAGES,
    World,
    agency_one_governor,
    agency_one_supervisor,
    attacker,
    bank_bridge,
    bank_governor,
    bank_supervisor,
    now,
    operator,
    signed,
)

OTHER = b"\7" * 32
TERMS = (Guard(0, Kind.PAYOUT_CAP, 500), Guard(1, Kind.WINDOW_CAP, 1_200, DAY))


@pytest.fixture
def funding(world: World) -> Contract:
    open_accounts(world)
    world.fund(10_000)
    return active(world, (), TERMS, destinations=[PROJECT, LINE])


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
    assert funding.is_done(ENTERPRISE, OTHER)
    assert funding.consumed(1, now()) == 300


def test_a_reference_is_taken_once(funding: Contract) -> None:
    allocate(funding)
    with reverts("parties: repeated"):
        allocate(funding)
    with reverts("parties: repeated"):
        allocate(funding, deadline=now() + 7_000, amount=5)
    allocate(funding, reference=keccak(b"another"))


def test_references_and_caps_of_one_agreement_are_not_those_of_another(
    world: World, funding: Contract
) -> None:
    """Not even with the same terms: neither references, nor windows, nor signatures."""
    twin = active(world, (), TERMS, destinations=[PROJECT, LINE])
    assert twin.terms_hash() == funding.terms_hash()
    for number in range(2):
        allocate(funding, amount=500, reference=keccak(b"%d" % number))
    assert not twin.is_done(ENTERPRISE, keccak(b"0"))
    assert twin.consumed(1, now()) == 0
    allocate(twin, amount=500, reference=keccak(b"0"))
    values = order(funding, reference=keccak(b"third"))
    given = signed(operator, "Allocation", funding, **values)
    values.pop("terms")
    with reverts("parties: not signed for the party"):
        twin.allocate(*values.values(), given)


@pytest.mark.parametrize("who", [attacker, bank_bridge, agency_one_supervisor])
def test_by_the_controllers_operator_alone(funding: Contract, who: Any) -> None:
    with reverts("parties: not signed for the party"):
        allocate(funding, who)


def test_exactly_what_was_signed(funding: Contract) -> None:
    values = order(funding)
    given = signed(operator, "Allocation", funding, **values)
    for changed in ({"destination": LINE}, {"amount": 301}, {"reference": WAGES}, {"deadline": now() + 61}):
        asked = {**values, **changed}
        asked.pop("terms")
        with reverts("parties: not signed for the party"):
            funding.allocate(*asked.values(), given)


def test_refusals(funding: Contract) -> None:
    with reverts("parties: signature expired"):
        allocate(funding, deadline=now() - 1)
    with reverts("allocation: not a destination"):
        allocate(funding, destination=TREE)
    for amount in (0, 2**62 + 1, 2**256 - 1):
        with reverts("parties: amount out of bounds"):
            allocate(funding, amount=amount)


def test_no_more_than_there_is(world: World) -> None:
    open_accounts(world)
    world.fund(100)
    funding = active(world, (), AMPLE, destinations=[PROJECT])
    with reverts("lines: not enough money"):
        allocate(funding, amount=101)


def test_within_its_caps(funding: Contract) -> None:
    held = refusal_of(lambda: allocate(funding, amount=501))
    assert (held.code, held.clause, held.guard) == ("payout-cap", 0, 0)
    assert (held.limit, held.observed) == (500, 501)
    for number in range(2):
        allocate(funding, amount=500, reference=keccak(b"%d" % number))
    held = refusal_of(lambda: allocate(funding, amount=201))
    assert (held.code, held.clause, held.guard) == ("window-cap", 1, 1)
    assert (held.limit, held.observed) == (1_200, 1_201)
    assert not funding.is_done(ENTERPRISE, OTHER)
    boa.env.timestamp += DAY
    allocate(funding, amount=201)


def test_a_cap_for_ever(world: World) -> None:
    open_accounts(world)
    world.fund(10_000)
    funding = active(world, (), [Guard(0, Kind.LIFETIME_CAP, 400)], destinations=[PROJECT])
    allocate(funding)
    boa.env.timestamp += 400 * DAY
    held = refusal_of(lambda: allocate(funding, amount=101, reference=WAGES))
    assert (held.code, held.limit, held.observed) == ("lifetime-cap", 400, 401)
    allocate(funding, amount=100, reference=WAGES)
    assert funding.consumed(0, now()) == 400


def test_the_first_cap_of_a_clause_with_room_counts(world: World) -> None:
    open_accounts(world)
    world.fund(10_000)
    hourly, daily = (
        Guard(0, Kind.WINDOW_CAP, 400, 3_600, subject=keccak(b"hourly")),
        Guard(0, Kind.WINDOW_CAP, 1_000, DAY, subject=keccak(b"daily")),
    )
    funding = active(world, (), [hourly, daily], destinations=[PROJECT])
    allocate(funding)
    allocate(funding, reference=WAGES, amount=101)
    assert [funding.consumed(guard, now()) for guard in (0, 1)] == [300, 101]
    held = refusal_of(lambda: allocate(funding, reference=PROJECT, amount=900))
    assert (held.code, held.guard, held.limit, held.observed) == ("window-cap", 1, 1_000, 1_001)


def test_within_its_hours_or_below_a_cap(world: World) -> None:
    """Alternatives of a clause: at any time up to 100, more from eight to nine."""
    open_accounts(world)
    world.fund(10_000)
    hours = Guard(0, Kind.TIME_WINDOW, 0, 2**40, 8 * 3_600 | 9 * 3_600 << 32)
    funding = active(world, (), [Guard(0, Kind.PAYOUT_CAP, 100), hours], destinations=[PROJECT])
    boa.env.timestamp += DAY - now() % DAY
    allocate(funding, amount=100)
    held = refusal_of(lambda: allocate(funding, amount=101, reference=WAGES))
    assert (held.code, held.clause, held.guard) == ("outside-time-window", 0, 1)
    assert (held.limit, held.observed) == (2**40, now())
    boa.env.timestamp += 8 * 3_600
    allocate(funding, amount=101, reference=WAGES)


def test_on_the_days_of_its_calendar(world: World) -> None:
    open_accounts(world)
    world.fund(10_000)
    today = now() // DAY
    every_other = Guard(0, Kind.CALENDAR_DAY, today, 3, subject=(0b101).to_bytes(32))
    funding = active(world, (), [every_other], destinations=[PROJECT])
    allocate(funding, amount=1)
    boa.env.timestamp += DAY
    held = refusal_of(lambda: allocate(funding, amount=1, reference=WAGES))
    assert (held.code, held.observed) == ("outside-calendar", today + 1)
    boa.env.timestamp += DAY
    allocate(funding, amount=1, reference=WAGES)


def test_frozen_or_paused_money(world: World, funding: Contract) -> None:
    world.freeze(TREE, True, [bank_supervisor])
    with reverts("accounts: account frozen"):
        allocate(funding)
    world.pause(True, [bank_supervisor])
    with reverts("accounts: paused"):
        allocate(funding)


def test_it_stays_in_the_tree(world: World, funding: Contract) -> None:
    world.accounts.open_tree(OTHER, BANK, QUORUM, b"CNY", ENTERPRISE, sender=bank_bridge)
    stray = active(world, (), TERMS, destinations=[OTHER])
    with reverts("accounts: another tree"):
        allocate(stray, destination=OTHER)


def test_a_suspended_operator(world: World, funding: Contract) -> None:
    world.suspend(operator, by=(bank_governor, agency_one_governor))
    with reverts("parties: not signed for the party"):
        allocate(funding)
