"""Proofs that travel: one file that shows an entry to be in a log (c2sp.org/tlog-proof@v1). Pure."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from exchange_node.audit import merkle
from exchange_node.audit.checkpoint import Checkpoint, open_checkpoint, parse_decimal
from exchange_node.audit.errors import AuditError
from exchange_node.audit.note import MAX_NOTE_BYTES, b64decode, b64encode

_HEADER = "c2sp.org/tlog-proof@v1"
_MAX_PATH = 63  # a tree has fewer than 2**63 entries
_MAX_BYTES = 2 * MAX_NOTE_BYTES


@dataclass(frozen=True, slots=True)
class Proof:
    """An entry's place, the hashes from its sibling up, and the signed checkpoint they lead to."""

    index: int
    path: tuple[bytes, ...]
    note: bytes
    extra: bytes = b""  # nobody signs this: information only


def make_proof(index: int, path: Sequence[bytes], note: bytes, extra: bytes = b"") -> bytes:
    """The proof as a file. It is not checked: `verify_proof` does that."""
    lines = [_HEADER]
    if extra:
        lines.append(f"extra {b64encode(extra)}")
    lines.append(f"index {index}")
    lines.extend(b64encode(digest) for digest in path)
    return "\n".join([*lines, "", ""]).encode() + note


def parse_proof(data: bytes) -> Proof:
    """Read a proof without believing it. Raises AuditError `malformed-proof`."""
    if len(data) > _MAX_BYTES:
        raise AuditError("malformed-proof", f"longer than {_MAX_BYTES} bytes")
    head, blank, note = data.partition(b"\n\n")
    if not blank:
        raise AuditError("malformed-proof", "no blank line before the checkpoint")
    try:
        lines = head.decode("ascii").split("\n")
    except UnicodeDecodeError:
        raise AuditError("malformed-proof", "not ASCII before the checkpoint") from None
    if lines.pop(0) != _HEADER:
        raise AuditError("malformed-proof", f"the first line is not {_HEADER}")
    extra = b""
    if lines and lines[0].startswith("extra "):
        extra = b64decode("malformed-proof", lines.pop(0).removeprefix("extra "))
        if not extra:
            raise AuditError("malformed-proof", "an extra line without data")
    if not lines or not lines[0].startswith("index "):
        raise AuditError("malformed-proof", "no line with the index")
    index = parse_decimal("malformed-proof", lines.pop(0).removeprefix("index "))
    if len(lines) > _MAX_PATH:
        raise AuditError("malformed-proof", f"more than {_MAX_PATH} hashes")
    path = tuple(b64decode("malformed-proof", line) for line in lines)
    if any(len(digest) != merkle.HASH_SIZE for digest in path):
        raise AuditError("malformed-proof", "a hash that is not 32 bytes long")
    return Proof(index, path, note, extra)


def verify_proof(proof: bytes, vkey: str, entry: bytes) -> tuple[int, Checkpoint]:
    """The entry's index and the checkpoint it is under, if the proof holds; `entry` is the entry's bytes.

    Raises:
        AuditError: `malformed-*`, `forged` (checkpoint), `not-included`.
    """
    parsed = parse_proof(proof)
    checkpoint = open_checkpoint(parsed.note, vkey)
    leaf = merkle.leaf_hash(entry)
    merkle.verify_inclusion(leaf, parsed.index, checkpoint.size, parsed.path, checkpoint.root)
    return parsed.index, checkpoint
