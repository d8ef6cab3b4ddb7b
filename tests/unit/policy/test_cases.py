"""Officers' own cases: read strictly, run, and compared whole."""

from __future__ import annotations

import pytest

from exchange_node.policy.cases import changed_agreement, load_cases, run_cases
from exchange_node.policy.errors import PolicyError
from exchange_node.policy.policy import Policy
from tests.policy_engines import damp_agreement, embedded, read_agreement

FILE = """
agreement: asthma-mould.yaml
requester: northgate-homes
provider: castle-nhs
purpose: damp-repair-prioritisation
attributes: [repair_priority]
on: 2026-06-01
cases:
  - name: agreed
    facts: {consents: [{scope: northgate-homes, from: 2026-01-01, to: 2027-01-01}]}
    expect: {allow: true, attributes: {repair_priority: transform}}
  - name: wrongly expected
    expect: {allow: true, reasons: []}
  - name: an error nobody expected
    requester: {org: Northgate, type: housing}
    expect: {allow: false}
"""


def test_differences_are_told() -> None:
    engine = embedded()
    agreed, wrong, error = run_cases(Policy(engine), load_cases(FILE.encode(), read_agreement))
    engine.close()
    assert agreed.passed
    assert not wrong.passed
    assert wrong.differences == (
        "allow: expected True, got False",
        "reasons: expected [], got ['confidence.consent', 'gateway.direct-referral-consent.consent', 'gateway.none']",
    )
    assert error.differences == ("error: expected , got policy.bad-question",)
    assert not error.decision.allow


@pytest.mark.parametrize(
    ("old", "new", "says"),
    [
        ("on: 2026-06-01", "on: today", "on: "),
        ("cases:", "case:", "cases: "),
        ("allow: true,", "alow: true,", "expect.allow: "),
        ("purpose: damp", "purpose: damp\npurpose: damp", "the same key twice"),
        ("scope: northgate-homes", "scope: Quillfeather, who: x", "facts.consents.0.who: "),
        ("- name: wrongly expected", "- name: x\n    change: {flows.7.id: x}", "change: a path"),
    ],
)
def test_one_error_names_the_field(old: str, new: str, says: str) -> None:
    with pytest.raises(PolicyError) as caught:
        load_cases(FILE.replace(old, new, 1).encode(), read_agreement)
    assert caught.value.code == "policy.bad-cases"
    assert says in caught.value.detail
    assert "Quillfeather" not in str(caught.value)


def test_a_change_that_makes_no_agreement() -> None:
    with pytest.raises(PolicyError, match=r"bad-agreement.*status"):
        changed_agreement(damp_agreement(), {"status": "signed"})


def test_a_change_changes_the_digest_and_nothing_else() -> None:
    changed = changed_agreement(damp_agreement(), {"dpia.review_by": "2026-07-01", "policy_document": None})
    assert changed.digest != damp_agreement().digest
    assert changed.policy_document is None
    assert changed.flows == damp_agreement().flows
