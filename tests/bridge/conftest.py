"""One network for the tests of a module."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.bridge.world import World, make_world


@pytest.fixture(scope="module")
def world(tmp_path_factory: pytest.TempPathFactory) -> Iterator[World]:
    made = make_world(Path(tmp_path_factory.mktemp("world")))
    yield made
    made.close()
