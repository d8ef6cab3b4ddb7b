"""What the node remembers about logs: its peers' last checkpoints, and where its own entries stand."""

from __future__ import annotations

from collections.abc import Sequence

from sqlalchemy import Connection, func, insert, select, update

from exchange_node.store import tables
from exchange_node.store.engine import Database, as_row, once
from exchange_node.store.errors import StoreError
from exchange_node.store.model import Checkpoint


class Peers:
    """The last checkpoint of each peer. Nothing here proves consistency; that comes before `advance`."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def get(self, org: str) -> bytes | None:
        """The signed note held of a peer, or None."""
        with self._database.read() as connection:
            return connection.scalar(select(tables.peers.c.note).where(tables.peers.c.org == org))

    def advance(self, org: str, note: bytes, size: int) -> None:
        """Hold a newer checkpoint.

        Only forward: a smaller size, or another head of the same size, is a `conflict`.
        """
        table = tables.peers
        with self._database.write("peers.advance") as connection:
            if once(connection, table, as_row(Checkpoint(org, note, size)), same=()):
                return
            mine = table.c.org == org
            held = connection.execute(select(table).where(mine).with_for_update()).mappings().one()
            if size < held["size"]:
                raise StoreError("conflict", f"peers: size {size} after {held['size']}")
            if size == held["size"] and _head(note) != _head(held["note"]):
                raise StoreError("conflict", f"peers: two heads of size {size}")
            connection.execute(update(table).where(mine).values(note=note, size=size))


class AuditIndex:
    """Where each entry stands in the audit log.

    A cache: the log fills what is missing at its end, or all of it.
    """

    def __init__(self, database: Database) -> None:
        self._database = database

    def get(self, entry_id: str) -> int | None:
        """The index of an entry, or None."""
        table = tables.audit_index.c
        with self._database.read() as connection:
            return connection.scalar(select(table.position).where(table.entry_id == entry_id))

    def add(self, ids: Sequence[tuple[str, int]]) -> None:
        """Remember ids with their indices; StoreError `conflict` unless they follow on from `size()`."""
        if not ids:
            return
        with self._database.write("audit-index.add") as connection:
            size = _size(connection)
            if [index for _, index in ids] != list(range(size, size + len(ids))):
                raise StoreError("conflict", f"audit_index: does not follow on from {size}")
            rows = [{"entry_id": entry_id, "position": index} for entry_id, index in ids]
            connection.execute(insert(tables.audit_index), rows)

    def size(self) -> int:
        """How many entries of the log are covered, from the first on."""
        with self._database.read() as connection:
            return _size(connection)

    def starting(self, prefix: str) -> list[int]:
        """The indices of all ids that start with `prefix`, ascending."""
        table = tables.audit_index.c
        query = select(table.position).order_by(table.position)
        if prefix:
            query = query.where(table.entry_id >= prefix, table.entry_id < prefix[:-1] + chr(ord(prefix[-1]) + 1))
        with self._database.read() as connection:
            return list(connection.scalars(query))

    def by_request(self, request_id: str) -> list[int]:
        """The indices of a request's entries; their ids begin with its own."""
        return self.starting(f"{request_id}/")


def _size(connection: Connection) -> int:
    last: int | None = connection.scalar(select(func.max(tables.audit_index.c.position)))
    return 0 if last is None else last + 1


def _head(note: bytes) -> bytes:
    """A signed note without its signatures, of which there may be more the next time."""
    return note.partition(b"\n\n")[0]
