"""What a register is worth for linking, and what to mend in it first: counts and shares, never a person's value.

Counts from 1 to 9 are shown as "<10", and shares are taken from counts blurred in the same way, so that nobody stands
out. What a field is worth is the collision entropy of its values, -log2(sum of p^2), times its completeness: agreement
by chance of two random rows has probability 2^-bits.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from exchange_node.records.column_map import ColumnMap
from exchange_node.records.columns import Column, Kind
from exchange_node.records.quality_words import RULES, SKIPPED, advice

SMALL: Final = 10
_SHOWN_TOP: Final = 0.02  # a single value on more rows than this share is told of, not which
_OWN: Final = ("nhs_number", "ni_number", "email")  # fields whose values should stand on one row alone
_KEY: Final = ("forename", "surname", "date_of_birth")


@dataclass(frozen=True, slots=True)
class FieldQuality:
    """One field. `written`: rows with anything in its columns; `filled`: rows with a value in standard form; `broken`:
    cells by rule; `top`: the rows of the commonest value; `shared`: rows whose value stands on other rows, too; `bits`:
    the worth of agreement where the field is filled.
    """

    name: str
    kind: Kind
    columns: tuple[str, ...]
    rows: int
    written: int
    filled: int
    broken: Mapping[str, int]
    distinct: int
    top: int
    shared: int
    bits: float

    @property
    def unwritten(self) -> int:
        """Rows with nothing in the field's columns; none of middle names that only came out of another column."""
        if self.name == "middle_names" and not self.columns:
            return 0
        return self.rows - max(self.written, self.filled)

    @property
    def completeness(self) -> float:
        """The share of rows that are filled, from blurred counts."""
        return share(self.filled, self.rows)

    @property
    def worth(self) -> float:
        """Bits times completeness."""
        return self.bits * self.completeness

    def to_json(self) -> dict[str, Any]:
        """JSON types with small counts suppressed."""
        found: dict[str, Any] = {
            "field": self.name,
            "kind": self.kind,
            "columns": list(self.columns),
            "filled": shown(self.filled, self.rows),
            "missing": shown(self.rows - self.filled, self.rows),
            "completeness": round(self.completeness, 4),
            "valid": round(1 - share(sum(map(blurred, self.broken.values())), blurred(self.written)), 4),
            "broken": {rule: shown(count) for rule, count in sorted(self.broken.items())},
            "distinct": self.distinct if self.filled >= SMALL else shown(self.filled),
            "shared": shown(self.shared, self.filled),
            "bits": round(self.bits, 1),
            "worth": round(self.worth, 1),
        }
        if self.top > _SHOWN_TOP * self.rows and self.top >= SMALL:
            found["commonest"] = round(share(self.top, self.rows), 4)
        return found


@dataclass(frozen=True, slots=True)
class Quality:
    """One register. `skipped`: rows that could not be read, by rule; `damaged`: cells taken as missing because they
    were no text, by column and rule; `duplicates`: rows that repeat an earlier one in every field; `alike`: rows that
    repeat an earlier one in both names and the date of birth; `empty`: rows with nothing in any field.
    """

    file: str
    rows: int
    skipped: Mapping[str, int]
    damaged: Mapping[str, Mapping[str, int]]
    notes: tuple[str, ...]
    fields: tuple[FieldQuality, ...]
    ignored: Mapping[str, str]
    duplicates: int
    alike: int
    empty: int

    @property
    def lost(self) -> list[tuple[int, str]]:
        """Damaged cells, in sentences without a full stop."""
        return [
            (count, f"{name}: {shown(count)} cells {RULES.get(rule, rule)} and count as missing")
            for name, rules in self.damaged.items()
            for rule, count in sorted(rules.items())
        ]

    @property
    def mend(self) -> list[str]:
        """What to mend, the most worthwhile first, in sentences."""
        found = [
            (weight, text)
            for field in self.fields
            for weight, text in advice(
                field.name, field.unwritten, share(field.unwritten, field.rows), field.broken, field.bits
            )
        ]
        for rule, count in self.skipped.items():
            found.append((count * 100.0, f"{shown(count)} rows could not be read: {SKIPPED.get(rule, rule)}."))
        found += [(count * 10.0, f"{text}.") for count, text in self.lost]
        if self.duplicates:
            found.append((self.duplicates * 50.0, f"{shown(self.duplicates)} rows repeat another in every field."))
        for field in self.fields:
            if field.name in _OWN and field.shared:
                text = f"{field.name}: {shown(field.shared)} rows share their value with another row."
                found.append((field.shared * field.bits / 2, text))
            elif field.kind in ("name", "date", "postcode", "address") and field.top > max(0.1 * field.rows, SMALL):
                rows = f"{share(field.top, field.rows):.0%} of rows"
                text = f"{field.name}: one value stands on {rows}; it may be a default."
                found.append((field.top * field.bits, text))
        return [text for _, text in sorted(found, key=lambda one: -one[0])]

    def to_json(self) -> dict[str, Any]:
        """JSON types with small counts suppressed."""
        return {
            "file": self.file,
            "rows": self.rows,
            "form": list(self.notes),
            "skipped": {rule: shown(count) for rule, count in sorted(self.skipped.items())},
            "damaged": {
                name: {rule: shown(count) for rule, count in sorted(rules.items())}
                for name, rules in self.damaged.items()
            },
            "empty": shown(self.empty),
            "duplicates": shown(self.duplicates),
            "alike": shown(self.alike),
            "fields": [field.to_json() for field in self.fields],
            "ignored": dict(self.ignored),
            "worth": round(sum(field.worth for field in self.fields), 1),
            "mend": self.mend,
        }


