"""The native encoder gives clkhash's bits, whatever the schema and the values, and refuses what clkhash refuses."""

from __future__ import annotations

import hashlib
import hmac
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
from clkhash.clk import generate_clks
from clkhash.key_derivation import generate_key_lists
from clkhash.schema import Schema, from_json_dict
from hypothesis import example, given, settings
from hypothesis import strategies as st

from exchange_node.encoding.by_clkhash import Clkhash
from exchange_node.encoding.clk import ENCODERS, clk_encoder
from exchange_node.encoding.errors import EncodingError
from exchange_node.encoding.native import NativeEncoder
from exchange_node.kernels import clk
from exchange_node.records.columns import Column
from tests.made_up_people import SCHEMA, key, people

SECRET = b"nobody's secret"


# -- the keyed hashes ---------------------------------------------------------------------------------------------


@settings(max_examples=300)
@given(st.binary(min_size=1, max_size=200), st.binary(max_size=400), st.integers(0, 2**32 - 1))
@example(b"k" * 64, b"", 0)
@example(b"k", b"m" * 128, 10)
@example(b"k" * 65, b"m" * 55, 9)
@example(b"k" * 64, b"m" * 256, 4_294_967_295)
def test_the_hashes_are_those_of_hashlib(secret: bytes, message: bytes, salt: int) -> None:
    keyed = hashlib.blake2b(message, key=secret[:64], salt=str(salt).encode()).digest()
    assert clk.keyed_hash(0, secret[:64], message, salt) == keyed
    assert clk.keyed_hash(1, secret, message) == hmac.digest(secret, message, "md5")
    assert clk.keyed_hash(2, secret, message) == hmac.digest(secret, message, "sha1")


# -- schemas of all versions --------------------------------------------------------------------------------------

text = st.text(max_size=9)
some_dates = st.dates().map(lambda day: f"{day.year:04}-{day.month:02}-{day.day:02}")
odd_dates = st.sampled_from(["", "1990-02-30", "1900-02-29", "0999-12-31", "1990-1-1", "٢٠٠١-01-01", "2000-02-29", "x"])
numbers = st.integers(-50, 10**20).map(str) | st.sampled_from(["", " 7", "+7", "1_000", "٣", "7.5", "-0", "inf", "x"])
FORMATS: list[tuple[dict[str, Any], st.SearchStrategy[str]]] = [
    ({"type": "string"}, text),
    ({"type": "string"}, st.text("ab é\0", max_size=40)),
    ({"type": "string"}, st.text(st.characters(categories=["Cs", "Lu"]), max_size=2)),
    *(({"type": "string", "encoding": encoding}, text) for encoding in ("ascii", "utf-16", "utf-32")),
    *(({"type": "string", "case": case}, st.text("abC", max_size=3)) for case in ("upper", "lower")),
    ({"type": "string", "minLength": 1, "maxLength": 5}, st.text("ab", max_size=7)),
    ({"type": "string", "pattern": "[a-c]*"}, st.text("abcd", max_size=4)),
    ({"type": "integer", "minimum": 0}, numbers),
    ({"type": "date", "format": "%Y-%m-%d"}, some_dates),
    ({"type": "date", "format": "%Y-%m-%d"}, some_dates | odd_dates),
    ({"type": "date", "format": "%d/%m/%Y"}, st.sampled_from(["31/12/1999", "1/2/2003", "31/02/2000", ""])),
    ({"type": "enum", "values": ["f", "m"]}, st.sampled_from(["f", "m", "", "x"])),
]
MISSING: list[dict[str, Any]] = [
    {},
    {"missingValue": {"sentinel": ""}},
    {"missingValue": {"sentinel": "", "replaceWith": ""}},
    {"missingValue": {"sentinel": "", "replaceWith": "12"}},
    {"missingValue": {"sentinel": "x", "replaceWith": "nobody é"}},
    {"missingValue": {"sentinel": "1990-02-30", "replaceWith": ""}},
]
BLAKE = {"type": "blakeHash"}
HASHES = [BLAKE, {"type": "doubleHash"}, {"type": "doubleHash", "prevent_singularity": True}]
HASHED: list[dict[str, Any]] = [{}, *({"hash": kind} for kind in HASHES)]
KDF = {"type": "HKDF", "hash": "SHA512", "info": "aW5mbw==", "salt": "c2FsdA==", "keySize": 33}
COMPARISONS = st.one_of(
    st.builds(lambda n, at: {"type": "ngram", "n": n, "positional": at}, st.integers(1, 5), st.booleans()),
    st.just({"type": "exact"}),
    st.just({"type": "numeric", "thresholdDistance": 2.5, "resolution": 3, "fractional_precision": 1}),
)


