"""Rows by their keys, the buckets of each key, and the candidates that share one: as plain sorts and sets say."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from exchange_node.kernels import blocks as buckets
from exchange_node.linkage.blocks import Buckets

ORDER = np.tile(np.arange(70, dtype=np.uint32), (2, 1))
RANGES = np.tile(np.array([0, 70], np.uint32), (6, 2, 1))
LEFT = np.arange(6, dtype=np.uint32)


@given(
    st.integers(0, 2**32),
    st.tuples(st.integers(0, 60), st.integers(0, 60)),
    st.integers(0, 3),
    st.integers(0, 8),
    st.booleans(),
)
def test_candidates_share_a_bucket_that_is_not_too_large(
    seed: int, rows: tuple[int, int], keys: int, cap: int, later: bool
) -> None:
    generator = np.random.default_rng(seed)
    mine, theirs = (generator.integers(0, 9, (keys, count)).astype(np.uint32) for count in rows)
    found = Buckets(theirs, cap).candidates(mine, later=later)
    expected: list[set[int]] = [set() for _ in range(rows[0])]
    for own, others in zip(mine.tolist(), theirs.tolist(), strict=True):
        for row, number in enumerate(own):
            if number and others.count(number) <= cap:
                expected[row] |= {at for at, other in enumerate(others) if other == number and (at > row or not later)}
    assert [sorted(found.of(row, row + 1).ids.tolist()) for row in range(rows[0])] == [*map(sorted, expected)]
    some = np.flatnonzero(generator.integers(0, 2, rows[0]))[::-1]
    assert [found.only(some).of(at, at + 1).ids.tolist() for at in range(len(some))] == [
        found.of(row, row + 1).ids.tolist() for row in some
    ]
    compact, wanted = found.compact(rows[1])
    assert wanted[compact.ids].tolist() == found.ids.tolist() and compact.ends is found.ends


@pytest.mark.parametrize(
    ("place", "value"),
    [
        (0, ORDER.astype(np.int32)),
        (0, ORDER[:1]),
        (0, ORDER[0]),
        (0, np.where(ORDER == 50, 70, ORDER).astype(np.uint32)),
        (1, RANGES[:, :1].copy()),
        (1, RANGES.astype(np.int64)),
        (1, RANGES + np.uint32(1)),
        (1, RANGES[:, :, ::-1].copy()),
        (1, RANGES[:, :, ::-1]),
    ],
)
def test_buckets_that_do_not_fit_are_refused(place: int, value: object) -> None:
    good: list[Any] = [ORDER, RANGES, buckets.EVERY]
    assert buckets.gather(*good)[0].tolist() == [70] * 6
    good[place] = value
    with pytest.raises(ValueError, match="wrong"):
        buckets.gather(*good)


@given(st.integers(0, 2**32), st.integers(0, 300), st.sampled_from([3, 2**16, 2**32 - 1]), st.integers(0, 5))
def test_buckets_are_those_of_a_plain_sort(seed: int, rows: int, most: int, cap: int) -> None:
    generator = np.random.default_rng(seed)
    hashes, wanted = (generator.integers(0, most, count, np.uint32, endpoint=True) for count in (rows, 40))
    wanted[: min(rows, 20)] = hashes[:20]
    order, ranges = np.empty(rows, np.uint32), np.full((40, 2, 2), 7, np.uint32)
    known = buckets.sort(hashes, order)
    assert order.tolist() == np.argsort(hashes, kind="stable").tolist()
    assert known.hashes.tolist() == sorted(set(hashes.tolist()))
    buckets.find(known, cap, wanted, ranges, 1)
    assert (ranges[:, 0] == 7).all()
    for one, (begin, end) in zip(wanted, ranges[:, 1], strict=True):
        there = np.flatnonzero(hashes == one).tolist()
        assert order[begin:end].tolist() == (there if one and len(there) <= cap else [])


@pytest.mark.parametrize(
    ("place", "value"),
    [
        (0, buckets.Sorted(LEFT, LEFT)),
        (0, buckets.Sorted(LEFT.astype(np.int32), np.arange(7, dtype=np.uint32))),
        (2, LEFT[1:]),
        (2, LEFT.astype(np.int64)),
        (3, RANGES[:5]),
        (3, RANGES.astype(np.int32)),
        (3, RANGES[:, :, :1].copy()),
        (4, 2),
        (4, -1),
    ],
)
def test_a_look_up_that_does_not_fit_is_refused(place: int, value: object) -> None:
    good: list[Any] = [buckets.Sorted(LEFT, np.arange(7, dtype=np.uint32)), 9, LEFT, RANGES.copy(), 1]
    buckets.find(*good)
    good[place] = value
    with pytest.raises(ValueError, match="wrong"):
        buckets.find(*good)


def test_hashes_that_do_not_fit_are_not_sorted() -> None:
    wrong: list[tuple[np.ndarray, np.ndarray]] = [
        (LEFT, LEFT[1:].copy()), (LEFT.astype(np.int64), LEFT), (LEFT[::2], LEFT[:3]),
    ]  # fmt: skip
    for hashes, order in wrong:
        with pytest.raises(ValueError, match="wrong"):
            buckets.sort(hashes, order)
