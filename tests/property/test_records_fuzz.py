"""Anything at all given to the parsers of conditions, mappings and files ends well or in a RecordsError."""

from __future__ import annotations

import contextlib
import tempfile
from pathlib import Path

from hypothesis import given, settings
from hypothesis import strategies as st

from exchange_node.records.cohort import parse_condition, read_cohort_file
from exchange_node.records.dates import date
from exchange_node.records.errors import RecordsError
from exchange_node.records.mapping import RecordsMapping
from exchange_node.records.report import ReadReport
from exchange_node.records.source import RecordFile
from exchange_node.records.values import Value, ValueType

TYPES: dict[str, ValueType] = {"a": "boolean", "b": "integer", "c": "date", "d": "text"}
PIECES = st.sampled_from(
    [
        "a",
        "b",
        "c",
        "d",
        "e",
        "=",
        "!=",
        "<",
        "<=",
        ">",
        ">=",
        "(",
        ")",
        "and",
        "or",
        "not",
        "is",
        "missing",
        "yes",
        "no",
        "3",
        "2020-01-01",
        "'x",
        "y'",
        '"a"',
        "'",
        '"',
    ]
)
VALUES = st.fixed_dictionaries(
    {
        "a": st.sampled_from([True, False, None]),
        "b": st.one_of(st.none(), st.integers(-5, 5)),
        "c": st.sampled_from(["2020-01-01", "2021-01-01", None]),
        "d": st.sampled_from(["x y", "X", None]),
    }
)


@settings(max_examples=800, deadline=None, derandomize=True)
@given(text=st.one_of(st.lists(PIECES, max_size=14).map(" ".join), st.text(max_size=40)), values=VALUES)
def test_conditions(text: str, values: dict[str, Value]) -> None:
    with contextlib.suppress(RecordsError):
        condition = parse_condition(text).bind(TYPES, lambda text, note: date(text, note=note))
        answer = condition.evaluate(values)
        assert answer in (True, False, None)
        opposite = parse_condition(f"not ({text})").bind(TYPES, lambda text, note: date(text, note=note))
        assert opposite.evaluate(values) == (None if answer is None else not answer)


NAMES = (
    "file format encoding delimiter id_column date_formats date_placeholders two_digit_year_pivot fields cohort "
    "facts attributes forename surname at_risk deceased flags name type sensitivity derive column columns codes "
    "value max_length"
)
KEYS = st.sampled_from(NAMES.split(" "))
LEAVES = st.one_of(
    st.none(),
    st.booleans(),
    st.integers(),
    st.floats(allow_nan=True),
    st.text(max_size=8),
    st.sampled_from(["csv", "utf-8", "boolean", "special", "equals", "any_of", "column", "DD/MM/YYYY", "x"]),
)
TABLES = st.dictionaries(
    KEYS,
    st.recursive(
        LEAVES,
        lambda inner: st.lists(inner, max_size=3) | st.dictionaries(KEYS, inner, max_size=4),
        max_leaves=12,
    ),
    max_size=8,
)
BASE = {"file": "x", "id_column": "ref", "fields": {"surname": "last"}}


@settings(max_examples=400, deadline=None, derandomize=True)
@given(table=TABLES, based=st.booleans())
def test_mappings(table: dict[str, object], based: bool) -> None:
    with contextlib.suppress(RecordsError):
        RecordsMapping.parse(BASE | table if based else table)


FILES = st.one_of(
    st.binary(max_size=120),
    st.lists(
        st.sampled_from(
            [
                b"ref,last\n",
                b"T1,a\n",
                b"T2,b\r\n",
                b'"',
                b",",
                b"\0",
                b"\xff",
                b"\n",
                b'T3,"x\ny"\n',
                b"\xc3",
            ]
        ),
        max_size=14,
    ).map(lambda parts: b"ref,last\n" + b"".join(parts)),
)


@settings(max_examples=500, deadline=None, derandomize=True)
@given(raw=FILES, encoding=st.sampled_from(["utf-8", "cp1252", "utf-16"]))
def test_files(raw: bytes, encoding: str) -> None:
    with tempfile.TemporaryDirectory() as directory, contextlib.suppress(RecordsError):
        path = Path(directory) / "x.csv"
        path.write_bytes(raw)
        file = RecordFile(path, RecordsMapping.parse(BASE | {"encoding": encoding}))
        report = ReadReport()
        people = list(file.stream(report))
        assert (report.read, report.rows) == (len(people), len(people) + report.unreadable)
        assert len({person.local_id for person in people}) == len(people)
        assert [person.local_id for person in people] == list(file.ids())
        read_cohort_file(path, file.ids(), "ref", encoding=encoding)


@settings(max_examples=200, deadline=None, derandomize=True)
@given(raw=st.binary(max_size=400), cut=st.integers(0, 400))
def test_parquet(raw: bytes, cut: int) -> None:
    with tempfile.TemporaryDirectory() as directory:
        path = Path(directory) / "x.parquet"
        path.write_bytes(b"PAR1" + raw[:cut] + b"PAR1")
        with contextlib.suppress(RecordsError):
            RecordFile(path, RecordsMapping.parse(BASE | {"format": "parquet"})).check()
