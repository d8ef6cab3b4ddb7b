"""A question, the facts it turns on, and the decision: the three things that meet in policy. No person is
named."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from types import MappingProxyType
from typing import Any

from exchange_node.errors import ExchangeError
from exchange_node.policy.agreement import Agreement

UNKNOWN = -1


@dataclass(frozen=True, slots=True)
class Organisation:
    """One side of a question, as the federation's manifest describes it."""

    org: str
    type: str
    role: str = "controller"
    regime: str = "uk-gdpr"


@dataclass(frozen=True, slots=True)
class Assertion:
    """What somebody answers for: `by` is a role such as `officer`, `at` epoch seconds, `ref` a record's
    reference."""

    condition: str
    by: str
    at: int
    ref: str


@dataclass(frozen=True, slots=True)
class LinkageFacts:
    """What is known of the linkage so far; None where nothing is. Precision in basis points."""

    method: str
    precision_bp: int | None = None
    cohort_rows: int | None = None
    links: int | None = None


@dataclass(frozen=True, slots=True)
class Question:
    """May the requester have these attributes from the provider, under this agreement, now?

    `now` is epoch seconds UTC. `side` says which of the two decides about its own people in `admit`.
    """

    requester: Organisation
    provider: Organisation
    purpose: str
    attributes: tuple[str, ...]
    agreement: Agreement
    request_id: str
    user_role: str
    linkage: LinkageFacts
    now: int
    assertions: tuple[Assertion, ...] = ()
    emergency: bool = False
    side: str = "provider"


@dataclass(frozen=True, slots=True)
class Consent:
    """A person's agreement. `scope` is the organisation (or purpose) agreed to; epoch seconds; 0 is not
    withdrawn."""

    scope: str
    purposes: tuple[str, ...]
    from_: int
    to: int
    withdrawn_at: int = 0


@dataclass(frozen=True, slots=True)
class Facts:
    """A class of people that policy cannot tell apart. Hashable, so that people can be grouped by it.

    `age_band` is unknown, under-16, 16-17, 18-64 or 65-plus; `flags` are words of the agency's own.
    """

    age_band: str = "unknown"
    at_risk: bool = False
    deceased: bool = False
    consents: tuple[Consent, ...] = ()
    objection: bool = False
    opt_out: bool = False
    restriction: bool = False
    flags: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Reason:
    """Why not: a stable code, the statute or clause, the unmet condition, in words, and what would change
    it."""

    code: str
    statute: str
    condition: str
    text_key: str
    sentence: str
    mend: str


@dataclass(frozen=True, slots=True)
class AttributeDecision:
    """`effect` is release, transform or deny; `basis` the legal bases; `gateway` the one that carries it."""

    effect: str
    transform: str
    basis: tuple[str, ...]
    gateway: str
    reasons: tuple[Reason, ...]


@dataclass(frozen=True, slots=True)
class Obligation:
    """What the recipient owes for one attribute."""

    attribute: str
    retention_days: int
    onward: str
    notify: bool


@dataclass(frozen=True, slots=True)
class Decision:
    """The answer, with all that is needed to have it again: engine, bundle, and the digest of the input.

    For `ask` the attributes speak of no person. For `link`, `allow` says that the class may be encoded. For
    `release`, look at each attribute's effect; `allow` says that at least one is granted.
    """

    allow: bool
    operation: str
    attributes: Mapping[str, AttributeDecision]
    reasons: tuple[Reason, ...]
    obligations: tuple[Obligation, ...]
    review: bool
    engine: str
    engine_version: str
    bundle_digest: str
    decision_id: str
    input_digest: str

    def to_json(self) -> dict[str, Any]:
        """Plain JSON for the log and the command line."""
        whole = {name: getattr(self, name) for name in self.__dataclass_fields__}
        return dict(_plain(whole))

    @classmethod
    def from_json(cls, value: Mapping[str, Any]) -> Decision:
        """The reverse of `to_json`, for a decision that this node kept itself."""
        attributes = {
            name: AttributeDecision(
                **{**given, "basis": tuple(given["basis"]), "reasons": _reasons_from(given["reasons"])}
            )
            for name, given in value["attributes"].items()
        }
        whole = {
            **value,
            "attributes": MappingProxyType(attributes),
            "reasons": _reasons_from(value["reasons"]),
            "obligations": tuple(Obligation(**duty) for duty in value["obligations"]),
        }
        return cls(**whole)

    @property
    def digest(self) -> str:
        """SHA-256 of the decision's canonical JSON, in hex."""
        text = json.dumps(self.to_json(), sort_keys=True, separators=(",", ":"), ensure_ascii=False)
        return hashlib.sha256(text.encode("utf-8")).hexdigest()

    def all_reasons(self) -> tuple[Reason, ...]:
        """Every reason once, the question's before the attributes', in order."""
        found = list(self.reasons)
        for _, answer in sorted(self.attributes.items()):
            found.extend(reason for reason in answer.reasons if reason not in found)
        return tuple(found)


@dataclass(frozen=True, slots=True)
class EngineInfo:
    """What a decision says of the engine that made it."""

    name: str = "none"
    version: str = ""
    bundle_digest: str = ""


def deny_from_error(
    question: Question, error: ExchangeError, operation: str = "ask", engine: EngineInfo | None = None
) -> Decision:
    """Fail closed: the decision that an error amounts to. Its one reason has the error's name as code, such
    as `engine-unavailable`; the error's detail stays in the node's own log."""
    about = engine or EngineInfo()
    code = error.code.partition(".")[2]
    reason = Reason(code, "default deny", code, code, error.says.sentence, error.says.mend)
    answer = AttributeDecision("deny", "none", (), "", (reason,))
    name = hashlib.sha256(f"{question.request_id} {operation} {code} {question.now}".encode()).hexdigest()
    return Decision(
        allow=False,
        operation=operation,
        attributes=MappingProxyType(dict.fromkeys(question.attributes, answer)),
        reasons=(reason,),
        obligations=(),
        review=False,
        engine=about.name,
        engine_version=about.version,
        bundle_digest=about.bundle_digest,
        decision_id=name[:32],
        input_digest="",
    )


def _reasons_from(values: Sequence[Mapping[str, Any]]) -> tuple[Reason, ...]:
    return tuple(Reason(**reason) for reason in values)


def _plain(value: Any) -> Any:
    if isinstance(value, Mapping):
        return {key: _plain(item) for key, item in value.items()}
    if isinstance(value, tuple):
        return [_plain(item) for item in value]
    if hasattr(value, "__dataclass_fields__"):
        return {name: _plain(getattr(value, name)) for name in value.__dataclass_fields__}
    return value
