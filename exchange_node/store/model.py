"""The records of the store, as plain values.

Times are epoch seconds UTC, digests 64 lower-case hex digits, `Mapping`s JSON objects. What may name a
person, a reason or a secret is kept out of `repr`.
"""

from __future__ import annotations

import secrets
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any


def new_id() -> str:
    """A fresh random id of 32 lower-case hex digits."""
    return secrets.token_hex(16)


@dataclass(frozen=True, slots=True)
class User:
    """Somebody with a client certificate of this agency.

    Callers MUST look at `revoked_at` and `not_after`.
    """

    name: str = field(repr=False)
    role: str  # analyst | officer | administrator
    fingerprint: str  # SHA-256 of the certificate
    serial: str
    not_after: int
    added_at: int
    revoked_at: int | None = None


@dataclass(frozen=True, slots=True)
class ManifestDocument:
    """A federation manifest as it was signed."""

    number: int
    digest: str
    envelope: bytes = field(repr=False)
    at: int


@dataclass(frozen=True, slots=True)
class AgreementDocument:
    """An agreement with the signatures gathered so far."""

    id: str
    version: int
    digest: str
    envelope: bytes = field(repr=False)
    at: int


@dataclass(frozen=True, slots=True)
class Choice:
    """What a person wants to happen with their data. `person` is a 32-hex reference, never a local id."""

    person: str = field(repr=False)
    kind: str  # consent | objection | opt-out | restriction
    scope: tuple[str, ...]  # organisations; what an empty one means is policy's matter
    purposes: tuple[str, ...]
    valid_from: int
    valid_to: int | None
    recorded_at: int
    recorded_by: str = field(repr=False)
    ref: str = field(default="", repr=False)  # where the paper is
    withdrawn_at: int | None = None
    withdrawn_by: str | None = field(default=None, repr=False)
    id: str = field(default_factory=new_id)


@dataclass(frozen=True, slots=True)
class Request:
    """One question, as this node in its role knows it; `content` is what was signed."""

    id: str
    requester: str
    role: str  # requester | provider | linkage
    digest: str
    content: bytes = field(repr=False)
    agreement_digest: str
    manifest_digest: str
    analyst: str = field(repr=False)
    created_at: int
    deadline: int
    state: str = "open"  # open | done | refused | cancelled | expired | failed
    reason: str = field(default="", repr=False)
    finished_at: int | None = None


@dataclass(frozen=True, slots=True)
class Leg:
    """A request with one provider: which step comes next, and when. `version` counts its moves."""

    request_id: str
    requester: str
    provider: str
    role: str
    step: int  # 1..10, 11 = ended
    next_at: int
    deadline: int
    state: str = "active"  # active | waiting | ended
    outcome: str = ""
    version: int = 0
    attempts: int = 0
    last_error: str = ""
    progress: Mapping[str, Any] = field(default_factory=dict, repr=False)


@dataclass(frozen=True, slots=True)
class Message:
    """A signed protocol message as it went over the wire, so that a retry sends the same bytes."""

    request_id: str
    provider: str
    direction: str  # sent | received
    peer: str
    kind: str
    digest: str
    body: bytes = field(repr=False)
    at: int


@dataclass(frozen=True, slots=True)
class Secret:
    """A key of a leg, sealed under the node's own key."""

    request_id: str
    provider: str
    name: str
    sealed: bytes = field(repr=False)


@dataclass(frozen=True, slots=True)
class Opening:
    """Salt and sealed value that open one commitment of an audit entry."""

    entry_id: str
    name: str
    salt: bytes = field(repr=False)
    value: bytes = field(repr=False)


@dataclass(frozen=True, slots=True)
class Approval:
    """What a person decided about a leg that needs a human approval."""

    request_id: str
    provider: str
    approver: str = field(repr=False)
    decision: str  # approve | refuse
    reason: str = field(repr=False)
    at: int


@dataclass(frozen=True, slots=True)
class Result:
    """What one provider released to us, sealed at rest; `summary` holds counts and provenance, no person."""

    request_id: str
    provider: str
    sealed: bytes = field(repr=False)
    summary: Mapping[str, Any] = field(repr=False)
    at: int


@dataclass(frozen=True, slots=True)
class Checkpoint:
    """The last signed tree head of a peer's log that was verified."""

    org: str
    note: bytes = field(repr=False)
    size: int
