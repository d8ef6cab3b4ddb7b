"""Local ids become random-looking tokens of one leg, and come back by recomputing, not by a table."""

from __future__ import annotations

from collections.abc import Iterable, Set

from exchange_node.encoding.keys import TokenKey

TOKEN_BYTES = 16
_RECORD = b"record"
_PADDING = b"padding"


class Tokens:
    """Token = HMAC-SHA-512(token key, label, local id) cut to 16 bytes: no two parties or legs share one."""

    def __init__(self, key: TokenKey) -> None:
        self._derive = key.derive()

    def of_record(self, local_id: str) -> bytes:
        """The token of one of our records."""
        return self._derive(_RECORD, local_id)[:TOKEN_BYTES]

    def of_padding(self, index: int) -> tuple[bytes, bytes]:
        """Token and 48 more pseudo-random bytes of a padding row; a resumed encode makes the same rows."""
        stream = self._derive(_PADDING, str(index))
        return stream[:TOKEN_BYTES], stream[TOKEN_BYTES:]


def find_tokens(key: TokenKey, local_ids: Iterable[str], wanted: Set[bytes], rows: int = 0) -> dict[bytes, str | None]:
    """[7] Whose tokens are these? One pass over our own ids; nothing but the wanted ones is kept.

    `rows` is the number of rows that were sent: up to so many of them may be padding. Gives token -> local
    id, or None for a padding row. A wanted token that is missing from the answer was never ours: the
    linkage unit invented it.
    """
    tokens = Tokens(key)
    found: dict[bytes, str | None] = {}
    for local_id in local_ids:
        token = tokens.of_record(local_id)
        if token in wanted:
            found[token] = local_id
    if len(found) < len(wanted):
        padding = (tokens.of_padding(index)[0] for index in range(rows))
        found.update((token, None) for token in padding if token in wanted)
    return found
