"""Federations in which something goes wrong: made ready once, copied for every test, looked at from all sides."""

from __future__ import annotations

import shutil
import sqlite3
from collections.abc import Callable, Iterator, Mapping
from contextlib import closing, contextmanager
from pathlib import Path
from typing import Any, ClassVar

import pytest

from exchange_node.audit.entry import Entry
from exchange_node.audit.verify import verify_directory
from exchange_node.draft import RequestDraft
from exchange_node.errors import ExchangeError
from exchange_node.policy.bundle import open_bundle
from exchange_node.policy.embedded import EmbeddedEngine
from exchange_node.policy.policy import Policy
from exchange_node.store import engine
from exchange_node.wire.v1 import message_pb2 as pb
from tests.e2e.test_simulated_request import AGREEMENT, DRAFT, consent, found_pair, results
from tests.simulator import ANALYST, Simulator, Time

LANDLORD, HOSPITAL, UNIT = "northgate-homes", "castle-nhs", "neutral-linkage"
NODES = (LANDLORD, HOSPITAL, UNIT)
OPEN_AGREEMENT = AGREEMENT.replace("approval: provider", "approval: none")
RELEASED = {f"T{number}" for number in range(20)}


def ready_homes(folder: Path, made: Simulator | None = None) -> Simulator:
    """Homes of a landlord, a hospital and a linkage unit, with agreement, manifest and consents; closed."""
    made = made or Simulator(folder)
    found_pair(made, folder)
    made.agree(OPEN_AGREEMENT)
    consent(made, range(20))
    made.close()
    return made


def copy_of(homes: Simulator, folder: Path, kind: Callable[..., Any] = Simulator) -> Any:
    """A copy that is not open yet."""
    shutil.copytree(homes.folder, folder, dirs_exist_ok=True)
    return kind(folder, Time(homes.time.now), joins=dict(homes.joins), roots=homes.roots, number=homes.number)


def world_of(homes: Simulator, folder: Path) -> Simulator:
    """A copy whose nodes run."""
    world: Simulator = copy_of(homes, folder)
    for org in NODES:
        world.open(org)
    return world


class SharedEngine(EmbeddedEngine):
    """The engine, loaded once for all nodes of a process, which come and go."""

    _loaded: ClassVar[dict[bytes, SharedEngine]] = {}

    @classmethod
    def from_bundle(cls, bundle: bytes, approved: Mapping[str, int], now: int) -> SharedEngine:
        if bundle not in cls._loaded:
            cls._loaded[bundle] = cls(open_bundle(bundle, approved, now))
        return cls._loaded[bundle]

    def close(self) -> None:
        """Others may be using it."""


@contextmanager
def cheaply() -> Iterator[None]:
    """The policy module is loaded once, and nothing is synced: for tests in which no power fails."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("exchange_node.deciding.EmbeddedEngine", SharedEngine)
        patch.setattr(engine, "_PRAGMAS", (*engine._PRAGMAS, "PRAGMA synchronous=OFF"))
        patch.setattr("exchange_node.store.spool.os.fsync", lambda _: None)
        yield


# -- a request and what came of it


async def ask(world: Simulator, draft: RequestDraft = DRAFT) -> str:
    """Ask as the landlord's analyst."""
    return await world.network.exchanges[LANDLORD].ask(draft, ANALYST)


async def until_step(world: Simulator, request: str, org: str, step: int) -> None:
    """Run until a node has come to a step."""

    def reached() -> bool:
        leg = world.nodes[org].store.legs.get(request, HOSPITAL)
        return leg is not None and leg.step >= step

    await world.run(reached)


async def until_ended(world: Simulator, request: str) -> None:
    """Run until the request has ended at every node that knows it."""
    await world.run(lambda: world.ended(request))


async def rounds(world: Simulator, number: int) -> None:
    """Let some seconds pass."""
    end = world.time.now + number
    await world.run(lambda: world.time.now >= end)


