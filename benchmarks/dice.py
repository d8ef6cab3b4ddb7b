"""Pairs of CLKs above a Dice coefficient, of all pairs: per core and on all cores, next to anonlink's own function.

    python -m benchmarks.dice [--sets FOLDER] [--only NAMES] [--left 10000] [--threshold 8000]

Plain CLKs of the published schema, of sets as in quality.py: without `--sets` some are made, one of them with many
more rows on the right. The peer is anonlink's `dice_coefficient_accelerated` on the very same filters, which runs on
one core only; ours must find as many pairs. The machine's limit is our widest kernel in the cache on rows of which no
pair can be given up: it counts every word of every pair. Every measurement runs in a process of its own and begins
where the filters are in memory. Per core counts processor seconds, all cores wall time: believe those only if nothing
else ran.
"""

from __future__ import annotations

import argparse
import os
import tempfile
import time
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from benchmarks import made_sets
from benchmarks.by_hand import pairs_a_second
from benchmarks.hardenings import Filters, encoded
from benchmarks.processes import Figures, forget_peak, in_a_process, in_short
from benchmarks.quality import TRUTH, found
from exchange_node.kernels import dice
from exchange_node.linkage.by_anonlink import Anonlink, as_bitarrays
from exchange_node.linkage.dice import STRIPE, stripes
from exchange_node.linkage.native import Native
from exchange_node.records.register import read_pair

MOST = 256  # pairs that ours keeps of a left row: so many are above no threshold of use
MADE = {"middling": 2.0, "bad": 2.0, "cohort": 10.0}  # and how many times as large


def write(files: list[Path], left: int, folder: Path) -> Figures:
    """The filters of both sides, on the left at most so many; how many rows there are."""
    registers = read_pair(files[0], files[1], None, frozenset((TRUTH,)))
    filters = [encoded(register) for register in registers]
    filters[0] = filters[0][:left]
    for name, rows in zip("ab", filters, strict=True):
        np.save(folder / f"{name}.npy", rows)
    return {"left": len(filters[0]), "right": len(filters[1])}


def sides(folder: Path) -> tuple[Filters, Filters]:
    """What was written."""
    left, right = (np.load(folder / f"{name}.npy") for name in "ab")
    return left, right


def ours(folder: Path, threshold: int, kernel: str) -> Figures:
    """A stripe of left rows after the other, on one core."""
    left, right = sides(folder)
    forget_peak()
    begun, wall = time.process_time(), time.perf_counter()
    search = Native(kernel).against(right, threshold)
    pairs = sum(len(search(left[top : top + STRIPE], MOST)) for top in range(0, len(left), STRIPE))
    return {"seconds": time.process_time() - begun, "wall": time.perf_counter() - wall, "pairs": pairs}


@dataclass(frozen=True, slots=True, repr=False)
class Rows:
    """Filters, as `stripes` takes them."""

    filters: Filters

    def __len__(self) -> int:
        return len(self.filters)


def ours_on_all_cores(folder: Path, threshold: int, kernel: str) -> Figures:
    """As a linkage unit does it."""
    left, right = map(Rows, sides(folder))
    forget_peak()
    wall = time.perf_counter()
    pairs = sum(len(some) for _, some in stripes(left, right, len(left), threshold, MOST, Native(kernel)))
    return {"wall": time.perf_counter() - wall, "pairs": pairs}


def anonlink(folder: Path, threshold: int) -> Figures:
    """Its own function, on rows that are in its own form already."""
    similarity = Anonlink("anonlink-accelerated").similarity()
    left, right = map(as_bitarrays, sides(folder))
    forget_peak()
    begun, pairs = time.process_time(), 0
    for top in range(0, len(left), STRIPE):
        scores, _ = similarity((left[top : top + STRIPE], right), threshold / 10_000, k=None)
        pairs += len(scores)
    return {"seconds": time.process_time() - begun, "pairs": pairs}


def limit() -> Figures:
    """Pairs a second, every word of them counted."""
    return {"rate": pairs_a_second()}


def compare(name: str, files: list[Path], left: int, threshold: int) -> None:
    """The lines of one set."""
    with tempfile.TemporaryDirectory() as scratch:
        folder = Path(scratch)
        rows = in_a_process(write, files, left, folder)
        peer = in_a_process(anonlink, folder, threshold)
        on_one = {kernel: in_a_process(ours, folder, threshold, kernel) for kernel in dice.kernels()}
        widest = dice.kernels()[0]
        together = in_a_process(ours_on_all_cores, folder, threshold, widest)
    best, own, cores = in_a_process(limit)["rate"], on_one[widest], len(os.sched_getaffinity(0))
    if any(one["pairs"] != peer["pairs"] for one in (*on_one.values(), together)):
        raise SystemExit(f"{name}: not the pairs that anonlink finds")
    every, times = rows["left"] * rows["right"], own["wall"] / together["wall"]
    size = f"{rows['left']:,} x {rows['right']:,}"
    print(f"{name}: {size}, {peer['pairs']:,.0f} pairs at {threshold / 10_000} and above")

    def line(who: str, seconds: float, megabytes: float, beside: str = "") -> None:
        print(f"  {who:30}{seconds:9.2f} s {every / seconds / 1e6:10,.0f} M pairs/s {megabytes:7,.0f} MB   {beside}")

    line("anonlink, one core", peer["seconds"], peer["megabytes"])
    for kernel, one in on_one.items():
        line(f"ours, {kernel}, one core", one["seconds"], one["megabytes"], f"{peer['seconds'] / one['seconds']:.1f}")
    line(f"ours, {widest}, {cores} cores", together["wall"], together["megabytes"], f"{times:.2f} times one core")
    rate = every / own["seconds"]
    in_short(
        f"{name} {size}: {rate / 1e6:,.0f} M pairs/s a core, ratio to anonlink {peer['seconds'] / own['seconds']:.1f}, "
        f"to every word counted {rate / best:.1f}; {cores} cores {times:.2f} times one"
    )


def main() -> None:
    """Parse, measure, print."""
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0] if __doc__ else "")
    parser.add_argument("--sets", type=Path, help="a folder of sets; without it they are made")
    parser.add_argument("--only", default="", help="names of sets, with commas between them")
    parser.add_argument("--left", type=int, default=10_000, help="the most rows on the left")
    parser.add_argument("--threshold", type=int, default=8_000, help="in basis points")
    parser.add_argument("--size", type=float, default=1.0, help="of the sets that are made")
    options = parser.parse_args()
    only = [name for name in options.only.split(",") if name]
    with tempfile.TemporaryDirectory() as scratch:
        folder = options.sets or Path(scratch)
        if not options.sets:
            for name, size in MADE.items():
                made_sets.write(name, made_sets.KINDS[name].scaled(size * options.size), folder, seed=1)
        pairs = [(name, files) for name, files in found(folder, only) if len(files) == 2]
        for name, files in pairs:
            compare(name, files, options.left, options.threshold)
    if not pairs:
        raise SystemExit("no such set")


if __name__ == "__main__":
    main()
