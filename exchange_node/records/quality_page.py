"""The quality report as a piece of an HTML page: no scripts, no outside resources, everything escaped."""

from __future__ import annotations

from html import escape

from exchange_node.records.quality import Quality, shown
from exchange_node.records.quality_words import RULES, SKIPPED, SMALL

_BITS = (
    "<p>Bits say how well a field tells people apart: with 10 bits two strangers have the same value once in 1,000 "
    "times (2 to the power of 10), with 1 bit half of the time. Worth is bits times the share of rows that are filled. "
    f"Counts below {SMALL} are hidden, and shares taken as if they were 5.</p>"
)


def quality_section(found: Quality, heading: str) -> str:
    """A `<section class="quality">` with the heading, what to mend first, and a table of the fields."""
    parts = [f'<section class="quality"><h2>{escape(heading)}</h2>', _summary(found)]
    if found.mend:
        parts.append(f"<h3>What to mend first</h3>{_list(found.mend[:8], ordered=True)}")
    parts.append(_table(found))
    if found.ignored:
        rows = "".join(
            f"<tr><td>{escape(name)}</td><td>{escape(reason)}</td></tr>" for name, reason in found.ignored.items()
        )
        parts.append(
            "<details><summary>Columns that are not used</summary><table><thead><tr><th>Column</th><th>Why</th></tr>"
            f"</thead><tbody>{rows}</tbody></table></details>"
        )
    return "".join(parts) + "</section>"


def _summary(found: Quality) -> str:
    counts = [
        f"{found.rows:,} rows",
        f"{shown(found.duplicates)} repeat another in every field",
        f"{shown(found.alike)} repeat another in both names and date of birth",
        f"{shown(found.empty)} have nothing in any field",
    ]
    counts += [f"{shown(count)} could not be read: {SKIPPED.get(rule, rule)}" for rule, count in found.skipped.items()]
    counts += [text for _, text in found.lost]
    return f"<p>{escape(found.file)} ({escape(', '.join(found.notes))})</p>{_list(counts)}"


def _table(found: Quality) -> str:
    rows = []
    for field in found.fields:
        document = field.to_json()
        broken = [f"{shown(count)} {RULES.get(rule, rule)}" for rule, count in sorted(field.broken.items()) if count]
        percent = 100 * document["completeness"]
        rows.append(
            f"<tr><td>{escape(field.name)}</td><td>{escape(', '.join(field.columns))}</td>"
            f'<td><meter max="100" value="{percent:.1f}">{percent:.1f} %</meter> {percent:.1f} %</td>'
            f"<td>{100 * document['valid']:.1f} %</td><td>{_count(document['distinct'])}</td>"
            f"<td>{document['bits']}</td><td>{document['worth']}</td>"
            f"<td>{_list(broken) if broken else ''}</td></tr>"
        )
    heads = ("Field", "Columns", "Filled", "Valid", "Values", "Bits", "Worth", "Cells that")
    head = "".join(f"<th>{one}</th>" for one in heads)
    return f"<table><thead><tr>{head}</tr></thead><tbody>{''.join(rows)}</tbody></table>{_BITS}"


def _count(count: int | str) -> str:
    return escape(f"{count:,}" if isinstance(count, int) else count)


def _list(lines: list[str], ordered: bool = False) -> str:
    tag = "ol" if ordered else "ul"
    return f"<{tag}>{''.join(f'<li>{escape(line)}</li>' for line in lines)}</{tag}>"
