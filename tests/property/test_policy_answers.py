"""Any JSON at all, in the place of an engine's answer, becomes a decision that grants no more than agreed, or an error;
any bytes, in the place of an officer's file, become an agreement or one clear error."""

from __future__ import annotations

import copy
import json
from collections.abc import Mapping
from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st

from exchange_node.policy.agreement import Agreement, canonical, parse_agreement
from exchange_node.policy.decision import Facts
from exchange_node.policy.errors import PolicyError
from exchange_node.policy.input import policy_input
from exchange_node.policy.policy import Policy
from exchange_node.policy.view import policy_view
from tests.policy_engines import CONSENTED, damp_agreement, damp_question, embedded

QUESTION = damp_question()
CLASSES = [CONSENTED, Facts()]
ENGINE = embedded()
TRUE_ANSWER: Any = ENGINE.evaluate(policy_input(QUESTION, "release", CLASSES))
ENGINE.close()

scalars = st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text(max_size=8)
words = st.sampled_from(
    ["release", "transform", "deny", "exact", "none", "repair_priority", "c0", "c1", "agreement.active", "allow"]
)
anything = st.recursive(
    scalars | words,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(words | st.text(max_size=4), inner, max_size=4),
    max_leaves=12,
)


class Saying:
    """An engine that answers whatever it was given."""

    name = "saying"
    version = "1"
    bundle_digest = "0" * 64

    def __init__(self, answer: object) -> None:
        self.answer = answer

    def evaluate(self, document: Mapping[str, Any]) -> object:
        return self.answer

    def close(self) -> None:
        """It holds nothing."""


def _places(value: Any, path: tuple[Any, ...] = ()) -> list[tuple[Any, ...]]:
    found = [path]
    items = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
    for key, item in items:
        found += _places(item, (*path, key))
    return found


PLACES = _places(TRUE_ANSWER)[1:]


def _check(answer: object) -> None:
    try:
        decisions = Policy(Saying(answer)).release(QUESTION, CLASSES)
    except PolicyError as error:
        assert error.code in {"policy.engine-malformed", "policy.engine-undefined"}
        return
    # Whatever was changed and still taken: only the agreed transform, only where a class was allowed, never without
    # a reason. Whom the true answer granted nothing may only be granted by an answer that is whole in itself.
    for decision in decisions:
        given = decision.attributes["repair_priority"]
        assert set(decision.attributes) == {"repair_priority"}
        assert decision.allow == (given.effect == "transform")
        assert given.transform == ("repair_priority" if decision.allow else "none")
        assert decision.allow or decision.all_reasons()
        json.dumps(decision.to_json())


@given(anything)
def test_any_json(answer: object) -> None:
    _check(answer)


@settings(max_examples=300)
@given(st.sampled_from(PLACES), anything, st.booleans())
def test_the_true_answer_with_one_place_altered(place: tuple[Any, ...], value: object, drop: bool) -> None:
    answer = copy.deepcopy(TRUE_ANSWER)
    spot = answer
    for key in place[:-1]:
        spot = spot[key]
    if drop:
        del spot[place[-1]]
    else:
        spot[place[-1]] = value
    _check(answer)


def _reads(text: bytes) -> Agreement | None:
    try:
        return parse_agreement(text)
    except PolicyError as error:
        assert error.code == "policy.bad-agreement"
        return None


@given(st.binary(max_size=200) | st.text(alphabet="ab:-{}[],&*!'\"\n \t#0|>?%@`", max_size=60).map(str.encode))
def test_any_file(text: bytes) -> None:
    assert _reads(text) is None


DOCUMENT = json.loads(canonical(damp_agreement()))
DOCUMENT_PLACES = _places(DOCUMENT)[1:]


@settings(max_examples=200)
@given(st.sampled_from(DOCUMENT_PLACES), anything)
def test_an_agreement_with_one_place_altered(place: tuple[Any, ...], value: object) -> None:
    document = copy.deepcopy(DOCUMENT)
    spot = document
    for key in place[:-1]:
        spot = spot[key]
    spot[place[-1]] = value
    agreement = _reads(json.dumps(document).encode())
    if agreement is not None:
        assert parse_agreement(canonical(agreement)) == agreement
        policy_view(agreement)
