"""Files as they really come: all damage ends in one clear error or in a counted row, and shows no value."""

from __future__ import annotations

import traceback
from collections.abc import Callable
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from exchange_node.records import table as table_module
from exchange_node.records.errors import RecordsError
from exchange_node.records.mapping import RecordsMapping
from exchange_node.records.report import ReadReport
from exchange_node.records.source import RecordFile

Read = Callable[..., tuple[list[str], dict[str, list[int]]]]
TABLE: dict[str, object] = {"file": "x.csv", "id_column": "ref", "fields": {"surname": "last"}}


@pytest.fixture
def read(tmp_path: Path) -> Read:
    """Writes bytes, reads them; returns the surnames that were read and the row numbers skipped by rule."""

    def run(raw: bytes, **changes: object) -> tuple[list[str], dict[str, list[int]]]:
        path = tmp_path / "x.csv"
        path.write_bytes(raw)
        report = ReadReport()
        people = list(RecordFile(path, RecordsMapping.parse(TABLE | changes)).stream(report))
        assert report.read == len(people)
        assert report.rows == report.read + report.unreadable
        return [person.fields["surname"] for person in people], {k: v.rows for k, v in report.skipped.items()}

    return run


@pytest.mark.parametrize(
    ("raw", "code"),
    [
        (b"", "records.file-empty"),
        (b"\xef\xbb\xbf", "records.file-empty"),
        (b"\n\n", "records.file-empty"),
        (b"ref,first\nT1,Secretson\n", "records.column-missing"),
        (b"ref;last\nT1;Secretson\n", "records.column-missing"),
        (b"T1,Secretson\nT2,Secretson\n", "records.column-missing"),
        (b"ref,last,last\nT1,Secretson,b\n", "records.column-doubled"),
        (b'ref,"last\nT1,Secretson\n', "records.file-format"),
        (b"ref,la\0st\nT1,Secretson\n", "records.file-format"),
        (b"ref,last\xff\nT1,Secretson\n", "records.file-format"),
        ("ref,last\nT1,Secretson\n".encode("utf-16"), "records.file-format"),
        (b"x" * (table_module.MAX_LINE + 10), "records.file-format"),
    ],
    ids=lambda part: part if isinstance(part, str) else "",
)
def test_a_file_that_cannot_be_read_is_one_clear_error(read: Read, raw: bytes, code: str) -> None:
    with pytest.raises(RecordsError) as caught:
        read(raw)
    assert caught.value.code == code
    assert "Secretson" not in "".join(traceback.format_exception(caught.value))


def test_missing_columns_are_all_named_with_a_hint_at_the_delimiter(read: Read) -> None:
    with pytest.raises(RecordsError) as caught:
        read(b"ref;last\nT1;a\n")
    assert caught.value.detail == "last, ref; the header has one column, so the delimiter may be wrong"


@pytest.mark.parametrize(
    ("bad", "rule"),
    [
        (b"T2,two,many", "row-columns"),
        (b"T2", "row-columns"),
        (b"T2,b\0ad", "row-nul"),
        (b"T2,b\xe9ad", "row-encoding"),
        (b'T2,"bad"ly', "row-quoting"),
        (b"ref,last", "row-header-repeated"),
        (b"," * 200_000, "row-columns"),
        (b"T2," + b"x" * 200_000, "row-too-long"),
        (b"T2," + b"x" * (1 << 21), "row-too-long"),
    ],
    ids=lambda part: part if isinstance(part, str) else "",
)
def test_a_bad_row_is_counted_and_its_neighbours_are_read(read: Read, bad: bytes, rule: str) -> None:
    assert read(b"ref,last\nT1,a\n" + bad + b"\nT3,c\n") == (["a", "c"], {rule: [3]})


@pytest.mark.parametrize("ending", ["\n", "\r\n", "\r"])
def test_line_endings_blank_lines_and_quotes(read: Read, ending: str) -> None:
    raw = ending.join(["ref,last", 'T1,"a, b"', "", 'T2,"two', 'lines"', 'T3,"say ""c"""', "T4,d"])
    assert read(raw.encode()) == (["a b", "two lines", "say c", "d"], {})


def test_a_quote_never_closed_costs_one_row_and_not_the_file(read: Read) -> None:
    rest = b"".join(b"T%d,name\n" % number for number in range(3, 500))
    assert read(b'ref,last\nT1,a\nT2,"open\n' + rest) == (["a", *["name"] * 497], {"row-quoting": [3]})


def test_two_stray_quotes_cost_two_rows(read: Read) -> None:
    raw = b'ref,last\nT1,"open\nT2,b\nT3,"open\nT4,d\n'
    assert read(raw) == (["b", "d"], {"row-quoting": [2, 4]})


def test_a_hundred_megabytes_in_one_field_need_no_hundred_megabytes(tmp_path: Path, read: Read) -> None:
    import tracemalloc

    path = tmp_path / "x.csv"
    with path.open("wb") as stream:
        stream.write(b"ref,last\nT1,a\nT2,")
        for _ in range(100):
            stream.write(b"x" * (1 << 20))
        stream.write(b"\nT3,c\n")
    report = ReadReport()
    tracemalloc.start()
    people = list(RecordFile(path, RecordsMapping.parse(TABLE)).stream(report))
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert [person.fields["surname"] for person in people] == ["a", "c"]
    assert report.skipped["row-too-long"].rows == [3]
    assert peak < 16 << 20


