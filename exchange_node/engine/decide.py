"""Which pairs are links: the threshold, and how many of the links are right, estimated without labels.

What is known: how many one-to-one pairs there are at each threshold, how many of those look like relatives, and from
the rehearsals how many of the people that both registers have should be found there and how often strangers are linked.
Each curve may be off, by a share that changes slowly along the scores. How many people are shared and how far the
curves are off is what explains the counts best; how sure that is, is told by a thousand draws of what else explains
them about as well. The best threshold is the one with the highest F1 that the pairs' own probabilities foretell.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Final

import numpy as np
from numpy.typing import NDArray

from exchange_node.engine.rehearse import THRESHOLDS, Rehearsal

Floats = NDArray[np.float64]
_MIDDLE: Final = THRESHOLDS + (THRESHOLDS[1] - THRESHOLDS[0]) / 2
_NEARBY: Final = 4
_RIGHT_STEP: Final = 0.22
_FALSE_STEP: Final = 0.35
_MISSED_STEP: Final = 0.6
_RELATIVES_STEP: Final = 0.5
_EVERY: Final = 2.5
"""Logarithms of the curves' errors are random walks along the scores, with a normal step of these deviations every so
many log odds: downwards for right links, one step more for people who are not found, and upwards for false links; all
relatives are off by one step more.
"""
_UP: Final = np.clip((THRESHOLDS[:, None] - np.arange(THRESHOLDS[0], THRESHOLDS[-1], _EVERY)) / _EVERY, 0, 1)
_COLUMN: Final = np.ones((len(THRESHOLDS), 1))
_NONE: Final = 0 * _COLUMN
_RIGHT: Final = np.hstack([_COLUMN, _RIGHT_STEP * (1 - _UP), _NONE, 0 * _UP, _NONE])
_MISSED: Final = np.hstack([_RIGHT[0, : 1 + _UP.shape[1]], _MISSED_STEP, 0 * _UP[0], 0])
_STRANGERS: Final = np.hstack([_NONE, 0 * _UP, _NONE, _FALSE_STEP * _UP, _NONE])
_RELATIVES: Final = np.hstack([_STRANGERS[:, :-1], _RELATIVES_STEP * _COLUMN])
"""What is not known is one vector: the logarithm of the number of people, then the steps. These say how much each of it
adds to the logarithm of the links between each threshold and the next: right ones, those missed, strangers, relatives.
"""
_RIGHT_MEAN: Final = np.exp(-0.5 * (_RIGHT[:, 1:] ** 2).sum(axis=1))
_MISSED_MEAN: Final = np.exp(-0.5 * (_MISSED[1:] ** 2).sum())
"""So that the walks leave the number of people at each score as foretold, on average."""
_ODDS_ERROR: Final = 0.8
"""Standard deviation of the error that log odds have in common."""
_DRAWS: Final = 1000
_ROUNDS: Final = 50
_CURVE_RIDGE: Final = 1e-3
_JUST: Final = 3.0
"""So many log odds above the threshold are only just found."""
_LEAST: Final = 1e-9


@dataclass(frozen=True, slots=True)
class Decision:
    """`threshold` in log odds. Everything else is an estimate at that threshold, with intervals of 95 %."""

    threshold: float
    precision: float
    precision_low: float
    precision_high: float
    recall: float
    recall_low: float
    recall_high: float
    shared: float
    """People that stand in both registers."""
    uncertain: int
    """Links with a probability under 0.9, and pairs not linked with one above 0.1."""


@dataclass(frozen=True, slots=True, repr=False)
class Estimate:
    """For each of THRESHOLDS. What is not known is drawn: all draws are as likely."""

    linked: Floats
    right: Floats  # (draws, thresholds), of the linked
    shared: Floats  # (draws,)
    found: Floats  # the share of the shared people linked rightly, as expected
    false: Floats  # as expected
    reliable: NDArray[np.bool_]  # where rehearsals tell of false links

    def f1(self) -> Floats:
        """Expected F1 at each threshold, from each pair's `posterior`: where pairs are few, the draws follow chance."""
        right = _from_top(_between(self.linked) * posterior(self, _MIDDLE))
        return np.where(self.reliable, 2 * right / np.maximum(self.linked + self.shared.mean(), 1), 0)

    def precision(self) -> Floats:
        """Expected precision at each threshold."""
        return np.asarray(self.right.mean(axis=0) / np.maximum(self.linked, 1))


_Strangers = Callable[[float], Floats]
"""Links of strangers to be expected at each threshold if so many people are shared."""


def estimate(scores: Floats, left_rows: int, right_rows: int, rehearsal: Rehearsal, relatives: Floats) -> Estimate:
    """`scores` of all one-to-one pairs, of which those at THRESHOLDS[0] or above must be there; `relatives`: how many
    pairs at or above each threshold seem to be of two relatives.
    """

    def strangers(shared: float) -> Floats:
        return strangers_linked(rehearsal, left_rows, right_rows, shared)

    of_a_row = rehearsal.invented * max(left_rows, right_rows)
    return _explain(scores, min(left_rows, right_rows), left_rows, strangers, relatives, rehearsal, of_a_row)


