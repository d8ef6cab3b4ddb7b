"""Questions to decisions: one decision a class, in order, replayable; an error is a deny."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from dataclasses import replace
from typing import Any

import pytest

from exchange_node.policy.decision import Facts, deny_from_error
from exchange_node.policy.embedded import EmbeddedEngine
from exchange_node.policy.errors import PolicyError
from exchange_node.policy.policy import BATCH, Policy
from tests.policy_engines import CONSENTED, damp_question, embedded


@pytest.fixture(scope="module")
def engine() -> Iterator[EmbeddedEngine]:
    engine = embedded()
    yield engine
    engine.close()


class Recorder:
    """An engine that notes what it was asked, or fails."""

    name = "recorder"
    version = "1"
    bundle_digest = "0" * 64

    def __init__(self, inner: EmbeddedEngine, error: PolicyError | None = None, after: int = 0) -> None:
        self.inner, self.error, self.after = inner, error, after
        self.asked: list[Mapping[str, Any]] = []

    def evaluate(self, document: Mapping[str, Any]) -> object:
        self.asked.append(document)
        if self.error and len(self.asked) > self.after:
            raise self.error
        return self.inner.evaluate(document)

    def close(self) -> None:
        self.inner.close()


def test_ask_says_nothing_of_people(engine: EmbeddedEngine) -> None:
    recorder = Recorder(engine)
    decision = Policy(recorder).ask(damp_question())
    assert decision.allow
    assert decision.attributes["repair_priority"].effect == "transform"
    assert recorder.asked[0]["facts"] == []
    assert (decision.engine, decision.engine_version, decision.bundle_digest) == ("recorder", "1", "0" * 64)


def marked(number: int, facts: Facts) -> Facts:
    """A class of its own."""
    return replace(facts, flags=(f"mark-{chr(97 + number // 26)}{chr(97 + number % 26)}",))


def test_one_decision_for_each_class_in_order_over_batches(engine: EmbeddedEngine) -> None:
    recorder = Recorder(engine)
    number = 2 * BATCH + 5
    classes = [marked(place, CONSENTED if place % 3 else Facts()) for place in range(number)]
    decisions = Policy(recorder).release(damp_question(), classes)
    assert [decision.allow for decision in decisions] == [place % 3 != 0 for place in range(number)]
    assert [len(document["facts"]) for document in recorder.asked] == [BATCH, BATCH, 5]
    assert len({decision.decision_id for decision in decisions}) == number


def test_people_whom_policy_cannot_tell_apart_are_decided_once(engine: EmbeddedEngine) -> None:
    """A thousand people with a thousand dates, and one of them has withdrawn."""
    recorder = Recorder(engine)
    consent = CONSENTED.consents[0]
    people = [
        replace(CONSENTED, consents=(replace(consent, from_=consent.from_ - day, to=consent.to + day),))
        for day in range(1_000)
    ]
    people[500] = replace(CONSENTED, consents=(replace(consent, withdrawn_at=consent.from_ + 7),))
    decisions = Policy(recorder).release(damp_question(), people)
    assert [place for place, decision in enumerate(decisions) if not decision.allow] == [500]
    assert [len(document["facts"]) for document in recorder.asked] == [2]


def test_no_people_no_question(engine: EmbeddedEngine) -> None:
    recorder = Recorder(engine)
    assert Policy(recorder).release(damp_question(), []) == []
    assert recorder.asked == []


def test_a_decision_can_be_had_again(engine: EmbeddedEngine) -> None:
    policy = Policy(engine)
    first, second = (policy.release(damp_question(), [CONSENTED])[0] for _ in range(2))
    assert first == second
    assert first.digest == second.digest
    assert policy.release(damp_question(now=damp_question().now + 1), [CONSENTED])[0].digest != first.digest


def test_a_denied_decision_grants_nothing_and_owes_nothing(engine: EmbeddedEngine) -> None:
    decision = Policy(engine).release(damp_question(), [Facts()])[0]
    assert not decision.allow
    assert decision.obligations == ()
    reasons = decision.attributes["repair_priority"].reasons
    assert reasons
    for reason in reasons:
        assert all((reason.code, reason.statute, reason.condition, reason.text_key, reason.sentence, reason.mend))


def test_objection_asks_for_a_person(engine: EmbeddedEngine) -> None:
    plain, objecting = Policy(engine).release(damp_question(), [CONSENTED, replace(CONSENTED, objection=True)])
    assert (plain.allow, plain.review) == (True, False)
    assert (objecting.allow, objecting.review) == (False, True)


def test_json_is_plain(engine: EmbeddedEngine) -> None:
    decision = Policy(engine).release(damp_question(), [Facts()])[0]
    text = json.dumps(decision.to_json())
    assert json.loads(text)["attributes"]["repair_priority"]["reasons"][0]["code"] == "confidence.consent"


def test_one_failed_batch_fails_the_whole(engine: EmbeddedEngine) -> None:
    """Half of the people decided and half not would be told apart by the requester."""
    recorder = Recorder(engine, PolicyError("engine-late"), after=1)
    with pytest.raises(PolicyError, match="engine-late"):
        Policy(recorder).release(damp_question(), [marked(place, CONSENTED) for place in range(BATCH + 1)])


@pytest.mark.parametrize("code", sorted(PolicyError.catalogue))
def test_every_error_becomes_a_deny_with_its_reason(engine: EmbeddedEngine, code: str) -> None:
    error = PolicyError(code, "detail for our own log")
    decision = deny_from_error(damp_question(), error, "release", Policy(engine).engine)
    assert not decision.allow
    assert [reason.code for reason in decision.reasons] == [code]
    assert decision.reasons[0].sentence == PolicyError.catalogue[code].sentence
    assert decision.attributes["repair_priority"].effect == "deny"
    assert "our own log" not in json.dumps(decision.to_json())
    assert decision.bundle_digest == engine.bundle_digest
