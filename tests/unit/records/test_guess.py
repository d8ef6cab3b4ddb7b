"""What is guessed of the columns of many systems, from their names and their cells."""

from __future__ import annotations

import random
from pathlib import Path

import pytest

from exchange_node.records.errors import RecordsError
from exchange_node.records.guess import Guess
from exchange_node.records.headers import role_of
from exchange_node.records.read_columns import read_columns
from exchange_node.records.register import Register, read_one, read_pair
from tests.unit.records.registers import people, write

Fields = dict[str, list[str]]
FAMILIES: dict[str, tuple[str, Fields]] = {
    "NHS PDS": (
        "NHS_NUMBER=nhs FAMILY_NAME=surname GIVEN_NAME=forename OTHER_GIVEN_NAME=middle ALTERNATIVE_FAMILY_NAME=none "
        "GENDER=sex DATE_OF_BIRTH=packed DATE_OF_DEATH=none ADDRESS_LINE1=address ADDRESS_LINE2=village "
        "ADDRESS_LINE3=town POSTCODE=postcode TELEPHONE_NUMBER=phone MOBILE_NUMBER=none EMAIL_ADDRESS=email "
        "LOCAL_PATIENT_ID=row AS_AT_DATE=seen",
        {
            "forename": ["GIVEN_NAME"],
            "middle_names": ["OTHER_GIVEN_NAME"],
            "surname": ["FAMILY_NAME"],
            "date_of_birth": ["DATE_OF_BIRTH"],
            "sex": ["GENDER"],
            "postcode": ["POSTCODE"],
            "address_line": ["ADDRESS_LINE1", "ADDRESS_LINE2"],
            "town": ["ADDRESS_LINE3"],
            "phone": ["TELEPHONE_NUMBER"],
            "email": ["EMAIL_ADDRESS"],
            "nhs_number": ["NHS_NUMBER"],
        },
    ),
    "housing": (
        "Tenancy Ref=row|Title=title|First Names=forename|Tenant Surname=surname|D.O.B.=dob|NI No.=ni|House No=number|"
        "Street=street|Town=town|Post Code=postcode|Home Tel No=phone|Start Date=seen|Notes=note",
        {
            "forename": ["First Names"],
            "surname": ["Tenant Surname"],
            "date_of_birth": ["D.O.B."],
            "postcode": ["Post Code"],
            "address_line": ["House No", "Street"],
            "town": ["Town"],
            "phone": ["Home Tel No"],
            "ni_number": ["NI No."],
        },
    ),
    "police": (
        "PNCID=uuid SURNAME=surname FORENAME1=forename FORENAME2=middle DOB=dob SEX=sex LAST_KNOWN_ADDRESS=address",
        {"forename": ["FORENAME1"], "middle_names": ["FORENAME2"], "surname": ["SURNAME"], "date_of_birth": ["DOB"],
         "sex": ["SEX"], "address_line": ["LAST_KNOWN_ADDRESS"], "pncid": ["PNCID"]},
    ),
    "housing list": (
        "Tenant=reversed|Born=dob|pc=postcode|Current value=note",
        {"full_name": ["Tenant"], "date_of_birth": ["Born"], "postcode": ["pc"]},
    ),
    "council": (
        "Name=reversed|Property Address=address|Postcode=postcode|E-mail=email",
        {"full_name": ["Name"], "address_line": ["Property Address"], "postcode": ["Postcode"], "email": ["E-mail"]},
    ),
    "voters": (
        "voter_reg_num=row last_name=surname first_name=forename middle_name=middle name_suffix_lbl=none "
        "res_street_address=address res_city_desc=town state_cd=state zip_code=zip birth_year=year birth_age=age "
        "gender_code=sex full_phone_number=phone status_cd=one",
        {"forename": ["first_name"], "middle_names": ["middle_name"], "surname": ["last_name"],
         "date_of_birth": ["birth_year"], "sex": ["gender_code"], "postcode": ["zip_code"],
         "address_line": ["res_street_address"], "town": ["res_city_desc"], "state": ["state_cd"],
         "phone": ["full_phone_number"]},
    ),
    "FEBRL": (
        "rec_id=row given_name=forename surname=surname street_number=number address_1=street address_2=village "
        "suburb=town postcode=zip state=state date_of_birth=packed soc_sec_id=ssn",
        {"forename": ["given_name"], "surname": ["surname"], "date_of_birth": ["date_of_birth"],
         "postcode": ["postcode"],
         "address_line": ["street_number", "address_1", "address_2"], "town": ["suburb"], "state": ["state"],
         "soc_sec_id": ["soc_sec_id"]},
    ),
    "pseudopeople": (
        "simulant_id=row first_name=forename middle_initial=middle last_name=surname age=age date_of_birth=us-dob "
        "street_number=number street_name=street unit_number=flat city=town state=state zipcode=zip sex=word-sex "
        "ssn=ssn",
        {"forename": ["first_name"], "middle_names": ["middle_initial"], "surname": ["last_name"],
         "date_of_birth": ["date_of_birth"], "sex": ["sex"], "postcode": ["zipcode"],
         "address_line": ["street_number", "street_name", "unit_number"], "town": ["city"], "state": ["state"],
         "ssn": ["ssn"]},
    ),
    "Splink": (
        "unique_id=row cluster=row full_name=whole first_and_surname=whole first_name=forename surname=surname dob=iso "
        "birth_place=town postcode_fake=postcode gender=word-sex occupation=job email=email",
        {"forename": ["first_name"], "surname": ["surname"], "date_of_birth": ["dob"], "sex": ["gender"],
         "postcode": ["postcode_fake"], "email": ["email"], "birth_place": ["birth_place"],
         "occupation": ["occupation"]},
    ),
    "RLdata": (
        "fname_c1=forename fname_c2=middle lname_c1=surname lname_c2=none by=year bm=month bd=day",
        {"forename": ["fname_c1"], "middle_names": ["fname_c2"], "surname": ["lname_c1"],
         "date_of_birth": ["by", "bm", "bd"]},
    ),
    "German": (
        "Vorname=forename Name=surname Geburtsdatum=dob Geschlecht=sex Straße=street Hausnummer=number PLZ=zip "
        "Ort=town",
        {"forename": ["Vorname"], "surname": ["Name"], "date_of_birth": ["Geburtsdatum"], "sex": ["Geschlecht"],
         "postcode": ["PLZ"], "address_line": ["Hausnummer", "Straße"], "town": ["Ort"]},
    ),
    "French": (
        "nom=surname|prénom=forename|date de naissance=dob|sexe=sex|adresse=address|code postal=zip|ville=town|"
        "courriel=email",
        {"forename": ["prénom"], "surname": ["nom"], "date_of_birth": ["date de naissance"], "sex": ["sexe"],
         "postcode": ["code postal"], "address_line": ["adresse"], "town": ["ville"], "email": ["courriel"]},
    ),
    "Spanish": (
        "nombre=forename primer_apellido=surname segundo_apellido=surname fecha_nacimiento=dob sexo=sex "
        "codigo_postal=zip",
        {"forename": ["nombre"], "surname": ["primer_apellido", "segundo_apellido"],
         "date_of_birth": ["fecha_nacimiento"], "sex": ["sexo"], "postcode": ["codigo_postal"]},
    ),
    "a prefix that nobody knows": (
        "CLNT_REF=row CLNT_SRNM=surname CLNT_FRNM=forename CLNT_GNDR=sex CLNT_DOB=dob CLNT_ADR_LN1=address "
        "CLNT_TWN=town CLNT_PSTCD=postcode NOK_SURNAME=job OM_SURNAME=state CLNT_LAST_LOGIN=seen",
        {"forename": ["CLNT_FRNM"], "surname": ["CLNT_SRNM"], "date_of_birth": ["CLNT_DOB"], "sex": ["CLNT_GNDR"],
         "postcode": ["CLNT_PSTCD"], "address_line": ["CLNT_ADR_LN1"], "town": ["CLNT_TWN"],
         "nok_surname": ["NOK_SURNAME"], "om_surname": ["OM_SURNAME"]},
    ),
    "the people of an account": (
        "Name of Occupant=reversed|Occupant Birth Dt=iso|Gender Identity=word-sex|Dwelling Addr 1=address|"
        "Dwelling Addr 2=village|Dwelling Addr 3=town|Dwelling Addr 4 (Postcode)=postcode|Sex Offender Flag=one",
        {"full_name": ["Name of Occupant"], "date_of_birth": ["Occupant Birth Dt"], "sex": ["Gender Identity"],
         "postcode": ["Dwelling Addr 4 (Postcode)"], "address_line": ["Dwelling Addr 1", "Dwelling Addr 2"],
         "town": ["Dwelling Addr 3"]},
    ),
    "FHIR": (
        "resource.id=uuid resource.name.0.family=surname resource.name.0.given.0=forename "
        "resource.name.0.given.1=middle resource.birthDate=iso resource.gender=word-sex "
        "resource.address.0.line.0=address resource.address.0.city=town resource.address.0.postalCode=postcode "
        "resource.telecom.0.value=phone resource.meta.lastUpdated=seen",
        {"forename": ["resource.name.0.given.0"], "middle_names": ["resource.name.0.given.1"],
         "surname": ["resource.name.0.family"], "date_of_birth": ["resource.birthDate"], "sex": ["resource.gender"],
         "postcode": ["resource.address.0.postalCode"], "address_line": ["resource.address.0.line.0"],
         "town": ["resource.address.0.city"], "phone": ["resource.telecom.0.value"]},
    ),
    "parts called alike": (
        "surname=surname forename=forename dob_day=day mob=month yob=year",
        {"forename": ["forename"], "surname": ["surname"], "date_of_birth": ["yob", "mob", "dob_day"]},
    ),
    "Welsh": (
        "Enw cyntaf=forename|Cyfenw=surname|Dyddiad geni=dob|Rhyw / Sex=word-sex|Cyfeiriad=address|Tref=town|"
        "Cod post=postcode",
        {"forename": ["Enw cyntaf"], "surname": ["Cyfenw"], "date_of_birth": ["Dyddiad geni"],
         "sex": ["Rhyw / Sex"], "postcode": ["Cod post"], "address_line": ["Cyfeiriad"], "town": ["Tref"]},
    ),
    "Turkish": (
        "Adı=forename|Soyadı=surname|Doğum Tarihi=dob|Cinsiyet=sex|Adres=address|İl=town|Posta Kodu=zip",
        {"forename": ["Adı"], "surname": ["Soyadı"], "date_of_birth": ["Doğum Tarihi"], "sex": ["Cinsiyet"],
         "postcode": ["Posta Kodu"], "address_line": ["Adres"], "town": ["İl"]},
    ),
    "Polish": (
        "Imię=forename|Nazwisko=surname|Data urodzenia=dob|Płeć=sex|Nr domu=number|Ulica=street|"
        "Kod pocztowy=zip|Miejscowość=town",
        {"forename": ["Imię"], "surname": ["Nazwisko"], "date_of_birth": ["Data urodzenia"], "sex": ["Płeć"],
         "postcode": ["Kod pocztowy"], "address_line": ["Nr domu", "Ulica"], "town": ["Miejscowość"]},
    ),
    "nothing said": (
        "c1=row c2=forename c3=surname c4=dob c5=sex c6=address c7=postcode c8=email c9=nhs",
        {"forename": ["c2"], "surname": ["c3"], "date_of_birth": ["c4"], "sex": ["c5"], "postcode": ["c7"],
         "address_line": ["c6"], "email": ["c8"], "nhs_number": ["c9"]},
    ),
    "one line": (
        "name=whole address=one-line previous_surname=surname previous_postcode=postcode",
        {"full_name": ["name"], "postcode": ["address"], "address_line": ["address"],
         "previous_surname": ["previous_surname"], "previous_postcode": ["previous_postcode"]},
    ),
    "names that mislead": (
        "name=forename surname=surname dob=age birth_date=dob town=town phone=note sex=one gender=sex registered=seen",
        {"forename": ["name"], "surname": ["surname"], "date_of_birth": ["birth_date"], "sex": ["gender"],
         "town": ["town"]},
    ),
}  # fmt: skip


