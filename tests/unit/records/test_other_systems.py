"""Columns as systems export them that nobody asked how: known by what all of a file's columns share, by their cells,
and by the other file.
"""

from __future__ import annotations

from pathlib import Path

import pytest

from exchange_node.records.addresses import address
from exchange_node.records.column_dates import date, read_all
from exchange_node.records.guess import Guess
from exchange_node.records.read_columns import read_columns
from exchange_node.records.register import Register, read_one, read_pair
from tests.unit.records.registers import Person, people


def export(path: Path, header: str, lines: list[str]) -> Path:
    path.write_text("\n".join((header, *lines, "")), encoding="utf-8")
    return path


def fields(register: Register) -> dict[str, tuple[str, ...]]:
    return {name: source.columns for name, source in register.map.fields.items()}


def values(register: Register, field: str) -> list[str]:
    """The standard forms of a field, one for each row."""
    column = register.columns[field]
    return [column.values[code] for code in column.codes]


def guessed(tmp_path: Path, header: str, line: str, count: int = 300) -> dict[str, tuple[str, ...]]:
    """The fields of a file whose lines are filled in for each person."""
    path = export(tmp_path / "a.csv", header, [line.format(**one) for one in people(count, 1)])
    return {name: source.columns for name, source in Guess(read_columns(path)).map().fields.items()}


def both(tmp_path: Path, ours: tuple[str, str], theirs: tuple[str, str]) -> tuple[Register, Register]:
    everyone: list[Person] = people(600, 2)
    sides = ((ours, everyone[:400]), (theirs, everyone[200:]))
    a, b = (
        export(tmp_path / f"{at}.csv", header, [line.format(**one) for one in some])
        for at, ((header, line), some) in enumerate(sides)
    )
    return read_pair(a, b)


def test_what_all_columns_begin_with_says_nothing(tmp_path: Path) -> None:
    found = guessed(
        tmp_path,
        "CUSTNO,CUSTSURNAME,CUSTFORENAME,CUSTBIRTHDATE,CUSTADDRESS1,CUSTADDRESS2,CUSTTOWN,CUSTMOBILENO,STAFF",
        "{row},{surname},{forename},{iso},{address},{village},{town},{phone},{job}",
    )
    assert found["surname"] == ("CUSTSURNAME",)
    assert found["forename"] == ("CUSTFORENAME",)
    assert found["date_of_birth"] == ("CUSTBIRTHDATE",)
    assert found["address_line"] == ("CUSTADDRESS1", "CUSTADDRESS2")
    assert found["town"] == ("CUSTTOWN",)
    assert found["phone"] == ("CUSTMOBILENO",)


def test_parts_of_a_birth_date_behind_a_prefix_and_of_whom_they_are(tmp_path: Path) -> None:
    found = guessed(
        tmp_path,
        "app1_forename,app1_surname,app1_dob_dd,app1_dob_mm,app1_dob_yyyy,app2_forename,app2_surname,app2_dob_dd",
        "{forename},{surname},{day},{month},{year},{forename},{surname},{day}",
    )
    assert found["date_of_birth"] == ("app1_dob_yyyy", "app1_dob_mm", "app1_dob_dd")
    assert found["forename"] == ("app1_forename",)
    assert "middle_names" not in found, "the second of two people is no middle name"


def test_the_name_of_a_flat_stays_with_the_street_and_its_number(tmp_path: Path) -> None:
    header = "surname,House Name/Flat Number,Number and Street"
    assert guessed(tmp_path, header, "{surname},Flat {flat},{address}")["address_line"] == (
        "House Name/Flat Number",
        "Number and Street",
    )
    assert guessed(tmp_path, header, "{surname},{number},{address}")["address_line"] == ("Number and Street",)


