"""The plumbing under the spine: a leg's papers, locks, secrets, moves, and entries in the log."""

from __future__ import annotations

import asyncio
import json
import math
import secrets
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any
from weakref import WeakValueDictionary

from exchange_node import papers
from exchange_node.agreements import Agreements
from exchange_node.audit.canonical import JSON
from exchange_node.audit.entry import Entry, commit, entry_id
from exchange_node.correspondence import SKEW_SECONDS, Correspondence, Received
from exchange_node.draft import RequestDraft
from exchange_node.encoding.keys import KeyContext, LinkageKey, TokenKey
from exchange_node.errors import ExchangeError
from exchange_node.messages import LegRef, MessageError
from exchange_node.methods.method import LinkageMethod
from exchange_node.node import Node
from exchange_node.papers import Case
from exchange_node.people import People
from exchange_node.policy.decision import Decision, Question, deny_from_error
from exchange_node.store.legs import Move
from exchange_node.store.model import Leg, Opening, Request, Secret
from exchange_node.trust import sealing
from exchange_node.trust.manifest import Manifest, operator_conflict
from exchange_node.trust.sealing import SealingKey
from exchange_node.wire.v1 import message_pb2 as pb

ENDED = 11
SELF_DRIVEN = {"requester": {2, 3, 4, 5, 7, 8, 9, 10}, "provider": {5, 7, 8, 10}, "linkage": {6, 10}}
"""The steps that a node in a role carries out by itself; at all others it waits for a peer, a person or time."""


@dataclass(frozen=True, slots=True)
class Next:
    """What a step leads to: the next step, after how many seconds, and what is kept in the same transaction."""

    step: int
    wait: float = 0.0
    outcome: str = ""
    reason: str = ""
    secrets: Mapping[str, bytes] = field(default_factory=dict)
    progress: Mapping[str, JSON] = field(default_factory=dict)
    choices_version: int | None = None  # the move fails if any choice has changed since


