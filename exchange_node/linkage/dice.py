"""All pairs of filters that are alike enough, on all cores, in bounded memory.

By Dice(x, y) = 2 |x and y| / (|x| + |y|) (Schnell, Bachteler and Reiher 2009), or another measure of `pairs.Measure`.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from exchange_node.linkage.encodings import Bytes, Encodings
from exchange_node.linkage.errors import LinkageError
from exchange_node.linkage.pairs import DICE, PAIR, Kernel, Measure, Pairs

STRIPE = 1024  # left rows that one thread compares with the whole other side
PER_ROW = 10
MAX_CANDIDATES = 20_000_000
Progress = Callable[[int, int], None]
"""Called with (pairs compared, pairs in all) after each stripe. To cancel, raise from it."""


@dataclass(frozen=True, slots=True, repr=False)
class Candidates:
    """Pairs at or above the threshold, the best `PER_ROW` of each left row, the most alike first.

    `cut` is the number of left rows for which the bound left pairs out. Scores must never leave the linkage
    unit.
    """

    scores: NDArray[np.float64]
    left: NDArray[np.uint32]
    right: NDArray[np.uint32]
    cut: int

    def __len__(self) -> int:
        return len(self.scores)


def find_candidates(
    left: Encodings,
    right: Encodings,
    threshold_bp: int,
    *,
    kernel: Kernel,
    measure: Measure = DICE,
    per_row: int = PER_ROW,
    max_candidates: int = MAX_CANDIDATES,
    progress: Progress | None = None,
) -> Candidates:
    """Compare every left row with every right row; keep those alike by threshold_bp / 10,000 or more.

    Memory is bounded by `max_candidates`, above which LinkageError too-many-candidates is raised.
    """
    kept: list[Pairs] = [np.empty(0, PAIR)]
    total = cut = 0
    # One more than we keep, so that a row with more is noticed.
    for done, pairs in stripes(left, right, len(left), threshold_bp, per_row + 1, kernel, measure):
        within = _rank(pairs) < per_row
        cut += len(pairs) - int(within.sum())
        kept.append(pairs[within])
        total += len(kept[-1])
        if total > max_candidates:
            raise LinkageError("too-many-candidates", f"more than {max_candidates}")
        if progress is not None:
            progress(done * len(right), len(left) * len(right))
    pairs = np.concatenate(kept)
    pairs = pairs[np.lexsort((pairs["right"], pairs["left"], -pairs["score"]))]
    scores, ours, theirs = (np.ascontiguousarray(pairs[name]) for name in ("score", "left", "right"))
    return Candidates(scores, ours, theirs, cut)


class Filters(Protocol):
    """Rows of one side."""

    def __len__(self) -> int: ...
    @property
    def filters(self) -> Bytes: ...


def stripes(
    left: Filters, right: Filters, rows: int, threshold_bp: int, most: int, kernel: Kernel, measure: Measure = DICE
) -> Iterator[tuple[int, Pairs]]:
    """The best `most` pairs of each of the first `rows` left rows, a stripe at a time, with the rows done so far."""
    if not rows or not len(right):
        return
    search = kernel.against(right.filters, threshold_bp, measure)

    def stripe(top: int) -> tuple[int, Pairs]:
        end = min(top + STRIPE, rows)
        pairs = search(left.filters[top:end], most)
        pairs["left"] += np.uint32(top)
        return end, pairs

    with ThreadPoolExecutor(len(os.sched_getaffinity(0)) if kernel.threads else 1) as pool:
        try:
            yield from pool.map(stripe, range(0, rows, STRIPE))
        finally:
            pool.shutdown(wait=True, cancel_futures=True)


def _rank(pairs: Pairs) -> NDArray[np.int64]:
    """Each pair's place among those of its left row, from 0."""
    _, first, counts = np.unique(pairs["left"], return_index=True, return_counts=True)
    return np.arange(len(pairs)) - np.repeat(first, counts)
