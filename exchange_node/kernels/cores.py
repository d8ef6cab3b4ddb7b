"""Work on all cores that this process may use: numpy and our kernels leave Python's lock while they work."""

from __future__ import annotations

import os
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import TypeVar

T = TypeVar("T")


def for_each(work: Callable[[int], T], count: int) -> list[T]:
    """What `work` gives for 0 to `count` - 1, in that order; what it raises is raised."""
    with ThreadPoolExecutor(len(os.sched_getaffinity(0))) as pool:
        return list(pool.map(work, range(count)))
