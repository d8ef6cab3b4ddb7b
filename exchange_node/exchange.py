"""The spine: one request, read top to bottom. The numbers are the steps of PROTOCOL.md.

     1  an analyst asks their own node                         requester
     2  may this analyst ask this? sign, log                   requester
     3  verify, decide, accept or refuse                       provider, linkage unit
     4  agree the linkage key of this leg                      requester, provider
     5  admit, encode, upload                                  requester, provider
     6  link                                                   linkage unit
     7  hand back only what the agreement discloses            linkage unit, then both data parties
     8  decide per person and attribute, seal, sign            provider
     9  verify, open, keep for the analyst, return a receipt   requester
    10  destroy keys and encodings, say so in the log          everyone, however it ended

A *leg* is one request to one provider. Its durable `step` names what comes next at this node. Requesters work through
all of theirs by calling outward; providers and linkage units answer calls, and work between them. Every step may be
killed anywhere and is then carried out again: what was sent is sent again word for word, what was decided is not
decided twice, and what cannot go on ends in step 10.

Functions named `answer_`, `take_` and `give_` are what a peer's call reaches; the others the node carries out itself.
"""

from __future__ import annotations

import asyncio
import secrets

from exchange_node import papers
from exchange_node.agreements import AgreementError
from exchange_node.casework import ENDED, Next
from exchange_node.draft import DraftError, RequestDraft
from exchange_node.encoding.errors import EncodingError
from exchange_node.errors import ExchangeError, Kind
from exchange_node.linkage.errors import LinkageError
from exchange_node.messages import MessageError, sha256
from exchange_node.papers import Case
from exchange_node.parcels import MISSING_AT_ONCE, links_of, release_of
from exchange_node.ports import PeerRefused
from exchange_node.refusal import Refusal
from exchange_node.stages import Stages
from exchange_node.store.model import User
from exchange_node.trust.errors import TrustError
from exchange_node.trust.manifest import operator_conflict
from exchange_node.trust.sealing import SealingKey
from exchange_node.wire.v1 import message_pb2 as pb
from exchange_node.wire.v1 import node_pb2 as rpc

REFUSING = (AgreementError, EncodingError, LinkageError, TrustError)
"""Errors by which a question is refused before policy is asked, as all of `Kind.DENIED` are. Others are mistakes."""


