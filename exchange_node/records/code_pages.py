"""Which code page a text is in that is not UTF-8: the one under which its words are words of some language."""

from __future__ import annotations

import re
from typing import Final

_WORD: Final = re.compile(rb"[A-Za-z\x80-\xff]*[\x80-\xff][A-Za-z\x80-\xff]*")
_MOST: Final = 5000  # distinct words
_BETTER: Final = 0.05  # by so much of the words another page must be better than the usual one
# As no word has them: a capital behind a small letter, or one alone among small ones or the other way round.
_UNEVEN: Final = re.compile(r"[a-z][À-ÖØ-ÞŸ]|\b[A-Z][À-ÖØ-ÞŸ][A-Z]?[a-z]|[A-Z][ß-öø-ÿ][A-Z]")
_SIGNS: Final = "’‘“”–—…€£°ºª«»·§½¼¿¡\xa0"

# Letters outside ASCII of French, German, Spanish, Portuguese, Italian, Nordic, Dutch, Irish.
_WESTERN: Final = [
    *("àâæçéèêëîïôœùûü", "äöüßé", "áéíóúñüçàèò", "áàâãçéêíóôõúü", "àèéìíîòóùú", "åäöéü", "æøåéöäü", "ëïéèöüäê"),
    "áéíóú",
]
# Polish, Czech and Slovak, Hungarian, Romanian, South Slavic.
_CENTRAL: Final = ["ąćęłńóśźż", "áäčďéěíĺľňóôŕřšťúůýž", "áéíóöőúüű", "ăâîșşțţ", "čćđšž", "äöüß"]
# On the usual page, where Turkish has letters that are read as þ and ý, too, but none of the vowels.
_ICELANDIC: Final = "áðéíóúýþæö"
_PAGES: Final = {  # where two are as good the first one counts
    "cp1252": _WESTERN,
    "cp850": _WESTERN,
    "mac_roman": _WESTERN,
    "cp1254": ["çğıi\u0307öşüâîû"],
    "cp1250": _CENTRAL,
    "iso8859_2": _CENTRAL,
    "cp852": _CENTRAL,
    "cp1257": ["āčēģīķļņšūž", "ąčęėįšųūž", "äõöüšž"],
}
# Pages whose letters from 0xC0 on are another alphabet, with its vowels. In every language every second or third letter
# is one, and in none that is read as another.
_OTHER_SCRIPTS: Final = {"cp1251": "аеёиоуыэюяіїєў", "cp1253": "αεηιουωάέήίόύώϊϋΐΰ"}


def words(data: bytes) -> list[bytes]:
    """The words that have a byte outside ASCII."""
    return _WORD.findall(data)


def code_page(found: list[bytes]) -> str:
    """Python's name of the page of such words; cp1252 where none is better."""
    found = list(dict.fromkeys(found))[:_MOST]
    if not found:
        return "cp1252"
    own = sum(len(re.findall(rb"[\xc0-\xff]", word)) > 2 and not re.search(rb"[A-Za-z]", word) for word in found)
    mixed = sum(bool(re.search(rb"[A-Za-z][\xc0-\xff]|[\xc0-\xff][A-Za-z]", word)) for word in found)
    if own > mixed:
        return _other_script(found)
    text = b" ".join(found).decode("cp1252", "replace").lower()
    icelandic = sum(map(text.count, "áéíóúæ")) > sum(map(text.count, "þý"))
    shares = {page: _share(found, page, alphabets) for page, alphabets in _PAGES.items()}
    if icelandic:
        shares["cp1252"] = _share(found, "cp1252", [*_WESTERN, _ICELANDIC])
    best = max(shares, key=lambda page: shares[page])
    return best if shares[best] > shares["cp1252"] + _BETTER else "cp1252"


def _share(found: list[bytes], page: str, alphabets: list[str]) -> float:
    """Of the words, those whose letters outside ASCII are all in the alphabet of one language."""
    known = [frozenset(alphabet) for alphabet in alphabets]
    good = 0
    for word in found:
        text = word.decode(page, "replace").strip(_SIGNS)
        outside = {char for char in text.lower() if not char.isascii() and char != "’"}
        good += any(outside <= alphabet for alphabet in known) and not _UNEVEN.search(text)
    return good / len(found)


def _other_script(found: list[bytes]) -> str:
    letters = b"".join(found)
    if re.fullmatch(rb"[A-Za-z\x80-\xbf\xe0-\xfa]*", letters):  # Hebrew has no capitals
        return "cp1255"

    def vowels(page: str) -> float:
        text = letters.decode(page, "replace").lower()
        return sum(text.count(vowel) for vowel in _OTHER_SCRIPTS[page]) / len(text)

    return max(_OTHER_SCRIPTS, key=vowels)
