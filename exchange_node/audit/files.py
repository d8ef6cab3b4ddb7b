"""Files that stay: the few operations by which the log reaches the disk, in the order that survives a crash.

Every file is written under one temporary name, synced, renamed to its own name, and its directory synced;
directories are synced into their parents before anything in them counts. `System` is the seam at which
tests kill or fail each single operation.
"""

from __future__ import annotations

import contextlib
import fcntl
import os
from pathlib import Path

from exchange_node.audit.errors import AuditError
from exchange_node.audit.layout import LOCK, PENDING, TILES, read_file


class System:
    """The operating system's calls that the log writes with; each either works or raises OSError."""

    def __init__(self, *, fsync: bool = True) -> None:
        self._fsync = fsync

    def open(self, path: Path, flags: int) -> int:
        """A file descriptor, not inherited by children."""
        return os.open(path, flags | os.O_CLOEXEC, 0o640)

    def write(self, fd: int, data: bytes) -> int:
        """How many bytes were written, perhaps fewer than given."""
        return os.write(fd, data)

    def fsync(self, fd: int) -> None:
        """Return once file or directory is on stable storage."""
        if self._fsync:
            os.fsync(fd)

    def close(self, fd: int) -> None:
        """Close a descriptor."""
        os.close(fd)

    def rename(self, source: Path, target: Path) -> None:
        """Rename atomically, over the target if there is one."""
        os.replace(source, target)

    def mkdir(self, path: Path) -> None:
        """Make one directory."""
        os.mkdir(path, 0o750)

    def unlink(self, path: Path) -> None:
        """Remove one file."""
        os.unlink(path)

    def rmdir(self, path: Path) -> None:
        """Remove one empty directory."""
        os.rmdir(path)


class Files:
    """A log's directory as its only writer sees it. Paths are relative, with `/`."""

    def __init__(self, directory: Path, system: System) -> None:
        self.directory = directory
        self._system = system
        self._rooted: set[Path] = set()  # directories this process has synced into their parents
        self._lock = self._take_lock()

    def publish(self, path: str, data: bytes) -> None:
        """Return once the file is durable under its name with exactly these bytes. Raises OSError."""
        target = self.directory / path
        pending = self.directory / PENDING
        self._root(target.parent)
        # A new inode each time: truncating in place could reach a published file if a rename was half undone.
        with contextlib.suppress(FileNotFoundError):
            self._system.unlink(pending)
        fd = self._system.open(pending, os.O_WRONLY | os.O_CREAT | os.O_EXCL)
        try:
            rest = memoryview(data)
            while rest:
                rest = rest[self._system.write(fd, bytes(rest)) :]
            self._system.fsync(fd)
        finally:
            self._system.close(fd)
        self._system.rename(pending, target)
        self._sync_directory(target.parent)

    def read(self, path: str) -> bytes | None:
        """A file's bytes, or None if there is none. Raises AuditError `cannot-read`."""
        return read_file(self.directory / path)

    def widths(self, full_path: str) -> list[int]:
        """The widths of a tile's partial files, ascending."""
        try:
            names = os.listdir(self.directory / f"{full_path}.p")
        except (FileNotFoundError, NotADirectoryError):
            return []
        return sorted(int(name) for name in names if name.isascii() and name.isdecimal())

    def drop_partials(self, full_path: str) -> None:
        """Remove the partial files of a tile that is full by now; what cannot be removed does no harm."""
        partials = self.directory / f"{full_path}.p"
        with contextlib.suppress(OSError):
            for name in os.listdir(partials):
                self._system.unlink(partials / name)
            self._system.rmdir(partials)

    def sweep(self) -> None:
        """Remove what a crash left: the unfinished file, and partial files of tiles that are full."""
        with contextlib.suppress(FileNotFoundError):
            self._system.unlink(self.directory / PENDING)
        for folder, folders, names in os.walk(self.directory / TILES):
            for partials in [name for name in folders if name.endswith(".p")]:
                folders.remove(partials)
                if (full := partials.removesuffix(".p")) in names:
                    self.drop_partials(Path(folder, full).relative_to(self.directory).as_posix())

    def close(self) -> None:
        """Let another writer in."""
        os.close(self._lock)

    def _take_lock(self) -> int:
        # Not through the seam: a lock is no durable state.
        os.makedirs(self.directory.parent, exist_ok=True)
        self._root(self.directory)
        lock = os.open(self.directory / LOCK, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o640)
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            os.close(lock)
            raise AuditError("in-use", str(self.directory)) from None
        return lock

    def _root(self, folder: Path) -> None:
        """Make a directory and every missing one above it, each durable in its parent."""
        if folder in self._rooted:
            return
        if folder != self.directory:
            self._root(folder.parent)
        with contextlib.suppress(FileExistsError):
            self._system.mkdir(folder)
        self._sync_directory(folder.parent)
        self._rooted.add(folder)

    def _sync_directory(self, folder: Path) -> None:
        fd = self._system.open(folder, os.O_RDONLY | os.O_DIRECTORY)
        try:
            self._system.fsync(fd)
        finally:
            self._system.close(fd)
