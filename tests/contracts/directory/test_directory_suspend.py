"""`suspend`: at once, by one governor of the signer's institution or by governors of two institutions."""

import pytest

from contracts.terms import Role
from tests.contracts.chain import reverts
from tests.contracts.directory.network import (
    QUORUM_OF_RECOVERY,
    TWO,
    Network,
    agency_two_governor,
    bank_deputy_governor,
    successor,
)
from tests.contracts.world import (
    agency_one_governor,
    agency_one_supervisor,
    attacker,
    bank_governor,
    bank_supervisor,
    operator,
)

NOT_ALLOWED = "directory: own governor or two institutions must sign"


@pytest.mark.parametrize(
    "by",
    [
        (bank_governor,),
        (bank_deputy_governor,),
        TWO,
        (agency_one_governor, agency_two_governor),
        (*TWO, bank_deputy_governor, agency_two_governor),
    ],
)
def test_a_signer_loses_every_role_at_once(network: Network, by: tuple[object, ...]) -> None:
    before = network.directory.signer(bank_supervisor.address)
    network.suspend(bank_supervisor, *by)
    (event,) = network.directory.events
    first = min(by, key=lambda who: int(who.address, 16))
    assert (event.name, event.who, event.by) == ("SignerSuspended", bank_supervisor.address, first.address)
    held = network.directory.signer(bank_supervisor.address)
    assert (held.institution, held.roles, held.since) == (before.institution, 0, before.since)
    assert network.directory.holds(bank_supervisor.address, Role.SUPERVISOR) is False


@pytest.mark.parametrize(
    "by",
    [
        (agency_one_governor,),
        (bank_supervisor,),
        (bank_governor, bank_deputy_governor),
        (bank_governor, bank_supervisor),
        (attacker,),
        (bank_governor, attacker),
        tuple(QUORUM_OF_RECOVERY),
    ],
)
def test_who_may_not_suspend(network: Network, by: tuple[object, ...]) -> None:
    with reverts(NOT_ALLOWED):
        network.suspend(bank_supervisor, *by)


def test_a_suspension_without_signatures_is_refused(network: Network) -> None:
    with reverts(NOT_ALLOWED):
        network.directory.suspend(bank_supervisor.address, [])


def test_a_governor_suspends_itself(network: Network) -> None:
    network.suspend(agency_one_governor, agency_one_governor)
    assert network.roles(agency_one_governor) == 0


def test_a_suspended_governor_suspends_nobody(network: Network) -> None:
    network.suspend(bank_governor, bank_deputy_governor)
    with reverts(NOT_ALLOWED):
        network.suspend(bank_supervisor, bank_governor)
    with reverts(NOT_ALLOWED):
        network.suspend(bank_supervisor, *TWO)


def test_only_an_active_signer_is_suspended(network: Network) -> None:
    network.suspend(bank_supervisor)
    for who in (bank_supervisor, attacker):
        with reverts("directory: not an active signer"):
            network.suspend(who)


def test_an_old_key_is_not_suspended_but_its_successor(network: Network) -> None:
    network.rotate(operator, successor, *TWO)
    with reverts("directory: key was rotated"):
        network.suspend(operator)
    network.suspend(successor)
    with reverts("directory: key was rotated"):
        network.suspend(operator)


def test_a_governor_suspends_no_one_elses_signer(network: Network) -> None:
    with reverts(NOT_ALLOWED):
        network.suspend(agency_one_supervisor, bank_governor)
