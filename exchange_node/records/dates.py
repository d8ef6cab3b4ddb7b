"""Dates as UK systems write them, read into `YYYY-MM-DD`.

A format is written as officers say it: `DD/MM/YYYY`, `DD-MMM-YY`, `YYYYMMDD`, `MM/DD/YYYY`. Between parts
that a format separates, any one of `/ - .` or spaces will do, and one digit will do for `DD` or `MM`. MMM
is a month's name, short or in full. A time of day behind the date is ignored, and ISO 8601 dates are always
read.
"""

from __future__ import annotations

import datetime
import re
from collections.abc import Sequence
from functools import lru_cache
from typing import Final

from exchange_node.records.standardise import Note, ignore

DEFAULT_FORMATS: Final = ("YYYY-MM-DD", "DD/MM/YYYY", "DD-MMM-YYYY", "DD/MM/YY", "DD-MMM-YY", "YYYYMMDD")
DEFAULT_PIVOT: Final = 30

# What systems write for "not known": the first days of their calendars, and the last ones.
PLACEHOLDERS: Final = frozenset(
    (
        "0001-01-01", "1111-11-11", "1753-01-01", "1800-01-01", "1899-12-30", "1899-12-31", "1900-01-01",
        "2999-12-31", "9999-09-09", "9999-12-31",
    )
)  # fmt: skip
_EARLIEST: Final = 1850
_LATEST: Final = 2150

_NAMES: Final = (
        "january", "february", "march", "april", "may", "june", "july", "august", "september", "october",
        "november", "december",
)  # fmt: skip
_MONTHS: Final = {form: at for at, name in enumerate(_NAMES, 1) for form in (name, name[:3])} | {"sept": 9}
_TIME: Final = re.compile(r"[T\s]+\d{1,2}:\d{2}.*\Z", re.DOTALL | re.ASCII)
_ISO: Final = re.compile(r"(\d{4})-(\d{2})-(\d{2})\Z", re.ASCII)
_TOKEN: Final = re.compile(r"YYYY|YY|MMM|MM|DD|[/\-. ]")
_SEPARATOR: Final = r"(?:\s*[/\-.,]\s*|\s+)"


def date(
    text: str,
    formats: Sequence[str] = DEFAULT_FORMATS,
    note: Note = ignore,
    *,
    pivot: int = DEFAULT_PIVOT,
    placeholders: frozenset[str] = PLACEHOLDERS,
) -> str:
    """`text` as `YYYY-MM-DD`, or "" when it is missing, unreadable, a placeholder or no day of the calendar.

    The first format that fits decides. A two-digit year up to `pivot` is of this century, a later one of
    the last.
    """
    trimmed = text.strip()
    if not trimmed:
        return ""
    if ":" in trimmed:
        trimmed = _TIME.sub("", trimmed)
    iso = _ISO.match(trimmed)
    if iso:
        found = _day(int(iso[1]), int(iso[2]), int(iso[3]))
    else:
        found = next((day for day in (_read(trimmed, form, pivot) for form in formats) if day), "")
    if not found:
        note("date-unreadable")
    elif found in placeholders:
        note("date-placeholder")
        return ""
    elif not _EARLIEST <= int(found[:4]) <= _LATEST:
        note("date-implausible")
        return ""
    return found


def check_format(form: str) -> None:
    """Raise ValueError, naming the rule, unless `form` is a date format as above."""
    _compiled(form)


def _read(text: str, form: str, pivot: int) -> str:
    match = _compiled(form).match(text)
    if match is None:
        return ""
    parts = match.groupdict()
    month = _MONTHS.get(parts["name"].lower(), 0) if "name" in parts else int(parts["month"])
    year = int(parts["year"])
    if len(parts["year"]) == 2:
        year += 2000 if year <= pivot else 1900
    return _day(year, month, int(parts["day"]))


def _day(year: int, month: int, day: int) -> str:
    try:
        return datetime.date(year, month, day).isoformat()
    except ValueError:
        return ""


@lru_cache(maxsize=64)  # formats are configuration, not people
def _compiled(form: str) -> re.Pattern[str]:
    tokens = _TOKEN.findall(form)
    if "".join(tokens) != form:
        raise ValueError("a date format is made of DD, MM or MMM, YYYY or YY, and separators")
    kinds = sorted(token[0] for token in tokens if token[0] in "DMY")
    if kinds != ["D", "M", "Y"]:
        raise ValueError("a date format needs one day, one month and one year")
    separated = not {"/", "-", ".", " "}.isdisjoint(tokens)
    short = r"\d{1,2}" if separated else r"\d{2}"
    patterns = {
        "DD": f"(?P<day>{short})",
        "MM": f"(?P<month>{short})",
        "MMM": r"(?P<name>[A-Za-z]{3,9})",
        "YY": r"(?P<year>\d{2})",
        "YYYY": r"(?P<year>\d{4})",
    }
    return re.compile("".join(patterns.get(token, _SEPARATOR) for token in tokens) + r"\Z", re.ASCII)
