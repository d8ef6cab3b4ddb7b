"""From keys to candidates: which pairs of rows share a bucket, each pair once."""

from __future__ import annotations

import os
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import TypeVar

import numpy as np
from numpy.typing import NDArray

from exchange_node.kernels import dot

_STRIPE = 4096
_CHUNK = 64 * _STRIPE  # left rows whose ranges are in memory together
T = TypeVar("T")
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
    """Right rows by their keys. Takes twelve bytes for each key of each row at most."""

    def __init__(self, right: Hashes, cap: int) -> None:
        """Buckets with more than `cap` rows are not looked into."""
        self._order = np.empty(right.shape, np.uint32)

        def key(at: int) -> _Key:
            self._order[at], ordered = _by_hash(right[at])
            return _Key.of(ordered, cap)

        self._keys = for_each(key, len(right))

    def candidates(self, left: Hashes, *, later: bool = False) -> Candidates:
        """The pairs that share a bucket under one of the keys.

        `later`: both sides are one file, and only pairs whose right row comes after the left one count.
        """
        rows = left.shape[1]
        counts, found = np.zeros(rows, np.int64), [np.empty(0, np.uint32)]
        for top in range(0, rows, _CHUNK):
            chunk = left[:, top : top + _CHUNK]
            ranges = np.empty((chunk.shape[1], len(chunk), 2), np.uint32)

            def look_up(at: int, chunk: Hashes = chunk, ranges: NDArray[np.uint32] = ranges) -> None:
                ranges[:, at] = self._keys[at].ranges(chunk[at])

            def gather(number: int, top: int = top, ranges: NDArray[np.uint32] = ranges) -> NDArray[np.uint32]:
                here = slice(number * _STRIPE, (number + 1) * _STRIPE)
                first = top + number * _STRIPE
                several, ids = dot.gather(self._order, ranges[here], first if later else dot.EVERY)
                counts[first : first + len(several)] = several
                return ids.copy()  # most of the room that it had is not used

            for_each(look_up, len(chunk))
            found += for_each(gather, -(-len(ranges) // _STRIPE))
        return Candidates(np.concatenate(found), np.concatenate([[0], np.cumsum(counts)]))


@dataclass(frozen=True, slots=True, repr=False)
class _Key:
    """The hashes of one key, and where in the order by them the bucket of each begins."""

    hashes: NDArray[np.uint32]
    begins: NDArray[np.uint32]  # one more, where the last one ends
    cap: int

    @classmethod
    def of(cls, ordered: NDArray[np.uint32], cap: int) -> _Key:
        first = np.flatnonzero(np.diff(ordered, prepend=~ordered[:1])).astype(np.uint32)
        return cls(ordered[first], np.append(first, np.uint32(len(ordered))), cap)

    def ranges(self, wanted: NDArray[np.uint32]) -> NDArray[np.uint32]:
        """Where the bucket of each begins and ends, shape (rows, 2)."""
        found = np.zeros((len(wanted), 2), np.uint32)
        if len(self.hashes):
            order, ordered = _by_hash(wanted)
            place = np.searchsorted(self.hashes, ordered).clip(max=len(self.hashes) - 1)  # quick, since both are sorted
            begins, ends = self.begins[place], self.begins[place + 1]
            used = (self.hashes[place] == ordered) & (ordered != 0) & (ends - begins <= self.cap)
            found[order] = np.column_stack([begins * used, ends * used])
        return found


def _by_hash(hashes: NDArray[np.uint32]) -> tuple[NDArray[np.uint32], NDArray[np.uint32]]:
    """The rows by their hashes, and the hashes in that order: sorted as one number, several times as fast."""
    packed = hashes.astype(np.uint64) << np.uint64(32) | np.arange(len(hashes), dtype=np.uint64)
    packed.sort()
    return packed.astype(np.uint32), (packed >> np.uint64(32)).astype(np.uint32)


def for_each(work: Callable[[int], T], count: int) -> list[T]:
    """On all cores; numpy and our kernels leave Python's lock while they work."""
    with ThreadPoolExecutor(len(os.sched_getaffinity(0))) as pool:
        return list(pool.map(work, range(count)))
