"""An officer's own cases: a question, a person's facts, and what must come of it, as a YAML file.

    agreement: asthma-mould.yaml
    requester: northgate-homes
    provider: castle-nhs
    purpose: damp-repair-prioritisation
    attributes: [repair_priority]
    on: 2026-06-01
    cases:
      - name: a tenant who agreed
        facts:
          consents: [{scope: northgate-homes, from: 2026-01-01, to: 2027-01-01}]
        expect:
          allow: true
          attributes: {repair_priority: transform}
      - name: the same after the agreement has ended
        on: 2028-01-01
        expect: {allow: false, reasons: [agreement.valid-to]}

A case repeats only what is different. `change` alters the agreement for one case, to see what would come of
it.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime
from typing import Annotated, Any, TypeAlias

from pydantic import Field, ValidationError

from exchange_node.policy.agreement import Agreement, canonical, first_error, parse_agreement
from exchange_node.policy.decision import (
    Assertion,
    Consent,
    Decision,
    Facts,
    LinkageFacts,
    Organisation,
    Question,
    deny_from_error,
)
from exchange_node.policy.errors import PolicyError
from exchange_node.policy.policy import Policy
from exchange_node.policy.words import AgeBand, Document, Effect, Operation, Side
from exchange_node.yamlfile import read_yaml

Day: TypeAlias = date
Code: TypeAlias = Annotated[str, Field(max_length=80)]


class _Consent(Document):
    scope: Code
    purposes: tuple[Code, ...] | None = None  # none: the question's
    from_: Day = Field(alias="from")
    to: Day
    withdrawn: Day | None = None


class _Facts(Document):
    age_band: AgeBand = "unknown"
    at_risk: bool = False
    deceased: bool = False
    consents: tuple[_Consent, ...] = ()
    objection: bool = False
    opt_out: bool = False
    restriction: bool = False
    flags: tuple[Code, ...] = ()


class _Assertion(Document):
    condition: Code
    by: Code
    at: Day
    ref: Code


class _Organisation(Document):
    org: Code
    type: Code
    role: Code = "controller"
    regime: Code = "uk-gdpr"


class _Linkage(Document):
    method: Code | None = None  # none: the agreement's first
    precision_bp: int | None = None
    cohort_rows: int | None = None
    links: int | None = None


class _Expect(Document):
    """`reasons` are all codes, of the question, the person and the attributes, in any order."""

    allow: bool
    review: bool | None = None
    attributes: dict[str, Effect] | None = None
    reasons: tuple[Code, ...] | None = None
    error: Code | None = None  # the code of the error that ends in a deny


class _Case(Document):
    name: Annotated[str, Field(min_length=1, max_length=200)]
    operation: Operation = "release"
    requester: Code | _Organisation | None = None
    provider: Code | _Organisation | None = None
    purpose: Code | None = None
    attributes: tuple[Code, ...] | None = None
    on: Day | None = None
    user_role: Code = "analyst"
    side: Side = "provider"
    emergency: bool = False
    assertions: tuple[_Assertion, ...] = ()
    linkage: _Linkage | None = None
    facts: _Facts = _Facts()
    change: dict[str, Any] = Field(default_factory=dict)
    expect: _Expect


class _File(Document):
    agreement: Annotated[str, Field(max_length=500)]
    requester: Code | _Organisation
    provider: Code | _Organisation
    purpose: Code
    attributes: tuple[Code, ...]
    on: Day
    linkage: _Linkage = _Linkage(precision_bp=10_000, cohort_rows=100, links=10)
    v: Annotated[int, Field(ge=1, le=1)] = 1
    cases: Annotated[tuple[_Case, ...], Field(min_length=1)]


@dataclass(frozen=True, slots=True)
class Case:
    """One case, ready to be put to an engine."""

    name: str
    operation: Operation
    question: Question
    facts: Facts
    expect: _Expect


@dataclass(frozen=True, slots=True)
class Outcome:
    """What came of a case; `differences` is empty where it is as expected."""

    name: str
    decision: Decision
    differences: tuple[str, ...]

    @property
    def passed(self) -> bool:
        """Whether the decision is the expected one."""
        return not self.differences


def load_cases(text: bytes, read_agreement: Callable[[str], bytes]) -> list[Case]:
    """Read a file of cases. `read_agreement` gives the bytes of the agreement that the file names.

    Raises PolicyError `bad-cases` or `bad-agreement`, naming the field and the rule.
    """
    try:
        file = _File.model_validate_json(json.dumps(read_yaml(text)))
    except ValidationError as error:
        raise PolicyError("bad-cases", first_error(error)) from None
    except ValueError as error:
        raise PolicyError("bad-cases", str(error)) from None
    agreement = parse_agreement(read_agreement(file.agreement))
    return [_ready(file, case, agreement) for case in file.cases]


def run_cases(policy: Policy, cases: Sequence[Case]) -> list[Outcome]:
    """Put every case to the engine. An error is the deny that it amounts to."""
    return [_run(policy, case) for case in cases]


def _run(policy: Policy, case: Case) -> Outcome:
    error = ""
    try:
        if case.operation == "ask":
            decision = policy.ask(case.question)
        else:
            decide = policy.admit if case.operation == "link" else policy.release
            decision = decide(case.question, [case.facts])[0]
    except PolicyError as problem:
        error = problem.code
        decision = deny_from_error(case.question, problem, case.operation, policy.engine)
    return Outcome(case.name, decision, tuple(_differences(case.expect, decision, error)))


def _differences(expect: _Expect, decision: Decision, error: str) -> list[str]:
    got: dict[str, Any] = {
        "allow": decision.allow,
        "review": decision.review,
        "attributes": {name: answer.effect for name, answer in decision.attributes.items()},
        "reasons": sorted(reason.code for reason in decision.all_reasons()),
        "error": error,
    }
    wanted = expect.model_dump(exclude_none=True)
    wanted.setdefault("error", "")
    if "reasons" in wanted:
        wanted["reasons"] = sorted(wanted["reasons"])
    return [f"{key}: expected {want}, got {got[key]}" for key, want in wanted.items() if want != got[key]]


def _ready(file: _File, case: _Case, agreement: Agreement) -> Case:
    changed = changed_agreement(agreement, case.change)
    purpose = case.purpose or file.purpose
    linkage = case.linkage or file.linkage
    question = Question(
        requester=_organisation(case.requester or file.requester, changed),
        provider=_organisation(case.provider or file.provider, changed),
        purpose=purpose,
        attributes=file.attributes if case.attributes is None else case.attributes,
        agreement=changed,
        request_id="0" * 32,
        user_role=case.user_role,
        linkage=LinkageFacts(
            linkage.method or changed.linkage.methods[0],
            linkage.precision_bp,
            linkage.cohort_rows,
            linkage.links,
        ),
        now=_epoch(case.on or file.on),
        assertions=tuple(Assertion(a.condition, a.by, _epoch(a.at), a.ref) for a in case.assertions),
        emergency=case.emergency,
        side=case.side,
    )
    return Case(case.name, case.operation, question, _ready_facts(case.facts, purpose), case.expect)


def changed_agreement(agreement: Agreement, change: dict[str, Any]) -> Agreement:
    """The agreement with some fields set: `{"flows.0.art9": []}`; a value of null takes the field away.

    Raises PolicyError `bad-cases` for a path that is not there, `bad-agreement` for what is no agreement
    then.
    """
    document = json.loads(canonical(agreement))
    for path, value in change.items():
        *parents, last = [int(part) if part.isdecimal() else part for part in path.split(".")]
        place = document
        try:
            for part in parents:
                place = place[part]
            place[last] = value
        except (KeyError, IndexError, TypeError):
            raise PolicyError("bad-cases", "change: a path that the agreement does not have") from None
    return parse_agreement(json.dumps(document).encode("utf-8"))


def _organisation(named: str | _Organisation, agreement: Agreement) -> Organisation:
    """As the agreement describes it, unless the case does."""
    if not isinstance(named, str):
        return Organisation(named.org, named.type, named.role, named.regime)
    party = agreement.party(named)
    if party is None:
        return Organisation(named, "unknown")
    return Organisation(party.org, party.type, party.role, party.regime)


def _ready_facts(facts: _Facts, purpose: str) -> Facts:
    consents = tuple(
        Consent(
            consent.scope,
            (purpose,) if consent.purposes is None else consent.purposes,
            _epoch(consent.from_),
            _epoch(consent.to),
            0 if consent.withdrawn is None else _epoch(consent.withdrawn),
        )
        for consent in facts.consents
    )
    return Facts(
        facts.age_band,
        facts.at_risk,
        facts.deceased,
        consents,
        facts.objection,
        facts.opt_out,
        facts.restriction,
        facts.flags,
    )


def _epoch(day: date) -> int:
    return int(datetime(day.year, day.month, day.day, tzinfo=UTC).timestamp())
