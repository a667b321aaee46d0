"""One network of real processes for all tests of the API."""

from collections.abc import Callable, Iterator
from contextlib import ExitStack

import httpx
import pytest

from tests.api.network import Network, make_network
from tests.api.story import agree, onboard


@pytest.fixture(scope="session")
def network(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Network]:
    """The network, founded and served."""
    with ExitStack() as stack:
        yield make_network(tmp_path_factory.mktemp("network"), stack)


@pytest.fixture
def http(network: Network) -> Iterator[Callable[..., httpx.Client]]:
    """Clients by role."""
    with ExitStack() as stack:
        yield lambda role="bank": stack.enter_context(network.http(role))


@pytest.fixture(scope="session")
def onboarded(network: Network) -> Network:
    """The network with everybody in it, and money in the supervised account."""
    onboard(network)
    return network


@pytest.fixture(scope="session")
def agreed(onboarded: Network) -> Network:
    """The network with both agreements active and the subsidiary funded."""
    agree(onboarded)
    return onboarded
