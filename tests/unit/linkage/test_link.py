"""Comparison, one-to-one choice and estimate, against plain arithmetic and against anonlink itself."""

from __future__ import annotations

from array import array
from collections.abc import Sized

import numpy as np
import pytest
from bitarray import bitarray

from exchange_node.linkage import by_anonlink, dice
from exchange_node.linkage.by_anonlink import Anonlink
from exchange_node.linkage.dice import find_candidates
from exchange_node.linkage.encodings import Encodings
from exchange_node.linkage.errors import LinkageError
from exchange_node.linkage.kernels import DEFAULT_KERNEL, choose_kernel, native_kernels
from exchange_node.linkage.link import link
from exchange_node.linkage.solve import one_to_one

KERNEL = choose_kernel(DEFAULT_KERNEL)
ANONLINK = Anonlink("anonlink-accelerated").similarity()
KERNELS = [*native_kernels(), "anonlink-accelerated", "anonlink-python"]


def encodings(filters: np.ndarray, key_id: bytes = b"k" * 16) -> Encodings:
    """Rows with counting tokens around boolean filters of shape (n, bits)."""
    count = len(filters)
    tokens = np.arange(count, dtype=">u8").view(np.uint8).reshape(count, 8)
    packed = np.packbits(filters, axis=1)
    data = np.concatenate([np.zeros((count, 8), np.uint8), tokens, packed], axis=1)
    return Encodings(data, filters.sum(axis=1).astype(np.int32), b"s" * 32, key_id)


def pair_of_files(
    left: int, right: int, shared: int, seed: int, noise: float = 0.1, bits: int = 256
) -> tuple[np.ndarray, np.ndarray]:
    """Random filters; row i < shared of both files is the same with some bits changed."""
    generator = np.random.default_rng(seed)
    ours = generator.random((left, bits)) < 0.4
    theirs = generator.random((right, bits)) < 0.4
    flips = generator.random((shared, bits)) < noise * generator.random((shared, 1))
    theirs[:shared] = ours[:shared] ^ flips
    return ours, theirs


def plain_dice(ours: np.ndarray, theirs: np.ndarray, threshold_bp: int) -> dict[tuple[int, int], float]:
    """All pairs at or above the threshold, decided in whole numbers."""
    common = ours.astype(np.int64) @ theirs.astype(np.int64).T
    total = ours.sum(axis=1)[:, None] + theirs.sum(axis=1)[None, :]
    left, right = np.nonzero(2 * common * 10_000 >= threshold_bp * total)
    return {(int(i), int(j)): 2 * int(common[i, j]) / int(total[i, j]) for i, j in zip(left, right, strict=True)}


@pytest.mark.parametrize("kernel", KERNELS)
@pytest.mark.parametrize("threshold_bp", [4000, 5000, 8000, 10_000])
def test_candidates_are_those_of_plain_arithmetic(kernel: str, threshold_bp: int) -> None:
    ours, theirs = pair_of_files(90, 70, 40, seed=threshold_bp)
    ours[:3], theirs[:3] = ours[3], ours[3]  # exact doubles: Dice 1, and ties
    found = find_candidates(encodings(ours), encodings(theirs), threshold_bp, kernel=choose_kernel(kernel), per_row=100)
    pairs = dict(zip(zip(found.left.tolist(), found.right.tolist(), strict=True), found.scores.tolist(), strict=True))
    assert pairs == plain_dice(ours, theirs, threshold_bp)
    assert found.cut == 0


@pytest.mark.parametrize("kernel", ["native", "anonlink-accelerated"])
def test_stripes_and_tiles_do_not_show(kernel: str, monkeypatch: pytest.MonkeyPatch) -> None:
    ours, theirs = (encodings(side) for side in pair_of_files(200, 130, 90, seed=3))
    whole = find_candidates(ours, theirs, 4500, kernel=choose_kernel(kernel))
    monkeypatch.setattr(dice, "STRIPE", 23)
    monkeypatch.setattr(by_anonlink, "TILE", 17)
    tiled = find_candidates(ours, theirs, 4500, kernel=choose_kernel(kernel))
    for name in ("scores", "left", "right"):
        assert np.array_equal(getattr(whole, name), getattr(tiled, name))
    assert whole.cut == tiled.cut


def anonlink_pairs(ours: np.ndarray, theirs: np.ndarray, threshold_bp: int) -> set[tuple[int, int]]:
    """The whole of anonlink's own way: all candidates in memory, then its solver."""
    from anonlink.solving import greedy_solve, pairs_from_groups  # after ANONLINK, which quietens its warnings

    def packed(side: np.ndarray) -> list[bitarray]:
        return [bitarray(row.tolist()) for row in side]

    scores, (left, right) = ANONLINK((packed(ours), packed(theirs)), threshold_bp / 10_000, k=None)
    zeros, ones = array("I", [0] * len(scores)), array("I", [1] * len(scores))
    return set(pairs_from_groups(greedy_solve((scores, (zeros, ones), (left, right)))))


@pytest.mark.parametrize("seed", range(8))
def test_links_are_those_of_anonlink(seed: int) -> None:
    ours, theirs = pair_of_files(120, 150, 80, seed, noise=0.3)
    result = link(encodings(ours), encodings(theirs), 5400, max_links=1000)
    found = set(zip(result.left.tolist(), result.right.tolist(), strict=True))
    assert result.cut_rows == 0
    assert found == anonlink_pairs(ours, theirs, 5400)
    assert len(found) >= 80


