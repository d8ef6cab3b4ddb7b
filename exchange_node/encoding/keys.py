"""The secrets of one leg: the linkage key of the pair, and each party's own token key.

Python cannot promise that a secret leaves no copy: `destroy` overwrites the one buffer that we hold, while
copies made inside OpenSSL, hashlib or clkhash live until their memory is used again. What we do promise: no
repr, no pickle, no copy kept on purpose, and no use after `destroy`.
"""

from __future__ import annotations

import hashlib
import hmac
import secrets
from collections.abc import Callable
from dataclasses import dataclass
from typing import NoReturn

from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.kdf.hkdf import HKDF

from exchange_node.encoding.errors import EncodingError

CONTRIBUTION_BYTES = 32
KEY_ID_BYTES = 16
_KEY_LABEL = b"exchange-node linkage key v1"


class Secret:
    """Thirty-two secret bytes that can be overwritten, compared in constant time."""

    __slots__ = ("_bytes",)

    def __init__(self, value: bytes | bytearray) -> None:
        if len(value) != CONTRIBUTION_BYTES:
            raise EncodingError("bad-contribution", f"a secret must be {CONTRIBUTION_BYTES} bytes")
        self._bytes = bytearray(value)

    def reveal(self) -> bytes:
        """A copy of the bytes, for the one call that needs them or to be sealed into the store.

        Raises EncodingError key-destroyed.
        """
        if not self._bytes:
            raise EncodingError("key-destroyed")
        return bytes(self._bytes)

    def destroy(self) -> None:
        """Overwrite and empty the buffer. May be called twice."""
        for index in range(len(self._bytes)):
            self._bytes[index] = 0
        self._bytes = bytearray()

    @property
    def destroyed(self) -> bool:
        """Whether `destroy` was called."""
        return not self._bytes

    def __repr__(self) -> str:
        return f"<{type(self).__name__}>"

    def __reduce__(self) -> NoReturn:
        raise TypeError("a secret is not pickled or copied")

    def __eq__(self, other: object) -> bool:
        if not isinstance(other, Secret):
            return NotImplemented
        return type(self) is type(other) and hmac.compare_digest(self._bytes, other._bytes)

    __hash__ = None  # type: ignore[assignment]  # a dictionary of secrets would be a cache of them


@dataclass(frozen=True, slots=True)
class KeyContext:
    """What a linkage key is bound to: a key agreed for anything else is another key."""

    request_digest: bytes
    requester: str
    provider: str
    schema_digest: bytes


class LinkageKey(Secret):
    """The secret of one leg's encodings, known to its two data parties and nobody else."""

    __slots__ = ("_id",)

    def __init__(self, value: bytes | bytearray, key_id: bytes) -> None:
        super().__init__(value)
        self._id = key_id

    def key_id(self) -> bytes:
        """Sixteen public bytes by which a linkage unit sees that both sides used one key.

        They come from the same expansion as the key and do not reveal it; they stay after `destroy`.
        """
        return self._id


class TokenKey(Secret):
    """One data party's own secret of one leg, under which local ids become tokens. It never leaves the node."""

    __slots__ = ()

    @classmethod
    def fresh(cls) -> TokenKey:
        """A new random key."""
        return cls(secrets.token_bytes(CONTRIBUTION_BYTES))

    def derive(self) -> Callable[[bytes, str], bytes]:
        """A function (label, message) -> 64 pseudo-random bytes, HMAC-SHA-512 under this key."""
        key = self.reveal()
        return lambda label, message: hmac.digest(key, label + b"\x00" + message.encode("utf-8"), "sha512")


def fresh_contribution() -> bytes:
    """[4] One party's part of the linkage key: 32 random bytes, to be sealed to the other party."""
    return secrets.token_bytes(CONTRIBUTION_BYTES)


def agree_key(requester_part: bytes, provider_part: bytes, context: KeyContext) -> LinkageKey:
    """[4] Both parties compute the same key from both parts: HKDF-SHA-256 (RFC 5869), bound to the context.

    Neither party alone decides the key, and equal parts are refused, since an echo of the other's part is
    no part. Raises EncodingError bad-contribution.
    """
    for part in (requester_part, provider_part):
        if len(part) != CONTRIBUTION_BYTES or not any(part):
            raise EncodingError("bad-contribution", f"a part must be {CONTRIBUTION_BYTES} random bytes")
    if hmac.compare_digest(requester_part, provider_part):
        raise EncodingError("bad-contribution", "both parts are the same")
    bound = (
        context.request_digest,
        context.requester.encode(),
        context.provider.encode(),
        context.schema_digest,
    )
    info = _KEY_LABEL + b"".join(len(part).to_bytes(4, "big") + part for part in bound)
    salt = hashlib.sha256(_KEY_LABEL).digest()
    derive = HKDF(SHA256(), CONTRIBUTION_BYTES + KEY_ID_BYTES, salt, info)
    both = derive.derive(requester_part + provider_part)
    return LinkageKey(both[:CONTRIBUTION_BYTES], both[CONTRIBUTION_BYTES:])
