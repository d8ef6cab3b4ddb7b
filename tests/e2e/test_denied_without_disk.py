"""Denied when in doubt: disks that are full, and logs that cannot be written."""

from __future__ import annotations

import errno
import os
from collections.abc import Callable

import pytest

from exchange_node.errors import ExchangeError
from tests.e2e.test_simulated_request import results
from tests.simulator import Simulator
from tests.worlds import (
    HOSPITAL,
    LANDLORD,
    NODES,
    RELEASED,
    UNIT,
    ask,
    end_of,
    is_served,
    nothing_left,
    nothing_released,
    rounds,
    until_ended,
    until_step,
    whereabouts,
)


class Full:
    """A fault hook: a disk that has no room for some kind of write while it is on."""

    def __init__(self, what: str) -> None:
        self.what, self.on = what, False

    def __call__(self, name: str) -> None:
        if self.on and name.startswith(self.what):
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))


def set_full(world: Simulator, org: str, full: bool) -> None:
    """SQLite's own way to run out of room."""
    with world.nodes[org].store.database.read() as connection:
        pages = connection.exec_driver_sql("PRAGMA page_count").scalar() if full else 2**30
        connection.exec_driver_sql(f"PRAGMA max_page_count={pages}")


STEPS = [(LANDLORD, 2), (LANDLORD, 5), (HOSPITAL, 5), (HOSPITAL, 8), (UNIT, 5), (UNIT, 6)]


@pytest.mark.parametrize(("org", "step"), STEPS)
async def test_a_full_database(world: Simulator, org: str, step: int) -> None:
    request = await ask(world)
    await until_step(world, request, org, step)
    set_full(world, org, True)
    await rounds(world, 20)
    assert world.state(LANDLORD, request) == "open"
    assert world.nodes[LANDLORD].store.results.list(request) == []
    set_full(world, org, False)
    await until_ended(world, request)
    assert {key for key, value in results(world, request).items() if value == "high"} == RELEASED
    nothing_left(world)


async def test_a_full_database_lets_nothing_be_asked(world: Simulator) -> None:
    set_full(world, LANDLORD, True)
    with pytest.raises(ExchangeError) as error:
        for _ in range(20):  # the pages that are there may have room for one or two
            await ask(world)
    assert error.value.code == "store.cannot-write"
    assert world.network.calls == []
    set_full(world, LANDLORD, False)
    await is_served(world)


@pytest.mark.parametrize("org", NODES)
async def test_a_full_spool(world: Simulator, org: str) -> None:
    world.nodes[org].store.faults = full = Full("store.spool")
    full.on = True
    request = await ask(world)
    await rounds(world, 20)
    assert world.state(LANDLORD, request) == "open"
    stuck = {place[3] for place in whereabouts(world, request)}
    assert ("peer.unavailable" if org == UNIT else "store.cannot-write") in stuck
    nothing_released(world, request)
    full.on = False
    await until_ended(world, request)
    assert {key for key, value in results(world, request).items() if value == "high"} == RELEASED


async def test_a_disk_that_stays_full_ends_the_request_at_its_deadline(world: Simulator) -> None:
    world.nodes[UNIT].store.faults = full = Full("store.spool.put")
    full.on = True
    request = await ask(world)
    await until_step(world, request, LANDLORD, 5)
    await rounds(world, 5)
    world.time.now += 72 * 3600
    await until_ended(world, request)
    assert [world.state(org, request) for org in NODES] == ["expired"] * 3
    assert end_of(world, LANDLORD, request)["reason"] == "deadline"
    nothing_released(world, request)
    nothing_left(world)


@pytest.mark.parametrize(("org", "step"), [*STEPS, (LANDLORD, 3), (LANDLORD, 9), (HOSPITAL, 4), (UNIT, 7)])
async def test_a_log_that_cannot_be_written(world: Simulator, org: str, step: int) -> None:
    """What the log would have to record does not happen: no message goes out, no answer is given."""
    full = Full("audit.publish")
    reopen(world, org, full)
    request = await ask(world)
    await until_step(world, request, org, step)
    full.on = True
    said, size = len(world.network.calls), world.nodes[org].log.size()
    sent = {
        (m.direction, m.peer, m.kind) for m in world.nodes[org].store.messages.list(request) if m.direction == "sent"
    }
    await rounds(world, 20)
    assert world.state(LANDLORD, request) == "open"
    assert world.nodes[org].log.size() == size
    polls = {"CollectLinks", "CollectRelease"}  # questions without an effect, and so without an entry
    assert {call[2] for call in world.network.calls[said:] if call[0] == org} <= polls
    for peer in set(NODES) - {org}:
        theirs = world.nodes[peer].store.messages.list(request)
        assert {(m.peer, m.kind) for m in theirs if m.direction == "received" and m.peer == org} <= {
            (org, kind) for _, to, kind in sent if to == peer
        }
    full.on = False
    reopen(world, org)
    await until_ended(world, request)
    assert {key for key, value in results(world, request).items() if value == "high"} == RELEASED
    nothing_left(world)


async def test_a_log_that_stays_unwritable_ends_the_request(world: Simulator) -> None:
    full = Full("audit.publish")
    reopen(world, HOSPITAL, full)
    request = await ask(world)
    await until_step(world, request, HOSPITAL, 8)
    full.on = True
    await rounds(world, 80)
    nothing_released(world, request)
    assert [leg.step for leg in world.nodes[HOSPITAL].store.legs.list(request)] == [10]
    reopen(world, HOSPITAL)
    await until_ended(world, request)
    ended = end_of(world, HOSPITAL, request)
    assert (ended["outcome"], ended["reason"]) == ("failed", "audit.cannot-write")
    nothing_left(world)


def reopen(world: Simulator, org: str, faults: Callable[[str], None] | None = None) -> None:
    """Stop and start a node."""
    world.nodes[org].close()
    world.open(org, faults)
