"""Files that hold results: whole or not there, readable by their owner alone, never over another by
accident."""

from __future__ import annotations

import hashlib
import os
import secrets
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO

from exchange_node.release.errors import ReleaseError


@dataclass(frozen=True, slots=True)
class FileDigest:
    """Name, length in bytes and SHA-256 (64 hex characters) of a written file."""

    name: str
    size: int
    sha256: str


@contextmanager
def private_file(path: Path, overwrite: bool = False) -> Iterator[BinaryIO]:
    """A file for writing that appears under `path` when the block ends well, and not at all when it does not.

    Mode 0600, synced before it gets its name. Raises ReleaseError `file-exists` unless `overwrite`,
    `cannot-write`.
    """
    if not overwrite and os.path.lexists(path):
        raise ReleaseError("file-exists", str(path))
    part = path.with_name(f".{path.name}.{secrets.token_hex(8)}.part")
    try:
        handle = os.fdopen(os.open(part, os.O_RDWR | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o600), "w+b")
    except OSError as error:
        raise ReleaseError("cannot-write", f"{path}: {error.strerror}") from error
    try:
        with handle:
            yield handle
            handle.flush()
            os.fsync(handle.fileno())
        if overwrite:
            os.replace(part, path)
        else:
            os.link(part, path)  # unlike a rename, this never replaces what came there meanwhile
        _sync_folder(path.parent)
    except FileExistsError as error:
        raise ReleaseError("file-exists", str(path)) from error
    except OSError as error:
        raise ReleaseError("cannot-write", f"{path}: {error.strerror}") from error
    finally:
        part.unlink(missing_ok=True)


def digest(name: str, handle: BinaryIO) -> FileDigest:
    """The digest of all that was written to `handle` so far."""
    handle.seek(0)
    running = hashlib.sha256()
    while piece := handle.read(1 << 20):
        running.update(piece)
    return FileDigest(name, handle.tell(), running.hexdigest())


def _sync_folder(folder: Path) -> None:
    descriptor = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
