"""Addresses of whole columns: usual abbreviations, the house number first, the flat last.

`Flat 2, Rose House, 45 Church Road` is `45 rose hse church rd flat 2`; `3/45 Church St` is `45 church st flat 3`;
`Hauptstraße 12` is `12 hauptstr`. A UK postcode at the end is left out: it is a field of its own. Idempotent; nothing
raised. It goes further than `standardise.address_line`, whose forms are what requests are encoded from and must stay.
"""

from __future__ import annotations

import re
from typing import Final

from exchange_node.records.romanise import romanise
from exchange_node.records.standardise import ABBREVIATED, APOSTROPHES, Note, ascii_lower, ignore

_KEY: Final = re.compile(r'"\w+"\s*:')  # of JSON
_WORD: Final = re.compile(r"[a-z0-9]+")
_SHORT: Final = ABBREVIATED | {
    word: short
    for short, words in {
        "aly": "alley",
        "arc": "arcade",
        "blk": "block",
        "blvd": "boulevard boul bvd",
        "cct": "circuit",
        "cir": "circle circ",
        "cnr": "corner",
        "e": "east",
        "esp": "esplanade",
        "est": "estate",
        "expy": "expressway",
        "flat": "suite ste room rm wohnung appartement appt apto depto whg",
        "fl": "floor flr",
        "fwy": "freeway",
        "hwy": "highway",
        "lwr": "lower",
        "n": "north",
        "ne": "northeast",
        "nw": "northwest",
        "pde": "parade",
        "pkwy": "parkway pky",
        "pt": "point",
        "s": "south",
        "se": "southeast",
        "sw": "southwest",
        "trl": "trail",
        "upr": "upper",
        "w": "west",
    }.items()
    for word in words.split()
}
_STREET: Final = frozenset(("ul", "ulica", "vul", "vulitsia", "ulitsa", "bud"))
_SPECIAL: Final = frozenset(("flat", "no", "floor", "fl"))
_STRASSE: Final = re.compile(r"(?<=[a-z]{3})strasse\Z")
_SLASHED: Final = re.compile(r"\A\W*(\d+[a-z]?)\s*/\s*(\d+)\b")
_LETTER: Final = re.compile(r"[a-z]\Z")
_RUN_ON: Final = re.compile(r"([0-9]+)([a-z]{3,})\Z")
_POSTCODE: Final = re.compile(r"[\s,]*\b[a-z]{1,2}[0-9][0-9a-z]? ?[0-9][a-z]{2}\s*\Z")
_NUMBER: Final = re.compile(r"[0-9]+[a-z]?\Z")
_NOWHERE: Final = frozenset(
    (
        "unknown", "address unknown", "unknown address", "address not known", "x", "xx", "xxx",
        "not known", "nk", "n a", "na", "none", "null", "nil",
        "no fixed abode", "nfa", "of no fixed abode", "no fixed address", "homeless", "not stated", "not given", "tbc",
    )
)  # fmt: skip


def address(text: str, note: Note = ignore) -> str:
    """An address, or a part of one, as `[a-z0-9 ]*`. Notes: address-unreadable, address-placeholder."""
    lowered = text.lower() if text.isascii() else romanise(ascii_lower(text))
    if "'" in lowered or not lowered.isascii():
        lowered = APOSTROPHES.sub("", lowered)
    if '":' in lowered:
        lowered = _KEY.sub(" ", lowered)
    if "/" in lowered:
        lowered = _SLASHED.sub(r"flat \1 \2", lowered)
    if len(lowered) > 12 and lowered.rstrip()[-3:-2].isdigit():
        lowered = _POSTCODE.sub("", lowered)
    words = [_SHORT.get(word, word) for word in _WORD.findall(lowered) if word not in _STREET]
    if not words:
        if text.strip():
            note("address-unreadable")
        return ""
    if "strasse" in lowered:
        words = [_STRASSE.sub("str", word) for word in words]
    if not words[0].isdigit() or len(words) < 2 or len(words[1]) < 2 or not _SPECIAL.isdisjoint(words):
        words = _ordered(words)
    if len(set(words)) < len(words):
        words = _once(words)
    line = " ".join(words)
    if line in _NOWHERE:
        note("address-placeholder")
        return ""
    return line


def _once(words: list[str]) -> list[str]:
    """Without a town that stands twice at the end, as where a line and a column of its own have it."""
    at = len(words) - 2 if words[-2:-1] == ["flat"] else len(words)
    kept, flat = words[:at], words[at:]
    size = 3
    while size:
        twice = len(kept) >= 2 * size and kept[-size:] == kept[-2 * size : -size]
        if twice and all(map(str.isalpha, kept[-size:])):
            del kept[-size:]
            size = 3
        else:
            size -= 1
    return kept + flat


def _ordered(words: list[str]) -> list[str]:
    """House number first and flat last."""
    joined = _joined(words)
    flat: list[str] = []
    for at in range(len(joined) - 2, -1, -1):  # the last, so that a standard address stays as it is
        if (
            joined[at] == "flat"
            and len(joined) > 2
            and (_NUMBER.match(joined[at + 1]) or _LETTER.match(joined[at + 1]))
        ):
            flat = joined[at : at + 2]
            del joined[at : at + 2]
            break
    if not joined[0][0].isdigit() and joined[0] != "flat":
        at = next((at for at, word in enumerate(joined) if _NUMBER.match(word)), 0)
        joined.insert(0, joined.pop(at))
    return _joined(joined) + flat


def _joined(words: list[str]) -> list[str]:
    """`12 a` as `12a`, unless the letter is a point of the compass; `79birch` as `79 birch`; `no. 5` as `5`."""
    joined: list[str] = []
    for word in words:
        if len(word) == 1 and word not in "nesw" and word.isalpha() and joined and joined[-1].isdigit():
            joined[-1] += word
        else:
            while joined and joined[-1] == "no" and word[0].isdigit():
                joined.pop()
            joined.append(word)
    if (run_on := _RUN_ON.match(joined[0])) is not None:
        joined[:1] = run_on[1], _SHORT.get(run_on[2], run_on[2])
    return joined