def shown(count: int, rows: int = 0) -> int | str:
    """A count as it may be shown; one of `rows`, of which all but a few are counted, is hidden with those few."""
    if 0 < count < SMALL:
        return f"<{SMALL}"
    return f">{rows - SMALL}" if count and 0 < rows - count < SMALL else count


def blurred(count: int) -> int:
    """A count from which shares may be taken that are shown."""
    return 5 if 0 < count < SMALL else count


def share(count: int, rows: int) -> float:
    """A share as it may be shown: 1 to 9 of either side count as 5."""
    count = min(max(count, 0), rows)
    if not count:
        return 0.0
    if 0 < count < SMALL:
        return min(5.0, rows) / rows if rows > SMALL else 0.5
    if 0 < rows - count < SMALL:
        return 1 - 5.0 / rows
    return count / rows


@dataclass(frozen=True, slots=True)
class Source:
    """What the quality of a file is judged from besides its columns."""

    file: str
    rows: int
    skipped: Mapping[str, int]
    damaged: Mapping[str, Mapping[str, int]]
    notes: tuple[str, ...]


def quality(
    source: Source,
    found: ColumnMap,
    columns: Mapping[str, Column],
    written: Mapping[str, int],
    broken: Mapping[str, Mapping[str, int]],
) -> Quality:
    """The quality of a register. `written`, `broken`: of each field, as `standard_columns` found them."""
    fields = []
    for name, column in columns.items():
        counts = np.bincount(column.codes, minlength=len(column.values)).astype(np.float64)[1:]
        filled = int(counts.sum())
        fields.append(
            FieldQuality(
                name,
                column.kind,
                found.fields[name].columns if name in found.fields else (),
                source.rows,
                max(written.get(name, filled), filled),
                filled,
                dict(broken.get(name, {})),
                int((counts > 0).sum()),
                int(counts.max(initial=0)),
                int(counts[counts > 1].sum()),
                max(float(2 * np.log2(filled) - np.log2((counts**2).sum())), 0.0) if filled >= SMALL else 0.0,
            )
        )
    some = [column.codes for column in columns.values()]
    filled_rows = np.logical_or.reduce([codes > 0 for codes in some]) if some else np.zeros(source.rows, bool)
    unread = sum(source.skipped.values())
    key = [columns[name].codes for name in _KEY if name in columns]
    whole = np.logical_and.reduce([codes > 0 for codes in key]) if len(key) == len(_KEY) else np.zeros(0, bool)
    return Quality(
        source.file,
        source.rows,
        dict(source.skipped),
        dict(source.damaged),
        source.notes,
        tuple(fields),
        dict(found.ignored),
        _repeated([codes[filled_rows] for codes in some]),
        _repeated([codes[whole] for codes in key]) if len(whole) else 0,
        max(source.rows - int(filled_rows.sum()) - unread, 0),
    )


def _repeated(codes: list[NDArray[np.int32]]) -> int:
    """How many rows repeat an earlier one in all of some columns. Rows are compared by 64-bit hashes of their codes:
    of a million rows two unlike ones have the same with probability 3 in 100 million.
    """
    if not codes or not len(codes[0]):
        return 0
    mixed = np.zeros(len(codes[0]), np.uint64)
    for column in codes:
        mixed = (mixed ^ column.astype(np.uint64)) * np.uint64(0x9E3779B97F4A7C15)
        mixed ^= mixed >> np.uint64(29)
    mixed.sort()
    return int((mixed[1:] == mixed[:-1]).sum())


__all__ = ["RULES", "FieldQuality", "Quality", "Source", "quality", "share", "shown"]
