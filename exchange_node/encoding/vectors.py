"""Records as vectors of small integers whose dot product is the evidence that two of them are one person.

The left party's vectors carry no weights: whole numbers from 0, each block at most `unit` long. The right party's carry
all of it: weights, how rare a value is in its own file, swapped fields. One side's vectors are useless without the
linkage key, but whoever has both sides' can compare people: they never go to an outside party.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from exchange_node.encoding.vector_schema import PRESENCE, Block, Feature, VectorSchema
from exchange_node.encoding.vector_tokens import TOKENISERS
from exchange_node.records.columns import Column, Columns

LARGEST = 32_000
"""No pair scores above this or below its negative, so sixteen bits hold a score."""
_MOST = 127

Rows = NDArray[np.intp]
Floats = NDArray[np.float32]


@dataclass(frozen=True, slots=True, repr=False)
class Weights:
    """One number for each feature of a schema, in natural logarithms of odds, and the constant that completes them."""

    features: NDArray[np.float64]
    constant: float = 0.0


class Vectors:
    """One register, tokenised and hashed under one linkage key. Nothing of the key or the people leaves but rows."""

    def __init__(self, schema: VectorSchema, columns: Columns, key: bytes) -> None:
        self.schema = schema
        self.rows = len(columns[schema.fields[0]])
        self._blocks = {block.name: _block(block, columns, key) for block in schema.blocks}

    def left(self, rows: Rows) -> NDArray[np.uint8]:
        """Weightless vectors of these rows, shape (rows, schema.width), values 0 to 127."""
        vectors = np.zeros((len(rows), self.schema.width), np.uint8)
        for block in self.schema.blocks:
            part = self._blocks[block.name].dense(rows)
            start = self.schema.start[block.name]
            vectors[:, start : start + block.width] = np.rint(part * block.unit)
        return vectors

    def right(self, rows: Rows, weights: Weights, scale: float) -> NDArray[np.int8]:
        """Weighted vectors of these rows, shape (rows, schema.width), values -127 to 127; `scale` as of `scale_for`."""
        vectors = np.zeros((len(rows), self.schema.width), np.float32)
        for right, users in _users(self.schema, weights).items():
            block = self._blocks[right]
            plain = block.dense(rows)
            rare = block.dense(rows, rarity=True) if any(feature.rarity for _, feature, _ in users) else plain
            for left, feature, weight in users:
                start = self.schema.start[left]
                factor = np.float32(weight * scale / self.schema.by_name[left].unit)
                vectors[:, start : start + block.width] += (rare if feature.rarity else plain) * factor
        return np.rint(vectors).astype(np.int8)

    def features(self, rows: Rows, other: Vectors, other_rows: Rows) -> Floats:
        """Every feature of these pairs of a left and a right row, shape (pairs, features), as the integers count it."""
        found = np.zeros((len(rows), len(self.schema.features)), np.float32)
        for at, feature in enumerate(self.schema.features):
            for left, right in feature.pairs:
                unit = self.schema.by_name[left].unit
                ours = np.rint(self._blocks[left].dense(rows) * unit) / np.float32(unit)
                theirs = other._blocks[right].dense(other_rows, feature.rarity)
                found[:, at] += np.einsum("ij,ij->i", ours, theirs)
        return found


def scale_for(schema: VectorSchema, weights: Weights) -> float:
    """The largest factor under which every right vector fits a byte and every score into LARGEST, whoever is compared.

    A block of a left vector is at most `unit` long, and one of the right vector at most the sum of its weights, so the
    product of both bounds the block's part of any score (Cauchy and Schwarz).
    """
    bound = float(np.sum(np.abs(weights.features) * [len(feature.pairs) for feature in schema.features]))
    lengths = dict.fromkeys(schema.by_name, 0.0)
    for at, feature in enumerate(schema.features):
        for left, right in feature.pairs:
            longest = 1 / np.sqrt(schema.by_name[right].hashes) if schema.by_name[right].tokens != "bigrams" else 1.0
            lengths[left] += abs(float(weights.features[at])) * float(longest)
    scales = [_MOST * schema.by_name[name].unit / length for name, length in lengths.items() if length]
    return float(min([LARGEST / bound * 0.95, *scales])) if bound else 1.0


def _users(schema: VectorSchema, weights: Weights) -> dict[str, list[tuple[str, Feature, float]]]:
    """For each block of a right record: (block of the left record, feature, weight) of what it is compared in."""
    users: dict[str, list[tuple[str, Feature, float]]] = {}
    for feature, weight in zip(schema.features, weights.features.tolist(), strict=True):
        for left, right in feature.pairs:
            if weight:
                users.setdefault(right, []).append((left, feature, weight))
    return users


@dataclass(frozen=True, slots=True, repr=False)
class _Hashed:
    """The tokens of each distinct value: those of value v are `starts[v]` to `starts[v + 1]`."""

    width: int
    codes: NDArray[np.int32]  # (rows,), the value of each row
    starts: NDArray[np.int64]  # (values + 1,)
    places: NDArray[np.int64]  # (tokens, hashes), the columns that a token sets
    rarity: Floats  # (tokens,)

    def dense(self, rows: Rows, rarity: bool = False) -> Floats:
        """The part of these rows, shape (rows, width); without `rarity` of length 1, or 0 where nothing is known."""
        values, of_row = np.unique(self.codes[rows], return_inverse=True)
        counts = (self.starts[values + 1] - self.starts[values]).astype(np.int64)
        tokens = _ranges(self.starts[values], counts)
        of_value = np.repeat(np.arange(len(values)), counts)
        at = (of_value[:, None] * self.width + self.places[tokens]).ravel()
        size = len(values) * self.width
        plain = np.bincount(at, minlength=size).astype(np.float32).reshape(-1, self.width)
        length = np.sqrt(np.einsum("ij,ij->i", plain, plain))[:, None]
        length[length == 0] = 1
        if rarity:
            repeated = np.repeat(self.rarity[tokens], self.places.shape[1])
            plain = np.bincount(at, repeated, minlength=size).astype(np.float32).reshape(-1, self.width)
        return np.asarray((plain / length)[of_row], np.float32)


def _ranges(starts: NDArray[np.int64], counts: NDArray[np.int64]) -> NDArray[np.int64]:
    """start, start + 1, ... of each range, one behind the other."""
    ends = np.cumsum(counts)
    return np.arange(ends[-1] if len(ends) else 0) + np.repeat(starts - ends + counts, counts)


def _block(block: Block, columns: Columns, key: bytes) -> _Hashed:
    parts = [columns[field] for field in block.fields]
    if block.tokens == PRESENCE:
        return _presence(parts[0])
    if len(parts) > 1:
        return _together(block, parts, key)
    (column,) = parts
    tokenise = TOKENISERS[block.tokens]
    ids: dict[str, int] = {}
    flat: list[int] = []
    ends = [0, 0]  # the first value is "", without tokens
    for value in column.values[1:]:
        flat += [ids.setdefault(token, len(ids)) for token in tokenise(value)]
        ends.append(len(flat))
    starts, tokens = np.array(ends, np.int64), np.array(flat, np.int64)
    of_value = np.repeat(np.arange(len(column.values)), np.diff(starts))
    counts = np.bincount(tokens, np.bincount(column.codes, minlength=len(column.values))[of_value], len(ids))
    hashed = hash_tokens(ids, key, block.domain)
    places = _places(hashed, block)
    return _Hashed(block.width, column.codes, starts, places[tokens], _rarity(counts, len(column))[tokens])


def _presence(column: Column) -> _Hashed:
    known = np.arange(len(column.values)) > 0
    starts = np.concatenate([[0], np.cumsum(known)]).astype(np.int64)
    tokens = int(known.sum())
    return _Hashed(1, column.codes, starts, np.zeros((tokens, 1), np.int64), np.ones(tokens, np.float32))


def _together(block: Block, parts: Sequence[Column], key: bytes) -> _Hashed:
    """One token of all fields' values together, where all are known."""
    mixed = np.zeros(len(parts[0]), np.uint64)
    known = np.ones(len(parts[0]), np.bool_)
    for column in parts:
        hashes = hash_tokens(column.values, key, f"{block.domain} {column.name}")[:, 0]
        mixed = mix(mixed * np.uint64(0x9E3779B97F4A7C15) + hashes[column.codes])
        known &= column.codes > 0
    distinct, codes = np.unique(mixed[known], return_inverse=True)
    all_codes = np.zeros(len(mixed), np.int32)
    all_codes[known] = codes + 1
    counts = np.bincount(all_codes, minlength=len(distinct) + 1)[1:]
    starts = np.concatenate([[0], np.arange(len(distinct) + 1)]).astype(np.int64)
    places = _places(np.stack([distinct, mix(distinct)], axis=1), block)
    return _Hashed(block.width, all_codes, starts, places, _rarity(counts, len(mixed)))


