"""[7] The two lists that leave the linkage unit, and the strict reading of them by the data parties.

Both are packed rows of 32 bytes, token (16) and link id (16), ascending by token. The requester's has every
row it sent, linked or not; the provider's only the linked ones. Link ids are random to all but the unit and carry
nothing.
"""

from __future__ import annotations

import hashlib
import hmac
from collections.abc import Callable, Collection, Iterator, Set

import numpy as np
from cryptography.hazmat.primitives.ciphers import Cipher, algorithms, modes

from exchange_node.linkage.encodings import TOKEN_BYTES, Bytes, strictly_ascending
from exchange_node.linkage.errors import LinkageError

LINK_ID_BYTES = 16
ROW_BYTES = TOKEN_BYTES + LINK_ID_BYTES


def link_ids_from(seed: bytes, count: int) -> Bytes:
    """Link ids of shape (count, 16) from a random 32-byte seed that only the linkage unit has.

    Row i gets block i of AES-256 in counter mode: without the seed random, all different, and the same
    again after a restart. A seed serves one leg.
    """
    stream = Cipher(algorithms.AES256(seed), modes.CTR(bytes(LINK_ID_BYTES))).encryptor()
    return np.frombuffer(stream.update(bytes(count * LINK_ID_BYTES)), np.uint8).reshape(count, LINK_ID_BYTES)


def pack_list(tokens: Bytes, link_ids: Bytes) -> bytes:
    """Rows of token and link id, sorted by token, so that their order says nothing."""
    high, low = np.ascontiguousarray(tokens).view(">u8").astype(np.uint64).reshape(-1, 2).T
    order = np.lexsort((low, high))
    return np.concatenate([tokens[order], link_ids[order]], axis=1).tobytes()


class LinkList:
    """A checked list. Iterating gives (token, link id)."""

    __slots__ = ("_rows",)

    def __init__(self, rows: Bytes) -> None:
        self._rows = rows

    def __len__(self) -> int:
        return len(self._rows)

    def __repr__(self) -> str:
        return f"<LinkList of {len(self)} rows>"

    def __iter__(self) -> Iterator[tuple[bytes, bytes]]:
        for row in self._rows:
            packed = row.tobytes()
            yield packed[:TOKEN_BYTES], packed[TOKEN_BYTES:]

    def tokens_of(self, link_ids: Collection[bytes]) -> dict[bytes, bytes]:
        """Link id -> token for those link ids that are in the list."""
        wanted = frozenset(link_ids)
        return {link_id: token for token, link_id in self if link_id in wanted}


def parse_requester_list(data: bytes, rows: int, tokens_digest: bytes | None = None) -> LinkList:
    """The requester's list must have exactly the rows that were sent.

    `tokens_digest` is the SHA-256 over the tokens sent, in order; pass it wherever it is known. Raises
    LinkageError bad-list, list-rows, not-one-to-one, foreign-rows.
    """
    parsed = _parse(data, rows)
    if len(parsed) != rows:
        raise LinkageError("list-rows", f"{len(parsed)} for {rows} rows sent")
    if tokens_digest is not None:
        found = hashlib.sha256(parsed[:, :TOKEN_BYTES].tobytes())
        if not hmac.compare_digest(found.digest(), tokens_digest):
            raise LinkageError("foreign-rows")
    return LinkList(parsed)


def parse_provider_list(data: bytes, known: Callable[[Set[bytes]], Collection[bytes]], max_links: int) -> LinkList:
    """The provider's list may name only its own rows, each once, and no more than the agreement allows.

    `known` gets the tokens and gives back those that are its own. Raises LinkageError bad-list,
    too-many-links, not-one-to-one, unknown-token.
    """
    if len(data) // ROW_BYTES > max_links:
        raise LinkageError("too-many-links", f"more than {max_links}")
    parsed = LinkList(_parse(data, max_links))
    tokens = frozenset(token for token, _ in parsed)
    unknown = tokens - frozenset(known(tokens))
    if unknown:
        raise LinkageError("unknown-token", f"{len(unknown)} of {len(tokens)}")
    return parsed


def _parse(data: bytes, most: int) -> Bytes:
    if len(data) % ROW_BYTES:
        raise LinkageError("bad-list", "not a whole number of rows")
    if len(data) // ROW_BYTES > most:
        raise LinkageError("list-rows", f"{len(data) // ROW_BYTES} for at most {most}")
    rows = np.frombuffer(data, np.uint8).reshape(-1, ROW_BYTES)
    if not strictly_ascending(rows[:, :TOKEN_BYTES]):
        raise LinkageError("not-one-to-one", "tokens are doubled or out of order")
    link_ids = np.ascontiguousarray(rows[:, TOKEN_BYTES:]).view(np.dtype(("V", LINK_ID_BYTES))).reshape(-1)
    if len({link_id.tobytes() for link_id in link_ids}) != len(rows):
        raise LinkageError("not-one-to-one", "a link id stands twice")
    return rows
