"""The committed bundle is what the sources give; whoever changes a source is told."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest

from exchange_node.policy.bundle import open_bundle, packaged_bundle
from tests.policy_engines import approvals
from tools import policies

pytestmark = pytest.mark.opa


def test_built_again_byte_for_byte(opa_binary: Path, tmp_path: Path) -> None:
    policies.build(str(opa_binary), policies.POLICIES, tmp_path)
    assert sorted(path.name for path in tmp_path.iterdir()) == ["policies-opa.tar.gz", "policies.tar.gz"]
    for path in tmp_path.iterdir():
        assert path.read_bytes() == (policies.BUNDLE / path.name).read_bytes()


def test_the_revision_is_that_of_the_sources() -> None:
    assert open_bundle(packaged_bundle(), approvals(), 0).revision == policies.revision(policies.POLICIES)


def test_any_change_of_a_source_is_another_bundle(opa_binary: Path, tmp_path: Path) -> None:
    tree = tmp_path / "policies"
    shutil.copytree(policies.POLICIES, tree)
    assert policies.revision(tree) == policies.revision(policies.POLICIES)
    (tree / "exchange" / "main" / "main_test.rego").unlink()
    assert policies.revision(tree) == policies.revision(policies.POLICIES)  # tests are no part of it
    words = tree / "reasons" / "data.yaml"
    words.write_text(words.read_text().replace("has opted out", "opted out"))
    assert policies.revision(tree) != policies.revision(policies.POLICIES)
    policies.build(str(opa_binary), tree, tmp_path / "out")
    assert (tmp_path / "out" / "policies.tar.gz").read_bytes() != packaged_bundle()


def test_a_builtin_that_is_not_allowed_does_not_build(opa_binary: Path, tmp_path: Path) -> None:
    tree = tmp_path / "policies"
    shutil.copytree(policies.POLICIES, tree)
    (tree / "exchange" / "main" / "late.rego").write_text(
        "package exchange.late\nnow := time.now_ns()\n", encoding="utf-8"
    )
    with pytest.raises(Exception, match="returned non-zero"):
        policies.build(str(opa_binary), tree, tmp_path / "out")
