"""blocks.c, loaded: see there. `linkage/blocks.py` is what calls it."""

from __future__ import annotations

import ctypes
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

EVERY = -(1 << 40)
"""As `beyond`: no pair is left out."""
Numbers = NDArray[np.uint32]

_LIBRARY = ctypes.CDLL(str(Path(__file__).with_name("libblocks.so.1")))
_SIZE, _ITEMS = ctypes.c_int64, ctypes.c_void_p
_LIBRARY.blocks_sort.argtypes = [_SIZE, _ITEMS, _ITEMS, _ITEMS, _ITEMS]
_LIBRARY.blocks_sort.restype = _SIZE
_LIBRARY.blocks_find.argtypes = [_SIZE, _ITEMS, _ITEMS, _SIZE, _SIZE, _ITEMS, _SIZE, _SIZE, _ITEMS]
_LIBRARY.blocks_find.restype = ctypes.c_int
_LIBRARY.blocks_gather.argtypes = [_SIZE, _SIZE, _ITEMS, _SIZE, _ITEMS, _SIZE, _ITEMS, _ITEMS, _SIZE]
_LIBRARY.blocks_gather.restype = _SIZE


@dataclass(frozen=True, slots=True, repr=False)
class Sorted:
    """The different hashes, ascending, and where in the order by them the rows of each begin, with the end behind the
    last.
    """

    hashes: Numbers
    begins: Numbers


def sort(hashes: Numbers, order: Numbers) -> Sorted:
    """Write the rows' numbers into `order`, by their hashes. Raises ValueError, MemoryError."""
    _check(hashes, "hashes", (len(hashes),))
    _check(order, "order", hashes.shape)
    distinct, begins = np.empty(len(hashes), np.uint32), np.empty(len(hashes) + 1, np.uint32)
    arrays = (array.ctypes.data for array in (hashes, order, distinct, begins))
    count = _LIBRARY.blocks_sort(len(hashes), *arrays)
    if count < 0:
        raise MemoryError("blocks: no memory to sort")
    return Sorted(distinct[:count].copy(), begins[: count + 1].copy())


def find(known: Sorted, cap: int, wanted: Numbers, ranges: Numbers, key: int) -> None:
    """Write into `ranges`, shape (rows, keys, 2), where the bucket of each wanted hash begins and ends, under this key:
    nowhere for 0, a hash that is not there, and one that more than `cap` rows have. Raises ValueError, MemoryError.
    """
    _check(known.begins, "begins", (len(known.hashes) + 1,))
    _check(known.hashes, "hashes", (len(known.hashes),))
    _check(wanted, "wanted", (len(ranges),))
    _check(ranges, "ranges", (len(ranges), *ranges.shape[1:2], 2))
    if not 0 <= key < ranges.shape[1]:
        raise ValueError("key: wrong size or values")
    at = (known.hashes.ctypes.data, known.begins.ctypes.data)
    sizes = (wanted.ctypes.data, ranges.shape[1], key, ranges.ctypes.data)
    if _LIBRARY.blocks_find(len(known.hashes), *at, cap, len(wanted), *sizes):
        raise MemoryError("blocks: no memory to look up")


def gather(order: Numbers, ranges: Numbers, beyond: int = EVERY) -> tuple[Numbers, Numbers]:
    """The candidates of each left row, each once: how many, shape (m,), and all of them, one left row's after the
    other's.

    `order`: shape (keys, n), the right rows by each key; `ranges`: shape (m, keys, 2), where in that order the
    candidates of each left row begin and end. Of left row i only right rows with a number above `beyond` + i count.
    Raises ValueError, MemoryError.
    """
    if order.ndim != 2:
        raise ValueError("order: wrong size or values")
    _check(order, "order", order.shape)
    _check(ranges, "ranges", (len(ranges), len(order), 2))
    if (ranges[..., 0] > ranges[..., 1]).any():
        raise ValueError("ranges: wrong size or values")
    counts = np.zeros(len(ranges), np.uint32)
    ids = np.empty(int(np.sum(ranges[..., 1] - ranges[..., 0], dtype=np.int64)), np.uint32)
    rows = (len(ranges), ranges.ctypes.data, beyond, counts.ctypes.data, ids.ctypes.data, len(ids))
    found = _LIBRARY.blocks_gather(order.shape[1], len(order), order.ctypes.data, *rows)
    if found < -1:
        raise MemoryError("blocks: no memory to gather")
    if found < 0:
        raise ValueError("ranges: wrong size or values")
    return counts, ids[:found]


def _check(array: Numbers, name: str, shape: tuple[int, ...]) -> None:
    if array.dtype != np.uint32 or array.shape != shape or not array.flags.c_contiguous or max(shape) >= 2**32:
        raise ValueError(f"{name}: wrong size or values")
