"""Standard forms in whole columns: what registers write, and what it is taken for."""

from __future__ import annotations

import pytest

from exchange_node.records.addresses import address
from exchange_node.records.column_dates import Reading, date, decide, read_all
from exchange_node.records.column_forms import name, place, postcode, sex, whole_name
from exchange_node.records.contacts import email, ni_number, number, phone
from exchange_node.records.romanise import romanise
from exchange_node.records.standardise import ascii_lower


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("Mr John SMITH-Jones", "john smith jones"),
        ("O'Brien", "obrien"),
        ("MacDonald", "mcdonald"),
        ("JAME5", "james"),
        ("W1LLIAM", "william"),
        ("Ame1ia", "amelia"),
        ("Campbe|l", "campbell"),
        ("Ab:ga:l", "abigail"),
        ("8illie", "billie"),
        ("Henry 8", "henry"),
        ("Иванов", "ivanov"),
        ("Ελένη", "eleni"),
        ("محمد", "mhmd"),
        ("김", "gim"),
        ("Unknown", ""),
    ],
)
def test_names(text: str, expected: str) -> None:
    assert name(text) == expected


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("John Paul Smith", ("john", "paul", "smith")),
        ("SMITH, John Paul", ("john", "paul", "smith")),
        ("Smith, John, Jr.", ("john", "", "smith")),
        ("Anna van der Berg", ("anna", "", "van der berg")),
        ("Prince", ("", "", "prince")),
        ("Dr Jane O'Neill", ("jane", "", "oneill")),
        ("Mr O Patel", ("o", "", "patel")),
        ("O. P. Patel", ("o", "p", "patel")),
        ("O'Neill", ("", "", "oneill")),
        ("PATEL, O P", ("o", "p", "patel")),
        ("", ("", "", "")),
        (",", ("", "", "")),
    ],
)
def test_whole_names(text: str, expected: tuple[str, str, str]) -> None:
    assert whole_name(text) == expected


def test_ideographs_keep_what_tells_them_apart() -> None:
    assert name("張偉") != name("張三")
    assert name("張偉")[:4] == name("張三")[:4]


def test_other_digits_become_ours() -> None:
    assert romanise(ascii_lower("١٢")) == "12"


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("Flat 2, Rose House, 45 Church Road", "45 rose hse church rd flat 2"),
        ("45 CHURCH RD FLAT 2", "45 church rd flat 2"),
        ("Apt 4, 99 5th Ave N", "99 5th ave n flat 4"),
        ("3/45 Church St", "45 church st flat 3"),
        ("Hauptstraße 12", "12 hauptstr"),
        ("ul. Długa 5", "5 dluga"),
        ("12 A High Street", "12a high st"),
        ("25846 South 216th Ave", "25846 s 216th ave"),
        ("No. 12 St. John's Road", "12 st johns rd"),
        ("79BIRCH STREET", "79 birch st"),
        ("12 High St, Leeds, LS1 4AB", "12 high st leeds"),
        ("12 Leeds Road, Leeds", "12 leeds rd leeds"),
        ("12 High St, New Leeds, New Leeds", "12 high st new leeds"),
        ("Flat 12, 3 High Street", "3 high st flat 12"),
        ("The Elms", "the elms"),
        ("Flat 2", "flat 2"),
        ("No fixed abode", ""),
        ("---", ""),
    ],
)
def test_addresses(text: str, expected: str) -> None:
    assert address(text) == expected


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("ls14ab", "LS1 4AB"),
        ("LSI 4AB", "LS1 4AB"),
        ("DG12 S5N", "DG12 5SN"),
        ("12 High St, Leeds LS1 4AB", "LS1 4AB"),
        ("ZZ99 3VZ", ""),
        ("02139-1234", "02139"),
        ("10001", "10001"),
        ("3178.0", "3178"),
        ("00000", ""),
        ("K1A 0B1", "k1a0b1"),
        ("LS1", "ls1"),
        ("somewhere else", ""),
        ("12345 Köln", "12345"),
        ("D-01234 Bad Schandau", "01234"),
        ("2234 AB Utrecht", "2234ab"),
        ("30-123 Kraków", "30123"),
        ("XX1 1XX", ""),
    ],
)
def test_postcodes(text: str, expected: str) -> None:
    assert postcode(text) == expected


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("Female", "f"),
        ("2", "f"),
        ("männlich", "m"),
        ("Homme", "m"),
        ("w", "f"),
        ("Kadın", "f"),
        ("Erkek", "m"),
        ("Benyw", "f"),
        ("Ж", "f"),
        ("муж.", "m"),
        ("Male / Gwryw", "m"),
        ("M/F", ""),
        ("X", ""),
    ],
)
def test_sexes(text: str, expected: str) -> None:
    assert sex(text) == expected


