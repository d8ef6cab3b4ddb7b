"""Files that are there whole or not at all."""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.csv as csv
from numpy.typing import NDArray

from exchange_node.records.column_map import SIDES


def write_text(path: Path, text: str) -> None:
    """Replace a file by this text."""
    part = path.with_name(f".{path.name}.part")
    part.write_text(text, encoding="utf-8")
    os.replace(part, path)


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
    part = path.with_name(f".{path.name}.part")
    with open(part, "wb") as stream:
        stream.write((",".join(columns) + "\n").encode())
        csv.write_csv(table, stream, csv.WriteOptions(include_header=False, quoting_style="none"))
    os.replace(part, path)
