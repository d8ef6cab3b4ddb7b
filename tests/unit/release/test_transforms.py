from __future__ import annotations

from datetime import date
from decimal import Decimal
from typing import Any

import pytest

from exchange_node.release.columns import Boolean, Code, Column, ColumnType, Date, Integer, Text
from exchange_node.release.errors import ReleaseError
from exchange_node.release.transforms import TRANSFORMS, Raw, apply, column, minimise

CASES: list[tuple[str, Any, Any]] = [
    ("yes_no", True, True),
    ("yes_no", 0, False),
    ("yes_no", " YES ", True),
    ("yes_no", "f", False),
    ("presence", None, False),
    ("presence", "  ", False),
    ("presence", [], False),
    ("presence", ["", " "], False),
    ("presence", float("nan"), False),
    ("presence", Decimal("sNaN"), False),
    ("presence", 0, True),
    ("presence", False, True),
    ("presence", "no", True),
    ("presence", ("", "x"), True),
    ("presence", date(2026, 1, 1), True),
    ("repair_priority", True, "high"),
    ("repair_priority", False, "normal"),
    ("repair_priority", "yes", "high"),
    ("repair_priority", 0, "normal"),
    ("repair_priority", "J45", "high"),
    ("repair_priority", "j45.9", "high"),
    ("repair_priority", "J45X", "high"),
    ("repair_priority", "J00", "high"),
    ("repair_priority", "J99", "high"),
    ("repair_priority", "I99", "normal"),
    ("repair_priority", "K00", "normal"),
    ("repair_priority", "E84.0", "high"),
    ("repair_priority", "E85", "normal"),
    ("repair_priority", "E11.9; J44.1", "high"),
    ("repair_priority", ["E11", "I10"], "normal"),
    ("repair_priority", [], "normal"),
    ("repair_priority", "Asthma", "high"),
    ("repair_priority", "cystic fibrosis|none", "high"),
    ("repair_priority", "none", "normal"),
    ("repair_priority", ["195967001", "J45"], "high"),
    ("age_band", 0, "0 to 4"),
    ("age_band", 4, "0 to 4"),
    ("age_band", 5, "5 to 10"),
    ("age_band", 10, "5 to 10"),
    ("age_band", 11, "11 to 15"),
    ("age_band", 15, "11 to 15"),
    ("age_band", 16, "16 to 17"),
    ("age_band", 17, "16 to 17"),
    ("age_band", 18, "18 to 24"),
    ("age_band", 24, "18 to 24"),
    ("age_band", 25, "25 to 34"),
    ("age_band", 34, "25 to 34"),
    ("age_band", 35, "35 to 44"),
    ("age_band", 54, "45 to 54"),
    ("age_band", 55, "55 to 64"),
    ("age_band", 74, "65 to 74"),
    ("age_band", 75, "75 to 84"),
    ("age_band", 84, "75 to 84"),
    ("age_band", 85, "85 or over"),
    ("age_band", 130, "85 or over"),
    ("age_band", "17", "16 to 17"),
    ("age_band", 17.0, "16 to 17"),
    ("count_band", 0, "0"),
    ("count_band", 1, "1 to 4"),
    ("count_band", 4, "1 to 4"),
    ("count_band", 5, "5 to 9"),
    ("count_band", 9, "5 to 9"),
    ("count_band", 10, "10 to 19"),
    ("count_band", 19, "10 to 19"),
    ("count_band", 20, "20 to 49"),
    ("count_band", 49, "20 to 49"),
    ("count_band", 50, "50 or more"),
    ("amount_band", -1, "none"),
    ("amount_band", 0, "none"),
    ("amount_band", "0.01", "under 100"),
    ("amount_band", Decimal("99.99"), "under 100"),
    ("amount_band", 100, "100 to under 500"),
    ("amount_band", "499.99", "100 to under 500"),
    ("amount_band", 500, "500 to under 1000"),
    ("amount_band", 999.99, "500 to under 1000"),
    ("amount_band", 1000, "1000 to under 2500"),
    ("amount_band", "2499.99", "1000 to under 2500"),
    ("amount_band", 2500, "2500 or more"),
    ("income_band", -5000, "under 10000"),
    ("income_band", "9999.99", "under 10000"),
    ("income_band", 10_000, "10000 to under 20000"),
    ("income_band", 19_999, "10000 to under 20000"),
    ("income_band", 20_000, "20000 to under 30000"),
    ("income_band", 30_000, "30000 to under 50000"),
    ("income_band", 49_999, "30000 to under 50000"),
    ("income_band", 50_000, "50000 to under 80000"),
    ("income_band", 79_999, "50000 to under 80000"),
    ("income_band", 80_000, "80000 or more"),
    ("year", "2024-02-29", 2024),
    ("year", date(1900, 1, 1), 1900),
    ("year", "2099-12-31", 2099),
    ("quarter", "2026-03-31", "2026 Q1"),
    ("quarter", "2026-04-01", "2026 Q2"),
    ("quarter", "2026-12-31", "2026 Q4"),
    ("month", "2026-03-31", "2026-03"),
    ("outward_postcode", "zz9 9zz", "ZZ9"),
    ("outward_postcode", "ZZ99ZZ", "ZZ9"),
    ("outward_postcode", "Z1A 1AA", "Z1A"),
    ("outward_postcode", "ZZ99 3CZ", "ZZ99"),
    ("postcode_area", "ZZ99 3CZ", "ZZ"),
    ("postcode_area", "Z1A 1AA", "Z"),
]


