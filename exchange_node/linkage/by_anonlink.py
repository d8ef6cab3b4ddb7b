"""anonlink's comparison, for who wants it, and as the oracle of ours.

It holds Python's global lock, so it runs in tiles of about ten milliseconds: a node that links in a worker thread stays
responsive.
"""

from __future__ import annotations

import importlib
import warnings
from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
from bitarray import bitarray

from exchange_node.linkage.encodings import Bytes
from exchange_node.linkage.errors import LinkageError
from exchange_node.linkage.pairs import DICE, PAIR, Measure, Pairs, Search

TILE = 1024  # rows a side
ANONLINK = {
    "anonlink-accelerated": ("anonlink.similarities._dice_x86", "dice_coefficient_accelerated"),
    "anonlink-python": ("anonlink.similarities._dice_python", "dice_coefficient_python"),
}
Similarity = Callable[..., tuple[Sequence[float], tuple[Sequence[int], Sequence[int]]]]


@dataclass(frozen=True, slots=True)
class Anonlink:
    """`anonlink-accelerated` (C++ with popcount) or `anonlink-python` (slow reference)."""

    name: str
    threads: bool = False

    def against(self, right: Bytes, threshold_bp: int, measure: Measure = DICE) -> Search:
        """Raises LinkageError no-kernel if this installation of anonlink does not have it, or not this measure."""
        if measure != DICE:
            raise LinkageError("no-kernel", f"{self.name} knows the Dice coefficient alone")
        similarity = self.similarity()

        def search(left: Bytes, most: int) -> Pairs:
            best = np.empty(0, PAIR)
            for top in range(0, len(left), TILE):
                ours = as_bitarrays(left[top : top + TILE])
                for start in range(0, len(right), TILE):
                    theirs = as_bitarrays(right[start : start + TILE])
                    scores, (i, j) = similarity((ours, theirs), threshold_bp / 10_000, k=most)
                    if len(scores):
                        found = np.empty(len(scores), PAIR)
                        found["score"] = scores
                        found["left"] = np.asarray(i, np.uint32) + np.uint32(top)
                        found["right"] = np.asarray(j, np.uint32) + np.uint32(start)
                        best = _best(np.concatenate([best, found]), most)
            return best

        return search

    def similarity(self) -> Similarity:
        """anonlink's own function. Raises LinkageError no-kernel."""
        module, function = ANONLINK[self.name]
        try:
            with warnings.catch_warnings():  # it asks for its own version in ways that setuptools and mypy deprecate
                warnings.simplefilter("ignore")
                found: Similarity = getattr(importlib.import_module(module), function)
        except ImportError as error:
            raise LinkageError("no-kernel", self.name) from error
        return found


def as_bitarrays(filters: Bytes) -> list[bitarray]:
    """anonlink's form of filters, sharing their memory."""
    return [bitarray(buffer=memoryview(row)) for row in filters]


def _best(pairs: Pairs, most: int) -> Pairs:
    """The best pairs of each left row."""
    pairs = pairs[np.lexsort((pairs["right"], -pairs["score"], pairs["left"]))]
    _, first, counts = np.unique(pairs["left"], return_index=True, return_counts=True)
    return pairs[np.arange(len(pairs)) - np.repeat(first, counts) < most]