@st.composite
def hashing(draw: st.DrawFn, version: int) -> dict[str, Any]:
    how: dict[str, Any]
    missing = draw(st.sampled_from(MISSING))
    if version == 3:
        strategy = draw(st.sampled_from(["bitsPerToken", "bitsPerFeature"]))
        how = {"comparison": draw(COMPARISONS), "strategy": {strategy: draw(st.integers(1, 150))}}
        return {**how, **missing, **draw(st.sampled_from(HASHED))}
    how = missing | {"ngram": draw(st.integers(1, 4)), "positional": draw(st.booleans())}
    if version == 1:
        return how | {"weight": draw(st.sampled_from([0, 0.3, 1, 2.5]))}
    strategy = draw(st.sampled_from(["k", "numBits"]))
    return how | {"strategy": {strategy: draw(st.integers(1, 100))}, "hash": draw(st.sampled_from(HASHES))}


@st.composite
def documents(draw: st.DrawFn) -> tuple[dict[str, Any], list[list[str]]]:
    """A schema document and rows for it, some of which it may not allow."""
    version = draw(st.sampled_from([1, 2, 3]))
    features: list[dict[str, Any]] = []
    columns = []
    for number in range(draw(st.integers(1, 4))):
        form, values = draw(st.sampled_from(FORMATS))
        if draw(st.integers(0, 9)) == 0:
            features.append({"identifier": f"f{number}", "ignored": True})
        else:
            features.append({"identifier": f"f{number}", "format": form, "hashing": draw(hashing(version))})
        columns.append(st.sampled_from(draw(st.lists(values, min_size=1, max_size=4))))
    general = draw(st.sampled_from(HASHES))
    used = [general] if version == 1 else [f["hashing"].get("hash", BLAKE) for f in features if "hashing" in f]
    bits = draw(st.sampled_from([2, 8, 64, 256, 1024]) if BLAKE in used else st.integers(2, 300))
    config = {"l": bits, "xor_folds": draw(st.integers(0, 3)), "kdf": KDF}
    if version == 1:
        config |= {"k": draw(st.integers(2, 40)), "hash": general}
    rows = draw(st.lists(st.tuples(*columns).map(list), min_size=1, max_size=6))
    return {"version": version, "clkConfig": config, "features": features}, rows


def keys_of(schema: Schema) -> Any:
    return generate_key_lists(
        SECRET, len(schema.fields), key_size=schema.kdf_key_size, salt=schema.kdf_salt, info=schema.kdf_info,
        hash_algo=schema.kdf_hash,
    )  # fmt: skip


def by_clkhash(schema: Schema, row: list[str]) -> bytes | None:
    """The bits of clkhash's own public function, validation on; None if it refuses the row."""
    try:
        return bytes(generate_clks([row], schema, SECRET, max_workers=1)[0])
    except (ValueError, OverflowError):
        return None


def refuses(document: dict[str, Any], number: int, value: str) -> bool:
    """Whether clkhash refuses the value, were this the only field."""
    schema = from_json_dict(document | {"features": document["features"][number : number + 1]})
    return by_clkhash(schema, [value]) is None


@settings(max_examples=200)
@given(documents())
def test_bits_and_refusals_are_those_of_clkhash(document: tuple[dict[str, Any], list[list[str]]]) -> None:
    schema, rows = from_json_dict(document[0]), document[1]
    expected = [by_clkhash(schema, row) for row in rows]
    encoder = NativeEncoder(schema, keys_of(schema))
    columns = list(zip(*rows, strict=True))
    coded = [Column.of(f"f{number}", "text", list(values)) for number, values in enumerate(columns)]
    ways: tuple[Callable[[int], np.ndarray], ...] = (
        lambda first: encoder.encode_rows(rows, first),
        lambda first: encoder.encode_columns(columns, first),
        lambda first: encoder.encode_columns(coded, first),
        lambda first: Clkhash(schema, keys_of(schema)).encode_rows(rows, first),
    )
    if None in expected:
        bad = expected.index(None)
        field = next(number for number in range(len(columns)) if refuses(document[0], number, rows[bad][number]))
        for way in ways:
            with pytest.raises(EncodingError) as caught:
                way(100)
            assert caught.value.detail == f"row {bad + 100}, field f{field}"
            assert caught.value.code == "encoding.bad-value"
            assert caught.value.__cause__ is None and caught.value.__context__ is None
    else:
        for way in ways:
            assert [made.tobytes() for made in way(1)] == expected
    for row, bits in zip(rows, expected, strict=True):  # also after a refusal
        if bits is not None:
            fields = {f"f{number}": value for number, value in enumerate(row)}
            assert encoder.encode(fields) == bits
    encoder.close()


# -- what is kept between values ------------------------------------------------------------------------------------


