"""A join request proves that its sender holds the keys in it."""

from __future__ import annotations

from typing import Any

import pytest

from exchange_node.trust.documents import b64encode
from exchange_node.trust.errors import TrustError
from exchange_node.trust.join import JOIN_TYPE, JoinRequest, parse_join_request
from exchange_node.trust.manifest import Organisation
from exchange_node.trust.signing import Envelope, SigningKey
from tests.unit.trust.builders import certificate, log_signer, manifest, organisation, signing

ORG = "riverside-care"


def log(org: str = ORG) -> SigningKey:
    return SigningKey(log_signer(org).private_key)


def request(**changes: Any) -> JoinRequest:
    return JoinRequest.build(organisation(ORG, **changes))


def test_joined() -> None:
    data = request().sign(signing(ORG), log())
    parsed = parse_join_request(data)
    assert parsed == request()
    assert parsed.fingerprint == request().fingerprint
    assert len(parsed.fingerprint.split()) == 16
    entry = parsed.organisation
    assert type(entry) is Organisation
    assert manifest(organisations=[entry.model_dump(exclude_none=True)]).org(ORG) == entry


@pytest.mark.parametrize(
    "keys", [(signing(ORG),), (log(),), (signing(ORG), SigningKey.generate()), (log(), SigningKey.generate())]
)
def test_every_key_must_sign(keys: tuple[SigningKey, ...]) -> None:
    envelope = Envelope(JOIN_TYPE, request().encode())
    for key in keys:
        envelope = envelope.add_signature(key)
    with pytest.raises(TrustError, match="bad-join-request"):
        parse_join_request(envelope.encode())
    with pytest.raises(TrustError, match="bad-join-request"):
        request().sign(keys[0], keys[-1])


def test_signatures_must_hold_and_be_made_for_this() -> None:
    good = Envelope.parse(request().sign(signing(ORG), log()))
    other = request(address="elsewhere:1").encode()
    with pytest.raises(TrustError, match="bad-signature"):
        parse_join_request(Envelope(JOIN_TYPE, other, good.signatures).encode())
    with pytest.raises(TrustError, match="wrong-type"):
        parse_join_request(Envelope("x/y", good.payload, good.signatures).encode())


def entries(*keys: SigningKey) -> list[dict[str, str]]:
    return [{"id": key.key_id, "public": b64encode(key.public)} for key in keys]


@pytest.mark.parametrize(
    "changes",
    [
        {"signing_keys": entries(signing(ORG), SigningKey.generate())},
        {"log_vkeys": [log_signer(ORG).vkey, log_signer("other").vkey]},
        {"tls_certificates": [certificate(ORG)] * 2},
        {"signing_keys": entries(log())},
    ],
)
def test_one_key_of_each_kind(changes: dict[str, Any]) -> None:
    envelope = Envelope(JOIN_TYPE, request(**changes).encode()).add_signature(signing(ORG)).add_signature(log())
    with pytest.raises(TrustError, match="bad-join-request"):
        parse_join_request(envelope.encode())


def test_size() -> None:
    with pytest.raises(TrustError, match="too-large"):
        parse_join_request(b" " * 65_537)
