"""Signed protocol messages, kept as they went over the wire."""

from __future__ import annotations

import builtins

from sqlalchemy import Connection, select

from exchange_node.store import tables
from exchange_node.store.engine import Database, as_row, once
from exchange_node.store.model import Message


class Messages:
    """What was said about each leg.

    A retry sends the stored bytes; nobody may say two things in one place.
    """

    def __init__(self, database: Database) -> None:
        self._database = database

    def put(self, message: Message) -> bool:
        """Record a message; False if the same digest was there.

        Another digest: StoreError `message-differs`.
        """
        with self._database.write("messages.put") as connection:
            return keep(connection, message)

    def get(self, request_id: str, provider: str, direction: str, peer: str, kind: str) -> Message | None:
        """One message, or None."""
        key = (request_id, provider, direction, peer, kind)
        columns = tables.messages.primary_key.columns
        where = [column == value for column, value in zip(columns, key, strict=True)]
        with self._database.read() as connection:
            row = connection.execute(select(tables.messages).where(*where)).mappings().one_or_none()
        return None if row is None else Message(**row)

    def list(self, request_id: str) -> builtins.list[Message]:
        """Every message of a request, in the order of time."""
        query = select(tables.messages).where(tables.messages.c.request_id == request_id)
        with self._database.read() as connection:
            rows = connection.execute(query.order_by(tables.messages.c.at, *tables.messages.primary_key.columns))
            return [Message(**row) for row in rows.mappings()]


def keep(connection: Connection, message: Message) -> bool:
    """`Messages.put` inside a transaction."""
    return once(connection, tables.messages, as_row(message), same=("digest",), differs="message-differs")
