"""The durable core of the log: one batch after another onto the disk, and recovery of what a crash left.

Order of every batch: entry bundles, hash tiles, signed checkpoint, each durable before the next is begun.
After a crash the entries that are whole on disk are adopted forward: they are all that any lost checkpoint
can have covered, so no head is ever signed that disagrees with an earlier one.

A partial tile is kept until its full tile is durable and under a checkpoint, then removed.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from exchange_node.audit.checkpoint import Checkpoint, open_checkpoint
from exchange_node.audit.entry import Entry
from exchange_node.audit.errors import AuditError
from exchange_node.audit.files import Files
from exchange_node.audit.layout import CHECKPOINT, TILES
from exchange_node.audit.note import NoteSigner
from exchange_node.audit.tiles import ENTRIES, Tile
from exchange_node.audit.tree import Tip, TreeReader, grow


@dataclass(frozen=True, slots=True)
class Head:
    """What is durable and signed. Replaced as a whole, so that readers need no lock."""

    tip: Tip
    note: bytes

    @property
    def size(self) -> int:
        """Entries under the checkpoint."""
        return self.tip.size


class Writer:
    """The only writer of a log's directory. Not thread-safe: its caller lets one batch in at a time."""

    def __init__(self, directory: Files, origin: str, signer: NoteSigner) -> None:
        self.files = directory
        self.reader = TreeReader(directory)
        self.head = Head(Tip(), b"")
        self._origin = origin
        self._signer = signer

    def recover(self, vkeys: Sequence[str]) -> None:
        """Take up the log where it stands, or begin one; its checkpoint is signed with one of `vkeys`.

        Raises:
            AuditError: `checkpoint-missing`, `damaged`, `forged`, `cannot-read`; OSError if it cannot write.
        """
        note = self.files.read(CHECKPOINT)
        if note is None:
            if (self.files.directory / TILES).exists():
                raise AuditError("checkpoint-missing", str(self.files.directory))
            self._publish_head(Tip())
            return
        tip = self.reader.tip(_open_any(note, vkeys))
        self.head = Head(tip, note)
        adopted = self.reader.beyond(tip)
        for position, data in enumerate(adopted):
            decode_entry(tip.size + position, data)
        # Written again even where nothing is new: what is visible after a failed sync need not be durable.
        if adopted:
            self.commit(adopted)
        else:
            self._publish_head(tip)
        self.files.sweep()

    def commit(self, payloads: Sequence[bytes]) -> None:
        """Return once the entries and a checkpoint over them are durable.

        After an exception this writer MUST NOT be used again: only `recover` knows what is on disk.
        """
        old = self.head.tip
        tip, tiles = grow(old, payloads)
        for tile, data in tiles:
            self.files.publish(tile.path(), data)
        self._publish_head(tip)
        for level in range(len(old.edge.levels)):
            edge = Tile(level, old.size >> 8 * (level + 1))
            if tip.size >> 8 * (level + 1) > edge.index:
                self.files.drop_partials(edge.path())
                if level == 0:
                    self.files.drop_partials(Tile(ENTRIES, edge.index).path())

    def _publish_head(self, tip: Tip) -> None:
        note = Checkpoint(self._origin, tip.size, tip.edge.root()).sign(self._signer)
        self.files.publish(CHECKPOINT, note)
        self.head = Head(tip, note)


def decode_entry(index: int, data: bytes) -> Entry:
    """An entry out of the log's own files. Raises AuditError `damaged`, naming its index."""
    try:
        return Entry.decode(data)
    except AuditError as error:
        raise AuditError("damaged", f"entry {index}: {error.detail}") from error


def _open_any(note: bytes, vkeys: Sequence[str]) -> Checkpoint:
    """The checkpoint, signed by one of the log's own keys."""
    for vkey in vkeys[:-1]:
        try:
            return open_checkpoint(note, vkey)
        except AuditError as error:
            if error.code != "audit.forged":
                raise
    return open_checkpoint(note, vkeys[-1])
