from __future__ import annotations

import hashlib
import os
import tempfile
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from exchange_node.encoding import shuffle
from exchange_node.encoding.encode import CHUNK_BYTES, Encoded, encode
from exchange_node.encoding.errors import EncodingError
from exchange_node.encoding.padding import Donors, mixed_person
from exchange_node.encoding.schema import LinkageSchema, load_schema, schema_with
from exchange_node.encoding.tokens import TOKEN_BYTES, Tokens, find_tokens
from exchange_node.records.model import StandardRecord
from tests.made_up_people import SCHEMA, key, people, record, token_key

FEATURE = (
    '{"version": 3, "clkConfig": {"l": %d, "kdf": {"type": "HKDF", "keySize": %d}}, "features": [{"identifier": "a", '
    '"format": {"type": "string"}, "hashing": {"comparison": %s, "strategy": {"bitsPerFeature": %d}}}]}'
)
WIDTH = TOKEN_BYTES + SCHEMA.bits // 8


def run(records: Iterable[StandardRecord], **options: Any) -> tuple[Encoded, list[bytes]]:
    chunks: list[bytes] = []

    def sink(index: int, chunk: bytes) -> None:
        assert index == len(chunks)
        chunks.append(chunk)

    secret = options.pop("secret", None) or key()
    return encode(records, SCHEMA, secret, options.pop("tokens", None) or token_key("a"), sink, **options), chunks


def rows_of(chunks: list[bytes]) -> list[bytes]:
    packed = b"".join(chunks)
    return [packed[at : at + WIDTH] for at in range(0, len(packed), WIDTH)]


def test_rows_are_sorted_by_token_and_belong_to_their_record() -> None:
    made_up = people(500, 1)
    encoded, chunks = run(made_up)
    rows = rows_of(chunks)
    assert rows == sorted(rows)
    from exchange_node.encoding.clk import clk_encoder

    tokens = Tokens(token_key("a"))
    with clk_encoder(SCHEMA, key()) as encoder:
        expected = {tokens.of_record(person.local_id): encoder.encode(person.fields) for person in made_up}
    assert {row[:TOKEN_BYTES]: row[TOKEN_BYTES:] for row in rows} == expected
    assert encoded.records == encoded.summary.rows == 500


def test_the_summary_tells_what_is_in_the_chunks() -> None:
    encoded, chunks = run(people(8000, 2))
    summary = encoded.summary
    assert len(chunks) == 2
    assert all(len(chunk) <= CHUNK_BYTES and len(chunk) % WIDTH == 0 for chunk in chunks)
    assert summary.chunk_digests == tuple(hashlib.sha256(chunk).digest() for chunk in chunks)
    popcounts = [int.from_bytes(row[TOKEN_BYTES:], "big").bit_count() for row in rows_of(chunks)]
    assert (summary.popcount_min, summary.popcount_max) == (min(popcounts), max(popcounts))
    assert summary.popcount_mean_milli == sum(popcounts) * 1000 // 8000
    assert (summary.schema_digest, summary.key_id) == (SCHEMA.digest, key().key_id())
    tokens = b"".join(row[:TOKEN_BYTES] for row in rows_of(chunks))
    assert encoded.tokens_digest == hashlib.sha256(tokens).digest()


@pytest.mark.parametrize("mode", ["exact", "size-class"])
def test_the_same_keys_give_the_same_bytes_whatever_the_order_of_the_source(mode: str) -> None:
    made_up = people(130, 3)
    first = run(made_up, count_mode=mode)
    assert first == run(made_up[::-1], count_mode=mode)


def test_no_token_is_shared_between_parties_or_requests() -> None:
    made_up = people(100, 4)
    ours = {row[:TOKEN_BYTES] for row in rows_of(run(made_up)[1])}
    theirs = {row[:TOKEN_BYTES] for row in rows_of(run(made_up, tokens=token_key("b"))[1])}
    assert not ours & theirs


def test_an_empty_cohort_still_makes_a_summary() -> None:
    encoded, chunks = run([])
    assert (encoded.summary.rows, chunks, encoded.summary.popcount_mean_milli) == (0, [], 0)
    assert run([], count_mode="size-class")[0].summary.rows == 10


def test_records_with_too_little_in_them_are_counted_and_left_out() -> None:
    thin = [record("t1", sex="f"), record("t2"), record("t3", sex="m", postcode="AB1 2CD")]
    encoded, chunks = run([*people(5, 5), *thin])
    assert (encoded.records, encoded.thin, len(rows_of(chunks))) == (5, 3, 5)


