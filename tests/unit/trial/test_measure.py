"""Measured quality against counting by hand."""

from __future__ import annotations

import random
from dataclasses import dataclass
from itertools import combinations

import numpy as np
import pytest

from exchange_node.engine.search import Found
from exchange_node.trial.measure import measure, measure_doubles, measure_groups


@dataclass
class SomeLinks:
    """As `Links`: the first so many of the candidates."""

    candidates: Found
    count: int

    def __len__(self) -> int:
        return self.count


def some_links(pairs: list[tuple[int, int]], count: int) -> SomeLinks:
    left, right = (np.array([pair[side] for pair in pairs], np.int64) for side in (0, 1))
    return SomeLinks(Found(np.linspace(9, 1, len(pairs)), left, right, 0), count)


def plainly(pairs: list[tuple[int, int]], good: list[bool], count: int, true: int) -> dict[str, float]:
    def f1(of: int) -> float:
        return 2 * sum(good[:of]) / (of + true) if of + true else 0.0

    return {
        "true_pairs": true,
        "precision": sum(good[:count]) / count if count else 0.0,
        "recall": sum(good[:count]) / true if true else 0.0,
        "f1": f1(count),
        "best_f1": max((f1(of) for of in range(1, len(pairs) + 1)), default=0.0) if true else 0.0,
    }


@pytest.mark.parametrize("seed", range(20))
def test_one_to_one_links(seed: int) -> None:
    rng = random.Random(seed)
    ours, theirs = ([rng.choice(["", " ", *"abcdefghij"]) for _ in range(rng.randint(1, 12))] for _ in range(2))
    left, right = list(range(len(ours))), list(range(len(theirs)))
    rng.shuffle(left)
    rng.shuffle(right)
    pairs = list(zip(left, right, strict=False))
    good = [bool(ours[a].strip()) and ours[a].strip() == theirs[b].strip() for a, b in pairs]
    true = sum(min(ours.count(who), theirs.count(who)) for who in set(ours) if who.strip())
    count = rng.randint(0, len(pairs))
    assert measure(some_links(pairs, count), ours, theirs) == pytest.approx(plainly(pairs, good, count, true))


@pytest.mark.parametrize("seed", range(20))
def test_doubles(seed: int) -> None:
    rng = random.Random(seed)
    who = [rng.choice(["", *"abcde"]) for _ in range(rng.randint(2, 12))]
    every = list(combinations(range(len(who)), 2))
    pairs = rng.sample(every, rng.randint(0, len(every)))
    good = [bool(who[a]) and who[a] == who[b] for a, b in pairs]
    true = sum(who[a] == who[b] != "" for a, b in every)
    count = rng.randint(0, len(pairs))
    assert measure_doubles(some_links(pairs, count), who) == pytest.approx(plainly(pairs, good, count, true))


@pytest.mark.parametrize("seed", range(20))
def test_groups(seed: int) -> None:
    rng = random.Random(seed)
    sizes = [rng.randint(1, 6) for _ in range(3)]
    truth = [[rng.choice(["", " ", *"abcd"]) for _ in range(size)] for size in sizes]
    groups = [np.array([rng.randrange(5) for _ in range(size)]) for size in sizes]
    who, number = [text.strip() for side in truth for text in side], [int(at) for side in groups for at in side]
    every = list(combinations(range(len(who)), 2))
    linked = [(a, b) for a, b in every if number[a] == number[b]]
    hits = sum(who[a] == who[b] != "" for a, b in linked)
    true = sum(who[a] == who[b] != "" for a, b in every)
    expected = {
        "true_pairs": true,
        "precision": hits / len(linked) if linked else 0.0,
        "recall": hits / true if true else 0.0,
        "f1": 2 * hits / (len(linked) + true) if linked or true else 0.0,
    }
    assert measure_groups(groups, truth) == pytest.approx(expected)
