"""[6] From two parties' encodings to links. Takes seconds to minutes: call it in a worker thread."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from exchange_node.linkage.dice import MAX_CANDIDATES, Progress, find_candidates
from exchange_node.linkage.encodings import Bytes, Encodings
from exchange_node.linkage.errors import LinkageError
from exchange_node.linkage.kernels import DEFAULT_KERNEL, choose_kernel
from exchange_node.linkage.pairs import DICE, Kernel, Measure
from exchange_node.linkage.precision import Precision, estimate_precision
from exchange_node.linkage.solve import one_to_one


@dataclass(frozen=True, slots=True, repr=False)
class LinkResult:
    """The match graph, which stays in the linkage unit's memory until the lists are made.

    `left`, `right`: row numbers of the linked pairs; tokens of all rows of each side, shape (rows, 16).
    Scores are not kept. `cut_rows` had more candidates than the bound; `kernel` and the counts are for the
    unit's own log.
    """

    left: NDArray[np.uint32]
    right: NDArray[np.uint32]
    left_tokens: Bytes
    right_tokens: Bytes
    precision: Precision
    kernel: str
    comparisons: int
    candidates: int
    cut_rows: int

    def __len__(self) -> int:
        return len(self.left)

    def __repr__(self) -> str:
        return f"<LinkResult of {len(self)} links>"


def link(
    left: Encodings,
    right: Encodings,
    threshold_bp: int,
    *,
    max_links: int,
    kernel: Kernel | None = None,
    measure: Measure = DICE,
    max_candidates: int = MAX_CANDIDATES,
    progress: Progress | None = None,
) -> LinkResult:
    """Link two files one-to-one that are alike by threshold_bp / 10,000 or more.

    Without a `kernel` the default one compares. Raises LinkageError not-comparable, bad-order, too-many-candidates,
    too-many-links, and whatever `progress` raises, which is how it is cancelled.
    """
    if (left.key_id, left.schema_digest, left.bits) != (right.key_id, right.schema_digest, right.bits):
        raise LinkageError("not-comparable")
    if not 0 < threshold_bp <= 10_000 or max_links < 0:
        raise LinkageError("bad-order")
    compare = kernel or choose_kernel(DEFAULT_KERNEL)
    found = find_candidates(
        left, right, threshold_bp, kernel=compare, measure=measure, max_candidates=max_candidates, progress=progress
    )
    chosen = one_to_one(found)
    if int(chosen.sum()) > max_links:
        raise LinkageError("too-many-links", f"more than {max_links}")
    precision = estimate_precision(left, right, found, chosen, threshold_bp, compare, progress, measure)
    return LinkResult(
        left=found.left[chosen],
        right=found.right[chosen],
        left_tokens=left.tokens,
        right_tokens=right.tokens,
        precision=precision,
        kernel=compare.name,
        comparisons=len(left) * len(right),
        candidates=len(found),
        cut_rows=found.cut,
    )
