"""Several registers at once: people with a known truth, in groups."""

from __future__ import annotations

from collections.abc import Iterable
from itertools import chain, combinations

import numpy as np
import pytest

from exchange_node.engine import party
from exchange_node.engine.dedupe import dedupe
from exchange_node.engine.groups import pairs_within
from exchange_node.engine.link_many import Groups, link_many, people_of
from exchange_node.linkage.errors import LinkageError
from tests.made_up_registers import Town, columns_of, town_of


def grouped(town: Town, **options: object) -> Groups:
    return link_many([columns_of(people) for people in town.registers], **options)  # type: ignore[arg-type]


def quality(groups: Iterable[np.ndarray], who: Iterable[Iterable[int]]) -> tuple[float, float]:
    """Precision and recall of pairs of rows."""
    true = np.fromiter(chain.from_iterable(who), np.int64)
    one, other = pairs_within(np.concatenate(list(groups)))
    right = int(np.sum(true[one] == true[other]))
    counts = np.bincount(true)
    return right / len(one), right / int(np.sum(counts * (counts - 1) // 2))


@pytest.fixture(scope="module")
def town() -> Town:
    return town_of(350, 4, twice=0.08)


@pytest.fixture(scope="module")
def found(few_copies: None, town: Town) -> Groups:
    return grouped(town)


def test_people_are_found_in_all_registers(town: Town, found: Groups) -> None:
    assert [len(groups) for groups in found.groups] == [len(people) for people in town.registers]
    precision, recall = quality(found.groups, town.who)
    assert precision > 0.98 and recall > 0.96
    numbers = np.concatenate(found.groups)
    assert list(dict.fromkeys(numbers.tolist())) == list(range(numbers.max() + 1))
    assert [one.numbers for one in found.comparisons] == [*combinations(range(4), 2), *((at, at) for at in range(4))]
    rows = [len(people) for people in town.registers]
    assert found.compared == sum(rows) * (sum(rows) - 1) // 2


def test_each_row_has_a_probability(found: Groups) -> None:
    numbers, likely = np.concatenate(found.groups), np.concatenate(found.probability)
    alone = np.bincount(numbers)[numbers] == 1
    assert alone.any() and (likely[alone] == 1).all()
    assert ((likely >= 0) & (likely <= 1)).all() and likely[~alone].mean() > 0.9


def test_the_same_again(town: Town, found: Groups) -> None:
    again = grouped(town)
    assert np.concatenate(again.groups).tolist() == np.concatenate(found.groups).tolist()
    assert np.concatenate(again.probability).tobytes() == np.concatenate(found.probability).tobytes()


def test_one_row_of_each_register(town: Town) -> None:
    alone = grouped(town, doubles=False)
    for groups in alone.groups:
        assert len(set(groups.tolist())) == len(groups)
    assert len(alone.comparisons) == 6 and len(alone.estimates) == 1
    precision, recall = quality(alone.groups, town.who)
    assert precision > 0.98 and 0.6 < recall < 0.95, "rows that stand twice are left out"


def test_keys_find_nearly_the_same(town: Town, found: Groups) -> None:
    keyed = grouped(town, every_pair=False)
    assert keyed.planned.plan.keys and keyed.compared < found.compared / 5
    precision, recall = quality(keyed.groups, town.who)
    assert precision > 0.98 and recall > 0.93


def test_a_register_that_shares_fewer_people_needs_more_evidence() -> None:
    town, other = town_of(400, 2, holds=0.8, seed=3), town_of(300, 1, holds=1.0, seed=4)
    few = [*other.registers[0], *town.registers[1][:6]]
    found = link_many([columns_of(people) for people in (*town.registers, few)])
    threshold = {one.numbers: one.threshold for one in found.comparisons}
    assert min(threshold[0, 2], threshold[1, 2]) > threshold[0, 1] + 1
    last = {int(number) for number in found.groups[2][-6:]}
    assert len(last & {int(number) for number in found.groups[1][:6]}) >= 5


def test_progress_and_plan(town: Town) -> None:
    told: list[tuple[str, int, int]] = []
    plans: list[int] = []
    small = [columns_of(people[:40]) for people in town.registers[:3]]
    link_many(small, planned=lambda plan: plans.append(plan.pairs), progress=lambda *step: told.append(step))
    assert plans == [120 * 119 // 2] and all(0 <= done < of for _, done, of in told)


@pytest.mark.parametrize("sizes", [(1, 30, 30), (0, 30, 30)])
def test_a_register_without_people(town: Town, sizes: tuple[int, ...]) -> None:
    columns = [columns_of(people[:size]) for size, people in zip(sizes, town.registers, strict=False)]
    with pytest.raises(LinkageError, match="too-few-people"):
        link_many(columns)


@pytest.mark.parametrize("sizes", [(2, 2, 2), (3, 30, 2)])
def test_few_rows(town: Town, sizes: tuple[int, ...]) -> None:
    columns = [columns_of(people[:size]) for size, people in zip(sizes, town.registers, strict=False)]
    found = link_many(columns)
    assert tuple(map(len, found.groups)) == sizes


def test_doubles_of_one_register_in_groups(town: Town, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(party, "COPIES_WITHIN", 1000)
    people, who = town.registers[0] + town.registers[1], town.who[0] + town.who[1]
    groups, likely = people_of(dedupe(columns_of(people)))
    precision, recall = quality([groups], [who])
    assert precision > 0.97 and recall > 0.9 and len(likely) == len(people)
