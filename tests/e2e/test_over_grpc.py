"""The same request over real gRPC with mutual TLS, each node on its own port."""

from __future__ import annotations

import time
from collections.abc import Iterator
from pathlib import Path

import grpc
import grpc.aio
import pytest

from exchange_node.rpc.peers import GrpcPeers
from exchange_node.rpc.server import build_server, listen
from tests.e2e.test_simulated_request import AGREEMENT, DRAFT, consent, found_pair, results
from tests.simulator import ANALYST, Simulator, Time, free_ports


@pytest.fixture
def simulator(tmp_path: Path) -> Iterator[Simulator]:
    made = Simulator(tmp_path, time=Time(time.time()), ports=free_ports(3), connect=lambda node: GrpcPeers(node))
    found_pair(made, tmp_path)
    made.agree(AGREEMENT.replace("approval: provider", "approval: none"))
    yield made
    made.close()


async def test_a_question_becomes_a_table_over_the_wire(simulator: Simulator) -> None:
    consent(simulator, range(20))
    servers: list[grpc.aio.Server] = []
    for org, node in simulator.nodes.items():
        server = build_server(simulator.network.exchanges[org])
        listen(server, node)
        await server.start()
        servers.append(server)
    request = await simulator.network.exchanges["northgate-homes"].ask(DRAFT, ANALYST)
    await simulator.run(lambda: simulator.ended(request))
    assert {org: simulator.state(org, request) for org in simulator.nodes} == dict.fromkeys(simulator.nodes, "done")
    released = {key for key, value in results(simulator, request).items() if value == "high"}
    assert released == {f"T{n}" for n in range(20)}
    for node in simulator.nodes.values():
        await node.peers.close()
    for server in servers:
        await server.stop(0)
