"""What the tasks of a distributed search do: pieces of registers in, arrays out. No framework is named here.

Left rows come in pieces that carry their own columns; a task tokenises and hashes its own, since a left vector depends
on nothing but its row. Right vectors count how rare a value is in the whole register: they arrive made, a slab at a
time. Candidates: every row's keys are sorted into parts by their hash, a part pairs the rows that share a bucket, and
the pairs go to the piece of their left row. A bucket stands whole in one part, so the cap sees all of its rows.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from contextlib import closing
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from exchange_node.encoding.block_keys import Parts, block_keys
from exchange_node.encoding.vector_schema import VectorSchema
from exchange_node.encoding.vectors import Rows, Vectors
from exchange_node.engine.search import Plan
from exchange_node.kernels import dot
from exchange_node.kernels.dot import Kept, SideBySide
from exchange_node.linkage.dot import SCORED, STRIPE, Scored, choose
from exchange_node.records.columns import Column, Columns

Packed = NDArray[np.uint64]
"""Pairs of 32-bit numbers: the first one in the upper half."""
_LOW = np.uint64(2**32 - 1)
_HALF = np.uint64(32)
_AT_ONCE = 4_000_000  # candidates that are scored together, to bound the memory


@dataclass(frozen=True, slots=True, repr=False)
class Piece:
    """Some neighbouring rows of those that are searched: `first` is the number of the first one, `columns` theirs."""

    number: int
    first: int
    columns: Columns

    @property
    def rows(self) -> int:
        """Number of rows."""
        return len(next(iter(self.columns.values())))


@dataclass(frozen=True, slots=True, repr=False)
class Keyed:
    """Rows of one side in some buckets: the key's number and hash, packed, and the row's number, uint32."""

    right: bool
    buckets: Packed
    rows: NDArray[np.uint32]


@dataclass(frozen=True, slots=True, repr=False)
class Task:
    """What is the same for all pieces of one search; `kernel` and `most` as of `engine.search.find`. `threshold`: whole
    numbers. Whoever has it can make vectors: it holds the linkage key.
    """

    schema: VectorSchema
    secret: bytes
    kernel: str
    threshold: int
    most: int
    later: bool


@dataclass(frozen=True, slots=True, repr=False)
class Slab:
    """Weighted vectors of right rows from `first` on; where candidates are looked up they lie one after the other."""

    first: int
    values: SideBySide | NDArray[np.int8]


def cut(columns: Columns, rows: Rows, size: int) -> Iterator[Piece]:
    """These rows in pieces of that size; each takes only the values that it has."""
    for number, first in enumerate(range(0, len(rows), size)):
        some = rows[first : first + size]
        yield Piece(number, first, {name: _compact(column, some) for name, column in columns.items()})


def _compact(column: Column, rows: Rows) -> Column:
    codes = column.codes[rows]
    used = np.unique(np.append(codes, 0))
    values = [column.values[at] for at in used.tolist()]
    return Column(column.name, column.kind, values, np.searchsorted(used, codes).astype(np.int32))


def keyed(piece: Piece, right: bool, plan: Plan, secret: bytes, parts: int) -> Iterator[tuple[int, Keyed]]:
    """The piece's rows by their keys, for each of so many parts."""
    hashes = block_keys(Parts(piece.columns, secret), plan.keys, np.arange(piece.rows))
    number, row = np.nonzero(hashes)
    found = hashes[number, row]
    buckets = number.astype(np.uint64) << _HALF | found
    part = found % np.uint32(parts)
    order = np.argsort(part, kind="stable")
    ends = np.searchsorted(part[order], np.arange(parts + 1))
    for at in np.flatnonzero(np.diff(ends)).tolist():
        here = order[ends[at] : ends[at + 1]]
        yield at, Keyed(right, buckets[here], (row[here] + piece.first).astype(np.uint32))


def paired(part: Iterable[Keyed], cap: int, later: bool, size: int) -> Iterator[tuple[int, Packed]]:
    """The pairs of a left and a right row in one bucket that has at most `cap` right rows, for each left piece of that
    size; one that several keys name comes several times. `later` as of `engine.search.find`.
    """
    all_of = list(part)
    left, left_rows = _side(all_of, False)
    right, right_rows = _side(all_of, True)
    order = np.lexsort((right_rows, right))
    right, right_rows = right[order], right_rows[order]
    begins, ends = np.searchsorted(right, left), np.searchsorted(right, left, "right")
    counts = np.where(ends - begins <= cap, ends - begins, 0)
    ones = np.repeat(left_rows, counts)
    places = np.arange(len(ones)) - np.repeat(np.cumsum(counts) - counts, counts) + np.repeat(begins, counts)
    others = right_rows[places]
    if later:
        ones, others = ones[others > ones], others[others > ones]
    pairs = ones.astype(np.uint64) << _HALF | others
    pairs.sort()
    ends = np.searchsorted(pairs >> _HALF, np.arange(0, (int(ones.max()) if len(ones) else 0) + 2 * size, size))
    for number in np.flatnonzero(np.diff(ends)).tolist():
        yield number, np.unique(pairs[ends[number] : ends[number + 1]])


