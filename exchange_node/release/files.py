"""Files that hold results: whole or not there, readable by their owner alone, never over another by
accident."""

from __future__ import annotations

import errno
import hashlib
import os
import secrets
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO

from exchange_node.release.errors import ReleaseError

_NO_LINKS = (errno.EPERM, errno.EOPNOTSUPP, errno.ENOSYS)  # a memory stick's or a network share's file system


@dataclass(frozen=True, slots=True)
class FileDigest:
    """Name, length in bytes and SHA-256 (64 hex characters) of a written file."""

    name: str
    size: int
    sha256: str


@contextmanager
def private_files(paths: Sequence[Path], overwrite: bool = False) -> Iterator[list[BinaryIO]]:
    """Files of one folder for writing. They get their names when the block ends well, all or none of them.

    Mode 0600; all are synced before the first has its name. With `overwrite`, a fault between two renames can
    leave some of them new. Raises ReleaseError `file-exists` unless `overwrite`, `cannot-write`.
    """
    taken = [path for path in paths if os.path.lexists(path)]
    if taken and not overwrite:
        raise ReleaseError("file-exists", str(taken[0]))
    parts = [path.with_name(f".{path.name}.{secrets.token_hex(8)}.part") for path in paths]
    named: list[Path] = []
    with ExitStack() as cleaning:
        try:
            handles = []
            for part in parts:
                cleaning.callback(part.unlink, missing_ok=True)
                handles.append(_new(part))
                cleaning.callback(_close, handles[-1])
            yield handles
            for handle in handles:
                handle.flush()
                os.fsync(handle.fileno())
            for part, path in zip(parts, paths, strict=True):
                if overwrite:
                    os.replace(part, path)
                else:
                    _name(part, path)
                    named.append(path)
            _sync_folder(paths[0].parent)
        except OSError as error:
            for path in named:
                path.unlink(missing_ok=True)
            if isinstance(error, FileExistsError):
                raise ReleaseError("file-exists", str(paths[len(named)])) from error
            raise ReleaseError("cannot-write", f"{paths[0].parent}: {error.strerror}") from error


@contextmanager
def private_file(path: Path, overwrite: bool = False) -> Iterator[BinaryIO]:
    """`private_files` for one."""
    with private_files([path], overwrite) as handles:
        yield handles[0]


def _new(path: Path) -> BinaryIO:
    flags = os.O_RDWR | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW | os.O_CLOEXEC
    return os.fdopen(os.open(path, flags, 0o600), "w+b")


def _name(part: Path, path: Path) -> None:
    """Give a whole file its name. A link, unlike a rename, never replaces what came there meanwhile."""
    try:
        os.link(part, path)
    except OSError as error:
        if error.errno not in _NO_LINKS:
            raise
        if os.path.lexists(path):
            raise FileExistsError(errno.EEXIST, "File exists", str(path)) from None
        os.rename(part, path)


def _close(handle: BinaryIO) -> None:
    """What had to reach the disk was synced before; what is left over from a fault must not hide the fault."""
    with suppress(OSError):
        handle.close()


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
