"""Fixtures of the contract tests: one founded network, rolled back after each test."""

from collections.abc import Iterator

import boa
import pytest

from tests.contracts.world import World, found


@pytest.fixture(scope="session")
def _founded() -> World:
    return found()


@pytest.fixture
def world(_founded: World) -> Iterator[World]:
    """A founded network; what the test does to it is undone."""
    with boa.env.anchor():
        yield World(_founded.directory, _founded.ledger, _founded.factory)
