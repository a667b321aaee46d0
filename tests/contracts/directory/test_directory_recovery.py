"""`announce_recovery` and `apply_recovery`: changes that need no governor, and that nobody outruns."""

import pytest

from contracts.terms import Role
from tests.contracts.chain import reverts
from tests.contracts.directory.network import (
    GOVERNORS,
    LAPSE_SECONDS,
    NOT_RECOVERY,
    QUORUM_OF_RECOVERY,
    TWO,
    Network,
    agency_two_governor,
    bank_deputy_governor,
    founded,
    pass_seconds,
    recovery_signers,
    rotation,
    successor,
    suspension,
)
from tests.contracts.world import (
    AGENCY_ONE,
    AGENCY_TWO,
    BANK,
    DELAY_SECONDS,
    QUORUM,
    ZERO,
    actor,
    agency_one_governor,
    agency_one_supervisor,
    attacker,
    bank_governor,
    consents,
    institution,
    member,
    newcomer,
    not_member,
    now,
    operator,
    signer,
    threshold,
)

RECOVERY_DELAY = 2 * DELAY_SECONDS
EVERY_GOVERNOR = (bank_governor, bank_deputy_governor, agency_one_governor, agency_two_governor)
new_bank_governor = actor("new bank governor")
new_agency_governor = actor("new agency governor")
NEW_GOVERNORS = [
    signer(new_bank_governor, BANK, Role.GOVERNOR),
    signer(new_agency_governor, AGENCY_ONE, Role.GOVERNOR),
]
NEW_TWO = (new_bank_governor, new_agency_governor)


def test_a_recovery_waits_twice_as_long(network: Network) -> None:
    directory = network.directory
    recovery_id = network.announce_recovery(NEW_GOVERNORS)
    (event,) = directory.events
    assert (event.name, event.change_id) == ("ChangesAnnounced", recovery_id)
    assert (event.nonce, event.recovery) == (0, True)
    assert event.ready_at == directory.ready_at(recovery_id) == now() + RECOVERY_DELAY
    assert directory.pending_recovery() == recovery_id
    assert (directory.next_nonce(), directory.next_recovery_nonce()) == (0, 1)
    pass_seconds(RECOVERY_DELAY - 1)
    with reverts("directory: delay not over"):
        directory.apply_recovery(NEW_GOVERNORS, 0)
    pass_seconds(1)
    directory.apply_recovery(NEW_GOVERNORS, 0, sender=attacker)
    first, second, applied = directory.events
    assert (first.name, first.who) == ("SignerAdded", new_bank_governor.address)
    assert (second.name, second.who) == ("SignerAdded", new_agency_governor.address)
    assert (applied.name, applied.change_id) == ("ChangesApplied", recovery_id)
    assert directory.pending_recovery() == ZERO


def test_a_recovery_is_applied_once(network: Network) -> None:
    network.recover(NEW_GOVERNORS)
    with reverts("directory: not announced"):
        network.directory.apply_recovery(NEW_GOVERNORS, 0)


def test_all_recovery_signers_may_sign(network: Network) -> None:
    network.announce_recovery(NEW_GOVERNORS, recovery_signers)
    assert network.directory.next_recovery_nonce() == 1


@pytest.mark.parametrize(
    "by",
    [
        (),
        (recovery_signers[0],),
        (recovery_signers[0], attacker),
        (*QUORUM_OF_RECOVERY, attacker),
        (*QUORUM_OF_RECOVERY, bank_governor),
        TWO,
        EVERY_GOVERNOR,
    ],
)
def test_the_recovery_quorum_must_sign(network: Network, by: tuple[object, ...]) -> None:
    with reverts("directory: recovery signers must sign"):
        network.announce_recovery(NEW_GOVERNORS, by)


def test_a_recovery_changes_something_and_rotates_no_key(network: Network) -> None:
    with reverts("directory: no changes"):
        network.announce_recovery([])
    with reverts("directory: recovery rotates no key"):
        network.announce_recovery([*NEW_GOVERNORS, rotation(bank_governor, successor)])


def test_exactly_what_was_announced_is_applied(network: Network) -> None:
    network.announce_recovery(NEW_GOVERNORS)
    pass_seconds(RECOVERY_DELAY)
    for changes, nonce in ((NEW_GOVERNORS[:1], 0), (NEW_GOVERNORS, 1)):
        with reverts("directory: not announced"):
            network.directory.apply_recovery(changes, nonce)


