"""A register read through its mapping. All people are invented."""

from __future__ import annotations

import datetime
from collections.abc import Callable, Iterable
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from exchange_node.records.cohort import parse_condition
from exchange_node.records.errors import RecordsError
from exchange_node.records.facts import AGE_BANDS, PersonFacts, age, age_band
from exchange_node.records.mapping import RecordsMapping
from exchange_node.records.model import FIELDS, StandardRecord
from exchange_node.records.report import ReadReport
from exchange_node.records.source import RecordFile

Register = Callable[..., RecordFile]
HEADER = "ref,first,last,born,sex,pc,addr,nhs,damp,beds,dx,died,markers"
ADA = "T1,Ada Mary,O'Byron,10/12/1985,F,qx1 2ab,12 High Street,9434765919,yes,4,R10;K1,,"
BO = "T2,Bo,Quill,,1,,,,no,two,K1,,V"
CY = "T3,Cy,Mc Dee,2020-02-29,X,ZZ99 3VZ,A very long address indeed,1234567890,,1,r27,2024-01-01,V;W"
NOW = int(datetime.datetime(2026, 12, 9, tzinfo=datetime.UTC).timestamp())


def read(file: RecordFile) -> tuple[list[StandardRecord], ReadReport]:
    report = ReadReport()
    return list(file.stream(report)), report


def skipped(report: ReadReport) -> dict[str, list[int]]:
    assert all(tally.count == len(tally.rows) for tally in report.skipped.values())
    return {rule: tally.rows for rule, tally in report.skipped.items()}


def ids(people: Iterable[StandardRecord]) -> list[str]:
    return [person.local_id for person in people]


def test_people_come_out_in_standard_form(register: Register) -> None:
    people, report = read(register(ADA, BO))
    assert people[0].local_id == "T1"
    assert people[0].fields == {
        "forename": "ada",
        "middle_names": "mary",
        "surname": "obyron",
        "date_of_birth": "1985-12-10",
        "sex": "f",
        "postcode": "QX1 2AB",
        "address_line": "12 high st",
        "nhs_number": "9434765919",
    }
    assert people[1].fields == dict.fromkeys(FIELDS, "") | {"forename": "bo", "surname": "quill", "sex": "m"}
    assert (report.rows, report.read, report.unreadable) == (2, 2, 0)
    assert report.filled == {
        "forename": 2,
        "surname": 2,
        "date_of_birth": 1,
        "sex": 2,
        "postcode": 1,
        "address_line": 1,
        "nhs_number": 1,
    }


def test_a_record_shows_nothing_of_the_person(register: Register) -> None:
    people, _ = read(register(ADA))
    shown = repr(people) + str(people[0]) + f"{people[0]}"
    assert "Ada" not in shown
    assert "T1" not in shown


def test_broken_rules_are_counted_by_field_and_row(register: Register) -> None:
    _, report = read(register(ADA, BO, CY, CY.replace("T3", "T4")))
    found = {(name, rule): tally.rows for name, tallies in report.fields.items() for rule, tally in tallies.items()}
    assert found == {
        ("sex", "sex-not-stated"): [4, 5],
        ("postcode", "postcode-pseudo"): [4, 5],
        ("nhs_number", "nhs-number-check-digit"): [4, 5],
    }


def test_several_columns_make_one_field(register: Register) -> None:
    raw = b"ref,d,m,y,a1,a2\nT1,3,4,1980,Flat 2,5 Long Road\nT2,,4,1980,,\n"
    fields = {"date_of_birth": ["d", "m", "y"], "address_line": ["a1", "a2"]}
    file = register(raw=raw, fields=fields, cohort={}, facts={}, attributes=[], date_formats=["DD/MM/YYYY"])
    people, report = read(file)
    assert people[0].fields["date_of_birth"] == "1980-04-03"
    assert people[0].fields["address_line"] == "flat 2 5 long rd"
    assert people[1].fields["date_of_birth"] == ""
    assert report.fields["date_of_birth"]["date-unreadable"].rows == [3]


def test_doctor_reads_attributes_facts_and_cohort_columns_too(register: Register) -> None:
    report = register(ADA, BO, CY).check()
    assert report.rows == 3
    assert report.fields["attribute rooms"]["integer-unreadable"].rows == [3]
    assert report.fields["cohort beds"]["integer-unreadable"].rows == [3]
    assert report.fields["fact many-rooms"]["integer-unreadable"].rows == [3]
    assert report.fields["attribute home"]["text-too-long"].rows == [4]
    plain = report.as_dict()
    assert plain["fields"]["cohort beds"] == {"integer-unreadable": {"count": 1, "rows": [3]}}  # type: ignore[index]


def test_attributes_are_typed_and_missing_ones_are_none(register: Register) -> None:
    names = ["respiratory", "age", "rooms", "home", "damp_yes", "birth"]
    found = dict(register(ADA, BO, CY).attributes({"T1", "T2", "T3", "T9"}, names, NOW))
    assert found == {
        "T1": {
            "respiratory": True,
            "age": 40,
            "rooms": 4,
            "home": "12 High Street",
            "damp_yes": True,
            "birth": "1985-12-10",
        },
        "T2": {
            "respiratory": False,
            "age": None,
            "rooms": None,
            "home": None,
            "damp_yes": False,
            "birth": None,
        },
        "T3": {
            "respiratory": True,
            "age": 6,
            "rooms": 1,
            "home": None,
            "damp_yes": None,
            "birth": "2020-02-29",
        },
    }


