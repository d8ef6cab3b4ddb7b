"""Standard forms of what identifies people: one function for each kind of field.

Every function takes any text and returns its standard form, or "" when the text is missing or breaks a
rule; the broken rule's name goes to `note`. None raises, and each is idempotent: f(f(x)) == f(x). Nothing
is kept between calls.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Callable
from operator import mul, ne
from typing import Final

Note = Callable[[str], None]


def ignore(rule: str) -> None:
    """The note of a caller who does not count broken rules."""


# Letters that Unicode does not decompose into a Latin letter and a mark.
_LATIN: Final = str.maketrans(
    {"ß": "ss", "æ": "ae", "œ": "oe", "ø": "o", "đ": "d", "ð": "d", "þ": "th", "ł": "l", "ħ": "h", "ı": "i"}
)
APOSTROPHES: Final = re.compile("['`´\u2018\u2019\u02bc\u02b9]")
_PARENTHESES: Final = re.compile(r"\([^()]*\)")
_LETTERS: Final = re.compile(r"[a-z]+")
_ALNUM: Final = re.compile(r"[a-z0-9]+")

# Only titles that are no one's name: a Lord or a Major may be called so.
_TITLES: Final = frozenset(("mr", "mrs", "ms", "miss", "mx", "dr", "prof", "professor", "rev", "revd", "sir", "dame"))
_SUFFIXES: Final = frozenset(("jr", "jnr", "snr", "sr", "esq"))
_JOINED_PREFIXES: Final = frozenset(("mc", "mac", "o"))
_NO_NAME: Final = frozenset(
    (
        "unknown", "not known", "unk", "unnamed", "not stated", "not given", "not recorded", "no name",
        "no surname", "no forename", "none", "null", "nil", "n a", "baby", "baby boy", "baby girl", "infant",
        "tbc", "tba", "xx", "xxx",
    )
)  # fmt: skip


def ascii_lower(text: str) -> str:
    """Lower case, accents dropped, other Latin letters spelt in ASCII; other scripts stay as they are."""
    if text.isascii():
        return text.lower()
    folded = unicodedata.normalize("NFKD", text.casefold()).translate(_LATIN)
    return "".join(char for char in folded if not unicodedata.combining(char)).lower()


def name(text: str, note: Note = ignore) -> str:
    """A forename, several, or a surname as `[a-z ]*`.

    Hyphens become spaces; apostrophes vanish (o'brien, obrien); Mc, Mac and O join what follows, and a
    leading Mac is written Mc, since registers mix them up; titles, suffixes and remarks in parentheses go.
    """
    lowered = APOSTROPHES.sub("", ascii_lower(text))
    if "(" in lowered:
        lowered = _PARENTHESES.sub(" ", lowered)
    words = _LETTERS.findall(lowered)
    if not words:
        if any(char.isalpha() for char in lowered):
            note("name-script")
        elif text.strip():
            note("name-unreadable")
        return ""
    words = _join_prefixes(words)
    while len(words) > 1 and words[0] in _TITLES:
        del words[0]
    while len(words) > 1 and words[-1] in _SUFFIXES:
        del words[-1]
    joined = " ".join("mc" + word[3:] if word.startswith("mac") and len(word) > 5 else word for word in words)
    if joined in _NO_NAME:
        note("name-placeholder")
        return ""
    return joined


def _join_prefixes(words: list[str]) -> list[str]:
    """["o", "brien"] to ["obrien"]; a prefix with nothing behind it stays."""
    joined: list[str] = []
    prefix = ""
    for word in words:
        if word in _JOINED_PREFIXES:
            prefix += word
        else:
            joined.append(prefix + word)
            prefix = ""
    return [*joined, prefix] if prefix else joined


_SEX: Final = {
    **dict.fromkeys(("f", "2", "female", "woman", "girl"), "f"),
    **dict.fromkeys(("m", "1", "male", "man", "boy"), "m"),
}
_SEX_NOT_STATED: Final = frozenset(
    (
        "0", "9", "u", "x", "i", "n", "nk", "unknown", "not known", "not specified", "not stated",
        "indeterminate", "other", "prefer not to say",
    )
)  # fmt: skip


def sex(text: str, note: Note = ignore) -> str:
    """`f`, `m` or "". Codes are those of ISO/IEC 5218 and the NHS data dictionary, letters, and English
    words.
    """
    code = text.strip().lower()
    if not code:
        return ""
    found = _SEX.get(code, "")
    if not found:
        note("sex-not-stated" if code in _SEX_NOT_STATED else "sex-unreadable")
    return found


# By length of the outward part: A letter, N digit, X a letter that is not I or O.
_OUTWARD: Final = {2: ("AN",), 3: ("AAN", "ANN", "ANX"), 4: ("AANN", "AANX")}
_AS_DIGIT: Final = {"O": "0", "I": "1"}
_AS_LETTER: Final = {"0": "O", "1": "I"}
_POSTCODE: Final = re.compile(r"([A-Z]{1,2}[0-9][0-9A-HJ-NP-Z]?)([0-9][A-Z]{2})\Z")
_UPPER_ALNUM: Final = re.compile(r"[A-Z0-9]+")


def postcode(text: str, note: Note = ignore) -> str:
    """A UK postcode as `AB1 2CD`, by form alone: the letters need not be an area in use.

    O and 0, I and 1 are put right where only one of them can stand. ZZ99 and its kind (no fixed abode,
    abroad) are missing.
    """
    packed = "".join(_UPPER_ALNUM.findall(text.upper()))
    parts = _POSTCODE.match(packed)
    if parts is None:
        outward = _fit(packed[:-3], _OUTWARD.get(len(packed) - 3, ()))
        parts = _POSTCODE.match(outward + _fit(packed[-3:], ("NAA",)))
    if parts is None:
        if text.strip():
            note("postcode-unreadable")
        return ""
    if parts[1].startswith("ZZ99"):
        note("postcode-pseudo")
        return ""
    return f"{parts[1]} {parts[2]}"


def _fit(part: str, patterns: tuple[str, ...]) -> str:
    """`part` put right to the pattern that needs the fewest changes; "" if none fits."""
    best, least = "", len(part) + 1
    for pattern in patterns:
        fitted = "".join(map(_fit_char, part, pattern))
        changes = sum(map(ne, part, fitted))
        if "?" not in fitted and changes < least:
            best, least = fitted, changes
    return best


def _fit_char(char: str, kind: str) -> str:
    if kind == "A":
        return char if char.isalpha() else _AS_LETTER.get(char, "?")
    if kind == "N":
        return char if char.isdigit() else _AS_DIGIT.get(char, "?")
    return char if char.isalpha() and char not in "IO" else "?"


_NHS_WEIGHTS: Final = tuple(range(10, 0, -1))  # with weight 1 for the check digit the sum is a multiple of 11
_NHS_PUNCTUATION: Final = str.maketrans("", "", " -\t\r\n\u00a0")


def nhs_number(text: str, note: Note = ignore) -> str:
    """Ten digits that pass the modulus 11 check (NHS data dictionary); ten equal digits are a placeholder."""
    digits = text.translate(_NHS_PUNCTUATION)
    if not digits:
        return ""
    if len(digits) != 10 or not digits.isascii() or not digits.isdigit():
        note("nhs-number-form")
        return ""
    # Codes serve for digits: "0" is 48, and 48 times the sum of the weights is a multiple of 11.
    if (
        sum(map(mul, digits.encode(), _NHS_WEIGHTS)) % 11
    ):  # a check digit of 10 is never issued, and no last digit could stand for it
        note("nhs-number-check-digit")
        return ""
    if digits == digits[0] * 10:
        note("nhs-number-placeholder")
        return ""
    return digits


ABBREVIATED: Final = {
    word: short
    for short, words in {
        "ave": "avenue av",
        "bldgs": "buildings building bldg",
        "cl": "close",
        "cott": "cottage cottages",
        "cres": "crescent cr",
        "ct": "court crt",
        "dr": "drive drv",
        "flat": "apartment apt flt unit",
        "gdns": "gardens garden gdn",
        "gr": "grove grv",
        "hse": "house",
        "ln": "lane",
        "mt": "mount",
        "no": "number",
        "pk": "park",
        "pl": "place",
        "rd": "road",
        "sq": "square",
        "st": "street str saint",
        "ter": "terrace terr",
    }.items()
    for word in words.split()
}
_HOUSE_NO: Final = re.compile(r"\b(?:no )+(?=[0-9])")
_HOUSE_LETTER: Final = re.compile(r"\b([0-9]+) ([a-z])\b")


def address_line(text: str, note: Note = ignore) -> str:
    """An address, or a part of one, as `[a-z0-9 ]*`: usual abbreviations, `12 A` as `12a`, no "no."
    before a number.
    """
    words = _ALNUM.findall(APOSTROPHES.sub("", ascii_lower(text)))
    if not words and text.strip():
        note("address-unreadable")
    line = " ".join([ABBREVIATED.get(word, word) for word in words])
    return _HOUSE_LETTER.sub(r"\1\2", _HOUSE_NO.sub("", line))
