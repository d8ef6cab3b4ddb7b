"""A CSV file of any encoding and delimiter as columns of text.

pyarrow reads and dictionary-encodes in blocks. A file that it cannot read (quotes never closed, rows longer than a
large block) is read again by the careful reader of `table`, several times slower and just as exact. Memory: the
distinct values and four bytes for each cell, twice while they are put together.
"""

from __future__ import annotations

import io
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final, TextIO

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.csv as pacsv

from exchange_node.records import sniff
from exchange_node.records.errors import RecordsError
from exchange_node.records.report import ReadReport
from exchange_node.records.table import first_row, rows_below
from exchange_node.records.texts import CODED, RawColumns, Texts, unique_names

_BLOCK: Final = 4 << 20  # bytes
_LARGE: Final = 256 << 20
_SAMPLE: Final = 1 << 18  # characters
_BATCH: Final = 50_000
_CONTROLS: Final = "".join(map(chr, (*range(9), *range(14, 32))))
_MAX_BREAKS: Final = 64  # line breaks in one cell; more is taken for a quote that was never closed


def read_csv(path: Path) -> RawColumns:
    """Everything in the file. Raises RecordsError: file-empty, file-format."""
    form, notes = _form(path)
    columns, rows, skipped = _quick(form) or _careful(form)
    return RawColumns(form.names, columns, rows, skipped, notes)


@dataclass(frozen=True, slots=True)
class _Form:
    """How a CSV file is written."""

    path: Path
    encoding: str
    clean: bool  # UTF-8 throughout
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


def _form(path: Path) -> tuple[_Form, list[str]]:
    encoding, clean = sniff.encoding(path)
    notes = [f"encoding {encoding}"]
    with open(path, encoding=encoding, errors="replace", newline="") as stream:
        sample = stream.read(_SAMPLE)
    if sum(sample.count(char) for char in _CONTROLS) > 10 + len(sample) // 100:
        raise RecordsError("file-format", f"{path}: not a text file; a workbook or an archive is saved as CSV first")
    body = sample.lstrip("\r\n ")
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
    if above := sniff.lines_above(found):
        notes.append(f"{above} {'row' if above == 1 else 'rows'} above the header left out")
        length = sniff.length(body, delimiter, above)
        start, body, found = start + length, body[length:], found[above:]
    cells, length = first_row(body, delimiter)
    if sniff.is_header(cells, sniff.rows(body, delimiter, sniff.MANY_ROWS)[1:]):
        start += length
        widths = {len(row) for row in found[1:]}
        if widths == {len(cells) + 1}:  # row names that have no header, or a delimiter at the end of each row
            last_empty = not any(row[-1] for row in found[1:])
            cells = [*cells, ""] if last_empty else ["", *cells]
            notes.append("a column without a name")
    else:
        notes.append("no header")
        cells = [""] * len(cells)
    names = unique_names(cells)
    if any(cell and name != cell.strip() for cell, name in zip(cells, names, strict=True)):
        notes.append("column names doubled")
    return _Form(path, encoding, clean, delimiter, names, start), notes


_Read = tuple[list[Texts], int, dict[str, int]]


def _quick(form: _Form) -> _Read | None:
    """By pyarrow; None where the careful reader is needed."""
    for threads, block in ((True, _BLOCK), (False, _BLOCK), (False, _LARGE)):
        bad: list[int | None] = []
        runaway: list[bool] = []

        def broken(row: Any, bad: list[int | None] = bad, runaway: list[bool] = runaway) -> str:
            bad.append(row.number)
            runaway.append("\n" in row.text or "\r" in row.text)
            return "skip"

        try:
            table = _pyarrow(form, broken, threads, block)
        except pa.ArrowInvalid as error:
            if "straddl" in str(error):
                continue  # a row is longer than a block
            return None
        if any(runaway):
            return None
        if None in bad:
            continue  # only one thread knows the numbers of rows
        columns = [Texts.of_dictionary(chunks) for chunks in table.columns]
        del table
        if any(_swallowed(column, form.delimiter) for column in columns):
            return None
        rows = len(columns[0]) + len(bad)
        if bad:
            good = np.setdiff1d(np.arange(rows), np.array(bad, np.int64) - 1, assume_unique=True)
            columns = [column.spread(good, rows) for column in columns]
        return columns, rows, {"row-columns": len(bad)} if bad else {}
    return None


def _pyarrow(form: _Form, broken: Any, threads: bool, block: int) -> Any:
    places = [str(at) for at in range(len(form.names))]
    with _bytes(form) as stream:
        try:
            return pacsv.read_csv(
                stream,
                pacsv.ReadOptions(column_names=places, use_threads=threads, block_size=block),
                pacsv.ParseOptions(delimiter=form.delimiter, newlines_in_values=True, invalid_row_handler=broken),
                pacsv.ConvertOptions(column_types=dict.fromkeys(places, CODED)),
            )
        except pa.ArrowInvalid as error:
            if "Empty CSV" in str(error):
                return pa.table({place: pa.chunked_array([], CODED) for place in places})
            raise


@contextmanager
def _bytes(form: _Form) -> Iterator[Any]:
    with form.text() as stream:
        if form.clean:
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


def _swallowed(column: Texts, delimiter: str) -> bool:
    """Whether a cell looks like lines that a quote never closed has swallowed: it holds line breaks and quotes, or many
    lines with delimiters.
    """
    breaks = pc.count_substring(column.values, "\n")
    if not pc.max(breaks).as_py():
        return False
    quoted = pc.and_(pc.greater(breaks, 0), pc.match_substring(column.values, '"'))
    many = pc.and_(pc.greater(breaks, _MAX_BREAKS), pc.greater(pc.count_substring(column.values, delimiter), breaks))
    return bool(pc.any(pc.or_(quoted, many)).as_py())


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
    columns = [Texts.of_dictionary(pa.chunked_array(column, CODED)) for column in chunks]
    return columns, rows, {rule: tally.count for rule, tally in report.skipped.items()}