def test_only_the_ids_and_names_asked_for(register: Register) -> None:
    assert list(register(ADA, BO).attributes({"T2"}, ["rooms"], NOW)) == [("T2", {"rooms": None})]


def test_an_attribute_without_configuration_is_refused_before_reading(register: Register) -> None:
    with pytest.raises(RecordsError, match="attribute-unknown"):
        register(ADA).attributes({"T1"}, ["income"], NOW)


def test_facts(register: Register) -> None:
    assert dict(register(ADA, BO, CY).facts({"T1", "T2", "T3", "T9"}, NOW)) == {
        "T1": PersonFacts("35-44", flags=frozenset(("many-rooms",))),
        "T2": PersonFacts("unknown", at_risk=True, flags=frozenset(("many-rooms",))),  # "two" cannot be read
        "T3": PersonFacts("5-10", at_risk=True, deceased=True),
    }


@pytest.mark.parametrize(
    ("born", "years"),
    [
        ("2008-12-09", 18),
        ("2008-12-10", 17),
        ("2026-12-09", 0),
        ("2026-12-10", None),
        ("1900-05-05", None),
        ("", None),
    ],
)
def test_age_turns_on_the_birthday(born: str, years: int | None) -> None:
    assert age(born, NOW) == years


def test_age_bands_meet_without_gaps() -> None:
    assert [age_band(years) for years in (0, 4, 5, 10, 11, 15, 16, 17, 18, 24, 84, 85, 110, None)] == [
        "0-4",
        "0-4",
        "5-10",
        "5-10",
        "11-15",
        "11-15",
        "16-17",
        "16-17",
        "18-24",
        "18-24",
        "75-84",
        "85+",
        "85+",
        "unknown",
    ]
    assert {age_band(years) for years in range(126)} | {"unknown"} == set(AGE_BANDS)


def test_conditions_select_ids(register: Register) -> None:
    file = register(ADA, BO, CY)
    assert list(file.select(parse_condition("damp = yes and beds >= 2"))) == ["T1"]
    assert list(file.select(parse_condition("not damp = yes"))) == ["T2"]
    assert list(file.select(parse_condition("damp is missing or beds is missing"))) == ["T2", "T3"]
    with pytest.raises(RecordsError, match="condition-column"):
        file.select(parse_condition("dx = R10"))


def test_an_id_on_two_rows_names_nobody(register: Register) -> None:
    file = register(ADA, BO, ADA, CY, BO.replace("T2", ""), BO.replace("T2", "x" * 200), BO.replace("T2", "a\x01b"))
    people, report = read(file)
    assert ids(people) == ["T2", "T3"]
    assert skipped(report) == {"id-doubled": [2, 4], "id-missing": [6], "id-unreadable": [7, 8]}
    assert list(file.ids()) == ["T2", "T3"]
    assert list(file.select(parse_condition("damp = yes"))) == []
    assert list(file.attributes({"T1"}, ["age"], NOW)) == []
    assert list(file.facts({"T1"}, NOW)) == []


def test_a_new_export_is_looked_through_anew(register: Register) -> None:
    file = register(ADA, ADA)
    assert list(file.ids()) == []
    register(ADA, BO)
    assert list(file.ids()) == ["T1", "T2"]


def test_ids_that_are_no_ids_stop_the_file(register: Register, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("exchange_node.records.source.MAX_DOUBLED", 1)
    with pytest.raises(RecordsError, match="ids-doubled"):
        list(register(ADA, ADA, BO, BO).ids())


def test_a_file_written_over_while_it_is_read(register: Register) -> None:
    file = register(*(BO.replace("T2", f"T{number}") for number in range(5)))
    people = file.stream(ReadReport())
    next(people)
    register(ADA)
    with pytest.raises(RecordsError, match="file-changed"):
        list(people)


def test_parquet_reads_like_csv(tmp_path: Path, register: Register, table: dict[str, object]) -> None:
    lines = [line.split(",") for line in (ADA, BO, CY)]
    names = HEADER.split(",")
    columns: dict[str, object] = {name: [line[at] or None for line in lines] for at, name in enumerate(names)}
    columns["born"] = pa.array([datetime.date(1985, 12, 10), None, datetime.date(2020, 2, 29)])
    columns["nhs"] = pa.array([9434765919.0, None, 1234567890.0])  # as pandas writes numbers with gaps
    columns["damp"] = pa.array([True, False, None])
    columns["sex"] = pa.array(["F", "1", "X"]).dictionary_encode()
    path = tmp_path / "tenants.parquet"
    pq.write_table(pa.table(columns), path)
    parquet = RecordFile(path, RecordsMapping.parse(table | {"format": "parquet"}))
    csv = register(ADA, BO, CY)
    assert [(found.local_id, found.fields) for found in read(parquet)[0]] == [
        (found.local_id, found.fields) for found in read(csv)[0]
    ]
    assert list(parquet.select(parse_condition("damp = yes"))) == ["T1"]
    assert list(parquet.attributes({"T3"}, ["rooms", "age"], NOW)) == [("T3", {"rooms": 1, "age": 6})]
    assert read(parquet)[1].fields["nhs_number"]["nhs-number-check-digit"].rows == [3]