def _rarity(counts: NDArray[np.generic], rows: int) -> Floats:
    """log(N / n) / log N of how many rows have each token."""
    if rows < 2:
        return np.ones(len(counts), np.float32)
    return np.clip(1 - np.log(np.maximum(counts, 1)) / np.log(rows), 0, 1).astype(np.float32)


def hash_tokens(tokens: Iterable[str], key: bytes, domain: str) -> NDArray[np.uint64]:
    """Two numbers of 64 bits for each token: keyed BLAKE2b (RFC 7693), shape (tokens, 2)."""
    keyed = hashlib.blake2b(key=hashlib.blake2b(domain.encode(), key=key, digest_size=32).digest(), digest_size=16)

    def digest(token: str) -> bytes:
        one = keyed.copy()
        one.update(token.encode())
        return one.digest()

    return np.frombuffer(b"".join(map(digest, tokens)), "<u8").reshape(-1, 2)


def _places(hashes: NDArray[np.uint64], block: Block) -> NDArray[np.int64]:
    """The columns of each token, shape (tokens, block.hashes), none twice."""
    width = np.uint64(block.width)
    first = hashes[:, 0] % width
    if block.hashes == 1:
        return first.astype(np.int64)[:, None]
    second = (first + np.uint64(1) + hashes[:, 1] % (width - np.uint64(1))) % width
    return np.stack([first, second], axis=1).astype(np.int64)


def mix(value: NDArray[np.uint64]) -> NDArray[np.uint64]:
    """The finaliser of SplitMix64 (Steele, Lea and Flood 2014)."""
    value = (value ^ (value >> np.uint64(30))) * np.uint64(0xBF58476D1CE4E5B9)
    value = (value ^ (value >> np.uint64(27))) * np.uint64(0x94D049BB133111EB)
    return value ^ (value >> np.uint64(31))
