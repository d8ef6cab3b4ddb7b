"""Sealing to a public key: HPKE (RFC 9180), base mode, and a chunked form for what is large. Pure.

Sealing hides and binds to `info`; it does not say who sealed, so whoever sends a sealed message signs it as
well. Public keys and sealed messages begin with a suite byte:

    1  X25519, HKDF-SHA256, AES-256-GCM                             sealed: 49 bytes longer
    2  ML-KEM-768 with X25519 (X-Wing), HKDF-SHA256, AES-256-GCM    sealed: 1,137 bytes longer; the default

Source of the chunked form: STREAM (Hoang, Reyhanitabar, Rogaway, Vizar, CRYPTO 2015), as in age and Tink.
"""

from __future__ import annotations

import hashlib
import secrets
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from typing import Final

from cryptography.exceptions import InvalidTag, UnsupportedAlgorithm
from cryptography.hazmat.primitives import hpke
from cryptography.hazmat.primitives.asymmetric.mlkem import MLKEM768PrivateKey, MLKEM768PublicKey
from cryptography.hazmat.primitives.asymmetric.x25519 import X25519PrivateKey, X25519PublicKey
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

from exchange_node.trust.errors import TrustError

X25519: Final = 1
HYBRID: Final = 2
CHUNK_BYTES: Final = 1024 * 1024
OVERHEAD: Final = {X25519: 1 + 32 + 16, HYBRID: 1 + 1120 + 16}  # suite byte, encapsulated key, tag
_PUBLIC_BYTES: Final = {X25519: 32, HYBRID: 1184 + 32}
_TAG: Final = 16
_KEY: Final = 32


def _hybrid_available() -> bool:
    try:
        MLKEM768PrivateKey.from_seed_bytes(bytes(64))
    except UnsupportedAlgorithm:
        return False
    return hasattr(hpke.KEM, "MLKEM768_X25519")


DEFAULT_SUITE: Final = HYBRID if _hybrid_available() else X25519


@dataclass(frozen=True, slots=True)
class SealingKey:
    """A key pair to be sealed to, kept as its 32-byte seed. Raises TrustError `bad-key`."""

    seed: bytes = field(repr=False)
    suite: int = DEFAULT_SUITE

    def __post_init__(self) -> None:
        if len(self.seed) != 32 or self.suite not in _PUBLIC_BYTES:
            raise TrustError("bad-key", "a sealing key is a 32-byte seed of a known suite")

    @classmethod
    def generate(cls, suite: int = DEFAULT_SUITE) -> SealingKey:
        """A new pair from the system's randomness."""
        return cls(secrets.token_bytes(32), suite)

    @property
    def public(self) -> bytes:
        """The public half: the suite byte and the raw key (33 or 1,217 bytes)."""
        if self.suite == X25519:
            return bytes([X25519]) + self._x25519().public_key().public_bytes_raw()
        mlkem, x25519 = self._hybrid()
        raw = mlkem.public_key().public_bytes_raw() + x25519.public_key().public_bytes_raw()
        return bytes([HYBRID]) + raw

    def _x25519(self) -> X25519PrivateKey:
        # A label of its own, so that no seed serves two suites with one key.
        label = b"exchange-node sealing x25519 v1"
        return X25519PrivateKey.from_private_bytes(hashlib.shake_256(label + self.seed).digest(32))

    def _hybrid(self) -> tuple[MLKEM768PrivateKey, X25519PrivateKey]:
        # X-Wing's expansion of its seed (draft-connolly-cfrg-xwing-kem).
        expanded = hashlib.shake_256(self.seed).digest(96)
        return (
            MLKEM768PrivateKey.from_seed_bytes(expanded[:64]),
            X25519PrivateKey.from_private_bytes(expanded[64:]),
        )


def seal(public: bytes, plaintext: bytes, info: bytes) -> bytes:
    """`plaintext` for the owner of `public`, openable only under the same `info`; `OVERHEAD` bytes longer.

    Raises:
        TrustError: `bad-key` if `public` is not a key of a known suite.
    """
    suite = _check_public(public)
    raw = public[1:]
    try:
        if suite == X25519:
            sealed = _hpke(suite).encrypt(plaintext, X25519PublicKey.from_public_bytes(raw), info=info)
        else:
            key = hpke.MLKEM768X25519PublicKey(
                MLKEM768PublicKey.from_public_bytes(raw[:1184]), X25519PublicKey.from_public_bytes(raw[1184:])
            )
            sealed = _hpke(suite).encrypt(plaintext, key, info=info)
    except (ValueError, UnsupportedAlgorithm):
        raise TrustError("bad-key", "the public sealing key is not usable") from None
    return bytes([suite]) + sealed


