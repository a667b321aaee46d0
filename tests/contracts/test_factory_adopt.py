"""Factory: adopt, and what an attacker tries with it."""

from typing import Any

import pytest
from eth_hash.auto import keccak

from contracts.errors import RefusalUnknown
from contracts.terms import Guard, Kind, allocation_arguments
from tests.contracts.chain import reverts
from tests.contracts.puppet import Puppet, adoption, calldata, puppet, register_puppet
from tests.contracts.quorum import SUPERVISORS, activate, adopt, adoption_values, retire
from tests.contracts.world import (
    PROJECT,
    TREE,
    WAGES,
    ZERO,
    World,
    agency_one_deputy,
    agency_one_supervisor,
    agency_two_supervisor,
    attacker,
    bank_supervisor,
    consents,
    operator,
)

OTHER = b"\7" * 32
NOT_SIGNED = ("factory: quorum not reached", "signatures: not in rising order of signer")


@pytest.fixture
def agreement(world: World) -> Puppet:
    register_puppet(world)
    made = puppet(world, [TREE])
    activate(world, made)
    return made


def test_adopt(world: World, agreement: Puppet) -> None:
    terms = adoption(salt=1)
    adopt(world, agreement, terms, file=OTHER, results=WAGES)
    (event,) = world.factory.events
    assert (event.name, event.agreement, event.version) == ("TermsAdopted", agreement.address, 2)
    assert (event.arguments, event.file, event.results) == (keccak(terms), OTHER, WAGES)
    assert event.terms == agreement.terms_hash() == keccak(terms)
    held = world.factory.instance(agreement.address)
    assert (held.version, held.active, held.arguments) == (2, True, keccak(terms))
    assert (held.file, held.results) == (OTHER, WAGES)
    adopt(world, agreement, adoption(salt=2), by=(bank_supervisor, agency_two_supervisor))
    assert world.factory.instance(agreement.address).version == 3
    assert world.accounts.is_granted(TREE, agreement.address)


@pytest.mark.parametrize(
    "by",
    [
        (),
        (agency_one_supervisor,),
        (agency_one_supervisor, agency_one_deputy),
        (agency_one_supervisor, attacker),
        (agency_one_supervisor, operator),
    ],
)
def test_by_the_quorum_and_no_institution_alone(world: World, agreement: Puppet, by: tuple[Any, ...]) -> None:
    with reverts("factory: quorum not reached"):
        adopt(world, agreement, adoption(), by=by)


def test_a_replayed_adoption(world: World, agreement: Puppet) -> None:
    """Signatures over a version count once, also when the terms come back to what they were."""
    first = adoption(salt=1)
    values = adoption_values(agreement, 2, first)
    given = consents(SUPERVISORS, "Adoption", world.factory, **values)
    world.factory.adopt(agreement.address, first, ZERO, ZERO, given)
    adopt(world, agreement, adoption(salt=2))
    with reverts(*NOT_SIGNED):
        world.factory.adopt(agreement.address, first, ZERO, ZERO, given)
    assert world.factory.instance(agreement.address).version == 3


@pytest.mark.parametrize("version", [0, 1, 3])
def test_the_version_is_the_next(world: World, agreement: Puppet, version: int) -> None:
    with reverts(*NOT_SIGNED):
        adopt(world, agreement, adoption(), version=version)


@pytest.mark.parametrize(
    ("arguments", "file", "results"),
    [
        (adoption(salt=2), ZERO, ZERO),
        (adoption(salt=1), OTHER, ZERO),
        (adoption(salt=1), ZERO, OTHER),
    ],
)
def test_front_running_with_other_content(
    world: World, agreement: Puppet, arguments: bytes, file: bytes, results: bytes
) -> None:
    values = adoption_values(agreement, 2, adoption(salt=1))
    given = consents(SUPERVISORS, "Adoption", world.factory, **values)
    with reverts(*NOT_SIGNED):
        world.factory.adopt(agreement.address, arguments, file, results, given, sender=attacker)


def test_terms_of_one_agreement_are_not_those_of_another(world: World, agreement: Puppet) -> None:
    other = puppet(world, [TREE])
    activate(world, other)
    values = adoption_values(other, 2, adoption())
    given = consents(SUPERVISORS, "Adoption", world.factory, **values)
    with reverts(*NOT_SIGNED):
        world.factory.adopt(agreement.address, adoption(), ZERO, ZERO, given)


def test_an_agreement_that_is_not_active(world: World, agreement: Puppet) -> None:
    with reverts("factory: agreement is not active"):
        adopt(world, puppet(world, [TREE]), adoption(), version=1)
    with reverts("factory: agreement is not active"):
        world.factory.adopt(attacker.address, adoption(), ZERO, ZERO, [])


def test_a_retired_agreement(world: World, agreement: Puppet) -> None:
    retire(world, agreement)
    with reverts("factory: agreement is not active"):
        adopt(world, agreement, adoption())


def test_a_template_whose_terms_do_not_change(world: World) -> None:
    cap = (Guard(0, Kind.PAYOUT_CAP, 500),)
    arguments = allocation_arguments(TREE, WAGES, (PROJECT,), cap)
    funding = world.activate(world.instance("allocation", arguments))
    with reverts("allocation: terms do not change"):
        adopt(world, funding, arguments)
    assert world.factory.instance(funding.address).version == 1


def test_an_agreement_that_calls_back_while_it_adopts(world: World, agreement: Puppet) -> None:
    other = puppet(world, [TREE])
    given = consents(SUPERVISORS, "Activation", world.factory, **world.activation(other))
    back = calldata(world.factory, "activate", other.address, given)
    with pytest.raises(RefusalUnknown):  # the lock gives no reason
        adopt(world, agreement, adoption(world.factory.address, back))
    assert not world.factory.instance(other.address).active
    assert world.factory.instance(agreement.address).version == 1


def test_only_the_factory_makes_an_agreement_adopt(world: World) -> None:
    cap = (Guard(0, Kind.PAYOUT_CAP, 500),)
    funding = world.instance("allocation", allocation_arguments(TREE, WAGES, (PROJECT,), cap))
    with reverts("allocation: terms do not change"):
        funding.adopt(adoption(), sender=attacker)
