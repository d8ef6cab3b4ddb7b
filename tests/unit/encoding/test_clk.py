"""CLKs are clkhash's, bit for bit, and nothing of them stays in memory on purpose."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable

import pytest
from clkhash import bloomfilter
from clkhash.clk import generate_clks

from exchange_node.encoding.by_clkhash import CACHES
from exchange_node.encoding.clk import ENCODERS, clk_encoder
from exchange_node.encoding.encode import encode
from exchange_node.encoding.errors import EncodingError
from exchange_node.encoding.keys import LinkageKey
from exchange_node.encoding.schema import LinkageSchema
from exchange_node.records.model import StandardRecord
from tests.made_up_people import SCHEMA, key, people, record, token_key


def reference(records: Iterable[StandardRecord], schema: LinkageSchema = SCHEMA) -> list[bytes]:
    """clkhash's own public function, validation on."""
    rows = [schema.values(person.fields) for person in records]
    secret = key().reveal()
    return [clk.tobytes() for clk in generate_clks(rows, schema.clkhash_schema, secret, max_workers=1)]


def ours(records: Iterable[StandardRecord], secret: LinkageKey | None = None) -> list[bytes]:
    with clk_encoder(SCHEMA, secret or key()) as encoder:
        return [encoder.encode(person.fields) for person in records]


def test_five_thousand_made_up_people_are_encoded_as_clkhash_does() -> None:
    made_up = people(5000, 7)
    digest = hashlib.sha256(b"".join(ours(made_up))).hexdigest()
    assert digest == hashlib.sha256(b"".join(reference(made_up))).hexdigest()
    # Pinned, so that a change in clkhash, its hashing or the schema cannot pass unseen on both sides at once.
    assert digest == "3728a9675ef75341905f69aeeccb99d70707d090ff20770f2cff27257d2de189"


def test_missing_values_leave_no_bits() -> None:
    full = people(1, 3)[0]
    for name in SCHEMA.fields:
        without = record("x", **{**full.fields, name: ""})
        assert ours([without]) == reference([without])
        assert int.from_bytes(ours([without])[0], "big") & ~int.from_bytes(ours([full])[0], "big") == 0
    assert ours([record("x")]) == [bytes(SCHEMA.bits // 8)]


def test_another_key_gives_unlinkable_clks() -> None:
    """The same people under two keys are no more alike than strangers."""
    made_up = people(300, 5)
    first = [int.from_bytes(clk, "big") for clk in ours(made_up)]
    second = [int.from_bytes(clk, "big") for clk in ours(made_up, key("two"))]
    same = [(a & b).bit_count() / a.bit_count() for a, b in zip(first, second, strict=True)]
    strangers = [(a & b).bit_count() / a.bit_count() for a, b in zip(first, second[1:] + second[:1], strict=True)]
    assert abs(sum(same) - sum(strangers)) / len(same) < 0.01
    assert max(same) < 0.65


def plaintext_in_caches() -> int:
    return sum(cache.cache_info().currsize for cache in CACHES)


def test_caches_are_found_and_cleared() -> None:
    assert bloomfilter._blake_encode_ngrams in CACHES
    assert bloomfilter.blake_hash_token in CACHES
    with clk_encoder(SCHEMA, key(), "clkhash") as encoder:
        encoder.encode(people(1, 1)[0].fields)
        assert plaintext_in_caches() > 0  # if clkhash stops caching, this test wants rewriting
    assert plaintext_in_caches() == 0


@pytest.mark.parametrize("encoder", ENCODERS)
def test_caches_are_cleared_after_a_failure(encoder: str) -> None:
    records = [*people(20, 1), record("bad", date_of_birth="1990-31-31")]
    with pytest.raises(EncodingError):
        encode(records, SCHEMA, key(), token_key("a"), lambda index, chunk: None, encoder=encoder)
    assert plaintext_in_caches() == 0


@pytest.mark.parametrize("name", ENCODERS)
def test_a_bad_value_is_named_by_row_and_field_and_never_shown(name: str) -> None:
    secret_value = "1990-99-99"
    with clk_encoder(SCHEMA, key(), name) as encoder, pytest.raises(EncodingError) as caught:
        encoder.encode(record("x", date_of_birth=secret_value).fields, 17)
    error: BaseException | None = caught.value
    assert caught.value.detail == "row 17, field date_of_birth"
    while error is not None:
        assert secret_value not in str(error)
        error = error.__cause__ or error.__context__
