"""From scored pairs to people: which rows, of any number of registers, are one person.

A row joins a group when all pairs between them together speak for it. Groups are joined by the highest evidence, most
of it the mean over all their pairs (average linkage, Sokal and Michener 1958), as long as it is above 0. The mean tells
one false pair from a person: two people whom one unclear row resembles are held apart by the pairs that do not agree.
The best pair counts a little more than the others, since two rows of one person that each have errors of their own
differ more from each other than from the person. No group holds a pair that speaks strongly against it.

Evidence is log odds above the threshold at which a pair alone would be a link.
"""

from __future__ import annotations

from collections.abc import Iterable
from heapq import heappop, heappush
from typing import Final

import numpy as np
from numpy.typing import NDArray

NEVER: Final = -10.0
"""Pairs with less are never in one group, and one that no search has found counts as much. Of the pairs of one person
of FEBRL's files at most one in 500 is below, of made registers with very many errors none.
"""
BEST: Final = 8
"""One part in so many is the best pair's."""
_UNIT: Final = 2**20
"""Evidence is added up in whole numbers, so that the order of the pairs changes nothing."""
_LEAST: Final = round(NEVER * _UNIT)
_MOST: Final = 2.0**20
Numbers = NDArray[np.int64]


def group(
    left: Numbers,
    right: Numbers,
    evidence: NDArray[np.float64],
    rows: int,
    *,
    party: Numbers | None = None,
    apart: Iterable[tuple[int, int]] = (),
) -> Numbers:
    """For each of `rows` rows the number of its group; groups are numbered by their first row.

    Pairs may come in any order and either way round; of the same pair the best counts. With `party`, shape (rows,), a
    group has at most one row of each party. `apart`: pairs of rows that are never in one group. Raises ValueError: a
    row that is not there, or evidence that is no number.
    """
    one, other, worth = _distinct(left, right, evidence, rows)
    if party is not None:
        between = party[one] != party[other]
        one, other, worth = one[between], other[between], worth[between]
    part = _connected(one[worth > 0], other[worth > 0], rows)
    inside = part[one] == part[other]
    joined = _Joined(party)
    never = worth < _LEAST
    for a, b in (*zip(one[never].tolist(), other[never].tolist(), strict=True), *apart):
        joined.hold_apart(a, b)
    joined.join_all(one[inside].tolist(), other[inside].tolist(), worth[inside].tolist())
    first = np.arange(rows)
    for row, members in joined.members.items():
        first[members] = row
    _, numbers = np.unique(first, return_inverse=True)
    return np.asarray(numbers, np.int64)


def pairs_within(groups: Numbers) -> tuple[Numbers, Numbers]:
    """All pairs of rows of one group, the earlier row first."""
    order = np.argsort(groups, kind="stable")
    sizes = np.bincount(groups, minlength=1)
    starts = np.repeat(np.cumsum(sizes) - sizes, sizes)
    behind = np.repeat(sizes, sizes) - 1 - (np.arange(len(order)) - starts)  # rows of the group behind each
    one = np.repeat(np.arange(len(order)), behind)
    other = one + 1 + np.arange(len(one)) - np.repeat(np.cumsum(behind) - behind, behind)
    return order[one], order[other]


def mean_within(groups: Numbers, left: Numbers, right: Numbers, of: NDArray[np.float64]) -> NDArray[np.float64]:
    """For each row the mean of a figure of pairs over its pairs with the group's other rows, where pairs that are not
    given count 0; 1 for a row alone. Each pair is given once.
    """
    others = np.bincount(groups)[groups] - 1
    inside = groups[left] == groups[right]
    sums = np.zeros(len(groups))
    for side in (left, right):
        sums += np.bincount(side[inside], of[inside], len(groups))
    return np.where(others > 0, sums / np.maximum(others, 1), 1.0)


def odds_within(groups: Numbers, left: Numbers, right: Numbers, odds: NDArray[np.float64]) -> NDArray[np.float64]:
    """Of each pair of rows of one group, the log odds that it is one person, from those of all pairs that were found.

    It is one if both rows are of their group. What speaks for that lies between what a row has with all others of the
    group on average and with the one most like it: of two rows, their own odds. Each pair is given once.
    """
    inside = groups[left] == groups[right]
    best = np.full(len(groups), NEVER)
    for side in (left, right):
        np.maximum.at(best, side[inside], odds[inside])
    of_row = (best + NEVER + mean_within(groups, left, right, odds - NEVER)) / 2
    one, other = pairs_within(groups)
    return np.asarray(np.minimum(of_row[one], of_row[other]))


