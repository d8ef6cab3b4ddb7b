"""The decision on counts whose truth is known, since they were drawn from the curves themselves."""

from __future__ import annotations

from statistics import NormalDist

import numpy as np
import pytest

from exchange_node.engine.decide import (
    Estimate,
    decide,
    decide_by_odds,
    estimate,
    estimate_by_odds,
    posterior,
    strangers_linked,
)
from exchange_node.engine.rehearse import THRESHOLDS, Rehearsal

PEOPLE, STRANGERS = NormalDist(14, 5), NormalDist(-4, 2.5)
NOBODY = 0 * THRESHOLDS
"""No relatives at any threshold."""


def above(scores: NormalDist) -> np.ndarray:
    return np.array([1 - scores.cdf(at) for at in THRESHOLDS])


def rehearsed(rows: int) -> Rehearsal:
    """Of a register with so many rows: every hidden copy finds one stranger, at a score drawn from STRANGERS."""
    return Rehearsal(above(PEOPLE), NOBODY, above(STRANGERS) / rows)


def drawn(left: int, right: int, shared: int, seed: int = 1, factor: float = 1.0) -> tuple[np.ndarray, np.ndarray]:
    """Scores of one-to-one pairs and which are right; each person of the left alone meets a free row."""
    random = np.random.default_rng(seed)
    false = random.poisson(factor * (left - shared) * (right - shared) / right)
    scores = np.concatenate(
        [random.normal(PEOPLE.mean, PEOPLE.stdev, shared), random.normal(STRANGERS.mean, STRANGERS.stdev, false)]
    )
    return scores, np.arange(len(scores)) < shared


def truth(scores: np.ndarray, right: np.ndarray, threshold: float) -> tuple[float, float]:
    linked = scores >= threshold
    return float(right[linked].mean()), float(right[linked].sum() / right.sum())


@pytest.mark.parametrize("factor", [0.6, 1.0, 1.6])
@pytest.mark.parametrize(("left", "right", "shared"), [(5000, 4000, 3000), (4000, 9000, 800), (3000, 3000, 2000)])
def test_estimates_are_near_the_truth(left: int, right: int, shared: int, factor: float) -> None:
    scores, good = drawn(left, right, shared, factor=factor)
    found = estimate(scores, left, right, rehearsed(right), NOBODY)
    decision = decide(found)
    precision, recall = truth(scores, good, decision.threshold)
    assert decision.precision == pytest.approx(precision, abs=0.02)
    assert decision.recall == pytest.approx(recall, abs=0.04)
    assert decision.precision_low - 0.01 <= precision <= decision.precision_high + 0.01
    assert decision.recall_low - 0.01 <= recall <= decision.recall_high + 0.01
    assert decision.shared == pytest.approx(shared, rel=0.05)
    best = max(f1(scores, good, at) for at in THRESHOLDS)
    assert f1(scores, good, decision.threshold) > best - 0.01


def f1(scores: np.ndarray, good: np.ndarray, threshold: float) -> float:
    linked = scores >= threshold
    return float(2 * good[linked].sum() / (linked.sum() + good.sum()))


@pytest.mark.parametrize(("left", "right", "shared"), [(8000, 4000, 4000), (4000, 4000, 3980), (4000, 8000, 3950)])
def test_one_file_almost_inside_the_other(left: int, right: int, shared: int) -> None:
    scores, good = drawn(left, right, shared)
    decision = decide(estimate(scores, left, right, rehearsed(right), NOBODY))
    precision, recall = truth(scores, good, decision.threshold)
    assert precision > 0.97 and recall > 0.97
    assert decision.precision_low - 0.02 <= precision <= decision.precision_high + 0.02
    assert decision.recall_low - 0.02 <= recall <= decision.recall_high + 0.02


@pytest.mark.parametrize("seed", [1, 2, 3])
def test_nobody_shared(seed: int) -> None:
    scores, _ = drawn(3000, 3000, 0, seed)
    decision = decide(estimate(scores, 3000, 3000, rehearsed(3000), NOBODY))
    assert decision.shared < 30
    assert decision.precision_low < 0.2 and decision.precision < 0.6, "what is linked is not believed in"
    assert np.sum(scores >= decision.threshold) < 60


def test_no_pairs_at_all() -> None:
    decision = decide(estimate(np.empty(0), 100, 100, rehearsed(100), NOBODY))
    assert decision.shared < 10 and 0 <= decision.precision_low <= decision.precision_high <= 1
    assert np.isfinite(decision.recall)


