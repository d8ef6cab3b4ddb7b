"""One request as an agency with its own services would see it: its node decides by a real OPA server and keeps
everything in a real PostgreSQL; the others are as `exchange init` makes them. deploy/opa/README.md says how the
server is started, and the test starts it so.
"""

from __future__ import annotations

import shlex
import subprocess
import time
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager
from pathlib import Path

import grpc.aio
import pytest
import requests

from exchange_node.rpc.peers import GrpcPeers
from exchange_node.rpc.server import build_server, listen
from tests.e2e.test_simulated_request import AGREEMENT, DRAFT, consent, found_pair, results
from tests.simulator import ANALYST, Simulator, Time, free_ports
from tests.worlds import HOSPITAL, LANDLORD, end_of, entries, nothing_released

pytestmark = [pytest.mark.opa, pytest.mark.postgres]
ROOT = Path(__file__).parents[2]
GUIDE = ROOT / "deploy" / "opa" / "README.md"
BUNDLE = ROOT / "exchange_node" / "policy" / "bundle" / "policies-opa.tar.gz"
Server = tuple[subprocess.Popen[bytes], str]


def guided_command(opa: Path, port: int, folder: Path) -> list[str]:
    """The command of deploy/opa/README.md for this very machine, with this OPA, bundle and port."""
    _, _, rest = GUIDE.read_text(encoding="utf-8").partition("<!-- loopback -->")
    command = rest.split("```")[1].replace("\\\n", " ")
    config = (GUIDE.parent / "opa.yaml").read_text(encoding="utf-8")
    assert config.count("/srv/opa/policies-opa.tar.gz") == 1
    (folder / "opa.yaml").write_text(config.replace("/srv/opa/policies-opa.tar.gz", str(BUNDLE)))
    swaps = {
        "opa": str(opa),
        "127.0.0.1:8181": f"127.0.0.1:{port}",
        "/srv/opa/opa.yaml": str(folder / "opa.yaml"),
        "/srv/opa/authz.rego": str(GUIDE.parent / "authz.rego"),
    }
    words = shlex.split(command)
    assert swaps.keys() <= set(words), "deploy/opa/README.md has lost the command that is tested here"
    return [swaps.get(word, word) for word in words]


def is_well(url: str) -> bool:
    """Whether OPA serves, with its bundle."""
    try:
        return bool(requests.get(f"{url}/health?bundles", timeout=1).status_code == 200)
    except requests.ConnectionError:
        return False


@pytest.fixture
def opa_server(opa_binary: Path, tmp_path: Path) -> Iterator[Server]:
    """A running server and its URL; a test may end it."""
    (port,) = free_ports(1)
    url, end = f"http://127.0.0.1:{port}", time.monotonic() + 20
    with subprocess.Popen(guided_command(opa_binary, port, tmp_path), stderr=subprocess.DEVNULL) as process:
        try:
            while not is_well(url):
                assert process.poll() is None and time.monotonic() < end, "OPA did not start"
                time.sleep(0.02)
            yield process, url
        finally:
            process.terminate()


@pytest.fixture
def deployed(tmp_path: Path, postgres_url: str, opa_server: Server) -> Iterator[Simulator]:
    """A landlord and a linkage unit with the defaults; a hospital with PostgreSQL and OPA, set in its config.toml."""
    made = Simulator(tmp_path, time=Time(time.time()), ports=free_ports(3), connect=lambda node: GrpcPeers(node))
    found_pair(made, tmp_path)
    made.agree(AGREEMENT.replace("approval: provider", "approval: none"))
    made.kill(HOSPITAL)
    config = made.home(HOSPITAL).config_file
    text = config.read_text().replace('url = "" ', f'url = "{postgres_url}" ')
    config.write_text(text.replace('engine = "embedded" ', f'engine = "server"\nurl = "{opa_server[1]}" '))
    made.open(HOSPITAL)
    node = made.nodes[HOSPITAL]
    # Its database is new: it takes in what an officer and an administrator would give it again.
    node.federation.accept(made.publish(), int(made.time.now))
    made.agree(AGREEMENT.replace("approval: provider", "approval: none"))
    assert (node.store.database.engine.dialect.name, node.policy.engine.name) == ("postgresql", "opa-server")
    consent(made, range(20))
    yield made
    made.close()


@asynccontextmanager
async def serving(simulator: Simulator) -> AsyncIterator[None]:
    """Every node behind its own port, with mutual TLS."""
    servers: list[grpc.aio.Server] = []
    try:
        for org, node in simulator.nodes.items():
            server = build_server(simulator.network.exchanges[org])
            listen(server, node)
            await server.start()
            servers.append(server)
        yield
    finally:
        for node in simulator.nodes.values():
            await node.peers.close()
        for server in servers:
            await server.stop(0)


async def test_the_table_is_the_same_as_with_the_defaults(deployed: Simulator) -> None:
    """The default federation's table is asserted in test_over_grpc.py: twenty people, `high`, of forty rows."""
    async with serving(deployed):
        request = await deployed.network.exchanges[LANDLORD].ask(DRAFT, ANALYST)
        await deployed.run(lambda: deployed.ended(request))
    assert {org: deployed.state(org, request) for org in deployed.nodes} == dict.fromkeys(deployed.nodes, "done")
    table = results(deployed, request)
    assert table == {f"T{n}": "high" if n < 20 else "" for n in range(40)}


async def test_with_opa_stopped_in_the_middle_nothing_is_released(deployed: Simulator, opa_server: Server) -> None:
    """The request was accepted; now no decision about any person can be had, and no new question is accepted."""
    hospital, landlord = deployed.nodes[HOSPITAL], deployed.network.exchanges[LANDLORD]
    async with serving(deployed):
        begun = await landlord.ask(DRAFT, ANALYST)
        await deployed.run(lambda: any(leg.step >= 4 for leg in hospital.store.legs.list(begun)))
        opa_server[0].terminate()
        opa_server[0].wait(10)
        late = await landlord.ask(DRAFT, ANALYST)
        await deployed.run(lambda: deployed.ended(begun) and deployed.ended(late))
    assert end_of(deployed, HOSPITAL, begun)["reason"] == "policy.engine-unavailable"
    assert "people.encoded" not in [entry.action for entry in entries(deployed, HOSPITAL, begun)]
    assert deployed.state(LANDLORD, begun) in ("refused", "failed", "cancelled")
    assert deployed.state(LANDLORD, late) == deployed.state(HOSPITAL, late) == "refused"
    for org in (LANDLORD, HOSPITAL):
        assert end_of(deployed, org, late)["reason"] == "engine-unavailable"
    for request in (begun, late):
        nothing_released(deployed, request)
