"""The gRPC server of a node: TLS 1.3 with client certificates, and every method behind the guard."""

from __future__ import annotations

import json
from collections.abc import AsyncIterator, Mapping
from contextlib import suppress
from typing import Any

import grpc
import grpc.aio

from exchange_node.errors import ExchangeError
from exchange_node.exchange import Exchange
from exchange_node.messages import MessageError, decode
from exchange_node.node import Node
from exchange_node.rpc.access import ACCESS
from exchange_node.rpc.guard import Guard, Handler
from exchange_node.rpc.identity import Caller
from exchange_node.rpc.limits import MAX_CHUNK, MAX_MESSAGE
from exchange_node.store.model import User
from exchange_node.wire.v1 import local_pb2, node_pb2
from exchange_node.wire.v1 import message_pb2 as pb

OPTIONS = (
    ("grpc.max_receive_message_length", MAX_MESSAGE),
    ("grpc.max_send_message_length", MAX_MESSAGE),
    ("grpc.http2.min_ping_interval_without_data_ms", 5_000),
    ("grpc.keepalive_time_ms", 20_000),
    ("grpc.keepalive_timeout_ms", 10_000),
    ("grpc.max_concurrent_streams", 128),
    ("grpc.so_reuseport", 1),  # a fresh server begins before the old one ends: see listener.py
)


def build_server(exchange: Exchange, desk: object | None = None) -> grpc.aio.Server:
    """A server that is not listening yet. `desk` has a coroutine, or async generator, for each of its methods."""
    server = grpc.aio.server(options=OPTIONS)
    guard = Guard(exchange.node)
    handlers = [
        _peer_service("Provider", guard, _provider(exchange)),
        _peer_service("LinkageUnit", guard, _linkage(exchange)),
    ]
    if desk is not None:
        handlers.append(_desk_service(guard, desk))
    server.add_generic_rpc_handlers(handlers)
    return server


def listen(server: grpc.aio.Server, node: Node, address: str | None = None) -> int:
    """Bind the node's port, with TLS 1.3, for those who may connect now. Returns the port, or raises RuntimeError.

    Not with `grpc.dynamic_ssl_server_credentials`, which asks at each handshake: handshakes run on several threads,
    and one that replaces what another is using crashes the process. Whoever opens many connections could so stop a
    node without any certificate (gRPC issue 36693, open in 1.85; tests/e2e/test_hostile_wire.py).
    """
    own = node.keys
    pairs = [(own.tls_key, own.tls_certificate)]
    credentials = grpc.ssl_server_credentials(pairs, root_certificates=may_connect(node), require_client_auth=True)
    return server.add_secure_port(address or node.config.node.listen, credentials)


def may_connect(node: Node) -> bytes:
    """The certificates that TLS lets in: our own people's, and those of the newest manifest, as PEM."""
    pems = [node.keys.user_ca]
    with suppress(ExchangeError):  # without a manifest only our own people may connect: to give the node one
        pems += [pem.encode() for pem in node.federation.manifest(node.clock.now()).certificates()]
    return b"\n".join(pems)


def _provider(exchange: Exchange) -> dict[str, Any]:
    return {
        "SubmitRequest": exchange.answer_request,
        "ExchangeKeys": exchange.answer_keys,
        "CollectRelease": exchange.give_release,
        "FetchReleaseChunk": _fetcher(exchange, "FetchReleaseChunk"),
        "SendReceipt": exchange.take_receipt,
        "CancelRequest": lambda envelope, caller: exchange.take_cancel(envelope, caller, "provider"),
    }


def _linkage(exchange: Exchange) -> dict[str, Any]:
    async def put(chunk: node_pb2.Chunk, caller: str) -> node_pb2.ChunkRef:
        if len(chunk.data) > MAX_CHUNK:
            raise MessageError("too-large", "chunk")
        return exchange.take_chunk(chunk, caller)

    return {
        "SubmitOrder": exchange.answer_order,
        "OfferEncodings": exchange.take_offer,
        "PutChunk": put,
        "CollectLinks": exchange.give_links,
        "FetchLinkChunk": _fetcher(exchange, "FetchLinkChunk"),
        "AcknowledgeLinks": exchange.take_acknowledgement,
        "CancelOrder": lambda envelope, caller: exchange.take_cancel(envelope, caller, "linkage"),
    }


