"""The rules of the quality report in words, and what to do about them."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

SMALL: Final = 10

RULES: Final = {
    "name-placeholder": "say that the name is not known",
    "name-script": "are in another script",
    "name-unreadable": "hold no letters",
    "date-unreadable": "cannot be read as dates",
    "date-placeholder": "hold a default date, such as 1 January 1900",
    "date-implausible": "have a year before 1850 or after 2100",
    "date-impossible": "are days that no calendar has",
    "date-partial": "are known in part only",
    "sex-not-stated": "say that it is not stated",
    "sex-unreadable": "are codes that are not known",
    "postcode-pseudo": "are pseudo-postcodes, such as ZZ99",
    "postcode-unreadable": "are no postcodes",
    "address-placeholder": "say that there is no address",
    "address-unreadable": "hold no words",
    "place-placeholder": "say that the place is not known",
    "place-unreadable": "hold no words",
    "text-placeholder": "say that it is not known",
    "number-placeholder": "are one digit repeated",
    "number-unreadable": "hold no letters or digits",
    "phone-unreadable": "are no telephone numbers",
    "phone-placeholder": "are made-up telephone numbers",
    "email-unreadable": "are no e-mail addresses",
    "email-placeholder": "are e-mail addresses of nobody",
    "nhs-number-form": "are not ten digits",
    "nhs-number-check-digit": "fail the check digit",
    "nhs-number-placeholder": "are one digit repeated",
    "ni-number-form": "do not have the form of an NI number",
    "ni-number-prefix": "begin with letters that are never issued",
    "ni-number-placeholder": "are made-up NI numbers",
    "cell-too-long": "are too long to be a value",
    "cell-nul": "hold a NUL character",
}
"""Each follows "<count> cells"."""

SKIPPED: Final = {
    "row-columns": "they do not have as many cells as the header",
    "row-quoting": "a quote is not closed or stands in a wrong place",
    "row-too-long": "a line is longer than a million characters",
    "row-nul": "they hold a NUL character",
    "row-encoding": "they are not in the file's encoding",
    "row-header-repeated": "they repeat the header",
}

_KEPT: Final = frozenset(("date-implausible", "date-impossible", "date-partial"))  # rules whose cells keep their value

_OFTEN_NONE: Final = {"middle_names": 0.2}  # many people have no such thing, so that there may be nothing to fill


def advice(name: str, missing: int, share: float, broken: Mapping[str, int], bits: float) -> list[tuple[float, str]]:
    """(bits lost, a sentence) for everything in a field that is worth mending. `missing`: rows with nothing written;
    `share`: theirs, as it may be shown.
    """
    found = [
        (count * bits * (0.5 if rule in _KEPT else 1.0), f"{name}: {_count(count)} cells {RULES.get(rule, rule)}.")
        for rule, count in broken.items()
    ]
    if share > 0.005:
        rows = f"fewer than {SMALL} rows" if missing < SMALL else f"{share:.1%} of rows"
        text = f"{name}: {rows} have nothing; filling them adds {_bits(bits)} a row."
        found.append((missing * bits * _OFTEN_NONE.get(name, 1.0), text))
    return found


def _count(count: int) -> str:
    return str(count) if count >= SMALL else f"fewer than {SMALL}"


def _bits(bits: float) -> str:
    return "1 bit" if round(bits) == 1 else f"{bits:.0f} bits"
