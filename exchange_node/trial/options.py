"""What may be chosen for a trial, and who is told what on the way."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from exchange_node.encoding.clk import DEFAULT_ENCODER
from exchange_node.engine.link import Progress, Watcher
from exchange_node.runners.spark import MASTER


@dataclass(frozen=True, slots=True)
class Options:
    """What may be chosen. `every_pair`: compare all, or only those that share a key; by their number if None. `keep`:
    write what a later trial needs to go on; `since`: the folder of such a trial; `id_column`: by which rows are known
    again, or by what stands in them; `unlink`: a CSV of pairs of rows that are not one person. `method`: one of
    `methods.py`; `encoder` counts for CLKs alone. `runner`: `local`, or `spark` on `spark_master`, for vectors of one
    file or two.
    """

    map_file: Path | None = None
    truth: str | None = None
    out: Path | None = None
    kernel: str = "native"
    seed: int = 1
    every_pair: bool | None = None
    keep: bool = False
    since: Path | None = None
    id_column: str | None = None
    unlink: Path | None = None
    method: str = "vectors"
    encoder: str = DEFAULT_ENCODER
    runner: str = "local"
    spark_master: str = MASTER


@dataclass(frozen=True, slots=True)
class Watch:
    """Who is told what on the way: the files as they were understood, the plan before it runs, and progress."""

    read: Callable[..., None]
    planned: Watcher
    progress: Progress
