"""Records as vectors of small integers whose dot product is the evidence that two of them are one person.

The left party's vectors carry no weights: whole numbers from 0, each block at most `unit` long. The right party's carry
all of it: weights, how rare a value is in its own file, swapped fields. One side's vectors are useless without the
linkage key, but whoever has both sides' can compare people: they never go to an outside party.

`kernels/vectors.c` makes them. Every number is whole and made without rounding but where it is said, so that all
machines make the same bits; floor(x + 1/2) is x rounded. Of a part of N rows, where a value has some of the tokens t,
n rows have t, c[j] tokens set column j, and s is the sum of c[j]^2:

- left, column j of a block: unit * c[j] / sqrt(s), rounded.
- rarity r of t: 4096 * (1 - log(n) / log(N)), rounded, between 0 and 4096; logarithms to base 2 in units of 2^-16,
  rounded down. n counts a token as often as a value has it. N < 2, or presence: 4096.
- right, column j: the sum over blocks and t that set j of (4096 a + (b - a) r) i, divided by 2^44 and rounded, where i
  is 2^20 / sqrt(s) rounded down, a what a token is worth that all have and b what one is that nobody else has: sums of
  weight * scale / unit in units of 2^-12, rounded towards 0. Beyond -127 or 127 it is that.
- features: left columns, times r or 4096, times i, in whole numbers; then divided by unit * 2^32.

Tokens beyond the first 1,000 of a value do not count. Columns of a token: SipHash-2-4 (Aumasson and Bernstein 2012) of
its UTF-8, under a key that keyed BLAKE2b (RFC 7693) derives from linkage key and domain; the lower half of the hash
chooses the first one, the upper half another one. Several fields together: the hash of each value is taken under a key
of block and field, and then the hash of those, each as eight bytes, the lowest first.
"""

from __future__ import annotations

import hashlib
import os
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from math import sqrt
from typing import Any

import numpy as np
from numpy.typing import NDArray

from exchange_node.encoding.vector_schema import PRESENCE, Block, VectorSchema
from exchange_node.encoding.vector_tokens import SINGLE, TOKENISERS
from exchange_node.kernels import vectors as native
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
    """One register, tokenised and hashed under one linkage key. Nothing of the key or the people leaves but rows.

    Rows may be made from several threads at once. `close` overwrites all that is known, as does the object's end.
    Nobody may write to the columns' codes meanwhile: they are read in place.
    """

    def __init__(self, schema: VectorSchema, columns: Columns, key: bytes) -> None:
        self.schema = schema
        self.rows = len(columns[schema.fields[0]])
        parts = list(dict.fromkeys(map(_part, schema.blocks)))
        blocks = [
            native.Block(parts.index(_part(b)), schema.start[b.name], b.width, b.hashes, b.unit, _key(key, b.domain))
            for b in schema.blocks
        ]
        self._tables = native.Tables(self.rows, schema.width, len(parts), blocks)
        self._numbers = {block.name: at for at, block in enumerate(schema.blocks)}
        texts = {field: _texts(columns[field]) for field in schema.fields}

        def fill(number: int) -> None:
            fields, tokens, domain = parts[number]
            keys = [_key(key, f"{domain} {field}") for field in fields] if len(fields) > 1 else []
            given = [texts[field] for field in fields]
            if tokens not in native.TOKENISERS:
                tokens, given = native.PACKED, [_packed(columns[fields[0]], tokens)]
            self._tables.fill(number, tokens, given, keys)

        with ThreadPoolExecutor(len(os.sched_getaffinity(0))) as pool:
            list(pool.map(fill, range(len(parts))))

    def left(self, rows: Rows, out: NDArray[np.uint8] | None = None) -> NDArray[np.uint8]:
        """Weightless vectors of these rows, shape (rows, schema.width), values 0 to 127; into `out` if it is given."""
        if out is None:
            out = np.empty((len(rows), self.schema.width), np.uint8)
        self._tables.left(_rows(rows), out)
        return out

    def right(
        self, rows: Rows, weights: Weights, scale: float, out: NDArray[np.int8] | None = None
    ) -> NDArray[np.int8]:
        """Weighted vectors of these rows, shape (rows, schema.width), values -127 to 127; `scale` as of `scale_for`.

        Raises ValueError: a scale far above that.
        """
        if out is None:
            out = np.empty((len(rows), self.schema.width), np.int8)
        users = [
            (self._numbers[left], self._numbers[right], *(_fixed(worth * scale / self.schema.by_name[left].unit)
                                                          for worth in worths))
            for (left, right), worths in _worths(self.schema, weights).items()
        ]  # fmt: skip
        self._tables.right(_rows(rows), np.array(users, native.USER), out)
        return out

    def features(self, rows: Rows, other: Vectors, other_rows: Rows) -> Floats:
        """Every feature of these pairs of a left and a right row, shape (pairs, features), as the integers count it."""
        pairs = [
            (at, left, right, feature.rarity)
            for at, feature in enumerate(self.schema.features)
            for left, right in feature.pairs
        ]
        users = [(self._numbers[left], self._numbers[right], not rare, 1) for _, left, right, rare in pairs]
        agreed = self._tables.agree(_rows(rows), other._tables, _rows(other_rows), np.array(users, native.USER))
        found = np.zeros((len(rows), len(self.schema.features)))
        for (at, left, _, _), whole in zip(pairs, agreed.T, strict=True):
            found[:, at] += whole / (self.schema.by_name[left].unit * 2.0 ** (native.RARITY_BITS + native.INVERSE_BITS))
        return found.astype(np.float32)

    def close(self) -> None:
        """Overwrite what is known; may be called twice."""
        self._tables.close()