def schema_of(bits: int, **how: Any) -> Schema:
    hashing = {"comparison": {"type": "ngram", "n": 2}, "strategy": {"bitsPerFeature": 90}} | how
    feature = {"identifier": "f0", "format": {"type": "string"}, "hashing": hashing}
    return from_json_dict({"version": 3, "clkConfig": {"l": bits, "kdf": KDF}, "features": [feature]})


@pytest.mark.parametrize("bits", [256, 8192])
def test_more_values_than_are_kept(bits: int) -> None:
    """What is kept grows, is full at some time, and is given up where hardly a value comes twice."""
    schema = schema_of(bits)
    generator = np.random.default_rng(bits)
    rows = [[f"{value:x}"] for value in generator.integers(0, 2**40, 30_000).tolist()]
    rows[18_000:] = [[f"{value:x}"] for value in generator.integers(0, 4000, 12_000).tolist()]
    encoder = NativeEncoder(schema, keys_of(schema))
    made = encoder.encode_rows(rows)
    sample = generator.choice(len(rows), 400, replace=False)
    expected = generate_clks([rows[row] for row in sample], schema, SECRET, max_workers=1)
    assert [made[row].tobytes() for row in sample] == [clk.tobytes() for clk in expected]
    again = NativeEncoder(schema, keys_of(schema)).encode_rows(rows[::-1])
    assert np.array_equal(again[::-1], made)


@pytest.mark.parametrize("hash_type", ["blakeHash", "doubleHash"])
@pytest.mark.parametrize("comparison", [{"type": "ngram", "n": 2, "positional": at} for at in (False, True)])
def test_a_token_with_fewer_and_with_more_places_than_before(hash_type: str, comparison: dict[str, Any]) -> None:
    """Of the same two letters again and again, the longer the value the fewer places each: as masks and one by one."""
    schema = schema_of(512, comparison=comparison, hash={"type": hash_type})
    lengths = [3, 1, 8, 2, 30, 5, 200, 4, 6]
    rows = [["ab" * length] for length in lengths]
    expected = [clk.tobytes() for clk in generate_clks(rows, schema, SECRET, max_workers=1)]
    for order in (slice(None), slice(None, None, -1)):
        encoder = NativeEncoder(schema, keys_of(schema))
        assert [row.tobytes() for row in encoder.encode_rows(rows[order])] == expected[order]


@pytest.mark.parametrize("hash_type", ["blakeHash", "doubleHash"])
def test_long_values_and_long_tokens(hash_type: str) -> None:
    comparisons = [{"type": "exact"}, {"type": "ngram", "n": 40, "positional": True}, {"type": "ngram", "n": 2}]
    rows = [["é" * length] for length in (1, 11, 12, 13, 63, 64, 65, 200, 5000)]
    for comparison in comparisons:
        schema = schema_of(512, comparison=comparison, hash={"type": hash_type}, strategy={"bitsPerToken": 40})
        expected = [clk.tobytes() for clk in generate_clks(rows, schema, SECRET, max_workers=1)]
        assert [row.tobytes() for row in NativeEncoder(schema, keys_of(schema)).encode_rows(rows)] == expected


def test_blocks_of_rows_do_not_show(monkeypatch: pytest.MonkeyPatch) -> None:
    rows = [SCHEMA.values(person.fields) for person in people(500, 11)]
    coded = [Column.of("f", "text", list(values)) for values in zip(*rows, strict=True)]
    with clk_encoder(SCHEMA, key()) as encoder:
        whole = encoder.encode_rows(rows)
        monkeypatch.setattr("exchange_node.encoding.native._BLOCK", 7)
        assert np.array_equal(encoder.encode_rows(rows), whole)
        assert np.array_equal(encoder.encode_columns(coded), whole)
        assert np.array_equal(encoder.encode_columns([column.take(np.arange(99, 3, -1)) for column in coded]),
                              whole[99:3:-1])  # fmt: skip
        rows[450][2], rows[451][2] = "1990-31-31", "x"
        with pytest.raises(EncodingError, match="row 451, field date_of_birth"):
            encoder.encode_rows(rows)


def test_a_value_that_no_row_has_is_not_asked_for() -> None:
    coded = [Column(name, "text", ["", "never"], np.zeros(3, np.int32)) for name in SCHEMA.fields]
    with clk_encoder(SCHEMA, key()) as encoder:
        assert not encoder.encode_columns(coded).any()


# -- what does not fit ----------------------------------------------------------------------------------------------


@pytest.mark.parametrize("name", ENCODERS)
def test_no_rows_and_an_encoder_that_is_closed(name: str) -> None:
    with clk_encoder(SCHEMA, key(), name) as encoder:
        assert encoder.name == name
        assert encoder.encode_rows([]).shape == encoder.encode_columns([[]] * 5).shape == (0, 128)
        encoder.close()
    if name == "native":
        with pytest.raises(ValueError, match="closed"):
            encoder.encode_rows([[""] * 5])


