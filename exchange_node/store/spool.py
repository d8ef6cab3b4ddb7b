"""Chunks of encodings on disk, in one file each, until a request ends. The caller encrypts them before.

`DIR/<request>/<provider>/<party>/<index>`: names hold ids alone. A chunk is there whole or not at all: it
is written beside, synced, linked into place, and its folder synced, before `put` returns.
"""

from __future__ import annotations

import os
import re
import shutil
import threading
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from exchange_node.ports import Faults, no_faults
from exchange_node.store.errors import StoreError

_REQUEST = re.compile(r"[0-9a-f]{32}", re.ASCII)
_ORG = re.compile(r"[a-z][a-z0-9-]{1,39}", re.ASCII)
_PARTY = re.compile(r"[a-z][a-z0-9-]{1,39}(\.[a-z]{1,20})?", re.ASCII)  # what is in it, where not its encodings
_CHUNK = re.compile(r"[0-9]{8}", re.ASCII)
_LAST_INDEX = 99_999_999
_BESIDE = "writing"  # the one unfinished file of a folder


class Spool:
    """A folder of chunks with a limit of bytes for each party. Thread-safe; one process at a time."""

    def __init__(self, directory: Path, limit: int, faults: Faults = no_faults) -> None:
        """Open or make the folder and count what is there. `limit` is in bytes, for each party.

        Raises StoreError `cannot-write`.
        """
        self.faults = faults
        self.directory = directory
        self._limit = limit
        self._turn = threading.Lock()
        self._usage: Counter[str] = Counter()
        with _io("cannot-write"):
            directory.mkdir(mode=0o700, parents=True, exist_ok=True)
            for left in directory.glob(f"*/*/*/{_BESIDE}"):
                left.unlink()
            for chunk in directory.glob("*/*/*/*"):
                self._usage[chunk.parent.name] += chunk.stat().st_size

    def put(self, request_id: str, provider: str, party: str, index: int, data: bytes) -> bool:
        """Store a chunk durably; False if the same bytes were there.

        Raises StoreError: conflict (other bytes under this index), quota, cannot-write, invalid (an id).
        """
        folder = self._folder(request_id, provider, party)
        path = folder / _name(index)
        with self._turn, _io("cannot-write"):
            if path.exists():
                if path.read_bytes() != data:
                    raise StoreError("conflict", "chunk: its bytes")
                # The process before may have been killed between link and sync.
                _sync(folder)
                return False
            if self._usage[party] + len(data) > self._limit:
                raise StoreError("quota", party)
            self.faults("store.spool.put.before")
            self._make(folder)
            beside = folder / _BESIDE
            try:
                with open(os.open(beside, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600), "wb") as file:
                    file.write(data)
                    file.flush()
                    os.fsync(file.fileno())
                beside.rename(path)
            except OSError:
                beside.unlink(missing_ok=True)
                raise
            _sync(folder)
            self._usage[party] += len(data)
            self.faults("store.spool.put.after")
            return True

    def get(self, request_id: str, provider: str, party: str, index: int) -> bytes | None:
        """A chunk, or None. Raises StoreError `cannot-read`."""
        path = self._folder(request_id, provider, party) / _name(index)
        with _io("cannot-read"):
            try:
                return path.read_bytes()
            except FileNotFoundError:
                return None

    def indexes(self, request_id: str, provider: str, party: str) -> list[int]:
        """The indexes of the chunks that are there, ascending."""
        return sorted(int(path.name) for path in self._chunks(request_id, provider, party))

    def size(self, request_id: str, provider: str, party: str) -> int:
        """Bytes of one party's chunks of a leg."""
        return sum(path.stat().st_size for path in self._chunks(request_id, provider, party))

    def usage(self, party: str) -> int:
        """Bytes of all chunks of a party."""
        with self._turn:
            return self._usage[party]

    def delete(self, request_id: str, provider: str, party: str | None = None) -> int:
        """Delete a leg's chunks, or one party's of them, durably; how many bytes they had."""
        leg = self._folder(request_id, provider, party or "any").parent
        with self._turn, _io("cannot-write"):
            folders = [leg / party] if party else sorted(leg.glob("*"))
            folders = [folder for folder in folders if folder.exists()]
            if not folders:
                return 0
            self.faults("store.spool.delete.before")
            freed = 0
            for folder in folders:
                size = sum(path.stat().st_size for path in folder.iterdir())
                shutil.rmtree(folder)
                self._usage[folder.name] -= size
                freed += size
            _sync(leg)
            self._tidy(leg)
            self.faults("store.spool.delete.after")
            return freed

    def _folder(self, request_id: str, provider: str, party: str) -> Path:
        for name, value, rule in (
            ("request_id", request_id, _REQUEST),
            ("provider", provider, _ORG),
            ("party", party, _PARTY),
        ):
            if not rule.fullmatch(value):
                raise StoreError("invalid", name)
        return self.directory / request_id / provider / party

    def _chunks(self, request_id: str, provider: str, party: str) -> list[Path]:
        folder = self._folder(request_id, provider, party)
        with _io("cannot-read"):
            return [path for path in folder.glob("*") if _CHUNK.fullmatch(path.name)]

    def _make(self, folder: Path) -> None:
        """Make a chunk's folders, each durable in the one above it."""
        for path in (folder.parent.parent, folder.parent, folder):
            if not path.exists():
                path.mkdir(mode=0o700)
                _sync(path.parent)

    def _tidy(self, leg: Path) -> None:
        for path in (leg, leg.parent):
            if any(path.iterdir()):
                return
            path.rmdir()
            _sync(path.parent)


def _name(index: int) -> str:
    if not 0 <= index <= _LAST_INDEX:
        raise StoreError("invalid", "index")
    return f"{index:08d}"


def _sync(folder: Path) -> None:
    handle = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)


@contextmanager
def _io(code: str) -> Iterator[None]:
    try:
        yield
    except OSError as error:
        raise StoreError(code, error.strerror or type(error).__name__) from None
