"""Standard forms of telephone numbers, e-mail addresses, National Insurance numbers and identifiers of other kinds.

As in `standardise`: any text in, the standard form or "" out, broken rules to `note`, idempotent, nothing raised.
"""

from __future__ import annotations

import re
from typing import Final

from exchange_node.records.standardise import Note, ascii_lower, ignore

_DIGITS: Final = re.compile(r"\d+", re.ASCII)
_EXTENSION: Final = re.compile(r"(?:ext|x|#)\.?\s*\d*\Z", re.I)

_APART: Final = re.compile(r"[/;,|&\r\n]|\b(?:or|and)\b", re.I)


_COUNTRY: Final = re.compile(
    r"(?:1|7|2[07]|3[0-469]|4[013-9]|5[1-8]|6[0-6]|8[1246]|9[0-58]|\d{3})(?=\d{7})", re.ASCII
)  # as the ITU numbers them (E.164)


def phone(text: str, note: Note = ignore) -> str:
    """The digits that follow the country's code and the zeros: one register writes `+45 12 34 56 78` where another has
    `12345678`, and spreadsheets take zeros away. Numbers of fewer than seven digits, of one digit repeated from the
    second on and of digits counted on are missing. Of several numbers a UK mobile one stands for all, or the first.
    """
    trimmed = text.strip()
    if not trimmed:
        return ""
    trimmed = _EXTENSION.sub("", trimmed).removesuffix(".0")
    digits = "".join(_DIGITS.findall(trimmed))
    if len(digits) > 13 and len(parts := [part for part in _APART.split(trimmed) if part.strip()]) > 1:
        several = [found for part in parts if (found := phone(part))]
        if len(several) > 1:
            return next((found for found in several if _UK_MOBILE.fullmatch(found)), several[0])
    if trimmed.lstrip("( ").startswith("+") or digits.startswith("00") or (len(digits) > 11 and digits[0] != "0"):
        digits = _COUNTRY.sub("", digits.lstrip("0"), count=1)
    digits = digits.lstrip("0")
    if len(digits) == 11 and digits[0] == "1" and digits[1] not in "01":  # of North America, without a plus
        digits = digits[1:]
    if not 7 <= len(digits) <= 11:
        note("phone-unreadable")
        return ""
    if len(set(digits[1:])) <= 1 or digits in "12345678901" or digits in "9876543210":
        note("phone-placeholder")
        return ""
    return digits


_UK_MOBILE: Final = re.compile(r"7\d{9}", re.ASCII)
_EMAIL: Final = re.compile(r"[^\s@,;<>()\[\]\"]+@[^\s@,;<>()\[\]\"]+\.[^\s@.,;<>()\[\]\"]{2,}")
_NOBODY: Final = re.compile(r"(?:no|none|na|n\.a|nil|not|un|test|xxx?|example|noreply|no[-_.]?e?mail|unknown|null|"
                            r"none?given|refused|declined)\W*(?:known|given|provided|supplied)?@.*")  # fmt: skip


def email(text: str, note: Note = ignore) -> str:
    """The address in lower case, out of whatever stands around it; those that stand for none are missing."""
    if not text.strip():
        return ""
    found = _EMAIL.search(text.lower().replace("mailto:", " "))
    if found is None:
        note("email-unreadable")
        return ""
    address = found[0].strip(".'")
    if not _EMAIL.fullmatch(address):
        note("email-unreadable")
        return ""
    if _NOBODY.fullmatch(address):
        note("email-placeholder")
        return ""
    return address


_ALNUM: Final = re.compile(r"[A-Z0-9]+")
_NI: Final = re.compile(r"([A-CEGHJ-PR-TW-Z][A-CEGHJ-NPR-TW-Z])(\d{6})[A-D]?\Z", re.ASCII)
_NI_NEVER: Final = frozenset(("BG", "GB", "KN", "NK", "NT", "TN", "ZZ"))
_NI_DIGITS: Final = str.maketrans("OILSB", "01158")


def ni_number(text: str, note: Note = ignore) -> str:
    """Two letters and six digits, without the suffix that many systems leave out (HMRC manual NIM39110).

    Letters that stand for digits are put right. Prefixes that are never issued are missing, as are temporary numbers.
    """
    packed = "".join(_ALNUM.findall(text.upper()))
    if not packed:
        return ""
    packed = packed[:2] + packed[2:8].translate(_NI_DIGITS) + packed[8:]
    found = _NI.match(packed)
    if found is None or found[1] in _NI_NEVER:
        note("ni-number-prefix" if found else "ni-number-form")
        return ""
    if len(set(found[2])) == 1 or found[2] in ("123456", "654321"):
        note("ni-number-placeholder")
        return ""
    return found[1] + found[2]


def number(text: str, note: Note = ignore) -> str:
    """Any other identifier: letters in capitals and digits, without leading zeros; one digit repeated is missing."""
    packed = "".join(_ALNUM.findall(ascii_lower(text.strip().removesuffix(".0")).upper())).lstrip("0")
    if not packed:
        if text.strip():
            note("number-unreadable")
        return ""
    if len(packed) > 3 and len(set(packed)) == 1:
        note("number-placeholder")
        return ""
    return packed
