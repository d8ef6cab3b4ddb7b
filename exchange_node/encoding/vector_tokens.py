"""What a standardised value is made of: the tokens that two values share when they are alike.

Each function takes one value, never "", and gives its tokens, doubled ones too; what they mean holds for the forms of
`records/columns.py`. `kernels/vectors_cut.h` does the same in C; a tokeniser that stands here alone works, but slowly.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from itertools import pairwise

Tokens = list[str]


def bigrams(text: str) -> Tokens:
    """Pairs of letters of each word, its two ends marked: `jo` is `_j`, `jo`, `o_`."""
    found = []
    for word in text.split():
        marked = f"_{word}_"
        found += [marked[at : at + 2] for at in range(len(marked) - 1)]
    return found


def words(text: str) -> Tokens:
    """Each word as a whole."""
    return text.split()


def whole(text: str) -> Tokens:
    """The value as one token."""
    return [text]


def initials(text: str) -> Tokens:
    """The first letter of each word."""
    return [word[0] for word in text.split()]


_SOUNDEX = {
    letter: digit
    for digit, letters in {"1": "bfpv", "2": "cgjkqsxz", "3": "dt", "4": "l", "5": "mn", "6": "r"}.items()
    for letter in letters
}


def soundex(word: str) -> str:
    """American Soundex of a word of `a-z` (Russell 1918, as the US National Archives state it); others as they are."""
    code, last = word[:1], _SOUNDEX.get(word[:1], "")
    for letter in word[1:]:
        digit = _SOUNDEX.get(letter, "")
        if digit and digit != last:
            code += digit
            if len(code) == 4:
                break
        if letter not in "hw":
            last = digit
    return code.ljust(4, "0")


def sounds(text: str) -> Tokens:
    """The Soundex code of each word."""
    return [soundex(word) for word in text.split()]


def year(text: str) -> Tokens:
    """Of a date, the year."""
    return _part("y", text[:4])


def year_digits(text: str) -> Tokens:
    """Of a date, the year's last two digits, each in its place."""
    return [f"{at}{text[at]}" for at in (2, 3)] if len(text) > 3 and text[:4] != "0000" else []


def month(text: str) -> Tokens:
    """Of a date, the month; a day of the same number is the same token, so that swapped ones can be compared."""
    return _part("", text[5:7])


def day(text: str) -> Tokens:
    """Of a date, the day of the month."""
    return _part("", text[8:10])


def month_day(text: str) -> Tokens:
    """Of a date, day and month together."""
    return [text[5:10]] if "00" not in (text[5:7], text[8:10]) else []


def whole_date(text: str) -> Tokens:
    """A date of which every part is known."""
    return [text] if text[:4] != "0000" and text[5:7] != "00" and text[8:10] != "00" else []


def _part(mark: str, digits: str) -> Tokens:
    return [mark + digits] if digits.strip("0") else []


def sector(text: str) -> Tokens:
    """Of `AB1 2CD` `AB1 2`; of another country's code all but its last character."""
    return [text[:-2]] if " " in text else [text[:-1]]


def district(text: str) -> Tokens:
    """Of `AB1 2CD` `AB1`; of another country's code its first three characters."""
    outward, space, _ = text.partition(" ")
    return [outward if space else text[:3]]


def characters(text: str) -> Tokens:
    """Each character in its place; the inward part of a UK postcode counted from its own beginning."""
    outward, _, inward = text.partition(" ")
    return [f"{at}{char}" for at, char in enumerate(outward)] + [f"-{at}{char}" for at, char in enumerate(inward)]


def number_word(text: str) -> Tokens:
    """Of an address, each number with the word behind it (`12 mill`), and a lone word as it is."""
    parts = text.split()
    pairs = [f"{one} {two}" for one, two in pairwise(parts) if one[0] in "0123456789"]
    return pairs or parts[:1]


TOKENISERS: Mapping[str, Callable[[str], Tokens]] = {
    found.__name__.replace("_", "-"): found
    for found in (
        bigrams, words, whole, initials, sounds, year, year_digits, month, day, month_day, whole_date, sector,
        district, characters, number_word,
    )
}  # fmt: skip

SINGLE = frozenset(("whole", "year", "month", "day", "month-day", "whole-date", "sector", "district"))
"""Those that give at most one token."""
