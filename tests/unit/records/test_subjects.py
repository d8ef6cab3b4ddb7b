"""Rows that tell of several people are about those whom the other file knows."""

from __future__ import annotations

from pathlib import Path

from exchange_node.records.read_columns import read_columns
from exchange_node.records.subjects import guess_all
from tests.unit.records.registers import people
from tests.unit.records.test_other_systems import both, export, fields

WARD = (
    "Mum First Name,Mum Surname,Mum DOB,Mum Postcode,Baby DOB,Baby Sex,Named Midwife",
    "{forename},{surname},{dob},{postcode},{seen},M,Ann Fox",
)
VISITS = (
    "Child Forename,Child Surname,Child DOB,Mother Forename,Mother Surname,Mother DOB,Home Postcode",
    "{town},{surname},{seen},{forename},{surname},{iso},{postcode}",
)
PATIENTS = ("Forename,Surname,DOB,Postcode", "{forename},{surname},{dob},{postcode}")


def test_mothers_in_both(tmp_path: Path) -> None:
    a, b = both(tmp_path, WARD, VISITS)
    assert fields(a)["surname"] == ("Mum Surname",)
    assert fields(a)["date_of_birth"] == ("Mum DOB",)
    assert fields(b)["forename"] == ("Mother Forename",)
    assert fields(b)["date_of_birth"] == ("Mother DOB",)
    assert fields(b)["postcode"] == ("Home Postcode",)
    assert "sex" not in fields(a)


def test_mothers_in_one(tmp_path: Path) -> None:
    a, b = both(tmp_path, PATIENTS, VISITS)
    assert fields(b)["forename"] == ("Mother Forename",)
    assert fields(a)["date_of_birth"] == ("DOB",)


def test_others_whom_the_other_file_does_not_know(tmp_path: Path) -> None:
    claims = (
        "Surname,Forename,DOB,Partner Surname,Partner Forename,Partner DOB",
        "{surname},{forename},{dob},{surname},Pat,{seen}",
    )
    _, b = both(tmp_path, PATIENTS, claims)
    assert fields(b)["forename"] == ("Forename",)
    assert fields(b)["date_of_birth"] == ("DOB",)


def test_of_files_that_know_nobody_in_common_the_usual_columns_count(tmp_path: Path) -> None:
    files = [
        read_columns(export(tmp_path / f"{at}.csv", VISITS[0], [VISITS[1].format(**one) for one in people(50, at)]))
        for at in (1, 2)
    ]
    assert [guess.fields["forename"] for guess in guess_all(files, frozenset())] == [("Child Forename",)] * 2
