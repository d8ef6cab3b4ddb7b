"""Small facts about the node itself."""

from __future__ import annotations

from sqlalchemy import Connection, select, update

from exchange_node.store import tables
from exchange_node.store.engine import Database, once


class Meta:
    """Values by key, and the clock's high-water mark."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def get(self, key: str) -> str | None:
        """The value, or None."""
        with self._database.read() as connection:
            return connection.scalar(select(tables.meta.c.value).where(tables.meta.c.key == key))

    def set(self, key: str, value: str) -> None:
        """Record a value in place of the former."""
        with self._database.write("meta.set") as connection:
            if not once(connection, tables.meta, {"key": key, "value": value}, same=()):
                connection.execute(update(tables.meta).where(tables.meta.c.key == key).values(value=value))

    def raise_high_water(self, now: int) -> int:
        """The latest time ever given here, `now` included; more than `now` if the clock was set back."""
        with self._database.write("meta.raise-high-water") as connection:
            clock = tables.counters.c
            later = (clock.name == "clock") & (clock.value < now)
            connection.execute(update(tables.counters).where(later).values(value=now))
            return counter(connection, "clock")


def counter(connection: Connection, name: str, *, hold: bool = False) -> int:
    """A counter's value; with `hold` it stays what it is until the transaction ends."""
    query = select(tables.counters.c.value).where(tables.counters.c.name == name)
    # SQLite has one writer at a time and ignores the clause.
    value: int = connection.execute(query.with_for_update(read=True) if hold else query).scalar_one()
    return value
