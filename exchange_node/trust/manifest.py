"""The federation manifest: who takes part, with which certificates and keys. Documents only, pure.

Which manifest counts is for `trusted_manifest.py` to say; here is what one must look like and how to read it.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from functools import cached_property
from typing import Annotated, Literal

from pydantic import Field, field_validator, model_validator

from exchange_node.trust.certificates import check_node_certificate, fingerprint
from exchange_node.trust.documents import Bytes32, Document, Time, b64decode, b64encode, digest
from exchange_node.trust.errors import TrustError
from exchange_node.trust.signing import MAX_SIGNATURES, Envelope, SigningKey, VerifyKey

MANIFEST_TYPE = "application/vnd.exchange.manifest+json"
MAX_LIFETIME = 400 * 86_400  # seconds: an expiry far away would be no protection against a frozen manifest

OrgId = Annotated[str, Field(pattern=r"^[a-z][a-z0-9-]{1,39}$")]
Digest = Annotated[str, Field(pattern=r"^[0-9a-f]{64}$")]
KeyId = Annotated[str, Field(pattern=r"^[0-9a-f]{16}$")]
Line = Annotated[
    str, Field(min_length=1, max_length=120, pattern=r"^[^\x00-\x1f\x7f-\x9f\u2028-\u202e\u2066-\u2069]+$")
]
Address = Annotated[str, Field(max_length=260, pattern=r"^([A-Za-z0-9.-]+|\[[0-9a-fA-F:.]+\]):[0-9]{1,5}$")]
LogKey = Annotated[str, Field(max_length=300, pattern=r"^[^\s+]+\+[0-9a-f]{8}\+[A-Za-z0-9+/=]+$")]
Federation = Annotated[str, Field(pattern=r"^[a-z][a-z0-9.-]{1,63}$")]
OrgType = Literal[
    "housing", "health", "social-care", "police", "council", "revenue", "education", "fire", "probation",
    "linkage-unit", "other",
]  # fmt: skip
Regime = Literal["uk-gdpr", "dpa-part3", "none"]
Role = Literal["data-party", "linkage-unit"]


class PublicKey(Document):
    """An Ed25519 public key with the id that follows from it."""

    id: KeyId
    public: Bytes32

    @classmethod
    def of(cls, key: SigningKey | VerifyKey) -> PublicKey:
        """The document of a key."""
        public = VerifyKey(key.public)
        return cls.build({"id": public.key_id, "public": b64encode(public.public)})

    @property
    def verify_key(self) -> VerifyKey:
        """The key to verify with."""
        return VerifyKey(self.public)

    @model_validator(mode="after")
    def _id_follows(self) -> PublicKey:
        _rule(_key_id(self.public) == self.id, "the id is not that of the key, or the key is too weak")
        return self


class OrgKey(PublicKey):
    """A key that an organisation signs messages and agreements with, and when it counts."""

    not_before: Time | None = None
    revoked_at: Time | None = None

    def revoked(self, now: int) -> bool:
        """Whether it has been revoked, from that very second on."""
        return self.revoked_at is not None and now >= self.revoked_at

    def early(self, now: int) -> bool:
        """Whether it is not valid yet."""
        return self.not_before is not None and now < self.not_before


class Roots(Document):
    """The offline keys that sign manifests, and how many of them must."""

    threshold: int = Field(ge=1)
    keys: tuple[PublicKey, ...] = Field(min_length=1, max_length=MAX_SIGNATURES // 2)

    @property
    def verify_keys(self) -> Mapping[str, VerifyKey]:
        """The keys by id."""
        return {key.id: key.verify_key for key in self.keys}

    @model_validator(mode="after")
    def _possible(self) -> Roots:
        _rule(_distinct(key.id for key in self.keys), "the same key stands twice")
        _rule(self.threshold <= len(self.keys), "the threshold is above the number of keys")
        return self


class RootDocument(Document):
    """What a new member starts from. Its fingerprint is compared by telephone or on paper first."""

    format: Literal["exchange-roots/v1"] = "exchange-roots/v1"
    federation: Federation
    roots: Roots

    @property
    def fingerprint(self) -> str:
        """SHA-256 of the document's canonical form in 16 groups of 4 hex digits, to read out."""
        return " ".join(re.findall("....", digest(self.encode())))


