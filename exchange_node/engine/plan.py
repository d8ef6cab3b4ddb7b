"""Which pairs to compare: all of them, or those that share one of the keys that suit the fields at hand.

Keys are chosen by what they cost (pairs, by how often values repeat in a sample of the register) and what they find
(the party's own damaged copies that might be linked): best value first, until nearly all are found more than once.
"""

from __future__ import annotations

import os
import time
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import combinations
from typing import Final

import numpy as np
from numpy.typing import NDArray

from exchange_node.encoding.block_keys import Key, block_keys, described, possible_keys
from exchange_node.encoding.vectors import Weights
from exchange_node.engine.party import Party
from exchange_node.engine.search import Plan
from exchange_node.kernels.cores import for_each
from exchange_node.linkage.dot import choose, pace
from exchange_node.linkage.errors import LinkageError

EVERY_PAIR_UP_TO: Final = 2_500_000_000
"""Pairs up to which all are compared: 50,000 by 50,000 rows. By arithmetic nine seconds a pass on two AVX-512 cores."""
CAP: Final = 75
"""Buckets with more right rows are not looked into: they cost much and hardly tell people apart. Where they are small
one name alone is a key that can be afforded, and finds who shares a rare one and little else.
"""
LEAST: Final = -3.0
"""Log odds from which copies count. Where fields are few the best threshold is about that low, and what keys miss is
what is linked just above it.
"""
PER_ROW: Final = 300.0
"""Candidates that one row may have on average."""
FREE: Final = 10.0
"""Candidates of a row that cost little beside all else, in registers of up to AFFORDED rows. Beyond, all candidates of
all rows soon cost most of the time, and bring less than they cost: at a million rows 92 instead of 39 found nothing.
"""
AFFORDED: Final = 100_000
_SCARCE: Final = 0.2
"""The same of the largest registers."""
AS_LONG: Final = 5.0
"""Times as long as all before the plan took, what comes after it takes without comparing all pairs: on four pairs of
registers of 5,000 to a million rows 2.5 to 5, while other work ran.
"""
_SAMPLE: Final = 50_000
_KEYS: Final = 60
_AGAIN: Final = 0.2
"""What finding a link once more is worth beside finding it first: real registers differ from copies."""
_ENOUGH: Final = 0.00003
"""Share of the links that a key must find if it costs next to nothing; if it costs as much as is free, twice that."""


@dataclass(frozen=True, slots=True)
class Planned:
    """A plan with what it should cost and miss. `pairs`: compared, those that several keys have in common counted each
    time; `loss`: the share of the links of a full comparison that it should miss; `keys`: as they are shown;
    `seconds`: about what is left from here, 0 if nothing tells.
    """

    plan: Plan
    pairs: int
    loss: float
    keys: tuple[str, ...]
    seconds: float = 0.0


def plan_for(
    parties: Sequence[Party], weights: Weights, *, every: bool | None = None, kernel: str = "native"
) -> Planned:
    """Of each two of these parties; one party twice is one register against itself. `every`: whether all pairs are
    compared; by their number if it is not said. Raises LinkageError no-kernel, no-keys.
    """
    rows = [party.side.rows for party in parties]
    pairs = sum(one * other for one, other in combinations(rows, 2))
    seconds = AS_LONG * (time.monotonic() - min(party.started for party in parties))
    if every if every is not None else pairs <= EVERY_PAIR_UP_TO:
        passes = 2 * pairs / pace(choose(kernel), parties[0].side.vectors.schema.width) / len(os.sched_getaffinity(0))
        return Planned(Plan(), pairs, 0.0, (), seconds + passes)
    columns = parties[0].side.columns
    keys = possible_keys([(name, column.kind) for name, column in columns.items()])
    if not keys:
        raise LinkageError("no-keys", f"{pairs} pairs")
    parties_once = list(dict.fromkeys(parties))  # one register against itself is one party
    tried = [_try(party, keys, max(rows)) for party in parties_once]
    costs = np.mean([costs for costs, _ in tried], axis=0)
    found = np.concatenate([found for _, found in tried], axis=1)
    worth = np.concatenate([_worth(party, weights) for party in parties_once])
    chosen = _choose(costs, found, worth / worth.sum(), np.clip(FREE * (AFFORDED / max(rows)) ** 2, _SCARCE, FREE))
    if not chosen:
        raise LinkageError("no-keys", f"{pairs} pairs")
    kept = tuple(keys[at] for at in chosen)
    loss = float(1 - found[chosen].any(axis=0) @ worth / worth.sum())
    cost = float(costs[chosen].sum()) * sum(min(pair) for pair in combinations(rows, 2))
    return Planned(Plan(kept, CAP), int(cost), loss, tuple(map(described, kept)), seconds)


def _choose(costs: NDArray[np.float64], found: NDArray[np.bool_], worth: NDArray[np.float64], free: float) -> list[int]:
    chosen: list[int] = []
    left, spent = worth.copy(), 0.0
    open_to = costs <= PER_ROW / 2
    while len(chosen) < _KEYS:
        value = np.where(open_to & (spent + costs <= PER_ROW), found @ left / (1 + costs / free), -1)
        best = int(np.argmax(value))
        if value[best] < _ENOUGH:
            break
        chosen.append(best)
        spent += float(costs[best])
        open_to[best] = False
        left = np.where(found[best], left * _AGAIN, left)
    return chosen


def _try(party: Party, keys: list[Key], rows: int) -> tuple[NDArray[np.float64], NDArray[np.bool_]]:
    """For each key the candidates of a row in a register of that many rows, and which copies it would find: those that
    share it with their original in a bucket that is not too large. A sample of the register tells the buckets' sizes.
    """
    side = party.side
    sample = np.sort(np.random.default_rng(0).permutation(side.rows)[:_SAMPLE])
    factor = rows / len(sample)
    cap = max(CAP, 2 * factor)  # of smaller buckets a sample tells nothing, and every key would seem to cost nothing
    of_sample = block_keys(side.parts, keys, sample)
    of_originals = block_keys(side.parts, keys, party.originals)
    of_copies = block_keys(party.copies.parts, keys, party.every_copy)
    costs = np.empty(len(keys))
    found = (of_copies == of_originals) & (of_copies != 0)

    def weigh(at: int) -> None:
        hashes, counts = np.unique(of_sample[at][of_sample[at] != 0], return_counts=True)
        wanted = of_originals[at][found[at]]
        if len(hashes):
            places = np.searchsorted(hashes, wanted).clip(max=len(hashes) - 1)
            found[at, found[at]] = (hashes[places] != wanted) | (counts[places] * factor <= cap)
        counts = counts[counts * factor <= cap].astype(np.float64)
        costs[at] = float(np.sum(counts * (counts - 1))) / max(len(sample) - 1, 1) * factor

    for_each(weigh, len(keys))
    return costs, np.asarray(found)


def _worth(party: Party, weights: Weights) -> NDArray[np.float64]:
    """How much each copy counts: not at all if even a full comparison would not link it, unless it would link none."""
    linked = party.same @ weights.features + weights.constant >= LEAST
    return np.asarray(party.worth * linked if linked.any() else party.worth)
