"""From the columns of a file to the fields of a register, each distinct text standardised once.

Order of work: cells of several columns are joined for each distinct combination; the column as a whole decides how its
dates, postcodes and sexes are written; then each distinct text gets its standard form; equal forms share a code.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from functools import partial
from typing import Final

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

from exchange_node.records import addresses, column_dates, column_forms, contacts, headers, standardise
from exchange_node.records.column_map import FULL_NAME, ColumnMap, Source
from exchange_node.records.columns import Column, Kind
from exchange_node.records.common_names import name_shares
from exchange_node.records.nhs_numbers import valid_nhs_numbers
from exchange_node.records.standardise import Note
from exchange_node.records.texts import Texts
from exchange_node.records.values import MISSING

Form = Callable[[str, Note], str]
_SAMPLE: Final = 5000


@dataclass(slots=True)
class Findings:
    """What was met on the way, by field: `written`, rows with anything in the field's columns; `broken`, cells that
    break a rule. Most are missing after it; dates may be kept.
    """

    written: dict[str, int] = field(default_factory=dict)
    broken: dict[str, dict[str, int]] = field(default_factory=dict)

    def add(self, name: str, rule: str, count: int) -> None:
        """Count more cells that break a rule."""
        rules = self.broken.setdefault(name, {})
        rules[rule] = rules.get(rule, 0) + count


def standard_columns(
    columns: Mapping[str, Texts], found: ColumnMap, findings: Findings, turned: bool = False
) -> dict[str, Column]:
    """The fields of the map in standard form, in its order; `full_name` becomes three, `turned` with the other half
    first than common names tell. Nothing is raised."""
    made: dict[str, Column] = {}
    for name, source in found.fields.items():
        cells = [columns[column] for column in source.columns]
        if name == FULL_NAME:
            made |= _split_names(_join(cells), findings, turned)
        else:
            made[name] = _standard(name, source, cells, findings)
    if "forename" in made:
        _further_names(made)
    order = [*FIELD_ORDER, *(name for name in found.fields if name not in FIELD_ORDER and name != FULL_NAME)]
    return {name: made[name] for name in order if name in made}


FIELD_ORDER: Final = (
    "forename", "middle_names", "surname", "date_of_birth", "sex", "postcode", "address_line", "town", "state", "phone",
    "email", "nhs_number", "ni_number",
)  # fmt: skip


def _standard(name: str, source: Source, cells: list[Texts], findings: Findings) -> Column:
    if source.kind == "postcode" and len(cells) == 2 and _outward(cells[0]):
        texts = _join(cells)
    elif name == "phone" or source.kind in ("number", "sex", "postcode", "place"):
        texts = _first(cells)
    elif source.kind == "date" and len(cells) > 1:
        texts = _join_dates(cells)
    else:
        texts = _join(cells)
    counts = texts.counts()
    form = _form(name, source, texts, counts)
    return _column(name, source.kind, texts, counts, form, findings)


def _form(name: str, source: Source, texts: Texts, counts: NDArray[np.int64]) -> Form:
    if name == "surname" and headers.words(source.columns[-1])[-1:] in (["initials"], ["initial"]):
        return column_forms.before_initials
    if name == "forename" and _are_initials(texts, counts):
        return _initials
    by_name: dict[str, Form] = {
        "state": column_forms.state,
        "phone": contacts.phone,
        "email": contacts.email,
        "nhs_number": standardise.nhs_number,
        "ni_number": contacts.ni_number,
    }
    if name in by_name:
        return by_name[name]
    match source.kind:
        case "date":
            reading = column_dates.read_all(texts.distinct(), counts.tolist())
            return partial(_date, reading)
        case "sex":
            letters = {text.strip().lower() for text in texts.distinct()}
            dutch = any("geslacht" in column.lower() for column in source.columns)
            spanish = not dutch and bool(letters & {"h", "v"}) and "m" in letters and not letters & {"f", "w"}
            return partial(_sex, {"v": "f"} if dutch else {"m": "f"} if spanish else {})
        case "postcode":
            return partial(_postcode, _width(texts, counts))
    by_kind: dict[str, Form] = {
        "name": column_forms.name,
        "address": addresses.address,
        "place": column_forms.place,
        "text": column_forms.words,
        "number": contacts.number,
    }
    return by_kind[source.kind]


def _date(reading: column_dates.Reading, text: str, note: Note) -> str:
    return column_dates.date(text, reading, note)


def _initials(text: str, note: Note) -> str:
    return column_forms.name(" ".join(text.replace(".", "")), note)


def _postcode(width: int, text: str, note: Note) -> str:
    return column_forms.postcode(text, note, width)


def _width(texts: Texts, counts: NDArray[np.int64]) -> int:
    """The digits that most codes of digits alone have, 4 or 5; 0 where there are few such codes."""
    digits = pc.match_substring_regex(texts.values, r"^\d{3,5}(\.0)?$").to_numpy(zero_copy_only=False)
    short = pc.utf8_length(pc.replace_substring(texts.values, ".0", "")).to_numpy(zero_copy_only=False)
    rows = [int(counts[digits & (short == width)].sum()) for width in (4, 5)]
    return (4 if rows[0] > rows[1] else 5) if sum(rows) > 0.5 * counts[1:].sum() else 0


def _sex(meant: Mapping[str, str], text: str, note: Note) -> str:
    return column_forms.sex(text, note, meant)


def _column(name: str, kind: Kind, texts: Texts, counts: NDArray[np.int64], form: Form, findings: Findings) -> Column:
    """Each distinct text through `form`. NHS numbers as they should be, nearly one for each row, are told at once."""
    ready = valid_nhs_numbers(texts.values) if name == "nhs_number" else np.zeros(len(texts.values), bool)
    values = ["", *texts.values.filter(pa.array(ready)).to_pylist()]
    codes = np.zeros(len(texts.values), np.int32)
    codes[ready] = np.arange(1, len(values), dtype=np.int32)
    places = {value: at for at, value in enumerate(values)}
    rules: list[str] = []
    note = rules.append
    written = int(counts[ready].sum())
    met: list[int] = []
    for count, text in zip(counts[~ready].tolist(), texts.values.filter(pa.array(~ready)).to_pylist(), strict=True):
        if not text or (len(text) < 7 and _is_missing(text, kind)):
            met.append(0)
            continue
        written += count
        met.append(places.setdefault(form(text, note), len(places)))
        if rules:
            for rule in rules:
                findings.add(name, rule, count)
            rules.clear()
    codes[~ready] = met
    findings.written[name] = written
    return Column(name, kind, list(places), codes[texts.codes])


def _is_missing(text: str, kind: Kind) -> bool:
    """Whether a cell says that it is empty; Nan and Na are names, too."""
    return text.strip().lower() in MISSING and not (kind == "name" and text in ("Nan", "Na"))


def _split_names(texts: Texts, findings: Findings, turned: bool) -> dict[str, Column]:
    names = ("forename", "middle_names", "surname")
    places: list[dict[str, int]] = [{"": 0} for _ in names]
    counts = texts.counts()
    codes = np.zeros((3, len(texts.values)), np.int32)
    rules: list[str] = []
    reverse = _surname_first(texts.distinct()) != turned
    for at, text in enumerate(texts.distinct()):
        if text and text.strip().lower() not in MISSING:
            for part, word in enumerate(column_forms.whole_name(text, rules.append, reverse)):
                codes[part, at] = places[part].setdefault(word, len(places[part]))
            for rule in rules:
                findings.add("surname", rule, int(counts[at]))
            rules.clear()
    return {name: Column(name, "name", list(places[part]), codes[part][texts.codes]) for part, name in enumerate(names)}


def _surname_first(texts: list[str]) -> bool:
    """Whether common forenames stand rather at the end of whole names without a comma."""
    parts = [words for text in texts[:_SAMPLE] if "," not in text and len(words := text.split()) > 1]
    first, last = (name_shares([words[at] for words in parts]) for at in (0, -1))
    return last[0] + first[1] > 2 * (first[0] + last[1])


def _further_names(made: dict[str, Column]) -> None:
    """One forename; those behind it join the middle names, since registers keep them in one column or in two."""
    forename = made["forename"]
    several = np.array([" " in value for value in forename.values])
    if not several.any():
        return
    rows = np.flatnonzero(several[forename.codes])
    middle = made.get("middle_names") or Column("middle_names", "name", [""], np.zeros(len(forename), np.int32))
    pairs, back = np.unique(forename.codes[rows].astype(np.int64) << 32 | middle.codes[rows], return_inverse=True)
    places = {value: at for at, value in enumerate(middle.values)}
    joined = np.empty(len(pairs), np.int32)
    for at, pair in enumerate(pairs.tolist()):
        further = forename.values[pair >> 32].split(" ", 1)[1]
        text = f"{further} {middle.values[pair & 0xFFFFFFFF]}".rstrip()
        joined[at] = places.setdefault(text, len(places))
    codes = middle.codes.copy()
    codes[rows] = joined[back]
    made["middle_names"] = Column("middle_names", "name", list(places), codes)
    firsts: dict[str, int] = {}
    first = np.array([firsts.setdefault(value.split(" ", 1)[0], len(firsts)) for value in forename.values], np.int32)
    made["forename"] = Column("forename", "name", list(firsts), first[forename.codes])


def _share(texts: Texts, counts: NDArray[np.int64], form: str) -> float:
    """Of the cells that are filled, those in which a regular expression is found."""
    found = pc.match_substring_regex(texts.values, form).to_numpy(zero_copy_only=False)
    return float(counts[1:][found[1:]].sum() / max(counts[1:].sum(), 1))


def _outward(texts: Texts) -> bool:
    """Whether most cells are the first half of a UK postcode."""
    return _share(texts, texts.counts(), r"^\s*[A-Za-z]{1,2}\d[A-Za-z\d]?\s*$") > 0.5


def _are_initials(texts: Texts, counts: NDArray[np.int64]) -> bool:
    """Whether cells are initials, `JP`, and not short names, which have vowels."""
    return _share(texts, counts, r"^(?:[A-Z][. ]*){1,3}$") > 0.9 and _share(texts, counts, r"^[^AEIOUY]+$") > 0.3


def _first(cells: list[Texts]) -> Texts:
    """For each row the first cell that is filled."""
    found = cells[0]
    for other in cells[1:]:
        values = pa.concat_arrays([found.values, other.values])
        codes = np.where(found.codes > 0, found.codes, other.codes + np.int32(len(found.values)))
        found = Texts.of_codes(values, codes)
    return found


def _join(cells: list[Texts], between: str = " ") -> Texts:
    """For each row the cells that are filled, joined in order; whole floats become integers."""
    if len(cells) > 1:
        whole = (pc.replace_substring_regex(one.values, r"^(\d+)\.0$", r"\1") for one in cells)
        cells = [Texts(values, one.codes) for values, one in zip(whole, cells, strict=True)]
    found = cells[0]
    for other in cells[1:]:
        pairs, back = np.unique(found.codes.astype(np.int64) << 32 | other.codes, return_inverse=True)
        left = pc.utf8_trim_whitespace(found.values.take(pa.array(pairs >> 32)))
        right = pc.utf8_trim_whitespace(other.values.take(pa.array(pairs & 0xFFFFFFFF)))
        joined = pc.binary_join_element_wise(left, right, between)
        if between == " ":
            joined = pc.utf8_trim_whitespace(joined)
        found = Texts.of_codes(joined, back.astype(np.int32))
    return found


def _join_dates(cells: list[Texts]) -> Texts:
    """Year, month and day of two or three columns, in whichever order they stand, as `1985-4-3`."""
    most = [_largest(column) for column in cells]
    year = max(range(len(cells)), key=lambda at: most[at])
    rest = [at for at in range(len(cells)) if at != year]
    if len(rest) == 1 and not most[rest[0]]:  # `14 March`, `14/03`
        return _join([_part(cells[rest[0]], "00"), _part(cells[year], "0000")], "-")
    if year and len(rest) == 2:
        rest.reverse()  # day, month, year
    if len(rest) == 2 and most[rest[0]] > 12 >= most[rest[1]]:
        rest.reverse()
    return _join([_part(cells[year], "0000"), *(_part(cells[at], "00") for at in rest)], "-")


def _largest(column: Texts) -> int:
    """The number under which 90 of 100 cells stay."""
    counts = column.counts()
    known = [(int(text.strip().removesuffix(".0")), int(counts[at])) for at, text in enumerate(column.distinct())
             if text.strip().removesuffix(".0").isdecimal() and len(text) < 9]  # fmt: skip
    total, found = sum(count for _, count in known), 0
    for number, count in sorted(known):
        found += count
        if found >= 0.9 * total:
            return number
    return 0


def _part(column: Texts, missing: str) -> Texts:
    """Days, months or years as numbers, with what stands for a missing one."""
    values = [
        text.strip().removesuffix(".0") if text.strip().lower() not in MISSING else missing
        for text in column.distinct()
    ]
    return Texts(pa.array(values, pa.string()), column.codes)