def open(key: SealingKey, sealed: bytes, info: bytes) -> bytes:
    """The plaintext of what `seal` made. Raises TrustError `cannot-open`, and does not say why."""
    if len(sealed) < OVERHEAD[key.suite] or sealed[0] != key.suite:
        raise TrustError("cannot-open")
    try:
        if key.suite == X25519:
            return _hpke(key.suite).decrypt(sealed[1:], key._x25519(), info=info)
        private = hpke.MLKEM768X25519PrivateKey(*key._hybrid())
        return _hpke(key.suite).decrypt(sealed[1:], private, info=info)
    except (InvalidTag, ValueError, UnsupportedAlgorithm):
        raise TrustError("cannot-open") from None


def seal_stream(public: bytes, chunks: Iterable[bytes], info: bytes) -> Iterator[bytes]:
    """`chunks` of any size, sealed piece by piece: a sealed key, then a tag for each begun `CHUNK_BYTES`.

    Raises:
        TrustError: `bad-key`.
    """
    secret = secrets.token_bytes(_KEY)
    yield seal(public, secret, info)
    cipher = AESGCM(secret)
    for number, (piece, last) in enumerate(_pieces(chunks, CHUNK_BYTES)):
        yield cipher.encrypt(_nonce(number, last), piece, info)


def open_stream(key: SealingKey, chunks: Iterable[bytes], info: bytes) -> Iterator[bytes]:
    """The plaintext of what `seal_stream` made, however it was cut on the way.

    Each piece is genuine and in its place when it comes, but that none is missing is known only when the
    iterator ends: act on nothing before.

    Raises:
        TrustError: `cannot-open`, at the first piece that was altered, moved or left out.
    """
    source = iter(chunks)
    header, wanted = bytearray(), OVERHEAD[key.suite] + _KEY
    while len(header) < wanted:
        chunk = next(source, None)
        if chunk is None:
            raise TrustError("cannot-open")
        header += chunk
    cipher = AESGCM(open(key, bytes(header[:wanted]), info))
    sealed = _pieces(_joined(bytes(header[wanted:]), source), CHUNK_BYTES + _TAG)
    for number, (piece, last) in enumerate(sealed):
        try:
            plaintext = cipher.decrypt(_nonce(number, last), piece, info)
        except (InvalidTag, ValueError):
            raise TrustError("cannot-open") from None
        if number and not plaintext:  # an empty last piece would be a second form of the same message
            raise TrustError("cannot-open")
        yield plaintext


def sealed_size(size: int, suite: int = DEFAULT_SUITE) -> int:
    """Bytes that `seal_stream` makes of `size` bytes."""
    return OVERHEAD[suite] + _KEY + size + _TAG * max(1, -(-size // CHUNK_BYTES))


def _hpke(suite: int) -> hpke.Suite:
    kem = hpke.KEM.X25519 if suite == X25519 else hpke.KEM.MLKEM768_X25519
    return hpke.Suite(kem, hpke.KDF.HKDF_SHA256, hpke.AEAD.AES_256_GCM)


def _check_public(public: bytes) -> int:
    suite = public[0] if public else 0
    if len(public) - 1 != _PUBLIC_BYTES.get(suite):
        raise TrustError("bad-key", "a public sealing key is a suite byte and that suite's key")
    return suite


def _nonce(number: int, last: bool) -> bytes:
    return number.to_bytes(11, "big") + bytes([last])


def _joined(first: bytes, rest: Iterable[bytes]) -> Iterator[bytes]:
    yield first
    yield from rest


def _pieces(chunks: Iterable[bytes], size: int) -> Iterator[tuple[bytes, bool]]:
    """Pieces of exactly `size` bytes but the last, which is marked; one empty piece for nothing."""
    buffer = bytearray()
    for chunk in chunks:
        buffer += chunk
        while len(buffer) > size:
            yield bytes(buffer[:size]), False
            del buffer[:size]
    yield bytes(buffer), True
