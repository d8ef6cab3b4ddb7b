"""vectors.c, loaded: see there. `encoding/vectors.py` is what calls it, and says what the numbers mean."""

from __future__ import annotations

import ctypes
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from exchange_node.kernels.packed import Packed

PACKED = "packed"
"""The tokeniser of values that are tokens already, a NUL behind each."""
FACTOR_BITS, RARITY_BITS, INVERSE_BITS = 12, 12, 20  # as in vectors.c
USER = np.dtype([("left", np.int32), ("right", np.int32), ("common", np.int32), ("rare", np.int32)])
"""A block of right rows, and the block of left ones whose columns it is for, by number; sorted by `right`. A token is
worth `common` if all rows have it, `rare` if one has, and by its rarity between them."""
Array = NDArray[Any]
Rows = NDArray[np.int64]


class _Array(ctypes.Structure):
    _fields_ = (("items", ctypes.c_void_p), ("bytes", ctypes.c_int64))


class _Column(ctypes.Structure):
    _fields_ = (("text", _Array), ("ends", _Array), ("codes", _Array), ("gap", ctypes.c_int64))


class _Block(ctypes.Structure):
    _fields_ = (
        *((name, ctypes.c_int32) for name in ("group", "tokeniser", "start", "width", "hashes", "unit")),
        ("key", ctypes.c_uint64 * 2),
    )


def _load() -> ctypes.CDLL:
    library = ctypes.CDLL(str(Path(__file__).with_name("libvectors.so.1")))
    handle, whole, size, name = ctypes.c_void_p, ctypes.c_int32, ctypes.c_int64, ctypes.c_char_p
    library.vectors_tokeniser.argtypes, library.vectors_tokeniser.restype = [whole], name
    library.vectors_begin.argtypes = [size, size, whole, whole, whole, ctypes.POINTER(_Block)]
    library.vectors_begin.restype = handle
    library.vectors_fill.argtypes = [handle, whole, whole, ctypes.POINTER(_Column), handle]
    library.vectors_left.argtypes = [handle, _Array, _Array]
    library.vectors_weigh.argtypes, library.vectors_weigh.restype = [handle, handle, size, size], handle
    library.vectors_weighed_end.argtypes, library.vectors_weighed_end.restype = [handle], None
    library.vectors_spare.argtypes, library.vectors_spare.restype = [handle], size
    library.vectors_right.argtypes = [handle, *(4 * [_Array])]
    library.vectors_agree.argtypes = [handle, handle, handle, size, _Array, _Array, _Array]
    for function in (library.vectors_fill, library.vectors_left, library.vectors_right, library.vectors_agree):
        function.restype = name
    library.vectors_end.argtypes, library.vectors_end.restype = [handle], None
    library.vectors_cut.argtypes, library.vectors_cut.restype = [whole, _Array, _Array], size
    library.vectors_split.argtypes = [_Array, _Array]
    library.vectors_hashes.argtypes = [handle, _Array, _Array, size, _Array]
    library.vectors_hash.argtypes, library.vectors_hash.restype = [handle, _Array], ctypes.c_uint64
    return library


_LIBRARY = _load()


def _tokenisers() -> dict[str, int]:
    found: dict[str, int] = {}
    while (name := _LIBRARY.vectors_tokeniser(len(found))) is not None:
        found[name.decode()] = len(found)
    return found


TOKENISERS = _tokenisers()
"""Those that are native, by name, and their numbers."""


@dataclass(frozen=True, slots=True, repr=False)
class Texts:
    """Values as UTF-8, `gap` (0 or 1) bytes between two. `ends`, int64: of each; `codes`, int32: each row's value."""

    text: bytes
    ends: Rows
    codes: NDArray[np.int32]
    gap: int

    @classmethod
    def of(cls, values: Sequence[str], codes: NDArray[np.int32]) -> Texts:
        """Distinct values, of any characters."""
        text = "\0".join(values).encode(errors="surrogatepass")
        ends = np.empty(len(values), np.int64)
        if _LIBRARY.vectors_split(_bytes(text), _array(ends)):
            return cls(text, ends, codes, 1)
        coded = [value.encode(errors="surrogatepass") for value in values]  # there are NULs in them
        return cls(b"".join(coded), np.cumsum([len(value) for value in coded], dtype=np.int64), codes, 0)


