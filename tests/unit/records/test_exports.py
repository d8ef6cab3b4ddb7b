"""Columns of interfaces, statistics packages and other countries' systems."""

from __future__ import annotations

from pathlib import Path

import pytest

from exchange_node.records.addresses import address
from exchange_node.records.column_dates import date, read_all
from exchange_node.records.column_forms import place, postcode, sex
from exchange_node.records.headers import role_of
from exchange_node.records.register import read_one, read_pair
from tests.unit.records.registers import people
from tests.unit.records.test_other_systems import both, export, fields, guessed, values


@pytest.mark.parametrize(
    ("role", "names"),
    [
        ("surname", "PID-5.1,pid5_1,Прізвище,Фамилия,ΕΠΩΝΥΜΟ,שם משפחה,Surname & Initials"),
        ("forename", "PID-5.2,Ім'я,Имя,Όνομα,שם פרטי,Prenume,Imię pierwsze"),
        ("full_name", "ПІБ,ФИО,Ονοματεπώνυμο,NUME_SI_PRENUME,Cognome e Nome,Addressee"),
        ("date_of_birth", "PID-7,Дата народження,ΗΜ/ΝΙΑ ΓΕΝΝΗΣΗΣ,תאריך לידה,Data nasterii,D.TARİHİ,Personnr"),
        ("phone", "PID-13.1,Tel mobil,Mobiltfn,Tel. kom.,Cep Tel.,PH_NBR,Κινητό τηλέφωνο,Home phone / mobile"),
        ("postcode", "PID-11.5,CEP,Kod poczt.,Τ.Κ.,Cod poștal,Індекс"),
        ("postcode_town", "Town & postcode,City ST ZIP,Postadress"),
        ("known_as", "Known As,Preferred Name"),
        ("other", "NOME DA MÃE,Imię ojca,Baba Adı,NK1-2.1,Πατρώνυμο"),
    ],
)
def test_words_of_interfaces_and_other_countries(role: str, names: str) -> None:
    assert {name: role_of(name) for name in names.split(",")} == dict.fromkeys(names.split(","), role)


@pytest.mark.parametrize(
    ("text", "expected"),
    [("I am female", "f"), ("1 - Male", "m"), ("Trans woman", "f"), ("Θ", "f"), ("Α", "m"), ("ч", "m"), ("жіноча", "f"),
     ("Mrs", "f"), ("male to female", ""), ("Dr", ""), ("a", "")],
)  # fmt: skip
def test_sexes_in_phrases_titles_and_other_letters(text: str, expected: str) -> None:
    assert sex(text) == expected


@pytest.mark.parametrize(
    ("text", "code", "town"),
    [
        ("York YO1 7AB", "YO1 7AB", "york"),
        ("Halifax, HX12 7AB", "HX12 7AB", "halifax"),
        ("Dayton, OH 45402", "45402", "dayton"),
        ("St Louis, MO 63101-1234", "63101", "st louis"),
        ("752 12 Uppsala", "75212", "uppsala"),
    ],
)
def test_a_town_and_its_code_in_one_cell(text: str, code: str, town: str) -> None:
    assert postcode(text) == code
    assert place(text) == town


@pytest.mark.parametrize(
    ("text", "code"),
    [
        ("ul. Polna 5, 30-123 Kraków", "30123"),
        ("Nørregade 5, 8000 Aarhus C", "8000"),
        ("5 rue Pasteur 69003 Lyon", "69003"),
        ("5 Loop Street, Pretoria, 0002", "0002"),
    ],
)
def test_codes_in_addresses(text: str, code: str) -> None:
    assert postcode(text) == code


def test_a_code_that_only_the_address_has(tmp_path: Path) -> None:
    found = guessed(tmp_path, "surname,adres_zam", '{surname},"ul. {street} {number}, 30-123 Kraków"')
    assert found["postcode"] == found["address_line"] == ("adres_zam",)
    assert "postcode" not in guessed(tmp_path, "surname,adres_zam", "{surname},{number} {street}")


def test_four_digits_behind_a_code(tmp_path: Path) -> None:
    found = guessed(tmp_path, "surname,ZIP4,ZIP5", "{surname},{year},{zip}")
    assert found["postcode"] == ("ZIP5",)


