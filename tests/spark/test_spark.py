"""The runner on Spark in local mode: the same pairs and links as on this machine alone, also when tasks die.

`make test-spark` runs these where PySpark is; elsewhere they are skipped, and say so.
"""

from __future__ import annotations

import os
import shutil
from collections.abc import Iterator, Sequence
from typing import Any

import numpy as np
import pytest

from exchange_node.engine.dedupe import dedupe
from exchange_node.engine.link import link
from exchange_node.engine.search import Plan, find
from exchange_node.linkage.errors import LinkageError
from exchange_node.runners.pieces import Piece
from exchange_node.runners.search import Runner
from exchange_node.runners.spark import Spark, spark
from tests.made_up_registers import columns_of, registers
from tests.searches import KEYS, same_links, same_pairs, sides, weights

pytestmark = [
    pytest.mark.spark,
    pytest.mark.filterwarnings("ignore:unclosed <socket:ResourceWarning"),  # PySpark's own
    pytest.mark.filterwarnings("ignore::pytest.PytestUnraisableExceptionWarning"),
]
MASTER = "local[2,3]"  # two cores; a task may fail twice
try:
    import pyspark
except ImportError:
    pyspark = None


@pytest.fixture(scope="module", autouse=True)
def few_copies() -> Iterator[None]:
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("exchange_node.engine.party.COPIES", 500)
        patch.setattr("exchange_node.engine.party.COPIES_WITHIN", 1000)
        yield


@pytest.fixture(scope="module")
def machines() -> Iterator[Spark]:
    there = pyspark is not None and shutil.which("java")
    if not there and os.environ.get("EXCHANGE_SPARK") != "1":
        pytest.skip("PySpark or Java is not there: run `make test-spark`")
    with spark(MASTER) as runner:
        assert isinstance(runner.machines, Spark)
        yield runner.machines


@pytest.mark.parametrize("pieces", [1, 2, 7])
@pytest.mark.parametrize("plan", [Plan(), Plan(KEYS, 20)], ids=["all", "keys"])
def test_any_number_of_partitions_finds_the_same(machines: Spark, plan: Plan, pieces: int) -> None:
    left, right = sides(300, 251, 200)
    rows = np.random.default_rng(1).permutation(left.rows), np.arange(right.rows)
    asked: dict[str, Any] = {"least": -2.0, "most": 3}
    expected = find(left, rows[0], right, rows[1], weights(left), plan, **asked)
    assert len(expected) > 100
    runner = Runner(machines, pieces, 300 if pieces == 7 else 150)
    same_pairs(runner.find(left, rows[0], right, rows[1], weights(left), plan, **asked), expected)


@pytest.mark.parametrize("every", [True, False], ids=["all pairs", "keys"])
def test_links_are_identical(machines: Spark, every: bool) -> None:
    world = registers(300, 260, 200, seed=4, rate=0.15)
    both = columns_of(world.left + world.left[:20]), columns_of(world.right)
    links = link(*both, every_pair=every, finder=Runner(machines, 2).find)
    assert len(links) > 150
    same_links(links, link(*both, every_pair=every))


def test_doubles_are_identical(machines: Spark) -> None:
    world = registers(200, 150, 120, seed=9)
    columns = columns_of(world.left + world.right)
    same_links(dedupe(columns, finder=Runner(machines, 3).find), dedupe(columns))


class Fragile(Spark):
    """Every first try at the pieces of one partition ends as if the worker had been killed."""

    def __init__(self, machines: Spark, tries: int) -> None:
        super().__init__(machines._context)
        self._tries = tries

    def _spread(self, pieces: Sequence[Piece]) -> Any:
        tries = self._tries

        def die(item: Any) -> Any:
            from pyspark import TaskContext

            task = TaskContext.get()
            if task is not None and task.partitionId() == 1 and task.attemptNumber() < tries:
                os.kill(os.getpid(), 9)
            return item

        return super()._spread(pieces).map(die)


@pytest.mark.parametrize("plan", [Plan(), Plan(KEYS, 20)], ids=["all", "keys"])
def test_a_worker_that_is_killed_changes_nothing(machines: Spark, plan: Plan) -> None:
    left, right = sides(100, 90, 60)
    asked = np.arange(left.rows), right, np.arange(right.rows), weights(left), plan
    found = Runner(Fragile(machines, 1), 2).find(left, *asked, least=-2.0, most=3)
    same_pairs(found, find(left, *asked, least=-2.0, most=3))


def test_a_task_that_always_fails_is_one_error(machines: Spark) -> None:
    left, right = sides(40, 40, 20)
    asked = np.arange(left.rows), right, np.arange(right.rows), weights(left), Plan()
    with pytest.raises(LinkageError, match="runner-failed"):
        Runner(Fragile(machines, 99), 2).find(left, *asked, least=-2.0, most=3)


def test_a_master_that_is_none(machines: Spark) -> None:
    with pytest.raises(LinkageError, match="no-spark"), spark("no such master"):
        pytest.fail("there is no such master")
