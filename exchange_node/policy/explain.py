"""A decision in plain words, for the officer who has to answer for it."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from exchange_node.policy.decision import Decision, Reason

_SUBJECT = {
    "ask": "The question",
    "link": "The linkage of people with these facts",
    "release": "The release for people with these facts",
}
# What nobody in the room can change comes first.
_ORDER = ("prohibition.", "agreement.", "linkage.", "gateway.", "confidence.", "dp.", "attribute.", "choice.")


def explain(decision: Decision) -> list[str]:
    """Lines of plain text: what was decided, of each attribute, why, under which law, and by which policy."""
    subject = _SUBJECT.get(decision.operation, "The question")
    lines = [f"{subject} is {'allowed' if decision.allow else 'denied'}."]
    if decision.review and decision.allow:
        lines.append("It was marked as an emergency, and must be reviewed afterwards.")
    elif decision.review:
        lines.append("A person has to review it; until then nothing is released.")
    lines += [f"  {_because(reason)}" for reason in in_order(decision.reasons)]
    for name, answer in sorted(decision.attributes.items()):
        lines.append(f"{name}: {_effect(answer.effect, answer.transform)}")
        if answer.effect != "deny":
            lines.append(f"  carried by {answer.gateway}; lawful basis {', '.join(answer.basis)}")
        elif not answer.reasons:
            lines.append("  for the reasons above")
        lines += [f"  {_because(reason)}" for reason in in_order(answer.reasons) if reason not in decision.reasons]
    for duty in decision.obligations:
        onward = "may not be passed on" if duty.onward == "none" else "may be passed on by written agreement only"
        lines.append(f"{duty.attribute}: deleted after {duty.retention_days} days; {onward}")
    if changes := what_would_change(decision):
        lines.append("What would change this:")
        lines += [f"  {change}" for change in changes]
    lines.append(
        f"Decided by {decision.engine} ({decision.engine_version}), policy {decision.bundle_digest[:16]}, "
        f"decision {decision.decision_id}"
    )
    return lines


def what_would_change(decision: Decision) -> list[str]:
    """What somebody would have to do for another answer, each once; empty where nothing was denied."""
    found = dict.fromkeys(reason.mend for reason in in_order(decision.all_reasons()))
    return list(found)


def gateways(law: Mapping[str, Any]) -> list[str]:
    """The legal gateways of a bundle (`Bundle.data["law"]`), one line each, with the state of their legal review."""
    return [
        f"{name}: {row['citation']} ({row['kind']}; {row['extent']}; in force since {row['in_force']}; "
        f"legal review {row['counsel_review']}; {row['uri']})"
        for name, row in sorted(law["gateways"].items())
    ]


def in_order(reasons: tuple[Reason, ...]) -> list[Reason]:
    """Reasons with prohibitions first, then the agreement, down to the person's choices."""
    return sorted(reasons, key=lambda reason: (_rank(reason.code), reason.code))


def _rank(code: str) -> int:
    return next((place for place, prefix in enumerate(_ORDER) if code.startswith(prefix)), len(_ORDER))


def _effect(effect: str, transform: str) -> str:
    match effect:
        case "release":
            return "released as it is"
        case "transform":
            return f"released as {transform}, never as the value itself"
        case _:
            return "not released"


def _because(reason: Reason) -> str:
    return f"{reason.sentence} [{reason.statute}; {reason.code}]"
