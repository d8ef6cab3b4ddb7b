"""Any text at all: no standardiser raises, each is idempotent, and what comes out keeps to its alphabet."""

from __future__ import annotations

import datetime
import re
from collections.abc import Callable

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from exchange_node.records import dates, standardise

FORMS = {
    standardise.name: r"([a-z]+( [a-z]+)*)?",
    standardise.sex: r"[fm]?",
    standardise.postcode: r"([A-Z]{1,2}[0-9][0-9A-Z]? [0-9][A-Z]{2})?",
    standardise.nhs_number: r"([0-9]{10})?",
    standardise.address_line: r"([a-z0-9]+( [a-z0-9]+)*)?",
    dates.date: r"([0-9]{4}-[0-9]{2}-[0-9]{2})?",
}
# Texts near to what each function knows, so that its branches are met, and texts of any kind.
NEAR = st.text("abcdemnortsMACOÉß' -.,()/0123456789IO", max_size=24)
PIECES = (
    "Mr Dr Mc Mac O O' MacMac jnr esq baby unknown no number no. 12 a b street north 3/4 (x) ab1 2cd 31/12/80 "
    "1980-12-31 Dec 00:00 ZZ99 943 476 5919 female 2"
)
WORDS = st.lists(st.sampled_from(PIECES.split(" ")), max_size=7)
TEXTS = st.one_of(st.text(max_size=60), NEAR, WORDS.map(" ".join), WORDS.map("".join))


@pytest.mark.parametrize("function", FORMS, ids=lambda function: function.__name__)
@settings(max_examples=400, deadline=None, derandomize=True)
@given(text=TEXTS)
def test_every_standardiser(function: Callable[..., str], text: str) -> None:
    rules: list[str] = []
    found = function(text, note=rules.append)
    assert re.fullmatch(FORMS[function], found)
    assert function(found) == found
    assert not (found and rules), "a value that breaks a rule is missing"
    assert found or rules or not text.strip() or text.strip("\ufeff \t\r\n-\u00a0") == ""


@settings(max_examples=300, deadline=None, derandomize=True)
@given(text=TEXTS, form=st.sampled_from(["DD/MM/YYYY", "MM/DD/YY", "YYYYMMDD", "DD MMM YYYY", "DDMMYY"]))
def test_dates_in_every_format(text: str, form: str) -> None:
    found = dates.date(text, [form])
    assert found == "" or dates.date(found, [form]) == found


@settings(max_examples=300, deadline=None, derandomize=True)
@given(st.dates(min_value=datetime.date(1901, 1, 1), max_value=datetime.date(2026, 1, 1)))
def test_a_date_is_read_back_from_every_way_of_writing_it(day: datetime.date) -> None:
    for form in ("%d/%m/%Y", "%d-%b-%Y", "%Y%m%d", "%d %B %Y", "%Y-%m-%dT%H:%M:%S"):
        assert dates.date(day.strftime(form)) == day.isoformat()
