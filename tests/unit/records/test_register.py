"""Registers read whole: one call from files to standard columns, maps and quality."""

from __future__ import annotations

import csv
import json
from html import unescape
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from exchange_node.records.column_map import ColumnMap, Source, read_maps, write_maps
from exchange_node.records.columns import Column
from exchange_node.records.errors import RecordsError
from exchange_node.records.quality import FieldQuality, Quality, quality, share, shown
from exchange_node.records.quality import Source as File
from exchange_node.records.quality_page import quality_section
from exchange_node.records.quality_words import advice
from exchange_node.records.reconcile import MANY, MOST_OWN
from exchange_node.records.register import Register, read_one, read_pair, read_several
from exchange_node.records.standard_columns import Findings, standard_columns
from exchange_node.records.texts import Texts
from tests.unit.records.registers import people, write

MAP = """
a:
  forename: first
  surname: last
  date_of_birth: [d, m, y]
  phone: [mobile, home]
  occupation: {columns: job, kind: text}
b:
  full_name: name
  date_of_birth: dob
  phone: tel
  occupation: {columns: [trade], kind: text}
"""


def values(column: Column) -> list[str]:
    return [column.values[code] for code in column.codes]


def standard(fields: dict[str, Source], **cells: list[str]) -> tuple[dict[str, list[str]], Findings]:
    findings = Findings()
    columns = {name: Texts.of(texts) for name, texts in cells.items()}
    made = standard_columns(columns, ColumnMap(fields), findings)
    return {name: values(column) for name, column in made.items()}, findings


def test_several_columns_become_one_field() -> None:
    made, _ = standard(
        {
            "date_of_birth": Source(("d", "m", "y"), "date"),
            "address_line": Source(("no", "street"), "address"),
            "phone": Source(("mobile", "home"), "number"),
        },
        d=["31", "", "3"], m=["12", "5", "4"], y=["1980", "1985", ""],
        no=["12", "", "7.0"], street=["High Street", "Rose Cottage", ""],
        mobile=["", "07700 900123", ""], home=["01132 496000", "01132 496000", "NULL"],
    )  # fmt: skip
    assert made == {
        "date_of_birth": ["1980-12-31", "1985-05-00", "0000-04-03"],
        "address_line": ["12 high st", "rose cott", "7"],
        "phone": ["1132496000", "7700900123", ""],
    }


@pytest.mark.parametrize("order", ["dmy", "mdy", "ymd"])
def test_parts_of_a_date_are_told_apart(order: str) -> None:
    parts = {"d": ["31", "3", "20", "25"], "m": ["12", "4", "1", "2"], "y": ["80", "85", "62", "99"]}
    made, _ = standard({"date_of_birth": Source(tuple(order), "date")}, **parts)
    assert made["date_of_birth"] == ["1980-12-31", "1985-04-03", "1962-01-20", "1999-02-25"]


def test_further_forenames_join_the_middle_names() -> None:
    made, _ = standard(
        {"forename": Source(("f",), "name"), "middle_names": Source(("m",), "name")},
        f=["Mary Jane", "Anna-Lena", "Bob", ""], m=["Rose", "", "K", "X"],
    )  # fmt: skip
    assert made == {"forename": ["mary", "anna", "bob", ""], "middle_names": ["jane rose", "lena", "k", "x"]}


def test_whole_names_with_the_surname_first() -> None:
    made, _ = standard(
        {"full_name": Source(("n",), "name")}, n=["Smith John", "Jones Mary Ann", "Patel Sarah", "van Dyk Peter", ""]
    )
    assert made == {
        "forename": ["john", "mary", "sarah", "peter", ""],
        "middle_names": ["", "ann", "", "", ""],
        "surname": ["smith", "jones", "patel", "van dyk", ""],
    }


def test_the_column_decides_how_codes_and_numbers_are_written() -> None:
    made, _ = standard(
        {
            "postcode": Source(("z",), "postcode"),
            "phone": Source(("t",), "number"),
            "sex": Source(("s",), "sex"),
            "state": Source(("p",), "place"),
        },
        z=["10001", "2139", "02139-1234"], t=["7700900123", "07700900123", "447700900123"], s=["H", "M", "H"],
        p=["New York", "ny", "NSW"],
    )  # fmt: skip
    assert made == {
        "postcode": ["10001", "02139", "02139"],
        "phone": ["7700900123"] * 3,
        "sex": ["m", "f", "m"],
        "state": ["ny", "ny", "nsw"],
    }


