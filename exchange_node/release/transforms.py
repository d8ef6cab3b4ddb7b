"""Named transforms from a raw attribute value to a minimised one. Every one is deterministic and depends on
the value alone; a value outside what it takes is refused, and then that attribute is denied, never guessed.

An agreement names the transform of each field, so the name of a transform never changes its meaning: a new
meaning gets a new name.
"""

from __future__ import annotations

import inspect
import re
from bisect import bisect_right
from collections.abc import Callable
from dataclasses import dataclass
from datetime import date
from decimal import Decimal
from types import MappingProxyType
from typing import TypeAlias

from exchange_node.release.columns import Boolean, Code, Column, ColumnType, Date, Integer, Text, Value
from exchange_node.release.errors import ReleaseError

# What a source can hold under one attribute; None says that the source was read and holds nothing.
Raw: TypeAlias = str | int | bool | float | Decimal | date | tuple[str, ...] | list[str] | None

EXACT = "exact"


@dataclass(frozen=True, slots=True)
class Transform:
    """`gives` is the output domain; `words` say what it takes, gives and hides."""

    name: str
    gives: ColumnType
    function: Callable[[Raw], Value | None]
    words: str


_registry: dict[str, Transform] = {}
TRANSFORMS = MappingProxyType(_registry)
"""By name. `exact` is none of them, since its domain is the column's type."""


def _transform(gives: ColumnType) -> Callable[[Callable[[Raw], Value | None]], Callable[[Raw], Value | None]]:
    def register(function: Callable[[Raw], Value | None]) -> Callable[[Raw], Value | None]:
        name = function.__name__
        _registry[name] = Transform(name, gives, function, inspect.cleandoc(function.__doc__ or ""))
        return function

    return register


def apply(name: str, value: Raw, declared: ColumnType | None = None) -> Value:
    """The minimised value. `exact` needs the column's declared type; for any other name it is not used.

    Raises ReleaseError `unknown-transform`, or `outside-domain` for a value that the transform does not take.
    """
    if name == EXACT:
        if declared is None:
            raise ReleaseError("bad-column", "exact needs a declared type, a text a max_length")
        result: Value | None = _exact(value, declared)
        gives = declared
    elif name in TRANSFORMS:
        transform = TRANSFORMS[name]
        result, gives = transform.function(value), transform.gives
    else:
        raise ReleaseError("unknown-transform")
    if result is None or gives.encode(result) is None:
        raise ReleaseError("outside-domain", f"transform {name}")
    return result


def column(name: str, transform: str | None, declared: ColumnType | None = None, description: str = "") -> Column:
    """The column that an agreement's field means; without a transform it is `exact`.

    `declared` is needed for `exact` and otherwise may only repeat what the transform gives.
    Raises ReleaseError `unknown-transform` or `bad-column`.
    """
    if transform is None or transform == EXACT:
        if declared is None:
            raise ReleaseError("bad-column", f"{name}: exact needs a declared type, a text a max_length")
        return Column(name, declared, EXACT, description)
    if transform not in TRANSFORMS:
        raise ReleaseError("unknown-transform", f"column {name}")
    gives = TRANSFORMS[transform].gives
    if declared is not None and declared != gives:
        raise ReleaseError("bad-column", f"{name}: the declared type is not what {transform} gives")
    return Column(name, gives, transform, description)


def minimise(target: Column, value: Raw) -> Value:
    """`apply` for a column: what may stand in its cell. Errors as there."""
    return apply(target.transform, value, target.type)


# Readers of raw values: None says "outside the domain".


def _exact(value: Raw, declared: ColumnType) -> Value | None:
    if isinstance(declared, Date):
        return day_of(value)
    return value if isinstance(value, str | int) else None  # the type itself tells bool, int and str apart


def day_of(value: Raw) -> date | None:
    """The day of a date or of a text YYYY-MM-DD."""
    if type(value) is date:
        return value
    if type(value) is str and re.fullmatch(r"[0-9]{4}-[0-9]{2}-[0-9]{2}", value):
        try:
            return date.fromisoformat(value)
        except ValueError:
            return None
    return None


