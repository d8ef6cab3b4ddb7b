"""The tables as they are now.

How older databases get here stands in `migrations/`; a test compares the two.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

from sqlalchemy import (
    BigInteger,
    CheckConstraint,
    Column,
    Dialect,
    ForeignKey,
    Index,
    Integer,
    LargeBinary,
    MetaData,
    Table,
    Text,
    TypeDecorator,
    UniqueConstraint,
    column,
)


class Json(TypeDecorator[Any]):
    """A JSON value as canonical text, alike on both databases; NaN and unknown types are refused."""

    impl = Text
    cache_ok = True

    def process_bind_param(self, value: Any, dialect: Dialect) -> str | None:
        """Serialise."""
        if value is None:
            return None
        return json.dumps(value, allow_nan=False, sort_keys=True, separators=(",", ":"), default=_plain)

    def process_result_value(self, value: str | None, dialect: Dialect) -> Any:
        """Parse."""
        return None if value is None else json.loads(value)


def _plain(value: object) -> object:
    if isinstance(value, Mapping):
        return dict(value)
    raise TypeError("not JSON")


class Texts(Json):
    """A tuple of strings."""

    cache_ok = True

    def process_result_value(self, value: str | None, dialect: Dialect) -> Any:
        """Parse."""
        return None if value is None else tuple(json.loads(value))


# Compared byte by byte everywhere, or a range of ids would depend on PostgreSQL's locale.
Bytewise = Text().with_variant(Text(collation="C"), "postgresql")


def one_of(name: str, *values: str) -> CheckConstraint:
    """A column that holds one of a few words."""
    return CheckConstraint(column(name).in_(values), name=f"{name}_known")


metadata = MetaData(
    naming_convention={
        "pk": "pk_%(table_name)s",
        "fk": "fk_%(table_name)s_%(column_0_name)s",
        "uq": "uq_%(table_name)s_%(column_0_name)s",
        "ck": "ck_%(table_name)s_%(constraint_name)s",
        "ix": "ix_%(table_name)s_%(column_0_name)s",
    }
)


def _text(name: str, **options: Any) -> Column[str]:
    return Column(name, Text, nullable=False, **options)


def _time(name: str, *, nullable: bool = False) -> Column[int]:
    return Column(name, BigInteger, nullable=nullable)


def _bytes(name: str) -> Column[bytes]:
    return Column(name, LargeBinary, nullable=False)


def _key(name: str, kind: Any = Text) -> Column[Any]:
    return Column(name, kind, primary_key=True, autoincrement=False)


meta = Table("meta", metadata, _key("key"), _text("value"))

# Numbers that only grow: "choices" (see Choices.version) and "clock" (see Meta.raise_high_water).
counters = Table("counters", metadata, _key("name"), Column("value", BigInteger, nullable=False))

users = Table(
    "users",
    metadata,
    _key("fingerprint"),
    _text("name", index=True),
    _text("role"),
    _text("serial"),
    _time("not_after"),
    _time("added_at"),
    _time("revoked_at", nullable=True),
    one_of("role", "analyst", "officer", "administrator"),
)

manifests = Table(
    "manifests",
    metadata,
    _key("number", BigInteger),
    _text("digest"),
    _bytes("envelope"),
    _time("at"),
    UniqueConstraint("digest"),
)

agreements = Table(
    "agreements",
    metadata,
    _key("id"),
    _key("version", BigInteger),
    _text("digest"),
    _bytes("envelope"),
    _time("at"),
    UniqueConstraint("digest"),
)

choices = Table(
    "choices",
    metadata,
    _key("id"),
    _text("person", index=True),
    _text("kind"),
    Column("scope", Texts, nullable=False),
    Column("purposes", Texts, nullable=False),
    _time("valid_from"),
    _time("valid_to", nullable=True),
    _time("recorded_at"),
    _text("recorded_by"),
    _text("ref"),
    _time("withdrawn_at", nullable=True),
    Column("withdrawn_by", Text),
    one_of("kind", "consent", "objection", "opt-out", "restriction"),
)

requests = Table(
    "requests",
    metadata,
    _key("id"),
    _text("requester"),
    _text("role"),
    _text("digest"),
    _bytes("content"),
    _text("agreement_digest"),
    _text("manifest_digest"),
    _text("analyst"),
    _time("created_at"),
    _time("deadline"),
    _text("state"),
    _text("reason"),
    _time("finished_at", nullable=True),
    one_of("role", "requester", "provider", "linkage"),
    one_of("state", "open", "done", "refused", "cancelled", "expired", "failed"),
    Index("ix_requests_requester_state", "requester", "state"),
)

legs = Table(
    "legs",
    metadata,
    Column("request_id", Text, ForeignKey("requests.id"), primary_key=True),
    _key("provider"),
    _text("requester"),
    _text("role"),
    Column("step", Integer, nullable=False),
    _text("state"),
    _text("outcome"),
    Column("version", BigInteger, nullable=False),
    Column("attempts", Integer, nullable=False),
    _time("next_at"),
    _time("deadline"),
    _text("last_error"),
    Column("progress", Json, nullable=False),
    one_of("role", "requester", "provider", "linkage"),
    one_of("state", "active", "waiting", "ended"),
    CheckConstraint("step BETWEEN 1 AND 11", name="step_known"),
    CheckConstraint("(step = 11) = (state = 'ended')", name="ended_at_last"),
    Index("ix_legs_state_next_at", "state", "next_at"),
)

messages = Table(
    "messages",
    metadata,
    _key("request_id"),
    _key("provider"),
    _key("direction"),
    _key("peer"),
    _key("kind"),
    _text("digest"),
    _bytes("body"),
    _time("at"),
    one_of("direction", "sent", "received"),
)

secrets = Table("secrets", metadata, _key("request_id"), _key("provider"), _key("name"), _bytes("sealed"))

openings = Table("openings", metadata, _key("entry_id"), _key("name"), _bytes("salt"), _bytes("value"))

approvals = Table(
    "approvals",
    metadata,
    _key("request_id"),
    _key("provider"),
    _text("approver"),
    _text("decision"),
    _text("reason"),
    _time("at"),
    one_of("decision", "approve", "refuse"),
)

peers = Table("peers", metadata, _key("org"), _bytes("note"), Column("size", BigInteger, nullable=False))

audit_index = Table(
    "audit_index",
    metadata,
    _key("entry_id", Bytewise),
    Column("position", BigInteger, nullable=False),
    UniqueConstraint("position"),
)

results = Table(
    "results",
    metadata,
    _key("request_id"),
    _key("provider"),
    _bytes("sealed"),
    Column("summary", Json, nullable=False),
    _time("at"),
)

__all__ = [
    "agreements",
    "approvals",
    "audit_index",
    "choices",
    "counters",
    "legs",
    "manifests",
    "messages",
    "meta",
    "metadata",
    "openings",
    "peers",
    "requests",
    "results",
    "secrets",
    "users",
]
