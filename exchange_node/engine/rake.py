"""Raking: the error model's copies, weighted so that they differ from their originals as real pairs do on average."""

from __future__ import annotations

from typing import Final

import numpy as np
from numpy.typing import NDArray

from exchange_node.encoding.vectors import Floats

RIDGE: Final = 0.05
OF_FEW: Final = 100.0
"""Divided by the number of pairs, what the ridge is more: among few pairs a few wrong ones move the mean, and copies
raked to it would teach the weights that wrong pairs are right.
"""
LARGEST: Final = 12.0
"""No copy counts more than this many times the average."""
_STEPS: Final = 60


FEWEST: Final = 0.12
"""Weights must be worth at least this share of the copies (Kish's effective size), or less is asked of them."""


def rake(
    copies: Floats,
    accepted: NDArray[np.bool_],
    mean: NDArray[np.float64],
    pairs: int,
    before: NDArray[np.float64],
    relatives: float = 1.0,
) -> NDArray[np.float64]:
    """Weights of the copies, mean 1, exponential in their features, under which the accepted ones have this mean.
    `before`: what they are worth if nothing is known, mean 1. `relatives`: how many a row has, as far as that is known;
    where there are none, hardly any pair is wrong.

    `mean` is that of so many accepted pairs between the registers, the one thing about pairs that is opened; only
    copies that would have been accepted are held against it. Exponential tilting is what changes the copies least
    (Deming and Stephan 1940; Deville and Sarndal 1992). A ridge on unit spread and a cap keep a few copies from
    standing for all.
    """
    if accepted.sum() < 2:
        return before
    middle, spread = copies.mean(axis=0), copies.std(axis=0) + 1e-3
    x = ((copies - middle) / spread).astype(np.float64)
    target = (mean - middle) / spread
    ridge = RIDGE + OF_FEW * min(relatives, 1.0) / pairs
    weights = _tilt(x, accepted, target, ridge, before)
    while weights.sum() ** 2 / np.sum(weights**2) < FEWEST * len(x):
        ridge *= 2
        weights = _tilt(x, accepted, target, ridge, before)
    return weights


def _tilt(
    x: NDArray[np.float64],
    accepted: NDArray[np.bool_],
    target: NDArray[np.float64],
    ridge: float,
    before: NDArray[np.float64],
) -> NDArray[np.float64]:
    """Newton's method on the convex dual."""
    tilt = np.zeros(x.shape[1])
    weights = before
    for _ in range(_STEPS):
        share = weights * accepted
        share /= share.sum()
        now = share @ x
        slope = now - target + ridge * tilt
        if np.abs(slope).max() < 1e-3:
            break
        curve = (x * share[:, None]).T @ x - np.outer(now, now) + (ridge + 1e-3) * np.eye(len(tilt))
        step = np.linalg.solve(curve, slope)
        tilt -= step * min(1.0, 2.0 / float(np.abs(step).max()))
        weights = _tilted(x @ tilt + np.log(before))
    return weights


def _tilted(logs: NDArray[np.float64]) -> NDArray[np.float64]:
    weights = np.exp(np.clip(logs, -30, 30) - min(float(logs.max()), 30.0))
    ordered = np.sort(weights)[::-1]
    behind = ordered[::-1].cumsum()[::-1]
    capped = np.arange(min(len(weights), -int(-len(weights) // LARGEST)))  # so many, with the others' sum at the mean
    factors = (len(weights) - LARGEST * capped) / behind[capped]
    fits = np.flatnonzero(factors * ordered[capped] <= LARGEST)
    return np.asarray(np.minimum(weights * factors[fits[0] if len(fits) else -1], LARGEST))
