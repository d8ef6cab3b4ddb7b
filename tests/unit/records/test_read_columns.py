"""Whole files as they really come: what they hold is read under any form, and each row keeps its number."""

from __future__ import annotations

import csv
import io
from collections.abc import Callable
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from exchange_node.records import read_csv as module
from exchange_node.records.errors import RecordsError
from exchange_node.records.read_columns import FileColumns, read_columns

Read = Callable[[bytes], FileColumns]
ROWS = [["first_name", "Familienname", "note"], ["Zoë", "Müller", "a, b; c|d"], ["Ann", "Öz", 'said "yes"\nand no']]


@pytest.fixture
def read(tmp_path: Path) -> Read:
    def run(raw: bytes) -> FileColumns:
        path = tmp_path / "people"
        path.write_bytes(raw)
        return read_columns(path)

    return run


def cells(found: FileColumns) -> dict[str, list[str]]:
    return {name: column.all() for name, column in found.columns.items()}


def written(rows: list[list[str]], delimiter: str = ",") -> str:
    stream = io.StringIO()
    csv.writer(stream, delimiter=delimiter).writerows(rows)
    return stream.getvalue()


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "utf-16", "utf-16-le", "utf-16-be", "cp1252"])
@pytest.mark.parametrize("delimiter", [",", ";", "\t", "|"])
def test_every_encoding_and_delimiter(read: Read, encoding: str, delimiter: str) -> None:
    found = read(written(ROWS, delimiter).encode(encoding))
    assert cells(found) == {name: [row[at] for row in ROWS[1:]] for at, name in enumerate(ROWS[0])}
    assert not found.skipped


@pytest.mark.parametrize(
    ("raw", "expected", "skipped"),
    [
        (b"surname,sex\na,1\nb,2,3\nc\n\nd,4\n", {"surname": ["a", "", "", "d"], "sex": ["1", "", "", "4"]}, 2),
        (b"surname,sex\r\na,1\r\n\r\n\r\nb,2", {"surname": ["a", "b"], "sex": ["1", "2"]}, 0),
        (b"\n\nsurname,sex\rx,1\ry,2\r", {"surname": ["x", "y"], "sex": ["1", "2"]}, 0),
        (b'surname,sex\n"a\nb",1\nx\nc,2\n', {"surname": ["a\nb", "", "c"], "sex": ["1", "", "2"]}, 1),
        (b"surname,sex\na,1\nsurname,sex\nb,2\n", {"surname": ["a", "", "b"], "sex": ["1", "", "2"]}, 1),
        (b"surname\na\n\nb\n", {"surname": ["a", "b"]}, 0),
        (b"surname\nSMITH, John\n", {"surname": ["SMITH, John"]}, 0),
        (b"surname\n", {"surname": []}, 0),
        (b"surname,sex", {"surname": [], "sex": []}, 0),
        (b"sex,sex,,sex\n1,2,3,4\n", {"sex": ["1"], "sex_2": ["2"], "column_3": ["3"], "sex_3": ["4"]}, 0),
        (b"sep=;\nsurname;sex\na,b;1\n", {"surname": ["a,b"], "sex": ["1"]}, 0),
        (b"surname,sex\na,1,\nb,2,\n", {"surname": ["a", "b"], "sex": ["1", "2"], "column_3": ["", ""]}, 0),
        (b"surname,sex\n1,a,f\n2,b,m\n", {"column_1": ["1", "2"], "surname": ["a", "b"], "sex": ["f", "m"]}, 0),
        (
            b"Ann,1980-02-01\nBob,1990-02-01\n",
            {"column_1": ["Ann", "Bob"], "column_2": ["1980-02-01", "1990-02-01"]},
            0,
        ),
        (b"SMITH,JOHN\nJONES,ANN\n", {"column_1": ["SMITH", "JONES"], "column_2": ["JOHN", "ANN"]}, 0),
        (b"surname,sex\na\0b,1\n" + b"c,2\n" * 30, {"surname": ["", *"c" * 30], "sex": ["1", *"2" * 30]}, 0),
    ],
)
def test_what_is_a_row(read: Read, raw: bytes, expected: dict[str, list[str]], skipped: int) -> None:
    found = read(raw)
    assert cells(found) == expected
    assert found.rows == len(next(iter(expected.values())))
    assert sum(found.skipped.values()) == skipped


