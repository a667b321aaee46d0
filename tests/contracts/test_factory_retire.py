"""Factory: retire."""

from typing import Any

import pytest

from tests.contracts.chain import reverts
from tests.contracts.puppet import Puppet, puppet, register_puppet
from tests.contracts.quorum import SUPERVISORS, activate, retire
from tests.contracts.world import (
    PROJECT,
    TREE,
    WAGES,
    ZERO,
    World,
    agency_one_deputy,
    agency_one_governor,
    agency_one_supervisor,
    agency_two_supervisor,
    attacker,
    bank_governor,
    consents,
    operator,
)


@pytest.fixture
def agreement(world: World) -> Puppet:
    register_puppet(world)
    world.open(PROJECT)
    made = puppet(world, [TREE, PROJECT])
    activate(world, made)
    return made


def test_retire_revokes_every_account(world: World, agreement: Puppet) -> None:
    retire(world, agreement)
    *revoked, retired = world.factory.events
    assert [(event.name, event.account) for event in revoked] == [
        ("AgreementRevoked", TREE),
        ("AgreementRevoked", PROJECT),
    ]
    assert (retired.name, retired.agreement) == ("AgreementRetired", agreement.address)
    assert not any(world.accounts.is_granted(account, agreement.address) for account in (TREE, PROJECT))
    held = world.factory.instance(agreement.address)
    assert (held.version, held.active) == (1, False)
    with reverts("factory: agreement is not active"):
        retire(world, agreement)


def test_what_a_retired_agreement_can_still_move(world: World, agreement: Puppet) -> None:
    world.fund(1_000)
    agreement.make(world.ledger, "transfer", TREE, WAGES, PROJECT, 10, ZERO, False)
    retire(world, agreement)
    with reverts("accounts: agreement not granted"):
        agreement.make(world.ledger, "transfer", TREE, WAGES, PROJECT, 10, ZERO, False)


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
        retire(world, agreement, by)


def test_supervisors_are_those_of_now(world: World, agreement: Puppet) -> None:
    world.suspend(agency_two_supervisor, by=(bank_governor, agency_one_governor))
    with reverts("factory: quorum not reached"):
        retire(world, agreement)


def test_an_agreement_that_is_not_active(world: World, agreement: Puppet) -> None:
    with reverts("factory: agreement is not active"):
        retire(world, puppet(world, [TREE]))
    with reverts("factory: agreement is not active"):
        world.factory.retire(attacker.address, [])


def test_the_retirement_of_one_is_not_that_of_another(world: World, agreement: Puppet) -> None:
    other = puppet(world, [TREE])
    activate(world, other)
    given = consents(SUPERVISORS, "Retirement", world.factory, agreement=other.address)
    with reverts("factory: quorum not reached", "signatures: not in rising order of signer"):
        world.factory.retire(agreement.address, given)


def test_an_account_closes_once_its_agreement_is_retired(world: World, agreement: Puppet) -> None:
    with reverts("accounts: an agreement draws on it"):
        world.close(PROJECT)
    retire(world, agreement)
    assert not world.accounts.is_granted(PROJECT, agreement.address)
    world.close(PROJECT)
