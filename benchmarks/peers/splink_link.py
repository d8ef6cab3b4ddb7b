"""Link two files, group several, or find the duplicates of one, with Splink 5 in the clear; figures as JSON.

    python -m benchmarks.peers.splink_link A.csv [B.csv ...] [--setup careful] [--rules tight] [--out FIGURES.json]

Runs in the environment of requirements/bench.txt, which has nothing of ours. Columns are known by name (reading.py);
`entity_id`, the truth, is read for the figures alone. Two files are linked one to one, greedily by match weight. One
file, or three and more, are grouped, and scored by pairs within groups. `own` is what stands at a match probability of
0.5; for groups of all that is connected 0.95, as in Splink's guides, since they grow together. Three and more files can
also be grouped with one row of each at most, at 0.5; the better of the two counts. `best` is the highest F1 over all
thresholds.
"""

from __future__ import annotations

import argparse
import json
import logging
import math
import time
import warnings
from pathlib import Path
from typing import Any

import duckdb
import numpy as np
from splink import DuckDBAPI, Linker, SettingsCreator, block_on

from benchmarks.peers import reading, scoring, splink_model
from benchmarks.processes import peak_megabytes

LOWEST_WEIGHT = -15.0  # of pairs kept, in bits; no best threshold has been found near it
AFFORDABLE = 20e6  # pairs of one blocking rule
OTHERS = (0.8, 0.9, 0.95, 0.99, 0.999)  # match probabilities that users take instead of 0.5


def link(files: list[Path], setup: str, rules: str, seed: int, threads: int | None) -> dict[str, Any]:
    """From files to links, with time and memory, and what they are worth."""
    begun = time.perf_counter()
    connection = duckdb.connect()
    connection.execute("SET enable_progress_bar = false")
    if threads:
        connection.execute(f"SET threads = {threads}")
    fields = set.intersection(*(set(reading.columns(file)) for file in files))
    ordered = [field for field in reading.KNOWN if field in fields]
    tables = [f"file_{number}" for number in range(len(files))]
    rows = [reading.load(connection, file, table, ordered) for file, table in zip(files, tables, strict=True)]
    british = "postcode" in fields and _is_british(connection, tables[0])
    pairs = {rule: _pairs(connection, rule, tables) for rule in getattr(splink_model, rules)(fields)}
    settings = SettingsCreator(
        link_type={1: "dedupe_only", 2: "link_only"}.get(len(files), "link_and_dedupe"),
        comparisons=splink_model.comparisons(fields, british, setup),
        blocking_rules_to_generate_predictions=[block_on(*rule) for rule, n in pairs.items() if n <= AFFORDABLE],
        retain_matching_columns=False,
    )
    api = DuckDBAPI(connection)
    linker = Linker([api.register(table, dataset_display_name=f"s{table}") for table in tables], settings)
    read = time.perf_counter()
    splink_model.train(linker, fields, seed)
    trained = time.perf_counter()
    found = linker.inference.predict(threshold_match_weight=LOWEST_WEIGHT)
    left, right, weights = _candidates(connection, found.physical_name, rows)
    predicted = time.perf_counter()
    chosen = scoring.one_to_one(left, right, weights) if len(files) == 2 else np.argsort(-weights, kind="stable")
    left, right, weights = left[chosen], right[chosen], weights[chosen]
    ended, processor, megabytes = time.perf_counter(), time.process_time(), peak_megabytes()

    people = np.concatenate([_truth(connection, table) for table in tables])
    if len(files) == 2:
        total = scoring.findable(people[: rows[0]], people[rows[0] :])
        curves = [(scoring.links(people, left, right, weights, total), 0.5)]
    else:
        curves = [(scoring.groups(people, left, right, weights), 0.95)]
    if len(files) > 2:
        of_file = np.repeat(np.arange(len(files)), rows)
        curves.append((scoring.groups(people, left, right, weights, of_file), 0.5))
    curve, probability = max(curves, key=lambda pair: pair[0].at(_bits(pair[1]))["f1"])
    accepted = weights[weights >= _bits(probability)]
    return {
        "rows": rows,
        "fields": ordered,
        "setup": setup,
        "rules": rules,
        "pairs": {" + ".join(rule): n for rule, n in pairs.items()},
        "candidates": len(chosen),
        "total": curve.total,
        "seconds": ended - begun,
        "stages": {"read": read - begun, "train": trained - read, "predict": predicted - trained},
        "processor_seconds": processor,
        "peak_mb": megabytes,
        "own": curve.at(_bits(probability)) | {"probability": probability},
        "best": max((curve.best() for curve, _ in curves), key=lambda best: best["f1"]),
        "at": {str(p): curve.at(_bits(p)) for p in OTHERS},
        "estimated_precision": float(np.mean(1 / (1 + 2.0**-accepted))) if len(accepted) else 1.0,
    }


