"""One register against itself: which of its rows are one person.

As in `link.py`, with one party, and with pairs instead of one-to-one links, since a person may stand there many times.
Nothing is hidden from a register's own node: the score only finds the pairs, and what they count is the odds of each
kind of people that they may be (`doubles.py`), which tell how many are right without a rehearsal.
"""

from __future__ import annotations

from dataclasses import replace
from typing import Final

import numpy as np
from numpy.typing import NDArray

from exchange_node.encoding.vector_schema import schema_for
from exchange_node.encoding.vectors import Weights
from exchange_node.engine.decide import Decision, decide_by_odds, estimate_by_odds
from exchange_node.engine.groups import odds_within
from exchange_node.engine.link import FEW, Finder, Links, Progress, Watcher, decided, secret_of, sure
from exchange_node.engine.party import Party
from exchange_node.engine.plan import Planned, plan_for
from exchange_node.engine.search import Found, Plan, candidates, find
from exchange_node.linkage.blocks import Candidates
from exchange_node.records.columns import Columns

MOST: Final = 12
"""Later rows kept of each row."""
LEAST: Final = -10.0
"""Pairs with a lower score are not kept."""


def dedupe(
    columns: Columns,
    *,
    seed: int = 1,
    kernel: str = "native",
    every_pair: bool | None = None,
    planned: Watcher | None = None,
    progress: Progress | None = None,
    finder: Finder = find,
) -> Links:
    """Pairs of rows that are one person; `left` is the earlier row. The same input and seed give the same pairs.

    `finder`: as of `link`. Raises EncodingError bad-schema, LinkageError no-kernel, too-few-people, no-keys.
    """
    tell = progress or (lambda what, done, of: None)
    schema = schema_for([(name, column.kind) for name, column in columns.items()], within=True)
    party = Party(schema, columns, secret_of(seed), 2 * seed, within=True)
    weights = party.fit()
    plan = plan_for((party, party), weights, every=every_pair, kernel=kernel)
    if planned is not None:
        planned(plan)
    among = _candidates(party, plan.plan) if finder is find else None
    weights = _learn(party, weights, plan, kernel, 2, tell)
    found = _pairs(party, weights, plan, among, kernel, finder, tell)
    least = sure(estimate_by_odds(found.scores))
    accepted = found.only(found.scores >= least)
    if len(accepted) >= FEW:
        vectors = party.side.vectors
        mean = vectors.features(accepted.left, vectors, accepted.right).mean(axis=0, dtype=np.float64)
        party.rake(party.odds(party.same) >= least, mean, len(accepted), within=True)
        weights = _learn(party, party.fit(), plan, kernel, 1, tell)
        found = _pairs(party, weights, plan, among, kernel, finder, tell)
    return decided(found, estimate_by_odds(found.scores), plan, weights, (party, party))


def expected(links: Links, groups: NDArray[np.int64]) -> Decision:
    """What to expect of all pairs of rows of one group; `groups` are made of these links."""
    found, party = links.candidates, links.parties[0]
    odds = odds_within(groups, found.left, found.right, found.scores)
    return replace(decide_by_odds(odds, links.decision.threshold, *party.doubles()), uncertain=links.decision.uncertain)


def _learn(party: Party, weights: Weights, plan: Planned, kernel: str, rounds: int, tell: Progress) -> Weights:
    for number in range(rounds):
        tell("learning what agreement is worth", number, rounds)
        party.mine(weights, plan.plan, kernel)
        weights = party.fit()
    return weights


def _candidates(party: Party, plan: Plan) -> Candidates | None:
    """The pairs that the plan names, once for all passes."""
    if not plan.keys:
        return None
    every = np.arange(party.side.rows)
    party.candidates(plan)
    among = candidates(party.side, every, party.side, every, plan, later=True)
    party.side.forget_keys()
    return among


def _pairs(
    party: Party,
    weights: Weights,
    plan: Planned,
    among: Candidates | None,
    kernel: str,
    finder: Finder,
    tell: Progress,
) -> Found:
    every = np.arange(party.side.rows)
    found = finder(
        party.side,
        every,
        party.side,
        every,
        weights,
        plan.plan,
        least=LEAST,
        most=MOST,
        kernel=kernel,
        later=True,
        among=among,
        progress=lambda done, of: tell("comparing", done, of),
    )
    return party.by_odds(found)
