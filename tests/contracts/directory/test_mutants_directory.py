"""What mutants of the directory showed that no other test asks."""

from contracts.terms import Role
from tests.contracts.directory.network import Network, founded
from tests.contracts.world import BANK, FOUNDING, ZERO, newcomer, operator, signer


def test_a_recovery_after_an_applied_one_withdraws_nothing(network: Network) -> None:
    network.recover([signer(newcomer, BANK, Role.GOVERNOR)])
    network.announce_recovery([signer(operator, BANK, Role.GOVERNOR)])
    assert [event.name for event in network.directory.events] == ["ChangesAnnounced"]


def test_the_last_address_is_one() -> None:
    last = 2**160 - 1
    directory = founded([*FOUNDING, (6, ZERO, ZERO, operator.address, last)])
    assert int(directory.signer(operator.address).successor, 16) == last
