"""dice.c, loaded: see there. `linkage/native.py` is what calls it."""

from __future__ import annotations

import ctypes
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

KEPT = np.dtype([("shared", np.int32), ("sum", np.int32), ("right", np.uint32)])
Array = NDArray[Any]


class _Array(ctypes.Structure):
    _fields_ = (("items", ctypes.c_void_p), ("bytes", ctypes.c_int64))


def _load() -> ctypes.CDLL:
    library = ctypes.CDLL(str(Path(__file__).with_name("libdice.so.1")))
    library.dice_kernel.argtypes, library.dice_kernel.restype = [ctypes.c_int], ctypes.c_char_p
    library.dice_search.argtypes = [ctypes.c_char_p, ctypes.c_int, ctypes.POINTER(_Array)]
    library.dice_search.restype = ctypes.c_char_p
    return library


_LIBRARY = _load()


def kernels() -> list[str]:
    """Those that this machine can run, the widest first."""
    found: list[str] = []
    while (name := _LIBRARY.dice_kernel(len(found))) is not None:
        found.append(name.decode())
    return found


def search(kernel: str, most: int, *arrays: Array) -> tuple[Array, Array]:
    """Ten arrays, in the order of the `enum` in dice.c -> how many pairs were kept of each left row, int32 of shape
    (rows,), and those, of type KEPT and shape (rows, most), the best first. Raises ValueError: what does not fit.
    """
    if len(arrays) != 10:
        raise ValueError("arrays: wrong number")
    rows = len(arrays[1])
    found, kept = np.zeros(rows, np.int32), np.zeros((rows, max(0, min(most, 256))), KEPT)
    given = [*arrays, found, kept]
    if any(not array.flags.c_contiguous for array in given):
        raise ValueError("contiguous: wrong layout")
    packed = (_Array * len(given))(*(_Array(array.ctypes.data, array.nbytes) for array in given))
    wrong = _LIBRARY.dice_search(kernel.encode(), most, packed)
    if wrong is not None:
        raise ValueError(f"{wrong.decode()}: wrong size or values")
    return found, kept
