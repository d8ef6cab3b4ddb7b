"""Any file and any text at all: read and standardised without a stack trace, in the forms that linking relies on."""

from __future__ import annotations

import csv
import datetime
import io
import re
import tempfile
from collections.abc import Callable, Iterator
from pathlib import Path

import numpy as np
import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from exchange_node.records import addresses, column_dates, column_forms, contacts, read_csv, standardise
from exchange_node.records.column_map import read_maps
from exchange_node.records.errors import RecordsError
from exchange_node.records.nhs_numbers import valid_nhs_numbers
from exchange_node.records.read_columns import FileColumns, read_columns
from exchange_node.records.register import read_one, read_pair
from exchange_node.records.texts import Texts

WORDS = r"([a-z0-9]+( [a-z0-9]+)*)?"
FORMS: dict[Callable[..., str], str] = {
    column_forms.name: r"([a-z]+( [a-z]+)*)?",
    column_forms.sex: r"[fm]?",
    column_forms.postcode: r"([A-Z]{1,2}[0-9][0-9A-Z]? [0-9][A-Z]{2}|[a-z0-9]{2,10})?",
    column_forms.place: WORDS,
    column_forms.words: WORDS,
    addresses.address: WORDS,
    contacts.phone: r"([0-9]{7,15})?",
    contacts.email: r"([^\s@A-Z]+@[^\s@A-Z]+)?",
    contacts.ni_number: r"([A-Z]{2}[0-9]{6})?",
    contacts.number: r"[A-Z0-9]*",
    column_dates.date: r"([0-9]{4}-[0-9]{2}-[0-9]{2})?",
}
KEPT = {"date-implausible", "date-impossible", "date-partial"}
PIECES = """
    Mr Mc O' jnr (x) ab1 2cd zip 02139-1234 31/12/80 1980-12-31 12.13.1985 19850403 040385 Dec xx/05/1985 1985 00 99 943
    476 5919 female 2 h +44 (0) 0044 7700 900123 x12 a@b.co no@ mailto: AB123456C QQ O1 flat 3/45 no no. st street
    strasse 12 a n/a unknown Straße Иванов 김 張 محمد ١٢ ² ﬁ İ ſ
"""
TEXTS = st.one_of(
    st.text(max_size=40),
    st.lists(st.sampled_from(PIECES.split()), max_size=6).map(" ".join),
    st.lists(st.sampled_from(PIECES.split()), max_size=4).map("".join),
    st.text("0123456789/-. TX?:", max_size=12),
)
READINGS = st.builds(
    column_dates.Reading,
    st.sampled_from(["dmy", "mdy", "ymd"]),
    st.sampled_from(["ymd", "dmy", "mdy"]),
    st.sampled_from(["ymd", "dmy", "mdy"]),
    st.booleans(),
)


@pytest.mark.parametrize("function", FORMS, ids=lambda function: function.__name__)
@settings(max_examples=400, deadline=None, derandomize=True)
@given(text=TEXTS)
def test_every_form(function: Callable[..., str], text: str) -> None:
    rules: list[str] = []
    found = function(text, note=rules.append)
    assert re.fullmatch(FORMS[function], found)
    assert function(found) == found
    assert not (found and set(rules) - KEPT), "a value that breaks a rule is missing"


@settings(max_examples=400, deadline=None, derandomize=True)
@given(text=TEXTS, reading=READINGS)
def test_dates_under_every_reading(text: str, reading: column_dates.Reading) -> None:
    found = column_dates.date(text, reading)
    assert re.fullmatch(FORMS[column_dates.date], found)
    assert column_dates.date(found, reading) == found


@settings(max_examples=200, deadline=None, derandomize=True)
@given(text=TEXTS)
def test_whole_names(text: str) -> None:
    for part in column_forms.whole_name(text):
        assert re.fullmatch(FORMS[column_forms.name], part)


@settings(max_examples=200, deadline=None, derandomize=True)
@given(
    days=st.lists(st.dates(min_value=datetime.date(1901, 2, 1)), min_size=1, max_size=30),
    form=st.sampled_from(["%d/%m/%Y", "%m/%d/%Y", "%Y-%m-%d", "%Y%m%d", "%d%m%Y", "%d-%b-%Y", "%B %d, %Y", "%d.%m.%Y"]),
)
def test_a_column_of_dates_is_read_as_it_was_written(days: list[datetime.date], form: str) -> None:
    days = [day.replace(year=1901 + day.year % 120) if day.month != 2 else day.replace(1984) for day in days]
    days.append(datetime.date(1984, 12, 31))  # one that can be read in one way only
    texts = [day.strftime(form) for day in days]
    reading = column_dates.decide(texts, [1] * len(texts))
    assert [column_dates.date(text, reading) for text in texts] == [day.isoformat() for day in days]


