"""Signed notes and their keys, as c2sp.org/signed-note states them; strict where that leaves room. Pure.

Only Ed25519 (type 1) keys verify or sign. Signatures of other keys are ignored, as the specification demands.
"""

from __future__ import annotations

import base64
import binascii
import hashlib
import re
from dataclasses import dataclass, field

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey, Ed25519PublicKey

from exchange_node.audit.errors import AuditError

ED25519 = 0x01
MAX_NOTE_BYTES = 256 * 1024
MAX_SIGNATURES = 64  # the specification asks for at least 16
_DASH = "\N{EM DASH} "
_PRIVATE = "PRIVATE+KEY+"
_KEY_ID = re.compile(r"[0-9a-f]{8}", re.ASCII)


@dataclass(frozen=True, slots=True)
class Signature:
    """One signature line of a note."""

    name: str
    key_id: bytes
    signature: bytes


@dataclass(frozen=True, slots=True)
class Note:
    """A parsed note. Its text means nothing until `VerifierKey.verify` has passed it."""

    text: str
    signatures: tuple[Signature, ...]


@dataclass(frozen=True, slots=True)
class VerifierKey:
    """A log's public key, from its vkey text `name+id+key`."""

    name: str
    public_key: bytes  # 32 bytes, RFC 8032

    @property
    def key_id(self) -> bytes:
        """4 bytes that tell keys of one name apart; not a secure hash."""
        return _key_id(self.name, self.public_key)

    def __str__(self) -> str:
        return f"{self.name}+{self.key_id.hex()}+{b64encode(bytes([ED25519]) + self.public_key)}"

    @classmethod
    def parse(cls, vkey: str) -> VerifierKey:
        """Read a vkey. Raises AuditError `malformed-key`; no other form of a key is taken."""
        parts = vkey.split("+", 2)  # the base64 that follows may hold further plus signs
        if len(parts) != 3:
            raise AuditError("malformed-key", "a key has three parts: name+id+key")
        name, key_id, encoded = parts
        check_name("malformed-key", name)
        if not _KEY_ID.fullmatch(key_id):
            raise AuditError("malformed-key", "the key id is 8 lower-case hex digits")
        material = b64decode("malformed-key", encoded)
        if not material or material[0] != ED25519:
            raise AuditError("malformed-key", "only Ed25519 keys (type 1) are supported")
        if len(material) != 33:
            raise AuditError("malformed-key", "an Ed25519 public key has 32 bytes")
        key = cls(name, material[1:])
        if key.key_id.hex() != key_id:
            raise AuditError("malformed-key", "the key id is not that of the key")
        return key

    def verify(self, note: Note) -> str:
        """The note's text, if this key signed it.

        Raises:
            AuditError: `forged` if no signature is by this key, or one that claims to be is wrong.
        """
        signed = False
        for line in note.signatures:
            if (line.name, line.key_id) != (self.name, self.key_id):
                continue
            try:
                public = Ed25519PublicKey.from_public_bytes(self.public_key)
                public.verify(line.signature, note.text.encode())
            except (InvalidSignature, ValueError):
                raise AuditError("forged", "a signature by the expected key is wrong") from None
            signed = True
        if not signed:
            raise AuditError("forged", "no signature by the expected key")
        return note.text


