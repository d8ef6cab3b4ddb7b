"""Standard forms of single values where whole columns are compared; besides those of `standardise`.

They go further than what requests are encoded from, whose forms must stay: other scripts are spelt in Latin letters,
postcodes of any country are kept, addresses are put in one order. Idempotent; nothing raised.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Final

from exchange_node.records import standardise
from exchange_node.records.romanise import romanise
from exchange_node.records.standardise import Note, ascii_lower, ignore
from exchange_node.records.states import STATES

_ALNUM: Final = re.compile(r"[a-z0-9]+")
_NOTHING: Final = frozenset(
    ("unknown", "not known", "nk", "n a", "na", "none", "null", "nil", "nan", "not stated", "not given",
     "not applicable", "tbc", "x", "xx", "xxx", "no fixed abode", "nfa", "no fixed address", "homeless",
     "address not known")
)  # fmt: skip


_MISREAD: Final = re.compile(r"(?<=[^\W\d_])[0-9|:](?=[^\W\d_]|\Z| |[0-9|:])|\b[0-9|](?=[^\W\d_]{2})")
_AS_LETTER: Final = str.maketrans("02345678|:9", "ozeasgtblig")


def name(text: str, note: Note = ignore) -> str:
    """As `standardise.name`, with other scripts in Latin letters and digits in words as the letters they are taken for
    (`JAME5`, `Campbe|l`).
    """
    if not text.isascii():
        text = romanise(ascii_lower(text))
    if not text.isalpha():
        text = _MISREAD.sub(_letter, text)
    return standardise.name(text, note)


def before_initials(text: str, note: Note = ignore) -> str:
    """The name that stands before initials: `VAN DER MERWE JP`."""
    return name(text.rpartition(" ")[0] or text, note)


def _letter(found: re.Match[str]) -> str:
    char = found[0]
    return ("i" if found.string.isupper() else "l") if char == "1" else char.translate(_AS_LETTER)


_WITHIN: Final = re.compile(r"\b([a-z]{1,2}[0-9][0-9a-z]?) ?([0-9][a-z]{2})\W*\Z")
_SWAPPED: Final = re.compile(r"([a-z]{1,2}[0-9][0-9a-z]?)([a-z])([0-9])([a-z])\Z")
_WITH_TOWN: Final = re.compile(
    r"[\W_]*(?:[a-z]{1,2}-)?(\d{4,5}|\d{4}[\W_]*[a-z]{2}(?![a-z])|\d{2}-\d{3}|\d{3} \d{2})[\W_]+[a-z]{3}.*",
    re.ASCII | re.DOTALL,
)
_BEHIND_TOWN: Final = re.compile(  # `Leeds LS6 2AB`, `Dayton, OH 45402`
    r"(.*?[a-z]{2})[\W_]+(?:[a-z]{2}[\W_]+)?([a-z]{1,2}\d[a-z\d]? ?\d[a-z]{2}|\d{5}(?:-\d{4})?|\d{4})\W*",
    re.ASCII | re.DOTALL,
)
_IN_ADDRESS: Final = re.compile(  # behind a house number and before a town
    r".*\d.*?\W(\d{5}|\d{2}-\d{3}|\d{3} \d{2}|\d{4})[\W_]+[a-z][^\d]*", re.ASCII | re.DOTALL
)
_LONGEST: Final = 160  # characters of a cell in which a code is looked for: these forms look again from many places
_CANADIAN: Final = re.compile(r"(?:[a-z][0-9]){3}\Z")


def postcode(text: str, note: Note = ignore, width: int = 0) -> str:
    """A UK postcode as `AB1 2CD`, also at the end of an address; any other code as lower-case letters and digits,
    also before or behind a town or in an address, a US ZIP+4 as its first five. Two characters swapped in the second
    part are put right; codes of digits that a spreadsheet cut short get their zeros back up to `width`.
    """
    notes: list[str] = []
    lowered = ascii_lower(text.strip().removesuffix(".0"))
    if 8 < len(lowered) <= _LONGEST:  # more than a code
        if with_town := _WITH_TOWN.fullmatch(lowered):
            lowered = with_town[1]
        elif behind := _BEHIND_TOWN.fullmatch(lowered):
            lowered = behind[2]
        elif between := _IN_ADDRESS.fullmatch(lowered):
            lowered = between[1]
    packed = "".join(_ALNUM.findall(lowered))
    if len(packed) > 10:
        within = _WITHIN.search(lowered)
        packed = f"{within[1]}{within[2]}" if within else ""
    elif packed:
        packed = _SWAPPED.sub(r"\1\3\2\4", packed)
    if packed.isdigit() or _CANADIAN.match(packed):
        packed = (packed[:5] if len(packed) == 9 else packed).zfill(width if len(packed) > 2 else 0)
    elif found := standardise.postcode(packed, notes.append):
        if not found.startswith("XX"):  # no area, and what is typed where a postcode must be
            return found
        notes.append("postcode-pseudo")
    if "postcode-pseudo" in notes or (packed.isdigit() and len(set(packed)) == 1 and packed[0] in "09"):
        note("postcode-pseudo")
        return ""
    if not 2 <= len(packed) <= 10:
        if text.strip():
            note("postcode-unreadable")
        return ""
    return packed


def state(text: str, note: Note = ignore) -> str:
    """As `place`, with the states of the USA and Australia by their letters."""
    found = place(text, note)
    return STATES.get(found, found)


def place(text: str, note: Note = ignore) -> str:
    """A town, county or state, or one of a few words, as `[a-z0-9 ]*`; without a postcode before or behind it."""
    lowered = text.lower() if text.isascii() else romanise(ascii_lower(text))
    if len(lowered) <= _LONGEST:
        if with_town := _WITH_TOWN.fullmatch(lowered):
            lowered = lowered[with_town.end(1) :]
        elif behind := _BEHIND_TOWN.fullmatch(lowered):
            lowered = behind[1]
    words = _ALNUM.findall(lowered.replace("'", ""))
    found = " ".join(["st" if word == "saint" else word for word in words])
    if found in _NOTHING:
        if found:
            note("place-placeholder")
        return ""
    if not words and text.strip():
        note("place-unreadable")
    return found


def words(text: str, note: Note = ignore) -> str:
    """Any text as `[a-z0-9 ]*`."""
    found = " ".join(_ALNUM.findall(text.lower() if text.isascii() else romanise(ascii_lower(text))))
    if found in _NOTHING:
        if found:
            note("text-placeholder")
        return ""
    return found


_SEX_WORDS: Final = {
    **dict.fromkeys(("w", "weiblich", "frau", "femme", "feminin", "mujer", "femenino", "femenina", "fem", "femmina",
                     "vrouw", "kvinna", "kvinne", "kvinde", "kobieta", "k", "feminino", "fille", "g",
                     "kadin", "benyw", "zh", "zhen", "zhenskii", "zhin", "zhinocha", "zhinka", "θ", "gynaika", "thily",
                     "nkbh", "antha", "flicka", "pige", "jente"), "f"),
    **dict.fromkeys(("maennlich", "mannlich", "herr", "homme", "h", "masculin", "hombre", "masculino", "varon", "v",
                     "maschio", "man", "mann", "mand", "mezczyzna", "garcon", "b", "masc", "mal",
                     "erkek", "e", "gwryw", "muzh", "muzhskoi", "ч", "chol", "cholovicha", "cholovik", "α", "andras",
                     "arren", "zkr", "dhkr", "pojke", "dreng", "gutt"), "m"),
}  # fmt: skip
_TITLES: Final = {
    **dict.fromkeys(("mrs", "miss", "ms", "mme", "mlle", "madame", "sra", "signora", "sig.ra", "fru", "frau", "mevr",
                     "pani"), "f"),
    **dict.fromkeys(("mr", "herr", "monsieur", "sr", "signore", "sig", "hr", "dhr", "pan"), "m"),
}  # fmt: skip


_AS_USUAL: Final[Mapping[str, str]] = {}


def sex(text: str, note: Note = ignore, meant: Mapping[str, str] = _AS_USUAL) -> str:
    """`f` or `m`, from the words and letters of several languages; `meant`: letters that mean another thing where the
    column is Spanish (M is mujer) or Dutch (V is vrouw, not varón).
    """
    code = romanise(ascii_lower(text.strip().removesuffix(".0"))).strip(" .")
    if code in meant:
        return meant[code]
    if code not in ("n/a", "m/f", "f/m"):
        code = code.partition("/")[0].rstrip()  # `Male / Gwryw`
    found = _SEX_WORDS.get(text.strip().lower()) or _SEX_WORDS.get(code) or _TITLES.get(code)
    if not found and " " in code:  # `I am female`, `1 - Male`
        meanings = {_SEX_WORDS.get(word) or standardise.sex(word) for word in code.split()[:5] if len(word) > 2} - {""}
        found = meanings.pop() if len(meanings) == 1 else ""
    return found or standardise.sex(code, note)


def title(text: str) -> str:
    """`f` or `m` of a form of address that tells it."""
    return _TITLES.get(ascii_lower(text.strip()).strip(" ."), "")


_SUFFIXED: Final = re.compile(r",\s*(?:jr|sr|snr|jnr|ii|iii|iv|esq)\.?\s*\Z", re.I)
_PARTICLES: Final = frozenset(
    [
        "van",
        "von",
        "de",
        "del",
        "della",
        "di",
        "da",
        "dos",
        "das",
        "la",
        "le",
        "el",
        "al",
        "bin",
        "ibn",
        "ben",
        "abu",
        "den",
        "der",
        "ter",
        "ten",
        "mac",
        "mc",
        "o",
        "st",
        "saint",
    ]
)


_INITIAL_O: Final = re.compile(r"(?:\W*\b(?:mr|mrs|ms|miss|mx|dr)\b)?[\W_]*o[.\s]+(?=[^\W\d_])", re.I)


def _beginning(text: str, note: Note) -> list[str]:
    """The words of a name that begins with a forename, so that an O is an initial and not that of O Brien."""
    initial = _INITIAL_O.match(text)
    return ["o", *name(text[initial.end() :], note).split(" ")] if initial else name(text, note).split(" ")


def whole_name(text: str, note: Note = ignore, surname_first: bool = False) -> tuple[str, str, str]:
    """(forename, middle names, surname) of a name in one column; without a comma, `surname_first` says which it is.

    `SMITH, John Paul` has the surname first; otherwise it is the last word, with particles before it (van der Berg).
    One word alone is a surname.
    """
    text = _SUFFIXED.sub("", text)
    last, comma, first = text.partition(",")
    if comma:
        surname = name(last, note)
        given = _beginning(first, note)
        return given[0], " ".join(given[1:]), surname
    found = name(text, note).split(" ") if surname_first else _beginning(text, note)
    at = len(found) - 1
    while at > 1 and found[at - 1] in _PARTICLES:
        at -= 1
    if at == 0:
        return "", "", found[0]
    if surname_first:
        at = next((at for at, word in enumerate(found[:-1]) if word not in _PARTICLES), 0)
        return found[at + 1], " ".join(found[at + 2 :]), " ".join(found[: at + 1])
    return found[0], " ".join(found[1:at]), " ".join(found[at:])
