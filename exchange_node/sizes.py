"""Size classes: the only sizes that a count of people may show to anyone outside the node.

The classes are 10, 20, 50, 100, 200, 500, ... up to 1,000,000,000: 1, 2 and 5 times the powers of ten. Chunks
of encodings (step 5) and releases (step 8) are padded to the class, so a peer learns the class and not the
count.
"""

from __future__ import annotations

from typing import ClassVar

from exchange_node.errors import ExchangeError, Kind, Says

SMALLEST = 10
LARGEST = 1_000_000_000


class SizeError(ExchangeError):
    """A count that no size class covers."""

    prefix: ClassVar[str] = "size"
    catalogue: ClassVar[dict[str, Says]] = {
        "out-of-range": Says(
            Kind.INVALID,
            "The number of rows is below zero, or above the agreement's cap or one thousand million.",
            "Ask about fewer rows.",
        ),
    }


def size_class(rows: int, ceiling: int = LARGEST) -> int:
    """The smallest class that holds `rows` rows, but never above `ceiling`, the agreement's cap, which both
    sides know.

    0 rows are in the class of 10. Raises SizeError `out-of-range` for rows below 0 or above the ceiling.
    """
    if not 0 <= rows <= ceiling <= LARGEST:
        raise SizeError("out-of-range")
    power = SMALLEST
    while 5 * power < rows:
        power *= 10
    return min(ceiling, next(power * step for step in (1, 2, 5) if rows <= power * step))
