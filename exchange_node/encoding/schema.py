"""The linkage schema: which fields are encoded and how. As JSON, clkhash's linkage schema, versions 1 to 3, or a
document of our own for weighted CLKs (`weighted.py`).
"""

from __future__ import annotations

import hashlib
import json
import re
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from importlib import resources
from typing import Any

import clkhash.field_formats
import clkhash.schema
from clkhash.comparators import NgramComparison, NumericComparison
from clkhash.key_derivation import generate_key_lists

from exchange_node.encoding import weighted
from exchange_node.encoding.errors import EncodingError
from exchange_node.encoding.forms import allowed
from exchange_node.encoding.weighted import Source
from exchange_node.records.columns import Column, Columns

DEFAULT_SCHEMA = "uk-person-1"
WEIGHTED_SCHEMA = "uk-person-weighted-1"
_MOST_BITS = 1 << 20  # of a token or a feature
_MOST = 1024  # characters of a token, tokens of a number
_SHIPPED = resources.files("exchange_node.encoding") / "schemas"


@dataclass(frozen=True, slots=True)
class LinkageSchema:
    """A schema as both data parties agreed on it.

    `digest` is the SHA-256 of the canonical JSON (sorted keys, no spaces), so that line ends and
    indentation do not count. `bits` is the length of one CLK. `fields` are those of a record; `clkhash_schema`
    is clkhash's own reading of the document, whose columns come from `sources`. `compared` is how the unit
    compares (`linkage.pairs.Measure`): what the bits of the shorter and of the longer of two filters count.
    """

    name: str
    digest: bytes
    bits: int
    fields: tuple[str, ...]
    clkhash_schema: clkhash.schema.Schema
    sources: tuple[Source, ...]
    compared: tuple[int, int] = (1, 1)

    @classmethod
    def from_json(cls, name: str, document: str | bytes) -> LinkageSchema:
        """Read a schema document. Raises EncodingError bad-schema."""
        try:
            data = json.loads(document)
            if not isinstance(data, dict) or data.get("version") not in (1, 2, 3):
                raise ValueError("the version must be 1, 2 or 3")
            canonical = json.dumps(data, sort_keys=True, separators=(",", ":"), ensure_ascii=True).encode()
            found = weighted.read(data) if data.get("kind") == weighted.KIND else _plain(data)
            schema = found.schema
        except (ValueError, TypeError, KeyError, OverflowError, RecursionError, clkhash.schema.SchemaError) as error:
            raise EncodingError("bad-schema", f"{name}: {type(error).__name__}") from error
        if type(schema.l) is not int or schema.l % 64 or not 64 <= schema.l <= 8192:
            raise EncodingError("bad-schema", f"{name}: the filter length must be a multiple of 64, at most 8192")
        fields = tuple(dict.fromkeys(field for source in found.sources for field in source.fields))
        digest = hashlib.sha256(canonical).digest()
        return cls(name, digest, schema.l, fields, schema, found.sources, found.compared)

    def values(self, fields: Mapping[str, str]) -> list[str]:
        """One record's values, for each of clkhash's columns; a field that the record lacks counts as missing."""
        return [
            fields.get(source.fields[0], "") if len(source.fields) == 1
            else source.join([fields.get(name, "") for name in source.fields])
            for source in self.sources
        ]  # fmt: skip

    def columns(self, columns: Columns) -> list[Column]:
        """A whole register's values, for each of clkhash's columns. Fields that the register lacks, and values that the
        schema does not allow, such as a date that no calendar has, count as missing.
        """
        rows = len(next(iter(columns.values())))
        found = [source.column(columns, rows) for source in self.sources]
        return [_allowed(column, spec) for column, spec in zip(found, self.clkhash_schema.fields, strict=True)]


def _allowed(column: Column, spec: clkhash.field_formats.FieldSpec) -> Column:
    if type(spec) is clkhash.field_formats.StringSpec and not spec.regex_based:
        return column
    values = [value if allowed(spec, value) else "" for value in column.values]
    return Column(column.name, column.kind, values, column.codes)


def _plain(document: dict[str, Any]) -> weighted.Read:
    schema = clkhash.schema.from_json_dict(document)
    _check(schema)
    return weighted.Read(schema, tuple(Source((field.identifier,)) for field in schema.fields), (1, 1))


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
