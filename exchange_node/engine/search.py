"""Finding the best pairs between two registers: all pairs where that is affordable, else those that share a key."""

from __future__ import annotations

import os
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from exchange_node.encoding.block_keys import Key, block_keys
from exchange_node.encoding.vector_schema import VectorSchema
from exchange_node.encoding.vectors import LARGEST, Rows, Vectors, Weights, scale_for
from exchange_node.kernels.dot import side_by_side
from exchange_node.linkage.dot import Best, Blocks, best_pairs, choose, merge
from exchange_node.records.columns import Columns

SLAB = 125_000
"""Right rows whose vectors are in memory together."""
_PART = 8192
Progress = Callable[[int, int], None]


@dataclass(frozen=True, slots=True)
class Plan:
    """Which pairs are compared: all of them if there are no `keys`, else those that share one whose bucket has at most
    `cap` right rows.
    """

    keys: tuple[Key, ...] = ()
    cap: int = 0


@dataclass(slots=True, repr=False)
class Side:
    """One register, or copies of some of its rows, under one linkage key."""

    columns: Columns
    vectors: Vectors
    secret: bytes
    _hashes: dict[tuple[Key, ...], NDArray[np.uint32]] = field(default_factory=dict)

    @classmethod
    def of(cls, schema: VectorSchema, columns: Columns, secret: bytes) -> Side:
        """Tokenised and hashed."""
        return cls(columns, Vectors(schema, columns, secret), secret)

    @property
    def rows(self) -> int:
        """Number of rows."""
        return self.vectors.rows

    def keys(self, plan: Plan) -> NDArray[np.uint32]:
        """The hashes of the plan's keys, shape (keys, rows)."""
        if plan.keys not in self._hashes:
            self._hashes = {plan.keys: block_keys(self.columns, plan.keys, self.secret)}
        return self._hashes[plan.keys]


@dataclass(frozen=True, slots=True, repr=False)
class Found:
    """Pairs, by falling score: log odds as the weights count them, and the row numbers on both sides."""

    scores: NDArray[np.float64]
    left: NDArray[np.int64]
    right: NDArray[np.int64]
    compared: int

    def __len__(self) -> int:
        return len(self.scores)

    def only(self, chosen: NDArray[np.bool_]) -> Found:
        """Some of them."""
        return Found(self.scores[chosen], self.left[chosen], self.right[chosen], self.compared)


def find(
    left: Side,
    left_rows: Rows,
    right: Side,
    right_rows: Rows,
    weights: Weights,
    plan: Plan,
    *,
    least: float,
    most: int,
    kernel: str = "native",
    later: bool = False,
    progress: Progress | None = None,
) -> Found:
    """The best `most` right rows of each left row whose log odds reach `least`, of the rows named on both sides.

    Exact in whole numbers: `least` and the scores are rounded to 1 / `scale_for`. Memory is bounded by one slab of
    right vectors. `later` finds pairs within one register, whose right row comes after the left one in `left_rows`,
    which must then be `right_rows`.
    """
    chosen, scale = choose(kernel), scale_for(left.vectors.schema, weights)
    threshold = int(np.ceil(np.clip((least - weights.constant) * scale, -LARGEST, LARGEST + 1)))  # no score is beyond
    best: Best | None = None
    slabs = range(0, len(right_rows), SLAB)
    keyed = _Keyed(left, left_rows, plan) if plan.keys else None
    for start in slabs:
        slab = right_rows[start : start + SLAB]
        values = _right(right.vectors, slab, weights, scale)
        blocks = keyed.against(right, slab) if keyed is not None else None
        laid = side_by_side([values], *values.shape) if blocks is None else values
        done = best_pairs(
            lambda a, b: left.vectors.left(left_rows[a:b]),
            len(left_rows),
            laid,
            threshold,
            most,
            chosen,
            blocks,
            _of_slab(progress, start // SLAB, len(slabs)),
            first_right=start,
            later=later,
            max_candidates=max(20_000_000, most * len(left_rows)),
        )
        best = done if best is None else Best(merge(best.pairs, done.pairs, most), best.compared + done.compared)
    if best is None:
        return Found(np.empty(0), np.empty(0, np.int64), np.empty(0, np.int64), 0)
    scores = best.pairs["score"] / scale + weights.constant
    return Found(scores, left_rows[best.pairs["left"]], right_rows[best.pairs["right"]], best.compared)


def _of_slab(progress: Progress | None, slab: int, slabs: int) -> Progress | None:
    if progress is None:
        return None
    return lambda done, rows: progress(slab * rows + done, slabs * rows)


def _right(vectors: Vectors, rows: Rows, weights: Weights, scale: float) -> NDArray[np.int8]:
    values = np.empty((len(rows), vectors.schema.width), np.int8)

    def part(number: int) -> None:
        here = slice(number * _PART, (number + 1) * _PART)
        vectors.right(rows[here], weights, scale, out=values[here])

    _for_each(part, -(-len(rows) // _PART))
    return values


def _sorted(hashes: NDArray[np.uint32], rows: Rows) -> tuple[NDArray[np.uint32], NDArray[np.uint32]]:
    """For each key the rows by their hashes, and the hashes in that order; both of shape (keys, rows)."""
    order = np.empty((len(hashes), len(rows)), np.uint32)
    ordered = np.empty((len(hashes), len(rows)), np.uint32)

    def sort(at: int) -> None:
        own = hashes[at][rows]
        order[at] = np.argsort(own, kind="stable")
        ordered[at] = own[order[at]]

    _for_each(sort, len(hashes))
    return order, ordered


def _for_each(work: Callable[[int], None], count: int) -> None:
    """On all cores; numpy and our kernels leave Python's lock while they work."""
    with ThreadPoolExecutor(len(os.sched_getaffinity(0))) as pool:
        list(pool.map(work, range(count)))


class _Keyed:
    """The left rows by their keys, sorted once for all slabs of right rows."""

    def __init__(self, left: Side, rows: Rows, plan: Plan) -> None:
        self._plan = plan
        self._order, self._ordered = _sorted(left.keys(plan), rows)

    def against(self, right: Side, rows: Rows) -> Blocks:
        """Which of these right rows share a bucket with each left row."""
        order, ordered = _sorted(right.keys(self._plan), rows)
        places = np.empty(self._order.shape, np.uint32)
        buckets: list[NDArray[np.uint32]] = [np.empty((0, 2), np.uint32)] * len(order)

        def look_up(at: int) -> None:
            first = np.flatnonzero(np.diff(ordered[at], prepend=~ordered[at][:1])).astype(np.uint32)
            hashes = ordered[at][first]
            last = np.append(first[1:], np.uint32(len(ordered[at])))
            used = (last - first <= self._plan.cap) & (hashes != 0)
            nobody = np.zeros((1, 2), np.uint32)
            buckets[at] = np.concatenate([np.column_stack([first * used, last * used]), nobody])
            wanted = self._ordered[at]
            place = np.searchsorted(hashes, wanted).clip(max=len(hashes) - 1)  # quick, since both are sorted
            places[at, self._order[at]] = np.where(hashes[place] == wanted, place, len(hashes))

        _for_each(look_up, len(order))

        def ranges(start: int, end: int) -> NDArray[np.uint32]:
            return np.stack([buckets[at][places[at, start:end]] for at in range(len(buckets))], axis=1)

        return Blocks(order, ranges)
