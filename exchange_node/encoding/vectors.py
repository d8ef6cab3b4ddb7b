"""Records as vectors of small integers whose dot product is the evidence that two of them are one person.

The left party's vectors carry no weights: whole numbers from 0, each block at most `unit` long. The right party's carry
all of it: weights, how rare a value is in its own file, swapped fields. One side's vectors are useless without the
linkage key, but whoever has both sides' can compare people: they never go to an outside party.

`kernels/vectors.c` makes them. Every number is whole and exact but where it is said, so that all machines make the same
bits; floor(x + 1/2) is x rounded. Of N rows, n have token t (more than once counts more than once). A value has tokens,
of which c[j] set column j of a block, whose rarities are r[j] together; s is the sum of c[j]^2.

- N and n are of all rows, or of the first ones that count; a token that none of those has is as rare as if one had it.
- rarity of t: 4096 * (1 - log(n) / log(N)), rounded, at least 0; logarithms to base 2 in units of 2^-16, rounded down.
  Where N < 2, and for presence: 4096.
- i, for 1 / sqrt(s): 2^20 / sqrt(s), rounded down.
- left, column j: unit * c[j] * i / 2^20, rounded.
- right, column j: the sum over the blocks that meet there of (a (4096 c[j] - r[j]) + b r[j]) i / 2^44, rounded. a is
  what a token is worth that all have, b one that nobody else has: sums of weight * scale / unit in units of 2^-12,
  rounded towards 0. Beyond -127 or 127 it is that.
- features: left columns, times 4096 c[j] or r[j], times i, all added up in whole numbers, divided by unit * 2^32. Pairs
  of blocks are added in double precision, by the right one's place among the blocks, those of one field together.

Tokens of a value beyond its first 1,000 do not count, nor in one column those beyond its first 15. Columns of a token:
SipHash-2-4 (Aumasson and Bernstein 2012) of its UTF-8, under a key that keyed BLAKE2b (RFC 7693) makes from linkage key
and domain; of `width` columns the lower 32 bits choose the first one, width * bits / 2^32
rounded down, and the upper ones one of the others, counted from there. Several fields together: the hash of each one's
first token under a key of domain and place, and then the hash of those, eight bytes each, the lowest first.
"""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass
from math import sqrt
from typing import Any

import numpy as np
from numpy.typing import NDArray

from exchange_node.encoding.errors import EncodingError
from exchange_node.encoding.vector_schema import PRESENCE, Block, VectorSchema
from exchange_node.encoding.vector_tokens import SINGLE, TOKENISERS
from exchange_node.kernels import vectors as native
from exchange_node.kernels.cores import for_each
from exchange_node.records.columns import Column, Columns

