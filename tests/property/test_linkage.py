"""Parsers of what a peer can send give a value or a LinkageError; what is packed is read back; links are one-to-one."""

from __future__ import annotations

import contextlib
import hashlib
from collections.abc import Callable

import numpy as np
from hypothesis import example, given, settings
from hypothesis import strategies as st

from exchange_node.encoding.encode import EncodingSummary
from exchange_node.encoding.errors import EncodingError
from exchange_node.encoding.schema import LinkageSchema
from exchange_node.linkage.dice import find_candidates
from exchange_node.linkage.encodings import Encodings
from exchange_node.linkage.errors import LinkageError
from exchange_node.linkage.kernels import choose_kernel
from exchange_node.linkage.lists import LinkList, link_ids_from, pack_list, parse_provider_list, parse_requester_list
from exchange_node.linkage.solve import one_to_one

WIDTH = 16 + 8
small = st.integers(-3, 2**40)
digests = st.binary(max_size=33)


@st.composite
def honest_rows(draw: st.DrawFn) -> np.ndarray:
    """Rows of token and 64-bit filter that a unit accepts."""
    tokens = sorted(draw(st.sets(st.binary(min_size=16, max_size=16), min_size=1, max_size=30)))
    filters = draw(st.lists(st.integers(1, 2**48 - 1), min_size=len(tokens), max_size=len(tokens)))
    packed = b"".join(token + value.to_bytes(8, "big") for token, value in zip(tokens, filters, strict=True))
    return np.frombuffer(packed, np.uint8).reshape(-1, WIDTH)


def summary(rows: np.ndarray, chunks: list[bytes]) -> EncodingSummary:
    popcounts = np.bitwise_count(rows[:, 16:]).sum(axis=1)
    return EncodingSummary(
        rows=len(rows),
        row_width=WIDTH,
        schema_digest=b"s" * 32,
        key_id=b"k" * 16,
        chunk_digests=tuple(hashlib.sha256(chunk).digest() for chunk in chunks),
        popcount_min=int(popcounts.min()),
        popcount_mean_milli=int(popcounts.sum()) * 1000 // len(rows),
        popcount_max=int(popcounts.max()),
    )


@given(honest_rows(), st.integers(1, 30))
def test_packed_rows_are_read_back_however_they_are_cut(rows: np.ndarray, size: int) -> None:
    chunks = [rows[at : at + size].tobytes() for at in range(0, len(rows), size)]
    assert np.array_equal(Encodings.from_chunks(chunks, summary(rows, chunks)).data, rows)


@given(honest_rows(), st.data())
def test_a_changed_byte_is_always_noticed(rows: np.ndarray, data: st.DataObject) -> None:
    packed = rows.tobytes()
    at = data.draw(st.integers(0, len(packed) - 1))
    changed = packed[:at] + bytes([packed[at] ^ data.draw(st.integers(1, 255))]) + packed[at + 1 :]
    try:
        Encodings.from_chunks([changed], summary(rows, [packed]))
    except LinkageError as error:
        assert error.code == "linkage.bad-digest"
    else:
        raise AssertionError("accepted")


@given(
    st.lists(st.binary(max_size=200), max_size=4),
    st.builds(
        EncodingSummary,
        rows=small,
        row_width=st.one_of(small, st.just(WIDTH)),
        schema_digest=digests,
        key_id=digests,
        chunk_digests=st.lists(digests, max_size=4).map(tuple),
        popcount_min=small,
        popcount_mean_milli=small,
        popcount_max=small,
    ),
    st.booleans(),
)
def test_hostile_chunks_and_claims_give_a_value_or_a_linkage_error(
    chunks: list[bytes], claim: EncodingSummary, with_digests: bool
) -> None:
    if with_digests:  # get past the digests, to what lies behind them
        honest = tuple(hashlib.sha256(chunk).digest() for chunk in chunks)
        rows = sum(map(len, chunks)) // WIDTH
        claim = EncodingSummary(rows, WIDTH, b"", b"", honest, claim.popcount_min, 1, 1)
    with contextlib.suppress(LinkageError):
        Encodings.from_chunks(chunks, claim, 10**6)


@given(st.binary(max_size=400), st.integers(0, 12), st.one_of(st.none(), digests))
@example(b"", 0, hashlib.sha256().digest())
def test_hostile_lists_give_a_value_or_a_linkage_error(data: bytes, rows: int, digest: bytes | None) -> None:
    parsers: tuple[Callable[[], LinkList], ...] = (
        lambda: parse_requester_list(data, rows, digest),
        lambda: parse_provider_list(data, lambda wanted: wanted, rows),
        lambda: parse_provider_list(data, lambda wanted: list(wanted)[1:], rows),
    )
    for parse in parsers:
        try:
            parsed = parse()
        except LinkageError:
            continue
        assert len(parsed) * 32 == len(data)
        assert len({token for token, _ in parsed}) == len({link_id for _, link_id in parsed}) == len(parsed)


@given(honest_rows(), st.binary(min_size=32, max_size=32))
def test_lists_are_read_back(rows: np.ndarray, seed: bytes) -> None:
    ids = link_ids_from(seed, len(rows))
    shuffled = np.random.default_rng(1).permutation(len(rows))
    parsed = parse_requester_list(pack_list(rows[shuffled, :16], ids[shuffled]), len(rows))
    assert [token for token, _ in parsed] == [row[:16].tobytes() for row in rows]
    assert [link_id for _, link_id in parsed] == [row.tobytes() for row in ids]


@settings(max_examples=60, deadline=None)
@given(st.integers(0, 2**32), st.integers(1, 40), st.integers(1, 40), st.integers(1, 10_000), st.integers(1, 5))
def test_links_are_one_to_one_at_every_threshold(
    seed: int, left: int, right: int, threshold: int, per_row: int
) -> None:
    generator = np.random.default_rng(seed)

    def side(count: int) -> Encodings:
        filters = generator.integers(0, 256, (count, 8), np.uint8) | 1
        tokens = np.arange(count, dtype=">u8").view(np.uint8).reshape(count, 8)
        data = np.concatenate([tokens, tokens, filters], axis=1)
        return Encodings(data, np.bitwise_count(filters).sum(axis=1).astype(np.int32), b"", b"")

    found = find_candidates(side(left), side(right), threshold, kernel=choose_kernel("native"), per_row=per_row)
    chosen = one_to_one(found)
    assert len(np.unique(found.left[chosen])) == len(np.unique(found.right[chosen])) == chosen.sum()
    assert (found.scores * 10_000 >= threshold - 1e-6).all()
    assert np.bincount(found.left, minlength=1).max(initial=0) <= per_row


@given(st.one_of(st.text(max_size=200), st.binary(max_size=200)))
@example('{"version": 3, "clkConfig": {"l": 1e400, "kdf": {"type": "HKDF"}}, "features": []}')
@example('{"version": 3, "clkConfig": {"l": 64, "kdf": {"type": "HKDF", "salt": "!"}}, "features": []}')
@example("[" * 100_000)
def test_hostile_schemas_give_a_value_or_an_encoding_error(document: str | bytes) -> None:
    try:
        LinkageSchema.from_json("x", document)
    except EncodingError as error:
        assert error.code == "encoding.bad-schema"
