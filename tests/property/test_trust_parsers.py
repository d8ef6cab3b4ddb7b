"""Whatever a peer or a file brings: a value or a TrustError, and nothing else."""

from __future__ import annotations

import contextlib
import json
from collections.abc import Callable
from typing import Any

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from exchange_node.trust import certificates, documents, sealing
from exchange_node.trust.errors import TrustError
from exchange_node.trust.join import JoinRequest, parse_join_request
from exchange_node.trust.manifest import MANIFEST_TYPE, Manifest, RootDocument
from exchange_node.trust.sealing import SealingKey
from exchange_node.trust.signing import Envelope, SigningKey, VerifyKey
from exchange_node.trust.trusted_manifest import TrustedManifest
from exchange_node.trust.vault import Vault
from tests.unit.trust.builders import (
    NOW,
    ROOTS,
    certificate,
    log_signer,
    manifest,
    organisation,
    root_document,
    signed,
    signing,
)

ORG = "castle-nhs"
KEY = SealingKey(bytes(32))
VAULT = Vault(bytes(32))
CA_KEY = certificates.generate_key()
CA = certificates.make_user_ca(CA_KEY, ORG, NOW, 30)
USER = certificates.issue_user_certificate(CA_KEY, CA, "r-patel", "analyst", CA_KEY.public_key(), NOW, 30)
MANIFEST = signed(manifest())
JOIN = JoinRequest.build(organisation(ORG)).sign(signing(ORG), SigningKey(log_signer(ORG).private_key))
SEALED = sealing.seal(KEY.public, b"secret", b"")
STREAM = b"".join(sealing.seal_stream(KEY.public, [b"secret"], b""))


def trusted() -> TrustedManifest:
    machine = TrustedManifest.start(root_document())
    machine.update(MANIFEST, NOW)
    return machine


STATE = trusted().state()


def bounded(parse: Callable[[bytes], Any], data: bytes) -> None:
    with contextlib.suppress(TrustError):
        parse(data)


PARSERS: dict[str, tuple[Callable[[bytes], Any], bytes]] = {
    "json": (documents.load, b'{"a":[1,"x",null]}'),
    "envelope": (Envelope.parse, MANIFEST),
    "manifest": (lambda data: documents.read(Manifest, data), manifest().encode()),
    "roots": (lambda data: documents.read(RootDocument, data), root_document().encode()),
    "update": (lambda data: trusted().update(data, NOW), MANIFEST),
    "restore": (TrustedManifest.restore, STATE),
    "join": (parse_join_request, JOIN),
    "node certificate": (
        lambda data: certificates.check_node_certificate(data, ORG),
        certificate(ORG).encode(),
    ),
    "user certificate": (lambda data: certificates.verify_user(data, CA, NOW), USER),
    "fingerprint": (certificates.fingerprint, USER),
    "tls key": (certificates.key_from_pem, certificates.key_to_pem(CA_KEY)),
    "signing key": (SigningKey.from_pem, signing(ORG).to_pem()),
    "public key": (VerifyKey, signing(ORG).public),
    "sealed": (lambda data: sealing.open(KEY, data, b""), SEALED),
    "sealed stream": (lambda data: list(sealing.open_stream(KEY, [data], b"")), STREAM),
    "sealing key": (lambda data: sealing.seal(data, b"x", b""), KEY.public),
    "wrapped": (lambda data: VAULT.unwrap("x", data), VAULT.wrap("x", b"secret")),
}
EACH = pytest.mark.parametrize("name", sorted(PARSERS))


@EACH
def test_the_good_example_is_taken(name: str) -> None:
    parse, good = PARSERS[name]
    parse(good)


@EACH
@settings(max_examples=60, deadline=None, derandomize=True)
@given(data=st.binary(max_size=3000))
@example(data=b"")
def test_any_bytes(name: str, data: bytes) -> None:
    bounded(PARSERS[name][0], data)


@EACH
@settings(max_examples=60, deadline=None, derandomize=True)
@given(change=st.data())
def test_good_bytes_with_a_wound(name: str, change: st.DataObject) -> None:
    parse, good = PARSERS[name]
    start = change.draw(st.integers(0, len(good)))
    end = change.draw(st.integers(start, min(len(good), start + 40)))
    bounded(parse, good[:start] + change.draw(st.binary(max_size=8)) + good[end:])


values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=20),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=8), inner, max_size=3),
    max_leaves=8,
)


def paths(value: Any, here: tuple[Any, ...] = ()) -> list[tuple[Any, ...]]:
    """Every place in a document."""
    inner = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
    return [here, *(path for key, child in inner for path in paths(child, (*here, key)))]


def planted(value: Any, path: tuple[Any, ...], other: Any) -> Any:
    """The document with `other` at `path`."""
    if not path:
        return other
    copy = value.copy()
    copy[path[0]] = planted(value[path[0]], path[1:], other)
    return copy


GOOD = json.loads(manifest().encode())
PLACES = paths(GOOD)


@settings(max_examples=300, deadline=None, derandomize=True)
@given(place=st.sampled_from(PLACES), other=values)
def test_a_manifest_signed_with_anything_anywhere(place: tuple[Any, ...], other: Any) -> None:
    payload = json.dumps(planted(GOOD, place, other)).encode()
    envelope = Envelope(MANIFEST_TYPE, payload).add_signature(ROOTS[0]).add_signature(ROOTS[1])
    bounded(lambda data: TrustedManifest.start(root_document()).update(data, NOW), envelope.encode())


@settings(max_examples=200, deadline=None, derandomize=True)
@given(value=values)
def test_canonical_form_is_a_fixed_point(value: Any) -> None:
    try:
        read = documents.load(json.dumps(value).encode())
    except TrustError:
        return
    encoded = documents.canonical(read)
    assert documents.load(encoded) == read
    assert documents.canonical(documents.load(encoded)) == encoded


@settings(max_examples=100, deadline=None, derandomize=True)
@given(data=st.binary(max_size=200))
def test_base64_has_one_form(data: bytes) -> None:
    assert documents.b64decode(documents.b64encode(data)) == data


@settings(max_examples=100, deadline=None, derandomize=True)
@given(seconds=st.integers(0, 253_402_300_799))
def test_times_survive(seconds: int) -> None:
    assert documents.parse_time(documents.format_time(seconds)) == seconds


@settings(max_examples=60, deadline=None, derandomize=True)
@given(chunks=st.lists(st.binary(max_size=300), max_size=8), cut=st.integers(1, 700), small=st.integers(1, 64))
def test_streams_however_they_are_cut(chunks: list[bytes], cut: int, small: int) -> None:
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(sealing, "CHUNK_BYTES", small)
        sealed = b"".join(sealing.seal_stream(KEY.public, chunks, b"i"))
        pieces = [sealed[at : at + cut] for at in range(0, len(sealed), cut)]
        assert b"".join(sealing.open_stream(KEY, pieces, b"i")) == b"".join(chunks)
        with pytest.raises(TrustError, match="cannot-open"):
            list(sealing.open_stream(KEY, [sealed[:-cut]], b"i"))
