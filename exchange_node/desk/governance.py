"""What the agency has agreed to, at the desk: agreements, the federation's manifest, and how the node does."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Mapping
from datetime import UTC, date, datetime, timedelta
from typing import Any

from exchange_node import __version__
from exchange_node.agreements import SignedAgreement
from exchange_node.audit.canonical import JSON
from exchange_node.desk import models
from exchange_node.desk.clerk import Clerk, when
from exchange_node.desk.models import read_body
from exchange_node.errors import ExchangeError
from exchange_node.federation import manifest_entry
from exchange_node.homes import log_origin, log_signer
from exchange_node.messages import sha256
from exchange_node.policy.agreement import canonical
from exchange_node.policy.cautions import cautions
from exchange_node.store.model import User
from exchange_node.trust.errors import TrustError

SOON = timedelta(days=60)  # an officer hears of what runs out within this time


class Governance(Clerk):
    """Agreements, manifest, status."""

    async def node_status(self, user: User, body: Mapping[str, Any]) -> dict[str, Any]:
        """How the node does, in a few facts."""
        read_body(models.Nothing, body)
        node, now = self.node, self.exchange.now()
        opened = node.store.requests.list(state="open", limit=10_000)
        engine = node.policy.engine
        return {
            "organisation": node.org,
            "version": __version__,
            "time": when(now),
            "user": {"name": user.name, "role": user.role},
            "manifest": self._manifest_status(now),
            "policy": {"engine": engine.name, "version": engine.version, "bundle": engine.bundle_digest},
            "log": {
                "origin": log_origin(node.org),
                "size": node.log.size(),
                "key": log_signer(node.keys, node.org).vkey,
            },
            "records": node.records is not None,
            "id_column": node.records.id_column if node.records is not None else "",
            "open": {role: sum(r.role == role for r in opened) for role in ("requester", "provider", "linkage")},
        }

    # -- agreements

    async def sign_agreement(self, user: User, body: Mapping[str, Any]) -> dict[str, Any]:
        """Check an agreement and keep it, with our signature added unless only others' signatures are brought.

        Raises PolicyError `bad-agreement`, AgreementError, TrustError, StoreError.
        """
        wanted = read_body(models.AgreementText, body)
        text = wanted.text.encode()
        loaded = self.exchange.agreements.load(text)
        facts: dict[str, JSON] = {"agreement": loaded.agreement.digest, "signed_by": [*loaded.signed_by]}
        action = "agreement.signed" if wanted.sign else "agreement.accepted"
        part = f"{action}.{sha256(loaded.envelope.encode()).hex()[:32]}"
        await self.record(part, "intent", action, facts)
        agreements = self.exchange.agreements
        signed = await asyncio.to_thread(agreements.sign if wanted.sign else agreements.take, text)
        return {
            **_line(signed, self.exchange.now()),
            "envelope": signed.envelope.encode().decode(),
            "cautions": self._cautions(signed),
        }

    def _cautions(self, signed: SignedAgreement) -> list[str]:
        members = {org.id: org for org in self.node.federation.manifest(self.exchange.now()).organisations}
        return list(cautions(signed.agreement, self.node.methods, members))

    async def list_agreements(self, user: User, body: Mapping[str, Any]) -> dict[str, Any]:
        """Every agreement and version that is here, with who has yet to sign and what runs out soon."""
        read_body(models.Nothing, body)
        now = self.exchange.now()
        return {"agreements": [_line(signed, now) for signed in self.exchange.agreements.all()]}

    async def show_agreement(self, user: User, body: Mapping[str, Any]) -> dict[str, Any]:
        """An agreement's text, and its signed file. Raises AgreementError `unknown`."""
        wanted = read_body(models.AgreementRef, body)
        signed = self.exchange.agreements.get(wanted.id, wanted.version)
        return {
            **_line(signed, self.exchange.now()),
            "text": json.loads(canonical(signed.agreement)),
            "cautions": self._cautions(signed),
            "envelope": signed.envelope.encode().decode(),
        }

    # -- manifest

    async def accept_manifest(self, user: User, body: Mapping[str, Any]) -> dict[str, Any]:
        """Verify and trust a newer manifest. Raises TrustError; a refusal leaves an entry as well."""
        envelope = read_body(models.ManifestText, body).envelope.encode()
        now = self.exchange.now()
        try:
            manifest = self.node.federation.accept(envelope, now)
        except TrustError as error:
            await self.node.log.record(manifest_entry(envelope, now, error))
            raise
        await self.node.log.record(manifest_entry(envelope, now, manifest))
        return self._manifest_status(now)

    async def show_manifest(self, user: User, body: Mapping[str, Any]) -> dict[str, Any]:
        """The manifest in force: its members, and the signed file. Raises TrustError."""
        read_body(models.Nothing, body)
        now = self.exchange.now()
        manifest = self.node.federation.manifest(now)
        document = self.node.store.documents.manifest(self.node.federation.digest.hex())
        return {
            **self._manifest_status(now),
            "text": json.loads(manifest.encode()),
            "envelope": document.envelope.decode() if document else "",
        }

    def _manifest_status(self, now: int) -> dict[str, Any]:
        try:
            manifest = self.node.federation.manifest(now)
        except ExchangeError as error:
            return {"problem": error.code, "sentence": error.says.sentence, "mend": error.says.mend}
        return {
            "federation": manifest.federation,
            "number": manifest.number,
            "digest": self.node.federation.digest.hex(),
            "issued_at": when(manifest.issued_at),
            "expires_at": when(manifest.expires_at),
            "members": [org.id for org in manifest.organisations],
        }


def _line(signed: SignedAgreement, now: int) -> dict[str, Any]:
    agreement = signed.agreement
    today = datetime.fromtimestamp(now, UTC).date()
    dates = {"valid_to": agreement.valid_to, "review_by": agreement.review_by, "dpia": agreement.dpia.review_by}
    return {
        "id": agreement.id,
        "version": agreement.version,
        "digest": agreement.digest,
        "title": agreement.title,
        "status": agreement.status,
        "parties": [party.org for party in agreement.parties],
        "purposes": [purpose.id for purpose in agreement.purposes],
        "signed_by": list(signed.signed_by),
        "missing": list(signed.missing),
        "in_force": signed.in_force,
        "valid_from": str(agreement.valid_from),
        "valid_to": str(agreement.valid_to),
        "reminders": [_reminder(name, day, today) for name, day in dates.items() if day <= today + SOON],
    }


def _reminder(name: str, day: date, today: date) -> str:
    what = {"valid_to": "the agreement ends", "review_by": "its review is due", "dpia": "its DPIA is due for review"}
    return f"{what[name]} on {day}" + (" and is overdue" if day < today else f", in {(day - today).days} days")
