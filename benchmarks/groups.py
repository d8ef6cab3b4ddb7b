"""Five parties in groups: F1 at the threshold chosen without labels, and at the best, next to anonlink and Splink.

    python -m benchmarks.groups [--people 5000] [--parties 5] [--seed 1] [--only NAMES]

Parties each hold some of the same invented people, one in twenty of them twice (made_sets.py). F1 is of pairs of rows
of one group, of all parties. anonlink gets CLKs of `uk-person-1`, which are clkhash's bit for bit, all pairs of all
parties and within each from Dice 0.6 on, and the truth: of its two solvers for several parties, with and without
doubles within a party, the best at the best of all thresholds counts. Splink, where it is installed (`make
bench-venv`), has the files in the clear, as in `quality`. Every tool runs in a process of its own, files to groups;
anonlink's time is that of one threshold and solver.
"""

from __future__ import annotations

import argparse
import tempfile
import time
from array import array
from itertools import combinations_with_replacement
from pathlib import Path
from typing import Any

import numpy as np

from benchmarks import made_sets
from benchmarks.processes import Figures, in_a_process, in_short
from benchmarks.quality import PEERS, TRUTH, draw, splink

HEAD = ("set", "rows", "ours own / best", "anonlink best", "Splink own / best", "+anonlink", "+Splink",
        "s ours / anonlink / Splink", "MB")  # fmt: skip
LEAST = 0.6
SHIFTS = np.arange(-6.0, 10.1, 0.5)


def ours(files: list[Path], seed: int) -> Figures:
    """Files to groups; then what other thresholds would have given."""
    from exchange_node.engine.groups import group
    from exchange_node.engine.link_many import link_many
    from exchange_node.records.register import read_several
    from exchange_node.trial.measure import measure_groups

    begun = time.perf_counter()
    registers = read_several(files, exclude=frozenset((TRUTH,)))
    truth = [register.column(TRUTH) for register in registers]
    found = link_many([register.columns for register in registers], seed=seed)
    seconds = time.perf_counter() - begun
    own = measure_groups(found.groups, truth)
    starts = np.cumsum([0, *(register.rows for register in registers)])
    left, right, evidence = (
        np.concatenate(parts)
        for parts in zip(*((one.pairs.left + starts[one.numbers[0]], one.pairs.right + starts[one.numbers[1]],
                            one.pairs.scores - one.threshold) for one in found.comparisons), strict=True)
    )  # fmt: skip
    best = max(measure_groups([group(left, right, evidence - shift, int(starts[-1]))], truth)["f1"] for shift in SHIFTS)
    return own | {"best": best, "seconds": seconds}


def anonlink(files: list[Path], seed: int) -> Figures:
    """The best of both solvers over all thresholds."""
    from anonlink.solving import greedy_solve, probabilistic_greedy_solve

    from exchange_node.encoding.clk import clk_encoder
    from exchange_node.linkage.by_anonlink import Anonlink
    from exchange_node.records.columns import Column
    from exchange_node.records.register import read_several
    from exchange_node.trial.measure import measure_groups
    from tests.made_up_people import SCHEMA, key

    begun = time.perf_counter()
    registers = read_several(files, exclude=frozenset((TRUTH,)))
    filters = []
    for register in registers:
        missing = Column.of("", "text", [""] * register.rows)
        with clk_encoder(SCHEMA, key()) as encoder:
            filters.append(encoder.encode_columns([register.columns.get(name, missing) for name in SCHEMA.fields]))
    parts = []
    for one, other in combinations_with_replacement(range(len(files)), 2):
        pairs = Anonlink("anonlink-accelerated").against(filters[other], round(LEAST * 10_000))(filters[one], 20)
        pairs = pairs[(one != other) | (pairs["left"] < pairs["right"])]
        of_both = (np.full(len(pairs), number) for number in (one, other))
        parts.append((pairs["score"], *of_both, pairs["left"], pairs["right"]))
    scores, a, b, left, right = (np.concatenate(column) for column in zip(*parts, strict=True))
    order = np.argsort(-scores, kind="stable")
    scores, a, b, left, right = (column[order] for column in (scores, a, b, left, right))
    seconds = time.perf_counter() - begun
    truth = [register.column(TRUTH) for register in registers]
    tried = []
    for solver, doubles in ((greedy_solve, True), (greedy_solve, False), (probabilistic_greedy_solve, True),
                            (probabilistic_greedy_solve, False)):  # fmt: skip
        options = {"deduplicated": not doubles} if solver is probabilistic_greedy_solve else {}
        for threshold in np.arange(LEAST, 0.96, 0.01):
            used = (scores >= threshold) & (doubles | (a != b))
            solving = time.perf_counter()
            whole = (array("I", column[used].astype(np.uint32)) for column in (a, b, left, right))
            of_a, of_b, of_left, of_right = whole
            groups = solver((array("d", scores[used]), (of_a, of_b), (of_left, of_right)), **options)
            solved = time.perf_counter() - solving
            found = measure_groups(_numbered(groups, [register.rows for register in registers]), truth)
            tried.append(found | {"seconds": seconds + solved, "threshold": float(threshold)})
    best: dict[str, Any] = max(tried, key=lambda found: found["f1"])
    return best


