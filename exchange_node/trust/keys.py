"""A node's own keys, in HOME/keys/ (mode 0700, files 0600).

    tls.key, tls.pem              P-256 key and self-signed certificate of the node
    signing.key                   Ed25519, signs messages and agreements
    log.key                       Ed25519, signs the audit log's checkpoints
    seal.key                      32 random bytes, for what rests on disk
    user-ca.key, user-ca.pem      P-256, issues the agency's users' certificates

Rotation has two steps, because peers believe a key only once the manifest lists it. `rotate` makes the next
key (`signing.next.key` and so on) beside the old one, which stays in use. `promote` puts it in the old one's
place once the manifest lists it, and the old private key is gone; a later manifest revokes its public half.
seal.key and the user CA do not rotate this way: what they wrapped or issued would have to be made anew.
"""

from __future__ import annotations

import secrets
from collections.abc import Callable, Collection
from pathlib import Path
from typing import Literal

from cryptography.hazmat.primitives.asymmetric.ec import EllipticCurvePrivateKey
from cryptography.x509 import load_pem_x509_certificate

from exchange_node.trust import certificates
from exchange_node.trust.errors import TrustError
from exchange_node.trust.key_files import check_folder, make_folder, read_secret, replace_secret, write_secret
from exchange_node.trust.manifest import Organisation
from exchange_node.trust.signing import SigningKey

Rotating = Literal["tls", "signing", "log"]
CERTIFICATE_DAYS = 397
USER_CA_DAYS = 3650
_PAST = 3600  # seconds by which certificates begin early, for peers whose clocks are behind


