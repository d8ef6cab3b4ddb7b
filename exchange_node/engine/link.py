"""The engine's spine: two registers' columns in, links out.

    found = link(ours, theirs, progress=...)
    found.left[0], found.right[0], found.probability[0]

Each party learns from its own register. What one gives the other: `Weights` (one number a feature); of the keys, where
not all pairs are compared, what each costs and which copies it finds; the rehearsals' curves. What both learn of the
pairs: how many there are at each score, how many of them seem to be relatives and near the threshold strangers, and the
mean features of the accepted ones with their number, once; each pair counts in that mean as far as it seems not to be
of relatives. In `trial` both parties are one process; in a method between nodes those are the messages.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from typing import Final, Protocol

import numpy as np
from numpy.typing import NDArray

from exchange_node.encoding.vector_schema import VectorSchema, schema_for
from exchange_node.encoding.vectors import Floats, Rows, Weights
from exchange_node.engine.decide import Decision, Estimate, decide, estimate, posterior
from exchange_node.engine.party import NEAR, Party
from exchange_node.engine.plan import Planned, plan_for
from exchange_node.engine.rehearse import THRESHOLDS, average, from_top, rehearse
from exchange_node.engine.search import Found, Plan, Side, candidates, find
from exchange_node.kernels import greedy
from exchange_node.kernels.cores import for_each
from exchange_node.linkage.blocks import Candidates
from exchange_node.records.columns import Columns

MOST: Final = 6
"""Pairs kept of each left row, of which one at most becomes a link."""
SURE: Final = 0.98
"""Pairs are opened for raking down to the threshold at which so many are expected to be right."""
FEW: Final = 30
"""Fewer accepted pairs tell too little to rake by."""

FIRST: Final = 200_000
"""Left rows of the first pass, drawn at random. It only has to tell how the accepted pairs differ on average."""

Progress = Callable[[str, int, int], None]
"""Called with (what is being done, done, in all). To cancel, raise from it."""
Watcher = Callable[[Planned], None]
"""Called with the plan before it runs; may raise to stop."""


class Finder(Protocol):
    """Finds the best pairs of all rows: `search.find`, or a runner that does the same elsewhere."""

    def __call__(
        self,
        left: Side,
        left_rows: Rows,
        right: Side,
        right_rows: Rows,
        weights: Weights,
        plan: Plan,
        *,
        least: float,
        most: int,
        kernel: str = ...,
        later: bool = ...,
        among: Candidates | None = ...,
        progress: Callable[[int, int], None] | None = ...,
    ) -> Found:
        """As `search.find`, which alone is given candidates: a runner finds them where it finds the pairs."""


@dataclass(frozen=True, slots=True, repr=False)
class Links:
    """One-to-one links, by falling score. `candidates` are all one-to-one pairs, those below the threshold too."""

    left: NDArray[np.int64]
    right: NDArray[np.int64]
    score: NDArray[np.float64]
    probability: NDArray[np.float64]
    candidates: Found
    decision: Decision
    estimate: Estimate
    planned: Planned
    compared: int
    schema: VectorSchema
    weights: Weights
    parties: tuple[Party, Party]

    def __len__(self) -> int:
        return len(self.left)


def link(
    left: Columns,
    right: Columns,
    *,
    seed: int = 1,
    kernel: str = "native",
    every_pair: bool | None = None,
    planned: Watcher | None = None,
    progress: Progress | None = None,
    finder: Finder = find,
) -> Links:
    """Link two registers with the same fields, one-to-one. The same input and seed give the same links, whoever is the
    `finder`.

    `every_pair`: compare all pairs or only those that share a key; by their number if it is not said. Raises
    EncodingError bad-schema, LinkageError no-kernel, too-few-people, no-keys.
    """
    tell = progress or (lambda what, done, of: None)
    schema = schema_for([(name, column.kind) for name, column in left.items()])
    secret = secret_of(seed)
    tell("reading both registers' values", 0, 2)
    ours = Party(schema, left, secret, 2 * seed)
    tell("reading both registers' values", 1, 2)
    theirs = Party(schema, right, secret, 2 * seed + 1)
    both = (ours, theirs)

    weights = together(both)
    plan = plan_for(both, weights, every=every_pair, kernel=kernel)
    if planned is not None:
        planned(plan)
    among = _candidates(both, plan.plan, tell) if finder is find else None
    weights = learn(both, weights, plan, kernel, rounds=2, tell=tell)
    every = np.arange(ours.side.rows)
    first = np.sort(np.random.default_rng(seed).permutation(every)[:FIRST])
    found, explained = _link(both, first, weights, plan, among, kernel, finder, tell, "a first pass")
    least = sure(explained)
    seen = see(both, found, len(first))
    raked = rake(both, seen, least, [party.accepted(weights, least) for party in both])
    if raked:
        balance(both, seen, weights, explained, len(first) / len(every))
        weights = learn(both, together(both), plan, kernel, rounds=1, tell=tell)
    if raked or len(first) < len(every):
        found, explained = _link(both, every, weights, plan, among, kernel, finder, tell, "the links")

    return decided(found, explained, plan, weights, both)


def decided(found: Found, explained: Estimate, plan: Planned, weights: Weights, parties: tuple[Party, Party]) -> Links:
    """The pairs at or above the best threshold, with what is to be expected of them; none where none seems right."""
    decision = decide(explained, least=0.5)
    probability = posterior(explained, found.scores)
    linked = found.scores >= decision.threshold
    unsure = int(np.sum((probability > 0.1) & (probability < 0.9)))
    return Links(
        found.left[linked],
        found.right[linked],
        found.scores[linked],
        probability[linked],
        found,
        replace(decision, uncertain=unsure),
        explained,
        plan,
        found.compared,
        parties[0].side.vectors.schema,
        weights,
        parties,
    )


def secret_of(seed: int) -> bytes:
    """Where both registers are on one machine nothing is hidden from anyone: the key only has to be the same again."""
    return hashlib.sha256(b"exchange trial" + seed.to_bytes(8, "big")).digest()


def together(parties: Sequence[Party]) -> Weights:
    """The mean of what the parties found."""
    found = for_each(lambda at: parties[at].fit(), len(parties))
    constant = sum(one.constant for one in found) / len(found)
    return Weights(np.mean([one.features for one in found], axis=0), constant)


def learn(
    parties: Sequence[Party], weights: Weights, plan: Planned, kernel: str, rounds: int, tell: Progress
) -> Weights:
    """Weights that know the most alike rows, too."""
    for number in range(rounds):
        tell("learning what agreement is worth", number, rounds)

        def mine(at: int, weights: Weights = weights) -> None:
            parties[at].mine(weights, plan.plan, kernel)

        for_each(mine, len(parties))
        weights = together(parties)
    return weights


def _candidates(parties: tuple[Party, Party], plan: Plan, tell: Progress) -> Candidates | None:
    """The pairs that the plan names, once for all passes. Keys are large: one register's after the other's."""
    if not plan.keys:
        return None
    ours, theirs = parties
    tell("choosing pairs", 0, 2)
    theirs.candidates(plan)
    among = candidates(ours.side, np.arange(ours.side.rows), theirs.side, np.arange(theirs.side.rows), plan)
    theirs.side.forget_keys()
    tell("choosing pairs", 1, 2)
    ours.candidates(plan)
    ours.side.forget_keys()
    return among


def _link(
    parties: tuple[Party, Party],
    rows: Rows,
    weights: Weights,
    plan: Planned,
    among: Candidates | None,
    kernel: str,
    finder: Finder,
    tell: Progress,
    what: str,
) -> tuple[Found, Estimate]:
    """All one-to-one pairs of these left rows, the best first, and what both parties' rehearsals foretell of them."""
    ours, theirs = (party.side for party in parties)
    if among is not None and len(rows) < ours.rows:
        among = among.only(rows)
    found = finder(
        ours,
        rows,
        theirs,
        np.arange(theirs.rows),
        weights,
        plan.plan,
        least=THRESHOLDS[0],
        most=MOST,
        kernel=kernel,
        among=among,
        progress=lambda done, of: tell(f"comparing: {what}", done, of),
    )
    found = found.only(greedy.take(found.left.astype(np.uint32), found.right.astype(np.uint32)))
    tell("rehearsing", 0, 1)
    foretold = average(for_each(lambda at: rehearse(parties[at], weights, plan.plan, kernel), len(parties)))
    return found, estimate(found.scores, len(rows), theirs.rows, foretold, relatives(parties, found, len(rows)))


