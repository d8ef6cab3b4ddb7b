"""A register on disk, read through its mapping: people to encode, ids, cohorts, attributes, facts.

Every reading streams the file anew; what it holds in memory is a batch of rows, bounded tables of values
met in this reading, and eight bytes a row while the ids are looked through for doubles. Nothing of a person
stays in the object.
"""

from __future__ import annotations

from array import array
from collections.abc import Callable, Container, Iterable, Iterator, Mapping, Sequence
from functools import partial
from operator import itemgetter
from pathlib import Path
from typing import Final

import numpy as np

from exchange_node.records import dates, standardise
from exchange_node.records.cohort import Condition
from exchange_node.records.derive import Cells, ReadAge, ReadDate, Reader, reader
from exchange_node.records.errors import RecordsError
from exchange_node.records.facts import PersonFacts, age, age_band
from exchange_node.records.mapping import Derivation, RecordsMapping
from exchange_node.records.model import FIELDS, FieldName, StandardRecord
from exchange_node.records.report import ReadReport
from exchange_node.records.standardise import Note, ignore
from exchange_node.records.table import find_columns, read_header, read_rows, signature
from exchange_node.records.values import Value, ValueType, read_value

MAX_ID: Final = 128
MAX_TEXT: Final = 1000
MAX_DOUBLED: Final = 100_000
REMEMBERED: Final = 1 << 15

Standardise = Callable[[str, Note], str]


