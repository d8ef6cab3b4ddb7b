"""What a column of a release may hold. Every type has cells of one width, so that sizes say nothing about
values."""

from __future__ import annotations

import hashlib
import json
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from typing import TypeAlias, cast

from exchange_node.release.errors import ReleaseError

Value: TypeAlias = str | int | bool | date

MAX_COLUMNS = 256
MAX_TEXT = 4096  # bytes of UTF-8
MAX_CODES = 10_000
_NAME = re.compile(r"[a-z][a-z0-9_]{0,62}")
# Controls, line and paragraph separators, surrogates: none belongs in a cell, and all make trouble in a
# table.
_UNPRINTABLE = re.compile("[\x00-\x1f\x7f-\x9f\u2028\u2029\ud800-\udfff]")


@dataclass(frozen=True, slots=True)
class Text:
    """Text of 1 to `max_length` bytes of UTF-8, without control characters. Empty text is no value."""

    max_length: int

    def __post_init__(self) -> None:
        if type(self.max_length) is not int or not 1 <= self.max_length <= MAX_TEXT:
            raise ReleaseError("bad-column", f"max_length must be 1 to {MAX_TEXT} bytes")

    @property
    def width(self) -> int:
        """Bytes of a cell."""
        return 2 + self.max_length

    @property
    def rule(self) -> str:
        """The domain in words."""
        return f"text of 1 to {self.max_length} bytes without control characters"

    def encode(self, value: object) -> bytes | None:
        """The cell, or None if the value is outside the domain."""
        if type(value) is not str or not value or _UNPRINTABLE.search(value):
            return None
        data = value.encode()
        if len(data) > self.max_length:
            return None
        return len(data).to_bytes(2, "big") + data.ljust(self.max_length, b"\0")

    def decode(self, cell: bytes) -> Value | None:
        """The value, or None unless the cell is what `encode` makes of it."""
        length = int.from_bytes(cell[:2], "big")
        try:
            value = cell[2 : 2 + length].decode()
        except UnicodeDecodeError:
            return None
        return value if self.encode(value) == cell else None

    def document(self) -> dict[str, object]:
        """The type as JSON."""
        return {"type": "text", "max_length": self.max_length}


@dataclass(frozen=True, slots=True)
class Integer:
    """A whole number between two bounds, both included, within signed 64 bits."""

    minimum: int = -(2**63)
    maximum: int = 2**63 - 1

    def __post_init__(self) -> None:
        if type(self.minimum) is not int or type(self.maximum) is not int:
            raise ReleaseError("bad-column", "minimum and maximum must be whole numbers")
        if not -(2**63) <= self.minimum <= self.maximum < 2**63:
            raise ReleaseError("bad-column", "minimum and maximum must be in order and within 64 bits")

    @property
    def width(self) -> int:
        """Bytes of a cell."""
        return 8

    @property
    def rule(self) -> str:
        """The domain in words."""
        return f"whole number from {self.minimum} to {self.maximum}"

    def encode(self, value: object) -> bytes | None:
        """The cell, or None if the value is outside the domain."""
        if type(value) is not int or not self.minimum <= value <= self.maximum:
            return None
        return value.to_bytes(8, "big", signed=True)

    def decode(self, cell: bytes) -> Value | None:
        """The value, or None if it is outside the domain."""
        value = int.from_bytes(cell, "big", signed=True)
        return value if self.encode(value) == cell else None

    def document(self) -> dict[str, object]:
        """The type as JSON."""
        return {"type": "integer", "minimum": self.minimum, "maximum": self.maximum}


@dataclass(frozen=True, slots=True)
class Boolean:
    """Yes or no."""

    @property
    def width(self) -> int:
        """Bytes of a cell."""
        return 1

    @property
    def rule(self) -> str:
        """The domain in words."""
        return "yes or no"

    def encode(self, value: object) -> bytes | None:
        """The cell, or None if the value is outside the domain."""
        return bytes([value]) if type(value) is bool else None

    def decode(self, cell: bytes) -> Value | None:
        """The value, or None if it is outside the domain."""
        return {b"\0": False, b"\1": True}.get(bytes(cell))

    def document(self) -> dict[str, object]:
        """The type as JSON."""
        return {"type": "boolean"}


