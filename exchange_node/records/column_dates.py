"""Dates of a whole column: how they are written is decided by all of them together.

No format need be named. `03/04/1985` is read as the column's other dates are that can be read in one way only, by the
rule that most of them keep; a column without any such date is taken to write the day first. Unlike `dates`, which
serves requests, a day that no calendar has is kept as written, since a typing error still is evidence, and a date of
which only the year, or year and month, is known is kept as far as it goes.
"""

from __future__ import annotations

import datetime
import re
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Final, Literal

from exchange_node.records.dates import DEFAULT_PIVOT, PLACEHOLDERS
from exchange_node.records.standardise import Note, ascii_lower, ignore

Order = Literal["dmy", "mdy", "ymd", "ydm"]

_TIME: Final = re.compile(r"[t\s]+\d{1,2}:\d{2}.*\Z|[t\s]+00:?00.*\Z", re.DOTALL | re.ASCII)
_NUMBERS: Final = re.compile(r"(\d{1,6})\s*[-/., ]\s*(\d{1,6})\s*[-/., ]\s*(\d{1,6})\.?\Z", re.ASCII)
_TWO: Final = re.compile(r"(\d{1,4})\s*[-/.]\s*(\d{1,4})\Z", re.ASCII)
# Numbers of persons in the North, and seconds without separators, begin with a date.
_BEGINS: Final = re.compile(r"(\d{6}|\d{8})(?:[-+]?[\dx*]{4}|(?<=\d{8})\d{6})\Z", re.ASCII)
_PACKED: Final = re.compile(r"\d{8}|\d{6}", re.ASCII)
_YEAR: Final = re.compile(r"(?:18|19|20)\d\d", re.ASCII)
_WORDS: Final = re.compile(r"[a-z]+|\d+", re.ASCII)
_AS_DIGIT: Final = str.maketrans("odqilzasgbt|", "000112459871")
_UNKNOWN_PART: Final = re.compile(r"(?<![a-z0-9])(?:xx|nk|uu|\?\?|--)(?![a-z0-9])")
_EARLIEST: Final = 1850
_LATEST: Final = 2100
_NEVER: Final = frozenset((1, 1111, 2222, 2999, 9999))  # years that systems write for "not known"
_EXCEL: Final = range(3000, 60000)  # days since 30 December 1899, of births from 1908 to 2064

# By the first letters, in English, German, French, Spanish, Italian, Portuguese and Dutch.
_MONTHS: Final = {
    start: month
    for month, starts in enumerate(
        (
            "jan ene gen", "feb fev", "mar mrz maa mae", "apr avr abr", "may mai mag mei", "jun giu juin",
            "jul lug juil", "aug aou ago", "sep set", "oct okt ott out", "nov", "dec dez dic des",
        ),
        start=1,
    )
    for start in starts.split()
}  # fmt: skip


@dataclass(frozen=True, slots=True)
class Reading:
    """How the dates of a column are read: the order of dates with separators and a year of two digits or at the end,
    of eight digits, and of six; `serial`: whether numbers are days as spreadsheets count them.
    """

    separated: Order = "dmy"
    eight: Order = "ymd"
    six: Order = "dmy"
    serial: bool = False
    common: frozenset[str] = frozenset()  # placeholders seen by their number