def test_a_number_that_no_two_rows_share_does_not_deduplicate(tmp_path: Path) -> None:
    found = people(100, 6)
    columns = {"surname": "surname", "ssn": "ssn"}
    assert list(read_one(write(tmp_path / "a.csv", columns, found)).columns) == ["surname"]
    assert list(read_one(write(tmp_path / "b.csv", columns, [*found, *found[:9]])).columns) == ["surname", "ssn"]


def test_each_rule_counts_rows_and_not_values() -> None:
    made, findings = standard(
        {"nhs_number": Source(("n",), "number")},
        n=["9434765919", "943 476 5919", "9434765918", "9434765918", "", "n/a", "1"],
    )
    assert made["nhs_number"] == ["9434765919", "9434765919", "", "", "", "", ""]
    assert findings.broken == {"nhs_number": {"nhs-number-check-digit": 2, "nhs-number-form": 1}}
    assert findings.written == {"nhs_number": 5}


@pytest.fixture
def pair(tmp_path: Path) -> tuple[Path, Path]:
    found = people(200, 4)
    a = write(
        tmp_path / "a.csv",
        {"first": "forename", "last": "surname", "d": "day", "m": "month", "y": "year", "mobile": "none",
         "home": "phone",
         "job": "job"},
        found,
    )  # fmt: skip
    return a, write(tmp_path / "b.csv", {"name": "whole", "dob": "dob", "tel": "phone", "trade": "job"}, found)


def test_a_map_decides(pair: tuple[Path, Path], tmp_path: Path) -> None:
    path = tmp_path / "map.yaml"
    path.write_text(MAP)
    a, b = read_pair(*pair, map_file=path)
    assert list(a.columns) == list(b.columns) == ["forename", "surname", "date_of_birth", "phone", "occupation"]
    assert all(values(a.columns[name]) == values(b.columns[name]) for name in a.columns)
    assert a.columns["occupation"].kind == "text"
    again = tmp_path / "again.yaml"
    again.write_text(write_maps(read_maps(path)))
    assert read_maps(again) == read_maps(path)
    assert list(read_one(pair[0], map_file=path).columns) == list(a.columns)


def test_a_guessed_map_written_and_read_gives_the_same(pair: tuple[Path, Path], tmp_path: Path) -> None:
    guessed = read_pair(*pair)
    path = tmp_path / "map.yaml"
    path.write_text(write_maps({"a": guessed[0].map, "b": guessed[1].map}))
    for found, expected in zip(read_pair(*pair, map_file=path), guessed, strict=True):
        assert {name: values(column) for name, column in found.columns.items()} == {
            name: values(column) for name, column in expected.columns.items()
        }


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("", "keys a and b"),
        ("a: {surname: x}\nc: {surname: x}", "keys a and b"),
        ("b: {surname: x}", "keys a and b"),
        ("a: x", "fields and their columns"),
        ("a: {colour: x}", "a.colour: write columns and kind"),
        ("a: {surname: {columns: x, kind: name}}", "a.surname: only a field of your own"),
        ("a: {colour: {columns: x, kind: hue}}", "a.colour.kind: one of name"),
        ("a: {colour: {columns: x}}", "a.colour: only"),
        ("a: {surname: []}", "a.surname: the name of a column"),
        ("a: {surname: [1]}", "a.surname: the name of a column"),
        ("a: {Surname!: x}", "lower-case"),
        ("a: {surname: x, full_name: y}", "beside"),
        ("a: {surname: x, surname: y}", "the same key twice"),
        ("a: [", "line 1"),
        ("a: {surname: absent}", "absent"),
        ("a: {surname: last}", "b is missing"),
        ("a: {surname: x}\nb: {surname: x}\nd: {surname: x}", "c and so on"),
    ],
)
def test_a_map_that_breaks_a_rule_is_told_with_its_place(
    pair: tuple[Path, Path], tmp_path: Path, text: str, told: str
) -> None:
    path = tmp_path / "map.yaml"
    path.write_text(text)
    with pytest.raises(RecordsError, match=told):
        read_one(pair[0], map_file=path)
        read_pair(*pair, map_file=path)


def test_a_map_that_is_not_there(pair: tuple[Path, Path], tmp_path: Path) -> None:
    with pytest.raises(RecordsError, match="file-missing"):
        read_one(pair[0], map_file=tmp_path / "none.yaml")


def test_a_map_may_not_name_the_truth(pair: tuple[Path, Path], tmp_path: Path) -> None:
    path = tmp_path / "map.yaml"
    path.write_text(MAP)
    with pytest.raises(RecordsError, match="map-column"):
        read_pair(*pair, map_file=path, exclude=frozenset({"last"}))


