"""Vectors computed plainly, token by token, from what `exchange_node/encoding/vectors.py` says they are."""

from __future__ import annotations

import hashlib
from collections import Counter
from dataclasses import dataclass
from functools import lru_cache
from math import isqrt

import numpy as np

from exchange_node.encoding.vector_schema import PRESENCE, Block, VectorSchema
from exchange_node.encoding.vector_tokens import TOKENISERS
from exchange_node.encoding.vectors import Weights
from exchange_node.records.columns import Columns

WORD = 2**64 - 1
Row = list[tuple[int, tuple[int, ...]]]
"""A token's rarity, and the columns of its block that it sets."""


@lru_cache(maxsize=20_000)
def siphash(key: bytes, message: bytes) -> int:
    """SipHash-2-4."""
    k0, k1 = (int.from_bytes(key[at : at + 8], "little") for at in (0, 8))
    v0, v1, v2, v3 = (
        k0 ^ 0x736F6D6570736575, k1 ^ 0x646F72616E646F6D, k0 ^ 0x6C7967656E657261, k1 ^ 0x7465646279746573,
    )  # fmt: skip

    def turn(x: int, by: int) -> int:
        return (x << by | x >> (64 - by)) & WORD

    def rounds(count: int) -> None:
        nonlocal v0, v1, v2, v3
        for _ in range(count):
            v0, v2 = (v0 + v1) & WORD, (v2 + v3) & WORD
            v1, v3 = turn(v1, 13) ^ v0, turn(v3, 16) ^ v2
            v0 = turn(v0, 32)
            v2, v0 = (v2 + v1) & WORD, (v0 + v3) & WORD
            v1, v3 = turn(v1, 17) ^ v2, turn(v3, 21) ^ v0
            v2 = turn(v2, 32)

    padded = message + bytes(7 - len(message) % 8) + bytes([len(message) % 256])
    for at in range(0, len(padded), 8):
        word = int.from_bytes(padded[at : at + 8], "little")
        v3 ^= word
        rounds(2)
        v0 ^= word
    v2 ^= 0xFF
    rounds(4)
    return v0 ^ v1 ^ v2 ^ v3


def logarithm(number: int) -> int:
    """To base 2, in units of 2^-16, rounded down."""
    found, mantissa = number.bit_length() - 1, number << (32 - number.bit_length())
    for _ in range(16):
        mantissa = mantissa * mantissa >> 31
        above = mantissa >> 32
        mantissa, found = mantissa >> above, found << 1 | above
    return found


def derived(key: bytes, domain: str) -> bytes:
    """The key of a domain."""
    return hashlib.blake2b(domain.encode(), key=key, digest_size=16).digest()


def places(block: Block, hashed: int) -> tuple[int, ...]:
    """The columns that a token sets."""
    first = hashed % 2**32 * block.width >> 32
    if block.hashes == 1:
        return (first,)
    return first, (first + 1 + ((hashed >> 32) * (block.width - 1) >> 32)) % block.width


def tokens(block: Block, columns: Columns, key: bytes) -> list[list[bytes]]:
    """Of each row."""
    parts = [columns[field] for field in block.fields]
    found = []
    for row in range(len(parts[0])):
        values = [part.values[part.codes[row]] for part in parts]
        if block.tokens == PRESENCE:
            found.append([b""] if values[0] else [])
        elif len(parts) == 1:
            cut = TOKENISERS[block.tokens](values[0]) if values[0] else []
            found.append([token.encode(errors="surrogatepass") for token in cut[:1000]])
        else:
            cut_by = zip(block.tokens.split(), values, strict=True)
            firsts = [next(iter(TOKENISERS[tokens](value) if value else []), "") for tokens, value in cut_by]
            hashes = (
                siphash(derived(key, f"{block.domain} {place}"), first.encode(errors="surrogatepass"))
                for place, first in enumerate(firsts)
            )
            found.append([b"".join(one.to_bytes(8, "little") for one in hashes)] if all(firsts) else [])
    return found


@dataclass
class PlainVectors:
    """As `Vectors`, slowly."""

    schema: VectorSchema
    columns: Columns
    key: bytes
    counted: int | None = None

    def __post_init__(self) -> None:
        """Every block's tokens."""
        self.blocks: dict[str, list[Row]] = {}
        for block in self.schema.blocks:
            rows = tokens(block, self.columns, self.key)
            counting = rows[: self.counted]
            counts = Counter(token for row in counting for token in row)
            every = {token for row in rows for token in row}
            rarity = {token: self.rarity(block, counts[token] or 1, len(counting)) for token in every}
            secret = derived(self.key, block.domain)
            self.blocks[block.name] = [
                [(rarity[token], places(block, siphash(secret, token))) for token in row] for row in rows
            ]

    def rarity(self, block: Block, count: int, rows: int) -> int:
        """Of 4096."""
        if block.tokens == PRESENCE or rows < 2:
            return 4096
        if count >= rows:
            return 0
        return ((logarithm(rows) - logarithm(count)) * 8192 // logarithm(rows) + 1) // 2

    def record(self, block: str, row: int) -> tuple[dict[int, list[int]], int]:
        """How many tokens set each column and how rare they are together, and the length's inverse, of 2^20."""
        found: dict[int, list[int]] = {}
        for rarity, all_places in self.blocks[block][row]:
            for place in all_places:
                both = found.setdefault(place, [0, 0])
                if both[0] < 15:
                    both[0] += 1
                    both[1] += rarity
        square = sum(count**2 for count, _ in found.values())
        return found, isqrt(2**40 // square) if square else 0

    def left(self, row: int) -> np.ndarray:
        """One vector."""
        vector = np.zeros(self.schema.width, np.uint8)
        for block in self.schema.blocks:
            found, inverse = self.record(block.name, row)
            for place, (count, _) in found.items():
                vector[self.schema.start[block.name] + place] = (block.unit * count * inverse + 2**19) // 2**20
        return vector

    def right(self, row: int, weights: Weights, scale: float) -> list[int]:
        """One vector, that may go beyond -127 to 127."""
        worth: dict[tuple[str, str], list[float]] = {}
        for feature, weight in zip(self.schema.features, weights.features.tolist(), strict=True):
            for pair in feature.pairs:
                common_and_rare = worth.setdefault(pair, [0.0, 0.0])
                common_and_rare[0] += 0.0 if feature.rarity else weight
                common_and_rare[1] += weight
        sums = [0] * self.schema.width
        for (left, right), factors in worth.items():
            a, b = (int(factor * scale / self.schema.by_name[left].unit * 4096) for factor in factors)
            found, inverse = self.record(right, row)
            for place, (count, rarity) in found.items():
                sums[self.schema.start[left] + place] += (a * (4096 * count - rarity) + b * rarity) * inverse
        return [(s + 2**43) // 2**44 for s in sums]

    def features(self, row: int, other: PlainVectors, other_row: int) -> np.ndarray:
        """Of one pair."""
        vector, all_found = self.left(row).tolist(), []
        for feature in self.schema.features:
            total = 0.0
            for left, right in feature.pairs:
                found, inverse = other.record(right, other_row)
                start = self.schema.start[left]
                shared = sum(
                    vector[start + place] * (rarity if feature.rarity else 4096 * count)
                    for place, (count, rarity) in found.items()
                )
                total += shared * inverse / (self.schema.by_name[left].unit * 2**32)
            all_found.append(total)
        return np.array(all_found).astype(np.float32)
