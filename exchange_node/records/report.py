"""What was found while a register was read: counts and row numbers, never a value."""

from __future__ import annotations

from dataclasses import dataclass, field

FIRST_ROWS = 20


@dataclass(slots=True)
class Tally:
    """How often a rule was broken, and the first row numbers."""

    count: int = 0
    rows: list[int] = field(default_factory=list)

    def add(self, row: int) -> None:
        """Count one more."""
        self.count += 1
        if len(self.rows) < FIRST_ROWS:
            self.rows.append(row)


@dataclass(slots=True)
class ReadReport:
    """Counts of one reading of a register.

    A row number is, in CSV, the line on which the row starts (the header is line 1) and, in Parquet, the row
    counted from 1. `skipped` is by rule, for rows not read at all. `fields` is by field and rule, for
    values taken as missing in rows that were read. `filled` counts the values present after standardising.
    """

    rows: int = 0
    read: int = 0
    skipped: dict[str, Tally] = field(default_factory=dict)
    fields: dict[str, dict[str, Tally]] = field(default_factory=dict)
    filled: dict[str, int] = field(default_factory=dict)

    def skip(self, rule: str, row: int) -> None:
        """One row could not be read."""
        self.rows += 1
        if rule not in self.skipped:
            self.skipped[rule] = Tally()
        self.skipped[rule].add(row)

    def note(self, name: str, rule: str, row: int) -> None:
        """One value could not be read and is taken as missing."""
        tallies = self.fields.setdefault(name, {})
        if rule not in tallies:
            tallies[rule] = Tally()
        tallies[rule].add(row)

    @property
    def unreadable(self) -> int:
        """Rows skipped, by whichever rule."""
        return sum(tally.count for tally in self.skipped.values())

    def as_dict(self) -> dict[str, object]:
        """The same as JSON types."""

        def plain(tallies: dict[str, Tally]) -> dict[str, object]:
            ordered = sorted(tallies.items())
            return {rule: {"count": tally.count, "rows": list(tally.rows)} for rule, tally in ordered}

        return {
            "rows": self.rows,
            "read": self.read,
            "skipped": plain(self.skipped),
            "fields": {name: plain(tallies) for name, tallies in sorted(self.fields.items())},
            "filled": dict(self.filled),
        }
