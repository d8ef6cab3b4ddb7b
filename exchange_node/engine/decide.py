"""Which pairs are links: the threshold, and how many of the links are right, estimated without labels.

What is known: how many one-to-one pairs there are at each threshold, and from the rehearsals how many of the people
that both registers have should be found there and how often strangers are linked. The number of people in both
registers is what explains the counts best; the best threshold is the one with the highest expected F1.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

import numpy as np
from numpy.typing import NDArray

from exchange_node.engine.rehearse import THRESHOLDS, Rehearsal

Floats = NDArray[np.float64]
_SHARED: Final = 401
"""Numbers of shared people that are tried."""
_FACTORS: Final = np.exp(np.linspace(-1.5, 1.5, 31))
"""Factors tried on the number of false links that the rehearsals foretell."""
_FACTOR_SPREAD: Final = 0.5
_MODEL_ERROR: Final = 0.01
"""How far the rehearsals' curves may be off by no chance: as if they rested on 1 / _MODEL_ERROR^2 people."""


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
    found: Floats  # (thresholds,), the share of the shared people linked rightly
    false: Floats  # (hypotheses, thresholds)
    likely: Floats  # (hypotheses,), sums to 1
    reliable: NDArray[np.bool_]  # (thresholds,), where rehearsals tell of false links

    def wrong(self) -> Floats:
        """False links for each hypothesis and threshold: as foretold, and at least those that the shared people cannot
        account for, since counts at low thresholds are not explained by anything.
        """
        most = self.shared[:, None] * self.found * (1 + 4 * _MODEL_ERROR)
        return np.asarray(np.minimum(np.maximum(self.false, self.linked - most), self.linked))

    def f1(self) -> Floats:
        """Expected F1 at each threshold."""
        right = self.linked - self.wrong()
        f1 = self.likely @ (2 * right / np.maximum(self.linked + self.shared[:, None], 1))
        return np.where(self.reliable, f1, 0)

    def precision(self) -> Floats:
        """Expected precision at each threshold."""
        return np.asarray(self.likely @ (1 - self.wrong() / np.maximum(self.linked, 1)))


def estimate(scores: Floats, left_rows: int, right_rows: int, rehearsal: Rehearsal) -> Estimate:
    """`scores` of all one-to-one pairs, of which those at THRESHOLDS[0] or above must be there."""
    shared, factor = _hypotheses(min(left_rows, right_rows))
    free = right_rows - shared
    false = factor * free * ((left_rows - shared) * rehearsal.invented + shared * rehearsal.mistaken)
    strangers_of_a_row = rehearsal.invented * max(left_rows, right_rows)
    return _explain(scores, shared, factor, false, rehearsal.found, strangers_of_a_row)


def estimate_doubles(scores: Floats, rows: int, rehearsal: Rehearsal) -> Estimate:
    """The same of all pairs of rows of one register; `shared` are the pairs of rows that are one person."""
    return estimate_pairs(scores, rows * (rows - 1) // 2, 2 * max(rows, 1), rows, rehearsal)


def estimate_pairs(scores: Floats, pairs: int, most: int, others: int, rehearsal: Rehearsal) -> Estimate:
    """The same of all of so many pairs of rows, in which no row is used up by another; `shared`, at most `most`, are
    those that are one person, and `others` the rows that one row may be taken for.
    """
    shared, factor = _hypotheses(most)
    false = factor * rehearsal.invented * pairs + 0 * shared
    strangers_of_a_row = np.where(THRESHOLDS >= -8, rehearsal.invented * others, np.inf)
    return _explain(scores, shared, factor, false, rehearsal.found, strangers_of_a_row)


def _hypotheses(most: int) -> tuple[Floats, Floats]:
    """Numbers of shared people and factors on the false links, each with each, shape (hypotheses, 1)."""
    shared = np.repeat(np.linspace(0, most, _SHARED), len(_FACTORS))[:, None]
    return shared, np.tile(_FACTORS, _SHARED)[:, None]


def _explain(
    scores: Floats, shared: Floats, factor: Floats, false: Floats, found: Floats, strangers: Floats
) -> Estimate:
    """How well each hypothesis explains the counts.

    `strangers`: how many a row without a partner would be linked to at each threshold. From one on the rehearsals tell
    nothing of counts, from a half on nothing of the best threshold.
    """
    linked = len(scores) - np.searchsorted(np.sort(scores), THRESHOLDS).astype(np.float64)
    use = np.flatnonzero(strangers < 1)[::4]
    if not len(use):
        use = np.array([len(THRESHOLDS) - 1])
    counts, model = _between(linked[use]), _between((shared * found + false)[:, use])
    spread = 1 + _MODEL_ERROR**2 * linked[use[0]]
    off = (counts - model) ** 2 / ((model + 1) * spread)
    logs = -0.5 * off.sum(axis=1) - 0.5 * (np.log(factor[:, 0]) / _FACTOR_SPREAD) ** 2
    likely = np.exp(logs - logs.max())
    kept = likely > 1e-6 * likely.max()
    return Estimate(linked, shared[kept, 0], found, false[kept], likely[kept] / likely[kept].sum(), strangers < 0.5)


def _between(from_top: Floats) -> Floats:
    """Counts between neighbouring thresholds, and above the last."""
    return np.asarray(from_top - np.concatenate([from_top[..., 1:], np.zeros((*from_top.shape[:-1], 1))], axis=-1))


def decide(found: Estimate) -> Decision:
    """The threshold of the highest expected F1 and what to expect of the links at or above it."""
    at = int(np.argmax(found.f1()))
    precision = 1 - found.wrong()[:, at] / max(found.linked[at], 1)
    recall = np.minimum(found.linked[at] * precision / np.maximum(found.shared, 1), 1)
    p, p_low, p_high = _spread(precision, found.likely)
    r, r_low, r_high = _spread(recall, found.likely)
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
