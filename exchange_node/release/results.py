"""The analyst's table (PROTOCOL step 9): one line for every row of the cohort, whatever came of it.

A row without a release is an empty line. Whether it was not linked, linked and not released, or is unknown to
the provider, the requester's node does not know, and so no file can show it.
"""

from __future__ import annotations

import csv
import io
import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date
from pathlib import Path
from typing import BinaryIO, cast

import pyarrow as pa
import pyarrow.parquet as pq

from exchange_node.release.columns import Boolean, Column, Date, Integer, Value, check_columns
from exchange_node.release.errors import ReleaseError
from exchange_node.release.files import FileDigest, digest, private_file, private_files
from exchange_node.release.layout import LINK_ID, Row
from exchange_node.release.provenance import Provenance, provenance_text
from exchange_node.release.transforms import Raw, day_of

KEY = "cohort_row"  # the column of the agency's own ids
_BATCH = 65_536
# OWASP's list for CSV injection, with the full-width forms; the apostrophe itself, so that the first one
# always is ours.
_FORMULA = ("=", "+", "-", "@", "'", "\t", "\r", "\n", "\uff1d", "\uff0b", "\uff0d", "\uff20")

_SURROGATE = re.compile("[\ud800-\udfff]")

Cells = tuple[Value | None, ...]


@dataclass(frozen=True, slots=True)
class Table:
    """`keys`: the agency's own ids in the cohort's order. `released`: place in `keys` -> cells in the
    columns' order.

    The repr shows neither.
    """

    columns: tuple[Column, ...]
    keys: Sequence[str] = field(repr=False)
    released: dict[int, Cells] = field(repr=False)

    def lines(self) -> Iterator[tuple[str, Cells]]:
        """(own id, cells) of every cohort row; None is an empty cell."""
        nothing: Cells = (None,) * len(self.columns)
        for place, key in enumerate(self.keys):
            yield key, self.released.get(place, nothing)


def join(rows: Iterable[Row], cohort: Iterable[tuple[str, bytes]], columns: Sequence[Column]) -> Table:
    """The table of a release. `cohort`: (own id, link id) of every row that was asked about, in the order
    wanted.

    Raises ReleaseError `bad-cohort` for ids that repeat or are malformed, `unknown-link` for a row of the
    release that is none of the cohort's, `repeated-link` for two rows of one link id, `bad-value`.
    """
    columns = check_columns(columns)
    keys: list[str] = []
    places: dict[bytes, int] = {}
    for place, (key, link_id) in enumerate(cohort):
        if len(link_id) != LINK_ID or places.setdefault(link_id, place) != place:
            raise ReleaseError("bad-cohort", f"row {place + 1}: link id repeats or is not {LINK_ID} bytes")
        if not key or _SURROGATE.search(key):
            raise ReleaseError("bad-cohort", f"row {place + 1}: the agency's own id is empty or no valid text")
        keys.append(key)
    if len(set(keys)) != len(keys):
        raise ReleaseError("bad-cohort", "an id of the agency's own repeats")
    released: dict[int, Cells] = {}
    for row in rows:
        found = places.get(row.link_id)
        if found is None:
            raise ReleaseError("unknown-link")
        if found in released:
            raise ReleaseError("repeated-link")
        released[found] = _cells(row.values, columns, found + 1)
    return Table(columns, keys, released)


def restore(columns: Sequence[Column], keys: Sequence[str], released: Iterable[tuple[int, Sequence[object]]]) -> Table:
    """A table from its parts as JSON keeps them, dates as YYYY-MM-DD: place in `keys` -> cells, None for
    empty.

    Raises ReleaseError `bad-column`, or `bad-value` for a cell or a place that `join` would not have made.
    """
    columns = check_columns(columns)
    found: dict[int, Cells] = {}
    for place, cells in released:
        if type(place) is not int or not 0 <= place < len(keys) or place in found or len(cells) != len(columns):
            raise ReleaseError("bad-value", "a released row has no place in the cohort, or not the agreed columns")
        values = {
            column.name: day_of(cast(Raw, cell)) or cell if isinstance(column.type, Date) else cell
            for column, cell in zip(columns, cells, strict=True)
            if cell is not None
        }
        found[place] = _cells(values, columns, place + 1)
    return Table(columns, keys, found)