@dataclass(frozen=True, slots=True, repr=False)
class Block:
    """`group`: those of the same fields, one behind the other. `start`, `width`: its columns. `key`: 16 bytes."""

    group: int
    tokeniser: str
    start: int
    width: int
    hashes: int
    unit: int
    key: bytes


class Tables:
    """What is known of some rows, the first `counted` of which, or all, tell how rare a token is. Fill every group,
    from as many threads as you like; then make rows, likewise.

    Everywhere ValueError says what does not fit.
    """

    def __init__(self, rows: int, width: int, groups: int, blocks: Sequence[Block], counted: int | None = None) -> None:
        specs = (_Block * len(blocks))()
        for spec, b in zip(specs, blocks, strict=True):
            numbers = (b.group, TOKENISERS[b.tokeniser], b.start, b.width, b.hashes, b.unit)
            spec.group, spec.tokeniser, spec.start, spec.width, spec.hashes, spec.unit = numbers
            spec.key[:] = _words(b.key)
        self._tables = _LIBRARY.vectors_begin(
            rows, rows if counted is None else counted, width, groups, len(blocks), specs
        )
        ctypes.memset(specs, 0, ctypes.sizeof(specs))
        if not self._tables:
            raise ValueError("blocks: wrong size, or no memory")
        self.width = width
        self._groups = [block.group for block in blocks]
        self._kept: list[Array] = []  # the codes of rows are read in place

    def fill(self, group: int, columns: Sequence[Texts], keys: Sequence[Sequence[bytes]] = ()) -> None:
        """Tokenise and hash. One field: for each block its column, which differ in their texts alone. Several: the
        column of each field, whose values make one token together, and for each block the keys that hash them.
        """
        blocks, fields = self._groups.count(group), len(keys[0]) if keys else 1
        if len(columns) != (fields if keys else blocks):
            raise ValueError("columns: wrong number")
        if keys and (len(keys) != blocks or fields < 2 or any(len(of) != fields for of in keys)):
            raise ValueError("keys: wrong number")
        if any(c.ends.dtype != np.int64 or c.codes.dtype != np.int32 for c in columns):
            raise ValueError("columns: wrong type")
        given = (_Column * len(columns))(
            *(_Column(_bytes(c.text), _array(c.ends), _array(c.codes), c.gap) for c in columns)
        )
        words = np.array([_words(key) for of in keys for key in of], np.uint64)
        self._kept += [column.codes for column in columns]
        _check(_LIBRARY.vectors_fill(self._open(), group, fields, given, words.ctypes.data))
        words[:] = 0

    def left(self, rows: Rows, out: NDArray[np.uint8]) -> None:
        """Rows without weights into `out`, of shape (rows, width)."""
        _check(_LIBRARY.vectors_left(self._open(), _numbers(rows), self._answer(rows, out, np.uint8)))

    def weigh(self, users: Array, rows: int) -> Weighted:
        """For so many rows with weights; `users`, of type USER, in units of 2^-FACTOR_BITS."""
        return Weighted(self, _LIBRARY.vectors_weigh(self._open(), _users(users), len(users), rows))

    def agree(self, rows: Rows, other: Tables, other_rows: Rows, users: Array) -> NDArray[np.int64]:
        """How each pair of a left row and another's right one agrees in each block: see `vectors_agree`."""
        found = np.zeros((len(rows), len(users)), np.int64)
        arrays = _numbers(rows), _numbers(other_rows), _array(found)
        _check(_LIBRARY.vectors_agree(self._open(), other._open(), _users(users), len(users), *arrays))
        return found

    def close(self) -> None:
        """Overwrite what is known. May be called twice, but not while another thread works with it."""
        tables, self._tables = self._tables, None
        _LIBRARY.vectors_end(tables)
        self._kept = []

    def __del__(self) -> None:
        """As close."""
        if getattr(self, "_tables", None):
            self.close()

    def _open(self) -> int:
        if not self._tables:
            raise ValueError("closed")
        return int(self._tables)

    def _answer(self, rows: Rows, out: Array, kind: type) -> _Array:
        if out.dtype != kind or out.shape != (len(rows), self.width) or not out.flags.writeable:
            raise ValueError("answer: wrong layout")
        return _array(out)


