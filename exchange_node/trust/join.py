"""A join request: what an agency sends to the federation to be listed in its manifest. Pure.

It is signed with the signing key *and* the log key it presents, and the certificate in it is signed with its
own key: so nobody can have another's key listed as theirs. Who the sender is, people settle: they compare
the fingerprint.
"""

from __future__ import annotations

import re
from typing import Any, Literal

from exchange_node.trust.documents import digest, read
from exchange_node.trust.errors import TrustError
from exchange_node.trust.manifest import Organisation
from exchange_node.trust.signing import Envelope, SigningKey, verify_threshold

JOIN_TYPE = "application/vnd.exchange.join+json"
MAX_JOIN_BYTES = 64 * 1024


class JoinRequest(Organisation):
    """An organisation as it wants to be listed, with one certificate, one signing key and one log key."""

    format: Literal["exchange-join/v1"] = "exchange-join/v1"

    def sign(self, signing: SigningKey, log: SigningKey) -> bytes:
        """The file `join.json`. Raises TrustError `bad-join-request` unless it presents these keys."""
        envelope = Envelope(JOIN_TYPE, self.encode()).add_signature(signing).add_signature(log)
        _check_possession(self, envelope)
        return envelope.encode()

    @property
    def fingerprint(self) -> str:
        """SHA-256 of the request in 16 groups of 4 hex digits, to compare by telephone."""
        return " ".join(re.findall("....", digest(self.encode())))

    @property
    def organisation(self) -> Organisation:
        """The entry for the manifest."""
        value: dict[str, Any] = self.model_dump(exclude_none=True)
        del value["format"]
        return Organisation.build(value)


def parse_join_request(data: bytes) -> JoinRequest:
    """Read `join.json`.

    Raises:
        TrustError: `malformed`, `too-large`, `wrong-type`, `bad-signature`; `bad-join-request` if a key in it
            did not sign it.
    """
    envelope = Envelope.parse(data, MAX_JOIN_BYTES)
    request = read(JoinRequest, envelope.payload, MAX_JOIN_BYTES)
    _check_possession(request, envelope)
    return request


def _check_possession(request: JoinRequest, envelope: Envelope) -> None:
    if not len(request.signing_keys) == len(request.log_vkeys) == len(request.tls_certificates) == 1:
        raise TrustError("bad-join-request", "one certificate, one signing key and one log key are expected")
    listed = [request.signing_keys[0].verify_key, request.log_keys[0]]
    keys = {key.key_id: key for key in listed}
    if len(keys) != 2:
        raise TrustError("bad-join-request", "signing and log need different keys")
    try:
        verify_threshold(envelope, keys, 2, payload_type=JOIN_TYPE)
    except TrustError as error:
        if error.code != "trust.not-enough-signatures":
            raise
        raise TrustError("bad-join-request", "signing key and log key must both sign") from None
