"""The packaged policy: a gzipped tar with OPA's WebAssembly, the statutory tables, and the revision of the
sources.

A bundle counts only if its SHA-256 is among those that the federation approved, and only until the time given
there. OPA's own bundle signatures are not used: an approval in the signed manifest also expires, and binds
every byte.
"""

from __future__ import annotations

import hashlib
import io
import json
import re
import tarfile
import zlib
from collections.abc import Mapping
from dataclasses import dataclass
from importlib import resources
from typing import Any

from exchange_node.policy.engine import ENTRYPOINT
from exchange_node.policy.errors import PolicyError

MAX_BUNDLE = 8 * 1024 * 1024
MAX_FILE = 16 * 1024 * 1024


@dataclass(frozen=True, slots=True)
class Bundle:
    """`digest` is the SHA-256 that was approved until `until` (epoch seconds); `revision` names the
    sources."""

    digest: str
    until: int
    revision: str
    module: bytes
    data: dict[str, Any]

    def check_time(self, now: int) -> None:
        """Raises PolicyError `bundle-stale` once the approval has run out."""
        if now >= self.until:
            raise PolicyError("bundle-stale")


def packaged_bundle() -> bytes:
    """The bundle that comes with this release of the node."""
    return (resources.files("exchange_node.policy") / "bundle" / "policies.tar.gz").read_bytes()


def bundle_digest(bundle: bytes) -> str:
    """What an approval names: the SHA-256 of the bundle's bytes, in hex."""
    return hashlib.sha256(bundle).hexdigest()


def open_bundle(bundle: bytes, approved: Mapping[str, int], now: int) -> Bundle:
    """Check the approval first, then read. `approved` maps digests to the epoch second at which approval
    ends.

    Raises PolicyError `bundle-unapproved`, `bundle-stale` or `bundle-malformed`.
    """
    digest = bundle_digest(bundle)
    until = approved.get(digest)
    if until is None:
        raise PolicyError("bundle-unapproved", f"sha256 {digest}")
    if now >= until:
        raise PolicyError("bundle-stale", f"sha256 {digest}")
    files = _unpack(bundle)
    try:
        manifest, data = json.loads(files["/.manifest"]), json.loads(files["/data.json"])
        module, revision = files["/policy.wasm"], manifest["revision"]
        entrypoints = [item["entrypoint"] for item in manifest["wasm"]]
    except (KeyError, TypeError, ValueError):
        raise PolicyError("bundle-malformed", "a file or field is missing") from None
    if entrypoints != [ENTRYPOINT] or not isinstance(data, dict):
        raise PolicyError("bundle-malformed", f"its entry point is not {ENTRYPOINT}")
    if not isinstance(revision, str) or not re.fullmatch(r"[0-9a-f]{64}", revision):
        raise PolicyError("bundle-malformed", "its revision is not a digest")
    return Bundle(digest, until, revision, module, data)


def _unpack(bundle: bytes) -> dict[str, bytes]:
    if len(bundle) > MAX_BUNDLE:
        raise PolicyError("bundle-malformed", f"larger than {MAX_BUNDLE} bytes")
    files: dict[str, bytes] = {}
    try:
        with tarfile.open(fileobj=io.BytesIO(bundle), mode="r:gz") as archive:
            for member in archive:
                content = archive.extractfile(member) if member.isreg() else None
                if content is None or member.size > MAX_FILE or member.name in files:
                    raise PolicyError("bundle-malformed", "something not a plain file, too large, or there twice")
                files[member.name] = content.read()
    except (tarfile.TarError, OSError, EOFError, zlib.error):
        raise PolicyError("bundle-malformed", "not a gzipped tar") from None
    return files
