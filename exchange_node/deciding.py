"""Which policy engine decides at this node, and that its bundle is approved at the moment it decides."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

from exchange_node.config import PolicyTable
from exchange_node.errors import ExchangeError
from exchange_node.policy.bundle import bundle_digest, packaged_bundle
from exchange_node.policy.embedded import EmbeddedEngine
from exchange_node.policy.engine import PolicyEngine
from exchange_node.policy.errors import PolicyError
from exchange_node.policy.opa_server import OpaServerEngine
from exchange_node.trust.manifest import Manifest

FOREVER = 2**40


class ApprovedEngine:
    """An engine that answers only while the newest federation manifest approves its bundle."""

    def __init__(self, engine: PolicyEngine, manifest: Callable[[int], Manifest]) -> None:
        self._engine = engine
        self._manifest = manifest

    @property
    def name(self) -> str:
        """As the engine's."""
        return self._engine.name

    @property
    def version(self) -> str:
        """As the engine's."""
        return self._engine.version

    @property
    def bundle_digest(self) -> str:
        """As the engine's."""
        return self._engine.bundle_digest

    def evaluate(self, document: Mapping[str, Any]) -> object:
        """As the engine. Raises PolicyError `bundle-unapproved` where no manifest in force names the bundle."""
        try:
            approved = self._manifest(document["now"]).bundle(self.bundle_digest, document["now"])
        except ExchangeError as error:
            raise PolicyError("bundle-unapproved", error.code) from error
        if approved is None:
            raise PolicyError("bundle-unapproved", f"sha256 {self.bundle_digest}")
        return self._engine.evaluate(document)

    def close(self) -> None:
        """As the engine."""
        self._engine.close()


def open_engine(
    table: PolicyTable, home: Path, manifest: Callable[[int], Manifest], now: int, bundle: bytes | None = None
) -> ApprovedEngine:
    """The engine that the configuration names, with the bundle of this release. Relative paths are the home's.

    Raises PolicyError.
    """
    data = packaged_bundle() if bundle is None else bundle
    known = {bundle_digest(data): FOREVER}
    if table.engine == "server":
        ca = home / table.ca if table.ca else None
        certificate = (home / table.certificate, home / table.key) if table.certificate else None
        if certificate and not all(file.is_file() for file in certificate):
            raise PolicyError("engine-unavailable", "policy.certificate or policy.key: there is no such file")
        engine: PolicyEngine = OpaServerEngine.from_bundle(
            table.url, data, known, now, ca=ca, certificate=certificate, timeout_seconds=table.deadline_seconds
        )
    else:
        engine = EmbeddedEngine.from_bundle(data, known, now)
    return ApprovedEngine(engine, manifest)
