"""Ready homes for the tests of what must hold."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.simulator import Simulator
from tests.worlds import cheaply, ready_homes, world_of


@pytest.fixture(scope="session")
def homes(tmp_path_factory: pytest.TempPathFactory) -> Simulator:
    """Homes that are ready for a request, to be copied."""
    return ready_homes(tmp_path_factory.mktemp("homes"))


@pytest.fixture
def world(homes: Simulator, tmp_path: Path) -> Iterator[Simulator]:
    """Three nodes that run, for one test."""
    with cheaply():
        made = world_of(homes, tmp_path / "world")
        yield made
        made.close()
