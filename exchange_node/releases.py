"""The release of a leg: made and fixed at the provider, opened and kept at the requester."""

from __future__ import annotations

import hashlib
import json
import secrets
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import Any

from exchange_node import papers
from exchange_node.audit.entry import commit
from exchange_node.casework import Casework
from exchange_node.encoding.keys import TokenKey
from exchange_node.encoding.tokens import Tokens
from exchange_node.messages import MessageError
from exchange_node.papers import Case
from exchange_node.parcels import Parcels, release_of
from exchange_node.policy.agreement import Attribute
from exchange_node.release.build import Counts, Effect, Person, build
from exchange_node.release.columns import Column, ColumnType, columns_digest, parse_type
from exchange_node.release.layout import LINK_ID, pack_stream, release_size, unpack_stream
from exchange_node.release.results import Table, join
from exchange_node.release.transforms import EXACT, column
from exchange_node.trust.sealing import SealingKey, open_stream, seal_stream, sealed_size
from exchange_node.wire.v1 import message_pb2 as pb


@dataclass(frozen=True, slots=True)
class Made:
    """A release as it is fixed: what is signed, the story for our own eyes, and the choices it stands on."""

    release: pb.Release
    story: dict[str, Any]
    salt: bytes
    choices_version: int

    @property
    def commitment(self) -> str:
        """What the log says of the story."""
        return commit(self.story, self.salt)


class Releases:
    """Step 8 at the provider, step 9 at the requester."""

    def __init__(self, work: Casework, parcels: Parcels) -> None:
        self._work = work
        self._node = work.node
        self._parcels = parcels

    def make(self, case: Case) -> Made:
        """[8] Decide for every linked person, minimise, pack to the cohort's size class, and seal to the requester.

        Nothing outside this node shows how many were linked, or how many of those may be released.
        """
        self._work.agreements.in_force_by_digest(case.terms.digest)
        version = self._node.store.choices.version()
        links: dict[str, bytes] = {
            i: bytes.fromhex(link) for i, link in json.loads(self._work.keys.get(case, "links")).items()
        }
        now = self._work.now()
        classes = self._work.people.classes(case, links, now)
        distinct = list(dict.fromkeys(classes.values()))
        question = papers.question_of(
            case.asked, case.order, case.terms, self._work.manifest(), now, case.ref.request_id,
            precision_bp=int(case.leg.progress.get("precision_bp", 0)), links=len(links),
        )  # fmt: skip
        decided = dict(zip(distinct, self._node.policy.release(question, distinct), strict=True))
        # Facts differ in dates that policy does not: far fewer decisions than distinct facts.
        decisions = {decision.decision_id: decision for decision in decided.values()}
        effects = {
            name: {
                attribute: Effect(
                    found.effect, found.transform, tuple(r.code for r in found.reasons or decision.reasons)
                )
                for attribute, found in decision.attributes.items()
            }
            for name, decision in decisions.items()
        }
        class_of = {local_id: decided[facts].decision_id for local_id, facts in classes.items()}
        columns, counts = columns_of(case), Counts()
        people = self._people(links, class_of, [c.name for c in columns], now)
        capacity = case.asked.cohort_class
        pieces = pack_stream(build(people, effects, columns, counts), columns, capacity)
        whole = hashlib.sha256()
        sealed = _hashed(seal_stream(case.asked.sealing_key, pieces, info_of(case)), whole)
        digests = self._parcels.put_all(case, release_of(case.ref.provider), sealed)
        release = pb.Release(
            digest=whole.digest(),
            size=expected_size(case, columns),
            chunk_digests=digests,
            bundle_digest=bytes.fromhex(self._node.policy.engine.bundle_digest),
            engine=f"{self._node.policy.engine.name} {self._node.policy.engine.version}",
            columns_digest=columns_digest(columns),
            capacity=capacity,
            obligations=duties_of(case),
        )
        number = {name: place for place, name in enumerate(decisions)}
        story = {
            "linked": len(links),
            "rows": counts.rows,
            "people_released": counts.rows,
            "people_denied": len(links) - counts.rows,
            "values": counts.released,
            "denied": counts.denied,
            "reasons": counts.by_code(),
            "precision_bp": int(case.leg.progress.get("precision_bp", 0)),
            "decisions": [decision.to_json() for decision in decisions.values()],
            "people": {self._node.vault.person_ref(i): number[name] for i, name in class_of.items()},
        }
        return Made(release, story, secrets.token_bytes(32), version)

    def check(self, case: Case, release: pb.Release) -> None:
        """[8] A release must have exactly the form that was agreed. Raises MessageError `malformed`."""
        columns = columns_of(case)
        expected = (columns_digest(columns), case.asked.cohort_class, expected_size(case, columns))
        if (release.columns_digest, release.capacity, release.size) != expected:
            raise MessageError("malformed", "Release: columns, capacity or size")

    def open(self, case: Case, release: pb.Release) -> Table:
        """[9] Verify, open and join to the cohort; every row of the cohort has a line, whatever came of it."""
        whole = hashlib.sha256()
        sealed = _hashed(self._parcels.read(case, release_of(case.ref.provider)), whole)
        columns = columns_of(case)
        key = SealingKey(self._work.keys.get(case, "sealing"))
        rows = list(unpack_stream(open_stream(key, sealed, info_of(case)), columns, release.capacity))
        if whole.digest() != release.digest:
            raise MessageError("digest-differs", "release")
        cohort = list(self._cohort(case))
        asked, sent = {link_id for _, link_id in cohort}, set(self._sent(case).values())
        # A release about a padding row of ours is about nobody: it comes where padding was taken for somebody.
        about = [row for row in rows if row.link_id in asked or row.link_id not in sent]
        return join(about, cohort, columns)

    def _sent(self, case: Case) -> dict[bytes, bytes]:
        """Token -> link id of every row we sent, padding among them."""
        packed = self._work.keys.get(case, "links")
        width = 16 + LINK_ID
        return {packed[at : at + 16]: packed[at + 16 : at + width] for at in range(0, len(packed), width)}

    def _cohort(self, case: Case) -> Iterator[tuple[str, bytes]]:
        """Own id and link id of every row asked about; one that was not sent gets a link id that nobody knows."""
        links = self._sent(case)
        tokens = Tokens(TokenKey(self._work.keys.get(case, "token")))
        for local_id in papers.unpack_ids(self._work.keys.get(case, "cohort")):
            yield local_id, links.get(tokens.of_record(local_id)) or secrets.token_bytes(LINK_ID)

    def _people(
        self, links: dict[str, bytes], class_of: dict[str, str], names: Iterable[str], now: int
    ) -> Iterator[Person]:
        for local_id, raw in self._work.people.records.attributes(links, names, now):
            yield Person(links[local_id], class_of[local_id], raw)


