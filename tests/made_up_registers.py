"""Two made-up registers of one town, with errors, and files of them: for tests of the engine and of trials."""

from __future__ import annotations

import csv
import random
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from exchange_node.records.column_map import KINDS
from exchange_node.records.columns import Column
from tests.made_up_people import FORENAMES, SURNAMES, word

FIELDS = ("forename", "surname", "date_of_birth", "sex", "postcode", "address_line")
Person = dict[str, str]
_NAMES = random.Random(1)
STREETS = [f"{word(_NAMES, 4, 8)} {kind}" for kind in ("street", "road", "lane") for _ in range(60)]


@dataclass(frozen=True)
class Registers:
    """`left` and `right`, a person a row, and who each one is: equal numbers are one person."""

    left: list[Person]
    right: list[Person]
    who_left: list[int]
    who_right: list[int]

    def true_pairs(self) -> set[tuple[int, int]]:
        """The rows of one person."""
        places = {who: row for row, who in enumerate(self.who_right)}
        return {(row, places[who]) for row, who in enumerate(self.who_left) if who in places}


def person(rng: random.Random) -> Person:
    return {
        "forename": rng.choice(FORENAMES),
        "surname": rng.choice(SURNAMES),
        "date_of_birth": f"{rng.randint(1930, 2015)}-{rng.randint(1, 12):02}-{rng.randint(1, 28):02}",
        "sex": rng.choice("fm"),
        "postcode": f"{rng.choice('ABLS')}{rng.choice('ABLS')}{rng.randint(1, 19)} {rng.randint(1, 9)}"
        f"{rng.choice('ABDEFG')}{rng.choice('HJLNPQ')}",
        "address_line": f"{rng.randint(1, 150)} {rng.choice(STREETS)}",
    }


def written_again(one: Person, rng: random.Random, rate: float) -> Person:
    """The same person in another register: each field wrong or missing at about `rate`, and moved house at twice it."""
    made = dict(one)
    if rng.random() < 2 * rate:
        made |= {name: value for name, value in person(rng).items() if name in ("postcode", "address_line")}
    for name in ("forename", "surname", "address_line"):
        if rng.random() < rate and len(made[name]) > 1:
            at = rng.randrange(1, len(made[name]))
            made[name] = made[name][:at] + rng.choice("aeiou") + made[name][at + 1 :]
    if rng.random() < rate:
        made["date_of_birth"] = made["date_of_birth"][:-1] + str(rng.randint(1, 8))
    return {name: "" if rng.random() < rate / 3 else value for name, value in made.items()}


def registers(left: int, right: int, shared: int, *, seed: int = 1, rate: float = 0.08) -> Registers:
    """So many rows on each side, of whom `shared` are people that both have, in no order."""
    rng = random.Random(seed)
    people = [person(rng) for _ in range(left + right - shared)]
    ours = list(range(left))
    theirs = [*range(shared), *range(left, len(people))]
    rng.shuffle(ours)
    rng.shuffle(theirs)
    return Registers(
        [people[who] for who in ours], [written_again(people[who], rng, rate) for who in theirs], ours, theirs
    )


def columns_of(people: Sequence[Person], fields: Sequence[str] = FIELDS) -> dict[str, Column]:
    """As the engine reads them."""
    return {name: Column.of(name, KINDS[name], [one[name] for one in people]) for name in fields}


def write_csv(path: Path, people: Sequence[Mapping[str, str]], fields: Sequence[str] = FIELDS) -> Path:
    """A file with a header."""
    with open(path, "w", newline="", encoding="utf-8") as stream:
        writer = csv.DictWriter(stream, fields, extrasaction="ignore")
        writer.writeheader()
        writer.writerows(people)
    return path


@dataclass(frozen=True)
class Town:
    """Any number of registers, a person a row, and who each one is; `family` of each person by their number."""

    registers: list[list[Person]]
    who: list[list[int]]
    family: list[int]


def town_of(people: int, parties: int, *, seed: int = 1, holds: float = 0.6, twice: float = 0.0, rate: float = 0.08,
            families: bool = False) -> Town:  # fmt: skip
    """Registers that each hold a part of the same people, and some of those twice, in no order.

    `families`: people live in households of up to five who share surname and address, and every fourth household has
    twins, who share their date of birth, and mostly their sex, too.
    """
    rng = random.Random(seed)
    everyone: list[Person] = []
    family: list[int] = []
    while len(everyone) < people:
        members = [person(rng)]
        if families:
            first = members[0]
            shared = {name: first[name] for name in ("surname", "postcode", "address_line")}
            members += [{**person(rng), **shared} for _ in range(rng.randint(0, 3))]
            if rng.random() < 0.25:
                sex = members[-1]["sex"] if rng.random() < 0.7 else rng.choice("fm")
                members.append({**person(rng), **shared, "date_of_birth": members[-1]["date_of_birth"], "sex": sex})
        members = [
            one for at, one in enumerate(members) if one["forename"] not in {o["forename"] for o in members[:at]}
        ]
        family += [(family[-1] if family else 0) + 1] * len(members)
        everyone += members
    sides, who = [], []
    for _ in range(parties):
        held = [at for at in range(len(everyone)) if rng.random() < holds]
        held += [at for at in held if rng.random() < twice]
        rng.shuffle(held)
        sides.append([written_again(everyone[at], rng, rate) for at in held])
        who.append(held)
    return Town(sides, who, family)
