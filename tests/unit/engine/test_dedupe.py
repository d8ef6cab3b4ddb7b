"""One register against itself."""

from __future__ import annotations

from itertools import combinations

import numpy as np
import pytest

from exchange_node.engine.dedupe import dedupe, expected
from exchange_node.engine.groups import odds_within, pairs_within
from exchange_node.engine.link import Links
from exchange_node.engine.link_many import people_of
from tests.made_up_registers import Person, columns_of, registers


def doubled(seed: int, shared: int = 100) -> tuple[list[Person], set[tuple[int, int]]]:
    """Three hundred people, a hundred of them twice."""
    world = registers(300, shared, shared, seed=seed)
    who = world.who_left + world.who_right
    same = {(a, b) for a, b in combinations(range(len(who)), 2) if who[a] == who[b]}
    return world.left + world.right, same


def pairs(links: Links) -> set[tuple[int, int]]:
    return set(zip(links.left.tolist(), links.right.tolist(), strict=True))


@pytest.mark.usefixtures("as_shipped")
@pytest.mark.parametrize("seed", [1, 2])
def test_doubles_are_found_and_it_is_known_how_well(seed: int) -> None:
    people, same = doubled(seed)
    links = dedupe(columns_of(people))
    found = pairs(links)
    assert all(left < right for left, right in found)
    precision, recall = len(found & same) / len(found), len(found & same) / len(same)
    assert precision > 0.95 and recall > 0.85
    assert links.decision.precision_low - 0.06 <= precision <= links.decision.precision_high + 0.06
    assert links.decision.recall_low - 0.06 <= recall <= links.decision.recall_high + 0.06
    assert links.decision.shared == pytest.approx(100, rel=0.2)


@pytest.mark.usefixtures("as_shipped")
def test_names_alone_do_not_link_everybody() -> None:
    people, same = doubled(1)
    found = pairs(dedupe(columns_of(people, ("forename", "surname"))))
    assert len(found & same) > 80 and len(found) < 150


def test_three_rows_of_one_person_are_three_pairs() -> None:
    people, _ = doubled(3, shared=60)
    people = [*people, people[0], people[0]]
    found = pairs(dedupe(columns_of(people)))
    last = len(people)
    assert {(0, last - 2), (0, last - 1), (last - 2, last - 1)} <= found


def test_the_same_seed_gives_the_same_pairs() -> None:
    people, _ = doubled(4)
    one, other = (dedupe(columns_of(people)) for _ in range(2))
    assert one.score.tobytes() == other.score.tobytes() and pairs(one) == pairs(other)


def test_keys_find_nearly_what_all_pairs_find() -> None:
    people, _ = doubled(5)
    full, keyed = (dedupe(columns_of(people), every_pair=every) for every in (True, False))
    assert keyed.compared < full.compared == len(people) * (len(people) - 1) // 2
    candidates = set(zip(keyed.candidates.left.tolist(), keyed.candidates.right.tolist(), strict=True))
    assert len(pairs(full) - candidates) <= 5


@pytest.mark.parametrize("rows", [2, 3, 5])
def test_few_rows(rows: int) -> None:
    links = dedupe(columns_of(registers(rows, 0, 0, seed=2).left))
    assert np.isfinite(links.score).all() and len(links) <= rows * (rows - 1) // 2


def test_what_is_told_is_told_of_groups() -> None:
    """Each of a hundred people stands there three times."""
    world = registers(300, 100, 100, seed=6)
    links = dedupe(columns_of(world.left + world.right + world.right))
    groups, _ = people_of(links)
    who = world.who_left + world.who_right + world.who_right
    told, (one, other) = expected(links, groups), pairs_within(groups)
    right = int(sum(who[a] == who[b] for a, b in zip(one, other, strict=True)))
    assert told.precision_low - 0.02 <= right / len(one) <= told.precision_high + 0.02
    assert told.recall_low - 0.02 <= right / 300 <= told.recall_high + 0.02
    assert told.shared == pytest.approx(300, rel=0.1)


def test_a_pair_of_a_group_is_told_by_all_that_both_rows_have_there() -> None:
    """Two rows alone; three of which two are unlike, but both like the third; and three, one of which is like one."""
    groups = np.array([0, 0, 1, 1, 1, 2, 2, 2])
    left, right = np.array([0, 2, 2, 3, 5, 5]), np.array([1, 3, 4, 4, 6, 7])
    odds = odds_within(groups, left, right, np.array([1.5, 12.0, 12.0, -3.0, 12.0, 2.0]))
    assert odds.tolist() == [1.5, 8.25, 8.25, 8.25, 6.5, -1.0, -1.0]


def test_pairs_between_groups_say_nothing_of_a_group() -> None:
    groups, (left, right) = np.array([0, 0, 1]), (np.array([0, 0]), np.array([1, 2]))
    assert odds_within(groups, left, right, np.array([5.0, 9.0])).tolist() == [5.0]
