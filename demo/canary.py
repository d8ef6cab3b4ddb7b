"""Unmistakable people: identifiers and values that stand in no other place, to be searched for
everywhere else.
"""

from __future__ import annotations

import datetime
from dataclasses import dataclass
from typing import Final

from demo.population import Home, Person

_NAMES: Final = (
    ("Zephyrquill", "Wobblethwaite", "f"),
    ("Quaxolotl", "Vexillumbury", "m"),
    ("Juxtaposia", "Knobblestoke", "f"),
    ("Fjordwyck", "Glimmerzant", "m"),
)
CANARY_NOTES: Final = tuple(f"canary note {word}" for word in ("ultramarine", "vermilion", "chartreuse", "heliotrope"))


@dataclass(frozen=True, slots=True)
class Canary:
    """One planted value. kind: forename, surname, date_of_birth, postcode, address, nhs_number,
    local_id, note.
    """

    agency: str
    kind: str
    value: str
    person: int


def make_canaries(first_number: int) -> list[Person]:
    """Four people of damp homes in arrears, born before anyone else here; respiratory, all on every
    register.
    """
    return [
        Person(
            number=first_number + at,
            forename=forename,
            middle="",
            surname=surname,
            born=datetime.date(1909 + at, 10, 17 + at),
            sex=sex,
            home=Home(f"{7701 + at} Canarybird Viaduct", f"QX9{at} 9Q{'ABDE'[at]}", True, True, 2, 900 + at),
            nhs_number=("9999999115", "9999999220", "9999999336", "9999999441")[at],
            diagnoses=("R10",),
            mental_health=True,
            income=30_123,
            canary=True,
        )
        for at, (forename, surname, sex) in enumerate(_NAMES)
    ]
