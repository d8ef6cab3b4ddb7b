"""The first tables."""

from __future__ import annotations

from typing import Any

import sqlalchemy as sa
from alembic import op
from sqlalchemy.schema import SchemaItem
from sqlalchemy.types import TypeEngine

revision = "0001"
down_revision = None

_known: dict[str, dict[str, tuple[str, ...]]] = {
    "users": {"role": ("analyst", "officer", "administrator")},
    "choices": {"kind": ("consent", "objection", "opt-out", "restriction")},
    "requests": {
        "role": ("requester", "provider", "linkage"),
        "state": ("open", "done", "refused", "cancelled", "expired", "failed"),
    },
    "legs": {"role": ("requester", "provider", "linkage"), "state": ("active", "waiting", "ended")},
    "messages": {"direction": ("sent", "received")},
    "approvals": {"decision": ("approve", "refuse")},
}


def _table(name: str, key: str, *columns: str, extra: tuple[SchemaItem, ...] = ()) -> None:
    """A column is `name` (text) or `name:type`, with `?` at the end where it may be empty."""
    types: dict[str, TypeEngine[Any]] = {
        "": sa.Text(),
        "int": sa.BigInteger(),
        "small": sa.Integer(),
        "bytes": sa.LargeBinary(),
    }
    types["c"] = sa.Text().with_variant(sa.Text(collation="C"), "postgresql")
    keys = key.split()
    made: list[SchemaItem] = []
    for spec in (*keys, *columns):
        column, _, kind = spec.rstrip("?").partition(":")
        made.append(sa.Column(column, types[kind], nullable=spec.endswith("?"), autoincrement=False))
    made.append(sa.PrimaryKeyConstraint(*(spec.partition(":")[0] for spec in keys), name=f"pk_{name}"))
    for column, words in _known.get(name, {}).items():
        made.append(sa.CheckConstraint(sa.column(column).in_(words), name=f"ck_{name}_{column}_known"))
    op.create_table(name, *made, *extra)


def upgrade() -> None:
    """Make every table."""
    _table("meta", "key", "value")
    _table("counters", "name", "value:int")
    _table("users", "fingerprint", "name", "role", "serial", "not_after:int", "added_at:int", "revoked_at:int?")
    op.create_index("ix_users_name", "users", ["name"])
    unique = sa.UniqueConstraint("digest", name="uq_manifests_digest")
    _table("manifests", "number:int", "digest", "envelope:bytes", "at:int", extra=(unique,))
    unique = sa.UniqueConstraint("digest", name="uq_agreements_digest")
    _table("agreements", "id version:int", "digest", "envelope:bytes", "at:int", extra=(unique,))
    _table(
        "choices", "id", "person", "kind", "scope", "purposes", "valid_from:int", "valid_to:int?",
        "recorded_at:int", "recorded_by", "ref", "withdrawn_at:int?", "withdrawn_by?",
    )  # fmt: skip
    op.create_index("ix_choices_person", "choices", ["person"])
    _table(
        "requests", "id", "requester", "role", "digest", "content:bytes", "agreement_digest",
        "manifest_digest", "analyst", "created_at:int", "deadline:int", "state", "reason", "finished_at:int?",
    )  # fmt: skip
    op.create_index("ix_requests_requester_state", "requests", ["requester", "state"])
    _table(
        "legs", "request_id provider", "requester", "role", "step:small", "state", "outcome", "version:int",
        "attempts:small", "next_at:int", "deadline:int", "last_error", "progress",
        extra=(
            sa.ForeignKeyConstraint(["request_id"], ["requests.id"], name="fk_legs_request_id"),
            sa.CheckConstraint("step BETWEEN 1 AND 11", name="ck_legs_step_known"),
            sa.CheckConstraint("(step = 11) = (state = 'ended')", name="ck_legs_ended_at_last"),
        ),
    )  # fmt: skip
    op.create_index("ix_legs_state_next_at", "legs", ["state", "next_at"])
    _table("messages", "request_id provider direction peer kind", "digest", "body:bytes", "at:int")
    _table("secrets", "request_id provider name", "sealed:bytes")
    _table("openings", "entry_id name", "salt:bytes", "value:bytes")
    _table("approvals", "request_id provider", "approver", "decision", "reason", "at:int")
    _table("peers", "org", "note:bytes", "size:int")
    unique = sa.UniqueConstraint("position", name="uq_audit_index_position")
    _table("audit_index", "entry_id:c", "position:int", extra=(unique,))
    _table("results", "request_id provider", "sealed:bytes", "summary", "at:int")
    op.execute("INSERT INTO counters (name, value) VALUES ('choices', 0), ('clock', 0)")
