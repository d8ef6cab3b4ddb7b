"""Reading a register of millions, and the encoding of a cohort out of it: rows a second, and that memory is bounded.

    python -m benchmarks.records [--rows 1000000] [--cohort 10000] [--directory build/bench]

The same invented people as CSV and as Parquet, first a tenth of the rows and then all. A reading standardises every
field and, once for each state of the file, looks through the ids for doubles, as a node does; the peer only streams the
same columns: `csv.reader`, and pyarrow's batches as Python lists. The machine's limit is the file's bytes read in
blocks. 10 million rows need some 1.3 GB of disk; the files are deleted.
"""

from __future__ import annotations

import argparse
import csv
import tempfile
import time
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.csv as pa_csv
import pyarrow.parquet as pq

from benchmarks.processes import Figures, in_a_process, in_short
from exchange_node.encoding.encode import encode
from exchange_node.records.cohort import parse_condition
from exchange_node.records.mapping import RecordsMapping
from exchange_node.records.report import ReadReport
from exchange_node.records.source import RecordFile
from tests.made_up_people import FORENAMES, SCHEMA, SURNAMES, key, token_key

BATCH = 100_000  # rows made at a time
COLUMNS = ("ref", "first", "last", "born", "pc", "sex")
clock = time.process_time


def write_registers(folder: Path, rows: int, cohort: int) -> None:
    """`people.csv` and `people.parquet`; so many of the rows, spread evenly, have `damp` = yes."""
    rng = np.random.default_rng(1)
    every = max(1, rows // cohort)
    days = np.array(
        [f"{day:02}/{month:02}/{year}" for year in range(1930, 2016) for month in range(1, 13) for day in range(1, 29)]
    )
    codes = np.array([f"{a}{b}{n} {m}{c}{d}" for a in "ABCD" for b in "BDLS" for n in range(1, 20) for m in range(1, 10)
                      for c in "ABDE" for d in "HJLN"])  # fmt: skip

    def batch(start: int) -> pa.RecordBatch:
        numbers = np.arange(start, min(rows, start + BATCH))

        def some(values: list[str] | np.ndarray) -> pa.Array:
            return pa.array(np.asarray(values)[rng.integers(len(values), size=len(numbers))])

        damp = pa.array(np.where((numbers % every == 0) & (numbers // every < cohort), "yes", "no"))
        refs = pa.array([f"T{number}" for number in numbers])
        columns = [refs, some(FORENAMES), some(SURNAMES), some(days), some(codes), some(["F", "M"]), damp]
        return pa.record_batch(columns, names=[*COLUMNS, "damp"])

    schema = batch(0).schema
    with pa_csv.CSVWriter(folder / "people.csv", schema) as as_csv, \
         pq.ParquetWriter(folder / "people.parquet", schema) as as_parquet:  # fmt: skip
        for start in range(0, rows, BATCH):
            made = batch(start)
            as_csv.write(made)
            as_parquet.write_batch(made)


def register(path: Path) -> RecordFile:
    """As a node's configuration would name it."""
    fields = {"forename": "first", "surname": "last", "date_of_birth": "born", "postcode": "pc", "sex": "sex"}
    mapping = {"file": path.name, "format": path.suffix[1:], "id_column": "ref", "fields": fields,
               "cohort": {"damp": "boolean"}}  # fmt: skip
    return RecordFile(path, RecordsMapping.parse(mapping))


def our_reading(path: Path) -> Figures:
    """Everyone, in standard form."""
    start, report = clock(), ReadReport()
    for _ in register(path).stream(report):
        pass
    return {"seconds": clock() - start, "rows": report.read}


def plain_reading(path: Path) -> Figures:
    """The same columns as they are."""
    start, rows = clock(), 0
    if path.suffix == ".csv":
        with path.open(newline="", encoding="utf-8") as stream:
            rows = sum(1 for _ in csv.reader(stream)) - 1
    else:
        with pq.ParquetFile(path) as file:
            for batch in file.iter_batches(batch_size=4096, columns=list(COLUMNS), use_threads=False):
                rows += sum(1 for _ in zip(*(column.to_pylist() for column in batch.columns), strict=True))
    return {"seconds": clock() - start, "rows": rows}


def bytes_of(path: Path) -> Figures:
    """The file's bytes alone."""
    start = clock()
    with path.open("rb", buffering=0) as stream:
        while stream.read(1 << 20):
            pass
    return {"seconds": clock() - start}


def our_cohort(path: Path) -> Figures:
    """Find the cohort by its condition, and encode it and nobody else."""
    start, found = clock(), register(path)
    ids = frozenset(found.select(parse_condition("damp = yes")))
    chosen = (record for record in found.stream(ReadReport()) if record.local_id in ids)
    encoded = encode(chosen, SCHEMA, key(), token_key("a"), lambda index, chunk: None)
    return {"seconds": clock() - start, "rows": encoded.records}


def table(folder: Path, rows: int, cohort: int) -> dict[str, float]:
    """One size: both formats, each measurement in a process of its own. Returns our peaks in megabytes."""
    write_registers(folder, rows, cohort)
    peaks = {}
    for kind in ("csv", "parquet"):
        path = folder / f"people.{kind}"
        ours, peer, limit, chosen = (in_a_process(f, path) for f in (our_reading, plain_reading, bytes_of, our_cohort))
        if ours["rows"] != rows or chosen["rows"] != cohort:
            raise SystemExit(f"{ours['rows']} of {rows} rows were read, {chosen['rows']} of {cohort} encoded")
        print(f"{kind}, {rows:,} rows, {path.stat().st_size / 1e6:,.0f} MB")
        for name, found in (("ours", ours), ("peer", peer), ("limit", limit)):
            memory = f"{found['megabytes']:6,.0f} MB peak" if name != "limit" else ""
            print(f"  {name:7}{found['seconds']:8.2f} s {rows / found['seconds']:13,.0f} rows/s {memory}")
        print(f"  cohort {chosen['seconds']:8.2f} s to find and encode {cohort:,} {chosen['megabytes']:6,.0f} MB peak")
        in_short(
            f"{kind} {rows:,} rows: {rows / ours['seconds']:,.0f} rows/s, {ours['megabytes']:.0f} MB, ratio to peer "
            f"{peer['seconds'] / ours['seconds']:.2f}, to the limit {limit['seconds'] / ours['seconds']:.4f}"
        )
        peaks[kind] = ours["megabytes"]
        path.unlink()
    return peaks


def main() -> None:
    """Measure a tenth and the whole, and say what ten times the rows did to memory."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rows", type=int, default=1_000_000)
    parser.add_argument("--cohort", type=int, default=10_000)
    parser.add_argument("--directory", type=Path, default=Path("build/bench"), help="where the files are made")
    options = parser.parse_args()
    options.directory.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(prefix="records-", dir=options.directory) as name:
        small = table(Path(name), options.rows // 10, options.cohort // 10)
        large = table(Path(name), options.rows, options.cohort)
    for kind, peak in large.items():
        grown = (peak - small[kind]) * 1e6 / (options.rows - options.rows // 10)
        in_short(f"{kind}: ten times the rows took {peak - small[kind]:+,.0f} MB, {grown:.1f} bytes for each more row")


if __name__ == "__main__":
    main()
