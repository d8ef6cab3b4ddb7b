"""The gate that keeps rules from failing open catches each way they could."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.policy_engines import ROOT
from tools.rego_lint import lint_file, lint_folder

pytestmark = pytest.mark.opa
FIXTURES = Path(__file__).parent / "rego"


def test_what_can_fail_open_is_caught(opa_binary: Path) -> None:
    assert lint_file(str(opa_binary), FIXTURES / "fails_open.rego") == [
        "everybody: defaults to true",
        "rule_that_errs: `not` over the rule bad",
        "builtin: `not` over a call of to_number",
        "function_elsewhere: `not` over a call of choice.agreed",
        "deep: `not` over a call of startswith",
        "whole_package: `not` over the rule data.exchange.choice.review",
        "hidden_operand: `not` over a call of count",
        "inside_a_list: `not` over the rule bad",
        "comprehension: `not` over a term of kind setcomprehension, which this check does not know",
    ]


def test_what_cannot_is_let_through(opa_binary: Path) -> None:
    assert lint_file(str(opa_binary), FIXTURES / "holds.rego") == []


def test_our_own_rules(opa_binary: Path) -> None:
    assert lint_folder(str(opa_binary), ROOT / "policies") == []
