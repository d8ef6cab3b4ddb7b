"""Standard forms of names, sex, postcodes, NHS numbers, addresses and dates. All values are invented."""

from __future__ import annotations

import pytest

from exchange_node.records import dates, standardise


@pytest.mark.parametrize(
    ("written", "standard"),
    [
        ("Smith", "smith"),
        ("  SMITH ", "smith"),
        ("O'Brien", "obrien"),
        ("O’Brien", "obrien"),
        ("O Brien", "obrien"),
        ("Mc Donald", "mcdonald"),
        ("MacDonald", "mcdonald"),
        ("Mack", "mack"),
        ("Smith-Jones", "smith jones"),
        ("Smith  Jones", "smith jones"),
        ("José Ångström", "jose angstrom"),
        ("Łukasz Straße", "lukasz strasse"),
        ("Dr. Ada Byron", "ada byron"),
        ("Mr", "mr"),
        ("Miss Mary-Ann (Molly)", "mary ann"),
        ("Kay Jnr", "kay"),
        ("", ""),
    ],
)
def test_names(written: str, standard: str) -> None:
    assert standardise.name(written) == standard


@pytest.mark.parametrize(
    ("function", "written", "rule"),
    [
        (standardise.name, "UNKNOWN", "name-placeholder"),
        (standardise.name, "N/A", "name-placeholder"),
        (standardise.name, "سميث", "name-script"),
        (standardise.name, "123", "name-unreadable"),
        (standardise.sex, "9", "sex-not-stated"),
        (standardise.sex, "qq", "sex-unreadable"),
        (standardise.postcode, "ZZ99 3VZ", "postcode-pseudo"),
        (standardise.postcode, "AB1", "postcode-unreadable"),
        (standardise.postcode, "--", "postcode-unreadable"),
        (standardise.nhs_number, "9434765918", "nhs-number-check-digit"),
        (standardise.nhs_number, "943476591", "nhs-number-form"),
        (standardise.nhs_number, "٩٤٣٤٧٦٥٩١٩", "nhs-number-form"),
        (standardise.nhs_number, "0000000000", "nhs-number-placeholder"),
        (standardise.address_line, "- -", "address-unreadable"),
        (dates.date, "31/02/1980", "date-unreadable"),
        (dates.date, "soon", "date-unreadable"),
        (dates.date, "01/01/1900", "date-placeholder"),
        (dates.date, "01/01/0012", "date-implausible"),
    ],
)
def test_what_breaks_a_rule_is_missing_and_noted(function: object, written: str, rule: str) -> None:
    rules: list[str] = []
    assert function(written, note=rules.append) == ""  # type: ignore[operator]
    assert rules == [rule]


@pytest.mark.parametrize("written", ["", "  "])
@pytest.mark.parametrize(
    "function",
    [
        standardise.name,
        standardise.sex,
        standardise.postcode,
        standardise.nhs_number,
        standardise.address_line,
        dates.date,
    ],
)
def test_missing_breaks_no_rule(function: object, written: str) -> None:
    rules: list[str] = []
    assert function(written, note=rules.append) == ""  # type: ignore[operator]
    assert rules == []


@pytest.mark.parametrize(
    ("written", "standard"),
    [
        ("ab12cd", "AB1 2CD"),
        ("AB1 2CD", "AB1 2CD"),
        ("A8 2CD", "A8 2CD"),
        ("AB10-2CD", "AB10 2CD"),
        ("EC1A 1BB", "EC1A 1BB"),
        ("W1A 0AX", "W1A 0AX"),
        ("ABO 2CD", "AB0 2CD"),
        ("ABI OCD", "AB1 0CD"),
        ("0X1 2CD", "OX1 2CD"),
        ("S014 0AA", "SO14 0AA"),
        ("E1O 5AA", "E10 5AA"),
        ("1G1 1AA", "IG1 1AA"),
    ],
)
def test_postcodes(written: str, standard: str) -> None:
    assert standardise.postcode(written) == standard


@pytest.mark.parametrize("written", ["9434765919", "943 476 5919", "943-476-5919"])
def test_nhs_number(written: str) -> None:
    assert standardise.nhs_number(written) == "9434765919"


def test_nhs_check_digit_catches_every_single_wrong_digit() -> None:
    right = "9434765919"
    for place in range(10):
        for digit in "0123456789":
            wrong = right[:place] + digit + right[place + 1 :]
            assert (standardise.nhs_number(wrong) == "") == (wrong != right)


@pytest.mark.parametrize(
    ("written", "standard"),
    [
        ("12 High Street", "12 high st"),
        ("Flat 3, 12A St. John's Road", "flat 3 12a st johns rd"),
        ("Apt 3, 12 a Saint Johns Rd", "flat 3 12a st johns rd"),
        ("No. 7 The Avenue", "7 the ave"),
        ("The Old School House", "the old school hse"),
    ],
)
def test_addresses(written: str, standard: str) -> None:
    assert standardise.address_line(written) == standard


@pytest.mark.parametrize("written", ["F", "f", "2", "Female", "woman"])
def test_female(written: str) -> None:
    assert standardise.sex(written) == "f"


@pytest.mark.parametrize("written", ["M", "1", "MALE", "boy "])
def test_male(written: str) -> None:
    assert standardise.sex(written) == "m"


@pytest.mark.parametrize(
    "written",
    [
        "31/12/1980",
        "31.12.1980",
        "31-12-1980",
        "31 12 1980",
        "31-Dec-1980",
        "31 December 1980",
        "31-Dec-80",
        "31/12/80",
        "19801231",
        "1980-12-31",
        "1980/12/31",
        "1980-12-31T00:00:00Z",
        "1980-12-31 00:00:00.000",
        "31/12/1980 12:30",
    ],
)
def test_dates_as_uk_systems_write_them(written: str) -> None:
    assert dates.date(written) == "1980-12-31"


def test_day_comes_first_unless_the_format_says_otherwise() -> None:
    assert dates.date("3/4/1980") == "1980-04-03"
    assert dates.date("3/4/1980", ["MM/DD/YYYY"]) == "1980-03-04"
    assert dates.date("01021980", ["DDMMYYYY"]) == "1980-02-01"


def test_two_digit_years_turn_at_the_pivot() -> None:
    assert dates.date("01/02/30") == "2030-02-01"
    assert dates.date("01/02/31") == "1931-02-01"
    assert dates.date("01/02/31", pivot=40) == "2031-02-01"


def test_an_agency_adds_its_own_placeholders() -> None:
    assert dates.date("01/01/1901") == "1901-01-01"
    assert dates.date("01/01/1901", placeholders=frozenset(("1901-01-01",))) == ""


@pytest.mark.parametrize("form", ["", "DD/MM", "DD/MM/YYYY/YY", "D/M/Y", "%d/%m/%Y", "DD/MMM/MM/YY"])
def test_a_date_format_that_says_nothing_is_refused(form: str) -> None:
    with pytest.raises(ValueError, match="a date format"):
        dates.check_format(form)
