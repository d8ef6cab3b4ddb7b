"""What the log says of one request, in plain words, and two sides' logs of it laid side by side. Pure."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime

from exchange_node.audit.canonical import JSON
from exchange_node.audit.entry import Entry, open_commitment
from exchange_node.audit.phrases import phrase

# What both sides may know of a request and must have recorded alike, if both record it.
SHARED_FACTS: Mapping[str, str] = {
    "request": "the request",
    "agreement": "the agreement",
    "manifest": "the federation manifest",
    "method": "the linkage method",
    "method_version": "the version of the linkage method",
    "linkage_unit": "the linkage unit",
    "release": "the release",
}
MESSAGE = "message"  # digest of a signed message: what one side sent, the other has received
_REASONS = ("reason", "reasons", "basis", "statute", "clause")


@dataclass(frozen=True, slots=True)
class Opening:
    """What a commitment commits to, as the node keeps it outside the log."""

    value: JSON
    salt: bytes = field(repr=False)


@dataclass(frozen=True, slots=True)
class Line:
    """One entry as a person reads it."""

    index: int
    at: int  # epoch seconds, UTC
    who: str
    what: str
    why: str  # empty where the entry gives no reason
    opened: Mapping[str, JSON]  # commitments whose openings were given, each checked
    sealed: tuple[str, ...]  # names of those that stay closed

    def __str__(self) -> str:
        when = datetime.fromtimestamp(self.at, UTC).strftime("%Y-%m-%d %H:%M:%S UTC")
        why = f", because of {self.why}" if self.why else ""
        sealed = f" [sealed: {', '.join(self.sealed)}]" if self.sealed else ""
        return f"{when}  #{self.index}  {self.who} {self.what}{why}.{sealed}"


@dataclass(frozen=True, slots=True)
class Difference:
    """A thing on which two sides' logs of one request do not agree."""

    name: str
    ours: tuple[str, ...]
    theirs: tuple[str, ...]
    sentence: str


def tell(
    entries: Iterable[tuple[int, Entry]], openings: Mapping[str, Opening], *, names: Mapping[str, str]
) -> list[Line]:
    """One line an entry, in the log's order.

    `openings` are looked up by the commitment's hex digest; `names` gives organisations the names people
    know, and under the empty id that of the log's own organisation.

    Raises:
        AuditError: `commitment-mismatch` if an opening is not what was committed to.
    """
    return [_line(index, entry, openings, names) for index, entry in entries]


def compare(ours: Sequence[Entry], theirs: Sequence[Entry], *, us: str = "", them: str = "") -> list[Difference]:
    """Where two finished stories of one request differ in what both sides must have recorded alike.

    Shared facts must be equal where both logs have them, and every signed message that one log has must be in the
    other. With the organisation ids `us` and `them`, messages to and from third parties are left out; give them
    whenever a request has a linkage unit. An empty list means that the two logs agree: two that have nothing in
    common, such as those of two providers, or a log that is empty, do not.
    """
    requests = {entry.request for entry in ours}, {entry.request for entry in theirs}
    if len(requests[0] | requests[1]) != 1:
        return [_difference("request", "the request's id", *requests)]
    legs = {entry.leg for entry in ours} & {entry.leg for entry in theirs}
    if not any(legs):
        told = [tuple(sorted({entry.leg for entry in side} - {""})) for side in (ours, theirs)]
        sentence = "The two logs have no part of the request in common, so nothing could be compared."
        return [Difference("leg", told[0], told[1], sentence)]
    ours, theirs = ([one for one in side if one.leg in legs] for side in (ours, theirs))
    found = []
    for name, thing in SHARED_FACTS.items():
        mine, other = _values(ours, name), _values(theirs, name)
        if mine and other and mine != other:
            found.append(_difference(name, thing, mine, other))
    mine = _values([entry for entry in ours if them in ("", entry.peer)], MESSAGE)
    other = _values([entry for entry in theirs if us in ("", entry.peer)], MESSAGE)
    if mine != other:
        found.append(_difference(MESSAGE, "the messages between the two", mine, other))
    return found


def _line(index: int, entry: Entry, openings: Mapping[str, Opening], names: Mapping[str, str]) -> Line:
    opened: dict[str, JSON] = {}
    for name, commitment in entry.commitments.items():
        if (opening := openings.get(commitment)) is not None:
            open_commitment(commitment, opening.value, opening.salt)
            opened[name] = opening.value
    sealed = tuple(sorted(entry.commitments.keys() - opened.keys()))
    who = names.get("", "this node")
    return Line(index, entry.at, who, _what(entry, names), _why(entry.facts), opened, sealed)


def _what(entry: Entry, names: Mapping[str, str]) -> str:
    peer = names.get(entry.peer, entry.peer)
    words = phrase(entry.action)
    if words is None:
        slug = entry.action.replace(".", " ").replace("-", " ")
        told = f"“{slug}” (with {peer})" if peer else f"“{slug}”"
        return f"{'announced' if entry.kind == 'intent' else 'recorded'} {told}"
    to_do, done = (text.format(peer=peer or "nobody") for text in words)
    if entry.kind == "intent":
        return f"was about to {to_do}"
    allow = entry.facts.get("allow")
    if isinstance(allow, bool):
        return f"{done}, and {'allowed' if allow else 'denied'} it"
    outcome = entry.facts.get("outcome") or entry.facts.get("decision")
    return f"{done} ({outcome})" if isinstance(outcome, str) and outcome else done


def _why(facts: Mapping[str, JSON]) -> str:
    return "; ".join(_plain(facts[name]) for name in _REASONS if facts.get(name))


def _plain(value: JSON) -> str:
    if isinstance(value, dict):
        return ", ".join(_plain(item) for item in value.values())
    if isinstance(value, list):
        return "; ".join(_plain(item) for item in value)
    return str(value)


def _values(entries: Sequence[Entry], name: str) -> set[str]:
    return {str(entry.facts[name]) for entry in entries if name in entry.facts}


def _difference(name: str, thing: str, mine: set[str], other: set[str]) -> Difference:
    only_ours, only_theirs = tuple(sorted(mine - other)), tuple(sorted(other - mine))
    if only_ours and only_theirs:
        sentence = f"The two logs do not agree on {thing}."
    else:
        sentence = f"Something is missing: only {'our' if only_ours else 'their'} log has all of {thing}."
    return Difference(name, only_ours, only_theirs, sentence)
