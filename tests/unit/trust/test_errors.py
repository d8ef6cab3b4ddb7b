"""The catalogue holds every code that trust raises, and no other."""

from __future__ import annotations

import ast
from pathlib import Path

import exchange_node.trust
from exchange_node.trust.errors import TrustError


def test_catalogue_is_complete() -> None:
    raised = set()
    for path in Path(exchange_node.trust.__file__).parent.glob("*.py"):
        for node in ast.walk(ast.parse(path.read_text())):
            if isinstance(node, ast.Call) and getattr(node.func, "id", "") == "TrustError":
                assert isinstance(node.args[0], ast.Constant), f"{path.name}:{node.lineno}"
                raised.add(node.args[0].value)
    assert raised == set(TrustError.catalogue)
    assert all(says.sentence.endswith(".") and says.mend.endswith(".") for says in TrustError.catalogue.values())
