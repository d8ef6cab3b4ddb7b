"""The papers of a request: question and order of each leg, written once by the requester, read and checked by all."""

from __future__ import annotations

import json
import secrets
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from exchange_node import sizes
from exchange_node.audit.canonical import JSON
from exchange_node.draft import DraftError, RequestDraft
from exchange_node.encoding.schema import load_schema
from exchange_node.messages import (
    LegRef,
    MessageError,
    encode,
    make_sections,
    open_request,
    order_digest,
    section_digest,
    sha256,
)
from exchange_node.policy.agreement import Agreement
from exchange_node.policy.decision import Assertion, Decision, LinkageFacts, Organisation, Question
from exchange_node.store.model import Leg
from exchange_node.trust.errors import TrustError
from exchange_node.trust.manifest import Manifest, operator_conflict
from exchange_node.trust.manifest import Organisation as Member
from exchange_node.wire.v1 import message_pb2 as pb

if TYPE_CHECKING:
    from exchange_node.node import Node

MAX_LIFETIME = 30 * 86_400
MAX_CHUNK = 1024 * 1024  # bytes of one chunk of encodings
MAX_REQUEST = 256 * 1024  # bytes of a signed request; one to 64 providers has some 30,000


@dataclass(frozen=True, slots=True)
class Case:
    """One leg at this node, read back from what was signed. A linkage unit has the order alone."""

    leg: Leg
    ref: LegRef
    core: pb.RequestCore
    order: pb.LinkageOrder
    content: pb.Request
    question: pb.Question | None = None
    agreement: Agreement | None = None

    @property
    def linkage_unit(self) -> str:
        """The organisation that links."""
        return self.order.linkage_unit

    @property
    def asked(self) -> pb.Question:
        """The question. A linkage unit has none, and its code must not come here."""
        if self.question is None:
            raise MessageError("unexpected", "a linkage unit sees no question")
        return self.question

    @property
    def terms(self) -> Agreement:
        """The agreement; as `asked`."""
        if self.agreement is None:
            raise MessageError("unexpected", "a linkage unit sees no agreement")
        return self.agreement


@dataclass(frozen=True, slots=True)
class LegPlan:
    """What would be asked of one provider, and what our own policy says of it."""

    provider: str
    question: pb.Question
    order: pb.LinkageOrder
    decision: Decision | None = None


@dataclass(frozen=True, slots=True)
class Plan:
    """A question that was read and checked, but not yet asked."""

    agreement: Agreement
    legs: tuple[LegPlan, ...]
    created_at: int
    deadline: int
    cohort: tuple[str, ...] = ()

    def decided(self, cohort: Sequence[str], decisions: Sequence[Decision]) -> Plan:
        """The same plan with the decision on each leg."""
        legs = tuple(replace(leg, decision=d) for leg, d in zip(self.legs, decisions, strict=True))
        return replace(self, legs=legs, cohort=tuple(cohort))

    def refused(self) -> list[tuple[str, Decision]]:
        """The providers that may not be asked, with the decision that says why."""
        return [(leg.provider, leg.decision) for leg in self.legs if leg.decision and not leg.decision.allow]


def plan(
    draft: RequestDraft,
    agreement: Agreement,
    org: str,
    user_role: str,
    cohort_rows: int,
    now: int,
    deadline: int,
) -> Plan:
    """Turn a draft into the papers of its legs. Raises DraftError `not-in-agreement`, naming what is not in it."""
    linkage = agreement.linkage
    unit = draft.linkage_unit or agreement.linkage_units[0]
    _in_agreement(unit in agreement.linkage_units, "linkage_unit")
    _in_agreement(draft.method in linkage.methods, "method")
    _in_agreement(cohort_rows <= linkage.max_cohort_rows, f"cohort: more than {linkage.max_cohort_rows} people")
    legs = []
    for provider in draft.providers:
        _in_agreement(agreement.party(provider) is not None, f"providers: {provider} is not a party")
        order = pb.LinkageOrder(
            agreement_id=agreement.id,
            agreement_digest=bytes.fromhex(agreement.digest),
            requester=org,
            provider=provider,
            linkage_unit=unit,
            method=draft.method,
            method_version=1,
            schema_digest=load_schema(linkage.schema_id).digest,
            threshold_bp=linkage.threshold_bp,
            max_requester_rows=sizes.size_class(linkage.max_cohort_rows),
            max_provider_rows=sizes.size_class(linkage.max_provider_rows),
            max_links=linkage.max_links,
            count_mode=linkage.count_mode,
            disclosure_mode=linkage.disclosure_mode,
            expires_at=deadline,
        )
        question = pb.Question(
            provider=provider,
            agreement_id=agreement.id,
            agreement_version=agreement.version,
            purpose=draft.purpose,
            attributes=draft.attributes[provider],
            assertions=[
                pb.Assertion(condition=a.condition, by=a.by, at=a.at or now, ref=a.ref) for a in draft.assertions
            ],
            cohort_class=sizes.size_class(cohort_rows),
            emergency=draft.emergency,
            user_role=user_role,
            order_digest=order_digest(order),
        )
        legs.append(LegPlan(provider, question, order))
    return Plan(agreement, tuple(legs), now, deadline)