def test_numbers_of_statistics_packages(tmp_path: Path) -> None:
    lines = [f"{one['surname']},{one['day']}.00,{one['month']}.00,{one['year']}.00,1.00" for one in people(100, 1)]
    register = read_one(export(tmp_path / "a.csv", "sname,dobd,dobm,doby,sex", [*lines, "Fox,-99.00,-99.00,-99.00,-9"]))
    expected = [f"{one['year']}-{int(one['month']):02}-{int(one['day']):02}" for one in people(100, 1)]
    assert values(register, "date_of_birth") == [*expected, ""]


def test_numbers_of_persons_begin_with_their_birth_date() -> None:
    texts = ["850612-1234", "19850612-XXXX", "19850612000000"]
    assert [date(text, read_all(texts, [1, 1, 1])) for text in texts] == ["1985-06-12"] * 3
    north = ["311285-1234", "120685-4321"]
    assert [date(text, read_all(north, [1, 1])) for text in north] == ["1985-12-31", "1985-06-12"]


def test_an_address_as_json() -> None:
    assert address('{"street": "5 High Street", "city": "Leeds"}') == address("5 High Street, Leeds")


def test_titles_tell_the_sex_where_nothing_else_does(tmp_path: Path) -> None:
    lines = ["Fox,Herr,M", "Hay,Frau,F", "Elm,Frau,F"] * 20
    assert values(read_one(export(tmp_path / "a.csv", "Name,Anrede,Note", lines)), "sex")[:3] == ["m", "f", "f"]
    assert fields(read_one(export(tmp_path / "b.csv", "Name,Anrede,Sex", lines)))["sex"] == ("Sex",)
    assert "sex" not in guessed(tmp_path, "surname,title", "{surname},{job}")


def test_a_column_of_sexes_before_titles_without_a_name(tmp_path: Path) -> None:
    lines = ["Fox,Mr,M", "Hay,Ms,F", "Elm,Mrs,F"] * 20
    assert fields(read_one(export(tmp_path / "a.csv", "Name,Column2,Column3", lines)))["sex"] == ("Column3",)


def test_names_in_the_letters_of_the_other_file(tmp_path: Path) -> None:
    ours = ("Επώνυμο,Όνομα,Surname (Latin),Name (Latin),dob", "Παππάς{phone},Άννα{phone},{surname},{forename},{dob}")
    a, _ = both(tmp_path, ours, ("Last name,First name,dob", "{surname},{forename},{dob}"))
    assert fields(a)["surname"] == ("Surname (Latin)",)
    assert fields(a)["forename"] == ("Name (Latin)",)
    theirs = ("الاسم الكامل,Name in English,dob", "كات {phone} ليين,{whole},{dob}")
    _, a = both(tmp_path, ("Name (En),dob", "{whole},{dob}"), theirs)
    assert fields(a)["full_name"] == ("Name in English",)


def test_names_in_the_letters_of_the_other_file_are_told_by_their_values(tmp_path: Path) -> None:
    greek = str.maketrans("abcdefghijklmnopqrstuvwxyz", "αβκδεφγηιικλμνοπκρστυβουζξ")
    ours = [
        f"{one['forename'].lower().translate(greek)},{one['surname'].lower().translate(greek)},"
        f"{one['surname']},{one['forename']},{one['dob']}"
        for one in people(200, 1)
    ]
    a = export(tmp_path / "a.csv", "Forename,Surname,Written A,Written B,dob", ours)
    theirs = [f"{one['forename']},{one['surname']},{one['dob']}" for one in people(200, 1)[50:]]
    b = export(tmp_path / "b.csv", "First name,Last name,dob", theirs)
    found = fields(read_pair(a, b)[0])
    assert (found["surname"], found["forename"]) == (("Written A",), ("Written B",))


