"""What policy may know of a person besides their choices, and ages."""

from __future__ import annotations

import datetime
from dataclasses import dataclass
from itertools import pairwise
from typing import Final

UNKNOWN: Final = "unknown"
# The first age of each band. The early ones follow school and the law's ages: 16, 18.
_BAND_STARTS: Final = (0, 5, 11, 16, 18, 25, 35, 45, 55, 65, 75, 85)
AGE_BANDS: Final[tuple[str, ...]] = (
    *(f"{start}-{following - 1}" for start, following in pairwise(_BAND_STARTS)),
    f"{_BAND_STARTS[-1]}+",
    UNKNOWN,
)
_OLDEST: Final = 125


@dataclass(frozen=True, slots=True)
class PersonFacts:
    """One person's class of facts: no identifier, no date, and the same for all people alike."""

    age_band: str = UNKNOWN
    at_risk: bool = False
    deceased: bool = False
    flags: frozenset[str] = frozenset()


def age(date_of_birth: str, as_of: int) -> int | None:
    """Whole years at `as_of` (epoch seconds, UTC); None for "", a day to come or an age no one reaches."""
    if not date_of_birth:
        return None
    born = datetime.date.fromisoformat(date_of_birth)
    today = datetime.datetime.fromtimestamp(as_of, datetime.UTC).date()
    years = today.year - born.year - ((today.month, today.day) < (born.month, born.day))
    return years if 0 <= years <= _OLDEST else None


def age_band(years: int | None) -> str:
    """One of `AGE_BANDS`."""
    if years is None:
        return UNKNOWN
    return AGE_BANDS[sum(start <= years for start in _BAND_STARTS) - 1]
