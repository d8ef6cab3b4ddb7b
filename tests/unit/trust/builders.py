"""An invented federation for the tests of trust: keys are drawn once, documents come from plain values."""

from __future__ import annotations

import functools
from typing import Any

from exchange_node.audit.note import NoteSigner
from exchange_node.trust import certificates
from exchange_node.trust.documents import b64encode, format_time
from exchange_node.trust.manifest import Manifest, PublicKey, RootDocument
from exchange_node.trust.signing import Envelope, SigningKey

NOW = 1_800_000_000
DAY = 86_400
ROOTS = tuple(SigningKey.generate() for _ in range(3))
NEW_ROOTS = tuple(SigningKey.generate() for _ in range(3))


@functools.cache
def signing(org: str) -> SigningKey:
    return SigningKey.generate()


@functools.cache
def log_signer(org: str) -> NoteSigner:
    return NoteSigner.generate(f"{org}.exchange.example/log")


@functools.cache
def certificate(org: str) -> str:
    key = certificates.generate_key()
    return certificates.make_node_certificate(key, org, ["localhost", "127.0.0.1"], NOW - DAY, 90).decode()


def organisation(id: str, **changes: Any) -> dict[str, Any]:
    key = signing(id)
    return {
        "id": id,
        "name": f"{id} (invented)",
        "operator": f"{id} operator",
        "type": "other",
        "regime": "uk-gdpr",
        "roles": ["data-party"],
        "address": "localhost:7443",
        "tls_certificates": [certificate(id)],
        "signing_keys": [{"id": key.key_id, "public": b64encode(key.public)}],
        "log_vkeys": [log_signer(id).vkey],
        **changes,
    }


def linkage_unit(**changes: Any) -> dict[str, Any]:
    own = {"type": "linkage-unit", "regime": "none", "roles": ["linkage-unit"]}
    return organisation("neutral-linkage", **{**own, "operator": "Neutral Operator Ltd", **changes})


def roots(keys: tuple[SigningKey, ...] = ROOTS, threshold: int = 2) -> dict[str, Any]:
    return {"threshold": threshold, "keys": [PublicKey.of(key).model_dump() for key in keys]}


def manifest(number: int = 1, **changes: Any) -> Manifest:
    value = {
        "federation": "fairshire",
        "number": number,
        "issued_at": format_time(NOW - 60),
        "expires_at": format_time(NOW + 30 * DAY),
        "roots": roots(),
        "organisations": [organisation("northgate-homes"), organisation("castle-nhs"), linkage_unit()],
        **changes,
    }
    return Manifest.build(value)


def signed(document: Manifest, *keys: SigningKey) -> bytes:
    return document.sign(*(keys or ROOTS[:2])).encode()


def forge_payload(data: bytes, payload: bytes) -> bytes:
    """The envelope in `data` with another payload under the old signatures."""
    envelope = Envelope.parse(data)
    return Envelope(envelope.payload_type, payload, envelope.signatures).encode()


def root_document() -> RootDocument:
    return RootDocument.build({"federation": "fairshire", "roots": roots()})
