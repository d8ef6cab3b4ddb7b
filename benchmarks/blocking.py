"""What keys miss: the links of a full comparison whose rows share none of the keys that a plan would choose.

    python -m benchmarks.blocking [--sets FOLDER] [--only NAMES] [--size 2]

The peer is the full comparison; its links are those at its own threshold. The plan is the one that a linkage by keys
makes, of weights that have seen no pair yet; `foretold` is what it expects to find. Most links that keys miss may be
wrong ones, which share a rare surname and little else; `right ones` tells what is lost of the others. Sets as in
quality.py; size 2 is 10,000 rows a side.
"""

from __future__ import annotations

import argparse
import tempfile
import time
from pathlib import Path

import numpy as np

from benchmarks import made_sets
from benchmarks.processes import Figures, in_a_process, in_short
from benchmarks.quality import TRUTH, draw, found
from exchange_node.engine.link import link
from exchange_node.engine.search import candidates
from exchange_node.records.register import read_pair

HEAD = (
    *("set", "rows", "links", "of them by keys", "right ones", "foretold"),
    *("pairs a row", "keys", "seconds, all", "by keys", "MB"),
)


def measure(files: list[Path]) -> Figures:
    """Both ways, on one set."""
    registers = read_pair(files[0], files[1], None, frozenset((TRUTH,)))
    begun = time.monotonic()
    links = link(*(register.columns for register in registers), every_pair=True)
    full = time.monotonic() - begun
    planned = link(*(register.columns for register in registers), every_pair=False).planned
    left, right = (party.side for party in links.parties)
    begun = time.monotonic()
    among = candidates(left, np.arange(left.rows), right, np.arange(right.rows), planned.plan)
    keyed = time.monotonic() - begun
    there = [other in among.of(row, row + 1).ids for row, other in zip(links.left, links.right, strict=True)]
    one, other = (register.column(TRUTH) for register in registers)
    right_ones = [one[at] == other[to] for at, to in zip(links.left, links.right, strict=True)]
    return {
        "left": left.rows,
        "right": right.rows,
        "links": len(links),
        "found": float(np.mean(there)),
        "found_right": float(np.mean(np.array(there)[right_ones])),
        "foretold": 1 - planned.loss,
        "pairs": len(among) / left.rows,
        "keys": len(planned.plan.keys),
        "full": full,
        "keyed": keyed,
    }


def row(name: str, figures: Figures) -> tuple[str, ...]:
    """The set's line of the table."""
    return (
        name,
        f"{figures['left']:,} x {figures['right']:,}",
        f"{figures['links']:,.0f}",
        f"{100 * figures['found']:.2f} %",
        f"{100 * figures['found_right']:.2f} %",
        f"{100 * figures['foretold']:.2f} %",
        f"{figures['pairs']:.1f}",
        f"{figures['keys']:.0f}",
        f"{figures['full']:.1f}",
        f"{figures['keyed']:.1f}",
        f"{figures['megabytes']:,.0f}",
    )


def main() -> None:
    """Parse, measure, print."""
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0] if __doc__ else "")
    parser.add_argument("--sets", type=Path, help="a folder of sets; without it they are made")
    parser.add_argument("--only", default="", help="names of sets, with commas between them")
    parser.add_argument("--size", type=float, default=2.0, help="of the sets that are made: 1 is 5,000 a side")
    options = parser.parse_args()
    only = [name for name in options.only.split(",") if name]
    results = {}
    with tempfile.TemporaryDirectory() as scratch:
        folder = options.sets or Path(scratch)
        if not options.sets:
            for name, kind in made_sets.KINDS.items():
                if not only or name in only:
                    made_sets.write(name, kind.scaled(options.size), folder, seed=1)
        for name, files in found(folder, only):
            if len(files) == 2:
                results[name] = in_a_process(measure, files)
                print(f"   {name}: {100 * results[name]['found']:.2f} %", flush=True)
    if not results:
        raise SystemExit("no such set")
    draw([HEAD, *(row(name, figures) for name, figures in results.items())])
    worst = min(results, key=lambda name: results[name]["found"])
    in_short(f"keys find at least {100 * results[worst]['found']:.2f} % of the links of all pairs ({worst})")


if __name__ == "__main__":
    main()
