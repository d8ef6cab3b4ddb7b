"""Conditions: what they select, what they refuse and where."""

from __future__ import annotations

from collections.abc import Mapping

import pytest

from exchange_node.records.cohort import Condition, parse_condition
from exchange_node.records.dates import date
from exchange_node.records.errors import RecordsError
from exchange_node.records.standardise import Note
from exchange_node.records.values import Value, ValueType

TYPES: dict[str, ValueType] = {
    "damp": "boolean",
    "bedrooms": "integer",
    "tenure": "text",
    "moved": "date",
    "Move Reason": "code",
    "or_else": "text",
}
ROW: dict[str, Value] = {
    "damp": True,
    "bedrooms": 3,
    "tenure": "Shared Ownership",
    "moved": "2020-05-01",
    "Move Reason": None,
    "or_else": "x",
}


def read_date(text: str, note: Note) -> str:
    return date(text, note=note)


def bound(text: str) -> Condition:
    return parse_condition(text).bind(TYPES, read_date)


@pytest.mark.parametrize(
    ("text", "answer"),
    [
        ("damp = yes", True),
        ("damp = no", False),
        ("damp != no", True),
        ("bedrooms >= 3", True),
        ("bedrooms > 3", False),
        ("bedrooms<4", True),
        ("bedrooms <= 2", False),
        ("tenure = 'shared ownership'", True),
        ("tenure = rented", False),
        ("moved >= 2020-01-01", True),
        ("moved < 01/05/2020", False),
        ("NOT damp = yes", False),
        ("not not damp = yes", True),
        ("damp = no or bedrooms = 3 and tenure != rented", True),
        ("(damp = no or bedrooms = 3) and tenure = rented", False),
        ('"Move Reason" = x', None),
        ('not "Move Reason" = x', None),
        ('"Move Reason" = x or damp = yes', True),
        ('"Move Reason" = x and damp = yes', None),
        ('"Move Reason" = x and damp = no', False),
        ('"Move Reason" is missing', True),
        ("moved is not missing", True),
        ("moved is missing", False),
        ("or_else = x", True),
    ],
)
def test_answers(text: str, answer: bool | None) -> None:
    assert bound(text).evaluate(ROW) is answer


def test_columns_are_what_it_reads() -> None:
    assert bound("damp = yes and not (bedrooms = 1 or moved is missing)").columns == {
        "damp",
        "bedrooms",
        "moved",
    }


@pytest.mark.parametrize(
    ("text", "position"),
    [
        ("", 1),
        ("   ", 1),
        ("damp", 5),
        ("damp =", 7),
        ("damp = yes bedrooms = 1", 12),
        ("damp = yes and", 15),
        ("(damp = yes", 12),
        ("damp = yes)", 11),
        ("= yes", 1),
        ("damp = 'yes", 8),
        ("damp is yes", 9),
        ("damp == yes", 7),
        ("'damp' = yes", 1),
        ("damp = yes; drop", 13),
    ],
)
def test_what_cannot_be_read_is_refused_with_its_place(text: str, position: int) -> None:
    with pytest.raises(RecordsError) as caught:
        parse_condition(text)
    assert caught.value.code == "records.condition"
    assert f"at character {position}:" in caught.value.detail


@pytest.mark.parametrize("text", ["x" * 2001, "(" * 60 + "damp = yes" + ")" * 60, "not " * 60 + "damp = yes"])
def test_it_is_bounded(text: str) -> None:
    with pytest.raises(RecordsError, match=r"records\.condition"):
        parse_condition(text)


@pytest.mark.parametrize(
    ("text", "code"),
    [
        ("surname = Smithson", "records.condition-column"),
        ("surname is missing", "records.condition-column"),
        ("damp = Smithson", "records.condition"),
        ("bedrooms = Smithson", "records.condition"),
        ("moved > Smithson", "records.condition"),
        ("tenure > Smithson", "records.condition"),
        ("damp > no", "records.condition"),
    ],
)
def test_types_are_checked_before_reading_and_no_value_is_shown(text: str, code: str) -> None:
    condition = parse_condition(text)
    with pytest.raises(RecordsError) as caught:
        condition.bind(TYPES, read_date)
    assert caught.value.code == code
    assert "Smithson" not in str(caught.value) + repr(condition)


def test_it_evaluates_only_what_it_was_given() -> None:
    values: Mapping[str, Value] = {"damp": None}
    assert bound("damp = yes").evaluate(values) is None
