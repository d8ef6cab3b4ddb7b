"""Vectors a second in one process, next to CLKs of the same people in the same run: clkhash's, and our own encoder's.

    python -m benchmarks.vectors [--rows 1000000] [--peer 50000]

People as in `benchmarks.clks`: two names, date, sex and postcode; "and addresses" adds a street address for about every
second person and a town. All but clkhash begin with columns of distinct values, as `records.columns` holds a register,
and end with a row for each person: left vectors a thousand at a time into the same memory, right ones packed, eight
thousand at a time, as the search takes them. Left rows have no weights, right ones one for every feature. Processor
seconds, each in a process of its own; making the people is not counted. The machine's limit is writing so many bytes of
rows: a thousand at a time, and all to memory.
"""

from __future__ import annotations

import argparse
import time
from collections.abc import Callable

import numpy as np

from benchmarks.clks import clkhash_alone, ours_by_columns, people
from benchmarks.processes import Figures, forget_peak, in_a_process, in_short, peak_megabytes
from exchange_node.encoding.vector_schema import VectorSchema, schema_for
from exchange_node.encoding.vectors import Vectors, Weights, scale_for
from exchange_node.engine.search import PART
from exchange_node.linkage.dot import STRIPE
from exchange_node.records.columns import Column, Kind

FIELDS: list[tuple[str, Kind]] = [
    ("forename", "name"), ("surname", "name"), ("date_of_birth", "date"), ("sex", "sex"), ("postcode", "postcode"),
]  # fmt: skip
PAIRS = 200_000
clock = time.process_time


def register(rows: int, addresses: bool) -> dict[str, Column]:
    """Invented people by columns."""
    columns = {
        name: Column.of(name, kind, list(values))
        for (name, kind), values in zip(FIELDS, zip(*people(rows, rows), strict=True), strict=True)
    }
    if addresses:
        rng = np.random.default_rng(2)
        streets = np.array(columns["surname"].values[1:])[rng.integers(0, len(columns["surname"].values) - 1, 20_000)]
        numbers, chosen = rng.integers(1, 200, rows // 2 + 1), rng.integers(0, 20_000, rows // 2 + 1)
        lines = [f"{number} {streets[street]} road" for number, street in zip(numbers, chosen, strict=True)]
        homes = rng.integers(0, len(lines), rows)
        columns["address_line"] = Column.of("address_line", "address", [lines[home] for home in homes])
        columns["town"] = Column.of("town", "place", [f"{streets[home % 1500]} upon sea" for home in homes])
    return columns


def made(rows: int, addresses: bool) -> tuple[VectorSchema, dict[str, Column]]:
    """The people and the schema for them; what happened until now is no longer in the peak."""
    columns = register(rows, addresses)
    forget_peak()
    return schema_for([(name, column.kind) for name, column in columns.items()]), columns


def rows_of(make: Callable[[np.ndarray], object], rows: int, step: int = STRIPE) -> float:
    """Processor seconds for all rows, so many at a time."""
    numbers, start = np.arange(rows), clock()
    for top in range(0, rows, step):
        make(numbers[top : top + step])
    return clock() - start


def ours(rows: int, addresses: bool) -> Figures:
    """Tokens and hashes; then left rows, right rows, and the features of pairs."""
    schema, columns = made(rows, addresses)
    weights = Weights(np.random.default_rng(3).normal(1, 1, len(schema.features)))
    scale, before, start = scale_for(schema, weights), peak_megabytes(), clock()
    vectors = Vectors(schema, columns, b"k" * 32)
    prepared = clock() - start
    left, start = np.empty((STRIPE, schema.width), np.uint8), clock()
    weighted = vectors.weighted(weights, scale, rows)
    weighing = clock() - start
    found = {
        "prepared": prepared,
        "left": rows_of(lambda here: vectors.left(here, left[: len(here)]), rows),
        "right": weighing + rows_of(weighted.packed, rows, PART),
        "width": schema.width,
        "more": peak_megabytes() - before,
    }
    pairs, start = np.random.default_rng(4).integers(0, rows, (2, PAIRS)), clock()
    vectors.features(pairs[0], vectors, pairs[1])
    return found | {"features": clock() - start}


def limit(rows: int, width: int) -> Figures:
    """Seconds to write so many bytes: again and again to the same stripe, and each to memory of its own."""
    stripe, slab = np.zeros((STRIPE, width), np.uint8), np.ones((min(rows, 200_000), width), np.uint8)
    near = min(rows_of(lambda here: stripe[: len(here)].fill(1), rows) for _ in range(3))
    seconds = []
    for _ in range(3):
        start = clock()
        slab.fill(2)
        seconds.append(clock() - start)
    return {"near": near, "memory": min(seconds) * rows / len(slab)}


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rows", type=int, default=1_000_000)
    parser.add_argument("--peer", type=int, default=50_000, help="of them also by clkhash")
    options = parser.parse_args()
    rows, few = options.rows, min(options.peer, options.rows)
    clkhash = in_a_process(clkhash_alone, few, rows, few)["seconds"] * rows / few
    clks = in_a_process(ours_by_columns, rows, rows, few)["seconds"]
    print(f"  clkhash, {few:,} rows {rows / clkhash:26,.0f} CLKs/s")
    print(f"  our CLKs, {rows:,} rows {rows / clks:23,.0f} CLKs/s", flush=True)
    for title, addresses in (("the same fields", False), ("and addresses", True)):
        got = in_a_process(ours, rows, addresses)
        least = in_a_process(limit, rows, int(got["width"]))
        print(
            f"  {title}, {rows:,} rows of {got['width']:,.0f} bytes: prepared {got['prepared']:.2f} s, left rows "
            f"{got['left']:.2f} s, right rows {got['right']:.2f} s, {PAIRS:,} pairs {got['features']:.2f} s, "
            f"{got['more']:,.0f} MB more than the people; only writing the rows {least['near']:.2f} s, to memory "
            f"{least['memory']:.2f} s",
            flush=True,
        )
        for side in ("left", "right"):
            seconds = got["prepared"] + got[side]
            in_short(
                f"{side} vectors, {title}, {rows:,} rows: {rows / seconds:,.0f} a second, ratio to clkhash "
                f"{clkhash / seconds:.0f}, to our CLKs {clks / seconds:.2f}, to the limit {seconds / least['near']:.0f}"
            )


if __name__ == "__main__":
    main()