def test_a_recovery_is_no_ordinary_change_and_the_other_way_round(network: Network) -> None:
    directory = network.directory
    network.announce([threshold(3)])
    pass_seconds(DELAY_SECONDS)
    with reverts("directory: not announced"):
        directory.apply_recovery([threshold(3)], 0)
    directory.apply([threshold(3)], 0)
    network.announce_recovery([threshold(2)])
    pass_seconds(RECOVERY_DELAY + LAPSE_SECONDS + 1)
    with reverts("directory: not announced"):
        directory.apply([threshold(2)], 0)


def test_signatures_count_for_one_nonce(network: Network) -> None:
    network.announce_recovery(NEW_GOVERNORS)
    for nonce in (0, 2):
        with reverts(*NOT_RECOVERY):
            network.announce_recovery(NEW_GOVERNORS, nonce=nonce)


def test_every_governor_is_lost(network: Network) -> None:
    network.recover(NEW_GOVERNORS)
    network.change([threshold(3)], NEW_TWO)
    assert network.directory.quorum_threshold(QUORUM) == 3


def test_every_governor_is_suspended_and_comes_back(network: Network) -> None:
    for who in (bank_deputy_governor, agency_two_governor):
        network.suspend(who, who)
    network.suspend(agency_one_governor, *TWO)
    network.suspend(bank_governor, bank_governor)
    with reverts("directory: governors of two institutions must sign"):
        network.announce([threshold(3)])
    network.recover(GOVERNORS)
    pass_seconds(1)
    network.change([threshold(3)])


def test_a_new_recovery_takes_the_place_of_one_that_waits(network: Network) -> None:
    directory = network.directory
    former = network.announce_recovery([threshold(3)])
    pass_seconds(RECOVERY_DELAY)
    recovery_id = network.announce_recovery(NEW_GOVERNORS)
    withdrawn, announced = directory.events
    assert (withdrawn.name, withdrawn.change_id) == ("ChangesWithdrawn", former)
    assert (announced.name, announced.change_id) == ("ChangesAnnounced", recovery_id)
    with reverts("directory: not announced"):
        directory.apply_recovery([threshold(3)], 0)
    with reverts("directory: delay not over"):
        directory.apply_recovery(NEW_GOVERNORS, 1)
    pass_seconds(RECOVERY_DELAY)
    directory.apply_recovery(NEW_GOVERNORS, 1)


def test_a_recovery_lapses_and_holds_nothing_up_any_more(network: Network) -> None:
    directory = network.directory
    recovery_id = network.announce_recovery([threshold(3)])
    pass_seconds(RECOVERY_DELAY + LAPSE_SECONDS - DELAY_SECONDS)
    network.announce([threshold(3)])
    pass_seconds(DELAY_SECONDS)
    assert directory.pending_recovery() == recovery_id
    with reverts("directory: recovery is pending"):
        directory.apply([threshold(3)], 0)
    pass_seconds(1)
    assert directory.pending_recovery() == ZERO
    directory.apply([threshold(3)], 0)
    with reverts("directory: announcement lapsed"):
        directory.apply_recovery([threshold(3)], 0)
    network.announce_recovery([threshold(2)])
    assert [event.name for event in directory.events] == ["ChangesWithdrawn", "ChangesAnnounced"]


def test_a_recovery_that_cannot_be_applied_is_replaced(network: Network) -> None:
    directory = network.directory
    network.announce_recovery([suspension(bank_governor), signer(newcomer, b"\1" * 32, Role.GOVERNOR)])
    pass_seconds(RECOVERY_DELAY)
    with reverts("directory: unknown institution"):
        directory.apply_recovery([suspension(bank_governor), signer(newcomer, b"\1" * 32, Role.GOVERNOR)], 0)
    assert network.roles(bank_governor) == Role.GOVERNOR
    network.recover(NEW_GOVERNORS)
    assert network.roles(new_bank_governor) == Role.GOVERNOR


def test_without_a_delay_everything_works_at_once() -> None:
    network = Network(founded(delay_seconds=0))
    network.change([threshold(3)])
    network.recover(NEW_GOVERNORS)
    network.change([threshold(2)], NEW_TWO)
    network.suspend(operator)
    assert network.directory.RECOVERY_DELAY() == 0


# Rogue governors of two institutions, who know what the recovery is about to do.

