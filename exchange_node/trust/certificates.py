"""X.509 of nodes and users: ECDSA P-256, short, and with names that mean one thing. Pure.

A node's certificate is self-signed and trusted because the manifest lists it (a *pin*); no authority can add
another. A user's is issued by the agency's own user CA, which its own node alone trusts and which can name no
node. Identity is the pin or the DNS name, never a URI name: DNS name constraints do not restrict those.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from ipaddress import ip_address
from typing import Final

from cryptography import x509
from cryptography.exceptions import InvalidSignature, UnsupportedAlgorithm
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import (
    Encoding,
    NoEncryption,
    PrivateFormat,
    load_pem_private_key,
)
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID
from cryptography.x509.verification import Criticality, ExtensionPolicy, Policy, PolicyBuilder, Store
from cryptography.x509.verification import VerificationError as ChainError

from exchange_node.trust.errors import TrustError

# A placeholder arc: a federation that goes live registers its own with IANA and changes this one line.
_ARC = "1.3.6.1.4.1.58888.1.1"
NODE_PURPOSE: Final = x509.ObjectIdentifier(f"{_ARC}.1")
USER_PURPOSE: Final = x509.ObjectIdentifier(f"{_ARC}.2")
ROLES: Final = ("analyst", "officer", "administrator")
MAX_PEM_BYTES = 16 * 1024
_LABEL = r"[a-z][a-z0-9-]{1,39}"
_NODE_NAME = re.compile(rf"({_LABEL})\.node\.exchange\.internal", re.ASCII)
_USER_NAME = re.compile(rf"({_LABEL})\.({'|'.join(ROLES)})\.({_LABEL})\.user\.exchange\.internal", re.ASCII)
_BLOCK = re.compile(rb"-----BEGIN CERTIFICATE-----[\sA-Za-z0-9+/=]+-----END CERTIFICATE-----\s*")


@dataclass(frozen=True, slots=True)
class UserIdentity:
    """Who a user's certificate says they are: a login, not a person's name."""

    name: str
    role: str
    org: str
    fingerprint: str  # 64 hex digits; the node's list of users revokes by it


def node_name(org: str) -> str:
    """The DNS name of an organisation's node in its certificate. It is compared, never looked up."""
    return f"{org}.node.exchange.internal"


def generate_key() -> ec.EllipticCurvePrivateKey:
    """A new P-256 key."""
    return ec.generate_private_key(ec.SECP256R1())


def key_to_pem(key: ec.EllipticCurvePrivateKey) -> bytes:
    """Unencrypted PKCS #8 PEM: a secret."""
    return key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())


def key_from_pem(pem: bytes) -> ec.EllipticCurvePrivateKey:
    """Read a P-256 key. Raises TrustError `bad-key`."""
    try:
        key = load_pem_private_key(pem, password=None)
    except (ValueError, TypeError, UnsupportedAlgorithm):
        raise TrustError("bad-key", "not an unencrypted PKCS #8 private key") from None
    if not isinstance(key, ec.EllipticCurvePrivateKey) or not isinstance(key.curve, ec.SECP256R1):
        raise TrustError("bad-key", "a TLS key is an ECDSA P-256 key")
    return key


def make_node_certificate(
    key: ec.EllipticCurvePrivateKey, org: str, hosts: Sequence[str], not_before: int, days: int
) -> bytes:
    """The self-signed certificate (PEM) of a node, for its own name and the `hosts` (names or addresses).

    BoringSSL asks for serverAuth and clientAuth; our own purpose keeps other certificates of the agency out.
    """
    names = [x509.DNSName(node_name(org)), *map(_host, hosts)]
    purposes = [ExtendedKeyUsageOID.SERVER_AUTH, ExtendedKeyUsageOID.CLIENT_AUTH, NODE_PURPOSE]
    builder = _builder(node_name(org), node_name(org), key.public_key(), not_before, days)
    builder = _leaf(builder, x509.SubjectAlternativeName(names), purposes)
    return _pem(builder.sign(key, hashes.SHA256()))


