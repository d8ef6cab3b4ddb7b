"""What the log says of a request, and why it was decided so, for those who may know."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from contextlib import suppress
from typing import Any

from exchange_node.audit.entry import Entry, commit
from exchange_node.audit.story import Opening, tell
from exchange_node.desk import models
from exchange_node.desk.clerk import Clerk
from exchange_node.desk.errors import DeskError
from exchange_node.desk.models import read_body
from exchange_node.errors import ExchangeError
from exchange_node.homes import log_origin, log_signer
from exchange_node.policy.decision import Decision
from exchange_node.policy.explain import explain
from exchange_node.store.model import User

HIDDEN = ("people",)  # who each decision was about: in the store for a regulator, on nobody's screen


class Stories(Clerk):
    """Audit and explanation."""

    async def show_audit(self, user: User, body: Mapping[str, Any]) -> dict[str, Any]:
        """The log's entries about a request, in words, with the checkpoint that covers them.

        What entries only commit to is opened for officers, and for an analyst in their own requests; never for
        administrators, who run the machine and judge no case. Who was decided about is left out for all.
        """
        request_id = read_body(models.RequestRef, body).request
        found = self._entries(user, request_id)
        openings = {} if user.role == "administrator" else self._openings([entry for _, entry in found])
        lines = tell(found, openings, names=self._names())
        return {
            "request": request_id,
            "organisation": self.node.org,
            "log": {"origin": log_origin(self.node.org), "key": log_signer(self.node.keys, self.node.org).vkey},
            "checkpoint": self.node.log.checkpoint().decode(),
            "entries": [{"index": index, "entry": json.loads(entry.encode())} for index, entry in found],
            "lines": [
                {
                    "index": line.index, "at": line.at, "who": line.who, "what": line.what, "why": line.why,
                    "text": str(line), "sealed": list(line.sealed),
                    "opened": {name: _shown(value) for name, value in line.opened.items()},
                }
                for line in lines
            ],
        }  # fmt: skip

    async def explain_decision(self, user: User, body: Mapping[str, Any]) -> dict[str, Any]:
        """Every decision that this node took about a request, in plain words, and what would change it."""
        request_id = read_body(models.RequestRef, body).request
        found = self._entries(user, request_id)
        decisions = []
        for _, entry in found:
            kept = self.exchange.notes.kept(entry.id)
            if kept is None or not isinstance(kept[0], dict):
                continue
            if entry.action in ("decision.ask", "question.refused"):
                decisions.append(self._explained(entry, kept[0], None))
            elif entry.action == "approval.given":
                decisions.append(_approval(entry, kept[0]))
            elif entry.action == "release.sealed":
                number_of: dict[int, int] = {}
                for number in kept[0].get("people", {}).values():
                    number_of[number] = number_of.get(number, 0) + 1
                decisions += [
                    self._explained(entry, decision, number_of.get(number, 0))
                    for number, decision in enumerate(kept[0].get("decisions", []))
                ]
        if not decisions:
            raise DeskError("unknown-request", "no decision was taken here")
        return {"request": request_id, "decisions": decisions}

    @staticmethod
    def _explained(entry: Entry, value: Mapping[str, Any], people: int | None) -> dict[str, Any]:
        decision = Decision.from_json(value)
        return {
            "leg": entry.leg,
            "step": entry.step,
            "allow": decision.allow,
            "reasons": [reason.code for reason in decision.all_reasons()],
            "people": people,
            "explained": explain(decision),
        }

    def _entries(self, user: User, request_id: str) -> list[tuple[int, Entry]]:
        """Of a request that was refused at once there are entries only; officers and administrators see those."""
        if user.role == "analyst":
            known = self.node.store.requests.get(request_id)
            if known is None and not self._refused_to(user, request_id):
                raise DeskError("unknown-request")
            if known is not None:
                self.seen_by(user, request_id)
        found = list(self.node.log.find(request_id))
        if not found:
            raise DeskError("unknown-request")
        return found

    def _refused_to(self, user: User, request_id: str) -> bool:
        """A refused question belongs to nobody in the store; whoever has its random id was told of it."""
        return any(entry.action == "question.refused" for _, entry in self.node.log.find(request_id))

    def _openings(self, entries: Sequence[Entry]) -> dict[str, Opening]:
        found = {}
        for entry in entries:
            kept = self.exchange.notes.kept(entry.id) if entry.commitments else None
            if kept is not None and (commitment := commit(*kept)) in entry.commitments.values():
                found[commitment] = Opening(*kept)
        return found

    def _names(self) -> dict[str, str]:
        names = {"": self.node.config.node.name}
        with suppress(ExchangeError):  # ids will do while no manifest is in force
            names |= {org.id: org.name for org in self.node.federation.manifest(self.exchange.now()).organisations}
        return names


def _approval(entry: Entry, value: Mapping[str, Any]) -> dict[str, Any]:
    """What a person decided, in the form of a decision of policy."""
    approved = entry.facts["decision"] == "approve"
    told = f"{value['approver']} looked at the request and {'approved' if approved else 'refused'} it."
    reason = [f"Reason: {value['reason']}"] if value["reason"] else []
    codes = [] if approved else ["approval-refused"]
    return {"leg": entry.leg, "step": entry.step, "allow": approved, "reasons": codes, "people": None,
            "explained": [told, *reason]}  # fmt: skip


def _shown(value: Any) -> Any:
    return {name: part for name, part in value.items() if name not in HIDDEN} if isinstance(value, dict) else value