def _number(value: Raw) -> Decimal | None:
    if isinstance(value, bool):
        return None
    if isinstance(value, str):
        if not re.fullmatch(r"-?[0-9]{1,12}(\.[0-9]{1,2})?", value):
            return None
        return Decimal(value)
    if not isinstance(value, int | float | Decimal):
        return None
    number = Decimal(value)
    return number if number.is_finite() and abs(number) < 10**12 else None


def _whole(value: Raw) -> Decimal | None:
    number = _number(value)
    return number if number is not None and number == number.to_integral_value() else None


def _band(bands: tuple[tuple[int, str], ...], value: Decimal | None) -> str | None:
    """The label of the last band that begins at or below the value; None below the first band."""
    if value is None:
        return None
    place = bisect_right([start for start, _ in bands], value)
    return bands[place - 1][1] if place else None


def _labels(bands: tuple[tuple[int, str], ...]) -> Code:
    return Code(tuple(label for _, label in bands))


# Labels say "5 to 9", not "5-9": spreadsheets turn the latter into a date.

_YES = frozenset({"yes", "y", "true", "t", "1"})
_NO = frozenset({"no", "n", "false", "f", "0"})


@_transform(Boolean())
def yes_no(value: Raw) -> Value | None:
    """Takes true or false, 1 or 0, or yes, no, y, n, true, false, t, f in any case. Gives yes or no.
    Hides how the source writes it."""
    if isinstance(value, bool):
        return value
    if isinstance(value, int):
        return bool(value) if value in (0, 1) else None
    word = value.strip().casefold() if isinstance(value, str) else ""
    return True if word in _YES else False if word in _NO else None


@_transform(Boolean())
def presence(value: Raw) -> Value | None:
    """Takes anything. Gives yes if the source holds something (a 0 or a no is something), no if it holds
    nothing, only spaces, an empty list or not-a-number, or something unreadable. Hides what it is."""
    if isinstance(value, list | tuple):
        return any(presence(item) for item in value)
    if isinstance(value, str):
        return bool(value.strip())
    if isinstance(value, float | Decimal):
        return not Decimal(value).is_nan()
    return value is not None


# Words that sources use for registers of patients; a source with other codes maps them to yes or no first.
_RESPIRATORY = frozenset(
    {"asthma", "bronchiectasis", "bronchiolitis", "bronchitis", "copd", "cystic fibrosis", "emphysema"}
    | {"pneumonia", "respiratory"}
)
_NOTHING = frozenset({"", "none"})
# Five signs without a dot are no ICD-10 code here: H3300 is asthma in Read codes and would pass for an eye
# disease.
_ICD10 = re.compile(r"[A-Z][0-9]{2}(\.[0-9A-Z]{1,2}|[0-9X])?")


@_transform(Code(("high", "normal")))
def repair_priority(value: Raw) -> Value | None:
    """Takes yes or no as `yes_no` does, or ICD-10 codes or register words ("asthma", "copd", ...), as a list
    or as text parted by comma, semicolon or bar. Gives high for yes, for an ICD-10 code of chapter X (J00 to
    J99) or E84, and for a register word; normal for no, none, an empty list, and other ICD-10 codes. A code
    that is not known is refused unless a respiratory one stands beside it, and so is nothing at all: neither
    is ever taken for good health. Hides the diagnosis, and that there is one."""
    if isinstance(value, bool | int):
        answer = yes_no(value)
        return None if answer is None else "high" if answer else "normal"
    codes = re.split(r"[,;|]", value) if isinstance(value, str) and value.strip() else value
    if not isinstance(codes, list | tuple):
        return None
    verdicts = {_respiratory(code) for code in codes}
    return "high" if True in verdicts else None if None in verdicts else "normal"


def _respiratory(code: object) -> bool | None:
    """True or False for a code that is known, None for one that is not."""
    if type(code) is not str:
        return None
    word = code.strip().casefold()
    if word in _RESPIRATORY or word in _YES:
        return True
    if word in _NOTHING or word in _NO:
        return False
    code = code.strip().upper()
    return code.startswith(("J", "E84")) if _ICD10.fullmatch(code) else None


