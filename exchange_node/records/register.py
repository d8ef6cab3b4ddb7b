"""Registers read whole for linking: files, maps, standard forms and quality behind one call.

a, b = read_pair(Path("ours.csv"), Path("theirs.parquet"))
a.columns["surname"].values
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, Final

import numpy as np
import pyarrow.compute as pc

from exchange_node.records.column_map import FULL_NAME, KINDS, ColumnMap, Source, read_maps
from exchange_node.records.columns import Column, Kind
from exchange_node.records.errors import RecordsError
from exchange_node.records.guess import Guess
from exchange_node.records.read_columns import FileColumns, read_columns
from exchange_node.records.standard_columns import FIELD_ORDER, Broken, standard_columns

_ONE_SIDED: Final = "the other file has nothing like it"


@dataclass(frozen=True, slots=True, repr=False)
class Register:
    """One file, read and standardised. `columns`: by field name, the same fields in the same order on both sides of a
    pair; `map`: where they come from; `broken`: cells that break a rule, by field and rule.
    """

    file: FileColumns
    map: ColumnMap
    columns: dict[str, Column]
    broken: dict[str, dict[str, int]]

    @property
    def rows(self) -> int:
        """Rows of the file below its header, those that could not be read among them."""
        return self.file.rows

    def column(self, name: str) -> list[str]:
        """The raw cells of any column of the file, one for each row. Raises RecordsError("column-missing")."""
        if name not in self.file.columns:
            raise RecordsError("column-missing", name)
        return self.file.columns[name].all()

    def __repr__(self) -> str:
        """Nothing of the people."""
        return f"Register({self.rows} rows, {', '.join(self.columns)})"


def read_one(path: Path, map_file: Path | None = None, exclude: frozenset[str] = frozenset()) -> Register:
    """One register, to deduplicate. `exclude`: columns that are never used, such as a known truth.

    Raises RecordsError: those of `read_columns` and `read_maps`, map-column, fields-none.
    """
    file = read_columns(path)
    if map_file is not None:
        found = read_maps(map_file)["a"]
        found.check(_without(file, exclude), "a")
    else:
        found = Guess(file, exclude).map()
        alone = {name: source for name, source in found.fields.items() if name in _KNOWN or source.kind != "number"}
        found = replace(found, fields=alone)
    register = _register(file, found)
    return _only(register, list(register.columns))


def read_pair(
    path_a: Path, path_b: Path, map_file: Path | None = None, exclude: frozenset[str] = frozenset()
) -> tuple[Register, Register]:
    """Two registers with the fields that both have. Raises as `read_one`."""
    files = read_columns(path_a), read_columns(path_b)
    if map_file is not None:
        read = read_maps(map_file)
        if "b" not in read:
            raise RecordsError("map", "b is missing")
        for side, file in zip("ab", files, strict=True):
            read[side].check(_without(file, exclude), side)
        maps = read["a"], read["b"]
    else:
        maps = reconcile(files, (Guess(files[0], exclude), Guess(files[1], exclude)))
    a, b = (_register(file, found) for file, found in zip(files, maps, strict=True))
    both = [name for name in a.columns if name in b.columns]
    return _only(a, both), _only(b, both)


_KNOWN: Final = frozenset((*KINDS, FULL_NAME))


def _without(file: FileColumns, exclude: frozenset[str]) -> dict[str, Any]:
    return {name: column for name, column in file.columns.items() if name not in exclude}


def _register(file: FileColumns, found: ColumnMap) -> Register:
    broken = Broken()
    return Register(file, found, standard_columns(file.columns, found, broken), broken.counts)


def _only(register: Register, names: list[str]) -> Register:
    """The register with some of its fields; the others are listed as ignored."""
    columns = {name: register.columns[name] for name in names if len(register.columns[name].values) > 1}
    if not columns:
        raise RecordsError("fields-none")
    parts = {"forename", "middle_names", "surname"}
    kept = {
        name: source
        for name, source in register.map.fields.items()
        if name in columns or (name == FULL_NAME and parts & columns.keys())
    }
    dropped = {
        column: _ONE_SIDED
        for name, source in register.map.fields.items()
        if name not in kept
        for column in source.columns
    }
    found = ColumnMap(kept, {**dropped, **register.map.ignored})
    return replace(register, columns=columns, map=found)


def reconcile(files: tuple[FileColumns, FileColumns], guesses: tuple[Guess, Guess]) -> tuple[ColumnMap, ColumnMap]:
    """The maps of two files that are to be linked: own fields only where both have them and their values meet."""
    a, b = (guess.map() for guess in guesses)
    own = [name for name in a.fields if name not in _KNOWN and name in b.fields]
    fields: tuple[dict[str, Source], dict[str, Source]] = (
        {name: source for name, source in a.fields.items() if name in _KNOWN},
        {name: source for name, source in b.fields.items() if name in _KNOWN},
    )
    ignored: tuple[dict[str, str], dict[str, str]] = (dict(a.ignored), dict(b.ignored))
    for found, kept, side in zip((a, b), ignored, (0, 1), strict=True):
        for name, source in found.fields.items():
            if name not in _KNOWN and name not in own:
                kept[source.columns[0]] = _ONE_SIDED
        del side
    for name in own:
        sources = a.fields[name], b.fields[name]
        kinds = {source.kind for source in sources}
        kind: Kind = sources[0].kind if len(kinds) == 1 else "text"
        met = _meeting(files[0], sources[0].columns[0], files[1], sources[1].columns[0])
        for side in (0, 1):
            if met < _LEAST[kind]:
                ignored[side][sources[side].columns[0]] = "its values are not those of the other file"
            else:
                fields[side][name] = Source(sources[side].columns, kind)
    return ColumnMap(fields[0], ignored[0]), ColumnMap(fields[1], ignored[1])


_LEAST: Final[dict[str, float]] = {"number": 0.02, "text": 0.02, "place": 0.2, "date": 0.02}


def _meeting(file: FileColumns, column: str, other: FileColumns, theirs: str) -> float:
    """The share of the fewer distinct values that the other column has, too."""
    ours, others = (
        pc.unique(pc.utf8_lower(pc.utf8_trim_whitespace(found.columns[name].values)))
        for found, name in ((file, column), (other, theirs))
    )
    few, many = sorted((ours, others), key=len)
    return float(np.mean(pc.is_in(few, many).to_numpy(zero_copy_only=False))) if len(few) > 1 else 0.0


def fields_of(maps: Mapping[str, ColumnMap]) -> list[str]:
    """The fields of all maps, in the order in which they are shown."""
    names = dict.fromkeys(name for found in maps.values() for name in found.fields)
    return [*(name for name in FIELD_ORDER if name in names), *(name for name in names if name not in FIELD_ORDER)]
