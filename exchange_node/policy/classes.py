"""Classes of facts: people whom no rule can tell apart look the same, and are decided once.

Dates of consents differ from person to person and would make a class of each, which costs a decision a person and
brings near-identifying dates into inputs. Rules compare a consent's times with the present and with withdrawals and do
nothing else with them, so only that order is kept.
"""

from __future__ import annotations

from bisect import bisect_left

from exchange_node.policy.decision import Consent, Facts


def class_of(facts: Facts, now: int) -> Facts:
    """The class that these facts belong to at `now`: the same decision, with no date of its own.

    Zero stays zero ("not withdrawn"). Other times become `now` plus or minus a small place in the order of withdrawals.
    """
    anchors = sorted({consent.withdrawn_at for consent in facts.consents if consent.withdrawn_at} | {now})

    def place(time: int) -> int:
        index = bisect_left(anchors, time)
        return 2 * index if index < len(anchors) and anchors[index] == time else 2 * index - 1

    def moved(time: int) -> int:
        return time and now + place(time) - place(now)

    consents = {
        Consent(
            scope=consent.scope,
            purposes=tuple(sorted(set(consent.purposes))),
            from_=moved(consent.from_),
            to=now + 1 if consent.to > now else 0,
            withdrawn_at=moved(consent.withdrawn_at),
        )
        for consent in facts.consents
    }
    ordered = sorted(consents, key=lambda it: (it.scope, it.purposes, it.from_, it.to, it.withdrawn_at))
    return Facts(
        facts.age_band,
        facts.at_risk,
        facts.deceased,
        tuple(ordered),
        facts.objection,
        facts.opt_out,
        facts.restriction,
        tuple(sorted(set(facts.flags))),
    )
