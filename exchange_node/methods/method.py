"""The interface of a linkage method: one function for each of steps 4 to 7, and what it leaks to whom.

A request names its method and version, its audit entries repeat them, and PROTOCOL.md's rules hold for any
of them. What may differ is who sees what, so every method states that in `leaks`, in words that a security
reader can hold it to.

How a later method fits. The functions take and give bytes and arrays and do no I/O, so a method decides
only *what* is sent. Weighted CLKs are the same method with another schema, and so another width and measure.
A method without an outside comparer, where data parties compare secret shares in rounds
with a dealer, keeps `contribution`, `agree_key`, `encode` (its chunks are masked shares, for the other
party instead of a unit) and `disclose`; its `link` becomes a state machine, `round(state, message) ->
(state, messages)`, and `topology` tells the spine to run rounds instead of one call. Nothing above step 7
changes: whatever linked, each data party ends with link ids for its rows.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from enum import Enum
from pathlib import Path
from typing import ClassVar, Protocol

from exchange_node.encoding.encode import ChunkSink, Encoded, EncodingSummary
from exchange_node.encoding.keys import KeyContext, LinkageKey, TokenKey
from exchange_node.linkage.dice import Progress
from exchange_node.linkage.encodings import Claim, Encodings
from exchange_node.linkage.link import LinkResult
from exchange_node.linkage.lists import ROW_BYTES, LinkList
from exchange_node.records.model import StandardRecord

__all__ = [
    "ROW_BYTES",
    "ChunkSink",
    "Claim",
    "Disclosure",
    "Encoded",
    "EncodingSummary",
    "Encodings",
    "KeyContext",
    "LinkList",
    "LinkResult",
    "LinkageKey",
    "LinkageMethod",
    "LinkageOrder",
    "Progress",
    "TokenKey",
    "Topology",
]


class Topology(Enum):
    """Where step 6 runs."""

    LINKAGE_UNIT = "linkage-unit"  # one call at a third node that sees encodings
    ROUNDS = "rounds"  # messages between the data parties; for methods to come


class LinkageOrder(Protocol):
    """The part of the signed linkage order that steers a method; agreement, parties and expiry stand around
    it.

    `threshold_bp` is how alike two rows must be, in basis points (1 to 10,000): by the Dice coefficient, or what
    the schema names instead; `count_mode` is `exact` or
    `size-class`.
    """

    @property
    def schema_digest(self) -> bytes: ...
    @property
    def threshold_bp(self) -> int: ...
    @property
    def max_links(self) -> int: ...
    @property
    def count_mode(self) -> str: ...


@dataclass(frozen=True, slots=True, repr=False)
class Disclosure:
    """What leaves the linkage unit in step 7.

    The requester gets `requester_list` only. The provider gets `provider_list` and the precision, on which
    its policy decides. `links` is for the unit's own log; the requester must learn neither it nor the
    precision.
    """

    requester_list: bytes
    provider_list: bytes
    links: int
    precision_bp: int
    precision_low_bp: int


class LinkageMethod(Protocol):
    """One function for each of steps 4 to 7; `leaks` says for each role what it gives away."""

    name: ClassVar[str]
    version: ClassVar[int]
    topology: ClassVar[Topology]
    leaks: ClassVar[Mapping[str, str]]

    def contribution(self) -> bytes:
        """[4] One party's fresh part of the linkage key, to be sealed to the other party."""

    def agree_key(self, requester_part: bytes, provider_part: bytes, context: KeyContext) -> LinkageKey:
        """[4] The pair's key, the same on both sides."""

    def encode(
        self,
        records: Iterable[StandardRecord],
        key: LinkageKey,
        token_key: TokenKey,
        order: LinkageOrder,
        max_rows: int,
        sink: ChunkSink,
        spool: Path | None = None,
    ) -> Encoded:
        """[5] At a data party: shuffled rows of token and encoding go to `sink` as (index, chunk)."""

    def accept(self, chunks: Iterable[bytes], claim: Claim, order: LinkageOrder, max_rows: int) -> Encodings:
        """[6] At the linkage unit: one party's chunks against its signed claim and the order."""

    def link(
        self, requester: Encodings, provider: Encodings, order: LinkageOrder, progress: Progress | None = None
    ) -> LinkResult:
        """[6] At the linkage unit. Blocks: call it in a worker thread, and cancel by raising from `progress`."""

    def disclose(self, result: LinkResult, rows: int, mode: str, seed: bytes) -> Disclosure:
        """[7] At the linkage unit: what each data party gets under the agreement's disclosure mode.

        `rows` is what the requester sent; `seed` 32 random bytes of this leg, kept so that a retry gives
        the same bytes.
        """

    def read_requester_list(self, data: bytes, encoded_rows: int, tokens_digest: bytes | None = None) -> LinkList:
        """[7] At the requester: its list, checked against what it sent."""

    def read_provider_list(
        self,
        data: bytes,
        token_key: TokenKey,
        local_ids: Iterable[str],
        encoded_rows: int,
        order: LinkageOrder,
    ) -> dict[str, bytes]:
        """[7] At the provider: local id -> link id of its linked people, everything invented refused."""
