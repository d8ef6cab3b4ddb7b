"""Ed25519 signatures over DSSE's pre-authentication encoding, and DSSE's JSON envelope for documents. Pure.

Source: the DSSE protocol 1.0 of the Secure Systems Lab, in a stricter profile: every signature carries its
key id, base64 is canonical and of the standard alphabet, and a wrong signature under the id of a known key
rejects the envelope instead of being skipped. A key id helps to choose a key; the key that verifies counts.
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Mapping
from dataclasses import dataclass, field

from cryptography.exceptions import InvalidSignature, UnsupportedAlgorithm
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey, Ed25519PublicKey
from cryptography.hazmat.primitives.serialization import (
    Encoding,
    NoEncryption,
    PrivateFormat,
    load_pem_private_key,
)

from exchange_node.trust.documents import MAX_DOCUMENT_BYTES, b64decode, b64encode, canonical, load
from exchange_node.trust.errors import TrustError

MAX_SIGNATURES = 32
_MAX_SIGNATURE_BYTES = 8192  # room for post-quantum signatures beside Ed25519
_KEY_ID = re.compile(r"[0-9a-f]{16}", re.ASCII)
_P = 2**255 - 19
_ORDER_8 = (
    0x05FC536D880238B13933C6D305ACDFD5F098EFF289F4C345B027B2C28F95E826,
    0x7A03AC9277FDC74EC6CC392CFA53202A0F67100D760B3CBA4FD84D3D706A17C7,
)
# The y coordinates of points of small order: under such a "key" one signature fits many messages.
_SMALL_ORDER = frozenset({0, 1, _P - 1, _P, _P + 1, *_ORDER_8})


@dataclass(frozen=True, slots=True)
class VerifyKey:
    """An Ed25519 public key, 32 bytes (RFC 8032). Raises TrustError `bad-key`, for small order too."""

    public: bytes

    def __post_init__(self) -> None:
        if len(self.public) != 32:
            raise TrustError("bad-key", "an Ed25519 public key has 32 bytes")
        if int.from_bytes(self.public, "little") % 2**255 in _SMALL_ORDER:
            raise TrustError("bad-key", "an Ed25519 public key of small order")

    @property
    def key_id(self) -> str:
        """The first 16 hex digits of the key's SHA-256."""
        return hashlib.sha256(self.public).hexdigest()[:16]


@dataclass(frozen=True, slots=True)
class SigningKey:
    """An Ed25519 key pair."""

    private: Ed25519PrivateKey = field(repr=False)

    @classmethod
    def generate(cls) -> SigningKey:
        """A new pair from the system's randomness."""
        return cls(Ed25519PrivateKey.generate())

    @classmethod
    def from_pem(cls, pem: bytes) -> SigningKey:
        """Read an unencrypted PKCS #8 PEM. Raises TrustError `bad-key`."""
        try:
            key = load_pem_private_key(pem, password=None)
        except (ValueError, TypeError, UnsupportedAlgorithm):
            raise TrustError("bad-key", "not an unencrypted PKCS #8 private key") from None
        if not isinstance(key, Ed25519PrivateKey):
            raise TrustError("bad-key", "a signing key is an Ed25519 key")
        return cls(key)

    def to_pem(self) -> bytes:
        """The pair as unencrypted PKCS #8 PEM: a secret."""
        return self.private.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())

    @property
    def public(self) -> bytes:
        """The public half, 32 bytes."""
        return self.private.public_key().public_bytes_raw()

    @property
    def verify_key(self) -> VerifyKey:
        """The public half as a key."""
        return VerifyKey(self.public)

    @property
    def key_id(self) -> str:
        """The first 16 hex digits of the public key's SHA-256."""
        return self.verify_key.key_id


def pae(payload_type: str, payload: bytes) -> bytes:
    """DSSE's pre-authentication encoding: type and payload cannot run into one another."""
    kind = payload_type.encode("utf-8")
    return b"DSSEv1 %d %b %d %b" % (len(kind), kind, len(payload), payload)


def sign(payload_type: str, payload: bytes, key: SigningKey) -> bytes:
    """The 64-byte signature of a payload under its type."""
    return key.private.sign(pae(payload_type, payload))


