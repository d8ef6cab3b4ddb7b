"""Sealed messages open once, for one key, under one info, and whole."""

from __future__ import annotations

import os
import random
from collections.abc import Iterator

import pytest

from exchange_node.trust import sealing
from exchange_node.trust.errors import TrustError
from exchange_node.trust.sealing import CHUNK_BYTES, HYBRID, OVERHEAD, X25519, SealingKey

SUITES = pytest.mark.parametrize("suite", [X25519, HYBRID])
INFO = b"request 1"


def key(suite: int = HYBRID) -> SealingKey:
    return SealingKey(bytes(range(32)), suite)


def test_the_hybrid_suite_is_the_default() -> None:
    assert sealing.DEFAULT_SUITE == HYBRID == SealingKey.generate().suite


@SUITES
def test_sealed_and_opened(suite: int) -> None:
    made = SealingKey.generate(suite)
    assert SealingKey(made.seed, suite).public == made.public
    assert made.public[0] == suite
    for size in (0, 1, 5000):
        plaintext = os.urandom(size)
        sealed = sealing.seal(made.public, plaintext, INFO)
        assert sealed[0] == suite
        assert len(sealed) == size + OVERHEAD[suite]
        assert sealing.open(made, sealed, INFO) == plaintext
    assert sealing.seal(made.public, b"x", INFO) != sealing.seal(made.public, b"x", INFO)
    assert made.seed.hex() not in repr(made)
    assert repr(made.seed) not in repr(made)


def test_one_seed_gives_each_suite_its_own_key() -> None:
    assert key(X25519).public[1:] != key(HYBRID).public[-32:]


@SUITES
def test_everything_must_fit(suite: int) -> None:
    made = key(suite)
    sealed = sealing.seal(made.public, b"secret", INFO)
    other = HYBRID + X25519 - suite
    wrong = [
        b"",
        sealed[:1],
        sealed[:-1],
        sealed + b"x",
        sealed[1:],
        bytes([other]) + sealed[1:],
        bytes(len(sealed)),
    ]
    for position in (1, 40, len(sealed) - 20, len(sealed) - 1):
        wrong.append(sealed[:position] + bytes([sealed[position] ^ 1]) + sealed[position + 1 :])
    for altered in wrong:
        with pytest.raises(TrustError, match="cannot-open"):
            sealing.open(made, altered, INFO)
    with pytest.raises(TrustError, match="cannot-open"):
        sealing.open(made, sealed, b"request 2")
    for stranger in (SealingKey.generate(suite), key(other)):
        with pytest.raises(TrustError, match="cannot-open"):
            sealing.open(stranger, sealed, INFO)


@pytest.mark.parametrize(
    "public",
    [
        b"",
        b"\x01",
        b"\x03" + bytes(32),
        b"\x01" + bytes(31),
        b"\x01" + bytes(32),  # a point of small order
        b"\x02" + bytes(1215),
        b"\x02" + bytes(1216),
        b"\x02" + b"\xff" * 1216,  # coefficients out of range
    ],
)
def test_public_keys_that_are_refused(public: bytes) -> None:
    with pytest.raises(TrustError, match="bad-key"):
        sealing.seal(public, b"secret", INFO)


@pytest.mark.parametrize(("seed", "suite"), [(b"", HYBRID), (bytes(31), HYBRID), (bytes(32), 3), (bytes(32), 0)])
def test_keys_that_are_refused(seed: bytes, suite: int) -> None:
    with pytest.raises(TrustError, match="bad-key"):
        SealingKey(seed, suite)


def cut(data: bytes, *sizes: int) -> Iterator[bytes]:
    """`data` in pieces of random sizes between the two given ones."""
    chance = random.Random(7)
    while data:
        size = chance.randint(*sizes)
        yield data[:size]
        data = data[size:]


@SUITES
@pytest.mark.parametrize("size", [0, 1, CHUNK_BYTES - 1, CHUNK_BYTES, CHUNK_BYTES + 1, 3 * CHUNK_BYTES])
def test_streams(suite: int, size: int) -> None:
    made = key(suite)
    plaintext = os.urandom(size)
    sealed = list(sealing.seal_stream(made.public, cut(plaintext, 0, CHUNK_BYTES), INFO))
    assert len(sealed) == 1 + max(1, -(-size // CHUNK_BYTES))
    whole = b"".join(sealed)
    assert len(whole) == sealing.sealed_size(size, suite)
    assert b"".join(sealing.open_stream(made, sealed, INFO)) == plaintext
    assert b"".join(sealing.open_stream(made, cut(whole, 1, 300_000), INFO)) == plaintext
    with pytest.raises(TrustError, match="cannot-open"):
        list(sealing.open_stream(made, sealed, b"request 2"))


def test_streams_that_were_tampered_with() -> None:
    made = key()
    pieces = list(sealing.seal_stream(made.public, [bytes(3 * CHUNK_BYTES)], INFO))
    header, first, second, last = pieces
    foreign = list(sealing.seal_stream(made.public, [bytes(3 * CHUNK_BYTES)], INFO))
    broken = [
        [],
        [header],
        [header[:-1]],
        [header, first],  # cut at a piece's end
        [header, first, second],
        [header, first, second, last[:-1]],
        [header, second, first, last],
        [header, first, first, second, last],
        [header, first, last],
        [header, first, second, last, last],
        [header, first, second, last, b"x"],
        [header, first, foreign[2], last],
        [foreign[0], first, second, last],
        [header, last],
        [first, second, last],
    ]
    for stream in broken:
        with pytest.raises(TrustError, match="cannot-open"):
            list(sealing.open_stream(made, stream, INFO))


def test_an_empty_last_piece_is_no_second_form(monkeypatch: pytest.MonkeyPatch) -> None:
    def longer(chunks: Iterator[bytes], size: int) -> Iterator[tuple[bytes, bool]]:
        yield bytes(CHUNK_BYTES), False
        yield b"", True

    made = key()
    with monkeypatch.context() as patched:
        patched.setattr(sealing, "_pieces", longer)
        sealed = list(sealing.seal_stream(made.public, [], INFO))
    with pytest.raises(TrustError, match="cannot-open"):
        list(sealing.open_stream(made, sealed, INFO))


def test_streams_are_pulled_piece_by_piece() -> None:
    pulled = 0

    def source() -> Iterator[bytes]:
        nonlocal pulled
        while True:
            pulled += 1
            yield bytes(CHUNK_BYTES)

    stream = sealing.seal_stream(key().public, source(), INFO)
    for _ in range(4):
        next(stream)
    assert pulled <= 4
