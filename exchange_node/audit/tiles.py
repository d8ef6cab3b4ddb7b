"""Tiles: how the tree and its entries lie in files (c2sp.org/tlog-tiles). Pure.

A hash tile of level L and index N holds up to 256 hashes of subtrees of 256**L entries each; an entry
bundle holds up to 256 entries. A tile of width 256 is full, one of width 1 to 255 is partial; nothing else
exists.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field

from exchange_node.audit import merkle
from exchange_node.audit.errors import AuditError

WIDTH = 256
MAX_ENTRY_BYTES = 65_535
ENTRIES = -1  # the "level" of entry bundles
MAX_LEVEL = 63
_PATH = re.compile(r"tile/([0-9]{1,2}|entries)/((?:x[0-9]{3}/)*[0-9]{3})(?:\.p/([1-9][0-9]{0,2}))?", re.ASCII)


@dataclass(frozen=True, slots=True, order=True)
class Tile:
    """The name of a tile or, at level `ENTRIES`, of an entry bundle."""

    level: int
    index: int
    width: int = WIDTH

    def path(self) -> str:
        """The path below the log's directory or URL."""
        groups = [f"{self.index % 1000:03d}"]
        rest = self.index // 1000
        while rest:
            groups.append(f"x{rest % 1000:03d}")
            rest //= 1000
        level = "entries" if self.level == ENTRIES else str(self.level)
        suffix = "" if self.width == WIDTH else f".p/{self.width}"
        return f"tile/{level}/{'/'.join(reversed(groups))}{suffix}"

    def full(self) -> Tile:
        """The full tile that this one becomes."""
        return Tile(self.level, self.index)


def parse_path(path: str) -> Tile:
    """Read a tile's path. Raises AuditError `malformed-tile`; each tile has exactly one path."""
    match = _PATH.fullmatch(path) if len(path) < 128 else None
    if match is None:
        raise AuditError("malformed-tile", "not the path of a tile")
    level, index, width = match.groups()
    tile = Tile(
        ENTRIES if level == "entries" else int(level),
        int(index.replace("x", "").replace("/", "")),
        WIDTH if width is None else int(width),
    )
    if tile.path() != path or tile.level > MAX_LEVEL or tile.width > WIDTH or tile.index >= 2**56:
        raise AuditError("malformed-tile", "not the path of a tile")
    return tile


def tiles_of(size: int, since: int = 0) -> Iterator[Tile]:
    """The tiles that a tree of `size` has and one of `since` has not: bundles first, then levels upward.

    Each level comes in ascending order, so that whoever writes in this order always leaves a prefix.
    """
    for level in range(ENTRIES, MAX_LEVEL + 1):
        shift = 8 * max(level, 0)
        now, before = size >> shift, since >> shift
        if now == 0:
            return
        if now == before:
            continue
        for index in range(before // WIDTH, now // WIDTH):
            yield Tile(level, index)
        if now % WIDTH:
            yield Tile(level, now // WIDTH, now % WIDTH)


def encode_bundle(entries: Sequence[bytes]) -> bytes:
    """Entries as a bundle: each behind its length as big-endian uint16. Raises AuditError `too-large`."""
    for entry in entries:
        if len(entry) > MAX_ENTRY_BYTES:
            raise AuditError("too-large", f"an entry of {len(entry)} bytes")
    return b"".join(len(entry).to_bytes(2, "big") + entry for entry in entries)


def decode_bundle(data: bytes, width: int) -> list[bytes]:
    """The `width` entries of a bundle; empty ones are legal. Raises AuditError `malformed-tile`."""
    entries: list[bytes] = []
    position = 0
    while position < len(data) and len(entries) < width:
        start = position + 2
        end = start + int.from_bytes(data[position:start], "big")
        if start > len(data) or end > len(data):
            raise AuditError("malformed-tile", "an entry bundle is cut short")
        entries.append(data[start:end])
        position = end
    if len(entries) != width or position != len(data):
        raise AuditError("malformed-tile", f"an entry bundle does not hold exactly {width} entries")
    return entries


def split_hashes(data: bytes, width: int) -> list[bytes]:
    """The `width` hashes of a tile. Raises AuditError `malformed-tile`."""
    if len(data) != width * merkle.HASH_SIZE:
        raise AuditError("malformed-tile", f"a hash tile does not hold exactly {width} hashes")
    return [data[i : i + merkle.HASH_SIZE] for i in range(0, len(data), merkle.HASH_SIZE)]


def node_reader(read: Callable[[int, int], Sequence[bytes]]) -> merkle.Node:
    """Complete subtrees out of tiles; `read(level, index)` gives a tile's hashes, as many as there are."""

    def node(level: int, index: int) -> bytes:
        tile_level, height = divmod(level, 8)
        first = index << height
        hashes = read(tile_level, first // WIDTH)
        start = first % WIDTH
        return merkle.complete_root(hashes[start : start + (1 << height)])

    return node


@dataclass(slots=True)
class Edge:
    """The right edge of a growing tree: at each tile level the hashes of the partial tile, fewer than 256."""

    size: int = 0
    levels: list[list[bytes]] = field(default_factory=list)

    def copy(self) -> Edge:
        """An independent copy, at most 2,048 references."""
        return Edge(self.size, [list(level) for level in self.levels])

    def append(self, leaf: bytes) -> list[tuple[Tile, bytes]]:
        """Add a leaf hash; returns the hash tiles that became full by it, from level 0 up."""
        filled: list[tuple[Tile, bytes]] = []
        self.size += 1
        digest, level = leaf, 0
        while True:
            if level == len(self.levels):
                self.levels.append([])
            row = self.levels[level]
            row.append(digest)
            if len(row) < WIDTH:
                return filled
            filled.append((Tile(level, (self.size >> 8 * (level + 1)) - 1), b"".join(row)))
            digest = merkle.complete_root(row)
            row.clear()
            level += 1

    def partials(self) -> list[tuple[Tile, bytes]]:
        """The partial hash tiles of this size with their bytes, from level 0 up."""
        return [
            (Tile(level, self.size >> 8 * (level + 1), len(row)), b"".join(row))
            for level, row in enumerate(self.levels)
            if row
        ]

    def root(self) -> bytes:
        """Root of the whole tree."""
        return merkle.root(node_reader(lambda level, _: self.levels[level]), self.size)
