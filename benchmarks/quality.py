"""F1 at the threshold chosen without labels, and at the best, next to Splink 5 in the clear on the same files.

    python -m benchmarks.quality [--sets FOLDER] [--only NAMES] [--setup careful] [--size 1] [--seeds 1]
        [--peer EARLIER.json] [--out FIGURES.json]

Without `--sets` it makes its own (made_sets.py) and takes FEBRL's public files from the peer's environment. A set is a
folder with a.csv and b.csv, or a.csv alone, in which duplicates are found; its column `entity_id` is the truth, of
which both are told for the figures only. Splink runs with tight rules, which a million records a side can afford, and
with wide ones, each field alone beside them; its set-ups are told in peers/splink_model.py. Seconds are of whole
commands, files to links. `own` is Splink's match probability of 0.5, for groups 0.95.
"""

from __future__ import annotations

import argparse
import json
import os
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path
from statistics import fmean
from typing import Any

from benchmarks import made_sets
from benchmarks.processes import in_short

ROOT = Path(__file__).resolve().parents[1]
PEERS = Path(os.environ.get("BENCH_VENV", ROOT / "build" / "bench-venv")) / "bin" / "python"
TRUTH = "entity_id"
SETUPS = ("library", "careful")
HEAD = ("set", "rows", "ours own / best", "seeds", "tight own / best", "wide own / best", "+own", "+best", "+wide")
MORE = ("est. P", "est. R", "time", "MB ours / peer")
Figures = dict[str, Any]


def ours(files: list[Path], seeds: int = 1) -> Figures:
    """What `exchange trial` tells of a set, the mean over the seeds. The one place that knows its words."""
    words = [str(Path(sys.executable).with_name("exchange")), "trial", *map(str, files), "--truth", TRUTH, "--json"]
    told = [json.loads(_output([*words, "--seed", str(seed)])) for seed in range(1, seeds + 1)]
    names = ("precision", "recall", "f1", "best_f1", "estimated_precision", "estimated_recall", "seconds", "peak_mb")
    figures: Figures = {name: round(fmean(one[name] for one in told), 6) for name in names}
    for name in ("precision", "recall"):
        intervals = [(one[f"{name}_interval"], one[name]) for one in told]
        figures[f"{name}_held"] = sum(low <= measured <= high for (low, high), measured in intervals)
    return figures | {"f1_of_seeds": [one["f1"] for one in told]}


def splink(files: list[Path], setup: str, rules: str, seed: int) -> Figures:
    """What the peer makes of it, in its own environment."""
    with tempfile.TemporaryDirectory() as folder:
        out = Path(folder) / "figures.json"
        options = ["--setup", setup, "--rules", rules, "--seed", str(seed), "--out", str(out)]
        _output([str(PEERS), "-m", "benchmarks.peers.splink_link", *map(str, files), *options])
        figures: Figures = json.loads(out.read_text())
    return figures


def _output(words: list[str]) -> str:
    done = subprocess.run(words, cwd=ROOT, capture_output=True, text=True, check=False)
    if done.returncode:
        raise SystemExit(f"{' '.join(words)}\n{done.stderr[-2000:]}")
    return done.stdout


def compare(name: str, files: list[Path], setup: str, seed: int, seeds: int, known: Figures | None = None) -> Figures:
    """One set, both tools; what the peer makes of it may be known."""
    tight, wide = (known[rules] if known else splink(files, setup, rules, seed) for rules in ("tight", "wide"))
    return {"set": name, "rows": tight["rows"], "ours": ours(files, seeds), "tight": tight, "wide": wide}


