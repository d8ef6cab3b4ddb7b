"""Columns of names that are known by the names of people in another file: those that nothing else tells, and of those
in two scripts the one that the other file is written in.
"""

from __future__ import annotations

import re
from typing import Final

import numpy as np

from exchange_node.records.column_map import FULL_NAME
from exchange_node.records.column_roles import TRUTH
from exchange_node.records.guess import Guess
from exchange_node.records.read_columns import FileColumns

_WORD: Final = re.compile(r"[^\W\d_]+")
_ASCII: Final = re.compile("[A-Za-z]")
_SAMPLE: Final = 2000
_ALIKE: Final = 0.3  # the share of cells whose words are names of the other file


def find_names(one: tuple[FileColumns, Guess], another: tuple[FileColumns, Guess]) -> None:
    """A column of whole names where the other file has forenames and surnames, and one has no names at all."""
    (file, ours), (other_file, theirs) = one, another
    names = {"forename", "surname", FULL_NAME}
    if names & ours.fields.keys() or not {"forename", "surname"} <= theirs.fields.keys():
        return
    forenames, surnames = (
        {word for column in theirs.fields[field] for text in _cells(other_file, column) for word in _words(text)}
        for field in ("forename", "surname")
    )

    def share(column: str) -> float:
        """Of cells that have words of both."""
        cells = [set(_words(text)) for text in _cells(file, column)]
        both = (any(word in forenames and not surnames.isdisjoint(words - {word}) for word in words) for words in cells)
        return sum(both) / max(len(cells), 1)

    columns = {own: column for own, (column, _) in ours.own.items() if ours.may_be_people(column)}
    best = max(columns, key=lambda own: share(columns[own]), default="")
    if best and share(columns[best]) > _ALIKE:
        ours.fields[FULL_NAME] = (columns[best],)
        del ours.own[best]


def settle_script(one: tuple[FileColumns, Guess], another: tuple[FileColumns, Guess]) -> None:
    """Names in the letters of the other file where ours has them in those, too: `Όνομα` and `Name (Latin)`."""
    (file, ours), (other_file, theirs) = one, another
    names = ("forename", "surname", FULL_NAME)
    known = next((theirs.fields[field][0] for field in names if field in theirs.fields), "")
    if not known:
        return
    latin = _latin(other_file, known)
    for field in names:
        if field in ours.fields and _latin(file, ours.fields[field][0]) != latin:
            others = [name for name in ours.called(field) if _latin(file, name) == latin]
            if field in theirs.fields:  # what is called otherwise is told by its values
                texts = {text.strip().lower() for text in _cells(other_file, theirs.fields[field][0])}
                free = [name for name, why in ours.ignored.items() if why != TRUTH] + [
                    name for name, _ in ours.own.values()
                ]
                others += [name for name in free if _share(file, name, texts) > _ALIKE]
            if others:
                ours.ignored[ours.fields[field][0]] = "another column has it in the letters of the other file"
                ours.fields[field] = (others[0],)
                ours.ignored.pop(others[0], None)
                ours.own = {own: found for own, found in ours.own.items() if found[0] != others[0]}


def _share(file: FileColumns, column: str, texts: set[str]) -> float:
    """Of the cells, those that are one of some texts."""
    cells = _cells(file, column)
    return sum(text.strip().lower() in texts for text in cells) / max(len(cells), 1)


def _latin(file: FileColumns, column: str) -> bool:
    """Whether most cells have letters from a to z."""
    cells = _cells(file, column)
    return sum(bool(_ASCII.search(text)) for text in cells) > 0.5 * len(cells)


def _cells(file: FileColumns, column: str) -> list[str]:
    found = file.columns[column]
    at = np.flatnonzero(found.codes)
    return found.at(at[np.linspace(0, len(at) - 1, min(len(at), _SAMPLE)).astype(np.int64)])


def _words(text: str) -> list[str]:
    return _WORD.findall(text.lower())