def test_links_are_one_to_one_and_the_best_first() -> None:
    ours, theirs = pair_of_files(300, 300, 200, seed=5, noise=0.3)
    candidates = find_candidates(encodings(ours), encodings(theirs), 4300, kernel=KERNEL)
    chosen = one_to_one(candidates)
    left, right = candidates.left[chosen], candidates.right[chosen]
    assert len(set(left.tolist())) == len(left) == len(set(right.tolist()))
    assert len(left) < len(candidates)
    partner = dict(zip(left.tolist(), candidates.scores[chosen].tolist(), strict=True))
    other = dict(zip(right.tolist(), candidates.scores[chosen].tolist(), strict=True))
    for score, i, j in zip(candidates.scores, candidates.left.tolist(), candidates.right.tolist(), strict=True):
        assert max(partner.get(i, 0), other.get(j, 0)) >= score  # nothing better was passed over


@pytest.mark.parametrize("kernel", KERNELS)
def test_candidates_are_bounded_for_each_row_and_in_all(kernel: str) -> None:
    chosen = choose_kernel(kernel)
    same = np.tile(np.random.default_rng(1).random(256) < 0.4, (50, 1))
    found = find_candidates(encodings(same), encodings(same), 8000, kernel=chosen, per_row=4)
    assert len(found) == 200
    assert found.cut == 50
    assert set(np.unique(found.left, return_counts=True)[1].tolist()) == {4}
    with pytest.raises(LinkageError) as caught:
        find_candidates(encodings(same), encodings(same), 8000, kernel=chosen, per_row=4, max_candidates=199)
    assert caught.value.code == "linkage.too-many-candidates"


@pytest.mark.parametrize("kernel", ["native", "anonlink-accelerated"])
def test_the_best_candidates_of_a_row_are_kept_across_tiles(kernel: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(by_anonlink, "TILE", 5)
    ours, theirs = pair_of_files(40, 60, 30, seed=9, noise=0.3)
    found = find_candidates(encodings(ours), encodings(theirs), 3800, kernel=choose_kernel(kernel), per_row=3)
    everything = plain_dice(ours, theirs, 3800)
    cut = 0
    for row in range(40):
        scores = sorted((score for (i, _), score in everything.items() if i == row), reverse=True)
        assert sorted(found.scores[found.left == row].tolist(), reverse=True) == scores[:3]
        cut += len(scores) > 3
    assert 0 < cut == found.cut


def test_it_can_be_cancelled_and_reports_how_far_it_is(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(dice, "STRIPE", 10)
    ours, theirs = (encodings(side) for side in pair_of_files(30, 25, 10, seed=1))
    seen: list[tuple[int, int]] = []
    link(ours, theirs, 8000, max_links=100, progress=lambda done, total: seen.append((done, total)))
    assert seen == sorted(seen) and seen[-1] == (750, 750) and seen[0][0] < 750

    class Cancelled(Exception):
        pass

    def cancel(done: int, total: int) -> None:
        if done > 300:
            raise Cancelled

    with pytest.raises(Cancelled):
        link(ours, theirs, 8000, max_links=100, progress=cancel)


def test_files_of_different_keys_or_lengths_are_not_compared() -> None:
    ours, theirs = pair_of_files(10, 10, 5, seed=1)
    longer, _ = pair_of_files(10, 10, 5, seed=1, bits=512)
    for other in (encodings(theirs, b"x" * 16), encodings(longer)):
        with pytest.raises(LinkageError) as caught:
            link(encodings(ours), other, 8000, max_links=10)
        assert caught.value.code == "linkage.not-comparable"


def test_a_kernel_that_is_not_there_is_refused() -> None:
    for name in ("fastest", "native-", ""):
        with pytest.raises(LinkageError) as caught:
            choose_kernel(name)
        assert caught.value.code == "linkage.no-kernel"


def test_orders_out_of_range_and_caps_are_refused() -> None:
    ours, theirs = (encodings(side) for side in pair_of_files(20, 20, 15, seed=2))
    for threshold_bp, max_links, code in (
        (0, 20, "linkage.bad-order"),
        (10_001, 20, "linkage.bad-order"),
        (8000, 5, "linkage.too-many-links"),
    ):
        with pytest.raises(LinkageError) as caught:
            link(ours, theirs, threshold_bp, max_links=max_links)
        assert caught.value.code == code


def test_empty_files_link_nothing() -> None:
    some, _ = pair_of_files(5, 5, 5, seed=1)
    for left, right in ((some[:0], some), (some, some[:0]), (some[:0], some[:0])):
        result = link(encodings(left), encodings(right), 8000, max_links=10)
        assert len(result) == 0
        assert result.precision.low_bp == 0


def test_a_result_shows_no_rows() -> None:
    ours, theirs = (encodings(side) for side in pair_of_files(20, 20, 15, seed=2))
    assert repr(link(ours, theirs, 8000, max_links=20)) == "<LinkResult of 15 links>"


def test_anonlink_is_called_for_small_tiles_only(monkeypatch: pytest.MonkeyPatch) -> None:
    """It holds the global lock during a call: tiles bound how long the node's loop has to wait."""
    calls: list[int] = []

    def watched(sides: tuple[Sized, Sized], threshold: float, k: int) -> object:
        calls.append(len(sides[0]) * len(sides[1]))
        return ANONLINK(sides, threshold, k=k)

    monkeypatch.setattr(Anonlink, "similarity", lambda _: watched)
    ours, theirs = (encodings(side) for side in pair_of_files(1500, 2100, 50, seed=1))
    find_candidates(ours, theirs, 8000, kernel=Anonlink("anonlink-accelerated"))
    assert sum(calls) == 1500 * 2100
    assert max(calls) == 1024 * 1024  # some ten milliseconds
