"""The port behind which an engine stands: an input document in, an answer document out, or an error."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Protocol

ENTRYPOINT = "exchange/main/decision"
TIMEOUT_SECONDS = 2.0


class PolicyEngine(Protocol):
    """One engine with one approved bundle. `bundle_digest` is the SHA-256 that was approved, in hex."""

    @property
    def name(self) -> str: ...

    @property
    def version(self) -> str: ...

    @property
    def bundle_digest(self) -> str: ...

    def evaluate(self, document: Mapping[str, Any]) -> object:
        """The value of `data.exchange.main.decision` for this input, not yet checked.

        Raises PolicyError for whatever is not an answer: missing, undefined, late, failed.
        """
        ...

    def close(self) -> None:
        """Let go of what it holds."""
        ...