LARGEST = 32_000
"""No pair scores above this or below its negative, so sixteen bits hold a score."""
_MOST = 127
_NOTHING = 1e-6  # less is no weight
_AT_ONCE = 2048  # pairs whose features are made together, to bound the memory

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

    def __init__(self, schema: VectorSchema, columns: Columns, key: bytes, counted: int | None = None) -> None:
        """`counted`: how rare a value is, is told by so many of the first rows; by all, if it is not said."""
        self.schema = schema
        self.rows = len(columns[schema.fields[0]])
        groups = list(dict.fromkeys(map(_group, schema.blocks)))
        blocks = sorted(schema.blocks, key=lambda block: groups.index(_group(block)))
        self._numbers = {block.name: at for at, block in enumerate(blocks)}
        self._tables = native.Tables(self.rows, schema.width, len(groups), [
            native.Block(groups.index(_group(block)), _tokeniser(block), schema.start[block.name], block.width,
                         block.hashes, block.unit, _key(key, block.domain))
            for block in blocks
        ], counted)  # fmt: skip
        texts = {field: _texts(columns[field]) for field in schema.fields}
        joined = list(dict.fromkeys(part for block in blocks for part in _parts(block)))
        firsts = dict(zip(joined, for_each(lambda at: _first(columns, texts, *joined[at]), len(joined)), strict=True))

        def fill(number: int) -> None:
            here = [block for block in blocks if _group(block) == groups[number]]
            if parts := _parts(here[0]):
                keys = [[_key(key, f"{block.domain} {place}") for place in range(len(parts))] for block in here]
                self._tables.fill(number, [firsts[part] for part in parts], keys)
            else:
                (field,) = here[0].fields
                self._tables.fill(number, [_cut(block, columns[field], texts[field]) for block in here])

        for_each(fill, len(groups))

    def left(self, rows: Rows, out: NDArray[np.uint8] | None = None) -> NDArray[np.uint8]:
        """Weightless vectors of these rows, shape (rows, schema.width), values 0 to 127; into `out` if it is given."""
        if out is None:
            out = np.empty((len(rows), self.schema.width), np.uint8)
        self._tables.left(_rows(rows), out)
        return out

    def weighted(self, weights: Weights, scale: float, rows: int) -> native.Weighted:
        """What makes weighted vectors, values -127 to 127, of about so many rows; `scale` as of `scale_for`.

        Raises ValueError: a scale far above that.
        """
        number, unit = self._numbers, {name: block.unit for name, block in self.schema.by_name.items()}
        users = [
            (number[left], number[right], *(_fixed(worth * scale / unit[left]) for worth in worths))
            for (left, right), worths in _worths(self.schema, weights).items()
            if any(worths)
        ]
        users.sort(key=lambda user: user[1])
        return self._tables.weigh(np.array(users, native.USER), rows)

    def right(self, rows: Rows, weights: Weights, scale: float) -> NDArray[np.int8]:
        """Weighted vectors of these rows, shape (rows, schema.width)."""
        return self.weighted(weights, scale, len(rows)).packed(rows).unpacked(self.schema.width)

    def features(self, rows: Rows, other: Vectors, other_rows: Rows) -> Floats:
        """Every feature of these pairs of a left and a right row, shape (pairs, features), as the integers count it."""
        pairs = [
            (self._numbers[right], self._numbers[left], at, self.schema.by_name[left].unit, feature.rarity)
            for at, feature in enumerate(self.schema.features)
            for left, right in feature.pairs
        ]
        pairs.sort(key=lambda pair: pair[0])
        users = np.array([(left, right, not rare, 1) for right, left, _, _, rare in pairs], native.USER)
        found = np.empty((len(rows), len(self.schema.features)), np.float32)

        def part(number: int) -> None:
            here = slice(number * _AT_ONCE, (number + 1) * _AT_ONCE)
            agreed = self._tables.agree(_rows(rows[here]), other._tables, _rows(other_rows[here]), users)
            sums = np.zeros((len(agreed), found.shape[1]))
            for (_, _, at, unit, _), whole in zip(pairs, agreed.T, strict=True):
                sums[:, at] += whole / (unit * 2.0 ** (native.RARITY_BITS + native.INVERSE_BITS))
            found[here] = sums

        for_each(part, -(-len(rows) // _AT_ONCE))
        return found

    def close(self) -> None:
        """Overwrite what is known; may be called twice."""
        self._tables.close()


def scale_for(schema: VectorSchema, weights: Weights) -> float:
    """The largest factor under which every right vector fits a byte and every score into LARGEST, whoever is compared.

    A left vector's block is at most `unit` long before it is rounded, a right one's at most the sum of what its tokens
    are worth at most, so the product of both bounds the block's part of any score (Cauchy and Schwarz). Rounding adds
    at most 1/2 to each column that is not 0 before. 1 if nothing has a weight. Raises EncodingError
    too-many-fields.
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
    if steep < _NOTHING:
        return 1.0
    if flat > LARGEST / 2:
        raise EncodingError("too-many-fields", "scores of 16 bits")
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


def _parts(block: Block) -> tuple[tuple[str, str], ...]:
    """Of several fields together each with its tokeniser; none of a block of one field."""
    return tuple(zip(block.fields, block.tokens.split(), strict=True)) if len(block.fields) > 1 else ()


def _group(block: Block) -> tuple[tuple[str, str], ...]:
    """Blocks with the same are of the same values."""
    return _parts(block) or ((block.fields[0], ""),)


def _tokeniser(block: Block) -> str:
    if len(block.fields) > 1:
        return "whole"
    return block.tokens if block.tokens in native.TOKENISERS else native.PACKED


def _key(key: bytes, domain: str) -> bytes:
    return hashlib.blake2b(domain.encode(), key=key, digest_size=16).digest()


def _texts(column: Column) -> native.Texts:
    return native.Texts.of(column.values, np.ascontiguousarray(column.codes, np.int32))


def _first(columns: Columns, texts: Mapping[str, native.Texts], field: str, tokeniser: str) -> native.Texts:
    """Each value's first token, and each distinct one once: few names sound differently."""
    if tokeniser == "whole":
        return texts[field]
    places, tokenise, values = {"": 0}, TOKENISERS[tokeniser], columns[field].values
    tokens = (next(iter(tokenise(value)), "") if value else "" for value in values)
    codes = np.fromiter((places.setdefault(token, len(places)) for token in tokens), np.int32, len(values))
    return native.Texts.of(list(places), codes[columns[field].codes])


def _cut(block: Block, column: Column, texts: native.Texts) -> native.Texts:
    """The values, or their tokens, if the tokeniser is Python's alone."""
    if _tokeniser(block) != native.PACKED:
        return texts
    tokenise = TOKENISERS[block.tokens]
    tokens = ["", *("".join(f"{token}\0" for token in tokenise(value)) for value in column.values[1:])]
    return native.Texts.of(tokens, texts.codes)


def _rows(rows: NDArray[np.integer[Any]]) -> NDArray[np.int64]:
    return np.ascontiguousarray(rows, np.int64)
