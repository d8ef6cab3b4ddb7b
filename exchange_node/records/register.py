"""Registers read whole for linking: files, maps, standard forms and quality behind one call.

a, b = read_pair(Path("ours.csv"), Path("theirs.parquet"))
a.columns["surname"].values
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, Final

import numpy as np

from exchange_node.records.column_map import FULL_NAME, KINDS, SIDES, ColumnMap, read_maps
from exchange_node.records.columns import Column
from exchange_node.records.errors import RecordsError
from exchange_node.records.guess import Guess
from exchange_node.records.quality import Quality, Source, quality
from exchange_node.records.read_columns import FileColumns, read_columns
from exchange_node.records.reconcile import ONE_SIDED, reconcile
from exchange_node.records.standard_columns import Findings, standard_columns
from exchange_node.records.subjects import guess_all


@dataclass(frozen=True, slots=True, repr=False)
class Register:
    """One file, read and standardised. `columns`: by field name, the same fields in the same order on both sides of a
    pair; `map`: where they come from; `report`: the quality of the file.
    """

    file: FileColumns
    map: ColumnMap
    columns: dict[str, Column]
    report: Quality

    @property
    def rows(self) -> int:
        """Rows of the file below its header, those that could not be read among them."""
        return self.file.rows

    def column(self, name: str) -> list[str]:
        """The raw cells of any column of the file, one for each row. Raises RecordsError("column-missing")."""
        if name not in self.file.columns:
            raise RecordsError("column-missing", name)
        return self.file.columns[name].all()

    def forget(self) -> None:
        """Let go of the raw cells; what was made of them stays."""
        self.file.columns.clear()

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
        (found,) = reconcile([file], [Guess(file, exclude)])
    columns, findings = _standard(file, found)
    for name in [name for name, column in columns.items() if name not in _KNOWN and _all_unlike(column)]:
        del columns[name]
        found = replace(
            found, ignored={**found.ignored, found.fields[name].columns[0]: "no two rows have the same value"}
        )
    return _register(file, found, columns, findings, _useful([columns]))


def read_pair(
    path_a: Path, path_b: Path, map_file: Path | None = None, exclude: frozenset[str] = frozenset()
) -> tuple[Register, Register]:
    """Two registers with the fields that both have. Raises as `read_one`."""
    a, b = read_several((path_a, path_b), map_file, exclude)
    return a, b


def read_several(
    paths: Sequence[Path], map_file: Path | None = None, exclude: frozenset[str] = frozenset()
) -> tuple[Register, ...]:
    """Two registers or more, at most as many as SIDES has letters, with the fields that all have. Raises as `read_one`,
    and RecordsError("map") for a map that leaves one out.
    """
    with ThreadPoolExecutor(2) as pool:
        files = list(pool.map(read_columns, paths))
    if map_file is not None:
        read = read_maps(map_file)
        if missing := [side for side in SIDES[: len(files)] if side not in read]:
            raise RecordsError("map", f"{missing[0]} is missing")
        maps = tuple(read[side] for side in SIDES[: len(files)])
        for side, found, file in zip(SIDES, maps, files, strict=False):
            found.check(_without(file, exclude), side)
    else:
        maps = reconcile(files, guess_all(files, exclude))
    standard = [_standard(file, found) for file, found in zip(files, maps, strict=True)]
    for at in _turned(maps, [columns for columns, _ in standard]):
        standard[at] = _standard(files[at], maps[at], turned=True)
    names = _useful([columns for columns, _ in standard])
    return tuple(
        _register(file, found, columns, findings, names)
        for file, found, (columns, findings) in zip(files, maps, standard, strict=True)
    )


def _useful(sides: list[dict[str, Column]]) -> list[str]:
    """The fields that all sides have, without those that are empty on one. Middle names that only a few double
    forenames gave are not worth a field.
    """
    found = []
    for name in sides[0]:
        if all(name in side and len(side[name].values) > 1 for side in sides):
            filled = min(float((side[name].codes > 0).mean()) for side in sides)
            if name != "middle_names" or filled >= 0.01:
                found.append(name)
    return found


def _all_unlike(column: Column) -> bool:
    """Whether no value stands on two rows, so that it cannot tell who is the same."""
    return int(np.bincount(column.codes, minlength=2)[1:].max(initial=0)) < 2


_KNOWN: Final = frozenset((*KINDS, FULL_NAME))


def _without(file: FileColumns, exclude: frozenset[str]) -> dict[str, Any]:
    return {name: column for name, column in file.columns.items() if name not in exclude}


def _standard(file: FileColumns, found: ColumnMap, turned: bool = False) -> tuple[dict[str, Column], Findings]:
    findings = Findings()
    return standard_columns(file.columns, found, findings, turned), findings


def _turned(maps: Sequence[ColumnMap], sides: Sequence[Mapping[str, Column]]) -> list[int]:
    """The files whose whole names begin with the half that stands last in another file's: its names tell it, where
    they are none of the common ones.
    """
    whole = [FULL_NAME in found.fields for found in maps]
    sure = next((at for at, found in enumerate(whole) if not found), 0)
    return [at for at, found in enumerate(whole) if found and at != sure and _crossed(sides[at], sides[sure])]


def _crossed(ours: Mapping[str, Column], theirs: Mapping[str, Column]) -> bool:
    """Whether forenames are rather the other file's surnames, and surnames its forenames."""
    names = ("forename", "surname")
    if not all(name in side for name in names for side in (ours, theirs)):
        return False
    forename, surname = (set(ours[name].values[1:]) for name in names)
    their_forename, their_surname = (set(theirs[name].values[1:]) for name in names)
    straight = _common(forename, their_forename) + _common(surname, their_surname)
    return _common(forename, their_surname) + _common(surname, their_forename) > straight


def _common(ours: set[str], theirs: set[str]) -> float:
    return len(ours & theirs) / max(min(len(ours), len(theirs)), 1)


def _register(
    file: FileColumns, found: ColumnMap, columns: Mapping[str, Column], findings: Findings, names: list[str]
) -> Register:
    """The register with some of its fields; the others are listed as ignored. Raises RecordsError("fields-none")."""
    if not names:
        raise RecordsError("fields-none", file.path.name)
    kept = {
        name: source
        for name, source in found.fields.items()
        if name in names or (name == FULL_NAME and {"forename", "middle_names", "surname"}.intersection(names))
    }
    dropped = {
        column: ONE_SIDED for name, source in found.fields.items() if name not in kept for column in source.columns
    }
    used = {column for source in kept.values() for column in source.columns}
    rest = {column: "no field names it" for column in file.columns if column not in used}
    found = ColumnMap(kept, rest | {name: why for name, why in (dropped | dict(found.ignored)).items() if name in rest})
    wanted = {name: columns[name] for name in names}
    source = Source(file.path.name, file.rows, file.skipped, file.damaged, file.notes)
    return Register(file, found, wanted, quality(source, found, wanted, findings.written, findings.broken))
