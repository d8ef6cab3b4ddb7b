"""The port of the comparison: what every kernel takes and gives."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Final, Protocol

import numpy as np
from numpy.typing import NDArray

from exchange_node.linkage.encodings import Bytes

PAIR = np.dtype([("score", np.float64), ("left", np.uint32), ("right", np.uint32)])
Pairs = NDArray[np.void]
"""Rows of type PAIR, by left row, then the most alike first, then by right row."""
Search = Callable[[Bytes, int], Pairs]
"""Some left filters, shape (n, bytes), and how many pairs to keep of each -> the best pairs of each."""


@dataclass(frozen=True, slots=True)
class Measure:
    """How alike two filters are: (shorter + longer) * shared / (shorter * fewer + longer * more), where `fewer` and
    `more` are the bits of the two rows. Between 0 and 1, and 1 for equal filters.

    1 and 1 make the Dice coefficient. A larger `shorter` counts what one of both rows lacks for less, which is fair
    where values are missing: the symmetric Tversky index (Jimenez, Becerra and Gelbukh 2013).
    """

    shorter: int = 1
    longer: int = 1


DICE: Final = Measure()


class Kernel(Protocol):
    """Finds for each left row the right rows that are alike enough."""

    @property
    def name(self) -> str:
        """As it is chosen."""

    @property
    def threads(self) -> bool:
        """Whether it leaves Python's lock while it works, so that every core helps."""

    def against(self, right: Bytes, threshold_bp: int, measure: Measure = DICE) -> Search:
        """A search among these filters, shape (n, bytes), for what is alike by threshold_bp / 10,000 or more. Threads
        may share it. Raises LinkageError no-kernel: one that knows no such measure.
        """
