"""The search on Spark: a master on this machine or beyond it.

Executors need this package and Python of the driver's version. What travels: columns in pieces (left ones, and with
keys right ones), the linkage key, hashes and numbers of candidate rows in the shuffles, and right vectors a slab at a
time as a broadcast. Spark encrypts what it writes to disks here; between machines that is the cluster's to set up
(docs/trials.md).
"""

from __future__ import annotations

import os
import sys
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

import numpy as np

from exchange_node.engine.search import Plan
from exchange_node.kernels.dot import SideBySide
from exchange_node.linkage.dot import SCORED, Scored
from exchange_node.linkage.errors import LinkageError
from exchange_node.runners.pieces import Keyed, Packed, Piece, Slab, Task, keyed, once, paired, score
from exchange_node.runners.search import Runner, Work

if TYPE_CHECKING:
    from pyspark import RDD, SparkContext

MASTER = "local[*]"
_PIECES_A_CORE = 3


@contextmanager
def spark(master: str = MASTER, pieces: int | None = None) -> Iterator[Runner]:
    """A runner on that master for as long as it is needed. Raises LinkageError no-spark."""
    context = _context(master)
    try:
        yield Runner(Spark(context), pieces or _PIECES_A_CORE * context.defaultParallelism)
    finally:
        context.stop()


def check_spark() -> None:
    """Raise LinkageError no-spark where PySpark is not installed."""
    try:
        import pyspark  # noqa: F401
    except ImportError:
        raise LinkageError("no-spark", "PySpark is not installed") from None


def _context(master: str) -> SparkContext:
    check_spark()
    from pyspark import SparkConf, SparkContext

    os.environ.setdefault("PYSPARK_PYTHON", sys.executable)
    conf = SparkConf().setMaster(master).setAppName("exchange trial")
    for name, value in (
        ("spark.ui.enabled", "false"),
        ("spark.ui.showConsoleProgress", "false"),
        ("spark.log.level", "ERROR"),
        ("spark.io.encryption.enabled", "true"),
        ("spark.executorEnv.OPENBLAS_NUM_THREADS", "1"),
    ):
        conf.setIfMissing(name, value)
    if master.startswith("local"):
        os.environ.setdefault("SPARK_LOCAL_IP", "127.0.0.1")
        conf.setIfMissing("spark.driver.host", "127.0.0.1").setIfMissing("spark.driver.bindAddress", "127.0.0.1")
    try:
        return SparkContext(conf=conf)
    except Exception as error:  # Java is missing, or what the master says through it
        raise LinkageError("no-spark", f"Spark did not start: {type(error).__name__}") from None


class Spark:
    """`Machines`, over a context of Spark."""

    def __init__(self, context: SparkContext) -> None:
        self._context = context

    def begin(self, left: Sequence[Piece], right: Sequence[Piece], size: int, plan: Plan, task: Task) -> Work:
        """As `Machines.begin`."""
        own = self._spread(left)
        if not plan.keys:
            return _OnSpark(self._context, own.mapValues(lambda piece: (piece, None)), len(left), False)
        parts, secret = max(len(left), len(right), 1), task.secret
        cap, later = plan.cap, task.later

        def rows(right: bool) -> Any:
            return lambda item: keyed(item[1], right, plan, secret, parts)

        def pairs(part: Iterable[tuple[int, Keyed]]) -> Iterator[tuple[int, Packed]]:
            return paired((some for _, some in part), cap, later, size)

        both = self._context.union([own.flatMap(rows(False)), self._spread(right).flatMap(rows(True))])
        found = both.partitionBy(parts, int).mapPartitions(pairs)
        work = own.cogroup(found, max(len(left), 1)).mapValues(_with_pairs)
        return _OnSpark(self._context, work, len(left), True)

    def _spread(self, pieces: Sequence[Piece]) -> RDD[tuple[int, Piece]]:
        return self._context.parallelize([(piece.number, piece) for piece in pieces], max(len(pieces), 1))


def _with_pairs(grouped: tuple[Iterable[Piece], Iterable[Packed]]) -> tuple[Piece, Packed]:
    (piece,), pairs = grouped
    return piece, once(pairs)


Flat = tuple[int, int | None, tuple[int, ...], bytes]


def _flat(slab: Slab) -> Flat:
    """As bytes: Spark's encrypted stream takes no arrays, and a worker need not copy them."""
    laid = slab.values.rows if isinstance(slab.values, SideBySide) else None
    values = slab.values.values if isinstance(slab.values, SideBySide) else slab.values
    return slab.first, laid, values.shape, values.tobytes()


def _slab(flat: Flat) -> Slab:
    first, laid, shape, values = flat
    array = np.frombuffer(values, np.int8).reshape(shape)
    return Slab(first, array if laid is None else SideBySide(array, laid))


class _OnSpark:
    """`Work`. Pieces with their candidates stay where they are between slabs, on disks where memory is short; those
    that are lost with a machine are made again.
    """

    def __init__(self, context: SparkContext, pieces: Any, count: int, keys: bool) -> None:
        from pyspark import StorageLevel

        self._context, self._count, self._keys = context, count, keys
        self._pieces = pieces.persist(StorageLevel.MEMORY_AND_DISK) if keys else pieces

    def compared(self) -> int | None:
        return int(self._run(self._pieces.map(lambda item: len(item[1][1])).sum)) if self._keys else None

    def against(self, slab: Slab, task: Task) -> Scored:
        shared = self._context.broadcast(_flat(slab))

        def search(item: tuple[int, tuple[Piece, Packed | None]]) -> Scored:
            piece, pairs = item[1]
            return score(piece, pairs, _slab(shared.value), task)

        try:
            parts = self._run(self._pieces.map(search).collect)
        finally:
            shared.destroy()
        return np.concatenate([np.empty(0, SCORED), *parts])

    def close(self) -> None:
        if self._keys:
            self._pieces.unpersist()

    def _run(self, action: Any) -> Any:
        from py4j.protocol import Py4JError

        try:
            return action()
        except Py4JError as error:
            raise LinkageError("runner-failed", type(error).__name__) from None
