"""`rotate`: a signer's next key, at once, by both keys and another governor."""

from itertools import pairwise

import pytest

from contracts.terms import Role
from tests.contracts.chain import reverts
from tests.contracts.directory.network import (
    NOT_RISING,
    QUORUM_OF_RECOVERY,
    TWO,
    Network,
    agency_two_governor,
    bank_deputy_governor,
    pass_seconds,
    recovery_signers,
    rotation,
    successor,
)
from tests.contracts.world import (
    BANK,
    NOBODY,
    actor,
    agency_one_governor,
    agency_one_supervisor,
    attacker,
    bank_governor,
    bank_supervisor,
    consents,
    newcomer,
    operator,
    threshold,
)

NO_GOVERNOR = "directory: another governor must sign"
NOT_BOTH = "directory: both keys must sign"


@pytest.mark.parametrize(
    ("old", "governors"),
    [
        (bank_supervisor, (bank_governor,)),
        (bank_supervisor, TWO),
        (bank_supervisor, (agency_one_governor, agency_two_governor)),
        (operator, TWO),
        (bank_governor, (bank_deputy_governor,)),
        (bank_governor, (agency_one_governor,)),
        (bank_governor, (bank_deputy_governor, agency_one_governor)),
        (bank_governor, (agency_one_governor, agency_two_governor)),
    ],
)
def test_the_successor_has_what_the_old_key_had(
    network: Network, old: object, governors: tuple[object, ...]
) -> None:
    directory = network.directory
    before = directory.signer(old.address)
    pass_seconds(1_000)
    network.rotate(old, successor, *governors)
    (event,) = directory.events
    assert (event.name, event.who, event.successor) == ("SignerRotated", old.address, successor.address)
    assert directory.signer(successor.address) == before
    after = directory.signer(old.address)
    assert (after.institution, after.roles, after.since) == (before.institution, 0, before.since)
    assert after.successor == successor.address


@pytest.mark.parametrize(
    ("old", "governors"),
    [
        (bank_supervisor, ()),
        (bank_supervisor, (agency_one_governor,)),
        (bank_supervisor, (agency_one_supervisor,)),
        (bank_supervisor, (bank_governor, bank_deputy_governor)),
        (bank_supervisor, (bank_governor, attacker)),
        (bank_governor, ()),
        (bank_governor, (bank_supervisor,)),
        (bank_governor, (attacker,)),
        (bank_governor, tuple(QUORUM_OF_RECOVERY)),
    ],
)
def test_who_may_not_rotate(network: Network, old: object, governors: tuple[object, ...]) -> None:
    with reverts(NO_GOVERNOR):
        network.rotate(old, successor, *governors)


@pytest.mark.parametrize("by", [(), (operator, *TWO), (successor, *TWO), TWO])
def test_both_keys_must_sign(network: Network, by: tuple[object, ...]) -> None:
    values = network.rotation_of(operator, successor)
    with reverts(NOT_BOTH):
        network.directory.rotate(
            operator.address, successor.address, consents(by, "Rotation", network.directory, **values)
        )


def test_a_signer_does_not_follow_itself(network: Network) -> None:
    values = network.rotation_of(operator, operator)
    given = consents((operator, *TWO), "Rotation", network.directory, **values)
    with reverts(NOT_BOTH):
        network.directory.rotate(operator.address, operator.address, given)


def test_nobody_follows_nobody(network: Network) -> None:
    values = {"signer": operator.address, "successor": NOBODY, "since": 0}
    given = consents((operator, *TWO), "Rotation", network.directory, **values)
    with reverts(NOT_BOTH, NOT_RISING):
        network.directory.rotate(operator.address, NOBODY, given)


def test_only_an_active_key_is_rotated(network: Network) -> None:
    with reverts("directory: not an active signer"):
        network.rotate(attacker, successor, *TWO)
    network.suspend(operator)
    with reverts("directory: not an active signer"):
        network.rotate(operator, successor, *TWO)
    network.rotate(bank_supervisor, successor, bank_governor)
    with reverts("directory: key was rotated"):
        network.rotate(bank_supervisor, newcomer, bank_governor)


def test_the_new_key_was_never_a_signers(network: Network) -> None:
    network.suspend(operator)
    network.rotate(bank_governor, successor, bank_deputy_governor)
    for used in (bank_deputy_governor, operator, bank_governor, successor):
        with reverts("directory: not a new key"):
            network.rotate(bank_supervisor, used, agency_one_governor, agency_two_governor)


def test_a_recovery_signer_never_becomes_a_signer(network: Network) -> None:
    with reverts("directory: recovery signer"):
        network.rotate(bank_supervisor, recovery_signers[0], bank_governor)
    with reverts("directory: recovery signer"):
        network.change([rotation(bank_supervisor, recovery_signers[0])])


def test_a_key_rotates_again_until_the_chain_is_full(network: Network) -> None:
    keys = [bank_supervisor, *(actor(f"key {number}") for number in range(17))]
    for old, new in pairwise(keys[:17]):
        network.rotate(old, new, bank_governor)
    assert network.roles(keys[16]) == Role.SUPERVISOR
    assert {network.directory.latest(key.address) for key in keys[:17]} == {keys[16].address}
    assert network.directory.latest(attacker.address) == attacker.address
    with reverts("directory: rotated too often"):
        network.rotate(keys[16], keys[17], bank_governor)
    with reverts("directory: rotated too often"):
        network.change([rotation(keys[16], keys[17])])
    # Coming back does not make the chain shorter.
    network.suspend(keys[16], bank_governor)
    network.change([(2, bytes(32), BANK, keys[16].address, int(Role.SUPERVISOR))])
    with reverts("directory: rotated too often"):
        network.rotate(keys[16], keys[17], bank_governor)


def test_no_key_is_rotated_while_a_recovery_waits(network: Network) -> None:
    network.announce_recovery([threshold(3)])
    with reverts("directory: recovery is pending"):
        network.rotate(bank_supervisor, successor, bank_governor)
    pass_seconds(network.directory.RECOVERY_DELAY())
    network.directory.apply_recovery([threshold(3)], 0)
    network.rotate(bank_supervisor, successor, bank_governor)
