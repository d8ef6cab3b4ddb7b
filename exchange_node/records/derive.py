"""From the cells of one row to the value of one derivation, prepared once for a whole file."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Sequence
from typing import Final

from exchange_node.records.mapping import Attribute, Derivation
from exchange_node.records.standardise import Note
from exchange_node.records.values import MISSING, Value, ValueType, read_value

Cells = Sequence[str]
ReadDate = Callable[[str, Note], str]
ReadAge = Callable[[Cells], int | None]
Reader = Callable[[Cells, Note], Value]

_CODE_SEPARATORS: Final = re.compile(r"[;,|\s]+")


def reader(derivation: Derivation, place: Mapping[str, int], read_date: ReadDate, read_age: ReadAge) -> Reader:
    """A function from a row's cells to the derivation's value; `place` gives the index of each column."""
    places = [place[column] for column in derivation.sources]
    match derivation.derive:
        case "age_from_date_of_birth":
            return lambda cells, note: read_age(cells)
        case "any_of":
            return _any_of(places, derivation.codes or ())
        case "equals":
            return _equals(places[0], str(derivation.value))
        case "greater_than":
            return _greater_than(places[0], int(derivation.value or 0), read_date)
        case "present":
            return lambda cells, note: any(not _missing(cells[index]) for index in places)
        case "column":
            return _column(places[0], derivation, read_date)


def _missing(text: str) -> bool:
    return text.strip().lower() in MISSING


def _column(index: int, derivation: Derivation, read_date: ReadDate) -> Reader:
    kind: ValueType = "boolean"
    max_length = 0
    if isinstance(derivation, Attribute):
        kind, max_length = derivation.type, derivation.max_length
    return lambda cells, note: read_value(kind, cells[index], read_date, max_length, note)


def _any_of(places: Sequence[int], codes: Sequence[str]) -> Reader:
    upper = [code.upper() for code in codes]
    exact = frozenset(code for code in upper if not code.endswith("*"))
    prefixes = tuple(code[:-1] for code in upper if code.endswith("*"))

    def found(cells: Cells, note: Note) -> Value:
        return any(
            code in exact or (code != "" and code.startswith(prefixes))
            for index in places
            for code in _CODE_SEPARATORS.split(cells[index].upper())
        )

    return found


def _equals(index: int, value: str) -> Reader:
    wanted = " ".join(value.lower().split())

    def equal(cells: Cells, note: Note) -> Value:
        cell = " ".join(cells[index].lower().split())
        return cell == wanted if cell == wanted or cell not in MISSING else None

    return equal


def _greater_than(index: int, value: int, read_date: ReadDate) -> Reader:
    def greater(cells: Cells, note: Note) -> Value:
        number = read_value("integer", cells[index], read_date, 0, note)
        return number > value if isinstance(number, int) else None

    return greater
