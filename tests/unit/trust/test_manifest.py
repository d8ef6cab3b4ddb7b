"""What a manifest may say, and what its readers get out of it."""

from __future__ import annotations

from typing import Any

import pytest

from exchange_node.trust import certificates
from exchange_node.trust.documents import b64encode, canonical, format_time, read
from exchange_node.trust.errors import TrustError
from exchange_node.trust.manifest import Manifest, RootDocument, operator_conflict
from exchange_node.trust.signing import SigningKey
from tests.unit.trust.builders import (
    DAY,
    NOW,
    ROOTS,
    certificate,
    linkage_unit,
    log_signer,
    manifest,
    organisation,
    root_document,
    roots,
    signing,
)


def test_a_manifest_is_what_it_was() -> None:
    made = manifest()
    assert read(Manifest, made.encode()) == made
    assert b'"issued_at":"2027-01-15T07:59:00Z"' in made.encode()


def test_members_are_found_unless_suspended() -> None:
    members = [organisation("northgate-homes"), organisation("castle-nhs", status="suspended")]
    made = manifest(organisations=members)
    assert made.org("northgate-homes").address == "localhost:7443"
    pins = {id: certificates.fingerprint(certificate(id).encode()) for id in ("northgate-homes", "castle-nhs")}
    assert made.org_by_certificate(pins["northgate-homes"]).id == "northgate-homes"
    assert made.certificates() == (certificate("northgate-homes"),)
    with pytest.raises(TrustError, match="organisation-suspended"):
        made.org("castle-nhs")
    with pytest.raises(TrustError, match="organisation-suspended"):
        made.org_by_certificate(pins["castle-nhs"])
    with pytest.raises(TrustError, match="organisation-suspended"):
        made.signing_key("castle-nhs", signing("castle-nhs").key_id, NOW)
    with pytest.raises(TrustError, match="unknown-organisation"):
        made.org("crown-revenue")
    with pytest.raises(TrustError, match="unknown-certificate"):
        made.org_by_certificate("0" * 64)
    assert made.org("northgate-homes").log_keys[0].public == log_signer("northgate-homes").verifier.public_key


def test_signing_keys_count_from_their_start_until_their_revocation() -> None:
    keys = [SigningKey.generate() for _ in range(3)]
    listed = [{"id": key.key_id, "public": b64encode(key.public)} for key in keys]
    listed[1]["not_before"] = format_time(NOW + 10)
    listed[2]["revoked_at"] = format_time(NOW + 10)
    made = manifest(organisations=[organisation("castle-nhs", signing_keys=listed)])
    assert made.signing_key("castle-nhs", keys[0].key_id, NOW) == keys[0].verify_key
    with pytest.raises(TrustError, match="key-not-yet-valid"):
        made.signing_key("castle-nhs", keys[1].key_id, NOW + 9)
    assert made.signing_key("castle-nhs", keys[1].key_id, NOW + 10) == keys[1].verify_key
    assert made.signing_key("castle-nhs", keys[2].key_id, NOW + 9) == keys[2].verify_key
    with pytest.raises(TrustError, match="key-revoked"):
        made.signing_key("castle-nhs", keys[2].key_id, NOW + 10)
    with pytest.raises(TrustError, match="unknown-key"):
        made.signing_key("castle-nhs", SigningKey.generate().key_id, NOW)


def test_one_member_cannot_use_anothers_key() -> None:
    with pytest.raises(TrustError, match="unknown-key"):
        manifest().signing_key("castle-nhs", signing("northgate-homes").key_id, NOW)


def test_bundles() -> None:
    bundles = [
        {"digest": "a" * 64, "revision": "1", "until": format_time(NOW)},
        {"digest": "b" * 64, "revision": "2"},
    ]
    made = manifest(policy_bundles=bundles)
    assert made.bundle("a" * 64, NOW - 1)
    assert made.bundle("a" * 64, NOW) is None
    assert made.bundle("b" * 64, NOW)
    assert made.bundle("c" * 64, NOW) is None


def test_operator_conflict() -> None:
    members = [
        organisation("northgate-homes"),
        organisation("castle-nhs", operator="neutral  OPERATOR ltd"),
        organisation("fairshire-police", roles=["data-party", "linkage-unit"]),
        linkage_unit(),
    ]
    made = manifest(organisations=members)
    operator_conflict(made, "neutral-linkage", ["northgate-homes", "fairshire-police"])
    with pytest.raises(TrustError, match="operator-conflict"):
        operator_conflict(made, "neutral-linkage", ["northgate-homes", "castle-nhs"])
    with pytest.raises(TrustError, match="operator-conflict"):
        operator_conflict(made, "fairshire-police", ["fairshire-police", "northgate-homes"])
    for linkage, party in (("castle-nhs", "northgate-homes"), ("neutral-linkage", "neutral-linkage")):
        with pytest.raises(TrustError, match="wrong-role"):
            operator_conflict(made, linkage, [party])
    with pytest.raises(TrustError, match="unknown-organisation"):
        operator_conflict(made, "neutral-linkage", ["crown-revenue"])


