"""An engine's answer is taken only if it is whole, consistent, and the answer to this very question."""

from __future__ import annotations

import copy
from collections.abc import Callable
from typing import Any

import pytest

from exchange_node.policy.decision import Facts
from exchange_node.policy.errors import PolicyError
from exchange_node.policy.input import policy_input
from exchange_node.policy.output import read_answer
from tests.policy_engines import CONSENTED, damp_question, embedded


@pytest.fixture(scope="module")
def asked() -> tuple[dict[str, Any], Any]:
    """A release for one who consented and one who did not, and the engine's true answer."""
    document = policy_input(damp_question(), "release", [CONSENTED, Facts()])
    engine = embedded()
    answer = engine.evaluate(document)
    engine.close()
    return document, answer


Change = Callable[[Any], None]


def _set(path: str, value: Any) -> Change:
    def change(answer: Any) -> None:
        *parents, last = path.split("/")
        for part in parents:
            answer = answer[part]
        answer[last] = value

    return change


def _drop(path: str) -> Change:
    def change(answer: Any) -> None:
        *parents, last = path.split("/")
        for part in parents:
            answer = answer[part]
        del answer[last]

    return change


GRANTED = "by_class/c0/attributes/repair_priority"
DENIED = "by_class/c1/attributes/repair_priority"


def test_the_true_answer_is_taken(asked: tuple[dict[str, Any], Any]) -> None:
    document, answer = asked
    read = read_answer(copy.deepcopy(answer), document)
    assert read.by_class["c0"].allow
    assert not read.by_class["c1"].allow


@pytest.mark.parametrize(
    "change",
    [
        _drop("v"),
        _set("v", 2),
        _set("v", True),
        _set("extra", 1),
        _set("allow", 1),
        _set("allow", "true"),
        _set("allow", None),
        _set("allow", False),
        _set("operation", "ask"),
        _set("request", "cd" * 16),
        _drop("by_class/c1"),
        _set("by_class", {}),
        _set("by_class/c2", {"allow": False, "review": False, "attributes": {}, "reasons": []}),
        _set("by_class/c1/allow", True),
        _set("by_class/c0/allow", False),
        _set("by_class/c0/review", True),
        _set("by_class/c0/reasons", ["choice.objection"]),
        _drop(GRANTED),
        _set("by_class/c0/attributes/diagnosis", {}),
        _set(f"{GRANTED}/effect", "release"),
        _set(f"{GRANTED}/effect", "allow"),
        _set(f"{GRANTED}/transform", "exact"),
        _set(f"{GRANTED}/transform", "yes_no"),
        _set(f"{GRANTED}/basis", []),
        _set(f"{GRANTED}/gateway", ""),
        _set(f"{GRANTED}/reasons", ["choice.opt-out"]),
        _set(f"{DENIED}/effect", "transform"),
        _set(f"{DENIED}/transform", "repair_priority"),
        _set(f"{DENIED}/reasons", []),
        _set(f"{DENIED}/reasons", ["not.explained"]),
        _set(f"{DENIED}/gateway", "direct_referral_consent"),
        _set("reasons", ["agreement.active"]),
        _set("obligations", []),
        _set("obligations", [{"attribute": "diagnosis", "retention_days": 1, "onward": "none", "notify": False}]),
        _set("texts", {}),
    ],
)
def test_anything_else_is_refused(asked: tuple[dict[str, Any], Any], change: Change) -> None:
    document, answer = asked
    altered = copy.deepcopy(answer)
    change(altered)
    with pytest.raises(PolicyError) as caught:
        read_answer(altered, document)
    assert caught.value.code == "policy.engine-malformed"


@pytest.mark.parametrize("value", [None, True, False, 1, "allow", [], {}, [{"allow": True}], {"allow": True}])
def test_wrong_types(asked: tuple[dict[str, Any], Any], value: object) -> None:
    with pytest.raises(PolicyError, match="engine-malformed"):
        read_answer(value, asked[0])


def test_no_answer_is_its_own_error(asked: tuple[dict[str, Any], Any]) -> None:
    engine = embedded()
    document = {**asked[0], "v": 2}
    with pytest.raises(PolicyError) as caught:
        read_answer(engine.evaluate(document), document)
    engine.close()
    assert caught.value.code == "policy.engine-undefined"


def test_another_questions_answer_is_refused(asked: tuple[dict[str, Any], Any]) -> None:
    _, answer = asked
    other = policy_input(damp_question(request_id="cd" * 16), "release", [CONSENTED, Facts()])
    with pytest.raises(PolicyError, match="not those of the question"):
        read_answer(answer, other)
