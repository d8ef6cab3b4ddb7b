"""[5] From standardised records to shuffled rows in chunks, and the figures that the manifest signs."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import islice
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from exchange_node.encoding.clk import DEFAULT_ENCODER, ClkEncoder, clk_encoder
from exchange_node.encoding.errors import EncodingError
from exchange_node.encoding.keys import LinkageKey, TokenKey
from exchange_node.encoding.padding import Donors, mixed_person, random_filter
from exchange_node.encoding.schema import LinkageSchema
from exchange_node.encoding.shuffle import TokenSort
from exchange_node.encoding.tokens import TOKEN_BYTES, Tokens
from exchange_node.records.model import StandardRecord
from exchange_node.sizes import LARGEST, size_class

CHUNK_BYTES = 1024 * 1024 - 4096  # leaves room for the envelope below a 1 MiB message limit
ChunkSink = Callable[[int, bytes], None]
COUNT_MODES = ("exact", "size-class")
_BATCH = 4096  # records encoded at a time


@dataclass(frozen=True, slots=True)
class EncodingSummary:
    """What the sender signs about its chunks. Everything in it may be seen by the linkage unit.

    `rows` includes padding; `row_width` is in bytes (token and CLK); popcounts are bits set per CLK, the
    mean rounded down, all 0 for no rows; `chunk_digests` are SHA-256, in order.
    """

    rows: int
    row_width: int
    schema_digest: bytes
    key_id: bytes
    chunk_digests: tuple[bytes, ...]
    popcount_min: int
    popcount_mean_milli: int
    popcount_max: int


@dataclass(frozen=True, slots=True)
class Encoded:
    """The outcome of an encode, for this party alone: only `summary` may leave the node.

    `records` were encoded, `thin` had too little in their fields to be compared and were left out.
    `tokens_digest` is the SHA-256 over all tokens in order, by which this party recognises the list that
    comes back in step 7. `encoder` is the name of the one that was taken, for this party's own log.
    """

    summary: EncodingSummary
    records: int
    thin: int
    tokens_digest: bytes
    encoder: str


def minimum_popcount(schema: LinkageSchema) -> int:
    """Fewer bits than this is too thin: a sex and half a postcode would agree with half a town."""
    return schema.bits // 6


def encode(
    records: Iterable[StandardRecord],
    schema: LinkageSchema,
    key: LinkageKey,
    token_key: TokenKey,
    sink: ChunkSink,
    *,
    count_mode: str = "exact",
    max_rows: int = LARGEST,
    spool: Path | None = None,
    encoder: str = DEFAULT_ENCODER,
) -> Encoded:
    """Encode, pad, shuffle and pack. The same records and keys give the same chunks, so a killed node can
    send again.

    Needs some 350 MB at most, whatever the number of records (measured with 1.5 million); beyond 128 MB of
    rows an encrypted temporary file in `spool` takes them. `encoder` is one of `clk.ENCODERS`; all give the
    same bits. Raises EncodingError bad-value, duplicate-id, too-many-rows, unknown-count-mode, key-destroyed,
    no-encoder, and whatever the sink raises; what the encoder kept is overwritten in every case.
    """
    if count_mode not in COUNT_MODES:
        raise EncodingError("unknown-count-mode")
    tokens = Tokens(token_key)
    width = TOKEN_BYTES + schema.bits // 8
    with clk_encoder(schema, key, encoder) as chosen, TokenSort(width, spool) as sort:
        donors = Donors() if count_mode == "size-class" else None
        source = _Source(schema, chosen, tokens, sort, max_rows, donors)
        source.read(records)
        if donors is not None:
            source.pad(size_class(source.records, max_rows))
        chunks = _Chunks(width, sink)
        for block in sort.sorted():
            chunks.add(block)
        summary = chunks.finish(schema.digest, key.key_id())
    return Encoded(summary, source.records, source.thin, chunks.tokens.digest(), encoder)


@dataclass(slots=True)
class _Source:
    schema: LinkageSchema
    encoder: ClkEncoder
    tokens: Tokens
    sort: TokenSort
    max_rows: int
    donors: Donors | None
    records: int = 0
    thin: int = 0
    popcounts: int = 0

    def read(self, records: Iterable[StandardRecord]) -> None:
        least = minimum_popcount(self.schema)
        source, number = iter(records), 1
        while batch := list(islice(source, _BATCH)):
            encoded = self._encode([record.fields for record in batch], number)
            for record, (clk, popcount) in zip(batch, encoded, strict=True):
                if popcount < least:
                    self.thin += 1
                    continue
                if self.records >= self.max_rows:
                    raise EncodingError("too-many-rows", f"more than {self.max_rows}")
                token = self.tokens.of_record(record.local_id)
                self.sort.add(token + clk)
                self.records += 1
                self.popcounts += popcount
                if self.donors is not None:
                    self.donors.offer(token, record.fields)
            number += len(batch)

    def _encode(self, people: Sequence[Mapping[str, str]], first: int) -> Iterator[tuple[bytes, int]]:
        """Each one's CLK, and the bits set in it."""
        clks = self.encoder.encode_rows([self.schema.values(fields) for fields in people], first)
        packed, width = clks.tobytes(), clks.shape[1]
        counts = np.bitwise_count(clks).sum(axis=1, dtype=np.int64).tolist()
        return zip((packed[at : at + width] for at in range(0, len(packed), width)), counts, strict=True)

    def pad(self, rows: int) -> None:
        people = self.donors.people() if self.donors is not None else []
        typical = self.popcounts // self.records if self.records else self.schema.bits * 2 // 5
        least = minimum_popcount(self.schema)
        for start in range(0, rows - self.records, _BATCH):
            batch = range(start, min(start + _BATCH, rows - self.records))
            drawn = [self.tokens.of_padding(index) for index in batch]
            mixed = [mixed_person(people, self.schema.fields, stream) for _, stream in drawn] if people else []
            encoded = self._encode(mixed, 0) if people else ((b"", 0) for _ in drawn)
            for (token, stream), (clk, popcount) in zip(drawn, encoded, strict=True):
                if popcount < least:
                    spread = stream[-1] % 41 - 20  # about as far as real rows differ
                    clk = random_filter(self.schema.bits, typical + spread, stream)
                self.sort.add(token + clk)


