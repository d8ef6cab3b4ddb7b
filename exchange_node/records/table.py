"""Rows of text cells from CSV and Parquet, streamed: memory is bounded by one row, or by one batch.

What cannot be read is counted in the report by rule and row, and reading goes on at the line below.
"""

from __future__ import annotations

import csv
import io
import os
import re
from collections import deque
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, suppress
from operator import itemgetter
from pathlib import Path
from typing import Any, Final, Literal, TextIO

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from exchange_node.records.errors import RecordsError
from exchange_node.records.report import ReadReport

Cells = Sequence[str]
Rows = Iterator[tuple[int, Cells]]

MAX_LINE: Final = 1 << 20  # characters
MAX_ROW_LINES: Final = 64  # lines of one quoted row; more is taken for a quote that was never closed
MAX_CELL: Final = csv.field_size_limit()
_BATCH: Final = 4096
_UNDECODED: Final = re.compile("[\udc80-\udcff]")  # what surrogateescape makes of bytes outside the encoding


def read_rows(
    path: Path,
    columns: Sequence[str],
    report: ReadReport,
    *,
    format: Literal["csv", "parquet"] = "csv",
    encoding: str = "utf-8",
    delimiter: str = ",",
) -> Rows:
    """(row number, cells in the order of `columns`) of every row that can be read; `report` gets the others.

    Raises RecordsError: file-missing, file-empty, file-encoding, file-format, file-changed, column-missing,
    column-doubled, column-type.
    """
    with _unchanged(path):
        if format == "parquet":
            yield from _parquet_rows(path, columns, report)
        else:
            yield from _csv_rows(path, columns, report, encoding, delimiter)


def signature(path: Path) -> tuple[int, ...]:
    """What changes when the file does. Raises RecordsError("file-missing")."""
    try:
        found = os.stat(path)
    except OSError:
        raise RecordsError("file-missing", str(path)) from None
    return found.st_ino, found.st_size, found.st_mtime_ns


@contextmanager
def _unchanged(path: Path) -> Iterator[None]:
    before = signature(path)
    yield
    after = signature(path)
    # Another file under the name is no harm: the one that was open has been read to its end.
    if before[0] == after[0] and before != after:
        raise RecordsError("file-changed", str(path))


def find_columns(header: Sequence[str], columns: Sequence[str]) -> list[int]:
    """The index of each column. Raises RecordsError naming all that are missing, or doubled."""
    missing = sorted({column for column in columns if column not in header})
    if missing:
        hint = "; the header has one column, so the delimiter may be wrong" if len(header) == 1 else ""
        raise RecordsError("column-missing", ", ".join(missing) + hint)
    doubled = sorted({column for column in columns if header.count(column) > 1})
    if doubled:
        raise RecordsError("column-doubled", ", ".join(doubled))
    return [header.index(column) for column in columns]


class _BadRow(Exception):
    """A row breaks the rule named in its argument."""


class _Lines:
    """Lines of a file for `csv.reader`; remembers those of the row under way, to go on below its first
    line.
    """

    def __init__(self, stream: TextIO) -> None:
        self._stream = stream
        self._taken: list[str] = []
        self._again: deque[str] = deque()
        self.number = 0

    def __iter__(self) -> _Lines:
        return self

    def __next__(self) -> str:
        line = self._again.popleft() if self._again else self._stream.readline(MAX_LINE)
        if not line:
            raise StopIteration
        self.number += 1
        self._taken.append(line)
        if len(line) >= MAX_LINE and line[-1] not in "\r\n":
            while len(line) >= MAX_LINE and line[-1] not in "\r\n":
                line = self._stream.readline(MAX_LINE)
            raise _BadRow("row-too-long")
        if len(self._taken) > MAX_ROW_LINES:
            raise _BadRow("row-quoting")
        if "\0" in line:
            raise _BadRow("row-nul")
        if not line.isascii() and _UNDECODED.search(line):
            raise _BadRow("row-encoding")
        return line

    @property
    def first(self) -> int:
        """The number of the first line of the row under way."""
        return self.number - len(self._taken) + 1

    def done(self) -> None:
        """The row was read."""
        self._taken.clear()

    def below(self) -> None:
        """The row was not: go on with the line below its first one."""
        again = self._taken[1:]
        self._again.extendleft(reversed(again))
        self.number -= len(again)
        self._taken.clear()


def read_header(
    path: Path, *, format: Literal["csv", "parquet"] = "csv", encoding: str = "utf-8", delimiter: str = ","
) -> list[str]:
    """The column names. Raises RecordsError: file-missing, file-empty, file-encoding, file-format."""
    if format == "parquet":
        with _parquet_open(path) as file:
            return list(file.schema_arrow.names)
    with _csv_open(path, encoding) as stream:
        lines = _Lines(stream)
        return _header(csv.reader(lines, delimiter=delimiter, strict=True), lines)


def read_list(path: Path, report: ReadReport, encoding: str = "utf-8") -> Rows:
    """(line, cells) of a file without a header and with one cell on each line. Raises like `read_header`."""
    with _csv_open(path, encoding) as stream:
        lines = _Lines(stream)
        yield from _body(csv.reader(lines, strict=True), lines, [""], tuple, report)