@pytest.mark.parametrize(
    ("encoding", "raw"),
    [
        ("utf-8", "ref,last\nT1,Müller\n".encode()),
        ("utf-8", "ref,last\nT1,Müller\n".encode("utf-8-sig")),
        ("cp1252", "ref,last\nT1,Müller\n".encode("cp1252")),
        ("latin-1", "ref,last\nT1,Müller\n".encode("latin-1")),
        ("utf-16", "ref,last\nT1,Müller\n".encode("utf-16")),
    ],
)
def test_encodings(read: Read, encoding: str, raw: bytes) -> None:
    assert read(raw, encoding=encoding) == (["muller"], {})


def test_bytes_that_are_no_utf_16_are_one_clear_error(read: Read) -> None:
    with pytest.raises(RecordsError, match="file-encoding"):
        read(b"ref,last\nT1,a\n!", encoding="utf-16")


def test_a_byte_that_cp1252_lacks_is_a_counted_row(read: Read) -> None:
    assert read(b"ref,last\nT1,\x81\nT2,b\n", encoding="cp1252") == (["b"], {"row-encoding": [2]})


def test_a_script_that_is_not_latin_is_missing_and_the_row_is_read(read: Read) -> None:
    assert read("ref,last\nT1,סמית\nT2,b\n".encode()) == (["", "b"], {})


def test_other_delimiters(read: Read) -> None:
    assert read(b"ref\tlast\nT1\ta,b\n", delimiter="\t") == (["a b"], {})


def test_all_values_equal(read: Read) -> None:
    assert read(b"ref,last\n" + b"T1,a\n" * 30) == ([], {"id-doubled": list(range(2, 22))} | {})


def test_no_such_file(tmp_path: Path) -> None:
    mapping = RecordsMapping.parse(TABLE)
    for path in (tmp_path / "none.csv", tmp_path):
        with pytest.raises(RecordsError, match="file-missing"):
            RecordFile(path, mapping).check()


def test_a_file_it_may_not_read(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = tmp_path / "x.csv"
    path.write_text("ref,last\n")

    def refuse(*_: object, **__: object) -> None:
        raise PermissionError(13, "Permission denied")

    monkeypatch.setattr(table_module, "open", refuse, raising=False)
    with pytest.raises(RecordsError, match="file-missing"):
        RecordFile(path, RecordsMapping.parse(TABLE)).check()


def parquet(path: Path, columns: dict[str, object]) -> RecordFile:
    pq.write_table(pa.table(columns), path)
    return RecordFile(path, RecordsMapping.parse(TABLE | {"format": "parquet"}))


@pytest.mark.parametrize("damage", ["text", "empty", "cut"])
def test_a_damaged_parquet_file_is_one_clear_error(tmp_path: Path, damage: str) -> None:
    path = tmp_path / "x.parquet"
    file = parquet(path, {"ref": [str(number) for number in range(1000)], "last": ["Secretson"] * 1000})
    whole = path.read_bytes()
    path.write_bytes({"text": b"ref,last\nT1,Secretson\n", "empty": b"", "cut": whole[: len(whole) // 2]}[damage])
    with pytest.raises(RecordsError) as caught:
        file.check()
    assert caught.value.code == "records.file-format"
    assert "Secretson" not in "".join(traceback.format_exception(caught.value))


@pytest.mark.parametrize(
    ("column", "code"),
    [
        (pa.array([["a"]]), "records.column-type"),
        (pa.array([b"a"], pa.binary()), "records.column-type"),
        (pa.array([{"a": 1}]), "records.column-type"),
    ],
)
def test_a_parquet_column_that_is_no_text(tmp_path: Path, column: object, code: str) -> None:
    with pytest.raises(RecordsError) as caught:
        parquet(tmp_path / "x.parquet", {"ref": ["T1"], "last": column}).check()
    assert caught.value.code == code
    assert caught.value.detail == "last"


def test_parquet_rows_that_break_rules(tmp_path: Path) -> None:
    names = ["a", "b\0", "c" * 200_000, "d", None]
    file = parquet(tmp_path / "x.parquet", {"ref": ["T1", "T2", "T3", None, "T5"], "last": names})
    report = file.check()
    assert {rule: tally.rows for rule, tally in report.skipped.items()} == {
        "row-nul": [2],
        "row-too-long": [3],
        "id-missing": [4],
    }
    assert report.read == 2


def test_parquet_columns_missing_or_doubled(tmp_path: Path) -> None:
    with pytest.raises(RecordsError, match="column-missing"):
        parquet(tmp_path / "x.parquet", {"ref": ["T1"]}).check()
    path = tmp_path / "y.parquet"
    pq.write_table(pa.Table.from_arrays([pa.array(["T1"])] * 3, names=["ref", "last", "last"]), path)
    with pytest.raises(RecordsError, match="column-doubled"):
        RecordFile(path, RecordsMapping.parse(TABLE | {"format": "parquet"})).check()