def test_a_quote_that_is_never_closed_costs_one_row(read: Read) -> None:
    raw = "surname,sex\n" + "".join(f"name{at},1\n" for at in range(500)).replace("name7,", '"name7,', 1)
    found = read(raw.encode())
    assert found.rows == 500
    assert found.skipped == {"row-quoting": 1}
    assert cells(found)["surname"] == [f"name{at}" if at != 7 else "" for at in range(500)]


def test_quotes_that_swallow_a_line_are_noticed(read: Read) -> None:
    found = read(b'surname,sex\n"a,1\n"b",2\nc,3\n')
    assert cells(found)["surname"] == ["", "b", "c"]


LONG = b"x y" * module._BLOCK


@pytest.mark.parametrize("long", [LONG, b'"' + LONG + b'"', b'"' + LONG.replace(b" ", b"\n", 9000) + b'"'])
def test_a_field_longer_than_a_block_costs_its_cell(read: Read, long: bytes) -> None:
    found = read(b"surname,sex\na,1\n" + long + b",2\nb,3\n")
    assert cells(found) == {"surname": ["a", "", "b"], "sex": ["1", "2", "3"]}
    assert found.damaged == {"surname": {"cell-too-long": 1}}


def test_a_field_longer_than_memory_allows_costs_its_row(read: Read, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "_LARGE", module._BLOCK)
    found = read(b"surname,sex\na,1\n" + LONG + b",2\nb,3\n")
    assert cells(found) == {"surname": ["a", "", "b"], "sex": ["1", "", "3"]}
    assert found.skipped == {"row-too-long": 1}


def test_a_cell_too_long_for_a_value_is_missing(read: Read) -> None:
    found = read(b"surname,sex\na,1\n" + b"x" * 20_000 + b",2\n")
    assert cells(found) == {"surname": ["a", ""], "sex": ["1", "2"]}
    assert found.damaged == {"surname": {"cell-too-long": 1}}


def test_one_bad_byte_does_not_change_the_encoding_of_the_others(read: Read) -> None:
    raw = ("surname,sex\n" + "Zoë,1\n" * 100).encode() + b"a\xffb,2\n\xff\n"
    assert cells(read(raw))["surname"] == ["Zoë"] * 100 + ["a\ufffdb", ""]


def test_cyrillic_of_old_systems(read: Read) -> None:
    raw = "Фамилия;Пол\nИванова;Ж\nSmith;М\n".encode("cp1251")
    assert cells(read(raw)) == {"Фамилия": ["Иванова", "Smith"], "Пол": ["Ж", "М"]}
    assert "encoding cp1252" in read("surname;à\nÉtienne;é\nÖz;ÄÖÜ\nMüller;\n".encode("cp1252")).notes


def test_right_to_left_names(read: Read) -> None:
    assert cells(read("surname,sex\nכהן,1\nمحمد,2\n".encode()))["surname"] == ["כהן", "محمد"]


def test_the_careful_reader_reads_the_same(read: Read, monkeypatch: pytest.MonkeyPatch) -> None:
    raw = written([["surname", "sex"], *([f"name {at % 90}", str(at)] for at in range(3000)), ["x"]]).encode()
    quick = read(raw)
    monkeypatch.setattr(module, "_quick", lambda form: None)
    monkeypatch.setattr(module, "_BATCH", 700)
    careful = read(raw)
    assert cells(quick) == cells(careful)
    assert quick.skipped == careful.skipped == {"row-columns": 1}


@pytest.mark.parametrize(
    ("raw", "code"),
    [
        (b"", "file-empty"),
        (b"\xef\xbb\xbf", "file-empty"),
        (b"\n\n \n", "file-empty"),
        (b"\0\0\0\0", "file-format"),
        (b"PK\x03\x04 Secretson", "file-format"),
        (bytes(range(32)) * 9, "file-format"),
        (b'"Secretson,1\nb,2\n', "file-format"),
        (b"PAR1 Secretson", "file-format"),
        (b"a," * 5000 + b"\n", "file-format"),
    ],
)
def test_a_file_that_cannot_be_read_is_one_clear_error(read: Read, raw: bytes, code: str) -> None:
    with pytest.raises(RecordsError) as caught:
        read(raw)
    assert caught.value.code == f"records.{code}"
    assert "Secretson" not in str(caught.value)


