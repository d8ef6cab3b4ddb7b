"""Everything the store can complain about."""

from __future__ import annotations

from typing import ClassVar

from exchange_node.errors import ExchangeError, Kind, Says


class StoreError(ExchangeError):
    """Durable state that contradicts what is asked, or that cannot be read or written."""

    prefix: ClassVar[str] = "store"
    catalogue: ClassVar[dict[str, Says]] = {
        "conflict": Says(
            Kind.CONFLICT,
            "It contradicts what the node has recorded already.",
            "Look at what is recorded under this id; a changed thing needs an id of its own.",
        ),
        "not-found": Says(
            Kind.NOT_FOUND,
            "The node has no record under this id.",
            "Check the id for typing mistakes, and that this is the right node.",
        ),
        "message-differs": Says(
            Kind.CONFLICT,
            "A message of this step is recorded already, and says something else.",
            "Nothing was changed. If it came from another node, report it: that node contradicts itself.",
        ),
        "choices-changed": Says(
            Kind.CONFLICT,
            "A person's choice was recorded while the release was being decided.",
            "Nothing to do: the decision is taken again with the new choices.",
        ),
        "invalid": Says(
            Kind.INVALID,
            "A value does not fit the record it is meant for.",
            "Correct the field that is named.",
        ),
        "quota": Says(
            Kind.DENIED,
            "The party holds as much of this node's disk as it may.",
            "Wait until its requests have ended, or raise spool_bytes in the node's configuration.",
        ),
        "cannot-write": Says(
            Kind.UNAVAILABLE,
            "The node's disk or database refused a write; nothing was recorded.",
            "Free space or mend the disk, check who owns the node's home, then try again.",
        ),
        "cannot-read": Says(
            Kind.UNAVAILABLE,
            "The node's disk refused a read.",
            "Check the disk, and who owns the node's home, then try again.",
        ),
        "locked": Says(
            Kind.UNAVAILABLE,
            "Somebody else kept the node's database busy for too long.",
            "End other programs that have the database open, such as a backup or a shell; then try again.",
        ),
        "in-use": Says(
            Kind.UNAVAILABLE,
            "Another process of this node has the database open.",
            "Stop the other process (`exchange serve`), or send the command to it.",
        ),
        "unreachable": Says(
            Kind.UNAVAILABLE,
            "The database server cannot be reached or does not let the node in.",
            "Check that PostgreSQL runs, and the URL, user and password under [store] in the configuration.",
        ),
        "damaged": Says(
            Kind.FAILED,
            "The database, or a file of the spool, is damaged.",
            "Stop the node, keep a copy of the files as they are, and restore the last backup.",
        ),
        "lost": Says(
            Kind.FAILED,
            "The database is new, but the node's log is not: recorded choices, agreements and users are gone.",
            "Put the database back that belongs to this log, or restore the whole home; see Backup in docs/it.md.",
        ),
        "newer-schema": Says(
            Kind.INVALID,
            "The database was written by a newer version of the node.",
            "Install that version again, or restore the backup made before the upgrade.",
        ),
        "migration-failed": Says(
            Kind.FAILED,
            "The database could not be brought to this version; it was left as it was.",
            "Install the former version again, and report the detail in the node's log.",
        ),
        "unsupported": Says(
            Kind.INVALID,
            "The node can keep its state in SQLite or PostgreSQL only.",
            "Give [store] url as sqlite:///path or postgresql://user@host/database.",
        ),
        "not-erased": Says(
            Kind.UNAVAILABLE,
            "Secrets were deleted, but copies of them could not yet be removed from the write-ahead log.",
            "End other programs that have the database open; a restart of the node removes the rest.",
        ),
        "closed": Says(Kind.INTERNAL, "The store was closed already.", "Restart the node."),
        "failed": Says(
            Kind.INTERNAL,
            "The database refused a statement of the node.",
            "Look up the reference in the node's log and report it.",
        ),
    }