def columns_of(text: str) -> dict[str, str]:
    pairs = text.split("|") if "|" in text else text.split()
    return dict(pair.split("=", 1) for pair in pairs)


@pytest.mark.parametrize("family", FAMILIES)
def test_families_of_headers(tmp_path: Path, family: str) -> None:
    text, expected = FAMILIES[family]
    columns = columns_of(text)
    found = Guess(read_columns(write(tmp_path / "a.csv", columns, people(300, 1)))).map()
    fields = {name: list(source.columns) for name, source in found.fields.items()}
    if family == "names that mislead":
        fields = {name: columns for name, columns in fields.items() if name in expected}
    assert fields == expected
    used = {column for source in found.fields.values() for column in source.columns}
    assert used.isdisjoint(found.ignored)
    assert used | found.ignored.keys() == columns.keys(), "every column is used or ignored with a reason"


def linked(tmp_path: Path, ours: str, theirs: str, header: bool = True) -> tuple[Register, Register]:
    everyone = people(600, 2)
    a = write(tmp_path / "a.csv", columns_of(ours), everyone[:400])
    rest = everyone[200:]
    random.Random(0).shuffle(rest)
    return read_pair(a, write(tmp_path / "b.csv", columns_of(theirs), rest, header))


def columns_used(register: Register) -> Fields:
    return {name: list(source.columns) for name, source in register.map.fields.items()}


