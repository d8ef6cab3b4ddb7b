"""A small invented federation whose desks the tests stand at; made once, since keys and engines take their time."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from exchange_node.desk.desk import Desk
from exchange_node.store.model import User
from tests.simulator import START, Member, Simulator, members

ROOT = Path(__file__).parents[3]
AGREEMENT = (ROOT / "deploy/examples/agreements/asthma-mould.yaml").read_text()
FIELDS = 'fields = { forename = "first", surname = "last", date_of_birth = "born", postcode = "pc", sex = "sex" }'
TABLE = f'\n[records]\nfile = "people.csv"\nformat = "csv"\nid_column = "ref"\n{FIELDS}\n'
HOUSING, HEALTH = "northgate-homes", "castle-nhs"
FORENAMES = ["Amara", "Bela", "Carys", "Dilip", "Eoin", "Farah", "Gwen", "Hamza"]
SURNAMES = ["Ashdown", "Birkett", "Calloway", "Dunmore", "Eastwick", "Farrant", "Goodall"]


def user(name: str, role: str) -> User:
    return User(name, role, "0" * 64, "1", 2**40, START)


ANN, BOB = user("ann", "analyst"), user("bob", "analyst")
OLGA, OMAR = user("olga", "officer"), user("omar", "officer")
ADA = user("ada", "administrator")


@dataclass
class Town:
    """The simulator and its desks."""

    simulator: Simulator
    desks: dict[str, Desk]

    def at(self, org: str, method: str, who: User, **body: Any) -> Any:
        """One call at a desk."""
        return asyncio.run(getattr(self.desks[org], method)(who, body))

    def collect(self, org: str, method: str, who: User, **body: Any) -> list[Any]:
        """All that a streaming call gives."""

        async def gather(found: AsyncIterator[Any]) -> list[Any]:
            return [item async for item in found]

        return asyncio.run(gather(getattr(self.desks[org], method)(who, body)))

    def run(self, until: Callable[[], bool]) -> None:
        """Let the nodes work until the condition holds."""
        asyncio.run(self.simulator.run(until))

    def wait(self, work: Awaitable[Any]) -> Any:
        async def run() -> Any:
            return await work

        return asyncio.run(run())

    def draft(self, **changes: Any) -> dict[str, Any]:
        """A question that the agreement allows."""
        return {
            "agreement": "asthma-mould",
            "purpose": "damp-repair-prioritisation",
            "providers": [HEALTH],
            "attributes": {HEALTH: ["repair_priority"]},
            "cohort": {"condition": "damp = yes"},
        } | changes

    def submit(self, who: User = ANN) -> str:
        """Ask, and have it reach the provider."""
        request: str = self.at(HOUSING, "submit_request", who, draft=self.draft())["request"]
        provider = self.simulator.nodes[HEALTH].store.legs
        self.run(lambda: provider.get(request, HEALTH) is not None)
        return request


def lines(prefix: str, extra: str) -> str:
    """Sixty people whom both know; the first twenty live in damp homes."""
    rows = [f"ref,first,last,born,pc,sex,{extra}"]
    for n in range(60):
        value = ("yes" if n < 20 else "no") if extra == "damp" else "J45"
        born = f"{n % 28 + 1:02}/{n % 12 + 1:02}/{1950 + n}"
        rows.append(f"{prefix}{n},{FORENAMES[n % 8]},{SURNAMES[n % 7]},{born},AB{n % 9 + 1} {n % 9 + 1}CD,F,{value}")
    return "\n".join(rows)


@pytest.fixture(scope="session")
def town(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Town]:
    """Shared: tests may add to it, and go by nothing that another has left there."""
    with founded(tmp_path_factory.mktemp("town")) as made:
        yield made


@pytest.fixture
def own_town(tmp_path: Path) -> Iterator[Town]:
    """For tests that cut a node off or take something away."""
    with founded(tmp_path) as made:
        yield made


@contextmanager
def founded(folder: Path) -> Iterator[Town]:
    """The town as it begins."""
    simulator = Simulator(folder)
    for org, prefix, extra in ((HOUSING, "T", "damp"), (HEALTH, "P", "code")):
        (folder / org).mkdir()
        (folder / org / "people.csv").write_text(lines(prefix, extra))
    priority = '{ name = "repair_priority", type = "text", column = "code", sensitivity = "special" }'
    wanted = members()
    wanted[0] = Member(HOUSING, "housing", "Northgate Homes", TABLE + 'cohort = { damp = "boolean" }\n')
    wanted[1] = Member(HEALTH, "health", "Castle NHS Trust", f"{TABLE}attributes = [{priority}]\n")
    simulator.found(wanted)
    simulator.agree(AGREEMENT.replace("approval: none", "approval: provider"))
    made = Town(simulator, {org: Desk(exchange) for org, exchange in simulator.network.exchanges.items()})
    said: dict[str, Any] = {"kind": "consent", "scope": [HOUSING], "purposes": ["damp-repair-prioritisation"]}
    rows = [{"local_id": f"P{n}", "valid_from": "2026-01-01", **said} for n in range(10)]
    opted_out = [{"local_id": f"P{n}", "kind": "opt-out"} for n in range(10, 15)]
    rows += [{"local_id": f"P{n}", "valid_from": "2026-01-01", **said} for n in range(10, 15)] + opted_out
    assert made.at(HEALTH, "add_choices", OMAR, rows=rows)["added"] == 20
    yield made
    simulator.close()


@pytest.fixture(scope="session", autouse=True)
def answered(town: Town) -> str:
    """A request of Ann's that was approved and has ended with results, before any test adds to the town."""
    request = town.submit()
    town.at(HEALTH, "approve_request", OMAR, request=request, decision="approve")
    town.run(lambda: town.simulator.ended(request))
    return request
