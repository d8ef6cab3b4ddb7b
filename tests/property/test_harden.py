"""What hardening does to filters, against its definition bit by bit."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pytest
from bitarray import bitarray
from clkhash.bloomfilter import fold_xor
from hypothesis import given
from hypothesis import strategies as st

from exchange_node.encoding import harden
from exchange_node.encoding.errors import EncodingError
from exchange_node.encoding.harden import Filters
from tests.made_up_people import key

KEYED: dict[str, Callable[[Filters], Filters]] = {
    "balance": lambda filters: harden.balance(filters, key()),
    "diffuse": lambda filters: harden.diffuse(filters, key(), 5),
}
OTHER_KEY: dict[str, Callable[[Filters], Filters]] = {
    "balance": lambda filters: harden.balance(filters, key("two")),
    "diffuse": lambda filters: harden.diffuse(filters, key("two"), 5),
}


WIDTHS = st.integers(1, 20)


@st.composite
def filters(draw: st.DrawFn, width: st.SearchStrategy[int] = WIDTHS) -> Filters:
    generator = np.random.default_rng(draw(st.integers(0, 2**32)))
    shape = (draw(st.integers(0, 9)), draw(width))
    return np.packbits(generator.random((shape[0], shape[1] * 8)) < draw(st.floats(0, 1)), axis=1)


def bits(rows: Filters) -> np.ndarray:
    return np.unpackbits(rows, axis=1).astype(int)


@given(filters())
def test_balanced_rows_have_half_of_their_bits_set_and_distances_double(rows: Filters) -> None:
    balanced = harden.balance(rows, key())
    assert balanced.shape == (len(rows), 2 * rows.shape[1])
    assert (bits(balanced).sum(axis=1) == 8 * rows.shape[1]).all()
    before = (bits(rows)[:, None] != bits(rows)[None]).sum(axis=2)
    assert np.array_equal((bits(balanced)[:, None] != bits(balanced)[None]).sum(axis=2), 2 * before)


@given(filters(st.sampled_from([1, 2, 8, 16, 24])), st.integers(0, 3))
def test_folding_is_clkhashs(rows: Filters, folds: int) -> None:
    if rows.shape[1] % (1 << folds):
        with pytest.raises(ValueError, match="folded"):
            harden.fold(rows, folds)
        return
    expected = [fold_xor(bitarray(buffer=row.tobytes()), folds).tobytes() for row in rows]
    assert [row.tobytes() for row in harden.fold(rows, folds)] == expected


@given(filters(), st.integers(0, 3))
def test_rule_90_is_the_xor_of_both_neighbours(rows: Filters, rounds: int) -> None:
    expected = bits(rows)
    for _ in range(rounds):
        last = expected.shape[1] - 1
        expected = np.array(
            [[row[at - 1] ^ row[at + 1 if at < last else 0] for at in range(last + 1)] for row in expected]
        ).reshape(expected.shape)
    assert np.array_equal(bits(harden.rule_90(rows, rounds)), expected)


@given(filters(), st.integers(1, 8), st.sampled_from([None, 8, 64]))
def test_a_diffused_bit_is_the_xor_of_as_many_as_were_asked_for(rows: Filters, fan_in: int, new: int | None) -> None:
    old = 8 * rows.shape[1]
    single = np.packbits(np.eye(old, dtype=np.uint8), axis=1)
    drawn = bits(harden.diffuse(single, key(), fan_in, new))
    assert drawn.shape == (old, new or old)
    assert (drawn.sum(axis=0) == fan_in).all()
    assert np.array_equal(bits(harden.diffuse(rows, key(), fan_in, new)), bits(rows) @ drawn % 2)


@pytest.mark.parametrize("name", KEYED)
def test_the_key_decides(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    rows = np.packbits(np.random.default_rng(1).random((50, 1024)) < 0.4, axis=1)
    hardened = KEYED[name](rows)
    assert np.array_equal(KEYED[name](rows), hardened)
    different = (bits(OTHER_KEY[name](rows)) != bits(hardened)).mean()
    assert 0.4 < different < 0.6
    monkeypatch.setattr(harden, "_ROWS", 7)
    assert np.array_equal(KEYED[name](rows), hardened)


def test_a_destroyed_key_and_impossible_sizes_are_refused() -> None:
    rows, gone = np.zeros((2, 8), np.uint8), key()
    gone.destroy()
    with pytest.raises(EncodingError):
        harden.balance(rows, gone)
    with pytest.raises(EncodingError):
        harden.diffuse(rows, gone, 3)
    for fan_in, new in ((0, 64), (65, 64), (3, 0), (3, 12)):
        with pytest.raises(ValueError, match="drawn"):
            harden.diffuse(rows, key(), fan_in, new)
    with pytest.raises(ValueError, match="folded"):
        harden.fold(rows, -1)
