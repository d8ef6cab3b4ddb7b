"""Typed values of attributes and cohort columns, read from text."""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Final, Literal, TypeAlias

from exchange_node.records.standardise import Note, ignore

Value: TypeAlias = str | int | bool | None
"""text and code: str; integer: int; date: `YYYY-MM-DD`; boolean: bool; None: missing or unreadable."""

ValueType = Literal["text", "integer", "date", "boolean", "code"]

MISSING: Final = frozenset(("", "null", "n/a", "na", "nan", "none", "-", "#n/a"))
_BOOLEANS: Final = {
    **dict.fromkeys(("yes", "y", "true", "t", "1", "1.0"), True),
    **dict.fromkeys(("no", "n", "false", "f", "0", "0.0"), False),
}
_INTEGER: Final = re.compile(r"([+-]?\d{1,15})(?:\.0*)?\Z", re.ASCII)


def read_value(
    kind: ValueType,
    text: str,
    read_date: Callable[[str, Note], str],
    max_length: int,
    note: Note = ignore,
) -> Value:
    """`text` as a value of `kind`, or None.

    A text over `max_length` characters is None: half a text misleads.
    """
    trimmed = text.strip()
    lowered = trimmed.lower()
    if lowered in MISSING:
        return None
    if kind == "date":
        return read_date(trimmed, note) or None
    if kind == "boolean":
        truth = _BOOLEANS.get(lowered)
        if truth is None:
            note("boolean-unreadable")
        return truth
    if kind == "integer":
        number = _INTEGER.match(trimmed)
        if number is None:
            note("integer-unreadable")
        return int(number[1]) if number else None
    plain = " ".join(trimmed.split())
    if not plain.isprintable():
        note("text-unprintable")
        return None
    if len(plain) > max_length:
        note("text-too-long")
        return None
    return plain
