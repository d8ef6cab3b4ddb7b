"""Weighted CLKs are clkhash's filters of our tokens, whatever the document and the values, by either encoder and either
way in.
"""

from __future__ import annotations

import json
from typing import Any

import numpy as np
import pytest
from bitarray import bitarray
from clkhash.bloomfilter import blake_encode_ngrams
from clkhash.key_derivation import generate_key_lists
from hypothesis import given, settings
from hypothesis import strategies as st

from exchange_node.encoding.clk import clk_encoder
from exchange_node.encoding.errors import EncodingError
from exchange_node.encoding.schema import WEIGHTED_SCHEMA, LinkageSchema, load_schema
from exchange_node.encoding.vector_tokens import TOKENISERS
from exchange_node.records.columns import Column
from tests.made_up_people import key, people

FIELDS = ("forename", "surname", "born")
TEXTS = st.one_of(
    st.text("ab 1é", max_size=12),
    st.sampled_from(["", "1990-01-31", "0000-00-00", "AB1 2CD", "12 mill lane", "a" * 30, "ann ann", "x" * 1500]),
    st.text(max_size=6).filter(lambda text: not any("\ud800" <= char <= "\udfff" for char in text)),
)
FEATURES = st.one_of(
    st.builds(
        lambda field, tokens, bits: {"fields": [field], "tokens": tokens, "bits": bits},
        st.sampled_from(FIELDS), st.sampled_from(sorted(TOKENISERS)), st.integers(1, 64),
    ),
    st.builds(
        lambda fields, tokens, bits: {"fields": fields, "tokens": tokens, "bits": bits},
        st.permutations(FIELDS).map(lambda fields: fields[:2]), st.sampled_from(["together", "either-way"]),
        st.integers(1, 64),
    ),
)  # fmt: skip


def document(features: object, **changes: Any) -> dict[str, Any]:
    head = {"kind": "weighted-clk", "version": 1, "bits": 128, "info": "test", "compared": {"shorter": 4, "longer": 1}}
    return head | {"features": features} | changes


def plainly(read: dict[str, Any], person: dict[str, str], secret: bytes) -> bytes:
    """One filter, from the document alone: tokens are cut here, and clkhash finds each one's places."""
    keys = generate_key_lists(secret, len(read["features"]), key_size=64, info=read["info"].encode())
    made = bitarray(read["bits"])
    made.setall(0)
    for feature, keys_of_feature in zip(read["features"], keys, strict=True):
        values = [person[field] for field in feature["fields"]]
        value = " ".join(values) if all(values) else ""
        if feature["tokens"] == "either-way":
            value = " ".join(sorted(value.split()))
        tokens = [value] if len(values) > 1 else TOKENISERS[feature["tokens"]](value or "x")[:1000]
        if value and tokens:
            each, more = divmod(feature["bits"], len(tokens))
            counts = [each + (at < more) for at in range(len(tokens))]
            made |= blake_encode_ngrams(tokens, keys_of_feature, counts, read["bits"], "utf-8")
    return made.tobytes()


@settings(deadline=None, max_examples=150)
@given(st.lists(FEATURES, min_size=1, max_size=5), st.lists(st.tuples(TEXTS, TEXTS, TEXTS), min_size=1, max_size=5))
def test_every_encoder_gives_what_the_document_says(
    features: list[dict[str, Any]], rows: list[tuple[str, ...]]
) -> None:
    read = document(features)
    schema = LinkageSchema.from_json("test", json.dumps(read))
    records = [dict(zip(FIELDS, row, strict=True)) for row in rows]
    columns = {field: Column.of(field, "text", [record[field] for record in records]) for field in FIELDS}
    expected = [plainly(read, record, key().reveal()) for record in records]
    for name in ("native", "clkhash"):
        with clk_encoder(schema, key(), name) as encoder:
            by_row = encoder.encode_rows([schema.values(record) for record in records])
            by_column = encoder.encode_columns(schema.columns(columns))
        assert [row.tobytes() for row in by_row] == expected
        assert np.array_equal(by_row, by_column)


@pytest.mark.parametrize(
    "wrong",
    [
        document([]),
        document([{"fields": ["a"], "tokens": "bigrams", "bits": 10}], bits=192),
        document([{"fields": ["a"], "tokens": "bigrams", "bits": 10}], version=2),
        document([{"fields": ["a"], "tokens": "bigrams", "bits": 10}], more=1),
        document([{"fields": ["a"], "tokens": "bigrams", "bits": 10}], info="é"),
        document([{"fields": ["a"], "tokens": "bigrams", "bits": 10}], compared={"shorter": 0, "longer": 1}),
        document([{"fields": ["a"], "tokens": "bigrams", "bits": 10}], compared={"shorter": 1, "longer": 101}),
        document([{"fields": ["a"], "tokens": "bigrams", "bits": 10}], compared={"shorter": 1}),
        document([{"fields": ["a"], "tokens": "bigrams", "bits": 10}], compared={"shorter": 1.5, "longer": 1}),
        document([{"fields": ["a"], "tokens": "presence", "bits": 10}]),
        document([{"fields": ["a"], "tokens": "together", "bits": 10}]),
        document([{"fields": ["a", "b"], "tokens": "bigrams", "bits": 10}]),
        document([{"fields": ["a"], "tokens": "bigrams", "bits": 129}]),
        document([{"fields": ["a"], "tokens": "bigrams", "bits": 0}]),
        document([{"fields": [], "tokens": "bigrams", "bits": 10}]),
        document([{"fields": [7], "tokens": "bigrams", "bits": 10}]),
        document([{"fields": ["a"], "tokens": "bigrams"}]),
        document([{"fields": ["a"], "tokens": "bigrams", "bits": 10}] * 101),
        document([{"fields": ["a"], "tokens": ["bigrams"], "bits": 10}]),
        document([7]),
        document(None),
    ],
)
def test_documents_that_are_none_are_refused(wrong: dict[str, Any]) -> None:
    with pytest.raises(EncodingError, match="bad-schema"):
        LinkageSchema.from_json("test", json.dumps(wrong))


def test_half_characters_are_refused_by_row_and_feature() -> None:
    schema = load_schema(WEIGHTED_SCHEMA)
    rows = [schema.values({"forename": "ann"}), schema.values({"forename": "a\ud800"})]
    for name in ("native", "clkhash"):
        with clk_encoder(schema, key(), name) as encoder, pytest.raises(EncodingError) as caught:
            encoder.encode_rows(rows)
        assert caught.value.detail == "row 2, field forename bigrams"


def test_the_shipped_schema_fills_filters_well() -> None:
    """Full enough to tell people apart, and far from the three quarters at which a unit refuses a filter."""
    schema = load_schema(WEIGHTED_SCHEMA)
    everybody = [
        dict(one.fields) | {"middle_names": "jo ann", "address_line": "12 mill lane"} for one in people(500, 1)
    ]
    with clk_encoder(schema, key()) as encoder:
        filters = encoder.encode_rows([schema.values(one) for one in everybody])
    filled = np.bitwise_count(filters).sum(axis=1) / schema.bits
    assert schema.bits == 2048 and filled.min() > 0.35 and filled.max() < 0.5