def test_staff_are_not_the_people(tmp_path: Path) -> None:
    path = export(
        tmp_path / "a.csv",
        "Column1,Column2,Column3,Column4",
        [
            f"{one['forename']},{one['surname']},{one['dob']},{('Karen Smith', 'Tom Jones')[at % 2]}"
            for at, one in enumerate(people(300, 1))
        ],
    )
    found = {name: source.columns for name, source in Guess(read_columns(path)).map().fields.items()}
    assert found["forename"] == ("Column1",)
    assert found["surname"] == ("Column2",)
    assert "full_name" not in found


@pytest.mark.parametrize(
    ("header", "expected"),
    [
        (
            "Fornavn,Etternavn,Fødselsdato,Kjønn,Gateadresse,Postnr,Poststed",
            "forename surname date_of_birth sex address_line postcode town",
        ),
        (
            "Fornavn(e),Efternavn,Fødselsdag,Køn,Adresse,Postnr.,By",
            "forename surname date_of_birth sex address_line postcode town",
        ),
        (
            "Förnamn,Efternamn,Födelsedatum,Kön,Gatuadress,Postnummer,Postort",
            "forename surname date_of_birth sex address_line postcode town",
        ),
        (
            "Nome próprio,Apelido,Data de Nascimento,Sexo,Morada,Código Postal,Localidade",
            "forename surname date_of_birth sex address_line postcode town",
        ),
    ],
)
def test_more_languages(tmp_path: Path, header: str, expected: str) -> None:
    found = guessed(tmp_path, header, "{forename},{surname},{dob},{sex},{address},{zip},{town}")
    assert found == {name: (column,) for name, column in zip(expected.split(), header.split(","), strict=True)}


def test_dutch_prefixes_are_part_of_the_surname(tmp_path: Path) -> None:
    found = guessed(tmp_path, "Voornaam,Tussenvoegsel,Achternaam", "{forename},van,{surname}")
    assert found["surname"] == ("Achternaam",), "always the same, it tells nothing"
    path = export(
        tmp_path / "a.csv",
        "Voornaam,Tussenvoegsel,Achternaam",
        [f"{one['forename']},{('', 'van', 'de')[at % 3]},{one['surname']}" for at, one in enumerate(people(300, 1))],
    )
    assert Guess(read_columns(path)).fields["surname"] == ("Tussenvoegsel", "Achternaam")


def test_the_v_of_a_dutch_column_is_a_woman_and_of_a_spanish_one_a_man(tmp_path: Path) -> None:
    lines = [f"{'MV'[at % 2]},{one['surname']},{one['dob']}" for at, one in enumerate(people(300, 1))]
    for header, expected in (("Geslacht", ["m", "f"]), ("sexo", ["f", "m"])):
        found = read_one(export(tmp_path / "a.csv", f"{header},surname,dob", lines)).columns["sex"]
        assert [found.values[code] for code in found.codes[:2]] == expected


def test_whole_names_are_known_by_the_names_of_the_other_file(tmp_path: Path) -> None:
    a, b = both(
        tmp_path,
        ("forename,surname,dob", "{forename}ka,{surname}ova,{dob}"),
        ("Wer,Betreuer,dob", "{forename}ka {surname}ova,Karen {job},{dob}"),
    )
    assert fields(b) == {"full_name": ("Wer",), "date_of_birth": ("dob",)}
    assert list(a.columns) == ["forename", "surname", "date_of_birth"]


def test_which_line_is_that_of_the_town_is_told_by_the_other_file(tmp_path: Path) -> None:
    a, _ = both(
        tmp_path,
        ("surname,dob,addr1,addr2,addr3", "{surname},{dob},{address},{town},{state}"),
        ("surname,dob,address,town", "{surname},{dob},{address},{town}"),
    )
    assert fields(a)["town"] == ("addr2",)
    assert fields(a)["address_line"] == ("addr1", "addr3")


