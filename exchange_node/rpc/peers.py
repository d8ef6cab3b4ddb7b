"""Calls to other nodes: mutual TLS to the certificate that the manifest pins, deadlines, and errors as ours."""

from __future__ import annotations

import re
from collections.abc import Awaitable
from typing import Any

import grpc
import grpc.aio

from exchange_node.messages import T, decode
from exchange_node.node import Node
from exchange_node.ports import PeerRefused, PeerUnavailable
from exchange_node.rpc.errors import CODE, KNOWN_SIZE
from exchange_node.rpc.limits import MAX_MESSAGE
from exchange_node.trust.certificates import node_name
from exchange_node.wire.v1 import message_pb2 as pb
from exchange_node.wire.v1 import node_pb2

_LINKAGE = frozenset(
    {"SubmitOrder", "OfferEncodings", "PutChunk", "CollectLinks", "FetchLinkChunk", "AcknowledgeLinks", "CancelOrder"}
)
_RETRY = frozenset(
    {grpc.StatusCode.UNAVAILABLE, grpc.StatusCode.DEADLINE_EXCEEDED, grpc.StatusCode.RESOURCE_EXHAUSTED,
     grpc.StatusCode.CANCELLED, grpc.StatusCode.UNKNOWN}
)  # fmt: skip

_CODE = re.compile(r"[a-z]{2,20}\.[a-z0-9-]{2,60}")  # it comes to stand in our log: no words of a peer there


class GrpcPeers:
    """The `Peers` port over gRPC. One channel for each peer, made anew when the manifest or our keys change."""

    def __init__(self, node: Node) -> None:
        self._node = node
        self._channels: dict[str, tuple[tuple[str, ...], grpc.aio.Channel]] = {}

    async def call(self, peer: str, method: str, envelope: pb.Envelope) -> pb.Envelope:
        """As `Peers.call`."""
        return await self._unary(peer, method, envelope, pb.Envelope)

    async def put_chunk(self, peer: str, chunk: node_pb2.Chunk) -> None:
        """As `Peers.put_chunk`."""
        await self._unary(peer, "PutChunk", chunk, node_pb2.ChunkRef)

    async def fetch_chunk(self, peer: str, method: str, ref: node_pb2.ChunkRef) -> bytes:
        """As `Peers.fetch_chunk`."""
        return (await self._unary(peer, method, ref, node_pb2.Chunk)).data

    async def close(self) -> None:
        """Close all channels."""
        for _, channel in self._channels.values():
            await channel.close()
        self._channels.clear()

    async def _unary(self, peer: str, method: str, message: Any, kind: type[T]) -> T:
        """One call. Raises as `Peers`, and MessageError for an answer that is no `kind`."""
        channel = await self._channel(peer)
        service = "LinkageUnit" if method in _LINKAGE else "Provider"
        stub: Any = channel.unary_unary(
            f"/exchange.v1.{service}/{method}",
            request_serializer=lambda sent: sent.SerializeToString(),
        )
        call: Awaitable[bytes] = stub(message, timeout=self._node.config.exchange.call_seconds)
        try:
            answer = await call
        except grpc.aio.AioRpcError as error:
            raise _ours(peer, error) from None
        return decode(kind, answer)

    async def _channel(self, peer: str) -> grpc.aio.Channel:
        member = self._node.federation.manifest(self._node.clock.now()).org(peer)
        wanted = (member.address, *member.fingerprints, self._node.keys.tls_certificate.decode())
        known = self._channels.get(peer)
        if known is not None and known[0] == wanted:
            return known[1]
        if known is not None:
            await known[1].close()
        credentials = grpc.ssl_channel_credentials(
            root_certificates="\n".join(member.tls_certificates).encode(),
            private_key=self._node.keys.tls_key,
            certificate_chain=self._node.keys.tls_certificate,
        )
        options = (
            ("grpc.ssl_target_name_override", node_name(peer)),
            ("grpc.max_receive_message_length", MAX_MESSAGE),
            ("grpc.max_send_message_length", MAX_MESSAGE),
            ("grpc.keepalive_time_ms", 20_000),
            ("grpc.keepalive_timeout_ms", 10_000),
            ("grpc.enable_retries", 0),
            ("grpc.initial_reconnect_backoff_ms", 200),
            ("grpc.max_reconnect_backoff_ms", 5_000),
        )
        channel = grpc.aio.secure_channel(member.address, credentials, options=options)
        self._channels[peer] = (wanted, channel)
        return channel


def _ours(peer: str, error: grpc.aio.AioRpcError) -> PeerUnavailable | PeerRefused:
    """A catalogue code in the trailing metadata is the peer's answer; anything else is the network's."""
    trailing = {str(key): value for key, value in error.trailing_metadata() or ()}
    code = str(trailing.get(CODE, ""))
    if not _CODE.fullmatch(code):
        code = ""
    if code and error.code() is not grpc.StatusCode.UNAVAILABLE:
        size = str(trailing.get(KNOWN_SIZE, "0"))
        return PeerRefused(code, int(size) if size.isdecimal() and len(size) < 19 else 0)
    if code or error.code() in _RETRY:
        return PeerUnavailable("unavailable", f"{peer}: {code or error.code().name.lower()}")
    return PeerRefused(f"grpc.{error.code().name.lower()}")
