"""The port of the comparison: what every kernel takes and gives."""

from __future__ import annotations

from collections.abc import Callable
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from exchange_node.linkage.encodings import Bytes

PAIR = np.dtype([("score", np.float64), ("left", np.uint32), ("right", np.uint32)])
Pairs = NDArray[np.void]
"""Rows of type PAIR, by left row, then the most alike first, then by right row."""
Search = Callable[[Bytes, int], Pairs]
"""Some left filters, shape (n, bytes), and how many pairs to keep of each -> the best pairs of each."""


class Kernel(Protocol):
    """Finds for each left row the right rows whose Dice coefficient reaches a threshold."""

    @property
    def name(self) -> str:
        """As it is chosen."""

    @property
    def threads(self) -> bool:
        """Whether it leaves Python's lock while it works, so that every core helps."""

    def against(self, right: Bytes, threshold_bp: int) -> Search:
        """A search among these filters, shape (n, bytes), for Dice >= threshold_bp / 10,000. Threads may share it."""
