"""One trial, read top to bottom: read two files, link them, measure, and write what was found.

links.csv     row_a,row_b,score,probability; rows counted from 0 below the header
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

from exchange_node.engine.dedupe import dedupe
from exchange_node.engine.link import Links, Progress, Watcher, link
from exchange_node.linkage.dot import choose
from exchange_node.records.column_map import write_maps
from exchange_node.records.register import Register, read_one, read_pair
from exchange_node.trial.files import write_links, write_text
from exchange_node.trial.measure import measure, measure_doubles
from exchange_node.trial.page import page
from exchange_node.trial.worth import Agreement


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


def run(path_a: Path, path_b: Path | None, options: Options, watch: Watch) -> dict[str, Any]:
    """The figures as JSON types; files are written only at the end. Without a second file, doubles within the first.

    Raises RecordsError, LinkageError, EncodingError.
    """
    began = time.monotonic()
    kernel = choose(options.kernel)
    watch.progress("reading the files", 0, 1)
    registers = _read(path_a, path_b, options)
    truth = [register.column(options.truth) for register in registers] if options.truth else None
    watch.read(*registers)
    for register in registers:
        register.forget()
    columns = [register.columns for register in registers]
    links = (link if path_b else dedupe)(
        *columns,
        seed=options.seed,
        kernel=kernel,
        every_pair=options.every_pair,
        planned=watch.planned,
        progress=watch.progress,
    )
    agreement = Agreement(links, columns[0], columns[-1])
    document = mapping(registers) | _figures(registers, links, agreement, kernel)
    if truth is not None:
        found = measure(links, *truth) if path_b else measure_doubles(links, *truth)
        document |= {name: value if name == "true_pairs" else round(value, 6) for name, value in found.items()}
    document["seconds"] = round(time.monotonic() - began, 2)
    document["peak_mb"] = round(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024, 1)
    if options.out is not None:
        options.out.mkdir(parents=True, exist_ok=True)
        write_links(options.out / "links.csv", links.left, links.right, links.score, links.probability)
        write_text(options.out / "report.html", page(registers, links, agreement, document))
        write_text(options.out / "map.yaml", write_maps(dict(zip("ab", (r.map for r in registers), strict=False))))
    return document


def understood(path_a: Path, path_b: Path | None, options: Options) -> dict[str, Any]:
    """How the files would be read, and their quality; nothing is linked."""
    registers = _read(path_a, path_b, options)
    if options.truth:
        for register in registers:
            register.column(options.truth)
    return mapping(registers)


def mapping(registers: Sequence[Register]) -> dict[str, Any]:
    """Which column was taken for which field, and the quality of each file."""
    sides = dict(zip("ab", registers, strict=False))
    return {
        "map": {side: register.map.as_dict() for side, register in sides.items()},
        "ignored": {side: dict(register.map.ignored) for side, register in sides.items()},
        "quality": {side: register.report.to_json() for side, register in sides.items()},
    }


def _read(path_a: Path, path_b: Path | None, options: Options) -> tuple[Register, ...]:
    exclude = frozenset((options.truth,)) if options.truth else frozenset()
    if path_b is None:
        return (read_one(path_a, options.map_file, exclude),)
    return read_pair(path_a, path_b, options.map_file, exclude)


def _figures(registers: Sequence[Register], links: Links, agreement: Agreement, kernel: str) -> dict[str, Any]:
    decision, plan = links.decision, links.planned
    return {
        "method": "vectors",
        "kernel": kernel,
        "rows_a": registers[0].rows,
        "rows_b": registers[-1].rows,
        "links": len(links),
        "threshold": round(decision.threshold, 4),
        "estimated_precision": round(decision.precision, 6),
        "precision_interval": [round(decision.precision_low, 6), round(decision.precision_high, 6)],
        "estimated_recall": round(decision.recall, 6),
        "recall_interval": [round(decision.recall_low, 6), round(decision.recall_high, 6)],
        "estimated_shared": round(decision.shared),
        "uncertain": decision.uncertain,
        "compared": links.compared,
        "plan": {"pairs": plan.pairs, "expected_loss": round(plan.loss, 6), "keys": list(plan.keys)},
        "fields": [asdict(field) for field in agreement.fields()],
    }
