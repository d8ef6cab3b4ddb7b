"""Registers read whole for linking: files, maps, standard forms and quality behind one call.

a, b = read_pair(Path("ours.csv"), Path("theirs.parquet"))
a.columns["surname"].values
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, Final

from exchange_node.records.column_map import FULL_NAME, KINDS, ColumnMap, read_maps
from exchange_node.records.columns import Column
from exchange_node.records.errors import RecordsError
from exchange_node.records.guess import Guess
from exchange_node.records.read_columns import FileColumns, read_columns
from exchange_node.records.reconcile import ONE_SIDED, reconcile
from exchange_node.records.standard_columns import Broken, standard_columns


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
        column: ONE_SIDED
        for name, source in register.map.fields.items()
        if name not in kept
        for column in source.columns
    }
    found = ColumnMap(kept, {**dropped, **register.map.ignored})
    return replace(register, columns=columns, map=found)
