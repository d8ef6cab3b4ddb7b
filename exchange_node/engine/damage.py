"""The error model: how another register may have written down one of our people some years later.

A public, fixed list of what goes wrong, at rates between those published for clean and for poor registers. They need
not be right: `rake.py` tilts what comes out towards what the two registers' own pairs show. Every record has a
proneness of its own to mistakes (a third, once or three times the rate), since errors come together. Some copies are
*rough*: each field as it was, in part or altogether wrong. They count for little at first, and are there to be raked up
where a register is as bad as that in some fields.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from exchange_node.records.columns import Column, Columns

PRONENESS = ((0.3, 0.45), (1.0, 0.3), (3.0, 0.15), (6.0, 0.1))
"""(factor on the rate of mistakes, share of records)"""

MOVED = 0.25
"""Share of the people who live elsewhere in another register."""
MOVED_WITHIN = 0.05
"""The same of a register's own doubles, which are seldom years apart."""
RENAMED = 0.05
_HOME = ("address_line", "postcode", "town", "state")
_LETTERS = "abcdefghijklmnopqrstuvwxyz"


ROUGHNESS = (0.0, 0.3, 1.0)
"""How rough a field of a rough copy may be, each as often."""


def damaged(
    columns: Columns,
    rows: NDArray[np.intp],
    random: np.random.Generator,
    rough: NDArray[np.bool_] | None = None,
    *,
    moved: float = MOVED,
) -> tuple[dict[str, Column], NDArray[np.bool_]]:
    """One damaged copy of each of these rows, as columns of the same names and kinds, and which of them live elsewhere:
    where somebody else of the register does. `rough`: which are rough ones; `moved`: the share of the others that lives
    elsewhere.
    """
    texts = {name: [column.values[code] for code in column.codes[rows]] for name, column in columns.items()}
    pool = _Pool(columns, random)
    factors, shares = zip(*PRONENESS, strict=True)
    prone = random.choice(factors, len(rows), p=shares)
    missing = {name: float(np.mean(column.codes == 0)) for name, column in columns.items()}
    home = [name for name in _HOME if name in columns]
    elsewhere = np.zeros(len(rows), np.bool_)
    for at in range(len(rows)):
        person = {name: texts[name][at] for name in texts}
        roughly = rough is not None and bool(rough[at])
        if home and random.random() < (MOVED / 2 if roughly else moved):
            person.update(pool.person(home))
            elsewhere[at] = True
        if roughly:
            _roughly(person, columns, pool, random)
            for name in columns:
                texts[name][at] = person[name]
            continue
        if person.get("surname") and random.random() < RENAMED:
            person["surname"] = _renamed(person["surname"], pool, random)
        _swap(person, float(prone[at]), random)
        for name, column in columns.items():
            if random.random() < min(0.9, missing[name] / 2 + _LOST.get(name, 0.01) * prone[at]):
                person[name] = ""
            if person[name]:
                person[name] = _DAMAGE[column.kind](person[name], name, float(prone[at]), pool, random)
            texts[name][at] = person[name]
    return {name: Column.of(name, column.kind, texts[name]) for name, column in columns.items()}, elsewhere


def _roughly(person: dict[str, str], columns: Columns, pool: _Pool, random: np.random.Generator) -> None:
    """Each field rough by a rate of its own: somebody else's, missing, or damaged up to three times."""
    if person.get("forename") and person.get("surname") and random.random() < 0.1:
        person["forename"], person["surname"] = person["surname"], person["forename"]
    for name, column in columns.items():
        rate = ROUGHNESS[int(random.integers(len(ROUGHNESS)))]
        if person[name] and random.random() < 0.3 * rate:
            person[name] = pool.value(name) if random.random() < 0.7 else ""
        for _ in range(3):
            if person[name] and random.random() < rate / 2:
                person[name] = _DAMAGE[column.kind](person[name], name, 20.0, pool, random)


_LOST = {"middle_names": 0.15, "sex": 0.02, "postcode": 0.03, "address_line": 0.03, "phone": 0.2, "email": 0.2}
"""How often a value is missing in the other register alone, beside half of what is missing in our own."""


@dataclass(slots=True)
class _Pool:
    """Values of other people of the same register."""

    columns: Columns
    random: np.random.Generator

    def person(self, fields: Sequence[str]) -> dict[str, str]:
        """These fields of somebody else."""
        row = int(self.random.integers(len(self.columns[fields[0]])))
        return {name: self.columns[name].values[self.columns[name].codes[row]] for name in fields}

    def value(self, field: str) -> str:
        """Somebody else's value of one field."""
        return self.person([field])[field]


def _renamed(surname: str, pool: _Pool, random: np.random.Generator) -> str:
    other = pool.value("surname") or surname
    kind = random.random()
    if kind < 0.15:
        return f"{surname} {other}"
    return surname.split()[0] if kind < 0.3 and " " in surname else other


def _swap(person: dict[str, str], prone: float, random: np.random.Generator) -> None:
    """Names in one another's place."""
    if person.get("forename") and person.get("surname") and random.random() < 0.006 * prone:
        person["forename"], person["surname"] = person["surname"], person["forename"]
    if person.get("forename") and person.get("middle_names") and random.random() < 0.008 * prone:
        person["forename"], person["middle_names"] = person["middle_names"], person["forename"]


def typing_error(text: str, random: np.random.Generator) -> str:
    """One letter wrong, left out, doubled or swapped with its neighbour; the first one seldom."""
    return " ".join(_mistyped(text, random).split()) if text else text


