"""A class of facts is decided as each of its people would be, and has none of their dates."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from exchange_node.policy.classes import class_of
from exchange_node.policy.decision import Consent, Facts
from exchange_node.policy.embedded import EmbeddedEngine
from exchange_node.policy.input import policy_input
from tests.policy_engines import NOW, damp_question, embedded

times = st.sampled_from([0, 1, *(NOW + days * 86_400 for days in range(-4, 5))])
consents = st.builds(
    Consent,
    scope=st.sampled_from(["northgate-homes", "castle-nhs"]),
    purposes=st.sampled_from(
        [("damp-repair-prioritisation",), ("survey",), ("survey", "damp-repair-prioritisation"), ()]
    ),
    from_=times,
    to=times,
    withdrawn_at=times | st.just(0),
)
people = st.builds(
    Facts,
    consents=st.lists(consents, max_size=4).map(tuple),
    opt_out=st.booleans(),
    flags=st.lists(st.sampled_from(["a1", "b1", "protected-address"]), max_size=3).map(tuple),
)


@pytest.fixture(scope="module")
def engine() -> Iterator[EmbeddedEngine]:
    loaded = embedded()
    yield loaded
    loaded.close()


def _decided(engine: EmbeddedEngine, facts: Facts) -> Any:
    answer: Any = engine.evaluate(policy_input(damp_question(), "release", [facts]))
    return answer["by_class"]["c0"]


@settings(max_examples=300)
@given(facts=people)
def test_the_same_decision(engine: EmbeddedEngine, facts: Facts) -> None:
    assert _decided(engine, class_of(facts, NOW)) == _decided(engine, facts)


@given(people)
def test_a_class_is_its_own_class(facts: Facts) -> None:
    once = class_of(facts, NOW)
    assert class_of(once, NOW) == once


@given(people)
def test_no_date_of_its_own(facts: Facts) -> None:
    for consent in class_of(facts, NOW).consents:
        for time in (consent.from_, consent.to, consent.withdrawn_at):
            assert time == 0 or abs(time - NOW) <= 2 * len(facts.consents) + 1
