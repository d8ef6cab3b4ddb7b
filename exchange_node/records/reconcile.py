"""From what was guessed of each file alone to maps that fit together.

Files tell of each other: a column whose name says nothing is known by values that stand in a named column of another
file, and a field of a register's own counts where all have it and its values meet.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from itertools import permutations
from typing import Final

import numpy as np
import pyarrow.compute as pc

from exchange_node.records import headers
from exchange_node.records.column_map import FULL_NAME, KINDS, ColumnMap
from exchange_node.records.columns import Kind
from exchange_node.records.find_names import find_names, settle_script
from exchange_node.records.guess import Guess
from exchange_node.records.read_columns import FileColumns

ONE_SIDED: Final = "nothing in the other file was taken for the same; --map can name it"
MANY: Final = "other columns tell more; it is used only if --map names it"
MOST_OWN: Final = 10
"""Fields of registers' own that are used unasked: those that tell most. Vectors have room for so many beside the usual
fields without crowding these.
"""
_LEAST: Final = 0.02  # the share of common values below which own fields of one name are not the same thing
_LEAST_PLACE: Final = 0.2  # and of those that have few values
_ALIKE: Final = 0.3  # the share of common values from which a nameless column is taken for a named one
_MOST: Final = 20_000  # values compared
_SEVERAL: Final = 20  # values of a column whose name is not known
_TOWNS: Final = 500  # looked for in so many address lines:
_LINES: Final = 1000


def reconcile(files: Sequence[FileColumns], guesses: Sequence[Guess]) -> tuple[ColumnMap, ...]:
    """The maps of files that are to be linked, each with its own names for the same fields; or of one file alone."""
    pairs = list(permutations(zip(files, guesses, strict=True), 2))
    for ours, theirs in pairs:
        find_names(ours, theirs)
        settle_script(ours, theirs)
        _settle_names(ours, theirs)
        _find_nameless(ours, theirs)
        _settle_town(ours, theirs)
    for ours, theirs in pairs:
        for place in ("town", "state"):
            _keep_place_in_line(ours, theirs, place)
    for name in dict.fromkeys(name for guess in guesses for name in guess.own):
        _agree(files, guesses, name)
    _keep_telling(files, guesses)
    return tuple(guess.map() for guess in guesses)


def _agree(files: Sequence[FileColumns], guesses: Sequence[Guess], name: str) -> None:
    """An own field stays where all have it, with one kind and values that meet those of the first."""
    found = [guess.own[name] for guess in guesses if name in guess.own]
    if len(found) == len(guesses):
        kinds = {kind for _, kind in found}
        kind: Kind = found[0][1] if len(kinds) == 1 else "text"
        met = (
            meeting(files[0], found[0][0], file, column) for file, (column, _) in zip(files[1:], found[1:], strict=True)
        )
        if min(met, default=1.0) >= (_LEAST_PLACE if kind == "place" else _LEAST):
            for guess, (column, _) in zip(guesses, found, strict=True):
                guess.own[name] = (column, kind)
            return
    reason = "its values are not those of the other file" if len(found) == len(guesses) else ONE_SIDED
    for guess in guesses:
        if name in guess.own:
            guess.ignored[guess.own.pop(name)[0]] = reason


def _keep_telling(files: Sequence[FileColumns], guesses: Sequence[Guess]) -> None:
    """Of own fields, which all files have by now, the most telling ones: filled, and of many values."""

    def tells(name: str) -> float:
        return min(_tells(file, guess.own[name][0]) for file, guess in zip(files, guesses, strict=True))

    for name in sorted(guesses[0].own, key=tells, reverse=True)[MOST_OWN:]:
        for guess in guesses:
            guess.ignored[guess.own.pop(name)[0]] = MANY


def _tells(file: FileColumns, column: str) -> float:
    """The most bits that a row's value may tell. What numbers a file's rows tells nothing."""
    filled, distinct = np.count_nonzero(file.columns[column].codes), len(file.columns[column].values) - 1
    return 0.0 if distinct == filled else float(np.log2(max(distinct, 1)) * filled / max(file.rows, 1))


def _settle_names(one: tuple[FileColumns, Guess], another: tuple[FileColumns, Guess]) -> None:
    """Forename and surname told apart by cells alone are put right by the other file's."""
    (file, ours), (other_file, theirs) = one, another
    both = {"forename", "surname"}
    if not both <= ours.fields.keys() or not both <= theirs.fields.keys() or not both & (ours.unsure - theirs.unsure):
        return

    def met(field: str, other: str) -> float:
        return meeting(file, ours.fields[field][0], other_file, theirs.fields[other][0])

    if met("forename", "surname") + met("surname", "forename") > met("forename", "forename") + met(
        "surname", "surname"
    ):
        ours.fields["forename"], ours.fields["surname"] = ours.fields["surname"], ours.fields["forename"]


