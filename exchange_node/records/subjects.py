"""Whom the rows are about where they tell of several people: whom the other file knows, too.

A maternity ward's file has a mother and her child in each row, and so has that of health visitors. Which of them two
files have in common no name of a column says.
"""

from __future__ import annotations

from collections.abc import Sequence
from itertools import product
from typing import Final

from exchange_node.records import headers
from exchange_node.records.column_map import FULL_NAME, ColumnMap
from exchange_node.records.guess import Guess
from exchange_node.records.header_words import word_set
from exchange_node.records.read_columns import FileColumns
from exchange_node.records.standard_columns import Findings, standard_columns

_OTHERS: Final = word_set(
    "mother mum mothers father dad fathers parent guardian carer partner spouse husband wife victim witness"
)
_BY: Final = ("forename", "surname", "date_of_birth")
_CLEARLY: Final = 0.05  # so many more than twice as many people must be common


def guess_all(files: Sequence[FileColumns], exclude: frozenset[str]) -> list[Guess]:
    """The guess of each file; of two, that of the people whom both have."""
    usual = [Guess(file, exclude) for file in files]
    if len(files) != 2:
        return usual
    options = [
        [found, *(Guess(file, exclude, word) for word in _named(file))]
        for file, found in zip(files, usual, strict=True)
    ]
    if all(len(guesses) == 1 for guesses in options):
        return usual
    people = {
        id(guess): _people(file, guess) for file, guesses in zip(files, options, strict=True) for guess in guesses
    }
    shares = {pair: _share(*(people[id(guess)] for guess in pair)) for pair in product(*options)}
    best = max(shares, key=lambda pair: shares[pair])
    return list(best) if shares[best] > 2 * shares[usual[0], usual[1]] + _CLEARLY else usual


def _named(file: FileColumns) -> list[str]:
    """Words for other people of whom several columns tell."""
    found = [headers.words(name) for name in file.columns]
    return [word for word in sorted(_OTHERS) if sum(word in words for words in found) > 1]


def _people(file: FileColumns, guess: Guess) -> dict[str, list[str]]:
    """Names and birth dates in standard form, for each row."""
    fields = {name: source for name, source in guess.map().fields.items() if name in (*_BY, FULL_NAME)}
    made = standard_columns(file.columns, ColumnMap(fields), Findings())
    return {name: [column.values[code] for code in column.codes] for name, column in made.items() if name in _BY}


def _share(ours: dict[str, list[str]], theirs: dict[str, list[str]]) -> float:
    """Of the fewer people, those who have a namesake, born on the same day if both files tell, in the other file."""
    both = [name for name in _BY if name in ours and name in theirs]
    if len(both) < 2:
        return 0.0
    few, many = sorted(
        ({key for key in zip(*(side[name] for name in both), strict=True) if all(key)} for side in (ours, theirs)),
        key=len,
    )
    return len(few & many) / max(len(few), 1)