def checked(found: Estimate) -> None:
    assert (found.f1() >= 0).all() and (found.f1() <= 1.03).all()
    assert (found.precision() >= 0).all() and (found.precision() <= 1 + 1e-9).all()
    assert (found.right >= 0).all() and (found.right <= found.linked + 1e-9).all()
    assert (found.right <= found.shared[:, None] + 1e-9).all(), "more right links than people"


def test_right_links_are_no_more_than_the_people_there_are() -> None:
    """Strangers ten times as many as the rehearsals said, at thresholds too low to be looked at."""
    scores, _ = drawn(2000, 2000, 300)
    many = np.random.default_rng(0).normal(-9, 1, 1700)
    found = estimate(np.concatenate([scores, many]), 2000, 2000, rehearsed(2000), NOBODY)
    checked(found)
    assert decide(found).threshold > -6
    doubles = estimate_by_odds(np.concatenate([scores, np.repeat(many, 10)]))
    checked(doubles)


def test_probabilities_rise_with_the_score_and_are_right_on_average() -> None:
    scores, good = drawn(5000, 4000, 3000)
    found = estimate(scores, 5000, 4000, rehearsed(4000), NOBODY)
    probability = posterior(found, scores)
    assert (np.diff(probability[np.argsort(scores)]) >= 0).all()
    assert ((probability >= 0) & (probability <= 1)).all()
    assert probability.sum() == pytest.approx(good.sum(), rel=0.03)
    for low, high in ((0, 0.1), (0.1, 0.9), (0.9, 1.1)):
        here = (probability >= low) & (probability < high)
        assert good[here].mean() == pytest.approx(probability[here].mean(), abs=0.2), (low, high)


@pytest.mark.parametrize("off", [-0.4, 0, 0.4])
def test_pairs_whose_odds_are_known(off: float) -> None:
    """The odds may be off, by the same for all pairs: the intervals hold what is true then."""
    random = np.random.default_rng(3)
    odds = np.concatenate([random.normal(7, 4, 500), random.normal(-7, 3, 20_000)])
    good = random.random(len(odds)) < 1 / (1 + np.exp(-odds - off))
    explained = estimate_by_odds(odds)
    checked(explained)
    decision = decide(explained)
    precision, recall = truth(odds, good, decision.threshold)
    assert decision.precision == pytest.approx(precision, abs=0.06 if off else 0.015)
    assert decision.precision_low <= precision <= decision.precision_high
    assert decision.recall_low <= recall <= decision.recall_high
    assert f1(odds, good, decision.threshold) > max(f1(odds, good, at) for at in THRESHOLDS) - 0.01


@pytest.mark.parametrize("fewer", [1, 4])
@pytest.mark.parametrize("people", [400, 4000])
def test_missed_doubles_are_told_by_those_just_found(people: int, fewer: int) -> None:
    """Doubles with low odds may be as many as of the copies, or four times fewer: that is seen above the threshold."""
    doubles, copies = (np.array(NormalDist(7, 4).samples(number, seed=5)) for number in (people, 12_000))
    odds = np.concatenate([doubles[doubles >= 3], np.sort(doubles[doubles < 3])[::fewer]])
    linked = odds[odds >= 0]
    decision = decide_by_odds(linked, 0.0, copies, np.ones(len(copies)))
    assert decision.recall == pytest.approx(len(linked) / len(odds), abs=0.01)
    assert decision.recall_low <= len(linked) / len(odds) <= decision.recall_high
    alike = decide_by_odds(linked, 0.0, copies[copies >= 3], np.ones(int(np.sum(copies >= 3))))
    assert alike.recall_low == alike.recall == alike.recall_high == 1
    assert alike.precision == decision.precision


@pytest.mark.parametrize("odds", [[], [0.5], [40.0] * 5, [-9.0, 30.0]])
@pytest.mark.parametrize("copies", [[-20.0], [40.0], [-20.0, 0.0, 40.0]])
@pytest.mark.parametrize("threshold", [-15.0, 0.0, 35.0])
def test_few_links_and_copies(odds: list[float], copies: list[float], threshold: float) -> None:
    told = decide_by_odds(np.array(odds), threshold, np.array(copies), np.ones(len(copies)))
    assert 0 <= told.precision_low <= told.precision <= told.precision_high <= 1
    assert 0 <= told.recall_low <= told.recall_high <= 1 and np.isfinite(told.shared)


