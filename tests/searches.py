"""Sides to search, weights that nobody learned, and what it means that two searches are the same."""

from __future__ import annotations

import numpy as np

from exchange_node.encoding.vector_schema import schema_for
from exchange_node.encoding.vectors import Weights
from exchange_node.engine.link import Links
from exchange_node.engine.search import Found, Side
from tests.made_up_registers import columns_of, registers

KEYS = ((("surname", "end"),), (("date_of_birth", "year"),), (("postcode", "district"),))


def sides(left: int, right: int, shared: int) -> tuple[Side, Side]:
    """Two registers with errors, missing fields, and every tenth row of the left one twice."""
    world = registers(left - left // 11, right, shared, seed=5, rate=0.2)
    ours = world.left + world.left[: left // 11]
    both = columns_of(ours), columns_of(world.right)
    schema = schema_for([(name, column.kind) for name, column in both[0].items()])
    one, other = (Side.of(schema, columns, b"s" * 32) for columns in both)
    return one, other


def weights(side: Side) -> Weights:
    """Some of every kind."""
    return Weights(np.random.default_rng(2).normal(0.6, 1.2, len(side.vectors.schema.features)), -4.0)


def same_pairs(found: Found, expected: Found) -> None:
    """Bit for bit."""
    for name in ("scores", "left", "right"):
        one, other = getattr(found, name), getattr(expected, name)
        assert one.dtype == other.dtype and one.tobytes() == other.tobytes(), name
    assert found.compared == expected.compared


def same_links(found: Links, expected: Links) -> None:
    """Bit for bit, and what is expected of them."""
    for name in ("left", "right", "score", "probability"):
        assert getattr(found, name).tobytes() == getattr(expected, name).tobytes(), name
    assert found.decision == expected.decision
    same_pairs(found.candidates, expected.candidates)
