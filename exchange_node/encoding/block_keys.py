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
from exchange_node.kernels.cores import for_each
from exchange_node.records.columns import Column, Columns

Part = tuple[str, str]
"""A field and what of it."""
Key = tuple[Part, ...]
Hashes = NDArray[np.uint32]
NAMES_EITHER_WAY = "names-either-way"


def block_keys(columns: Columns, keys: Sequence[Key], secret: bytes) -> Hashes:
    """The hash of each key of each row, shape (keys, rows); 0 where a part of it is missing."""
    parts = {part: _part(columns, part, secret) for part in dict.fromkeys(part for key in keys for part in key)}
    rows = len(next(iter(columns.values())))
    found = np.zeros((len(keys), rows), np.uint32)

    def join(at: int) -> None:
        joined = np.full(rows, np.uint64(at + 1))
        known = np.ones(rows, np.bool_)
        for part in keys[at]:
            known &= parts[part] != 0
            joined = _mix(joined * np.uint64(0x9E3779B97F4A7C15) + parts[part])
        found[at] = np.maximum((joined >> np.uint64(32)).astype(np.uint32), np.uint32(1)) * known

    for_each(join, len(keys))
    return found


def possible_keys(kinds: Sequence[tuple[str, str]]) -> list[Key]:
    """Every key worth trying for these fields, (name, kind): a strong part alone, or two parts of different fields."""
    parts = [(name, part) for name, kind in kinds for part in _PARTS.get(kind, {})]
    strong = [part for part in parts if part[1] in _ALONE]
    names = {name for name, _ in kinds}
    keys: list[Key] = [(part,) for part in strong]
    if {"forename", "surname"} <= names:
        parts.append(("forename", NAMES_EITHER_WAY))
    keys += [pair for pair in combinations(parts, 2) if pair[0][0] != pair[1][0]]
    return keys


def _part(columns: Columns, part: Part, secret: bytes) -> NDArray[np.uint64]:
    field, what = part
    if what == NAMES_EITHER_WAY:
        one, two = (_of_values(columns[name], soundex, secret) for name in ("forename", "surname"))
        return np.where((one != 0) & (two != 0), one + two, np.uint64(0))
    column = columns[field]
    return _of_values(column, _PARTS[column.kind][what], secret)


def _of_values(column: Column, take: Callable[[str], str], secret: bytes) -> NDArray[np.uint64]:
    used = np.zeros(len(column.values), np.bool_)
    used[column.codes] = True  # of some rows' column, few of its values
    numbers = np.flatnonzero(used)
    values = map(column.values.__getitem__, numbers.tolist())
    texts = [take(value) if value else "" for value in values]
    keyed = hashlib.blake2b(key=hashlib.blake2b(b"block key", key=secret, digest_size=32).digest(), digest_size=8)
    digests = {text: _digest(keyed, text) for text in set(texts)}  # many values have the same part
    hashes = np.zeros(len(column.values), np.uint64)
    hashes[numbers] = np.frombuffer(b"".join(map(digests.__getitem__, texts)), "<u8")
    return hashes[column.codes]


def _digest(keyed: hashlib.blake2b, text: str) -> bytes:
    """Eight bytes of keyed BLAKE2b (RFC 7693); zeros for what is missing."""
    if not text:
        return bytes(8)
    one = keyed.copy()
    one.update(text.encode())
    return one.digest()


def _of_date(text: str, *parts: slice) -> str:
    taken = [text[part] for part in parts]
    return "" if any(set(part) == {"0"} for part in taken) else "-".join(taken)


_YEAR, _MONTH, _DAY = slice(0, 4), slice(5, 7), slice(8, 10)
_PARTS: Mapping[str, Mapping[str, Callable[[str], str]]] = {
    "name": {
        "sound": lambda text: soundex(text.split()[0]),
        "beginning": lambda text: text[:4],
        "initial": lambda text: text[:1],
        "end": lambda text: text[::-1][:4],
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
    "sex": {},
}
_ALONE = frozenset(("whole", "unit", "number", "number and word", "beginning", "end", "sound"))


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
