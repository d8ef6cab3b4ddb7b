"""Everything that must hold of a request of a federation when all is over, whoever was killed when."""

from __future__ import annotations

from dataclasses import dataclass

from tests.e2e.test_simulated_request import results
from tests.simulator import Simulator
from tests.worlds import NODES, RELEASED, whereabouts


@dataclass(frozen=True)
class Story:
    """What all logs and stores say of one request, without what is drawn by chance."""

    entries: dict[str, list[tuple[str, str]]]
    messages: dict[str, list[tuple[str, str, str]]]


def told(world: Simulator, request: str) -> Story:
    """The story of a request that ended with its table, of which every message stands at both ends."""
    assert [world.state(org, request) for org in NODES] == ["done"] * 3, whereabouts(world, request)
    table = results(world, request)
    assert len(table) == 40
    assert {key for key, value in table.items() if value == "high"} == RELEASED
    entries = {
        org: sorted((e.id.replace(request, "R"), e.action) for _, e in node.log.find(request))
        for org, node in world.nodes.items()
    }
    said = {
        org: {(m.direction, m.peer, m.kind): m.digest for m in node.store.messages.list(request)}
        for org, node in world.nodes.items()
    }
    for org, messages in said.items():
        for (direction, peer, kind), digest in messages.items():
            mirrored = "received" if direction == "sent" else "sent"
            assert said[peer][mirrored, org, kind] == digest, f"{org} {direction} {kind}"
    return Story(entries, {org: sorted(messages) for org, messages in said.items()})


def same_story(told: Story, good: Story) -> None:
    """Nothing lost and nothing doubled, node by node."""
    for org in NODES:
        assert told.entries[org] == good.entries[org]
        assert told.messages[org] == good.messages[org]