def strangers_linked(rehearsal: Rehearsal, left_rows: int, right_rows: int, shared: float) -> Floats:
    """How many are foretold at each threshold if so many people are shared.

    A row is free, here as there, if it is not its own person's link: where all people are shared some are missed.
    """
    free = right_rows - shared * float(rehearsal.found[0])
    return free * ((left_rows - shared) * _smooth(rehearsal.invented) + shared * _smooth(rehearsal.mistaken))


def estimate_by_odds(odds: Floats) -> Estimate:
    """The same of pairs whose scores are the log odds that they are one person, known but for an error that all have in
    common; `shared` are the pairs that are.
    """
    linked = len(odds) - np.searchsorted(np.sort(odds), THRESHOLDS).astype(np.float64)
    counts = _between(linked)
    random = np.random.default_rng(1)
    off = _ODDS_ERROR * random.standard_normal((_DRAWS, 1))
    good = _from_top(random.binomial(counts.astype(np.int64), along((1.0, 0.0), _MIDDLE + off)).astype(np.float64))
    right = _from_top(counts * along((1.0, 0.0), _MIDDLE))
    found = right / max(right[0], _LEAST)
    return Estimate(linked, good, good[:, 0], found, linked - right, np.ones(len(linked), np.bool_))


def estimate_pairs(scores: Floats, pairs: int, most: int, others: int, rehearsal: Rehearsal) -> Estimate:
    """The same of all of so many pairs of rows, in which no row is used up by another; `shared`, at most `most`, are
    those that are one person, and `others` the rows that one row may be taken for.
    """
    invented = _smooth(rehearsal.invented) * pairs
    of_a_row = np.where(THRESHOLDS >= -8, rehearsal.invented * others, np.inf)
    none = np.zeros(len(THRESHOLDS))
    return _explain(scores, most, pairs / max(others, 1), lambda shared: invented, none, rehearsal, of_a_row)


def _explain(
    scores: Floats,
    most: float,
    rows: float,
    strangers: _Strangers,
    relatives: Floats,
    rehearsal: Rehearsal,
    of_a_row: Floats,
) -> Estimate:
    """What explains the counts best, by Fisher scoring, and draws of what does so about as well (Laplace).

    `rows` are looked for. `of_a_row`: how many strangers a row without a partner would be linked to at each threshold.
    From a half on, where rows are used up by others, the rehearsals tell nothing of counts.
    """
    linked = len(scores) - np.searchsorted(np.sort(scores), THRESHOLDS).astype(np.float64)
    counts, use = _between(linked), of_a_row < 0.5
    use[-1] = True
    above = _smooth(rehearsal.found)
    found = (np.maximum(_between(above), 0) + _LEAST) * _RIGHT_MEAN
    lost = (max(1 - above[0], 0) + 0.5 / rehearsal.copies) * _MISSED_MEAN
    kin = np.maximum(_between(_smooth(relatives)), _LEAST)
    unknown = np.zeros(len(_MISSED))
    half = int(np.argmin(np.abs(above - above[0] / 2)))  # strangers are rare there
    unknown[0] = np.log(np.clip(linked[half] / max(above[half], _LEAST), 1, most))
    walked = np.append(0, np.ones(len(unknown) - 1))
    for _ in range(_ROUNDS):
        right, missed = found * np.exp(_RIGHT @ unknown), lost * np.exp(_MISSED @ unknown)
        shared = float(right.sum() + missed)
        foretold = np.maximum(_between(strangers(min(shared, most))), _LEAST)
        strange, related = foretold * np.exp(_STRANGERS @ unknown), kin * np.exp(_RELATIVES @ unknown)
        wrong = strange + related
        # A count foretold from so many copies is as unsure as a count of them.
        spread = right * (1 + shared / rehearsal.copies) + wrong * (1 + rows / rehearsal.copies)
        slopes = right[:, None] * _RIGHT + strange[:, None] * _STRANGERS + related[:, None] * _RELATIVES
        weighed = (slopes / spread[:, None])[use]
        bend = weighed.T @ slopes[use] + np.diag(walked)
        pull = weighed.T @ (counts - right - wrong)[use] - walked * unknown
        of_most = np.exp(unknown[0]) / most  # the number of people has an exponential distribution around all rows
        bend[0, 0] += of_most
        pull[0] += 1 - of_most
        step = np.linalg.solve(bend, pull)
        unknown = unknown + step / max(1.0, float(np.abs(step).max()))
    random = np.random.default_rng(1)
    draws = unknown + random.standard_normal((_DRAWS, len(unknown))) @ np.linalg.cholesky(np.linalg.inv(bend)).T
    rights = found * np.exp(draws @ _RIGHT.T)
    wrongs = foretold * np.exp(draws @ _STRANGERS.T) + kin * np.exp(draws @ _RELATIVES.T)
    good = random.binomial(counts.astype(np.int64), rights / (rights + wrongs)).astype(np.float64)
    unseen = random.poisson(rights[:, ~use].sum(axis=1) + lost * np.exp(draws @ _MISSED))
    people = np.minimum(good[:, use].sum(axis=1) + unseen, most)
    above = np.minimum(_from_top(good), people[:, None])
    return Estimate(linked, above, people, _from_top(right) / shared, _from_top(wrong), use)


