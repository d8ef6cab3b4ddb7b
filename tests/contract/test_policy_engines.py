"""The same cases through both engines: each as its author expects, and both alike, the erring ones too."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml

from exchange_node.policy.bundle import packaged_bundle
from exchange_node.policy.cases import Case, load_cases, run_cases
from exchange_node.policy.engine import PolicyEngine
from exchange_node.policy.errors import PolicyError
from exchange_node.policy.input import policy_input
from exchange_node.policy.opa_server import OpaServerEngine
from exchange_node.policy.policy import Policy
from tests.policy_engines import CONSENTED, ROOT, approvals, damp_question, embedded, opa_server, read_agreement

BUNDLES = ROOT / "exchange_node" / "policy" / "bundle"
FILES = sorted((Path(__file__).parent / "policy_cases").glob("*.yaml"))
CASES = [(file.stem, case) for file in FILES for case in load_cases(file.read_bytes(), read_agreement)]
NAMES = [f"{stem}: {case.name}" for stem, case in CASES]


@pytest.fixture(scope="module")
def wasm() -> Iterator[PolicyEngine]:
    engine = embedded()
    yield engine
    engine.close()


@pytest.fixture(scope="module")
def server(opa_binary: Path) -> Iterator[PolicyEngine]:
    with opa_server(opa_binary, BUNDLES / "policies-opa.tar.gz") as url:
        engine = OpaServerEngine.from_bundle(url, packaged_bundle(), approvals(), 0)
        yield engine
        engine.close()


@pytest.mark.parametrize("case", [case for _, case in CASES], ids=NAMES)
def test_embedded_decides_as_the_case_says(case: Case, wasm: PolicyEngine) -> None:
    outcome = run_cases(Policy(wasm), [case])[0]
    assert outcome.differences == ()


@pytest.mark.opa
@pytest.mark.parametrize("case", [case for _, case in CASES], ids=NAMES)
def test_the_server_decides_alike(case: Case, wasm: PolicyEngine, server: PolicyEngine) -> None:
    ours, theirs = (run_cases(Policy(engine), [case])[0].decision.to_json() for engine in (wasm, server))
    for field in ("engine", "engine_version", "decision_id"):
        del ours[field], theirs[field]
    assert ours == theirs


# What the node itself always gets right; the tests beside the rules meet them.
UNREACHABLE = {"agreement.version", "shape.question", "shape.facts"}


def test_every_reason_is_met_by_a_case() -> None:
    """Each condition of each layer has a case in which it alone, or with others, denies."""
    catalogue = set(yaml.safe_load((ROOT / "policies" / "reasons" / "data.yaml").read_bytes()))
    expected = {code for _, case in CASES for code in case.expect.reasons or ()}
    assert catalogue - expected == UNREACHABLE
    assert expected <= catalogue


def _broken(path: str, value: Any) -> dict[str, Any]:
    """A valid release input with one place set to something that the schema check would never let pass."""
    document: dict[str, Any] = json.loads(json.dumps(policy_input(damp_question(), "release", [CONSENTED])))
    *parents, last = [int(part) if part.isdecimal() else part for part in path.split(".")]
    place: Any = document
    for part in parents:
        place = place[part]
    if value is None:
        del place[last]
    else:
        place[last] = value
    return document


PLACES = [
    "now", "v", "request", "request.attributes", "request.attributes.0", "request.operation", "request.purpose",
    "request.requester", "request.provider.type", "request.linkage", "request.linkage.precision_bp",
    "request.assertions", "request.user_role", "request.emergency", "request.side", "facts.0.class",
    "facts.0.consents", "facts.0.consents.0.to", "facts.0.consents.0.withdrawn_at", "facts.0.consents.0.purposes",
    "facts.0.flags", "facts.0.restriction", "facts.0.objection", "facts.0.opt_out", "facts.0.deceased",
    "facts.0.age_band", "facts.0.at_risk", "agreement.status", "agreement.flows", "agreement.flows.0.attributes",
    "agreement.flows.0.attributes.0.transform", "agreement.flows.0.attributes.0.special",
    "agreement.flows.0.attributes.0.category", "agreement.flows.0.attributes.0.retention_days",
    "agreement.flows.0.gateways", "agreement.flows.0.consent_scopes", "agreement.flows.0.art6",
    "agreement.flows.0.art9", "agreement.schedule1", "agreement.valid_to", "agreement.population.exclusions",
    "agreement.opt_out_rule", "agreement.linkage.minimum_precision_bp", "agreement.reverse_disclosure.covered",
]  # fmt: skip


def _outcome(engine: PolicyEngine, document: dict[str, Any]) -> object:
    """What the engine makes of it: the raw answer, or the code of the error."""
    try:
        return engine.evaluate(document)
    except (PolicyError, KeyError, TypeError) as error:
        return type(error).__name__


VALUES: list[Any] = [None, [], {}, "x", -7, [[1]], {"a": {"b": 1}}, True]
# Where such a value is a well-formed one, and grants no more than the document as it was.
WELL_FORMED = {
    ("request.assertions", "[]"), ("request.emergency", "True"), ("facts.0.class", "'x'"), ("facts.0.flags", "[]"),
    ("facts.0.at_risk", "True"), ("agreement.population.exclusions", "[]"),
    ("agreement.reverse_disclosure.covered", "True"), ("agreement.linkage.minimum_precision_bp", "-7"),
    ("agreement.flows.0.attributes.0.special", "True"),
}  # fmt: skip


def _granted(answer: object) -> list[str]:
    if not isinstance(answer, dict):
        return []
    people = answer["by_class"].values()
    return [name for person in people for name, given in person["attributes"].items() if given["effect"] != "deny"]


def test_the_input_before_it_is_broken_is_granted(wasm: PolicyEngine) -> None:
    assert _granted(_outcome(wasm, _broken("v", 1))) == ["repair_priority"]


@pytest.mark.parametrize("path", PLACES)
def test_the_rules_deny_an_ill_formed_input_by_themselves(path: str, wasm: PolicyEngine) -> None:
    """The schema check stands in front of the engine; behind it the rules hold on their own."""
    granted = {repr(value) for value in VALUES if _granted(_outcome(wasm, _broken(path, value)))}
    assert granted == {value for place, value in WELL_FORMED if place == path}


@pytest.mark.opa
@pytest.mark.parametrize("path", PLACES)
def test_both_engines_answer_an_ill_formed_input_alike(path: str, wasm: PolicyEngine, server: PolicyEngine) -> None:
    for value in VALUES:
        document = _broken(path, value)
        ours, theirs = _outcome(wasm, document), _outcome(server, document)
        if isinstance(ours, str) or isinstance(theirs, str):  # an error is a deny, whichever it is
            ours, theirs = _denied(ours), _denied(theirs)
        assert ours == theirs, value


def _denied(outcome: object) -> bool:
    if isinstance(outcome, str):
        return True
    assert isinstance(outcome, dict)
    return outcome["allow"] is False
