"""What an officer reads of a decision."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace

import pytest

from exchange_node.policy.bundle import open_bundle, packaged_bundle
from exchange_node.policy.cases import load_cases, run_cases
from exchange_node.policy.decision import Decision, Facts, deny_from_error
from exchange_node.policy.errors import PolicyError
from exchange_node.policy.explain import explain, gateways, in_order, what_would_change
from exchange_node.policy.policy import Policy
from tests.policy_engines import CONSENTED, ROOT, approvals, damp_question, embedded, read_agreement


@pytest.fixture(scope="module")
def policy() -> Iterator[Policy]:
    engine = embedded()
    yield Policy(engine)
    engine.close()


def _tax(policy: Policy) -> Decision:
    file = ROOT / "tests" / "contract" / "policy_cases" / "tax-connections.yaml"
    case = load_cases(file.read_bytes(), read_agreement)[0]
    return run_cases(policy, [case])[0].decision


def test_a_grant(policy: Policy) -> None:
    lines = explain(policy.release(damp_question(), [CONSENTED])[0])
    assert lines[:-1] == [
        "The release for people with these facts is allowed.",
        "repair_priority: released as repair_priority, never as the value itself",
        "  carried by direct_referral_consent; lawful basis eu-gdpr:A6-1-e, eu-gdpr:A9-2-h",
        "repair_priority: deleted after 90 days; may not be passed on",
    ]
    assert lines[-1].startswith("Decided by embedded (opa-py-wasm ")


def test_a_prohibition_comes_first_with_its_statute_and_what_would_change_it(policy: Policy) -> None:
    decision = _tax(policy)
    lines = explain(decision)
    assert lines[0] == "The question is denied."
    assert lines[2] == (
        "  The revenue department is forbidden by law to disclose this, and nothing the agreement names lifts that. "
        "[Commissioners for Revenue and Customs Act 2005, s. 18(1); prohibition.crca-s18]"
    )
    assert what_would_change(decision)[0] == (
        "The agreement names a gateway that lifts section 18, or the person's consent (revenue_consent) and the "
        "person gives it."
    )
    assert in_order(decision.all_reasons())[0].code == "prohibition.crca-s18"


def test_a_reason_for_the_whole_question_is_said_once(policy: Policy) -> None:
    lines = explain(policy.ask(damp_question(user_role="officer")))
    assert lines[1].startswith("  Only an analyst may ask")
    assert lines[2:4] == ["repair_priority: not released", "  for the reasons above"]
    assert sum("Only an analyst" in line for line in lines) == 1


def test_reviews(policy: Policy) -> None:
    objecting = explain(policy.release(damp_question(), [replace(CONSENTED, objection=True)])[0])
    assert objecting[1] == "A person has to review it; until then nothing is released."
    emergency = explain(policy.release(damp_question(emergency=True), [CONSENTED])[0])
    assert emergency[1] == "It was marked as an emergency, and must be reviewed afterwards."


def test_an_error_reads_like_any_deny() -> None:
    lines = explain(deny_from_error(damp_question(), PolicyError("engine-late")))
    assert "did not answer in time" in lines[1]
    assert "What would change this:" in lines


def test_nothing_would_change_a_grant(policy: Policy) -> None:
    assert what_would_change(policy.ask(damp_question())) == []
    assert what_would_change(policy.release(damp_question(), [Facts()])[0])


def test_gateways_come_with_the_state_of_their_review() -> None:
    law = open_bundle(packaged_bundle(), approvals(), 0).data["law"]
    lines = gateways(law)
    assert len(lines) == len(law["gateways"])
    assert lines[0] == (
        "crime_and_disorder_act_1998_s115: Crime and Disorder Act 1998, s. 115 (power; England and Wales; in force "
        "since 1998-09-30; legal review pending; https://www.legislation.gov.uk/ukpga/1998/37/section/115)"
    )
