"""What happens to a person's data on the way into a register: typos, nicknames, swaps, old addresses,
gaps.
"""

from __future__ import annotations

import datetime
from dataclasses import dataclass, replace
from typing import Final

from demo import names
from demo.population import Dice, Home, Person

_KEYBOARD: Final = ("qwertyuiop", "asdfghjkl", "zxcvbnm")
_NEIGHBOURS: Final = {
    key: (row[at - 1] if at else "") + row[at + 1 : at + 2] for row in _KEYBOARD for at, key in enumerate(row)
}


@dataclass(frozen=True, slots=True)
class Seen:
    """A person as one register holds them; "" and None are missing."""

    forename: str
    middle: str
    surname: str
    born: datetime.date | None
    sex: str
    line: str
    postcode: str
    nhs_number: str


def seen(person: Person, dice: Dice, error: float) -> Seen:
    """`error` scales how often anything is wrong: 0 never, 1 as in a register of middling quality."""

    def wrong(probability: float) -> bool:
        return dice.chance(probability * error)

    home: Home = person.home
    if person.former_home is not None and wrong(0.4):
        home = person.former_home
    surname = person.former_surname if person.former_surname and wrong(0.4) else person.surname
    view = Seen(
        forename=person.forename,
        middle=person.middle,
        surname=surname,
        born=person.born,
        sex=person.sex,
        line=home.line,
        postcode=home.postcode,
        nhs_number=person.nhs_number,
    )
    if person.forename in names.NICKNAMES and wrong(0.12):
        view = replace(view, forename=dice.pick(names.NICKNAMES[person.forename]))
    if wrong(0.02):
        view = replace(view, forename=typo(view.forename, dice))
    if wrong(0.025):
        view = replace(view, surname=typo(view.surname, dice))
    if "-" in view.surname and wrong(0.3):
        view = replace(view, surname=view.surname.split("-")[dice.between(0, 1)])
    if wrong(0.004):
        view = replace(view, forename=view.surname, surname=view.forename)
    if wrong(0.35):
        view = replace(view, middle=view.middle[:1] if dice.chance(0.5) else "")
    if wrong(0.03):
        view = replace(view, sex="")
    return _postcode(replace(view, born=_born(view.born, dice, error)), dice, error)


def _born(born: datetime.date | None, dice: Dice, error: float) -> datetime.date | None:
    if born is None or dice.chance(0.008 * error):
        return None
    if dice.chance(0.006 * error):
        return datetime.date(1900, 1, 1)
    if born.day <= 12 and dice.chance(0.02 * error):
        return born.replace(month=born.day, day=born.month)
    if dice.chance(0.01 * error):
        return born.replace(day=dice.between(1, 28))
    if dice.chance(0.006 * error):
        return born.replace(year=born.year - dice.pick((-1, 1, 10)), day=min(born.day, 28))
    return born


def _postcode(view: Seen, dice: Dice, error: float) -> Seen:
    if dice.chance(0.02 * error):
        return replace(view, postcode="")
    if dice.chance(0.003 * error):
        return replace(view, postcode="ZZ99 3VZ", line="")
    if dice.chance(0.03 * error):
        return replace(view, postcode=view.postcode.replace("1", "I").replace("0", "O"))
    if dice.chance(0.1 * error):
        return replace(view, postcode=view.postcode.replace(" ", "").lower())
    return view


def typo(text: str, dice: Dice) -> str:
    """One keystroke wrong: dropped, doubled, swapped with the next, or its neighbour on the keyboard."""
    at = dice.between(1, max(1, len(text) - 1))
    match dice.between(0, 3):
        case 0:
            return text[:at] + text[at + 1 :]
        case 1:
            return text[:at] + text[at - 1] + text[at:]
        case 2:
            return text[: at - 1] + text[at : at + 1] + text[at - 1] + text[at + 1 :]
        case _:
            near = _NEIGHBOURS.get(text[at : at + 1].lower(), "e")
            return text[:at] + dice.pick(near) + text[at + 1 :]