def test_root_fingerprint_is_read_out_in_groups() -> None:
    document = root_document()
    groups = document.fingerprint.split(" ")
    assert len(groups) == 16
    assert all(len(group) == 4 for group in groups)
    assert read(RootDocument, document.encode()).fingerprint == document.fingerprint
    other = RootDocument.build({"federation": "fairshire", "roots": roots(threshold=1)})
    assert other.fingerprint != document.fingerprint


KEY = {"id": signing("castle-nhs").key_id, "public": b64encode(signing("castle-nhs").public)}
WEAK = b64encode((1).to_bytes(32, "little"))


@pytest.mark.parametrize(
    ("changes", "detail"),
    [
        ({"format": "exchange-manifest/v2"}, "format"),
        ({"surprise": 1}, "Manifest"),
        ({"federation": "Fairshire"}, "federation"),
        ({"number": 0}, "number"),
        ({"number": True}, "number"),
        ({"number": "1"}, "number"),
        ({"issued_at": format_time(NOW + 40 * DAY)}, "expires_at is after"),
        ({"expires_at": format_time(NOW + 401 * DAY)}, "expires_at is after"),
        ({"expires_at": NOW + DAY}, "expires_at"),
        ({"roots": roots(threshold=0)}, "roots.threshold"),
        ({"roots": roots(threshold=4)}, "above the number"),
        ({"roots": roots((*ROOTS, ROOTS[0]))}, "twice"),
        ({"roots": {"threshold": 1, "keys": []}}, "roots.keys"),
        ({"roots": {"threshold": 1, "keys": [{**KEY, "id": "0" * 16}]}}, "roots.keys.0"),
        ({"roots": {"threshold": 1, "keys": [{"id": "4bf5122f344554c5", "public": WEAK}]}}, "too weak"),
        ({"policy_bundles": [{"digest": "x", "revision": "1"}]}, "policy_bundles.0.digest"),
        ({"policy_bundles": [{"digest": "a" * 64, "revision": "1"}] * 2}, "twice"),
        ({"organisations": [organisation("castle-nhs")] * 2}, "an organisation stands twice"),
    ],
)
def test_manifests_that_are_refused(changes: dict[str, Any], detail: str) -> None:
    with pytest.raises(TrustError, match="malformed") as caught:
        manifest(**changes)
    assert detail in caught.value.detail


@pytest.mark.parametrize(
    ("changes", "detail"),
    [
        ({"id": "Castle"}, "id"),
        ({"id": "a"}, "id"),
        ({"id": "castle-nhs\n"}, "id"),
        ({"name": ""}, "name"),
        ({"name": "two\nlines"}, "name"),
        ({"type": "bank"}, "type"),
        ({"regime": "gdpr"}, "regime"),
        ({"roles": []}, "roles"),
        ({"roles": ["data-party", "data-party"]}, "a role stands twice"),
        ({"roles": ["administrator"]}, "roles.0"),
        ({"type": "linkage-unit"}, "that role alone"),
        ({"address": "castle"}, "address"),
        ({"address": "castle:0"}, "address"),
        ({"address": "castle:65536"}, "address"),
        ({"address": "http://castle:1"}, "address"),
        ({"status": "maybe"}, "status"),
        ({"signing_keys": []}, "signing_keys"),
        ({"signing_keys": [{**KEY, "not_before": 5}]}, "signing_keys.0.not_before"),
        ({"signing_keys": [KEY, KEY]}, "a signing key stands twice"),
        ({"log_vkeys": ["name"]}, "log_vkeys.0"),
        ({"log_vkeys": ["name+00000000+BAAA"]}, "log_vkeys"),
        ({"tls_certificates": []}, "tls_certificates"),
        ({"tls_certificates": ["x"]}, "tls_certificates"),
        ({"tls_certificates": [certificate("castle-nhs") + certificate("castle-nhs")]}, "tls_certificates"),
        ({"tls_certificates": [certificate("northgate-homes")]}, "only name"),
        ({"tls_certificates": [certificate("castle-nhs")] * 2}, "a certificate stands twice"),
    ],
)
def test_members_that_are_refused(changes: dict[str, Any], detail: str) -> None:
    with pytest.raises(TrustError, match="malformed") as caught:
        manifest(organisations=[{**organisation("castle-nhs"), **changes}])
    assert detail in caught.value.detail


@pytest.mark.parametrize(("field", "what"), [("signing_keys", "a signing key"), ("log_vkeys", "a log key")])
def test_two_members_cannot_share(field: str, what: str) -> None:
    first = organisation("castle-nhs")
    second = organisation("northgate-homes", **{field: first[field]})
    with pytest.raises(TrustError, match="malformed") as caught:
        manifest(organisations=[first, second])
    assert f"{what} stands twice" in caught.value.detail


def test_canonical_form_does_not_depend_on_order() -> None:
    made = manifest()
    value = made.model_dump(exclude_none=True)
    assert canonical(dict(reversed(value.items()))) == made.encode()
