"""Our own comparison: exact, in parts that are given up as soon as a pair cannot reach the threshold any more.

Rows are sorted by their number of bits, so that eight neighbours have the same bound and rows of unlike lengths are
never compared. After each part of the words the pair is dismissed if what it shares so far, and the fewer bits that one
of both has in the rest, do not reach the number that the threshold asks of their lengths.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from exchange_node.kernels import dice
from exchange_node.linkage.encodings import Bytes
from exchange_node.linkage.pairs import DICE, PAIR, Measure, Pairs, Search

LANES = 8
_PART = 31  # most words of one part: the AVX2 kernel counts in bytes
Words = NDArray[np.uint64]
Numbers = NDArray[np.int32]


@dataclass(frozen=True, slots=True)
class Native:
    """One of the kernels of `kernels/dice.c`."""

    set: str
    threads: bool = True

    @property
    def name(self) -> str:
        """As in `choose_kernel`."""
        return f"native-{self.set}"

    def against(self, right: Bytes, threshold_bp: int, measure: Measure = DICE) -> Search:
        """Lay the right rows out once; needs as much memory again as they take."""
        ends = _ends(right.shape[1] // 8)
        words, bits, rest, order = _side_by_side(_words(right), ends)
        need = _need(right.shape[1] * 8, threshold_bp, measure)
        counts_for = np.array([measure.shorter, measure.longer], np.int32)
        factor = float(counts_for.sum())

        def search(left: Bytes, most: int) -> Pairs:
            mine, own_bits = _words(left), _bits(_words(left))
            by_bits = np.argsort(own_bits, kind="stable")
            mine, own_bits = np.ascontiguousarray(mine[by_bits]), own_bits[by_bits]
            counts, table = dice.search(
                self.set, most, mine, own_bits, _rest(mine, ends), words, bits, rest, order, need, ends, counts_for
            )
            there = np.arange(most) < counts[:, None]
            pairs = np.empty(int(counts.sum()), PAIR)
            pairs["score"] = factor * table["shared"][there] / table["sum"][there]
            pairs["left"] = np.repeat(by_bits.astype(np.uint32), counts)
            pairs["right"] = table["right"][there]
            return pairs[np.argsort(pairs["left"], kind="stable")]

        return search


def _words(filters: Bytes) -> Words:
    return np.ascontiguousarray(filters).view(np.uint64)


def _bits(words: Words) -> Numbers:
    bits: Numbers = np.bitwise_count(words).sum(axis=1, dtype=np.int32)
    return bits


def _ends(width: int) -> Numbers:
    """Where the parts of a row end. Half of it tells most pairs apart; three quarters nearly all."""
    wanted = {width // 2, width * 3 // 4, width, *range(_PART, width, _PART)} - {0}
    return np.array(sorted(wanted), np.int32)


def _rest(words: Words, ends: Numbers) -> Numbers:
    """Bits of each row, shape (n, parts), from the beginning of each part on."""
    bits = np.bitwise_count(words)
    starts = [0, *ends[:-1].tolist()]
    return np.stack([bits[:, start:].sum(axis=1, dtype=np.int32) for start in starts], axis=1)


def _side_by_side(words: Words, ends: Numbers) -> tuple[Words, Numbers, Numbers, NDArray[np.uint32]]:
    """Rows by ascending number of bits, eight of them side by side, with their bits, rests, and old row numbers."""
    rows, width = words.shape
    bits = _bits(words)
    order = np.argsort(bits, kind="stable").astype(np.uint32)
    groups = -(-rows // LANES)
    laid = np.zeros((groups, width, LANES), np.uint64)
    rest = np.zeros((groups, len(ends)), np.int32)
    for first in range(0, groups, 8192):  # bounds the temporary copies
        chosen = words[order[first * LANES : (first + 8192) * LANES]]
        whole = np.zeros((-(-len(chosen) // LANES) * LANES, width), np.uint64)
        whole[: len(chosen)] = chosen
        here = slice(first, first + len(whole) // LANES)
        laid[here] = whole.reshape(-1, LANES, width).transpose(0, 2, 1)
        rest[here] = _rest(whole, ends).reshape(-1, LANES, len(ends)).max(axis=1)
    padded = np.full(groups * LANES, bits[order[-1]] if rows else 0, np.int32)
    padded[:rows] = bits[order]
    return laid, padded, rest, order


def _need(bits: int, threshold_bp: int, measure: Measure = DICE) -> Numbers:
    """For each sum of two rows' bits, as the measure counts them, the fewest shared bits that reach the threshold. At
    least one.
    """
    whole = measure.shorter + measure.longer
    sums = np.arange(whole * bits + 1, dtype=np.int64)
    return np.maximum(1, -(-sums * threshold_bp // (whole * 10_000))).astype(np.int32)
