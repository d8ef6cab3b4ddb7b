"""The weighted schema's bits are those that `tools/weights.py` learns, and what it learns by is right."""

from __future__ import annotations

import json

import numpy as np
import pytest

from exchange_node.encoding.schema import LinkageSchema, load_schema
from tools import weights
from tools.made_registers import registers


@pytest.fixture(scope="module")
def few() -> list[weights.Examples]:
    return [weights.examples(registers(5, 0, 1, rows=300, shared=200), [45] * len(weights.FEATURES))]


def test_the_slope_is_that_of_the_loss(few: list[weights.Examples]) -> None:
    at = np.append(np.random.default_rng(0).normal(0, 0.3, len(weights.FEATURES)), [np.log(40), 0.7])
    _, slope = weights.loss(at, few)
    for number, step in enumerate(1e-5 * np.eye(len(at))):
        wanted = (weights.loss(at + step, few)[0] - weights.loss(at - step, few)[0]) / 2e-5
        assert slope[number] == pytest.approx(wanted, rel=1e-3, abs=1e-4)


def test_less_loss_than_before(few: list[weights.Examples]) -> None:
    start = np.append(np.zeros(len(weights.FEATURES)), [np.log(40), 0.7])
    found = weights.least(lambda at: weights.loss(at, few), start)
    assert weights.loss(found, few)[0] < weights.loss(start, few)[0] / 2


def test_the_committed_document_is_one_of_the_tool() -> None:
    text = weights.FILE.read_text()
    bits = [feature["bits"] for feature in json.loads(text)["features"]]
    assert text == weights.written(weights.document(bits))
    assert LinkageSchema.from_json("again", text).digest == load_schema(weights.FILE.stem).digest


@pytest.mark.slow
def test_the_committed_bits_are_those_that_are_learned() -> None:
    committed = [feature["bits"] for feature in json.loads(weights.FILE.read_text())["features"]]
    learned = weights.learn([registers(*how) for how in weights.DAMAGE])
    assert all(abs(one - other) <= 1 + other // 50 for one, other in zip(learned, committed, strict=True))