def write_request(request_id: str, plan: Plan, node: Node, sealing_keys: dict[str, bytes]) -> pb.Request:
    """The whole request as the requester keeps it: the core to be signed, and every section."""
    parts = []
    for leg in plan.legs:
        question = pb.Question()
        question.CopyFrom(leg.question)
        question.sealing_key = sealing_keys[leg.provider]
        parts += [pb.Part(question=question), pb.Part(order=leg.order)]
    sections = make_sections(parts)
    core = pb.RequestCore(
        request_id=request_id,
        requester=node.org,
        created_at=plan.created_at,
        deadline=plan.deadline,
        manifest_digest=node.federation.digest,
        agreement_digest=bytes.fromhex(plan.agreement.digest),
        bundle_digest=bytes.fromhex(node.policy.engine.bundle_digest),
        section_digests=[section_digest(s) for s in sorted(sections, key=lambda section: section.index)],
    )
    return pb.Request(core=encode(core), sections=sections)


def shown_to(peer: str, case: Case) -> pb.Request:
    """The core, and just the sections that this peer may see: a provider its own two, the linkage unit its order."""
    sections = []
    for section in case.content.sections:
        part = pb.Part.FromString(section.content)
        mine = part.order if part.HasField("order") else part.question
        if mine.provider == case.ref.provider and (peer != case.linkage_unit or part.HasField("order")):
            sections.append(section)
    return pb.Request(core=case.content.core, sections=sections)


def with_sections(known: bytes, content: pb.Request) -> pb.Request:
    """A request as kept, with the sections that another of its legs brought: a linkage unit gets them one by one."""
    kept = pb.Request.FromString(known)
    indexes = {section.index for section in kept.sections}
    kept.sections.extend(section for section in content.sections if section.index not in indexes)
    return kept


def read_papers(
    content: pb.Request, provider: str
) -> tuple[pb.RequestCore, bytes, pb.LinkageOrder, pb.Question | None]:
    """The papers of one leg: core, request digest, order, and the question where it is shown.

    Raises MessageError: malformed, section-differs, wrong-leg (order and question do not belong together).
    """
    core, digest, parts = open_request(content)
    orders = [part.order for part in parts if part.HasField("order") and part.order.provider == provider]
    questions = [part.question for part in parts if part.HasField("question") and part.question.provider == provider]
    if len(orders) != 1 or len(questions) > 1:
        raise MessageError("malformed", "one order and at most one question belong to a leg")
    order, question = orders[0], questions[0] if questions else None
    if order.requester != core.requester or order.agreement_digest != core.agreement_digest:
        raise MessageError("wrong-leg", "the order belongs to another requester or agreement")
    if order.expires_at != core.deadline:
        raise MessageError("wrong-leg", "the order ends at another time than the request")
    if question is not None and question.order_digest != order_digest(order):
        raise MessageError("wrong-leg", "the question belongs to another order")
    return core, digest, order, question


def check_times(core: pb.RequestCore, now: int) -> None:
    """Refuse a request from the future, one that has ended, one that would never end. Raises MessageError `stale`."""
    if core.created_at > now + 120 or now >= core.deadline or core.deadline - core.created_at > MAX_LIFETIME:
        raise MessageError("stale", "created_at or deadline")


def check_against_agreement(question: pb.Question, order: pb.LinkageOrder, agreement: Agreement) -> None:
    """The order must ask for no more than the agreement gives. Raises DraftError `not-in-agreement`."""
    linkage = agreement.linkage
    _in_agreement(question.agreement_id == order.agreement_id == agreement.id, "agreement")
    _in_agreement(question.agreement_version == agreement.version, "agreement version")
    _in_agreement(order.linkage_unit in agreement.linkage_units, "linkage_unit")
    _in_agreement(order.method in linkage.methods, "method")
    _in_agreement(order.schema_digest == load_schema(linkage.schema_id).digest, "schema")
    _in_agreement(order.threshold_bp == linkage.threshold_bp, "threshold")
    _in_agreement(order.max_requester_rows <= sizes.size_class(linkage.max_cohort_rows), "cohort size")
    _in_agreement(question.cohort_class <= order.max_requester_rows, "cohort size")
    _in_agreement(order.max_provider_rows <= sizes.size_class(linkage.max_provider_rows), "provider rows")
    _in_agreement(order.max_links <= linkage.max_links, "links")
    _in_agreement(order.count_mode == linkage.count_mode, "count_mode")
    _in_agreement(order.disclosure_mode == linkage.disclosure_mode, "disclosure_mode")