def _side(part: Iterable[Keyed], right: bool) -> tuple[Packed, NDArray[np.uint32]]:
    own = [some for some in part if some.right == right]
    return (
        np.concatenate([np.empty(0, np.uint64), *(some.buckets for some in own)]),
        np.concatenate([np.empty(0, np.uint32), *(some.rows for some in own)]),
    )


def once(parts: Iterable[Packed]) -> Packed:
    """Each pair once, by left and right row."""
    return np.unique(np.concatenate([np.empty(0, np.uint64), *parts]))


def score(piece: Piece, pairs: Packed | None, slab: Slab, task: Task) -> Scored:
    """The best `most` right rows of the slab for each row of the piece; of these pairs, or of all if it is None."""
    if pairs is None:
        with closing(Vectors(task.schema, piece.columns, task.secret)) as vectors:
            return _of_all(vectors, piece, slab, task)
    right = pairs & _LOW
    pairs = pairs[(right >= slab.first) & (right < slab.first + len(slab.values))]
    parts = [_of_pairs(piece, some, slab, task) for some in np.array_split(pairs, -(-len(pairs) // _AT_ONCE) or 1)]
    return best_of_each(np.concatenate(parts), task.most)


def _of_all(vectors: Vectors, piece: Piece, slab: Slab, task: Task) -> Scored:
    values, kernel, parts = slab.values, choose(task.kernel), [np.empty(0, SCORED)]
    laid = values if isinstance(values, SideBySide) else dot.side_by_side([values], *values.shape)
    for start in range(0, piece.rows, STRIPE):
        x = vectors.left(np.arange(start, min(start + STRIPE, piece.rows)))
        kept, beyond = Kept.none(len(x), task.most), piece.first + start if task.later else dot.EVERY
        dot.search(kernel, x, laid, task.threshold, kept, slab.first, beyond)
        best = kept.pairs[np.arange(task.most) < kept.counts[:, None]]
        found = np.empty(len(best), SCORED)
        found["left"] = np.repeat(np.arange(len(x)) + piece.first + start, kept.counts)
        found["score"], found["right"] = best["score"], best["right"]
        parts.append(found)
    return np.concatenate(parts)


def _of_pairs(piece: Piece, pairs: Packed, slab: Slab, task: Task) -> Scored:
    """Only rows that have a candidate in this slab are tokenised: with many slabs those are few."""
    if isinstance(slab.values, SideBySide):
        raise ValueError("slab: candidates are looked up among rows that lie one after the other")
    left, right = pairs >> _HALF, pairs & _LOW
    rows, ones = np.unique(left, return_inverse=True)
    own = {name: column.take(rows.astype(np.int64) - piece.first) for name, column in piece.columns.items()}
    with closing(Vectors(task.schema, own, task.secret)) as vectors:
        x = vectors.left(np.arange(len(rows)))
    others = (right - np.uint64(slab.first)).astype(np.uint32)
    scores = dot.pairs(choose(task.kernel), x, slab.values, ones.astype(np.uint32), others)
    good = scores >= task.threshold
    found = np.empty(int(good.sum()), SCORED)
    found["score"], found["left"], found["right"] = scores[good], left[good], right[good]
    return found


def best_of_each(pairs: Scored, most: int) -> Scored:
    """The best `most` of each left row, ties by right row; by left row, the best first."""
    order = np.lexsort((pairs["right"], -pairs["score"].astype(np.int64), pairs["left"]))
    pairs = pairs[order]
    firsts = np.flatnonzero(np.diff(pairs["left"].astype(np.int64), prepend=-1))
    rank = np.arange(len(pairs)) - np.repeat(firsts, np.diff(firsts, append=len(pairs)))
    return pairs[rank < most]


def by_score(pairs: Scored) -> Scored:
    """By falling score, then by left and right row, as `engine.search.find` gives them."""
    return pairs[np.lexsort((pairs["right"], pairs["left"], -pairs["score"].astype(np.int64)))]
