"""Killed anywhere: each node dies at each of its durable writes in turn, is started again, and the request ends the
same: one table, one story in every log, nothing lost, nothing doubled, no key left.
"""

from __future__ import annotations

import asyncio
import itertools
import random
import shutil
from collections.abc import Callable, Iterator
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path

import pytest

from exchange_node.runner import Runner
from tests.e2e.test_simulated_request import DRAFT
from tests.simulator import ANALYST, Killed, Simulator
from tests.stories import Story, same_story, told
from tests.worlds import NODES, cheaply, copy_of, nothing_left, ready_homes, whereabouts

DOWN_FOR = 3  # rounds of a second until a killed node is started again


@dataclass
class Life:
    """A node's life, counted in durable writes; it ends at the write of that number, if it has one."""

    end: Callable[[], None]
    at: int = 0
    points: list[str] = field(default_factory=list)
    over: bool = False

    def __call__(self, name: str) -> None:
        """The fault hook. Once dead, a node writes nothing any more."""
        if not self.over:
            self.points.append(name)
            self.over = len(self.points) == self.at
            if self.over:
                self.end()
        if self.over:
            raise Killed(name)


@dataclass
class World(Simulator):
    """A federation whose nodes die and are started again."""

    lives: dict[str, list[Life]] = field(default_factory=dict)
    deaths: Callable[[str, int], int] = lambda org, life: 0
    request: str = ""

    def start(self, org: str) -> None:
        """Open a node; it may die in doing so."""
        lives = self.lives.setdefault(org, [])
        life = Life(lambda: self.network.down.add(org), self.deaths(org, len(lives)))
        lives.append(life)
        self.network.down.discard(org)
        with suppress(Killed):
            self.open(org, life)

    async def live(self) -> None:
        """Ask, and go on round by round, until the request has ended at every node."""
        down: dict[str, int] = {}
        for _ in range(600):
            for org in NODES:
                if org in self.network.down and down.setdefault(org, DOWN_FOR) > 0:
                    down[org] -= 1
                    continue
                if down.pop(org, None) is not None:
                    self.kill(org)
                if org not in self.nodes:
                    self.start(org)
                with suppress(Killed):
                    if org not in self.network.down:
                        await self._work(org)
            if self.request and not self.network.down and self.ended(self.request, NODES):
                return
            self.time.now += 1
        raise AssertionError(f"not ended: {whereabouts(self, self.request)}")

    async def _work(self, org: str) -> None:
        exchange, node = self.network.exchanges[org], self.nodes[org]
        if org == NODES[0] and not self.request:
            # The analyst whose node died does not know whether the question was taken, and looks first.
            asked = node.store.requests.list(role="requester")
            self.request = asked[0].id if asked else await exchange.ask(DRAFT, ANALYST)
        for leg in node.store.legs.due(int(self.time.now)):
            await Runner(exchange).advance(leg)


@pytest.fixture(scope="module")
def homes(tmp_path_factory: pytest.TempPathFactory) -> Simulator:
    """Homes that are ready for a request, to be copied for every run."""
    return ready_homes(tmp_path_factory.mktemp("homes"))


@pytest.fixture(scope="module", autouse=True)
def cheap() -> Iterator[None]:
    """What survives no kill need not be made anew each time, and what no kill can undo need not be synced."""
    with cheaply():
        yield


def run(homes: Simulator, folder: Path, deaths: Callable[[str, int], int]) -> World:
    """One request among nodes that die as told."""
    world: World = copy_of(homes, folder, World)
    world.deaths = deaths
    asyncio.run(world.live())
    return world


def ended(world: World) -> Story:
    """The story of the request; nothing but it is left."""
    story = told(world, world.request)
    nothing_left(world)
    world.close()
    return story


@pytest.fixture(scope="module")
def good(homes: Simulator, tmp_path_factory: pytest.TempPathFactory) -> tuple[Story, dict[str, list[str]]]:
    """The story without a death, and every node's durable writes."""
    world = run(homes, tmp_path_factory.mktemp("good"), lambda org, life: 0)
    points = {org: list(lives[0].points) for org, lives in world.lives.items()}
    return ended(world), points


@pytest.mark.parametrize("victim", NODES)
@pytest.mark.parametrize(
    ("first", "stride"),
    [
        pytest.param(3, 29, id="some"),
        pytest.param(0, 1, id="all", marks=pytest.mark.slow),
    ],
)
def test_killed_at_each_durable_write(
    homes: Simulator,
    good: tuple[Story, dict[str, list[str]]],
    tmp_path: Path,
    victim: str,
    first: int,
    stride: int,
) -> None:
    story, points = good
    for number in range(first, len(points[victim]), stride):
        folder = tmp_path / str(number)
        print(f"killed {victim} at write {number}, {points[victim][number]}")
        world = run(homes, folder, lambda org, life, at=number + 1: at if (org, life) == (victim, 0) else 0)  # type: ignore[misc]
        assert [life.over for life in world.lives[victim]] == [True, False], number
        same_story(ended(world), story)
        shutil.rmtree(folder)


@pytest.mark.parametrize("seed", [1, 2, *(pytest.param(seed, marks=pytest.mark.slow) for seed in range(3, 33))])
def test_killed_again_and_again(
    homes: Simulator, good: tuple[Story, dict[str, list[str]]], tmp_path: Path, seed: int
) -> None:
    """All nodes die at any time, also while they recover from the last time."""
    chance = random.Random(seed)
    deaths = {org: itertools.chain((chance.randint(1, 90) for _ in range(8)), itertools.repeat(0)) for org in NODES}
    world = run(homes, tmp_path / "world", lambda org, life: next(deaths[org]))
    assert sum(life.over for lives in world.lives.values() for life in lives) >= 10
    same_story(ended(world), good[0])