def _fetcher(exchange: Exchange, method: str) -> Any:
    async def fetch(ref: node_pb2.ChunkRef, caller: str) -> node_pb2.Chunk:
        return node_pb2.Chunk(ref=ref, data=exchange.give_chunk(method, ref, caller))

    return fetch


_TAKES = {"PutChunk": node_pb2.Chunk, "FetchLinkChunk": node_pb2.ChunkRef, "FetchReleaseChunk": node_pb2.ChunkRef}


def _peer_service(name: str, guard: Guard, calls: Mapping[str, Any]) -> grpc.GenericRpcHandler:
    """Messages are read behind the guard and not inside gRPC, so that one that cannot be read is logged as refused."""
    handlers: dict[str, Any] = {}
    for method, call in calls.items():
        takes = _TAKES.get(method, pb.Envelope)

        async def handler(data: bytes, caller: Caller, call: Any = call, kind: Any = takes) -> Any:
            return await call(decode(kind, data), caller.org)

        handlers[method] = grpc.unary_unary_rpc_method_handler(
            guard.unary(f"/exchange.v1.{name}/{method}", handler),
            response_serializer=lambda message: message.SerializeToString(),
        )
    return grpc.method_handlers_generic_handler(f"exchange.v1.{name}", handlers)


def _desk_service(guard: Guard, desk: object) -> grpc.GenericRpcHandler:
    handlers: dict[str, Any] = {}
    prefix = "/exchange.v1.Desk/"
    for path in ACCESS:
        if not path.startswith(prefix):
            continue
        method = path.removeprefix(prefix)
        call = getattr(desk, _snake(method))
        reader = _reader(local_pb2.Document)
        if method == "FetchResults":
            handlers[method] = grpc.unary_stream_rpc_method_handler(
                guard.stream(path, _pieces(call)), reader, local_pb2.Piece.SerializeToString
            )
        elif method == "WatchRequest":
            handlers[method] = grpc.unary_stream_rpc_method_handler(
                guard.stream(path, _documents(call)), reader, local_pb2.Document.SerializeToString
            )
        else:
            handlers[method] = grpc.unary_unary_rpc_method_handler(
                guard.unary(path, _document(call)), reader, local_pb2.Document.SerializeToString
            )
    return grpc.method_handlers_generic_handler("exchange.v1.Desk", handlers)


def _document(call: Any) -> Handler:
    async def handler(message: local_pb2.Document, caller: Caller) -> local_pb2.Document:
        return local_pb2.Document(json=json.dumps(await call(_user(caller), _body(message))))

    return handler


def _documents(call: Any) -> Any:
    async def handler(message: local_pb2.Document, caller: Caller) -> AsyncIterator[local_pb2.Document]:
        async for document in call(_user(caller), _body(message)):
            yield local_pb2.Document(json=json.dumps(document))

    return handler


def _pieces(call: Any) -> Any:
    async def handler(message: local_pb2.Document, caller: Caller) -> AsyncIterator[local_pb2.Piece]:
        async for piece in call(_user(caller), _body(message)):
            yield local_pb2.Piece(data=piece)

    return handler


def _user(caller: Caller) -> User:
    if caller.user is None:
        raise MessageError("unexpected", "only users of this agency come to the desk")
    return caller.user


def _body(message: local_pb2.Document) -> dict[str, Any]:
    try:
        body = json.loads(message.json or "{}")
    except (ValueError, RecursionError) as error:
        raise MessageError("malformed", "Document: not JSON") from error
    if not isinstance(body, dict):
        raise MessageError("malformed", "Document: not an object")
    return body


def _reader(kind: Any) -> Any:
    """Parsing happens inside gRPC; what cannot be parsed ends there with an INTERNAL status and no text of ours."""
    return kind.FromString


def _snake(method: str) -> str:
    return "".join(f"_{c.lower()}" if c.isupper() else c for c in method).lstrip("_")
