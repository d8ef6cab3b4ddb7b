"""Three and more registers: which rows, of all of them, are one person.

    found = link_many([ours, theirs, others])
    found.groups[0]                                 # for each row of the first register the number of its person

As in `link.py`, with one common set of weights: the mean of what all parties found. Each two registers are compared,
and each with itself. What a pair has above the threshold is evidence, and `groups.py` makes people of all evidence
together. Since no pair uses up a row here, as links do that are one-to-one, rehearsals and estimates are those of
doubles.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, replace
from itertools import combinations

import numpy as np
from numpy.typing import NDArray

from exchange_node.encoding.vector_schema import schema_for
from exchange_node.encoding.vectors import Weights
from exchange_node.engine import dedupe
from exchange_node.engine.decide import Estimate, decide, estimate_pairs, posterior
from exchange_node.engine.groups import group, mean_within
from exchange_node.engine.link import FEW, MOST, Links, Progress, Watcher, secret_of, sure
from exchange_node.engine.party import Party
from exchange_node.engine.plan import Planned, plan_for
from exchange_node.engine.rehearse import Rehearsal, average, rehearse_doubles
from exchange_node.engine.search import Found, find
from exchange_node.records.columns import Columns

Numbers = NDArray[np.int64]
Floats = NDArray[np.float64]


@dataclass(frozen=True, slots=True, repr=False)
class Comparison:
    """Two registers by number, or one with itself. `pairs`: all that were found, none used up by another;
    `threshold`: from which on a pair alone would be a link; `likely`: the probability of each pair.
    """

    numbers: tuple[int, int]
    parties: tuple[Party, Party]
    pairs: Found
    threshold: float
    likely: Floats

    def linked(self) -> tuple[Numbers, Numbers, Floats]:
        """Left and right rows, and the probabilities, of the pairs from the threshold on."""
        chosen = self.pairs.scores >= self.threshold
        return self.pairs.left[chosen], self.pairs.right[chosen], self.likely[chosen]


@dataclass(frozen=True, slots=True, repr=False)
class Groups:
    """`groups` and `probability`, for each register and row: the number of its person, counted over all registers, and
    the mean probability of the row's pairs with the group's other rows, 1 for a row alone. `estimates`: what explains
    the pairs between registers and, where doubles were looked for, those within.
    """

    groups: tuple[Numbers, ...]
    probability: tuple[Floats, ...]
    comparisons: tuple[Comparison, ...]
    estimates: tuple[Estimate, ...]
    planned: Planned
    weights: Weights
    parties: tuple[Party, ...]

    @property
    def compared(self) -> int:
        """Pairs compared, of all comparisons."""
        return sum(comparison.pairs.compared for comparison in self.comparisons)


def link_many(
    registers: Sequence[Columns],
    *,
    doubles: bool = True,
    seed: int = 1,
    kernel: str = "native",
    every_pair: bool | None = None,
    planned: Watcher | None = None,
    progress: Progress | None = None,
) -> Groups:
    """Group the rows of registers with the same fields. The same input and seed give the same groups.

    `doubles`: whether a register may have a person more than once; without it a group has at most one row of each.
    Raises EncodingError bad-schema, LinkageError no-kernel, too-few-people, no-keys.
    """
    tell = progress or (lambda what, done, of: None)
    schema = schema_for([(name, column.kind) for name, column in registers[0].items()])
    secret = secret_of(seed)
    parties = []
    for number, columns in enumerate(registers):
        tell("reading all registers' values", number, len(registers))
        parties.append(Party(schema, columns, secret, len(registers) * seed + number))
    weights = _together(parties)
    plan = plan_for(parties, weights, every=every_pair, kernel=kernel)
    if doubles and not plan.keys:
        within = sum(party.side.rows * (party.side.rows - 1) // 2 for party in parties)
        plan = replace(plan, pairs=plan.pairs + within)
    if planned is not None:
        planned(plan)
    run = _Run(tuple(parties), plan, kernel, doubles, tell)
    weights = run.learn(weights, rounds=2)
    found = run.search(weights, "a first pass")
    if run.rake(weights, found):
        weights = run.learn(_together(parties), rounds=1)
        found = run.search(weights, "the groups")
    return _grouped(run, weights, found)


def _together(parties: Sequence[Party]) -> Weights:
    found = [party.fit() for party in parties]
    features = np.mean([weights.features for weights in found], axis=0)
    return Weights(features, float(np.mean([weights.constant for weights in found])))


@dataclass(frozen=True, slots=True, repr=False)
class _Run:
    """The steps, and what all of them need."""

    parties: tuple[Party, ...]
    plan: Planned
    kernel: str
    doubles: bool
    tell: Progress

    def learn(self, weights: Weights, rounds: int) -> Weights:
        steps = rounds * len(self.parties)
        for number in range(rounds):
            for at, party in enumerate(self.parties):
                self.tell("learning what agreement is worth", number * len(self.parties) + at, steps)
                party.mine(weights, self.plan.plan, self.kernel)
            weights = _together(self.parties)
        return weights

    def search(self, weights: Weights, what: str) -> list[_Kind]:
        """All pairs between each two registers and within each, and what the rehearsals foretell of them."""
        number = len(self.parties)
        between, within = list(combinations(range(number), 2)), [(at, at) for at in range(number)]
        rehearsed = []
        for at, party in enumerate(self.parties):
            self.tell("rehearsing", at, number)
            rehearsed.append(rehearse_doubles(party, weights, self.plan.plan, self.kernel))
        done, found = 0, []
        for which in (between, within) if self.doubles else (between,):
            pairs = []
            for numbers in which:
                self.tell(f"comparing: {what}", done, number * (number + 1) // 2)
                pairs.append(self._find(numbers, weights))
                done += 1
            found.append(_Kind(which, pairs, self._explain(which, pairs, rehearsed)))
        return found

    def _find(self, numbers: tuple[int, int], weights: Weights) -> Found:
        left, right = (self.parties[at].side for at in numbers)
        return find(
            left,
            np.arange(left.rows),
            right,
            np.arange(right.rows),
            weights,
            self.plan.plan,
            least=dedupe.LEAST,
            most=dedupe.MOST if left is right else MOST,
            kernel=self.kernel,
            later=left is right,
        )

    def _explain(
        self, which: Sequence[tuple[int, int]], pairs: Sequence[Found], rehearsed: Sequence[Rehearsal]
    ) -> Estimate:
        """All comparisons of a kind together: alone, each has too few pairs to tell how many people are shared."""
        rows = [self.parties[at].side.rows for at in range(len(self.parties))]
        scores = np.concatenate([found.scores for found in pairs])
        every = sum(self.pairs_of(numbers) for numbers in which)
        most = sum(2 * min(rows[a], rows[b]) for a, b in which)
        return estimate_pairs(scores, every, most, math.isqrt(every), average(rehearsed))

    def pairs_of(self, numbers: tuple[int, int]) -> int:
        """How many pairs of rows a comparison has."""
        one, other = (self.parties[at].side.rows for at in numbers)
        return one * other if numbers[0] != numbers[1] else one * (one - 1) // 2

    def rake(self, weights: Weights, found: Sequence[_Kind]) -> bool:
        """Weigh every party's copies by all pairs that are nearly surely right; False if those are too few."""
        least = max(sure(kind.explained) for kind in found)
        features = []
        for kind in found:
            for (a, b), pairs in zip(kind.which, kind.pairs, strict=True):
                accepted = pairs.only(pairs.scores >= least)
                ours, theirs = self.parties[a].side.vectors, self.parties[b].side.vectors
                features.append(ours.features(accepted.left, theirs, accepted.right))
        every = np.concatenate(features)
        if len(every) < FEW:
            return False
        mean = every.mean(axis=0, dtype=np.float64)
        for party in self.parties:
            party.rake(party.accepted(weights, least), mean, len(every))
        return True


