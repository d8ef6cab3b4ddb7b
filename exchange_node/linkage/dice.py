"""All pairs of filters whose Dice coefficient reaches a threshold, by anonlink, in bounded memory.

Dice(x, y) = 2 |x and y| / (|x| + |y|) (Schnell, Bachteler and Reiher 2009). anonlink's kernel holds
Python's global lock, so the comparison runs in tiles of about ten milliseconds: a node that links in a
worker thread stays responsive.
"""

from __future__ import annotations

import importlib
import warnings
from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
from bitarray import bitarray
from numpy.typing import NDArray

from exchange_node.linkage.encodings import Bytes, Encodings
from exchange_node.linkage.errors import LinkageError

TILE = 1024  # rows a side
PER_ROW = 10
MAX_CANDIDATES = 20_000_000
Progress = Callable[[int, int], None]
"""Called with (pairs compared, pairs in all) after each tile. To cancel, raise from it."""
_KERNELS = {
    "anonlink-accelerated": ("anonlink.similarities._dice_x86", "dice_coefficient_accelerated"),
    "anonlink-python": ("anonlink.similarities._dice_python", "dice_coefficient_python"),
}
Kernel = Callable[..., tuple[Sequence[float], tuple[Sequence[int], Sequence[int]]]]


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


def choose_kernel(name: str) -> Kernel:
    """anonlink's `anonlink-accelerated` (C++ with popcount) or `anonlink-python` (slow reference).

    Raises LinkageError no-kernel rather than taking another one.
    """
    if name not in _KERNELS:
        raise LinkageError("no-kernel", name)
    module, function = _KERNELS[name]
    try:
        with warnings.catch_warnings():  # anonlink asks for its own version in ways that setuptools and mypy deprecate
            warnings.simplefilter("ignore")
            kernel: Kernel = getattr(importlib.import_module(module), function)
    except ImportError as error:
        raise LinkageError("no-kernel", name) from error
    return kernel


def find_candidates(
    left: Encodings,
    right: Encodings,
    threshold_bp: int,
    *,
    kernel: Kernel,
    per_row: int = PER_ROW,
    max_candidates: int = MAX_CANDIDATES,
    progress: Progress | None = None,
) -> Candidates:
    """Compare every left row with every right row; keep pairs with Dice >= threshold_bp / 10,000.

    Memory is bounded by `max_candidates`, above which LinkageError too-many-candidates is raised.
    """
    if not len(left) or not len(right):
        return _candidates([], 0)
    kept: list[NDArray[np.void]] = []
    total = cut = 0
    for top in range(0, len(left), TILE):
        block, cut_here = _block(left, right, top, threshold_bp / 10_000, kernel, per_row, progress)
        total += len(block)
        cut += cut_here
        if total > max_candidates:
            raise LinkageError("too-many-candidates", f"more than {max_candidates}")
        kept.append(block)
    return _candidates(kept, cut)


_PAIR = np.dtype([("score", np.float64), ("left", np.uint32), ("right", np.uint32)])


def _block(
    left: Encodings,
    right: Encodings,
    top: int,
    threshold: float,
    kernel: Kernel,
    per_row: int,
    progress: Progress | None,
) -> tuple[NDArray[np.void], int]:
    """The best pairs of one stripe of left rows, and for how many of its rows pairs were left out."""
    ours = as_bitarrays(left.filters[top : top + TILE])
    best = np.empty(0, _PAIR)
    cut: set[int] = set()
    for start in range(0, len(right), TILE):
        theirs = as_bitarrays(right.filters[start : start + TILE])
        # One more than we keep, so that a row with more is noticed.
        scores, (i, j) = kernel((ours, theirs), threshold, k=per_row + 1)
        if len(scores):
            found = np.empty(len(scores), _PAIR)
            found["score"] = scores
            found["left"] = np.asarray(i, np.uint32) + np.uint32(top)
            found["right"] = np.asarray(j, np.uint32) + np.uint32(start)
            best, over = _top(np.concatenate([best, found]), per_row)
            cut.update(over)
        if progress is not None:
            done = top * len(right) + len(ours) * min(start + TILE, len(right))
            progress(done, len(left) * len(right))
    return best, len(cut)


def _top(pairs: NDArray[np.void], per_row: int) -> tuple[NDArray[np.void], list[int]]:
    """The best `per_row` pairs of each left row, and the rows that had more."""
    pairs = pairs[np.lexsort((pairs["right"], -pairs["score"], pairs["left"]))]
    _, first, counts = np.unique(pairs["left"], return_index=True, return_counts=True)
    rank = np.arange(len(pairs)) - np.repeat(first, counts)
    return pairs[rank < per_row], [int(row) for row in pairs["left"][rank == per_row]]


def _candidates(blocks: list[NDArray[np.void]], cut: int) -> Candidates:
    pairs = np.concatenate(blocks) if blocks else np.empty(0, _PAIR)
    pairs = pairs[np.lexsort((pairs["right"], pairs["left"], -pairs["score"]))]
    score, left, right = (np.ascontiguousarray(pairs[name]) for name in ("score", "left", "right"))
    return Candidates(score, left, right, cut)


def as_bitarrays(filters: Bytes) -> list[bitarray]:
    """The kernel's form of filters, sharing their memory."""
    return [bitarray(buffer=memoryview(row)) for row in filters]
