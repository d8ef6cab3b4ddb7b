"""A search as stages over pieces: what runs once, what runs for each piece, and what is shuffled between.

cut both sides into pieces
with keys: pieces -> rows by bucket | shuffle by the key's hash | pairs | shuffle by left piece, each pair once
for each slab of right vectors: every left piece against it, the best of each left row
merge the slabs' best of each left row
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import Protocol

import numpy as np

from exchange_node.encoding.vectors import LARGEST, Rows, Weights, scale_for
from exchange_node.engine.search import Found, Plan, Side
from exchange_node.kernels.dot import side_by_side
from exchange_node.linkage.blocks import Candidates
from exchange_node.linkage.dot import SCORED, Scored, choose
from exchange_node.runners.pieces import Piece, Slab, Task, best_of_each, by_score, cut

SLAB_BYTES = 256_000_000
"""Vectors of right rows that every worker has at a time."""
Progress = Callable[[int, int], None]


class Work(Protocol):
    """The left pieces where they will be searched, with their candidates if there are keys."""

    def compared(self) -> int | None:
        """The number of candidates, each pair once; None: all pairs are compared."""

    def against(self, slab: Slab, task: Task) -> Scored:
        """`pieces.score` of every piece. A piece that fails is done again; nothing comes twice."""

    def close(self) -> None:
        """Let go of it all."""


class Machines(Protocol):
    """Where pieces are worked on."""

    def begin(self, left: Sequence[Piece], right: Sequence[Piece], size: int, plan: Plan, task: Task) -> Work:
        """Bring the left pieces to where they are searched, each of `size` rows. With keys the right ones go through
        the shuffle, too; without, there are none.
        """


@dataclass(frozen=True, slots=True)
class Runner:
    """`find` as a spine takes it. `pieces`: in how many a side is cut; `slab`: right rows that are searched at a time,
    by SLAB_BYTES if it is not said.
    """

    machines: Machines
    pieces: int
    slab: int | None = None

    def find(
        self,
        left: Side,
        left_rows: Rows,
        right: Side,
        right_rows: Rows,
        weights: Weights,
        plan: Plan,
        *,
        least: float,
        most: int,
        kernel: str = "native",
        later: bool = False,
        among: Candidates | None = None,
        progress: Progress | None = None,
    ) -> Found:
        """As `engine.search.find`, bit for bit, wherever it runs; candidates are found again there, so `among` is not
        looked at. Raises what that raises, and what the machines do.
        """
        schema, scale = left.vectors.schema, scale_for(left.vectors.schema, weights)
        threshold = int(np.ceil(np.clip((least - weights.constant) * scale, -LARGEST, LARGEST + 1)))
        if choose(kernel) == choose("native"):
            kernel = "native"  # other machines may have wider ones, or only narrower ones; all give the same
        task = Task(schema, left.secret, kernel, threshold, most, later)
        size = max(1, -(-len(left_rows) // self.pieces))
        ours = list(cut(left.columns, left_rows, size))
        theirs = list(cut(right.columns, right_rows, -(-len(right_rows) // self.pieces) or 1)) if plan.keys else []
        steps = self.slab or max(1, SLAB_BYTES // schema.width)
        best, done = np.empty(0, SCORED), 0
        work = self.machines.begin(ours, theirs, size, plan, task)
        try:
            for slab in _slabs(right, right_rows, weights, scale, steps, laid=not plan.keys):
                best = best_of_each(np.concatenate([best, work.against(slab, task)]), most)
                done = min(done + steps, len(right_rows))
                if progress is not None:
                    progress(done, len(right_rows))
            compared = work.compared()
        finally:
            work.close()
        if compared is None:
            compared = _all_pairs(len(left_rows), len(right_rows), later)
        best = by_score(best)
        scores = best["score"] / scale + weights.constant
        return Found(scores, left_rows[best["left"]], right_rows[best["right"]], compared)


def _slabs(right: Side, rows: Rows, weights: Weights, scale: float, size: int, laid: bool) -> Iterator[Slab]:
    for first in range(0, len(rows), size):
        values = right.vectors.right(rows[first : first + size], weights, scale)
        yield Slab(first, side_by_side([values], *values.shape) if laid else values)


def _all_pairs(left: int, right: int, later: bool) -> int:
    return left * (left - 1) // 2 if later else left * right
