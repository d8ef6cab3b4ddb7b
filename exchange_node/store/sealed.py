"""What rests sealed: keys of a request, openings of commitments, and results.

What becomes of deleted bytes. On SQLite destroyed secrets are overwritten with zeros wherever the database had
them, and the write-ahead log is cut to nothing before the call returns (a node killed in between does it when
it opens). Deleted results are overwritten too, but a copy of one page's worth may stay where SQLite moved rows
about. What the disk's own firmware or file system keeps is beyond a program. On PostgreSQL a deleted row stays
in its page until VACUUM has run, and in WAL segments until they are recycled, in backups and standbys for as
long as those are kept; nothing can be promised about it. In each case it is a box sealed under the node's own
key, which is not in the database.
"""

from __future__ import annotations

import builtins
from collections.abc import Mapping
from typing import Any

from sqlalchemy import Connection, Table, delete, insert, select

from exchange_node.store import tables
from exchange_node.store.engine import Database, as_row, once
from exchange_node.store.model import Opening, Result, Secret


class Secrets:
    """Keys of a leg, each sealed by the caller; the store never sees one open."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def put(self, request_id: str, provider: str, name: str, sealed: bytes) -> None:
        """Record a secret. The same bytes again are no news; others raise StoreError `conflict`."""
        with self._database.write("secrets.put") as connection:
            keep_secret(connection, Secret(request_id, provider, name, sealed))

    def get(self, request_id: str, provider: str, name: str) -> bytes | None:
        """The sealed bytes, or None."""
        table = tables.secrets.c
        key = (table.request_id == request_id) & (table.provider == provider) & (table.name == name)
        with self._database.read() as connection:
            return connection.scalar(select(table.sealed).where(key))

    def destroy(self, request_id: str, provider: str) -> int:
        """Delete a leg's secrets and overwrite their bytes, as the module's text says; how many there were.

        Call it again if it raises. Raises StoreError `not-erased` if a reader from outside holds the log.
        """
        table = tables.secrets
        mine = (table.c.request_id == request_id) & (table.c.provider == provider)
        with self._database.write("secrets.destroy") as connection:
            count = connection.execute(delete(table).where(mine)).rowcount
            if count and connection.dialect.name == "sqlite":
                _rebuild(connection, table)
        self._database.empty_log()
        return count


class Openings:
    """Salts and sealed values that open the commitments of audit entries."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def put(self, entry_id: str, name: str, salt: bytes, value: bytes) -> None:
        """Record an opening. The same salt again is no news; another raises StoreError `conflict`."""
        with self._database.write("openings.put") as connection:
            keep_opening(connection, Opening(entry_id, name, salt, value))

    def get(self, entry_id: str) -> list[Opening]:
        """The openings of an entry, by name."""
        query = select(tables.openings).where(tables.openings.c.entry_id == entry_id).order_by(tables.openings.c.name)
        with self._database.read() as connection:
            return [Opening(**row) for row in connection.execute(query).mappings()]


class Results:
    """What providers released to this node."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def put(self, request_id: str, provider: str, sealed: bytes, summary: Mapping[str, Any], at: int) -> None:
        """Record a result. The same bytes again are no news; others raise StoreError `conflict`."""
        row = as_row(Result(request_id, provider, sealed, summary, at))
        with self._database.write("results.put") as connection:
            once(connection, tables.results, row, same=("sealed",))

    def get(self, request_id: str, provider: str) -> Result | None:
        """A result, or None."""
        with self._database.read() as connection:
            row = (
                connection.execute(select(tables.results).where(_result(request_id, provider))).mappings().one_or_none()
            )
        return None if row is None else Result(**row)

    def list(self, request_id: str) -> builtins.list[Result]:
        """Every result of a request, by provider."""
        query = select(tables.results).where(tables.results.c.request_id == request_id)
        with self._database.read() as connection:
            rows = connection.execute(query.order_by(tables.results.c.provider)).mappings()
            return [Result(**row) for row in rows]

    def delete(self, request_id: str, provider: str) -> bool:
        """Delete a result and overwrite its bytes, as the module's text says; whether there was one."""
        with self._database.write("results.delete") as connection:
            gone = connection.execute(delete(tables.results).where(_result(request_id, provider))).rowcount
        self._database.empty_log()
        return gone > 0


def _rebuild(connection: Connection, table: Table) -> None:
    """Write a small table anew, so that SQLite overwrites every page it had.

    `secure_delete` alone is not enough: pages that were split or merged keep copies of rows that moved, and those
    outlive the row (7 of 3,200 secrets of random sizes in a trial). A page that is given up is zeroed whole.
    """
    rows = [dict(row) for row in connection.execute(select(table)).mappings()]
    connection.execute(delete(table))
    if rows:
        connection.execute(insert(table), rows)


def keep_secret(connection: Connection, secret: Secret) -> None:
    """`Secrets.put` inside a transaction."""
    once(connection, tables.secrets, as_row(secret), same=("sealed",))


def keep_opening(connection: Connection, opening: Opening) -> None:
    """`Openings.put` inside a transaction. Only the salt decides: the value may have been sealed again."""
    once(connection, tables.openings, as_row(opening), same=("salt",))


def _result(request_id: str, provider: str) -> Any:
    return (tables.results.c.request_id == request_id) & (tables.results.c.provider == provider)
