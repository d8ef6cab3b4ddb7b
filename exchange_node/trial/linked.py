"""What linking comes to, of one or two files, or of three and more: figures, and what writes them."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import numpy as np

from exchange_node.engine.decide import Decision, decide
from exchange_node.engine.dedupe import expected
from exchange_node.engine.link_many import link_many, people_of
from exchange_node.engine.plan import Planned
from exchange_node.engine.rehearse import THRESHOLDS
from exchange_node.records.column_map import SIDES
from exchange_node.records.register import Register
from exchange_node.trial import standing
from exchange_node.trial.files import write_groups, write_links, write_text
from exchange_node.trial.measure import Measured, measure, measure_doubles, measure_groups
from exchange_node.trial.methods import VECTORS, by_clks, by_vectors
from exchange_node.trial.options import Options, Watch
from exchange_node.trial.page import page
from exchange_node.trial.worth import Agreement, Linked


@dataclass(frozen=True, slots=True)
class Done:
    """What linking came to: its figures, and what writes them, with those of the whole trial, into a folder."""

    figures: dict[str, Any]
    write: Callable[[Path, dict[str, Any]], None]


def pairs(
    registers: Sequence[Register],
    ids: list[list[str]] | None,
    truth: list[list[str]] | None,
    options: Options,
    watch: Watch,
) -> Done:
    """Two files, or one against itself."""
    alone = len(registers) == 1
    links, more = (by_vectors if options.method == VECTORS else by_clks)(registers, options, watch)
    columns = [register.columns for register in registers]
    linked = Linked(links.left, links.right, links.probability, links.parties)
    agreement = Agreement(links.weights, [linked])
    kept = standing.begin(links, (columns[0], columns[-1]), ids, options.seed, options.kernel) if options.keep else None
    people, likely = people_of(links) if alone else (np.empty(0, np.int64), np.empty(0))
    decision = expected(links, people) if alone else links.decision
    figures: dict[str, Any] = {
        "runner": options.runner,
        "rows_a": registers[0].rows,
        "rows_b": registers[-1].rows,
        "links": len(links),
    }
    if alone:
        figures["groups"] = int(np.sum(np.bincount(people) > 1))
    figures |= {"threshold": round(decision.threshold, 4)} | more | _estimates([decision])
    figures |= {"uncertain": decision.uncertain, "compared": links.compared} | _how(links.planned, agreement)
    if truth is not None and alone:
        measured = measure_doubles(links, *truth)
        figures |= rounded(measured | {"pairs_f1": measured["f1"]} | measure_groups([people], truth))
    elif truth is not None:
        figures |= rounded(measure(links, *truth))

    def write(folder: Path, document: dict[str, Any]) -> None:
        write_links(folder / "links.csv", links.left, links.right, links.score, links.probability)
        if alone:
            write_groups(folder / "groups.csv", [people], [likely])
        if kept is not None:
            standing.write(folder / standing.NAME, kept)
        threshold, scores = links.decision.threshold, links.candidates.scores
        write_text(folder / "report.html", page(registers, scores, threshold, links.estimate, agreement, document))

    return Done(figures, write)


def groups(registers: Sequence[Register], truth: list[list[str]] | None, options: Options, watch: Watch) -> Done:
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
        figures |= rounded(measure_groups(found.groups, truth))

    def write(folder: Path, document: dict[str, Any]) -> None:
        write_groups(folder / "groups.csv", found.groups, found.probability)
        between = [one for one in found.comparisons if one.numbers[0] != one.numbers[1]]
        scores = np.concatenate([one.pairs.scores for one in between])
        write_text(
            folder / "report.html",
            page(registers, scores, decisions[0].threshold, found.estimates[0], agreement, document),
        )

    return Done(figures, write)


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
        "plan": {
            "pairs": plan.pairs,
            "expected_loss": round(plan.loss, 6),
            "expected_seconds": round(plan.seconds),
            "keys": list(plan.keys),
        },
        "fields": [asdict(field) for field in agreement.fields()],
    }


def rounded(found: Measured) -> dict[str, Any]:
    return {name: value if name == "true_pairs" else round(value, 6) for name, value in found.items()}
