"""One process: a home opened, its legs running, its gRPC server listening."""

from __future__ import annotations

import asyncio
import os
import signal
import sys
from collections.abc import Callable

import structlog

from exchange_node import __version__
from exchange_node.audit.entry import Entry, entry_id
from exchange_node.config import Home
from exchange_node.desk.desk import Desk
from exchange_node.exchange import Exchange
from exchange_node.node import Node
from exchange_node.opening import open_node
from exchange_node.ports import Peers
from exchange_node.rpc.listener import Listener
from exchange_node.rpc.peers import GrpcPeers
from exchange_node.runner import Runner

Opens = Callable[[Home, Callable[[Node], Peers]], Node]
log = structlog.get_logger()


def serve(home: Home, opens: Opens = open_node) -> None:
    """Run the node until SIGTERM or SIGINT. Raises ExchangeError if it cannot start.

    `opens` is for tests only: those that kill a node open it with a fault hook.
    """
    structlog.configure(
        processors=[
            structlog.processors.add_log_level,
            structlog.processors.TimeStamper(fmt="iso", utc=True),
            structlog.processors.JSONRenderer(),
        ],
        logger_factory=structlog.PrintLoggerFactory(sys.stderr),
    )
    asyncio.run(_serve(home, opens))


async def _serve(home: Home, opens: Opens) -> None:
    node = opens(home, GrpcPeers)
    exchange = Exchange(node)
    runner = Runner(exchange)
    runner.recover()
    await _note(node, "node.started")
    listener = Listener(exchange, Desk(exchange))
    await listener.open()
    stop = asyncio.Event()
    loop = asyncio.get_running_loop()
    for wanted in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(wanted, stop.set)
    running = [asyncio.create_task(runner.run()), asyncio.create_task(listener.keep_up())]
    home.ready.write_text(f"{os.getpid()}\n")
    log.info("node.serving", organisation=node.org, listen=node.config.node.listen)
    try:
        await stop.wait()
    finally:
        home.ready.unlink(missing_ok=True)
        for task in running:
            task.cancel()
        await asyncio.gather(*running, return_exceptions=True)
        await listener.close(grace=2)
        await node.peers.close()
        await _note(node, "node.stopped")
        node.close()
        log.info("node.stopped", organisation=node.org)


async def _note(node: Node, action: str) -> None:
    """A start or a stop in the log: a gap in time between the two can be explained, one without them cannot."""
    now = node.clock.now()
    entry = entry_id("", "", 0, "node", "", f"{action}.{now}")
    facts = {"version": __version__, "bundle": node.policy.engine.bundle_digest}
    await node.log.record(
        Entry(id=entry, kind="fact", at=now, step=0, request="", role="node", peer="", action=action, facts=facts)
    )
