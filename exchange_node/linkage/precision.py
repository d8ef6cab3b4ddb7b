"""How many of the links are false? An estimate without labels, from how often strangers look alike.

Two rows are *strangers* if they stand in the same file, or if one of them is linked to somebody else. The
share of strangers at or above the threshold is the chance `rate` that any two unmatched rows of the two
files are linked by mistake, so about

    false = rate * (left rows without a true link) * (right rows without a true link)

of the links are. Strangers at least as alike as the median link are left out: within a file that is most
likely one person entered twice. The lower bound takes the 95 % upper limit of the Poisson count of alike
strangers.

What it is worth: it assumes that unmatched people are no more like each other than other strangers are, so
it is too kind where the two files were selected by a common household or family; a linked row whose true
partner was outranked is seen only in part; doubles of one person that differ from one another make it too
strict. It says nothing about recall.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from exchange_node.linkage.dice import TILE, Candidates, Kernel, Progress, as_bitarrays
from exchange_node.linkage.encodings import Encodings

_WITHIN_PAIRS = 20_000_000  # within-file pairs to look at for each file, or a tenth of the main comparison
_Z95 = 1.6449


@dataclass(frozen=True, slots=True)
class Precision:
    """Estimated share of links that are right, and its 95 % lower bound, in basis points. No links: 10,000
    and 0.
    """

    estimate_bp: int
    low_bp: int


def estimate_precision(
    left: Encodings,
    right: Encodings,
    candidates: Candidates,
    chosen: NDArray[np.bool_],
    threshold_bp: int,
    kernel: Kernel,
    progress: Progress | None = None,
) -> Precision:
    """Estimate from the candidates and links of one comparison, and a sample of each file against itself."""
    links = int(chosen.sum())
    if not links:
        return Precision(10_000, 0)
    ceiling = float(np.median(candidates.scores[chosen]))
    unlinked = (len(left) - links, len(right) - links)
    alike = int((~chosen & (candidates.scores < ceiling)).sum())
    strangers = len(left) * len(right) - unlinked[0] * unlinked[1]
    for file in (left, right):
        found, looked_at = _within(
            file, threshold_bp / 10_000, ceiling, kernel, len(left) * len(right), progress
        )
        alike += found
        strangers += looked_at
    return Precision(
        _share_right(links, unlinked, (alike + 0.5) / strangers),  # Jeffreys: nothing seen is not never
        _share_right(links, unlinked, _poisson_upper(alike) / strangers),
    )


def _share_right(links: int, unlinked: tuple[int, int], rate: float) -> int:
    """Solve false = rate * (unlinked left + false) * (unlinked right + false); basis points, rounded down."""
    false = 0.0
    for _ in range(100):
        false = min(rate * (unlinked[0] + false) * (unlinked[1] + false), float(links))
    return int(10_000 * (1 - false / links))


def _poisson_upper(count: int) -> float:
    """95 % upper limit of a Poisson mean: half the chi-square quantile of 2 count + 2 (Wilson and Hilferty
    1931).
    """
    freedom = 2 * count + 2
    return float(freedom / 2 * (1 - 2 / (9 * freedom) + _Z95 * math.sqrt(2 / (9 * freedom))) ** 3)


def _within(
    file: Encodings, threshold: float, ceiling: float, kernel: Kernel, pairs: int, progress: Progress | None
) -> tuple[int, int]:
    """Alike pairs and pairs looked at among the file's first rows (tokens are random, so are they) and the
    whole file.
    """
    sample = min(len(file), max(_WITHIN_PAIRS, pairs // 10) // max(len(file), 1) + 1)
    alike = 0
    for top in range(0, sample, TILE):
        ours = as_bitarrays(file.filters[top : min(top + TILE, sample)])
        for start in range(0, len(file), TILE):
            theirs = as_bitarrays(file.filters[start : start + TILE])
            scores, (i, j) = kernel((ours, theirs), threshold, k=20)
            itself = np.asarray(i, np.int64) + top == np.asarray(j, np.int64) + start
            alike += int((~itself & (np.asarray(scores) < ceiling)).sum())
            if progress is not None:
                progress(pairs, pairs)
    return alike, sample * (len(file) - 1)
