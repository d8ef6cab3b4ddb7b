"""Damaged copies: still in the forms that linking relies on, the same under the same seed, and damaged."""

from __future__ import annotations

import random
import re

import numpy as np
import pytest

from exchange_node.engine.damage import damaged, typing_error
from exchange_node.records.column_map import KINDS
from exchange_node.records.columns import Column, Kind
from tests.made_up_registers import person

WORDS = r"([a-z0-9]+( [a-z0-9]+)*)?"
FORMS: dict[Kind, str] = {
    "name": r"([a-z]+( [a-z]+)*)?",
    "date": r"([0-9]{4}-[0-9]{2}-[0-9]{2})?",
    "sex": r"[fm]?",
    "postcode": r"([A-Z]+[A-Z0-9]* [A-Z0-9]+|[a-z0-9]+)?",
    "address": WORDS,
    "place": WORDS,
    "number": r"[A-Z0-9]*|[^\sA-Z]+",
    "text": WORDS,
}
ODD = {
    "forename": ["jo ann", "a b", "al", "de la x", "o"],
    "middle_names": ["", "a", "a b", "mary ann", "j p w"],
    "surname": ["o neil", "x y z", "mac a"],
    "date_of_birth": ["0000-05-00", "1985-00-00", "1980-02-31", "9999-12-31", "0001-01-01"],
    "postcode": ["1234", "sw19", ""],
    "town": ["a b", "st x y", "leeds", "b"],
    "state": ["nsw", "q"],
    "phone": ["07700900123", "1234567"],
    "email": ["a@b.co", "j.k@x.org"],
    "ni_number": ["AB123456"],
    "nhs_number": ["9434765919", ""],
    "job": ["a b", "nurse of x", "1"],
}


@pytest.fixture(scope="module")
def columns() -> dict[str, Column]:
    rng = random.Random(3)
    people = []
    for _ in range(1500):
        one = person(rng)
        for name, values in ODD.items():
            if name not in one or rng.random() < 0.5:
                one[name] = rng.choice(values)
        people.append(one)
    return {name: Column.of(name, KINDS.get(name, "text"), [one[name] for one in people]) for name in people[0]}


def copies(columns: dict[str, Column], seed: int = 1) -> dict[str, Column]:
    rows = np.random.default_rng(0).integers(0, len(columns["surname"]), 6000)
    return damaged(columns, rows, np.random.default_rng(seed))[0]


def texts(columns: dict[str, Column]) -> dict[str, list[str]]:
    return {name: [column.values[code] for code in column.codes] for name, column in columns.items()}


def test_every_kind_keeps_its_form(columns: dict[str, Column]) -> None:
    made = copies(columns)
    assert {column.kind for column in made.values()} == set(FORMS)
    for name, column in made.items():
        assert (column.name, column.kind, column.values[0], len(column)) == (name, columns[name].kind, "", 6000)
        assert [value for value in column.values if not re.fullmatch(FORMS[column.kind], value)] == []


def test_the_same_seed_gives_the_same_copies(columns: dict[str, Column]) -> None:
    assert texts(copies(columns)) == texts(copies(columns))
    assert texts(copies(columns)) != texts(copies(columns, seed=2))


def test_every_field_is_damaged_and_most_values_are_not(columns: dict[str, Column]) -> None:
    rows = np.random.default_rng(0).integers(0, len(columns["surname"]), 6000)
    made = copies(columns)
    for name, before in texts({name: column.take(rows) for name, column in columns.items()}).items():
        after = texts(made)[name]
        filled = [(one, two) for one, two in zip(before, after, strict=True) if one]
        changed = np.mean([one != two for one, two in filled])
        assert 0.003 < changed < 0.6, name
        assert any(two == "" for _, two in filled), name


def test_what_is_missing_stays_missing(columns: dict[str, Column]) -> None:
    home = ("address_line", "postcode", "town", "state")  # who moves takes over another's, gaps and all
    nothing = {name: Column.of(name, columns[name].kind, [""] * 50) for name in columns}
    assert all(column.values == [""] for column in copies_of_all(nothing).values())
    some = {name: column.take(np.arange(300)) for name, column in columns.items()}
    before, after = texts(some), texts(copies_of_all(some))
    for name in set(some) - {*home, "forename", "middle_names", "surname"}:
        assert all(not two for one, two in zip(before[name], after[name], strict=True) if not one), name


def copies_of_all(columns: dict[str, Column]) -> dict[str, Column]:
    rows = np.arange(len(next(iter(columns.values()))))
    return damaged(columns, rows, np.random.default_rng(5))[0]


def test_a_home_moves_as_a_whole() -> None:
    people = [{"surname": "smith", "postcode": f"AB{at} 1CD", "address_line": f"{at} high street"} for at in range(40)]
    columns = {
        name: Column.of(name, KINDS[name], [one[name] for one in people])
        for name in ("surname", "postcode", "address_line")
    }
    made = texts(copies_of_all(columns))
    homes = {(one["postcode"], one["address_line"]) for one in people}
    pairs = list(zip(made["postcode"], made["address_line"], strict=True))
    moved = [pair for pair, one in zip(pairs, people, strict=True) if pair in homes and pair[0] != one["postcode"]]
    assert moved, "some moved and took over a home that was there"


def test_one_typing_error() -> None:
    random = np.random.default_rng(0)
    for text in ("a", "smith", "o neil", "AB123456", "12 high street"):
        made = [typing_error(text, random) for _ in range(300)]
        assert all(made) and len(set(made)) > 10
        assert all(abs(len(one) - len(text)) <= 2 for one in made)
        assert all(one == " ".join(one.split()) for one in made)
        assert not text.isupper() or all(one == one.upper() for one in made)
    assert typing_error("", random) == ""


def test_values_come_only_from_the_register_and_from_errors(columns: dict[str, Column]) -> None:
    known = set(columns["sex"].values)
    assert set(copies(columns)["sex"].values) <= known
