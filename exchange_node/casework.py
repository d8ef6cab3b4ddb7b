"""The plumbing under the spine: a leg's papers, locks, moves and decisions."""

from __future__ import annotations

import asyncio
import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from weakref import WeakValueDictionary

from exchange_node import papers
from exchange_node.agreements import Agreements
from exchange_node.audit.canonical import JSON
from exchange_node.correspondence import SKEW_SECONDS, Correspondence, Received
from exchange_node.draft import RequestDraft
from exchange_node.errors import ExchangeError
from exchange_node.legkeys import LegKeys
from exchange_node.messages import LegRef, MessageError
from exchange_node.methods.method import LinkageMethod
from exchange_node.node import Node
from exchange_node.notes import Notes, decided
from exchange_node.papers import Case
from exchange_node.people import People
from exchange_node.policy.decision import Decision, Question, deny_from_error
from exchange_node.store.legs import Move
from exchange_node.store.model import Leg, Opening, Request
from exchange_node.trust.manifest import Manifest, operator_conflict
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
        self.keys = LegKeys(node)
        self.notes = Notes(node)
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
        kept = [
            s for provider, first in legs.items() for s in self.keys.sealed(core.request_id, provider, first.secrets)
        ]
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
            "secrets": self.keys.sealed(leg.request_id, leg.provider, to.secrets),
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
            self.notes.commit_once, case, step, "decision", lambda: self.decide(question).to_json()
        )
        decision = Decision.from_json(value)
        await self.notes.write(
            case, step, "decision", "fact", "decision.ask", decided(decision), {"decision": commitment}
        )
        return decision

    def kept_decision(self, case: Case, step: int) -> Decision | None:
        """What `decide_once` answered, if it was asked."""
        known = self.notes.kept(self.notes.entry_id_of(case, step, "decision"))
        return None if known is None else Decision.from_json(known[0])

    def next_slot(self) -> int:
        """The end of the time slot after this one: when a release may be fetched must not tell how long it took."""
        pace = max(1, self.node.config.exchange.pace_seconds)
        return (self.now() // pace + 1) * pace

    @staticmethod
    def require(holds: bool, code: str, detail: str = "") -> None:
        """Refuse what does not belong here now."""
        if not holds:
            raise MessageError(code, detail)
