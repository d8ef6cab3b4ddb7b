"""Policy as the spine uses it: three questions, each answered with decisions or with PolicyError.

People are grouped by what policy can tell apart and each class is decided once, so that no engine ever counts
or sees a person. An error is no answer: whoever catches it denies (`decision.deny_from_error`).
"""

from __future__ import annotations

import hashlib
from collections.abc import Mapping, Sequence
from types import MappingProxyType

from exchange_node.policy.classes import class_of
from exchange_node.policy.decision import (
    AttributeDecision,
    Decision,
    EngineInfo,
    Facts,
    Obligation,
    Question,
    Reason,
)
from exchange_node.policy.engine import PolicyEngine
from exchange_node.policy.input import input_digest, policy_input
from exchange_node.policy.output import Answer, Field_, read_answer

BATCH = 64  # classes in one input: a few tens of kilobytes, far from the engine's limits


class Policy:
    """Questions under one engine. Thread-safe where its engine is."""

    def __init__(self, engine: PolicyEngine) -> None:
        self._engine = engine

    @property
    def engine(self) -> EngineInfo:
        """Name, version and bundle of the engine, for logs and `deny_from_error`."""
        return EngineInfo(self._engine.name, self._engine.version, self._engine.bundle_digest)

    def ask(self, question: Question) -> Decision:
        """May this be asked at all? Says nothing of any person. `allow` only if every attribute may be.

        Raises PolicyError when there is no answer.
        """
        document = policy_input(question, "ask", ())
        answer = read_answer(self._engine.evaluate(document), document)
        digest = input_digest(document)
        return self._decision(digest, answer, "", answer.allow, answer.review, answer.attributes, ())

    def admit(self, question: Question, people: Sequence[Facts]) -> list[Decision]:
        """Which classes of the deciding side's own people may be encoded for linkage; one decision each, in
        order.

        Raises PolicyError when there is no answer for any one of them.
        """
        return self._by_class(question, "link", people)

    def release(self, question: Question, people: Sequence[Facts]) -> list[Decision]:
        """What may be released of each person or class of people; one decision each, in order.

        Raises PolicyError when there is no answer for any one of them.
        """
        return self._by_class(question, "release", people)

    def close(self) -> None:
        """Close the engine; nothing can be asked afterwards."""
        self._engine.close()

    def _by_class(self, question: Question, operation: str, people: Sequence[Facts]) -> list[Decision]:
        of_each = [class_of(facts, question.now) for facts in people]
        distinct = list(dict.fromkeys(of_each))
        decided: dict[Facts, Decision] = {}
        for start in range(0, len(distinct), BATCH):
            batch = distinct[start : start + BATCH]
            decided.update(zip(batch, self._batch(question, operation, batch), strict=True))
        return [decided[facts] for facts in of_each]

    def _batch(self, question: Question, operation: str, batch: Sequence[Facts]) -> list[Decision]:
        document = policy_input(question, operation, batch)
        answer = read_answer(self._engine.evaluate(document), document)
        digest = input_digest(document)
        decisions = []
        for facts in document["facts"]:
            person = answer.by_class[facts["class"]]
            decisions.append(
                self._decision(
                    digest,
                    answer,
                    facts["class"],
                    answer.allow and person.allow,
                    answer.review or person.review,
                    person.attributes,
                    person.reasons,
                )
            )
        return decisions

    def _decision(
        self,
        digest: str,
        answer: Answer,
        of_class: str,
        allow: bool,
        review: bool,
        attributes: Mapping[str, Field_],
        reasons: Sequence[str],
    ) -> Decision:
        engine = self.engine
        name = f"{engine.name} {engine.version} {engine.bundle_digest} {digest} {of_class}"
        granted = {key for key, given in attributes.items() if given.effect != "deny"} if allow else set()
        return Decision(
            allow=allow,
            operation=answer.operation,
            attributes=MappingProxyType({key: _attribute(given, answer) for key, given in attributes.items()}),
            reasons=_reasons([*answer.reasons, *reasons], answer),
            obligations=tuple(
                Obligation(duty.attribute, duty.retention_days, duty.onward, duty.notify)
                for duty in answer.obligations
                if duty.attribute in granted
            ),
            review=review,
            engine=engine.name,
            engine_version=engine.version,
            bundle_digest=engine.bundle_digest,
            decision_id=hashlib.sha256(name.encode("utf-8")).hexdigest()[:32],
            input_digest=digest,
        )


def _attribute(given: Field_, answer: Answer) -> AttributeDecision:
    return AttributeDecision(
        given.effect, given.transform, tuple(given.basis), given.gateway, _reasons(given.reasons, answer)
    )


def _reasons(codes: Sequence[str], answer: Answer) -> tuple[Reason, ...]:
    found = []
    for code in codes:
        words = answer.texts[code]
        found.append(Reason(code, words.statute, words.condition, code, words.sentence, words.mend))
    return tuple(found)