@dataclass(frozen=True, slots=True, repr=False)
class _Kind:
    """Comparisons between registers, or within: which ones, their pairs, and what explains all of them."""

    which: list[tuple[int, int]]
    pairs: list[Found]
    explained: Estimate


def _grouped(run: _Run, weights: Weights, found: Sequence[_Kind]) -> Groups:
    comparisons = [comparison for kind in found for comparison in _compared(run, kind)]
    sizes = [party.side.rows for party in run.parties]
    starts = np.cumsum([0, *sizes])
    left = np.concatenate([one.pairs.left + starts[one.numbers[0]] for one in comparisons])
    right = np.concatenate([one.pairs.right + starts[one.numbers[1]] for one in comparisons])
    evidence = np.concatenate([one.pairs.scores - one.threshold for one in comparisons])
    likely = np.concatenate([one.likely for one in comparisons])
    party = None if run.doubles else np.repeat(np.arange(len(sizes)), sizes)
    groups = group(left, right, evidence, int(starts[-1]), party=party)
    probability = mean_within(groups, left, right, likely)
    return Groups(
        tuple(np.split(groups, starts[1:-1])),
        tuple(np.split(probability, starts[1:-1])),
        tuple(comparisons),
        tuple(kind.explained for kind in found),
        run.plan,
        weights,
        run.parties,
    )


def _compared(run: _Run, kind: _Kind) -> list[Comparison]:
    """Each comparison with a threshold of its own: where two registers share fewer people than others do, one pair in
    more is theirs, and takes as much more evidence.
    """
    threshold = decide(kind.explained).threshold
    linked = [1 + int(np.sum(pairs.scores >= threshold)) for pairs in kind.pairs]
    every = [1 + run.pairs_of(numbers) for numbers in kind.which]
    found = []
    for at, numbers in enumerate(kind.which):
        fewer = float(np.log(sum(linked) / sum(every)) - np.log(linked[at] / every[at]))
        pairs, parties = kind.pairs[at], (run.parties[numbers[0]], run.parties[numbers[1]])
        likely = posterior(kind.explained, pairs.scores - fewer)
        found.append(Comparison(numbers, parties, pairs, threshold + fewer, likely))
    return found


def people_of(doubles: Links) -> tuple[Numbers, Floats]:
    """Groups of one register's doubles, and each row's probability, as in `Groups`."""
    pairs = doubles.candidates
    groups = group(pairs.left, pairs.right, pairs.scores - doubles.decision.threshold, doubles.parties[0].side.rows)
    return groups, mean_within(groups, pairs.left, pairs.right, posterior(doubles.estimate, pairs.scores))
