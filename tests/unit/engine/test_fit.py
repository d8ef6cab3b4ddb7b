"""The regression: known weights come back, examples count by their weight, a few examples say little."""

from __future__ import annotations

import numpy as np
import pytest

from exchange_node.encoding.vectors import Weights
from exchange_node.engine.fit import RIDGE, fit

TRUE = np.array([3.0, -2.0, 0.0, 1.0])
CONSTANT = -1.5


def examples(count: int, seed: int = 0) -> tuple[np.ndarray, np.ndarray]:
    """Features of pairs of both kinds, drawn by the model that is to be found."""
    random = np.random.default_rng(seed)
    x = random.random((count, len(TRUE))).astype(np.float32)
    one_person = random.random(count) < 1 / (1 + np.exp(-(x @ TRUE + CONSTANT)))
    return x[one_person], x[~one_person]


def even(one: np.ndarray, other: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    return np.ones(len(one)), np.ones(len(other))


def test_known_weights_come_back() -> None:
    sides = examples(60_000)
    found = fit(*sides, *even(*sides))
    assert found.features == pytest.approx(TRUE, abs=0.12)
    assert found.constant == pytest.approx(CONSTANT, abs=0.12)


def test_the_start_does_not_change_where_it_ends() -> None:
    sides = examples(3000)
    plain = fit(*sides, *even(*sides))
    other = fit(*sides, *even(*sides), Weights(np.array([5.0, 5.0, -5.0, 0.0]), 4.0))
    assert other.features == pytest.approx(plain.features, abs=0.02)
    assert other.constant == pytest.approx(plain.constant, abs=0.02)


def test_an_example_that_counts_twice_is_two_examples() -> None:
    one, other = examples(2000)
    repeated = fit(np.repeat(one, 3, axis=0), other, *even(np.repeat(one, 3, axis=0), other))
    weighed = fit(one, other, np.full(len(one), 3.0), np.ones(len(other)))
    assert weighed.features == pytest.approx(repeated.features, abs=0.01)
    assert weighed.constant == pytest.approx(repeated.constant, abs=0.01)
    half = np.arange(len(other)) % 2 == 0
    left_out = fit(one, other[half], *even(one, other[half]))
    nothing = fit(one, other, np.ones(len(one)), np.where(half, 1.0, 0.0))
    assert nothing.features == pytest.approx(left_out.features, rel=0.1, abs=0.1)


def test_the_constant_counts_how_often_either_kind_comes() -> None:
    one, other = examples(20_000)
    once = fit(one, other, *even(one, other))
    rare = fit(one, other, np.ones(len(one)), np.full(len(other), 100.0))
    assert rare.constant - once.constant == pytest.approx(-np.log(100), abs=0.35)


def test_the_ridge_keeps_weights_finite_and_small() -> None:
    one, other = np.full((20, 2), [1.0, 0.5], np.float32), np.full((20, 2), [0.0, 0.5], np.float32)
    found = fit(one, other, *even(one, other))  # the first tells all apart, the second nothing
    assert 0 < found.features[0] < 20
    assert found.features[1] == pytest.approx(0, abs=1e-3)
    many = np.repeat(one, 50, axis=0), np.repeat(other, 50, axis=0)
    assert fit(*many, *even(*many)).features[0] > found.features[0], "more examples say more"


def test_it_is_the_best_under_the_ridge() -> None:
    one, other = examples(500, seed=4)
    found = fit(one, other, *even(one, other))
    x, y = np.concatenate([one, other]).astype(float), np.repeat([1.0, 0.0], [len(one), len(other)])
    mean = (one.mean(axis=0) + other.mean(axis=0)) / 2
    spread = np.sqrt((((one - mean) ** 2).mean(axis=0) + ((other - mean) ** 2).mean(axis=0)) / 2)
    p = 1 / (1 + np.exp(-(x @ found.features + found.constant)))
    slope = (x.T @ (p - y)) / spread + RIDGE * found.features * spread
    assert np.abs(slope).max() < 1
    assert abs((p - y).sum()) < 1
