"""What the fields are worth, and how links agree: in numbers for people, with no person's value."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from exchange_node.encoding.vector_schema import PRESENCE, VectorSchema
from exchange_node.encoding.vectors import Weights
from exchange_node.engine.party import Party
from exchange_node.engine.search import Side
from exchange_node.records.columns import Columns
from exchange_node.records.quality import share

SAMPLE: Final = 20_000
ALIKE: Final = 0.45
"""Mean agreement of a field's parts from which two unequal values count as similar."""
STATES: Final = ("missing", "differs", "similar", "agrees")
Numbers = NDArray[np.float64]


@dataclass(frozen=True, slots=True)
class FieldWorth:
    """By what factor the odds of one person change, on average: where the field `agrees` in a link, where it is only
    `similar` there, and where it `differs` as strangers' values do. None: not seen. Shares are those of the links, as
    they may be shown.
    """

    field: str
    agrees: float | None
    similar: float | None
    differs: float | None
    share_agrees: float
    share_similar: float
    share_differs: float
    share_missing: float


@dataclass(frozen=True, slots=True)
class Pattern:
    """How many links agree like this, field by field, as far as a sample tells, with the mean probability."""

    states: tuple[str, ...]
    links: int
    probability: float


@dataclass(frozen=True, slots=True, repr=False)
class Linked:
    """Links between two registers, or within one, and whose they are."""

    left: NDArray[np.int64]
    right: NDArray[np.int64]
    probability: Numbers
    parties: tuple[Party, Party]


class Agreement:
    """A sample of links and of strangers, field by field."""

    def __init__(self, weights: Weights, linked: Sequence[Linked]) -> None:
        """`linked`: of each two registers; they have the same fields."""
        sides = [party.side for one in linked for party in one.parties]
        self._fields = list(sides[0].columns)
        self._schema, self._weights = sides[0].vectors.schema, weights
        self._own = _own_features(self._schema)
        random = np.random.default_rng(0)
        in_all = max(sum(len(one.left) for one in linked), 1)
        self.of_links = max(in_all / SAMPLE, 1.0)
        """Links that one of the sample stands for."""
        parts = []
        for one in linked:
            chosen = np.sort(random.permutation(len(one.left))[: -(-SAMPLE * len(one.left) // in_all)])
            ours, theirs = (party.side for party in one.parties)
            strangers = -(-SAMPLE // len(linked))
            apart = random.integers(0, ours.rows, strangers), random.integers(0, theirs.rows, strangers)
            states, worth = self._look(ours, theirs, one.left[chosen], one.right[chosen])
            parts.append((one.probability[chosen], states, worth, *self._look(ours, theirs, *apart)))
        probability, states, worth, differ, apart_worth = zip(*parts, strict=True)
        self._probability = np.concatenate(probability)
        self._states, self._worth = _joined(states), _joined(worth)
        self._differ, self._apart = _joined(differ), _joined(apart_worth)

    def _look(
        self, ours: Side, theirs: Side, left: NDArray[np.int64], right: NDArray[np.int64]
    ) -> tuple[dict[str, Any], dict[str, Any]]:
        """How each field of these pairs agrees, and what that is worth."""
        features = ours.vectors.features(left, theirs.vectors, right)
        states = {
            name: _states(ours.columns, theirs.columns, name, left, right, features[:, _plain(self._schema, name)])
            for name in self._fields
        }
        return states, {name: features[:, at] @ self._weights.features[at] for name, at in self._own.items()}

    def fields(self) -> list[FieldWorth]:
        """The worth of each field."""
        found = []
        for name in self._fields:
            states, worth = self._states[name], self._worth[name]
            shares = [share(int(np.sum(states == state)), len(states)) for state in range(4)]
            differs = self._apart[name][self._differ[name] == 1]
            found.append(
                FieldWorth(
                    name, _factor(worth[states == 3]), _factor(worth[states == 2]), _factor(differs), *shares[::-1]
                )
            )
        return found

    def patterns(self, unsure: bool, most: int = 12) -> list[Pattern]:
        """The commonest patterns of all links, or of those with a probability under 0.9."""
        chosen = self._probability < 0.9 if unsure else np.ones(len(self._probability), np.bool_)
        table = np.column_stack([self._states[name] for name in self._fields])[chosen]
        counts, sums = Counter(map(tuple, table.tolist())), Counter[tuple[int, ...]]()
        for row, probability in zip(map(tuple, table.tolist()), self._probability[chosen].tolist(), strict=True):
            sums[row] += probability
        return [
            Pattern(tuple(STATES[state] for state in row), round(count * self.of_links), sums[row] / count)
            for row, count in counts.most_common(most)
        ]


def _joined(parts: Sequence[dict[str, Any]]) -> dict[str, Any]:
    return {name: np.concatenate([part[name] for part in parts]) for name in parts[0]}


def _own_features(schema: VectorSchema) -> dict[str, list[int]]:
    """The features that compare one field with itself."""
    found: dict[str, list[int]] = {}
    for at, feature in enumerate(schema.features):
        fields = {field for pair in feature.pairs for name in pair for field in schema.by_name[name].fields}
        if len(fields) == 1:
            found.setdefault(fields.pop(), []).append(at)
    return found


def _plain(schema: VectorSchema, field: str) -> list[int]:
    return [
        at
        for at in _own_features(schema)[field]
        if not schema.features[at].rarity and schema.by_name[schema.features[at].pairs[0][0]].tokens != PRESENCE
    ]


def _states(
    left: Columns, right: Columns, name: str, a: NDArray[np.int64], b: NDArray[np.int64], plain: NDArray[np.float32]
) -> NDArray[np.int8]:
    ours, theirs = left[name], right[name]
    one, other = ours.codes[a], theirs.codes[b]
    pairs = zip(one.tolist(), other.tolist(), strict=True)
    same = np.fromiter((ours.values[code] == theirs.values[its] for code, its in pairs), np.bool_, len(one))
    known = (one > 0) & (other > 0)
    alike = plain.mean(axis=1) >= ALIKE if plain.shape[1] else np.zeros(len(a), np.bool_)
    states = np.where(same, 3, np.where(alike, 2, 1))
    return np.where(known, states, 0).astype(np.int8)


def _factor(worth: Sequence[float] | Numbers) -> float | None:
    return float(np.exp(np.clip(np.mean(worth), -50, 50))) if len(worth) >= 10 else None
