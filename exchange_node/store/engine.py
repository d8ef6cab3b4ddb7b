"""One database under the store: how it is opened, how a transaction runs, and what its errors mean.

SQLite is written by one process through one connection: a lock file keeps other processes out, a lock in
this process makes threads take turns. SQLite up to 3.51.2 can corrupt a WAL database that two connections
write or checkpoint at the same moment, and Python brings the system's library. PostgreSQL has a pool of
connections, and an advisory lock for the same rule of one process.
"""

from __future__ import annotations

import fcntl
import os
import sqlite3
import threading
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import fields
from typing import Any

from sqlalchemy import URL, Connection, Engine, Table, create_engine, event, make_url, select, text
from sqlalchemy.dialects import postgresql, sqlite
from sqlalchemy.exc import ArgumentError, SQLAlchemyError
from sqlalchemy.pool import StaticPool

from exchange_node.ports import Faults, no_faults
from exchange_node.store.errors import StoreError

BUSY_SECONDS = 5
_TURN_SECONDS = 60  # a thread that waits longer than this for its turn has met a mistake of ours
_ONE_PROCESS = 0x45584348  # PostgreSQL's advisory locks are numbered, per database

# synchronous=FULL: an acknowledged commit is on the disk. EXTRA adds nothing in WAL mode, NORMAL does not
# sync.
_PRAGMAS = (
    f"PRAGMA busy_timeout={BUSY_SECONDS * 1000}",
    "PRAGMA journal_mode=WAL",
    "PRAGMA synchronous=FULL",
    "PRAGMA secure_delete=ON",
    "PRAGMA foreign_keys=ON",
    "PRAGMA temp_store=MEMORY",
    "PRAGMA trusted_schema=OFF",
)


class Database:
    """An open database. All methods are thread-safe; transactions are short and do not nest."""

    def __init__(self, url: str) -> None:
        """Open, and keep other processes out.

        Raises StoreError: unsupported, in-use, cannot-write, unreachable.
        """
        self.faults: Faults = no_faults
        self._closed = False
        self._turn: threading.Lock | None = None
        self._lock_file: int | None = None
        self._guard: Connection | None = None
        target = _target(url)
        with _translated():
            if target.get_backend_name() == "sqlite":
                self._turn = threading.Lock()
                self._lock_file = _claim(target)
                self.engine = _sqlite(target)
                # A process that was killed may have left deleted secrets in the log of its last writes.
                self._guarded(self.empty_log)
            else:
                self.engine = _postgresql(target)
                self._guarded(self._claim_server)

    @contextmanager
    def write(self, subject: str) -> Iterator[Connection]:
        """One durable transaction: after the block all of it is on the disk, or it raises and none is.

        `subject` names it for the fault hook: `store.<subject>.before` and `.after`.
        """
        self.faults(f"store.{subject}.before")
        with self.read() as connection:
            yield connection
        self.faults(f"store.{subject}.after")

    @contextmanager
    def read(self) -> Iterator[Connection]:
        """One transaction that changes nothing."""
        if self._closed:
            raise StoreError("closed")
        with _translated(), self._in_turn(), self.engine.begin() as connection:
            yield connection

    def empty_log(self) -> None:
        """Move SQLite's write-ahead log into the database and cut it to nothing.

        Raises StoreError not-erased.
        """
        if self._turn is None:
            return
        self.faults("store.log.empty.before")
        with self._in_turn():
            raw = self.engine.raw_connection()
            try:
                # Not through SQLAlchemy: a checkpoint cannot run inside a transaction.
                busy = raw.cursor().execute("PRAGMA wal_checkpoint(TRUNCATE)").fetchone()[0]
            except sqlite3.Error as error:
                raise _meaning(error) from None
            finally:
                raw.close()
        if busy:
            raise StoreError("not-erased")
        self.faults("store.log.empty.after")

    def close(self) -> None:
        """Let another process in. Later calls raise `closed`."""
        if self._closed:
            return
        with self._in_turn():
            self._closed = True
            if self._guard is not None:
                self._guard.close()
            self.engine.dispose()
            if self._lock_file is not None:
                os.close(self._lock_file)

    @contextmanager
    def _in_turn(self) -> Iterator[None]:
        if self._turn is None:
            yield
            return
        if not self._turn.acquire(timeout=_TURN_SECONDS):
            raise StoreError("locked", "another thread of this node")
        try:
            yield
        finally:
            self._turn.release()

    def _claim_server(self) -> None:
        # Kept outside of any transaction, which would hold back VACUUM; it ends with this connection.
        self._guard = self.engine.connect().execution_options(isolation_level="AUTOCOMMIT")
        # The server may take a moment to notice that the last holder, a killed node perhaps, has gone.
        until = time.monotonic() + BUSY_SECONDS
        while not self._guard.scalar(select(text(f"pg_try_advisory_lock({_ONE_PROCESS})"))):
            if time.monotonic() > until:
                raise StoreError("in-use")
            time.sleep(0.05)

    def _guarded(self, step: Any) -> None:
        try:
            step()
        except BaseException:
            self.close()
            raise


def once(
    connection: Connection,
    table: Table,
    row: Mapping[str, Any],
    *,
    same: tuple[str, ...],
    differs: str = "conflict",
) -> bool:
    """Insert a row whose key is new; True if it was. Otherwise the columns `same` must say what they said.

    Raises StoreError `differs`, naming the table and column, never a value.
    """
    insert = postgresql.insert if connection.dialect.name == "postgresql" else sqlite.insert
    statement = insert(table).values(row).on_conflict_do_nothing().execution_options(preserve_rowcount=True)
    if connection.execute(statement).rowcount == 1:
        return True
    key = [column == row[column.name] for column in table.primary_key]
    known = connection.execute(select(table).where(*key)).mappings().one_or_none()
    if known is None:
        raise StoreError(differs, f"{table.name}: recorded under another key")
    for name in same:
        if known[name] != row[name]:
            raise StoreError(differs, f"{table.name}: {name}")
    return False


