"""What the columns of a file are by their names, if their cells can be it: parts of fields, not yet put together."""

from __future__ import annotations

import re
from typing import Final

import numpy as np

from exchange_node.records import header_words, headers
from exchange_node.records.contents import fits, look, tells
from exchange_node.records.read_columns import FileColumns

TRUTH: Final = "it is the truth, kept apart"
_NAMELESS: Final = re.compile(
    r"(?:[a-z]|(?:col|column|field|feld|var|variable|unnamed|attr|attribute|feature)(?:_[a-z])?)?_?\d*"
)
_SAMPLE: Final = 2000
_PERSONAL: Final = header_words.word_set(
    """
    forename middle_names surname surname2 surname_before full_name nom initials known_as title sex age date_of_birth
    birth_year birth_month birth_day nhs_number ni_number email
    """
)


def _prefix(names: list[str]) -> str:
    """What most columns' names begin with (`CUSTNAME`, `CUSTDOB`), in lower case; "" if it is nothing."""
    lowered = sorted(name.lower() for name in names)
    middle = lowered[len(lowered) // 2] if lowered else ""  # has what most of them begin with
    for size in range(len(middle) - 1, 1, -1):
        if sum(name.startswith(middle[:size]) for name in lowered) > max(4, 0.6 * len(lowered)):
            return middle[:size]
    return ""


class ColumnRoles:
    """The columns of one file by the roles of `headers`.

    `fields`: by field, the columns taken so far; `ignored`: the reason for each column that is not used.
    """

    def __init__(self, file: FileColumns, exclude: frozenset[str] = frozenset(), whose: str = "") -> None:
        """`whose`: a word for the one whom the rows are about, such as `mother`, where it is not the usual one."""
        self._whose = whose
        self._columns = {name: column for name, column in file.columns.items() if name not in exclude}
        self._contents = {name: look(column) for name, column in self._columns.items()}
        self._roles: dict[str, list[str]] = {}
        self._hinted: dict[str, list[str]] = {}
        self.fields: dict[str, tuple[str, ...]] = {}
        self.ignored: dict[str, str] = {name: TRUTH for name in file.columns if name in exclude}
        self._prefix = _prefix(list(self._columns))
        self._sort_by_role()

    def left(self) -> list[str]:
        """Columns that are neither used nor ignored so far."""
        used = {name for columns in self.fields.values() for name in columns}
        return [name for name in self._columns if name not in used and name not in self.ignored]

    def _role(self, *roles: str) -> list[str]:
        return [name for role in roles for name in self._roles.get(role, ())]

    def called(self, role: str) -> list[str]:
        """All columns whose names speak of a role, those that speak of it in part last."""
        return list(dict.fromkeys((*self._role(role), *self._hinted.get(role, ()))))

    def is_line(self, name: str) -> bool:
        """Whether it is called a further line of an address."""
        return name in self._role("address_more")

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
            roles = self.roles_of(name)
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
        if self._whose:
            self._leave_others()
        self._ignore(self._role("title"), "titles change and tell little")
        self._ignore(self._role("age"), "an age changes from year to year; a date or year of birth would serve")

    def roles_of(self, name: str) -> list[str]:
        """As `headers.roles_of`, of the name or of what is left without what the file puts before or behind it."""
        name = self._alone(name)
        return (
            headers.roles_of(name)
            or headers.roles_of(self._undoubled(name))
            or headers.roles_of(name.lower().removeprefix(self._prefix))
        )

    def _alone(self, name: str) -> str:
        """The name without the word for the one whom the rows are about, and without what stands before most others',
        if that tells of someone else: all columns of a file may be those of an incident's patient.
        """
        if self._whose and self._is_of_subject(name):
            return " ".join(word for word in headers.words(name) if word != self._whose)
        others = name.lower().startswith(self._prefix) and headers.roles_of(self._prefix) == ["other"]
        return name[len(self._prefix) :] or name if others else name

    def _is_of_subject(self, name: str) -> bool:
        return self._whose in headers.words(name)

    def _leave_others(self) -> None:
        """What tells of a person alone, and does not say whose it is, is that of the usual one."""
        for role in _PERSONAL & self._roles.keys():
            others = [name for name in self._roles[role] if not self._is_of_subject(name)]
            self._ignore(others, "it is of someone else in the row")
            self._roles[role] = [name for name in self._roles[role] if name not in others]

    def _undoubled(self, name: str) -> str:
        """The name in the header of a column that was numbered since others are called so, too; "" for any other."""
        found = name.rpartition("_")
        return found[0] if found[0] in self._columns and found[2].isdigit() else ""

    def _sort_by_hints(self) -> None:
        """Columns of whose names a part is known, where no name as a whole tells of the field: of these the cells must
        say it, too. Of several the one with the most values, and what is called as it but for a number: others are of
        someone else (an officer's surname).
        """
        hinted = self._hinted
        placed = {name for names in self._roles.values() for name in names}
        for name in self.left():
            hints = headers.hints_of(self._alone(name)) if name not in placed else []
            if role := next((role for role in hints if tells(role, self._contents[name])), ""):
                hinted.setdefault(role, []).append(name)
        self._find_halves()
        known = {role for role in self._roles if self._roles[role]}
        for role, names in hinted.items():
            if not known.intersection(header_words.INSTEAD.get(role, (role,))):
                called = headers.letters(max(names, key=lambda name: self._contents[name].distinct))
                self._roles[role] = [name for name in names if headers.letters(name) == called]

    def _find_halves(self) -> None:
        """A forename, or surname, that is only called a name, by the other half, which is called the same but for one
        word: `Pt Name` and `Pt Surname`.
        """
        hinted = self._hinted
        for half, other in (("forename", "surname"), ("surname", "forename")):
            if not (self._role(half, "full_name") or hinted.get(half) or hinted.get("full_name")):
                for partner in (self._role(other) or hinted.get(other, []))[:1]:
                    if halves := [name for name in self.left() if self._may_be_half(name, half, partner)]:
                        hinted[half] = halves

    def _may_be_half(self, name: str, half: str, partner: str) -> bool:
        both = zip(headers.words(name), headers.words(partner), strict=False)
        called_alike = sum(one != other for one, other in both) == 1
        return called_alike and "full_name" in headers.hints_of(name) and tells(half, self._contents[name])

    def nameless(self, name: str) -> bool:
        """Whether a column's name says nothing, such as `c1`, `field 7` or none."""
        return _NAMELESS.fullmatch(headers.plain(name)) is not None

    def unknown(self, name: str) -> bool:
        """Whether no word of a column's name is known."""
        return self.nameless(name) or not (self.roles_of(name) or headers.hints_of(name))

    def may_be_people(self, name: str) -> bool:
        """Whether a column of which nothing is known has cells such as whole names, and not of some staff alone."""
        found = self._contents[name]
        unknown = not self.roles_of(name) or self.nameless(name)
        return unknown and found.share("letters") > 0.8 and 1.5 < found.words < 5 and self.of_many(name)

    def of_many(self, name: str) -> bool:
        """Whether its values are as many as those of people, not of some staff or of towns."""
        return self._contents[name].distinct > 0.2 * self._contents[name].filled
