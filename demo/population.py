"""One invented population: households, people, twins, moves, new surnames, and what agencies would know
of them.
"""

from __future__ import annotations

import datetime
import random
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from operator import itemgetter
from typing import Final, TypeVar

from demo import names

TODAY: Final = datetime.date(2026, 6, 1)
# An invented list of diagnoses; the first four are respiratory.
RESPIRATORY: Final = ("R10", "R21", "R22", "R35")
OTHER_DIAGNOSES: Final = ("C12", "D40", "H07", "K31", "M15", "M62", "S08")
_DAMP_HOMES: Final = 0.22
_TENANCIES: Final = 0.62
_ARREARS: Final = 0.16
_MOVED: Final = 0.18

T = TypeVar("T")


class Dice:
    """Chance under a seed; draws only what every version of Python draws alike."""

    def __init__(self, *seed: int) -> None:
        self._random = random.Random("/".join(map(str, seed))).random

    def chance(self, probability: float) -> bool:
        return self._random() < probability

    def pick(self, items: Sequence[T]) -> T:
        return items[int(self._random() * len(items))]

    def between(self, low: int, high: int) -> int:
        """A whole number from low to high, both included."""
        return low + int(self._random() * (high - low + 1))

    def shuffled(self, items: Iterable[T]) -> list[T]:
        """The items in another order."""
        return [item for _, item in sorted(((self._random(), item) for item in items), key=itemgetter(0))]


@dataclass(frozen=True, slots=True)
class Home:
    """An address, and what the landlord knows of it."""

    line: str
    postcode: str
    tenancy: bool = False
    damp: bool = False
    bedrooms: int = 2
    arrears_pounds: int = 0


@dataclass(frozen=True, slots=True)
class Person:
    """One invented person as they are; what registers hold of them differs."""

    number: int
    forename: str
    middle: str
    surname: str
    born: datetime.date
    sex: str
    home: Home
    nhs_number: str
    former_surname: str = ""
    former_home: Home | None = None
    diagnoses: tuple[str, ...] = ()
    mental_health: bool = False
    died: datetime.date | None = None
    protected_address: bool = False
    income: int = 0
    canary: bool = field(default=False)

    @property
    def adult(self) -> bool:
        return TODAY.year - self.born.year - ((TODAY.month, TODAY.day) < (self.born.month, self.born.day)) >= 18


