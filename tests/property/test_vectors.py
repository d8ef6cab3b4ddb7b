"""Native vectors equal plain ones, keep their bounds whatever the columns, and say nothing where nothing is known."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from typing import Any, get_args

import numpy as np
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from exchange_node.encoding import vector_schema, vector_tokens
from exchange_node.encoding.vector_schema import Block, Feature, VectorSchema, schema_for
from exchange_node.encoding.vector_tokens import SINGLE, TOKENISERS
from exchange_node.encoding.vectors import LARGEST, Vectors, Weights, scale_for
from exchange_node.kernels import vectors as native
from exchange_node.records.columns import Column, Kind
from tests.plain_vectors import PlainVectors, logarithm, siphash

KEY, OTHER_KEY = b"k" * 32, b"l" * 32
ANY = (
    st.text(st.sampled_from("aabbcdhw 0019_-é\u0661字\U0001f600\x1c\x85\xa0\u2003\u3000\x00"), max_size=14) | st.text()
)
DATES = st.from_regex(r"[0-2][09][0-9][0-9]-[01][0-9]-[0-3][0-9]", fullmatch=True)
POSTCODES = st.from_regex(r"[AB]{1,2}[0-9] [0-9]AB|[a-b0-9]{1,5}", fullmatch=True)
ADDRESSES = st.lists(st.sampled_from(["12", "1a", "mill", "street", "flat", "aa"]), max_size=6).map(" ".join)
VALUES: dict[str, st.SearchStrategy[str]] = {
    "name": st.sampled_from(["", "ann", "ann marie", "obrien", "lee", "aaaa", "tymczak"]),
    "date": DATES,
    "postcode": POSTCODES,
    "address": ADDRESSES,
}
KINDS: list[Kind] = list(get_args(Kind))
FIELDS = [
    ("forename", "name"), ("surname", "name"), ("date_of_birth", "date"), ("postcode", "postcode"),
    ("address_line", "address"), ("sex", "sex"), ("town", "place"), ("phone", "number"), ("remark", "text"),
]  # fmt: skip


@st.composite
def registers(draw: st.DrawFn, fields: list[tuple[str, Kind]], rows: int = 7) -> dict[str, Column]:
    """Columns of a few rows; many of one value, many empty, and any text at all."""
    found = {}
    for name, kind in fields:
        values = draw(st.lists(st.just("") | VALUES.get(kind, ADDRESSES) | ANY, min_size=1, max_size=4))
        found[name] = Column.of(name, kind, draw(st.lists(st.sampled_from(values), min_size=rows, max_size=rows)))
    return found


@st.composite
def questions(draw: st.DrawFn) -> tuple[VectorSchema, dict[str, Column], dict[str, Column], Weights]:
    """A schema for some fields, two registers and weights of any size and sign."""
    fields: Any = draw(st.lists(st.sampled_from(FIELDS), min_size=1, max_size=4, unique=True))
    schema = schema_for(fields)
    count = len(schema.features)
    weights = st.one_of(st.just(0.0), st.floats(-20, 20), st.sampled_from([-1e3, 1e-3, 5.0]))
    features = np.array(draw(st.lists(weights, min_size=count, max_size=count)))
    return schema, draw(registers(fields)), draw(registers(fields)), Weights(features)


every = np.arange(7)


@settings(max_examples=60, deadline=None)
@given(questions())
def test_native_vectors_equal_plain_ones(question: Any) -> None:
    schema, ours, theirs, weights = question
    scale = scale_for(schema, weights)
    left, right = Vectors(schema, ours, KEY), Vectors(schema, theirs, KEY)
    plain_left, plain_right = PlainVectors(schema, ours, KEY), PlainVectors(schema, theirs, KEY)
    assert np.array_equal(left.left(every), [plain_left.left(row) for row in range(7)])
    for size in (scale, scale / 7):
        expected = [plain_right.right(row, weights, size) for row in range(7)]
        assert np.array_equal(right.right(every, weights, size), expected)
    found = left.features(every, right, every[::-1])
    expected = [plain_left.features(row, plain_right, 6 - row) for row in range(7)]
    assert np.array_equal(found, expected)
