"""Native vectors equal plain ones, keep their bounds whatever the columns, and say nothing where nothing is known."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from typing import Any

import numpy as np
import pytest
from hypothesis import assume, example, given, settings
from hypothesis import strategies as st

from exchange_node.encoding.errors import EncodingError
from exchange_node.encoding.vector_schema import PRESENCE, WIDEST, Block, Feature, VectorSchema, schema_for
from exchange_node.encoding.vector_tokens import SINGLE, TOKENISERS
from exchange_node.encoding.vectors import LARGEST, Vectors, Weights, scale_for
from exchange_node.kernels import vectors as native
from exchange_node.records.columns import Column, Kind
from tests.plain_vectors import PlainVectors, siphash

KEY, OTHER_KEY = b"k" * 32, b"l" * 32
ODD = st.text(st.sampled_from("aabbcdhw 0019_-é٣²字😀\x1c\x85\xa0\u2003\u3000\x00\ud800"), max_size=14) | st.text()
WORDS = st.lists(st.sampled_from(["12", "1a", "mill", "street", "flat", "aa"]), max_size=6).map(" ".join)
LONG = st.sampled_from(["ab " * 1001 + "cd", "x1 " * 20, "a" * 70, "é" * 50 + " 7 " + "y" * 50])
VALUES: dict[str, st.SearchStrategy[str]] = {
    "name": st.sampled_from(["ann", "ann marie", "obrien", "lee", "aaaa", "tymczak", "ashcraft", "pfister"]),
    "date": st.from_regex(r"[0-2][09][0-9][0-9]-[01][0-9]-[0-3][0-9]", fullmatch=True),
    "postcode": st.from_regex(r"[AB]{1,2}[0-9] [0-9]AB|[a-b0-9]{1,5}", fullmatch=True),
    "sex": st.sampled_from("fm"),
}
ANY = st.one_of(ODD, LONG, WORDS, *VALUES.values())
FIELDS: list[tuple[str, Kind]] = [
    ("forename", "name"), ("middle_names", "name"), ("surname", "name"), ("date_of_birth", "date"), ("sex", "sex"),
    ("postcode", "postcode"), ("address_line", "address"), ("town", "place"), ("phone", "number"), ("remark", "text"),
]  # fmt: skip
ROWS = 7
MANY = 1000
"""So many rows that each value is weighed once."""
every = np.arange(ROWS)


@st.composite
def registers(draw: st.DrawFn, fields: list[tuple[str, Kind]]) -> dict[str, Column]:
    """Columns of a few rows, with the same value in several, with none, and with texts that no standard form has."""
    found = {}
    for name, kind in fields:
        values = draw(st.lists(st.just("") | VALUES.get(kind, WORDS) | ANY, min_size=1, max_size=4))
        found[name] = Column.of(name, kind, draw(st.lists(st.sampled_from(values), min_size=ROWS, max_size=ROWS)))
    return found


@st.composite
def schemas(draw: st.DrawFn) -> VectorSchema:
    """The one for some fields, or any other."""
    fields = draw(st.lists(st.sampled_from(FIELDS), min_size=1, max_size=4, unique=True))
    if draw(st.booleans()):
        return schema_for(fields)
    names, blocks = [name for name, _ in fields], []
    for number in range(draw(st.integers(1, 5))):
        chosen = draw(st.lists(st.sampled_from(names), min_size=1, max_size=3, unique=True))
        each = st.sampled_from([*TOKENISERS] if len(chosen) > 1 else [PRESENCE, *TOKENISERS])
        tokens = " ".join(draw(each) for _ in chosen)
        width, unit, hashes = draw(st.integers(2, 70)), draw(st.integers(1, 127)), draw(st.integers(1, 2))
        blocks.append(Block(str(number), tuple(chosen), tokens, width, hashes, unit, draw(st.sampled_from("de"))))
    pairs = [(one.name, two.name) for one in blocks for two in blocks if one.width >= two.width]
    of_one = st.lists(st.sampled_from(pairs), min_size=1, max_size=3, unique=True).map(tuple)
    features = draw(st.lists(st.builds(Feature, st.just("f"), of_one, st.booleans()), min_size=1, max_size=6))
    return VectorSchema(tuple(blocks), tuple(features))


@st.composite
def questions(draw: st.DrawFn) -> tuple[VectorSchema, dict[str, Column], dict[str, Column], Weights, int | None]:
    """A schema, two registers, weights of any size and sign, and how many of the rows tell what is rare."""
    schema = draw(schemas())
    kinds = [(name, kind) for name, kind in FIELDS if name in schema.fields]
    weight = st.sampled_from([0.0, 0.0, 1e-3, 5.0, -1e3]) | st.floats(-20, 20)
    weights = [draw(weight) for _ in schema.features]
    counted = draw(st.none() | st.integers(0, ROWS))
    return schema, draw(registers(kinds)), draw(registers(kinds)), Weights(np.array(weights)), counted


def weighted(vectors: Vectors, weights: Weights, scale: float, rows: int) -> np.ndarray:
    """Every right row, made as if so many were wanted."""
    packed = vectors.weighted(weights, scale, rows).packed(every)
    assert packed.values.all()
    return packed.unpacked(vectors.schema.width)


@settings(max_examples=120, deadline=None)
@given(questions())
def test_native_vectors_equal_plain_ones_and_keep_their_bounds(question: Any) -> None:
    schema, ours, theirs, weights, counted = question
    scale = scale_for(schema, weights)
    left, right = Vectors(schema, ours, KEY, counted), Vectors(schema, theirs, KEY, counted)
    plain_left, plain_right = (PlainVectors(schema, side, KEY, counted) for side in (ours, theirs))
    x = np.array([plain_left.left(row) for row in range(ROWS)])
    y = np.array([plain_right.right(row, weights, scale) for row in range(ROWS)])  # not cut off at 127
    assert x.max() <= 127
    assert np.abs(y).max() <= 127
    assert np.abs(x.astype(int) @ y.T).max() <= LARGEST
    assert np.array_equal(left.left(every), x)
    beyond = np.clip([plain_right.right(row, weights, scale * 2) for row in range(ROWS)], -127, 127)
    for rows in (0, ROWS, MANY):
        assert np.array_equal(weighted(right, weights, scale, rows), y)
        assert np.array_equal(weighted(right, weights, scale * 2, rows), beyond)
    expected = [plain_left.features(row, plain_right, ROWS - 1 - row) for row in range(ROWS)]
    assert np.array_equal(left.features(every, right, every[::-1]), expected)


EVERY_KIND = [
    Block(f"{tokens} {hashes}", ("remark",), tokens, 48 + hashes, hashes, 100, "d")
    for tokens in (PRESENCE, *TOKENISERS)
    for hashes in (1, 2)
] + [
    Block(tokens, fields, tokens, 50, 2, 100, "d")
    for fields, tokens in ((("remark", "town"), "whole sounds"), (("town", "sex", "phone"), "year whole bigrams"))
]


@settings(max_examples=25, deadline=None)
@given(st.lists(ANY, min_size=ROWS * 4, max_size=ROWS * 4), st.none() | st.integers(0, ROWS))
def test_every_kind_of_block_equals_the_plain_one(texts: list[str], counted: int | None) -> None:
    features = [Feature("f", ((block.name, block.name),), rarity) for block in EVERY_KIND for rarity in (False, True)]
    schema = VectorSchema(tuple(EVERY_KIND), tuple(features))
    columns = {
        name: Column.of(name, "text", [*texts[at : at + 4], *texts[at : at + 3]])
        for at, name in enumerate(["remark", "town", "sex", "phone"])
    }
    weights = Weights(np.where([feature.rarity for feature in features], 30.0, 3.0))
    vectors, plain = Vectors(schema, columns, KEY, counted), PlainVectors(schema, columns, KEY, counted)
    assert np.array_equal(vectors.left(every), [plain.left(row) for row in range(ROWS)])
    expected = [plain.right(row, weights, 200.0) for row in range(ROWS)]
    for wanted in (0, MANY):
        assert np.array_equal(weighted(vectors, weights, 200.0, wanted), expected)
    found = vectors.features(every, vectors, every[::-1])
    assert np.array_equal(found, [plain.features(row, plain, ROWS - 1 - row) for row in range(ROWS)])


def test_scores_come_near_their_bound() -> None:
    """So it is no bound that any vectors would keep."""
    schema = schema_for([
        ("forename", "name"), ("surname", "name"), ("date_of_birth", "date"), ("sex", "sex"), ("postcode", "postcode"),
    ])  # fmt: skip
    person = {
        "forename": Column.of("forename", "name", ["ann", "bob"]),
        "surname": Column.of("surname", "name", ["lee", "obrien"]),
        "date_of_birth": Column.of("date_of_birth", "date", ["1980-02-03", "1990-04-05"]),
        "sex": Column.of("sex", "sex", ["f", "m"]),
        "postcode": Column.of("postcode", "postcode", ["LS1 4AP", "M1 1AE"]),
    }
    features = [0.0 if "as" in feature.name else 1.0 for feature in schema.features]
    weights = Weights(np.array(features))
    vectors = Vectors(schema, person, KEY)
    x, y = (
        vectors.left(every[:2]).astype(int),
        vectors.right(every[:2], weights, scale_for(schema, weights)).astype(int),
    )
    assert (x @ y.T).max() > 0.8 * LARGEST


@given(
    few=st.sets(st.sampled_from(FIELDS[:9])),
    kind=st.sampled_from(["name", "date", "postcode", "address", "place", "number", "text"]),
    many=st.integers(1, 150),
)
@example(set(), "text", 47)
@example({("forename", "name")}, "text", 30)
def test_many_fields_have_narrower_blocks_or_are_refused(few: set[tuple[str, Kind]], kind: Kind, many: int) -> None:
    try:
        schema = schema_for([*few, *((f"own_{at}", kind) for at in range(many))])
        scale = scale_for(schema, Weights(np.ones(len(schema.features))))
    except EncodingError as error:
        assert error.code == "encoding.too-many-fields"
        assert many > 3
    else:
        assert schema.width <= WIDEST
        assert all(block.width >= block.hashes for block in schema.blocks)
        assert scale > 0


@settings(max_examples=500)
@given(tokeniser=st.sampled_from(sorted(TOKENISERS)), value=ANY)
@example("sounds", "ashcraft honeyman pfister tymczak jackson vandeusen hw")
@example("number-word", "1\u2003a 2")
@example("characters", "x" * 1001)
@example("district", " x")
@example("sector", "é")
@example("year-digits", "198")
def test_native_tokens_equal_those_of_python(tokeniser: str, value: str) -> None:
    assume(value)
    tokens = TOKENISERS[tokeniser](value)
    assert native.cut(tokeniser, value) == tokens[:1000]
    assert tokeniser not in SINGLE or len(tokens) <= 1


def test_the_hash_is_siphash() -> None:
    key = bytes(range(16))
    published = {0: 0x726FDB47DD0E0E31, 1: 0x74F839C593DC67FD, 8: 0x93F5F5799A932462, 15: 0xA129CA6149BE45E5}
    for size, expected in published.items():
        assert native.siphash(key, bytes(range(size))) == siphash(key, bytes(range(size))) == expected


@given(st.binary(min_size=16, max_size=16), st.binary(max_size=300))
def test_the_native_hash_equals_the_plain_one(key: bytes, message: bytes) -> None:
    assert native.siphash(key, message) == siphash(key, message)


@given(st.lists(ANY))
def test_values_are_hashed_together_as_alone(values: list[str]) -> None:
    key = bytes(range(16))
    alone = [siphash(key, value.encode(errors="surrogatepass")) if value else 0 for value in values]
    assert native.hashes(key, values).tolist() == alone


def register(rows: int, seed: int) -> dict[str, Column]:
    """People of many names; a tenth of each field is missing."""
    rng = np.random.default_rng(seed)
    found = {}
    for name, kind in FIELDS:
        if kind == "date":
            values = (np.datetime64("1950-01-01") + np.arange(700)).astype(str).tolist()
        elif kind == "address":  # more tokens than a small table has, some of them long
            values = [f"{at} lane{at} {'x' * (at % 60)}{at * 7919}" for at in range(rows)]
        else:
            parts = ["an", "be", "cor", "da", "el", "fi", "gu", "ho", "ije"]
            values = [f"{one}{two} {three}" for one in parts for two in parts for three in parts][:700]
        codes = np.where(rng.random(rows) < 0.1, 0, rng.integers(1, len(values) + 1, rows)).astype(np.int32)
        found[name] = Column(name, kind, ["", *values], codes)
    return found


def test_many_rows_and_tokens_equal_plain_ones_and_do_so_from_several_threads() -> None:
    rows, schema, columns = 3000, schema_for(FIELDS), register(3000, 1)
    weights = Weights(np.random.default_rng(2).normal(2, 2, len(schema.features)))
    scale, vectors = scale_for(schema, weights), Vectors(schema, columns, KEY)
    x, y = vectors.left(np.arange(rows)), vectors.right(np.arange(rows), weights, scale)
    plain = PlainVectors(schema, columns, KEY)
    for row in range(0, rows, 100):
        assert np.array_equal(x[row], plain.left(row))
        assert np.array_equal(y[row], plain.right(row, weights, scale))

    def again(top: int) -> bool:
        here = np.arange(top, top + 100)
        same = np.array_equal(vectors.left(here), x[here]), np.array_equal(vectors.right(here, weights, scale), y[here])
        return all(same)

    with ThreadPoolExecutor(4) as pool:
        assert all(pool.map(again, range(0, rows, 100)))


def test_what_is_missing_says_exactly_nothing() -> None:
    schema, columns = schema_for(FIELDS), register(40, 3)
    weights = Weights(np.ones(len(schema.features)))
    vectors = Vectors(schema, columns, KEY)
    x, y = vectors.left(np.arange(40)), vectors.right(np.arange(40), weights, scale_for(schema, weights))
    agreed = vectors.features(np.arange(40), vectors, np.arange(40))
    met = {left for feature in schema.features for left, right in feature.pairs if left != right}
    for block in schema.blocks:
        missing = np.any([columns[field].codes == 0 for field in block.fields], axis=0)
        here = slice(schema.start[block.name], schema.start[block.name] + block.width)
        assert 0 < missing.sum() < 40
        assert (x[:, here].any(axis=1) == ~missing).all()
        if block.name not in met:  # nothing of another field stands there
            assert not y[missing, here].any()
    for at, feature in enumerate(schema.features):
        fields = {field for pair in feature.pairs for name in pair for field in schema.by_name[name].fields}
        missing = np.any([columns[field].codes == 0 for field in fields], axis=0)
        if len(feature.pairs) == 1:
            assert not agreed[missing, at].any()
            assert agreed[:, at].any()


def test_a_key_makes_the_same_bits_and_another_one_others() -> None:
    schema, columns = schema_for(FIELDS), register(30, 4)
    x, same, other = (Vectors(schema, columns, key).left(np.arange(30)) for key in (KEY, bytes(KEY), OTHER_KEY))
    assert np.array_equal(x, same)
    for block in schema.blocks:
        here = slice(schema.start[block.name], schema.start[block.name] + block.width)
        assert np.array_equal(x[:, here], other[:, here]) == (block.width == 1)


def test_values_that_no_row_has_change_nothing() -> None:
    schema, columns = schema_for(FIELDS), register(500, 5)
    some = {name: column.take(np.arange(0, 500, 7)) for name, column in columns.items()}
    bare = {
        name: Column.of(name, column.kind, [column.values[code] for code in column.codes])
        for name, column in some.items()
    }
    weights = Weights(np.ones(len(schema.features)))
    one, other = (Vectors(schema, found, KEY) for found in (some, bare))
    expected = other.right(np.arange(72), weights, 20.0)
    for rows in (72, 10_000):
        found = one.weighted(weights, 20.0, rows).packed(np.arange(72))
        assert np.array_equal(found.unpacked(schema.width), expected)


def test_a_tokeniser_of_python_alone_works(monkeypatch: pytest.MonkeyPatch) -> None:
    block = Block("b", ("remark",), "halves", 64, 2, 64, "d")
    monkeypatch.setitem(TOKENISERS, "halves", lambda text: [text[: len(text) // 2], text[len(text) // 2 :]])
    schema = VectorSchema((block,), (Feature("f", (("b", "b"),)),))
    columns = {"remark": Column.of("remark", "text", ["ab", "", "é", "x" * 50, "b"])}
    assert np.array_equal(
        Vectors(schema, columns, KEY).left(np.arange(5)),
        [PlainVectors(schema, columns, KEY).left(row) for row in range(5)],
    )


def test_what_does_not_fit_is_refused() -> None:
    schema, columns = schema_for(FIELDS), register(20, 6)
    vectors, weights = Vectors(schema, columns, KEY), Weights(np.ones(len(schema.features)))
    right = vectors.weighted(weights, 20.0, MANY)
    for rows in ([20], [-1], [0, 99]):
        with pytest.raises(ValueError, match="rows"):
            right.packed(np.array(rows))
        with pytest.raises(ValueError, match="rows"):
            vectors.left(np.array(rows))
        with pytest.raises(ValueError, match="rows"):
            vectors.features(np.zeros(len(rows), int), vectors, np.array(rows))
    for scale in (1e6, np.nan, np.inf):
        with pytest.raises(ValueError):
            vectors.right(np.arange(3), weights, scale)
    answers: tuple[np.ndarray, ...] = (
        np.zeros((2, schema.width), np.uint8),
        np.zeros((3, schema.width), np.int8),
        np.zeros((3, 9), np.uint8),
    )
    for out in answers:
        with pytest.raises(ValueError, match="answer"):
            vectors.left(np.arange(3), out)
    bad = Column("town", "place", ["", "a"], np.array([0, 1, 2] + [0] * 17, np.int32))
    for broken in (bad, Column("town", "place", ["", "a"], np.zeros(19, np.int32))):
        with pytest.raises(ValueError, match="column"):
            Vectors(schema, {**columns, "town": broken}, KEY)
    vectors.close()
    vectors.close()
    with pytest.raises(ValueError, match="closed"):
        vectors.left(np.arange(3))
    with pytest.raises(ValueError, match="closed"):
        right.packed(np.arange(3))


@pytest.mark.parametrize(
    "block",
    [
        native.Block(1, "whole", 0, 8, 1, 24, bytes(16)),
        native.Block(0, "whole", 60, 8, 1, 24, bytes(16)),
        native.Block(0, "whole", -1, 8, 1, 24, bytes(16)),
        native.Block(0, "whole", 0, 1, 2, 24, bytes(16)),
        native.Block(0, "whole", 0, 8, 3, 24, bytes(16)),
        native.Block(0, "whole", 0, 8, 1, 128, bytes(16)),
        native.Block(0, "whole", 0, 8, 1, 0, bytes(16)),
    ],
)
def test_a_block_that_does_not_fit_is_refused(block: native.Block) -> None:
    with pytest.raises(ValueError, match="blocks"):
        native.Tables(5, 64, 1, [block])


@pytest.mark.parametrize("counted", [-1, 6])
def test_more_rows_cannot_count_than_there_are(counted: int) -> None:
    block = native.Block(0, "whole", 0, 8, 1, 24, bytes(16))
    native.Tables(5, 64, 1, [block], 5).close()
    with pytest.raises(ValueError, match="blocks"):
        native.Tables(5, 64, 1, [block], counted)


def test_two_names_agree_together_when_both_sound_alike() -> None:
    schema = schema_for([("forename", "name"), ("surname", "name")])
    names = [("jon", "smith"), ("john", "smyth"), ("john", ""), ("john", "brown")]
    columns = {
        "forename": Column.of("forename", "name", [one for one, _ in names]),
        "surname": Column.of("surname", "name", [other for _, other in names]),
    }
    vectors = Vectors(schema, columns, KEY)
    at = [feature.name for feature in schema.features].index("forename sounds and surname sounds, rare")
    rows = np.arange(len(names))
    agreed = vectors.features(np.zeros_like(rows), vectors, rows)[:, at]
    assert agreed[0] == agreed[1] > 0.45  # two of four rows sound so
    assert agreed[2] == 0
    assert agreed[3] < agreed[0]


def test_swapped_names_still_stand_together_with_home_and_initial() -> None:
    schema = schema_for([("forename", "name"), ("surname", "name"), ("postcode", "postcode")])
    people = [("ali", "kieran"), ("kieran", "ali"), ("ali", "smith"), ("joan", "brown")]
    columns = {
        "forename": Column.of("forename", "name", [one for one, _ in people]),
        "surname": Column.of("surname", "name", [other for _, other in people]),
        "postcode": Column.of("postcode", "postcode", ["ab1 2cd"] * 4),
    }
    vectors, rows = Vectors(schema, columns, KEY), np.arange(len(people))
    names = [feature.name for feature in schema.features]
    home = names.index("forename sounds and postcode whole as surname sounds and postcode whole")
    initial = names.index("forename initials and surname whole as surname initials and forename whole")
    agreed = vectors.features(np.zeros_like(rows), vectors, rows)
    for at in (home, initial):
        assert agreed[1, at] > 2 * agreed[[0, 2, 3], at].max()  # others share a column by chance


def test_every_two_fields_stand_together_where_no_birth_date_does() -> None:
    def together(fields: list[tuple[str, Kind]], *, within: bool = False) -> set[tuple[str, ...]]:
        return {block.fields for block in schema_for(fields, within=within).blocks if len(block.fields) > 1}

    undated: list[tuple[str, Kind]] = [(name, kind) for name, kind in FIELDS if kind != "date"]
    assert ("surname", "postcode") in together(undated) and ("forename", "sex") in together(undated)
    assert ("surname", "postcode") not in together(undated, within=True)
    assert ("forename", "date_of_birth") in together(FIELDS, within=True)
    assert not together(FIELDS)
    assert not together([("surname", "name"), ("date_of_birth", "date")])
