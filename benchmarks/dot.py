"""Dot products of 8-bit rows: all pairs and candidates, per core and on all, next to the best BLAS and the machine.

    python -m benchmarks.dot [--rows 10000] [--width 640] [--large 1000000]

All pairs: the peer is numpy's float32 product (OpenBLAS), a stripe at a time, and the same threshold on it; it keeps no
best ones. The machine's limit is the kernel's multiply-add instruction on registers alone. Candidates: 48 of `--large`
right rows for each left one, in no order, so that each comes from memory; the peer is numpy, and the limit fetching
such rows without multiplying. Every measurement runs in a process of its own. Per core counts processor seconds, all
cores wall time: believe those only if nothing else ran.
"""

from __future__ import annotations

import argparse
import ctypes
import os
import subprocess
import tempfile
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import numpy as np

from benchmarks.processes import Figures, forget_peak, in_a_process, in_short
from exchange_node.kernels import dot
from exchange_node.kernels.packed import Packed
from exchange_node.linkage.blocks import Candidates
from exchange_node.linkage.dot import STRIPE, best_pairs

MOST = 11
FILLED = 60  # values of a row that are not zero
FETCHED = -(-3 * FILLED // 64) * 64  # bytes of a packed row, in whole lines
EACH = 48  # candidates of a left row
PART = 10_000  # right rows made at a time
BLAS_THREADS = "OPENBLAS_NUM_THREADS"
Rows = tuple[np.ndarray, np.ndarray, int]


def made_up(rows: int, width: int, largest: int) -> Rows:
    """Left and right rows of which seven tenths belong together, and a threshold that tells those from the others."""
    generator = np.random.default_rng(1)
    places = generator.permuted(np.tile(np.arange(width), (2 * rows, 1)), axis=1)[:, :FILLED]
    x, y = dot.in_lines(rows, width), np.zeros((rows, width), np.int8)
    x[:] = 0
    np.put_along_axis(x, places[:rows], generator.integers(1, 128, (rows, FILLED), np.uint8), axis=1)
    np.put_along_axis(y, places[rows:], generator.integers(1, largest + 1, (rows, FILLED), np.int8), axis=1)
    both = rows * 7 // 10
    y[:both] = np.ceil(x[:both] * (largest / 127))
    return x, y, FILLED * 127 * largest // 6


def cores() -> int:
    """Those that this process may use."""
    return len(os.sched_getaffinity(0))


def ours(kernel: str, rows: int, width: int, largest: int, together: bool) -> Figures:
    """The search, in one thread or as the engine does it."""
    x, y, threshold = made_up(rows, width, largest)

    def search() -> int:
        if together:
            slabs = [dot.side_by_side([y], *y.shape)]
            return len(best_pairs(lambda top, end: x[top:end], rows, slabs, threshold, MOST, kernel).pairs)
        laid = dot.side_by_side([y], *y.shape)
        kept = dot.Kept.none(rows, MOST)
        for top in range(0, rows, STRIPE):
            dot.search(kernel, x[top : top + STRIPE], laid, threshold, kept.of(top, top + STRIPE))
        return int(kept.counts.sum())

    return best_of(search, together)


def blas(rows: int, width: int, largest: int, together: bool) -> Figures:
    """The same with numpy."""
    x, y, threshold = made_up(rows, width, largest)
    left, right = x.astype(np.float32), np.ascontiguousarray(y.astype(np.float32).T)

    def search() -> int:
        stripes = (left[top : top + STRIPE] @ right for top in range(0, rows, STRIPE))
        return sum(len(np.nonzero(scores >= threshold)[0]) for scores in stripes)

    return best_of(search, together)


def best_of(search: Callable[[], int], together: bool) -> Figures:
    """The quickest of three: wall time of all cores together, or processor seconds."""
    forget_peak()
    clock, seconds = time.perf_counter if together else time.process_time, []
    for _ in range(3):
        begun = clock()
        found = search()
        seconds.append(clock() - begun)
    return {"seconds": min(seconds), "found": found}


def machine(folder: Path) -> ctypes.CDLL:
    """dot_limit.c, built there."""
    built = folder / "limit.so"
    if not built.exists():
        source = Path(__file__).with_name("dot_limit.c")
        options = ["-O3", "-std=c11", "-fPIC", "-shared", "-o", str(built)]
        subprocess.run([os.environ.get("CC", "cc"), *options, str(source)], check=True)
    library = ctypes.CDLL(str(built))
    library.multiply.argtypes, library.multiply.restype = [ctypes.c_char_p, ctypes.c_int64], ctypes.c_int64
    library.fetch.argtypes = [ctypes.c_void_p, ctypes.c_int64, ctypes.c_void_p, ctypes.c_int64]
    return library


def limit(folder: Path, kernel: str, threads: int) -> Figures:
    """Multiply-adds a second of so many threads together; 0 if that instruction set has no loop."""
    multiply, rounds = machine(folder).multiply, 10**7
    dot.kernels()  # asks for tiles, where there are any
    with ThreadPoolExecutor(threads) as pool:
        figures = best_of(
            lambda: sum(pool.map(lambda _: multiply(kernel.encode(), rounds), range(threads))), threads > 1
        )
    return {"rate": figures["found"] / figures["seconds"]}


def all_pairs(folder: Path, rows: int, width: int) -> None:
    """One table: every kernel on one core, the widest and BLAS on one and on all."""
    work = rows * rows * width
    print(f"all pairs, {rows:,} x {rows:,}, {width} values")

    def line(name: str, figures: Figures, best: float) -> None:
        rate = work / figures["seconds"]
        share = f"{rate / best:7.0%} of the limit" if best else ""
        memory = f"{figures['megabytes']:6,.0f} MB peak"
        print(f"  {name:34}{figures['seconds']:8.3f} s {rate / 1e9:8,.1f} G multiply-adds/s{share:22} {memory}")

    for threads in dict.fromkeys((1, cores())):
        together, on = threads > 1, f"{threads} cores" if threads > 1 else "one core"
        os.environ[BLAS_THREADS] = str(threads)
        peer = in_a_process(blas, rows, width, 127, together)
        for kernel in dot.kernels()[: 1 if together else None]:
            best = in_a_process(limit, folder, kernel, threads)["rate"]
            for largest in (127, 7) if kernel == "avx2" else (127,):
                own = in_a_process(ours, kernel, rows, width, largest, together)
                line(f"ours, {kernel}, {on}" + ("" if largest == 127 else f", right to {largest}"), own, best)
                if kernel == dot.kernels()[0]:
                    if own["found"] != peer["found"]:
                        raise SystemExit(f"{own['found']} pairs were found, {peer['found']} by the peer")
                    share = f", to the limit {work / own['seconds'] / best:.2f}" if best else ""
                    ratio = peer["seconds"] / own["seconds"]
                    in_short(f"all pairs {rows:,} x {rows:,}, {kernel}, {on}: {own['seconds']:.2f} s, "
                             f"ratio to BLAS {ratio:.2f}{share}")  # fmt: skip
        line(f"numpy float32, {on}", peer, 0)
    del os.environ[BLAS_THREADS]


def candidates(kernel: str, folder: Path, rows: int, width: int, left: int, way: str) -> Figures:
    """Pairs a second; `way` is core, cores, numpy or limit."""
    generator = np.random.default_rng(1)
    columns = generator.integers(0, width, rows * FILLED, np.uint16)
    values = generator.integers(-127, 128, len(columns), np.int8)
    y = Packed(columns, values, np.arange(rows + 1) * FILLED)
    dense = y.unpacked(width) if way == "numpy" else np.ones((rows, FETCHED), np.int8)
    x = generator.integers(0, 128, (left, width), np.uint8)
    ids = generator.integers(0, rows, left * EACH).astype(np.uint32)
    among = Candidates(ids, np.arange(left + 1) * EACH)
    forget_peak()
    threshold, wall, processor = 2**30, time.perf_counter(), time.process_time()
    if way == "cores":
        done = best_pairs(lambda top, end: x[top:end], left, [y], threshold, MOST, kernel, among).compared
        return {"rate": done / (time.perf_counter() - wall)}
    if way == "core":
        dot.search_among(x, y, threshold, dot.Kept.none(left, MOST), ids, among.ends)
    elif way == "numpy":
        for i in range(left):
            dense[among.of(i, i + 1).ids].astype(np.float32) @ x[i].astype(np.float32)
    else:
        machine(folder).fetch(dense.ctypes.data, FETCHED, ids.ctypes.data, len(ids))
    return {"rate": len(ids) / (time.process_time() - processor)}


def blocked(folder: Path, rows: int, width: int, left: int) -> None:
    """The table of candidates."""
    kernel = dot.kernels()[0]
    print(f"candidates, {left:,} x {EACH} of {rows:,} rows, {rows * width / 1e6:,.0f} MB")
    rates = {}
    for way in ("core", "limit", "numpy", *(["cores"] if cores() > 1 else [])):
        found = in_a_process(candidates, kernel, folder, rows, width, left, way)
        rates[way] = found["rate"]
        print(f"  {way:8}{found['rate'] / 1e6:8.2f} M pairs/s {found['megabytes']:8,.0f} MB peak")
    in_short(
        f"candidates of {rows:,} rows, {kernel}: {rates['core'] / 1e6:.1f} M pairs/s on a core, ratio to numpy "
        f"{rates['core'] / rates['numpy']:.1f}, to the limit of memory {rates['core'] / rates['limit']:.2f}"
    )


def main() -> None:
    """Parse, measure, print."""
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0] if __doc__ else "")
    parser.add_argument("--rows", type=int, default=10_000)
    parser.add_argument("--width", type=int, default=640, help="a multiple of 64")
    parser.add_argument("--large", type=int, default=1_000_000, help="right rows of which candidates are taken")
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as directory:
        folder = Path(directory)
        all_pairs(folder, options.rows, options.width)
        blocked(folder, options.large, options.width, 20_000)


if __name__ == "__main__":
    main()
