"""What a CSV file does not say of itself: its encoding, its delimiter, and whether its first line is a header."""

from __future__ import annotations

import codecs
import csv
import io
import re
from collections import Counter
from pathlib import Path
from typing import Final

from exchange_node.records import code_pages
from exchange_node.records.common_names import name_shares
from exchange_node.records.errors import RecordsError
from exchange_node.records.headers import role_of

DELIMITERS: Final = ",;\t|~^"
NO_DELIMITER: Final = "\x1f"  # for a file of one column, whose cells may hold any of the above
_SAMPLE_ROWS: Final = 50
MANY_ROWS: Final = 5_000  # in which a name that is no column's most likely stands again
_CHUNK: Final = 1 << 22
_WORDS: Final = 20_000  # tell the code page
_FEW: Final = 50  # so many good letters outside ASCII for one bad byte, and a file is UTF-8 with some damage

# What stands in a cell and never in a header.
_DATA: Final = re.compile(
    r"\d{1,4}[-/.]\d{1,2}[-/.]\d{1,4}.*|\d{5,}|[^@\s]+@[^@\s]+\.[^@\s]+|[A-Z]{1,2}\d[A-Z\d]? ?\d[A-Z]{2}",
    re.I | re.ASCII,
)


def encoding(path: Path) -> tuple[str, bool]:
    """utf-8, utf-8-sig, utf-16, utf-16-le, utf-16-be or the code page that its words tell, and whether all of it is
    UTF-8 without a bad byte: the whole file is read once.

    Raises RecordsError: file-missing, file-empty.
    """
    try:
        with open(path, "rb") as stream:
            start = stream.read(4096)
            if not start:
                raise RecordsError("file-empty", str(path))
            if start.startswith((codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE)):
                return "utf-16", False
            if start.count(0) > len(start) // 4:
                return ("utf-16-le" if start[1::2].count(0) > start[0::2].count(0) else "utf-16-be"), False
            found = "utf-8-sig" if start.startswith(codecs.BOM_UTF8) else "utf-8"
            stream.seek(0)
            decoder = codecs.getincrementaldecoder("utf-8")("surrogateescape")
            good = bad = 0
            words: list[bytes] = []
            while chunk := stream.read(_CHUNK):
                text = decoder.decode(chunk)
                if not text.isascii():
                    bad += len(_UNDECODED.findall(text))
                    good += len(_OUTSIDE.findall(text))
                    words += code_pages.words(chunk) if len(words) < _WORDS else []
    except OSError:
        raise RecordsError("file-missing", str(path)) from None
    if bad * _FEW <= good:
        return found, not bad
    return code_pages.code_page(words[:_WORDS]), False


_UNDECODED: Final = re.compile("[\udc80-\udcff]")
_OUTSIDE: Final = re.compile("[^\0-\x7f\udc80-\udcff]")


def delimiter(sample: str) -> str:
    """The one of `DELIMITERS` that cuts the most rows of the sample into as many cells as its first."""
    best, most = NO_DELIMITER, (0.0, 0)
    for candidate in DELIMITERS:
        widths = [len(row) for row in rows(sample, candidate)]
        if not widths:
            continue
        width, agreeing = Counter(widths[1:] or widths).most_common(1)[0]
        same = agreeing / len(widths[1:] or widths)
        if widths[0] < 2 and (width < 4 or same < 0.8 or agreeing < 5):  # what stands above a header has few cells
            continue
        if width > 1 and (same, width) > most:
            best, most = candidate, (same, width)
    return best


def rows(sample: str, cut: str, most: int = _SAMPLE_ROWS) -> list[list[str]]:
    """The first rows of a sample; the last, which may be cut short, is left out where there are others."""
    found: list[list[str]] = []
    try:
        for row in csv.reader(io.StringIO(sample, newline=""), delimiter=cut):
            if row:
                found.append(row)
            if len(found) > most:
                break
    except csv.Error:
        pass  # the rows before it are a sample, too
    return found[:-1] if len(found) > 2 else found


def lines_above(found: list[list[str]]) -> int:
    """How many rows stand above the header, such as a title and a date: few of their cells are filled, and most of
    the other rows'. None where no header is below them.
    """
    filled = [sum(map(bool, map(str.strip, row))) for row in found]
    usual = sorted(filled)[len(filled) // 2] if filled else 0
    at = next((at for at, count in enumerate(filled) if count > usual / 2), 0)
    return at if usual > 3 and is_header(found[at], found[at + 1 :]) else 0


def length(sample: str, cut: str, count: int) -> int:
    """The characters of its first rows, with blank lines before and behind them."""
    lines = io.StringIO(sample, newline="")
    reader = csv.reader(lines, delimiter=cut)
    while count:
        count -= bool(next(reader))
    again = io.StringIO(sample, newline="")
    taken = sum(len(again.readline()) for _ in range(reader.line_num))
    return len(sample) - len(sample[taken:].lstrip("\r\n "))


def is_header(cells: list[str], below: list[list[str]]) -> bool:
    """Whether the first line names columns. It does not if a cell of it is a date, an e-mail address, a postcode or a
    number, or, where one cell at most is a known name of a column, if one stands again in its own column or is a common
    name.
    """
    found = [cell.strip() for cell in cells]
    if not any(found) or any(_DATA.fullmatch(cell) for cell in found) or sum(map(str.isdigit, found)) > 1:
        return False
    known = sum(bool(role_of(cell)) for cell in found)
    if known > 1 or (known and len(found) < 4):  # one alone may be someone's name: Day, Land, Adi
        return True
    others = [
        row for row in ([cell.strip() for cell in row] for row in below) if row != found
    ]  # headers may be doubled
    again = any(cell and cell in (row[at] for row in others if at < len(row)) for at, cell in enumerate(found))
    return not again and max(name_shares(found)) == 0
