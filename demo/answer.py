"""The chapters after the question: what came, what was held back and why, who saw what, and whether it was right."""

from __future__ import annotations

import csv
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any, Final

import yaml

from demo import measure
from demo.agencies import LINKAGE_UNIT
from demo.federation import ANALYST, OFFICER, reader_of
from demo.narrate import percent
from demo.paperwork import shift, today
from demo.registers import AGENCIES as REGISTERS
from demo.story import Story
from exchange_node.methods.clk_linkage_unit import ClkLinkageUnit

Rows = dict[str, dict[str, str]]  # own id -> released values; "" for none

_SENTENCES: Final = Path(__file__).parents[1] / "policies" / "reasons" / "data.yaml"
_NEVER: Final = {
    "requester": "who else the provider knows; why a line is empty; whether an empty line matched; how alike two "
    "records were; any diagnosis, amount or note behind a released value",
    "provider": "the requester's own numbers for people and its notes; whom else the requester knows; what another "
    "provider was asked or answered",
    "linkage": "names, birth dates, postcodes, local numbers, the secret key; what the question is for; what is "
    "released about anyone",
    "network": "anything but that two nodes talk, and how much",
}


def show_results(story: Story) -> dict[str, Rows]:
    """Fetch the tables, by provider; counts and first rows on the screen."""
    asked, screen = story.question, story.screen
    screen.step(
        "The answer",
        "One line for every person asked about. An empty line says only that nothing was released: not known there, "
        "not matched and not allowed all look the same, so an empty line tells nothing about anybody.",
    )
    folder = story.folder / asked.requester / "results"
    words = ["request", "results", story.request, "--out"]
    screen.command(f"{ANALYST} at {asked.requester}", [*words, "results"])
    told = story.federation.at(asked.requester, ANALYST, *words, folder, "--json").document["results"]
    tables = {one["provider"]: _read_table(Path(one["files"][0])) for one in told}
    for provider, table in tables.items():
        _show_table(story, provider, table)
    screen.say(f"The tables (CSV, Parquet) and a page of provenance beside each lie in {story.shown(folder)}.")
    return tables


def _show_table(story: Story, provider: str, table: Rows) -> None:
    columns = story.question.attributes[provider]
    released = {own: row for own, row in table.items() if any(row.values())}
    first = [(own, *(row[name] for name in columns)) for own, row in sorted(released.items())[:4]]
    empty = [(own, *("" for _ in columns)) for own, row in sorted(table.items()) if own not in released][:1]
    story.screen.table(
        (REGISTERS[story.question.requester].id_column, *columns),
        first + empty,
        f"From {story.name(provider)}: {len(released):,} of {len(table):,} lines have a value, as the first of these",
    )
    values: dict[str, dict[str, int]] = {name: {} for name in columns}
    for row in released.values():
        for name in columns:
            told = row[name] or "nothing"
            values[name][told] = values[name].get(told, 0) + 1
    for name, tally in values.items():
        parts = ", ".join(f"{value} {number:,}" for value, number in sorted(tally.items()))
        story.screen.event(name, parts)
    counts = {"rows": len(table), "with_values": len(released), "values": values}
    story.summary.setdefault("released", {})[provider] = counts


def show_held_back(story: Story) -> None:
    """From each provider's own log, which alone has these counts: who was kept out, at which moment and why."""
    screen = story.screen
    screen.step(
        "What was held back, and why",
        "Each agency reads this in its own log with `exchange audit show`. No other agency sees these counts: in the "
        "log that others may check, they stand as seals, which only their owner can open.",
    )
    texts = yaml.safe_load(_SENTENCES.read_text(encoding="utf-8"))
    orgs = [story.question.requester, *story.question.providers]
    found = story.federation.each(lambda org: story_lines(story, org, export=story.folder / org / "story.json"), orgs)
    story.logs = dict(zip(orgs, found, strict=True))
    for org, lines in story.logs.items():
        screen.command(f"{OFFICER} at {org}", ["audit", "show", story.request])
        opened = {line["action"]: line["opened"] for line in lines}
        admitted = opened["people.encoded"]["admission"]
        rows = [
            ("people scrambled", f"{admitted['people_encoded']:,}", ""),
            (
                "rows sent to be compared",
                f"{admitted['encoded']:,}",
                "filled up with invented ones, so that the number hides",
            ),
        ]
        rows += [("left out before", f"{n:,}", _why(code, texts)) for code, n in _most(admitted["left_out"])]
        if org in story.question.providers:
            told = opened["release.sealed"]["story"]
            rows.append(("matched with the cohort", f"{told['linked']:,}", ""))
            rows.append(("released", f"{told['people_released']:,}", ""))
            rows.append(("matched, nothing released", f"{told['people_denied']:,}", ""))
            rows += [("values of theirs kept back", f"{n:,}", _why(code, texts)) for code, n in _most(told["reasons"])]
            facts = {name: told[name] for name in ("linked", "rows", "reasons", "precision_bp")}
            facts |= {"left_out": admitted["left_out"]}
            story.summary.setdefault("held_back", {})[org] = facts
        screen.table((f"In the log of {org}", "How many", "Why"), rows)