def _find_nameless(one: tuple[FileColumns, Guess], another: tuple[FileColumns, Guess]) -> None:
    """Columns of one side whose names say nothing, by the values of the other side's fields."""
    (file, ours), (other_file, theirs) = one, another
    if "town" in ours.unsure and "town" not in theirs.unsure:  # of few values, as many other columns are
        ours.own["town_own"] = (ours.fields.pop("town")[0], "place")
    named = {name: (columns[0], KINDS[name]) for name, columns in theirs.fields.items() if _by_value(name, columns)}
    named |= theirs.own
    if FULL_NAME in ours.fields or FULL_NAME in theirs.fields:
        named = {name: found for name, found in named.items() if found[1] != "name"}
    for name, (column, kind) in named.items():
        if name in ours.fields or name in ours.own:
            continue
        alike = {
            own: meeting(file, ours.own[own][0], other_file, column)
            for own in ours.own
            if not (kind == "place" and headers.of_birth(ours.own[own][0]))
            if ours.nameless(ours.own[own][0]) or (name in KINDS and ours.unknown(ours.own[own][0]))
            if _as_many(file, ours.own[own][0], other_file, column, kind, ours.nameless(ours.own[own][0]))
        }
        best = max(alike, key=lambda own: alike[own], default="")
        if best and alike[best] >= _ALIKE:
            found, _ = ours.own.pop(best)
            if name in KINDS:
                ours.fields[name] = (found,)
            else:
                ours.own[name] = (found, kind)


def _settle_town(one: tuple[FileColumns, Guess], another: tuple[FileColumns, Guess]) -> None:
    """Which address line is that of the town is told by the towns of the other file; where they stand in several, for
    lines move up where one is empty, none is.
    """
    (file, ours), (other_file, theirs) = one, another
    if "town" not in ours.fields or "town" not in theirs.fields or not ours.is_line(ours.fields["town"][0]):
        return
    (town, *_), line = ours.fields["town"], ours.fields.get("address_line", ())
    towns = {text.strip().lower() for text in other_file.columns[theirs.fields["town"][0]].distinct()[1:]}
    share = {name: _share(file, name, towns) for name in (town, *line[1:])}
    best = max(share, key=lambda name: share[name])
    if sum(share.values()) < _ALIKE:
        return
    if share[best] > 0.9 * sum(share.values()):
        ours.fields["town"] = (best,)
        ours.fields["address_line"] = tuple(town if name == best else name for name in line)
    else:
        del ours.fields["town"]
        ours.fields["address_line"] = (*line, town)


def _share(file: FileColumns, column: str, texts: set[str]) -> float:
    """Of the first rows, those that hold one of some texts in a column."""
    cells = file.columns[column].at(np.arange(min(file.rows, _LINES)))
    return sum(text.strip().lower() in texts for text in cells) / max(len(cells), 1)


def _keep_place_in_line(one: tuple[FileColumns, Guess], another: tuple[FileColumns, Guess], place: str) -> None:
    """A town or county of its own is part of the address, too, where the other file has it in address lines alone."""
    (file, ours), (other_file, theirs) = one, another
    column, line, their_line = (
        ours.fields.get(place), ours.fields.get("address_line"), theirs.fields.get("address_line")
    )  # fmt: skip
    if not column or not line or not their_line or column[0] in line or place in theirs.fields:
        return
    known = [text.strip().lower() for text in file.columns[column[0]].distinct()[1:_TOWNS]]
    pattern = re.compile("|".join(rf"\b{re.escape(name)}\b" for name in known if name))
    rows = np.arange(min(other_file.rows, _LINES))
    cells = zip(*(other_file.columns[name].at(rows) for name in their_line), strict=True)
    texts = [text for parts in cells if (text := " ".join(parts).strip().lower())]
    if known and sum(bool(pattern.search(text)) for text in texts) > 0.5 * len(texts):
        ours.fields["address_line"] = (*line, *column)


def _as_many(file: FileColumns, column: str, other: FileColumns, theirs: str, kind: Kind, nameless: bool) -> bool:
    """Whether a column has enough values to be told by them. A flag has not, though its letters stand among initials,
    nor have colours, some of which are surnames.
    """
    found, others = len(file.columns[column].values), len(other.columns[theirs].values)
    as_places = kind == "place" and 5 < found < 2 * others < 4 * found
    return (nameless or found > _SEVERAL or as_places) and (kind != "name" or found > 0.1 * others)


def _by_value(name: str, columns: tuple[str, ...]) -> bool:
    """Whether a field's values are written alike in all registers."""
    return len(columns) == 1 and KINDS.get(name) in ("name", "place", "postcode", "number")


def meeting(file: FileColumns, column: str, other: FileColumns, theirs: str) -> float:
    """The share of the fewer distinct values that the other column has, too, upper and lower case alike."""
    ours, others = (
        pc.unique(pc.utf8_lower(pc.utf8_trim_whitespace(found.columns[name].values[1:])))
        for found, name in ((file, column), (other, theirs))
    )
    few, many = sorted((ours, others), key=len)
    return float(np.mean(pc.is_in(few[:_MOST], many).to_numpy(zero_copy_only=False))) if len(few) else 0.0