class Casework:
    """What every step needs; no step is here."""

    def __init__(self, node: Node) -> None:
        self.node = node
        self.post = Correspondence(node)
        self.people = People(node)
        self.agreements = Agreements(node)
        self.moved = asyncio.Event()  # wakes the runner
        self._locks: WeakValueDictionary[tuple[str, str], asyncio.Lock] = WeakValueDictionary()

    # -- time and trust

    def now(self) -> int:
        """The guarded clock, epoch seconds."""
        return self.node.clock.now()

    def manifest(self) -> Manifest:
        """The newest manifest; whoever it no longer lists is refused at whatever step."""
        return self.node.federation.manifest(self.now())

    @property
    def poll_seconds(self) -> float:
        """How long a peer that must wait is told to wait."""
        return self.node.config.exchange.poll_seconds

    def method(self, case: Case) -> LinkageMethod:
        """The linkage method that the order names. Raises MessageError `malformed`."""
        found = self.node.methods.get(case.order.method)
        if found is None or found.version != case.order.method_version:
            raise MessageError("malformed", "linkage method")
        return found

    # -- legs and their papers

    def lock(self, leg: LegRef | Leg) -> asyncio.Lock:
        """One thing at a time happens to a leg."""
        return self._locks.setdefault((leg.request_id, leg.provider), asyncio.Lock())

    def busy(self, leg: LegRef) -> bool:
        """Whether a long step of the leg is under way: a poll is then answered at once and not kept waiting."""
        lock = self._locks.get((leg.request_id, leg.provider))
        return lock is not None and lock.locked()

    def case_at(self, request_id: str, provider: str, role: str) -> Case:
        """The case of a leg of ours. Raises MessageError `unknown-request`."""
        found = self.node.store.legs.with_request(request_id, provider)
        if found is None or found[1].role != role:
            raise MessageError("unknown-request")
        return self.case(*found)

    def case_of(self, received: Received, role: str) -> Case:
        """The case that a peer's message belongs to; the peer must be of that leg, and mean the same request."""
        case = self.case_at(received.leg.request_id, received.leg.provider, role)
        if case.ref != received.leg or received.sender not in (case.ref.requester, case.ref.provider):
            raise MessageError("wrong-leg")
        if received.message.header.made_at < case.core.created_at - SKEW_SECONDS:
            raise MessageError("stale", "made before the request was")
        return case

    def case(self, request: Request, leg: Leg) -> Case:
        """Read a leg's papers back from what was signed."""
        content = pb.Request.FromString(request.content)
        core, digest, order, question = papers.read_papers(content, leg.provider)
        agreement = self.agreements.by_digest(core.agreement_digest.hex()) if question is not None else None
        ref = LegRef(request.id, digest, request.requester, leg.provider)
        return Case(leg, ref, core, order, content, question, agreement)

    async def take_request(self, received: Received, role: str) -> Case:
        """[3] Verify a request that came in, open its leg once, and log that it came."""
        leg, content = received.leg, received.message.request
        if len(received.signed) > papers.MAX_REQUEST:
            raise MessageError("too-large", "Request")
        core, digest, order, question = papers.read_papers(content, leg.provider)
        if (core.request_id, digest, core.requester) != (leg.request_id, leg.request_digest, leg.requester):
            raise MessageError("wrong-leg", "the header and the request differ")
        if received.sender != core.requester:
            raise MessageError("wrong-sender", "only the requester submits")
        if (question is not None) != (role == "provider") or len(content.sections) != (1 if question is None else 2):
            raise MessageError("unexpected", "a section that does not belong to this receiver")
        if self.node.org != (order.provider if role == "provider" else order.linkage_unit):
            raise MessageError("wrong-leg", "addressed to another node")
        known = self.node.store.requests.get(leg.request_id)
        if known is not None and (known.requester, known.digest) != (core.requester, digest.hex()):
            raise MessageError("request-differs")
        if self.node.store.legs.get(leg.request_id, leg.provider) is None:
            papers.check_times(core, self.now())
            self.node.federation.require_known(core.manifest_digest)
            if question is not None:
                agreement = self.agreements.in_force_by_digest(core.agreement_digest.hex())
                papers.check_against_agreement(question, order, agreement)
                operator_conflict(self.manifest(), order.linkage_unit, (order.requester, order.provider))
            if self.node.store.quota.open_requests(core.requester) >= self.node.config.quota.open_requests:
                raise MessageError("over-quota", "open requests")
            known = self.node.store.requests.get(leg.request_id)
            whole = papers.with_sections(known.content, content) if known and known.digest == digest.hex() else content
            self.open_legs(whole, role, {leg.provider: Next(3)})
        case = self.case_of(received, role)
        await self.post.accept(received, role, 3)
        return case

    def open_legs(self, content: pb.Request, role: str, legs: Mapping[str, Next], analyst: str = "") -> None:
        """Keep a request and its legs in one transaction. Raises StoreError if the id stands for another request."""
        core = pb.RequestCore.FromString(content.core)
        now = self.now()
        request = Request(
            id=core.request_id,
            requester=core.requester,
            role=role,
            digest=papers.request_digest(content).hex(),
            content=content.SerializeToString(deterministic=True),
            agreement_digest=core.agreement_digest.hex(),
            manifest_digest=core.manifest_digest.hex(),
            analyst=analyst,
            created_at=now,
            deadline=core.deadline,
        )
        opened = [
            Leg(
                request_id=core.request_id,
                requester=core.requester,
                provider=provider,
                role=role,
                step=first.step,
                next_at=self._next_at(role, first, now, core.deadline),
                deadline=core.deadline,
            )
            for provider, first in legs.items()
        ]
        kept = [s for provider, first in legs.items() for s in self._sealed(core.request_id, provider, first.secrets)]
        self.node.store.requests.create(request, opened, secrets=kept)
        self.moved.set()

    def move(self, case: Case, to: Next, openings: Sequence[Opening] = ()) -> Case:
        """Write the next step, and what belongs to it, in one transaction; the case as it is now.

        Raises StoreError `choices-changed` if `to.choices_version` is not the version of the choices any more.
        """
        leg, now = case.leg, self.now()
        progress = {**leg.progress, **to.progress, **({"reason": to.reason} if to.reason else {})}
        changes: Move = {
            "next_at": self._next_at(leg.role, to, now, leg.deadline),
            "outcome": to.outcome or leg.outcome,
            "progress": progress,
            "openings": openings,
            "secrets": self._sealed(leg.request_id, leg.provider, to.secrets),
        }
        if to.step == ENDED:
            changes["finish"] = (self._state_after(leg, changes["outcome"]), str(progress.get("reason", "")), now)
        legs = self.node.store.legs
        if to.choices_version is None:
            moved = legs.move(leg, step=to.step, **changes)
        else:
            moved = legs.release_move(leg, to.choices_version, step=to.step, **changes)
        self.moved.set()
        return replace(case, leg=moved)

    def _state_after(self, leg: Leg, outcome: str) -> str:
        """How a request ends, if this is the last of its legs: done if any leg is, else as this one."""
        others = (other for other in self.node.store.legs.list(leg.request_id) if other.provider != leg.provider)
        return "done" if any(other.outcome == "done" for other in others) else outcome

    @staticmethod
    def _next_at(role: str, to: Next, now: int, deadline: int) -> int:
        """Never after the deadline, whatever a peer tells us to wait: that is when keys are destroyed at the latest."""
        return min(now + math.ceil(to.wait), max(now, deadline)) if to.step in SELF_DRIVEN[role] else deadline

    def told(self, wait: pb.Wait) -> float:
        """Seconds to wait as a peer says, but never so few that it could keep us busy."""
        return max(self.poll_seconds, wait.milliseconds / 1000)

    def seconds_for(self, draft: RequestDraft) -> int:
        """Seconds until the deadline of a new request."""
        return (draft.hours or self.node.config.exchange.request_hours) * 3600

    # -- secrets of a leg

    def _sealed(self, request_id: str, provider: str, values: Mapping[str, bytes]) -> list[Secret]:
        wrap = self.node.vault.wrap
        return [
            Secret(request_id, provider, name, wrap(f"{request_id}/{provider}/{name}", value))
            for name, value in values.items()
        ]

    def secret(self, case: Case, name: str) -> bytes:
        """A secret of the leg. Raises MessageError `unexpected` once it is destroyed."""
        sealed = self.node.store.secrets.get(case.ref.request_id, case.ref.provider, name)
        if sealed is None:
            raise MessageError("unexpected", "a key of this request is gone")
        return self.node.vault.unwrap(f"{case.ref.request_id}/{case.ref.provider}/{name}", sealed)

    def has_secret(self, case: Case, name: str) -> bool:
        """Whether the leg has a secret of that name."""
        return self.node.store.secrets.get(case.ref.request_id, case.ref.provider, name) is not None

    def sealing_key(self, case: Case) -> SealingKey:
        """Our HPKE key of this leg."""
        return SealingKey(self.secret(case, "sealing"))

    @staticmethod
    def fresh_secrets(method: LinkageMethod, sealing_key: SealingKey) -> dict[str, bytes]:
        """What a data party needs for one leg, random and its own."""
        return {
            "sealing": sealing_key.seed,
            "token": TokenKey.fresh().reveal(),
            "part": method.contribution(),
            "spool": secrets.token_bytes(32),
        }

    # -- [4] the linkage key

    def key_part(self, case: Case, their_key: bytes) -> pb.Message:
        """Our contribution, sealed to the other data party and bound to the leg and its direction."""
        sealed = sealing.seal(their_key, self.secret(case, "part"), self._part_info(case, True))
        return pb.Message(key_part=pb.KeyPart(sealed=sealed))

    def linkage_key(self, case: Case, sealed_part: bytes) -> bytes:
        """Open their contribution and derive the pair's key; returns key and key id as they are kept."""
        own = self.secret(case, "part")
        theirs = sealing.open(self.sealing_key(case), sealed_part, self._part_info(case, False))
        parts = (own, theirs) if case.leg.role == "requester" else (theirs, own)
        digest, schema = case.ref.request_digest, case.order.schema_digest
        context = KeyContext(digest, case.ref.requester, case.ref.provider, schema)
        key = self.method(case).agree_key(*parts, context)
        try:
            return key.reveal() + key.key_id()
        finally:
            key.destroy()

    def load_linkage_key(self, case: Case) -> LinkageKey:
        """The pair's key, to be destroyed by whoever asked for it."""
        kept = self.secret(case, "linkage-key")
        return LinkageKey(kept[:32], kept[32:])

    @staticmethod
    def _part_info(case: Case, ours: bool) -> bytes:
        """What a sealed contribution is bound to. Directions differ, so that a part cannot be sent back."""
        from_requester = (case.leg.role == "requester") == ours
        way = b"requester" if from_requester else b"provider"
        return b"exchange/v1 key part from " + way + b" " + case.ref.request_digest + case.ref.provider.encode()

    # -- the log

    async def note(
        self,
        case: Case,
        step: int,
        part: str,
        kind: str,
        action: str,
        facts: Mapping[str, JSON],
        commitments: Mapping[str, str] | None = None,
    ) -> None:
        """An entry about a leg. Returns only once it is durable and under a signed checkpoint."""
        ref = case.ref
        await self.node.log.record(
            Entry(
                id=self._entry_id(case, step, part),
                kind=kind,
                at=self.now(),
                step=step,
                request=ref.request_id,
                role=case.leg.role,
                peer="",
                action=action,
                facts={"request": ref.request_digest.hex(), **facts},
                commitments=commitments or {},
            )
        )

    def commit_once(self, case: Case, step: int, part: str, make: Callable[[], Any]) -> tuple[Any, str]:
        """A value for our own eyes and a commitment to it for the log; made once, however often the step is run."""
        entry = self._entry_id(case, step, part)
        known = self.kept(entry)
        if known is None:
            value, salt = make(), secrets.token_bytes(32)
            self.node.store.openings.put(entry, "value", salt, self.seal_opening(entry, value))
        else:
            value, salt = known
        return value, commit(value, salt)

    def seal_opening(self, entry: str, value: Any) -> bytes:
        """An opening as it rests."""
        return self.node.vault.wrap(f"opening/{entry}", json.dumps(value).encode())

    def kept(self, entry: str) -> tuple[Any, bytes] | None:
        """Value and salt behind an entry's commitment, for those who may read this node's own reasons."""
        found = self.node.store.openings.get(entry)
        if not found:
            return None
        return json.loads(self.node.vault.unwrap(f"opening/{entry}", found[0].value)), found[0].salt

    def _entry_id(self, case: Case, step: int, part: str) -> str:
        return entry_id(case.ref.request_id, case.ref.provider, step, case.leg.role, "", part)

    # -- decisions

    def decide(self, question: Question) -> Decision:
        """Whether this may be asked at all; whatever is not an answer is a deny."""
        try:
            return self.node.policy.ask(question)
        except ExchangeError as error:
            return deny_from_error(question, error, "ask", self.node.policy.engine)

    async def decide_once(self, case: Case, step: int) -> Decision:
        """Put the question to policy once; the answer is kept, committed to in the log, and not asked again."""
        question = papers.question_of(
            case.asked, case.order, case.terms, self.manifest(), self.now(), case.ref.request_id
        )
        value, commitment = await asyncio.to_thread(
            self.commit_once, case, step, "decision", lambda: self.decide(question).to_json()
        )
        decision = Decision.from_json(value)
        await self.note(case, step, "decision", "fact", "decision.ask", decided(decision), {"decision": commitment})
        return decision

    def kept_decision(self, case: Case, step: int) -> Decision | None:
        """What `decide_once` answered, if it was asked."""
        known = self.kept(self._entry_id(case, step, "decision"))
        return None if known is None else Decision.from_json(known[0])

    async def note_refused_question(self, request_id: str, provider: str, decision: Decision) -> None:
        """[2] A question that may not be asked leaves an entry, and nothing else."""
        entry, salt = entry_id(request_id, provider, 2, "requester", "", "decision"), secrets.token_bytes(32)
        value = decision.to_json()
        self.node.store.openings.put(entry, "value", salt, self.seal_opening(entry, value))
        codes = [reason.code for reason in decision.all_reasons()]
        await self._note_refused(entry, request_id, codes, decided(decision), {"decision": commit(value, salt)})

    async def note_refused_at_once(self, request_id: str, error: ExchangeError) -> None:
        """[2] So does one that agreement, federation or clock refuse before policy can be asked."""
        entry = entry_id(request_id, "", 2, "requester", "", "decision")
        await self._note_refused(entry, request_id, [error.code], {"allow": False})

    async def _note_refused(
        self,
        entry: str,
        request_id: str,
        codes: Sequence[str],
        facts: Mapping[str, JSON],
        commitments: Mapping[str, str] | None = None,
    ) -> None:
        await self.node.log.record(
            Entry(
                id=entry,
                kind="fact",
                at=self.now(),
                step=2,
                request=request_id,
                role="requester",
                peer="",
                action="question.refused",
                facts={**facts, "reasons": [*codes]},
                commitments=commitments or {},
            )
        )

    def next_slot(self) -> int:
        """The end of the time slot after this one: when a release may be fetched must not tell how long it took."""
        pace = max(1, self.node.config.exchange.pace_seconds)
        return (self.now() // pace + 1) * pace

    @staticmethod
    def require(holds: bool, code: str, detail: str = "") -> None:
        """Refuse what does not belong here now."""
        if not holds:
            raise MessageError(code, detail)


def decided(decision: Decision) -> dict[str, JSON]:
    """What the log says of a decision in clear: enough to have it again, nothing about a person."""
    return {
        "allow": decision.allow,
        "engine": f"{decision.engine} {decision.engine_version}",
        "bundle": decision.bundle_digest,
        "input": decision.input_digest,
        "decision": decision.decision_id,
    }
