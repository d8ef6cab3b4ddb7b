"""The command line's connection to its own node, with the user's certificate."""

from __future__ import annotations

import json
import os
import tomllib
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from types import TracebackType
from typing import Any, ClassVar, Self

import grpc

from exchange_node.config import ConfigError, Home
from exchange_node.errors import ExchangeError, Kind, Says, full_catalogue
from exchange_node.rpc.errors import CODE, DOCUMENT
from exchange_node.rpc.limits import MAX_MESSAGE
from exchange_node.trust.certificates import node_name
from exchange_node.wire.v1 import local_pb2

CALL_SECONDS = 120


class ConnectError(ExchangeError):
    """The node could not be reached."""

    prefix = "connect"
    catalogue: ClassVar[dict[str, Says]] = {
        "no-node": Says(
            Kind.UNAVAILABLE,
            "Your agency's node does not answer.",
            "Start it with `exchange --home DIR serve`, or check the address; `exchange doctor` tells more.",
        ),
        "other-certificate": Says(
            Kind.UNTRUSTED,
            "What answers at the node's address shows another certificate than the one you were given.",
            "Ask your administrator. If the node has a new certificate, its keys/tls.pem becomes your node.pem.",
        ),
        "no-user": Says(
            Kind.INVALID,
            "It is not clear as which user to connect.",
            "Name one with --user or EXCHANGE_USER; an administrator makes users with `exchange user add`.",
        ),
    }


class RemoteError(ExchangeError):
    """An error that the node answered with, as its catalogue words it."""

    prefix = "node"
    catalogue: ClassVar[dict[str, Says]] = {
        "answered": Says(Kind.FAILED, "The node refused the call.", "Look at the node's log."),
    }

    def __init__(self, document: dict[str, Any]) -> None:
        super().__init__("answered", str(document.get("detail", "")))
        self.code = str(document.get("code", self.code))
        try:
            kind = Kind(document.get("kind"))
        except ValueError:
            kind = Kind.FAILED
        sentence, mend = document.get("sentence"), document.get("mend")
        self.says = Says(kind, str(sentence or self.says.sentence), str(mend or self.says.mend))
        self.decisions: list[dict[str, Any]] = document.get("decisions") or []
        self.reasons: list[dict[str, Any]] = document.get("reasons") or []
        self.request = str(document.get("request", ""))


@dataclass(frozen=True, slots=True)
class Profile:
    """Which node, as whom. Certificates and keys are PEM."""

    organisation: str
    address: str
    user: str
    node_certificate: bytes
    user_certificate: bytes
    user_key: bytes = field(repr=False)

    @classmethod
    def load(cls, home: Path, user: str | None = None) -> Profile:
        """From a node's home, or from a client home that `exchange user add --out` made.

        Raises ConfigError `no-home`; ConnectError `no-user`.
        """
        client = home / "client.toml"
        if client.exists():
            told = tomllib.loads(client.read_text(encoding="utf-8"))
            pem, key = home / "user.pem", home / "user.key"
            return cls(
                told["organisation"], told["address"], told["user"],
                (home / "node.pem").read_bytes(), pem.read_bytes(), key.read_bytes(),
            )  # fmt: skip
        config = Home(home).load()
        users = Home(home).users
        name = user or os.environ.get("EXCHANGE_USER") or _only_user(users)
        try:
            pem_bytes, key_bytes = (users / f"{name}.pem").read_bytes(), (users / f"{name}.key").read_bytes()
            node = (home / "keys" / "tls.pem").read_bytes()
        except OSError as error:
            raise ConnectError("no-user", f"{name}: {error.strerror}") from error
        return cls(config.node.organisation, config.node.listen, name, node, pem_bytes, key_bytes)


class DeskClient:
    """A connection to the node's desk. Use it as a context manager."""

    def __init__(self, profile: Profile) -> None:
        credentials = grpc.ssl_channel_credentials(profile.node_certificate, profile.user_key, profile.user_certificate)
        options = (
            ("grpc.ssl_target_name_override", node_name(profile.organisation)),
            ("grpc.max_receive_message_length", MAX_MESSAGE),
            ("grpc.max_send_message_length", MAX_MESSAGE),
            ("grpc.enable_retries", 0),
        )
        self._channel = grpc.secure_channel(profile.address, credentials, options=options)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._channel.close()

    def call(self, method: str, body: dict[str, Any]) -> dict[str, Any]:
        """One document for one. Raises RemoteError, ConnectError."""
        stub: Any = self._channel.unary_unary(_path(method), _write, local_pb2.Document.FromString)
        try:
            answer = stub(_document(body), timeout=CALL_SECONDS)
        except grpc.RpcError as error:
            raise _ours(error) from None
        document: dict[str, Any] = json.loads(answer.json)
        return document

    def stream(self, method: str, body: dict[str, Any]) -> Iterator[dict[str, Any]]:
        """Documents as they come, until the node ends the stream. Raises as `call`."""
        stub: Any = self._channel.unary_stream(_path(method), _write, local_pb2.Document.FromString)
        try:
            for answer in stub(_document(body)):
                yield json.loads(answer.json)
        except grpc.RpcError as error:
            raise _ours(error) from None

    def fetch(self, method: str, body: dict[str, Any]) -> Iterator[bytes]:
        """Pieces of one file. Raises as `call`."""
        stub: Any = self._channel.unary_stream(_path(method), _write, local_pb2.Piece.FromString)
        try:
            for piece in stub(_document(body), timeout=10 * CALL_SECONDS):
                yield piece.data
        except grpc.RpcError as error:
            raise _ours(error) from None


def _path(method: str) -> str:
    return f"/exchange.v1.Desk/{method}"


def _document(body: dict[str, Any]) -> local_pb2.Document:
    return local_pb2.Document(json=json.dumps(body))


def _write(message: local_pb2.Document) -> bytes:
    return message.SerializeToString()


def _ours(error: Any) -> ExchangeError:
    trailing = {str(key): value for key, value in error.trailing_metadata() or ()}
    if DOCUMENT in trailing:
        return RemoteError(json.loads(trailing[DOCUMENT]))
    known = full_catalogue().get(str(trailing.get(CODE, "")))
    if known is not None:
        said = {"kind": known.kind.value, "sentence": known.sentence, "mend": known.mend}
        return RemoteError({"code": str(trailing[CODE]), **said})
    if "CERTIFICATE_VERIFY_FAILED" in str(error.details()):
        return ConnectError("other-certificate")
    if error.code() in (grpc.StatusCode.UNAVAILABLE, grpc.StatusCode.DEADLINE_EXCEEDED):
        return ConnectError("no-node")
    return RemoteError({"detail": str(error.details())})


def _only_user(users: Path) -> str:
    names = sorted(path.stem for path in users.glob("*.pem")) if users.is_dir() else []
    if len(names) != 1:
        raise ConnectError("no-user", f"{len(names)} users in {users}")
    return names[0]


__all__ = ["ConfigError", "ConnectError", "DeskClient", "Profile", "RemoteError"]