def story_lines(story: Story, org: str, action: str = "", export: Path | None = None) -> list[dict[str, Any]]:
    """What an agency's log says of the request, of one action or all; each line with its `action`.

    `export` also gets what the agency may show to others.
    """
    words: list[str | Path] = ["audit", "show", story.request, "--json"]
    if export is not None:
        words += ["--export", export]
    document = story.federation.at(org, reader_of(org), *words).document
    actions = {one["index"]: one["entry"]["action"] for one in document["entries"]}
    lines = [{**line, "action": actions[line["index"]]} for line in document["lines"]]
    return [line for line in lines if action in ("", line["action"])]


def _why(code: str, texts: Mapping[str, Mapping[str, str]]) -> str:
    found = texts.get(code)
    return f"{found['sentence']} ({found['statute']})" if found else code


def _most(tally: Mapping[str, int]) -> list[tuple[str, int]]:
    return sorted(tally.items(), key=lambda one: (-one[1], one[0]))


def show_who_saw_what(story: Story) -> None:
    """What each role learnt, in the linkage method's own words, and what it never learns."""
    story.screen.step(
        "Who could have seen what",
        "The method that compares states for each role what it gives away; this is its own text, weaknesses included.",
    )
    asked, leaks = story.question, ClkLinkageUnit.leaks
    providers = ", ".join(asked.providers)
    rows = [
        (
            f"{asked.requester} (asks)",
            f"from the linkage: {leaks['requester']}; from the release: the values above",
            _NEVER["requester"],
        ),
        (f"{providers} (asked)", leaks["provider"], _NEVER["provider"]),
        (f"{LINKAGE_UNIT} (compares)", leaks["linkage"], _NEVER["linkage"]),
        ("anyone on the network", "that two nodes talk", _NEVER["network"]),
    ]
    story.screen.table(("Who", "Learns", "Never learns"), rows)
    story.screen.say(
        "Plainly: the linkage unit is trusted not to attack the bits it compares, and not to conspire with one of the "
        "agencies. It runs no register, gets bits of a new key for each question, and deletes them; see SECURITY.md."
    )
    story.summary["roles"] = [row[0] for row in rows]


def show_quality(
    story: Story,
    tables: Mapping[str, Rows],
    expected: Callable[[str, str], dict[str, str]],
    absent: Sequence[str] = (),
) -> None:
    """Released rows against the truth. `expected(provider, local id)` is the row that a right answer has.

    `absent` are own ids of people whom something that happened meanwhile keeps out.
    """
    asked = story.question
    story.screen.step(
        "Was it right?",
        "The maker of these people knows who is who; no agency does. Precision: how many of the released lines are "
        "about the right person and have the right value. Recall: of all whom law, agreement and their own choice let "
        "through, how many were found.",
    )
    rows = []
    for provider, table in tables.items():
        known = len(story.world.true_pairs(asked.requester, provider, table))
        pairs = measure.allowed_pairs(
            story.world, asked.requester, provider, list(table), story.rules, shift(), today()
        )  # fmt: skip
        for own in absent:
            pairs.pop(own, None)
        found = measure.quality(table, pairs, known, {there: expected(provider, there) for there in pairs.values()})
        estimate = story.summary["held_back"][provider]["precision_bp"] / 10_000
        figures = (f"{found.known:,}", f"{found.allowed:,}", f"{found.released:,}", percent(found.precision))
        rows.append((story.name(provider), *figures, percent(estimate), percent(found.recall)))
        story.summary.setdefault("quality", {})[provider] = found.document() | {"estimated_precision": estimate}
    columns = ("Provider", "Truly known there", "May be released", "Released", "Precision", "Estimate of it", "Recall")
    story.screen.table(columns, rows)
    story.screen.say(
        "The estimate is what the provider goes by, since it cannot know the truth; below what the agreement asks, it "
        "would have released nothing."
    )


def _read_table(path: Path) -> Rows:
    with path.open(encoding="utf-8", newline="") as stream:
        return {row.pop("cohort_row"): row for row in csv.DictReader(stream)}
