"""Secrets at rest: wrapped under the node's seal key, or under a key that only memory holds."""

from __future__ import annotations

import hmac
import secrets
from types import TracebackType
from typing import Final

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from cryptography.hazmat.primitives.kdf.hkdf import HKDFExpand

from exchange_node.trust.errors import TrustError

KEY_BYTES: Final = 32
OVERHEAD: Final = 1 + 12 + 16  # version, nonce, tag
_VERSION: Final = b"\x01"


class Vault:
    """AES-256-GCM under keys derived from one 32-byte key, one for each purpose (HKDF-SHA256, RFC 5869).

    Nonces are random, so one key serves for 2^32 wraps (NIST SP 800-38D, 8.3). Safe for threads.
    """

    __slots__ = ("_cipher", "_reference_key")

    def __init__(self, seal_key: bytes) -> None:
        """Raises TrustError `bad-key` unless the key has 32 bytes."""
        if len(seal_key) != KEY_BYTES:
            raise TrustError("bad-key", "a vault's key has 32 bytes")
        self._cipher = AESGCM(_derive(seal_key, b"wrap"))
        self._reference_key = _derive(seal_key, b"person reference")

    def wrap(self, name: str, secret: bytes) -> bytes:
        """The secret encrypted and bound to `name`: version, nonce (12 bytes), ciphertext, tag (16)."""
        nonce = secrets.token_bytes(12)
        return _VERSION + nonce + self._cipher.encrypt(nonce, secret, name.encode())

    def unwrap(self, name: str, blob: bytes) -> bytes:
        """What `wrap` took under the same name. Raises TrustError `cannot-unwrap`."""
        if len(blob) < OVERHEAD or blob[:1] != _VERSION:
            raise TrustError("cannot-unwrap", name)
        try:
            return self._cipher.decrypt(blob[1:13], blob[13:], name.encode())
        except InvalidTag:
            raise TrustError("cannot-unwrap", name) from None

    def person_ref(self, local_id: str) -> str:
        """What the database holds in place of a local id: 32 hex digits, keyed so that nobody can try ids."""
        return hmac.digest(self._reference_key, local_id.encode(), "sha256").hex()[:32]


class EphemeralKey:
    """A vault whose key is drawn here, stands in memory only, and is destroyed with the request's end.

    Destroying drops the last reference to the key; OpenSSL clears its own copy, but Python makes no such
    promise for memory it has used before, so a host that swaps to disk needs encrypted swap.
    """

    __slots__ = ("_vault",)

    def __init__(self) -> None:
        self._vault: Vault | None = Vault(secrets.token_bytes(KEY_BYTES))

    def wrap(self, name: str, secret: bytes) -> bytes:
        """As `Vault.wrap`. Raises TrustError `key-destroyed`."""
        return self._alive().wrap(name, secret)

    def unwrap(self, name: str, blob: bytes) -> bytes:
        """As `Vault.unwrap`. Raises TrustError `key-destroyed`, `cannot-unwrap`."""
        return self._alive().unwrap(name, blob)

    def destroy(self) -> None:
        """Make everything wrapped so far unreadable, for good. May be called again."""
        self._vault = None

    def __enter__(self) -> EphemeralKey:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.destroy()

    def _alive(self) -> Vault:
        if self._vault is None:
            raise TrustError("key-destroyed")
        return self._vault


def _derive(key: bytes, purpose: bytes) -> bytes:
    info = b"exchange-node vault v1 " + purpose
    return HKDFExpand(algorithm=hashes.SHA256(), length=KEY_BYTES, info=info).derive(key)