def _distinct(
    left: Numbers, right: Numbers, evidence: NDArray[np.float64], rows: int
) -> tuple[Numbers, Numbers, Numbers]:
    """Each pair once, the lower row first, its best evidence in whole units; a row with itself is no pair."""
    one, other = np.minimum(left, right).astype(np.int64), np.maximum(left, right).astype(np.int64)
    if len(one) and (one.min() < 0 or other.max() >= rows):
        raise ValueError("pairs: a row that is not there")
    if np.isnan(evidence).any():
        raise ValueError("evidence: not a number")
    worth = np.rint(np.clip(evidence, -_MOST, _MOST) * _UNIT).astype(np.int64)
    order = np.lexsort((-worth, other, one))
    one, other, worth = one[order], other[order], worth[order]
    new = np.ones(len(one), np.bool_)
    new[1:] = (one[1:] != one[:-1]) | (other[1:] != other[:-1])
    new &= one != other
    return one[new], other[new], worth[new]


def _connected(one: Numbers, other: Numbers, rows: int) -> Numbers:
    """For each row the lowest row that it is connected with: each round halves the trees' depth (Shiloach, Vishkin)."""
    root = np.arange(rows)
    while True:
        a, b = root[one], root[other]
        apart = a != b
        if not apart.any():
            return root
        np.minimum.at(root, np.maximum(a, b)[apart], np.minimum(a, b)[apart])
        while not np.array_equal(root[root], root):
            root = root[root]


class _Joined:
    """Groups so far, by their first row. Rows that no pair names are not among them."""

    def __init__(self, party: Numbers | None) -> None:
        self.members: dict[int, list[int]] = {}
        self._party = party
        self._pairs: dict[int, dict[int, tuple[int, int]]] = {}  # between two groups: beyond all missing, and the best
        self._apart: dict[int, set[int]] = {}
        self._parties: dict[int, set[int]] = {}
        self._next: list[tuple[float, int, int, int, int]] = []

    def hold_apart(self, a: int, b: int) -> None:
        """Two rows that are never in one group."""
        self._apart.setdefault(a, set()).add(b)
        self._apart.setdefault(b, set()).add(a)

    def join_all(self, one: list[int], other: list[int], worth: list[int]) -> None:
        """Join the best two groups until no two have evidence above 0."""
        for a, b, of in zip(one, other, worth, strict=True):
            for row in (a, b):
                if row not in self.members:
                    self.members[row] = [row]
                    self._pairs[row] = {}
                    self._parties[row] = set() if self._party is None else {int(self._party[row])}
            if b not in self._apart.get(a, ()):
                self._pairs[a][b] = self._pairs[b][a] = (of - _LEAST, of)
                self._consider(a, b)
        while self._next:
            _, a, b, size, other_size = heappop(self._next)
            known = a in self.members and b in self.members  # else it has become part of another
            if known and (size, other_size) == (len(self.members[a]), len(self.members[b])):
                self._join(a, b)

    def _consider(self, a: int, b: int) -> None:
        a, b = min(a, b), max(a, b)
        size, other_size = len(self.members[a]), len(self.members[b])
        beyond, best = self._pairs[a][b]
        evidence = ((BEST - 1) * (_LEAST + beyond / (size * other_size)) + best) / BEST
        if evidence > 0:
            heappush(self._next, (-evidence, a, b, size, other_size))

    def _join(self, a: int, b: int) -> None:
        """`b`, which begins at a later row, becomes part of `a`."""
        self.members[a] += self.members.pop(b)
        self._parties[a] |= self._parties.pop(b)
        for other in self._apart.pop(b, set()):
            self._apart[other].discard(b)
            self.hold_apart(a, other)
        ours = self._pairs[a]
        del ours[b]
        for other, (beyond, best) in self._pairs.pop(b).items():
            if other != a:
                del self._pairs[other][b]
                ours_beyond, ours_best = ours.get(other, (0, best))
                ours[other] = self._pairs[other][a] = (ours_beyond + beyond, max(ours_best, best))
        for other in list(ours):
            if other in self._apart.get(a, ()) or self._parties[a] & self._parties[other]:
                del ours[other], self._pairs[other][a]
            else:
                self._consider(a, other)
