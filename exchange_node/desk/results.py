"""Step 9 at the desk: the table goes to the analyst who asked, with all that proves where it comes from."""

from __future__ import annotations

import json
from collections.abc import AsyncIterator, Mapping
from dataclasses import asdict
from typing import Any

from exchange_node.audit.canonical import JSON
from exchange_node.audit.entry import entry_id
from exchange_node.desk import models
from exchange_node.desk.clerk import Clerk
from exchange_node.desk.errors import DeskError
from exchange_node.desk.models import read_body
from exchange_node.homes import log_origin
from exchange_node.papers import Case
from exchange_node.release.provenance import Provenance
from exchange_node.releases import columns_of
from exchange_node.store.model import User
from exchange_node.trust.documents import b64encode
from exchange_node.wire.v1 import message_pb2 as pb

PIECE = 1 << 20


class Results(Clerk):
    """Hands results over."""

    async def fetch_results(self, user: User, body: Mapping[str, Any]) -> AsyncIterator[bytes]:
        """One JSON document in pieces: `keys`, `released`, `columns`, `provenance`. The log hears of it first."""
        wanted = read_body(models.ResultsRef, body)
        request = self.seen_by(user, wanted.request)
        if not self.asked_by(user, request):
            raise DeskError("not-yours")
        found = self.node.store.results.get(wanted.request, wanted.provider)
        if found is None:
            raise DeskError("no-results")
        case = self.exchange.case_at(wanted.request, wanted.provider, "requester")
        name = f"results/{wanted.request}/{wanted.provider}"
        table = json.loads(self.node.vault.unwrap(name, found.sealed))
        document = {
            "keys": table["keys"],
            "released": table["released"],
            "columns": [{**c.document(), "description": c.description} for c in columns_of(case)],
            "provenance": asdict(self._provenance(user, case)),
        }
        await self._note_export(user, case)
        data = json.dumps(document, ensure_ascii=False).encode()
        for start in range(0, len(data), PIECE):
            yield data[start : start + PIECE]

    async def _note_export(self, user: User, case: Case) -> None:
        now = self.exchange.now()
        facts: dict[str, JSON] = {"release": self._release(case)[1].digest.hex(), "at": now}
        part = f"exported-{now}"
        _, commitment = self.exchange.notes.commit_once(case, 9, part, lambda: {"analyst": user.name})
        await self.exchange.notes.write(case, 9, part, "intent", "results.exported", facts, {"analyst": commitment})

    def _release(self, case: Case) -> tuple[pb.Signed, pb.Release]:
        stored = self.node.store.messages.get(
            case.ref.request_id, case.ref.provider, "received", case.ref.provider, "CollectRelease.reply"
        )
        if stored is None:
            raise DeskError("no-results")
        signed = pb.Signed.FromString(stored.body)
        return signed, pb.Message.FromString(signed.payload).release

    def _provenance(self, user: User, case: Case) -> Provenance:
        signed, release = self._release(case)
        agreement, ref = case.terms, case.ref
        duties = list(release.obligations)
        proof = self._proof(case)
        return Provenance(
            request_id=ref.request_id,
            request_digest=ref.request_digest.hex(),
            requester=ref.requester,
            purpose=case.asked.purpose,
            provider=ref.provider,
            agreement_id=agreement.id,
            agreement_version=str(agreement.version),
            agreement_digest=agreement.digest,
            agreement_title=agreement.title,
            decision_engine=release.engine,
            bundle_digest=release.bundle_digest.hex(),
            method=case.order.method,
            method_version=str(case.order.method_version),
            release_digest=release.digest.hex(),
            release_signature=b64encode(signed.signature),
            release_key_id=signed.key_id,
            log_origin=log_origin(self.node.org),
            log_checkpoint=self.node.log.checkpoint().decode(),
            log_inclusion=proof,
            exported_by=user.name,
            exported_at=self.exchange.now(),
            retention="; ".join(duty for duty in duties if "delete after" in duty),
            onward=str(agreement.onward_sharing),
            obligations=tuple(duties),
            decision_id=release.decision_digest.hex(),
        )

    def _proof(self, case: Case) -> str:
        """The tlog-proof of our own entry about the release as it came: our log is committed to what we got."""
        ref = case.ref
        wanted = entry_id(ref.request_id, ref.provider, 8, "requester", ref.provider, "CollectRelease.reply")
        for index, entry in self.node.log.find(ref.request_id):
            if entry.id == wanted:
                return self.node.log.proof(index).decode()
        raise DeskError("no-results", "the log has no entry of the release")
