"""The default engine: OPA's own compilation of the Rego to WebAssembly, run in this process.

One evaluation at a time: wasmtime with several threads was measured at a third of the rate of one
(docs/adr/0003).
"""

from __future__ import annotations

import threading
from collections.abc import Mapping
from importlib.metadata import version
from typing import Any

from opapywasm import (
    OpaEvaluationError,
    OpaPoolTimeoutError,
    OpaWasmError,
    OpaWasmPolicy,
    PolicyConfig,
)

from exchange_node.policy.bundle import Bundle, open_bundle
from exchange_node.policy.engine import ENTRYPOINT, TIMEOUT_SECONDS
from exchange_node.policy.errors import PolicyError

PAGE = 64 * 1024
MEMORY = 64 * 1024 * 1024
MAX_INPUT = 4 * 1024 * 1024
QUEUE_SECONDS = 30.0
# Builtins that the module asks its host for. Our policies need none; the host's versions are not OPA's.
HOST_BUILTINS: frozenset[str] = frozenset()


class EmbeddedEngine:
    """One approved bundle, loaded. Thread-safe; `close` when another takes its place."""

    name = "embedded"

    def __init__(self, bundle: Bundle, timeout_seconds: float = TIMEOUT_SECONDS) -> None:
        """Load an opened bundle. Raises PolicyError `bundle-malformed` for a module that is not one of
        ours."""
        config = PolicyConfig(
            pool_size=1,
            strict_result=True,
            eval_timeout_seconds=timeout_seconds,
            max_memory_pages=MEMORY // PAGE,
            max_input_bytes=MAX_INPUT,
        )
        try:
            module = OpaWasmPolicy.from_wasm_bytes(bundle.module, config)
        except OpaWasmError:
            raise PolicyError("bundle-malformed", "not a policy module") from None
        if set(module.entrypoints) != {ENTRYPOINT} or not HOST_BUILTINS.issuperset(module.builtins):
            module.close()
            raise PolicyError("bundle-malformed", "its entry point or builtins are not those allowed")
        module.set_data(bundle.data)
        self._bundle = bundle
        self._module = module
        self._lock = threading.Lock()
        self.version = f"opa-py-wasm {version('opa-py-wasm')}"

    @classmethod
    def from_bundle(cls, bundle: bytes, approved: Mapping[str, int], now: int) -> EmbeddedEngine:
        """Load a packaged bundle. `approved` maps SHA-256 digests to the epoch second when approval ends.

        Raises PolicyError `bundle-unapproved`, `bundle-stale` or `bundle-malformed`.
        """
        return cls(open_bundle(bundle, approved, now))

    @property
    def bundle_digest(self) -> str:
        """SHA-256 of the bundle, in hex."""
        return self._bundle.digest

    def evaluate(self, document: Mapping[str, Any]) -> object:
        """As PolicyEngine.evaluate."""
        self._bundle.check_time(document["now"])
        if not self._lock.acquire(timeout=QUEUE_SECONDS):
            raise PolicyError("engine-late", "too many decisions are waiting")
        try:
            return self._module.evaluate(dict(document), ENTRYPOINT)
        except OpaPoolTimeoutError:
            raise PolicyError("engine-late") from None
        except OpaEvaluationError as error:
            raise PolicyError(_evaluation(str(error))) from None
        except (OpaWasmError, RecursionError) as error:
            raise PolicyError("engine-failed", type(error).__name__) from None
        finally:
            self._lock.release()

    def close(self) -> None:
        """Free the module's memory; later calls raise PolicyError."""
        self._module.close()


def _evaluation(text: str) -> str:
    """The engine has one error for three things and tells them apart in its text only."""
    if "undefined" in text:
        return "engine-undefined"
    return "engine-late" if "time limit" in text else "engine-failed"
