"""Groups against a plain way to make them, and what holds of any groups."""

from __future__ import annotations

from itertools import combinations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from exchange_node.engine.groups import BEST, NEVER, group, mean_within, pairs_within

ROWS = 11
Pairs = dict[tuple[int, int], float]
EVIDENCE = st.one_of(
    st.integers(-12, 12).map(float), st.floats(-30, 30), st.sampled_from([NEVER, -NEVER, 1.0, -1.0, 0.0])
)
PAIRS = st.dictionaries(st.sampled_from(list(combinations(range(ROWS), 2))), EVIDENCE, max_size=30)
PARTIES = st.lists(st.integers(0, 3), min_size=ROWS, max_size=ROWS)
APART = st.lists(st.sampled_from(list(combinations(range(ROWS), 2))), max_size=4)
UNIT = 2**20


def grouped(pairs: Pairs, party: list[int] | None = None, apart: list[tuple[int, int]] = []) -> list[int]:  # noqa: B006
    one, other = (np.array([pair[side] for pair in pairs], np.int64) for side in (0, 1))
    found = group(
        one,
        other,
        np.array(list(pairs.values()), np.float64),
        ROWS,
        party=None if party is None else np.array(party),
        apart=apart,
    )
    return [*map(int, found)]


def plainly(pairs: Pairs, party: list[int] | None, apart: list[tuple[int, int]]) -> list[int]:
    """Every step looks at every two groups."""
    groups = [[row] for row in range(ROWS)]
    worth = {pair: round(evidence * UNIT) for pair, evidence in pairs.items()}

    def evidence(a: list[int], b: list[int]) -> float:
        cross = [(min(i, j), max(i, j)) for i in a for j in b]
        if any(pair in apart or worth.get(pair, 0) < NEVER * UNIT for pair in cross):
            return -1.0
        if party is not None and {party[row] for row in a} & {party[row] for row in b}:
            return -1.0
        known = [worth[pair] for pair in cross if pair in worth]
        if not known:
            return -1.0
        beyond = sum(of - round(NEVER * UNIT) for of in known)
        return ((BEST - 1) * (round(NEVER * UNIT) + beyond / len(cross)) + max(known)) / BEST

    while True:
        best = (
            min((-evidence(a, b), a[0], b[0]) for a, b in combinations(groups, 2)) if len(groups) > 1 else (0.0, 0, 0)
        )
        if best[0] >= 0:
            return [at for row in range(ROWS) for at, members in enumerate(groups) if row in members]
        one, other = (next(members for members in groups if members[0] == row) for row in best[1:])
        groups.remove(other)
        one += other
        groups.sort()


@given(PAIRS, st.none() | PARTIES, APART)
def test_as_the_plain_way(pairs: Pairs, party: list[int] | None, apart: list[tuple[int, int]]) -> None:
    assert grouped(pairs, party, apart) == plainly(pairs, party, apart)


@given(PAIRS, st.none() | PARTIES, APART)
def test_what_holds_of_any_groups(pairs: Pairs, party: list[int] | None, apart: list[tuple[int, int]]) -> None:
    found = grouped(pairs, party, apart)
    assert list(dict.fromkeys(found)) == list(range(max(found) + 1)), "numbered by their first row"
    together = {pair for pair in combinations(range(ROWS), 2) if found[pair[0]] == found[pair[1]]}
    assert not together & set(apart)
    assert all(pairs.get(pair, 0.0) >= NEVER - 1 / UNIT for pair in together)
    assert party is None or all(party[a] != party[b] for a, b in together)
    for row in range(ROWS):
        others = [pairs.get((min(row, other), max(row, other)), NEVER) for other in range(ROWS)
                  if other != row and found[other] == found[row]]  # fmt: skip
        assert not others or max(found.count(of) for of in found) > 2 or max(others) > 0


@given(PAIRS, st.none() | PARTIES, APART, st.randoms(use_true_random=False))
def test_the_order_of_pairs_changes_nothing(
    pairs: Pairs, party: list[int] | None, apart: list[tuple[int, int]], random: object
) -> None:
    mixed = list(pairs.items())
    random.shuffle(mixed)  # type: ignore[attr-defined]
    turned = {(b, a) if at % 2 else (a, b): of for at, ((a, b), of) in enumerate(mixed)}
    assert grouped(turned, party, apart[::-1]) == grouped(pairs, party, apart)


@given(PAIRS)
def test_of_the_same_pair_the_best_counts(pairs: Pairs) -> None:
    left, right = (np.array([*(pair[side] for pair in pairs), *(pair[1 - side] for pair in pairs)]) for side in (0, 1))
    worth = np.array([*pairs.values(), *(of - 1 for of in pairs.values())], np.float64)
    found = group(left.astype(np.int64), right.astype(np.int64), worth, ROWS)
    assert found.tolist() == grouped(pairs)


@given(st.lists(st.integers(0, 5), max_size=30))
def test_pairs_and_means_within(numbers: list[int]) -> None:
    groups = np.array(numbers, np.int64)
    one, other = pairs_within(groups)
    plain = {(a, b) for a, b in combinations(range(len(numbers)), 2) if numbers[a] == numbers[b]}
    assert set(zip(one.tolist(), other.tolist(), strict=True)) == plain and len(one) == len(plain)
    of = np.linspace(0, 1, len(one))
    means = mean_within(groups, one, other, of) if numbers else np.empty(0)
    for row in range(len(numbers)):
        mine = of[(one == row) | (other == row)]
        assert means[row] == pytest.approx(mine.mean() if len(mine) else 1.0)


@pytest.mark.parametrize(
    ("left", "right", "evidence"), [([0], [ROWS], [1.0]), ([-1], [0], [1.0]), ([0], [1], [np.nan])]
)
def test_pairs_that_are_none(left: list[int], right: list[int], evidence: list[float]) -> None:
    with pytest.raises(ValueError, match=r"pairs|evidence"):
        group(np.array(left), np.array(right), np.array(evidence), ROWS)


def test_one_false_pair_does_not_make_two_people_one() -> None:
    """Two people with three sure rows each, and one pair between them that looks as sure."""
    pairs = {pair: 15.0 for trio in (range(3), range(3, 6)) for pair in combinations(trio, 2)}
    assert grouped(pairs | {(2, 3): 15.0})[:6] == [0, 0, 0, 1, 1, 1]
    assert grouped(pairs | dict.fromkeys(((a, b) for a in range(3) for b in range(3, 6)), 3.0))[:6] == [0] * 6


def test_an_unclear_row_does_not_make_twins_one() -> None:
    assert grouped({(0, 1): 6.0, (1, 2): 5.0, (0, 2): -8.0})[:3] == [0, 0, 1]
    assert grouped({(0, 1): 20.0, (1, 2): 20.0, (0, 2): NEVER - 1})[:3] == [0, 0, 1]


def test_a_decision_holds_whole_groups_apart() -> None:
    pairs = dict.fromkeys(combinations(range(4), 2), 9.0) | {(0, 1): 10.0, (2, 3): 10.0}
    assert grouped(pairs)[:4] == [0, 0, 0, 0]
    assert grouped(pairs, apart=[(1, 2)])[:4] == [0, 0, 1, 1]
