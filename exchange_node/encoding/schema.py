"""The linkage schema: which fields are encoded and how (clkhash's linkage schema, versions 1 to 3, as JSON)."""

from __future__ import annotations

import hashlib
import json
import re
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from importlib import resources

import clkhash.schema
from clkhash.comparators import NgramComparison, NumericComparison
from clkhash.key_derivation import generate_key_lists

from exchange_node.encoding.errors import EncodingError

DEFAULT_SCHEMA = "uk-person-1"
_MOST_BITS = 1 << 20  # of a token or a feature
_MOST = 1024  # characters of a token, tokens of a number
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
            if not isinstance(data, dict) or data.get("version") not in (1, 2, 3):
                raise ValueError("the version must be 1, 2 or 3")
            canonical = json.dumps(data, sort_keys=True, separators=(",", ":"), ensure_ascii=True).encode()
            schema = clkhash.schema.from_json_dict(data)
            _check(schema)
        except (ValueError, TypeError, KeyError, OverflowError, RecursionError, clkhash.schema.SchemaError) as error:
            raise EncodingError("bad-schema", f"{name}: {type(error).__name__}") from error
        if type(schema.l) is not int or schema.l % 64 or not 64 <= schema.l <= 8192:
            raise EncodingError("bad-schema", f"{name}: the filter length must be a multiple of 64, at most 8192")
        fields = tuple(field.identifier for field in schema.fields)
        return cls(name, hashlib.sha256(canonical).digest(), schema.l, fields, schema)

    def values(self, fields: Mapping[str, str]) -> list[str]:
        """One record's values in the schema's order; a field that the record lacks counts as missing."""
        return [fields.get(name, "") for name in self.fields]


def _check(schema: clkhash.schema.Schema) -> None:
    """What clkhash takes and then fails on, or works on for ever. Raises ValueError, TypeError."""
    length, folds = schema.l, schema.xor_folds
    if type(folds) is not int or not 0 <= folds <= 16 or length << folds > 1 << 16:
        raise ValueError("foldings")
    generate_key_lists(
        bytes(32), len(schema.fields), key_size=schema.kdf_key_size, hash_algo=schema.kdf_hash, kdf=schema.kdf_type
    )
    for how in (field.hashing_properties for field in schema.fields if field.hashing_properties):
        if how.hash_type == "blakeHash" and (length & (length - 1) or schema.kdf_key_size > 64):
            raise ValueError("BLAKE2 wants a length that is a power of two, and a key of at most 64 bytes")
        if how.strategy.bits_per_token(1)[0] > _MOST_BITS:
            raise ValueError("bits of a token")
        how_long = {NgramComparison: "n", NumericComparison: "resolution"}.get(type(how.comparator))
        if how_long and not (type(size := getattr(how.comparator, how_long)) is int and size <= _MOST):
            raise ValueError("n or resolution")


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
