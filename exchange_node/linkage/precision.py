"""How many of the links are false? An estimate without labels, from how often strangers look alike.

Two rows are *strangers* if they stand in the same file, or if one of them is linked to somebody else. The
share of strangers at or above the threshold is the chance `rate` that any two unmatched rows of the two
files are linked by mistake, so about

    false = rate * (left rows without a true link) * (right rows without a true link)

of the links are, though in no band of scores more than there are links. Strangers at least as alike as the
median true link are left out: within a file that is most likely one person entered twice. Which links are
true is what is being estimated, so this takes a few rounds. The lower bound takes the 95 % upper limit of the
Poisson count of alike strangers, and then of the false links.

What it is worth: it assumes that unmatched people are no more and no less like each other than other
strangers are. Families that stand in one file together make it too strict, most of all where few rows are
linked; doubles that differ from one another do too. It is a little too kind (about one point, at thresholds
that are far too low) where poor records are both missed and mistaken for others. docs/linkage-methods.md
has it measured against the truth. It says nothing about recall.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from exchange_node.linkage.dice import Candidates, Progress, stripes
from exchange_node.linkage.encodings import Encodings
from exchange_node.linkage.pairs import DICE, Kernel, Measure

_WITHIN_PAIRS = 20_000_000  # within-file pairs to look at for each file, or a tenth of the main comparison
_BANDS = 100  # of likeness, 0.01 wide
_ENOUGH_ALIKE = 1_000_000
_PER_ROW = 64  # alike strangers of one row that are counted; who has more is in no honest file
_UNSEEN = 0.5  # Jeffreys' prior: none seen is not never
_Z95 = 1.6449


@dataclass(frozen=True, slots=True)
class Precision:
    """Estimated share of right links and its 95 % lower bound, in basis points; 10,000 and 0 for no links."""

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
    measure: Measure = DICE,
) -> Precision:
    """Estimate from the candidates and links of one comparison, and a sample of each file against itself."""
    links = int(chosen.sum())
    if not links:
        return Precision(10_000, 0)
    unlinked = (len(left) - links, len(right) - links)
    alike = [candidates.scores[~chosen]]
    strangers = len(left) * len(right) - unlinked[0] * unlinked[1]
    for file in (left, right):
        found, looked_at = _within(file, threshold_bp, kernel, len(left) * len(right), progress, measure)
        alike.append(found)
        strangers += looked_at
    scores, linked = np.concatenate(alike), candidates.scores[chosen]
    share = 0.0
    for _ in range(4):  # the strictest guess first; each round knows better which links are likely true
        counted = scores[scores < np.quantile(linked, 1 - share / 2)]
        share = _share_right(linked, counted, unlinked, 1 / strangers)
    certain = _poisson_upper(len(counted)) / (len(counted) + _UNSEEN)
    false = len(linked) * (1 - _share_right(linked, counted, unlinked, certain / strangers))
    low = max(0.0, 1 - (false + _Z95 * math.sqrt(false)) / len(linked))
    return Precision(int(10_000 * share), int(10_000 * low))


def _share_right(
    linked: NDArray[np.float64], alike: NDArray[np.float64], unlinked: tuple[int, int], each: float
) -> float:
    """Solve false = rate * (unlinked left + false) * (unlinked right + false), a band of scores at a time.

    `each` is what one alike pair of strangers adds to the rate. No band has more false links than links. Where
    there are several solutions, as when every row is linked, the one with the most false links counts.
    """
    bands = np.linspace(0, 1, _BANDS + 1)
    links = np.histogram(linked, bands)[0]
    rates = np.histogram(alike, bands)[0] * each
    false = float(len(linked))
    for _ in range(200):
        pairs = (unlinked[0] + false) * (unlinked[1] + false)
        false = min(float(np.minimum(rates * pairs, links).sum()) + _UNSEEN * each * pairs, float(len(linked)))
    return 1 - false / len(linked)


def _poisson_upper(count: int) -> float:
    """95 % upper limit of a Poisson mean: half a chi-square quantile (Wilson and Hilferty 1931)."""
    freedom = 2 * count + 2
    return float(freedom / 2 * (1 - 2 / (9 * freedom) + _Z95 * math.sqrt(2 / (9 * freedom))) ** 3)


def _within(
    file: Encodings, threshold_bp: int, kernel: Kernel, pairs: int, progress: Progress | None, measure: Measure = DICE
) -> tuple[NDArray[np.float64], int]:
    """Scores of alike pairs, and pairs looked at, among the file's first rows and the whole file.

    Rows are in order of random tokens, so the first of them are a random sample. A file of rows that are all
    alike is looked at no further than tells it from an honest one.
    """
    sample = min(len(file), max(_WITHIN_PAIRS, pairs // 10) // max(len(file), 1) + 1)
    alike: list[NDArray[np.float64]] = [np.empty(0)]
    for done, found in stripes(file, file, sample, threshold_bp, _PER_ROW, kernel, measure):
        alike.append(found["score"][found["left"] != found["right"]])
        if progress is not None:
            progress(pairs, pairs)
        if sum(map(len, alike)) > _ENOUGH_ALIKE:
            sample = done
            break
    return np.concatenate(alike), sample * (len(file) - 1)