@pytest.mark.parametrize(("count", "padded"), [(1, 10), (10, 10), (11, 20), (130, 200), (201, 500)])
def test_size_classes_hide_the_count(count: int, padded: int) -> None:
    encoded, chunks = run(people(count, 6), count_mode="size-class")
    assert encoded.records == count
    assert encoded.summary.rows == len(rows_of(chunks)) == padded
    assert run(people(count, 6), count_mode="size-class", max_rows=max(count, 12))[0].summary.rows <= max(count, 12)


def test_padding_rows_have_plausible_popcounts_and_are_found_again() -> None:
    made_up = people(120, 7)
    encoded, chunks = run(made_up, count_mode="size-class")
    tokens = frozenset(row[:TOKEN_BYTES] for row in rows_of(chunks))
    owners = find_tokens(token_key("a"), [person.local_id for person in made_up], tokens, encoded.summary.rows)
    assert set(owners) == set(tokens)
    assert sum(owner is None for owner in owners.values()) == 80
    real = [row for row in rows_of(chunks) if owners[row[:TOKEN_BYTES]] is not None]
    padding = [row for row in rows_of(chunks) if owners[row[:TOKEN_BYTES]] is None]

    def mean(rows: list[bytes]) -> float:
        return sum(int.from_bytes(row[TOKEN_BYTES:], "big").bit_count() for row in rows) / len(rows)

    assert abs(mean(real) - mean(padding)) < 10


def test_padding_people_are_as_alike_to_others_as_real_ones() -> None:
    """Else a linkage unit could tell them apart by how often they share bits."""
    made_up = people(300, 8)
    _, chunks = run(made_up, count_mode="size-class")
    rows = np.frombuffer(b"".join(chunks), np.uint8).reshape(-1, WIDTH)
    bits = np.unpackbits(rows[:, TOKEN_BYTES:], axis=1).astype(np.int32)
    common = bits @ bits.T
    dice = 2 * common / (common.diagonal()[:, None] + common.diagonal()[None, :])
    tokens = Tokens(token_key("a"))
    real = {tokens.of_record(person.local_id) for person in made_up}
    is_real = np.array([row.tobytes() in real for row in rows[:, :TOKEN_BYTES]])
    alike = (dice.sum(axis=1) - 1) / (len(rows) - 1)
    assert is_real.sum() == 300 and len(rows) == 500
    assert abs(alike[is_real].mean() - alike[~is_real].mean()) < 0.01
    between = dice[np.ix_(is_real, ~is_real)]
    assert between.max() < 0.8  # nobody's padding is taken for somebody


def test_a_padding_person_takes_every_field_from_somebody_else() -> None:
    donors = Donors(size=60)
    for index in range(200):
        donors.offer(index.to_bytes(16, "big"), {name: f"{index}" for name in SCHEMA.fields})
    sample = donors.people()
    assert {fields["sex"] for fields in sample} == {str(index) for index in range(60)}  # the smallest tokens
    for seed in (b"\x00" * 48, bytes(range(48)), b"\xff" * 48):
        assert len(set(mixed_person(sample, SCHEMA.fields, seed).values())) == len(SCHEMA.fields)


def test_caps_and_doubles_are_refused() -> None:
    for records, options, code in (
        (people(11, 9), {"max_rows": 10}, "encoding.too-many-rows"),
        ([*people(3, 9), people(1, 9)[0]], {}, "encoding.duplicate-id"),
        ([*people(3, 9), people(1, 9)[0]], {"count_mode": "size-class"}, "encoding.duplicate-id"),
        ([], {"count_mode": "roughly"}, "encoding.unknown-count-mode"),
    ):
        with pytest.raises(EncodingError) as caught:
            run(records, **options)
        assert caught.value.code == code
    destroyed = key()
    destroyed.destroy()
    with pytest.raises(EncodingError) as caught:
        run(people(1, 1), secret=destroyed)
    assert caught.value.code == "encoding.key-destroyed"


def test_a_bad_value_has_the_number_of_its_row_among_all() -> None:
    with pytest.raises(EncodingError) as caught:
        run([*people(5000, 9), record("bad", date_of_birth="1990-31-31")])
    assert caught.value.detail == "row 5001, field date_of_birth"


