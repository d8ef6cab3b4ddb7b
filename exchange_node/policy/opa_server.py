"""The other engine: an OPA server, through opa-python-client. The only module of the node that speaks HTTP.

The client is wrapped because of what was seen of it: its own time-out is per read, so that a server which
drips bytes holds a caller for as long as it likes; it retries; its errors are those of three libraries; and
REQUESTS_CA_BUNDLE in the environment would replace the private CA. An answer counts only if its provenance
names the approved revision: a server that refused a newer bundle goes on with the old one and still calls
itself healthy.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Mapping
from concurrent.futures import ThreadPoolExecutor
from concurrent.futures import TimeoutError as Late
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import requests
from opa_client.opa import OpaClient

from exchange_node.policy.bundle import Bundle, open_bundle
from exchange_node.policy.engine import ENTRYPOINT, TIMEOUT_SECONDS
from exchange_node.policy.errors import PolicyError

MAX_ANSWER = 16 * 1024 * 1024
WAITING = 4  # calls at once; one more waits, and its deadline runs


class OpaServerEngine:
    """Decisions by a server that runs the approved bundle. Thread-safe."""

    name = "opa-server"

    def __init__(
        self,
        url: str,
        bundle: Bundle,
        *,
        ca: Path | None = None,
        certificate: tuple[Path, Path] | None = None,
        timeout_seconds: float = TIMEOUT_SECONDS,
    ) -> None:
        """`url` is https://host:port, or http:// for a server on this very machine (127.0.0.1, ::1,
        localhost).

        `ca` is the PEM file of the private CA, `certificate` ours with its key. Raises PolicyError
        `engine-unavailable` for a URL or file that cannot be used.
        """
        parts = urlsplit(url)
        local = parts.hostname in {"127.0.0.1", "::1", "localhost"}
        if parts.scheme not in {"https", "http"} or not parts.hostname or not parts.port:
            raise PolicyError("engine-unavailable", "its URL is not https://host:port")
        if parts.scheme == "http" and not local:
            raise PolicyError("engine-unavailable", "http is for a server on this machine alone: use https")
        if parts.scheme == "https" and (ca is None or not ca.is_file()):
            raise PolicyError("engine-unavailable", "https needs the file of its CA")
        self._bundle = bundle
        self._timeout = timeout_seconds
        self._client = OpaClient(
            host=f"[{parts.hostname}]" if ":" in parts.hostname else parts.hostname,
            port=parts.port,
            ssl=str(ca) if parts.scheme == "https" else False,
            cert=tuple(map(str, certificate)) if certificate else None,
            retries=0,
            timeout=timeout_seconds,
        )
        session: requests.Session = self._client._session
        session.trust_env = False  # no proxy, no other CA, no netrc from the environment
        session.max_redirects = 0
        session.hooks["response"].append(self._read_body)
        self._pool = ThreadPoolExecutor(WAITING, thread_name_prefix="opa-server")
        self._version = ""
        self._lock = threading.Lock()

    @classmethod
    def from_bundle(
        cls, url: str, bundle: bytes, approved: Mapping[str, int], now: int, **options: Any
    ) -> OpaServerEngine:
        """The server must run what the approved packaged bundle was built from. Raises as `open_bundle`."""
        return cls(url, open_bundle(bundle, approved, now), **options)

    @property
    def version(self) -> str:
        """The server's version, once it has answered."""
        return f"opa {self._version}".strip()

    @property
    def bundle_digest(self) -> str:
        """SHA-256 of the approved bundle whose revision the server must run."""
        return self._bundle.digest

    def evaluate(self, document: Mapping[str, Any]) -> object:
        """As PolicyEngine.evaluate; within the deadline, whatever the server does."""
        self._bundle.check_time(document["now"])
        call = self._pool.submit(self._query, dict(document))
        try:
            said = call.result(timeout=self._timeout)
        except Late:
            call.cancel()
            raise PolicyError("engine-late") from None
        return self._read(said)

    def close(self) -> None:
        """Close the connections."""
        self._pool.shutdown(wait=False, cancel_futures=True)
        self._client.close_connection()

    def _query(self, document: dict[str, Any]) -> object:
        # Not strict-builtin-errors: WebAssembly has no such switch, and the engines must agree. Our rules turn
        # what errs into an unmet condition (policies/README.md), and tools/rego_lint.py keeps them so.
        try:
            said: object = self._client.query_rule(document, ENTRYPOINT, query_params={"provenance": "true"})
        except requests.exceptions.Timeout:
            raise PolicyError("engine-late") from None
        except requests.exceptions.HTTPError as error:
            status = error.response.status_code if error.response is not None else 0
            raise PolicyError("engine-failed", f"HTTP status {status}") from None
        except (requests.exceptions.JSONDecodeError, UnicodeDecodeError, RecursionError):
            raise PolicyError("engine-malformed", "not JSON") from None
        except (requests.exceptions.RequestException, OSError):
            raise PolicyError("engine-unavailable") from None
        except ValueError:
            raise PolicyError("engine-malformed", "not JSON") from None
        return said

    def _read_body(self, response: requests.Response, **_: Any) -> None:
        """Read the body within bounds of size and time, in place of requests, which has neither."""
        body = bytearray()
        end = time.monotonic() + self._timeout
        while part := response.raw.read1(65_536, decode_content=True):
            body += part
            if len(body) > MAX_ANSWER or time.monotonic() > end:
                response.close()
                raise requests.exceptions.ReadTimeout
        response._content = bytes(body)
        response._content_consumed = True  # type: ignore[attr-defined]

    def _read(self, said: object) -> object:
        if not isinstance(said, dict):
            raise PolicyError("engine-malformed", "not an object")
        provenance = said.get("provenance")
        bundles = provenance.get("bundles") if isinstance(provenance, dict) else None
        revisions = [
            item.get("revision") if isinstance(item, dict) else None
            for item in (bundles.values() if isinstance(bundles, dict) else ())
        ]
        if revisions != [self._bundle.revision]:
            raise PolicyError("bundle-unapproved", "the server does not run exactly the approved revision")
        with self._lock:
            self._version = str(provenance.get("version", ""))[:40] if isinstance(provenance, dict) else ""
        if "result" not in said:
            raise PolicyError("engine-undefined")
        return said["result"]
