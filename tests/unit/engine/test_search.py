"""The search against plain whole numbers: every way of looking finds the same pairs with the same scores."""

from __future__ import annotations

import numpy as np
import pytest

from exchange_node.encoding.vector_schema import schema_for
from exchange_node.encoding.vectors import Weights, scale_for
from exchange_node.engine import search
from exchange_node.engine.search import Found, Plan, Side, find
from exchange_node.kernels import dot
from exchange_node.records.columns import Column
from tests.made_up_registers import FIELDS, Registers, columns_of

SECRET = b"k" * 32
EVERYONE = (("town", "whole"),)
LEAST = -1.0


def side(people: list[dict[str, str]], town: str = "leeds") -> Side:
    columns = columns_of(people) | {"town": Column.of("town", "place", [town] * len(people))}
    return Side.of(schema_for([(name, column.kind) for name, column in columns.items()]), columns, SECRET)


@pytest.fixture(scope="module")
def sides(town: Registers) -> tuple[Side, Side]:
    return side(town.left), side(town.right)


@pytest.fixture(scope="module")
def weights(sides: tuple[Side, Side]) -> Weights:
    random = np.random.default_rng(2)
    return Weights(random.normal(0.6, 1.2, len(sides[0].vectors.schema.features)), -4.0)


def everything(found: Found) -> list[tuple[float, int, int]]:
    return list(zip(found.scores.tolist(), found.left.tolist(), found.right.tolist(), strict=True))


def plainly(
    left: Side, rows: np.ndarray, right: Side, others: np.ndarray, weights: Weights, least: float, most: int
) -> list[tuple[float, int, int]]:
    """All pairs by multiplying whole numbers."""
    scale, constant = scale_for(left.vectors.schema, weights), weights.constant
    a, b = left.vectors.left(rows).astype(np.int64), right.vectors.right(others, weights, scale).astype(np.int64)
    pairs = []
    for row, scores in zip(rows.tolist(), a @ b.T, strict=True):
        best = np.argsort(-scores, kind="stable")[:most]
        pairs += [(float(scores[at] / scale + constant), row, int(others[at])) for at in best]
    return sorted((pair for pair in pairs if pair[0] >= least), key=lambda pair: (-pair[0], pair[1], pair[2]))


def few_rows_at_a_time(monkeypatch: pytest.MonkeyPatch, one: Side, slab: int) -> None:
    monkeypatch.setattr(search, "PART", 1)
    monkeypatch.setattr(search, "SLAB_BYTES", slab * one.vectors.schema.width)


@pytest.mark.parametrize(("least", "most"), [(LEAST, 3), (-1e9, 1), (4.0, 40)])
def test_all_pairs_are_those_of_whole_numbers(
    sides: tuple[Side, Side], weights: Weights, least: float, most: int
) -> None:
    left, right = sides
    rows, others = np.arange(left.rows), np.arange(right.rows)
    found = find(left, rows, right, others, weights, Plan(), least=least, most=most)
    expected = plainly(left, rows, right, others, weights, least, most)
    assert len(expected) > 20
    assert everything(found) == expected
    assert found.compared == left.rows * right.rows


@pytest.mark.parametrize("kernel", dot.kernels())
def test_every_kernel_finds_the_same(sides: tuple[Side, Side], weights: Weights, kernel: str) -> None:
    left, right = sides
    rows, others = np.arange(0, left.rows, 3), np.arange(right.rows)
    for plan in (Plan(), Plan(((("surname", "sound"),),), 300)):
        one = find(left, rows, right, others, weights, plan, least=LEAST, most=4, kernel=kernel)
        assert everything(one) == everything(find(left, rows, right, others, weights, plan, least=LEAST, most=4))


def test_some_rows_in_any_order(sides: tuple[Side, Side], weights: Weights) -> None:
    left, right = sides
    rows, others = np.random.default_rng(0).permutation(left.rows)[:90], np.arange(right.rows)[::2]
    found = find(left, rows, right, others, weights, Plan(), least=LEAST, most=3)
    expected = plainly(left, rows, right, others, weights, LEAST, 3)
    assert set(everything(found)) == set(expected)
    assert (np.diff(found.scores) <= 0).all()


@pytest.mark.parametrize("later", [False, True])
def test_a_key_that_joins_all_is_the_full_comparison(sides: tuple[Side, Side], weights: Weights, later: bool) -> None:
    left, right = (sides[0], sides[0]) if later else sides
    rows, others = np.arange(left.rows), np.arange(right.rows)
    full, blocked = (
        find(left, rows, right, others, weights, plan, least=LEAST, most=5, later=later)
        for plan in (Plan(), Plan((EVERYONE, (("surname", "end"),)), right.rows))
    )
    assert everything(full) == everything(blocked)
    assert full.compared == blocked.compared


