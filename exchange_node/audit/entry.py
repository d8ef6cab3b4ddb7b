"""One fact in the audit log, and commitments to what must not stand in it. Pure.

An entry never holds anything about a single person in clear. What must be provable later but not readable
now stands in it as a commitment, SHA-256 over a 32-byte salt and the value; the opening is kept by the
node, and destroying the salt leaves a digest that can no longer be guessed at.
"""

from __future__ import annotations

import hashlib
import hmac
import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from types import MappingProxyType

from exchange_node.audit.canonical import JSON, MAX_INTEGER, canonical, parse_canonical
from exchange_node.audit.errors import AuditError
from exchange_node.audit.tiles import MAX_ENTRY_BYTES

VERSION = 1
SALT_BYTES = 32
KINDS = frozenset({"intent", "outcome", "fact"})
ROLES = frozenset({"requester", "provider", "linkage", "node"})
LAST_STEP = 10

_REQUEST = re.compile(r"[0-9a-f]{32}", re.ASCII)
_ORG = re.compile(r"[a-z][a-z0-9-]{1,39}", re.ASCII)
_SLUG = re.compile(r"[a-z][a-z0-9-]*(?:\.[a-z0-9-]+)*", re.ASCII)
_NAME = re.compile(r"[a-z][a-z0-9_]{0,63}", re.ASCII)
_PART = re.compile(r"[A-Za-z0-9._:=-]{1,128}", re.ASCII)
_DIGEST = re.compile(r"[0-9a-f]{64}", re.ASCII)
_FIELDS = frozenset({"v", "id", "kind", "at", "step", "request", "role", "peer", "action", "facts", "commitments"})


@dataclass(frozen=True, slots=True)
class Entry:
    """One thing that the node was about to do (intent), what came of it (outcome), or a fact.

    `facts` holds integers, text, booleans, lists and objects, digests as hex; `commitments` maps names to
    `commit(...)`. Raises AuditError `malformed-entry` on construction, naming the field and never its value.
    """

    id: str
    kind: str
    at: int
    step: int
    request: str
    role: str
    peer: str
    action: str
    facts: Mapping[str, JSON] = field(default_factory=dict)
    commitments: Mapping[str, str] = field(default_factory=dict)

    def __post_init__(self) -> None:
        _demand("at", type(self.at) is int and 0 <= self.at <= MAX_INTEGER, "epoch seconds")
        _demand("kind", self.kind in KINDS, "intent, outcome or fact")
        _demand("action", _match(_SLUG, self.action), "a slug such as request.sent")
        for name in self.facts:
            _demand("facts", _match(_NAME, name), "names of lower-case letters, digits and underscores")
        for name, digest in self.commitments.items():
            _demand("commitments", _match(_NAME, name) and _match(_DIGEST, digest), "a hex SHA-256 by name")
        prefix, _, part = self.id.rpartition("/")
        leg = prefix.split("/")[1:2]
        expected = entry_id(self.request, "" if leg in ([], ["-"]) else leg[0], self.step, self.role, self.peer, part)
        _demand("id", self.id == expected, "it repeats request, leg, step, role, peer and part")
        # Copies, so that a caller who reuses a dictionary does not change an entry that waits to be written.
        object.__setattr__(self, "facts", MappingProxyType(dict(self.facts)))
        object.__setattr__(self, "commitments", MappingProxyType(dict(self.commitments)))

    @property
    def leg(self) -> str:
        """The provider of the leg the entry belongs to, or empty."""
        leg = self.id.split("/")[1]
        return "" if leg == "-" else leg

    def _document(self) -> dict[str, object]:
        return {
            "v": VERSION,
            "id": self.id,
            "kind": self.kind,
            "at": self.at,
            "step": self.step,
            "request": self.request,
            "role": self.role,
            "peer": self.peer,
            "action": self.action,
            "facts": self.facts,
            "commitments": self.commitments,
        }

    def encode(self) -> bytes:
        """Canonical JSON, at most 65,535 bytes. Raises AuditError `too-large`, `malformed-entry`."""
        data = canonical(self._document())
        if len(data) > MAX_ENTRY_BYTES:
            raise AuditError("too-large", f"{len(data)} bytes")
        return data

    @classmethod
    def decode(cls, data: bytes) -> Entry:
        """Read an entry; only what `encode` writes is taken. Raises AuditError `malformed-entry`."""
        if len(data) > MAX_ENTRY_BYTES:
            raise AuditError("malformed-entry", "longer than an entry can be")
        document = parse_canonical(data)
        if not isinstance(document, dict) or document.keys() != _FIELDS:
            raise AuditError("malformed-entry", "not an object with exactly the fields of an entry")
        if type(document["v"]) is not int or document.pop("v") != VERSION:
            raise AuditError("malformed-entry", "an unknown version")
        for name, kind in cls.__annotations__.items():
            wanted = {"int": int, "str": str}.get(kind, dict)
            _demand(name, type(document[name]) is wanted, "of another type")
        return cls(**document)

    def says_the_same(self, other: Entry) -> bool:
        """Whether both tell the same story, whatever the time at which they were written."""
        return canonical(self._document() | {"at": 0}) == canonical(other._document() | {"at": 0})