def check_node_certificate(pem: bytes, org: str) -> None:
    """Return if the certificate is one that `make_node_certificate` could have made for `org`, at any time.

    Raises:
        TrustError: `bad-certificate`, for one that could issue others or carries another node's name too.
    """
    certificate = _load(pem)
    _p256(certificate)
    try:
        certificate.verify_directly_issued_by(certificate)
        constraints = certificate.extensions.get_extension_for_class(x509.BasicConstraints).value
        purposes = certificate.extensions.get_extension_for_class(x509.ExtendedKeyUsage).value
        names = certificate.extensions.get_extension_for_class(x509.SubjectAlternativeName).value
    except (ValueError, TypeError, InvalidSignature, x509.ExtensionNotFound, x509.DuplicateExtension):
        raise TrustError("bad-certificate", "not a self-signed certificate with the node's extensions") from None
    if constraints.ca:
        raise TrustError("bad-certificate", "a node's certificate cannot issue others")
    if not {ExtendedKeyUsageOID.SERVER_AUTH, ExtendedKeyUsageOID.CLIENT_AUTH, NODE_PURPOSE} <= set(purposes):
        raise TrustError("bad-certificate", "the purposes server, client and exchange node are needed")
    nodes = [name for name in names.get_values_for_type(x509.DNSName) if name.lower().endswith(".exchange.internal")]
    if nodes != [node_name(org)]:
        raise TrustError("bad-certificate", "the node's own name must be its only name in the exchange")


def certificate_validity(pem: bytes) -> tuple[int, int]:
    """First and last second of a certificate's life, epoch seconds. Raises TrustError `bad-certificate`."""
    certificate = _load(pem)
    return int(certificate.not_valid_before_utc.timestamp()), int(certificate.not_valid_after_utc.timestamp())


def fingerprint(pem: bytes) -> str:
    """SHA-256 of the certificate's DER, 64 hex digits. Raises TrustError `bad-certificate`."""
    return _load(pem).fingerprint(hashes.SHA256()).hex()


def make_user_ca(key: ec.EllipticCurvePrivateKey, org: str, not_before: int, days: int) -> bytes:
    """The certificate (PEM) of an agency's user CA. Its name constraint keeps it to that agency's users."""
    zone = f"{org}.user.exchange.internal"
    name = f"users of {org}"
    constraints = x509.NameConstraints(permitted_subtrees=[x509.DNSName(zone)], excluded_subtrees=None)
    builder = (
        _builder(name, name, key.public_key(), not_before, days)
        .add_extension(x509.BasicConstraints(ca=True, path_length=0), critical=True)
        .add_extension(_usage(issues=True), critical=True)
        .add_extension(constraints, critical=True)
    )
    return _pem(builder.sign(key, hashes.SHA256()))


def issue_user_certificate(
    ca_key: ec.EllipticCurvePrivateKey,
    ca: bytes,
    name: str,
    role: str,
    public_key: ec.EllipticCurvePublicKey,
    not_before: int,
    days: int,
) -> bytes:
    """The certificate (PEM) of the user with login `name` in a role. Raises TrustError `bad-certificate`."""
    issuer = _load(ca)
    constraints = issuer.extensions.get_extension_for_class(x509.NameConstraints).value
    zones = constraints.permitted_subtrees or []
    dns = f"{name}.{role}.{zones[0].value}" if len(zones) == 1 else ""
    if not _USER_NAME.fullmatch(dns):
        raise TrustError("bad-certificate", "a login is [a-z][a-z0-9-]{1,39}, a role " + ", ".join(ROLES))
    issuer_name = issuer.subject.get_attributes_for_oid(NameOID.COMMON_NAME)[0].value
    builder = _builder(dns, str(issuer_name), public_key, not_before, days)
    names = x509.SubjectAlternativeName([x509.DNSName(dns)])
    builder = _leaf(builder, names, [ExtendedKeyUsageOID.CLIENT_AUTH, USER_PURPOSE]).add_extension(
        x509.AuthorityKeyIdentifier.from_issuer_public_key(ca_key.public_key()), critical=False
    )
    return _pem(builder.sign(ca_key, hashes.SHA256()))


