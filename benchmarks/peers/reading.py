"""A person file as a table of DuckDB that Splink can link: known columns found by name, values cleaned in SQL.

What is done here is what Splink's own guides ask of its users before they link: one case, no accents or punctuation,
ISO dates, placeholders made missing, abbreviations of streets spelled one way.
"""

from __future__ import annotations

import csv
from collections.abc import Callable
from pathlib import Path

import duckdb

TRUTH = "entity_id"  # never part of a model: scores alone read it

# Our names of the fields, and what else files call them.
KNOWN = {
    "forename": {"given_name", "first_name", "first", "vorname", "nombre"},
    "middle_names": {"middle", "middle_name", "middle_initial"},
    "surname": {"last_name", "family_name", "last", "nachname", "apellidos"},
    "date_of_birth": {"dob", "birth_date", "born", "geburtsdatum", "fecha_nacimiento"},
    "birth_year": {"year_of_birth", "yob"},
    "sex": {"gender", "geschlecht", "sexo"},
    "postcode": {"zip", "zipcode", "zip_code", "pc", "plz"},
    "house": {"street_number", "house_number"},
    "address": {"address_1", "address_line", "address_line_1", "street", "street_address", "res_street_address"}
    | {"strasse", "straße"},
    "locality": {"address_2"},
    "town": {"suburb", "city", "village", "ort", "municipio"},
    "region": {"state", "county"},
    "phone": {"phone_number", "telephone", "mobile"},
    "email": {"e_mail", "correo"},
}
NAME = "name"  # a whole name in one column: the first word is the forename, the last the surname
STREETS = {
    "ROAD": "RD", "STREET": "ST", "AVENUE": "AVE", "CLOSE": "CL", "LANE": "LN", "DRIVE": "DR", "CRESCENT": "CRES",
    "GARDENS": "GDNS", "GROVE": "GR", "PLACE": "PL", "COURT": "CT", "TERRACE": "TERR",
    "APARTMENT": "FLAT", "APT": "FLAT",
}  # fmt: skip
DATES = ("%Y-%m-%d", "%Y%m%d", "%d/%m/%Y", "%m/%d/%Y", "%d-%m-%Y", "%d.%m.%Y")  # the one that fits most rows

SPELLED = tuple(zip("äöüßÄÖÜłŁ", ("ae", "oe", "ue", "ss", "AE", "OE", "UE", "l", "L"), strict=True))


def columns(file: Path) -> dict[str, str]:
    """Known field -> the file's own column."""
    with file.open(newline="", encoding="utf-8") as lines:
        header = next(csv.reader(lines))
    names = {name: field for field, others in KNOWN.items() for name in (field, *others)}
    own = {names[name.lower()]: name for name in header if name.lower() in names}
    whole = next((name for name in header if name.lower() == NAME), None)
    return {"forename": whole, "surname": whole} | own if whole else own


def _upper(column: str) -> str:
    spelled = column
    for letter, letters in SPELLED:
        spelled = f"replace({spelled}, '{letter}', '{letters}')"
    return f"upper(strip_accents({spelled}))"


def _words(column: str) -> str:
    return f"trim(regexp_replace(regexp_replace({_upper(column)}, '''', '', 'g'), '[^A-Z0-9]+', ' ', 'g'))"


def _surname(column: str) -> str:
    return f"regexp_replace({_words(column)}, ' (JR|SR|II|III)$', '')"


def _address(column: str) -> str:
    cleaned = rf"regexp_replace({_words(column)}, 'STRASSE\b', 'STR', 'g')"
    for long, short in STREETS.items():
        cleaned = rf"regexp_replace({cleaned}, '\b{long}\b', '{short}', 'g')"
    return f"CASE WHEN {cleaned} <> 'NO FIXED ABODE' THEN {cleaned} END"


def _postcode(column: str) -> str:
    """A British one with its one space, so that Splink's comparison finds the parts; any other without spaces."""
    code = f"regexp_replace({_upper(column)}, '[^A-Z0-9]', '', 'g')"
    spaced = f"CASE WHEN {code} ~ '[A-Z].*' THEN left({code}, -3) || ' ' || right({code}, 3) ELSE {code} END"
    return f"CASE WHEN {code} NOT LIKE 'ZZ99%' THEN {spaced} END"


CLEANED: dict[str, Callable[[str], str]] = {
    "forename": _words,
    "surname": _surname,
    "middle_names": _words,
    "sex": lambda column: f"left({_upper(column)}, 1)",
    "postcode": _postcode,
    "address": _address,
    "phone": lambda column: f"regexp_replace({column}, '[^0-9]', '', 'g')",
    "email": lambda column: f"lower(trim({column}))",
}


def load(connection: duckdb.DuckDBPyConnection, file: Path, table: str, fields: list[str]) -> int:
    """Create `table` with `unique_id` (rows counted from 0 below the header), the fields and `entity_id`; its rows."""
    own = columns(file)
    source = f"read_csv({_text(str(file))}, all_varchar = true, header = true)"
    values = []
    for field in fields:
        column = _quoted(own[field])
        if field == "date_of_birth":
            value = _date(column, _date_format(connection, source, column))
        elif own[field].lower() == NAME:
            value = f"split_part({_words(column)}, ' ', {1 if field == 'forename' else -1})"
        else:
            value = CLEANED.get(field, _words)(column)
        absent = f"upper(trim({column})) IN ('UNKNOWN', 'N/A', '-')"
        values.append(f"CASE WHEN NOT {absent} THEN nullif({value}, '') END AS {field}")
    derived = ["*"]
    if {"forename", "surname"} <= set(fields):
        derived.append("forename || ' ' || surname AS full_name")
    if "date_of_birth" in fields:
        derived += ["left(date_of_birth, 4) AS birth_year", "right(date_of_birth, 5) AS birthday"]
    with file.open(encoding="utf-8") as lines:
        truth = TRUTH if TRUTH in lines.readline() else f"NULL AS {TRUTH}"
    connection.execute(
        f"CREATE TABLE {table} AS SELECT {', '.join(derived)} FROM (SELECT "
        f"{', '.join(['row_number() OVER () - 1 AS unique_id', *values, truth])} FROM {source})"
    )
    ((rows,),) = connection.execute(f"SELECT count(*) FROM {table}").fetchall()
    return int(rows)


def _date_format(connection: duckdb.DuckDBPyConnection, source: str, column: str) -> str:
    counts = ", ".join(f"count(try_strptime({column}, '{form}'))" for form in DATES)
    (fitting,) = connection.execute(f"SELECT {counts} FROM {source}").fetchall()
    return max(zip(DATES, fitting, strict=True), key=lambda pair: pair[1])[0]


def _date(column: str, form: str) -> str:
    date = f"try_strptime({column}, '{form}')::DATE"
    return f"CASE WHEN {date} <> DATE '1900-01-01' THEN strftime({date}, '%Y-%m-%d') END"


def _text(value: str) -> str:
    return "'" + value.replace("'", "''") + "'"


def _quoted(name: str) -> str:
    return '"' + name.replace('"', '""') + '"'
