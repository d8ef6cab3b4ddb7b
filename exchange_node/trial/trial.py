"""One trial, read top to bottom: read the files, link them, measure, and write what was found.

links.csv     row_a,row_b,score,probability; rows counted from 0 below the header: of one file, or two
groups.csv    group,file,row,probability: of one file, or three and more
report.html   quality of the files, threshold, estimates, what the fields are worth
map.yaml      which column was taken for which field, to be corrected and given back with --map
"""

from __future__ import annotations

import resource
import time
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import numpy as np

from exchange_node.engine.decide import Decision, decide
from exchange_node.engine.dedupe import dedupe
from exchange_node.engine.link import Progress, Watcher, link
from exchange_node.engine.link_many import link_many, people_of
from exchange_node.engine.plan import Planned
from exchange_node.engine.rehearse import THRESHOLDS
from exchange_node.linkage.dot import choose
from exchange_node.records.column_map import SIDES, write_maps
from exchange_node.records.register import Register, read_one, read_several
from exchange_node.trial.files import write_groups, write_links, write_text
from exchange_node.trial.measure import Measured, measure, measure_doubles, measure_groups
from exchange_node.trial.page import page
from exchange_node.trial.worth import Agreement, Linked


@dataclass(frozen=True, slots=True)
class Options:
    """What may be chosen. `every_pair`: compare all, or only those that share a key; by their number if None."""

    map_file: Path | None = None
    truth: str | None = None
    out: Path | None = None
    kernel: str = "native"
    seed: int = 1
    every_pair: bool | None = None


@dataclass(frozen=True, slots=True)
class Watch:
    """Who is told what on the way: the files as they were understood, the plan before it runs, and progress."""

    read: Callable[..., None]
    planned: Watcher
    progress: Progress


def run(paths: Sequence[Path], options: Options, watch: Watch) -> dict[str, Any]:
    """The figures as JSON types; files are written only at the end. Of one file doubles are looked for; three and more
    are grouped.

    Raises RecordsError, LinkageError, EncodingError.
    """
    began = time.monotonic()
    kernel = choose(options.kernel)
    watch.progress("reading the files", 0, 1)
    registers = _read(paths, options)
    truth = [register.column(options.truth) for register in registers] if options.truth else None
    watch.read(*registers)
    for register in registers:
        register.forget()
    found = (_pairs if len(paths) < 3 else _groups)(registers, truth, options, watch)
    document = mapping(registers) | {"method": "vectors", "kernel": kernel} | found.figures
    document["seconds"] = round(time.monotonic() - began, 2)
    document["peak_mb"] = round(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024, 1)
    if options.out is not None:
        options.out.mkdir(parents=True, exist_ok=True)
        found.write(options.out, document)
        write_text(options.out / "map.yaml", write_maps(dict(zip(SIDES, (r.map for r in registers), strict=False))))
    return document


@dataclass(frozen=True, slots=True)
class _Done:
    """What linking came to: its figures, and what writes them, with those of the whole trial, into a folder."""

    figures: dict[str, Any]
    write: Callable[[Path, dict[str, Any]], None]


def _pairs(registers: Sequence[Register], truth: list[list[str]] | None, options: Options, watch: Watch) -> _Done:
    """Two files, or one against itself."""
    columns, alone = [register.columns for register in registers], len(registers) == 1
    links = (dedupe if alone else link)(
        *columns,
        seed=options.seed,
        kernel=options.kernel,
        every_pair=options.every_pair,
        planned=watch.planned,
        progress=watch.progress,
    )
    linked = Linked(links.left, links.right, links.probability, links.parties)
    agreement = Agreement(links.weights, [linked])
    groups, likely = people_of(links) if alone else (np.empty(0, np.int64), np.empty(0))
    figures = {"rows_a": registers[0].rows, "rows_b": registers[-1].rows, "links": len(links)}
    if alone:
        figures["groups"] = int(np.sum(np.bincount(groups) > 1))
    figures |= {"threshold": round(links.decision.threshold, 4)} | _estimates([links.decision])
    figures |= {"uncertain": links.decision.uncertain, "compared": links.compared} | _how(links.planned, agreement)
    if truth is not None and alone:
        measured = measure_doubles(links, *truth)
        figures |= _rounded(measured | {"pairs_f1": measured["f1"]} | measure_groups([groups], truth))
    elif truth is not None:
        figures |= _rounded(measure(links, *truth))

    def write(folder: Path, document: dict[str, Any]) -> None:
        write_links(folder / "links.csv", links.left, links.right, links.score, links.probability)
        if alone:
            write_groups(folder / "groups.csv", [groups], [likely])
        threshold, scores = links.decision.threshold, links.candidates.scores
        write_text(folder / "report.html", page(registers, scores, threshold, links.estimate, agreement, document))

    return _Done(figures, write)