def test_blocks_compare_those_that_share_a_key_and_are_not_too_many(
    sides: tuple[Side, Side], weights: Weights, town: Registers
) -> None:
    left, right = sides
    rows, others = np.arange(left.rows), np.arange(right.rows)
    keys = ((("surname", "end"),), (("date_of_birth", "whole"),))
    found = find(left, rows, right, others, weights, Plan(keys, 2), least=-1e9, most=200)
    shared = set()
    for name, length in (("surname", 4), ("date_of_birth", 10)):
        values = [one[name][-length:] for one in town.right]
        for at, value in enumerate(one[name][-length:] for one in town.left):
            if value and values.count(value) <= 2:
                shared |= {(at, other) for other, same in enumerate(values) if same == value}
    assert set(zip(found.left.tolist(), found.right.tolist(), strict=True)) == shared
    assert found.compared == len(shared)
    none = find(left, rows, right, others, weights, Plan((EVERYONE,), right.rows - 1), least=-1e9, most=5)
    assert (len(none), none.compared) == (0, 0)


@pytest.mark.parametrize("slab", [1, 7, 64, 349])
@pytest.mark.parametrize("plan", [Plan(), Plan((EVERYONE,), 350)], ids=["all", "blocked"])
def test_slabs_find_what_one_slab_finds(
    monkeypatch: pytest.MonkeyPatch, sides: tuple[Side, Side], weights: Weights, slab: int, plan: Plan
) -> None:
    left, right = sides
    rows, others = np.arange(0, left.rows, 4), np.arange(0, right.rows, 1 if slab > 1 else 9)
    whole = find(left, rows, right, others, weights, plan, least=LEAST, most=3)
    few_rows_at_a_time(monkeypatch, left, slab)
    told: list[tuple[int, int]] = []
    parts = find(
        left, rows, right, others, weights, plan, least=LEAST, most=3, progress=lambda *done: told.append(done)
    )
    assert everything(parts) == everything(whole)
    assert parts.compared == whole.compared
    assert told == sorted(told) and told[-1][0] == told[-1][1] and len({of for _, of in told}) == 1


@pytest.mark.parametrize("slab", [50, 1000])
def test_later_pairs_each_two_rows_once(
    monkeypatch: pytest.MonkeyPatch, sides: tuple[Side, Side], weights: Weights, slab: int
) -> None:
    left, _ = sides
    few_rows_at_a_time(monkeypatch, left, slab)
    rows = np.random.default_rng(1).permutation(left.rows)[:120]
    found = find(left, rows, left, rows, weights, Plan(), least=-1e9, most=119, later=True)
    place = {row: at for at, row in enumerate(rows.tolist())}
    pairs = list(zip(found.left.tolist(), found.right.tolist(), strict=True))
    assert all(place[one] < place[other] for one, other in pairs)
    assert len(set(pairs)) == len(pairs) == found.compared == 120 * 119 // 2


def test_a_threshold_keeps_what_reaches_it(sides: tuple[Side, Side], weights: Weights) -> None:
    left, right = sides
    rows, others = np.arange(left.rows), np.arange(right.rows)
    every = find(left, rows, right, others, weights, Plan(), least=-1e9, most=2)
    for at in (0, 10, len(every) // 2):
        least = float(every.scores[at])
        found = find(left, rows, right, others, weights, Plan(), least=least - 1e-9, most=2)
        assert everything(found) == [pair for pair in everything(every) if pair[0] >= least]
    assert not len(find(left, rows, right, others, weights, Plan(), least=1e9, most=2))


@pytest.mark.parametrize("plan", [Plan(), Plan((EVERYONE,), 350)], ids=["all", "blocked"])
def test_no_rows_no_pairs(sides: tuple[Side, Side], weights: Weights, plan: Plan) -> None:
    left, right = sides
    for rows, others in ((np.arange(0), np.arange(5)), (np.arange(5), np.arange(0)), (np.arange(0), np.arange(0))):
        found = find(left, rows, right, others, weights, plan, least=-1e9, most=2)
        assert (len(found), found.compared) == (0, 0)


def test_missing_values_share_no_key(town: Registers, weights: Weights) -> None:
    nobody = [dict.fromkeys(FIELDS, "") for _ in range(3)]
    left = side(nobody, town="")
    found = find(
        left, np.arange(3), left, np.arange(3), weights, Plan((EVERYONE, (("surname", "end"),)), 99), least=-1e9, most=3
    )
    assert len(found) == 0
