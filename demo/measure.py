"""How good was an answer? The released rows against the truth, which only the maker of the invented people has."""

from __future__ import annotations

import datetime
from collections.abc import Callable, Collection, Iterable, Mapping
from dataclasses import dataclass

from demo.choices import Choice
from demo.people import World
from demo.population import Person

Row = Mapping[str, str]


@dataclass(frozen=True, slots=True)
class Rules:
    """What an agreement says about people, in as few words as the truth needs; an oracle beside the policy."""

    purpose: str
    scopes: frozenset[str]  # the person must have agreed to each at the provider
    opt_out: bool  # whether an opt-out keeps a person out
    excluded: Callable[[Person], bool]


@dataclass(frozen=True, slots=True)
class Quality:
    """Rows released, and what they should have been. `known` are truly on both registers, allowed or not."""

    cohort: int
    known: int
    allowed: int
    released: int
    right: int
    unexpected: int  # released rows of people about whom nothing should be

    @property
    def precision(self) -> float:
        """Share of the released rows that are right; 1 if there are none."""
        return self.right / self.released if self.released else 1.0

    @property
    def recall(self) -> float:
        """Share of those who may be released that are; 1 if there are none."""
        return self.right / self.allowed if self.allowed else 1.0

    def document(self) -> dict[str, float]:
        """For summary.json."""
        counts = {
            name: getattr(self, name) for name in ("cohort", "known", "allowed", "released", "right", "unexpected")
        }
        return counts | {"precision": round(self.precision, 4), "recall": round(self.recall, 4)}


def people_of(world: World, org: str) -> dict[str, Person]:
    """Everyone on a register as they truly are, by local id."""
    return {local_id: world.people[number] for agency, local_id, number in world.truth if agency == org}


def kept_out(choices: Iterable[Choice], rules: Rules) -> set[str]:
    """Local ids of those whom a choice of their own keeps out, whatever else they agreed to."""
    kinds = {"restriction", "objection"} | ({"opt-out"} if rules.opt_out else set())
    return {choice.local_id for choice in choices if choice.kind in kinds}


def agreed(choices: Iterable[Choice], rules: Rules, shift: datetime.timedelta, today: datetime.date) -> set[str]:
    """Local ids of those whose consent to every scope stands today; `shift` is what the written dates were moved by."""
    given: dict[str, set[str]] = {}
    for choice in choices:
        if choice.kind != "consent" or rules.purpose not in choice.purposes:
            continue
        begins, ends = (datetime.date.fromisoformat(day) + shift for day in (choice.valid_from, choice.valid_to))
        if begins <= today <= ends:
            given.setdefault(choice.local_id, set()).update(choice.scope)
    return {local_id for local_id, scopes in given.items() if scopes >= rules.scopes}


def allowed_pairs(
    world: World,
    requester: str,
    provider: str,
    cohort: Collection[str],
    rules: Rules,
    shift: datetime.timedelta,
    today: datetime.date,
) -> dict[str, str]:
    """Local id at the requester -> at the provider, of all whom the agreement lets be released."""
    people = people_of(world, provider)
    out = kept_out(world.all_choices[requester], rules)
    out_there = kept_out(world.all_choices[provider], rules)
    said_yes = agreed(world.all_choices[provider], rules, shift, today)
    return {
        ours: theirs
        for ours, theirs in world.true_pairs(requester, provider, cohort)
        if ours not in out and theirs not in out_there and theirs in said_yes and not rules.excluded(people[theirs])
    }


def quality(
    results: Mapping[str, Row],
    pairs: Mapping[str, str],
    known: int,
    expected: Mapping[str, Row],
) -> Quality:
    """Compare a table (own id -> released values, none if empty) with the truth.

    `pairs` are those that may be released; `expected` the values of each by their local id at the provider.
    """
    released = {own: row for own, row in results.items() if any(row.values())}
    right = [own for own, row in released.items() if own in pairs and dict(row) == dict(expected[pairs[own]])]
    return Quality(
        cohort=len(results),
        known=known,
        allowed=len(pairs),
        released=len(released),
        right=len(right),
        unexpected=len(released.keys() - pairs.keys()),
    )
