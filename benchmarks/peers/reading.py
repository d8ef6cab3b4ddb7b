"""A person file as a table of DuckDB that Splink can link: known columns found by name, values cleaned in SQL.

What is done here is what Splink's own guides ask of its users before they link: one case, no accents or punctuation,
ISO dates, placeholders made missing, abbreviations of streets spelled one way.
"""

from __future__ import annotations

import csv
from pathlib import Path

import duckdb

TRUTH = "entity_id"  # never part of a model: scores alone read it

# Our names of the fields, and what else files call them.
KNOWN = {
    "forename": {"given_name", "first_name", "first"},
    "middle_names": {"middle", "middle_name", "middle_initial"},
    "surname": {"last_name", "family_name", "last"},
    "date_of_birth": {"dob", "birth_date", "born"},
    "sex": {"gender"},
    "postcode": {"zip", "zipcode", "zip_code", "pc"},
    "house": {"street_number", "house_number"},
    "address": {"address_1", "address_line", "street", "street_address"},
    "locality": {"address_2"},
    "town": {"suburb", "city"},
    "region": {"state", "county"},
    "phone": {"phone_number", "telephone"},
    "email": {"e_mail"},
}
STREETS = {
    "ROAD": "RD", "STREET": "ST", "AVENUE": "AVE", "CLOSE": "CL", "LANE": "LN", "DRIVE": "DR", "CRESCENT": "CRES",
    "GARDENS": "GDNS", "GROVE": "GR", "PLACE": "PL", "COURT": "CT", "TERRACE": "TERR", "APARTMENT": "FLAT", "APT": "FLAT",
}  # fmt: skip
DATES = ("%Y-%m-%d", "%Y%m%d", "%d/%m/%Y", "%d-%m-%Y")


def columns(file: Path) -> dict[str, str]:
    """Known field -> the file's own column."""
    with file.open(newline="", encoding="utf-8") as lines:
        header = next(csv.reader(lines))
    names = {name: field for field, others in KNOWN.items() for name in (field, *others)}
    return {names[name.lower()]: name for name in header if name.lower() in names}


def _upper(column: str) -> str:
    return f"upper(strip_accents({column}))"


def _words(column: str) -> str:
    return f"trim(regexp_replace(regexp_replace({_upper(column)}, '''', '', 'g'), '[^A-Z0-9]+', ' ', 'g'))"


def _address(column: str) -> str:
    cleaned = _words(column)
    for long, short in STREETS.items():
        cleaned = rf"regexp_replace({cleaned}, '\b{long}\b', '{short}', 'g')"
    return f"CASE WHEN {cleaned} <> 'NO FIXED ABODE' THEN {cleaned} END"


def _date(column: str) -> str:
    date = f"try_strptime({column}, {list(DATES)!r})::DATE"
    return f"CASE WHEN {date} <> DATE '1900-01-01' THEN strftime({date}, '%Y-%m-%d') END"


def _postcode(column: str) -> str:
    """A British one with its one space, so that Splink's comparison finds the parts; any other without spaces."""
    code = f"regexp_replace({_upper(column)}, '[^A-Z0-9]', '', 'g')"
    spaced = f"CASE WHEN {code} ~ '[A-Z].*' THEN left({code}, -3) || ' ' || right({code}, 3) ELSE {code} END"
    return f"CASE WHEN {code} NOT LIKE 'ZZ99%' THEN {spaced} END"


CLEANED = {
    "forename": _words,
    "surname": _words,
    "middle_names": _words,
    "date_of_birth": _date,
    "sex": lambda column: f"left({_upper(column)}, 1)",
    "postcode": _postcode,
    "address": _address,
    "phone": lambda column: f"regexp_replace({column}, '[^0-9]', '', 'g')",
    "email": lambda column: f"lower(trim({column}))",
}


def load(connection: duckdb.DuckDBPyConnection, file: Path, table: str, fields: list[str]) -> int:
    """Create `table` with `unique_id` (rows counted from 0 below the header), the fields and `entity_id`; its rows."""
    own = columns(file)
    values = [f"nullif({CLEANED.get(field, _words)(_quoted(own[field]))}, '') AS {field}" for field in fields]
    derived = []
    if {"forename", "surname"} <= set(fields):
        derived.append("forename || ' ' || surname AS full_name")
    if "date_of_birth" in fields:
        derived += ["left(date_of_birth, 4) AS birth_year", "right(date_of_birth, 5) AS birthday"]
    source = f"read_csv('{str(file).replace(chr(39), chr(39) * 2)}', all_varchar = true, header = true)"
    truth = TRUTH if TRUTH in file.open().readline() else f"NULL AS {TRUTH}"
    connection.execute(
        f"CREATE TABLE {table} AS SELECT {', '.join(['*', *derived])} FROM (SELECT "
        f"{', '.join(['row_number() OVER () - 1 AS unique_id', *values, truth])} FROM {source})"
    )
    ((rows,),) = connection.execute(f"SELECT count(*) FROM {table}").fetchall()
    return int(rows)


def _quoted(name: str) -> str:
    return '"' + name.replace('"', '""') + '"'
