"""The linkage schema: which fields are encoded and how (clkhash's linkage schema, version 3, as JSON)."""

from __future__ import annotations

import hashlib
import json
import re
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from importlib import resources

import clkhash.schema

from exchange_node.encoding.errors import EncodingError

DEFAULT_SCHEMA = "uk-person-1"
_SHIPPED = resources.files("exchange_node.encoding") / "schemas"


@dataclass(frozen=True, slots=True)
class LinkageSchema:
    """A schema as both data parties agreed on it.

    `digest` is the SHA-256 of the canonical JSON (sorted keys, no spaces), so that line ends and
    indentation do not count. `bits` is the length of one CLK. `clkhash_schema` is clkhash's own reading of
    the document.
    """

    name: str
    digest: bytes
    bits: int
    fields: tuple[str, ...]
    clkhash_schema: clkhash.schema.Schema

    @classmethod
    def from_json(cls, name: str, document: str | bytes) -> LinkageSchema:
        """Read a schema document. Raises EncodingError bad-schema."""
        try:
            data = json.loads(document)
            if not isinstance(data, dict) or data.get("version") != 3:
                raise ValueError("the version must be 3")
            canonical = json.dumps(data, sort_keys=True, separators=(",", ":"), ensure_ascii=True).encode()
            schema = clkhash.schema.from_json_dict(data)
        except (ValueError, TypeError, KeyError, RecursionError, clkhash.schema.SchemaError) as error:
            raise EncodingError("bad-schema", f"{name}: {type(error).__name__}") from error
        if type(schema.l) is not int or schema.l % 64 or not 64 <= schema.l <= 8192:
            raise EncodingError("bad-schema", f"{name}: the filter length must be a multiple of 64, at most 8192")
        fields = tuple(field.identifier for field in schema.fields)
        return cls(name, hashlib.sha256(canonical).digest(), schema.l, fields, schema)

    def values(self, fields: Mapping[str, str]) -> list[str]:
        """One record's values in the schema's order; a field that the record lacks counts as missing."""
        return [fields.get(name, "") for name in self.fields]


@cache
def load_schema(name: str = DEFAULT_SCHEMA) -> LinkageSchema:
    """A schema that ships with this package; read once, which takes 20 ms. Raises EncodingError unknown-schema,
    bad-schema.
    """
    file = _SHIPPED / f"{name}.json"
    if not re.fullmatch(r"[a-z][a-z0-9-]{1,39}", name) or not file.is_file():
        raise EncodingError("unknown-schema")
    return LinkageSchema.from_json(name, file.read_bytes())


def schema_with(digest: bytes) -> LinkageSchema:
    """The shipped schema of that digest. Raises EncodingError unknown-schema: releases differ."""
    names = sorted(file.name for file in _SHIPPED.iterdir() if file.name.endswith(".json"))
    for schema in (load_schema(name.removesuffix(".json")) for name in names):
        if schema.digest == digest:
            return schema
    raise EncodingError("unknown-schema")
