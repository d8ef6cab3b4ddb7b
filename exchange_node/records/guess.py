"""Guess which columns of one file stand for which field, from their names first and from their cells besides.

A name proposes, the cells dispose: a column called `dob` that holds no dates is none. Columns whose names say nothing
are known by their cells alone. Every column that is not used is listed with the reason.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Final

from exchange_node.records import headers
from exchange_node.records.column_map import FULL_NAME, KINDS, ColumnMap, Source
from exchange_node.records.columns import Kind
from exchange_node.records.common_names import FORENAMES, SURNAMES
from exchange_node.records.contents import Contents, look
from exchange_node.records.read_columns import FileColumns
from exchange_node.records.standardise import ascii_lower
from exchange_node.records.texts import Texts

_NAMELESS: Final = re.compile(r"(?:[a-z]|c|v|f|x|q|col|column|field|feld|var|variable|unnamed|attr|feature)?_?\d*")
_DEATH: Final = frozenset(("death", "deceased", "died", "dod"))
_FEW: Final = 200
_NAMES: Final = ("forename", "middle_names", "surname")


class Guess:
    """The columns of one file on their way to fields. `fields` and `ignored` become the map; `own` are columns that
    could be fields under their own name.
    """

    def __init__(self, file: FileColumns, exclude: frozenset[str] = frozenset()) -> None:
        self._columns = {name: column for name, column in file.columns.items() if name not in exclude}
        self.contents = {name: look(column) for name, column in self._columns.items()}
        self.fields: dict[str, tuple[str, ...]] = {}
        self.ignored: dict[str, str] = dict.fromkeys(exclude & file.columns.keys(), "it is the truth, kept apart")
        self.own: dict[str, tuple[str, Kind]] = {}
        self._roles: dict[str, list[str]] = {}
        self._by_name()
        self._names()
        self._birth()
        self._address()
        self._by_contents()
        self._rest()

    def map(self) -> ColumnMap:
        """The map of this file alone, with its own fields."""
        kinds: dict[str, Kind] = {**KINDS, FULL_NAME: "name"}
        fields = {name: Source(self.fields[name], kinds[name]) for name in kinds if name in self.fields}
        fields |= {name: Source((column,), kind) for name, (column, kind) in self.own.items()}
        return ColumnMap(fields, dict(self.ignored))

    def left(self) -> list[str]:
        """Columns that are neither used nor ignored so far."""
        used = {name for columns in self.fields.values() for name in columns}
        used |= {column for column, _ in self.own.values()}
        return [name for name in self._columns if name not in used and name not in self.ignored]

    def _by_name(self) -> None:
        for name in self._columns:
            found = self.contents[name]
            if found.filled == 0:
                self.ignored[name] = "it is empty"
                continue
            role = headers.field_of(name)
            if role == "truth":
                self.ignored[name] = "its name says that it tells who is who; name it with --truth or in --map"
            elif role and role not in ("row-id", "other") and fits(role, found):
                self._roles.setdefault(role, []).append(name)
        for name in self._roles.pop("title", []):
            self.ignored[name] = "titles change and tell little"
        for name in self._roles.pop("age", []):
            self.ignored[name] = "an age changes from year to year; a date or year of birth would serve"
        for field in ("sex", "postcode", "email", "nhs_number", "ni_number", "town", "state"):
            columns = self._taken(field)
            if columns:
                self.fields[field] = (max(columns, key=lambda name: self.contents[name].filled),)
        phones = self._taken("phone")
        if phones:
            mobile = [name for name in phones if {"mobile", "mob", "cell", "handy"} & set(headers.words(name))]
            self.fields["phone"] = tuple(dict.fromkeys((*mobile, *phones)))

    def _taken(self, *roles: str) -> list[str]:
        return [name for role in roles for name in self._roles.get(role, ())]

    def _drop(self, columns: list[str], reason: str) -> None:
        for name in columns:
            self.ignored.setdefault(name, reason)

    def _names(self) -> None:
        whole = self._taken(FULL_NAME)
        forename, surname = self._taken("forename"), self._taken("surname")
        for name in self._taken("nom"):
            (surname if forename and not surname else whole).append(name)
        for name in list(whole):
            several = self.contents[name].words >= 1.5 or self.contents[name].share("comma") > 0.3
            if bool(forename) != bool(surname) and not (several and self._holds(name, (forename or surname)[0])):
                (forename if surname else surname).append(name)
                whole.remove(name)
        if forename and surname:
            self._drop(whole, "the names stand in columns of their own")
        elif whole:
            self.fields[FULL_NAME] = (whole[0],)
            self._drop([*whole[1:], *forename, *surname], "the whole name stands in another column")
            forename, surname = [], []
        if forename:
            self.fields["forename"] = (forename[0],)
        if surname:
            self.fields["surname"] = (surname[0], *self._taken("surname2")[:1])
        middle = self._taken("middle_names")
        if middle:
            self.fields["middle_names"] = tuple(middle)

    def _holds(self, whole: str, part: str) -> bool:
        """Whether the cells of one column stand within those of another."""
        rows = range(0, self.contents[whole].rows, max(1, self.contents[whole].rows // 200))
        pairs = [
            (one.lower(), other.lower())
            for one, other in zip(self._at(whole, rows), self._at(part, rows), strict=True)
            if one and other
        ]
        return sum(other in one for one, other in pairs) > 0.5 * len(pairs)

    def _at(self, name: str, rows: range) -> list[str]:
        import numpy as np

        return self._columns[name].at(np.array(rows, np.int64))

    def _birth(self) -> None:
        whole = self._taken("date_of_birth")
        parts = [self._taken(part)[:1] for part in ("birth_year", "birth_month", "birth_day")]
        together = [name for part in parts for name in part]
        if whole:
            self.fields["date_of_birth"] = (max(whole, key=lambda name: self.contents[name].filled),)
            self._drop([*whole, *together], "the date of birth stands in another column")
            self.ignored.pop(self.fields["date_of_birth"][0], None)
        elif parts[0]:
            self.fields["date_of_birth"] = tuple(together)

    def _address(self) -> None:
        line, more, street = (self._taken(role) for role in ("address_line", "address_more", "street"))
        number, unit, house = (self._taken(role) for role in ("house_number", "unit", "house_name"))
        numbered = [name for name in (*line, *street) if self.contents[name].share("numbered") > 0.5]
        if not number and (line or street) and not numbered:
            number = [
                name
                for name in self._columns
                if headers.plain(name) in ("number", "no", "nr", "num") and not self.contents[name].unique
            ]
        if numbered and number:
            self._drop([*number, *[name for name in (*line, *street) if name not in numbered]],
                       "the address line has it")  # fmt: skip
            number, line, street = [], [numbered[0]], []
        if line and street and not number:
            line, street = [*line, *street][:1], []
        more.sort(key=lambda name: [int(word) for word in headers.words(name) if word.isdigit()])
        if "town" not in self.fields:
            towns = [name for name in more if self._like_town(name)] or self._taken("locality")
            if towns:
                self.fields["town"] = (towns[-1],)
                more = [name for name in more if name != towns[-1]]
        parts = [*number[:1], *house[:1], *street[:1], *line, *more, *unit[:1]]
        if parts and (line or street or more or house):
            self.fields["address_line"] = tuple(dict.fromkeys(parts))

    def _like_town(self, name: str) -> bool:
        found = self.contents[name]
        return found.share("letters") > 0.8 and found.distinct < min(5000, 0.2 * found.filled)

    def _by_contents(self) -> None:
        """Fields that no name told of."""
        for name in self.left():
            found = self.contents[name]
            nameless = _NAMELESS.fullmatch(headers.plain(name)) is not None
            if headers.field_of(name) == "other":
                continue
            for field, sure in (
                ("email", found.share("email") > 0.6),
                ("nhs_number", found.share("nhs_number") > 0.8 and not found.running),
                ("ni_number", found.share("ni_number") > 0.7),
                ("postcode", found.share("postcode") > 0.6),
                ("date_of_birth", found.share("date") > 0.8 and self._births(name, nameless)),
                ("phone", nameless and found.share("phone") > 0.8 and found.share("date") < 0.2),
                ("sex", nameless and found.share("sex") > 0.9 and found.share("digits") < 0.1 and found.distinct < 9),
                ("address_line", nameless and found.share("numbered") > 0.5 and found.words >= 2.4),
            ):
                if sure and field not in self.fields:
                    self.fields[field] = (name,)
                    break
        nameless_left = [
            name
            for name in self.left()
            if _NAMELESS.fullmatch(headers.plain(name)) and self.contents[name].share("letters") > 0.8
        ]
        if not self.fields.keys() & {"forename", "surname", FULL_NAME}:
            self._names_by_contents(nameless_left)
        for name in nameless_left:
            if name in self.left() and "town" not in self.fields and self._like_town(name):
                self.fields["town"] = (name,)

    def _births(self, name: str, nameless: bool) -> bool:
        """Whether dates spread over so many years as births do."""
        if not nameless and {"date", "dt", *_DEATH} & set(headers.words(name)):
            return False
        texts = self._at(name, range(0, self.contents[name].rows, max(1, self.contents[name].rows // 500)))
        years = sorted(int(found[0]) for text in texts if (found := re.search(r"(?:18|19|20)\d\d", text)))
        return len(years) > 5 and years[int(len(years) * 0.95)] - years[int(len(years) * 0.05)] >= 35

    def _names_by_contents(self, columns: list[str]) -> None:
        scores = {name: self._name_scores(name) for name in columns}
        whole = [name for name in columns if self.contents[name].words >= 1.7 and sum(scores[name]) > 0.1]
        if whole:
            self.fields[FULL_NAME] = (whole[0],)
            return
        first = max(columns, key=lambda name: scores[name][0] - scores[name][1], default="")
        if first and scores[first][0] > 0.1:
            self.fields["forename"] = (first,)
            columns = [name for name in columns if name != first]
        last = max(columns, key=lambda name: scores[name][1] - scores[name][0], default="")
        if last and scores[last][1] > 0.02:
            self.fields["surname"] = (last,)

    def _name_scores(self, name: str) -> tuple[float, float]:
        """The shares of common forenames and surnames among the words of a column."""
        texts = self._at(name, range(0, self.contents[name].rows, max(1, self.contents[name].rows // 2000)))
        found = [word for text in texts for word in re.findall(r"[a-z]+", ascii_lower(text))]
        size = max(len(found), 1)
        return sum(word in FORENAMES for word in found) / size, sum(word in SURNAMES for word in found) / size

    def _rest(self) -> None:
        for name in self.left():
            kind = own_kind(name, self.contents[name])
            if len(kind) > 9:
                self.ignored[name] = kind
            else:
                self.own[_free(headers.plain(name), self.own)] = (name, kind)  # type: ignore[assignment]


def _free(name: str, taken: Mapping[str, object]) -> str:
    name = name if name[0].isalpha() else f"column_{name}"
    while name in taken or name in KINDS or name == FULL_NAME:
        name += "_own"
    return name[:63]


def own_kind(name: str, found: Contents) -> str:
    """The kind under which a column could be compared, or the reason why it is not."""
    if found.constant:
        return "it has one value only"
    if found.running:
        return "it counts the rows"
    role = headers.field_of(name)
    if role == "row-id" and found.unique and len(headers.words(name)) <= 2:
        return "it names rows, not people"
    if found.words > 8:
        return "it is free text"
    if found.share("date") > 0.6:
        return "date" if _DEATH & set(headers.words(name)) else "a date of something other than birth"
    if found.distinct <= _FEW and found.distinct < 0.1 * found.filled:
        return "place"
    if found.share("letters") > 0.6 or found.share("numbered") > 0.5:
        return "text"
    return "number" if found.length >= 4 else "its short numbers tell little"


def fits(role: str, found: Contents) -> bool:
    """Whether cells can be what a column's name says."""
    share = found.share
    match role:
        case "date_of_birth":
            return share("date") > 0.3 or share("year") > 0.5 or (share("digits") > 0.5 and found.length >= 4)
        case "birth_year" | "birth_month" | "birth_day":
            return share("digits") > 0.5 or found.distinct < 40
        case "sex":
            return share("sex") > 0.3 or found.distinct <= 8
        case "postcode":
            return share("postcode") > 0.3 or (found.length < 12 and share("letters") < 0.5)
        case "email":
            return share("email") > 0.3
        case "phone" | "nhs_number" | "ni_number":
            return found.length > 5 and share("letters") < 0.5
        case "forename" | "surname" | "surname2" | "full_name" | "nom" | "middle_names":
            return share("letters") > 0.5
        case "town" | "state" | "locality":
            return share("letters") > 0.5 or found.distinct < _FEW
    return True


__all__ = ["Guess", "Texts", "fits", "own_kind"]
