"""What each part of the engine is worth: F1 on each set with one part left out, next to the whole.

    python -m benchmarks.ablations [--sets FOLDER] [--only NAMES] [--parts NAMES] [--seeds 3] [--size 1] [--out FILE]

The peer is the engine as it is, in the same run. A number is the mean over the seeds of what F1 loses, in points of a
hundred; the last line says how far two seeds of the whole differ. Differences below .1 points are noise.
"""

from __future__ import annotations

import argparse
import json
import tempfile
from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from benchmarks import made_sets
from benchmarks.processes import Figures, in_a_process, in_short
from benchmarks.quality import TRUTH, draw, found
from exchange_node.encoding import vector_schema
from exchange_node.encoding.vector_schema import VectorSchema
from exchange_node.encoding.vectors import Weights
from exchange_node.engine import damage, link, party
from exchange_node.engine.decide import Decision, Estimate, decide
from exchange_node.records.register import read_pair
from exchange_node.trial.measure import measure

SCHEMA_FOR = vector_schema.schema_for


def without_features(unwanted: Callable[[str], bool]) -> None:
    """Some features are not there, nor the blocks that no other one needs."""

    def schema_for(kinds: Sequence[tuple[str, str]], *, within: bool = False) -> VectorSchema:
        whole = SCHEMA_FOR(kinds, within=within)
        features = tuple(feature for feature in whole.features if not unwanted(feature.name))
        used = {name for feature in features for pair in feature.pairs for name in pair}
        return VectorSchema(tuple(block for block in whole.blocks if block.name in used), features)

    link.schema_for = schema_for  # type: ignore[attr-defined]


def no_mining() -> None:
    """Strangers at random teach the weights, look-alikes do not."""
    party.Party.mine = lambda *_: None  # type: ignore[method-assign]


def no_raking() -> None:
    """The error model is believed as it is."""
    party.Party.rake = lambda *_: None  # type: ignore[method-assign]


def one_proneness() -> None:
    """All records are as prone to mistakes as the others."""
    damage.PRONENESS = ((1.0, 1.0),)  # type: ignore[assignment]


def doubles_are_strangers() -> None:
    """Look-alikes count in full, though some are doubles of the same person."""

    def nobody(self: party.Party, pairs: NDArray[np.float32]) -> NDArray[np.float64]:
        return np.repeat([[0.0], [0.0], [1.0]], len(pairs), axis=1)

    party.Party.kinds = nobody  # type: ignore[method-assign]


def relatives_in_full() -> None:
    """Relatives teach the weights as if none had a link of its own."""
    party.Party.balance = lambda *_: None  # type: ignore[method-assign]


def one_register() -> None:
    """The left party's weights alone, not the mean of both."""

    def alone(parties: Sequence[party.Party]) -> Weights:
        left, *_ = [one.fit() for one in parties]  # each has to know its own doubles all the same
        return left

    link.together = alone


def at_even_odds() -> None:
    """The threshold at which the weights call a pair of unknown rows as likely one person as not."""

    def even(found: Estimate, least: float = 0.0) -> Decision:
        return replace(decide(found, least), threshold=0.0)

    link.decide = even  # type: ignore[attr-defined]


PARTS: dict[str, Callable[[], None]] = {
    "the whole": lambda: None,
    "rarity": lambda: without_features(lambda name: name.endswith(", rare") and " and " not in name),
    "names and dates swapped": lambda: without_features(lambda name: " as " in name or "swapped" in name),
    "two fields together": lambda: without_features(lambda name: " and " in name and "swapped" not in name),
    "sounds": lambda: without_features(lambda name: name.endswith(" sounds")),
    "missing values": lambda: without_features(lambda name: name.endswith(" compared")),
    "parts of dates": lambda: without_features(lambda name: name.endswith((" year", " year-digits", " month", " day"))),
    "look-alikes": no_mining,
    "doubles told apart": doubles_are_strangers,
    "relatives as among the pairs": relatives_in_full,
    "raking": no_raking,
    "uneven proneness": one_proneness,
    "both parties": one_register,
    "the threshold": at_even_odds,
}


def measured(files: list[Path], part: str, seed: int) -> Figures:
    """One set without one part."""
    PARTS[part]()
    registers = read_pair(files[0], files[1], None, frozenset((TRUTH,)))
    links = link.link(*(register.columns for register in registers), seed=seed)
    return measure(links, *(register.column(TRUTH) for register in registers))


def run(sets: Iterator[tuple[str, list[Path]]], parts: list[str], seeds: int) -> Iterator[tuple[str, dict[str, Any]]]:
    """Each set with, for each part, the F1 of each seed at its own threshold and at the best one."""
    for name, files in sets:
        figures: dict[str, Any] = {}
        for part in parts:
            done = [in_a_process(measured, files, part, seed) for seed in range(1, seeds + 1)]
            figures[part] = {"f1": [one["f1"] for one in done], "best_f1": [one["best_f1"] for one in done]}
            print(f"   {name}, without {part}: {[round(one['f1'], 4) for one in done]}", flush=True)
        yield name, figures


def table(results: dict[str, dict[str, Any]], parts: list[str]) -> list[tuple[str, ...]]:
    """A line for each part, a column for each set."""
    whole = {name: float(np.mean(figures[parts[0]]["f1"])) for name, figures in results.items()}
    rows: list[tuple[str, ...]] = [("F1 lost without, in points", *results)]
    rows.append((parts[0], *(f"{whole[name]:.4f}" for name in results)))
    for part in parts[1:]:
        lost = (100 * (whole[name] - float(np.mean(figures[part]["f1"]))) for name, figures in results.items())
        rows.append((part, *(f"{one:.2f}" for one in lost)))
    spread = (100 * float(np.ptp(figures[parts[0]]["f1"])) for figures in results.values())
    rows.append(("(between seeds)", *(f"{one:.2f}" for one in spread)))
    return rows


def main() -> None:
    """Parse, measure, print."""
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0] if __doc__ else "")
    parser.add_argument("--sets", type=Path, help="a folder of sets; without it they are made")
    parser.add_argument("--only", default="", help="names of sets, with commas between them")
    parser.add_argument("--parts", default="", help="names of parts, with commas between them")
    parser.add_argument("--seeds", type=int, default=2)
    parser.add_argument("--size", type=float, default=1.0, help="of the sets that are made: 1 is 5,000 a side")
    parser.add_argument("--out", type=Path, help="where to write all figures, as JSON")
    options = parser.parse_args()
    only = [name for name in options.only.split(",") if name]
    parts = [next(iter(PARTS)), *(name for name in options.parts.split(",") if name)]
    parts = parts if len(parts) > 1 else list(PARTS)
    with tempfile.TemporaryDirectory() as scratch:
        folder = options.sets or Path(scratch)
        if not options.sets:
            for name in only or ("middling", "bad", "no-date", "few-shared"):
                made_sets.write(name, made_sets.KINDS[name].scaled(options.size), folder, seed=1)
        results = {}
        for name, figures in run((one for one in found(folder, only) if len(one[1]) == 2), parts, options.seeds):
            results[name] = figures
            if options.out:
                options.out.write_text(json.dumps(results, indent=1))
    if not results:
        raise SystemExit("no such set")
    draw(table(results, parts))
    for part in parts[1:]:
        lost = [100 * float(np.mean(one[parts[0]]["f1"]) - np.mean(one[part]["f1"])) for one in results.values()]
        in_short(f"without {part}: {min(lost):.2f} to {max(lost):.2f} points of F1 lost")


if __name__ == "__main__":
    main()
