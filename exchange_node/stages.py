"""What each step asks of its stage: people in, bytes out, and the entry that the log gets about it."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from exchange_node import papers
from exchange_node.audit.canonical import JSON
from exchange_node.casework import Casework, Next
from exchange_node.correspondence import Received
from exchange_node.encoding.keys import TokenKey
from exchange_node.messages import sha256
from exchange_node.methods.method import ROW_BYTES, Disclosure
from exchange_node.node import Node
from exchange_node.papers import Case
from exchange_node.parcels import Parcels, links_of
from exchange_node.people import EVERYONE
from exchange_node.policy.decision import Decision, Facts
from exchange_node.records.report import ReadReport
from exchange_node.release.results import Table
from exchange_node.releases import Made, Releases
from exchange_node.store.model import Opening
from exchange_node.wire.v1 import message_pb2 as pb


@dataclass(frozen=True, slots=True)
class Admission:
    """Who was encoded: the manifest to be signed, and what only this node may know of it."""

    manifest: pb.EncodingManifest
    story: dict[str, Any]


class Stages(Casework):
    """One function for each call of a stage; `exchange.py` says when."""

    def __init__(self, node: Node) -> None:
        super().__init__(node)
        self.parcels = Parcels(self)
        self.releases = Releases(self, self.parcels)

    # [3]

    def answer(self, case: Case) -> pb.Message:
        """Acceptance with our sealing key, or refusal with the reasons that may be shown."""
        answer = pb.Answer(bundle_digest=bytes.fromhex(self.node.policy.engine.bundle_digest))
        if case.leg.outcome == "refused":
            answer.status = pb.Answer.STATUS_REFUSED
            answer.reasons.extend(self.reasons_shown(case))
        else:
            answer.status = pb.Answer.STATUS_ACCEPTED
            if case.leg.role == "provider":
                answer.sealing_key = self.keys.sealing_key(case).public
        return pb.Message(answer=answer)

    def reasons_shown(self, case: Case) -> list[pb.Reason]:
        """The reasons of a refusal: policy's, where it was asked, else the code of what stood against it."""
        decision = self.kept_decision(case, 3)
        if decision is not None and not decision.allow:
            return [
                pb.Reason(code=r.code, statute=r.statute, condition=r.condition, sentence=r.sentence, mend=r.mend)
                for r in decision.all_reasons()
            ]
        return [pb.Reason(code=str(case.leg.progress.get("reason", "refused")))]

    async def approved(self, case: Case, step: int) -> bool | None:
        """What a person here decided about the leg, None while nobody has; who it was is committed to in the log."""
        approval = self.node.store.approvals.get(case.ref.request_id, case.ref.provider)
        if approval is None:
            return None
        _, commitment = self.notes.commit_once(
            case, step, "approval", lambda: {"approver": approval.approver, "reason": approval.reason}
        )
        facts: dict[str, JSON] = {"decision": approval.decision}
        await self.notes.write(case, step, "approval", "fact", "approval.given", facts, {"approver": commitment})
        return approval.decision == "approve"

    # [5]

    def encode_admitted(self, case: Case) -> Admission:
        """Drop the people whom policy's operation `link` does not admit, and encode the rest into our parcel."""
        self.agreements.in_force_by_digest(case.terms.digest)
        requester = case.leg.role == "requester"
        ids = frozenset(papers.unpack_ids(self.keys.get(case, "cohort"))) if requester else EVERYONE
        question = papers.question_of(
            case.asked, case.order, case.terms, self.manifest(), self.now(), case.ref.request_id,
            side="requester" if requester else "provider",
        )  # fmt: skip

        def admit(classes: Sequence[Facts]) -> Sequence[Decision]:
            return self.node.policy.admit(question, classes)

        report, left_out = ReadReport(), dict[str, int]()
        records = self.people.admitted(case, ids, admit, self.now(), report, left_out)
        manifest, encoded = self.parcels.encode(case, records)
        story = {
            "people_encoded": encoded.records,
            "encoded": manifest.rows,  # with padding, up to a size class
            "thin": encoded.thin,
            "left_out": left_out,
            "unreadable": report.unreadable,
        }
        return Admission(manifest, story)

    async def note_admission(self, case: Case, admission: Admission) -> None:
        """Digests for everyone; how many were left out, and why, for ourselves."""
        _, commitment = self.notes.commit_once(case, 5, "admission", lambda: admission.story)
        manifest = admission.manifest
        facts: dict[str, JSON] = {
            "schema": manifest.schema_digest.hex(),
            "key_id": manifest.key_id.hex(),
        }
        await self.notes.write(case, 5, "admission", "intent", "people.encoded", facts, {"admission": commitment})

    # [6]

    def link_encodings(self, case: Case) -> Disclosure:
        """Check both sides' encodings and link them; the lists for both parties go into parcels of their own."""
        method, order = self.method(case), case.order
        sides = [self.parcels.encodings(case, party) for party in (order.requester, order.provider)]
        result = method.link(sides[0], sides[1], order)
        disclosure = method.disclose(
            result, len(sides[0].data), order.disclosure_mode, self.keys.get(case, "link-seed")
        )
        self.parcels.put_all(case, links_of(order.requester), [disclosure.requester_list])
        self.parcels.put_all(case, links_of(order.provider), [disclosure.provider_list])
        return disclosure

    async def note_linked(self, case: Case, disclosure: Disclosure) -> None:
        """That it was linked, by which method; how many links there are is committed to and not told."""
        story = {"links": disclosure.links, "precision_bp": disclosure.precision_bp}
        _, commitment = self.notes.commit_once(case, 6, "linked", lambda: story)
        await self.notes.write(
            case,
            6,
            "linked",
            "outcome",
            "linkage.done",
            papers.method_facts(case.order),
            {"links": commitment},
        )

    # [7]

    def wait_for_uploads(self, received: Received, case: Case) -> pb.Envelope:
        """Not ready; a party whose chunks went with the memory of this process is asked to send them again."""
        again = case.leg.step == 5 and bool(self.parcels.missing(case, received.sender))
        return self.post.wait(received, self.poll_seconds, "linking", upload_again=again)

    def link_list(self, case: Case, party: str) -> pb.Message:
        """What one data party gets. Precision is for the provider, whose policy decides by it."""
        chunks = [sha256(chunk) for chunk in self.parcels.read(case, links_of(party))]
        told = int(case.leg.progress.get("precision_bp", 0)) if party == case.ref.provider else 0
        return pb.Message(link_list=pb.LinkList(chunk_digests=chunks, precision_bp=told))

    def read_links(self, case: Case) -> bytes:
        """Check the list that came from the linkage unit, and pack it as it is kept. Raises LinkageError."""
        data, method = b"".join(self.parcels.read(case, links_of(self.node.org))), self.method(case)
        sent = self.encodings_sent(case)
        if case.leg.role == "requester":
            method.read_requester_list(data, sent.rows, self.tokens_digest(case, sent.row_width))
            return data
        key = TokenKey(self.keys.get(case, "token"))
        try:
            links = method.read_provider_list(data, key, self.people.records.ids(), sent.rows, case.order)
        finally:
            key.destroy()
        return json.dumps({local_id: link_id.hex() for local_id, link_id in links.items()}).encode()

    def encodings_sent(self, case: Case) -> pb.EncodingManifest:
        """What we signed about our encodings."""
        unit = case.linkage_unit
        return self.post.required(case.ref, "sent", unit, "OfferEncodings", "encoding_manifest").encoding_manifest

    def list_size(self, case: Case) -> int:
        """The most bytes that our list can have: a row for each that we sent, at a provider for each link."""
        rows = self.encodings_sent(case).rows
        return ROW_BYTES * (rows if case.leg.role == "requester" else min(rows, case.order.max_links))

    def tokens_digest(self, case: Case, row_width: int) -> bytes:
        """SHA-256 over the tokens we sent, in order, from our own parcel."""
        tokens = hashlib.sha256()
        for chunk in self.parcels.read(case, self.node.org):
            for at in range(0, len(chunk), row_width):
                tokens.update(chunk[at : at + 16])
        return tokens.digest()

    def both_acknowledged(self, case: Case) -> bool:
        """Whether both data parties have said that their lists are safe."""
        parties = (case.ref.requester, case.ref.provider)
        return all(self.post.found(case.ref, "received", p, "AcknowledgeLinks", "receipt") for p in parties)

    def deleted(self, case: Case) -> pb.Message:
        """The linkage unit's statement that nothing of the leg is left."""
        return pb.Message(deleted=pb.Deleted(at=self.now()))

    # [8]

    def fix_release(self, case: Case, made: Made) -> Case:
        """Keep the release and its story in the transaction that makes sure no choice has changed meanwhile."""
        release_at = self.next_slot()
        kept = {
            "release": made.release.SerializeToString(deterministic=True),
            "story": made.commitment.encode(),
        }
        entry = self.notes.entry_id_of(case, 8, "release")
        opening = Opening(entry, "value", made.salt, self.notes.seal_opening(entry, made.story))
        progress = {"release_at": release_at}
        to = Next(8, secrets=kept, progress=progress, choices_version=made.choices_version)
        return self.move(case, to, [opening])

    async def note_release(self, case: Case) -> None:
        """The release is announced in the log before anyone can fetch it."""
        release = pb.Release.FromString(self.keys.get(case, "release"))
        facts = {
            "release": release.digest.hex(),
            "bundle": release.bundle_digest.hex(),
            "engine": release.engine,
            "columns": release.columns_digest.hex(),
            **papers.method_facts(case.order),
        }
        commitment = {"story": self.keys.get(case, "story").decode()}
        await self.notes.write(case, 8, "release", "intent", "release.sealed", facts, commitment)

    def release_message(self, case: Case) -> pb.Message:
        """The signed part of the release; the sealed bytes follow as chunks. Raises AgreementError.

        What was suspended between sealing and the first hand-out is not handed out.
        """
        self.agreements.in_force_by_digest(case.terms.digest)
        release = pb.Release.FromString(self.keys.get(case, "release"))
        release.decision_digest = bytes.fromhex(self.keys.get(case, "story").decode())
        return pb.Message(release=release)

    # [9]

    def keep_results(self, case: Case, release: pb.Release) -> None:
        """Open the release and keep the analyst's table, encrypted until it is exported; once."""
        if self.node.store.results.get(case.ref.request_id, case.ref.provider) is not None:
            return
        table = self.releases.open(case, release)
        name = f"results/{case.ref.request_id}/{case.ref.provider}"
        sealed = self.node.vault.wrap(name, pack_table(table))
        self.node.store.results.put(case.ref.request_id, case.ref.provider, sealed, {}, self.now())


def pack_table(table: Table) -> bytes:
    """The analyst's table as it rests, and as it travels to the analyst."""
    return json.dumps(
        {"keys": list(table.keys), "released": [[place, list(cells)] for place, cells in table.released.items()]},
        ensure_ascii=False, default=str,
    ).encode()  # fmt: skip
