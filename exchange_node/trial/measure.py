"""Measured quality, where the truth is known: precision, recall and F1 of one-to-one links."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from exchange_node.engine.link import Links


@dataclass(frozen=True, slots=True)
class Measured:
    """`pairs` is how many right one-to-one links there could be; `best_f1` is the highest over all thresholds."""

    pairs: int
    precision: float
    recall: float
    f1: float
    best_f1: float


def measure(links: Links, left: Sequence[str], right: Sequence[str]) -> Measured:
    """`left` and `right`: for each row who it is; a row without an answer is nobody's."""
    truth_left, truth_right = _numbered(left, right)
    there = [Counter(side[side > 0].tolist()) for side in (truth_left, truth_right)]
    pairs = sum(min(count, there[1][who]) for who, count in there[0].items())
    found = links.candidates
    good = (truth_left[found.left] == truth_right[found.right]) & (truth_left[found.left] > 0)
    right_so_far = np.cumsum(good)
    so_far = np.arange(1, len(good) + 1)
    best = float(np.max(2 * right_so_far / (so_far + pairs), initial=0.0)) if pairs else 0.0
    linked = len(links)
    hits = int(right_so_far[linked - 1]) if linked else 0
    return Measured(
        pairs,
        hits / linked if linked else 0.0,
        hits / pairs if pairs else 0.0,
        2 * hits / (linked + pairs) if linked + pairs else 0.0,
        best,
    )


def _numbered(left: Sequence[str], right: Sequence[str]) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    numbers: dict[str, int] = {"": 0}
    one, other = (
        np.fromiter((numbers.setdefault(text.strip(), len(numbers)) for text in side), np.int64, len(side))
        for side in (left, right)
    )
    return one, other
