"""Where an entry id stands in the log: a cache that is rebuilt from the tiles, never the truth."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Protocol, runtime_checkable


class EntryIndex(Protocol):
    """Maps entry ids to indices. It may lose its newest additions in a crash, but not have gaps."""

    def get(self, entry_id: str) -> int | None:
        """The index of an entry, or None."""

    def add(self, ids: Sequence[tuple[str, int]]) -> None:
        """Remember ids with their indices, which follow on from `size()`; all of them, or raise."""

    def size(self) -> int:
        """How many entries of the log it covers, from the first on."""


@runtime_checkable
class PrefixIndex(EntryIndex, Protocol):
    """An index that can list what begins alike, so that a request is found without a scan of the log."""

    def starting(self, prefix: str) -> Sequence[int]:
        """The indices of all ids that start with `prefix`, ascending."""


class MemoryIndex:
    """An index in memory, about 250 bytes an entry; built anew from the tiles at each start."""

    def __init__(self) -> None:
        self._indices: dict[str, int] = {}

    def get(self, entry_id: str) -> int | None:
        """The index of an entry, or None."""
        return self._indices.get(entry_id)

    def add(self, ids: Sequence[tuple[str, int]]) -> None:
        """Remember ids with their indices."""
        self._indices.update(ids)

    def size(self) -> int:
        """How many entries it covers."""
        return len(self._indices)

    def starting(self, prefix: str) -> Sequence[int]:
        """The indices of all ids that start with `prefix`, by a scan of the ids in memory."""
        # The copy is one step under the interpreter's lock: a batch may be added at the same time.
        return sorted(index for name, index in list(self._indices.items()) if name.startswith(prefix))
