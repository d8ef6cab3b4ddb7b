"""The best pairs by dot product, of all pairs or of candidates, on all cores, in bounded memory.

Exact: scores are whole numbers, and every kernel gives the same ones. Left rows come a stripe at a time, so that they
need not be in memory together; right rows may come in slabs, one call for each, whose pairs `merge` puts together.
"""

from __future__ import annotations

import os
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from exchange_node.kernels import dot
from exchange_node.kernels.dot import SideBySide, side_by_side
from exchange_node.linkage.errors import LinkageError

STRIPE = 1020  # most left rows that one thread takes at a time; whole sets of rows for every kernel
MAX_CANDIDATES = 20_000_000
SCORED = np.dtype([("score", np.int32), ("left", np.uint32), ("right", np.uint32)])
Scored = NDArray[np.void]
"""Pairs of type SCORED, by falling score, then by left and right row."""
Progress = Callable[[int, int], None]
"""Called with (left rows done, left rows in all) after each stripe. To cancel, raise from it."""
Compare = Callable[[NDArray[np.uint8], int, int, int, int], tuple[NDArray[np.int32], Scored, int]]
"""A stripe of left rows, its first row, threshold, most, beyond -> as `kernels.dot.search_among`."""
Stripe = Callable[[int, int], NDArray[np.uint8]]
"""The left rows from `start` to `end`: uint8 of shape (end - start, width), values 0 to 127. Called from threads."""


@dataclass(frozen=True, slots=True)
class Blocks:
    """Which pairs are compared: those that agree on one of the keys.

    `order`: uint32 of shape (keys, n), the right rows by each key; `ranges(start, end)`: uint32 of shape
    (end - start, keys, 2), where in it the candidates of each left row begin and end. An empty range: none.
    """

    order: NDArray[np.uint32]
    ranges: Callable[[int, int], NDArray[np.uint32]]


@dataclass(frozen=True, slots=True, repr=False)
class Best:
    """The best pairs of each left row at or above the threshold, and how many pairs were compared."""

    pairs: Scored
    compared: int


def choose(name: str) -> str:
    """The kernel of that name; `native` is the widest that this machine runs. Raises LinkageError no-kernel."""
    ours = dot.kernels()
    if name != "native" and name not in ours:
        raise LinkageError("no-kernel", name)
    return ours[0] if name == "native" else name


def best_pairs(
    stripe: Stripe,
    rows: int,
    right: SideBySide | NDArray[np.int8],
    threshold: int,
    most: int,
    kernel: str,
    blocks: Blocks | None = None,
    progress: Progress | None = None,
    *,
    first_right: int = 0,
    later: bool = False,
    max_candidates: int = MAX_CANDIDATES,
) -> Best:
    """For each of `rows` left rows the best `most` right rows with a score of at least `threshold`.

    `right`: int8 of shape (n, width), without `blocks` best laid out by `side_by_side`, or that happens here. Its rows
    are numbered from `first_right` on. `later`: both sides are one file, and only pairs whose right row comes after the
    left one count. Raises LinkageError too-many-candidates, and whatever `stripe`, `blocks.ranges` or `progress` raise.
    """
    compare = _among(right, blocks, kernel) if blocks is not None else _all(right, kernel)

    def search(start: int) -> tuple[int, Scored, int]:
        end = min(start + step, rows)
        beyond = start - first_right if later else dot.EVERY
        counts, kept, compared = compare(stripe(start, end), start, threshold, most, beyond)
        there = np.arange(most) < counts[:, None]
        pairs = np.empty(int(counts.sum()), SCORED)
        pairs["left"] = np.repeat(np.arange(start, end, dtype=np.uint32), counts)
        pairs["score"], pairs["right"] = kept["score"][there], kept["right"][there] + np.uint32(first_right)
        return end, pairs, compared

    threads = len(os.sched_getaffinity(0))
    step = min(STRIPE, -(-rows // (4 * threads) // 12) * 12 or 12)
    parts, total, compared = [np.empty(0, SCORED)], 0, 0
    with ThreadPoolExecutor(threads) as pool:
        try:
            for done, pairs, looked_at in pool.map(search, range(0, rows, step)):
                parts.append(pairs)
                total += len(pairs)
                compared += looked_at
                if total > max_candidates:
                    raise LinkageError("too-many-candidates", f"more than {max_candidates}")
                if progress is not None:
                    progress(done, rows)
        finally:
            pool.shutdown(wait=True, cancel_futures=True)
    found = np.concatenate(parts)
    return Best(found.take(_by_score(found, np.arange(len(found)))), compared)


def merge(one: Scored, other: Scored, most: int) -> Scored:
    """The best `most` pairs of each left row among those of two slabs of right rows."""
    pairs = np.concatenate([one, other])
    order = _by_score(pairs, _by(pairs["right"], np.arange(len(pairs))))
    order = _by(pairs["left"], order)
    pairs = pairs.take(order)  # several times as fast as pairs[order]
    firsts = np.flatnonzero(np.diff(pairs["left"], prepend=pairs["left"][:1] + np.uint32(1)))
    rank = np.arange(len(pairs)) - np.repeat(firsts, np.diff(firsts, append=len(pairs)))
    pairs = pairs.compress(rank < most)
    return pairs.take(_by_score(pairs, np.arange(len(pairs))))


def _all(right: SideBySide | NDArray[np.int8], kernel: str) -> Compare:
    laid = right if isinstance(right, SideBySide) else side_by_side([right], *right.shape)

    def compare(x: NDArray[np.uint8], start: int, threshold: int, most: int, beyond: int) -> Any:
        found, kept = dot.search(kernel, x, laid, threshold, most, beyond)
        left_out = np.clip(np.arange(len(x)) + beyond + 1, 0, len(laid)).sum()
        return found, kept, len(x) * len(laid) - int(left_out)

    return compare


def _among(right: SideBySide | NDArray[np.int8], blocks: Blocks, kernel: str) -> Compare:
    if isinstance(right, SideBySide):
        raise ValueError("blocks: candidates are looked up among rows that lie one after the other")

    def compare(x: NDArray[np.uint8], start: int, threshold: int, most: int, beyond: int) -> Any:
        ranges = blocks.ranges(start, start + len(x))
        return dot.search_among(kernel, x, right, blocks.order, ranges, threshold, most, beyond)

    return compare


def _by_score(pairs: Scored, order: NDArray[np.int64]) -> NDArray[np.int64]:
    """By falling score, and as they come where that is the same."""
    return _by((np.int64(2**31 - 1) - pairs["score"]).astype(np.uint32), order)


def _by(numbers: NDArray[np.uint32], order: NDArray[np.int64]) -> NDArray[np.int64]:
    """A stable sort, several times as fast as numpy's own: the place is part of the number."""
    packed = numbers[order].astype(np.uint64) << np.uint64(32) | np.arange(len(order), dtype=np.uint64)
    packed.sort()
    return order[(packed & np.uint64(2**32 - 1)).astype(np.int64)]
