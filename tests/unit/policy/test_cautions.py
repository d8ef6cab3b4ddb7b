"""What an officer is told to look at twice; none of it refuses an agreement."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import pytest

from exchange_node.policy.agreement import Agreement, parse_agreement
from exchange_node.policy.cautions import cautions

EXAMPLES = Path(__file__).parents[3] / "deploy" / "examples" / "agreements"
METHODS = ("clk-linkage-unit",)


@dataclass(frozen=True)
class Listed:
    type: str
    regime: str = "uk-gdpr"
    roles: tuple[str, ...] = ("data-party",)


MEMBERS = {
    "northgate-homes": Listed("housing"),
    "castle-nhs": Listed("health"),
    "neutral-linkage": Listed("linkage-unit", "none", ("linkage-unit",)),
}


def changed(*changes: tuple[str, str]) -> Agreement:
    text = (EXAMPLES / "asthma-mould.yaml").read_text()
    for old, new in changes:
        assert old in text, old
        text = text.replace(old, new)
    return parse_agreement(text.encode())


@pytest.mark.parametrize("file", sorted(EXAMPLES.glob("*.yaml")), ids=lambda file: file.stem)
def test_the_examples_need_no_second_look(file: Path) -> None:
    assert cautions(parse_agreement(file.read_bytes()), METHODS) == ()


def test_members_as_the_manifest_lists_them_need_none() -> None:
    assert cautions(changed(), METHODS, MEMBERS) == ()


@pytest.mark.parametrize(
    ("old", "new", "told"),
    [
        ("direct_referral_consent", "direct_referal_consent", "gateways: this release does not know direct_referal"),
        ("eu-gdpr:A6-1-e", "eu-gdpr:A6-1-z", "art6: this release does not know eu-gdpr:A6-1-z"),
        ("clk-linkage-unit", "clk-linkage-units", "linkage.methods: this release does not know"),
        ("transform: repair_priority", "transform: repair_prio", "repair_priority: transform: this release does not"),
        ("category: health", "category: healthy", "repair_priority: category: this release does not know healthy"),
        ("minimum_precision_bp: 9800", "minimum_precision_bp: 98", "98 is 0.98 %; hundredths of a per cent are meant"),
    ],
)
def test_words_and_numbers_that_would_give_nothing(old: str, new: str, told: str) -> None:
    found = cautions(changed((old, new)), METHODS, MEMBERS)
    assert found and all(told in caution or "Known" in caution for caution in found)
    assert any(told in caution for caution in found)


@pytest.mark.parametrize(
    ("members", "told"),
    [
        ({"castle-nhs": None}, "the federation's manifest has no castle-nhs"),
        ({"castle-nhs": Listed("social-care")}, "castle-nhs: type is health here and social-care in the manifest"),
        ({"castle-nhs": Listed("health", "dpa-part3")}, "castle-nhs: regime is uk-gdpr here and part3 in the manifest"),
        ({"neutral-linkage": None}, "the federation's manifest has no linkage unit neutral-linkage"),
        ({"neutral-linkage": Listed("health")}, "the federation's manifest has no linkage unit neutral-linkage"),
    ],
)
def test_parties_that_the_manifest_lists_otherwise(members: dict[str, Listed | None], told: str) -> None:
    listed = {name: member for name, member in (MEMBERS | members).items() if member is not None}
    (caution,) = cautions(changed(), METHODS, listed)
    assert told in caution