def test_two_registers_of_other_systems_come_to_the_same_values(tmp_path: Path) -> None:
    a, b = linked(
        tmp_path,
        "id=row first_name=forename surname=surname dob=iso sex=sex address=address town=town postcode=postcode "
        "mobile=phone",
        "ref=uuid Name=reversed day=day month=month year=year Gender=word-sex House_No=number Street=street city=town "
        "PostCode=postcode Tel=phone",
    )
    assert list(a.columns) == list(b.columns)
    assert list(a.columns) == [
        "forename", "surname", "date_of_birth", "sex", "postcode", "address_line", "town", "phone",
    ]  # fmt: skip
    rows_a, rows_b = ({tuple(column.values[code] for column, code in zip(side.columns.values(), codes, strict=True))
                       for codes in zip(*(column.codes for column in side.columns.values()), strict=True)}
                      for side in (a, b))  # fmt: skip
    assert len(rows_a & rows_b) == 200
    assert b.map.ignored["ref"]


def test_own_fields_count_where_both_have_them_and_their_values_meet(tmp_path: Path) -> None:
    a, b = linked(
        tmp_path,
        "surname=surname dob=dob ssn=ssn job=job key=uuid colour=town only=job",
        "surname=surname dob=dob SSN=ssn Job=job key=uuid colour=job",
    )
    assert {name: column.kind for name, column in a.columns.items()} == {
        "surname": "name",
        "date_of_birth": "date",
        "ssn": "number",
        "job": "place",
    }
    assert a.map.ignored["colour"] == b.map.ignored["colour"] == "its values are not those of the other file"
    assert a.map.ignored["only"] == "nothing in the other file was taken for the same; --map can name it"


