"""Agreements at this node: in force only when every party has signed the same text, and still may."""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache
from typing import ClassVar

from exchange_node.errors import ExchangeError, Kind, Says
from exchange_node.node import Node
from exchange_node.policy.agreement import Agreement, canonical, parse_agreement
from exchange_node.trust.errors import TrustError
from exchange_node.trust.signing import Envelope, verify

AGREEMENT_TYPE = "application/vnd.exchange.agreement+json"


class AgreementError(ExchangeError):
    """An agreement does not count here."""

    prefix = "agreement"
    catalogue: ClassVar[dict[str, Says]] = {
        "unknown": Says(
            Kind.NOT_FOUND,
            "This node does not have that agreement.",
            "Sign it here first: `exchange agreement sign FILE`; `exchange agreement list` shows what there is.",
        ),
        "unsigned": Says(
            Kind.DENIED,
            "Not every party has signed the agreement.",
            "Send the signed file to the parties named and load what they return: `exchange agreement sign FILE`.",
        ),
        "superseded": Says(
            Kind.DENIED,
            "This node has a newer version of the agreement, so the one that was named no longer counts.",
            "Ask again under the newest version, once every party has signed it: `exchange agreement list`.",
        ),
        "not-a-party": Says(
            Kind.DENIED,
            "This organisation is not a party of the agreement, so it cannot sign it.",
            "Check the parties in the file.",
        ),
        "differs": Says(
            Kind.CONFLICT,
            "The file is not the canonical text that signatures are made over.",
            "Load the file as the other party produced it, unchanged.",
        ),
    }


@dataclass(frozen=True, slots=True)
class SignedAgreement:
    """An agreement, its signatures, and who has yet to sign."""

    agreement: Agreement
    envelope: Envelope
    signed_by: tuple[str, ...]
    missing: tuple[str, ...]

    @property
    def in_force(self) -> bool:
        """Whether every party's signature stands. Dates and status are policy's to judge."""
        return not self.missing


class Agreements:
    """The node's agreements and their signatures."""

    def __init__(self, node: Node) -> None:
        self._node = node
        self._texts: dict[str, Agreement] = {}  # by digest, so what is here is what the store has

    def sign(self, text: bytes) -> SignedAgreement:
        """Add our signature to a draft (YAML or JSON), or to an envelope that others have signed, and keep it.

        Raises PolicyError `bad-agreement`, TrustError, AgreementError `not-a-party`, `differs`, StoreError.
        """
        signed = self.load(text)
        if signed.agreement.party(self._node.org) is None:
            raise AgreementError("not-a-party", self._node.org)
        return self._keep(signed.envelope.add_signature(self._node.keys.signing))

    def take(self, text: bytes) -> SignedAgreement:
        """Keep what others have signed, without adding our signature. Raises as `sign`, and `unsigned`."""
        signed = self.load(text)
        if not signed.signed_by:
            raise AgreementError("unsigned", "nobody has")
        return self._keep(signed.envelope)

    def load(self, text: bytes) -> SignedAgreement:
        """Read a draft or a signed file without changing anything."""
        if text.lstrip().startswith(b"{") and b'"payloadType"' in text:
            return self._checked(Envelope.parse(text))
        return self._checked(Envelope(AGREEMENT_TYPE, canonical(parse_agreement(text))))

    def by_digest(self, digest: str) -> Agreement:
        """The text of an agreement we have. Raises AgreementError `unknown`."""
        if digest not in self._texts:
            found = self._node.store.documents.agreement_by_digest(digest)
            if found is None:
                raise AgreementError("unknown")
            self._texts[digest] = _parsed(Envelope.parse(found.envelope).payload)
        return self._texts[digest]

    def get(self, agreement_id: str, version: int | None = None) -> SignedAgreement:
        """One version of an agreement, the newest unless one is named. Raises AgreementError `unknown`."""
        found = [a for a in self.all() if a.agreement.id == agreement_id and version in (None, a.agreement.version)]
        if not found:
            raise AgreementError("unknown", agreement_id)
        return found[-1]

    def in_force(self, agreement_id: str) -> Agreement:
        """The newest version of an agreement, fully signed. Raises AgreementError `unknown`, `unsigned`."""
        found = self._node.store.documents.agreement(agreement_id)
        if found is None:
            raise AgreementError("unknown", agreement_id)
        return self._required(self._checked(Envelope.parse(found.envelope)))

    def in_force_by_digest(self, digest: str) -> Agreement:
        """The agreement that a request names by its digest, fully signed. Raises as `in_force`; `superseded`.

        A newer version counts from when it is here, signed by all or not: that is how one party suspends.
        """
        found = self._node.store.documents.agreement_by_digest(digest)
        if found is None:
            raise AgreementError("unknown")
        newest = self._node.store.documents.agreement(found.id)
        if newest is None or newest.digest != digest:
            raise AgreementError("superseded", found.id)
        return self._required(self._checked(Envelope.parse(found.envelope)))

    def all(self) -> list[SignedAgreement]:
        """Everything we have, newest version of each last."""
        return [self._checked(Envelope.parse(found.envelope)) for found in self._node.store.documents.agreements()]

    def _keep(self, envelope: Envelope) -> SignedAgreement:
        signed = self._checked(envelope)
        known = self._node.store.documents.agreement_by_digest(signed.agreement.digest)
        if known is not None:  # keep every signature that either side has
            signatures = dict(Envelope.parse(known.envelope).signatures) | dict(envelope.signatures)
            envelope = Envelope(AGREEMENT_TYPE, envelope.payload, tuple(signatures.items()))
            signed = self._checked(envelope)
        agreement = signed.agreement
        self._node.store.documents.put_agreement(
            agreement.id, agreement.version, agreement.digest, envelope.encode(), self._node.clock.now()
        )
        return signed

    def _checked(self, envelope: Envelope) -> SignedAgreement:
        """Who signed, by keys that count today; a wrong signature of a known key refuses the whole file."""
        agreement = _parsed(envelope.payload)
        if envelope.payload_type != AGREEMENT_TYPE or canonical(agreement) != envelope.payload:
            raise AgreementError("differs")
        now = self._node.clock.now()
        manifest = self._node.federation.manifest(now)
        signed = []
        for party in agreement.parties:
            for key_id, signature in envelope.signatures:
                try:
                    key = manifest.signing_key(party.org, key_id, now)
                except TrustError:
                    continue  # another party's key, or one that counts no longer
                verify(AGREEMENT_TYPE, envelope.payload, signature, key)
                signed.append(party.org)
                break
        missing = tuple(party.org for party in agreement.parties if party.org not in signed)
        return SignedAgreement(agreement, envelope, tuple(signed), missing)

    @staticmethod
    def _required(signed: SignedAgreement) -> Agreement:
        if not signed.in_force:
            raise AgreementError("unsigned", f"missing: {', '.join(signed.missing)}")
        return signed.agreement


@lru_cache(maxsize=256)
def _parsed(payload: bytes) -> Agreement:
    """The agreement in these bytes; every step of every leg reads it back, and parsing takes 15 ms."""
    return parse_agreement(payload)
