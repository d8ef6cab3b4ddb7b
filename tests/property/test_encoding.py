"""Whatever stands in the fields: clkhash's bits, or an error that shows none of it."""

from __future__ import annotations

from typing import Any

from clkhash.clk import generate_clks
from hypothesis import given, settings
from hypothesis import strategies as st

from exchange_node.encoding.clk import clk_encoder
from exchange_node.encoding.errors import EncodingError
from exchange_node.encoding.schema import LinkageSchema
from tests.made_up_people import SCHEMA, key, record

anything = st.text(max_size=40)
dates = st.one_of(st.just(""), st.dates().map(lambda day: f"{day:%Y-%m-%d}".zfill(10)))


@settings(deadline=None)
@given(anything, anything, dates, anything, anything)
def test_bit_identity_with_clkhash(forename: str, surname: str, born: str, sex: str, postcode: str) -> None:
    person = record("x", forename=forename, surname=surname, date_of_birth=born, sex=sex, postcode=postcode)
    row = SCHEMA.values(person.fields)
    expected = generate_clks([row], SCHEMA.clkhash_schema, key().reveal(), max_workers=1)[0].tobytes()
    with clk_encoder(SCHEMA, key()) as encoder:
        assert encoder.encode(person.fields) == expected


@settings(deadline=None)
@given(st.text(min_size=4, max_size=40), st.text(alphabet=st.characters(categories=["Cs"]), max_size=3))
def test_bad_values_never_show(born: str, surrogates: str) -> None:
    with clk_encoder(SCHEMA, key()) as encoder:
        try:
            encoder.encode({"date_of_birth": born, "surname": surrogates}, 3)
        except EncodingError as error:
            assert error.detail in ("row 3, field date_of_birth", "row 3, field surname")
            assert error.__cause__ is None and error.__context__ is None


Part = dict[str, Any]
comparisons = st.one_of(
    st.builds(
        lambda n, positional: {"type": "ngram", "n": n, "positional": positional}, st.integers(1, 4), st.booleans()
    ),
    st.just({"type": "exact"}),
)
hashes = st.sampled_from([{"type": "blakeHash"}, {"type": "doubleHash", "prevent_singularity": True}])
strategies = st.one_of(
    st.builds(lambda k: {"bitsPerToken": k}, st.integers(1, 40)),
    st.builds(lambda k: {"bitsPerFeature": k}, st.integers(1, 300)),
)
missing = st.sampled_from([{}, {"missingValue": {"sentinel": "?", "replaceWith": "nobody"}}])


@settings(deadline=None, max_examples=60)
@given(
    st.lists(
        st.tuples(comparisons, hashes, strategies, missing, st.text(max_size=12) | st.just("?")), min_size=1, max_size=4
    ),
    st.sampled_from([64, 256, 1024]),
)
def test_bit_identity_for_other_schemas(features: list[tuple[Part, Part, Part, Part, str]], bits: int) -> None:
    import json

    schema = LinkageSchema.from_json(
        "made-up",
        json.dumps(
            {
                "version": 3,
                "clkConfig": {"l": bits, "kdf": {"type": "HKDF"}},
                "features": [
                    {
                        "identifier": f"f{index}",
                        "format": {"type": "string"},
                        "hashing": {"comparison": comparison, "hash": hashing, "strategy": strategy, **sentinel},
                    }
                    for index, (comparison, hashing, strategy, sentinel, _) in enumerate(features)
                ],
            }
        ),
    )
    row = [value for *_, value in features]
    expected = generate_clks([row], schema.clkhash_schema, key().reveal(), max_workers=1)[0].tobytes()
    with clk_encoder(schema, key()) as encoder:
        assert encoder.encode(dict(zip(schema.fields, row, strict=True))) == expected
