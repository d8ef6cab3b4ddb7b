"""What people want to happen with their data: consents, objections, opt-outs, restrictions."""

from __future__ import annotations

import builtins
from collections.abc import Iterable

from sqlalchemy import Connection, select, update

from exchange_node.store import tables
from exchange_node.store.engine import Database, as_row, once
from exchange_node.store.errors import StoreError
from exchange_node.store.meta import counter
from exchange_node.store.model import Choice

_CHUNK = 500  # references in one query; both databases take thousands, but plan them worse
_SAID = ("person", "kind", "scope", "purposes", "valid_from", "valid_to", "recorded_by", "ref")


class Choices:
    """The register of choices. Nothing is removed: a withdrawal is recorded beside the choice."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def add(self, choice: Choice) -> str:
        """Record a choice; its id.

        The same id again is no news, unless it says something else: `conflict`.
        """
        with self._database.write("choices.add") as connection:
            if once(connection, tables.choices, as_row(choice), same=_SAID):
                _changed(connection)
        return choice.id

    def add_all(self, choices: Iterable[Choice]) -> int:
        """Record many choices or none, in one transaction; how many were new. Raises as `add`."""
        with self._database.write("choices.add-all") as connection:
            new = sum(once(connection, tables.choices, as_row(choice), same=_SAID) for choice in choices)
            if new:
                _changed(connection)
        return new

    def withdraw(self, id: str, at: int, by: str) -> None:
        """Record that a choice no longer holds; the first withdrawal stands. Raises `not-found`."""
        this = tables.choices.c.id == id
        with self._database.write("choices.withdraw") as connection:
            if connection.execute(select(tables.choices.c.id).where(this)).first() is None:
                raise StoreError("not-found", "choice")
            standing = this & tables.choices.c.withdrawn_at.is_(None)
            change = update(tables.choices).where(standing).values(withdrawn_at=at, withdrawn_by=by)
            if connection.execute(change).rowcount:
                _changed(connection)

    def list(
        self, person: str | None = None, active: bool | None = None, limit: int | None = 100, offset: int = 0
    ) -> builtins.list[Choice]:
        """Choices in the order of their recording. `active` means not withdrawn, whatever their dates say."""
        query = select(tables.choices).order_by(tables.choices.c.recorded_at, tables.choices.c.id)
        if person is not None:
            query = query.where(tables.choices.c.person == person)
        if active is not None:
            withdrawn = tables.choices.c.withdrawn_at
            query = query.where(withdrawn.is_(None) if active else withdrawn.is_not(None))
        with self._database.read() as connection:
            return [Choice(**row) for row in connection.execute(query.limit(limit).offset(offset)).mappings()]

    def for_people(self, refs: Iterable[str]) -> dict[str, builtins.list[Choice]]:
        """Every choice of each person, withdrawn ones too; an empty list for somebody without.

        Many people are read in several transactions: take `version()` before, decide, and release with
        `Legs.release_move`, which fails if anything changed in between.
        """
        found: dict[str, builtins.list[Choice]] = {ref: [] for ref in refs}
        people = tuple(found)
        for start in range(0, len(people), _CHUNK):
            theirs = tables.choices.c.person.in_(people[start : start + _CHUNK])
            query = select(tables.choices).where(theirs).order_by(tables.choices.c.recorded_at, tables.choices.c.id)
            with self._database.read() as connection:
                for row in connection.execute(query).mappings():
                    found[row["person"]].append(Choice(**row))
        return found

    def version(self) -> int:
        """A number that every change raises, in the same transaction."""
        with self._database.read() as connection:
            return counter(connection, "choices")


def _changed(connection: Connection) -> None:
    mine = tables.counters.c.name == "choices"
    connection.execute(update(tables.counters).where(mine).values(value=tables.counters.c.value + 1))
