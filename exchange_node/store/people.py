"""The agency's own users, and what they decided about requests."""

from __future__ import annotations

from sqlalchemy import select, update

from exchange_node.store import tables
from exchange_node.store.engine import Database, as_row, once
from exchange_node.store.errors import StoreError
from exchange_node.store.model import Approval, User


class Users:
    """Who holds a client certificate of this agency.

    A renewed certificate is a further row of the same name.
    """

    def __init__(self, database: Database) -> None:
        self._database = database

    def add(self, name: str, role: str, fingerprint: str, serial: str, not_after: int, at: int) -> User:
        """Record a user's certificate.

        The same again is no news; a fingerprint of somebody else: `conflict`.
        """
        user = User(name, role, fingerprint, serial, not_after, at)
        with self._database.write("users.add") as connection:
            once(connection, tables.users, as_row(user), same=("name", "role", "serial", "not_after"))
        return user

    def revoke(self, name: str, at: int) -> int:
        """Revoke every certificate of a user; how many were still good.

        Raises `not-found` for an unknown name.
        """
        theirs = tables.users.c.name == name
        with self._database.write("users.revoke") as connection:
            if connection.execute(select(tables.users.c.name).where(theirs).limit(1)).first() is None:
                raise StoreError("not-found", "user")
            good = theirs & tables.users.c.revoked_at.is_(None)
            return connection.execute(update(tables.users).where(good).values(revoked_at=at)).rowcount

    def list(self) -> list[User]:
        """Every certificate, revoked ones too, by name."""
        query = select(tables.users).order_by(tables.users.c.name, tables.users.c.added_at)
        with self._database.read() as connection:
            return [User(**row) for row in connection.execute(query).mappings()]

    def by_fingerprint(self, fingerprint: str) -> User | None:
        """The user of a certificate, *also if it was revoked*: callers MUST look at `revoked_at`."""
        query = select(tables.users).where(tables.users.c.fingerprint == fingerprint)
        with self._database.read() as connection:
            row = connection.execute(query).mappings().one_or_none()
        return None if row is None else User(**row)


class Approvals:
    """What a person decided about a leg: once, and for good."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def add(self, request_id: str, provider: str, approver: str, decision: str, reason: str, at: int) -> Approval:
        """Record a decision. The same again is no news; another decision or person: `conflict`."""
        approval = Approval(request_id, provider, approver, decision, reason, at)
        with self._database.write("approvals.add") as connection:
            once(connection, tables.approvals, as_row(approval), same=("approver", "decision", "reason"))
        return approval

    def get(self, request_id: str, provider: str) -> Approval | None:
        """The decision about a leg, or None while there is none."""
        key = (tables.approvals.c.request_id == request_id) & (tables.approvals.c.provider == provider)
        with self._database.read() as connection:
            row = connection.execute(select(tables.approvals).where(key)).mappings().one_or_none()
        return None if row is None else Approval(**row)