def test_the_spanish_m_is_a_woman() -> None:
    assert [sex(code, meant={"m": "f"}) for code in "HM"] == ["m", "f"]


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("07700 900123", "7700900123"),
        ("+44 (0)7700 900123", "7700900123"),
        ("0044 7700 900123", "7700900123"),
        ("447700900123.0", "7700900123"),
        ("7700900123", "7700900123"),
        ("+45 20 61 70 83", "20617083"),
        ("+353 87 123 4561", "871234561"),
        ("+46 70-123 45 61", "701234561"),
        ("070-123 45 61", "701234561"),
        ("+1 702 555 1234", "7025551234"),
        ("(702) 555-1234", "7025551234"),
        ("1-702-555-1234", "7025551234"),
        ("020 7946 0000 ext 12", "2079460000"),
        ("0113 496 0000 / 07700 900123", "7700900123"),
        ("0113 496 0000 or 0113 496 0001", "1134960000"),
        ("+49 (0)711/12345670", "71112345670"),
        ("00000000000", ""),
        ("07000000000", ""),
        ("12345", ""),
    ],
)
def test_phones(text: str, expected: str) -> None:
    assert phone(text) == expected


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("Ann.Smith@Example.ORG ", "ann.smith@example.org"),
        ("Ann <mailto:ann@example.org>", "ann@example.org"),
        ("noemail@example.org", ""),
        ("not given", ""),
        ("a@b", ""),
    ],
)
def test_emails(text: str, expected: str) -> None:
    assert email(text) == expected


@pytest.mark.parametrize(
    ("text", "expected"),
    [("jk 12 34 57 c", "JK123457"), ("JKO23457", "JK023457"), ("BG123457A", ""), ("QQ123457C", ""), ("AB123456C", "")],
)
def test_ni_numbers(text: str, expected: str) -> None:
    assert ni_number(text) == expected


def test_other_numbers_and_places() -> None:
    assert number("00123-45.0") == number("12345") == "12345"
    assert number("9999999") == ""
    assert place("Saint Helens ") == place("ST. HELENS") == "st helens"
    assert place("12345 Köln") == place("D-12345, KÖLN") == "koln"
    assert place("1234 AB Utrecht") == "utrecht"
    assert place("N/A") == ""


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("31/12/1980", "1980-12-31"),
        ("1980-12-31T00:00:00Z", "1980-12-31"),
        ("31. Dez 1980", "1980-12-31"),
        ("December 31, 1980", "1980-12-31"),
        ("31-DEC-80", "1980-12-31"),
        ("19801231", "1980-12-31"),
        ("19801231.0", "1980-12-31"),
        ("31/02/1980", "1980-02-31"),
        ("xx/05/1985", "1985-05-00"),
        ("May 1985", "1985-05-00"),
        ("1985", "1985-00-00"),
        ("O6/1|/1985", "1985-11-06"),
        ("06/11/20326", "0000-11-06"),
        ("06/111/1985", "1985-00-06"),
        ("01/01/1900", ""),
        ("31/12/9999", ""),
        ("soon", ""),
    ],
)
def test_dates(text: str, expected: str) -> None:
    assert date(text) == expected


def test_the_column_decides_the_order() -> None:
    american = ["03/04/1985", "12/31/1980", "11/30/1990", "31/12/1970"]
    assert decide(american, [1] * 4).separated == "mdy"
    assert decide(american, [1, 1, 1, 5]).separated == "dmy"
    assert decide(["03/04/1985"], [9]).separated == "dmy"
    assert decide(["31121980"], [1]).eight == "dmy"
    assert decide(["80-12-31"], [1]).separated == "ymd"
    assert date("29000", decide(["29000", "31000"], [1, 1])) == "1979-05-25"
    assert date("29000", Reading()) == ""


def test_a_date_far_too_common_is_a_placeholder() -> None:
    texts = [f"{year}-03-{day:02}" for year in range(1940, 2000) for day in range(1, 29)] + ["1970-01-01"]
    counts = [1] * (len(texts) - 1) + [200]
    reading = read_all(texts, counts)
    assert reading.common == {"1970-01-01"}
    assert date("01/01/1970", reading) == ""
    assert not read_all(texts, [1] * len(texts)).common
