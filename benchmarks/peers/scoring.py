"""What links are worth, by the true identities: precision, recall and F1 at any threshold."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

Rows = NDArray[np.int64]
Scores = NDArray[np.float64]
People = NDArray[np.str_]  # the true identity of each row; "" is nobody


@dataclass(frozen=True)
class Curve:
    """For links in falling order of score: how many pairs stand so far, and how many of them are right."""

    scores: Scores
    pairs: Rows
    right: Rows
    total: int

    def at(self, threshold: float) -> dict[str, float]:
        """Precision, recall and F1 of what scores at least `threshold`."""
        return self._of(int(np.searchsorted(-self.scores, -threshold, side="right")))

    def best(self) -> dict[str, float]:
        """The same at the threshold of the highest F1, which is named too."""
        if not len(self.scores):
            return self._of(0) | {"threshold": 0.0}
        ends = np.append(self.scores[1:] < self.scores[:-1], True)  # links of one score stand or fall together
        f1 = 2 * self.right / (self.pairs + self.total)
        count = int(np.argmax(np.where(ends, f1, -1))) + 1
        return self._of(count) | {"threshold": float(self.scores[count - 1])}

    def _of(self, count: int) -> dict[str, float]:
        pairs, right = (int(self.pairs[count - 1]), int(self.right[count - 1])) if count else (0, 0)
        return {
            "links": pairs,
            "precision": right / pairs if pairs else 1.0,
            "recall": right / self.total if self.total else 1.0,
            "f1": 2 * right / (pairs + self.total) if pairs + self.total else 1.0,
        }


def one_to_one(left: Rows, right: Rows, scores: Scores) -> Rows:
    """Positions of the pairs that a greedy choice keeps, best first; equal scores in order of the rows."""
    order = np.lexsort((right, left, -scores))
    taken: set[int] = set()
    kept = []
    for position, i, j in zip(order.tolist(), left[order].tolist(), right[order].tolist(), strict=True):
        if i not in taken and j not in taken:  # no row is both left and right
            taken.update((i, j))
            kept.append(position)
    return np.array(kept, np.int64)


def links(people: People, left: Rows, right: Rows, scores: Scores, total: int) -> Curve:
    """The curve of one-to-one links, best first."""
    correct = (people[left] == people[right]) & (people[left] != "")
    return Curve(scores, np.arange(1, len(left) + 1), np.cumsum(correct), total)


def findable(ours: People, theirs: People) -> int:
    """How many right links a one-to-one choice can hold: a person's rows on the side that has fewer of them."""
    names, counts = np.unique(ours[ours != ""], return_counts=True)
    others, other_counts = np.unique(theirs, return_counts=True)
    _, i, j = np.intersect1d(names, others, assume_unique=True, return_indices=True)
    return int(np.minimum(counts[i], other_counts[j]).sum())


def groups(people: People, left: Rows, right: Rows, scores: Scores, files: Rows | None = None) -> Curve:
    """The curve of pairs within groups, where a group is what the links so far connect.

    `files`, the file of each row, allows a group one row of each: links that would bring a second are passed over.
    """
    held = [1 << int(file) for file in files] if files is not None else [0] * len(people)
    group = list(range(len(people)))
    members = [Counter({who: 1} if who else {}) for who in people.tolist()]
    sizes = [1] * len(people)
    pairs, right_pairs, made, correct = [], [], 0, 0

    def find(row: int) -> int:
        while group[row] != row:
            group[row] = group[group[row]]
            row = group[row]
        return row

    for i, j in zip(left.tolist(), right.tolist(), strict=True):
        a, b = sorted((find(i), find(j)), key=lambda root: sizes[root])
        if a != b and not held[a] & held[b]:
            made += sizes[a] * sizes[b]
            correct += sum(n * members[b][who] for who, n in members[a].items())
            held[b] |= held[a]
            group[a], sizes[b] = b, sizes[a] + sizes[b]
            members[b].update(members[a])
        pairs.append(made)
        right_pairs.append(correct)
    _, counts = np.unique(people[people != ""], return_counts=True)
    total = int((counts * (counts - 1) // 2).sum())
    return Curve(scores, np.array(pairs, np.int64), np.array(right_pairs, np.int64), total)
