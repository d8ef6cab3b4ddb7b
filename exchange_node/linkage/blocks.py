"""From keys to candidates: which pairs of rows share a bucket, each pair once."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from exchange_node.kernels import blocks
from exchange_node.kernels.cores import for_each

_STRIPE = 1 << 17  # left rows that one thread takes at a time
Hashes = NDArray[np.uint32]
"""Shape (keys, rows); rows with the same number are in one bucket, those with 0 in none."""


@dataclass(frozen=True, slots=True, repr=False)
class Candidates:
    """Those of left row i are the right rows `ids[ends[i]:ends[i + 1]]`."""

    ids: NDArray[np.uint32]
    ends: NDArray[np.int64]

    def __len__(self) -> int:
        return len(self.ids)

    def of(self, start: int, end: int) -> Candidates:
        """Those of some left rows."""
        ends = self.ends[start : end + 1]
        return Candidates(self.ids[ends[0] : ends[-1]], ends - ends[0])

    def only(self, left_rows: NDArray[np.int64]) -> Candidates:
        """Those of the left rows named, in that order."""
        counts = self.ends[left_rows + 1] - self.ends[left_rows]
        ends = np.concatenate([[0], np.cumsum(counts)])
        return Candidates(self.ids[np.repeat(self.ends[left_rows] - ends[:-1], counts) + np.arange(ends[-1])], ends)

    def compact(self, rows: int) -> tuple[Candidates, NDArray[np.int64]]:
        """The same with the right rows numbered anew that are anyone's candidates, of `rows`; and which these are."""
        used = np.zeros(rows, np.bool_)
        used[self.ids] = True
        wanted = np.flatnonzero(used)
        if len(wanted) > rows // 2:
            return self, np.arange(rows)
        places = np.cumsum(used, dtype=np.uint32) - np.uint32(1)
        return Candidates(places[self.ids], self.ends), wanted


class Buckets:
    """Right rows by their keys. Takes four bytes for each key of each row, and eight for each different hash."""

    def __init__(self, right: Hashes, cap: int) -> None:
        """Buckets with more than `cap` rows are not looked into."""
        self._order, self._cap = np.empty(right.shape, np.uint32), cap
        self._keys = for_each(lambda key: blocks.sort(right[key], self._order[key]), len(right))

    def candidates(self, left: Hashes, *, later: bool = False) -> Candidates:
        """The pairs that share a bucket under one of the keys.

        `later`: both sides are one file, and only pairs whose right row comes after the left one count.
        """
        rows = left.shape[1]
        counts, found = np.zeros(rows, np.int64), [np.empty(0, np.uint32)]

        def stripe(number: int) -> NDArray[np.uint32]:
            top = number * _STRIPE
            wanted = left[:, top : top + _STRIPE]
            ranges = np.empty((wanted.shape[1], len(wanted), 2), np.uint32)
            for key, known in enumerate(self._keys):
                blocks.find(known, self._cap, wanted[key], ranges, key)
            several, ids = blocks.gather(self._order, ranges, top if later else blocks.EVERY)
            counts[top : top + len(several)] = several
            return ids.copy()  # most of the room that it had is not used

        found += for_each(stripe, -(-rows // _STRIPE))
        return Candidates(np.concatenate(found), np.concatenate([[0], np.cumsum(counts)]))
