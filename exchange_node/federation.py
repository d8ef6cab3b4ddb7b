"""The federation manifest this node trusts: accepted by the rules of `trust.trusted_manifest`, kept, and looked up.

A request pins the digest it began under, but who may sign or connect is asked of the newest manifest every time.
"""

from __future__ import annotations

from exchange_node.audit.canonical import JSON
from exchange_node.audit.entry import Entry, entry_id
from exchange_node.messages import MessageError, sha256
from exchange_node.store.store import Store
from exchange_node.trust.errors import TrustError
from exchange_node.trust.manifest import Manifest, RootDocument
from exchange_node.trust.signing import Envelope
from exchange_node.trust.trusted_manifest import TrustedManifest

_STATE = "trusted-manifest"


class Federation:
    """The newest manifest in memory, every accepted one in the store."""

    def __init__(self, root: RootDocument, store: Store) -> None:
        """Continue from what was trusted before. Raises TrustError if that was damaged."""
        self._store = store
        kept = store.meta.get(_STATE)
        self._trusted = TrustedManifest.restore(kept.encode()) if kept else TrustedManifest.start(root)

    def accept(self, envelope: bytes, now: int) -> Manifest:
        """Verify and keep a newer manifest; evidence of two manifests under one number is kept as well.

        Raises TrustError as `TrustedManifest.update`.
        """
        try:
            manifest = self._trusted.update(envelope, now)
        finally:
            self._store.meta.set(_STATE, self._trusted.state().decode())
        self._store.documents.put_manifest(manifest.number, self._trusted.digest, envelope, now)
        return manifest

    def manifest(self, now: int) -> Manifest:
        """The newest manifest. Raises TrustError `no-manifest`, `manifest-expired`, `manifest-equivocates`."""
        return self._trusted.current(now)

    @property
    def digest(self) -> bytes:
        """SHA-256 of the newest manifest, 32 bytes. Raises TrustError `no-manifest`."""
        if not self._trusted.digest:
            raise TrustError("no-manifest")
        return bytes.fromhex(self._trusted.digest)

    def require_known(self, digest: bytes) -> None:
        """A peer must trust a manifest that this node accepted. Raises MessageError `manifest-differs`."""
        if digest.hex() != self._trusted.digest and self._store.documents.manifest(digest.hex()) is None:
            raise MessageError("manifest-differs")


def manifest_entry(envelope: bytes, now: int, came: Manifest | TrustError) -> Entry:
    """What the log says of a manifest that was brought: that it is trusted now, or why it is not."""
    if isinstance(came, TrustError):
        digest = sha256(envelope).hex()
        part, action = f"manifest-refused.{digest}.{came.code}", "manifest.refused"
        facts: dict[str, JSON] = {"file": digest, "code": came.code}
    else:
        digest = sha256(Envelope.parse(envelope).payload).hex()
        part, action, facts = f"manifest.{digest}", "manifest.accepted", {"manifest": digest, "number": came.number}
    entry = entry_id("", "", 0, "node", "", part)
    return Entry(id=entry, kind="fact", at=now, step=0, request="", role="node", peer="", action=action, facts=facts)
