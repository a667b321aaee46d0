"""`apply`: anyone, after the delay and before it lapses, while those who announced still govern."""

import pytest

from contracts.terms import Role
from tests.contracts.chain import reverts
from tests.contracts.directory.network import (
    LAPSE_SECONDS,
    TWO,
    Network,
    bank_deputy_governor,
    pass_seconds,
    rotation,
    successor,
    suspension,
)
from tests.contracts.world import (
    AGENCY_TWO,
    AUDITOR,
    BANK,
    DELAY_SECONDS,
    ENTERPRISE,
    NOBODY,
    QUORUM,
    ZERO,
    agency_one_governor,
    agency_two_supervisor,
    attacker,
    bank_governor,
    bank_supervisor,
    institution,
    member,
    newcomer,
    not_member,
    now,
    operator,
    signer,
    threshold,
)

CHANGES = [signer(newcomer, AGENCY_TWO, Role.SUPERVISOR), not_member(BANK)]
NOT_GOVERNING = "directory: a governor who signed is suspended"


def test_changes_are_applied_once_after_the_delay(network: Network) -> None:
    directory = network.directory
    change_id = network.announce(CHANGES)
    pass_seconds(DELAY_SECONDS - 1)
    with reverts("directory: delay not over"):
        directory.apply(CHANGES, 0)
    pass_seconds(1)
    directory.apply(CHANGES, 0, sender=attacker)
    added, removed, applied = directory.events
    assert (added.name, added.who, added.institution, added.roles) == (
        "SignerAdded",
        newcomer.address,
        AGENCY_TWO,
        Role.SUPERVISOR,
    )
    assert (removed.name, removed.quorum, removed.institution, removed.member) == (
        "QuorumMemberSet",
        QUORUM,
        BANK,
        False,
    )
    assert (applied.name, applied.change_id) == ("ChangesApplied", change_id)
    assert directory.signer(newcomer.address).since == now()
    assert (directory.quorum_size(QUORUM), directory.is_member(QUORUM, BANK)) == (2, False)
    assert directory.ready_at(change_id) == 0
    with reverts("directory: not announced"):
        directory.apply(CHANGES, 0)


def test_every_kind_of_change(network: Network) -> None:
    directory = network.directory
    other = b"\7" * 32
    network.change(
        [
            institution(other, 4),
            member(other),
            member(AUDITOR),
            threshold(4),
            not_member(BANK),
            rotation(operator, successor),
            suspension(bank_supervisor),
        ]
    )
    names = [event.name for event in directory.events]
    assert names == [
        "InstitutionAdded",
        "QuorumMemberSet",
        "QuorumMemberSet",
        "QuorumThresholdSet",
        "QuorumMemberSet",
        "SignerRotated",
        "SignerSuspended",
        "ChangesApplied",
    ]
    added, joined, _, set_, _, rotated, suspended, _ = directory.events
    assert (added.institution, added.kind) == (other, 4)
    assert (joined.quorum, joined.institution, joined.member) == (QUORUM, other, True)
    assert (set_.quorum, set_.threshold) == (QUORUM, 4)
    assert (rotated.who, rotated.successor) == (operator.address, successor.address)
    assert (suspended.who, suspended.by) == (bank_supervisor.address, NOBODY)
    assert (network.roles(operator), network.roles(successor)) == (0, Role.OPERATOR)
    assert network.roles(bank_supervisor) == 0


def test_exactly_what_was_announced_is_applied(network: Network) -> None:
    network.announce([threshold(3)])
    pass_seconds(DELAY_SECONDS)
    for changes, nonce in (([threshold(2)], 0), ([threshold(3)], 1), ([threshold(3), threshold(3)], 0)):
        with reverts("directory: not announced"):
            network.directory.apply(changes, nonce)


def test_all_changes_are_made_or_none(network: Network) -> None:
    changes = [signer(newcomer, BANK, Role.SUPERVISOR), not_member(AUDITOR)]
    with reverts("directory: not a member"):
        network.change(changes)
    assert network.is_nobody(newcomer)


def test_a_stale_announcement_lapses(network: Network) -> None:
    changes = [threshold(3)]
    for _ in range(2):
        network.announce(changes)
    pass_seconds(DELAY_SECONDS + LAPSE_SECONDS)
    network.directory.apply(changes, 0)
    pass_seconds(1)
    with reverts("directory: announcement lapsed"):
        network.directory.apply(changes, 1)


