"""A whole CSV or Parquet file as columns of text, whoever wrote it: nothing of its form need be known beforehand.

A row is a record below the header, counted from 0: a line, or several where a quoted cell holds line breaks. A blank
line is no row. A row that cannot be read (wrong number of cells, quoting, length) keeps its number, has all cells
missing, and is counted by rule. A file without a header has its first line as row 0 and columns column_1, column_2, ...

Speed and memory: pyarrow reads and dictionary-encodes in blocks. A file that it cannot read (quotes never closed, rows
longer than a block) is read again by the careful reader of `table`, several times slower and just as exact.
"""

from __future__ import annotations

import io
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final, TextIO

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.csv as pacsv
import pyarrow.parquet as pq

from exchange_node.records import sniff
from exchange_node.records.errors import RecordsError
from exchange_node.records.report import ReadReport
from exchange_node.records.table import first_row, rows_below
from exchange_node.records.texts import Texts

MAX_COLUMNS: Final = 1000
_BLOCK: Final = 8 << 20  # bytes
_SAMPLE: Final = 1 << 18  # characters
_BATCH: Final = 50_000
_MAX_BREAKS: Final = 64  # line breaks in one cell; more is taken for a quote that was never closed
_CODED: Final = pa.dictionary(pa.int32(), pa.string())


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
    """Everything in the file. Raises RecordsError: file-missing, file-empty, file-format, file-encoding."""
    try:
        with open(path, "rb") as stream:
            magic = stream.read(4)
    except OSError:
        raise RecordsError("file-missing", str(path)) from None
    return _read_parquet(path) if magic == b"PAR1" else _read_csv(path)


def _unique(names: Sequence[str]) -> list[str]:
    """Every name once: a doubled one gets a number, one without letters is called by its place."""
    found: list[str] = []
    for at, name in enumerate(names, 1):
        plain = " ".join(name.replace("\0", "").split())[:200] or f"column_{at}"
        unique, number = plain, 2
        while unique in found:
            unique, number = f"{plain}_{number}", number + 1
        found.append(unique)
    return found


@dataclass(frozen=True, slots=True)
class _Form:
    """How a CSV file is written."""

    path: Path
    encoding: str
    delimiter: str
    names: list[str]
    start: int  # characters before the first row

    @contextmanager
    def text(self) -> Iterator[TextIO]:
        """The file from its first row on."""
        with open(self.path, encoding=self.encoding, errors="replace", newline="") as stream:
            left = self.start
            while left:
                got = len(stream.read(min(left, 1 << 20)))
                if not got:
                    break
                left -= got
            yield stream


class _Utf8(io.RawIOBase):
    """A text stream as bytes in UTF-8, for pyarrow."""

    def __init__(self, stream: TextIO) -> None:
        self._stream = stream
        self._left = b""

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: Any) -> int:
        if not self._left:
            self._left = self._stream.read(1 << 20).encode("utf-8", "replace")
        taken = self._left[: len(buffer)]
        buffer[: len(taken)] = taken
        self._left = self._left[len(taken) :]
        return len(taken)


def _read_csv(path: Path) -> FileColumns:
    form, notes = _form(path)
    if len(form.names) > MAX_COLUMNS:
        raise RecordsError("file-format", f"more than {MAX_COLUMNS} columns")
    columns, rows, skipped = _quick(form) or _careful(form)
    return _tidy(path, dict(zip(form.names, columns, strict=True)), rows, skipped, notes)


