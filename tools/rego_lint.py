"""Refuse Rego that can fail open: `not` over something that can err, and rules that default to true.

A builtin that errs leaves its expression undefined, and `not` of undefined is true. An OPA server can be told
to raise instead, OPA's WebAssembly cannot, so such a rule would fail open and differ by engine. Allowed is
`not` over `input`, `data.law`, local variables and comparisons of these; nothing that calls another builtin
or leads to a rule, since what a rule calls may change later.

    python tools/rego_lint.py OPA FOLDER
"""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

# Defined for every value of every type.
TOTAL = {
    "eq", "equal", "gt", "gte", "internal.member_2", "internal.member_3", "is_array", "is_boolean", "is_null",
    "is_number", "is_object", "is_set", "is_string", "lt", "lte", "neq",
}  # fmt: skip
TABLES = ("law", "reasons")


def lint_folder(opa: str, folder: Path) -> list[str]:
    """What is wrong with every module below `folder` but the tests, one line each."""
    paths = sorted(path for path in folder.rglob("*.rego") if not path.name.endswith("_test.rego"))
    return [f"{path.relative_to(folder)}: {what}" for path in paths for what in lint_file(opa, path)]


def lint_file(opa: str, path: Path) -> list[str]:
    """What is wrong with one module. Raises subprocess.CalledProcessError where it does not parse."""
    said = subprocess.run([opa, "parse", "--format", "json", str(path)], capture_output=True, check=True)
    module = json.loads(said.stdout)
    elsewhere = {_head(rule) for rule in module.get("rules", [])} | _imported(module)
    found = []
    for rule in module.get("rules", []):
        if rule.get("default") and rule["head"].get("value") == {"type": "boolean", "value": True}:
            found.append(f"{_head(rule)}: defaults to true")
        for negated in _negated(rule):
            found.extend(f"{_head(rule)}: `not` over {what}" for what in _unsafe(negated, elsewhere))
    return found


def _head(rule: dict[str, Any]) -> str:
    return str(rule["head"]["ref"][0]["value"])


def _imported(module: dict[str, Any]) -> set[str]:
    """Names that an import makes of rules elsewhere."""
    names = set()
    for row in module.get("imports", []):
        path = [part["value"] for part in row["path"]["value"]]
        if path[0] == "data" and (len(path) < 2 or path[1] not in TABLES):
            names.add(str(row.get("alias", path[-1])))
    return names


def _negated(node: Any) -> Iterator[Any]:
    """Every negated expression, however deep."""
    if isinstance(node, dict):
        if node.get("negated"):
            yield node["terms"]
        for item in node.values():
            yield from _negated(item)
    elif isinstance(node, list):
        for item in node:
            yield from _negated(item)


def _unsafe(terms: Any, elsewhere: set[str]) -> Iterator[str]:
    """What in a negated expression can err or leads elsewhere."""
    if isinstance(terms, list):  # a call: operator, then operands
        name = ".".join(str(part["value"]) for part in terms[0]["value"])
        if name not in TOTAL:
            yield f"a call of {name}"
        for operand in terms[1:]:
            yield from _unsafe(operand, elsewhere)
        return
    kind, value = terms.get("type"), terms.get("value")
    if kind == "call":
        yield from _unsafe(value, elsewhere)
    elif kind == "var":
        if value in elsewhere:
            yield f"the rule {value}"
    elif kind == "ref":
        path = [part["value"] for part in value]
        if path[0] in elsewhere or (path[0] == "data" and (len(path) < 2 or path[1] not in TABLES)):
            yield f"the rule {'.'.join(map(str, path))}"
        for part in value[1:]:
            yield from _unsafe(part, elsewhere)
    elif kind in {"array", "set"}:
        for part in value:
            yield from _unsafe(part, elsewhere)
    elif kind not in {"string", "number", "boolean", "null"}:
        yield f"a term of kind {kind or 'unknown'}, which this check does not know"


if __name__ == "__main__":
    problems = lint_folder(sys.argv[1], Path(sys.argv[2]))
    sys.exit("\n".join(problems) or 0)
