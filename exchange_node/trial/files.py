"""Files that are there whole or not at all."""

from __future__ import annotations

import os
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.csv as csv
from numpy.typing import NDArray


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
    table = pa.table({name: pa.array(values[order]) for name, values in columns.items()})
    part = path.with_name(f".{path.name}.part")
    with open(part, "wb") as stream:
        stream.write((",".join(columns) + "\n").encode())
        csv.write_csv(table, stream, csv.WriteOptions(include_header=False, quoting_style="none"))
    os.replace(part, path)
