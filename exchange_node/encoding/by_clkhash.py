"""clkhash's own encoding, for who wants it, and as the oracle of ours."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import ClassVar

import numpy as np
from bitarray import bitarray
from clkhash import bloomfilter
from clkhash.field_formats import FieldSpec
from clkhash.schema import Schema

from exchange_node.encoding.errors import EncodingError
from exchange_node.encoding.forms import allowed
from exchange_node.encoding.native import Coded, Column, Filters

# clkhash memoises on (plaintext, key): the caches are a copy of both for as long as the process lives.
CACHES = tuple(value for value in vars(bloomfilter).values() if hasattr(value, "cache_clear"))

_MASKS = 20_000  # kept for each field, some 6 MB


def clear_caches() -> None:
    """Empty clkhash's caches of plaintext, keys and filters."""
    for cache in CACHES:
        cache.cache_clear()


class Clkhash:
    """Encodes records one by one with clkhash's functions.

    Encodes of other requests may run at the same time; each end clears all of clkhash's caches, which costs the others
    only time, but what they put there afterwards is theirs to clear.
    """

    name: ClassVar[str] = "clkhash"

    def __init__(self, schema: Schema, keys: Sequence[tuple[bytes, bytes]]) -> None:
        """`keys`: two for each field of the schema, from clkhash."""
        self._folds = schema.xor_folds
        self._length = schema.l << schema.xor_folds
        self._names = [field.identifier for field in schema.fields]
        self._fields = {
            place: _Field(field, keys_of_field, self._length)
            for place, (field, keys_of_field) in enumerate(zip(schema.fields, keys, strict=True))
            if field.hashing_properties
        }

    def encode(self, fields: Mapping[str, str], row: int = 0) -> bytes:
        """As in `ClkEncoder`."""
        return self._encode([fields.get(name, "") for name in self._names], row)

    def encode_rows(self, rows: Sequence[Sequence[str]], first: int = 1) -> Filters:
        """As in `ClkEncoder`."""
        made = [self._encode(values, row) for row, values in enumerate(rows, first)]
        size = -(-(self._length >> self._folds) // 8)
        return np.frombuffer(bytearray(b"".join(made)), np.uint8).reshape(len(made), size)

    def encode_columns(self, columns: Sequence[Column], first: int = 1) -> Filters:
        """As in `ClkEncoder`."""
        texts = [
            [column.values[code] for code in column.codes] if isinstance(column, Coded) else column
            for column in columns
        ]  # fmt: skip
        return self.encode_rows(list(zip(*texts, strict=True)), first)

    def _encode(self, values: Sequence[str], row: int) -> bytes:
        clk = bitarray(self._length)
        clk.setall(0)
        for place, field in self._fields.items():
            mask = field.mask(values[place])
            if mask is None:
                raise EncodingError("bad-value", f"row {row}, field {field.name}")
            clk |= mask
        return bloomfilter.fold_xor(clk, self._folds).tobytes()  # type: ignore[no-any-return]

    def close(self) -> None:
        """Nothing should be encoded afterwards. May be called twice."""
        self._fields = {}
        clear_caches()


class _Field:
    """One field's part of a filter. The values of a field are few, so their masks are kept while the encode lasts."""

    def __init__(self, field: FieldSpec, keys: Sequence[bytes], length: int) -> None:
        self.name: str = field.identifier
        self._field = field
        self._keys = keys
        self._length = length
        self._masks: dict[str, bitarray] = {}

    def mask(self, value: str) -> bitarray | None:
        """The bits of one value; None if the schema does not allow it."""
        mask = self._masks.get(value)
        if mask is None:
            if not allowed(self._field, value):
                return None
            mask = self._hash(value)
            if len(self._masks) < _MASKS:
                self._masks[value] = mask
        return mask

    def _hash(self, value: str) -> bitarray:
        how = self._field.hashing_properties
        tokens = list(how.comparator.tokenize(self._field.format_value(value)))
        mask = bitarray(self._length)
        mask.setall(0)
        if not tokens:
            return mask
        hash_tokens = bloomfilter.hashing_function_from_properties(how)
        counts = how.strategy.bits_per_token(len(tokens))
        mask |= hash_tokens(tokens, self._keys, counts, self._length, how.encoding)
        return mask
