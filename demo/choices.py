"""What the invented people chose: consents, objections, opt-outs, restrictions, as each agency recorded
them.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Final

from demo.damage import Seen, seen
from demo.population import Dice, Person

DAMP: Final = "damp-repair-prioritisation"
EARLY_HELP: Final = "early-help-referral"
HARDSHIP: Final = "council-tax-hardship"
_FROM, _TO, _EXPIRED = "2026-02-01", "2027-12-31", "2026-03-31"
_RARE: Final = {"objection": 0.01, "opt-out": 0.03, "restriction": 0.01}

Ids = Mapping[str, Mapping[int, str]]


@dataclass(frozen=True, slots=True)
class Choice:
    """One line of choices.csv; an empty scope or no purposes means all of them."""

    local_id: str
    kind: str
    scope: tuple[str, ...]
    purposes: tuple[str, ...]
    valid_from: str
    valid_to: str
    ref: str

    def row(self) -> dict[str, str]:
        """Columns as `exchange choice import` reads them."""
        return {
            "local_id": self.local_id,
            "kind": self.kind,
            "scope": ";".join(self.scope),
            "purposes": ";".join(self.purposes),
            "valid_from": self.valid_from,
            "valid_to": self.valid_to,
            "ref": self.ref,
        }


@dataclass(frozen=True, slots=True)
class Withdrawal:
    """Someone in the early-help cohort whose data would be released, and whose consent can be withdrawn
    meanwhile.
    """

    agency: str
    local_id: str
    ref: str
    requester: str
    requester_local_id: str
    person: int


def make_choices(
    org: str, population: Sequence[Person], ids: Ids, dice: Dice, answers: Mapping[int, str]
) -> list[Choice]:
    """The choices recorded at one agency, in the order of the people's numbers."""
    found: list[Choice] = []
    known = ids[org]

    def add(person: Person, kind: str, scope: Sequence[str], purposes: Sequence[str], valid_to: str = "") -> None:
        ref = f"form-{org[:2]}-{len(found):05d}"
        found.append(Choice(known[person.number], kind, tuple(scope), tuple(purposes), _FROM, valid_to, ref))

    for person in population:
        if person.number not in known:
            continue
        if org == "castle-nhs" and (person.canary or dice.chance(0.85 if person.home.damp else 0.05)):
            add(person, "consent", ["northgate-homes"], [DAMP], _EXPIRED if dice.chance(0.03) else _TO)
        if org in ("northgate-homes", "castle-nhs") and person.number in answers:
            for scope in ("northgate-homes", "castle-nhs"):
                if answers[person.number] in ("both", scope):
                    add(person, "consent", [scope], [EARLY_HELP], _TO)
        if org == "crown-revenue" and person.home.arrears_pounds and dice.chance(0.4):
            add(person, "consent", ["riverside-care"], [HARDSHIP], _TO)
        for kind, probability in _RARE.items():
            if dice.chance(probability) and not person.canary:
                add(person, kind, [], [])
        if person.canary and person.number % 4 == 1 and org == "castle-nhs":
            add(person, "restriction", [], [])
    return found


def early_help_answers(population: Sequence[Person], dice: Dice) -> dict[int, str]:
    """Of adults in arrears: "both", or the one agency they agreed to; whoever was not asked or said no
    is absent.
    """
    answers = {}
    for person in population:
        if person.adult and person.home.arrears_pounds and (dice.chance(0.8) or person.canary):
            answers[person.number] = "both" if dice.chance(0.88) else dice.pick(("northgate-homes", "castle-nhs"))
    return answers


def pick_withdrawal(
    population: Sequence[Person],
    ids: Ids,
    views: Mapping[str, Mapping[int, Seen]],
    choices: Mapping[str, Sequence[Choice]],
) -> Withdrawal | None:
    """The first person whom nothing but a withdrawal keeps from the result of early-help, and who links
    surely.
    """
    orgs = ("riverside-care", "northgate-homes", "castle-nhs")
    kinds = {org: _by_id(choices[org]) for org in orgs}
    for person in population:
        number = person.number
        if not _fits(person) or any(number not in ids[org] for org in orgs):
            continue
        if any(_who(views[org][number]) != _who(seen(person, Dice(0), 0)) for org in orgs):
            continue
        made = {org: kinds[org].get(ids[org][number], []) for org in orgs}
        if any(choice.kind != "consent" for found in made.values() for choice in found):
            continue
        given = [choice for choice in made["castle-nhs"] if choice.purposes == (EARLY_HELP,)]
        if len(given) == 2:
            mine = ids["castle-nhs"][number]
            return Withdrawal("castle-nhs", mine, given[-1].ref, orgs[0], ids[orgs[0]][number], number)
    return None


def _fits(person: Person) -> bool:
    hindered = person.canary or person.protected_address or person.died
    return person.adult and person.mental_health and person.home.arrears_pounds > 0 and not hindered


def _by_id(choices: Sequence[Choice]) -> dict[str, list[Choice]]:
    found: dict[str, list[Choice]] = {}
    for choice in choices:
        found.setdefault(choice.local_id, []).append(choice)
    return found


def _who(view: Seen) -> tuple[object, ...]:
    return view.forename, view.surname, view.born, view.sex, view.line, view.postcode