def first_row(text: str, delimiter: str) -> tuple[list[str], int]:
    """The cells of the first row of a text, and how many characters it takes up with its line's end.

    Raises RecordsError("file-format") where no row can be read.
    """
    lines = _Lines(io.StringIO(text, newline=""))
    cells = _header(csv.reader(lines, delimiter=delimiter, strict=True), lines)
    again = io.StringIO(text, newline="")
    return cells, sum(len(again.readline()) for _ in range(lines.number))


def rows_below(stream: TextIO, delimiter: str, header: list[str], report: ReadReport) -> Rows:
    """(line, cells) of every row of a stream that starts below its header."""
    lines = _Lines(stream)
    yield from _body(csv.reader(lines, delimiter=delimiter, strict=True), lines, header, tuple, report)


@contextmanager
def _csv_open(path: Path, encoding: str) -> Iterator[TextIO]:
    codec = "utf-8-sig" if encoding == "utf-8" else encoding
    try:
        with open(path, encoding=codec, errors="surrogateescape", newline="") as stream:
            yield stream
    except OSError:
        raise RecordsError("file-missing", str(path)) from None
    except UnicodeError:
        raise RecordsError("file-encoding", f"{path}: not {encoding}") from None


def _csv_rows(path: Path, columns: Sequence[str], report: ReadReport, encoding: str, delimiter: str) -> Rows:
    with _csv_open(path, encoding) as stream:
        lines = _Lines(stream)
        reader = csv.reader(lines, delimiter=delimiter, strict=True)
        header = _header(reader, lines)
        yield from _body(reader, lines, header, _picker(find_columns(header, columns)), report)


def _picker(places: list[int]) -> Callable[[list[str]], Cells]:
    if len(places) > 1:
        return itemgetter(*places)
    return lambda cells: tuple(cells[place] for place in places)


def _header(reader: Any, lines: _Lines) -> list[str]:
    try:
        header: list[str] = [name.strip() for name in next(reader)]
    except StopIteration:
        raise RecordsError("file-empty") from None
    except (_BadRow, csv.Error):
        raise RecordsError("file-format", "the header line cannot be read as CSV in this encoding") from None
    lines.done()
    if not any(header):
        raise RecordsError("file-empty", "the first line is blank")
    return header


def _body(
    reader: Any, lines: _Lines, header: list[str], pick: Callable[[list[str]], Cells], report: ReadReport
) -> Rows:
    width = len(header)
    done = lines.done
    while True:
        try:
            cells = next(reader)
        except StopIteration:
            return
        except _BadRow as bad:
            report.skip(str(bad), lines.first)
            lines.below()
            continue
        except csv.Error as error:
            report.skip("row-too-long" if "limit" in str(error) else "row-quoting", lines.first)
            lines.below()
            continue
        row = lines.first
        done()
        if len(cells) == width:
            if cells == header:
                report.skip("row-header-repeated", row)
            else:
                yield row, pick(cells)
        elif cells:
            report.skip("row-columns", row)


@contextmanager
def _parquet_open(path: Path) -> Iterator[Any]:
    try:
        with pq.ParquetFile(path, pre_buffer=False) as file:
            yield file
    except (pa.ArrowException, UnicodeError, OSError):  # OSError: a file cut short
        raise RecordsError("file-format", f"{path}: not a Parquet file that can be read") from None


def _parquet_rows(path: Path, columns: Sequence[str], report: ReadReport) -> Rows:
    with _parquet_open(path) as file:
        names = list(file.schema_arrow.names)
        places = find_columns(names, columns)
        row = 0
        for batch in file.iter_batches(batch_size=_BATCH, columns=list(dict.fromkeys(columns)), use_threads=False):
            texts = {name: _texts(batch.column(name), name) for name in batch.schema.names}
            for cells in zip(*(texts[names[place]] for place in places), strict=True):
                row += 1
                rule = _cell_rule(cells)
                if rule:
                    report.skip(rule, row)
                else:
                    yield row, cells


def _cell_rule(cells: Cells) -> str:
    """The rule a row of Parquet breaks, which CSV would have shown earlier; "" if none."""
    if any(len(cell) > MAX_CELL for cell in cells):
        return "row-too-long"
    return "row-nul" if any("\0" in cell for cell in cells) else ""


def _texts(column: Any, name: str) -> list[str]:
    """A column's cells as text, "" for null: whole floats as integers (pandas writes ids so), dates as
    ISO 8601.
    """
    kind = column.type.value_type if pa.types.is_dictionary(column.type) else column.type
    if pa.types.is_floating(kind):
        with suppress(pa.ArrowInvalid):
            column = column.cast(pa.int64())
    elif pa.types.is_nested(kind) or pa.types.is_binary(kind) or pa.types.is_large_binary(kind):
        raise RecordsError("column-type", name)
    try:
        texts: list[str] = pc.fill_null(column.cast(pa.string()), "").to_pylist()
    except (pa.ArrowNotImplementedError, pa.ArrowInvalid):
        raise RecordsError("column-type", name) from None
    return texts
