"""How time and memory grow with the registers, next to Splink 5 in the clear with tight rules: files to links.

    python -m benchmarks.growth [--rows 100000,300000] [--sets FOLDER] [--peer 1000000]

Without `--sets` the registers are made, as `middling` of made_sets.py. `--sets`: a folder of sets, as of quality.py;
all are run, the smallest first. Beyond `--peer` rows a side Splink is left out: at a million it takes 15 GB.
"""

from __future__ import annotations

import argparse
import json
import tempfile
from dataclasses import replace
from pathlib import Path

from benchmarks import made_sets
from benchmarks.processes import in_short
from benchmarks.quality import SETUPS, Figures, draw, found, ours, splink

HEAD = ("set", "rows", "seconds", "us a row", "MB", "F1 own / best", "Splink: seconds", "MB", "F1 own / best", "ratio")


def row(name: str, rows: int, own: Figures, peer: Figures | None) -> tuple[str, ...]:
    """The line of one size."""
    mine = (
        f"{own['seconds']:.1f}",
        f"{1e6 * own['seconds'] / rows:.1f}",
        f"{own['peak_mb']:,.0f}",
        f"{own['f1']:.4f} / {own['best_f1']:.4f}",
    )
    if peer is None:
        return (name, f"{rows:,}", *mine, "-", "-", "-", "-")
    theirs = (
        f"{peer['seconds']:.1f}",
        f"{peer['peak_mb']:,.0f}",
        f"{peer['own']['f1']:.4f} / {peer['best']['f1']:.4f}",
    )
    return (name, f"{rows:,}", *mine, *theirs, f"{peer['seconds'] / own['seconds']:.1f}")


def lines(file: Path) -> int:
    """Rows of a file, below its header."""
    with file.open("rb") as stream:
        return sum(1 for _ in stream) - 1


def main() -> None:
    """Parse, measure, print."""
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0] if __doc__ else "")
    parser.add_argument("--rows", default="100000,300000", help="rows a side, with commas between them")
    parser.add_argument("--sets", type=Path, help="a folder of sets; without it they are made")
    parser.add_argument("--only", default="", help="names of sets, with commas between them")
    parser.add_argument("--peer", type=int, default=350_000, help="the most rows a side that Splink gets")
    parser.add_argument("--setup", choices=SETUPS, default="library", help="how Splink is set up")
    parser.add_argument("--out", type=Path, help="where to write all figures, as JSON")
    options = parser.parse_args()
    table, figures = [], []
    with tempfile.TemporaryDirectory() as scratch:
        folder = options.sets or Path(scratch)
        if not options.sets:
            kind = made_sets.KINDS["middling"]
            for rows in map(int, options.rows.split(",")):
                made_sets.write(f"made-{rows}", replace(kind, left=rows, right=rows), folder, seed=1)
        only = [name for name in options.only.split(",") if name]
        sets = [(lines(files[0]), name, files) for name, files in found(folder, only)]
        for rows, name, files in sorted(sets, key=lambda one: one[:2]):
            peer = splink(files, options.setup, "tight", 1) if rows <= options.peer else None
            own = ours(files)
            table.append(row(name, rows, own, peer))
            figures.append({"set": name, "rows": rows, "ours": own, "peer": peer})
            if options.out:
                options.out.write_text(json.dumps(figures, indent=1) + "\n")
            print("   " + "  ".join(table[-1]), flush=True)
    if not table:
        raise SystemExit("no such set")
    draw([HEAD, *table])
    for line in table:
        in_short(f"{line[1]} rows a side: {line[2]} s, {line[4]} MB, ratio to Splink {line[-1]}")


if __name__ == "__main__":
    main()