class HomeKeys:
    """The keys of one home, read afresh at each use, so that a rotated or exposed file counts at once."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder

    @classmethod
    def create(cls, home: Path, org: str, hosts: Collection[str], now: int) -> HomeKeys:
        """Make all keys of a new home. Raises TrustError `keys-exist`, `keys-unwritable`."""
        keys = cls(home / "keys")
        make_folder(keys.folder)
        keys._write_tls("tls", org, hosts, now)
        keys._write("signing.key", SigningKey.generate().to_pem())
        keys._write("log.key", SigningKey.generate().to_pem())
        keys._write("seal.key", secrets.token_bytes(32))
        authority = certificates.generate_key()
        keys._write("user-ca.key", certificates.key_to_pem(authority))
        keys._write("user-ca.pem", certificates.make_user_ca(authority, org, now - _PAST, USER_CA_DAYS))
        return keys

    @classmethod
    def open(cls, home: Path) -> HomeKeys:
        """The keys of a home, every file checked.

        Raises:
            TrustError: `keys-missing`, `keys-exposed`, `bad-key-file`, `bad-certificate`.
        """
        keys = cls(home / "keys")
        check_folder(keys.folder)
        keys._finish_promotion()
        checks: dict[str, Callable[[], object]] = {
            "tls.key": lambda: _same_key(keys.tls_certificate, certificates.key_from_pem(keys.tls_key)),
            "user-ca.key": lambda: _same_key(keys.user_ca, keys.user_ca_key),
            "signing.key": lambda: keys.signing,
            "log.key": lambda: keys.log,
            "seal.key": lambda: keys.seal,
        }
        for name, check in checks.items():
            try:
                check()
            except TrustError as error:
                if error.code not in ("trust.bad-key", "trust.malformed"):
                    raise
                raise TrustError("bad-key-file", f"{keys.folder / name}: {error.detail}") from error
        return keys

    @property
    def tls_key(self) -> bytes:
        """PEM of the node's TLS key: a secret."""
        return self._read("tls.key")

    @property
    def tls_certificate(self) -> bytes:
        """PEM of the node's certificate."""
        return self._read("tls.pem")

    @property
    def signing(self) -> SigningKey:
        """The key for messages and agreements."""
        return SigningKey.from_pem(self._read("signing.key"))

    @property
    def log(self) -> SigningKey:
        """The key for checkpoints; the audit log's signer takes its `private`."""
        return SigningKey.from_pem(self._read("log.key"))

    @property
    def seal(self) -> bytes:
        """The 32 bytes that `Vault` starts from: a secret."""
        return self._read("seal.key")

    @property
    def user_ca_key(self) -> EllipticCurvePrivateKey:
        """The key that issues users' certificates."""
        return certificates.key_from_pem(self._read("user-ca.key"))

    @property
    def user_ca(self) -> bytes:
        """PEM of the user CA's certificate."""
        return self._read("user-ca.pem")

    def rotate(self, kind: Rotating, org: str, hosts: Collection[str], now: int) -> str:
        """Make the next key of a kind beside the present one, and return its id (see `pending`).

        Raises:
            TrustError: `rotation-pending` if there is one already, `keys-unwritable`.
        """
        if self.pending(kind) is not None:
            raise TrustError("rotation-pending", kind)
        if kind == "tls":
            self._write_tls("tls.next", org, hosts, now)
        else:
            self._write(f"{kind}.next.key", SigningKey.generate().to_pem())
        return self.pending(kind) or ""

    def pending(self, kind: Rotating) -> str | None:
        """What the manifest must list before the next key counts, or None if there is no next key.

        The certificate's fingerprint for `tls`, the key id for `signing` and `log`.
        """
        if kind == "tls":
            pem = self._pending_certificate()
            return certificates.fingerprint(pem) if pem else None
        key = self.next_key(kind)
        return key.key_id if key else None

    def next_key(self, kind: Literal["signing", "log"]) -> SigningKey | None:
        """The key that waits to be listed, if any."""
        path = self.folder / f"{kind}.next.key"
        return SigningKey.from_pem(read_secret(path)) if path.exists() else None

    def next_certificate(self) -> bytes | None:
        """PEM of the certificate that waits to be listed, if any."""
        return self._pending_certificate()

    def promote(self, kind: Rotating, member: Organisation, now: int) -> None:
        """Let the next key take the old one's place, now that the manifest lists it for this node.

        Raises:
            TrustError: `no-rotation`, `rotation-unlisted`, `keys-unwritable`.
        """
        pending = self.pending(kind)
        if pending is None:
            raise TrustError("no-rotation", kind)
        if pending not in _listed(kind, member, now):
            raise TrustError("rotation-unlisted", f"{kind} {pending}")
        if kind == "tls":
            # The certificate first: `open` finishes the other half if the node is killed between the two.
            replace_secret(self.folder / "tls.pem", self.folder / "tls.next.pem")
            kind_file = "tls.key"
        else:
            kind_file = f"{kind}.key"
        replace_secret(self.folder / kind_file, self.folder / kind_file.replace(".key", ".next.key"))

    def _finish_promotion(self) -> None:
        following = self.folder / "tls.next.key"
        if following.exists() and self._pending_certificate() is None:
            try:
                _same_key(self.tls_certificate, certificates.key_from_pem(read_secret(following)))
            except TrustError:
                return  # a rotation that was cut short before it had a certificate; `rotate` writes it anew
            replace_secret(self.folder / "tls.key", following)

    def _pending_certificate(self) -> bytes | None:
        path = self.folder / "tls.next.pem"
        return read_secret(path) if path.exists() else None

    def _write_tls(self, stem: str, org: str, hosts: Collection[str], now: int) -> None:
        key = certificates.generate_key()
        pem = certificates.make_node_certificate(key, org, sorted(hosts), now - _PAST, CERTIFICATE_DAYS)
        self._write(f"{stem}.key", certificates.key_to_pem(key))
        self._write(f"{stem}.pem", pem)

    def _read(self, name: str) -> bytes:
        return read_secret(self.folder / name)

    def _write(self, name: str, data: bytes) -> None:
        write_secret(self.folder / name, data)


def _listed(kind: Rotating, member: Organisation, now: int) -> Collection[str]:
    if kind == "tls":
        return member.fingerprints
    if kind == "log":
        return [key.key_id for key in member.log_keys]
    return [key.id for key in member.signing_keys if not (key.revoked(now) or key.early(now))]


def _same_key(pem: bytes, key: EllipticCurvePrivateKey) -> None:
    certificates.fingerprint(pem)
    if load_pem_x509_certificate(pem).public_key() != key.public_key():
        raise TrustError("bad-key", "a certificate and its key file do not belong together")
