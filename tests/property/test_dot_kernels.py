"""Every kernel of dot products equals whole numbers computed plainly, and so do the searches made of them."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from itertools import pairwise
from typing import Any

import numpy as np
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from exchange_node.kernels import blocks as buckets
from exchange_node.kernels import dot, greedy
from exchange_node.kernels.packed import Packed
from exchange_node.linkage.blocks import Buckets
from exchange_node.linkage.dot import best_pairs, choose
from exchange_node.linkage.errors import LinkageError

OURS = dot.kernels()
WIDTHS = [64, 128, 192, 640, 4096]
Pair = tuple[int, int, int]


def full(generator: np.random.Generator, shape: tuple[int, int], low: int) -> np.ndarray:
    """Any values."""
    return generator.integers(low, 128, shape, np.int8)


def extreme(generator: np.random.Generator, shape: tuple[int, int], low: int) -> np.ndarray:
    """Each row at one end of the range."""
    return np.broadcast_to(generator.choice(np.array([low, 127], np.int8), (shape[0], 1)), shape).copy()


def sparse(generator: np.random.Generator, shape: tuple[int, int], low: int) -> np.ndarray:
    """One to four values at an end of the range, in a few columns: scores on both sides of what 16 bits hold."""
    rows = np.zeros(shape, np.int8)
    for row in rows:
        row[generator.choice(6, generator.integers(1, 5), replace=False)] = generator.choice([max(low, -127), 127])
    return rows


def few(generator: np.random.Generator, shape: tuple[int, int], low: int) -> np.ndarray:
    """Small values: many ties, and sums that fit into 16 bits."""
    return generator.integers(max(low, -2), 3, shape, np.int8)


KINDS = [full, extreme, sparse, few]
Kind = Callable[[np.random.Generator, tuple[int, int], int], np.ndarray]


def sides(seed: int, rows: tuple[int, int], width: int, kinds: tuple[Kind, Kind]) -> tuple[Any, Any, np.ndarray]:
    """Left and right rows and all their scores."""
    generator = np.random.default_rng(seed)
    x = kinds[0](generator, (rows[0], width), 0).view(np.uint8)
    y = kinds[1](generator, (rows[1], width), -128)
    return x, y, x.astype(np.int64) @ y.astype(np.int64).T


def plainly(scores: np.ndarray, allowed: np.ndarray, threshold: int, most: int) -> list[list[tuple[int, int]]]:
    """Score and right row of the best of each left row; ties by right row."""
    found = []
    for row, may in zip(scores.tolist(), allowed, strict=True):
        pairs = [(score, j) for j, score in enumerate(row) if may[j] and score >= threshold]
        found.append(sorted(pairs, key=lambda pair: (-pair[0], pair[1]))[:most])
    return found


def told(kept: dot.Kept) -> list[list[tuple[int, int]]]:
    """What a search kept, as `plainly` gives it."""
    return [kept.pairs[i, :count].tolist() for i, count in enumerate(kept.counts.tolist())]


def after(shape: tuple[int, ...], beyond: int) -> np.ndarray:
    """Which pairs count."""
    left, right = np.indices(shape)
    return np.asarray(right > left + beyond)


searches = given(
    seed=st.integers(0, 2**32),
    rows=st.tuples(st.integers(0, 15), st.integers(0, 150)),
    width=st.sampled_from(WIDTHS),
    kinds=st.tuples(st.sampled_from(KINDS), st.sampled_from(KINDS)),
    quantile=st.floats(0, 1),
    most=st.integers(1, 12),
    beyond=st.one_of(st.just(dot.EVERY), st.integers(-20, 160)),
)


def threshold_at(scores: np.ndarray, quantile: float) -> int:
    """A score that occurs, so that the bound itself is tried."""
    return int(np.quantile(scores, quantile, method="lower")) if scores.size else 0


@pytest.mark.parametrize("kernel", OURS)
@settings(max_examples=60, deadline=None)
@searches
@example(1, (7, 130), 4096, (extreme, extreme), 0.0, 12, dot.EVERY)
@example(2, (13, 70), 64, (sparse, sparse), 0.5, 12, dot.EVERY)
def test_the_search_among_all_pairs_is_exact(
    kernel: str,
    seed: int,
    rows: tuple[int, int],
    width: int,
    kinds: tuple[Kind, Kind],
    quantile: float,
    most: int,
    beyond: int,
) -> None:
    x, y, scores = sides(seed, rows, width, kinds)
    threshold = threshold_at(scores, quantile)
    kept, cut = dot.Kept.none(rows[0], most), seed % (rows[1] + 1)
    for first, part in ((0, y[:cut]), (cut, y[cut:])):
        dot.search(kernel, x, dot.side_by_side([part], *part.shape), threshold, kept, first, beyond)
    assert told(kept) == plainly(scores, after(scores.shape, beyond), threshold, most)


@settings(max_examples=60, deadline=None)
@searches
@example(1, (7, 130), 4096, (extreme, extreme), 0.0, 12, dot.EVERY)
def test_the_search_among_candidates_is_exact(
    seed: int,
    rows: tuple[int, int],
    width: int,
    kinds: tuple[Kind, Kind],
    quantile: float,
    most: int,
    beyond: int,
) -> None:
    x, y, scores = sides(seed, rows, width, kinds)
    generator = np.random.default_rng(seed)
    keys = int(generator.integers(0, 4))
    mine, theirs = (generator.integers(0, 5, (keys, count)) for count in rows)
    allowed = (mine[:, :, None] == theirs[:, None, :]).any(axis=0) & after(scores.shape, beyond)
    threshold = threshold_at(scores, quantile)
    counts, ids = buckets.gather(*blocks(mine, theirs), beyond)
    assert counts.tolist() == allowed.sum(axis=1).tolist()
    ends = np.concatenate([[0], np.cumsum(counts, dtype=np.int64)])
    assert all(set(ids[ends[i] : ends[i + 1]]) == set(np.flatnonzero(allowed[i])) for i in range(rows[0]))
    kept, cut = dot.Kept.none(rows[0], most), seed % (rows[1] + 1)
    for first, part in ((0, y[:cut]), (cut, y[cut:])):
        dot.search_among(x, Packed.of(part), threshold, kept, ids, ends, first)
    assert told(kept) == plainly(scores, allowed, threshold, most)


def blocks(mine: np.ndarray, theirs: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Order and ranges of keys of shape (keys, rows) each."""
    order = np.argsort(theirs, axis=1, kind="stable")
    ranges = np.zeros((mine.shape[1], len(mine), 2), np.uint32)
    for key, (left, right) in enumerate(zip(mine, theirs, strict=True)):
        ranges[:, key, 0] = np.searchsorted(right[order[key]], left, "left")
        ranges[:, key, 1] = np.searchsorted(right[order[key]], left, "right")
    return order.astype(np.uint32), ranges


