"""CLKs made harder to read for who has them and no key; none is on by default, and each costs something at linking.

Frequent names leave frequent patterns of bits, from which they can be told (Christen, Ranbaduge, Vatsalan and Schnell
2019, "Precise and fast cryptanalysis for Bloom filter based privacy-preserving record linkage"). Every function takes
filters as uint8 of shape (rows, bytes), the highest bit of the first byte first, as clkhash writes them, and returns
others; what is keyed gives the same under the same key only. Both parties must do the same, in the same order, to the
same schema's filters. Distances stay comparable, not equal: a threshold must be chosen anew.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable

import numpy as np
from numpy.typing import NDArray

from exchange_node.encoding.keys import LinkageKey

Filters = NDArray[np.uint8]
_ROWS = 4096  # whose bits are spread out at a time


def balance(filters: Filters, key: LinkageKey) -> Filters:
    """Twice as many bits, of which every row has half set: the filter and its complement, in an order under the key.

    Hides how long values are. Schnell and Borgs 2016, "Randomized response and balanced Bloom filters for privacy
    preserving record linkage". The Hamming distance of two rows doubles, and their Dice is 1 - distance / bits.
    Raises EncodingError key-destroyed.
    """
    order = np.argsort(_numbers(key, b"balance", 2 * 8 * filters.shape[1]), kind="stable")
    return _by_bits(filters, lambda bits: np.concatenate([bits, 1 - bits], axis=1)[:, order])


def fold(filters: Filters, folds: int = 1) -> Filters:
    """Half as many bits for each folding: the first half xor the second, as clkhash's `fold_xor`.

    A bit no longer says which of two places was set. Schnell and Borgs 2016, "XOR-folding for Bloom filter-based
    encryptions for privacy-preserving record linkage". Raises ValueError if halves are not whole bytes.
    """
    if folds < 0 or filters.shape[1] % (1 << folds):
        raise ValueError("a filter of so many bytes cannot be folded so often")
    for _ in range(folds):
        half = filters.shape[1] // 2
        filters = filters[:, :half] ^ filters[:, half:]
    return filters


def rule_90(filters: Filters, rounds: int = 1) -> Filters:
    """Each bit becomes the xor of its two neighbours, in a ring, so many times.

    Schnell and Borgs 2018, "Hardening encrypted patient names against cryptographic attacks using cellular automata".
    """

    def step(bits: Filters) -> Filters:
        for _ in range(rounds):
            bits = np.roll(bits, 1, axis=1) ^ np.roll(bits, -1, axis=1)
        return bits

    return _by_bits(filters, step)


def diffuse(filters: Filters, key: LinkageKey, fan_in: int, bits: int | None = None) -> Filters:
    """Each of `bits` new bits (as many as before, unless given) is the xor of `fan_in` old ones, drawn under the key.

    One old bit then stands in many new ones, which hides what is frequent. Armknecht, Heng and Schnell 2023,
    "Strengthening privacy-preserving record linkage using diffusion". Raises ValueError if `bits` are not whole bytes
    or `fan_in` is not among 1 and the old bits, EncodingError key-destroyed.
    """
    old = 8 * filters.shape[1]
    new = old if bits is None else bits
    if new < 1 or new % 8 or not 1 <= fan_in <= old:
        raise ValueError("so many bits cannot be drawn")
    drawn = np.argsort(_numbers(key, b"diffuse", new * old).reshape(new, old), axis=1, kind="stable")[:, :fan_in].T
    return _by_bits(filters, lambda spread: np.bitwise_xor.reduce([spread[:, places] for places in drawn]))


def _by_bits(filters: Filters, change: Callable[[Filters], Filters]) -> Filters:
    """Rows as 0 and 1, shape (rows, bits), changed and packed again."""
    parts = [
        np.packbits(change(np.unpackbits(filters[at : at + _ROWS], axis=1)), axis=1)
        for at in range(0, max(1, len(filters)), _ROWS)
    ]
    return np.concatenate(parts)


def _numbers(key: LinkageKey, purpose: bytes, count: int) -> NDArray[np.uint64]:
    """Pseudo-random numbers under the key, others for each purpose and count: SHAKE-256 (FIPS 202)."""
    seed = b"exchange-node harden v1\0" + purpose + count.to_bytes(8, "big") + key.reveal()
    return np.frombuffer(hashlib.shake_256(seed).digest(8 * count), "<u8").astype(np.uint64)
