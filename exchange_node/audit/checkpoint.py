"""Checkpoints: a log's origin, size and root, signed (c2sp.org/tlog-checkpoint). Pure."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass

from exchange_node.audit import merkle
from exchange_node.audit.errors import AuditError
from exchange_node.audit.note import NoteSigner, VerifierKey, b64decode, b64encode, check_name, parse_note

MAX_SIZE = 2**63 - 1
_DECIMAL = re.compile(r"0|[1-9][0-9]{0,18}", re.ASCII)


@dataclass(frozen=True, slots=True)
class Checkpoint:
    """What a log says of itself: its name, how many entries it has, and their root (32 bytes)."""

    origin: str
    size: int
    root: bytes
    extensions: tuple[str, ...] = ()

    def text(self) -> str:
        """The note text that is signed."""
        lines = (self.origin, str(self.size), b64encode(self.root), *self.extensions)
        return "".join(f"{line}\n" for line in lines)

    def sign(self, signer: NoteSigner) -> bytes:
        """The signed note. The signer's name must be the origin (AuditError `malformed-checkpoint`)."""
        if signer.name != self.origin:
            raise AuditError("malformed-checkpoint", "the key's name is not the log's origin")
        return signer.sign(self.text())


def parse_checkpoint(text: str) -> Checkpoint:
    """Read a checkpoint's text without believing it. Raises AuditError `malformed-checkpoint`."""
    lines = text.split("\n")
    if len(lines) < 4 or lines.pop() != "" or "" in lines:
        raise AuditError("malformed-checkpoint", "at least three lines, none of them empty")
    origin, size, root = lines[:3]
    check_name("malformed-checkpoint", origin)
    checkpoint = Checkpoint(origin, parse_decimal("malformed-checkpoint", size), _parse_root(root), tuple(lines[3:]))
    if checkpoint.size == 0 and checkpoint.root != merkle.EMPTY_ROOT:
        raise AuditError("malformed-checkpoint", "the empty tree has another root")
    return checkpoint


def open_checkpoint(note: bytes, vkey: str) -> Checkpoint:
    """The checkpoint in a signed note, if the log of that key signed it.

    Raises:
        AuditError: `malformed-note`, `malformed-checkpoint`, `malformed-key`, or `forged` (signature or
            origin).
    """
    key = VerifierKey.parse(vkey)
    checkpoint = parse_checkpoint(key.verify(parse_note(note)))
    if checkpoint.origin != key.name:
        raise AuditError("forged", "the key signs for another origin")
    return checkpoint


def check_consistency(old_note: bytes, new_note: bytes, proof: Sequence[bytes], vkey: str) -> Checkpoint:
    """What a counterparty runs: the new checkpoint, if it continues the one that was kept.

    `proof` is the log's consistency proof between the two sizes, empty if they are equal or the old one is 0.

    Raises:
        AuditError: `forged` if either note is not a checkpoint signed by that log; `shrunk` if the log lost
            entries; `forked` if the proof does not lead from the old head to the new one. `malformed-key`.
    """
    VerifierKey.parse(vkey)
    try:
        old = open_checkpoint(old_note, vkey)
        new = open_checkpoint(new_note, vkey)
    except AuditError as error:
        raise AuditError("forged", error.detail) from error
    merkle.verify_consistency(old.size, new.size, proof, old.root, new.root)
    return new


def parse_decimal(code: str, text: str) -> int:
    """An ASCII decimal without leading zeros, below 2**63. Raises AuditError `code`."""
    if not _DECIMAL.fullmatch(text) or int(text) > MAX_SIZE:
        raise AuditError(code, "not a decimal number without leading zeros")
    return int(text)


def _parse_root(text: str) -> bytes:
    root = b64decode("malformed-checkpoint", text)
    if len(root) != merkle.HASH_SIZE:
        raise AuditError("malformed-checkpoint", "the root is 32 bytes")
    return root
