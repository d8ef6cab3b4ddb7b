"""Files that are there whole or not at all."""

from __future__ import annotations

import os
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import BinaryIO

import numpy as np
import pyarrow as pa
import pyarrow.csv as csv
from numpy.typing import NDArray

from exchange_node.records.column_map import SIDES


@contextmanager
def whole_file(path: Path, mode: int = 0o666) -> Iterator[BinaryIO]:
    """What is written here takes the name, and the place of what was there, when all of it is."""
    part = path.with_name(f".{path.name}.part")
    with open(os.open(part, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, mode), "wb") as stream:
        yield stream
    os.replace(part, path)


def write_text(path: Path, text: str) -> None:
    """Replace a file by this text."""
    with whole_file(path) as stream:
        stream.write(text.encode())


def write_links(
    path: Path,
    left: NDArray[np.int64],
    right: NDArray[np.int64],
    score: NDArray[np.float64],
    probability: NDArray[np.float64],
) -> None:
    """`row_a,row_b,score,probability`, in the order of the first file."""
    order = np.argsort(left, kind="stable")
    columns = {"row_a": left, "row_b": right, "score": np.round(score, 3), "probability": np.round(probability, 6)}
    _write(path, {name: pa.array(values[order]) for name, values in columns.items()})


def write_groups(path: Path, groups: Sequence[NDArray[np.int64]], probability: Sequence[NDArray[np.float64]]) -> None:
    """`group,file,row,probability` of every row that is not alone: groups numbered from 0, files called a, b and so on.
    `groups` and `probability`: of each file, a row each.
    """
    number = np.concatenate(groups)
    file = np.repeat(np.arange(len(groups)), [len(rows) for rows in groups])
    row = np.concatenate([np.arange(len(rows)) for rows in groups])
    kept = np.flatnonzero(np.bincount(number, minlength=1)[number] > 1)
    kept = kept[np.argsort(number[kept], kind="stable")]
    _, again = np.unique(number[kept], return_inverse=True)
    columns = {
        "group": pa.array(again),
        "file": pa.array([SIDES[at] for at in file[kept].tolist()], pa.string()),
        "row": pa.array(row[kept]),
        "probability": pa.array(np.round(np.concatenate(probability)[kept], 6)),
    }
    _write(path, columns)


def _write(path: Path, columns: Mapping[str, pa.Array]) -> None:
    table = pa.table(dict(columns))
    with whole_file(path) as stream:
        stream.write((",".join(columns) + "\n").encode())
        csv.write_csv(table, stream, csv.WriteOptions(include_header=False, quoting_style="none"))