def _numbered(groups: Any, rows: list[int]) -> list[np.ndarray]:
    """Each row's group, those of nobody's numbered beyond the others."""
    starts = np.cumsum([0, *rows])
    found = np.arange(starts[-1]) + len(groups)
    for number, members in enumerate(groups):
        for party, row in members:
            found[starts[party] + row] = number
    return np.split(found, starts[1:-1])


def row(name: str, rows: list[int], mine: Figures, theirs: Figures, other: dict[str, Any] | None) -> tuple[str, ...]:
    """A line of the table."""
    own, best = (other["own"]["f1"], other["best"]["f1"]) if other else (0.0, 0.0)
    return (
        name,
        " + ".join(f"{count:,}" for count in rows),
        f"{mine['f1']:.4f} / {mine['best']:.4f}",
        f"{theirs['f1']:.4f}",
        f"{own:.4f} / {best:.4f}" if other else "",
        f"{mine['f1'] - theirs['f1']:+.4f}",
        f"{mine['f1'] - own:+.4f}" if other else "",
        " / ".join(f"{one['seconds']:.1f}" for one in (mine, theirs, *([other] if other else []))),
        " / ".join(f"{megabytes:,.0f}" for megabytes in (mine["megabytes"], theirs["megabytes"],
                                                         *([other["peak_mb"]] if other else []))),
    )  # fmt: skip


def main() -> None:
    """Make the sets, let all group them, print."""
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0] if __doc__ else "")
    parser.add_argument("--people", type=int, default=5_000)
    parser.add_argument("--parties", type=int, default=5, choices=range(3, 9))
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--only", default="", help="names of sets, with commas between them")
    options = parser.parse_args()
    only = [name for name in options.only.split(",") if name] or list(made_sets.SEVERAL)
    lines, ahead = [], []
    with tempfile.TemporaryDirectory() as scratch:
        for name in only:
            folder = Path(scratch) / name
            error = made_sets.SEVERAL[name]
            files = made_sets.write_several(folder, error, options.people, options.parties, options.seed)
            mine = in_a_process(ours, files, options.seed)
            theirs = in_a_process(anonlink, files, options.seed)
            other = splink(files, "careful", "tight", options.seed) if PEERS.exists() else None
            rows = [sum(1 for _ in file.open()) - 1 for file in files]
            lines.append(row(name, rows, mine, theirs, other))
            ahead.append((mine["f1"] - theirs["f1"], mine["f1"] - other["own"]["f1"] if other else None))
    draw([HEAD, *lines])
    beaten = sum(one > 0 for one, _ in ahead)
    against = [one for _, one in ahead if one is not None]
    in_short(
        f"{len(lines)} sets of {options.parties} parties: own threshold above anonlink's best on {beaten}"
        + (f", above Splink's own on {sum(one > 0 for one in against)}" if against else "")
    )


if __name__ == "__main__":
    main()
