"""Certificates: what ours look like, and what others' may not look like."""

from __future__ import annotations

import datetime
from typing import Any

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec, ed25519, rsa
from cryptography.hazmat.primitives.serialization import Encoding
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID

from exchange_node.trust.certificates import (
    NODE_PURPOSE,
    USER_PURPOSE,
    certificate_validity,
    check_node_certificate,
    fingerprint,
    generate_key,
    issue_user_certificate,
    key_from_pem,
    key_to_pem,
    make_node_certificate,
    make_user_ca,
    node_name,
    verify_user,
)
from exchange_node.trust.errors import TrustError
from exchange_node.trust.signing import SigningKey

NOW = 1_800_000_000
DAY = 86_400
KEY = generate_key()
CA_KEY = generate_key()
CA = make_user_ca(CA_KEY, "castle-nhs", NOW, 365)
USER_KEY = generate_key()
START = datetime.datetime.fromtimestamp(NOW, datetime.UTC)


def made(**changes: Any) -> bytes:
    """A certificate like a node's but for `changes`."""
    key = changes.get("key", KEY)
    issuer_key = changes.get("issuer_key", key)
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "x")])
    issuer = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, changes.get("issuer", "x"))])
    builder = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(issuer)
        .public_key(key.public_key())
        .serial_number(7)
        .not_valid_before(START)
        .not_valid_after(START + datetime.timedelta(days=90))
    )
    purposes = [ExtendedKeyUsageOID.SERVER_AUTH, ExtendedKeyUsageOID.CLIENT_AUTH, NODE_PURPOSE]
    extensions: dict[str, x509.ExtensionType | None] = {
        "names": x509.SubjectAlternativeName([x509.DNSName(node_name("castle-nhs"))]),
        "constraints": x509.BasicConstraints(ca=False, path_length=None),
        "purposes": x509.ExtendedKeyUsage(purposes),
        "issuer_id": x509.AuthorityKeyIdentifier.from_issuer_public_key(issuer_key.public_key()),
    }
    for extension in (extensions | changes.get("extensions", {})).values():
        if extension:
            builder = builder.add_extension(extension, critical=isinstance(extension, x509.BasicConstraints))
    algorithm = None if isinstance(issuer_key, ed25519.Ed25519PrivateKey) else hashes.SHA256()
    return builder.sign(issuer_key, algorithm).public_bytes(Encoding.PEM)


def test_node_certificate() -> None:
    pem = make_node_certificate(KEY, "castle-nhs", ["localhost", "127.0.0.1", "::1"], NOW, 90)
    check_node_certificate(pem, "castle-nhs")
    assert certificate_validity(pem) == (NOW, NOW + 90 * DAY)
    certificate = x509.load_pem_x509_certificate(pem)
    assert fingerprint(pem) == certificate.fingerprint(hashes.SHA256()).hex()
    names = certificate.extensions.get_extension_for_class(x509.SubjectAlternativeName).value
    assert names.get_values_for_type(x509.DNSName) == ["castle-nhs.node.exchange.internal", "localhost"]
    assert [str(address) for address in names.get_values_for_type(x509.IPAddress)] == ["127.0.0.1", "::1"]
    purposes = certificate.extensions.get_extension_for_class(x509.ExtendedKeyUsage).value
    assert list(purposes) == [ExtendedKeyUsageOID.SERVER_AUTH, ExtendedKeyUsageOID.CLIENT_AUTH, NODE_PURPOSE]
    constraints = certificate.extensions.get_extension_for_class(x509.BasicConstraints)
    assert constraints.critical
    assert not constraints.value.ca


def dns(*names: str) -> x509.SubjectAlternativeName:
    return x509.SubjectAlternativeName([x509.DNSName(name) for name in names])


@pytest.mark.parametrize(
    "pem",
    [
        made(extensions={"constraints": x509.BasicConstraints(ca=True, path_length=None)}),
        made(extensions={"constraints": None}),
        made(extensions={"purposes": None}),
        made(extensions={"purposes": x509.ExtendedKeyUsage([ExtendedKeyUsageOID.SERVER_AUTH])}),
        made(extensions={"names": None}),
        made(extensions={"names": dns("castle-nhs")}),
        made(extensions={"names": dns(node_name("northgate-homes"))}),
        made(extensions={"names": dns(node_name("castle-nhs"), node_name("northgate-homes"))}),
        made(extensions={"names": dns(node_name("castle-nhs"), "Northgate-Homes.node.exchange.INTERNAL")}),
        made(extensions={"names": dns("*.node.exchange.internal")}),
        made(issuer_key=generate_key()),
        made(issuer_key=generate_key(), issuer="authority"),
        made(key=ec.generate_private_key(ec.SECP384R1())),
        made(key=rsa.generate_private_key(65537, 2048)),
        made(key=ed25519.Ed25519PrivateKey.generate()),
        CA,
        made() * 2,
        b"x" + made(),
        made() + b"x",
        b"-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n",
        b"-----BEGIN CERTIFICATE-----\n" + b"A" * 20_000 + b"\n-----END CERTIFICATE-----\n",
        key_to_pem(KEY),
        b"",
    ],
)
def test_node_certificates_that_are_refused(pem: bytes) -> None:
    with pytest.raises(TrustError, match="bad-certificate"):
        check_node_certificate(pem, "castle-nhs")


