"""What the cells of a column look like, seen in a sample: shares of shapes, never a value."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Final

import numpy as np

from exchange_node.records import standardise
from exchange_node.records.texts import Texts
from exchange_node.records.values import MISSING

_SAMPLE: Final = 2000  # rows, evenly spaced
_SHAPES: Final = {
    "date": re.compile(
        r"(?:\d{4}[-/. ]\d{1,2}[-/. ]\d{1,2}|\d{1,2}[-/. ]\d{1,2}[-/. ]\d{2,4}|(?:18|19|20)\d\d[01]\d[0-3]\d|"
        r"\d{1,2}[-/. ]*[A-Za-z]{3,9}[-/., ]*\d{2,4}|[A-Za-z]{3,9} \d{1,2},? \d{4})(?:[T ]\d\d:\d\d.*)?(?:\.0)?",
        re.ASCII,
    ),
    "year": re.compile(r"(?:18[5-9]\d|19\d\d|20[0-4]\d)(?:\.0)?", re.ASCII),
    "email": re.compile(r"[^@\s]+@[^@\s]+\.[A-Za-z]{2,}"),
    "phone": re.compile(r"(?:\+|00|\(?0)[\d ()./-]{8,18}|\(?\d{3}\)?[ -]?\d{3}[ -]\d{4}|447\d{9}|7\d{9}", re.ASCII),
    "ni_number": re.compile(r"[A-CEGHJ-PR-TW-Za-z]{2} ?\d\d ?\d\d ?\d\d ?[A-Da-d]?", re.ASCII),
    "digits": re.compile(r"\d+(?:\.0)?", re.ASCII),
    "letters": re.compile(r"[^\W\d_][^\d_@]*"),
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
        ("sex", standardise.sex), ("postcode", standardise.postcode), ("nhs_number", standardise.nhs_number),
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
    """Whether the cells are one text and a number that takes nearly every value of a range once."""
    if filled < 2 or len(column.values) - 1 < 0.99 * filled:
        return False
    at = np.flatnonzero(column.codes)
    sample = column.at(at[np.linspace(0, len(at) - 1, min(len(at), 20)).astype(np.int64)])
    found = [_TAIL.match(text) for text in sample]
    if not all(found) or len({(part[1].rstrip("0"), part[3]) for part in found if part}) > 1:
        return False
    numbers = np.array([int(part[2]) for text in column.distinct()[1:] if (part := _TAIL.match(text))], np.int64)
    return bool(len(numbers) >= 0.99 * filled and numbers.max() - numbers.min() < 1.05 * len(numbers) + 5)
