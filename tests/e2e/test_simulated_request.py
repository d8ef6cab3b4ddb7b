"""One request from question to table, over a simulated network, everything else real."""

from __future__ import annotations

import asyncio
import json
import random
import threading
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import pytest

from exchange_node import people
from exchange_node.draft import validate_draft
from exchange_node.encoding.schema import WEIGHTED_SCHEMA
from exchange_node.linkage.encodings import Encodings
from exchange_node.linkage.link import LinkResult
from exchange_node.methods.clk_linkage_unit import ClkLinkageUnit
from exchange_node.policy.decision import Decision, Facts, Question
from exchange_node.store.model import Choice
from tests.simulator import ANALYST, Simulator, members

AGREEMENT = (Path(__file__).parents[2] / "deploy/examples/agreements/asthma-mould.yaml").read_text()
FORENAMES = ["Amara", "Bela", "Carys", "Dilip", "Eoin", "Farah", "Gwen", "Hamza", "Ines", "Jonah"]
SURNAMES = ["Ashdown", "Birkett", "Calloway", "Dunmore", "Eastwick", "Farrant", "Goodall", "Harbord"]
HOUSING = """
[records]
file = "people.csv"
format = "csv"
id_column = "ref"
fields = { forename = "first", surname = "last", date_of_birth = "born", postcode = "pc", sex = "sex" }
cohort = { damp = "boolean" }
"""
HEALTH = """
[records]
file = "people.csv"
format = "csv"
id_column = "ref"
fields = { forename = "first", surname = "last", date_of_birth = "born", postcode = "pc", sex = "sex" }
attributes = [
  { name = "repair_priority", type = "text", column = "code", sensitivity = "special" },
]
"""


def register(seed: int, people: int) -> list[tuple[str, ...]]:
    rng = random.Random(seed)
    rows: list[tuple[str, ...]] = []
    for number in range(people):
        born = f"{rng.randint(1, 28):02}/{rng.randint(1, 12):02}/{rng.randint(1940, 2015)}"
        rows.append(
            (
                str(number),
                rng.choice(FORENAMES),
                rng.choice(SURNAMES),
                born,
                f"AB{rng.randint(1, 9)} {rng.randint(1, 9)}CD",
                "F",
            )
        )
    return rows


@pytest.fixture
def simulator(tmp_path: Path) -> Iterator[Simulator]:
    made = Simulator(tmp_path)
    found_pair(made, tmp_path)
    made.agree(AGREEMENT.replace("approval: provider", "approval: none"))
    yield made
    made.close()


def found_pair(made: Simulator, tmp_path: Path) -> None:
    """A landlord and a hospital that know the same 120 people, and a linkage unit."""
    people = register(7, 120)
    for org, prefix, extra in (("northgate-homes", "T", "damp"), ("castle-nhs", "P", "code")):
        (tmp_path / org).mkdir()
        lines = [f"ref,first,last,born,pc,sex,{extra}"]
        for row in people:
            value = "yes" if extra == "damp" and int(row[0]) < 40 else "J45" if extra == "code" else "no"
            lines.append(",".join((prefix + row[0], *row[1:], value)))
        (tmp_path / org / "people.csv").write_text("\n".join(lines))
    wanted = members()
    wanted[0] = type(wanted[0])("northgate-homes", "housing", "Northgate Homes", HOUSING)
    wanted[1] = type(wanted[1])("castle-nhs", "health", "Castle NHS Trust", HEALTH)
    made.found(wanted)


def consent(simulator: Simulator, numbers: range) -> None:
    node = simulator.nodes["castle-nhs"]
    for number in numbers:
        node.store.choices.add(
            Choice(
                person=node.vault.person_ref(f"P{number}"),
                kind="consent",
                scope=("northgate-homes",),
                purposes=("damp-repair-prioritisation",),
                valid_from=1,
                valid_to=None,
                recorded_at=1,
                recorded_by="officer",
            )
        )


