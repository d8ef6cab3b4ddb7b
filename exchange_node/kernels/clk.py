"""clk.c, loaded: see there. `encoding/native.py` is what calls it."""

from __future__ import annotations

import ctypes
from collections.abc import Sequence
from dataclasses import dataclass
from enum import IntEnum
from pathlib import Path

import numpy as np
from numpy.typing import NDArray


class Cut(IntEnum):
    """How a value becomes tokens: it is one; n-grams; Python cut it already (see `encoding/forms.py`); or by one of
    TOKENISERS.
    """

    WHOLE = 0
    NGRAMS = 1
    PACKED = 2
    TOKENISED = 3


class Hash(IntEnum):
    """How a token's places are found; the names are clkhash's, the last is doubleHash with prevent_singularity."""

    BLAKE = 0
    DOUBLE = 1
    DOUBLE_NOT_SINGULAR = 2


@dataclass(frozen=True, slots=True, repr=False)
class Field:
    """What one field adds to a filter. `bits` are for each token, or, without `each`, for all of a value together.

    `n`: of n-grams, or the number of the tokeniser. `date`: values are `YYYY-MM-DD` and are hashed as `YYYYMMDD`.
    """

    date: bool
    cut: Cut
    n: int
    positional: bool
    hash: Hash
    each: bool
    bits: int
    keys: tuple[bytes, bytes]


@dataclass(frozen=True, slots=True, repr=False)
class Texts:
    """Values as UTF-8, one after another, with `gap` bytes between two.

    `ends`, int64 of shape (1 + values,): where each ends; the first is -gap. `codes`, int32 of shape (rows,): which
    value a row has; without it row i has value `first` + i * `step`. `formed`: dates are digits already.
    """

    text: bytes
    ends: NDArray[np.int64]
    gap: int
    formed: bool
    codes: NDArray[np.int32] | None = None
    first: int = 0
    step: int = 1

    def rows(self) -> int:
        """Of how many rows."""
        return (len(self.ends) - 1) // self.step if self.codes is None else len(self.codes)


class OddDate(ValueError):
    """A field has a date that is not plainly `YYYY-MM-DD`: Python must form them. `field` is its number."""

    def __init__(self, field: int) -> None:
        super().__init__("a date of another form")
        self.field = field


class _Spec(ctypes.Structure):
    _fields_ = (
        *((name, ctypes.c_int32) for name in ("date", "cut", "n", "positional", "hash", "each", "bits")),
        *((name, ctypes.c_char_p) for name in ("key", "other_key")),
        *((name, ctypes.c_int64) for name in ("key_bytes", "other_bytes")),
    )


class _Column(ctypes.Structure):
    _fields_ = (
        ("text", ctypes.c_char_p),
        *((name, ctypes.c_void_p) for name in ("ends", "codes")),
        *((name, ctypes.c_int64) for name in ("text_bytes", "values", "gap", "first", "step", "formed")),
    )


def _load() -> ctypes.CDLL:
    library = ctypes.CDLL(str(Path(__file__).with_name("libclk.so.1")))
    number, pointer = ctypes.c_int64, ctypes.c_void_p
    library.clk_begin.argtypes = [number, ctypes.c_int, ctypes.c_int, ctypes.POINTER(_Spec)]
    library.clk_begin.restype = pointer
    library.clk_encode.argtypes = [
        pointer, number, ctypes.POINTER(_Column), pointer, ctypes.POINTER(ctypes.c_int32),
    ]  # fmt: skip
    library.clk_encode.restype = ctypes.c_char_p
    library.clk_split.argtypes = [ctypes.c_char_p, number, pointer, number]
    library.clk_tokeniser.argtypes, library.clk_tokeniser.restype = [ctypes.c_int], ctypes.c_char_p
    library.clk_end.argtypes, library.clk_end.restype = [pointer], None
    library.clk_hash.argtypes = [
        ctypes.c_int, ctypes.c_char_p, number, ctypes.c_uint32, ctypes.c_char_p, number, ctypes.c_char_p,
    ]  # fmt: skip
    library.clk_hash.restype = None
    return library


