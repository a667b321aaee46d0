"""Fixtures of the contract tests: networks founded once, rolled back after each test."""

from collections.abc import Iterator
from dataclasses import replace

import boa
import pytest

from tests.contracts.world import BareLedger, World, bare, found


@pytest.fixture(scope="session")
def _founded() -> World:
    return found()


@pytest.fixture(scope="session")
def shared_bare(_founded: World) -> BareLedger:
    return bare(_founded.directory)


@pytest.fixture
def world(_founded: World) -> Iterator[World]:
    """A founded network; what the test does to it is undone."""
    with boa.env.anchor():
        yield replace(_founded)


@pytest.fixture
def bare_ledger(shared_bare: BareLedger) -> Iterator[BareLedger]:
    """A ledger whose factory and agreement are plain accounts, so that tests drive it directly."""
    with boa.env.anchor():
        yield replace(shared_bare)