def columns_of(case: Case) -> tuple[Column, ...]:
    """The columns that the agreement gives for the attributes asked for, in the question's order."""
    flow = case.terms.flow(case.ref.requester, case.ref.provider, case.asked.purpose)
    columns = []
    for name in case.asked.attributes:
        found = flow.attribute(name) if flow else None
        if found is None:
            raise MessageError("malformed", "Question: an attribute outside the agreement")
        columns.append(column(name, found.transform, declared_type(found), found.title))
    return tuple(columns)


def declared_type(attribute: Attribute) -> ColumnType | None:
    """The type that an attribute released as it is has; a transform brings its own."""
    if attribute.transform != EXACT:
        return None
    parts = {"text": ("max_length",), "integer": ("minimum", "maximum"), "code": ("values",)}
    given = {part: getattr(attribute, part) for part in parts.get(attribute.type, ())}
    return parse_type({"type": attribute.type} | {part: value for part, value in given.items() if value is not None})


def expected_size(case: Case, columns: tuple[Column, ...]) -> int:
    """Bytes of the sealed release: a function of the question alone."""
    return sealed_size(release_size(columns, case.asked.cohort_class), case.asked.sealing_key[0])


def duties_of(case: Case) -> list[str]:
    """What the requester owes for each column, from the agreement: the same whoever is in the release."""
    flow = case.terms.flow(case.ref.requester, case.ref.provider, case.asked.purpose)
    found = [flow.attribute(name) for name in case.asked.attributes] if flow else []
    keep = [f"{item.name}: delete after {item.retention_days} days" for item in found if item]
    return [*keep, f"onward sharing: {case.terms.onward_sharing}"]


def info_of(case: Case) -> bytes:
    """What the seal is bound to."""
    return b"exchange/v1 release " + case.ref.request_digest + case.ref.provider.encode()


def _hashed(pieces: Iterable[bytes], whole: Any) -> Iterator[bytes]:
    for piece in pieces:
        whole.update(piece)
        yield piece
