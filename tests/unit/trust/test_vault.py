"""Secrets at rest."""

from __future__ import annotations

import hmac

import pytest

from exchange_node.trust.errors import TrustError
from exchange_node.trust.vault import OVERHEAD, EphemeralKey, Vault

KEY = bytes(range(32))


def test_wrapped_and_unwrapped() -> None:
    vault = Vault(KEY)
    for secret in (b"", b"secret", bytes(100_000)):
        blob = vault.wrap("leg/1", secret)
        assert len(blob) == len(secret) + OVERHEAD
        assert Vault(KEY).unwrap("leg/1", blob) == secret
    assert vault.wrap("leg/1", b"secret") != vault.wrap("leg/1", b"secret")
    assert b"secret" not in vault.wrap("leg/1", b"secret")


def test_everything_must_fit() -> None:
    vault = Vault(KEY)
    blob = vault.wrap("leg/1", b"secret")
    for altered in (
        b"",
        blob[:28],
        blob[:-1],
        blob + b"x",
        b"\x02" + blob[1:],
        blob[:-1] + bytes([blob[-1] ^ 1]),
    ):
        with pytest.raises(TrustError, match="cannot-unwrap"):
            vault.unwrap("leg/1", altered)
    with pytest.raises(TrustError, match="cannot-unwrap"):
        vault.unwrap("leg/2", blob)
    with pytest.raises(TrustError, match="cannot-unwrap"):
        Vault(bytes(32)).unwrap("leg/1", blob)


def test_person_references_are_keyed_and_stable() -> None:
    vault = Vault(KEY)
    reference = vault.person_ref("T-0001")
    # HKDF-Expand (RFC 5869, 2.3) by hand; a database outlives a release, so this must never change.
    derived = hmac.digest(KEY, b"exchange-node vault v1 person reference\x01", "sha256")
    expected = hmac.digest(derived, b"T-0001", "sha256").hex()[:32]
    assert reference == Vault(KEY).person_ref("T-0001") == expected
    assert reference != vault.person_ref("T-0002")
    assert reference != Vault(bytes(32)).person_ref("T-0001")


@pytest.mark.parametrize("length", [0, 16, 31, 33])
def test_key_length(length: int) -> None:
    with pytest.raises(TrustError, match="bad-key"):
        Vault(bytes(length))


def test_an_ephemeral_key_ends() -> None:
    with EphemeralKey() as key:
        blob = key.wrap("chunk/0", b"encodings")
        assert key.unwrap("chunk/0", blob) == b"encodings"
        with pytest.raises(TrustError, match="cannot-unwrap"):
            EphemeralKey().unwrap("chunk/0", blob)
    for use in (key.wrap, key.unwrap):
        with pytest.raises(TrustError, match="key-destroyed"):
            use("chunk/0", blob)
    key.destroy()


def test_an_ephemeral_key_ends_with_an_error_too() -> None:
    key = EphemeralKey()
    with pytest.raises(RuntimeError), key:
        raise RuntimeError
    with pytest.raises(TrustError, match="key-destroyed"):
        key.wrap("chunk/0", b"")
