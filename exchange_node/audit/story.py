"""What the log says of one request, in plain words, and two sides' logs of it laid side by side. Pure."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime

from exchange_node.audit.canonical import JSON
from exchange_node.audit.entry import Entry, open_commitment
from exchange_node.audit.phrases import PHRASES

# What both sides of a request may know, and must agree on.
SHARED_DIGESTS: Mapping[str, str] = {
    "request_digest": "the request",
    "agreement_digest": "the agreement",
    "manifest_digest": "the federation manifest",
    "order_digest": "the linkage order",
    "acceptance_digest": "the acceptance",
    "refusal_digest": "the refusal",
    "message_digest": "the messages between the two",
    "release_digest": "the release",
    "receipt_digest": "the receipt",
}
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

    With the organisation ids `us` and `them`, entries about third parties are left out; give them whenever
    a request has more than one provider. An empty list means that the two logs agree.
    """
    requests = {entry.request for entry in ours}, {entry.request for entry in theirs}
    if len(requests[0] | requests[1]) != 1:
        return [_difference("request", "the request's id", *requests)]
    found = []
    for name, thing in SHARED_DIGESTS.items():
        mine, other = _values(ours, name, them), _values(theirs, name, us)
        if mine != other:
            found.append(_difference(name, thing, mine, other))
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
    phrase = PHRASES.get(entry.action)
    if phrase is None:
        words = entry.action.replace(".", " ").replace("-", " ")
        peer = f" (with {names.get(entry.peer, entry.peer)})" if entry.peer else ""
        return f"{'announced' if entry.kind == 'intent' else 'recorded'} “{words}”{peer}"
    to_do, done = (text.format(peer=names.get(entry.peer, entry.peer) or "nobody") for text in phrase)
    if entry.kind == "intent":
        return f"was about to {to_do}"
    return f"tried to {to_do} and did not succeed" if entry.facts.get("done") is False else done


def _why(facts: Mapping[str, JSON]) -> str:
    return "; ".join(_plain(facts[name]) for name in _REASONS if facts.get(name))


def _plain(value: JSON) -> str:
    if isinstance(value, dict):
        return ", ".join(_plain(item) for item in value.values())
    if isinstance(value, list):
        return "; ".join(_plain(item) for item in value)
    return str(value)


def _values(entries: Sequence[Entry], name: str, peer: str) -> set[str]:
    return {str(entry.facts[name]) for entry in entries if name in entry.facts and peer in ("", entry.peer)}


def _difference(name: str, thing: str, mine: set[str], other: set[str]) -> Difference:
    if not mine or not other:
        sentence = f"Only {'their' if other else 'our'} log records {thing}."
    else:
        sentence = f"The two logs do not agree on {thing}."
    return Difference(name, tuple(sorted(mine - other)), tuple(sorted(other - mine)), sentence)
