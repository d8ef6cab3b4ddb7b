"""CLKs, exactly as clkhash makes them (Schnell, Bachteler and Reiher 2009, with BLAKE2 hashing), by our own encoder or
by clkhash."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import Protocol

from clkhash.key_derivation import generate_key_lists

from exchange_node.encoding.by_clkhash import Clkhash
from exchange_node.encoding.errors import EncodingError
from exchange_node.encoding.keys import LinkageKey
from exchange_node.encoding.native import Column, Filters, NativeEncoder
from exchange_node.encoding.schema import LinkageSchema

DEFAULT_ENCODER = "native"
ENCODERS = {encoder.name: encoder for encoder in (NativeEncoder, Clkhash)}


class ClkEncoder(Protocol):
    """Makes CLKs for one thread at a time. Use `clk_encoder`, which clears up."""

    @property
    def name(self) -> str:
        """As it is chosen."""

    def encode(self, fields: Mapping[str, str], row: int = 0) -> bytes:
        """The CLK of one standardised record: `bits / 8` bytes. `row` is only for the error.

        Raises EncodingError bad-value with field and row number.
        """

    def encode_rows(self, rows: Sequence[Sequence[str]], first: int = 1) -> Filters:
        """The CLKs of many, each with a value for each of the schema's fields in its order. `first` is the number of
        the first row, for the error.

        Raises EncodingError bad-value with field and row number: the first row that is wrong, and its first field.
        """

    def encode_columns(self, columns: Sequence[Column], first: int = 1) -> Filters:
        """As `encode_rows`, with a column for each of the schema's fields, all of one length: a value for each row, or
        each distinct value once and codes (`records.columns.Column`).
        """

    def close(self) -> None:
        """Overwrite or drop whatever holds keys or plaintext. May be called twice."""


def check_encoder(name: str) -> str:
    """The name, if there is such an encoder. Raises EncodingError no-encoder rather than taking another one."""
    if name not in ENCODERS:
        raise EncodingError("no-encoder", name)
    return name


@contextmanager
def clk_encoder(schema: LinkageSchema, key: LinkageKey, name: str = DEFAULT_ENCODER) -> Iterator[ClkEncoder]:
    """An encoder whose traces in memory are gone when it ends, however it ends. Raises EncodingError no-encoder,
    key-destroyed.
    """
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
    encoder = ENCODERS[check_encoder(name)](inner, keys)
    del keys
    try:
        yield encoder
    finally:
        encoder.close()
