"""Whatever an OPA server does, there is an approved answer within the deadline or an error."""

from __future__ import annotations

import json
import socket
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest

from exchange_node.policy.bundle import open_bundle, packaged_bundle
from exchange_node.policy.errors import PolicyError
from exchange_node.policy.opa_server import OpaServerEngine
from exchange_node.policy.policy import Policy
from tests.policy_engines import NOW, approvals, damp_question, opa_server

DEADLINE = 0.5
BUNDLE = open_bundle(packaged_bundle(), approvals(), NOW)
APPROVED = {"bundles": {"b": {"revision": BUNDLE.revision}}, "version": "1.22.2"}
Behaviour = Callable[[socket.socket], None]


@contextmanager
def server(behaviour: Behaviour) -> Iterator[str]:
    """A server on this machine that reads a request and then behaves as told."""
    listener = socket.create_server(("127.0.0.1", 0))
    over = threading.Event()

    def serve() -> None:
        while not over.is_set():
            try:
                connection, _ = listener.accept()
            except OSError:
                return
            threading.Thread(target=talk, args=(connection,), daemon=True).start()

    def talk(connection: socket.socket) -> None:
        with connection:
            try:
                connection.recv(1 << 20)
                behaviour(connection)
                over.wait(5 if behaviour in HOLDING else 0)
            except OSError:
                pass

    threading.Thread(target=serve, daemon=True).start()
    try:
        yield f"http://127.0.0.1:{listener.getsockname()[1]}"
    finally:
        over.set()
        listener.close()


def said(body: bytes, status: str = "200 OK", headers: str = "") -> Behaviour:
    head = f"HTTP/1.1 {status}\r\nContent-Type: application/json\r\nContent-Length: {len(body)}\r\n{headers}\r\n"
    return lambda connection: connection.sendall(head.encode() + body)


def answered(**fields: Any) -> Behaviour:
    return said(json.dumps(fields).encode())


def silent(_: socket.socket) -> None:
    """Never answers."""


def dripping(connection: socket.socket) -> None:
    """A byte now and then, so that no single read is ever late."""
    connection.sendall(b"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: 1000\r\n\r\n")
    for _ in range(100):
        connection.sendall(b" ")
        time.sleep(0.05)


def endless(connection: socket.socket) -> None:
    connection.sendall(b"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\n\r\n")
    while True:
        connection.sendall(b" " * 65_536)


def hanging_up(connection: socket.socket) -> None:
    connection.close()


HOLDING = {silent}
OTHER = {"bundles": {"b": {"revision": "0" * 64}}}
TWO = {"bundles": {"a": {"revision": BUNDLE.revision}, "b": {"revision": "0" * 64}}}


@pytest.mark.parametrize(
    ("behaviour", "codes"),
    [
        (silent, {"engine-late"}),
        (dripping, {"engine-late"}),
        (endless, {"engine-late"}),
        (hanging_up, {"engine-unavailable"}),
        (said(b"{}", "500 Internal Server Error"), {"engine-failed"}),
        (said(b"{}", "404 Not Found"), {"engine-failed"}),
        (said(b"", "302 Found", "Location: http://127.0.0.1:1/\r\n"), {"engine-unavailable"}),
        (said(b""), {"engine-malformed"}),
        (said(b"true"), {"engine-malformed"}),
        (said(b"<html>"), {"engine-malformed"}),
        (said(b"\xff\xfe"), {"engine-malformed"}),
        (said(b"[" * 100_000), {"engine-malformed"}),
        (answered(), {"bundle-unapproved"}),
        (answered(result={"allow": True}), {"bundle-unapproved"}),
        (answered(result={"allow": True}, provenance=OTHER), {"bundle-unapproved"}),
        (answered(result={"allow": True}, provenance=TWO), {"bundle-unapproved"}),
        (answered(result={"allow": True}, provenance={"bundles": {"b": None}}), {"bundle-unapproved"}),
        (answered(provenance=APPROVED), {"engine-undefined"}),
        (answered(result=True, provenance=APPROVED), {"engine-malformed"}),
        (answered(result={"allow": True}, provenance=APPROVED), {"engine-malformed"}),
    ],
    ids=[
        "slow", "dripping", "endless", "hanging up", "500", "404", "redirect", "empty", "true", "html", "bad text",
        "deep", "no bundle", "no provenance", "other revision", "two bundles", "null bundle", "undefined",
        "wrong type", "half an answer",
    ],
)  # fmt: skip
def test_every_misbehaviour_is_an_error_in_time(behaviour: Behaviour, codes: set[str]) -> None:
    with server(behaviour) as url:
        engine = OpaServerEngine(url, BUNDLE, timeout_seconds=DEADLINE)
        start = time.monotonic()
        with pytest.raises(PolicyError) as caught:
            Policy(engine).ask(damp_question())
        spent = time.monotonic() - start
        engine.close()
    assert caught.value.code.removeprefix("policy.") in codes
    assert spent < DEADLINE + 2  # the deadline, and a busy machine
    assert caught.value.__cause__ is None


def test_down() -> None:
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = free.getsockname()[1]
    engine = OpaServerEngine(f"http://127.0.0.1:{port}", BUNDLE, timeout_seconds=DEADLINE)
    with pytest.raises(PolicyError) as caught:
        Policy(engine).ask(damp_question())
    engine.close()
    assert caught.value.code == "policy.engine-unavailable"


def test_a_stale_approval_is_not_even_asked() -> None:
    engine = OpaServerEngine("http://127.0.0.1:1", BUNDLE)
    with pytest.raises(PolicyError) as caught:
        Policy(engine).ask(damp_question(now=BUNDLE.until))
    engine.close()
    assert caught.value.code == "policy.bundle-stale"


@pytest.mark.parametrize(
    "url",
    ["", "127.0.0.1:8181", "http://opa.example:8181", "https://opa.example:8181", "file:///opa", "http://127.0.0.1"],
)
def test_urls_that_are_not_safe(url: str) -> None:
    with pytest.raises(PolicyError) as caught:
        OpaServerEngine(url, BUNDLE)
    assert caught.value.code == "policy.engine-unavailable"


def test_the_environment_has_no_say(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """A proxy or another CA in the environment would send the question elsewhere."""
    monkeypatch.setenv("HTTP_PROXY", "http://127.0.0.1:1")
    monkeypatch.setenv("http_proxy", "http://127.0.0.1:1")
    monkeypatch.setenv("REQUESTS_CA_BUNDLE", str(tmp_path / "no-such-file"))
    with server(answered(provenance=APPROVED)) as url:
        engine = OpaServerEngine(url, BUNDLE, timeout_seconds=5)
        with pytest.raises(PolicyError) as caught:
            Policy(engine).ask(damp_question())
        engine.close()
    assert caught.value.code == "policy.engine-undefined"  # it was reached


@pytest.mark.opa
def test_a_real_server_with_another_bundle(opa_binary: Path, tmp_path: Path) -> None:
    """It answers, and would allow; but nobody approved what it runs."""
    (tmp_path / "main.rego").write_text('package exchange.main\ndecision := {"allow": true}\n')
    (tmp_path / ".manifest").write_text('{"revision": "mine", "roots": ["exchange"]}')
    with opa_server(opa_binary, tmp_path) as url:
        engine = OpaServerEngine(url, BUNDLE, timeout_seconds=5)
        with pytest.raises(PolicyError) as caught:
            Policy(engine).ask(damp_question())
        engine.close()
    assert caught.value.code == "policy.bundle-unapproved"
