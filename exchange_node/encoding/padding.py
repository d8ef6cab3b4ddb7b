"""Rows that fill a file up to its size class, so that the exact number of people stays unknown."""

from __future__ import annotations

import heapq
from collections.abc import Mapping

import numpy as np

_DONORS = 4096
_ENOUGH_DONORS = 50


class Donors:
    """A uniform sample of the file's own records, from whose fields padding people are put together.

    A padding row made of random bits stands out, because rows of real people share the bits of common
    names. So each padding person takes every field from another record: the bits are as frequent as in real
    rows, and as no two fields belong together, it is nobody. Kept are the records with the smallest tokens,
    which is a sample without order.
    """

    def __init__(self, size: int = _DONORS) -> None:
        self._size = size
        self._heap: list[tuple[int, int, Mapping[str, str]]] = []
        self._offered = 0  # breaks ties, so that records are never compared

    def offer(self, token: bytes, fields: Mapping[str, str]) -> None:
        """Let one record into the sample if its token is small enough."""
        rank = -int.from_bytes(token, "big")
        self._offered += 1
        if len(self._heap) < self._size:
            heapq.heappush(self._heap, (rank, self._offered, fields))
        elif rank > self._heap[0][0]:
            heapq.heapreplace(self._heap, (rank, self._offered, fields))

    def people(self) -> list[Mapping[str, str]]:
        """The sample in the order of tokens; empty where too few are there to mix."""
        chosen = [fields for _, _, fields in sorted(self._heap, key=lambda item: -item[0])]
        return chosen if len(chosen) >= _ENOUGH_DONORS else []


def mixed_person(people: list[Mapping[str, str]], fields: tuple[str, ...], stream: bytes) -> dict[str, str]:
    """Every field from a different record of the sample, chosen by 48 pseudo-random bytes."""
    picks: list[int] = []
    for position in range(len(fields)):
        pick = int.from_bytes(stream[4 * position : 4 * position + 4], "big") % len(people)
        while pick in picks:
            pick = (pick + 1) % len(people)
        picks.append(pick)
    return {name: people[pick].get(name, "") for name, pick in zip(fields, picks, strict=True)}


def random_filter(bits: int, popcount: int, stream: bytes) -> bytes:
    """That many random bits, for files too small to mix people from. Who looks closely can tell."""
    generator = np.random.default_rng(int.from_bytes(stream, "big"))
    flags = np.zeros(bits, np.uint8)
    flags[generator.permutation(bits)[:popcount]] = 1
    return np.packbits(flags).tobytes()
