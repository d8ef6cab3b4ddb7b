"""The cells of one column of a file as they stand there: each distinct text once, and a code for each row."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Final, NamedTuple

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

from exchange_node.records.errors import RecordsError

MAX_CELL: Final = 10_000  # characters; a longer cell is taken as missing
MAX_COLUMNS: Final = 1000
CODED: Final = pa.dictionary(pa.int32(), pa.string())


@dataclass(frozen=True, slots=True, repr=False)
class Texts:
    """One column. `values`: the distinct texts, a pyarrow array of strings whose first is always ""; `codes`, shape
    (rows,), int32: for each row the index of its text.
    """

    values: Any
    codes: NDArray[np.int32]

    def __len__(self) -> int:
        return len(self.codes)

    def __repr__(self) -> str:
        """Nothing of the people."""
        return f"Texts({len(self.values)} values)"

    def counts(self) -> NDArray[np.int64]:
        """How many rows have each value, shape (values,)."""
        return np.bincount(self.codes, minlength=len(self.values)).astype(np.int64)

    def distinct(self) -> list[str]:
        """The distinct texts in the order of the codes."""
        found: list[str] = self.values.to_pylist()
        return found

    def at(self, rows: NDArray[np.integer]) -> list[str]:
        """The texts of some rows."""
        found: list[str] = self.values.take(pa.array(self.codes[rows])).to_pylist()
        return found

    def all(self) -> list[str]:
        """The text of every row."""
        return self.at(np.arange(len(self.codes)))

    @classmethod
    def of_dictionary(cls, chunks: Any) -> Texts:
        """From a chunked array of dictionary-encoded strings; null is "" too."""
        chunks = chunks.unify_dictionaries()
        values = chunks.chunk(0).dictionary if chunks.num_chunks else pa.array([], pa.string())
        nulls = chunks.null_count > 0
        parts = [
            (pc.fill_null(chunk.indices, -1) if nulls else chunk.indices).to_numpy(zero_copy_only=False)
            for chunk in chunks.chunks
        ]
        codes = np.concatenate(parts).astype(np.int32, copy=False) if parts else np.empty(0, np.int32)
        return cls.of_codes(values, codes)

    @classmethod
    def of_codes(cls, values: Any, codes: NDArray[np.int32]) -> Texts:
        """From distinct strings in any order and the index of each row's; -1 and a null string are "" too."""
        values = pc.fill_null(values, "")
        empty = np.flatnonzero(pc.binary_length(values).to_numpy(zero_copy_only=False) == 0)
        keep = np.ones(len(values), bool)
        keep[empty] = False
        places = np.zeros(len(values) + 1, np.int32)  # the last is that of -1
        places[:-1][keep] = np.arange(1, keep.sum() + 1, dtype=np.int32)
        values = pa.concat_arrays([pa.array([""], values.type), values.filter(pa.array(keep))])
        return cls(values, places[codes])

    @classmethod
    def of(cls, texts: list[str]) -> Texts:
        """From one text for each row."""
        encoded = pa.array(texts, pa.string()).dictionary_encode()
        return cls.of_dictionary(pa.chunked_array([encoded]))

    def spread(self, places: NDArray[np.integer], rows: int) -> Texts:
        """The same cells at the rows `places` of a longer column; "" in the others."""
        codes = np.zeros(rows, np.int32)
        codes[places] = self.codes
        return Texts(self.values, codes)

    def unreadable(self) -> dict[str, NDArray[np.int64]]:
        """The codes of cells that are no text of a person, by rule: cell-nul and cell-too-long."""
        lengths = pc.utf8_length(self.values).to_numpy(zero_copy_only=False)
        nul = pc.match_substring(self.values, "\0").to_numpy(zero_copy_only=False)
        found = {"cell-too-long": np.flatnonzero(lengths > MAX_CELL), "cell-nul": np.flatnonzero(nul)}
        return {rule: codes for rule, codes in found.items() if len(codes)}

    def without_formulas(self) -> Texts:
        """The same with cells such as `="00123"`, which keep a spreadsheet from counting, as what they show."""
        if not pc.any(pc.starts_with(self.values, '="')).as_py():
            return self
        shown = pc.replace_substring_regex(self.values, r'^="(.*)"$', r"\1").dictionary_encode()
        return Texts.of_codes(shown.dictionary, shown.indices.to_numpy(zero_copy_only=False)[self.codes])

    def without_decimals(self) -> Texts:
        """The same with whole numbers for `1.00`, as statistics packages and databases write them, and without the
        numbers below zero by which they mean a missing one.
        """
        form = r"^\s*(-?\d+)\.0+\s*$"
        whole = pc.match_substring_regex(self.values, form)
        values = self.values
        if len(values) > 1 and pc.sum(whole).as_py() > 0.9 * (len(values) - 1):
            values = pc.replace_substring_regex(values, form, r"\1")
        below = pc.match_substring_regex(values, r"^\s*-(\d|9{2,4})\s*$")
        if values is self.values and not pc.any(below).as_py():
            return self
        shown = pc.if_else(below, "", values).dictionary_encode()
        return Texts.of_codes(shown.dictionary, shown.indices.to_numpy(zero_copy_only=False)[self.codes])

    def without(self, codes: NDArray[np.integer]) -> Texts:
        """The same with the cells of some codes as missing."""
        places = np.arange(len(self.values), dtype=np.int32)
        places[codes] = 0
        kept = pc.if_else(pa.array(np.isin(np.arange(len(self.values)), codes)), "", self.values)
        return Texts.of_codes(kept, places[self.codes])


class RawColumns(NamedTuple):
    """What was read of a file: a `Texts` for each name; `skipped`: rows that could not be read, by rule."""

    names: list[str]
    columns: list[Texts]
    rows: int
    skipped: dict[str, int]
    notes: list[str]


def unique_names(names: Sequence[str]) -> list[str]:
    """Every name once: a doubled one gets a number, one without letters is called by its place.

    Raises RecordsError("file-format") for more than `MAX_COLUMNS`.
    """
    if len(names) > MAX_COLUMNS:
        raise RecordsError("file-format", f"more than {MAX_COLUMNS} columns")
    found: list[str] = []
    for at, name in enumerate(names, 1):
        plain = " ".join(name.replace("\0", "").split())[:200] or f"column_{at}"
        unique, number = plain, 2
        while unique in found:
            unique, number = f"{plain}_{number}", number + 1
        found.append(unique)
    return found
