"""JSON documents that people sign: strict reading, one canonical form, digests and times. Pure."""

from __future__ import annotations

import base64
import binascii
import hashlib
import json
import math
import re
from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Annotated, Any, NoReturn, Self, TypeVar

from pydantic import BaseModel, BeforeValidator, ConfigDict, PlainSerializer, ValidationError

from exchange_node.trust.errors import TrustError

MAX_DOCUMENT_BYTES = 4 * 1024 * 1024
MAX_DEPTH = 16
MAX_INTEGER = 2**53 - 1  # what every JSON reader keeps exact (RFC 8259, 6)
_STRING = re.compile(rb'"(?:[^"\\]|\\.)*+"?+', re.DOTALL)  # possessive, so that no input makes it slow
_TIME = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ", re.ASCII)


def load(data: bytes, max_bytes: int = MAX_DOCUMENT_BYTES, max_depth: int = MAX_DEPTH) -> Any:
    """The value of a JSON document.

    Raises:
        TrustError: `too-large` over the limits; `malformed` if it is not JSON in UTF-8, or holds what readers
            take in different ways: doubled keys, NaN, infinity, integers beyond 2^53, lone surrogates.
    """
    if len(data) > max_bytes:
        raise TrustError("too-large", f"longer than {max_bytes} bytes")
    if _depth(data) > max_depth:
        raise TrustError("too-large", f"nested deeper than {max_depth}")
    try:
        value = json.loads(
            data.decode("utf-8"),
            object_pairs_hook=_distinct,
            parse_int=_integer,
            parse_float=_float,
            parse_constant=_refuse_constant,
        )
        canonical(value)
    except (ValueError, RecursionError):
        raise TrustError("malformed", "not valid JSON in UTF-8") from None
    return value


def canonical(value: Any) -> bytes:
    """JSON in UTF-8 with sorted keys and no spaces. Equal values give equal bytes.

    As RFC 8785 for text, integers and booleans; numbers with a fraction are written as Python writes them.
    Signatures cover the bytes that were sent, so nobody has to write a document again to verify it.
    """
    text = json.dumps(value, sort_keys=True, separators=(",", ":"), ensure_ascii=False, allow_nan=False)
    return text.encode("utf-8")


def digest(data: bytes) -> str:
    """SHA-256 as 64 lower-case hex digits."""
    return hashlib.sha256(data).hexdigest()


def b64encode(data: bytes) -> str:
    """Standard base64 with padding (RFC 4648, 4)."""
    return base64.b64encode(data).decode("ascii")


def b64decode(text: str) -> bytes:
    """Canonical base64: what `b64encode` writes, nothing else. Raises TrustError `malformed`."""
    try:
        data = base64.b64decode(text.encode("ascii"), validate=True)
    except (UnicodeEncodeError, binascii.Error):
        raise TrustError("malformed", "not base64") from None
    if b64encode(data) != text:
        raise TrustError("malformed", "base64 that is not canonical")
    return data


def parse_time(text: str) -> int:
    """Epoch seconds of `2026-11-23T07:00:00Z`, the one form taken. Raises TrustError `malformed`."""
    if not isinstance(text, str) or not _TIME.fullmatch(text):
        raise TrustError("malformed", "a time is written 2026-11-23T07:00:00Z")
    try:
        return int(datetime.strptime(text, "%Y-%m-%dT%H:%M:%SZ").replace(tzinfo=UTC).timestamp())
    except ValueError:
        raise TrustError("malformed", "there is no such date or time") from None


def format_time(seconds: int) -> str:
    """Epoch seconds as RFC 3339 in UTC."""
    return datetime.fromtimestamp(seconds, UTC).strftime("%Y-%m-%dT%H:%M:%SZ")


def _time_field(value: object) -> int:
    try:
        return parse_time(value)  # type: ignore[arg-type]
    except TrustError as error:
        raise ValueError(error.detail) from None


def _bytes32_field(value: object) -> bytes:
    try:
        raw = b64decode(value) if isinstance(value, str) else b""
    except TrustError as error:
        raise ValueError(error.detail) from None
    if len(raw) != 32:
        raise ValueError("32 bytes in base64 are expected")
    return raw


Time = Annotated[int, BeforeValidator(_time_field), PlainSerializer(format_time)]
"""Epoch seconds; RFC 3339 on paper."""

Bytes32 = Annotated[bytes, BeforeValidator(_bytes32_field), PlainSerializer(b64encode)]
"""32 bytes; base64 on paper."""


class Document(BaseModel):
    """Base of documents: no unknown fields, no silent conversion, no values in error messages."""

    model_config = ConfigDict(extra="forbid", strict=True, frozen=True, hide_input_in_errors=True)

    @classmethod
    def build(cls, value: Mapping[str, Any]) -> Self:
        """The document of plain JSON values, as `read` would take it. Raises TrustError `malformed`."""
        return read(cls, canonical(value))

    def encode(self) -> bytes:
        """Its canonical JSON, without the fields that say nothing."""
        return canonical(self.model_dump(exclude_none=True))


D = TypeVar("D", bound=Document)


def read(model: type[D], data: bytes, max_bytes: int = MAX_DOCUMENT_BYTES) -> D:
    """The document in `data`.

    Raises:
        TrustError: `too-large`, or `malformed` with field and rule, never the value.
    """
    value = load(data, max_bytes)
    try:
        return model.model_validate_json(canonical(value))
    except ValidationError as error:
        first = error.errors(include_url=False, include_context=False, include_input=False)[0]
        # The last part of an unknown field's place is the sender's own text.
        place = first["loc"][:-1] if first["type"] == "extra_forbidden" else first["loc"]
        name = ".".join(map(str, place)) or model.__name__
        raise TrustError("malformed", f"{name}: {first['msg']}") from None


def _depth(data: bytes) -> int:
    # json's own scanner recurses, so depth is counted before it runs.
    depth = deepest = 0
    for byte in _STRING.sub(b"", data):
        if byte in b"[{":
            depth += 1
            deepest = max(deepest, depth)
        elif byte in b"]}":
            depth -= 1
    return deepest


def _distinct(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    value = dict(pairs)
    if len(value) != len(pairs):
        raise ValueError("doubled key")
    return value


def _integer(text: str) -> int:
    value = int(text) if len(text) < 20 else MAX_INTEGER + 1
    if abs(value) > MAX_INTEGER:
        raise ValueError("integer out of range")
    return value


def _float(text: str) -> float:
    value = float(text)
    if not math.isfinite(value):
        raise ValueError("number out of range")
    return value


def _refuse_constant(_text: str) -> NoReturn:
    raise ValueError("not a number")
