"""`announce`: governors of two institutions queue changes."""

import pytest

from contracts.errors import RefusalUnknown
from contracts.terms import Role
from tests.contracts.chain import reverts
from tests.contracts.directory.network import NOT_TWO, TWO, Network, agency_two_governor, bank_deputy_governor
from tests.contracts.world import (
    AGENCY_TWO,
    actor,
    agency_one_governor,
    agency_one_supervisor,
    attacker,
    bank_governor,
    bank_supervisor,
    newcomer,
    now,
    signer,
    threshold,
)

CHANGES = [signer(newcomer, AGENCY_TWO, Role.SUPERVISOR), threshold(3)]


def test_announced_changes_wait(network: Network) -> None:
    directory = network.directory
    for nonce in (0, 1):
        change_id = network.announce(CHANGES)
        (event,) = directory.events
        assert (event.name, event.change_id) == ("ChangesAnnounced", change_id)
        assert (event.nonce, event.recovery) == (nonce, False)
        assert event.ready_at == directory.ready_at(change_id) == now() + directory.DELAY_SECONDS()
    assert (directory.next_nonce(), directory.next_recovery_nonce()) == (2, 0)
    assert network.is_nobody(newcomer)


def test_more_governors_may_sign(network: Network) -> None:
    network.announce(CHANGES, (*TWO, bank_deputy_governor, agency_two_governor))
    assert network.directory.next_nonce() == 1


def test_governors_of_two_institutions_must_sign(network: Network) -> None:
    for by in (
        (),
        (bank_governor,),
        (bank_governor, bank_deputy_governor),
        (bank_governor, attacker),
        (*TWO, attacker),
        (bank_supervisor, agency_one_supervisor),
        (*TWO, bank_supervisor),
    ):
        with reverts("directory: governors of two institutions must sign"):
            network.announce(CHANGES, by)


def test_a_suspended_governor_does_not_announce(network: Network) -> None:
    network.suspend(bank_governor, bank_governor)
    with reverts("directory: governors of two institutions must sign"):
        network.announce(CHANGES)
    network.announce(CHANGES, (bank_deputy_governor, agency_one_governor))


def test_nothing_is_not_announced(network: Network) -> None:
    with reverts("directory: no changes"):
        network.announce([])


def test_signatures_count_for_one_nonce(network: Network) -> None:
    network.announce(CHANGES)
    for nonce in (0, 2):
        with reverts(*NOT_TWO):
            network.announce(CHANGES, nonce=nonce)


def test_64_changes_fit_and_no_more(network: Network) -> None:
    many = [signer(actor(f"signer {number}"), AGENCY_TWO, Role.TELLER) for number in range(65)]
    network.change(many[:64])
    assert len(network.directory.events) == 65
    assert network.directory.gas_used < 5_000_000
    with pytest.raises(RefusalUnknown):
        network.announce(many)
