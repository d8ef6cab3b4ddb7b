"""Made-up registers with the columns of many systems, to try what is guessed of them."""

from __future__ import annotations

import csv
import datetime
import random
import uuid
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path


def _words(text: str, between: str = " ") -> list[str]:
    return text.split(between)


FORENAMES = _words("John Mary David Sarah Ahmed Emma Oliver Grace Peter Anna Karl Marie Juan Lucy Ian Helen Mark Zara")
SURNAMES = _words("Smith Jones Patel Taylor Khan Brown Evans Wood Hall Green Clarke Muller Garcia Dubois Novak Okafor")
STREETS = _words("High Street,Station Road,Park Lane,Church Road,Mill Lane,Victoria Avenue,The Green,Queens Drive", ",")
TOWNS = _words("Leeds,York,Bath,Hull,Truro,Derby,Wigan,Poole,Luton,Ripon", ",")
STATES = ["nsw", "vic", "qld", "wa"]
JOBS = _words("nurse,baker,teacher,driver,clerk,engineer,painter,farmer,cook,lawyer,porter,welder,tailor,potter", ",")

Person = Mapping[str, str]


def people(count: int, seed: int) -> list[Person]:
    rng = random.Random(seed)
    return [_person(rng, at) for at in range(count)]


def _person(rng: random.Random, at: int) -> Person:
    sex = rng.choice("FM")
    born = datetime.date(1930, 1, 1) + datetime.timedelta(days=rng.randrange(29000))
    forename, surname = rng.choice(FORENAMES), rng.choice(SURNAMES) + rng.choice(("", "", "son", "ham", "by"))
    number, street = str(rng.randint(1, 180)), rng.choice(STREETS)
    digits = [rng.randrange(10) for _ in range(9)]
    check = -sum(digit * weight for digit, weight in zip(digits, range(10, 1, -1), strict=True)) % 11
    ssn = f"{rng.randint(100, 899)}-{rng.randint(10, 99)}-{rng.randint(1000, 9999)}"
    found = {
        "forename": forename,
        "surname": surname,
        "middle": rng.choice(("", "A", "James", "Rose")),
        "whole": f"{forename} {surname}",
        "reversed": f"{surname.upper()}, {forename}",
        "dob": f"{born:%d/%m/%Y}",
        "us-dob": f"{born:%m/%d/%Y}",
        "iso": born.isoformat(),
        "packed": f"{born:%Y%m%d}",
        "day": str(born.day),
        "month": str(born.month),
        "year": str(born.year),
        "age": str(2026 - born.year),
        "sex": sex,
        "word-sex": {"F": "Female", "M": "Male"}[sex],
        "postcode": f"{rng.choice(('LS', 'YO', 'B', 'HU'))}{rng.randint(1, 30)} {rng.randint(1, 9)}"
        f"{rng.choice('ABDEFGH')}{rng.choice('JLNPQ')}",
        "zip": f"{rng.randint(10000, 99999)}",
        "number": number,
        "street": street,
        "address": f"{number} {street}",
        "one-line": f"{number} {street}, Leeds, LS{rng.randint(1, 29)} 4AB",
        "flat": rng.choice(("", "2", "3b")),
        "village": rng.choice(("", "Westholme", "The Pines")),
        "town": rng.choice(TOWNS),
        "state": rng.choice(STATES),
        "phone": f"07700 9{rng.randint(10000, 99999)}",
        "email": f"{forename}.{surname}{rng.randint(1, 999)}@example.org".lower(),
        "nhs": "".join(map(str, digits)) + str(check) if check < 10 else "",
        "ni": f"{rng.choice(('AB', 'JK', 'PW'))}{rng.randint(100000, 999999)}{rng.choice('ABCD')}",
        "ssn": ssn,
        "job": rng.choice(JOBS),
        "row": f"r-{at:05d}",
        "uuid": str(uuid.UUID(int=rng.getrandbits(128))),
        "seen": f"{datetime.date(2020, 1, 1) + datetime.timedelta(days=rng.randrange(900)):%d/%m/%Y}",
        "title": rng.choice(("Mr", "Ms", "Dr")),
        "one": "x",
        "none": "",
        "note": "called about the boiler and was told to wait until the engineer comes back " * rng.randint(1, 2),
    }
    return found | {"line": f"{found['address']}, {found['town']}"}


Register = Callable[..., Path]


def write(path: Path, columns: Mapping[str, str], found: Sequence[Person], header: bool = True) -> Path:
    """A CSV whose header is the keys of `columns` and whose cells are what their values name."""
    with open(path, "w", newline="", encoding="utf-8") as stream:
        out = csv.writer(stream)
        if header:
            out.writerow(columns)
        out.writerows([person[what] for what in columns.values()] for person in found)
    return path