def scale_for(schema: VectorSchema, weights: Weights) -> float:
    """The largest factor under which every right vector fits a byte and every score into LARGEST, whoever is compared.

    A left vector's block is at most `unit` long before it is rounded, a right one's at most the sum of what its tokens
    are worth at most, so the product of both bounds the block's part of any score (Cauchy and Schwarz). Rounding adds
    at most 1/2 to each column that is not 0 before. 1 if nothing has a weight. Raises ValueError: too many columns.
    """
    worth = dict.fromkeys(schema.by_name, 0.0)  # of all that meets a left block
    most = dict.fromkeys(schema.by_name, 0.0)  # of that, in one column
    for (left, right), worths in _worths(schema, weights).items():
        worth[left] += max(map(abs, worths))
        most[left] += max(map(abs, worths)) * _peak(schema.by_name[right])
    steep, flat = 0.0, 0.0
    for name, block in schema.by_name.items():
        columns = block.hashes if _single(block) else block.width
        length = block.unit + sqrt(columns) / 2
        steep += length * worth[name] / block.unit
        flat += length * sqrt(columns) / 2 if worth[name] else 0.0
    if not steep:
        return 1.0
    if flat > LARGEST / 2:
        raise ValueError("schema: too many columns for scores of 16 bits")
    return min((LARGEST - flat) / steep, *(_MOST * schema.by_name[n].unit / m for n, m in most.items() if m))


def _worths(schema: VectorSchema, weights: Weights) -> dict[tuple[str, str], tuple[float, float]]:
    """For each pair of a left and a right block that meet, what a token counts that all have, and one that nobody else
    has.
    """
    found: dict[tuple[str, str], tuple[float, float]] = {}
    for feature, weight in zip(schema.features, weights.features.tolist(), strict=True):
        for pair in feature.pairs:
            common, rare = found.get(pair, (0.0, 0.0))
            found[pair] = (common if feature.rarity else common + weight, rare + weight)
    return found


def _fixed(factor: float) -> int:
    return int(min(max(factor, -1e4), 1e4) * 2**native.FACTOR_BITS)


def _single(block: Block) -> bool:
    """Whether no value has two tokens."""
    return len(block.fields) > 1 or block.tokens == PRESENCE or block.tokens in SINGLE


def _peak(block: Block) -> float:
    """The most that one column may have of a part of length 1."""
    return 1 / sqrt(block.hashes) if _single(block) else 1.0


def _part(block: Block) -> tuple[tuple[str, ...], str, str]:
    """What blocks must share to have the same tokens."""
    if block.tokens == PRESENCE:
        return block.fields[:1], PRESENCE, ""
    return block.fields, block.tokens, block.domain if len(block.fields) > 1 else ""


def _key(key: bytes, domain: str) -> bytes:
    return hashlib.blake2b(domain.encode(), key=key, digest_size=16).digest()


def _texts(column: Column) -> native.Texts:
    text = "".join(column.values)
    coded = text.encode(errors="surrogatepass")
    values = column.values if len(coded) == len(text) else [v.encode(errors="surrogatepass") for v in column.values]
    ends = np.cumsum(np.fromiter(map(len, values), np.int64, len(values)))
    return native.Texts(coded, ends, np.ascontiguousarray(column.codes, np.int32))


def _packed(column: Column, tokens: str) -> native.Texts:
    """Of a tokeniser that is Python's alone."""
    tokenise = TOKENISERS[tokens]
    cut = ["", *("".join(f"{token}\0" for token in tokenise(value)) for value in column.values[1:])]
    return _texts(Column(column.name, column.kind, cut, column.codes))


def _rows(rows: NDArray[np.integer[Any]]) -> NDArray[np.int64]:
    return np.ascontiguousarray(rows, np.int64)
