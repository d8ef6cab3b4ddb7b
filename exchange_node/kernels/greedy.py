"""greedy.c, loaded: see there. `linkage/solve.py` is what calls it."""

from __future__ import annotations

import ctypes
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

_LIBRARY = ctypes.CDLL(str(Path(__file__).with_name("libgreedy.so.1")))
_LIBRARY.greedy_take.argtypes = [ctypes.c_int64, *(2 * [ctypes.c_void_p]), *(2 * [ctypes.c_int64]), ctypes.c_void_p]
_LIBRARY.greedy_take.restype = ctypes.c_int


def take(left: NDArray[np.uint32], right: NDArray[np.uint32]) -> NDArray[np.bool_]:
    """Which pairs are taken, in the order given, each left and right row at most once. Raises ValueError, MemoryError.

    Needs a byte for each row number up to the highest.
    """
    if left.dtype != np.uint32 or right.dtype != np.uint32 or left.ndim != 1 or left.shape != right.shape:
        raise ValueError("pairs: wrong size or values")
    left, right = np.ascontiguousarray(left), np.ascontiguousarray(right)
    chosen = np.zeros(len(left), np.bool_)
    rows = [int(side.max()) + 1 if len(side) else 0 for side in (left, right)]
    if _LIBRARY.greedy_take(len(left), left.ctypes.data, right.ctypes.data, *rows, chosen.ctypes.data):
        raise MemoryError("greedy: no memory for the rows taken")
    return chosen