DRAFT = validate_draft(
    {
        "agreement": "asthma-mould",
        "purpose": "damp-repair-prioritisation",
        "providers": ["castle-nhs"],
        "attributes": {"castle-nhs": ["repair_priority"]},
        "cohort": {"condition": "damp = yes"},
    }
)


def results(simulator: Simulator, request: str) -> dict[str, str]:
    node = simulator.nodes["northgate-homes"]
    found = node.store.results.get(request, "castle-nhs")
    assert found is not None
    table = json.loads(node.vault.unwrap(f"results/{request}/castle-nhs", found.sealed))
    released = {place: cells[0] for place, cells in table["released"]}
    return {key: released.get(place, "") for place, key in enumerate(table["keys"])}


def test_a_question_becomes_a_table(simulator: Simulator) -> None:
    consent(simulator, range(20))

    async def ask() -> str:
        request = await simulator.network.exchanges["northgate-homes"].ask(DRAFT, ANALYST)
        await simulator.run(lambda: simulator.ended(request))
        return request

    request = asyncio.run(ask())
    states = {org: simulator.state(org, request) for org in simulator.nodes}
    assert states == dict.fromkeys(simulator.nodes, "done")
    table = results(simulator, request)
    assert len(table) == 40
    assert {key for key, value in table.items() if value == "high"} == {f"T{n}" for n in range(20)}


def test_weighted_clks_go_the_same_way(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """An agreement names another schema: the parties encode with it, and the unit compares as it says."""
    simulator = Simulator(tmp_path)
    found_pair(simulator, tmp_path)
    weighted = AGREEMENT.replace("schema: uk-person-1", f"schema: {WEIGHTED_SCHEMA}").replace("8600", "8000")
    simulator.agree(weighted.replace("approval: provider", "approval: none"))
    consent(simulator, range(20))
    compared: list[tuple[int, int, int]] = []
    link = ClkLinkageUnit.link

    def watched(method: ClkLinkageUnit, requester: Encodings, provider: Encodings, *more: Any) -> LinkResult:
        result = link(method, requester, provider, *more)
        compared.append((requester.bits, provider.bits, len(result)))
        return result

    monkeypatch.setattr(ClkLinkageUnit, "link", watched)

    async def ask() -> str:
        request = await simulator.network.exchanges["northgate-homes"].ask(DRAFT, ANALYST)
        await simulator.run(lambda: simulator.ended(request))
        return request

    try:
        request = asyncio.run(ask())
        table = results(simulator, request)
    finally:
        simulator.close()
    assert compared == [(2048, 2048, 20)]  # all who agreed
    assert {key for key, value in table.items() if value == "high"} == {f"T{n}" for n in range(20)}


def test_many_classes_of_facts_do_not_fill_the_memory(simulator: Simulator, monkeypatch: pytest.MonkeyPatch) -> None:
    """Policy's answers are forgotten when there are many, and asked for again; nobody else is admitted for it."""
    monkeypatch.setattr(people, "BATCH", 8)
    monkeypatch.setattr(people, "REMEMBERED", 1)
    consent(simulator, range(20))
    policy = simulator.nodes["castle-nhs"].policy
    admit, asked = policy.admit, list[int]()

    def counted(question: Question, classes: Sequence[Facts]) -> list[Decision]:
        asked.append(len(classes))
        return admit(question, classes)

    monkeypatch.setattr(policy, "admit", counted)

    async def ask() -> str:
        request = await simulator.network.exchanges["northgate-homes"].ask(DRAFT, ANALYST)
        await simulator.run(lambda: simulator.ended(request))
        return request

    table = results(simulator, asyncio.run(ask()))
    assert {key for key, value in table.items() if value == "high"} == {f"T{n}" for n in range(20)}
    assert len(asked) == 15  # batches of 120 people
    assert sum(asked) > 2  # two classes: consented and not


def test_nodes_that_are_closed_leave_no_thread(tmp_path: Path) -> None:
    before = set(threading.enumerate())
    made = Simulator(tmp_path)
    found_pair(made, tmp_path)
    assert set(threading.enumerate()) > before
    made.close()
    assert set(threading.enumerate()) <= before
