"""Everything the audit log can complain about."""

from __future__ import annotations

from typing import ClassVar

from exchange_node.errors import ExchangeError, Kind, Says


class AuditError(ExchangeError):
    """A log, proof, note or entry that does not hold, or a log that cannot be written."""

    prefix: ClassVar[str] = "audit"
    catalogue: ClassVar[dict[str, Says]] = {
        "malformed-note": Says(
            Kind.INVALID,
            "A signed note is not in the format that the specification demands.",
            "Ask for the note again; if it comes the same way, its sender's software is wrong.",
        ),
        "malformed-key": Says(
            Kind.INVALID,
            "A log key is not in the form name+id+key, or is of a type that is not supported.",
            "Copy the key again, whole and on one line, as `exchange audit key` prints it.",
        ),
        "malformed-checkpoint": Says(
            Kind.INVALID,
            "A checkpoint does not consist of origin, size and root.",
            "Ask for the checkpoint again; if it comes the same way, its sender's software is wrong.",
        ),
        "malformed-proof": Says(
            Kind.INVALID,
            "A log proof is not in the format that the specification demands.",
            "Ask for the proof again, and store it without changes.",
        ),
        "malformed-tile": Says(
            Kind.INVALID,
            "A tile of a log, or its name, is not in the format that the specification demands.",
            "Copy the log's directory again, and verify it again; if it stays so, the log was damaged.",
        ),
        "malformed-entry": Says(
            Kind.INVALID,
            "An entry of a log breaks the rules for entries.",
            "Correct the field that is named; if the entry came out of a log, the log was damaged.",
        ),
        "too-large": Says(
            Kind.INVALID,
            "An entry is longer than the 65,535 bytes that a log can hold.",
            "Record digests instead of the things themselves.",
        ),
        "commitment-mismatch": Says(
            Kind.UNTRUSTED,
            "A value is not the one that was committed to.",
            "Do not rely on the value; compare the opening with its source.",
        ),
        "forged": Says(
            Kind.UNTRUSTED,
            "The log's signature does not hold.",
            "Do not rely on it; check that the key is the one in the federation's manifest.",
        ),
        "forked": Says(
            Kind.UNTRUSTED,
            "The log's new checkpoint contradicts an older one: its history was rewritten.",
            "Keep both checkpoints as evidence, stop exchanging with this node, and tell its officer.",
        ),
        "shrunk": Says(
            Kind.UNTRUSTED,
            "The log's new checkpoint is shorter than an older one: entries were taken away.",
            "Keep both checkpoints as evidence, stop exchanging with this node, and tell its officer.",
        ),
        "not-included": Says(
            Kind.UNTRUSTED,
            "The proof does not show that the entry is in the log.",
            "Do not rely on the entry; ask its sender for a proof against the checkpoint you hold.",
        ),
        "checkpoint-missing": Says(
            Kind.UNTRUSTED,
            "The log's directory has no checkpoint.",
            "Check the directory's name; restore the checkpoint from a copy, never sign a new one.",
        ),
        "damaged": Says(
            Kind.UNTRUSTED,
            "The log's files do not agree with its signed checkpoint, or with one another.",
            "Keep the directory as it is for evidence, and restore it from a copy that verifies.",
        ),
        "stray-file": Says(
            Kind.UNTRUSTED,
            "A file stands among the log's tiles that does not belong to the log.",
            "Find out who put it there; move it away only after that.",
        ),
        "rolled-back": Says(
            Kind.UNTRUSTED,
            "The log is shorter than what the node has written: an older copy was put in its place.",
            "Restore the newest copy; never continue an old one, since others hold newer checkpoints.",
        ),
        "entry-differs": Says(
            Kind.CONFLICT,
            "The log already tells another story under the same entry id.",
            "Find out which part of the node took one step twice with different facts.",
        ),
        "in-use": Says(
            Kind.UNAVAILABLE,
            "Another process writes this log.",
            "Stop the other process first; two writers would make two histories.",
        ),
        "cannot-write": Says(
            Kind.UNAVAILABLE,
            "The log cannot be written, so nothing may happen that it would have to record.",
            "Make room on the disk or mend it, then restart the node.",
        ),
        "cannot-read": Says(
            Kind.UNAVAILABLE,
            "A file of the log cannot be read.",
            "Check the directory's name and its permissions, then the disk.",
        ),
        "closed": Says(Kind.UNAVAILABLE, "The log is closed.", "Start the node again."),
        "out-of-range": Says(
            Kind.NOT_FOUND,
            "The log has no such entry or size.",
            "Ask for an index or size that is within the log.",
        ),
        "no-proof": Says(
            Kind.USAGE,
            "A proof was asked for that makes no sense for these sizes.",
            "Ask for sizes in ascending order, and an index below the size.",
        ),
    }
