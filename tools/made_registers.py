"""Two registers of invented households, damaged, of whom it is known who is who: what `weights.py` learns from."""

from __future__ import annotations

import unicodedata
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from unittest.mock import patch

import numpy as np

from demo import names
from demo.population import Dice, Person, make_people
from exchange_node.engine.damage import damaged
from exchange_node.records.column_map import KINDS
from exchange_node.records.columns import Column

ROWS, SHARED = 6000, 4200  # of each register, and people in both
MOVED = 0.1  # each time that a register is damaged


@dataclass(frozen=True)
class Registers:
    """Two of them; row i of the left one is person i, and row j of the right one person `first` + j."""

    left: Mapping[str, Column]
    right: Mapping[str, Column]
    first: int


def registers(seed: int, left_times: int, right_times: int, rows: int = ROWS, shared: int = SHARED) -> Registers:
    """Each side damaged so many times, one after the other."""
    dice, random = Dice(seed, 1), np.random.default_rng(seed)
    people = dice.shuffled(_people(seed, 2 * rows - shared, dice))
    first = rows - shared
    sides = []
    for start, times in ((0, left_times), (first, right_times)):
        texts = [_fields(person) for person in people[start : start + rows]]
        columns = {name: Column.of(name, KINDS[name], [text[name] for text in texts]) for name in texts[0]}
        for _ in range(times):
            columns, _ = damaged(columns, np.arange(rows), random, moved=MOVED)
        sides.append(columns)
    return Registers(sides[0], sides[1], first)


def _fields(person: Person) -> dict[str, str]:
    return {
        "forename": _plain(person.forename),
        "middle_names": _plain(person.middle),
        "surname": _plain(person.surname),
        "date_of_birth": person.born.isoformat(),
        "sex": person.sex,
        "postcode": person.home.postcode,
        "address_line": _plain(person.home.line),
    }


def _plain(text: str) -> str:
    spread = unicodedata.normalize("NFKD", text.casefold().replace("ł", "l"))
    return " ".join("".join(c if c.isalnum() else " " for c in spread if c.isascii()).split())


def _people(seed: int, count: int, dice: Dice) -> list[Person]:
    """The demo's households with more names, of which few are common and many rare, and more streets."""
    female, male = (tuple(_often(_chain(known, 500, dice))) for known in (names.FEMALE, names.MALE))
    surnames, streets = (tuple(_chain(*more, dice)) for more in ((names.SURNAMES, 4000), (names.STREETS, 400)))
    with patch.multiple(names, FEMALE=female, MALE=male, SURNAMES=surnames, STREETS=streets):
        return make_people(seed, count)


def _often(words: Sequence[str]) -> list[str]:
    """The one at place r comes 300 / (r + 8) times."""
    return [word for at, word in enumerate(words) for _ in range(max(1, 300 // (at + 8)))]


def _chain(words: Sequence[str], count: int, dice: Dice) -> list[str]:
    """These words, and new ones in which a letter follows two others as it does in them."""
    follows: dict[str, list[str]] = {}
    plain = [_plain(word).replace(" ", "") for word in words]
    for word in plain:
        marked = f"^^{word}$"
        for at in range(2, len(marked)):
            follows.setdefault(marked[at - 2 : at], []).append(marked[at])
    found = dict.fromkeys(plain)
    while len(found) < count:
        made = "^^"
        while len(made) < 14 and (letter := dice.pick(follows[made[-2:]])) != "$":
            made += letter
        if len(made) > 4:
            found[made[2:]] = None
    return list(found)
