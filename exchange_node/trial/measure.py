"""Measured quality, where the truth is known: precision, recall and F1 of one-to-one links."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

from exchange_node.engine.search import Found

Measured = dict[str, float]
"""`true_pairs`: how many right links there could be; `precision`, `recall`, `f1`; `best_f1`: over all thresholds."""


class Candidates(Protocol):
    """Links are the first so many of the candidates."""

    @property
    def candidates(self) -> Found:
        """By falling score."""

    def __len__(self) -> int:
        """How many are links."""


@dataclass(frozen=True, slots=True)
class _Alone:
    candidates: Found

    def __len__(self) -> int:
        return len(self.candidates)


def measure(links: Candidates, left: Sequence[str], right: Sequence[str]) -> Measured:
    """One-to-one links; `left` and `right`: for each row who it is, and a row without an answer is nobody's."""
    truth_left, truth_right = _numbered(left, right)
    people = int(max(truth_left.max(initial=0), truth_right.max(initial=0))) + 1
    there = [np.bincount(side, minlength=people)[1:] for side in (truth_left, truth_right)]
    pairs = int(np.minimum(*there).sum())
    return _measured(links, truth_left, truth_right, pairs)


def measure_doubles(links: Candidates, truth: Sequence[str]) -> Measured:
    """Pairs of rows of one register."""
    who, _ = _numbered(truth, truth)
    counts = np.bincount(who[who > 0], minlength=1)
    return _measured(links, who, who, int(np.sum(counts * (counts - 1) // 2)))


def measure_groups(groups: Sequence[NDArray[np.int64]], truth: Sequence[Sequence[str]]) -> Measured:
    """Pairs of rows of one group, of any number of registers; `groups` and `truth`: of each register, a row each."""
    who, _ = _numbered([text for side in truth for text in side], ())
    number = np.concatenate(groups)
    there = np.bincount(who[who > 0], minlength=1)
    pairs, linked = (int(np.sum(counts * (counts - 1) // 2)) for counts in (there, np.bincount(number)))
    _, both = np.unique((number * len(there) + who)[who > 0], return_counts=True)
    hits = int(np.sum(both * (both - 1) // 2))
    return {
        "true_pairs": pairs,
        "precision": hits / linked if linked else 0.0,
        "recall": hits / pairs if pairs else 0.0,
        "f1": 2 * hits / (linked + pairs) if linked + pairs else 0.0,
    }


def measure_links(
    left: NDArray[np.int64], right: NDArray[np.int64], left_truth: Sequence[str], right_truth: Sequence[str]
) -> Measured:
    """As `measure`, of links without candidates."""
    whole = Found(np.zeros(len(left)), left, right, 0)
    found = measure(_Alone(whole), left_truth, right_truth)
    return {name: value for name, value in found.items() if name != "best_f1"}


def _measured(links: Candidates, left: NDArray[np.int64], right: NDArray[np.int64], pairs: int) -> Measured:
    found = links.candidates
    good = (left[found.left] == right[found.right]) & (left[found.left] > 0)
    right_so_far = np.cumsum(good)
    so_far = np.arange(1, len(good) + 1)
    linked = len(links)
    hits = int(right_so_far[linked - 1]) if linked else 0
    return {
        "true_pairs": pairs,
        "precision": hits / linked if linked else 0.0,
        "recall": hits / pairs if pairs else 0.0,
        "f1": 2 * hits / (linked + pairs) if linked + pairs else 0.0,
        "best_f1": float(np.max(2 * right_so_far / (so_far + pairs), initial=0.0)) if pairs else 0.0,
    }


def _numbered(left: Sequence[str], right: Sequence[str]) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """A number for each that has an answer, 0 for the others."""
    texts = pc.utf8_trim_whitespace(pa.array([*left, *right], pa.string())).dictionary_encode()
    numbers = texts.indices.to_numpy(zero_copy_only=False).astype(np.int64) + 1
    numbers[numbers == pc.index(texts.dictionary, "").as_py() + 1] = 0
    return numbers[: len(left)], numbers[len(left) :]
