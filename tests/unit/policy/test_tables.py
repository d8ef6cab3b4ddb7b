"""The statutory tables agree with the rules' metadata, with the calendar and with the node's transforms."""

from __future__ import annotations

import json
import subprocess
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
import yaml

from exchange_node.policy.words import EXACT
from exchange_node.release.transforms import TRANSFORMS
from tests.policy_engines import AGREEMENTS, ROOT, damp_agreement

LAW: dict[str, Any] = yaml.safe_load((ROOT / "policies" / "law" / "data.yaml").read_bytes())
REASONS: dict[str, Any] = yaml.safe_load((ROOT / "policies" / "reasons" / "data.yaml").read_bytes())


def test_every_transform_of_the_node_and_no_other() -> None:
    assert sorted(LAW["transforms"]) == sorted([EXACT, *TRANSFORMS])


@pytest.mark.parametrize("gateway", sorted(LAW["gateways"]))
def test_gateways_have_their_facts(gateway: str) -> None:
    row = LAW["gateways"][gateway]
    day = datetime.fromisoformat(row["in_force"]).replace(tzinfo=UTC)
    assert row["in_force_from"] == int(day.timestamp())
    assert row["uri"].startswith("https://www.legislation.gov.uk/")
    assert row["counsel_review"] in {"pending", "reviewed"}
    assert row["kind"] in {"power", "duty", "consent", "prohibition"}


@pytest.mark.opa
def test_metadata_and_tables_say_the_same(opa_binary: Path) -> None:
    said = subprocess.run(
        [opa_binary, "inspect", "--annotations", "--format", "json", ROOT / "policies"],
        capture_output=True,
        check=True,
    )
    found = {}
    for item in json.loads(said.stdout)["annotations"]:
        path = [part["value"] for part in item["path"]]
        if path[1:3] == ["exchange", "gateway"] and item["annotations"]["scope"] == "package" and path[3:]:
            found[path[3]] = item["annotations"]
    assert set(found) == set(LAW["gateways"])
    for name, row in LAW["gateways"].items():
        custom = found[name]["custom"]
        for key in ("citation", "extent", "in_force", "counsel_review"):
            assert custom[key] == row[key], (name, key)
        assert found[name]["title"] == row["title"]
        assert found[name]["related_resources"][0]["ref"] == row["uri"]


def test_every_reason_has_words_a_person_can_read() -> None:
    for code, row in REASONS.items():
        assert set(row) == {"statute", "condition", "sentence", "mend"}, code
        for key in ("sentence", "mend"):
            assert row[key].endswith("."), code
            assert len(row[key]) <= 200, code


def test_examples_use_the_names_of_the_project() -> None:
    known = {"northgate-homes", "castle-nhs", "riverside-care", "crown-revenue", "fairshire-police"}
    assert len(list(AGREEMENTS.glob("*.yaml"))) == 3
    assert {party.org for party in damp_agreement().parties} <= known
