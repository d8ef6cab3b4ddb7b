"""The engine's answer: read strictly, and checked to answer exactly what was asked.

An engine that is out of order, replaced or fed another bundle may answer anything. What is not a whole,
consistent answer to this very input is an error, and an error is a deny.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Annotated, Any, NoReturn

from pydantic import Field, TypeAdapter, ValidationError

from exchange_node.policy.agreement import first_error
from exchange_node.policy.errors import PolicyError
from exchange_node.policy.words import EXACT, Document, Effect

_Code = Annotated[str, Field(pattern=r"\A[a-z][a-z0-9.-]{2,79}\z")]
_Words = Annotated[str, Field(min_length=1, max_length=500)]


class Wording(Document):
    """What a reason's code means."""

    statute: _Words
    condition: _Words
    sentence: _Words
    mend: _Words


class Field_(Document):
    """The answer for one attribute."""

    effect: Effect
    transform: Annotated[str, Field(max_length=63)]
    basis: list[Annotated[str, Field(max_length=80)]]
    gateway: Annotated[str, Field(max_length=63)]
    reasons: list[_Code]


class Person(Document):
    """The answer for one class of facts."""

    allow: bool
    review: bool
    attributes: dict[str, Field_]
    reasons: list[_Code]


class Duty(Document):
    """What the recipient owes for one attribute."""

    attribute: str
    retention_days: Annotated[int, Field(ge=1)]
    onward: str
    notify: bool


class Answer(Document):
    """The whole document that `exchange.main.decision` gives."""

    v: Annotated[int, Field(ge=1, le=1)]
    operation: str
    request: str
    allow: bool
    review: bool
    attributes: dict[str, Field_]
    by_class: dict[str, Person]
    obligations: list[Duty]
    reasons: list[_Code]
    texts: dict[_Code, Wording]


_ANSWER = TypeAdapter(Answer)


def read_answer(value: object, document: Mapping[str, Any]) -> Answer:
    """The answer to that input. Raises PolicyError `engine-malformed`, naming the field and the rule.

    An answer that denies for want of any other (`main.no-answer`) is PolicyError `engine-undefined`.
    """
    try:
        answer = _ANSWER.validate_python(value)
    except ValidationError as error:
        raise PolicyError("engine-malformed", first_error(error)) from None
    if answer.reasons == ["main.no-answer"]:
        raise PolicyError("engine-undefined")
    _check(answer, document["request"], document["facts"], document["agreement"])
    return answer


def _check(
    answer: Answer, request: Mapping[str, Any], facts: list[Mapping[str, Any]], agreement: Mapping[str, Any]
) -> None:
    if (answer.operation, answer.request) != (request["operation"], request["id"]):
        _refuse("operation, request: not those of the question")
    per_class = [item["class"] for item in facts] if request["operation"] != "ask" else []
    if sorted(answer.by_class) != sorted(per_class):
        _refuse("by_class: not the classes of the question")
    transforms = _transforms(agreement, request)
    named = set(request["attributes"])
    for fields in (answer.attributes, *(person.attributes for person in answer.by_class.values())):
        if set(fields) != named:
            _refuse("attributes: not those of the question")
        for name, given in fields.items():
            _check_field(name, given, transforms, answer.reasons)
    granted = [given.effect != "deny" for given in answer.attributes.values()]
    if answer.allow != (not answer.reasons and (all(granted) or request["operation"] != "ask")):
        _refuse("allow: contradicts the reasons and attributes")
    for person in answer.by_class.values():
        released = any(given.effect != "deny" for given in person.attributes.values())
        if person.allow != released or (released and (not answer.allow or person.reasons or person.review)):
            _refuse("by_class: allow contradicts the reasons and attributes")
    duties = {duty.attribute for duty in answer.obligations}
    if answer.allow and not named.issuperset(duties):
        _refuse("obligations: not for the attributes of the question")
    if any(effect and name not in duties for name, effect in zip(answer.attributes, granted, strict=True)):
        _refuse("obligations: missing for a granted attribute")
    if not answer.texts.keys() >= _codes(answer):
        _refuse("texts: a reason has no words")


def _check_field(name: str, given: Field_, transforms: Mapping[str, str], question: list[str]) -> None:
    if given.effect == "deny":
        # What the whole question lacks is said once, above.
        if given.transform != "none" or given.basis or given.gateway or not (given.reasons or question):
            _refuse("attributes: a deny that grants something, or has no reason")
    elif (
        given.reasons
        or question
        or not given.basis
        or not given.gateway
        or transforms.get(name) != given.transform
        or (given.effect == "release") != (given.transform == EXACT)
    ):
        _refuse("attributes: granted otherwise than agreed")


def _transforms(agreement: Mapping[str, Any], request: Mapping[str, Any]) -> dict[str, str]:
    """Transform by attribute, of the one flow that the question is about."""
    ends = (request["provider"]["org"], request["requester"]["org"])
    return {
        item["name"]: item["transform"]
        for flow in agreement["flows"]
        if (flow["from"], flow["to"]) == ends and request["purpose"] in flow["purposes"]
        for item in flow["attributes"]
    }


def _codes(answer: Answer) -> set[str]:
    codes = set(answer.reasons)
    for fields in (answer.attributes, *(person.attributes for person in answer.by_class.values())):
        for given in fields.values():
            codes.update(given.reasons)
    for person in answer.by_class.values():
        codes.update(person.reasons)
    return codes


def _refuse(what: str) -> NoReturn:
    raise PolicyError("engine-malformed", what)
