"""Linked people and decisions become rows of a release (PROTOCOL step 8). Pure; everything not plainly
allowed is out.

An attribute is released only if the decision for the person's class says so *and* says so for the transform
that the agreed column has. Anything else, a missing or unknown answer included, is a deny.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field

from exchange_node.release.columns import Column, Value, check_columns
from exchange_node.release.errors import ReleaseError
from exchange_node.release.layout import Row
from exchange_node.release.transforms import EXACT, Raw, minimise

# Reasons of our own, beside those of the policy.
NO_DECISION = "release.no-decision"  # no answer about this class and attribute, or none that we know
DENIED = "release.denied"  # a deny whose reasons stand at the decision as a whole
OTHER_TRANSFORM = "release.other-transform"  # the policy allows it in another form than the agreed column's
NO_VALUE = "release.no-value"  # the source holds nothing under this attribute
OUTSIDE_DOMAIN = "release.outside-domain"  # the source's value is not of the sort that the transform takes


@dataclass(frozen=True, slots=True)
class Effect:
    """The policy's answer for one class and attribute: effect `release` (as it is), `transform` or `deny`."""

    effect: str
    transform: str | None = None
    reasons: tuple[str, ...] = ()


@dataclass(slots=True)
class Counts:
    """What was and was not released. For the provider's own log alone: it never leaves the node.

    `denied` counts pairs of person and attribute; `reasons` counts them by (attribute, reason code), a pair
    once under each of its reasons.
    """

    people: int = 0
    rows: int = 0
    released: int = 0
    denied: int = 0
    reasons: Counter[tuple[str, str]] = field(default_factory=Counter)

    def by_code(self) -> dict[str, int]:
        """Reasons over all attributes, in the order of their codes."""
        codes: Counter[str] = Counter()
        for (_, code), number in self.reasons.items():
            codes[code] += number
        return dict(sorted(codes.items()))


@dataclass(frozen=True, slots=True)
class Person:
    """One linked person. `raw` holds the source's values by attribute; the repr shows none of it."""

    link_id: bytes = field(repr=False)
    class_key: str
    raw: Mapping[str, Raw] = field(repr=False)


def build(
    people: Iterable[Person],
    decisions: Mapping[str, Mapping[str, Effect]],
    columns: Sequence[Column],
    counts: Counts,
) -> Iterator[Row]:
    """Rows of those who have a value left, in the order of `people`, one person at a time (`pack_stream`
    sorts).

    `decisions`: class key -> attribute -> effect. `counts` is filled on the way and whole when the iterator
    has ended. Raises ReleaseError `bad-column`; a person's faults never raise, they deny.
    """
    columns = check_columns(columns)
    plans: dict[str, list[tuple[Column, tuple[str, ...]]]] = {}
    for person in people:
        plan = plans.get(person.class_key)
        if plan is None:
            effects = decisions.get(person.class_key, {})
            plan = [(column, _denials(column, effects.get(column.name))) for column in columns]
            plans[person.class_key] = plan
        counts.people += 1
        values: dict[str, Value] = {}
        for column, denials in plan:
            denials = denials or _cell(column, person.raw, values)
            if denials:
                counts.denied += 1
                counts.reasons.update((column.name, code) for code in set(denials))
        counts.released += len(values)
        if values:
            counts.rows += 1
            yield Row(person.link_id, values)


def _denials(column: Column, effect: Effect | None) -> tuple[str, ...]:
    """Why the decision does not allow this column; empty if it does."""
    match effect:
        case Effect("release", None | "exact", _) if column.transform == EXACT:
            return ()
        case Effect("transform", str(name), _) if name == column.transform and name != EXACT:
            return ()
        case Effect("deny", _, reasons):
            return reasons or (DENIED,)
        case Effect("release" | "transform", _, _):
            return (OTHER_TRANSFORM,)
    return (NO_DECISION,)


def _cell(column: Column, raw: Mapping[str, Raw], values: dict[str, Value]) -> tuple[str, ...]:
    """Puts the minimised value among `values`, or says why there is none."""
    if column.name not in raw:  # the source was not asked or did not answer: not the same as holding nothing
        return (NO_VALUE,)
    value = raw[column.name]
    try:
        values[column.name] = minimise(column, value)
    except ReleaseError as error:
        if error.code != OUTSIDE_DOMAIN:
            raise
        return (NO_VALUE if value is None or value == "" else OUTSIDE_DOMAIN,)
    return ()
