"""A Parquet file as columns of text."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path
from typing import Any, Final

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from exchange_node.records.errors import RecordsError
from exchange_node.records.texts import CODED, RawColumns, Texts, unique_names

_BATCH: Final = 50_000


def read_parquet(path: Path) -> RawColumns:
    """Everything in the file that can be text: whole floats as integers (pandas writes ids so), dates and times as ISO
    8601. A column of structures is one for each of its parts, `name.first`; columns of lists and the like are left out.

    Raises RecordsError: file-empty, file-format.
    """
    names, columns, notes = [], [], ["Parquet"]
    try:
        with pq.ParquetFile(path) as file:
            for at, top in enumerate(file.schema_arrow):
                for name, place, kind in _parts(top, top.name, []):
                    found = _column(file, top.name, place, kind)
                    if found is None:
                        notes.append(f"column {at + 1} holds no text and is left out")
                    else:
                        names.append(name)
                        columns.append(found)
            rows: int = file.metadata.num_rows
    except (pa.ArrowException, UnicodeError, OSError):
        raise RecordsError("file-format", f"{path}: not a Parquet file that can be read") from None
    if not columns:
        raise RecordsError("file-empty", str(path))
    return RawColumns(unique_names(names), columns, rows, {}, notes)


def _parts(field: Any, name: str, place: list[int]) -> Iterator[tuple[str, list[int], Any]]:
    """(name, place within the column, type) of a column, or of each part of one of structures."""
    if pa.types.is_struct(field.type):
        for at, part in enumerate(field.type):
            yield from _parts(part, f"{name}.{part.name}", [*place, at])
    else:
        yield name, place, field.type.value_type if pa.types.is_dictionary(field.type) else field.type


def _column(file: Any, column: str, place: list[int], kind: Any) -> Texts | None:
    """One column or part of one, or None if its cells are no texts."""
    if pa.types.is_nested(kind):
        return None
    chunks = []
    for row_group in range(file.metadata.num_row_groups):
        for batch in file.iter_batches(batch_size=_BATCH, row_groups=[row_group], columns=[column]):
            cells = batch.column(0)
            chunks.append(_texts(pc.struct_field(cells, place) if place else cells, kind))
            if chunks[-1] is None:
                return None
    return Texts.of_dictionary(pa.chunked_array(chunks, CODED))


def _texts(cells: Any, kind: Any) -> Any:
    if pa.types.is_floating(kind):
        with suppress(pa.ArrowInvalid):
            cells = cells.cast(pa.int64())
    elif pa.types.is_timestamp(kind):
        cells = cells.cast(pa.timestamp("s"), safe=False)
    try:
        return cells.cast(pa.string()).dictionary_encode()
    except (pa.ArrowNotImplementedError, pa.ArrowInvalid):
        return None
