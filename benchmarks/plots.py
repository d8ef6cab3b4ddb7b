"""Draws the plots of docs/plots from the figures in benchmarks/figures: `make plots`.

Needs matplotlib, which the peers' environment has. What quality, growth and calibration measured with `--out` lies in
benchmarks/figures. A plot names the digest of what it was drawn from, which a test compares.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parents[1]
FIGURES, PLOTS = ROOT / "benchmarks" / "figures", ROOT / "docs" / "plots"
OURS, PEER, WIDE, BAD = "#1b7f5c", "#2b5fb3", "#9aa5b1", "#b00020"
NAMES = {"f1-by-set": "quality", "estimates": "quality", "growth": "growth", "scores": "calibration",
         "calibration": "calibration"}  # fmt: skip
"""Each plot and the figures that it is drawn from."""


def digest(name: str) -> str:
    """Of the figures and this file, as a plot names it."""
    both = Path(__file__).read_bytes() + (FIGURES / f"{NAMES[name]}.json").read_bytes()
    return f"drawn from sha256 {hashlib.sha256(both).hexdigest()}"


def f1_by_set(axes: Any, sets: list[dict[str, Any]]) -> None:
    """A line for each set: F1 at the own threshold, Splink's own, best, and best with wide blocking."""
    sets = sorted(sets, key=lambda one: one["ours"]["f1"])
    places = range(len(sets))
    axes.scatter([one["wide"]["best"]["f1"] for one in sets], places, marker="|", s=120, color=WIDE,
                 label="Splink, wide blocking, best threshold")  # fmt: skip
    axes.scatter([one["tight"]["best"]["f1"] for one in sets], places, facecolors="none", edgecolors=PEER,
                 label="Splink, best threshold")  # fmt: skip
    axes.scatter([one["tight"]["own"]["f1"] for one in sets], places, color=PEER, s=16, label="Splink, own threshold")
    axes.scatter([one["ours"]["f1"] for one in sets], places, color=OURS, label="trial, own threshold, no labels")
    axes.set_yticks(list(places), [one["set"] for one in sets])
    axes.set_xlabel("F1")
    axes.grid(axis="x", alpha=0.3)
    axes.legend(loc="lower left", fontsize=8)


def estimates(axes: Any, sets: list[dict[str, Any]]) -> None:
    """Estimated against measured precision and recall, a point a set."""
    for name, colour in (("precision", OURS), ("recall", PEER)):
        axes.scatter([one["ours"][name] for one in sets], [one["ours"][f"estimated_{name}"] for one in sets],
                     color=colour, label=name)  # fmt: skip
    low = min(one["ours"][name] for one in sets for name in ("precision", "recall", "estimated_recall")) - 0.01
    axes.plot([low, 1], [low, 1], color="#444", linewidth=0.8)
    axes.fill_between([low, 1], [low - 0.02, 0.98], [low + 0.02, 1.02], color=WIDE, alpha=0.3, label="within 2 points")
    axes.set(xlabel="measured", ylabel="estimated without labels", xlim=(low, 1.005), ylim=(low, 1.005))
    axes.legend(fontsize=8)


def growth(axes: Any, sizes: list[dict[str, Any]]) -> None:
    """Seconds and memory by rows a side, with the peer's."""
    memory = axes.twinx()
    for key, colour, name in (("ours", OURS, "trial"), ("peer", PEER, "Splink")):
        there = [one for one in sizes if one.get(key)]
        rows = [one["rows"] for one in there]
        axes.plot(rows, [one[key]["seconds"] for one in there], color=colour, marker="o", label=f"{name}, seconds")
        memory.plot(rows, [one[key]["peak_mb"] / 1000 for one in there], color=colour, linestyle=":", marker="s",
                    markersize=4, label=f"{name}, GB")  # fmt: skip
    axes.set(xscale="log", yscale="log", xlabel="rows a side", ylabel="seconds, files to links")
    memory.set(yscale="log", ylabel="GB")
    lines = [line for one in (axes, memory) for line in one.get_lines()]
    axes.legend(lines, [line.get_label() for line in lines], fontsize=8)


def scores(axes: Any, found: dict[str, Any]) -> None:
    """One-to-one pairs by score, right and wrong."""
    width = found["edges"][1] - found["edges"][0]
    places = [edge + width / 2 for edge in found["edges"][:-1]]
    axes.bar(places, found["right"], width, color=OURS, label="one person")
    axes.bar(places, found["wrong"], width, bottom=found["right"], color=BAD, label="two people")
    axes.axvline(found["threshold"], color="#444", linestyle="--", label="threshold, chosen without labels")
    axes.set(yscale="symlog", xlabel="evidence that a pair is one person (log odds)", ylabel="one-to-one pairs")
    axes.legend(fontsize=8)


def calibration(axes: Any, found: dict[str, Any]) -> None:
    """The share of right pairs by the probability that was told."""
    there = [at for at, pairs in enumerate(found["pairs"]) if pairs]
    axes.plot([0, 1], [0, 1], color="#444", linewidth=0.8)
    axes.plot([found["told"][at] for at in there], [found["found"][at] for at in there], color=OURS, marker="o")
    for at in there:
        axes.annotate(f"{found['pairs'][at]:,}", (found["told"][at], found["found"][at]), fontsize=7,
                      xytext=(4, -8), textcoords="offset points")  # fmt: skip
    axes.set(xlabel="probability told", ylabel="share that is one person", xlim=(0, 1.02), ylim=(0, 1.02))


DRAW: dict[str, Callable[[Any, Any], None]] = {
    "f1-by-set": f1_by_set,
    "estimates": estimates,
    "growth": growth,
    "scores": scores,
    "calibration": calibration,
}


def main() -> None:
    """Draw all."""
    import matplotlib  # type: ignore[import-not-found,unused-ignore]
    from matplotlib.figure import Figure  # type: ignore[import-not-found,unused-ignore]

    matplotlib.rcParams.update({"svg.hashsalt": "plots", "svg.fonttype": "none", "axes.spines.top": False})
    PLOTS.mkdir(exist_ok=True)
    for name, draw in DRAW.items():
        figure = Figure(figsize=(7.5, 4.5), layout="constrained")
        draw(figure.subplots(), json.loads((FIGURES / f"{NAMES[name]}.json").read_text()))
        metadata = {"Date": None, "Creator": None, "Description": digest(name)}
        figure.savefig(PLOTS / f"{name}.svg", metadata=metadata)
        print(PLOTS / f"{name}.svg")


if __name__ == "__main__":
    main()
