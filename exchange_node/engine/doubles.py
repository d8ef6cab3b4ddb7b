"""Which pairs of a register's own rows are one person that it has twice, and which are relatives or strangers.

Told apart without labels and without the register's look-alikes: doubles by damaged copies, strangers by random rows
and by the most alike rows of a register of nobody, in which each row is put together from several people's values, and
relatives by copies in which what a household does not share is somebody else's. Weights of each kind are its own: twins
differ from doubles in the forename alone, others of a household in the birth date too. How many relatives and doubles a
row has, and how many of these live elsewhere, is what explains the register's most alike pairs best (shares of classes
by EM: Saerens, Latinne and Decaestecker 2002).
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

import numpy as np
from numpy.typing import NDArray

from exchange_node.encoding.vectors import Floats, Weights
from exchange_node.engine.fit import fit
from exchange_node.engine.search import Plan, Side, candidates, find
from exchange_node.records.columns import Columns

DOUBLES: Final = 0.02
"""Doubles and"""
RELATIVES: Final = 1.0
"""relatives of a row before anything is counted."""
_HOUSEHOLD: Final = ("surname", "address_line", "postcode", "town", "state", "phone")
_KINDS: Final = ((_HOUSEHOLD, 0.94), ((*_HOUSEHOLD, "date_of_birth"), 0.04), ((*_HOUSEHOLD, "forename"), 0.02))
"""What relatives share, and the share of them: a household, twins, and a child named like its parent. Of children three
in a hundred have a twin, and few more than one other child at home.
"""
_OF_KINDS: Final = np.array([share for _, share in _KINDS])
_AT_LEAST: Final = np.array([0.0, 0.5])
"""What part of the twins and namesakes that others of a household let expect there is at least. Without a birth date
nothing tells a namesake from a double, and what explains the pairs best is that there is none.
"""
_TOGETHER: Final = (
    ("forename", "middle_names", "surname", "sex", "email"),
    ("address_line", "postcode", "town", "state", "phone"),
)
"""What one person's value tells of another field's; all else is nobody's together. Who has a forename of some people
mostly has a surname of theirs, and an e-mail address is made of both.
"""
CHANCE: Final = 10
"""Rows of nobody for each copy, those most like it."""
NOBODIES: Final = 10_000
"""Rows of nobody at most; each then counts for several. Where a register is held against itself"""
ROWS_OF_NOBODY: Final = 20
"""it may count for so many: at a million rows 10,000 have too few of those strangers that are as alike as doubles."""
NOTHING: Final = -1e9
"""Log odds that every pair reaches."""
_LEAST: Final = 3
"""No kind is less than so many pairs."""
_STEPS: Final = 50
_NONE: Final = 1e-9
"""The share of a kind that no copy is of."""


class Doubles:
    """Of one register, by its copies. `shares`: how many doubles a row has where it lives and elsewhere, then how many
    relatives of each kind.
    """

    def __init__(
        self,
        copies: Side,
        register: Side,
        originals: NDArray[np.int64],
        elsewhere: NDArray[np.bool_],
        random: np.random.Generator,
        *,
        within: bool,
    ) -> None:
        """`elsewhere`: copies that live where somebody else of the register does. `within`: the register is held
        against itself.
        """
        self._moved_share = max(float(elsewhere.mean()), _NONE)
        self.shares = np.append(DOUBLES * np.array([1 - self._moved_share, self._moved_share]), RELATIVES * _OF_KINDS)
        self._at_least = _AT_LEAST if within else 0 * _AT_LEAST
        self._copies, self._register = copies, register
        self._originals, self._elsewhere = originals, elsewhere
        every = np.arange(copies.rows)
        self._related: list[Side] = []
        self._relatives: list[Floats] = []
        for shared, _ in _KINDS:
            other = random.permutation(copies.rows)
            mixed = {name: col if name in shared else col.take(other) for name, col in copies.columns.items()}
            side = Side.of(copies.vectors.schema, mixed, copies.secret)
            self._related.append(side)
            self._relatives.append(side.vectors.features(every, register.vectors, originals))
        self._named = np.ones(len(self.shares))
        self._against: list[Weights] = []
        self._moved = Weights(np.zeros(len(copies.vectors.schema.features)), NOTHING)
        self.least = np.full(copies.rows, np.inf)
        """Of each copy, the score of the least alike row of nobody that was found."""
        nobodies = max(NOBODIES, register.rows // ROWS_OF_NOBODY) if within else NOBODIES
        nobody, self._sources = _mixed(register.columns, nobodies, random)
        self._nobody = Side.of(copies.vectors.schema, nobody, copies.secret)
        self._by_chance, self._chance_worth = self._relatives[0][:0], np.zeros(0)

    def measure_keys(self, plan: Plan) -> None:
        """What part of the relatives of each kind the plan's keys name. Others cannot be counted."""
        for at, side in enumerate(self._related, 2):
            among = candidates(side, np.arange(side.rows), self._register, np.arange(self._register.rows), plan)
            relative = np.repeat(np.arange(side.rows), np.diff(among.ends))
            named = np.unique(relative[among.ids == self._originals[relative]])
            self._named[at] = max(len(named), _LEAST) / side.rows

    def mine(self, weights: Weights, kernel: str) -> None:
        """Look for strangers that are alike by chance: the rows of nobody most alike to each copy. One that has a value
        of the copy's own original or a double of it, or of whoever lives where the copy has moved, is not so by chance.
        """
        copies, nobody = self._copies, self._nobody
        every, rows = np.arange(copies.rows), np.arange(nobody.rows)
        found = find(copies, every, nobody, rows, weights, Plan(), least=NOTHING, most=CHANCE, kernel=kernel)
        self.least = np.full(copies.rows, np.inf)
        np.minimum.at(self.least, found.left, found.scores)
        found = found.only(~self._elsewhere[found.left])
        self._by_chance = copies.vectors.features(found.left, nobody.vectors, found.right)
        self._chance_worth = np.full(len(found), self._register.rows / nobody.rows)
        originals, vectors = self._originals[found.left], self._register.vectors
        for source in self._sources[:, found.right]:
            self._chance_worth *= 1 - self.kinds(vectors.features(originals, vectors, source))[0]
            self._chance_worth[source == originals] = 0

    def fit(
        self, same: Floats, worth: NDArray[np.float64], strangers: Floats, stranger_worth: NDArray[np.float64]
    ) -> None:
        """Weights of copies against relatives of each kind, and against strangers, those alike by chance too; and of
        copies that live elsewhere against the others.
        """
        strangers = np.concatenate([strangers, self._by_chance])
        stranger_worth = np.append(stranger_worth, self._chance_worth)
        evenly = np.ones(len(same))
        others = [*((relatives, evenly) for relatives in self._relatives), (strangers, stranger_worth)]
        before: Sequence[Weights | None] = self._against or [None] * len(others)
        self._against = [
            fit(same, different, worth, its_worth, start)
            for (different, its_worth), start in zip(others, before, strict=True)
        ]
        moved = self._elsewhere
        if moved.any():
            self._moved = fit(same[moved], same[~moved], worth[moved], worth[~moved])
            self._moved_share = float(worth[moved].sum() / worth.sum())

    def relatives(self) -> tuple[Floats, NDArray[np.float64]]:
        """Features of copies' relatives, of all kinds, and how many each stands for."""
        return np.concatenate(self._relatives), np.repeat(self.shares[2:], self._copies.rows)

    def count(self, pairs: Floats) -> None:
        """How many doubles and relatives a row has, from the features of as many rows' most alike others as there are
        copies. Beside a household twins and namesakes are no more than anywhere, and namesakes at least half as many:
        what there is more is doubles. Nor do more doubles live elsewhere than copies do: what there is more is
        strangers.
        """
        likely = np.exp(self._likelihoods(pairs))
        for _ in range(_STEPS):
            parts = np.append(self.shares, 1)[:, None] * likely
            counts = (parts / parts.sum(axis=0)).sum(axis=1)
            self.shares = np.maximum(counts[:-1] / self._named, _LEAST) / self._copies.rows
            self.shares[1] = min(self.shares[1], self.shares[0] * self._moved_share / (1 - self._moved_share))
            most = self.shares[2] * _OF_KINDS[1:] / _OF_KINDS[0]
            self.shares[3:] = np.clip(self.shares[3:], self._at_least * most, most)

    def as_counted(self, worth: NDArray[np.float64]) -> NDArray[np.float64]:
        """What copies are worth if as many of them live elsewhere as of the doubles that were counted."""
        apart, elsewhere = worth[~self._elsewhere].sum(), worth[self._elsewhere].sum()
        more = self.shares[:2] / np.maximum([apart, elsewhere], _NONE)
        return np.asarray(worth * more[self._elsewhere.astype(np.intp)])

    def odds(self, pairs: Floats) -> NDArray[np.float64]:
        """Log odds that pairs with these features are one person, and not relatives of any kind nor strangers."""
        logs = self._likelihoods(pairs) + np.log(np.append(self.shares, 1))[:, None]
        return np.asarray(np.logaddexp.reduce(logs[:2]) - np.logaddexp.reduce(logs[2:]))

    def kinds(self, pairs: Floats) -> NDArray[np.float64]:
        """The probabilities that they are one person, relatives of any kind, and strangers: shape (3, pairs)."""
        parts = np.append(self.shares, 1)[:, None] * np.exp(self._likelihoods(pairs))
        return np.asarray(np.stack([parts[:2].sum(axis=0), parts[2:-1].sum(axis=0), parts[-1]]) / parts.sum(axis=0))

    @property
    def relatives_of_a_row(self) -> float:
        """How many were counted, of those that could be found."""
        return float(self.shares[2:] @ self._named[2:])

    def others(self, pairs: Floats, most: float) -> NDArray[np.float64]:
        """How likely pairs with these features, of which the rows are another register's, are relatives, and strangers:
        shape (2, pairs).

        Nobody knows how many are one person, relatives or strangers there: that is what explains them best. Only of
        each other the kinds of relatives are the shares that they are here. More than `most` are none: where there are
        no relatives they would be people who are badly written.
        """
        likely = np.exp(self._likelihoods(pairs))
        of_kinds = self.shares[2:] * self._named[2:]
        of_kinds /= of_kinds.sum()
        shares = np.ones(len(likely))
        for _ in range(_STEPS):
            parts = shares[:, None] * likely
            parts /= parts.sum(axis=0)
            shares = np.maximum(parts.sum(axis=1), _LEAST)
            shares[2:-1] = shares[2:-1].sum() * of_kinds
        related = parts[2:-1].sum(axis=0)
        return np.stack([related * min(1.0, most / max(related.sum(), _NONE)), parts[-1]])

    def _likelihoods(self, pairs: Floats) -> NDArray[np.float64]:
        """Log likelihoods as doubles who live where the other does and elsewhere, as relatives of each kind and as
        strangers: shape (kinds, pairs), the highest 0.
        """
        against = [-(pairs @ weights.features + weights.constant) for weights in self._against]
        moved = pairs @ self._moved.features + self._moved.constant
        stayed = -np.logaddexp(0, moved)
        doubles = [stayed - np.log(1 - self._moved_share), moved + stayed - np.log(self._moved_share)]
        logs = np.stack([*doubles, *against])
        return np.asarray(logs - logs.max(axis=0), np.float64)


def _mixed(columns: Columns, most: int, random: np.random.Generator) -> tuple[Columns, NDArray[np.intp]]:
    """A register of nobody: at most so many rows, each put together from several people's values; and who those are,
    shape (people, rows).
    """
    rows = len(next(iter(columns.values())).codes)
    groups = [*_TOGETHER, *((name,) for name in columns if not any(name in group for group in _TOGETHER))]
    sources = np.stack([random.permutation(rows)[:most] for _ in groups])
    of_field = {name: source for group, source in zip(groups, sources, strict=True) for name in group}
    return {name: column.take(of_field[name]) for name, column in columns.items()}, sources
