"""A linkage that goes on: rows added, changed and removed on both sides without linking everything again.

    standing = Standing.of(link(ours, theirs), our_ids, their_ids)
    standing.update(left=Change(gone=[id], ids=[new], columns=...))
    standing.unlink(our_id, their_id)
    standing.links()

What is kept is what the linkage learned (weights, how rare values were, threshold, plan) and every pair from the
threshold on. New rows are compared with the other side, pairs of rows that are gone are dropped, and one-to-one links
are chosen again from what stands then. They are those of a whole search under the same weights: a row that had as many
pairs as are kept of one, and lost some, is searched for again, and so is one that shares a key with rows that came or
went. A row that changed is one gone and one new. Learning again is a new linkage, due when much has changed.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field, replace

import numpy as np
from numpy.typing import NDArray

from exchange_node.encoding.vectors import Vectors, Weights
from exchange_node.engine.link import MOST, Links
from exchange_node.engine.search import Found, Plan, Side, find
from exchange_node.kernels import greedy
from exchange_node.records.columns import Column, Columns

Numbers = NDArray[np.int64]
Chosen = NDArray[np.bool_]
NOTHING = Found(np.empty(0), np.empty(0, np.int64), np.empty(0, np.int64), 0)


@dataclass(frozen=True, slots=True, repr=False)
class Search:
    """What a linkage has learned: `least` is its threshold, `most` how many pairs are kept of each left row."""

    weights: Weights
    plan: Plan
    least: float
    most: int = MOST
    kernel: str = "native"

    def pairs(self, left: Side, left_rows: Numbers, right: Side, right_rows: Numbers) -> Found:
        """All pairs from the threshold on of these rows, at most `most` of each left one."""
        if not len(left_rows) or not len(right_rows):
            return NOTHING
        return find(
            left, left_rows, right, right_rows, self.weights, self.plan, least=self.least, most=self.most,
            kernel=self.kernel,
        )  # fmt: skip


@dataclass(frozen=True, slots=True, repr=False)
class Change:
    """Rows by their ids: those `gone`, and new ones with their columns. One that is different now is in both."""

    gone: Sequence[bytes] = ()
    ids: Sequence[bytes] = ()
    columns: Columns = field(default_factory=dict)


@dataclass(slots=True, repr=False)
class Register:
    """All rows that ever were, the first `counted` of which tell how rare a value is, and which of them are there."""

    side: Side
    ids: list[bytes]
    counted: int
    there: Chosen
    places: dict[bytes, int]

    @classmethod
    def of(cls, side: Side, ids: Sequence[bytes]) -> Register:
        """Raises ValueError: not one id for each row, or one twice."""
        found = cls(side, list(ids), side.rows, np.ones(side.rows, np.bool_), {})
        found.places = {id: row for row, id in enumerate(found.ids)}
        if not side.rows == len(found.ids) == len(found.places):
            raise ValueError("ids: one for each row, each once")
        return found

    def rows(self) -> Numbers:
        """Those that are there."""
        return np.flatnonzero(self.there)

    def change(self, change: Change) -> tuple[Numbers, Numbers]:
        """The rows that are gone, and the new ones. Raises KeyError, ValueError; then nothing has changed."""
        gone = np.array([self.places[id] for id in change.gone], np.int64)
        left = self.places.keys() - set(change.gone)
        if len(set(change.ids)) < len(change.ids) or left & set(change.ids):
            raise ValueError("ids: a new row's is another's")
        if any(len(column) != len(change.ids) for column in change.columns.values()):
            raise ValueError("columns: a row for each id")
        first = self.side.rows
        if change.ids:
            columns = {name: _behind(column, change.columns[name]) for name, column in self.side.columns.items()}
            vectors = Vectors(self.side.vectors.schema, columns, self.side.secret, self.counted)
            self.side = Side(columns, vectors, self.side.secret)
        for id in change.gone:
            del self.places[id]
        self.places |= {id: first + at for at, id in enumerate(change.ids)}
        self.ids += change.ids
        self.there = np.append(self.there, np.ones(len(change.ids), np.bool_))
        self.there[gone] = False
        return gone, np.arange(first, self.side.rows)


@dataclass(frozen=True, slots=True)
class Updated:
    """How many links stayed, came and went."""

    kept: int
    new: int
    undone: int


class Standing:
    """A linkage of two registers that can go on."""

    def __init__(self, search: Search, left: Register, right: Register, pairs: Found, again: Numbers | None = None):
        """`pairs`: as `search` gives them of all rows that are there, but for the left rows `again`."""
        self.search, self.left, self.right = search, left, right
        self.pairs = pairs
        self.apart: set[tuple[bytes, bytes]] = set()
        self._again = np.zeros(0, np.int64) if again is None else again

    @classmethod
    def of(
        cls, links: Links, left_ids: Sequence[bytes], right_ids: Sequence[bytes], kernel: str = "native"
    ) -> Standing:
        """From a linkage. Raises ValueError: not one id for each row, or one twice."""
        search = Search(links.weights, links.planned.plan, links.decision.threshold, kernel=kernel)
        left, right = (
            Register.of(party.side, ids) for party, ids in zip(links.parties, (left_ids, right_ids), strict=True)
        )
        return cls(search, left, right, search.pairs(left.side, left.rows(), right.side, right.rows()))

    def links(self) -> Found:
        """One-to-one links of the rows that are there, by falling score. Rows are numbered as they came."""
        pairs = self.pairs.only(~self._held_apart())
        return pairs.only(greedy.take(pairs.left.astype(np.uint32), pairs.right.astype(np.uint32)))

    def unlink(self, left: bytes, right: bytes) -> None:
        """A person has decided that these two rows are not one person; it holds as long as both ids are used."""
        self.apart.add((left, right))

    def update(self, left: Change | None = None, right: Change | None = None) -> Updated:
        """Take changes in. Raises KeyError: an id that is gone already; ValueError: columns or ids that do not fit."""
        before = self._named()
        _, new_left = self.left.change(left or Change())
        gone_right, new_right = self.right.change(right or Change())
        stays = self.left.there[self.pairs.left] & self.right.there[self.pairs.right]
        full = np.bincount(self.pairs.left, minlength=self.left.side.rows) >= self.search.most
        again = np.zeros(self.left.side.rows, np.bool_)
        again[self._again] = again[new_left] = True
        again[self.pairs.left[~stays]] |= full[self.pairs.left[~stays]]
        if self.search.plan.keys:
            again |= self._sharing(np.concatenate([gone_right, new_right]))
        again &= self.left.there
        kept = replace(self.pairs.only(stays & ~again[self.pairs.left]), compared=0)
        others = np.flatnonzero(self.left.there & ~again) if not self.search.plan.keys else np.zeros(0, np.int64)
        ours, theirs = self.left.side, self.right.side
        found = (
            kept,
            self.search.pairs(ours, np.flatnonzero(again), theirs, self.right.rows()),
            self.search.pairs(ours, others, theirs, new_right),
        )
        self.pairs = _best(found, self.search.most)
        self._again = np.zeros(0, np.int64)
        after = self._named()
        return Updated(len(before & after), len(after - before), len(before - after))

    def _named(self) -> set[tuple[bytes, bytes]]:
        links = self.links()
        return {(self.left.ids[a], self.right.ids[b]) for a, b in zip(links.left, links.right, strict=True)}

    def _held_apart(self) -> Chosen:
        held = np.zeros(len(self.pairs), np.bool_)
        for one, other in self.apart:
            if one in self.left.places and other in self.right.places:
                left, right = self.left.places[one], self.right.places[other]
                held |= (self.pairs.left == left) & (self.pairs.right == right)
        return held

    def _sharing(self, right_rows: Numbers) -> Chosen:
        """The left rows that share a key with any of these."""
        ours, theirs = (side.keys(self.search.plan) for side in (self.left.side, self.right.side))
        found = np.zeros(self.left.side.rows, np.bool_)
        for own, other in zip(ours, theirs, strict=True):
            found |= np.isin(own, other[right_rows]) & (own != 0)
        return found


def _behind(column: Column, new: Column) -> Column:
    """The rows of one column behind another's."""
    places = {value: code for code, value in enumerate(column.values)}
    codes = np.array([places.setdefault(value, len(places)) for value in new.values], np.int32)
    return Column(column.name, column.kind, list(places), np.concatenate([column.codes, codes[new.codes]]))


def _best(found: Sequence[Found], most: int) -> Found:
    """The best `most` pairs of each left row, by falling score, then by left and right row."""
    scores, left, right = (np.concatenate([getattr(one, of) for one in found]) for of in ("scores", "left", "right"))
    order = np.lexsort((right, -scores, left))
    first = np.flatnonzero(np.diff(left[order], prepend=-1))
    rank = np.arange(len(order)) - np.repeat(first, np.diff(first, append=len(order)))
    order = order[rank < most]
    order = order[np.lexsort((right[order], left[order], -scores[order]))]
    return Found(scores[order], left[order], right[order], sum(one.compared for one in found))
