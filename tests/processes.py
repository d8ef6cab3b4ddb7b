"""A federation whose nodes are processes of their own, each as `exchange serve` runs it, with everything real: gRPC
with mutual TLS, fsync, SQLite. They can be told to die, die otherwise, and are started again.
"""

from __future__ import annotations

import multiprocessing
import os
import signal
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from multiprocessing.connection import Connection, wait
from multiprocessing.process import BaseProcess
from pathlib import Path

from tests.fault.node_child import live
from tests.simulator import Simulator, Time
from tests.stories import same_story, told
from tests.worlds import LANDLORD, NODES, cheaply, copy_of, nothing_left, ready_homes

SECONDS = 300  # for whatever is waited for: a loaded machine is slow, and what hangs must still end
OUTSIDE = "killed from outside"
forks = multiprocessing.get_context("forkserver")
forks.set_forkserver_preload(["tests.fault.node_child", "anonlink", "numpy.random"])  # the imports, once


@dataclass
class Life:
    """A node's process, and what it said last."""

    process: BaseProcess
    line: Connection
    stands: tuple[int, int] = (0, 0)  # requests, and those that are open
    die: int = -1
    died: str = ""

    @property
    def over(self) -> bool:
        """Whether the process is gone."""
        return self.line.closed

    def hear(self) -> None:
        """Take in what the process says; when it says no more, it is gone."""
        try:
            word, value = self.line.recv()
            setattr(self, word, value)
        except (EOFError, ConnectionResetError):
            self.line.close()
            self.process.join()

    def tell(self, word: str, number: int) -> None:
        """Tell the process, if it lives."""
        with suppress(BrokenPipeError):
            self.line.send((word, number))


@dataclass
class Federation:
    """Three nodes' processes: those that die are started again."""

    folder: Path
    next_death: Callable[[str], int] = lambda org: 0  # in durable writes from the start of a node's next life
    lives: dict[str, list[Life]] = field(default_factory=lambda: {org: [] for org in NODES})
    asked: int = 0

    def start(self, org: str, at: int = 0) -> Life:
        """Start a node, which dies at the write of number `at`, if it comes to that many."""
        ours, theirs = forks.Pipe()
        process = forks.Process(target=live, args=(self.folder / org, at, theirs), name=org, daemon=True)
        process.start()
        theirs.close()
        life = Life(process, ours)
        self.lives[org].append(life)
        if org == LANDLORD:
            life.tell("ask", self.asked)
        return life

    def arm(self, org: str, number: int) -> Life:
        """Have a node die at the durable write of this number from now."""
        life = self.lives[org][-1]
        life.die = -1
        life.tell("die", number)
        self.until(lambda: life.over or life.die == number)
        return life

    def kill(self, org: str) -> None:
        """From outside, wherever the process is."""
        life = self.lives[org][-1]
        life.died = OUTSIDE
        life.process.kill()

    def restart(self, org: str) -> None:
        """As `systemctl restart`, in the middle of whatever the node does; not before it serves."""
        life = self.lives[org][-1]
        self.until(lambda: life.over or life.stands != (0, 0))
        life.process.terminate()
        self.until(lambda: life.over)

    def ask(self) -> None:
        """Ask once more."""
        self.asked += 1
        self.lives[LANDLORD][-1].tell("ask", self.asked)

    def ends(self) -> None:
        """Until every request has ended at every node."""
        self.until(lambda: all(life.stands == (self.asked, 0) for life in self._present()))

    def stop(self, orgs: tuple[str, ...] = NODES) -> None:
        """In order, as `systemctl stop`."""
        lives = [self.lives[org][-1] for org in orgs]
        for life in lives:
            life.process.terminate()
        self.until(lambda: all(life.over for life in lives), again=False)

    def until(self, holds: Callable[[], bool], *, again: bool = True) -> None:
        """Listen to the nodes until something holds, and start those again that die."""
        end = time.monotonic() + SECONDS
        while not holds():
            assert time.monotonic() < end, f"waited in vain: {self.tails()}"
            self.listen(0.5, again=again)

    def listen(self, seconds: float, *, again: bool = True) -> None:
        """Hear what nodes say within this time, once."""
        lines = {lives[-1].line: org for org, lives in self.lives.items() if lives and not lives[-1].over}
        for line in wait(list(lines), timeout=seconds):
            org = lines[line]  # type: ignore[index]
            life = self.lives[org][-1]
            life.hear()
            if life.over:
                wanted = -signal.SIGKILL if life.died else 0
                assert life.process.exitcode == wanted, f"{org} ended with {life.process.exitcode}: {self.tails()}"
                if again:
                    self.start(org, self.next_death(org))

    def end(self) -> None:
        """No process is left, whatever happened."""
        for life in self._present():
            life.process.kill()
            life.process.join()

    def tails(self) -> str:
        """The ends of the nodes' logs."""
        return "\n".join(f"{org}: {(self.folder / org / 'node.log').read_text()[-2000:]}" for org in NODES)

    def _present(self) -> list[Life]:
        return [lives[-1] for lives in self.lives.values() if lives]


def quiet_ports(count: int) -> list[int]:
    """Ports that no client is given by chance while a killed node leaves its own free; each process has others."""
    lowest = int(Path("/proc/sys/net/ipv4/ip_local_port_range").read_text().split()[0])
    starts = range(10_000, max(lowest, 20_000) - count, count)
    start = starts[os.getpid() % len(starts)]
    return list(range(start, start + count))


def process_homes(folder: Path) -> Simulator:
    """Homes that are ready for a request, to be copied for every run; their nodes have no time to lose."""
    made = ready_homes(folder, Simulator(folder, time=Time(time.time()), ports=quiet_ports(len(NODES))))
    for org in NODES:
        config = made.home(org).config_file
        config.write_text(config.read_text().replace("[exchange]\n", "[exchange]\nretry_max_seconds = 1\n"))
    return made


@contextmanager
def federation(homes: Simulator, folder: Path) -> Iterator[Federation]:
    """Nodes that serve, and have answered a request that nobody disturbed; after the block, all others must have ended
    the same, and nothing else be left.
    """
    world: Simulator = copy_of(homes, folder)
    nodes = Federation(folder)
    try:
        for org in NODES:
            nodes.start(org)
        nodes.ask()
        nodes.ends()
        yield nodes
        nodes.stop()
    finally:
        nodes.end()
    world.time.now = time.time()
    with cheaply():
        for org in NODES:
            world.open(org)
    requests = world.nodes[LANDLORD].store.requests.list(limit=None)
    stories = [told(world, request.id) for request in sorted(requests, key=lambda request: request.created_at)]
    assert len(stories) == nodes.asked
    for story in stories[1:]:
        same_story(story, stories[0])
    nothing_left(world)
    world.close()
