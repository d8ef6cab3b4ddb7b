"""The engine with fewer examples than it takes in earnest, and one linkage that several tests look at."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from exchange_node.engine import party
from exchange_node.engine.link import Links, link
from exchange_node.engine.party import COPIES_WITHIN
from tests.made_up_registers import Registers, columns_of, registers


@pytest.fixture(scope="package", autouse=True)
def few_copies() -> Iterator[None]:
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(party, "COPIES", 700)
        patch.setattr(party, "COPIES_WITHIN", 1400)
        yield


@pytest.fixture
def as_shipped(monkeypatch: pytest.MonkeyPatch) -> None:
    """As many copies as in earnest where a register is held against itself: fewer know less of its doubles."""
    monkeypatch.setattr(party, "COPIES_WITHIN", COPIES_WITHIN)


@pytest.fixture(scope="package")
def town() -> Registers:
    return registers(400, 350, 250)


@pytest.fixture(scope="package")
def linked(few_copies: None, town: Registers) -> Links:
    return link(columns_of(town.left), columns_of(town.right))
