"""Killed anywhere: each node dies at each of its durable writes in turn, is started again, and the request ends the
same: one table, one story in every log, nothing lost, nothing doubled, no key left.
"""

from __future__ import annotations

import asyncio
import itertools
import random
import shutil
import sqlite3
from collections.abc import Callable, Iterator
from contextlib import closing, suppress
from dataclasses import dataclass, field
from pathlib import Path

import pytest

from exchange_node import deciding
from exchange_node.audit.verify import verify_directory
from exchange_node.policy.embedded import EmbeddedEngine
from exchange_node.runner import Runner
from exchange_node.store import engine
from tests.e2e.test_simulated_request import AGREEMENT, DRAFT, consent, found_pair, results
from tests.simulator import ANALYST, Killed, Simulator, Time

NODES = ("northgate-homes", "castle-nhs", "neutral-linkage")
RELEASED = {f"T{number}" for number in range(20)}
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
        raise AssertionError(f"not ended: {self.whereabouts()}")

    def whereabouts(self) -> list[tuple[str, str, int, str, str]]:
        """How far every node has come, and what stands in its way."""
        return [
            (org, self.state(org, self.request), leg.step, leg.last_error, str(leg.progress.get("reason", "")))
            for org, node in self.nodes.items()
            for leg in node.store.legs.list(self.request)
        ]

    async def _work(self, org: str) -> None:
        exchange, node = self.network.exchanges[org], self.nodes[org]
        if org == NODES[0] and not self.request:
            # The analyst whose node died does not know whether the question was taken, and looks first.
            asked = node.store.requests.list(role="requester")
            self.request = asked[0].id if asked else await exchange.ask(DRAFT, ANALYST)
        for leg in node.store.legs.due(int(self.time.now)):
            await Runner(exchange).advance(leg)


@pytest.fixture(scope="module")
def homes(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Simulator]:
    """Homes that are ready for a request, to be copied for every run."""
    folder = tmp_path_factory.mktemp("homes")
    made = Simulator(folder)
    found_pair(made, folder)
    made.agree(AGREEMENT.replace("approval: provider", "approval: none"))
    consent(made, range(20))
    made.close()
    yield made


@pytest.fixture(scope="module", autouse=True)
def cheap() -> Iterator[None]:
    """What survives no kill need not be made anew each time, and what no kill can undo need not be synced."""
    loaded: list[EmbeddedEngine] = []

    def load_once(*arguments: object) -> EmbeddedEngine:
        if not loaded:
            loaded.append(load(*arguments))  # type: ignore[arg-type]
        return loaded[0]

    load = EmbeddedEngine.from_bundle
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(deciding.EmbeddedEngine, "from_bundle", load_once)
        patch.setattr(engine, "_PRAGMAS", (*engine._PRAGMAS, "PRAGMA synchronous=OFF"))
        patch.setattr("exchange_node.store.spool.os.fsync", lambda _: None)
        yield


def run(homes: Simulator, folder: Path, deaths: Callable[[str, int], int]) -> World:
    """One request among nodes that die as told."""
    shutil.copytree(homes.folder, folder, dirs_exist_ok=True)
    world = World(folder, Time(homes.time.now), joins=homes.joins, roots=homes.roots, number=homes.number)
    world.deaths = deaths
    asyncio.run(world.live())
    return world


@dataclass(frozen=True)
class Story:
    """What all logs and stores say of one request, without what is drawn by chance."""

    entries: dict[str, list[tuple[str, str]]]
    messages: dict[str, list[tuple[str, str, str]]]


def check(world: World, good: Story | None = None) -> Story:
    """Everything that must hold at the end, whoever was killed when."""
    assert [world.state(org, world.request) for org in NODES] == ["done"] * 3, world.whereabouts()
    table = results(world, world.request)
    assert len(table) == 40
    assert {key for key, value in table.items() if value == "high"} == RELEASED
    entries = {
        org: sorted((e.id.replace(world.request, "R"), e.action) for _, e in node.log.find(world.request))
        for org, node in world.nodes.items()
    }
    said = {
        org: {(m.direction, m.peer, m.kind): m.digest for m in node.store.messages.list(world.request)}
        for org, node in world.nodes.items()
    }
    for org, messages in said.items():
        for (direction, peer, kind), digest in messages.items():
            mirrored = "received" if direction == "sent" else "sent"
            assert said[peer][mirrored, org, kind] == digest, f"{org} {direction} {kind}"
    vkeys = {org: world.joins[org].organisation.log_vkeys[0] for org in NODES}
    world.close()
    for org in NODES:  # no id stands in a log twice, no key and no chunk is left
        verify_directory(world.home(org).audit, vkeys[org])
        with closing(sqlite3.connect(world.home(org).database)) as database:
            assert database.execute("SELECT count(*) FROM secrets").fetchone() == (0,)
        assert not [path for path in world.home(org).spool.rglob("*") if path.is_file()]
    story = Story(entries, {org: sorted(messages) for org, messages in said.items()})
    if good is not None:
        for org in NODES:
            assert entries[org] == good.entries[org]
            assert story.messages[org] == good.messages[org]
    return story


@pytest.fixture(scope="module")
def good(homes: Simulator, tmp_path_factory: pytest.TempPathFactory) -> tuple[Story, dict[str, list[str]]]:
    """The story without a death, and every node's durable writes."""
    world = run(homes, tmp_path_factory.mktemp("good"), lambda org, life: 0)
    points = {org: list(lives[0].points) for org, lives in world.lives.items()}
    return check(world), points


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
        check(world, story)
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
    check(world, good[0])
