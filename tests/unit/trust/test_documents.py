"""Strict JSON: one meaning for every reader, or none."""

from __future__ import annotations

import pytest

from exchange_node.trust.documents import (
    MAX_DEPTH,
    Bytes32,
    Document,
    Time,
    b64decode,
    canonical,
    digest,
    format_time,
    load,
    parse_time,
    read,
)
from exchange_node.trust.errors import TrustError


@pytest.mark.parametrize(
    "data",
    [
        b"",
        b"{",
        b"{'a':1}",
        b'{"a":1}x',
        b'{"a":1,"a":2}',
        b'{"a":{"b":1,"b":1}}',
        b"NaN",
        b"[Infinity]",
        b"-Infinity",
        b"1e999",
        b"9007199254740992",
        b"-9007199254740992",
        b"1" * 5000,
        b'"\\ud800"',
        b'{"\\udfff":1}',
        b'"\xff"',
        b"\xef\xbb\xbf{}",
        b'"\x01"',
        '{"a":1}'.encode("utf-16"),
    ],
)
def test_refused(data: bytes) -> None:
    with pytest.raises(TrustError, match="malformed"):
        load(data)


def test_depth_is_counted_outside_texts_and_before_reading() -> None:
    assert load(b"[" * MAX_DEPTH + b"]" * MAX_DEPTH) is not None
    assert load(b'"' + b"[" * 100 + b'\\"[["') is not None
    for data in (b"[" * (MAX_DEPTH + 1), b"[" * 500_000, b'{"a":' * 200_000):
        with pytest.raises(TrustError, match="too-large"):
            load(data)


def test_no_input_makes_the_depth_slow() -> None:
    # A text that never ends must not be scanned again from each of its quotation marks.
    with pytest.raises(TrustError, match="malformed"):
        load(b'"' + b'\\"' * 1_000_000)


def test_size() -> None:
    assert load(b"[1]", max_bytes=3) == [1]
    with pytest.raises(TrustError, match="too-large"):
        load(b"[1] ", max_bytes=3)


def test_canonical() -> None:
    assert canonical({"b": [1, True, None], "a": "\u00e9\n"}) == '{"a":"é\\n","b":[1,true,null]}'.encode()
    assert canonical(load(b' { "b" : 0.95, "a" : 2 } ')) == b'{"a":2,"b":0.95}'
    assert digest(b"") == "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855"


def test_times() -> None:
    assert parse_time("2027-01-15T08:00:00Z") == 1_800_000_000
    assert format_time(1_800_000_000) == "2027-01-15T08:00:00Z"
    wrong = ["", "2027-01-15", "2027-01-15T08:00:00+00:00", "2027-02-30T00:00:00Z", "2027-01-15T08:00:00Z\n"]
    for text in [*wrong, "٢027-01-15T08:00:00Z", "0000-01-01T00:00:00Z", "2027-01-15T08:00:60Z"]:
        with pytest.raises(TrustError, match="malformed"):
            parse_time(text)


@pytest.mark.parametrize("text", ["AA", "AB==", "A===", "AA==\n", " AA==", "AA-_", "\u00e9\u00e9\u00e9\u00e9"])
def test_base64_is_canonical(text: str) -> None:
    with pytest.raises(TrustError, match="malformed"):
        b64decode(text)


class Sample(Document):
    when: Time
    key: Bytes32 | None = None
    note: str = ""


KEY = "AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA="


def test_document_is_what_it_was() -> None:
    sample = Sample.build({"when": "2027-01-15T08:00:00Z", "key": KEY})
    assert (sample.when, sample.key) == (1_800_000_000, bytes(32))
    assert read(Sample, sample.encode()) == sample


@pytest.mark.parametrize(
    ("data", "place"),
    [
        (b'{"when":1800000000}', "when"),
        (b'{"when":"SECRET"}', "when"),
        (b'{"when":"2027-01-15T08:00:00Z","key":"SECRET"}', "key"),
        (b'{"when":"2027-01-15T08:00:00Z","note":7}', "note"),
        (b'{"when":"2027-01-15T08:00:00Z","SECRET":7}', "Sample"),
        (b'["SECRET"]', "Sample"),
    ],
)
def test_errors_name_the_field_and_never_the_value(data: bytes, place: str) -> None:
    with pytest.raises(TrustError, match="malformed") as caught:
        read(Sample, data)
    assert caught.value.detail.startswith(place)
    assert "SECRET" not in str(caught.value)
    assert caught.value.__cause__ is None
    assert caught.value.__suppress_context__
