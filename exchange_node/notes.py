"""What this node writes into its log about a request by itself, and what of it only a seal is shown of.

What concerns people stands in the log as a commitment; value and salt stay here, sealed (`Opening`).
"""

from __future__ import annotations

import json
import secrets
from collections.abc import Callable, Mapping, Sequence
from typing import Any

from exchange_node.audit.canonical import JSON
from exchange_node.audit.entry import Entry, commit, entry_id
from exchange_node.errors import ExchangeError
from exchange_node.node import Node
from exchange_node.papers import Case
from exchange_node.policy.decision import Decision


class Notes:
    """Entries about requests. Messages have theirs in `correspondence.py`."""

    def __init__(self, node: Node) -> None:
        self._node = node

    async def write(
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
        await self._node.log.record(
            Entry(
                id=self.entry_id_of(case, step, part),
                kind=kind,
                at=self._node.clock.now(),
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
        entry = self.entry_id_of(case, step, part)
        known = self.kept(entry)
        if known is None:
            value, salt = make(), secrets.token_bytes(32)
            self._node.store.openings.put(entry, "value", salt, self.seal_opening(entry, value))
        else:
            value, salt = known
        return value, commit(value, salt)

    def seal_opening(self, entry: str, value: Any) -> bytes:
        """An opening as it rests."""
        return self._node.vault.wrap(f"opening/{entry}", json.dumps(value).encode())

    def kept(self, entry: str) -> tuple[Any, bytes] | None:
        """Value and salt behind an entry's commitment, for those who may read this node's own reasons."""
        found = self._node.store.openings.get(entry)
        if not found:
            return None
        return json.loads(self._node.vault.unwrap(f"opening/{entry}", found[0].value)), found[0].salt

    @staticmethod
    def entry_id_of(case: Case, step: int, part: str) -> str:
        """The id of an entry about a leg: the same however often the step is run."""
        return entry_id(case.ref.request_id, case.ref.provider, step, case.leg.role, "", part)

    async def refused_question(self, request_id: str, provider: str, decision: Decision) -> None:
        """[2] A question that may not be asked leaves an entry, and nothing else."""
        entry, salt = entry_id(request_id, provider, 2, "requester", "", "decision"), secrets.token_bytes(32)
        value = decision.to_json()
        self._node.store.openings.put(entry, "value", salt, self.seal_opening(entry, value))
        codes = [reason.code for reason in decision.all_reasons()]
        await self._refused(entry, request_id, codes, decided(decision), {"decision": commit(value, salt)})

    async def refused_at_once(self, request_id: str, error: ExchangeError) -> None:
        """[2] So does one that agreement, federation or clock refuse before policy can be asked."""
        entry = entry_id(request_id, "", 2, "requester", "", "decision")
        await self._refused(entry, request_id, [error.code], {"allow": False})

    async def _refused(
        self,
        entry: str,
        request_id: str,
        codes: Sequence[str],
        facts: Mapping[str, JSON],
        commitments: Mapping[str, str] | None = None,
    ) -> None:
        await self._node.log.record(
            Entry(
                id=entry,
                kind="fact",
                at=self._node.clock.now(),
                step=2,
                request=request_id,
                role="requester",
                peer="",
                action="question.refused",
                facts={**facts, "reasons": [*codes]},
                commitments=commitments or {},
            )
        )


def decided(decision: Decision) -> dict[str, JSON]:
    """What the log says of a decision in clear: enough to have it again, nothing about a person."""
    return {
        "allow": decision.allow,
        "engine": f"{decision.engine} {decision.engine_version}",
        "bundle": decision.bundle_digest,
        "input": decision.input_digest,
        "decision": decision.decision_id,
    }