class Organisation(Document):
    """One member: what it is, where its node is, and the certificates and keys that are its own."""

    id: OrgId
    name: Line
    operator: Line
    type: OrgType
    regime: Regime
    roles: tuple[Role, ...] = Field(min_length=1, max_length=2)
    address: Address
    tls_certificates: tuple[str, ...] = Field(min_length=1, max_length=4)  # PEM; two while one is rotated
    signing_keys: tuple[OrgKey, ...] = Field(min_length=1, max_length=64)
    log_vkeys: tuple[LogKey, ...] = Field(min_length=1, max_length=16)
    status: Literal["active", "suspended"] = "active"

    @cached_property
    def log_keys(self) -> tuple[VerifyKey, ...]:
        """The keys in its `log_vkeys`."""
        return tuple(map(_log_key, self.log_vkeys))

    @cached_property
    def fingerprints(self) -> tuple[str, ...]:
        """SHA-256 of its certificates, 64 hex digits each."""
        return tuple(fingerprint(pem.encode()) for pem in self.tls_certificates)

    @field_validator("address")
    @classmethod
    def _port(cls, address: str) -> str:
        _rule(0 < int(address.rpartition(":")[2]) < 65_536, "a port is 1 to 65535")
        return address

    @model_validator(mode="after")
    def _consistent(self) -> Organisation:
        for pem in self.tls_certificates:
            try:
                check_node_certificate(pem.encode("utf-8", "replace"), self.id)
            except TrustError as error:
                raise ValueError(f"tls_certificates: {error.detail}") from None
        try:
            _ = self.log_keys
        except TrustError as error:
            raise ValueError(f"log_vkeys: {error.detail}") from None
        _rule(_distinct(self.roles), "a role stands twice")
        alone = self.type != "linkage-unit" or self.roles == ("linkage-unit",)
        _rule(alone, "an organisation of type linkage-unit has that role alone")
        return self


class PolicyBundle(Document):
    """A policy bundle that members may decide by; `until` ends a superseded one."""

    digest: Digest
    revision: Line
    until: Time | None = None