def verify_user(pem_chain: bytes, ca: bytes, now: int) -> UserIdentity:
    """The user whose certificate (PEM, as the TLS peer showed it) the agency's CA (PEM) issued.

    Whether the user was revoked since is for the node's own list of users to say.

    Raises:
        TrustError: `bad-certificate` for another issuer, purpose or time, or another kind of name.
    """
    leaf, trusted = _load(pem_chain), _load(ca)
    _p256(leaf)
    users = ExtensionPolicy.webpki_defaults_ee().require_present(
        x509.ExtendedKeyUsage, Criticality.AGNOSTIC, _for_users
    )
    try:
        builder = PolicyBuilder().store(Store([trusted])).time(datetime.fromtimestamp(now, UTC).replace(tzinfo=None))
        builder = builder.max_chain_depth(0).extension_policies(
            ca_policy=ExtensionPolicy.webpki_defaults_ca(), ee_policy=users
        )
        subjects = builder.build_client_verifier().verify(leaf, []).subjects or []
    except (ChainError, ValueError, OverflowError, OSError):
        raise TrustError("bad-certificate", "not a valid certificate of this agency's users") from None
    if len(subjects) != 1 or not isinstance(subjects[0], x509.DNSName):
        raise TrustError("bad-certificate", "a user's certificate holds one DNS name and nothing else")
    name = _USER_NAME.fullmatch(subjects[0].value)
    if not name:
        raise TrustError("bad-certificate", "the name is not a user's name")
    return UserIdentity(name[1], name[2], name[3], leaf.fingerprint(hashes.SHA256()).hex())


def _for_users(_: Policy, __: x509.Certificate, purposes: x509.ExtendedKeyUsage) -> None:
    if not {ExtendedKeyUsageOID.CLIENT_AUTH, USER_PURPOSE} <= set(purposes):
        raise ValueError("not a user's certificate")


def _load(pem: bytes) -> x509.Certificate:
    if len(pem) > MAX_PEM_BYTES or not _BLOCK.fullmatch(pem):
        raise TrustError("bad-certificate", "one certificate in PEM is expected")
    try:
        certificate = x509.load_pem_x509_certificate(pem)
        _ = certificate.extensions  # parsed late, and here is where it may fail
    except (ValueError, TypeError, UnsupportedAlgorithm, x509.DuplicateExtension, x509.InvalidVersion):
        raise TrustError("bad-certificate", "not an X.509 certificate") from None
    return certificate


def _p256(certificate: x509.Certificate) -> None:
    try:
        key = certificate.public_key()
    except (ValueError, TypeError, UnsupportedAlgorithm):
        raise TrustError("bad-certificate", "the public key cannot be read") from None
    if not isinstance(key, ec.EllipticCurvePublicKey) or not isinstance(key.curve, ec.SECP256R1):
        raise TrustError("bad-certificate", "only ECDSA P-256 is used")


def _host(host: str) -> x509.GeneralName:
    try:
        return x509.IPAddress(ip_address(host))
    except ValueError:
        return x509.DNSName(host)


def _builder(
    subject: str, issuer: str, key: ec.EllipticCurvePublicKey, not_before: int, days: int
) -> x509.CertificateBuilder:
    start = datetime.fromtimestamp(not_before, UTC)
    return (
        x509.CertificateBuilder()
        .subject_name(_common_name(subject))
        .issuer_name(_common_name(issuer))
        .public_key(key)
        .serial_number(x509.random_serial_number())
        .not_valid_before(start)
        .not_valid_after(start + timedelta(days=days))
        .add_extension(x509.SubjectKeyIdentifier.from_public_key(key), critical=False)
    )


def _common_name(text: str) -> x509.Name:
    # At most 64 characters are allowed there, and nobody takes identity from it.
    return x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, text[:64])])


def _leaf(
    builder: x509.CertificateBuilder,
    names: x509.SubjectAlternativeName,
    purposes: Sequence[x509.ObjectIdentifier],
) -> x509.CertificateBuilder:
    return (
        builder.add_extension(names, critical=False)
        .add_extension(x509.BasicConstraints(ca=False, path_length=None), critical=True)
        .add_extension(_usage(issues=False), critical=True)
        .add_extension(x509.ExtendedKeyUsage(purposes), critical=False)
    )


def _usage(*, issues: bool) -> x509.KeyUsage:
    return x509.KeyUsage(
        digital_signature=not issues,
        content_commitment=False,
        key_encipherment=False,
        data_encipherment=False,
        key_agreement=False,
        key_cert_sign=issues,
        crl_sign=issues,
        encipher_only=False,
        decipher_only=False,
    )


def _pem(certificate: x509.Certificate) -> bytes:
    return certificate.public_bytes(Encoding.PEM)