def row(figures: Figures) -> tuple[str, ...]:
    """The set's line of the table; differences are of F1, ours less the peer's."""
    mine, tight, wide = figures["ours"], figures["tight"], figures["wide"]
    return (
        figures["set"],
        " x ".join(f"{rows:,}" for rows in figures["rows"]),
        f"{mine['f1']:.4f} / {mine['best_f1']:.4f}",
        f"{max(mine['f1_of_seeds']) - min(mine['f1_of_seeds']):.4f}",
        f"{tight['own']['f1']:.4f} / {tight['best']['f1']:.4f}",
        f"{wide['own']['f1']:.4f} / {wide['best']['f1']:.4f}",
        f"{mine['f1'] - tight['own']['f1']:+.4f}",
        f"{mine['f1'] - tight['best']['f1']:+.4f}",
        f"{mine['f1'] - wide['best']['f1']:+.4f}",
        *(
            f"{mine[f'estimated_{name}'] - mine[name]:+.3f} ({mine[f'{name}_held']} of {len(mine['f1_of_seeds'])})"
            for name in ("precision", "recall")
        ),
        f"{tight['seconds'] / mine['seconds']:.1f}",
        f"{mine['peak_mb']:,.0f} / {tight['peak_mb']:,.0f}",
    )


def draw(rows: list[tuple[str, ...]]) -> None:
    """The table; `seeds` is how far two of them differ, and behind an estimate's error stands how many of them have an
    interval that holds the truth; `+own`, `+best` and `+wide` are our own threshold against Splink's own, best and wide
    best.
    """
    widths = [max(map(len, cells)) for cells in zip(*rows, strict=True)]
    for cells in rows:
        print("  ".join(cell.ljust(width) for cell, width in zip(cells, widths, strict=True)).rstrip(), flush=True)


def made(folder: Path, size: float, seed: int) -> None:
    """Our own sets and FEBRL's."""
    for name, kind in made_sets.KINDS.items():
        made_sets.write(name, kind.scaled(size), folder, seed)
    _output([str(PEERS), "-m", "benchmarks.peers.febrl", str(folder)])


def found(folder: Path, only: list[str]) -> Iterator[tuple[str, list[Path]]]:
    """Names and files of the sets in a folder."""
    for path in sorted(folder.iterdir()):
        files = [path / name for name in ("a.csv", "b.csv") if (path / name).exists()]
        if files and not (path / "c.csv").exists() and (not only or path.name in only):
            yield path.name, files


def main() -> None:
    """Parse, compare, print."""
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0] if __doc__ else "")
    parser.add_argument("--sets", type=Path, help="a folder of sets; without it they are made")
    parser.add_argument("--only", default="", help="names of sets, with commas between them")
    parser.add_argument("--setup", choices=SETUPS, default="careful", help="how Splink is set up")
    parser.add_argument("--size", type=float, default=1.0, help="of the sets that are made: 1 is 5,000 a side")
    parser.add_argument("--seed", type=int, default=1, help="of the sets that are made, and Splink's")
    parser.add_argument("--seeds", type=int, default=1, help="our figures are means over so many")
    parser.add_argument("--peer", type=Path, help="figures of an earlier run, of which Splink's are taken")
    parser.add_argument("--out", type=Path, help="where to write all figures, as JSON")
    options = parser.parse_args()
    if not PEERS.exists():
        raise SystemExit("Splink is not installed: make bench-venv")
    only = [name for name in options.only.split(",") if name]
    earlier = json.loads(options.peer.read_text()) if options.peer else []
    known = {figures["set"]: figures for figures in earlier}
    results = []
    with tempfile.TemporaryDirectory() as scratch:
        folder = options.sets or Path(scratch)
        if not options.sets:
            made(folder, options.size, options.seed)
        for name, files in found(folder, only):
            results.append(compare(name, files, options.setup, options.seed, options.seeds, known.get(name)))
            print(
                f"   {name}: {row(results[-1])[2]}, Splink {row(results[-1])[4]}, wide {row(results[-1])[5]}",
                flush=True,
            )
            if options.out:
                options.out.write_text(json.dumps(results, indent=1) + "\n")
    if not results:
        raise SystemExit("no such set")
    draw([(*HEAD, *MORE), *map(row, results)])
    ahead = sum(figures["ours"]["f1"] > figures["tight"]["own"]["f1"] for figures in results)
    best = sum(figures["ours"]["best_f1"] > figures["tight"]["best"]["f1"] for figures in results)
    lost = max(figures["ours"]["best_f1"] - figures["ours"]["f1"] for figures in results)
    in_short(
        f"{len(results)} sets: own threshold above Splink's own on {ahead}, best above its best on {best}; "
        f"the own threshold loses at most {lost:.4f} of F1"
    )


if __name__ == "__main__":
    main()
