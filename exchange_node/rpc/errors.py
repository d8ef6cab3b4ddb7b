"""How errors travel: a peer gets the code and its fixed sentence, our own people get the detail and the mend too."""

from __future__ import annotations

import json
from typing import ClassVar

import grpc

from exchange_node.errors import ExchangeError, Kind, Says

CODE = "exchange-code"
KNOWN_SIZE = "exchange-known-size"
DOCUMENT = "exchange-error-bin"
MAX_DOCUMENT = 6000  # bytes

_STATUS = {
    Kind.FAILED: grpc.StatusCode.ABORTED,
    Kind.USAGE: grpc.StatusCode.INVALID_ARGUMENT,
    Kind.DENIED: grpc.StatusCode.PERMISSION_DENIED,
    Kind.INVALID: grpc.StatusCode.INVALID_ARGUMENT,
    Kind.UNTRUSTED: grpc.StatusCode.UNAUTHENTICATED,
    Kind.UNAVAILABLE: grpc.StatusCode.UNAVAILABLE,
    Kind.CONFLICT: grpc.StatusCode.FAILED_PRECONDITION,
    Kind.NOT_FOUND: grpc.StatusCode.NOT_FOUND,
    Kind.INTERNAL: grpc.StatusCode.INTERNAL,
}


class AccessError(ExchangeError):
    """A caller may not make this call."""

    prefix = "access"
    catalogue: ClassVar[dict[str, Says]] = {
        "unknown-caller": Says(
            Kind.UNTRUSTED,
            "The certificate belongs to no node of the federation and to no user of this agency.",
            "A node: check that the newest manifest lists your certificate. A user: ask for a new certificate.",
        ),
        "revoked": Says(
            Kind.UNTRUSTED,
            "The certificate was revoked or has expired.",
            "Ask your administrator for a new one: `exchange user add`.",
        ),
        "not-allowed": Says(
            Kind.DENIED,
            "This caller may not make this call.",
            "Ask someone in the role that may: analysts ask, officers govern, administrators run the node.",
        ),
        "too-many-calls": Says(
            Kind.UNAVAILABLE,
            "Too many calls in a short time.",
            "Wait a minute; calls are tried again by themselves.",
        ),
        "weak-transport": Says(
            Kind.UNTRUSTED,
            "The connection does not use TLS 1.3 with client certificates.",
            "Start the node with this project's own command, which sets TLS up.",
        ),
    }


def status_of(error: ExchangeError) -> grpc.StatusCode:
    """The gRPC status of an error."""
    return _STATUS[error.kind]


def public_metadata(error: ExchangeError, known_size: int = 0) -> tuple[tuple[str, str], ...]:
    """What a peer may know of an error besides its fixed sentence."""
    return ((CODE, error.code), (KNOWN_SIZE, str(known_size)))


def private_metadata(error: ExchangeError) -> tuple[tuple[str, str | bytes], ...]:
    """What our own people get: everything that helps, still without any person's data."""
    document: dict[str, object] = {
        "code": error.code,
        "kind": error.kind.value,
        "sentence": error.says.sentence,
        "mend": error.says.mend,
        "detail": error.detail,
    }
    decisions = getattr(error, "decisions", None)
    if error.request_id:
        document["request"] = error.request_id
    if decisions:
        document["decisions"] = [decision.to_json() for decision in decisions]
    # gRPC allows some 8 KiB of metadata: what is too long is left out, not cut, the last reasons first.
    data = json.dumps(document).encode()
    if len(data) > MAX_DOCUMENT:
        document.pop("decisions", None)
        reasons = [reason_of(r) for decision in decisions or () for r in decision.all_reasons()]
        while len(data := json.dumps(document | {"reasons": reasons}).encode()) > MAX_DOCUMENT and reasons:
            reasons.pop()
        if len(data) > MAX_DOCUMENT:
            data = json.dumps(document | {"detail": ""}).encode()
    return ((CODE, error.code), (DOCUMENT, data))


def reason_of(reason: object) -> dict[str, str]:
    """One reason as JSON."""
    return {name: getattr(reason, name) for name in ("code", "statute", "condition", "sentence", "mend")}
