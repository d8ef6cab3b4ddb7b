"""What the cells of a column look like, seen in a sample: shares of shapes, never a value."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Final

import numpy as np

from exchange_node.records import column_dates, column_forms, header_words, headers, standardise
from exchange_node.records.columns import Kind
from exchange_node.records.texts import Texts
from exchange_node.records.values import MISSING

_SAMPLE: Final = 2000  # rows, evenly spaced
_DAY: Final = r"(?:[0-2]\d|3[01])"
_MONTH: Final = r"(?:0\d|1[0-2])"
_SHAPES: Final = {
    "date": re.compile(
        r"(?:\d{4}[-/. ]\d{1,2}[-/. ]\d{1,2}|\d{1,2}[-/. ]\d{1,2}[-/. ]\d{2,4}|(?:18|19|20)\d\d[01]\d[0-3]\d|"
        r"(?:[A-Za-z]{3,9}[., ]+)?\d{1,2}(?:st|nd|rd|th)?(?: of)?[-/. ]*[A-Za-z]{3,9}[-/., ]*\d{2,4}|"
        r"(?:\d\d)?\d\d[01]\d[0-3]\d[-+][\dXx*]{4}|[0-3]\d[01]\d\d\d-[\dXx*]{4}|"
        r"[A-Za-z]{3,9} \d{1,2}(?:st|nd|rd|th)?,? \d{4})(?:[T ]\d\d:\d\d.*)?(?:\.0)?",
        re.ASCII,
    ),
    "packed": re.compile(rf"{_DAY}{_MONTH}\d\d|{_MONTH}{_DAY}\d\d|\d\d{_MONTH}{_DAY}", re.ASCII),
    "day-month": re.compile(
        r"\d{1,2}(?:st|nd|rd|th)?(?: of)?[-/. ]+(?:[A-Za-z]{3,9}|\d{1,2})|[A-Za-z]{3,9}[-/. ]+\d{1,2}(?:st|nd|rd|th)?",
        re.ASCII,
    ),
    "year": re.compile(r"(?:18[5-9]\d|19\d\d|20[0-4]\d)(?:\.0)?", re.ASCII),
    "email": re.compile(r"[^@\s]+@[^@\s]+\.[A-Za-z]{2,}"),
    "phone": re.compile(r"(?:\+|00|\(?0)[\d ()./-]{8,18}|\(?\d{3}\)?[ -]?\d{3}[ -]\d{4}|447\d{9}|7\d{9}", re.ASCII),
    "ni_number": re.compile(r"[A-CEGHJ-PR-TW-Za-z]{2} ?\d\d ?\d\d ?\d\d ?[A-Da-d]?", re.ASCII),
    "ends-in-postcode": re.compile(r".{6,}\b[A-Z]{1,2}\d[A-Z\d]? ?\d[A-Z]{2}\W*", re.I | re.ASCII | re.DOTALL),
    "holds-code": re.compile(  # looks again from many places, so not in long texts
        r"(?!.{161})(?:.*\d.*\W(?:\d{5}|\d{2}-\d{3}|\d{3} \d{2}|\d{4})\W+[^\W\d_]\D*|"
        r".*\d.*[^\W\d_]{3}.*\W\d{4,5}\W*)",
        re.ASCII | re.DOTALL,
    ),
    "digits": re.compile(r"\d+(?:\.0)?", re.ASCII),
    "measure": re.compile(r"-?\d+\.\d+", re.ASCII),
    "letters": re.compile(r"[^\W\d_][^\d_@]*"),
    "titled": re.compile(r"(?:mr|mrs|ms|miss|mx|dr|herr|frau|mme|sr|sra)\b\.? .*", re.I),
    "numbered": re.compile(r"(?=.*\d)(?=.*[^\W\d_]{2}).* .*"),  # digits and a word
}


@dataclass(frozen=True, slots=True)
class Contents:
    """Figures of one column. Shares are of the cells that are filled, from 0 to 1."""

    rows: int
    filled: int
    distinct: int
    top: float  # the share of the commonest value
    shares: dict[str, float]  # by shape; `sex`, `postcode` (UK) and `nhs_number` as the standardiser reads them
    words: float  # the mean number of words
    length: float  # the mean number of characters
    running: bool  # a number for each row, counted on without gaps
    most: int  # the largest of whole numbers, 0 where there are others

    @property
    def unique(self) -> bool:
        """Whether nearly every row has a value of its own."""
        return self.filled > 20 and self.distinct >= 0.99 * self.filled

    @property
    def constant(self) -> bool:
        """Whether there is at most one value."""
        return self.distinct <= 1

    def share(self, shape: str) -> float:
        """The share of one shape."""
        return self.shares.get(shape, 0.0)


def look(column: Texts) -> Contents:
    """The figures of a column."""
    rows = len(column)
    counts = column.counts()
    filled = rows - int(counts[0])
    at = np.flatnonzero(column.codes)
    if len(at) > _SAMPLE:
        at = at[np.linspace(0, len(at) - 1, _SAMPLE).astype(np.int64)]
    sample = [text for text in map(str.strip, column.at(at)) if text.lower() not in MISSING]
    size = max(len(sample), 1)
    shares = {shape: sum(map(bool, map(pattern.fullmatch, sample))) / size for shape, pattern in _SHAPES.items()}
    for name, function in (
        ("sex", column_forms.sex), ("title", column_forms.title), ("postcode", standardise.postcode),
        ("nhs_number", standardise.nhs_number),
    ):  # fmt: skip
        shares[name] = sum(bool(function(text)) for text in sample) / size
    shares["comma"] = sum("," in text for text in sample) / size
    whole = [int(text.removesuffix(".0")) for text in sample if _SHAPES["digits"].fullmatch(text) and len(text) < 19]
    return Contents(
        rows,
        filled,
        int((counts[1:] > 0).sum()),
        float(counts[1:].max() / filled) if filled else 0.0,
        shares,
        sum(len(text.split()) for text in sample) / size,
        sum(map(len, sample)) / size,
        _running(column, filled),
        max(whole) if len(whole) == len(sample) and whole else 0,
    )


_TAIL: Final = re.compile(r"(.*?)(\d{1,18})(\D*)\Z", re.ASCII | re.DOTALL)


def _running(column: Texts, filled: int) -> bool:
    """Whether the cells are one text and a number, and the numbers fill their range. Told from a sample, whose range
    can only be smaller."""
    if filled < 2 or len(column.values) - 1 < 0.99 * filled:
        return False
    at = np.flatnonzero(column.codes)
    sample = column.at(at[np.linspace(0, len(at) - 1, min(len(at), _SAMPLE)).astype(np.int64)])
    found = [part for text in sample if (part := _TAIL.match(text.removesuffix(".0")))]
    if len(found) < len(sample) or len({(part[1].rstrip("0"), part[3]) for part in found}) > 1:
        return False
    numbers = [int(part[2]) for part in found]
    return max(numbers) - min(numbers) < 1.05 * filled + 5


_DEATH: Final = frozenset(("death", "deceased", "died", "dod"))
_NAME: Final = frozenset(("name", "names", "surname", "forename", "lastname", "firstname", "nom", "apellido"))
_WRITING: Final = frozenset(("created", "entered", "keyed", "updated", "modified", "amended"))
_FEW: Final = 200


def spread_of_years(texts: list[str]) -> int:
    """The years between the first and the last of twenty dates."""
    reading = column_dates.decide(texts, [1] * len(texts))
    years = sorted(year for text in texts if (year := int(column_dates.date(text, reading)[:4] or 0)))
    return years[len(years) * 19 // 20] - years[len(years) // 20] if len(years) > 5 else 0


def own_kind(name: str, found: Contents) -> Kind | str:
    """The kind under which a column that is none of the known fields could be compared, or why it is not."""
    words = headers.words(name)
    if found.constant:
        return "it has one value only"
    if found.running:
        return "it counts the rows"
    if headers.role_of(name) == "row-id" and (len(words) <= 2 or found.length > 20) and found.unique:
        return "it names rows, not people"
    if found.unique and header_words.GENERIC_NUMBER.issuperset(words):  # `No.`, and `#`
        return "it names rows, not people"
    if _WRITING.intersection(words):
        return "it tells of the row, not of the person"
    if found.words > 8:
        return "it is free text"
    if found.share("date") > 0.6:
        return "date" if _DEATH.intersection(words) else "a date of something other than birth"
    if found.share("postcode") > 0.6:
        return "postcode"
    if found.distinct <= _FEW and found.distinct < 0.1 * found.filled:
        return "place"
    if found.share("letters") > 0.8 and _NAME.intersection(words):
        return "name"
    if found.share("letters") > 0.6 or found.share("numbered") > 0.5:
        return "text"
    if found.share("measure") > 0.5:
        return "it is a measure, not an identifier"
    return "number" if found.length >= 4 else "its short numbers tell little"


def fits(role: str, found: Contents) -> bool:
    """Whether cells can be what a column's name says."""
    share = found.share
    match role:
        case "date_of_birth":
            return share("date") > 0.3 or share("year") > 0.5 or (share("digits") > 0.5 and found.length >= 4)
        case "birth_year":
            return share("digits") > 0.5 and found.distinct > 10
        case "birth_month":
            return found.distinct < 40
        case "birth_day":
            return (found.distinct < 40 and found.most < 32 and share("date") < 0.5) or share("day-month") > 0.6
        case "sex":
            return share("sex") > 0.3 or found.distinct <= 8
        case "postcode":
            return share("postcode") > 0.3 or (found.length < 12 and share("letters") < 0.5)
        case "email":
            return share("email") > 0.3
        case "phone" | "nhs_number" | "ni_number":
            return found.length > 5 and share("letters") < 0.5
        case "forename" | "surname" | "surname2" | "surname_before" | "full_name" | "nom" | "middle_names":
            return share("letters") > 0.5
        case "initials":
            return share("letters") > 0.5 and found.length < 6
        case "outcode" | "incode":
            return 2 <= found.length < 5
        case "town" | "state" | "locality":
            return share("letters") > 0.5 or found.distinct < _FEW
    return True


