"""Transforms over all that a source can hold, and the whole way from linked people to the analyst's table."""

from __future__ import annotations

import csv
import io
import json
import traceback
from collections.abc import Mapping
from datetime import date
from decimal import Decimal
from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st

from exchange_node.release.build import Counts, Effect, Person, build
from exchange_node.release.columns import Column, Text
from exchange_node.release.errors import ReleaseError
from exchange_node.release.layout import pack, unpack
from exchange_node.release.results import Table, _csv, join
from exchange_node.release.transforms import TRANSFORMS, apply, column

AMOUNTS = st.decimals(-(10**11), 10**11, places=2)
DAYS = st.dates(date(1900, 1, 1), date(2099, 12, 31))
ICD10 = st.from_regex(r"[A-Z][0-9]{2}(\.[0-9]{1,2}|[0-9X])?", fullmatch=True)
POSTCODES = st.from_regex(r"[A-Z]{1,2}[0-9][A-Z0-9]? ?[0-9][A-Z]{2}", fullmatch=True)
NUMBERS = st.one_of(AMOUNTS, AMOUNTS.map(str), AMOUNTS.map(float), st.integers(-(10**11), 10**11))
ANYTHING: st.SearchStrategy[Any] = st.one_of(
    st.none(), st.booleans(), st.integers(), st.floats(), st.decimals(allow_nan=True), st.text(), DAYS,
    DAYS.map(str), ICD10, POSTCODES, NUMBERS, st.lists(st.one_of(st.text(), ICD10), max_size=3),
)  # fmt: skip

# What each transform promises to take, written down a second time.
TAKES: dict[str, st.SearchStrategy[Any]] = {
    "yes_no": st.one_of(st.booleans(), st.sampled_from([0, 1, "yes", "No", "Y", "n", "TRUE", "f", "F", "1"])),
    "presence": ANYTHING,
    "repair_priority": st.one_of(
        st.booleans(), ICD10, st.lists(ICD10), st.lists(ICD10, min_size=1).map("; ".join), st.just("asthma")
    ),
    "age_band": st.one_of(st.integers(0, 130), st.integers(0, 130).map(str)),
    "count_band": st.one_of(st.integers(0, 10**11), st.integers(0, 10**11).map(str)),
    "amount_band": NUMBERS,
    "income_band": NUMBERS,
    "year": st.one_of(DAYS, DAYS.map(str)),
    "quarter": st.one_of(DAYS, DAYS.map(str)),
    "month": st.one_of(DAYS, DAYS.map(str)),
    "outward_postcode": st.one_of(POSTCODES, POSTCODES.map(str.lower)),
    "postcode_area": POSTCODES,
}  # fmt: skip


def test_every_transform_is_tried() -> None:
    assert set(TAKES) == set(TRANSFORMS)


@given(st.data())
@settings(deadline=None, max_examples=500)
def test_a_transform_gives_a_value_of_its_domain_for_all_that_it_takes(data: st.DataObject) -> None:
    name = data.draw(st.sampled_from(sorted(TAKES)))
    value = data.draw(TAKES[name])
    result = apply(name, value)
    assert TRANSFORMS[name].gives.encode(result) is not None
    assert apply(name, value) == result


@given(st.sampled_from(sorted(TAKES)), ANYTHING)
@settings(deadline=None, max_examples=1000)
def test_anything_else_is_refused_in_one_way(name: str, value: Any) -> None:
    try:
        result = apply(name, value)
    except ReleaseError as error:
        assert error.code == "release.outside-domain"
        assert error.detail == f"transform {name}"
    else:
        assert TRANSFORMS[name].gives.encode(result) is not None


ORDERED: dict[str, st.SearchStrategy[Any]] = {
    "age_band": st.integers(0, 130),
    "count_band": st.integers(0, 10**6),
    "amount_band": AMOUNTS,
    "income_band": AMOUNTS,
}


@given(st.data(), st.sampled_from(sorted(ORDERED)))
@settings(deadline=None)
def test_bands_rise_with_their_values(data: st.DataObject, name: str) -> None:
    lower, higher = sorted([data.draw(ORDERED[name]), data.draw(ORDERED[name])])
    labels = TRANSFORMS[name].gives.values  # type: ignore[union-attr]
    assert labels.index(apply(name, lower)) <= labels.index(apply(name, higher))


@given(ICD10, st.lists(ICD10))
def test_a_respiratory_code_is_never_overlooked(code: str, others: list[str]) -> None:
    respiratory = any(one[0] == "J" or one.startswith("E84") for one in [code, *others])
    assert apply("repair_priority", [*others, code]) == ("high" if respiratory else "normal")


@given(st.text(alphabet=st.characters(codec="utf-8"), min_size=12, max_size=40))
def test_no_refusal_holds_the_value(secret: str) -> None:
    for name in TRANSFORMS:
        if name == "presence":
            continue
        try:
            apply(name, secret)
        except ReleaseError as error:
            assert secret not in "".join(traceback.format_exception(error))
            assert secret not in repr(error)


