"""Sorting by token is the shuffle: tokens are pseudo-random, so their order says nothing about the source's
order.

Bucket sort with bounded memory. What does not fit goes to one unlinked temporary file, encrypted under a
key that exists in this process's memory alone, so that a killed node leaves nothing readable and nothing to
clear up.
"""

from __future__ import annotations

import os
import tempfile
from collections.abc import Iterator
from pathlib import Path
from types import TracebackType
from typing import IO

import numpy as np
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from numpy.typing import NDArray

from exchange_node.encoding.errors import EncodingError
from exchange_node.encoding.tokens import TOKEN_BYTES

_BUCKETS = 256  # by the token's first byte
MEMORY_BYTES = 128 * 1024 * 1024


class TokenSort:
    """Takes rows (token || filter) of one width in any order, and gives them back sorted by token."""

    def __init__(self, width: int, directory: Path | None = None, memory_bytes: int = MEMORY_BYTES) -> None:
        self._width = width
        self._directory = directory
        self._memory_bytes = memory_bytes
        self._held = 0
        self._buckets = [bytearray() for _ in range(_BUCKETS)]
        self._spilled: list[list[tuple[int, int]]] = [[] for _ in range(_BUCKETS)]  # (offset, length) in the file
        self._file: IO[bytes] | None = None
        self._cipher = AESGCM(AESGCM.generate_key(256))

    def __enter__(self) -> TokenSort:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._buckets = [bytearray() for _ in range(_BUCKETS)]
        if self._file is not None:
            self._file.close()

    def add(self, row: bytes) -> None:
        """One row of the agreed width."""
        self._buckets[row[0]] += row
        self._held += len(row)
        if self._held >= self._memory_bytes:
            self._spill()

    def _spill(self) -> None:
        if self._file is None:
            self._file = tempfile.TemporaryFile(dir=self._directory)  # noqa: SIM115 (closed in __exit__)
        for bucket, rows in enumerate(self._buckets):
            if rows:
                offset, nonce = self._file.tell(), os.urandom(12)
                self._file.write(nonce + self._cipher.encrypt(nonce, rows, None))
                self._spilled[bucket].append((offset, self._file.tell() - offset))
        self._buckets = [bytearray() for _ in range(_BUCKETS)]
        self._held = 0

    def _bucket(self, bucket: int) -> bytes:
        parts = []
        for offset, length in self._spilled[bucket]:
            assert self._file is not None
            self._file.seek(offset)
            block = self._file.read(length)
            parts.append(self._cipher.decrypt(block[:12], block[12:], None))
        parts.append(bytes(self._buckets[bucket]))
        self._buckets[bucket] = bytearray()
        return b"".join(parts)

    def sorted(self) -> Iterator[NDArray[np.uint8]]:
        """Blocks of shape (rows, width), ascending by token, once. Raises EncodingError duplicate-id."""
        for bucket in range(_BUCKETS):
            rows = np.frombuffer(self._bucket(bucket), np.uint8).reshape(-1, self._width)
            high, low = np.ascontiguousarray(rows[:, :TOKEN_BYTES]).view(">u8").astype(np.uint64).T
            order = np.lexsort((low, high))
            same = (high[order][1:] == high[order][:-1]) & (low[order][1:] == low[order][:-1])
            if same.any():
                raise EncodingError("duplicate-id", f"{int(same.sum())} in one part of the source")
            if len(order):
                yield rows[order]