class Weighted:
    """Rows with weights, from as many threads as you like, while the tables are open."""

    def __init__(self, tables: Tables, weighted: int | None) -> None:
        self._tables, self._weighted, self._each = tables, weighted, 128  # values of a row, about
        if not weighted:
            raise ValueError("weights: wrong size or values, or no memory")

    def packed(self, rows: NDArray[np.integer[Any]]) -> Packed:
        """These rows."""
        self._tables._open()
        numbers, wrong = np.ascontiguousarray(rows, np.int64), b"room"
        places, spare = np.empty(len(rows) + 1, np.int64), _LIBRARY.vectors_spare(self._weighted)
        while wrong == b"room":
            room = len(rows) * self._each + spare
            columns, values = np.empty(room, np.uint16), np.empty(room, np.int8)
            given = _numbers(numbers), _array(columns), _array(values), _array(places)
            wrong = _LIBRARY.vectors_right(self._weighted, *given)
            self._each *= 1 + (wrong == b"room")
        _check(wrong)
        columns.resize(places[-1], refcheck=False)  # in place, where a copy would take as long as some columns
        values.resize(places[-1], refcheck=False)
        return Packed(columns, values, places)

    def __del__(self) -> None:
        """Overwrite what weights made of the values."""
        _LIBRARY.vectors_weighed_end(self._weighted)


def cut(tokeniser: str, value: str) -> list[str]:
    """For tests: the tokens of a value."""
    text = value.encode(errors="surrogatepass")
    out = np.zeros(64 + 64 * len(text), np.uint8)
    used = _LIBRARY.vectors_cut(TOKENISERS[tokeniser], _bytes(text), _array(out))
    found, at = [], 0
    while at < used:
        end = at + 4 + int(out[at : at + 4].view(np.uint32)[0])
        found.append(out[at + 4 : end].tobytes().decode(errors="surrogatepass"))
        at = end
    return found


def hashes(key: bytes, values: Sequence[str]) -> NDArray[np.uint64]:
    """SipHash-2-4 of each value's UTF-8 with a key of 16 bytes; 0 for an empty one."""
    if not values:
        return np.empty(0, np.uint64)
    texts, found = Texts.of(values, np.empty(0, np.int32)), np.empty(len(values), np.uint64)
    words = (ctypes.c_uint64 * 2)(*_words(key))
    if not _LIBRARY.vectors_hashes(words, _bytes(texts.text), _array(texts.ends), texts.gap, _array(found)):
        raise ValueError("values: wrong size")
    ctypes.memset(words, 0, ctypes.sizeof(words))
    return found


def siphash(key: bytes, message: bytes) -> int:
    """For tests: SipHash-2-4 with a key of 16 bytes."""
    return int(_LIBRARY.vectors_hash((ctypes.c_uint64 * 2)(*_words(key)), _bytes(message)))


def _words(key: bytes) -> list[int]:
    if len(key) != 16:
        raise ValueError("key: wrong size")
    return [int.from_bytes(key[at : at + 8], "little") for at in (0, 8)]


def _bytes(text: bytes) -> _Array:
    return _Array(ctypes.cast(ctypes.c_char_p(text), ctypes.c_void_p), len(text))


def _array(array: Array) -> _Array:
    if not array.flags.c_contiguous:
        raise ValueError("contiguous: wrong layout")
    return _Array(array.ctypes.data, array.nbytes)


def _numbers(rows: Rows) -> _Array:
    if rows.dtype != np.int64 or rows.ndim != 1:
        raise ValueError("rows: wrong type")
    return _array(rows)


def _users(users: Array) -> int:
    if users.dtype != USER or users.ndim != 1 or not users.flags.c_contiguous:
        raise ValueError("users: wrong type")
    return int(users.ctypes.data)


def _check(wrong: bytes | None) -> None:
    if wrong is not None:
        raise ValueError(f"{wrong.decode()}: wrong size or values")
