from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from datetime import date

import pytest

from exchange_node.release.build import Counts, Effect, Person, build
from exchange_node.release.columns import Date, Integer, Text
from exchange_node.release.errors import ReleaseError
from exchange_node.release.layout import Row
from exchange_node.release.transforms import Raw, column

COLUMNS = [
    column("condition", "repair_priority"),
    column("notes", "exact", Text(10)),
]
RELEASE = {"condition": Effect("transform", "repair_priority"), "notes": Effect("release")}
A, B, C, D = (bytes([first]) * 16 for first in (1, 2, 3, 4))


def run(
    people: list[tuple[bytes, str, Mapping[str, Raw]]], decisions: Mapping[str, Mapping[str, Effect]]
) -> tuple[list[Row], Counts]:
    counts = Counts()
    rows = list(build((Person(*person) for person in people), decisions, COLUMNS, counts))
    return rows, counts


def test_each_attribute_as_decided_for_the_persons_class() -> None:
    rows, counts = run(
        [
            (B, "all", {"condition": "J45", "notes": "damp"}),
            (A, "some", {"condition": False, "notes": "none of it"}),
            (C, "none", {"condition": "J45", "notes": "damp"}),
        ],
        {
            "all": RELEASE,
            "some": {
                "condition": Effect("transform", "repair_priority"),
                "notes": Effect("deny", reasons=("not-in-agreement", "not-necessary")),
            },
            "none": {
                "condition": Effect("deny", reasons=("consent-withdrawn",)),
                "notes": Effect("deny", reasons=("consent-withdrawn",)),
            },
        },
    )
    assert rows == [Row(B, {"condition": "high", "notes": "damp"}), Row(A, {"condition": "normal"})]
    assert counts == Counts(
        people=3,
        rows=2,
        released=3,
        denied=3,
        reasons=Counter(
            {
                ("notes", "not-in-agreement"): 1,
                ("notes", "not-necessary"): 1,
                ("condition", "consent-withdrawn"): 1,
                ("notes", "consent-withdrawn"): 1,
            }
        ),
    )
    assert counts.by_code() == {"consent-withdrawn": 2, "not-in-agreement": 1, "not-necessary": 1}
    assert list(counts.by_code()) == sorted(counts.by_code())


@pytest.mark.parametrize(
    ("decisions", "code"),
    [
        ({}, "release.no-decision"),
        ({"other": RELEASE}, "release.no-decision"),
        ({"all": {}}, "release.no-decision"),
        ({"all": dict.fromkeys(RELEASE, Effect("deny"))}, "release.denied"),
        ({"all": dict.fromkeys(RELEASE, Effect("Release"))}, "release.no-decision"),
        ({"all": dict.fromkeys(RELEASE, Effect(""))}, "release.no-decision"),
        ({"all": dict.fromkeys(RELEASE, Effect(True))}, "release.no-decision"),  # type: ignore[arg-type]
        ({"all": dict.fromkeys(RELEASE, True)}, "release.no-decision"),
        ({"all": dict.fromkeys(RELEASE)}, "release.no-decision"),
        ({"all": {name: {"effect": "release"} for name in RELEASE}}, "release.no-decision"),
        ({"all": dict.fromkeys(RELEASE, Effect("transform"))}, "release.other-transform"),
        ({"all": dict.fromkeys(RELEASE, Effect("transform", "month"))}, "release.other-transform"),
        ({"all": dict.fromkeys(RELEASE, Effect("transform", "exact"))}, "release.other-transform"),
        ({"all": dict.fromkeys(RELEASE, Effect("release", "month"))}, "release.other-transform"),
        (
            {"all": {"condition": Effect("release"), "notes": Effect("transform", "repair_priority")}},
            "release.other-transform",
        ),
    ],
)
def test_anything_but_a_plain_yes_is_a_no(decisions: Mapping[str, Mapping[str, Effect]], code: str) -> None:
    rows, counts = run([(A, "all", {"condition": "J45", "notes": "damp"})], decisions)
    assert rows == []
    assert counts.by_code() == {code: 2}
    assert (counts.people, counts.rows, counts.released, counts.denied) == (1, 0, 0, 2)


@pytest.mark.parametrize(
    ("raw", "code"),
    [
        ({}, "release.no-value"),
        ({"condition": None, "notes": None}, "release.no-value"),
        ({"condition": "", "notes": ""}, "release.no-value"),
        ({"condition": "H3300", "notes": "longer than ten"}, "release.outside-domain"),
        ({"condition": 5, "notes": 5}, "release.outside-domain"),
        ({"condition": date(2026, 1, 1), "notes": date(2026, 1, 1)}, "release.outside-domain"),
    ],
)
def test_a_value_that_does_not_fit_denies_its_attribute_alone(raw: Mapping[str, Raw], code: str) -> None:
    rows, counts = run(
        [(A, "all", raw), (B, "all", {**raw, "notes": "damp"})],
        {"all": RELEASE},
    )
    assert rows == [Row(B, {"notes": "damp"})]
    assert counts.by_code() == {code: 3}


def test_the_exact_word_may_be_said() -> None:
    rows, _ = run([(A, "all", {"notes": "damp"})], {"all": {"notes": Effect("release", "exact")}})
    assert rows == [Row(A, {"notes": "damp"})]


def test_values_of_attributes_that_were_not_asked_for_stay_out() -> None:
    rows, _ = run(
        [(A, "all", {"notes": "damp", "diagnosis": "J45"})],
        {"all": {**RELEASE, "diagnosis": Effect("release")}},
    )
    assert rows == [Row(A, {"notes": "damp"})]


def test_nobody_is_read_before_they_are_needed() -> None:
    seen: list[bytes] = []

    def people() -> object:
        for link_id in (A, B):
            seen.append(link_id)
            yield Person(link_id, "all", {"notes": "damp"})

    rows = build(people(), {"all": RELEASE}, COLUMNS, Counts())  # type: ignore[arg-type]
    assert next(rows).link_id == A
    assert seen == [A]


def test_columns_are_checked() -> None:
    twice = [column("a", "exact", Integer()), column("a", "exact", Date())]
    with pytest.raises(ReleaseError) as caught:
        list(build([], {}, twice, Counts()))
    assert caught.value.code == "release.bad-column"


def test_reprs_tell_nothing_of_a_person() -> None:
    assert repr(Person(A, "c1", {"notes": "secret"})).endswith("Person(class_key='c1')")