def _smooth(curve: Floats) -> Floats:
    """A mean over the thresholds nearby: one copy can count for many, and makes steps that are not there."""
    return np.convolve(np.pad(curve, _NEARBY, "edge"), np.ones(2 * _NEARBY + 1) / (2 * _NEARBY + 1), "valid")


def _between(above: Floats) -> Floats:
    """Counts between thresholds, from those at or above each."""
    return np.asarray(above - np.append(above[1:], 0))


def _from_top(between: Floats) -> Floats:
    """The reverse of `_between`."""
    return np.asarray(np.cumsum(between[..., ::-1], axis=-1)[..., ::-1], np.float64)


def decide(found: Estimate, least: float = 0.0) -> Decision:
    """The threshold of the highest expected F1 and what to expect of the links at or above it. `least`: where fewer of
    them would be right, the highest threshold: where nobody is shared F1 says to link the best pair all the same.
    """
    at = int(np.argmax(found.f1()))
    if found.right[:, at].mean() < least:
        at = len(THRESHOLDS) - 1
    right = found.right[:, at]
    precision = _spread(right / found.linked[at]) if found.linked[at] else (0.0, 0.0, 1.0)
    recall = _spread(right / np.maximum(found.shared, 1))
    return Decision(float(THRESHOLDS[at]), *precision, *recall, float(found.shared.mean()), 0)


def decide_by_odds(odds: Floats, threshold: float, copies: Floats, worth: Floats) -> Decision:
    """What to expect of links that have these log odds and were chosen by this threshold.

    Below it log odds foretell too many doubles, since each of the many pairs that are likely none counts a little. How
    many are missed is told by those that are only just found, and by how copies go on from there, which have the log
    odds `copies` and of which each is `worth` so much.
    """
    right = estimate_by_odds(odds).right
    found = right[:, 0]
    just = found - right[:, np.searchsorted(THRESHOLDS[:-1], threshold + _JUST)]
    above, near = copies >= threshold, copies < threshold + _JUST
    foretold = worth * found.mean() / max(worth[above].sum(), worth.mean())
    random = np.random.default_rng(1)
    more = random.gamma(1 + just) / (1 + foretold[above & near].sum())
    more *= np.exp(_MISSED_STEP * random.standard_normal(_DRAWS) - _MISSED_STEP**2 / 2)
    shared = found + random.poisson(more * foretold[~above].sum())
    precision, recall = _spread(found / max(len(odds), 1)), _spread(found / np.maximum(shared, 1))
    return Decision(threshold, *precision, *recall, float(shared.mean()), 0)


def _spread(drawn: Floats) -> tuple[float, float, float]:
    low, high = np.quantile(drawn, (0.025, 0.975))
    return float(drawn.mean()), float(low), float(high)


def posterior(found: Estimate, scores: Floats) -> Floats:
    """The probability of each pair, from its score."""
    return along(curve(found), scores)


def along(curve: tuple[float, float], scores: Floats) -> Floats:
    """The probabilities on such a curve."""
    slope, level = curve
    return np.asarray(1 / (1 + np.exp(-np.clip(slope * scores + level, -500, 500))))


def curve(found: Estimate) -> tuple[float, float]:
    """Slope and level of the log odds of a pair by its score: a logistic curve through the expected counts of right and
    false pairs between thresholds.
    """
    right = _between(float(found.shared.mean()) * found.found)
    counts = right + _between(found.false)
    x = np.column_stack([_MIDDLE, np.ones(len(_MIDDLE))])

    def loss(beta: Floats) -> float:
        odds = x @ beta
        return float(counts @ np.logaddexp(0, odds) - right @ odds + _CURVE_RIDGE / 2 * beta @ beta)

    beta = np.array([0.5, 0.0])
    for _ in range(_ROUNDS):
        p = along((beta[0], beta[1]), _MIDDLE)
        slope = x.T @ (counts * p - right) + _CURVE_RIDGE * beta
        bend = (x * (counts * p * (1 - p))[:, None]).T @ x + _CURVE_RIDGE * np.eye(2)
        step, size = np.linalg.solve(bend, slope), 1.0
        while loss(beta - size * step) > loss(beta) and size > _LEAST:
            size /= 2
        beta = beta - size * step
    return float(beta[0]), float(beta[1])
