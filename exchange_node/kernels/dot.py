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

from exchange_node.kernels.packed import Packed

KEPT = np.dtype([("score", np.int32), ("right", np.uint32)])
EVERY = -(1 << 40)
"""As `beyond`: no pair is left out."""
LANES, PAD, _LINE = 16, 4, 64  # as in dot.c
Array = NDArray[Any]
Rows = NDArray[np.int8]


class _Array(ctypes.Structure):
    _fields_ = (("items", ctypes.c_void_p), ("bytes", ctypes.c_int64))


def _load() -> ctypes.CDLL:
    library = ctypes.CDLL(str(Path(__file__).with_name("libdot.so.1")))
    name, whole, size, arrays = ctypes.c_char_p, ctypes.c_int, ctypes.c_int64, ctypes.POINTER(_Array)
    library.dot_kernel.argtypes = [whole]
    library.dot_search.argtypes = [name, size, size, size, ctypes.c_int32, whole, size, arrays]
    library.dot_search_among.argtypes = [size, size, ctypes.c_int32, whole, arrays]
    library.dot_pairs.argtypes = [name, size, arrays]
    for function in ("kernel", "search", "search_among", "pairs"):
        getattr(library, f"dot_{function}").restype = name
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


def in_lines(rows: int, width: int) -> NDArray[np.uint8]:
    """Room for rows that each begin with a line of the cache, if the width is whole lines: a tile of rows that lie
    across lines takes twice as long to fetch.
    """
    room = np.empty(rows * width + _LINE, np.uint8)
    start = -room.ctypes.data % _LINE
    return room[start : start + rows * width].reshape(rows, width)


def side_by_side(parts: Iterable[Rows], rows: int, width: int) -> SideBySide:
    """Lay out that many right rows, which come in parts, so that they need not stand twice in memory."""
    if rows < 0 or width < 64 or width > 4096 or width % 64:
        raise ValueError("width: wrong size")
    groups = -(-rows // (LANES * PAD)) * PAD
    laid = in_lines(groups * LANES, width).view(np.uint32).reshape(groups, width // 4, LANES)
    laid[rows // LANES :] = 0
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


@dataclass(frozen=True, slots=True, repr=False)
class Kept:
    """The best right rows of each left row: `counts`, int32 of shape (m,), says of how many; they are `pairs`, of type
    KEPT and shape (m, most), the best first and ties by right row.
    """

    counts: NDArray[np.int32]
    pairs: NDArray[np.void]

    @classmethod
    def none(cls, rows: int, most: int) -> Kept:
        """Room for the best `most` of each, 1 to 256; none yet."""
        return cls(np.zeros(rows, np.int32), np.zeros((rows, max(0, min(most, 257))), KEPT))

    def of(self, start: int, end: int) -> Kept:
        """Those of some left rows, in place."""
        return Kept(self.counts[start:end], self.pairs[start:end])


def search(
    kernel: str, x: Array, y: SideBySide, threshold: int, kept: Kept, first: int = 0, beyond: int = EVERY
) -> None:
    """Add to what is kept of each left row the right rows with x . y >= threshold that are among its best.

    The right rows are numbered from `first` on and must come after those that are kept already. Only those with a
    number above `beyond` + the left row's are looked at.
    """
    _check(x, threshold, kept)
    if y.values.dtype != np.int8 or x.shape[1] != y.width:
        raise ValueError("width: wrong size or values")
    sizes = (y.width, first, len(y), threshold, kept.pairs.shape[1], beyond)
    _call("dot_search", (kernel.encode(), *sizes), (x, y.values, kept.counts, kept.pairs))


def search_among(x: Array, y: Packed, threshold: int, kept: Kept, ids: Array, ends: Array, first: int = 0) -> None:
    """As `search`, among candidates only: those of left row i are ids[ends[i]:ends[i + 1]], of which those that are not
    among the right rows are passed over. `ids`: uint32; `ends`: int64 of shape (m + 1,).
    """
    if ids.dtype != np.uint32 or ends.dtype != np.int64:
        raise ValueError("candidates: wrong size or values")
    if y.columns.dtype != np.uint16 or y.values.dtype != np.int8 or y.places.dtype != np.int64:
        raise ValueError("right: wrong size or values")
    arrays = (x, y.columns, y.values, y.places, ids, ends, kept.counts, kept.pairs)
    _check(x, threshold, kept)
    _call("dot_search_among", (x.shape[1], first, threshold, kept.pairs.shape[1]), arrays)


def pairs(kernel: str, x: Array, y: Rows, left: Array, right: Array) -> NDArray[np.int32]:
    """The dot products of x[left[i]] and y[right[i]]; `left` and `right`: uint32."""
    if left.dtype != np.uint32 or right.dtype != np.uint32:
        raise ValueError("pairs: wrong size or values")
    if x.dtype != np.uint8 or y.dtype != np.int8 or x.ndim != 2 or x.shape[1] != y.shape[-1]:
        raise ValueError("width: wrong size or values")
    scores = np.zeros(len(left), np.int32)
    _call("dot_pairs", (kernel.encode(), y.shape[-1]), (x, y, left, right, scores))
    return scores


def _check(x: Array, threshold: int, kept: Kept) -> None:
    if x.dtype != np.uint8 or x.ndim != 2:
        raise ValueError("width: wrong size or values")
    if not -(2**31) <= threshold < 2**31:
        raise ValueError("threshold: wrong size or values")
    if kept.counts.dtype != np.int32 or kept.pairs.dtype != KEPT:
        raise ValueError("answer: wrong size or values")


def _call(function: str, words: tuple[Any, ...], arrays: tuple[Array, ...]) -> None:
    if any(not array.flags.c_contiguous for array in arrays):
        raise ValueError("contiguous: wrong layout")
    packed = (_Array * len(arrays))(*(_Array(array.ctypes.data, array.nbytes) for array in arrays))
    wrong = getattr(_LIBRARY, function)(*words, packed)
    if wrong is not None:
        raise ValueError(f"{wrong.decode()}: wrong size or values")
