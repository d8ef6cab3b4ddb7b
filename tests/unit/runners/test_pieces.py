"""A search in pieces finds what the engine's own search finds, bit for bit, however the pieces are cut."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from exchange_node.engine.link import link
from exchange_node.engine.search import Plan, Side, find
from exchange_node.linkage.dot import SCORED, Scored
from exchange_node.runners.pieces import (
    Keyed,
    Packed,
    Piece,
    Slab,
    Task,
    best_of_each,
    cut,
    keyed,
    once,
    paired,
    score,
)
from exchange_node.runners.search import Runner
from tests.made_up_registers import columns_of, registers
from tests.searches import KEYS, same_links, same_pairs, sides, weights


class Here:
    """`Machines` of one process. Of two parts that could come in any order the last one comes first."""

    def begin(self, left: Sequence[Piece], right: Sequence[Piece], size: int, plan: Plan, task: Task) -> _Work:
        parts: dict[int, list[Keyed]] = {}
        found: dict[int, list[Packed]] = {}
        if plan.keys:
            for piece, which in [(piece, False) for piece in left] + [(piece, True) for piece in right]:
                for part, some in keyed(piece, which, plan, task.secret, 3):
                    parts.setdefault(part, []).insert(0, some)
            for together in parts.values():
                for number, pairs in paired(together, plan.cap, task.later, size):
                    found.setdefault(number, []).insert(0, pairs)
            assert set(found) <= {piece.number for piece in left}
        return _Work([(piece, once(found.get(piece.number, [])) if plan.keys else None) for piece in left])


class _Work:
    def __init__(self, pieces: Iterable[tuple[Piece, Packed | None]]) -> None:
        self._pieces = list(pieces)

    def compared(self) -> int | None:
        counts = [len(pairs) for _, pairs in self._pieces if pairs is not None]
        return sum(counts) if counts else None

    def against(self, slab: Slab, task: Task) -> Scored:
        return np.concatenate(
            [np.empty(0, SCORED), *(score(piece, pairs, slab, task) for piece, pairs in self._pieces[::-1])]
        )

    def close(self) -> None:
        self._pieces = []


PLANS = {"all": Plan(), "keys": Plan(KEYS, 300), "small buckets": Plan(KEYS, 3)}


@pytest.fixture(scope="module")
def both() -> tuple[Side, Side]:
    return sides(200, 251, 150)


@pytest.mark.parametrize("later", [False, True], ids=["two registers", "one"])
@pytest.mark.parametrize("plan", PLANS.values(), ids=PLANS)
@pytest.mark.parametrize(("pieces", "slab"), [(1, None), (2, 97), (7, 350), (60, 60)])
def test_any_pieces_find_the_same(
    both: tuple[Side, Side], pieces: int, slab: int | None, plan: Plan, later: bool
) -> None:
    left, right = both if not later else (both[0], both[0])
    left_rows = np.random.default_rng(1).permutation(left.rows)[: 60 if pieces == 60 else 190]
    right_rows = left_rows if later else np.arange(right.rows)[::2]
    asked: dict[str, Any] = {"least": -2.0, "most": 3, "later": later}
    told: list[tuple[int, int]] = []
    expected = find(left, left_rows, right, right_rows, weights(left), plan, **asked)
    found = Runner(Here(), pieces, slab).find(
        left, left_rows, right, right_rows, weights(left), plan, progress=lambda *done: told.append(done), **asked
    )
    assert len(expected) > 20
    same_pairs(found, expected)
    assert told[-1] == (len(right_rows), len(right_rows))


@pytest.mark.parametrize("plan", PLANS.values(), ids=PLANS)
def test_no_rows_no_pairs(plan: Plan) -> None:
    left, right = sides(20, 20, 10)
    for ours, theirs in ((0, 5), (5, 0), (0, 0)):
        rows = np.arange(ours), np.arange(theirs)
        found = Runner(Here(), 3).find(left, rows[0], right, rows[1], weights(left), plan, least=-1e9, most=2)
        assert (len(found), found.compared) == (0, 0)


@pytest.mark.parametrize("every", [True, False], ids=["all pairs", "keys"])
def test_the_spine_gives_the_same_links(monkeypatch: pytest.MonkeyPatch, every: bool) -> None:
    monkeypatch.setattr("exchange_node.engine.party.COPIES", 300)
    world = registers(150, 120, 90, seed=3)
    both = columns_of(world.left), columns_of(world.right)
    links = link(*both, every_pair=every, finder=Runner(Here(), 4, 50).find)
    assert len(links) > 70
    same_links(links, link(*both, every_pair=every))


def test_a_piece_has_its_own_values_alone() -> None:
    left: Side = sides(40, 40, 20)[0]
    rows = np.array([7, 3, 3, 30, 9])
    pieces = list(cut(left.columns, rows, 2))
    assert [(piece.number, piece.first, piece.rows) for piece in pieces] == [(0, 0, 2), (1, 2, 2), (2, 4, 1)]
    for name, column in left.columns.items():
        texts = [piece.columns[name].values[code] for piece in pieces for code in piece.columns[name].codes]
        assert texts == [column.values[column.codes[row]] for row in rows]
        assert all(len(piece.columns[name].values) <= 1 + piece.rows for piece in pieces)


BUCKETS = st.lists(st.integers(0, 5), max_size=30)


@given(left=BUCKETS, right=BUCKETS, cap=st.integers(0, 8), later=st.booleans(), size=st.integers(1, 12))
def test_pairs_are_those_of_buckets_that_are_not_too_large(
    left: list[int], right: list[int], cap: int, later: bool, size: int
) -> None:
    def of(which: bool, buckets: list[int]) -> Keyed:
        return Keyed(which, np.array(buckets, np.uint64), np.arange(len(buckets), dtype=np.uint32))

    found = dict(paired([of(True, right), of(False, left)], cap, later, size))
    expected: dict[int, list[int]] = {}
    for row, bucket in enumerate(left):
        for other, same in enumerate(right):
            if same == bucket and right.count(bucket) <= cap and (other > row or not later):
                expected.setdefault(row // size, []).append((row << 32) + other)
    assert {number: pairs.tolist() for number, pairs in found.items()} == expected


@given(st.lists(st.tuples(st.integers(-5, 5), st.integers(0, 4), st.integers(0, 9)), unique=True), st.integers(1, 4))
def test_the_best_of_each_row(pairs: list[tuple[int, int, int]], most: int) -> None:
    best = best_of_each(np.array(pairs, SCORED), most)
    ranked = sorted(pairs, key=lambda pair: (pair[1], -pair[0], pair[2]))
    kept = [pair for at, pair in enumerate(ranked) if sum(one[1] == pair[1] for one in ranked[:at]) < most]
    assert best.tolist() == kept
