"""From candidate pairs to links: one-to-one, greedy, the most alike pair first."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from exchange_node.kernels import greedy
from exchange_node.linkage.dice import Candidates


def one_to_one(candidates: Candidates) -> NDArray[np.bool_]:
    """Which candidates become links: taken best first, each left and right row at most once.

    The same links as anonlink's `greedy_solve`, which the tests compare it with, without its general
    multi-party machinery.
    """
    return greedy.take(candidates.left, candidates.right)
