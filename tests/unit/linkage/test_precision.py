"""The estimate is held against the truth for made-up people at several error levels and overlaps."""

from __future__ import annotations

import numpy as np
import pytest

from exchange_node.linkage.encodings import Encodings
from exchange_node.linkage.kernels import DEFAULT_KERNEL, choose_kernel
from exchange_node.linkage.link import LinkResult, link
from exchange_node.linkage.precision import _poisson_upper, _within
from exchange_node.methods import linkage_methods
from tests.made_up_people import into, key, order, token_key, two_registers

METHOD = linkage_methods()["clk-linkage-unit"]


def linked(left: int, right: int, shared: int, rate: float, threshold_bp: int) -> tuple[LinkResult, int]:
    """The result, and how many of its links are true."""
    from exchange_node.encoding.tokens import Tokens

    files: list[Encodings] = []
    owners: list[dict[bytes, int]] = []
    for records, letter in zip(two_registers(left, right, shared, seed=left, rate=rate), "ab", strict=True):
        chunks: list[bytes] = []
        encoded = METHOD.encode(
            records,
            key(),
            token_key(letter),
            order(),
            10**6,
            into(chunks),
        )
        files.append(METHOD.accept(chunks, encoded.summary, order(), 10**6))
        tokens = Tokens(token_key(letter))
        owners.append({tokens.of_record(person.local_id): int(person.local_id[1:]) for person in records})
    result = link(files[0], files[1], threshold_bp, max_links=10**6)
    pairs = zip(result.left_tokens[result.left], result.right_tokens[result.right], strict=True)
    people = ((owners[0][i.tobytes()], owners[1][j.tobytes()]) for i, j in pairs)
    return result, sum(i == j < shared for i, j in people)


@pytest.mark.parametrize(
    ("left", "right", "shared", "rate", "threshold_bp"),
    [
        (1500, 1500, 1000, 0.1, 7400),
        (1500, 1500, 1000, 0.1, 6400),  # far too low: many false links, and it must say so
        (1501, 1500, 1000, 0.3, 6600),
        (400, 4000, 40, 0.2, 7200),  # a small cohort, few of them known to the provider
        (401, 4000, 40, 0.2, 6600),
    ],
)
def test_the_estimate_is_near_the_truth(left: int, right: int, shared: int, rate: float, threshold_bp: int) -> None:
    result, right_ones = linked(left, right, shared, rate, threshold_bp)
    truth = 10_000 * right_ones // len(result)
    assert result.precision.low_bp <= result.precision.estimate_bp
    assert result.precision.low_bp <= truth + 100
    assert abs(result.precision.estimate_bp - truth) <= 600  # on the strict side where few rows are linked


def test_a_low_threshold_is_told_from_a_sound_one() -> None:
    sound, _ = linked(800, 800, 500, 0.1, 7600)
    loose, _ = linked(800, 800, 500, 0.1, 6000)
    assert sound.precision.low_bp > 9900
    assert loose.precision.estimate_bp < 9500


def test_people_entered_twice_do_not_ruin_the_estimate() -> None:
    """Doubles within a file look exactly like links; they say nothing about strangers."""
    left, right = two_registers(500, 500, 400, seed=3, rate=0.0)
    doubled = [*right, *(type(person)(f"double-{person.local_id}", person.fields) for person in right[:50])]
    files = []
    for records, letter in ((left, "a"), (doubled, "b")):
        chunks: list[bytes] = []
        encoded = METHOD.encode(
            records,
            key(),
            token_key(letter),
            order(),
            10**6,
            into(chunks),
        )
        files.append(METHOD.accept(chunks, encoded.summary, order(), 10**6))
    assert link(files[0], files[1], 7600, max_links=1000).precision.estimate_bp > 9900


@pytest.mark.parametrize(("count", "upper"), [(0, 2.996), (1, 4.744), (5, 10.513), (20, 29.062), (100, 118.079)])
def test_the_poisson_limit_is_that_of_the_tables(count: int, upper: float) -> None:
    assert _poisson_upper(count) == pytest.approx(upper, rel=0.01)


def test_a_file_of_equal_rows_is_not_looked_at_for_ever(monkeypatch: pytest.MonkeyPatch) -> None:
    """Alike pairs are bounded, so a hostile file cannot fill the memory of the unit."""
    monkeypatch.setattr("exchange_node.linkage.precision._ENOUGH_ALIKE", 1000)
    monkeypatch.setattr("exchange_node.linkage.dice.STRIPE", 64)
    generator = np.random.default_rng(1)
    filters = generator.random((640, 1024)) < 0.4
    filters[1:] = filters[1]
    filters[1:] ^= generator.random((639, 1024)) < 0.02
    packed = np.packbits(filters, axis=1)
    tokens = np.arange(640, dtype=">u8").view(np.uint8).reshape(640, 8)
    data = np.concatenate([tokens, tokens, packed], axis=1)
    file = Encodings(data, filters.sum(axis=1).astype(np.int32), b"s", b"k")
    found, looked_at = _within(file, 8000, choose_kernel(DEFAULT_KERNEL), 640 * 640, None)
    assert 1000 < len(found) < 64 * 64 * 2
    assert 0 < looked_at < 640 * 639


def test_a_cohort_of_strangers_that_all_link_is_not_taken_for_a_perfect_one() -> None:
    result, right_ones = linked(60, 3000, 0, 0.1, 5200)
    assert len(result) == 60
    assert right_ones == 0
    assert result.precision.estimate_bp < 2500
    assert result.precision.low_bp == 0


def test_a_cohort_that_is_all_in_the_register_is_estimated_as_sound() -> None:
    result, right_ones = linked(300, 3000, 300, 0.02, 7600)
    assert right_ones == len(result) >= 295
    assert result.precision.estimate_bp > 9900