def decide(texts: Sequence[str], counts: Sequence[int], default: Order = "dmy") -> Reading:
    """The reading under which most cells are days; `counts` says how many cells have each text."""
    votes: dict[str, Counter[Order]] = {"separated": Counter(), "eight": Counter(), "six": Counter()}
    serial = other = 0
    for text, count in zip(texts, counts, strict=True):
        cleaned = _clean(text)
        found = _NUMBERS.match(cleaned)
        if found and len(found[1]) < 3:
            first, second = int(found[1]), int(found[2])
            if len(found[3]) <= 2 and first > 31:
                votes["separated"]["ymd"] += count
            elif first > 12 >= second:
                votes["separated"]["dmy"] += count
            elif second > 12 >= first:
                votes["separated"]["mdy"] += count
        elif _PACKED.fullmatch(cleaned):
            width = "eight" if len(cleaned) == 8 else "six"
            for order in _fitting(cleaned):
                votes[width][order] += count
        if cleaned.isascii() and cleaned.isdigit() and len(cleaned) < 6 and int(cleaned) in _EXCEL:
            serial += count * (not _YEAR.fullmatch(cleaned))
        elif cleaned:
            other += count

    def most(kind: str, ordinary: Order) -> Order:
        tally = votes[kind]
        return max(tally, key=lambda order: (tally[order], order == ordinary)) if tally else ordinary

    separated = most("separated", default)
    return Reading(separated, most("eight", "ymd"), most("six", separated), serial > other)


def _fitting(digits: str) -> list[Order]:
    """The orders in which packed digits are a day."""
    found: list[Order] = []
    for order in ("ymd", "dmy", "mdy"):
        year, month, day = _cut(digits, order)
        if 1 <= month <= 12 and 1 <= day <= 31 and (len(digits) == 6 or _EARLIEST <= year <= _LATEST):
            found.append(order)
    return found


def _cut(digits: str, order: Order) -> tuple[int, int, int]:
    """(year, month, day) of eight or six digits."""
    wide = len(digits) - 4
    place, parts = 0, {}
    for part in order:
        width = wide if part == "y" else 2
        parts[part] = int(digits[place : place + width])
        place += width
    year = parts["y"] if wide == 4 else _century(parts["y"])
    return year, parts["m"], parts["d"]


def _century(year: int) -> int:
    return year + (2000 if year <= DEFAULT_PIVOT else 1900)


def date(text: str, reading: Reading = Reading(), note: Note = ignore) -> str:
    """`text` as `YYYY-MM-DD`, with `00` for what is not known; "" if it cannot be read or is a placeholder.

    Letters that stand for digits (`O6/1|/1985`) are put right. Notes: date-unreadable, date-placeholder, and, of dates
    that are kept, date-implausible (a year before 1850 or after 2100), date-impossible (no day of the calendar) and
    date-partial. f(f(x)) == f(x).
    """
    cleaned = _clean(text)
    if not cleaned:
        return ""
    parts = _read(cleaned, reading)
    if parts is None:
        note("date-unreadable")
        return ""
    year, month, day = parts
    month, day = (0 if month == 99 else month), (0 if day == 99 else day)
    found = f"{year:04d}-{month:02d}-{day:02d}"
    if found in PLACEHOLDERS or found in reading.common or year in _NEVER or not (year or month):
        note("date-placeholder")
        return ""
    if not (year and month and day):
        note("date-partial")
    elif not _EARLIEST <= year <= _LATEST:
        note("date-implausible")
    elif month > 12 or day > _days(year, month):
        note("date-impossible")
    return found


def _days(year: int, month: int) -> int:
    leap = year % 4 == 0 and (year % 100 != 0 or year % 400 == 0)
    return (31, 29 if leap else 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31)[month - 1]


def _clean(text: str) -> str:
    cleaned = text.strip().lower()
    if ":" in cleaned or "t" in cleaned:
        cleaned = _TIME.sub("", cleaned)
    if cleaned.endswith(".0"):
        cleaned = cleaned[:-2]
    if len(cleaned) > 9 and (begins := _BEGINS.match(cleaned)):
        return begins[1]
    if "x" in cleaned or "k" in cleaned or "u" in cleaned or "?" in cleaned or "--" in cleaned:
        cleaned = _UNKNOWN_PART.sub("00", cleaned)
    return cleaned


def _read(text: str, reading: Reading) -> tuple[int, int, int] | None:
    """(year, month, day), each 0 where it is not known."""
    parts = _read_digits(text, reading) or _from_words(text)
    if parts is None and sum(map(str.isdigit, text)) >= 4:
        parts = _read_digits(text.translate(_AS_DIGIT), reading)
    return parts