def test_whole_names_are_halved_as_those_of_the_other_file(tmp_path: Path) -> None:
    parts = ("Прізвище,Ім'я,dob", "Ш{surname},Ю{forename},{dob}")
    for line in ("Ш{surname} Ю{forename},{dob}", "Ш{surname} Ю{forename} Іванович,{dob}"):
        a, b = both(tmp_path, parts, ("ПІБ,dob", line))
        assert set(values(b, "forename")[:200]) == set(values(a, "forename")[200:])
        assert values(b, "surname")[:200] == values(a, "surname")[200:]
    a, b = both(tmp_path, ("ПІБ,dob", "Ю{forename} Ш{surname},{dob}"), ("ПІБ,dob", "Ш{surname} Ю{forename},{dob}"))
    assert values(b, "surname")[:200] == values(a, "surname")[200:]


def test_initials_of_further_names(tmp_path: Path) -> None:
    found = guessed(tmp_path, "Surname,Forename,Elector Initials", "{surname},{forename},{sex}")
    assert found["middle_names"] == ("Elector Initials",)
    lines = ["Fox,Ann,A", "Hay,Bob,B J", "Elm,Carl,C"] * 20
    assert "middle_names" not in fields(read_one(export(tmp_path / "b.csv", "Surname,Forename,Initials", lines)))


def test_a_half_of_the_name_that_is_only_called_a_name(tmp_path: Path) -> None:
    found = guessed(tmp_path, "Pt Name,Pt Surname,Drug Name", "{forename},{surname},{job}")
    assert (found["forename"], found["surname"]) == (("Pt Name",), ("Pt Surname",))
    assert "forename" not in guessed(tmp_path, "Pt Surname,Old Drug Name", "{surname},{job}")


def test_names_with_initials_beside_forenames(tmp_path: Path) -> None:
    lines = ["DLAMINI T,THABO", "VAN DER MERWE JP,JAN PIETER"] * 20
    register = read_one(export(tmp_path / "a.csv", "SURNAME & INITIALS,FULL NAMES", lines))
    assert values(register, "surname")[:2] == ["dlamini", "van der merwe"]
    assert values(register, "forename")[:2] == ["thabo", "jan"]


def test_all_columns_are_of_a_patient_of_an_incident(tmp_path: Path) -> None:
    found = guessed(
        tmp_path,
        "incident.id,incident.crew[0].name,incident.patient.name.given[0],incident.patient.name.family,"
        "incident.patient.birthDate,incident.patient.address.postalCode,incident.gp.name",
        "{row},{job},{forename},{surname},{iso},{postcode},Dr Fox",
    )
    assert found["forename"] == ("incident.patient.name.given[0]",)
    assert found["surname"] == ("incident.patient.name.family",)
    assert found["date_of_birth"] == ("incident.patient.birthDate",)
    assert found["postcode"] == ("incident.patient.address.postalCode",)


def test_marks_that_could_be_sexes(tmp_path: Path) -> None:
    lines = [f"{one['surname']},{'G' if number % 3 else ''}" for number, one in enumerate(people(60, 1))]
    lines[1] = "Fox,B"
    marked = read_one(export(tmp_path / "a.csv", "surname,Franchise Marker", ["Elm,", "Ash,", *lines[::3], *lines]))
    assert "sex" not in fields(marked)


def test_what_they_are_called_by_is_a_forename_where_there_is_no_other(tmp_path: Path) -> None:
    assert guessed(tmp_path, "Surname,Known As", "{surname},{forename}")["forename"] == ("Known As",)
    found = guessed(tmp_path, "Surname,Known As,First Name", "{surname},{forename},{forename}")
    assert found["forename"] == ("First Name",)


def test_a_place_of_birth_is_not_where_one_lives(tmp_path: Path) -> None:
    a, _ = both(
        tmp_path,
        ("surname,dob,COM_NASC,COM_RES_X", "{surname},{dob},{town},{town}"),
        ("surname,dob,town", "{surname},{dob},{town}"),
    )
    assert fields(a)["town"] == ("COM_RES_X",)


@pytest.mark.parametrize("delimiter", "~^")
def test_delimiters_of_interfaces(tmp_path: Path, delimiter: str) -> None:
    line = "{surname}~{forename}~{dob}".replace("~", delimiter)
    found = guessed(tmp_path, f"surname{delimiter}forename{delimiter}dob", line)
    assert list(found) == ["forename", "surname", "date_of_birth"]