def _form(path: Path) -> tuple[_Form, list[str]]:
    encoding = sniff.encoding(path)
    notes = [f"encoding {encoding}"]
    with open(path, encoding=encoding, errors="replace", newline="") as stream:
        sample = stream.read(_SAMPLE)
    body = sample.lstrip("\r\n \0")
    start = len(sample) - len(body)
    if not body:
        raise RecordsError("file-empty", str(path))
    delimiter = ""
    if body[:4].lower() == "sep=":  # a line for Excel
        line = body.splitlines(keepends=True)[0]
        delimiter = line[4:5]
        start += len(line)
        body = body[len(line) :]
    if delimiter not in sniff.DELIMITERS or not delimiter:
        delimiter = sniff.delimiter(body)
    notes.append("one column" if delimiter == sniff.NO_DELIMITER else f"delimiter {delimiter!r}")
    found = sniff.rows(body, delimiter)
    cells, length = first_row(body, delimiter)
    if len(cells) > MAX_COLUMNS:
        raise RecordsError("file-format", f"more than {MAX_COLUMNS} columns")
    if sniff.is_header(cells):
        start += length
        widths = {len(row) for row in found[1:]}
        if widths == {len(cells) + 1}:  # row names that have no header, or a delimiter at the end of each row
            last_empty = not any(row[-1] for row in found[1:])
            cells = [*cells, ""] if last_empty else ["", *cells]
            notes.append("a column without a name")
    else:
        notes.append("no header")
        cells = [""] * len(cells)
    names = _unique(cells)
    if any(cell and name != cell.strip() for cell, name in zip(cells, names, strict=True)):
        notes.append("column names doubled")
    return _Form(path, encoding, delimiter, names, start), notes


_Read = tuple[list[Texts], int, dict[str, int]]


def _quick(form: _Form) -> _Read | None:
    """By pyarrow; None where the careful reader is needed."""
    for threads in (True, False):
        bad: list[int | None] = []
        runaway: list[bool] = []

        def broken(row: Any, bad: list[int | None] = bad, runaway: list[bool] = runaway) -> str:
            bad.append(row.number)
            runaway.append("\n" in row.text or "\r" in row.text)
            return "skip"

        table = _pyarrow(form, broken, threads)
        if table is None or any(runaway):
            return None
        if None in bad:
            continue  # only one thread knows the numbers of rows
        columns = [Texts.of_dictionary(chunks) for chunks in table.columns]
        del table
        if any(_swallowed(column) for column in columns):
            return None
        rows = len(columns[0]) + len(bad)
        if bad:
            good = np.setdiff1d(np.arange(rows), np.array(bad, np.int64) - 1, assume_unique=True)
            columns = [column.spread(good, rows) for column in columns]
        return columns, rows, {"row-columns": len(bad)} if bad else {}
    return None


def _pyarrow(form: _Form, broken: Any, threads: bool) -> Any:
    places = [str(at) for at in range(len(form.names))]
    with _bytes(form) as stream:
        try:
            return pacsv.read_csv(
                stream,
                pacsv.ReadOptions(column_names=places, use_threads=threads, block_size=_BLOCK),
                pacsv.ParseOptions(delimiter=form.delimiter, newlines_in_values=True, invalid_row_handler=broken),
                pacsv.ConvertOptions(column_types=dict.fromkeys(places, _CODED)),
            )
        except pa.ArrowInvalid as error:
            if "Empty CSV" in str(error):
                return pa.table({place: pa.chunked_array([], _CODED) for place in places})
            return None


@contextmanager
def _bytes(form: _Form) -> Iterator[Any]:
    with form.text() as stream:
        if form.encoding.startswith("utf-8"):
            with open(form.path, "rb") as raw:
                raw.seek(_utf8_length(form))
                yield raw
        else:
            yield io.BufferedReader(_Utf8(stream), 1 << 20)


def _utf8_length(form: _Form) -> int:
    """The bytes before the first row."""
    with open(form.path, "rb") as raw:
        bom = 3 if form.encoding == "utf-8-sig" else 0
        text = raw.read(bom + 4 * form.start)[bom:].decode("utf-8", "surrogateescape")
        return bom + len(text[: form.start].encode("utf-8", "surrogateescape"))


def _swallowed(column: Texts) -> bool:
    """Whether a cell looks like lines that a quote never closed has swallowed."""
    breaks = pc.count_substring(column.values, "\n")
    if pc.max(breaks).as_py() == 0:
        return False
    quoted = pc.match_substring(column.values, '"')
    return bool(pc.any(pc.or_(pc.greater(breaks, _MAX_BREAKS), pc.and_(pc.greater(breaks, 0), quoted))).as_py())