def _read_digits(text: str, reading: Reading) -> tuple[int, int, int] | None:
    found = _NUMBERS.match(text)
    if found:
        return _from_numbers(found[1], found[2], found[3], reading.separated)
    if text.isascii() and text.isdigit():
        if len(text) == 7 and reading.eight[0] != "y":
            text = f"0{text}"  # a spreadsheet took it for a number
        if len(text) in (6, 8):
            return _cut(text, reading.eight if len(text) == 8 else reading.six)
        if _YEAR.fullmatch(text):
            return int(text), 0, 0
        if reading.serial and len(text) < 6 and int(text) in _EXCEL:
            day = datetime.date(1899, 12, 30) + datetime.timedelta(days=int(text))
            return day.year, day.month, day.day
        return None
    two = _TWO.match(text)
    if two and len(two[1]) == 4 and len(two[2]) <= 2:
        return int(two[1]), int(two[2]), 0
    if two and len(two[2]) == 4 and len(two[1]) <= 2:
        return int(two[2]), int(two[1]), 0
    return None


def _from_numbers(first: str, second: str, third: str, order: Order) -> tuple[int, int, int] | None:
    """A part that is too long is not known; no more than one may be."""
    if len(first) > 2 >= len(third):
        return (int(first) if len(first) == 4 else 0), _short(second), int(third)
    if len(first) <= 2 and len(third) <= 2 and order == "ymd":
        return _century(int(first)), _short(second), int(third)
    day, month = (_short(second), _short(first)) if order == "mdy" else (_short(first), _short(second))
    year = int(third) if len(third) == 4 else _century(int(third)) if len(third) <= 2 else 0
    known = (len(first) <= 2) + (len(second) <= 2) + (len(third) in (1, 2, 4))
    return (year, month, day) if known > 1 else None


def _short(digits: str) -> int:
    return int(digits) if len(digits) <= 2 else 0


def _from_words(text: str) -> tuple[int, int, int] | None:
    """A date with the name of a month: `3 April 1985`, `03-APR-85`, `April 3, 1985`, `Apr 1985`."""
    words = _WORDS.findall(ascii_lower(text))
    months = [_month(word) for word in words if word.isalpha() and _month(word)]
    numbers = [word for word in words if word.isdigit()]
    if len(months) != 1 or not 1 <= len(numbers) <= 2 or any(len(number) > 4 for number in numbers):
        return None
    years = [number for number in numbers if len(number) == 4]
    if len(years) == 1:
        days = [int(number) for number in numbers if len(number) < 3]
        return int(years[0]), months[0], days[0] if days else 0
    if len(numbers) == 2 and not years and all(len(number) < 3 for number in numbers):
        return _century(int(numbers[1])), months[0], int(numbers[0])
    return None


def _month(word: str) -> int:
    return _MONTHS.get(word[:4], 0) or (_MONTHS.get(word[:3], 0) if len(word) > 2 else 0)


def read_all(texts: Sequence[str], counts: Sequence[int], default: Order = "dmy") -> Reading:
    """The reading of a column, with dates that stand so often that they must be placeholders: of those with the first
    of a month, or day and month alike, the ones with at least ten cells, one cell in two hundred, and fifty times as
    many as a date has on average.
    """
    reading = decide(texts, counts, default)
    tally: Counter[str] = Counter()
    for text, count in zip(texts, counts, strict=True):
        found = date(text, reading)
        if found:
            tally[found] += count
    total = sum(tally.values())
    least = max(10.0, total / 200, 50 * total / max(len(tally), 1))
    common = (day for day, count in tally.items() if count >= least)
    return replace(
        reading, common=frozenset(day for day in common if day.endswith("-01") or day[5:7] == day[8:] != "00")
    )
