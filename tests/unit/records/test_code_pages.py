"""Which code page words are in is told by the words."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from exchange_node.records.code_pages import code_page, words

TEXTS = {
    "cp1252": "Prénom Hélène François Müller Weiß Björn Søren Conceição Núñez Siobhán O’Brien £5 – 20°",
    "mac_roman": "Prénom Hélène François Müller Weiß Björn Søren Conceição Núñez",
    "cp850": "Prénom Hélène François Müller Weiß Björn Søren Núñez",
    "cp1250": "Imię Płeć Łukasz Wiśniewski Zając Źródło Dvořák Růžička Kučerová Jiří",
    "iso8859_2": "Imię Płeć Łukasz Wiśniewski Zając Źródło",
    "cp1254": "Adı Soyadı Doğum Yıldız Şahin Işık İbrahim",
    "cp1257": "Jānis Bērziņš Kalniņš Ķirsis",
    "cp1251": "Прізвище Шевченко Бойко Олійник Фамилия Иванова",
    "cp1253": "Επώνυμο Παπαδόπουλος Γεωργίου ΟΙΚΟΝΟΜΟΥ",
    "cp1255": "שם פרטי שם משפחה כהן לוי",
}


@pytest.mark.parametrize("page", TEXTS)
def test_every_page(page: str) -> None:
    assert code_page(words(TEXTS[page].encode(page))) == page


@pytest.mark.parametrize("page", [page for page in TEXTS if page not in ("cp1255", "cp1252")])
def test_capitals(page: str) -> None:
    text = TEXTS[page].replace("ß", "ss").upper()
    assert text.encode(page).decode(code_page(words(text.encode(page)))) == text


def test_icelandic() -> None:
    assert code_page(words("Þór Guðmundsson Sigríður Björk Ýr Ásgeirsdóttir".encode("cp1252"))) == "cp1252"


def test_without_words_it_is_the_usual_page() -> None:
    assert code_page([]) == code_page(words(b"Smith,Jones")) == "cp1252"


@settings(max_examples=200, deadline=None, derandomize=True)
@given(
    page=st.sampled_from(["cp1250", "cp1251", "cp1252", "cp1253", "cp1254"]),
    order=st.permutations(range(4)),
    ascii_words=st.lists(st.text("abcXYZ ,;0123456789\n", max_size=20), min_size=4, max_size=4),
)
def test_what_stands_around_words_does_not_count(page: str, order: list[int], ascii_words: list[str]) -> None:
    some = TEXTS[page].split()
    text = "\n".join(f"{ascii_words[at]} {some[at]} {ascii_words[at]}" for at in order)
    assert text.encode(page).decode(code_page(words(text.encode(page)))) == text