_LIBRARY = _load()


def _tokenisers() -> dict[str, int]:
    found: dict[str, int] = {}
    while (name := _LIBRARY.clk_tokeniser(len(found))) is not None:
        found[name.decode()] = len(found)
    return found


TOKENISERS = _tokenisers()
"""Those that are native, by name, and their numbers."""
MOST_TOKENS = 1000
"""Of one value; the others do not count."""


class Encoder:
    """Filters of `bits` bits, each folded `folds` times, for one thread at a time; `close` overwrites what it knows."""

    def __init__(self, bits: int, folds: int, fields: Sequence[Field]) -> None:
        """Raises ValueError if a size or key does not fit, or there is no memory."""
        specs = (_Spec * len(fields))(
            *(
                _Spec(f.date, f.cut, f.n, f.positional, f.hash, f.each, f.bits, *f.keys, *map(len, f.keys))
                for f in fields
            )
        )  # fmt: skip
        self._fields, self.bytes = len(fields), -(-(bits >> folds) // 8)
        self._encoder = _LIBRARY.clk_begin(bits, folds, len(fields), specs)
        if not self._encoder:
            raise ValueError("wrong size, wrong key, or no memory")

    def encode(self, columns: Sequence[Texts], filters: NDArray[np.uint8]) -> None:
        """One column for each field; `filters`, of shape (rows, self.bytes), is filled, unused bits of a row zero.

        Raises OddDate, and ValueError: what does not fit.
        """
        rows = len(filters)
        if not self._encoder:
            raise ValueError("closed")
        if filters.dtype != np.uint8 or filters.shape[1:] != (self.bytes,) or not filters.flags.c_contiguous:
            raise ValueError("filters: wrong layout")
        if len(columns) != self._fields or any(column.rows() != rows for column in columns):
            raise ValueError("columns: wrong number or size")
        given = (_Column * len(columns))(*map(_packed, columns))
        which = ctypes.c_int32()
        wrong = _LIBRARY.clk_encode(self._encoder, rows, given, filters.ctypes.data, which)
        if wrong == b"date":
            raise OddDate(which.value)
        if wrong is not None:
            raise ValueError(f"{wrong.decode()}: wrong values, or not enough memory")

    def close(self) -> None:
        """May be called twice."""
        encoder, self._encoder = self._encoder, None
        _LIBRARY.clk_end(encoder)


def _packed(column: Texts) -> _Column:
    ends, codes = column.ends, column.codes
    if ends.dtype != np.int64 or not ends.flags.c_contiguous or len(ends) < 1:
        raise ValueError("ends: wrong layout")
    if codes is not None and (codes.dtype != np.int32 or not codes.flags.c_contiguous):
        raise ValueError("codes: wrong layout")
    at = None if codes is None else codes.ctypes.data
    return _Column(
        column.text, ends.ctypes.data, at, len(column.text), len(ends) - 1, column.gap, column.first, column.step,
        column.formed,
    )  # fmt: skip


def split(text: bytes, values: int) -> NDArray[np.int64] | None:
    """The `ends` of a text that NULs divide into so many values, at least one; None if it has more or fewer."""
    ends = np.empty(values + 1, np.int64)
    return ends if _LIBRARY.clk_split(text, len(text), ends.ctypes.data, values) else None


def keyed_hash(kind: int, key: bytes, message: bytes, salt: int = 0) -> bytes:
    """For tests: BLAKE2b with a decimal salt (0), HMAC of MD5 (1) or of SHA-1 (2). A BLAKE2b key has 1 to 64 bytes."""
    digest = ctypes.create_string_buffer(64)
    _LIBRARY.clk_hash(kind, key, len(key), salt, message, len(message), digest)
    return digest.raw[: (64, 16, 20)[kind]]
