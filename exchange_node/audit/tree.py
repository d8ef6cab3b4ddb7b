"""The log's tree as its files hold it: reading it back, growing it, and where a crash left it."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field

from exchange_node.audit import merkle
from exchange_node.audit.checkpoint import Checkpoint
from exchange_node.audit.errors import AuditError
from exchange_node.audit.files import Files
from exchange_node.audit.tiles import (
    ENTRIES,
    WIDTH,
    Edge,
    Tile,
    decode_bundle,
    encode_bundle,
    node_reader,
    split_hashes,
    tiles_of,
)


@dataclass(slots=True)
class Tip:
    """The right end of the tree: the hashes of its partial tiles, the entries of its partial bundle."""

    edge: Edge = field(default_factory=Edge)
    bundle: list[bytes] = field(default_factory=list)

    @property
    def size(self) -> int:
        """Entries in the tree."""
        return self.edge.size


def grow(tip: Tip, entries: Sequence[bytes]) -> tuple[Tip, list[tuple[Tile, bytes]]]:
    """The tip after more entries, and the tiles to write for it in order; `tip` itself is not changed."""
    edge, bundle = tip.edge.copy(), list(tip.bundle)
    contents: dict[Tile, bytes] = {}
    for entry in entries:
        bundle.append(entry)
        contents.update(edge.append(merkle.leaf_hash(entry)))
        if len(bundle) == WIDTH:
            contents[Tile(ENTRIES, edge.size // WIDTH - 1)] = encode_bundle(bundle)
            bundle = []
    contents.update(edge.partials())
    if bundle:
        contents[Tile(ENTRIES, edge.size // WIDTH, len(bundle))] = encode_bundle(bundle)
    return Tip(edge, bundle), [(tile, contents[tile]) for tile in tiles_of(edge.size, since=tip.size)]


class TreeReader:
    """Reads what is under a checkpoint. Safe beside the writer: tiles never change, full ones stay."""

    def __init__(self, files: Files) -> None:
        self._files = files

    def bundle(self, index: int, size: int) -> list[bytes]:
        """The entries of one bundle in a tree of `size`. Raises AuditError `damaged`, `cannot-read`."""
        width = min(WIDTH, size - index * WIDTH)
        data, stored = self._tile(Tile(ENTRIES, index, width))
        with _as_damage(stored):
            return decode_bundle(data, stored.width)[:width]

    def hashes(self, level: int, index: int, size: int) -> list[bytes]:
        """The hashes of one tile in a tree of `size`. Raises AuditError `damaged`, `cannot-read`."""
        width = min(WIDTH, (size >> 8 * level) - index * WIDTH)
        data, stored = self._tile(Tile(level, index, width))
        with _as_damage(stored):
            return split_hashes(data, stored.width)[:width]

    def entries(self, start: int, end: int, size: int) -> Iterator[tuple[int, bytes]]:
        """Indices and bytes of the entries from `start` up to `end`, one bundle in memory at a time."""
        for index in range(start // WIDTH, -(-end // WIDTH)):
            first = index * WIDTH
            bundle = self.bundle(index, size)
            for position in range(max(start, first), min(end, first + len(bundle))):
                yield position, bundle[position - first]

    def node(self, size: int) -> merkle.Node:
        """Complete subtrees of a tree of `size`, for proofs."""
        return node_reader(lambda level, index: self.hashes(level, index, size))

    def tip(self, checkpoint: Checkpoint) -> Tip:
        """The right end of the tree under a checkpoint. Raises AuditError `damaged` if it is another."""
        size = checkpoint.size
        edge = Edge(size)
        while size >> 8 * len(edge.levels):
            level = len(edge.levels)
            full, width = divmod(size >> 8 * level, WIDTH)
            edge.levels.append(self.hashes(level, full, size) if width else [])
        if edge.root() != checkpoint.root:
            raise AuditError("damaged", "the hash tiles do not lead to the checkpoint's root")
        bundle = self.bundle(size // WIDTH, size) if size % WIDTH else []
        if [merkle.leaf_hash(entry) for entry in bundle] != (edge.levels[0] if bundle else []):
            raise AuditError("damaged", "the last entry bundle does not have the hashes of its tile")
        return Tip(edge, bundle)

    def beyond(self, tip: Tip) -> list[bytes]:
        """Entries whole on disk after the tip: written before a crash, not yet under a checkpoint."""
        found: list[bytes] = []
        index, known = divmod(tip.size, WIDTH)
        while True:
            tile = Tile(ENTRIES, index)
            data = self._files.read(tile.path())
            if data is None:
                width = max(self._files.widths(tile.path()), default=0)
                if width <= known:
                    return found
                tile = Tile(ENTRIES, index, width)
                data, tile = self._tile(tile)
            with _as_damage(tile):
                bundle = decode_bundle(data, tile.width)
            if bundle[:known] != (tip.bundle if known else []):
                raise AuditError("damaged", f"{tile.path()} contradicts the entries under the checkpoint")
            found.extend(bundle[known:])
            if tile.width < WIDTH:
                return found
            index, known = index + 1, 0

    def _tile(self, tile: Tile) -> tuple[bytes, Tile]:
        """A tile's bytes, from the full tile where the partial one is gone, and which of the two it was."""
        for stored in (tile, tile.full()):
            if (data := self._files.read(stored.path())) is not None:
                return data, stored
        raise AuditError("damaged", f"{tile.path()} is missing")


@contextmanager
def _as_damage(tile: Tile) -> Iterator[None]:
    """A tile of ours that cannot be parsed is damage, and is named."""
    try:
        yield
    except AuditError as error:
        raise AuditError("damaged", f"{tile.path()}: {error.detail}") from error
