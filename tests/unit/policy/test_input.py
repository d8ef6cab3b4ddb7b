"""The policy input: complete, narrow, and without a place where a person could be named."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from exchange_node.policy.decision import Assertion, Consent, Facts, LinkageFacts, Organisation
from exchange_node.policy.errors import PolicyError
from exchange_node.policy.input import input_digest, policy_input
from tests.policy_engines import CONSENTED, damp_question

CANARIES = ["Dorothea Quillfeather", "SW1A 1AA", "943 476 5919", "9434765919", "1980-02-29", "Quillfeather", ""]


def test_classes_are_named_in_order() -> None:
    document = policy_input(damp_question(), "release", [CONSENTED, Facts()])
    assert [facts["class"] for facts in document["facts"]] == ["c0", "c1"]
    assert document["agreement"]["digest"] == document["request"]["agreement_digest"]


def test_what_is_not_known_is_minus_one() -> None:
    document = policy_input(damp_question(linkage=LinkageFacts("clk-linkage-unit")), "ask", ())
    assert document["request"]["linkage"] == {
        "method": "clk-linkage-unit",
        "precision_bp": -1,
        "cohort_rows": -1,
        "links": -1,
    }


@pytest.mark.parametrize("canary", CANARIES)
def test_no_field_takes_an_identifier(canary: str) -> None:
    """Each free place of a question or of facts in turn."""
    organisation = Organisation("northgate-homes", "housing")
    questions: list[dict[str, Any]] = [
        {"requester": replace(organisation, org=canary)},
        {"requester": replace(organisation, type=canary)},
        {"requester": replace(organisation, role=canary)},
        {"provider": replace(organisation, regime=canary)},
        {"purpose": canary},
        {"attributes": (canary,)},
        {"request_id": canary},
        {"user_role": canary},
        {"side": canary},
        {"linkage": LinkageFacts(canary)},
        {"assertions": (Assertion(canary, "officer", 1, "r1"),)},
        {"assertions": (Assertion("c1", canary, 1, "r1"),)},
        {"assertions": (Assertion("c1", "officer", 1, canary),)},
    ]
    people = [
        replace(CONSENTED, flags=(canary,)),
        replace(CONSENTED, age_band=canary),
        replace(CONSENTED, consents=(Consent(canary, ("p1",), 0, 1),)),
        replace(CONSENTED, consents=(Consent("o1", (canary,), 0, 1),)),
    ]
    for changes in questions:
        with pytest.raises(PolicyError) as caught:
            policy_input(damp_question(**changes), "ask", ())
        assert caught.value.code == "policy.bad-question"
        assert not canary or canary not in str(caught.value)
    for facts in people:
        with pytest.raises(PolicyError) as caught:
            policy_input(damp_question(), "release", [facts])
        assert not canary or canary not in str(caught.value)


@pytest.mark.parametrize(
    "changes",
    [
        {"now": True},
        {"now": 1.5},
        {"now": -1},
        {"emergency": 1},
        {"attributes": ("a1", "a1")},
        {"linkage": LinkageFacts("m1", precision_bp=10_001)},
        {"linkage": LinkageFacts("m1", precision_bp=-2)},
        {"linkage": LinkageFacts("m1", links=True)},
        {"assertions": tuple(Assertion("c1", "officer", 1, "r1") for _ in range(21))},
    ],
)
def test_wrong_types_and_ranges(changes: dict[str, Any]) -> None:
    with pytest.raises(PolicyError, match="bad-question"):
        policy_input(damp_question(**changes), "ask", ())


def test_an_operation_nobody_knows() -> None:
    with pytest.raises(PolicyError, match=r"request\.operation"):
        policy_input(damp_question(), "delete", ())


def test_the_digest_binds_every_part() -> None:
    base = policy_input(damp_question(), "release", [CONSENTED])
    others = [
        policy_input(damp_question(), "link", [CONSENTED]),
        policy_input(damp_question(now=damp_question().now + 1), "release", [CONSENTED]),
        policy_input(damp_question(), "release", [Facts()]),
        {**base, "agreement": {**base["agreement"], "status": "draft"}},
    ]
    digests = {input_digest(document) for document in (base, *others)}
    assert len(digests) == 5
    assert input_digest(policy_input(damp_question(), "release", [CONSENTED])) == input_digest(base)
