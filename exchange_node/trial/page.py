"""The report of a trial as one HTML page that a browser opens without a network."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from html import escape
from typing import Any

from exchange_node.engine.decide import Estimate
from exchange_node.engine.rehearse import THRESHOLDS
from exchange_node.records.quality_page import quality_section
from exchange_node.records.register import Register
from exchange_node.trial.charts import Numbers, curves, histogram
from exchange_node.trial.worth import Agreement, FieldWorth, Pattern

_STYLE = """
body{font:16px/1.5 system-ui,sans-serif;max-width:60rem;margin:2rem auto;padding:0 1rem;color:#1b2733}
h1{font-size:1.6rem}h2{margin-top:2.2rem;border-bottom:1px solid #d5dbe1}table{border-collapse:collapse;margin:1rem 0}
td,th{padding:.3rem .7rem;border-bottom:1px solid #e3e8ed;text-align:left;vertical-align:top}
.figures{display:flex;flex-wrap:wrap;gap:1rem}.figures div{background:#f2f5f7;padding:.7rem 1rem;border-radius:.4rem}
.figures b{display:block;font-size:1.4rem}svg{width:100%;height:auto;font-size:12px}
.agrees{background:#d9f0e3}.similar{background:#fff3cf}.differs{background:#fbd9d5}.missing{color:#8894a0}
"""
_PAIRED = "Every row of the first file is paired with at most one of the second."
_ANY = "Every row is compared with the rows behind it."
_PEOPLE = (
    "<p>Groups are people: a row belongs to one if all its pairs with the others together speak for it, so that one "
    "false link does not make two people one.</p>"
)
_TERMS = (
    "<p><b>Precision</b> is the share of the links that are right, <b>recall</b> the share of the people in both files "
    "(of one file: of its doubles) that were found. Both are estimated from the files alone; in brackets is where the "
    "truth is expected in 95 of 100 trials. <b>Uncertain</b> are pairs with a probability of 10 to 90 %, or rows that "
    "belong to their group with less than 90 %: look at some by hand before you rely on single links.</p>"
)
_MANY = "Every row is compared with those of all files."


def page(
    registers: Sequence[Register],
    scores: Numbers,
    threshold: float,
    explained: Estimate,
    agreement: Agreement,
    document: Mapping[str, Any],
) -> str:
    """`scores` are those of all pairs that may be links. `document` is what `--json` prints; the figures at the top are
    taken from it.
    """
    names = [register.file.path.name for register in registers]
    fields = list(registers[0].columns)
    right = explained.linked * explained.precision()
    recall = right / max(float(explained.shared.mean()), 1.0)
    which = (_ANY, _PAIRED)[len(registers) - 1] if len(registers) < 3 else _MANY
    title = f"{', '.join(names[:-1])} and {names[-1]}" if len(names) > 1 else names[0]
    return "".join(
        (
            '<!doctype html><html lang="en"><meta charset="utf-8">'
            '<meta name="viewport" content="width=device-width,initial-scale=1">',
            f"<title>Linkage trial</title><style>{_STYLE}</style><h1>Linkage trial: {escape(title)}</h1>",
            _figures(document),
            _TERMS,
            "<h2>Where the line is drawn</h2>",
            f"<p>{which} To the right of the threshold a pair is a link. The threshold is where precision and recall "
            "are expected to be best together (the highest F1, their harmonic mean); nobody labelled anything.</p>",
            _PEOPLE if "groups" in document else "",
            histogram(scores, threshold),
            curves(THRESHOLDS, explained.precision(), recall, threshold),
            _comparisons(document),
            "<h2>What the fields are worth</h2>",
            _worth(agreement.fields()),
            "<h2>How links agree</h2>",
            "<p>Patterns, never values: the twelve commonest. Counts below 10 are not shown.",
            " They are of a sample of the links, multiplied.</p>" if agreement.of_links > 1 else "</p>",
            _patterns(fields, agreement.patterns(unsure=False)),
            "<h3>Links with a probability under 90 %</h3>",
            _patterns(fields, agreement.patterns(unsure=True)),
            "<h2>The files</h2>",
            *(quality_section(register.report, register.file.path.name) for register in registers),
            _how(document),
            "</html>",
        )
    )


def _figures(document: Mapping[str, Any]) -> str:
    rows = document["rows"] if "rows" in document else [document["rows_a"], document["rows_b"]]
    found = [
        ("links", f"{document['links']:,}"),
        ("rows", f"{', '.join(f'{count:,}' for count in rows[:-1])} and {rows[-1]:,}"),
    ]
    if document["links"]:
        found += [
            ("estimated precision", _interval(document["estimated_precision"], document["precision_interval"])),
            ("estimated recall", _interval(document["estimated_recall"], document["recall_interval"])),
        ]
    found.append(("uncertain rows" if "rows" in document else "uncertain pairs", f"{document['uncertain']:,}"))
    if "threshold_bp" in document:
        found.append(("threshold of an agreement", f"{document['threshold_bp']:,}"))
    if "groups" in document:
        found.insert(1, ("people with several rows", f"{document['groups']:,}"))
    if "f1" in document:
        found += [
            ("measured precision", f"{100 * document['precision']:.2f} %"),
            ("measured recall", f"{100 * document['recall']:.2f} %"),
            ("measured F1", f"{document['f1']:.4f}"),
        ]
    return '<div class="figures">' + "".join(f"<div>{escape(a)}<b>{escape(b)}</b></div>" for a, b in found) + "</div>"


def _comparisons(document: Mapping[str, Any]) -> str:
    """Of three files and more: what each two of them have in common."""
    rows = "".join(
        f"<tr><td>{escape(one['files'])}</td><td>{one['links']:,}</td><td>{one['threshold']:.2f}</td></tr>"
        for one in document.get("comparisons", ())
    )
    head = "<table><thead><tr><th>Files</th><th>Pairs above the threshold</th><th>Threshold</th></tr></thead><tbody>"
    return f"{head}{rows}</tbody></table>" if rows else ""


def _interval(value: float, interval: list[float]) -> str:
    return f"{100 * value:.1f} % ({100 * interval[0]:.1f} to {100 * interval[1]:.1f})"


def _worth(fields: list[FieldWorth]) -> str:
    rows = "".join(
        f"<tr><td>{escape(field.field)}</td><td>{times(field.agrees)}</td><td>{times(field.similar)}</td>"
        f"<td>{times(field.differs)}</td><td>{100 * field.share_agrees:.0f} %</td>"
        f"<td>{100 * field.share_similar:.0f} %</td><td>{100 * field.share_differs:.0f} %</td>"
        f"<td>{100 * field.share_missing:.0f} %</td></tr>"
        for field in fields
    )
    return (
        "<p>What each field alone does, on average, to the odds that two rows are one person. 100 times "
        "likelier makes odds of 1 to 1,000 odds of 1 to 10. The shares are those of the links.</p><table><thead><tr>"
        "<th>Field</th><th>if it agrees</th><th>if it is similar</th><th>if it differs</th><th>agrees in</th>"
        "<th>similar in</th><th>differs in</th><th>missing in</th></tr></thead><tbody>"
        f"{rows}</tbody></table>"
    )


def times(factor: float | None) -> str:
    """A factor on the odds in words."""
    if factor is None:
        return "not seen"
    if factor >= 1.05:
        return f"{_round(factor)} times likelier"
    return "no difference" if factor > 0.95 else f"{_round(1 / factor)} times less likely"


def _round(factor: float) -> str:
    if factor >= 1e6:
        return "over a million"
    return f"{factor:,.1f}" if factor < 10 else f"{float(f'{factor:.2g}'):,.0f}"


def _patterns(fields: list[str], patterns: list[Pattern]) -> str:
    if not patterns:
        return "<p>None.</p>"
    head = "".join(f"<th>{escape(field)}</th>" for field in fields)
    rows = "".join(
        "<tr>"
        + "".join(f'<td class="{state}">{state}</td>' for state in pattern.states)
        + f"<td>{pattern.links if pattern.links >= 10 else '&lt;10'}</td>"
        f"<td>{100 * pattern.probability:.0f} %</td></tr>"
        for pattern in patterns
    )
    return f"<table><thead><tr>{head}<th>Links</th><th>Probability</th></tr></thead><tbody>{rows}</tbody></table>"


def _how(document: Mapping[str, Any]) -> str:
    plan = document["plan"]
    what = (
        f"Rows that share one of {len(plan['keys'])} keys were compared ({document['compared']:,} pairs); some "
        f"{100 * plan['expected_loss']:.2f} % of the links may be missed by that."
        if plan["keys"]
        else f"Every row was compared with every other ({document['compared']:,} pairs)."
    )
    names = ("method", "schema", "encoder", "kernel")
    means = ", ".join(f"{name} {document[name]}" for name in names if name in document)
    return (
        f"<h2>How it was done</h2><p>{escape(what)} {document['seconds']:.0f} seconds, {document['peak_mb']:,.0f} MB, "
        f"{escape(means)}. Nothing left this machine.</p>"
    )