class Manifest(Document):
    """Everything the federation agrees on about its members, under one number."""

    format: Literal["exchange-manifest/v1"] = "exchange-manifest/v1"
    federation: Federation
    number: int = Field(ge=1, le=2**53 - 1)
    issued_at: Time
    expires_at: Time
    roots: Roots
    organisations: tuple[Organisation, ...] = Field(max_length=500)
    policy_bundles: tuple[PolicyBundle, ...] = Field(default=(), max_length=20)

    def org(self, id: str) -> Organisation:
        """A member that is not suspended.

        Raises:
            TrustError: `unknown-organisation`, `organisation-suspended`.
        """
        for organisation in self.organisations:
            if organisation.id == id:
                return _active(organisation)
        raise TrustError("unknown-organisation")

    def signing_key(self, org: str, key_id: str, now: int) -> VerifyKey:
        """A member's key, if it counts now. What it signed earlier stands in the logs.

        Raises:
            TrustError: as `org`; `unknown-key`, `key-not-yet-valid`, `key-revoked` (from that second on).
        """
        for key in self.org(org).signing_keys:
            if key.id == key_id:
                if key.revoked(now):
                    raise TrustError("key-revoked", f"{org}, key {key_id}")
                if key.early(now):
                    raise TrustError("key-not-yet-valid", f"{org}, key {key_id}")
                return key.verify_key
        raise TrustError("unknown-key", org)

    def org_by_certificate(self, sha256: str) -> Organisation:
        """The member whose certificate has this fingerprint, if it is not suspended.

        Raises:
            TrustError: `unknown-certificate`, `organisation-suspended`.
        """
        for organisation in self.organisations:
            if sha256 in organisation.fingerprints:
                return _active(organisation)
        raise TrustError("unknown-certificate")

    def certificates(self) -> tuple[str, ...]:
        """The certificates (PEM) of all members that are not suspended: what TLS may accept from nodes."""
        active = (organisation for organisation in self.organisations if organisation.status == "active")
        return tuple(pem for organisation in active for pem in organisation.tls_certificates)

    def bundle(self, digest: str, now: int) -> PolicyBundle | None:
        """The policy bundle with this digest if members may decide by it now, else None."""
        for bundle in self.policy_bundles:
            if bundle.digest == digest and (bundle.until is None or now < bundle.until):
                return bundle
        return None

    def sign(self, *keys: SigningKey) -> Envelope:
        """The manifest in an envelope with the signatures of `keys`."""
        envelope = Envelope(MANIFEST_TYPE, self.encode())
        for key in keys:
            envelope = envelope.add_signature(key)
        return envelope

    @model_validator(mode="after")
    def _consistent(self) -> Manifest:
        lifetime = self.expires_at - self.issued_at
        _rule(0 < lifetime <= MAX_LIFETIME, "expires_at is after issued_at, by at most 400 days")
        members = self.organisations
        _rule(_distinct(org.id for org in members), "an organisation stands twice")
        _rule(_distinct(key.id for org in members for key in org.signing_keys), "a signing key stands twice")
        _rule(_distinct(pin for org in members for pin in org.fingerprints), "a certificate stands twice")
        _rule(_distinct(vkey for org in members for vkey in org.log_vkeys), "a log key stands twice")
        _rule(_distinct(bundle.digest for bundle in self.policy_bundles), "a policy bundle stands twice")
        return self


def operator_conflict(manifest: Manifest, linkage: str, parties: Iterable[str]) -> None:
    """Return if `linkage` may link for the `parties`: right roles, and an operator that runs none of them.

    Operators are compared without regard to case and spaces; that two names are one company people must know.

    Raises:
        TrustError: `operator-conflict`, `wrong-role`, `unknown-organisation`, `organisation-suspended`.
    """
    unit = manifest.org(linkage)
    if "linkage-unit" not in unit.roles:
        raise TrustError("wrong-role", f"{linkage} is no linkage unit")
    for id in parties:
        party = manifest.org(id)
        if "data-party" not in party.roles:
            raise TrustError("wrong-role", f"{id} is no data party")
        if party.id == unit.id or _operator(party) == _operator(unit):
            raise TrustError("operator-conflict", f"{linkage} and {id}")


def _log_key(vkey: str) -> VerifyKey:
    # A vkey (c2sp.org/signed-note) is name+id+base64; the base64 may hold plus signs too, and 1 is Ed25519.
    material = b64decode(vkey.split("+", 2)[-1])
    if material[:1] != b"\x01":
        raise TrustError("bad-key", "a log's key is an Ed25519 key (type 1)")
    return VerifyKey(material[1:])


def _operator(organisation: Organisation) -> str:
    return "".join(organisation.operator.casefold().split())


def _active(organisation: Organisation) -> Organisation:
    if organisation.status != "active":
        raise TrustError("organisation-suspended", organisation.id)
    return organisation


def _key_id(public: bytes) -> str:
    try:
        return VerifyKey(public).key_id
    except TrustError:
        return ""


def _distinct(values: Iterable[str]) -> bool:
    listed = list(values)
    return len(set(listed)) == len(listed)


def _rule(holds: bool, sentence: str) -> None:
    # Inside a model's validator ValueError is what pydantic turns into the document's error.
    if not holds:
        raise ValueError(sentence)
