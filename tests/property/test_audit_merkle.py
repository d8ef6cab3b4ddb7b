"""Roots and proofs against the recursive definitions of RFC 6962, written down as they stand there."""

from __future__ import annotations

import hashlib

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from exchange_node.audit import merkle
from exchange_node.audit.errors import AuditError
from exchange_node.audit.tiles import Edge, Tile, node_reader, tiles_of


def naive_root(leaves: list[bytes]) -> bytes:
    if not leaves:
        return hashlib.sha256(b"").digest()
    if len(leaves) == 1:
        return hashlib.sha256(b"\x00" + leaves[0]).digest()
    k = split(len(leaves))
    return hashlib.sha256(b"\x01" + naive_root(leaves[:k]) + naive_root(leaves[k:])).digest()


def naive_path(m: int, leaves: list[bytes]) -> list[bytes]:
    if len(leaves) == 1:
        return []
    k = split(len(leaves))
    if m < k:
        return [*naive_path(m, leaves[:k]), naive_root(leaves[k:])]
    return [*naive_path(m - k, leaves[k:]), naive_root(leaves[:k])]


def naive_subproof(m: int, leaves: list[bytes], whole: bool) -> list[bytes]:
    if m == len(leaves):
        return [] if whole else [naive_root(leaves)]
    k = split(len(leaves))
    if m <= k:
        return [*naive_subproof(m, leaves[:k], whole), naive_root(leaves[k:])]
    return [*naive_subproof(m - k, leaves[k:], False), naive_root(leaves[:k])]


def split(n: int) -> int:
    k = 1
    while k * 2 < n:
        k *= 2
    return k


def numbered(size: int) -> list[bytes]:
    return [number.to_bytes(4, "big") for number in range(size)]


def tiles_in_memory(leaves: list[bytes]) -> tuple[Edge, dict[tuple[int, int], list[bytes]]]:
    edge, stored = Edge(), {}
    for leaf in leaves:
        filled = edge.append(merkle.leaf_hash(leaf))
        stored.update({(tile.level, tile.index): chop(data) for tile, data in filled})
    stored.update({(tile.level, tile.index): chop(data) for tile, data in edge.partials()})
    return edge, stored


def chop(data: bytes) -> list[bytes]:
    return [data[i : i + 32] for i in range(0, len(data), 32)]


sizes = st.one_of(st.integers(1, 70), st.integers(250, 262), st.integers(505, 520), st.integers(1, 800))


@settings(max_examples=150, deadline=None, derandomize=True)
@given(st.data())
def test_against_the_definitions(data: st.DataObject) -> None:
    size = data.draw(sizes)
    first = data.draw(st.integers(1, size))
    index = data.draw(st.integers(0, size - 1))
    leaves = numbered(size)
    edge, stored = tiles_in_memory(leaves)
    node = node_reader(lambda level, at: stored[level, at])
    root = naive_root(leaves)
    assert edge.root() == merkle.root(node, size) == root
    path = merkle.inclusion_proof(node, index, size)
    assert path == naive_path(index, leaves)
    merkle.verify_inclusion(merkle.leaf_hash(leaves[index]), index, size, path, root)
    proof = merkle.consistency_proof(node, first, size)
    assert proof == (naive_subproof(first, leaves, True) if first < size else [])
    merkle.verify_consistency(first, size, proof, naive_root(leaves[:first]), root)


@settings(max_examples=300, deadline=None, derandomize=True)
@given(st.data())
def test_a_proof_that_was_touched_does_not_hold(data: st.DataObject) -> None:
    size = data.draw(st.integers(2, 70))
    first = data.draw(st.integers(1, size - 1))
    index = data.draw(st.integers(0, size - 1))
    leaves = numbered(size)
    root = naive_root(leaves)

    def touched(proof: list[bytes]) -> list[bytes]:
        way = data.draw(st.sampled_from(["flip", "drop", "add", "repeat"]))
        at = data.draw(st.integers(0, len(proof) - 1))
        if way == "flip":
            digest = bytearray(proof[at])
            digest[data.draw(st.integers(0, 31))] ^= 1 << data.draw(st.integers(0, 7))
            return [*proof[:at], bytes(digest), *proof[at + 1 :]]
        if way == "drop":
            return [*proof[:at], *proof[at + 1 :]]
        return [*proof[:at], root if way == "add" else proof[at], *proof[at:]]

    with pytest.raises(AuditError, match=r"audit\.not-included"):
        path = touched(naive_path(index, leaves))
        merkle.verify_inclusion(merkle.leaf_hash(leaves[index]), index, size, path, root)
    with pytest.raises(AuditError, match=r"audit\.forked"):
        proof = touched(naive_subproof(first, leaves, True))
        merkle.verify_consistency(first, size, proof, naive_root(leaves[:first]), root)


@settings(max_examples=200, deadline=None, derandomize=True)
@given(st.integers(2, 70), st.data())
def test_a_proof_is_for_one_index_and_one_size(size: int, data: st.DataObject) -> None:
    leaves = numbered(size)
    index = data.draw(st.integers(0, size - 1))
    other = data.draw(st.integers(-1, size).filter(lambda at: at != index))
    path = naive_path(index, leaves)
    with pytest.raises(AuditError, match=r"audit\.not-included"):
        merkle.verify_inclusion(merkle.leaf_hash(leaves[index]), other, size, path, naive_root(leaves))


@given(st.integers(0, 300), st.integers(0, 300))
def test_tiles_follow_the_formula(one: int, two: int) -> None:
    """At level l a tree of s entries has floor(s / 256**l) hashes; no partial tile has width 0 or 256."""
    since, size = sorted((one * 257, two * 257))
    tiles = list(tiles_of(size))
    for level in range(-1, 4):
        hashes = size // 256 ** max(level, 0)
        here = [tile for tile in tiles if tile.level == level]
        assert sum(tile.width for tile in here) == hashes
        assert [tile.index for tile in here] == list(range(-(-hashes // 256)))
        assert all(tile.width == 256 for tile in here[:-1])
        assert all(1 <= tile.width <= 256 for tile in here)
    assert len(tiles) == len(set(tiles))
    assert set(tiles_of(size, since)) == set(tiles) - set(tiles_of(since))


def test_the_sizes_the_specification_names() -> None:
    assert list(tiles_of(0)) == []
    assert [tile.path() for tile in tiles_of(256)] == ["tile/entries/000", "tile/0/000", "tile/1/000.p/1"]
    tiles = list(tiles_of(70_000))
    assert sum(tile.level == 0 and tile.width == 256 for tile in tiles) == 273
    assert {tile for tile in tiles if tile.width < 256 and tile.level >= 0} == {
        Tile(0, 273, 112), Tile(1, 1, 17), Tile(2, 0, 1)
    }  # fmt: skip
