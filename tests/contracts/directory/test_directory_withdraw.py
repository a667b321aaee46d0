"""`withdraw`: governors of two institutions stop ordinary changes, recovery signers a recovery."""

from tests.contracts.chain import reverts
from tests.contracts.directory.network import (
    LAPSE_SECONDS,
    NOT_TWO,
    QUORUM_OF_RECOVERY,
    TWO,
    Network,
    agency_two_governor,
    bank_deputy_governor,
    pass_seconds,
    recovery_signers,
)
from tests.contracts.world import (
    DELAY_SECONDS,
    ZERO,
    agency_one_supervisor,
    attacker,
    bank_governor,
    bank_supervisor,
    consents,
    threshold,
)

CHANGES = [threshold(3)]


def test_withdrawn_changes_are_never_applied(network: Network) -> None:
    directory = network.directory
    change_id = network.announce(CHANGES)
    network.withdraw(change_id, (bank_deputy_governor, agency_two_governor))
    (event,) = directory.events
    assert (event.name, event.change_id) == ("ChangesWithdrawn", change_id)
    assert directory.ready_at(change_id) == 0
    pass_seconds(DELAY_SECONDS)
    with reverts("directory: not announced"):
        directory.apply(CHANGES, 0)


def test_governors_of_two_institutions_must_sign(network: Network) -> None:
    change_id = network.announce(CHANGES)
    for by in (
        (),
        (bank_governor,),
        (bank_governor, bank_deputy_governor),
        (bank_governor, attacker),
        (bank_supervisor, agency_one_supervisor),
        QUORUM_OF_RECOVERY,
    ):
        with reverts("directory: governors of two institutions must sign"):
            network.withdraw(change_id, by)


def test_only_what_is_announced_is_withdrawn(network: Network) -> None:
    with reverts("directory: not announced"):
        network.withdraw(ZERO)
    change_id = network.announce(CHANGES)
    given = consents(TWO, "Withdrawal", network.directory, change=change_id)
    network.directory.withdraw(change_id, given)
    with reverts("directory: not announced"):
        network.directory.withdraw(change_id, given)
    again = network.announce(CHANGES)
    with reverts(*NOT_TWO):
        network.directory.withdraw(again, given)
    network.change([threshold(2)])
    with reverts("directory: not announced"):
        network.withdraw(change_id)


def test_lapsed_changes_may_be_withdrawn(network: Network) -> None:
    change_id = network.announce(CHANGES)
    pass_seconds(DELAY_SECONDS + LAPSE_SECONDS + 1)
    network.withdraw(change_id)
    assert network.directory.ready_at(change_id) == 0


def test_recovery_signers_withdraw_a_recovery(network: Network) -> None:
    directory = network.directory
    recovery_id = network.announce_recovery(CHANGES)
    network.withdraw(recovery_id, recovery_signers[1:])
    (event,) = directory.events
    assert (event.name, event.change_id) == ("ChangesWithdrawn", recovery_id)
    assert directory.pending_recovery() == ZERO
    pass_seconds(directory.RECOVERY_DELAY())
    with reverts("directory: not announced"):
        directory.apply_recovery(CHANGES, 0)
    network.change(CHANGES)


def test_nobody_else_withdraws_a_recovery(network: Network) -> None:
    recovery_id = network.announce_recovery(CHANGES)
    for by in (
        (),
        TWO,
        (*TWO, bank_deputy_governor, agency_two_governor),
        (recovery_signers[0],),
        (*QUORUM_OF_RECOVERY, bank_governor),
        (recovery_signers[0], attacker),
    ):
        with reverts("directory: recovery signers must sign"):
            network.withdraw(recovery_id, by)