def tells(role: str, found: Contents) -> bool:
    """Whether cells look like a field of which their column's name speaks only in part."""
    share, several = found.share, found.distinct > 10
    match role:
        case "date_of_birth":
            return share("date") > 0.6 or share("year") > 0.8 or (share("digits") > 0.8 and 4.5 < found.length < 8.5)
        case "birth_year":
            return share("year") > 0.8 and several
        case "birth_month" | "birth_day":
            return 10 < found.distinct < 40 and 10 < found.most < 32
        case "sex":
            return share("sex") > 0.5
        case "postcode":
            return share("postcode") > 0.5 or (several and 4 <= found.length < 9 and share("letters") < 0.5)
        case "phone" if share("digits") > 0.8 and 8 <= found.length < 13 and not found.running:
            return True
        case "email" | "phone" | "nhs_number" | "ni_number":
            return share(role) > 0.5
        case "full_name":
            return share("letters") > 0.8 and found.words > 1.5 and found.distinct > 0.2 * found.filled
        case "forename" | "surname" | "surname2" | "nom" | "middle_names":
            return share("letters") > 0.8 and found.distinct > 2 and found.words < 3
        case "town" | "state" | "locality":
            return share("letters") > 0.8 and found.distinct < 5000 and found.words < 4
        case "address_line" | "address_more" | "street":
            return share("letters") + share("numbered") > 0.5
        case "house_number" | "house_name" | "unit" | "street_before" | "street_after" | "title" | "initials":
            return fits(role, found)
    return False
