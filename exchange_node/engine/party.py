"""One party's part in learning the weights: examples made from its own register alone.

Pairs that are one person: rows of the register against damaged copies of them. Pairs that are not: copies against other
rows, at random and, since what matters is told by those that look alike, the most alike ones. Some of these are the
register's own doubles, which must not teach the weights that doubles differ. How likely each is one is told by weights
that know no look-alikes (`doubles.py`): weights that do would call more and more doubles different, in turn with
learning from them.

What a party gives away is its weights, one number for each feature.
"""

from __future__ import annotations

import time
from dataclasses import dataclass
from typing import Final

import numpy as np
from numpy.typing import NDArray

from exchange_node.encoding.vector_schema import VectorSchema
from exchange_node.encoding.vectors import Floats, Weights
from exchange_node.engine.damage import MOVED, MOVED_WITHIN, damaged
from exchange_node.engine.doubles import NOTHING, Doubles
from exchange_node.engine.fit import fit
from exchange_node.engine.rake import rake
from exchange_node.engine.search import Found, Plan, Side, candidates, find
from exchange_node.linkage.blocks import Candidates
from exchange_node.linkage.errors import LinkageError
from exchange_node.records.columns import Columns

COPIES: Final = 6000
COPIES_WITHIN: Final = 12_000
"""So many where a register is held against itself: doubles that are wrong in several fields at once look like relatives
and strangers, and few copies are such.
"""
STRANGERS: Final = 5
"""Random pairs for each copy."""
ALIKE: Final = 10
"""The most alike other rows for each copy."""
MINED_AMONG: Final = 100_000
"""Where all pairs are compared, the most alike rows are looked for among at most so many."""
NEAR: Final = 4.0
"""Log odds from the threshold within which kinds of pairs are counted."""
LEAST_RELATIVES: Final = 0.1
"""So much a relative counts at least: whoever is linked is still to be more alike."""
_MAY_BE_DOUBLES: Final = 0.005
"""Of the random pairs, the share of those most alike that are not used before look-alikes are known."""
ROUGH: Final = 0.15
"""Share of the copies that are rough ones where a register is held against itself: doubles may be as bad as that.
Between registers, where hard look-alikes are many, they cost a little and bring nothing.
"""
_ROUGH_WORTH: Final = 0.05
"""What one counts before raking, of another copy."""
_AT_ONCE: Final = 100_000
"""Pairs whose features are held at once."""


@dataclass(frozen=True, slots=True, repr=False)
class Negatives:
    """Features of copies and other people's rows, and of the copies' originals and the same rows."""

    of_copies: Floats
    of_originals: Floats

    def only(self, chosen: NDArray[np.bool_]) -> Negatives:
        """Some of them."""
        return Negatives(self.of_copies[chosen], self.of_originals[chosen])


