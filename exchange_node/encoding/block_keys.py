"""Keys of records: two records that share one are worth comparing.

A key joins parts of one or several fields under a keyed hash, so that it says nothing to who lacks the linkage key;
equal keys still show that two records of a file agree, which is why they stay with the party that made them.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Mapping, Sequence
from itertools import combinations

import numpy as np
from numpy.typing import NDArray

from exchange_node.encoding.vector_tokens import district, number_word, sector, soundex
from exchange_node.kernels import vectors as native
from exchange_node.kernels.cores import for_each
from exchange_node.records.columns import Columns

Part = tuple[str, str]
"""A field and what of it."""
Key = tuple[Part, ...]
Hashes = NDArray[np.uint32]
Rows = NDArray[np.integer]
Take = Callable[[str], str]
NAMES_EITHER_WAY = "names-either-way"


class Parts:
    """Keyed hashes of parts of one register's values: SipHash-2-4 (Aumasson and Bernstein 2012) of the part's UTF-8.

    Each is made when a row that has it is first asked for.
    """

    def __init__(self, columns: Columns, secret: bytes) -> None:
        self._columns = columns
        self._key = hashlib.blake2b(b"block key", key=secret, digest_size=16).digest()
        self._hashes: dict[tuple[str, Take], tuple[NDArray[np.uint64], NDArray[np.bool_]]] = {}

    def of(self, part: Part, rows: Rows) -> NDArray[np.uint64]:
        """Of these rows; 0 where it is missing."""
        field, what = part
        if what != NAMES_EITHER_WAY:
            return self._of(field, _PARTS[self._columns[field].kind][what], rows)
        one, two = (self._of(name, soundex, rows) for name in ("forename", "surname"))
        return np.where((one != 0) & (two != 0), one + two, np.uint64(0))

    def _of(self, field: str, take: Take, rows: Rows) -> NDArray[np.uint64]:
        column = self._columns[field]
        codes = column.codes[rows]
        if (field, take) not in self._hashes:
            self._hashes[field, take] = np.zeros(len(column.values), np.uint64), np.zeros(len(column.values), np.bool_)
        hashes, known = self._hashes[field, take]
        wanted = np.zeros(len(known), np.bool_)
        wanted[codes] = True
        numbers = np.flatnonzero(wanted & ~known)
        values = map(column.values.__getitem__, numbers.tolist())
        hashes[numbers] = native.hashes(self._key, [take(value) if value else "" for value in values])
        known[numbers] = True
        return hashes[codes]


def block_keys(parts: Parts, keys: Sequence[Key], rows: Rows) -> Hashes:
    """The hash of each key of each of these rows, shape (keys, rows); 0 where a part of it is missing."""
    hashes = {part: parts.of(part, rows) for part in dict.fromkeys(part for key in keys for part in key)}
    found = np.zeros((len(keys), len(rows)), np.uint32)

    def join(at: int) -> None:
        joined = np.full(len(rows), np.uint64(at + 1))
        known = np.ones(len(rows), np.bool_)
        for part in keys[at]:
            known &= hashes[part] != 0
            joined = _mix(joined * np.uint64(0x9E3779B97F4A7C15) + hashes[part])
        found[at] = np.maximum((joined >> np.uint64(32)).astype(np.uint32), np.uint32(1)) * known

    for_each(join, len(keys))
    return found


def possible_keys(kinds: Sequence[tuple[str, str]]) -> list[Key]:
    """Every key worth trying for these fields, (name, kind): a strong part alone, or two parts of different fields."""
    parts = [(name, part) for name, kind in kinds for part in _PARTS.get(kind, {})]
    if {"forename", "surname"} <= {name for name, _ in kinds}:
        parts.append(("forename", NAMES_EITHER_WAY))
    keys: list[Key] = [(part,) for part in parts if part[1] in _ALONE]
    keys += [pair for pair in combinations(parts, 2) if pair[0][0] != pair[1][0]]
    return keys


def _of_date(text: str, *parts: slice) -> str:
    taken = [text[part] for part in parts]
    return "-".join(taken) if all(part.strip("0") for part in taken) else ""


_YEAR, _MONTH, _DAY = slice(0, 4), slice(5, 7), slice(8, 10)
_PARTS: Mapping[str, Mapping[str, Take]] = {
    "name": {
        "sound": lambda text: soundex(text.split()[0]),
        "beginning": lambda text: text[:4],
        "initial": lambda text: text[:1],
        "end": lambda text: text[::-1][:4],
        "last letter": lambda text: text[-1:],
    },
    "date": {
        "whole": lambda text: _of_date(text, _YEAR, _MONTH, _DAY),
        "year": lambda text: _of_date(text, _YEAR),
        "year and month": lambda text: _of_date(text, _YEAR, _MONTH),
        "year and day": lambda text: _of_date(text, _YEAR, _DAY),
        "month and day": lambda text: _of_date(text, _MONTH, _DAY),
    },
    "postcode": {
        "unit": lambda text: text,
        "sector": lambda text: sector(text)[0],
        "district": lambda text: district(text)[0],
    },
    "address": {
        "number and word": lambda text: next(iter(number_word(text)), ""),
        "last number and word": lambda text: next(iter(number_word(text)[::-1]), ""),
        "beginning": lambda text: text[:6],
        "whole": lambda text: text,
    },
    "place": {"whole": lambda text: text},
    "number": {"number": lambda text: text},
    "text": {"whole": lambda text: text, "beginning": lambda text: text[:4]},
    "sex": {"letter": lambda text: text},
}
_ALONE = frozenset(("whole", "unit", "number", "number and word", "beginning", "end", "sound", NAMES_EITHER_WAY))


def described(key: Key) -> str:
    """As it is shown in a plan."""
    return " + ".join(f"{field} {part}" for field, part in key)


def _mix(value: NDArray[np.uint64]) -> NDArray[np.uint64]:
    """The finaliser of SplitMix64 (Steele, Lea and Flood 2014), in place."""
    value ^= value >> np.uint64(30)
    value *= np.uint64(0xBF58476D1CE4E5B9)
    value ^= value >> np.uint64(27)
    value *= np.uint64(0x94D049BB133111EB)
    value ^= value >> np.uint64(31)
    return value
