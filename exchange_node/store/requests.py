"""Requests as this node knows them, and how many of them somebody has open."""

from __future__ import annotations

import builtins
from collections.abc import Sequence

from sqlalchemy import Connection, func, select, update

from exchange_node.store import tables
from exchange_node.store.engine import Database, as_row, once
from exchange_node.store.errors import StoreError
from exchange_node.store.messages import keep
from exchange_node.store.model import Leg, Message, Request, Secret
from exchange_node.store.sealed import keep_secret
from exchange_node.store.spool import Spool


class Requests:
    """Every request this node asked, was asked, or links. An id stands for one request in one role."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def create(
        self,
        request: Request,
        legs: Sequence[Leg],
        messages: Sequence[Message] = (),
        secrets: Sequence[Secret] = (),
    ) -> bool:
        """Record a request, its legs, first messages and secrets in one transaction; False if it was there.

        What is there already must be the same, legs by their presence. A leg may join while the request is open;
        at a linkage unit, which hears of legs one by one, later too, and the request is then open again.
        Raises StoreError: conflict (another requester, role or digest under the id; a leg of another
        request, or new for a request that has ended), message-differs.
        """
        for leg in legs:
            if (leg.request_id, leg.requester, leg.role) != (request.id, request.requester, request.role):
                raise StoreError("conflict", "legs: of another request")
        with self._database.write("requests.create") as connection:
            new = once(connection, tables.requests, as_row(request), same=("requester", "role", "digest"))
            joined = [once(connection, tables.legs, as_row(leg), same=("requester", "role")) for leg in legs]
            for message in messages:
                keep(connection, message)
            for secret in secrets:
                keep_secret(connection, secret)
            if any(joined) and not new:
                state = select(tables.requests.c.state).where(tables.requests.c.id == request.id)
                if request.role != "linkage" and connection.scalar(state.with_for_update()) != "open":
                    raise StoreError("conflict", "requests: it has ended")
                # A linkage unit hears of legs one by one, and of the next perhaps after the last has ended.
                again = {"content": request.content, "state": "open", "reason": "", "finished_at": None}
                connection.execute(update(tables.requests).where(tables.requests.c.id == request.id).values(again))
            return new

    def get(self, id: str) -> Request | None:
        """A request, or None."""
        with self._database.read() as connection:
            row = connection.execute(select(tables.requests).where(tables.requests.c.id == id)).mappings().one_or_none()
        return None if row is None else Request(**row)

    def list(
        self,
        *,
        role: str | None = None,
        state: str | None = None,
        requester: str | None = None,
        analyst: str | None = None,
        limit: int | None = 100,
        offset: int = 0,
    ) -> builtins.list[Request]:
        """Requests that match all of what is given, the newest first."""
        given = {"role": role, "state": state, "requester": requester, "analyst": analyst}
        where = [tables.requests.c[name] == value for name, value in given.items() if value is not None]
        query = select(tables.requests).where(*where).limit(limit).offset(offset)
        with self._database.read() as connection:
            rows = connection.execute(query.order_by(tables.requests.c.created_at.desc(), tables.requests.c.id))
            return [Request(**row) for row in rows.mappings()]

    def finish(self, id: str, role: str, state: str, reason: str, at: int) -> None:
        """End a request.

        The same end again is no news. Raises StoreError: not-found, conflict (ended otherwise).
        """
        with self._database.write("requests.finish") as connection:
            end(connection, id, role, state, reason, at)


def end(connection: Connection, id: str, role: str, state: str, reason: str, at: int) -> None:
    """`Requests.finish` inside a transaction."""
    this = (tables.requests.c.id == id) & (tables.requests.c.role == role)
    change = update(tables.requests).where(this, tables.requests.c.state == "open")
    if connection.execute(change.values(state=state, reason=reason, finished_at=at)).rowcount:
        return
    known = connection.scalar(select(tables.requests.c.state).where(this))
    if known is None:
        raise StoreError("not-found", "request")
    if known != state:
        raise StoreError("conflict", f"requests: it is {known}")


class Quota:
    """What each party takes up of this node."""

    def __init__(self, database: Database, spool: Spool | None) -> None:
        self._database = database
        self._spool = spool

    def open_requests(self, requester: str) -> int:
        """How many requests of an organisation are open here."""
        table = tables.requests
        query = select(func.count()).select_from(table)
        query = query.where(table.c.requester == requester, table.c.state == "open")
        with self._database.read() as connection:
            return connection.execute(query).scalar_one()

    def bytes_held(self, peer: str) -> int:
        """Bytes of a party's chunks in the spool."""
        return 0 if self._spool is None else self._spool.usage(peer)