class _Chunks:
    """Cuts sorted rows into chunks of whole rows, and counts what the summary says."""

    def __init__(self, width: int, sink: ChunkSink) -> None:
        self.tokens = hashlib.sha256()
        self._width = width
        self._sink = sink
        self._rows_per_chunk = CHUNK_BYTES // width
        self._pending: list[NDArray[np.uint8]] = [np.empty((0, width), np.uint8)]
        self._digests: list[bytes] = []
        self._rows = self._total = self._max = 0
        self._min = width * 8

    def add(self, rows: NDArray[np.uint8]) -> None:
        self._pending.append(rows)
        if sum(map(len, self._pending)) >= self._rows_per_chunk:
            joined = np.concatenate(self._pending)
            whole = len(joined) // self._rows_per_chunk * self._rows_per_chunk
            for start in range(0, whole, self._rows_per_chunk):
                self._emit(joined[start : start + self._rows_per_chunk])
            self._pending = [joined[whole:]]

    def _emit(self, rows: NDArray[np.uint8]) -> None:
        self.tokens.update(rows[:, :TOKEN_BYTES].tobytes())
        popcounts = np.bitwise_count(rows[:, TOKEN_BYTES:]).sum(axis=1, dtype=np.int64)
        self._rows += len(rows)
        self._total += int(popcounts.sum())
        self._min, self._max = min(self._min, int(popcounts.min())), max(self._max, int(popcounts.max()))
        chunk = rows.tobytes()
        index = len(self._digests)
        self._digests.append(hashlib.sha256(chunk).digest())
        self._sink(index, chunk)

    def finish(self, schema_digest: bytes, key_id: bytes) -> EncodingSummary:
        rest = np.concatenate(self._pending)
        if len(rest):
            self._emit(rest)
        return EncodingSummary(
            rows=self._rows,
            row_width=self._width,
            schema_digest=schema_digest,
            key_id=key_id,
            chunk_digests=tuple(self._digests),
            popcount_min=self._min if self._rows else 0,
            popcount_mean_milli=self._total * 1000 // self._rows if self._rows else 0,
            popcount_max=self._max,
        )
