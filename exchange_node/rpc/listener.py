"""The node's open port, held by one gRPC server after another.

TLS fixes who may connect when a server begins to listen. When that changes, because a new manifest was accepted or the
one in force has expired, a fresh server listens beside the old one, which then takes no more connections and ends when
its calls have. The guard looks at every call besides, on either server.
"""

from __future__ import annotations

import asyncio
import socket

import grpc.aio
import structlog

from exchange_node.errors import ExchangeError, mistake
from exchange_node.exchange import Exchange
from exchange_node.rpc.server import build_server, listen, may_connect

log = structlog.get_logger()
DRAIN_SECONDS = 600  # what runs on a server that was replaced: no upload, and no watching, takes longer than that
LOOK_EVERY = 1.0


class Listener:
    """Opens the port, keeps it up to date, closes it."""

    def __init__(self, exchange: Exchange, desk: object | None = None, address: str = "") -> None:
        """`address` is where to listen, if not where the config says."""
        self._exchange = exchange
        self._desk = desk
        self._address = address or exchange.node.config.node.listen
        self._server: grpc.aio.Server | None = None
        self._let_in = b""
        self._draining: dict[asyncio.Task[None], grpc.aio.Server] = {}

    async def open(self) -> int:
        """Listen. Returns the port; raises RuntimeError if another process has it."""
        _require_free(self._address)
        return await self._serve()

    async def keep_up(self) -> None:
        """Until cancelled: have a fresh server take over whenever those who may connect have changed."""
        while True:
            await asyncio.sleep(LOOK_EVERY)
            try:
                await self._look()
            except (ExchangeError, OSError, RuntimeError) as error:  # such as a key file that cannot be read just now
                log.error("node.listening-as-before", mistake=mistake(error))

    async def _look(self) -> None:
        if self._let_in == may_connect(self._exchange.node):
            return
        before = self._server
        await self._serve()
        if before is not None:
            task = asyncio.create_task(before.stop(DRAIN_SECONDS))
            self._draining[task] = before
            task.add_done_callback(self._draining.pop)
        log.info("node.listening-anew")

    async def _serve(self) -> int:
        node = self._exchange.node
        server, let_in = build_server(self._exchange, self._desk), may_connect(node)
        port = listen(server, node, self._address)
        await server.start()
        self._server, self._let_in = server, let_in
        self._address = f"{self._address.rpartition(':')[0]}:{port}"
        return port

    async def close(self, grace: float) -> None:
        """Take no new calls, and give those that run `grace` seconds, on servers that were replaced as well."""
        servers = [*([self._server] if self._server is not None else []), *self._draining.values()]
        waiting = list(self._draining)
        await asyncio.gather(*(server.stop(grace) for server in servers), *waiting, return_exceptions=True)


def _require_free(address: str) -> None:
    """Our own servers share the port for a moment, so gRPC would let another node of this user share it for good."""
    host, _, port = address.rpartition(":")
    family = socket.AF_INET6 if host.startswith("[") else socket.AF_INET
    try:
        socket.create_server((host.strip("[]"), int(port)), family=family).close()
    except OSError as error:
        raise RuntimeError(f"{address}: {error.strerror}") from error
