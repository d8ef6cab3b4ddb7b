"""The store as one value: everything durable of a node, by subject."""

from __future__ import annotations

from pathlib import Path
from types import TracebackType
from typing import Self

from exchange_node.ports import Faults, no_faults
from exchange_node.store.choices import Choices
from exchange_node.store.documents import Documents
from exchange_node.store.engine import Database
from exchange_node.store.evidence import AuditIndex, Peers
from exchange_node.store.legs import Legs
from exchange_node.store.messages import Messages
from exchange_node.store.meta import Meta
from exchange_node.store.migrate import migrate
from exchange_node.store.people import Approvals, Users
from exchange_node.store.requests import Quota, Requests
from exchange_node.store.sealed import Openings, Results, Secrets
from exchange_node.store.spool import Spool

SPOOL_BYTES = 8 << 30


class Store:
    """Durable state of one node. Synchronous, thread-safe; every write that returned is on the disk.

    Any method may raise StoreError `cannot-write`, `locked`, `unreachable`, `damaged` or `closed`; the
    caller then takes nothing for granted, and denies.
    """

    def __init__(self, database: Database, spool: Spool | None = None) -> None:
        self.database = database
        self._spool = spool
        self.meta = Meta(database)
        self.users = Users(database)
        self.documents = Documents(database)
        self.choices = Choices(database)
        self.requests = Requests(database)
        self.legs = Legs(database)
        self.messages = Messages(database)
        self.secrets = Secrets(database)
        self.openings = Openings(database)
        self.approvals = Approvals(database)
        self.peers = Peers(database)
        self.audit_index = AuditIndex(database)
        self.results = Results(database)
        self.quota = Quota(database, spool)

    @classmethod
    def open(
        cls,
        url: str,
        *,
        spool: Path | None = None,
        spool_bytes: int = SPOOL_BYTES,
        faults: Faults = no_faults,
    ) -> Self:
        """Open the database and bring it to this version; the spool's folder too, where one is given.

        `url` is `sqlite:///FILE` or `postgresql://...`; `spool_bytes` is the limit for each party.
        Raises StoreError: in-use, newer-schema, migration-failed, unsupported, unreachable, cannot-write,
        damaged.
        """
        database = Database(url)
        try:
            database.faults = faults
            migrate(database)
            return cls(database, None if spool is None else Spool(spool, spool_bytes, faults))
        except BaseException:
            database.close()
            raise

    @property
    def spool(self) -> Spool:
        """The chunks of encodings, where the store was opened with a folder for them."""
        if self._spool is None:
            raise RuntimeError("the store was opened without a spool")
        return self._spool

    @property
    def faults(self) -> Faults:
        """Called before and after every durable write, with a stable name."""
        return self.database.faults

    @faults.setter
    def faults(self, hook: Faults) -> None:
        self.database.faults = hook
        if self._spool is not None:
            self._spool.faults = hook

    def close(self) -> None:
        """Let another process in."""
        self.database.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        self.close()
