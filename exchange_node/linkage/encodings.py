"""What a linkage unit accepts as one party's encodings: strictly checked rows of token and filter."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Sequence
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from exchange_node.linkage.errors import LinkageError

TOKEN_BYTES = 16
MAX_ROWS = 20_000_000
Bytes = NDArray[np.uint8]


class Claim(Protocol):
    """What the sender signed about its rows; `EncodingSummary` and the signed manifest have this shape."""

    @property
    def rows(self) -> int: ...
    @property
    def row_width(self) -> int: ...
    @property
    def schema_digest(self) -> bytes: ...
    @property
    def key_id(self) -> bytes: ...
    @property
    def chunk_digests(self) -> Sequence[bytes]: ...
    @property
    def popcount_min(self) -> int: ...
    @property
    def popcount_mean_milli(self) -> int: ...
    @property
    def popcount_max(self) -> int: ...


def strictly_ascending(tokens: Bytes) -> bool:
    """Whether tokens of shape (n, 16) ascend with none doubled."""
    high, low = np.ascontiguousarray(tokens).view(">u8").astype(np.uint64).reshape(-1, 2).T
    return bool(((high[1:] > high[:-1]) | ((high[1:] == high[:-1]) & (low[1:] > low[:-1]))).all())


class Encodings:
    """One party's rows of one leg, all checks passed.

    `data`: uint8 of shape (n, 16 + bits / 8), ascending by token; `popcounts`: bits set in each filter,
    int32.
    """

    __slots__ = ("data", "key_id", "popcounts", "schema_digest")

    def __init__(self, data: Bytes, popcounts: NDArray[np.int32], schema_digest: bytes, key_id: bytes) -> None:
        self.data = data
        self.popcounts = popcounts
        self.schema_digest = schema_digest
        self.key_id = key_id

    def __len__(self) -> int:
        return self.rows

    @property
    def rows(self) -> int:
        """Number of rows."""
        return int(self.data.shape[0])

    def __repr__(self) -> str:
        return f"<Encodings of {len(self)} rows>"

    @property
    def tokens(self) -> Bytes:
        """A view of shape (n, 16)."""
        return self.data[:, :TOKEN_BYTES]

    @property
    def filters(self) -> Bytes:
        """A view of shape (n, bits / 8)."""
        return self.data[:, TOKEN_BYTES:]

    @property
    def bits(self) -> int:
        """Length of one filter."""
        return 8 * (int(self.data.shape[1]) - TOKEN_BYTES)

    @classmethod
    def from_chunks(cls, chunks: Iterable[bytes], claim: Claim, max_rows: int = MAX_ROWS) -> Encodings:
        """Check chunks against what their sender signed, one after the other, and lay them into one array.

        The chunks may be a generator, so that only one is held beside the array. Raises LinkageError
        too-many-rows, bad-width, bad-count, bad-digest, not-sorted, bad-filter, bad-statistics. The
        statistics catch a sender's mistake; a lying sender computes them to fit.
        """
        width = claim.row_width
        filter_bytes = width - TOKEN_BYTES
        if filter_bytes <= 0 or filter_bytes % 8 or filter_bytes > 1024:
            raise LinkageError("bad-width", f"{width} bytes a row")
        most = min(max_rows, MAX_ROWS)
        if not 0 <= claim.rows <= most:
            raise LinkageError("too-many-rows", f"{claim.rows} of at most {most}")
        rows = np.empty((claim.rows, width), np.uint8)
        filled = count = 0
        for count, chunk in enumerate(chunks, 1):
            filled = _place(rows, filled, chunk, count - 1, claim)
        if filled != claim.rows or count != len(claim.chunk_digests):
            raise LinkageError("bad-count", f"{filled} rows in {count} chunks")
        if not strictly_ascending(rows[:, :TOKEN_BYTES]):
            raise LinkageError("not-sorted")
        popcounts = _popcounts(rows)
        _check_popcounts(popcounts, 8 * filter_bytes, claim)
        rows.flags.writeable = False
        return cls(rows, popcounts, claim.schema_digest, claim.key_id)


def _place(rows: Bytes, filled: int, chunk: bytes, index: int, claim: Claim) -> int:
    if not chunk or len(chunk) % rows.shape[1]:
        raise LinkageError("bad-width", f"chunk {index} is not made of whole rows")
    end = filled + len(chunk) // rows.shape[1]
    if index >= len(claim.chunk_digests) or end > len(rows):
        raise LinkageError("bad-count", f"chunk {index} is one too many")
    if hashlib.sha256(chunk).digest() != claim.chunk_digests[index]:
        raise LinkageError("bad-digest", f"chunk {index}")
    rows[filled:end] = np.frombuffer(chunk, np.uint8).reshape(-1, rows.shape[1])
    return int(end)


def _popcounts(rows: Bytes) -> NDArray[np.int32]:
    counts = np.empty(len(rows), np.int32)
    for start in range(0, len(rows), 65536):  # bounds the temporary copy
        block = np.ascontiguousarray(rows[start : start + 65536, TOKEN_BYTES:])
        counts[start : start + 65536] = np.bitwise_count(block.view(np.uint64)).sum(axis=1, dtype=np.int32)
    return counts


def _check_popcounts(popcounts: NDArray[np.int32], bits: int, claim: Claim) -> None:
    stated = (claim.popcount_min, claim.popcount_mean_milli, claim.popcount_max)
    if not len(popcounts):
        if stated != (0, 0, 0):
            raise LinkageError("bad-statistics")
        return
    if popcounts.min() == 0 or popcounts.max() > bits * 3 // 4:
        raise LinkageError("bad-filter", f"{int(popcounts.min())} to {int(popcounts.max())} bits of {bits}")
    found = (
        int(popcounts.min()),
        int(popcounts.sum(dtype=np.int64)) * 1000 // len(popcounts),
        int(popcounts.max()),
    )
    if stated != found:
        raise LinkageError("bad-statistics")