def test_the_yardstick_of_the_refusals_passes() -> None:
    check_node_certificate(made(), "castle-nhs")


def user(name: str = "r-patel", role: str = "analyst", **changes: Any) -> bytes:
    values = {"ca_key": CA_KEY, "ca": CA, "public_key": USER_KEY.public_key(), "not_before": NOW, "days": 30}
    return issue_user_certificate(name=name, role=role, **{**values, **changes})


@pytest.mark.parametrize("role", ["analyst", "officer", "administrator"])
def test_user_certificate(role: str) -> None:
    pem = user(role=role)
    who = verify_user(pem, CA, NOW + DAY)
    assert (who.name, who.role, who.org) == ("r-patel", role, "castle-nhs")
    assert who.fingerprint == fingerprint(pem)


@pytest.mark.parametrize(
    ("name", "role"),
    [
        ("R-Patel", "analyst"),
        ("", "analyst"),
        ("a.b", "analyst"),
        ("r-patel", "root"),
        ("r-patel\n", "analyst"),
    ],
)
def test_logins_and_roles_that_are_refused(name: str, role: str) -> None:
    with pytest.raises(TrustError, match="bad-certificate"):
        user(name, role)


@pytest.mark.parametrize("now", [NOW - 1, NOW + 30 * DAY + 1, -1, 2**60, 10**30])
def test_users_outside_their_time(now: int) -> None:
    with pytest.raises(TrustError, match="bad-certificate"):
        verify_user(user(), CA, now)


def user_like(*names: x509.GeneralName, purposes: tuple[x509.ObjectIdentifier, ...] | None = None) -> bytes:
    wanted = purposes or (ExtendedKeyUsageOID.CLIENT_AUTH, USER_PURPOSE)
    extensions = {
        "names": x509.SubjectAlternativeName(names),
        "purposes": x509.ExtendedKeyUsage(wanted),
    }
    return made(key=USER_KEY, issuer_key=CA_KEY, issuer="users of castle-nhs", extensions=extensions)


OWN = x509.DNSName("r-patel.analyst.castle-nhs.user.exchange.internal")


def test_the_yardstick_of_the_user_refusals_passes() -> None:
    assert verify_user(user_like(OWN), CA, NOW + DAY).name == "r-patel"


@pytest.mark.parametrize(
    "pem",
    [
        user_like(x509.UniformResourceIdentifier("exchange://castle-nhs/administrator")),
        user_like(OWN, x509.UniformResourceIdentifier("exchange://castle-nhs/administrator")),
        user_like(OWN, x509.DNSName("r-patel.officer.castle-nhs.user.exchange.internal")),
        user_like(x509.DNSName("r-patel.analyst.northgate-homes.user.exchange.internal")),
        user_like(x509.DNSName(node_name("castle-nhs"))),
        user_like(x509.DNSName("castle-nhs.user.exchange.internal")),
        user_like(x509.DNSName("x.r-patel.analyst.castle-nhs.user.exchange.internal")),
        user_like(OWN, purposes=(ExtendedKeyUsageOID.CLIENT_AUTH,)),
        user_like(OWN, purposes=(ExtendedKeyUsageOID.CLIENT_AUTH, NODE_PURPOSE)),
        user_like(OWN, purposes=(USER_PURPOSE,)),
        make_node_certificate(KEY, "castle-nhs", [], NOW, 90),
        CA,
        b"",
    ],
)
def test_user_certificates_that_are_refused(pem: bytes) -> None:
    with pytest.raises(TrustError, match="bad-certificate"):
        verify_user(pem, CA, NOW + DAY)


def test_another_agencys_users_are_strangers() -> None:
    other_key = generate_key()
    other = make_user_ca(other_key, "castle-nhs", NOW, 365)
    with pytest.raises(TrustError, match="bad-certificate"):
        verify_user(user(ca_key=other_key, ca=other), CA, NOW + DAY)


def test_a_user_cannot_issue_users() -> None:
    below = issue_user_certificate(USER_KEY, CA, "m-jones", "analyst", KEY.public_key(), NOW, 30)
    with pytest.raises(TrustError, match="bad-certificate"):
        verify_user(below + user(), CA, NOW + DAY)
    with pytest.raises(TrustError, match="bad-certificate"):
        verify_user(below, CA, NOW + DAY)


def test_tls_keys() -> None:
    assert key_from_pem(key_to_pem(KEY)).private_numbers() == KEY.private_numbers()
    for pem in (b"", SigningKey.generate().to_pem(), key_to_pem(ec.generate_private_key(ec.SECP384R1()))):
        with pytest.raises(TrustError, match="bad-key"):
            key_from_pem(pem)
