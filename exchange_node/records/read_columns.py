"""A whole CSV or Parquet file as columns of text, whoever wrote it: nothing of its form need be known beforehand.

A row is a record below the header, counted from 0: a line, or several where a quoted cell holds line breaks. A blank
line is no row. A row that cannot be read (wrong number of cells, quoting, length) keeps its number, has all cells
missing, and is counted by rule. A file without a header has its first line as row 0 and columns column_1, column_2, ...
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pyarrow.compute as pc

from exchange_node.records.errors import RecordsError
from exchange_node.records.read_csv import read_csv
from exchange_node.records.read_parquet import read_parquet
from exchange_node.records.texts import RawColumns, Texts


@dataclass(frozen=True, slots=True, repr=False)
class FileColumns:
    """A file in memory. `columns`: by name in the file's order; `skipped`: rows that could not be read, by rule;
    `damaged`: cells taken as missing, by column and rule; `notes`: what was made of the file's form, for people.
    """

    path: Path
    columns: dict[str, Texts]
    rows: int
    skipped: dict[str, int]
    damaged: dict[str, dict[str, int]]
    notes: tuple[str, ...]

    def __repr__(self) -> str:
        """Nothing of the people."""
        return f"FileColumns({self.rows} rows, {len(self.columns)} columns)"


def read_columns(path: Path) -> FileColumns:
    """Everything in the file. Raises RecordsError: file-missing, file-empty, file-format."""
    try:
        with open(path, "rb") as stream:
            magic = stream.read(4)
    except OSError:
        raise RecordsError("file-missing", str(path)) from None
    if magic[:2] in (b"PK", b"\x1f\x8b"):
        raise RecordsError("file-format", f"{path}: an archive or a workbook; save it as CSV first")
    return _tidy(path, read_parquet(path) if magic == b"PAR1" else read_csv(path))


def _tidy(path: Path, raw: RawColumns) -> FileColumns:
    """Lines that repeat the header and cells that are no text of a person become missing, and are counted."""
    columns = dict(zip(raw.names, raw.columns, strict=True))
    skipped = dict(raw.skipped)
    repeated = np.ones(raw.rows, bool)
    for name, column in columns.items():
        code = pc.index(column.values, name).as_py()
        repeated &= (column.codes == code) if code > 0 else False
    if repeated.any():
        skipped["row-header-repeated"] = int(repeated.sum())
        for column in columns.values():
            column.codes[repeated] = 0
    damaged: dict[str, dict[str, int]] = {}
    for name, column in columns.items():
        columns[name] = column = column.without_formulas().without_decimals()
        broken = column.unreadable()
        if broken:
            counts = column.counts()
            damaged[name] = {rule: int(counts[codes].sum()) for rule, codes in broken.items()}
            columns[name] = column.without(np.concatenate(list(broken.values())))
    return FileColumns(path, columns, raw.rows, skipped, damaged, tuple(raw.notes))