@pytest.mark.parametrize(("name", "value", "expected"), CASES, ids=lambda case: ascii(case))
def test_what_a_transform_gives(name: str, value: Any, expected: Any) -> None:
    result = apply(name, value)
    assert result == expected
    assert type(result) is type(expected)


def test_every_label_of_every_band_is_reached() -> None:
    for name, transform in TRANSFORMS.items():
        if isinstance(transform.gives, Code):
            assert {expected for case, _, expected in CASES if case == name} == set(transform.gives.values)


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("yes_no", None),
        ("yes_no", ""),
        ("yes_no", "maybe"),
        ("yes_no", 2),
        ("yes_no", -1),
        ("yes_no", 1.0),
        ("yes_no", ["yes"]),
        ("repair_priority", None),
        ("repair_priority", ""),
        ("repair_priority", " "),
        ("repair_priority", "195967001"),
        ("repair_priority", "H33.."),
        ("repair_priority", "H3300"),
        ("repair_priority", "E11, something"),
        ("repair_priority", [5]),
        ("repair_priority", [None]),
        ("repair_priority", 2),
        ("repair_priority", 1.5),
        ("repair_priority", "J\u0664\u0665"),  # digits of another script
        ("age_band", -1),
        ("age_band", 131),
        ("age_band", True),
        ("age_band", 17.5),
        ("age_band", "17 years"),
        ("age_band", " 17"),
        ("age_band", "\u0661\u0667"),
        ("age_band", None),
        ("age_band", float("nan")),
        ("count_band", -1),
        ("count_band", "1e3"),
        ("count_band", 10**400),
        ("amount_band", float("inf")),
        ("amount_band", Decimal("sNaN")),
        ("amount_band", "1,000"),
        ("amount_band", "£5"),
        ("amount_band", "0.001"),
        ("income_band", 10**12),
        ("year", "1899-12-31"),
        ("year", "2100-01-01"),
        ("year", "2026-02-30"),
        ("year", "20260201"),
        ("year", "01/02/2026"),
        ("year", "2026-02-01T00:00:00"),
        ("year", 2026),
        ("month", None),
        ("outward_postcode", "ZZ9"),
        ("outward_postcode", "ZZ9 9Z"),
        ("outward_postcode", "ZZZ9 9ZZ"),
        ("outward_postcode", "ZZ9 9Z\u017f"),  # a long s turns into S in upper case
        ("outward_postcode", ""),
        ("postcode_area", 5),
    ],
    ids=lambda case: ascii(case)[:30],
)
def test_a_value_of_another_sort_is_refused_and_not_told(name: str, value: Any) -> None:
    with pytest.raises(ReleaseError) as caught:
        apply(name, value)
    assert caught.value.code == "release.outside-domain"
    assert caught.value.detail == f"transform {name}"
    assert caught.value.__context__ is None  # nothing for a traceback to print


@pytest.mark.parametrize("name", ["yes_no", "repair_priority", "age_band", "count_band", "amount_band", "year"])
def test_a_number_too_long_to_print_is_refused(name: str) -> None:
    with pytest.raises(ReleaseError) as caught:
        apply(name, 10**5000)
    assert caught.value.code == "release.outside-domain"


@pytest.mark.parametrize("name", ["", "nothing", "YES_NO", "__class__"])
def test_unknown_transforms(name: str) -> None:
    for call in (lambda: apply(name, "x"), lambda: column("a", name)):
        with pytest.raises(ReleaseError) as caught:
            call()
        assert caught.value.code == "release.unknown-transform"


def test_exact_needs_a_type_and_keeps_to_it() -> None:
    assert apply("exact", "abc", Text(3)) == "abc"
    assert apply("exact", 7, Integer(0, 9)) == 7
    assert apply("exact", True, Boolean()) is True
    assert apply("exact", "2026-01-31", Date()) == date(2026, 1, 31)
    assert apply("exact", "b", Code(("a", "b"))) == "b"
    wrong: list[tuple[Raw, ColumnType]] = [
        ("abcd", Text(3)),
        (True, Integer(0, 9)),
        (1, Boolean()),
        ("x", Date()),
        (None, Text(3)),
    ]
    for value, declared in wrong:
        with pytest.raises(ReleaseError) as caught:
            apply("exact", value, declared)
        assert caught.value.code == "release.outside-domain"
    with pytest.raises(ReleaseError) as caught:
        apply("exact", "abc")
    assert caught.value.code == "release.bad-column"


def test_a_column_has_the_type_that_its_transform_gives() -> None:
    priority = column("condition", "repair_priority", description="how soon to mend")
    assert priority == Column("condition", Code(("high", "normal")), "repair_priority", "how soon to mend")
    assert column("condition", "repair_priority", Code(("high", "normal"))).type == priority.type
    assert column("name", None, Text(9)) == column("name", "exact", Text(9)) == Column("name", Text(9))
    assert minimise(priority, "J45") == "high"
    for transform, declared in [("repair_priority", Text(9)), ("exact", None), (None, None)]:
        with pytest.raises(ReleaseError) as caught:
            column("condition", transform, declared)
        assert caught.value.code == "release.bad-column"


def test_every_transform_says_what_it_takes_gives_and_hides() -> None:
    for transform in TRANSFORMS.values():
        words = transform.words
        assert words.index("Takes ") < words.index("Gives ") < words.index("Hides ")


def test_no_label_looks_like_a_date_to_a_spreadsheet() -> None:
    labels = [
        label
        for transform in TRANSFORMS.values()
        if isinstance(transform.gives, Code)
        for label in transform.gives.values
    ]
    assert labels
    assert not [label for label in labels if "-" in label or "/" in label]
