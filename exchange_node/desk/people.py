"""The people of the agency at the desk: whom it lets in, and the choices of those whose records it holds."""

from __future__ import annotations

import asyncio
import json
import secrets
from collections.abc import Mapping, Sequence
from datetime import UTC, date, datetime, timedelta
from ipaddress import ip_address
from typing import Any

from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import load_pem_public_key
from pydantic import ValidationError

from exchange_node.audit.entry import commit
from exchange_node.config import NodeTable, explain
from exchange_node.desk import models
from exchange_node.desk.clerk import Clerk, when
from exchange_node.desk.errors import DeskError
from exchange_node.desk.models import ChoiceRow, read_body
from exchange_node.errors import ExchangeError
from exchange_node.store.model import Choice, User, new_id
from exchange_node.trust import certificates

DAY = 86_400
_SAID = ("person", "kind", "scope", "purposes", "valid_from", "valid_to", "ref")


class People(Clerk):
    """Users and choices."""

    # -- users

    async def add_user(self, user: User, body: Mapping[str, Any]) -> dict[str, Any]:
        """Issue a certificate for a key that the user's own machine made; the private half never comes here."""
        wanted = read_body(models.NewUser, body)
        now = self.exchange.now()
        standing = [u for u in self.node.store.users.list() if u.name == wanted.name and _counts(u, now)]
        if any(u.role != wanted.role for u in standing):
            raise DeskError("other-role")
        pem, added = issue(self.node.keys, wanted.name, wanted.role, wanted.public_key.encode(), now, wanted.days)
        facts = {"certificate": added.fingerprint, "role": added.role}
        await self.record(f"user.{added.fingerprint}", "intent", "user.added", facts)
        self.node.store.users.add(added.name, added.role, added.fingerprint, added.serial, added.not_after, now)
        return {
            "user": _user(added),
            "certificate": pem.decode(),
            "organisation": self.node.org,
            "address": reached_at(self.node.config.node),
            "node_certificate": self.node.keys.tls_certificate.decode(),
        }

    async def revoke_user(self, user: User, body: Mapping[str, Any]) -> dict[str, Any]:
        """Shut out every certificate of a login, from the next call on."""
        name, now = read_body(models.UserRef, body).name, self.exchange.now()
        users = self.node.store.users.list()
        if name not in {u.name for u in users}:
            raise DeskError("unknown-user")
        administrators = {u.name for u in users if u.role == "administrator" and _counts(u, now)}
        if administrators == {name}:
            raise DeskError("last-administrator")
        theirs = [u.fingerprint for u in users if u.name == name and _counts(u, now)]
        for fingerprint in theirs:
            await self.record(f"revoked.{fingerprint}", "intent", "user.revoked", {"certificate": fingerprint})
        return {"name": name, "revoked": self.node.store.users.revoke(name, now)}

    async def list_users(self, user: User, body: Mapping[str, Any]) -> dict[str, Any]:
        """Every certificate that was issued, revoked ones too."""
        read_body(models.Nothing, body)
        return {"users": [_user(found) for found in self.node.store.users.list()]}

    # -- choices

    async def add_choices(self, user: User, body: Mapping[str, Any]) -> dict[str, Any]:
        """Record choices, all of them or none; rows that break a rule are named by line and rule.

        A row that says what is recorded and stands already is counted as `known` and not doubled.
        """
        wanted = read_body(models.ChoiceRows, body)
        rows, problems = self._rows(wanted.rows)
        problems += await asyncio.to_thread(self._strangers, rows)
        answer = {"rows": len(wanted.rows), "added": 0, "known": 0, "choices": [], "dry_run": wanted.dry_run}
        answer["notes"] = [] if problems else await asyncio.to_thread(self._idle, rows)
        problems.sort(key=lambda problem: problem["line"])
        if problems or wanted.dry_run:
            return {**answer, "problems": problems}
        choices = await asyncio.to_thread(self._new, [self._choice(user, row) for row in rows])
        if choices:
            await self._note_choices(choices)
            await asyncio.to_thread(self.node.store.choices.add_all, choices)
        told = {"added": len(choices), "known": len(rows) - len(choices), "choices": [c.id for c in choices[:100]]}
        return {**answer, **told, "problems": []}

    async def withdraw_choice(self, user: User, body: Mapping[str, Any]) -> dict[str, Any]:
        """Record that choices no longer hold, from now on. Raises DeskError `unknown-choice`."""
        wanted = read_body(models.ChoiceWithdrawal, body)
        if (wanted.choice is None) == (wanted.local_id is None or wanted.kind is None):
            raise DeskError("invalid", "give a choice's id, or a local id and a kind")
        found = await asyncio.to_thread(self._standing, wanted)
        if not found:
            raise DeskError("unknown-choice")
        now = self.exchange.now()
        for choice in found:
            _, commitment = self._commit(f"withdrawn.{choice.id}", {"choice": choice.id, "person": choice.person})
            part = f"withdrawn.{choice.id}"
            await self.record(part, "intent", "choice.withdrawn", {"kind": choice.kind}, {"choice": commitment})
            self.node.store.choices.withdraw(choice.id, now, user.name)
        return {"withdrawn": [choice.id for choice in found], "at": when(now)}

    async def list_choices(self, user: User, body: Mapping[str, Any]) -> dict[str, Any]:
        """Choices by reference; those of one person where their local id is given."""
        wanted = read_body(models.ChoiceList, body)
        person = None if wanted.local_id is None else self.node.vault.person_ref(wanted.local_id)
        found = self.node.store.choices.list(person, wanted.active, wanted.limit, wanted.offset)
        return {"choices": [_told(choice) for choice in found]}

    def _rows(self, rows: Sequence[Mapping[str, Any]]) -> tuple[list[ChoiceRow], list[dict[str, Any]]]:
        good: list[ChoiceRow] = []
        problems: list[dict[str, Any]] = []
        for number, row in enumerate(rows, 1):
            line = row.get("line", number)
            line = line if type(line) is int and line >= 0 else number
            try:
                read = ChoiceRow.model_validate({**row, "line": line})
            except ValidationError as error:
                problems.append({"line": line, "rule": explain(error)})
                continue
            if read.valid_from and read.valid_to and read.valid_to < read.valid_from:
                problems.append({"line": line, "rule": "valid_to: before valid_from"})
            if read.kind == "consent" and not (read.scope and read.purposes):
                rule = "scope, purposes: a consent names who may have the data and for what (UK GDPR Art. 4(11))"
                problems.append({"line": line, "rule": rule})
            good.append(read)
        return good, problems

    def _strangers(self, rows: Sequence[ChoiceRow]) -> list[dict[str, Any]]:
        strangers = {row.local_id for row in rows}
        strangers.difference_update(self.exchange.people.records.ids())
        rule = "local_id: nobody in the register has it, or two rows have"
        return [{"line": row.line, "rule": rule} for row in rows if row.local_id in strangers]

    def _idle(self, rows: Sequence[ChoiceRow]) -> list[dict[str, Any]]:
        """What would count for nothing as things are, a slip perhaps: an opt-out from nobody keeps nobody out."""
        try:
            manifest = self.node.federation.manifest(self.exchange.now())
            agreements = [signed.agreement for signed in self.exchange.agreements.all()]
        except ExchangeError:
            return []  # without a manifest nobody can say who is a member; nothing is released either
        members = {org.id for org in manifest.organisations} | {p.org for a in agreements for p in a.parties}
        purposes = {purpose.id for agreement in agreements for purpose in agreement.purposes}
        found = {
            "scope: an organisation that neither the federation nor an agreement here knows": [
                row.line for row in rows if not members.issuperset(row.scope)
            ],
            "purposes: one that no agreement here has": [
                row.line for row in rows if not purposes.issuperset(row.purposes)
            ],
        }
        return [{"rule": rule, "rows": len(lines), "line": lines[0]} for rule, lines in found.items() if lines]

    def _choice(self, user: User, row: ChoiceRow) -> Choice:
        now = self.exchange.now()
        return Choice(
            person=self.node.vault.person_ref(row.local_id),
            kind=row.kind,
            scope=tuple(sorted(set(row.scope))),
            purposes=tuple(sorted(set(row.purposes))),
            valid_from=_begin(row.valid_from) if row.valid_from else now - now % DAY,
            valid_to=_begin(row.valid_to + timedelta(days=1)) if row.valid_to else None,
            recorded_at=now,
            recorded_by=user.name,
            ref=row.ref,
        )

    def _new(self, choices: Sequence[Choice]) -> list[Choice]:
        """Those that are not recorded and standing already, each once."""
        recorded = self.node.store.choices.for_people({choice.person for choice in choices})
        seen = {_said(c) for theirs in recorded.values() for c in theirs if c.withdrawn_at is None}
        new = []
        for choice in choices:
            if _said(choice) not in seen:
                seen.add(_said(choice))
                new.append(choice)
        return new

    async def _note_choices(self, choices: Sequence[Choice]) -> None:
        """One entry for all that were recorded together; who they are about is committed to, not told."""
        part = f"choices.{new_id()}"
        story = [
            {"id": c.id, "person": c.person, "kind": c.kind, "scope": list(c.scope), "purposes": list(c.purposes)}
            for c in choices
        ]
        _, commitment = await asyncio.to_thread(self._commit, part, story)
        await self.record(part, "intent", "choice.recorded", {}, {"choices": commitment})

    def _commit(self, part: str, value: Any) -> tuple[Any, str]:
        entry = self.matter(part)
        known = self.exchange.notes.kept(entry)
        salt = known[1] if known else secrets.token_bytes(32)
        value = known[0] if known else json.loads(json.dumps(value))
        if known is None:
            self.node.store.openings.put(entry, "value", salt, self.exchange.notes.seal_opening(entry, value))
        return value, commit(value, salt)

    def _standing(self, wanted: models.ChoiceWithdrawal) -> list[Choice]:
        if wanted.choice is not None:
            every = self.node.store.choices.list(None, True, None)
            return [choice for choice in every if choice.id == wanted.choice]
        person = self.node.vault.person_ref(wanted.local_id or "")
        theirs = self.node.store.choices.list(person, True, None)
        scope = set(wanted.scope)
        return [c for c in theirs if c.kind == wanted.kind and (not scope or scope & set(c.scope))]


