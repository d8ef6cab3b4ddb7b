"""Bundles: nothing is loaded that is not approved now, byte for byte, and whole."""

from __future__ import annotations

import gzip
import io
import json
import tarfile
from typing import Any

import pytest

from exchange_node.policy.bundle import MAX_BUNDLE, bundle_digest, open_bundle, packaged_bundle
from exchange_node.policy.embedded import EmbeddedEngine
from exchange_node.policy.errors import PolicyError
from tests.policy_engines import NOW, UNTIL, approvals


def _files() -> dict[str, bytes]:
    with tarfile.open(fileobj=io.BytesIO(packaged_bundle())) as archive:
        return {member.name: archive.extractfile(member).read() for member in archive}  # type: ignore[union-attr]


def _packed(files: dict[str, bytes]) -> bytes:
    out = io.BytesIO()
    with tarfile.open(fileobj=out, mode="w:gz") as archive:
        for name, content in files.items():
            member = tarfile.TarInfo(name)
            member.size = len(content)
            archive.addfile(member, io.BytesIO(content))
    return out.getvalue()


def _code(bundle: bytes, approved: dict[str, int], now: int = NOW) -> str:
    with pytest.raises(PolicyError) as caught:
        EmbeddedEngine.from_bundle(bundle, approved, now)
    return caught.value.code


def test_an_approved_bundle_opens() -> None:
    bundle = open_bundle(packaged_bundle(), approvals(), NOW)
    assert bundle.digest == bundle_digest(packaged_bundle())
    assert bundle.until == UNTIL


def test_unapproved() -> None:
    assert _code(packaged_bundle(), {}) == "policy.bundle-unapproved"
    assert _code(packaged_bundle(), {"0" * 64: UNTIL}) == "policy.bundle-unapproved"


def test_tampered() -> None:
    """One bit anywhere, or the same files packed anew, is another bundle."""
    bundle = packaged_bundle()
    altered = bundle[:5000] + bytes([bundle[5000] ^ 1]) + bundle[5001:]
    assert _code(altered, approvals()) == "policy.bundle-unapproved"
    assert _code(_packed(_files()), approvals()) == "policy.bundle-unapproved"
    assert _code(bundle + b"\0", approvals()) == "policy.bundle-unapproved"


def test_stale_at_loading() -> None:
    digest = bundle_digest(packaged_bundle())
    assert _code(packaged_bundle(), {digest: NOW}) == "policy.bundle-stale"
    open_bundle(packaged_bundle(), {digest: NOW + 1}, NOW)


def test_stale_while_loaded() -> None:
    """A node that runs for months does not go on under an approval that has run out."""
    engine = EmbeddedEngine.from_bundle(packaged_bundle(), {bundle_digest(packaged_bundle()): NOW}, NOW - 1)
    assert engine.evaluate({"v": 1, "now": NOW - 1})
    with pytest.raises(PolicyError) as caught:
        engine.evaluate({"v": 1, "now": NOW})
    engine.close()
    assert caught.value.code == "policy.bundle-stale"


def _without(name: str) -> bytes:
    return _packed({key: content for key, content in _files().items() if key != name})


def _manifest(**changes: Any) -> bytes:
    files = _files()
    files["/.manifest"] = json.dumps(json.loads(files["/.manifest"]) | changes).encode()
    return _packed(files)


@pytest.mark.parametrize(
    "bundle",
    [
        b"",
        b"not a bundle",
        packaged_bundle()[:20_000],
        gzip.compress(b"no tar"),
        b"\0" * (MAX_BUNDLE + 1),
        _without("/policy.wasm"),
        _without("/data.json"),
        _without("/.manifest"),
        _manifest(revision="today"),
        _manifest(revision=None),
        _manifest(wasm=[]),
        _manifest(wasm=[{"entrypoint": "exchange/main/allow", "module": "/policy.wasm"}]),
        _packed({**_files(), "/policy.wasm": b"\0asm\1\0\0\0"}),
        _packed({**_files(), "/policy.wasm": b"echo"}),
        _packed({**_files(), "/data.json": b"[]"}),
        _packed({**_files(), "/data.json": b"{"}),
    ],
    ids=range(16),
)
def test_approved_but_not_a_bundle_of_ours(bundle: bytes) -> None:
    assert _code(bundle, {bundle_digest(bundle): UNTIL}) == "policy.bundle-malformed"


def test_a_link_in_a_bundle() -> None:
    out = io.BytesIO()
    with tarfile.open(fileobj=out, mode="w:gz") as archive:
        member = tarfile.TarInfo("/data.json")
        member.type, member.linkname = tarfile.SYMTYPE, "/etc/passwd"
        archive.addfile(member)
    bundle = out.getvalue()
    assert _code(bundle, {bundle_digest(bundle): UNTIL}) == "policy.bundle-malformed"