_AGES = (
    (0, "0 to 4"), (5, "5 to 10"), (11, "11 to 15"), (16, "16 to 17"), (18, "18 to 24"), (25, "25 to 34"),
    (35, "35 to 44"), (45, "45 to 54"), (55, "55 to 64"), (65, "65 to 74"), (75, "75 to 84"),
    (85, "85 or over"),
)  # fmt: skip
_OLDEST = 130
_COUNTS = ((0, "0"), (1, "1 to 4"), (5, "5 to 9"), (10, "10 to 19"), (20, "20 to 49"), (50, "50 or more"))
_AMOUNTS = (
    (0, "under 100"), (100, "100 to under 500"), (500, "500 to under 1000"), (1000, "1000 to under 2500"),
    (2500, "2500 or more"),
)  # fmt: skip
_INCOMES = (
    (-(10**12), "under 10000"), (10_000, "10000 to under 20000"), (20_000, "20000 to under 30000"),
    (30_000, "30000 to under 50000"), (50_000, "50000 to under 80000"), (80_000, "80000 or more"),
)  # fmt: skip


@_transform(_labels(_AGES))
def age_band(value: Raw) -> Value | None:
    """Takes an age in whole years, 0 to 130. Gives a band: 0 to 4, 5 to 10, 11 to 15, 16 to 17, 18 to 24, ten
    years each from 25, 85 or over. Hides the age and the birthday."""
    age = _whole(value)
    return _band(_AGES, age) if age is not None and age <= _OLDEST else None


@_transform(_labels(_COUNTS))
def count_band(value: Raw) -> Value | None:
    """Takes a whole number from 0. Gives 0, 1 to 4, 5 to 9, 10 to 19, 20 to 49, 50 or more. Hides the
    number."""
    return _band(_COUNTS, _whole(value))


@_transform(Code(("none", *(label for _, label in _AMOUNTS))))
def amount_band(value: Raw) -> Value | None:
    """Takes an amount of money in pounds, with pence or without; a credit is below zero. Gives none (zero and
    below), under 100, 100 to under 500, 500 to under 1000, 1000 to under 2500, 2500 or more. Hides the
    amount."""
    amount = _number(value)
    return "none" if amount is not None and amount <= 0 else _band(_AMOUNTS, amount)


@_transform(_labels(_INCOMES))
def income_band(value: Raw) -> Value | None:
    """Takes a yearly income in pounds; a loss is below zero. Gives under 10000, then 10000, 20000, 30000,
    50000 and 80000 as lower edges. Hides the income."""
    return _band(_INCOMES, _number(value))


_FIRST_YEAR, _LAST_YEAR = 1900, 2099


def _recent_day(value: Raw) -> date | None:
    day = day_of(value)
    return day if day is not None and _FIRST_YEAR <= day.year <= _LAST_YEAR else None


@_transform(Integer(_FIRST_YEAR, _LAST_YEAR))
def year(value: Raw) -> Value | None:
    """Takes a date (YYYY-MM-DD) of the years 1900 to 2099. Gives its year. Hides month and day."""
    day = _recent_day(value)
    return None if day is None else day.year


@_transform(Text(7))
def quarter(value: Raw) -> Value | None:
    """Takes a date (YYYY-MM-DD) of the years 1900 to 2099. Gives the calendar quarter, as in 2026 Q1.
    Hides month and day."""
    day = _recent_day(value)
    return None if day is None else f"{day.year} Q{(day.month + 2) // 3}"


@_transform(Text(7))
def month(value: Raw) -> Value | None:
    """Takes a date (YYYY-MM-DD) of the years 1900 to 2099. Gives year and month as YYYY-MM. Hides the day."""
    day = _recent_day(value)
    return None if day is None else f"{day.year}-{day.month:02}"


# Shape alone; the one-off GIR 0AA is not taken.
_POSTCODE = re.compile(r"([A-Z]{1,2})([0-9][A-Z0-9]?)[0-9][A-Z]{2}")


def _postcode(value: Raw) -> re.Match[str] | None:
    if not isinstance(value, str) or not value.isascii():
        return None
    return _POSTCODE.fullmatch(value.upper().replace(" ", ""))


@_transform(Text(4))
def outward_postcode(value: Raw) -> Value | None:
    """Takes a full UK postcode. Gives its first half, some thousands of addresses. Hides the street."""
    found = _postcode(value)
    return None if found is None else found[1] + found[2]


@_transform(Text(2))
def postcode_area(value: Raw) -> Value | None:
    """Takes a full UK postcode. Gives its first letters, a city or a region. Hides district and street."""
    found = _postcode(value)
    return None if found is None else found[1]
