"""Which federation manifest counts: a state machine with the rules of The Update Framework (TUF). Pure.

It knows no network and no disk: bytes and a time go in, the manifest or an error comes out, and a refused
document changes nothing. Two rules of TUF do most of the work: a number never falls (rollback), and every
manifest expires (freeze). A third is stricter here: two manifests under one number stop the node for good.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

from exchange_node.trust.documents import MAX_DOCUMENT_BYTES, Document, b64decode, b64encode, digest, read
from exchange_node.trust.errors import TrustError
from exchange_node.trust.manifest import MANIFEST_TYPE, Manifest, RootDocument, Roots
from exchange_node.trust.signing import Envelope, verify_threshold

MAX_SKEW = 120  # seconds


@dataclass(frozen=True, slots=True)
class _Trusted:
    """What is believed now. Before the first manifest, `number` is 0."""

    federation: str
    roots: Roots
    number: int = 0
    digest: str = ""
    manifest: Manifest | None = None
    envelope: bytes = b""


class _State(Document):
    """How a node keeps its state between runs; a file of its own, which only it writes."""

    format: Literal["exchange-trusted/v1"] = "exchange-trusted/v1"
    roots: RootDocument
    envelope: str | None = None
    conflict: str | None = None


class TrustedManifest:
    """The newest manifest that the federation's roots signed, and nothing older.

    Not safe for threads: one owner updates it and hands out the `Manifest`, which never changes.
    """

    def __init__(self, trusted: _Trusted, conflict: bytes = b"") -> None:
        self._trusted = trusted
        self._conflict = conflict

    @classmethod
    def start(cls, root_document: RootDocument) -> TrustedManifest:
        """Trust these roots, whose fingerprint somebody has compared, and no manifest yet."""
        return cls(_Trusted(root_document.federation, root_document.roots))

    @classmethod
    def restore(cls, state: bytes) -> TrustedManifest:
        """Continue from what `state` gave. Raises TrustError if the file was damaged."""
        kept = read(_State, state, max_bytes=4 * MAX_DOCUMENT_BYTES)
        trusted = cls.start(kept.roots)
        if kept.envelope is not None:
            trusted._trusted = _next(trusted._trusted, b64decode(kept.envelope))
        trusted._conflict = b64decode(kept.conflict or "")
        return trusted

    def state(self) -> bytes:
        """What `restore` needs; to be written durably before a new manifest is used."""
        encoded = [b64encode(part) if part else None for part in (self._trusted.envelope, self._conflict)]
        # A manifest is always signed by the roots that it names, so those are enough to take it up again.
        roots = RootDocument(federation=self._trusted.federation, roots=self._trusted.roots)
        return _State(roots=roots, envelope=encoded[0], conflict=encoded[1]).encode()

    @property
    def digest(self) -> str:
        """SHA-256 of the trusted manifest, which requests pin; empty before the first."""
        return self._trusted.digest

    @property
    def envelope(self) -> bytes:
        """The trusted manifest with its signatures, as it came; empty before the first."""
        return self._trusted.envelope

    @property
    def conflict(self) -> bytes:
        """A second document under a trusted manifest's number, kept as evidence; empty if none."""
        return self._conflict

    def current(self, now: int) -> Manifest:
        """The trusted manifest, if it has not expired.

        Raises:
            TrustError: `no-manifest`, `manifest-expired`, `manifest-not-yet-valid`, `manifest-equivocates`.
        """
        self._check_conflict()
        if self._trusted.manifest is None:
            raise TrustError("no-manifest")
        return _in_time(self._trusted.manifest, now)

    def update(self, envelope: bytes, now: int, *, bridge: Sequence[bytes] = ()) -> Manifest:
        """Trust a newer manifest; the one that is trusted already changes nothing.

        `bridge` holds earlier manifests, oldest first, for a node that missed a change of roots; they may
        have expired. All are accepted or none.

        Raises:
            TrustError: `malformed`, `too-large`, `wrong-type`, `bad-signature`, `not-enough-signatures` (of
                the trusted roots, or of the roots it names), `manifest-other-federation`, `manifest-older`,
                `manifest-not-yet-valid`, `manifest-expired`; `manifest-equivocates`, from then on always.
        """
        self._check_conflict()
        trusted = self._trusted
        for document in (*bridge, envelope):
            try:
                trusted = _next(trusted, document)
            except TrustError as error:
                if error.code == "trust.manifest-equivocates":
                    self._conflict = document
                raise
        assert trusted.manifest is not None
        manifest = _in_time(trusted.manifest, now)
        self._trusted = trusted
        return manifest

    def _check_conflict(self) -> None:
        if self._conflict:
            raise TrustError("manifest-equivocates", f"number {self._trusted.number}")


def _next(trusted: _Trusted, document: bytes) -> _Trusted:
    """What is believed after `document`; `trusted` itself if it says nothing new, whatever the time."""
    envelope = Envelope.parse(document)
    payload = verify_threshold(envelope, trusted.roots.verify_keys, trusted.roots.threshold, payload_type=MANIFEST_TYPE)
    manifest = read(Manifest, payload)
    # A change of roots needs the new keys too, so that nobody hands over to keys that nobody holds.
    verify_threshold(envelope, manifest.roots.verify_keys, manifest.roots.threshold, payload_type=MANIFEST_TYPE)
    if manifest.federation != trusted.federation:
        raise TrustError("manifest-other-federation")
    if manifest.number < trusted.number:
        raise TrustError("manifest-older", f"number {manifest.number}, {trusted.number} is trusted")
    found = digest(payload)
    if manifest.number == trusted.number:
        if found != trusted.digest:
            raise TrustError("manifest-equivocates", f"number {manifest.number}")
        return trusted
    return _Trusted(trusted.federation, manifest.roots, manifest.number, found, manifest, document)


def _in_time(manifest: Manifest, now: int) -> Manifest:
    if manifest.issued_at > now + MAX_SKEW:
        raise TrustError("manifest-not-yet-valid", f"number {manifest.number}")
    if now >= manifest.expires_at:
        raise TrustError("manifest-expired", f"number {manifest.number}")
    return manifest