def test_of_lines_among_which_the_towns_of_the_other_file_move_none_is_that_of_the_town(tmp_path: Path) -> None:
    everyone = people(600, 2)
    lines = []
    for at, one in enumerate(everyone[:400]):
        parts = [one["address"], one["town"], "Yorkshire"]
        parts = ["Flat 1", *parts[:2]] if at % 4 == 0 else parts
        lines.append(f"{one['surname']},{one['dob']},{','.join(parts)}")
    rest = [f"{one['surname']},{one['dob']},{one['address']},{one['town']}" for one in everyone[200:]]
    in_lines = export(tmp_path / "a.csv", "surname,dob,addr1,addr2,addr3", lines)
    apart = export(tmp_path / "b.csv", "surname,dob,address,town", rest)
    for a, b in (read_pair(in_lines, apart), reversed(read_pair(apart, in_lines))):
        assert fields(a)["address_line"] == ("addr1", "addr2", "addr3")
        assert fields(b)["address_line"] == ("address", "town")


def test_a_place_that_the_other_file_has_in_any_of_its_lines_is_part_of_the_address(tmp_path: Path) -> None:
    everyone = people(600, 2)
    a = export(
        tmp_path / "a.csv",
        "surname,dob,address,town",
        [f"{one['surname']},{one['dob']},{one['address']},{one['town']}" for one in everyone[:400]],
    )
    moving = [
        ["The Mill", one["address"], one["town"], "Kent"] if at % 3 == 0 else [one["address"], one["town"], "Kent", ""]
        for at, one in enumerate(everyone[200:])
    ]
    lines = [
        f"{one['surname']},{one['dob']},{','.join(parts)}" for one, parts in zip(everyone[200:], moving, strict=True)
    ]
    ours, _ = read_pair(a, export(tmp_path / "b.csv", "surname,dob,addr1,addr2,addr3,addr4", lines))
    assert fields(ours)["address_line"] == ("address", "town")


def test_a_place_of_birth_is_not_where_one_lives(tmp_path: Path) -> None:
    found = guessed(tmp_path, "surname,Birth Town,Geboorteplaats", "{surname},{town},{town}")
    assert "town" not in found


def test_cells_that_keep_a_spreadsheet_from_counting(tmp_path: Path) -> None:
    path = export(tmp_path / "a.csv", "surname,code", ['="Smith",="00123"', "Jones,00123", '"=""O\'Neill""","=""7"""'])
    found = read_columns(path).columns
    assert found["surname"].all() == ["Smith", "Jones", "O'Neill"]
    assert found["code"].all() == ["00123", "00123", "7"]
    assert len(found["code"].values) == 3, "each text once"


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("12 High Street Leeds Leeds", "12 high st leeds"),
        ("Flat 3, 12 High Street, West Ham, West Ham", "12 high st w ham flat 3"),
        ("12 12", "12 12"),
        ("Leeds Leeds", "leeds"),
    ],
)
def test_a_town_that_stands_twice(text: str, expected: str) -> None:
    assert address(text) == expected
    assert address(expected) == expected


def test_packed_dates_that_lost_their_zero() -> None:
    texts = ["4021999", "11081962", "18021981"]
    reading = read_all(texts, [1, 1, 1])
    assert [date(text, reading) for text in texts] == ["1999-02-04", "1962-08-11", "1981-02-18"]
    year_first = read_all(["19990204", "19620811"], [1, 1])
    assert date("9990204", year_first) == "", "a year has no zero to lose"


def test_of_whom_a_name_is_said_to_be(tmp_path: Path) -> None:
    found = guessed(
        tmp_path, "Mother's name,Child's name,Child\u2019s DOB,Created by", "{job} {town},{whole},{dob},{town}"
    )
    assert found["full_name"] == ("Child's name",)
    assert found["date_of_birth"] == ("Child\u2019s DOB",)
    assert "town" not in found, "`by` is a town in Danish, but only where it stands alone"


