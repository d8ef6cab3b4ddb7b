"""Which pairs of a register's own rows are one person that it has twice, and which are relatives or strangers.

Told apart without labels and without the register's look-alikes: doubles by damaged copies, strangers by random rows
and by the most alike rows of a register of nobody, in which each row is put together from several people's values, and
relatives by copies in which what a household does not share is somebody else's. How many relatives and doubles a row
has is what explains the register's most alike pairs best (shares of classes by EM: Saerens, Latinne and Decaestecker
2002).
"""

from __future__ import annotations

from typing import Final

import numpy as np
from numpy.typing import NDArray

from exchange_node.encoding.vectors import Floats, Weights
from exchange_node.engine.fit import fit
from exchange_node.engine.search import Plan, Side, find
from exchange_node.records.columns import Columns

DOUBLES: Final = 0.02
"""Doubles and"""
RELATIVES: Final = 1.0
"""relatives of a row before anything is counted."""
_HOUSEHOLD: Final = ("surname", "address_line", "postcode", "town", "state", "phone")
_KINDS: Final = ((_HOUSEHOLD, 0.96), ((*_HOUSEHOLD, "date_of_birth"), 0.02), ((*_HOUSEHOLD, "forename"), 0.02))
"""What relatives share, and the share of them: a household, twins, and a child named like its parent."""
_TOGETHER: Final = (("forename", "middle_names", "sex"), ("address_line", "postcode", "town", "state", "phone"))
"""What one person's value tells of another field's; all else is nobody's together."""
CHANCE: Final = 10
"""Rows of nobody for each copy, those most like it."""
NOBODIES: Final = 10_000
"""Rows of nobody at most; each then counts for several."""
NOTHING: Final = -1e9
"""Log odds that every pair reaches."""
_LEAST: Final = 3
"""No kind is less than so many pairs."""
_STEPS: Final = 50


class Doubles:
    """Of one register, by its copies."""

    def __init__(self, copies: Side, register: Side, originals: NDArray[np.int64], random: np.random.Generator) -> None:
        self.doubles, self.relatives = DOUBLES, RELATIVES
        every = np.arange(copies.rows)
        found = []
        for shared, _ in _KINDS:
            other = random.permutation(copies.rows)
            mixed = {name: col if name in shared else col.take(other) for name, col in copies.columns.items()}
            side = Side.of(copies.vectors.schema, mixed, copies.secret)
            found.append(side.vectors.features(every, register.vectors, originals))
        self._of_relatives = np.concatenate(found)
        self._shares = np.repeat([share for _, share in _KINDS], copies.rows)
        self._one: Weights | None = None
        self._relative: Weights | None = None
        self._side = copies
        self.least = np.full(copies.rows, np.inf)
        """Of each copy, the score of the least alike row of nobody that was found."""
        self._nobody = Side.of(copies.vectors.schema, _mixed(register.columns, random), copies.secret)
        self._nobodys_worth = register.rows / self._nobody.rows
        self._by_chance = self._of_relatives[:0]

    def mine(self, weights: Weights, kernel: str) -> None:
        """Look for strangers that are alike by chance: the rows of nobody most alike to each copy."""
        every, rows = np.arange(self._side.rows), np.arange(self._nobody.rows)
        found = find(self._side, every, self._nobody, rows, weights, Plan(), least=NOTHING, most=CHANCE, kernel=kernel)
        self._by_chance = self._side.vectors.features(found.left, self._nobody.vectors, found.right)
        self.least = np.full(self._side.rows, np.inf)
        np.minimum.at(self.least, found.left, found.scores)

    def fit(
        self, same: Floats, worth: NDArray[np.float64], strangers: Floats, stranger_worth: NDArray[np.float64]
    ) -> Weights:
        """Weights of copies against strangers, those alike by chance too, and as many relatives as there are by now."""
        strangers = np.concatenate([strangers, self._by_chance])
        stranger_worth = np.concatenate([stranger_worth, np.full(len(self._by_chance), self._nobodys_worth)])
        relatives = self._shares * self.relatives
        self._relative = fit(self._of_relatives, strangers, relatives, stranger_worth, self._relative)
        others = np.concatenate([strangers, self._of_relatives])
        self._one = fit(same, others, worth, np.concatenate([stranger_worth, relatives]), self._one)
        return self._one

    def count(self, pairs: Floats) -> None:
        """How many doubles and relatives a row has, from the features of as many rows' most alike others as there are
        copies.
        """
        if self._one is None or self._relative is None:
            return
        one, relative = np.exp(np.clip(_odds(self._one, pairs), -50, 50)), _likely(_odds(self._relative, pairs))
        before = self.relatives
        for _ in range(_STEPS):
            parts = np.stack([self.doubles * one, self.relatives / before * relative, 1 - relative])
            counts = (parts / np.maximum(parts.sum(axis=0), 1e-300)).sum(axis=1)
            self.doubles, self.relatives = (np.maximum(counts[:2], _LEAST) / self._side.rows).tolist()

    def likely(self, pairs: Floats) -> NDArray[np.float64]:
        """The probability that pairs with these features are one person; 0 before `fit`."""
        if self._one is None:
            return np.zeros(len(pairs))
        return _likely(_odds(self._one, pairs) + np.log(self.doubles))


def _mixed(columns: Columns, random: np.random.Generator) -> Columns:
    """A register of nobody: at most NOBODIES rows, each put together from several people's values."""
    rows = len(next(iter(columns.values())).codes)
    size = min(rows, NOBODIES)
    groups = [*_TOGETHER, *((name,) for name in columns if not any(name in group for group in _TOGETHER))]
    orders = {name: order for group in groups for order in [random.permutation(rows)[:size]] for name in group}
    return {name: column.take(orders[name]) for name, column in columns.items()}


def _odds(weights: Weights, pairs: Floats) -> NDArray[np.float64]:
    return np.asarray(pairs @ weights.features + weights.constant, np.float64)


def _likely(odds: NDArray[np.float64]) -> NDArray[np.float64]:
    return np.asarray(1 / (1 + np.exp(-np.clip(odds, -500, 500))), np.float64)
