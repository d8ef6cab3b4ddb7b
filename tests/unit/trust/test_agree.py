"""The linkage key follows from everything it should follow from, and from nothing less."""

from __future__ import annotations

import hashlib
import hmac
from typing import Any

import pytest

from exchange_node.trust.agree import combine, contribute, key_id
from exchange_node.trust.errors import TrustError

A, B = b"a" * 32, b"b" * 32
CONTEXT = {
    "request_digest": "1" * 64,
    "requester": "northgate-homes",
    "provider": "castle-nhs",
    "schema_digest": "2" * 64,
}


def test_it_is_hkdf_over_contributions_and_context() -> None:
    """RFC 5869 by hand: extract with no salt, expand to one block."""
    info = b""
    for part in ("exchange-node linkage key v1", *CONTEXT.values()):
        info += len(part).to_bytes(4, "big") + part.encode()
    secret = hmac.digest(bytes(32), A + B, "sha256")
    expected = hmac.digest(secret, info + b"\x01", "sha256")
    assert combine(A, B, **CONTEXT) == expected


@pytest.mark.parametrize(
    "changes",
    [
        {"request_digest": "3" * 64},
        {"schema_digest": "3" * 64},
        {"requester": "riverside-care"},
        {"provider": "riverside-care"},
        {"requester": "castle-nhs", "provider": "northgate-homes"},
        {"requester": "northgate-homesc", "provider": "astle-nhs"},
    ],
)
def test_another_context_another_key(changes: dict[str, Any]) -> None:
    assert combine(A, B, **{**CONTEXT, **changes}) != combine(A, B, **CONTEXT)


def test_each_contribution_counts() -> None:
    keys = {combine(A, B, **CONTEXT), combine(B, A, **CONTEXT), combine(A, b"c" * 32, **CONTEXT)}
    assert len({*keys, combine(b"c" * 32, B, **CONTEXT)}) == 4


@pytest.mark.parametrize("bad", [b"", b"b" * 31, b"b" * 33, bytes(32), A])
def test_contributions_that_are_refused(bad: bytes) -> None:
    with pytest.raises(TrustError, match="bad-contribution"):
        combine(A, bad, **CONTEXT)
    if bad != A:
        with pytest.raises(TrustError, match="bad-contribution"):
            combine(bad, B, **CONTEXT)


def test_key_id() -> None:
    key = combine(A, B, **CONTEXT)
    assert len(key_id(key)) == 16
    assert key_id(key) == key_id(bytes(key)) != key_id(A)
    assert key_id(key) not in (key[:16], key[16:], hashlib.sha256(key).digest()[:16])


def test_contributions_are_fresh() -> None:
    assert len({contribute() for _ in range(10)}) == 10
    assert len(contribute()) == 32