class _Places(ReadReport):
    """A report that tells of each unreadable row as it comes, so that it keeps its place."""

    def __init__(self, batch: list[Sequence[str]], blank: Sequence[str]) -> None:
        super().__init__()
        self._batch, self._blank = batch, blank

    def skip(self, rule: str, row: int) -> None:
        super().skip(rule, row)
        self._batch.append(self._blank)


def _careful(form: _Form) -> _Read:
    """Row by row; memory is bounded by a batch and the distinct values."""
    batch: list[Sequence[str]] = []
    report = _Places(batch, [""] * len(form.names))
    chunks: list[list[Any]] = [[] for _ in form.names]
    rows = 0

    def encode() -> None:
        for column, cells in zip(chunks, zip(*batch, strict=True), strict=False):
            column.append(pa.array(cells, pa.string()).dictionary_encode())
        batch.clear()

    with form.text() as stream:
        for _, cells in rows_below(stream, form.delimiter, form.names, report):
            batch.append(cells)
            if len(batch) >= _BATCH:
                rows += len(batch)
                encode()
    rows += len(batch)
    if batch:
        encode()
    columns = [Texts.of_dictionary(pa.chunked_array(column, _CODED)) for column in chunks]
    return columns, rows, {rule: tally.count for rule, tally in report.skipped.items()}


def _read_parquet(path: Path) -> FileColumns:
    try:
        with pq.ParquetFile(path) as file:
            names = list(file.schema_arrow.names)
            if len(names) > MAX_COLUMNS:
                raise RecordsError("file-format", f"more than {MAX_COLUMNS} columns")
            columns, notes = [], ["Parquet"]
            for at, name in enumerate(names):
                kind = file.schema_arrow.field(at).type
                if pa.types.is_nested(kind) or (pa.types.is_dictionary(kind) and pa.types.is_nested(kind.value_type)):
                    notes.append(f"column {at + 1} holds no text and is left out")
                    continue
                columns.append((name, _parquet_column(file, at)))
            rows = file.metadata.num_rows
    except (pa.ArrowException, UnicodeError, OSError):
        raise RecordsError("file-format", f"{path}: not a Parquet file that can be read") from None
    if not columns:
        raise RecordsError("file-empty", str(path))
    unique = _unique([name for name, _ in columns])
    found = dict(zip(unique, (column for _, column in columns), strict=True))
    return _tidy(path, found, rows, {}, notes)


def _parquet_column(file: Any, at: int) -> Texts:
    """Whole floats as integers (pandas writes ids so), dates and times as ISO 8601."""
    name = file.schema.column(at).path
    chunks = []
    for batch in file.iter_batches(batch_size=_BATCH, columns=[name]):
        column = batch.column(0)
        kind = column.type.value_type if pa.types.is_dictionary(column.type) else column.type
        if pa.types.is_floating(kind):
            with suppress(pa.ArrowInvalid):
                column = column.cast(pa.int64())
        chunks.append(column.cast(pa.string()).dictionary_encode())
    return Texts.of_dictionary(pa.chunked_array(chunks, _CODED))


def _tidy(path: Path, columns: dict[str, Texts], rows: int, skipped: dict[str, int], notes: list[str]) -> FileColumns:
    """Lines that repeat the header and cells that are no text of a person become missing, and are counted."""
    repeated = np.ones(rows, bool)
    for name, column in columns.items():
        code = pc.index(column.values, name).as_py()
        repeated &= (column.codes == code) if code > 0 else False
    if repeated.any():
        skipped = skipped | {"row-header-repeated": int(repeated.sum())}
    damaged: dict[str, dict[str, int]] = {}
    for name, column in columns.items():
        if repeated.any():
            column.codes[repeated] = 0
        broken = column.unreadable()
        if broken:
            counts = column.counts()
            damaged[name] = {rule: int(counts[codes].sum()) for rule, codes in broken.items()}
            column = column.without(np.concatenate(list(broken.values())))
        columns[name] = column
    return FileColumns(path, columns, rows, skipped, damaged, tuple(notes))
