"""Every native kernel equals whole numbers computed plainly, whatever the width, the threshold and the filters."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from exchange_node.kernels import dice
from exchange_node.linkage.by_anonlink import ANONLINK
from exchange_node.linkage.errors import LinkageError
from exchange_node.linkage.kernels import choose_kernel, native_kernels
from exchange_node.linkage.native import _need, _rest
from exchange_node.linkage.pairs import DICE, PAIR, Measure

OURS = native_kernels()


def filters(generator: np.random.Generator, rows: int, width: int, density: float) -> np.ndarray:
    """Rows of up to full density, some empty, some doubled."""
    bits = generator.random((rows, width * 64)) < density * generator.random((rows, 1))
    if rows > 3:
        bits[1], bits[2] = bits[0], False
    return np.packbits(bits, axis=1)


def plainly(left: np.ndarray, right: np.ndarray, threshold_bp: int, most: int, measure: Measure = DICE) -> np.ndarray:
    """The best of each left row, in whole numbers; ties by right row."""
    whole = measure.shorter + measure.longer
    pairs = []
    for i, x in enumerate(left):
        found = []
        for j, y in enumerate(right):
            shared = int(np.bitwise_count(x & y).sum())
            fewer, more = sorted((int(np.bitwise_count(x).sum()), int(np.bitwise_count(y).sum())))
            total = measure.shorter * fewer + measure.longer * more
            if shared and whole * shared * 10_000 >= threshold_bp * total:
                found.append((whole * shared / total, i, j))
        pairs += sorted(found, key=lambda pair: (-pair[0], pair[2]))[:most]
    return np.array(pairs, PAIR)


@pytest.mark.parametrize("kernel", OURS)
@settings(max_examples=80, deadline=None)
@given(
    seed=st.integers(0, 2**32),
    rows=st.tuples(st.integers(0, 21), st.integers(0, 40)),
    width=st.one_of(st.integers(1, 40), st.sampled_from([16, 32, 64, 128])),
    threshold_bp=st.integers(1, 10_000),
    density=st.floats(0.05, 1),
    most=st.integers(1, 12),
    measure=st.just(DICE) | st.builds(Measure, st.integers(1, 100), st.integers(0, 100)),
)
@example(seed=1, rows=(21, 40), width=128, threshold_bp=1, density=1.0, most=12, measure=DICE)
@example(seed=2, rows=(5, 9), width=16, threshold_bp=10_000, density=1.0, most=1, measure=DICE)
@example(seed=3, rows=(21, 40), width=128, threshold_bp=7000, density=1.0, most=9, measure=Measure(100, 100))
@example(seed=4, rows=(21, 40), width=32, threshold_bp=6000, density=0.5, most=9, measure=Measure(4, 1))
def test_a_kernel_is_exact(
    kernel: str,
    seed: int,
    rows: tuple[int, int],
    width: int,
    threshold_bp: int,
    density: float,
    most: int,
    measure: Measure,
) -> None:
    generator = np.random.default_rng(seed)
    left, right = (filters(generator, count, width, density) for count in rows)
    found = choose_kernel(kernel).against(right, threshold_bp, measure)(left, most)
    assert np.array_equal(found, plainly(left, right, threshold_bp, most, measure))


@pytest.mark.parametrize("kernel", ANONLINK)
def test_anonlink_knows_the_dice_coefficient_alone(kernel: str) -> None:
    with pytest.raises(LinkageError, match="no-kernel"):
        choose_kernel(kernel).against(np.zeros((1, 8), np.uint8), 5000, Measure(4, 1))


@pytest.mark.parametrize("kernel", OURS)
@pytest.mark.parametrize("rows", [1, 191, 192, 193, 1000])
def test_a_kernel_is_exact_across_its_own_tiles(kernel: str, rows: int) -> None:
    generator = np.random.default_rng(rows)
    right = filters(generator, rows, 16, 0.8)
    left = right[generator.permutation(rows)[:37]].copy()
    left[:, ::7] ^= generator.integers(0, 4, (len(left), 19), np.uint8)
    for threshold_bp in (5000, 8000, 9900):
        found = choose_kernel(kernel).against(right, threshold_bp)(left, 5)
        assert np.array_equal(found, plainly(left, right, threshold_bp, 5))


def _arguments() -> list[Any]:
    words = np.ones((16, 16), np.uint64)
    laid = np.ones((2, 16, 8), np.uint64)
    bits, ends = np.full(16, 16, np.int32), np.array([8, 16], np.int32)
    rest = np.zeros((2, 2), np.int32)
    order = np.arange(16, dtype=np.uint32)
    need, measure = _need(1024, 8000), np.array([1, 1], np.int32)
    return ["plain", 3, words, bits, _rest(words, ends), laid, bits.copy(), rest, order, need, ends, measure]


@pytest.mark.parametrize(
    ("place", "value"),
    [
        (2, np.ones((16, 32), np.uint64)[:, ::2]),
        (0, "fastest"),
        (1, 0),
        (1, 257),
        (2, np.ones((15, 16), np.uint64)),
        (2, np.ones(16 * 128 + 1, np.uint8)[1:]),
        (3, np.full(16, 1025, np.int32)),
        (3, np.full(16, -1, np.int32)),
        (4, np.zeros(31, np.int32)),
        (5, np.ones((1, 16, 8), np.uint64)),
        (6, np.arange(16, 0, -1, dtype=np.int32)),
        (6, np.full(15, 16, np.int32)),
        (7, np.zeros((2, 3), np.int32)),
        (8, np.arange(17, dtype=np.uint32)),
        (8, np.arange(8, dtype=np.uint32)),
        (9, np.ones(2048, np.int32)),
        (9, np.zeros(2049, np.int32)),
        (10, np.array([8, 8], np.int32)),
        (10, np.array([32], np.int32)),
        (10, np.array([], np.int32)),
        (11, np.array([1], np.int32)),
        (11, np.array([0, 1], np.int32)),
        (11, np.array([1, -1], np.int32)),
        (11, np.array([101, 1], np.int32)),
        (11, np.array([4, 1], np.int32)),
    ],
)
def test_sizes_and_numbers_that_do_not_fit_are_refused_before_the_search(place: int, value: object) -> None:
    good = _arguments()
    dice.search(*good)
    good[place] = value
    with pytest.raises(ValueError, match="wrong"):
        dice.search(*good)