def test_a_spilled_sort_gives_the_same_rows_and_leaves_nothing_readable(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    made_up = people(3000, 10)
    expected = run(made_up)
    written: list[bytes] = []
    original = tempfile.TemporaryFile

    class Watched:
        def __init__(self, **options: Any) -> None:
            self._file = original(**options)

        def __getattr__(self, name: str) -> Any:
            return getattr(self._file, name)

        def write(self, data: bytes) -> int:
            written.append(bytes(data))
            return int(self._file.write(data))

    monkeypatch.setattr(tempfile, "TemporaryFile", Watched)
    sort = shuffle.TokenSort
    monkeypatch.setattr(
        "exchange_node.encoding.encode.TokenSort",
        lambda width, spool: sort(width, spool, memory_bytes=100_000),
    )
    assert run(made_up, spool=tmp_path) == expected
    assert written
    on_disk = b"".join(written)
    assert not any(row[:TOKEN_BYTES] in on_disk or row[TOKEN_BYTES:] in on_disk for row in rows_of(expected[1])[:300])
    assert os.listdir(tmp_path) == []


def test_tokens_are_found_in_one_pass_and_strangers_are_not() -> None:
    tokens = Tokens(token_key("a"))
    wanted = {tokens.of_record("p1"), tokens.of_padding(3)[0], b"invented-token!!"}
    assert find_tokens(token_key("a"), iter(["p0", "p1"]), wanted, 10) == {
        tokens.of_record("p1"): "p1",
        tokens.of_padding(3)[0]: None,
    }
    assert tokens.of_record("3") != tokens.of_padding(3)[0]


def test_the_schema_that_ships_is_known_by_digest() -> None:
    found = schema_with(SCHEMA.digest)
    assert found.name == "uk-person-1" and found.digest == SCHEMA.digest
    assert SCHEMA.bits == 1024
    assert SCHEMA.fields == ("forename", "surname", "date_of_birth", "sex", "postcode")
    attempts: tuple[Callable[[], LinkageSchema], ...] = (
        lambda: schema_with(b"x" * 32),
        lambda: load_schema("../errors"),
        lambda: load_schema("nobody-1"),
    )
    for attempt in attempts:
        with pytest.raises(EncodingError) as caught:
            attempt()
        assert caught.value.code == "encoding.unknown-schema"


def test_schemas_of_older_versions_are_read() -> None:
    assert LinkageSchema.from_json("x", FEATURE % (256, 64, '{"type": "exact"}', 10)).bits == 256
    old = '{"version": 1, "clkConfig": {"l": 128, "k": 9, "hash": {"type": "blakeHash"}, "kdf": {"type": "HKDF"}}, '
    assert LinkageSchema.from_json("x", old + '"features": []}').bits == 128
    old = '{"version": 2, "clkConfig": {"l": 64, "kdf": {"type": "HKDF"}}, "features": []}'
    assert LinkageSchema.from_json("x", old).bits == 64


@pytest.mark.parametrize(
    "document",
    [
        '{"version": 3, "clkConfig": {"l": 64.0, "kdf": {"type": "HKDF"}}, "features": []}',
        '{"version": 3, "clkConfig": {"l": 100, "kdf": {"type": "HKDF"}}, "features": []}',
        '{"version": 3, "clkConfig": {"l": 64, "kdf": {"type": "HKDF"}, "xor_folds": 11}, "features": []}',
        '{"version": 3, "clkConfig": {"l": 64, "kdf": {"type": "HKDF"}, "xor_folds": "1"}, "features": []}',
        '{"version": 3, "clkConfig": {"l": 64, "kdf": {"type": "HKDF", "keySize": 9000}}, "features": [{"identifier": '
        '"a", "ignored": true}]}',
        '{"version": 4, "clkConfig": {"l": 64, "kdf": {"type": "HKDF"}}, "features": []}',
        FEATURE % (192, 64, '{"type": "exact"}', 10),
        FEATURE % (256, 65, '{"type": "exact"}', 10),
        FEATURE % (256, 64, '{"type": "exact"}', 10**7),
        FEATURE % (256, 64, '{"type": "exact"}', 10**400),
        FEATURE % (256, 64, '{"type": "ngram", "n": 2.0}', 10),
        FEATURE % (256, 64, '{"type": "ngram", "n": 1025}', 10),
        FEATURE % (256, 64, '{"type": "numeric", "thresholdDistance": 1, "resolution": 1025}', 10),
        "",
        "[]",
        "{}",
        '{"version": 3}',
        '{"version": 2}',
        '{"version": 3, "clkConfig": 1, "features": []}',
        "\x00",
    ],
)
def test_a_document_that_is_no_schema_is_refused(document: str) -> None:
    with pytest.raises(EncodingError) as caught:
        LinkageSchema.from_json("x", document)
    assert caught.value.code == "encoding.bad-schema"
