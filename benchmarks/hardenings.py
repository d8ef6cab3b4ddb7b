"""What hardening CLKs costs: the best F1 that the Dice coefficient still reaches, and time, next to plain CLKs.

    python -m benchmarks.hardenings [--kinds middling,bad] [--size 1]

The peer is the plain filter, in the same run. Links are one-to-one, by falling Dice, and F1 is the best of all
thresholds, told by the truth: no threshold of plain filters suits hardened ones.
"""

from __future__ import annotations

import argparse
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from benchmarks import made_sets
from benchmarks.processes import in_short
from benchmarks.quality import TRUTH, draw
from exchange_node.encoding import harden
from exchange_node.encoding.clk import DEFAULT_ENCODER, clk_encoder
from exchange_node.encoding.keys import KEY_ID_BYTES, LinkageKey
from exchange_node.encoding.schema import DEFAULT_SCHEMA, load_schema
from exchange_node.kernels import greedy
from exchange_node.linkage.kernels import choose_kernel
from exchange_node.records.register import Register, read_pair

Filters = NDArray[np.uint8]
KEY = bytes(range(32))
LEAST, MOST = 3000, 6  # basis points, and pairs kept of each left row


def key() -> LinkageKey:
    """The same for both sides."""
    return LinkageKey(KEY, bytes(KEY_ID_BYTES))


HARDENINGS: dict[str, Callable[[Filters], Filters]] = {
    "plain": lambda filters: filters,
    "balance": lambda filters: harden.balance(filters, key()),
    "fold once": lambda filters: harden.fold(filters),
    "rule 90, once": lambda filters: harden.rule_90(filters),
    "rule 90, twice": lambda filters: harden.rule_90(filters, 2),
    "diffuse, fan-in 3": lambda filters: harden.diffuse(filters, key(), 3),
    "diffuse, fan-in 8": lambda filters: harden.diffuse(filters, key(), 8),
    "diffuse, fan-in 8, to 4,096 bits": lambda filters: harden.diffuse(filters, key(), 8, 4096),
}


def encoded(register: Register) -> Filters:
    """Plain CLKs of the published schema."""
    schema = load_schema(DEFAULT_SCHEMA)
    with clk_encoder(schema, key(), DEFAULT_ENCODER) as encoder:
        filters: Filters = encoder.encode_columns(schema.columns(register.columns))
    return filters


def best_f1(left: Filters, right: Filters, truth: tuple[NDArray[np.str_], NDArray[np.str_]]) -> float:
    """Over all thresholds, of one-to-one links."""
    pairs = choose_kernel("native").against(right, LEAST)(left, MOST)
    pairs = pairs[np.lexsort((pairs["right"], pairs["left"], -pairs["score"]))]
    one, other = (np.ascontiguousarray(pairs[side]) for side in ("left", "right"))
    taken = greedy.take(one, other)
    good = np.cumsum(truth[0][one[taken]] == truth[1][other[taken]])
    people = len(set(truth[0].tolist()) & set(truth[1].tolist()))
    return float(np.max(2 * good / (np.arange(1, len(good) + 1) + people), initial=0.0))


def measured(folder: Path) -> dict[str, tuple[float, float, float]]:
    """For each hardening the best F1, the microseconds that it takes for a row, and the share of bits that are set."""
    registers = read_pair(folder / "a.csv", folder / "b.csv", None, frozenset((TRUTH,)))
    truth = tuple(np.array(register.column(TRUTH)) for register in registers)
    plain = [encoded(register) for register in registers]
    found = {}
    for name, change in HARDENINGS.items():
        begun = time.process_time()
        left, right = map(change, plain)
        took = 1e6 * (time.process_time() - begun) / (len(left) + len(right))
        full = float(np.bitwise_count(left).sum() / (8 * left.size))
        found[name] = (best_f1(left, right, (truth[0], truth[1])), took, full)
    return found


def main() -> None:
    """Parse, measure, print."""
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0] if __doc__ else "")
    parser.add_argument("--kinds", default="middling,bad", help="of the sets that are made, with commas between them")
    parser.add_argument("--size", type=float, default=1.0, help="1 is 5,000 rows a side")
    options = parser.parse_args()
    kinds = options.kinds.split(",")
    results = {}
    with tempfile.TemporaryDirectory() as scratch:
        for name in kinds:
            made_sets.write(name, made_sets.KINDS[name].scaled(options.size), Path(scratch), seed=1)
            results[name] = measured(Path(scratch) / name)
    rows = []
    for name in HARDENINGS:
        mine = [results[kind][name] for kind in kinds]
        lost = [
            f"{f1:.4f} ({f1 - results[kind]['plain'][0]:+.4f})" for kind, (f1, _, _) in zip(kinds, mine, strict=True)
        ]
        rows.append((name, *lost, f"{mine[0][1]:.1f}", f"{100 * mine[0][2]:.0f} %"))
    draw([("hardening", *(f"F1 best, {kind}" for kind in kinds), "us a row", "bits set"), *rows])
    for name in list(HARDENINGS)[1:]:
        worst = min(results[kind][name][0] - results[kind]["plain"][0] for kind in kinds)
        in_short(f"{name}: F1 {worst:+.4f} to plain CLKs at worst, {results[kinds[0]][name][1]:.1f} us a row")


if __name__ == "__main__":
    main()
