"""The embedded engine's limits, with bundles built for the purpose: each ends in an error, which is a deny."""

from __future__ import annotations

import subprocess
import tarfile
from pathlib import Path
from typing import Any

import pytest

from exchange_node.policy.bundle import Bundle
from exchange_node.policy.embedded import EmbeddedEngine
from exchange_node.policy.errors import PolicyError
from exchange_node.policy.policy import Policy
from tests.policy_engines import NOW, UNTIL, damp_question, embedded

pytestmark = pytest.mark.opa


def _engine(opa: Path, folder: Path, rego: str, timeout_seconds: float = 2.0) -> EmbeddedEngine:
    """An engine for `exchange.main` as given."""
    (folder / "main.rego").write_text(f"package exchange.main\n{rego}\n")
    out = folder / "bundle.tar.gz"
    words = ("build", "--target", "wasm", "--entrypoint", "exchange/main/decision", "--output", str(out), "main.rego")
    subprocess.run([opa, *words], cwd=folder, check=True)
    with tarfile.open(out) as archive:
        member = archive.extractfile("/policy.wasm")
        assert member is not None
        module = member.read()
    return EmbeddedEngine(Bundle("0" * 64, UNTIL, "0" * 64, module, {}), timeout_seconds)


LOOP = """
decision := count([1 | some a in numbers.range(1, 3000); some b in numbers.range(1, 3000); a * b == input.now])
"""
ALLOCATE = "decision := [a | some a in numbers.range(1, 5000000)]"


@pytest.mark.parametrize(
    ("rego", "code"),
    [
        ("decision := 1 if input.never", "engine-undefined"),
        ('decision := to_number("oops")', "engine-undefined"),
        ("decision := 1 / 0", "engine-undefined"),
        (LOOP, "engine-late"),
        (ALLOCATE, "engine-failed"),
        ("decision := 1 if input.v\ndecision := 2 if input.now", "engine-failed"),
    ],
    ids=["undefined", "builtin error", "division", "endless", "memory", "conflict"],
)
def test_no_answer_is_an_error(opa_binary: Path, tmp_path: Path, rego: str, code: str) -> None:
    engine = _engine(opa_binary, tmp_path, rego, 0.05 if code == "engine-late" else 2.0)
    for _ in range(2):  # the instance is replaced, and fails alike
        with pytest.raises(PolicyError) as caught:
            Policy(engine).ask(damp_question())
        assert caught.value.code == f"policy.{code}"
    engine.close()


@pytest.mark.parametrize("value", ["true", '"allow"', "{}", "[]", "null", '{"allow": true}', "1"])
def test_a_wrong_type_is_an_error(opa_binary: Path, tmp_path: Path, value: str) -> None:
    engine = _engine(opa_binary, tmp_path, f"decision := {value}")
    with pytest.raises(PolicyError) as caught:
        Policy(engine).ask(damp_question())
    engine.close()
    assert caught.value.code == "policy.engine-malformed"


@pytest.mark.parametrize("call", ["time.now_ns()", 'sprintf("%d", [1])', 'crypto.sha256("a")'])
def test_a_module_that_wants_host_builtins_is_not_loaded(opa_binary: Path, tmp_path: Path, call: str) -> None:
    """The host would be asked at the first call, long after loading; and its builtins are not OPA's."""
    with pytest.raises(PolicyError) as caught:
        _engine(opa_binary, tmp_path, f"decision := {call}")
    assert caught.value.code == "policy.bundle-malformed"


def test_a_closed_engine_denies() -> None:
    engine = embedded()
    engine.close()
    with pytest.raises(PolicyError) as caught:
        Policy(engine).ask(damp_question())
    assert caught.value.code == "policy.engine-failed"


NO_JSON = {"nan": float("nan"), "set": {1, 2}, "bytes": b"x", "object": object(), "surrogate": "\ud800"}


@pytest.mark.parametrize("value", NO_JSON.values(), ids=NO_JSON)
def test_values_that_are_no_json(value: Any) -> None:
    engine = embedded()
    with pytest.raises(PolicyError) as caught:
        engine.evaluate({"v": 1, "now": NOW, "x": value})
    engine.close()
    assert caught.value.code == "policy.engine-failed"


@pytest.mark.parametrize("depth", [100_000])
def test_very_deep(depth: int) -> None:
    deep: list[Any] = []
    for _ in range(depth):
        deep = [deep]
    engine = embedded()
    with pytest.raises(PolicyError) as caught:
        engine.evaluate({"v": 1, "now": NOW, "request": deep})
    assert caught.value.code == "policy.engine-failed"
    assert Policy(engine).ask(damp_question()).allow  # the next call is good
    engine.close()


def test_very_large() -> None:
    engine = embedded()
    with pytest.raises(PolicyError) as caught:
        engine.evaluate({"v": 1, "now": NOW, "request": "a" * 5_000_000})
    assert caught.value.code == "policy.engine-failed"
    assert Policy(engine).ask(damp_question()).allow
    engine.close()