def order_problem(order: pb.LinkageOrder, node: Node, manifest: Manifest) -> str:
    """Why a linkage unit refuses an order, as a code; empty if it does not."""
    method = node.methods.get(order.method)
    if method is None or method.version != order.method_version:
        return "method-unknown"
    if order.requester == order.provider:
        return "same-party"
    try:
        operator_conflict(manifest, order.linkage_unit, (order.requester, order.provider))
    except TrustError as error:
        return error.code.rpartition(".")[2]
    return ""


def check_manifest(
    manifest: pb.EncodingManifest, order: pb.LinkageOrder, sender: str, other: pb.EncodingManifest | None
) -> None:
    """What a party announces must fit the order and, once both have spoken, the other party. Raises MessageError."""
    cap = order.max_requester_rows if sender == order.requester else order.max_provider_rows
    if manifest.rows > cap:
        raise MessageError("over-quota", "more rows than the order allows")
    if manifest.rows * manifest.row_width > len(manifest.chunk_digests) * MAX_CHUNK:
        raise MessageError("malformed", "EncodingManifest: more rows than its chunks can hold")
    if other is not None and (other.key_id, other.schema_digest) != (manifest.key_id, manifest.schema_digest):
        raise MessageError("digest-differs", "the two parties encode under different keys or schemas")


def question_of(
    question: pb.Question,
    order: pb.LinkageOrder,
    agreement: Agreement,
    manifest: Manifest,
    now: int,
    request_id: str = "0" * 32,
    *,
    side: str = "provider",
    precision_bp: int | None = None,
    links: int | None = None,
) -> Question:
    """What is put to policy: organisations, purpose, agreement and circumstances, and nobody's identity."""
    requester, provider = manifest.org(order.requester), manifest.org(order.provider)
    return Question(
        requester=_organisation(requester, agreement),
        provider=_organisation(provider, agreement),
        purpose=question.purpose,
        attributes=tuple(question.attributes),
        agreement=agreement,
        request_id=request_id,
        user_role=question.user_role,
        linkage=LinkageFacts(order.method, precision_bp, question.cohort_class, links),
        now=now,
        assertions=tuple(Assertion(a.condition, a.by, a.at, a.ref) for a in question.assertions),
        emergency=question.emergency,
        side=side,
    )


def _organisation(member: Member, agreement: Agreement) -> Organisation:
    party = agreement.party(member.id)
    regime = "part3" if member.regime == "dpa-part3" else "uk-gdpr"
    return Organisation(member.id, member.type, party.role if party else "controller", regime)


def facts_of(case: Case) -> dict[str, JSON]:
    """What the log says of a question: digests, organisations and names from the agreement."""
    return {
        "agreement": case.core.agreement_digest.hex(),
        "manifest": case.core.manifest_digest.hex(),
        "bundle": case.core.bundle_digest.hex(),
        "purpose": case.asked.purpose,
        "attributes": list(case.asked.attributes),
        "deadline": case.core.deadline,
        **method_facts(case.order),
    }


def method_facts(order: pb.LinkageOrder) -> dict[str, JSON]:
    """Which linkage method, in which version, at which linkage unit."""
    return {
        "method": order.method,
        "method_version": order.method_version,
        "linkage_unit": order.linkage_unit,
    }


def first_code(answer: pb.Answer) -> str:
    """The code of a refusal's first reason."""
    return answer.reasons[0].code if answer.reasons else "refused"


def pack_ids(ids: Sequence[str]) -> bytes:
    """The cohort as it is kept, sealed, at the requester."""
    return json.dumps(list(ids), ensure_ascii=False).encode()


def unpack_ids(data: bytes) -> list[str]:
    """The reverse of `pack_ids`."""
    ids: list[str] = json.loads(data)
    return ids


def new_request_id() -> str:
    """128 random bits in hex."""
    return secrets.token_hex(16)


def request_digest(content: pb.Request) -> bytes:
    """What everything about a request is bound to: SHA-256 of its core."""
    return sha256(content.core)


def _in_agreement(holds: bool, what: str) -> None:
    if not holds:
        raise DraftError("not-in-agreement", what)