@dataclass(frozen=True, slots=True, repr=False)
class Seen:
    """One-to-one pairs with their features, and how likely each is of two relatives, and of strangers, on average of
    what both parties think: `others` has shape (2, pairs).
    """

    found: Found
    features: Floats
    others: NDArray[np.float64]


def see(parties: tuple[Party, Party], found: Found, rows: float) -> Seen:
    """Pairs for so many left rows. A row has no more relatives than in the register that has the most."""
    ours, theirs = (party.side.vectors for party in parties)
    features = ours.features(found.left, theirs, found.right)
    most = rows * max(party.relatives_of_a_row for party in parties)
    others = np.mean([party.others(features, most) for party in parties], axis=0)
    return Seen(found, features, others)


def relatives(parties: tuple[Party, Party], found: Found, rows: int) -> NDArray[np.float64]:
    """How many pairs at or above each threshold seem to be of two relatives; of many pairs some tell. So many left rows
    were looked for.
    """
    some = found.only(np.sort(np.random.default_rng(1).permutation(len(found))[:FIRST]))
    each = max(len(found), 1) / max(len(some), 1)
    return from_top(some.scores, see(parties, some, rows / each).others[0]) * each


def rake(parties: tuple[Party, Party], seen: Seen, least: float, copies: Sequence[NDArray[np.bool_]]) -> bool:
    """Weigh the parties' copies by the mean features of the pairs at or above this threshold, in which each counts as
    far as it seems not to be of two relatives; False if those pairs are too few. `copies`: which of each party's are at
    or above it.
    """
    accepted = seen.found.scores >= least
    if accepted.sum() < FEW:
        return False
    single = (1 - seen.others[0]) * accepted
    mean = single @ seen.features / single.sum()
    for party, its in zip(parties, copies, strict=True):
        party.rake(its, mean, int(accepted.sum()))
    return True


def balance(parties: tuple[Party, Party], seen: Seen, weights: Weights, explained: Estimate, drawn: float) -> None:
    """Count the parties' relatives beside strangers as they are among the pairs near the threshold; so much of the left
    rows were looked for. Relatives are not counted for fewer than have no links of their own if people are shared one
    by one: where few are shared that told precision and recall worse.
    """
    threshold = decide(explained).threshold
    near = np.abs(seen.found.scores - threshold) < NEAR
    kin, strange = seen.others[:, near].sum(axis=1)
    shared = float(explained.shared.mean()) / drawn
    free = float(np.prod([max(1 - shared / party.side.rows, 0) for party in parties]))
    for party in parties:
        party.balance(float(kin), float(strange), free, weights, threshold)


def sure(explained: Estimate) -> float:
    """The lowest threshold at which the pairs are expected to be nearly all right."""
    good = np.flatnonzero(explained.precision() >= SURE)
    return float(THRESHOLDS[good[0]] if len(good) else THRESHOLDS[int(np.argmax(explained.f1()))])
