"""What other thresholds of the linkage would give on the demo's people: true and estimated precision, and recall.

    python -m demo.thresholds [--people 6000] [--seed 1]

No node, no policy: the very people whom the scenarios compare, encoded and linked by the project's own code.
"""

from __future__ import annotations

import argparse
import secrets
import sys
import tempfile
import tomllib
from collections.abc import Collection, Sequence
from pathlib import Path

from rich.console import Console

from demo import measure
from demo.narrate import Screen, percent
from demo.paperwork import shift, today
from demo.people import World, make_world
from demo.registers import AGENCIES
from demo.scenarios import asthma_mould, early_help
from demo.scenarios.scenario import Scenario
from exchange_node.encoding.encode import encode
from exchange_node.encoding.keys import KeyContext, LinkageKey, TokenKey, agree_key
from exchange_node.encoding.schema import load_schema
from exchange_node.encoding.tokens import Tokens
from exchange_node.linkage.encodings import Encodings
from exchange_node.linkage.link import link
from exchange_node.records.mapping import RecordsMapping
from exchange_node.records.report import ReadReport
from exchange_node.records.source import RecordFile

THRESHOLDS = (7200, 7600, 7800, 8000, 8200, 8400, 8600, 8800)
SCHEMA = load_schema()
MAX_ROWS = 1_000_000


def main(arguments: Sequence[str] | None = None) -> int:
    """Print one table for each pair of agencies that a scenario compares."""
    parser = argparse.ArgumentParser(prog="python -m demo.thresholds", description=__doc__)
    parser.add_argument("--people", type=int, default=6000)
    parser.add_argument("--seed", type=int, default=1)
    told = parser.parse_args(arguments)
    world, screen = make_world(told.seed, told.people), Screen(Console(highlight=False, markup=False))
    with tempfile.TemporaryDirectory() as folder:
        world.write(Path(folder))
        for scenario in (asthma_mould.SCENARIO, early_help.SCENARIO):
            for provider in scenario.question.providers:
                title = f"{scenario.name}: {scenario.question.requester} asks {provider}"
                columns = ("Threshold", "Links", "Precision", "Estimate", "Lower bound", "Recall")
                screen.table(columns, _figures(world, Path(folder), scenario, provider), title)
    return 0


def _figures(world: World, folder: Path, scenario: Scenario, provider: str) -> list[tuple[str, ...]]:
    asked, rules = scenario.question, scenario.rules
    column, _, value = asked.condition.partition(" = ")
    mine = AGENCIES[asked.requester].id_column
    cohort = {row[mine] for row in world.registers[asked.requester] if row[column] == value}
    ours = cohort - measure.kept_out(world.all_choices[asked.requester], rules)
    people = measure.people_of(world, provider)
    theirs = measure.agreed(world.all_choices[provider], rules, shift(), today())
    theirs -= measure.kept_out(world.all_choices[provider], rules)
    theirs = {local_id for local_id in theirs if not rules.excluded(people[local_id])}
    truth = world.true_pairs(asked.requester, provider, ours)
    wanted = {pair for pair in truth if pair[1] in theirs}
    key = agree_key(b"r" * 32, b"p" * 32, KeyContext(b"." * 32, asked.requester, provider, SCHEMA.digest))
    left, names = _encoded(world, folder, asked.requester, ours, key)
    right, theirs_by_token = _encoded(world, folder, provider, theirs, key)
    rows = []
    for threshold in THRESHOLDS:
        found = link(left, right, threshold, max_links=MAX_ROWS)
        pairs = {
            (names.get(found.left_tokens[i].tobytes(), ""), theirs_by_token.get(found.right_tokens[j].tobytes(), ""))
            for i, j in zip(found.left, found.right, strict=True)
        }
        good = len(pairs & wanted)
        shares = [good / max(1, len(pairs)), found.precision.estimate_bp / 10_000]
        shares += [found.precision.low_bp / 10_000, good / max(1, len(wanted))]
        rows.append((str(threshold), str(len(pairs)), *map(percent, shares)))
    return rows


def _encoded(
    world: World, folder: Path, org: str, ids: Collection[str], key: LinkageKey
) -> tuple[Encodings, dict[bytes, str]]:
    """Encodings of these people with padding, as a node makes them, and who stands behind each token."""
    mapping = RecordsMapping.parse(tomllib.loads(world.mapping(org))["records"])
    register = RecordFile(folder / org / mapping.file, mapping)
    chunks: list[bytes] = []
    token_key = TokenKey(secrets.token_bytes(32))
    records = (record for record in register.stream(ReadReport()) if record.local_id in ids)
    encoded = encode(
        records, SCHEMA, key, token_key, lambda _, chunk: chunks.append(chunk), count_mode="size-class"
    )  # fmt: skip
    encodings, tokens = Encodings.from_chunks(chunks, encoded.summary, MAX_ROWS), Tokens(token_key)
    return encodings, {tokens.of_record(local_id): local_id for local_id in ids}


if __name__ == "__main__":
    sys.exit(main())