def _cells(values: Mapping[str, object], columns: Sequence[Column], number: int) -> Cells:
    """The cells in the columns' order. Checked again, so that no writer can fail over a value and show it."""
    cells = []
    for column in columns:
        value = values.get(column.name)
        if value is not None and column.type.encode(value) is None:
            raise ReleaseError("bad-value", f"row {number}, {column.name}: must be {column.type.rule}")
        cells.append(cast(Value | None, value))
    return tuple(cells)


def write_csv(table: Table, path: Path, overwrite: bool = False) -> FileDigest:
    """UTF-8 CSV (RFC 4180), safe to open in a spreadsheet. Raises ReleaseError `file-exists`,
    `cannot-write`."""
    with private_file(path, overwrite) as handle:
        _csv(table, handle)
        return digest(path.name, handle)


def write_parquet(table: Table, path: Path, overwrite: bool = False) -> FileDigest:
    """Parquet, texts unchanged. Raises ReleaseError `file-exists`, `cannot-write`."""
    with private_file(path, overwrite) as handle:
        _parquet(table, handle)
        return digest(path.name, handle)


def export(table: Table, folder: Path, name: str, facts: Provenance, overwrite: bool = False) -> list[Path]:
    """Writes `<name>.csv`, `<name>.parquet` and, with the digests of both, `<name>.provenance.json`: all or
    none.

    Raises ReleaseError `file-exists`, `cannot-write`.
    """
    paths = [folder / f"{name}{suffix}" for suffix in (".csv", ".parquet", ".provenance.json")]
    with private_files(paths, overwrite) as (csv_file, parquet_file, facts_file):
        _csv(table, csv_file)
        _parquet(table, parquet_file)
        files = [digest(paths[0].name, csv_file), digest(paths[1].name, parquet_file)]
        facts_file.write(provenance_text(facts, table.columns, files))
    return paths


def _csv(table: Table, handle: BinaryIO) -> None:
    text = io.TextIOWrapper(handle, encoding="utf-8", newline="", write_through=True)
    writer = csv.writer(text)
    writer.writerow([KEY, *(column.name for column in table.columns)])
    for key, cells in table.lines():
        writer.writerow([_harmless(key), *(_cell(value) for value in cells)])
    text.detach()


def _cell(value: Value | None) -> str:
    if value is None:
        return ""
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, date):
        return value.isoformat()
    return str(value) if isinstance(value, int) else _harmless(value)


def _harmless(text: str) -> str:
    """The text, after an apostrophe if a spreadsheet might take it for a formula."""
    return "'" + text if text.startswith(_FORMULA) or text.lstrip().startswith(_FORMULA) else text


def _arrow(column: Column) -> pa.DataType:
    match column.type:
        case Integer():
            return pa.int64()
        case Boolean():
            return pa.bool_()
        case Date():
            return pa.date32()
    return pa.string()


def schema(columns: Sequence[Column]) -> pa.Schema:
    """The Parquet schema: own id, then the columns in order, each with transform and description as
    metadata."""
    fields = [pa.field(KEY, pa.string(), nullable=False)]
    for column in columns:
        notes = {"transform": column.transform, "description": column.description}
        fields.append(pa.field(column.name, _arrow(column), metadata=notes))
    return pa.schema(fields)


def _parquet(table: Table, handle: BinaryIO) -> None:
    target = schema(table.columns)
    with pq.ParquetWriter(handle, target) as writer:
        batch: list[tuple[str, Cells]] = []
        for line in table.lines():
            batch.append(line)
            if len(batch) == _BATCH:
                writer.write_batch(_batch(batch, target))
                batch.clear()
        if batch:
            writer.write_batch(_batch(batch, target))


def _batch(lines: Sequence[tuple[str, Cells]], target: pa.Schema) -> pa.RecordBatch:
    columns = [[key for key, _ in lines], *map(list, zip(*(cells for _, cells in lines), strict=True))]
    arrays = [pa.array(values, field.type) for values, field in zip(columns, target, strict=True)]
    return pa.RecordBatch.from_arrays(arrays, schema=target)
