"""What a hostile or mistaken sender can put into encodings, and the code it is refused with."""

from __future__ import annotations

import dataclasses
import hashlib
from typing import Any

import numpy as np
import pytest

from exchange_node.encoding.encode import EncodingSummary
from exchange_node.linkage.encodings import Encodings
from exchange_node.linkage.errors import LinkageError

WIDTH = 16 + 128


def rows(count: int, seed: int = 1, fill: float = 0.4) -> np.ndarray:
    generator = np.random.default_rng(seed)
    tokens = np.sort(generator.integers(1, 2**63, count)).astype(">u8").view(np.uint8).reshape(count, 8)
    filters = np.packbits(generator.random((count, 1024)) < fill, axis=1)
    return np.concatenate([tokens, np.zeros((count, 8), np.uint8), filters], axis=1)


def claim(chunks: list[bytes], **changes: Any) -> EncodingSummary:
    """An honest summary of these chunks, and then what the test changes."""
    packed = b"".join(chunks)
    found = [int.from_bytes(packed[at + 16 : at + WIDTH], "big").bit_count() for at in range(0, len(packed), WIDTH)]
    honest = EncodingSummary(
        rows=len(found),
        row_width=WIDTH,
        schema_digest=b"s" * 32,
        key_id=b"k" * 16,
        chunk_digests=tuple(hashlib.sha256(chunk).digest() for chunk in chunks),
        popcount_min=min(found, default=0),
        popcount_mean_milli=sum(found) * 1000 // len(found) if found else 0,
        popcount_max=max(found, default=0),
    )
    return dataclasses.replace(honest, **changes)


def refused(chunks: list[bytes], signed: EncodingSummary, **options: int) -> str:
    with pytest.raises(LinkageError) as caught:
        Encodings.from_chunks(iter(chunks), signed, **options)
    return caught.value.code


def test_honest_chunks_are_laid_into_one_read_only_array() -> None:
    data = rows(100)
    chunks = [data[:60].tobytes(), data[60:].tobytes()]
    encodings = Encodings.from_chunks(iter(chunks), claim(chunks))
    assert encodings.rows == len(encodings) == 100
    assert encodings.bits == 1024
    assert np.array_equal(encodings.data, data)
    assert np.array_equal(encodings.popcounts, np.unpackbits(data[:, 16:], axis=1).sum(axis=1))
    with pytest.raises(ValueError, match="read-only"):
        encodings.data[0, 0] = 1


def test_no_rows_are_rows_too() -> None:
    assert Encodings.from_chunks([], claim([])).rows == 0


def test_refusals() -> None:
    data = rows(100)
    whole = data.tobytes()
    doubled = np.concatenate([data[:1], data])
    empty, full = data.copy(), data.copy()
    empty[3, 16:] = 0
    full[3, 16:] = 255
    honest = claim([whole])
    assert refused([whole], honest, max_rows=99) == "linkage.too-many-rows"
    assert refused([whole], dataclasses.replace(honest, rows=2**40)) == "linkage.too-many-rows"
    # Whatever the order says: a linkage unit does not see the agreement, whose cap it should repeat.
    assert refused([whole], dataclasses.replace(honest, rows=2**32 - 1), max_rows=2**32 - 1) == "linkage.too-many-rows"
    assert refused([whole[:-1]], honest) == "linkage.bad-width"
    assert refused([b""], honest) == "linkage.bad-width"
    for width in (0, 16, 17, -8, 2**31):
        assert refused([whole], dataclasses.replace(honest, row_width=width)) == "linkage.bad-width"
    assert refused([whole, whole], honest) == "linkage.bad-count"
    assert refused([], honest) == "linkage.bad-count"
    assert refused([whole], dataclasses.replace(honest, rows=101)) == "linkage.bad-count"
    assert refused([whole], dataclasses.replace(honest, rows=99)) == "linkage.bad-count"
    assert (
        refused([whole], dataclasses.replace(honest, chunk_digests=(*honest.chunk_digests, b""))) == "linkage.bad-count"
    )
    assert refused([whole[:-1] + b"\x01"], honest) == "linkage.bad-digest"
    assert refused([rows(100, 2).tobytes()], honest) == "linkage.bad-digest"
    for wrong in (data[::-1], doubled):
        chunks = [wrong.tobytes()]
        assert refused(chunks, claim(chunks)) == "linkage.not-sorted"
    for wrong in (empty, full):
        chunks = [wrong.tobytes()]
        assert refused(chunks, claim(chunks)) == "linkage.bad-filter"
    for name in ("popcount_min", "popcount_mean_milli", "popcount_max"):
        off = dataclasses.replace(honest, **{name: getattr(honest, name) + 1})
        assert refused([whole], off) == "linkage.bad-statistics"
    assert refused([], dataclasses.replace(claim([]), popcount_max=1)) == "linkage.bad-statistics"


def test_a_claim_of_many_rows_does_not_take_their_memory() -> None:
    """The array is reserved, not filled: a claim of 19 million rows costs nothing but its refusal."""
    import resource

    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    chunks = [rows(10).tobytes()]
    assert refused(chunks, claim(chunks, rows=19_000_000)) == "linkage.bad-count"
    assert resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before < 50_000


def test_nothing_of_the_rows_is_shown() -> None:
    chunks = [rows(3).tobytes()]
    assert repr(Encodings.from_chunks(chunks, claim(chunks))) == "<Encodings of 3 rows>"