def make_people(seed: int, count: int) -> list[Person]:
    """`count` people in households, numbered from 0."""
    dice = Dice(seed, 0)
    nhs_numbers = _nhs_numbers(count)
    # Few names are common and many are rare: the one at place r comes 300 / (r + 6) times.
    surnames = [name for at, name in enumerate(names.SURNAMES) for _ in range(max(1, 300 // (at + 6)))]
    postcodes = _postcodes(dice, max(20, count // 28))
    people: list[Person] = []
    while len(people) < count:
        home = _home(dice, postcodes)
        former = _home(dice, postcodes) if dice.chance(_MOVED) else None
        for born, sex, surname, forename in _household(dice, surnames):
            if len(people) < count:
                number = len(people)
                people.append(_person(dice, number, forename, surname, born, sex, home, former, nhs_numbers[number]))
    return people


def _household(dice: Dice, surnames: Sequence[str]) -> list[tuple[datetime.date, str, str, str]]:
    """(born, sex, surname, forename) of those who live together."""
    family = dice.pick(surnames)
    if dice.chance(0.05):
        family = f"{family}-{dice.pick(surnames)}"
    first_age = dice.between(18, 92)
    first = (_born(dice, first_age), *_name(dice, dice.pick("fm"), family))
    members = [first]
    if dice.chance(0.58):
        sex = "m" if first[1] == "f" else "f"
        surname = family if dice.chance(0.75) else dice.pick(surnames)
        members.append((_born(dice, max(18, first_age + dice.between(-6, 6))), *_name(dice, sex, surname)))
    if 20 <= first_age <= 58:
        for _ in range(dice.pick((0, 1, 1, 2, 2, 3))):
            born = _born(dice, dice.between(0, min(first_age - 18, 24)))
            sex, surname, forename = _name(dice, dice.pick("fm"), family)
            if dice.chance(0.03) and sex == first[1]:
                forename = first[3]  # named after a parent
            members.append((born, sex, surname, forename))
            if dice.chance(0.03):
                members.append((born, *_name(dice, sex if dice.chance(0.6) else dice.pick("fm"), family)))
    return members


def _person(
    dice: Dice,
    number: int,
    forename: str,
    surname: str,
    born: datetime.date,
    sex: str,
    home: Home,
    former_home: Home | None,
    nhs_number: str,
) -> Person:
    respiratory = dice.chance(0.34 if home.damp else 0.11)
    diagnoses = [dice.pick(RESPIRATORY)] if respiratory else []
    if dice.chance(0.3):
        diagnoses.append(dice.pick(OTHER_DIAGNOSES))
    age = TODAY.year - born.year
    died = None
    if age > 60 and dice.chance(0.03):
        died = TODAY - datetime.timedelta(days=dice.between(20, 900))
    married = sex == "f" and age > 22 and dice.chance(0.1)
    return Person(
        number=number,
        forename=forename,
        middle=_name(dice, sex, "")[2] if dice.chance(0.7) else "",
        surname=surname,
        born=born,
        sex=sex,
        home=home,
        nhs_number=nhs_number,
        former_surname=dice.pick(names.SURNAMES) if married else "",
        former_home=former_home,
        diagnoses=tuple(diagnoses),
        mental_health=dice.chance(0.3 if home.arrears_pounds else 0.08),
        died=died,
        protected_address=dice.chance(0.005),
        income=dice.between(4_000, 70_000) if age >= 16 else 0,
    )


def _name(dice: Dice, sex: str, surname: str) -> tuple[str, str, str]:
    return sex, surname, dice.pick(names.FEMALE if sex == "f" else names.MALE)


def _born(dice: Dice, age: int) -> datetime.date:
    return TODAY - datetime.timedelta(days=age * 365 + dice.between(0, 364))


def _home(dice: Dice, postcodes: Sequence[tuple[str, str]]) -> Home:
    street, postcode = dice.pick(postcodes)
    number = dice.between(1, 60)
    line = f"Flat {dice.between(1, 12)}, {number} {street}" if dice.chance(0.2) else f"{number} {street}"
    tenancy = dice.chance(_TENANCIES)
    return Home(
        line=line,
        postcode=postcode,
        tenancy=tenancy,
        damp=tenancy and dice.chance(_DAMP_HOMES),
        bedrooms=dice.between(1, 4),
        arrears_pounds=dice.between(40, 3_500) if tenancy and dice.chance(_ARREARS) else 0,
    )


def _postcodes(dice: Dice, count: int) -> list[tuple[str, str]]:
    """(street, postcode) pairs; a postcode is part of one street."""
    letters = "ABDEFGHJLNPQRSTUWXYZ"
    found: dict[str, str] = {}
    while len(found) < count:
        area, unit = dice.pick(names.AREAS), dice.pick(letters) + dice.pick(letters)
        postcode = f"{area}{dice.between(1, 19)} {dice.between(1, 9)}{unit}"
        found[postcode] = f"{dice.pick(names.STREETS)} {dice.pick(names.KINDS)}"
    return [(street, postcode) for postcode, street in found.items()]


def _nhs_numbers(count: int) -> list[str]:
    """Valid check digits in the range beginning 999, which is never issued to a patient. It has some 909,000; people
    beyond those have none.
    """
    found: list[str] = []
    for at in range(1, 1_000_000):
        if len(found) == count:
            break
        digits = f"999{7 * at % 1_000_000:06d}"  # seven divides no power of ten, so each comes once
        check = 11 - sum(int(digit) * weight for digit, weight in zip(digits, range(10, 1, -1), strict=True)) % 11
        if check != 10:
            found.append(f"{digits}{check % 11}")
    return found + [""] * (count - len(found))
