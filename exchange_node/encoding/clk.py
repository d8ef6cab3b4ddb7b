"""One record's CLK, exactly as clkhash makes it (Schnell, Bachteler and Reiher 2009, with BLAKE2 hashing)."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager

from clkhash import bloomfilter
from clkhash.comparators import NonComparison
from clkhash.key_derivation import generate_key_lists

from exchange_node.encoding.errors import EncodingError
from exchange_node.encoding.keys import LinkageKey
from exchange_node.encoding.schema import LinkageSchema

# clkhash memoises on (plaintext, key): the caches are a copy of both for as long as the process lives.
_CACHES = tuple(value for value in vars(bloomfilter).values() if hasattr(value, "cache_clear"))


def clear_caches() -> None:
    """Empty clkhash's caches of plaintext, keys and filters."""
    for cache in _CACHES:
        cache.cache_clear()


class ClkEncoder:
    """Encodes records one by one. Use `clk_encoder`, which clears up."""

    def __init__(self, schema: LinkageSchema, key: LinkageKey) -> None:
        inner = schema.clkhash_schema
        self._schema = schema
        hashing = (field.hashing_properties for field in inner.fields)
        self._comparators = [how.comparator if how else NonComparison() for how in hashing]
        self._keys = generate_key_lists(
            key.reveal(),
            len(inner.fields),
            key_size=inner.kdf_key_size,
            salt=inner.kdf_salt,
            info=inner.kdf_info,
            kdf=inner.kdf_type,
            hash_algo=inner.kdf_hash,
        )

    def encode(self, fields: Mapping[str, str], row: int = 0) -> bytes:
        """The CLK of one standardised record: `bits / 8` bytes. `row` is only for the error.

        Raises EncodingError bad-value with field and row number.
        """
        values = self._schema.values(fields)
        try:
            clk, _, _ = bloomfilter.crypto_bloom_filter(
                values, self._comparators, self._schema.clkhash_schema, self._keys
            )
        except ValueError:
            clk = None  # clkhash's message quotes the value, so it must not travel on, not even as a cause
        if clk is None:
            raise EncodingError("bad-value", f"row {row}, field {self._culprit(values)}")
        return bytes(clk.tobytes())

    def _culprit(self, values: list[str]) -> str:
        for field, value in zip(self._schema.clkhash_schema.fields, values, strict=True):
            try:
                field.format_value(value).encode("utf-8")
            except ValueError:
                return str(field.identifier)
        return "unknown"


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
