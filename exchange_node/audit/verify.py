"""The offline checker: a log's directory, a proof or two checkpoints, on bytes and the log's key alone.

It imports nothing of the node, the disk's writer included, and can be shipped without the rest.
"""

from __future__ import annotations

import hashlib
import os
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

from exchange_node.audit import merkle
from exchange_node.audit.checkpoint import Checkpoint, check_consistency, open_checkpoint
from exchange_node.audit.entry import Entry
from exchange_node.audit.errors import AuditError
from exchange_node.audit.layout import CHECKPOINT, LOCK, PENDING, TILES, read_file
from exchange_node.audit.proof import verify_proof
from exchange_node.audit.tiles import (
    ENTRIES,
    WIDTH,
    Edge,
    Tile,
    decode_bundle,
    encode_bundle,
    parse_path,
    tiles_of,
)

__all__ = ["Report", "check_consistency", "verify_directory", "verify_proof"]


@dataclass(frozen=True, slots=True)
class Report:
    """A log that holds: what its checkpoint says, what is in it, and what a person may want to look at."""

    origin: str
    size: int
    root: bytes
    kinds: dict[str, int]  # entries under the checkpoint, by kind
    beyond: int  # entries whole on disk that no checkpoint covers yet: in flight, or left by a crash
    files: int  # tiles and entry bundles that were compared
    findings: tuple[str, ...]


def verify_directory(directory: Path, vkey: str) -> Report:
    """Check all of a log: signature, every entry, every tile recomputed from the entries, no stray file.

    A directory that is being written, or was left by a crash, holds: what lies beyond its checkpoint must
    agree with what is under it. Memory grows by some 100 bytes an entry, to find an id that stands twice.

    Raises:
        AuditError: at the first thing that does not hold, with its place: `checkpoint-missing`, `forged`,
            `damaged`, `stray-file`, `malformed-note`, `malformed-checkpoint`, `malformed-key`, `cannot-read`.
    """
    note = read_file(directory / CHECKPOINT)
    if note is None:
        raise AuditError("checkpoint-missing", str(directory))
    checkpoint = open_checkpoint(note, vkey)
    # Listed after the checkpoint was read, so that a writer beside us can only have added.
    check = _Check(directory, checkpoint, *_list(directory))
    check.run()
    return Report(
        checkpoint.origin,
        checkpoint.size,
        checkpoint.root,
        dict(check.kinds),
        check.edge.size - checkpoint.size,
        check.files,
        tuple(check.findings),
    )