def test_an_encoder_that_is_not_there_is_refused() -> None:
    with pytest.raises(EncodingError) as caught, clk_encoder(SCHEMA, key(), "fastest"):
        pass
    assert caught.value.code == "encoding.no-encoder"


@pytest.mark.parametrize("rows", [[["a"] * 4], [["a"] * 4, ["a"] * 6]])
def test_rows_of_another_width_are_refused(rows: list[list[str]]) -> None:
    with clk_encoder(SCHEMA, key()) as encoder, pytest.raises(ValueError, match="5 values"):
        encoder.encode_rows(rows)


GOOD: dict[str, Any] = {"text": b"ab\0c", "ends": np.array([-1, 2, 4]), "gap": 1, "formed": False}


@pytest.mark.parametrize(
    "change",
    [
        {"ends": np.array([-1, 2, 5])},
        {"ends": np.array([-2, 2, 4])},
        {"ends": np.array([-1, 5, 4])},
        {"ends": np.array([-1, -9, 4])},
        {"ends": np.array([-1, 2])},
        {"ends": np.array([-1, 0, 2, 0, 4])[::2]},
        {"ends": np.array([-1, 2, 4], np.int32)},
        {"ends": np.array([], np.int64)},
        {"codes": np.array([0, 2], np.int32)},
        {"codes": np.array([0, -1], np.int32)},
        {"codes": np.array([0, 1])},
        {"codes": np.array([0, 1, 1], np.int32)},
        {"first": 1},
        {"first": -1},
    ],
)
def test_places_outside_a_text_are_refused(change: dict[str, Any]) -> None:
    field = clk.Field(False, clk.Cut.NGRAMS, 2, True, clk.Hash.BLAKE, True, 5, (b"key", b"other"))
    encoder = clk.Encoder(64, 0, [field])
    filters = np.zeros((2, 8), np.uint8)
    encoder.encode([clk.Texts(**GOOD)], filters)
    assert filters.any(axis=1).all()
    with pytest.raises(ValueError, match="wrong"):
        encoder.encode([clk.Texts(**(GOOD | change))], filters)


def test_text_that_is_no_utf_8_stays_within_its_bounds() -> None:
    field = clk.Field(False, clk.Cut.NGRAMS, 1, True, clk.Hash.BLAKE, True, 5, (b"key", b"other"))
    for text, ends in ((b"\x80" * 30, [0, 30]), (b"a" + b"\x80" * 30, [0, 31])):
        encoder = clk.Encoder(64, 0, [field])
        column = clk.Texts(text, np.array(ends), 0, False)
        if text[0] == 0x80:
            encoder.encode([column], np.zeros((1, 8), np.uint8))
        else:
            with pytest.raises(ValueError, match="text"):
                encoder.encode([column], np.zeros((1, 8), np.uint8))


@pytest.mark.parametrize("packed", [b"\x02\0\0\0\x01\0\0\0a", b"\x01\0\0\0\x02\0\0\0a", b"\x01\0\0\0", b"\x01\0"])
def test_packed_tokens_stay_within_their_bounds(packed: bytes) -> None:
    field = clk.Field(False, clk.Cut.PACKED, 0, False, clk.Hash.BLAKE, True, 5, (b"key", b"other"))
    encoder = clk.Encoder(64, 0, [field])
    column = clk.Texts(packed, np.array([0, len(packed)]), 0, True)
    filters = np.zeros((1, 8), np.uint8)
    if len(packed) < 4:
        encoder.encode([column], filters)
        assert not filters.any()
    else:
        with pytest.raises(ValueError, match="packed"):
            encoder.encode([column], filters)


@pytest.mark.parametrize(
    "change",
    [
        {"bits": 0}, {"bits": (1 << 16) + 64}, {"folds": 7}, {"n": -1}, {"n": 1025}, {"k": -1},
        {"k": (1 << 20) + 1}, {"keys": (b"", b"k")}, {"keys": (b"k", b"")}, {"keys": (b"k" * 65, b"k")},
    ],
)  # fmt: skip
def test_sizes_that_are_too_large_are_refused(change: dict[str, Any]) -> None:
    size: dict[str, Any] = {"bits": 64, "folds": 0, "n": 2, "k": 5, "keys": (b"k", b"k")} | change
    field = clk.Field(False, clk.Cut.NGRAMS, size["n"], False, clk.Hash.BLAKE, True, size["k"], size["keys"])
    with pytest.raises(ValueError, match="wrong"):
        clk.Encoder(size["bits"], size["folds"], [field]).close()
