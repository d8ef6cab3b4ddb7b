"""What lies in a log's directory, and how one file of it is read."""

from __future__ import annotations

from pathlib import Path

from exchange_node.audit.errors import AuditError

CHECKPOINT = "checkpoint"
TILES = "tile"
LOCK = ".lock"
PENDING = ".pending"  # a file that is being written: not below tile/, and no form of a tile's name


def read_file(path: Path) -> bytes | None:
    """A file's bytes, or None if there is none. Raises AuditError `cannot-read`."""
    try:
        return path.read_bytes()
    except (FileNotFoundError, NotADirectoryError):
        return None
    except OSError as error:
        raise AuditError("cannot-read", f"{path.name}: {error.strerror}") from error
