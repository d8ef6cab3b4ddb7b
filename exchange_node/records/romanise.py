"""Letters of other scripts spelt with a to z, so that no name is lost and names in one script stay alike.

Greek, Cyrillic, Hebrew and Arabic go by common practice without its finer rules; other alphabets and syllables by the
last word of their Unicode names (`HANGUL SYLLABLE GIM`); ideographs, which have no sound of their own, by four or five
letters for the code point. It serves comparison, not display.
"""

from __future__ import annotations

import unicodedata
from typing import Final

_TABLE: Final = {
    letter: latin
    for letters, latins in (
        ("абвгдежзийклмнопрстуфхцчшщъыьэюяёіїєґўјљњћџђ",
         "a b v g d e zh z i i k l m n o p r s t u f kh ts ch sh shch  y  e iu ia e i i e g u j lj nj c dz dj"),
        ("αβγδεζηθικλμνξοπρσςτυφχψω", "a v g d e z i th i k l m n x o p r s s t y f ch ps o"),
        ("אבגדהוזחטיכךלמםנןסעפףצץקרשת", "a b g d h v z ch t y k k l m m n n s a p f ts ts k r sh t"),
        ("ابتثجحخدذرزسشصضطظعغفقكلمنهويىةءکگپچیژہےٹڈڑں",
         "a b t th j h kh d dh r z s sh s d t z a gh f q k l m n h w y a h  k g p ch y zh h e t d r n"),
    )
    for letter, latin in zip(letters, latins.split(" "), strict=True)
}  # fmt: skip
_HEX: Final = str.maketrans("0123456789", "ghijklmnop")


def romanise(text: str) -> str:
    """The text with every letter of another script spelt in `[a-z]`; what is no letter stays.

    `text` is lower case, decomposed and without marks, as `standardise.ascii_lower` leaves it.
    """
    return text if text.isascii() else "".join(map(_letter, unicodedata.normalize("NFC", text)))


def _letter(char: str) -> str:
    if char.isascii():
        return char
    found = _TABLE.get(char)
    if found is not None:
        return found
    category = unicodedata.category(char)
    if category[0] == "M":
        return ""
    if category[0] != "L":
        digit = unicodedata.digit(char, None) if category[0] == "N" else None
        return " " if digit is None else str(digit)
    last = unicodedata.name(char, "-").rsplit(" ", 1)[-1].lower()
    return last if last.isalpha() and last.isascii() else f"{ord(char):x}".translate(_HEX)