@pytest.mark.parametrize("suspended", [bank_governor, agency_one_governor])
def test_suspending_a_governor_stops_what_it_announced(network: Network, suspended: object) -> None:
    changes = [signer(attacker, BANK, Role.GOVERNOR)]
    network.announce(changes)
    network.suspend(suspended)
    pass_seconds(DELAY_SECONDS)
    with reverts(NOT_GOVERNING):
        network.directory.apply(changes, 0)


def test_a_governor_who_came_back_announced_nothing(network: Network) -> None:
    changes = [signer(attacker, BANK, Role.GOVERNOR)]
    back = [signer(bank_governor, BANK, Role.GOVERNOR)]
    network.announce(back, (bank_deputy_governor, agency_one_governor))
    network.announce(changes)
    network.suspend(bank_governor)
    pass_seconds(DELAY_SECONDS)
    network.directory.apply(back, 0)
    assert network.roles(bank_governor) == Role.GOVERNOR
    with reverts(NOT_GOVERNING):
        network.directory.apply(changes, 1)


def test_a_governor_who_lost_the_role_announced_nothing(network: Network) -> None:
    changes = [signer(attacker, BANK, Role.GOVERNOR)]
    demoted = [suspension(bank_governor), signer(bank_governor, BANK, Role.TELLER)]
    network.announce(demoted)
    network.announce(changes)
    pass_seconds(DELAY_SECONDS)
    network.directory.apply(demoted, 0)
    with reverts(NOT_GOVERNING):
        network.directory.apply(changes, 1)


def test_a_rotated_governor_still_stands_for_what_it_announced(network: Network) -> None:
    changes = [threshold(3)]
    for _ in range(2):
        network.announce(changes)
    network.rotate(bank_governor, successor, bank_deputy_governor)
    pass_seconds(DELAY_SECONDS)
    network.directory.apply(changes, 0)
    network.suspend(successor, bank_deputy_governor)
    with reverts(NOT_GOVERNING):
        network.directory.apply(changes, 1)


def test_roles_are_changed_in_one_go(network: Network) -> None:
    network.change([suspension(operator), signer(operator, ENTERPRISE, Role.WITNESS)])
    assert network.roles(operator) == Role.WITNESS
    with reverts("directory: signer is active"):
        network.change([signer(operator, ENTERPRISE, Role.OPERATOR)])


def test_a_signer_comes_back_in_its_own_institution_only(network: Network) -> None:
    network.suspend(agency_two_supervisor)
    with reverts("directory: signer of another institution"):
        network.change([signer(agency_two_supervisor, BANK, Role.SUPERVISOR)])
    network.change([signer(agency_two_supervisor, AGENCY_TWO, Role.SUPERVISOR)])
    assert network.directory.signer(agency_two_supervisor.address).since == now() + 1


def test_a_rotated_key_never_comes_back(network: Network) -> None:
    network.change([rotation(operator, successor)])
    with reverts("directory: key was rotated"):
        network.change([signer(operator, ENTERPRISE, Role.OPERATOR)])
    network.suspend(successor)
    with reverts("directory: key was rotated"):
        network.change([signer(operator, ENTERPRISE, Role.OPERATOR)])


def test_a_lost_key_is_rotated_unless_suspended(network: Network) -> None:
    network.suspend(operator)
    with reverts("directory: not an active signer"):
        network.change([rotation(operator, successor)])
    assert network.is_nobody(successor)


def test_a_change_suspends_the_key_that_followed(network: Network) -> None:
    network.change([rotation(operator, successor), suspension(operator)])
    (_, suspended, _) = network.directory.events
    assert suspended.who == successor.address
    assert network.roles(successor) == 0


def test_suspending_a_suspended_signer_or_a_stranger_changes_nothing(network: Network) -> None:
    network.suspend(operator)
    network.change([suspension(operator), suspension(attacker), threshold(3)])
    assert [event.name for event in network.directory.events] == ["QuorumThresholdSet", "ChangesApplied"]
    assert network.is_nobody(attacker)


def test_an_unknown_change_is_refused(network: Network) -> None:
    with reverts("directory: unknown change"):
        network.change([(8, ZERO, BANK, NOBODY, 1)], TWO)
