"""Canonical JSON: one value, one sequence of bytes (RFC 8785 without floats and null). Pure."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any, NoReturn, TypeAlias

from exchange_node.audit.errors import AuditError

JSON: TypeAlias = "bool | int | str | list[JSON] | dict[str, JSON]"

MAX_INTEGER = 2**53 - 1  # what every reader of JSON can hold (RFC 7493)
MAX_DEPTH = 16


def canonical(value: object) -> bytes:
    """The value's canonical bytes.

    Raises:
        AuditError: `malformed-entry` for floats, null, integers beyond 2**53 - 1, lone surrogates, other
            types, or more than 16 levels.
    """
    try:
        return _WRITER.encode(_checked(value, 0)).encode("utf-8")
    except UnicodeEncodeError:
        raise AuditError("malformed-entry", "text that is not Unicode") from None


def parse_canonical(data: bytes) -> Any:
    """Read what `canonical` writes, and nothing else. Raises AuditError `malformed-entry`."""
    try:
        value = _READER.decode(data.decode("utf-8"))
    except (ValueError, RecursionError):
        raise AuditError("malformed-entry", "not JSON as entries have it") from None
    if canonical(value) != data:
        raise AuditError("malformed-entry", "JSON that is not canonical")
    return value


def _checked(value: object, depth: int) -> JSON:
    """A plain copy with keys in the order of RFC 8785, or an error."""
    if depth > MAX_DEPTH:
        raise AuditError("malformed-entry", f"more than {MAX_DEPTH} levels")
    if isinstance(value, (bool, str)):
        return value
    if isinstance(value, int):
        if abs(value) > MAX_INTEGER:
            raise AuditError("malformed-entry", "an integer beyond 2**53 - 1")
        return value
    if isinstance(value, (list, tuple)):
        return [_checked(item, depth + 1) for item in value]
    if isinstance(value, (dict, Mapping)):  # the first is told at once
        if not all(isinstance(key, str) for key in value):
            raise AuditError("malformed-entry", "a key that is not text")
        keys = sorted(value, key=None if all(map(str.isascii, value)) else _utf16)  # in ASCII the order is the same
        return {key: _checked(value[key], depth + 1) for key in keys}
    raise AuditError("malformed-entry", f"a value of type {type(value).__name__}")


def _utf16(key: str) -> bytes:
    return key.encode("utf-16-be")


def _refuse(_: str) -> NoReturn:
    raise ValueError("not allowed")


_WRITER = json.JSONEncoder(ensure_ascii=False, separators=(",", ":"))
_READER = json.JSONDecoder(parse_float=_refuse, parse_constant=_refuse)