@pytest.mark.parametrize("kernel", OURS)
@pytest.mark.parametrize("rows", [1, 63, 64, 65, 255, 257, 303, 305, 1000])
def test_a_kernel_is_exact_across_its_own_tiles(kernel: str, rows: int) -> None:
    for kinds in ((full, full), (few, few), (sparse, few)):
        x, y, scores = sides(rows, (19, rows), 640, kinds)
        y[rows // 2 :, :7] = 127  # where scores fit into 16 bits and where they do not, in one search
        scores = x.astype(np.int64) @ y.astype(np.int64).T
        laid = dot.side_by_side([y], *y.shape)
        for quantile in (0.0, 0.9):
            threshold = threshold_at(scores, quantile)
            kept = dot.Kept.none(19, 256)
            dot.search(kernel, x, laid, threshold, kept)
            assert told(kept) == plainly(scores, scores >= threshold, threshold, 256)


@given(st.lists(st.integers(0, 9), min_size=1, max_size=6), st.sampled_from(WIDTHS), st.sampled_from(KINDS))
@settings(max_examples=20, deadline=None)
def test_rows_are_packed_however_they_come(sizes: list[int], width: int, kind: Kind) -> None:
    rows = kind(np.random.default_rng(sum(sizes)), (sum(sizes), width), -128)
    ends = np.cumsum([0, *sizes])
    packed = Packed.together([Packed.of(rows[start:end]) for start, end in pairwise(ends)])
    assert len(packed) == len(rows) and packed.values.all()
    assert np.array_equal(packed.unpacked(width), rows)


@pytest.mark.parametrize("kernel", OURS)
@given(st.integers(0, 2**32), st.sampled_from(WIDTHS), st.sampled_from(KINDS), st.sampled_from(KINDS))
@settings(max_examples=20, deadline=None)
def test_single_pairs_are_exact(kernel: str, seed: int, width: int, one: Kind, other: Kind) -> None:
    x, y, scores = sides(seed, (9, 17), width, (one, other))
    left, right = (np.random.default_rng(seed).integers(0, count, 40).astype(np.uint32) for count in scores.shape)
    assert np.array_equal(dot.pairs(kernel, x, y, left, right), scores[left, right])


@given(st.lists(st.integers(0, 60), max_size=6), st.sampled_from([64, 192]))
def test_rows_are_laid_side_by_side_however_they_come(sizes: list[int], width: int) -> None:
    rows = full(np.random.default_rng(sum(sizes)), (sum(sizes), width), -128)
    ends = np.cumsum([0, *sizes])
    laid = dot.side_by_side([rows[start:end] for start, end in pairwise(ends)], *rows.shape)
    back = laid.values.transpose(0, 2, 1, 3).reshape(-1, width)
    assert len(laid) == len(rows) and laid.width == width
    assert np.array_equal(back[: len(rows)], rows) and not back[len(rows) :].any() and len(back) % 64 == 0


# -- stripes, slabs and threads ---------------------------------------------------------------------------------------


def listed(scores: np.ndarray, allowed: np.ndarray, threshold: int, most: int) -> list[Pair]:
    """All pairs in the order in which links are taken."""
    best = plainly(scores, allowed, threshold, most)
    pairs = [(score, i, j) for i, row in enumerate(best) for score, j in row]
    return sorted(pairs, key=lambda pair: (-pair[0], pair[1], pair[2]))


@settings(max_examples=25, deadline=None)
@given(
    st.integers(0, 2**32),
    st.tuples(st.integers(0, 150), st.integers(0, 90)),
    st.booleans(),
    st.booleans(),
    st.integers(0, 90),
)
def test_slabs_put_together_are_the_whole(
    seed: int, rows: tuple[int, int], blocked: bool, later: bool, cut: int
) -> None:
    x, y, scores = sides(seed, rows, 64, (few, few))
    generator = np.random.default_rng(seed)
    mine, theirs = (generator.integers(0, 4, (2, count), np.uint32) for count in rows)
    allowed = after(scores.shape, 0 if later else dot.EVERY)
    if blocked:
        allowed &= (mine[:, :, None] == theirs[:, None, :]).any(axis=0)

    def best(*cuts: int) -> Any:
        among = Buckets(theirs + 1, rows[1]).candidates(mine + 1, later=later) if blocked else None
        parts = [y[start:end] for start, end in pairwise((0, *cuts, rows[1]))]
        slabs = map(Packed.of, parts) if blocked else (dot.side_by_side([part], *part.shape) for part in parts)
        return best_pairs(lambda top, bottom: x[top:bottom], rows[0], slabs, 3, 4, choose("native"), among, later=later)

    cut = min(cut, rows[1])
    whole, parts = best(), best(cut, cut, (cut + rows[1]) // 2)
    assert whole.pairs.tolist() == parts.pairs.tolist() == listed(scores, allowed, 3, 4)
    assert whole.compared == parts.compared == allowed.sum()


def test_progress_is_told_and_can_cancel() -> None:
    x, y, scores = sides(5, (200, 100), 64, (full, full))
    seen: list[int] = []

    def run(**options: Any) -> Any:
        least = int(scores.min())
        slabs = [dot.side_by_side([part], *part.shape) for part in (y[:30], y[30:])]
        return best_pairs(lambda top, bottom: x[top:bottom], 200, slabs, least, 3, choose("native"), **options)

    run(progress=seen.append)
    assert seen == sorted(seen) and 200 * 30 in seen and seen[-1] == 200 * 100
    assert len(run().pairs) == 600

    def cancel(done: int) -> None:
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        run(progress=cancel)


def test_only_a_kernel_that_runs_here_is_chosen() -> None:
    assert [choose(name) for name in OURS] == OURS
    assert choose("native") == OURS[0] and OURS[-1] == "plain"
    with pytest.raises(LinkageError, match="no-kernel"):
        choose("fastest")


@given(st.lists(st.tuples(st.integers(0, 30), st.integers(0, 30)), max_size=200))
def test_links_are_those_of_a_plain_loop(pairs: list[tuple[int, int]]) -> None:
    left_taken, right_taken, expected = set(), set(), []
    for i, j in pairs:
        expected.append(i not in left_taken and j not in right_taken)
        if expected[-1]:
            left_taken.add(i)
            right_taken.add(j)
    left, right = (np.array([pair[side] for pair in pairs], np.uint32) for side in (0, 1))
    assert greedy.take(left, right).tolist() == expected


# -- what does not fit ------------------------------------------------------------------------------------------------

X, Y = np.ones((6, 64), np.uint8), np.ones((70, 64), np.int8)
LAID, PACKED = dot.side_by_side([Y], *Y.shape), Packed.of(Y)
IDS, ENDS = np.tile(np.arange(70, dtype=np.uint32), 6), np.arange(7) * 70
LEFT = np.arange(6, dtype=np.uint32)
TOO_LARGE = np.full((6, 64), 128, np.uint8)


@pytest.mark.parametrize(
    ("place", "value"),
    [
        (0, "fastest"),
        (1, TOO_LARGE),
        (1, X.astype(np.int8)),
        (1, np.ones((6, 128), np.uint8)),
        (1, np.ones((6, 128), np.uint8)[:, ::2]),
        (2, dot.SideBySide(LAID.values, 64)),
        (2, dot.SideBySide(LAID.values, 129)),
        (2, dot.SideBySide(LAID.values[:7], 70)),
        (2, dot.SideBySide(LAID.values.view(np.uint8), 70)),
        (3, 2**31),
        (4, dot.Kept.none(6, 0)),
        (4, dot.Kept.none(6, 257)),
        (4, dot.Kept.none(5, 3)),
        (4, dot.Kept(np.full(6, 4, np.int32), dot.Kept.none(6, 3).pairs)),
        (4, dot.Kept(np.full(6, -1, np.int32), dot.Kept.none(6, 3).pairs)),
        (4, dot.Kept(np.zeros(6, np.int64), dot.Kept.none(6, 3).pairs)),
        (4, dot.Kept(np.zeros(6, np.int32), np.zeros((6, 3), np.int64))),
        (5, -1),
        (5, 2**32 - 70),
        (6, -(2**41)),
        (6, 2**41),
    ],
)
def test_a_search_that_does_not_fit_is_refused(place: int, value: object) -> None:
    good: list[Any] = ["plain", X, LAID, 64, dot.Kept.none(6, 3), 0, dot.EVERY]
    dot.search(*good)
    assert good[4].counts.tolist() == [3] * 6
    good[4] = dot.Kept.none(6, 3)
    good[place] = value
    with pytest.raises(ValueError, match="wrong"):
        dot.search(*good)


@pytest.mark.parametrize(
    ("place", "value"),
    [
        (0, TOO_LARGE),
        (0, X.astype(np.int8)),
        (1, replace(PACKED, columns=PACKED.columns.astype(np.int32))),
        (1, replace(PACKED, columns=PACKED.columns[1:])),
        (1, replace(PACKED, values=PACKED.values.astype(np.int16))),
        (1, replace(PACKED, values=PACKED.values[1:])),
        (1, replace(PACKED, places=PACKED.places.astype(np.uint32))),
        (1, replace(PACKED, places=PACKED.places[:0])),
        (1, replace(PACKED, places=PACKED.places - 1)),
        (1, replace(PACKED, places=PACKED.places + 1)),
        (1, replace(PACKED, places=PACKED.places[::-1].copy())),
        (2, -(2**31) - 1),
        (3, dot.Kept.none(6, 0)),
        (3, dot.Kept.none(7, 3)),
        (4, IDS.astype(np.int32)),
        (4, IDS[1:]),
        (5, ENDS[1:]),
        (5, ENDS - 1),
        (5, ENDS[::-1].copy()),
        (5, ENDS.astype(np.uint32)),
        (6, -1),
        (6, 2**32 - 70),
    ],
)
def test_a_search_among_candidates_that_does_not_fit_is_refused(place: int, value: object) -> None:
    good: list[Any] = [X, PACKED, 64, dot.Kept.none(6, 3), IDS, ENDS, 0]
    dot.search_among(*good)
    assert good[3].counts.tolist() == [3] * 6
    good[3] = dot.Kept.none(6, 3)
    good[place] = value
    with pytest.raises(ValueError, match="wrong"):
        dot.search_among(*good)


def test_columns_that_no_left_row_has_count_nothing() -> None:
    kept = dot.Kept.none(6, 3)
    beyond = replace(PACKED, columns=PACKED.columns + np.uint16(2**16 - 64))
    dot.search_among(X, beyond, 0, kept, IDS, ENDS)
    assert not kept.pairs["score"].any() and kept.counts.tolist() == [3] * 6


def test_candidates_that_are_not_among_the_right_rows_are_passed_over() -> None:
    kept = dot.Kept.none(6, 3)
    dot.search_among(X, Packed.of(Y[:2]), 64, kept, IDS, ENDS, 68)
    assert kept.counts.tolist() == [2] * 6 and kept.pairs["right"][:, :2].tolist() == [[68, 69]] * 6


@pytest.mark.parametrize(
    ("place", "value"),
    [
        (1, TOO_LARGE),
        (2, Y[:5]),
        (3, LEFT + np.uint32(1)),
        (3, LEFT.astype(np.int64)),
        (4, LEFT[:5]),
        (4, LEFT + np.uint32(65)),
    ],
)
def test_pairs_that_do_not_fit_are_refused(place: int, value: object) -> None:
    good: list[Any] = ["plain", X, Y, LEFT, LEFT]
    assert dot.pairs(*good).tolist() == [64] * 6
    good[place] = value
    with pytest.raises(ValueError, match="wrong"):
        dot.pairs(*good)


@pytest.mark.parametrize(
    ("parts", "rows", "width"),
    [([Y], 69, 64), ([Y], 71, 64), ([Y], 70, 128), ([Y.astype(np.int16)], 70, 64), ([], 0, 63), ([], 0, 4160)],
)
def test_rows_that_do_not_fit_are_not_laid_out(parts: list[Any], rows: int, width: int) -> None:
    with pytest.raises(ValueError, match="wrong"):
        dot.side_by_side(parts, rows, width)


def test_pairs_of_unlike_lengths_are_not_taken() -> None:
    with pytest.raises(ValueError, match="wrong"):
        greedy.take(LEFT, LEFT[:5])
    with pytest.raises(ValueError, match="wrong"):
        greedy.take(LEFT.astype(np.int64), LEFT)
