"""The best pairs by dot product, of all pairs or of candidates, on all cores, in bounded memory.

Exact: scores are whole numbers, and every kernel gives the same ones. Left rows come a stripe at a time, so that they
need not be in memory together; right rows come in slabs, of which one is in memory.
"""

from __future__ import annotations

import os
import time
from collections.abc import Callable, Iterable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from exchange_node.kernels import dot
from exchange_node.kernels.dot import Kept, SideBySide
from exchange_node.kernels.packed import Packed
from exchange_node.linkage.blocks import Candidates
from exchange_node.linkage.errors import LinkageError

_SETS = 96  # rows; whole sets of them for every kernel
_PROBED = _SETS, 2048  # left and right rows that tell how quick the kernel is
STRIPE = 11 * _SETS  # most left rows that one thread takes at a time
SCORED = np.dtype([("score", np.int32), ("left", np.uint32), ("right", np.uint32)])
Scored = NDArray[np.void]
"""Pairs of type SCORED, by falling score, then by left and right row."""
Progress = Callable[[int], None]
"""Called with the pairs of rows that are behind us, compared or not, after each stripe. To cancel, raise from it."""
Compare = Callable[[str, NDArray[np.uint8], int, int, Kept], None]
"""Kernel, a stripe of left rows, the first one's number, threshold, and what is kept of them, which grows."""
Stripe = Callable[[int, int], NDArray[np.uint8]]
"""The left rows from `start` to `end`: uint8 of shape (end - start, width), values 0 to 127. Called from threads."""


def pace(kernel: str, width: int) -> float:
    """Pairs of rows a second that one core compares on this machine, from a few that are all zeros."""
    rows, among = _PROBED
    x, kept = dot.in_lines(rows, width), Kept.none(rows, 1)
    x[:] = 0
    right = dot.side_by_side([np.zeros((among, width), np.int8)], among, width)
    started = time.perf_counter()
    dot.search(kernel, x, right, 1, kept)
    return rows * among / (time.perf_counter() - started)


@dataclass(frozen=True, slots=True, repr=False)
class Best:
    """The best pairs of each left row at or above the threshold, and how many pairs were compared."""

    pairs: Scored
    compared: int


def choose(name: str) -> str:
    """The kernel of that name; `native` is the widest that this machine runs. Raises LinkageError no-kernel."""
    ours = dot.kernels()
    if name != "native" and name not in ours:
        raise LinkageError("no-kernel", f"{name}; here are {', '.join(('native', *ours))}")
    return ours[0] if name == "native" else name


def best_pairs(
    stripe: Stripe,
    rows: int,
    slabs: Iterable[SideBySide | Packed],
    threshold: int,
    most: int,
    kernel: str,
    among: Candidates | None = None,
    progress: Progress | None = None,
    *,
    later: bool = False,
) -> Best:
    """For each of `rows` left rows the best `most` right rows, 256 at most, with a score of at least `threshold`.

    `slabs`: the right rows, a slab at a time. `among`: candidates, for which rows are packed, else all pairs are
    compared. `later`: both sides are one
    file, and of all pairs only those whose right row comes after the left one count. Raises whatever `stripe`, `slabs`
    or `progress` raise.
    """
    kept, first = Kept.none(rows, most), 0
    threads = len(os.sched_getaffinity(0))
    step = min(STRIPE, -(-rows // (4 * threads) // _SETS) * _SETS or _SETS)
    with ThreadPoolExecutor(threads) as pool:
        try:
            for slab in slabs:
                compare = _all(slab, first, later) if among is None else _among(slab, first, among)

                def search(start: int, compare: Compare = compare) -> int:
                    end = min(start + step, rows)
                    compare(kernel, stripe(start, end), start, threshold, kept.of(start, end))
                    return end

                for done in pool.map(search, range(0, rows, step)):
                    if progress is not None:
                        progress(first * rows + done * len(slab))
                first += len(slab)
        finally:
            pool.shutdown(wait=True, cancel_futures=True)
    before = int(np.minimum(np.arange(1, rows + 1), first).sum()) if later else 0
    return Best(_by_score(kept), len(among) if among is not None else rows * first - before)


def _all(slab: SideBySide | Packed, first: int, later: bool) -> Compare:
    if isinstance(slab, Packed):
        raise ValueError("all pairs: right rows must lie side by side")

    def compare(kernel: str, x: NDArray[np.uint8], start: int, threshold: int, kept: Kept) -> None:
        dot.search(kernel, x, slab, threshold, kept, first, start if later else dot.EVERY)

    return compare


def _among(slab: SideBySide | Packed, first: int, among: Candidates) -> Compare:
    if isinstance(slab, SideBySide):
        raise ValueError("candidates: right rows must be packed")

    def compare(kernel: str, x: NDArray[np.uint8], start: int, threshold: int, kept: Kept) -> None:
        own = among.of(start, start + len(x))
        dot.search_among(x, slab, threshold, kept, own.ids, own.ends, first)

    return compare


def _by_score(kept: Kept) -> Scored:
    """All of them by falling score, then by left and right row."""
    rows, most = kept.pairs.shape
    there = np.arange(most) < kept.counts[:, None]
    best = kept.pairs[there]
    pairs = np.empty(len(best), SCORED)
    pairs["left"] = np.repeat(np.arange(rows, dtype=np.uint32), kept.counts)
    pairs["score"], pairs["right"] = best["score"], best["right"]
    return pairs.take(_order((np.int64(2**31 - 1) - pairs["score"]).astype(np.uint32)))


def _order(numbers: NDArray[np.uint32]) -> NDArray[np.int64]:
    """A stable sort, several times as fast as numpy's own: the place is part of the number."""
    packed = numbers.astype(np.uint64) << np.uint64(32) | np.arange(len(numbers), dtype=np.uint64)
    packed.sort()
    return (packed & np.uint64(2**32 - 1)).astype(np.int64)