@settings(max_examples=200, deadline=None, derandomize=True)
@given(texts=st.lists(st.one_of(st.text(max_size=12), st.text("0123456789", min_size=10, max_size=10)), max_size=20))
def test_valid_nhs_numbers_are_those_of_the_standardiser(texts: list[str]) -> None:
    texts = [*texts, "9434765919", "1111111111", "9434765918"]
    found = valid_nhs_numbers(pa.array(texts, pa.string()))
    assert found.tolist() == [standardise.nhs_number(text) == text != "" for text in texts]


@settings(max_examples=200, deadline=None, derandomize=True)
@given(texts=st.lists(st.one_of(st.sampled_from(["", "a", "b"]), st.text(max_size=3)), max_size=20), data=st.data())
def test_texts_hold_what_was_given(texts: list[str], data: st.DataObject) -> None:
    found = Texts.of(texts)
    assert found.all() == texts
    assert found.distinct()[0] == ""
    assert len(set(found.distinct())) == len(found.distinct())
    dropped = data.draw(st.lists(st.integers(0, len(found.values) - 1), unique=True))
    gone = {found.distinct()[code] for code in dropped}
    assert found.without(np.array(dropped, np.int64)).all() == ["" if text in gone else text for text in texts]


@pytest.fixture(scope="module")
def folder() -> Iterator[Path]:
    with tempfile.TemporaryDirectory() as path:
        yield Path(path)


CELLS = st.one_of(st.text("ab \"',;|\n\r\t0", max_size=5), st.text(st.characters(exclude_categories=["Cs", "Cc"])))


@settings(max_examples=150, deadline=None, derandomize=True)
@given(rows=st.lists(st.tuples(CELLS, CELLS, CELLS), max_size=8), careful=st.booleans())
def test_what_is_written_is_read(folder: Path, rows: list[tuple[str, str, str]], careful: bool) -> None:
    stream = io.StringIO()
    csv.writer(stream, quoting=csv.QUOTE_ALL).writerows([("surname", "forename", "town"), *rows])
    path = folder / "written.csv"
    path.write_bytes(stream.getvalue().encode())
    form, _ = read_csv._form(path)
    columns, count, skipped = read_csv._careful(form) if careful else read_csv.read_csv(path)[1:4]
    if form.delimiter == "," and not skipped:
        assert count == len(rows)
        assert [column.all() for column in columns] == [[row[at] for row in rows] for at in range(3)]


RAW = st.one_of(
    st.binary(max_size=120),
    st.lists(
        st.sampled_from(
            [b"surname", b"sex", b",", b";", b"\t", b'"', b"\n", b"\r\n", b"\0", b"\xff\xfe", b"\xef\xbb\xbf", b"a",
             b"\xe9", b"PAR1", b"1", b"sep=", b"\xc3\xa9", b"1980-01-01", b" "]
        ),
        max_size=40,
    ).map(b"".join),
)  # fmt: skip


def _shown(found: FileColumns) -> bool:
    return all(len(column) == found.rows for column in found.columns.values())


@settings(max_examples=300, deadline=None, derandomize=True)
@given(raw=RAW, other=RAW)
def test_any_file(folder: Path, raw: bytes, other: bytes) -> None:
    paths = folder / "a", folder / "b"
    for path, content in zip(paths, (raw, b"surname,sex\n" + other), strict=True):
        path.write_bytes(content)
    try:
        assert _shown(read_columns(paths[0]))
        read_one(paths[0]).report.to_json()
        a, b = read_pair(*paths)
        assert list(a.columns) == list(b.columns)
    except RecordsError:
        pass


MAP_PIECES = ("a", "b", ": ", "\n", "  ", "{", "}", "[", "]", ",", "forename", "kind", "columns", "x")


@settings(max_examples=200, deadline=None, derandomize=True)
@given(
    text=st.one_of(
        st.text(max_size=60),
        st.lists(st.sampled_from(MAP_PIECES), max_size=20).map("".join),
    )
)
def test_any_map(folder: Path, text: str) -> None:
    path = folder / "map.yaml"
    path.write_bytes(text.encode("utf-8", "surrogatepass"))
    try:
        maps = read_maps(path)
        assert maps.keys() <= {"a", "b"}
    except RecordsError:
        pass