def reached_at(node: NodeTable) -> str:
    """Where the agency's own people reach the node: where it listens, unless that is every address there is."""
    host = node.listen.rpartition(":")[0].strip("[]")
    try:
        everywhere = ip_address(host).is_unspecified
    except ValueError:
        everywhere = False
    return node.address if everywhere else node.listen


def issue(keys: Any, name: str, role: str, public_pem: bytes, now: int, days: int) -> tuple[bytes, User]:
    """A user's certificate (PEM) under the home's user CA, and the row that lets it in.

    Raises DeskError `invalid` for a key that is no P-256 public key; TrustError.
    """
    try:
        public = load_pem_public_key(public_pem)
    except ValueError:
        raise DeskError("invalid", "public_key: not a public key in PEM") from None
    if not isinstance(public, ec.EllipticCurvePublicKey) or not isinstance(public.curve, ec.SECP256R1):
        raise DeskError("invalid", "public_key: an ECDSA P-256 key is expected")
    pem = certificates.issue_user_certificate(keys.user_ca_key, keys.user_ca, name, role, public, now - 3600, days)
    _, not_after = certificates.certificate_validity(pem)
    fingerprint = certificates.fingerprint(pem)
    return pem, User(name, role, fingerprint, fingerprint[:32], not_after, now)


def _counts(user: User, now: int) -> bool:
    return user.revoked_at is None and now < user.not_after


def _user(user: User) -> dict[str, Any]:
    return {
        "name": user.name, "role": user.role, "fingerprint": user.fingerprint, "not_after": when(user.not_after),
        "added_at": when(user.added_at), "revoked_at": when(user.revoked_at),
    }  # fmt: skip


def _told(choice: Choice) -> dict[str, Any]:
    return {
        "id": choice.id, "person": choice.person, "kind": choice.kind, "scope": list(choice.scope),
        "purposes": list(choice.purposes), "valid_from": when(choice.valid_from), "valid_to": when(choice.valid_to),
        "recorded_at": when(choice.recorded_at), "recorded_by": choice.recorded_by, "ref": choice.ref,
        "withdrawn_at": when(choice.withdrawn_at),
    }  # fmt: skip


def _said(choice: Choice) -> tuple[Any, ...]:
    return tuple(getattr(choice, name) for name in _SAID)


def _begin(day: date) -> int:
    return int(datetime(day.year, day.month, day.day, tzinfo=UTC).timestamp())
