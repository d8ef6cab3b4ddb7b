"""One trial, read top to bottom: read two files, link them, measure, and write what was found.

    links.csv     row_a,row_b,score,probability; rows counted from 0 below the header
    report.html   quality of the files, threshold, estimates, what the fields are worth
    map.yaml      which column was taken for which field, to be corrected and given back with --map
"""

from __future__ import annotations

import resource
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from exchange_node.engine.link import Links, Progress, link
from exchange_node.engine.plan import Planned
from exchange_node.linkage.dot import choose
from exchange_node.records.column_map import write_maps
from exchange_node.records.register import Register, read_pair
from exchange_node.trial.files import write_links, write_text
from exchange_node.trial.measure import measure
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

    read: Callable[[Register, Register], None]
    planned: Callable[[Planned], None]
    progress: Progress


def run(path_a: Path, path_b: Path, options: Options, watch: Watch) -> dict[str, Any]:
    """The figures as JSON types; files are written only at the end. Raises RecordsError, LinkageError."""
    began = time.monotonic()
    kernel = choose(options.kernel)
    watch.progress("reading the files", 0, 1)
    exclude = frozenset((options.truth,)) if options.truth else frozenset()
    a, b = read_pair(path_a, path_b, options.map_file, exclude)
    truth = [register.column(options.truth) for register in (a, b)] if options.truth else None
    watch.read(a, b)
    plans: list[Planned] = []

    def planned(plan: Planned) -> None:
        plans.append(plan)
        watch.planned(plan)

    links = link(
        a.columns,
        b.columns,
        seed=options.seed,
        kernel=kernel,
        every_pair=options.every_pair,
        planned=planned,
        progress=watch.progress,
    )
    agreement = Agreement(links, a.columns, b.columns)
    document = _figures(a, b, links, agreement, plans[0], kernel)
    if truth is not None:
        found = measure(links, *truth)
        document |= {
            "true_pairs": found.pairs,
            "precision": round(found.precision, 6),
            "recall": round(found.recall, 6),
            "f1": round(found.f1, 6),
            "best_f1": round(found.best_f1, 6),
        }
    document["seconds"] = round(time.monotonic() - began, 2)
    document["peak_mb"] = round(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024, 1)
    if options.out is not None:
        options.out.mkdir(parents=True, exist_ok=True)
        write_links(options.out / "links.csv", links.left, links.right, links.score, links.probability)
        write_text(options.out / "report.html", page(a, b, links, agreement, document))
        write_text(options.out / "map.yaml", write_maps({"a": a.map, "b": b.map}))
    return document


def _figures(
    a: Register, b: Register, links: Links, agreement: Agreement, plan: Planned, kernel: str
) -> dict[str, Any]:
    decision = links.decision
    return {
        "method": "vectors",
        "kernel": kernel,
        "rows_a": a.rows,
        "rows_b": b.rows,
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
        "fields": [
            {
                "field": field.field,
                "agrees": field.agrees,
                "similar": field.similar,
                "differs": field.differs,
                "share_agrees": round(field.share_agrees, 4),
                "share_similar": round(field.share_similar, 4),
                "share_differs": round(field.share_differs, 4),
                "share_missing": round(field.share_missing, 4),
            }
            for field in agreement.fields()
        ],
        "map": {"a": a.map.as_dict(), "b": b.map.as_dict()},
        "ignored": {"a": dict(a.map.ignored), "b": dict(b.map.ignored)},
        "quality": {"a": a.report.to_json(), "b": b.report.to_json()},
    }
