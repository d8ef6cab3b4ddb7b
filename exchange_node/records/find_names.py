"""Columns of names that neither their own names nor common names tell, known by the names of people in another file."""

from __future__ import annotations

import re
from typing import Final

import numpy as np

from exchange_node.records.column_map import FULL_NAME
from exchange_node.records.guess import Guess
from exchange_node.records.read_columns import FileColumns

_WORD: Final = re.compile(r"[^\W\d_]+")
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


def _cells(file: FileColumns, column: str) -> list[str]:
    found = file.columns[column]
    at = np.flatnonzero(found.codes)
    return found.at(at[np.linspace(0, len(at) - 1, min(len(at), _SAMPLE)).astype(np.int64)])


def _words(text: str) -> list[str]:
    return _WORD.findall(text.lower())
