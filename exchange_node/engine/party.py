"""One party's part in learning the weights: examples made from its own register alone.

Pairs that are one person: rows of the register against damaged copies of them. Pairs that are not: copies against other
rows, at random and, since what matters is told by those that look alike, the most alike ones. Some of these are the
register's own doubles, which must not teach the weights that doubles differ; how likely each is one is estimated along
with the weights (an EM algorithm: Dempster, Laird and Rubin 1977).

What a party gives away is its weights, one number for each feature.
"""

from __future__ import annotations

from typing import Final

import numpy as np
from numpy.typing import NDArray

from exchange_node.encoding.vector_schema import VectorSchema
from exchange_node.encoding.vectors import Floats, Weights
from exchange_node.engine.damage import damaged
from exchange_node.engine.fit import fit
from exchange_node.engine.rake import rake
from exchange_node.engine.search import Plan, Side, find
from exchange_node.records.columns import Columns

COPIES: Final = 6000
STRANGERS: Final = 5
"""Random pairs for each copy."""
ALIKE: Final = 10
"""The most alike other rows for each copy."""
MINED_AMONG: Final = 100_000
"""Where all pairs are compared, the most alike rows are looked for among at most so many."""
_ROUNDS: Final = 8
_NOTHING: Final = -1e9


class Party:
    """A register with its examples."""

    def __init__(self, schema: VectorSchema, columns: Columns, secret: bytes, seed: int) -> None:
        self.side = Side.of(schema, columns, secret)
        self._random = np.random.default_rng(seed)
        rows = self.side.rows
        repeated = -(-COPIES // rows)
        drawn = np.concatenate([self._random.permutation(rows) for _ in range(repeated)])
        self.originals = drawn[:COPIES]
        self.copies = Side.of(schema, damaged(columns, self.originals, self._random), secret)
        self.same = self.copies.vectors.features(self.every_copy, self.side.vectors, self.originals)
        self.worth = np.ones(COPIES)
        self.doubles = 0.02
        """The share of rows that stand twice in the register, as far as is known."""
        of_copy = np.repeat(self.every_copy, STRANGERS)
        other = self._random.integers(0, rows, len(of_copy))
        apart = other != self.originals[of_copy]
        self._strangers = self.copies.vectors.features(of_copy[apart], self.side.vectors, other[apart])
        self._alike: Floats = np.empty((0, len(schema.features)), np.float32)
        self._as_originals = self._alike

    @property
    def every_copy(self) -> NDArray[np.int64]:
        """Row numbers of the copies."""
        return np.arange(COPIES)

    def fit(self, start: Weights | None = None) -> Weights:
        """The weights that tell this register's people apart."""
        strangers = np.full(len(self._strangers), (self.side.rows - 1) * COPIES / len(self._strangers))
        weights = fit(self.same, self._strangers, self.worth, strangers, start)
        if not len(self._alike):
            return weights
        different = np.concatenate([self._strangers, self._alike])
        double = np.zeros(len(self._alike))
        for _ in range(_ROUNDS):
            counted = np.concatenate([strangers, np.maximum(1 - double, 1e-3)])
            weights = fit(self.same, different, self.worth, counted, start or weights)
            odds = self._as_originals @ weights.features + weights.constant + np.log(self.doubles)
            double = 1 / (1 + np.exp(-odds))
            self.doubles = float(np.clip(double.sum() / COPIES, 1e-4, 0.3))
            start = weights
        return weights

    def mine(self, weights: Weights, plan: Plan, kernel: str = "native") -> None:
        """Look for the rows most alike to each copy, other than its original."""
        among = np.arange(self.side.rows)
        if not plan.keys and len(among) > MINED_AMONG:
            among = np.sort(self._random.permutation(among)[:MINED_AMONG])
        found = find(
            self.copies, self.every_copy, self.side, among, weights, plan, least=_NOTHING, most=ALIKE + 1, kernel=kernel
        )
        found = found.only(found.right != self.originals[found.left])
        vectors = self.side.vectors
        self._alike = self.copies.vectors.features(found.left, vectors, found.right)
        self._as_originals = vectors.features(self.originals[found.left], vectors, found.right)

    def rake(self, weights: Weights, least: float, mean: NDArray[np.float64]) -> None:
        """Weigh the copies so that those accepted at `least` have the mean features of the accepted real pairs."""
        scores = self.same @ weights.features + weights.constant
        self.worth = rake(self.same, scores >= least, mean)
