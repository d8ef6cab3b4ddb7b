"""The node's open port, held by one gRPC server after another.

TLS fixes who may connect when a server begins to listen. When that changes, because a new manifest was accepted or the
one in force has expired, a fresh server takes the port over, and the old one ends when its calls have. In between, a
peer that connects is refused for a moment and comes again. The guard looks at every call besides, on either server.
"""

from __future__ import annotations

import asyncio

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
        self._draining: set[asyncio.Task[None]] = set()

    async def open(self) -> int:
        """Listen. Returns the port; raises RuntimeError if it cannot be had."""
        node = self._exchange.node
        server, let_in = build_server(self._exchange, self._desk), may_connect(node)
        port = listen(server, node, self._address)
        await server.start()
        self._server, self._let_in = server, let_in
        self._address = f"{self._address.rpartition(':')[0]}:{port}"
        return port

    async def keep_up(self) -> None:
        """Until cancelled: have a fresh server take over whenever those who may connect have changed."""
        while True:
            await asyncio.sleep(LOOK_EVERY)
            try:
                await self._look()
            except RuntimeError:  # the old server lets the port go in its own time
                log.warning("node.port-taken", listen=self._address)
            except (ExchangeError, OSError) as error:  # a key file that cannot be read now: as it is, until it can
                log.error("node.listening-as-before", mistake=mistake(error))

    async def _look(self) -> None:
        if self._server is not None and self._let_in != may_connect(self._exchange.node):
            self._drain(self._server)
            self._server = None
        if self._server is None:
            await self.open()
            log.info("node.listening-anew")

    def _drain(self, server: grpc.aio.Server) -> None:
        task = asyncio.create_task(server.stop(DRAIN_SECONDS))
        self._draining.add(task)
        task.add_done_callback(self._draining.discard)

    async def close(self, grace: float) -> None:
        """Take no new calls, and give those that run `grace` seconds."""
        if self._server is not None:
            await self._server.stop(grace)
        for task in self._draining:
            task.cancel()
        await asyncio.gather(*self._draining, return_exceptions=True)