@pytest.mark.parametrize("born", ["{day}th May {year}", "Tue {day} Jan {year}", "May {day}th, {year}"])
def test_dates_in_words(tmp_path: Path, born: str) -> None:
    lines = [f'{one["surname"]},"{born.format(**one)}"' for one in people(50, 1)]
    register = read_one(export(tmp_path / "a.csv", "surname,born", lines))
    assert fields(register)["date_of_birth"] == ("born",)
    expected = [one["year"] for one in people(50, 1)]
    assert [value[:4] for value in values(register, "date_of_birth")] == expected


@pytest.mark.parametrize(
    ("header", "line", "columns"),
    [
        ("surname,Birthday,Year", "{surname},{day} May,{year}", ("Year", "Birthday")),
        ("surname,Birthday,Year", "{surname},{day}/05,{year}", ("Year", "Birthday")),
        ("surname,yob,mob,dob", "{surname},{year},{month},{day}", ("yob", "mob", "dob")),
    ],
)
def test_a_birth_date_in_parts(tmp_path: Path, header: str, line: str, columns: tuple[str, ...]) -> None:
    register = read_one(export(tmp_path / "a.csv", header, [line.format(**one) for one in people(200, 1)]))
    assert fields(register)["date_of_birth"] == columns
    month = "{month}" if "{month}" in line else "5"
    expected = [f"{one['year']}-{int(month.format(**one)):02}-{int(one['day']):02}" for one in people(200, 1)]
    assert values(register, "date_of_birth") == expected


def test_birth_dates_with_years_of_two_digits(tmp_path: Path) -> None:
    lines = [
        f"{one['surname']},{one['dob'].replace('/', '')[:4]}{one['year'][2:]},{number:06}"
        for number, one in zip(range(1, 999999, 4999), people(200, 1), strict=False)
    ]
    found = Guess(read_columns(export(tmp_path / "a.csv", "v1,v2,v3", lines))).map().fields
    assert found["date_of_birth"].columns == ("v2",)
    found = Guess(read_columns(export(tmp_path / "b.csv", "v1,v3,v2", lines))).map().fields
    assert found["date_of_birth"].columns == ("v3",)


def test_a_postcode_in_two_columns(tmp_path: Path) -> None:
    lines = [f"{one['surname']},{one['postcode'].replace(' ', ',')}" for one in people(50, 1)]
    register = read_one(export(tmp_path / "a.csv", "surname,Postcode Out,Postcode In", lines))
    assert values(register, "postcode") == [one["postcode"] for one in people(50, 1)]


def test_initials_are_forenames_where_there_are_no_others(tmp_path: Path) -> None:
    assert guessed(tmp_path, "Surname,Inits", "{surname},{title}")["forename"] == ("Inits",)
    assert guessed(tmp_path, "Surname,Inits,Forename", "{surname},{title},{forename}")["forename"] == ("Forename",)
    assert "forename" not in guessed(tmp_path, "Name,Inits", "{whole},{title}")
    several = read_one(export(tmp_path / "b.csv", "Surname,Inits", ["Smith,JP", "Jones,B.", "Khan,T. L."]))
    assert values(several, "forename") == ["j", "b", "t"]
    assert values(several, "middle_names") == ["p", "", "l"]
    short = read_one(export(tmp_path / "c.csv", "Surname,Forename", ["CHEN,LI", "KIM,JO", "WU,WEI"]))
    assert values(short, "forename") == ["li", "jo", "wei"]


def test_mobiles_come_first(tmp_path: Path) -> None:
    found = guessed(tmp_path, "surname,Tel (home),Tel (mob)", "{surname},{phone},{phone}")
    assert found["phone"] == ("Tel (mob)", "Tel (home)")


def test_phones_under_a_name_that_is_not_known(tmp_path: Path) -> None:
    assert guessed(tmp_path, "surname,رقم الهاتف", "{surname},{phone}")["phone"] == ("رقم الهاتف",)
