"""The benchmarks' yardstick: what it says of links is what counting pair by pair says."""

from __future__ import annotations

from itertools import combinations

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from benchmarks.peers.scoring import findable, groups, links, one_to_one

people = st.lists(st.sampled_from(["", "anna", "ben", "cleo", "dan"]), min_size=2, max_size=9)


@st.composite
def scored(draw: st.DrawFn) -> tuple[np.ndarray, int, np.ndarray, np.ndarray, np.ndarray]:
    """Who is in two files, where the second begins, and pairs between them with scores, some of them equal."""
    left, right = draw(people), draw(people)
    every = [(i, len(left) + j) for i in range(len(left)) for j in range(len(right))]
    pairs = draw(st.lists(st.sampled_from(every), unique=True, max_size=12))
    scores = draw(st.lists(st.integers(-3, 3), min_size=len(pairs), max_size=len(pairs)))
    i, j = (np.array([pair[side] for pair in pairs], np.int64) for side in (0, 1))
    return np.array(left + right), len(left), i, j, np.array(scores, np.float64)


@given(scored())
def test_one_to_one_keeps_the_better_pair(case: tuple[np.ndarray, int, np.ndarray, np.ndarray, np.ndarray]) -> None:
    _, _, i, j, scores = case
    kept = one_to_one(i, j, scores).tolist()
    assert len({int(row) for row in [*i[kept], *j[kept]]}) == 2 * len(kept)
    assert scores[kept].tolist() == sorted(scores[kept], reverse=True)
    for pair in set(range(len(i))) - set(kept):
        rivals = [other for other in kept if i[other] == i[pair] or j[other] == j[pair]]
        assert any(scores[other] >= scores[pair] for other in rivals)


@given(scored())
def test_links_are_counted_one_by_one(case: tuple[np.ndarray, int, np.ndarray, np.ndarray, np.ndarray]) -> None:
    who, begin, i, j, scores = case
    kept = one_to_one(i, j, scores)
    total = findable(who[:begin], who[begin:])
    curve = links(who, i[kept], j[kept], scores[kept], total)
    f1 = []
    for threshold in sorted(set(scores[kept].tolist())):
        stand = [pair for pair in kept if scores[pair] >= threshold]
        right = sum(who[i[pair]] == who[j[pair]] != "" for pair in stand)
        told = curve.at(threshold)
        assert (told["links"], told["precision"]) == (len(stand), right / len(stand))
        assert told["f1"] == 2 * right / (len(stand) + total)
        f1.append(told["f1"])
    if f1:
        best = curve.best()
        assert best["f1"] == max(f1) == curve.at(best["threshold"])["f1"]


@given(scored())
def test_groups_are_what_links_connect(case: tuple[np.ndarray, int, np.ndarray, np.ndarray, np.ndarray]) -> None:
    who, _, i, j, scores = case
    order = np.argsort(-scores, kind="stable")
    curve = groups(who, i[order], j[order], scores[order])
    alike = {(a, b) for a, b in combinations(range(len(who)), 2) if who[a] == who[b] != ""}
    assert curve.total == len(alike)
    for threshold in set(scores.tolist()):
        group = list(range(len(who)))
        for a, b in zip(i[scores >= threshold].tolist(), j[scores >= threshold].tolist(), strict=True):
            group = [group[a] if other == group[b] else other for other in group]
        together = {(a, b) for a, b in combinations(range(len(who)), 2) if group[a] == group[b]}
        told = curve.at(threshold)
        assert told["links"] == len(together)
        assert told["precision"] == len(together & alike) / len(together)
        assert told["f1"] == 2 * len(together & alike) / (len(together) + len(alike))


@given(scored())
def test_groups_with_one_row_of_each_file_are_one_to_one(
    case: tuple[np.ndarray, int, np.ndarray, np.ndarray, np.ndarray],
) -> None:
    who, begin, i, j, scores = case
    kept = one_to_one(i, j, scores)
    order = np.lexsort((j, i, -scores))
    files = (np.arange(len(who)) >= begin).astype(np.int64)
    curve = groups(who, i[order], j[order], scores[order], files)
    assert curve.at(-9)["links"] == len(kept)
    assert curve.at(-9)["precision"] == links(who, i[kept], j[kept], scores[kept], 1).at(-9)["precision"]


def test_a_person_twice_on_one_side_is_one_link() -> None:
    assert findable(np.array(["anna", "anna", "ben", ""]), np.array(["anna", "cleo", "", ""])) == 1


def test_no_links_at_all_are_no_mistake_and_no_find() -> None:
    nothing = np.array([], np.int64)
    curve = links(np.array(["anna", "anna"]), nothing, nothing, np.array([], np.float64), 1)
    assert curve.at(0.0) == {"links": 0, "precision": 1.0, "recall": 0.0, "f1": 0.0}
    assert curve.best()["f1"] == 0.0
