"""A node as `exchange serve` runs it, in a process of its own that ends itself by SIGKILL when it is told to.

Imported ahead by the process that the nodes are forked from, so it must start nothing.
"""

from __future__ import annotations

import asyncio
import itertools
import os
import signal
import sys
import traceback
from collections.abc import Callable
from multiprocessing.connection import Connection
from pathlib import Path

from exchange_node.app import serve
from exchange_node.config import Home
from exchange_node.exchange import Exchange
from exchange_node.node import Node
from exchange_node.opening import open_node
from exchange_node.ports import Peers
from tests.e2e.test_simulated_request import DRAFT
from tests.simulator import ANALYST, LogFaults

LOOKS = 0.1  # seconds between two looks at what has become of the requests


class Child:
    """One life of a node. What it is told and says, by its first word:

    `die`, number      to end at the durable write of this number from now; the same is said when it was heard
    `ask`, number      to ask, unless so many requests were asked: an analyst whose node died cannot know, and looks
    `died`, name       the name of the write that was the last
    `stands`, (requests, those that are still open)
    """

    def __init__(self, at: int, supervisor: Connection) -> None:
        self._left = itertools.count(at, -1)
        self._asked = 0
        self._supervisor = supervisor

    def faults(self, name: str) -> None:
        """The fault hook of store, spool and log."""
        if next(self._left) == 1:
            self._supervisor.send(("died", name))
            os.kill(os.getpid(), signal.SIGKILL)

    def opened(self, home: Home, connect: Callable[[Node], Peers]) -> Node:
        """As `open_node`; from when it serves, the node listens to its supervisor."""
        node = open_node(home, connect, faults=self.faults, log_system=LogFaults(self.faults, fsync=True))
        self._task = asyncio.get_running_loop().create_task(self._watch(node, home))
        return node

    async def _watch(self, node: Node, home: Home) -> None:
        try:
            while not serves(home):
                await asyncio.sleep(LOOKS)
            asyncio.get_running_loop().add_reader(self._supervisor.fileno(), self._obey)
            exchange, said = Exchange(node), None
            while serves(home):
                requests = node.store.requests.list(limit=None)
                if len(requests) < self._asked:
                    await exchange.ask(DRAFT, ANALYST)
                elif said != (said := (len(requests), sum(request.state == "open" for request in requests))):
                    self._supervisor.send(("stands", said))
                await asyncio.sleep(LOOKS)
        except Exception:
            traceback.print_exc()
            os._exit(3)

    def _obey(self) -> None:
        word, number = self._supervisor.recv()
        if word == "ask":
            self._asked = number
        else:
            self._left = itertools.count(number, -1)
            self._supervisor.send((word, number))


def serves(home: Home) -> bool:
    """Whether this very process serves, rather than starts or stops."""
    return home.ready.exists() and home.ready.read_text() == f"{os.getpid()}\n"


def live(home: Path, at: int, supervisor: Connection) -> None:
    """Until SIGTERM, or the durable write of number `at`, if there is one."""
    log = os.open(home / "node.log", os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o600)
    os.dup2(log, 2)
    sys.stderr = os.fdopen(2, "w", buffering=1)
    serve(Home(home), Child(at, supervisor).opened)
