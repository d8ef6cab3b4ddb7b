"""Which node a command speaks to, and as whom."""

from __future__ import annotations

import fcntl
import os
import secrets
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import typer

from exchange_node.config import ConfigError, Home

from .errors import CliError

if TYPE_CHECKING:
    from exchange_node.rpc.desk_client import DeskClient


@dataclass(frozen=True, slots=True)
class Session:
    """The options before the command."""

    path: Path | None
    user: str | None = None

    @property
    def home(self) -> Home:
        """The home named by --home or EXCHANGE_HOME. Raises ConfigError `no-home`."""
        if self.path is None:
            raise ConfigError("no-home", "neither --home nor EXCHANGE_HOME is given")
        return Home(self.path)

    @property
    def serving(self) -> bool:
        """Whether the node's own process runs: it has said so, and it holds the log.

        The process id alone would not do: one that was left behind by a crash may be another process's by now.
        """
        try:
            os.kill(int(self.home.ready.read_text()), 0)
        except PermissionError:
            return True
        except (OSError, ValueError):
            return False
        return _held(self.home.audit / ".lock")


def _held(lock: Path) -> bool:
    """Whether another process holds a lock file."""
    try:
        with lock.open("rb") as file:
            fcntl.flock(file, fcntl.LOCK_SH | fcntl.LOCK_NB)
    except BlockingIOError:
        return True
    except OSError:
        return False
    return False


def session(ctx: typer.Context) -> Session:
    """The session of a command."""
    found = ctx.find_root().obj
    return found if isinstance(found, Session) else Session(None)


@contextmanager
def desk(ctx: typer.Context) -> Iterator[DeskClient]:
    """A connection to the node's desk. Raises ConfigError, ConnectError, RemoteError."""
    with connect(session(ctx)) as client:
        yield client


def connect(here: Session) -> DeskClient:
    """A client of the node's desk, to be used as a context manager. Raises ConfigError, ConnectError."""
    from exchange_node.rpc.desk_client import DeskClient, Profile

    return DeskClient(Profile.load(here.home.path, here.user))


def call(ctx: typer.Context, method: str, body: dict[str, Any] | None = None) -> dict[str, Any]:
    """One call of the desk."""
    with desk(ctx) as client:
        return client.call(method, body or {})


def read_file(path: Path) -> bytes:
    """A file's bytes. Raises CliError `cannot-read`."""
    try:
        return path.read_bytes()
    except OSError as error:
        raise CliError("cannot-read", f"{path}: {error.strerror}") from None


def write_file(path: Path, data: bytes, *, secret: bool = False, overwrite: bool = False) -> None:
    """A file, of mode 0600 if it is secret: whole under its name, or else what was there before.

    Raises CliError `file-exists`, `cannot-write`.
    """
    target = path.with_name(f".{path.name}.{secrets.token_hex(4)}.part") if overwrite else path
    try:
        handle = os.open(target, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600 if secret else 0o644)
        try:
            with os.fdopen(handle, "wb") as file:
                file.write(data)
                file.flush()
                os.fsync(handle)
            if overwrite:
                target.replace(path)
        except OSError:
            target.unlink(missing_ok=True)
            raise
    except FileExistsError:
        raise CliError("file-exists", str(path)) from None
    except OSError as error:
        raise CliError("cannot-write", f"{path}: {error.strerror}") from None