def test_raw_columns(pair: tuple[Path, Path]) -> None:
    register = read_one(pair[0])
    assert register.rows == 200
    assert register.column("last") == [person["surname"] for person in people(200, 4)]
    with pytest.raises(RecordsError, match="column-missing"):
        register.column("none")


@pytest.fixture
def poor(tmp_path: Path) -> Register:
    found = [dict(person) for person in people(1000, 5)]
    for at, person in enumerate(found):
        if at < 300:
            person["postcode"] = "ZZ99 3VZ"
        if at < 4:
            person["dob"] = "01/01/1900"
        if at >= 990:
            person |= found[5] | {"postcode": person["postcode"]}
    path = write(tmp_path / "<b>.csv", {"surname": "surname", "dob": "dob", "postcode": "postcode", "x": "one"}, found)
    path.write_text(path.read_text() + "short\n" * 12)
    return read_one(path)


def test_the_report_says_what_to_mend_first(poor: Register) -> None:
    report = poor.report
    assert report.rows == 1012
    assert report.skipped == {"row-columns": 12}
    fields = {field.name: field for field in report.fields}
    assert fields["postcode"].broken == {"postcode-pseudo": 300}
    assert fields["postcode"].filled == 700
    assert fields["date_of_birth"].bits > fields["surname"].bits > 3
    assert report.mend[0].startswith("postcode: 300 cells are pseudo-postcodes")
    assert any("12 rows could not be read" in text for text in report.mend)
    assert report.ignored == {"x": "it has one value only"}


def test_the_report_hides_small_counts_and_shows_no_value(poor: Register) -> None:
    document = json.dumps(poor.report.to_json())
    page = quality_section(poor.report, "A & B")
    assert '"date-placeholder": "<10"' in document
    for text in (document, page):
        assert not any(person[what] in text for person in people(1000, 5) for what in ("dob", "postcode", "surname"))
    assert "&lt;b&gt;.csv" in page and "<b>" not in page and "A &amp; B" in page
    assert page.startswith("<section") and page.endswith("</section>")


@pytest.mark.parametrize(
    ("count", "rows", "expected"),
    [
        (0, 0, 0),
        (0, 5, 0),
        (3, 0, "<10"),
        (10, 0, 10),
        (10_000, 10_000, 10_000),
        (9_998, 10_000, ">9990"),
        (9_990, 10_000, 9_990),
    ],
)
def test_counts_as_they_are_shown(count: int, rows: int, expected: object) -> None:
    assert shown(count, rows) == expected


def test_shares_of_small_counts_are_alike() -> None:
    assert len({share(count, 1000) for count in range(1, 10)}) == 1
    assert len({share(1000 - count, 1000) for count in range(1, 10)}) == 1
    assert share(0, 1000) == share(0, 4) == 0
    assert share(1000, 1000) == 1
    assert share(500, 1000) == 0.5


def field_of(filled: int, rows: int, **more: Any) -> FieldQuality:
    found: dict[str, Any] = {"written": filled, "broken": {}, "distinct": filled, "top": 1, "shared": 0, "bits": 9.0}
    found |= {"name": "surname", "kind": "name", "columns": ("s",), "rows": rows, "filled": filled}
    return FieldQuality(**(found | more))


def test_no_figure_tells_how_many_a_few_are() -> None:
    few, all_but_few = ([field_of(filled, 500) for filled in range(start, start + 9)] for start in (1, 491))
    for fields, rows in ((few, "99.0% of rows"), (all_but_few, "fewer than 10 rows")):
        said = {text for one in fields for _, text in advice("sex", one.unwritten, share(one.unwritten, 500), {}, 1.0)}
        assert said == {f"sex: {rows} have nothing; filling them adds 1 bit a row."}
    shown_of = [str(field.to_json()) for field in few]
    assert len(set(shown_of)) == 1
    assert len({field_of(500, 500, top=top).to_json()["commonest"] for top in range(491, 500)}) == 1
    assert len({str(field_of(500, 500, shared=shared).to_json()) for shared in range(491, 500)}) == 1
    column = Column("surname", "name", ["", "a", "b", "c"], np.array([1, 2, 3, *[0] * 497], np.int32))
    source = ColumnMap({"surname": Source(("s",), "name")})
    assert quality(File("x", 500, {}, {}, ()), source, {"surname": column}, {}, {}).fields[0].bits == 0, "log2 of 3"


def test_middle_names_that_nobody_was_asked_for_are_not_to_be_filled(tmp_path: Path) -> None:
    found = people(300, 1)
    found = [
        {**person, "forename": person["forename"] + (" Ann" if at % 30 == 0 else "")} for at, person in enumerate(found)
    ]
    report = read_one(
        write(tmp_path / "a.csv", {"forename": "forename", "surname": "surname", "dob": "dob"}, found)
    ).report
    assert "middle_names" in {field.name for field in report.fields} and not any(
        "middle" in text for text in report.mend
    )
    assert advice("middle_names", 300, 0.3, {}, 8)[0][0] < advice("forename", 300, 0.3, {}, 8)[0][0]


