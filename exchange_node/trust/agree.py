"""The linkage key of one request between two data parties: made by both, for that request only. Pure.

Each party draws 32 random bytes and seals them to the other (steps 4 and 5 of PROTOCOL.md). The key depends
on both contributions and on the whole context, so that it serves for nothing but this request.
"""

from __future__ import annotations

import hmac
import secrets
from typing import Final

from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.kdf.hkdf import HKDF

from exchange_node.trust.errors import TrustError

CONTRIBUTION_BYTES: Final = 32
_LABEL: Final = b"exchange-node linkage key v1"
_ID_LABEL: Final = b"exchange-node linkage key id v1"


def contribute() -> bytes:
    """A party's contribution: 32 random bytes, sealed to the other party and never written down."""
    return secrets.token_bytes(CONTRIBUTION_BYTES)


def combine(
    contribution_requester: bytes,
    contribution_provider: bytes,
    *,
    request_digest: str,
    requester: str,
    provider: str,
    schema_digest: str,
) -> bytes:
    """The 32-byte linkage key: HKDF-SHA256 (RFC 5869) over both contributions, the context as its info.

    Digests are 64 hex digits, parties are organisation ids. Both contributions are secret while either party
    is honest, so neither can choose the key; nor can one send the other's own contribution back.

    Raises:
        TrustError: `bad-contribution` for a wrong length, no randomness, or equal contributions.
    """
    for contribution in (contribution_requester, contribution_provider):
        if len(contribution) != CONTRIBUTION_BYTES or not any(contribution):
            raise TrustError("bad-contribution", "32 random bytes are expected")
    if hmac.compare_digest(contribution_requester, contribution_provider):
        raise TrustError("bad-contribution", "a party sent the other's contribution back")
    context = [_LABEL, *(part.encode() for part in (request_digest, requester, provider, schema_digest))]
    # Each part with its length in front, so that no two contexts read the same.
    info = b"".join(len(part).to_bytes(4, "big") + part for part in context)
    kdf = HKDF(algorithm=hashes.SHA256(), length=32, salt=None, info=info)
    return kdf.derive(contribution_requester + contribution_provider)


def key_id(key: bytes) -> bytes:
    """16 bytes by which two parties see that they hold the same key, and nothing else (HMAC-SHA-256)."""
    return hmac.digest(key, _ID_LABEL, "sha256")[:16]
