"""Raking: the accepted copies get the mean of the accepted pairs, and no copy stands for too many."""

from __future__ import annotations

import numpy as np
import pytest

from exchange_node.engine.rake import LARGEST, rake

MANY = 10**6


def copies(count: int = 3000) -> tuple[np.ndarray, np.ndarray]:
    random = np.random.default_rng(1)
    features = random.random((count, 4)).astype(np.float32)
    return features, features[:, 0] + features[:, 1] > 0.6


def test_the_accepted_get_the_mean_that_was_opened() -> None:
    features, accepted = copies()
    odds = features[accepted] @ np.array([1.0, -1.0, 0.0, 0.5])
    mean = np.average(features[accepted], axis=0, weights=np.exp(odds))
    weights = rake(features, accepted, mean, MANY, np.ones(len(features)))
    before = features[accepted].mean(axis=0)
    after = np.average(features[accepted], axis=0, weights=weights[accepted])
    assert np.abs(before - mean).max() > 0.05
    assert after == pytest.approx(mean, abs=0.012)  # a ridge holds back a little
    assert weights.mean() == pytest.approx(1) and weights.max() <= LARGEST


def test_a_mean_that_is_there_already_changes_nothing() -> None:
    features, accepted = copies()
    weights = rake(features, accepted, features[accepted].mean(axis=0, dtype=np.float64), MANY, np.ones(len(features)))
    assert weights == pytest.approx(np.ones(len(features)), abs=0.02)


def test_who_is_not_accepted_is_weighed_by_the_same_tilt() -> None:
    features, accepted = copies()
    target = features[accepted].mean(axis=0)
    target[0] += 0.08
    weights = rake(features, accepted, target, MANY, np.ones(len(features)))
    rest = ~accepted
    assert np.corrcoef(features[rest, 0], np.log(weights[rest]))[0, 1] > 0.8


@pytest.mark.parametrize("far", [0.2, 0.45, 3.0, -50.0])
def test_the_cap_holds_however_far_the_mean_is(far: float) -> None:
    features, accepted = copies(600)
    weights = rake(features, accepted, features[accepted].mean(axis=0) + far, MANY, np.ones(len(features)))
    assert np.isfinite(weights).all() and (weights >= 0).all()
    assert weights.max() <= LARGEST * (1 + 1e-9)
    assert weights.mean() == pytest.approx(1)


def test_without_accepted_copies_all_count_alike() -> None:
    features, _ = copies(50)
    none = np.zeros(50, np.bool_)
    assert rake(features, none, features.mean(axis=0), MANY, np.ones(len(features))).tolist() == [1.0] * 50
    none[0] = True
    assert rake(features, none, features.mean(axis=0), MANY, np.ones(len(features))).tolist() == [1.0] * 50


def test_who_is_worth_little_at_first_is_raked_up_where_that_is_needed() -> None:
    features, accepted = copies()
    few = np.random.default_rng(2).random(len(features)) < 0.1
    features[few, 3] = features[few, 3] / 10 - 1  # as no other copy is
    before = np.where(few, 0.05, 1.0)
    before /= before.mean()
    mean = features[accepted].mean(axis=0)
    weights = rake(features, accepted, mean, MANY, before)
    assert before[few].sum() < 0.01 * before.sum() and weights[few].mean() > 4 * before[few].mean()
    there = np.average(features[accepted], axis=0, weights=before[accepted]).astype(np.float64)
    assert rake(features, accepted, there, MANY, before) == pytest.approx(before, rel=0.05)


def test_what_few_pairs_say_moves_the_weights_less() -> None:
    features, accepted = copies()
    mean = features[accepted].mean(axis=0) + np.array([0.1, -0.1, 0.0, 0.0])
    moved = [
        float(np.std(rake(features, accepted, mean, pairs, np.ones(len(features))))) for pairs in (MANY, 5000, 300, 50)
    ]
    assert moved == sorted(moved, reverse=True)
    assert moved[1] > 0.9 * moved[0] and moved[3] < 0.5 * moved[0]


def test_few_pairs_are_believed_more_where_there_are_no_relatives() -> None:
    features, accepted = copies()
    target = features[accepted].mean(axis=0)
    target[0] += 0.08
    off = []
    for relatives in (0.0, 0.5, 1.0, 3.0):
        weights = rake(features, accepted, target, 200, np.ones(len(features)), relatives)
        off.append(target[0] - np.average(features[accepted], axis=0, weights=weights[accepted])[0])
    assert off[0] < off[1] - 0.005 < off[2] - 0.01 and off[3] == off[2]
