"""The policy input: built from a question and classes of facts, and checked field by field before any engine
sees it.

A builtin that errs makes a condition unmet in one engine and could do otherwise in another, so nothing
ill-typed gets that far. Every text is of a narrow alphabet (`words.py`): there is no place for a name.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Sequence
from typing import Annotated, Any

from pydantic import Field, TypeAdapter, ValidationError

from exchange_node.policy.agreement import first_error
from exchange_node.policy.decision import UNKNOWN, Facts, Organisation, Question
from exchange_node.policy.errors import PolicyError
from exchange_node.policy.view import policy_view
from exchange_node.policy.words import (
    AgeBand,
    Count,
    Digest,
    Document,
    Epoch,
    Operation,
    Org,
    PartyRole,
    Regime,
    RequestId,
    Side,
    Slug,
)

Names = Annotated[list[Slug], Field(max_length=200)]


class _Organisation(Document):
    org: Org
    type: Slug
    role: PartyRole
    regime: Regime


class _Assertion(Document):
    condition: Slug
    by: Slug
    at: Epoch
    ref: Slug


class _Linkage(Document):
    method: Slug
    precision_bp: Annotated[int, Field(ge=-1, le=10_000)]
    cohort_rows: Count
    links: Count


class _Request(Document):
    id: RequestId
    agreement: Slug
    version: Annotated[int, Field(ge=1)]
    agreement_digest: Digest
    requester: _Organisation
    provider: _Organisation
    purpose: Slug
    operation: Operation
    side: Side
    attributes: Names
    assertions: Annotated[list[_Assertion], Field(max_length=20)]
    emergency: bool
    user_role: Slug
    linkage: _Linkage


class _Consent(Document):
    scope: Slug
    purposes: Names
    from_: Epoch = Field(alias="from")
    to: Epoch
    withdrawn_at: Epoch


class _Facts(Document):
    class_: Annotated[str, Field(alias="class", pattern=r"\Ac[0-9]{1,9}\z")]
    age_band: AgeBand
    at_risk: bool
    deceased: bool
    consents: Annotated[list[_Consent], Field(max_length=100)]
    objection: bool
    opt_out: bool
    restriction: bool
    flags: Names


class _Input(Document):
    v: Annotated[int, Field(ge=1, le=1)]
    now: Epoch
    request: _Request
    facts: list[_Facts]


_INPUT = TypeAdapter(_Input)


def policy_input(question: Question, operation: str, classes: Sequence[Facts]) -> dict[str, Any]:
    """The input document; the classes are named c0, c1, ... in order.

    Raises PolicyError `bad-question`, naming the field that breaks a rule.
    """
    if len(set(question.attributes)) != len(question.attributes):
        raise PolicyError("bad-question", "request.attributes: one stands there twice")
    document: dict[str, Any] = {
        "v": 1,
        "now": question.now,
        "request": _request(question, operation),
        "facts": [_facts(number, facts) for number, facts in enumerate(classes)],
    }
    try:
        _INPUT.validate_python(document)
    except ValidationError as error:
        raise PolicyError("bad-question", first_error(error)) from None
    # The agreement was checked when it was read; its view is made of what passed.
    return {**document, "agreement": policy_view(question.agreement)}


def input_digest(document: dict[str, Any]) -> str:
    """SHA-256 of the input's canonical JSON, in hex."""
    text = json.dumps(document, sort_keys=True, separators=(",", ":"), ensure_ascii=False)
    return hashlib.sha256(text.encode("utf-8")).hexdigest()


def _request(question: Question, operation: str) -> dict[str, Any]:
    linkage = question.linkage
    return {
        "id": question.request_id,
        "agreement": question.agreement.id,
        "version": question.agreement.version,
        "agreement_digest": question.agreement.digest,
        "requester": _organisation(question.requester),
        "provider": _organisation(question.provider),
        "purpose": question.purpose,
        "operation": operation,
        "side": question.side,
        "attributes": list(question.attributes),
        "assertions": [{"condition": a.condition, "by": a.by, "at": a.at, "ref": a.ref} for a in question.assertions],
        "emergency": question.emergency,
        "user_role": question.user_role,
        "linkage": {
            "method": linkage.method,
            "precision_bp": _known(linkage.precision_bp),
            "cohort_rows": _known(linkage.cohort_rows),
            "links": _known(linkage.links),
        },
    }


def _organisation(organisation: Organisation) -> dict[str, Any]:
    return {
        "org": organisation.org,
        "type": organisation.type,
        "role": organisation.role,
        "regime": organisation.regime,
    }


def _known(value: int | None) -> int:
    return UNKNOWN if value is None else value


def _facts(number: int, facts: Facts) -> dict[str, Any]:
    return {
        "class": f"c{number}",
        "age_band": facts.age_band,
        "at_risk": facts.at_risk,
        "deceased": facts.deceased,
        "consents": [
            {
                "scope": consent.scope,
                "purposes": list(consent.purposes),
                "from": consent.from_,
                "to": consent.to,
                "withdrawn_at": consent.withdrawn_at,
            }
            for consent in facts.consents
        ],
        "objection": facts.objection,
        "opt_out": facts.opt_out,
        "restriction": facts.restriction,
        "flags": list(facts.flags),
    }
