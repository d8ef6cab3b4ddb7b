"""CLKs of two registers, as a linkage unit would compare them, with a threshold chosen without labels."""

from __future__ import annotations

import numpy as np
import pytest

from exchange_node.encoding.errors import EncodingError
from exchange_node.encoding.schema import WEIGHTED_SCHEMA, load_schema
from exchange_node.engine.clks import Curve, How, Linked, link_by_clks
from exchange_node.linkage.errors import LinkageError
from tests.made_up_registers import FIELDS, Registers, columns_of

PLAIN, WEIGHTED = How(load_schema()), How(load_schema(WEIGHTED_SCHEMA))


@pytest.fixture(scope="module")
def weighted(town: Registers) -> Linked:
    return link_by_clks(columns_of(town.left), columns_of(town.right), WEIGHTED)


def f1(found: Linked, town: Registers) -> float:
    pairs = set(zip(found.links.left.tolist(), found.links.right.tolist(), strict=True))
    return 2 * len(pairs & town.true_pairs()) / (len(pairs) + len(town.true_pairs()))


def test_weighted_ones_find_nearly_all(weighted: Linked, town: Registers) -> None:
    links = weighted.links
    assert f1(weighted, town) > 0.98
    assert len(set(links.left.tolist())) == len(links) == len(set(links.right.tolist())), "one-to-one"
    assert links.decision.precision > 0.95
    assert links.compared == 400 * 350


def test_plain_ones_find_most_by_any_encoder_and_kernel(town: Registers) -> None:
    sides = columns_of(town.left), columns_of(town.right)
    ours = link_by_clks(*sides, PLAIN)
    assert f1(ours, town) > 0.94
    theirs = link_by_clks(*sides, How(PLAIN.schema, "clkhash", "anonlink-accelerated"))
    assert len(ours.links) == len(theirs.links)
    assert set(ours.links.left.tolist()) == set(theirs.links.left.tolist())


def test_the_same_again(weighted: Linked, town: Registers) -> None:
    again = link_by_clks(columns_of(town.left), columns_of(town.right), WEIGHTED)
    assert np.array_equal(again.links.score, weighted.links.score)
    assert np.array_equal(again.links.left, weighted.links.left)
    assert again.curve == weighted.curve


def test_a_curve_and_the_threshold_of_an_agreement() -> None:
    curve = Curve(60.0, -42.0)
    assert curve.odds(np.array([0.7, 0.8])) == pytest.approx([0.0, 6.0])
    assert (curve.basis_points(0.0), curve.basis_points(-100.0), curve.basis_points(100.0)) == (7000, 1, 10_000)


def test_dates_that_no_calendar_has_count_as_missing(town: Registers) -> None:
    odd = [dict(one) | {"date_of_birth": "1990-00-00"} if at % 7 == 0 else one for at, one in enumerate(town.left)]
    found = link_by_clks(columns_of(odd), columns_of(town.right), PLAIN)
    assert len(found.links) > 150


@pytest.mark.parametrize(
    ("code", "how", "every"),
    [
        ("too-many-pairs", WEIGHTED, False),
        ("no-kernel", How(WEIGHTED.schema, kernel="anonlink-accelerated"), None),
        ("no-kernel", How(PLAIN.schema, kernel="fastest"), None),
    ],
)
def test_what_cannot_be_done_is_said(town: Registers, code: str, how: How, every: bool | None) -> None:
    with pytest.raises(LinkageError, match=code):
        link_by_clks(columns_of(town.left), columns_of(town.right), how, every_pair=every)


def test_an_encoder_that_is_none(town: Registers) -> None:
    with pytest.raises(EncodingError, match="no-encoder"):
        link_by_clks(columns_of(town.left), columns_of(town.right), How(PLAIN.schema, "quick"))


def test_rows_with_too_little_in_them(town: Registers) -> None:
    """Of people of whom nothing is known but the sex nobody can be linked."""
    empty = [dict.fromkeys(FIELDS, "") | {"sex": one["sex"]} for one in town.left]
    with pytest.raises(LinkageError, match="too-few-people"):
        link_by_clks(columns_of(empty), columns_of(town.right), PLAIN)