@dataclass(frozen=True, slots=True)
class NoteSigner:
    """A log's key pair. The name is the log's origin."""

    name: str
    private_key: Ed25519PrivateKey = field(repr=False)

    def __post_init__(self) -> None:
        check_name("malformed-key", self.name)

    @classmethod
    def generate(cls, name: str) -> NoteSigner:
        """A new key pair."""
        return cls(name, Ed25519PrivateKey.generate())

    @classmethod
    def from_seed(cls, name: str, seed: bytes) -> NoteSigner:
        """The key pair of a 32-byte RFC 8032 seed."""
        if len(seed) != 32:
            raise AuditError("malformed-key", "an Ed25519 seed has 32 bytes")
        return cls(name, Ed25519PrivateKey.from_private_bytes(seed))

    @classmethod
    def parse(cls, skey: str) -> NoteSigner:
        """Read `PRIVATE+KEY+name+id+key`, the form that Go's note package writes."""
        if not skey.startswith(_PRIVATE):
            raise AuditError("malformed-key", "a private key starts with PRIVATE+KEY+")
        parts = skey[len(_PRIVATE) :].split("+", 2)
        if len(parts) != 3:
            raise AuditError("malformed-key", "a private key has the parts name+id+key")
        name, key_id, encoded = parts
        material = b64decode("malformed-key", encoded)
        if not material or material[0] != ED25519:
            raise AuditError("malformed-key", "only Ed25519 keys (type 1) are supported")
        signer = cls.from_seed(name, material[1:])
        if signer.verifier.key_id.hex() != key_id:
            raise AuditError("malformed-key", "the key id is not that of the key")
        return signer

    def skey(self) -> str:
        """The secret text form of the pair. Whoever holds it can sign as this log."""
        secret = b64encode(bytes([ED25519]) + self.private_key.private_bytes_raw())
        return f"{_PRIVATE}{self.name}+{self.verifier.key_id.hex()}+{secret}"

    @property
    def verifier(self) -> VerifierKey:
        """The public half."""
        return VerifierKey(self.name, self.private_key.public_key().public_bytes_raw())

    @property
    def vkey(self) -> str:
        """The public half as text."""
        return str(self.verifier)

    def sign(self, text: str) -> bytes:
        """The note of `text`, which ends in a newline. Equal texts give equal notes."""
        _check_text(text)
        signature = self.private_key.sign(text.encode())
        line = f"{_DASH}{self.name} {b64encode(self.verifier.key_id + signature)}\n"
        return f"{text}\n{line}".encode()


def parse_note(data: bytes) -> Note:
    """Read a signed note without believing it. Raises AuditError `malformed-note`."""
    if len(data) > MAX_NOTE_BYTES:
        raise AuditError("malformed-note", f"longer than {MAX_NOTE_BYTES} bytes")
    try:
        whole = data.decode("utf-8")
    except UnicodeDecodeError:
        raise AuditError("malformed-note", "not UTF-8") from None
    head, blank, tail = whole.rpartition("\n\n")
    if not blank or not tail.endswith("\n"):
        raise AuditError("malformed-note", "a text, a blank line and signature lines are expected")
    text = head + "\n"
    _check_text(text)
    lines = tail[:-1].split("\n")
    if len(lines) > MAX_SIGNATURES:
        raise AuditError("malformed-note", f"more than {MAX_SIGNATURES} signatures")
    return Note(text, tuple(_parse_signature(line) for line in lines))


def _parse_signature(line: str) -> Signature:
    if not line.startswith(_DASH):
        raise AuditError("malformed-note", "a signature line starts with an em dash and a space")
    name, _, encoded = line[len(_DASH) :].partition(" ")
    check_name("malformed-note", name)
    raw = b64decode("malformed-note", encoded)
    if len(raw) < 5:
        raise AuditError("malformed-note", "a signature is longer than its 4-byte key id")
    return Signature(name, raw[:4], raw[4:])


def _check_text(text: str) -> None:
    if not text.endswith("\n"):
        raise AuditError("malformed-note", "the text ends in a newline")
    if any(char < " " and char != "\n" for char in text):
        raise AuditError("malformed-note", "control characters are not allowed")
    try:
        text.encode("utf-8")
    except UnicodeEncodeError:
        raise AuditError("malformed-note", "not UTF-8") from None


def check_name(code: str, name: str) -> None:
    """Not empty, no Unicode space, control character or plus. Raises AuditError `code`."""
    if not name or "+" in name or any(char.isspace() or char < " " for char in name):
        raise AuditError(code, "a key name is not empty and has no space, plus or control character")
    if any("\ud800" <= char <= "\udfff" for char in name):
        raise AuditError(code, "a key name is UTF-8")


def b64encode(data: bytes) -> str:
    """Standard base64 with padding (RFC 4648, 4)."""
    return base64.b64encode(data).decode("ascii")


def b64decode(code: str, text: str) -> bytes:
    """Canonical standard base64: what `b64encode` would write, nothing else. Raises AuditError `code`."""
    try:
        data = base64.b64decode(text.encode("ascii"), validate=True)
    except (UnicodeEncodeError, binascii.Error):
        raise AuditError(code, "not base64") from None
    if b64encode(data) != text:
        raise AuditError(code, "base64 that is not canonical")
    return data


def _key_id(name: str, public_key: bytes) -> bytes:
    return hashlib.sha256(name.encode() + b"\n" + bytes([ED25519]) + public_key).digest()[:4]
