"""How far a trial's scores and probabilities can be believed: against the truth, on one made set.

    python -m benchmarks.calibration [--set FOLDER] [--kind middling] [--rows 10000] [--out FIGURES.json]

One-to-one pairs by score, right and wrong ones, and the pairs by probability, a tenth at a time, with the share of them
that is right. `off` is the mean distance of both, weighed by pairs (expected calibration error, Naeini 2015).
"""

from __future__ import annotations

import argparse
import json
import tempfile
from dataclasses import replace
from pathlib import Path
from typing import Any, Final

import numpy as np

from benchmarks import made_sets
from benchmarks.processes import in_short
from benchmarks.quality import TRUTH, draw
from exchange_node.engine.decide import posterior
from exchange_node.engine.link import link
from exchange_node.records.register import read_pair

EDGES: Final = np.linspace(-15, 45, 61)
TENTHS: Final = np.array([0, 0.1, 0.2, 0.3, 0.4, 0.5, 0.6, 0.7, 0.8, 0.9, 0.99, 1.0])


def measured(file_a: Path, file_b: Path) -> dict[str, Any]:
    """Counts of right and wrong pairs by score, and by probability."""
    registers = read_pair(file_a, file_b, None, frozenset((TRUTH,)))
    links = link(*(register.columns for register in registers))
    left, right = (np.array(register.column(TRUTH)) for register in registers)
    found = links.candidates
    good = left[found.left] == right[found.right]
    likely = posterior(links.estimate, found.scores)
    place = np.clip(np.searchsorted(TENTHS, likely, "right") - 1, 0, len(TENTHS) - 2)
    return {
        "threshold": links.decision.threshold,
        "edges": EDGES.tolist(),
        "right": np.histogram(found.scores[good], EDGES)[0].tolist(),
        "wrong": np.histogram(found.scores[~good], EDGES)[0].tolist(),
        "pairs": np.bincount(place, minlength=len(TENTHS) - 1).tolist(),
        "told": [float(likely[place == at].mean()) if (place == at).any() else None for at in range(len(TENTHS) - 1)],
        "found": [float(good[place == at].mean()) if (place == at).any() else None for at in range(len(TENTHS) - 1)],
    }


def main() -> None:
    """Parse, measure, print."""
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0] if __doc__ else "")
    parser.add_argument("--set", type=Path, help="a folder with a.csv and b.csv; without it a set is made")
    parser.add_argument("--kind", choices=made_sets.KINDS, default="middling")
    parser.add_argument("--rows", type=int, default=10_000)
    parser.add_argument("--out", type=Path, help="where to write all figures, as JSON")
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as scratch:
        folder = options.set or Path(scratch) / "made"
        if options.set is None:
            kind = replace(made_sets.KINDS[options.kind], left=options.rows, right=options.rows)
            made_sets.write("made", kind, Path(scratch), seed=1)
        figures = measured(folder / "a.csv", folder / "b.csv")
    if options.out:
        options.out.write_text(json.dumps(figures, indent=1) + "\n")
    bins = [
        (f"{low:.2f} to {high:.2f}", f"{pairs:,}", f"{told:.3f}", f"{right:.3f}")
        for low, high, pairs, told, right in zip(
            TENTHS, TENTHS[1:], figures["pairs"], figures["told"], figures["found"], strict=False
        )
        if pairs
    ]
    draw([("probability", "pairs", "told", "right"), *bins])
    off = sum(
        pairs * abs(told - right)
        for pairs, told, right in zip(figures["pairs"], figures["told"], figures["found"], strict=True)
        if pairs
    ) / sum(figures["pairs"])
    in_short(f"probabilities are off by {100 * off:.2f} points on average")


if __name__ == "__main__":
    main()
