"""dot.c, loaded: see there. `linkage/dot.py` is what calls it.

Left rows: uint8 of shape (m, width), values 0 to 127. Right rows: int8 of shape (n, width). The width is a multiple of
64 up to 4,096. Everywhere ValueError says what does not fit.
"""

from __future__ import annotations

import ctypes
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

KEPT = np.dtype([("score", np.int32), ("right", np.uint32)])
EVERY = -(1 << 40)
"""As `beyond`: no pair is left out."""
LANES, PAD = 16, 4  # as in dot.c
Array = NDArray[Any]
Rows = NDArray[np.int8]


class _Array(ctypes.Structure):
    _fields_ = (("items", ctypes.c_void_p), ("bytes", ctypes.c_int64))


def _load() -> ctypes.CDLL:
    library = ctypes.CDLL(str(Path(__file__).with_name("libdot.so.1")))
    name, whole, size, arrays = ctypes.c_char_p, ctypes.c_int, ctypes.c_int64, ctypes.POINTER(_Array)
    library.dot_kernel.argtypes = [whole]
    library.dot_search.argtypes = [name, size, size, ctypes.c_int32, whole, size, arrays]
    library.dot_search_among.argtypes = library.dot_search.argtypes
    library.dot_pairs.argtypes = [name, size, arrays]
    for function in (library.dot_kernel, library.dot_search, library.dot_search_among, library.dot_pairs):
        function.restype = name
    return library


_LIBRARY = _load()


def kernels() -> list[str]:
    """Those that this machine can run, the widest first."""
    found: list[str] = []
    while (name := _LIBRARY.dot_kernel(len(found))) is not None:
        found.append(name.decode())
    return found


@dataclass(frozen=True, slots=True, repr=False)
class SideBySide:
    """Right rows in groups of 16, four values of each after the other: `values` has the shape
    (groups, width / 4, 16, 4).
    """

    values: Rows
    rows: int

    def __len__(self) -> int:
        return self.rows

    @property
    def width(self) -> int:
        """Values of a row."""
        return 4 * int(self.values.shape[1])


def side_by_side(parts: Iterable[Rows], rows: int, width: int) -> SideBySide:
    """Lay out that many right rows, which come in parts, so that they need not stand twice in memory."""
    if rows < 0 or width < 64 or width > 4096 or width % 64:
        raise ValueError("width: wrong size")
    groups = -(-rows // (LANES * PAD)) * PAD
    laid = np.zeros((groups, width // 4, LANES), np.uint32)
    done = 0
    for part in parts:
        if part.dtype != np.int8 or part.ndim != 2 or part.shape[1] != width or done + len(part) > rows:
            raise ValueError("right: wrong size or values")
        for start in range(0, len(part), 4096):  # bounds the temporary copies
            fours = np.ascontiguousarray(part[start : start + 4096]).view(np.uint32)
            _place(laid, done, fours)
            done += len(fours)
    if done != rows:
        raise ValueError("right: wrong size or values")
    return SideBySide(laid.view(np.int8).reshape(groups, width // 4, LANES, 4), rows)


def _place(laid: NDArray[np.uint32], first: int, fours: NDArray[np.uint32]) -> None:
    """Put rows of fours into their lanes, from that row on."""
    head = min(-first % LANES, len(fours))
    whole = (len(fours) - head) // LANES
    laid[first // LANES, :, first % LANES : first % LANES + head] = fours[:head].T
    group = (first + head) // LANES
    middle = fours[head : head + whole * LANES]
    laid[group : group + whole] = middle.reshape(whole, LANES, laid.shape[1]).transpose(0, 2, 1)
    tail = fours[head + whole * LANES :]
    if len(tail):
        laid[group + whole, :, : len(tail)] = tail.T


def search(kernel: str, x: Array, y: SideBySide, threshold: int, most: int, beyond: int = EVERY) -> tuple[Array, Array]:
    """The best `most` right rows of each left one with x . y >= threshold.

    -> how many were kept of each left row, int32 of shape (m,), and those, of type KEPT and shape (m, most), the best
    first and ties by right row. Only right rows with a number above `beyond` + the left row's are looked at.
    """
    found, kept = _answer(x, most)
    _call("dot_search", (kernel, y.width, len(y), threshold, most, beyond), (x, y.values, found, kept), y.width)
    return found, kept


def search_among(
    kernel: str, x: Array, y: Rows, order: Array, ranges: Array, threshold: int, most: int, beyond: int = EVERY
) -> tuple[Array, Array, int]:
    """As `search`, among candidates only; also the number of pairs compared, each counted once.

    `order`: uint32 of shape (keys, n), the right rows by each key; `ranges`: uint32 of shape (m, keys, 2), where in
    that order the candidates of each left row begin and end.
    """
    found, kept = _answer(x, most)
    compared = np.zeros(1, np.int64)
    if order.dtype != np.uint32 or ranges.dtype != np.uint32 or order.ndim != 2 or order.shape[1] != len(y):
        raise ValueError("order: wrong size or values")
    if ranges.shape != (len(x), len(order), 2):
        raise ValueError("ranges: wrong size or values")
    arrays = (x, y, order, ranges, found, kept, compared)
    _call("dot_search_among", (kernel, y.shape[-1], len(y), threshold, most, beyond), arrays, y.shape[-1])
    return found, kept, int(compared[0])


def pairs(kernel: str, x: Array, y: Rows, left: Array, right: Array) -> NDArray[np.int32]:
    """The dot products of x[left[i]] and y[right[i]]; `left` and `right`: uint32."""
    if left.dtype != np.uint32 or right.dtype != np.uint32:
        raise ValueError("pairs: wrong size or values")
    scores = np.zeros(len(left), np.int32)
    _call("dot_pairs", (kernel, y.shape[-1]), (x, y, left, right, scores), y.shape[-1])
    return scores


def _answer(x: Array, most: int) -> tuple[Array, Array]:
    return np.zeros(len(x), np.int32), np.zeros((len(x), max(0, min(most, 256))), KEPT)


def _call(function: str, words: tuple[Any, ...], arrays: tuple[Array, ...], width: int) -> None:
    x, y = arrays[:2]
    if x.dtype != np.uint8 or y.dtype != np.int8 or x.ndim != 2 or x.shape[1] != width:
        raise ValueError("width: wrong size or values")
    if any(not array.flags.c_contiguous for array in arrays):
        raise ValueError("contiguous: wrong layout")
    kernel, *sizes = words
    if function != "dot_pairs" and not -(2**31) <= sizes[2] < 2**31:
        raise ValueError("threshold: wrong size or values")
    packed = (_Array * len(arrays))(*(_Array(array.ctypes.data, array.nbytes) for array in arrays))
    wrong = getattr(_LIBRARY, function)(kernel.encode(), *sizes, packed)
    if wrong is not None:
        raise ValueError(f"{wrong.decode()}: wrong size or values")
