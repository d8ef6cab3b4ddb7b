"""Who is calling, from the TLS certificate alone: a pinned node of the manifest, or a user of this agency."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from exchange_node.node import Node
from exchange_node.rpc.access import Who
from exchange_node.rpc.errors import AccessError
from exchange_node.store.model import User
from exchange_node.trust.certificates import fingerprint, verify_user
from exchange_node.trust.errors import TrustError


@dataclass(frozen=True, slots=True)
class Caller:
    """A node (`org`) or a user (`user`)."""

    who: Who
    org: str = ""
    user: User | None = None

    @property
    def name(self) -> str:
        """For the node's own log and for quotas."""
        return self.org or f"user:{self.user.fingerprint[:16] if self.user else ''}"


def identify(node: Node, auth: Mapping[str, Iterable[bytes]]) -> Caller:
    """The caller behind gRPC's authentication context, looked up afresh at every call.

    TLS alone is not enough: an open connection outlives a revocation. Raises AccessError, TrustError.
    """
    pems = list(auth.get("x509_pem_cert", ()))
    if list(auth.get("ssl_tls_version", ())) != [b"TLSv1.3"] or not pems:
        raise AccessError("weak-transport")
    pem = pems[0]
    now = node.clock.now()
    digest = fingerprint(pem)
    user = node.store.users.by_fingerprint(digest)
    if user is not None:
        if user.revoked_at is not None or now >= user.not_after:
            raise AccessError("revoked", "user")
        verify_user(pem, node.keys.user_ca, now)
        return Caller(Who(user.role), user=user)
    try:
        return Caller(Who.NODE, org=node.federation.manifest(now).org_by_certificate(digest).id)
    except TrustError as error:
        if error.code == "trust.unknown-certificate":
            raise AccessError("unknown-caller") from error
        raise