@dataclass(frozen=True, slots=True)
class Date:
    """A calendar day of the years 1 to 9999, without a time."""

    @property
    def width(self) -> int:
        """Bytes of a cell."""
        return 4

    @property
    def rule(self) -> str:
        """The domain in words."""
        return "date"

    def encode(self, value: object) -> bytes | None:
        """The cell, or None if the value is outside the domain."""
        return value.toordinal().to_bytes(4, "big") if type(value) is date else None

    def decode(self, cell: bytes) -> Value | None:
        """The value, or None if it is outside the domain."""
        ordinal = int.from_bytes(cell, "big")
        return date.fromordinal(ordinal) if 1 <= ordinal <= date.max.toordinal() else None

    def document(self) -> dict[str, object]:
        """The type as JSON."""
        return {"type": "date"}


@dataclass(frozen=True, slots=True)
class Code:
    """One of a list of texts. Cells hold the place in the list, so a long text is no wider than a short
    one."""

    values: tuple[str, ...]

    def __post_init__(self) -> None:
        if type(self.values) is not tuple or not 1 <= len(self.values) <= MAX_CODES:
            raise ReleaseError("bad-column", f"values must be a list of 1 to {MAX_CODES} texts")
        if any(Text(MAX_TEXT).encode(value) is None for value in self.values):
            raise ReleaseError("bad-column", f"each of values must be {Text(MAX_TEXT).rule}")
        if len(set(self.values)) != len(self.values):
            raise ReleaseError("bad-column", "values must not repeat")

    @property
    def width(self) -> int:
        """Bytes of a cell."""
        return 2

    @property
    def rule(self) -> str:
        """The domain in words."""
        return f"one of {len(self.values)} agreed texts"

    def encode(self, value: object) -> bytes | None:
        """The cell, or None if the value is outside the domain."""
        if type(value) is not str or value not in self.values:
            return None
        return self.values.index(value).to_bytes(2, "big")

    def decode(self, cell: bytes) -> Value | None:
        """The value, or None if it is outside the domain."""
        place = int.from_bytes(cell, "big")
        return self.values[place] if place < len(self.values) else None

    def document(self) -> dict[str, object]:
        """The type as JSON."""
        return {"type": "code", "values": list(self.values)}


ColumnType: TypeAlias = Text | Integer | Boolean | Date | Code


@dataclass(frozen=True, slots=True)
class Column:
    """One agreed attribute: its name, the type of what is released, and the transform that makes it.

    Build it with `transforms.column`, which checks that transform and type belong together. `description` is
    for people and no part of the layout.
    """

    name: str
    type: ColumnType
    transform: str = "exact"
    description: str = ""

    def __post_init__(self) -> None:
        if type(self.name) is not str or not _NAME.fullmatch(self.name):
            raise ReleaseError("bad-column", "a name is small letters, digits and _, begins with a letter, 63 at most")

    def document(self) -> dict[str, object]:
        """What both sides must agree on, as JSON."""
        return {"name": self.name, "transform": self.transform, **self.type.document()}


def parse_type(document: Mapping[str, object]) -> ColumnType:
    """The type that a document describes: `{"type": "text", "max_length": 40}` and so on, nothing besides.

    Raises ReleaseError `bad-column`.
    """
    fields = dict(document)
    match fields.pop("type", None), fields:
        case "text", {"max_length": int(length)} if len(fields) == 1:
            return Text(length)
        case "integer", bounds if bounds.keys() <= {"minimum", "maximum"}:
            return Integer(**cast(dict[str, int], bounds))
        case "boolean", {} if not fields:
            return Boolean()
        case "date", {} if not fields:
            return Date()
        case "code", {"values": list(values) | tuple(values)} if len(fields) == 1:
            return Code(tuple(values))
    raise ReleaseError(
        "bad-column",
        "type must be text (max_length), integer (if need be minimum, maximum), boolean, date or code (values)",
    )


def check_columns(columns: Sequence[Column]) -> tuple[Column, ...]:
    """The columns, if there are 1 to 256 of them under different names; else ReleaseError `bad-column`."""
    if not 1 <= len(columns) <= MAX_COLUMNS:
        raise ReleaseError("bad-column", f"a release has 1 to {MAX_COLUMNS} columns")
    if len({column.name for column in columns}) != len(columns):
        raise ReleaseError("bad-column", "two columns have the same name")
    return tuple(columns)


def columns_digest(columns: Sequence[Column]) -> bytes:
    """SHA-256 (32 bytes) over names, types and transforms in order: two nodes with the same digest mean the
    same."""
    text = json.dumps([column.document() for column in columns], sort_keys=True, separators=(",", ":"))
    return hashlib.sha256(b"exchange release columns v1\n" + text.encode()).digest()
