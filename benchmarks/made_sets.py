"""Sets of invented people with a truth, a folder each: the demo's population, as registers of many kinds hold it.

a.csv and b.csv (a.csv alone where duplicates are to be found), with the column `entity_id` as the truth.
"""

from __future__ import annotations

import csv
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from demo.damage import Seen, seen
from demo.population import Dice, Person, make_people

ALL = ("forename", "middle_names", "surname", "date_of_birth", "sex", "address", "postcode")


@dataclass(frozen=True, slots=True)
class Kind:
    """`error` scales every mistake, see demo/damage.py; `shared` is the part of the smaller side that both hold;
    `twice` the part of a side that it holds two times.
    """

    error: float
    left: int = 5_000
    right: int = 5_000
    shared: float = 0.7
    twice: float = 0.01
    columns: tuple[str, ...] = ALL

    def scaled(self, by: float) -> Kind:
        """As many times as large."""
        sizes = round(self.left * by), round(self.right * by)
        return Kind(self.error, *sizes, self.shared, self.twice, self.columns)


NO_PLACE = tuple(name for name in ALL if name not in ("address", "postcode"))
NO_DATE = tuple(name for name in ALL if name != "date_of_birth")
KINDS = {
    "clean": Kind(0.4),
    "middling": Kind(1.5),
    "bad": Kind(4.0),
    "no-date": Kind(1.5, columns=NO_DATE),
    "no-place": Kind(1.5, columns=NO_PLACE),
    "few-shared": Kind(1.5, shared=0.1),
    "nested": Kind(0.8, shared=0.98),
    "cohort": Kind(1.5, left=1_000, right=10_000),
    "duplicates": Kind(1.5, right=0, twice=0.3),
}


def write(name: str, kind: Kind, folder: Path, seed: int) -> None:
    """The set's folder and files."""
    (folder / name).mkdir(parents=True, exist_ok=True)
    dice = Dice(seed, 7)
    shared = round(min(kind.left, kind.right) * kind.shared)
    people = dice.shuffled(make_people(seed, kind.left + kind.right - shared))
    _register(folder / name / "a.csv", people[: kind.left], kind, dice, "{0:%Y-%m-%d}")
    if kind.right:
        _register(folder / name / "b.csv", people[kind.left - shared :], kind, dice, "{0:%d/%m/%Y}")


SEVERAL = {"clean": 0.4, "middling": 1.5, "bad": 4.0}
"""Kinds of sets of several parties, and how their errors are scaled."""
FORMATS = ("{0:%Y-%m-%d}", "{0:%d/%m/%Y}", "{0:%Y%m%d}", "{0:%d-%m-%Y}", "{0:%d.%m.%Y}")


def write_several(folder: Path, error: float, people: int, parties: int, seed: int) -> list[Path]:
    """Files of parties that each hold some 45 in 100 of the same people, and one in twenty of those twice."""
    folder.mkdir(parents=True, exist_ok=True)
    dice = Dice(seed, 9)
    everyone = make_people(seed, people)
    kind = Kind(error, twice=0.05)
    files = [folder / f"{letter}.csv" for letter in "abcdefgh"[:parties]]
    for number, file in enumerate(files):
        held = [person for person in everyone if dice.chance(0.45)]
        _register(file, held, kind, dice, FORMATS[number % len(FORMATS)])
    return files


def _register(file: Path, people: Sequence[Person], kind: Kind, dice: Dice, date: str) -> None:
    """Every person once, and some of them twice, as if they had come twice."""
    rows = [(person, seen(person, dice, kind.error)) for person in people]
    twice = [person for person in people if dice.chance(kind.twice)]
    rows += [(person, seen(person, dice, kind.error)) for person in twice]
    with file.open("w", newline="", encoding="utf-8") as out:
        writer = csv.writer(out)
        writer.writerow([*kind.columns, "entity_id"])
        for person, view in dice.shuffled(rows):
            values = _values(view, date)
            writer.writerow([*(values[column] for column in kind.columns), person.number])


def _values(view: Seen, date: str) -> dict[str, str]:
    return {
        "forename": view.forename,
        "middle_names": view.middle,
        "surname": view.surname,
        "date_of_birth": date.format(view.born) if view.born else "",
        "sex": view.sex,
        "address": view.line,
        "postcode": view.postcode,
    }