class Exchange(Stages):
    """The ten steps. `Stages` makes the call to each stage; under it, `Casework` has papers, locks, keys and log."""

    # [1] An analyst asks their own node ---------------------------------------------------------------------------

    def plan(self, draft: RequestDraft, user_role: str) -> papers.Plan:
        """[1] Read the question and [2] decide on it, without storing or sending anything."""
        now, manifest = self.now(), self.manifest()
        agreement = self.agreements.in_force(draft.agreement)
        cohort = self.people.cohort(draft.cohort)
        if not cohort:
            raise DraftError("empty-cohort")
        deadline = now + self.seconds_for(draft)
        plan = papers.plan(draft, agreement, self.node.org, user_role, len(cohort), now, deadline)
        if draft.method not in self.node.methods:
            raise LinkageError("unknown-method", draft.method)
        for leg in plan.legs:
            operator_conflict(manifest, leg.order.linkage_unit, (self.node.org, leg.provider))
        questions = [papers.question_of(leg.question, leg.order, agreement, manifest, now) for leg in plan.legs]
        return plan.decided(cohort, [self.decide(question) for question in questions])

    async def ask(self, draft: RequestDraft, user: User) -> str:
        """[1] Take the question in and return the request's id. A refused question is logged and raises Refusal.

        So is one that cannot even be put to policy, under the id that its error names; a mistake in the draft is not.
        """
        request_id = papers.new_request_id()
        try:
            plan = await asyncio.to_thread(self.plan, draft, user.role)
        except ExchangeError as error:
            if error.kind is Kind.DENIED or isinstance(error, REFUSING):
                error.request_id = request_id
                await self.notes.refused_at_once(request_id, error)
            raise
        for provider, decision in plan.refused():
            await self.notes.refused_question(request_id, provider, decision)
        if refused := plan.refused():
            raise Refusal(request_id, [decision for _, decision in refused])
        method = self.node.methods[draft.method]
        keys = {leg.provider: SealingKey.generate() for leg in plan.legs}
        content = papers.write_request(request_id, plan, self.node, {p: key.public for p, key in keys.items()})
        cohort = papers.pack_ids(plan.cohort)
        firsts = {p: Next(2, secrets=self.keys.fresh(method, key) | {"cohort": cohort}) for p, key in keys.items()}
        self.open_legs(content, "requester", firsts, user.name)
        return request_id

    # [2] Decide, sign and log, before anything leaves -------------------------------------------------------------

    async def sign(self, case: Case) -> Next:
        """[2] The decision and the question are in the log before anyone hears of them; an approval too, if agreed."""
        decision = await self.decide_once(case, 2)
        if not decision.allow:
            return Next(10, outcome="refused", reason=decision.all_reasons()[0].code)
        if case.terms.approval == "both" and (approved := await self.approved(case, 2)) is not True:
            waiting = Next(2, wait=self.poll_seconds)
            return waiting if approved is None else Next(10, outcome="refused", reason="approval-refused")
        await self.notes.write(case, 2, "request", "intent", "request.signed", papers.facts_of(case))
        return Next(3)

    # [3] Provider and linkage unit verify, decide, and accept or refuse -------------------------------------------

    async def submit(self, case: Case) -> Next:
        """[3] Ask the provider; only if it accepts does the linkage unit hear of the request at all."""
        for peer, method in ((case.ref.provider, "SubmitRequest"), (case.linkage_unit, "SubmitOrder")):
            request = pb.Message(request=papers.shown_to(peer, case))
            reply = await self.post.send(case.ref, "requester", 3, peer, method, request, final="answer")
            if reply.HasField("wait"):
                return Next(3, wait=self.told(reply.wait))
            if reply.answer.status != pb.Answer.STATUS_ACCEPTED:
                return Next(10, outcome="refused", reason=papers.first_code(reply.answer))
        return Next(4)

    async def answer_request(self, envelope: pb.Envelope, caller: str) -> pb.Envelope:
        """[3] SubmitRequest at the provider."""
        received = self.post.receive(envelope, caller, "SubmitRequest", "request")
        async with self.lock(received.leg):
            case = await self.take_request(received, "provider")
            if case.leg.step == 3:
                case = await self.consider(case)
            if case.leg.step == 3:
                return self.post.wait(received, self.poll_seconds, "approval")
            return await self.post.reply(received, "provider", 3, self.answer(case))

    async def consider(self, case: Case) -> Case:
        """[3] Decide; where the agreement wants a person's approval as well, wait for it."""
        decision = await self.decide_once(case, 3)
        if not decision.allow:
            return self.move(case, Next(10, outcome="refused", reason=decision.all_reasons()[0].code))
        if case.terms.approval != "none" or decision.review:
            approved = await self.approved(case, 3)
            if approved is None:
                return case
            if not approved:
                return self.move(case, Next(10, outcome="refused", reason="approval-refused"))
        return self.move(case, Next(4, secrets=self.keys.fresh(self.method(case), SealingKey.generate())))

    async def answer_order(self, envelope: pb.Envelope, caller: str) -> pb.Envelope:
        """[3] SubmitOrder at the linkage unit, which sees the order and nothing else of the request."""
        received = self.post.receive(envelope, caller, "SubmitOrder", "request")
        async with self.lock(received.leg):
            case = await self.take_request(received, "linkage")
            if case.leg.step == 3:
                problem = papers.order_problem(case.order, self.node, self.manifest())
                seed = {"link-seed": secrets.token_bytes(32)}
                case = self.move(
                    case, Next(10, outcome="refused", reason=problem) if problem else Next(5, secrets=seed)
                )
            return await self.post.reply(received, "linkage", 3, self.answer(case))

    # [4] Requester and provider agree the linkage key of this leg ------------------------------------------------

    async def agree_key(self, case: Case) -> Next:
        """[4] Send our contribution sealed to the provider, open theirs, derive the key."""
        provider = case.ref.provider
        answer = self.post.required(case.ref, "received", provider, "SubmitRequest.reply", "answer").answer
        part = self.keys.part(case, answer.sealing_key)
        reply = await self.post.send(case.ref, "requester", 4, provider, "ExchangeKeys", part, final="key_part")
        return Next(5, secrets={"linkage-key": self.keys.agree(case, self.method(case), reply.key_part.sealed)})

    async def answer_keys(self, envelope: pb.Envelope, caller: str) -> pb.Envelope:
        """[4] ExchangeKeys at the provider."""
        received = self.post.receive(envelope, caller, "ExchangeKeys", "key_part")
        async with self.lock(received.leg):
            case = self.case_of(received, "provider")
            self.require_open(case)
            self.require(4 <= case.leg.step < 10, "unexpected")
            await self.post.accept(received, "provider", 4)
            if case.leg.step == 4:
                key = self.keys.agree(case, self.method(case), received.message.key_part.sealed)
                case = self.move(case, Next(5, secrets={"linkage-key": key}))
            return await self.post.reply(received, "provider", 4, self.keys.part(case, case.asked.sealing_key))

    # [5] Both data parties drop what policy does not admit, encode the rest, and upload ---------------------------

    async def encode(self, case: Case) -> Next:
        """[5] Encode once, keep the chunks sealed, and upload what the linkage unit misses."""
        unit, role = case.linkage_unit, case.leg.role
        offer = self.post.found(case.ref, "sent", unit, "OfferEncodings", "encoding_manifest")
        if offer is None:
            admission = await asyncio.to_thread(self.encode_admitted, case)
            await self.note_admission(case, admission)
            offer = pb.Message(encoding_manifest=admission.manifest)
        while True:
            reply = await self.post.send(
                case.ref, role, 5, unit, "OfferEncodings", offer, final="upload_state", again=True
            )
            if reply.HasField("wait"):
                return Next(5, wait=self.told(reply.wait))
            if reply.upload_state.complete:
                return Next(7, wait=self.poll_seconds)
            await self.parcels.upload(case, reply.upload_state.missing)

    async def take_offer(self, envelope: pb.Envelope, caller: str) -> pb.Envelope:
        """[5] OfferEncodings at the linkage unit: which chunks are missing?"""
        received = self.post.receive(envelope, caller, "OfferEncodings", "encoding_manifest")
        async with self.lock(received.leg):
            case = self.case_of(received, "linkage")
            # Both may have acknowledged lists from before a restart, while one of them is uploading again.
            self.require_open(case)
            self.require(case.leg.step >= 5, "unexpected")
            other = case.ref.provider if caller == case.ref.requester else case.ref.requester
            manifest = received.message.encoding_manifest
            papers.check_manifest(manifest, case.order, caller, self.parcels.claim(case, other))
            await self.post.accept(received, "linkage", 5)
            if case.leg.step == 5 and (missing := self.parcels.missing(case, caller)):
                return self.post.say(
                    received, pb.Message(upload_state=pb.UploadState(missing=missing[:MISSING_AT_ONCE]))
                )
            if case.leg.step == 5 and self.parcels.complete(case):
                self.move(case, Next(6))
            complete = pb.Message(upload_state=pb.UploadState(complete=True))
            return await self.post.reply(received, "linkage", 5, complete)

    def take_chunk(self, chunk: rpc.Chunk, caller: str) -> rpc.ChunkRef:
        """[5] PutChunk at the linkage unit: kept under a key that only this process has."""
        case = self.case_at(chunk.ref.request_id, chunk.ref.provider, "linkage")
        self.require_open(case)
        self.require(case.leg.step == 5 and caller in (case.ref.requester, case.ref.provider), "unexpected")
        self.parcels.take(case, caller, chunk.ref.index, chunk.data)
        return chunk.ref

    # [6] The linkage unit links -----------------------------------------------------------------------------------

    async def link(self, case: Case) -> Next:
        """[6] Compare encodings; what is learnt stays in memory, or under the key in memory."""
        await self.notes.write(case, 6, "linking", "intent", "linkage.started", papers.method_facts(case.order))
        disclosure = await asyncio.to_thread(self.link_encodings, case)
        await self.note_linked(case, disclosure)
        return Next(7, progress={"precision_bp": disclosure.precision_bp})

    # [7] Each data party gets back only what the agreement discloses ----------------------------------------------

    async def give_links(self, envelope: pb.Envelope, caller: str) -> pb.Envelope:
        """[7] CollectLinks at the linkage unit."""
        received = self.post.receive(envelope, caller, "CollectLinks", "poll")
        if self.busy(received.leg):
            return self.post.wait(received, self.poll_seconds, "linking")
        async with self.lock(received.leg):
            case = self.case_of(received, "linkage")
            if case.leg.step >= 10 and case.leg.outcome != "done":
                return await self.post.refuse(received, "linkage", 7, case.leg.outcome)
            if case.leg.step < 7:
                return self.wait_for_uploads(received, case)
            return await self.post.reply(received, "linkage", 7, lambda: self.link_list(case, caller))

    def give_chunk(self, method: str, ref: rpc.ChunkRef, caller: str) -> bytes:
        """[7, 8] FetchLinkChunk and FetchReleaseChunk: one chunk of what was announced to this caller."""
        links = method == "FetchLinkChunk"
        case = self.case_at(ref.request_id, ref.provider, "linkage" if links else "provider")
        announced = "CollectLinks.reply" if links else "CollectRelease.reply"
        self.post.required(case.ref, "sent", caller, announced, "link_list", "release")
        return self.parcels.get(case, links_of(caller) if links else release_of(case.ref.provider), ref.index)

    async def collect_links(self, case: Case) -> Next:
        """[7] Fetch our list, check it as one that an untrusted party made, and acknowledge."""
        role, unit = case.leg.role, case.linkage_unit
        reply = await self.post.collect(case.ref, role, 7, unit, "CollectLinks", ("link_list", "answer"))
        if reply.HasField("wait"):
            return Next(5 if reply.wait.upload_again else 7, wait=self.told(reply.wait))
        if reply.HasField("answer"):
            return Next(10, outcome="refused", reason="linkage-unit-ended")
        digests, precision_bp = list(reply.link_list.chunk_digests), reply.link_list.precision_bp
        # Only the provider's policy decides by it; what the requester has not been told it cannot learn from.
        self.require(precision_bp <= (10_000 if role == "provider" else 0), "malformed", "LinkList: precision")
        try:
            await self.parcels.fetch(
                case, unit, "FetchLinkChunk", links_of(self.node.org), digests, self.list_size(case)
            )
        except PeerRefused as refused:
            if refused.remote != "protocol.chunk-gone":
                raise
            return Next(5, wait=self.poll_seconds)  # it lost its memory: the same encodings give the same list
        links = await asyncio.to_thread(self.read_links, case)
        receipt = pb.Message(receipt=pb.Receipt(release_digest=sha256(b"".join(digests))))
        # Our encodings stay until the other side has its list too: the linkage unit may lose its memory and ask again.
        reply = await self.post.send(case.ref, role, 7, unit, "AcknowledgeLinks", receipt, final="deleted")
        if reply.HasField("wait"):
            return Next(5 if reply.wait.upload_again else 7, wait=self.told(reply.wait))
        return Next(8, secrets={"links": links}, progress={"precision_bp": precision_bp})

    async def take_acknowledgement(self, envelope: pb.Envelope, caller: str) -> pb.Envelope:
        """[7] AcknowledgeLinks: once both data parties have their lists, the linkage unit deletes everything."""
        received = self.post.receive(envelope, caller, "AcknowledgeLinks", "receipt")
        if self.busy(received.leg):
            return self.post.wait(received, self.poll_seconds, "linking")
        async with self.lock(received.leg):
            case = self.case_of(received, "linkage")
            self.require(case.leg.step >= 5, "unexpected")
            await self.post.accept(received, "linkage", 7)
            if case.leg.step < 7:
                return self.wait_for_uploads(received, case)
            if case.leg.step == 7 and self.both_acknowledged(case):
                case = self.move(case, Next(10, outcome="done"))
            if case.leg.step == 10:
                case = self.move(case, await self.destroy(case))
            if case.leg.step < ENDED:
                return self.post.wait(received, self.poll_seconds, "acknowledgement")
            return await self.post.reply(received, "linkage", 10, self.deleted(case))

    # [8] The provider decides per person and attribute, and releases ----------------------------------------------

    async def release(self, case: Case) -> Next:
        """[8] One release, fixed while no choice changes; its size says nothing, even when nobody is in it."""
        if not self.keys.has(case, "release"):
            made = await asyncio.to_thread(self.releases.make, case)
            case = self.fix_release(case, made)
        self.parcels.drop(case, self.node.org)  # nothing after step 7 needs our encodings
        await self.note_release(case)
        return Next(9)

    async def give_release(self, envelope: pb.Envelope, caller: str) -> pb.Envelope:
        """[8] CollectRelease at the provider: not before its time slot, so that time says nothing either."""
        received = self.post.receive(envelope, caller, "CollectRelease", "poll")
        if self.busy(received.leg):
            return self.post.wait(received, self.poll_seconds, "release")
        async with self.lock(received.leg):
            case = self.case_of(received, "provider")
            if case.leg.step >= 10 and case.leg.outcome != "done":
                return await self.post.refuse(received, "provider", 8, case.leg.outcome)
            if case.leg.step < 9 or self.now() < int(case.leg.progress["release_at"]):
                return self.post.wait(received, self.poll_seconds, "release")
            return await self.post.reply(received, "provider", 8, lambda: self.release_message(case))

    async def collect_release(self, case: Case) -> Next:
        """[8] The requester fetches the sealed release."""
        provider = case.ref.provider
        reply = await self.post.collect(case.ref, "requester", 8, provider, "CollectRelease", ("release", "answer"))
        if reply.HasField("wait"):
            return Next(8, wait=self.told(reply.wait))
        if reply.HasField("answer"):
            return Next(10, outcome="refused", reason="provider-ended")
        self.parcels.drop(case, self.node.org)  # nothing after step 7 needs our encodings
        self.releases.check(case, reply.release)
        digests, size = list(reply.release.chunk_digests), reply.release.size
        await self.parcels.fetch(case, provider, "FetchReleaseChunk", release_of(provider), digests, size)
        return Next(9)

    # [9] The requester verifies, opens, keeps the table for the analyst, and returns a receipt --------------------

    async def open_release(self, case: Case) -> Next:
        """[9] The table has a line for every row of the cohort; absence looks the same whatever its cause."""
        provider = case.ref.provider
        release = self.post.required(case.ref, "received", provider, "CollectRelease.reply", "release").release
        await asyncio.to_thread(self.keep_results, case, release)
        await self.notes.write(case, 9, "results", "fact", "release.opened", {"release": release.digest.hex()})
        receipt = pb.Message(receipt=pb.Receipt(release_digest=release.digest))
        await self.post.send(case.ref, "requester", 9, provider, "SendReceipt", receipt, final="receipt")
        return Next(10, outcome="done")

    async def take_receipt(self, envelope: pb.Envelope, caller: str) -> pb.Envelope:
        """[9] SendReceipt at the provider; the receipt must name the release that was given."""
        received = self.post.receive(envelope, caller, "SendReceipt", "receipt")
        async with self.lock(received.leg):
            case = self.case_of(received, "provider")
            given = self.post.required(case.ref, "sent", caller, "CollectRelease.reply", "release")
            if received.message.receipt.release_digest != given.release.digest:
                raise MessageError("digest-differs", "the receipt names another release")
            await self.post.accept(received, "provider", 9)
            if case.leg.step == 9:
                self.move(case, Next(10, outcome="done"))
            return await self.post.reply(received, "provider", 9, pb.Message(receipt=received.message.receipt))

    # [10] Keys and encodings are gone, however it ended -----------------------------------------------------------

    async def destroy(self, case: Case) -> Next:
        """[10] Destroy first, then say so to the log, then to those who may still be waiting."""
        ref, outcome = case.ref, case.leg.outcome or "failed"
        self.parcels.drop(case)
        self.node.store.secrets.destroy(ref.request_id, ref.provider)
        reason = str(case.leg.progress.get("reason", ""))
        await self.notes.write(case, 10, "end", "outcome", "keys.destroyed", {"outcome": outcome, "reason": reason})
        if outcome != "done":
            await self.tell_others(case, outcome)
        return Next(ENDED, outcome=outcome)

    async def tell_others(self, case: Case, outcome: str) -> None:
        """[10] Those who heard of the leg from us are told that it has ended; who does not want to hear, need not."""
        provider, unit = case.ref.provider, case.linkage_unit
        # The requester has submitted the order before it sends keys, so that from then on the linkage unit knows it.
        told = {
            "requester": (
                (provider, "CancelRequest", provider, "SubmitRequest"),
                (unit, "CancelOrder", unit, "SubmitOrder"),
            ),
            "provider": ((unit, "CancelOrder", case.ref.requester, "ExchangeKeys.reply"),),
            "linkage": (),
        }[case.leg.role]
        for peer, method, to, earlier in told:
            if self.post.was_sent(case.ref, to, earlier):
                cancel = pb.Message(cancel=pb.Cancel(reason=outcome))
                try:
                    await self.post.send(case.ref, case.leg.role, 10, peer, method, cancel, final="cancel")
                except ExchangeError as error:
                    if error.kind is Kind.UNAVAILABLE or error.code == "trust.manifest-expired":
                        raise

    def require_open(self, case: Case) -> None:
        """[10] Who speaks to a leg that was cut short reads that it has ended, not that the message was wrong."""
        self.require(case.leg.step < 10 or case.leg.outcome == "done", "leg-ended")

    async def take_cancel(self, envelope: pb.Envelope, caller: str, role: str) -> pb.Envelope:
        """[10] CancelRequest and CancelOrder: a data party may end a leg, and the receiver destroys what it holds."""
        method = "CancelRequest" if role == "provider" else "CancelOrder"
        received = self.post.receive(envelope, caller, method, "cancel")
        async with self.lock(received.leg):
            case = self.case_of(received, role)
            await self.post.accept(received, role, 10)
            if case.leg.step < 10:
                self.move(case, Next(10, outcome="cancelled", reason=received.message.cancel.reason))
            return await self.post.reply(received, role, 10, pb.Message(cancel=received.message.cancel))

    async def cancel(self, request_id: str) -> None:
        """[10] The analyst, or an officer, ends a request of this node."""
        for leg in self.node.store.legs.list(request_id):
            case = self.case_at(request_id, leg.provider, "requester")
            async with self.lock(case.ref):
                case = self.case_at(request_id, leg.provider, "requester")
                if case.leg.step < 10:
                    self.move(case, Next(10, outcome="cancelled", reason="cancelled"))


WORK = {
    ("requester", 2): Exchange.sign,
    ("requester", 3): Exchange.submit,
    ("requester", 4): Exchange.agree_key,
    ("requester", 5): Exchange.encode,
    ("provider", 5): Exchange.encode,
    ("linkage", 6): Exchange.link,
    ("requester", 7): Exchange.collect_links,
    ("provider", 7): Exchange.collect_links,
    ("requester", 8): Exchange.collect_release,
    ("provider", 8): Exchange.release,
    ("requester", 9): Exchange.open_release,
    ("requester", 10): Exchange.destroy,
    ("provider", 10): Exchange.destroy,
    ("linkage", 10): Exchange.destroy,
}
"""What a node carries out by itself, by its role and the leg's step; at every other it waits for a peer or a person."""