def test_a_file_without_a_header_is_known_by_its_cells_and_by_the_other_file(tmp_path: Path) -> None:
    _, b = linked(
        tmp_path,
        "surname=surname forename=forename dob=dob town=town occupation=job",
        "x1=forename x2=surname x3=dob x4=job x5=town",
        header=False,
    )
    assert b.rows == 400
    assert columns_used(b) == {
        "forename": ["column_1"],
        "surname": ["column_2"],
        "date_of_birth": ["column_3"],
        "town": ["column_5"],
        "occupation": ["column_4"],
    }


def test_columns_called_alike_are_told_apart_by_their_cells(tmp_path: Path) -> None:
    path = tmp_path / "a.csv"
    lines = [
        f"{one['surname']},{one['forename']},{one['middle']},{one['seen']},{one['dob']}\n" for one in people(300, 1)
    ]
    path.write_text("Name,Name,Name,Date,Date\n" + "".join(lines))
    fields = Guess(read_columns(path)).map().fields
    assert {name: source.columns for name, source in fields.items()} == {
        "forename": ("Name_2",),
        "middle_names": ("Name_3",),
        "surname": ("Name",),
        "date_of_birth": ("Date_2",),
    }


def test_a_code_and_its_town_in_one_column_are_both(tmp_path: Path) -> None:
    path = tmp_path / "a.csv"
    lines = [f"{one['surname']},{one['forename']},{one['zip']} {one['town']}\n" for one in people(300, 1)]
    path.write_text("Nachname,Vorname,PLZ / Ort\n" + "".join(lines))
    found = read_one(path)
    assert found.map.fields["postcode"].columns == found.map.fields["town"].columns == ("PLZ / Ort",)
    assert set(found.columns["town"].values[1:]) == {one["town"].lower() for one in people(300, 1)}
    assert set(found.columns["postcode"].values[1:]) == {one["zip"] for one in people(300, 1)}


def test_people_with_titles_in_a_column_that_says_nothing_of_names(tmp_path: Path) -> None:
    path = tmp_path / "a.csv"
    lines = [f"{one['title']} {one['forename'][0]} {one['surname']},{one['postcode']}\n" for one in people(300, 1)]
    path.write_text("LIABLE_1,PCODE\n" + "".join(lines))
    assert read_one(path).map.fields["full_name"].columns == ("LIABLE_1",)