def verify(payload_type: str, payload: bytes, signature: bytes, key: VerifyKey) -> None:
    """Return if `key` signed `payload` as `payload_type`. Raises TrustError `bad-signature`."""
    try:
        Ed25519PublicKey.from_public_bytes(key.public).verify(signature, pae(payload_type, payload))
    except (InvalidSignature, ValueError):
        raise TrustError("bad-signature", f"by key {key.key_id}") from None


@dataclass(frozen=True, slots=True)
class Envelope:
    """A document with its signatures. Its payload means nothing until `verify_threshold` has returned it."""

    payload_type: str
    payload: bytes
    signatures: tuple[tuple[str, bytes], ...] = ()  # (key id, signature)

    @classmethod
    def parse(cls, data: bytes, max_bytes: int = MAX_DOCUMENT_BYTES) -> Envelope:
        """Read DSSE's JSON envelope without believing it. Raises TrustError `malformed` or `too-large`."""
        value = load(data, max_bytes)
        if not isinstance(value, dict) or value.keys() != {"payload", "payloadType", "signatures"}:
            raise TrustError("malformed", "an envelope has the fields payload, payloadType and signatures")
        kind, payload, signatures = value["payloadType"], value["payload"], value["signatures"]
        if not isinstance(kind, str) or not 0 < len(kind) <= 200:
            raise TrustError("malformed", "payloadType: a text of 1 to 200 characters is expected")
        if not isinstance(payload, str):
            raise TrustError("malformed", "payload: base64 is expected")
        if not isinstance(signatures, list) or not 0 < len(signatures) <= MAX_SIGNATURES:
            raise TrustError("malformed", f"signatures: a list of 1 to {MAX_SIGNATURES} is expected")
        return cls(kind, b64decode(payload), tuple(_parse_signature(entry) for entry in signatures))

    def encode(self) -> bytes:
        """The envelope as canonical JSON."""
        signatures = [{"keyid": key_id, "sig": b64encode(signature)} for key_id, signature in self.signatures]
        payload = b64encode(self.payload)
        return canonical({"payload": payload, "payloadType": self.payload_type, "signatures": signatures})

    def add_signature(self, key: SigningKey) -> Envelope:
        """The envelope with `key`'s signature too; it replaces an earlier one by the same key."""
        others = tuple(entry for entry in self.signatures if entry[0] != key.key_id)
        signature = sign(self.payload_type, self.payload, key)
        return Envelope(self.payload_type, self.payload, (*others, (key.key_id, signature)))


def verify_threshold(envelope: Envelope, keys: Mapping[str, VerifyKey], threshold: int, *, payload_type: str) -> bytes:
    """The payload, if at least `threshold` different keys of `keys` signed it as `payload_type`.

    Signatures of unknown keys are ignored, and a key counts once however often it signs.

    Raises:
        TrustError: `wrong-type`; `bad-signature` if one by a known key is wrong; `not-enough-signatures`.
    """
    if envelope.payload_type != payload_type:
        raise TrustError("wrong-type", f"{payload_type} is expected")
    if threshold < 1:
        raise TrustError("not-enough-signatures", "a threshold is at least 1")
    signers = set()
    for key_id, signature in envelope.signatures:
        if key := keys.get(key_id):
            verify(payload_type, envelope.payload, signature, key)
            signers.add(key.public)
    if len(signers) < threshold:
        raise TrustError("not-enough-signatures", f"{len(signers)} of the {threshold} that are needed")
    return envelope.payload


def _parse_signature(entry: object) -> tuple[str, bytes]:
    if not isinstance(entry, dict) or entry.keys() != {"keyid", "sig"}:
        raise TrustError("malformed", "signatures: each has the fields keyid and sig")
    key_id, signature = entry["keyid"], entry["sig"]
    if not isinstance(key_id, str) or not _KEY_ID.fullmatch(key_id):
        raise TrustError("malformed", "keyid: 16 lower-case hex digits are expected")
    if not isinstance(signature, str) or len(signature) > _MAX_SIGNATURE_BYTES:
        raise TrustError("malformed", "sig: base64 is expected")
    return key_id, b64decode(signature)