@pytest.mark.parametrize("odds", [[], [-3.0], [40.0] * 5, [-300.0, 300.0]])
def test_few_odds(odds: list[float]) -> None:
    checked(estimate_by_odds(np.array(odds)))


@pytest.mark.parametrize("counted", [0.7, 1.0, 1.5])
def test_relatives_are_told_by_how_many_pairs_look_like_some(counted: float) -> None:
    """Some of them are as alike as people are; of those one more or less is seen than there are."""
    twins, seed = NormalDist(6, 3), np.random.default_rng(8)
    scores, _ = drawn(4000, 4000, 400)
    both = np.append(scores, seed.normal(twins.mean, twins.stdev, 120))
    good = np.arange(len(both)) < 400
    unknown, known = (
        decide(estimate(both, 4000, 4000, rehearsed(4000), 120 * share * above(twins))) for share in (0, counted)
    )
    for decision, held in ((unknown, False), (known, True)):
        precision, recall = truth(both, good, decision.threshold)
        assert (decision.precision_low <= precision <= decision.precision_high) == held
    assert decision.precision == pytest.approx(precision, abs=0.02)
    assert decision.recall == pytest.approx(recall, abs=0.05)
    assert f1(both, good, known.threshold) > f1(both, good, unknown.threshold)


def test_where_all_people_are_shared_who_is_missed_may_still_be_taken_for_another() -> None:
    mistaken = above(STRANGERS) / 1000
    foretold = [
        strangers_linked(Rehearsal(found * above(PEOPLE), mistaken, mistaken), 1000, 1000, 1000)[0]
        for found in (1.0, 0.98, 0.9)
    ]
    assert foretold[0] < 5 < foretold[1] < foretold[2]


def test_false_links_that_were_foretold_wrongly_where_there_are_many_do_not_move_the_threshold() -> None:
    """Few shared people among many strangers: half as many pairs of strangers as foretold, at low thresholds alone."""
    random = np.random.default_rng(4)
    strangers = random.normal(STRANGERS.mean, STRANGERS.stdev, 4000)
    strangers = strangers[(strangers > -2) | (random.random(len(strangers)) < 0.5)]
    people = random.normal(PEOPLE.mean - 4, PEOPLE.stdev, 200)
    scores, good = np.concatenate([people, strangers]), np.arange(200 + len(strangers)) < 200
    rehearsal = Rehearsal(
        np.array([1 - NormalDist(PEOPLE.mean - 4, PEOPLE.stdev).cdf(at) for at in THRESHOLDS]),
        NOBODY,
        above(STRANGERS) / 4000,
    )
    decision = decide(estimate(scores, 4000, 4000, rehearsal, NOBODY))
    precision, recall = truth(scores, good, decision.threshold)
    assert decision.precision == pytest.approx(precision, abs=0.03)
    assert decision.recall == pytest.approx(recall, abs=0.05)
    assert f1(scores, good, decision.threshold) > max(f1(scores, good, at) for at in THRESHOLDS) - 0.01


@pytest.mark.parametrize("seed", range(6))
def test_a_bump_of_a_few_pairs_does_not_move_the_threshold_off_their_probabilities(seed: int) -> None:
    scores, _ = drawn(10000, 10000, 200, seed)
    bump = np.random.default_rng(seed).uniform(6, 8, 12)
    found = estimate(np.append(scores, bump), 10000, 10000, rehearsed(10000), NOBODY)
    at_threshold = posterior(found, np.array([decide(found).threshold]))
    assert at_threshold == pytest.approx(found.f1().max() / 2, abs=0.1)  # where the best F1 has it


@pytest.mark.parametrize("tilt", [-0.05, 0.05])
def test_people_who_are_more_alike_than_their_copies(tilt: float) -> None:
    """The counts tell it where strangers are few, and so who is not found at all is estimated better."""
    real = NormalDist(PEOPLE.mean + tilt * PEOPLE.stdev**2, PEOPLE.stdev)  # the same curve, tilted
    random = np.random.default_rng(5)
    people = random.normal(real.mean, real.stdev, 3000)
    strangers = random.normal(STRANGERS.mean, STRANGERS.stdev, 1500)
    scores = np.concatenate([people, strangers])
    found = estimate(scores, 4500, 4500, rehearsed(4500), NOBODY)
    assert decide(found).shared == pytest.approx(3000, rel=0.02)
    assert found.found == pytest.approx(above(real), abs=0.02)


