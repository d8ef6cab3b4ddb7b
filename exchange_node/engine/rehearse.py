"""Rehearsals: a party links damaged copies of its own people with its register, where it knows what is right.

A quarter of the people is hidden from the register in turn, so that their copies have nobody to be linked to. Where
every row has a copy, half of the copies stay away meanwhile: were each row taken by its own copy, none would be left to
be linked wrongly, as there is between registers of different people. How often copies find their originals, and how
often those of hidden people find somebody else, for each threshold, is what a party gives away: three curves of some
200 numbers.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import reduce
from typing import Final

import numpy as np
from numpy.typing import NDArray

from exchange_node.encoding.vectors import Weights
from exchange_node.engine.party import COPIES, Party
from exchange_node.engine.search import Found, Plan, find
from exchange_node.kernels import greedy

FOLDS: Final = 4
THRESHOLDS: Final = np.linspace(-15.0, 35.0, 201)
"""In log odds, as the weights count them."""
MOST_OF_COPY: Final = 8
"""Rows looked at for each copy."""


@dataclass(frozen=True, slots=True)
class Rehearsal:
    """For each of THRESHOLDS: `found`, the share of copies with an original that are linked to it or a double of it;
    `mistaken`, how often one of those is linked to somebody else's row, for each row that is free; `invented`, the same
    of a copy without an original, whose relatives do not count: how many of those the other register has, its own pairs
    tell. `rows`: those of the register. `copies`: how many told it.
    """

    found: NDArray[np.float64]
    mistaken: NDArray[np.float64]
    invented: NDArray[np.float64]
    rows: int = 1
    copies: int = COPIES

    def with_other(self, other: Rehearsal) -> Rehearsal:
        """What both parties found, averaged by their rows: a small register tells little of a large one's strangers."""
        rows = self.rows + other.rows

        def mean(one: NDArray[np.float64], two: NDArray[np.float64]) -> NDArray[np.float64]:
            return (self.rows * one + other.rows * two) / rows

        return Rehearsal(
            mean(self.found, other.found),
            mean(self.mistaken, other.mistaken),
            mean(self.invented, other.invented),
            rows,
            self.copies + other.copies,
        )


def average(found: Sequence[Rehearsal]) -> Rehearsal:
    """What all parties found, averaged by their rows."""
    return reduce(Rehearsal.with_other, found)


def rehearse(party: Party, weights: Weights, plan: Plan, kernel: str = "native") -> Rehearsal:
    """Link the copies of distinct people under these weights."""
    return rehearsed(party, _find(party, weights, plan, kernel))


def rehearsed(party: Party, found: Found) -> Rehearsal:
    """The same of pairs of copies and rows that were found in any way; scores are log odds."""
    copies = _distinct(party)
    found = found.only(found.left < len(copies))
    originals, worth = party.originals[copies], party.worth[copies]
    right = found.right == originals[found.left]
    double, _, strange = _kinds(party, found, right)
    different = (1 - double) * ~right
    hits, wrongs, strangers = (np.zeros(len(THRESHOLDS)) for _ in range(3))
    with_original = without = 0.0
    fold_of_copy = copies % FOLDS
    taking_part = FOLDS // 2 if 2 * len(copies) > party.side.rows else FOLDS
    fold_of_row = np.full(party.side.rows, -1)
    fold_of_row[originals] = fold_of_copy
    for fold in range(FOLDS):
        turn = (fold_of_copy - fold) % FOLDS
        open_to = (fold_of_row[found.right] != fold) & (turn[found.left] < taking_part)
        pairs = np.flatnonzero(open_to)
        taken = pairs[greedy.take(found.left[pairs].astype(np.uint32), found.right[pairs].astype(np.uint32))]
        counted, false = worth[found.left[taken]], different[taken]
        hidden = turn[found.left[taken]] == 0
        free = party.side.rows - float(np.sum(fold_of_row == fold)) - float(np.sum(right[taken]))
        hits += from_top(found.scores[taken], counted * (1 - false) * ~hidden)
        wrongs += from_top(found.scores[taken], counted * strange[taken] * ~hidden) / max(free, 1.0)
        strangers += from_top(found.scores[taken], counted * strange[taken] * hidden) / max(free, 1.0)
        with_original += float(worth[(turn > 0) & (turn < taking_part)].sum())
        without += float(worth[turn == 0].sum())
    curves = hits / with_original, wrongs / with_original, strangers / max(without, 1e-9)
    return Rehearsal(*curves, party.side.rows, _effective(worth))


def rehearse_doubles(party: Party, weights: Weights, plan: Plan, kernel: str = "native") -> Rehearsal:
    """Of the register against itself: `found` is the share of copies alike enough to their original, `invented` how
    often two other rows are, for each pair of rows.
    """
    copies = _distinct(party)
    found = _find(party, weights, plan, kernel)
    right = found.right == party.originals[found.left]
    worth = party.worth[found.left]
    different = (1 - _kinds(party, found, right)[0]) * ~right
    in_all = float(party.worth[copies].sum())
    return Rehearsal(
        from_top(found.scores, worth * right) / in_all,
        np.zeros(len(THRESHOLDS)),
        from_top(found.scores, worth * different) / (in_all * max(party.side.rows - 1, 1)),
        party.side.rows,
        _effective(party.worth[copies]),
    )


def _effective(worth: NDArray[np.float64]) -> int:
    """As many that count the same tell as much (Kish 1965)."""
    return int(worth.sum() ** 2 / np.sum(worth**2))


def _distinct(party: Party) -> NDArray[np.int64]:
    """The copies that are of distinct people."""
    return party.every_copy[: min(len(party.originals), party.side.rows)]


def _find(party: Party, weights: Weights, plan: Plan, kernel: str) -> Found:
    """Those copies' best rows."""
    copies, every, among = _distinct(party), np.arange(party.side.rows), party.candidates(plan)
    return find(
        party.copies, copies, party.side, every, weights, plan, least=THRESHOLDS[0], most=MOST_OF_COPY, kernel=kernel,
        among=among.of(0, len(copies)) if among is not None else None,
    )  # fmt: skip


def _kinds(party: Party, found: Found, right: NDArray[np.bool_]) -> NDArray[np.float64]:
    """What the original of each pair's copy and the other row probably are to each other, as `Party.kinds`; 0 for the
    right pairs.
    """
    vectors = party.side.vectors
    wrong = np.flatnonzero(~right)
    kinds = np.zeros((3, len(found)))
    kinds[:, wrong] = party.kinds(vectors.features(party.originals[found.left[wrong]], vectors, found.right[wrong]))
    return kinds


def from_top(scores: NDArray[np.float64], counts: NDArray[np.float64]) -> NDArray[np.float64]:
    """The sum of the counts at or above each threshold."""
    at = np.searchsorted(THRESHOLDS, scores, "right")
    sums = np.bincount(at, counts, len(THRESHOLDS) + 1)
    return np.asarray(np.cumsum(sums[::-1])[::-1][1:], np.float64)