RECOVERY = [*(suspension(who) for who in EVERY_GOVERNOR), *NEW_GOVERNORS]


def test_rogue_governors_cannot_outrun_a_recovery(network: Network) -> None:
    directory = network.directory
    accomplice = [signer(attacker, BANK, Role.GOVERNOR), signer(newcomer, AGENCY_TWO, Role.GOVERNOR)]
    # Announced before the recovery, so ready before it; then again and again while it waits.
    network.announce(accomplice)
    network.announce_recovery(RECOVERY)
    for nonce in (0, 1):
        network.announce(accomplice)
        pass_seconds(DELAY_SECONDS)
        with reverts("directory: recovery is pending"):
            directory.apply(accomplice, nonce)
    directory.apply_recovery(RECOVERY, 0)
    for nonce in (0, 1, 2):
        with reverts("directory: a governor who signed is suspended"):
            directory.apply(accomplice, nonce)
    assert [network.roles(who) for who in EVERY_GOVERNOR] == [0, 0, 0, 0]
    with reverts("directory: governors of two institutions must sign"):
        network.announce(accomplice)
    network.change([threshold(3)], NEW_TWO)


def test_rogue_governors_cannot_slip_into_new_keys(network: Network) -> None:
    network.announce([rotation(agency_one_governor, newcomer)])
    network.rotate(bank_governor, successor, agency_one_governor)
    network.announce_recovery(RECOVERY)
    with reverts("directory: recovery is pending"):
        network.rotate(successor, attacker, agency_one_governor)
    pass_seconds(RECOVERY_DELAY)
    with reverts("directory: recovery is pending"):
        network.directory.apply([rotation(agency_one_governor, newcomer)], 0)
    # The recovery names the old key; the one that follows it is suspended.
    network.directory.apply_recovery(RECOVERY, 0)
    assert (network.roles(successor), network.roles(agency_one_governor)) == (0, 0)
    assert network.is_nobody(newcomer)


def test_rogue_governors_cannot_break_a_recovery_by_suspending(network: Network) -> None:
    honest = signer(agency_one_supervisor, AGENCY_ONE, Role.SUPERVISOR)
    recovery = [*RECOVERY, suspension(agency_one_supervisor), honest]
    network.announce_recovery(recovery)
    network.suspend(agency_one_supervisor)
    network.suspend(bank_deputy_governor)
    network.suspend(agency_two_governor, agency_two_governor)
    pass_seconds(RECOVERY_DELAY)
    network.directory.apply_recovery(recovery, 0)
    assert network.roles(agency_one_supervisor) == Role.SUPERVISOR
    assert [network.roles(who) for who in EVERY_GOVERNOR] == [0, 0, 0, 0]


def test_rogue_governors_cannot_take_the_address_a_recovery_adds(network: Network) -> None:
    values = network.rotation_of(bank_governor, new_bank_governor)
    given = consents((bank_governor, agency_one_governor), "Rotation", network.directory, **values)
    with reverts("directory: both keys must sign"):
        network.directory.rotate(bank_governor.address, new_bank_governor.address, given)


def test_rogue_governors_cannot_spoil_signatures_by_using_up_nonces(network: Network) -> None:
    for _ in range(3):
        network.announce([threshold(3)])
    network.announce_recovery(RECOVERY, nonce=0)
    assert network.directory.next_recovery_nonce() == 1


def test_rogue_governors_cannot_withdraw_a_recovery(network: Network) -> None:
    recovery_id = network.announce_recovery(RECOVERY)
    with reverts("directory: recovery signers must sign"):
        network.withdraw(recovery_id, EVERY_GOVERNOR)


def test_rogue_changes_are_undone_by_the_recovery(network: Network) -> None:
    network.change(
        [institution(b"\6" * 32, 1), signer(attacker, b"\6" * 32, Role.SUPERVISOR), not_member(BANK)]
    )
    network.recover([*RECOVERY, suspension(attacker), member(BANK)])
    assert network.roles(attacker) == 0
    assert network.directory.is_member(QUORUM, BANK)


def test_a_governor_a_recovery_restores_announced_nothing_before(network: Network) -> None:
    network.announce([signer(attacker, BANK, Role.GOVERNOR)])
    network.recover([suspension(bank_governor), signer(bank_governor, BANK, Role.GOVERNOR)])
    with reverts("directory: a governor who signed is suspended"):
        network.directory.apply([signer(attacker, BANK, Role.GOVERNOR)], 0)
