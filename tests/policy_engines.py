"""What the tests of policy share: the example agreements, an engine, and an OPA server that lives for one test run."""

from __future__ import annotations

import socket
import subprocess
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from typing import Any

from exchange_node.policy.agreement import Agreement, parse_agreement
from exchange_node.policy.bundle import bundle_digest, packaged_bundle
from exchange_node.policy.decision import Consent, Facts, LinkageFacts, Organisation, Question
from exchange_node.policy.embedded import EmbeddedEngine

ROOT = Path(__file__).resolve().parent.parent
AGREEMENTS = ROOT / "deploy" / "examples" / "agreements"
NOW = 1_780_272_000  # 2026-06-01
UNTIL = 4_000_000_000
CONSENTED = Facts(consents=(Consent("northgate-homes", ("damp-repair-prioritisation",), NOW - 86_400, NOW + 86_400),))


def read_agreement(name: str) -> bytes:
    """The bytes of an example agreement, with or without its ending."""
    return (AGREEMENTS / f"{name.removesuffix('.yaml')}.yaml").read_bytes()


def damp_agreement() -> Agreement:
    """The first example."""
    return parse_agreement(read_agreement("asthma-mould"))


def damp_question(**changes: Any) -> Question:
    """Housing asks health for repair priorities, after a linkage that is good enough."""
    question = Question(
        requester=Organisation("northgate-homes", "housing"),
        provider=Organisation("castle-nhs", "health"),
        purpose="damp-repair-prioritisation",
        attributes=("repair_priority",),
        agreement=damp_agreement(),
        request_id="ab" * 16,
        user_role="analyst",
        linkage=LinkageFacts("clk-linkage-unit", 9_900, 100, 50),
        now=NOW,
    )
    return replace(question, **changes)


def approvals() -> dict[str, int]:
    """The packaged bundle, approved for long."""
    return {bundle_digest(packaged_bundle()): UNTIL}


def embedded() -> EmbeddedEngine:
    """The default engine with the packaged bundle."""
    return EmbeddedEngine.from_bundle(packaged_bundle(), approvals(), 0)


@contextmanager
def opa_server(opa: Path, bundle: Path) -> Iterator[str]:
    """The URL of an OPA server on this machine with that bundle. Ends it afterwards."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    command = [str(opa), "run", "--server", "--skip-version-check", "--log-level", "error", "--bundle", str(bundle)]
    with subprocess.Popen([*command, "--addr", f"127.0.0.1:{port}"], stderr=subprocess.DEVNULL) as server:
        try:
            end = time.monotonic() + 20
            while True:
                try:
                    socket.create_connection(("127.0.0.1", port), 1).close()
                    break
                except OSError:
                    if time.monotonic() > end or server.poll() is not None:
                        raise
                    time.sleep(0.02)
            yield f"http://127.0.0.1:{port}"
        finally:
            server.terminate()
