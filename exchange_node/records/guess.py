"""Guess which columns of one file stand for which field, from their names first and from their cells besides.

A name proposes, the cells dispose: a column called `dob` that holds no dates is none. Columns whose names say nothing
are known by their cells alone. Every column that is not used is listed with the reason.
"""

from __future__ import annotations

import re
from typing import Final, get_args

import numpy as np

from exchange_node.records import headers
from exchange_node.records.column_map import FULL_NAME, KINDS, ColumnMap, Source
from exchange_node.records.columns import Kind
from exchange_node.records.common_names import name_shares
from exchange_node.records.contents import fits, look, own_kind, spread_of_years, tells
from exchange_node.records.read_columns import FileColumns

TRUTH: Final = "it is the truth, kept apart"
_NAMELESS: Final = re.compile(
    r"(?:[a-z]|(?:col|column|field|feld|var|variable|unnamed|attr|attribute|feature)(?:_[a-z])?)?_?\d*"
)
_SAMPLE: Final = 2000
_MOBILE: Final = frozenset(("mobile", "mob", "cell", "handy", "movil", "portable"))


class Guess:
    """The columns of one file on their way to fields.

    `fields`: by field, the columns; `own`: columns that could be fields under their own names, with their kind;
    `ignored`: the reason for each other column; `unsure`: fields known by their cells alone.
    """

    def __init__(self, file: FileColumns, exclude: frozenset[str] = frozenset()) -> None:
        self._columns = {name: column for name, column in file.columns.items() if name not in exclude}
        self._contents = {name: look(column) for name, column in self._columns.items()}
        self._roles: dict[str, list[str]] = {}
        self.fields: dict[str, tuple[str, ...]] = {}
        self.own: dict[str, tuple[str, Kind]] = {}
        self.ignored: dict[str, str] = {name: TRUTH for name in file.columns if name in exclude}
        self.unsure: set[str] = set()
        self._sort_by_role()
        self._take_single()
        self._take_names()
        self._take_birth()
        self._take_address()
        self._take_by_contents()
        self._take_own()

    def map(self) -> ColumnMap:
        """The map of this file alone, with its own fields."""
        kinds: dict[str, Kind] = {**KINDS, FULL_NAME: "name"}
        fields = {name: Source(self.fields[name], kinds[name]) for name in kinds if name in self.fields}
        fields |= {name: Source((column,), kind) for name, (column, kind) in self.own.items()}
        return ColumnMap(fields, dict(self.ignored))

    def left(self) -> list[str]:
        """Columns that are neither used nor ignored so far."""
        used = {name for columns in self.fields.values() for name in columns}
        return [name for name in self._columns if name not in used and name not in self.ignored]

    def _role(self, *roles: str) -> list[str]:
        return [name for role in roles for name in self._roles.get(role, ())]

    def _ignore(self, columns: list[str], reason: str) -> None:
        for name in columns:
            self.ignored.setdefault(name, reason)

    def _fullest(self, columns: list[str]) -> str:
        return max(columns, key=lambda name: self._contents[name].filled)

    def _sample(self, name: str, most: int = _SAMPLE) -> list[str]:
        rows = self._contents[name].rows
        return self._columns[name].at(np.arange(0, rows, max(1, rows // most)))

    def _sort_by_role(self) -> None:
        for name in self._columns:
            found = self._contents[name]
            roles = headers.roles_of(name) or headers.roles_of(self._undoubled(name))
            if found.filled == 0:
                self.ignored[name] = "it is empty"
            elif found.constant and found.filled > 1:
                self.ignored[name] = "it has one value only"
            elif roles == ["truth"]:
                self.ignored[name] = "its name says that it tells who is who; it is used only if --map names it"
            elif "street" in roles and found.length <= 3 and found.share("letters") > 0.9:
                self._roles.setdefault("state", []).append(name)
            elif role := next((role for role in roles if fits(role, found)), ""):
                self._roles.setdefault(role, []).append(name)
        self._sort_by_hints()
        self._ignore(self._role("title"), "titles change and tell little")
        self._ignore(self._role("age"), "an age changes from year to year; a date or year of birth would serve")

    def _undoubled(self, name: str) -> str:
        """The name in the header of a column that was numbered since others are called so, too; "" for any other."""
        found = name.rpartition("_")
        return found[0] if found[0] in self._columns and found[2].isdigit() else ""

    def _sort_by_hints(self) -> None:
        """Columns of whose names a part is known, where no name as a whole tells of the field: of these the cells must
        say it, too. Of several the one with the most values, and what is called as it but for a number: others are of
        someone else (an officer's surname).
        """
        hinted: dict[str, list[str]] = {}
        placed = {name for names in self._roles.values() for name in names}
        for name in self.left():
            hints = headers.hints_of(name) if name not in placed else []
            if role := next((role for role in hints if tells(role, self._contents[name])), ""):
                hinted.setdefault(role, []).append(name)
        known = {role for role in self._roles if self._roles[role]}
        for role, names in hinted.items():
            if not known.intersection(headers.INSTEAD.get(role, (role,))):
                called = headers.letters(max(names, key=lambda name: self._contents[name].distinct))
                self._roles[role] = [name for name in names if headers.letters(name) == called]

    def _take_single(self) -> None:
        """Fields that come from one column; of several the one that is filled most."""
        for field in ("sex", "postcode", "email", "nhs_number", "ni_number", "town", "state"):
            columns = self._role(field) or (self._role("postcode_town") if field in ("postcode", "town") else [])
            if columns:
                self.fields[field] = (self._fullest(columns),)
        phones = self._role("phone")
        mobile = [name for name in phones if _MOBILE.intersection(headers.words(name))]
        if phones:
            self.fields["phone"] = tuple(dict.fromkeys((*mobile, *phones)))

    def _take_names(self) -> None:
        whole, forename, surname = self._role(FULL_NAME), self._role("forename"), self._role("surname")
        for name in self._role("nom"):
            (surname if forename and not surname else whole).append(name)
        if len(whole) > 1 and all(self._contents[name].words < 1.5 for name in whole):  # several columns called `name`
            self._take_names_by_contents(whole)
            if rest := [name for name in whole if name in self.left()]:
                self.fields["middle_names"] = (rest[0],)
            return
        half = [*forename, *surname] if bool(forename) != bool(surname) else []
        if half and whole and not self._within(half[0], whole[0]):  # `name` beside `vorname` is the other half
            (forename if surname else surname).append(whole.pop(0))
        if forename and surname:
            self._ignore(whole, "the names stand in columns of their own")
        elif whole:
            self.fields[FULL_NAME] = (whole[0],)
            self._ignore([*whole[1:], *forename, *surname], "the whole name stands in another column")
            return
        if forename:
            self.fields["forename"] = (forename[0],)
        if surname:
            self.fields["surname"] = (surname[0], *self._role("surname2")[:1])
        middle = [name for name in (*self._role("middle_names"), *forename[1:])]
        if middle:
            self.fields["middle_names"] = tuple(middle)

    def _within(self, part: str, whole: str) -> bool:
        """Whether most cells of one column hold those of another and more."""
        pairs = [
            (one.lower().strip(), other.lower().strip())
            for one, other in zip(self._sample(part), self._sample(whole), strict=True)
            if one.strip() and other.strip()
        ]
        return sum(one in other and one != other for one, other in pairs) > 0.5 * len(pairs)

    def _take_birth(self) -> None:
        whole = self._role("date_of_birth")
        parts = [self._role(part)[:1] for part in ("birth_year", "birth_month", "birth_day")]
        together = [name for part in parts for name in part]
        if whole:
            best = self._fullest(whole)
            self.fields["date_of_birth"] = (best,)
            rest = [name for name in (*whole, *together) if name != best]
            self._ignore(rest, "the date of birth stands in another column")
        elif parts[0]:
            self.fields["date_of_birth"] = tuple(together)

    def _take_address(self) -> None:
        line, more, street = self._role("address_line"), self._role("address_more"), self._role("street")
        number, unit = self._role("house_number"), self._role("unit")
        numbered = [name for name in (*line, *street) if self._contents[name].share("numbered") > 0.5]
        if numbered:
            best = self._fullest(numbered)
            rest = [name for name in (*number, *street, *line) if name != best]
            self._ignore(rest, "the address line has it")
            line, street, number = [best], [], []
        elif (line or street) and not number:
            number = [name for name in self._columns if headers.plain(name) in headers.GENERIC_NUMBER]
            number = [name for name in number if not self._contents[name].unique]
        more.sort(key=headers.words)
        codes = [name for name in more if self._contents[name].share("postcode") > 0.6]
        if codes and "postcode" not in self.fields:
            self.fields["postcode"] = (self._fullest(codes),)
        more = [name for name in more if name not in codes]
        if "town" not in self.fields:
            towns = [name for name in more if self._like_town(name)]
            if towns and self._contents[towns[-1]].filled < 0.5 * self._contents[towns[-1]].rows:
                towns = []  # of lines that move up where one is empty none is that of the town
            if towns := towns or self._role("locality"):
                self.fields["town"] = (towns[-1],)
                more = [name for name in more if name != towns[-1]]
        before, after = (self._role("street_before"), self._role("street_after")) if street else ([], [])
        house = self._role("house_name")[:1]
        parts = [*number[:1], *house, *before, *street[:1], *after, *line, *more, *unit[:1]]
        if line or street or more or house:
            self.fields["address_line"] = tuple(dict.fromkeys(parts))
            last = self.fields["address_line"][-1]
            if "postcode" not in self.fields and self._contents[last].share("ends-in-postcode") > 0.3:
                self.fields["postcode"] = (last,)

    def _like_town(self, name: str) -> bool:
        found = self._contents[name]
        return found.share("letters") > 0.8 and found.distinct < min(5000, 0.2 * found.filled)

    def _take_by_contents(self) -> None:
        """Fields that no name told of."""
        for name in self.left():
            found = self._contents[name]
            if headers.role_of(name) in ("other", "row-id"):
                continue
            nameless = self.nameless(name)
            unknown = headers.roles_of(name) in ([], ["locality"])
            for field, sure in (
                ("email", found.share("email") > 0.6),
                ("nhs_number", found.share("nhs_number") > 0.8 and not found.running),
                ("ni_number", found.share("ni_number") > 0.7),
                ("postcode", found.share("postcode") > 0.6),
                ("date_of_birth", found.share("date") > 0.8 and self._births(name)),
                ("phone", nameless and found.share("phone") > 0.8 and found.share("date") < 0.2),
                ("sex", unknown and found.share("sex") > 0.9 and found.share("digits") < 0.1 and found.distinct < 9),
                ("address_line", unknown and found.share("numbered") > 0.5 and found.words >= 2.4),
            ):
                if sure and field not in self.fields:
                    self.fields[field] = (name,)
                    self.unsure.add(field)
                    break
        worded = [name for name in self.left() if self._contents[name].share("letters") > 0.8]
        if not self.fields.keys() & {"forename", "surname", FULL_NAME}:
            self._take_names_by_contents([name for name in worded if self._may_hold_names(name)])
        for name in worded:
            free = "town" not in self.fields and name in self.left() and self.nameless(name)
            if free and self._like_town(name) and name_shares(self._sample(name))[0] < 0.1:  # middle names are few, too
                self.fields["town"] = (name,)
                self.unsure.add("town")

    def nameless(self, name: str) -> bool:
        """Whether a column's name says nothing, such as `c1`, `field 7` or none."""
        return _NAMELESS.fullmatch(headers.plain(name)) is not None

    def unknown(self, name: str) -> bool:
        """Whether no word of a column's name is known."""
        return self.nameless(name) or not (headers.roles_of(name) or headers.hints_of(name))

    def _may_hold_names(self, name: str) -> bool:
        """Whether its name says nothing against it, and it has more values than a list of colours."""
        unknown = not headers.roles_of(name) and self._contents[name].distinct > 20
        return unknown or self.nameless(name) or headers.is_idle(name)

    def _births(self, name: str) -> bool:
        """Whether dates spread over so many years as births do; over more where they are called something else."""
        other = not self.nameless(name) and {"date", "dt", "datum", "fecha", "data"} & set(headers.words(name))
        return spread_of_years(self._sample(name)) >= (60 if other else 35)

    def _name_shares(self, name: str) -> tuple[float, float]:
        """The shares of common forenames and surnames; less where fewer cells are filled, as of middle names."""
        filled = self._contents[name].filled / max(self._contents[name].rows, 1)
        forenames, surnames = name_shares(self._sample(name))
        return forenames * filled, surnames * filled

    def _take_names_by_contents(self, columns: list[str]) -> None:
        shares = {name: self._name_shares(name) for name in columns}
        whole = [
            name
            for name in columns
            if (self._contents[name].words >= 1.7 and sum(shares[name]) > 0.1)
            or (self._contents[name].share("titled") > 0.5 and shares[name][1] > 0.02)
        ]
        if whole:
            self.fields[FULL_NAME] = (whole[0],)
            return
        for field, at, least in (("forename", 0, 0.1), ("surname", 1, 0.02)):
            best = max(columns, key=lambda name: shares[name][at] - shares[name][1 - at], default="")
            if best and shares[best][at] > least:
                self.fields[field] = (best,)
                self.unsure.add(field)
                columns = [name for name in columns if name != best]

    def _take_own(self) -> None:
        for name in self.left():
            kind = own_kind(name, self._contents[name])
            if kind in get_args(Kind):
                self.own[self._own_name(name)] = (name, kind)  # type: ignore[assignment]
            else:
                self.ignored[name] = kind

    def _own_name(self, name: str) -> str:
        found = headers.plain(name)[:50]
        found = found if found[:1].isalpha() else f"column_{found or list(self._columns).index(name) + 1}"
        while found in self.own or found in KINDS or found == FULL_NAME:
            found += "_own"
        return found
