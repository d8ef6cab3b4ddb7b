"""The classes are written out by hand, so that a changed function cannot agree with itself."""

from __future__ import annotations

import pytest

from exchange_node.sizes import LARGEST, SizeError, size_class


@pytest.mark.parametrize(
    ("rows", "expected"),
    [
        (0, 10), (1, 10), (10, 10), (11, 20), (20, 20), (21, 50), (50, 50), (51, 100), (100, 100), (101, 200),
        (4_999, 5_000), (5_000, 5_000), (5_001, 10_000), (99_999, 100_000), (500_000_001, LARGEST),
        (LARGEST, LARGEST),
    ],
)  # fmt: skip
def test_edges_of_the_classes(rows: int, expected: int) -> None:
    assert size_class(rows) == expected


@pytest.mark.parametrize(("rows", "expected"), [(0, 10), (900, 1_000), (1_001, 1_500), (1_500, 1_500)])
def test_the_agreements_cap_is_the_largest_class(rows: int, expected: int) -> None:
    assert size_class(rows, ceiling=1_500) == expected


@pytest.mark.parametrize(("rows", "ceiling"), [(-1, LARGEST), (LARGEST + 1, LARGEST), (1_501, 1_500), (1, LARGEST + 1)])
def test_no_class_for_what_may_not_be_asked(rows: int, ceiling: int) -> None:
    with pytest.raises(SizeError) as caught:
        size_class(rows, ceiling)
    assert caught.value.code == "size.out-of-range"
