"""What the spine needs from the world outside the process, so that each can be replaced and attacked in tests."""

from __future__ import annotations

from collections.abc import Callable
from typing import ClassVar, Protocol

from exchange_node.errors import ExchangeError, Kind, Says
from exchange_node.wire.v1 import message_pb2 as pb
from exchange_node.wire.v1 import node_pb2 as rpc

Faults = Callable[[str], None]
"""Called with a stable name before and after every durable write; a kill test ends the process in it."""


def no_faults(_: str) -> None:
    """The default of every `Faults`."""


class PeerUnavailable(ExchangeError):
    """The peer could not be reached, or said it is busy; the same call may go through later."""

    prefix = "peer"
    catalogue: ClassVar[dict[str, Says]] = {
        "unavailable": Says(
            Kind.UNAVAILABLE,
            "The other node cannot be reached now.",
            "Nothing to do: it is tried again by itself; `exchange request status` shows when.",
        ),
    }


class PeerRefused(ExchangeError):
    """The peer answered with an error of the catalogue; `remote` is its code."""

    prefix = "refused"
    catalogue: ClassVar[dict[str, Says]] = {
        "by-peer": Says(
            Kind.UNTRUSTED,
            "The other node refused the call.",
            "The code in brackets says why; ask the other node's operator, whose log has the detail.",
        ),
    }

    def __init__(self, remote: str, known_size: int = 0) -> None:
        super().__init__("by-peer", remote)
        self.remote = remote
        self.known_size = known_size


class Peers(Protocol):
    """Calls to other nodes. Raises PeerUnavailable (retry) or PeerRefused (do not)."""

    async def call(self, peer: str, method: str, envelope: pb.Envelope) -> pb.Envelope:
        """Unary call of `Provider` or `LinkageUnit`; `method` is its name in node.proto."""
        ...

    async def put_chunk(self, peer: str, chunk: rpc.Chunk) -> None:
        """Upload one chunk of encodings to a linkage unit."""
        ...

    async def fetch_chunk(self, peer: str, method: str, ref: rpc.ChunkRef) -> bytes:
        """Download one chunk of links or of a release."""
        ...

    async def close(self) -> None:
        """Let go of all connections."""
        ...


class Unconnected:
    """The peers of a node that is not connected: nobody can be reached."""

    async def call(self, peer: str, method: str, envelope: pb.Envelope) -> pb.Envelope:
        """Raises PeerUnavailable."""
        raise PeerUnavailable("unavailable", peer)

    async def put_chunk(self, peer: str, chunk: rpc.Chunk) -> None:
        """Raises PeerUnavailable."""
        raise PeerUnavailable("unavailable", peer)

    async def fetch_chunk(self, peer: str, method: str, ref: rpc.ChunkRef) -> bytes:
        """Raises PeerUnavailable."""
        raise PeerUnavailable("unavailable", peer)

    async def close(self) -> None:
        """Nothing to let go of."""
