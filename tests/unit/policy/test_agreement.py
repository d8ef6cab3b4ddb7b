"""Agreements: what an officer's file may say, what is signed, and what policy sees."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from exchange_node.policy.agreement import canonical, parse_agreement
from exchange_node.policy.errors import PolicyError
from exchange_node.policy.view import policy_view
from tests.policy_engines import AGREEMENTS, NOW, damp_agreement, read_agreement


def _changed(path: str, value: Any) -> bytes:
    document = json.loads(canonical(damp_agreement()))
    *parents, last = [int(part) if part.isdecimal() else part for part in path.split(".")]
    place: Any = document
    for part in parents:
        place = place[part]
    place[last] = value
    return json.dumps(document).encode()


@pytest.mark.parametrize("path", sorted(AGREEMENTS.glob("*.yaml")), ids=lambda path: path.stem)
def test_examples_can_be_read_and_say_that_they_are_invented(path: Path) -> None:
    text = path.read_bytes()
    agreement = parse_agreement(text)
    assert agreement.id == path.stem
    assert b"invented" in text
    assert parse_agreement(canonical(agreement)) == agreement


def test_the_signed_bytes_do_not_depend_on_the_file() -> None:
    text = read_agreement("asthma-mould")
    as_json = json.dumps(json.loads(canonical(parse_agreement(text))), indent=3).encode()
    assert canonical(parse_agreement(as_json)) == canonical(parse_agreement(text))
    # One vector, so that an agreement signed by another release still has its digest.
    assert canonical(damp_agreement()).startswith(b'{"approval":"provider","art6":["eu-gdpr:A6-1-e"],"art9":')


def test_the_digest_changes_with_any_word() -> None:
    assert parse_agreement(_changed("title", "another")).digest != damp_agreement().digest


@pytest.mark.parametrize(
    ("path", "value", "says"),
    [
        ("id", "Asthma", "id: "),
        ("title", "a\x1b[2Jb", "title: "),
        ("title", "a\nb", "title: "),
        ("title", "a\u202eb", "title: "),
        ("parties.0.dpo", "a\x9bb", "parties.0.dpo: "),
        ("version", 0, "version: "),
        ("version", "1", "version: "),
        ("status", "signed", "status: "),
        ("surprise", 1, "surprise: "),
        ("valid_from", "tomorrow", "valid_from: "),
        ("valid_from", 20260101, "valid_from: "),
        ("valid_from", "2028-01-01", "valid_to is before valid_from"),
        ("valid_from", "01/06/2026", "valid_from: a day of the calendar as YYYY-MM-DD is expected"),
        ("parties.0.org", "northgate", "flow repair-priority: from, to: one of them is not among parties"),
        ("parties.1.org", "northgate-homes", "parties: one stands there twice"),
        ("parties.0.regime", "gdpr", "parties.0.regime: "),
        ("linkage_units", ["castle-nhs"], "linkage_units: a party cannot be the linkage unit"),
        ("linkage_units", [], "linkage_units: "),
        ("flows.0.to", "castle-nhs", "flow repair-priority: from and to are the same party"),
        ("flows.0.purposes", ["x1"], "flow repair-priority: purposes: "),
        ("flows.0.gateways", ["other_law"], "flow repair-priority: gateways: "),
        ("flows.0.gateways", [], "flows.0.gateways: "),
        ("flows.0.art6", ["eu-gdpr:A6-1-c"], "flow repair-priority: art6: "),
        ("flows.0.art9", ["eu-gdpr:A9-2-b"], "flow repair-priority: art9: "),
        ("flows.0.consent_scopes", [], "flows.0.consent_scopes: "),
        ("flows.0.attributes.0.special", "no", "flows.0.attributes.0.special: "),
        ("flows.0.attributes.0.special", 0, "flows.0.attributes.0.special: "),
        ("flows.0.attributes.0.retention_days", 0, "flows.0.attributes.0.retention_days: "),
        ("flows.0.attributes.0.necessity", [], "flows.0.attributes.0.necessity: "),
        ("flows.0.attributes.0.necessity.0.purpose", "x1", "flow repair-priority: repair_priority: necessity: "),
        ("linkage.minimum_precision_bp", 10_001, "linkage.minimum_precision_bp: "),
        ("linkage.minimum_precision_bp", 98.5, "linkage.minimum_precision_bp: "),
        ("group_linkage", True, "group_linkage: "),
        ("population.exclusions", ["Deceased"], "population.exclusions.0: "),
        ("id", "case-1234567890", "id: "),
    ],
)
def test_one_error_names_the_field_and_the_rule(path: str, value: Any, says: str) -> None:
    with pytest.raises(PolicyError) as caught:
        parse_agreement(_changed(path, value))
    assert caught.value.code == "policy.bad-agreement"
    assert caught.value.detail.startswith(says) or f" {says}" in caught.value.detail


def test_an_error_does_not_repeat_the_value() -> None:
    with pytest.raises(PolicyError) as caught:
        parse_agreement(_changed("parties.0.dpo", ["Dorothea Quillfeather"]))
    assert "Quillfeather" not in str(caught.value)
    assert caught.value.__cause__ is None


@pytest.mark.parametrize("text", [b"", b"- a", b"just words", b"\xff", b"{"])
def test_what_is_no_agreement_at_all(text: bytes) -> None:
    with pytest.raises(PolicyError) as caught:
        parse_agreement(text)
    assert caught.value.code == "policy.bad-agreement"


def test_the_same_question_may_not_have_two_flows() -> None:
    flow = json.loads(canonical(damp_agreement()))["flows"][0]
    with pytest.raises(PolicyError, match="from, to and purpose: one stands there twice"):
        parse_agreement(_changed("flows", [flow, {**flow, "id": "another"}]))


def test_dates_are_whole_days_in_utc() -> None:
    view = policy_view(parse_agreement(_changed("valid_from", "2026-06-01")))
    assert view["valid_from"] == NOW
    assert policy_view(parse_agreement(_changed("valid_to", "2026-06-01")))["valid_to"] == NOW + 86_400


def test_the_policy_view_has_no_free_text() -> None:
    agreement = damp_agreement()
    view = json.dumps(policy_view(agreement))
    for text in (agreement.title, agreement.parties[0].dpo, agreement.privacy_notice, agreement.dpia.ref):
        assert text not in view
    assert " " not in view.replace(", ", ",").replace(": ", ":")


def test_helpers_find_what_is_there_and_nothing_else() -> None:
    agreement = damp_agreement()
    flow = agreement.flow("northgate-homes", "castle-nhs", "damp-repair-prioritisation")
    assert flow is not None
    assert flow.attribute("repair_priority") is flow.attributes[0]
    assert flow.attribute("diagnosis") is None
    assert agreement.flow("castle-nhs", "northgate-homes", "damp-repair-prioritisation") is None
    assert agreement.flow("northgate-homes", "castle-nhs", "marketing") is None
    assert agreement.providers("northgate-homes", "damp-repair-prioritisation") == ("castle-nhs",)
    assert agreement.party("northgate-homes") is agreement.parties[0]
    assert agreement.party("nobody") is None