COLUMNS = [
    column("condition", "repair_priority"),
    column("age", "age_band"),
    column("notes", "exact", Text(12)),
]
EFFECTS = st.one_of(
    st.builds(
        Effect,
        st.sampled_from(["release", "transform", "deny", "other"]),
        st.sampled_from([None, "exact", "repair_priority", "age_band"]),
        st.lists(st.sampled_from(["opted-out", "no-consent"]), max_size=2).map(tuple),
    ),
    st.sampled_from([Effect("transform", "repair_priority"), Effect("transform", "age_band"), Effect("release")]),
)
DECISIONS = st.dictionaries(
    st.sampled_from("abc"), st.dictionaries(st.sampled_from([c.name for c in COLUMNS] + ["other"]), EFFECTS)
)
RAW = st.dictionaries(
    st.sampled_from([c.name for c in COLUMNS] + ["other"]),
    st.one_of(ANYTHING, ICD10, st.integers(0, 90), st.sampled_from(["damp", "mould"])),
)
PEOPLE = st.lists(
    st.builds(Person, st.binary(min_size=16, max_size=16).filter(any), st.sampled_from("abcd"), RAW),
    max_size=8,
    unique_by=lambda person: person.link_id,
)


def allowed(target: Column, effect: object) -> bool:
    """The rule again, as plainly as it can be said."""
    if target.transform == "exact":
        return effect in [Effect("release", word, r) for word in (None, "exact") for r in reasons_of(effect)]
    return effect in [Effect("transform", target.transform, r) for r in reasons_of(effect)]


def reasons_of(effect: object) -> list[tuple[str, ...]]:
    return [effect.reasons] if isinstance(effect, Effect) else []


@given(PEOPLE, DECISIONS)
@settings(deadline=None, max_examples=300)
def test_only_what_is_plainly_allowed_comes_out(
    people: list[Person], decisions: Mapping[str, Mapping[str, Effect]]
) -> None:
    counts = Counts()
    rows = {row.link_id: row.values for row in build(people, decisions, COLUMNS, counts)}
    for person in people:
        values = rows.get(person.link_id, {})
        assert person.link_id not in rows or values
        for target in COLUMNS:
            effect = decisions.get(person.class_key, {}).get(target.name)
            if not allowed(target, effect):
                assert target.name not in values
            elif target.name in values:
                assert target.type.encode(values[target.name]) is not None
    assert counts.people == len(people)
    assert counts.rows == len(rows)
    assert counts.released == sum(map(len, rows.values()))
    assert counts.released + counts.denied == len(people) * len(COLUMNS)
    assert sum(counts.reasons.values()) >= counts.denied
    assert sum(counts.by_code().values()) == sum(counts.reasons.values())


@given(PEOPLE, DECISIONS, st.data())
@settings(deadline=None, max_examples=150)
def test_the_analyst_cannot_tell_the_kinds_of_absence_apart(
    people: list[Person], decisions: Mapping[str, Mapping[str, Effect]], data: st.DataObject
) -> None:
    """Whoever has no row may as well not have been linked: the release's bytes are the same."""
    whole = pack(build(people, decisions, COLUMNS, Counts()), COLUMNS, 10)
    rows = unpack(whole, COLUMNS, 10)
    released = {row.link_id for row in rows}
    linked = [p for p in people if p.link_id in released or data.draw(st.booleans())]
    assert pack(build(linked, decisions, COLUMNS, Counts()), COLUMNS, 10) == whole
    cohort = [(f"T-{place}", person.link_id) for place, person in enumerate(people)]
    table = join(rows, cohort, COLUMNS)
    assert [key for key, _ in table.lines()] == [key for key, _ in cohort]
    for (_, cells), person in zip(table.lines(), people, strict=True):
        assert (cells == (None, None, None)) == (person.link_id not in released)


@given(st.lists(st.text(st.characters(codec="utf-8", exclude_categories=["Cs"]), min_size=1), unique=True))
@settings(deadline=None)
def test_no_cell_of_a_csv_begins_a_formula_and_all_can_be_read_back(texts: list[str]) -> None:
    table = Table((Column("notes", Text(4000)),), texts, {place: (text,) for place, text in enumerate(texts)})
    file = io.BytesIO()
    _csv(table, file)
    lines = list(csv.reader(io.StringIO(file.getvalue().decode(), newline="")))[1:]
    assert len(lines) == len(texts)
    for text, cells in zip(texts, lines, strict=True):
        for cell in cells:
            assert cell.lstrip()[:1] not in ("=", "+", "-", "@")
            assert cell[:1] not in ("\t", "\r", "\n")
            assert (cell[1:] if cell.startswith("'") else cell) == text


def test_documents_of_columns_are_plain_json() -> None:
    assert json.loads(json.dumps([c.document() for c in COLUMNS])) == [c.document() for c in COLUMNS]
    assert Decimal(1) not in [c.document() for c in COLUMNS]