def test_damaged_cells_stand_in_the_report(tmp_path: Path) -> None:
    path = write(tmp_path / "a.csv", {"surname": "surname", "dob": "dob"}, people(100, 1))
    lines = path.read_text().splitlines()
    lines[5] = "x" * 200_000 + "," + lines[5].split(",")[1]
    path.write_text("\n".join(lines))
    report = read_one(path).report
    said = "surname: &lt;10 cells are too long to be a value and count as missing"
    assert said in quality_section(report, "a") and unescape(said) + "." in report.mend


def test_bits_and_repeated_rows() -> None:
    even = Column(
        "surname", "name", ["", *(f"n{at}" for at in range(16))], np.tile(np.arange(1, 17, dtype=np.int32), 10)
    )
    found: Quality = quality(
        File("x", 160, {}, {}, ()), ColumnMap({"surname": Source(("s",), "name")}), {"surname": even}, {}, {}
    )
    assert found.fields[0].bits == pytest.approx(4)
    assert found.fields[0].shared == 160
    assert found.duplicates == 144
    assert found.empty == 0


def test_mobile_numbers_that_lost_their_zeros(tmp_path: Path) -> None:
    path = tmp_path / "a.parquet"
    pq.write_table(pa.table({"surname": ["Fox", "Hay"] * 9, "tel": [7700900123, 7700900124] * 9}), path)
    assert read_one(path).columns["phone"].values[1:] == ["7700900123", "7700900124"]


def test_three_registers_have_the_fields_that_all_have(pair: tuple[Path, Path], tmp_path: Path) -> None:
    third = {"surname": "surname", "forename": "forename", "born": "iso", "Job": "job"}
    c = write(tmp_path / "c.csv", third, people(200, 4)[50:])
    registers = read_several((*pair, c))
    assert [list(one.columns) for one in registers] == [["forename", "surname"]] * 3
    assert [one.rows for one in registers] == [200, 200, 150]
    reason = "nothing in the other file was taken for the same; --map can name it"
    assert registers[2].map.ignored["Job"] == registers[0].map.ignored["job"] == reason
    path = tmp_path / "map.yaml"
    path.write_text(write_maps(dict(zip("abc", (one.map for one in registers), strict=True))))
    for found, expected in zip(read_several((*pair, c), map_file=path), registers, strict=True):
        assert {name: values(column) for name, column in found.columns.items()} == {
            name: values(column) for name, column in expected.columns.items()
        }
    with pytest.raises(RecordsError, match="d is missing"):
        read_several((*pair, c, c), map_file=path)


def test_an_own_field_that_three_registers_have(tmp_path: Path) -> None:
    everyone = people(300, 5)
    names = ("job", "Job", "JOB")
    paths = [
        write(tmp_path / f"{name}.csv", {"surname": "surname", name: "job"}, everyone[at * 40 :])
        for at, name in enumerate(names)
    ]
    assert [list(one.columns) for one in read_several(paths)] == [["surname", "job"]] * 3
    other = write(tmp_path / "other.csv", {"surname": "surname", "job": "town"}, everyone)
    registers = read_several([*paths, other])
    assert [list(one.columns) for one in registers] == [["surname"]] * 4
    assert registers[3].map.ignored["job"] == "its values are not those of the other file"


@pytest.mark.parametrize("files", [1, 2])
def test_of_many_own_columns_those_are_used_that_tell_most(files: int, tmp_path: Path) -> None:
    everyone = people(300, 5)
    paths = []
    for side in "ab"[:files]:
        paths.append(tmp_path / f"{side}.csv")
        own = [f"note{at}" for at in range(MOST_OWN + 2)]
        with open(paths[-1], "w", newline="") as stream:
            table = csv.writer(stream)
            table.writerow(["surname", *own])
            for at, person in enumerate(everyone):
                few = [f"kind {at % 3}", "" if at % 9 else f"plant {at * at % 41}"]
                table.writerow(
                    [person["surname"], *few, *(f"animal {at * step % 89}" for step in range(1, MOST_OWN + 1))]
                )
    registers = read_several(paths) if files > 1 else [read_one(paths[0])]
    for register in registers:
        assert list(register.columns) == ["surname", *(f"note_{at}" for at in range(2, MOST_OWN + 2))]
        assert register.map.ignored == {"note0": MANY, "note1": MANY}