@pytest.mark.parametrize("seed", [1, 2, 3])
def test_where_no_link_can_be_false_there_are_as_many_people_as_links(seed: int) -> None:
    """Copies of which a hundredth is never found foretell fewer people; strangers are never alike at all."""
    people = np.random.default_rng(seed).normal(PEOPLE.mean, PEOPLE.stdev, 3000)
    decision = decide(estimate(people, 5000, 5000, Rehearsal(0.99 * above(PEOPLE), NOBODY, NOBODY), NOBODY))
    assert decision.precision > 0.999 and decision.shared >= 2999


@pytest.mark.parametrize("shared", [100, 1000])
def test_people_are_counted_and_not_drawn(shared: int) -> None:
    """Nearly all who are shared are linked, and so their number is as sure as their links: by less than its root."""
    scores, _ = drawn(3000, 3000, shared)
    decision = decide(estimate(scores, 3000, 3000, rehearsed(3000), NOBODY))
    assert decision.recall_high / decision.recall_low - 1 < 2 / np.sqrt(shared)


@pytest.mark.parametrize("hidden", [0.003, 0.006])
def test_of_many_people_the_curve_is_less_sure_than_who_was_drawn(hidden: float) -> None:
    """A few people are less alike than any copy: so little that the curve, and not chance, decides what is told."""
    shared, rows = 600_000, 900_000
    scores, right = drawn(rows, rows, shared)
    few = int(hidden * shared)
    scores[:few] -= np.random.default_rng(1).uniform(4, 14, few)
    decision = decide(estimate(scores, rows, rows, rehearsed(rows), NOBODY))
    _, recall = truth(scores, right, decision.threshold)
    assert decision.recall_low <= recall <= decision.recall_high


def test_intervals_hold_the_truth_where_copies_are_not_quite_like_people() -> None:
    """Forty pairs of registers, whose people are more or less alike than copies and whose strangers are, too."""
    held = []
    for seed in range(40):
        random = np.random.default_rng(seed)
        people = random.normal(PEOPLE.mean, PEOPLE.stdev, 1500) + random.normal(0, 0.7)
        strangers = random.normal(STRANGERS.mean, STRANGERS.stdev, random.poisson(2500)) + random.normal(0, 0.5)
        scores, right = np.concatenate([people, strangers]), np.arange(1500 + len(strangers)) < 1500
        decision = decide(estimate(scores, 4000, 4000, rehearsed(4000), NOBODY))
        precision, recall = truth(scores, right, decision.threshold)
        held.append(decision.precision_low <= precision <= decision.precision_high)
        held.append(decision.recall_low <= recall <= decision.recall_high)
        assert decision.precision_high - decision.precision_low < 0.06
        assert decision.recall_high - decision.recall_low < 0.12
    assert np.mean(held) >= 0.9


@pytest.mark.parametrize("found", [0, 1])
@pytest.mark.parametrize("invented", [0, 1])
@pytest.mark.parametrize("relatives", [0, 1])
@pytest.mark.parametrize("pairs", [0, 1, 50])
def test_rehearsals_that_tell_nothing(found: int, invented: int, relatives: int, pairs: int) -> None:
    flat = np.ones(len(THRESHOLDS))
    scores = np.linspace(-10, 20, pairs)
    told = Rehearsal(found * flat, 0 * flat, invented * flat)
    explained = estimate(scores, max(pairs, 1), 60, told, relatives * (scores[:, None] >= THRESHOLDS).sum(axis=0))
    checked(explained)
    decision = decide(explained)
    assert 0 <= decision.precision_low <= decision.precision_high <= 1
    assert 0 <= decision.recall_low <= decision.recall_high <= 1


def test_where_less_than_one_link_would_be_right_none_is_made() -> None:
    explained = estimate_by_odds(np.array([-3.0, -9.0]))
    assert decide(explained).threshold < -3
    decision = decide(explained, least=0.5)
    assert decision.threshold == THRESHOLDS[-1]
    assert (decision.precision, decision.precision_low, decision.precision_high) == (0, 0, 1)
    assert decide(estimate_by_odds(np.array([1.0, -9.0])), least=0.5).threshold < 1
