"""One invented population known to five agencies, with the truth of who is who. Nobody in it exists.

    world = make_world(seed=1)
    world.write(Path("build/demo/people"))      # records.csv, choices.csv, records.toml by agency;
    truth.csv beside

The same seed gives the same world. Every agency's register depends on the seed and the agency alone.
"""

from __future__ import annotations

import csv
import sys
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from demo.canary import CANARY_NOTES, Canary, make_canaries
from demo.choices import Choice, Withdrawal, early_help_answers, make_choices, pick_withdrawal
from demo.damage import Seen, seen
from demo.population import Dice, Person, make_people
from demo.registers import AGENCIES, NOTE_COLUMNS, Agency, Row

__all__ = ["ORGANISATIONS", "Canary", "Choice", "Withdrawal", "World", "make_world"]

ORGANISATIONS: Final = tuple(AGENCIES)


@dataclass(frozen=True, slots=True)
class World:
    """People, registers and choices.

    `truth` is (agency, local id, person's number). `withdrawal` is None only where too few people make anyone fit.
    """

    people: Sequence[Person]
    registers: Mapping[str, Sequence[Row]]
    truth: Sequence[tuple[str, str, int]]
    canaries: Sequence[Canary]
    all_choices: Mapping[str, Sequence[Choice]]
    withdrawal: Withdrawal | None

    def register(self, agency: str) -> list[dict[str, str]]:
        """The rows of one agency's register, under its own column names."""
        return [dict(row) for row in self.registers[agency]]

    def choices(self, agency: str) -> list[dict[str, str]]:
        """What people chose at one agency, as `exchange choice import` takes it."""
        return [choice.row() for choice in self.all_choices[agency]]

    def mapping(self, agency: str) -> str:
        """The [records] table of the agency's configuration, as TOML."""
        return AGENCIES[agency].records

    def true_pairs(self, first: str, second: str, cohort: Iterable[str] | None = None) -> set[tuple[str, str]]:
        """(local id, local id) of everyone on both registers; of `cohort` at the first alone, if given."""
        wanted = None if cohort is None else set(cohort)
        there = {person: local_id for agency, local_id, person in self.truth if agency == second}
        return {
            (local_id, there[person])
            for agency, local_id, person in self.truth
            if agency == first and person in there and (wanted is None or local_id in wanted)
        }

    def write(self, directory: Path, agencies: Iterable[str] = ORGANISATIONS) -> None:
        """Each agency's files in a folder of its name; truth.csv in `directory` itself, outside of all
        of them.
        """
        directory.mkdir(parents=True, exist_ok=True)
        agencies = list(agencies)
        for org in agencies:
            home, agency = directory / org, AGENCIES[org]
            home.mkdir(exist_ok=True)
            _write(home / "records.csv", self.registers[org], agency.encoding, agency.delimiter)
            _write(home / "choices.csv", self.choices(org))
            (home / "records.toml").write_text(agency.records, encoding="utf-8")
        truth = [dict(zip(("agency", "local_id", "person"), map(str, row), strict=True)) for row in self.truth]
        _write(directory / "truth.csv", [row for row in truth if row["agency"] in agencies])


def make_world(seed: int, people: int = 6000, *, canaries: bool = False) -> World:
    """A world of `people` invented people, and four unmistakable ones more with `canaries`."""
    population = make_people(seed, people)
    if canaries:
        population += make_canaries(len(population))
    registers: dict[str, list[Row]] = {}
    views: dict[str, dict[int, Seen]] = {}
    ids: dict[str, dict[int, str]] = {}
    planted: list[Canary] = []
    for at, agency in enumerate(AGENCIES.values(), start=1):
        dice = Dice(seed, at)
        views[agency.org], ids[agency.org], registers[agency.org] = _register(agency, population, dice, people)
        planted += [
            found
            for person in population
            if person.canary
            for found in _planted(agency.org, person, ids[agency.org][person.number])
        ]
    answers = early_help_answers(population, Dice(seed, 50))
    choices = {
        org: make_choices(org, population, ids, Dice(seed, 100 + at), answers) for at, org in enumerate(AGENCIES)
    }
    truth = [(org, local_id, number) for org, known in ids.items() for number, local_id in known.items()]
    withdrawal = pick_withdrawal(population, ids, views, choices)
    return World(population, registers, sorted(truth), planted, choices, withdrawal)


def _register(
    agency: Agency, population: Sequence[Person], dice: Dice, people: int
) -> tuple[dict[int, Seen], dict[int, str], list[Row]]:
    """What the agency sees of its people, their local ids, and the rows in an order that says nothing."""
    members = [person for person in population if person.canary or agency.member(person, dice)]
    serials = dice.shuffled(range(1, 10 * (people + 10)))
    ids = {person.number: agency.id_form.format(serials[person.number]) for person in members}
    views = {person.number: seen(person, dice, 0 if person.canary else agency.error) for person in members}
    rows = [
        {agency.id_column: ids[person.number], **agency.row(person, views[person.number], dice)} for person in members
    ]
    for person, row in zip(members, rows, strict=True):
        if person.canary:
            row[NOTE_COLUMNS[agency.org]] = CANARY_NOTES[person.number % len(CANARY_NOTES)]
    return views, ids, dice.shuffled(rows)


def _planted(org: str, person: Person, local_id: str) -> list[Canary]:
    """What of an unmistakable person stands in one agency's file; dates in ISO and in the forms that
    files have.
    """
    number = person.nhs_number
    values = {
        "forename": [person.forename],
        "surname": [person.surname],
        "date_of_birth": [person.born.strftime(form) for form in ("%Y-%m-%d", "%d/%m/%Y", "%d-%b-%Y", "%Y%m%d")],
        "postcode": [person.home.postcode, person.home.postcode.replace(" ", "")],
        "address": [person.home.line],
        "nhs_number": [number, f"{number[:3]} {number[3:6]} {number[6:]}"],
        "local_id": [local_id],
        "note": [CANARY_NOTES[person.number % len(CANARY_NOTES)]],
    }
    return [Canary(org, kind, value, person.number) for kind, found in values.items() for value in found]


def _write(path: Path, rows: Sequence[Mapping[str, str]], encoding: str = "utf-8", delimiter: str = ",") -> None:
    # A letter that the agency's encoding lacks becomes "?", as it does in real exports.
    with path.open("w", encoding=encoding, errors="replace", newline="") as stream:
        writer = csv.DictWriter(stream, list(rows[0]) if rows else [], delimiter=delimiter)
        writer.writeheader()
        writer.writerows(rows)


def main(arguments: Sequence[str]) -> int:
    """people.py SEED DIRECTORY [PEOPLE]"""
    seed, directory = int(arguments[0]), Path(arguments[1])
    make_world(seed, *(int(count) for count in arguments[2:3])).write(directory)
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
