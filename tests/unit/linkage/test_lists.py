"""A linkage unit that invents, doubles, drops or reorders links is refused with a code."""

from __future__ import annotations

import hashlib
from collections.abc import Set

import numpy as np
import pytest

from exchange_node.linkage.errors import LinkageError
from exchange_node.linkage.lists import (
    ROW_BYTES,
    link_ids_from,
    pack_list,
    parse_provider_list,
    parse_requester_list,
)

SEED = bytes(range(32))


def tokens(count: int, seed: int = 1) -> np.ndarray:
    return np.random.default_rng(seed).integers(0, 256, (count, 16), np.uint8)


def packed(count: int) -> list[bytes]:
    data = pack_list(tokens(count), link_ids_from(SEED, count))
    return [data[at : at + ROW_BYTES] for at in range(0, len(data), ROW_BYTES)]


def everything(wanted: Set[bytes]) -> Set[bytes]:
    return wanted


def test_link_ids_are_all_different_secret_and_the_same_again() -> None:
    ids = link_ids_from(SEED, 10_000)
    assert len({row.tobytes() for row in ids}) == 10_000
    assert np.array_equal(ids, link_ids_from(SEED, 10_000))
    assert not np.array_equal(ids, link_ids_from(bytes(32), 10_000))
    assert abs(np.unpackbits(ids).mean() - 0.5) < 0.01


def test_lists_are_sorted_by_token_and_read_back() -> None:
    ids, given = link_ids_from(SEED, 50), tokens(50)
    data = pack_list(given, ids)
    parsed = parse_requester_list(data, 50)
    assert len(parsed) == 50
    pairs = list(parsed)
    assert pairs == sorted(pairs)
    assert dict(pairs) == {token.tobytes(): link_id.tobytes() for token, link_id in zip(given, ids, strict=True)}
    assert parsed.tokens_of([ids[7].tobytes(), b"x" * 16]) == {ids[7].tobytes(): given[7].tobytes()}
    assert list(parse_provider_list(data, everything, 50)) == pairs
    assert repr(parsed) == "<LinkList of 50 rows>"


def test_the_requesters_list_is_exactly_about_the_rows_it_sent() -> None:
    rows = packed(20)
    digest = hashlib.sha256(b"".join(row[:16] for row in rows)).digest()
    assert len(parse_requester_list(b"".join(rows), 20, digest)) == 20
    assert len(parse_requester_list(b"", 0, hashlib.sha256().digest())) == 0
    swapped = [rows[0][:16] + rows[1][16:], rows[1][:16] + rows[1][16:], *rows[2:]]
    for data, sent, code in (
        (rows[:-1], 20, "linkage.list-rows"),
        (rows, 19, "linkage.list-rows"),
        ([*rows, b"x"], 20, "linkage.bad-list"),
        (rows[::-1], 20, "linkage.not-one-to-one"),
        ([rows[0], *rows[:-1]], 20, "linkage.not-one-to-one"),
        (swapped, 20, "linkage.not-one-to-one"),
        ([b"\x00" * 16 + rows[0][16:], *rows[1:]], 20, "linkage.foreign-rows"),
    ):
        with pytest.raises(LinkageError) as caught:
            parse_requester_list(b"".join(data), sent, digest)
        assert caught.value.code == code


def test_the_providers_list_names_its_own_rows_once_and_not_too_many() -> None:
    rows = packed(20)

    def all_but_one(wanted: Set[bytes]) -> Set[bytes]:
        return {token for token in wanted if token != rows[5][:16]}

    for data, known, most, code in (
        (rows, all_but_one, 20, "linkage.unknown-token"),
        (rows, lambda wanted: (), 20, "linkage.unknown-token"),
        (rows, everything, 19, "linkage.too-many-links"),
        ([rows[0], *rows], everything, 30, "linkage.not-one-to-one"),
        ([rows[0], rows[1][:16] + rows[0][16:]], everything, 30, "linkage.not-one-to-one"),
        ([*rows, b"abc"], everything, 30, "linkage.bad-list"),
    ):
        with pytest.raises(LinkageError) as caught:
            parse_provider_list(b"".join(data), known, most)
        assert caught.value.code == code
    assert len(parse_provider_list(b"", everything, 0)) == 0
    assert len(parse_provider_list(b"".join(rows), everything, 20)) == 20
