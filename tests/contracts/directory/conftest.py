"""Fixture of the directory's tests: a directory founded once, rolled back after each test."""

from collections.abc import Iterator

import boa
import pytest

from tests.contracts.chain import Contract
from tests.contracts.directory.network import Network, founded


@pytest.fixture(scope="session")
def _address() -> str:
    return founded().address


@pytest.fixture
def network(_address: str) -> Iterator[Network]:
    """A founded directory; what the test does to it is undone."""
    with boa.env.anchor():
        yield Network(Contract(_address, "Directory"))
