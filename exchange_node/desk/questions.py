"""Requests at the desk: try, submit, list, follow, cancel, approve."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Iterable, Mapping
from typing import Any

from exchange_node import papers
from exchange_node.casework import ENDED
from exchange_node.desk import models
from exchange_node.desk.clerk import Clerk, when
from exchange_node.desk.errors import DeskError
from exchange_node.desk.models import read_body
from exchange_node.draft import RequestDraft, validate_draft
from exchange_node.errors import full_catalogue
from exchange_node.papers import Case
from exchange_node.policy.decision import Decision
from exchange_node.policy.explain import explain
from exchange_node.store.model import Request, User
from exchange_node.wire.v1 import message_pb2 as pb

WATCH_SECONDS = 0.25
_STEPS = {
    "requester": {
        2: "deciding and signing", 3: "waiting for the answer of provider and linkage unit",
        4: "agreeing the linkage key", 5: "encoding and uploading", 7: "waiting for the linkage",
        8: "waiting for the release", 9: "opening the release", 10: "destroying keys", 11: "ended",
    },
    "provider": {
        3: "waiting for a person's approval", 4: "waiting for the linkage key", 5: "encoding and uploading",
        7: "waiting for the linkage", 8: "deciding and sealing the release", 9: "waiting to be collected",
        10: "destroying keys", 11: "ended",
    },
    "linkage": {
        3: "answering", 5: "waiting for encodings", 6: "linking", 7: "waiting to be collected",
        10: "deleting", 11: "ended",
    },
}  # fmt: skip

_WORDS = {
    "approval-refused": (
        "An officer of the provider looked at the request and refused it.",
        "Ask the provider's officers what would change it.",
    ),
    "method-unknown": (
        "The linkage unit does not offer the agreed linkage method.",
        "Choose another linkage unit of the agreement, or bring both nodes to the same version.",
    ),
    "operator-conflict": (
        "The linkage unit's operator also runs a data party of this request.",
        "Choose a linkage unit with another operator.",
    ),
    "same-party": ("Requester and provider are the same.", "Ask another agency."),
    "wrong-role": (
        "The manifest does not give a party the role it has in this request.",
        "Choose another linkage unit, or ask the manifest's signers.",
    ),
    "linkage-unit-ended": (
        "The linkage unit ended its part of the request.",
        "Ask again; if it repeats, its operator's log tells why.",
    ),
    "provider-ended": (
        "The provider ended the request before it released anything.",
        "Ask again; if it repeats, its officers can tell why.",
    ),
}


class Questions(Clerk):
    """Steps 1 and 3 as people see them, and how far a request has come."""

    async def check_request(self, user: User, body: Mapping[str, Any]) -> dict[str, Any]:
        """What would be decided for an analyst who asks this, for each provider; nothing is stored or sent."""
        draft = self._draft(body)
        plan = await asyncio.to_thread(self.exchange.plan, draft, "analyst")
        return {
            "agreement": plan.agreement.id,
            "version": plan.agreement.version,
            "cohort": len(plan.cohort),
            "deadline": when(plan.deadline),
            "allow": not plan.refused(),
            "legs": [
                {"provider": leg.provider, "linkage_unit": leg.order.linkage_unit, **_told(leg.decision)}
                for leg in plan.legs
                if leg.decision
            ],
        }

    async def submit_request(self, user: User, body: Mapping[str, Any]) -> dict[str, Any]:
        """[1] Ask. Raises Refusal, with the decisions that deny, DraftError, RecordsError, AgreementError."""
        draft = self._draft(body)
        request_id = await self.exchange.ask(draft, user)
        case = self.exchange.case_at(request_id, draft.providers[0], "requester")
        found = len(papers.unpack_ids(self.exchange.keys.get(case, "cohort")))
        given = len(draft.cohort.ids) if draft.cohort.ids is not None else None
        return {"request": request_id, "cohort": found, "given": given, "deadline": when(case.leg.deadline)}

    async def list_requests(self, user: User, body: Mapping[str, Any]) -> dict[str, Any]:
        """The requests that this user may see, the newest first."""
        wanted = read_body(models.RequestList, body)
        analyst = user.name if user.role == "analyst" else None
        role = "requester" if analyst else wanted.role
        found = self.node.store.requests.list(
            role=role, state=wanted.state, analyst=analyst, limit=wanted.limit, offset=wanted.offset
        )
        return {"requests": [self._line(request) for request in found]}

    async def show_request(self, user: User, body: Mapping[str, Any]) -> dict[str, Any]:
        """Where a request stands, leg by leg."""
        return self._status(user, self.seen_by(user, read_body(models.RequestRef, body).request))

    async def watch_request(self, user: User, body: Mapping[str, Any]) -> AsyncIterator[dict[str, Any]]:
        """The same, whenever it has changed, until the request has ended."""
        request_id = read_body(models.RequestRef, body).request
        last: dict[str, Any] = {}
        while True:
            status = self._status(user, self.seen_by(user, request_id))
            if status != last:
                yield status
                last = status
            if status["state"] != "open":
                return
            await asyncio.sleep(WATCH_SECONDS)

    async def cancel_request(self, user: User, body: Mapping[str, Any]) -> dict[str, Any]:
        """[10] End a request of ours, whichever step it is at."""
        request = self.seen_by(user, read_body(models.RequestRef, body).request)
        if request.role != "requester":
            raise DeskError("not-ours")
        await self.exchange.cancel(request.id)
        return self._status(user, self.seen_by(user, request.id))

    async def approve_request(self, user: User, body: Mapping[str, Any]) -> dict[str, Any]:
        """[2, 3] Record what an officer decided about a request that waits for it here.

        A requester of another agency hears of it when it asks again.
        """
        wanted = read_body(models.Approval, body)
        if wanted.decision == "refuse" and not wanted.reason:
            raise DeskError("invalid", "reason: a refusal needs one")
        request = self.seen_by(user, wanted.request)
        if self.asked_by(user, request):
            raise DeskError("own-request")
        waiting = [case for case in self.cases(request) if self._waits(case)]
        if not waiting:
            raise DeskError("not-waiting")
        now = self.exchange.now()
        for case in waiting:
            self.node.store.approvals.add(request.id, case.ref.provider, user.name, wanted.decision, wanted.reason, now)
        return self._status(user, request)

    @staticmethod
    def _draft(body: Mapping[str, Any]) -> RequestDraft:
        draft = validate_draft(read_body(models.Draft, body).draft)
        if draft.cohort.file is not None:
            raise DeskError("cohort-file")
        return draft

    def _line(self, request: Request) -> dict[str, Any]:
        cases = self.cases(request)
        question = cases[0].question if cases else None
        return {
            "request": request.id,
            "role": request.role,
            "requester": request.requester,
            "providers": [case.ref.provider for case in cases],
            "agreement": cases[0].order.agreement_id if cases else "",
            "purpose": question.purpose if question else "",
            "state": request.state,
            "reason": request.reason,
            "analyst": request.analyst,
            "created_at": when(request.created_at),
            "deadline": when(request.deadline),
            "finished_at": when(request.finished_at),
            "waiting_for_approval": any(self._waits(case) for case in cases),
        }

    def _status(self, user: User, request: Request) -> dict[str, Any]:
        return {**self._line(request), "legs": [self._leg(user, case) for case in self.cases(request)]}

    def _leg(self, user: User, case: Case) -> dict[str, Any]:
        leg = case.leg
        at_peer = leg.step < ENDED and leg.next_at < leg.deadline
        known = self.node.store.approvals.get(leg.request_id, leg.provider)
        approval = None if known is None else {"decision": known.decision, "reason": known.reason, "at": when(known.at)}
        told = {
            "provider": leg.provider,
            "linkage_unit": case.linkage_unit,
            "method": case.order.method,
            "step": leg.step,
            "step_words": self._words(case, known.decision if known is not None else ""),
            "state": leg.state,
            "outcome": leg.outcome,
            "reason": str(leg.progress.get("reason", "")),
            "reasons": self._reasons(case),
            "next_at": when(leg.next_at) if at_peer else None,
            "attempts": leg.attempts,
            "last_error": _error(leg.last_error),
            "approval": approval,
            "results": self.node.store.results.get(leg.request_id, leg.provider) is not None,
        }
        if case.question is not None:
            told["attributes"] = list(case.asked.attributes)
            told["cohort_class"] = case.asked.cohort_class
            told["assertions"] = [{"condition": a.condition, "by": a.by, "ref": a.ref} for a in case.asked.assertions]
        return told

    @staticmethod
    def _words(case: Case, decision: str) -> str:
        """What a leg does now. A provider's that was decided about waits until the requester asks again."""
        leg = case.leg
        if (leg.role, leg.step) == ("provider", 3) and decision:
            return f"{'approved' if decision == 'approve' else 'refused'}; the requester hears of it when it asks next"
        return _STEPS[leg.role].get(leg.step, "")

    def _waits(self, case: Case) -> bool:
        """A provider's leg waits at step 3; where both sides must approve, the requester's waits at step 2."""
        role, step = case.leg.role, case.leg.step
        here = (role == "provider" and step == 3) or (
            role == "requester" and step == 2 and case.terms.approval == "both"
        )
        return here and self.node.store.approvals.get(case.ref.request_id, case.ref.provider) is None

    def _reasons(self, case: Case) -> list[dict[str, str]]:
        """Why a leg was refused: what our own policy said, or what the others let us know."""
        if case.leg.outcome != "refused":
            return []
        decision = self.exchange.kept_decision(case, 2 if case.leg.role == "requester" else 3)
        if decision is not None and not decision.allow:
            return _reasons(decision.all_reasons())
        peers = ((case.ref.provider, "SubmitRequest.reply"), (case.linkage_unit, "SubmitOrder.reply"))
        for peer, kind in peers:
            answer = self.exchange.post.found(case.ref, "received", peer, kind, "answer")
            if answer is not None and answer.answer.status == pb.Answer.STATUS_REFUSED:
                return _reasons(answer.answer.reasons)
        code = str(case.leg.progress.get("reason", ""))
        return _reasons([pb.Reason(code=code)]) if code else []


def _reasons(found: Iterable[Any]) -> list[dict[str, str]]:
    names = ("code", "statute", "condition", "sentence", "mend")
    return [_worded({name: getattr(reason, name) for name in names}) for reason in found]


def _worded(reason: dict[str, str]) -> dict[str, str]:
    """A reason that came as a bare code gets its words from here, or from the catalogue of errors."""
    code = reason["code"]
    if not reason["sentence"] and (words := _WORDS.get(code)):
        return reason | {"sentence": words[0], "mend": words[1]}
    if not reason["sentence"] and (says := full_catalogue().get(code)):
        return reason | {"sentence": says.sentence, "mend": says.mend}
    return reason


def _told(decision: Decision) -> dict[str, Any]:
    return {"allow": decision.allow, "decision": decision.to_json(), "explained": explain(decision)}


def _error(code: str) -> dict[str, str] | None:
    if not code:
        return None
    says = full_catalogue().get(code)
    return {"code": code, "sentence": says.sentence if says else "", "mend": says.mend if says else ""}
