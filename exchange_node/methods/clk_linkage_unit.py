"""The first linkage method: CLKs, plain or weighted, compared at a linkage unit as their schema says."""

from __future__ import annotations

import hmac
from collections.abc import Iterable, Mapping, Set
from pathlib import Path
from typing import ClassVar

from exchange_node.encoding import encode as encoding
from exchange_node.encoding import keys
from exchange_node.encoding.clk import DEFAULT_ENCODER, check_encoder
from exchange_node.encoding.encode import ChunkSink, Encoded
from exchange_node.encoding.keys import KeyContext, LinkageKey, TokenKey
from exchange_node.encoding.schema import schema_with
from exchange_node.encoding.tokens import find_tokens
from exchange_node.linkage import link as linkage
from exchange_node.linkage.dice import Progress
from exchange_node.linkage.encodings import Claim, Encodings
from exchange_node.linkage.errors import LinkageError
from exchange_node.linkage.kernels import DEFAULT_KERNEL, choose_kernel
from exchange_node.linkage.link import LinkResult
from exchange_node.linkage.lists import (
    LinkList,
    link_ids_from,
    pack_list,
    parse_provider_list,
    parse_requester_list,
)
from exchange_node.linkage.pairs import Measure
from exchange_node.methods.method import Disclosure, LinkageOrder, Topology
from exchange_node.records.model import StandardRecord


class ClkLinkageUnit:
    """`clk-linkage-unit`, version 1. The unit is trusted not to attack: see docs/linkage-methods.md."""

    name: ClassVar[str] = "clk-linkage-unit"
    version: ClassVar[int] = 1
    topology: ClassVar[Topology] = Topology.LINKAGE_UNIT
    leaks: ClassVar[Mapping[str, str]] = {
        "requester": "a random link id for every row it sent, linked or not: nothing",
        "provider": "which of its own people are in the cohort, and the estimated precision",
        "linkage": "rows or size class of each side, the CLKs, who matches whom among tokens, all scores;"
        " with a list of the population it can re-identify most rows, and with the linkage key all of them",
    }

    def __init__(self, kernel: str = DEFAULT_KERNEL, encoder: str = DEFAULT_ENCODER) -> None:
        """`kernel` compares, at a linkage unit, and `encoder` encodes, at a data party.

        Raises LinkageError no-kernel, EncodingError no-encoder.
        """
        self._kernel = choose_kernel(kernel)
        self._encoder = check_encoder(encoder)

    def contribution(self) -> bytes:
        """[4] Thirty-two fresh random bytes."""
        return keys.fresh_contribution()

    def agree_key(self, requester_part: bytes, provider_part: bytes, context: KeyContext) -> LinkageKey:
        """[4] HKDF-SHA-256 over both parts, bound to request, parties and schema. Raises EncodingError."""
        return keys.agree_key(requester_part, provider_part, context)

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
        """[5] Rows of token (16 bytes) and CLK, sorted by token. Raises EncodingError."""
        return encoding.encode(
            records,
            schema_with(order.schema_digest),
            key,
            token_key,
            sink,
            count_mode=order.count_mode,
            max_rows=max_rows,
            spool=spool,
            encoder=self._encoder,
        )

    def accept(self, chunks: Iterable[bytes], claim: Claim, order: LinkageOrder, max_rows: int) -> Encodings:
        """[6] Strict: see `Encodings.from_chunks`. Raises LinkageError wrong-schema and others."""
        if not hmac.compare_digest(claim.schema_digest, order.schema_digest):
            raise LinkageError("wrong-schema")
        return Encodings.from_chunks(chunks, claim, max_rows)

    def link(
        self, requester: Encodings, provider: Encodings, order: LinkageOrder, progress: Progress | None = None
    ) -> LinkResult:
        """[6] Alike by the order's threshold or more, greedy one-to-one. Raises LinkageError."""
        shorter, longer = schema_with(order.schema_digest).compared
        return linkage.link(
            requester,
            provider,
            order.threshold_bp,
            max_links=order.max_links,
            kernel=self._kernel,
            measure=Measure(shorter, longer),
            progress=progress,
        )

    def disclose(self, result: LinkResult, rows: int, mode: str, seed: bytes) -> Disclosure:
        """[7] `provider-decides` is the only mode. Raises LinkageError unknown-mode."""
        if mode != "provider-decides":
            raise LinkageError("unknown-mode")
        if rows != len(result.left_tokens):
            raise LinkageError("bad-count", f"{len(result.left_tokens)} rows for {rows}")
        link_ids = link_ids_from(seed, rows)
        return Disclosure(
            requester_list=pack_list(result.left_tokens, link_ids),
            provider_list=pack_list(result.right_tokens[result.right], link_ids[result.left]),
            links=len(result),
            precision_bp=result.precision.estimate_bp,
            precision_low_bp=result.precision.low_bp,
        )

    def read_requester_list(self, data: bytes, encoded_rows: int, tokens_digest: bytes | None = None) -> LinkList:
        """[7] Exactly the rows that were sent. Raises LinkageError."""
        return parse_requester_list(data, encoded_rows, tokens_digest)

    def read_provider_list(
        self,
        data: bytes,
        token_key: TokenKey,
        local_ids: Iterable[str],
        encoded_rows: int,
        order: LinkageOrder,
    ) -> dict[str, bytes]:
        """[7] Local id -> link id. Links to padding rows are dropped; unknown tokens refuse the list.
        Raises LinkageError.
        """
        owners: dict[bytes, str | None] = {}

        def known(tokens: Set[bytes]) -> Set[bytes]:
            owners.update(find_tokens(token_key, local_ids, tokens, encoded_rows))
            return owners.keys()

        links = parse_provider_list(data, known, min(order.max_links, encoded_rows))
        return {owner: link_id for token, link_id in links if (owner := owners[token]) is not None}
