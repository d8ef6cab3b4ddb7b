"""Legs: the one table that says what each exchange does next.

A step's facts, its messages, its secrets and the move to the next step are one transaction, so a node that
is killed stands before or after a step and never within. A stored message that was not answered yet, on a
leg that is due, is the outbox.
"""

from __future__ import annotations

import builtins
from collections.abc import Iterable, Mapping
from dataclasses import replace
from typing import Any, TypedDict, Unpack

from sqlalchemy import Connection, select, update

from exchange_node.store import tables
from exchange_node.store.engine import Database
from exchange_node.store.errors import StoreError
from exchange_node.store.messages import keep
from exchange_node.store.meta import counter
from exchange_node.store.model import Leg, Message, Opening, Request, Secret
from exchange_node.store.requests import end
from exchange_node.store.sealed import keep_opening, keep_secret

_RUNNING = ("active", "waiting")


class Move(TypedDict, total=False):
    """What a move may change besides the step; what is left out stays."""

    state: str  # "active" if left out, "ended" for step 11
    next_at: int
    outcome: str
    progress: Mapping[str, Any]
    messages: Iterable[Message]
    openings: Iterable[Opening]
    secrets: Iterable[Secret]
    finish: tuple[str, str, int]  # state, reason, at: end the request too, if this ends the last of its legs


class Legs:
    """A leg is changed only by who holds its latest version; the others get StoreError `conflict`."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def get(self, request_id: str, provider: str) -> Leg | None:
        """A leg, or None."""
        with self._database.read() as connection:
            row = connection.execute(select(tables.legs).where(_key(request_id, provider))).mappings().one_or_none()
        return None if row is None else Leg(**row)

    def with_request(self, request_id: str, provider: str) -> tuple[Request, Leg] | None:
        """A leg and its request as they stand together, or None."""
        its_request = select(tables.requests).where(tables.requests.c.id == request_id)
        with self._database.read() as connection:
            leg = connection.execute(select(tables.legs).where(_key(request_id, provider))).mappings().one_or_none()
            if leg is None:
                return None
            return Request(**connection.execute(its_request).mappings().one()), Leg(**leg)

    def list(self, request_id: str) -> builtins.list[Leg]:
        """The legs of a request, by provider."""
        query = select(tables.legs).where(tables.legs.c.request_id == request_id).order_by(tables.legs.c.provider)
        with self._database.read() as connection:
            return [Leg(**row) for row in connection.execute(query).mappings()]

    def due(self, now: int, limit: int = 100) -> builtins.list[Leg]:
        """Legs that have not ended and whose time has come, the longest due first."""
        table = tables.legs
        query = select(table).where(table.c.state.in_(_RUNNING), table.c.next_at <= now).limit(limit)
        with self._database.read() as connection:
            rows = connection.execute(query.order_by(table.c.next_at, table.c.request_id, table.c.provider))
            return [Leg(**row) for row in rows.mappings()]

    def move(self, leg: Leg, *, step: int, **changes: Unpack[Move]) -> Leg:
        """Move a leg to a step, with everything that belongs to it, in one transaction; the leg as it is now.

        Attempts and last error begin anew. `next_at`, `outcome` and `progress` stay unless given.
        Raises StoreError: conflict (the leg was moved by somebody else, or has ended; a secret or opening
        differs), message-differs, invalid (no such step or state, or `ended` elsewhere than at step 11).
        """
        with self._database.write("legs.move") as connection:
            return _move(connection, leg, step, changes)

    def release_move(self, leg: Leg, choices_version: int, *, step: int, **changes: Unpack[Move]) -> Leg:
        """`move`; StoreError `choices-changed` if a choice was recorded or withdrawn since `choices_version`.

        This transaction is the moment up to which a withdrawal counts.
        """
        with self._database.write("legs.release-move") as connection:
            if counter(connection, "choices", hold=True) != choices_version:
                raise StoreError("choices-changed")
            return _move(connection, leg, step, changes)

    def retry_later(self, leg: Leg, next_at: int, error: str) -> Leg:
        """Record a failed attempt. `error` is a code of the catalogue. Raises StoreError `conflict`."""
        with self._database.write("legs.retry-later") as connection:
            return _change(connection, leg, next_at=next_at, last_error=error, attempts=leg.attempts + 1)

    def touch_progress(self, leg: Leg, progress: Mapping[str, Any]) -> Leg:
        """Record how far a long step has come. Raises StoreError `conflict`."""
        with self._database.write("legs.touch-progress") as connection:
            return _change(connection, leg, progress=progress)


def _move(connection: Connection, leg: Leg, step: int, changes: Move) -> Leg:
    values = {name: value for name, value in changes.items() if name in ("next_at", "outcome", "progress")}
    state = changes.get("state", "ended" if step == 11 else "active")
    moved = _change(connection, leg, step=step, state=state, attempts=0, last_error="", **values)
    for message in changes.get("messages", ()):
        keep(connection, message)
    for opening in changes.get("openings", ()):
        keep_opening(connection, opening)
    for secret in changes.get("secrets", ()):
        keep_secret(connection, secret)
    if "finish" in changes and moved.state == "ended":
        _finish(connection, moved, *changes["finish"])
    return moved


def _finish(connection: Connection, leg: Leg, state: str, reason: str, at: int) -> None:
    # Two legs that end at once take turns here, or each would take the other for running.
    connection.execute(select(tables.requests.c.id).where(tables.requests.c.id == leg.request_id).with_for_update())
    running = (tables.legs.c.request_id == leg.request_id) & tables.legs.c.state.in_(_RUNNING)
    if connection.execute(select(tables.legs.c.provider).where(running)).first() is None:
        end(connection, leg.request_id, leg.role, state, reason, at)


def _change(connection: Connection, leg: Leg, **values: Any) -> Leg:
    values["version"] = leg.version + 1
    mine = _key(leg.request_id, leg.provider) & (tables.legs.c.version == leg.version)
    running = tables.legs.c.state.in_(_RUNNING)
    if connection.execute(update(tables.legs).where(mine, running).values(values)).rowcount != 1:
        raise StoreError("conflict", "legs: moved by somebody else, or ended")
    return replace(leg, **values)


def _key(request_id: str, provider: str) -> Any:
    return (tables.legs.c.request_id == request_id) & (tables.legs.c.provider == provider)