def as_row(record: Any) -> dict[str, Any]:
    """The columns of a record: its fields."""
    return {field.name: getattr(record, field.name) for field in fields(record)}


def _target(url: str) -> URL:
    try:
        target = make_url(url)
        if target.get_backend_name() == "sqlite" and not target.query:
            return target.set(drivername="sqlite+pysqlite")
        if target.get_backend_name() == "postgresql":
            return target.set(drivername="postgresql+psycopg")
    except ArgumentError:
        pass
    raise StoreError("unsupported")


def _claim(target: URL) -> int | None:
    """Take the lock file beside an SQLite database; it is ours until the process ends."""
    if target.database in (None, "", ":memory:"):
        return None
    try:
        # Created here, so that neither it nor the log beside it is ever readable by others.
        os.close(os.open(f"{target.database}", os.O_RDWR | os.O_CREAT, 0o600))
        lock = os.open(f"{target.database}.lock", os.O_RDWR | os.O_CREAT, 0o600)
    except OSError as error:
        raise StoreError("cannot-write", error.strerror or "") from None
    try:
        fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError:
        os.close(lock)
        raise StoreError("in-use") from None
    return lock


def _sqlite(target: URL) -> Engine:
    engine = create_engine(
        target,
        poolclass=StaticPool,
        hide_parameters=True,
        connect_args={"isolation_level": None, "check_same_thread": False, "timeout": BUSY_SECONDS},
    )

    @event.listens_for(engine, "connect")
    def _(connection: sqlite3.Connection, _: object) -> None:
        for pragma in _PRAGMAS:
            connection.execute(pragma).close()

    @event.listens_for(engine, "begin")
    def _(connection: Connection) -> None:
        # Otherwise no BEGIN is sent before a SELECT, and what is read then written is lost to another writer.
        connection.exec_driver_sql("BEGIN IMMEDIATE")

    return engine


def _postgresql(target: URL) -> Engine:
    options = f"-c synchronous_commit=on -c lock_timeout={BUSY_SECONDS * 1000}"
    return create_engine(
        target, pool_size=8, pool_pre_ping=True, hide_parameters=True, connect_args={"options": options}
    )


# SQLAlchemy wraps most; not what a connection's first statements raise, nor a value that no driver can carry.
_DRIVERS = (SQLAlchemyError, sqlite3.Error, UnicodeEncodeError, OverflowError)


@contextmanager
def _translated() -> Iterator[None]:
    try:
        yield
    except _DRIVERS as error:
        # The original may quote values, so it must not show up in a traceback.
        raise _meaning(getattr(error, "orig", None) or error) from None


_SQLITE = {
    sqlite3.SQLITE_BUSY: "locked",
    sqlite3.SQLITE_LOCKED: "locked",
    sqlite3.SQLITE_FULL: "cannot-write",
    sqlite3.SQLITE_IOERR: "cannot-write",
    sqlite3.SQLITE_READONLY: "cannot-write",
    sqlite3.SQLITE_CANTOPEN: "cannot-write",
    sqlite3.SQLITE_PERM: "cannot-write",
    sqlite3.SQLITE_CORRUPT: "damaged",
    sqlite3.SQLITE_NOTADB: "damaged",
    sqlite3.SQLITE_CONSTRAINT: "invalid",
    sqlite3.SQLITE_TOOBIG: "invalid",
    sqlite3.SQLITE_MISMATCH: "invalid",
}
_SQLITE_CONFLICTS = {sqlite3.SQLITE_CONSTRAINT_UNIQUE, sqlite3.SQLITE_CONSTRAINT_PRIMARYKEY}

# By SQLSTATE or its class, the longest match first.
_POSTGRESQL = {
    "23505": "conflict",
    "25006": "cannot-write",
    "55P03": "locked",
    "57014": "locked",
    "XX001": "damaged",
    "XX002": "damaged",
    "08": "unreachable",
    "22": "invalid",
    "23": "invalid",
    "28": "unreachable",
    "3D": "unreachable",
    "40": "locked",
    "53": "cannot-write",
    "57": "unreachable",
    "58": "cannot-write",
}


def _meaning(error: BaseException) -> StoreError:
    """Our error for a driver's; the detail is the driver's name for it, never its text."""
    if isinstance(error, sqlite3.Error):
        number = getattr(error, "sqlite_errorcode", 0)
        name = "conflict" if number in _SQLITE_CONFLICTS else _SQLITE.get(number & 0xFF, "failed")
        return StoreError(name, getattr(error, "sqlite_errorname", type(error).__name__))
    if hasattr(error, "sqlstate"):
        state = error.sqlstate
        if state is None and type(error).__name__ == "DataError":  # psycopg refused a value itself
            return StoreError("invalid", "not of the column's type")
        if state is None:  # it could not ask the server
            return StoreError("unreachable", type(error).__name__)
        return StoreError(_POSTGRESQL.get(state) or _POSTGRESQL.get(state[:2], "failed"), f"SQLSTATE {state}")
    if isinstance(error, TypeError | ValueError | OverflowError):
        return StoreError("invalid", "not plain JSON or not of the column's type")
    return StoreError("failed", type(error).__name__)


__all__ = ["Database", "as_row", "once"]