def _groups(registers: Sequence[Register], truth: list[list[str]] | None, options: Options, watch: Watch) -> _Done:
    """Three files and more."""
    found = link_many(
        [register.columns for register in registers],
        seed=options.seed,
        kernel=options.kernel,
        every_pair=options.every_pair,
        planned=watch.planned,
        progress=watch.progress,
    )
    linked = [one.linked() for one in found.comparisons]
    agreement = Agreement(
        found.weights, [Linked(*pairs, one.parties) for pairs, one in zip(linked, found.comparisons, strict=True)]
    )
    sizes = np.bincount(np.concatenate(found.groups))
    decisions = [decide(explained) for explained in found.estimates]
    together = np.concatenate(found.probability)
    figures = {
        "rows": [register.rows for register in registers],
        "links": sum(len(left) for left, _, _ in linked),
        "groups": int(np.sum(sizes > 1)),
        "grouped_rows": int(np.sum(sizes[sizes > 1])),
        "comparisons": [
            {
                "files": "".join(SIDES[number] for number in one.numbers),
                "links": len(left),
                "threshold": round(one.threshold, 4),
            }
            for one, (left, _, _) in zip(found.comparisons, linked, strict=True)
        ],
    }
    figures |= _estimates(
        decisions,
        [
            float(explained.linked[np.searchsorted(THRESHOLDS, decision.threshold)])
            for explained, decision in zip(found.estimates, decisions, strict=True)
        ],
    )
    figures |= {"uncertain": int(np.sum(together < 0.9)), "compared": found.compared} | _how(found.planned, agreement)
    if truth is not None:
        figures |= _rounded(measure_groups(found.groups, truth))

    def write(folder: Path, document: dict[str, Any]) -> None:
        write_groups(folder / "groups.csv", found.groups, found.probability)
        between = [one for one in found.comparisons if one.numbers[0] != one.numbers[1]]
        scores = np.concatenate([one.pairs.scores for one in between])
        write_text(
            folder / "report.html",
            page(registers, scores, decisions[0].threshold, found.estimates[0], agreement, document),
        )

    return _Done(figures, write)


def understood(paths: Sequence[Path], options: Options) -> dict[str, Any]:
    """How the files would be read, and their quality; nothing is linked."""
    registers = _read(paths, options)
    if options.truth:
        for register in registers:
            register.column(options.truth)
    return mapping(registers)


def mapping(registers: Sequence[Register]) -> dict[str, Any]:
    """Which column was taken for which field, and the quality of each file."""
    sides = dict(zip(SIDES, registers, strict=False))
    return {
        "map": {side: register.map.as_dict() for side, register in sides.items()},
        "ignored": {side: dict(register.map.ignored) for side, register in sides.items()},
        "quality": {side: register.report.to_json() for side, register in sides.items()},
    }


def _read(paths: Sequence[Path], options: Options) -> tuple[Register, ...]:
    exclude = frozenset((options.truth,)) if options.truth else frozenset()
    if len(paths) == 1:
        return (read_one(paths[0], options.map_file, exclude),)
    return read_several(paths, options.map_file, exclude)


def _estimates(decisions: Sequence[Decision], linked: Sequence[float] = (1.0,)) -> dict[str, Any]:
    """What is to be expected, of kinds of pairs together: their precision by how many are linked, their recall by how
    many there are.
    """
    shared = [decision.shared for decision in decisions]

    def mean(name: str, weights: Sequence[float]) -> float:
        values = [getattr(decision, name) for decision in decisions]
        return round(float(np.average(values, weights=weights if sum(weights) else None)), 6)

    return {
        "estimated_precision": mean("precision", linked),
        "precision_interval": [mean("precision_low", linked), mean("precision_high", linked)],
        "estimated_recall": mean("recall", shared),
        "recall_interval": [mean("recall_low", shared), mean("recall_high", shared)],
        "estimated_shared": round(sum(shared)),
    }


def _how(plan: Planned, agreement: Agreement) -> dict[str, Any]:
    return {
        "plan": {"pairs": plan.pairs, "expected_loss": round(plan.loss, 6), "keys": list(plan.keys)},
        "fields": [asdict(field) for field in agreement.fields()],
    }


def _rounded(found: Measured) -> dict[str, Any]:
    return {name: value if name == "true_pairs" else round(value, 6) for name, value in found.items()}
