"""Logistic regression with weights on the examples: what agreement on each feature is worth."""

from __future__ import annotations

from typing import Final

import numpy as np
from numpy.typing import NDArray

from exchange_node.encoding.vectors import Floats, Weights

RIDGE: Final = 3.0
"""Pull towards 0 on features of unit spread, in examples: it keeps what a few examples say small."""
_STEPS: Final = 50


def fit(
    positive: Floats,
    negative: Floats,
    positive_weight: NDArray[np.float64],
    negative_weight: NDArray[np.float64],
    start: Weights | None = None,
) -> Weights:
    """Features of pairs that are one person, and of pairs that are not; the least-squares steps of Newton's method
    (McCullagh and Nelder 1989) with step halving. Deterministic.
    """
    x = np.concatenate([positive, negative])
    y = np.concatenate([np.ones(len(positive)), np.zeros(len(negative))])
    w = np.concatenate([positive_weight, negative_weight])
    spread = _spread(positive, negative)
    x = np.column_stack([x / spread.astype(np.float32), np.ones(len(x), np.float32)])
    ridge = np.full(x.shape[1], RIDGE)
    ridge[-1] = 1e-6
    if start is None:
        beta = np.zeros(x.shape[1])
        beta[-1] = np.log(positive_weight.sum() / negative_weight.sum())
    else:
        beta = np.append(start.features * spread, start.constant)
    loss = _loss(x, y, w, ridge, beta)
    weighted = np.empty_like(x)  # made once: fresh memory costs more than what is done in it
    for _ in range(_STEPS):
        p = 1 / (1 + np.exp(-np.clip(_along(x, beta), -500, 500)))
        slope = x.T @ (w * (p - y)).astype(np.float32) + ridge * beta
        np.multiply(x, (w * np.maximum(p * (1 - p), 1e-12)).astype(np.float32)[:, None], out=weighted)
        curve = weighted.T @ x + np.diag(ridge)
        step = np.linalg.solve(curve, slope)
        factor, better = 1.0, np.inf
        while factor > 1e-4 and not (better := _loss(x, y, w, ridge, beta - factor * step)) <= loss:
            factor /= 2
        if not better < loss - 1e-6 * abs(loss):
            break
        beta, loss = beta - factor * step, better
    return Weights(beta[:-1] / spread, float(beta[-1]))


def _spread(positive: Floats, negative: Floats) -> NDArray[np.float64]:
    """The spread of each feature over both kinds, each kind counted alike."""
    mean = (positive.mean(axis=0) + negative.mean(axis=0)) / 2
    spread = np.sqrt((((positive - mean) ** 2).mean(axis=0) + ((negative - mean) ** 2).mean(axis=0)) / 2)
    return np.asarray(np.maximum(spread.astype(np.float64), 0.02))


def _loss(
    x: Floats,
    y: NDArray[np.float64],
    w: NDArray[np.float64],
    ridge: NDArray[np.float64],
    beta: NDArray[np.float64],
) -> float:
    z = _along(x, beta)
    return float(w @ (np.logaddexp(0, z) - y * z) + ridge @ beta**2 / 2)


def _along(x: Floats, beta: NDArray[np.float64]) -> NDArray[np.float64]:
    return (x @ beta.astype(np.float32)).astype(np.float64)