class Party:
    """A register with its examples. Raises LinkageError too-few-people."""

    def __init__(
        self, schema: VectorSchema, columns: Columns, secret: bytes, seed: int, *, within: bool = False
    ) -> None:
        """`within`: the register is held against itself, and its doubles may be as bad as rough copies."""
        self.started = time.monotonic()
        self.side = Side.of(schema, columns, secret)
        self._random = np.random.default_rng(seed)
        rows = self.side.rows
        if not rows:
            raise LinkageError("too-few-people", "no rows")
        copied = COPIES_WITHIN if within else COPIES
        drawn = np.concatenate([self._random.permutation(rows) for _ in range(-(-copied // rows))])
        self.originals = drawn[:copied]
        roughly = self._random.random(copied) < (ROUGH if within else 0.0)
        moved = MOVED_WITHIN if within else MOVED
        copies, elsewhere = damaged(columns, self.originals, self._random, roughly, moved=moved)
        self.copies = Side.of(schema, copies, secret)
        self.same = self.copies.vectors.features(self.every_copy, self.side.vectors, self.originals)
        worth = np.where(roughly, _ROUGH_WORTH, 1.0)
        self._unraked: NDArray[np.float64] = worth / worth.mean()
        self.worth = self._unraked
        self._worth_within = self._unraked
        self._among: dict[Plan, Candidates] = {}
        self._doubles = Doubles(self.copies, self.side, self.originals, elsewhere, self._random, within=within)
        of_copy = np.repeat(self.every_copy, STRANGERS)
        other = self._random.integers(0, rows, len(of_copy))
        apart = other != self.originals[of_copy]
        self._of_copy = of_copy[apart]
        self._drawn = self._negatives(of_copy[apart], other[apart])
        likeness = self._drawn.of_originals.mean(axis=1)
        if not np.any(likeness < self.same.mean(axis=1).max()):
            raise LinkageError("too-few-people", f"{rows} rows")
        self._strangers = self._drawn.only(likeness <= np.quantile(likeness, 1 - _MAY_BE_DOUBLES))
        self._by_chance = self._strangers
        self._alike = self._negatives(of_copy[:0], other[:0])
        self._weights: Weights | None = None
        self._relatives_worth = 1.0

    @property
    def every_copy(self) -> NDArray[np.int64]:
        """Row numbers of the copies."""
        return np.arange(self.copies.rows)

    def fit(self) -> Weights:
        """The weights that tell the register's people apart. Before look-alikes are known, relatives stand for them."""
        self._tell_doubles()
        if len(self._alike.of_copies):
            alike = self._alike.of_copies
            _, relatives, strangers = self.kinds(self._alike.of_originals)
            single = np.maximum(self._relatives_worth * relatives + strangers, 1e-6)
        else:
            alike, single = self._doubles.relatives()
        different = np.concatenate([self._strangers.of_copies, alike])
        worth = np.append(self._worth_of(self._strangers), single)
        self._weights = fit(self.same, different, self.worth, worth, self._weights)
        return self._weights

    def _worth_of(self, strangers: Negatives) -> NDArray[np.float64]:
        """Each stands for many: there are as many strangers as other rows of each copy."""
        drawn = len(strangers.of_copies)
        return np.full(drawn, (self.side.rows - 1) * self.copies.rows / max(drawn, 1))

    def _tell_doubles(self) -> None:
        """Fitted without look-alikes, which then tell how many doubles and relatives there are."""
        strangers = self._by_chance
        self._doubles.fit(self.same, self._worth_within, strangers.of_copies, self._worth_of(strangers))
        if len(self._alike.of_originals):
            self._doubles.count(self._alike.of_originals)

    def candidates(self, plan: Plan) -> Candidates | None:
        """The register's rows that the plan's keys name for each copy; none if all pairs are compared."""
        if plan.keys and plan not in self._among:
            rows = np.arange(self.side.rows)
            self._among[plan] = candidates(self.copies, self.every_copy, self.side, rows, plan)
            self._doubles.measure_keys(plan)
        return self._among.get(plan)

    def kinds(self, pairs: Floats) -> NDArray[np.float64]:
        """How likely pairs of the register's own rows with these features are one person that it has twice, relatives,
        and strangers: shape (3, pairs).
        """
        return self._doubles.kinds(pairs)

    @property
    def relatives_of_a_row(self) -> float:
        """How many others of the register are some, of those that could be found."""
        return self._doubles.relatives_of_a_row

    def others(self, pairs: Floats, most: float) -> NDArray[np.float64]:
        """How likely pairs with these features, with rows of another register, are two relatives, at most so many, and
        strangers: shape (2, pairs).
        """
        return self._doubles.others(pairs, most)

    def odds(self, pairs: Floats) -> NDArray[np.float64]:
        """Log odds that pairs with these features, with rows of the register, are one person, beside relatives of each
        kind and strangers. No one score of weighed features tells that: twins differ in the forename alone, others of a
        household in the birth date too.
        """
        return self._doubles.odds(pairs)

    def doubles(self) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
        """Log odds of the copies beside their originals, as real doubles should have them, and what each is worth."""
        return self.odds(self.same), self._doubles.as_counted(self._worth_within)

    def by_odds(self, found: Found) -> Found:
        """Pairs of the register's own rows, by `odds`. Features are large, so for some at a time."""
        scores, vectors = np.empty(len(found)), self.side.vectors
        for at in range(0, len(found), _AT_ONCE):
            some = slice(at, at + _AT_ONCE)
            scores[some] = self.odds(vectors.features(found.left[some], vectors, found.right[some]))
        return Found(scores, found.left, found.right, found.compared).only(np.argsort(-scores, kind="stable"))

    def mine(self, weights: Weights, plan: Plan, kernel: str = "native") -> None:
        """Look for the rows most alike to each copy, other than its original."""
        rows = np.arange(self.side.rows)
        if not plan.keys and len(rows) > MINED_AMONG:
            rows = np.sort(self._random.permutation(rows)[:MINED_AMONG])
        found = find(
            self.copies, self.every_copy, self.side, rows, weights, plan, least=NOTHING, most=ALIKE + 1, kernel=kernel,
            among=self.candidates(plan),
        )  # fmt: skip
        found = found.only(found.right != self.originals[found.left])
        least = np.full(self.copies.rows, np.inf)  # who is more alike than the least alike one mined is mined, too
        np.minimum.at(least, found.left, found.scores)
        scores = self._drawn.of_copies @ weights.features + weights.constant
        self._strangers = self._drawn.only(scores < least[self._of_copy])
        self._doubles.mine(weights, kernel)
        self._by_chance = self._drawn.only(scores < self._doubles.least[self._of_copy])
        self._alike = self._negatives(found.left, found.right)

    def _negatives(self, copies: NDArray[np.int64], others: NDArray[np.int64]) -> Negatives:
        vectors = self.side.vectors
        return Negatives(
            self.copies.vectors.features(copies, vectors, others),
            vectors.features(self.originals[copies], vectors, others),
        )

    def balance(self, relatives: float, strangers: float, least: float, weights: Weights, threshold: float) -> None:
        """Count relatives beside strangers as they are among pairs between registers, of which so many are near the
        threshold; each for so much at least. Where relatives have links of their own, hardly any is left; weights that
        had to tell them apart all the same would tell less well who has moved from strangers of the same name.
        """
        scores = self._alike.of_copies @ weights.features + weights.constant
        kinds = self.kinds(self._alike.of_originals[np.abs(scores - threshold) < NEAR]).sum(axis=1)
        drawn = np.abs(self._strangers.of_copies @ weights.features + weights.constant - threshold) < NEAR
        strangers_here = kinds[2] + self._worth_of(self._strangers)[drawn].sum()
        worth = (relatives + 1) / (strangers + 1) * (strangers_here + 1) / (kinds[1] + 1)
        self._relatives_worth = float(np.clip(worth, max(least, LEAST_RELATIVES), 1))

    def accepted(self, weights: Weights, least: float) -> NDArray[np.bool_]:
        """Which copies would have been linked to their originals."""
        return np.asarray(self.same @ weights.features + weights.constant >= least)

    def rake(self, accepted: NDArray[np.bool_], mean: NDArray[np.float64], pairs: int, *, within: bool = False) -> None:
        """Weigh the copies so that the accepted ones have the mean features of the accepted real pairs, of which there
        are so many.

        `within`: these are the register's own doubles. Pairs between registers tell nothing of those: a double in one
        register has not moved house meanwhile.
        """
        relatives = float(self._doubles.shares[2:].sum()) if within else 1.0
        self.worth = rake(self.same, accepted, mean, pairs, self._unraked, relatives)
        if within:
            self._worth_within = self.worth
