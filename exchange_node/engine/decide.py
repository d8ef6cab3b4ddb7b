"""Which pairs are links: the threshold, and how many of the links are right, estimated without labels.

What is known: how many one-to-one pairs there are at each threshold, and from the rehearsals how many of the people
that both registers have should be found there and how often strangers are linked. The number of people in both
registers is what explains the counts best, where both curves may be off by some share everywhere; what is counted
between two thresholds is then divided among right and false links by how unsure either is. The best threshold is the
one with the highest expected F1.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Final

import numpy as np
from numpy.typing import NDArray

from exchange_node.engine.rehearse import THRESHOLDS, Rehearsal

Floats = NDArray[np.float64]
_SHARED: Final = 49
"""Numbers of shared people that are tried at once, and"""
_ZOOMS: Final = 4
"""how often, each time among those that were likely."""
_FACTORS: Final = np.exp(np.linspace(-1.2, 1.2, 17))
"""Factors tried on the number of false links that the rehearsals foretell."""
_FACTOR_SPREAD: Final = 0.4
_TILTS: Final = np.linspace(-0.1, 0.1, 17)
"""Tried on the scores of right links: real pairs are more (or less) alike than copies, by exp(tilt * score)."""
_TILT_SPREAD: Final = 0.03
_STEP: Final = 4
"""Every so many thresholds stand counts that are explained, with curves that may be off by these shares there."""
_RIGHT_ERROR: Final = 0.005
_FALSE_ERROR: Final = 0.1
_SCALE_ERROR: Final = 0.002
"""By this share the curve of right links may be off everywhere alike."""
_NEARBY: Final = 4
_UNLIKELY: Final = 1e-4


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
    """For each of THRESHOLDS, weighed over everything that explains the counts."""

    linked: Floats
    shared: Floats  # (hypotheses,)
    right: Floats  # (hypotheses, thresholds), of the linked
    spread: Floats  # (hypotheses, thresholds), variance of `right`
    found: Floats  # (thresholds,), the share of the shared people linked rightly
    false: Floats  # (hypotheses, thresholds), as foretold
    likely: Floats  # (hypotheses,), sums to 1
    reliable: NDArray[np.bool_]  # (thresholds,), where rehearsals tell of false links

    def f1(self) -> Floats:
        """Expected F1 at each threshold."""
        f1 = self.likely @ (2 * self.right / np.maximum(self.linked + self.shared[:, None], 1))
        return np.where(self.reliable, f1, 0)

    def precision(self) -> Floats:
        """Expected precision at each threshold."""
        return np.asarray(self.likely @ (self.right / np.maximum(self.linked, 1)))


_False = Callable[[Floats], Floats]
"""False links to be expected at each threshold if so many people are shared, (hypotheses, 1) to (..., thresholds)."""


def estimate(scores: Floats, left_rows: int, right_rows: int, rehearsal: Rehearsal) -> Estimate:
    """`scores` of all one-to-one pairs, of which those at THRESHOLDS[0] or above must be there."""

    invented, mistaken = _smooth(rehearsal.invented), _smooth(rehearsal.mistaken)

    def false(shared: Floats) -> Floats:
        of_a_row = (left_rows - shared) * invented + shared * mistaken
        return np.asarray((right_rows - shared) * of_a_row)

    strangers_of_a_row = rehearsal.invented * max(left_rows, right_rows)
    return _explain(scores, min(left_rows, right_rows), false, rehearsal.found, strangers_of_a_row)


def estimate_doubles(scores: Floats, rows: int, rehearsal: Rehearsal) -> Estimate:
    """The same of all pairs of rows of one register; `shared` are the pairs of rows that are one person."""
    return estimate_pairs(scores, rows * (rows - 1) // 2, 2 * max(rows, 1), rows, rehearsal)


def estimate_pairs(scores: Floats, pairs: int, most: int, others: int, rehearsal: Rehearsal) -> Estimate:
    """The same of all of so many pairs of rows, in which no row is used up by another; `shared`, at most `most`, are
    those that are one person, and `others` the rows that one row may be taken for.
    """
    invented = _smooth(rehearsal.invented)

    def false(shared: Floats) -> Floats:
        return invented * pairs + 0 * shared

    strangers_of_a_row = np.where(THRESHOLDS >= -8, rehearsal.invented * others, np.inf)
    return _explain(scores, most, false, rehearsal.found, strangers_of_a_row)


def _explain(scores: Floats, most: float, false: _False, found: Floats, strangers: Floats) -> Estimate:
    """How well each hypothesis explains the counts.

    `strangers`: how many a row without a partner would be linked to at each threshold. From one on the rehearsals tell
    nothing of counts, from a half on nothing of the best threshold.
    """
    linked = len(scores) - np.searchsorted(np.sort(scores), THRESHOLDS).astype(np.float64)
    use = np.flatnonzero(strangers < 1)[::_STEP]
    if not len(use):
        use = np.array([len(THRESHOLDS) - 1])
    curves = _tilted(_smooth(found))
    low, high = 0.0, float(most)
    for _ in range(_ZOOMS):
        levels = np.linspace(low, high, _SHARED)
        logs = _fit(_between(linked[use]), levels, _between(curves[:, use]), _between(false(levels[:, None])[:, use]))
        likely = np.exp(logs - logs.max())
        there = levels[np.any(likely > _UNLIKELY / 10, axis=(1, 2))]
        step = levels[1] - levels[0]
        low, high = max(there[0] - step, 0.0), min(there[-1] + step, most)
    at, factor, tilt = np.nonzero(likely > _UNLIKELY)
    shared, likely = levels[at], likely[at, factor, tilt] / likely[at, factor, tilt].sum()
    foretold = false(shared[:, None]) * _FACTORS[factor][:, None]
    right, spread = _divided(_between(linked), shared[:, None] * _between(curves[tilt]), _between(foretold))
    right = np.minimum(right, shared[:, None])
    return Estimate(linked, shared, right, spread, likely @ curves[tilt], foretold, likely, strangers < 0.5)


def _fit(counts: Floats, levels: Floats, found: Floats, false: Floats) -> Floats:
    """Log likelihood, with the priors, of each number of shared people, factor and tilt.

    Who is linked between two thresholds is not between two others: right counts of so many people are multinomial, with
    covariance `level * found` on the diagonal less `level` times the outer product of `found` (a change of rank one, by
    Sherman and Morrison). So there must be as many people as links where hardly any link can be false, as far as the
    curve is known: of a quarter of a million people its own error says more than who was drawn.
    """
    logs = np.empty((len(levels), len(_FACTORS), len(_TILTS)))
    prior = (np.log(_FACTORS)[:, None] / _FACTOR_SPREAD) ** 2 + (_TILTS / _TILT_SPREAD) ** 2
    for at, level in enumerate(levels):
        right, wrong = level * found, false[at] * _FACTORS[:, None, None]
        spread = right + wrong + 0.5 + (_RIGHT_ERROR * right) ** 2 + (_FALSE_ERROR * wrong) ** 2
        off, share = counts - right - wrong, found / spread
        common = min((_SCALE_ERROR * level) ** 2 - level, 0)
        left = 1 + common * (found * share).sum(axis=-1)
        along = np.log(left) - common / left * (off * share).sum(axis=-1) ** 2
        logs[at] = -0.5 * ((off**2 / spread + np.log(spread)).sum(axis=-1) + along + prior)
    return logs


def _smooth(curve: Floats) -> Floats:
    """A mean over the thresholds nearby: one copy can count for many, and makes steps that are not there."""
    return np.convolve(np.pad(curve, _NEARBY, "edge"), np.ones(2 * _NEARBY + 1) / (2 * _NEARBY + 1), "valid")


def _tilted(found: Floats) -> Floats:
    """The share found for each of _TILTS, (tilts, thresholds); who is not found at all counts as just below."""
    parts = np.append(1 - found[0], _between(found))
    parts = np.maximum(parts, 0) * np.exp(_TILTS[:, None] * np.append(THRESHOLDS[0], THRESHOLDS))
    parts /= np.maximum(parts.sum(axis=1, keepdims=True), 1e-300)
    return _from_top(parts)[:, 1:]


def _divided(counts: Floats, right: Floats, false: Floats) -> tuple[Floats, Floats]:
    """Right links at or above each threshold and their variance: of each count between two, what differs from both
    expectations goes to either by how unsure it is. The errors of _STEP neighbours add up to those above.
    """
    right, false = np.maximum(right, 0), np.maximum(false, 0)
    of_right = right + _STEP * (_RIGHT_ERROR * right) ** 2
    of_false = false + _STEP * (_FALSE_ERROR * false) ** 2
    both = np.maximum(of_right + of_false, 1e-9)
    right = np.clip(right + of_right / both * (counts - right - false), 0, counts)
    return _from_top(right), _from_top(of_right * of_false / both)


def _between(above: Floats) -> Floats:
    """Counts between thresholds, from those at or above each."""
    return np.asarray(above - np.concatenate([above[..., 1:], np.zeros_like(above[..., :1])], axis=-1))


def _from_top(between: Floats) -> Floats:
    """The reverse of `_between`."""
    return np.asarray(np.cumsum(between[..., ::-1], axis=-1)[..., ::-1])


def decide(found: Estimate) -> Decision:
    """The threshold of the highest expected F1 and what to expect of the links at or above it."""
    at = int(np.argmax(found.f1()))
    off = np.sqrt(3 * found.spread[:, at])  # a normal distribution in three points (Gauss and Hermite)
    right = np.concatenate([found.right[:, at], found.right[:, at] - off, found.right[:, at] + off])
    right = np.clip(right, 0, found.linked[at])
    likely = np.concatenate([found.likely * 2 / 3, found.likely / 6, found.likely / 6])
    p, p_low, p_high = _spread(right / max(found.linked[at], 1), likely)
    r, r_low, r_high = _spread(np.minimum(right / np.maximum(np.tile(found.shared, 3), 1), 1), likely)
    return Decision(float(THRESHOLDS[at]), p, p_low, p_high, r, r_low, r_high, float(found.likely @ found.shared), 0)


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
    right = _between(float(found.likely @ found.shared) * found.found)
    false = np.maximum(_between(found.likely @ found.false), 0)
    middle = THRESHOLDS + (THRESHOLDS[1] - THRESHOLDS[0]) / 2
    x = np.column_stack([middle, np.ones(len(middle))])
    beta = np.array([0.5, 0.0])
    ridge = np.diag([1e-3, 1e-3])
    counts = right + false
    for _ in range(100):
        p = 1 / (1 + np.exp(-np.clip(x @ beta, -500, 500)))
        slope = x.T @ (counts * p - right) + ridge @ beta
        bend = (x * (counts * np.maximum(p * (1 - p), 1e-9))[:, None]).T @ x + ridge
        step = np.linalg.solve(bend, slope)
        largest = float(np.abs(step).max())
        if largest < 1e-6:
            break
        beta -= step * min(1.0, 5.0 / largest)
    return float(beta[0]), float(beta[1])


def _spread(values: Floats, likely: Floats) -> tuple[float, float, float]:
    order = np.argsort(values)
    upto = np.cumsum(likely[order])
    low, high = (float(values[order[min(int(np.searchsorted(upto, q)), len(order) - 1)]]) for q in (0.025, 0.975))
    return min(float(likely @ values), 1.0), low, high
