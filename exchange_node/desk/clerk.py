"""What all parts of the desk share."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, datetime

from exchange_node.audit.canonical import JSON
from exchange_node.audit.entry import Entry, entry_id
from exchange_node.desk.errors import DeskError
from exchange_node.exchange import Exchange
from exchange_node.papers import Case
from exchange_node.store.model import Request, User


class Clerk:
    """Base of the desk's parts: the exchange, and who may see which request."""

    def __init__(self, exchange: Exchange) -> None:
        self.exchange = exchange
        self.node = exchange.node

    def seen_by(self, user: User, request_id: str) -> Request:
        """A request, if this user may see it: an analyst their own, officers and administrators all.

        Raises DeskError `unknown-request` for one that is not there and for one that is another's alike.
        """
        request = self.node.store.requests.get(request_id)
        if request is None or (user.role == "analyst" and not self.asked_by(user, request)):
            raise DeskError("unknown-request")
        return request

    @staticmethod
    def asked_by(user: User, request: Request) -> bool:
        """Whether this user asked that request, here."""
        return request.role == "requester" and request.analyst == user.name

    def cases(self, request: Request) -> list[Case]:
        """The legs of a request with their papers."""
        return [self.exchange.case(request, leg) for leg in self.node.store.legs.list(request.id)]

    async def record(
        self,
        part: str,
        kind: str,
        action: str,
        facts: Mapping[str, JSON],
        commitments: Mapping[str, str] | None = None,
    ) -> None:
        """An entry about the node's own matters. Returns once it is durable and under a checkpoint."""
        await self.node.log.record(
            Entry(
                id=self.matter(part),
                kind=kind,
                at=self.exchange.now(),
                step=0,
                request="",
                role="node",
                peer="",
                action=action,
                facts=facts,
                commitments=commitments or {},
            )
        )

    @staticmethod
    def matter(part: str) -> str:
        """The id of an entry about the node's own matters."""
        return entry_id("", "", 0, "node", "", part)


def when(seconds: int | None) -> str | None:
    """Epoch seconds as RFC 3339 in UTC."""
    return None if seconds is None else datetime.fromtimestamp(seconds, UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