@dataclass(slots=True)
class _Check:
    directory: Path
    checkpoint: Checkpoint
    present: dict[tuple[int, int], set[int]]  # widths by level and index, those not yet compared
    findings: list[str]
    kinds: Counter[str] = field(default_factory=Counter)
    edge: Edge = field(default_factory=Edge)
    files: int = 0
    ids: set[bytes] = field(default_factory=set)

    def run(self) -> None:
        """Recompute the tree from its entries, and compare every file with it."""
        self._check_complete()
        if self.checkpoint.size == 0:
            self._check_root()
        for index, bundle in self._bundles():
            self._compare_bundle(index, bundle)
            for entry in bundle:
                self._take(entry)
        if self.edge.size < self.checkpoint.size:
            raise AuditError("damaged", f"the entries end at {self.edge.size}")
        for tile, data in self.edge.partials():
            self._compare(tile, data)
        for (level, index), widths in sorted(self.present.items()):
            for width in sorted(widths):
                raise AuditError("stray-file", f"{Tile(level, index, width).path()}: of no size of this log")

    def _check_complete(self) -> None:
        for tile in tiles_of(self.checkpoint.size):
            widths = self.present.setdefault((tile.level, tile.index), set())
            if {tile.width, WIDTH} & widths:
                continue
            if not (self.directory / tile.full().path()).exists():  # it may have come while we listed
                raise AuditError("damaged", f"{tile.path()} is missing")
            widths.add(WIDTH)

    def _check_root(self) -> None:
        if self.edge.root() != self.checkpoint.root:
            raise AuditError("damaged", "the entries do not lead to the checkpoint's root")

    def _bundles(self) -> Iterator[tuple[int, list[bytes]]]:
        """Every bundle in its widest form, until one is not full."""
        index = 0
        while widths := self.present.get((ENTRIES, index)):
            tile = Tile(ENTRIES, index, max(widths))
            data = self._read(tile)
            if data is None:  # it became full while we looked, and the partial one went
                widths.add(WIDTH)
                continue
            try:
                bundle = decode_bundle(data, tile.width)
            except AuditError as error:
                raise AuditError("damaged", f"{tile.path()}: {error.detail}") from error
            yield index, bundle
            if tile.width < WIDTH:
                return
            index += 1

    def _take(self, data: bytes) -> None:
        """One entry: that it parses, that its id is new, and what it does to the tree."""
        index = self.edge.size
        try:
            entry = Entry.decode(data)
        except AuditError as error:
            raise AuditError("damaged", f"entry {index}: {error.detail}") from error
        digest = hashlib.sha256(entry.id.encode()).digest()[:16]
        if digest in self.ids:
            raise AuditError("damaged", f"entry {index}: its id stands in the log twice")
        self.ids.add(digest)
        for tile, content in self.edge.append(merkle.leaf_hash(data)):
            self._compare(tile, content)
        if index < self.checkpoint.size:
            self.kinds[entry.kind] += 1
        if self.edge.size == self.checkpoint.size:
            self._check_root()

    def _compare(self, tile: Tile, data: bytes) -> None:
        """All files of a hash tile are prefixes of what was recomputed."""
        for width in self._widths(tile):
            self._demand(Tile(tile.level, tile.index, width), data[: width * merkle.HASH_SIZE])

    def _compare_bundle(self, index: int, bundle: list[bytes]) -> None:
        for width in self._widths(Tile(ENTRIES, index, len(bundle))):
            self._demand(Tile(ENTRIES, index, width), encode_bundle(bundle[:width]))

    def _widths(self, tile: Tile) -> list[int]:
        """Widths to compare; one wider than the entries reach stays, and is reported in the end."""
        widths = self.present.get((tile.level, tile.index), set())
        reached = {width for width in widths if width <= tile.width}
        widths -= reached
        return sorted(reached)

    def _demand(self, tile: Tile, expected: bytes) -> None:
        data = self._read(tile)
        self.files += 1
        if data is not None and data != expected:
            raise AuditError("damaged", f"{tile.path()} is not what the entries make it")

    def _read(self, tile: Tile) -> bytes | None:
        """A listed file's bytes; None if it is gone because the full tile came, as a live log does."""
        data = read_file(self.directory / tile.path())
        if data is None and (tile.width == WIDTH or not (self.directory / tile.full().path()).exists()):
            raise AuditError("damaged", f"{tile.path()} went away")
        return data


def _list(directory: Path) -> tuple[dict[tuple[int, int], set[int]], list[str]]:
    """The tiles that are there, and remarks on other files. Raises AuditError `stray-file`, `cannot-read`."""
    present: dict[tuple[int, int], set[int]] = {}
    findings = []
    for path in _walk(directory, ""):
        if path.startswith(f"{TILES}/"):
            try:
                tile = parse_path(path)
            except AuditError as error:
                raise AuditError("stray-file", path) from error
            present.setdefault((tile.level, tile.index), set()).add(tile.width)
        elif path == PENDING:
            findings.append(f"{path}: a file that was being written, now or when the node was killed")
        elif path not in (CHECKPOINT, LOCK):
            findings.append(f"{path}: not a file of the log, and not looked at")
    return present, findings


def _walk(directory: Path, prefix: str) -> Iterator[str]:
    try:
        found = sorted(os.scandir(directory / prefix), key=lambda item: item.name)
    except FileNotFoundError:
        return  # partial tiles whose full tile came while we listed
    except OSError as error:
        raise AuditError("cannot-read", f"{prefix or '.'}: {error.strerror}") from error
    for item in found:
        path = prefix + item.name
        if item.is_dir(follow_symlinks=False):
            yield from _walk(directory, path + "/")
        elif item.is_file(follow_symlinks=False):
            yield path
        else:
            raise AuditError("stray-file", f"{path}: not a regular file")