def test_a_column_whose_name_is_not_known_is_known_by_the_other_file(tmp_path: Path) -> None:
    a, b = linked(
        tmp_path, "surname=surname forename=forename phone=phone", "surname=surname forename=forename gsm=phone"
    )
    assert columns_used(b)["phone"] == ["gsm"]
    assert list(a.columns) == ["forename", "surname", "phone"]


def test_a_town_stays_in_the_address_where_the_other_file_has_it_there(tmp_path: Path) -> None:
    ours = "surname=surname dob=dob address=address city=town"
    a, b = linked(tmp_path, ours, "surname=surname dob=dob address=line")
    assert columns_used(a)["address_line"] == ["address", "city"]
    assert len(set(a.columns["address_line"].values) & set(b.columns["address_line"].values)) > 100
    apart, _ = linked(tmp_path, ours, "surname=surname dob=dob address=address")
    assert columns_used(apart)["address_line"] == ["address"]


def test_a_flag_is_no_initial(tmp_path: Path) -> None:
    path, other = tmp_path / "a.csv", tmp_path / "b.csv"
    everyone = list(enumerate(people(300, 1)))
    path.write_text(
        "surname,dob,Arrears\n" + "".join(f"{one['surname']},{one['dob']},{'NY'[at % 2]}\n" for at, one in everyone)
    )
    other.write_text(
        "surname,dob,middle_name\n"
        + "".join(
            f"{one['surname']},{one['dob']},{'NY'[at % 2] + 'abcdefghij'[at % 10] * (at % 7)}\n" for at, one in everyone
        )
    )
    a, _ = read_pair(path, other)
    assert list(a.columns) == ["surname", "date_of_birth"]


def test_of_lines_that_move_up_none_is_that_of_the_town(tmp_path: Path) -> None:
    path = tmp_path / "a.csv"
    lines = []
    for at, one in enumerate(people(300, 1)):
        parts = ["The Mill", one["address"], one["town"]] if at % 4 == 0 else [one["address"], one["town"], ""]
        lines.append(f"{one['surname']},{','.join(parts)}\n")
    path.write_text("surname,addr1,addr2,addr3\n" + "".join(lines))
    fields = Guess(read_columns(path)).map().fields
    assert fields["address_line"].columns == ("addr1", "addr2", "addr3")
    assert "town" not in fields


def test_who_wrote_a_row_and_its_number_are_not_the_person(tmp_path: Path) -> None:
    found = people(300, 1)
    codes = random.Random(1).sample(range(10**6), 300)
    extra = [{**one, "#": str(code), "by": one["job"]} for one, code in zip(found, codes, strict=True)]
    columns = {"#": "#", "surname": "surname", "dob": "dob", "Created by": "by", "Job": "job"}
    ours = read_one(write(tmp_path / "a.csv", columns, extra)).map
    assert list(ours.fields) == ["surname", "date_of_birth", "job"]
    assert set(ours.ignored) == {"#", "Created by"}


def test_the_truth_is_never_used(tmp_path: Path) -> None:
    path = write(tmp_path / "a.csv", {"who": "ssn", "surname": "surname", "dob": "dob"}, people(100, 3))
    a, b = read_pair(path, path, exclude=frozenset({"who"}))
    assert "who" not in {column for source in a.map.fields.values() for column in source.columns}
    assert a.map.ignored["who"] == "it is the truth, kept apart"
    assert b.column("who")[5] == people(100, 3)[5]["ssn"]


def test_nothing_to_link_by(tmp_path: Path) -> None:
    path = write(tmp_path / "a.csv", {"id": "row", "note": "note"}, people(100, 3))
    with pytest.raises(RecordsError, match="fields-none"):
        read_one(path)
    other = write(tmp_path / "b.csv", {"surname": "surname"}, people(100, 3))
    third = write(tmp_path / "c.csv", {"dob": "dob"}, people(100, 3))
    with pytest.raises(RecordsError, match="fields-none"):
        read_pair(other, third)


@pytest.mark.parametrize(
    ("name", "role"),
    [
        ("Date of Birth (dd/mm/yyyy)", "date_of_birth"),
        ("MothersMaidenName", "other"),
        ("mother_maiden_name", "other"),
        ("gp_postcode", "other"),
        ("Mother's DOB", "other"),
        ("Postcode Out", "outcode"),
        ("place of birth", ""),
        ("Surname_A", "surname"),
        ("entity_id", "truth"),
        ("client_id", "row-id"),
        ("", ""),
        ("!!!", ""),
    ],
)
def test_roles(name: str, role: str) -> None:
    assert role_of(name) == role
