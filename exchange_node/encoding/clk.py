"""One record's CLK, exactly as clkhash makes it (Schnell, Bachteler and Reiher 2009, with BLAKE2 hashing)."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager

from bitarray import bitarray
from clkhash import bloomfilter
from clkhash.field_formats import FieldSpec
from clkhash.key_derivation import generate_key_lists

from exchange_node.encoding.errors import EncodingError
from exchange_node.encoding.keys import LinkageKey
from exchange_node.encoding.schema import LinkageSchema

# clkhash memoises on (plaintext, key): the caches are a copy of both for as long as the process lives.
_CACHES = tuple(value for value in vars(bloomfilter).values() if hasattr(value, "cache_clear"))

_MASKS = 20_000  # kept for each field, some 6 MB


def clear_caches() -> None:
    """Empty clkhash's caches of plaintext, keys and filters."""
    for cache in _CACHES:
        cache.cache_clear()


class ClkEncoder:
    """Encodes records one by one. Use `clk_encoder`, which clears up."""

    def __init__(self, schema: LinkageSchema, key: LinkageKey) -> None:
        inner = schema.clkhash_schema
        keys = generate_key_lists(
            key.reveal(),
            len(inner.fields),
            key_size=inner.kdf_key_size,
            salt=inner.kdf_salt,
            info=inner.kdf_info,
            kdf=inner.kdf_type,
            hash_algo=inner.kdf_hash,
        )
        self._schema = schema
        self._folds = inner.xor_folds
        self._length = inner.l * 2**inner.xor_folds
        self._fields = [
            _Field(field, keys_of_field, self._length)
            for field, keys_of_field in zip(inner.fields, keys, strict=True)
            if field.hashing_properties
        ]

    def encode(self, fields: Mapping[str, str], row: int = 0) -> bytes:
        """The CLK of one standardised record: `bits / 8` bytes. `row` is only for the error.

        Raises EncodingError bad-value with field and row number.
        """
        clk = bitarray(self._length)
        clk.setall(0)
        for field in self._fields:
            mask = field.mask(fields.get(field.name, ""))
            if mask is None:
                raise EncodingError("bad-value", f"row {row}, field {field.name}")
            clk |= mask
        return bloomfilter.fold_xor(clk, self._folds).tobytes()  # type: ignore[no-any-return]


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
            try:
                mask = self._hash(value)
            except ValueError:
                return None  # clkhash's message quotes the value, so it must not travel on, not even as a cause
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


@contextmanager
def clk_encoder(schema: LinkageSchema, key: LinkageKey) -> Iterator[ClkEncoder]:
    """An encoder whose traces in clkhash's caches are gone when it ends, however it ends.

    Encodes of other requests may run at the same time; each end clears all caches, which costs the others
    only time, but what they put there afterwards is theirs to clear.
    """
    try:
        yield ClkEncoder(schema, key)
    finally:
        clear_caches()