class RecordFile:
    """One register. An id that stands on two rows names nobody: its rows are counted and left out
    everywhere.
    """

    def __init__(self, path: Path, mapping: RecordsMapping) -> None:
        self._path = path
        self._mapping = mapping
        placeholders = dates.PLACEHOLDERS | frozenset(mapping.date_placeholders)

        def read_date(text: str, note: Note) -> str:
            formats, pivot = mapping.date_formats, mapping.two_digit_year_pivot
            return dates.date(text, formats, note, pivot=pivot, placeholders=placeholders)

        self._date: ReadDate = read_date
        self._doubled: frozenset[int] = frozenset()
        self._doubled_of: tuple[int, ...] = ()

    @property
    def id_column(self) -> str:
        """The column of the agency's own ids."""
        return self._mapping.id_column

    def check(self) -> ReadReport:
        """Read everything once as requests would, for `exchange doctor`.

        Raises RecordsError for the whole file.
        """
        report = ReadReport()
        for _ in self.stream(report):
            pass
        columns, readers, _ = self._readers(
            {f"attribute {found.name}": found for found in self._mapping.attributes}
            | {f"fact {name}": found for name, found in self._mapping.facts.named()},
            as_of=0,
        )
        cohort = list(self._mapping.cohort.items())
        start = len(columns) + 1
        for row, _, cells in self._rows([*columns, *(name for name, _ in cohort)], ReadReport()):
            for name, read in readers.items():
                read(cells, partial(report.note, name, row=row))
            for at, (name, kind) in enumerate(cohort, start):
                self._value(kind, cells[at], partial(report.note, f"cohort {name}", row=row))
        return report

    def stream(self, report: ReadReport) -> Iterator[StandardRecord]:
        """Everyone who can be read, in standard form and the file's order; `report` is filled as it goes."""
        names = list(self._mapping.fields)
        columns = [column for name in names for column in self._mapping.fields[name]]
        blank: dict[str, str] = dict.fromkeys(FIELDS, "")
        filled = report.filled = {name: 0 for name in names}
        rules: list[str] = []
        note = rules.append
        plan, start = [], 1
        for name in names:
            width = len(self._mapping.fields[name])
            met: dict[str, str] = {}  # values met in this reading; good ones only, so that rules are noted each time
            plan.append((name, _join(start, width), self._standardise(name), met))
            start += width
        for row, local_id, cells in self._rows(columns, report):
            values = blank.copy()
            for name, take, standard, met in plan:
                text = take(cells)
                value = met.get(text)
                if value is None:
                    value = standard(text, note)
                    if value and len(met) < REMEMBERED:
                        met[text] = value
                    for rule in rules:
                        report.note(name, rule, row)
                    rules.clear()
                if value:
                    values[name] = value
                    filled[name] += 1
            if " " in values["forename"]:
                _split_forenames(values)
            yield StandardRecord(local_id, values)

    def ids(self) -> Iterator[str]:
        """Every id that names one person."""
        return (local_id for _, local_id, _ in self._rows([], ReadReport()))

    def select(self, condition: Condition) -> Iterator[str]:
        """Ids of those who are known to meet the condition.

        Raises RecordsError: condition, condition-column.
        """
        types = self._mapping.cohort
        bound = condition.bind(types, self._date)
        columns = sorted(bound.columns)

        def meets(cells: Cells) -> bool:
            texts = zip(columns, cells[1:], strict=True)
            values = {name: self._value(types[name], text, ignore) for name, text in texts}
            return bound.evaluate(values) is True

        return (local_id for _, local_id, cells in self._rows(columns, ReadReport()) if meets(cells))

    def attributes(
        self, ids: Container[str], names: Iterable[str], as_of: int
    ) -> Iterator[tuple[str, dict[str, Value]]]:
        """(id, its attributes) of those of `ids` that the file has; ages at `as_of` (epoch seconds).

        None stands for missing or unreadable. Raises RecordsError("attribute-unknown").
        """
        columns, readers, _ = self._readers({name: self._mapping.attribute(name) for name in names}, as_of)
        return (
            (local_id, {name: read(cells, ignore) for name, read in readers.items()})
            for _, local_id, cells in self._rows(columns, ReadReport())
            if local_id in ids
        )

    def facts(self, ids: Container[str], as_of: int) -> Iterator[tuple[str, PersonFacts]]:
        """(id, what policy may know) of those of `ids` that the file has; whoever is absent has no facts."""
        columns, readers, read_age = self._readers(dict(self._mapping.facts.named()), as_of)
        flags = frozenset(self._mapping.facts.flags)

        def facts_of(cells: Cells) -> PersonFacts:
            marks = frozenset(name for name, read in readers.items() if _marked(read, cells))
            return PersonFacts(age_band(read_age(cells)), "at_risk" in marks, "deceased" in marks, marks & flags)

        rows = self._rows(columns, ReadReport())
        return ((local_id, facts_of(cells)) for _, local_id, cells in rows if local_id in ids)

    def _readers(
        self, derivations: Mapping[str, Derivation], as_of: int
    ) -> tuple[list[str], dict[str, Reader], ReadAge]:
        """The columns to read, a reader for each derivation, and one for the age."""
        born = self._mapping.fields.get("date_of_birth", ())
        sources = (column for found in derivations.values() for column in found.sources)
        columns = list(dict.fromkeys((*born, *sources)))
        place = {column: at for at, column in enumerate(columns, start=1)}

        def read_age(cells: Cells) -> int | None:
            return age(self._date(" ".join(cells[place[column]] for column in born), ignore), as_of)

        readers = {name: reader(found, place, self._date, read_age) for name, found in derivations.items()}
        return columns, readers, read_age

    def _rows(self, columns: Sequence[str], report: ReadReport) -> Iterator[tuple[int, str, Cells]]:
        """(row number, id, cells) of every row with an id of its own; the cells are the id's and then
        `columns`.
        """
        doubled = self._find_doubled()
        for row, cells in self._cells(columns, report):
            local_id = cells[0].strip()
            rule = "" if 0 < len(local_id) <= MAX_ID and local_id.isprintable() else "id-unreadable"
            if not local_id:
                rule = "id-missing"
            elif hash(local_id) in doubled:
                rule = "id-doubled"
            if rule:
                report.skip(rule, row)
                continue
            report.rows += 1
            report.read += 1
            yield row, local_id, cells

    def _cells(self, columns: Sequence[str], report: ReadReport) -> Iterator[tuple[int, Cells]]:
        found = self._mapping
        return read_rows(
            self._path,
            [found.id_column, *columns],
            report,
            format=found.format,
            encoding=found.encoding,
            delimiter=found.delimiter,
        )

    def _check_header(self) -> None:
        """All columns that the mapping names are there, so that all missing ones are told at once."""
        found = self._mapping
        header = read_header(self._path, format=found.format, encoding=found.encoding, delimiter=found.delimiter)
        find_columns(header, found.columns)

    def _find_doubled(self) -> frozenset[int]:
        """Hashes of the ids on more than one row, looked for once for each state of the file.

        A hash shared by two ids by chance (one file of 10 million in 300,000) leaves out two people, no more.
        """
        state = signature(self._path)
        if state != self._doubled_of:
            self._check_header()
            hashes = array("q", (hash(cells[0].strip()) for _, cells in self._cells([], ReadReport())))
            ordered = np.frombuffer(hashes, dtype=np.int64)
            ordered.sort()
            doubled = np.unique(ordered[1:][ordered[1:] == ordered[:-1]])
            if len(doubled) > MAX_DOUBLED:
                raise RecordsError("ids-doubled", f"column {self._mapping.id_column}")
            self._doubled, self._doubled_of = frozenset(doubled.tolist()), state
        return self._doubled

    def _value(self, kind: ValueType, text: str, note: Note) -> Value:
        return read_value(kind, text, self._date, MAX_TEXT, note)

    def _standardise(self, name: FieldName) -> Standardise:
        kinds: dict[FieldName, Standardise] = {
            "forename": standardise.name,
            "middle_names": standardise.name,
            "surname": standardise.name,
            "date_of_birth": self._date,
            "sex": standardise.sex,
            "postcode": standardise.postcode,
            "address_line": standardise.address_line,
            "nhs_number": standardise.nhs_number,
        }
        return kinds[name]


def _marked(read: Reader, cells: Cells) -> bool:
    """Whether a fact holds. A mark that cannot be read counts as set, since marks keep people out."""
    broken: list[str] = []
    return read(cells, broken.append) is True or bool(broken)


def _join(start: int, width: int) -> Callable[[Cells], str]:
    """The cells of one field as one text."""
    if width == 1:
        return itemgetter(start)
    return lambda cells: " ".join(filter(None, map(str.strip, cells[start : start + width])))


def _split_forenames(values: dict[str, str]) -> None:
    """One forename; those behind it join the middle names, since registers keep them in one column or
    in two.
    """
    values["forename"], further = values["forename"].split(" ", 1)
    values["middle_names"] = f"{further} {values['middle_names']}".rstrip()
