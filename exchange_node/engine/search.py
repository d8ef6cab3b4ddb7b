"""Finding the best pairs between two registers: all pairs where that is affordable, else those that share a key."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from exchange_node.encoding.block_keys import Key, Parts, block_keys
from exchange_node.encoding.vector_schema import VectorSchema
from exchange_node.encoding.vectors import LARGEST, Rows, Vectors, Weights, scale_for
from exchange_node.kernels.cores import for_each
from exchange_node.kernels.dot import SideBySide, in_lines, side_by_side
from exchange_node.kernels.packed import Packed
from exchange_node.linkage.blocks import Buckets, Candidates
from exchange_node.linkage.dot import STRIPE, best_pairs, choose
from exchange_node.records.columns import Columns

SLAB_BYTES = 200_000_000
"""Memory for right rows' vectors, which are made a slab at a time."""
PART = 8192
"""Right rows made at a time."""
_PARTS = 8  # made before it is seen whether a slab is full
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
    parts: Parts = field(init=False)
    _keys: dict[Plan, NDArray[np.uint32]] = field(init=False)
    _buckets: dict[Plan, Buckets] = field(init=False)

    def __post_init__(self) -> None:
        self.forget_keys()

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
        if plan not in self._keys:
            self._keys = {plan: block_keys(self.parts, plan.keys, np.arange(self.rows))}
        return self._keys[plan]

    def buckets(self, plan: Plan) -> Buckets:
        """All rows by the plan's keys."""
        if plan not in self._buckets:
            self._buckets = {plan: Buckets(self.keys(plan), plan.cap)}
        return self._buckets[plan]

    def forget_keys(self) -> None:
        """Let go of what `keys` and `buckets` made, which is large."""
        self.parts, self._keys, self._buckets = Parts(self.columns, self.secret), {}, {}


@dataclass(frozen=True, slots=True, repr=False)
class Found:
    """Pairs, by falling score: log odds as the weights count them, and the row numbers on both sides."""

    scores: NDArray[np.float64]
    left: NDArray[np.int64]
    right: NDArray[np.int64]
    compared: int

    def __len__(self) -> int:
        return len(self.scores)

    def only(self, chosen: NDArray[np.bool_] | NDArray[np.intp]) -> Found:
        """Some of them, or all in another order."""
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
    among: Candidates | None = None,
    progress: Progress | None = None,
) -> Found:
    """The best `most` right rows of each left row whose log odds reach `least`, of the rows named on both sides.

    Exact in whole numbers: `least` and the scores are rounded to 1 / `scale_for`. Memory is bounded by one slab of
    right vectors. `later` finds pairs within one register, whose right row comes after the left one in `left_rows`,
    which must then be `right_rows`. `among`: the plan's `candidates` of these rows, if they are known already.
    """
    chosen, scale = choose(kernel), scale_for(left.vectors.schema, weights)
    threshold = int(np.ceil(np.clip((least - weights.constant) * scale, -LARGEST, LARGEST + 1)))  # no score is beyond
    if among is None and plan.keys:
        among = candidates(left, left_rows, right, right_rows, plan, later=later)
    if among is not None:
        among, wanted = among.compact(len(right_rows))
        right_rows = right_rows[wanted]
    width, room = left.vectors.schema.width, threading.local()

    def stripe(start: int, end: int) -> NDArray[np.uint8]:
        if not hasattr(room, "rows"):
            room.rows = in_lines(STRIPE, width)  # fresh memory costs more than filling it
        return left.vectors.left(left_rows[start:end], room.rows[: end - start])

    slabs = _side_by_side if among is None else _packed
    best = best_pairs(
        stripe,
        len(left_rows),
        slabs(right.vectors, right_rows, weights, scale),
        threshold,
        most,
        chosen,
        among,
        None if progress is None else lambda done: progress(done, len(left_rows) * len(right_rows)),
        later=later,
    )
    scores = best.pairs["score"] / scale + weights.constant
    return Found(scores, left_rows[best.pairs["left"]], right_rows[best.pairs["right"]], best.compared)


def candidates(
    left: Side, left_rows: Rows, right: Side, right_rows: Rows, plan: Plan, *, later: bool = False
) -> Candidates:
    """The pairs of these rows that the plan's keys name; their places among them. All weights have the same ones."""
    wanted = left.keys(plan)
    if not _is_every(left_rows, left):  # keys are large, and those of all are not copied
        wanted = wanted.take(left_rows, axis=1)
    if _is_every(right_rows, right):
        return right.buckets(plan).candidates(wanted, later=later)
    return Buckets(right.keys(plan).take(right_rows, axis=1), plan.cap).candidates(wanted, later=later)


def _is_every(rows: Rows, side: Side) -> bool:
    return np.array_equal(rows, np.arange(side.rows))


def _side_by_side(vectors: Vectors, rows: Rows, weights: Weights, scale: float) -> Iterator[SideBySide]:
    """Weighted vectors to compare all with, a slab at a time."""
    size, width = max(1, SLAB_BYTES // vectors.schema.width), vectors.schema.width
    weighted = vectors.weighted(weights, scale, len(rows))
    for start in range(0, len(rows), size):
        here = rows[start : start + size]
        parts = (weighted.packed(here[at : at + PART]).unpacked(width) for at in range(0, len(here), PART))
        yield side_by_side(parts, len(here), width)


def _packed(vectors: Vectors, rows: Rows, weights: Weights, scale: float) -> Iterator[Packed]:
    """The same to compare candidates with. For a moment a slab stands in memory twice."""
    weighted, parts = vectors.weighted(weights, scale, len(rows)), list[Packed]()
    for start in range(0, len(rows), _PARTS * PART):
        here = rows[start : start + _PARTS * PART]

        def part(number: int, here: Rows = here) -> Packed:
            return weighted.packed(here[number * PART : (number + 1) * PART])

        parts += for_each(part, -(-len(here) // PART))
        if sum(made.nbytes for made in parts) >= SLAB_BYTES // 2:
            yield Packed.together(parts)
            parts.clear()
    if parts:
        yield Packed.together(parts)
