"""Guess which columns of one file stand for which field, from their names first and from their cells besides.

A name proposes, the cells dispose: a column called `dob` that holds no dates is none. Columns whose names say nothing
are known by their cells alone. Every column that is not used is listed with the reason.
"""

from __future__ import annotations

import re
from typing import Final, get_args

from exchange_node.records import header_words, headers
from exchange_node.records.column_map import FULL_NAME, KINDS, ColumnMap, Source
from exchange_node.records.column_roles import ColumnRoles
from exchange_node.records.columns import Kind
from exchange_node.records.common_names import name_shares
from exchange_node.records.contents import Contents, own_kind, spread_of_years
from exchange_node.records.read_columns import FileColumns

_MOBILE: Final = frozenset(("mobile", "mob", "cell", "handy", "movil", "portable"))


class Guess(ColumnRoles):
    """The columns of one file on their way to fields.

    Besides what a `ColumnRoles` has, `own`: columns that could be fields under their own names, with their kind;
    `unsure`: fields known by their cells alone.
    """

    def __init__(self, file: FileColumns, exclude: frozenset[str] = frozenset(), whose: str = "") -> None:
        super().__init__(file, exclude, whose)
        self.own: dict[str, tuple[str, Kind]] = {}
        self.unsure: set[str] = set()
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

    def _take_single(self) -> None:
        """Fields that come from one column; of several the one that is filled most."""
        for field in ("sex", "postcode", "email", "nhs_number", "ni_number", "town", "state"):
            columns = self._role(field) or (self._role("postcode_town") if field in ("postcode", "town") else [])
            if field == "postcode":  # not the four digits behind a ZIP
                columns = [name for name in columns if self._contents[name].length > 4.5] or columns
            if columns:
                self.fields[field] = (self._fullest(columns),)
        outward, inward = self._role("outcode"), self._role("incode")
        if outward and inward and "postcode" not in self.fields:
            self.fields["postcode"] = (outward[0], inward[0])
        phones = self._role("phone")
        mobile = [name for name in phones if _MOBILE.intersection(headers.words(re.sub(r"[()\[\]]", " ", name)))]
        if phones:
            self.fields["phone"] = tuple(dict.fromkeys((*mobile, *phones)))

    def _take_names(self) -> None:
        whole, surname = self._role(FULL_NAME), self._role("surname")
        initials = self._role("initials") if surname and not whole else []
        forename = self._role("forename") or self._role("known_as") or initials
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
            self.fields["surname"] = (*self._role("surname_before")[:1], surname[0], *self._role("surname2")[:1])
        further = forename[1:] if len(surname) < 2 else []  # two of both are two people
        middle = [*self._role("middle_names"), *further]
        if forename and not middle:  # initials of all names but the first
            middle = [name for name in self.called("initials") if not self._begins(name, forename[0])]
        if middle:
            self.fields["middle_names"] = tuple(middle)

    def _begins(self, part: str, whole: str) -> bool:
        """Whether most cells of one column begin with the letter with which those of another begin."""
        pairs = [(one.strip()[:1].lower(), other.strip()[:1].lower()) for one, other in self._pairs(part, whole)]
        return sum(one == other for one, other in pairs) > 0.5 * len(pairs)

    def _pairs(self, one: str, other: str) -> list[tuple[str, str]]:
        """The cells of two columns in rows where both are filled."""
        both = zip(self._sample(one), self._sample(other), strict=True)
        return [pair for pair in both if all(map(str.strip, pair))]

    def _within(self, part: str, whole: str) -> bool:
        """Whether most cells of one column hold those of another and more."""
        pairs = [(one.lower().strip(), other.lower().strip()) for one, other in self._pairs(part, whole)]
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
            within = [name for name in (*number, *street) if name != best and self._within(name, best)]
            self._ignore(within, "the address line has it")
            self._ignore([name for name in (*street, *line) if name != best], "another column has the address")
            line, street, number = [best], [], [name for name in number if name not in within]
        elif (line or street) and not number:
            number = [name for name in self._columns if headers.plain(name) in header_words.GENERIC_NUMBER]
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

    def _like_town(self, name: str) -> bool:
        found = self._contents[name]
        return found.share("letters") > 0.8 and found.distinct < min(5000, 0.2 * found.filled)

    def _take_by_contents(self) -> None:
        """Fields that no name told of."""
        for name in self.left():
            found = self._contents[name]
            if not {"other", "row-id"}.isdisjoint(self.roles_of(name)[:1]):
                continue
            nameless = self.nameless(name)
            wordless = nameless or (not name.isascii() and self.unknown(name))
            unknown = self.roles_of(name) in ([], ["locality"])
            for field, sure in (
                ("email", found.share("email") > 0.6),
                ("nhs_number", found.share("nhs_number") > 0.8 and not found.running),
                ("ni_number", found.share("ni_number") > 0.7),
                ("postcode", found.share("postcode") > 0.6),
                ("postcode", "address_line" in self.fields and headers.is_idle(name) and _like_codes(found)),
                ("date_of_birth", found.share("date") > 0.8 and self._births(name)),
                ("date_of_birth", nameless and found.share("packed") > 0.9 and self._births(name)),
                ("phone", wordless and found.share("phone") > 0.8 and found.share("date") < 0.2),
                ("sex", unknown and self._tells_sex(name)),
                ("address_line", unknown and found.share("numbered") > 0.5 and found.words >= 2.4),
            ):
                if sure and field not in self.fields:
                    self.fields[field] = (name,)
                    self.unsure.add(field)
                    break
        for last in self.fields.get("address_line", ())[-1:]:
            share = self._contents[last].share
            if "postcode" not in self.fields and (share("ends-in-postcode") > 0.3 or share("holds-code") > 0.7):
                self.fields["postcode"] = (last,)
        titles = [name for name in self._role("title") if self._contents[name].share("sex") > 0.7]
        if titles and "sex" not in self.fields:  # Mr, Frau
            self.fields["sex"] = (titles[0],)
            del self.ignored[titles[0]]
        worded = [name for name in self.left() if self._contents[name].share("letters") > 0.8]
        if not self.fields.keys() & {"forename", "surname", FULL_NAME}:
            self._take_names_by_contents([name for name in worded if self._may_hold_names(name)])
        for name in worded:
            free = "town" not in self.fields and name in self.left() and self.nameless(name)
            if free and self._like_town(name) and name_shares(self._sample(name))[0] < 0.1:  # middle names are few, too
                self.fields["town"] = (name,)
                self.unsure.add("town")

    def _tells_sex(self, name: str) -> bool:
        found = self._contents[name]
        return (
            found.share("sex") > 0.9
            and found.share("title") < 0.5
            and found.share("digits") < 0.1
            and found.distinct < 9
            and found.filled > 0.6 * found.rows  # not some marks
        )

    def _may_hold_names(self, name: str) -> bool:
        """Whether its name says nothing against it, and it has more values than a list of colours."""
        unknown = not self.roles_of(name) and self._contents[name].distinct > 20
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
            if self.of_many(name)
            and (
                (self._contents[name].words >= 1.7 and sum(shares[name]) > 0.1)
                or (self._contents[name].share("titled") > 0.5 and shares[name][1] > 0.02)
            )
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


def _like_codes(found: Contents) -> bool:
    """Whether cells are numbers such as postcodes of four or five digits."""
    return found.share("digits") > 0.9 and 3.5 < found.length < 5.5 and 10 < found.distinct < 0.5 * found.filled
