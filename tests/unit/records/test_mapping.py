"""The [records] table: what is taken, and what is refused by entry and rule."""

from __future__ import annotations

import tomllib
from typing import Any

import pytest

from exchange_node.records.errors import RecordsError
from exchange_node.records.mapping import RecordsMapping

GOOD = """
file = "tenants.csv"
id_column = "ref"
date_formats = ["DD/MM/YYYY"]

[fields]
forename = "first"
date_of_birth = ["day", "month", "year"]

[cohort]
damp = "boolean"

[facts]
at_risk = { derive = "any_of", column = "markers", codes = ["V"] }
deceased = { derive = "present", column = "died" }
flags = { in-care = { column = "care" } }

[[attributes]]
name = "age"
type = "integer"
sensitivity = "ordinary"
derive = "age_from_date_of_birth"

[[attributes]]
name = "rooms"
type = "integer"
sensitivity = "ordinary"
column = "bedrooms"
"""


def good() -> dict[str, Any]:
    return tomllib.loads(GOOD)


def test_a_good_table() -> None:
    mapping = RecordsMapping.parse(good())
    assert mapping.fields == {"forename": ("first",), "date_of_birth": ("day", "month", "year")}
    assert mapping.attribute("rooms").sources == ("bedrooms",)
    assert mapping.attribute("age").sources == ()
    assert [name for name, _ in mapping.facts.named()] == ["at_risk", "deceased", "in-care"]
    with pytest.raises(RecordsError, match="attribute-unknown"):
        mapping.attribute("income")


def attribute(**entries: object) -> dict[str, Any]:
    return {"attributes": [{"name": "x", "type": "boolean", "sensitivity": "special", **entries}]}


@pytest.mark.parametrize(
    ("change", "entry"),
    [
        ({"id_column": ""}, "records.id_column"),
        ({"id_column": None}, "records.id_column"),
        ({"colour": 1}, "records.colour"),
        ({"format": "xlsx"}, "records.format"),
        ({"encoding": "ebcdic"}, "records.encoding"),
        ({"date_formats": ["%d/%m/%Y"]}, "records.date_formats"),
        ({"date_formats": []}, "records.date_formats"),
        ({"fields": {}}, "records.fields"),
        ({"fields": {"nickname": "x"}}, "records.fields.nickname"),
        ({"fields": {"forename": []}}, "records.fields.forename"),
        ({"fields": {"forename": 3}}, "records.fields.forename"),
        ({"cohort": {"damp": "yesno"}}, "records.cohort.damp"),
        ({"fields": {"forename": "first"}}, "records: attribute age needs date_of_birth"),
        ({"facts": {"at_risk": {"derive": "age_from_date_of_birth"}}}, "records.facts"),
        ({"facts": {"flags": {"deceased": {"column": "x"}}}}, "records.facts"),
        (attribute(), "records.attributes.0"),
        (attribute(column="a", columns=["b"]), "records.attributes.0"),
        (attribute(columns=["a", "b"]), "records.attributes.0"),
        (attribute(derive="guess", column="a"), "records.attributes.0.derive"),
        (attribute(derive="any_of", column="a"), "records.attributes.0"),
        (attribute(derive="equals", column="a"), "records.attributes.0"),
        (attribute(derive="equals", column="a", value="b", codes=["c"]), "records.attributes.0"),
        (attribute(derive="greater_than", column="a", value="b"), "records.attributes.0"),
        (attribute(derive="present", column="a", type="integer"), "records.attributes.0"),
        (attribute(column="a", name="Not A Name"), "records.attributes.0.name"),
        (attribute(column="a", sensitivity="secret"), "records.attributes.0.sensitivity"),
        (attribute(column="a", max_length=0), "records.attributes.0.max_length"),
        ({"attributes": [*good()["attributes"], good()["attributes"][1]]}, "records.attributes"),
    ],
)
def test_a_bad_table_is_refused_by_entry_and_rule(change: dict[str, Any], entry: str) -> None:
    with pytest.raises(RecordsError) as caught:
        RecordsMapping.parse(good() | change)
    assert caught.value.code == "records.mapping"
    assert entry in caught.value.detail
    assert caught.value.__cause__ is None
    assert "input_value" not in str(caught.value)


def test_every_problem_is_named_at_once() -> None:
    with pytest.raises(RecordsError) as caught:
        RecordsMapping.parse(good() | {"format": "xlsx", "encoding": "ebcdic"})
    assert "records.format" in caught.value.detail
    assert "records.encoding" in caught.value.detail