def entry_id(request: str, leg: str, step: int, role: str, peer: str, part: str) -> str:
    """`request/leg/step/role/peer/part`, with `-` for an empty request, leg or peer.

    Deterministic, so that a step that is taken again finds its entry. `part` tells entries of one step
    apart: an intent from its outcome (`release.intent`, `release.outcome`), one chunk from the next, one
    start from another.

    Raises:
        AuditError: `malformed-entry`, naming the component.
    """
    _demand("request", request == "" or _match(_REQUEST, request), "32 lower-case hex digits or empty")
    _demand("leg", leg == "" or _match(_ORG, leg), "an organisation id or empty")
    _demand("step", type(step) is int and 0 <= step <= LAST_STEP, "0 to 10")
    _demand("role", role in ROLES, "requester, provider, linkage or node")
    _demand("peer", peer == "" or _match(_ORG, peer), "an organisation id or empty")
    _demand("part", _match(_PART, part), "1 to 128 letters, digits and ._:=-")
    return f"{request or '-'}/{leg or '-'}/{step}/{role}/{peer or '-'}/{part}"


def commit(value: object, salt: bytes) -> str:
    """Hex SHA-256 over the salt and the value's canonical JSON: binding, and hiding while the salt is secret.

    Raises:
        AuditError: `malformed-entry` for a salt that is not 32 bytes or a value that has no canonical JSON.
    """
    if len(salt) != SALT_BYTES:
        raise AuditError("malformed-entry", "the salt of a commitment is 32 bytes")
    return hashlib.sha256(salt + canonical(value)).hexdigest()


def open_commitment(commitment: str, value: object, salt: bytes) -> None:
    """Check an opening. Raises AuditError `commitment-mismatch` unless it is what was committed to."""
    if not hmac.compare_digest(commitment.encode(), commit(value, salt).encode()):
        raise AuditError("commitment-mismatch")


def commitment_salt(key: bytes, entry: str, name: str) -> bytes:
    """The salt of one commitment from a secret key of at least 32 bytes, by HMAC-SHA256.

    A step that is taken again after a crash commits with the same salt and so tells the same story;
    destroying the key makes every commitment under it opaque at once.
    """
    if len(key) < SALT_BYTES:
        raise AuditError("malformed-entry", "a commitment key is at least 32 bytes")
    return hmac.digest(key, b"exchange audit commitment v1\n" + canonical([entry, name]), "sha256")


def _match(pattern: re.Pattern[str], value: object) -> bool:
    return isinstance(value, str) and pattern.fullmatch(value) is not None


def _demand(name: str, holds: bool, rule: str) -> None:
    if not holds:
        raise AuditError("malformed-entry", f"{name}: {rule}")
