"""What mutants of the directory showed that no other test asks."""

from contracts.terms import Role
from tests.contracts.directory.network import Network
from tests.contracts.world import BANK, newcomer, operator, signer


def test_a_recovery_after_an_applied_one_withdraws_nothing(network: Network) -> None:
    network.recover([signer(newcomer, BANK, Role.GOVERNOR)])
    network.announce_recovery([signer(operator, BANK, Role.GOVERNOR)])
    assert [event.name for event in network.directory.events] == ["ChangesAnnounced"]