def _mistyped(text: str, random: np.random.Generator) -> str:
    at = int(random.integers(1, len(text))) if len(text) > 1 and random.random() < 0.85 else 0
    if text[at] == " ":
        return text[:at] + text[at + 1 :]
    other = _another(text[at], random)
    kind = random.random()
    if kind < 0.35:
        return text[:at] + other + text[at + 1 :]
    if kind < 0.6 and len(text) > 1:
        return text[:at] + text[at + 1 :]
    if kind < 0.8 or at + 1 >= len(text):
        return text[:at] + (text[at] if random.random() < 0.5 else other) + text[at:]
    return text[:at] + text[at + 1] + text[at] + text[at + 2 :]


def _another(letter: str, random: np.random.Generator) -> str:
    if letter.isdigit():
        return str(random.integers(10))
    other = _LETTERS[int(random.integers(26))]
    return other.upper() if letter.isupper() else other


_DIALECT = (
    ("ph", "f"), ("ie", "y"), ("ey", "y"), ("c", "k"), ("ck", "k"), ("ll", "l"), ("nn", "n"), ("ss", "s"),
    ("tt", "t"), ("th", "t"), ("z", "s"), ("ou", "u"), ("ea", "ee"), ("ai", "ay"), ("e", "a"), ("i", "y"),
)  # fmt: skip


def _respelt(text: str, random: np.random.Generator) -> str:
    """One sound written otherwise."""
    fits = [(one, two) for one, two in (*_DIALECT, *((b, a) for a, b in _DIALECT)) if one in text[1:]]
    if not fits:
        return typing_error(text, random)
    one, two = fits[int(random.integers(len(fits)))]
    at = text.index(one, 1)
    return text[:at] + two + text[at + len(one) :]


def _name(text: str, field: str, prone: float, pool: _Pool, random: np.random.Generator) -> str:
    if field == "middle_names":
        kind = random.random()
        if kind < 0.2:
            return " ".join(word[0] for word in text.split())
        if kind < 0.25:
            return text.split()[0]
    if random.random() < 0.03 * prone:
        text = typing_error(text, random)
    if random.random() < 0.015 * prone:
        text = _respelt(text, random)
    if field == "forename" and random.random() < 0.02 * prone:
        kind = random.random()  # a short form, an initial, or another name altogether
        if kind < 0.6:
            text = text[: int(random.integers(3, 5))].strip() if kind < 0.5 else text[0]
        else:
            text = pool.value(field) or text
    if " " in text and random.random() < 0.05 * prone:
        parts = text.split()
        text = parts[int(random.integers(len(parts)))]
    return text


def _date(text: str, field: str, prone: float, pool: _Pool, random: np.random.Generator) -> str:
    year, month, day = text[:4], text[5:7], text[8:10]
    if random.random() < 0.02 * prone:
        kind = random.random()
        if kind < 0.35:
            at = [2, 3, 5, 6, 8, 9][int(random.integers(6))]
            wrong = text[:at] + str(random.integers(10)) + text[at + 1 :]
            year, month, day = wrong[:4], wrong[5:7], wrong[8:10]
        elif kind < 0.5:
            day = f"{min(max(int(day) + int(random.choice([-10, -2, -1, 1, 2, 10])), 1), 28):02d}"
        elif kind < 0.6:
            month = f"{min(max(int(month) + int(random.choice([-2, -1, 1, 2])), 1), 12):02d}"
        elif kind < 0.75:
            year = f"{min(max(int(year) + int(random.choice([-10, -2, -1, 1, 2, 10])), 0), 9999):04d}"
        elif kind < 0.87:
            day, month = month, day
        elif kind < 0.93:
            day, month = "01", "01"
        else:
            return pool.value(field) or text
    return f"{year}-{month}-{day}"


def _sex(text: str, field: str, prone: float, pool: _Pool, random: np.random.Generator) -> str:
    return {"f": "m", "m": "f"}.get(text, text) if random.random() < 0.005 * prone else text


def _code(text: str, field: str, prone: float, pool: _Pool, random: np.random.Generator) -> str:
    if random.random() < 0.02 * prone:
        at = int(random.integers(len(text)))
        if text[at] != " ":
            return text[:at] + _another(text[at], random) + text[at + 1 :]
    return text


def _address(text: str, field: str, prone: float, pool: _Pool, random: np.random.Generator) -> str:
    if random.random() < 0.08 * prone:
        text = typing_error(text, random)
    words = text.split()
    if len(words) > 2 and random.random() < 0.12:
        del words[int(random.integers(len(words)))]  # a flat, a second street, "road"
    return " ".join(words)


def _place(text: str, field: str, prone: float, pool: _Pool, random: np.random.Generator) -> str:
    if random.random() < 0.03 * prone:
        text = typing_error(text, random)
    return pool.value(field) if random.random() < 0.05 else text


def _number(text: str, field: str, prone: float, pool: _Pool, random: np.random.Generator) -> str:
    if field in ("phone", "email") and random.random() < 0.2:
        return pool.value(field)
    return typing_error(text, random) if random.random() < 0.02 * prone else text


def _text(text: str, field: str, prone: float, pool: _Pool, random: np.random.Generator) -> str:
    if random.random() < 0.03 * prone:
        text = typing_error(text, random)
    return pool.value(field) if random.random() < 0.05 else text


_Damage = Callable[[str, str, float, _Pool, np.random.Generator], str]
_DAMAGE: Mapping[str, _Damage] = {
    "name": _name, "date": _date, "sex": _sex, "postcode": _code, "address": _address, "place": _place,
    "number": _number, "text": _text,
}  # fmt: skip
