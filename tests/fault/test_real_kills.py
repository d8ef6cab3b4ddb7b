"""Killed anywhere, for real: every node a process of its own with real gRPC, real fsync and a real SQLite, ended by
SIGKILL at each of its durable writes in turn and started again. test_kills.py does the same where time is a number.
"""

from __future__ import annotations

import itertools
import random
import time
from pathlib import Path

import pytest

from tests.processes import OUTSIDE, federation, process_homes
from tests.simulator import Simulator
from tests.worlds import NODES

PARTS = 4  # of the whole matrix of one victim, for workers to share


@pytest.fixture(scope="module")
def homes(tmp_path_factory: pytest.TempPathFactory) -> Simulator:
    """Homes that are ready for a request, to be copied for every run."""
    return process_homes(tmp_path_factory.mktemp("homes"))


@pytest.mark.parametrize("victim", NODES)
@pytest.mark.parametrize(
    ("first", "stride"),
    [
        pytest.param(30, 73, id="some"),
        *(pytest.param(part, PARTS, id=f"all-{part}", marks=pytest.mark.slow) for part in range(1, PARTS + 1)),
    ],
)
def test_killed_at_each_durable_write(homes: Simulator, tmp_path: Path, victim: str, first: int, stride: int) -> None:
    """Of one request after another, up to the first number that is beyond a request's last write."""
    with federation(homes, tmp_path) as nodes:
        for number in itertools.count(first, stride):
            begun = time.monotonic()
            life = nodes.arm(victim, number)
            nodes.ask()
            nodes.ends()
            print(f"{victim}, write {number}, {life.died or 'there was none'}, {time.monotonic() - begun:.1f} s")
            if not life.died:
                break
        assert number > 150
        assert [len(lives) for lives in nodes.lives.values() if lives[-1] is not life] == [1, 1]
        nodes.arm(victim, 0)


@pytest.mark.parametrize("victim", NODES)
@pytest.mark.parametrize("stride", [pytest.param(9, id="some"), pytest.param(1, id="all", marks=pytest.mark.slow)])
def test_killed_at_each_durable_write_of_a_stop_and_a_start(
    homes: Simulator, tmp_path: Path, victim: str, stride: int
) -> None:
    with federation(homes, tmp_path) as nodes:
        for number in itertools.count(1, stride):
            second = int(time.time())  # two starts within one are one entry of the log, and the second writes nothing
            nodes.until(lambda second=second: int(time.time()) > second)  # type: ignore[misc]
            stopped = nodes.arm(victim, number)
            nodes.stop((victim,))
            started = nodes.start(victim, number)
            nodes.until(lambda: nodes.lives[victim][-1].stands == (1, 0))
            print(f"{victim}, write {number}, {stopped.died or '-'}, {started.died or '-'}")
            if not stopped.died and not started.died:
                break
            nodes.arm(victim, 0)
        assert number > 14
        nodes.arm(victim, 0)
        nodes.ask()
        nodes.ends()


@pytest.mark.parametrize(
    ("seed", "requests"), [(2, 1), *(pytest.param(seed, 6, marks=pytest.mark.slow) for seed in range(3, 9))]
)
def test_killed_again_and_again(homes: Simulator, tmp_path: Path, seed: int, requests: int) -> None:
    """Each node at several writes, also while it recovers from the last time; and from outside, wherever it is, by
    SIGKILL and by SIGTERM.
    """
    chance = random.Random(seed)
    with federation(homes, tmp_path) as nodes:
        for _ in range(requests):
            left = {org: [chance.randint(1, 60), chance.randint(1, 30)] for org in NODES}
            nodes.next_death = lambda org, left=left: left[org].pop() if left[org] else 0  # type: ignore[misc]
            for org in NODES:
                nodes.arm(org, chance.randint(1, 90))
            nodes.ask()
            for _ in range(3):
                end = time.monotonic() + chance.uniform(0, 1.5)
                while time.monotonic() < end:
                    nodes.listen(0.05)
                chance.choice([nodes.kill, nodes.kill, nodes.restart])(chance.choice(NODES))
            nodes.ends()
            nodes.next_death = lambda org: 0
            for org in NODES:
                nodes.arm(org, 0)
        deaths = [life.died for lives in nodes.lives.values() for life in lives if life.died]
        assert len(deaths) > 5 * requests and OUTSIDE in deaths