def _bits(probability: float) -> float:
    return math.log2(probability / (1 - probability))


def _is_british(connection: duckdb.DuckDBPyConnection, table: str) -> bool:
    ((share,),) = connection.execute(f"SELECT avg((postcode ~ '[A-Z].*')::INT) FROM {table}").fetchall()
    return bool(share and share > 0.5)


def _pairs(connection: duckdb.DuckDBPyConnection, rule: splink_model.Rule, tables: list[str]) -> int:
    """How many pairs of the first and the last table a rule makes."""
    key, present = f"({' || chr(0) || '.join(rule)})", " AND ".join(f"{part} IS NOT NULL" for part in rule)
    a, b = (f"(SELECT {key} k, count(*) n FROM {t} WHERE {present} GROUP BY k)" for t in (tables[0], tables[-1]))
    ((pairs,),) = connection.execute(f"SELECT sum(a.n * b.n) FROM {a} a JOIN {b} b USING (k)").fetchall()
    return int(pairs or 0)


def _candidates(connection: duckdb.DuckDBPyConnection, table: str, rows: list[int]) -> tuple[np.ndarray, ...]:
    """Rows of both sides, counted over all files one after another, and match weights in bits."""
    sides = [
        f"unique_id_{side}" + (f", source_dataset_{side}[-1:]::INT" if len(rows) > 1 else ", 0") for side in ("l", "r")
    ]
    names = ("left", "left_file", "right", "right_file", "weight")
    query = ", ".join([*sides, "match_weight"]).split(", ")
    got = connection.execute(
        f"SELECT {', '.join(f'{value} AS {name!r}' for value, name in zip(query, names, strict=True))} FROM {table}"
    ).fetchnumpy()
    begins = np.concatenate([[0], np.cumsum(rows)]).astype(np.int64)
    i, j = (np.asarray(got[side]) + begins[np.asarray(got[f"{side}_file"])] for side in ("left", "right"))
    return np.minimum(i, j), np.maximum(i, j), np.asarray(got["weight"], np.float64)


def _truth(connection: duckdb.DuckDBPyConnection, table: str) -> np.ndarray:
    got = connection.execute(f"SELECT {reading.TRUTH} AS who FROM {table} ORDER BY unique_id").fetchnumpy()
    return np.asarray(np.ma.filled(got["who"], ""), str)


def main() -> None:
    """Parse, link, print in short."""
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0] if __doc__ else "")
    parser.add_argument("files", nargs="+", type=Path)
    parser.add_argument("--setup", choices=splink_model.SETUPS, default="careful")
    parser.add_argument("--rules", choices=("tight", "wide"), default="tight")
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--threads", type=int, help="as many as there are cores")
    parser.add_argument("--out", type=Path, help="where to write the figures")
    options = parser.parse_args()
    warnings.simplefilter("ignore")
    logging.disable(logging.WARNING)
    figures = link(options.files, options.setup, options.rules, options.seed, options.threads)
    if options.out:
        options.out.write_text(json.dumps(figures, indent=1))
    own, best = figures["own"], figures["best"]
    print(
        f"own {own['f1']:.4f} (precision {own['precision']:.4f}, recall {own['recall']:.4f}) best {best['f1']:.4f} "
        f"at {best['threshold']:.1f}; {figures['seconds']:.1f} s, {figures['peak_mb']:,.0f} MB"
    )


if __name__ == "__main__":
    main()