async def is_served(world: Simulator, draft: RequestDraft = DRAFT) -> None:
    """The nodes are up: a request that nothing is wrong with ends in its table."""
    request = await ask(world, draft)
    await until_ended(world, request)
    assert world.state(LANDLORD, request) == "done", whereabouts(world, request)
    assert {key for key, value in results(world, request).items() if value == "high"} == RELEASED


def entries(world: Simulator, org: str, request: str = "") -> list[Entry]:
    """A node's log about a request, or about the node itself."""
    return [entry for _, entry in world.nodes[org].log.find(request)]


def logged_at_once(world: Simulator, error: ExchangeError) -> None:
    """A question that could not even be put to policy is in the log, under the id that its error names."""
    (entry,) = entries(world, LANDLORD, error.request_id)
    assert (entry.action, entry.facts, entry.commitments) == (
        "question.refused", {"allow": False, "reasons": [error.code]}, {},
    )  # fmt: skip


def end_of(world: Simulator, org: str, request: str) -> Mapping[str, Any]:
    """What a node's log says about how a request ended."""
    (end,) = [entry.facts for entry in entries(world, org, request) if entry.action == "keys.destroyed"]
    return end


def refused_calls(world: Simulator, org: str) -> set[tuple[str, str]]:
    """Peer and code of every call that a node's log says it refused."""
    return {(e.peer, str(e.facts["code"])) for e in entries(world, org) if e.action == "call.refused"}


def nothing_released(world: Simulator, request: str) -> None:
    """No table stands at the landlord, and the hospital gave no release away."""
    assert world.nodes[LANDLORD].store.results.list(request) == []
    given = world.nodes[HOSPITAL].store.messages.get(request, HOSPITAL, "sent", LANDLORD, "CollectRelease.reply")
    assert given is None or not pb.Message.FromString(pb.Signed.FromString(given.body).payload).HasField("release")


def nothing_left(world: Simulator) -> None:
    """Every log verifies; no key and no chunk is anywhere."""
    for org, node in world.nodes.items():
        verify_directory(world.home(org).audit, node.log._writer._signer.vkey)
        with node.store.database.read() as connection:
            assert connection.exec_driver_sql("SELECT count(*) FROM secrets").scalar() == 0, org
        assert not [path for path in world.home(org).spool.rglob("*") if path.is_file()], org


def whereabouts(world: Simulator, request: str) -> list[tuple[str, str, int, str, str]]:
    """How far every node has come with a request, and what stands in its way."""
    return [
        (org, world.state(org, request), leg.step, leg.last_error, str(leg.progress.get("reason", "")))
        for org, node in world.nodes.items()
        for leg in node.store.legs.list(request)
    ]


# -- a policy engine that fails when told to


class Failing:
    """A real engine in front of which something stands: it may raise, or answer something else."""

    def __init__(self, policy: Policy) -> None:
        self._engine = policy._engine
        self.asked: list[Mapping[str, Any]] = []
        self.trouble: Callable[[Mapping[str, Any]], object] | None = None
        self.name, self.version = self._engine.name, self._engine.version

    @property
    def bundle_digest(self) -> str:
        """As the engine's."""
        return self._engine.bundle_digest

    def evaluate(self, document: Mapping[str, Any]) -> object:
        """As the engine, unless there is trouble."""
        return self.answer(document) if self.trouble is None else self.trouble(document)

    def close(self) -> None:
        """As the engine."""
        self._engine.close()

    def answer(self, document: Mapping[str, Any]) -> object:
        """As the engine, trouble or not."""
        self.asked.append(document)
        return self._engine.evaluate(document)


def failing_engine(world: Simulator, org: str) -> Failing:
    """Put a `Failing` between a node and its engine."""
    made = Failing(world.nodes[org].policy)
    world.nodes[org].policy = Policy(made)
    return made


def count(home: Path, table: str) -> int:
    """Rows of a table of a closed node's database."""
    with closing(sqlite3.connect(home / "data" / "exchange.sqlite")) as database:
        return int(database.execute(f"SELECT count(*) FROM {table}").fetchone()[0])