def test_parquet(tmp_path: Path) -> None:
    table = pa.table(
        {
            "surname": pa.array(["a", None, "b"]),
            "sex": pa.array(["f", "m", "f"]).dictionary_encode(),
            "dob": pa.array([0, 1, None], pa.date32()),
            "at": pa.array([0, 86_400_000_000_000, None], pa.timestamp("ns")),
            "id": pa.array([1.0, 2.0, None]),
            "height": pa.array([1.5, 2.0, None]),
            "ok": pa.array([True, False, None]),
            "list": pa.array([[1], [], None]),
            "bytes": pa.array([b"x", b"\xff", None]),
        }
    )
    path = tmp_path / "people.parquet"
    pq.write_table(table, path, row_group_size=2)
    found = read_columns(path)
    assert found.rows == 3
    assert cells(found) == {
        "surname": ["a", "", "b"],
        "sex": ["f", "m", "f"],
        "dob": ["1970-01-01", "1970-01-02", ""],
        "at": ["1970-01-01 00:00:00", "1970-01-02 00:00:00", ""],
        "id": ["1", "2", ""],
        "height": ["1.5", "2", ""],
        "ok": ["true", "false", ""],
    }
    assert len([note for note in found.notes if "left out" in note]) == 2


def test_parts_of_structures_in_parquet(tmp_path: Path) -> None:
    named = [{"first": "a", "more": {"last": "b"}}, None, {"first": None, "more": None}]
    pq.write_table(pa.table({"name": named, "sex": ["f", "m", "f"]}), tmp_path / "a.parquet", row_group_size=2)
    assert cells(read_columns(tmp_path / "a.parquet")) == {
        "name.first": ["a", "", ""],
        "name.more.last": ["b", "", ""],
        "sex": ["f", "m", "f"],
    }


@pytest.mark.parametrize(
    "above",
    [
        "Tenancy extract,,,,\n,,,,\n",
        "Tenancy extract\nRun on 1 May\n\n",
        '"Tenants, all\nof them"\n\n\n',
        "\nTenants\n",
    ],
)
@pytest.mark.parametrize("encoding", ["utf-8", "cp1252"])
def test_lines_above_the_header(read: Read, above: str, encoding: str) -> None:
    people = [["surname", "forename", "dob", "sex", "town"]]
    people += [[f"Müller{at}", "Zoë", "1/2/1985", "F" * (at % 2), "" if at == 1 else "York"] for at in range(30)]
    found = read((above + written(people)).encode(encoding))
    assert cells(found) == {name: [row[at] for row in people[1:]] for at, name in enumerate(people[0])}
    assert not found.skipped
    assert any("above the header" in note for note in found.notes)


def test_rows_with_gaps_are_not_taken_for_lines_above_a_header(read: Read) -> None:
    raw = "Smith,,,,\n" + "Jones,Ann,1/2/1985,F,York\n" * 20
    assert len(read(raw.encode()).columns["column_1"]) == 21


def test_a_person_called_as_a_column_is_no_header(read: Read) -> None:
    raw = b"Adi,Smith,York,F\n" + b"Ann,Jones,York,F\n" * 5
    assert read(raw).rows == 6


def test_a_first_person_of_whom_a_name_stands_again_far_below_is_no_header(read: Read) -> None:
    people = ["Zuleika,Quillfeather", *(f"N{at},Q{at}" for at in range(300)), "Zuleika,Thorne", "N,Q"]
    found = read("\n".join(people).encode())
    assert (list(found.columns), found.rows) == (["column_1", "column_2"], 303)


def test_a_header_of_unknown_words_that_stands_twice_is_one(read: Read) -> None:
    people = ["kolo,vanu", *(f"N{at},Q{at}" for at in range(100)), "kolo,vanu", "N,Q"]
    assert list(read("\n".join(people).encode()).columns) == ["kolo", "vanu"]


def test_parquet_cut_short(tmp_path: Path) -> None:
    path = tmp_path / "people.parquet"
    pq.write_table(pa.table({"surname": ["Secretson"] * 10}), path)
    path.write_bytes(path.read_bytes()[:-20])
    with pytest.raises(RecordsError, match="file-format"):
        read_columns(path)


def test_a_file_that_is_not_there(tmp_path: Path) -> None:
    with pytest.raises(RecordsError, match="file-missing"):
        read_columns(tmp_path / "none.csv")
    with pytest.raises(RecordsError, match="file-missing"):
        read_columns(tmp_path)
